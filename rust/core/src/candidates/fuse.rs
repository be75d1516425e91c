//! Legs become files: a text score and a meaning each, and their passages.

use std::collections::{HashMap, HashSet};

use super::better;

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
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(files[a.1].id.cmp(&files[b.1].id)));
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

/// How far a cosine lies above the median, 0..1.
struct Meaning {
    low: f64,
    spread: f64,
}

impl Meaning {
    fn over(mut cosines: Vec<f64>) -> Meaning {
        cosines.sort_unstable_by(f64::total_cmp);
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
