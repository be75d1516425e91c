//! From files to columns: read, judge, mask, parse, chunk, tokens, weights, vectors. Twin of `groma._pure.scan`.
//!
//! This is one file's way. How many of them go it side by side, and what becomes of one that kills its parser, is `worker`'s.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use blake2::digest::consts::U8;
use blake2::{Blake2b, Digest};

use crate::chunk::{Chunk, chunks};
use crate::frame::{Columns, Job, Strings};
use crate::git::blob_id;
use crate::languages::{Language, detect};
use crate::masking::mask;
use crate::parse::{Outline, is_function, is_symbol_only, outline};
use crate::passage;
use crate::static_model::{Model, quantize};
use crate::tokens;

pub const BATCH_BYTES: usize = 4_000_000;
pub const BATCH_FILES: usize = 256;
/// Above this size a text is not parsed but cut into windows of lines.
const PARSE_BYTES: usize = 1_000_000;
const LONG_LINE: usize = 5_000;

/// What is known of a file before it is scanned: scan it alone, because it was in hand when a worker died …
pub const ALONE: u8 = 1;
/// … do not parse it, because its parser ran over its time, or died …
pub const OVERTIME: u8 = 2;
pub const CRASHED: u8 = 4;
/// … leave it out: it kills its worker without any parser.
pub const LEFT_OUT: u8 = 8;

const OVERTIME_NOTE: &str = "parse-budget";
const CRASHED_NOTE: &str = "parser-crashed";

const BINARY_EXTENSIONS: &str = "png jpg jpeg gif webp bmp ico icns tif tiff psd pdf zip gz tgz bz2 xz zst 7z rar jar war class o a so dylib dll exe \
    bin wasm pyc pyo woff woff2 ttf otf eot mp3 mp4 m4a ogg wav flac avi mov mkv webm sqlite sqlite3 db parquet npy npz onnx safetensors pt pkl h5 \
    svg heic avif lockb";
const GENERATED_NAMES: &str = "package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml Cargo.lock poetry.lock uv.lock pdm.lock Pipfile.lock \
    composer.lock Gemfile.lock go.sum mix.lock Podfile.lock pubspec.lock Package.resolved flake.lock packages.lock.json gradle.lockfile";
const GENERATED_ENDINGS: [&str; 9] = [
    ".min.js",
    ".min.css",
    ".map",
    ".bundle.js",
    ".pb.go",
    "_pb2.py",
    "_pb2_grpc.py",
    ".g.dart",
    ".designer.cs",
];
static GENERATED_HEAD: LazyLock<regex::bytes::Regex> = LazyLock::new(|| {
    regex::bytes::Regex::new(concat!(
        r"(?s-u)@generated\b|Code generated .{0,80}DO NOT EDIT",
        r"|(?i:\b(?:auto(?:matically)?[- ]?generated|generated (?:by|from|file|code))\b.{0,120}?\b(?:do not (?:edit|modify)|don't edit)\b)",
        r"|(?i:do not (?:edit|modify)[^\n]{0,60}(?:auto)?generated)"
    ))
    .expect("the pattern is a constant")
});

/// A path as Python holds it: UTF-8 in which surrogates stand, each of them for a byte that is no UTF-8.
#[derive(Clone, Copy)]
pub struct HeldPath<'a>(pub &'a [u8]);

impl<'a> HeldPath<'a> {
    /// As the system has it.
    pub fn system(self) -> Cow<'a, OsStr> {
        if std::str::from_utf8(self.0).is_ok() {
            return Cow::Borrowed(OsStr::from_bytes(self.0));
        }
        let mut bytes = Vec::with_capacity(self.0.len());
        for (plain, odd) in self.parts() {
            bytes.extend_from_slice(plain.as_bytes());
            match *odd {
                [0xED, 0xB2, low] => bytes.push(low),
                [0xED, 0xB3, low] => bytes.push(low | 0x40),
                _ => bytes.extend_from_slice(odd),
            }
        }
        Cow::Owned(OsStr::from_bytes(&bytes).to_owned())
    }

    /// As text, in which U+FFFD stands for each surrogate: no letter either, and dropped from vectors too.
    pub fn text(self) -> Cow<'a, str> {
        if let Ok(text) = std::str::from_utf8(self.0) {
            return Cow::Borrowed(text);
        }
        let mut text = String::with_capacity(self.0.len());
        for (plain, odd) in self.parts() {
            text.push_str(plain);
            if !odd.is_empty() {
                text.push('\u{FFFD}');
            }
        }
        Cow::Owned(text)
    }

    /// Stretches of UTF-8, each with the surrogate (or byte) behind it that is none.
    fn parts(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let valid = match std::str::from_utf8(rest) {
                Ok(text) => text.len(),
                Err(e) => e.valid_up_to(),
            };
            let (plain, after) = rest.split_at(valid);
            let size = if matches!(after, [0xED, 0xA0..=0xBF, 0x80..=0xBF, ..]) {
                3
            } else {
                after.len().min(1)
            };
            let (odd, after) = after.split_at(size);
            rest = after;
            Some((std::str::from_utf8(plain).unwrap_or_default(), odd))
        })
    }
}

