//! The numbers that separate the causes of an empty pool: arrivals, calls a request, the share of held time in which
//! statements ran, and whether throughput decays while the pool is empty.
//!
//! A leak lets the last two go to zero; a pool that is too small leaves both as they were; slow statements raise the third.

use super::{Requests, SECOND, ns_to_seconds, requests_of};
use crate::correlate::pools::{Pool, Reading};
use crate::diagnose::facts::{Facts, Side};
use crate::ingest::LongCol;
use crate::table::{RowId, Rows};
use backtrail_parsers::Kind;
use std::collections::BTreeSet;

/// Times of an empty pool nearer to each other than this are one spell.
const GAP: i64 = 5 * SECOND;
/// Shorter spells have no halves to compare.
const SHORT: i64 = 10 * SECOND;
/// Statements, returns or requests from which on a ratio is taken.
const FEW: usize = 20;
/// Counters further apart than this say nothing about the time between them.
const APART: i64 = super::APART;

/// What throughput was counted on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// Connections given back.
    Returns,
    /// Requests that succeeded.
    Requests,
}

/// The separating numbers; `None` where the logs do not tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Four {
    /// Requests a second during the incident over before it (lambda).
    pub arrivals: Option<f64>,
    /// Statements a request during over before (D).
    pub calls: Option<f64>,
    /// Time in statements over time held, before the incident (eta).
    pub busy_before: Option<f64>,
    /// The same while a pool was empty.
    pub busy_empty: Option<f64>,
    /// Throughput in the second halves of the spells over the first halves (delta).
    pub decay: Option<f64>,
    /// What it was counted on, and how many in both halves.
    pub through: Option<(Through, usize)>,
    /// Seconds in which a pool was empty.
    pub empty: f64,
    /// Rows that show the spells.
    pub rows: Vec<RowId>,
}

/// Stretches of time in order, without overlap.
type Spans = Vec<(i64, i64)>;

pub(super) fn four(rows: &Rows<'_>, facts: &Facts, pools: &[Pool], requests: &Requests) -> Four {
    let mut out = Four::default();
    let (before, during) = (&facts.before, &facts.during);
    let ratio = |pick: fn(&Side) -> u64| {
        let (a, b) = (pick(before), pick(during));
        (a >= FEW as u64 && b >= FEW as u64).then(|| (b as f64 / during.seconds()) / (a as f64 / before.seconds()))
    };
    out.arrivals = ratio(|s| s.requests.n);
    out.calls = ratio(|s| s.queries.n).zip(out.arrivals).map(|(queries, requests)| queries / requests);
    let empty: Vec<Spans> = pools.iter().map(spells).collect();
    let all = union(empty.iter().flatten().copied().collect(), 0);
    out.empty = all.iter().map(|(a, b)| ns_to_seconds(b - a)).sum();
    out.rows = pools.iter().flat_map(|p| p.vain.iter().take(1)).map(|v| v.row).take(3).collect();
    let calm: Spans = if before.to > before.from { vec![(before.from, before.to)] } else { Vec::new() };
    // Where nothing is known to have been held, statements need not be looked for.
    if [&calm, &all].iter().any(|spans| pools.iter().any(|pool| held(pool, spans) > 0.0)) {
        let statements = statements(rows);
        (out.busy_before, out.busy_empty) = (busy(&statements, pools, &calm), busy(&statements, pools, &all));
    }
    (out.decay, out.through) = decay(pools, requests, &empty);
    out
}

/// When a pool was empty: while somebody waited who then gave up, while its counters show waiters, and while everything
/// was lent where borrows are followed.
pub(super) fn spells(pool: &Pool) -> Spans {
    let mut spans: Spans = pool.vain.iter().map(|v| (v.at - v.waited.unwrap_or(0), v.at)).collect();
    for (a, b) in pool.readings.iter().zip(pool.readings.iter().skip(1)) {
        if a.waiting > 0 && b.at - a.at <= APART {
            spans.push((a.at, b.at));
        }
    }
    if let Some(size) = pool.size.filter(|_| !pool.vain.is_empty()) {
        spans.extend(full(pool, size.connections));
    }
    // Once a new process has begun, one that drains and one that is well speak with one voice.
    let until_start = |(from, to): (i64, i64)| {
        let start = pool.starts.get(pool.starts.partition_point(|t| *t <= from)).copied();
        (from, start.map_or(to, |start| start.min(to)))
    };
    union(spans, GAP).into_iter().map(until_start).filter(|(a, b)| b - a >= SHORT).collect()
}

/// When at least 95 of 100 connections were lent.
fn full(pool: &Pool, size: u32) -> Spans {
    let mut changes: Vec<(i64, i32)> = Vec::with_capacity(pool.borrows.len() * 2);
    for borrow in &pool.borrows {
        changes.push((borrow.at, 1));
        changes.push((borrow.until.unwrap_or(pool.life.1), -1));
    }
    changes.sort_unstable();
    let (mut lent, mut since, mut out) = (0, None, Spans::new());
    for (at, change) in changes {
        lent += change;
        let is_full = f64::from(lent) >= 0.95 * f64::from(size);
        match (since, is_full) {
            (None, true) => since = Some(at),
            (Some(from), false) => {
                out.push((from, at));
                since = None;
            }
            _ => {}
        }
    }
    out
}

