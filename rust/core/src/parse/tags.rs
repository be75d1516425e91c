//! The query files of the languages, read and matched by ourselves.
//!
//! tree-sitter's own query engine takes up to 350 ms to compile one of our queries (it analyses the whole grammar) and half the time of the
//! parse to run it. Our queries are small: no quantifiers, no wildcard at the root. For those, this module finds the same matches: it walks
//! the tree once and tries, at each node, the patterns whose root is of its kind. The plain core keeps tree-sitter's engine, and the twin
//! tests compare the two.
//!
//! It recurses on the depth of a pattern, never on that of the tree.

use std::ops::Range;
use std::time::Instant;

use regex::Regex;
use tree_sitter::{Language, Node, Tree, ffi};

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

// ------------------------------------------------------------------------------------------------------------------- reading

struct Reader<'a> {
    text: &'a str,
    grammar: &'a Language,
    captures: Vec<String>,
    predicates: Vec<Predicate>,
}

impl Query {
    /// Reads the text of a query for `grammar`. Fails where it names what the grammar has not, or asks for what is not supported here.
    pub fn new(grammar: &Language, text: &str) -> Result<Self, String> {
        let mut reader = Reader {
            text,
            grammar,
            captures: Vec::new(),
            predicates: Vec::new(),
        };
        let mut query = Query {
            patterns: Vec::new(),
            roots: Vec::new(),
            captures: Vec::new(),
        };
        query
            .roots
            .resize_with(grammar.node_kind_count() + 1, Vec::new);
        while reader.peek().is_some() {
            let shapes = reader.shapes()?;
            let number = query.patterns.len();
            for shape in shapes {
                let Kind::One(kind) = shape.kind else {
                    return Err("a pattern begins with a wildcard".to_owned());
                };
                let place = usize::from(kind).min(query.roots.len() - 1);
                query.roots[place].push((number, shape));
            }
            query.patterns.push(std::mem::take(&mut reader.predicates));
        }
        query.captures = reader.captures;
        Ok(query)
    }
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> Option<char> {
        loop {
            self.text = self.text.trim_start();
            match self.text.strip_prefix(';') {
                Some(comment) => self.text = comment.split_once('\n').map_or("", |(_, rest)| rest),
                None => return self.text.chars().next(),
            }
        }
    }

    fn take(&mut self, mark: char) -> bool {
        let found = self.peek() == Some(mark);
        if found {
            self.text = &self.text[mark.len_utf8()..];
        }
        found
    }

    fn expect(&mut self, mark: char) -> Result<(), String> {
        if self.take(mark) {
            Ok(())
        } else {
            Err(format!(
                "{mark} expected before {}",
                self.text.lines().next().unwrap_or_default()
            ))
        }
    }

