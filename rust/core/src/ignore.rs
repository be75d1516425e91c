//! Which files of a folder are not wanted: git's ignore rules, exactly, and groma's own on top. Twin of `groma._pure.ignore`.
//!
//! The rules' order and their reasons stand in the twin. Names and paths are bytes.

use std::collections::HashSet;
use std::sync::Arc;

use crate::git::{
    self, Index, Repository, Settings, User, join, path_of, read_regular, says_yes, split,
};

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

/// Which of the names that `enter` wants to know of a folder holds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Present {
    pub git: bool,
    pub gitignore: bool,
    pub gromaignore: bool,
}

impl Present {
    pub const ALL: Present = Present {
        git: true,
        gitignore: true,
        gromaignore: true,
    };

    pub fn note(&mut self, name: &[u8]) {
        match name {
            b".git" => self.git = true,
            b".gitignore" => self.gitignore = true,
            b".gromaignore" => self.gromaignore = true,
            _ => {}
        }
    }

    pub fn any(self) -> bool {
        self.git || self.gitignore || self.gromaignore
    }
}

// ------------------------------------------------------------------------------------------------------------- patterns

/// One line of a rule file. `by_name` patterns see an entry's name, the others its path below the rule file's folder.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub line: usize,
    pub text: Vec<u8>,
    pub negated: bool,
    folders_only: bool,
    by_name: bool,
    matcher: Matcher,
}

impl Pattern {
    fn matches(&self, name: &[u8], path: &[u8], is_folder: bool) -> bool {
        (is_folder || !self.folders_only)
            && self.matcher.matches(if self.by_name { name } else { path })
    }
}

/// Nearly all real patterns are a plain name or have one `*`.
#[derive(Clone, Debug)]
enum Matcher {
    Whole(Vec<u8>),
    /// `start*end`; the star stands for slashes too if it `crosses` (or sees names, which have none).
    OneStar {
        start: Vec<u8>,
        end: Vec<u8>,
        crosses: bool,
    },
    Glob {
        start: Vec<u8>,
        glob: Glob,
    },
}

impl Matcher {
    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Matcher::Whole(whole) => text == &whole[..],
            Matcher::OneStar {
                start,
                end,
                crosses,
            } => {
                text.len() >= start.len() + end.len()
                    && text.starts_with(start)
                    && text.ends_with(end)
                    && (*crosses || !text[start.len()..text.len() - end.len()].contains(&b'/'))
            }
            Matcher::Glob { start, glob } => text
                .strip_prefix(&start[..])
                .is_some_and(|rest| glob.matches(rest)),
        }
    }
}

/// The patterns of one rule file, the last line first.
pub type Patterns = Arc<[Pattern]>;

/// The patterns of a rule file's bytes. With `fold` (core.ignoreCase) they want names and paths in lower case.
pub fn compile_patterns(data: &[u8], fold: bool) -> Patterns {
    let data = data.strip_prefix(b"\xef\xbb\xbf").unwrap_or(data);
    let mut patterns: Vec<Pattern> = Vec::new();
    for (number, line) in data.split(|&byte| byte == b'\n').enumerate() {
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
        patterns.extend(compile(trimmed(line), number + 1, fold));
    }
    patterns.reverse();
    patterns.into()
}

/// The pattern that decides about an entry; `path` is relative to the rule file's folder.
pub fn last_match<'a>(
    patterns: &'a [Pattern],
    name: &[u8],
    path: &[u8],
    is_folder: bool,
) -> Option<&'a Pattern> {
    patterns
        .iter()
        .find(|pattern| pattern.matches(name, path, is_folder))
}

/// `line` without its trailing blanks, but for one that a backslash protects.
fn trimmed(line: &[u8]) -> &[u8] {
    let count = |line: &[u8], byte: u8| {
        line.iter()
            .rev()
            .take_while(|&&other| other == byte)
            .count()
    };
    let kept = line.len() - count(line, b' ');
    let protects = count(&line[..kept], b'\\') % 2 == 1;
    &line[..(kept + usize::from(protects)).min(line.len())]
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'*' | b'?' | b'[' | b'\\')
}

