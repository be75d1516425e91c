//! The first sentence of a comment, without markup, rules and tags.

use std::borrow::Cow;

use super::{
    LONGEST, after_word, first_chars, is_space, is_word, lstrip, rstrip, squeeze,
    starts_with_space, strip, word,
};

/// The first sentence of the first paragraph of a comment that is more than a word.
pub(super) fn prose(comment: &[&str]) -> String {
    let mut paragraph: Vec<Cow<'_, str>> = Vec::new();
    for &line in comment.iter().chain([&""]) {
        let line = if is_noise(line) { "" } else { line };
        let ends = is_tag(line);
        if ends || strip(line).is_empty() {
            if ends
                || paragraph.len() > 1
                || paragraph
                    .first()
                    .is_some_and(|only| strip(only).contains(' '))
            {
                break;
            }
            paragraph.clear();
            continue;
        }
        let line = if line.contains(['<', '@', '\\']) {
            without_markup(line)
        } else {
            Cow::Borrowed(line)
        };
        if !strip(&line).is_empty() {
            paragraph.push(line);
        }
    }
    let mut text = String::new();
    for line in &paragraph {
        squeeze(line, &mut text);
    }
    if let Some(end) = sentence_end(&text) {
        text.truncate(end);
    }
    if text.contains(' ') {
        strip(first_chars(&text, LONGEST)).to_owned()
    } else {
        String::new()
    }
}

/// `_NOISE`: lines for machines, rules and licences.
fn is_noise(line: &str) -> bool {
    let text = strip(line);
    let Some(start) = text.chars().next() else {
        return false;
    };
    let bytes = text.as_bytes();
    if bytes.len() >= 5
        && bytes[bytes.len() - 5..]
            .iter()
            .all(|b| b"-=*_#~".contains(b))
    {
        return true;
    }
    if bytes.len() >= 3 && bytes.iter().all(|b| b"-=*_#/~+.<>^%".contains(b)) {
        return true;
    }
    let marks: &[&str] = match start {
        'e' => &["eslint"],
        'p' => &["prettier", "pylint", "pragma", "phpcs"],
        'i' => &["istanbul"],
        'j' => &["jshint"],
        't' => &["tslint"],
        '@' => &["@ts-", "@codeCoverageIgnore"],
        'n' => &["noqa", "nolint"],
        'm' => &["mypy:"],
        'f' => &["fmt:"],
        'N' => &["NOLINT"],
        'g' => &["go:"],
        '+' => &["+build"],
        'c' => &["clang-format", "codeCoverageIgnore"],
        '(' => &["(c)"],
        '©' => &["©"],
        'r' => &["rubocop"],
        's' => &["shellcheck", "swiftlint"],
        'k' => &["ktlint"],
        '$' => &["$FlowFixMe"],
        _ => &[],
    };
    if marks.iter().any(|mark| text.starts_with(mark)) {
        return true;
    }
    // `type:` asks for white space behind it, which may be the end of the stripped line.
    if lstrip(line)
        .strip_prefix("type:")
        .is_some_and(starts_with_space)
        || after_word(text, &["Copyright", "SPDX", "Licensed"]).is_some()
    {
        return true;
    }
    // [\w-]+-(?:ignore|disable|enable)
    let run = &text[..text
        .find(|c| !(is_word(c) || c == '-'))
        .unwrap_or(text.len())];
    run.char_indices().skip(1).any(|(at, c)| {
        c == '-'
            && ["ignore", "disable", "enable"]
                .iter()
                .any(|x| run[at + 1..].starts_with(x))
    })
}

/// `_TAG`: where the prose of a comment ends: `@param`, `:param x:`, `Args:`, a rule, a code block.
fn is_tag(line: &str) -> bool {
    let text = lstrip(line);
    let Some(start) = text.chars().next() else {
        return false;
    };
    match start {
        '@' | '\\' => {
            let (name, _) = word(&text[1..]);
            !name.is_empty() && !SUMMARY_TAGS.contains(&name)
        }
        ':' => {
            let (name, rest) = word(&text[1..]);
            FIELDS.contains(&name) && rest.contains(':')
        }
        'A' | 'P' | 'R' | 'Y' | 'E' => {
            let text = rstrip(text);
            SECTIONS.contains(&text.strip_suffix(':').map_or(text, rstrip))
        }
        '-' | '=' => text[1..].starts_with(start),
        '*' => text.starts_with("***"),
        '`' => text.starts_with("```"),
        '~' => text.starts_with("~~~"),
        _ => false,
    }
}

