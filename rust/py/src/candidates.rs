//! Conversions for `candidates`.

use groma_core::candidates::{self, Leg, Runs, Weighing};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

type Whole<'py> = Bound<'py, PyArray1<i64>>;
type Real<'py> = Bound<'py, PyArray1<f64>>;
type Columns<'py> = (
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, f32>,
);
fn leg<'a>(columns: &'a Columns<'_>) -> PyResult<Leg<'a>> {
    Ok(Leg {
        ids: columns.0.as_slice()?,
        files: columns.1.as_slice()?,
        scores: columns.2.as_slice()?,
    })
}

#[pyfunction]
#[allow(clippy::type_complexity)]
fn fuse<'py>(
    py: Python<'py>,
    sparse: Columns<'py>,
    dense: Option<Columns<'py>>,
    decays: PyReadonlyArray1<'py, f64>,
    lean: f64,
    most: usize,
) -> PyResult<(
    Whole<'py>,
    Real<'py>,
    Real<'py>,
    Whole<'py>,
    Whole<'py>,
    Real<'py>,
)> {
    let dense = dense.as_ref().map(leg).transpose()?;
    let found = candidates::fuse(leg(&sparse)?, dense, decays.as_slice()?, lean, most);
    Ok((
        found.files.into_pyarray(py),
        found.text.into_pyarray(py),
        found.meaning.into_pyarray(py),
        found.start.into_pyarray(py),
        found.ids.into_pyarray(py),
        found.scores.into_pyarray(py),
    ))
}

type RunColumns<'py> = (
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, f64>,
);

fn runs<'a>(columns: &'a RunColumns<'_>) -> PyResult<Runs<'a>> {
    Ok(Runs {
        start: columns.0.as_slice()?,
        ids: columns.1.as_slice()?,
        values: columns.2.as_slice()?,
    })
}

#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn best_passages<'py>(
    py: Python<'py>,
    passages: RunColumns<'py>,
    symbols: RunColumns<'py>,
    at: PyReadonlyArray1<'py, i64>,
    scores: PyReadonlyArray1<'py, f64>,
    begin: PyReadonlyArray1<'py, i64>,
    end: PyReadonlyArray1<'py, i64>,
    best: f64,
    lean: f64,
    decays: PyReadonlyArray1<'py, f64>,
) -> PyResult<(Whole<'py>, Whole<'py>, Real<'py>)> {
    let (at, scores) = (at.as_slice()?, scores.as_slice()?);
    let (begin, end) = (begin.as_slice()?, end.as_slice()?);
    let found = candidates::best_passages(
        runs(&passages)?,
        runs(&symbols)?,
        at.iter().copied().zip(scores.iter().copied()),
        begin.iter().copied().zip(end.iter().copied()),
        Weighing {
            best,
            lean,
            decays: decays.as_slice()?,
        },
    );
    Ok((
        found.places.into_pyarray(py),
        found.owners.into_pyarray(py),
        found.scores.into_pyarray(py),
    ))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(fuse, module)?)?;
    module.add_function(wrap_pyfunction!(best_passages, module)?)
}
