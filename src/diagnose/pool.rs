//! Pool arithmetic: how many connections the load asks for, how many there are, which size would have held, and what a
//! larger pool would have changed.
//!
//! Demand is Little's law, `L = lambda W`: borrows a second (those that waited in vain included) times the mean hold of
//! connections that came back. Where borrows are not logged, the pool's own counters give the mean number lent, and with
//! the requests served in that time the hold of a request.

mod spells;
mod what_if;

pub use spells::{Four, Through};
pub use what_if::{Leaking, Played, WhatIf};

use super::facts::Facts;
use crate::correlate::Case;
use crate::correlate::pools::{self, Pool, Reading};
use crate::correlate::queue::{self, Attempt, Back};
use crate::correlate::stats::quantile;
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::{RowId, Rows};
use backtrail_parsers::Kind;
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
/// Holds from which on their mean is taken.
const HOLDS: usize = 30;
/// Counters from which on their mean is taken; and requests beside them.
const READINGS: usize = 20;
const REQUESTS: usize = 50;
/// Counters further apart than this say nothing about the time between them.
const APART: i64 = 5 * MINUTE;
/// The share of borrowers that may have to wait in a pool that holds.
pub const MAY_WAIT: f64 = 0.05;
/// Busy stretches whose demand is shown: the share of stretches with a smaller one.
const SHARES: [f64; 4] = [0.5, 0.95, 0.99, 1.0];

/// What demand was measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    /// Every borrow is logged.
    Borrows,
    /// The pool's counters and the requests of its process.
    Counters,
}

/// What the load asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// Borrows (or requests) a second, those in vain included.
    pub rate: f64,
    /// Mean hold, s (a request's share of a connection, where counters were measured).
    pub hold: f64,
    /// Squared coefficient of variation of holds; 1 where it is not known.
    pub variation: f64,
    /// Holds, or counters, that the mean rests on.
    pub of: usize,
    /// What it was measured on.
    pub measured: Measured,
    /// A row of the measurement.
    pub row: RowId,
}

impl Demand {
    /// Connections in use on average, had nobody to wait (Erlang).
    pub fn load(&self) -> f64 {
        self.rate * self.hold
    }
}

/// The demand of the busier stretches, and the size that would have served it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Needed {
    /// Share of stretches with a smaller demand, 0 to 1.
    pub share: f64,
    /// Their demand (Erlang).
    pub load: f64,
    /// Smallest size at which at most [`MAY_WAIT`] of the borrowers wait; `None` beyond all reason.
    pub size: Option<u32>,
}

/// A pool with its arithmetic.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The pool.
    pub pool: Pool,
    /// What was asked of it.
    pub demand: Option<Demand>,
    /// Length of a stretch in which demand is counted, s.
    pub stretch: f64,
    /// Demand while the pool was empty (Erlang), and for how many seconds it was.
    pub while_empty: Option<(f64, f64)>,
    /// The demand of busy stretches.
    pub needed: Vec<Needed>,
    /// The chance that a borrower waits, by Erlang's C at the mean demand.
    pub wait_chance: Option<f64>,
    /// The mean wait in s at the mean demand; `None` where the queue grows without end.
    pub mean_wait: Option<f64>,
    /// Borrows that were never given back.
    pub leaking: Option<Leaking>,
    /// Other sizes, played through.
    pub what_if: Vec<WhatIf>,
}

impl Judged {
    /// A pool whose borrows and counters nobody tells.
    fn untold(pool: Pool) -> Judged {
        Judged {
            pool,
            demand: None,
            stretch: ns_to_seconds(MINUTE),
            while_empty: None,
            needed: Vec::new(),
            wait_chance: None,
            mean_wait: None,
            leaking: None,
            what_if: Vec::new(),
        }
    }

    /// Demand over size; `None` where one of them is not known.
    pub fn utilisation(&self) -> Option<f64> {
        let size = self.pool.size.filter(|s| s.basis != pools::Basis::Lent)?;
        Some(self.demand?.load() / f64::from(size.connections))
    }

    /// The size that serves the busiest hundredth.
    pub fn size_for_busy(&self) -> Option<u32> {
        self.needed.iter().find(|n| n.share >= 0.99)?.size
    }
}

