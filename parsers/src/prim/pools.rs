//! Pieces that the messages of connection pools share.

use super::num;
use crate::event::Event;

/// Where a phrase stands in a record: the text before it on its line, and the text after it (to the end of the field).
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// From the start of the line to the phrase.
    pub before: &'a [u8],
    /// Behind the phrase.
    pub after: &'a [u8],
}

impl<'a> Found<'a> {
    /// What follows on the same line.
    pub fn line(&self) -> &'a [u8] {
        super::text::first_line(self.after).0.trim_ascii_end()
    }

    /// The exception whose message the phrase begins: `java.sql.SQLException` of `Caused by: java.sql.SQLException: `.
    pub fn thrower(&self) -> &'a [u8] {
        let Some(head) = self.before.strip_suffix(b": ").or_else(|| self.before.strip_suffix(b":")) else { return b"" };
        let word = head.rsplit(|b| matches!(b, b' ' | b'\t')).next().unwrap_or_default();
        if super::jvm::is_dotted(word) { word } else { b"" }
    }
}

/// Looks for a phrase in one text.
pub fn find<'a>(text: &'a [u8], phrase: &str) -> Option<Found<'a>> {
    let at = memchr::memmem::find(text, phrase.as_bytes())?;
    let before = text.get(..at)?;
    let before = before.get(memchr::memrchr(b'\n', before).map_or(0, |n| n + 1)..)?;
    Some(Found { before, after: text.get(at + phrase.len()..)? })
}

/// Looks for a phrase in the message, then in the stack, then in the values of a structured record.
pub fn anywhere<'a>(event: &Event<'a>, phrase: &str) -> Option<Found<'a>> {
    find(event.message, phrase)
        .or_else(|| find(event.stack, phrase))
        .or_else(|| event.attrs.iter().find_map(|(_, value)| find(value, phrase)))
}

/// The number right behind a key: `number(b"active=3,", "active=")` = 3; −1 where there is none.
pub fn number(text: &[u8], key: &str) -> i32 {
    let digits = super::text::after(text, key.as_bytes()).map_or(&b""[..], super::text::digits);
    num::uint32(digits).and_then(|v| i32::try_from(v).ok()).unwrap_or(-1)
}

/// An ISO 8601 duration as `java.time.Duration` prints it (`PT1M0.8S`), in nanoseconds.
pub fn iso_duration(text: &[u8]) -> Option<i64> {
    let mut rest = text.strip_prefix(b"PT")?;
    let mut total = 0i64;
    while !rest.is_empty() {
        let width = rest.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
        let (value, tail) = rest.split_at_checked(width)?;
        let factor = match tail.first()? {
            b'H' => 3600,
            b'M' => 60,
            b'S' => 1,
            _ => return (total > 0).then_some(total),
        };
        total = total.checked_add(num::scaled(value, 9)?.checked_mul(factor)?)?;
        rest = tail.get(1..)?;
    }
    Some(total)
}

/// Sets the wait of a borrower from milliseconds in the text.
pub fn wait_ms(event: &mut Event<'_>, digits: &[u8]) {
    if let Some(nanos) = num::scaled(digits, 6) {
        event.wait_ns = nanos;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_know_their_line() {
        let found = find(b"a\nCaused by: x.y.Z: pool is empty\n\tat", "pool is").unwrap();
        assert_eq!((found.thrower(), found.line()), (&b"x.y.Z"[..], &b" empty"[..]));
        assert_eq!(number(b"total=4, active=13)", "active="), 13);
        assert_eq!(number(b"total=4", "idle="), -1);
        assert_eq!(iso_duration(b"PT0.8S"), Some(800_000_000));
        assert_eq!(iso_duration(b"PT1M30S"), Some(90_000_000_000));
    }
}
