//! Which repository a folder lies in, and what is checked out there.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::files::{first_line, read_regular};
use super::settings::{Settings, says_yes, stripped};
use super::{User, absolute, join, normal, path_of, real, split};

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

/// Names that lead to one another, as git follows them.
const MOST_REFS: usize = 5;

/// The id of the commit that is checked out at `path`, 40 or 64 small hexadecimal digits; None before the first one, or if git does not say.
pub fn commit_id(path: &[u8], user: &User) -> Option<Vec<u8>> {
    let found = repository(path, user)?;
    let mut line = first_line(&join(&found.git_dir, b"HEAD"))?;
    for _ in 0..MOST_REFS {
        if is_hex(&line) {
            return Some(line.to_ascii_lowercase());
        }
        let name = stripped(line.strip_prefix(b"ref:")?).to_vec();
        if !name.starts_with(b"refs/") || name.windows(2).any(|two| two == b"..") {
            return None;
        }
        let loose = |folder| first_line(&join(folder, &name)).filter(|line| !line.is_empty());
        line = loose(&found.git_dir)
            .or_else(|| loose(&found.common_dir))
            .or_else(|| packed(&found.common_dir, &name))?;
    }
    None
}

/// The commit of a reference that lies packed with others.
fn packed(common_dir: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let (data, _) = read_regular(&join(common_dir, b"packed-refs"), true)?;
    data.split(|&byte| byte == b'\n').find_map(|line| {
        let blank = line.iter().position(|&byte| byte == b' ')?;
        let mut of = &line[blank + 1..];
        while let Some(rest) = of.strip_suffix(b"\r") {
            of = rest;
        }
        (of == name).then(|| line[..blank].to_vec())
    })
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
    user.read_settings(&join(&common_dir, b"config"), &mut settings);
    if says_yes(&settings, b"extensions.worktreeconfig") {
        user.read_settings(&join(&git_dir, b"config.worktree"), &mut settings);
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
