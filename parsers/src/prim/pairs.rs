//! Key and value pairs in text: logfmt, PostgreSQL connection strings, `{key:value}` prints of Go.

use crate::event::Arena;

/// One `key=value` at the start of `text` and the number of bytes it took. The value is raw: see [`Raw::text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value as written, without its quotes.
    pub value: &'a [u8],
    /// True where the value stood in quotes.
    pub quoted: bool,
    /// True where an escape stands in it.
    pub escaped: bool,
    /// True where no `=` followed the key.
    pub bare: bool,
}

impl<'a> Raw<'a> {
    /// The value with its escapes undone; borrowed where it has none.
    pub fn text(&self, arena: &'a Arena) -> &'a [u8] {
        if self.escaped { unescape(self.value, arena) } else { self.value }
    }
}

/// Undoes backslash escapes (`\n \t \r \" \\ \xHH \uHHHH`) of Go's `strconv.Quote` and its relatives.
pub fn unescape<'a>(text: &[u8], arena: &'a Arena) -> &'a [u8] {
    let mut out = bumpalo::collections::Vec::with_capacity_in(text.len(), arena);
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        let (b'\\', Some((escape, tail))) = (*byte, tail.split_first()) else {
            out.push(*byte);
            continue;
        };
        rest = tail;
        match escape {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'u' => {
                let code = tail.get(..4).and_then(hex).and_then(char::from_u32);
                match code {
                    Some(letter) => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
                    None => out.extend_from_slice(b"\\u"),
                }
                rest = if code.is_some() { tail.get(4..).unwrap_or_default() } else { tail };
            }
            b'x' => match tail.get(..2).and_then(hex).and_then(|v| u8::try_from(v).ok()) {
                Some(value) => {
                    out.push(value);
                    rest = tail.get(2..).unwrap_or_default();
                }
                None => out.extend_from_slice(b"\\x"),
            },
            other => out.push(*other),
        }
    }
    out.into_bump_slice()
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |value, digit| Some(value * 16 + char::from(*digit).to_digit(16)?))
}

/// True for the bytes of a logfmt key.
pub fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'_' | b'.' | b'-' | b'@' | b'/' | b':' | b'$' | b'#' | b'[' | b']')
        || byte >= 0x80
}

/// The end of a quoted text that begins behind its opening quote: offset of the closing one, and whether an escape stands
/// in it.
pub fn quote_end(text: &[u8], quote: u8) -> Option<(usize, bool)> {
    let mut at = 0;
    let mut escaped = false;
    loop {
        at += memchr::memchr2(quote, b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&quote) {
            return Some((at, escaped));
        }
        escaped = true;
        at += 2;
    }
}

/// Reads one pair (or a bare key) at the start of `text`; `None` where none stands there.
pub fn pair(text: &[u8]) -> Option<(Raw<'_>, usize)> {
    let width = text.iter().take_while(|b| is_key_byte(**b)).count();
    let key = text.get(..width).filter(|k| !k.is_empty())?;
    let mut raw = Raw { key, value: b"", quoted: false, escaped: false, bare: false };
    match text.get(width) {
        Some(b'=') => {}
        None | Some(b' ' | b'\t' | b'\n') => {
            raw.bare = true;
            return Some((raw, width));
        }
        _ => return None,
    }
    let rest = text.get(width + 1..).unwrap_or_default();
    if let Some((quote @ (b'"' | b'\'' | b'`'), inner)) = rest.split_first()
        && let Some((end, escaped)) = quote_end(inner, *quote)
        && inner.get(end + 1).is_none_or(|b| matches!(b, b' ' | b'\t' | b'\n' | b','))
    {
        raw.value = inner.get(..end).unwrap_or_default();
        raw.quoted = true;
        raw.escaped = escaped && *quote != b'`';
        return Some((raw, width + 1 + end + 2));
    }
    let end = rest.iter().position(|b| matches!(b, b' ' | b'\t' | b'\n')).unwrap_or(rest.len());
    raw.value = rest.get(..end).unwrap_or_default();
    Some((raw, width + 1 + end))
}

/// Every pair of `text`; what is no pair is skipped word by word. Bare words are given only where `bare` is true.
pub fn pairs(text: &[u8], bare: bool) -> impl Iterator<Item = Raw<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_ascii_start();
            if rest.is_empty() {
                return None;
            }
            let read = pair(rest);
            let word = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            let (raw, taken) = match read {
                Some((raw, taken)) => (Some(raw), taken),
                None => (None, word.max(1)),
            };
            rest = rest.get(taken..).unwrap_or_default();
            if let Some(raw) = raw.filter(|r| bare || !r.bare) {
                return Some(raw);
            }
        }
    })
}

/// The value of `key=` in `text`, up to the next blank or closing mark, or inside quotes; the key must stand at the
/// start or behind a byte that is no part of a key.
pub fn value<'a>(text: &'a [u8], key: &str) -> Option<&'a [u8]> {
    find(text, key, b'=')
}

/// The value of `key:` in `text`, as Go prints structs and maps (`{InUse:1 Idle:0}`) or JSON writes it (`"inUse": 1`).
pub fn field<'a>(text: &'a [u8], key: &str) -> Option<&'a [u8]> {
    find(text, key, b':')
}

/// Looks for the sign, which is rarer than the key's letters and often not there at all.
fn find<'a>(text: &'a [u8], key: &str, sign: u8) -> Option<&'a [u8]> {
    for at in memchr::memchr_iter(sign, text) {
        let head = text.get(..at)?;
        let Some(head) = head.strip_suffix(b"\"").unwrap_or(head).strip_suffix(key.as_bytes()) else { continue };
        if head.last().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-')) {
            continue;
        }
        let rest = text.get(at + 1..)?;
        let rest = if sign == b':' { rest.trim_ascii_start() } else { rest };
        if let Some((quote @ (b'"' | b'\''), inner)) = rest.split_first()
            && let Some((end, _)) = quote_end(inner, *quote)
        {
            return inner.get(..end);
        }
        return Some(super::text::word(rest));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_split_as_logfmt_is_written() {
        let arena = Arena::new();
        let text = b"a=1 msg=\"say \\\"hi\\\" \\u00e9\" empty= bare k.v=x=y junk! last=\"open";
        let all: Vec<(String, String)> = pairs(text, true)
            .map(|r| (String::from_utf8_lossy(r.key).into_owned(), String::from_utf8_lossy(r.text(&arena)).into_owned()))
            .collect();
        let want = [("a", "1"), ("msg", "say \"hi\" é"), ("empty", ""), ("bare", ""), ("k.v", "x=y"), ("last", "\"open")];
        assert_eq!(all, want.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn values_are_found_by_key() {
        assert_eq!(value(b"user=shop dbname='my db' host=h", "dbname"), Some(&b"my db"[..]));
        assert_eq!(value(b"grid=1 rid=2", "rid"), Some(&b"2"[..]));
        assert_eq!(field(b"{InUse:1 Idle:0}", "Idle"), Some(&b"0"[..]));
        assert_eq!(field(b"{\"inUse\": 4, \"idle\":5}", "inUse"), Some(&b"4"[..]));
        assert_eq!(value(b"x", "x"), None);
    }
}
