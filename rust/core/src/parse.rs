//! Definitions, imports and calls of one source text. Twin of `groma._pure.parse`.
//!
//! The grammars are those of the Python wheels: the Python face hands over their pointers. Time is bounded, and where the bound was met the
//! outline says so instead of looking empty. No function here recurses on the input.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::ops::{ControlFlow, Range};
use std::sync::{OnceLock, RwLock};
use std::time::{Duration, Instant};

use tree_sitter::{Node, ParseOptions, Parser, Tree};

use crate::languages::{self, Language};
use crate::summary::{Lines, doc, first_chars, signature, strip};

mod tags;

const PARSE_SECONDS: f64 = 4.0;
/// What comes behind the parser is cut off after this time; the twin's runs until its process is ended.
const QUERY_SECONDS: f64 = 4.0;
/// Texts up to this size are parsed without a time limit: even pathological ones of this size take under two seconds.
const UNTIMED_BYTES: usize = 262_144;
const ERROR_CHILDREN: usize = 5_000;
/// `Outline::cut` where the time was up, and where there is too much that the grammar cannot read.
pub const BUDGET: &str = "parse-budget";
pub const ERRORS: &str = "syntax-errors";

/// A named piece of source; lines count from 0, `last` is inclusive.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub first: usize,
    pub last: usize,
    pub name: String,
    pub kind: String,
    /// The nearest type or section around it.
    pub enclosing: Option<String>,
    pub signature: String,
    pub doc: String,
}

/// What the parser found, in source order. `cut` is None, or why the outline is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    pub definitions: Vec<Definition>,
    pub imports: Vec<String>,
    pub calls: Vec<String>,
    pub cut: Option<&'static str>,
}

pub fn is_function(kind: &str) -> bool {
    matches!(kind, "function" | "method" | "constructor" | "test")
}

/// Kinds that are found as symbols of a chunk but never begin a chunk.
pub fn is_symbol_only(kind: &str) -> bool {
    matches!(kind, "macro" | "variable" | "constant" | "field")
}

// ------------------------------------------------------------------------------------------------------------------- grammars

static GRAMMARS: RwLock<Option<HashMap<String, tree_sitter::Language>>> = RwLock::new(None);

/// Give the core a grammar: the pointer in the capsule "tree_sitter.Language" of a wheel (`TSLanguage*`). Fails where its ABI is unknown.
/// `name` is the `grammar` of a language.
///
/// # Safety
/// `pointer` is such a pointer and lives as long as the process.
pub unsafe fn register_grammar(name: &str, pointer: *const ()) -> Result<(), String> {
    if pointer.is_null() {
        return Err(format!("{name} gave no grammar"));
    }
    // SAFETY: the caller's promise. Grammars of wheels are static data, which `tree_sitter::Language` never frees.
    let grammar = unsafe { tree_sitter::Language::from_raw(pointer.cast()) };
    let version = grammar.abi_version();
    let known = tree_sitter::MIN_COMPATIBLE_LANGUAGE_VERSION..=tree_sitter::LANGUAGE_VERSION;
    if !known.contains(&version) {
        let (from, to) = (known.start(), known.end());
        return Err(format!(
            "Incompatible Language version {version}. Must be between {from} and {to}"
        ));
    }
    let mut grammars = GRAMMARS
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    grammars
        .get_or_insert_default()
        .entry(name.to_owned())
        .or_insert(grammar);
    Ok(())
}

/// Has the grammar of `language` been registered?
pub fn is_registered(language: &Language) -> bool {
    language
        .grammar
        .as_deref()
        .is_none_or(|name| grammar(name).is_some())
}

fn grammar(name: &str) -> Option<tree_sitter::Language> {
    GRAMMARS
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .as_ref()?
        .get(name)
        .cloned()
}

/// What a language is read with, made once a process.
struct Reader {
    grammar: tree_sitter::Language,
    query: tags::Query,
    /// What each capture of the query means.
    captures: Vec<Capture>,
}

enum Capture {
    Name,
    Definition(String),
    Import,
    Call,
    Other,
}

