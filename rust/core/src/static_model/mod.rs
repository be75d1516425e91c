//! WordPiece and table look-up. Twin of `groma._pure.static_model`.
//!
//! Loading maps the table, reads the 220 kB of the vocabulary and puts its tokens into one flat hash table of row numbers, which
//! takes less than a millisecond; a file of a ready-made hash would save no more than that and could disagree with the vocabulary.

mod vocabulary;

use std::cell::RefCell;
use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::Mmap;
use unicode_normalization::char::decompose_canonical;

use crate::lexicon::Lexicon;
use crate::unicode::{self, Class};
use vocabulary::{UNKNOWN, Vocabulary};

const FORMAT: &str = "groma.static/1";

const PADDING: &[u8] = b"[PAD]";

/// A loaded model; threads may share it.
pub struct Model {
    id: String,
    dim: usize,
    max_chars: usize,
    max_tokens: usize,
    table: Mmap,
    /// Where the rows begin in `table`.
    rows: usize,
    vocabulary: Vocabulary,
    characters: Vec<(u32, u32, Place)>,
    /// The token of each ASCII character that is a word of its own.
    marks: [u32; 128],
    /// Tells this model's words from another's in the memory of a thread.
    serial: u64,
}

/// What the reference makes of a character; all others are letters of words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Plain,
    Drop,
    Space,
    Alone,
}

