//! What happened per bucket of time: the numbers on which onset, impact and hypotheses rest.
//!
//! Buckets are `max(10 s, span / 720)` wide, rounded to whole seconds; a log of minutes is cut finer, into 60 buckets or
//! more, but not below a second. The window is that of the requests (of [`Front`]); where none are logged, that of the
//! events of connections and statements. Lines outside it, such as the deploys of last week, are no part of it.
//!
//! Requests fall into the bucket in which they ended, whatever moment their line is stamped with.

use super::front::{Front, Tier, span};
use super::histogram::Histogram;
use crate::correlate::session::{Ended, Session};
use crate::correlate::{Case, Class};
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::maps::HashMap;
use crate::table::{Row, Rows};
use backtrail_parsers::{Kind, Layer};
use std::ops::Range;

/// Nanoseconds in a second.
pub const SECOND: i64 = 1_000_000_000;
/// A span of this many buckets of the least usual width is cut finer.
const COARSE: i64 = 720;
const FINE: i64 = 60;
/// Producers that tell of a timeout twice (pool and caller) do so within this time.
const TWICE: i64 = 5_000_000;

macro_rules! signals {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])+ $variant:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])+ $variant,)+ }

        impl $name {
            /// Every one, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
        }
    };
}

signals! {
    /// What is counted per bucket.
    Count {
        /// Requests of users, at the tier where they are seen first; without probes.
        Requests,
        /// Of those: answered with 5xx.
        Failed,
        /// Of those: given up by the client (nginx 499, `HAProxy` `C…` before an answer).
        Aborted,
        /// Requests of probes.
        Probes,
        /// Requests that ended in the application, where [`Count::Requests`] are those of a load balancer.
        AppRequests,
        /// Of those: answered with 5xx.
        AppFailed,
        /// Requests that a load balancer could not get answered by its back end, in its error log.
        UpstreamErrors,
        /// Connections borrowed from pools.
        Borrows,
        /// Connections given back.
        Returns,
        /// Borrowers and proxies' clients that waited in vain.
        AcquireTimeouts,
        /// Clients turned away by a database server or proxy.
        Refused,
        /// Sessions opened on the database server.
        DbOpens,
        /// Sessions ended there.
        DbCloses,
        /// Clients let in by a proxy.
        ProxyOpens,
        /// Statements.
        Queries,
        /// Statements that their producer calls slow.
        SlowQueries,
        /// Waits for locks, and deadlocks.
        LockWaits,
        /// Statements cancelled.
        QueriesCanceled,
        /// Connections to databases and upstreams that could not be made.
        ConnectFailed,
        /// Connections to caches that could not be made.
        CacheErrors,
        /// Cache misses.
        CacheMisses,
        /// Cache hits.
        CacheHits,
        /// Starts and crashes of database servers and proxies.
        DbRestarts,
        /// Starts of application processes and workers.
        AppStarts,
        /// Back-end servers taken out of rotation.
        ServersDown,
        /// Pools' reports of leaked or overdue borrows.
        LeakReports,
        /// Connections that broke.
        PeerErrors,
        /// Memory, disk, file descriptors or threads that ran out.
        Exhausted,
        /// Error records of the application.
        Errors,
    }
}

signals! {
    /// The highest value seen in a bucket.
    Gauge {
        /// Sessions open on the database server.
        DbInUse,
        /// Connections borrowed, from borrows and returns.
        PoolInUse,
        /// Clients of a proxy.
        ProxyInUse,
        /// Connections in use as pools state them.
        PoolActive,
        /// Idle connections as pools state them.
        PoolIdle,
        /// Waiting borrowers as pools and proxies state them.
        PoolWaiting,
        /// Physical connections as pools state them.
        PoolTotal,
        /// Configured maximum as pools state it.
        PoolMax,
    }
}

signals! {
    /// Durations, kept so that quantiles of any stretch can be asked for.
    Timing {
        /// Requests of [`Count::Requests`], as long as they took.
        Latency,
        /// Time a request waited at the load balancer (`HAProxy` Tw).
        Queue,
        /// Time a load balancer took to connect to its back end (`HAProxy` Tc).
        Connect,
        /// Requests in the application.
        AppLatency,
        /// Statements.
        Query,
        /// How long borrowed connections were held, by the moment of their return.
        Hold,
        /// How long borrowers waited.
        BorrowWait,
    }
}

/// Curves over the window. Every vector has [`Signals::n`] values.
#[derive(Debug, Default)]
pub struct Signals {
    /// Begin of the first bucket, ns UTC.
    pub start: i64,
    /// Width of a bucket, ns.
    pub width: i64,
    /// How many buckets; 0 where the logs tell of nothing that is counted.
    pub n: usize,
    /// Which rows are requests.
    pub front: Front,
    counts: Vec<Vec<u32>>,
    gauges: Vec<Vec<Option<u32>>>,
    timings: Vec<Vec<Histogram>>,
}

