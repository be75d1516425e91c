//! A file's bytes and its stat, as they are now; never through a link at the path's end.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::HeldPath;
use crate::git::{self, nanoseconds, now_ns};

/// One file as it was read; `data` is None where `reason` says why.
#[derive(Default)]
pub(super) struct Read {
    pub(super) data: Option<Vec<u8>>,
    pub(super) reason: Option<&'static str>,
    pub(super) size: i64,
    pub(super) mtime_ns: i64,
    pub(super) ctime_ns: i64,
    pub(super) inode: i64,
    pub(super) checked_ns: i64,
}

pub(super) fn read(path: &Path, most: u64) -> Read {
    let checked_ns = now_ns();
    match read_whole(path, most) {
        Ok((data, stat, same)) => Read {
            reason: if data.is_none() {
                Some("too-large")
            } else {
                None
            },
            data,
            size: stat.size() as i64,
            mtime_ns: nanoseconds(stat.mtime(), stat.mtime_nsec()),
            ctime_ns: nanoseconds(stat.ctime(), stat.ctime_nsec()),
            inode: git::inode(&stat),
            checked_ns: if same { checked_ns } else { 0 }, // it changed meanwhile: never trust this stat
        },
        Err(e) => Read {
            reason: Some(if is_no_file(&e) {
                "vanished"
            } else {
                "unreadable"
            }),
            ..Read::default()
        },
    }
}

/// The content (None if it is larger than `most`), how the file was before it was read, and whether it was the same after that.
fn read_whole(path: &Path, most: u64) -> io::Result<(Option<Vec<u8>>, Metadata, bool)> {
    let (file, stat) = open(path)?;
    if stat.size() > most {
        return Ok((None, stat, true));
    }
    let mut data = Vec::new();
    // one more, so that the end of a file that stays as it is shows itself without growing the buffer
    data.try_reserve_exact(stat.size() as usize + 1)
        .map_err(|_| io::Error::from_raw_os_error(libc::ENOMEM))?;
    (&file)
        .take(most.saturating_add(1))
        .read_to_end(&mut data)?; // a file that grows while it is read stays bounded
    let after = file.metadata()?;
    let same = (after.mtime(), after.mtime_nsec(), after.size())
        == (stat.mtime(), stat.mtime_nsec(), stat.size());
    Ok((
        if data.len() as u64 > most {
            None
        } else {
            Some(data)
        },
        stat,
        same,
    ))
}

/// Opens what is a regular file itself: never follows a link at its end, never waits for a FIFO.
fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let file = git::open(path.as_os_str().as_bytes(), false)?;
    let stat = file.metadata()?;
    if stat.is_file() {
        Ok((file, stat))
    } else {
        Err(io::Error::from_raw_os_error(libc::ENOENT))
    }
}

/// How opening fails where a link, a folder or a socket lies instead; the next walk names it.
fn is_no_file(e: &io::Error) -> bool {
    matches!(
        e.raw_os_error(),
        Some(libc::ENOENT | libc::ELOOP | libc::ENOTDIR | libc::EISDIR | libc::ENXIO)
    )
}

/// The first `most` bytes of the file `path` below `root` (without symbolic links), as it is now; the error's code is ENOENT if there is none,
/// nor a way to it without links.
pub fn read_now(root: HeldPath, path: HeldPath, most: u64) -> io::Result<Vec<u8>> {
    let whole = Path::new(&root.system()).join(path.system());
    let text = whole.as_os_str().as_bytes();
    let folder = OsStr::from_bytes(&text[..text.iter().rposition(|&b| b == b'/').unwrap_or(0)]);
    if std::fs::canonicalize(folder)
        .is_ok_and(|real| real.as_os_str().as_bytes() != folder.as_bytes())
    {
        return Err(io::Error::from_raw_os_error(libc::ENOENT));
    }
    let read = || -> io::Result<Vec<u8>> {
        let (file, _) = open(&whole)?;
        let mut data = Vec::new();
        file.take(most).read_to_end(&mut data)?;
        Ok(data)
    };
    read().map_err(|e| {
        if is_no_file(&e) {
            io::Error::from_raw_os_error(libc::ENOENT)
        } else {
            e
        }
    })
}
