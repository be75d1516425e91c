//! The outline of a text whose language has no grammar: flat sections, whose heads one pattern of the table finds.

use std::ops::Range;
use std::sync::OnceLock;

use super::{Definition, Outline};
use crate::languages::{self, Language};
use crate::summary::{Lines, doc, first_chars, strip};

/// The pattern of the heads of a language: with what the quick engine does not know, it is tried at each line that may begin one.
pub(super) enum Heads {
    Plain(regex::Regex),
    Hard {
        pattern: fancy_regex::Regex,
        begin: Option<fancy_regex::ByteSet>,
    },
}

pub(super) fn section(language: &Language, pattern: &str) -> Result<&'static Heads, String> {
    static SECTIONS: OnceLock<Vec<OnceLock<Result<Heads, String>>>> = OnceLock::new();
    let sections =
        SECTIONS.get_or_init(|| languages::all().iter().map(|_| OnceLock::new()).collect());
    let slot = sections
        .get(language.number)
        .ok_or_else(|| format!("{} is not of the table", language.name))?;
    slot.get_or_init(|| Heads::new(&translated(pattern)).map_err(|e| e.to_string()))
        .as_ref()
        .map_err(Clone::clone)
}

impl Heads {
    fn new(pattern: &str) -> Result<Self, fancy_regex::Error> {
        if let Ok(plain) = regex::Regex::new(&format!("(?m)^(?:{pattern})")) {
            return Ok(Heads::Plain(plain));
        }
        let begin =
            fancy_regex::RegexOptionsBuilder::new().start_bytes(&format!("(?m){pattern}"))?;
        Ok(Heads::Hard {
            pattern: fancy_regex::Regex::new(&format!(r"(?m)\G(?:{pattern})"))?,
            begin,
        })
    }

    /// Where each head is and where its name, in order and apart from one another.
    fn of(&self, source: &str) -> Vec<(Range<usize>, Range<usize>)> {
        match self {
            Heads::Plain(pattern) => {
                let found = pattern.captures_iter(source);
                found
                    .filter_map(|found| Some((found.get(0)?.range(), found.name("name")?.range())))
                    .collect()
            }
            Heads::Hard { pattern, begin } => {
                let bytes = source.as_bytes();
                let mut heads: Vec<(Range<usize>, Range<usize>)> = Vec::new();
                let line_starts =
                    std::iter::once(0).chain(memchr::memchr_iter(b'\n', bytes).map(|at| at + 1));
                for start in line_starts {
                    let inside = heads.last().is_some_and(|(whole, _)| start < whole.end);
                    let may_begin = bytes
                        .get(start)
                        .is_some_and(|&byte| begin.as_ref().is_none_or(|set| set.contains(byte)));
                    if inside || !may_begin {
                        continue;
                    }
                    // An error is the engine's limit of steps, which a real line does not meet.
                    if let Ok(Some(found)) = pattern.captures_from_pos(source, start)
                        && let (Some(whole), Some(name)) = (found.get(0), found.name("name"))
                    {
                        heads.push((whole.range(), name.range()));
                    }
                }
                heads
            }
        }
    }
}

/// A pattern of the table, which is written for Python's `re`, in the dialect of this core: what white space and word characters are
/// differs, and how a conditional names its group. `\b` is only used behind a word there.
fn translated(pattern: &str) -> String {
    let mut text = String::with_capacity(2 * pattern.len());
    let mut in_class = false;
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match (rest.next(), in_class) {
                (Some('w'), true) => text.push_str(r"\p{L}\p{N}_"),
                (Some('w'), false) => text.push_str(r"[\p{L}\p{N}_]"),
                (Some('s'), true) => text.push_str(r"\s\x1c-\x1f"),
                (Some('s'), false) => text.push_str(r"[\s\x1c-\x1f]"),
                (Some('S'), _) => text.push_str(r"[^\s\x1c-\x1f]"),
                (Some('b'), _) => text.push_str(r"(?![\p{L}\p{N}_])"),
                (Some(other), _) => text.extend(['\\', other]),
                (None, _) => text.push('\\'),
            },
            '[' if in_class => text.push_str(r"\["),
            '[' => {
                in_class = true;
                text.push('[');
            }
            ']' => {
                in_class = false;
                text.push(']');
            }
            other => text.push(other),
        }
    }
    text.replace("(?(rule)", "(?(<rule>)")
}

/// Flat sections: each runs to the next head, without the blank lines and comments that stand above that.
pub(super) fn by_sections(source: &str, heads: &Heads) -> Outline {
    let lines = Lines::of(source);
    let mut starts: Vec<(usize, String)> = Vec::new();
    let (mut row, mut at) = (0, 0);
    for (whole, name) in heads.of(source) {
        let start = whole.end
            - source[whole]
                .trim_start_matches(crate::unicode::is_space)
                .len();
        row += memchr::memchr_iter(b'\n', &source.as_bytes()[at..start]).count();
        at = start;
        if !name.is_empty() {
            starts.push((
                row,
                first_chars(strip(&source[name].replace('"', "")), 100).to_owned(),
            ));
        }
    }
    let mut definitions = Vec::with_capacity(starts.len());
    let following: Vec<usize> = starts
        .iter()
        .skip(1)
        .map(|(row, _)| *row)
        .chain([lines.len()])
        .collect();
    for ((first, name), following) in starts.into_iter().zip(following) {
        let mut last = following.saturating_sub(1);
        while last > first
            && (following < lines.len() || strip(lines.whole(last)).is_empty())
            && is_above_head(lines.whole(last))
        {
            last -= 1;
        }
        definitions.push(Definition {
            first,
            last,
            name,
            kind: "section".to_owned(),
            enclosing: None,
            signature: first_chars(strip(lines.whole(first)), 200).to_owned(),
            doc: doc(&lines, first, last),
        });
    }
    Outline {
        definitions,
        ..Outline::default()
    }
}

/// `_ABOVE_HEAD`: a blank line or a comment.
fn is_above_head(line: &str) -> bool {
    let text = strip(line);
    text.is_empty()
        || ["//", "/*", "*", "#", "--", ";"]
            .iter()
            .any(|mark| text.starts_with(mark))
}
