//! Where groma's things are on this system: its data directory, its socket, its Python. The same rules as `groma.places` and `groma.serve.sockets`.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::value::RawValue;

use crate::json::Members;
use crate::system::own_user;

/// The longest path of a socket, in bytes: 107 on Linux, 103 on macOS.
const PATH_BYTES: usize = 103;

/// What the command line said.
#[derive(Default)]
pub struct Options {
    pub toolset: String,
    pub python: Option<PathBuf>,
    pub data_dir: Option<PathBuf>,
}

/// What holds here.
pub struct Place {
    pub data_dir: PathBuf,
    /// No daemon is wanted.
    pub alone: bool,
}

impl Place {
    /// Reads the environment, and asks Python where the user's file sets one of these.
    pub fn find(options: &Options) -> Result<Place, String> {
        let mut place = Place {
            data_dir: default_data_dir(),
            alone: false,
        };
        let file = config_file();
        if file.exists() {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if ["data_dir", "daemon", "read_only"]
                .iter()
                .any(|name| text.contains(name))
            {
                place.ask(options)?;
            }
        }
        if let Some(given) = variable("GROMA_DATA_DIR").map(PathBuf::from) {
            place.data_dir = expanded(given);
        }
        if let Some(given) = &options.data_dir {
            place.data_dir = expanded(given.clone());
        }
        // One that may not change anything gets a server of its own: the daemon was started by another, who may.
        let said = |name, words: &[&str]| {
            variable(name).map(|value| {
                words.contains(&value.to_string_lossy().trim().to_lowercase().as_str())
            })
        };
        place.alone = said("GROMA_DAEMON", &["off"]).unwrap_or(place.alone);
        place.alone |= said("GROMA_READ_ONLY", &["on", "true", "yes", "1"]).unwrap_or(false);
        Ok(place)
    }

