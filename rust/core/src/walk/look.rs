//! What lies in a folder: lists, stats and judges, reading only rule files.

use std::fs::{self, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use rayon::prelude::*;

use super::Failure;
use super::conversions::{Conversions, conversions_above};
use super::secrets::is_secret;
use crate::git::{self, Index, User, is_git_directory, nanoseconds, now_ns, path_of};
use crate::ignore::{Checkout, Fate, Ground, Present, child, enter, fate, shown, survey};
use crate::threads::share_out;

/// Folders that are looked at before somebody asks whether to stop.
const LOOK_BATCH: usize = 512;

/// One regular file: its name is a piece of its folder's.
#[derive(Debug)]
pub(super) struct Look {
    name: Vec<u8>,
    pub(super) size: i64,
    pub(super) mtime_ns: i64,
    pub(super) ctime_ns: i64,
    pub(super) inode: i64,
    pub(super) index_blob: Option<[u8; 20]>,
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
    pub(super) skipped: Vec<(String, &'static str)>,
}

#[derive(Debug)]
pub(super) struct Found {
    pub(super) base: Vec<u8>,
    /// Path below the root.
    pub(super) rows: Vec<(String, Look)>,
    pub(super) skipped: Vec<(String, &'static str)>,
    pub(super) looked_ns: i64,
}

/// Lists and stats, reading only rule files.
pub(super) fn look_around(
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
        level = Vec::with_capacity(following.len());
        let mut waiting = following.into_iter();
        while waiting.len() > 0 {
            if stop() {
                return Err(Failure::Stopped);
            }
            let batch: Vec<Place> = waiting.by_ref().take(LOOK_BATCH).collect();
            let look = |place| contents_or_why(place, &base, max_file_bytes);
            share_out(|| level.par_extend(batch.into_par_iter().map(look)));
        }
    }
    Ok(Found {
        base,
        rows: in_order(folders),
        skipped,
        looked_ns,
    })
}

/// What a folder below the root holds; of one that cannot be listed, why.
fn contents_or_why(place: Place, base: &[u8], max_file_bytes: u64) -> Contents {
    let below = place.ground.path[place.ground.lead..]
        .strip_suffix(b"/")
        .unwrap_or_default()
        .to_vec();
    contents(place, base, max_file_bytes).unwrap_or_else(|error| Contents {
        skipped: note(&below, &error).into_iter().collect(),
        ..Contents::default()
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

/// One folder's entries as the system lists them, and which of the names that matter are among them.
#[derive(Default)]
struct Listed {
    entries: Vec<(Vec<u8>, fs::DirEntry)>,
    present: Present,
    attributes: bool,
    /// HEAD, objects and refs, as a bare repository has them.
    bare: [bool; 3],
}

fn listed(folder: &[u8]) -> io::Result<Listed> {
    let mut found = Listed::default();
    for entry in fs::read_dir(path_of(folder))? {
        let entry = entry?;
        let name = entry.file_name().into_vec();
        match &name[..] {
            b".gitattributes" => found.attributes = true,
            b"HEAD" => found.bare[0] = true,
            b"objects" => found.bare[1] = true,
            b"refs" => found.bare[2] = true,
            name => found.present.note(name),
        }
        found.entries.push((name, entry));
    }
    Ok(found)
}

/// Lists one folder and judges all its entries.
fn contents(place: Place, base: &[u8], max_file_bytes: u64) -> io::Result<Contents> {
    let Place {
        mut ground,
        mut conversions,
    } = place;
    let listed = listed(&ground.folder)?;
    let mut held = Contents::default();
    if listed.bare == [true; 3] && is_bare(&ground) {
        let below = ground.path[ground.lead..].strip_suffix(b"/");
        let below = below.map_or_else(|| ".".into(), shown);
        held.skipped.push((below, "git-directory"));
        return Ok(held);
    }
    if listed.present.any() {
        let outer = ground.checkout.clone();
        ground = enter(ground, listed.present);
        if let Some(checkout) = &ground.checkout
            && !outer.is_some_and(|outer| Arc::ptr_eq(&outer, checkout))
        {
            conversions = Arc::new(conversions_above(&ground));
        }
    }
    if listed.attributes && ground.checkout.is_some() {
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
    let judge = Judge {
        tracked: checkout.map(|checkout| {
            let below = checkout.index.below(&ground.path[checkout.origin..]);
            (checkout, below)
        }),
        ground: &ground,
        conversions: &conversions,
        base,
        max_file_bytes,
    };
    let mut path = ground.path.clone();
    for (name, entry) in listed.entries {
        if name != b".git" {
            path.truncate(ground.path.len());
            path.extend_from_slice(&name);
            judge.add(name, &entry, &path, &mut held);
        }
    }
    held.items
        .sort_unstable_by(|one, other| one.key().cmp(other.key()));
    Ok(held)
}

/// What the entries of one folder are judged by.
struct Judge<'a> {
    ground: &'a Ground,
    conversions: &'a Arc<Conversions>,
    /// The index, where it can be used, and the places in it of what lies in the folder.
    tracked: Option<(&'a Checkout, Range<usize>)>,
    base: &'a [u8],
    max_file_bytes: u64,
}

impl Judge<'_> {
    /// Add the entry `name`, whose path from the ground's origin is `path`, to what the folder holds, or why not.
    fn add(&self, name: Vec<u8>, entry: &fs::DirEntry, path: &[u8], held: &mut Contents) {
        let ground = self.ground;
        let below = &path[ground.lead..];
        let kind = match entry.file_type() {
            Ok(kind) => Some(kind),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return held.skipped.extend(note(below, &error)),
        };
        let is_folder = kind.is_some_and(|kind| kind.is_dir());
        let what = fate(ground, &name, path, is_folder);
        if what == Fate::Ignored {
            return;
        }
        if std::str::from_utf8(&name).is_err() {
            held.skipped.push((shown(below), "name-not-utf8"));
        } else if is_folder {
            held.folders.push(Place {
                ground: child(ground, &name, what == Fate::OnlyTracked),
                conversions: self.conversions.clone(),
            });
            held.items.push(Item::Folder(name, held.folders.len() - 1));
        } else if kind.is_some_and(|kind| kind.is_symlink()) {
            let reason = link_reason(&[&ground.folder[..], &name].concat(), self.base);
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
                Ok(status) if status.len() > self.max_file_bytes => {
                    held.skipped.push((shown(below), "too-large"));
                }
                Ok(status) => {
                    let mut look = look_of(name, &status);
                    look.index_blob = self.index_blob(&look, path);
                    held.items.push(Item::File(look));
                }
            }
        }
    }

    /// The blob id that git's index has for a file, if it may be believed.
    fn index_blob(&self, look: &Look, path: &[u8]) -> Option<[u8; 20]> {
        let (checkout, places) = self.tracked.as_ref()?;
        let index = &checkout.index;
        let row = index.find(&path[checkout.origin..], places.clone())?;
        let believed =
            same_as_index(index, row, look) && !self.conversions.concern(&look.name, path);
        believed.then(|| index.entries[row].oid)
    }
}

pub(super) fn look_of(name: Vec<u8>, status: &Metadata) -> Look {
    Look {
        name,
        size: i64::try_from(status.len()).unwrap_or(i64::MAX),
        mtime_ns: nanoseconds(status.mtime(), status.mtime_nsec()),
        ctime_ns: nanoseconds(status.ctime(), status.ctime_nsec()),
        inode: git::inode(status),
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
pub(super) fn note(path: &[u8], error: &io::Error) -> Option<(String, &'static str)> {
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
