//! Pools as the logs show them: their size and where it is said, every borrow where borrows are logged, the counters that
//! they print, and who waited in vain.
//!
//! A pool belongs to one process. Where no pool is told of, the server's own limit on sessions is the pool that everybody
//! shares.

pub mod proxy;

use super::Case;
use super::session::{Class, Ended, Opened, Purpose, Session};
use super::stats::sort_changes;
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::maps::HashMap;
use crate::table::{Row, RowId, Rows};
use backtrail_parsers::{Kind, Layer};
use std::collections::BTreeMap;

/// An exception may be logged by several loggers of one thread: within this time it is one wait.
const TWICE: i64 = 100_000_000;

/// Where a pool's size is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The configuration, as it was logged.
    Configured,
    /// The pool states its limit with its counters or in a timeout.
    Stated,
    /// What the pool held when a borrower waited in vain and none was idle.
    Full,
    /// The most that were lent at once: the size is at least that.
    Lent,
}

impl Basis {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Basis::Configured => "configuration",
            Basis::Stated => "limit stated by the pool",
            Basis::Full => "connections held when borrowers waited in vain",
            Basis::Lent => "most connections lent at once",
        }
    }
}

/// A pool's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Connections.
    pub connections: u32,
    /// Where it is known from.
    pub basis: Basis,
    /// The row that says so.
    pub row: Option<RowId>,
}

/// A borrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Borrow {
    /// Lent, ns UTC.
    pub at: i64,
    /// Given back or lost, ns UTC; `None` while held.
    pub until: Option<i64>,
    /// True where it was given back in the usual way, so that its length says how long holds are.
    pub returned: bool,
    /// True where it was never given back.
    pub leaked: bool,
    /// How long its borrower had waited, ns, where logged.
    pub waited: i64,
    /// The row.
    pub row: RowId,
}

/// Counters of a pool at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When, ns UTC.
    pub at: i64,
    /// Lent connections.
    pub active: u32,
    /// Borrowers that wait.
    pub waiting: u32,
    /// The row.
    pub row: RowId,
}

/// Somebody waited in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vain {
    /// When it was given up, ns UTC.
    pub at: i64,
    /// After how long, ns, where logged.
    pub waited: Option<i64>,
    /// The row.
    pub row: RowId,
    thread: u32,
}

/// One process's pool, or a server's limit.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    /// The source that tells of it.
    pub source: u32,
    /// Code of the host or container.
    pub unit: u32,
    /// Process id, 0 unknown.
    pub pid: u32,
    /// Code of its name, 0 unknown.
    pub name: u32,
    /// Processes that share the entry, where their log does not say which of them speaks: most of the time so many.
    pub processes: u32,
    /// True for a server's limit on sessions.
    pub server: bool,
    /// Its size.
    pub size: Option<Size>,
    /// Borrows in the order of time, where they are logged.
    pub borrows: Vec<Borrow>,
    /// Sessions that were never given back, where borrows are not logged: lent and lost, ns UTC.
    pub leaks: Vec<Borrow>,
    /// Its counters, in the order of time.
    pub readings: Vec<Reading>,
    /// Waits in vain, in the order of time.
    pub vain: Vec<Vain>,
    /// First and last time it is told of.
    pub life: (i64, i64),
    /// When processes behind it began, ns UTC, where their log does not say which of them speaks.
    pub starts: Vec<i64>,
    /// Whose it is, where a proxy keeps it.
    pub proxy: Option<Proxied>,
}

/// What a proxy says of one of its pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proxied {
    /// Code of the database.
    pub database: u32,
    /// Code of the user.
    pub user: u32,
    /// Most server connections at once.
    pub most: u32,
    /// The longest mean wait of a client for a server connection that it stated, ns, and the row.
    pub wait: Option<(i64, RowId)>,
}

impl Pool {
    fn seen(&mut self, at: i64) {
        self.life = if self.life == (0, 0) { (at, at) } else { (self.life.0.min(at), self.life.1.max(at)) };
    }

