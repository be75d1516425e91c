//! What a short string was found to mean, remembered: byte string → a few numbers. For one thread, and bounded.

use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::LazyLock;

const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
/// Drawn once a process, so that nobody can write a file of words that all collide.
static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(MULTIPLIER));

pub(crate) fn seed() -> u64 {
    *SEED
}

/// A short string: its first 16 bytes as two numbers, and its hash.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    bytes: &'a [u8],
    first: u64,
    last: u64,
    pub(crate) hash: u64,
}

impl<'a> Key<'a> {
    pub(crate) fn new(bytes: &'a [u8], seed: u64) -> Key<'a> {
        let mut padded = [0; 16];
        let len = bytes.len().min(16);
        padded[..len].copy_from_slice(&bytes[..len]);
        Key::padded(bytes, padded, seed)
    }

    /// The key `text[start..end]`. What stands behind it is read too and blotted out, which asks no question about its length.
    #[inline]
    pub(crate) fn within(text: &'a [u8], start: usize, end: usize, seed: u64) -> Key<'a> {
        match text[start..].first_chunk::<16>() {
            Some(sixteen) => Key::padded(
                &text[start..end],
                (u128::from_le_bytes(*sixteen) & lower_bytes(end - start)).to_le_bytes(),
                seed,
            ),
            None => Key::new(&text[start..end], seed),
        }
    }

    #[inline]
    fn padded(bytes: &'a [u8], padded: [u8; 16], seed: u64) -> Key<'a> {
        let both = u128::from_le_bytes(padded);
        let (first, last) = (both as u64, (both >> 64) as u64);
        let mut hash = mixed(first ^ seed);
        for more in bytes.get(16..).unwrap_or_default().chunks(8) {
            let mut word = [0; 8];
            word[..more.len()].copy_from_slice(more);
            hash = mixed(hash ^ u64::from_le_bytes(word));
        }
        Key {
            bytes,
            first,
            last,
            hash: mixed(hash ^ last ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER)),
        }
    }
}

/// Ones for the first `count` bytes of sixteen.
#[inline]
fn lower_bytes(count: usize) -> u128 {
    let ones = |count: usize| u64::MAX.checked_shr(64 - 8 * count as u32).unwrap_or(0);
    u128::from(ones(count.min(8))) | u128::from(ones(count.saturating_sub(8).min(8))) << 64
}

fn mixed(value: u64) -> u64 {
    let product = u128::from(value) * u128::from(MULTIPLIER);
    (product >> 64) as u64 ^ product as u64
}

#[derive(Clone, Copy)]
struct Entry {
    first: u64,
    last: u64,
    hash: u32,
    key: u32,
    value: u32,
    key_len: u16,
    value_len: u16,
}

/// Keys are at most `LONGEST_KEY` bytes, values at most as many numbers; what is longer is not remembered.
pub(crate) struct Lexicon {
    seed: u64,
    /// The upper half of a key's hash, and its entry's number + 1 or 0.
    slots: Vec<(u32, u32)>,
    entries: Vec<Entry>,
    /// The keys of more than 16 bytes.
    keys: Vec<u8>,
    values: Vec<u32>,
}

const LONGEST_KEY: usize = 96;
/// Some 2 MB when full.
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
    pub(crate) fn key<'a>(&self, text: &'a [u8], start: usize, end: usize) -> Key<'a> {
        Key::within(text, start, end, self.seed)
    }

    /// Where the value of `key` lies in `values`, if it is known.
    #[inline]
    pub(crate) fn find(&self, key: Key<'_>) -> Option<Range<usize>> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut slot = key.hash as usize & mask;
        loop {
            let (hash, at) = self.slots[slot];
            let at = at.checked_sub(1)?;
            if hash == (key.hash >> 32) as u32 {
                let entry = self.entries[at as usize];
                let len = entry.key_len as usize;
                if entry.first == key.first
                    && entry.last == key.last
                    && len == key.bytes.len()
                    && (len <= 16
                        || self.keys[entry.key as usize..entry.key as usize + len] == *key.bytes)
                {
                    return Some(
                        entry.value as usize..entry.value as usize + entry.value_len as usize,
                    );
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    #[inline]
    pub(crate) fn values(&self, range: Range<usize>) -> &[u32] {
        &self.values[range]
    }

    /// Remember what was not known.
    pub(crate) fn insert(&mut self, key: Key<'_>, value: &[u32]) {
        let bytes = key.bytes;
        if bytes.len() > LONGEST_KEY || value.len() > LONGEST_KEY {
            return;
        }
        if (self.entries.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        // Sizes fit: whoever reads on while a lexicon is full has one text in hand, of a few MB.
        self.entries.push(Entry {
            first: key.first,
            last: key.last,
            hash: key.hash as u32,
            key: self.keys.len() as u32,
            value: self.values.len() as u32,
            key_len: bytes.len() as u16,
            value_len: value.len() as u16,
        });
        if bytes.len() > 16 {
            self.keys.extend_from_slice(bytes);
        }
        self.values.extend_from_slice(value);
        let row = ((key.hash >> 32) as u32, self.entries.len() as u32);
        put(&mut self.slots, key.hash as u32, row);
    }

    fn grow(&mut self) {
        let mut slots = vec![(0, 0); (self.slots.len() * 2).max(1 << 10)];
        for (upper, at) in self.slots.iter().filter(|(_, at)| *at > 0) {
            put(
                &mut slots,
                self.entries[*at as usize - 1].hash,
                (*upper, *at),
            );
        }
        self.slots = slots;
    }

    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= MOST_ENTRIES
    }
}

/// Puts a row into the first free slot for the lower half of its hash.
fn put(slots: &mut [(u32, u32)], hash: u32, row: (u32, u32)) {
    let mut slot = hash as usize & (slots.len() - 1);
    while slots[slot].1 != 0 {
        slot = (slot + 1) & (slots.len() - 1);
    }
    slots[slot] = row;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<'a>(lexicon: &Lexicon, word: &'a [u8]) -> Key<'a> {
        lexicon.key(word, 0, word.len())
    }

    #[test]
    fn what_was_learned_is_found_and_nothing_else() {
        let mut lexicon = Lexicon::new();
        let words: Vec<String> = (0..5000)
            .map(|i| format!("{i:0width$}", width = i % 30))
            .collect();
        for (i, word) in words.iter().enumerate() {
            let key = key(&lexicon, word.as_bytes());
            if lexicon.find(key).is_none() {
                lexicon.insert(key, &[i as u32, 7]);
            }
        }
        for word in &words {
            let range = lexicon
                .find(key(&lexicon, word.as_bytes()))
                .expect("a word that was learned");
            assert_eq!(words[lexicon.values(range)[0] as usize], *word);
        }
        for unknown in [
            "",
            "x",
            "12x",
            "0000000000000000000001x",
            "000000000x00000000001",
        ] {
            assert!(lexicon.find(key(&lexicon, unknown.as_bytes())).is_none());
        }
    }

    #[test]
    fn what_stands_around_a_key_does_not_count() {
        for len in 0..40 {
            let text = "x".repeat(len + 50);
            let lexicon = Lexicon::new();
            let alone = key(&lexicon, &text.as_bytes()[..len]);
            for end in [len, len + 7, text.len()] {
                let within = lexicon.key(text.as_bytes(), end - len, end);
                assert_eq!(
                    (within.first, within.last, within.hash),
                    (alone.first, alone.last, alone.hash)
                );
            }
        }
    }

    #[test]
    fn every_byte_of_a_key_counts() {
        for len in 1..40usize {
            let word = vec![b'a'; len];
            let mut lexicon = Lexicon::new();
            lexicon.insert(key(&lexicon, &word), &[1]);
            for at in 0..len {
                let mut other = word.clone();
                other[at] = b'b';
                assert!(lexicon.find(key(&lexicon, &other)).is_none());
                assert_ne!(key(&lexicon, &other).hash, key(&lexicon, &word).hash);
            }
        }
    }
}
