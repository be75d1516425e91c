//! Postings and vectors of many chunks in arrays that are mapped from a file, and the scans over them. Twin of `groma._pure.segment`.
//!
//! A [`Part`] is one body of bytes, laid out alike in memory and in a file: arrays, each at a multiple of 64 bytes, and where each begins.
//! Nothing here trusts what a body says: it may be mapped from a file that somebody else writes. [`file`] checks it once when it is opened, and
//! every index read from it is checked again where it is used (an index beyond its array names nothing).

#[cfg(target_endian = "big")]
compile_error!("segments are little-endian; on this machine groma runs on its plain core");

use std::fs::File;
use std::ops::Range;
#[cfg(unix)]
use std::os::unix::fs::FileExt;

use bytemuck::Pod;
use memmap2::Mmap;

mod body;
mod build;
mod by_id;
mod dense;
mod file;
mod merge;
mod sparse;
#[cfg(test)]
mod tests;
mod top;

pub use build::{Named, Rows, build};
pub use by_id::{Shown, places, shown};
pub use dense::{dense_top, kernel_name};
pub use file::{Damage, open};
pub use merge::merge;
pub use sparse::{frequencies, shared_frequencies, sparse_top};
pub use top::Leg;

pub const FORMAT: u64 = 3;
const MAGIC: &[u8; 8] = b"gromaseg";
const ALIGN: usize = 64;
/// Products of a row and a query are summed in 32 bits; see [`dense`].
const WIDEST: usize = 65_536;

/// The type of an array's items.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    I1,
    U1,
    U4,
    F4,
    I8,
}

impl Kind {
    /// As NumPy writes it, and as the header does.
    pub fn name(self) -> &'static str {
        match self {
            Kind::I1 => "|i1",
            Kind::U1 => "|u1",
            Kind::U4 => "<u4",
            Kind::F4 => "<f4",
            Kind::I8 => "<i8",
        }
    }

    fn size(self) -> usize {
        match self {
            Kind::I1 | Kind::U1 => 1,
            Kind::U4 | Kind::F4 => 4,
            Kind::I8 => 8,
        }
    }
}

/// The columns of every part, in the order of a file; their meaning is told at `Part` of the twin.
const COLUMNS: [(&str, Kind); 17] = [
    ("ids", Kind::I8),
    ("hits", Kind::I8),
    ("file_of", Kind::U4),
    ("kind_of", Kind::U1),
    ("files", Kind::I8),
    ("terms", Kind::U4),
    ("post_start", Kind::I8),
    ("post_chunks", Kind::U4),
    ("post_impacts", Kind::U1),
    ("names", Kind::U4),
    ("name_start", Kind::I8),
    ("name_files", Kind::U4),
    ("card_start", Kind::I8),
    ("cards", Kind::U1),
    ("places", Kind::U4),
    ("text_start", Kind::I8),
    ("texts", Kind::U1),
];

/// The last column, which lies behind the vectors and is not checked as a whole: each of its texts proves itself.
const TEXTS: usize = COLUMNS.len() - 1;

type Columns = [Span; COLUMNS.len()];

/// So many items at this byte of the body.
#[derive(Clone, Copy, Default, Debug)]
struct Span {
    offset: usize,
    items: usize,
}

struct Vector {
    name: String,
    dim: usize,
    rows: Span,
    scales: Span,
}

enum Bytes {
    /// Whole words, and how many bytes of them count.
    Owned(Vec<u64>, usize),
    /// The texts are read from the file instead: pages of a map come by the megabyte, and all that ever came would count as memory in use.
    Mapped(Mmap, File),
}

/// One immutable part of a segment.
pub struct Part {
    bytes: Bytes,
    /// Where the body begins in `bytes`, and how long it is.
    body: (usize, usize),
    /// So many bytes of the body are under its checksum; the rest are the texts.
    checked: usize,
    columns: Columns,
    vectors: Vec<Vector>,
    pub kinds: Vec<String>,
}

