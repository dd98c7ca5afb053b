//! Cuts what stands in front of a severity word at its separators: the first half of finding out a `log_line_prefix`.

use super::net;
use super::num;
use super::pg::time_width;

/// What separates the fields of a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sep<'a> {
    /// A time, and whether it has a fraction.
    Time { text: &'a [u8], fraction: bool },
    /// `user=`
    Label(&'a [u8]),
    /// A byte of punctuation.
    Mark(&'a [u8]),
}

/// Cuts a prefix at its separators.
pub(super) fn cut(prefix: &[u8]) -> (Vec<Sep<'_>>, Vec<&[u8]>) {
    let (mut seps, mut slots) = (Vec::new(), Vec::new());
    let (mut at, mut from) = (0, 0);
    while let Some(rest) = prefix.get(at..).filter(|rest| !rest.is_empty()) {
        let fresh = at == 0 || prefix.get(at - 1).is_some_and(|b| !b.is_ascii_alphanumeric());
        let (sep, width) = if let Some(width) = time_width(rest).filter(|_| fresh) {
            let text = rest.get(..width).unwrap_or_default();
            (Some(Sep::Time { text, fraction: text.get(19) == Some(&b'.') }), width)
        } else {
            match word_width(rest) {
                0 => (Some(Sep::Mark(rest.get(..1).unwrap_or_default())), 1),
                width => match label_width(rest, width) {
                    0 => (None, width),
                    width => (Some(Sep::Label(rest.get(..width).unwrap_or_default())), width),
                },
            }
        };
        if let Some(sep) = sep {
            slots.push(prefix.get(from..at).unwrap_or_default());
            seps.push(sep);
            from = at + width;
        }
        at += width;
        if let Some(Sep::Label(label)) = sep {
            let value = prefix.get(at..).unwrap_or_default();
            at += if time_width(value).is_some() { 0 } else { value_width(value, label) };
        }
    }
    slots.push(prefix.get(from..).unwrap_or_default());
    (seps, slots)
}

/// The width of a word at the start of `rest` that may be the value of a field.
fn word_width(rest: &[u8]) -> usize {
    let bracketed: [&[u8]; 3] = [b"[unknown]", b"[local]", b"[none]"];
    if let Some(known) = bracketed.iter().find(|known| rest.starts_with(known)) {
        return known.len();
    }
    let run = |test: fn(&u8) -> bool| rest.iter().take_while(|b| test(b)).count();
    let (v4, v6) = (run(|b| b.is_ascii_digit() || *b == b'.'), run(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')));
    for width in [v6, v4] {
        // An address may begin with two colons, never with one, which is a separator.
        let begins = match rest {
            [b':', b':', next, ..] => next.is_ascii_hexdigit(),
            [first, ..] => *first != b':',
            [] => false,
        };
        if width > 1 && begins && rest.get(..width).is_some_and(net::is_address) {
            return width + port_width(rest.get(width..).unwrap_or_default());
        }
    }
    let vxid = rest.strip_prefix(b"-").unwrap_or(rest);
    let first = num::digits(vxid);
    if first > 0 && vxid.get(first) == Some(&b'/') {
        let second = num::digits(vxid.get(first + 1..).unwrap_or_default());
        if second > 0 {
            return rest.len() - vxid.len() + first + 1 + second;
        }
    }
    let inner = |b: u8| b.is_ascii_alphanumeric() || b >= 0x80 || matches!(b, b'_' | b'.' | b'$' | b'\\');
    let mut width = 0;
    while let Some(byte) = rest.get(width) {
        let letter = |at: usize| rest.get(at).is_some_and(u8::is_ascii_alphabetic);
        let hyphen = *byte == b'-' && width > 0 && letter(width - 1) && letter(width + 1);
        if !inner(*byte) && !hyphen {
            break;
        }
        width += 1;
    }
    if width == 0 { 0 } else { width + port_width(rest.get(width..).unwrap_or_default()) }
}

/// The width of `(51234)`.
fn port_width(rest: &[u8]) -> usize {
    let Some(body) = rest.strip_prefix(b"(") else { return 0 };
    let digits = num::digits(body);
    if digits > 0 && body.get(digits) == Some(&b')') { digits + 2 } else { 0 }
}

/// The width of a label, `user=`, `pid = `, `db="`; 0 where the word of width `word` is none.
fn label_width(rest: &[u8], word: usize) -> usize {
    let behind = rest.get(word..).unwrap_or_default();
    let blanks = behind.iter().take_while(|b| **b == b' ').count();
    if blanks > 1 || behind.get(blanks) != Some(&b'=') || !rest.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') {
        return 0;
    }
    let mut width = word + blanks + 1;
    if blanks == 1 && rest.get(width) == Some(&b' ') {
        width += 1;
    }
    width + usize::from(matches!(rest.get(width), Some(b'"' | b'\'')))
}

fn value_width(value: &[u8], label: &[u8]) -> usize {
    let quote = label.last().copied().filter(|b| matches!(b, b'"' | b'\''));
    if let Some(quote) = quote {
        return memchr::memchr(quote, value).unwrap_or(0);
    }
    // The backend types that hold blanks (`%b`).
    let types: [&[u8]; 8] = [
        b"client backend",
        b"background writer",
        b"background worker",
        b"autovacuum launcher",
        b"autovacuum worker",
        b"logical replication launcher",
        b"logical replication worker",
        b"parallel worker",
    ];
    let others: [&[u8]; 4] = [b"not initialized", b"idle in transaction (aborted)", b"idle in transaction", b"io worker"];
    if let Some(known) = types.iter().chain(&others).find(|known| value.starts_with(known)) {
        return known.len();
    }
    let known = word_width(value);
    if known > 0 && value.first() == Some(&b'[') {
        return known;
    }
    let ends = |b: &u8| matches!(b, b' ' | b',' | b';' | b'|' | b']' | b')' | b'}' | b'>' | b'"' | b'\'' | b'@');
    value.iter().take_while(|b| !ends(b)).count().max(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_stand_between_separators() {
        let (seps, slots) = cut(b"2026-11-20 09:00:00 UTC [4242-7] user=a-b,host=10.0.0.5(99) [unknown]@db ");
        assert_eq!(seps.len() + 1, slots.len());
        let filled: Vec<&[u8]> = slots.into_iter().filter(|slot| !slot.is_empty()).collect();
        assert_eq!(filled, [&b"4242"[..], b"7", b"a-b", b"10.0.0.5(99)", b"[unknown]", b"db"]);
    }
}
