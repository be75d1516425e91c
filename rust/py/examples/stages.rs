//! Where the time of a scan goes: the core's own functions over real files, one after another on one thread, each by the processor's clock; and the
//! parser alone, on as many threads as are asked for. `bench/stages.py` builds and loads this; no wheel holds it.

use std::collections::HashMap;
use std::ffi::c_void;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use groma_core::chunk::chunks;
use groma_core::git::{blob_id, read_regular};
use groma_core::languages::{Language, by_name, detect};
use groma_core::masking::mask;
use groma_core::parse::{self, Outline, outline};
use groma_core::passage;
use groma_core::scan::{HeldPath, Scanner, Source, decode};
use groma_core::static_model::{Model, quantize};
use groma_core::tokens;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use tree_sitter::Parser;

#[derive(Clone, Copy)]
enum Stage {
    Whole,
    Read,
    Hash,
    Language,
    Decode,
    Mask,
    Outline,
    Parse,
    Chunk,
    Tokens,
    Vectors,
}

const NAMES: [&str; 11] = [
    "whole", "read", "hash", "language", "decode", "mask", "outline", "parse", "chunk", "tokens",
    "vectors",
];

/// Seconds that this thread has run: what else the machine does is not in it.
fn processor_seconds() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a place of our own; the clock is every thread's.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
}

/// A clock that gives the time since it was last asked to one stage.
struct Watch {
    at: f64,
    seconds: [f64; NAMES.len()],
}

impl Watch {
    fn new() -> Watch {
        Watch {
            at: processor_seconds(),
            seconds: [0.0; NAMES.len()],
        }
    }

    fn begin(&mut self) {
        self.at = processor_seconds();
    }

    fn lap(&mut self, stage: Stage) {
        let now = processor_seconds();
        self.seconds[stage as usize] += now - self.at;
        self.at = now;
    }
}

/// The core, made ready as the child process does it; what took how long there, its caller can see.
#[pyclass]
struct Stages {
    model: Model,
    grammars: HashMap<String, tree_sitter::Language>,
    /// What the last `scan` gave to a parser.
    texts: Vec<(String, tree_sitter::Language)>,
}

#[pymethods]
impl Stages {
    #[new]
    fn new(model: PathBuf) -> PyResult<Stages> {
        Ok(Stages {
            model: Model::load(&model).map_err(PyOSError::new_err)?,
            grammars: HashMap::new(),
            texts: Vec::new(),
        })
    }

    /// Make a language ready: its grammar (what the function of its wheel returns, a capsule or, from older wheels, an address) and its query.
    fn make_ready(
        &mut self,
        py: Python<'_>,
        name: &str,
        grammar: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let language = by_name(name).ok_or_else(|| PyValueError::new_err(name.to_owned()))?;
        let named = language.grammar.as_deref().unwrap_or_default();
        let pointer: *const c_void = match grammar.cast::<PyCapsule>() {
            Ok(capsule) => capsule
                .pointer_checked(Some(c"tree_sitter.Language"))?
                .as_ptr(),
            Err(_) => std::ptr::with_exposed_provenance(grammar.extract()?),
        };
        // SAFETY: what a grammar wheel returns is a pointer to its static `TSLanguage`; a module of Python is never unloaded.
        let raw = unsafe {
            parse::register_grammar(named, pointer.cast()).map_err(PyValueError::new_err)?;
            tree_sitter::Language::from_raw(pointer.cast())
        };
        self.grammars.insert(named.to_owned(), raw);
        py.detach(|| parse::check(language))
            .map_err(PyValueError::new_err)
    }

    /// Processor seconds by stage over the files; "whole" is the scan as it is, the others its parts, made once more. "parse" is a part of "outline".
    fn scan(
        &mut self,
        py: Python<'_>,
        root: PathBuf,
        paths: Vec<String>,
        most: u64,
    ) -> PyResult<Vec<(&'static str, f64)>> {
        self.texts.clear();
        let seconds = py
            .detach(|| self.measure(&root, &paths, most))
            .map_err(PyValueError::new_err)?;
        Ok(NAMES.into_iter().zip(seconds).collect())
    }

    /// Seconds by the clock, and of the processor, for parsing what the last `scan` parsed, and nothing else.
    fn parse(&self, py: Python<'_>, threads: usize) -> (f64, f64) {
        let next = AtomicUsize::new(0);
        let parse = || {
            let mut parser = Parser::new();
            while let Some((text, grammar)) = self.texts.get(next.fetch_add(1, Ordering::Relaxed)) {
                parse_alone(&mut parser, text, grammar);
            }
            processor_seconds()
        };
        py.detach(|| {
            let begun = Instant::now();
            let ran = std::thread::scope(|scope| {
                let started: Vec<_> = (0..threads).map(|_| scope.spawn(parse)).collect();
                started.into_iter().filter_map(|one| one.join().ok()).sum()
            });
            (begun.elapsed().as_secs_f64(), ran)
        })
    }

