//! What git knows about a folder, read from git's own files: repository, settings, index, branch. Twin of `groma._pure.git`.
//!
//! Paths are bytes. Whatever is missing, damaged, of a newer format or not a plain file answers like "git does not know".

use std::collections::{BTreeSet, HashMap};
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use sha1::{Digest, Sha1};
use sha2::Sha256;

/// git's blob id: SHA-1 over "blob <size>\0<content>". The crate asks the processor for its SHA instructions at run time.
pub fn blob_id(data: &[u8]) -> [u8; 20] {
    let mut digest = Sha1::new();
    digest.update(format!("blob {}\0", data.len()));
    digest.update(data);
    digest.finalize().into()
}

pub const EMPTY_BLOB: [u8; 20] = [
    0xe6, 0x9d, 0xe2, 0x9b, 0xb2, 0xd1, 0xd6, 0x43, 0x4b, 0x8b, 0x29, 0xae, 0x77, 0x5a, 0xd8, 0xc2,
    0xe4, 0x8c, 0x53, 0x91,
];

// ---------------------------------------------------------------------------------------------------------------- paths

/// Bytes as a path.
pub fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// Python's `os.path.join` of two.
pub fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if name.starts_with(b"/") || folder.is_empty() {
        return name.to_vec();
    }
    let mut path = Vec::with_capacity(folder.len() + name.len() + 1);
    path.extend_from_slice(folder);
    if !folder.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// Python's `os.path.split`: what is above the last slash, without slashes at its end, and what follows it.
pub fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let cut = path
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |at| at + 1);
    let (head, tail) = path.split_at(cut);
    let kept = head.len() - head.iter().rev().take_while(|&&byte| byte == b'/').count();
    (if kept == 0 { head } else { &head[..kept] }, tail)
}

/// Python's `os.path.normpath`: no empty names, no `.`, and `..` resolved by the text alone.
pub fn normal(path: &[u8]) -> Vec<u8> {
    let slashes = path.iter().take_while(|&&byte| byte == b'/').count();
    let lead = if slashes == 2 { 2 } else { slashes.min(1) };
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if lead > 0 && names.is_empty() => {}
            b".." if names.last().is_some_and(|last| *last != b"..") => {
                names.pop();
            }
            _ => names.push(name),
        }
    }
    let mut normal = vec![b'/'; lead];
    normal.extend(names.join(&b'/'));
    if normal.is_empty() {
        b".".to_vec()
    } else {
        normal
    }
}

/// `path` from the working directory, as Python's `os.path.abspath`.
pub fn absolute(path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") {
        normal(path)
    } else {
        normal(&join(&working_directory(), path))
    }
}

fn working_directory() -> Vec<u8> {
    std::env::current_dir().map_or_else(
        |_| b"/".to_vec(),
        |folder| folder.into_os_string().into_vec(),
    )
}

/// Python's `os.path.realpath`: absolute, links resolved as far as there are any; what does not exist stays as it is.
pub fn real(path: &[u8]) -> Vec<u8> {
    enum Step {
        Name(Vec<u8>),
        Resolved(Vec<u8>),
    }
    let names = |path: &[u8]| -> Vec<Step> {
        let parts = path
            .split(|&byte| byte == b'/')
            .filter(|name| !name.is_empty() && *name != b".");
        parts.rev().map(|name| Step::Name(name.to_vec())).collect()
    };
    let mut found = if path.starts_with(b"/") {
        b"/".to_vec()
    } else {
        working_directory()
    };
    let mut seen: HashMap<Vec<u8>, Option<Vec<u8>>> = HashMap::new();
    let mut left = names(path);
    while let Some(step) = left.pop() {
        let name = match step {
            Step::Resolved(link) => {
                seen.insert(link, Some(found.clone()));
                continue;
            }
            Step::Name(name) => name,
        };
        if name == b".." {
            found = split(&found).0.to_vec();
            continue;
        }
        let next = join(&found, &name);
        match fs::read_link(path_of(&next)) {
            Err(_) => found = next,
            Ok(target) => match seen.get(&next) {
                Some(Some(known)) => found.clone_from(known),
                Some(None) => {
                    // A loop: the rest stays as it stands.
                    found = next;
                    for step in left.iter().rev() {
                        if let Step::Name(name) = step {
                            found = join(&found, name);
                        }
                    }
                    return normal(&found);
                }
                None => {
                    let target = target.into_os_string().into_vec();
                    if target.starts_with(b"/") {
                        found = b"/".to_vec();
                    }
                    seen.insert(next.clone(), None);
                    left.push(Step::Resolved(next));
                    left.extend(names(&target));
                }
            },
        }
    }
    normal(&found)
}

