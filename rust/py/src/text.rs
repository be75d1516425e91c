//! Conversions for tokens, passages and the static model.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use groma_core::static_model::{self, Model};
use groma_core::threads::pool;
use groma_core::{passage, tokens};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyString;
use rayon::prelude::*;

/// So many items are worked on between two looks at Ctrl-C.
const STRIDE: usize = 1024;
/// Fewer are not worth waking other threads for, above all not for a query.
const ALONE: usize = 16;

/// A Python text as UTF-8. A lone surrogate, which has none, is U+FFFD: neither makes a word, and both count as one character.
pub fn whole<'a>(text: &'a Bound<'_, PyString>) -> PyResult<Cow<'a, str>> {
    if let Ok(whole) = text.to_str() {
        return Ok(Cow::Borrowed(whole));
    }
    let mut bytes: Vec<u8> = text
        .call_method1("encode", ("utf-8", "surrogatepass"))?
        .extract()?;
    let mut at = 0;
    while at + 2 < bytes.len() {
        if bytes[at] == 0xED && bytes[at + 1] >= 0xA0 {
            bytes[at..at + 3].copy_from_slice("\u{fffd}".as_bytes());
        }
        at += 1;
    }
    String::from_utf8(bytes)
        .map(Cow::Owned)
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

fn all_whole<'a>(texts: &'a [Bound<'_, PyString>]) -> PyResult<Vec<Cow<'a, str>>> {
    texts.iter().map(whole).collect()
}

/// `work` for each number below `count`, on all cores, with the GIL released; Ctrl-C is noticed on the way.
fn for_all<T: Send>(
    py: Python<'_>,
    count: usize,
    work: impl Fn(usize) -> T + Sync,
) -> PyResult<Vec<T>> {
    let mut results = Vec::with_capacity(count);
    for start in (0..count).step_by(STRIDE) {
        let range = start..count.min(start + STRIDE);
        py.detach(|| {
            if range.len() >= ALONE
                && let Some(pool) = pool()
            {
                pool.install(|| results.par_extend(range.into_par_iter().map(&work)));
            } else {
                results.extend(range.map(&work));
            }
        });
        py.check_signals()?;
    }
    Ok(results)
}

#[pyfunction]
fn identifiers<'py>(
    py: Python<'py>,
    text: &Bound<'py, PyString>,
) -> PyResult<Vec<Bound<'py, PyString>>> {
    Ok(tokens::identifiers(&whole(text)?)
        .iter()
        .map(|word| PyString::new(py, word))
        .collect())
}

#[pyfunction]
fn split(identifier: &Bound<'_, PyString>) -> PyResult<Vec<String>> {
    Ok(tokens::split(&whole(identifier)?))
}

#[pyfunction(name = "tokens")]
fn tokens_of(text: &Bound<'_, PyString>) -> PyResult<Vec<String>> {
    Ok(tokens::tokens(&whole(text)?))
}

#[pyfunction]
fn tokens_batch(py: Python<'_>, texts: Vec<Bound<'_, PyString>>) -> PyResult<Vec<Vec<String>>> {
    let texts = all_whole(&texts)?;
    for_all(py, texts.len(), |i| tokens::tokens(&texts[i]))
}

#[pyfunction]
fn identifiers_batch(
    py: Python<'_>,
    texts: Vec<Bound<'_, PyString>>,
) -> PyResult<Vec<Vec<String>>> {
    let texts = all_whole(&texts)?;
    for_all(py, texts.len(), |i| {
        tokens::identifiers(&texts[i])
            .into_iter()
            .map(Cow::into_owned)
            .collect()
    })
}

/// (term, count) in order of first occurrence, and the number of tokens in all.
#[pyfunction]
fn count_terms(text: &Bound<'_, PyString>) -> PyResult<(Vec<(u32, u32)>, usize)> {
    Ok(tokens::count_terms(&whole(text)?))
}

