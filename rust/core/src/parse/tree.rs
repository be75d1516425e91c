//! The outline of a text whose language has a grammar.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use tree_sitter::{Node, ParseOptions, Parser, Tree};

use super::grammars::{Capture, Reader};
use super::{BUDGET, Definition, ERRORS, Outline, clean, is_function, is_symbol_only, tags};
use crate::summary::{Lines, doc, signature};

const PARSE_SECONDS: f64 = 4.0;
/// What comes behind the parser is cut off after this time; the twin's runs until its process is ended.
const QUERY_SECONDS: f64 = 4.0;
/// Texts up to this size are parsed without a time limit: even pathological ones of this size take under two seconds.
const UNTIMED_BYTES: usize = 262_144;
const ERROR_CHILDREN: usize = 5_000;

thread_local! {
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

fn cut(why: &'static str) -> Outline {
    Outline {
        cut: Some(why),
        ..Outline::default()
    }
}

pub(super) fn by_grammar(source: &str, reader: &Reader) -> Result<Outline, String> {
    let tree =
        PARSER.with_borrow_mut(|parser| parse(parser, source.as_bytes(), &reader.grammar))?;
    let Some(tree) = tree else {
        return Ok(cut(BUDGET));
    };
    if tree.root_node().has_error() && flooded(&tree) {
        return Ok(cut(ERRORS));
    }
    let stop = Instant::now() + Duration::from_secs_f64(QUERY_SECONDS);
    let Some(found) = query(source, reader, &tree, stop) else {
        return Ok(cut(BUDGET));
    };
    let Some(definitions) = nest(found.definitions, source, stop) else {
        return Ok(cut(BUDGET));
    };
    Ok(Outline {
        definitions,
        imports: distinct(source, found.imports, unquote),
        calls: distinct(source, found.calls, clean),
        cut: None,
    })
}

/// The tree of `source`; None where the time was up.
fn parse(
    parser: &mut Parser,
    source: &[u8],
    grammar: &tree_sitter::Language,
) -> Result<Option<Tree>, String> {
    parser.set_language(grammar).map_err(|e| e.to_string())?;
    if source.len() <= UNTIMED_BYTES {
        return parser
            .parse(source, None)
            .map(Some)
            .ok_or_else(|| "the parser gave no tree".to_owned());
    }
    let stop = Instant::now() + Duration::from_secs_f64(PARSE_SECONDS);
    let mut up = |_: &_| {
        if Instant::now() >= stop {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let options = ParseOptions::new().progress_callback(&mut up);
    let tree = parser.parse_with_options(
        &mut |at, _| source.get(at..).unwrap_or_default(),
        None,
        Some(options),
    );
    if tree.is_none() {
        parser.reset(); // else the next text would be read as the rest of this one
    }
    Ok(tree)
}

/// Is there an error node with so many children that a query over it, which is quadratic there, would take for ever?
fn flooded(tree: &Tree) -> bool {
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if node.is_error() && node.child_count() > ERROR_CHILDREN {
            return true;
        }
        if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return false;
            }
        }
    }
}

/// Where a definition is, outer ones first, and its name.
type Place<'s> = (usize, Reverse<usize>, &'s str);

#[derive(Default)]
struct Found<'t, 's, 'r> {
    /// The number of the pattern that found it, which is the first that did; the kind; the node.
    definitions: HashMap<Place<'s>, (usize, &'r str, Node<'t>)>,
    imports: Vec<(usize, usize)>,
    calls: Vec<(usize, usize)>,
}

