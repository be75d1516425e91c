//! Tokens of code and of queries, and the term ids they become. Twin of `groma._pure.tokens`.
//!
//! ASCII is read by hand-written scanners over bytes; a stretch that holds anything else is normalised and read by classes of
//! characters. Such a stretch ends where ASCII that makes no word stands: normalising goes neither across that nor changes words there.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

use rust_stemmers::{Algorithm, Stemmer};

use crate::lexicon::{Key, Lexicon};
use crate::unicode::{Class, casefold, class, is_paired, nfkc};

/// The 29-bit id of a token.
pub fn term_id(token: &str) -> u32 {
    crc32fast::hash(token.as_bytes()) & 0x1FFF_FFFF
}

/// CRC-32 of an identifier as written.
pub fn word_hash(name: &str) -> u32 {
    crc32fast::hash(name.as_bytes())
}

/// The identifiers, words and digit runs of a text, in order (owned where normalisation changed them).
pub fn identifiers(text: &str) -> Vec<Cow<'_, str>> {
    let mut found = Vec::new();
    for_stretches(text, |start, end| {
        let stretch = &text[start..end];
        if stretch.is_ascii() {
            found.extend(ascii_identifiers(stretch).map(Cow::Borrowed));
        } else {
            match nfkc(stretch) {
                Cow::Borrowed(normal) => {
                    wide_identifiers(normal, |word| found.push(Cow::Borrowed(word)))
                }
                Cow::Owned(normal) => {
                    wide_identifiers(&normal, |word| found.push(Cow::Owned(word.to_owned())))
                }
            }
        }
    });
    found
}

/// The tokens of one identifier: its stemmed parts, then the joined token if there are two parts or more.
pub fn split(identifier: &str) -> Vec<String> {
    READER.with_borrow_mut(|reader| {
        let mut found = Vec::new();
        reader
            .stems
            .split(identifier, &mut |token| found.push(token.to_owned()));
        found
    })
}

/// The tokens of a text, in order, joined ones included.
pub fn tokens(text: &str) -> Vec<String> {
    READER.with_borrow_mut(|reader| {
        let mut found = Vec::new();
        let take = &mut |token: &str| found.push(token.to_owned());
        for_stretches(text, |start, end| {
            reader.stems.tokens(&text[start..end], take)
        });
        found
    })
}

/// The term ids of all tokens of a text, in order, added to `out`.
pub fn add_terms(text: &str, out: &mut Vec<u32>) {
    READER.with_borrow_mut(|reader| {
        reader.forget_if_full();
        reader.read(text, |terms, numbers| {
            out.extend(numbers.iter().map(|n| terms[*n as usize]))
        });
    });
}

/// How often each term occurs in a text, in order of its first occurrence, and the number of tokens in all.
pub fn count_terms(text: &str) -> (Vec<(u32, u32)>, usize) {
    let mut terms = Vec::new();
    add_terms(text, &mut terms);
    let mut counts: Vec<(u32, u32)> = Vec::new();
    let mut places = HashMap::new();
    for term in &terms {
        let at = *places.entry(*term).or_insert(counts.len());
        match counts.get_mut(at) {
            Some(row) => row.1 += 1,
            None => counts.push((*term, 1)),
        }
    }
    (counts, terms.len())
}

/// Calls `take` with where each stretch of letters, digits, underscores and characters beyond ASCII begins and ends.
///
/// 64 bytes are judged at once: a loop that asks byte by byte is wrong twice a word about where it ends, which takes the processor
/// longer than all the rest.
#[inline]
fn for_stretches(text: &str, mut take: impl FnMut(usize, usize)) {
    let (blocks, tail) = text.as_bytes().as_chunks::<64>();
    let mut last = [b' '; 64];
    last[..tail.len()].copy_from_slice(tail);
    let (mut inside, mut start) = (false, 0);
    for (number, block) in blocks.iter().chain([&last]).enumerate() {
        let words = word_bits(block);
        let mut borders = words ^ (words << 1 | u64::from(inside));
        while borders != 0 {
            let here = number * 64 + borders.trailing_zeros() as usize;
            if inside {
                take(start, here);
            }
            (inside, start) = (!inside, here);
            borders &= borders - 1;
        }
    }
}

/// One bit a byte: whether it belongs to a stretch. Written so that the compiler judges many bytes in one step.
#[inline]
fn word_bits(block: &[u8; 64]) -> u64 {
    let mut flags = [0u8; 64];
    for (flag, byte) in flags.iter_mut().zip(block) {
        let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let is_digit = byte.wrapping_sub(b'0') < 10;
        *flag = u8::from(is_letter | is_digit | (*byte == b'_') | (*byte >= 0x80));
    }
    let eighths = flags.as_chunks::<8>().0.iter().enumerate();
    // The product moves the lowest bit of each byte to its place in the highest byte.
    eighths.fold(0, |bits, (i, flags)| {
        bits | (u64::from_le_bytes(*flags).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i)
    })
}

