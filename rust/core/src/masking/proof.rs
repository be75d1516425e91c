//! What a match must prove before it is taken for a credential.

use std::sync::LazyLock;

use super::pattern::{Found, Group, Pattern, Scratch, is_word};
use super::table::{Check, Look, Rule, table};
use super::values::{
    base64_text, counts_up, entropy, finds, has_one_case, is_hex, is_uuid, is_wordy,
    looks_like_password, looks_random, unquote,
};

pub(super) struct Match<'a> {
    pub(super) text: &'a str,
    pub(super) start: usize,
    pub(super) secret: (usize, usize),
    pub(super) found: Found,
}

impl Match<'_> {
    pub(super) fn is_credible(&self, rule: &Rule, scratch: &mut Scratch) -> bool {
        let secret = &self.text[self.secret.0..self.secret.1];
        let random = |scratch: &mut Scratch| {
            looks_random(secret, scratch)
                && (rule.entropy == 0.0 || entropy(secret) >= rule.entropy)
        };
        match rule.check {
            Check::Token => is_token(secret, rule.entropy, scratch),
            Check::Random => random(scratch),
            Check::Password => looks_like_password(&unquote(secret), scratch),
            Check::Basic => is_basic(secret, scratch),
            Check::Header => {
                let scheme = self
                    .found
                    .span(Group::Scheme)
                    .map_or("", |(start, end)| &self.text[start..end]);
                if scheme.eq_ignore_ascii_case("basic") {
                    is_basic(secret, scratch)
                } else {
                    random(scratch)
                }
            }
            Check::Connection => {
                looks_like_password(&unquote(secret), scratch) && self.is_in_connection(scratch)
            }
            Check::Assigned => {
                // `key` alone may be anything's; a long value of every kind of character is not a cache's or a table's.
                let is_key = secret.chars().take(32).count() == 32
                    && !has_one_case(secret)
                    && !is_uuid(secret);
                names_credential(self.name(), is_key, scratch) && random(scratch)
            }
            Check::Salt => entropy(secret) >= rule.entropy,
            Check::Key => false,
        }
    }

    /// Whether other fields of a connection string stand on the same line.
    fn is_in_connection(&self, scratch: &mut Scratch) -> bool {
        let beside = table().looks(Look::Connection);
        let (start, end) = self.secret;
        let before = self.text[..start]
            .char_indices()
            .rev()
            .take(240)
            .last()
            .map_or(start, |(at, _)| at);
        let line = &self.text[before..start];
        let line = &line[line.rfind('\n').map_or(0, |at| at + 1)..];
        if beside.search(line, 0, scratch).is_some() {
            return true;
        }
        let rest = &self.text[end..];
        let rest = &rest[..rest
            .char_indices()
            .nth(240)
            .map_or(rest.len(), |(at, _)| at)];
        let rest = &rest[..rest.find('\n').unwrap_or(rest.len())];
        beside.search(rest, 0, scratch).is_some()
    }

    /// The whole identifier that the matched name is a part of.
    fn name(&self) -> &str {
        let bytes = self.text.as_bytes();
        let in_name = |byte: &u8| is_word(*byte) || *byte == b'-' || *byte == b'$';
        let before = bytes[..self.start]
            .iter()
            .rev()
            .take(48)
            .take_while(|byte| in_name(byte))
            .count();
        let end = self
            .found
            .span(Group::Name)
            .map_or(self.start, |(_, end)| end);
        &self.text[self.start - before..end]
    }
}

/// A value whose shape alone says what it is.
fn is_token(secret: &str, least: f64, scratch: &mut Scratch) -> bool {
    let rest = secret.get(4..).unwrap_or("");
    if finds(Look::Placeholder, secret, scratch) || entropy(secret) < least || counts_up(rest) {
        return false;
    }
    // xoxb-not-a-real-one
    rest.bytes().any(|byte| byte.is_ascii_digit()) || !is_wordy(secret)
}

/// `user:password` in base64.
fn is_basic(secret: &str, scratch: &mut Scratch) -> bool {
    let Some(text) = base64_text(secret) else {
        return false;
    };
    text.split_once(':')
        .is_some_and(|(_, password)| looks_like_password(password, scratch))
}

/// Whether an identifier is called a credential; with `is_key` any kind of key will do.
fn names_credential(name: &str, is_key: bool, scratch: &mut Scratch) -> bool {
    let lower = name.to_ascii_lowercase();
    if finds(Look::OtherName, name, scratch) || finds(Look::OtherName, &lower, scratch) {
        return false;
    }
    finds(Look::CredentialName, name, scratch) || (is_key && lower.ends_with("key"))
}

fn compiled(source: &str) -> Pattern {
    Pattern::compile(source).unwrap_or_else(|why| panic!("{why}"))
}

/// A line of an armoured key; a header among them (`Proc-Type: …`) or a line break written out between them are none.
static KEY_PIECE: LazyLock<Pattern> = LazyLock::new(|| {
    compiled(r#"\\+[nrt]?|[A-Za-z][A-Za-z-]{2,20}: [^\n\\"']*|(?P<piece>[A-Za-z0-9+/=]{4,})"#)
});

/// The lines of an armoured key, in whatever quotes, indents and concatenations they stand.
///
/// Where the key has no end, they go up to the first other text.
pub(super) fn key_lines(key: &Match, least: f64) -> Vec<(usize, usize)> {
    let (start, end) = key.secret;
    let text = &key.text[..end];
    let mut scratch = Scratch::default();
    let mut pieces = Vec::new();
    let mut at = start;
    while let Some(found) = KEY_PIECE.search(text, at, &mut scratch) {
        pieces.extend(found.span(Group::Piece));
        at = found.end();
    }
    if key.found.span(Group::End).is_none() {
        let mut before = start;
        let whole = pieces.iter().position(|&(first, last)| {
            let gap = &text[std::mem::replace(&mut before, last)..first];
            last - first < 16 || has_other_text(gap)
        });
        pieces.truncate(whole.unwrap_or(pieces.len()));
    }
    // Code that joins a header and a footer to something has words between them, not lines of a key.
    let size = |pieces: &mut dyn Iterator<Item = &(usize, usize)>| {
        pieces.map(|(first, last)| last - first).sum::<usize>()
    };
    let is_line = |piece: &&(usize, usize)| piece.1 - piece.0 >= 24;
    let in_lines = size(&mut pieces.iter().filter(is_line));
    if in_lines == 0 || (in_lines as f64) < 0.6 * size(&mut pieces.iter()) as f64 {
        return Vec::new();
    }
    let real = pieces
        .iter()
        .filter(is_line)
        .map(|&(first, last)| &text[first..last])
        .any(|value| entropy(value) >= least && (is_hex(value) || !is_wordy(value)));
    if real { pieces } else { Vec::new() }
}

/// Whether anything but marks, spaces and line breaks written out stands there.
fn has_other_text(gap: &str) -> bool {
    let mut written_out = false;
    gap.bytes().any(|byte| {
        let other = (byte.is_ascii_alphanumeric()
            && !(written_out && matches!(byte, b'n' | b'r' | b't')))
            || !byte.is_ascii();
        written_out = byte == b'\\';
        other
    })
}
