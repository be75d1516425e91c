//! What a chunk says to each leg of a search. Twin of `groma._pure.passage`.

use std::cell::RefCell;

use crate::tokens::{self, Reader, with_reader};
use crate::unicode::is_space;

const BODY: f64 = 1.0;
const SYMBOLS: f64 = 3.0;
const ENCLOSING: f64 = 1.0;
const COMMENTS: f64 = 0.5;
const PATH: f64 = 4.0;
const BODY_B: f64 = 0.75;
const SYMBOLS_B: f64 = 0.3;
const COMMENTS_B: f64 = 0.5;
const BODY_MEAN: f64 = 125.0;
const SYMBOLS_MEAN: f64 = 4.0;
const COMMENTS_MEAN: f64 = 32.0;
const SATURATION: f64 = 1.5;
const MAX_TERMS: usize = 1000;
const HEADER_CHARACTERS: usize = 200;
const BODY_CHARACTERS: usize = 900;

/// What counting one passage needs, kept by a thread for the next one.
#[derive(Default)]
struct Counter {
    /// Which numbering of the thread's reader the rows below follow.
    numbering: u64,
    /// By number of a term: its count in the field at hand (whole numbers), and the weight it has so far.
    counts: Vec<u32>,
    weights: Vec<f64>,
    /// The terms of the field at hand, and of the passage.
    field: Vec<u32>,
    all: Vec<u32>,
    length: usize,
}

thread_local! {
    static COUNTER: RefCell<Counter> = RefCell::default();
}

impl Counter {
    fn start(&mut self, reader: &mut Reader) {
        let numbering = reader.forget_if_full();
        if numbering != self.numbering {
            *self = Counter {
                numbering,
                ..Counter::default()
            };
        }
    }

    #[inline]
    fn count(&mut self, reader: &mut Reader, text: &str, times: u32) {
        reader.read(text, |terms, numbers| {
            self.length += numbers.len();
            for number in numbers {
                let at = *number as usize;
                if at >= self.counts.len() {
                    self.counts.resize(terms.len(), 0);
                }
                if self.counts[at] == 0 {
                    self.field.push(*number);
                }
                self.counts[at] += times;
            }
        });
    }

    /// Adds what was counted since the last call to the weights: one addition a term, so their order is that of the fields.
    fn add(&mut self, weight: f64, norm: impl Fn(f64) -> f64) {
        let norm = norm(self.length as f64);
        self.weights.resize(self.counts.len(), 0.0);
        for number in self.field.drain(..) {
            let at = number as usize;
            if self.weights[at] == 0.0 {
                self.all.push(number);
            }
            self.weights[at] += weight * f64::from(self.counts[at]) / norm;
            self.counts[at] = 0;
        }
        self.length = 0;
    }

    /// The terms and weights, in no order; the weights are zero again.
    fn finish(&mut self, reader: &Reader) -> Vec<(u32, f64)> {
        let terms = reader.terms();
        self.all
            .drain(..)
            .map(|number| {
                (
                    terms[number as usize],
                    std::mem::take(&mut self.weights[number as usize]),
                )
            })
            .collect()
    }
}

/// The sparse vector of a chunk: (term id, impact 1..=255), ascending by term id, at most `MAX_TERMS`.
pub fn sparse(text: &str, symbols: &[&str], enclosing: &str, path: &str) -> Vec<(u32, u8)> {
    // Taken out of its place, so that a panic on the way leaves no half-counted passage there.
    let mut counter = COUNTER.take();
    let mut weights = with_reader(|reader| {
        counter.start(reader);
        counter.count(reader, text, 1);
        counter.add(BODY, |length| 1.0 - BODY_B + BODY_B * length / BODY_MEAN);
        symbols
            .iter()
            .for_each(|symbol| counter.count(reader, symbol, 1));
        counter.add(SYMBOLS, |length| {
            1.0 - SYMBOLS_B + SYMBOLS_B * length / SYMBOLS_MEAN
        });
        counter.count(reader, enclosing, 1);
        counter.add(ENCLOSING, |_| 1.0);
        for_comment_lines(text, |line| counter.count(reader, line, 1));
        counter.add(COMMENTS, |length| {
            1.0 - COMMENTS_B + COMMENTS_B * length / COMMENTS_MEAN
        });
        for_path_parts(path, |part, times| counter.count(reader, part, times));
        counter.add(PATH, |_| 1.0);
        counter.finish(reader)
    });
    COUNTER.set(counter);
    if weights.len() > MAX_TERMS {
        weights.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        weights.truncate(MAX_TERMS);
    }
    weights.sort_unstable_by_key(|(term, _)| *term);
    weights
        .iter()
        .map(|(term, x)| (*term, impact(*x)))
        .collect()
}

