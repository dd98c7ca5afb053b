//! What stands at the head of a line, token by token: the raw material from which columns are inferred.

use crate::prim::date_shapes::Shape;
use crate::prim::jvm;

/// How many tokens of a line are looked at.
const MOST: usize = 14;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Class {
    Time(Shape),
    Level,
    Number,
    /// `-`, `:`, `|`, `---` standing alone.
    Mark(&'static str),
    /// Bracketed text that is none of the above.
    Group,
    /// `key=value`, the value perhaps empty.
    Pair,
    /// A dotted name, perhaps with `:line` behind it.
    Dotted,
    /// Any other word.
    Word,
}

/// One token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) class: Class,
    /// `[`, `(`, `{`, `<` around it, or 0.
    pub(super) open: u8,
    /// The text inside.
    pub(super) text: &'a [u8],
    /// A `:` closed the word and a space followed.
    pub(super) colon: bool,
    /// Where it ends in the line, brackets and colon included.
    pub(super) end: usize,
}

/// The closing bracket of an opening one.
pub(super) const fn closing(open: u8) -> u8 {
    match open {
        b'[' => b']',
        b'(' => b')',
        b'{' => b'}',
        _ => b'>',
    }
}

/// The end of a bracketed group that `text` begins with (after its closing bracket): brackets inside are balanced, and
/// where they are not (a thread's name cut to fifteen characters) the first closing one before a space counts.
#[inline]
pub(super) fn group_end(text: &[u8], open: u8) -> Option<usize> {
    let close = closing(open);
    let first = 1 + memchr::memchr2(close, open, text.get(1..)?)?;
    let delimited = |at: usize| {
        text.get(at + 1).is_none_or(|b| matches!(b, b' ' | b'\t' | b'[' | b'(' | b'{' | b':' | b'-' | b'|' | b',' | b'<'))
    };
    if text.get(first) == Some(&close) && delimited(first) {
        return Some(first + 1);
    }
    let (mut depth, mut fallback) = (0usize, None);
    for (at, byte) in text.iter().enumerate().take(512) {
        if *byte == open {
            depth += 1;
        } else if *byte == close {
            depth = depth.saturating_sub(1);
            if delimited(at) {
                if depth == 0 {
                    return Some(at + 1);
                }
                fallback = fallback.or(Some(at + 1));
            }
        } else if *byte == b'\n' {
            break;
        }
    }
    fallback
}

/// The head of a line as tokens.
pub(super) fn tokens(line: &[u8]) -> Vec<Token<'_>> {
    let mut out: Vec<Token<'_>> = Vec::new();
    let mut at = 0;
    while out.len() < MOST {
        let Some(rest) = line.get(at..) else { break };
        let gap = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        at += gap;
        let Some(rest) = line.get(at..).filter(|r| !r.is_empty()) else { break };
        let timed = out.iter().any(|t| matches!(t.class, Class::Time(_)));
        let after_mark = gap == 0 && out.last().is_some_and(|t| matches!(t.class, Class::Mark(_)));
        let Some(mut token) = next(rest, timed, after_mark) else { break };
        token.end += at;
        at = token.end;
        out.push(token);
    }
    out
}

fn next(rest: &[u8], timed: bool, tight: bool) -> Option<Token<'_>> {
    let token = |class, open, text, colon, end| Some(Token { class, open, text, colon, end });
    if !timed && let Some((shape, end)) = time(rest) {
        return token(Class::Time(shape), 0, rest.get(..end)?, false, end);
    }
    for mark in ["---", "--", "-", ":", "|"] {
        let alone = |b: Option<&u8>| b.is_none_or(|b| matches!(b, b' ' | b'\t'));
        if let Some(tail) = rest.strip_prefix(mark.as_bytes())
            && (alone(tail.first()) || mark == "|" || mark == ":")
        {
            return token(Class::Mark(mark), 0, mark.as_bytes(), false, mark.len());
        }
    }
    if let Some(open @ (b'[' | b'(' | b'{' | b'<')) = rest.first().copied()
        && let Some(end) = group_end(rest, open)
    {
        let inner = rest.get(1..end - 1)?;
        let class = inside(inner, timed);
        return token(class, open, inner, false, end);
    }
    if let Some((_, end)) = jvm::level(rest) {
        let colon = rest.get(end) == Some(&b':') && rest.get(end + 1).is_some_and(|b| *b == b' ');
        return token(Class::Level, 0, rest.get(..end)?, colon, end + usize::from(colon));
    }
    let stop = |b: &u8| matches!(b, b' ' | b'\t' | b'|') || (tight && *b == b':');
    let end = rest.iter().position(stop).unwrap_or(rest.len());
    let word = rest.get(..end)?;
    let (text, colon) = match word.strip_suffix(b":") {
        Some(base) if !base.is_empty() => (base, true),
        _ => (word, false),
    };
    let class = if text.iter().all(u8::is_ascii_digit) {
        Class::Number
    } else if is_pair(text) {
        Class::Pair
    } else if jvm::is_dotted(without_line(text)) {
        Class::Dotted
    } else {
        Class::Word
    };
    token(class, 0, text, colon, end)
}

/// `traceId=4bf9`, `rid=`.
fn is_pair(text: &[u8]) -> bool {
    let at = text.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')));
    at.is_some_and(|at| at > 0 && text.get(at) == Some(&b'='))
}

/// A time at the start, ending where a word ends.
fn time(text: &[u8]) -> Option<(Shape, usize)> {
    let shape = Shape::of(text)?;
    let (_, end) = shape.read(text)?;
    text.get(end).is_none_or(|b| !b.is_ascii_alphanumeric()).then_some((shape, end))
}

/// What a bracketed text is as a whole.
fn inside(inner: &[u8], timed: bool) -> Class {
    let text = inner.trim_ascii();
    if !timed
        && let Some((shape, end)) = time(text)
        && end == text.len()
    {
        return Class::Time(shape);
    }
    if jvm::level(text).is_some_and(|(_, end)| end == text.len()) {
        return Class::Level;
    }
    if !text.is_empty() && text.len() <= 10 && text.iter().all(u8::is_ascii_digit) {
        return Class::Number;
    }
    Class::Group
}

/// A class name without the `:line` that `%c:%L` and `%F:%L` put behind it.
pub(super) fn without_line(text: &[u8]) -> &[u8] {
    match memchr::memrchr(b':', text) {
        Some(at) if text.len() > at + 1 && text.get(at + 1..).is_some_and(|t| t.iter().all(u8::is_ascii_digit)) => {
            text.get(..at).unwrap_or_default()
        }
        _ => text,
    }
}
