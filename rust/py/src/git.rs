//! Conversions for git's files.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use groma_core::git::{self, Entry, Repository, Settings, User};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::paths::{PathArgument, text};

type Column<'py> = Bound<'py, PyArray1<i64>>;
type Given<'py> = PyReadonlyArray1<'py, i64>;

fn dictionary<'py>(py: Python<'py>, settings: &Settings) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    for (key, value) in settings {
        found.set_item(text(key), text(value))?;
    }
    Ok(found)
}

#[pyfunction]
fn blob_id<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &py.detach(|| git::blob_id(data)))
}

#[pyfunction]
fn commit_id(py: Python<'_>, path: PathArgument) -> Option<OsString> {
    let user = User::from_environment();
    py.detach(|| git::commit_id(&path.0, &user))
        .map(OsString::from_vec)
}

#[pyfunction]
fn head(py: Python<'_>, path: PathArgument) -> Option<OsString> {
    let user = User::from_environment();
    py.detach(|| git::head(&path.0, &user))
        .map(OsString::from_vec)
}

#[pyfunction]
fn top_level(py: Python<'_>, path: PathArgument) -> Option<OsString> {
    let user = User::from_environment();
    py.detach(|| git::top_level(&path.0, &user))
        .map(OsString::from_vec)
}

#[pyfunction]
fn is_git_directory(py: Python<'_>, folder: PathArgument) -> bool {
    py.detach(|| git::is_git_directory(&folder.0))
}

type RepositoryFields<'py> = (OsString, OsString, OsString, Bound<'py, PyDict>);

fn fields<'py>(
    py: Python<'py>,
    found: Option<Repository>,
) -> PyResult<Option<RepositoryFields<'py>>> {
    let Some(found) = found else {
        return Ok(None);
    };
    let settings = dictionary(py, &found.settings)?;
    Ok(Some((
        OsString::from_vec(found.top),
        OsString::from_vec(found.git_dir),
        OsString::from_vec(found.common_dir),
        settings,
    )))
}

#[pyfunction]
fn repository<'py>(py: Python<'py>, root: PathArgument) -> PyResult<Option<RepositoryFields<'py>>> {
    let user = User::from_environment();
    let found = py.detach(|| git::repository(&root.0, &user));
    fields(py, found)
}

#[pyfunction]
fn repository_at<'py>(
    py: Python<'py>,
    folder: PathArgument,
) -> PyResult<Option<RepositoryFields<'py>>> {
    let user = User::from_environment();
    let found = py.detach(|| git::repository_at(&folder.0, &user));
    fields(py, found)
}

#[pyfunction]
fn user_settings<'py>(py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
    let user = User::from_environment();
    dictionary(py, &py.detach(|| user.settings()))
}

/// The (key, value) pairs of a git configuration file's text, in its order.
#[pyfunction]
fn settings_of(content: OsString) -> Vec<(OsString, OsString)> {
    let found = git::settings_of(content.as_bytes());
    found
        .into_iter()
        .map(|(key, value)| (OsString::from_vec(key), OsString::from_vec(value)))
        .collect()
}

type IndexFields<'py> = (
    Vec<Bound<'py, PyBytes>>,
    Bound<'py, PyBytes>,
    Column<'py>,
    Column<'py>,
    Column<'py>,
    Column<'py>,
    Column<'py>,
    Column<'py>,
    Column<'py>,
    i64,
    Option<&'static str>,
);

/// The fields of the twin's `Index`, in their order.
#[pyfunction]
fn read_index<'py>(py: Python<'py>, git_dir: PathArgument, sha256: bool) -> IndexFields<'py> {
    let index = py.detach(|| git::read_index(&git_dir.0, sha256));
    let column = |of: fn(&Entry) -> i64| {
        index
            .entries
            .iter()
            .map(of)
            .collect::<Vec<_>>()
            .into_pyarray(py)
    };
    let oids: Vec<u8> = index.entries.iter().flat_map(|entry| entry.oid).collect();
    (
        index
            .paths
            .iter()
            .map(|path| PyBytes::new(py, path))
            .collect(),
        PyBytes::new(py, &oids),
        column(|entry| entry.mtime_ns),
        column(|entry| entry.ctime_ns),
        column(|entry| entry.size),
        column(|entry| entry.inode),
        column(|entry| entry.mode),
        column(Entry::stage),
        column(|entry| entry.flags),
        index.written_ns,
        index.problem,
    )
}

type CleanFields<'py> = (Given<'py>, Given<'py>, Given<'py>, Given<'py>, Given<'py>);

/// One bool a row; `columns` are an index's mtimes, sizes, modes, stages and flags, of one length.
#[pyfunction]
fn clean_rows<'py>(
    py: Python<'py>,
    oids: &[u8],
    columns: CleanFields<'py>,
    written_ns: i64,
) -> PyResult<Bound<'py, PyArray1<bool>>> {
    let (mtimes, sizes, modes, stages, flags) = (
        columns.0.as_slice()?,
        columns.1.as_slice()?,
        columns.2.as_slice()?,
        columns.3.as_slice()?,
        columns.4.as_slice()?,
    );
    let rows = mtimes.len();
    if [
        sizes.len(),
        modes.len(),
        stages.len(),
        flags.len(),
        oids.len() / 20,
    ]
    .iter()
    .any(|&other| other != rows)
    {
        return Err(PyValueError::new_err("columns of different length"));
    }
    let clean = |row: usize| {
        let mut oid = [0; 20];
        oid.copy_from_slice(&oids[20 * row..20 * row + 20]);
        let flags = flags[row] & !(3 << 12) | stages[row] << 12;
        Entry {
            oid,
            mtime_ns: mtimes[row],
            ctime_ns: 0,
            size: sizes[row],
            inode: 0,
            mode: modes[row],
            flags,
        }
        .is_clean(written_ns)
    };
    Ok((0..rows).map(clean).collect::<Vec<_>>().into_pyarray(py))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(blob_id, module)?)?;
    module.add_function(wrap_pyfunction!(commit_id, module)?)?;
    module.add_function(wrap_pyfunction!(head, module)?)?;
    module.add_function(wrap_pyfunction!(top_level, module)?)?;
    module.add_function(wrap_pyfunction!(is_git_directory, module)?)?;
    module.add_function(wrap_pyfunction!(repository, module)?)?;
    module.add_function(wrap_pyfunction!(repository_at, module)?)?;
    module.add_function(wrap_pyfunction!(user_settings, module)?)?;
    module.add_function(wrap_pyfunction!(settings_of, module)?)?;
    module.add_function(wrap_pyfunction!(read_index, module)?)?;
    module.add_function(wrap_pyfunction!(clean_rows, module)?)?;
    Ok(())
}