/// The arithmetic of all pools.
#[derive(Debug, Clone, Default)]
pub struct Arithmetic {
    /// The pools: those whose borrowers waited in vain first, then by demand over size.
    pub pools: Vec<Judged>,
    /// The numbers that separate a leak from a small pool from slow statements.
    pub four: Four,
}

/// A request that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    /// When, ns UTC.
    end: i64,
    /// How long it took, ns; negative where it is not logged.
    took: i64,
    /// Code of its endpoint.
    route: u32,
    /// True where its status says that it failed.
    failed: bool,
}

/// Requests by source and process, in the order of their ends.
type Requests = BTreeMap<(u32, u32), Vec<Asked>>;

impl Arithmetic {
    /// By how long one more connection delays a leak: of the pool whose borrowers waited in vain most often. Seconds.
    pub fn delay(&self) -> Option<f64> {
        self.pools.iter().find_map(|judged| judged.leaking?.seconds_per_connection())
    }

    /// The leaking pool whose borrowers waited in vain most often, with the demand of what comes back (Erlang) and its size.
    pub fn leaking(&self) -> Option<(&Judged, f64, u32)> {
        let mut known = self.pools.iter().filter(|j| j.leaking.is_some() && !j.pool.server);
        known.find_map(|j| Some((j, j.demand?.load(), j.pool.size?.connections)))
    }

    /// The pool whose borrowers waited in vain most often while it was known what was asked of it, with its demand while it
    /// was empty (Erlang) and its size.
    pub fn emptied(&self) -> Option<(&Judged, f64, u32)> {
        let known = |j: &&Judged| j.pool.vain.len() >= 3 && !j.pool.server;
        self.pools.iter().filter(known).find_map(|j| {
            let size = j.pool.size.filter(|s| s.basis != pools::Basis::Lent)?;
            Some((j, j.while_empty?.0, size.connections))
        })
    }
}

/// What the arithmetic is done on: the pools, and the requests of their processes.
#[derive(Debug, Default)]
pub struct Gathered {
    pools: Vec<Pool>,
    proxies: Vec<Pool>,
    requests: Requests,
}

impl Gathered {
    /// Gathers it.
    pub fn of(rows: &Rows<'_>, case: &Case) -> Gathered {
        let pools = pools::find(rows, case);
        let requests = if pools.is_empty() { Requests::new() } else { requests(rows) };
        Gathered { pools, proxies: pools::proxy::find(rows), requests }
    }
}

/// Does the arithmetic over the incident, or over everything where there was none.
pub fn measure(rows: &Rows<'_>, case: &Case, facts: &Facts, gathered: Gathered, incident: bool) -> Arithmetic {
    let Gathered { pools, proxies, requests } = gathered;
    if pools.is_empty() && proxies.is_empty() {
        return Arithmetic::default();
    }
    let window = if incident {
        (facts.during.from, facts.during.to)
    } else {
        case.window.unwrap_or((facts.before.from, facts.during.to))
    };
    let four = spells::four(rows, facts, &pools, &requests);
    let mut judged: Vec<Judged> = pools.into_iter().map(|pool| judge(pool, &requests, window)).collect();
    judged.extend(proxies.into_iter().map(Judged::untold));
    judged.sort_by(|a, b| {
        let key = |j: &Judged| (j.pool.vain.len(), j.leaking.map_or(0, |l| l.leaked));
        let place = |j: &Judged| (j.pool.source, j.pool.unit, j.pool.pid, j.pool.name);
        let busy = |j: &Judged| j.utilisation().unwrap_or(0.0);
        key(b).cmp(&key(a)).then(busy(b).total_cmp(&busy(a))).then(place(a).cmp(&place(b)))
    });
    Arithmetic { pools: judged, four }
}