/// Where the user's own files lie. Read once, where nobody changes the environment meanwhile.
#[derive(Clone, Debug, Default)]
pub struct User {
    pub home: Option<Vec<u8>>,
    pub xdg_config_home: Option<Vec<u8>>,
}

impl User {
    /// What HOME and XDG_CONFIG_HOME say.
    pub fn from_environment() -> User {
        let variable = |name: &str| std::env::var_os(name).map(OsString::into_vec);
        User {
            home: variable("HOME"),
            xdg_config_home: variable("XDG_CONFIG_HOME"),
        }
    }

    /// Python's `os.path.expanduser`: `~` and `~name` at the beginning of a path.
    pub fn expand(&self, path: &[u8]) -> Vec<u8> {
        let Some(after) = path.strip_prefix(b"~") else {
            return path.to_vec();
        };
        let cut = after
            .iter()
            .position(|&byte| byte == b'/')
            .unwrap_or(after.len());
        let (name, rest) = after.split_at(cut);
        let home = if name.is_empty() {
            self.home.clone().or_else(|| home_of(None))
        } else {
            home_of(Some(name))
        };
        let Some(mut home) = home else {
            return path.to_vec();
        };
        while home.ends_with(b"/") {
            home.pop();
        }
        home.extend_from_slice(rest);
        if home.is_empty() { b"/".to_vec() } else { home }
    }

    /// Where git keeps a user's files by default: $XDG_CONFIG_HOME/git or ~/.config/git.
    pub fn folder(&self) -> Vec<u8> {
        match &self.xdg_config_home {
            Some(folder) if !folder.is_empty() => join(folder, b"git"),
            _ => join(&self.expand(b"~/.config"), b"git"),
        }
    }

    /// git's settings of this machine and user; ~/.gitconfig wins over its XDG place, that over /etc/gitconfig.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::new();
        for path in [
            b"/etc/gitconfig".to_vec(),
            join(&self.folder(), b"config"),
            self.expand(b"~/.gitconfig"),
        ] {
            self.read_settings(&path, 0, &mut settings);
        }
        settings
    }

    /// A git configuration file; `include.path` is followed where it stands, `includeIf` is not.
    fn read_settings(&self, path: &[u8], depth: usize, into: &mut Settings) {
        let Some((text, _)) = read_regular(path, true) else {
            return;
        };
        for (key, value) in settings_of(&text) {
            let file = (key == b"include.path" && depth < 10) // git's own limit
                .then(|| join(split(path).0, &self.expand(&value)));
            into.insert(key, value);
            if let Some(file) = file {
                self.read_settings(&file, depth + 1, into);
            }
        }
    }
}

/// The home folder that the system has on record for a user, by default the one we run as.
fn home_of(name: Option<&[u8]>) -> Option<Vec<u8>> {
    let name = name.map(CString::new).transpose().ok()?;
    let mut room = vec![0u8; 1 << 14];
    // SAFETY: an all-zero `passwd` is a valid one (null pointers and zeros); it is only read after a call filled it in.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found: *mut libc::passwd = std::ptr::null_mut();
    // SAFETY: `entry`, `room` with its length, and `found` outlive the call; the name ends in a NUL.
    let code = unsafe {
        let (entry, room, length) = (&raw mut entry, room.as_mut_ptr().cast(), room.len());
        match &name {
            Some(name) => libc::getpwnam_r(name.as_ptr(), entry, room, length, &raw mut found),
            None => libc::getpwuid_r(libc::getuid(), entry, room, length, &raw mut found),
        }
    };
    if code != 0 || found.is_null() || entry.pw_dir.is_null() {
        return None;
    }
    // SAFETY: the call succeeded, so `pw_dir` points to a NUL-ended text inside `room`, which is still there.
    Some(unsafe { CStr::from_ptr(entry.pw_dir) }.to_bytes().to_vec())
}

