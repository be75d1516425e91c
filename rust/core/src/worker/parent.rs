//! A worker as its parent holds it: started, asked, listened to and ended.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::Ordering;

use super::marks::{IN_HAND, InHand, Marks, OVERTIME, PARSING, shared_memory};
use super::{MOST_THREADS, TICK_MS, poll};
use crate::frame::{self, Columns, HEAD, Job, Kind};

const PIPE_BYTES: libc::c_int = 1 << 20;

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
