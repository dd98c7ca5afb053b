//! Heads of log lines made of columns in any order, learnt from lines: time, level, logger, thread, pid, place.
//!
//! A head is read greedily into a shape (`Time Gap Level Gap '[' Box ']' Gap Logger ':' Gap`); equal shapes are counted
//! over a sample; a rare longer shape (a message that happens to begin with `word: `) is folded into the shape it
//! extends.

use super::{head, num, time};
use crate::severity::Severity;
use crate::stamp::Stamp;

/// A piece of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// One or more blanks.
    Gap,
    /// This byte; blanks before a closing bracket are padding.
    Mark(u8),
    /// A time.
    Time,
    /// A level word.
    Level,
    /// A name without blanks: the logger.
    Logger,
    /// A dotted name in front of blanks alone (`sqlalchemy.pool Connection …`).
    Dotted,
    /// Text between brackets up to this byte: a thread or a logger.
    Boxed(u8),
    /// A number: the process (or a thread's number).
    Number,
    /// `file:line`, `module:function:line`.
    Place,
}

/// What a head gave; the message begins at `end`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Head<'a> {
    /// The time.
    pub stamp: Stamp,
    /// The level.
    pub severity: Severity,
    /// The first name.
    pub logger: &'a [u8],
    /// Bracketed texts, in order.
    pub boxes: [&'a [u8]; 4],
    /// How many there are.
    pub boxed: usize,
    /// Numbers, in order.
    pub numbers: [u64; 2],
    /// How many there are.
    pub numbered: usize,
    /// File or module.
    pub file: &'a [u8],
    /// Function.
    pub function: &'a [u8],
    /// Line number.
    pub line: u32,
    /// Offset of the message.
    pub end: usize,
}

/// A shape and how many lines have it.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The pieces.
    pub parts: Vec<Part>,
    /// Lines of the sample.
    pub count: usize,
    /// True where a bracketed text looked like a thread's name.
    pub threads: bool,
}

fn name_width(text: &[u8]) -> usize {
    let byte = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'$' | b'<' | b'>' | b'/' | b'*');
    let width = text.iter().take(120).take_while(|b| byte(b)).count();
    let starts = text.first().is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'<'));
    if starts { width } else { 0 }
}

/// `file.py:12`, `pkg.mod:fn:12`: file, function, line, width.
fn place(text: &[u8]) -> Option<(&[u8], &[u8], u32, usize)> {
    let first = name_width(text);
    let file = text.get(..first).filter(|f| !f.is_empty())?;
    let rest = text.get(first..)?.strip_prefix(b":")?;
    let digits = num::digits(rest);
    if digits > 0 {
        return Some((file, b"", num::uint32(rest.get(..digits)?)?, first + 1 + digits));
    }
    let second = name_width(rest);
    let tail = rest.get(second..)?.strip_prefix(b":")?;
    let digits = num::digits(tail);
    let line = num::uint32(tail.get(..digits).filter(|d| !d.is_empty())?)?;
    Some((file, rest.get(..second)?, line, first + second + 2 + digits))
}

/// True for texts that thread pools and runtimes name their threads by.
pub fn looks_like_thread(text: &[u8]) -> bool {
    let has = |word: &[u8]| memchr::memmem::find(text, word).is_some();
    has(b"hread")
        || has(b"orker")
        || has(b"Executor")
        || text == b"main"
        || (has(b"-") && text.last().is_some_and(u8::is_ascii_digit))
}

fn boxed(text: &[u8], close: u8) -> Option<&[u8]> {
    let end = text.iter().take(160).position(|b| *b == close)?;
    text.get(..end).filter(|t| !t.trim_ascii().is_empty() && !t.contains(&b'['))
}

