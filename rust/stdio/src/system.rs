//! The calls of this system that the standard library has no name for. All that is unsafe is in here.

use std::ffi::CString;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

pub fn own_user() -> u32 {
    // SAFETY: it has no arguments and cannot fail.
    unsafe { libc::getuid() }
}

/// The user whose process is at the other end.
pub fn peer(stream: &UnixStream) -> io::Result<u32> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let mut told = libc::ucred {
            pid: 0,
            uid: 0,
            gid: 0,
        };
        let mut size = size_of::<libc::ucred>() as libc::socklen_t;
        // SAFETY: both pointers are to values of ours that live through the call, and `size` is that of the first.
        let code = unsafe {
            libc::getsockopt(
                stream.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERCRED,
                (&raw mut told).cast(),
                &raw mut size,
            )
        };
        if code == 0 {
            Ok(told.uid)
        } else {
            Err(io::Error::last_os_error())
        }
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let (mut user, mut group) = (0, 0);
        // SAFETY: both pointers are to values of ours that live through the call.
        let code = unsafe { libc::getpeereid(stream.as_raw_fd(), &raw mut user, &raw mut group) };
        if code == 0 {
            Ok(user)
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

/// Let the command lead a session of its own: neither a terminal nor the group of who started us ends it.
pub fn detached(command: &mut Command) -> &mut Command {
    // SAFETY: between fork and exec only `setsid` is called, which is allowed there.
    unsafe {
        command.pre_exec(|| {
            if libc::setsid() == -1 {
                Err(io::Error::last_os_error())
            } else {
                Ok(())
            }
        })
    }
}

/// May this process make files in this folder?
pub fn is_writable(folder: &Path) -> bool {
    let Ok(path) = CString::new(folder.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: the pointer is to a text of ours that ends and lives through the call.
    unsafe { libc::access(path.as_ptr(), libc::W_OK | libc::X_OK) == 0 }
}

/// Ask a process to end.
pub fn terminate(process: u32) {
    // SAFETY: it takes numbers only.
    unsafe { libc::kill(process.cast_signed(), libc::SIGTERM) };
}

fn parent() -> libc::pid_t {
    // SAFETY: it has no arguments and cannot fail.
    unsafe { libc::getppid() }
}

/// Returns when the process that started this one is gone; never, if nobody did.
pub fn parent_ended() {
    let first = parent();
    if first <= 1 {
        loop {
            std::thread::park();
        }
    }
    #[cfg(target_os = "linux")]
    {
        // SAFETY: it takes numbers only; what it returns is a descriptor of ours, or -1 (an old kernel, a sandbox).
        let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, first, 0) };
        if let Ok(descriptor @ 0..) = libc::c_int::try_from(descriptor) {
            let mut asked = libc::pollfd {
                fd: descriptor,
                events: libc::POLLIN,
                revents: 0,
            };
            while parent() == first {
                // SAFETY: the pointer is to one value of ours that lives through the call.
                unsafe { libc::poll(&raw mut asked, 1, -1) };
            }
            return;
        }
    }
    while parent() == first {
        sleep(Duration::from_secs(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_of_our_own_socket_is_ourselves() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(peer(&one).unwrap(), own_user());
    }
}