fn requests(rows: &Rows<'_>) -> Requests {
    let mut out = Requests::new();
    for row in rows.iter().filter(|r| r.kind() == Kind::RequestEnd && r.has_time()) {
        let took = row.long(LongCol::Duration).unwrap_or(-1);
        let end = if row.time_is_start() { row.time() + took.max(0) } else { row.time() };
        let asked = Asked { end, took, route: row.code(TextCol::Route), failed: row.int(IntCol::Status) >= 500 };
        out.entry((row.source_id(), row.int(IntCol::Pid))).or_default().push(asked);
    }
    out.values_mut().for_each(|list| radsort::sort_by_key(list, |asked| asked.end));
    out
}

/// The requests of a pool's process.
fn requests_of<'r>(requests: &'r Requests, pool: &Pool) -> &'r [Asked] {
    let own = requests.get(&(pool.source, pool.pid)).or_else(|| requests.get(&(pool.source, 0)));
    own.map(Vec::as_slice).unwrap_or_default()
}

fn judge(pool: Pool, requests: &Requests, window: (i64, i64)) -> Judged {
    // A process that came or went during the incident is judged on the time that it lived.
    let (from, to) = (window.0.max(pool.life.0), window.1.min(pool.life.1.max(pool.life.0 + 1)));
    let requests = requests_of(requests, &pool);
    let exact = pool.borrows.len() >= HOLDS;
    let (demand, times) = if to - from < SECOND {
        (None, Vec::new())
    } else if exact {
        by_borrows(&pool, from, to)
    } else {
        by_counters(&pool, requests, from, to)
    };
    let stretch = demand.map_or(MINUTE, |d| MINUTE.max(seconds_to_ns(4.0 * d.hold)));
    let needed = demand.map(|d| needed(&times, d.hold, from, to, stretch)).unwrap_or_default();
    let known = pool.size.filter(|s| s.basis != pools::Basis::Lent).map(|s| s.connections);
    let at_size = demand.zip(known);
    let wait_chance = at_size.map(|(d, size)| queue::waits(d.load(), size));
    let mean_wait = at_size.and_then(|(d, size)| queue::mean_wait(d.load(), size, d.variation).map(|w| w * d.hold));
    let leaking = what_if::leaking(&pool);
    let wanted = needed.iter().find(|n| n.share >= 0.99).and_then(|n| n.size);
    let asked = if exact { Vec::new() } else { what_if::by_requests(&pool, requests) };
    let what_if = what_if::play(&pool, wanted, leaking.as_ref(), &asked);
    let while_empty = demand.and_then(|d| while_empty(&pool, &asked, exact, d.hold));
    Judged { pool, demand, while_empty, stretch: ns_to_seconds(stretch), needed, wait_chance, mean_wait, leaking, what_if }
}

/// Demand where borrows are logged, and the times of all attempts.
fn by_borrows(pool: &Pool, from: i64, to: i64) -> (Option<Demand>, Vec<i64>) {
    let inside = |at: i64| at >= from && at < to;
    let mut times: Vec<i64> = pool.borrows.iter().map(|b| b.at).filter(|t| inside(*t)).collect();
    times.extend(pool.vain.iter().map(|v| v.at).filter(|t| inside(*t)));
    radsort::sort(&mut times);
    let holds = |all: bool| -> Vec<f64> {
        let back = pool.borrows.iter().filter(|b| b.returned && (all || inside(b.at)));
        back.filter_map(|b| b.until.map(|until| ns_to_seconds(until - b.at))).collect()
    };
    let mut held = holds(false);
    if held.len() < HOLDS {
        held = holds(true);
    }
    let row = pool.borrows.first().map(|b| b.row);
    let (Some(row), true) = (row, held.len() >= HOLDS && !times.is_empty()) else { return (None, times) };
    let mean = held.iter().sum::<f64>() / held.len() as f64;
    let spread = held.iter().map(|h| (h - mean).powi(2)).sum::<f64>() / held.len() as f64;
    let variation = if mean > 0.0 { spread / (mean * mean) } else { 1.0 };
    let rate = times.len() as f64 / ns_to_seconds(to - from);
    let demand = Demand { rate, hold: mean, variation, of: held.len(), measured: Measured::Borrows, row };
    (Some(demand), times)
}

/// Pairs of neighbouring counters, not too far apart.
fn pairs(pool: &Pool) -> impl Iterator<Item = (&Reading, &Reading)> {
    let pairs = pool.readings.iter().zip(pool.readings.iter().skip(1));
    pairs.filter(|(a, b)| b.at > a.at && b.at - a.at <= APART)
}

