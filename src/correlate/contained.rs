//! Which requests were running when sessions were opened: an attribution without any id, by time alone.
//!
//! For each endpoint: in how many of the leaked sessions' first moments was a request of it running, and in how many of
//! the others'? An endpoint that was running at nearly every leaked open and seldom otherwise is the one that leaks. Two
//! hosts' clocks may differ a little, so several tolerances are tried and the most telling one is taken.

use super::stats::wilson;
use crate::ingest::{LongCol, TextCol};
use crate::table::{Row, RowId, Rows};
use backtrail_parsers::Kind;
use std::collections::BTreeMap;

/// Tolerances tried, ns.
const TOLERANCES: [i64; 4] = [10_000_000, 50_000_000, 250_000_000, 1_000_000_000];
/// The share of leaked opens that an endpoint must explain.
const COVERAGE: f64 = 0.8;
/// Opens while it runs must leak this many times as often as opens while it does not, at the least.
const RATIO: f64 = 5.0;
/// How far the clocks of the database and of the requests may differ where it matters which were running, ns.
const NEAR: i64 = 1_000_000_000;

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

/// When requests ran, to tell whether those of a moment are over: as the load balancer states them, which tells of requests
/// that were cut off too, else the application.
#[derive(Debug)]
pub struct Spans {
    /// Begin and end, by end.
    spans: Vec<(i64, i64)>,
    /// The longest.
    longest: i64,
}

impl Spans {
    /// Looks for the requests of a table whose length is known.
    pub fn of(rows: &Rows<'_>) -> Spans {
        let timed = |kind: Kind| rows.iter().any(|r| r.kind() == kind && r.long(LongCol::Duration).is_some());
        let kind = if timed(Kind::LbRequest) { Kind::LbRequest } else { Kind::RequestEnd };
        let timed = rows.iter().filter(|r| r.kind() == kind && r.has_time());
        let mut spans: Vec<(i64, i64)> = timed.filter_map(|row| span(&row)).map(|(start, end)| (end, start)).collect();
        spans.sort_unstable();
        let longest = spans.iter().map(|(end, start)| end - start).max().unwrap_or(0);
        Spans { spans, longest }
    }

    /// True where a request was running at `open`, and all that were had ended by `until`.
    pub fn over(&self, open: i64, until: i64) -> bool {
        let from = self.spans.partition_point(|(end, _)| *end < open - NEAR);
        let near = self.spans.get(from..).unwrap_or_default().iter();
        // A request that ends later than the longest one lasts began later, too.
        let running = near.take_while(|(end, _)| *end <= open + NEAR + self.longest).filter(|(_, s)| *s <= open + NEAR);
        let last = running.map(|(end, _)| *end).max();
        last.is_some_and(|end| end <= until)
    }
}

/// Begin and end of a request whose length is known, ns UTC.
fn span(row: &Row<'_>) -> Option<(i64, i64)> {
    let lasted = row.long(LongCol::Duration)?;
    let time = row.time();
    Some(if row.time_is_start() { (time, time + lasted) } else { (time - lasted, time) })
}

/// Requests with a known length per endpoint, as the application states them, else the load balancer.
fn intervals(rows: &Rows<'_>) -> BTreeMap<(u32, u32), Vec<Running>> {
    let timed = |kind: Kind| rows.iter().any(|r| r.kind() == kind && r.long(LongCol::Duration).is_some());
    let kind = if timed(Kind::RequestEnd) { Kind::RequestEnd } else { Kind::LbRequest };
    let mut out: BTreeMap<(u32, u32), Vec<Running>> = BTreeMap::new();
    for row in rows.iter().filter(|r| r.kind() == kind && r.has_time()) {
        let Some((start, end)) = span(&row) else { continue };
        let endpoint = (row.code(TextCol::Method), row.code(TextCol::Route));
        out.entry(endpoint).or_default().push(Running { start, end, row: row.id });
    }
    out.values_mut().for_each(|list| list.sort_unstable_by_key(|r| (r.end, r.start)));
    out
}