#[pyfunction]
fn comment_lines(text: &Bound<'_, PyString>) -> PyResult<String> {
    Ok(passage::comment_lines(&whole(text)?))
}

#[pyfunction]
fn path_terms(path: &Bound<'_, PyString>) -> PyResult<Vec<(u32, u32)>> {
    Ok(passage::path_terms(&whole(path)?))
}

#[pyfunction]
fn stem_tokens(path: &Bound<'_, PyString>) -> PyResult<Vec<String>> {
    Ok(passage::stem_tokens(&whole(path)?))
}

#[pyfunction]
fn symbol_terms(name: &Bound<'_, PyString>) -> PyResult<Vec<u32>> {
    Ok(passage::symbol_terms(&whole(name)?))
}

/// The columns of many passages: as many entries each.
struct Passages<'a> {
    texts: Vec<Cow<'a, str>>,
    symbols: Vec<Vec<Cow<'a, str>>>,
    enclosing: Vec<Cow<'a, str>>,
    paths: Vec<Cow<'a, str>>,
}

impl<'a> Passages<'a> {
    fn new(
        texts: &'a [Bound<'_, PyString>],
        symbols: &'a [Vec<Bound<'_, PyString>>],
        enclosing: &'a [Bound<'_, PyString>],
        paths: &'a [Bound<'_, PyString>],
    ) -> PyResult<Passages<'a>> {
        if [symbols.len(), enclosing.len(), paths.len()] != [texts.len(); 3] {
            return Err(PyValueError::new_err(
                "The columns of a batch of passages differ in length.",
            ));
        }
        Ok(Passages {
            texts: all_whole(texts)?,
            symbols: symbols
                .iter()
                .map(|names| all_whole(names))
                .collect::<PyResult<_>>()?,
            enclosing: all_whole(enclosing)?,
            paths: all_whole(paths)?,
        })
    }

    fn each<T: Send>(
        &self,
        py: Python<'_>,
        work: impl Fn(&str, &[&str], &str, &str) -> T + Sync,
    ) -> PyResult<Vec<T>> {
        for_all(py, self.texts.len(), |i| {
            let symbols: Vec<&str> = self.symbols[i].iter().map(AsRef::as_ref).collect();
            work(&self.texts[i], &symbols, &self.enclosing[i], &self.paths[i])
        })
    }
}

type Rows<'py> = (
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<u8>>,
);

/// Where each passage's terms start (int64, n + 1), the terms (uint32), their impacts (uint8).
#[pyfunction]
fn sparse_batch<'py>(
    py: Python<'py>,
    texts: Vec<Bound<'py, PyString>>,
    symbols: Vec<Vec<Bound<'py, PyString>>>,
    enclosing: Vec<Bound<'py, PyString>>,
    paths: Vec<Bound<'py, PyString>>,
) -> PyResult<Rows<'py>> {
    let rows = Passages::new(&texts, &symbols, &enclosing, &paths)?.each(py, passage::sparse)?;
    let mut start = vec![0i64];
    start.extend(rows.iter().scan(0i64, |sum, row| {
        *sum += row.len() as i64;
        Some(*sum)
    }));
    let (terms, impacts) = rows.into_iter().flatten().unzip();
    Ok((
        PyArray1::from_vec(py, start),
        PyArray1::from_vec(py, terms),
        PyArray1::from_vec(py, impacts),
    ))
}

#[pyfunction]
fn dense_text_batch(
    py: Python<'_>,
    texts: Vec<Bound<'_, PyString>>,
    symbols: Vec<Vec<Bound<'_, PyString>>>,
    enclosing: Vec<Bound<'_, PyString>>,
    paths: Vec<Bound<'_, PyString>>,
) -> PyResult<Vec<String>> {
    Passages::new(&texts, &symbols, &enclosing, &paths)?.each(py, passage::dense_text)
}

/// A loaded static model; threads may share it.
#[pyclass(frozen, module = "groma._rs")]
pub struct StaticModel {
    pub core: Arc<Model>,
}