/// One line as a pattern; None if it can match nothing.
fn compile(text: &[u8], line: usize, fold: bool) -> Option<Pattern> {
    let negated = text.starts_with(b"!");
    let body = if negated { &text[1..] } else { text };
    let folders_only = body.ends_with(b"/");
    let body = body.strip_suffix(b"/").unwrap_or(body);
    let mut by_name = !body.contains(&b'/');
    let mut body = body.strip_prefix(b"/").unwrap_or(body);
    if !by_name {
        // "**/name" is "name", said longer
        let stars = body.iter().take_while(|&&byte| byte == b'*').count();
        if stars > 1
            && let Some(name) = body[stars..].strip_prefix(b"/")
            && !name.contains(&b'/')
        {
            by_name = true;
            body = name;
        }
    }
    if body.is_empty() {
        return None;
    }
    let folded = |text: &[u8]| {
        if fold {
            text.to_ascii_lowercase()
        } else {
            text.to_vec()
        }
    };
    let special = body
        .iter()
        .position(|&byte| is_special(byte))
        .unwrap_or(body.len());
    let start = folded(&body[..special]);
    let rest = &body[special..];
    let stars = rest.iter().take_while(|&&byte| byte == b'*').count();
    let end = &rest[stars..];
    let matcher = if rest.is_empty() {
        Matcher::Whole(start)
    } else if stars > 0
        && !end.iter().any(|&byte| is_special(byte))
        && (by_name || stars == 1 || !end.starts_with(b"/"))
    {
        let crosses = by_name || (stars > 1 && end.is_empty());
        Matcher::OneStar {
            start,
            end: folded(end),
            crosses,
        }
    } else {
        Matcher::Glob {
            start,
            glob: Glob::compile(rest, !by_name, fold)?,
        }
    };
    Some(Pattern {
        line,
        text: text.to_vec(),
        negated,
        folders_only,
        by_name,
        matcher,
    })
}

// ----------------------------------------------------------------------------------------------------------- git's globs

/// The bytes that one place of a name may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bytes([u64; 4]);

impl Bytes {
    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    fn remove(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] &= !(1 << (byte & 63));
    }

    fn has(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }
}

#[derive(Clone, Copy, Debug)]
enum One {
    Byte(u8),
    Set(Bytes),
    Any,
    NoSlash,
}

impl One {
    fn takes(self, byte: u8) -> bool {
        match self {
            One::Byte(own) => own == byte,
            One::Set(bytes) => bytes.has(byte),
            One::Any => true,
            One::NoSlash => byte != b'/',
        }
    }
}

type Segment = Vec<One>;

/// What may stand before a block: nothing, whole folders (`**/`), or anything (`**` at the end).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wide {
    Nothing,
    Folders,
    Anything,
}

/// A glob as git reads it (its wildmatch), for what follows a pattern's literal beginning.
///
/// Blocks that wide stars part, in them segments that plain stars part. What stands between two stars is always taken at
/// its first occurrence, because the second star can stand for whatever is then left: so nothing backtracks more than
/// quadratically, however many stars there are.
#[derive(Clone, Debug)]
struct Glob {
    blocks: Vec<(Wide, Vec<Segment>)>,
    by_path: bool,
}

