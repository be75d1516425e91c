//! Signature and first sentence of a definition. Twin of `groma._pure.summary`.
//!
//! The twin's regular expressions are scanners here: they run for every definition, and each says which of them it stands for.
//! Letters: a character beyond ASCII that is not white space counts as a word character in both cores, so that no Unicode table decides.

use std::borrow::Cow;

const LONGEST: usize = 200;
/// Lines of a definition in which its signature ends …
const HEAD_LINES: usize = 12;
/// … and lines above it in which its comment begins.
const COMMENT_LINES: usize = 150;
/// Characters that are read of a line: minified code puts thousands of definitions on one.
const COLUMNS: usize = 400;

/// What Python's `str.isspace` and `\s` mean.
pub(crate) fn is_space(c: char) -> bool {
    match c {
        '\t'..='\r' | '\x1c'..=' ' => true,
        '\0'..='\x7f' => false,
        '\u{85}'
        | '\u{a0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200a}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{202f}'
        | '\u{205f}'
        | '\u{3000}' => true,
        _ => false,
    }
}

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

// ------------------------------------------------------------------------------------------------------------------ signature

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
fn opens_attribute(line: &str) -> bool {
    if line.starts_with("#[") {
        return true;
    }
    line.strip_prefix('@').is_some_and(|rest| {
        let behind = rest.trim_start_matches(in_attribute);
        behind.len() < rest.len() && behind.starts_with('(')
    })
}

/// `_ATTRIBUTE` as the whole of a line: nothing but annotations, decorators or attributes.
fn is_attribute(line: &str) -> bool {
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

// ------------------------------------------------------------------------------------------------------------------------ doc

/// `_BLOCKS`: how a block comment ends and begins, and what may follow its beginning.
const BLOCKS: [(&str, &str, &[char]); 3] = [
    ("*/", "/*", &['!', '*', ' ']),
    ("-}", "{-", &['|', ' ']),
    ("]]", "--[[", &['=', '-', ' ']),
];

/// The first sentence of the comment above a definition, or of the docstring that opens its body; at most 200 characters.
pub fn doc(lines: &Lines, first: usize, last: usize) -> String {
    if is_heading(lines.at(first)) && last > first {
        return prose(&paragraph(lines, first + 1, last));
    }
    let above = prose(&above(lines, first));
    if above.is_empty() {
        prose(&inside(lines, first, last))
    } else {
        above
    }
}

/// `_HEADING`.
fn is_heading(line: &str) -> bool {
    let text = lstrip(line);
    if !text.starts_with('#') || line[..line.len() - text.len()].chars().count() > 3 {
        return false;
    }
    let behind = text.trim_start_matches('#');
    text.len() - behind.len() <= 6 && starts_with_space(behind)
}

/// `_HEREDOC`: the quotes and what stands behind them.
fn heredoc(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = word(lstrip(line).strip_prefix('@')?);
    if !matches!(name, "doc" | "moduledoc" | "typedoc" | "shortdoc") || !starts_with_space(rest) {
        return None;
    }
    let rest = lstrip(rest);
    let rest = rest
        .strip_prefix("~s")
        .or_else(|| rest.strip_prefix("~S"))
        .unwrap_or(rest);
    let quotes = rest.bytes().take(3).take_while(|&b| b == b'"').count();
    (quotes > 0).then(|| rest.split_at(quotes))
}

/// `_QUOTES`: the quotes and what stands behind them.
fn quotes(line: &str) -> Option<(&str, &str)> {
    let text = lstrip(line);
    let prefix = text
        .bytes()
        .take(2)
        .take_while(|b| b"rRuUbBfF".contains(b))
        .count();
    let text = &text[prefix..];
    let length = if text.starts_with("\"\"\"") || text.starts_with("'''") {
        3
    } else {
        usize::from(text.starts_with(['"', '\'']))
    };
    (length > 0).then(|| text.split_at(length))
}

/// The text of the comment that ends right above line `first`, without its markers; attributes may stand between.
fn above<'a>(lines: &Lines<'a>, first: usize) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    let floor = first.saturating_sub(COMMENT_LINES);
    // `i` is the line after the one in hand, so that it need not go below 0.
    let mut i = first;
    if i > floor + 1 && strip(lines.at(i - 1)).is_empty() && strip(lines.at(i - 2)) == "*/" {
        i -= 1; // some styles leave a blank line under a documentation block
    }
    while i > floor {
        i -= 1;
        let whole = lines.at(i);
        let line = strip(whole);
        if found.is_empty() {
            if let Some((_, open, also)) = BLOCKS.iter().find(|(close, _, _)| line.ends_with(close))
            {
                let Some(opening) = (floor..=i).rev().find(|&j| lines.at(j).contains(open)) else {
                    break;
                };
                if !lstrip(lines.at(opening)).starts_with(open) {
                    break; // the comment stands behind code
                }
                return block(lines, opening, i, open, also);
            }
            if line == "\"\"\"" {
                let opening = (floor..i).rev().find(|&j| lines.at(j).contains("\"\"\""));
                return match opening {
                    Some(j) if heredoc(lines.at(j)).is_some() => {
                        (j + 1..i).map(|k| lines.whole(k)).collect()
                    }
                    _ => Vec::new(),
                };
            }
        }
        if let Some((quotes, rest)) = heredoc(whole) {
            if quotes == "\"" {
                return vec![strip(rest).trim_end_matches('"')];
            }
            // What was found so far is in the order it was met: from below.
            return found;
        }
        if let Some(text) = comment(whole) {
            found.push(text);
        } else if !found.is_empty() || line.is_empty() {
            break;
        } else if !(line.starts_with('@') || is_attribute(line)) {
            let lowest = floor.max(i.saturating_sub(HEAD_LINES));
            let Some(opening) = (lowest..=i)
                .rev()
                .find(|&j| opens_attribute(strip(lines.at(j))))
            else {
                break;
            };
            if !line.ends_with([')', ']']) {
                break;
            }
            let (open, close) = (opening..=i)
                .map(|k| lines.whole(k))
                .fold((0, 0), |sum, x| {
                    (sum.0 + count(x, b'(', b'['), sum.1 + count(x, b')', b']'))
                });
            if open > close {
                break;
            }
            i = opening;
        }
    }
    found.reverse();
    found
}

