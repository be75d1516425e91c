//! One file's way from its bytes to its columns.

use std::borrow::Cow;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use blake2::digest::consts::U8;
use blake2::{Blake2b, Digest};

use super::judge::{decode, judge};
use super::read::{Read, read};
use super::{CRASHED, HeldPath, LEFT_OUT, OVERTIME};
use crate::chunk::{Chunk, chunks};
use crate::frame::{Columns, Strings};
use crate::git::blob_id;
use crate::languages::{Language, detect};
use crate::masking::mask;
use crate::parse::{BUDGET, Outline, is_function, is_symbol_only, outline};
use crate::passage;
use crate::static_model::{Model, quantize};
use crate::tokens;

/// Above this size a text is not parsed but cut into windows of lines.
const PARSE_BYTES: usize = 1_000_000;

const CRASHED_NOTE: &str = "parser-crashed";

/// Where a file's content comes from.
#[derive(Clone, Copy)]
pub enum Source<'a> {
    /// Below the root, unless it is larger than so many bytes.
    Folder(&'a Path, u64),
    Given(&'a [u8]),
}

/// What every file needs.
pub struct Scanner<'a> {
    pub model: &'a Model,
    /// Makes a language's grammar ready.
    pub grammars: &'a (dyn Fn(&'static Language) -> Result<(), String> + Sync),
}

/// One file's columns, and how much was read for them.
pub struct Scanned {
    pub columns: Columns,
    pub bytes: usize,
}

struct Facts<'a> {
    path: HeldPath<'a>,
    name: &'a str,
    kind: &'a str,
}

