//! git's configuration files: their text as pairs of key and value.

use std::collections::HashMap;

/// git's settings: "section.name" or "section.subsection.name", lower case but for the subsection.
pub type Settings = HashMap<Vec<u8>, Vec<u8>>;

/// Without git's blanks at both ends.
pub(super) fn stripped(text: &[u8]) -> &[u8] {
    let begin = text
        .iter()
        .position(|&byte| !is_blank(byte))
        .unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|&byte| !is_blank(byte))
        .map_or(begin, |last| last + 1);
    &text[begin..end]
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// What git takes a setting's text for where it wants a yes or no; a setting that is not there is a no.
pub fn says_yes(settings: &Settings, key: &[u8]) -> bool {
    settings.get(key).is_some_and(|value| is_true(value))
}

pub fn is_true(value: &[u8]) -> bool {
    ![&b"false"[..], b"no", b"off", b"0", b""]
        .iter()
        .any(|no| value.eq_ignore_ascii_case(no))
}

/// The (key, value) pairs of a configuration file, in its order. A line git would refuse is passed over.
pub fn settings_of(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut clean = Vec::with_capacity(text.len() + 1);
    for (at, &byte) in text.iter().enumerate() {
        if byte != b'\r' || text.get(at + 1) != Some(&b'\n') {
            clean.push(byte);
        }
    }
    clean.push(b'\n');
    let text = &clean[..];
    let mut found = Vec::new();
    let mut section: Vec<u8> = Vec::new();
    let mut place = 0;
    loop {
        while let Some(&byte) = text.get(place) {
            match byte {
                b'#' | b';' => place = line_end(text, place),
                _ if is_blank(byte) => place += 1,
                _ => break,
            }
        }
        if place >= text.len() {
            return found;
        }
        if let Some((header, after)) = section_at(text, place) {
            section = header;
            place = after;
        } else if let Some((name, assigned, after)) =
            key_at(text, place).filter(|_| !section.is_empty())
        {
            let mut key = section.clone();
            key.push(b'.');
            key.extend(name.to_ascii_lowercase());
            place = after;
            let mut value = b"true".to_vec();
            if assigned {
                (value, place) = setting_value(text, place);
            }
            found.push((key, value));
        } else {
            place = line_end(text, place);
        }
    }
}

/// Where the line that `place` lies in ends; every line does.
fn line_end(text: &[u8], place: usize) -> usize {
    text[place..]
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or(text.len(), |at| place + at)
}

fn skip(text: &[u8], place: usize, wanted: impl Fn(u8) -> bool) -> usize {
    text[place..]
        .iter()
        .position(|&byte| !wanted(byte))
        .map_or(text.len(), |at| place + at)
}

/// `[section]` or `[section "subsection"]` at `place`, and where it ends.
fn section_at(text: &[u8], place: usize) -> Option<(Vec<u8>, usize)> {
    if text[place] != b'[' {
        return None;
    }
    let begin = skip(text, place + 1, is_blank);
    let end = skip(text, begin, |byte| {
        byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'
    });
    if begin == end {
        return None;
    }
    let mut name = text[begin..end].to_ascii_lowercase();
    let mut place = end;
    let quote = skip(text, end, |byte| byte == b' ' || byte == b'\t');
    if quote > end && text.get(quote) == Some(&b'"') {
        name.push(b'.');
        place = quote + 1;
        loop {
            match *text.get(place)? {
                b'"' => break,
                b'\n' => return None,
                b'\\' => {
                    place += 1;
                    match *text.get(place)? {
                        b'\n' => return None,
                        byte => name.push(byte),
                    }
                }
                byte => name.push(byte),
            }
            place += 1;
        }
        place += 1;
    }
    let close = skip(text, place, is_blank);
    (text.get(close) == Some(&b']')).then_some((name, close + 1))
}

/// A key at `place`, whether a value follows, and where that begins.
fn key_at(text: &[u8], place: usize) -> Option<(&[u8], bool, usize)> {
    if !text[place].is_ascii_alphabetic() {
        return None;
    }
    let end = skip(text, place, |byte| {
        byte.is_ascii_alphanumeric() || byte == b'-'
    });
    let after = skip(text, end, |byte| byte == b' ' || byte == b'\t');
    match text.get(after)? {
        b'=' => Some((&text[place..end], true, after + 1)),
        b'\n' | b'#' | b';' => Some((&text[place..end], false, after)),
        _ => None,
    }
}

/// What stands after `=`, quotes, escapes and continued lines resolved, comments dropped; and where it ends.
fn setting_value(text: &[u8], mut place: usize) -> (Vec<u8>, usize) {
    let mut value = Vec::new();
    let mut kept = 0; // length up to the last character that is not a blank outside of quotes
    let mut quoted = false;
    while text[place] != b'\n' {
        let byte = text[place];
        place += 1;
        match byte {
            b'"' => {
                quoted = !quoted;
                kept = value.len();
            }
            b'#' | b';' if !quoted => place = line_end(text, place),
            b'\\' => {
                if text[place] != b'\n' {
                    value.push(match text[place] {
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'b' => 8,
                        other => other,
                    });
                    kept = value.len();
                }
                place = (place + 1).min(text.len() - 1);
            }
            _ if quoted || !is_blank(byte) => {
                value.push(byte);
                kept = value.len();
            }
            _ if !value.is_empty() => value.push(byte),
            _ => {}
        }
    }
    value.truncate(kept);
    (value, place)
}
