//! The best passages of some files, by their own score and the symbols that begin in them.

use super::better;

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

/// `values[start[i]..start[i + 1]]`, nothing where there is no such run.
fn run<'a, T>(start: &[i64], i: usize, values: &'a [T]) -> &'a [T] {
    let bound = |i: usize| usize::try_from(*start.get(i)?).ok();
    let Some((first, last)) = bound(i).zip(i.checked_add(1).and_then(bound)) else {
        return &[];
    };
    values.get(first..last).unwrap_or_default()
}
