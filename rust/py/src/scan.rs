//! Conversions for `scan`, `worker` and `references`.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use groma_core::frame::{Columns, Job, Strings};
use groma_core::languages::Language;
use groma_core::parse::Definition;
use groma_core::scan::{self, HeldPath};
use groma_core::worker::{self, Broken};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("CHUNKER_VERSION", groma_core::chunk::VERSION)?;
    module.add_class::<Worker>()?;
    module.add_function(wrap_pyfunction!(bare_name, module)?)?;
    module.add_function(wrap_pyfunction!(chunks, module)?)?;
    module.add_function(wrap_pyfunction!(decode, module)?)?;
    module.add_function(wrap_pyfunction!(read_now, module)?)?;
    module.add_function(wrap_pyfunction!(references, module)?)?;
    module.add_function(wrap_pyfunction!(no_columns, module)?)?;
    module.add_function(wrap_pyfunction!(serve, module)?)?;
    Ok(())
}

/// A child process that scans files. All that may take time lets other threads run and heeds Ctrl-C.
#[pyclass(module = "groma._rs")]
struct Worker(worker::Worker);

#[pymethods]
impl Worker {
    /// Start `command`; the descriptor that `serve` wants is appended to it. OSError if that fails.
    #[new]
    fn new(command: Vec<String>) -> PyResult<Worker> {
        Ok(Worker(worker::Worker::start(&command).map_err(os_error)?))
    }

    /// Ask for a scan: of `paths` below `root`, or of `contents` under these names. False if the child has died.
    #[pyo3(signature = (root, most, paths, contents, flags))]
    fn send(
        &mut self,
        py: Python<'_>,
        root: Option<&Bound<'_, PyString>>,
        most: u64,
        paths: Vec<Bound<'_, PyString>>,
        contents: Vec<Bound<'_, PyBytes>>,
        flags: Vec<u8>,
    ) -> PyResult<bool> {
        let job = job(root, most, &paths, &contents, flags)?;
        let worker = &mut self.0;
        match py.detach(|| worker.send(&job, &mut check_signals)) {
            Ok(()) => Ok(true),
            Err(Broken::Child) => Ok(false),
            Err(Broken::Caller(e)) => Err(e),
        }
    }

    /// The next batch as a dict of columns, or the sentence that says what is wrong with groma; None if the child has died.
    fn receive<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let worker = &mut self.0;
        match py.detach(|| worker.receive(&mut check_signals)) {
            Ok(Ok(columns)) => Ok(Some(table(py, columns)?.into_any())),
            Ok(Err(fault)) => Ok(Some(PyString::new(py, &fault).into_any())),
            Err(Broken::Child) => Ok(None),
            Err(Broken::Caller(e)) => Err(e),
        }
    }

    /// Did the child come so far that it serves?
    fn begun(&self) -> bool {
        self.0.begun()
    }

    /// (place in the job, is its parser at work, did that run over its time) of each file in hand.
    fn in_hand(&self) -> Vec<(usize, bool, bool)> {
        self.0
            .in_hand()
            .iter()
            .map(|file| (file.file, file.parsing, file.overtime))
            .collect()
    }

    fn is_alive(&mut self) -> bool {
        self.0.is_alive()
    }

    fn id(&self) -> u32 {
        self.0.id()
    }

    /// Kill the child if it lives; what it ended with (negative: the signal).
    fn end(&mut self, py: Python<'_>) -> i32 {
        let worker = &mut self.0;
        py.detach(|| worker.end())
    }
}

/// Be the child: scan what comes on standard input until it ends. `load` gives a grammar (as `languages.toml` names it) as the pointer of its
/// language.
#[pyfunction]
fn serve(py: Python<'_>, marks: i32, model: PathBuf, load: Py<PyAny>) -> PyResult<()> {
    let grammar = |language: &'static Language| -> Result<(), String> {
        let Some(name) = language.grammar.as_deref() else {
            return Ok(());
        };
        Python::attach(|py| {
            let loaded = load.call1(py, (name,)).map_err(|e| e.to_string())?;
            crate::parsing::register_grammar(name, loaded.bind(py)).map_err(|e| e.to_string())
        })
    };
    py.detach(|| worker::serve(marks, &model, &grammar))
        .map_err(PyRuntimeError::new_err)
}

