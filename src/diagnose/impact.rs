//! Who was hurt, and how much: each figure by one definition.
//!
//! `requests`, `failed`, `clients` and `clients_affected` are counted over every request line of the tier where requests
//! are seen first ([`super::front`]), health checks among them, over the whole log: whoever counts the lines of the access
//! log by hand must get the same. Failed is a status of 5xx. A client is the address that the log names: the forwarded
//! one where the format carries it, else the peer's; it undercounts people behind one address and overcounts people who
//! roam. Affected is a client with a failed request. What fell into the incident is kept apart as a [`Scope`] of its own.
//!
//! *Degraded* is another thing: the share of the users' requests between onset and recovery, probes left out, that were bad
//! ([`super::slo`]), slow ones included.

use super::front::span;
use super::moments::{Moments, Search};
use super::signals::{Count, SECOND, Signals};
use super::slo::is_failed;
use crate::correlate::stats::wilson;
use crate::ingest::TextCol;
use crate::table::maps::HashMap;
use crate::table::{Row, RowId, Rows};
use std::collections::BTreeMap;

/// The error peak is looked for in minutes …
const MINUTE: i64 = 60 * SECOND;
/// … or, in a log shorter than ten of them, in windows of ten seconds.
const SHORT: i64 = 10 * MINUTE;
const TEN_SECONDS: i64 = 10 * SECOND;
/// A window with fewer requests is no peak.
const LEAST: u64 = 30;
/// What stands for a client.
const KEY: &str = "client.address";
/// A client is hit severely when at least this share of its own requests in the incident was bad.
const SEVERE: f64 = 0.5;

/// Requests, and clients with their requests, in one stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Scope {
    /// Requests.
    pub requests: u64,
    /// Of those: answered with 5xx.
    pub failed: u64,
    /// Clients with a request.
    pub clients: u64,
    /// Clients with a failed request.
    pub clients_affected: u64,
}

impl Scope {
    /// Share of failed requests.
    pub fn failed_share(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.failed as f64 / self.requests as f64)
    }

    /// Share of clients affected, with Wilson's 95 % interval: share, low, high.
    pub fn affected_share(&self) -> Option<(f64, f64, f64)> {
        let (low, high) = wilson(self.clients_affected, self.clients);
        (self.clients > 0).then(|| (self.clients_affected as f64 / self.clients as f64, low, high))
    }

    fn take(&mut self, failed: bool) {
        self.requests += 1;
        self.failed += u64::from(failed);
    }
}

/// The worst window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Begin, ns UTC.
    pub at: i64,
    /// Length, ns.
    pub length: i64,
    /// Failed requests.
    pub failed: u64,
    /// Of.
    pub requests: u64,
    /// The first of those that failed.
    pub first: Option<RowId>,
}

impl Peak {
    /// The share that failed.
    pub fn share(&self) -> f64 {
        self.failed as f64 / self.requests.max(1) as f64
    }
}

/// The impact.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Impact {
    /// Over the whole log; `None` where no request is logged.
    pub whole: Option<Scope>,
    /// Requests that ran at some time between onset and recovery; `None` without an incident.
    pub incident: Option<Scope>,
    /// Users' requests between onset and recovery, and how many of them were bad; `None` without an incident.
    pub degraded: Option<(u64, u64)>,
    /// Clients of which half of their requests in the incident or more were bad.
    pub clients_severe: u64,
    /// Users' requests per bucket.
    pub curve: Curve,
    /// What stands for a client; `None` where the log names none.
    pub client_key: Option<&'static str>,
    /// The window with the highest share of failed requests, by their end; `None` where none failed.
    pub peak: Option<Peak>,
}

impl Impact {
    /// The share of the users' requests between onset and recovery that were bad.
    pub fn degraded_share(&self) -> Option<f64> {
        self.degraded.filter(|(all, _)| *all > 0).map(|(all, bad)| bad as f64 / all as f64)
    }
}

/// Users' requests per bucket of time, and how many of them were bad.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curve {
    /// Begin of the first bucket, ns UTC.
    pub start: i64,
    /// Width of a bucket, ns.
    pub width: i64,
    /// Requests, and bad ones.
    pub buckets: Vec<(u32, u32)>,
}

/// A client's part in both scopes.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    failed: bool,
    in_incident: bool,
    failed_in_incident: bool,
    /// Requests in the incident, and bad ones.
    asked: u32,
    bad: u32,
}

