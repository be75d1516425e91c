//! Parts from rows, and one part of several. Each array is written once, at its place in the body; there is no second copy of anything large.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use bytemuck::Pod;

use super::{ALIGN, Bytes, COLUMNS, Part, Postings, Span, Vector, WIDEST};

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
        to.put_cards(rows.cards.iter().copied());
        to.places.copy_from_slice(rows.places);
        for (to, from) in to.vectors.iter_mut().zip(&rows.vectors) {
            to.0.copy_from_slice(from.rows);
            to.1.copy_from_slice(from.scales);
        }
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

// ------------------------------------------------------------------------------------------------------------------------- merging

/// A row that is left out.
const GONE: u32 = u32::MAX;

struct Source<'a> {
    part: &'a Part,
    /// What becomes of each chunk and file: its new index, or `GONE`.
    chunks: Vec<u32>,
    files: Vec<u32>,
}

/// One part of several whose ids ascend from one to the next, with the files where `keeps` (one byte a file) is not zero.
pub fn merge(parts: &[&Part], keeps: &[&[u8]]) -> Result<Part, String> {
    let Some(first) = parts.first() else {
        return Err("there is nothing to merge".to_owned());
    };
    let (mut chunks, mut files) = (0usize, 0usize);
    let mut sources = Vec::with_capacity(parts.len());
    for (part, keep) in parts.iter().zip(keeps) {
        if keep.len() != part.files().len() {
            return Err("there must be one mark a file".to_owned());
        }
        let new_files = renumbered(keep.iter().map(|on| *on != 0), &mut files);
        let kept = part
            .file_of()
            .iter()
            .map(|f| keep.get(*f as usize).is_some_and(|on| *on != 0));
        let new_chunks = renumbered(kept, &mut chunks);
        sources.push(Source {
            part,
            chunks: new_chunks,
            files: new_files,
        });
    }
    if chunks >= GONE as usize || files >= GONE as usize {
        return Err("too many chunks for one part".to_owned());
    }
    let names: Vec<(String, usize)> = first
        .vectors
        .iter()
        .map(|v| (v.name.clone(), v.dim))
        .collect();
    for source in &sources {
        for (name, dim) in &names {
            if source.part.vectors(name).is_none_or(|v| v.dim != *dim) {
                return Err(format!(
                    "a part has no vectors called {name}, or they are not of {dim} dimensions"
                ));
            }
        }
    }
    let text: Vec<(Postings, &[u32])> = sources
        .iter()
        .map(|s| (s.part.postings(), s.chunks.as_slice()))
        .collect();
    let name: Vec<(Postings, &[u32])> = sources
        .iter()
        .map(|s| (s.part.name_postings(), s.files.as_slice()))
        .collect();
    let (terms, postings) = kept_keys(&text);
    let (named, name_postings) = kept_keys(&name);
    let (kinds, codes) = kept_kinds(&sources);
    let shape = Shape {
        chunks,
        files,
        terms: terms.len(),
        postings,
        names: named.len(),
        name_postings,
        cards: kept_cards(&sources).map(<[u8]>::len).sum(),
        vectors: names,
    };
    shape.part(kinds, |to| {
        let (mut chunk, mut file) = (0, 0);
        for (source, codes) in sources.iter().zip(&codes) {
            let part = source.part;
            for (new, id) in source.files.iter().zip(part.files()) {
                if *new != GONE {
                    to.files[file] = *id;
                    file += 1;
                }
            }
            let begin = chunk;
            let (ids, hits, places) = (part.ids(), part.hits(), part.places());
            let (file_of, kind_of) = (part.file_of(), part.kind_of());
            for (i, new) in source.chunks.iter().enumerate() {
                if *new == GONE {
                    continue;
                }
                to.ids[chunk] = ids.get(i).copied().unwrap_or_default();
                to.hits[chunk] = hits.get(i).copied().unwrap_or_default();
                if let Some(place) = places.get(4 * i..4 * i + 4) {
                    to.places[4 * chunk..4 * chunk + 4].copy_from_slice(place);
                }
                // What a part in a file says is looked up with care, here as everywhere: see the head of the module.
                let file = file_of.get(i).and_then(|f| source.files.get(*f as usize));
                to.file_of[chunk] = file.copied().unwrap_or_default();
                to.kind_of[chunk] = kind_of.get(i).map_or(0, |kind| codes[usize::from(*kind)]);
                chunk += 1;
            }
            for ((to_rows, to_scales), (name, dim)) in to.vectors.iter_mut().zip(&shape.vectors) {
                let Some(from) = part.vectors(name) else {
                    continue;
                };
                let kept = source
                    .chunks
                    .iter()
                    .enumerate()
                    .filter(|(_, new)| **new != GONE);
                for ((i, _), at) in kept.zip(begin..) {
                    if let (Some(row), Some(scale)) =
                        (from.rows.get(i * dim..(i + 1) * dim), from.scales.get(i))
                    {
                        to_rows[at * dim..(at + 1) * dim].copy_from_slice(row);
                        to_scales[at] = *scale;
                    }
                }
            }
        }
        let impacts = &mut to.impacts;
        fill(&text, &terms, &mut to.text, |at, impact| {
            impacts[at] = impact
        });
        fill(&name, &named, &mut to.names, |_, _| {});
        to.put_cards(kept_cards(&sources));
        Ok(())
    })
}

