//! Reading the small files that git and its rules lie in.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::time::{SystemTime, UNIX_EPOCH};

use super::path_of;

/// Opens for reading, never blocking on a FIFO that lies where a file is expected.
pub fn open(path: &[u8], follow: bool) -> io::Result<File> {
    let flags = libc::O_NONBLOCK | if follow { 0 } else { libc::O_NOFOLLOW };
    OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path_of(path))
}

/// Settings, rules and attributes of more bytes are not read, as in git.
const LARGEST: u64 = 100 << 20;

/// A regular file's bytes and its stat from before the reading; None if it is missing, unreadable, too large or no file.
///
/// Without `follow` a symbolic link at the end of `path` counts as missing.
pub fn read_regular(path: &[u8], follow: bool) -> Option<(Vec<u8>, Metadata)> {
    read_upto(path, follow, LARGEST)
}

/// The same for files of at most so many bytes.
pub(super) fn read_upto(path: &[u8], follow: bool, most: u64) -> Option<(Vec<u8>, Metadata)> {
    let mut file = open(path, follow).ok()?;
    let status = file.metadata().ok()?;
    if !status.is_file() || status.len() > most {
        return None;
    }
    let mut data = Vec::with_capacity(usize::try_from(status.len()).ok()? + 1);
    file.read_to_end(&mut data).ok()?;
    Some((data, status))
}

pub(super) fn first_line(path: &[u8]) -> Option<Vec<u8>> {
    let (mut data, _) = read_regular(path, true)?;
    if let Some(end) = data.iter().position(|&byte| byte == b'\n') {
        data.truncate(end);
    }
    while data.ends_with(b"\r") {
        data.pop();
    }
    Some(data)
}

/// Nanoseconds since the epoch.
pub fn now_ns() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// A file's inode in the 63 bits that a database keeps.
pub fn inode(status: &Metadata) -> i64 {
    (status.ino() & i64::MAX as u64) as i64
}

/// `seconds` and `nanoseconds` as nanoseconds since the epoch, cut to what 64 bits hold: years 1677 to 2262.
pub fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    let exact = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    i64::try_from(exact).unwrap_or(if exact < 0 { i64::MIN } else { i64::MAX })
}
