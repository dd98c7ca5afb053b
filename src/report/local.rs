//! Times in the zone in which people lived through the outage. The report itself keeps UTC.

use chrono::{DateTime, FixedOffset, Offset, TimeZone, Utc};
use chrono_tz::Tz;

/// A zone to show times in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Local {
    /// UTC.
    #[default]
    Utc,
    /// A zone with its summer times.
    Named(Tz),
    /// A fixed offset.
    Fixed(FixedOffset),
}

impl Local {
    /// The zone's name as readers know it: `UTC`, `America/Bogota`, `+02:00`.
    pub fn name(&self) -> String {
        match self {
            Local::Utc => "UTC".into(),
            Local::Named(zone) => zone.name().into(),
            Local::Fixed(offset) => offset.to_string(),
        }
    }

    fn at(self, time: &str) -> Option<DateTime<FixedOffset>> {
        let time = DateTime::parse_from_rfc3339(time).ok()?.with_timezone(&Utc);
        Some(match &self {
            Local::Utc => time.fixed_offset(),
            Local::Named(zone) => {
                let offset = zone.offset_from_utc_datetime(&time.naive_utc()).fix();
                time.with_timezone(&offset)
            }
            Local::Fixed(offset) => time.with_timezone(offset),
        })
    }

    /// `2023-08-10 14:29:46`; what is no time is given back as it came.
    pub fn seconds(&self, time: &str) -> String {
        self.at(time).map_or_else(|| time.to_owned(), |t| t.format("%Y-%m-%d %H:%M:%S").to_string())
    }

    /// `2023-08-10 14:29`.
    pub fn minutes(&self, time: &str) -> String {
        self.at(time).map_or_else(|| time.to_owned(), |t| t.format("%Y-%m-%d %H:%M").to_string())
    }

    /// `10 Aug 2023 14:29 UTC`, with the offset where the zone is not UTC: `10 May 2023 09:02 UTC-05:00`.
    pub fn words(&self, time: &str) -> String {
        let Some(t) = self.at(time) else { return time.to_owned() };
        let zone = if t.offset().local_minus_utc() == 0 { "UTC".to_owned() } else { format!("UTC{}", t.offset()) };
        format!("{} {zone}", t.format("%-d %b %Y %H:%M"))
    }

    /// RFC 3339 with the zone's offset, milliseconds kept.
    pub fn rfc3339(&self, time: &str) -> String {
        let shown = |t: DateTime<FixedOffset>| t.to_rfc3339_opts(chrono::SecondsFormat::Millis, *self == Local::Utc);
        self.at(time).map_or_else(|| time.to_owned(), shown)
    }
}

/// Milliseconds since the epoch of an RFC 3339 time.
pub fn millis(time: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(time).ok().map(|t| t.timestamp_millis())
}

/// Microseconds since the epoch of an RFC 3339 time.
pub fn micros(time: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(time).ok().map(|t| t.timestamp_micros())
}

/// Seconds as people say them: `42 s`, `16 min`, `17 h 30 min`, `2 d 3 h`.
pub fn span(seconds: f64) -> String {
    if !seconds.is_finite() {
        return "unknown".into();
    }
    let two = |a: f64, one: &str, b: f64, two: &str| match b {
        b if b < 1.0 => format!("{a:.0} {one}"),
        b => format!("{a:.0} {one} {b:.0} {two}"),
    };
    let whole = seconds.round();
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => {
            let minutes = (whole / 60.0).round();
            two((minutes / 60.0).floor(), "h", minutes % 60.0, "min")
        }
        _ => {
            let hours = (whole / 3600.0).round();
            two((hours / 24.0).floor(), "d", hours % 24.0, "h")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_where_people_lived() {
        let bogota = Local::Named("America/Bogota".parse().unwrap());
        assert_eq!(bogota.words("2023-05-10T13:02:30.000Z"), "10 May 2023 08:02 UTC-05:00");
        assert_eq!(Local::Utc.words("2023-08-10T14:29:46.205Z"), "10 Aug 2023 14:29 UTC");
        let berlin = Local::Named("Europe/Berlin".parse().unwrap());
        assert_eq!(berlin.seconds("2023-08-10T22:30:00.000Z"), "2023-08-11 00:30:00");
        assert_eq!(berlin.rfc3339("2023-08-10T22:30:00.250Z"), "2023-08-11T00:30:00.250+02:00");
        assert_eq!(Local::Utc.rfc3339("2023-08-10T22:30:00.250Z"), "2023-08-10T22:30:00.250Z");
        assert_eq!(Local::Utc.seconds("not a time"), "not a time");
    }

    #[test]
    fn spans_read_as_people_say_them() {
        let said: Vec<String> = [42.0, 960.0, 63_000.0, 183_600.0, 7199.9, f64::NAN].iter().map(|s| span(*s)).collect();
        assert_eq!(said, ["42 s", "16 min", "17 h 30 min", "2 d 3 h", "120 min", "unknown"]);
    }
}
