//! A file's card: what ranking asks about the names in one file. `groma._pure.cards` tells the format, and writes it.

use bytemuck::{cast_slice, try_cast_slice};

/// Seven numbers, and a blob id that is of no concern here.
const HEAD: usize = 7 + 5;

/// A card, read where it lies. One that is not whole reads as an empty one.
#[derive(Default)]
pub struct Card<'a> {
    pub roles: u32,
    pub path: &'a [u8],
    stems: &'a [u8],
    /// The names of its symbols, a line each.
    pub symbols: &'a [u8],
    /// Where the terms of each symbol end; never falls, and the last end is that of `terms`.
    pub term_end: &'a [u32],
    pub terms: &'a [u32],
}

impl<'a> Card<'a> {
    pub fn read(data: &'a [u8]) -> Card<'a> {
        Card::whole(data).unwrap_or_default()
    }

    fn whole(data: &'a [u8]) -> Option<Card<'a>> {
        let words: &[u32] = try_cast_slice(data).ok()?;
        let head = words.get(..HEAD)?;
        let at = |i: usize| head[i] as usize;
        let numbers = words.get(HEAD..)?;
        let (symbols, terms) = (at(5), at(6));
        let term_end = numbers.get(..symbols)?;
        let text: &[u8] = cast_slice(numbers.get(symbols + terms..)?);
        let terms = numbers.get(symbols..symbols + terms)?;
        let (path, rest) = text.split_at_checked(at(1))?;
        let (stems, rest) = rest.get(at(2)..)?.split_at_checked(at(3))?;
        let symbols = rest.get(..at(4))?;
        // No early end, so that the compiler can take many at a time.
        let rises = term_end
            .windows(2)
            .fold(true, |all, w| all & (w[0] <= w[1]));
        let ends = term_end
            .last()
            .is_none_or(|end| *end as usize == terms.len());
        (rises && ends).then_some(Card {
            roles: head[0],
            path,
            stems,
            symbols,
            term_end,
            terms,
        })
    }

    /// The words of the file's stem.
    pub fn stems(&self) -> impl Iterator<Item = &'a [u8]> {
        lines(self.stems)
    }

    /// The names of its symbols.
    pub fn symbols(&self) -> impl Iterator<Item = &'a [u8]> {
        lines(self.symbols)
    }

    /// The distinct terms of symbol `nth`.
    pub fn terms_of(&self, nth: usize) -> &'a [u32] {
        let end = |i: usize| self.term_end.get(i).map(|end| *end as usize);
        let first = nth.checked_sub(1).and_then(end).unwrap_or(0);
        end(nth)
            .and_then(|end| self.terms.get(first..end))
            .unwrap_or_default()
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}