/// A weight as a byte, rounded half to even as Python does; the processor's own way to round is not on every one.
fn impact(x: f64) -> u8 {
    let exact = 255.0 * x / (SATURATION + x);
    let below = exact as u32;
    let rest = exact - f64::from(below);
    let up = rest > 0.5 || rest == 0.5 && below % 2 == 1;
    (below + u32::from(up)).clamp(1, 255) as u8
}

/// The lines of a chunk that look like comments or docstrings, without their markers.
pub fn comment_lines(text: &str) -> String {
    let mut found = Vec::new();
    for_comment_lines(text, |line| found.push(line));
    found.join("\n")
}

#[inline]
fn for_comment_lines<'a>(text: &'a str, mut take: impl FnMut(&'a str)) {
    let mut inside = false;
    let some_quotes = text.contains("\"\"\"") || text.contains("'''");
    for line in text.split('\n') {
        let quotes = if some_quotes {
            triple_quotes(line.as_bytes())
        } else {
            0
        };
        if quotes > 0 {
            take(line.trim_matches(is_space));
            inside ^= quotes == 1;
        } else if inside {
            take(line.trim_matches(is_space));
        } else if let Some(comment) = comment(line.trim_start_matches(is_space)) {
            take(comment);
        }
    }
}

/// How many `"""` and `'''` there are, none counted twice.
fn triple_quotes(line: &[u8]) -> usize {
    [b'"', b'\'']
        .map(|quote| {
            line.split(|b| *b != quote)
                .map(|run| run.len() / 3)
                .sum::<usize>()
        })
        .iter()
        .sum()
}

/// What follows the marker of a comment, at whose start the line is.
fn comment(line: &str) -> Option<&str> {
    let first = *line.as_bytes().first().filter(|byte| byte.is_ascii())?;
    let run = line.bytes().position(|b| b != first).unwrap_or(line.len());
    let rest = &line[run..];
    match first {
        b'/' if run > 1 => Some(rest),
        b'/' => rest.starts_with('*').then(|| rest.trim_start_matches('*')),
        b'*' if !rest.starts_with('/') => Some(rest),
        b'#' if !["include", "define", "if", "endif", "else", "[", "!["]
            .iter()
            .any(|word| rest.starts_with(word)) =>
        {
            Some(rest)
        }
        b'*' | b'#' => (run > 1).then(|| &line[run - 1..]), // one marker less is followed by a marker
        b'-' if run > 1 => Some(rest.strip_prefix('|').unwrap_or(rest)),
        b';' | b'%' => Some(rest),
        _ => None,
    }
}

/// (part, times) of a path: the stem counts twice, each folder once; the stem first.
fn for_path_parts(path: &str, mut take: impl FnMut(&str, u32)) {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    take(stem(name), 2);
    folders.split('/').for_each(|folder| take(folder, 1));
}

/// What stands before the last point.
fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// (term, count) of a path: the stem counts twice, each folder once. In order of first occurrence.
pub fn path_terms(path: &str) -> Vec<(u32, u32)> {
    let mut counts: Vec<(u32, u32)> = Vec::new();
    let mut terms = Vec::new();
    for_path_parts(path, |part, times| {
        terms.clear();
        tokens::add_terms(part, &mut terms);
        for term in &terms {
            match counts.iter_mut().find(|row| row.0 == *term) {
                Some(row) => row.1 += times,
                None => counts.push((*term, times)),
            }
        }
    });
    counts
}

