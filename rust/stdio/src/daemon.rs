//! The daemon, seen from a client: found, started where there is none, replaced where it is older than this front.

use std::env;
use std::ffi::OsString;
use std::fs::{DirBuilder, OpenOptions, TryLockError};
use std::io::{BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::front::complain;
use crate::json::{Members, Object, quoted};
use crate::lines::{LONGEST, Line, next};
use crate::place::{Options, Place, python, real, variable};
use crate::system::{detached, is_writable, own_user, peer};

/// How long one that was started has until it answers, and how long one that listens has to greet.
const START: Duration = Duration::from_secs(30);
const GREET: Duration = Duration::from_secs(10);

/// Between two looks at one that is starting.
const PAUSE: Duration = Duration::from_millis(5);

/// A log longer than this is put aside before a new daemon writes to it, in bytes.
const LOG_BYTES: u64 = 1_000_000;

/// The version of this front.
const OWN: &str = env!("CARGO_PKG_VERSION");

/// Of the environment, what a session may depend on; and all that begins with GROMA_.
const FORWARDED: [&str; 2] = ["CLAUDE_PROJECT_DIR", "XDG_CONFIG_HOME"];

pub struct Connection {
    pub input: BufReader<UnixStream>,
    pub output: UnixStream,
    core: String,
    data_dir: PathBuf,
    replace: bool,
}

/// A session with the daemon of this place, which is started where there is none. None where it is not the one to ask: nothing may be written, or
/// another core was demanded. The error is a sentence for the user.
pub fn connect(place: &Place, options: &Options) -> Result<Option<Connection>, String> {
    if place.data_dir.exists() && !is_writable(&place.data_dir) {
        return Ok(None);
    }
    let found = match greeted(place, options, OWN)? {
        Some(found) if !found.replace => found,
        _ => started(place, options)?,
    };
    let core = variable("GROMA_CORE").filter(|core| core != "auto");
    Ok(core
        .is_none_or(|core| core == found.core.as_str())
        .then_some(found))
}

/// Start a daemon, unless somebody else did meanwhile; an older one is stopped first.
fn started(place: &Place, options: &Options) -> Result<Connection, String> {
    let failed = |e: std::io::Error| {
        format!(
            "No daemon can be started for {}: {e}",
            place.data_dir.display()
        )
    };
    let locks = place.data_dir.join("locks");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&place.data_dir)
        .map_err(failed)?;
    DirBuilder::new()
        .recursive(true)
        .create(&locks)
        .map_err(failed)?;
    let path = locks.join("daemon-start.lock");
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    let until = Instant::now() + START;
    while let Err(why) = lock.try_lock() {
        // Of ten that find none, one starts it; one that hangs over it must not hold up the others for ever.
        match why {
            TryLockError::Error(e) => return Err(failed(e)),
            TryLockError::WouldBlock if Instant::now() > until => {
                return Err(format!(
                    "Another process has been starting a daemon for {} s",
                    START.as_secs()
                ));
            }
            TryLockError::WouldBlock => thread::sleep(PAUSE),
        }
    }
    let mut version = OWN.to_owned();
    match greeted(place, options, &version)? {
        Some(found) if !found.replace => return Ok(found),
        Some(older) => {
            // What counts is whether the one that we can start is newer: else each new session would end the daemon of all others, for nothing.
            version = startable(options)?;
            match greeted(place, options, &version)? {
                Some(found) if !found.replace => return Ok(found),
                again => stop(again.unwrap_or(older)),
            }
        }
        None => {}
    }
    let ended = start(place, options)?;
    let until = Instant::now() + START;
    while Instant::now() < until {
        match greeted(place, options, &version)? {
            Some(found) if !found.replace => return Ok(found),
            Some(_) if version == OWN => version = startable(options)?,
            Some(_) => {}
            None => {}
        }
        if let Ok(status) = ended.recv_timeout(PAUSE)
            && !status.success()
        {
            return Err(format!(
                "The daemon could not be started ({status}): {}",
                last_words(place)
            ));
        }
    }
    Err(format!(
        "The daemon did not answer within {} s of its start; see {}",
        START.as_secs(),
        log(place).display()
    ))
}

/// The version of the groma that we can start.
fn startable(options: &Options) -> Result<String, String> {
    let asked = python(options)?.arg("--version").current_dir("/").output();
    let said = asked.map_err(|e| format!("groma cannot be started: {e}"))?;
    let text = String::from_utf8_lossy(&said.stdout);
    let version = text.split_whitespace().last().unwrap_or_default();
    if version != OWN {
        complain(&format!(
            "groma-mcp is {OWN}, and the groma it works with is {version}"
        ));
    }
    Ok(version.to_owned())
}

