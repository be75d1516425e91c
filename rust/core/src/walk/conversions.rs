//! Which files git may store with other bytes than lie on disk: attributes and settings that say so.

use std::collections::HashSet;
use std::sync::Arc;

use crate::git::{is_true, join, read_regular};
use crate::ignore::{Ground, Patterns, compile_patterns, last_match};

/// Which files git may store with other bytes than lie on disk (LFS, encodings, CRLF): index ids not for us; see the twin.
#[derive(Clone, Debug)]
pub(super) struct Conversions {
    everything: bool,
    words: HashSet<Vec<u8>>,
    files: Vec<(usize, Patterns)>,
    fold: bool,
}

impl Conversions {
    fn new(everything: bool, fold: bool) -> Conversions {
        let words = [&b"filter"[..], b"ident", b"working-tree-encoding"]
            .map(<[u8]>::to_vec)
            .into();
        Conversions {
            everything,
            words,
            files: Vec::new(),
            fold,
        }
    }

    /// Whether the file `name` at `path` (from the ground's origin) may be stored with other bytes.
    pub(super) fn concern(&self, name: &[u8], path: &[u8]) -> bool {
        if self.everything || self.files.is_empty() {
            return self.everything;
        }
        let spoken_of = |name: &[u8], path: &[u8]| {
            self.files
                .iter()
                .any(|(base, patterns)| last_match(patterns, name, &path[*base..], false).is_some())
        };
        if self.fold {
            spoken_of(&name.to_ascii_lowercase(), &path.to_ascii_lowercase())
        } else {
            spoken_of(name, path)
        }
    }

    /// These and what an attributes file adds for paths below `base` (from the ground's origin).
    pub(super) fn with_file(
        self: Arc<Self>,
        attributes: &[u8],
        base: &[u8],
        follow: bool,
    ) -> Arc<Conversions> {
        let Some((content, _)) = read_regular(attributes, follow) else {
            return self;
        };
        let mut words = self.words.clone();
        let mut lines: Vec<&[u8]> = Vec::new();
        for line in content.split(|&byte| byte == b'\n') {
            let mut fields = line
                .split(|byte| matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c))
                .filter(|field| !field.is_empty());
            let Some(first) = fields.next().filter(|first| !first.starts_with(b"#")) else {
                continue;
            };
            if !fields.any(|field| {
                field == b"eol=crlf"
                    || field
                        .split(|&byte| byte == b'=')
                        .next()
                        .is_some_and(|word| words.contains(word))
            }) {
                continue;
            }
            if let Some(name) = first.strip_prefix(b"[attr]") {
                words.insert(name.to_vec());
            } else {
                lines.push(if matches!(first[0], b'"' | b'!') {
                    b"*"
                } else {
                    first
                }); // quoted: not worth unquoting
            }
        }
        if lines.is_empty() && words.len() == self.words.len() {
            return self;
        }
        let mut files = self.files.clone();
        if !lines.is_empty() {
            files.push((base.len(), compile_patterns(&lines.join(&b'\n'), self.fold)));
        }
        Arc::new(Conversions {
            everything: self.everything,
            words,
            files,
            fold: self.fold,
        })
    }
}

/// The conversions in force at a root or a nested repository's top, but for its own `.gitattributes`.
pub(super) fn conversions_above(ground: &Ground) -> Conversions {
    let Some(checkout) = &ground.checkout else {
        return Conversions::new(false, false);
    };
    let (user, users) = &*ground.user;
    let own = &checkout.repository.settings;
    let setting = |key: &[u8]| own.get(key).or_else(|| users.get(key));
    let everything = setting(b"core.autocrlf").is_some_and(|value| is_true(value))
        || setting(b"core.eol").is_some_and(|value| value == b"crlf");
    let fold = setting(b"core.ignorecase").is_some_and(|value| is_true(value));
    let mut conversions = Arc::new(Conversions::new(everything, fold));
    let top = &checkout.repository.top;
    let mut base = ground.path[..checkout.origin].to_vec();
    let users_file = setting(b"core.attributesfile").map_or_else(
        || join(&user.folder(), b"attributes"),
        |path| join(top, &user.expand(path)),
    );
    for path in [
        b"/etc/gitattributes".to_vec(),
        users_file,
        join(&checkout.repository.common_dir, b"info/attributes"),
    ] {
        conversions = conversions.with_file(&path, &base, true);
    }
    let mut folder = top.clone();
    if !folder.ends_with(b"/") {
        folder.push(b'/');
    }
    let between = &ground.path[checkout.origin..];
    for name in between.split_inclusive(|&byte| byte == b'/') {
        // the folders between the top and the root
        conversions =
            conversions.with_file(&[&folder[..], b".gitattributes"].concat(), &base, false);
        folder.extend_from_slice(name);
        base.extend_from_slice(name);
    }
    Arc::unwrap_or_clone(conversions)
}
