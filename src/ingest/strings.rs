//! Strings by number: every text of the event table is stored once and referred to by a code; code 0 is the empty text.
//!
//! Each worker keeps a set of its own while it reads, so that no worker waits for another; [`merge`] makes one of them.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;
use std::ops::Range;

/// Bits of an offset in a page.
const PAGE_BITS: u32 = 18;
const PAGE: usize = 1 << PAGE_BITS;
/// Bits of a text's length in its span; longer texts are cut.
const LENGTH_BITS: u32 = 24;

/// A set of byte strings with codes in the order of first use. Texts stand in pages, so that growing moves none of them.
#[derive(Clone)]
pub struct Strings {
    /// Hash and code.
    table: HashTable<(u32, u32)>,
    pages: Vec<Vec<u8>>,
    /// Page, offset in it and length, packed.
    spans: Vec<u64>,
    hasher: FixedState,
}

impl std::fmt::Debug for Strings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Strings({} strings, {} pages)", self.spans.len(), self.pages.len())
    }
}

impl Default for Strings {
    fn default() -> Self {
        let mut strings = Strings {
            table: HashTable::new(),
            pages: Vec::new(),
            spans: Vec::new(),
            hasher: FixedState::with_seed(0x6261_636b),
        };
        strings.code(b"");
        strings
    }
}

impl Strings {
    /// The code of a text, new or old.
    pub fn code(&mut self, text: &[u8]) -> u32 {
        let text = text.get(..(1 << LENGTH_BITS) - 1).unwrap_or(text);
        let hash = self.hash(text);
        if let Some(code) = self.lookup(hash, text) {
            return code;
        }
        let span = self.store(text);
        self.insert(hash, span)
    }

    /// The code of a text that is known, 0 for the empty one, `None` for one never seen.
    pub fn find(&self, text: &[u8]) -> Option<u32> {
        self.lookup(self.hash(text), text)
    }

    /// The text of a code; empty for an unknown one.
    #[inline]
    pub fn get(&self, code: u32) -> &[u8] {
        self.spans.get(code as usize).map_or(b"", |span| slice(&self.pages, *span))
    }

    /// The text of a code, with invalid UTF-8 replaced.
    pub fn text(&self, code: u32) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.get(code))
    }

    /// How many strings there are, the empty one included.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Never true: the empty text is always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The number that the next new text will get.
    pub(super) fn next_code(&self) -> u32 {
        u32::try_from(self.spans.len()).unwrap_or(u32::MAX)
    }

    fn hash(&self, text: &[u8]) -> u64 {
        self.hasher.hash_one(text)
    }

    fn lookup(&self, hash: u64, text: &[u8]) -> Option<u32> {
        let short = short(hash);
        let (pages, spans) = (&self.pages, &self.spans);
        let same = |entry: &(u32, u32)| {
            entry.0 == short && spans.get(entry.1 as usize).is_some_and(|span| slice(pages, *span) == text)
        };
        self.table.find(spread(short), same).map(|entry| entry.1)
    }

    fn insert(&mut self, hash: u64, span: u64) -> u32 {
        let code = self.next_code();
        self.spans.push(span);
        self.table.insert_unique(spread(short(hash)), (short(hash), code), |entry| spread(entry.0));
        code
    }

    fn store(&mut self, text: &[u8]) -> u64 {
        if self.pages.last().is_none_or(|page| page.len() + text.len() > PAGE) {
            self.pages.push(Vec::with_capacity(text.len().max(PAGE)));
        }
        let index = self.pages.len().saturating_sub(1) as u64;
        let Some(page) = self.pages.last_mut() else { return 0 };
        let offset = page.len() as u64;
        page.extend_from_slice(text);
        ((index << PAGE_BITS | offset) << LENGTH_BITS) | text.len() as u64
    }
}

