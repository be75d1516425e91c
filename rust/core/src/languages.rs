//! Which language a file is written in. Twin of `groma._pure.languages`.

pub struct Language { pub name: String, pub kind: String, pub grammar: Option<String>, pub tags: Vec<String>, pub sections: Option<String> }
pub fn by_name(_name: &str) -> Option<&'static Language> { todo!() }
pub fn detect(_path: &str, _head: &[u8]) -> Option<&'static Language> { todo!() }
