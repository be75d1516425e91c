//! The worker: a child process in which files are scanned, and its parent's side.
//!
//! tree-sitter's parsers are C: some texts make one crash, some make one take gigabytes, some take it minutes. So all scanning is done by a child
//! that the system bounds in memory and that bounds itself in time. Each of its threads marks the file in hand in memory that the parent
//! shares; when the child dies, the parent knows which files it may have died of.
//!
//! The child knows jobs (`frame::Job`) and replies with batches in the order of the job, as few ahead as keeps its threads busy. It ends when its
//! input does.

mod child;
mod guard;
mod job;
mod marks;
mod parent;

use std::os::fd::RawFd;

pub use child::{Load, serve};
pub use marks::InHand;
pub use parent::{Broken, Worker};

/// More would only wait for the parent, which takes in some 100 MB/s.
const MOST_THREADS: usize = 16;

const TICK_MS: libc::c_int = 100;

/// Is there something to do on `pipe` (also: its end) within so long? No also when a signal came.
fn poll(pipe: RawFd, events: libc::c_short, milliseconds: libc::c_int) -> bool {
    let mut waited = libc::pollfd {
        fd: pipe,
        events,
        revents: 0,
    };
    // SAFETY: one valid entry.
    unsafe { libc::poll(&mut waited, 1, milliseconds) > 0 }
}