    /// Connections lent at a moment and not given back then, of those that leaked.
    pub fn leaked_at(&self, moment: i64) -> u32 {
        let all = self.borrows.iter().filter(|b| b.leaked).chain(&self.leaks);
        let held = all.filter(|b| b.at <= moment && b.until.is_none_or(|until| until > moment)).count();
        u32::try_from(held).unwrap_or(u32::MAX)
    }
}

/// Source, host or container, process, pool's name.
type Key = (u32, u32, u32, u32);

/// Finds the pools that the rows and the sessions tell of, in the order of their sources, processes and names.
pub fn find(rows: &Rows<'_>, case: &Case) -> Vec<Pool> {
    let sessions = &case.sessions;
    let mut pools: BTreeMap<Key, Gathered> = BTreeMap::new();
    let mut named: HashMap<(u32, u32, u32), u32> = HashMap::default();
    let tells = |row: &Row<'_>| matches!(row.kind(), Kind::PoolStats | Kind::PoolStart | Kind::AcquireTimeout);
    let mut told: Vec<Row<'_>> = rows.iter().filter(|row| tells(row) && row.has_time()).collect();
    told.sort_by_key(Row::time);
    for row in told {
        let (place, mut key) = key(&row);
        if row.kind() == Kind::PoolStart {
            // The settings that follow the line with the name do not repeat it.
            match key.3 {
                0 => key.3 = named.get(&place).copied().unwrap_or(0),
                name => drop(named.insert(place, name)),
            }
        }
        pools.entry(key).or_default().see(&row);
    }
    for session in sessions.iter().filter(|s| s.layer == Layer::Pool) {
        let row = rows.get(session.open_row);
        let (_, key) = key(&row);
        pools.entry(key).or_default().borrow(session, &row);
    }
    let mut pools: Vec<Pool> =
        merge(pools).into_iter().map(|(key, pool)| pool.finish(key, &workers(rows, case, key))).collect();
    pools.retain(|p| !p.borrows.is_empty() || !p.leaks.is_empty() || !p.readings.is_empty() || !p.vain.is_empty());
    if pools.is_empty() {
        pools.extend(server_limits(rows, sessions));
    }
    pools
}

fn key(row: &Row<'_>) -> ((u32, u32, u32), Key) {
    let place = (row.source_id(), row.code(TextCol::Host), row.int(IntCol::Pid));
    (place, (place.0, place.1, place.2, row.code(TextCol::Pool)))
}

/// The processes that write to a log without naming themselves.
struct Workers {
    /// How many are alive most of the time.
    alive: u32,
    /// When processes began, ns UTC.
    starts: Vec<i64>,
}

/// The processes behind a pool. One that states its process id is alone.
fn workers(rows: &Rows<'_>, case: &Case, key: Key) -> Workers {
    let own = case.markers.iter().filter(|m| rows.get(m.row).source_id() == key.0 && key.2 == 0);
    let (mut starts, mut changes) = (Vec::new(), Vec::new());
    for marker in own {
        let reason = rows.get(marker.row).text(TextCol::Reason);
        if marker.kind == Kind::AppStart {
            starts.push(marker.time);
        }
        match (marker.kind, reason) {
            (Kind::AppStart, b"worker") => changes.push((marker.time, 1i32)),
            (Kind::AppStop, b"worker_exit" | b"worker_timeout" | b"killed") => changes.push((marker.time, -1)),
            _ => {}
        }
    }
    changes.sort_unstable();
    let last = case.window.map_or(0, |w| w.1);
    let (mut alive, mut spent) = (0i32, BTreeMap::<i32, i64>::new());
    for (at, (time, change)) in changes.iter().enumerate() {
        alive = (alive + change).max(0);
        *spent.entry(alive).or_default() += changes.get(at + 1).map_or(last, |next| next.0) - time;
    }
    let usual = spent.iter().max_by_key(|(_, time)| **time).map_or(1, |(alive, _)| *alive);
    starts.sort_unstable();
    Workers { alive: u32::try_from(usual).unwrap_or(1).max(1), starts }
}

/// What was gathered of a pool before its size is settled.
#[derive(Debug, Default)]
struct Gathered {
    pool: Pool,
    configured: Option<(u32, RowId)>,
    stated: Option<(u32, RowId)>,
    /// Totals at moments when nothing was idle and somebody waited, with how often.
    full: BTreeMap<u32, (u64, RowId)>,
}

