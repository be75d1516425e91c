//! The exact scan over int8 vectors.
//!
//! The query is rounded to whole numbers of 16 bits (a 32,767th of its largest component a step), so that a dot product is a sum of integers:
//! exact in whatever order and width a processor adds, the same in both cores, and about 250 times finer than the rounding of the vectors
//! themselves. [`limit`] keeps every sum, and every part of one, within 32 bits.

use super::top::{Leg, Top, scanned};
use super::{Part, Vectors};

/// Vectors multiplied at a time: 128 kB of 256 dimensions, and a list of scores that stays in the nearest cache.
const BLOCK: usize = 512;

/// `out[i]` becomes the product of the row `rows[i * query.len()..]` and the query; `rows` has `out.len()` rows.
type Kernel = fn(rows: &[i8], query: &[i16], out: &mut [i32]);

struct Query {
    whole: Vec<i16>,
    /// What one of `whole` stands for.
    step: f64,
}

/// The k chunks whose vector called `name` has the largest cosine with `query`, among those where `masks` (one byte a chunk) is not zero.
///
/// Ties go to the smaller hit id. `masks` are as long as the parts have chunks. An error says what is wrong with the query.
pub fn dense_top(
    parts: &[&Part],
    masks: &[&[u8]],
    name: &str,
    query: &[f32],
    k: usize,
) -> Result<Leg, String> {
    let query = rounded(query)?;
    let vectors: Vec<Option<Vectors>> = parts.iter().map(|part| part.vectors(name)).collect();
    for found in vectors.iter().flatten() {
        if found.dim != query.whole.len() && !found.scales.is_empty() {
            return Err(format!(
                "the query has {} dimensions, the vectors {}",
                query.whole.len(),
                found.dim
            ));
        }
    }
    let kernel = kernel();
    Ok(scanned(parts, k, f32::NEG_INFINITY, |i, chunks, top| {
        if let Some(vectors) = &vectors[i] {
            scan(
                kernel,
                vectors,
                &query,
                i,
                parts[i].hits(),
                masks[i],
                chunks,
                top,
            );
        }
    }))
}

/// The largest whole number that a component of the query may become: 128 · limit · dim < 2³¹.
fn limit(dim: usize) -> i32 {
    (i32::MAX / (128 * dim.clamp(1, super::WIDEST) as i32)).min(i32::from(i16::MAX))
}

fn rounded(query: &[f32]) -> Result<Query, String> {
    if query.len() > super::WIDEST {
        return Err(format!("the query has {} dimensions", query.len()));
    }
    if query.iter().any(|x| !x.is_finite()) {
        return Err("the query is not finite".to_owned());
    }
    let largest = query.iter().fold(0f32, |most, x| most.max(x.abs()));
    let step = f64::from(largest) / f64::from(limit(query.len()));
    if step == 0.0 {
        return Ok(Query {
            whole: vec![0; query.len()],
            step,
        });
    }
    let whole = query
        .iter()
        .map(|x| (f64::from(*x) / step).round_ties_even() as i16)
        .collect();
    Ok(Query { whole, step })
}

#[allow(clippy::too_many_arguments)]
fn scan(
    kernel: Kernel,
    vectors: &Vectors,
    query: &Query,
    part: usize,
    hits: &[i64],
    mask: &[u8],
    chunks: std::ops::Range<usize>,
    top: &mut Top,
) {
    let dim = query.whole.len();
    let mut dots = [0i32; BLOCK];
    let mut scores = [0f32; BLOCK];
    let mut at = chunks.start;
    while at < chunks.end {
        // Only the rows that may be seen are read: a mask goes by files, so they come in runs.
        let first = at + leading(&mask[at..chunks.end], |on| on == 0);
        if first == chunks.end {
            return;
        }
        let size = leading(&mask[first..chunks.end.min(first + BLOCK)], |on| on != 0);
        let (Some(rows), Some(scales)) = (
            vectors.rows.get(first * dim..(first + size) * dim),
            vectors.scales.get(first..first + size),
        ) else {
            return;
        };
        let dots = &mut dots[..size];
        if dim == 0 {
            dots.fill(0);
        } else {
            kernel(rows, &query.whole, dots);
        }
        let scores = &mut scores[..size];
        for ((score, dot), scale) in scores.iter_mut().zip(dots).zip(scales) {
            *score = (f64::from(*dot) * query.step * f64::from(*scale)) as f32;
        }
        top.offer(part, hits, first, scores, &mask[first..first + size]);
        at = first + size;
    }
}

/// How many bytes at the head of `mask` are as asked for.
fn leading(mask: &[u8], as_asked: impl Fn(u8) -> bool) -> usize {
    let (words, _) = mask.as_chunks::<32>();
    // Without an early end inside a word, so that all of it is looked at in one step.
    let whole = words
        .iter()
        .take_while(|word| word.iter().fold(true, |all, on| all & as_asked(*on)))
        .count()
        * 32;
    whole + mask[whole..].iter().take_while(|on| as_asked(**on)).count()
}

// ------------------------------------------------------------------------------------------------------------------------- kernels

/// The widest instructions that this processor has.
fn kernel() -> Kernel {
    kernels()[0].1
}

/// What the scan runs on here: `avx512-vnni`, `avx2` or `portable`.
pub fn kernel_name() -> &'static str {
    kernels()[0].0
}

