//! Points in time as logs write them. Every function reads a prefix of `text` and says how many bytes it took.
//!
//! Zone abbreviations other than `UTC`, `GMT` and `Z` are taken as text but not believed: several share a name (`IST`,
//! `CST`), so the stamp stays [`Written::Local`].

use crate::stamp::{NO_YEAR, Stamp, Written};

const DAY: i64 = 86_400;
const NANOS: i64 = 1_000_000_000;
const MONTHS: [&[u8; 3]; 12] = [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// A stamp and the number of bytes it took.
pub type Taken = Option<(Stamp, usize)>;

/// Days from 1970-01-01 to a civil date (proleptic Gregorian).
/// Source of the formula: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
pub const fn days(year: i32, month: u32, day: u32) -> i64 {
    let y = year as i64 - (month <= 2) as i64;
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let shifted = (month as i64 + 9) % 12;
    let doy = (153 * shifted + 2) / 5 + day as i64 - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

/// The civil date (year, month, day) of a day count from 1970-01-01; the inverse of [`days`].
pub const fn civil(days: i64) -> (i64, u32, u32) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + (month <= 2) as i64, narrow(month), narrow(day))
}

/// A month or day, known to be between 1 and 31.
const fn narrow(value: i64) -> u32 {
    value.unsigned_abs().to_le_bytes()[0] as u32
}

/// The stamp as text: RFC 3339 with `Z` for an instant, without zone for a local time, `--11-20T…` without a year,
/// `T10:15:20` without a date; empty for none. The fraction has as many digits as were written.
pub fn show(stamp: Stamp) -> String {
    if !stamp.is_some() {
        return String::new();
    }
    let (seconds, nanos) = (stamp.nanos.div_euclid(NANOS), stamp.nanos.rem_euclid(NANOS));
    let (year, month, day) = civil(seconds.div_euclid(DAY));
    let of_day = seconds.rem_euclid(DAY);
    let clock = format!("{:02}:{:02}:{:02}", of_day / 3600, of_day / 60 % 60, of_day % 60);
    let fraction = match usize::from(stamp.digits.min(9)) {
        0 => String::new(),
        digits => format!(".{}", format!("{nanos:09}").get(..digits).unwrap_or_default()),
    };
    match stamp.written {
        Written::Instant => format!("{year:04}-{month:02}-{day:02}T{clock}{fraction}Z"),
        Written::NoYear => format!("--{month:02}-{day:02}T{clock}{fraction}"),
        Written::NoDate => format!("T{clock}{fraction}"),
        _ => format!("{year:04}-{month:02}-{day:02}T{clock}{fraction}"),
    }
}

fn two(text: &[u8], at: usize) -> Option<u32> {
    match text.get(at..at + 2)? {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some(u32::from(a - b'0') * 10 + u32::from(b - b'0')),
        _ => None,
    }
}

fn four(text: &[u8], at: usize) -> Option<i32> {
    Some((two(text, at)? * 100 + two(text, at + 2)?).cast_signed())
}

fn month_name(text: &[u8], at: usize) -> Option<u32> {
    let mut name: [u8; 3] = text.get(at..at + 3)?.try_into().ok()?;
    name.make_ascii_lowercase();
    name[0] = name[0].to_ascii_uppercase();
    MONTHS.iter().position(|m| **m == name).and_then(|i| u32::try_from(i + 1).ok())
}

fn date(year: i32, month: u32, day: u32) -> Option<i64> {
    (month >= 1 && month <= 12 && day >= 1 && day <= 31 && year >= 1 && year <= 2261).then(|| days(year, month, day) * DAY)
}

/// `HH:MM:SS` at `at` (a leap second is read as 59): seconds of the day.
fn clock(text: &[u8], at: usize) -> Option<i64> {
    let (h, m, s) = (two(text, at)?, two(text, at + 3)?, two(text, at + 6)?);
    (text.get(at + 2) == Some(&b':') && text.get(at + 5) == Some(&b':') && h < 24 && m < 60 && s <= 60)
        .then(|| i64::from(h * 3600 + m * 60 + s.min(59)))
}

