//! The shape of a time, found once on a sample and then read at every line without trying the others.

use super::time::{self, Taken};
use crate::stamp::{Stamp, Written};

/// How the times of one log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shape {
    /// `2026-11-20 10:15:20.136`, see [`time::iso`]; also with `:` before the milliseconds.
    Iso,
    /// `20-Nov-2026 10:16:00.887`, `20 Nov 2026 10:16:00.887`.
    DayFirst,
    /// `20/Nov/2026 10:16:00` and `20/Nov/2026:10:16:00`.
    DaySlash,
    /// `10:15:20.136`: no date.
    Clock,
    /// `Nov 20, 2026 10:16:00 AM`.
    TwelveHour,
    /// `17/06/09 20:10:40`: two-digit year, month, day.
    ShortYear,
    /// `081109 203615`: the same without marks.
    Bare,
    /// `20261120101606348` and `20261120 10:16:06`.
    Compact,
    /// `1795169766348`: milliseconds (or seconds) since the epoch.
    Epoch,
    /// `20.11.2026 10:16:00`, `20/11/2026 10:16:00`, `20-11-2026 10:16:00`: day first.
    Dmy,
    /// `11/20/2026 10:16:00`, `10/30/18 19:40:59:031 GMT`: month first.
    Mdy,
}

impl Shape {
    /// The shape of the time that `text` begins with. Where day and month cannot be told apart, month first is taken
    /// for `/` and day first for `.` and `-`; [`Shape::Dmy`] is certain when the first number is above 12.
    pub fn of(text: &[u8]) -> Option<Shape> {
        const ALL: [Shape; 9] = [
            Shape::Iso,
            Shape::DayFirst,
            Shape::DaySlash,
            Shape::Clock,
            Shape::TwelveHour,
            Shape::ShortYear,
            Shape::Bare,
            Shape::Compact,
            Shape::Epoch,
        ];
        let first = ALL.into_iter().find(|shape| shape.read(text).is_some());
        first.or_else(|| {
            let order = if text.get(2) == Some(&b'/') || text.get(1) == Some(&b'/') { Shape::Mdy } else { Shape::Dmy };
            let other = if order == Shape::Mdy { Shape::Dmy } else { Shape::Mdy };
            [order, other].into_iter().find(|shape| shape.read(text).is_some())
        })
    }

    /// Could `text` begin with such a time? Looks at a few bytes.
    #[inline]
    pub fn looks(self, text: &[u8]) -> bool {
        let digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_digit);
        match self {
            Shape::Iso => {
                matches!(
                    text,
                    [
                        b'0'..=b'9',
                        _,
                        _,
                        b'0'..=b'9',
                        b'-' | b'/',
                        b'0'..=b'1',
                        b'0'..=b'9',
                        b'-' | b'/',
                        b'0'..=b'3',
                        b'0'..=b'9',
                        b'T' | b't' | b' ' | b'\t',
                        ..
                    ]
                )
            }
            Shape::Clock => matches!(text, [b'0'..=b'2', b'0'..=b'9', b':', _, _, b':', ..]),
            _ => (digit(0) || self == Shape::TwelveHour) && self.read(text).is_some(),
        }
    }

    /// Reads the time and says how many bytes it took.
    pub fn read(self, text: &[u8]) -> Taken {
        let taken = match self {
            Shape::Iso => time::iso(text),
            Shape::DayFirst => time::day_first(text),
            Shape::DaySlash => day_slash(text),
            Shape::Clock => time::time_only(text),
            Shape::TwelveHour => time::twelve_hour(text),
            Shape::ShortYear => short_year(text),
            Shape::Bare => bare(text),
            Shape::Compact => compact(text),
            Shape::Epoch => time::epoch(text).filter(|(_, width)| text.get(*width).is_none_or(|b| !b.is_ascii_alphanumeric())),
            Shape::Dmy => numeric(text, false),
            Shape::Mdy => numeric(text, true),
        };
        Some(colon_millis(text, taken?))
    }
}

