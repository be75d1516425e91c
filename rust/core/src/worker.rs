//! The worker: a child process in which files are scanned, and its parent's side.
//!
//! tree-sitter's parsers are C: some texts make one crash, some make one take gigabytes, some take it minutes. So all scanning is done by a child
//! that the system bounds in memory and that bounds itself in time. Each of its threads marks the file in hand in memory that the parent
//! shares; when the child dies, the parent knows which files it may have died of.
//!
//! The child knows jobs (`frame::Job`) and replies with batches in the order of the job, as few ahead as keeps its threads busy. It ends when its
//! input does.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Write};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::frame::{self, Columns, HEAD, Job, Kind};
use crate::languages::Language;
use crate::scan::{ALONE, BATCH_BYTES, BATCH_FILES, Scanned, Scanner, Task};
use crate::static_model::Model;

/// Of processor time, for one text; `parse` gives up by itself earlier than this wherever it can.
const PROCESSOR_NS: i64 = 6_000_000_000;
/// The memory of a child that scans one file at a time, and what each further thread adds.
const ADDRESS_BYTES: u64 = 1 << 30;
const ADDRESS_BYTES_A_THREAD: u64 = 1 << 29;
/// More would only wait for the parent, which takes in some 100 MB/s.
const MOST_THREADS: usize = 16;
/// As the main thread of a process has it: parsers were written for that.
const STACK_BYTES: usize = 8 << 20;
/// What the threads may be ahead of the batch that is being written.
const AHEAD_FILES: usize = 2 * BATCH_FILES;
const AHEAD_BYTES: usize = 2 * BATCH_BYTES;
const PIPE_BYTES: libc::c_int = 1 << 20;
const TICK_MS: libc::c_int = 100;

// ------------------------------------------------------------------------------------------------------------------------- the marks

/// Memory that both processes see: whether the child has begun, and for each thread the file in hand.
struct Marks {
    map: memmap2::MmapRaw,
}

const MARKS_BYTES: usize = 8 * (1 + MOST_THREADS);
const IN_HAND: u64 = 1 << 63;
const PARSING: u64 = 1 << 62;
const OVERTIME: u64 = 1 << 61;

impl Marks {
    fn new(file: &impl AsRawFd) -> io::Result<Marks> {
        let map = memmap2::MmapOptions::new()
            .len(MARKS_BYTES)
            .map_raw(file.as_raw_fd())?;
        Ok(Marks { map })
    }

    /// 0 is the word that says whether the child has begun, the threads have 1 and on.
    fn word(&self, at: usize) -> &AtomicU64 {
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

// ------------------------------------------------------------------------------------------------------------------------ the parent

/// A child as its parent holds it.
pub struct Worker {
    child: Child,
    requests: Option<ChildStdin>,
    replies: ChildStdout,
    marks: Marks,
    owner: u32,
    ended: Option<i32>,
}

/// Why a reply or request did not get through.
pub enum Broken<E> {
    /// The child has died, or will never reply.
    Child,
    /// The caller was interrupted.
    Caller(E),
}

impl Worker {
    /// Start `command`, which shall call `serve` with the descriptor that is appended to its arguments.
    pub fn start(command: &[String]) -> io::Result<Worker> {
        let (program, arguments) = command
            .split_first()
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let shared = shared_memory()?;
        let marks = Marks::new(&shared)?;
        let mut child = Command::new(program)
            .args(arguments)
            .arg(shared.as_raw_fd().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(requests), Some(replies)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe));
        };
        widen(requests.as_raw_fd());
        widen(replies.as_raw_fd());
        // SAFETY: the descriptor is ours; only its flags are set. Writing to a full pipe must not block: the caller may be interrupted.
        unsafe {
            let flags = libc::fcntl(requests.as_raw_fd(), libc::F_GETFL);
            libc::fcntl(
                requests.as_raw_fd(),
                libc::F_SETFL,
                flags | libc::O_NONBLOCK,
            );
        }
        Ok(Worker {
            child,
            requests: Some(requests),
            replies,
            marks,
            owner: std::process::id(),
            ended: None,
        })
    }

    /// `check` is asked now and then whether to go on.
    pub fn send<E>(
        &mut self,
        job: &Job,
        check: &mut dyn FnMut() -> Result<(), E>,
    ) -> Result<(), Broken<E>> {
        let body = job.write();
        let head = frame::head(Kind::Job, &body);
        for mut rest in [&head[..], &body[..]] {
            while !rest.is_empty() {
                let Some(pipe) = self.requests.as_mut() else {
                    return Err(Broken::Child);
                };
                wait_for(pipe.as_raw_fd(), libc::POLLOUT, check)?;
                match pipe.write(rest) {
                    Ok(n) => rest = &rest[n..],
                    Err(e)
                        if matches!(
                            e.kind(),
                            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                        ) => {}
                    Err(_) => return Err(Broken::Child),
                }
            }
        }
        Ok(())
    }

    /// The next reply.
    pub fn receive<E>(
        &mut self,
        check: &mut dyn FnMut() -> Result<(), E>,
    ) -> Result<Result<Columns, String>, Broken<E>> {
        let mut head = [0; HEAD];
        self.fill(&mut head, check)?;
        let (size, crc, kind) = frame::read_head(&head).map_err(|_| Broken::Child)?;
        let mut body = Vec::new();
        body.try_reserve_exact(size).map_err(|_| Broken::Child)?;
        body.resize(size, 0);
        self.fill(&mut body, check)?;
        if crc32fast::hash(&body) != crc {
            return Err(Broken::Child);
        }
        match kind {
            Kind::Batch => Ok(Ok(Columns::read(&body).map_err(|_| Broken::Child)?)),
            Kind::Fault => Ok(Err(String::from_utf8_lossy(&body).into_owned())),
            Kind::Job => Err(Broken::Child),
        }
    }

