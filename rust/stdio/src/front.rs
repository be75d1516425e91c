//! What lies between a client and who answers it: requests that wait, the thread that passes them on, those that listen for answers.
//!
//! Who answers is the daemon, or, where none can be had, a Python server of our own that speaks MCP itself. One that went away is found again; what it
//! had been asked and only reads is asked again, and of what may have been done the client is told that nobody knows.
//!
//! Locks are taken in this order: `wire`, `state`; none is held while something is said to the client.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, ChildStdin, Stdio, exit};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::catalogue::Catalogue;
use crate::daemon;
use crate::json::{Members, Object, string};
use crate::lines::{LONGEST, Line, next};
use crate::place::{Options, Place, python};
use crate::protocol::{
    CAPABILITIES_KEY, Era, Forward, Id, MODERN_VERSION, VERSION_KEY, Verb, answer, error, failed,
    shaped,
};
use crate::system::terminate;

/// So often is a request asked that only reads, if who answers goes away over it.
const ATTEMPTS: u32 = 3;

/// What is still unanswered at the end of input has so long; then a server of our own has so long to end by itself.
const LAST_ANSWERS: Duration = Duration::from_millis(400);
const LAST_CHILD: Duration = Duration::from_millis(300);

/// The id of our own `initialize` for a server of our own.
const OWN_ID: &str = "groma-mcp:initialize";

const UNKNOWN: &str = "groma went away before it answered, and whether this was done is not known: look before you try again.";

struct Waiting {
    asked: Forward,
    /// The link that it was wholly sent on.
    sent: Option<u64>,
    lost: u32,
}

#[derive(Default)]
struct State {
    modern: bool,
    hello: Option<String>,
    /// The client has asked something: whoever answers may be found already.
    awake: bool,
    waiting: BTreeMap<u64, Waiting>,
    /// What was sent and is not wanted any more.
    cancelled: Vec<(u64, String)>,
    last: u64,
    links: u64,
    child: Option<u32>,
}

impl State {
    fn has_work(&self) -> bool {
        !self.cancelled.is_empty() || self.waiting.values().any(|waiting| waiting.sent.is_none())
    }
}

struct Wire {
    link: u64,
    to: To,
}

enum To {
    Daemon(UnixStream),
    Server(ChildStdin),
}

pub struct Front {
    options: Options,
    catalogue: &'static Catalogue,
    place: OnceLock<Place>,
    output: Mutex<ManuallyDrop<File>>,
    state: Mutex<State>,
    changed: Condvar,
    wire: Mutex<Option<Wire>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A sentence for who reads our standard error.
pub fn complain(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "groma: {sentence}");
}

fn spawn(work: impl FnOnce() + Send + 'static) {
    if let Err(e) = thread::Builder::new().stack_size(1 << 18).spawn(work) {
        complain(&format!("no thread can be had: {e}"));
        exit(1);
    }
}

impl Front {
    pub fn new(options: Options, catalogue: &'static Catalogue) -> Arc<Self> {
        // SAFETY: descriptor 1 is ours alone to write, and is never closed.
        let output = ManuallyDrop::new(unsafe { File::from_raw_fd(1) });
        let front = Arc::new(Front {
            options,
            catalogue,
            place: OnceLock::new(),
            output: Mutex::new(output),
            state: Mutex::default(),
            changed: Condvar::new(),
            wire: Mutex::default(),
        });
        let worker = Arc::clone(&front);
        spawn(move || worker.pass_on());
        front
    }

    /// Say a line to the client; one that does not listen any more is gone.
    pub fn say(&self, mut line: String) {
        line.push('\n');
        if locked(&self.output).write_all(line.as_bytes()).is_err() {
            exit(0);
        }
    }

    /// The client has asked its first question, in this era.
    pub fn wake(&self, era: Era, hello: Option<&String>) {
        let mut state = locked(&self.state);
        if !state.awake {
            (state.awake, state.modern, state.hello) = (true, era == Era::Modern, hello.cloned());
            self.changed.notify_all();
        } else if state.hello.is_none() {
            state.hello = hello.cloned();
        }
    }

    pub fn forward(&self, asked: Forward) {
        let mut state = locked(&self.state);
        state.last += 1;
        let number = state.last;
        state.waiting.insert(
            number,
            Waiting {
                asked,
                sent: None,
                lost: 0,
            },
        );
        self.changed.notify_all();
    }

