//! A batch of columns as one run of bytes, as it crosses from the worker to its parent.
//!
//! A frame is a head (length of the body, CRC-32 of the body, kind) and a body. Both ends are the same program on the same machine, so numbers
//! are written as the machine holds them. Rows of unequal length (the chunks of a file, the terms of a chunk) are a column of lengths beside a
//! flat one, so that batches are joined by joining columns.

use bytemuck::Pod;

pub const HEAD: usize = 16;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// What is to be scanned (`Job`).
    Job = 1,
    /// Files with all that is derived from them (`Columns`).
    Batch = 2,
    /// Why nothing more will come: a fault of groma's, not of a file. UTF-8.
    Fault = 3,
}

/// The head of a frame whose body is `body`.
pub fn head(kind: Kind, body: &[u8]) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&(body.len() as u64).to_le_bytes());
    head[8..12].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
    head[12] = kind as u8;
    head
}

/// Length of the body, its CRC-32 and its kind.
pub fn read_head(head: &[u8; HEAD]) -> Result<(usize, u32, Kind), String> {
    let number = |at: usize| u64::from_le_bytes([0, 1, 2, 3, 4, 5, 6, 7].map(|i| head[at + i]));
    let kind = match head[12] {
        1 => Kind::Job,
        2 => Kind::Batch,
        3 => Kind::Fault,
        other => return Err(format!("a frame of kind {other}")),
    };
    let size = usize::try_from(number(0)).map_err(|_| "a frame larger than memory".to_owned())?;
    Ok((size, number(8) as u32, kind))
}

/// A column that can be appended to another, written and read.
pub trait Column: Sized {
    fn append(&mut self, more: Self);
    fn bytes(&self) -> usize;
    fn write(&self, out: &mut Vec<u8>);
    fn read(from: &mut &[u8]) -> Result<Self, String>;
}

fn take<'a>(from: &mut &'a [u8], size: usize) -> Result<&'a [u8], String> {
    let (taken, rest) = from
        .split_at_checked(size)
        .ok_or("a frame that is cut off")?;
    *from = rest;
    Ok(taken)
}

fn read_size(from: &mut &[u8]) -> Result<usize, String> {
    let bytes = take(from, 8)?;
    let size = u64::from_le_bytes(bytes.try_into().map_err(|_| "a frame that is cut off")?);
    usize::try_from(size).map_err(|_| "a column larger than memory".to_owned())
}

impl<T: Pod> Column for Vec<T> {
    fn append(&mut self, more: Self) {
        if self.is_empty() {
            *self = more;
        } else {
            self.extend_from_slice(&more);
        }
    }

    fn bytes(&self) -> usize {
        8 + size_of_val(self.as_slice())
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.len() as u64).to_le_bytes());
        out.extend_from_slice(bytemuck::cast_slice(self));
    }

    fn read(from: &mut &[u8]) -> Result<Self, String> {
        let n = read_size(from)?;
        let bytes = take(
            from,
            n.checked_mul(size_of::<T>())
                .ok_or("a column larger than memory")?,
        )?;
        let mut column = vec![T::zeroed(); n];
        bytemuck::cast_slice_mut(&mut column).copy_from_slice(bytes);
        Ok(column)
    }
}

/// Texts (or blobs of bytes), of which some may be missing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Strings {
    sizes: Vec<u32>,
    bytes: Vec<u8>,
}

const MISSING: u32 = u32::MAX;

impl Strings {
    pub fn push(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    pub fn push_bytes(&mut self, bytes: &[u8]) {
        self.sizes.push(bytes.len() as u32);
        self.bytes.extend_from_slice(bytes);
    }

    pub fn push_maybe(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.push(text),
            None => self.sizes.push(MISSING),
        }
    }

    pub fn push_missing(&mut self) {
        self.sizes.push(MISSING);
    }

    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = Option<&[u8]>> {
        let mut rest = self.bytes.as_slice();
        self.sizes.iter().map(move |&size| {
            if size == MISSING {
                return None;
            }
            let (text, after) = rest.split_at(size as usize);
            rest = after;
            Some(text)
        })
    }
}

impl Column for Strings {
    fn append(&mut self, more: Self) {
        self.sizes.append_column(more.sizes);
        self.bytes.append_column(more.bytes);
    }

    fn bytes(&self) -> usize {
        self.sizes.bytes() + self.bytes.bytes()
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.sizes.write(out);
        self.bytes.write(out);
    }

