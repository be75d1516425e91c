//! One line of a rule file as a pattern, and the patterns of a file.

use std::sync::Arc;

use super::glob::Glob;

/// One line of a rule file. `by_name` patterns see an entry's name, the others its path below the rule file's folder.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub line: usize,
    pub text: Vec<u8>,
    pub negated: bool,
    folders_only: bool,
    pub(super) by_name: bool,
    pub(super) matcher: Matcher,
}

impl Pattern {
    pub(super) fn matches(&self, name: &[u8], path: &[u8], is_folder: bool) -> bool {
        (is_folder || !self.folders_only)
            && self.matcher.matches(if self.by_name { name } else { path })
    }
}

/// Nearly all real patterns are a plain name or have one `*`.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    Whole(Vec<u8>),
    /// `start*end`; the star stands for slashes too if it `crosses` (or sees names, which have none).
    OneStar {
        start: Vec<u8>,
        end: Vec<u8>,
        crosses: bool,
    },
    Glob {
        start: Vec<u8>,
        glob: Glob,
    },
}

impl Matcher {
    pub(super) fn matches(&self, text: &[u8]) -> bool {
        match self {
            Matcher::Whole(whole) => text == &whole[..],
            Matcher::OneStar {
                start,
                end,
                crosses,
            } => {
                text.len() >= start.len() + end.len()
                    && text.starts_with(start)
                    && text.ends_with(end)
                    && (*crosses || !text[start.len()..text.len() - end.len()].contains(&b'/'))
            }
            Matcher::Glob { start, glob } => text
                .strip_prefix(&start[..])
                .is_some_and(|rest| glob.matches(rest)),
        }
    }
}

/// The patterns of one rule file, the last line first.
pub type Patterns = Arc<[Pattern]>;

/// The patterns of a rule file's bytes. With `fold` (core.ignoreCase) they want names and paths in lower case.
pub fn compile_patterns(data: &[u8], fold: bool) -> Patterns {
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let mut patterns: Vec<Pattern> = Vec::new();
    for (number, line) in data.split(|&byte| byte == b'\n').enumerate() {
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
        patterns.extend(compile(trimmed(line), number + 1, fold));
    }
    patterns.reverse();
    patterns.into()
}

/// The pattern that decides about an entry; `path` is relative to the rule file's folder.
pub fn last_match<'a>(
    patterns: &'a [Pattern],
    name: &[u8],
    path: &[u8],
    is_folder: bool,
) -> Option<&'a Pattern> {
    patterns
        .iter()
        .find(|pattern| pattern.matches(name, path, is_folder))
}

/// `line` without its trailing blanks, but for one that a backslash protects.
fn trimmed(line: &[u8]) -> &[u8] {
    let count = |line: &[u8], byte: u8| {
        line.iter()
            .rev()
            .take_while(|&&other| other == byte)
            .count()
    };
    let kept = line.len() - count(line, b' ');
    let protects = count(&line[..kept], b'\\') % 2 == 1;
    &line[..(kept + usize::from(protects)).min(line.len())]
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[' | b'\\')
}

/// One line as a pattern; None if it can match nothing.
fn compile(text: &[u8], line: usize, fold: bool) -> Option<Pattern> {
    let negated = text.starts_with(b"!");
    let body = if negated { &text[1..] } else { text };
    let folders_only = body.ends_with(b"/");
    let body = body.strip_suffix(b"/").unwrap_or(body);
    let mut by_name = !body.contains(&b'/');
    let mut body = body.strip_prefix(b"/").unwrap_or(body);
    if !by_name {
        // "**/name" is "name", said longer
        let stars = body.iter().take_while(|&&byte| byte == b'*').count();
        if stars > 1
            && let Some(name) = body[stars..].strip_prefix(b"/")
            && !name.contains(&b'/')
        {
            by_name = true;
            body = name;
        }
    }
    if body.is_empty() {
        return None;
    }
    let folded = |text: &[u8]| {
        if fold {
            text.to_ascii_lowercase()
        } else {
            text.to_vec()
        }
    };
    let special = body
        .iter()
        .position(|&byte| is_special(byte))
        .unwrap_or(body.len());
    let start = folded(&body[..special]);
    let rest = &body[special..];
    let stars = rest.iter().take_while(|&&byte| byte == b'*').count();
    let end = &rest[stars..];
    let matcher = if rest.is_empty() {
        Matcher::Whole(start)
    } else if stars > 0
        && !end.iter().any(|&byte| is_special(byte))
        && (by_name || stars == 1 || !end.starts_with(b"/"))
    {
        let crosses = by_name || (stars > 1 && end.is_empty());
        Matcher::OneStar {
            start,
            end: folded(end),
            crosses,
        }
    } else {
        Matcher::Glob {
            start,
            glob: Glob::compile(rest, !by_name, fold)?,
        }
    };
    Some(Pattern {
        line,
        text: text.to_vec(),
        negated,
        folders_only,
        by_name,
        matcher,
    })
}
