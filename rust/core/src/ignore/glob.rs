//! git's globs, its wildmatch: `*`, `**`, `?` and sets.

use crate::byte_set::ByteSet;

#[derive(Clone, Copy, Debug)]
enum One {
    Byte(u8),
    Set(ByteSet),
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
pub(super) struct Glob {
    blocks: Vec<(Wide, Vec<Segment>)>,
    by_path: bool,
}

impl Glob {
    /// None if it can match nothing. With `by_path`, `*`, `?` and sets stop at slashes and `**` between borders does not.
    pub(super) fn compile(glob: &[u8], by_path: bool, fold: bool) -> Option<Glob> {
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

    /// The byte that all it matches end in, where that is one byte.
    pub(super) fn last_byte(&self) -> Option<u8> {
        match self.blocks.last()?.1.last()?.last()? {
            One::Byte(last) => Some(*last),
            _ => None,
        }
    }

    pub(super) fn matches(&self, text: &[u8]) -> bool {
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
    let mut members = ByteSet::default();
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
        members = members.not();
        members.remove(0);
    }
    if by_path {
        members.remove(b'/');
    }
    (members != ByteSet::default()).then_some((One::Set(members), place + 1))
}
