//! Conversions for `masking`.

use groma_core::masking::{Masked, Span, masked};
use pyo3::prelude::*;

/// The covered text and its spans, in characters; None where nothing was found.
#[pyfunction]
fn mask(py: Python<'_>, text: &str) -> Option<(String, Vec<Span>)> {
    py.detach(|| masked(text))
        .map(|Masked { text, spans }| (text, spans))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(mask, module)?)
}
