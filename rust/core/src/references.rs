//! Who mentions what is defined only here. Twin of `groma._pure.references`.

use crate::lexicon::seed;

/// For each file, how many other files mention an identifier that only it defines. The hashes of file `i` are `mentions[i]` and `defines[i]`.
pub fn references<'a>(
    mentions: impl Iterator<Item = &'a [u32]>,
    defines: impl ExactSizeIterator<Item = &'a [u32]> + Clone,
) -> Vec<i64> {
    let mut counts = vec![0; defines.len()];
    let owners = Owners::new(defines);
    let mut last = vec![usize::MAX; counts.len()]; // the file that was counted last
    for (file, row) in mentions.enumerate() {
        for owner in row.iter().filter_map(|&name| owners.of(name)) {
            if owner != file && last[owner] != file {
                last[owner] = file;
                counts[owner] += 1;
            }
        }
    }
    counts
}

/// Name → the one file that defines it, by open addressing. The names are hashes already; a secret odd factor spreads them against whoever
/// would choose his words to collide.
struct Owners {
    slots: Vec<u64>,
    factor: u64,
    shift: u32,
    /// One bit for the first bits of every name that has an owner: five of six mentions are of other names, and end here.
    owned: Vec<u64>,
}

const FREE: u64 = u64::MAX;
/// In place of a file: the name is defined more than once. Not all ones, or the last name there is would look free.
const NOBODY: u32 = u32::MAX - 1;

impl Owners {
    fn new<'a>(defines: impl Iterator<Item = &'a [u32]> + Clone) -> Owners {
        let names: usize = defines.clone().map(<[u32]>::len).sum();
        let bits = (names * 2).next_power_of_two().trailing_zeros().max(1);
        let mut owners = Owners {
            slots: vec![FREE; 1 << bits],
            factor: seed() | 1,
            shift: 64 - bits,
            owned: vec![0; 1 << (bits + 2).saturating_sub(6)],
        };
        for (file, row) in defines.enumerate() {
            for &name in row {
                let at = owners.place(name);
                let owner = if owners.slots[at] == FREE {
                    file as u32
                } else {
                    NOBODY
                };
                owners.slots[at] = u64::from(name) << 32 | u64::from(owner);
            }
        }
        for &slot in &owners.slots {
            if (slot as u32) < NOBODY {
                let (word, bit) = owners.mark((slot >> 32) as u32);
                owners.owned[word] |= bit;
            }
        }
        owners
    }

    fn mark(&self, name: u32) -> (usize, u64) {
        let at = (u64::from(name) * (64 * self.owned.len() as u64)) >> 32;
        ((at / 64) as usize, 1 << (at % 64))
    }

    /// Where a name is, or would be.
    fn place(&self, name: u32) -> usize {
        let mut at = (u64::from(name).wrapping_mul(self.factor) >> self.shift) as usize;
        while self.slots[at] != FREE && (self.slots[at] >> 32) as u32 != name {
            at = (at + 1) & (self.slots.len() - 1);
        }
        at
    }

    fn of(&self, name: u32) -> Option<usize> {
        let (word, bit) = self.mark(name);
        if self.owned[word] & bit == 0 {
            return None;
        }
        let owner = self.slots[self.place(name)] as u32; // all ones in a free slot
        (owner < NOBODY).then_some(owner as usize)
    }
}
