//! Times as the reader wants them: in UTC, in the reader's own zone, in the zone of a source, or relative to the onset.

use chrono::{DateTime, Duration, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone};
use chrono_tz::Tz;

/// Nanoseconds of a second.
pub const SECOND: i64 = 1_000_000_000;

/// A zone to show times in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// As stored.
    Utc,
    /// A named zone.
    Named(Tz),
    /// A fixed offset in seconds east of UTC.
    Fixed(i32),
}

impl Zone {
    /// Reads a name (`Europe/Berlin`) or an offset (`+02:00`); what is neither is UTC.
    pub fn parse(name: &str) -> Zone {
        if let Ok(zone) = name.parse::<Tz>() {
            return if zone == Tz::UTC { Zone::Utc } else { Zone::Named(zone) };
        }
        match name.parse::<FixedOffset>().map(|offset| offset.local_minus_utc()) {
            Ok(0) | Err(_) => Zone::Utc,
            Ok(seconds) => Zone::Fixed(seconds),
        }
    }

    /// Its name.
    pub fn name(self) -> String {
        match self {
            Zone::Utc => "UTC".into(),
            Zone::Named(zone) => zone.name().to_owned(),
            Zone::Fixed(seconds) => {
                let (sign, rest) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
                format!("{sign}{:02}:{:02}", rest / 3600, rest / 60 % 60)
            }
        }
    }

    /// The local date and time of an instant.
    fn local(self, ns: i64) -> NaiveDateTime {
        let utc = DateTime::from_timestamp_nanos(ns).naive_utc();
        let seconds = match self {
            Zone::Utc => 0,
            Zone::Fixed(seconds) => seconds,
            Zone::Named(zone) => zone.offset_from_utc_datetime(&utc).fix().local_minus_utc(),
        };
        utc.checked_add_signed(Duration::seconds(i64::from(seconds))).unwrap_or(utc)
    }

    /// The instant of a local date and time; the earlier one where it stands twice.
    fn instant(self, local: NaiveDateTime) -> Option<i64> {
        let seconds = match self {
            Zone::Utc => 0,
            Zone::Fixed(seconds) => seconds,
            Zone::Named(zone) => zone.offset_from_local_datetime(&local).earliest()?.fix().local_minus_utc(),
        };
        local.checked_sub_signed(Duration::seconds(i64::from(seconds)))?.and_utc().timestamp_nanos_opt()
    }
}

/// How times are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The zone.
    pub zone: Zone,
    /// Shown as the distance from this instant, where set.
    pub from: Option<i64>,
}

impl Clock {
    /// A time with a date, to the millisecond: `2024-03-01 14:32:10.123`; relative: `T+00:03:12.000`.
    pub fn long(&self, ns: i64) -> String {
        match self.from {
            Some(from) => relative(ns.saturating_sub(from), true),
            None => self.zone.local(ns).format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        }
    }

    /// A time of day, to the millisecond.
    pub fn short(&self, ns: i64) -> String {
        match self.from {
            Some(from) => relative(ns.saturating_sub(from), true),
            None => self.zone.local(ns).format("%H:%M:%S%.3f").to_string(),
        }
    }

    /// A label for an axis whose ticks are `step` ns apart.
    pub fn tick(&self, ns: i64, step: i64) -> String {
        match self.from {
            Some(from) => relative(ns.saturating_sub(from), step < SECOND),
            None if step >= 24 * 3600 * SECOND => self.zone.local(ns).format("%m-%d").to_string(),
            None if step >= 60 * SECOND => self.zone.local(ns).format("%H:%M").to_string(),
            None if step >= SECOND => self.zone.local(ns).format("%H:%M:%S").to_string(),
            None => self.zone.local(ns).format("%H:%M:%S%.3f").to_string(),
        }
    }

    /// What the times are in: a zone's name, or `T = onset`.
    pub fn name(&self) -> String {
        if self.from.is_some() { "T = onset".into() } else { self.zone.name() }
    }

