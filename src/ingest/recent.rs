//! What stands between a worker's columns and its strings: most columns have few texts, which are told apart at a glance;
//! the others wait for the end of the block, to be looked up together.

use super::strings::Strings;
use foldhash::fast::FixedState;
use std::hash::BuildHasher;

/// Marks the number of a waiting text among codes.
const WAITS: u32 = 1 << 31;

/// Texts that wait for their codes.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) texts: Vec<Text>,
    bytes: Vec<u8>,
    hasher: FixedState,
}

/// A waiting text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    /// As [`Strings`] hashes it.
    pub(super) hash: u32,
    start: u32,
    length: u32,
}

impl Waiting {
    /// Texts for `strings`.
    fn new(strings: &Strings) -> Waiting {
        Waiting { texts: Vec::new(), bytes: Vec::new(), hasher: strings.hasher() }
    }

    /// The bytes of a text.
    pub(super) fn bytes(&self, text: Text) -> &[u8] {
        let start = text.start as usize;
        self.bytes.get(start..start + text.length as usize).unwrap_or_default()
    }

    fn push(&mut self, text: &[u8]) -> u32 {
        let number = u32::try_from(self.texts.len()).unwrap_or(0);
        let start = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(text);
        let hash = u32::try_from(self.hasher.hash_one(text) >> 32).unwrap_or(0);
        self.texts.push(Text { hash, start, length: u32::try_from(text.len()).unwrap_or(u32::MAX) });
        number | WAITS
    }
}

/// The strings of a worker, and what its columns need to find them fast.
pub(super) struct Interner<const COLUMNS: usize> {
    /// The strings.
    pub(super) strings: Strings,
    recent: [Recent; COLUMNS],
    waiting: Waiting,
    codes: Vec<u32>,
}

impl<const COLUMNS: usize> Interner<COLUMNS> {
    /// An empty one.
    pub(super) fn new() -> Self {
        let strings = Strings::default();
        let waiting = Waiting::new(&strings);
        Interner { strings, recent: [Recent::default(); COLUMNS], waiting, codes: Vec::new() }
    }

    /// The code of a text in a column; until [`Interner::settle`] it may be a number to wait with.
    #[inline]
    pub(super) fn code(&mut self, column: usize, text: &[u8]) -> u32 {
        let Some(recent) = self.recent.get_mut(column) else { return 0 };
        let (head, tail) = ends(text);
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let Some(slot) = recent.slot(head, tail, length) else { return 0 };
        let alike = slot.head == head && slot.tail == tail && slot.length == length;
        if alike && (length <= 16 || known(&self.strings, &self.waiting, slot.code) == text) {
            return slot.code;
        }
        *slot = Slot { head, tail, length, code: self.waiting.push(text) };
        slot.code
    }

    /// Gives every waiting text its code, in `columns` too.
    pub(super) fn settle<'c>(&mut self, columns: impl Iterator<Item = &'c mut [u32]>) {
        if self.waiting.texts.is_empty() {
            return;
        }
        self.strings.codes(&self.waiting, &mut self.codes);
        let codes = &self.codes;
        let settled = |code: u32| codes.get((code & !WAITS) as usize).copied().unwrap_or(0);
        for code in columns.flatten().filter(|code| **code & WAITS != 0) {
            *code = settled(*code);
        }
        for slot in self.recent.iter_mut().flat_map(|recent| &mut recent.slots).filter(|slot| slot.code & WAITS != 0) {
            slot.code = settled(slot.code);
        }
        self.waiting.texts.clear();
        self.waiting.bytes.clear();
    }
}

fn known<'a>(strings: &'a Strings, waiting: &'a Waiting, code: u32) -> &'a [u8] {
    if code & WAITS == 0 {
        return strings.get(code);
    }
    waiting.texts.get((code & !WAITS) as usize).map_or(b"", |text| waiting.bytes(*text))
}

/// The texts that a column had last, told apart by their ends and their length; that alone is sure up to sixteen bytes.
#[derive(Clone, Copy, Default)]
struct Recent {
    slots: [Slot; 16],
}

#[derive(Clone, Copy, Default)]
struct Slot {
    head: u64,
    tail: u64,
    length: u32,
    code: u32,
}

impl Recent {
    #[inline]
    fn slot(&mut self, head: u64, tail: u64, length: u32) -> Option<&mut Slot> {
        let mixed = (head ^ tail.rotate_left(23) ^ u64::from(length)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.slots.get_mut((mixed >> 60) as usize)
    }
}

/// The first and the last bytes of a text, all of them where it has no more than sixteen.
#[inline]
fn ends(text: &[u8]) -> (u64, u64) {
    if let (Some(head), Some(tail)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
    } else if let (Some(head), Some(tail)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        (u32::from_le_bytes(*head).into(), u32::from_le_bytes(*tail).into())
    } else {
        (text.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_end_up_with_the_codes_of_their_texts() {
        let texts = ["a", "ab", "abc", "abcd", "abcdefgh", "abcdefgh-abcdefgh", "abcdefgh+abcdefgh", "GET", "\0", "\0\0", "a"];
        let many: Vec<String> = (0..5000).map(|n| format!("10.0.{}.{}", n / 250, n % 250)).collect();
        let texts: Vec<&str> = texts.into_iter().chain(many.iter().map(String::as_str)).collect();
        let mut interner = Interner::<2>::new();
        for _ in 0..2 {
            for part in texts.chunks(700) {
                let mut columns = [Vec::new(), Vec::new()];
                for text in part {
                    columns[0].push(interner.code(0, text.as_bytes()));
                    columns[1].push(interner.code(1, text.as_bytes()));
                }
                interner.settle(columns.iter_mut().map(Vec::as_mut_slice));
                for (row, text) in part.iter().enumerate() {
                    assert_eq!(interner.strings.text(columns[0][row]), *text);
                    assert_eq!(columns[0][row], columns[1][row]);
                }
            }
        }
        assert_eq!(interner.strings.len(), texts.len());
    }
}
