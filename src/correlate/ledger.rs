//! The ledger: one fold over events in the order of time that pairs every open with its close.
//!
//! Each layer has a state machine per key. A key opened again without a close ends the session before it; a close that
//! states how long the session lasted repairs an open that the log lost, or finds the session that it belongs to; the end
//! of a server or process ends what it held, until a close proves otherwise.

mod balance;
mod db;
mod gauge;
mod life;
mod pair;
mod pool;
pub(super) mod servers;

pub use balance::Balance;
pub use gauge::Loss;

use super::requests::{Counts, Request, Requests};
use super::session::{Class, Ended, Join, Opened, Purpose, Session};
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::maps::{HashMap, HashSet};
use crate::table::{Row, RowId, Rows};
use backtrail_parsers::{Kind, Layer};
use gauge::Gauges;
use life::Life;
use servers::Servers;
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000_000;
/// What identifies an open session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    layer: Layer,
    /// The server's or program's source; see [`Servers::server`].
    source: u32,
    /// The host or container inside the source.
    unit: u32,
    /// The key in the producer's words.
    conn: u32,
    /// The client's port, or the process id, where the words alone do not identify.
    number: u32,
}

impl Key {
    /// True where neither words nor a number identify anything.
    fn is_empty(&self) -> bool {
        self.conn == 0 && self.number == 0
    }
}

/// The fold's state.
#[derive(Debug)]
pub struct Ledger<'r> {
    rows: &'r Rows<'r>,
    servers: Servers,
    open: HashMap<Key, u32>,
    sessions: Vec<Session>,
    requests: Requests,
    /// The last session of a key that was given up for ended without a close.
    given_up: HashMap<Key, u32>,
    /// Last close per key, to know a close that is written twice.
    closed: HashMap<Key, i64>,
    /// Lines that announce the end of sessions whose open is not known.
    endings: HashMap<Key, Ending>,
    /// Connections accepted by a server whose client has not logged in yet.
    received: HashMap<Key, Received>,
    /// Sessions of servers that state neither process nor session ids, by source.
    nameless: HashMap<u32, Vec<u32>>,
    extra: BTreeMap<Layer, Balance>,
    life: Life,
    gauges: Gauges,
    /// Last line of each process, per source.
    last_of_pid: HashMap<(u32, u32), i64>,
    lb: LbCounts,
    duplicates: u64,
    /// Pool connections as the pool opened them, for linking with server sessions.
    added: Vec<Added>,
    /// Times at which a server turned clients away for lack of room.
    full: Vec<(u32, i64)>,
    /// Times at which a borrower waited in vain, with the pool's maximum where it is stated.
    starved: Vec<(u32, i64, Option<u32>)>,
    /// Leak reports whose borrow is not placed in a request yet, by source and thread.
    unplaced: HashMap<(u32, Vec<u8>), Vec<u32>>,
    /// Sessions that were let in and turned away at once: no sessions.
    turned_away: HashSet<u32>,
    /// Leak detection threshold as configured, ns, per source.
    threshold: HashMap<u32, i64>,
    /// Borrows inside borrows of the same thread, where connections have no names.
    nested: HashMap<Key, Vec<u32>>,
    /// The last report without a stack, per source: the stack may come in a record of its own.
    bare_report: HashMap<u32, (i64, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct Received {
    time: i64,
    client: u32,
    port: u16,
    row: RowId,
}

/// A line that says that a session ends.
#[derive(Debug, Clone, Copy)]
struct Ending {
    time: i64,
    row: RowId,
    reason: u32,
    broken: bool,
    /// No close follows it.
    last_word: bool,
}

/// A physical connection that a pool or proxy opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Added {
    pub(super) source: u32,
    pub(super) unit: u32,
    pub(super) pid: u32,
    pub(super) conn: u32,
    pub(super) row: RowId,
    pub(super) time: i64,
    pub(super) backend_pid: u32,
    /// The client's port as the server sees it.
    pub(super) port: u16,
    /// True where a proxy opened it, not the application.
    pub(super) proxy: bool,
}

