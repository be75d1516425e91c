//! The best passages of some files, by their own score and the symbols that begin in them.

use super::better;

/// Runs of values under ids: those of row i are `ids[start[i]..start[i + 1]]`, `values[...]`.
#[derive(Clone, Copy)]
pub struct Runs<'a> {
    pub start: &'a [i64],
    pub ids: &'a [i64],
    pub values: &'a [f64],
}

/// Passages in the order they are shown: where they are among all that were given, which of the files they are in, what they score.
#[derive(Default)]
pub struct Chosen {
    pub places: Vec<i64>,
    pub owners: Vec<i64>,
    pub scores: Vec<f64>,
}

/// How passages are weighed: a sparse score over `best`, an overlap times `lean`; beside its file's best one, number j of them by `decays[j]`.
#[derive(Clone, Copy)]
pub struct Weighing<'a> {
    pub best: f64,
    pub lean: f64,
    pub decays: &'a [f64],
}

/// The best passages of some files (numbers of runs of both `passages` and `symbols`, and their scores); the formula is told in the twin. `spans`
/// are the symbols that begin in each of their passages.
pub fn best_passages(
    passages: Runs<'_>,
    symbols: Runs<'_>,
    files: impl Iterator<Item = (i64, f64)>,
    mut spans: impl Iterator<Item = (i64, i64)>,
    by: Weighing<'_>,
) -> Chosen {
    let mut found: Vec<(f64, i64, i64)> = Vec::new();
    let mut own: Vec<(f64, i64, i64)> = Vec::new();
    let mut passed = 0;
    let place = |row: i64| usize::try_from(row).unwrap_or(usize::MAX);
    for (owner, (file, file_score)) in files.enumerate() {
        let ids = run(passages.start, place(file), passages.ids);
        let scores = run(passages.start, place(file), passages.values);
        let known = run(symbols.start, place(file), symbols.ids);
        let overlaps = run(symbols.start, place(file), symbols.values);
        own.clear();
        for ((&id, &score), (begin, end)) in ids.iter().zip(scores).zip(spans.by_ref()) {
            let first = known.partition_point(|&symbol| symbol < begin);
            let overlap = known[first..]
                .iter()
                .zip(overlaps.get(first..).unwrap_or_default())
                .take_while(|(symbol, _)| **symbol < end);
            let named = overlap.fold(0.0_f64, |most, (_, &overlap)| most.max(overlap));
            own.push((score / by.best + by.lean * named, id, passed));
            passed += 1;
        }
        own.sort_unstable_by(|a, b| better(&(a.0, a.1), &(b.0, b.1)));
        let top = own.first().map_or(0.0, |first| first.0).max(1e-6);
        for (j, (&(score, _, place), decay)) in own.iter().zip(by.decays).enumerate() {
            let share = if j == 0 { 1.0 } else { decay * (score / top) };
            found.push((file_score * share, place, owner as i64));
        }
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0)); // stable: ties stay in the order of the files
    let mut chosen = Chosen::default();
    for (score, place, owner) in found {
        chosen.places.push(place);
        chosen.owners.push(owner);
        chosen.scores.push(score);
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