impl Gathered {
    fn see(&mut self, row: &Row<'_>) {
        self.pool.seen(row.time());
        let counter = |column| row.counter(column);
        match row.kind() {
            Kind::PoolStart => {
                if let Some(max) = counter(IntCol::Max).filter(|max| *max > 0) {
                    self.configured = Some((max, row.id));
                }
                return;
            }
            Kind::AcquireTimeout => {
                let thread = row.code(TextCol::Thread);
                let again = |v: &Vain| row.time() - v.at <= TWICE && v.thread == thread && thread != 0;
                if !self.pool.vain.iter().rev().take(8).any(again) {
                    let waited = row.long(LongCol::Wait).filter(|w| *w > 0);
                    self.pool.vain.push(Vain { at: row.time(), waited, row: row.id, thread });
                }
            }
            _ => {
                if let Some(active) = counter(IntCol::Active).or_else(|| lent(row)) {
                    let waiting = counter(IntCol::Waiting).unwrap_or(0);
                    self.pool.readings.push(Reading { at: row.time(), active, waiting, row: row.id });
                }
            }
        }
        if let Some(max) = counter(IntCol::Max).filter(|max| *max > 0) {
            self.stated = Some((max, row.id));
        }
        let waiting = counter(IntCol::Waiting).unwrap_or(0) > 0 || row.kind() == Kind::AcquireTimeout;
        if let Some(total) = counter(IntCol::Total).filter(|total| *total > 0 && waiting && counter(IntCol::Idle) == Some(0)) {
            self.full.entry(total).or_insert((0, row.id)).0 += 1;
        }
    }

    fn borrow(&mut self, session: &Session, row: &Row<'_>) {
        self.pool.seen(session.open);
        if let Some(end) = session.end {
            self.pool.seen(end);
        }
        let leaked = session.class == Class::Leaked;
        let borrow = Borrow {
            at: session.open,
            until: session.end,
            returned: session.ended == Ended::Logged && !leaked,
            leaked,
            waited: row.long(LongCol::Wait).unwrap_or(0),
            row: session.open_row,
        };
        match session.opened {
            Opened::Logged => self.pool.borrows.push(borrow),
            Opened::Inferred if leaked => self.pool.leaks.push(borrow),
            Opened::Inferred => {}
        }
    }

    fn absorb(&mut self, other: Gathered) {
        self.pool.seen(other.pool.life.0);
        self.pool.seen(other.pool.life.1);
        self.pool.borrows.extend(other.pool.borrows);
        self.pool.leaks.extend(other.pool.leaks);
        self.pool.readings.extend(other.pool.readings);
        self.pool.vain.extend(other.pool.vain);
        self.configured = self.configured.or(other.configured);
        self.stated = self.stated.or(other.stated);
        for (total, (n, row)) in other.full {
            self.full.entry(total).or_insert((0, row)).0 += n;
        }
    }

    fn finish(self, (source, unit, pid, name): Key, workers: &Workers) -> Pool {
        let mut pool = Pool { source, unit, pid, name, processes: workers.alive, starts: workers.starts.clone(), ..self.pool };
        if workers.alive == 1 {
            // What a process held is gone when the next one takes its place.
            for borrow in pool.borrows.iter_mut().chain(&mut pool.leaks).filter(|b| b.until.is_none()) {
                borrow.until = workers.starts.get(workers.starts.partition_point(|t| *t <= borrow.at)).copied();
            }
        }
        pool.borrows.sort_by_key(|b| (b.at, b.row));
        pool.leaks.sort_by_key(|b| (b.at, b.row));
        pool.readings.sort_by_key(|r| (r.at, r.row));
        pool.vain.sort_by_key(|v| (v.at, v.row));
        let full = self.full.iter().max_by_key(|(total, (n, _))| (*n, **total)).map(|(total, (_, row))| (*total, *row));
        let known = [(self.configured, Basis::Configured), (self.stated, Basis::Stated), (full, Basis::Full)];
        let known = known.into_iter().find_map(|(found, basis)| found.map(|(n, row)| (n, basis, Some(row))));
        let known = known.map(|(n, basis, row)| (n.saturating_mul(pool.processes), basis, row));
        pool.size = known.or_else(|| most_lent(&pool)).map(|(connections, basis, row)| Size { connections, basis, row });
        pool
    }
}