/// A fraction of a second behind `.` or `,` at `at`: nanoseconds, digits, bytes taken. None there gives zeros.
fn fraction(text: &[u8], at: usize) -> (i64, u8, usize) {
    if !matches!(text.get(at), Some(b'.' | b',')) {
        return (0, 0, 0);
    }
    let (mut nanos, mut digits, mut taken) = (0i64, 0u8, 1usize);
    while let Some(byte @ b'0'..=b'9') = text.get(at + taken) {
        if digits < 9 {
            nanos = nanos * 10 + i64::from(byte - b'0');
            digits += 1;
        }
        taken += 1;
    }
    if digits == 0 {
        return (0, 0, 0);
    }
    (nanos * 10i64.pow(9 - u32::from(digits)), digits, taken)
}

/// A zone at the start of `text`: `Z`, `UTC`, `GMT`, `+01:00`, `+0100`, `+01`, `-03`; offset in seconds and bytes.
fn offset(text: &[u8]) -> Option<(i64, usize)> {
    match text.first()? {
        b'Z' | b'z' if !text.get(1).is_some_and(u8::is_ascii_alphabetic) => Some((0, 1)),
        b'U' if text.starts_with(b"UTC") => Some((0, 3)),
        b'G' if text.starts_with(b"GMT") => Some((0, 3)),
        sign @ (b'+' | b'-') => {
            let hours = two(text, 1)?;
            let (minutes, taken) = match text.get(3) {
                Some(b':') => (two(text, 4)?, 6),
                Some(b'0'..=b'9') => (two(text, 3)?, 5),
                _ => (0, 3),
            };
            if hours > 15 || minutes > 59 {
                return None;
            }
            let seconds = i64::from(hours * 3600 + minutes * 60);
            Some((if *sign == b'-' { -seconds } else { seconds }, taken))
        }
        _ => None,
    }
}

/// Adds what may follow a clock: fraction and zone (directly or after one space). `at` is where the clock ends.
fn finish(text: &[u8], at: usize, seconds: i64, bare: Written) -> (Stamp, usize) {
    let (nanos, digits, taken) = fraction(text, at);
    let mut end = at + taken;
    let spaced = usize::from(text.get(end) == Some(&b' '));
    let mut stamp = Stamp { nanos: seconds.saturating_mul(NANOS).saturating_add(nanos), written: bare, digits };
    if bare == Written::Local {
        let zone = text.get(end + spaced..).unwrap_or_default();
        if let Some((off, width)) = offset(zone).filter(|(_, w)| spaced == 0 || zone_ends(zone, *w)) {
            stamp.written = Written::Instant;
            stamp.nanos = stamp.nanos.saturating_sub(off * NANOS);
            end += spaced + width;
        } else if spaced == 1 && is_abbreviation(zone) > 0 {
            end += 1 + is_abbreviation(zone);
        }
    }
    (stamp, end)
}

fn zone_ends(zone: &[u8], width: usize) -> bool {
    zone.get(width).is_none_or(|b| !b.is_ascii_alphanumeric())
}

/// The length of a zone abbreviation known to be one (`CET`, `EST`, `PDT`, …), 0 for anything else: `LOG`, `WARN`, `DEBUG`.
fn is_abbreviation(zone: &[u8]) -> usize {
    const KNOWN: [&[u8]; 44] = [
        b"CET", b"CEST", b"EET", b"EEST", b"WET", b"WEST", b"BST", b"IST", b"EST", b"EDT", b"CST", b"CDT", b"MST", b"MDT",
        b"PST", b"PDT", b"MSK", b"JST", b"KST", b"SGT", b"HKT", b"AEST", b"AEDT", b"ACST", b"ACDT", b"AWST", b"NZST", b"NZDT",
        b"BRT", b"BRST", b"ART", b"CLT", b"CLST", b"COT", b"PET", b"SAST", b"EAT", b"WAT", b"CAT", b"AKST", b"AKDT", b"HST",
        b"TRT", b"WIB",
    ];
    let len = zone.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let word = zone.get(..len).unwrap_or_default();
    if zone_ends(zone, len) && KNOWN.contains(&word) { len } else { 0 }
}