impl Glob {
    /// None if it can match nothing. With `by_path`, `*`, `?` and sets stop at slashes and `**` between borders does not.
    fn compile(glob: &[u8], by_path: bool, fold: bool) -> Option<Glob> {
        let mut blocks = vec![(Wide::Nothing, vec![Segment::new()])];
        let mut place = 0;
        while place < glob.len() {
            let segments = &mut blocks.last_mut()?.1;
            let byte = glob[place];
            if byte == b'*' {
                let mut after = place
                    + glob[place..]
                        .iter()
                        .take_while(|&&byte| byte == b'*')
                        .count();
                let at_border = place == 0 || glob[place - 1] == b'/';
                let rest = &glob[after..];
                if by_path
                    && after - place > 1
                    && at_border
                    && (rest.is_empty() || rest.starts_with(b"/") || rest.starts_with(b"\\/"))
                {
                    if rest.starts_with(b"/") {
                        blocks.push((Wide::Folders, vec![Segment::new()]));
                        after += 1;
                    } else {
                        blocks.push((Wide::Anything, vec![Segment::new()]));
                    }
                } else {
                    segments.push(Segment::new());
                }
                place = after;
                continue;
            }
            let one;
            (one, place) = match byte {
                b'[' => set(glob, place + 1, by_path, fold)?,
                b'?' => (if by_path { One::NoSlash } else { One::Any }, place + 1),
                // not folded, as in git: under core.ignoreCase "\\A" matches nothing
                b'\\' => (One::Byte(*glob.get(place + 1)?), place + 2),
                _ => (
                    One::Byte(if fold {
                        byte.to_ascii_lowercase()
                    } else {
                        byte
                    }),
                    place + 1,
                ),
            };
            segments.last_mut()?.push(one);
        }
        Some(Glob { blocks, by_path })
    }

    fn matches(&self, text: &[u8]) -> bool {
        let mut place = 0;
        for (number, (wide, segments)) in self.blocks.iter().enumerate() {
            let last = number == self.blocks.len() - 1;
            let mut at = place;
            let end = loop {
                if let Some(end) = self.block(segments, text, at, last) {
                    break end;
                }
                // The next place where the block may begin.
                let step = match wide {
                    Wide::Nothing => None,
                    Wide::Anything => (at < text.len()).then_some(1),
                    Wide::Folders => text[at..]
                        .iter()
                        .position(|&byte| byte == b'/')
                        .map(|slash| slash + 1),
                };
                match step {
                    Some(step) => at += step,
                    None => return false,
                }
            };
            place = end;
        }
        true
    }

    /// Where a block that begins at `at` ends; the `last` one must reach the end of `text`.
    fn block(&self, segments: &[Segment], text: &[u8], at: usize, last: bool) -> Option<usize> {
        let fits = |segment: &Segment, at: usize| {
            text.len() - at >= segment.len()
                && segment
                    .iter()
                    .zip(&text[at..])
                    .all(|(one, &byte)| one.takes(byte))
        };
        let (first, starred) = segments.split_first()?;
        if !fits(first, at) {
            return None;
        }
        let mut at = at + first.len();
        for (number, segment) in starred.iter().enumerate() {
            if last && number == starred.len() - 1 {
                let begin = text
                    .len()
                    .checked_sub(segment.len())
                    .filter(|&begin| begin >= at)?;
                let open = !self.by_path || !text[at..begin].contains(&b'/');
                return (open && fits(segment, begin)).then_some(text.len());
            }
            while !fits(segment, at) {
                if at >= text.len() || (self.by_path && text[at] == b'/') {
                    return None;
                }
                at += 1;
            }
            at += segment.len();
        }
        (!last || at == text.len()).then_some(at)
    }
}

/// The bytes of a named class. git's own idea of space: no form feed, no vertical tab.
fn class(name: &[u8]) -> Option<fn(u8) -> bool> {
    Some(match name {
        b"alnum" => |byte| byte.is_ascii_alphanumeric(),
        b"alpha" => |byte| byte.is_ascii_alphabetic(),
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => |byte| byte.is_ascii_control(),
        b"digit" => |byte| byte.is_ascii_digit(),
        b"graph" => |byte| byte.is_ascii_graphic(),
        b"lower" => |byte| byte.is_ascii_lowercase(),
        b"print" => |byte| matches!(byte, b' '..=b'~'),
        b"punct" => |byte| byte.is_ascii_punctuation(),
        b"space" => |byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'),
        b"upper" => |byte| byte.is_ascii_uppercase(),
        b"xdigit" => |byte| byte.is_ascii_hexdigit(),
        _ => return None,
    })
}

