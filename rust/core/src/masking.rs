//! Find and mask credentials. Twin of `groma._pure.masking`, where the why is told.

mod pattern;
mod table;

use pattern::{Found, Group, Pattern, Scratch, is_word};
use std::borrow::Cow;
use std::sync::LazyLock;
use table::{Alone, Check, Look, Rule, table};

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

// --------------------------------------------------------------------------------------------------------------------
// What a match must prove

struct Match<'a> {
    text: &'a str,
    start: usize,
    secret: (usize, usize),
    found: Found,
}

impl Match<'_> {
    fn is_credible(&self, rule: &Rule, scratch: &mut Scratch) -> bool {
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
fn key_lines(key: &Match, least: f64) -> Vec<(usize, usize)> {
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

// --------------------------------------------------------------------------------------------------------------------
// What a value looks like

fn finds(look: Look, value: &str, scratch: &mut Scratch) -> bool {
    table().looks(look).search(value, 0, scratch).is_some()
}

/// Shannon entropy of the characters, in bits a character, to six decimals: so much every machine agrees about.
fn entropy(value: &str) -> f64 {
    let mut ascii = [0u32; 128];
    let mut others = std::collections::HashMap::new();
    let mut size = 0u32;
    for c in value.chars() {
        size += 1;
        match ascii.get_mut(c as usize) {
            Some(count) => *count += 1,
            None => *others.entry(c).or_insert(0) += 1,
        }
    }
    let counts = ascii
        .into_iter()
        .chain(others.into_values())
        .filter(|&count| count > 1)
        .map(f64::from);
    let repeated: f64 = counts.map(|count| count * count.log2()).sum();
    let size = f64::from(size);
    ((size.log2() - repeated / size) * 1e6 + 0.5).floor() / 1e6
}

/// Whether most letters, or most digits, follow their neighbour by one: `abcdef`, `a1b2c3d4`, `9876543210`.
fn counts_up(value: &str) -> bool {
    let most = |of: fn(&u8) -> bool| {
        let (mut up, mut down, mut steps) = (0, 0, 0);
        let mut last: Option<u8> = None;
        for byte in value
            .bytes()
            .filter(of)
            .map(|byte| byte.to_ascii_lowercase())
        {
            if let Some(last) = last {
                steps += 1;
                up += usize::from(byte == last + 1);
                down += usize::from(byte + 1 == last);
            }
            last = Some(byte);
        }
        steps >= 5 && up.max(down) * 2 > steps
    };
    most(u8::is_ascii_alphabetic) || most(u8::is_ascii_digit)
}

/// Whether the letters stand together as those of words and identifiers do.
fn is_wordy(value: &str) -> bool {
    let bytes = value.as_bytes();
    let (mut parts, mut characters, mut pairs, mut known) = (0, 0, 0, 0);
    let mut at = 0;
    while at < bytes.len() {
        let run = |from: usize, of: fn(&u8) -> bool| {
            bytes[from..].iter().take_while(|byte| of(byte)).count()
        };
        let capitals = run(at, u8::is_ascii_uppercase);
        // `Word`, `word`, `WORD` or `42`
        let size = match capitals {
            0 => run(at, u8::is_ascii_lowercase),
            1 => 1 + run(at + 1, u8::is_ascii_lowercase),
            _ => capitals,
        };
        let part = if size > 0 {
            size
        } else {
            run(at, u8::is_ascii_digit)
        };
        if part == 0 {
            at += 1;
            continue;
        }
        parts += 1;
        characters += part;
        if size > 0 {
            pairs += size - 1;
            known += bytes[at..at + size]
                .windows(2)
                .filter(|pair| table().is_word_pair(pair[0], pair[1]))
                .count();
        }
        at += part;
    }
    if pairs < 3 {
        characters > 4 * parts
    } else {
        known as f64 >= 0.6 * pairs as f64
    }
}

/// The printable ASCII text that a value is the base64 of, if it is one.
fn base64_text(value: &str) -> Option<String> {
    let body = value.trim_end_matches('=');
    let padding = (4 - body.len() % 4) % 4;
    if body.is_empty() || padding == 3 || value.len() - body.len() > padding {
        return None;
    }
    let mut text = String::with_capacity(body.len() * 3 / 4);
    let (mut bits, mut held) = (0u32, 0);
    for byte in body.bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            let byte = (bits >> held) as u8;
            if !(b' '..=b'~').contains(&byte) {
                return None;
            }
            text.push(char::from(byte));
        }
    }
    Some(text)
}

