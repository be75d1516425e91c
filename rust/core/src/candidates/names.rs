//! How well the stem, the symbols and the name of a file match a query.

use std::borrow::Cow;

use memchr::memmem::Finder;

use crate::cards::Card;
use crate::segment::{Files, Part};

/// The columns of `groma.types.Named`.
#[derive(Default)]
pub struct Named {
    pub part: Vec<i64>,
    pub row: Vec<i64>,
    pub roles: Vec<i64>,
    pub share: Vec<f64>,
    pub cover: Vec<f64>,
    pub best: Vec<f64>,
    pub defines: Vec<f64>,
    pub called: Vec<f64>,
    pub start: Vec<i64>,
    pub symbols: Vec<i64>,
    pub overlaps: Vec<f64>,
}

/// What is asked of names: the query's words with their terms, symbols it names, and these without case and underscores.
pub struct Asked<'a> {
    pub words: &'a [&'a str],
    pub terms: &'a [u32],
    pub named: &'a [&'a str],
    pub flat: &'a [&'a str],
}

/// Where the names are: `weights` are those of each part's name terms, `rare` that of a term which no file has.
pub struct Names<'a> {
    pub parts: &'a [&'a Part],
    pub weights: &'a [&'a [f64]],
    pub rare: f64,
}

/// Their columns, found once.
struct Columns<'a> {
    parts: Vec<(Files<'a>, &'a [f64])>,
    rare: f64,
}

impl Columns<'_> {
    fn weight_in(&self, part: usize, term: u32) -> Option<f64> {
        let (files, weights) = self.parts[part];
        let at = files.names.binary_search(&term).ok()?;
        weights.get(at).copied()
    }

    fn weight(&self, term: u32) -> f64 {
        (0..self.parts.len())
            .find_map(|part| self.weight_in(part, term))
            .unwrap_or(self.rare)
    }
}

struct Word<'a> {
    text: &'a [u8],
    weight: f64,
}

/// How well the names in some files match a query; the formulas are told in the twin. `names` has as many weights as parts.
pub fn match_names(names: &Names<'_>, files: &[i64], asked: &Asked<'_>) -> Named {
    let names = Columns {
        parts: (names.parts.iter().zip(names.weights))
            .map(|(part, weights)| (part.by_file(), *weights))
            .collect(),
        rare: names.rare,
    };
    let words: Vec<Word> = asked
        .words
        .iter()
        .zip(asked.terms)
        .map(|(text, term)| Word {
            text: text.as_bytes(),
            weight: names.weight(*term),
        })
        .collect();
    let mut total = words.iter().fold(0.0, |sum, word| sum + word.weight);
    if total == 0.0 {
        total = 1.0;
    }
    let known = Known::of(asked.terms, &words);
    let named: Vec<Finder> = asked.named.iter().map(Finder::new).collect();
    let mut recent = Recent([(0, usize::MAX, 0.0); RECENT]);
    let mut found = Named {
        start: vec![0],
        ..Named::default()
    };
    for file in files {
        let place = names
            .parts
            .iter()
            .enumerate()
            .rev()
            .find_map(|(p, (part, _))| Some((p, part.ids.binary_search(file).ok()?)));
        let card = place.map_or_else(Card::default, |(p, row)| {
            Card::read(names.parts[p].0.card(row))
        });
        found.part.push(place.map_or(-1, |(p, _)| p as i64));
        found.row.push(place.map_or(-1, |(_, row)| row as i64));
        found.roles.push(i64::from(card.roles));
        let (share, cover) = stem(&card, &words, total);
        found.share.push(share);
        found.cover.push(cover);
        let mut best = 0.0_f64;
        let mut hits = known.hits(&card).peekable();
        while let Some((nth, mut hit)) = hits.next() {
            while let Some((_, weight)) = hits.next_if(|(other, _)| *other == nth) {
                hit += weight;
            }
            let Some((part, _)) = place else { break };
            let all = card
                .terms_of(nth)
                .iter()
                .fold(0.0, |sum, term| sum + recent.weight(&names, part, *term));
            let overlap = hit / total * (hit / all).sqrt();
            best = best.max(overlap);
            found.symbols.push(nth as i64);
            found.overlaps.push(overlap);
        }
        drop(hits);
        found.best.push(best);
        found.start.push(found.symbols.len() as i64);
        let wanted = place.is_some() && !(asked.named.is_empty() && asked.flat.is_empty());
        found.defines.push(if wanted {
            defines(&card, asked, &named)
        } else {
            0.0
        });
        found.called.push(if wanted {
            called(card.path, asked.flat)
        } else {
            0.0
        });
    }
    found
}

/// Weights that were looked up: a symbol's terms are mostly those of its neighbours.
struct Recent([(u32, usize, f64); RECENT]);

const RECENT: usize = 512;

impl Recent {
    fn weight(&mut self, names: &Columns<'_>, part: usize, term: u32) -> f64 {
        let slot = &mut self.0[term as usize % RECENT];
        if (slot.0, slot.1) != (term, part) {
            *slot = (
                term,
                part,
                names.weight_in(part, term).unwrap_or(names.rare),
            );
        }
        slot.2
    }
}

