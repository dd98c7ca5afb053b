//! The ledger: one fold over events in the order of time that pairs every open with its close.
//!
//! Each layer has a state machine per key. A key opened again without a close ends the session before it; a close that
//! states how long the session lasted repairs an open that the log lost; the end of a server or process ends what it held.

use super::requests::{Counts, Request, Requests};
use super::session::{Class, Ended, Join, Opened, Session};
use super::stats;
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::{Row, Rows};
use backtrail_parsers::{Kind, Layer};
use std::collections::{BTreeMap, HashMap, HashSet};

const SECOND: i64 = 1_000_000_000;
/// Producers that write a record twice do so within this time.
const TWICE: i64 = 5_000_000;
/// A client let in and turned away at once was not let in.
const AT_ONCE: i64 = 2 * SECOND;

/// What identifies an open session: layer, source, key in the producer's words or process id, client's port.
type Key = (Layer, u32, u32, u32);

/// Counts of one layer, and whether they balance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balance {
    /// Sessions let in, as logged.
    pub opens: u64,
    /// Closes, as logged.
    pub closes: u64,
    /// Of the inferred opens: begun before the source's first record.
    pub carried_in: u64,
    /// Opens learned from a close's duration or from a leak report.
    pub inferred_opens: u64,
    /// Closes without an open.
    pub orphan_closes: u64,
    /// Sessions without an end.
    pub open_at_end: u64,
    /// The most sessions open at one moment.
    pub peak_open: u64,
    /// Attempts turned away, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Sessions by class.
    pub classes: BTreeMap<Class, u64>,
    /// Sessions that a logged close ended.
    pub ended_by_close: u64,
}

impl Balance {
    /// Every session has one class, and every close ended a session or is an orphan.
    pub fn holds(&self) -> bool {
        self.opens + self.inferred_opens == self.classes.values().sum::<u64>()
            && self.closes == self.ended_by_close + self.orphan_closes
    }
}

/// The fold's state.
#[derive(Debug)]
pub struct Ledger<'r> {
    rows: &'r Rows<'r>,
    open: HashMap<Key, u32>,
    sessions: Vec<Session>,
    requests: Requests,
    /// Connections accepted by a server whose client has not logged in yet: time, client, port, row.
    received: HashMap<(u32, u32), Received>,
    /// Last close per key, to know a close that is written twice.
    closed: HashMap<Key, i64>,
    extra: BTreeMap<Layer, Balance>,
    /// Worker processes alive, per source.
    alive: HashMap<u32, HashSet<u32>>,
    /// Last line of each process, per source.
    last_of_pid: HashMap<(u32, u32), i64>,
    lb: LbCounts,
    duplicates: u64,
    /// Pool connections as the pool opened them, for linking with server sessions.
    pub(super) added: Vec<Added>,
    /// Sources with a database server's own session lines.
    servers: HashSet<u32>,
    /// Times at which a server turned clients away for lack of room.
    full: Vec<(u32, i64)>,
    /// Leak reports whose borrow is not placed in a request yet: session, source, thread code, moment.
    unplaced: Vec<(u32, u32, u32, i64)>,
    /// Sources in which every pool event is written by two handlers, one with the process id and one without.
    echoed: HashSet<u32>,
    /// Sessions that were let in and turned away at once: no sessions.
    turned_away: HashSet<u32>,
    /// Leak detection threshold as configured, ns, per source.
    threshold: HashMap<u32, i64>,
}

#[derive(Debug, Clone, Copy)]
struct Received {
    time: i64,
    client: u32,
    port: u16,
    row: crate::table::RowId,
}

/// A physical connection that a pool opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Added {
    pub(super) source: u32,
    pub(super) pid: u32,
    pub(super) conn: u32,
    pub(super) time: i64,
    pub(super) backend_pid: u32,
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
    /// Where threads serve one request at a time, per source with thread joins.
    pub(super) added: Vec<Added>,
    /// Times at which a server was full.
    pub(super) full: Vec<(u32, i64)>,
    /// Last line of each process.
    pub(super) last_of_pid: HashMap<(u32, u32), i64>,
    extra: BTreeMap<Layer, Balance>,
    request_counts: Counts,
    lb: LbCounts,
}

