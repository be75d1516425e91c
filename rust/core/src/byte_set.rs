//! A set of bytes: what one place of a pattern may hold.

/// A bit a byte.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    pub const ALL: ByteSet = ByteSet([u64::MAX; 4]);

    pub fn of(bytes: &[u8]) -> ByteSet {
        let mut set = ByteSet::default();
        bytes.iter().for_each(|&b| set.add(b));
        set
    }

    pub fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    pub fn remove(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] &= !(1 << (byte & 63));
    }

    #[inline]
    pub fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 != 0
    }

    pub fn or(mut self, other: ByteSet) -> ByteSet {
        (0..4).for_each(|i| self.0[i] |= other.0[i]);
        self
    }

    pub fn not(mut self) -> ByteSet {
        self.0.iter_mut().for_each(|word| *word = !*word);
        self
    }

    pub fn meets(&self, other: &ByteSet) -> bool {
        (0..4).any(|i| self.0[i] & other.0[i] != 0)
    }

    /// With both cases of every ASCII letter of which it has one.
    pub fn folded(mut self) -> ByteSet {
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
