//! Find and mask credentials. Twin of `groma._pure.masking`, where the why is told.

mod pattern;
mod proof;
mod table;
mod values;

use std::borrow::Cow;

use pattern::{Group, Scratch, is_word};
use proof::{Match, key_lines};
use table::{Alone, Check, table};

/// Start and end in characters (end exclusive) and the name of the rule.
pub type Span = (usize, usize, &'static str);

/// A text whose credentials are covered, and where: sorted, not overlapping, never across a line break.
#[derive(Debug, PartialEq, Eq)]
pub struct Masked {
    pub text: String,
    pub spans: Vec<Span>,
}

/// The text with credentials masked (same number of lines); None where nothing was found.
pub fn mask(text: &str) -> Option<String> {
    masked(text).map(|masked| masked.text)
}

/// The text with every credential covered with asterisks, a character each; None where nothing was found.
pub fn masked(text: &str) -> Option<Masked> {
    let mut text = Cow::Borrowed(text);
    // In characters: covering a character outside ASCII moves the bytes behind it.
    let mut pieces: Vec<Piece> = Vec::new();
    // Until nothing is found: a covered value can free its neighbour to be matched. Every round covers more, so it ends.
    for rounds in 0.. {
        let found = joined(find(&text));
        if found.is_empty() {
            break;
        }
        let found = widened(&text, found, rounds);
        let (covered, spans) = blank(&text, &found);
        text = Cow::Owned(covered);
        pieces.extend(spans);
    }
    if pieces.is_empty() {
        return None;
    }
    let spans = joined(pieces)
        .into_iter()
        .map(|(start, end, number)| (start, end, table().rules[number].name));
    Some(Masked {
        text: text.into_owned(),
        spans: spans.collect(),
    })
}

/// Start, end and the number of the rule.
type Piece = (usize, usize, usize);

/// Every credible piece, in no order; pieces may overlap.
fn find(text: &str) -> Vec<Piece> {
    let table = table();
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut scratch = Scratch::default();
    table.keywords_in(bytes, |keyword, numbers| {
        for &number in numbers {
            let number = usize::from(number);
            let rule = &table.rules[number];
            let Some(start) = keyword.checked_sub(rule.reach) else {
                continue;
            };
            let joined_before = rule.alone == Alone::Both
                && start > 0
                && is_word(bytes[start - 1])
                && !is_escape(bytes, start);
            if joined_before || !text.is_char_boundary(start) {
                continue;
            }
            let Some(matched) = table.pattern(number).at(text, start, &mut scratch) else {
                continue;
            };
            let secret = matched
                .span(Group::Secret)
                .unwrap_or((start, matched.end()));
            if rule.alone != Alone::No && bytes.get(secret.1).is_some_and(|&byte| is_word(byte)) {
                continue;
            }
            let matched = Match {
                text,
                start,
                secret,
                found: matched,
            };
            let add = |(first, last): (usize, usize)| {
                let seen = text[first..last].bytes().any(|byte| byte != b'*');
                seen.then_some((first, last, number))
            };
            if rule.check == Check::Key {
                found.extend(
                    key_lines(&matched, rule.entropy)
                        .into_iter()
                        .filter_map(add),
                );
            } else if matched.is_credible(rule, &mut scratch) {
                found.extend(add(secret));
            }
        }
    });
    found
}

/// Whether a `\n` or its like, written out in a string, ends here: its letter is no word.
fn is_escape(text: &[u8], end: usize) -> bool {
    matches!(text[..end], [.., b'\\', b'n' | b'r' | b't'])
}

/// The text with the pieces, sorted and apart, covered; and the pieces in characters.
fn blank(text: &str, pieces: &[Piece]) -> (String, Vec<Piece>) {
    let mut covered = String::with_capacity(text.len());
    let mut spans = Vec::with_capacity(pieces.len());
    let (mut at, mut characters) = (0, 0);
    for &(start, end, number) in pieces {
        covered.push_str(&text[at..start]);
        let first = characters + text[at..start].chars().count();
        characters = first + text[start..end].chars().count();
        covered.extend(std::iter::repeat_n('*', characters - first));
        spans.push((first, characters, number));
        at = end;
    }
    covered.push_str(&text[at..]);
    (covered, spans)
}

/// Sorted; pieces that overlap become one, named by the most specific rule, the first in the table.
fn joined(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.sort_unstable();
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    for (start, end, number) in pieces {
        match joined.last_mut() {
            Some((_, last, named)) if start < *last => {
                *last = end.max(*last);
                *named = number.min(*named);
            }
            _ => joined.push((start, end, number)),
        }
    }
    joined
}

/// What to cover of a text in which credentials were found for so many rounds already: after three, whole lines; after
/// five, everything.
fn widened(text: &str, found: Vec<Piece>, rounds: usize) -> Vec<Piece> {
    let Some(&(_, _, number)) = found.first().filter(|_| rounds >= 3) else {
        return found;
    };
    let mut wanted = found.iter().map(|piece| piece.0).peekable();
    let mut lines = Vec::new();
    let mut start = 0;
    for (at, c) in text.char_indices().chain([(text.len(), '\n')]) {
        if !ends_line(c) {
            continue;
        }
        let wants = wanted.peek().is_some_and(|&first| first < at);
        while wanted.next_if(|&first| first < at).is_some() {}
        if start < at && (wants || rounds >= 5) {
            lines.push((start, at, number));
        }
        start = at + c.len_utf8();
    }
    lines
}

/// What `str.splitlines` takes for the end of a line.
fn ends_line(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}
