//! Why a file is left out, and the text of one that is not.

use std::borrow::Cow;
use std::sync::LazyLock;

const LONG_LINE: usize = 5_000;

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

/// Why a file is left out, or None.
pub(super) fn judge(path: &str, data: &[u8]) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or_default();
    if data.iter().all(|b| matches!(b, b'\t'..=b'\r' | b' ')) {
        return Some("empty");
    }
    if let Some((_, ending)) = name.rsplit_once('.')
        && is_among(BINARY_EXTENSIONS, &ending.to_lowercase())
    {
        return Some("binary");
    }
    if is_among(GENERATED_NAMES, name)
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

fn is_among(known: &str, name: &str) -> bool {
    known.split(' ').any(|known| known == name)
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