impl Signals {
    /// Counts everything.
    pub fn of(rows: &Rows<'_>, case: &Case) -> Signals {
        let front = Front::find(rows);
        let Some((from, to)) = front.range.or_else(|| operation(rows)) else { return Signals::default() };
        let mut signals = Signals::empty(front, from, to);
        let mut fill = Fill::default();
        for row in rows.iter().filter(Row::has_time) {
            signals.take(&row, &mut fill);
        }
        for (layer, gauge) in [(Layer::Db, Gauge::DbInUse), (Layer::Pool, Gauge::PoolInUse), (Layer::Proxy, Gauge::ProxyInUse)]
        {
            let sessions: Vec<&Session> = case.sessions.iter().filter(|s| s.layer == layer).collect();
            signals.take_sessions(&sessions, layer, gauge, case.window.map_or(to, |w| w.1));
        }
        signals
    }

    fn empty(front: Front, from: i64, to: i64) -> Signals {
        let width = width(to - from);
        let n = usize::try_from((to - from) / width + 1).unwrap_or(0);
        Signals {
            start: from,
            width,
            n,
            front,
            counts: vec![vec![0; n]; Count::ALL.len()],
            gauges: vec![vec![None; n]; Gauge::ALL.len()],
            timings: vec![vec![Histogram::default(); n]; Timing::ALL.len()],
        }
    }

    /// The bucket of a moment; `None` outside the window.
    pub fn bucket(&self, time: i64) -> Option<usize> {
        let at = time.checked_sub(self.start).filter(|d| *d >= 0)? / self.width.max(1);
        usize::try_from(at).ok().filter(|b| *b < self.n)
    }

    /// When a bucket begins, ns UTC.
    pub fn begin(&self, bucket: usize) -> i64 {
        self.start + self.width * i64::try_from(bucket).unwrap_or(0)
    }

    /// Width of a bucket in seconds.
    pub fn seconds(&self) -> f64 {
        self.width as f64 / SECOND as f64
    }

    /// The whole buckets between two moments, ns UTC.
    pub fn range(&self, from: i64, to: i64) -> Range<usize> {
        let first = (from - self.start).max(0);
        let first = usize::try_from((first + self.width - 1) / self.width.max(1)).unwrap_or(0).min(self.n);
        let last = usize::try_from((to - self.start).max(0) / self.width.max(1)).unwrap_or(0).min(self.n);
        first..last.max(first)
    }

    /// All whole buckets before a moment, and those after it.
    pub fn split(&self, at: i64) -> (Range<usize>, Range<usize>) {
        (self.range(self.start, at), self.range(at, i64::MAX))
    }