/// Reads the head of `text` by a shape.
pub fn read<'a>(parts: &[Part], text: &'a [u8]) -> Option<Head<'a>> {
    let mut head = Head::default();
    let mut at = 0;
    for part in parts {
        let rest = text.get(at..)?;
        at += match part {
            Part::Gap => rest
                .iter()
                .take_while(|b| matches!(b, b' ' | b'\t'))
                .count()
                .max(1)
                .min(1 + rest.len())
                .checked_sub(usize::from(!matches!(rest.first(), Some(b' ' | b'\t'))))
                .filter(|n| *n > 0 || rest.is_empty())?,
            Part::Mark(byte) => {
                let pad = if matches!(byte, b']' | b')' | b'|') { rest.iter().take_while(|b| **b == b' ').count() } else { 0 };
                (rest.get(pad) == Some(byte)).then_some(pad + 1)?
            }
            Part::Time => {
                let (stamp, width) = time::any(rest)?;
                head.stamp = stamp;
                width
            }
            Part::Level => {
                let width = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
                head.severity = head::severity_of(rest.get(..width)?)?;
                width
            }
            Part::Logger | Part::Dotted => {
                let width = name_width(rest);
                if *part == Part::Dotted && !rest.get(..width)?.contains(&b'.') {
                    return None;
                }
                if head.logger.is_empty() {
                    head.logger = rest.get(..width)?;
                }
                (width > 0).then_some(width)?
            }
            Part::Boxed(close) => {
                let inner = boxed(rest, *close)?;
                *head.boxes.get_mut(head.boxed)? = inner.trim_ascii();
                head.boxed += 1;
                inner.len()
            }
            Part::Number => {
                let width = num::digits(rest);
                *head.numbers.get_mut(head.numbered)? = num::uint(rest.get(..width)?)?;
                head.numbered += 1;
                width
            }
            Part::Place => {
                let (file, function, line, width) = place(rest)?;
                (head.file, head.function, head.line) = (file, function, line);
                width
            }
        };
    }
    head.end = at;
    Some(head)
}

/// What the greedy reading knows so far.
#[derive(Default)]
struct Seen {
    time: bool,
    level: bool,
    logger: bool,
    threads: bool,
    columns: usize,
    boxes: usize,
    numbers: usize,
}

/// The shape of a line's head: `None` where it has no level, or neither a time nor Python's `LEVEL:logger:`.
pub fn shape(text: &[u8]) -> Option<Shape> {
    let mut parts: Vec<Part> = Vec::new();
    let mut seen = Seen::default();
    let mut at = 0;
    if text.first() == Some(&b'[') {
        parts.push(Part::Mark(b'['));
        at = 1;
    }
    while seen.columns < 9 {
        let rest = text.get(at..)?;
        let Some((part, width)) = column(rest, &seen, parts.last().copied()) else { break };
        let inside = matches!(parts.last(), Some(Part::Mark(b'[' | b'(' | b'<')));
        parts.push(part);
        at += width;
        seen.columns += 1;
        match part {
            Part::Time => seen.time = true,
            Part::Level => seen.level = true,
            Part::Logger | Part::Dotted => seen.logger = true,
            Part::Number => seen.numbers += 1,
            Part::Boxed(_) => {
                seen.boxes += 1;
                seen.threads |= looks_like_thread(text.get(at - width..at)?);
            }
            _ => {}
        }
        at += separators(text.get(at..)?, &mut parts, &seen, inside);
    }
    let basic = parts.starts_with(&[Part::Level, Part::Mark(b':'), Part::Logger, Part::Mark(b':')]);
    (seen.level && (seen.time || basic)).then_some(Shape { parts, count: 1, threads: seen.threads })
}

