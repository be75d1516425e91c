//! A query's candidates as columns: files out of the lists of passages, and how well the names in each file match the query. Twin of
//! `groma._pure.candidates`: every sum in the same order, in 64 bits.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use crate::cards::Card;
use crate::segment::Part;

/// One list of passages, best first; the slices have one length.
#[derive(Clone, Copy)]
pub struct Leg<'a> {
    pub ids: &'a [i64],
    pub files: &'a [i64],
    pub scores: &'a [f32],
}

/// The columns of `groma.types.Fused`.
#[derive(Default)]
pub struct Fused {
    pub files: Vec<i64>,
    pub text: Vec<f64>,
    pub meaning: Vec<f64>,
    pub start: Vec<i64>,
    pub ids: Vec<i64>,
    pub scores: Vec<f64>,
}

struct File {
    id: i64,
    text: f64,
    cosine: Option<f64>,
    /// Its passages of the sparse leg so far.
    nth: usize,
    /// The passage of it that came last; each names the one before it.
    last: Option<u32>,
}

struct Passage {
    score: f64,
    id: i64,
    before: Option<u32>,
}

/// The files of the legs, and their passages in the order they came.
struct Found {
    at: HashMap<i64, usize, Mixed>,
    files: Vec<File>,
    passages: Vec<Passage>,
}

impl Found {
    fn file(&mut self, id: i64) -> usize {
        *self.at.entry(id).or_insert_with(|| {
            self.files.push(File {
                id,
                text: 0.0,
                cosine: None,
                nth: 0,
                last: None,
            });
            self.files.len() - 1
        })
    }

    fn put(&mut self, file: usize, score: f64, id: i64) {
        let before = self.files[file].last.replace(self.passages.len() as u32);
        self.passages.push(Passage { score, id, before });
    }
}

/// The `most` best files of the legs; the formula is told in the twin.
pub fn fuse(
    sparse: Leg<'_>,
    dense: Option<Leg<'_>>,
    decays: &[f64],
    lean: f64,
    most: usize,
) -> Fused {
    let most_passages = sparse.ids.len() + dense.map_or(0, |leg| leg.ids.len());
    let mut found = Found {
        at: HashMap::with_capacity_and_hasher(most_passages, Mixed),
        files: Vec::with_capacity(most_passages),
        passages: Vec::with_capacity(most_passages),
    };
    let mut seen: HashSet<i64, Mixed> = HashSet::with_capacity_and_hasher(sparse.ids.len(), Mixed);
    for ((&id, &file), &score) in sparse.ids.iter().zip(sparse.files).zip(sparse.scores) {
        let (i, score) = (found.file(file), f64::from(score));
        let file = &mut found.files[i];
        file.text += score * decays.get(file.nth).copied().unwrap_or(0.0);
        file.nth += 1;
        found.put(i, score, id);
        seen.insert(id);
    }
    let mut cosines: Vec<f64> = Vec::new();
    if let Some(dense) = dense {
        for ((&id, &file), &score) in dense.ids.iter().zip(dense.files).zip(dense.scores) {
            let i = found.file(file);
            if found.files[i].cosine.is_none() {
                found.files[i].cosine = Some(f64::from(score));
                cosines.push(f64::from(score));
            }
            if !seen.contains(&id) {
                found.put(i, 0.0, id);
            }
        }
    }
    let top = found
        .files
        .iter()
        .fold(0.0_f64, |most, file| most.max(file.text));
    let top = if top == 0.0 { 1.0 } else { top };
    let meaning = Meaning::over(cosines);
    let mut order: Vec<(f64, usize)> = Vec::with_capacity(found.files.len());
    let mut columns: Vec<(f64, f64)> = Vec::with_capacity(found.files.len());
    for (i, file) in found.files.iter().enumerate() {
        let (text, meaning) = (file.text / top, meaning.of(file.cosine.unwrap_or(-1.0)));
        order.push((-text - lean * meaning, i));
        columns.push((text, meaning));
    }
    let files = &found.files;
    order.sort_unstable_by(|a, b| compare(a.0, b.0).then(files[a.1].id.cmp(&files[b.1].id)));
    order.truncate(most);
    let mut fused = Fused {
        start: vec![0],
        ..Fused::default()
    };
    let mut passages: Vec<(f64, i64)> = Vec::new();
    for (_, i) in order {
        fused.files.push(files[i].id);
        fused.text.push(columns[i].0);
        fused.meaning.push(columns[i].1);
        passages.clear();
        let mut next = files[i].last;
        while let Some(passage) = next.and_then(|n| found.passages.get(n as usize)) {
            passages.push((passage.score, passage.id));
            next = passage.before;
        }
        passages.sort_unstable_by(better);
        fused.ids.extend(passages.iter().map(|(_, id)| id));
        fused.scores.extend(passages.iter().map(|(score, _)| score));
        fused.start.push(fused.ids.len() as i64);
    }
    fused
}

/// The larger score first, then the smaller id.
fn better(a: &(f64, i64), b: &(f64, i64)) -> Ordering {
    compare(b.0, a.0).then(a.1.cmp(&b.1))
}