    /// A count per bucket.
    pub fn count(&self, count: Count) -> &[u32] {
        self.counts.get(count as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// A gauge per bucket: its highest value; `None` where nothing was said.
    pub fn gauge(&self, gauge: Gauge) -> &[Option<u32>] {
        self.gauges.get(gauge as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// Durations per bucket.
    pub fn timing(&self, timing: Timing) -> &[Histogram] {
        self.timings.get(timing as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// A count over a range of buckets.
    pub fn sum(&self, count: Count, range: Range<usize>) -> u64 {
        self.count(count).get(range).unwrap_or_default().iter().map(|n| u64::from(*n)).sum()
    }

    /// A count per second over a range of buckets.
    pub fn rate(&self, count: Count, range: Range<usize>) -> Option<f64> {
        let seconds = range.len() as f64 * self.seconds();
        (seconds > 0.0).then(|| self.sum(count, range) as f64 / seconds)
    }

    /// One count over another, over a range of buckets: failed per request, queries per request.
    pub fn ratio(&self, of: Count, per: Count, range: Range<usize>) -> Option<f64> {
        let base = self.sum(per, range.clone());
        (base > 0).then(|| self.sum(of, range) as f64 / base as f64)
    }

    /// The highest value of a gauge in a range of buckets.
    pub fn peak(&self, gauge: Gauge, range: Range<usize>) -> Option<u32> {
        self.gauge(gauge).get(range)?.iter().flatten().max().copied()
    }

    /// All durations of a range of buckets.
    pub fn durations(&self, timing: Timing, range: Range<usize>) -> Histogram {
        let mut all = Histogram::default();
        self.timing(timing).get(range).unwrap_or_default().iter().for_each(|h| all.merge(h));
        all
    }

    /// A quantile of durations per bucket in seconds; `NaN`-free: `None` where the bucket has none.
    pub fn quantiles(&self, timing: Timing, q: f64) -> Vec<Option<f64>> {
        self.timing(timing).iter().map(|h| h.quantile(q).map(|v| v as f64 / SECOND as f64)).collect()
    }

    fn add(&mut self, count: Count, bucket: usize) {
        if let Some(slot) = self.counts.get_mut(count as usize).and_then(|c| c.get_mut(bucket)) {
            *slot = slot.saturating_add(1);
        }
    }

    fn time(&mut self, timing: Timing, bucket: usize, nanos: Option<i64>) {
        let slot = self.timings.get_mut(timing as usize).and_then(|t| t.get_mut(bucket));
        if let (Some(slot), Some(nanos)) = (slot, nanos) {
            slot.add(nanos);
        }
    }

    fn raise(&mut self, gauge: Gauge, bucket: usize, value: Option<u32>) {
        if let (Some(slot), Some(_)) = (self.gauges.get_mut(gauge as usize).and_then(|g| g.get_mut(bucket)), value) {
            *slot = (*slot).max(value);
        }
    }
}

/// What is needed while filling.
#[derive(Default)]
struct Fill {
    /// The last timeout per source and thread or pool.
    last_timeout: HashMap<(u32, u32, u32), i64>,
}

impl Signals {
    fn take(&mut self, row: &Row<'_>, fill: &mut Fill) {
        let kind = row.kind();
        if matches!(kind, Kind::LbRequest | Kind::RequestEnd) {
            self.take_request(row);
            return;
        }
        let Some(bucket) = self.bucket(row.time()) else { return };
        let count = match kind {
            Kind::Log => match row.text(TextCol::Reason) {
                b"cache_hit" => Count::CacheHits,
                b"cache_miss" => Count::CacheMisses,
                _ => return,
            },
            Kind::LbUpstreamError => Count::UpstreamErrors,
            Kind::AcquireTimeout | Kind::ProxyWaitTimeout => {
                let key = (row.source_id(), row.code(TextCol::Thread), row.code(TextCol::Conn));
                let last = fill.last_timeout.insert(key, row.time());
                if last.is_some_and(|last| (row.time() - last).abs() < TWICE) && (key.1 != 0 || key.2 != 0) {
                    return;
                }
                Count::AcquireTimeouts
            }
            Kind::DbRefused | Kind::ProxyRefused => Count::Refused,
            Kind::Query | Kind::SlowQuery => {
                self.time(Timing::Query, bucket, row.long(LongCol::Duration));
                if kind == Kind::SlowQuery {
                    self.add(Count::SlowQueries, bucket);
                }
                Count::Queries
            }
            Kind::LockWait | Kind::Deadlock => Count::LockWaits,
            Kind::QueryCanceled => Count::QueriesCanceled,
            Kind::ConnectFailed if row.text(TextCol::Subject) == b"cache" => Count::CacheErrors,
            Kind::ConnectFailed => Count::ConnectFailed,
            Kind::ServerStart | Kind::ServerCrash => Count::DbRestarts,
            Kind::AppStart => Count::AppStarts,
            Kind::LbServerState if row.text(TextCol::Reason) == b"down" => Count::ServersDown,
            Kind::LeakReport => Count::LeakReports,
            Kind::DbPeerError => Count::PeerErrors,
            Kind::ResourceExhausted => Count::Exhausted,
            Kind::Error => Count::Errors,
            Kind::PoolBorrow => {
                self.time(Timing::BorrowWait, bucket, row.long(LongCol::Wait));
                self.take_gauges(row, bucket);
                return;
            }
            _ => {
                self.take_gauges(row, bucket);
                return;
            }
        };
        self.take_gauges(row, bucket);
        self.add(count, bucket);
    }

    fn take_gauges(&mut self, row: &Row<'_>, bucket: usize) {
        for (gauge, column) in [
            (Gauge::PoolActive, IntCol::Active),
            (Gauge::PoolIdle, IntCol::Idle),
            (Gauge::PoolWaiting, IntCol::Waiting),
            (Gauge::PoolTotal, IntCol::Total),
            (Gauge::PoolMax, IntCol::Max),
        ] {
            self.raise(gauge, bucket, row.counter(column));
        }
    }

    fn take_request(&mut self, row: &Row<'_>) {
        let Some(bucket) = self.bucket(span(row).1) else { return };
        let failed = (500..600).contains(&row.int(IntCol::Status));
        let duration = row.long(LongCol::Duration);
        if self.front.tier == Tier::LoadBalancer && self.front.reached_application(row) && !self.front.is_probe(row) {
            self.add(Count::AppRequests, bucket);
            self.time(Timing::AppLatency, bucket, duration);
            if failed {
                self.add(Count::AppFailed, bucket);
            }
        }
        if !self.front.is_request(row) {
            return;
        }
        if self.front.is_probe(row) {
            self.add(Count::Probes, bucket);
            return;
        }
        self.add(Count::Requests, bucket);
        self.time(Timing::Latency, bucket, duration);
        self.time(Timing::Queue, bucket, row.long(LongCol::Wait));
        self.time(Timing::Connect, bucket, row.long(LongCol::Connect));
        if failed {
            self.add(Count::Failed, bucket);
        }
        if is_aborted(row) {
            self.add(Count::Aborted, bucket);
        }
    }

    /// Opens, ends, the number open and the time held, from the sessions of a layer.
    fn take_sessions(&mut self, sessions: &[&Session], layer: Layer, gauge: Gauge, to: i64) {
        let mut changes: Vec<(i64, i32)> = Vec::with_capacity(sessions.len() * 2);
        for session in sessions {
            let end = session.end.unwrap_or(to.saturating_add(1)).max(session.open);
            changes.push((session.open, 1));
            changes.push((end, -1));
            let (opens, closes) = match layer {
                Layer::Pool => (Count::Borrows, Some(Count::Returns)),
                Layer::Proxy => (Count::ProxyOpens, None),
                _ => (Count::DbOpens, Some(Count::DbCloses)),
            };
            if let Some(bucket) = self.bucket(session.open) {
                self.add(opens, bucket);
            }
            if let (Some(bucket), Some(closes), Ended::Logged) = (self.bucket(end), closes, session.ended) {
                self.add(closes, bucket);
                if layer == Layer::Pool && matches!(session.class, Class::Matched | Class::SlowHold) {
                    self.time(Timing::Hold, bucket, Some(end - session.open));
                }
            }
        }
        if changes.is_empty() {
            return;
        }
        changes.sort_unstable();
        let mut changes = changes.into_iter().peekable();
        let mut open = 0i32;
        for bucket in 0..self.n {
            let (begin, end) = (self.begin(bucket), self.begin(bucket + 1));
            while changes
                .next_if(|(time, change)| {
                    *time < begin && {
                        open += change;
                        true
                    }
                })
                .is_some()
            {}
            let mut peak = open;
            while let Some((_, change)) = changes.next_if(|(time, _)| *time < end) {
                open += change;
                peak = peak.max(open);
            }
            self.raise(gauge, bucket, u32::try_from(peak).ok());
        }
    }
}

/// True where the client left before it had its answer.
pub fn is_aborted(row: &Row<'_>) -> bool {
    let reason = row.text(TextCol::Reason);
    row.int(IntCol::Status) == 499
        || reason == b"client_closed"
        || matches!(reason, [b'C' | b'c', b'C' | b'R' | b'Q' | b'H', ..] if reason.len() == 4)
        || reason == b"DC"
}

/// The width of buckets for a span, ns.
fn width(span: i64) -> i64 {
    let usual = span / COARSE;
    let width = if usual >= 10 * SECOND { usual } else { (span / FINE).min(10 * SECOND) };
    (width / SECOND).max(1) * SECOND
}

/// First and last event of connections and statements, for logs without requests.
fn operation(rows: &Rows<'_>) -> Option<(i64, i64)> {
    let counts = |kind: Kind| {
        !matches!(
            kind,
            Kind::Log
                | Kind::Deploy
                | Kind::Rollback
                | Kind::ConfigChange
                | Kind::Alert
                | Kind::ServerMaintenance
                | Kind::Error
        )
    };
    let times = rows.iter().filter(|r| r.has_time() && counts(r.kind())).map(|r| (r.time(), r.time()));
    times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_follow_the_span() {
        let of = |seconds: i64| width(seconds * SECOND) / SECOND;
        assert_eq!((of(30), of(330), of(600), of(3600), of(7200), of(86_400)), (1, 5, 10, 10, 10, 120));
    }

    fn signals() -> Signals {
        let mut signals = Signals::empty(Front::default(), 0, 59 * SECOND);
        for bucket in 0..60 {
            signals.add(Count::Requests, bucket);
        }
        signals
    }

    #[test]
    fn ranges_hold_whole_buckets() {
        let signals = signals();
        assert_eq!((signals.n, signals.width), (60, SECOND));
        assert_eq!(signals.range(SECOND / 2, 3 * SECOND + 1), 1..3);
        let (before, after) = signals.split(20 * SECOND);
        assert_eq!((before, after), (0..20, 20..60));
        assert_eq!(signals.sum(Count::Requests, 10..25), 15);
        assert_eq!(signals.rate(Count::Requests, 0..60), Some(1.0));
        assert_eq!(signals.rate(Count::Requests, 5..5), None);
        assert_eq!(signals.bucket(-1), None);
        assert_eq!(signals.bucket(60 * SECOND), None);
    }
}
