//! What bounds a worker: its memory, and the processor time of each parser.

use std::io::Read;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc::Sender;

use super::child::{leave, standard};
use super::marks::{Marks, OVERTIME};
use super::{TICK_MS, poll};
use crate::frame::{self, HEAD, Job};

/// Of processor time, for one text; `parse` gives up by itself earlier than this wherever it can.
const PROCESSOR_NS: i64 = 6_000_000_000;
/// The memory of a child that scans one file at a time, and what each further thread adds.
const ADDRESS_BYTES: u64 = 1 << 30;
const ADDRESS_BYTES_A_THREAD: u64 = 1 << 29;

/// What the process may take of memory. It depends on how many files may be in hand, so that one file's share does not depend on the machine.
pub(super) struct Memory {
    /// The limit as it was: somebody may have set a lower one.
    found: Option<libc::rlimit>,
}

impl Memory {
    fn new() -> Memory {
        let mut found = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: a plain call with a valid place.
        let failed = unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut found) };
        Memory {
            found: (failed == 0).then_some(found),
        }
    }

    pub(super) fn bound(&self, files: usize) {
        let Some(found) = self.found else { return };
        let most = ADDRESS_BYTES + ADDRESS_BYTES_A_THREAD * (files as u64 - 1);
        let limit = libc::rlimit {
            rlim_cur: found.rlim_cur.min(most as libc::rlim_t),
            rlim_max: found.rlim_max, // so that it can be raised again
        };
        // SAFETY: a plain call with a valid value.
        unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) };
    }
}

/// Reads the requests, ends the process with its input, and watches the time of the parsers.
pub(super) struct Guard<'a> {
    pub(super) marks: &'a Marks,
    pub(super) clocks: Vec<Clock>,
    pub(super) memory: Memory,
    /// Jobs that were read and are not done: 0 or 1, and for a moment 2.
    pub(super) busy: AtomicUsize,
}

impl<'a> Guard<'a> {
    pub(super) fn new(marks: &'a Marks, threads: usize) -> Guard<'a> {
        Guard {
            marks,
            clocks: (0..threads).map(|_| Clock::default()).collect(),
            memory: Memory::new(),
            busy: AtomicUsize::new(0),
        }
    }

    pub(super) fn watch(&self, give: Sender<Job>) {
        let mut requests = standard(0);
        loop {
            let wait = if self.busy.load(Ordering::Acquire) > 0 {
                TICK_MS
            } else {
                -1
            };
            if poll(requests.as_raw_fd(), libc::POLLIN, wait) {
                let Ok(job) = read_job(&mut *requests) else {
                    leave(0)
                };
                self.busy.fetch_add(1, Ordering::AcqRel);
                if give.send(job).is_err() {
                    leave(1);
                }
            }
            for (thread, clock) in self.clocks.iter().enumerate() {
                if clock.is_over() {
                    self.marks
                        .word(thread + 1)
                        .fetch_or(OVERTIME, Ordering::AcqRel);
                    leave(1);
                }
            }
        }
    }
}

fn read_job(requests: &mut impl Read) -> Result<Job, String> {
    let mut head = [0; HEAD];
    requests.read_exact(&mut head).map_err(|e| e.to_string())?;
    let (size, crc, _) = frame::read_head(&head)?;
    let mut body = vec![0; size];
    requests.read_exact(&mut body).map_err(|e| e.to_string())?;
    if crc32fast::hash(&body) == crc {
        Job::read(&body)
    } else {
        Err("a damaged request".to_owned())
    }
}

/// The processor time that one thread has spent in a parser.
#[derive(Default)]
pub(super) struct Clock {
    /// The system's name of the thread's clock (above `NAMES_FROM`); 0: no thread.
    id: AtomicI64,
    /// What it showed when the parser began; 0: no parser is at work.
    since: AtomicI64,
}

impl Clock {
    pub(super) fn begin(&self) {
        #[cfg(target_os = "linux")]
        {
            let mut id: libc::clockid_t = 0;
            // SAFETY: the thread asks for its own clock, into a place of its own.
            let failed = unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &mut id) };
            if failed == 0 {
                self.id.store(i64::from(id) + NAMES_FROM, Ordering::Release);
            }
        }
        #[cfg(not(target_os = "linux"))]
        self.id.store(
            i64::from(libc::CLOCK_MONOTONIC) + NAMES_FROM,
            Ordering::Release,
        ); // no clock of a thread that others can read
    }

    pub(super) fn end(&self) {
        self.id.store(0, Ordering::Release);
    }

    pub(super) fn start(&self) {
        self.since
            .store(self.now().map_or(0, |now| now.max(1)), Ordering::Release);
    }

    pub(super) fn stop(&self) {
        self.since.store(0, Ordering::Release);
    }

    fn is_over(&self) -> bool {
        let since = self.since.load(Ordering::Acquire);
        let limit = if cfg!(target_os = "linux") {
            PROCESSOR_NS
        } else {
            4 * PROCESSOR_NS
        };
        since != 0
            && self.now().is_some_and(|now| {
                now - since > limit && self.since.load(Ordering::Acquire) == since
            })
    }

    fn now(&self) -> Option<i64> {
        let id = self.id.load(Ordering::Acquire);
        if id == 0 {
            return None;
        }
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: a clock that has gone is refused.
        let failed =
            unsafe { libc::clock_gettime((id - NAMES_FROM) as libc::clockid_t, &mut time) };
        (failed == 0).then(|| time.tv_sec * 1_000_000_000 + time.tv_nsec)
    }
}

/// Clocks of threads have negative names; this makes them positive, so that 0 is none.
const NAMES_FROM: i64 = 1 << 33;
