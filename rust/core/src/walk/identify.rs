//! Gives every file its blob id: from an earlier walk, else from its repository's index, else by reading it.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;

use rayon::prelude::*;

use super::look::{Found, Look, look_of, note};
use super::{Blob, Failure, Known, Listing, Row, settled};
use crate::git::{self, blob_id, now_ns};
use crate::threads::share_out;

const READ_ATTEMPTS: usize = 3;
/// Files that are read before somebody asks whether to stop.
const READ_BATCH: usize = 256;

/// Gives every file its blob id: from `known`, else from its repository's index, else by reading it.
pub(super) fn identify(
    found: Found,
    known: Known<'_>,
    max_file_bytes: u64,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Listing, Failure> {
    let Found {
        base,
        rows: looks,
        mut skipped,
        looked_ns,
    } = found;
    let places = unchanged(&looks, known);
    let mut rows = Vec::with_capacity(looks.len());
    let mut open = Vec::new();
    for ((path, look), place) in looks.into_iter().zip(places) {
        let blob = match (place, look.index_blob) {
            (Some(place), _) => Blob::Known(place),
            (None, Some(blob)) => Blob::Index(blob),
            (None, None) => {
                open.push(rows.len());
                Blob::Hashed([0; 20])
            }
        };
        let Look {
            size,
            mtime_ns,
            ctime_ns,
            inode,
            ..
        } = look;
        rows.push(Some(Row {
            path,
            size,
            mtime_ns,
            ctime_ns,
            inode,
            checked_ns: looked_ns,
            blob,
        }));
    }
    for batch in open.chunks(READ_BATCH) {
        if stop() {
            return Err(Failure::Stopped);
        }
        let read_row = |room: &mut Vec<u8>, &at: &usize| {
            let path = rows[at].as_ref().map_or("", |row| &row.path);
            let result = read_file(
                &[&base[..], path.as_bytes()].concat(),
                max_file_bytes,
                room,
                &mut |_| {},
            );
            room.shrink_to(1 << 20);
            result
        };
        let read: Vec<_> = share_out(|| batch.par_iter().map_init(Vec::new, read_row).collect());
        for (&at, read) in batch.iter().zip(read) {
            let Some(row) = &mut rows[at] else {
                continue;
            };
            match read {
                Ok(Some(read)) => {
                    row.blob = Blob::Hashed(read.blob);
                    row.checked_ns = read.looked_ns;
                    (row.size, row.mtime_ns, row.ctime_ns, row.inode) = (
                        read.look.size,
                        read.look.mtime_ns,
                        read.look.ctime_ns,
                        read.look.inode,
                    );
                }
                Ok(None) => {
                    skipped.push((row.path.clone(), "too-large"));
                    rows[at] = None;
                }
                Err(error) => {
                    skipped.extend(note(row.path.as_bytes(), &error));
                    rows[at] = None;
                }
            }
        }
    }
    skipped.sort_unstable();
    Ok(Listing {
        rows: rows.into_iter().flatten().collect(),
        skipped,
    })
}

/// Per file the row of `known` whose stat is the same and old enough to prove that the content is.
fn unchanged(looks: &[(String, Look)], known: Known<'_>) -> Vec<Option<usize>> {
    // Of rows of one path the last one counts; None sorts first.
    let mut order: Vec<usize> = Vec::new();
    if !known.paths.is_sorted() {
        order = (0..known.paths.len()).collect();
        order.sort_by_key(|&row| known.paths[row]);
    }
    let row_at = |place: usize| {
        if order.is_empty() {
            place
        } else {
            order[place]
        }
    };
    let mut place = 0;
    let mut same = Vec::with_capacity(looks.len());
    for (path, look) in looks {
        let path = Some(path.as_str());
        while place < known.paths.len() && known.paths[row_at(place)] < path {
            place += 1;
        }
        while place + 1 < known.paths.len() && known.paths[row_at(place + 1)] == path {
            place += 1;
        }
        let row = (place < known.paths.len())
            .then(|| row_at(place))
            .filter(|&row| {
                known.paths[row] == path
                    && known.sizes[row] == look.size
                    && known.inodes[row] == look.inode
                    && known.mtimes_ns[row] == look.mtime_ns
                    && known.ctimes_ns[row] == look.ctime_ns
                    && settled(look.mtime_ns, look.ctime_ns, known.checked_ns[row])
            });
        same.push(row);
    }
    same
}

pub(super) struct ReadFile {
    pub(super) blob: [u8; 20],
    pub(super) look: Look,
    pub(super) looked_ns: i64,
}

/// A file's blob id, stat and when it was looked at; None if it grew beyond `max_bytes`. `after_read` is called after each reading.
///
/// A file that changes meanwhile is read again; one that will not stay still is taken as it was read, with 0 for the
/// time.
pub(super) fn read_file(
    path: &[u8],
    max_bytes: u64,
    data: &mut Vec<u8>,
    after_read: &mut dyn FnMut(&[u8]),
) -> io::Result<Option<ReadFile>> {
    let mut file = git::open(path, false)?;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let looked_ns = now_ns();
        let before = file.metadata()?;
        if !before.is_file() {
            return Err(io::Error::from_raw_os_error(libc::ENOENT)); // replaced by something else than a file
        }
        bytes_of(&mut file, before.len(), max_bytes.saturating_add(1), data)?;
        after_read(data);
        if data.len() as u64 > max_bytes {
            return Ok(None);
        }
        let after = file.metadata()?;
        let times = |status: &Metadata| {
            (
                status.mtime(),
                status.mtime_nsec(),
                status.ctime(),
                status.ctime_nsec(),
            )
        };
        let still = data.len() as u64 == after.len() && times(&before) == times(&after);
        if still || attempt == READ_ATTEMPTS {
            let mut look = look_of(Vec::new(), &after);
            look.size = i64::try_from(data.len()).unwrap_or(i64::MAX);
            return Ok(Some(ReadFile {
                blob: blob_id(data),
                look,
                looked_ns: if still { looked_ns } else { 0 },
            }));
        }
        file.rewind()?;
    }
}

/// What is left to read, at most `most` bytes; `size` is what to expect.
fn bytes_of(file: &mut File, size: u64, most: u64, data: &mut Vec<u8>) -> io::Result<()> {
    data.clear();
    // One reading for the file, one that finds its end; more only where it grew.
    let mut wanted = size.saturating_add(1);
    loop {
        let have = data.len();
        let room = usize::try_from(wanted.min(most - have as u64)).unwrap_or(usize::MAX);
        data.resize(have.saturating_add(room), 0);
        let read = match file.read(&mut data[have..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                data.truncate(have);
                continue;
            }
            read => read,
        };
        data.truncate(have + read.as_ref().copied().unwrap_or(0));
        if read? == 0 {
            return Ok(());
        }
        wanted = if wanted > 64 && have == 0 {
            64
        } else {
            1 << 20
        };
    }
}
