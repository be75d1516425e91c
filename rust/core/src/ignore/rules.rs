//! All rule files in force in one folder, and which pattern of them decides about an entry.

use std::collections::HashSet;
use std::sync::Arc;

use super::pattern::{Matcher, Pattern, Patterns, compile_patterns, last_match};
use crate::byte_set::ByteSet;

/// Ignored where nothing else speaks.
pub const JUNK: [&[u8]; 11] = [
    b"node_modules/",
    b".venv/",
    b"venv/",
    b"__pycache__/",
    b".tox/",
    b".nox/",
    b".mypy_cache/",
    b".pytest_cache/",
    b".ruff_cache/",
    b".hg/",
    b".svn/",
];
pub const JUNK_SOURCE: &[u8] = b"groma's own list";

/// A rule file in force: what it says, and for which folder (`base`, from the ground's origin).
#[derive(Debug)]
pub struct RuleFile {
    pub source: Vec<u8>,
    pub(super) base: Vec<u8>,
    pub(super) data: Vec<u8>,
    pub(super) own: bool,
}

/// The pattern that decides about an entry, whether it is groma's own (stronger than git's index), and its file.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    pub pattern: &'a Pattern,
    pub own: bool,
    pub source: &'a [u8],
}

impl Hit<'_> {
    pub(super) fn is_junk(&self) -> bool {
        self.source == JUNK_SOURCE
    }
}

#[derive(Clone, Debug)]
struct Check {
    file: Arc<RuleFile>,
    pub(super) base: Vec<u8>,
    patterns: Patterns,
}

/// All rule files in force in one folder, the strongest first. Shared by the folders below that add none.
///
/// In front of them stands a sieve that answers "can any pattern match?": see the twin.
#[derive(Debug)]
pub struct Rules {
    checks: Vec<Check>,
    pub(super) fold: bool,
    names: Sieve,
    paths: Sieve,
}

impl Rules {
    /// `files` go from the weakest to the strongest of each kind; groma's own stand before git's in any case.
    pub(super) fn new(files: Vec<Arc<RuleFile>>, fold: bool, before: Option<&Rules>) -> Rules {
        let junk = Arc::new(RuleFile {
            source: JUNK_SOURCE.to_vec(),
            base: Vec::new(),
            data: JUNK.join(&b'\n'),
            own: false,
        });
        let (own, git): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| file.own);
        let ranked = own
            .into_iter()
            .rev()
            .chain(git.into_iter().rev())
            .chain([junk]);
        let old = before
            .filter(|rules| rules.fold == fold)
            .map_or(&[][..], |rules| &rules.checks);
        let checks: Vec<Check> = ranked
            .map(|file| {
                match old.iter().find(|check| {
                    Arc::ptr_eq(&check.file, &file)
                        || (check.file.source == JUNK_SOURCE && file.source == JUNK_SOURCE)
                }) {
                    Some(check) => check.clone(),
                    None => Check {
                        base: if fold {
                            file.base.to_ascii_lowercase()
                        } else {
                            file.base.clone()
                        },
                        patterns: compile_patterns(&file.data, fold),
                        file,
                    },
                }
            })
            .collect();
        let (mut names, mut paths) = (Sieve::default(), Sieve::default());
        for (number, check) in checks.iter().enumerate() {
            for (at, pattern) in check.patterns.iter().enumerate() {
                if pattern.by_name {
                    names.add(b"", &pattern.matcher, (number, at));
                } else {
                    paths.add(&check.base, &pattern.matcher, (number, at));
                }
            }
        }
        Rules {
            checks,
            fold,
            names,
            paths,
        }
    }

    /// The files, weakest first in each kind, to make other rules of; without the junk list.
    pub(super) fn files(&self) -> impl Iterator<Item = Arc<RuleFile>> {
        self.checks
            .iter()
            .rev()
            .map(|check| check.file.clone())
            .filter(|file| file.source != JUNK_SOURCE)
    }

    /// The pattern that decides about the entry `name` at `path` (from the ground's origin); None if none does.
    pub fn judge(&self, name: &[u8], path: &[u8], is_folder: bool) -> Option<Hit<'_>> {
        if self.fold {
            self.decide(
                &name.to_ascii_lowercase(),
                &path.to_ascii_lowercase(),
                is_folder,
            )
        } else {
            self.decide(name, path, is_folder)
        }
    }

    fn decide(&self, name: &[u8], path: &[u8], is_folder: bool) -> Option<Hit<'_>> {
        let tried = |&(number, at): &(usize, usize), text: &[u8]| {
            let check = &self.checks[number];
            text.get(check.base.len()..)
                .is_some_and(|below| check.patterns[at].matcher.matches(below))
        };
        let by_name = self.names.may_match(name, |trial, text| {
            self.checks[trial.0].patterns[trial.1].matcher.matches(text)
        });
        if !by_name && !self.paths.may_match(path, tried) {
            return None;
        }
        self.checks.iter().find_map(|check| {
            let pattern = last_match(
                &check.patterns,
                name,
                path.get(check.base.len()..).unwrap_or_default(),
                is_folder,
            )?;
            Some(Hit {
                pattern,
                own: check.file.own,
                source: &check.file.source,
            })
        })
    }
}

/// Answers "can any pattern match?" for many at once. Whole texts are one look-up; of the others only those are tried
/// whose literal end or beginning has the text's last or first byte.
#[derive(Debug, Default)]
struct Sieve {
    wholes: HashSet<Vec<u8>>,
    by_last: Vec<(u8, (usize, usize))>,
    lasts: ByteSet,
    by_start: Vec<(Vec<u8>, (usize, usize))>,
    always: Vec<(usize, usize)>,
}

impl Sieve {
    fn add(&mut self, base: &[u8], matcher: &Matcher, at: (usize, usize)) {
        let based = |start: &[u8]| [base, start].concat();
        match matcher {
            Matcher::Whole(whole) => {
                self.wholes.insert(based(whole));
            }
            Matcher::OneStar { end, .. } if !end.is_empty() => {
                self.by_last.push((end[end.len() - 1], at));
                self.lasts.add(end[end.len() - 1]);
            }
            Matcher::OneStar { start, .. } | Matcher::Glob { start, .. } if !start.is_empty() => {
                self.by_start.push((based(start), at))
            }
            Matcher::Glob { glob, .. } => match glob.last_byte() {
                Some(last) => {
                    self.by_last.push((last, at));
                    self.lasts.add(last);
                }
                None => self.always.push(at),
            },
            Matcher::OneStar { .. } => self.always.push(at),
        }
    }

    fn may_match(&self, text: &[u8], tried: impl Fn(&(usize, usize), &[u8]) -> bool) -> bool {
        let Some(&last) = text.last() else {
            return false;
        };
        (!self.wholes.is_empty() && self.wholes.contains(text))
            || (self.lasts.has(last)
                && self
                    .by_last
                    .iter()
                    .any(|(byte, at)| *byte == last && tried(at, text)))
            || self
                .by_start
                .iter()
                .any(|(start, at)| text.starts_with(start) && tried(at, text))
            || self.always.iter().any(|at| tried(at, text))
    }
}
