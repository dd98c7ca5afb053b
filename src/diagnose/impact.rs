//! Who was hurt, and how much: each figure by one definition.
//!
//! `requests`, `failed`, `clients` and `clients_affected` are counted over every request line of the tier where requests
//! are seen first ([`super::front`]), health checks among them, over the whole log: whoever counts the lines of the access
//! log by hand must get the same. Failed is a status of 5xx. A client is the address that the log names: the forwarded
//! one where the format carries it, else the peer's; it undercounts people behind one address and overcounts people who
//! roam. Affected is a client with a failed request. What fell into the incident is kept apart as [`Scope`].

use super::front::span;
use super::moments::Moments;
use super::signals::{SECOND, Signals};
use crate::correlate::stats::wilson;
use crate::ingest::{IntCol, TextCol};
use crate::table::Rows;
use crate::table::maps::HashMap;
use std::collections::BTreeMap;

/// The error peak is looked for in minutes …
const MINUTE: i64 = 60 * SECOND;
/// … or, in a log shorter than ten of them, in windows of ten seconds.
const SHORT: i64 = 10 * MINUTE;
const TEN_SECONDS: i64 = 10 * SECOND;
/// A window with fewer requests is no peak.
const LEAST: u64 = 30;
/// What stands for a client.
const KEY: &str = "client address (the forwarded one where the log carries it)";

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
    /// What stands for a client; `None` where the log names none.
    pub client_key: Option<&'static str>,
    /// The window with the highest share of failed requests, by their end; `None` where none failed.
    pub peak: Option<Peak>,
}

/// A client's part in both scopes: seen, and failed.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    failed: bool,
    in_incident: bool,
    failed_in_incident: bool,
}

/// Counts.
pub fn impact(rows: &Rows<'_>, signals: &Signals, moments: &Moments) -> Impact {
    let span_of = moments.span();
    let length = match signals.front.range {
        Some((from, to)) if to - from < SHORT => TEN_SECONDS,
        _ => MINUTE,
    };
    let (mut whole, mut inside) = (Scope::default(), Scope::default());
    let mut clients: HashMap<u32, Part> = HashMap::default();
    let mut windows: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    for row in rows.iter().filter(|r| signals.front.is_request(r)) {
        let failed = (500..600).contains(&row.int(IntCol::Status));
        let (start, end) = span(&row);
        let during = row.has_time() && span_of.is_some_and(|(from, to)| end >= from && start <= to);
        whole.take(failed);
        if during {
            inside.take(failed);
        }
        if row.has_time() {
            let window = windows.entry(end.div_euclid(length)).or_default();
            window.0 += u64::from(failed);
            window.1 += 1;
        }
        if row.code(TextCol::Client) != 0 {
            let part = clients.entry(row.code(TextCol::Client)).or_default();
            part.failed |= failed;
            part.in_incident |= during;
            part.failed_in_incident |= during && failed;
        }
    }
    let count = |of: fn(&Part) -> bool| clients.values().filter(|p| of(p)).count() as u64;
    (whole.clients, whole.clients_affected) = (clients.len() as u64, count(|p| p.failed));
    (inside.clients, inside.clients_affected) = (count(|p| p.in_incident), count(|p| p.failed_in_incident));
    Impact {
        whole: (whole.requests > 0).then_some(whole),
        incident: span_of.filter(|_| inside.requests > 0).map(|_| inside),
        client_key: (!clients.is_empty()).then_some(KEY),
        peak: peak(&windows, length),
    }
}

fn peak(windows: &BTreeMap<i64, (u64, u64)>, length: i64) -> Option<Peak> {
    let busy = windows.iter().filter(|(_, (failed, requests))| *requests >= LEAST && *failed > 0);
    let all = busy.map(|(at, (failed, requests))| Peak { at: at * length, length, failed: *failed, requests: *requests });
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
        let windows = BTreeMap::from([(1, (5, 5)), (2, (30, 60)), (3, (45, 90)), (4, (0, 100))]);
        let found = peak(&windows, MINUTE).unwrap();
        assert_eq!((found.at, found.failed, found.requests), (3 * MINUTE, 45, 90));
        assert!((found.share() - 0.5).abs() < 1e-12);
        assert_eq!(peak(&BTreeMap::from([(4, (0, 100))]), MINUTE), None);
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
