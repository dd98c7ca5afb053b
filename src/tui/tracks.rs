//! What the lanes are drawn from: counts in many narrow buckets over the window, from which any stretch is summed up.
//!
//! Only sums, maxima and quantiles of what the table and the case state; the diagnosis is taken as it is.

use super::num;
use crate::correlate::{Case, Class, Session};
use crate::ingest::{IntCol, LongCol};
use crate::table::{EventTable, Row};
use backtrail_parsers::{Kind, Layer};

/// Buckets over the window.
const BUCKETS: usize = 8192;
/// Bins of the latency histogram: quarters of octaves from 2^17 ns (0.13 ms) up, so a quantile is right to 10 %.
const BINS: usize = 84;
const FIRST_OCTAVE: u32 = 17;
/// A pool's state holds until it is stated again, but no longer than this.
const STALE: i64 = 120_000_000_000;

/// A curve over the buckets; empty where nothing was seen of it.
pub type Curve = Vec<u32>;

/// Counts in narrow buckets over the window.
#[derive(Debug, Clone, Default)]
pub struct Tracks {
    /// Start of the first bucket, ns UTC.
    pub from: i64,
    /// Width of a bucket, ns.
    pub width: i64,
    /// Requests that ended.
    pub requests: Curve,
    /// Requests that ended with a 5xx status.
    pub errors: Curve,
    /// Borrowers turned away or timed out.
    pub refused: Curve,
    /// Most borrowers waiting, as pools state it.
    pub waiting: Curve,
    /// Most connections borrowed, as pools state it.
    pub in_use: Curve,
    /// Greatest maximum that a pool states; 0 unknown.
    pub pool_max: u32,
    /// Most sessions open, per layer.
    pub open: Vec<(Layer, Curve)>,
    /// Leaked and not ended so far.
    pub leaked: Curve,
    /// Records per source.
    pub sources: Vec<Vec<u16>>,
    latency: Vec<u32>,
}

/// One stretch of time, summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Requests.
    pub requests: u32,
    /// 5xx.
    pub errors: u32,
    /// Turned away.
    pub refused: u32,
    /// Median latency, ns.
    pub p50: Option<i64>,
    /// 95th percentile, ns.
    pub p95: Option<i64>,
    /// Most waiting.
    pub waiting: u32,
    /// Most in use.
    pub in_use: u32,
    /// Leaked so far, the most in it.
    pub leaked: u32,
}

impl Tracks {
    /// Counts a table and its case over the case's window.
    pub fn new(table: &EventTable, case: &Case) -> Tracks {
        let Some((from, to)) = case.window else { return Tracks::default() };
        let width = ((to - from) / num::signed(BUCKETS) + 1).max(1_000_000);
        let mut tracks =
            Tracks { from, width, sources: table.sources.iter().map(|_| vec![0; BUCKETS]).collect(), ..Tracks::default() };
        tracks.count(table, to);
        for layer in [Layer::Pool, Layer::Proxy, Layer::Db] {
            let sessions: Vec<&Session> = case.sessions.iter().filter(|s| s.layer == layer).collect();
            if !sessions.is_empty() {
                let curve = tracks.gauge(&sessions, to);
                tracks.open.push((layer, curve));
            }
        }
        let leaked: Vec<&Session> =
            case.leaks.iter().flat_map(|l| &l.sessions).filter_map(|i| case.sessions.get(*i as usize)).collect();
        let leaked: Vec<&Session> = leaked.into_iter().filter(|s| s.class == Class::Leaked).collect();
        if !leaked.is_empty() {
            tracks.leaked = tracks.gauge(&leaked, to);
        }
        tracks
    }

    /// The last moment that the buckets reach.
    pub fn to(&self) -> i64 {
        self.from + self.width * num::signed(BUCKETS)
    }

    fn bucket(&self, time: i64) -> Option<usize> {
        (time >= self.from && time < self.to()).then(|| num::index((time - self.from) / self.width.max(1)))
    }