/// All that run here, best first.
pub(super) fn kernels() -> Vec<(&'static str, Kernel)> {
    let mut found: Vec<(&'static str, Kernel)> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni")
        {
            // SAFETY: what the function needs of the processor was found a line above.
            found.push(("avx512-vnni", |rows, query, out| unsafe {
                x86::avx512(rows, query, out)
            }));
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: likewise.
            found.push(("avx2", |rows, query, out| unsafe {
                x86::avx2(rows, query, out)
            }));
        }
    }
    found.push(("portable", portable));
    found
}

/// What the compiler makes of it for the plain processor: SSE2 on x86_64, NEON on aarch64.
fn portable(rows: &[i8], query: &[i16], out: &mut [i32]) {
    for (row, out) in rows.chunks_exact(query.len()).zip(out) {
        *out = product(row, query);
    }
}

#[inline(always)]
fn product(row: &[i8], query: &[i16]) -> i32 {
    row.iter().zip(query).fold(0i32, |sum, (a, b)| {
        sum.wrapping_add(i32::from(*a) * i32::from(*b))
    })
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! Four rows at a time share what is loaded of the query. The rows of the next steps are asked for ahead, because the processor's own
    //! look-ahead ends at every page.

    use std::arch::x86_64::*;

    use super::product;

    const AHEAD: usize = 2048;
    const FOUR: usize = 4;

    #[inline(always)]
    fn ask_ahead(rows: &[i8]) {
        for line in (0..rows.len()).step_by(64) {
            // SAFETY: a prefetch reads nothing and faults never, whatever the address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(rows.as_ptr().wrapping_add(AHEAD + line)) };
        }
    }

    /// A kernel that takes `$wide` items at a time: `$load` those of the query, `$add` their products with those of a row to a sum that began
    /// as `$zero`, and `$total` the sum. A macro and nothing generic, because what needs instructions of a processor is a function of its own.
    macro_rules! kernel {
        ($name:ident, $needs:literal, $wide:literal, $zero:ident, $load:ident, $add:ident, $total:ident) => {
            #[target_feature(enable = $needs)]
            pub(super) fn $name(rows: &[i8], query: &[i16], out: &mut [i32]) {
                let dim = query.len();
                let (blocks, tail) = query.as_chunks::<$wide>();
                let mut fours = rows.chunks_exact(FOUR * dim);
                let (groups, rest) = out.as_chunks_mut::<FOUR>();
                for (four, out) in (&mut fours).zip(groups) {
                    ask_ahead(four);
                    let (one, more) = four.split_at(dim);
                    let (two, more) = more.split_at(dim);
                    let (three, last) = more.split_at(dim);
                    let each = [one, two, three, last].map(|row| row.as_chunks::<$wide>());
                    let mut sums = [$zero(); FOUR];
                    for (b, block) in blocks.iter().enumerate() {
                        let factors = $load(block);
                        for r in 0..FOUR {
                            sums[r] = $add(sums[r], &each[r].0[b], factors);
                        }
                    }
                    for r in 0..FOUR {
                        out[r] = $total(sums[r]).wrapping_add(product(each[r].1, tail));
                    }
                }
                for (row, out) in fours.remainder().chunks_exact(dim).zip(rest) {
                    let (items, last) = row.as_chunks::<$wide>();
                    let mut sum = $zero();
                    for (items, block) in items.iter().zip(blocks) {
                        sum = $add(sum, items, $load(block));
                    }
                    *out = $total(sum).wrapping_add(product(last, tail));
                }
            }
        };
    }

    kernel!(
        avx512,
        "avx512f,avx512bw,avx512vl,avx512vnni",
        32,
        _mm512_setzero_si512,
        load_32,
        add_32,
        _mm512_reduce_add_epi32
    );
    kernel!(
        avx2,
        "avx2",
        16,
        _mm256_setzero_si256,
        load_16,
        add_16,
        sum_of
    );

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn load_32(factors: &[i16; 32]) -> __m512i {
        // SAFETY: 32 items of 2 bytes.
        unsafe { _mm512_loadu_si512(factors.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn add_32(sum: __m512i, items: &[i8; 32], factors: __m512i) -> __m512i {
        // SAFETY: 32 items of 1 byte.
        let items = unsafe { _mm256_loadu_si256(items.as_ptr().cast()) };
        _mm512_dpwssd_epi32(sum, _mm512_cvtepi8_epi16(items), factors)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load_16(factors: &[i16; 16]) -> __m256i {
        // SAFETY: 16 items of 2 bytes.
        unsafe { _mm256_loadu_si256(factors.as_ptr().cast()) }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn add_16(sum: __m256i, items: &[i8; 16], factors: __m256i) -> __m256i {
        // SAFETY: 16 items of 1 byte.
        let items = unsafe { _mm_loadu_si128(items.as_ptr().cast()) };
        _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_cvtepi8_epi16(items), factors))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn sum_of(sums: __m256i) -> i32 {
        let four = _mm_add_epi32(
            _mm256_castsi256_si128(sums),
            _mm256_extracti128_si256::<1>(sums),
        );
        let two = _mm_add_epi32(four, _mm_shuffle_epi32::<0b01_00_11_10>(four));
        _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b10_11_00_01>(two)))
    }
}