/// One file as it was read; `data` is None where `reason` says why.
#[derive(Default)]
struct Read {
    data: Option<Vec<u8>>,
    reason: Option<&'static str>,
    size: i64,
    mtime_ns: i64,
    ctime_ns: i64,
    inode: i64,
    checked_ns: i64,
}

fn read(path: &Path, most: u64) -> Read {
    let checked_ns = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as i64);
    match read_whole(path, most) {
        Ok((data, stat, same)) => Read {
            reason: if data.is_none() {
                Some("too-large")
            } else {
                None
            },
            data,
            size: stat.size() as i64,
            mtime_ns: nanoseconds(stat.mtime(), stat.mtime_nsec()),
            ctime_ns: nanoseconds(stat.ctime(), stat.ctime_nsec()),
            inode: (stat.ino() & 0x7FFF_FFFF_FFFF_FFFF) as i64,
            checked_ns: if same { checked_ns } else { 0 }, // it changed meanwhile: never trust this stat
        },
        Err(e) => Read {
            reason: Some(if is_no_file(&e) {
                "vanished"
            } else {
                "unreadable"
            }),
            ..Read::default()
        },
    }
}

fn nanoseconds(seconds: i64, more: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(more)
}

/// The content (None if it is larger than `most`), how the file was before it was read, and whether it was the same after that.
fn read_whole(path: &Path, most: u64) -> io::Result<(Option<Vec<u8>>, Metadata, bool)> {
    let (file, stat) = open(path)?;
    if stat.size() > most {
        return Ok((None, stat, true));
    }
    let mut data = Vec::new();
    // one more, so that the end of a file that stays as it is shows itself without growing the buffer
    data.try_reserve_exact(stat.size() as usize + 1)
        .map_err(|_| io::Error::from_raw_os_error(libc::ENOMEM))?;
    (&file)
        .take(most.saturating_add(1))
        .read_to_end(&mut data)?; // a file that grows while it is read stays bounded
    let after = file.metadata()?;
    let same = (after.mtime(), after.mtime_nsec(), after.size())
        == (stat.mtime(), stat.mtime_nsec(), stat.size());
    Ok((
        if data.len() as u64 > most {
            None
        } else {
            Some(data)
        },
        stat,
        same,
    ))
}

/// Opens what is a regular file itself: never follows a link at its end, never waits for a FIFO.
fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)?;
    let stat = file.metadata()?;
    if stat.is_file() {
        Ok((file, stat))
    } else {
        Err(io::Error::from_raw_os_error(libc::ENOENT))
    }
}

/// How opening fails where a link, a folder or a socket lies instead; the next walk names it.
fn is_no_file(e: &io::Error) -> bool {
    matches!(
        e.raw_os_error(),
        Some(libc::ENOENT | libc::ELOOP | libc::ENOTDIR | libc::EISDIR | libc::ENXIO)
    )
}

/// The first `most` bytes of the file `path` below `root` (without symbolic links), as it is now; the error's code is ENOENT if there is none,
/// nor a way to it without links.
pub fn read_now(root: HeldPath, path: HeldPath, most: u64) -> io::Result<Vec<u8>> {
    let whole = Path::new(&root.system()).join(path.system());
    let text = whole.as_os_str().as_bytes();
    let folder = OsStr::from_bytes(&text[..text.iter().rposition(|&b| b == b'/').unwrap_or(0)]);
    if std::fs::canonicalize(folder)
        .is_ok_and(|real| real.as_os_str().as_bytes() != folder.as_bytes())
    {
        return Err(io::Error::from_raw_os_error(libc::ENOENT));
    }
    let read = || -> io::Result<Vec<u8>> {
        let (file, _) = open(&whole)?;
        let mut data = Vec::new();
        file.take(most).read_to_end(&mut data)?;
        Ok(data)
    };
    read().map_err(|e| {
        if is_no_file(&e) {
            io::Error::from_raw_os_error(libc::ENOENT)
        } else {
            e
        }
    })
}

