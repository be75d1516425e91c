//! The tokens of a model by their text, and the pieces that a word falls into.

use crate::lexicon::{Key, seed};

pub(super) const UNKNOWN: &[u8] = b"[UNK]";

/// Characters; a longer word is unknown as a whole, as in BERT.
const LONGEST_WORD: usize = 100;

/// Tokens by their text, in one flat hash table. A token that goes on a word ("##ing") is kept apart from the one that starts it.
pub(super) struct Vocabulary {
    text: Vec<u8>,
    /// Where each token's line begins, and where the one after the last would.
    starts: Vec<u32>,
    /// Row number + 1, or 0.
    slots: Vec<u32>,
    seed: u64,
    longest: usize,
    pub(super) unknown: u32,
}

impl Vocabulary {
    pub(super) fn new(text: Vec<u8>) -> Result<Vocabulary, String> {
        let mut starts = vec![0u32];
        starts.extend(
            text.iter()
                .enumerate()
                .filter(|(_, byte)| **byte == b'\n')
                .map(|(at, _)| at as u32 + 1),
        );
        let tokens = starts.len() - 1;
        let size = (tokens * 2).next_power_of_two().max(2);
        let mut vocabulary = Vocabulary {
            text,
            starts,
            slots: vec![0; size],
            seed: seed(),
            longest: 0,
            unknown: 0,
        };
        let mut longest = 0;
        for row in 0..tokens as u32 {
            let (goes_on, key) = vocabulary.key(row);
            longest = longest.max(key.len());
            let mut slot = vocabulary.slot(key, goes_on);
            while vocabulary.slots[slot] != 0
                && vocabulary.key(vocabulary.slots[slot] - 1) != (goes_on, key)
            {
                slot = (slot + 1) & (size - 1);
            }
            vocabulary.slots[slot] = row + 1;
        }
        vocabulary.longest = longest;
        vocabulary.unknown = vocabulary
            .find(UNKNOWN, false)
            .ok_or("vocab.txt has no [UNK]")?;
        Ok(vocabulary)
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Whether the token goes on a word, and its characters without the sign of that.
    fn key(&self, row: u32) -> (bool, &[u8]) {
        let row = row as usize;
        let line = &self.text[self.starts[row] as usize..self.starts[row + 1] as usize - 1];
        match line.strip_prefix(b"##") {
            Some(rest) if !rest.is_empty() => (true, rest),
            _ => (false, line),
        }
    }

    fn slot(&self, key: &[u8], goes_on: bool) -> usize {
        Key::new(key, self.seed ^ u64::from(goes_on)).hash as usize & (self.slots.len() - 1)
    }

    pub(super) fn find(&self, key: &[u8], goes_on: bool) -> Option<u32> {
        let mut slot = self.slot(key, goes_on);
        loop {
            match self.slots[slot].checked_sub(1)? {
                row if self.key(row) == (goes_on, key) => return Some(row),
                _ => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// Adds the longest token that starts the word, then again and again the longest that goes on; or else [UNK].
    pub(super) fn pieces(&self, word: &str, ids: &mut Vec<u32>) {
        if word.is_empty() {
            return;
        }
        if word.len() > LONGEST_WORD && word.chars().count() > LONGEST_WORD {
            return ids.push(self.unknown);
        }
        let before = ids.len();
        let mut start = 0;
        while start < word.len() {
            let mut end = word.len().min(start + self.longest);
            loop {
                if end == start {
                    ids.truncate(before);
                    return ids.push(self.unknown);
                }
                // A cut inside of a character is nobody's token.
                if let Some(row) = self.find(&word.as_bytes()[start..end], start > 0) {
                    ids.push(row);
                    break;
                }
                end -= 1;
            }
            start = end;
        }
    }
}
