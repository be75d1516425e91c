//! The grammars that Python has given, and what each language is read with.

use std::collections::HashMap;
use std::sync::{OnceLock, RwLock};

use super::tags;
use crate::languages::{self, Language};

static GRAMMARS: RwLock<Option<HashMap<String, tree_sitter::Language>>> = RwLock::new(None);

/// Give the core a grammar: the pointer in the capsule "tree_sitter.Language" of a wheel (`TSLanguage*`). Fails where its ABI is unknown.
/// `name` is the `grammar` of a language.
///
/// # Safety
/// `pointer` is such a pointer and lives as long as the process.
pub unsafe fn register_grammar(name: &str, pointer: *const ()) -> Result<(), String> {
    if pointer.is_null() {
        return Err(format!("{name} gave no grammar"));
    }
    // SAFETY: the caller's promise. Grammars of wheels are static data, which `tree_sitter::Language` never frees.
    let grammar = unsafe { tree_sitter::Language::from_raw(pointer.cast()) };
    let version = grammar.abi_version();
    let known = tree_sitter::MIN_COMPATIBLE_LANGUAGE_VERSION..=tree_sitter::LANGUAGE_VERSION;
    if !known.contains(&version) {
        let (from, to) = (known.start(), known.end());
        return Err(format!(
            "Incompatible Language version {version}. Must be between {from} and {to}"
        ));
    }
    let mut grammars = GRAMMARS
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    grammars
        .get_or_insert_default()
        .entry(name.to_owned())
        .or_insert(grammar);
    Ok(())
}

/// Has the grammar of `language` been registered?
pub fn is_registered(language: &Language) -> bool {
    language
        .grammar
        .as_deref()
        .is_none_or(|name| grammar(name).is_some())
}

fn grammar(name: &str) -> Option<tree_sitter::Language> {
    GRAMMARS
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .as_ref()?
        .get(name)
        .cloned()
}

/// What a language is read with, made once a process.
pub(super) struct Reader {
    pub(super) grammar: tree_sitter::Language,
    pub(super) query: tags::Query,
    /// What each capture of the query means.
    pub(super) captures: Vec<Capture>,
}

pub(super) enum Capture {
    Name,
    Definition(String),
    Import,
    Call,
    Other,
}

pub(super) fn reader(language: &Language) -> Result<&'static Reader, String> {
    static READERS: OnceLock<Vec<OnceLock<Result<Reader, String>>>> = OnceLock::new();
    let name = language
        .grammar
        .as_deref()
        .ok_or_else(|| format!("{} has no grammar", language.name))?;
    let grammar =
        grammar(name).ok_or_else(|| format!("the grammar of {} is not loaded", language.name))?;
    let readers =
        READERS.get_or_init(|| languages::all().iter().map(|_| OnceLock::new()).collect());
    let slot = readers
        .get(language.number)
        .ok_or_else(|| format!("{} is not of the table", language.name))?;
    slot.get_or_init(|| compile(language, grammar))
        .as_ref()
        .map_err(Clone::clone)
}

fn compile(language: &Language, grammar: tree_sitter::Language) -> Result<Reader, String> {
    let text = language
        .query()
        .ok_or_else(|| format!("{} has no query", language.name))?;
    let query = tags::Query::new(&grammar, &text)?;
    let captures = query
        .captures
        .iter()
        .map(
            |name| match (name.as_str(), name.strip_prefix("definition.")) {
                (_, Some(kind)) => Capture::Definition(kind.to_owned()),
                ("name", _) => Capture::Name,
                ("import", _) => Capture::Import,
                ("call", _) => Capture::Call,
                _ => Capture::Other,
            },
        )
        .collect();
    Ok(Reader {
        grammar,
        query,
        captures,
    })
}

/// Can `language` be read: is its grammar registered, and does its query fit it?
pub fn check(language: &Language) -> Result<(), String> {
    match language.grammar {
        Some(_) => reader(language).map(|_| ()),
        None => Ok(()),
    }
}