#[pymethods]
impl StaticModel {
    /// Raises ValueError with what is wrong with the folder.
    #[new]
    fn new(folder: PathBuf) -> PyResult<StaticModel> {
        Ok(StaticModel {
            core: Arc::new(Model::load(&folder).map_err(PyValueError::new_err)?),
        })
    }

    #[getter]
    fn id(&self) -> &str {
        self.core.id()
    }

    #[getter]
    fn dim(&self) -> usize {
        self.core.dim()
    }

    #[getter]
    fn max_chars(&self) -> usize {
        self.core.max_chars()
    }

    #[getter]
    fn max_tokens(&self) -> usize {
        self.core.max_tokens()
    }

    fn tokenize(&self, text: &Bound<'_, PyString>) -> PyResult<Vec<u32>> {
        Ok(self.core.tokenize(&whole(text)?))
    }

    /// Unit vectors, float32 (n, dim).
    fn embed<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<Bound<'py, PyString>>,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let texts = all_whole(&texts)?;
        let dim = self.core.dim();
        let mut out = vec![0f32; texts.len() * dim];
        for (texts, rows) in texts.chunks(STRIDE).zip(out.chunks_mut(STRIDE * dim)) {
            let each = |(row, text): (&mut [f32], &Cow<'_, str>)| self.core.embed(text, row);
            py.detach(|| {
                if texts.len() >= ALONE
                    && let Some(pool) = pool()
                {
                    pool.install(|| rows.par_chunks_mut(dim).zip(texts).for_each(each));
                } else {
                    rows.chunks_mut(dim).zip(texts).for_each(each);
                }
            });
            py.check_signals()?;
        }
        PyArray1::from_vec(py, out).reshape([texts.len(), dim])
    }

    /// The unit vector of one text, float32 (dim,).
    fn embed_query<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let mut row = vec![0f32; self.core.dim()];
        self.core.embed(&whole(text)?, &mut row);
        Ok(PyArray1::from_vec(py, row))
    }
}

type Codes<'py> = (Bound<'py, PyArray2<i8>>, Bound<'py, PyArray1<f32>>);

/// Codes int8 (n, d) and scales float32 (n,), not finite where a value is not.
#[pyfunction]
fn quantize<'py>(py: Python<'py>, vectors: PyReadonlyArray2<'py, f32>) -> PyResult<Codes<'py>> {
    let [count, dim] = [vectors.shape()[0], vectors.shape()[1]];
    let flat = vectors.as_slice()?;
    let mut codes = vec![0i8; flat.len()];
    let row = |i: usize| i * dim..(i + 1) * dim;
    let scales = py.detach(|| {
        (0..count)
            .map(|i| static_model::quantize(&flat[row(i)], &mut codes[row(i)]))
            .collect()
    });
    Ok((
        PyArray1::from_vec(py, codes).reshape([count, dim])?,
        PyArray1::from_vec(py, scales),
    ))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<StaticModel>()?;
    module.add_function(wrap_pyfunction!(identifiers, module)?)?;
    module.add_function(wrap_pyfunction!(identifiers_batch, module)?)?;
    module.add_function(wrap_pyfunction!(split, module)?)?;
    module.add_function(wrap_pyfunction!(tokens_of, module)?)?;
    module.add_function(wrap_pyfunction!(tokens_batch, module)?)?;
    module.add_function(wrap_pyfunction!(count_terms, module)?)?;
    module.add_function(wrap_pyfunction!(comment_lines, module)?)?;
    module.add_function(wrap_pyfunction!(path_terms, module)?)?;
    module.add_function(wrap_pyfunction!(stem_tokens, module)?)?;
    module.add_function(wrap_pyfunction!(symbol_terms, module)?)?;
    module.add_function(wrap_pyfunction!(sparse_batch, module)?)?;
    module.add_function(wrap_pyfunction!(dense_text_batch, module)?)?;
    module.add_function(wrap_pyfunction!(quantize, module)?)?;
    Ok(())
}
