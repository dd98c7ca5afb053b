//! JSON objects, read leniently: what is cut off at its end still gives the members that are there.
//!
//! For readers that want a few members of a record. Nothing is checked that is not needed to find them.

use crate::event::Arena;

/// Deeper nesting than this is kept as text.
const MAX_DEPTH: usize = 24;
/// A flattened object keeps at most this many pairs.
const MAX_PAIRS: usize = 4096;

/// A key and a value, both text.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// The members of the object at the start of `text`: keys without quotes (escapes kept), values as written. Ends at the
/// object's end, at the end of the text or where the text is no JSON. Blanks before the object are skipped.
pub fn members(text: &[u8]) -> Members<'_> {
    let rest = text.trim_ascii_start();
    Members { rest: rest.strip_prefix(b"{").unwrap_or_default(), ended: !rest.starts_with(b"{"), complete: false }
}

/// See [`members`].
#[derive(Debug, Clone)]
pub struct Members<'a> {
    rest: &'a [u8],
    ended: bool,
    complete: bool,
}

impl<'a> Members<'a> {
    /// True once the object's closing brace has been seen.
    pub fn complete(&self) -> bool {
        self.complete
    }

    /// What follows the object.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        if self.ended {
            return None;
        }
        self.ended = true;
        let mut rest = self.rest.trim_ascii_start();
        rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        if let Some(after) = rest.strip_prefix(b"}") {
            (self.rest, self.complete) = (after, true);
            return None;
        }
        let body = rest.strip_prefix(b"\"")?;
        let end = string_end(body)?;
        let (key, rest) = (body.get(..end)?, body.get(end + 1..)?.trim_ascii_start());
        let rest = rest.strip_prefix(b":")?.trim_ascii_start();
        let (value, rest) = rest.split_at(value_len(rest));
        self.rest = rest;
        self.ended = value.is_empty();
        (!value.is_empty()).then_some((key, value))
    }
}

/// The elements of the array at the start of `text`, as written.
pub fn elements(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text.trim_ascii_start().strip_prefix(b"[").unwrap_or_default();
    std::iter::from_fn(move || {
        rest = rest.trim_ascii_start();
        rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        let (value, after) = rest.split_at(value_len(rest));
        rest = after;
        (!value.is_empty()).then_some(value)
    })
}

