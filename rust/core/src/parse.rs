//! Definitions, imports and calls of one source text. Twin of `groma._pure.parse`.

use crate::languages::Language;
/// A named piece of source; lines count from 0, `last` is inclusive.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition { pub first: usize, pub last: usize, pub name: String, pub kind: String, pub enclosing: Option<String>, pub signature: String, pub doc: String }
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outline { pub definitions: Vec<Definition>, pub imports: Vec<String>, pub calls: Vec<String>, pub cut: Option<&'static str> }
pub fn is_function(kind: &str) -> bool { matches!(kind, "function" | "method" | "constructor" | "test") }
pub fn is_symbol_only(kind: &str) -> bool { matches!(kind, "macro" | "variable" | "constant" | "field") }
/// Give the core a grammar: the pointer in the capsule "tree_sitter.Language" of a wheel (`TSLanguage*`). Fails where its ABI is unknown.
///
/// # Safety
/// `pointer` is such a pointer and lives as long as the process.
pub unsafe fn register_grammar(_name: &str, _pointer: *const ()) -> Result<(), String> { todo!() }
/// The outline of a text; the grammar of `language` must have been registered (else Err).
pub fn outline(_source: &str, _language: &Language) -> Result<Outline, String> { todo!() }