/// The cards of the files that stay.
fn kept_cards<'a>(sources: &'a [Source<'_>]) -> impl Iterator<Item = &'a [u8]> {
    sources.iter().flat_map(|source| {
        let rows = source
            .files
            .iter()
            .enumerate()
            .filter(|(_, new)| **new != GONE);
        let files = source.part.by_file();
        rows.map(move |(row, _)| files.card(row))
    })
}

/// New indexes, from `next` on, for what is kept.
fn renumbered(kept: impl Iterator<Item = bool>, next: &mut usize) -> Vec<u32> {
    kept.map(|keep| {
        if !keep {
            return GONE;
        }
        *next += 1;
        u32::try_from(*next - 1).unwrap_or(GONE)
    })
    .collect()
}

/// The kinds that are still used, ascending, and for each source which one each of its kinds becomes.
fn kept_kinds(sources: &[Source]) -> (Vec<String>, Vec<[u8; 256]>) {
    let mut used: Vec<String> = Vec::new();
    let mut seen: Vec<[bool; 256]> = vec![[false; 256]; sources.len()];
    for (source, seen) in sources.iter().zip(&mut seen) {
        for (kind, new) in source.part.kind_of().iter().zip(&source.chunks) {
            seen[usize::from(*kind)] |= *new != GONE;
        }
        used.extend(
            source
                .part
                .kinds
                .iter()
                .zip(seen.iter())
                .filter(|(_, on)| **on)
                .map(|(kind, _)| kind.clone()),
        );
    }
    used.sort_unstable();
    used.dedup();
    let codes = sources
        .iter()
        .map(|source| {
            let mut codes = [0u8; 256];
            for (code, kind) in codes.iter_mut().zip(&source.part.kinds) {
                *code = used.binary_search(kind).unwrap_or(0) as u8;
            }
            codes
        })
        .collect();
    (used, codes)
}

/// Every key of the tables, ascending, with the tables that have it and where.
fn each_key(tables: &[(Postings, &[u32])], mut visit: impl FnMut(u32, &[(usize, usize)])) {
    let mut cursors = vec![0usize; tables.len()];
    let mut here: Vec<(usize, usize)> = Vec::with_capacity(tables.len());
    let next = |cursors: &[usize]| {
        tables
            .iter()
            .zip(cursors)
            .filter_map(|((t, _), c)| t.keys.get(*c))
            .min()
            .copied()
    };
    while let Some(key) = next(&cursors) {
        here.clear();
        for (t, ((table, _), cursor)) in tables.iter().zip(&mut cursors).enumerate() {
            if table.keys.get(*cursor) == Some(&key) {
                here.push((t, *cursor));
                *cursor += 1;
            }
        }
        visit(key, &here);
    }
}

/// The keys that keep a row, with how many, and how many all together keep.
fn kept_keys(tables: &[(Postings, &[u32])]) -> (Vec<(u32, usize)>, usize) {
    let mut found = Vec::new();
    let mut all = 0;
    each_key(tables, |key, here| {
        let mut n = 0;
        for (t, i) in here {
            let (table, new) = &tables[*t];
            n += table.rows[table.run(*i)]
                .iter()
                .filter(|row| new.get(**row as usize).is_some_and(|new| *new != GONE))
                .count();
        }
        if n > 0 {
            found.push((key, n));
            all += n;
        }
    });
    (found, all)
}

/// Write keys, starts and rows; `also` is told the impact and where it belongs.
fn fill(
    tables: &[(Postings, &[u32])],
    keys: &[(u32, usize)],
    to: &mut Lists,
    mut also: impl FnMut(usize, u8),
) {
    to.begin(keys.iter().copied());
    let mut at = 0;
    each_key(tables, |_, here| {
        for (t, i) in here {
            let (table, new) = &tables[*t];
            for posting in table.run(*i) {
                let Some(new) = new
                    .get(table.rows[posting] as usize)
                    .filter(|new| **new != GONE)
                else {
                    continue;
                };
                // (The room was counted; a file that changes while it is merged must not lead outside.)
                let Some(row) = to.rows.get_mut(at) else {
                    return;
                };
                *row = *new;
                also(at, table.impacts.get(posting).copied().unwrap_or_default());
                at += 1;
            }
        }
    });
}

// ------------------------------------------------------------------------------------------------------------------------- the body

struct Shape {
    chunks: usize,
    files: usize,
    terms: usize,
    postings: usize,
    names: usize,
    name_postings: usize,
    /// Bytes.
    cards: usize,
    vectors: Vec<(String, usize)>,
}

/// A key table on its way: see `Postings`.
struct Lists<'a> {
    keys: &'a mut [u32],
    start: &'a mut [i64],
    rows: &'a mut [u32],
}

