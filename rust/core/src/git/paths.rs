//! Paths as bytes, put together and resolved as Python's `os.path` does.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

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