    fn ask(&mut self, options: &Options) -> Result<(), String> {
        let mut command = python(options)?;
        let asked = command
            .args(["config", "show", "--json"])
            .current_dir("/")
            .stdin(Stdio::null())
            .output();
        let said = asked.map_err(|e| format!("groma's settings cannot be asked for: {e}"))?;
        let text = String::from_utf8_lossy(&said.stdout);
        let rows = Members::read(&text).and_then(|all| {
            all.get("settings")
                .and_then(|rows| serde_json::from_str::<Vec<&RawValue>>(rows).ok())
        });
        let Some(rows) = rows.filter(|_| said.status.success()) else {
            let why = String::from_utf8_lossy(&said.stderr);
            return Err(format!(
                "groma's settings cannot be read: {}",
                why.trim().trim_start_matches("groma: ")
            ));
        };
        for row in rows.iter().filter_map(|row| Members::read(row.get())) {
            match (row.string("name").as_deref(), row.string("value")) {
                (Some("data_dir"), Some(path)) => self.data_dir = path.into(),
                (Some("daemon"), Some(value)) => self.alone |= value == "off",
                (Some("read_only"), _) => {
                    self.alone |= row
                        .get("value")
                        .is_some_and(|value| value != "false" && value != "0")
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Where the daemon of this data directory listens.
    pub fn socket(&self) -> PathBuf {
        let name = key(&self.data_dir);
        let mut found = Vec::new();
        if let Some(runtime) = variable("XDG_RUNTIME_DIR")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute() && is_ours(path))
        {
            found.push(runtime.join(format!("groma-{name}.sock")));
        }
        let temporary = variable("TMPDIR")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        for folder in temporary.into_iter().chain(["/tmp".into()]) {
            found.push(
                folder
                    .join(format!("groma-{}", own_user()))
                    .join(format!("{name}.sock")),
            );
        }
        let last = found.len() - 1;
        let at = found
            .iter()
            .position(|path| path.as_os_str().len() <= PATH_BYTES)
            .unwrap_or(last);
        found.swap_remove(at)
    }
}

/// A command that runs `groma`: the interpreter it belongs to, else the script beside this binary, else the one on PATH.
pub fn python(options: &Options) -> Result<Command, String> {
    if let Some(python) = &options.python {
        let mut command = Command::new(python);
        command.args(["-P", "-m", "groma"]);
        return Ok(command);
    }
    let own = env::current_exe().ok();
    let called = env::args_os()
        .next()
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let linked = own.as_ref().and_then(|path| path.canonicalize().ok());
    let folders = [called, own, linked]
        .into_iter()
        .flatten()
        .filter_map(|path| path.parent().map(Path::to_owned));
    let path = variable("PATH").unwrap_or_default();
    let known = folders.chain(env::split_paths(&path).filter(|folder| folder.is_absolute()));
    let script = known
        .map(|folder| folder.join("groma"))
        .find(|path| is_program(path));
    script.map(Command::new).ok_or_else(|| "groma's Python package is not beside groma-mcp nor on PATH; name its interpreter: --python PATH".into())
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// An environment variable that is set to something.
pub fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn home() -> PathBuf {
    env::home_dir().unwrap_or_else(|| "/".into())
}

#[cfg(target_os = "macos")]
fn default_data_dir() -> PathBuf {
    home().join("Library/Application Support/groma")
}

#[cfg(target_os = "macos")]
fn config_file() -> PathBuf {
    home().join("Library/Application Support/groma/config.toml")
}

#[cfg(not(target_os = "macos"))]
fn default_data_dir() -> PathBuf {
    xdg("XDG_DATA_HOME", ".local/share").join("groma")
}

#[cfg(not(target_os = "macos"))]
fn config_file() -> PathBuf {
    xdg("XDG_CONFIG_HOME", ".config").join("groma/config.toml")
}

#[cfg(not(target_os = "macos"))]
fn xdg(name: &str, default: &str) -> PathBuf {
    let given = variable(name)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    given.unwrap_or_else(|| home().join(default))
}

/// An absolute path, without `~` and `..`.
fn expanded(path: PathBuf) -> PathBuf {
    let path = path
        .strip_prefix("~")
        .map(|rest| home().join(rest))
        .unwrap_or(path);
    let mut whole = PathBuf::new();
    for part in env::current_dir()
        .unwrap_or_default()
        .join(path)
        .components()
    {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(whole.pop()),
            part => whole.push(part),
        }
    }
    whole
}

/// Without symbolic links, as far as the path exists.
pub fn real(path: &Path) -> PathBuf {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(found), _, _) => found,
        (_, Some(folder), Some(name)) => real(folder).join(name),
        _ => path.to_owned(),
    }
}

/// Is it a folder of this user's that nobody else may enter?
fn is_ours(folder: &Path) -> bool {
    folder
        .symlink_metadata()
        .is_ok_and(|found| found.is_dir() && found.uid() == own_user() && found.mode() & 0o077 == 0)
}

/// What names a data directory, whatever the path it is reached by: 16 hex digits.
fn key(data_dir: &Path) -> String {
    let bytes = real(data_dir).into_os_string().as_bytes().to_vec();
    format!(
        "{:08x}{:08x}",
        crc32(bytes.iter()),
        crc32(bytes.iter().rev())
    )
}

fn crc32<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 * (crc & 1));
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_zlibs() {
        assert_eq!(crc32(b"123456789".iter()), 0xCBF4_3926);
        assert_eq!(crc32([].iter()), 0);
    }

    #[test]
    fn a_path_that_is_not_there_yet_has_a_key() {
        assert_eq!(
            real(Path::new("/nowhere/at/all")),
            Path::new("/nowhere/at/all")
        );
        assert_eq!(key(Path::new("/nowhere/at/all")).len(), 16);
        assert_eq!(expanded("/a/b/../c/./d/".into()), Path::new("/a/c/d"));
    }
}
