//! groma's core: all that touches every byte, posting or vector. Knows no Python.

mod byte_set;
pub mod candidates;
mod cards;
pub mod chunk;
pub mod frame;
pub mod git;
pub mod ignore;
pub mod languages;
mod lexicon;
pub mod masking;
pub mod parse;
pub mod passage;
pub mod references;
pub mod scan;
pub mod segment;
pub mod static_model;
pub mod summary;
pub mod texts;
pub mod threads;
pub mod tokens;
pub mod unicode;
pub mod walk;
pub mod worker;