/// The set that begins after `[` at `place`, and where it ends; None if it is malformed or empty.
///
/// A malformed set matches nothing in git, not even its own text. The oddities are git's: a first `]` is a member, `^`
/// is `!`, and under core.ignoreCase only ranges and [:upper:] see a letter in both cases.
fn set(glob: &[u8], mut place: usize, by_path: bool, fold: bool) -> Option<(One, usize)> {
    let negated = matches!(glob.get(place), Some(b'!' | b'^'));
    if negated {
        place += 1;
    }
    let mut members = Bytes::default();
    let mut previous = 0u8;
    let mut first = true;
    loop {
        let byte = *glob.get(place)?;
        if byte == b']' && !first {
            break;
        }
        first = false;
        if byte == b'\\' {
            place += 1;
            previous = *glob.get(place)?;
            members.add(previous);
        } else if byte == b'-'
            && previous != 0
            && glob.get(place + 1).is_some_and(|&next| next != b']')
        {
            place += 1;
            if glob[place] == b'\\' {
                place += 1;
            }
            let last = *glob.get(place)?;
            (previous..=last).for_each(|byte| members.add(byte));
            if fold {
                (b'a'..=b'z')
                    .filter(|lower| (previous..=last).contains(&(lower - 32)))
                    .for_each(|lower| members.add(lower));
            }
            previous = 0;
        } else if glob[place..].starts_with(b"[:") {
            let end = place + 2 + glob[place + 2..].iter().position(|&byte| byte == b']')?;
            if end > place + 2 && glob[end - 1] == b':' {
                let name = &glob[place + 2..end - 1];
                let within = class(if fold && name == b"upper" {
                    b"alpha"
                } else {
                    name
                })?;
                (1..=255)
                    .filter(|&byte| within(byte))
                    .for_each(|byte| members.add(byte));
                previous = 0;
                place = end;
            } else {
                members.add(b'[');
                previous = b'[';
            }
        } else {
            members.add(byte);
            previous = byte;
        }
        place += 1;
    }
    if negated {
        members = Bytes(members.0.map(|word| !word));
        members.remove(0);
    }
    if by_path {
        members.remove(b'/');
    }
    (members != Bytes::default()).then_some((One::Set(members), place + 1))
}

// -------------------------------------------------------------------------------------------------- rules of one folder

/// A path (or pattern) as text to be shown: bytes that are no UTF-8 become backslash escapes.
pub fn shown(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// A rule file in force: what it says, and for which folder (`base`, from the ground's origin).
#[derive(Debug)]
pub struct RuleFile {
    pub source: Vec<u8>,
    base: Vec<u8>,
    data: Vec<u8>,
    own: bool,
}

/// The pattern that decides about an entry, whether it is groma's own (stronger than git's index), and its file.
#[derive(Clone, Copy, Debug)]
pub struct Hit<'a> {
    pub pattern: &'a Pattern,
    pub own: bool,
    pub source: &'a [u8],
}

impl Hit<'_> {
    fn is_junk(&self) -> bool {
        self.source == JUNK_SOURCE
    }
}

#[derive(Clone, Debug)]
struct Check {
    file: Arc<RuleFile>,
    base: Vec<u8>,
    patterns: Patterns,
}

/// All rule files in force in one folder, the strongest first. Shared by the folders below that add none.
///
/// In front of them stands a sieve that answers "can any pattern match?": see the twin.
#[derive(Debug)]
pub struct Rules {
    checks: Vec<Check>,
    fold: bool,
    names: Sieve,
    paths: Sieve,
}

