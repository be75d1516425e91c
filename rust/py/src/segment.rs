//! Conversions for `segment`.

use std::ffi::c_int;
use std::path::PathBuf;

use groma_core::candidates::{self, Asked, Names};
use groma_core::segment::{self, Leg, Named, Postings, Rows};
use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyBufferError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::PyList;

type Columns<'py> = (
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<f32>>,
);

/// A part, as a buffer of the bytes of its body; `layout` tells the arrays in it.
#[pyclass(frozen, module = "groma._rs")]
struct Part {
    part: segment::Part,
}

#[pymethods]
impl Part {
    #[getter]
    fn kinds(&self) -> Vec<String> {
        self.part.kinds.clone()
    }

    /// Name, type, shape and offset of every array.
    #[getter]
    fn layout(&self) -> Vec<segment::Described> {
        self.part.layout()
    }

    /// How many bytes of the body its checksum is over, the first ones.
    #[getter]
    fn checked(&self) -> usize {
        self.part.checked()
    }

    /// The CRC-32 of these.
    fn checksum(&self, py: Python<'_>) -> u32 {
        py.detach(|| self.part.checksum())
    }

    /// # Safety
    /// Python calls this with a `view` to fill, as its buffer protocol says.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        let body = slf.get().part.body();
        let Ok(size) = isize::try_from(body.len()) else {
            return Err(PyBufferError::new_err("the part is too large for a buffer"));
        };
        // SAFETY: the body lives, unmoved and unchanged, as long as the object, which the view keeps alive; it is marked as not to be written.
        let failed = unsafe {
            ffi::PyBuffer_FillInfo(
                view,
                slf.as_ptr(),
                body.as_ptr().cast_mut().cast(),
                size,
                1,
                flags,
            )
        };
        if failed != 0 {
            Err(PyErr::fetch(slf.py()))
        } else {
            Ok(())
        }
    }
}

/// The parts behind the handles, and the masks as bytes. One mask a part, one byte a row.
struct Seen<'a> {
    parts: Vec<&'a segment::Part>,
    masks: Vec<&'a [u8]>,
}

fn seen<'a>(
    handles: &'a [Bound<'_, Part>],
    masks: &'a [PyReadonlyArray1<'_, u8>],
    rows: impl Fn(&segment::Part) -> usize,
) -> PyResult<Seen<'a>> {
    let parts: Vec<&segment::Part> = handles.iter().map(|h| &h.get().part).collect();
    let masks = masks
        .iter()
        .map(|m| Ok(m.as_slice()?))
        .collect::<PyResult<Vec<&[u8]>>>()?;
    if parts.len() != masks.len()
        || parts
            .iter()
            .zip(&masks)
            .any(|(part, mask)| rows(part) != mask.len())
    {
        return Err(PyValueError::new_err(
            "there must be one mask a part, as long as the part",
        ));
    }
    Ok(Seen { parts, masks })
}

fn columns(py: Python<'_>, leg: Leg) -> Columns<'_> {
    (
        leg.ids.into_pyarray(py),
        leg.files.into_pyarray(py),
        leg.scores.into_pyarray(py),
    )
}

#[pyfunction]
fn sparse_top<'py>(
    py: Python<'py>,
    parts: Vec<Bound<'py, Part>>,
    masks: Vec<PyReadonlyArray1<'py, u8>>,
    terms: PyReadonlyArray1<'py, u32>,
    weights: PyReadonlyArray1<'py, f64>,
    k: usize,
) -> PyResult<Columns<'py>> {
    let seen = seen(&parts, &masks, |part| part.ids().len())?;
    let (terms, weights) = (terms.as_slice()?, weights.as_slice()?);
    if terms.len() != weights.len() {
        return Err(PyValueError::new_err("there must be one weight a term"));
    }
    Ok(columns(
        py,
        py.detach(|| segment::sparse_top(&seen.parts, &seen.masks, terms, weights, k)),
    ))
}

