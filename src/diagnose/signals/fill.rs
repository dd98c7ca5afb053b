//! Filling the buckets: one pass over the rows, one over the sessions.

use super::{Count, Gauge, SECOND, Signals, Timing};
use crate::correlate::session::{Ended, Session};
use crate::correlate::stats::sort_changes;
use crate::correlate::{Case, Class};
use crate::diagnose::front::{Front, Hours, Tier, span};
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::maps::HashMap;
use crate::table::{Row, RowId, Rows};
use backtrail_parsers::{Kind, Layer};

/// Producers that tell of a timeout twice (pool and caller) do so within this time.
const TWICE: i64 = 5_000_000;
/// Words of a subject that is a cache.
const CACHES: [&[u8]; 3] = [b"cache", b"redis", b"memcache"];

/// The last timeout per source, thread and connection.
type LastTimeout = HashMap<(u32, u32, u32), i64>;

impl Signals {
    /// Counts what single rows tell.
    pub fn of(rows: &Rows<'_>) -> Signals {
        let front = Front::find(rows);
        let Some((from, to)) = front.range.or_else(|| operation(rows)) else { return Signals::default() };
        let mut signals = Signals::empty(front, from, to);
        signals.whole_seconds = vec![true; rows.table().sources.len()];
        let mut last = LastTimeout::default();
        for row in rows.iter() {
            signals.take(&row, &mut last);
        }
        signals
    }

    /// Counts what sessions tell.
    pub fn add_sessions(&mut self, case: &Case) {
        if self.n == 0 {
            return;
        }
        for (layer, gauge) in [(Layer::Db, Gauge::DbInUse), (Layer::Pool, Gauge::PoolInUse), (Layer::Proxy, Gauge::ProxyInUse)]
        {
            let sessions: Vec<&Session> = case.sessions.iter().filter(|s| s.layer == layer).collect();
            self.take_sessions(&sessions, gauge, case.window.map_or(self.begin(self.n), |w| w.1));
        }
    }

    /// Counts a row in the bucket of a moment, which is not always that of its line.
    fn add(&mut self, count: Count, time: i64, row: RowId) {
        let Some(bucket) = self.bucket(time) else { return };
        if let Some(slot) = self.counts.get_mut(count as usize).and_then(|c| c.get_mut(bucket)) {
            slot.n = slot.n.saturating_add(1);
            let this = (time, row);
            slot.first = Some(slot.first.map_or(this, |first| first.min(this)));
        }
    }

    fn time(&mut self, timing: Timing, bucket: usize, nanos: Option<i64>, row: RowId) {
        let slot = self.timings.get_mut(timing as usize).and_then(|t| t.get_mut(bucket));
        if let (Some(slot), Some(nanos)) = (slot, nanos) {
            slot.all.add(nanos);
            if slot.longest.is_none_or(|(longest, _)| nanos > longest) {
                slot.longest = Some((nanos, row));
            }
        }
    }

    fn raise(&mut self, gauge: Gauge, bucket: usize, value: Option<u32>, row: RowId) {
        if let (Some(slot), Some(value)) = (self.gauges.get_mut(gauge as usize).and_then(|g| g.get_mut(bucket)), value)
            && slot.is_none_or(|(highest, _)| value > highest)
        {
            *slot = Some((value, row));
        }
    }

    fn take(&mut self, row: &Row<'_>, last: &mut LastTimeout) {
        if !row.has_time() {
            return;
        }
        if let Some(whole) = self.whole_seconds.get_mut(row.source_id() as usize).filter(|whole| **whole) {
            *whole = row.time() % SECOND == 0;
        }
        let kind = row.kind();
        let count = match kind {
            Kind::LbRequest | Kind::RequestEnd => return self.take_request(row),
            Kind::Query | Kind::PoolBorrow => return self.take_duration(row, kind),
            Kind::PoolStats | Kind::ProxyStats => return self.take_counters(row),
            Kind::Log => match row.text(TextCol::Reason) {
                b"cache_hit" => Count::CacheLooks,
                b"cache_miss" => Count::CacheMisses,
                b"cache_error" => Count::CacheErrors,
                _ => return,
            },
            Kind::AcquireTimeout | Kind::ProxyWaitTimeout => {
                self.take_counters(row);
                let key = (row.source_id(), row.code(TextCol::Thread), row.code(TextCol::Conn));
                let before = last.insert(key, row.time());
                if before.is_some_and(|before| (row.time() - before).abs() < TWICE) && (key.1 != 0 || key.2 != 0) {
                    return;
                }
                if let Some(waited) = row.long(LongCol::Wait) {
                    self.add(Count::VainWaits, row.time().saturating_sub(waited), row.id);
                }
                Count::AcquireTimeouts
            }
            // A wrong password or database name is the client's mistake.
            Kind::DbRefused | Kind::ProxyRefused | Kind::ConnectFailed
                if matches!(
                    row.text(TextCol::Reason),
                    b"authentication" | b"login_failed" | b"unknown_database" | b"unknown_user"
                ) =>
            {
                return;
            }
            Kind::DbRefused | Kind::ProxyRefused => Count::Refused,
            Kind::SlowQuery => {
                self.take_duration(row, kind);
                Count::SlowQueries
            }
            Kind::LockWait | Kind::Deadlock => Count::LockWaits,
            Kind::ConnectFailed if CACHES.iter().any(|name| row.text(TextCol::Subject).starts_with(name)) => Count::CacheErrors,
            Kind::ConnectFailed => Count::ConnectFailed,
            Kind::ServerStop | Kind::ServerCrash => Count::DbDown,
            Kind::LbServerState if row.text(TextCol::Reason) == b"down" => Count::ServersDown,
            Kind::LbUpstreamError => Count::UpstreamErrors,
            Kind::ResourceExhausted => Count::Exhausted,
            _ => return,
        };
        self.add(count, row.time(), row.id);
        if count == Count::CacheMisses {
            self.add(Count::CacheLooks, row.time(), row.id);
        }
    }

