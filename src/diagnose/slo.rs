//! Which requests are *bad*: answered with 5xx, slower than their endpoint may be, or given up by the client after an
//! unknown time. Client errors (4xx) are not. An endpoint may take `max(1 s, 4 × its usual 95th percentile)`.
//!
//! The usual percentile must not come from the outage itself, and where the outage lies is not known yet. The window is
//! therefore cut into twelve slices, and the lower quartile of their percentiles is taken: it is right as long as a quarter
//! of the time with traffic was normal.

use super::front::{Front, span};
use super::histogram::Histogram;
use super::signals::{Count, SECOND, Signals};
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::maps::HashMap;
use crate::table::{Row, RowId, Rows};
use backtrail_parsers::Kind;
use std::collections::BTreeMap;

/// Slices of the window.
const SLICES: usize = 12;
/// A slice with fewer requests has no percentile.
const LEAST: u64 = 20;
/// No endpoint is slow below this.
const FLOOR: i64 = SECOND;
/// Times the usual 95th percentile.
const FACTOR: i64 = 4;

/// Kind of row, method, endpoint.
type Endpoint = (Kind, u32, u32);

/// Thresholds, ns.
#[derive(Debug, Default)]
pub struct Slo {
    endpoints: HashMap<Endpoint, i64>,
    /// For endpoints that are asked for too seldom.
    others: BTreeMap<Kind, i64>,
    /// True where the requests counted tell how long they took.
    pub timed: bool,
}

fn endpoint(row: &Row<'_>) -> Endpoint {
    (row.kind(), row.code(TextCol::Method), row.code(TextCol::Route))
}

impl Slo {
    /// Looks through all requests.
    pub fn of(rows: &Rows<'_>, signals: &Signals) -> Slo {
        let front = &signals.front;
        let mut seen: HashMap<Endpoint, Vec<Histogram>> = HashMap::default();
        let mut slo = Slo::default();
        for row in rows.iter().filter(|r| r.has_time() && counts(front, r)) {
            let (Some(duration), Some(bucket)) = (row.long(LongCol::Duration), signals.bucket(span(&row).1)) else { continue };
            slo.timed |= front.is_request(&row);
            let slices = seen.entry(endpoint(&row)).or_insert_with(|| vec![Histogram::default(); SLICES]);
            if let Some(slice) = slices.get_mut(bucket * SLICES / signals.n.max(1)) {
                slice.add(duration);
            }
        }
        let mut all: BTreeMap<Kind, Vec<Histogram>> = BTreeMap::new();
        #[expect(clippy::iter_over_hash_type, reason = "sums and a map are the same in any order")]
        for (endpoint, slices) in &seen {
            let total = all.entry(endpoint.0).or_insert_with(|| vec![Histogram::default(); SLICES]);
            total.iter_mut().zip(slices).for_each(|(sum, slice)| sum.merge(slice));
            if let Some(usual) = usual(slices) {
                slo.endpoints.insert(*endpoint, threshold(usual));
            }
        }
        slo.others = all.iter().filter_map(|(kind, slices)| Some((*kind, threshold(usual(slices)?)))).collect();
        slo
    }

    /// The threshold of a row's endpoint, ns.
    pub fn limit(&self, row: &Row<'_>) -> i64 {
        let known = self.endpoints.get(&endpoint(row)).or_else(|| self.others.get(&row.kind()));
        known.copied().unwrap_or(FLOOR)
    }

    /// True for a request that failed, was too slow, or was given up after an unknown time.
    pub fn is_bad(&self, row: &Row<'_>) -> bool {
        is_failed(row) || self.is_slow(row) || (row.long(LongCol::Duration).is_none() && is_aborted(row))
    }

    /// True where the row's request took longer than it may.
    pub fn is_slow(&self, row: &Row<'_>) -> bool {
        row.long(LongCol::Duration).is_some_and(|d| d > self.limit(row))
    }
}

/// Requests of users, at either tier.
fn counts(front: &Front, row: &Row<'_>) -> bool {
    (front.is_request(row) || front.reached_application(row)) && !front.is_probe(row)
}

fn threshold(usual: i64) -> i64 {
    usual.saturating_mul(FACTOR).max(FLOOR)
}

