//! The head of a definition on one line, and the annotations above it.

use std::borrow::Cow;

use super::prose::replace;
use super::{
    HEAD_LINES, LONGEST, Lines, after_word, balanced, count, first_chars, is_heading, is_space,
    is_word, lstrip, rstrip, squeeze, starts_with_space, strip,
};

/// The head of the definition of `name` in lines `first`..=`last` on one line: without annotations above it and without its body.
pub fn signature(lines: &Lines, first: usize, last: usize, name: &str) -> String {
    let whole = lines.whole(first);
    if is_heading(whole) {
        return first_chars(strip(lines.at(first)), LONGEST).to_owned();
    }
    let wanted = first_chars(name, 40);
    let mut head = head_of(lines, first, last, wanted);
    if !head.contains(wanted) {
        if lines.at(first).len() < whole.len() {
            return name.to_owned(); // far out on a line of minified code
        }
        head = head_of(lines, first, last, ""); // a name that stands elsewhere, such as that of the class for its constructor
    }
    let mut line = String::with_capacity(head.len());
    squeeze(&head, &mut line);
    let line = replace(&line, ",", |text| {
        let rest = text[1..].trim_start_matches(' ');
        rest.starts_with(')').then_some(("", rest))
    });
    let mut head = line.trim_end_matches(['{', '[', ':', '=', ';', ',', ' ']);
    for suffix in ["=>", " do", " where"] {
        head = head.strip_suffix(suffix).unwrap_or(head);
    }
    let head = without_callback(head.trim_end_matches(['=', ' ']));
    rstrip(first_chars(head, LONGEST)).to_owned()
}

/// `_CALLBACK`: the head of the function that a call is given, behind a comma: `it("works", () => {` is shown as `it("works"`.
fn without_callback(head: &str) -> &str {
    let found = || {
        let inner = head.strip_suffix(')')?.trim_end_matches(is_word);
        let mut before = rstrip(inner.strip_suffix('(')?);
        for keyword in ["function", "async"] {
            before = before.strip_suffix(keyword).map_or(before, rstrip);
        }
        before.strip_suffix(',')
    };
    found().unwrap_or(head)
}

/// `_head`: the lines from the first that is no annotation up to the one where the body begins, at least as far as `wanted`.
fn head_of(lines: &Lines, first: usize, last: usize, wanted: &str) -> String {
    let end = (last + 1).min(first + HEAD_LINES);
    let mut head = String::new();
    let mut length = 0; // in characters
    let mut i = below_attributes(lines, first, end);
    while i < end && length <= LONGEST {
        let without = without_remarks(strip(lines.at(i)));
        let line = without.trim_end_matches(['\\', ' ']);
        i += 1;
        let Some(start) = line.chars().next() else {
            continue;
        };
        if !head.is_empty() && !head.ends_with('(') && !matches!(start, ')' | ',' | ';') {
            head.push(' ');
            length += 1;
        }
        head.push_str(line);
        length += line.chars().count();
        if !head.contains(wanted) {
            continue; // a return type or `template <…>` on a line of its own
        }
        let open_brackets = count(&head, b'(', b'(') > count(&head, b')', b')');
        if line.ends_with('{') && (!open_brackets || begins_body(line)) {
            break;
        }
        if open_brackets {
            continue;
        }
        let following = if i < end { strip(lines.at(i)) } else { "" };
        let goes_on = continues(following) || (following.starts_with(": ") && !head.contains('('));
        if line.ends_with(" do") || line.ends_with(';') || !goes_on {
            break;
        }
    }
    head
}

/// `_REMARK`: a line without the comments within or behind it.
fn without_remarks(line: &str) -> Cow<'_, str> {
    if !["/*", "//", "#", "--"]
        .iter()
        .any(|mark| line.contains(mark))
    {
        return Cow::Borrowed(line);
    }
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if (c == '/' || is_space(c))
            && let Some(close) = lstrip(rest)
                .strip_prefix("/*")
                .and_then(|inner| inner.split_once("*/"))
        {
            rest = close.1;
            continue;
        }
        if is_space(c) {
            let behind = &rest[c.len_utf8()..];
            if ["//", "#", "--"]
                .iter()
                .any(|mark| behind.strip_prefix(mark).is_some_and(starts_with_space))
            {
                break;
            }
        }
        kept.push(c);
        rest = &rest[c.len_utf8()..];
    }
    Cow::Owned(kept)
}

