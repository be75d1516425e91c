//! Paths as Python holds them.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// A path as Python holds it: UTF-8 in which surrogates stand, each of them for a byte that is no UTF-8.
#[derive(Clone, Copy)]
pub struct HeldPath<'a>(pub &'a [u8]);

impl<'a> HeldPath<'a> {
    /// As the system has it.
    pub fn system(self) -> Cow<'a, OsStr> {
        if std::str::from_utf8(self.0).is_ok() {
            return Cow::Borrowed(OsStr::from_bytes(self.0));
        }
        let mut bytes = Vec::with_capacity(self.0.len());
        for (plain, odd) in self.parts() {
            bytes.extend_from_slice(plain.as_bytes());
            match *odd {
                [0xED, 0xB2, low] => bytes.push(low),
                [0xED, 0xB3, low] => bytes.push(low | 0x40),
                _ => bytes.extend_from_slice(odd),
            }
        }
        Cow::Owned(OsStr::from_bytes(&bytes).to_owned())
    }

    /// As text, in which U+FFFD stands for each surrogate: no letter either, and dropped from vectors too.
    pub fn text(self) -> Cow<'a, str> {
        if let Ok(text) = std::str::from_utf8(self.0) {
            return Cow::Borrowed(text);
        }
        let mut text = String::with_capacity(self.0.len());
        for (plain, odd) in self.parts() {
            text.push_str(plain);
            if !odd.is_empty() {
                text.push('\u{FFFD}');
            }
        }
        Cow::Owned(text)
    }

    /// Stretches of UTF-8, each with the surrogate (or byte) behind it that is none.
    fn parts(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let valid = match std::str::from_utf8(rest) {
                Ok(text) => text.len(),
                Err(e) => e.valid_up_to(),
            };
            let (plain, after) = rest.split_at(valid);
            let size = if matches!(after, [0xED, 0xA0..=0xBF, 0x80..=0xBF, ..]) {
                3
            } else {
                after.len().min(1)
            };
            let (odd, after) = after.split_at(size);
            rest = after;
            Some((std::str::from_utf8(plain).unwrap_or_default(), odd))
        })
    }
}
