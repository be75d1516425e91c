//! Cut a text into chunks along its definitions. Twin of `groma._pure.chunk`.

use std::ops::Range;

use crate::parse::{Definition, is_function, is_symbol_only};
use crate::unicode::is_space;

/// Names the cuts; the same as the twin's.
pub const VERSION: u32 = 1;

const SPLIT_OVER: usize = 1800;
const SPLIT_NEAR: usize = 1440;
const MERGE_UNDER: usize = 350;
const MERGE_TO: usize = 1080;
const COMMENT_LINES: usize = 40;

/// Lines `first`..=`last` (from 0) with the definitions that begin in them and the innermost type around their first line.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    pub first: usize,
    pub last: usize,
    pub definitions: Range<usize>,
    pub enclosing: Option<String>,
}

/// The chunks of a text given as `lines` (no newlines). Blank chunks are left out.
///
/// `definitions` of a chunk are a run of the definitions given (they come in source order).
pub fn chunks(lines: &[&str], definitions: &[Definition]) -> Vec<Chunk> {
    let mut offsets = Vec::with_capacity(lines.len() + 1);
    let mut offset = 0;
    offsets.push(0);
    for line in lines {
        offset += characters(line) + 1;
        offsets.push(offset);
    }
    let pieces = merge(&split(&cuts(lines, definitions), lines, &offsets), &offsets);
    let holders: Vec<&Definition> = definitions
        .iter()
        .filter(|d| !is_symbol_only(&d.kind) && !is_function(&d.kind) && d.last > d.first)
        .collect();
    let mut around: Vec<&Definition> = Vec::new(); // nested, outermost first
    let mut entered = 0;
    let mut given = 0;
    let mut found = Vec::with_capacity(pieces.len());
    for (i, &(first, end)) in pieces.iter().enumerate() {
        let begun = given;
        let next = pieces.get(i + 1).map_or(usize::MAX, |piece| piece.0);
        while given < definitions.len() && definitions[given].first < next {
            given += 1;
        }
        while entered < holders.len() && holders[entered].first < first {
            around.push(holders[entered]);
            entered += 1;
        }
        around.retain(|d| d.last >= first);
        if lines[first..end].iter().any(|line| !is_blank(line)) {
            let enclosing = around
                .last()
                .map(|d| d.name.split('<').next().unwrap_or_default().to_owned());
            found.push(Chunk {
                first,
                last: end - 1,
                definitions: begun..given,
                enclosing,
            });
        }
    }
    found
}

/// Where pieces begin, and the end.
fn cuts(lines: &[&str], definitions: &[Definition]) -> Vec<usize> {
    let mut found = vec![0];
    for definition in definitions.iter().filter(|d| !is_symbol_only(&d.kind)) {
        let mut line = definition.first;
        while line > 0
            && definition.first - line < COMMENT_LINES
            && lines.get(line - 1).is_some_and(|above| is_comment(above))
        {
            line -= 1;
        }
        found.push(line);
    }
    found.retain(|&cut| cut < lines.len());
    found.sort_unstable();
    found.dedup();
    found.push(lines.len());
    found
}

fn split(cuts: &[usize], lines: &[&str], offsets: &[usize]) -> Vec<(usize, usize)> {
    let mut pieces = Vec::with_capacity(cuts.len());
    for pair in cuts.windows(2) {
        let (first, end) = (pair[0], pair[1]);
        if offsets[end] - offsets[first] <= SPLIT_OVER {
            pieces.push((first, end));
            continue;
        }
        let mut start = first;
        let mut after_blank = 0; // the line after the last blank one; 0 where there was none
        for i in first..end {
            if is_blank(lines[i]) {
                after_blank = i + 1;
            }
            if offsets[i + 1] - offsets[start] > SPLIT_NEAR {
                let cut = if after_blank > start + 3 {
                    after_blank
                } else {
                    i + 1
                };
                pieces.push((start, cut));
                start = cut;
                after_blank = 0;
            }
        }
        if start < end {
            pieces.push((start, end));
        }
    }
    pieces
}

fn merge(pieces: &[(usize, usize)], offsets: &[usize]) -> Vec<(usize, usize)> {
    let mut merged: Vec<(usize, usize)> = Vec::with_capacity(pieces.len());
    for &(first, end) in pieces {
        if let Some(last) = merged.last_mut() {
            let small = offsets[first] - offsets[last.0] < MERGE_UNDER
                || offsets[end] - offsets[first] < MERGE_UNDER / 2;
            if small && offsets[end] - offsets[last.0] <= MERGE_TO {
                last.1 = end;
                continue;
            }
        }
        merged.push((first, end));
    }
    merged
}

/// Does the line begin like a comment, an attribute or a decorator? A line that begins with a quoted key is JSON and no comment.
fn is_comment(line: &str) -> bool {
    const BEGINNINGS: [&str; 14] = [
        "#", "//", "/*", "*", "--", ";", "@", "[", "\"\"\"", "%", "!", "{-", "-}", "'''",
    ];
    let text = line.trim_start_matches(is_space);
    BEGINNINGS
        .iter()
        .any(|beginning| text.starts_with(beginning))
        || text.starts_with("pub use")
        || text.strip_prefix('"').is_some_and(|quoted| {
            quoted.find('"').is_none_or(|end| {
                !quoted[end + 1..]
                    .trim_start_matches(is_space)
                    .starts_with(':')
            })
        })
}

fn characters(line: &str) -> usize {
    if line.is_ascii() {
        line.len()
    } else {
        line.chars().count()
    }
}

fn is_blank(line: &str) -> bool {
    line.chars().all(is_space)
}