impl Lists<'_> {
    fn begin(&mut self, keys: impl Iterator<Item = (u32, usize)>) {
        let mut end = 0;
        for (((key, n), to), start) in keys.zip(self.keys.iter_mut()).zip(self.start.iter_mut()) {
            *to = key;
            *start = end;
            end += n as i64;
        }
        if let Some(last) = self.start.last_mut() {
            *last = end;
        }
    }
}

struct Body<'a> {
    ids: &'a mut [i64],
    hits: &'a mut [i64],
    file_of: &'a mut [u32],
    kind_of: &'a mut [u8],
    files: &'a mut [i64],
    text: Lists<'a>,
    impacts: &'a mut [u8],
    names: Lists<'a>,
    card_start: &'a mut [i64],
    cards: &'a mut [u8],
    places: &'a mut [u32],
    vectors: Vec<(&'a mut [i8], &'a mut [f32])>,
}

impl Body<'_> {
    fn put_cards<'c>(&mut self, cards: impl Iterator<Item = &'c [u8]>) {
        let mut end = 0;
        // (The room was counted; a file that changes while it is merged must not lead outside.)
        for (card, start) in cards.zip(self.card_start.iter_mut().skip(1)) {
            if let Some(to) = self.cards.get_mut(end..end + card.len()) {
                to.copy_from_slice(card);
                end += card.len();
            }
            *start = end as i64;
        }
    }
}

impl Shape {
    /// A part of this shape, whose arrays `fill` writes.
    fn part(
        &self,
        kinds: Vec<String>,
        fill: impl FnOnce(&mut Body) -> Result<(), String>,
    ) -> Result<Part, String> {
        let (n, f) = (self.chunks, self.files);
        let items = [
            n,
            n,
            n,
            n,
            f,
            self.terms,
            self.terms + 1,
            self.postings,
            self.postings,
            self.names,
            self.names + 1,
            self.name_postings,
            f + 1,
            self.cards,
            4 * n,
        ];
        let mut end = 0usize;
        let mut place = |items: usize, size: usize| {
            let span = Span { offset: end, items };
            end += (items * size).next_multiple_of(ALIGN);
            span
        };
        let mut columns = [Span::default(); 15];
        for ((span, (_, kind)), items) in columns.iter_mut().zip(&COLUMNS).zip(items) {
            *span = place(items, kind.size());
        }
        let vectors: Vec<Vector> = (self.vectors.iter())
            .map(|(name, dim)| Vector {
                name: name.clone(),
                dim: *dim,
                rows: place(n * dim, 1),
                scales: place(n, 4),
            })
            .collect();
        let mut words = vec![0u64; end / 8];
        let mut rest: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
        let rest = &mut rest;
        let mut body = Body {
            ids: take(rest, n),
            hits: take(rest, n),
            file_of: take(rest, n),
            kind_of: take(rest, n),
            files: take(rest, f),
            text: Lists {
                keys: take(rest, self.terms),
                start: take(rest, self.terms + 1),
                rows: take(rest, self.postings),
            },
            impacts: take(rest, self.postings),
            names: Lists {
                keys: take(rest, self.names),
                start: take(rest, self.names + 1),
                rows: take(rest, self.name_postings),
            },
            card_start: take(rest, f + 1),
            cards: take(rest, self.cards),
            places: take(rest, 4 * n),
            vectors: vectors
                .iter()
                .map(|v| (take(rest, n * v.dim), take(rest, n)))
                .collect(),
        };
        fill(&mut body)?;
        Ok(Part {
            bytes: Bytes::Owned(words),
            body: (0, end),
            columns,
            vectors,
            kinds,
        })
    }
}

/// The next array of the body, and what is left beyond its padding.
fn take<'a, T: Pod>(rest: &mut &'a mut [u8], items: usize) -> &'a mut [T] {
    let bytes = items * size_of::<T>();
    let (here, beyond) = std::mem::take(rest).split_at_mut(bytes.next_multiple_of(ALIGN));
    *rest = beyond;
    bytemuck::cast_slice_mut(&mut here[..bytes])
}