/// A session with the daemon that there is, which is told that we are of this version; None if there is none.
fn greeted(place: &Place, options: &Options, version: &str) -> Result<Option<Connection>, String> {
    let told = || {
        let text = std::fs::read_to_string(place.data_dir.join("daemon.lock")).ok()?;
        Members::read(text.trim_end_matches('\0'))?.string("socket")
    };
    let wanted = place.socket();
    let told = told().map(PathBuf::from).filter(|path| *path != wanted);
    for (path, sure) in [(Some(wanted), true), (told, false)] {
        let Some(path) = path else { continue };
        if let Ok(stream) = UnixStream::connect(&path)
            && let Some(found) = greet(stream, options, version)?
            // Of a data directory that was copied, the lock file speaks of the daemon of the other one.
            && (sure || real(&found.data_dir) == real(&place.data_dir))
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// None where it left before it greeted.
fn greet(
    stream: UnixStream,
    options: &Options,
    version: &str,
) -> Result<Option<Connection>, String> {
    let failed = |e: std::io::Error| format!("The daemon cannot be talked to: {e}");
    match peer(&stream) {
        Ok(user) if user == own_user() => {}
        Ok(_) => return Err("Another user's process listens where the daemon should.".into()),
        Err(_) => return Ok(None), // macOS does not tell who it was that has left
    }
    stream.set_read_timeout(Some(GREET)).map_err(failed)?;
    stream.set_write_timeout(Some(GREET)).map_err(failed)?;
    let output = stream.try_clone().map_err(failed)?;
    let mut connection = Connection {
        input: BufReader::with_capacity(1 << 14, stream),
        output,
        core: String::new(),
        data_dir: PathBuf::new(),
        replace: false,
    };
    if connection
        .output
        .write_all(greeting(options, version).as_bytes())
        .is_err()
    {
        return Ok(None);
    }
    let mut line = Vec::new();
    match next(&mut connection.input, &mut line, LONGEST) {
        Ok(Line::Whole) => {}
        Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
            return Err("The daemon listens, but does not answer".into());
        }
        _ => return Ok(None),
    }
    connection.output.set_read_timeout(None).map_err(failed)?;
    connection.output.set_write_timeout(None).map_err(failed)?;
    let text = String::from_utf8_lossy(&line);
    let said = Members::read(&text).ok_or("Something else listens where the daemon should.")?;
    if let Some(error) = said.given("error").and_then(Members::read) {
        if error.string("type").as_deref() == Some("Stopping") {
            return Ok(None);
        }
        return Err(format!(
            "The daemon refuses: {}",
            error.string("message").unwrap_or_default()
        ));
    }
    connection.core = said.string("core").unwrap_or_default();
    connection.data_dir = said.string("data_dir").unwrap_or_default().into();
    connection.replace = said.get("replace") == Some("true");
    Ok(Some(connection))
}

fn greeting(options: &Options, version: &str) -> String {
    let mut forwarded = Object::new();
    for (name, value) in env::vars_os() {
        let Some(name) = name
            .to_str()
            .filter(|name| FORWARDED.contains(name) || name.starts_with("GROMA_"))
        else {
            continue;
        };
        forwarded.put(name, &lossy(value));
    }
    let mut hello = Object::new();
    hello
        .put("groma", "1")
        .put("version", &quoted(version))
        .put("client", "\"mcp\"");
    hello.put("pid", &std::process::id().to_string());
    hello.put(
        "cwd",
        &lossy(
            env::current_dir()
                .unwrap_or_else(|_| "/".into())
                .into_os_string(),
        ),
    );
    hello
        .put("env", &forwarded.end())
        .put("toolset", &quoted(&options.toolset));
    hello.end() + "\n"
}

/// A name of this system as JSON; what is no UTF-8 in it travels as Python has it: each such byte as a lone surrogate.
fn lossy(text: OsString) -> String {
    let mut out = String::from("\"");
    for chunk in text.as_bytes().utf8_chunks() {
        let valid = quoted(chunk.valid());
        out.push_str(&valid[1..valid.len() - 1]);
        for byte in chunk.invalid() {
            out.push_str(&format!("\\udc{byte:02x}"));
        }
    }
    out + "\""
}

/// Ask a daemon to end, and wait until it has.
fn stop(mut connection: Connection) {
    let _ = connection.output.set_read_timeout(Some(START));
    if connection
        .output
        .write_all(b"{\"id\":0,\"verb\":\"stop\",\"args\":{}}\n")
        .is_ok()
    {
        let mut line = Vec::new();
        while matches!(
            next(&mut connection.input, &mut line, LONGEST),
            Ok(Line::Whole | Line::TooLong)
        ) {}
    }
}

/// Start a daemon that outlives this process; what is returned tells when it has ended.
fn start(place: &Place, options: &Options) -> Result<Receiver<ExitStatus>, String> {
    let failed = |e: std::io::Error| format!("The daemon cannot be started: {e}");
    let path = log(place);
    if path.metadata().is_ok_and(|log| log.len() > LOG_BYTES) {
        let _ = std::fs::rename(&path, path.with_extension("log.1"));
    }
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    let mut command = python(options)?;
    command
        .args(["serve", "--foreground"])
        .env("GROMA_DATA_DIR", &place.data_dir)
        .current_dir("/");
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log);
    let mut child: Child = detached(&mut command).spawn().map_err(failed)?;
    let (tell, told) = channel();
    // Whoever starts a process buries it.
    let bury = move || drop(child.wait().map(|status| tell.send(status)));
    thread::Builder::new()
        .stack_size(1 << 16)
        .spawn(bury)
        .map_err(failed)?;
    Ok(told)
}

fn log(place: &Place) -> PathBuf {
    place.data_dir.join("daemon.log")
}

/// The last line of the log.
fn last_words(place: &Place) -> String {
    let path = log(place);
    let log = std::fs::read(&path).unwrap_or_default();
    let text = String::from_utf8_lossy(&log[log.len().saturating_sub(4_096)..]).into_owned();
    let last = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it said nothing");
    format!(
        "{} (log: {})",
        last.trim().trim_end_matches('.'),
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn a_name_that_is_no_utf8_travels_as_python_has_it() {
        assert_eq!(
            lossy(OsString::from_vec(b"a\"\xff\xc3\xa9".to_vec())),
            "\"a\\\"\\udcff\u{e9}\""
        );
    }
}