/// Stretches put together where they overlap or lie nearer than `gap`.
fn union(mut spans: Spans, gap: i64) -> Spans {
    spans.sort_unstable();
    let mut out = Spans::new();
    for (from, to) in spans {
        match out.last_mut() {
            Some(last) if from - last.1 <= gap => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}

/// How much of a stretch lies in others, s.
fn inside(spans: &Spans, from: i64, to: i64) -> f64 {
    let first = spans.partition_point(|s| s.1 <= from);
    let touching = spans.iter().skip(first).take_while(|s| s.0 < to);
    touching.map(|s| ns_to_seconds(s.1.min(to) - s.0.max(from))).sum()
}

/// Time in statements over time held, in some stretches.
fn busy(statements: &[(i64, i64)], pools: &[Pool], spans: &Spans) -> Option<f64> {
    let held: f64 = pools.iter().map(|pool| held(pool, spans)).sum();
    let (mut ran, mut count) = (0.0, 0usize);
    for (from, to) in statements {
        let part = inside(spans, *from, (*to).max(from + 1000));
        count += usize::from(part > 0.0);
        ran += part;
    }
    (held > 0.0 && count >= FEW).then(|| ran / held)
}

/// When statements began and ended.
fn statements(rows: &Rows<'_>) -> Vec<(i64, i64)> {
    let mut told: Vec<(u32, i64, i64)> = Vec::new();
    let mut servers = BTreeSet::new();
    for row in rows.iter() {
        match row.kind() {
            Kind::DbOpen => {
                servers.insert(row.source_id());
            }
            Kind::Query | Kind::SlowQuery if row.has_time() => {
                let Some(lasted) = row.long(LongCol::Duration) else { continue };
                let begun = if row.time_is_start() { row.time() } else { row.time() - lasted };
                told.push((row.source_id(), begun, begun + lasted));
            }
            _ => {}
        }
    }
    // A statement that the application logs too counts once: the server's word is taken where there is one.
    let at_server = told.iter().any(|(source, ..)| servers.contains(source));
    told.into_iter().filter(|(source, ..)| !at_server || servers.contains(source)).map(|(_, from, to)| (from, to)).collect()
}

/// Connection-seconds lent by a pool in some stretches.
fn held(pool: &Pool, spans: &Spans) -> f64 {
    if pool.borrows.len() >= super::HOLDS {
        return pool.borrows.iter().map(|b| inside(spans, b.at, b.until.unwrap_or(pool.life.1))).sum();
    }
    let pairs = pool.readings.iter().zip(pool.readings.iter().skip(1)).filter(|(a, b)| b.at - a.at <= APART);
    pairs
        .map(|(a, b): (&Reading, &Reading)| f64::midpoint(f64::from(a.active), f64::from(b.active)) * inside(spans, a.at, b.at))
        .sum()
}

/// Throughput in the second halves of spells over the first halves.
fn decay(pools: &[Pool], requests: &Requests, empty: &[Spans]) -> (Option<f64>, Option<(Through, usize)>) {
    let exact = pools.iter().any(|p| p.borrows.iter().filter(|b| b.returned).count() >= FEW);
    let (mut first, mut second) = (0usize, 0usize);
    for (pool, spans) in pools.iter().zip(empty) {
        let mut done: Vec<i64> = if exact {
            pool.borrows.iter().filter(|b| b.returned).filter_map(|b| b.until).collect()
        } else {
            requests_of(requests, pool).iter().filter(|r| !r.failed).map(|r| r.end).collect()
        };
        done.sort_unstable();
        let count = |a: i64, b: i64| done.partition_point(|t| *t < b) - done.partition_point(|t| *t < a);
        for (from, to) in spans {
            let middle = i64::midpoint(*from, *to);
            first += count(*from, middle);
            second += count(middle, *to);
        }
    }
    let through = if exact { Through::Returns } else { Through::Requests };
    let enough = first + second >= FEW && first > 0;
    (enough.then(|| second as f64 / first as f64), enough.then_some((through, first + second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_joined_and_measured() {
        let spans = union(vec![(5 * SECOND, 9 * SECOND), (0, 2 * SECOND), (8 * SECOND, 12 * SECOND)], SECOND);
        assert_eq!(spans, [(0, 2 * SECOND), (5 * SECOND, 12 * SECOND)]);
        assert!((inside(&spans, SECOND, 7 * SECOND) - 3.0).abs() < 1e-9);
        assert!(inside(&spans, 3 * SECOND, 4 * SECOND).abs() < 1e-9);
    }
}
