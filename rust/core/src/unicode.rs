//! One Unicode for both cores: which characters make words, their case foldings and normal form. Twin of `groma._pure.unicode`.
//!
//! The classes come from the table both cores read, of a fixed version. A character not assigned in that version separates
//! words; what was assigned then is normalised alike by every later Unicode, so the crate at hand serves once the others are
//! blanked.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

static TABLE: &str = include_str!("../../../src/groma/languages/characters.txt");

/// What a character is to a word. In order, so that ranges of classes can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Class {
    Unassigned,
    Other,
    Mark,
    Digit,
    Underscore,
    Letter,
    Lower,
    Upper,
}

struct Characters {
    /// Which page a block of 256 code points has; equal pages are kept once.
    index: Vec<u8>,
    pages: Vec<[Class; 256]>,
    /// (first, last, step, target of the first), ascending.
    folds: Vec<(u32, u32, u32, u32)>,
    long_folds: HashMap<char, String>,
}

static CHARACTERS: LazyLock<Characters> = LazyLock::new(Characters::read);

impl Characters {
    fn read() -> Characters {
        let mut classes = vec![Class::Unassigned; 0x110000];
        classes[..0x80].fill(Class::Other);
        classes[0x30..0x3A].fill(Class::Digit);
        classes[0x41..0x5B].fill(Class::Upper);
        classes[0x5F] = Class::Underscore;
        classes[0x61..0x7B].fill(Class::Lower);
        let mut folds = Vec::new();
        let mut long_folds = HashMap::new();
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split(' ');
            let mut number = || {
                fields
                    .next()
                    .and_then(|field| u32::from_str_radix(field, 16).ok())
                    .expect("a number of the table")
            };
            let (first, last) = (number(), number());
            let range = first as usize..last as usize + 1;
            match fields.next().expect("a class of the table") {
                "other" => classes[range].fill(Class::Other),
                "mark" => classes[range].fill(Class::Mark),
                "digit" => classes[range].fill(Class::Digit),
                "letter" => classes[range].fill(Class::Letter),
                "lower" => classes[range].fill(Class::Lower),
                "upper" => classes[range].fill(Class::Upper),
                "cased" => classes[range].chunks_mut(2).for_each(|pair| {
                    pair.fill(Class::Lower);
                    pair[0] = Class::Upper;
                }),
                "fold" => {
                    let numbers: Vec<u32> = fields
                        .filter_map(|field| u32::from_str_radix(field, 16).ok())
                        .collect();
                    match numbers[..] {
                        [step, target] => folds.push((first, last, step, target)),
                        [_, ref targets @ ..] => {
                            let folded =
                                targets.iter().filter_map(|c| char::from_u32(*c)).collect();
                            long_folds.insert(
                                char::from_u32(first).expect("a character of the table"),
                                folded,
                            );
                        }
                        [] => unreachable!("a folding of the table has a step"),
                    }
                }
                name => unreachable!("the table knows no class {name}"),
            }
        }
        let mut pages: Vec<[Class; 256]> = Vec::new();
        let index = classes
            .chunks_exact(256)
            .map(|page| {
                let at = pages
                    .iter()
                    .rposition(|known| known == page)
                    .unwrap_or_else(|| {
                        pages.push(page.try_into().expect("256 classes"));
                        pages.len() - 1
                    });
                u8::try_from(at).expect("fewer than 256 different pages")
            })
            .collect();
        Characters {
            index,
            pages,
            folds,
            long_folds,
        }
    }
}

/// What a character is to a word.
pub fn class(character: char) -> Class {
    let code = character as usize;
    CHARACTERS.pages[CHARACTERS.index[code >> 8] as usize][code & 0xFF]
}

/// Han, Kana, Hangul: written without spaces, so cut into pairs.
pub fn is_paired(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{3040}'..='\u{30ff}'
        | '\u{ac00}'..='\u{d7af}' | '\u{20000}'..='\u{3134f}')
}

/// The full case folding of a text.
pub fn casefold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        let code = character as u32;
        if code < 0x80 {
            folded.push(character.to_ascii_lowercase());
        } else if let Some(several) = CHARACTERS.long_folds.get(&character) {
            folded.push_str(several);
        } else {
            let at = CHARACTERS.folds.partition_point(|row| row.0 <= code);
            let target = match at.checked_sub(1).map(|i| CHARACTERS.folds[i]) {
                Some((first, last, step, target))
                    if code <= last && (code - first).is_multiple_of(step) =>
                {
                    target + (code - first)
                }
                _ => code,
            };
            folded.push(char::from_u32(target).unwrap_or(character));
        }
    }
    folded
}

/// The text with a space for each character not assigned, in normal form KC.
pub fn nfkc(text: &str) -> Cow<'_, str> {
    let blank = |c| {
        if class(c) == Class::Unassigned {
            ' '
        } else {
            c
        }
    };
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let known = text.chars().all(|c| class(c) != Class::Unassigned);
    if known
        && unicode_normalization::is_nfkc_quick(text.chars())
            == unicode_normalization::IsNormalized::Yes
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(blank).nfkc().collect())
}

/// What Python calls white space (`str.isspace`, `\s`).
pub fn is_space(character: char) -> bool {
    match character {
        '\t'..='\r' | '\x1c'..=' ' | '\u{85}' | '\u{a0}' => true,
        c if c < '\u{1680}' => false,
        c => matches!(
            c,
            '\u{1680}' | '\u{2000}'
                ..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
        ),
    }
}

/// A path as text: U+FFFD for each byte that is no UTF-8, where Python has one lone surrogate for each.
pub fn path_text(path: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(path) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let mut text = String::with_capacity(path.len() + 8);
            for chunk in path.utf8_chunks() {
                text.push_str(chunk.valid());
                text.extend(std::iter::repeat_n('\u{fffd}', chunk.invalid().len()));
            }
            Cow::Owned(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_is_no_utf8_is_one_character() {
        assert_eq!(path_text(b"a\xe4\xb8\xff/b"), "a\u{fffd}\u{fffd}\u{fffd}/b");
        assert_eq!(path_text("ä/中".as_bytes()), "ä/中");
    }
}
