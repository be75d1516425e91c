//! What a chunk says to each leg of a search. Twin of `groma._pure.passage`.

/// (term id, impact 1..=255), ascending by term id.
pub fn sparse(_text: &str, _symbols: &[&str], _enclosing: &str, _path: &str) -> Vec<(u32, u8)> { todo!() }
pub fn dense_text(_text: &str, _symbols: &[&str], _enclosing: &str, _path: &str) -> String { todo!() }
pub fn stem_tokens(_path: &str) -> Vec<String> { todo!() }
/// Distinct term ids ascending, joined tokens left out.
pub fn symbol_terms(_name: &str) -> Vec<u32> { todo!() }
/// (term, count) of a path in the twin's order.
pub fn path_terms(_path: &str) -> Vec<(u32, u32)> { todo!() }