#[pyfunction]
fn dense_top<'py>(
    py: Python<'py>,
    parts: Vec<Bound<'py, Part>>,
    masks: Vec<PyReadonlyArray1<'py, u8>>,
    name: &str,
    query: PyReadonlyArray1<'py, f32>,
    k: usize,
) -> PyResult<Columns<'py>> {
    let seen = seen(&parts, &masks, |part| part.ids().len())?;
    let query = query.as_slice()?;
    let leg = py.detach(|| segment::dense_top(&seen.parts, &seen.masks, name, query, k));
    Ok(columns(py, leg.map_err(PyValueError::new_err)?))
}

#[pyfunction]
fn chunk_frequencies<'py>(
    py: Python<'py>,
    parts: Vec<Bound<'py, Part>>,
    masks: Vec<PyReadonlyArray1<'py, u8>>,
    terms: PyReadonlyArray1<'py, u32>,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let seen = seen(&parts, &masks, |part| part.ids().len())?;
    let terms = terms.as_slice()?;
    let tables: Vec<Postings> = seen.parts.iter().map(|part| part.postings()).collect();
    Ok(py
        .detach(|| segment::frequencies(&tables, &seen.masks, terms))
        .into_pyarray(py))
}

#[pyfunction]
fn name_frequencies<'py>(
    py: Python<'py>,
    parts: Vec<Bound<'py, Part>>,
    masks: Vec<PyReadonlyArray1<'py, u8>>,
) -> PyResult<Vec<Bound<'py, PyArray1<i64>>>> {
    let seen = seen(&parts, &masks, |part| part.files().len())?;
    let tables: Vec<Postings> = seen.parts.iter().map(|part| part.name_postings()).collect();
    let counts = py.detach(|| segment::shared_frequencies(&tables, &seen.masks));
    Ok(counts.into_iter().map(|one| one.into_pyarray(py)).collect())
}

fn texts(some: &[PyBackedStr]) -> Vec<&str> {
    some.iter().map(|one| &**one).collect()
}

type Whole<'py> = Bound<'py, PyArray1<i64>>;
type Real<'py> = Bound<'py, PyArray1<f64>>;

