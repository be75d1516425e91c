//! Every file of a folder that may be indexed, with the blob id of its content, as columns. Twin of `groma._pure.walk`.
//!
//! Folders are looked at level by level, all of a level in parallel; only what no earlier look vouches for is read.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rayon::prelude::*;

use crate::git::{
    self, Index, User, blob_id, is_git_directory, is_true, join, nanoseconds, path_of, read_regular,
};
use crate::ignore::{
    Fate, Ground, Patterns, Present, child, compile_patterns, enter, fate, last_match, shown,
    survey,
};
use crate::threads::pool;

/// How much older than our look at a file its times must be for equal times to prove it unchanged; see the twin.
pub const SETTLED_NS: i64 = 50_000_000;
/// The same where a time is whole seconds.
pub const SETTLED_COARSE_NS: i64 = 2_050_000_000;
const READ_ATTEMPTS: usize = 3;
/// Files that are read before somebody asks whether to stop.
const READ_BATCH: usize = 256;

/// Whether equal times prove a file unchanged since a look at it at `checked_ns`.
pub fn settled(mtime_ns: i64, ctime_ns: i64, checked_ns: i64) -> bool {
    let coarse = mtime_ns % 1_000_000_000 == 0 || ctime_ns % 1_000_000_000 == 0;
    checked_ns.wrapping_sub(mtime_ns.max(ctime_ns))
        >= if coarse {
            SETTLED_COARSE_NS
        } else {
            SETTLED_NS
        }
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

// ----------------------------------------------------------------------------------------------------- 1. what is there

/// One regular file: its name is a piece of its folder's.
#[derive(Debug)]
struct Look {
    name: Vec<u8>,
    size: i64,
    mtime_ns: i64,
    ctime_ns: i64,
    inode: i64,
    index_blob: Option<[u8; 20]>,
}

#[derive(Debug)]
enum Item {
    File(Look),
    /// The name, and the number of the folder that it is.
    Folder(Vec<u8>, usize),
}

impl Item {
    /// Compares like the whole paths of what lies below: a folder's name goes on with a slash.
    fn key(&self) -> impl Iterator<Item = &u8> {
        let (name, end) = match self {
            Item::File(look) => (&look.name, &b""[..]),
            Item::Folder(name, _) => (name, &b"/"[..]),
        };
        name.iter().chain(end)
    }
}

/// A folder to be looked at, and what git may store other than it lies.
struct Place {
    ground: Ground,
    conversions: Arc<Conversions>,
}

/// What one folder holds.
#[derive(Default)]
struct Contents {
    items: Vec<Item>,
    /// In the order of the `Item::Folder`s as found, whose numbers count from 0 here.
    folders: Vec<Place>,
    skipped: Vec<(String, &'static str)>,
}

#[derive(Debug)]
struct Found {
    base: Vec<u8>,
    /// Path below the root.
    rows: Vec<(String, Look)>,
    skipped: Vec<(String, &'static str)>,
    looked_ns: i64,
}

/// Lists and stats, reading only rule files.
fn look_around(
    root: &[u8],
    max_file_bytes: u64,
    user: &User,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Found, Failure> {
    let looked_ns = now_ns();
    let start = survey(root, user);
    let base = start.folder.clone();
    let conversions = Arc::new(conversions_above(&start));
    let mut skipped = Vec::new();
    let mut folders: Vec<Vec<Item>> = Vec::new();
    let first = contents(
        Place {
            ground: start,
            conversions,
        },
        &base,
        max_file_bytes,
    )
    .map_err(|error| Failure::Closed {
        folder: base.clone(),
        error,
    })?;
    let mut level = vec![first];
    while !level.is_empty() {
        if stop() {
            return Err(Failure::Stopped);
        }
        let mut following = Vec::new();
        let mut number = folders.len() + level.len();
        for mut held in level {
            let own = number;
            for item in &mut held.items {
                if let Item::Folder(_, at) = item {
                    *at += own;
                }
            }
            number += held.folders.len();
            following.append(&mut held.folders);
            skipped.append(&mut held.skipped);
            folders.push(held.items);
        }
        let held = |place: Place| {
            let below = place.ground.path[place.ground.lead..]
                .strip_suffix(b"/")
                .unwrap_or_default()
                .to_vec();
            contents(place, &base, max_file_bytes).unwrap_or_else(|error| Contents {
                skipped: note(&below, &error).into_iter().collect(),
                ..Contents::default()
            })
        };
        level = match (following.len() > 1).then(pool).flatten() {
            Some(pool) => pool.install(|| following.into_par_iter().map(held).collect()),
            None => following.into_iter().map(held).collect(),
        };
    }
    Ok(Found {
        base,
        rows: in_order(folders),
        skipped,
        looked_ns,
    })
}

/// The files of all folders by their paths. Folders wait on our own stack: they may nest deeper than the machine's.
fn in_order(mut folders: Vec<Vec<Item>>) -> Vec<(String, Look)> {
    let mut rows = Vec::with_capacity(folders.iter().map(Vec::len).sum());
    let mut path = String::new();
    let mut stack = Vec::new();
    if let Some(top) = folders.first_mut() {
        stack.push((0, std::mem::take(top).into_iter()));
    }
    while let Some((length, items)) = stack.last_mut() {
        path.truncate(*length);
        match items.next() {
            None => {
                stack.pop();
            }
            Some(Item::File(look)) => {
                let name = text_of(&look.name);
                let mut whole = String::with_capacity(path.len() + name.len());
                whole.push_str(&path);
                whole.push_str(name);
                rows.push((whole, look));
            }
            Some(Item::Folder(name, number)) => {
                path.push_str(text_of(&name));
                path.push('/');
                stack.push((path.len(), std::mem::take(&mut folders[number]).into_iter()));
            }
        }
    }
    rows
}

/// A name as text; those that are none were left out before.
fn text_of(name: &[u8]) -> &str {
    std::str::from_utf8(name).unwrap_or_default()
}

const INODE_BITS: u64 = (1 << 63) - 1;

/// Lists one folder and judges all its entries.
fn contents(place: Place, base: &[u8], max_file_bytes: u64) -> io::Result<Contents> {
    let Place {
        mut ground,
        mut conversions,
    } = place;
    let mut entries = Vec::new();
    let mut present = Present::default();
    let (mut attributes, mut bare) = (false, [false; 3]);
    for entry in fs::read_dir(path_of(&ground.folder))? {
        let entry = entry?;
        let name = entry.file_name().into_vec();
        match &name[..] {
            b".gitattributes" => attributes = true,
            b"HEAD" => bare[0] = true,
            b"objects" => bare[1] = true,
            b"refs" => bare[2] = true,
            name => present.note(name),
        }
        entries.push((name, entry));
    }
    let lead = ground.lead;
    let mut held = Contents::default();
    if bare == [true; 3] && is_bare(&ground) {
        let below = shown(ground.path[lead..].strip_suffix(b"/").unwrap_or_default());
        held.skipped.push((
            if below.is_empty() { ".".into() } else { below },
            "git-directory",
        ));
        return Ok(held);
    }
    if present.any() {
        let outer = ground.checkout.clone();
        ground = enter(ground, present);
        if let Some(checkout) = &ground.checkout
            && !outer.is_some_and(|outer| Arc::ptr_eq(&outer, checkout))
        {
            conversions = Arc::new(conversions_above(&ground));
        }
    }
    if attributes && ground.checkout.is_some() {
        conversions = conversions.with_file(
            &[&ground.folder[..], b".gitattributes"].concat(),
            &ground.path,
            false,
        );
    }
    let checkout = ground
        .checkout
        .as_deref()
        .filter(|checkout| checkout.index.problem.is_none());
    let tracked = checkout.map(|checkout| checkout.index.below(&ground.path[checkout.origin..]));
    let mut path = ground.path.clone();
    for (name, entry) in entries {
        if name == b".git" {
            continue;
        }
        path.truncate(ground.path.len());
        path.extend_from_slice(&name);
        let below = &path[lead..];
        let kind = match entry.file_type() {
            Ok(kind) => Some(kind),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                held.skipped.extend(note(below, &error));
                continue;
            }
        };
        let is_folder = kind.is_some_and(|kind| kind.is_dir());
        let what = fate(&ground, &name, &path, is_folder);
        if what == Fate::Ignored {
            continue;
        }
        if std::str::from_utf8(&name).is_err() {
            held.skipped.push((shown(below), "name-not-utf8"));
        } else if is_folder {
            held.folders.push(Place {
                ground: child(&ground, &name, what == Fate::OnlyTracked),
                conversions: conversions.clone(),
            });
            held.items.push(Item::Folder(name, held.folders.len() - 1));
        } else if kind.is_some_and(|kind| kind.is_symlink()) {
            let reason = link_reason(&[&ground.folder[..], &name].concat(), base);
            held.skipped.push((shown(below), reason));
        } else if !kind.is_some_and(|kind| kind.is_file()) {
            held.skipped.push((shown(below), "not-a-regular-file"));
        } else if is_secret(&name, &ground.folder) {
            held.skipped.push((shown(below), "secrets-file"));
        } else if ground.folder.len() + name.len() >= libc::PATH_MAX as usize {
            held.skipped.push((shown(below), "path-too-long"));
        } else {
            match entry.metadata() {
                Err(error) => held.skipped.extend(note(below, &error)),
                Ok(status) if status.len() > max_file_bytes => {
                    held.skipped.push((shown(below), "too-large"))
                }
                Ok(status) => {
                    let mut look = look_of(name, &status);
                    if let (Some(checkout), Some(tracked)) = (checkout, &tracked)
                        && let Some(row) = checkout
                            .index
                            .find(&path[checkout.origin..], tracked.clone())
                        && same_as_index(&checkout.index, row, &look)
                        && !conversions.concern(&look.name, &path)
                    {
                        look.index_blob = Some(checkout.index.entries[row].oid);
                    }
                    held.items.push(Item::File(look));
                }
            }
        }
    }
    held.items
        .sort_unstable_by(|one, other| one.key().cmp(other.key()));
    Ok(held)
}

fn look_of(name: Vec<u8>, status: &Metadata) -> Look {
    Look {
        name,
        size: i64::try_from(status.len()).unwrap_or(i64::MAX),
        mtime_ns: nanoseconds(status.mtime(), status.mtime_nsec()),
        ctime_ns: nanoseconds(status.ctime(), status.ctime_nsec()),
        inode: (status.ino() & INODE_BITS) as i64,
        index_blob: None,
    }
}

/// Whether a folder is a bare repository, and not one whose files are tracked as they lie (as test data).
fn is_bare(ground: &Ground) -> bool {
    is_git_directory(&ground.folder)
        && !ground.checkout.as_ref().is_some_and(|checkout| {
            checkout
                .index
                .holds(&ground.path[checkout.origin..], checkout.index.everything())
        })
}

/// What could not be read; what is gone, or is no longer what it was a moment ago, is the next walk's.
fn note(path: &[u8], error: &io::Error) -> Option<(String, &'static str)> {
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR | libc::EISDIR | libc::ELOOP) => None,
        Some(libc::ENAMETOOLONG) => Some((shown(path), "path-too-long")),
        _ => Some((shown(path), "unreadable")),
    }
}

/// Why the symbolic link at `path` is not followed; `root` ends in a slash.
fn link_reason(path: &[u8], root: &[u8]) -> &'static str {
    if let Err(error) = fs::metadata(path_of(path)) {
        return match error.raw_os_error() {
            Some(libc::ELOOP) => "symlink-loop",
            Some(libc::ENOENT | libc::ENOTDIR) => "broken-symlink",
            _ => "unreadable",
        };
    }
    let mut target = git::real(path);
    if !target.ends_with(b"/") {
        target.push(b'/');
    }
    if !target.starts_with(root) {
        "symlink-outside"
    } else if path.starts_with(&target) {
        "symlink-loop"
    } else {
        "symlink"
    }
}

