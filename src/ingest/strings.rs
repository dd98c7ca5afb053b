//! Strings by number: every text of the event table is stored once and referred to by a code; code 0 is the empty text.
//!
//! Each worker keeps a set of its own while it reads, so that no worker waits for another; `merge` makes one of them.

use super::recent::Waiting;
use foldhash::fast::FixedState;
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
    /// Hash and code, by the hash; the next free place where that is taken.
    table: Vec<(u32, u32)>,
    pages: Vec<Vec<u8>>,
    /// Page, offset in it and length, packed.
    spans: Vec<u64>,
    hasher: FixedState,
}

/// A free place of the table.
const FREE: (u32, u32) = (0, u32::MAX);

impl std::fmt::Debug for Strings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Strings({} strings, {} pages)", self.spans.len(), self.pages.len())
    }
}

impl Default for Strings {
    fn default() -> Self {
        let mut strings = Strings {
            table: vec![FREE; 1024],
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
        let hash = self.hash(text);
        self.code_of(hash, text)
    }

    fn code_of(&mut self, hash: u32, text: &[u8]) -> u32 {
        let text = text.get(..(1 << LENGTH_BITS) - 1).unwrap_or(text);
        if let Some(code) = self.lookup(hash, text) {
            return code;
        }
        let span = self.store(text);
        self.insert(hash, span)
    }

    /// The codes of many texts, in their order. A set that outgrows the caches makes every look into it wait for memory:
    /// here the waits of many texts fall together.
    pub(super) fn codes(&mut self, texts: &Waiting, codes: &mut Vec<u32>) {
        const TOGETHER: usize = 32;
        codes.clear();
        for batch in texts.texts.chunks(TOGETHER) {
            let mut seen = 0u64;
            let at = |hash: u32| self.table.get(hash as usize & self.mask()).copied().unwrap_or(FREE);
            for text in batch {
                seen ^= u64::from(at(text.hash).0);
            }
            for text in batch {
                let (hash, code) = at(text.hash);
                if hash == text.hash {
                    seen ^= self.spans.get(code as usize).copied().unwrap_or(0);
                }
            }
            std::hint::black_box(seen);
            for text in batch {
                codes.push(self.code_of(text.hash, texts.bytes(*text)));
            }
        }
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

    /// What hashes texts.
    pub(super) fn hasher(&self) -> FixedState {
        self.hasher.clone()
    }

    /// The number that the next new text will get.
    pub(super) fn next_code(&self) -> u32 {
        u32::try_from(self.spans.len()).unwrap_or(u32::MAX)
    }

    fn hash(&self, text: &[u8]) -> u32 {
        u32::try_from(self.hasher.hash_one(text) >> 32).unwrap_or(0)
    }

    fn mask(&self) -> usize {
        self.table.len().wrapping_sub(1)
    }

    fn lookup(&self, hash: u32, text: &[u8]) -> Option<u32> {
        let mut at = hash as usize & self.mask();
        loop {
            let (known, code) = *self.table.get(at)?;
            if code == u32::MAX {
                return None;
            }
            if known == hash && self.get(code) == text {
                return Some(code);
            }
            at = (at + 1) & self.mask();
        }
    }

    fn insert(&mut self, hash: u32, span: u64) -> u32 {
        // At most five places of eight are taken.
        if self.spans.len() * 8 >= self.table.len() * 5 {
            let old = std::mem::take(&mut self.table);
            self.table = vec![FREE; old.len().max(512) * 2];
            for (hash, code) in old.into_iter().filter(|entry| entry.1 != u32::MAX) {
                self.place(hash, code);
            }
        }
        let code = self.next_code();
        self.spans.push(span);
        self.place(hash, code);
        code
    }

    fn place(&mut self, hash: u32, code: u32) {
        let mut at = hash as usize & self.mask();
        while let Some(entry) = self.table.get_mut(at) {
            if entry.1 == u32::MAX {
                *entry = (hash, code);
                return;
            }
            at = (at + 1) & self.mask();
        }
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
        set.table = Vec::new();
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

/// Adds sets to one whose codes stay as they are; `news` and what is given are as in [`merge`].
pub(super) fn extend(all: &mut Strings, sets: &[Strings], news: &[(usize, Range<u32>)]) -> Vec<Option<Vec<u32>>> {
    let mut maps: Vec<Vec<u32>> = sets.iter().map(|set| vec![0; set.len()]).collect();
    for (set, range) in news {
        let (Some(old), Some(map)) = (sets.get(*set), maps.get_mut(*set)) else { continue };
        for code in range.clone() {
            if let Some(to) = map.get_mut(code as usize) {
                *to = all.code(old.get(code));
            }
        }
    }
    maps.into_iter().map(Some).collect()
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
    fn one_set_stays_as_it_is() {
        let mut a = Strings::default();
        a.code(b"x");
        let (all, maps) = merge(vec![a, Strings::default()], &[(0, 1..1), (0, 1..2)]);
        assert_eq!((all.get(1), maps), (&b"x"[..], vec![None, None]));
    }
}
