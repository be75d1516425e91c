//! git's index: which paths are tracked, and what git knew of each file when it last saw it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::files::read_upto;
use super::{EMPTY_BLOB, join, nanoseconds};

pub const ASSUME_VALID: i64 = 0x8000;
pub const SKIP_WORKTREE: i64 = 0x4000 << 16;
pub const INTENT_TO_ADD: i64 = 0x2000 << 16;
/// Some ten million files.
const LARGEST_INDEX: u64 = 1 << 30;
/// An entry of version 4 says what it shares with the path before it, so a small file could tell of paths beyond all memory; see the twin.
const LONGEST_PATHS: usize = 64;
const REGULAR: i64 = 0o100_000;
const KIND: i64 = 0o170_000;

/// Byte strings one after another.
#[derive(Clone, Debug, Default)]
pub struct Names {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Names {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn get(&self, row: usize) -> &[u8] {
        &self.bytes[if row == 0 { 0 } else { self.ends[row - 1] }..self.ends[row]]
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|row| self.get(row))
    }

    pub fn push(&mut self, name: &[u8]) {
        self.bytes.extend_from_slice(name);
        self.ends.push(self.bytes.len());
    }
}

/// One entry of an index but for its path; see the columns of the twin's `Index`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    pub oid: [u8; 20],
    pub mtime_ns: i64,
    pub ctime_ns: i64,
    pub size: i64,
    pub inode: i64,
    pub mode: i64,
    pub flags: i64,
}

impl Entry {
    pub fn stage(&self) -> i64 {
        self.flags >> 12 & 3
    }

    /// Whether the id may be believed for a file that still has the entry's stat; see the twin's `clean_rows`.
    pub fn is_clean(&self, written_ns: i64) -> bool {
        self.stage() == 0
            && self.mode & KIND == REGULAR
            && self.flags & (ASSUME_VALID | SKIP_WORKTREE | INTENT_TO_ADD) == 0
            && self.mtime_ns < written_ns
            // Size 0 is also git's mark for "known to be racy" (on any other blob than the empty one).
            && (self.size != 0 || self.oid == EMPTY_BLOB)
    }
}

/// A git index, one row an entry, in git's order (by path, then stage).
///
/// `problem` is None where ids and times can be used; else it says why not ("sha256", "split", "damaged"), `entries` is
/// empty and `paths` has rows as far as they could be read.
#[derive(Clone, Debug, Default)]
pub struct Index {
    pub paths: Names,
    pub entries: Vec<Entry>,
    pub written_ns: i64,
    pub problem: Option<&'static str>,
    /// The rows in the order of their paths, where git's order is another (in no index that git wrote).
    order: Option<Vec<u32>>,
}

impl Index {
    fn paths_only(paths: Names, problem: Option<&'static str>) -> Index {
        Index {
            paths,
            problem,
            ..Index::default()
        }
        .ordered()
    }

    fn ordered(mut self) -> Index {
        let paths = &self.paths;
        if !(1..paths.len()).all(|row| paths.get(row - 1) <= paths.get(row)) {
            let mut order: Vec<u32> = (0..paths.len() as u32).collect();
            order.sort_by_key(|&row| paths.get(row as usize));
            self.order = Some(order);
        }
        self
    }

    fn row_at(&self, place: usize) -> usize {
        self.order
            .as_ref()
            .map_or(place, |order| order[place] as usize)
    }

    fn path_at(&self, place: usize) -> &[u8] {
        self.paths.get(self.row_at(place))
    }

