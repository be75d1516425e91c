//! The Python face of groma's core: conversions only.

use pyo3::prelude::*;

mod candidates;
mod git;
mod masking;
mod parsing;
mod paths;
mod scan;
mod segment;
mod text;
mod walk;

#[pymodule]
fn _rs(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("VERSION", env!("CARGO_PKG_VERSION"))?;
    // What it was made from, as build.rs found it.
    module.add("LISTING", number(env!("GROMA_LISTING"))?)?;
    module.add("SOURCES", number(env!("GROMA_SOURCES"))?)?;
    candidates::register(module)?;
    git::register(module)?;
    masking::register(module)?;
    parsing::register(module)?;
    scan::register(module)?;
    segment::register(module)?;
    text::register(module)?;
    walk::register(module)?;
    Ok(())
}

fn number(text: &str) -> PyResult<u32> {
    Ok(text.parse()?)
}