/// The columns of no file.
#[pyfunction]
fn no_columns(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    table(py, Columns::default())
}

/// For each file, how many other files mention an identifier that only it defines. File i has `mentions[mention_start[i]..mention_start[i + 1]]`.
#[pyfunction]
fn references<'py>(
    py: Python<'py>,
    mention_start: PyReadonlyArray1<'_, i64>,
    mentions: PyReadonlyArray1<'_, u32>,
    define_start: PyReadonlyArray1<'_, i64>,
    defines: PyReadonlyArray1<'_, u32>,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let mentions = rows_of(mention_start.as_slice()?, mentions.as_slice()?)?;
    let defines = rows_of(define_start.as_slice()?, defines.as_slice()?)?;
    if mentions.len() != defines.len() {
        return Err(PyValueError::new_err(
            "mentions and defines of different numbers of files",
        ));
    }
    let counts = py.detach(|| {
        groma_core::references::references(mentions.iter().copied(), defines.iter().copied())
    });
    Ok(PyArray1::from_vec(py, counts))
}

/// The rows `values[start[i]..start[i + 1]]`.
fn rows_of<'a>(start: &[i64], values: &'a [u32]) -> PyResult<Vec<&'a [u32]>> {
    let row = |ends: &[i64]| {
        let (from, to) = (usize::try_from(ends[0]), usize::try_from(ends[1]));
        values.get(from.ok()?..to.ok()?)
    };
    let rows: Option<Vec<_>> = start.windows(2).map(row).collect();
    rows.ok_or_else(|| PyValueError::new_err("starts that are not within the values"))
}

#[pyfunction]
fn bare_name<'py>(py: Python<'py>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyString>> {
    let held = held(name)?;
    text_of(
        py,
        &held[held
            .iter()
            .rposition(|b| matches!(b, b'.' | b':' | b'\\'))
            .map_or(0, |at| at + 1)..],
    )
}

/// (first line, last line, the definitions of it as a range, enclosing) of each chunk; `definitions` are (first, last, name, kind).
#[pyfunction]
fn chunks(
    lines: Vec<Bound<'_, PyString>>,
    definitions: Vec<(usize, usize, String, String)>,
) -> PyResult<Vec<ChunkRow>> {
    let lines = lines
        .iter()
        .map(|line| Ok(String::from_utf8_lossy(&held(line)?).into_owned()))
        .collect::<PyResult<Vec<_>>>()?;
    let definitions: Vec<_> = (definitions.into_iter())
        .map(|(first, last, name, kind)| Definition {
            first,
            last,
            name,
            kind,
            enclosing: None,
            signature: String::new(),
            doc: String::new(),
        })
        .collect();
    let found = groma_core::chunk::chunks(
        &lines.iter().map(String::as_str).collect::<Vec<_>>(),
        &definitions,
    );
    Ok(found
        .into_iter()
        .map(|c| {
            (
                c.first,
                c.last,
                c.definitions.start,
                c.definitions.end,
                c.enclosing,
            )
        })
        .collect())
}

type ChunkRow = (usize, usize, usize, usize, Option<String>);

/// Text of a file; what is not valid becomes U+FFFD, line structure stays.
#[pyfunction]
fn decode<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyString> {
    PyString::new(py, &py.detach(|| scan::decode(data)))
}

/// The first `most` bytes of a file, reached without links.
#[pyfunction]
fn read_now<'py>(
    py: Python<'py>,
    root: &Bound<'_, PyString>,
    path: &Bound<'_, PyString>,
    most: u64,
) -> PyResult<Bound<'py, PyBytes>> {
    let (root, path) = (held(root)?, held(path)?);
    let data = py
        .detach(|| scan::read_now(HeldPath(&root), HeldPath(&path), most))
        .map_err(|e| {
            let whole = Path::new(&HeldPath(&root).system()).join(HeldPath(&path).system());
            match e.raw_os_error() {
                Some(code) => PyOSError::new_err((code, reason(&e), whole.into_os_string())),
                None => PyOSError::new_err(e.to_string()),
            }
        })?;
    Ok(PyBytes::new(py, &data))
}

