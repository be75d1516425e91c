//! Which language a file is written in, and what groma knows about that language. Twin of `groma._pure.languages`.
//!
//! All of it is data that both cores share: `src/groma/languages/languages.toml` and the `tags.scm` beside it, built into the binary.

use std::collections::HashMap;
use std::sync::OnceLock;

use regex::bytes::Regex;

/// One row of `languages.toml`.
pub struct Language {
    pub name: String,
    /// `code`, `docs` or `config`.
    pub kind: String,
    /// "module" or "module:function" of a tree-sitter wheel.
    pub grammar: Option<String>,
    /// The folders whose `tags.scm` make up the query.
    pub tags: Vec<String>,
    /// A regular expression with a group `name`, matched at the start of a line, for languages without a grammar.
    pub sections: Option<String>,
    /// Its place in the table; `parse` keeps what it compiles for a language under this number.
    pub(crate) number: usize,
}

struct Table {
    languages: Vec<Language>,
    extensions: HashMap<String, usize>,
    filenames: HashMap<String, usize>,
    interpreters: HashMap<String, usize>,
}

static TABLE: &str = include_str!("../../../src/groma/languages/languages.toml");

macro_rules! tags {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../../src/groma/languages/", $name, "/tags.scm")))),*]
    };
}

/// The query files, by folder. A test compares them with the table.
static TAGS: &[(&str, &str)] = tags![
    "bash" "c" "cpp" "csharp" "css" "elixir" "go" "haskell" "html" "java" "javascript" "json" "kotlin" "lua" "markdown" "php"
    "python" "ruby" "rust" "scala" "svelte" "swift" "toml" "typescript" "yaml" "zig"
];

impl Language {
    /// The text of its query, put together as the twin does; None where a folder of `tags` has no file.
    pub fn query(&self) -> Option<String> {
        let parts: Option<Vec<&str>> = self
            .tags
            .iter()
            .map(|folder| {
                TAGS.iter()
                    .find(|(name, _)| name == folder)
                    .map(|(_, text)| *text)
            })
            .collect();
        parts.map(|parts| parts.join("\n"))
    }
}

fn table() -> &'static Table {
    static READ: OnceLock<Table> = OnceLock::new();
    READ.get_or_init(|| {
        read(TABLE)
            .unwrap_or_else(|e| unreachable!("languages.toml was built in and is wrong: {e}"))
    })
}

fn read(text: &str) -> Result<Table, String> {
    let rows: toml::map::Map<String, toml::Value> =
        toml::from_str(text).map_err(|e| e.to_string())?;
    let mut found = Table {
        languages: Vec::with_capacity(rows.len()),
        extensions: HashMap::new(),
        filenames: HashMap::new(),
        interpreters: HashMap::new(),
    };
    for (number, (name, row)) in rows.into_iter().enumerate() {
        let one = |key: &str| {
            row.get(key)
                .and_then(toml::Value::as_str)
                .map(str::to_owned)
        };
        let many = |key: &str| -> Option<Vec<String>> {
            row.get(key)?.as_array().map(|all| {
                all.iter()
                    .filter_map(toml::Value::as_str)
                    .map(str::to_owned)
                    .collect()
            })
        };
        let grammar = one("grammar");
        found.extensions.extend(
            many("extensions")
                .unwrap_or_default()
                .into_iter()
                .map(|x| (x, number)),
        );
        found.filenames.extend(
            many("filenames")
                .unwrap_or_default()
                .into_iter()
                .map(|x| (x.to_lowercase(), number)),
        );
        found.interpreters.extend(
            many("interpreters")
                .unwrap_or_default()
                .into_iter()
                .map(|x| (x, number)),
        );
        found.languages.push(Language {
            kind: one("kind").ok_or_else(|| format!("{name} has no kind"))?,
            tags: many("tags").unwrap_or_else(|| grammar.iter().map(|_| name.clone()).collect()),
            sections: one("sections"),
            grammar,
            name,
            number,
        });
    }
    Ok(found)
}

