//! Curves over the window: what was open, what was asked, what failed, what had leaked so far.

use super::ledger::Folded;
use super::session::{Class, Session};
use super::stats::sort_changes;
use crate::ingest::IntCol;
use crate::table::Rows;
use backtrail_parsers::{Kind, Layer};
use std::collections::BTreeMap;

/// Buckets over the window.
pub const BUCKETS: usize = 240;

/// Curves; each has [`BUCKETS`] values, or is empty where nothing was seen of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Start of the first bucket, ns UTC.
    pub from: i64,
    /// Width of a bucket, ns.
    pub width: i64,
    /// Most sessions open in the bucket, per layer.
    pub open: BTreeMap<Layer, Vec<u32>>,
    /// Requests that ended in the bucket.
    pub requests: Vec<u32>,
    /// Requests that ended with a 5xx status in the bucket.
    pub errors: Vec<u32>,
    /// Sessions leaked so far (opened and never given back).
    pub leaked: Vec<u32>,
    /// Most borrowers waiting, as pools state it.
    pub waiting: Vec<u32>,
    /// Borrowers that waited in vain, and clients turned away, in the bucket.
    pub timeouts: Vec<u32>,
}

impl Series {
    /// The bucket of a moment.
    pub fn bucket(&self, time: i64) -> usize {
        usize::try_from((time - self.from).max(0) / self.width.max(1)).unwrap_or(0).min(BUCKETS - 1)
    }
}

/// Draws the curves.
pub fn series(rows: &Rows<'_>, folded: &Folded, window: Option<(i64, i64)>) -> Series {
    let Some((from, to)) = window else { return Series::default() };
    let width = ((to - from) / BUCKETS as i64 + 1).max(1);
    let mut out = Series { from, width, ..Series::default() };
    count_rows(rows, &mut out);
    for layer in [Layer::Db, Layer::Proxy, Layer::Pool] {
        let of_layer: Vec<&Session> = folded.sessions.iter().filter(|s| s.layer == layer).collect();
        if !of_layer.is_empty() {
            let curve = open_curve(&out, &of_layer, to);
            out.open.insert(layer, curve);
        }
    }
    let leaked: Vec<&Session> = folded.sessions.iter().filter(|s| s.class == Class::Leaked).collect();
    let layer = if leaked.iter().any(|s| s.layer == Layer::Pool) { Layer::Pool } else { Layer::Db };
    let leaked: Vec<&Session> = leaked.into_iter().filter(|s| s.layer == layer).collect();
    if !leaked.is_empty() {
        out.leaked = open_curve(&out, &leaked, to);
    }
    out
}

/// The most sessions open in each bucket.
fn open_curve(series: &Series, sessions: &[&Session], to: i64) -> Vec<u32> {
    let mut changes: Vec<(i64, i32)> = Vec::new();
    for session in sessions {
        changes.push((session.open, 1));
        changes.push((session.end.unwrap_or(to + 1), -1));
    }
    sort_changes(&mut changes, |(time, _)| *time, |(_, change)| *change > 0);
    let mut curve = vec![0u32; BUCKETS];
    let (mut open, mut at) = (0i32, 0usize);
    for (bucket, slot) in curve.iter_mut().enumerate() {
        let end = series.from + series.width * (i64::try_from(bucket).unwrap_or(0) + 1);
        let mut peak = open;
        while let Some((time, change)) = changes.get(at).filter(|(time, _)| *time < end) {
            let _ = time;
            open += change;
            peak = peak.max(open);
            at += 1;
        }
        *slot = u32::try_from(peak).unwrap_or(0);
    }
    curve
}

/// Requests are counted where they are seen first: at the load balancer, else in the application.
fn count_rows(rows: &Rows<'_>, out: &mut Series) {
    let mut seen: BTreeMap<Kind, (Vec<u32>, Vec<u32>)> = BTreeMap::new();
    let (mut waiting, mut timeouts) = (vec![0u32; BUCKETS], vec![0u32; BUCKETS]);
    for row in rows.iter().filter(crate::table::Row::has_time) {
        let bucket = out.bucket(row.time());
        match row.kind() {
            kind @ (Kind::LbRequest | Kind::RequestEnd) => {
                let (all, failed) = seen.entry(kind).or_insert_with(|| (vec![0; BUCKETS], vec![0; BUCKETS]));
                if let (Some(all), Some(failed)) = (all.get_mut(bucket), failed.get_mut(bucket)) {
                    *all += 1;
                    *failed += u32::from((500..600).contains(&row.int(IntCol::Status)));
                }
            }
            Kind::PoolStats => {
                if let (Some(slot), Some(value)) = (waiting.get_mut(bucket), row.counter(IntCol::Waiting)) {
                    *slot = (*slot).max(value);
                }
            }
            Kind::AcquireTimeout | Kind::DbRefused | Kind::ProxyWaitTimeout => {
                if let Some(slot) = timeouts.get_mut(bucket) {
                    *slot += 1;
                }
            }
            _ => {}
        }
    }
    if let Some((all, failed)) = seen.remove(&Kind::LbRequest).or_else(|| seen.remove(&Kind::RequestEnd)) {
        (out.requests, out.errors) = (all, failed);
    }
    let some = |curve: Vec<u32>| if curve.iter().any(|v| *v > 0) { curve } else { Vec::new() };
    (out.waiting, out.timeouts) = (some(waiting), some(timeouts));
}
