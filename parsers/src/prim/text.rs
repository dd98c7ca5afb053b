//! Finding things in bytes.

use crate::event::Arena;

/// The part of `text` after the first `marker`.
pub fn after<'a>(text: &'a [u8], marker: &[u8]) -> Option<&'a [u8]> {
    let at = memchr::memmem::find(text, marker)?;
    text.get(at + marker.len()..)
}

/// The part of `text` before the first `marker`.
pub fn before<'a>(text: &'a [u8], marker: &[u8]) -> Option<&'a [u8]> {
    text.get(..memchr::memmem::find(text, marker)?)
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
