//! From files to columns: read, judge, mask, parse, chunk, tokens, weights, vectors. Twin of `groma._pure.scan`.
//!
//! This is one file's way. How many of them go it side by side, and what becomes of one that kills its parser, is `worker`'s.

mod file;
mod judge;
mod path;
mod read;
mod task;

pub use file::{Scanned, Scanner, Source, bare_name};
pub use judge::decode;
pub use path::HeldPath;
pub use read::read_now;
pub use task::Task;

pub const BATCH_BYTES: usize = 4_000_000;
pub const BATCH_FILES: usize = 256;

/// What is known of a file before it is scanned: scan it alone, because it was in hand when a worker died …
pub const ALONE: u8 = 1;
/// … do not parse it, because its parser ran over its time, or died …
pub const OVERTIME: u8 = 2;
pub const CRASHED: u8 = 4;
/// … leave it out: it kills its worker without any parser.
pub const LEFT_OUT: u8 = 8;