impl Scanner<'_> {
    /// One file. `parsing` is told true before the parser begins and false after it.
    pub fn scan(
        &self,
        path: HeldPath,
        source: Source,
        flags: u8,
        parsing: &dyn Fn(bool),
    ) -> Result<Scanned, String> {
        let name = path.text();
        let mut given: Option<&[u8]> = None;
        let mut item = match source {
            Source::Folder(root, most) => read(&root.join(path.system()), most),
            Source::Given(data) => {
                given = Some(data);
                Read {
                    size: data.len() as i64,
                    ..Read::default()
                }
            }
        };
        let data = given.or(item.data.as_deref());
        let bytes = data.map_or(0, <[u8]>::len);
        let language = data.and_then(|data| detect(&name, &data[..data.len().min(4096)]));
        let kind = language.map_or("text", |language| language.kind.as_str());
        let blob = data.map(blob_id);
        if let Some(data) = data {
            item.reason = if flags & LEFT_OUT == 0 {
                judge(&name, data)
            } else {
                Some("unreadable")
            };
        }
        let mut columns = Columns::default();
        let mut note = None;
        let mut lines = 0;
        if let (Some(data), None) = (data, item.reason) {
            let original = decode(data);
            let masked = mask(&original);
            let text = masked.as_deref().unwrap_or(&original);
            let found = self.outline(text, data.len(), language, flags, parsing)?;
            note = found.cut;
            let facts = Facts {
                path,
                name: &name,
                kind,
            };
            lines = self.passages(
                &mut columns,
                &facts,
                text,
                masked.is_some().then_some(&original),
                &found,
            );
        } else {
            columns.chunk_sizes.push(0);
            columns.symbol_sizes.push(0);
            columns.name_sizes.push(0);
            columns.mention_sizes.push(0);
            columns.define_sizes.push(0);
            columns.import_sizes.push(0);
            columns.call_sizes.push(0);
        }
        match blob {
            Some(blob) => columns.blobs.push_bytes(&blob),
            None => columns.blobs.push_missing(),
        }
        columns.sizes.push(item.size);
        columns.mtimes_ns.push(item.mtime_ns);
        columns.ctimes_ns.push(item.ctime_ns);
        columns.inodes.push(item.inode);
        columns.checked_ns.push(item.checked_ns);
        columns
            .languages
            .push_maybe(language.map(|language| language.name.as_str()));
        columns.file_kinds.push(kind);
        columns.lines.push(lines as i64);
        columns.reasons.push_maybe(item.reason);
        columns.notes.push_maybe(note);
        push_all(
            &mut columns.stem_sizes,
            &mut columns.stems,
            &passage::stem_tokens(&name),
        );
        Ok(Scanned { columns, bytes })
    }

    fn outline(
        &self,
        text: &str,
        size: usize,
        language: Option<&'static Language>,
        flags: u8,
        parsing: &dyn Fn(bool),
    ) -> Result<Outline, String> {
        let cut = |why| {
            Ok(Outline {
                cut: Some(why),
                ..Outline::default()
            })
        };
        let Some(language) =
            language.filter(|language| language.grammar.is_some() || language.sections.is_some())
        else {
            return Ok(Outline::default());
        };
        if size > PARSE_BYTES {
            return cut("too-large-to-parse");
        }
        if flags & OVERTIME != 0 {
            return cut(BUDGET);
        }
        if flags & CRASHED != 0 {
            return cut(CRASHED_NOTE);
        }
        if language.grammar.is_some() {
            (self.grammars)(language).map_err(|why| format!("{}: {why}", language.name))?;
        }
        parsing(true);
        let found = catch_unwind(AssertUnwindSafe(|| outline(text, language)));
        parsing(false);
        match found {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(why)) => Err(format!("{}: {why}", language.name)),
            Err(_) => cut(CRASHED_NOTE),
        }
    }

    /// Append one file's chunks and facts; the number of its lines. `original` is given where masking changed it.
    fn passages(
        &self,
        columns: &mut Columns,
        file: &Facts,
        text: &str,
        original: Option<&Cow<str>>,
        found: &Outline,
    ) -> usize {
        let mut lines: Vec<&str> = text.split('\n').collect();
        if lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
        let starts = line_starts(text);
        let bare_starts = original.map(|original| line_starts(original));
        let stretch = |text: &str, starts: &[usize], piece: &Chunk| -> (usize, usize) {
            (
                starts[piece.first],
                starts
                    .get(piece.last + 1)
                    .map_or(text.len(), |next| next - 1),
            )
        };
        let pieces = chunks(&lines, &found.definitions);
        let functions: Vec<_> = found
            .definitions
            .iter()
            .filter(|d| is_function(&d.kind))
            .collect();
        let begun = Blake2b::<U8>::new_with_prefix(file.path.0).chain_update(b"\0");
        let mut seen: HashMap<[u8; 8], u32> = HashMap::new();
        let mut vector = vec![0.0; self.model.dim()];
        let mut row = vec![0; self.model.dim()];
        let mut at = 0;
        let mut given = 0;
        for piece in &pieces {
            let (start, end) = stretch(text, &starts, piece);
            let body = &text[start..end];
            let definitions = &found.definitions[piece.definitions.clone()];
            let names: Vec<&str> = definitions.iter().map(|d| d.name.as_str()).collect();
            while functions.get(at).is_some_and(|f| f.last < piece.first) {
                at += 1;
            }
            let own = (definitions.iter().find(|d| !is_symbol_only(&d.kind)))
                .or_else(|| functions.get(at).copied().filter(|f| f.first < piece.first)) // it goes on with a function that began before it
                .or_else(|| definitions.first());
            let enclosing = piece.enclosing.as_deref().unwrap_or_default();
            columns.first.push(piece.first as i64 + 1);
            columns.last.push(piece.last as i64 + 1);
            columns.kinds.push(match own {
                Some(own) if own.kind != "section" => &own.kind,
                // a section of a document; in other files it is what the file is
                _ if matches!(file.kind, "code" | "config") => file.kind,
                Some(_) => "section",
                None => "text",
            });
            columns.symbols_shown.push(own.map_or("", |own| &own.name));
            columns.enclosing.push(enclosing);
            columns.texts.push(body);
            columns
                .masked
                .push(u8::from(original.zip(bare_starts.as_ref()).is_some_and(
                    |(original, starts)| {
                        let (start, end) = stretch(original, starts, piece);
                        &original[start..end] != body
                    },
                )));
            let digest: [u8; 8] = begun.clone().chain_update(body).finalize().into();
            let nth = seen.entry(digest).and_modify(|n| *n += 1).or_default();
            let hit: [u8; 8] = Blake2b::<U8>::new_with_prefix(digest)
                .chain_update(nth.to_le_bytes())
                .finalize()
                .into();
            columns.hit_ids.push(i64::from_le_bytes(hit) & i64::MAX);
            let weights = passage::sparse(body, &names, enclosing, file.name);
            columns.term_sizes.push(weights.len() as u32);
            columns.terms.extend(weights.iter().map(|w| w.0));
            columns.impacts.extend(weights.iter().map(|w| w.1));
            self.model.embed(
                &passage::dense_text(body, &names, enclosing, file.name),
                &mut vector,
            );
            columns.scales.push(quantize(&vector, &mut row));
            columns.rows.extend_from_slice(&row);
            given += definitions.len() as u32;
            columns.chunk_symbols.push(given);
        }
        columns.chunk_sizes.push(pieces.len() as u32);
        symbols(columns, file, text, found);
        lines.len()
    }
}

