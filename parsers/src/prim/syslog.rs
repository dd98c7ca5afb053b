//! What the syslog envelopes share: priority, time, tag, and rsyslog's octal escapes.

use super::{num, time};
use crate::event::Arena;
use crate::severity::Severity;
use crate::stamp::{NO_YEAR, Stamp, Written};

/// `<PRI>` at the start of a line: its severity and what follows. Facility and severity are one number, at most 191.
pub fn priority(line: &[u8]) -> Option<(Severity, &[u8])> {
    let body = line.strip_prefix(b"<")?;
    let width = num::digits(body.get(..body.len().min(4))?);
    let value = num::uint16(body.get(..width)?).filter(|v| *v < 192)?;
    let rest = body.get(width..)?.strip_prefix(b">")?;
    Some((Severity::of_syslog(value.to_le_bytes()[0] & 7), rest))
}

/// Seconds from the start of the year that year-less stamps are put in, by month.
const MONTH_STARTS: [i64; 12] = {
    let mut starts = [0; 12];
    let mut month = 0;
    while month < 12 {
        #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, within the array")]
        {
            starts[month as usize] = time::days(NO_YEAR, month + 1, 1) * 86_400;
        }
        month += 1;
    }
    starts
};

/// The time at the start of a syslog or journald line and what follows it: `Nov 20 09:52:21[.123456]` (also with a day of
/// one digit), `2026-11-20T10:15:20.136003+01:00`, `Fri 2026-11-20 11:20:01 CET`.
pub fn stamp(text: &[u8]) -> Option<(Stamp, &[u8])> {
    match text.first()? {
        b'A'..=b'Z' => traditional(text).or_else(|| {
            let full = text.get(4..).filter(|_| text.get(3) == Some(&b' '))?;
            taken(full, time::iso(full))
        }),
        b'0'..=b'9' if text.get(10) == Some(&b'T') => taken(text, time::iso(text)),
        _ => None,
    }
}

fn taken(text: &[u8], read: time::Taken) -> Option<(Stamp, &[u8])> {
    read.and_then(|(stamp, end)| Some((stamp, text.get(end..)?)))
}

fn traditional(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let month = match text.get(..4)? {
        b"Jan " => 0,
        b"Feb " => 1,
        b"Mar " => 2,
        b"Apr " => 3,
        b"May " => 4,
        b"Jun " => 5,
        b"Jul " => 6,
        b"Aug " => 7,
        b"Sep " => 8,
        b"Oct " => 9,
        b"Nov " => 10,
        b"Dec " => 11,
        _ => return None,
    };
    let (day, clock) = match text.get(4..)? {
        [a @ (b' ' | b'0'..=b'3'), b @ b'0'..=b'9', b' ', rest @ ..] => ((a & 15) * 10 + (b - b'0'), rest),
        [b @ b'1'..=b'9', b' ', rest @ ..] => (b - b'0', rest),
        _ => return None,
    };
    let Some((seconds, rest)) = seconds(clock) else { return taken(text, time::syslog(text)) };
    if day == 0 || day > 31 {
        return None;
    }
    let seconds = MONTH_STARTS.get(month)? + i64::from(day - 1) * 86_400 + seconds;
    let (nanos, digits, rest) = fraction(rest);
    Some((Stamp { nanos: seconds * 1_000_000_000 + nanos, written: Written::NoYear, digits }, rest))
}

fn seconds(clock: &[u8]) -> Option<(i64, &[u8])> {
    let ([h1, h2, b':', m1, m2, b':', s1, s2], rest) = clock.split_first_chunk::<8>()? else { return None };
    let two = |a: &u8, b: &u8| (a.is_ascii_digit() && b.is_ascii_digit()).then(|| i64::from((a - b'0') * 10 + (b - b'0')));
    let (h, m, s) = (two(h1, h2)?, two(m1, m2)?, two(s1, s2)?);
    (h < 24 && m < 60 && s <= 60).then(|| (h * 3600 + m * 60 + s.min(59), rest))
}

fn fraction(text: &[u8]) -> (i64, u8, &[u8]) {
    let Some(body) = text.strip_prefix(b".") else { return (0, 0, text) };
    let width = num::digits(body);
    let (digits, rest) = body.split_at(width);
    match (num::uint(digits), u32::try_from(width)) {
        (Some(value), Ok(width @ 1..=9)) => {
            let nanos = i64::try_from(value).unwrap_or(0) * 10i64.pow(9 - width);
            (nanos, width.to_le_bytes()[0], rest)
        }
        _ => (0, 0, text),
    }
}