/// Why a file is left out, or None.
fn judge(path: &str, data: &[u8]) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if data.iter().all(|b| matches!(b, b'\t'..=b'\r' | b' ')) {
        return Some("empty");
    }
    if name.rsplit_once('.').is_some_and(|(_, ending)| {
        BINARY_EXTENSIONS
            .split(' ')
            .any(|known| known == ending.to_lowercase())
    }) {
        return Some("binary");
    }
    if GENERATED_NAMES.split(' ').any(|known| known == name)
        || GENERATED_ENDINGS
            .iter()
            .any(|ending| name.ends_with(ending))
    {
        return Some("generated");
    }
    if data[..data.len().min(8192)].contains(&0)
        && !data.starts_with(b"\xff\xfe")
        && !data.starts_with(b"\xfe\xff")
    {
        return Some("binary");
    }
    if GENERATED_HEAD.is_match(&data[..data.len().min(1500)]) {
        return Some("generated");
    }
    let newlines = || data.iter().filter(|&&b| b == b'\n').count();
    if data.len() > LONG_LINE
        && newlines() * 500 < data.len()
        && data
            .split(|&b| b == b'\n')
            .any(|line| line.len() > LONG_LINE)
    {
        return Some("minified");
    }
    None
}

/// Text of a file; what is not valid becomes U+FFFD, line structure stays.
pub fn decode(data: &[u8]) -> Cow<'_, str> {
    match data {
        [0xFF, 0xFE, rest @ ..] => Cow::Owned(decode_utf16(rest, u16::from_le_bytes)),
        [0xFE, 0xFF, rest @ ..] => Cow::Owned(decode_utf16(rest, u16::from_be_bytes)),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest),
        _ => String::from_utf8_lossy(data),
    }
}

fn decode_utf16(data: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, odd) = data.as_chunks::<2>();
    let mut text: String = char::decode_utf16(pairs.iter().map(|&pair| unit(pair)))
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    // A byte too many is replaced too; Python takes half a pair before it for the same fault.
    if !odd.is_empty()
        && !pairs
            .last()
            .is_some_and(|&pair| (0xD800..0xDC00).contains(&unit(pair)))
    {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

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
            return cut(OVERTIME_NOTE);
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
        lines.len()
    }
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

/// The files of a job, checked.
pub struct Task<'a> {
    root: Option<(PathBuf, u64)>,
    paths: Vec<&'a [u8]>,
    contents: Vec<&'a [u8]>,
    pub flags: &'a [u8],
}

impl<'a> Task<'a> {
    pub fn new(job: &'a Job) -> Result<Task<'a>, String> {
        let root = match (job.root.iter().next(), job.most.first()) {
            (Some(Some(root)), Some(&most)) => {
                Some((PathBuf::from(HeldPath(root).system().into_owned()), most))
            }
            _ => None,
        };
        let paths: Vec<_> = job.paths.iter().map(Option::unwrap_or_default).collect();
        let contents: Vec<_> = job.contents.iter().map(Option::unwrap_or_default).collect();
        if job.flags.len() != paths.len() || (root.is_none() && contents.len() != paths.len()) {
            return Err("a job whose columns differ in length".to_owned());
        }
        Ok(Task {
            root,
            paths,
            contents,
            flags: &job.flags,
        })
    }

    pub fn len(&self) -> usize {
        self.paths.len()
    }

    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Are its files read, rather than given?
    pub fn reads_files(&self) -> bool {
        self.root.is_some()
    }

    /// The path of a file, for a sentence.
    pub fn name(&self, at: usize) -> Cow<'a, str> {
        HeldPath(self.paths[at]).text()
    }

    pub fn scan(
        &self,
        scanner: &Scanner,
        at: usize,
        parsing: &dyn Fn(bool),
    ) -> Result<Scanned, String> {
        let source = match &self.root {
            Some((root, most)) => Source::Folder(root, *most),
            None => Source::Given(self.contents[at]),
        };
        scanner.scan(HeldPath(self.paths[at]), source, self.flags[at], parsing)
    }
}