    /// The buckets that a stretch of time touches.
    fn range(&self, from: i64, to: i64) -> std::ops::Range<usize> {
        let width = self.width.max(1);
        let first = num::index((from - self.from) / width).min(BUCKETS);
        let last = num::index((to - self.from + width - 1) / width).min(BUCKETS);
        if to <= self.from { 0..0 } else { first..last.max(first) }
    }

    fn count(&mut self, table: &EventTable, to: i64) {
        let rows = table.rows();
        let edge = if rows.iter().any(|r| r.kind() == Kind::LbRequest) { Kind::LbRequest } else { Kind::RequestEnd };
        let mut gauges = Gauges::default();
        for row in rows.iter().filter(Row::has_time) {
            let Some(bucket) = self.bucket(row.time()) else { continue };
            if let Some(slot) = self.sources.get_mut(row.source_id() as usize).and_then(|s| s.get_mut(bucket)) {
                *slot = slot.saturating_add(1);
            }
            match row.kind() {
                kind if kind == edge => {
                    add(&mut self.requests, bucket);
                    if (500..600).contains(&row.int(IntCol::Status)) {
                        add(&mut self.errors, bucket);
                    }
                    if let Some(ns) = row.long(LongCol::Duration) {
                        if self.latency.is_empty() {
                            self.latency = vec![0; BUCKETS * BINS];
                        }
                        if let Some(slot) = self.latency.get_mut(bucket * BINS + bin(ns)) {
                            *slot += 1;
                        }
                    }
                }
                Kind::AcquireTimeout | Kind::DbRefused | Kind::ProxyWaitTimeout => add(&mut self.refused, bucket),
                _ => {}
            }
            gauges.see(&row, &mut self.pool_max);
        }
        self.waiting = self.states(gauges.waiting, to);
        self.in_use = self.states(gauges.in_use, to);
    }

    /// A curve of stated values, each valid until the next one.
    fn states(&self, mut stated: Vec<(i64, u32)>, to: i64) -> Curve {
        if stated.iter().all(|(_, value)| *value == 0) {
            return Curve::new();
        }
        stated.sort_unstable();
        let mut curve = vec![0; BUCKETS];
        let after = stated.iter().skip(1).map(|(time, _)| *time).chain([to]);
        for ((time, value), next) in stated.iter().zip(after) {
            let until = next.min(time + STALE).max(time + 1);
            for slot in curve.get_mut(self.range(*time, until)).unwrap_or_default() {
                *slot = (*slot).max(*value);
            }
        }
        curve
    }

    /// The most sessions open in each bucket.
    fn gauge(&self, sessions: &[&Session], to: i64) -> Curve {
        let opens = sessions.iter().map(|s| (s.open, 1i32));
        let ends = sessions.iter().map(|s| (s.end.unwrap_or(to + 1), -1i32));
        let mut changes: Vec<(i64, i32)> = opens.chain(ends).collect();
        changes.sort_unstable();
        let mut changes = changes.into_iter().peekable();
        let (mut open, mut curve) = (0i32, Curve::with_capacity(BUCKETS));
        for bucket in 0..BUCKETS {
            let end = self.from + self.width * (num::signed(bucket) + 1);
            let mut peak = open;
            while let Some((_, change)) = changes.next_if(|(time, _)| *time < end) {
                open += change;
                peak = peak.max(open);
            }
            curve.push(u32::try_from(peak).unwrap_or(0));
        }
        curve
    }

    /// Sums up a stretch of time.
    pub fn sum(&self, from: i64, to: i64) -> Sum {
        let range = self.range(from, to);
        let total = |curve: &Curve| curve.get(range.clone()).unwrap_or_default().iter().fold(0u32, |a, b| a.saturating_add(*b));
        let (p50, p95) = self.quantiles(&range);
        Sum {
            requests: total(&self.requests),
            errors: total(&self.errors),
            refused: total(&self.refused),
            p50,
            p95,
            waiting: self.most(&self.waiting, from, to),
            in_use: self.most(&self.in_use, from, to),
            leaked: self.most(&self.leaked, from, to),
        }
    }

