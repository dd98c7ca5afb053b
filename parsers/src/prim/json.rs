//! One JSON object as flat pairs, in one pass and without a tree.
//!
//! Nested keys are joined with dots, strings are borrowed unless they hold escapes. An array of one scalar stands for that
//! scalar, an array of one object for that object, an array of `{"key": …, "value": …}` objects (OTLP attributes) for an
//! object with those keys; any other array is handed on as its text. What generators of templates get wrong is taken as it
//! stands (a bare `-` where a number was meant).

use crate::event::Arena;
use crate::prim::text::find_two;

/// Objects nested deeper than this are handed on as their text.
const MAX_DEPTH: usize = 8;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A string, unescaped.
    Text,
    /// A number, or whatever else stands bare.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
    /// An array or a deep object, as text.
    Raw,
}

/// A value of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    /// What it is.
    pub shape: Shape,
    /// Its text: of a string what is between the quotes, unescaped.
    pub text: &'a [u8],
}

/// Calls `each` with every pair of the object at the start of `text` (blanks may go before). Gives the offset behind the
/// object, or as an error the offset at which the text stops being one.
pub fn flatten<'a>(text: &'a [u8], arena: &'a Arena, each: &mut impl FnMut(&'a [u8], Value<'a>)) -> Result<usize, usize> {
    let mut reader = Reader { text, at: 0, arena };
    reader.blanks();
    match reader.object(b"", 0, each) {
        Some(()) => Ok(reader.at),
        None => Err(reader.at),
    }
}

/// The strings of an array of strings, given as its text, one a line; `None` where it holds anything else.
pub fn joined<'a>(array: &'a [u8], arena: &'a Arena) -> Option<&'a [u8]> {
    let mut reader = Reader { text: array, at: 0, arena };
    let mut out = bumpalo::collections::Vec::new_in(arena);
    reader.take(b'[')?;
    loop {
        reader.blanks();
        match reader.peek()? {
            b']' => return Some(out.into_bump_slice()),
            b',' => reader.at += 1,
            b'"' => {
                let line = reader.string()?;
                if !out.is_empty() {
                    out.push(b'\n');
                }
                out.extend_from_slice(line);
            }
            _ => return None,
        }
    }
}