/// `_BODY` on a line that ends in `{`.
fn begins_body(line: &str) -> bool {
    let opener = |text: &str| {
        let text = rstrip(text);
        text.ends_with("=>")
            || text.ends_with(')')
            || text
                .strip_suffix("do")
                .is_some_and(|before| !before.chars().next_back().is_some_and(is_word))
    };
    let before = line.strip_suffix('{').unwrap_or(line);
    if opener(before) {
        return true;
    }
    rstrip(before)
        .strip_suffix('|')
        .and_then(|inner| inner.rsplit_once('|'))
        .is_some_and(|(before, _)| opener(before))
}

/// `_CONTINUES`: how the second line of a head begins when the first looks complete.
fn continues(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'-') => text.starts_with("->"),
        Some(b'=') => text.starts_with("=>") || starts_with_space(&text[1..]),
        Some(b'&') => starts_with_space(text[1..].strip_prefix('&').unwrap_or(&text[1..])),
        Some(b'|') => starts_with_space(&text[1..]),
        Some(b'e' | b'i' | b'p' | b't' | b'w') => after_word(
            text,
            &[
                "extends",
                "implements",
                "permits",
                "throws",
                "where",
                "when",
                "with",
            ],
        )
        .is_some(),
        _ => false,
    }
}

/// The line after the annotations with which lines `first`.. begin; `first` itself where there is nothing else.
fn below_attributes(lines: &Lines, first: usize, end: usize) -> usize {
    let mut i = first;
    while i < end {
        let line = strip(lines.at(i));
        if opens_attribute(line) && !balanced(line) {
            let mut whole = line.to_owned();
            while i < end && !balanced(&whole) {
                i += 1;
                if i < end {
                    whole.push_str(lines.at(i));
                }
            }
            if !is_attribute(strip(&whole)) {
                break;
            }
        } else if !line.is_empty() && !is_attribute(line) {
            return i;
        }
        i += 1;
    }
    first
}

fn in_attribute(c: char) -> bool {
    is_word(c) || c == '.' || c == ':'
}

/// `_OPEN_ATTRIBUTE` at the start of a line.
pub(super) fn opens_attribute(line: &str) -> bool {
    if line.starts_with("#[") {
        return true;
    }
    line.strip_prefix('@').is_some_and(|rest| {
        let behind = rest.trim_start_matches(in_attribute);
        behind.len() < rest.len() && behind.starts_with('(')
    })
}

/// `_ATTRIBUTE` as the whole of a line: nothing but annotations, decorators or attributes.
pub(super) fn is_attribute(line: &str) -> bool {
    let bracketed = line.strip_prefix('#').unwrap_or(line);
    let bracketed = bracketed.strip_prefix('!').unwrap_or(bracketed);
    if bracketed.starts_with('[') {
        return bracketed.len() > 1 && bracketed.ends_with(']');
    }
    if !line.starts_with('@') {
        return false;
    }
    let text = line;
    // Without brackets there is one way to read it. Arguments end at any later `)` behind which it reads on to the end.
    match read_attributes(text) {
        Read::All => true,
        Read::Nothing => false,
        Read::Arguments(from) => from.rmatch_indices(')').any(|(close, _)| {
            let rest = lstrip(&from[close + 1..]);
            rest.is_empty() || (rest.starts_with('@') && matches!(read_attributes(rest), Read::All))
        }),
    }
}

enum Read<'a> {
    All,
    Nothing,
    Arguments(&'a str),
}

/// Annotations without arguments up to the end, or to the first `(`.
fn read_attributes(mut text: &str) -> Read<'_> {
    while !text.is_empty() {
        let Some(rest) = text.strip_prefix('@') else {
            return Read::Nothing;
        };
        let behind = rest.trim_start_matches(in_attribute);
        if behind.len() == rest.len() {
            return Read::Nothing;
        }
        if behind.starts_with('(') {
            return Read::Arguments(behind);
        }
        text = lstrip(behind);
    }
    Read::All
}