/// Some patterns write `:` before the milliseconds: `10:15:20:136`.
fn colon_millis(text: &[u8], (stamp, width): (Stamp, usize)) -> (Stamp, usize) {
    let digits = match text.get(width..width + 4) {
        Some([b':', a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9']) => [a, b, c].map(|d| i64::from(d - b'0')),
        _ => return (stamp, width),
    };
    if stamp.digits != 0 || stamp.written == Written::Instant || text.get(width + 4).is_some_and(u8::is_ascii_digit) {
        return (stamp, width);
    }
    let [a, b, c] = digits;
    let nanos = stamp.nanos + (a * 100 + b * 10 + c) * 1_000_000;
    let stamp = Stamp { nanos, digits: 3, ..stamp };
    let zone = text.get(width + 4..).unwrap_or_default();
    match zone {
        [b' ', b'U', b'T', b'C', ..] | [b' ', b'G', b'M', b'T', ..] => {
            (Stamp { written: Written::Instant, ..stamp }, width + 8)
        }
        _ => (stamp, width + 4),
    }
}

/// A stamp put together from an ISO text in a small buffer; the width is the caller's.
fn through_iso(parts: &[&[u8]], width: usize) -> Taken {
    let mut buffer = [0u8; 40];
    let mut at = 0;
    for part in parts {
        buffer.get_mut(at..at + part.len())?.copy_from_slice(part);
        at += part.len();
    }
    let (stamp, taken) = time::iso(buffer.get(..at)?)?;
    Some((stamp, width + taken.checked_sub(10)?))
}

/// The clock and what may follow it, at most as much as the buffer of [`through_iso`] holds.
fn clock_part(text: &[u8], at: usize) -> Option<&[u8]> {
    let rest = text.get(at..)?;
    Some(rest.get(..rest.len().min(28)).unwrap_or_default())
}

fn short_year(text: &[u8]) -> Taken {
    match text {
        [y1 @ b'0'..=b'9', y2, b'/', m1, m2, b'/', d1, d2, b' ', ..] => {
            through_iso(&[&[b'2', b'0', *y1, *y2, b'-', *m1, *m2, b'-', *d1, *d2], clock_part(text, 8)?], 8)
        }
        _ => None,
    }
}

fn bare(text: &[u8]) -> Taken {
    let (date, clock) = (text.get(..6)?, text.get(7..13)?);
    let fits = text.get(6) == Some(&b' ') && text.get(13).is_none_or(|b| !b.is_ascii_alphanumeric());
    (fits && date.iter().chain(clock).all(u8::is_ascii_digit)).then_some(())?;
    let mut padded = [b':'; 15];
    padded.get_mut(..7)?.copy_from_slice(text.get(..7)?);
    padded.get_mut(7..9)?.copy_from_slice(clock.get(..2)?);
    padded.get_mut(10..12)?.copy_from_slice(clock.get(2..4)?);
    padded.get_mut(13..)?.copy_from_slice(clock.get(4..)?);
    time::compact(&padded).map(|(stamp, _)| (stamp, 13))
}

fn compact(text: &[u8]) -> Taken {
    let date = text.get(..8)?;
    date.iter().all(u8::is_ascii_digit).then_some(())?;
    let [y1, y2, y3, y4, m1, m2, d1, d2] = *date.first_chunk()?;
    let iso = [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2];
    if matches!(text.get(8), Some(b' ')) {
        return through_iso(&[&iso, clock_part(text, 8)?], 8);
    }
    let clock = text.get(8..14)?;
    let digits = super::num::digits(text.get(14..)?);
    (clock.iter().all(u8::is_ascii_digit) && matches!(digits, 0 | 3 | 6 | 9)).then_some(())?;
    let [h1, h2, i1, i2, s1, s2] = *clock.first_chunk()?;
    let fraction = text.get(14..14 + digits)?;
    let point: &[u8] = if digits == 0 { b"" } else { b"." };
    let (stamp, _) = through_iso(&[&iso, &[b' ', h1, h2, b':', i1, i2, b':', s1, s2], point, fraction], 0)?;
    Some((stamp, 14 + digits))
}

fn day_slash(text: &[u8]) -> Taken {
    if text.get(11) == Some(&b':') {
        return time::clf(text);
    }
    let mut copy = [0u8; 40];
    let length = text.len().min(40);
    copy.get_mut(..length)?.copy_from_slice(text.get(..length)?);
    (copy[2] == b'/' && copy[6] == b'/' && copy[11] == b' ').then_some(())?;
    copy[11] = b':';
    time::clf(copy.get(..length)?)
}

/// `20.11.2026 10:16:00` and relatives with `.`, `/` or `-`; one- or two-digit day and month, two- or four-digit year.
fn numeric(text: &[u8], month_first: bool) -> Taken {
    let one = super::num::digits(text);
    let mark = *text.get(one)?;
    (matches!(one, 1 | 2) && matches!(mark, b'.' | b'/' | b'-')).then_some(())?;
    let rest = text.get(one + 1..)?;
    let two = super::num::digits(rest);
    (matches!(two, 1 | 2) && rest.get(two) == Some(&mark)).then_some(())?;
    let tail = rest.get(two + 1..)?;
    let years = super::num::digits(tail);
    let (first, second) = (super::num::uint32(text.get(..one)?)?, super::num::uint32(rest.get(..two)?)?);
    let year = super::num::uint32(tail.get(..years)?)?;
    let year = match years {
        2 if year >= 69 => 1900 + year,
        2 => 2000 + year,
        4 => year,
        _ => return None,
    };
    let (day, month) = if month_first { (second, first) } else { (first, second) };
    ((1..=31).contains(&day) && (1..=12).contains(&month)).then_some(())?;
    let two_digits = |v: u32| [b'0' + u8::try_from(v / 10 % 10).unwrap_or(0), b'0' + u8::try_from(v % 10).unwrap_or(0)];
    let (century, decade) = (two_digits(year / 100), two_digits(year % 100));
    let (month, day) = (two_digits(month), two_digits(day));
    let mut gap = one + two + 2 + years;
    let comma = usize::from(text.get(gap) == Some(&b','));
    gap += comma;
    matches!(text.get(gap), Some(b' ' | b'T')).then_some(())?;
    // WebSphere writes one-digit hours without padding: `6/14/19 9:20:31:561 UTC`.
    let clock = clock_part(text, gap + 1)?;
    let (pad, short): (&[u8], usize) = if super::num::digits(clock) == 1 { (b"0", 1) } else { (b"", 0) };
    let (stamp, width) = through_iso(&[&century, &decade, b"-", &month, b"-", &day, b" ", pad, clock], gap)?;
    Some((stamp, width - short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_found_and_read() {
        for (text, shape, want, width) in [
            ("2026-11-20 10:15:20,136 INFO", Shape::Iso, "2026-11-20T10:15:20.136", 23),
            ("2026-11-20 10:15:20:136 INFO", Shape::Iso, "2026-11-20T10:15:20.136", 23),
            ("10:15:20.136 [main]", Shape::Clock, "T10:15:20.136", 12),
            ("20-Nov-2026 10:16:00.887 INFO", Shape::DayFirst, "2026-11-20T10:16:00.887", 24),
            ("20/Nov/2026 10:16:00 INFO", Shape::DaySlash, "2026-11-20T10:16:00", 20),
            ("17/06/09 20:10:40 INFO", Shape::ShortYear, "2017-06-09T20:10:40", 17),
            ("081109 203615 148 INFO", Shape::Bare, "2008-11-09T20:36:15", 13),
            ("20261120101606348 INFO", Shape::Compact, "2026-11-20T10:16:06.348", 17),
            ("20261120 10:16:06,348 INFO", Shape::Compact, "2026-11-20T10:16:06.348", 21),
            ("1795169766348 INFO", Shape::Epoch, "2026-11-20T10:16:06.348Z", 13),
            ("20.11.2026 10:16:00 INFO", Shape::Dmy, "2026-11-20T10:16:00", 19),
            ("10/30/18 19:40:59:031 GMT]", Shape::Mdy, "2018-10-30T19:40:59.031Z", 25),
            ("6/14/19 9:20:31:561 UTC]", Shape::Mdy, "2019-06-14T09:20:31.561Z", 23),
            ("Nov 20, 2026 10:16:00 AM x", Shape::TwelveHour, "2026-11-20T10:16:00", 24),
        ] {
            assert_eq!(Shape::of(text.as_bytes()), Some(shape), "{text}");
            let (stamp, taken) = shape.read(text.as_bytes()).unwrap();
            assert_eq!((time::show(stamp).as_str(), taken), (want, width), "{text}");
            assert!(shape.looks(text.as_bytes()), "{text}");
        }
        assert_eq!(Shape::of(b"1.2.3.4 - - ["), None);
        assert_eq!(Shape::of(b"12345678 rows"), None);
    }
}