impl Model {
    /// Load the folder `models/static-minilm-256`. Errs with what is wrong if a file is missing, of another size than when it was
    /// made, or of another format.
    pub fn load(folder: &Path) -> Result<Model, String> {
        let at = |name: &str| folder.join(name);
        let read = |name: &str| fs::read(at(name)).map_err(|error| format!("{name}: {error}"));
        let meta: serde_json::Value = serde_json::from_slice(&read("meta.json")?)
            .map_err(|error| format!("meta.json: {error}"))?;
        let text = |key: &str| {
            meta[key]
                .as_str()
                .ok_or_else(|| format!("meta.json has no {key}"))
        };
        let number = |key: &str| {
            meta[key]
                .as_u64()
                .map(|n| n as usize)
                .ok_or_else(|| format!("meta.json has no {key}"))
        };
        if text("format")? != FORMAT {
            return Err(format!(
                "its format is {}, this groma reads {FORMAT}",
                text("format")?
            ));
        }
        // Sizes and not hashes, because every search pays for this; the hash is in `revision` for whoever has time.
        for (name, size) in meta["bytes"].as_object().ok_or("meta.json has no bytes")? {
            let found = fs::metadata(at(name))
                .map_err(|error| format!("{name}: {error}"))?
                .len();
            if Some(found) != size.as_u64() {
                return Err(format!("{name} has {found} bytes and not {size}"));
            }
        }
        let dim = number("dim")?;
        let file = File::open(at("table.npy")).map_err(|error| format!("table.npy: {error}"))?;
        // SAFETY: the map is only read. A file of an installed package is replaced, never written in place; whoever cuts it short
        // under a running program ends that program, as with every mapped library.
        let table = unsafe { Mmap::map(&file) }.map_err(|error| format!("table.npy: {error}"))?;
        let vocabulary = Vocabulary::new(read("vocab.txt")?)?;
        let rows = rows_start(&table, vocabulary.len(), dim)?;
        let characters = String::from_utf8(read("characters.txt")?)
            .map_err(|error| format!("characters.txt: {error}"))?;
        let marks = std::array::from_fn(|byte| {
            vocabulary
                .find(&[byte as u8], false)
                .unwrap_or(vocabulary.unknown)
        });
        static SERIAL: AtomicU64 = AtomicU64::new(1);
        Ok(Model {
            id: format!("{}:{dim}:{}", text("name")?, text("revision")?),
            dim,
            max_chars: number("max_chars")?,
            max_tokens: number("max_tokens")?,
            table,
            rows,
            marks,
            vocabulary,
            characters: places(&characters).ok_or("characters.txt is no table of classes")?,
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// Name, dimension and revision: vectors of different ids must not be compared.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Of a text only so many characters are read …
    pub fn max_chars(&self) -> usize {
        self.max_chars
    }

    /// … and of those the first so many tokens.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// The ids of the text's tokens in order, [UNK] for each unknown word, cut to the model's bounds.
    pub fn tokenize(&self, text: &str) -> Vec<u32> {
        let mut memory = MEMORY.take();
        self.read(text, &mut memory);
        let ids = memory.ids.clone();
        MEMORY.set(memory);
        ids
    }

    /// The unit vector of a text (zero where no token carries weight), written to `out` (dim).
    pub fn embed(&self, text: &str, out: &mut [f32]) {
        let mut memory = MEMORY.take();
        self.read(text, &mut memory);
        memory.sums.clear();
        memory.sums.resize(self.dim, 0);
        self.add_rows(&memory.ids, &mut memory.sums);
        // Squares of whole numbers: their sum is exact in any order, as in the twin.
        let square: i64 = memory
            .sums
            .iter()
            .map(|sum| i64::from(*sum) * i64::from(*sum))
            .sum();
        let length = (square as f64).sqrt() as f32;
        for (value, sum) in out.iter_mut().zip(&memory.sums) {
            *value = if length > 0.0 {
                *sum as f32 / length
            } else {
                0.0
            };
        }
        MEMORY.set(memory);
    }

    fn add_rows(&self, ids: &[u32], sums: &mut [i32]) {
        let rows: &[i8] = bytemuck::cast_slice(&self.table[self.rows..]);
        // int16 holds 256 values of an int8 (-128 · 256 = -2^15), and takes half the time of int32.
        let mut short = vec![0i16; self.dim];
        for ids in ids.chunks(256) {
            for id in ids {
                let row = &rows[*id as usize * self.dim..][..self.dim];
                for (sum, value) in short.iter_mut().zip(row) {
                    *sum += i16::from(*value);
                }
            }
            for (sum, value) in sums.iter_mut().zip(&mut short) {
                *sum += i32::from(std::mem::take(value));
            }
        }
    }

    /// Leaves the ids of the text's tokens in `memory.ids`.
    fn read(&self, text: &str, memory: &mut Memory) {
        if memory.serial != self.serial || memory.words.is_full() {
            *memory = Memory {
                serial: self.serial,
                ..Memory::default()
            };
        }
        memory.ids.clear();
        let end = if text.len() <= self.max_chars {
            text.len()
        } else {
            text.char_indices()
                .nth(self.max_chars)
                .map_or(text.len(), |(at, _)| at)
        };
        let bytes = &text.as_bytes()[..end];
        let mut at = 0;
        while at < bytes.len() && memory.ids.len() < self.max_tokens {
            let start = at;
            match KINDS[bytes[at] as usize] {
                Kind::Blank => {
                    at += 1;
                    continue;
                }
                Kind::Mark => {
                    // The reference takes these two out of the raw text before anything else.
                    if !(bytes[at..].starts_with(PADDING) || bytes[at..].starts_with(UNKNOWN)) {
                        memory.ids.push(self.marks[bytes[at] as usize]);
                        at += 1;
                        continue;
                    }
                    at += PADDING.len();
                }
                Kind::Word => {
                    while at < bytes.len() && KINDS[bytes[at] as usize] == Kind::Word {
                        at += 1;
                    }
                }
            }
            let word = &text[start..at];
            let key = memory.words.key(bytes, start, at);
            match memory.words.find(key) {
                Some(range) => memory.ids.extend_from_slice(memory.words.values(range)),
                None => {
                    let before = memory.ids.len();
                    self.learn(word, &mut memory.ids);
                    memory.words.insert(key, &memory.ids[before..]);
                }
            }
        }
        memory.ids.truncate(self.max_tokens);
    }

    /// Adds the ids of a word's pieces, as it was cut from the raw text.
    #[cold]
    fn learn(&self, word: &str, ids: &mut Vec<u32>) {
        if word.is_ascii() {
            if word.len() == PADDING.len() && word.starts_with('[') {
                return ids.push(
                    self.vocabulary
                        .find(word.as_bytes(), false)
                        .unwrap_or(self.vocabulary.unknown),
                );
            }
            let plain: String = word
                .chars()
                .filter(|c| !c.is_ascii_control())
                .map(|c| c.to_ascii_lowercase())
                .collect();
            return self.vocabulary.pieces(&plain, ids);
        }
        let mut plain = String::with_capacity(word.len() + 8);
        word.chars()
            .for_each(|character| self.push_plain(character, &mut plain));
        let mut rest = plain.as_str();
        while let Some(first) = rest.bytes().next() {
            let end = match first {
                b' ' => 1,
                b if b.is_ascii_punctuation() => {
                    self.vocabulary.pieces(&rest[..1], ids);
                    1
                }
                _ => {
                    let end = rest
                        .find(|c: char| c == ' ' || c.is_ascii_punctuation())
                        .unwrap_or(rest.len());
                    self.vocabulary.pieces(&rest[..end], ids);
                    end
                }
            };
            rest = &rest[end..];
        }
    }

    /// What BERT's normaliser makes of a character: nothing, a space, its lower-case base, or that between spaces.
    fn push_plain(&self, character: char, out: &mut String) {
        if character.is_ascii() {
            if !character.is_ascii_control() {
                out.push(character.to_ascii_lowercase());
            }
            return;
        }
        let place = self.place(character);
        match place {
            Place::Space => return out.push(' '),
            Place::Drop => return,
            Place::Alone => out.push(' '),
            Place::Plain => {}
        }
        if unicode::class(character) == Class::Unassigned {
            out.push(character);
        } else {
            decompose_canonical(character, |part| match self.place(part) {
                Place::Drop => {}
                Place::Alone => {
                    out.push(' ');
                    out.extend(part.to_lowercase());
                    out.push(' ');
                }
                _ => out.extend(part.to_lowercase()),
            });
        }
        if place == Place::Alone {
            out.push(' ');
        }
    }

    fn place(&self, character: char) -> Place {
        let code = character as u32;
        let at = self.characters.partition_point(|row| row.0 <= code);
        match at.checked_sub(1).map(|i| self.characters[i]) {
            Some((_, last, place)) if code <= last => place,
            _ => Place::Plain,
        }
    }
}

/// Where the rows of a `.npy` file of int8 (tokens, dim) begin.
fn rows_start(file: &[u8], tokens: usize, dim: usize) -> Result<usize, String> {
    let wrong = || format!("table.npy is no table of {tokens} rows of {dim} signed bytes");
    let version_1 = file.len() >= 10 && file.starts_with(b"\x93NUMPY\x01");
    let header_end = if version_1 {
        10 + u16::from_le_bytes([file[8], file[9]]) as usize
    } else {
        0
    };
    let header = file
        .get(10..header_end)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .ok_or_else(wrong)?;
    let expected = [
        "'descr': '|i1'".to_owned(),
        "'fortran_order': False".to_owned(),
        format!("'shape': ({tokens}, {dim})"),
    ];
    let fits = expected.iter().all(|item| header.contains(item))
        && Some(file.len() - header_end) == tokens.checked_mul(dim);
    if fits { Ok(header_end) } else { Err(wrong()) }
}

fn places(table: &str) -> Option<Vec<(u32, u32, Place)>> {
    table
        .lines()
        .map(|line| {
            let mut fields = line.split(' ');
            let first = u32::from_str_radix(fields.next()?, 16).ok()?;
            let last = u32::from_str_radix(fields.next()?, 16).ok()?;
            let place = match fields.next()? {
                "drop" => Place::Drop,
                "space" => Place::Space,
                "alone" => Place::Alone,
                _ => return None,
            };
            Some((first, last, place))
        })
        .collect()
}

/// What one thread knows of the words of the model it last used.
struct Memory {
    serial: u64,
    words: Lexicon,
    ids: Vec<u32>,
    sums: Vec<i32>,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory {
            serial: 0,
            words: Lexicon::new(),
            ids: Vec::new(),
            sums: Vec::new(),
        }
    }
}

thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::default();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Blank,
    /// A word of its own.
    Mark,
    Word,
}

static KINDS: [Kind; 256] = {
    let mut kinds = [Kind::Word; 256];
    let mut byte = 0;
    while byte < 0x80 {
        if matches!(byte as u8, b'\t' | b'\n' | b'\r' | b' ') {
            kinds[byte] = Kind::Blank;
        } else if (byte as u8).is_ascii_punctuation() {
            kinds[byte] = Kind::Mark;
        }
        byte += 1;
    }
    kinds
};

/// int8 row and scale as `_pure.static_model.quantize`: the scale is the largest magnitude / 127 and not finite if a value is
/// not; codes round half to even; a zero vector has scale 0.
pub fn quantize(vector: &[f32], row: &mut [i8]) -> f32 {
    // Magnitudes are in order as the numbers their bits are; infinities and what is no number come last.
    let largest = vector
        .iter()
        .fold(0, |most, value| value.abs().to_bits().max(most));
    if largest >= f32::INFINITY.to_bits() {
        row.fill(0);
        return f32::NAN;
    }
    let scale = f32::from_bits(largest) / 127.0;
    if scale == 0.0 {
        row.fill(0);
        return scale;
    }
    for (code, value) in row.iter_mut().zip(vector) {
        // A sum of this size has no fraction, and is rounded half to even.
        const WHOLE: f32 = 12_582_912.0;
        let rounded = (value / scale + WHOLE) - WHOLE;
        *code = rounded.clamp(-127.0, 127.0) as i8;
    }
    scale
}
