//! One job: its files taken by whichever thread is free, and handed over in their order.

use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Condvar, Mutex, PoisonError};

use super::child::{Load, Opened, lock, reply};
use super::guard::Guard;
use super::marks::{IN_HAND, PARSING};
use crate::frame::{Columns, Job, Kind};
use crate::scan::{ALONE, BATCH_BYTES, BATCH_FILES, Scanned, Scanner, Task};

/// As the main thread of a process has it: parsers were written for that.
const STACK_BYTES: usize = 8 << 20;
/// What the threads may be ahead of the batch that is being written.
const AHEAD_FILES: usize = 2 * BATCH_FILES;
const AHEAD_BYTES: usize = 2 * BATCH_BYTES;

/// How far a job is. Files are taken in order by whichever thread is free, and handed over in order.
struct State {
    next: usize,
    in_hand: usize,
    /// One file is in hand that wants to be alone.
    alone: bool,
    /// What is handed over.
    written: usize,
    done: BTreeMap<usize, Result<Scanned, String>>,
    done_bytes: usize,
    stopped: bool,
}

pub(super) fn do_job(
    job: &Job,
    guard: &Guard,
    opened: &Opened,
    grammars: Load,
    replies: &mut impl Write,
) -> Result<(), String> {
    let task = Task::new(job)?;
    let threads = guard.clocks.len().min(task.len()).max(1);
    guard.memory.bound(threads);
    let state = Mutex::new(State {
        next: 0,
        in_hand: 0,
        alone: false,
        written: 0,
        done: BTreeMap::new(),
        done_bytes: 0,
        stopped: false,
    });
    let changed = Condvar::new();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (task, state, changed) = (&task, &state, &changed);
            let run = move || {
                guard.clocks[thread].begin();
                files(task, opened, grammars, guard, thread, state, changed);
                guard.clocks[thread].end();
            };
            let name = format!("scan {thread}");
            match std::thread::Builder::new()
                .name(name)
                .stack_size(STACK_BYTES)
                .spawn_scoped(scope, run)
            {
                Err(e) if thread == 0 => return Err(format!("no thread can be started: {e}")),
                Err(_) => break, // there are some
                Ok(_) => {}
            }
        }
        let written = batches(&task, &state, &changed, replies);
        lock(&state).stopped = true;
        changed.notify_all();
        written
    })
}

/// One thread: take files and scan them until none is left.
fn files(
    task: &Task,
    opened: &Opened,
    grammars: Load,
    guard: &Guard,
    thread: usize,
    state: &Mutex<State>,
    changed: &Condvar,
) {
    let mark = guard.marks.word(thread + 1);
    let clock = &guard.clocks[thread];
    loop {
        let file = {
            let mut now = lock(state);
            loop {
                if now.stopped || now.next == task.len() {
                    return;
                }
                let is_ahead = now.next - now.written >= AHEAD_FILES
                    || (now.done_bytes >= AHEAD_BYTES && now.next > now.written);
                let is_suspect = task.flags[now.next] & ALONE != 0;
                if !(is_ahead || now.alone || (is_suspect && now.in_hand > 0)) {
                    if is_suspect {
                        now.alone = true;
                        guard.memory.bound(1);
                    }
                    break;
                }
                now = changed.wait(now).unwrap_or_else(PoisonError::into_inner);
            }
            now.next += 1;
            now.in_hand += 1;
            now.next - 1
        };
        mark.store(IN_HAND | file as u64, Ordering::Release);
        let parsing = |begins: bool| {
            if begins {
                mark.fetch_or(PARSING, Ordering::AcqRel);
                clock.start();
            } else {
                clock.stop();
                mark.fetch_and(!PARSING, Ordering::AcqRel);
            }
        };
        let scan = || -> Result<Scanned, String> {
            let scanner = Scanner {
                model: opened.model()?,
                grammars,
            };
            task.scan(&scanner, file, &parsing)
        };
        let scanned = catch_unwind(AssertUnwindSafe(scan)).unwrap_or_else(|panic| {
            let why = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            Err(format!("{}: {}", task.name(file), why.unwrap_or_default()))
        });
        mark.store(0, Ordering::Release);
        let mut now = lock(state);
        now.in_hand -= 1;
        if std::mem::take(&mut now.alone) {
            guard.memory.bound(guard.clocks.len().min(task.len()));
        }
        now.done_bytes += scanned.as_ref().map_or(0, |scanned| scanned.bytes);
        now.done.insert(file, scanned);
        drop(now);
        changed.notify_all();
    }
}

/// Hand over what is done, in order and in batches; contents that were given come back as one.
fn batches(
    task: &Task,
    state: &Mutex<State>,
    changed: &Condvar,
    replies: &mut impl Write,
) -> Result<(), String> {
    let mut batch = Columns::default();
    let (mut files, mut bytes) = (0, 0);
    for file in 0..task.len() {
        let scanned = {
            let mut now = lock(state);
            loop {
                if let Some(scanned) = now.done.remove(&file) {
                    now.written = file + 1;
                    now.done_bytes -= scanned.as_ref().map_or(0, |scanned| scanned.bytes);
                    break scanned;
                }
                now = changed.wait(now).unwrap_or_else(PoisonError::into_inner);
            }
        }?;
        changed.notify_all();
        batch.append(scanned.columns);
        files += 1;
        bytes += scanned.bytes;
        let is_full = task.reads_files() && (bytes >= BATCH_BYTES || files >= BATCH_FILES);
        if is_full || file + 1 == task.len() {
            reply(replies, Kind::Batch, &std::mem::take(&mut batch).write());
            (files, bytes) = (0, 0);
        }
    }
    Ok(())
}
