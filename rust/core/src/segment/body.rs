//! The body of a part on its way: each array is written once, at its place; there is no second copy of anything large.

use bytemuck::Pod;

use super::{ALIGN, Bytes, COLUMNS, Columns, Part, Span, TEXTS, Vector};

/// How many of each there are.
pub(super) struct Shape {
    pub(super) chunks: usize,
    pub(super) files: usize,
    pub(super) terms: usize,
    pub(super) postings: usize,
    pub(super) names: usize,
    pub(super) name_postings: usize,
    /// Bytes.
    pub(super) cards: usize,
    pub(super) texts: usize,
    pub(super) vectors: Vec<(String, usize)>,
}

/// A key table on its way: see `Postings`.
pub(super) struct Lists<'a> {
    pub(super) keys: &'a mut [u32],
    pub(super) start: &'a mut [i64],
    pub(super) rows: &'a mut [u32],
}

impl Lists<'_> {
    pub(super) fn begin(&mut self, keys: impl Iterator<Item = (u32, usize)>) {
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

/// Runs of bytes on their way: run i is `bytes[start[i]..start[i + 1]]`.
pub(super) struct Runs<'a> {
    start: &'a mut [i64],
    bytes: &'a mut [u8],
}

impl Runs<'_> {
    pub(super) fn put<'r>(&mut self, runs: impl Iterator<Item = &'r [u8]>) {
        self.put_each(runs.map(|run| (run.len(), move |to: &mut [u8]| to.copy_from_slice(run))));
    }

    /// Runs of these lengths, and who writes each.
    pub(super) fn put_each(&mut self, runs: impl Iterator<Item = (usize, impl FnOnce(&mut [u8]))>) {
        let mut end = 0;
        // (The room was counted; a file that changes while it is merged must not lead outside.)
        for ((size, write), start) in runs.zip(self.start.iter_mut().skip(1)) {
            if let Some(to) = self.bytes.get_mut(end..end + size) {
                write(to);
                end += size;
            }
            *start = end as i64;
        }
    }
}

pub(super) struct Body<'a> {
    pub(super) ids: &'a mut [i64],
    pub(super) hits: &'a mut [i64],
    pub(super) file_of: &'a mut [u32],
    pub(super) kind_of: &'a mut [u8],
    pub(super) files: &'a mut [i64],
    pub(super) text: Lists<'a>,
    pub(super) impacts: &'a mut [u8],
    pub(super) names: Lists<'a>,
    pub(super) cards: Runs<'a>,
    pub(super) places: &'a mut [u32],
    pub(super) vectors: Vec<(&'a mut [i8], &'a mut [f32])>,
    pub(super) texts: Runs<'a>,
}

impl Shape {
    /// A part of this shape, whose arrays `fill` writes.
    pub(super) fn part(
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
            n + 1,
        ];
        let mut end = 0usize;
        let mut place = |items: usize, size: usize| {
            let span = Span { offset: end, items };
            end += (items * size).next_multiple_of(ALIGN);
            span
        };
        let mut columns = Columns::default();
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
        columns[TEXTS] = place(self.texts, 1);
        let checked = columns[TEXTS].offset;
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
            cards: Runs {
                start: take(rest, f + 1),
                bytes: take(rest, self.cards),
            },
            places: take(rest, 4 * n),
            texts: Runs {
                start: take(rest, n + 1),
                bytes: &mut [],
            },
            vectors: vectors
                .iter()
                .map(|v| (take(rest, n * v.dim), take(rest, n)))
                .collect(),
        };
        body.texts.bytes = take(rest, self.texts);
        fill(&mut body)?;
        Ok(Part {
            bytes: Bytes::Owned(words, end),
            body: (0, checked + self.texts),
            checked,
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