/// `[A-Za-z_][A-Za-z0-9_]*|[0-9]+` over a stretch of such characters.
#[inline]
fn ascii_identifiers(stretch: &str) -> impl Iterator<Item = &str> {
    let digits = stretch
        .bytes()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(stretch.len());
    let (number, name) = stretch.split_at(digits);
    [number, name].into_iter().filter(|part| !part.is_empty())
}

/// The same beyond ASCII, in normalised text.
fn wide_identifiers<'a>(text: &'a str, mut take: impl FnMut(&'a str)) {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let goes_on: fn(Class) -> bool = match class(first) {
            Class::Digit => |c| c == Class::Digit,
            Class::Underscore | Class::Letter | Class::Lower | Class::Upper => |c| c >= Class::Mark,
            _ => {
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        let end = rest.find(|c| !goes_on(class(c))).unwrap_or(rest.len());
        take(&rest[..end]);
        rest = &rest[end..];
    }
}

/// `[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+`: the parts of an ASCII identifier.
fn ascii_parts<'a>(identifier: &'a str, mut take: impl FnMut(&'a str)) {
    let bytes = identifier.as_bytes();
    let run = |from: usize, is: fn(&u8) -> bool| {
        bytes[from..]
            .iter()
            .position(|b| !is(b))
            .map_or(bytes.len(), |n| from + n)
    };
    let mut at = 0;
    while at < bytes.len() {
        let end = match bytes[at] {
            b'a'..=b'z' => run(at, u8::is_ascii_lowercase),
            b'0'..=b'9' => run(at, u8::is_ascii_digit),
            b'A'..=b'Z' => match run(at, u8::is_ascii_uppercase) {
                capitals if !bytes.get(capitals).is_some_and(u8::is_ascii_lowercase) => capitals,
                capitals if capitals > at + 1 => capitals - 1, // the last one begins the next part
                capitals => run(capitals, u8::is_ascii_lowercase),
            },
            _ => {
                at += 1;
                continue;
            }
        };
        take(&identifier[at..end]);
        at = end;
    }
}

/// The words of a text, as `passage` shows them to a model.
pub(crate) fn words(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    ascii_parts(text, |part| found.push(part));
    found
}

const MOST_STEMS: usize = 1 << 14;
/// Longer runs of letters are data and no words; the stemmer takes the square of their length.
const LONGEST_STEMMED: usize = 100;

/// Words and their stems.
struct Stems {
    english: Stemmer,
    known: HashMap<Box<str>, Box<str>>,
    lower: String,
    joined: String,
}

impl Stems {
    /// Calls `take` with the stem of an ASCII part, lower-cased; leaves the part, lower-cased, in `self.lower`.
    fn stem(&mut self, part: &str, take: &mut dyn FnMut(&str)) {
        self.lower.clear();
        self.lower.shrink_to(1024);
        self.lower.push_str(part);
        self.lower.make_ascii_lowercase();
        if self.lower.len() <= 3 || self.lower.len() > LONGEST_STEMMED {
            return take(&self.lower);
        }
        if let Some(stem) = self.known.get(self.lower.as_str()) {
            return take(stem);
        }
        let stem = self.english.stem(&self.lower);
        take(&stem);
        if self.known.len() >= MOST_STEMS {
            self.known.clear();
        }
        self.known.insert(self.lower.as_str().into(), stem.into());
    }

    /// Calls `take` with the tokens of one identifier.
    fn split(&mut self, identifier: &str, take: &mut dyn FnMut(&str)) {
        if !identifier.is_ascii() {
            return self.split_wide(identifier, take);
        }
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        joined.push('=');
        let mut parts = 0;
        ascii_parts(identifier, |part| {
            self.stem(part, take);
            joined.push_str(&self.lower);
            parts += 1;
        });
        if parts > 1 {
            take(&joined);
        }
        joined.shrink_to(1024);
        self.joined = joined;
    }