    /// The greatest value of a curve in a stretch of time.
    pub fn most(&self, curve: &Curve, from: i64, to: i64) -> u32 {
        curve.get(self.range(from, to)).unwrap_or_default().iter().copied().max().unwrap_or(0)
    }

    /// Records of a source in a stretch of time.
    pub fn records(&self, source: usize, from: i64, to: i64) -> u32 {
        let counts = self.sources.get(source).and_then(|s| s.get(self.range(from, to))).unwrap_or_default();
        counts.iter().map(|n| u32::from(*n)).sum()
    }

    /// Whether latencies are known at all.
    pub fn has_latency(&self) -> bool {
        !self.latency.is_empty()
    }

    fn quantiles(&self, range: &std::ops::Range<usize>) -> (Option<i64>, Option<i64>) {
        let mut sums = [0u64; BINS];
        for counts in self.latency.get(range.start * BINS..range.end * BINS).unwrap_or_default().chunks_exact(BINS) {
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += u64::from(*count);
            }
        }
        let all: u64 = sums.iter().sum();
        let at = |percent: u64| {
            let rank = (all * percent).div_ceil(100).max(1);
            let mut seen = 0;
            let found = sums.iter().position(|n| {
                seen += n;
                seen >= rank
            });
            found.filter(|_| all > 0).map(middle)
        };
        (at(50), at(95))
    }
}

fn add(curve: &mut Curve, bucket: usize) {
    if curve.is_empty() {
        *curve = vec![0; BUCKETS];
    }
    if let Some(slot) = curve.get_mut(bucket) {
        *slot += 1;
    }
}

/// What pools say of themselves.
#[derive(Default)]
struct Gauges {
    waiting: Vec<(i64, u32)>,
    in_use: Vec<(i64, u32)>,
}

impl Gauges {
    fn see(&mut self, row: &Row<'_>, max: &mut u32) {
        if let Some(value) = row.counter(IntCol::Waiting) {
            self.waiting.push((row.time(), value));
        }
        if let Some(value) = row.counter(IntCol::Active) {
            self.in_use.push((row.time(), value));
        }
        let size = row.counter(IntCol::Max).or(row.counter(IntCol::Total)).unwrap_or(0);
        *max = (*max).max(size);
    }
}

/// The bin of a latency.
fn bin(ns: i64) -> usize {
    let ns = ns.unsigned_abs().max(1 << FIRST_OCTAVE);
    let octave = ns.ilog2();
    let quarter = usize::try_from((ns >> (octave - 2)) & 3).unwrap_or(0);
    ((octave - FIRST_OCTAVE) as usize * 4 + quarter).min(BINS - 1)
}

/// The middle of a bin, ns.
fn middle(bin: usize) -> i64 {
    let octave = FIRST_OCTAVE + num::count(bin / 4);
    let quarter = num::signed(bin % 4);
    (1i64 << octave) / 8 * (8 + 2 * quarter + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_right_to_an_eighth() {
        for ns in [200_000, 1_000_000, 3_456_789, 50_000_000, 1_999_999_999, 30_000_000_000i64] {
            let back = middle(bin(ns));
            assert!((back - ns).abs() * 8 <= ns, "{ns} reads as {back}");
        }
        assert_eq!(bin(i64::MAX), BINS - 1);
        assert_eq!(bin(0), 0);
    }

    #[test]
    fn ranges_stay_inside() {
        let tracks = Tracks { from: 1000, width: 10, requests: vec![1; BUCKETS], ..Tracks::default() };
        assert_eq!(tracks.sum(0, 500).requests, 0);
        assert_eq!(tracks.sum(1000, 1020).requests, 2);
        assert_eq!(tracks.sum(0, i64::MAX / 4).requests, 8192);
        assert_eq!(tracks.sum(i64::MAX / 4, i64::MAX / 4 + 5).requests, 0);
    }
}