/// The lines of a block comment without its marks.
fn block<'a>(
    lines: &Lines<'a>,
    opening: usize,
    closing: usize,
    open: &str,
    also: &[char],
) -> Vec<&'a str> {
    let mut inner: Vec<&str> = (opening..=closing).map(|j| strip(lines.at(j))).collect();
    let close = BLOCKS
        .iter()
        .find(|block| block.1 == open)
        .map_or("", |block| block.0);
    if let Some(text) = inner.last_mut() {
        *text = text.strip_suffix(close).unwrap_or(text);
    }
    if let Some(text) = inner.first_mut() {
        *text = text
            .strip_prefix(open)
            .unwrap_or(text)
            .trim_start_matches(also);
    }
    if open == "/*" {
        for text in &mut inner {
            let bare = strip(text);
            *text = strip(bare.strip_prefix('*').unwrap_or(bare));
        }
    }
    inner
}

/// `_COMMENT` as the whole of a line: the text of a line comment of any language, or of a line inside `/* … */`.
fn comment(line: &str) -> Option<&str> {
    let text = lstrip(line);
    let mark = text.chars().next()?;
    let run = text.len() - text.trim_start_matches(mark).len();
    let behind = &text[run.min(text.len())..];
    match mark {
        '/' => {
            // Two to four, then `!` or `<`, of which the last may belong to the text.
            if !(2..=4).contains(&run) {
                return None;
            }
            let marks = behind
                .bytes()
                .take_while(|b| matches!(b, b'!' | b'<'))
                .count();
            (0..=marks).rev().find_map(|k| text_behind(&behind[k..]))
        }
        '-' if run >= 2 => {
            let flagged = lstrip(behind);
            if flagged.starts_with(['|', '^']) && starts_with_space(&flagged[1..]) {
                return text_behind(&flagged[1..]);
            }
            let plain = if behind.starts_with('>') {
                None
            } else {
                text_behind(behind)
            };
            // The last of three dashes may belong to the text: `-->` is none, `--->` says `->`.
            plain.or_else(|| (run > 2).then(|| &text[run - 1..]))
        }
        ';' | '%' => text_behind(behind),
        '*' if !behind.starts_with('/') => text_behind(behind),
        '#' if !is_directive(behind) => text_behind(behind),
        _ => None,
    }
}