    /// Reads what a reader types to go to a time: `14:32`, `14:32:10.5`, `2024-03-01 14:32`, `+5m`, `-30s`, `T+3m`.
    /// Times without a date are on the day of `near`; `+` and `-` count from `near`.
    pub fn parse(&self, text: &str, near: i64, onset: Option<i64>) -> Option<i64> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix(['T', 't']).filter(|r| r.starts_with(['+', '-'])) {
            return onset?.checked_add(span(rest)?);
        }
        if text.starts_with(['+', '-']) {
            return near.checked_add(span(text)?);
        }
        if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
            return instant.timestamp_nanos_opt();
        }
        let text = text.replace('T', " ");
        let (date, time) = match text.split_once(' ') {
            Some((date, time)) => (NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?, time.trim().to_owned()),
            None => match NaiveDate::parse_from_str(&text, "%Y-%m-%d") {
                Ok(date) => (date, "00:00".to_owned()),
                Err(_) => (self.zone.local(near).date(), text),
            },
        };
        let time = NaiveTime::parse_from_str(&time, "%H:%M:%S%.f").or_else(|_| NaiveTime::parse_from_str(&time, "%H:%M"));
        self.zone.instant(date.and_time(time.ok()?))
    }
}

/// `+5m`, `-30s`, `+1h30m`, `+250ms`, and `+00:03:12` in ns.
fn span(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest.contains(':') {
        let mut sum = 0i64;
        for part in rest.split(':') {
            sum = sum.checked_mul(60)?.checked_add(part.parse::<u32>().ok()?.into())?;
        }
        return sum.checked_mul(SECOND * sign);
    }
    let mut sum = 0i64;
    while !rest.is_empty() {
        let digits = rest.chars().take_while(char::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.chars().take_while(char::is_ascii_alphabetic).count();
        let (unit, next) = after.split_at_checked(letters)?;
        let unit = match unit {
            "ms" => 1_000_000,
            "" | "s" => SECOND,
            "m" | "min" => 60 * SECOND,
            "h" => 3600 * SECOND,
            "d" => 86_400 * SECOND,
            _ => return None,
        };
        sum = sum.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        rest = next;
    }
    Some(sum * sign)
}

/// A distance from the onset: `T+00:03:12`.
fn relative(ns: i64, fraction: bool) -> String {
    let sign = if ns < 0 { '-' } else { '+' };
    let ns = ns.unsigned_abs();
    let (seconds, millis) = (ns / 1_000_000_000, ns / 1_000_000 % 1000);
    let text = format!("T{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if fraction { format!("{text}.{millis:03}") } else { text }
}

/// A length of time as people say it: `812 ms`, `12.3 s`, `4 m 10 s`, `3 h 05 m`, `2 d 4 h`.
pub fn length(ns: i64) -> String {
    let ns = ns.max(0);
    let seconds = ns / SECOND;
    match seconds {
        0 => format!("{} ms", ns / 1_000_000),
        1..60 => format!("{}.{} s", seconds, ns / 100_000_000 % 10),
        60..3600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {:02} m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// Nanoseconds of an RFC 3339 time, as reports write it.
pub fn nanos(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_typed_in_many_ways() {
        let noon = nanos("2024-03-01T12:00:00Z").unwrap();
        let utc = Clock { zone: Zone::Utc, from: None };
        let at = |text: &str| utc.parse(text, noon, Some(noon)).map(|ns| utc.long(ns));
        assert_eq!(at("14:32").as_deref(), Some("2024-03-01 14:32:00.000"));
        assert_eq!(at("2024-03-02 14:32:10.5").as_deref(), Some("2024-03-02 14:32:10.500"));
        assert_eq!(at("2024-03-02").as_deref(), Some("2024-03-02 00:00:00.000"));
        assert_eq!(at("+1h30m").as_deref(), Some("2024-03-01 13:30:00.000"));
        assert_eq!(at("-30s").as_deref(), Some("2024-03-01 11:59:30.000"));
        assert_eq!(at("T+00:03:12").as_deref(), Some("2024-03-01 12:03:12.000"));
        assert_eq!(at("soon"), None);
        assert_eq!(at("+9é"), None);
    }

    #[test]
    fn zones_move_what_is_shown_and_what_is_read() {
        let noon = nanos("2024-07-01T12:00:00Z").unwrap();
        let berlin = Clock { zone: Zone::parse("Europe/Berlin"), from: None };
        assert_eq!(berlin.short(noon), "14:00:00.000");
        assert_eq!(berlin.parse("14:00", noon, None), Some(noon));
        assert_eq!(Zone::parse("+05:30").name(), "+05:30");
        let from = Clock { zone: Zone::Utc, from: Some(noon) };
        assert_eq!(from.long(noon - 61 * SECOND), "T-00:01:01.000");
    }
}