fn now_ns() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Whether a file's stat is the one git recorded at `row` when it last saw it clean.
fn same_as_index(index: &Index, row: usize, look: &Look) -> bool {
    let Some(entry) = index.entries.get(row) else {
        return false;
    };
    entry.size == look.size
        && entry.mtime_ns == as_git_keeps(look.mtime_ns)
        && entry.ctime_ns == as_git_keeps(look.ctime_ns)
        && (entry.inode == look.inode & 0xFFFF_FFFF || entry.inode == 0) // 0: not kept (Windows, JGit)
        && entry.is_clean(index.written_ns)
}

/// A time with its seconds cut to 32 bits.
fn as_git_keeps(time_ns: i64) -> i64 {
    (time_ns.div_euclid(1_000_000_000) & 0xFFFF_FFFF) * 1_000_000_000
        + time_ns.rem_euclid(1_000_000_000)
}

// ----------------------------------------------------------------------------------- what git stores other than it lies

/// Which files git may store with other bytes than lie on disk (LFS, encodings, CRLF): index ids not for us; see the twin.
#[derive(Clone, Debug)]
struct Conversions {
    everything: bool,
    words: HashSet<Vec<u8>>,
    files: Vec<(usize, Patterns)>,
    fold: bool,
}

impl Conversions {
    fn new(everything: bool, fold: bool) -> Conversions {
        let words = [&b"filter"[..], b"ident", b"working-tree-encoding"]
            .map(<[u8]>::to_vec)
            .into();
        Conversions {
            everything,
            words,
            files: Vec::new(),
            fold,
        }
    }

