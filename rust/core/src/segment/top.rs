//! The k best of a scan, the scan in one go or over all cores, and what is told of them.

use std::ops::Range;

use rayon::prelude::*;

use super::Part;
use crate::threads::share_out;

/// One top-k list, best first: the store's ids of chunks and of their files, scores.
#[derive(Default, Debug, PartialEq)]
pub struct Leg {
    pub ids: Vec<i64>,
    pub files: Vec<i64>,
    pub scores: Vec<f32>,
}

/// Better ones are smaller: by score, ties by hit id, then by place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    rank: u32,
    hit: i64,
    part: u32,
    chunk: u32,
}

const SIGN: u32 = 1 << 31;

/// Scores as whole numbers that fall as they rise. The two zeros are one.
fn rank(score: f32) -> u32 {
    let bits = (score + 0.0).to_bits();
    if bits & SIGN == 0 {
        !(bits | SIGN)
    } else {
        bits
    }
}

fn score(rank: u32) -> f32 {
    f32::from_bits(if rank & SIGN == 0 {
        !rank & !SIGN
    } else {
        rank
    })
}

/// Collects candidates and forgets, now and then, all but the k best of them.
pub(super) struct Top {
    k: usize,
    room: usize,
    found: Vec<Candidate>,
    /// No score below this can be among the k best.
    floor: f32,
}

/// Scores looked at in one step: most steps of a long scan find none that is high enough.
const STEP: usize = 32;

impl Top {
    pub(super) fn new(k: usize, floor: f32) -> Top {
        Top {
            k,
            room: k.saturating_mul(2).max(64),
            found: Vec::new(),
            floor,
        }
    }

    /// Chunks `base..` of a part with their scores, those where `mask` is not zero.
    pub(super) fn offer(
        &mut self,
        part: usize,
        hits: &[i64],
        base: usize,
        scores: &[f32],
        mask: &[u8],
    ) {
        let mut good = [0usize; STEP];
        for (i, step) in scores.chunks(STEP).enumerate() {
            let (floor, first) = (self.floor, i * STEP);
            if !step.iter().fold(false, |any, s| any | (*s >= floor)) {
                continue;
            }
            // Every index is written and only the good ones are stepped over: no branch to guess wrong.
            let mut n = 0;
            for (j, (score, on)) in step.iter().zip(&mask[first..]).enumerate() {
                good[n] = j;
                n += usize::from((*score >= floor) & (*on != 0));
            }
            for j in &good[..n] {
                let chunk = base + first + j;
                let Some(hit) = hits.get(chunk) else { return };
                self.found.push(Candidate {
                    rank: rank(step[*j]),
                    hit: *hit,
                    part: part as u32,
                    chunk: chunk as u32,
                });
            }
            if self.found.len() >= self.room {
                self.forget();
            }
        }
    }

    fn forget(&mut self) {
        if self.found.len() > self.k && self.k > 0 {
            let (_, worst, _) = self.found.select_nth_unstable(self.k - 1);
            self.floor = self.floor.max(score(worst.rank));
        }
        self.found.truncate(self.k);
    }

    fn join(mut self, other: Top) -> Top {
        self.floor = self.floor.max(other.floor);
        self.found.extend(other.found);
        self.forget();
        self
    }

    pub(super) fn leg(mut self, parts: &[&Part]) -> Leg {
        self.forget();
        self.found.sort_unstable();
        let columns: Vec<_> = (parts.iter())
            .map(|part| (part.ids(), part.file_of(), part.files()))
            .collect();
        let room = self.found.len();
        let mut leg = Leg {
            ids: Vec::with_capacity(room),
            files: Vec::with_capacity(room),
            scores: Vec::with_capacity(room),
        };
        for c in &self.found {
            let (ids, file_of, files) = columns[c.part as usize];
            let file = file_of
                .get(c.chunk as usize)
                .and_then(|f| files.get(*f as usize));
            let (Some(id), Some(file)) = (ids.get(c.chunk as usize), file) else {
                continue;
            };
            leg.ids.push(*id);
            leg.files.push(*file);
            leg.scores.push(score(c.rank));
        }
        leg
    }
}

/// So many chunks are scanned on one core: a millisecond or two. On a busy machine, another core that was asked for help comes later than that.
const ALONE: usize = 1 << 18;
/// A share of more.
const SHARE: usize = 1 << 15;

/// Scan all chunks of all parts: `scan(part, chunks, top)` offers those of a range. The answer does not depend on how the work is cut.
pub(super) fn scanned<F>(parts: &[&Part], k: usize, floor: f32, scan: F) -> Leg
where
    F: Fn(usize, Range<usize>, &mut Top) + Sync,
{
    if k == 0 {
        return Leg::default();
    }
    let total: usize = parts.iter().map(|p| p.ids().len()).sum();
    let top = if total <= ALONE {
        let mut top = Top::new(k, floor);
        for (i, part) in parts.iter().enumerate() {
            scan(i, 0..part.ids().len(), &mut top);
        }
        top
    } else {
        let jobs: Vec<(usize, Range<usize>)> = parts
            .iter()
            .enumerate()
            .flat_map(|(i, part)| {
                let n = part.ids().len();
                (0..n)
                    .step_by(SHARE)
                    .map(move |first| (i, first..n.min(first + SHARE)))
            })
            .collect();
        share_out(|| {
            jobs.into_par_iter()
                .fold(
                    || Top::new(k, floor),
                    |mut top, (i, range)| {
                        scan(i, range, &mut top);
                        top
                    },
                )
                .reduce(|| Top::new(k, floor), Top::join)
        })
    };
    top.leg(parts)
}