/// Takes the separators behind a column.
fn separators(text: &[u8], parts: &mut Vec<Part>, seen: &Seen, inside: bool) -> usize {
    let mut at = 0;
    let complete = seen.level && seen.time && seen.logger;
    while let Some(byte) = text.get(at) {
        match byte {
            b' ' | b'\t' => {
                at += text.get(at..).unwrap_or_default().iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
                if text.get(at) == Some(&b']') || (text.get(at) == Some(&b'|') && !inside) {
                    continue;
                }
                parts.push(Part::Gap);
            }
            b']' | b')' | b'>' | b'|' | b':' | b',' | b'/' => {
                parts.push(Part::Mark(*byte));
                at += 1;
            }
            // A dash separates where blanks are on both sides of it; behind `logger: ` it belongs to the message.
            b'-' if dashed(text.get(at..).unwrap_or_default())
                && !(complete && parts.ends_with(&[Part::Mark(b':'), Part::Gap])) =>
            {
                parts.push(Part::Mark(b'-'));
                at += 1;
            }
            // A bracket opens the next column where one may follow; else it belongs to the message.
            b'[' | b'(' | b'<' if column(text.get(at..).unwrap_or_default(), seen, None).is_some() => {
                parts.push(Part::Mark(*byte));
                return at + 1;
            }
            _ => break,
        }
    }
    at
}

fn dashed(text: &[u8]) -> bool {
    text.starts_with(b"- ") || text.starts_with(b"-- ") || text.starts_with(b"-\t")
}

/// The column at the start of `text`, if one stands there; `before` is the piece in front of it.
fn column(text: &[u8], seen: &Seen, before: Option<Part>) -> Option<(Part, usize)> {
    let open = match (text.first()?, before) {
        (_, Some(Part::Mark(open @ (b'[' | b'(' | b'<')))) => Some(open),
        (open @ (b'[' | b'(' | b'<'), _) => {
            // Asked whether a bracketed column stands here: look inside.
            return column(text.get(1..)?, seen, Some(Part::Mark(*open))).or(None);
        }
        _ => None,
    };
    if !seen.time
        && let Some((_, width)) = time::any(text)
        && (num::digits(text) < 8 || text.get(8) == Some(&b' '))
    {
        return Some((Part::Time, width));
    }
    // Levels that other producers write are words here: `HOST ALERT: …`.
    let foreign = [&b"ALERT"[..], b"PANIC", b"EMERG", b"SEVERE", b"EMERGENCY"].iter().any(|w| text.starts_with(w));
    if !seen.level && !foreign {
        let width = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        let word = text.get(..width).unwrap_or_default();
        let boxed = open.is_some()
            && head::severity_of(word).is_some()
            && matches!(text.get(width), Some(b' ' | b']' | b')' | b'>' | b'/'));
        let after_time = matches!(before, Some(Part::Mark(b':' | b'|' | b'/' | b'-'))) && head::severity_of(word).is_some();
        if boxed
            || after_time && head::level(text).is_some()
            || head::level(text).is_some() && (seen.time || before.is_none())
            || word == b"SUCCESS"
        {
            return Some((Part::Level, width));
        }
    }
    match open {
        Some(open) => inside_box(text, seen, open),
        None => bare(text, seen),
    }
}

fn inside_box(text: &[u8], seen: &Seen, open: u8) -> Option<(Part, usize)> {
    let close = match open {
        b'[' => b']',
        b'(' => b')',
        _ => b'>',
    };
    let inner = boxed(text, close)?;
    let trimmed = inner.trim_ascii();
    if num::digits(trimmed) == trimmed.len() && trimmed.len() == inner.len() {
        return (seen.numbers < 2).then_some((Part::Number, inner.len()));
    }
    if let Some((.., width)) = place(inner)
        && width == inner.len()
    {
        return Some((Part::Place, width));
    }
    // Behind level and logger a bracket is part of the message, unless it names a thread or a trace.
    let known = seen.level && seen.logger;
    let column = looks_like_thread(trimmed) || memchr::memmem::find(trimmed, b"trace_id=").is_some();
    let plausible = open == b'[' || looks_like_thread(trimmed) || (open == b'(' && name_width(trimmed) == trimmed.len());
    (plausible && (!known || column) && seen.boxes < 4 && (seen.time || seen.level))
        .then_some((Part::Boxed(close), inner.len()))
}