    /// Whether the file `name` at `path` (from the ground's origin) may be stored with other bytes.
    fn concern(&self, name: &[u8], path: &[u8]) -> bool {
        if self.everything || self.files.is_empty() {
            return self.everything;
        }
        let spoken_of = |name: &[u8], path: &[u8]| {
            self.files
                .iter()
                .any(|(base, patterns)| last_match(patterns, name, &path[*base..], false).is_some())
        };
        if self.fold {
            spoken_of(&name.to_ascii_lowercase(), &path.to_ascii_lowercase())
        } else {
            spoken_of(name, path)
        }
    }

    /// These and what an attributes file adds for paths below `base` (from the ground's origin).
    fn with_file(
        self: Arc<Self>,
        attributes: &[u8],
        base: &[u8],
        follow: bool,
    ) -> Arc<Conversions> {
        let Some((content, _)) = read_regular(attributes, follow) else {
            return self;
        };
        let mut words = self.words.clone();
        let mut lines: Vec<&[u8]> = Vec::new();
        for line in content.split(|&byte| byte == b'\n') {
            let mut fields = line
                .split(|byte| matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c))
                .filter(|field| !field.is_empty());
            let Some(first) = fields.next().filter(|first| !first.starts_with(b"#")) else {
                continue;
            };
            if !fields.any(|field| {
                field == b"eol=crlf"
                    || field
                        .split(|&byte| byte == b'=')
                        .next()
                        .is_some_and(|word| words.contains(word))
            }) {
                continue;
            }
            if let Some(name) = first.strip_prefix(b"[attr]") {
                words.insert(name.to_vec());
            } else {
                lines.push(if matches!(first[0], b'"' | b'!') {
                    b"*"
                } else {
                    first
                }); // quoted: not worth unquoting
            }
        }
        if lines.is_empty() && words.len() == self.words.len() {
            return self;
        }
        let mut files = self.files.clone();
        if !lines.is_empty() {
            files.push((base.len(), compile_patterns(&lines.join(&b'\n'), self.fold)));
        }
        Arc::new(Conversions {
            everything: self.everything,
            words,
            files,
            fold: self.fold,
        })
    }
}