fn reader(language: &Language) -> Result<&'static Reader, String> {
    static READERS: OnceLock<Vec<OnceLock<Result<Reader, String>>>> = OnceLock::new();
    let name = language
        .grammar
        .as_deref()
        .ok_or_else(|| format!("{} has no grammar", language.name))?;
    let grammar =
        grammar(name).ok_or_else(|| format!("the grammar of {} is not loaded", language.name))?;
    let readers =
        READERS.get_or_init(|| languages::all().iter().map(|_| OnceLock::new()).collect());
    let slot = readers
        .get(language.number)
        .ok_or_else(|| format!("{} is not of the table", language.name))?;
    slot.get_or_init(|| compile(language, grammar))
        .as_ref()
        .map_err(Clone::clone)
}

fn compile(language: &Language, grammar: tree_sitter::Language) -> Result<Reader, String> {
    let text = language
        .query()
        .ok_or_else(|| format!("{} has no query", language.name))?;
    let query = tags::Query::new(&grammar, &text)?;
    let captures = query
        .captures
        .iter()
        .map(
            |name| match (name.as_str(), name.strip_prefix("definition.")) {
                (_, Some(kind)) => Capture::Definition(kind.to_owned()),
                ("name", _) => Capture::Name,
                ("import", _) => Capture::Import,
                ("call", _) => Capture::Call,
                _ => Capture::Other,
            },
        )
        .collect();
    Ok(Reader {
        grammar,
        query,
        captures,
    })
}

/// Can `language` be read: is its grammar registered, and does its query fit it?
pub fn check(language: &Language) -> Result<(), String> {
    match language.grammar {
        Some(_) => reader(language).map(|_| ()),
        None => Ok(()),
    }
}

// -------------------------------------------------------------------------------------------------------------------- outline

/// The outline of a text; the grammar of `language` must have been registered (else Err).
pub fn outline(source: &str, language: &Language) -> Result<Outline, String> {
    if language.grammar.is_some() {
        by_grammar(source, reader(language)?)
    } else if let Some(pattern) = &language.sections {
        Ok(by_sections(source, section(language, pattern)?))
    } else {
        Ok(Outline::default())
    }
}

thread_local! {
    static PARSER: RefCell<Parser> = RefCell::new(Parser::new());
}

fn cut(why: &'static str) -> Outline {
    Outline {
        cut: Some(why),
        ..Outline::default()
    }
}

fn by_grammar(source: &str, reader: &Reader) -> Result<Outline, String> {
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
        let around = stack.iter().rev().find(|x| x.range != (start, end));
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

/// The first line of a name, at most 100 characters.
fn clean(name: &str) -> &str {
    strip(first_chars(
        strip(name).split('\n').next().unwrap_or_default(),
        100,
    ))
}

fn unquote(text: &str) -> &str {
    clean(text).trim_matches(['"', '\'', '`', '<', '>', '(', ')', ';'])
}

// ------------------------------------------------------------------------------------------------------------------- sections

/// The pattern of the heads of a language: with what the quick engine does not know, it is tried at each line that may begin one.
enum Heads {
    Plain(regex::Regex),
    Hard {
        pattern: fancy_regex::Regex,
        begin: Option<fancy_regex::ByteSet>,
    },
}

fn section(language: &Language, pattern: &str) -> Result<&'static Heads, String> {
    static SECTIONS: OnceLock<Vec<OnceLock<Result<Heads, String>>>> = OnceLock::new();
    let sections =
        SECTIONS.get_or_init(|| languages::all().iter().map(|_| OnceLock::new()).collect());
    let slot = sections
        .get(language.number)
        .ok_or_else(|| format!("{} is not of the table", language.name))?;
    slot.get_or_init(|| Heads::new(&translated(pattern)).map_err(|e| e.to_string()))
        .as_ref()
        .map_err(Clone::clone)
}

impl Heads {
    fn new(pattern: &str) -> Result<Self, fancy_regex::Error> {
        if let Ok(plain) = regex::Regex::new(&format!("(?m)^(?:{pattern})")) {
            return Ok(Heads::Plain(plain));
        }
        let begin =
            fancy_regex::RegexOptionsBuilder::new().start_bytes(&format!("(?m){pattern}"))?;
        Ok(Heads::Hard {
            pattern: fancy_regex::Regex::new(&format!(r"(?m)\G(?:{pattern})"))?,
            begin,
        })
    }

