//! The moments of an incident: cause, onset, detection, mitigation, recovery.

use crate::correlate::Case;
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::{Row, Rows};
use backtrail_parsers::{Kind, Severity};

/// Buckets in which the share of failed requests is looked at.
const BUCKETS: i64 = 240;
const SECOND: i64 = 1_000_000_000;

/// What the diagnosis knows about the cause when it asks for the moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hint {
    /// The first sign of the cause.
    pub first_sign: Option<i64>,
    /// What set it off.
    pub trigger: Option<i64>,
}

/// The moments, ns UTC; `None` where the logs do not show one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moments {
    /// The cause begins.
    pub cause_start: Option<i64>,
    /// Users begin to see it.
    pub onset: Option<i64>,
    /// The first alert.
    pub detected: Option<i64>,
    /// It gets better for the first time.
    pub mitigated: Option<i64>,
    /// It is over.
    pub recovered: Option<i64>,
    /// Nanoseconds in which service was degraded.
    pub degraded_ns: Option<i64>,
}

/// Finds the moments.
pub fn find(rows: &Rows<'_>, case: &Case, hint: Option<&Hint>) -> Moments {
    let mut moments = spells(rows, case);
    let hint = hint.copied().unwrap_or_default();
    moments.cause_start = match (hint.trigger, hint.first_sign, moments.onset) {
        (Some(trigger), ..) => Some(trigger),
        (None, Some(sign), _) => Some(sign),
        (None, None, onset) => onset,
    };
    if let (Some(start), Some(end)) = (moments.cause_start, moments.recovered.or(case.window.map(|w| w.1))) {
        let firing = |m: &&crate::correlate::Marker| {
            let row = rows.get(m.row);
            m.kind == Kind::Alert && m.time >= start && m.time <= end && row.text(TextCol::Reason) != b"resolved"
        };
        moments.detected = moments.onset.and_then(|_| case.markers.iter().find(firing).map(|m| m.time));
    }
    moments
}

/// The end of a request.
fn end(row: &Row<'_>) -> i64 {
    if row.time_is_start() { row.time() + row.long(LongCol::Duration).unwrap_or(0) } else { row.time() }
}

/// Spells of failing requests, by the share of 5xx per bucket against the usual one.
fn spells(rows: &Rows<'_>, case: &Case) -> Moments {
    let Some((from, to)) = case.window else { return Moments::default() };
    let edge = if rows.iter().any(|r| r.kind() == Kind::LbRequest) { Kind::LbRequest } else { Kind::RequestEnd };
    let width = ((to - from) / BUCKETS).max(SECOND);
    let mut requests: Vec<(i64, bool)> = rows
        .iter()
        .filter(|r| r.kind() == edge && r.has_time())
        .map(|r| (end(&r), (500..600).contains(&r.int(IntCol::Status))))
        .collect();
    requests.sort_unstable();
    let mut buckets: Vec<(i64, u64, u64)> = Vec::new();
    for (time, failed) in &requests {
        let bucket = (time - from) / width;
        match buckets.last_mut() {
            Some(last) if last.0 == bucket => {
                last.1 += 1;
                last.2 += u64::from(*failed);
            }
            _ => buckets.push((bucket, 1, u64::from(*failed))),
        }
    }
    let mut shares: Vec<f64> = buckets.iter().map(|(_, n, failed)| *failed as f64 / *n as f64).collect();
    shares.sort_unstable_by(f64::total_cmp);
    let usual = shares.get(shares.len() / 4).copied().unwrap_or(0.0);
    let bad: Vec<i64> = buckets
        .iter()
        .filter(|(_, n, failed)| *failed >= 3 && *failed as f64 / *n as f64 > usual + 0.08)
        .map(|(b, ..)| *b)
        .collect();
    let (Some(first), Some(last)) = (bad.first(), bad.last()) else { return Moments::default() };
    let inside = |bucket: i64| (from + bucket * width, from + (bucket + 1) * width);
    let failing = |(start, stop): (i64, i64)| {
        requests.iter().filter(move |(t, failed)| *failed && *t >= start && *t < stop).map(|(t, _)| *t)
    };
    let _ = Severity::NONE;
    Moments {
        onset: failing(inside(*first)).min(),
        recovered: failing(inside(*last)).max(),
        degraded_ns: Some(i64::try_from(bad.len()).unwrap_or(0) * width),
        ..Moments::default()
    }
}
