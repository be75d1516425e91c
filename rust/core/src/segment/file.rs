//! Parts in files: reading one, and every doubt about it.
//!
//! The bytes: `MAGIC`, the header's length (8), its CRC-32 and the body's (4 each), a JSON header, the body. The texts at its end are neither under
//! its checksum nor read here. Writing is the twin's: it is all input and output.

use std::fs::File;
use std::path::Path;

use memmap2::MmapOptions;
use rayon::prelude::*;
use serde_json::Value;

use super::{
    ALIGN, Bytes, COLUMNS, Columns, FORMAT, Kind, MAGIC, Part, Postings, Span, TEXTS, Vector,
    WIDEST,
};
use crate::threads::share_out;

/// One sentence that says what is not as groma wrote it.
#[derive(Debug, PartialEq, Eq)]
pub struct Damage(pub String);

const PREFIX: usize = 24;

/// Map the part at `path`, whose name is `name`. With `check` every byte is read: checksum, and whether the arrays fit together.
pub fn open(path: &Path, name: &str, check: bool) -> Result<Part, Damage> {
    let unmapped = |e: std::io::Error| Damage(format!("{name} cannot be mapped: {e}"));
    let file = File::open(path).map_err(unmapped)?;
    // SAFETY: a part is never written again once it has its name. Should somebody do so, numbers change under us and no more: every index is
    // checked where it is used. (A file cut short under a map ends the process that reads it; the twin has that in common.)
    let map = unsafe { MmapOptions::new().map(&file) }.map_err(unmapped)?;
    read(Bytes::Mapped(map, file), name, check)
}

/// The part that a file with these bytes holds.
pub(super) fn read(bytes: Bytes, name: &str, check: bool) -> Result<Part, Damage> {
    let damage = |what: String| Err(Damage(what));
    let data: &[u8] = match &bytes {
        Bytes::Owned(words, size) => (bytemuck::cast_slice(words).get(..*size)).unwrap_or_default(),
        Bytes::Mapped(map, _) => map,
    };
    let Some((prefix, rest)) = data.split_first_chunk::<PREFIX>() else {
        return damage(format!("{name} is not a segment of groma"));
    };
    if !prefix.starts_with(MAGIC) {
        return damage(format!("{name} is not a segment of groma"));
    }
    let word = |at: usize| {
        u32::from_le_bytes([prefix[at], prefix[at + 1], prefix[at + 2], prefix[at + 3]])
    };
    let length =
        usize::try_from(u64::from(word(8)) | u64::from(word(12)) << 32).unwrap_or(usize::MAX);
    let header = rest
        .get(..length)
        .filter(|h| (PREFIX + length).is_multiple_of(ALIGN) && crc32fast::hash(h) == word(16));
    let Some(meta) = header
        .and_then(|h| serde_json::from_slice::<Value>(h).ok())
        .filter(Value::is_object)
    else {
        return damage(format!("the header of {name} is damaged"));
    };
    let format = meta["format"].as_u64();
    if format != Some(FORMAT) {
        let found = format.map_or("none".to_owned(), |x| x.to_string());
        return damage(format!(
            "{name} has segment format {found}, this groma reads {FORMAT}"
        ));
    }
    if meta["name"].as_str() != Some(name) {
        return damage(format!(
            "{name} is another part, {}",
            meta["name"].as_str().unwrap_or_default()
        ));
    }
    let body = &rest[length..];
    if meta["bytes"].as_u64() != Some(body.len() as u64) {
        return damage(format!("{name} is truncated"));
    }
    let checked = (meta["checked"].as_u64()).and_then(|end| usize::try_from(end).ok());
    let Some((checked, under)) = checked.and_then(|end| Some((end, body.get(..end)?))) else {
        return damage(format!("the header of {name} is damaged"));
    };
    #[cfg(target_os = "linux")]
    if let Bytes::Mapped(map, _) = &bytes {
        advise(map, PREFIX + length + checked, check);
    }
    if check && checksum(under) != word(20) {
        return damage(format!("the body of {name} is damaged"));
    }
    let body = (PREFIX + length, body.len());
    let Some((columns, vectors, kinds)) = described(&meta, checked, body.1) else {
        return damage(format!("the header of {name} is damaged"));
    };
    let part = Part {
        bytes,
        body,
        checked,
        columns,
        vectors,
        kinds,
    };
    if !fits(&part) || (check && !sound(&part)) {
        return damage(format!("the arrays of {name} do not fit together"));
    }
    Ok(part)
}

/// Tell the kernel whether the first `end` bytes are read in a moment, and that the rest, the texts, is none of that. What it cannot do it leaves
/// undone, and pages come as they are asked for.
#[cfg(target_os = "linux")]
fn advise(map: &memmap2::Mmap, end: usize, read: bool) {
    use memmap2::Advice;
    // So that it does not map the first of them with the last page before, two megabytes at a time.
    let _ = map.advise_range(Advice::NoHugePage, end, map.len() - end);
    if read {
        let _ = map.advise_range(Advice::PopulateRead, 0, end);
    }
}