impl<'r> Ledger<'r> {
    /// An empty ledger over the rows of a table.
    pub fn new(rows: &'r Rows<'r>) -> Ledger<'r> {
        Ledger {
            rows,
            open: HashMap::new(),
            sessions: Vec::new(),
            requests: Requests::default(),
            received: HashMap::new(),
            closed: HashMap::new(),
            extra: BTreeMap::new(),
            alive: HashMap::new(),
            last_of_pid: HashMap::new(),
            lb: LbCounts::default(),
            duplicates: 0,
            added: Vec::new(),
            servers: HashSet::new(),
            full: Vec::new(),
            unplaced: Vec::new(),
            echoed: echoed(rows),
            turned_away: HashSet::new(),
            threshold: HashMap::new(),
        }
    }

    /// Takes the next event, in the order of time.
    pub fn push(&mut self, row: &Row<'_>) {
        if matches!(row.kind(), Kind::PoolBorrow | Kind::PoolReturn | Kind::PoolConnAdded | Kind::PoolConnClosed)
            && row.int(IntCol::Pid) == 0
            && self.echoed.contains(&row.source_id())
        {
            self.duplicates += 1;
            return;
        }
        match row.kind() {
            Kind::Log | Kind::Error => {}
            Kind::DbReceived => self.received(row),
            Kind::DbOpen => self.db_open(row),
            Kind::DbClose => self.db_close(row),
            Kind::DbRefused => self.refused(row, Layer::Db),
            Kind::DbTerminated | Kind::DbPeerError => self.note_end(row),
            Kind::DbReady | Kind::DbActivity | Kind::Query | Kind::SlowQuery | Kind::LockWait => self.activity(row),
            Kind::ProxyOpen => self.open(row, Layer::Proxy, self.key(row, Layer::Proxy)),
            Kind::ProxyClose => self.close(row, Layer::Proxy, self.key(row, Layer::Proxy)),
            Kind::ProxyRefused => self.refused(row, Layer::Proxy),
            Kind::PoolBorrow => self.borrow(row),
            Kind::PoolReturn => self.give_back(row),
            Kind::LeakReport => self.report(row),
            Kind::LeakCleared => self.cleared(row),
            Kind::PoolConnAdded => self.added(row),
            Kind::PoolStart => self.pool_start(row),
            Kind::PoolStop => self.end_of_process(row, false),
            Kind::RequestStart => self.requests.start(row),
            Kind::RequestEnd => self.request_end(row),
            Kind::LbRequest | Kind::LbSession => self.lb(row),
            Kind::ServerStart | Kind::ServerCrash | Kind::ServerStop => self.end_of_server(row),
            Kind::AppStart => self.app_start(row),
            Kind::AppStop => self.app_stop(row),
            _ => {}
        }
        let pid = row.int(IntCol::Pid);
        if pid != 0 {
            self.last_of_pid.insert((row.source_id(), pid), row.time());
        }
    }

    fn key(&self, row: &Row<'_>, layer: Layer) -> Key {
        let conn = row.code(TextCol::Conn);
        let source = row.source_id();
        match layer {
            Layer::Proxy => (layer, source, conn, row.int(IntCol::ClientPort)),
            // One application process has one set of connection objects; where the log states no pid it is one process.
            Layer::Pool => (layer, source, conn, row.int(IntCol::Pid)),
            _ if conn != 0 => (layer, source, conn, 0),
            _ => (layer, source, 0, row.int(IntCol::Pid)),
        }
    }

    fn start_session(&mut self, row: &Row<'_>, key: Key, open: i64, opened: Opened) -> u32 {
        self.sessions.push(Session {
            layer: key.0,
            source: key.1,
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
            request: None,
            join: Join::None,
            report: None,
            cleared: false,
            carried_by: None,
            class: Class::Undecided,
            why: "",
        });
        u32::try_from(self.sessions.len() - 1).unwrap_or(u32::MAX)
    }

    fn session(&mut self, index: u32) -> Option<&mut Session> {
        self.sessions.get_mut(index as usize)
    }

    /// Ends what is still open under a key that is opened again.
    fn supersede(&mut self, key: &Key, time: i64) {
        if let Some(index) = self.open.remove(key)
            && let Some(old) = self.session(index)
        {
            (old.end, old.ended) = (Some(time), Ended::Superseded);
        }
    }

    fn open(&mut self, row: &Row<'_>, layer: Layer, key: Key) {
        self.supersede(&key, row.time());
        let index = self.start_session(row, key, row.time(), Opened::Logged);
        self.extra.entry(layer).or_default().opens += 1;
        self.open.insert(key, index);
    }

    /// A close. With a duration that does not fit the open session it belongs to another one.
    fn close(&mut self, row: &Row<'_>, layer: Layer, key: Key) {
        self.extra.entry(layer).or_default().closes += 1;
        let (time, duration) = (row.time(), row.long(LongCol::Duration));
        let current = self.open.get(&key).copied();
        let started = current.and_then(|index| self.sessions.get(index as usize)).map(|s| s.open);
        let tolerance = SECOND.max(duration.unwrap_or(0) / 100) + if layer == Layer::Proxy { SECOND } else { 0 };
        match (current, started, duration) {
            (Some(index), Some(open), Some(duration)) if time - duration > open + tolerance => {
                // The open of the session that closes here is lost; the one we know ended before that.
                if let Some(old) = self.session(index) {
                    (old.end, old.ended) = (Some(time - duration), Ended::Superseded);
                }
                self.open.remove(&key);
                self.closed_alone(row, key, duration);
            }
            (Some(_), Some(open), Some(duration)) if time - duration < open - tolerance => {
                self.closed_alone(row, key, duration)
            }
            (Some(index), ..) => {
                self.open.remove(&key);
                self.finish_session(index, row);
            }
            (None, _, Some(duration)) => self.closed_alone(row, key, duration),
            (None, ..) => self.extra.entry(layer).or_default().orphan_closes += 1,
        }
    }

    fn finish_session(&mut self, index: u32, row: &Row<'_>) {
        let (time, id, reason) = (row.time(), row.id, row.code(TextCol::Reason));
        if let Some(session) = self.session(index) {
            (session.end, session.ended, session.end_row) = (Some(time), Ended::Logged, Some(id));
            session.end_reason = if session.end_reason == 0 { reason } else { session.end_reason };
            session.client = if session.client == 0 { row.code(TextCol::Client) } else { session.client };
        }
    }

    /// A close whose open the log does not have, with the duration that tells when it was.
    fn closed_alone(&mut self, row: &Row<'_>, key: Key, duration: i64) {
        let open = row.time() - duration;
        let index = self.start_session(row, key, open, Opened::Inferred);
        self.finish_session(index, row);
        let first = row.source().and_then(|s| s.first);
        let balance = self.extra.entry(key.0).or_default();
        balance.inferred_opens += 1;
        balance.carried_in += u64::from(first.is_some_and(|first| open < first));
    }

    fn received(&mut self, row: &Row<'_>) {
        let key = self.key(row, Layer::Db);
        self.supersede(&key, row.time());
        let port = u16::try_from(row.int(IntCol::ClientPort)).unwrap_or(0);
        let received = Received { time: row.time(), client: row.code(TextCol::Client), port, row: row.id };
        self.received.insert((row.source_id(), row.int(IntCol::Pid)), received);
    }

    fn db_open(&mut self, row: &Row<'_>) {
        self.servers.insert(row.source_id());
        let key = self.key(row, Layer::Db);
        let received = self.received.remove(&(row.source_id(), row.int(IntCol::Pid)));
        self.open(row, Layer::Db, key);
        if let (Some(received), Some(session)) = (received, self.sessions.last_mut()) {
            // The session began when the connection was accepted; its identity comes from both lines.
            session.open = received.time;
            session.client = if session.client == 0 { received.client } else { session.client };
            session.client_port = if session.client_port == 0 { received.port } else { session.client_port };
        }
    }

    fn db_close(&mut self, row: &Row<'_>) {
        self.servers.insert(row.source_id());
        self.received.remove(&(row.source_id(), row.int(IntCol::Pid)));
        self.close(row, Layer::Db, self.key(row, Layer::Db));
    }

    /// An attempt turned away. Where the log had let it in a moment before, that is taken back.
    fn refused(&mut self, row: &Row<'_>, layer: Layer) {
        let key = self.key(row, layer);
        let reason = String::from_utf8_lossy(row.text(TextCol::Reason)).into_owned();
        let reason = if reason.is_empty() { "other".to_owned() } else { reason };
        if reason.starts_with("too_many") || reason.contains("slots") || reason.starts_with("max_client") {
            self.full.push((row.source_id(), row.time()));
        }
        self.received.remove(&(row.source_id(), row.int(IntCol::Pid)));
        let balance = self.extra.entry(layer).or_default();
        *balance.refused.entry(reason).or_default() += 1;
        if let Some(index) = self.open.get(&key).copied()
            && self
                .sessions
                .get(index as usize)
                .is_some_and(|s| row.time() - s.last_seen <= AT_ONCE && s.opened == Opened::Logged)
        {
            self.open.remove(&key);
            self.turned_away.insert(index);
            self.extra.entry(layer).or_default().opens -= 1;
        }
    }

    /// A line that says that a session is about to end: its reason belongs to the close that follows.
    fn note_end(&mut self, row: &Row<'_>) {
        let key = self.key(row, Layer::Db);
        let reason = row.code(TextCol::Reason);
        if let Some(index) = self.open.get(&key).copied()
            && let Some(session) = self.session(index)
        {
            session.end_reason = reason;
        }
    }

    fn activity(&mut self, row: &Row<'_>) {
        let key = self.key(row, Layer::Db);
        let time = row.time();
        if let Some(index) = self.open.get(&key).copied()
            && let Some(session) = self.session(index)
        {
            session.last_seen = time;
        }
    }

    fn borrow(&mut self, row: &Row<'_>) {
        let key = self.key(row, Layer::Pool);
        if key.2 == 0 && row.int(IntCol::BackendPid) == 0 {
            return; // A borrow without an identity cannot be followed.
        }
        let key = if key.2 == 0 { (key.0, key.1, 0, row.int(IntCol::BackendPid)) } else { key };
        if let Some(open) = self.open.get(&key).and_then(|i| self.sessions.get(*i as usize))
            && row.time() - open.open <= TWICE
        {
            self.duplicates += 1;
            return;
        }
        self.open(row, Layer::Pool, key);
        let request = self.requests.of_or_new(row);
        if let (Some((request, by_id)), Some(session)) = (request, self.sessions.last_mut()) {
            self.requests.keep(request);
            session.request = Some(request);
            session.join = if by_id { Join::RequestId } else { Join::Thread };
        }
    }

    fn give_back(&mut self, row: &Row<'_>) {
        let key = self.key(row, Layer::Pool);
        if key.2 == 0 && row.int(IntCol::BackendPid) == 0 {
            return;
        }
        let key = if key.2 == 0 { (key.0, key.1, 0, row.int(IntCol::BackendPid)) } else { key };
        if !self.open.contains_key(&key) && self.closed.get(&key).is_some_and(|t| row.time() - t <= TWICE) {
            self.duplicates += 1;
            return;
        }
        self.closed.insert(key, row.time());
        self.close(row, Layer::Pool, key);
    }

    /// A leak report. Pools that do not log borrows tell of one here for the first time: it was borrowed at least the
    /// detection threshold ago.
    fn report(&mut self, row: &Row<'_>) {
        let key = self.key(row, Layer::Pool);
        let open = self.open.get(&key).copied().filter(|_| key.2 != 0);
        let index = open.unwrap_or_else(|| {
            let threshold = self.threshold.get(&row.source_id()).copied().unwrap_or(2 * SECOND);
            let index = self.start_session(row, key, row.time() - threshold, Opened::Inferred);
            self.extra.entry(Layer::Pool).or_default().inferred_opens += 1;
            if key.2 != 0 {
                self.open.insert(key, index);
            }
            self.place(index, row.source_id());
            index
        });
        if let Some(session) = self.session(index) {
            session.report = Some(row.id);
            session.cleared = false;
        }
    }

    /// Finds the request that the thread of a reported borrow served at that moment, or leaves it for later.
    fn place(&mut self, index: u32, source: u32) {
        let Some(session) = self.sessions.get(index as usize) else { return };
        let (thread, moment) = (session.thread, session.open);
        match self.requests.at(source, self.rows.text(thread), moment) {
            Some(request) => self.join(index, request),
            None if thread != 0 => self.unplaced.push((index, source, thread, moment)),
            None => {}
        }
    }

    fn join(&mut self, index: u32, request: u32) {
        self.requests.keep(request);
        if let Some(session) = self.session(index) {
            (session.request, session.join) = (Some(request), Join::Thread);
        }
    }

    fn cleared(&mut self, row: &Row<'_>) {
        let key = self.key(row, Layer::Pool);
        if let Some(index) = self.open.get(&key).copied()
            && let Some(session) = self.session(index)
        {
            session.cleared = true;
        }
        self.close(row, Layer::Pool, key);
    }

    fn added(&mut self, row: &Row<'_>) {
        self.added.push(Added {
            source: row.source_id(),
            pid: row.int(IntCol::Pid),
            conn: row.code(TextCol::Conn),
            time: row.time(),
            backend_pid: row.int(IntCol::BackendPid),
        });
    }

    fn pool_start(&mut self, row: &Row<'_>) {
        if row.text(TextCol::Subject) == b"leakDetectionThreshold"
            && let Some(duration) = row.long(LongCol::Duration)
        {
            self.threshold.insert(row.source_id(), duration);
        }
    }

    fn request_end(&mut self, row: &Row<'_>) {
        let first = row.source().and_then(|s| s.first);
        let Some(index) = self.requests.end(row, first) else { return };
        let Some(request) = self.requests.all.get(index as usize).copied() else { return };
        let thread = self.rows.text(row.code(TextCol::Thread));
        let (Some(start), Some(end)) = (request.start, request.end) else { return };
        if thread.is_empty() || self.unplaced.is_empty() {
            return;
        }
        let rows = self.rows;
        let fits = |entry: &(u32, u32, u32, i64)| {
            entry.1 == row.source_id() && entry.3 >= start && entry.3 <= end && rows.text(entry.2).ends_with(thread)
        };
        if let Some(at) = self.unplaced.iter().position(fits) {
            let (session, ..) = self.unplaced.remove(at);
            self.join(session, index);
        }
    }

    fn lb(&mut self, row: &Row<'_>) {
        let duration = row.long(LongCol::Duration).unwrap_or(0);
        let (start, end) =
            if row.time_is_start() { (row.time(), row.time() + duration) } else { (row.time() - duration, row.time()) };
        self.lb.count += 1;
        self.lb.spans.0.push(start);
        self.lb.spans.1.push(end);
    }

    /// Every session of a server ends with it.
    fn end_of_server(&mut self, row: &Row<'_>) {
        let source = row.source_id();
        self.received.retain(|(s, _), _| *s != source);
        self.end_all(row, |key, _| matches!(key.0, Layer::Db | Layer::Proxy) && key.1 == source);
    }

    fn end_all(&mut self, row: &Row<'_>, of: impl Fn(&Key, &Session) -> bool) {
        let ours = |index: u32, key: &Key| self.sessions.get(index as usize).is_some_and(|s| of(key, s));
        let mut ended: Vec<(Key, u32)> =
            self.open.iter().filter(|(key, i)| ours(**i, key)).map(|(key, i)| (*key, *i)).collect();
        ended.sort_unstable_by_key(|(_, index)| *index);
        for (key, index) in ended {
            self.open.remove(&key);
            let (time, id) = (row.time(), row.id);
            if let Some(session) = self.session(index) {
                (session.end, session.ended, session.end_row) = (Some(time), Ended::Restart, Some(id));
            }
        }
    }

    fn app_start(&mut self, row: &Row<'_>) {
        let pid = process(row);
        let source = row.source_id();
        let alive = self.alive.entry(source).or_default();
        let first = alive.is_empty();
        if pid != 0 {
            alive.insert(pid);
        }
        if first || pid != 0 {
            self.end_all(row, |key, s| {
                key.0 == Layer::Pool && key.1 == source && ((first && s.pid == 0) || (pid != 0 && s.pid == pid))
            });
        }
    }

    fn app_stop(&mut self, row: &Row<'_>) {
        let pid = process(row);
        let alive = self.alive.entry(row.source_id()).or_default();
        alive.remove(&pid);
        let last = alive.is_empty();
        self.end_of_process(row, last);
    }

    /// What a process held ends with it; lines without a pid belong to the last process of their source.
    fn end_of_process(&mut self, row: &Row<'_>, last: bool) {
        let (source, pid) = (row.source_id(), process(row));
        self.end_all(row, |key, s| {
            key.0 == Layer::Pool && key.1 == source && ((pid != 0 && s.pid == pid) || (last && s.pid == 0))
        });
    }

    /// Ends the fold.
    pub fn finish(mut self) -> Folded {
        self.settle_received();
        let mut index = 0u32;
        self.sessions.retain(|_| {
            index += 1;
            !self.turned_away.contains(&(index - 1))
        });
        for (_, request) in self.requests.running().map(|(i, r)| (i, *r)).collect::<Vec<_>>() {
            let Some(start) = request.start else { continue };
            let row = self.rows.get(request.row);
            let key = (Layer::Request, row.source_id(), request.id, 0);
            let index = self.start_session(&row, key, start, Opened::Logged);
            if let Some(session) = self.session(index) {
                session.conn = request.id;
            }
        }
        for session in &mut self.sessions {
            if session.join == Join::Thread && !self.requests.thread_serves_one(session.source) {
                (session.request, session.join) = (None, Join::None);
            }
        }
        Folded {
            sessions: self.sessions,
            requests: self.requests.all,
            duplicates: self.duplicates,
            added: self.added,
            full: self.full,
            last_of_pid: self.last_of_pid,
            extra: self.extra,
            request_counts: self.requests.counts,
            lb: self.lb,
        }
    }

    /// A server that logs only the acceptance of connections: those that nothing followed are its sessions.
    fn settle_received(&mut self) {
        let mut left: Vec<((u32, u32), Received)> =
            self.received.drain().filter(|((source, _), _)| !self.servers.contains(source)).collect();
        left.sort_by_key(|(key, received)| (received.time, *key));
        for ((source, pid), received) in left {
            let row = self.rows.get(received.row);
            self.start_session(&row, (Layer::Db, source, 0, pid), received.time, Opened::Logged);
            self.extra.entry(Layer::Db).or_default().opens += 1;
        }
    }
}

