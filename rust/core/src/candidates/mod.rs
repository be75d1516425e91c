//! A query's candidates as columns: files out of the lists of passages ([`fuse`]), how well the names in each file match the query ([`names`]), and
//! which passages of a file are best ([`passages`]). Twin of `groma._pure.candidates`: every sum in the same order, in 64 bits.

use std::cmp::Ordering;

mod fuse;
mod names;
mod passages;

pub use fuse::{Fused, Leg, fuse};
pub use names::{Asked, Named, Names, match_names};
pub use passages::{Chosen, Runs, Weighing, best_passages};

/// The larger score first, then the smaller id.
fn better(a: &(f64, i64), b: &(f64, i64)) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}