    /// Where each head is and where its name, in order and apart from one another.
    fn of(&self, source: &str) -> Vec<(Range<usize>, Range<usize>)> {
        match self {
            Heads::Plain(pattern) => {
                let found = pattern.captures_iter(source);
                found
                    .filter_map(|found| Some((found.get(0)?.range(), found.name("name")?.range())))
                    .collect()
            }
            Heads::Hard { pattern, begin } => {
                let bytes = source.as_bytes();
                let mut heads: Vec<(Range<usize>, Range<usize>)> = Vec::new();
                let line_starts =
                    std::iter::once(0).chain(memchr::memchr_iter(b'\n', bytes).map(|at| at + 1));
                for start in line_starts {
                    let inside = heads.last().is_some_and(|(whole, _)| start < whole.end);
                    let may_begin = bytes
                        .get(start)
                        .is_some_and(|&byte| begin.as_ref().is_none_or(|set| set.contains(byte)));
                    if inside || !may_begin {
                        continue;
                    }
                    // An error is the engine's limit of steps, which a real line does not meet.
                    if let Ok(Some(found)) = pattern.captures_from_pos(source, start)
                        && let (Some(whole), Some(name)) = (found.get(0), found.name("name"))
                    {
                        heads.push((whole.range(), name.range()));
                    }
                }
                heads
            }
        }
    }
}

/// A pattern of the table, which is written for Python's `re`, in the dialect of this core: what white space and word characters are
/// differs, and how a conditional names its group. `\b` is only used behind a word there.
fn translated(pattern: &str) -> String {
    let mut text = String::with_capacity(2 * pattern.len());
    let mut in_class = false;
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match (rest.next(), in_class) {
                (Some('w'), true) => text.push_str(r"\p{L}\p{N}_"),
                (Some('w'), false) => text.push_str(r"[\p{L}\p{N}_]"),
                (Some('s'), true) => text.push_str(r"\s\x1c-\x1f"),
                (Some('s'), false) => text.push_str(r"[\s\x1c-\x1f]"),
                (Some('S'), _) => text.push_str(r"[^\s\x1c-\x1f]"),
                (Some('b'), _) => text.push_str(r"(?![\p{L}\p{N}_])"),
                (Some(other), _) => text.extend(['\\', other]),
                (None, _) => text.push('\\'),
            },
            '[' if in_class => text.push_str(r"\["),
            '[' => {
                in_class = true;
                text.push('[');
            }
            ']' => {
                in_class = false;
                text.push(']');
            }
            other => text.push(other),
        }
    }
    text.replace("(?(rule)", "(?(<rule>)")
}

/// Flat sections: each runs to the next head, without the blank lines and comments that stand above that.
fn by_sections(source: &str, heads: &Heads) -> Outline {
    let lines = Lines::of(source);
    let mut starts: Vec<(usize, String)> = Vec::new();
    let (mut row, mut at) = (0, 0);
    for (whole, name) in heads.of(source) {
        let start = whole.end
            - source[whole]
                .trim_start_matches(crate::summary::is_space)
                .len();
        row += memchr::memchr_iter(b'\n', &source.as_bytes()[at..start]).count();
        at = start;
        if !name.is_empty() {
            starts.push((
                row,
                first_chars(strip(&source[name].replace('"', "")), 100).to_owned(),
            ));
        }
    }
    let mut definitions = Vec::with_capacity(starts.len());
    let following: Vec<usize> = starts
        .iter()
        .skip(1)
        .map(|(row, _)| *row)
        .chain([lines.len()])
        .collect();
    for ((first, name), following) in starts.into_iter().zip(following) {
        let mut last = following.saturating_sub(1);
        while last > first
            && (following < lines.len() || strip(lines.whole(last)).is_empty())
            && is_above_head(lines.whole(last))
        {
            last -= 1;
        }
        definitions.push(Definition {
            first,
            last,
            name,
            kind: "section".to_owned(),
            enclosing: None,
            signature: first_chars(strip(lines.whole(first)), 200).to_owned(),
            doc: doc(&lines, first, last),
        });
    }
    Outline {
        definitions,
        ..Outline::default()
    }
}

/// `_ABOVE_HEAD`: a blank line or a comment.
fn is_above_head(line: &str) -> bool {
    let text = strip(line);
    text.is_empty()
        || ["//", "/*", "*", "#", "--", ";"]
            .iter()
            .any(|mark| text.starts_with(mark))
}