#[pyfunction]
#[allow(clippy::too_many_arguments, clippy::type_complexity)]
fn match_names<'py>(
    py: Python<'py>,
    parts: Vec<Bound<'py, Part>>,
    weights: Vec<PyReadonlyArray1<'py, f64>>,
    rare: f64,
    files: PyReadonlyArray1<'py, i64>,
    words: Vec<PyBackedStr>,
    terms: PyReadonlyArray1<'py, u32>,
    named: Vec<PyBackedStr>,
    flat: Vec<PyBackedStr>,
) -> PyResult<(
    (Whole<'py>, Whole<'py>, Whole<'py>),
    [Real<'py>; 5],
    (Whole<'py>, Whole<'py>, Real<'py>),
)> {
    let parts: Vec<&segment::Part> = parts.iter().map(|part| &part.get().part).collect();
    let weights = weights
        .iter()
        .map(|one| Ok(one.as_slice()?))
        .collect::<PyResult<Vec<&[f64]>>>()?;
    if parts.len() != weights.len() || words.len() != terms.len() {
        return Err(PyValueError::new_err(
            "there must be one column of weights a part, and one term a word",
        ));
    }
    let (words, named, flat) = (texts(&words), texts(&named), texts(&flat));
    let asked = Asked {
        words: &words,
        terms: terms.as_slice()?,
        named: &named,
        flat: &flat,
    };
    let found = candidates::match_names(
        &Names {
            parts: &parts,
            weights: &weights,
            rare,
        },
        files.as_slice()?,
        &asked,
    );
    Ok((
        (
            found.part.into_pyarray(py),
            found.row.into_pyarray(py),
            found.roles.into_pyarray(py),
        ),
        [
            found.share,
            found.cover,
            found.best,
            found.defines,
            found.called,
        ]
        .map(|one| one.into_pyarray(py)),
        (
            found.start.into_pyarray(py),
            found.symbols.into_pyarray(py),
            found.overlaps.into_pyarray(py),
        ),
    ))
}

#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn build_part<'py>(
    py: Python<'py>,
    ids: PyReadonlyArray1<'py, i64>,
    hits: PyReadonlyArray1<'py, i64>,
    chunk_files: PyReadonlyArray1<'py, i64>,
    kinds: Vec<PyBackedStr>,
    term_start: PyReadonlyArray1<'py, i64>,
    terms: PyReadonlyArray1<'py, u32>,
    impacts: PyReadonlyArray1<'py, u8>,
    files: PyReadonlyArray1<'py, i64>,
    name_start: PyReadonlyArray1<'py, i64>,
    name_terms: PyReadonlyArray1<'py, u32>,
    cards: Vec<PyBackedBytes>,
    places: PyReadonlyArray2<'py, u32>,
    texts: Vec<PyBackedBytes>,
    vectors: Vec<(
        String,
        PyReadonlyArray2<'py, i8>,
        PyReadonlyArray1<'py, f32>,
    )>,
) -> PyResult<Part> {
    let kinds: Vec<&str> = kinds.iter().map(|kind| &**kind).collect();
    let cards: Vec<&[u8]> = cards.iter().map(|card| &**card).collect();
    let texts: Vec<&[u8]> = texts.iter().map(|text| &**text).collect();
    let named = vectors
        .iter()
        .map(|(name, rows, scales)| {
            let dim = rows.shape()[1];
            Ok(Named {
                name: name.clone(),
                dim,
                rows: rows.as_slice()?,
                scales: scales.as_slice()?,
            })
        })
        .collect::<PyResult<Vec<_>>>()?;
    let rows = Rows {
        ids: ids.as_slice()?,
        hits: hits.as_slice()?,
        chunk_files: chunk_files.as_slice()?,
        kinds: &kinds,
        term_start: term_start.as_slice()?,
        terms: terms.as_slice()?,
        impacts: impacts.as_slice()?,
        files: files.as_slice()?,
        name_start: name_start.as_slice()?,
        name_terms: name_terms.as_slice()?,
        cards: &cards,
        places: places.as_slice()?,
        texts: &texts,
        vectors: named,
    };
    let part = py
        .detach(|| segment::build(&rows))
        .map_err(PyValueError::new_err)?;
    Ok(Part { part })
}

#[pyfunction]
fn merge_parts(
    py: Python<'_>,
    parts: Vec<Bound<'_, Part>>,
    keeps: Vec<PyReadonlyArray1<'_, u8>>,
) -> PyResult<Part> {
    let seen = seen(&parts, &keeps, |part| part.files().len())?;
    let part = py
        .detach(|| segment::merge(&seen.parts, &seen.masks))
        .map_err(PyValueError::new_err)?;
    Ok(Part { part })
}

/// Map the part at `path`; `name` is what its header must call it. What is not a whole part raises StoreDamaged.
#[pyfunction]
fn open_part(py: Python<'_>, path: PathBuf, name: &str, check: bool) -> PyResult<Part> {
    match py.detach(|| segment::open(&path, name, check)) {
        Ok(part) => Ok(Part { part }),
        Err(segment::Damage(what)) => {
            let context = pyo3::types::PyDict::new(py);
            context.set_item("path", path.into_os_string())?;
            let error = py
                .import("groma.errors")?
                .getattr("StoreDamaged")?
                .call((what,), Some(&context))?;
            Err(PyErr::from_value(error))
        }
    }
}

#[pyfunction]
fn places<'py>(
    py: Python<'py>,
    parts: Vec<Bound<'py, Part>>,
    ids: PyReadonlyArray1<'py, i64>,
) -> PyResult<Bound<'py, PyArray2<i64>>> {
    let parts: Vec<&segment::Part> = parts.iter().map(|part| &part.get().part).collect();
    let ids = ids.as_slice()?;
    let found = segment::places(&parts, ids).concat();
    found.into_pyarray(py).reshape([4, ids.len()])
}