    fn word(&mut self) -> Result<&'a str, String> {
        self.peek();
        let end = self
            .text
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '?')))
            .unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at(end);
        if word.is_empty() {
            return Err(format!(
                "a name expected before {}",
                self.text.lines().next().unwrap_or_default()
            ));
        }
        self.text = rest;
        Ok(word)
    }

    fn string(&mut self) -> Result<String, String> {
        self.expect('"')?;
        let mut value = String::new();
        let mut rest = self.text.chars();
        loop {
            match rest.next() {
                None => return Err("a string has no end".to_owned()),
                Some('"') => break,
                Some('\\') => match rest.next() {
                    None => return Err("a string has no end".to_owned()),
                    Some('n') => value.push('\n'),
                    Some('r') => value.push('\r'),
                    Some('t') => value.push('\t'),
                    Some('0') => value.push('\0'),
                    Some(other) => value.push(other),
                },
                Some(other) => value.push(other),
            }
        }
        self.text = rest.as_str();
        Ok(value)
    }

    fn capture(&mut self) -> Result<u16, String> {
        let name = self.word()?;
        let place = self
            .captures
            .iter()
            .position(|x| x == name)
            .unwrap_or_else(|| {
                self.captures.push(name.to_owned());
                self.captures.len() - 1
            });
        u16::try_from(place).map_err(|_| "too many captures".to_owned())
    }

    fn field(&self, name: &str) -> Result<u16, String> {
        self.grammar
            .field_id_for_name(name)
            .map(Into::into)
            .ok_or_else(|| format!("no field {name}"))
    }

    fn kind(&self, name: &str, named: bool) -> Result<Kind, String> {
        let kind = if named && name == "ERROR" {
            u16::MAX
        } else {
            self.grammar.id_for_node_kind(name, named)
        };
        if kind == 0 {
            return Err(format!("no node {name}"));
        }
        if kind != u16::MAX && self.grammar.node_kind_is_supertype(kind) {
            return Err(format!("{name} is a supertype"));
        }
        Ok(Kind::One(kind))
    }

    /// One pattern: the shapes a node may have to match it, of which an alternation has several.
    fn shapes(&mut self) -> Result<Vec<Shape>, String> {
        let plain = |kind| Shape {
            kind,
            field: 0,
            without: Vec::new(),
            captures: Vec::new(),
            is_last: false,
            children: Vec::new(),
            has_captures: false,
        };
        let mut shapes = Vec::new();
        match self.peek() {
            Some('[') => {
                self.expect('[')?;
                while !self.take(']') {
                    shapes.append(&mut self.shapes()?);
                }
            }
            Some('(') => {
                self.expect('(')?;
                if matches!(self.peek(), Some('(' | '[' | '"')) {
                    // A group: one pattern and its predicates.
                    shapes = self.shapes()?;
                    while !self.take(')') {
                        self.expect('(')?;
                        self.predicate()?;
                    }
                } else {
                    let name = self.word()?;
                    let kind = if name == "_" {
                        Kind::Named
                    } else {
                        self.kind(name, true)?
                    };
                    let mut shape = plain(kind);
                    self.children(&mut shape)?;
                    shapes.push(shape);
                }
            }
            Some('"') => {
                let literal = self.string()?;
                shapes.push(plain(self.kind(&literal, false)?));
            }
            _ => {
                let word = self.word()?;
                if word == "_" {
                    shapes.push(plain(Kind::Any));
                } else {
                    self.expect(':')?;
                    let field = self.field(word)?;
                    shapes = self.shapes()?;
                    shapes.iter_mut().for_each(|shape| shape.field = field);
                    return Ok(shapes); // the captures belong to what the field holds, and were read with it
                }
            }
        }
        if matches!(self.peek(), Some('?' | '*' | '+')) {
            return Err("quantifiers are not supported".to_owned());
        }
        while self.take('@') {
            let capture = self.capture()?;
            for shape in &mut shapes {
                shape.captures.push(capture);
                shape.has_captures = true;
            }
        }
        Ok(shapes)
    }

    /// What stands in a node up to its `)`.
    fn children(&mut self, shape: &mut Shape) -> Result<(), String> {
        let mut is_next = false;
        loop {
            match self.peek() {
                Some(')') => {
                    self.expect(')')?;
                    if is_next && let Some(step) = shape.children.last_mut() {
                        step.shapes.iter_mut().for_each(|last| last.is_last = true);
                    }
                    return Ok(());
                }
                Some('.') => {
                    self.expect('.')?;
                    is_next = true;
                }
                Some('!') => {
                    self.expect('!')?;
                    let name = self.word()?;
                    shape.without.push(self.field(name)?);
                }
                _ if self.text.starts_with("(#") => {
                    self.expect('(')?;
                    self.predicate()?;
                }
                Some(_) => {
                    let shapes = self.shapes()?;
                    let before = shape.children.last();
                    if is_next
                        && before
                            .is_some_and(|step| step.shapes.iter().any(|x| x.kind == Kind::Any))
                    {
                        return Err("an anchor behind _ is not supported".to_owned());
                    }
                    shape.has_captures |= shapes.iter().any(|x| x.has_captures);
                    shape.children.push(Step { is_next, shapes });
                    is_next = false;
                }
                None => return Err("a node has no end".to_owned()),
            }
        }
    }

    /// `#name @capture "string"…)`; the bracket before it has been read.
    fn predicate(&mut self) -> Result<(), String> {
        self.expect('#')?;
        let name = self.word()?;
        self.expect('@')?;
        let capture = self.capture()?;
        let mut values = Vec::new();
        while !self.take(')') {
            values.push(self.string()?);
        }
        let test = match (name, values.as_slice()) {
            ("eq?" | "not-eq?", [_]) | ("any-of?", _) => Test::Any(values),
            ("match?" | "not-match?", [pattern]) => {
                // Python's `$` also stands before a line break at the end.
                let pattern = pattern
                    .strip_suffix('$')
                    .map_or_else(|| pattern.clone(), |start| format!(r"{start}\n?\z"));
                Test::Match(Regex::new(&pattern).map_err(|e| e.to_string())?)
            }
            _ => return Err(format!("no predicate #{name} of {} strings", values.len())),
        };
        self.predicates.push(Predicate {
            capture,
            wanted: !name.starts_with("not-"),
            test,
        });
        Ok(())
    }
}

// ------------------------------------------------------------------------------------------------------------------ matching