/// `2026-11-20 10:15:20`, with `T` or a space (or a tab, or two spaces before a one-digit hour as MariaDB writes it),
/// `-` or `/` in the date, an optional fraction after `.` or `,`, and an optional zone.
pub fn iso(text: &[u8]) -> Taken {
    let separator = *text.get(4)?;
    if !(separator == b'-' || separator == b'/') || text.get(7) != Some(&separator) {
        return None;
    }
    let midnight = date(four(text, 0)?, two(text, 5)?, two(text, 8)?)?;
    let seconds = match text.get(10)? {
        b'T' | b't' | b' ' | b'\t' if text.get(11) == Some(&b' ') => {
            let hour = text.get(12)?.wrapping_sub(b'0');
            let mut padded = [b'0'; 8];
            padded.get_mut(1..)?.copy_from_slice(text.get(12..19)?);
            (hour <= 9).then_some(())?;
            clock(&padded, 0)?
        }
        b'T' | b't' | b' ' | b'\t' => clock(text, 11)?,
        _ => return None,
    };
    Some(finish(text, 19, midnight + seconds, Written::Local))
}

/// `20/Nov/2026:10:21:25 +0000` (common log format) and `20/Nov/2026:10:22:22.082` (`HAProxy`).
pub fn clf(text: &[u8]) -> Taken {
    if text.get(2) != Some(&b'/') || text.get(6) != Some(&b'/') || text.get(11) != Some(&b':') {
        return None;
    }
    let midnight = date(four(text, 7)?, month_name(text, 3)?, two(text, 0)?)?;
    Some(finish(text, 20, midnight + clock(text, 12)?, Written::Local))
}

/// `Nov 20 09:52:21`, `Nov  5 01:02:03`, with an optional fraction: no year, no zone (RFC 3164, journald short).
/// A year after the day (`Nov 20 2026 09:52:21`) is taken.
pub fn syslog(text: &[u8]) -> Taken {
    let month = month_name(text, 0)?;
    if text.get(3) != Some(&b' ') {
        return None;
    }
    let day = match text.get(4..6)? {
        [b' ', d @ b'1'..=b'9'] => u32::from(d - b'0'),
        _ => two(text, 4)?,
    };
    if text.get(6) != Some(&b' ') {
        return None;
    }
    if let Some(seconds) = clock(text, 7) {
        return Some(finish(text, 15, date(NO_YEAR, month, day)? + seconds, Written::NoYear));
    }
    let midnight = date(four(text, 7)?, month, day)?;
    (text.get(11) == Some(&b' ')).then_some(())?;
    Some(finish(text, 20, midnight + clock(text, 12)?, Written::Local))
}

/// `Fri Nov 20 10:23:39.392333 2026` (Apache error log, `ctime`) and `Wed Sep 18 12:17:08.260` (`MongoDB` 2.x, no year).
pub fn ctime(text: &[u8]) -> Taken {
    if text.get(3) != Some(&b' ') || !text.first()?.is_ascii_uppercase() {
        return None;
    }
    let month = month_name(text, 4)?;
    let day = match text.get(8..10)? {
        [b' ', d @ b'1'..=b'9'] => u32::from(d - b'0'),
        _ => two(text, 8)?,
    };
    let seconds = clock(text, 11)?;
    let (nanos, digits, taken) = fraction(text, 19);
    let end = 19 + taken;
    let (year, written, end) = match (text.get(end), four(text, end + 1)) {
        (Some(b' '), Some(year)) if year >= 1970 => (year, Written::Local, end + 5),
        _ => (NO_YEAR, Written::NoYear, end),
    };
    Some((Stamp { nanos: (date(year, month, day)? + seconds) * NANOS + nanos, written, digits }, end))
}

/// `20 Nov 2026 10:21:19.554` (Redis), `20-Nov-2026 10:16:00.887` (Tomcat, PHP), with an optional zone.
pub fn day_first(text: &[u8]) -> Taken {
    let separator = *text.get(2)?;
    if !matches!(separator, b' ' | b'-') || text.get(6) != Some(&separator) || text.get(11) != Some(&b' ') {
        return None;
    }
    let midnight = date(four(text, 7)?, month_name(text, 3)?, two(text, 0)?)?;
    Some(finish(text, 20, midnight + clock(text, 12)?, Written::Local))
}

