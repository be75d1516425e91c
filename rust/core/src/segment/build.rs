//! Parts from rows.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::body::{Lists, Shape};
use super::{Part, WIDEST};

/// Vectors of one name: `rows` is n · dim, `scales` n.
pub struct Named<'a> {
    pub name: String,
    pub dim: usize,
    pub rows: &'a [i8],
    pub scales: &'a [f32],
}

/// Chunks and files as rows; see `build` of the twin.
pub struct Rows<'a> {
    pub ids: &'a [i64],
    pub hits: &'a [i64],
    pub chunk_files: &'a [i64],
    pub kinds: &'a [&'a str],
    pub term_start: &'a [i64],
    pub terms: &'a [u32],
    pub impacts: &'a [u8],
    pub files: &'a [i64],
    pub name_start: &'a [i64],
    pub name_terms: &'a [u32],
    /// One a file, of whole words; see [`crate::cards`].
    pub cards: &'a [&'a [u8]],
    /// Four a chunk; see [`Part::places`].
    pub places: &'a [u32],
    /// One a chunk; see [`crate::texts`].
    pub texts: &'a [&'a [u8]],
    pub vectors: Vec<Named<'a>>,
}

/// A part from rows. An error says which columns do not belong together.
pub fn build(rows: &Rows) -> Result<Part, String> {
    let n = rows.ids.len();
    if rows.hits.len() != n || rows.chunk_files.len() != n || rows.kinds.len() != n {
        return Err("the columns of the chunks differ in length".to_owned());
    }
    if u32::try_from(n).is_err() || u32::try_from(rows.files.len()).is_err() {
        return Err("too many chunks for one part".to_owned());
    }
    check_rows(rows.term_start, n, rows.terms.len())?;
    check_rows(rows.name_start, rows.files.len(), rows.name_terms.len())?;
    if rows.impacts.len() != rows.terms.len() {
        return Err("there must be one impact a term".to_owned());
    }
    for v in &rows.vectors {
        if v.dim > WIDEST || v.scales.len() != n || v.dim.checked_mul(n) != Some(v.rows.len()) {
            return Err(format!("the vectors called {} are not one a chunk", v.name));
        }
    }
    if rows.cards.len() != rows.files.len() || rows.cards.iter().any(|card| card.len() % 4 != 0) {
        return Err("there must be one card a file, of whole words".to_owned());
    }
    if n.checked_mul(4) != Some(rows.places.len()) {
        return Err("there must be one place a chunk".to_owned());
    }
    if rows.texts.len() != n {
        return Err("there must be one text a chunk".to_owned());
    }
    let (kinds, kind_of) = coded(rows.kinds)?;
    let mut terms = Keys::counted(rows.terms);
    let mut names = Keys::counted(rows.name_terms);
    let shape = Shape {
        chunks: n,
        files: rows.files.len(),
        terms: terms.all.len(),
        postings: rows.terms.len(),
        names: names.all.len(),
        name_postings: rows.name_terms.len(),
        cards: rows.cards.iter().map(|card| card.len()).sum(),
        texts: rows.texts.iter().map(|text| text.len()).sum(),
        vectors: rows
            .vectors
            .iter()
            .map(|v| (v.name.clone(), v.dim))
            .collect(),
    };
    shape.part(kinds, |to| {
        to.ids.copy_from_slice(rows.ids);
        to.hits.copy_from_slice(rows.hits);
        for (to, file) in to.file_of.iter_mut().zip(rows.chunk_files) {
            *to = rows
                .files
                .binary_search(file)
                .map_err(|_| format!("file {file} of a chunk is not among the files"))?
                as u32;
        }
        to.kind_of.copy_from_slice(&kind_of);
        to.files.copy_from_slice(rows.files);
        terms.scatter(rows.term_start, rows.terms, &mut to.text, |at, i| {
            to.impacts[at] = rows.impacts[i]
        });
        names.scatter(rows.name_start, rows.name_terms, &mut to.names, |_, _| {});
        to.cards.put(rows.cards.iter().copied());
        to.places.copy_from_slice(rows.places);
        for (to, from) in to.vectors.iter_mut().zip(&rows.vectors) {
            to.0.copy_from_slice(from.rows);
            to.1.copy_from_slice(from.scales);
        }
        to.texts.put(rows.texts.iter().copied());
        Ok(())
    })
}

fn check_rows(start: &[i64], rows: usize, items: usize) -> Result<(), String> {
    let whole = start.len() == rows + 1
        && start[0] == 0
        && start.windows(2).all(|w| w[0] <= w[1])
        && start
            .last()
            .is_some_and(|end| usize::try_from(*end) == Ok(items));
    if whole {
        Ok(())
    } else {
        Err("the starts of the rows do not fit their items".to_owned())
    }
}

/// The distinct kinds ascending, and which one each is.
fn coded(kinds: &[&str]) -> Result<(Vec<String>, Vec<u8>), String> {
    let mut table: Vec<&str> = Vec::new();
    let mut last = None;
    for kind in kinds {
        if last != Some(kind) {
            last = Some(kind);
            if let Err(at) = table.binary_search(kind) {
                table.insert(at, kind);
            }
        }
    }
    if table.len() > usize::from(u8::MAX) + 1 {
        return Err(format!("{} kinds are too many", table.len()));
    }
    let codes = kinds
        .iter()
        .map(|kind| table.binary_search(kind).unwrap_or(0) as u8)
        .collect();
    Ok((table.into_iter().map(str::to_owned).collect(), codes))
}

/// Distinct keys ascending with how often each occurs; a map from key to where its next row belongs.
struct Keys {
    all: Vec<(u32, usize)>,
    next: HashMap<u32, usize, Odd>,
}

impl Keys {
    fn counted(keys: &[u32]) -> Keys {
        let mut next: HashMap<u32, usize, Odd> =
            HashMap::with_hasher(Odd(RandomState::new().hash_one(0) | 1));
        for key in keys {
            *next.entry(*key).or_default() += 1;
        }
        let mut all: Vec<(u32, usize)> = next.iter().map(|(key, n)| (*key, *n)).collect();
        all.sort_unstable();
        Keys { all, next }
    }

    /// Write keys, starts and, row by row, rows; `also(at, i)` is told where the i-th item went.
    fn scatter(
        &mut self,
        start: &[i64],
        keys: &[u32],
        to: &mut Lists,
        mut also: impl FnMut(usize, usize),
    ) {
        to.begin(self.all.iter().copied());
        let mut end = 0;
        for (key, n) in &self.all {
            self.next.insert(*key, end);
            end += n;
        }
        for (row, bounds) in start.windows(2).enumerate() {
            let items = bounds[0] as usize..bounds[1] as usize;
            for (key, i) in keys[items.clone()].iter().zip(items) {
                if let Some(at) = self.next.get_mut(key) {
                    to.rows[*at] = row as u32;
                    also(*at, i);
                    *at += 1;
                }
            }
        }
    }
}

/// Term ids are hashes already; a secret odd factor spreads them against whoever would choose his words to collide.
#[derive(Clone)]
struct Odd(u64);

impl BuildHasher for Odd {
    type Hasher = Spread;

    fn build_hasher(&self) -> Spread {
        Spread {
            factor: self.0,
            hash: 0,
        }
    }
}

struct Spread {
    factor: u64,
    hash: u64,
}

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.hash
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte) ^ self.hash as u32);
        }
    }

    fn write_u32(&mut self, key: u32) {
        // The upper half is the well mixed one, and the table looks at both ends.
        self.hash = u64::from(key)
            .wrapping_add(1)
            .wrapping_mul(self.factor)
            .rotate_left(32);
    }
}