/// Sources whose pool events are written once with a process id and once without: about as many of either.
fn echoed(rows: &Rows<'_>) -> HashSet<u32> {
    let mut counts: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for row in rows.iter().filter(|r| matches!(r.kind(), Kind::PoolBorrow | Kind::PoolReturn)) {
        let (with, without) = counts.entry(row.source_id()).or_default();
        *(if row.int(IntCol::Pid) == 0 { without } else { with }) += 1;
    }
    let twice = |(with, without): &(u64, u64)| *with > 0 && with.abs_diff(*without) * 50 <= *with;
    counts.iter().filter(|(_, counts)| twice(counts)).map(|(source, _)| *source).collect()
}

/// The process that an application's start or stop line is about: the one it names, else the one that wrote it.
fn process(row: &Row<'_>) -> u32 {
    match row.int(IntCol::BackendPid) {
        0 => row.int(IntCol::Pid),
        named => named,
    }
}

impl Folded {
    /// Counts per layer, once classes are known. Layers of which no line tells are left out.
    pub fn balances(&self) -> BTreeMap<Layer, Balance> {
        let mut out = self.extra.clone();
        let mut spans: BTreeMap<Layer, (Vec<i64>, Vec<i64>)> = BTreeMap::new();
        for session in &self.sessions {
            let balance = out.entry(session.layer).or_default();
            *balance.classes.entry(session.class).or_default() += 1;
            balance.ended_by_close += u64::from(session.ended == Ended::Logged);
            balance.open_at_end += u64::from(session.end.is_none());
            let (starts, ends) = spans.entry(session.layer).or_default();
            starts.push(session.open);
            ends.extend(session.end);
        }
        let counts = &self.request_counts;
        if counts.opens + counts.closes > 0 {
            let balance = out.entry(Layer::Request).or_default();
            balance.opens = counts.opens;
            balance.closes = counts.closes;
            balance.inferred_opens = counts.inferred;
            balance.carried_in = counts.carried_in;
            balance.orphan_closes = counts.orphans;
            balance.ended_by_close = counts.matched + counts.inferred;
            *balance.classes.entry(Class::Matched).or_default() += counts.matched + counts.inferred;
            spans.insert(Layer::Request, counts.spans.clone());
        }
        if self.lb.count > 0 {
            let balance = out.entry(Layer::Lb).or_default();
            (balance.opens, balance.closes, balance.ended_by_close) = (self.lb.count, self.lb.count, self.lb.count);
            balance.classes.insert(Class::Matched, self.lb.count);
            spans.insert(Layer::Lb, self.lb.spans.clone());
        }
        for (layer, (mut starts, mut ends)) in spans {
            if let Some(balance) = out.get_mut(&layer) {
                balance.peak_open = stats::peak(&mut starts, &mut ends);
            }
        }
        out
    }
}
