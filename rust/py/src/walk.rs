//! Conversions for the walk and ignore rules. Entries of folders are `bytes`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use groma_core::git::User;
use groma_core::ignore::{self, Present};
use groma_core::walk::{self, Blob, Failure, Known};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use crate::paths::{PathArgument, text};

type Column<'py> = Bound<'py, PyArray1<i64>>;
type Given<'py> = PyReadonlyArray1<'py, i64>;

// --------------------------------------------------------------------------------------------------------------- ignore

/// One folder of a walk and all that is in force in it.
#[pyclass(frozen, module = "groma._rs")]
struct Ground(ignore::Ground);

#[pymethods]
impl Ground {
    #[getter]
    fn folder<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.folder)
    }

    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.path)
    }

    #[getter]
    fn only_tracked(&self) -> bool {
        self.0.only_tracked
    }

    /// The deciding pattern's source, line and text, whether it is negated, and whether it is groma's own; None if none does.
    fn judge<'py>(
        &self,
        py: Python<'py>,
        name: &[u8],
        path: &[u8],
        is_folder: bool,
    ) -> Option<(OsString, usize, Bound<'py, PyBytes>, bool, bool)> {
        let hit = self.0.rules.judge(name, path, is_folder)?;
        Some((
            text(hit.source).to_owned(),
            hit.pattern.line,
            PyBytes::new(py, &hit.pattern.text),
            hit.pattern.negated,
            hit.own,
        ))
    }
}

#[pyfunction]
fn survey(py: Python<'_>, root: PathArgument) -> Ground {
    let user = User::from_environment();
    Ground(py.detach(|| ignore::survey(&root.0, &user)))
}

#[pyfunction]
fn enter(py: Python<'_>, ground: &Ground, git: bool, gitignore: bool, gromaignore: bool) -> Ground {
    let present = Present {
        git,
        gitignore,
        gromaignore,
    };
    Ground(py.detach(|| ignore::enter(ground.0.clone(), present)))
}

#[pyfunction]
fn child(ground: &Ground, name: &[u8], only_tracked: bool) -> Ground {
    Ground(ignore::child(&ground.0, name, only_tracked))
}

/// 0: wanted, 1: entered for tracked files only, 2: ignored. `path` begins with the ground's.
#[pyfunction]
fn fate(ground: &Ground, name: &[u8], path: &[u8], is_folder: bool) -> PyResult<u8> {
    if !path.starts_with(&ground.0.path) {
        return Err(PyValueError::new_err("a path from elsewhere"));
    }
    Ok(ignore::fate(&ground.0, name, path, is_folder) as u8)
}

type VerdictFields = (
    OsString,
    bool,
    bool,
    Option<OsString>,
    usize,
    String,
    String,
);

/// The fields of the twin's `Verdict`; None if `path` does not lie below `root`.
#[pyfunction]
fn explain_ignored(
    py: Python<'_>,
    root: PathArgument,
    path: PathArgument,
) -> Option<VerdictFields> {
    let user = User::from_environment();
    let found = py.detach(|| ignore::explain(&root.0, &path.0, &user))?;
    let source = found.source.map(OsString::from_vec);
    Some((
        OsString::from_vec(found.path),
        found.ignored,
        found.tracked,
        source,
        found.line,
        found.pattern,
        found.matched,
    ))
}

// ----------------------------------------------------------------------------------------------------------------- walk

#[pyfunction]
fn secrets_file(path: OsString) -> bool {
    walk::secrets_file(path.as_bytes())
}

/// One bool a row; columns of one length.
#[pyfunction]
fn settled<'py>(
    py: Python<'py>,
    mtimes_ns: Given<'py>,
    ctimes_ns: Given<'py>,
    checked_ns: Given<'py>,
) -> PyResult<Bound<'py, PyArray1<bool>>> {
    let (mtimes, ctimes, checked) = (
        mtimes_ns.as_slice()?,
        ctimes_ns.as_slice()?,
        checked_ns.as_slice()?,
    );
    if ctimes.len() != mtimes.len() || checked.len() != mtimes.len() {
        return Err(PyValueError::new_err("columns of different length"));
    }
    let rows = mtimes
        .iter()
        .zip(ctimes)
        .zip(checked)
        .map(|((&mtime, &ctime), &checked)| walk::settled(mtime, ctime, checked));
    Ok(rows.collect::<Vec<_>>().into_pyarray(py))
}

/// The columns of the twin's `Known`: paths, sizes, mtimes, ctimes, inodes, blobs, times of the look.
type KnownFields<'py> = (
    Bound<'py, PyList>,
    Given<'py>,
    Given<'py>,
    Given<'py>,
    Given<'py>,
    Bound<'py, PyList>,
    Given<'py>,
);

