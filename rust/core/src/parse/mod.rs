//! Definitions, imports and calls of one source text. Twin of `groma._pure.parse`.
//!
//! The grammars are those of the Python wheels: the Python face hands over their pointers. Time is bounded, and where the bound was met the
//! outline says so instead of looking empty. No function here recurses on the input.

mod grammars;
mod sections;
mod tags;
mod tree;

use crate::languages::Language;
use crate::summary::{first_chars, strip};

pub use grammars::{check, is_registered, register_grammar};

/// `Outline::cut` where the time was up, and where there is too much that the grammar cannot read.
pub const BUDGET: &str = "parse-budget";
pub const ERRORS: &str = "syntax-errors";

/// A named piece of source; lines count from 0, `last` is inclusive.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub first: usize,
    pub last: usize,
    pub name: String,
    pub kind: String,
    /// The nearest type or section around it.
    pub enclosing: Option<String>,
    pub signature: String,
    pub doc: String,
}

/// What the parser found, in source order. `cut` is None, or why the outline is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline {
    pub definitions: Vec<Definition>,
    pub imports: Vec<String>,
    pub calls: Vec<String>,
    pub cut: Option<&'static str>,
}

pub fn is_function(kind: &str) -> bool {
    matches!(kind, "function" | "method" | "constructor" | "test")
}

/// Kinds that are found as symbols of a chunk but never begin a chunk.
pub fn is_symbol_only(kind: &str) -> bool {
    matches!(kind, "macro" | "variable" | "constant" | "field")
}

/// The outline of a text; the grammar of `language` must have been registered (else Err).
pub fn outline(source: &str, language: &Language) -> Result<Outline, String> {
    if language.grammar.is_some() {
        tree::by_grammar(source, grammars::reader(language)?)
    } else if let Some(pattern) = &language.sections {
        Ok(sections::by_sections(
            source,
            sections::section(language, pattern)?,
        ))
    } else {
        Ok(Outline::default())
    }
}

/// The first line of a name, at most 100 characters.
fn clean(name: &str) -> &str {
    strip(first_chars(
        strip(name).split('\n').next().unwrap_or_default(),
        100,
    ))
}