fn os_error(e: io::Error) -> PyErr {
    match e.raw_os_error() {
        Some(code) => PyOSError::new_err((code, reason(&e))),
        None => PyOSError::new_err(e.to_string()),
    }
}

/// What the system calls an error, without the number.
fn reason(e: &io::Error) -> String {
    let text = e.to_string();
    text.split(" (os error")
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn check_signals() -> PyResult<()> {
    Python::attach(|py| py.check_signals())
}

fn job(
    root: Option<&Bound<'_, PyString>>,
    most: u64,
    paths: &[Bound<'_, PyString>],
    contents: &[Bound<'_, PyBytes>],
    flags: Vec<u8>,
) -> PyResult<Job> {
    let mut job = Job {
        flags,
        ..Job::default()
    };
    if let Some(root) = root {
        job.root.push_bytes(&held(root)?);
        job.most.push(most);
    }
    for path in paths {
        let path = held(path)?;
        if path.contains(&0) && root.is_some() {
            return Err(PyValueError::new_err("embedded null byte"));
        }
        job.paths.push_bytes(&path);
    }
    for content in contents {
        if content.as_bytes().len() >= u32::MAX as usize {
            return Err(PyValueError::new_err("a content of 4 GiB or more"));
        }
        job.contents.push_bytes(content.as_bytes());
    }
    Ok(job)
}

/// A str as UTF-8 in which surrogates stand.
fn held(text: &Bound<'_, PyString>) -> PyResult<Vec<u8>> {
    match text.to_str() {
        Ok(text) => Ok(text.as_bytes().to_vec()),
        Err(_) => Ok(text
            .call_method1("encode", ("utf-8", "surrogatepass"))?
            .extract()?),
    }
}

fn text_of<'py>(py: Python<'py>, held: &[u8]) -> PyResult<Bound<'py, PyString>> {
    match std::str::from_utf8(held) {
        Ok(text) => Ok(PyString::new(py, text)),
        Err(_) => Ok(PyBytes::new(py, held)
            .call_method1("decode", ("utf-8", "surrogatepass"))?
            .cast_into()?),
    }
}

// ----------------------------------------------------------------------------------------------------------------- columns for Python

/// The columns as NumPy arrays and lists, CSR starts included; named as in `groma.types.Batch`.
fn table(py: Python<'_>, columns: Columns) -> PyResult<Bound<'_, PyDict>> {
    let out = PyDict::new(py);
    let chunk_start = starts(&columns.chunk_sizes);
    let symbol_start = starts(&columns.symbol_sizes);
    let mut chunk_symbols = Vec::with_capacity(columns.chunk_symbols.len() + 1);
    chunk_symbols.push(0);
    for (file, from) in symbol_start
        .iter()
        .take(columns.chunk_sizes.len())
        .enumerate()
    {
        let rows = columns
            .chunk_symbols
            .get(chunk_start[file] as usize..chunk_start[file + 1] as usize)
            .unwrap_or_default();
        chunk_symbols.extend(rows.iter().map(|&n| from + i64::from(n)));
    }
    let array = |name: &str, values: Vec<i64>| out.set_item(name, PyArray1::from_vec(py, values));
    array("chunk_start", chunk_start)?;
    array("symbol_start", symbol_start)?;
    array("chunk_symbols", chunk_symbols)?;
    array("term_start", starts(&columns.term_sizes))?;
    array("symbol_term_start", starts(&columns.symbol_term_sizes))?;
    array("name_start", starts(&columns.name_sizes))?;
    array("mention_start", starts(&columns.mention_sizes))?;
    array("define_start", starts(&columns.define_sizes))?;
    array("sizes", columns.sizes)?;
    array("mtimes_ns", columns.mtimes_ns)?;
    array("ctimes_ns", columns.ctimes_ns)?;
    array("inodes", columns.inodes)?;
    array("checked_ns", columns.checked_ns)?;
    array("lines", columns.lines)?;
    array("first", columns.first)?;
    array("last", columns.last)?;
    array("hit_ids", columns.hit_ids)?;
    array("symbol_lines", columns.symbol_lines)?;
    let array = |name: &str, values: Vec<u32>| out.set_item(name, PyArray1::from_vec(py, values));
    array("terms", columns.terms)?;
    array("symbol_terms", columns.symbol_terms)?;
    array("name_terms", columns.name_terms)?;
    array("mentions", columns.mentions)?;
    array("defines", columns.defines)?;
    out.set_item("impacts", PyArray1::from_vec(py, columns.impacts))?;
    out.set_item("rows", PyArray1::from_vec(py, columns.rows))?;
    out.set_item("scales", PyArray1::from_vec(py, columns.scales))?;
    out.set_item(
        "masked",
        PyArray1::from_vec(
            py,
            columns
                .masked
                .iter()
                .map(|&is| is != 0)
                .collect::<Vec<bool>>(),
        ),
    )?;
    let blobs: Vec<_> = columns
        .blobs
        .iter()
        .map(|blob| blob.map(|blob| PyBytes::new(py, blob)))
        .collect();
    out.set_item("blobs", PyList::new(py, blobs)?)?;
    for (name, column) in [
        ("texts", &columns.texts),
        ("symbols_shown", &columns.symbols_shown),
        ("symbol_names", &columns.symbol_names),
        ("signatures", &columns.signatures),
        ("docs", &columns.docs),
    ] {
        let texts = column
            .iter()
            .map(|text| text_of(py, text.unwrap_or_default()))
            .collect::<PyResult<Vec<_>>>()?;
        out.set_item(name, PyList::new(py, texts)?)?;
    }
    for (name, column) in [
        ("languages", &columns.languages),
        ("file_kinds", &columns.file_kinds),
        ("reasons", &columns.reasons),
        ("notes", &columns.notes),
        ("kinds", &columns.kinds),
        ("enclosing", &columns.enclosing),
        ("symbol_kinds", &columns.symbol_kinds),
    ] {
        out.set_item(name, PyList::new(py, shared(py, column)?)?)?;
    }
    for (name, sizes, column) in [
        ("stems", &columns.stem_sizes, &columns.stems),
        ("imports", &columns.import_sizes, &columns.imports),
        ("calls", &columns.call_sizes, &columns.calls),
    ] {
        let flat = shared(py, column)?;
        let mut at = 0;
        let mut rows = Vec::with_capacity(sizes.len());
        for &size in sizes {
            let end = at + size as usize;
            rows.push(PyTuple::new(py, flat.get(at..end).unwrap_or_default())?);
            at = end;
        }
        out.set_item(name, PyList::new(py, rows)?)?;
    }
    Ok(out)
}

fn starts(sizes: &[u32]) -> Vec<i64> {
    let mut sum = 0;
    let mut starts = Vec::with_capacity(sizes.len() + 1);
    starts.push(0);
    starts.extend(sizes.iter().map(|&size| {
        sum += i64::from(size);
        sum
    }));
    starts
}

/// A column of few different texts: equal ones are one object.
fn shared<'py>(py: Python<'py>, column: &Strings) -> PyResult<Vec<Option<Bound<'py, PyString>>>> {
    let mut known: HashMap<&[u8], Bound<'py, PyString>> = HashMap::new();
    let mut found = Vec::with_capacity(column.len());
    for text in column.iter() {
        found.push(match text {
            None => None,
            Some(text) => match known.get(text) {
                Some(same) => Some(same.clone()),
                None => {
                    let new = text_of(py, text)?;
                    known.insert(text, new.clone());
                    Some(new)
                }
            },
        });
    }
    Ok(found)
}