/// The codes that a column's texts had last. Most columns have few texts and short ones: those are told apart by their
/// ends and their length alone, without a look into the set.
#[derive(Clone, Copy, Default)]
pub(super) struct Recent {
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
    /// The code of a text, which goes into `strings` where it is new.
    #[inline]
    pub(super) fn code(&mut self, strings: &mut Strings, text: &[u8]) -> u32 {
        let (head, tail) = ends(text);
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let mixed = (head ^ tail.rotate_left(23) ^ u64::from(length)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let Some(slot) = self.slots.get_mut((mixed >> 60) as usize) else { return strings.code(text) };
        let alike = slot.head == head && slot.tail == tail && slot.length == length;
        if !(alike && (length <= 16 || strings.get(slot.code) == text)) {
            *slot = Slot { head, tail, length, code: strings.code(text) };
        }
        slot.code
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

/// What of a hash is kept with a code.
fn short(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(0)
}

/// A hash for the table from what is kept: the table takes both its lowest and its highest bits.
fn spread(short: u32) -> u64 {
    u64::from(short).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn slice(pages: &[Vec<u8>], span: u64) -> &[u8] {
    let at = span >> LENGTH_BITS;
    let offset = (at & (PAGE as u64 - 1)) as usize;
    let length = (span & ((1 << LENGTH_BITS) - 1)) as usize;
    pages.get((at >> PAGE_BITS) as usize).and_then(|page| page.get(offset..offset + length)).unwrap_or_default()
}

/// One set of several: `news` says, in the table's order, which codes of which set a block brought in, so that the codes
/// do not depend on which worker read what. Gives for each set the new codes of its old ones; `None` where they stay.
pub(super) fn merge(mut sets: Vec<Strings>, news: &[(usize, Range<u32>)]) -> (Strings, Vec<Option<Vec<u32>>>) {
    let mut used = news.iter().filter(|(_, range)| !range.is_empty()).map(|(set, _)| *set);
    let first = used.next().unwrap_or(0);
    let in_turn = news.iter().map(|(_, range)| range.start).is_sorted();
    if used.all(|set| set == first) && in_turn {
        let one = sets.get_mut(first).map(std::mem::take).unwrap_or_default();
        return (one, sets.iter().map(|_| None).collect());
    }
    let mut all = Strings::default();
    let mut bases = Vec::new();
    for set in &mut sets {
        bases.push(all.pages.len() as u64);
        all.pages.append(&mut set.pages);
        set.table = HashTable::new();
    }
    let mut maps: Vec<Vec<u32>> = sets.iter().map(|set| vec![0; set.len()]).collect();
    for (set, range) in news {
        let (Some(old), Some(map), Some(base)) = (sets.get(*set), maps.get_mut(*set), bases.get(*set)) else { continue };
        for code in range.clone().map(|code| code as usize) {
            let (Some(span), Some(to)) = (old.spans.get(code), map.get_mut(code)) else { continue };
            let span = span + (base << (PAGE_BITS + LENGTH_BITS));
            let text = slice(&all.pages, span);
            let hash = all.hash(text);
            *to = match all.lookup(hash, text) {
                Some(known) => known,
                None => all.insert(hash, span),
            };
        }
    }
    (all, maps.into_iter().map(Some).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_given_in_the_order_of_first_use_and_merge() {
        let mut a = Strings::default();
        assert_eq!((a.code(b"x"), a.code(b"y"), a.code(b"x"), a.code(b"")), (1, 2, 1, 0));
        assert_eq!(a.find(b"y"), Some(2));
        let mut b = Strings::default();
        b.code(b"y");
        b.code(b"z");
        let long = vec![b'l'; 2 * PAGE];
        let code = b.code(&long);
        let (all, maps) = merge(vec![a, b], &[(0, 1..2), (1, 1..4), (0, 2..3)]);
        let texts: Vec<&[u8]> = (1..5).map(|code| all.get(code)).collect();
        assert_eq!(texts, [&b"x"[..], b"y", b"z", &long]);
        assert_eq!(maps, [Some(vec![0, 1, 2]), Some(vec![0, 2, 3, 4])]);
        assert_eq!((code, all.get(99), all.find(b"z")), (3, &b""[..], Some(3)));
    }

    #[test]
    fn recent_codes_are_the_sets_codes() {
        let (mut strings, mut recent) = (Strings::default(), Recent::default());
        let texts = ["", "a", "ab", "abc", "abcd", "abcdefgh", "abcdefgh-abcdefgh", "abcdefgh+abcdefgh", "GET", "\0", "\0\0"];
        for text in texts.iter().chain(&texts) {
            let code = recent.code(&mut strings, text.as_bytes());
            assert_eq!(strings.get(code), text.as_bytes());
        }
        assert_eq!(strings.len(), texts.len());
    }

    #[test]
    fn one_set_stays_as_it_is() {
        let mut a = Strings::default();
        a.code(b"x");
        let (all, maps) = merge(vec![a, Strings::default()], &[(0, 1..1), (0, 1..2)]);
        assert_eq!((all.get(1), maps), (&b"x"[..], vec![None, None]));
    }
}