/// What a comment says behind its mark: after one white space, or at once where it begins like text.
fn text_behind(rest: &str) -> Option<&str> {
    match rest.chars().next() {
        None => Some(rest),
        Some(c) if is_space(c) => Some(&rest[c.len_utf8()..]),
        Some(c) if is_word(c) || "@`<\"'(|:-".contains(c) => Some(rest),
        Some(_) => None,
    }
}

/// What follows a `#` that begins no comment.
fn is_directive(rest: &str) -> bool {
    if rest.starts_with(['[', '!'])
        || after_word(
            rest,
            &[
                "if",
                "else",
                "error",
                "warning",
                "line",
                "import",
                "endregion",
                "region",
            ],
        )
        .is_some()
    {
        return true;
    }
    let spaced = lstrip(rest);
    after_word(
        spaced,
        &[
            "include", "define", "ifdef", "ifndef", "elif", "endif", "undef", "pragma",
        ],
    )
    .is_some()
        || (spaced.len() < rest.len() && rstrip(spaced) == "else")
}

/// The docstring that is the first statement of the body of lines `first`..=`last`, by paragraphs of lines.
fn inside<'a>(lines: &Lines<'a>, first: usize, last: usize) -> Vec<&'a str> {
    let end = (last + 1).min(first + HEAD_LINES);
    let mut i = first;
    let mut head = String::new();
    let mut open = 0;
    let mut closed = 0;
    while i < end {
        let line = lines.at(i);
        head.push_str(line);
        open += count(line, b'(', b'[');
        closed += count(line, b')', b']');
        i += 1;
        let text = rstrip(&head);
        if open <= closed && (text.ends_with([':', '{']) || text.ends_with(" do")) {
            break;
        }
    }
    while i < end && strip(lines.at(i)).is_empty() {
        i += 1;
    }
    if i >= end {
        return Vec::new();
    }
    let Some((quotes, rest)) = heredoc(lines.at(i)).or_else(|| quotes(lines.at(i))) else {
        return Vec::new();
    };
    if let Some((text, _)) = rest.split_once(quotes) {
        return vec![text];
    }
    if quotes.len() == 1 {
        return Vec::new();
    }
    let mut found = vec![rest];
    for j in i + 1..(last + 1).min(i + COMMENT_LINES) {
        let line = lines.at(j);
        if let Some((text, _)) = line.split_once(quotes) {
            found.push(text);
            break;
        }
        found.push(line);
    }
    found
}

/// The first paragraph of plain text in lines `first`..=`last`, before the next heading.
fn paragraph<'a>(lines: &Lines<'a>, first: usize, last: usize) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for i in first..(last + 1).min(first + HEAD_LINES) {
        let line = lines.at(i);
        let text = strip(line);
        if is_heading(line) || (!found.is_empty() && text.is_empty()) {
            break;
        }
        if text
            .chars()
            .next()
            .is_some_and(|c| !found.is_empty() || is_word(c) || "*`\"'(".contains(c))
        {
            found.push(text);
        }
    }
    found
}

/// The first sentence of the first paragraph of a comment that is more than a word.
fn prose(comment: &[&str]) -> String {
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
fn replace(line: &str, start: &str, read: fn(&str) -> Option<(&str, &str)>) -> String {
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
