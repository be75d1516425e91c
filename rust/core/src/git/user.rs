//! Where a user's own files lie, and git's settings for this machine and user.

use std::ffi::{CStr, CString, OsString};
use std::os::unix::ffi::OsStringExt;

use super::settings::{Settings, settings_of};
use super::{join, read_regular, split};

/// Files that one file of settings may include, the included ones' counted; see the twin.
const MOST_INCLUDED: usize = 1000;

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
            self.read_settings(&path, &mut settings);
        }
        settings
    }

    /// A git configuration file; `include.path` is followed where it stands, `includeIf` is not.
    pub(super) fn read_settings(&self, path: &[u8], into: &mut Settings) {
        self.include(path, 0, &mut { MOST_INCLUDED }, into);
    }

    fn include(&self, path: &[u8], depth: usize, left: &mut usize, into: &mut Settings) {
        let Some((text, _)) = read_regular(path, true) else {
            return;
        };
        for (key, value) in settings_of(&text) {
            let file = (key == b"include.path" && depth < 10 && *left > 0) // git's own limit
                .then(|| join(split(path).0, &self.expand(&value)));
            into.insert(key, value);
            if let Some(file) = file {
                *left -= 1;
                self.include(&file, depth + 1, left, into);
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
