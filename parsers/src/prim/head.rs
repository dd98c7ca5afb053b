//! The head of an application's log line: level words, bracketed fields, the small facts every text layout settles.

use super::trace;
use crate::event::Event;
use crate::severity::Severity;

/// A level word at the start of `text` and its width. Words that logs also use as words (`HTTP`, `LOG`, `SYSTEM`,
/// `CONFIG`, `FINE`, `NOTE`, `FAIL`) are not taken, and lower case only where it is closed by `:`, `]`, `|` or a blank
/// that pads it.
pub fn level(text: &[u8]) -> Option<(Severity, usize)> {
    let width = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let word = text.get(..width).filter(|w| (3..=11).contains(&w.len()))?;
    let next = text.get(width);
    if next.is_some_and(|b| b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-' | b'=' | b'\'' | b'(')) {
        return None;
    }
    let ambiguous: [&[u8]; 8] = [b"http", b"log", b"system", b"config", b"fine", b"note", b"fail", b"failure"];
    if ambiguous.iter().any(|a| word.eq_ignore_ascii_case(a)) {
        return None;
    }
    let severity = severity_of(word).unwrap_or(Severity::NONE);
    let upper = word.iter().all(u8::is_ascii_uppercase);
    let closed =
        matches!(next, Some(b':' | b']' | b'|' | b'/' | b',' | b'>' | b')')) || text.get(width..width + 2) == Some(b"  ");
    (severity != Severity::NONE && (upper || closed || next == Some(&b' '))).then_some((severity, width))
}

/// The severity of a level word, with those that only some libraries know: loguru's `SUCCESS`, Python's `NOTSET`
/// (no severity). `None` where it is no level.
pub fn severity_of(word: &[u8]) -> Option<Severity> {
    match Severity::of_word(word) {
        Severity::NONE if word.eq_ignore_ascii_case(b"SUCCESS") => Some(Severity::INFO),
        Severity::NONE if word.eq_ignore_ascii_case(b"NOTSET") => Some(Severity::NONE),
        Severity::NONE => None,
        severity => Some(severity),
    }
}

/// The first bytes of a line without ANSI escapes, copied into `buffer` only where there are any.
pub fn uncoloured<'a>(line: &'a [u8], buffer: &'a mut [u8; 256]) -> &'a [u8] {
    if memchr::memchr(0x1b, line.get(..64).unwrap_or(line)).is_none() {
        return line;
    }
    let mut length = 0;
    let mut rest = line.iter();
    while let Some(byte) = rest.next() {
        if *byte == 0x1b {
            rest.by_ref().find(|b| b.is_ascii_alphabetic());
            continue;
        }
        let Some(slot) = buffer.get_mut(length) else { break };
        *slot = *byte;
        length += 1;
    }
    buffer.get(..length).unwrap_or_default()
}

/// `[LEVEL]`, `[level   ]`, `<LEVEL>`, `(LEVEL)`, `|LEVEL|` or a bare level word: severity and width, marks included.
pub fn marked_level(text: &[u8]) -> Option<(Severity, usize)> {
    let close = match text.first()? {
        b'[' => b']',
        b'<' => b'>',
        b'(' => b')',
        b'|' => b'|',
        _ => return level(text),
    };
    let inner = text.get(1..)?;
    let end = inner.iter().take(12).position(|b| *b == close)?;
    let severity = Severity::of_word(inner.get(..end)?.trim_ascii());
    (severity != Severity::NONE).then_some((severity, end + 2))
}

/// A level among the first words behind the time, and the message behind it.
pub fn find_level(text: &[u8]) -> Option<(Severity, &[u8])> {
    let mut at = 0;
    for word in 0..5 {
        let rest = text.get(at..)?.trim_ascii_start();
        at = text.len() - rest.len();
        if at > 60 || rest.first() == Some(&b'\n') {
            return None;
        }
        if let Some((severity, width)) = marked_level(rest) {
            let bare = rest.get(..width)?;
            let upper = bare.iter().any(u8::is_ascii_uppercase) && !bare.iter().any(u8::is_ascii_lowercase);
            if word == 0 || upper || !bare.first()?.is_ascii_alphabetic() {
                let tail = rest.get(width..)?;
                let skip = tail.iter().take_while(|b| matches!(b, b' ' | b'\t' | b':' | b']' | b'|')).count();
                let dash = if tail.get(skip..).is_some_and(|t| t.starts_with(b"- ")) { 2 } else { 0 };
                return Some((severity, tail.get(skip + dash..)?));
            }
        }
        at += rest.iter().position(|b| matches!(b, b' ' | b'\t' | b'\n' | b']' | b':' | b'|'))? + 1;
        if text.get(at - 1) == Some(&b'\n') {
            return None;
        }
    }
    None
}

/// Splits a record's text into message and stack, and names the error that the stack ends in.
pub fn settle<'a>(text: &'a [u8], event: &mut Event<'a>) {
    let (message, stack) = trace::split(text);
    event.message = message;
    event.stack = stack;
    if !stack.is_empty() && event.error_type.is_empty() {
        match trace::python_error(stack) {
            Some((class, _)) => event.error_type = class,
            None => event.error_type = trace::exception_name(super::text::first_line(stack).0),
        }
    }
    if stack.is_empty() && event.error_type.is_empty() && event.severity >= Severity::ERROR && trace::is_exception(message) {
        event.error_type = trace::exception_name(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_words_of_their_own() {
        assert_eq!(level(b"INFO x"), Some((Severity::INFO, 4)));
        assert_eq!(level(b"warning: x"), Some((Severity::WARN, 7)));
        assert_eq!(marked_level(b"[info     ] x"), Some((Severity::INFO, 11)));
        assert_eq!(level(b"INFO2 x"), None);
        assert_eq!(level(b"ERROR_CODE x"), None);
        assert_eq!(level(b"HTTP server"), None);
        assert_eq!(marked_level(b"[main] x"), None);
    }
}