/// `Nov 20, 2026 10:16:00 AM` (`java.util.logging`), also with a narrow no-break space before AM and without AM/PM.
pub fn twelve_hour(text: &[u8]) -> Taken {
    let month = month_name(text, 0)?;
    let mut at = 3 + usize::from(text.get(3) == Some(&b'.'));
    (text.get(at) == Some(&b' ')).then_some(())?;
    at += 1;
    let width = super::num::digits(text.get(at..)?);
    let day = super::num::uint32(text.get(at..at + width.min(2))?)?;
    at += width;
    (text.get(at..at + 2)? == b", ").then_some(())?;
    let midnight = date(four(text, at + 2)?, month, day)?;
    (text.get(at + 6) == Some(&b' ')).then_some(())?;
    at += 7;
    let width = super::num::digits(text.get(at..)?);
    let mut padded = [b'0'; 8];
    let start = 2usize.checked_sub(width)?;
    padded.get_mut(start..)?.copy_from_slice(text.get(at..at + 8 - start)?);
    let mut seconds = clock(&padded, 0)?;
    at += 8 - start;
    let gap = if text.get(at..).is_some_and(|t| t.starts_with("\u{202f}".as_bytes())) { 3 } else { 1 };
    let half = text.get(at + gap..at + gap + 2).unwrap_or_default();
    if half == b"AM" || half == b"PM" {
        let hour = seconds / 3600;
        seconds += match (hour, half) {
            (12, b"AM") => -12 * 3600,
            (0..=11, b"PM") => 12 * 3600,
            _ => 0,
        };
        at += gap + 2;
    }
    Some((Stamp { nanos: (midnight + seconds) * NANOS, written: Written::Local, digits: 0 }, at))
}

/// `261120 10:20:35`, `080721  3:04:01` (MySQL to 5.6, `MariaDB` general and slow logs); years 69–99 are 19xx.
pub fn compact(text: &[u8]) -> Taken {
    let (yy, month, day) = (two(text, 0)?, two(text, 2)?, two(text, 4)?);
    let year = if yy >= 69 { 1900 + yy } else { 2000 + yy }.cast_signed();
    (text.get(6) == Some(&b' ')).then_some(())?;
    let mut padded: [u8; 8] = text.get(7..15)?.try_into().ok()?;
    if padded[0] == b' ' {
        padded[0] = b'0';
    }
    Some(finish(text, 15, date(year, month, day)? + clock(&padded, 0)?, Written::Local))
}

/// `20261120 10:20:36`: a date without separators and a time of day (MariaDB's audit log).
pub fn compact_century(text: &[u8]) -> Taken {
    let midnight = date(four(text, 0)?, two(text, 4)?, two(text, 6)?)?;
    (text.get(8) == Some(&b' ')).then_some(())?;
    Some(finish(text, 17, midnight + clock(text, 9)?, Written::Local))
}

/// `10:15:20.136`, `10:16:06,348`: a time of day alone.
pub fn time_only(text: &[u8]) -> Taken {
    Some(finish(text, 8, clock(text, 0)?, Written::NoDate))
}

/// Seconds since the epoch with an optional fraction, ten digits before the point (2001–2286).
pub fn epoch_seconds(text: &[u8]) -> Taken {
    (super::num::digits(text) == 10).then_some(())?;
    let seconds = i64::try_from(super::num::uint(text.get(..10)?)?).ok()?;
    let (nanos, digits, taken) = fraction(text, 10);
    Some((Stamp::instant(seconds.checked_mul(NANOS)?.checked_add(nanos)?, digits), 10 + taken))
}

/// An epoch number whose unit follows from its length: 10 digits seconds (with an optional fraction), 13 milliseconds,
/// 16 microseconds, 19 nanoseconds.
pub fn epoch(text: &[u8]) -> Taken {
    let width = super::num::digits(text);
    let value = super::num::uint(text.get(..width)?)?;
    let (scale, digits) = match width {
        10 => return epoch_seconds(text),
        13 => (1_000_000, 3),
        16 => (1_000, 6),
        19 => (1, 9),
        _ => return None,
    };
    Some((Stamp::instant(i64::try_from(value.checked_mul(scale)?).ok()?, digits), width))
}