    fn split_wide(&mut self, identifier: &str, take: &mut dyn FnMut(&str)) {
        let is_letter = |c: char| class(c) >= Class::Letter;
        let mut rest = identifier;
        while let Some(first) = rest.chars().next() {
            let end_of =
                |goes_on: &dyn Fn(char) -> bool| rest.find(|c| !goes_on(c)).unwrap_or(rest.len());
            let end = if is_paired(first) {
                let end = end_of(&is_paired);
                pairs(&rest[..end], take);
                end
            } else if class(first) == Class::Digit {
                let end = end_of(&|c| class(c) == Class::Digit);
                self.part(&rest[..end], take);
                end
            } else if is_letter(first) {
                let end = end_of(&|c| is_letter(c) && !is_paired(c) || class(c) == Class::Mark);
                self.part(&rest[..end], take);
                end
            } else {
                first.len_utf8()
            };
            rest = &rest[end..];
        }
    }

    /// A run of digits, or of letters and marks.
    fn part(&mut self, run: &str, take: &mut dyn FnMut(&str)) {
        if run.is_ascii() {
            return ascii_parts(run, |part| self.stem(part, take));
        }
        let mut start = 0;
        let mut before = Class::Other;
        for (at, character) in run.char_indices() {
            let now = class(character);
            if now == Class::Upper && before == Class::Lower {
                take(&casefold(&run[start..at]));
                start = at;
            }
            before = now;
        }
        take(&casefold(&run[start..]));
    }

    /// Calls `take` with the tokens of a stretch.
    fn tokens(&mut self, stretch: &str, take: &mut dyn FnMut(&str)) {
        if stretch.is_ascii() {
            ascii_identifiers(stretch).for_each(|identifier| self.split(identifier, take));
        } else {
            wide_identifiers(&nfkc(stretch), |identifier| self.split(identifier, take));
        }
    }
}

/// Characters in pairs, each with its next; one alone stays alone.
fn pairs(run: &str, take: &mut dyn FnMut(&str)) {
    let mut borders = run.char_indices().map(|(at, _)| at).chain([run.len()]);
    let (mut first, mut second) = (
        borders.next().unwrap_or(0),
        borders.next().unwrap_or(run.len()),
    );
    let mut some = false;
    for third in borders {
        take(&run[first..third]);
        (first, second, some) = (second, third, true);
    }
    if !some {
        take(&run[first..second]);
    }
}

/// What one thread knows of the words it met: a stretch → the numbers of its terms, which are dense, so that whoever counts
/// terms needs no map. Numbers hold until the next `forget_if_full`.
pub(crate) struct Reader {
    stems: Stems,
    stretches: Lexicon,
    numbers: HashMap<u32, u32>,
    terms: Vec<u32>,
    found: Vec<u32>,
    times_emptied: u64,
}

thread_local! {
    static READER: RefCell<Reader> = RefCell::new(Reader::new());
}

/// This thread's reader. `work` must not call what uses it too: the public functions of this module.
pub(crate) fn with_reader<T>(work: impl FnOnce(&mut Reader) -> T) -> T {
    READER.with_borrow_mut(work)
}

impl Reader {
    fn new() -> Reader {
        Reader {
            stems: Stems {
                english: Stemmer::create(Algorithm::English),
                known: HashMap::new(),
                lower: String::new(),
                joined: String::new(),
            },
            stretches: Lexicon::new(),
            numbers: HashMap::new(),
            terms: Vec::new(),
            found: Vec::new(),
            times_emptied: 0,
        }
    }

    /// The term ids by number.
    pub(crate) fn terms(&self) -> &[u32] {
        &self.terms
    }

    /// Empty the memory once it is full. Returns how often that was done so far: what was kept by number holds while this is the same.
    pub(crate) fn forget_if_full(&mut self) -> u64 {
        if self.stretches.is_full() || self.terms.len() > 1 << 16 {
            self.stretches = Lexicon::new();
            self.numbers = HashMap::new();
            self.terms = Vec::new();
            self.times_emptied += 1;
        }
        self.times_emptied
    }

    /// Calls `take` with all term ids so far and the numbers of a stretch's terms, stretch by stretch.
    #[inline]
    pub(crate) fn read(&mut self, text: &str, mut take: impl FnMut(&[u32], &[u32])) {
        for_stretches(text, |start, end| {
            let key = self.stretches.key(text.as_bytes(), start, end);
            match self.stretches.find(key) {
                Some(range) => take(&self.terms, self.stretches.values(range)),
                None => {
                    self.learn(&text[start..end], key);
                    take(&self.terms, &self.found);
                }
            }
        });
    }

    #[cold]
    fn learn(&mut self, stretch: &str, key: Key<'_>) {
        let Reader {
            stems,
            stretches,
            numbers,
            terms,
            found,
            ..
        } = self;
        found.clear();
        stems.tokens(stretch, &mut |token| {
            let term = term_id(token);
            found.push(*numbers.entry(term).or_insert_with(|| {
                terms.push(term);
                terms.len() as u32 - 1
            }));
        });
        stretches.insert(key, found);
    }
}