/// The conversions in force at a root or a nested repository's top, but for its own `.gitattributes`.
fn conversions_above(ground: &Ground) -> Conversions {
    let Some(checkout) = &ground.checkout else {
        return Conversions::new(false, false);
    };
    let (user, users) = &*ground.user;
    let own = &checkout.repository.settings;
    let setting = |key: &[u8]| own.get(key).or_else(|| users.get(key));
    let everything = setting(b"core.autocrlf").is_some_and(|value| is_true(value))
        || setting(b"core.eol").is_some_and(|value| value == b"crlf");
    let fold = setting(b"core.ignorecase").is_some_and(|value| is_true(value));
    let mut conversions = Arc::new(Conversions::new(everything, fold));
    let top = &checkout.repository.top;
    let mut base = ground.path[..checkout.origin].to_vec();
    let users_file = setting(b"core.attributesfile").map_or_else(
        || join(&user.folder(), b"attributes"),
        |path| join(top, &user.expand(path)),
    );
    for path in [
        b"/etc/gitattributes".to_vec(),
        users_file,
        join(&checkout.repository.common_dir, b"info/attributes"),
    ] {
        conversions = conversions.with_file(&path, &base, true);
    }
    let mut folder = top.clone();
    if !folder.ends_with(b"/") {
        folder.push(b'/');
    }
    let between = &ground.path[checkout.origin..];
    for name in between.split_inclusive(|&byte| byte == b'/') {
        // the folders between the top and the root
        conversions =
            conversions.with_file(&[&folder[..], b".gitattributes"].concat(), &base, false);
        folder.extend_from_slice(name);
        base.extend_from_slice(name);
    }
    Arc::unwrap_or_clone(conversions)
}