#[derive(Debug, Default)]
struct LbCounts {
    count: u64,
    spans: (Vec<i64>, Vec<i64>),
}

/// The fold's result.
#[derive(Debug)]
pub struct Folded {
    /// Sessions of the layers that are followed one by one.
    pub sessions: Vec<Session>,
    /// Requests that sessions refer to.
    pub requests: Vec<Request>,
    /// Events written twice.
    pub duplicates: u64,
    /// Closes that servers' own counts prove although no line tells of them.
    pub losses: Vec<Loss>,
    /// Opens that counters prove although no line tells of them, per source.
    pub lost_opens: BTreeMap<u32, u64>,
    /// Physical connections as pools and proxies opened them.
    pub(super) added: Vec<Added>,
    /// Server sessions that a pool or proxy owns: the source and process that does. Filled by `link`.
    pub(super) owners: HashMap<u32, (u32, u32)>,
    /// Times at which a server was full.
    pub(super) full: Vec<(u32, i64)>,
    /// Times at which a borrower waited in vain, with the pool's maximum where it is stated.
    pub(super) starved: Vec<(u32, i64, Option<u32>)>,
    /// Last line of each process.
    pub(super) last_of_pid: HashMap<(u32, u32), i64>,
    /// Starts and ends of processes: source, process (0 unknown), time, true for a start.
    pub(super) processes: Vec<(u32, u32, i64, bool)>,
    /// Servers that were told to stop, and when.
    pub(super) server_stops: Vec<(u32, i64)>,
    /// Threads that served a request, per source.
    pub(super) request_threads: HashSet<(u32, u32)>,
    /// Lengths of the requests that ended, per source, sorted, ns.
    pub(super) request_lengths: HashMap<u32, Vec<i64>>,
    pub(super) servers: Servers,
    extra: BTreeMap<Layer, Balance>,
    request_counts: Counts,
    lb: LbCounts,
}

impl Folded {
    /// True where a source tells of ends of sessions or borrows at all.
    pub(super) fn tells_of_ends(&self, source: u32) -> bool {
        self.servers.logs(source).1
    }

    /// Sources that tell of ends only, and not of how long the sessions lasted.
    pub(super) fn only_orphans(&self) -> Vec<u32> {
        let inferred: HashSet<u32> = self.sessions.iter().map(|s| s.source).collect();
        self.servers.only_ends().into_iter().filter(|source| !inferred.contains(source)).collect()
    }
}

