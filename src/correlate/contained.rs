//! Which requests were running when sessions were opened: an attribution without any id, by time alone.
//!
//! For each endpoint: in how many of the leaked sessions' first moments was a request of it running, and in how many of
//! the others'? An endpoint that was running at nearly every leaked open and seldom otherwise is the one that leaks. Two
//! hosts' clocks may differ a little, so several tolerances are tried and the most telling one is taken.

use super::stats::wilson;
use crate::ingest::{LongCol, TextCol};
use crate::table::{RowId, Rows};
use backtrail_parsers::Kind;
use std::collections::BTreeMap;

/// Tolerances tried, ns.
const TOLERANCES: [i64; 4] = [10_000_000, 50_000_000, 250_000_000, 1_000_000_000];
/// The share of leaked opens that an endpoint must explain.
const COVERAGE: f64 = 0.8;
/// Opens while it runs must leak this many times as often as opens while it does not, at the least.
const RATIO: f64 = 5.0;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Contained {
    /// Codes of method and route.
    pub endpoint: (u32, u32),
    /// Leaked opens while it was running.
    pub hits: u64,
    /// Leaked opens.
    pub of: u64,
    /// Share of the other opens while it was running.
    pub base: f64,
    /// For each leaked open, a request of it that was running, if any.
    pub requests: Vec<Option<RowId>>,
}

struct Running {
    start: i64,
    end: i64,
    row: RowId,
}

/// The endpoint that was running when the leaked sessions were opened.
pub fn endpoint(rows: &Rows<'_>, leaked: &[i64], others: &[i64]) -> Option<Contained> {
    let intervals = intervals(rows);
    let mut best: Option<(f64, Contained)> = None;
    for (endpoint, running) in &intervals {
        for tolerance in TOLERANCES {
            let requests: Vec<Option<RowId>> = leaked.iter().map(|t| at(running, *t, tolerance)).collect();
            let hits = requests.iter().flatten().count() as u64;
            let of = leaked.len() as u64;
            let base_hits = others.iter().filter(|t| at(running, **t, tolerance).is_some()).count() as u64;
            // Opens that leaked of those while it ran, and of those while it did not.
            let (low, _) = wilson(hits, hits + base_hits);
            let (_, high) = wilson(of - hits, of - hits + others.len() as u64 - base_hits);
            let ratio = low / high.max(1e-6);
            let telling = hits as f64 >= COVERAGE * of as f64 && ratio >= RATIO;
            if telling && best.as_ref().is_none_or(|(old, _)| ratio > *old) {
                let base = base_hits as f64 / others.len().max(1) as f64;
                best = Some((ratio, Contained { endpoint: *endpoint, hits, of, base, requests }));
            }
        }
    }
    best.map(|(_, found)| found)
}

/// A request that was running at a moment; intervals are sorted by their end.
fn at(running: &[Running], time: i64, tolerance: i64) -> Option<RowId> {
    let from = running.partition_point(|r| r.end + tolerance < time);
    running.get(from..)?.iter().take(64).find(|r| r.start - tolerance <= time).map(|r| r.row)
}

/// Requests with a known length per endpoint, as the application states them, else the load balancer.
fn intervals(rows: &Rows<'_>) -> BTreeMap<(u32, u32), Vec<Running>> {
    let timed = |kind: Kind| rows.iter().any(|r| r.kind() == kind && r.long(LongCol::Duration).is_some());
    let kind = if timed(Kind::RequestEnd) { Kind::RequestEnd } else { Kind::LbRequest };
    let mut out: BTreeMap<(u32, u32), Vec<Running>> = BTreeMap::new();
    for row in rows.iter().filter(|r| r.kind() == kind && r.has_time()) {
        let Some(lasted) = row.long(LongCol::Duration) else { continue };
        let (start, end) = if row.time_is_start() { (row.time(), row.time() + lasted) } else { (row.time() - lasted, row.time()) };
        let endpoint = (row.code(TextCol::Method), row.code(TextCol::Route));
        out.entry(endpoint).or_default().push(Running { start, end, row: row.id });
    }
    out.values_mut().for_each(|list| list.sort_unstable_by_key(|r| (r.end, r.start)));
    out
}
