//! Servers and processes that start and end, and what ends with them.
//!
//! A restart ends the sessions of its own server and of nobody else: a web server that starts in the same file ends
//! nothing. A worker that exits takes only what it held with it.

use super::servers::Family;
use super::{Key, Ledger, SECOND};
use crate::correlate::session::{Ended, Session};
use crate::ingest::{IntCol, TextCol};
use crate::table::maps::{HashMap, HashSet};
use crate::table::{Row, RowId};
use backtrail_parsers::{Kind, Layer};

/// Start lines of one start follow each other within this time.
const ONE_START: i64 = 120 * SECOND;
/// Reasons of lines that only begin a stop: sessions still close by themselves.
const BEGINS: [&[u8]; 5] = [b"smart", b"fast", b"shutting_down", b"aborting_transactions", b"admin"];

/// What is known of processes.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Worker processes alive, per source and unit.
    alive: HashMap<(u32, u32), HashSet<u32>>,
    /// The first line of the start that is going on, per source, unit and process.
    starting: HashMap<(u32, u32, u32), i64>,
    /// When the process of a source and unit last began to stop.
    stopping: HashMap<(u32, u32, u32), (i64, RowId)>,
    /// Servers that were told to stop, and when.
    pub(super) server_stops: Vec<(u32, i64)>,
    /// Starts and ends of processes: source, process, time, true for a start.
    pub(super) processes: Vec<(u32, u32, i64, bool)>,
}

/// The process that an application's start or stop line is about: the one it names, else the one that wrote it.
fn process(row: &Row<'_>) -> u32 {
    match row.int(IntCol::BackendPid) {
        0 => row.int(IntCol::Pid),
        named => named,
    }
}