/// An array as the header describes it: name, type, shape, offset in the body.
pub type Described = (String, &'static str, Vec<usize>, usize);

impl Part {
    pub fn body(&self) -> &[u8] {
        let bytes: &[u8] = match &self.bytes {
            Bytes::Owned(words, _) => bytemuck::cast_slice(words),
            Bytes::Mapped(map, _) => map,
        };
        bytes
            .get(self.body.0..)
            .and_then(|b| b.get(..self.body.1))
            .unwrap_or_default()
    }

    /// Every array of the part, in the order of the body.
    pub fn layout(&self) -> Vec<Described> {
        let mut found: Vec<Described> = Vec::with_capacity(COLUMNS.len() + 2 * self.vectors.len());
        let column = |i: usize| {
            let ((name, kind), span) = (COLUMNS[i], self.columns[i]);
            (name.to_owned(), kind.name(), vec![span.items], span.offset)
        };
        found.extend((0..TEXTS).map(column));
        for v in &self.vectors {
            found.push((
                format!("vectors/{}/rows", v.name),
                Kind::I1.name(),
                vec![v.scales.items, v.dim],
                v.rows.offset,
            ));
            found.push((
                format!("vectors/{}/scales", v.name),
                Kind::F4.name(),
                vec![v.scales.items],
                v.scales.offset,
            ));
        }
        found.push(column(TEXTS));
        found
    }

    /// How many bytes of the body its checksum is over, the first ones.
    pub fn checked(&self) -> usize {
        self.checked
    }

    /// The CRC-32 of these.
    pub fn checksum(&self) -> u32 {
        file::checksum(self.body().get(..self.checked).unwrap_or_default())
    }

    fn items<T: Pod>(&self, span: Span) -> &[T] {
        let size = size_of::<T>();
        let found = span
            .items
            .checked_mul(size)
            .and_then(|bytes| self.body().get(span.offset..)?.get(..bytes));
        // A span was checked when it was made; what could not be read as its type would be no items, never a panic.
        bytemuck::try_cast_slice(found.unwrap_or_default()).unwrap_or_default()
    }

    pub fn ids(&self) -> &[i64] {
        self.items(self.columns[0])
    }
    pub fn hits(&self) -> &[i64] {
        self.items(self.columns[1])
    }
    pub fn file_of(&self) -> &[u32] {
        self.items(self.columns[2])
    }
    pub fn kind_of(&self) -> &[u8] {
        self.items(self.columns[3])
    }
    pub fn files(&self) -> &[i64] {
        self.items(self.columns[4])
    }

    /// The name terms, ascending.
    pub fn names(&self) -> &[u32] {
        self.items(self.columns[9])
    }
    pub fn card_start(&self) -> &[i64] {
        self.items(self.columns[12])
    }
    pub fn cards(&self) -> &[u8] {
        self.items(self.columns[13])
    }

    /// Four a chunk: its first and last line, and which symbols begin in it, from one up to another.
    pub fn places(&self) -> &[u32] {
        self.items(self.columns[14])
    }

    fn text_start(&self) -> &[i64] {
        self.items(self.columns[15])
    }

    /// Where in the texts is what is shown of the chunk in this row; see [`crate::texts`].
    fn text_at(&self, row: usize) -> Range<usize> {
        let run = run(self.text_start(), row).unwrap_or_default();
        if run.start <= run.end && run.end <= self.columns[TEXTS].items {
            run
        } else {
            0..0
        }
    }

    /// Read so many bytes of the texts as `to` has room for. What cannot be read stays as it was.
    fn read_texts(&self, at: usize, to: &mut [u8]) {
        let at = self.columns[TEXTS].offset + at;
        match &self.bytes {
            #[cfg(unix)]
            Bytes::Mapped(_, file) => {
                let _ = file.read_exact_at(to, (self.body.0 + at) as u64);
            }
            _ => {
                if let Some(from) = self.body().get(at..).and_then(|b| b.get(..to.len())) {
                    to.copy_from_slice(from);
                }
            }
        }
    }

    /// The columns that names are looked up in.
    pub fn by_file(&self) -> Files<'_> {
        Files {
            ids: self.files(),
            names: self.names(),
            cards: Runs {
                start: self.card_start(),
                bytes: self.cards(),
            },
        }
    }

    /// Terms of the chunks' texts, their postings and impacts.
    pub fn postings(&self) -> Postings<'_> {
        Postings {
            keys: self.items(self.columns[5]),
            start: self.items(self.columns[6]),
            rows: self.items(self.columns[7]),
            impacts: self.items(self.columns[8]),
        }
    }

    /// The same over files and name terms; without impacts.
    pub fn name_postings(&self) -> Postings<'_> {
        Postings {
            keys: self.items(self.columns[9]),
            start: self.items(self.columns[10]),
            rows: self.items(self.columns[11]),
            impacts: &[],
        }
    }

    fn vectors_of<'a>(&'a self, vector: &Vector) -> Vectors<'a> {
        Vectors {
            dim: vector.dim,
            rows: self.items(vector.rows),
            scales: self.items(vector.scales),
        }
    }

    pub fn vectors(&self, name: &str) -> Option<Vectors<'_>> {
        let vector = self.vectors.iter().find(|v| v.name == name)?;
        Some(self.vectors_of(vector))
    }
}