const SUMMARY_TAGS: [&str; 5] = ["brief", "summary", "short", "desc", "description"];
const FIELDS: [&str; 16] = [
    "param", "type", "return", "returns", "rtype", "raise", "raises", "arg", "key", "keyword",
    "var", "ivar", "cvar", "yield", "yields", "meta",
];
const SECTIONS: [&str; 10] = [
    "Args",
    "Arguments",
    "Parameters",
    "Params",
    "Return",
    "Returns",
    "Raises",
    "Yields",
    "Example",
    "Examples",
];
const ELEMENTS: [&str; 18] = [
    "summary",
    "remarks",
    "para",
    "returns",
    "value",
    "inheritdoc",
    "p",
    "b",
    "i",
    "em",
    "tt",
    "code",
    "c",
    "br",
    "strong",
    "ul",
    "li",
    "pre",
];

/// `_MARKUP`, one after the other.
fn without_markup(line: &str) -> Cow<'_, str> {
    let mut line = Cow::Borrowed(line);
    for (start, read) in [
        ("<", reference as fn(&str) -> Option<(&str, &str)>),
        ("{@", inline_tag),
        ("<", element),
    ] {
        if line.contains(start) {
            line = Cow::Owned(replace(&line, start, read));
        }
    }
    let text = lstrip(&line);
    if let Some(rest) = text.strip_prefix(['@', '\\']) {
        let (name, rest) = word(rest);
        if SUMMARY_TAGS.contains(&name) && starts_with_space(rest) {
            return Cow::Owned(lstrip(rest).to_owned());
        }
    }
    line
}

/// `line` with what `read` finds at each `start` in place of it; `read` gives that and the rest of the line.
pub(super) fn replace(line: &str, start: &str, read: fn(&str) -> Option<(&str, &str)>) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(start) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some((text, behind)) = read(rest) {
            kept.push_str(text);
            rest = behind;
        } else {
            kept.push_str(start);
            rest = &rest[start.len()..];
        }
    }
    kept.push_str(rest);
    kept
}

/// `<see cref="T:Name" />`
fn reference(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = word(&text[1..]);
    if !["see", "paramref", "typeparamref"]
        .iter()
        .any(|x| name.starts_with(x))
        || !starts_with_space(rest)
    {
        return None;
    }
    let (attribute, rest) = word(lstrip(rest));
    let rest = rest.strip_prefix("=\"").filter(|_| !attribute.is_empty())?;
    let (value, rest) = rest.split_once('"')?;
    let rest = lstrip(rest).strip_prefix("/>")?;
    let mut letters = value.chars();
    let prefixed = letters.next().is_some_and(is_word) && letters.next() == Some(':');
    Some((if prefixed { letters.as_str() } else { value }, rest))
}

/// `{@link Name}`
fn inline_tag(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = word(&text[2..]);
    if name.is_empty() || !starts_with_space(rest) {
        return None;
    }
    let rest = lstrip(rest);
    let end = rest.find(['{', '}'])?;
    rest[end..]
        .starts_with('}')
        .then(|| (&rest[..end], &rest[end + 1..]))
}

/// `<p>`, `</summary>`
fn element(text: &str) -> Option<(&str, &str)> {
    let inner = &text[1..];
    let (name, rest) = word(inner.strip_prefix('/').unwrap_or(inner));
    let heading = matches!(name.as_bytes(), [b'h', b'0'..=b'9']);
    if !heading && !ELEMENTS.contains(&name) {
        return None;
    }
    rest.split_once('>').map(|(_, behind)| ("", behind))
}

/// `_SENTENCE`: the end of the first sentence of a text with single blanks.
fn sentence_end(text: &str) -> Option<usize> {
    for (at, mark) in text.match_indices(['.', '!', '?', '。']) {
        let end = at + mark.len();
        let mut behind = text[end..].chars();
        let ends = match behind.next() {
            None => true,
            Some(c) => is_space(c) && behind.next().is_some_and(|c| !c.is_ascii_lowercase()),
        };
        if ends && !is_abbreviation(&text[..at]) {
            return Some(end);
        }
    }
    None
}

/// Does `before` end in an initial, or in `e.g`, `i.e`, `vs`, `etc`?
fn is_abbreviation(before: &str) -> bool {
    let mut back = before.chars().rev();
    if back.next().is_some_and(|c| c.is_ascii_alphabetic())
        && back.next().is_some_and(|c| c == '.' || is_space(c))
    {
        return true;
    }
    let ends = |word: &str| {
        before
            .strip_suffix(word)
            .is_some_and(|rest| !rest.chars().next_back().is_some_and(is_word))
    };
    ["e.g", "i.e"].iter().any(|x| ends(x)) || ends("vs") || ends("etc")
}