/// 1 where the file defines a symbol that is named, whole or bare; ½ where one is like it but for case and underscores. `named` finds each of
/// the names in a text: most files have none of them anywhere.
fn defines(card: &Card<'_>, asked: &Asked<'_>, named: &[Finder<'_>]) -> f64 {
    if named.iter().any(|name| name.find(card.symbols).is_some()) {
        let is = |name: &&str, symbol| name.as_bytes() == symbol || name.as_bytes() == bare(symbol);
        if card
            .symbols()
            .any(|symbol| asked.named.iter().any(|name| is(name, symbol)))
        {
            return 1.0;
        }
    }
    let alike = |name: &&str, bare| {
        begins_alike(name.as_bytes(), bare) && name.as_bytes() == flattened(bare, b"_").as_ref()
    };
    if !asked.flat.is_empty()
        && card
            .symbols()
            .map(bare)
            .any(|bare| asked.flat.iter().any(|name| alike(name, bare)))
    {
        0.5
    } else {
        0.0
    }
}

/// Could the two be the same but for case and underscores, by their first letters?
fn begins_alike(flat: &[u8], name: &[u8]) -> bool {
    match name.iter().find(|byte| **byte != b'_') {
        Some(byte) if byte.is_ascii() => flat.first() == Some(&byte.to_ascii_lowercase()),
        _ => true,
    }
}

/// A symbol's own name, without what it is in, its parameters or their types.
fn bare(symbol: &[u8]) -> &[u8] {
    let name = symbol
        .rsplit(|byte| matches!(byte, b'.' | b':' | b'\\'))
        .next()
        .unwrap_or_default();
    name.split(|byte| matches!(byte, b'<' | b'('))
        .next()
        .unwrap_or_default()
}

/// Lower case, without some characters.
fn flattened<'a>(name: &'a [u8], without: &[u8]) -> Cow<'a, [u8]> {
    if name
        .iter()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    {
        return Cow::Borrowed(name);
    }
    let mut lower = match std::str::from_utf8(name) {
        Ok(text) if !text.is_ascii() => text.to_lowercase().into_bytes(),
        _ => name.to_ascii_lowercase(),
    };
    lower.retain(|byte| !without.contains(byte));
    Cow::Owned(lower)
}

/// How well a file's own name fits one of `flat`.
fn called(path: &[u8], flat: &[&str]) -> f64 {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let end = name
        .iter()
        .rposition(|byte| *byte == b'.')
        .unwrap_or(name.len());
    let stem = flattened(&name[..end], b"_-");
    if flat.iter().any(|name| name.as_bytes() == stem.as_ref()) {
        return 1.0;
    }
    let long = |text: &[u8]| characters(text) >= 4;
    if long(&stem) && flat.iter().any(|name| name.as_bytes().starts_with(&stem)) {
        return 0.5;
    }
    if flat
        .iter()
        .any(|name| long(name.as_bytes()) && stem.starts_with(name.as_bytes()))
    {
        0.4
    } else {
        0.0
    }
}

fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| *byte & 0xC0 != 0x80).count()
}

/// The query's terms, most others being out at once by their low bits.
struct Known {
    maybe: [u64; 1024],
    terms: Vec<(u32, f64)>,
}

impl Known {
    fn of(terms: &[u32], words: &[Word<'_>]) -> Known {
        let mut known = Known {
            maybe: [0; 1024],
            terms: Vec::with_capacity(words.len()),
        };
        for (term, word) in terms.iter().zip(words) {
            let low = *term as usize & 0xFFFF;
            known.maybe[low / 64] |= 1 << (low % 64);
            known.terms.push((*term, word.weight));
        }
        known
    }

    /// Every term of a symbol that is one of the query's: number of the symbol, weight.
    fn hits(&self, card: &Card<'_>) -> impl Iterator<Item = (usize, f64)> {
        let mut nth = 0;
        let found = card.terms.iter().enumerate();
        found.filter_map(move |(i, term)| {
            let weight = self.weight(*term)?;
            nth += card.term_end[nth..].partition_point(|end| *end as usize <= i);
            Some((nth, weight))
        })
    }

    fn weight(&self, term: u32) -> Option<f64> {
        let low = term as usize & 0xFFFF;
        if self.maybe[low / 64] >> (low % 64) & 1 == 0 {
            return None;
        }
        self.terms
            .iter()
            .rev()
            .find(|(known, _)| *known == term)
            .map(|(_, weight)| *weight)
    }
}

/// `share` and `cover` of a file's stem.
fn stem(card: &Card<'_>, words: &[Word<'_>], total: f64) -> (f64, f64) {
    let (mut mask, mut named, mut all) = (0_u128, 0_u32, 0_u32);
    for stem in card.stems() {
        all += 1;
        let mut like = 0_u128;
        for (i, word) in words.iter().enumerate().take(128) {
            like |= u128::from(alike(word.text, stem)) << i;
        }
        mask |= like;
        named += u32::from(like != 0);
    }
    if named == 0 {
        return (0.0, 0.0);
    }
    let mut held = 0.0;
    for (i, word) in words.iter().enumerate().take(128) {
        if mask >> i & 1 == 1 {
            held += word.weight;
        }
    }
    (held / total, f64::from(named) / f64::from(all))
}

/// Equal, or one is the beginning of the other, over at least three characters.
fn alike(a: &[u8], b: &[u8]) -> bool {
    let n = a.len().min(b.len());
    a.first() == b.first() && a[..n] == b[..n] && (a.len() == b.len() || characters(&a[..n]) >= 3)
}
