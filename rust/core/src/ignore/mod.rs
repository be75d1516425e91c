//! Which files of a folder are not wanted: git's ignore rules, exactly, and groma's own on top. Twin of `groma._pure.ignore`.
//!
//! The rules' order and their reasons stand in the twin. Names and paths are bytes.

mod explain;
mod glob;
mod ground;
mod pattern;
mod rules;

pub use explain::{Verdict, explain};
pub use ground::{Checkout, Fate, Ground, Present, child, enter, fate, survey};
pub use pattern::{Pattern, Patterns, compile_patterns, last_match};
pub use rules::{Hit, JUNK, JUNK_SOURCE, RuleFile, Rules};

/// A path (or pattern) as text to be shown: bytes that are no UTF-8 become backslash escapes.
pub fn shown(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}
