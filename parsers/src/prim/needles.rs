//! Many fixed texts looked for at once, most often in vain.
//!
//! Of each needle the five bytes that are rarest in logs are chosen. Every second group of four bytes of a text is looked up
//! in a bit table that holds both groups of those five; only where a bit is set, needles are compared. A text without
//! needles costs a few instructions a byte and no memory but the table, which stays in the first cache.

/// Bits of a group's place in the table: 32 KiB.
const BITS: u32 = 18;
const WORDS: usize = 1 << (BITS - 6);
/// Groups that share a bucket of the list.
const BUCKET_BITS: u32 = 6;

/// A set of needles, each with an owner.
pub struct Needles {
    table: Box<[u64; WORDS]>,
    /// Where each bucket of `groups` begins.
    buckets: Vec<u32>,
    /// Sorted by place.
    groups: Vec<Group>,
    /// The needles and their owners.
    list: Vec<(&'static [u8], u8)>,
}

/// A group of four bytes of a needle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Group {
    place: u32,
    needle: u16,
    /// Where in the needle it begins; −1 for a needle so short that the byte before it is part of the group.
    offset: i16,
}

impl Needles {
    /// A set of needles of at least three bytes with their owners; shorter ones would stand nearly everywhere and are
    /// left out.
    pub fn new(needles: impl Iterator<Item = (&'static str, u8)>) -> Needles {
        let needles: Vec<(&'static [u8], u8)> =
            needles.map(|(needle, owner)| (needle.as_bytes(), owner)).filter(|(needle, _)| needle.len() >= 3).collect();
        let mut groups = Vec::new();
        for (index, (needle, _)) in (0u16..).zip(&needles) {
            let mut add =
                |bytes: [u8; 4], offset| groups.push(Group { place: place(u32::from_le_bytes(bytes)), needle: index, offset });
            match needle {
                [a, b, c] => (0..=255).for_each(|x| {
                    add([*a, *b, *c, x], 0);
                    add([x, *a, *b, *c], -1);
                }),
                [a, b, c, d] => {
                    add([*a, *b, *c, *d], 0);
                    (0..=255).for_each(|x| add([x, *a, *b, *c], -1));
                }
                _ => {
                    let rarest = needle.windows(5).enumerate().max_by_key(|(at, five)| (rarity(five), usize::MAX - at));
                    if let Some((at, [a, b, c, d, e])) = rarest {
                        let at = i16::try_from(at).unwrap_or(0);
                        add([*a, *b, *c, *d], at);
                        add([*b, *c, *d, *e], at + 1);
                    }
                }
            }
        }
        groups.sort_unstable();
        groups.dedup();
        #[expect(clippy::large_stack_arrays, reason = "made once; its fixed length spares a check of bounds at every look")]
        let mut table = Box::new([0u64; WORDS]);
        let mut buckets = vec![0u32; (1 << (BITS - BUCKET_BITS)) + 1];
        for group in &groups {
            if let Some(word) = table.get_mut((group.place >> 6) as usize) {
                *word |= 1 << (group.place & 63);
            }
            if let Some(count) = buckets.get_mut((group.place >> BUCKET_BITS) as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for bucket in &mut buckets {
            sum += *bucket;
            *bucket = sum;
        }
        Needles { table, buckets, groups, list: needles }
    }

    /// Calls `found` with the owner of every needle that stands in `text`, perhaps more than once.
    pub fn find(&self, text: &[u8], found: &mut impl FnMut(u8)) {
        let mut at = 0;
        while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let eight = u64::from_le_bytes(*chunk);
            if self.any_of_three(eight) {
                self.look(text, at, eight, found);
            }
            at += 6;
        }
        while let Some(rest) = text.get(at..).filter(|rest| rest.len() >= 3) {
            let eight = padded(rest);
            if self.any_of_three(eight) {
                self.look(text, at, eight, found);
            }
            at += 6;
        }
    }

    /// May one of the groups at the first three even offsets of eight bytes be a needle's?
    #[inline]
    fn any_of_three(&self, eight: u64) -> bool {
        (self.bit(low(eight)) | self.bit(low(eight >> 16)) | self.bit(low(eight >> 32))) & 1 != 0
    }

    #[inline]
    fn bit(&self, group: u32) -> u64 {
        let place = place(group);
        self.table.get((place >> 6) as usize).map_or(0, |word| word >> (place & 63))
    }

    /// Compares the needles whose groups may stand at one of the first three even offsets behind `at`.
    #[cold]
    fn look(&self, text: &[u8], at: usize, eight: u64, found: &mut impl FnMut(u8)) {
        for step in [0usize, 2, 4] {
            let group = low(eight >> (8 * step));
            if self.bit(group) & 1 == 0 {
                continue;
            }
            let place = place(group);
            let bucket = (place >> BUCKET_BITS) as usize;
            let from = self.buckets.get(bucket).map_or(0, |n| *n as usize);
            let to = self.buckets.get(bucket + 1).map_or(0, |n| *n as usize);
            for group in self.groups.get(from..to).unwrap_or_default().iter().filter(|group| group.place == place) {
                let start = (at + step).checked_add_signed(-isize::from(group.offset));
                let needle = self.list.get(usize::from(group.needle));
                if let (Some(start), Some((needle, owner))) = (start, needle)
                    && text.get(start..).is_some_and(|rest| rest.starts_with(needle))
                {
                    found(*owner);
                }
            }
        }
    }
}

/// Three to seven bytes, with zeros behind them.
#[inline]
fn padded(rest: &[u8]) -> u64 {
    if let (Some(head), Some(tail)) = (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        // Where both overlap they agree.
        let shift = 8 * (rest.len().min(8) - 4);
        return u64::from(u32::from_le_bytes(*head)) | u64::from(u32::from_le_bytes(*tail)) << shift;
    }
    rest.iter().rev().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

/// The lower half.
#[inline]
fn low(eight: u64) -> u32 {
    let [a, b, c, d, ..] = eight.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[inline]
fn place(group: u32) -> u32 {
    group.wrapping_mul(0x9e37_79b1) >> (32 - BITS)
}

/// How rare bytes are in logs, roughly.
fn rarity(bytes: &[u8]) -> u32 {
    let one = |byte: &u8| match byte {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b' ' => 1,
        b'l' | b'd' | b'c' | b'u' | b'm' | b'p' | b'0'..=b'9' | b'.' | b':' | b'"' | b'-' | b'/' | b'=' => 2,
        b'A'..=b'Z' | b'_' | b'j' | b'q' | b'x' | b'z' | b'(' | b'[' | b'*' | b';' => 4,
        _ => 3,
    };
    bytes.iter().map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(needles: &'static [&'static str], text: &[u8]) -> Vec<u8> {
        let set = Needles::new((0u8..).zip(needles).map(|(owner, needle)| (*needle, owner)));
        let mut owners = Vec::new();
        set.find(text, &mut |owner| owners.push(owner));
        owners.sort_unstable();
        owners.dedup();
        owners
    }

    const SET: [&str; 8] = ["aba", "abab", "babaa", "aabbaabb", "bbbbbb", "aaaaaaaaaa", "abaababa", "bba"];

    proptest! {
        #[test]
        fn nothing_is_missed_and_nothing_is_made_up(text in "[ab]{0,40}") {
            let text = text.as_bytes();
            let want: Vec<u8> = (0u8..)
                .zip(SET)
                .filter(|(_, needle)| memchr::memmem::find(text, needle.as_bytes()).is_some())
                .map(|(owner, _)| owner)
                .collect();
            prop_assert_eq!(found(&SET, text), want);
        }
    }

    #[test]
    fn needles_at_both_ends_are_found_at_every_offset() {
        for before in 0..13 {
            for needle in ["rid", "GET ", "reqId", "connection"] {
                let text = [&b"-------------"[..before], needle.as_bytes()].concat();
                assert_eq!(found(&["rid", "GET ", "reqId", "connection"], &text).len(), 1, "{before} {needle}");
            }
        }
    }
}