type ListingFields<'py> = (
    Bound<'py, PyList>,
    Column<'py>,
    Column<'py>,
    Column<'py>,
    Column<'py>,
    Bound<'py, PyList>,
    Column<'py>,
    usize,
    usize,
    usize,
    Vec<(String, &'static str)>,
);

/// The fields of the twin's `Listing`, in their order.
#[pyfunction(name = "walk")]
fn walk_folder<'py>(
    py: Python<'py>,
    root: PathArgument,
    known: Option<KnownFields<'py>>,
    max_file_bytes: u64,
) -> PyResult<ListingFields<'py>> {
    let user = User::from_environment();
    // The texts lie in the Python strings, which `paths` holds on to.
    let paths: Vec<Bound<'py, PyAny>> = known
        .as_ref()
        .map_or_else(Vec::new, |known| known.0.iter().collect());
    let texts: Vec<Option<&str>> = paths
        .iter()
        .map(|path| {
            path.cast::<PyString>()
                .ok()
                .and_then(|path| path.to_str().ok())
        })
        .collect();
    let mut interrupted = None;
    let listing = {
        let known = match &known {
            None => Known::default(),
            Some((_, sizes, mtimes, ctimes, inodes, blobs, checked)) => {
                let (sizes, mtimes_ns, ctimes_ns) =
                    (sizes.as_slice()?, mtimes.as_slice()?, ctimes.as_slice()?);
                let (inodes, checked_ns) = (inodes.as_slice()?, checked.as_slice()?);
                let lengths = [
                    sizes.len(),
                    mtimes_ns.len(),
                    ctimes_ns.len(),
                    inodes.len(),
                    blobs.len(),
                    checked_ns.len(),
                ];
                if lengths.iter().any(|&length| length != texts.len()) {
                    return Err(PyValueError::new_err("columns of different length"));
                }
                Known {
                    paths: &texts,
                    sizes,
                    mtimes_ns,
                    ctimes_ns,
                    inodes,
                    checked_ns,
                }
            }
        };
        py.detach(|| {
            walk::walk(&root.0, known, max_file_bytes, &user, &mut || {
                interrupted = Python::attach(|py| py.check_signals().err());
                interrupted.is_some()
            })
        })
    };
    let listing = match listing {
        Ok(listing) => listing,
        Err(Failure::Closed { folder, error }) => return Err(os_error(py, &folder, &error)),
        Err(Failure::Stopped) => {
            return Err(interrupted.unwrap_or_else(|| PyValueError::new_err("stopped")));
        }
    };
    let rows = &listing.rows;
    let (mut from_known, mut from_index) = (0, 0);
    let (names, blobs) = (PyList::empty(py), PyList::empty(py));
    for row in rows {
        match (row.blob, &known) {
            (Blob::Known(at), Some(known)) => {
                from_known += 1;
                names.append(&paths[at])?;
                blobs.append(known.5.get_item(at)?)?;
            }
            (Blob::Index(blob) | Blob::Hashed(blob), _) => {
                from_index += usize::from(matches!(row.blob, Blob::Index(_)));
                names.append(PyString::new(py, &row.path))?;
                blobs.append(PyBytes::new(py, &blob))?;
            }
            (Blob::Known(_), None) => {}
        }
    }
    let column =
        |of: fn(&walk::Row) -> i64| rows.iter().map(of).collect::<Vec<_>>().into_pyarray(py);
    Ok((
        names,
        column(|row| row.size),
        column(|row| row.mtime_ns),
        column(|row| row.ctime_ns),
        column(|row| row.inode),
        blobs,
        column(|row| row.checked_ns),
        from_index,
        from_known,
        rows.len() - from_index - from_known,
        listing.skipped,
    ))
}

/// The OSError that Python itself would raise for a folder; its class follows from the number.
fn os_error(py: Python<'_>, folder: &[u8], error: &std::io::Error) -> PyErr {
    let code = error.raw_os_error().unwrap_or(0);
    let said = py
        .import("os")
        .and_then(|os| os.call_method1("strerror", (code,)))
        .and_then(|said| said.extract::<String>());
    match said {
        Ok(said) => PyOSError::new_err((code, said, folder.to_vec())),
        Err(error) => error,
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Ground>()?;
    module.add_function(wrap_pyfunction!(survey, module)?)?;
    module.add_function(wrap_pyfunction!(enter, module)?)?;
    module.add_function(wrap_pyfunction!(child, module)?)?;
    module.add_function(wrap_pyfunction!(fate, module)?)?;
    module.add_function(wrap_pyfunction!(explain_ignored, module)?)?;
    module.add_function(wrap_pyfunction!(secrets_file, module)?)?;
    module.add_function(wrap_pyfunction!(settled, module)?)?;
    module.add_function(wrap_pyfunction!(walk_folder, module)?)?;
    Ok(())
}