type Shown<'a, 'py> = (
    u32,
    u32,
    &'a str,
    i64,
    Bound<'py, PyAny>,
    Bound<'py, PyAny>,
    bool,
    Bound<'py, PyAny>,
);

#[pyfunction]
fn shown(py: Python<'_>, parts: Vec<Bound<'_, Part>>, ids: Vec<i64>) -> PyResult<Py<PyList>> {
    let parts: Vec<&segment::Part> = parts.iter().map(|part| &part.get().part).collect();
    let found = PyList::empty(py);
    let mut failed = Ok(());
    segment::shown(&parts, &ids, |one| {
        let one = one.and_then(|one| {
            let one: Shown = (
                one.first,
                one.last,
                one.kind,
                one.hit,
                text(py, one.text.symbol)?,
                text(py, one.text.enclosing)?,
                one.text.masked,
                text(py, one.text.text)?,
            );
            Some(one)
        });
        if let Err(e) = found.append(one) {
            failed = Err(e);
        }
    });
    failed.map(|()| found.unbind())
}

/// UTF-8 in which lone surrogates may be, as a text of Python's; none where it is not.
fn text<'py>(py: Python<'py>, bytes: &[u8]) -> Option<Bound<'py, PyAny>> {
    let size = ffi::Py_ssize_t::try_from(bytes.len()).ok()?;
    // SAFETY: Python reads `size` bytes from there, which are borrowed until it is done, and gives a new object or sets an error.
    let made = unsafe {
        let made =
            ffi::PyUnicode_DecodeUTF8(bytes.as_ptr().cast(), size, c"surrogatepass".as_ptr());
        Bound::from_owned_ptr_or_err(py, made)
    };
    made.ok()
}

/// One bool a value: is it among `of` (ascending)?
#[pyfunction]
fn member_i64<'py>(
    py: Python<'py>,
    values: PyReadonlyArray1<'py, i64>,
    of: PyReadonlyArray1<'py, i64>,
) -> PyResult<Bound<'py, PyArray1<bool>>> {
    let (values, of) = (values.as_slice()?, of.as_slice()?);
    Ok(py.detach(|| segment::member(values, of)).into_pyarray(py))
}

#[pyfunction]
fn member_u32<'py>(
    py: Python<'py>,
    values: PyReadonlyArray1<'py, u32>,
    of: PyReadonlyArray1<'py, u32>,
) -> PyResult<Bound<'py, PyArray1<bool>>> {
    let (values, of) = (values.as_slice()?, of.as_slice()?);
    Ok(py.detach(|| segment::member(values, of)).into_pyarray(py))
}

/// What the vector scan runs on here: `avx512-vnni`, `avx2` or `portable`.
#[pyfunction]
fn dense_kernel() -> &'static str {
    segment::kernel_name()
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Part>()?;
    module.add_function(wrap_pyfunction!(sparse_top, module)?)?;
    module.add_function(wrap_pyfunction!(dense_top, module)?)?;
    module.add_function(wrap_pyfunction!(chunk_frequencies, module)?)?;
    module.add_function(wrap_pyfunction!(name_frequencies, module)?)?;
    module.add_function(wrap_pyfunction!(match_names, module)?)?;
    module.add_function(wrap_pyfunction!(build_part, module)?)?;
    module.add_function(wrap_pyfunction!(merge_parts, module)?)?;
    module.add_function(wrap_pyfunction!(open_part, module)?)?;
    module.add_function(wrap_pyfunction!(places, module)?)?;
    module.add_function(wrap_pyfunction!(shown, module)?)?;
    module.add_function(wrap_pyfunction!(member_i64, module)?)?;
    module.add_function(wrap_pyfunction!(member_u32, module)?)?;
    module.add_function(wrap_pyfunction!(dense_kernel, module)?)
}
