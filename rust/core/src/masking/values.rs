//! What a value looks like: drawn by a machine, chosen as a password, or written as words.

use std::borrow::Cow;

use super::ends_line;
use super::pattern::Scratch;
use super::table::{Look, table};

pub(super) fn finds(look: Look, value: &str, scratch: &mut Scratch) -> bool {
    table().looks(look).search(value, 0, scratch).is_some()
}

/// Shannon entropy of the characters, in bits a character, to six decimals: so much every machine agrees about.
pub(super) fn entropy(value: &str) -> f64 {
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
pub(super) fn counts_up(value: &str) -> bool {
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
pub(super) fn is_wordy(value: &str) -> bool {
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
pub(super) fn base64_text(value: &str) -> Option<String> {
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
pub(super) fn unquote(value: &str) -> Cow<'_, str> {
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
pub(super) fn has_one_case(value: &str) -> bool {
    has_lower(value) != has_upper(value)
}

pub(super) fn is_hex(value: &str) -> bool {
    !value.is_empty()
        && (value
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            || value
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')))
}

pub(super) fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value.bytes().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether a value of at least 12 characters was drawn by a machine rather than written by a person.
pub(super) fn looks_random(value: &str, scratch: &mut Scratch) -> bool {
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
pub(super) fn looks_like_password(value: &str, scratch: &mut Scratch) -> bool {
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