unsafe extern "C" {
    /// Not in tree-sitter's public header, and what its own query engine asks: the crate's version is pinned for it. Its last answer about
    /// fields is the grammar's, not the tree's, and decides which children a field can match.
    fn ts_tree_cursor_current_status(
        cursor: *const ffi::TSTreeCursor,
        field: *mut u16,
        has_later_siblings: *mut bool,
        has_later_named_siblings: *mut bool,
        can_have_later_siblings_with_this_field: *mut bool,
        supertypes: *mut u16,
        supertype_count: *mut u32,
    );
}

/// A cursor of tree-sitter that may be asked for the status of its node.
struct Cursor<'t> {
    raw: ffi::TSTreeCursor,
    tree: std::marker::PhantomData<&'t Tree>,
}

/// A child of a node in hand.
#[derive(Clone, Copy)]
struct Child<'t> {
    node: Node<'t>,
    kind: u16,
    is_named: bool,
    field: u16,
    is_followed: bool,
    is_followed_by_named: bool,
    /// Can a later child have the same field, as far as the grammar knows?
    field_can_follow: bool,
}

impl<'t> Cursor<'t> {
    fn new(node: Node<'t>) -> Self {
        // SAFETY: the node is of a tree that outlives the cursor by its lifetime.
        Cursor {
            raw: unsafe { ffi::ts_tree_cursor_new(node.into_raw()) },
            tree: std::marker::PhantomData,
        }
    }

    fn node(&self) -> Node<'t> {
        // SAFETY: the cursor is valid, and so is the node it stands on, for as long as the tree.
        unsafe { Node::from_raw(ffi::ts_tree_cursor_current_node(&raw const self.raw)) }
    }

    fn reset(&mut self, node: Node<'t>) {
        // SAFETY: as for `new`.
        unsafe { ffi::ts_tree_cursor_reset(&raw mut self.raw, node.into_raw()) }
    }

    fn first_child(&mut self) -> bool {
        // SAFETY: the cursor is valid.
        unsafe { ffi::ts_tree_cursor_goto_first_child(&raw mut self.raw) }
    }

    fn next_sibling(&mut self) -> bool {
        // SAFETY: the cursor is valid.
        unsafe { ffi::ts_tree_cursor_goto_next_sibling(&raw mut self.raw) }
    }

    fn parent(&mut self) -> bool {
        // SAFETY: the cursor is valid.
        unsafe { ffi::ts_tree_cursor_goto_parent(&raw mut self.raw) }
    }

    /// The node the cursor stands on; it must have been reached from above.
    fn child(&self) -> Child<'t> {
        let node = self.node();
        let mut child = Child {
            node,
            kind: node.kind_id(),
            is_named: node.is_named(),
            field: 0,
            is_followed: false,
            is_followed_by_named: false,
            field_can_follow: false,
        };
        let mut supertypes = [0_u16; 8];
        let mut count = 8_u32;
        // SAFETY: the signature is that of `tree_cursor.h` of the pinned version; every pointer is to a live value, and `count` is the
        // length of `supertypes`.
        unsafe {
            ts_tree_cursor_current_status(
                &raw const self.raw,
                &raw mut child.field,
                &raw mut child.is_followed,
                &raw mut child.is_followed_by_named,
                &raw mut child.field_can_follow,
                supertypes.as_mut_ptr(),
                &raw mut count,
            );
        }
        child
    }
}

impl Drop for Cursor<'_> {
    fn drop(&mut self) {
        // SAFETY: the cursor is valid and not used again.
        unsafe { ffi::ts_tree_cursor_delete(&raw mut self.raw) }
    }
}

/// What is left to match when the children of a node have.
#[derive(Clone, Copy)]
enum Rest<'q> {
    Nothing,
    Then {
        children: (usize, usize),
        steps: &'q [Step],
        next: &'q Rest<'q>,
    },
}