// -------------------------------------------------------------------------------------------------- reading small files

/// Opens for reading, never blocking on a FIFO that lies where a file is expected.
pub fn open(path: &[u8], follow: bool) -> io::Result<File> {
    let flags = libc::O_NONBLOCK | if follow { 0 } else { libc::O_NOFOLLOW };
    OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path_of(path))
}

/// A regular file's bytes and its stat from before the reading; None if it is missing, unreadable or no file.
///
/// Without `follow` a symbolic link at the end of `path` counts as missing.
pub fn read_regular(path: &[u8], follow: bool) -> Option<(Vec<u8>, Metadata)> {
    let mut file = open(path, follow).ok()?;
    let status = file.metadata().ok()?;
    if !status.is_file() {
        return None;
    }
    let mut data =
        Vec::with_capacity(usize::try_from(status.len()).map_or(0, |size| size.min(1 << 30)) + 1);
    file.read_to_end(&mut data).ok()?;
    Some((data, status))
}

fn first_line(path: &[u8]) -> Option<Vec<u8>> {
    let (mut data, _) = read_regular(path, true)?;
    if let Some(end) = data.iter().position(|&byte| byte == b'\n') {
        data.truncate(end);
    }
    while data.ends_with(b"\r") {
        data.pop();
    }
    Some(data)
}

/// `seconds` and `nanoseconds` as nanoseconds since the epoch, cut to what 64 bits hold: years 1677 to 2262.
pub fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    let exact = i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds);
    i64::try_from(exact).unwrap_or(if exact < 0 { i64::MIN } else { i64::MAX })
}

// --------------------------------------------------------------------------------------------------------- repositories

/// git's settings: "section.name" or "section.subsection.name", lower case but for the subsection.
pub type Settings = HashMap<Vec<u8>, Vec<u8>>;

/// A git work tree. All paths are absolute; see the twin.
#[derive(Clone, Debug)]
pub struct Repository {
    pub top: Vec<u8>,
    pub git_dir: Vec<u8>,
    pub common_dir: Vec<u8>,
    pub settings: Settings,
}

impl Repository {
    /// Whether objects are named by SHA-256: its ids are of no use to us, its index still says what is tracked.
    pub fn sha256(&self) -> bool {
        self.settings
            .get(&b"extensions.objectformat"[..])
            .is_some_and(|value| value.eq_ignore_ascii_case(b"sha256"))
    }
}

/// The repository whose work tree `root` lies in: that of this folder itself or of the nearest folder above it.
///
/// None in a bare repository, inside a git directory, and where there is no git. As in git, the search ends at a mount
/// point.
pub fn repository(root: &[u8], user: &User) -> Option<Repository> {
    let mut folder = real(root);
    let device = fs::metadata(path_of(&folder)).ok()?.dev();
    loop {
        if let Some(git_dir) = git_dir_of(&folder) {
            return open_repository(folder, git_dir, user);
        }
        let parent = split(&folder).0.to_vec();
        if parent == folder
            || is_git_directory(&folder)
            || fs::metadata(path_of(&parent)).ok()?.dev() != device
        {
            return None;
        }
        folder = parent;
    }
}

/// The repository whose work tree has exactly `folder` as its top.
pub fn repository_at(folder: &[u8], user: &User) -> Option<Repository> {
    open_repository(folder.to_vec(), git_dir_of(folder)?, user)
}

/// The nearest folder at or above `path` that is the top of a git work tree; symbolic links resolved.
pub fn top_level(path: &[u8], user: &User) -> Option<Vec<u8>> {
    let found = if path_of(path).is_dir() {
        repository(path, user)
    } else {
        repository(split(&absolute(path)).0, user)
    };
    Some(found?.top)
}

