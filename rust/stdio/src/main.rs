//! `groma-mcp`: what an agent starts. It answers the MCP handshake at once, and passes on what only groma itself can answer.

mod catalogue;
mod daemon;
mod front;
mod json;
mod lines;
mod place;
mod protocol;
mod system;

use std::env;
use std::ffi::OsString;
use std::io::{BufReader, Write};
use std::process::exit;
use std::thread;

use catalogue::{Catalogue, TOOLSETS};
use front::{Front, complain};
use lines::{LONGEST, Line, ROOM, next};
use place::Options;
use protocol::{Action, INVALID_REQUEST, Session, error};

const HELP: &str = "\
Usage: groma-mcp [OPTIONS]

Serve an agent over MCP on standard input and output, until input ends. The
handshake is answered here; questions are answered by groma's daemon, which is
started where there is none.

Options:
  --toolset core|full  Which tools the agent sees (default: core).
  --python PATH        The Python interpreter that groma is installed in
                       (default: that of the groma beside this, or on PATH).
  --data-dir PATH      Where groma keeps everything (GROMA_DATA_DIR).
  --version            Say the version and leave.
  -h, --help           Say this and leave.

Examples:
  claude mcp add groma -- groma-mcp
  groma-mcp --toolset full

Without a daemon (GROMA_DAEMON=off, or none can be started) it starts
`groma mcp` and passes on what is said.
";

fn options(mut given: impl Iterator<Item = OsString>) -> Result<Options, String> {
    let mut options = Options {
        toolset: TOOLSETS[0].into(),
        ..Options::default()
    };
    while let Some(word) = given.next() {
        let text = word.to_string_lossy().into_owned();
        let (name, mut value) = match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(OsString::from(value))),
            None => (text, None),
        };
        let mut argument = || {
            value
                .take()
                .or_else(|| given.next())
                .filter(|value| !value.is_empty())
                .ok_or(format!("{name} needs a value."))
        };
        match name.as_str() {
            "-h" | "--help" => leave(HELP),
            "--version" => leave(concat!("groma-mcp ", env!("CARGO_PKG_VERSION"), "\n")),
            "--python" => options.python = Some(argument()?.into()),
            "--data-dir" => options.data_dir = Some(argument()?.into()),
            "--toolset" => {
                let toolset = argument()?.to_string_lossy().into_owned();
                if !TOOLSETS.contains(&toolset.as_str()) {
                    return Err(format!(
                        "There is no toolset {toolset}; there are {}.",
                        TOOLSETS.join(" and ")
                    ));
                }
                options.toolset = toolset;
            }
            _ => return Err(format!("No such option: {name}. See groma-mcp --help.")),
        }
    }
    Ok(options)
}

fn leave(text: &str) -> ! {
    let _ = std::io::stdout().write_all(text.as_bytes());
    exit(0)
}

fn main() {
    let options = options(env::args_os().skip(1)).unwrap_or_else(|why| {
        complain(&why);
        exit(2)
    });
    // Half a front would leave its client waiting for ever.
    std::panic::set_hook(Box::new(|why| {
        complain(&format!("groma-mcp failed on the inside: {why}"));
        exit(70)
    }));
    let catalogue: &'static Catalogue = Box::leak(Box::new(Catalogue::of(&options.toolset)));
    let mut session = Session::new(catalogue);
    let front = Front::new(options, catalogue);
    let watched = thread::Builder::new().stack_size(1 << 16).spawn(|| {
        system::parent_ended();
        exit(0)
    });
    if let Err(e) = watched {
        complain(&format!("who started groma-mcp is not watched: {e}"));
    }
    let mut input = BufReader::with_capacity(1 << 14, std::io::stdin());
    let mut line = Vec::new();
    loop {
        let action = match next(&mut input, &mut line, LONGEST - ROOM) {
            Ok(Line::Whole) => session.hear(&line),
            Ok(Line::TooLong) => Action::Answer(error(
                "null",
                INVALID_REQUEST,
                "The message is longer than 32 MiB.",
                None,
            )),
            Ok(Line::End) | Err(_) => break,
        };
        // What is known here is said first; what is asked for waits for who answers.
        let action = match action {
            Action::Answer(said) => {
                front.say(said);
                Action::Nothing
            }
            action => action,
        };
        if session.begun() {
            front.wake(session.era(), session.hello.as_ref());
        }
        match action {
            Action::Forward(asked) => front.forward(*asked),
            Action::Cancel(id) => front.cancel(&id),
            Action::Answer(_) | Action::Nothing => {}
        }
    }
    front.finish();
}
