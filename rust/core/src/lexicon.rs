//! What a short string was found to mean, remembered: byte string → a few numbers. For one thread, and bounded.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
/// Drawn once a process, so that nobody can write a file of words that all collide.
static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(MULTIPLIER));

fn mixed(value: u64) -> u64 {
    let product = u128::from(value) * u128::from(MULTIPLIER);
    (product >> 64) as u64 ^ product as u64
}

/// A hash that differs from process to process.
pub(crate) fn seed() -> u64 {
    *SEED
}

/// Short keys are hashed in one or two multiplications.
#[inline]
pub(crate) fn hash(key: &[u8], seed: u64) -> u64 {
    let mut state = seed ^ (key.len() as u64).wrapping_mul(MULTIPLIER);
    let mut words = key.chunks_exact(8);
    for word in &mut words {
        state = mixed(state ^ u64::from_le_bytes(word.try_into().expect("eight bytes")));
    }
    let mut rest = [0u8; 8];
    let tail = words.remainder();
    rest[..tail.len()].copy_from_slice(tail);
    mixed(state ^ u64::from_le_bytes(rest))
}

#[derive(Clone, Copy)]
struct Entry {
    hash: u32,
    key: u32,
    value: u32,
    key_len: u16,
    value_len: u16,
}

/// Keys are at most `LONGEST_KEY` bytes, values at most as many numbers; what is longer is not remembered.
pub(crate) struct Lexicon {
    seed: u64,
    slots: Vec<u32>,
    entries: Vec<Entry>,
    keys: Vec<u8>,
    values: Vec<u32>,
}

pub(crate) const LONGEST_KEY: usize = 96;
/// Some 1.5 MB when full.
const MOST_ENTRIES: usize = 1 << 15;

impl Lexicon {
    pub(crate) fn new() -> Lexicon {
        Lexicon {
            seed: seed(),
            slots: Vec::new(),
            entries: Vec::new(),
            keys: Vec::new(),
            values: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        hash(key, self.seed)
    }

    /// Where the value of `key` lies in `values`, if it is known.
    #[inline]
    pub(crate) fn find(&self, key: &[u8], hash: u64) -> Option<std::ops::Range<usize>> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = hash as usize & mask;
        loop {
            match self.slots[slot] {
                0 => return None,
                at => {
                    let entry = self.entries[at as usize - 1];
                    let start = entry.key as usize;
                    if entry.hash == (hash >> 32) as u32
                        && self.keys[start..start + entry.key_len as usize] == *key
                    {
                        return Some(
                            entry.value as usize..entry.value as usize + entry.value_len as usize,
                        );
                    }
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    #[inline]
    pub(crate) fn values(&self, range: std::ops::Range<usize>) -> &[u32] {
        &self.values[range]
    }

    /// Remember what was not known.
    pub(crate) fn insert(&mut self, key: &[u8], hash: u64, value: &[u32]) {
        if key.len() > LONGEST_KEY || value.len() > LONGEST_KEY {
            return;
        }
        if (self.entries.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let mut slot = hash as usize & (self.slots.len() - 1);
        while self.slots[slot] != 0 {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        // Sizes fit: a full lexicon has 2^15 entries of at most 96 bytes, and is emptied soon after.
        self.entries.push(Entry {
            hash: (hash >> 32) as u32,
            key: self.keys.len() as u32,
            value: self.values.len() as u32,
            key_len: key.len() as u16,
            value_len: value.len() as u16,
        });
        self.slots[slot] = self.entries.len() as u32;
        self.keys.extend_from_slice(key);
        self.values.extend_from_slice(value);
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(1 << 10);
        let mut slots = vec![0u32; size];
        for (at, entry) in self.entries.iter().enumerate() {
            let start = entry.key as usize;
            let mut slot = hash(&self.keys[start..start + entry.key_len as usize], self.seed)
                as usize
                & (size - 1);
            while slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            slots[slot] = at as u32 + 1;
        }
        self.slots = slots;
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= MOST_ENTRIES
    }

    pub(crate) fn clear(&mut self) {
        *self = Lexicon::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_learned_is_found_and_nothing_else() {
        let mut lexicon = Lexicon::new();
        let words: Vec<String> = (0..5000)
            .map(|i| format!("word{i:0width$}", width = i % 30))
            .collect();
        for (i, word) in words.iter().enumerate() {
            let hash = lexicon.hash(word.as_bytes());
            if lexicon.find(word.as_bytes(), hash).is_none() {
                lexicon.insert(word.as_bytes(), hash, &[i as u32, 7]);
            }
        }
        for word in &words {
            let range = lexicon
                .find(word.as_bytes(), lexicon.hash(word.as_bytes()))
                .expect("a word that was learned");
            assert_eq!(words[lexicon.values(range)[0] as usize], *word);
        }
        assert!(lexicon.find(b"words", lexicon.hash(b"words")).is_none());
        assert!(lexicon.find(b"", lexicon.hash(b"")).is_none());
    }
}
