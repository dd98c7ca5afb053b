//! Moments and stretches of time as users type them.

use crate::error::{Error, Result};
use crate::ingest::options::GivenZone;
use backtrail_parsers::prim::time::{any, time_only};
use backtrail_parsers::stamp::Written;
use chrono::TimeZone;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

/// A moment, as far as the text alone gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// ns UTC.
    Instant(i64),
    /// A civil time without a zone, ns as if it were UTC.
    Local(i64),
    /// ns since midnight.
    OfDay(i64),
}

fn wrong(option: &str, reason: String) -> Error {
    Error::Usage { option: option.into(), reason }
}

/// Reads `2024-03-10T14:05:00Z`, `2024-03-10 14:05` or `14:05[:SS]`.
pub(super) fn parse(option: &str, text: &str) -> Result<Moment> {
    let bad = || wrong(option, format!("{text} is no moment; give 2024-03-10T14:05:00Z or 14:05[:30]"));
    // Minutes are enough for people; the readers of log times want seconds.
    let colons = text.rsplit_once(['T', ' ']).map_or(text, |(_, time)| time).matches(':').count();
    let bare = !text.ends_with('Z') && !text.contains('+');
    let full = if colons == 1 && bare { format!("{text}:00") } else { text.to_owned() };
    let (stamp, taken) = any(full.as_bytes()).or_else(|| time_only(full.as_bytes())).ok_or_else(bad)?;
    if taken != full.len() {
        return Err(bad());
    }
    match stamp.written {
        Written::Instant => Ok(Moment::Instant(stamp.nanos)),
        Written::Local => Ok(Moment::Local(stamp.nanos)),
        Written::NoDate => Ok(Moment::OfDay(stamp.nanos.rem_euclid(DAY))),
        Written::NoYear | Written::Nothing => Err(bad()),
    }
}

/// The civil time that an instant is in the zone, and back. Without a zone it is UTC.
fn offset(zone: Option<GivenZone>, civil: i64) -> i64 {
    match zone {
        None => 0,
        Some(GivenZone::Fixed(seconds)) => i64::from(seconds) * SECOND,
        Some(GivenZone::Named(zone)) => {
            let naive = chrono::DateTime::from_timestamp_nanos(civil).naive_utc();
            let local = zone.from_local_datetime(&naive).earliest();
            local.map_or(0, |t| i64::from(chrono::Offset::fix(t.offset()).local_minus_utc()) * SECOND)
        }
    }
}

/// Makes it an instant, ns UTC. A time of day is the first one in the window, in the zone given for all files, else UTC.
pub(super) fn settle(option: &str, moment: Moment, zone: Option<GivenZone>, window: Option<(i64, i64)>) -> Result<i64> {
    let (from, to) = window.ok_or_else(|| wrong(option, "the logs hold no time at all".into()))?;
    let day = |since: i64| {
        let first = from + offset(zone, from);
        let midnight = first - first.rem_euclid(DAY);
        let candidates = (0..=(to - from) / DAY + 1).map(|n| midnight + n * DAY + since).map(|t| t - offset(zone, t));
        candidates.into_iter().find(|t| *t >= from && *t <= to)
    };
    let at = match moment {
        Moment::Instant(at) => Some(at),
        Moment::Local(at) => Some(at - offset(zone, at)),
        Moment::OfDay(since) => day(since),
    };
    at.filter(|t| *t >= from && *t <= to).ok_or_else(|| {
        let show = |ns| backtrail_parsers::prim::time::show(backtrail_parsers::Stamp::instant(ns, 0));
        wrong(option, format!("the logs reach from {} to {}", show(from), show(to)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60 * SECOND;

    #[test]
    fn moments_are_read() {
        let noon = 12 * 60 * MINUTE;
        assert_eq!(parse("--at", "12:00").unwrap(), Moment::OfDay(noon));
        assert_eq!(parse("--at", "12:00:30").unwrap(), Moment::OfDay(noon + 30 * SECOND));
        assert_eq!(parse("--at", "1970-01-02T12:00:00Z").unwrap(), Moment::Instant(DAY + noon));
        assert_eq!(parse("--at", "1970-01-02T12:00:00+02:00").unwrap(), Moment::Instant(DAY + noon - 120 * MINUTE));
        assert_eq!(parse("--at", "1970-01-02 12:00").unwrap(), Moment::Local(DAY + noon));
        assert!(parse("--at", "noon").is_err() && parse("--at", "12:00 tomorrow").is_err() && parse("--at", "").is_err());
    }

    #[test]
    fn times_of_day_fall_into_the_window() {
        let noon = 12 * 60 * MINUTE;
        let window = Some((10 * DAY + 13 * 60 * MINUTE, 11 * DAY + 13 * 60 * MINUTE));
        assert_eq!(settle("--at", Moment::OfDay(noon), None, window).unwrap(), 11 * DAY + noon);
        let chicago = Some(GivenZone::Fixed(-5 * 3600));
        assert_eq!(settle("--at", Moment::OfDay(noon), chicago, window).unwrap(), 10 * DAY + noon + 300 * MINUTE);
        assert!(settle("--at", Moment::Instant(0), None, window).is_err());
        assert!(settle("--at", Moment::OfDay(noon), None, None).is_err());
    }
}