    /// Nobody wants this answer any more: it will not be said.
    pub fn cancel(&self, key: &Id) {
        let mut state = locked(&self.state);
        let found = state
            .waiting
            .iter()
            .rev()
            .find(|(_, waiting)| waiting.asked.key == *key)
            .map(|(number, _)| *number);
        if let Some(number) = found
            && let Some(waiting) = state.waiting.remove(&number)
            && waiting.sent.is_some()
        {
            state.cancelled.push((number, waiting.asked.id));
            self.changed.notify_all();
        }
    }

    /// The client left: what is almost answered is said, and nothing of ours stays behind.
    pub fn finish(&self) {
        let until = Instant::now() + LAST_ANSWERS;
        self.wait_until(until, |state| state.waiting.is_empty());
        if locked(&self.state).child.is_none() {
            return;
        }
        if let Ok(mut wire) = self.wire.try_lock() {
            *wire = None;
        }
        self.wait_until(Instant::now() + LAST_CHILD, |state| state.child.is_none());
        if let Some(process) = locked(&self.state).child {
            terminate(process);
        }
    }

    fn wait_until(&self, until: Instant, done: impl Fn(&State) -> bool) {
        let left = until.saturating_duration_since(Instant::now());
        drop(
            self.changed
                .wait_timeout_while(locked(&self.state), left, |state| !done(state)),
        );
    }

    fn era(&self) -> Era {
        if locked(&self.state).modern {
            Era::Modern
        } else {
            Era::Handshake
        }
    }

    // ---------------------------------------------------------------------------------------------------------------- to who answers

    fn pass_on(self: Arc<Self>) {
        let mut tried = false;
        loop {
            let idle = |state: &mut State| !state.has_work() && (tried || !state.awake);
            drop(
                self.changed
                    .wait_while(locked(&self.state), idle)
                    .unwrap_or_else(PoisonError::into_inner),
            );
            if locked(&self.wire).is_none()
                && let Err(why) = self.link()
            {
                self.refuse(&why);
            }
            tried = true;
            self.send();
        }
    }

    /// Send all that waits; ends where the wire does.
    fn send(&self) {
        loop {
            let mut wire = locked(&self.wire);
            let Some((number, line)) = self.next_line(wire.as_ref()) else {
                return;
            };
            let Some(Wire { link, to }) = wire.as_mut() else {
                return;
            };
            let link = *link;
            let written = match to {
                To::Daemon(stream) => stream.write_all(line.as_bytes()),
                To::Server(stdin) => stdin
                    .write_all(line.as_bytes())
                    .and_then(|()| stdin.flush()),
            };
            if written.is_err() {
                // A line without its end was never heard: it can be sent again. Who listens on this link notices the end of it.
                if let Some(Wire {
                    to: To::Daemon(stream),
                    ..
                }) = wire.take()
                {
                    let _ = stream.shutdown(std::net::Shutdown::Both);
                }
                return;
            }
            let mut state = locked(&self.state);
            match (number, state.waiting.get_mut(&number.unwrap_or_default())) {
                (Some(_), Some(waiting)) => waiting.sent = Some(link),
                // Answered meanwhile, or cancelled: to cancel what was answered does no harm.
                (Some(number), None) => state.cancelled.push((number, "null".into())),
                _ => {}
            }
        }
    }

    /// The next line for this wire, with the number of its request; None where nothing waits. Cancellations of another link mean nothing here.
    fn next_line(&self, wire: Option<&Wire>) -> Option<(Option<u64>, String)> {
        let mut state = locked(&self.state);
        let Some(Wire { to, .. }) = wire else {
            state.cancelled.clear();
            return None;
        };
        let server = matches!(to, To::Server(_));
        while let Some((number, id)) = state.cancelled.pop() {
            if server && id != "null" {
                let line = format!(
                    "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{{\"requestId\":{id}}}}}\n"
                );
                return Some((None, line));
            }
            if !server {
                return Some((None, format!("{{\"cancel\":{number}}}\n")));
            }
        }
        let (number, waiting) = state
            .waiting
            .iter()
            .find(|(_, waiting)| waiting.sent.is_none())?;
        let asked = &waiting.asked;
        let line = if server {
            format!("{}\n", asked.line)
        } else {
            let mut request = Object::new();
            request
                .put("id", &number.to_string())
                .put("verb", &format!("\"{}\"", asked.verb.name()))
                .put("args", &asked.arguments);
            if asked.token.is_some() {
                request.put("progress", "true");
            }
            request.end() + "\n"
        };
        Some((Some(*number), line))
    }