/// The time at the start of `text`, whatever its shape: the shapes with a date of this module, in turn.
pub fn any(text: &[u8]) -> Taken {
    match text.first()? {
        b'0'..=b'9' => iso(text)
            .or_else(|| clf(text))
            .or_else(|| day_first(text))
            .or_else(|| compact(text))
            .or_else(|| epoch(text).filter(|(_, n)| text.get(*n).is_none_or(|b| !b.is_ascii_alphanumeric()))),
        b'A'..=b'Z' => syslog(text).or_else(|| ctime(text)).or_else(|| twelve_hour(text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(taken: Taken) -> String {
        taken.map_or_else(|| "none".into(), |(stamp, end)| format!("{} {end}", show(stamp)))
    }

    #[test]
    fn every_shape_of_the_catalogue_is_read() {
        for (text, want) in [
            ("2026-11-20 09:45:48.961 UTC [1]", "2026-11-20T09:45:48.961Z 27"),
            ("2026-11-20 06:51:40.054 -03 [1]", "2026-11-20T09:51:40.054Z 27"),
            ("2026-11-20 09:45:48 CET [1]", "2026-11-20T09:45:48 23"),
            ("2026-11-20 09:45:48 LOG:  x", "2026-11-20T09:45:48 19"),
            ("2026-11-20 09:45:48.123 DEBUG x", "2026-11-20T09:45:48.123 23"),
            ("2026-11-20  7:02:03 0", "2026-11-20T07:02:03 19"),
            ("2019-03-24T13:44:34.420123Z", "2019-03-24T13:44:34.420123Z 27"),
            ("2018-02-05T13:44:56.657+0100", "2018-02-05T12:44:56.657Z 28"),
            ("2026-11-20T10:15:20.136003123+00:00 x", "2026-11-20T10:15:20.136003123Z 35"),
            ("2026-11-20 10:16:06,348 WARN", "2026-11-20T10:16:06.348 23"),
            ("20/Nov/2026:10:21:25 +0000]", "2026-11-20T10:21:25Z 26"),
            ("20/Nov/2026:10:22:22.082]", "2026-11-20T10:22:22.082 24"),
            ("2026/11/20 10:21:25 [error]", "2026-11-20T10:21:25 19"),
            ("Nov 20 09:52:21 host", "--11-20T09:52:21 15"),
            ("Nov  5 01:02:03 host", "--11-05T01:02:03 15"),
            ("Fri Nov 20 10:23:39.392333 2026]", "2026-11-20T10:23:39.392333 31"),
            ("Wed Sep 18 12:17:08.260 [conn1]", "--09-18T12:17:08.260 23"),
            ("20 Nov 2026 10:21:19.554 *", "2026-11-20T10:21:19.554 24"),
            ("20-Nov-2026 10:33:12 UTC]", "2026-11-20T10:33:12Z 24"),
            ("Nov 20, 2026 10:16:00 AM com", "2026-11-20T10:16:00 24"),
            ("Nov 2, 2026 1:16:00 PM com", "2026-11-02T13:16:00 22"),
            ("261120 10:20:35 x", "2026-11-20T10:20:35 15"),
            ("080721  3:04:01 x", "2008-07-21T03:04:01 15"),
            ("1795168328.512 x", "2026-11-20T09:52:08.512Z 14"),
            ("1795169882776,", "2026-11-20T10:18:02.776Z 13"),
        ] {
            assert_eq!(shown(any(text.as_bytes())), want, "{text}");
        }
        assert_eq!(shown(time_only(b"10:15:20.136 [main]")), "T10:15:20.136 12");
    }

    #[test]
    fn civil_is_the_inverse_of_days() {
        for day in -800_000..800_000 {
            let (y, m, d) = civil(day);
            assert_eq!(days(i32::try_from(y).unwrap(), m, d), day);
        }
    }
}
