//! Which bytes a character may begin with.

/// Bytes that one character may begin with. A character outside ASCII is in a set or not, whatever it is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Set([u64; 4]);

impl Set {
    pub(super) const ALL: Set = Set([u64::MAX; 4]);

    pub(super) fn of(bytes: &[u8]) -> Set {
        let mut set = Set::default();
        bytes.iter().for_each(|&b| set.add(b));
        set
    }

    pub(super) fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    pub(super) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 != 0
    }

    pub(super) fn or(mut self, other: Set) -> Set {
        (0..4).for_each(|i| self.0[i] |= other.0[i]);
        self
    }

    pub(super) fn not(mut self) -> Set {
        self.0.iter_mut().for_each(|word| *word = !*word);
        self
    }

    pub(super) fn meets(&self, other: &Set) -> bool {
        (0..4).any(|i| self.0[i] & other.0[i] != 0)
    }

    pub(super) fn folded(mut self) -> Set {
        for letter in b'a'..=b'z' {
            let capital = letter.to_ascii_uppercase();
            if self.has(letter) || self.has(capital) {
                self.add(letter);
                self.add(capital);
            }
        }
        self
    }
}