/// The arrays that the header tells of, each of its type, at a multiple of 64 bytes and inside what is checked, but for the texts, which are the
/// rest of the body; and the kinds.
fn described(
    meta: &Value,
    checked: usize,
    bytes: usize,
) -> Option<(Columns, Vec<Vector>, Vec<String>)> {
    let mut columns = [None; COLUMNS.len()];
    let mut rows: Vec<(String, Span, [usize; 2])> = Vec::new();
    let mut scales: Vec<(String, Span)> = Vec::new();
    for (name, value) in meta["arrays"].as_object()? {
        let [kind, shape, offset] = value.as_array()?.as_slice() else {
            return None;
        };
        let shape: Vec<usize> = shape
            .as_array()?
            .iter()
            .map(|x| x.as_u64().and_then(|x| x.try_into().ok()))
            .collect::<Option<_>>()?;
        let offset: usize = offset.as_u64()?.try_into().ok()?;
        let items = shape
            .iter()
            .try_fold(1usize, |all, x| all.checked_mul(*x))?;
        let span = |expected: Kind, axes: usize| {
            let end = items.checked_mul(expected.size())?.checked_add(offset)?;
            let right = kind.as_str() == Some(expected.name())
                && shape.len() == axes
                && offset.is_multiple_of(ALIGN)
                && (end <= checked
                    || (name == COLUMNS[TEXTS].0 && offset == checked && end == bytes));
            right.then_some(Span { offset, items })
        };
        if let Some(i) = COLUMNS.iter().position(|(column, _)| column == name) {
            columns[i] = Some(span(COLUMNS[i].1, 1)?);
        } else {
            let name = name.strip_prefix("vectors/")?;
            if let Some(name) = name.strip_suffix("/rows") {
                rows.push((name.to_owned(), span(Kind::I1, 2)?, [shape[0], shape[1]]));
            } else {
                scales.push((name.strip_suffix("/scales")?.to_owned(), span(Kind::F4, 1)?));
            }
        }
    }
    if rows.len() != scales.len() {
        return None;
    }
    rows.sort_by_key(|(_, span, _)| span.offset); // as they were written
    let mut vectors = Vec::with_capacity(rows.len());
    for (name, rows, [n, dim]) in rows {
        let (_, scales) = scales.iter().find(|(other, _)| *other == name)?;
        if dim > WIDEST || scales.items != n {
            return None;
        }
        vectors.push(Vector {
            name,
            dim,
            rows,
            scales: *scales,
        });
    }
    let kinds = meta["kinds"]
        .as_array()?
        .iter()
        .map(|k| k.as_str().map(str::to_owned))
        .collect::<Option<Vec<_>>>()?;
    let mut all = Columns::default();
    for (to, from) in all.iter_mut().zip(columns) {
        *to = from?;
    }
    Some((all, vectors, kinds))
}

/// Do the lengths of the arrays agree?
fn fits(part: &Part) -> bool {
    let n = part.ids().len();
    let (text, names) = (part.postings(), part.name_postings());
    part.hits().len() == n
        && part.file_of().len() == n
        && part.kind_of().len() == n
        && Some(part.places().len()) == n.checked_mul(4)
        && text.impacts.len() == text.rows.len()
        && text.start.len() == text.keys.len() + 1
        && names.start.len() == names.keys.len() + 1
        && part.card_start().len() == part.files().len() + 1
        && part.text_start().len() == n + 1
        && u32::try_from(n).is_ok()
        && part.vectors.iter().all(|v| v.scales.items == n)
}

/// Do their contents? What rises does, and what points into an array points inside it.
fn sound(part: &Part) -> bool {
    let (n, files, kinds) = (part.ids().len(), part.files().len(), part.kinds.len());
    let rises = |values: &[i64]| values.windows(2).all(|w| w[0] < w[1]);
    rises(part.ids())
        && rises(part.files())
        && part.file_of().iter().all(|f| (*f as usize) < files)
        && part.kind_of().iter().all(|k| (*k as usize) < kinds)
        && well_kept(&part.postings(), n)
        && well_kept(&part.name_postings(), files)
        && cut(part.card_start(), part.cards().len())
        && part.card_start().iter().all(|at| at % 4 == 0)
        && cut(part.text_start(), part.columns[TEXTS].items)
        && part
            .vectors
            .iter()
            .all(|v| part.vectors_of(v).scales.iter().all(|s| s.is_finite()))
}

/// Runs, one after the other, that fill their array.
fn cut(start: &[i64], end: usize) -> bool {
    start.first() == Some(&0)
        && start
            .last()
            .is_some_and(|last| usize::try_from(*last) == Ok(end))
        && start.windows(2).all(|w| w[0] <= w[1])
}

fn well_kept(postings: &Postings, rows: usize) -> bool {
    let start = postings.start;
    postings.keys.windows(2).all(|w| w[0] < w[1])
        && start.first() == Some(&0)
        && start
            .last()
            .is_some_and(|end| usize::try_from(*end) == Ok(postings.rows.len()))
        && start.windows(2).all(|w| w[0] <= w[1])
        && shared(postings.keys.len(), postings.rows.len(), |i| {
            let run = &postings.rows[postings.run(i)];
            // Neither has an early end, so that the compiler can take many at a time.
            run.iter()
                .fold(true, |all, row| all & ((*row as usize) < rows))
                && run.windows(2).fold(true, |all, w| all & (w[0] <= w[1]))
        })
}

/// Is `right(i)` so for all below `n`? Asked on all cores where the work is much.
fn shared(n: usize, work: usize, right: impl Fn(usize) -> bool + Sync + Send) -> bool {
    if work < 1 << 20 {
        (0..n).all(right)
    } else {
        share_out(|| (0..n).into_par_iter().all(right))
    }
}

/// The CRC-32 of many bytes, on all cores where there are very many.
pub(super) fn checksum(bytes: &[u8]) -> u32 {
    const SHARE: usize = 4 << 20;
    if bytes.len() <= 2 * SHARE {
        return crc32fast::hash(bytes);
    }
    let of = |share: &[u8]| {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(share);
        hasher
    };
    let shares: Vec<crc32fast::Hasher> = share_out(|| bytes.par_chunks(SHARE).map(of).collect());
    let mut all = crc32fast::Hasher::new();
    for share in &shares {
        all.combine(share);
    }
    all.finalize()
}