/// What the query finds; None where the time was up.
fn query<'t, 's, 'r>(
    source: &'s str,
    reader: &'r Reader,
    tree: &'t Tree,
    stop: Instant,
) -> Option<Found<'t, 's, 'r>> {
    let mut found = Found::default();
    let means = |capture: u16| {
        reader
            .captures
            .get(usize::from(capture))
            .unwrap_or(&Capture::Other)
    };
    let done = tags::matches(&reader.query, tree, source, stop, |pattern, captures| {
        let named = captures
            .iter()
            .find(|(capture, _)| matches!(means(*capture), Capture::Name));
        let name = named.map_or("", |(_, node)| {
            clean(text_of(source, node.start_byte(), node.end_byte()))
        });
        for (i, &(capture, node)) in captures.iter().enumerate() {
            match means(capture) {
                Capture::Definition(kind)
                    if !name.is_empty() && !captures[..i].iter().any(|(x, _)| *x == capture) =>
                {
                    let held = found
                        .definitions
                        .entry((node.start_byte(), Reverse(node.end_byte()), name))
                        .or_insert((pattern, kind, node));
                    if pattern < held.0 {
                        *held = (pattern, kind, node);
                    }
                }
                Capture::Import => found.imports.push((node.start_byte(), node.end_byte())),
                Capture::Call => found.calls.push((node.start_byte(), node.end_byte())),
                _ => {}
            }
        }
    });
    done.then_some(found)
}

fn text_of(source: &str, start: usize, end: usize) -> &str {
    source.get(start..end).unwrap_or_default()
}

/// In the order of the source, each once, without what is empty.
fn distinct(source: &str, mut found: Vec<(usize, usize)>, read: fn(&str) -> &str) -> Vec<String> {
    found.sort_unstable();
    let mut seen = HashSet::with_capacity(found.len());
    let names = found
        .into_iter()
        .map(|(start, end)| read(text_of(source, start, end)));
    names
        .filter(|name| !name.is_empty() && seen.insert(*name))
        .map(str::to_owned)
        .collect()
}

/// In source order, without what lies in the body of a function, each with the type around it. None where the time was up.
fn nest(
    found: HashMap<Place, (usize, &str, Node)>,
    source: &str,
    stop: Instant,
) -> Option<Vec<Definition>> {
    struct Around<'s> {
        range: (usize, usize),
        /// Where the one around it stands in the stack.
        outer: Option<usize>,
        /// Is it, or one around it, a function?
        in_function: bool,
        name: &'s str,
    }
    let lines = Lines::of(source);
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut stack: Vec<Around> = Vec::new();
    let mut result = Vec::with_capacity(found.len());
    for ((start, Reverse(end), name), (_, kind, node)) in found {
        if Instant::now() >= stop {
            return None;
        }
        while stack.last().is_some_and(|x| x.range.1 <= start) {
            stack.pop();
        }
        // Nodes are in each other or apart, so the rest is around this. The names of one node (`f, g :: Int`) stand beside each other.
        let outer = match stack.last() {
            Some(beside) if beside.range == (start, end) => beside.outer,
            _ => stack.len().checked_sub(1),
        };
        let around = outer.map(|at| &stack[at]);
        if around.is_some_and(|x| x.in_function) {
            continue;
        }
        let (first, last) = (node.start_position().row, last_row(node));
        result.push(Definition {
            first,
            last,
            name: name.to_owned(),
            kind: kind.to_owned(),
            enclosing: around.map(|x| x.name.to_owned()),
            signature: signature(&lines, first, last, name),
            doc: doc(&lines, first, last),
        });
        if !is_symbol_only(kind) {
            let in_function = is_function(kind) || stack.last().is_some_and(|x| x.in_function);
            stack.push(Around {
                range: (start, end),
                outer,
                in_function,
                name: name.split('<').next().unwrap_or_default(),
            });
        }
    }
    Some(result)
}

/// The row of the last token that is not a comment: some grammars (Scala, Haskell) let a node run on to the next one.
fn last_row(node: Node) -> usize {
    let mut cursor = node.walk();
    while cursor.goto_last_child() {
        loop {
            let child = cursor.node();
            if !child.kind().contains("comment") && child.end_byte() > child.start_byte() {
                break;
            }
            if !cursor.goto_previous_sibling() {
                cursor.goto_parent();
                return row_of(cursor.node());
            }
        }
    }
    row_of(cursor.node())
}

fn row_of(node: Node) -> usize {
    let end = node.end_position();
    if end.column == 0 && end.row > node.start_position().row {
        end.row - 1
    } else {
        end.row
    }
}

fn unquote(text: &str) -> &str {
    clean(text).trim_matches(['"', '\'', '`', '<', '>', '(', ')', ';'])
}
