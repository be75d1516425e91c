//! Conversions for `parsing`: languages, grammars and outlines.

use std::ffi::c_void;

use groma_core::{languages, parse};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyString};

/// first, last, name, kind, enclosing, signature, doc
type Definition = (usize, usize, String, String, Option<String>, String, String);
/// definitions, imports, calls, cut
type Outline = (
    Vec<Definition>,
    Vec<String>,
    Vec<String>,
    Option<&'static str>,
);

fn language(name: &str) -> PyResult<&'static languages::Language> {
    languages::by_name(name)
        .ok_or_else(|| PyValueError::new_err(format!("groma knows no language {name}")))
}

/// The name of the language of the file `path` whose first bytes are `head`.
#[pyfunction]
fn detect(path: &Bound<'_, PyString>, head: &[u8]) -> Option<&'static str> {
    // Lone surrogates stand for bytes of a name that is no UTF-8; no name of the table has one.
    languages::detect(&path.to_string_lossy(), head).map(|found| found.name.as_str())
}

/// Give the core the grammar `name` of the table: what the function of its wheel returns, a capsule or (older wheels) an address.
#[pyfunction]
pub(crate) fn register_grammar(name: &str, grammar: &Bound<'_, PyAny>) -> PyResult<()> {
    let pointer: *const () = match grammar.cast::<PyCapsule>() {
        Ok(capsule) => capsule
            .pointer_checked(Some(c"tree_sitter.Language"))?
            .as_ptr()
            .cast_const()
            .cast(),
        Err(_) => std::ptr::with_exposed_provenance::<c_void>(grammar.extract::<usize>()?).cast(),
    };
    // SAFETY: what a grammar wheel returns is a pointer to its static `TSLanguage`; a module of Python is never unloaded.
    unsafe { parse::register_grammar(name, pointer) }.map_err(PyValueError::new_err)
}

/// Has the grammar of the language been registered, or does it need none?
#[pyfunction]
fn has_grammar(name: &str) -> PyResult<bool> {
    Ok(parse::is_registered(language(name)?))
}

/// Raises ValueError where the query of the language does not fit its grammar.
#[pyfunction]
fn check_language(py: Python<'_>, name: &str) -> PyResult<()> {
    let language = language(name)?;
    py.detach(|| parse::check(language))
        .map_err(PyValueError::new_err)
}

#[pyfunction]
fn outline(py: Python<'_>, source: &str, name: &str) -> PyResult<Outline> {
    let language = language(name)?;
    let found = py
        .detach(|| parse::outline(source, language))
        .map_err(PyValueError::new_err)?;
    let rows = found
        .definitions
        .into_iter()
        .map(|d| {
            (
                d.first,
                d.last,
                d.name,
                d.kind,
                d.enclosing,
                d.signature,
                d.doc,
            )
        })
        .collect();
    Ok((rows, found.imports, found.calls, found.cut))
}

/// The signature and doc of the definition of `name` in `first`..=`last`.
#[pyfunction]
fn summary(lines: Vec<String>, first: usize, last: usize, name: &str) -> (String, String) {
    let lines = groma_core::summary::Lines::new(lines.iter().map(String::as_str));
    (
        groma_core::summary::signature(&lines, first, last, name),
        groma_core::summary::doc(&lines, first, last),
    )
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(detect, module)?)?;
    module.add_function(wrap_pyfunction!(register_grammar, module)?)?;
    module.add_function(wrap_pyfunction!(has_grammar, module)?)?;
    module.add_function(wrap_pyfunction!(check_language, module)?)?;
    module.add_function(wrap_pyfunction!(outline, module)?)?;
    module.add_function(wrap_pyfunction!(summary, module)?)?;
    Ok(())
}