/// What is checked out at `path`: the branch's name, or 7 digits of a detached commit; None if git does not say.
pub fn head(path: &[u8], user: &User) -> Option<Vec<u8>> {
    let line = first_line(&join(&repository(path, user)?.git_dir, b"HEAD"))?;
    if let Some(name) = line.strip_prefix(b"ref:") {
        let name = stripped(name);
        let name = name.strip_prefix(b"refs/heads/").unwrap_or(name);
        return (name != b".invalid").then(|| name.to_vec()); // what HEAD says where refs are kept in a reftable
    }
    is_hex(&line).then(|| line[..7].to_vec())
}

/// Whether `folder` is git's own storage (a `.git` or a bare repository): HEAD, objects, refs, as git tests it.
pub fn is_git_directory(folder: &[u8]) -> bool {
    let Some(line) = first_line(&join(folder, b"HEAD")) else {
        return false;
    };
    if !(line.starts_with(b"ref:") || is_hex(&line)) {
        return false;
    }
    let common = common_dir_of(folder);
    [&b"objects"[..], b"refs"]
        .iter()
        .all(|name| path_of(&join(&common, name)).is_dir())
}

fn is_hex(text: &[u8]) -> bool {
    matches!(text.len(), 40 | 64) && text.iter().all(u8::is_ascii_hexdigit)
}

/// Without git's blanks at both ends.
fn stripped(text: &[u8]) -> &[u8] {
    let begin = text
        .iter()
        .position(|&byte| !is_blank(byte))
        .unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|&byte| !is_blank(byte))
        .map_or(begin, |last| last + 1);
    &text[begin..end]
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn common_dir_of(git_dir: &[u8]) -> Vec<u8> {
    match first_line(&join(git_dir, b"commondir")) {
        Some(line) if !line.is_empty() => normal(&join(git_dir, &line)),
        _ => git_dir.to_vec(),
    }
}

/// Where `top/.git` is or, being a file (in worktrees and submodules), points to, if that is a git directory.
fn git_dir_of(top: &[u8]) -> Option<Vec<u8>> {
    let mut path = join(top, b".git");
    if let Some(line) = first_line(&path) {
        path = normal(&join(top, stripped(line.strip_prefix(b"gitdir:")?)));
    }
    is_git_directory(&path).then_some(path)
}

fn open_repository(top: Vec<u8>, git_dir: Vec<u8>, user: &User) -> Option<Repository> {
    let common_dir = common_dir_of(&git_dir);
    let mut settings = Settings::new();
    user.read_settings(&join(&common_dir, b"config"), 0, &mut settings);
    if says_yes(&settings, b"extensions.worktreeconfig") {
        user.read_settings(&join(&git_dir, b"config.worktree"), 0, &mut settings);
    }
    if git_dir == common_dir && says_yes(&settings, b"core.bare") {
        return None; // a linked worktree of a bare repository is a work tree, the bare one is not
    }
    Some(Repository {
        top,
        git_dir,
        common_dir,
        settings,
    })
}

// ------------------------------------------------------------------------------------------------------------- settings

/// What git takes a setting's text for where it wants a yes or no; a setting that is not there is a no.
pub fn says_yes(settings: &Settings, key: &[u8]) -> bool {
    settings.get(key).is_some_and(|value| is_true(value))
}

pub fn is_true(value: &[u8]) -> bool {
    ![&b"false"[..], b"no", b"off", b"0", b""]
        .iter()
        .any(|no| value.eq_ignore_ascii_case(no))
}

/// The (key, value) pairs of a configuration file, in its order. A line git would refuse is passed over.
pub fn settings_of(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut clean = Vec::with_capacity(text.len() + 1);
    for (at, &byte) in text.iter().enumerate() {
        if byte != b'\r' || text.get(at + 1) != Some(&b'\n') {
            clean.push(byte);
        }
    }
    clean.push(b'\n');
    let text = &clean[..];
    let mut found = Vec::new();
    let mut section: Vec<u8> = Vec::new();
    let mut place = 0;
    loop {
        while let Some(&byte) = text.get(place) {
            match byte {
                b'#' | b';' => place = line_end(text, place),
                _ if is_blank(byte) => place += 1,
                _ => break,
            }
        }
        if place >= text.len() {
            return found;
        }
        if let Some((header, after)) = section_at(text, place) {
            section = header;
            place = after;
        } else if let Some((name, assigned, after)) =
            key_at(text, place).filter(|_| !section.is_empty())
        {
            let mut key = section.clone();
            key.push(b'.');
            key.extend(name.to_ascii_lowercase());
            place = after;
            let mut value = b"true".to_vec();
            if assigned {
                (value, place) = setting_value(text, place);
            }
            found.push((key, value));
        } else {
            place = line_end(text, place);
        }
    }
}

