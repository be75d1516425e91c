//! The table of credentials, `rules.txt`, which the plain core reads too, and where its keywords stand in a text.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use super::pattern::Pattern;

/// What a match must still prove.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    Token,
    Random,
    Password,
    Basic,
    Header,
    Connection,
    Assigned,
    Key,
    Salt,
}

/// Where no further word character may touch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alone {
    Both,
    End,
    No,
}

#[derive(Debug)]
pub struct Rule {
    pub name: &'static str,
    keywords: Vec<String>,
    source: &'static str,
    pattern: OnceLock<Pattern>,
    pub check: Check,
    pub entropy: f64,
    pub reach: usize,
    pub alone: Alone,
}

/// Three characters, five bits each: the lowest five bits tell letters apart whatever their case.
const CELLS: usize = 1 << 15;
/// Letters of code from common to rare, to look for the rarest three characters of a keyword.
const COMMON: &[u8] = b"etrasinolcdpumfhgbyvwkxzjq";

struct Keyword {
    text: String,
    /// From its beginning to its rarest characters.
    offset: usize,
    rules: Vec<u16>,
}

pub struct Table {
    pieces: HashMap<&'static str, &'static str>,
    named: [OnceLock<Pattern>; NAMED.len()],
    pub rules: Vec<Rule>,
    keywords: Vec<Keyword>,
    /// A bit for each cell that a keyword has: small enough to stay beside the processor.
    bits: Box<[u64; CELLS / 64]>,
    /// Of each cell, where its keywords begin in `owners`.
    starts: Vec<u16>,
    owners: Vec<u16>,
    word_pairs: [u32; 26],
}

/// Pieces of the table that are searched for in values and names.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    Placeholder,
    MadeUp,
    FileOrHost,
    Connection,
    CredentialName,
    OtherName,
}

const NAMED: [&str; 6] = [
    "PLACEHOLDER",
    "MADE_UP",
    "FILE_OR_HOST",
    "CONNECTION",
    "CREDENTIAL_NAME",
    "OTHER_NAME",
];

static TABLE: LazyLock<Table> =
    LazyLock::new(|| Table::read(include_str!("../../../../src/groma/masking/rules.txt")));

pub fn table() -> &'static Table {
    &TABLE
}

impl Table {
    fn read(text: &'static str) -> Table {
        let mut pieces = HashMap::new();
        let mut rules: Vec<Rule> = Vec::new();
        for line in text.lines() {
            if let Some((name, pattern)) = line
                .strip_prefix("let ")
                .and_then(|rest| rest.split_once(' '))
            {
                pieces.insert(name, pattern);
            } else if let Some(name) = line.strip_prefix("rule ") {
                rules.push(Rule {
                    name,
                    keywords: Vec::new(),
                    source: "",
                    pattern: OnceLock::new(),
                    check: Check::Token,
                    entropy: -1.0,
                    reach: 0,
                    alone: Alone::Both,
                });
            } else if let Some((field, value)) = line
                .strip_prefix("  ")
                .and_then(|rest| rest.split_once(' '))
                && let Some(rule) = rules.last_mut()
            {
                rule.set(field, value);
            }
        }
        for rule in &mut rules {
            if rule.entropy < 0.0 {
                rule.entropy = if rule.check == Check::Token { 3.0 } else { 0.0 };
            }
        }
        let mut word_pairs = [0; 26];
        for pair in pieces.get("WORD_PAIRS").unwrap_or(&"").split(' ') {
            if let [a @ b'a'..=b'z', b @ b'a'..=b'z'] = pair.as_bytes() {
                word_pairs[usize::from(a - b'a')] |= 1 << (b - b'a');
            }
        }
        let keywords = keywords_of(&rules);
        let mut cells: Vec<(u16, u16)> = Vec::new();
        for (i, keyword) in keywords.iter().enumerate() {
            cells.extend(cells_of(keyword).map(|cell| (cell, i as u16)));
        }
        cells.sort_unstable();
        let mut bits = Box::new([0; CELLS / 64]);
        let mut starts = vec![0; CELLS + 1];
        for &(cell, _) in &cells {
            bits[usize::from(cell) / 64] |= 1 << (cell % 64);
            starts[usize::from(cell) + 1] += 1;
        }
        for i in 0..CELLS {
            starts[i + 1] += starts[i];
        }
        let owners = cells.into_iter().map(|(_, keyword)| keyword).collect();
        Table {
            pieces,
            named: Default::default(),
            rules,
            keywords,
            bits,
            starts,
            owners,
            word_pairs,
        }
    }

    /// A pattern with the pieces it names written out.
    fn whole(&self, pattern: &str) -> String {
        let mut whole = String::with_capacity(pattern.len() * 2);
        let mut rest = pattern;
        while let Some(at) = rest.find('{') {
            whole.push_str(&rest[..at]);
            let piece = rest[at + 1..]
                .split_once('}')
                .and_then(|(name, after)| Some((self.pieces.get(name)?, after)));
            match piece {
                Some((piece, after)) => {
                    whole.push_str(&self.whole(piece));
                    rest = after;
                }
                None => {
                    whole.push('{');
                    rest = &rest[at + 1..];
                }
            }
        }
        whole + rest
    }

    /// The pattern of a rule, compiled when first asked for: most texts need few.
    pub fn pattern(&self, number: usize) -> &Pattern {
        let rule = &self.rules[number];
        rule.pattern.get_or_init(|| self.compile(rule.source))
    }

