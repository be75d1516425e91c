//! The comment above a definition, or the docstring that opens its body, without its marks.

use super::prose::prose;
use super::signature::{is_attribute, opens_attribute};
use super::{
    COMMENT_LINES, HEAD_LINES, Lines, after_word, count, is_heading, is_space, is_word, lstrip,
    rstrip, starts_with_space, strip, word,
};

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
                        (j + 1..i).map(|k| lines.at(k)).collect()
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
            let (open, close) = (opening..=i).map(|k| lines.at(k)).fold((0, 0), |sum, x| {
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
