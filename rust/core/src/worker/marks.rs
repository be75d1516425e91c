//! Memory that a worker and its parent share: which files the worker has in hand.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::AtomicU64;

use super::MOST_THREADS;

/// Memory that both processes see: whether the child has begun, and for each thread the file in hand.
pub(super) struct Marks {
    map: memmap2::MmapRaw,
}

const MARKS_BYTES: usize = 8 * (1 + MOST_THREADS);
pub(super) const IN_HAND: u64 = 1 << 63;
pub(super) const PARSING: u64 = 1 << 62;
pub(super) const OVERTIME: u64 = 1 << 61;

impl Marks {
    pub(super) fn new(file: &impl AsRawFd) -> io::Result<Marks> {
        let map = memmap2::MmapOptions::new()
            .len(MARKS_BYTES)
            .map_raw(file.as_raw_fd())?;
        Ok(Marks { map })
    }

    /// 0 is the word that says whether the child has begun, the threads have 1 and on.
    pub(super) fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at <= MOST_THREADS);
        // SAFETY: the map is MARKS_BYTES long, begins at a page and lives as long as `self`; both processes touch it by atomic words only.
        unsafe { AtomicU64::from_ptr(self.map.as_mut_ptr().cast::<u64>().add(at)) }
    }
}

/// A file that a thread of the child had in hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InHand {
    /// Its place in the job.
    pub file: usize,
    pub parsing: bool,
    /// Its parser ran over its time, and the child ended itself for that.
    pub overtime: bool,
}

/// A file without a name, open in children too.
pub(super) fn shared_memory() -> io::Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    // SAFETY: a constant name; the descriptor that comes back is nobody else's.
    let file = unsafe {
        let descriptor = libc::memfd_create(c"groma".as_ptr(), 0);
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        File::from_raw_fd(descriptor)
    };
    #[cfg(not(target_os = "linux"))]
    // SAFETY: the template is a writable string; the descriptor that comes back is nobody else's.
    let file = unsafe {
        let mut template = std::env::temp_dir()
            .join("groma-XXXXXX")
            .into_os_string()
            .into_encoded_bytes();
        template.push(0);
        let descriptor = libc::mkstemp(template.as_mut_ptr().cast());
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        libc::unlink(template.as_ptr().cast());
        libc::fcntl(descriptor, libc::F_SETFD, 0);
        File::from_raw_fd(descriptor)
    };
    file.set_len(MARKS_BYTES as u64)?;
    Ok(file.into())
}