/// The offset of the quote that closes a string; `body` begins behind the opening one.
pub fn string_end(body: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', body.get(at..)?)?;
        if body.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// The number of bytes of the value at the start of `text`; a cut value reaches to the end; 0 where none stands there.
pub fn value_len(text: &[u8]) -> usize {
    match text.first() {
        Some(b'"') => text.get(1..).and_then(string_end).map_or(text.len(), |end| end + 2),
        Some(b'{' | b'[') => container_len(text),
        Some(_) => {
            text.iter().position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r')).unwrap_or(text.len())
        }
        None => 0,
    }
}

fn container_len(text: &[u8]) -> usize {
    let (mut depth, mut at) = (0usize, 0usize);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => match text.get(at + 1..).and_then(string_end) {
                Some(end) => at += end + 1,
                None => return text.len(),
            },
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// A value as text: a string without quotes and escapes, a number or word as written, nothing for `null`.
pub fn text<'a>(value: &'a [u8], arena: &'a Arena) -> &'a [u8] {
    match value.strip_prefix(b"\"") {
        Some(body) => unescape(body.strip_suffix(b"\"").unwrap_or(body), arena),
        None if value == b"null" => b"",
        None => value,
    }
}

/// A string's inside without escapes, copied into the arena only where there are any.
pub fn unescape<'a>(body: &'a [u8], arena: &'a Arena) -> &'a [u8] {
    let Some(mut at) = memchr::memchr(b'\\', body) else { return body };
    let mut out = bumpalo::collections::Vec::with_capacity_in(body.len(), arena);
    let mut from = 0;
    loop {
        out.extend_from_slice(body.get(from..at).unwrap_or_default());
        from = at + 2;
        match body.get(at + 1) {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'r') => out.push(b'\r'),
            Some(b'b') => out.push(8),
            Some(b'f') => out.push(12),
            Some(b'u') => from = at + unicode(body.get(at..).unwrap_or_default(), &mut out),
            Some(other) => out.push(*other),
            None => break,
        }
        match memchr::memchr(b'\\', body.get(from..).unwrap_or_default()) {
            Some(next) => at = from + next,
            None => break,
        }
    }
    out.extend_from_slice(body.get(from..).unwrap_or_default());
    out.into_bump_slice()
}

/// `\uXXXX`, also as a surrogate pair, at the start of `text`; the number of bytes it took.
fn unicode(text: &[u8], out: &mut bumpalo::collections::Vec<'_, u8>) -> usize {
    let unit = |at: usize| {
        let digits = text.get(at + 2..at + 6).filter(|_| text.get(at..at + 2) == Some(b"\\u"))?;
        digits.iter().try_fold(0u32, |value, digit| Some(value * 16 + char::from(*digit).to_digit(16)?))
    };
    let Some(first) = unit(0) else {
        out.extend_from_slice(b"\\u");
        return 2;
    };
    let pair = unit(6).filter(|low| (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(low));
    let code = pair.map_or(first, |low| 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00));
    let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    if pair.is_some() { 12 } else { 6 }
}

/// The object at the start of `text` as pairs with dotted keys (`labels.alertname`, `alerts.0.status`), in its order.
pub fn flatten<'a>(text: &'a [u8], arena: &'a Arena) -> &'a [Pair<'a>] {
    let mut out = bumpalo::collections::Vec::new_in(arena);
    nest(b"", text.trim_ascii_start(), 0, &mut out, arena);
    out.into_bump_slice()
}

fn nest<'a>(
    prefix: &'a [u8],
    value: &'a [u8],
    depth: usize,
    out: &mut bumpalo::collections::Vec<'a, Pair<'a>>,
    arena: &'a Arena,
) {
    if out.len() >= MAX_PAIRS {
        return;
    }
    match value.first() {
        Some(b'{') if depth < MAX_DEPTH => {
            for (key, inner) in members(value) {
                nest(join(prefix, unescape(key, arena), arena), inner, depth + 1, out, arena);
            }
        }
        Some(b'[') if depth < MAX_DEPTH => {
            for (index, inner) in elements(value).enumerate() {
                let index = bumpalo::format!(in arena, "{}", index).into_bump_str();
                nest(join(prefix, index.as_bytes(), arena), inner, depth + 1, out, arena);
            }
        }
        _ => out.push((prefix, text(value, arena))),
    }
}

fn join<'a>(prefix: &'a [u8], key: &'a [u8], arena: &'a Arena) -> &'a [u8] {
    if prefix.is_empty() {
        return key;
    }
    let mut out = bumpalo::collections::Vec::with_capacity_in(prefix.len() + key.len() + 1, arena);
    out.extend_from_slice(prefix);
    out.push(b'.');
    out.extend_from_slice(key);
    out.into_bump_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(String, String)> {
        let arena = Arena::new();
        let show = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        flatten(text.as_bytes(), &arena).iter().map(|(k, v)| (show(k), show(v))).collect()
    }

    #[test]
    fn objects_are_flattened_in_their_order() {
        let text = r#" { "a": {"b": [1, "x,}"], "c": null}, "d\n": "q\"\u00e9\ud83d\ude00", "e": {} , "f":true} tail"#;
        let pairs = [("a.b.0", "1"), ("a.b.1", "x,}"), ("a.c", ""), ("d\n", "q\"é😀"), ("f", "true")];
        assert_eq!(shown(text), pairs.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn cut_objects_give_what_is_there() {
        assert_eq!(shown(r#"{"a":1,"b":{"c":"x"#), [("a".into(), "1".into()), ("b.c".into(), "x".into())]);
        assert_eq!(shown("no object"), [(String::new(), "no object".to_owned())]);
        for cut in 0..40 {
            let _ = shown(r#"{"a":[1,2,{"b":"\u12"}],"c":"\\","d"#.get(..cut).unwrap_or_default());
        }
    }

    #[test]
    fn the_end_of_an_object_is_seen() {
        let mut all = members(b"{\"a\":1} and more");
        assert_eq!(all.by_ref().count(), 1);
        assert!(all.complete());
        assert_eq!(all.rest(), b" and more");
        let mut cut = members(b"{\"a\":1");
        assert_eq!(cut.by_ref().count(), 1);
        assert!(!cut.complete());
    }
}
