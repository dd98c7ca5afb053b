//! UTF-16 text (what PowerShell's `>` and SQL Server write) to UTF-8, told by its byte-order mark.

use std::io::{self, Read};

/// A reader that turns UTF-16 into UTF-8; surrogates without a partner become U+FFFD.
pub(super) struct Utf16<R> {
    inner: R,
    big_endian: bool,
    /// An odd byte left over, and a high surrogate that waits for its partner.
    half: Option<u8>,
    high: Option<u16>,
    out: Vec<u8>,
    taken: usize,
}

impl<R: Read> Utf16<R> {
    pub(super) fn new(inner: R, big_endian: bool) -> Utf16<R> {
        Utf16 { inner, big_endian, half: None, high: None, out: Vec::new(), taken: 0 }
    }

    fn unit(&mut self, unit: u16) {
        let mut text = [0u16; 2];
        let text = match (self.high.take(), unit) {
            (Some(high), 0xdc00..=0xdfff) => {
                text = [high, unit];
                &text[..]
            }
            (_, 0xd800..=0xdbff) => {
                self.high = Some(unit);
                return;
            }
            _ => {
                text[0] = unit;
                &text[..1]
            }
        };
        let mut utf8 = [0u8; 4];
        for character in char::decode_utf16(text.iter().copied()) {
            let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
            self.out.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
        }
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.out.len() {
            self.out.clear();
            self.taken = 0;
            let mut raw = [0u8; 16 << 10];
            let filled = self.inner.read(&mut raw)?;
            if filled == 0 {
                return Ok(0);
            }
            for byte in raw.get(..filled).unwrap_or_default() {
                match self.half.take() {
                    None => self.half = Some(*byte),
                    Some(first) => {
                        let pair = [first, *byte];
                        self.unit(if self.big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) });
                    }
                }
            }
        }
        let rest = self.out.get(self.taken..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        self.taken += count;
        Ok(count)
    }
}
