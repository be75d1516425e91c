//! The worker itself: its threads, the model and the grammars, and what it replies.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::MOST_THREADS;
use super::guard::Guard;
use super::job::do_job;
use super::marks::Marks;
use crate::frame::{self, Job, Kind};
use crate::languages::Language;
use crate::static_model::Model;

/// What makes a language's grammar ready; may be asked for one language by several threads, one after the other.
pub type Load<'a> = &'a (dyn Fn(&'static Language) -> Result<(), String> + Sync);

/// Be the child: do the jobs that come on standard input until it ends. `marks` is the descriptor that the parent gave, `model` the folder of
/// the static model.
pub fn serve(marks: RawFd, model: &Path, load: Load) -> Result<(), String> {
    // SAFETY: the parent opened it for this child, and nothing else here knows of it.
    let shared = unsafe { OwnedFd::from_raw_fd(marks) };
    let marks = Marks::new(&shared).map_err(|e| e.to_string())?;
    let threads = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(MOST_THREADS);
    settle();
    let guard = Guard::new(&marks, threads);
    let opened = Opened {
        folder: model,
        model: OnceLock::new(),
    };
    let asked = Mutex::new(HashMap::new());
    let grammars = |language: &'static Language| -> Result<(), String> {
        let mut asked = lock(&asked);
        asked
            .entry(language.name.as_str())
            .or_insert_with(|| load(language))
            .clone()
    };
    std::thread::scope(|scope| {
        let (give, jobs) = channel();
        std::thread::Builder::new()
            .name("guard".into())
            .spawn_scoped(scope, || guard.watch(give))
            .map_err(|e| e.to_string())?;
        let early = std::thread::Builder::new()
            .name("model".into())
            .spawn_scoped(scope, || {
                let _ = opened.model(); // while the grammars are loaded; whoever needs it is told what is wrong with it
            });
        drop(early);
        marks.word(0).store(1, Ordering::Release);
        work(jobs, &guard, &opened, &grammars);
        Ok(())
    })
}

/// The model, read when it is first needed.
pub(super) struct Opened<'a> {
    folder: &'a Path,
    model: OnceLock<Result<Model, String>>,
}

impl Opened<'_> {
    pub(super) fn model(&self) -> Result<&Model, String> {
        self.model
            .get_or_init(|| Model::load(self.folder))
            .as_ref()
            .map_err(Clone::clone)
    }
}

/// A parser that asks for too much memory crashes; its core would be of no use to anybody. The parent decides about interrupts.
fn settle() {
    // SAFETY: plain calls with valid values.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_IGN);
        let none = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        libc::setrlimit(libc::RLIMIT_CORE, &none);
    }
}

fn work(jobs: Receiver<Job>, guard: &Guard, opened: &Opened, grammars: Load) {
    let mut replies = standard(1);
    for job in jobs {
        if let Err(why) = do_job(&job, guard, opened, grammars, &mut *replies) {
            reply(&mut *replies, Kind::Fault, why.as_bytes());
        }
        guard.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Standard input or output without a buffer: one that holds what `poll` then does not see, or writes by lines, would not do.
pub(super) fn standard(descriptor: RawFd) -> ManuallyDrop<File> {
    // SAFETY: it is open as long as the process lives, and never closed by this.
    ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) })
}

/// A parent that no longer reads has ended or will end us.
pub(super) fn reply(pipe: &mut impl Write, kind: Kind, body: &[u8]) {
    let written = pipe
        .write_all(&frame::head(kind, body))
        .and_then(|()| pipe.write_all(body))
        .and_then(|()| pipe.flush());
    if written.is_err() {
        leave(1);
    }
}

pub(super) fn leave(code: i32) -> ! {
    // SAFETY: ends the process at once, whatever its other threads are at.
    unsafe { libc::_exit(code) }
}

pub(super) fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