/// Where the line that `place` lies in ends; every line does.
fn line_end(text: &[u8], place: usize) -> usize {
    text[place..]
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or(text.len(), |at| place + at)
}

fn skip(text: &[u8], place: usize, wanted: impl Fn(u8) -> bool) -> usize {
    text[place..]
        .iter()
        .position(|&byte| !wanted(byte))
        .map_or(text.len(), |at| place + at)
}

/// `[section]` or `[section "subsection"]` at `place`, and where it ends.
fn section_at(text: &[u8], place: usize) -> Option<(Vec<u8>, usize)> {
    if text[place] != b'[' {
        return None;
    }
    let begin = skip(text, place + 1, is_blank);
    let end = skip(text, begin, |byte| {
        byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'
    });
    if begin == end {
        return None;
    }
    let mut name = text[begin..end].to_ascii_lowercase();
    let mut place = end;
    let quote = skip(text, end, |byte| byte == b' ' || byte == b'\t');
    if quote > end && text.get(quote) == Some(&b'"') {
        name.push(b'.');
        place = quote + 1;
        loop {
            match *text.get(place)? {
                b'"' => break,
                b'\n' => return None,
                b'\\' => {
                    place += 1;
                    match *text.get(place)? {
                        b'\n' => return None,
                        byte => name.push(byte),
                    }
                }
                byte => name.push(byte),
            }
            place += 1;
        }
        place += 1;
    }
    let close = skip(text, place, is_blank);
    (text.get(close) == Some(&b']')).then_some((name, close + 1))
}

/// A key at `place`, whether a value follows, and where that begins.
fn key_at(text: &[u8], place: usize) -> Option<(&[u8], bool, usize)> {
    if !text[place].is_ascii_alphabetic() {
        return None;
    }
    let end = skip(text, place, |byte| {
        byte.is_ascii_alphanumeric() || byte == b'-'
    });
    let after = skip(text, end, |byte| byte == b' ' || byte == b'\t');
    match text.get(after)? {
        b'=' => Some((&text[place..end], true, after + 1)),
        b'\n' | b'#' | b';' => Some((&text[place..end], false, after)),
        _ => None,
    }
}

/// What stands after `=`, quotes, escapes and continued lines resolved, comments dropped; and where it ends.
fn setting_value(text: &[u8], mut place: usize) -> (Vec<u8>, usize) {
    let mut value = Vec::new();
    let mut kept = 0; // length up to the last character that is not a blank outside of quotes
    let mut quoted = false;
    while text[place] != b'\n' {
        let byte = text[place];
        place += 1;
        match byte {
            b'"' => {
                quoted = !quoted;
                kept = value.len();
            }
            b'#' | b';' if !quoted => place = line_end(text, place),
            b'\\' => {
                if text[place] != b'\n' {
                    value.push(match text[place] {
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'b' => 8,
                        other => other,
                    });
                    kept = value.len();
                }
                place = (place + 1).min(text.len() - 1);
            }
            _ if quoted || !is_blank(byte) => {
                value.push(byte);
                kept = value.len();
            }
            _ if !value.is_empty() => value.push(byte),
            _ => {}
        }
    }
    value.truncate(kept);
    (value, place)
}

// ---------------------------------------------------------------------------------------------------------------- index

pub const ASSUME_VALID: i64 = 0x8000;
pub const SKIP_WORKTREE: i64 = 0x4000 << 16;
pub const INTENT_TO_ADD: i64 = 0x2000 << 16;
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
    let Some((data, status)) = read_regular(&join(git_dir, b"index"), true) else {
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
        if following > end {
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
    let (data, _) = read_regular(&join(git_dir, format!("sharedindex.{id}").as_bytes()), true)?;
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
