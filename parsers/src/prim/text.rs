//! Finding things in bytes.

use crate::event::Arena;

/// Where `byte` first stands. For fields, whose ends are near: the first bytes are looked at in words, without a call.
#[inline]
pub fn find(text: &[u8], byte: u8) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let pattern = ONES * u64::from(byte);
    let mut at = 0;
    while at < 32 {
        let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
            return text.get(at..)?.iter().position(|b| *b == byte).map(|hit| at + hit);
        };
        let word = u64::from_le_bytes(*chunk) ^ pattern;
        let zeros = word.wrapping_sub(ONES) & !word & (ONES << 7);
        if zeros != 0 {
            return Some(at + zeros.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    memchr::memchr(byte, text.get(at..)?).map(|hit| at + hit)
}

/// Where one of two bytes first stands; like [`find`].
#[inline]
pub fn find_two(text: &[u8], one: u8, other: u8) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let (first, second) = (ONES * u64::from(one), ONES * u64::from(other));
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let mut at = 0;
    while at < 32 {
        let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
            return text.get(at..)?.iter().position(|b| *b == one || *b == other).map(|hit| at + hit);
        };
        let word = u64::from_le_bytes(*chunk);
        let hits = zeros(word ^ first) | zeros(word ^ second);
        if hits != 0 {
            return Some(at + hits.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    memchr::memchr2(one, other, text.get(at..)?).map(|hit| at + hit)
}

/// True where both are the same text. For names, which are short: up to sixteen bytes are compared without a call.
#[inline]
pub fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    match (one.first_chunk::<8>(), other.first_chunk::<8>(), one.last_chunk::<8>(), other.last_chunk::<8>()) {
        (Some(head), Some(first), Some(tail), Some(last)) => head == first && tail == last && (one.len() <= 16 || one == other),
        _ => match (one.first_chunk::<4>(), other.first_chunk::<4>()) {
            (Some(head), Some(first)) => head == first && one.last_chunk::<4>() == other.last_chunk::<4>(),
            _ => one.iter().zip(other).all(|(a, b)| a == b),
        },
    }
}

/// Where `marker` first stands in `text`. Short texts, as most are, are searched for the marker's rarest byte alone: a search
/// that has to be prepared would take longer.
pub fn find_text(text: &[u8], marker: &[u8]) -> Option<usize> {
    if text.len() > 256 {
        return memchr::memmem::find(text, marker);
    }
    let rare = |byte: &u8| match byte {
        b' ' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' | b'0'..=b'9' => 2,
        _ => 3,
    };
    let Some((ahead, byte)) = marker.iter().enumerate().max_by_key(|(at, byte)| (rare(byte), usize::MAX - at)) else {
        return Some(0);
    };
    let starts = memchr::memchr_iter(*byte, text.get(ahead..)?);
    starts.into_iter().find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(marker)))
}

/// The part of `text` after the first `marker`.
pub fn after<'a>(text: &'a [u8], marker: &[u8]) -> Option<&'a [u8]> {
    let at = find_text(text, marker)?;
    text.get(at + marker.len()..)
}

/// The part of `text` before the first `marker`.
pub fn before<'a>(text: &'a [u8], marker: &[u8]) -> Option<&'a [u8]> {
    text.get(..find_text(text, marker)?)
}

/// What stands between the first `open` and the next `close`.
pub fn between<'a>(text: &'a [u8], open: &[u8], close: &[u8]) -> Option<&'a [u8]> {
    before(after(text, open)?, close)
}

/// `text` behind whichever of the prefixes it has, in turn, each at most once.
pub fn strip_prefix_any<'a>(text: &'a [u8], prefixes: &[&[u8]]) -> &'a [u8] {
    prefixes.iter().fold(text, |rest, prefix| rest.strip_prefix(*prefix).unwrap_or(rest))
}

/// The word at the start of `text`, up to the first space, tab, comma, semicolon, quote, bracket or end.
pub fn word(text: &[u8]) -> &[u8] {
    let end = text
        .iter()
        .position(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b',' | b';' | b'"' | b'\'' | b')' | b']' | b'}' | b'|'))
        .unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Leading digits of `text`.
pub fn digits(text: &[u8]) -> &[u8] {
    text.get(..super::num::digits(text)).unwrap_or_default()
}

/// The first line of `text` and what follows it.
pub fn first_line(text: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b'\n', text) {
        Some(end) => (text.get(..end).unwrap_or_default(), text.get(end + 1..).unwrap_or_default()),
        None => (text, b""),
    }
}

/// `text` without spaces, tabs and line ends around it.
pub fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

/// `text` without ANSI escape sequences (`ESC [ … letter`), copied into the arena only where there are any.
pub fn strip_ansi<'a>(text: &'a [u8], arena: &'a Arena) -> &'a [u8] {
    if memchr::memchr(0x1b, text).is_none() {
        return text;
    }
    let mut out = bumpalo::collections::Vec::with_capacity_in(text.len(), arena);
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        if *byte == 0x1b && rest.as_slice().first() == Some(&b'[') {
            for inner in rest.by_ref().skip(1) {
                if inner.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            out.push(*byte);
        }
    }
    out.into_bump_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_found_where_it_first_stands() {
        let long = [b"x (y ".repeat(100), b"in z (end)".to_vec()].concat();
        for (text, marker) in [("f (a.js:1)", " ("), ("ab in abc", "abc"), ("", "a"), ("aaab", "aab"), ("a)", ") "), ("x", "")]
        {
            assert_eq!(find_text(text.as_bytes(), marker.as_bytes()), text.find(marker), "{text} {marker}");
        }
        assert_eq!(find_text(&long, b"in z"), Some(500));
    }

    #[test]
    fn a_byte_is_found_at_every_distance() {
        for length in 0..70 {
            let mut text = vec![b'\x80'; length];
            assert_eq!(find(&text, b' '), None);
            text.extend_from_slice(b" \x1f  ");
            assert_eq!(find(&text, b' '), Some(length));
        }
        assert_eq!(find(b"\x01\x00\x01\x00", 0), Some(1));
    }

    #[test]
    fn the_same_text_is_the_same_at_every_length() {
        for length in 0..40 {
            let text: Vec<u8> = (0..length).collect();
            assert!(same(&text, &text.clone()));
            assert!(!same(&text, &[&text[..], b"x"].concat()));
            for at in 0..usize::from(length) {
                let mut other = text.clone();
                other[at] ^= 0x80;
                assert!(!same(&text, &other), "{length} {at}");
            }
        }
    }

    #[test]
    fn colours_are_stripped() {
        let arena = Arena::new();
        assert_eq!(strip_ansi(b"\x1b[1m\x1b[36mT Load\x1b[0m x", &arena), b"T Load x");
        assert_eq!(strip_ansi(b"plain", &arena), b"plain");
    }

    #[test]
    fn between_takes_the_nearest_close() {
        assert_eq!(between(b"a (b) (c)", b"(", b")"), Some(&b"b"[..]));
        assert_eq!(between(b"a (b", b"(", b")"), None);
    }
}