    fn take_duration(&mut self, row: &Row<'_>, kind: Kind) {
        let Some(bucket) = self.bucket(row.time()) else { return };
        if kind == Kind::PoolBorrow {
            self.time(Timing::BorrowWait, bucket, row.long(LongCol::Wait), row.id);
        } else {
            self.time(Timing::Query, bucket, row.long(LongCol::Duration), row.id);
        }
    }

    /// What a pool says of itself.
    fn take_counters(&mut self, row: &Row<'_>) {
        let Some(bucket) = self.bucket(row.time()) else { return };
        let of = |column| row.counter(column);
        let (active, idle, waiting) = (of(IntCol::Active), of(IntCol::Idle), of(IntCol::Waiting));
        self.raise(Gauge::PoolActive, bucket, active, row.id);
        self.raise(Gauge::PoolWaiting, bucket, waiting, row.id);
        if idle.is_none() && waiting.is_none() {
            return;
        }
        self.add(Count::Stated, row.time(), row.id);
        let full = match (of(IntCol::Total).max(active), of(IntCol::Max)) {
            (Some(total), Some(max)) if max > 0 => total >= max,
            _ => true,
        };
        if idle == Some(0) && full && active.is_none_or(|a| a > 0) {
            self.add(Count::NoIdle, row.time(), row.id);
        }
        if waiting.is_some_and(|w| w > 0) {
            self.add(Count::Waiters, row.time(), row.id);
        }
    }

    fn take_request(&mut self, row: &Row<'_>) {
        if !self.front.is_request(row) || self.front.is_probe(row) {
            return;
        }
        let end = span(row).1;
        let Some(bucket) = self.bucket(end) else { return };
        self.add(Count::Requests, end, row.id);
        self.time(Timing::Latency, bucket, row.long(LongCol::Duration), row.id);
        if self.front.tier == Tier::LoadBalancer {
            self.time(Timing::Queue, bucket, row.long(LongCol::Wait), row.id);
            self.time(Timing::Connect, bucket, row.long(LongCol::Connect), row.id);
        }
        if (500..600).contains(&row.int(IntCol::Status)) {
            self.add(Count::Failed, end, row.id);
        }
    }

    /// The number open, and the time held by those given back, from the sessions of a layer.
    fn take_sessions(&mut self, sessions: &[&Session], gauge: Gauge, to: i64) {
        let mut changes: Vec<(i64, i32, RowId)> = Vec::with_capacity(sessions.len() * 2);
        for session in sessions {
            let end = session.end.unwrap_or(to.saturating_add(1)).max(session.open);
            changes.push((session.open, 1, session.open_row));
            changes.push((end, -1, session.end_row.unwrap_or(session.open_row)));
            let given_back = session.ended == Ended::Logged && matches!(session.class, Class::Matched | Class::SlowHold);
            if let (true, Some(bucket), Gauge::PoolInUse) = (given_back, self.bucket(end), gauge) {
                self.time(Timing::Hold, bucket, Some(end - session.open), session.end_row.unwrap_or(session.open_row));
            }
        }
        sort_changes(&mut changes, |(time, ..)| *time, |(_, change, _)| *change > 0);
        let Some((_, _, mut row)) = changes.first().copied() else { return };
        let mut changes = changes.into_iter().peekable();
        let mut open = 0i32;
        for bucket in 0..self.n {
            let (begin, end) = (self.begin(bucket), self.begin(bucket + 1));
            while let Some((_, change, by)) = changes.next_if(|(time, ..)| *time < begin) {
                (open, row) = (open + change, by);
            }
            let mut peak = (open, row);
            while let Some((_, change, by)) = changes.next_if(|(time, ..)| *time < end) {
                (open, row) = (open + change, by);
                if open > peak.0 {
                    peak = (open, row);
                }
            }
            self.raise(gauge, bucket, u32::try_from(peak.0).ok(), peak.1);
        }
    }
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
    let mut hours = Hours::default();
    rows.iter().filter(|r| r.has_time() && counts(r.kind())).for_each(|r| hours.see(r.time()));
    hours.range()
}
