//! The patterns of `rules.txt`: compiled in microseconds, matched where they begin.
//!
//! Responsible for meaning exactly what Python's `re` with `re.ASCII` means by them: the first match in order of
//! preference, repeats counted in characters. The patterns hold counted repeats of up to 4,000, which cost an engine of
//! automata milliseconds to build; a process that masks ten lines has not so long. So this engine backtracks. It may,
//! because the table promises that repeats are bounded or cannot overlap what follows; where a repeat cannot give
//! anything back (the next character is none of its own), it does not try. No recursion on the text.
//!
//! A pattern is a constant of the program: `compile` tells what is wrong with one, and a test compiles all.

mod parser;
mod program;

use crate::byte_set::ByteSet;
use parser::Parser;
use program::{Op, emit, next_of};

/// Groups that patterns may name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    Whole,
    Secret,
    Name,
    Scheme,
    End,
    Piece,
}

const GROUPS: usize = 6;
const NONE: usize = usize::MAX;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Greedy,
    Lazy,
    Possessive,
}

enum Retry {
    At(usize, usize),
    /// (operation after the run, least end, present end)
    Shorter(usize, usize, usize),
    /// (the run, present end, how many more may be taken)
    Longer(usize, usize, usize),
    Slot(usize, usize),
}

/// What a search keeps between two tries, so that it need not be allocated anew.
#[derive(Default)]
pub struct Scratch(Vec<Retry>);

/// Where a match and its groups lie, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Found([usize; 2 * GROUPS]);

impl Found {
    pub fn span(&self, group: Group) -> Option<(usize, usize)> {
        let (start, end) = (self.0[2 * group as usize], self.0[2 * group as usize + 1]);
        (start != NONE && end != NONE).then_some((start, end))
    }

    pub fn end(&self) -> usize {
        self.0[2 * Group::Whole as usize + 1]
    }
}

#[derive(Debug)]
pub struct Pattern {
    ops: Vec<Op>,
    first: ByteSet,
}

impl Pattern {
    pub fn compile(source: &str) -> Result<Pattern, String> {
        let mut parser = Parser {
            source: source.as_bytes(),
            at: 0,
            fold: false,
        };
        let tree = parser.either()?;
        if parser.at < source.len() {
            return Err(format!("{source}: `)` at {}", parser.at));
        }
        let mut ops = Vec::new();
        emit(&tree, &mut ops).map_err(|why| format!("{source}: {why}"))?;
        ops.push(Op::Done);
        for i in 0..ops.len() {
            if let Op::Run(set, low, high, mode, _) = ops[i] {
                let next = next_of(&ops, i + 1);
                let fixed = low == high || !next.meets(&set);
                let mode = if mode == Mode::Greedy && fixed {
                    Mode::Possessive
                } else {
                    mode
                };
                ops[i] = Op::Run(set, low, high, mode, next);
            }
        }
        let first = next_of(&ops, 0);
        Ok(Pattern { ops, first })
    }

    /// The match that begins at `start`.
    pub fn at(&self, text: &str, start: usize, scratch: &mut Scratch) -> Option<Found> {
        let bytes = text.as_bytes();
        match bytes.get(start) {
            Some(&byte) if !self.first.has(byte) => None,
            None if self.first != ByteSet::ALL => None,
            _ => self.run(bytes, start, scratch),
        }
    }

    /// The first match that begins at `start` or later.
    pub fn search(&self, text: &str, start: usize, scratch: &mut Scratch) -> Option<Found> {
        let bytes = text.as_bytes();
        for at in start..bytes.len() {
            if self.first.has(bytes[at]) && !is_inside(bytes[at]) {
                let found = self.run(bytes, at, scratch);
                if found.is_some() {
                    return found;
                }
            }
        }
        self.at(text, bytes.len(), scratch)
    }

    fn run(&self, text: &[u8], start: usize, Scratch(retries): &mut Scratch) -> Option<Found> {
        retries.clear();
        let mut slots = [NONE; 2 * GROUPS];
        let (mut op, mut at) = (0, start);
        loop {
            let next = match &self.ops[op] {
                Op::One(set) => match text.get(at) {
                    Some(&byte) if set.has(byte) => Some((op + 1, at + width(byte))),
                    _ => None,
                },
                Op::Run(set, low, high, mode, next) => {
                    let most = if *mode == Mode::Lazy { *low } else { *high };
                    let (mut end, mut taken, mut least) = (at, 0, at);
                    while taken < most && end < text.len() && set.has(text[end]) {
                        end += width(text[end]);
                        taken += 1;
                        if taken == *low {
                            least = end;
                        }
                    }
                    if taken < *low {
                        None
                    } else {
                        match mode {
                            Mode::Possessive => {}
                            Mode::Greedy if end > least => {
                                retries.push(Retry::Shorter(op + 1, least, end))
                            }
                            Mode::Lazy if high > low => {
                                retries.push(Retry::Longer(op, end, high - low))
                            }
                            _ => {}
                        }
                        may_follow(text, end, next).then_some((op + 1, end))
                    }
                }
                // Most of many alternatives fall by their first character.
                Op::Split(first, second) if matches!(&self.ops[*first], Op::One(set) if !text.get(at).is_some_and(|&b| set.has(b))) => {
                    Some((*second, at))
                }
                Op::Split(first, second) => {
                    retries.push(Retry::At(*second, at));
                    Some((*first, at))
                }
                Op::Jump(to) => Some((*to, at)),
                Op::Open(group) => Some(set_slot(&mut slots, retries, 2 * *group as usize, at, op)),
                Op::Close(group) => Some(set_slot(
                    &mut slots,
                    retries,
                    2 * *group as usize + 1,
                    at,
                    op,
                )),
                Op::Start => (at == 0).then_some((op + 1, at)),
                // As in Python, before a last line break too.
                Op::Stop => (at == text.len() || (at + 1 == text.len() && text[at] == b'\n'))
                    .then_some((op + 1, at)),
                Op::Border => {
                    let before = at > 0 && is_word(text[at - 1]);
                    let after = at < text.len() && is_word(text[at]);
                    (before != after).then_some((op + 1, at))
                }
                Op::Done => {
                    slots[0] = start;
                    slots[1] = at;
                    return Some(Found(slots));
                }
            };
            (op, at) = match next {
                Some(next) => next,
                None => self.retry(text, &mut slots, retries)?,
            };
        }
    }

