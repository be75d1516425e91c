//! Every file of a folder that may be indexed, with the blob id of its content, as columns. Twin of `groma._pure.walk`.
//!
//! Folders are looked at level by level, all of a level in parallel; only what no earlier look vouches for is read.

mod conversions;
mod identify;
mod look;
mod secrets;
#[cfg(test)]
mod tests;

use std::io;

use crate::git::User;
use identify::identify;
use look::look_around;

pub use secrets::secrets_file;

/// How much older than our look at a file its times must be for equal times to prove it unchanged; see the twin.
pub const SETTLED_NS: i64 = 50_000_000;
/// The same where a time is whole seconds.
pub const SETTLED_COARSE_NS: i64 = 2_050_000_000;

/// Whether equal times prove a file unchanged since a look at it at `checked_ns`.
pub fn settled(mtime_ns: i64, ctime_ns: i64, checked_ns: i64) -> bool {
    // Each by its own clock; see the twin.
    let old = |time: i64| {
        let coarse = time % 1_000_000_000 == 0;
        let least = if coarse {
            SETTLED_COARSE_NS
        } else {
            SETTLED_NS
        };
        checked_ns.wrapping_sub(time) >= least
    };
    old(mtime_ns) && old(ctime_ns)
}

/// What an earlier walk of the same root found: columns of equal length in any order. A path of None matches none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    pub paths: &'a [Option<&'a str>],
    pub sizes: &'a [i64],
    pub mtimes_ns: &'a [i64],
    pub ctimes_ns: &'a [i64],
    pub inodes: &'a [i64],
    pub checked_ns: &'a [i64],
}

/// Where a file's blob id comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Blob {
    /// That of this row of the known ones.
    Known(usize),
    Index([u8; 20]),
    Hashed([u8; 20]),
}

/// One file; see the columns of the twin's `Listing`.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub path: String,
    pub size: i64,
    pub mtime_ns: i64,
    pub ctime_ns: i64,
    pub inode: i64,
    pub checked_ns: i64,
    pub blob: Blob,
}

/// The files of a folder, sorted by path, and what was passed over: (path, reason), sorted.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    pub rows: Vec<Row>,
    pub skipped: Vec<(String, &'static str)>,
}

/// Why there is no listing.
#[derive(Debug)]
pub enum Failure {
    /// The root, as `folder`, cannot be listed.
    Closed { folder: Vec<u8>, error: io::Error },
    /// The caller said so.
    Stopped,
}

/// Lists what may be indexed below the folder `root`; files larger than `max_file_bytes` are skipped.
///
/// `stop` is asked now and then, always by the calling thread.
pub fn walk(
    root: &[u8],
    known: Known<'_>,
    max_file_bytes: u64,
    user: &User,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Listing, Failure> {
    let found = look_around(root, max_file_bytes, user, stop)?;
    identify(found, known, max_file_bytes, stop)
}
