//! The sparse dot product of a query with every chunk, and in how many chunks a term occurs.

use std::ops::Range;

use super::top::{Leg, Top};
use super::{Part, Postings};

/// Chunks whose sums are kept at a time: 32 kB, so that they stay in the nearest cache.
const WINDOW: usize = 8192;

/// Where the postings of a query's term are in a part, and what each counts.
type Run = (Range<usize>, f32);

/// The k chunks with the largest Σ weight · impact / 255, among those where `masks` (one byte a chunk) is not zero.
///
/// Sums are float32 in the order of `terms`; ties go to the smaller hit id. `masks` are as long as the parts have chunks.
pub fn sparse_top(
    parts: &[&Part],
    masks: &[&[u8]],
    terms: &[u32],
    weights: &[f64],
    k: usize,
) -> Leg {
    let scaled: Vec<f32> = weights.iter().map(|w| (w / 255.0) as f32).collect();
    let mut top = Top::new(k, f32::from_bits(1)); // the smallest number above zero
    let mut sums = Vec::new();
    let mut runs: Vec<Run> = Vec::new();
    // On one core: a million chunks take less than a millisecond.
    for (i, (part, mask)) in parts.iter().zip(masks).enumerate() {
        let postings = part.postings();
        let found = terms
            .iter()
            .zip(&scaled)
            .filter_map(|(term, weight)| Some((postings.find(*term)?, *weight)));
        runs.clear();
        runs.extend(found);
        if k == 0 || runs.is_empty() {
            continue;
        }
        let n = part.ids().len();
        sums.resize(sums.len().max(n.min(WINDOW)), 0.0);
        for base in (0..n).step_by(WINDOW) {
            let size = WINDOW.min(n - base);
            if add(&postings, &mut runs, base, &mut sums[..size]) {
                top.offer(
                    i,
                    part.hits(),
                    base,
                    &sums[..size],
                    &mask[base..base + size],
                );
            }
        }
    }
    top.leg(parts)
}

/// The sums of the chunks from `base` on; takes what it used off the `runs`. False if it used nothing (then `sums` are of no use).
fn add(postings: &Postings, runs: &mut [Run], base: usize, sums: &mut [f32]) -> bool {
    let mut touched = false;
    for (run, weight) in runs {
        let rest = &postings.rows[run.clone()];
        let here = upto(rest, base + sums.len());
        if here == 0 {
            continue;
        }
        if !touched {
            sums.fill(0.0);
            touched = true;
        }
        let impacts = postings
            .impacts
            .get(run.start..run.start + here)
            .unwrap_or_default();
        for (chunk, impact) in rest[..here].iter().zip(impacts) {
            if let Some(sum) = sums.get_mut((*chunk as usize).wrapping_sub(base)) {
                *sum += *weight * f32::from(*impact);
            }
        }
        run.start += here;
    }
    touched
}

/// How many of `rows` (ascending) are below `end`; quick where that is all or few of them.
fn upto(rows: &[u32], end: usize) -> usize {
    if rows.last().is_none_or(|last| (*last as usize) < end) {
        return rows.len();
    }
    let mut step = 16;
    while step < rows.len() && (rows[step] as usize) < end {
        step *= 4;
    }
    let from = if step == 16 { 0 } else { step / 4 };
    from + rows[from..step.min(rows.len())].partition_point(|c| (*c as usize) < end)
}

/// In how many of the rows that `masks` shows each term occurs; aligned with `terms`.
pub fn frequencies(tables: &[Postings], masks: &[&[u8]], terms: &[u32]) -> Vec<i64> {
    let mut counts = vec![0i64; terms.len()];
    for (table, mask) in tables.iter().zip(masks) {
        let runs: Vec<(usize, Range<usize>)> = terms
            .iter()
            .enumerate()
            .filter_map(|(i, term)| Some((i, table.find(*term)?)))
            .collect();
        let total: usize = runs.iter().map(|(_, run)| run.len()).sum();
        if total > mask.len() / 8 && !mask.contains(&0) {
            for (i, run) in runs {
                counts[i] += run.len() as i64;
            }
            continue;
        }
        for (i, run) in runs {
            let seen = table.rows[run]
                .iter()
                .filter(|row| mask.get(**row as usize).is_some_and(|on| *on != 0));
            counts[i] += seen.count() as i64;
        }
    }
    counts
}

/// In how many of the rows that `masks` shows each key of each table occurs, in all of the tables together; aligned with the keys of each.
pub fn shared_frequencies(tables: &[Postings], masks: &[&[u8]]) -> Vec<Vec<i64>> {
    let own: Vec<Vec<i64>> = tables
        .iter()
        .zip(masks)
        .map(|(table, mask)| own_frequencies(table, mask))
        .collect();
    let together = |t: usize| {
        let mut counts = own[t].clone();
        for (other, theirs) in tables
            .iter()
            .zip(&own)
            .enumerate()
            .filter(|(o, _)| *o != t)
            .map(|(_, pair)| pair)
        {
            let mut at = 0;
            for (key, count) in tables[t].keys.iter().zip(&mut counts) {
                at += other
                    .keys
                    .get(at..)
                    .unwrap_or_default()
                    .iter()
                    .take_while(|k| *k < key)
                    .count();
                if other.keys.get(at) == Some(key) {
                    *count += theirs[at];
                }
            }
        }
        counts
    };
    if tables.len() < 2 {
        own
    } else {
        (0..tables.len()).map(together).collect()
    }
}

fn own_frequencies(table: &Postings, mask: &[u8]) -> Vec<i64> {
    let all = !mask.contains(&0);
    let shown = |row: &&u32| mask.get(**row as usize).is_some_and(|on| *on != 0);
    (0..table.keys.len())
        .map(|i| {
            let run = table.run(i);
            if all {
                run.len() as i64
            } else {
                table.rows[run].iter().filter(shown).count() as i64
            }
        })
        .collect()
}
