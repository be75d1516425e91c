//! The Python face of groma's core: conversions only.

use pyo3::prelude::*;

mod masking;
mod parsing;
mod scan;
mod segment;
mod text;
mod walk;

#[pymodule]
fn _rs(module: &Bound<'_, PyModule>) -> PyResult<()> {
    masking::register(module)?;
    parsing::register(module)?;
    scan::register(module)?;
    segment::register(module)?;
    text::register(module)?;
    walk::register(module)?;
    Ok(())
}