impl<'r> Ledger<'r> {
    /// An empty ledger over the rows of a table.
    pub fn new(rows: &'r Rows<'r>) -> Ledger<'r> {
        Ledger {
            rows,
            servers: Servers::new(rows),
            open: HashMap::default(),
            sessions: Vec::new(),
            requests: Requests::default(),
            given_up: HashMap::default(),
            closed: HashMap::default(),
            endings: HashMap::default(),
            received: HashMap::default(),
            nameless: HashMap::default(),
            extra: BTreeMap::new(),
            life: Life::default(),
            gauges: Gauges::default(),
            last_of_pid: HashMap::default(),
            lb: LbCounts::default(),
            duplicates: 0,
            added: Vec::new(),
            full: Vec::new(),
            starved: Vec::new(),
            unplaced: HashMap::default(),
            turned_away: HashSet::default(),
            threshold: HashMap::default(),
            nested: HashMap::default(),
            bare_report: HashMap::default(),
        }
    }

    /// Takes the next event, in the order of time.
    pub fn push(&mut self, row: &Row<'_>) {
        let pid = row.int(IntCol::Pid);
        if pid != 0 {
            self.last_of_pid.insert((row.source_id(), pid), row.time());
        }
        if self.servers.is_twin(row.id) {
            self.duplicates += 1;
            return;
        }
        match row.kind() {
            Kind::Log => {}
            Kind::DbReceived => self.received(row),
            Kind::DbOpen => self.db_open(row),
            Kind::DbClose => self.db_close(row),
            Kind::DbRefused => self.refused(row, Layer::Db),
            Kind::DbTerminated | Kind::DbPeerError => self.note_end(row),
            Kind::DbReady
            | Kind::DbActivity
            | Kind::Query
            | Kind::SlowQuery
            | Kind::LockWait
            | Kind::QueryCanceled
            | Kind::Deadlock => self.activity(row),
            Kind::Error => {
                if self.servers.is_server(row) {
                    self.activity(row);
                }
            }
            Kind::ProxyOpen => self.open(row, self.key(row, Layer::Proxy)),
            Kind::ProxyClose => self.close(row, self.key(row, Layer::Proxy)),
            Kind::ProxyRefused => self.refused(row, Layer::Proxy),
            Kind::ProxyServerOpen => self.proxy_server_open(row),
            Kind::ProxyServerClose => self.proxy_server_close(row),
            Kind::ConnectFailed => self.proxy_server_failed(row),
            Kind::PoolBorrow => self.borrow(row),
            Kind::PoolReturn => self.give_back(row),
            Kind::LeakReport => self.report(row),
            Kind::LeakCleared => self.cleared(row),
            Kind::PoolConnAdded => self.added(row),
            Kind::PoolConnClosed => self.removed(row),
            Kind::PoolStart => self.pool_start(row),
            Kind::PoolStop => self.pool_stop(row),
            Kind::AcquireTimeout => {
                self.starved.push((row.source_id(), row.time(), row.counter(IntCol::Max)));
            }
            Kind::RequestStart => self.requests.start(row),
            Kind::RequestEnd => self.request_end(row),
            Kind::LbRequest | Kind::LbSession => self.lb(row),
            Kind::ServerStart | Kind::ServerCrash | Kind::ServerStop | Kind::ServerRecovery => self.server_event(row),
            Kind::AppStart => self.app_start(row),
            Kind::AppStop => self.app_stop(row),
            _ => {}
        }
    }

    fn key(&self, row: &Row<'_>, layer: Layer) -> Key {
        let conn = row.code(TextCol::Conn);
        let (pid, port) = (row.int(IntCol::Pid), row.int(IntCol::ClientPort));
        let number = match layer {
            Layer::Proxy if conn != 0 || port != 0 => port,
            // One application process has one set of connection objects; where the log states no pid it is one process.
            Layer::Pool => pid,
            _ if conn != 0 => 0,
            _ => pid,
        };
        Key { layer, source: self.servers.server(row.source_id()), unit: row.code(TextCol::Host), conn, number }
    }

    fn balance(&mut self, layer: Layer) -> &mut Balance {
        self.extra.entry(layer).or_default()
    }

    fn session(&mut self, index: u32) -> Option<&mut Session> {
        self.sessions.get_mut(index as usize)
    }

    fn start_session(&mut self, row: &Row<'_>, layer: Layer, open: i64, opened: Opened) -> u32 {
        self.sessions.push(Session {
            layer,
            source: row.source_id(),
            pid: row.int(IntCol::Pid),
            conn: row.code(TextCol::Conn),
            open,
            opened,
            open_row: row.id,
            end: None,
            ended: Ended::Open,
            end_row: None,
            end_reason: 0,
            last_seen: row.time(),
            client: row.code(TextCol::Client),
            client_port: u16::try_from(row.int(IntCol::ClientPort)).unwrap_or(0),
            thread: row.code(TextCol::Thread),
            backend_pid: row.int(IntCol::BackendPid),
            purpose: Purpose::Ordinary,
            broken: false,
            ending: None,
            request: None,
            join: Join::None,
            report: None,
            cleared: false,
            carried_by: None,
            carried_surely: false,
            class: Class::Undecided,
            why: "",
        });
        u32::try_from(self.sessions.len() - 1).unwrap_or(u32::MAX)
    }

    fn lb(&mut self, row: &Row<'_>) {
        let duration = row.long(LongCol::Duration).unwrap_or(0);
        let (start, end) =
            if row.time_is_start() { (row.time(), row.time() + duration) } else { (row.time() - duration, row.time()) };
        self.lb.count += 1;
        self.lb.spans.0.push(start);
        self.lb.spans.1.push(end);
        self.requests.end_seen_outside(row, end);
    }

    /// Ends the fold.
    pub fn finish(mut self) -> Folded {
        self.settle_received();
        self.settle_endings();
        self.settle_stops();
        self.place_the_rest();
        let mut index = 0u32;
        let turned_away = std::mem::take(&mut self.turned_away);
        self.sessions.retain(|_| {
            index += 1;
            !turned_away.contains(&(index - 1))
        });
        self.running_requests();
        for session in &mut self.sessions {
            if session.join == Join::Thread && !self.requests.thread_serves_one(session.source) {
                (session.request, session.join) = (None, Join::None);
            }
        }
        let (losses, lost_opens) = self.gauges.finish();
        let (request_threads, request_lengths) = self.requests.take_facts();
        Folded {
            sessions: self.sessions,
            requests: self.requests.all,
            duplicates: self.duplicates,
            losses,
            lost_opens,
            added: self.added,
            owners: HashMap::default(),
            full: self.full,
            starved: self.starved,
            last_of_pid: self.last_of_pid,
            processes: self.life.processes,
            server_stops: self.life.server_stops,
            request_threads,
            request_lengths,
            servers: self.servers,
            extra: self.extra,
            request_counts: self.requests.counts,
            lb: self.lb,
        }
    }

    /// Lines that announced an end and were the last word about their session.
    fn settle_endings(&mut self) {
        let mut open: Vec<(Key, u32)> = self.open.iter().map(|(k, i)| (*k, *i)).collect();
        open.sort_unstable();
        for (key, index) in open {
            if self.end_as_announced(index) {
                self.open.remove(&key);
            }
        }
        // Where another log tells of the sessions themselves, an error log's word about their end is no close of its own.
        let followed = self.sessions.iter().any(|s| s.layer == Layer::Db);
        let mut alone: Vec<(Key, Ending)> = self.endings.drain().filter(|(_, e)| e.last_word && !followed).collect();
        alone.sort_by_key(|(key, _)| *key);
        for (key, _) in alone {
            let balance = self.balance(key.layer);
            balance.closes += 1;
            balance.orphan_closes += 1;
        }
    }

    /// Requests without an end become sessions of their own.
    fn running_requests(&mut self) {
        for request in self.requests.running() {
            let Some(start) = request.start else { continue };
            let row = self.rows.get(request.row);
            let index = self.start_session(&row, Layer::Request, start, Opened::Logged);
            let route = self.rows.text(request.route);
            let upgraded = row.text(TextCol::Reason) == b"upgrade";
            if let Some(session) = self.session(index) {
                session.conn = request.id;
                session.purpose = if upgraded || is_stream(route) { Purpose::Stream } else { Purpose::Ordinary };
            }
        }
    }
}

/// Endpoints that by their name hold a request open: web sockets, event streams, long polls.
fn is_stream(route: &[u8]) -> bool {
    let route = route.to_ascii_lowercase();
    let mut parts = route.split(|b| matches!(b, b'/' | b'?' | b'.' | b'-' | b'_'));
    parts.any(|part| {
        matches!(
            part,
            b"ws"
                | b"wss"
                | b"websocket"
                | b"websockets"
                | b"socket"
                | b"sockjs"
                | b"cable"
                | b"signalr"
                | b"sse"
                | b"longpoll"
                | b"eventsource"
                | b"eventstream"
                | b"stomp"
                | b"mqtt"
        )
    })
}