/// Counts.
pub fn impact(rows: &Rows<'_>, signals: &Signals, search: &Search, moments: &Moments) -> Impact {
    let span_of = moments.span();
    let length = match signals.front.range {
        Some((from, to)) if to - from < SHORT => TEN_SECONDS,
        _ => MINUTE,
    };
    let (mut whole, mut inside) = (Scope::default(), Scope::default());
    let mut degraded = (0, 0);
    let mut clients: HashMap<u32, Part> = HashMap::default();
    let mut windows: BTreeMap<i64, Peak> = BTreeMap::new();
    let during = |row: &Row<'_>, (start, end)| row.has_time() && span_of.is_some_and(|(from, to)| end >= from && start <= to);
    for row in rows.iter().filter(|r| signals.front.is_request(r)) {
        let (failed, stretch) = (is_failed(&row), span(&row));
        let during = during(&row, stretch);
        // Probes are no users: what they saw is not felt.
        let bad = during && !signals.front.is_probe(&row) && search.slo.is_bad(&row);
        whole.take(failed);
        if during {
            inside.take(failed);
            degraded.0 += u64::from(!signals.front.is_probe(&row));
            degraded.1 += u64::from(bad);
        }
        if row.has_time() {
            let at = stretch.1.div_euclid(length);
            let empty = || Peak { at: at * length, length, failed: 0, requests: 0, first: None };
            let window = windows.entry(at).or_insert_with(empty);
            window.failed += u64::from(failed);
            window.requests += 1;
            window.first = window.first.or(failed.then_some(row.id));
        }
        if row.code(TextCol::Client) != 0 {
            let part = clients.entry(row.code(TextCol::Client)).or_default();
            part.failed |= failed;
            part.in_incident |= during;
            part.failed_in_incident |= during && failed;
            part.asked += u32::from(during);
            part.bad += u32::from(bad);
        }
    }
    let count = |of: fn(&Part) -> bool| clients.values().filter(|p| of(p)).count() as u64;
    (whole.clients, whole.clients_affected) = (clients.len() as u64, count(|p| p.failed));
    (inside.clients, inside.clients_affected) = (count(|p| p.in_incident), count(|p| p.failed_in_incident));
    Impact {
        whole: (whole.requests > 0).then_some(whole),
        degraded: span_of.filter(|_| degraded.0 > 0).map(|_| degraded),
        clients_severe: count(|p| p.bad > 0 && f64::from(p.bad) >= SEVERE * f64::from(p.asked)),
        curve: curve(signals, search),
        incident: span_of.filter(|_| inside.requests > 0).map(|_| inside),
        client_key: (!clients.is_empty()).then_some(KEY),
        peak: peak(&windows),
    }
}

fn curve(signals: &Signals, search: &Search) -> Curve {
    let requests = signals.count(Count::Requests).iter().map(|c| c.n);
    let buckets = requests.zip(search.bad_per_bucket()).map(|(all, bad)| (all, (*bad).min(all))).collect();
    Curve { start: signals.start, width: signals.width, buckets }
}

fn peak(windows: &BTreeMap<i64, Peak>) -> Option<Peak> {
    let all = windows.values().filter(|w| w.requests >= LEAST && w.failed > 0).copied();
    // Of equal shares the one with more requests, then the first.
    all.reduce(|best, next| {
        let order = next.share().total_cmp(&best.share()).then(next.requests.cmp(&best.requests));
        if order.is_gt() { next } else { best }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_needs_requests() {
        let window = |at: i64, failed, requests| (at, Peak { at: at * MINUTE, length: MINUTE, failed, requests, first: None });
        let windows = BTreeMap::from([window(1, 5, 5), window(2, 30, 60), window(3, 45, 90), window(4, 0, 100)]);
        let found = peak(&windows).unwrap();
        assert_eq!((found.at, found.failed, found.requests), (3 * MINUTE, 45, 90));
        assert!((found.share() - 0.5).abs() < 1e-12);
        assert_eq!(peak(&BTreeMap::from([window(4, 0, 100)])), None);
    }

    #[test]
    fn shares_have_intervals() {
        let scope = Scope { requests: 200, failed: 50, clients: 40, clients_affected: 10 };
        assert_eq!(scope.failed_share(), Some(0.25));
        let (share, low, high) = scope.affected_share().unwrap();
        assert!((share - 0.25).abs() < 1e-12 && low > 0.13 && low < 0.15 && high > 0.40 && high < 0.42);
        assert_eq!(Scope::default().affected_share(), None);
    }
}
