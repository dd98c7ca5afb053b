//! What happened per bucket of time: the numbers on which the moments, the onset ladder and the impact rest.
//!
//! Buckets are `max(10 s, span / 720)` wide, rounded to whole seconds; a log of minutes is cut finer, into 60 buckets or
//! more, but not below a second. The window is that of the requests (of [`Front`]); where none are logged, that of the
//! events of connections and statements. Lines outside it, such as the deploys of last week, are no part of it.
//!
//! Requests fall into the bucket in which they ended, whatever moment their line is stamped with. Every number keeps a row
//! that shows it.

mod fill;

use super::front::Front;
use super::histogram::Histogram;
use crate::table::RowId;
use std::ops::Range;

/// Nanoseconds in a second.
pub const SECOND: i64 = 1_000_000_000;
/// A span of this many buckets of the least usual width is cut finer.
const COARSE: i64 = 720;
const FINE: i64 = 60;

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
        /// Records in which a pool states its counters.
        Stated,
        /// Of those: no connection idle, and none may be added.
        NoIdle,
        /// Of those: borrowers wait.
        Waiters,
        /// Borrowers and proxies' clients that waited in vain.
        AcquireTimeouts,
        /// The same, where they say how long they waited, by when they began to.
        VainWaits,
        /// Clients turned away by a database server or proxy.
        Refused,
        /// Connections to databases that could not be made.
        ConnectFailed,
        /// Connections to caches that could not be made.
        CacheErrors,
        /// Looks into a cache.
        CacheLooks,
        /// Of those: misses.
        CacheMisses,
        /// Statements that their producer calls slow.
        SlowQueries,
        /// Waits for locks, and deadlocks.
        LockWaits,
        /// Stops and crashes of database servers and proxies.
        DbDown,
        /// Back-end servers taken out of rotation.
        ServersDown,
        /// Requests that a load balancer could not get answered by its back end, in its error log.
        UpstreamErrors,
        /// Memory, disk, file descriptors or threads that ran out.
        Exhausted,
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
        /// Waiting borrowers as pools and proxies state them.
        PoolWaiting,
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
        /// Statements.
        Query,
        /// How long borrowed connections were held, by the moment of their return.
        Hold,
        /// How long borrowers waited.
        BorrowWait,
    }
}

/// How often something happened in a bucket, and when first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// How often.
    pub n: u32,
    /// The first one's time, ns UTC, and its row.
    pub first: Option<(i64, RowId)>,
}

/// Durations of a bucket, and the longest's row.
#[derive(Debug, Clone, Default)]
pub struct Timed {
    /// The durations.
    pub all: Histogram,
    /// The longest, ns, and its row.
    pub longest: Option<(i64, RowId)>,
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
    /// Sources, by number, whose times are whole seconds throughout: what they tell may be as much later.
    pub whole_seconds: Vec<bool>,
    counts: Vec<Vec<Counted>>,
    gauges: Vec<Vec<Option<(u32, RowId)>>>,
    timings: Vec<Vec<Timed>>,
}

impl Signals {
    fn empty(front: Front, from: i64, to: i64) -> Signals {
        let width = width(to.saturating_sub(from));
        let n = usize::try_from(to.saturating_sub(from) / width + 1).unwrap_or(0);
        Signals {
            start: from,
            width,
            n,
            front,
            whole_seconds: Vec::new(),
            counts: vec![vec![Counted::default(); n]; Count::ALL.len()],
            gauges: vec![vec![None; n]; Gauge::ALL.len()],
            timings: vec![vec![Timed::default(); n]; Timing::ALL.len()],
        }
    }

    /// The bucket of a moment; `None` outside the window.
    pub fn bucket(&self, time: i64) -> Option<usize> {
        let at = time.checked_sub(self.start).filter(|d| *d >= 0)? / self.width.max(1);
        usize::try_from(at).ok().filter(|b| *b < self.n)
    }

    /// The bucket of a moment; the first or the last one for a moment before or after the window.
    pub fn nearest(&self, time: i64) -> usize {
        let at = time.saturating_sub(self.start).max(0) / self.width.max(1);
        usize::try_from(at).unwrap_or(usize::MAX).min(self.n.saturating_sub(1))
    }

    /// When a bucket begins, ns UTC.
    pub fn begin(&self, bucket: usize) -> i64 {
        self.start.saturating_add(self.width.saturating_mul(i64::try_from(bucket).unwrap_or(0)))
    }

    /// Width of a bucket in seconds.
    pub fn seconds(&self) -> f64 {
        self.width as f64 / SECOND as f64
    }

    /// A count per bucket.
    pub fn count(&self, count: Count) -> &[Counted] {
        self.counts.get(count as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// A gauge per bucket: its highest value and the row that shows it; `None` where nothing was said.
    pub fn gauge(&self, gauge: Gauge) -> &[Option<(u32, RowId)>] {
        self.gauges.get(gauge as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// Durations per bucket.
    pub fn timing(&self, timing: Timing) -> &[Timed] {
        self.timings.get(timing as usize).map(Vec::as_slice).unwrap_or_default()
    }

    /// A count over a range of buckets.
    pub fn sum(&self, count: Count, range: Range<usize>) -> u64 {
        self.count(count).get(range).unwrap_or_default().iter().map(|c| u64::from(c.n)).sum()
    }

    /// All durations of a range of buckets.
    pub fn durations(&self, timing: Timing, range: Range<usize>) -> Histogram {
        let mut all = Histogram::default();
        self.timing(timing).get(range).unwrap_or_default().iter().for_each(|t| all.merge(&t.all));
        all
    }
}

/// The width of buckets for a span, ns.
fn width(span: i64) -> i64 {
    let usual = span / COARSE;
    let width = if usual >= 10 * SECOND { usual } else { (span / FINE).min(10 * SECOND) };
    (width / SECOND).max(1) * SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_follow_the_span() {
        let of = |seconds: i64| width(seconds * SECOND) / SECOND;
        assert_eq!((of(30), of(330), of(600), of(3600), of(7200), of(86_400)), (1, 5, 10, 10, 10, 120));
    }

    #[test]
    fn moments_fall_into_buckets() {
        let signals = Signals::empty(Front::default(), 0, 59 * SECOND);
        assert_eq!((signals.n, signals.width), (60, SECOND));
        assert_eq!((signals.bucket(-1), signals.bucket(SECOND), signals.bucket(60 * SECOND)), (None, Some(1), None));
        assert_eq!((signals.nearest(-1), signals.nearest(5 * SECOND + 1), signals.nearest(i64::MAX)), (0, 5, 59));
        assert_eq!(signals.begin(7), 7 * SECOND);
    }
}