/// What is lent, where a pool prints only what it has and what of it is idle.
fn lent(row: &Row<'_>) -> Option<u32> {
    row.counter(IntCol::Total)?.checked_sub(row.counter(IntCol::Idle)?)
}

/// The most that were lent at once.
fn most_lent(pool: &Pool) -> Option<(u32, Basis, Option<RowId>)> {
    let read = pool.readings.iter().max_by_key(|r| r.active).filter(|r| r.active > 0).map(|r| (r.active, Some(r.row)));
    let (peak, row) = peak(&pool.borrows);
    let best = read.into_iter().chain((peak > 0).then_some((peak, row))).max_by_key(|(n, _)| *n)?;
    Some((best.0, Basis::Lent, best.1))
}

/// The most borrows held at once, and the row with which that was reached.
fn peak(borrows: &[Borrow]) -> (u32, Option<RowId>) {
    let mut changes: Vec<(i64, i32, RowId)> = Vec::with_capacity(borrows.len() * 2);
    for borrow in borrows {
        changes.push((borrow.at, 1, borrow.row));
        changes.extend(borrow.until.map(|until| (until, -1, borrow.row)));
    }
    sort_changes(&mut changes, |(time, ..)| *time, |(_, change, _)| *change > 0);
    let (mut open, mut best, mut at) = (0i32, 0i32, None);
    for (_, change, row) in changes {
        open += change;
        if open > best {
            (best, at) = (open, Some(row));
        }
    }
    (u32::try_from(best).unwrap_or(0), at)
}

/// Records without the pool's name belong to the one named pool of their process, where there is one; records without a
/// process id to the one pool of their source.
fn merge(mut pools: BTreeMap<Key, Gathered>) -> BTreeMap<Key, Gathered> {
    for unnamed in [true, false] {
        let stray: Vec<Key> = pools.keys().copied().filter(|k| if unnamed { k.3 == 0 } else { k.2 == 0 }).collect();
        for key in stray {
            let same = |k: &&Key| if unnamed { (k.0, k.1, k.2) == (key.0, key.1, key.2) } else { (k.0, k.1) == (key.0, key.1) };
            let mut homes = pools.keys().filter(|k| **k != key).filter(same);
            if let (Some(home), None) = (homes.next().copied(), homes.next())
                && let Some(other) = pools.remove(&key)
                && let Some(home) = pools.get_mut(&home)
            {
                home.absorb(other);
            }
        }
    }
    pools
}

/// Servers that turned clients away for lack of room: what was open then is their size.
fn server_limits(rows: &Rows<'_>, sessions: &[Session]) -> Vec<Pool> {
    let full = |r: &Row<'_>| {
        let room = matches!(
            r.text(TextCol::Reason),
            b"too_many_clients" | b"too_many_connections" | b"reserved_slots" | b"role_limit" | b"database_limit"
        );
        r.kind() == Kind::DbRefused && room && r.has_time()
    };
    let mut by_source: BTreeMap<u32, Gathered> = BTreeMap::new();
    for row in rows.by_time().filter(full) {
        let gathered = by_source.entry(row.source_id()).or_default();
        gathered.pool.seen(row.time());
        gathered.pool.vain.push(Vain { at: row.time(), waited: Some(0), row: row.id, thread: 0 });
    }
    let mut out = Vec::new();
    for (source, mut gathered) in by_source {
        let of_source = sessions.iter().filter(|s| s.layer == Layer::Db && s.source == source);
        if of_source.clone().any(|s| s.class == Class::PooledIdle) {
            continue; // Its sessions are pools' idle connections: how long they are open says nothing about demand.
        }
        for session in of_source.filter(|s| s.purpose == Purpose::Ordinary) {
            gathered.borrow(session, &rows.get(session.open_row));
        }
        let mut pool = gathered.finish((source, 0, 0, 0), &Workers { alive: 1, starts: Vec::new() });
        pool.server = true;
        for borrow in &mut pool.borrows {
            borrow.waited = 0;
        }
        out.push(pool);
    }
    out
}