/// Which bytes end what stands bare.
static ENDS_BARE: [bool; 256] = {
    let mut ends = [false; 256];
    let mut rest: &[u8] = b",}] \t\n\r\":";
    while let [byte, tail @ ..] = rest {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, within the array")]
        {
            ends[*byte as usize] = true;
        }
        rest = tail;
    }
    ends
};

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    arena: &'a Arena,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn object<F: FnMut(&'a [u8], Value<'a>) + ?Sized>(&mut self, prefix: &'a [u8], depth: usize, each: &mut F) -> Option<()> {
        self.take(b'{')?;
        loop {
            self.blanks();
            match self.peek()? {
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                b'"' => {
                    let key = self.string()?;
                    let key = if prefix.is_empty() { key } else { self.join(prefix, key) };
                    self.blanks();
                    self.take(b':')?;
                    self.blanks();
                    self.value(key, depth, each)?;
                    self.blanks();
                    match self.peek()? {
                        b',' => self.at += 1,
                        b'}' => {}
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
    }

    fn value<F: FnMut(&'a [u8], Value<'a>) + ?Sized>(&mut self, key: &'a [u8], depth: usize, each: &mut F) -> Option<()> {
        match self.peek()? {
            b'"' => {
                let text = self.string()?;
                each(key, Value { shape: Shape::Text, text });
            }
            b'{' if depth < MAX_DEPTH => self.object(key, depth + 1, each)?,
            b'{' => {
                let text = self.skip()?;
                each(key, Value { shape: Shape::Raw, text });
            }
            b'[' => self.array(key, depth, each)?,
            _ => {
                let text = self.bare()?;
                let shape = match text {
                    b"true" | b"false" => Shape::Bool,
                    b"null" => Shape::Null,
                    _ => Shape::Number,
                };
                each(key, Value { shape, text });
            }
        }
        Some(())
    }

    fn array<F: FnMut(&'a [u8], Value<'a>) + ?Sized>(&mut self, key: &'a [u8], depth: usize, each: &mut F) -> Option<()> {
        let start = self.at;
        self.at += 1;
        self.blanks();
        let first = self.at;
        let opens = self.peek()?;
        let mut count = 0usize;
        loop {
            self.blanks();
            match self.peek()? {
                b']' => break,
                b',' => self.at += 1,
                b'{' | b'[' => {
                    self.skip()?;
                    count += 1;
                }
                b'"' => {
                    self.end_of_string(self.at + 1)?;
                    count += 1;
                }
                _ => {
                    self.bare()?;
                    count += 1;
                }
            }
        }
        self.at += 1;
        let end = self.at;
        let text = self.text.get(start..end)?;
        let pairs = opens == b'{' && self.text.get(first..)?.starts_with(b"{\"key\":") && depth < MAX_DEPTH;
        if pairs {
            self.at = first;
            self.named(key, end, depth, each)?;
        } else if count == 1 && (opens != b'{' || depth < MAX_DEPTH) {
            self.at = first;
            self.value(key, depth + 1, each)?;
        } else if count > 0 {
            each(key, Value { shape: Shape::Raw, text });
        }
        self.at = end;
        Some(())
    }

    /// `{"key":"a","value":{"stringValue":"b"}}, …` up to `end`, as pairs `a = b`.
    fn named<F: FnMut(&'a [u8], Value<'a>) + ?Sized>(
        &mut self,
        prefix: &'a [u8],
        end: usize,
        depth: usize,
        each: &mut F,
    ) -> Option<()> {
        while self.at < end {
            self.blanks();
            if self.peek()? != b'{' {
                self.at += 1;
                continue;
            }
            let mut name: &'a [u8] = b"";
            let mut value = None;
            let mut pair = |key: &'a [u8], inner: Value<'a>| {
                if key == b"key" {
                    name = inner.text;
                } else if value.is_none() && key.starts_with(b"value") {
                    value = Some(inner);
                }
            };
            // A type of its own at every depth would never end.
            let pair: &mut dyn FnMut(&'a [u8], Value<'a>) = &mut pair;
            self.object(b"", depth + 1, pair)?;
            if let Some(value) = value {
                each(self.join(prefix, name), value);
            }
        }
        Some(())
    }

    fn join(&self, prefix: &[u8], key: &[u8]) -> &'a [u8] {
        let out = self.arena.alloc_slice_fill_copy(prefix.len() + 1 + key.len(), b'.');
        if let Some(head) = out.get_mut(..prefix.len()) {
            head.copy_from_slice(prefix);
        }
        if let Some(tail) = out.get_mut(prefix.len() + 1..) {
            tail.copy_from_slice(key);
        }
        out
    }

    fn bare(&mut self) -> Option<&'a [u8]> {
        let rest = self.text.get(self.at..)?;
        let end = rest.iter().position(|b| ENDS_BARE.get(usize::from(*b)) == Some(&true))?;
        if end == 0 {
            return None;
        }
        self.at += end;
        rest.get(..end)
    }

    /// An object or array as text.
    fn skip(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.end_of_string(self.at + 1)?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return self.text.get(start..self.at);
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Moves behind the string whose inside begins at `from`; true where it holds escapes.
    fn end_of_string(&mut self, from: usize) -> Option<bool> {
        let mut at = from;
        let mut escapes = false;
        loop {
            let rest = self.text.get(at..)?;
            let Some(hit) = find_two(rest, b'"', b'\\') else {
                self.at = self.text.len();
                return None;
            };
            if rest.get(hit) == Some(&b'"') {
                self.at = at + hit + 1;
                return Some(escapes);
            }
            escapes = true;
            at += hit + 2;
        }
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let from = self.at + 1;
        let rest = self.text.get(from..)?;
        // Most strings are short and without escapes.
        if let Some(end) = find_two(rest, b'"', b'\\')
            && rest.get(end) == Some(&b'"')
        {
            self.at = from + end + 1;
            return rest.get(..end);
        }
        let escapes = self.end_of_string(from)?;
        let inside = self.text.get(from..self.at - 1)?;
        Some(if escapes { unescape(inside, self.arena) } else { inside })
    }
}

/// The text that an escaped string stands for. Escapes that are none stay as they are.
pub fn unescape<'a>(text: &[u8], arena: &'a Arena) -> &'a [u8] {
    let mut out = bumpalo::collections::Vec::with_capacity_in(text.len(), arena);
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        let taken = match tail.get(1) {
            Some(b'n') => push(&mut out, b'\n'),
            Some(b't') => push(&mut out, b'\t'),
            Some(b'r') => push(&mut out, b'\r'),
            Some(b'b') => push(&mut out, 8),
            Some(b'f') => push(&mut out, 12),
            Some(byte @ (b'"' | b'\\' | b'/')) => push(&mut out, *byte),
            Some(b'u') => unicode(&mut out, tail),
            _ => push(&mut out, b'\\') - 1,
        };
        rest = tail.get(taken..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.into_bump_slice()
}

fn push(out: &mut bumpalo::collections::Vec<'_, u8>, byte: u8) -> usize {
    out.push(byte);
    2
}

/// `\u00e9` or a pair of surrogates at the start of `text`; gives the bytes taken.
fn unicode(out: &mut bumpalo::collections::Vec<'_, u8>, text: &[u8]) -> usize {
    let unit = |from: usize| {
        let digits = std::str::from_utf8(text.get(from..from + 4)?).ok()?;
        u32::from_str_radix(digits, 16).ok()
    };
    let Some(first) = unit(2) else { return push(out, b'\\') - 1 };
    let low = if text.get(6..8) == Some(b"\\u") { unit(8).filter(|u| (0xdc00..0xe000).contains(u)) } else { None };
    let (code, taken) = match (first, low) {
        (0xd800..0xdc00, Some(low)) => (0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00), 12),
        _ => (first, 6),
    };
    let mut buffer = [0u8; 4];
    let text = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut buffer);
    out.extend_from_slice(text.as_bytes());
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> String {
        let arena = Arena::new();
        let mut out = Vec::new();
        let end = flatten(text.as_bytes(), &arena, &mut |key, value| {
            out.push(format!("{}={}", String::from_utf8_lossy(key), String::from_utf8_lossy(value.text)));
        });
        format!("{} {end:?}", out.join(" "))
    }

    #[test]
    fn nesting_is_flattened() {
        assert_eq!(pairs(r#"{"a":1,"b":{"c":"x","d":{"e":true}}}"#), "a=1 b.c=x b.d.e=true Ok(36)");
        assert_eq!(pairs(r#" { "a" : [ "x" ] , "b":[1, 2],"c":[] } "#), "a=x b=[1, 2] Ok(38)");
        assert_eq!(pairs(r#"{"a":[{"b":1}]}"#), "a.b=1 Ok(15)");
        assert_eq!(
            pairs(r#"{"s":[{"key":"k","value":{"stringValue":"v"}},{"key":"n","value":{"intValue":"3"}}]}"#),
            "s.k=v s.n=3 Ok(84)"
        );
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(pairs(r#"{"a":"q\"\\\/\n\u00e9\ud83d\ude00"}"#), "a=q\"\\/\né😀 Ok(35)");
        assert_eq!(pairs(r#"{"a":"\x"}"#), "a=\\x Ok(10)");
    }

    #[test]
    fn templates_with_holes_are_taken_as_they_stand() {
        assert_eq!(pairs(r#"{"a":-,"b":0.1}"#), "a=- b=0.1 Ok(15)");
        assert_eq!(pairs(r#"{"a":,"b":1}"#), " Err(5)");
    }

    #[test]
    fn broken_objects_say_where() {
        assert_eq!(pairs(r#"{"a":"x"#), " Err(7)");
        assert_eq!(pairs(r#"{"a":1"#), " Err(5)");
        assert_eq!(pairs("{x}"), " Err(1)");
    }
}