/// Columns of a part by file: its id, the name terms of all, the cards.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    pub ids: &'a [i64],
    pub names: &'a [u32],
    cards: Runs<'a>,
}

impl<'a> Files<'a> {
    /// The card of the file in this row; see [`crate::cards`].
    pub fn card(&self, row: usize) -> &'a [u8] {
        self.cards.get(row)
    }
}

/// Runs of bytes, one after the other; run i is `bytes[start[i]..start[i + 1]]`.
#[derive(Clone, Copy)]
pub struct Runs<'a> {
    start: &'a [i64],
    bytes: &'a [u8],
}

impl<'a> Runs<'a> {
    /// The run in this row; none where there is no such row.
    pub fn get(&self, row: usize) -> &'a [u8] {
        run(self.start, row)
            .and_then(|run| self.bytes.get(run))
            .unwrap_or_default()
    }
}

fn run(start: &[i64], row: usize) -> Option<Range<usize>> {
    let bound = |i: usize| usize::try_from(*start.get(i)?).ok();
    Some(bound(row)?..bound(row + 1)?)
}

/// Rows by key: those of `keys[i]` are `rows[start[i]..start[i + 1]]`, ascending.
#[derive(Clone, Copy)]
pub struct Postings<'a> {
    keys: &'a [u32],
    start: &'a [i64],
    rows: &'a [u32],
    impacts: &'a [u8],
}

impl<'a> Postings<'a> {
    /// Where the rows of the key at `i` are.
    fn run(&self, i: usize) -> Range<usize> {
        let at = |i: usize| {
            self.start
                .get(i)
                .and_then(|x| usize::try_from(*x).ok())
                .unwrap_or(0)
                .min(self.rows.len())
        };
        let (first, end) = (at(i), at(i + 1));
        first..end.max(first)
    }

    fn find(&self, key: u32) -> Option<Range<usize>> {
        self.keys.binary_search(&key).ok().map(|i| self.run(i))
    }
}

/// Vector i is `rows[i * dim..][..dim] * scales[i]`.
#[derive(Clone, Copy)]
pub struct Vectors<'a> {
    dim: usize,
    rows: &'a [i8],
    scales: &'a [f32],
}

/// One bool a value: is it among `of` (ascending)? Quickest where the values ascend, too.
pub fn member<T: Ord>(values: &[T], of: &[T]) -> Vec<bool> {
    let mut at = 0;
    values
        .iter()
        .map(|value| {
            if at > 0 && of[at - 1] >= *value {
                at = of[..at].partition_point(|x| x < value);
            } else {
                let mut step = 1;
                while at + step < of.len() && of[at + step] < *value {
                    step *= 2;
                }
                let end = of.len().min(at + step);
                at += of[at..end].partition_point(|x| x < value);
            }
            of.get(at) == Some(value)
        })
        .collect()
}