    /// The first place (in the order of paths) in `within` of which `is_after` is true; all later ones are alike.
    fn first(&self, within: Range<usize>, is_after: impl Fn(&[u8]) -> bool) -> usize {
        let (mut low, mut high) = (within.start, within.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if is_after(self.path_at(middle)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    /// The places of all paths that begin with `prefix`: where to look for what lies in a folder.
    pub fn below(&self, prefix: &[u8]) -> Range<usize> {
        let begin = self.first(0..self.paths.len(), |path| path >= prefix);
        begin..self.first(begin..self.paths.len(), |path| !path.starts_with(prefix))
    }

    /// The row of `path` among the places `within`, of several the last; None if git does not track it.
    pub fn find(&self, path: &[u8], within: Range<usize>) -> Option<usize> {
        let after = self.first(within.clone(), |other| other > path);
        (after > within.start && self.path_at(after - 1) == path).then(|| self.row_at(after - 1))
    }

    /// Whether anything that begins with `prefix` is tracked, looking among the places `within`.
    pub fn holds(&self, prefix: &[u8], within: Range<usize>) -> bool {
        let begin = self.first(within.clone(), |path| path >= prefix);
        begin < within.end && self.path_at(begin).starts_with(prefix)
    }

    pub fn everything(&self) -> Range<usize> {
        0..self.paths.len()
    }
}

/// The repository's index: versions 2, 3 and 4. None written yet is an empty one.
pub fn read_index(git_dir: &[u8], sha256: bool) -> Index {
    let Some((data, status)) = read_upto(&join(git_dir, b"index"), true, LARGEST_INDEX) else {
        return Index::default();
    };
    let width = if sha256 { 32 } else { 20 };
    let written_ns = nanoseconds(status.mtime(), status.mtime_nsec());
    index_of(git_dir, &data, width, written_ns)
        .unwrap_or_else(|| Index::paths_only(Names::default(), Some("damaged")))
}

fn index_of(git_dir: &[u8], data: &[u8], width: usize, written_ns: i64) -> Option<Index> {
    let raw = entries(data, width)?;
    if let Some(link) = raw.link {
        return Some(Index::paths_only(
            unsplit(git_dir, &raw.paths, link, width)?,
            Some("split"),
        ));
    }
    if width != 20 {
        return Some(Index::paths_only(raw.paths, Some("sha256")));
    }
    let entries = raw
        .offsets
        .iter()
        .zip(&raw.flags)
        .map(|(&offset, &flags)| entry(&data[offset..offset + 62], flags))
        .collect();
    Some(
        Index {
            paths: raw.paths,
            entries,
            written_ns,
            problem: None,
            order: None,
        }
        .ordered(),
    )
}

fn entry(fields: &[u8], flags: i64) -> Entry {
    let word = |number: usize| i64::from(u32_at(fields, 4 * number).unwrap_or(0));
    let mut oid = [0; 20];
    oid.copy_from_slice(&fields[40..60]);
    Entry {
        oid,
        ctime_ns: word(0) * 1_000_000_000 + word(1),
        mtime_ns: word(2) * 1_000_000_000 + word(3),
        inode: word(5),
        mode: word(6),
        size: word(9),
        flags,
    }
}

fn u32_at(data: &[u8], place: usize) -> Option<u32> {
    Some(u32::from_be_bytes(
        data.get(place..place.checked_add(4)?)?.try_into().ok()?,
    ))
}

struct Raw<'a> {
    paths: Names,
    offsets: Vec<usize>,
    flags: Vec<i64>,
    link: Option<&'a [u8]>,
}

/// Paths, offsets of the fixed fields, flags, and the `link` extension (of a split index) of an index file.
///
/// None if `data` is not a whole index of a version we read.
fn entries(data: &[u8], width: usize) -> Option<Raw<'_>> {
    let end = data.len().checked_sub(width)?;
    let (version, count) = (u32_at(data, 4)?, u32_at(data, 8)?);
    if !data.starts_with(b"DIRC") || !matches!(version, 2..=4) || end < 12 {
        return None;
    }
    // A checksum of zeros is what `index.skipHash` writes.
    let sum = &data[end..];
    let same = || {
        if width == 32 {
            Sha256::digest(&data[..end])[..] == *sum
        } else {
            Sha1::digest(&data[..end])[..] == *sum
        }
    };
    if sum.iter().any(|&byte| byte != 0) && !same() {
        return None;
    }
    let likely = (count as usize).min(end / (42 + width));
    let mut paths = Names {
        bytes: Vec::with_capacity(end / 2),
        ends: Vec::with_capacity(likely),
    };
    let mut offsets = Vec::with_capacity(likely);
    let mut all_flags = Vec::with_capacity(likely);
    let fixed = 42 + width;
    let mut position = 12;
    for _ in 0..count {
        let mut flags = i64::from(*data.get(position + fixed - 2)?) << 8
            | i64::from(*data.get(position + fixed - 1)?);
        let mut start = position + fixed;
        if flags & 0x4000 != 0 {
            // the extended flags of version 3 on
            flags |= (i64::from(*data.get(start)?) << 8 | i64::from(*data.get(start + 1)?)) << 16;
            start += 2;
        }
        let following;
        if version == 4 {
            let mut byte = *data.get(start)?;
            start += 1;
            let mut strip = u64::from(byte & 0x7F);
            while byte & 0x80 != 0 {
                byte = *data.get(start)?;
                start += 1;
                // What is more than any path has stays so.
                strip = ((strip + 1).min(1 << 40) << 7) | u64::from(byte & 0x7F);
            }
            let stop = start + data.get(start..end)?.iter().position(|&byte| byte == 0)?;
            let begin = if offsets.len() < 2 {
                0
            } else {
                paths.ends[offsets.len() - 2]
            };
            let previous = begin..paths.bytes.len();
            let kept = previous.start
                ..previous.end
                    - usize::try_from(strip)
                        .ok()
                        .filter(|&strip| strip <= previous.len())?;
            paths.bytes.extend_from_within(kept);
            paths.push(&data[start..stop]);
            following = stop + 1;
        } else {
            let length = (flags & 0xFFF) as usize;
            let stop = if length == 0xFFF {
                start + data.get(start..end)?.iter().position(|&byte| byte == 0)?
            } else {
                start + length
            };
            following = position + ((stop - position + 8) & !7);
            if following <= end {
                paths.push(&data[start..stop]);
            }
        }
        if following > end || paths.bytes.len() > LONGEST_PATHS * data.len() {
            return None;
        }
        offsets.push(position);
        all_flags.push(flags);
        position = following;
    }
    let mut link = None;
    while position + 8 <= end {
        let name = &data[position..position + 4];
        let size = u32_at(data, position + 4)? as usize;
        let body = position + 8;
        if name == b"link" {
            link = Some(&data[body..(body + size).min(data.len())]);
        } else if name != b"sdir" && name[0].is_ascii_lowercase() {
            return None; // an extension that must be understood
        }
        position = body + size;
    }
    let link = link.filter(|link| link.iter().take(width).any(|&byte| byte != 0));
    Some(Raw {
        paths,
        offsets,
        flags: all_flags,
        link,
    })
}

/// The tracked paths of a split index: the shared file's less the deleted ones, and the named ones of this file.
fn unsplit(git_dir: &[u8], paths: &Names, link: &[u8], width: usize) -> Option<Names> {
    let id: String = link
        .iter()
        .take(width)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let name = format!("sharedindex.{id}");
    let (data, _) = read_upto(&join(git_dir, name.as_bytes()), true, LARGEST_INDEX)?;
    let shared = entries(&data, width)?.paths;
    let deleted = if link.len() > width {
        set_bits(&link[width..], shared.len())?
    } else {
        Vec::new()
    };
    let kept = shared
        .iter()
        .enumerate()
        .filter(|(row, _)| !deleted.get(*row).is_some_and(|&deleted| deleted));
    let all: BTreeSet<&[u8]> = kept
        .map(|(_, path)| path)
        .chain(paths.iter().filter(|path| !path.is_empty()))
        .collect();
    let mut names = Names::default();
    all.into_iter().for_each(|path| names.push(path));
    Some(names)
}

/// Which bits below `limit` are set in the EWAH bitmap `data`: runs of equal 64-bit words, then literal words.
fn set_bits(data: &[u8], limit: usize) -> Option<Vec<bool>> {
    let count = u32_at(data, 4)? as usize;
    let words = data.get(8..8usize.checked_add(count.checked_mul(8)?)?)?;
    let word_at = |number: usize| {
        words.chunks_exact(8).nth(number).map_or(0, |word| {
            u64::from_be_bytes(word.try_into().unwrap_or([0; 8]))
        })
    };
    let mut bits = vec![false; limit];
    let (mut word, mut bit) = (0usize, 0u64);
    let within = |bit: u64| usize::try_from(bit).map_or(limit, |bit| bit.min(limit));
    while word < count {
        let marker = word_at(word);
        let (run, literals) = (marker >> 1 & 0xFFFF_FFFF, (marker >> 33) as usize);
        let run_end = bit.saturating_add(64 * run);
        if marker & 1 != 0 {
            bits[within(bit)..within(run_end)].fill(true);
        }
        bit = run_end;
        for number in word + 1..(word + 1 + literals).min(count) {
            let literal = word_at(number);
            for place in (0..64).filter(|place| literal >> place & 1 != 0) {
                if within(bit.saturating_add(place)) < limit {
                    bits[within(bit.saturating_add(place))] = true;
                }
            }
            bit = bit.saturating_add(64);
        }
        word += 1 + literals;
    }
    Some(bits)
}
