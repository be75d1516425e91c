//! The matches of a query's patterns in a tree.

use std::ops::Range;
use std::time::Instant;

use tree_sitter::{Node, Tree};

use super::cursor::{Child, Cursor};
use super::{Kind, Predicate, Query, Shape, Step, Test};

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