    pub fn looks(&self, look: Look) -> &Pattern {
        let i = look as usize;
        self.named[i].get_or_init(|| self.compile(self.pieces[NAMED[i]]))
    }

    /// The table is a part of the program: what is wrong with it, the test below says before anybody is hurt.
    fn compile(&self, source: &str) -> Pattern {
        Pattern::compile(&self.whole(source)).unwrap_or_else(|why| panic!("{why}"))
    }

    pub fn is_word_pair(&self, first: u8, second: u8) -> bool {
        match (first | 0x20, second | 0x20) {
            (a @ b'a'..=b'z', b @ b'a'..=b'z') => {
                self.word_pairs[usize::from(a - b'a')] >> (b - b'a') & 1 != 0
            }
            _ => false,
        }
    }

    /// Every keyword in the text: where it begins, and the numbers of its rules.
    pub fn keywords_in(&self, text: &[u8], mut found: impl FnMut(usize, &[u16])) {
        let mut gram: u32 = 0;
        // One character more than there is, for a keyword of two at the end.
        for (i, &byte) in text.iter().chain([&0]).enumerate() {
            gram = gram << 5 | u32::from(byte & 31);
            let cell = gram as usize & (CELLS - 1);
            if self.bits[cell / 64] >> (cell % 64) & 1 == 0 {
                continue;
            }
            for &owner in
                &self.owners[usize::from(self.starts[cell])..usize::from(self.starts[cell + 1])]
            {
                let keyword = &self.keywords[usize::from(owner)];
                let Some(start) = (i + 1).checked_sub(3 + keyword.offset) else {
                    continue;
                };
                let there = text.get(start..start + keyword.text.len());
                if there.is_some_and(|there| there.eq_ignore_ascii_case(keyword.text.as_bytes())) {
                    found(start, &keyword.rules);
                }
            }
        }
    }
}

impl Rule {
    fn set(&mut self, field: &str, value: &'static str) {
        let name = self.name;
        let unknown = || -> ! { panic!("{name}: {field} {value}") };
        match field {
            "keywords" => {
                self.keywords = value
                    .split(' ')
                    .map(|word| word.replace("\\s", " "))
                    .collect()
            }
            "pattern" => self.source = value,
            "entropy" => self.entropy = value.parse().unwrap_or_else(|_| unknown()),
            "reach" => self.reach = value.parse().unwrap_or_else(|_| unknown()),
            "alone" => {
                self.alone = match value {
                    "both" => Alone::Both,
                    "end" => Alone::End,
                    "no" => Alone::No,
                    _ => unknown(),
                }
            }
            "check" => {
                self.check = match value {
                    "token" => Check::Token,
                    "random" => Check::Random,
                    "password" => Check::Password,
                    "basic" => Check::Basic,
                    "header" => Check::Header,
                    "connection" => Check::Connection,
                    "assigned" => Check::Assigned,
                    "key" => Check::Key,
                    "salt" => Check::Salt,
                    _ => unknown(),
                }
            }
            _ => unknown(),
        }
    }
}

fn keywords_of(rules: &[Rule]) -> Vec<Keyword> {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut keywords: Vec<Keyword> = Vec::new();
    for (number, rule) in rules.iter().enumerate() {
        for text in &rule.keywords {
            let i = *numbers.entry(text).or_insert_with(|| {
                keywords.push(Keyword {
                    text: text.clone(),
                    offset: rarest(text.as_bytes()),
                    rules: Vec::new(),
                });
                keywords.len() - 1
            });
            keywords[i].rules.push(number as u16);
        }
    }
    keywords
}

/// Where the three rarest characters of a keyword begin.
fn rarest(keyword: &[u8]) -> usize {
    let rarity = |byte: &u8| {
        COMMON
            .iter()
            .position(|common| common == byte)
            .unwrap_or(COMMON.len())
    };
    let grams = keyword
        .windows(3)
        .map(|gram| gram.iter().map(rarity).sum::<usize>())
        .enumerate();
    grams
        .max_by_key(|&(at, rare)| (rare, std::cmp::Reverse(at)))
        .map_or(0, |(at, _)| at)
}

/// The cells of a keyword: of one of two characters, all that begin so.
fn cells_of(keyword: &Keyword) -> impl Iterator<Item = u16> + use<> {
    let low = |i: usize| {
        keyword
            .text
            .as_bytes()
            .get(keyword.offset + i)
            .map(|byte| u16::from(byte & 31))
    };
    let begun = low(0).unwrap_or(0) << 10 | low(1).unwrap_or(0) << 5;
    let last = low(2);
    (0..32)
        .filter(move |&rest| last.is_none_or(|last| last == rest))
        .map(move |rest| begun | rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_table_is_understood() {
        assert!(table().rules.len() >= 140);
        for number in 0..table().rules.len() {
            table().pattern(number);
            assert!(
                table().rules[number]
                    .keywords
                    .iter()
                    .all(|word| word.len() >= 2)
            );
        }
        for look in [
            Look::Placeholder,
            Look::MadeUp,
            Look::FileOrHost,
            Look::Connection,
            Look::CredentialName,
            Look::OtherName,
        ] {
            table().looks(look);
        }
    }

    #[test]
    fn keywords_are_found_in_any_case_and_at_either_end() {
        let mut found = Vec::new();
        table().keywords_in(b"KEY q~", |start, _| found.push(start));
        assert_eq!(found, [0, 4]);
        table().keywords_in(b"", |_, _| unreachable!());
    }
}
