//! What is shown of a chunk beside where it lies: its text and what it is in. `groma._pure.texts` tells the format, and writes it.

/// CRC-32, marks, bytes of the symbol, of what encloses it.
const HEAD: usize = 4 * 4;

/// A chunk's text, where it lies. UTF-8, but lone surrogates may be in it.
pub struct Text<'a> {
    pub masked: bool,
    pub symbol: &'a [u8],
    pub enclosing: &'a [u8],
    pub text: &'a [u8],
}

impl<'a> Text<'a> {
    /// None where the bytes do not prove themselves.
    pub fn read(data: &'a [u8]) -> Option<Text<'a>> {
        let head: &[u8; HEAD] = data.first_chunk()?;
        let word = |i: usize| u32::from_le_bytes([head[i], head[i + 1], head[i + 2], head[i + 3]]);
        if crc32fast::hash(&data[4..]) != word(0) {
            return None;
        }
        let (symbol, rest) = data[HEAD..].split_at_checked(word(8) as usize)?;
        let (enclosing, text) = rest.split_at_checked(word(12) as usize)?;
        Some(Text {
            masked: word(4) != 0,
            symbol,
            enclosing,
            text,
        })
    }
}
