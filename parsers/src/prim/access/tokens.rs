//! The tokens of an access log line: bare, in quotes, in brackets, with or without a key.

use crate::event::Arena;
use crate::prim::text::{find, find_two};

/// More columns than this are not looked at.
const MAX: usize = 48;

/// How a token is dressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dress {
    Bare,
    Quoted,
    Bracket,
}

/// One token; `key` is set for `key=value`, `key="value"` and `[Key value]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    /// How it is dressed.
    pub(super) dress: Dress,
    /// The key, empty where there is none.
    pub(super) key: &'a [u8],
    /// The value.
    pub(super) text: &'a [u8],
}

/// The tokens of a line.
pub(super) fn tokens<'a>(line: &'a [u8], separator: u8, arena: &'a Arena) -> &'a [Token<'a>] {
    let mut list = bumpalo::collections::Vec::with_capacity_in(24, arena);
    let mut rest = line;
    while list.len() < MAX {
        while let Some((b' ' | b'\t', tail)) = rest.split_first() {
            rest = tail;
        }
        if rest.is_empty() {
            break;
        }
        let (token, taken) = token(rest, separator);
        list.push(token);
        rest = rest.get(taken..).unwrap_or_default();
        if separator != b' ' {
            rest = rest.strip_prefix(&[separator]).unwrap_or(rest);
        }
    }
    list.into_bump_slice()
}

/// The token at the start of `text` and the bytes it takes.
fn token(text: &[u8], separator: u8) -> (Token<'_>, usize) {
    match text.first() {
        Some(b'"') => {
            let (inside, taken) = quoted(text);
            (Token { dress: Dress::Quoted, key: b"", text: inside }, taken)
        }
        Some(b'[') => match find(text, b']') {
            Some(end) => (bracketed(text.get(1..end).unwrap_or_default()), end + 1),
            None => bare(text, separator),
        },
        _ => bare(text, separator),
    }
}

/// `Key value` or a value alone.
fn bracketed(inside: &[u8]) -> Token<'_> {
    let split = find(inside, b' ').filter(|at| inside.get(..*at).is_some_and(|k| k.iter().all(|b| is_key(*b))));
    let (key, text) = match split {
        Some(at) => (inside.get(..at).unwrap_or_default(), inside.get(at + 1..).unwrap_or_default()),
        None => (&b""[..], inside),
    };
    Token { dress: Dress::Bracket, key, text }
}

/// A value, or a key with a value behind it.
fn bare(text: &[u8], separator: u8) -> (Token<'_>, usize) {
    let key = text.iter().take_while(|b| is_key(**b)).count();
    if key > 0 && text.get(key) == Some(&b'=') {
        let name = text.get(..key).unwrap_or_default();
        let rest = text.get(key + 1..).unwrap_or_default();
        if rest.first() == Some(&b'"') {
            let (inside, taken) = quoted(rest);
            return (Token { dress: Dress::Quoted, key: name, text: inside }, key + 1 + taken);
        }
        let end = end_of_bare(rest, separator);
        return (Token { dress: Dress::Bare, key: name, text: rest.get(..end).unwrap_or_default() }, key + 1 + end);
    }
    let end = end_of_bare(text, separator);
    (Token { dress: Dress::Bare, key: b"", text: text.get(..end).unwrap_or_default() }, end)
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-')
}

/// The inside of the quotes at the start of `text` and the bytes they take; a backslash hides the quote behind it.
fn quoted(text: &[u8]) -> (&[u8], usize) {
    let mut from = 1;
    while let Some(at) = find_two(text.get(from..).unwrap_or_default(), b'"', b'\\') {
        let at = from + at;
        if text.get(at) == Some(&b'"') {
            return (text.get(1..at).unwrap_or_default(), at + 1);
        }
        from = at + 2;
    }
    (text.get(1..).unwrap_or_default(), text.len())
}

/// Where a bare value ends: nginx's lists go on behind `, ` and ` : `.
fn end_of_bare(text: &[u8], separator: u8) -> usize {
    let mut from = 0;
    loop {
        let Some(end) = find_two(text.get(from..).unwrap_or_default(), separator, b'\t') else { return text.len() };
        let end = from + end;
        let list = separator == b' '
            && (text.get(..end).is_some_and(|t| t.ends_with(b","))
                || text.get(end + 1..).is_some_and(|t| t.starts_with(b": ")));
        if !list {
            return end;
        }
        from = end + if text.get(end + 1) == Some(&b':') { 3 } else { 1 };
    }
}