    fn fill<E>(
        &mut self,
        mut rest: &mut [u8],
        check: &mut dyn FnMut() -> Result<(), E>,
    ) -> Result<(), Broken<E>> {
        while !rest.is_empty() {
            wait_for(self.replies.as_raw_fd(), libc::POLLIN, check)?;
            match self.replies.read(rest) {
                Ok(0) => return Err(Broken::Child),
                Ok(n) => rest = &mut rest[n..],
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Broken::Child),
            }
        }
        Ok(())
    }

    /// Has the child come so far that it serves?
    pub fn begun(&self) -> bool {
        self.marks.word(0).load(Ordering::Acquire) != 0
    }

    /// The files in hand. Certain only after `end`.
    pub fn in_hand(&self) -> Vec<InHand> {
        let words =
            (1..=MOST_THREADS).map(|thread| self.marks.word(thread).load(Ordering::Acquire));
        words
            .filter(|word| word & IN_HAND != 0)
            .map(|word| InHand {
                file: (word & 0xFFFF_FFFF) as usize,
                parsing: word & PARSING != 0,
                overtime: word & OVERTIME != 0,
            })
            .collect()
    }

    pub fn is_alive(&mut self) -> bool {
        self.ended.is_none() && matches!(self.child.try_wait(), Ok(None))
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kill the child, if it has not ended by itself; what it ended with (negative: the signal).
    pub fn end(&mut self) -> i32 {
        if let Some(code) = self.ended {
            return code;
        }
        let _ = self.child.kill(); // fails for one that has ended, whose code is what it ended with
        self.requests = None;
        let code = self.child.wait().map_or(-1, |status| {
            status
                .code()
                .unwrap_or_else(|| -status.signal().unwrap_or(1))
        });
        self.ended = Some(code);
        code
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.owner == std::process::id() {
            self.end(); // a fork of the parent must not end the parent's child
        }
    }
}

/// A file without a name, open in children too.
fn shared_memory() -> io::Result<OwnedFd> {
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

/// A wider pipe spares both sides changes of turn; where the system refuses it, it stays as it is.
fn widen(pipe: RawFd) {
    #[cfg(target_os = "linux")]
    // SAFETY: a plain call on a descriptor that is open.
    unsafe {
        libc::fcntl(pipe, libc::F_SETPIPE_SZ, PIPE_BYTES);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (pipe, PIPE_BYTES);
}

fn wait_for<E>(
    pipe: RawFd,
    events: libc::c_short,
    check: &mut dyn FnMut() -> Result<(), E>,
) -> Result<(), Broken<E>> {
    loop {
        if poll(pipe, events, TICK_MS) {
            return Ok(());
        }
        check().map_err(Broken::Caller)?;
    }
}

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

// ------------------------------------------------------------------------------------------------------------------------- the child

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
    let guard = Guard {
        marks: &marks,
        clocks: (0..threads).map(|_| Clock::default()).collect(),
        memory: Memory::new(),
        busy: AtomicUsize::new(0),
    };
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
struct Opened<'a> {
    folder: &'a Path,
    model: OnceLock<Result<Model, String>>,
}

impl Opened<'_> {
    fn model(&self) -> Result<&Model, String> {
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

/// What the process may take of memory. It depends on how many files may be in hand, so that one file's share does not depend on the machine.
struct Memory {
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

    fn bound(&self, files: usize) {
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
fn standard(descriptor: RawFd) -> ManuallyDrop<File> {
    // SAFETY: it is open as long as the process lives, and never closed by this.
    ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) })
}

/// A parent that no longer reads has ended or will end us.
fn reply(pipe: &mut impl Write, kind: Kind, body: &[u8]) {
    let written = pipe
        .write_all(&frame::head(kind, body))
        .and_then(|()| pipe.write_all(body))
        .and_then(|()| pipe.flush());
    if written.is_err() {
        leave(1);
    }
}

fn leave(code: i32) -> ! {
    // SAFETY: ends the process at once, whatever its other threads are at.
    unsafe { libc::_exit(code) }
}

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

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn do_job(
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

/// Reads the requests, ends the process with its input, and watches the time of the parsers.
struct Guard<'a> {
    marks: &'a Marks,
    clocks: Vec<Clock>,
    memory: Memory,
    /// Jobs that were read and are not done: 0 or 1, and for a moment 2.
    busy: AtomicUsize,
}

impl Guard<'_> {
    fn watch(&self, give: Sender<Job>) {
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
struct Clock {
    /// The system's name of the thread's clock (above `NAMES_FROM`); 0: no thread.
    id: AtomicI64,
    /// What it showed when the parser began; 0: no parser is at work.
    since: AtomicI64,
}

impl Clock {
    fn begin(&self) {
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

    fn end(&self) {
        self.id.store(0, Ordering::Release);
    }

    fn start(&self) {
        self.since
            .store(self.now().map_or(0, |now| now.max(1)), Ordering::Release);
    }

    fn stop(&self) {
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