impl Rules {
    /// `files` go from the weakest to the strongest of each kind; groma's own stand before git's in any case.
    fn new(files: Vec<Arc<RuleFile>>, fold: bool, before: Option<&Rules>) -> Rules {
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
    fn files(&self) -> impl Iterator<Item = Arc<RuleFile>> {
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
    lasts: Bytes,
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
            _ => match matcher {
                Matcher::Glob {
                    glob: Glob { blocks, .. },
                    ..
                } => match blocks.last().and_then(|block| block.1.last()?.last()) {
                    Some(One::Byte(last)) => {
                        self.by_last.push((*last, at));
                        self.lasts.add(*last);
                    }
                    _ => self.always.push(at),
                },
                _ => self.always.push(at),
            },
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

// ----------------------------------------------------------------------------------------------------------- the ground

/// A repository whose work tree is walked. `origin` is how long its top's path is.
#[derive(Debug)]
pub struct Checkout {
    pub repository: Repository,
    pub index: Index,
    pub origin: usize,
}

/// One folder of a walk and all that is in force in it.
///
/// `folder` is its real path, ending in a slash. `path` is its path from the origin: the top of the work tree that the
/// walk's root lies in, or the root itself where there is none; "" or ending in a slash. The first `lead` bytes of it
/// lead to the root.
#[derive(Clone, Debug)]
pub struct Ground {
    pub folder: Vec<u8>,
    pub path: Vec<u8>,
    pub lead: usize,
    pub rules: Arc<Rules>,
    pub checkout: Option<Arc<Checkout>>,
    pub only_tracked: bool,
    pub user: Arc<(User, Settings)>,
}

/// The ground at `root`, with all that is in force from above; `enter` then adds what lies in the folder itself.
pub fn survey(root: &[u8], user: &User) -> Ground {
    let user = Arc::new((user.clone(), user.settings()));
    let folder = git::real(root);
    let bare = |folder: Vec<u8>, rules: Rules| Ground {
        folder,
        path: Vec::new(),
        lead: 0,
        rules: Arc::new(rules),
        checkout: None,
        only_tracked: false,
        user: user.clone(),
    };
    let Some(found) = git::repository(&folder, &user.0) else {
        let rules = Rules::new(user_rules(&user.0, &user.1, &folder), folds(&user.1), None);
        return bare(slashed(folder), rules);
    };
    let top = found.top.clone();
    let mut settings = user.1.clone();
    settings.extend(found.settings.clone());
    let mut ground = in_checkout(
        bare(slashed(top.clone()), Rules::new(Vec::new(), false, None)),
        found,
    );
    let below = folder.strip_prefix(&top[..]).unwrap_or_default();
    let names: Vec<&[u8]> = below
        .split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty())
        .collect();
    let length = names.join(&b'/').len() + 1;
    let mut ignored = false;
    for name in &names {
        ground = with_rule_files(ground, Present::ALL, length);
        let hit = ground
            .rules
            .judge(name, &join_below(&ground.path, name), true);
        ignored |= hit.is_some_and(|hit| !hit.pattern.negated && !hit.is_junk());
        for path in [&mut ground.folder, &mut ground.path] {
            path.extend_from_slice(name);
            path.push(b'/');
        }
    }
    if ignored {
        ground.rules = Arc::new(Rules::new(
            user_rules(&user.0, &user.1, &top),
            folds(&settings),
            None,
        ));
    }
    ground.lead = ground.path.len();
    ground
}

/// `ground` with the rules that lie in the folder itself; `present` are those names that it holds.
pub fn enter(mut ground: Ground, present: Present) -> Ground {
    if present.git
        && ground
            .checkout
            .as_ref()
            .is_none_or(|checkout| ground.path.len() != checkout.origin)
    {
        let folder = ground
            .folder
            .strip_suffix(b"/")
            .filter(|folder| !folder.is_empty())
            .unwrap_or(&ground.folder);
        if let Some(found) = git::repository_at(folder, &ground.user.0) {
            ground = in_checkout(ground, found);
        }
    }
    let lead = ground.lead;
    with_rule_files(ground, present, lead)
}

/// The ground of a folder below; `enter` it before use.
pub fn child(ground: &Ground, name: &[u8], only_tracked: bool) -> Ground {
    let below = |path: &[u8]| [path, name, b"/"].concat();
    Ground {
        folder: below(&ground.folder),
        path: below(&ground.path),
        lead: ground.lead,
        rules: ground.rules.clone(),
        checkout: ground.checkout.clone(),
        only_tracked,
        user: ground.user.clone(),
    }
}

fn join_below(path: &[u8], name: &[u8]) -> Vec<u8> {
    [path, name].concat()
}

fn slashed(mut folder: Vec<u8>) -> Vec<u8> {
    if !folder.ends_with(b"/") {
        folder.push(b'/');
    }
    folder
}

fn folds(settings: &Settings) -> bool {
    says_yes(settings, b"core.ignorecase")
}

/// The ground at the top of a repository: its index, and its git rules in place of those from around it.
fn in_checkout(mut ground: Ground, found: Repository) -> Ground {
    let index = git::read_index(&found.git_dir, found.sha256());
    let mut settings = ground.user.1.clone();
    settings.extend(found.settings.clone());
    let mut files: Vec<_> = ground.rules.files().filter(|file| file.own).collect();
    files.extend(user_rules(&ground.user.0, &settings, &found.top));
    let exclude = join(&join(&found.common_dir, b"info"), b"exclude");
    if let Some((data, _)) = read_regular(&exclude, true) {
        files.push(Arc::new(RuleFile {
            source: exclude,
            base: ground.path.clone(),
            data,
            own: false,
        }));
    }
    ground.rules = Arc::new(Rules::new(files, folds(&settings), Some(&ground.rules)));
    ground.checkout = Some(Arc::new(Checkout {
        repository: found,
        index,
        origin: ground.path.len(),
    }));
    ground.only_tracked = false;
    ground
}

/// The user's own ignore file: core.excludesFile, by default `ignore` in the user's folder.
fn user_rules(user: &User, settings: &Settings, top: &[u8]) -> Vec<Arc<RuleFile>> {
    let path = match settings.get(&b"core.excludesfile"[..]) {
        Some(path) => join(top, &user.expand(path)),
        None => join(&user.folder(), b"ignore"),
    };
    let content = read_regular(&path, true);
    content
        .into_iter()
        .map(|(data, _)| {
            Arc::new(RuleFile {
                source: path.clone(),
                base: Vec::new(),
                data,
                own: false,
            })
        })
        .collect()
}

/// `ground` with its folder's `.gitignore` and `.gromaignore`, where they are `present`.
///
/// Links are not followed, as in git: a repository must not make us read files from elsewhere.
fn with_rule_files(mut ground: Ground, present: Present, lead: usize) -> Ground {
    let mut added = Vec::new();
    // Below an ignored folder git reads no rules; ours may still leave out what is tracked there.
    for (name, wanted, own) in [
        (
            &b".gitignore"[..],
            present.gitignore && !ground.only_tracked,
            false,
        ),
        (b".gromaignore", present.gromaignore, true),
    ] {
        if wanted && let Some((data, _)) = read_regular(&join_below(&ground.folder, name), false) {
            let source = join_below(ground.path.get(lead..).unwrap_or(&ground.folder), name);
            added.push(Arc::new(RuleFile {
                source: shown(&source).into_bytes(),
                base: ground.path.clone(),
                data,
                own,
            }));
        }
    }
    if !added.is_empty() {
        let files = ground.rules.files().chain(added).collect();
        ground.rules = Arc::new(Rules::new(files, ground.rules.fold, Some(&ground.rules)));
    }
    ground
}

/// What becomes of an entry of a folder. `OnlyTracked`: an ignored folder that is entered for the tracked files in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    Wanted = 0,
    OnlyTracked = 1,
    Ignored = 2,
}

/// What becomes of the entry `name` of a folder; `path` is its path from the ground's origin.
pub fn fate(ground: &Ground, name: &[u8], path: &[u8], is_folder: bool) -> Fate {
    match ground.rules.judge(name, path, is_folder) {
        Some(hit) if !hit.pattern.negated && hit.own => return Fate::Ignored,
        Some(hit) if !hit.pattern.negated => {}
        _ if !ground.only_tracked => return Fate::Wanted,
        _ => {}
    }
    let Some(checkout) = &ground.checkout else {
        return Fate::Ignored;
    };
    let (index, below) = (&checkout.index, &path[checkout.origin..]);
    if index.find(below, index.everything()).is_some() {
        Fate::Wanted // for a folder: a submodule
    } else if is_folder && index.holds(&[below, b"/"].concat(), index.everything()) {
        Fate::OnlyTracked
    } else {
        Fate::Ignored
    }
}

// -------------------------------------------------------------------------------------------------------------- explain

/// Why a path is or is not ignored; see the twin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    pub path: Vec<u8>,
    pub ignored: bool,
    pub tracked: bool,
    pub source: Option<Vec<u8>>,
    pub line: usize,
    pub pattern: String,
    pub matched: String,
}

