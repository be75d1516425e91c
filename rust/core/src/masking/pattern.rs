//! The patterns of `rules.txt`: compiled in microseconds, matched where they begin.
//!
//! Responsible for meaning exactly what Python's `re` with `re.ASCII` means by them: the first match in order of
//! preference, repeats counted in characters. The patterns hold counted repeats of up to 4,000, which cost an engine of
//! automata milliseconds to build; a process that masks ten lines has not so long. So this engine backtracks. It may,
//! because the table promises that repeats are bounded or cannot overlap what follows; where a repeat cannot give
//! anything back (the next character is none of its own), it does not try. No recursion on the text.
//!
//! A pattern is a constant of the program: `compile` tells what is wrong with one, and a test compiles all.

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

/// Bytes that one character may begin with. A character outside ASCII is in a set or not, whatever it is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Set([u64; 4]);

impl Set {
    const ALL: Set = Set([u64::MAX; 4]);

    fn of(bytes: &[u8]) -> Set {
        let mut set = Set::default();
        bytes.iter().for_each(|&b| set.add(b));
        set
    }

    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 != 0
    }

    fn or(mut self, other: Set) -> Set {
        (0..4).for_each(|i| self.0[i] |= other.0[i]);
        self
    }

    fn not(mut self) -> Set {
        self.0.iter_mut().for_each(|word| *word = !*word);
        self
    }

    fn meets(&self, other: &Set) -> bool {
        (0..4).any(|i| self.0[i] & other.0[i] != 0)
    }

    fn folded(mut self) -> Set {
        for letter in b'a'..=b'z' {
            let capital = letter.to_ascii_uppercase();
            if self.has(letter) || self.has(capital) {
                self.add(letter);
                self.add(capital);
            }
        }
        self
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    Greedy,
    Lazy,
    Possessive,
}

#[derive(Clone, Debug)]
enum Node {
    One(Set),
    Row(Vec<Node>),
    Either(Vec<Node>),
    Named(Group, Box<Node>),
    Repeat(Box<Node>, usize, usize, Mode),
    Start,
    Stop,
    Border,
}

#[derive(Clone, Debug)]
enum Op {
    One(Set),
    /// One set, again and again. The last: what may come next (all, where that is not known).
    Run(Set, usize, usize, Mode, Set),
    /// Try the first, then the second.
    Split(usize, usize),
    Jump(usize),
    Open(Group),
    Close(Group),
    Start,
    Stop,
    Border,
    Done,
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
    first: Set,
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
            None if self.first != Set::ALL => None,
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

fn may_follow(text: &[u8], at: usize, next: &Set) -> bool {
    match text.get(at) {
        Some(&byte) => next.has(byte),
        None => *next == Set::ALL,
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

/// What a match may go on with from an operation; all, where it may end.
fn next_of(ops: &[Op], from: usize) -> Set {
    let mut set = Set::default();
    let mut seen = vec![false; ops.len()];
    let mut open = vec![from];
    while let Some(op) = open.pop() {
        if std::mem::replace(&mut seen[op], true) {
            continue;
        }
        match &ops[op] {
            Op::One(one) => set = set.or(*one),
            Op::Run(one, low, ..) => {
                set = set.or(*one);
                if *low == 0 {
                    open.push(op + 1);
                }
            }
            Op::Split(first, second) => open.extend([*first, *second]),
            Op::Jump(to) => open.push(*to),
            Op::Open(_) | Op::Close(_) | Op::Start | Op::Border => open.push(op + 1),
            Op::Stop | Op::Done => return Set::ALL,
        }
    }
    set
}

fn may_be_empty(node: &Node) -> bool {
    match node {
        Node::One(_) => false,
        Node::Row(nodes) => nodes.iter().all(may_be_empty),
        Node::Either(nodes) => nodes.iter().any(may_be_empty),
        Node::Named(_, node) => may_be_empty(node),
        Node::Repeat(node, low, ..) => *low == 0 || may_be_empty(node),
        Node::Start | Node::Stop | Node::Border => true,
    }
}

fn emit(node: &Node, ops: &mut Vec<Op>) -> Result<(), String> {
    match node {
        Node::One(set) => ops.push(Op::One(*set)),
        Node::Row(nodes) => nodes.iter().try_for_each(|node| emit(node, ops))?,
        Node::Either(nodes) => {
            let mut ends = Vec::new();
            for (i, node) in nodes.iter().enumerate() {
                let split = ops.len();
                if i + 1 < nodes.len() {
                    ops.push(Op::Split(split + 1, 0));
                }
                emit(node, ops)?;
                if i + 1 < nodes.len() {
                    ends.push(ops.len());
                    ops.push(Op::Jump(0));
                    ops[split] = Op::Split(split + 1, ops.len());
                }
            }
            let end = ops.len();
            ends.into_iter().for_each(|jump| ops[jump] = Op::Jump(end));
        }
        Node::Named(group, node) => {
            ops.push(Op::Open(*group));
            emit(node, ops)?;
            ops.push(Op::Close(*group));
        }
        Node::Repeat(node, low, high, mode) => match node.as_ref() {
            Node::One(set) => ops.push(Op::Run(*set, *low, *high, *mode, Set::ALL)),
            _ if *mode == Mode::Possessive => {
                return Err("a possessive repeat of more than a class".into());
            }
            _ if may_be_empty(node) => return Err("a repeat of what may be empty".into()),
            _ => {
                (0..*low).try_for_each(|_| emit(node, ops))?;
                let lazy = *mode == Mode::Lazy;
                let mut splits = Vec::new();
                let endless = *high == NONE;
                for _ in *low..if endless { low + 1 } else { *high } {
                    splits.push(ops.len());
                    ops.push(Op::Jump(0));
                    emit(node, ops)?;
                    if endless {
                        ops.push(Op::Jump(splits[0]));
                    }
                }
                let end = ops.len();
                for split in splits {
                    ops[split] = if lazy {
                        Op::Split(end, split + 1)
                    } else {
                        Op::Split(split + 1, end)
                    };
                }
            }
        },
        Node::Start => ops.push(Op::Start),
        Node::Stop => ops.push(Op::Stop),
        Node::Border => ops.push(Op::Border),
    }
    Ok(())
}

struct Parser<'a> {
    source: &'a [u8],
    at: usize,
    fold: bool,
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

    fn either(&mut self) -> Result<Node, String> {
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
            byte => Node::One(self.cased(Set::of(&[byte]))),
        })
    }

    fn cased(&self, set: Set) -> Set {
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
    fn escape(&mut self) -> Result<Set, String> {
        let space = Set::of(b" \t\n\r\x0b\x0c");
        let digit = Set::of(b"0123456789");
        let mut word = digit;
        (0..128)
            .filter(|&byte| is_word(byte))
            .for_each(|byte| word.add(byte));
        Ok(match self.next()? {
            b's' => space,
            b'S' => space.not(),
            b'd' => digit,
            b'w' => word,
            b'n' => Set::of(b"\n"),
            b'r' => Set::of(b"\r"),
            b't' => Set::of(b"\t"),
            byte if byte.is_ascii_alphanumeric() => return Err(self.wrong("an unknown escape")),
            byte => Set::of(&[byte]),
        })
    }

    fn class(&mut self) -> Result<Set, String> {
        let negated = self.takes("^");
        let mut set = Set::default();
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
