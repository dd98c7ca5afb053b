//! Who was hurt: requests, failures, clients. One definition each, and they never share a name.

use crate::correlate::stats::wilson;
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::{Row, Rows};
use backtrail_parsers::Kind;
use std::collections::BTreeMap;

/// The error peak is looked for in windows of this length, or of a twentieth of a shorter log.
const MINUTE: i64 = 60_000_000_000;
/// A window with fewer requests says nothing about a share.
const FEW: u64 = 30;

/// The worst window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Its begin, ns UTC.
    pub at: i64,
    /// Requests that failed in it.
    pub failed: u64,
    /// Requests in it.
    pub requests: u64,
}

/// Who was hurt.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Impact {
    /// Requests at the edge: every line of the access logs, health checks too; of the application's log where there is no
    /// access log.
    pub requests: u64,
    /// Of those, answered with a 5xx status.
    pub failed: u64,
    /// Clients that asked.
    pub clients: u64,
    /// Clients with at least one failed request.
    pub affected: u64,
    /// What stands for a client.
    pub key: Option<&'static str>,
    /// Share of affected clients with its 95 % interval (Wilson).
    pub interval: (f64, f64),
    /// The worst window.
    pub peak: Option<Peak>,
}

/// Counts the impact over the whole of the logs; `None` where no log holds requests.
pub fn impact(rows: &Rows<'_>) -> Option<Impact> {
    let edge = if rows.iter().any(|r| r.kind() == Kind::LbRequest) { Kind::LbRequest } else { Kind::RequestEnd };
    let mut out = Impact::default();
    let mut clients: BTreeMap<u32, bool> = BTreeMap::new();
    let mut ends: Vec<(i64, bool)> = Vec::new();
    for row in rows.iter().filter(|r| r.kind() == edge) {
        let failed = (500..600).contains(&row.int(IntCol::Status));
        out.requests += 1;
        out.failed += u64::from(failed);
        let client = row.code(TextCol::Client);
        if client != 0 {
            *clients.entry(client).or_default() |= failed;
        }
        if row.has_time() {
            ends.push((end(&row), failed));
        }
    }
    out.clients = clients.len() as u64;
    out.affected = clients.values().filter(|failed| **failed).count() as u64;
    out.key = (out.clients > 0).then_some("client.address");
    out.interval = wilson(out.affected, out.clients);
    ends.sort_unstable();
    out.peak = peak(&ends);
    (out.requests > 0).then_some(out)
}

fn end(row: &Row<'_>) -> i64 {
    if row.time_is_start() { row.time() + row.long(LongCol::Duration).unwrap_or(0) } else { row.time() }
}

/// The window with the largest share of failed requests; of equal ones the first.
fn peak(ends: &[(i64, bool)]) -> Option<Peak> {
    let (first, last) = (ends.first()?.0, ends.last()?.0);
    let width = MINUTE.min((last - first) / 20).max(1_000_000_000);
    let mut windows: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
    for (time, failed) in ends {
        let (all, bad) = windows.entry(time.div_euclid(width)).or_default();
        *all += 1;
        *bad += u64::from(*failed);
    }
    let share = |(all, bad): &(u64, u64)| *bad as f64 / *all as f64;
    let busy = windows.iter().filter(|(_, (all, bad))| *all >= FEW && *bad > 0);
    let best = busy.reduce(|a, b| if share(b.1) > share(a.1) { b } else { a })?;
    Some(Peak { at: best.0 * width, failed: best.1.1, requests: best.1.0 })
}