    /// Find who answers. The error is a sentence for the user.
    fn link(self: &Arc<Self>) -> Result<(), String> {
        let place = match self.place.get() {
            Some(place) => place,
            None => {
                let found = Place::find(&self.options)?;
                self.place.get_or_init(|| found)
            }
        };
        if !place.alone {
            match daemon::connect(place, &self.options) {
                Ok(Some(connection)) => {
                    let link = self.put(To::Daemon(connection.output));
                    let front = Arc::clone(self);
                    spawn(move || front.hear_daemon(connection.input, link));
                    return Ok(());
                }
                Ok(None) => {}
                Err(why) => complain(&format!(
                    "{why}; this session is answered by a server of its own"
                )),
            }
        }
        let mut command = python(&self.options)?;
        command
            .args(["mcp", "--toolset", &self.options.toolset])
            .env("GROMA_DATA_DIR", &place.data_dir)
            .env("GROMA_DAEMON", "off");
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|e| {
            format!(
                "groma cannot be started: {}: {e}",
                command.get_program().display()
            )
        })?;
        let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("groma cannot be started.".into());
        };
        locked(&self.state).child = Some(child.id());
        let mut output = BufReader::new(stdout);
        if self.greet(&mut stdin, &mut output).is_none() {
            drop(stdin);
            let status = child.wait();
            locked(&self.state).child = None;
            self.changed.notify_all();
            let ended = status.map_or_else(|e| e.to_string(), |status| status.to_string());
            return Err(format!(
                "groma cannot be started ({ended}); its standard error says why."
            ));
        }
        let link = self.put(To::Server(stdin));
        let front = Arc::clone(self);
        spawn(move || front.hear_server(child, output, link));
        Ok(())
    }

    fn put(&self, to: To) -> u64 {
        let mut wire = locked(&self.wire);
        let mut state = locked(&self.state);
        state.links += 1;
        state.cancelled.clear();
        *wire = Some(Wire {
            link: state.links,
            to,
        });
        state.links
    }

    /// Open a session of the client's era with a server of our own; None where it ends before it answers.
    fn greet(&self, stdin: &mut ChildStdin, output: &mut impl BufRead) -> Option<()> {
        let (modern, hello) = {
            let state = locked(&self.state);
            (state.modern, state.hello.clone())
        };
        let lines = if modern {
            let meta =
                format!(r#"{{"{VERSION_KEY}":"{MODERN_VERSION}","{CAPABILITIES_KEY}":{{}}}}"#);
            format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":\"{OWN_ID}\",\"method\":\"server/discover\",\"params\":{{\"_meta\":{meta}}}}}\n"
            )
        } else {
            let nobody = || {
                r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"groma-mcp","version":"0"}}"#.to_owned()
            };
            format!(
                "{{\"jsonrpc\":\"2.0\",\"id\":\"{OWN_ID}\",\"method\":\"initialize\",\"params\":{}}}\n\
                 {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}}\n",
                hello.unwrap_or_else(nobody)
            )
        };
        stdin
            .write_all(lines.as_bytes())
            .and_then(|()| stdin.flush())
            .ok()?;
        let own = Id::Text(OWN_ID.into());
        let mut line = Vec::new();
        while let Ok(Line::Whole) = next(output, &mut line, LONGEST) {
            let message = std::str::from_utf8(&line).ok().and_then(Members::read);
            if message
                .is_some_and(|message| message.get("id").and_then(Id::read).as_ref() == Some(&own))
            {
                return Some(());
            }
        }
        None
    }

    /// Nobody answers: say so to all who wait.
    fn refuse(&self, why: &str) {
        let era = self.era();
        let refused = std::mem::take(&mut locked(&self.state).waiting);
        complain(why);
        for waiting in refused.into_values() {
            self.say(failed(self.catalogue, era, &waiting.asked, why));
        }
        self.changed.notify_all();
    }

    // -------------------------------------------------------------------------------------------------------------- from who answers

    fn hear_daemon(self: Arc<Self>, mut input: BufReader<UnixStream>, link: u64) {
        let mut line = Vec::new();
        while let Ok(Line::Whole) = next(&mut input, &mut line, LONGEST) {
            if let Some(message) = std::str::from_utf8(&line).ok().and_then(Members::read) {
                self.heard(&message, link);
            }
        }
        let _ = input.get_ref().shutdown(std::net::Shutdown::Both);
        self.ended(link);
    }

    fn heard(&self, message: &Members, link: u64) {
        let Some(number) = message.get("id").and_then(|id| id.parse::<u64>().ok()) else {
            return;
        };
        if let Some(progress) = message.given("progress").and_then(Members::read) {
            let token = locked(&self.state)
                .waiting
                .get(&number)
                .and_then(|waiting| waiting.asked.token.clone());
            if let (Some(token), Some(done)) = (token, progress.given("done")) {
                let mut params = Object::new();
                params.put("progressToken", &token).put("progress", done);
                for name in ["total", "message"] {
                    if let Some(value) = progress.given(name).filter(|value| *value != "0") {
                        params.put(name, value);
                    }
                }
                self.say(format!(
                    r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{}}}"#,
                    params.end()
                ));
            }
            return;
        }
        let wrong = message.given("error").and_then(Members::read);
        match wrong
            .as_ref()
            .and_then(|wrong| wrong.string("type"))
            .as_deref()
        {
            // It ends and takes nothing new; what it has begun it finishes, so it is listened to until it closes.
            Some("Stopping") => {
                let mut wire = locked(&self.wire);
                if wire.as_ref().is_some_and(|wire| wire.link == link) {
                    *wire = None;
                }
                if let Some(waiting) = locked(&self.state).waiting.get_mut(&number) {
                    waiting.sent = None;
                }
                self.changed.notify_all();
                return;
            }
            // By nobody here: who cancels does not wait any more.
            Some("Cancelled") => {
                drop(locked(&self.wire)); // whoever sends it has marked it as sent
                self.lost(|one, _| one == number);
                return;
            }
            _ => {}
        }
        let (era, waiting) = (self.era(), locked(&self.state).waiting.remove(&number));
        let Some(Waiting { asked, .. }) = waiting else {
            return;
        };
        let said = match (message.get("result"), wrong) {
            (Some(result), _) => {
                answer(&asked.id, &shaped(self.catalogue, era, asked.verb, result))
            }
            (None, Some(wrong)) => {
                let why = wrong.string("message").unwrap_or_default();
                if asked.verb == Verb::Tool {
                    failed(self.catalogue, era, &asked, &why)
                } else {
                    let code = self
                        .catalogue
                        .code(&wrong.string("type").unwrap_or_default());
                    error(&asked.id, code, &why, None)
                }
            }
            _ => failed(
                self.catalogue,
                era,
                &asked,
                "groma's answer cannot be read.",
            ),
        };
        self.say(said);
        self.changed.notify_all();
    }

    fn hear_server(self: Arc<Self>, mut child: Child, mut input: impl BufRead, link: u64) {
        let mut line = Vec::new();
        while let Ok(Line::Whole) = next(&mut input, &mut line, LONGEST) {
            let Ok(text) = std::str::from_utf8(&line) else {
                continue;
            };
            let Some(message) = Members::read(text) else {
                continue;
            };
            let wanted = match message.get("id").and_then(Id::read) {
                None => message.get("method").is_some(),
                Some(id) => {
                    let mut state = locked(&self.state);
                    let found = state
                        .waiting
                        .iter()
                        .find(|(_, one)| one.asked.key == id)
                        .map(|(number, _)| *number);
                    found.is_some_and(|number| state.waiting.remove(&number).is_some())
                }
            };
            if wanted {
                self.say(text.to_owned());
                self.changed.notify_all();
            }
        }
        drop(input);
        self.ended(link);
        let _ = child.wait();
        locked(&self.state).child = None;
        self.changed.notify_all();
    }

    fn ended(&self, link: u64) {
        {
            let mut wire = locked(&self.wire);
            if wire.as_ref().is_some_and(|wire| wire.link == link) {
                *wire = None;
            }
        }
        self.lost(|_, waiting| waiting.sent == Some(link));
    }

    /// These will not be answered by who was asked: ask again, or say so.
    fn lost(&self, which: impl Fn(u64, &Waiting) -> bool) {
        let era = self.era();
        let mut said = Vec::new();
        {
            let mut state = locked(&self.state);
            let numbers: Vec<u64> = state
                .waiting
                .iter()
                .filter(|(number, waiting)| which(**number, waiting))
                .map(|(number, _)| *number)
                .collect();
            for number in numbers {
                let Some(waiting) = state.waiting.get_mut(&number) else {
                    continue;
                };
                waiting.lost += 1;
                let reads = self.only_reads(&waiting.asked);
                if reads && waiting.lost < ATTEMPTS {
                    waiting.sent = None;
                } else if let Some(waiting) = state.waiting.remove(&number) {
                    let why = if reads {
                        "groma went away each time it was asked this."
                    } else {
                        UNKNOWN
                    };
                    said.push(failed(self.catalogue, era, &waiting.asked, why));
                }
            }
        }
        said.into_iter().for_each(|line| self.say(line));
        self.changed.notify_all();
    }

    fn only_reads(&self, asked: &Forward) -> bool {
        let name = || {
            Members::read(&asked.arguments)
                .and_then(|arguments| arguments.get("name").and_then(string))
        };
        asked.verb != Verb::Tool || name().is_some_and(|name| self.catalogue.only_reads(&name))
    }
}