/// The text a dense model reads: a header of words (last three path parts, enclosing type, six symbols), then the start of the body.
pub fn dense_text(text: &str, symbols: &[&str], enclosing: &str, path: &str) -> String {
    let mut header =
        String::with_capacity(HEADER_CHARACTERS * 2 + text.len().min(2 * BODY_CHARACTERS));
    let parts: Vec<&str> = stem(path).rsplitn(4, '/').take(3).collect();
    for (i, part) in parts.iter().rev().enumerate() {
        if i > 0 {
            header.push_str(" / ");
        }
        if part.is_ascii() {
            for (j, word) in tokens::words(part).into_iter().enumerate() {
                if j > 0 {
                    header.push(' ');
                }
                header.push_str(word);
            }
        } else {
            header.push_str(part);
        }
    }
    if !enclosing.is_empty() {
        header.push_str(": ");
        header.push_str(enclosing);
    }
    for (i, symbol) in symbols.iter().take(6).enumerate() {
        header.push_str(if i == 0 { " " } else { ", " });
        header.push_str(symbol);
    }
    if let Some((end, _)) = header.char_indices().nth(HEADER_CHARACTERS) {
        header.truncate(end);
    }
    header.push('\n');
    push_body(text, &mut header);
    header
}

/// The body with runs of blanks as one, without empty lines and without rulers (`----`), cut to its bound. One pass that stops at
/// the bound, where the twin makes one pass for each rule.
fn push_body(text: &str, out: &mut String) {
    let bytes = text.as_bytes();
    let mut left = BODY_CHARACTERS;
    let mut at = 0;
    while left > 0 && at < bytes.len() {
        let end = bytes.len().min(at + left);
        let plain = bytes[at..end]
            .iter()
            .position(|b| SPECIAL[*b as usize])
            .unwrap_or(end - at);
        if plain > 0 {
            out.push_str(&text[at..at + plain]);
            left -= plain;
            at += plain;
            continue;
        }
        match bytes[at] {
            b' ' | b'\t' => {
                out.push(' ');
                left -= 1;
                at += bytes[at..]
                    .iter()
                    .position(|b| !matches!(b, b' ' | b'\t'))
                    .unwrap_or(bytes.len() - at);
            }
            b'\n' => {
                out.push('\n');
                left -= 1;
                at += 1;
                let blank = text[at..]
                    .find(|c| !is_space(c))
                    .unwrap_or(bytes.len() - at);
                at += bytes[at..at + blank]
                    .iter()
                    .rposition(|b| *b == b'\n')
                    .map_or(0, |last| last + 1);
            }
            byte if byte < 0x80 => {
                let run = bytes[at..]
                    .iter()
                    .position(|b| !is_ruler(*b))
                    .unwrap_or(bytes.len() - at);
                if run < 4 {
                    let kept = run.min(left);
                    out.push_str(&text[at..at + kept]);
                    left -= kept;
                }
                at += run;
            }
            _ => {
                let Some(character) = text[at..].chars().next() else {
                    return;
                };
                out.push(character);
                left -= 1;
                at += character.len_utf8();
            }
        }
    }
}

const fn is_ruler(byte: u8) -> bool {
    matches!(byte, b'-' | b'=' | b'*' | b'/' | b'#')
}

/// What is not one character that stays as it is.
static SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        special[byte] =
            byte >= 0x80 || is_ruler(byte as u8) || matches!(byte as u8, b' ' | b'\t' | b'\n');
        byte += 1;
    }
    special
};

/// The distinct tokens of a file's stem, joined ones left out.
pub fn stem_tokens(path: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for token in tokens::tokens(stem(path.rsplit_once('/').map_or(path, |(_, name)| name))) {
        if !token.starts_with('=') && !found.contains(&token) {
            found.push(token);
        }
    }
    found
}

/// The distinct term ids of a symbol's name, ascending, joined tokens left out.
pub fn symbol_terms(name: &str) -> Vec<u32> {
    let mut terms: Vec<u32> = tokens::tokens(name)
        .iter()
        .filter(|token| !token.starts_with('='))
        .map(|token| tokens::term_id(token))
        .collect();
    terms.sort_unstable();
    terms.dedup();
    terms
}
