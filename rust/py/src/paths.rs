//! Paths at the border: `str` on Python's side, bytes that are no UTF-8 as lone surrogates (`os.fsencode`, `os.fsdecode`).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A path that system calls take.
pub struct PathArgument(pub Vec<u8>);

impl<'a, 'py> FromPyObject<'a, 'py> for PathArgument {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<PathArgument> {
        let path = object.extract::<OsString>()?.into_vec();
        if path.contains(&0) {
            return Err(PyValueError::new_err("embedded null byte"));
        }
        Ok(PathArgument(path))
    }
}

/// Bytes as the system's text.
pub fn text(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}
