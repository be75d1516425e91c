//! Who mentions what is defined only here. Twin of `groma._pure.references`.

use crate::lexicon::seed;

/// For each file, how many other files mention an identifier that only it defines. `mentions` and `defines` hold the hashes of each file.
pub fn references(mentions: &[&[u32]], defines: &[&[u32]]) -> Vec<i64> {
    // (name, the file that defines it), and of those the names that come once
    let mut names: Vec<u64> = Vec::with_capacity(defines.iter().map(|row| row.len()).sum());
    for (file, row) in defines.iter().enumerate() {
        names.extend(row.iter().map(|&name| u64::from(name) << 32 | file as u64));
    }
    names.sort_unstable();
    let name_of = |at: usize| names.get(at).map(|entry| entry >> 32);
    let owned: Vec<u64> = (0..names.len())
        .filter(|&i| name_of(i) != name_of(i + 1) && (i == 0 || name_of(i) != name_of(i - 1)))
        .map(|i| names[i])
        .collect();
    let mut counts = vec![0; defines.len()];
    if owned.is_empty() {
        return counts;
    }
    let table = Table::new(&owned);
    let mut last = vec![usize::MAX; defines.len()]; // the file that was counted last
    for (file, row) in mentions.iter().enumerate() {
        for owner in row.iter().filter_map(|&word| table.owner(word)) {
            if owner != file && last[owner] != file {
                last[owner] = file;
                counts[owner] += 1;
            }
        }
    }
    counts
}

/// Name → the file that defines it, by open addressing. The names are hashes already; a secret odd factor spreads them against whoever would
/// choose his words to collide.
struct Table {
    slots: Vec<u64>,
    factor: u64,
    shift: u32,
}

const FREE: u64 = u64::MAX;

impl Table {
    fn new(owned: &[u64]) -> Table {
        let bits = (owned.len() * 2)
            .next_power_of_two()
            .trailing_zeros()
            .max(1);
        let mut table = Table {
            slots: vec![FREE; 1 << bits],
            factor: seed() | 1,
            shift: 64 - bits,
        };
        for &entry in owned {
            let mut at = table.place((entry >> 32) as u32);
            while table.slots[at] != FREE {
                at = (at + 1) & (table.slots.len() - 1);
            }
            table.slots[at] = entry;
        }
        table
    }

    fn place(&self, name: u32) -> usize {
        (u64::from(name).wrapping_mul(self.factor) >> self.shift) as usize
    }

    fn owner(&self, name: u32) -> Option<usize> {
        let mut at = self.place(name);
        loop {
            let entry = self.slots[at];
            if entry == FREE {
                return None;
            }
            if (entry >> 32) as u32 == name {
                return Some((entry & 0xFFFF_FFFF) as usize);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }
}