    fn read(from: &mut &[u8]) -> Result<Self, String> {
        let sizes: Vec<u32> = Column::read(from)?;
        let bytes: Vec<u8> = Column::read(from)?;
        let total: u64 = sizes
            .iter()
            .filter(|&&size| size != MISSING)
            .map(|&size| u64::from(size))
            .sum();
        if total != bytes.len() as u64 {
            return Err("texts of another length than it says".to_owned());
        }
        Ok(Strings { sizes, bytes })
    }
}

/// `Vec` has an `append` of its own, which a plain call would mean.
trait AppendColumn: Column {
    fn append_column(&mut self, more: Self) {
        Column::append(self, more);
    }
}

impl<T: Column> AppendColumn for T {}

macro_rules! table {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $column:ident: $kind:ty,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name { $($(#[$doc])* pub $column: $kind,)* }

        impl $name {
            /// Its rows, then those of `more`.
            pub fn append(&mut self, more: $name) {
                $(Column::append(&mut self.$column, more.$column);)*
            }

            pub fn write(&self) -> Vec<u8> {
                let size: usize = [$(self.$column.bytes()),*].iter().sum();
                let mut out = Vec::with_capacity(size);
                $(self.$column.write(&mut out);)*
                out
            }

            pub fn read(mut body: &[u8]) -> Result<$name, String> {
                let from = &mut body;
                let table = $name { $($column: Column::read(from)?,)* };
                if from.is_empty() { Ok(table) } else { Err("bytes after the last column".to_owned()) }
            }
        }
    };
}

table! {
    /// What is to be scanned, in order. Paths and root are UTF-8 with surrogates passed, as Python holds them.
    Job {
        /// One, and no contents: read the paths below it. None: the contents are given.
        root: Strings,
        most: Vec<u64>,
        paths: Strings,
        contents: Strings,
        /// One a path, see `scan::ALONE`.
        flags: Vec<u8>,
    }
}

table! {
    /// The columns of `groma.types.Batch`, but for the paths, which the caller has. `x_sizes` is the number of rows of x that each row above has.
    Columns {
        blobs: Strings,
        sizes: Vec<i64>,
        mtimes_ns: Vec<i64>,
        ctimes_ns: Vec<i64>,
        inodes: Vec<i64>,
        checked_ns: Vec<i64>,
        languages: Strings,
        file_kinds: Strings,
        lines: Vec<i64>,
        reasons: Strings,
        notes: Strings,
        chunk_sizes: Vec<u32>,
        first: Vec<i64>,
        last: Vec<i64>,
        kinds: Strings,
        symbols_shown: Strings,
        enclosing: Strings,
        texts: Strings,
        masked: Vec<u8>,
        hit_ids: Vec<i64>,
        term_sizes: Vec<u32>,
        terms: Vec<u32>,
        impacts: Vec<u8>,
        rows: Vec<i8>,
        scales: Vec<f32>,
        /// How many symbols of its file begin before the end of each chunk.
        chunk_symbols: Vec<u32>,
        symbol_sizes: Vec<u32>,
        symbol_names: Strings,
        symbol_kinds: Strings,
        symbol_lines: Vec<i64>,
        signatures: Strings,
        docs: Strings,
        symbol_term_sizes: Vec<u32>,
        symbol_terms: Vec<u32>,
        stem_sizes: Vec<u32>,
        stems: Strings,
        name_sizes: Vec<u32>,
        name_terms: Vec<u32>,
        mention_sizes: Vec<u32>,
        mentions: Vec<u32>,
        define_sizes: Vec<u32>,
        defines: Vec<u32>,
        import_sizes: Vec<u32>,
        imports: Strings,
        call_sizes: Vec<u32>,
        calls: Strings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Columns {
        let mut columns = Columns::default();
        for text in ["one", "", "zwei é"] {
            columns.texts.push(text);
            columns.first.push(text.len() as i64);
        }
        columns.notes.push_missing();
        columns.notes.push("note");
        columns.scales.push(0.5);
        columns.rows.extend([-1, 2]);
        columns
    }

    #[test]
    fn what_is_written_is_read() {
        let mut columns = sample();
        columns.append(sample());
        assert_eq!(Columns::read(&columns.write()), Ok(columns.clone()));
        let notes: Vec<_> = columns.notes.iter().collect();
        assert_eq!(notes, [None, Some(&b"note"[..]), None, Some(&b"note"[..])]);
    }

    /// A checksum stands before this, but nothing may depend on it.
    #[test]
    fn damaged_frames_are_refused_or_read_but_never_panic() {
        let whole = sample().write();
        for size in 0..whole.len() {
            assert!(Columns::read(&whole[..size]).is_err());
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << bit;
                if let Ok(read) = Columns::read(&damaged) {
                    assert_eq!(read.texts.iter().count(), read.texts.len());
                }
            }
        }
    }
}
