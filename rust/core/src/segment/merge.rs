//! One part of several.

use std::ops::Range;

use super::body::{Lists, Shape};
use super::{Part, Postings};

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
        texts: kept_texts(&sources).map(|(_, at)| at.len()).sum(),
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
        to.cards.put(kept_cards(&sources));
        to.texts.put_each(kept_texts(&sources).map(|(part, at)| {
            let write = move |to: &mut [u8]| part.read_texts(at.start, to);
            (at.len(), write)
        }));
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

/// Where the texts of the chunks that stay are. They stay as they are: a damaged one goes on telling that it is.
fn kept_texts<'a>(sources: &'a [Source<'_>]) -> impl Iterator<Item = (&'a Part, Range<usize>)> {
    sources.iter().flat_map(|source| {
        let rows = source
            .chunks
            .iter()
            .enumerate()
            .filter(|(_, new)| **new != GONE);
        rows.map(|(row, _)| (source.part, source.part.text_at(row)))
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
