//! From the text of a pattern to its tree.

use super::program::Node;
use super::{Group, Mode, NONE, is_word};
use crate::byte_set::ByteSet;

pub(super) struct Parser<'a> {
    pub(super) source: &'a [u8],
    pub(super) at: usize,
    pub(super) fold: bool,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, String> {
        let byte = self.peek().ok_or_else(|| self.wrong("ends too early"))?;
        self.at += 1;
        if byte.is_ascii() {
            Ok(byte)
        } else {
            Err(self.wrong("a character outside ASCII"))
        }
    }

    fn takes(&mut self, mark: &str) -> bool {
        let there = self.source[self.at..].starts_with(mark.as_bytes());
        self.at += if there { mark.len() } else { 0 };
        there
    }

    fn wrong(&self, what: &str) -> String {
        format!(
            "{}: {what} at {}",
            String::from_utf8_lossy(self.source),
            self.at
        )
    }

    pub(super) fn either(&mut self) -> Result<Node, String> {
        let mut rows = vec![self.row()?];
        while self.takes("|") {
            rows.push(self.row()?);
        }
        Ok(if rows.len() == 1 {
            rows.swap_remove(0)
        } else {
            Node::Either(rows)
        })
    }

    fn row(&mut self) -> Result<Node, String> {
        let mut nodes = Vec::new();
        while self.peek().is_some_and(|byte| byte != b'|' && byte != b')') {
            let node = self.one()?;
            nodes.push(self.repeated(node)?);
        }
        Ok(Node::Row(nodes))
    }

    fn repeated(&mut self, node: Node) -> Result<Node, String> {
        let (low, high) = match self.peek() {
            Some(b'?') => (0, 1),
            Some(b'*') => (0, NONE),
            Some(b'+') => (1, NONE),
            Some(b'{') => {
                self.at += 1;
                let low = self.number()?;
                let high = if !self.takes(",") {
                    low
                } else if self.peek() == Some(b'}') {
                    NONE
                } else {
                    self.number()?
                };
                if self.peek() != Some(b'}') || high < low {
                    return Err(self.wrong("a repeat"));
                }
                (low, high)
            }
            _ => return Ok(node),
        };
        self.at += 1;
        let mode = if self.takes("?") {
            Mode::Lazy
        } else if self.takes("+") {
            Mode::Possessive
        } else {
            Mode::Greedy
        };
        Ok(Node::Repeat(Box::new(node), low, high, mode))
    }

    fn number(&mut self) -> Result<usize, String> {
        let mut value: usize = 0;
        let begun = self.at;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            value = value * 10 + usize::from(digit - b'0');
            self.at += 1;
        }
        if self.at == begun || self.at > begun + 5 {
            Err(self.wrong("a number"))
        } else {
            Ok(value)
        }
    }

    fn one(&mut self) -> Result<Node, String> {
        Ok(match self.next()? {
            b'(' => return self.group(),
            b'[' => Node::One(self.class()?),
            b'^' => Node::Start,
            b'$' => Node::Stop,
            b'.' => return Err(self.wrong("a dot")),
            b'\\' if self.takes("b") => Node::Border,
            b'\\' => {
                let set = self.escape()?;
                Node::One(self.cased(set))
            }
            byte => Node::One(self.cased(ByteSet::of(&[byte]))),
        })
    }

    fn cased(&self, set: ByteSet) -> ByteSet {
        if self.fold { set.folded() } else { set }
    }

    fn group(&mut self) -> Result<Node, String> {
        let fold = self.fold;
        let mut named = None;
        if self.takes("?i:") {
            self.fold = true;
        } else if self.takes("?P<") {
            let groups = [
                ("secret>", Group::Secret),
                ("name>", Group::Name),
                ("scheme>", Group::Scheme),
                ("end>", Group::End),
                ("piece>", Group::Piece),
            ];
            named = groups
                .into_iter()
                .find(|(name, _)| self.takes(name))
                .map(|(_, group)| group);
            if named.is_none() {
                return Err(self.wrong("a group of unknown name"));
            }
        } else if !self.takes("?:") {
            return Err(self.wrong("a group of unknown kind"));
        }
        let inner = self.either()?;
        if !self.takes(")") {
            return Err(self.wrong("`)` is missing"));
        }
        self.fold = fold;
        Ok(match named {
            Some(group) => Node::Named(group, Box::new(inner)),
            None => match inner {
                // `(?:x){3}` and `(?i:x)?` of one class are runs of it.
                Node::Row(mut nodes) if nodes.len() == 1 && matches!(nodes[0], Node::One(_)) => {
                    nodes.swap_remove(0)
                }
                other => other,
            },
        })
    }

    /// What `\` and the next character stand for.
    fn escape(&mut self) -> Result<ByteSet, String> {
        let space = ByteSet::of(b" \t\n\r\x0b\x0c");
        let digit = ByteSet::of(b"0123456789");
        let mut word = digit;
        (0..128)
            .filter(|&byte| is_word(byte))
            .for_each(|byte| word.add(byte));
        Ok(match self.next()? {
            b's' => space,
            b'S' => space.not(),
            b'd' => digit,
            b'w' => word,
            b'n' => ByteSet::of(b"\n"),
            b'r' => ByteSet::of(b"\r"),
            b't' => ByteSet::of(b"\t"),
            byte if byte.is_ascii_alphanumeric() => return Err(self.wrong("an unknown escape")),
            byte => ByteSet::of(&[byte]),
        })
    }

    fn class(&mut self) -> Result<ByteSet, String> {
        let negated = self.takes("^");
        let mut set = ByteSet::default();
        let begun = self.at;
        loop {
            let byte = self.next()?;
            if byte == b']' && self.at > begun + 1 {
                break;
            }
            if byte == b'\\' {
                set = set.or(self.escape()?);
                continue;
            }
            if self.peek() == Some(b'-')
                && self
                    .source
                    .get(self.at + 1)
                    .is_some_and(|&next| next != b']')
            {
                self.at += 1;
                let last = self.next()?;
                if last < byte || last == b'\\' {
                    return Err(self.wrong("a range"));
                }
                (byte..=last).for_each(|byte| set.add(byte));
            } else {
                set.add(byte);
            }
        }
        let set = self.cased(set);
        Ok(if negated { set.not() } else { set })
    }
}
