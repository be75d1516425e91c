//! From the text of a query to what its patterns look for.

use regex::Regex;
use tree_sitter::Language;

use super::{Kind, Predicate, Query, Shape, Step, Test};

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