struct Matching<'q, 't, 's, F> {
    source: &'s str,
    predicates: &'q [Predicate],
    pattern: usize,
    cursor: Cursor<'t>,
    children: Vec<Child<'t>>,
    captured: Vec<(u16, Node<'t>)>,
    /// The captures of the last match of this pattern at this node: those of uncaptured children that could be several would come again.
    last: Vec<(u16, Node<'t>)>,
    found: F,
}

/// Calls `found` with the number of the pattern and the captures of each match, in no order that means anything; a match may come more than
/// once. False if the time was up before the end.
pub fn matches<'t>(
    query: &Query,
    tree: &'t Tree,
    source: &str,
    stop: Instant,
    found: impl FnMut(usize, &[(u16, Node<'t>)]),
) -> bool {
    let root = tree.root_node();
    let mut matching = Matching {
        source,
        predicates: &[],
        pattern: 0,
        cursor: Cursor::new(root),
        children: Vec::new(),
        captured: Vec::new(),
        last: Vec::new(),
        found,
    };
    let mut walk = Cursor::new(root);
    let mut count = 0_u32;
    loop {
        let node = walk.node();
        let shapes = query
            .roots
            .get(usize::from(node.kind_id()))
            .or(query.roots.last())
            .map_or(&[][..], Vec::as_slice);
        if !shapes.is_empty() {
            count = count.wrapping_add(1);
            if count.is_multiple_of(256) && Instant::now() >= stop {
                return false;
            }
            matching.at(node, shapes, query);
        }
        if walk.first_child() {
            continue;
        }
        while !walk.next_sibling() {
            if !walk.parent() {
                return true;
            }
        }
    }
}

impl<'q, 't, F: FnMut(usize, &[(u16, Node<'t>)])> Matching<'q, 't, '_, F> {
    /// The matches of the patterns that begin at `node`.
    fn at(&mut self, node: Node<'t>, shapes: &'q [(usize, Shape)], query: &'q Query) {
        self.children.clear();
        let mut children = None;
        for (pattern, shape) in shapes {
            if !has_none(node, &shape.without) {
                continue;
            }
            self.pattern = *pattern;
            self.predicates = &query.patterns[*pattern];
            self.captured.clear();
            self.last.clear();
            self.captured
                .extend(shape.captures.iter().map(|&capture| (capture, node)));
            if shape.children.is_empty() {
                self.finish();
                continue;
            }
            let range = children
                .get_or_insert_with(|| self.children_of(node))
                .clone();
            self.steps(range, &shape.children, &Rest::Nothing);
        }
    }

    fn children_of(&mut self, node: Node<'t>) -> Range<usize> {
        let start = self.children.len();
        self.cursor.reset(node);
        if self.cursor.first_child() {
            loop {
                self.children.push(self.cursor.child());
                if !self.cursor.next_sibling() {
                    break;
                }
            }
        }
        start..self.children.len()
    }

    /// The ways in which `steps` match the children in `range`, and then the rest.
    fn steps(&mut self, range: Range<usize>, steps: &[Step], rest: &Rest<'_>) {
        let Some((step, later)) = steps.split_first() else {
            match *rest {
                Rest::Nothing => self.finish(),
                Rest::Then {
                    children: (start, end),
                    steps,
                    next,
                } => self.steps(start..end, steps, next),
            }
            return;
        };
        for shape in &step.shapes {
            // Where nothing depends on which of several children it is, the first will do.
            let first_will_do = !shape.has_captures
                && shape.children.is_empty()
                && !later.first().is_some_and(|x| x.is_next);
            for i in range.clone() {
                let child = self.children[i];
                let mut fits = match shape.kind {
                    Kind::One(kind) => child.kind == kind,
                    Kind::Named => child.is_named && child.kind != u16::MAX,
                    Kind::Any => child.kind != u16::MAX,
                };
                let mut more = child.is_followed && !(step.is_next && child.is_named);
                if shape.is_last && child.is_followed_by_named {
                    fits = false;
                }
                if shape.field != 0 {
                    if shape.field == child.field {
                        more &= child.field_can_follow;
                    } else {
                        fits = false;
                    }
                }
                if fits && has_none(child.node, &shape.without) {
                    let mark = self.captured.len();
                    self.captured
                        .extend(shape.captures.iter().map(|&capture| (capture, child.node)));
                    if shape.children.is_empty() {
                        self.steps(i + 1..range.end, later, rest);
                    } else {
                        let held = self.children.len();
                        let inner = self.children_of(child.node);
                        self.steps(
                            inner,
                            &shape.children,
                            &Rest::Then {
                                children: (i + 1, range.end),
                                steps: later,
                                next: rest,
                            },
                        );
                        self.children.truncate(held);
                    }
                    self.captured.truncate(mark);
                    if first_will_do {
                        break;
                    }
                }
                if !more {
                    break;
                }
            }
        }
    }

    fn finish(&mut self) {
        if self.last == self.captured {
            return;
        }
        self.last.clone_from(&self.captured);
        let holds = |predicate: &Predicate| {
            self.captured
                .iter()
                .filter(|(capture, _)| *capture == predicate.capture)
                .all(|(_, node)| {
                    let text = self.source.get(node.byte_range()).unwrap_or_default();
                    let found = match &predicate.test {
                        Test::Any(values) => values.iter().any(|value| value == text),
                        // The twin's binding hands over a C string.
                        Test::Match(pattern) => {
                            pattern.is_match(text.split('\0').next().unwrap_or_default())
                        }
                    };
                    found == predicate.wanted
                })
        };
        if self.predicates.iter().all(holds) {
            (self.found)(self.pattern, &self.captured);
        }
    }
}

/// Has `node` none of these fields?
fn has_none(node: Node, fields: &[u16]) -> bool {
    fields
        .iter()
        .all(|&field| node.child_by_field_id(field).is_none())
}
