//! Other sizes, played through with the borrows that were observed; and by how long a larger pool delays a leak.

use super::{Asked, lent, ns_to_seconds, pairs, seconds_to_ns};
use crate::correlate::pools::{Basis, Borrow, Pool};
use crate::correlate::queue::{self, Attempt, Back};
use crate::correlate::stats::quantile;
use std::collections::BTreeMap;

/// Waiters' patience where no line says how long they waited, ns.
const PATIENCE: i64 = 30_000_000_000;
/// Other sizes that are played.
const SIZES: usize = 3;
/// Leaks from which on their rate is taken.
const FEW: usize = 3;

/// A leak in a pool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Leaking {
    /// Borrows never given back.
    pub leaked: usize,
    /// The first, ns UTC.
    pub first: i64,
    /// Leaks a second from the first one until the pool was empty for the first time; `None` for fewer than three.
    pub rate: Option<f64>,
}

impl Leaking {
    /// By how many seconds one more connection delays the end.
    pub fn seconds_per_connection(&self) -> Option<f64> {
        self.rate.filter(|rate| *rate > 0.0).map(|rate| 1.0 / rate)
    }
}

/// What a statement about another size rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Played {
    /// The observed borrows were played again.
    Borrows,
    /// The observed requests were, with the holds of calm times.
    Requests,
    /// The leak's rate was extended.
    Rate,
}

/// One size, played through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WhatIf {
    /// Connections.
    pub size: u32,
    /// What it rests on.
    pub played: Played,
    /// When a borrower would have waited in vain for the first time, ns UTC; `None`: never in these logs.
    pub exhausted: Option<i64>,
    /// How many would have; `None` where it was not played.
    pub in_vain: Option<u64>,
}

/// The leak of a pool.
pub(super) fn leaking(pool: &Pool) -> Option<Leaking> {
    let mut lost: Vec<i64> = pool.borrows.iter().filter(|b| b.leaked).chain(&pool.leaks).map(|b| b.at).collect();
    lost.sort_unstable();
    let first = *lost.first()?;
    let empty = pool.vain.iter().map(|v| v.at).find(|at| *at > first).unwrap_or(pool.life.1);
    // Of leaks evenly spread over a time, n in [first, end) make n - 1 gaps and a part of one.
    let before = lost.iter().filter(|at| **at < empty).count();
    let rate = (before >= FEW && empty > first).then(|| (before as f64 - 0.5) / ns_to_seconds(empty - first));
    Some(Leaking { leaked: lost.len(), first, rate })
}

/// Plays the pool with other sizes; the first entry is its own size, which shows how well the replay agrees with the logs.
/// With other sizes than its own what leaked is not set free by a restart that came after it was empty: nobody would have
/// had to restart it then.
pub(super) fn play(pool: &Pool, wanted: Option<u32>, leaking: Option<&Leaking>, asked: &[Attempt]) -> Vec<WhatIf> {
    let Some(size) = pool.size.filter(|s| s.basis != Basis::Lent || !pool.vain.is_empty()) else { return Vec::new() };
    let own = size.connections;
    if pool.vain.is_empty() && leaking.is_none() {
        return Vec::new();
    }
    let wanted = wanted.filter(|w| *w > own && leaking.is_none());
    let mut sizes: Vec<u32> = [Some(own), Some(own * 2), Some(own * 3), wanted].into_iter().flatten().collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes.truncate(SIZES + 1);
    let patience = patience(pool);
    let returned: Vec<i64> =
        pool.borrows.iter().filter(|b| b.returned).filter_map(|b| b.until.map(|until| until - b.at)).collect();
    let (played, attempts, unending) = if returned.len() >= super::HOLDS {
        let own = attempts(pool, &returned, patience, true);
        let other = if leaking.is_some() { attempts(pool, &returned, patience, false) } else { own.clone() };
        (Played::Borrows, own, other)
    } else if leaking.is_none() {
        (Played::Requests, asked.to_vec(), asked.to_vec())
    } else {
        return sizes.into_iter().filter_map(|size| extended(pool, leaking?, own, size)).collect();
    };
    if attempts.is_empty() {
        return Vec::new();
    }
    let one = |size: u32| {
        let seen = queue::replay(if size == own { &attempts } else { &unending }, size as usize, patience);
        if let (None, true, Some(leak)) = (seen.exhausted, size > own, leaking)
            && let Some(later) = extended(pool, leak, own, size)
        {
            return later;
        }
        let in_vain = (size == own || leaking.is_none()).then_some(seen.in_vain);
        WhatIf { size, played, exhausted: seen.exhausted, in_vain }
    };
    sizes.into_iter().map(one).collect()
}

/// How long waiters wait before they give up: as they say, else as pools do unless told otherwise.
fn patience(pool: &Pool) -> i64 {
    let mut waits: Vec<i64> = pool.vain.iter().filter_map(|v| v.waited).collect();
    waits.sort_unstable();
    quantile(&waits, 0.5).unwrap_or(if pool.server { 0 } else { PATIENCE })
}