/// The lower quartile of the slices' 95th percentiles.
fn usual(slices: &[Histogram]) -> Option<i64> {
    let mut percentiles: Vec<i64> = slices.iter().filter(|s| s.count() >= LEAST).filter_map(|s| s.quantile(0.95)).collect();
    percentiles.sort_unstable();
    percentiles.get(percentiles.len().saturating_sub(1) / 4).copied()
}

/// A request that went wrong, or, where no request is logged, an event that says that one did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bad {
    /// When it began, ns UTC.
    pub start: i64,
    /// When it ended.
    pub end: i64,
    /// True for 5xx; false for one that was slow or given up.
    pub failed: bool,
    /// True for a request that was slow in the application, where the tier at which requests are counted does not say how
    /// long they took. It may be counted as failed there too.
    pub inside: bool,
    /// Its row.
    pub row: RowId,
}

/// What the bad ones rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Basis {
    /// Requests.
    #[default]
    Requests,
    /// Timeouts, refusals and failed connects, as no request is logged.
    Events,
}

/// Everything bad, in the order of its end.
pub fn bad(rows: &Rows<'_>, signals: &Signals, slo: &Slo) -> (Basis, Vec<Bad>) {
    let (basis, mut bad) = if signals.sum(Count::Requests, 0..signals.n) > 0 {
        (Basis::Requests, bad_requests(rows, signals, slo))
    } else {
        (Basis::Events, bad_events(rows, signals))
    };
    bad.sort_unstable_by_key(|b| (b.end, b.row));
    (basis, bad)
}

/// The users' requests that went wrong.
fn bad_requests(rows: &Rows<'_>, signals: &Signals, slo: &Slo) -> Vec<Bad> {
    let front = &signals.front;
    let mut bad = Vec::new();
    for row in rows.iter().filter(|r| matches!(r.kind(), Kind::LbRequest | Kind::RequestEnd) && r.has_time()) {
        let inside = !front.is_request(&row);
        let counted = if inside {
            // Where the load balancer does not say how long requests took, the application does.
            !slo.timed && front.reached_application(&row) && !is_failed(&row) && slo.is_slow(&row)
        } else {
            slo.is_bad(&row)
        };
        if counted && !front.is_probe(&row) {
            let (start, end) = span(&row);
            bad.push(Bad { start, end, failed: is_failed(&row), inside, row: row.id });
        }
    }
    bad
}

/// True for a request answered with 5xx.
pub fn is_failed(row: &Row<'_>) -> bool {
    (500..600).contains(&row.int(IntCol::Status))
}

/// What stands in for bad requests where none are logged.
fn bad_events(rows: &Rows<'_>, signals: &Signals) -> Vec<Bad> {
    let counts = |row: &Row<'_>| {
        // A wrong password or database name is the client's mistake.
        let mistake = matches!(row.text(TextCol::Reason), b"authentication" | b"unknown_database" | b"unknown_user");
        !mistake
            && matches!(
                row.kind(),
                Kind::AcquireTimeout | Kind::DbRefused | Kind::ProxyRefused | Kind::ProxyWaitTimeout | Kind::ConnectFailed
            )
    };
    rows.iter()
        .filter(|r| r.has_time() && counts(r) && signals.bucket(r.time()).is_some())
        .map(|r| Bad { start: r.time(), end: r.time(), failed: true, inside: false, row: r.id })
        .collect()
}

/// True where the client left before it had its answer.
fn is_aborted(row: &Row<'_>) -> bool {
    let reason = row.text(TextCol::Reason);
    row.int(IntCol::Status) == 499
        || reason == b"client_closed"
        || matches!(reason, [b'C' | b'c', b'C' | b'R' | b'Q' | b'H', ..] if reason.len() == 4)
        || reason == b"DC"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_percentile_is_not_the_outages() {
        let slice = |millis: i64| {
            let mut histogram = Histogram::default();
            (0..100).for_each(|_| histogram.add(millis * 1_000_000));
            histogram
        };
        let mut slices: Vec<Histogram> = (0..4).map(|_| slice(500)).collect();
        slices.extend((0..8).map(|_| slice(30_000)));
        let usual = usual(&slices).unwrap();
        assert!((usual as f64 / 500e6 - 1.0).abs() < 0.07, "{usual}");
        assert_eq!(threshold(usual), 4 * usual);
        assert_eq!(threshold(5_000_000), SECOND);
    }
}
