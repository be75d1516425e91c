//! The sparse dot product of a query with every chunk, and in how many chunks a term occurs.

use std::ops::Range;

use rayon::prelude::*;

use super::top::{Leg, Top, scanned};
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
    let runs: Vec<(Postings, Vec<Run>)> = parts
        .iter()
        .map(|part| {
            let postings = part.postings();
            let found = terms
                .iter()
                .zip(&scaled)
                .filter_map(|(term, weight)| Some((postings.find(*term)?, *weight)));
            (postings, found.collect())
        })
        .collect();
    let least = f32::from_bits(1); // the smallest number above zero
    scanned(parts, k, least, |i, chunks, top| {
        let (postings, runs) = &runs[i];
        if !runs.is_empty() {
            window_by_window(i, postings, runs, parts[i].hits(), masks[i], chunks, top);
        }
    })
}

fn window_by_window(
    part: usize,
    postings: &Postings,
    runs: &[Run],
    hits: &[i64],
    mask: &[u8],
    chunks: Range<usize>,
    top: &mut Top,
) {
    let rows = postings.rows;
    let impacts = &postings.impacts[..rows.len().min(postings.impacts.len())];
    let mut cursors: Vec<usize> = runs
        .iter()
        .map(|(run, _)| {
            if chunks.start == 0 {
                run.start
            } else {
                run.start + rows[run.clone()].partition_point(|c| (*c as usize) < chunks.start)
            }
        })
        .collect();
    let mut sums = vec![0f32; WINDOW.min(chunks.len())];
    for base in chunks.clone().step_by(WINDOW) {
        let size = WINDOW.min(chunks.end - base);
        let sums = &mut sums[..size];
        sums.fill(0.0);
        let mut touched = false;
        for ((run, weight), cursor) in runs.iter().zip(&mut cursors) {
            let rest = &rows[*cursor..run.end.max(*cursor)];
            let here = upto(rest, base + size);
            let end = (*cursor + here).min(impacts.len());
            for (chunk, impact) in rest[..here]
                .iter()
                .zip(impacts.get(*cursor..end).unwrap_or_default())
            {
                if let Some(sum) = sums.get_mut((*chunk as usize).wrapping_sub(base)) {
                    *sum += weight * f32::from(*impact);
                }
            }
            touched |= here > 0;
            *cursor += here;
        }
        if touched {
            top.offer(part, hits, base, sums, &mask[base..base + size]);
        }
    }
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

/// Fewer postings than this are counted on one core.
const ALONE: usize = 1 << 18;

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
        let seen = |run: &Range<usize>| -> i64 {
            let rows = &table.rows[run.clone()];
            rows.iter()
                .map(|row| i64::from(mask.get(*row as usize).is_some_and(|on| *on != 0)))
                .sum()
        };
        if total < ALONE {
            for (i, run) in &runs {
                counts[*i] += seen(run);
            }
        } else {
            let found: Vec<i64> = runs.par_iter().map(|(_, run)| seen(run)).collect();
            for ((i, _), n) in runs.iter().zip(found) {
                counts[*i] += n;
            }
        }
    }
    counts
}