// --------------------------------------------------------------------------------------- 2. what is known, and the rest

/// Gives every file its blob id: from `known`, else from its repository's index, else by reading it.
fn identify(
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
        let one = |room: &mut Vec<u8>, &at: &usize| {
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
        let read: Vec<_> = match (batch.len() > 1).then(pool).flatten() {
            Some(pool) => pool.install(|| batch.par_iter().map_init(Vec::new, one).collect()),
            None => {
                let mut room = Vec::new();
                batch.iter().map(|at| one(&mut room, at)).collect()
            }
        };
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

struct ReadFile {
    blob: [u8; 20],
    look: Look,
    looked_ns: i64,
}

/// A file's blob id, stat and when it was looked at; None if it grew beyond `max_bytes`. `after_read` is called after each reading.
///
/// A file that changes meanwhile is read again; one that will not stay still is taken as it was read, with 0 for the
/// time.
fn read_file(
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

// -------------------------------------------------------------------------------------------------------------- secrets

const SECRET_NAMES: [&[u8]; 15] = [
    b"id_rsa",
    b"id_dsa",
    b"id_ecdsa",
    b"id_ecdsa_sk",
    b"id_ed25519",
    b"id_ed25519_sk",
    b".netrc",
    b"_netrc",
    b".pgpass",
    b".htpasswd",
    b".npmrc",
    b".pypirc",
    b".git-credentials",
    b"credentials.json",
    b".envrc",
];
const SECRET_ENDS: [&[u8]; 9] = [
    b".pem",
    b".key",
    b".p12",
    b".pfx",
    b".jks",
    b".keystore",
    b".kdbx",
    b".tfstate",
    b".tfstate.backup",
];
const SECRET_PLACES: [(&[u8], &[u8]); 3] = [
    (b"/.docker/", b"config.json"),
    (b"/.aws/", b"credentials"),
    (b"/.kube/", b"config"),
];

/// Whether a file's name (and the folder's it is in) says that it holds secrets. Case does not matter.
pub fn secrets_file(path: &[u8]) -> bool {
    let cut = path
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |at| at + 1);
    is_secret(&path[cut..], &[b"/", &path[..cut]].concat())
}

/// The same for a name and its folder's path, which begins and ends in a slash.
fn is_secret(name: &[u8], folder: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let name = &lower[..];
    SECRET_NAMES.contains(&name)
        || SECRET_ENDS.iter().any(|end| name.ends_with(end))
        || is_secret_env(name)
        || is_service_account(name)
        || is_private_asc(name)
        || SECRET_PLACES
            .iter()
            .any(|(place, own)| name == *own && folder.to_ascii_lowercase().ends_with(place))
}

/// `.env`, `.env.production`, `.env-local`; not `.environment`, not `.env.example`.
fn is_secret_env(name: &[u8]) -> bool {
    let Some(rest) = name.strip_prefix(b".env") else {
        return false;
    };
    let last = rest.strip_suffix(b"\n").unwrap_or(rest);
    let is_example = |rest: &[u8]| {
        [&b"example"[..], b"sample", b"template", b"dist"]
            .iter()
            .any(|word| {
                rest.strip_suffix(*word)
                    .and_then(<[u8]>::last)
                    .is_some_and(|&border| matches!(border, b'.' | b'_' | b'-'))
            })
    };
    !rest.first().is_some_and(u8::is_ascii_lowercase) && !is_example(last)
}

fn is_service_account(name: &[u8]) -> bool {
    name.strip_prefix(b"service").is_some_and(|rest| {
        let rest = rest
            .strip_prefix(b"-")
            .or_else(|| rest.strip_prefix(b"_"))
            .unwrap_or(rest);
        rest.strip_prefix(b"account")
            .is_some_and(|rest| rest.ends_with(b".json"))
    })
}

fn is_private_asc(name: &[u8]) -> bool {
    let has = |stem: &[u8], word: &[u8]| stem.windows(word.len()).any(|part| part == word);
    name.strip_suffix(b".asc")
        .is_some_and(|stem| has(stem, b"private") || has(stem, b"secret"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::os::unix::ffi::OsStrExt;

    fn user() -> User {
        User::default()
    }

    fn look(folder: &tempfile::TempDir, most: u64) -> Found {
        look_around(
            folder.path().as_os_str().as_bytes(),
            most,
            &user(),
            &mut || false,
        )
        .unwrap()
    }

    fn paths(listing: &Listing) -> Vec<&str> {
        listing.rows.iter().map(|row| &row.path[..]).collect()
    }

    #[test]
    fn what_vanishes_between_looking_and_reading_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b", "c", "d"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let found = look(&folder, 10);
        fs::remove_file(folder.path().join("b")).unwrap();
        fs::remove_file(folder.path().join("c")).unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("c")).unwrap();
        fs::write(folder.path().join("d"), "d has grown beyond the limit").unwrap();
        let listing = identify(found, Known::default(), 10, &mut || false).unwrap();
        assert_eq!(paths(&listing), ["a"]);
        assert_eq!(listing.rows[0].blob, Blob::Hashed(blob_id(b"a")));
        assert_eq!(listing.skipped, [("d".to_string(), "too-large")]);
    }

    #[test]
    fn a_file_that_changes_once_while_it_is_read_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "before").unwrap();
        let mut reads = Vec::new();
        let read = read_file(
            path.as_os_str().as_bytes(),
            1000,
            &mut Vec::new(),
            &mut |data| {
                reads.push(data.to_vec());
                if reads.len() == 1 {
                    fs::write(&path, "changed meanwhile").unwrap();
                }
            },
        );
        let read = read.unwrap().unwrap();
        assert_eq!(reads, [&b"before"[..], b"changed meanwhile"]);
        assert_eq!(
            (read.blob, read.look.size),
            (blob_id(b"changed meanwhile"), 17)
        );
        assert!(read.looked_ns > 0);
    }

    #[test]
    fn a_file_that_keeps_changing_is_taken_as_read_and_not_believed_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "x".repeat(10_000)).unwrap();
        let mut last = Vec::new();
        let read = read_file(
            path.as_os_str().as_bytes(),
            1_000_000,
            &mut Vec::new(),
            &mut |data| {
                last = data.to_vec();
                OpenOptions::new()
                    .append(true)
                    .open(&path)
                    .unwrap()
                    .write_all(b"y")
                    .unwrap();
            },
        );
        let read = read.unwrap().unwrap();
        assert_eq!(
            (read.looked_ns, read.blob, read.look.size),
            (0, blob_id(&last), 10_002)
        );
        assert!(!settled(
            read.look.mtime_ns,
            read.look.ctime_ns,
            read.looked_ns
        ));
    }

    #[test]
    fn a_walk_stops_when_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "a").unwrap();
        let root = folder.path().as_os_str().as_bytes();
        for last in 0..2 {
            let mut asked = 0;
            let stopped = walk(root, Known::default(), 10, &user(), &mut || {
                asked += 1;
                asked > last
            });
            assert!(matches!(stopped, Err(Failure::Stopped)));
        }
    }
}