/// Connection-seconds lent between two counters, without those that leaked.
fn lent(pool: &Pool, a: &Reading, b: &Reading) -> f64 {
    let healthy = |r: &Reading| f64::from(r.active.saturating_sub(pool.leaked_at(r.at)));
    f64::midpoint(healthy(a), healthy(b)) * ns_to_seconds(b.at - a.at)
}

/// Demand where only counters are logged, and the times of the requests. The counters show what is lent on average, whether
/// somebody waits or not; shared among the requests that were served in that time it is the hold of each.
fn by_counters(pool: &Pool, requests: &[Asked], from: i64, to: i64) -> (Option<Demand>, Vec<i64>) {
    let between = |times: &dyn Fn(i64) -> usize, a: &Reading, b: &Reading| times(b.at) - times(a.at);
    let ended = |t: i64| requests.partition_point(|r| r.end < t);
    let in_vain = |t: i64| pool.vain.partition_point(|v| v.at < t);
    let (mut used, mut read, mut served) = (0.0, 0usize, 0usize);
    for (a, b) in pairs(pool) {
        used += lent(pool, a, b);
        served += between(&ended, a, b).saturating_sub(between(&in_vain, a, b));
        read += 1;
    }
    let times: Vec<i64> = requests.iter().map(|r| r.end).filter(|t| *t >= from && *t < to).collect();
    let row = pool.readings.first().map(|r| r.row);
    let (Some(row), true) = (row, read >= READINGS && served >= REQUESTS && used > 0.0) else { return (None, times) };
    let rate = times.len() as f64 / ns_to_seconds(to - from);
    let hold = used / served as f64;
    (Some(Demand { rate, hold, variation: 1.0, of: read, measured: Measured::Counters, row }), times)
}

/// Demand in the spells in which the pool was empty, and their length.
fn while_empty(pool: &Pool, asked: &[Attempt], exact: bool, hold: f64) -> Option<(f64, f64)> {
    let spans = spells::spells(pool);
    let inside = |at: i64| spans.get(spans.partition_point(|s| s.1 < at)).is_some_and(|s| s.0 <= at);
    let length: f64 = spans.iter().map(|(a, b)| ns_to_seconds(b - a)).sum();
    let held = if exact {
        let all = pool.borrows.iter().map(|b| b.at).chain(pool.vain.iter().map(|v| v.at));
        all.filter(|t| inside(*t)).count() as f64 * hold
    } else {
        let holds = asked.iter().filter(|a| inside(a.at)).map(|a| match a.back {
            Back::After(hold) => ns_to_seconds(hold),
            Back::At(_) => 0.0,
        });
        holds.sum()
    };
    (length > 0.0 && held > 0.0).then(|| (held / length, length))
}

/// The demand of busy stretches: attempts in each, times the mean hold.
fn needed(times: &[i64], hold: f64, from: i64, to: i64, stretch: i64) -> Vec<Needed> {
    let stretches = usize::try_from((to - from) / stretch).unwrap_or(0).max(1);
    let mut counts = vec![0i64; stretches];
    for time in times {
        let at = usize::try_from((time - from) / stretch).unwrap_or(0);
        // What is left at the end is shorter than a stretch and would look calm.
        if let Some(slot) = counts.get_mut(at) {
            *slot += 1;
        }
    }
    counts.sort_unstable();
    let span = ns_to_seconds(stretch.min(to - from));
    let one = |share: f64| {
        let load = quantile(&counts, share)? as f64 * hold / span;
        Some(Needed { share, load, size: queue::size_for(load, MAY_WAIT) })
    };
    SHARES.iter().filter_map(|share| one(*share)).collect()
}

/// Nanoseconds in seconds.
pub(super) fn ns_to_seconds(ns: i64) -> f64 {
    (ns / 1000) as f64 / 1e6
}

#[expect(clippy::cast_possible_truncation, reason = "floats saturate")]
pub(super) fn seconds_to_ns(seconds: f64) -> i64 {
    (seconds * 1e9) as i64
}