    /// Where to go on after a failure.
    fn retry(
        &self,
        text: &[u8],
        slots: &mut [usize; 2 * GROUPS],
        retries: &mut Vec<Retry>,
    ) -> Option<(usize, usize)> {
        loop {
            match retries.pop()? {
                Retry::At(op, at) => return Some((op, at)),
                Retry::Slot(slot, old) => slots[slot] = old,
                Retry::Shorter(op, least, mut end) => {
                    let Op::Run(_, _, _, _, next) = &self.ops[op - 1] else {
                        continue;
                    };
                    while end > least {
                        end -= 1;
                        if !is_inside(text[end]) && may_follow(text, end, next) {
                            if end > least {
                                retries.push(Retry::Shorter(op, least, end));
                            }
                            return Some((op, end));
                        }
                    }
                }
                Retry::Longer(op, mut end, mut more) => {
                    let Op::Run(set, _, _, _, next) = &self.ops[op] else {
                        continue;
                    };
                    while more > 0 && end < text.len() && set.has(text[end]) {
                        end += width(text[end]);
                        more -= 1;
                        if may_follow(text, end, next) {
                            if more > 0 {
                                retries.push(Retry::Longer(op, end, more));
                            }
                            return Some((op + 1, end));
                        }
                    }
                }
            }
        }
    }
}

fn set_slot(
    slots: &mut [usize; 2 * GROUPS],
    retries: &mut Vec<Retry>,
    slot: usize,
    at: usize,
    op: usize,
) -> (usize, usize) {
    if !retries.is_empty() {
        retries.push(Retry::Slot(slot, slots[slot]));
    }
    slots[slot] = at;
    (op + 1, at)
}

fn may_follow(text: &[u8], at: usize, next: &ByteSet) -> bool {
    match text.get(at) {
        Some(&byte) => next.has(byte),
        None => *next == ByteSet::ALL,
    }
}

pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether a byte is the second or a later one of its character.
fn is_inside(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// How many bytes a character has, by its first.
fn width(byte: u8) -> usize {
    match byte {
        0..0xC0 => 1,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(pattern: &str, text: &str) -> Option<(usize, usize)> {
        let pattern = Pattern::compile(pattern).expect(pattern);
        pattern
            .search(text, 0, &mut Scratch::default())
            .and_then(|found| found.span(Group::Whole))
    }

    #[test]
    fn repeats_prefer_what_python_prefers() {
        assert_eq!(whole("a{2,3}a", "aaaa"), Some((0, 4)));
        assert_eq!(whole("a{2,3}?a", "aaaa"), Some((0, 3)));
        assert_eq!(whole("a{2,3}+a", "aaa"), None);
        assert_eq!(whole("(?:ab|a)(?:bc|c)", "abc"), Some((0, 3)));
        assert_eq!(whole("(?:ab){1,2}?c", "ababc"), Some((0, 5)));
        assert_eq!(whole("x(?:-{1,2}[^-]+)*y", "x-a--by--"), Some((0, 7)));
        assert_eq!(whole("[^a]{2}$", "éa€ß"), Some((3, 8)));
        assert_eq!(whole("(?i:K)", "\u{212a}k"), Some((3, 4)));
        assert_eq!(whole("a$", "a\n"), Some((0, 1)));
        assert_eq!(whole(r"\bb", "ab éb"), Some((5, 6)));
    }

    #[test]
    fn groups_forget_what_was_given_back() {
        let pattern = Pattern::compile("(?:(?P<scheme>a+) )?(?P<secret>[a ]+)b").expect("valid");
        let found = pattern
            .at("aa aab", 0, &mut Scratch::default())
            .expect("matches");
        assert_eq!(found.span(Group::Scheme), Some((0, 2)));
        let found = pattern
            .at("aa b", 0, &mut Scratch::default())
            .expect("matches");
        assert_eq!(found.span(Group::Scheme), None);
        assert_eq!(found.span(Group::Secret), Some((0, 3)));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for pattern in [
            "(a)", "a)", "(?:a", "[a", ".", r"\1", "(?=a)", "a{3,2}", "(?:a?)*", "é", "(?P<x>a)",
            "(?:ab)*+",
        ] {
            assert!(Pattern::compile(pattern).is_err(), "{pattern}");
        }
    }
}