/// Every known language, by name.
pub fn all() -> &'static [Language] {
    &table().languages
}

pub fn by_name(name: &str) -> Option<&'static Language> {
    static NAMES: OnceLock<HashMap<&'static str, &'static Language>> = OnceLock::new();
    NAMES
        .get_or_init(|| all().iter().map(|x| (x.name.as_str(), x)).collect())
        .get(name)
        .copied()
}

/// The language of the file `path` (POSIX) whose first bytes are `head`; None for text of no known language.
///
/// The file name decides (without regard to case; `Dockerfile.*` stands for every such name), then the extension (the longest that is
/// known), then the interpreter line. A `.h` that shows C++ in `head` is C++.
pub fn detect(path: &str, head: &[u8]) -> Option<&'static Language> {
    let table = table();
    let name = path.rsplit('/').next().unwrap_or_default().to_lowercase();
    if let Some(&found) = table.filenames.get(&name) {
        return Some(&table.languages[found]);
    }
    for (dot, _) in name.match_indices('.') {
        if let Some(&found) = table.extensions.get(&name[dot + 1..]) {
            let found = &table.languages[found];
            let header = found.name == "c" && name.ends_with(".h") && cpp_header().is_match(head);
            return if header { by_name("cpp") } else { Some(found) };
        }
    }
    let first = name.split('.').next().unwrap_or_default();
    if let Some(&found) = table.filenames.get(&format!("{first}.*")) {
        return Some(&table.languages[found]);
    }
    head.starts_with(b"#!").then(|| {
        table
            .interpreters
            .get(&program(head))
            .map(|&found| &table.languages[found])
    })?
}

/// What no C header has at the start of a line: `class X`, `namespace`, `template <`, `using`, access labels, `#include <string>`.
fn cpp_header() -> &'static Regex {
    static HEADER: OnceLock<Regex> = OnceLock::new();
    HEADER.get_or_init(|| {
        Regex::new(
            r"(?mx-u)^[\x20\t]*(?:
              (?:enum\x20+)?class[\x20\t]+(?:[A-Z_]+(?:\([^)\n]*\))?[\x20\t]+)*[\w:]+[\x20\t]*(?:final[\x20\t]*)?(?:[:;{]|\r?\n[\x20\t]*[:{])
              | (?:inline[\x20\t]+)?namespace(?:[\x20\t]+[\w:]+)?[\x20\t]*(?:\{|\r?\n[\x20\t]*\{)
              | template[\x20\t]*<
              | using[\x20\t]+(?:namespace[\x20\t]+)?[\w:]+[\x20\t]*[=;]
              | (?:public|private|protected)[\x20\t]*:
              | \#[\x20\t]*include[\x20\t]*<[a-z_]+> )",
        )
        .unwrap_or_else(|e| unreachable!("{e}"))
    })
}

/// The program an interpreter line asks for, without its version: `#!/usr/bin/env -S python3.12 -u` -> "python".
fn program(head: &[u8]) -> String {
    let line = head.split(|&b| b == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line.get(2..).unwrap_or_default());
    let mut words = line
        .split(crate::unicode::is_space)
        .filter(|word| !word.is_empty());
    let mut word = words.next().unwrap_or_default();
    if word.ends_with("/env") {
        word = words
            .find(|word| !word.starts_with('-') && !word.contains('='))
            .unwrap_or_default();
    }
    let word = word.rsplit('/').next().unwrap_or_default();
    word.trim_end_matches(|c: char| c == '-' || c == '.' || c.is_ascii_digit())
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_with_a_grammar_has_its_query_built_in() {
        for language in all().iter().filter(|x| x.grammar.is_some()) {
            assert!(
                language.query().is_some(),
                "{} is not in TAGS",
                language.name
            );
        }
        for (folder, _) in TAGS {
            assert!(
                all().iter().any(|x| x.tags.iter().any(|tag| tag == folder)),
                "{folder} is in TAGS and in no language"
            );
        }
    }
}