/// Whether `walk(root)` passes over `path`, and the rule that says so; None if it does not lie below `root`.
///
/// `path` is absolute or relative to `root` and need not exist; a slash at its end makes it a folder.
pub fn explain(root: &[u8], path: &[u8], user: &User) -> Option<Verdict> {
    let folder = git::real(root);
    let mut target = join(&folder, path);
    while target.ends_with(b"/") {
        target.pop();
    }
    // Only what is above the last name is resolved: a link is an entry of its own.
    let (above, name) = split(&target);
    let target = join(&git::real(above), name);
    let clean = git::absolute(&target);
    let below = clean
        .strip_prefix(&slashed(folder)[..])
        .filter(|below| !below.is_empty())?;
    let names: Vec<&[u8]> = below.split(|&byte| byte == b'/').collect();
    let mut verdict = Verdict {
        path: below.to_vec(),
        ..Verdict::default()
    };
    let mut ground = survey(root, user);
    for (place, name) in names.iter().enumerate() {
        let exists = |name: &[u8]| {
            path_of(&join_below(&ground.folder, name))
                .symlink_metadata()
                .is_ok()
        };
        let present = Present {
            git: exists(b".git"),
            gitignore: exists(b".gitignore"),
            gromaignore: exists(b".gromaignore"),
        };
        ground = enter(ground, present);
        let entry = join_below(&ground.path, name);
        let is_folder = place < names.len() - 1
            || path.ends_with(b"/")
            || (path_of(&target).is_dir() && !path_of(&target).is_symlink());
        if *name == b".git" {
            let matched = shown(&entry[ground.lead..]);
            let source = Some(JUNK_SOURCE.to_vec());
            return Some(Verdict {
                ignored: true,
                tracked: false,
                source,
                line: 0,
                pattern: ".git".into(),
                matched,
                ..verdict
            });
        }
        verdict.tracked = ground.checkout.as_ref().is_some_and(|checkout| {
            let index = &checkout.index;
            index
                .find(&entry[checkout.origin..], index.everything())
                .is_some()
        });
        let hit = ground.rules.judge(name, &entry, is_folder);
        if !ground.only_tracked || hit.is_some_and(|hit| hit.own && !hit.pattern.negated) {
            verdict.source = hit.map(|hit| hit.source.to_vec());
            verdict.line = hit.map_or(0, |hit| hit.pattern.line);
            verdict.pattern = hit.map_or(String::new(), |hit| shown(&hit.pattern.text));
            verdict.matched = hit.map_or(String::new(), |_| shown(&entry[ground.lead..]));
        }
        let what = fate(&ground, name, &entry, is_folder);
        verdict.ignored = what == Fate::Ignored;
        if verdict.ignored {
            break;
        }
        ground = child(&ground, name, what == Fate::OnlyTracked);
    }
    Some(verdict)
}