/// Append what one file defines, mentions, imports and calls.
fn symbols(columns: &mut Columns, file: &Facts, text: &str, found: &Outline) {
    columns.symbol_sizes.push(found.definitions.len() as u32);
    let mut named: Vec<u32> = passage::path_terms(file.name)
        .iter()
        .map(|(term, _)| *term)
        .collect();
    let mut bare = Vec::new();
    for definition in &found.definitions {
        columns.symbol_names.push(&definition.name);
        columns.symbol_kinds.push(&definition.kind);
        columns.symbol_lines.push(definition.first as i64 + 1);
        columns.signatures.push(&definition.signature);
        columns.docs.push(&definition.doc);
        let terms = passage::symbol_terms(&definition.name);
        columns.symbol_term_sizes.push(terms.len() as u32);
        columns.symbol_terms.extend_from_slice(&terms);
        tokens::add_terms(&definition.name, &mut named);
        bare.extend(hash_of_long(bare_name(&definition.name)));
    }
    let words = tokens::identifiers(text)
        .iter()
        .filter_map(|word| hash_of_long(word))
        .collect();
    push_distinct(&mut columns.name_sizes, &mut columns.name_terms, named);
    push_distinct(&mut columns.mention_sizes, &mut columns.mentions, words);
    push_distinct(&mut columns.define_sizes, &mut columns.defines, bare);
    push_all(
        &mut columns.import_sizes,
        &mut columns.imports,
        &found.imports,
    );
    push_all(&mut columns.call_sizes, &mut columns.calls, &found.calls);
}

/// Where each line begins, in bytes.
fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0)
        .chain(
            text.bytes()
                .enumerate()
                .filter(|(_, b)| *b == b'\n')
                .map(|(i, _)| i + 1),
        )
        .collect()
}

/// The last part of a qualified name.
pub fn bare_name(name: &str) -> &str {
    name.rsplit(['.', ':', '\\']).next().unwrap_or_default()
}

/// The hash of an identifier that is longer than three characters.
fn hash_of_long(word: &str) -> Option<u32> {
    (word.len() > 3 && word.chars().nth(3).is_some()).then(|| tokens::word_hash(word))
}

fn push_distinct(sizes: &mut Vec<u32>, flat: &mut Vec<u32>, mut values: Vec<u32>) {
    values.sort_unstable();
    values.dedup();
    sizes.push(values.len() as u32);
    flat.append(&mut values);
}

fn push_all(sizes: &mut Vec<u32>, flat: &mut Strings, texts: &[String]) {
    sizes.push(texts.len() as u32);
    for text in texts {
        flat.push(text);
    }
}