/// What `%41` and its like in a URL stand for.
fn unquote(value: &str) -> Cow<'_, str> {
    let bytes = value.as_bytes();
    if !bytes.contains(&b'%') {
        return Cow::Borrowed(value);
    }
    let hex = |at: usize| {
        bytes
            .get(at)
            .and_then(|&byte| char::from(byte).to_digit(16))
    };
    let mut text = String::with_capacity(value.len());
    // As Python decodes: each stretch of ASCII by itself.
    let mut run: Vec<u8> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                run.push((high << 4 | low) as u8);
                at += 3;
            }
            (0..0x80, ..) => {
                run.push(bytes[at]);
                at += 1;
            }
            _ => {
                text.push_str(&String::from_utf8_lossy(&run));
                run.clear();
                let size = value[at..].chars().next().map_or(1, char::len_utf8);
                text.push_str(&value[at..at + size]);
                at += size;
            }
        }
    }
    text.push_str(&String::from_utf8_lossy(&run));
    Cow::Owned(text)
}

fn has_lower(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_lowercase())
}

fn has_upper(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether its letters, one at least, are all capitals or none is one.
fn has_one_case(value: &str) -> bool {
    has_lower(value) != has_upper(value)
}

fn is_hex(value: &str) -> bool {
    !value.is_empty()
        && (value
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            || value
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')))
}

fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether a value of at least 12 characters was drawn by a machine rather than written by a person.
fn looks_random(value: &str, scratch: &mut Scratch) -> bool {
    let size = value.len();
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    let printable = value.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !printable || size < 12 || letters < 3 || ((digits + letters) as f64) < 0.7 * size as f64 {
        return false;
    }
    let least = if digits > 0 { 16 } else { 20 };
    if digits < 2 && (size < least || has_one_case(value)) {
        return false;
    }
    let written = [Look::Placeholder, Look::MadeUp, Look::FileOrHost];
    if written.into_iter().any(|look| finds(look, value, scratch)) || counts_up(value) {
        return false;
    }
    if is_hex(value) || is_uuid(value) {
        return size >= 16 && digits >= 3 && entropy(value) >= 2.9;
    }
    let least = if size < 20 { 3.0 } else { 3.4 };
    if entropy(value) < least || is_wordy(value) {
        return false;
    }
    base64_text(value).is_none_or(|text| looks_like_password(&text, scratch))
}

/// Whether the value in a password's own place is a real one: not a word, a variable or a placeholder.
fn looks_like_password(value: &str, scratch: &mut Scratch) -> bool {
    let unfit = |c: char| c < ' ' || c == '\x7f' || ends_line(c);
    if value.chars().take(8).count() < 8
        || value.chars().any(unfit)
        || finds(Look::Placeholder, value, scratch)
        || finds(Look::MadeUp, value, scratch)
        || counts_up(value)
        || entropy(value) < 2.3
    {
        return false;
    }
    let bytes = value.as_bytes();
    if b"$%{[@:".contains(&bytes[0]) || bytes.iter().any(|byte| matches!(byte, b'{' | b'}')) {
        return false;
    }
    let (lower, upper) = (has_lower(value), has_upper(value));
    if bytes
        .iter()
        .any(|byte| byte.is_ascii_digit() || b"!#^&*+".contains(byte))
    {
        return lower || upper || !value.is_ascii();
    }
    lower && upper && !is_wordy(value)
}