/// Beyond what was observed: exhaustion moves by the additional connections over the leak's rate.
fn extended(pool: &Pool, leak: &Leaking, own: u32, size: u32) -> Option<WhatIf> {
    let (each, first) = (leak.seconds_per_connection()?, pool.vain.iter().find(|v| v.at > leak.first)?);
    let moved = first.at.saturating_add(seconds_to_ns(f64::from(size - own) * each));
    Some(WhatIf { size, played: Played::Rate, exhausted: Some(moved), in_vain: None })
}

/// Everybody who asked: those who got a connection, and those who did not. What the latter would have done with it is
/// drawn from the former in turn, leaks in their share and from the first one on. What leaked comes back with the end of
/// its process; where `restarts` is false, only if that came before anybody waited in vain.
fn attempts(pool: &Pool, returned: &[i64], patience: i64, restarts: bool) -> Vec<Attempt> {
    let exhausted = pool.vain.first().map_or(i64::MAX, |v| v.at);
    let lost = |until: Option<i64>| Back::At(until.filter(|at| restarts || *at < exhausted).unwrap_or(i64::MAX));
    let back = |b: &Borrow| match b.until {
        Some(until) if b.returned => Back::After(until - b.at),
        until if b.leaked => lost(until),
        until => Back::At(until.unwrap_or(i64::MAX)),
    };
    let mut out: Vec<Attempt> = pool.borrows.iter().map(|b| Attempt { at: b.at - b.waited, back: back(b) }).collect();
    let leaks: Vec<&Borrow> = pool.borrows.iter().filter(|b| b.leaked).collect();
    let share = leaks.first().map_or(0.0, |first| {
        let since = pool.borrows.iter().filter(|b| b.at >= first.at).count();
        leaks.len() as f64 / since as f64
    });
    let mut ends: Vec<i64> = leaks.iter().filter_map(|b| b.until).collect();
    ends.sort_unstable();
    let mut due = 0.0;
    let mut next = returned.iter().cycle();
    for vain in &pool.vain {
        let at = vain.at - vain.waited.unwrap_or(patience);
        due += if leaks.first().is_some_and(|first| at >= first.at) { share } else { 0.0 };
        let back = if due >= 1.0 {
            due -= 1.0;
            // It would have been held as long as the others that leaked then: until the next restart.
            lost(ends.get(ends.partition_point(|end| *end <= at)).copied())
        } else {
            Back::After(next.next().copied().unwrap_or(0))
        };
        out.push(Attempt { at, back });
    }
    out.sort_by_key(|a| a.at);
    out
}

/// Requests in the place of borrows: each holds a connection as long as one of its endpoint took while nobody waited,
/// scaled so that those that were served hold together what the pool's counters show. Empty where requests do not say how
/// long they took.
pub(super) fn by_requests(pool: &Pool, requests: &[Asked]) -> Vec<Attempt> {
    let timed: Vec<&Asked> = requests.iter().filter(|r| r.took >= 0).collect();
    let between = |a: i64, b: i64| {
        let (low, high) = (timed.partition_point(|r| r.end < a), timed.partition_point(|r| r.end < b));
        timed.get(low..high).unwrap_or_default()
    };
    let mut by_route: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    let (mut calm, mut took) = (0i64, 0i64);
    for (a, b) in pairs(pool).filter(|(a, b)| a.waiting == 0 && b.waiting == 0) {
        for request in between(a.at, b.at).iter().filter(|r| !r.failed) {
            by_route.entry(request.route).or_default().push(request.took);
            (calm, took) = (calm + 1, took + request.took);
        }
    }
    if calm < super::REQUESTS as i64 || timed.len() * 10 < requests.len() * 9 {
        return Vec::new();
    }
    let mut turn: BTreeMap<u32, usize> = BTreeMap::new();
    let mut holds: Vec<i64> = Vec::with_capacity(timed.len());
    for request in &timed {
        let (like, n) = (by_route.get(&request.route), turn.entry(request.route).or_default());
        holds.push(like.and_then(|list| list.get(*n % list.len().max(1))).copied().unwrap_or(took / calm));
        *n += 1;
    }
    // What the counters show, over what the served requests of the same time would hold unscaled.
    let (mut used, mut unscaled) = (0.0, 0.0);
    for (a, b) in pairs(pool) {
        used += lent(pool, a, b);
        let (low, high) = (timed.partition_point(|r| r.end < a.at), timed.partition_point(|r| r.end < b.at));
        let in_vain = pool.vain.partition_point(|v| v.at < b.at) - pool.vain.partition_point(|v| v.at < a.at);
        let share = 1.0 - in_vain as f64 / (high - low).max(1) as f64;
        unscaled += holds.get(low..high).unwrap_or_default().iter().map(|h| ns_to_seconds(*h)).sum::<f64>() * share.max(0.0);
    }
    let scale = if unscaled > 0.0 { used / unscaled } else { return Vec::new() };
    let mut out: Vec<Attempt> = timed
        .iter()
        .zip(holds)
        .map(|(r, hold)| Attempt { at: r.end - r.took, back: Back::After(seconds_to_ns(ns_to_seconds(hold) * scale)) })
        .collect();
    out.sort_by_key(|a| a.at);
    out
}
