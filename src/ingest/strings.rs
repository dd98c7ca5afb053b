//! Strings by number: every text of the event table is stored once and referred to by a code; code 0 is the empty text.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// A set of byte strings with codes in the order of first use.
#[derive(Clone)]
pub struct Strings {
    table: HashTable<u32>,
    bytes: Vec<u8>,
    /// End of each string in `bytes`.
    ends: Vec<usize>,
    hasher: FixedState,
}

impl std::fmt::Debug for Strings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Strings({} strings, {} bytes)", self.ends.len(), self.bytes.len())
    }
}

impl Default for Strings {
    fn default() -> Self {
        let mut strings = Strings {
            table: HashTable::new(),
            bytes: Vec::new(),
            ends: Vec::new(),
            hasher: FixedState::with_seed(0x6261_636b),
        };
        strings.code(b"");
        strings
    }
}

impl Strings {
    /// The code of a text, new or old.
    pub fn code(&mut self, text: &[u8]) -> u32 {
        let hash = self.hasher.hash_one(text);
        let (bytes, ends) = (&self.bytes, &self.ends);
        if let Some(code) = self.table.find(hash, |code| slice(bytes, ends, *code) == text) {
            return *code;
        }
        let code = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        let (bytes, ends, hasher) = (&self.bytes, &self.ends, &self.hasher);
        self.table.insert_unique(hash, code, |code| hasher.hash_one(slice(bytes, ends, *code)));
        code
    }

    /// The code of a text that is known, 0 for the empty one, `None` for one never seen.
    pub fn find(&self, text: &[u8]) -> Option<u32> {
        self.table.find(self.hasher.hash_one(text), |code| self.get(*code) == text).copied()
    }

    /// The text of a code; empty for an unknown one.
    pub fn get(&self, code: u32) -> &[u8] {
        slice(&self.bytes, &self.ends, code)
    }

    /// The text of a code, with invalid UTF-8 replaced.
    pub fn text(&self, code: u32) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.get(code))
    }

    /// How many strings there are, the empty one included.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Never true: the empty text is always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Takes every string of `other` in; the result gives, for each of its codes, the code here.
    pub fn merge(&mut self, other: &Strings) -> Vec<u32> {
        (0..other.len()).map(|code| self.code(other.get(u32::try_from(code).unwrap_or(0)))).collect()
    }
}

fn slice<'a>(bytes: &'a [u8], ends: &[usize], code: u32) -> &'a [u8] {
    let code = code as usize;
    let Some(end) = ends.get(code) else { return b"" };
    let start = code.checked_sub(1).and_then(|c| ends.get(c)).copied().unwrap_or(0);
    bytes.get(start..*end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_given_in_the_order_of_first_use_and_merge() {
        let mut a = Strings::default();
        assert_eq!((a.code(b"x"), a.code(b"y"), a.code(b"x"), a.code(b"")), (1, 2, 1, 0));
        let mut b = Strings::default();
        b.code(b"y");
        b.code(b"z");
        assert_eq!(a.merge(&b), [0, 2, 3]);
        assert_eq!(a.get(3), b"z");
        assert_eq!(a.get(99), b"");
    }
}
