//! The query files of the languages, read and matched by ourselves.
//!
//! tree-sitter's own query engine takes up to 350 ms to compile one of our queries (it analyses the whole grammar) and half the time of the
//! parse to run it. Our queries are small: no quantifiers, no wildcard at the root. For those, this module finds the same matches: it walks
//! the tree once and tries, at each node, the patterns whose root is of its kind. The plain core keeps tree-sitter's engine, and the twin
//! tests compare the two.
//!
//! It recurses on the depth of a pattern, never on that of the tree.

mod cursor;
mod matching;
mod reading;

use regex::Regex;

pub use matching::matches;

/// A query: what its patterns look for, by the kind of node they begin with.
pub struct Query {
    patterns: Vec<Vec<Predicate>>,
    /// By kind, with the number of the pattern; most kinds begin none, and `ERROR` has a place of its own at the end.
    roots: Vec<Vec<(usize, Shape)>>,
    pub captures: Vec<String>,
}

/// What a node must be.
struct Shape {
    kind: Kind,
    /// 0 for any.
    field: u16,
    /// Fields it must not have.
    without: Vec<u16>,
    captures: Vec<u16>,
    /// No named node may follow it.
    is_last: bool,
    children: Vec<Step>,
    /// Does it, or anything in it, capture?
    has_captures: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    One(u16),
    Named,
    Any,
}

/// What some child must be: one of `shapes`. Children match steps in order.
struct Step {
    /// No named node may stand between this and what the step before matched.
    is_next: bool,
    shapes: Vec<Shape>,
}

struct Predicate {
    capture: u16,
    wanted: bool,
    test: Test,
}

enum Test {
    Any(Vec<String>),
    Match(Regex),
}
