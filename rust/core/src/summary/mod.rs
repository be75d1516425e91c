//! Signature and first sentence of a definition. Twin of `groma._pure.summary`.
//!
//! The twin's regular expressions are scanners here: they run for every definition, and each says which of them it stands for.
//! Letters: a character beyond ASCII that is not white space counts as a word character in both cores, so that no Unicode table decides.

mod comment;
mod prose;
mod signature;

use crate::unicode::is_space;

pub use comment::doc;
pub use signature::signature;

const LONGEST: usize = 200;
/// Lines of a definition in which its signature ends …
const HEAD_LINES: usize = 12;
/// … and lines above it in which its comment begins.
const COMMENT_LINES: usize = 150;
/// Characters that are read of a line: minified code puts thousands of definitions on one.
const COLUMNS: usize = 400;

/// `_WORD` of the twin.
fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || (!c.is_ascii() && !is_space(c))
}

/// `str.strip()`.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

fn rstrip(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

fn lstrip(text: &str) -> &str {
    text.trim_start_matches(is_space)
}

/// The first `count` characters.
pub(crate) fn first_chars(text: &str, count: usize) -> &str {
    if text.len() <= count {
        return text;
    }
    text.char_indices()
        .nth(count)
        .map_or(text, |(at, _)| &text[..at])
}

/// The lines of a text, and how much of each is read. Lines count from 0; one that is not there is empty.
pub struct Lines<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Lines<'a> {
    pub fn new(lines: impl Iterator<Item = &'a str>) -> Self {
        Lines(
            lines
                .map(|line| (line, first_chars(line, COLUMNS)))
                .collect(),
        )
    }

    pub fn of(text: &'a str) -> Self {
        Self::new(text.split('\n'))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn whole(&self, i: usize) -> &'a str {
        self.0.get(i).map_or("", |line| line.0)
    }

    /// `_at`
    fn at(&self, i: usize) -> &'a str {
        self.0.get(i).map_or("", |line| line.1)
    }
}

fn starts_with_space(text: &str) -> bool {
    text.chars().next().is_some_and(is_space)
}

/// `text` behind the first of `words` it starts with, if no word character follows (`\b`).
fn after_word<'a>(text: &'a str, words: &[&str]) -> Option<&'a str> {
    words.iter().find_map(|word| {
        text.strip_prefix(word)
            .filter(|rest| !rest.chars().next().is_some_and(is_word))
    })
}

/// The word characters `text` begins with, and the rest.
fn word(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_word(c)).unwrap_or(text.len()))
}

/// ` `.join(text.split())
fn squeeze(text: &str, into: &mut String) {
    for part in text.split(is_space).filter(|part| !part.is_empty()) {
        if !into.is_empty() {
            into.push(' ');
        }
        into.push_str(part);
    }
}

fn count(text: &str, one: u8, other: u8) -> usize {
    text.bytes().filter(|&b| b == one || b == other).count()
}

fn balanced(text: &str) -> bool {
    count(text, b'(', b'[') <= count(text, b')', b']')
}

/// `_HEADING`. It looks no further than it must: there may be thousands of definitions on a long line.
fn is_heading(line: &str) -> bool {
    let mut text = line;
    for _ in 0..3 {
        text = text.strip_prefix(is_space).unwrap_or(text);
    }
    let marks = text.bytes().take(7).take_while(|&b| b == b'#').count();
    (1..=6).contains(&marks) && starts_with_space(&text[marks..])
}