fn bare(text: &[u8], seen: &Seen) -> Option<(Part, usize)> {
    let digits = num::digits(text);
    if digits > 0 {
        let ends = matches!(text.get(digits), Some(b' ' | b'\t' | b']' | b':' | b'|'));
        let early = !seen.level || !seen.logger;
        let rest = text.get(digits..).unwrap_or_default().trim_ascii_start();
        // Behind the level a number is a pid only where another column follows it.
        let led = !seen.level || matches!(rest.first(), Some(b'[' | b'|' | b']' | b'-')) || num::digits(rest) > 4;
        // Django's verbose format: `LEVEL time module process thread message`.
        let verbose = seen.level && seen.logger && (num::digits(rest) > 4 || seen.numbers == 1 && digits > 4);
        let fits = ends && digits <= 16 && seen.numbers < 2 && (seen.time || seen.level);
        return (fits && (early && led || verbose)).then_some((Part::Number, digits));
    }
    if let Some((.., width)) = place(text)
        && matches!(text.get(width), Some(b' ' | b':' | b'\t' | b']'))
        && (seen.time || seen.level)
    {
        return Some((Part::Place, width));
    }
    let width = name_width(text);
    let name = text.get(..width).filter(|n| n.len() >= 2)?;
    let rest = text.get(width..).unwrap_or_default();
    if seen.logger {
        return None;
    }
    let gap = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let after = rest.get(gap..).unwrap_or_default();
    let closed = rest.starts_with(b": ")
        || (rest.starts_with(b":") && (!seen.time || seen.level) && !rest.starts_with(b"://"))
        || (gap > 0
            && (after.starts_with(b"- ") || after.starts_with(b"| ") || after.starts_with(b": ") || after.starts_with(b"-- ")))
        || rest.starts_with(b"\t")
        || (rest.starts_with(b"]") && seen.level);
    let dotted = gap > 0 && name.contains(&b'.') && !name.ends_with(b".") && !name.contains(&b'/') && seen.level;
    let numbered = gap > 0 && seen.level && num::digits(after) > 0 && {
        let tail = after.get(num::digits(after)..).unwrap_or_default();
        tail.first() == Some(&b' ') && num::digits(tail.trim_ascii_start()) > 4
    };
    let before_level = gap > 0 && seen.time && !seen.level && level_follows(after);
    let leads = !seen.time && !seen.level && rest.starts_with(b"::");
    if (seen.level && (closed || numbered)) || before_level || (closed && seen.time) || leads {
        return Some((Part::Logger, width));
    }
    dotted.then_some((Part::Dotted, width))
}

/// True where a level stands within the next few words.
fn level_follows(text: &[u8]) -> bool {
    text.get(..100).unwrap_or(text).split(|b| matches!(b, b' ' | b'\t')).filter(|w| !w.is_empty()).take(4).any(|word| {
        let bare = word.strip_prefix(b"[").unwrap_or(word);
        let bare = bare.split(|b| !b.is_ascii_alphabetic()).next().unwrap_or_default();
        bare.iter().all(u8::is_ascii_uppercase) && head::level(bare).is_some()
    })
}

/// Every shape of a sample's lines, longest first; rare extensions are folded into what they extend.
pub fn shapes<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<Shape> {
    let mut all: Vec<Shape> = Vec::new();
    for line in lines {
        let Some(new) = shape(line) else { continue };
        match all.iter_mut().find(|s| s.parts == new.parts) {
            Some(old) => {
                old.count += 1;
                old.threads |= new.threads;
            }
            None => all.push(new),
        }
    }
    all.sort_by(|a, b| b.parts.len().cmp(&a.parts.len()).then_with(|| b.count.cmp(&a.count)));
    let mut index = 0;
    while let Some(long) = all.get(index) {
        let (parts, count) = (long.parts.clone(), long.count);
        let shorter = all.iter().skip(index + 1).position(|s| parts.starts_with(&s.parts) && s.count > count);
        match shorter {
            Some(offset) => {
                if let Some(parent) = all.get_mut(index + 1 + offset) {
                    parent.count += count;
                }
                all.remove(index);
            }
            None => index += 1,
        }
    }
    let total: usize = all.iter().map(|s| s.count).sum();
    all.retain(|s| s.count * 200 >= total);
    all
}