/// `text` without rsyslog's escapes of control characters (`#011` tab, `#012` line end, `#015`, `#033`), copied into the
/// arena only where there are any. `#0123` behind a blank is a number (`order #0123`), not an escape.
pub fn decode<'a>(text: &'a [u8], arena: &'a Arena) -> &'a [u8] {
    if !memchr::memchr_iter(b'#', text).any(|at| escape(text, at).is_some()) {
        return text;
    }
    let mut out = bumpalo::collections::Vec::with_capacity_in(text.len(), arena);
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let control = if *byte == b'#' { escape(text, at) } else { None };
        out.push(control.unwrap_or(*byte));
        at += if control.is_some() { 4 } else { 1 };
    }
    out.into_bump_slice()
}

fn escape(text: &[u8], at: usize) -> Option<u8> {
    let [b'#', b'0', a @ b'0'..=b'3', b @ b'0'..=b'7'] = text.get(at..at + 4)? else { return None };
    let control = (a - b'0') * 8 + (b - b'0');
    let behind_blank = at.checked_sub(1).and_then(|before| text.get(before)).is_some_and(|b| *b == b' ');
    let number = behind_blank && text.get(at + 4).is_some_and(u8::is_ascii_digit);
    (matches!(control, 9 | 10 | 13 | 27) && !number).then_some(control)
}

/// The message of `message repeated 3 times: [ text]`, by which rsyslog stands for lines it left out; else the message.
pub fn repeated(message: &[u8]) -> &[u8] {
    let inside = || {
        let rest = message.strip_prefix(b"message repeated ")?;
        let rest = rest.get(num::digits(rest)..)?.strip_prefix(b" times: [")?;
        Some(rest.strip_suffix(b"]").unwrap_or(rest).trim_ascii_start())
    };
    inside().unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        stamp(text.as_bytes())
            .map_or_else(|| "none".into(), |(stamp, rest)| format!("{}|{}", time::show(stamp), String::from_utf8_lossy(rest)))
    }

    #[test]
    fn times_of_syslog_and_journald_are_read() {
        for (text, want) in [
            ("Nov 20 09:52:21 db1", "--11-20T09:52:21| db1"),
            ("Nov  5 01:02:03 db1", "--11-05T01:02:03| db1"),
            ("Nov 5 01:02:03 db1", "--11-05T01:02:03| db1"),
            ("Feb 29 23:59:60: x", "--02-29T23:59:59|: x"),
            ("Nov 20 09:52:21.123456 db1", "--11-20T09:52:21.123456| db1"),
            ("Nov 20 2026 09:52:21 fw1", "2026-11-20T09:52:21| fw1"),
            ("2026-11-20T10:15:20.136003+01:00 a", "2026-11-20T09:15:20.136003Z| a"),
            ("2026-11-20T11:20:01+0100 a", "2026-11-20T10:20:01Z| a"),
            ("Fri 2026-11-20 11:20:01 CET a", "2026-11-20T11:20:01| a"),
            ("2026-11-20 11:20:01 a", "none"),
            ("MMM 20 11:20:01 a", "none"),
            ("Nov 32 11:20:01 a", "none"),
            ("Nov", "none"),
        ] {
            assert_eq!(shown(text), want, "{text}");
        }
    }

    #[test]
    fn control_characters_come_back() {
        let arena = Arena::new();
        assert_eq!(decode(b"Boom#012#011at a.b(C.java:1)", &arena), b"Boom\n\tat a.b(C.java:1)");
        assert_eq!(decode(b"order #0123 of tag#7 #22", &arena), b"order #0123 of tag#7 #22");
        assert_eq!(decode(b"#033[0m#01", &arena), b"\x1b[0m#01");
    }

    #[test]
    fn priorities_have_a_range() {
        assert_eq!(priority(b"<134>x"), Some((Severity::INFO, &b"x"[..])));
        assert_eq!(priority(b"<0>x"), Some((Severity::FATAL, &b"x"[..])));
        assert_eq!(priority(b"<192>x"), None);
        assert_eq!(priority(b"<1x"), None);
        assert_eq!(repeated(b"message repeated 2 times: [ gone]"), b"gone");
    }
}