impl Ledger<'_> {
    /// A database server or proxy starts, crashes or stops.
    pub(super) fn server_event(&mut self, row: &Row<'_>) {
        let family = self.servers.family(row);
        if family == Family::Other {
            return;
        }
        let (kind, reason) = (row.kind(), row.text(TextCol::Reason));
        let server = self.servers.server(row.source_id());
        if kind == Kind::ServerRecovery {
            if reason != b"reinitializing" && reason != b"not_shut_down" {
                return;
            }
        } else if kind == Kind::ServerStop {
            self.life.server_stops.push((server, row.time()));
            // PgBouncer's fast exit is one; PostgreSQL's fast shutdown lets every session say goodbye.
            let at_once = family == Family::Proxy && reason == b"fast";
            if BEGINS.contains(&reason) && !at_once {
                return;
            }
        } else if kind == Kind::ServerCrash && row.int(IntCol::BackendPid) != 0 {
            return self.backend_died(row, server);
        }
        let pid = if family == Family::Proxy { row.int(IntCol::Pid) } else { 0 };
        let (unit, layout, source) = (row.code(TextCol::Host), row.layout(), row.source_id());
        self.gauges.restart(source);
        self.received.retain(|key, _| key.source != server || (unit != 0 && key.unit != unit));
        let rows = self.rows;
        self.end_all(row, |key, session| {
            let layer = match family {
                Family::Proxy => matches!(key.layer, Layer::Proxy | Layer::Db),
                Family::Program => {
                    matches!(key.layer, Layer::Proxy | Layer::Db) && rows.get(session.open_row).layout() == layout
                }
                _ => key.layer == Layer::Db,
            };
            layer && key.source == server && same(key.unit, unit) && (pid == 0 || session.pid == 0 || session.pid == pid)
        });
        if kind == Kind::ServerStart && family == Family::Proxy && pid != 0 {
            // Another process of the same proxy may live on; if it does not, it writes nothing more.
            self.life.processes.push((source, pid, row.time(), true));
        }
    }

    /// One of a server's processes died: its session ended there. Others follow where the server says so.
    fn backend_died(&mut self, row: &Row<'_>, server: u32) {
        let (pid, unit) = (row.int(IntCol::BackendPid), row.code(TextCol::Host));
        self.end_all(row, |key, s| key.layer == Layer::Db && key.source == server && same(key.unit, unit) && s.pid == pid);
    }

    pub(super) fn end_all(&mut self, row: &Row<'_>, of: impl Fn(&Key, &Session) -> bool) {
        let ours = |index: u32, key: &Key| self.sessions.get(index as usize).is_some_and(|s| of(key, s));
        let mut ended: Vec<(u32, Key)> =
            self.open.iter().filter(|(key, i)| ours(**i, key)).map(|(key, i)| (*i, *key)).collect();
        ended.sort_unstable();
        for (index, key) in ended {
            self.open.remove(&key);
            self.end_with(key, index, row.time(), row.id);
        }
    }

    /// Ends a session with its server or process; a close that comes late takes that back.
    fn end_with(&mut self, key: Key, index: u32, time: i64, row: RowId) {
        if self.end_as_announced(index) {
            return;
        }
        if let Some(session) = self.session(index) {
            (session.end, session.ended, session.end_row) = (Some(time.max(session.open)), Ended::Restart, Some(row));
        }
        self.given_up.insert(key, index);
    }

    /// Which sources and units an application's line is about; `None` where it is about no program whose borrows are here.
    fn place_of(&self, row: &Row<'_>) -> Option<(u32, u32)> {
        (self.servers.family(row) == Family::Program).then(|| (self.servers.server(row.source_id()), row.code(TextCol::Host)))
    }

    /// True where a session may belong to the unit that a service manager's line names.
    fn of_unit(&self, row: &Row<'_>, session: &Session) -> bool {
        let named = row.text(TextCol::Subject);
        let named = named.strip_suffix(b".service").unwrap_or(named);
        let own = row.text(TextCol::Service);
        let opened = self.rows.get(session.open_row);
        let service = opened.text(TextCol::Service);
        own == service || service.is_empty() || own.is_empty() || service == named
    }

    pub(super) fn app_start(&mut self, row: &Row<'_>) {
        let Some((source, unit)) = self.place_of(row) else { return };
        let (pid, time) = (process(row), row.time());
        let reason = row.text(TextCol::Reason);
        let starting = self.life.starting.entry((source, unit, pid)).or_insert(time);
        // What a start says in several lines ends nothing that was opened between them.
        let known = *starting < time && time - *starting <= ONE_START;
        let cut = if known { *starting } else { time };
        *starting = cut;
        let any_start = self.life.alive.get(&(source, unit)).is_some_and(|alive| !alive.is_empty());
        if pid != 0 {
            self.life.alive.entry((source, unit)).or_default().insert(pid);
            self.life.processes.push((row.source_id(), pid, time, true));
        }
        let (whole, cut) = match reason {
            b"worker" => (false, cut),
            // A program that says only when it is ready began some time before.
            b"ready" if known || any_start => return,
            b"ready" => (true, time - ONE_START),
            _ => (true, cut),
        };
        self.life.stopping.retain(|key, _| (key.0, key.1) != (source, unit) || (key.2 != 0 && key.2 != pid));
        self.end_borrows(row, (source, unit), |s| s.open < cut && ((pid != 0 && s.pid == pid) || (whole && s.pid == 0)));
    }

    pub(super) fn app_stop(&mut self, row: &Row<'_>) {
        let Some((source, unit)) = self.place_of(row) else { return };
        let (pid, reason) = (process(row), row.text(TextCol::Reason));
        if reason == b"graceful" {
            // It goes on until it is done; see `settle_stops`.
            self.life.stopping.insert((source, unit, pid), (row.time(), row.id));
            return;
        }
        if pid != 0 {
            self.life.processes.push((row.source_id(), pid, row.time(), false));
        }
        let alive = self.life.alive.entry((source, unit)).or_default();
        let last = (alive.remove(&pid) && alive.is_empty())
            || (pid == 0 && alive.is_empty())
            || (reason == b"shutdown" && row.int(IntCol::BackendPid) == 0);
        self.end_borrows(row, (source, unit), |s| (pid != 0 && s.pid == pid) || (last && s.pid == 0));
    }

    fn end_borrows(&mut self, row: &Row<'_>, place: (u32, u32), of: impl Fn(&Session) -> bool) {
        let mut ended: Vec<(u32, Key)> = Vec::new();
        #[expect(clippy::iter_over_hash_type, reason = "sorted below")]
        for (key, index) in &self.open {
            let Some(session) = self.sessions.get(*index as usize) else { continue };
            let here = key.layer == Layer::Pool && key.source == place.0 && same(key.unit, place.1);
            if here && of(session) && self.of_unit(row, session) {
                ended.push((*index, *key));
            }
        }
        ended.sort_unstable();
        for (index, key) in ended {
            self.open.remove(&key);
            self.end_with(key, index, row.time(), row.id);
        }
    }

    /// A pool is shut down: what it lent is closed. Of several pools of a process only its own.
    pub(super) fn pool_stop(&mut self, row: &Row<'_>) {
        let Some(place) = self.place_of(row) else { return };
        let (pid, pool) = (row.int(IntCol::Pid), row.code(TextCol::Pool));
        let rows = self.rows;
        self.end_borrows(row, place, |s| s.pid == pid && same(rows.get(s.open_row).code(TextCol::Pool), pool));
    }

    /// Processes that began to stop and of which nothing more was heard took what they held with them.
    pub(super) fn settle_stops(&mut self) {
        let mut stops: Vec<((u32, u32, u32), (i64, RowId))> = self.life.stopping.drain().collect();
        stops.sort_unstable();
        for ((source, unit, pid), (time, row)) in stops {
            let gone = |key: &Key, s: &Session| {
                key.layer == Layer::Pool && key.source == source && same(key.unit, unit) && s.pid == pid && s.open <= time
            };
            let mut ended: Vec<(u32, Key)> = self
                .open
                .iter()
                .filter(|(key, i)| self.sessions.get(**i as usize).is_some_and(|s| gone(key, s)))
                .map(|(key, i)| (*i, *key))
                .collect();
            ended.sort_unstable();
            for (index, key) in ended {
                self.open.remove(&key);
                self.end_with(key, index, time, row);
            }
        }
    }
}

/// True where two codes agree or one is unknown.
fn same(a: u32, b: u32) -> bool {
    a == 0 || b == 0 || a == b
}
