//! Cut a text into chunks along its definitions. Twin of `groma._pure.chunk`.

use crate::parse::Definition;
pub struct Chunk { pub first: usize, pub last: usize, pub definitions: std::ops::Range<usize>, pub enclosing: Option<String> }
/// `definitions` of a chunk are a run of the definitions given (they come in source order).
pub fn chunks(_lines: &[&str], _definitions: &[Definition]) -> Vec<Chunk> { todo!() }