fn compare(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// How far a cosine lies above the median, 0..1.
struct Meaning {
    low: f64,
    spread: f64,
}

impl Meaning {
    fn over(mut cosines: Vec<f64>) -> Meaning {
        cosines.sort_unstable_by(|a, b| compare(*a, *b));
        let (Some(&high), half) = (cosines.last(), cosines.len() / 2) else {
            return Meaning {
                low: 0.0,
                spread: 0.0,
            };
        };
        let low = if cosines.len() % 2 == 1 {
            cosines[half]
        } else {
            (cosines[half - 1] + cosines[half]) / 2.0
        };
        Meaning {
            low,
            spread: high - low,
        }
    }

    fn of(&self, cosine: f64) -> f64 {
        if self.spread > 0.0 {
            ((cosine - self.low) / self.spread).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }
}

/// Ids are spread by one multiplication: they come from our own store, not from an adversary.
#[derive(Default, Clone, Copy)]
struct Mixed;

impl std::hash::BuildHasher for Mixed {
    type Hasher = Mix;
    fn build_hasher(&self) -> Mix {
        Mix(0)
    }
}

struct Mix(u64);

impl std::hash::Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }
    fn write_u64(&mut self, value: u64) {
        let mixed = (self.0 ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
    fn write_i64(&mut self, value: i64) {
        self.write_u64(value.cast_unsigned());
    }
}

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

impl Names<'_> {
    fn weight_in(&self, part: usize, term: u32) -> Option<f64> {
        let at = self.parts[part].names().binary_search(&term).ok()?;
        self.weights[part].get(at).copied()
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
            .find_map(|(p, part)| Some((p, part.files().binary_search(file).ok()?)));
        let card = place.map_or_else(Card::default, |(p, row)| {
            Card::read(names.parts[p].card(row))
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
                .fold(0.0, |sum, term| sum + recent.weight(names, part, *term));
            let overlap = hit / total * (hit / all).sqrt();
            best = best.max(overlap);
            found.symbols.push(nth as i64);
            found.overlaps.push(overlap);
        }
        drop(hits);
        found.best.push(best);
        found.start.push(found.symbols.len() as i64);
        let wanted = place.is_some() && !(asked.named.is_empty() && asked.flat.is_empty());
        found
            .defines
            .push(if wanted { defines(&card, asked) } else { 0.0 });
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
    fn weight(&mut self, names: &Names<'_>, part: usize, term: u32) -> f64 {
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

/// 1 where the file defines a symbol that is named, whole or bare; ½ where one is like it but for case and underscores.
fn defines(card: &Card<'_>, asked: &Asked<'_>) -> f64 {
    let mut alike = false;
    for symbol in card.symbols() {
        let bare = bare(symbol);
        if asked
            .named
            .iter()
            .any(|name| name.as_bytes() == symbol || name.as_bytes() == bare)
        {
            return 1.0;
        }
        alike = alike
            || (!asked.flat.is_empty()
                && asked
                    .flat
                    .iter()
                    .any(|name| name.as_bytes() == flattened(bare, b"_").as_ref()));
    }
    if alike { 0.5 } else { 0.0 }
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

/// `values[start[i]..start[i + 1]]`, nothing where there is no such run.
fn run<'a, T>(start: &[i64], i: usize, values: &'a [T]) -> &'a [T] {
    let bound = |i: usize| usize::try_from(*start.get(i)?).ok();
    let Some((first, last)) = bound(i).zip(i.checked_add(1).and_then(bound)) else {
        return &[];
    };
    values.get(first..last).unwrap_or_default()
}

/// Runs of values under ids: those of row i are `ids[start[i]..start[i + 1]]`, `values[...]`.
#[derive(Clone, Copy)]
pub struct Runs<'a> {
    pub start: &'a [i64],
    pub ids: &'a [i64],
    pub values: &'a [f64],
}

/// One run of passages for each of some files: where they are among all that were given, and what they score.
pub struct Chosen {
    pub start: Vec<i64>,
    pub places: Vec<i64>,
    pub scores: Vec<f64>,
}

/// How passages are weighed: a sparse score over `best`, an overlap times `lean`; so many of a file are chosen.
#[derive(Clone, Copy)]
pub struct Weighing {
    pub best: f64,
    pub lean: f64,
    pub most: usize,
}

/// The best passages of some files; the formula is told in the twin. `files` are numbers of runs of both `passages` and `symbols`, `spans` the
/// symbols that begin in each of their passages.
pub fn best_passages(
    passages: Runs<'_>,
    symbols: Runs<'_>,
    files: &[i64],
    mut spans: impl Iterator<Item = (i64, i64)>,
    by: Weighing,
) -> Chosen {
    let mut chosen = Chosen {
        start: vec![0],
        places: Vec::new(),
        scores: Vec::new(),
    };
    let mut scored: Vec<(f64, i64, i64)> = Vec::new();
    let mut passed = 0;
    let place = |row: i64| usize::try_from(row).unwrap_or(usize::MAX);
    for file in files {
        let ids = run(passages.start, place(*file), passages.ids);
        let scores = run(passages.start, place(*file), passages.values);
        let known = run(symbols.start, place(*file), symbols.ids);
        let overlaps = run(symbols.start, place(*file), symbols.values);
        scored.clear();
        for ((&id, &score), (begin, end)) in ids.iter().zip(scores).zip(spans.by_ref()) {
            let first = known.partition_point(|&symbol| symbol < begin);
            let overlap = known[first..]
                .iter()
                .zip(overlaps.get(first..).unwrap_or_default())
                .take_while(|(symbol, _)| **symbol < end);
            let named = overlap.fold(0.0_f64, |most, (_, &overlap)| most.max(overlap));
            scored.push((score / by.best + by.lean * named, id, passed));
            passed += 1;
        }
        scored.sort_unstable_by(|a, b| better(&(a.0, a.1), &(b.0, b.1)));
        for &(score, _, place) in scored.iter().take(by.most) {
            chosen.places.push(place);
            chosen.scores.push(score);
        }
        chosen.start.push(chosen.places.len() as i64);
    }
    chosen
}