    /// How many texts, and bytes of them, `parse` parses.
    fn parsed(&self) -> (usize, usize) {
        (
            self.texts.len(),
            self.texts.iter().map(|(text, _)| text.len()).sum(),
        )
    }
}

fn parse_alone(parser: &mut Parser, text: &str, grammar: &tree_sitter::Language) {
    if parser.set_language(grammar).is_ok() {
        black_box(parser.parse(text, None));
    }
}

impl Stages {
    fn measure(
        &mut self,
        root: &Path,
        paths: &[String],
        most: u64,
    ) -> Result<[f64; NAMES.len()], String> {
        let scanner = Scanner {
            model: &self.model,
            grammars: &|language: &'static Language| {
                parse::is_registered(language)
                    .then_some(())
                    .ok_or_else(|| "its grammar was not made ready".to_owned())
            },
        };
        let mut watch = Watch::new();
        let mut parser = Parser::new();
        for path in paths {
            watch.begin();
            let source = Source::Folder(root, most);
            let scanned = scanner.scan(HeldPath(path.as_bytes()), source, 0, &|_| {})?;
            watch.lap(Stage::Whole);
            let file = root.join(path);
            watch.begin();
            let read = read_regular(file.as_os_str().as_encoded_bytes(), false);
            watch.lap(Stage::Read);
            let Some((data, _)) = read else { continue };
            black_box(blob_id(&data));
            watch.lap(Stage::Hash);
            let language = detect(path, &data[..data.len().min(4096)]);
            watch.lap(Stage::Language);
            if scanned.columns.reasons.iter().any(|why| why.is_some()) {
                continue; // judged to be no text to index: no further
            }
            let original = decode(&data);
            watch.lap(Stage::Decode);
            let masked = mask(&original);
            watch.lap(Stage::Mask);
            let text = masked.as_deref().unwrap_or(&original);
            let is_cut = scanned.columns.notes.iter().any(|why| why.is_some());
            let mut found = Outline::default();
            if let (Some(language), false) = (language, is_cut) {
                watch.begin();
                found = outline(text, language)?;
                watch.lap(Stage::Outline);
                let grammar = (language.grammar.as_ref()).and_then(|name| self.grammars.get(name));
                if let Some(grammar) = grammar {
                    parse_alone(&mut parser, text, grammar);
                    watch.lap(Stage::Parse);
                    self.texts.push((text.to_owned(), grammar.clone()));
                }
            }
            passages(&self.model, path, text, &found, &mut watch);
        }
        Ok(watch.seconds)
    }
}

/// What a scan makes of a text and its outline, a kind of work at a time.
fn passages(model: &Model, path: &str, text: &str, found: &Outline, watch: &mut Watch) {
    watch.begin();
    let mut lines: Vec<&str> = text.split('\n').collect();
    if lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let starts: Vec<usize> = std::iter::once(0)
        .chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1))
        .collect();
    let pieces: Vec<_> = chunks(&lines, &found.definitions)
        .into_iter()
        .map(|piece| {
            let end = starts
                .get(piece.last + 1)
                .map_or(text.len(), |next| next - 1);
            let definitions = &found.definitions[piece.definitions.clone()];
            let names: Vec<&str> = definitions.iter().map(|d| d.name.as_str()).collect();
            (
                &text[starts[piece.first]..end],
                names,
                piece.enclosing.unwrap_or_default(),
            )
        })
        .collect();
    watch.lap(Stage::Chunk);
    for (body, names, enclosing) in &pieces {
        black_box(passage::sparse(body, names, enclosing, path));
    }
    let mut terms = Vec::new();
    for definition in &found.definitions {
        black_box(passage::symbol_terms(&definition.name));
        tokens::add_terms(&definition.name, &mut terms);
    }
    black_box((
        &terms,
        passage::path_terms(path),
        passage::stem_tokens(path),
    ));
    black_box(
        tokens::identifiers(text)
            .iter()
            .map(|word| tokens::word_hash(word))
            .max(),
    );
    watch.lap(Stage::Tokens);
    let mut vector = vec![0.0; model.dim()];
    let mut row = vec![0; model.dim()];
    for (body, names, enclosing) in &pieces {
        model.embed(
            &passage::dense_text(body, names, enclosing, path),
            &mut vector,
        );
        black_box(quantize(&vector, &mut row));
    }
    watch.lap(Stage::Vectors);
}

#[pymodule]
fn stages(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Stages>()
}
