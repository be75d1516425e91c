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
    /// Which page a block of 256 code points has; the first pages are those of one class alone.
    index: Vec<u16>,
    pages: Vec<[Class; 256]>,
    /// (first, last, step, target of the first), ascending.
    folds: Vec<(u32, u32, u32, u32)>,
    long_folds: HashMap<char, String>,
}

static CHARACTERS: LazyLock<Characters> = LazyLock::new(Characters::read);

const CLASSES: [Class; 8] = [
    Class::Unassigned,
    Class::Other,
    Class::Mark,
    Class::Digit,
    Class::Underscore,
    Class::Letter,
    Class::Lower,
    Class::Upper,
];

impl Characters {
    fn read() -> Characters {
        let pages = CLASSES.iter().map(|class| [*class; 256]).collect();
        let mut table = Characters {
            index: vec![0; 0x1100],
            pages,
            folds: Vec::new(),
            long_folds: HashMap::new(),
        };
        table.set(0, 0x7F, Class::Other);
        table.set(0x30, 0x39, Class::Digit);
        table.set(0x41, 0x5A, Class::Upper);
        table.set(0x5F, 0x5F, Class::Underscore);
        table.set(0x61, 0x7A, Class::Lower);
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split(' ');
            let mut number = || {
                fields
                    .next()
                    .and_then(|field| u32::from_str_radix(field, 16).ok())
                    .expect("a number of the table")
            };
            let (first, last) = (number(), number());
            match fields.next().expect("a class of the table") {
                "other" => table.set(first, last, Class::Other),
                "mark" => table.set(first, last, Class::Mark),
                "digit" => table.set(first, last, Class::Digit),
                "letter" => table.set(first, last, Class::Letter),
                "lower" => table.set(first, last, Class::Lower),
                "upper" => table.set(first, last, Class::Upper),
                "cased" => (first..=last)
                    .zip([Class::Upper, Class::Lower].into_iter().cycle())
                    .for_each(|(code, class)| {
                        table.set(code, code, class);
                    }),
                "fold" => {
                    let numbers: Vec<u32> = fields
                        .filter_map(|field| u32::from_str_radix(field, 16).ok())
                        .collect();
                    match numbers[..] {
                        [step, target] => table.folds.push((first, last, step, target)),
                        [_, ref targets @ ..] => {
                            let folded =
                                targets.iter().filter_map(|c| char::from_u32(*c)).collect();
                            let character =
                                char::from_u32(first).expect("a character of the table");
                            table.long_folds.insert(character, folded);
                        }
                        [] => unreachable!("a folding of the table has a step"),
                    }
                }
                name => unreachable!("the table knows no class {name}"),
            }
        }
        table
    }

    fn set(&mut self, first: u32, last: u32, class: Class) {
        let (mut first, end) = (first as usize, last as usize + 1);
        while first < end {
            let block = first >> 8;
            let next = end.min((block + 1) << 8);
            if next - first == 256 {
                self.index[block] = class as u16;
            } else {
                if (self.index[block] as usize) < CLASSES.len() {
                    self.pages.push(self.pages[self.index[block] as usize]);
                    self.index[block] = self.pages.len() as u16 - 1;
                }
                self.pages[self.index[block] as usize][first & 0xFF..=(next - 1) & 0xFF]
                    .fill(class);
            }
            first = next;
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
