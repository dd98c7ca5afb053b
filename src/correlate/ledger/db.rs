//! Sessions on database servers, and a proxy's own sessions with them.

use super::servers::Family;
use super::{Ending, Key, Ledger, Received, SECOND};
use crate::correlate::session::{Opened, Purpose};
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::Row;
use backtrail_parsers::{Kind, Layer};

/// A client let in and turned away at once was not let in.
const AT_ONCE: i64 = 2 * SECOND;

impl Ledger<'_> {
    pub(super) fn received(&mut self, row: &Row<'_>) {
        let mut key = self.key(row, Layer::Db);
        self.supersede(&key, row.time());
        let port = u16::try_from(row.int(IntCol::ClientPort)).unwrap_or(0);
        if key.is_empty() {
            key.number = u32::from(port);
        }
        let received = Received { time: row.time(), client: row.code(TextCol::Client), port, row: row.id };
        self.received.insert(key, received);
    }

    pub(super) fn db_open(&mut self, row: &Row<'_>) {
        let key = self.key(row, Layer::Db);
        let received = self.received.remove(&self.received_key(&key));
        self.gauges.open(row, self.servers.family(row));
        self.open(row, key);
        let purpose = purpose(row);
        if let Some(session) = self.sessions.last_mut() {
            session.purpose = purpose;
            if let Some(received) = received {
                // The session began when the connection was accepted; its identity comes from both lines.
                session.open = received.time;
                session.client = if session.client == 0 { received.client } else { session.client };
                session.client_port = if session.client_port == 0 { received.port } else { session.client_port };
            }
        }
    }

    /// The accepted connection that a login belongs to; where the log names no process, the one that waits longest.
    fn received_key(&self, key: &Key) -> Key {
        if !key.is_empty() {
            return *key;
        }
        let waiting = self.received.iter().filter(|(k, _)| k.source == key.source && k.unit == key.unit);
        waiting.min_by_key(|(k, r)| (r.time, **k)).map_or(*key, |(k, _)| *k)
    }

    /// A session that only its acceptance and what followed tell of: the log has no line that lets clients in.
    fn open_received(&mut self, row: &Row<'_>, key: Key) -> bool {
        let Some(received) = self.received.get(&key).copied() else { return false };
        if self.servers.logs(row.source_id()).0 {
            return false;
        }
        self.received.remove(&key);
        let accepted = self.rows.get(received.row);
        let index = self.start_session(&accepted, Layer::Db, received.time, Opened::Logged);
        self.balance(Layer::Db).opens += 1;
        self.open.insert(key, index);
        true
    }

    pub(super) fn db_close(&mut self, row: &Row<'_>) {
        let key = self.key(row, Layer::Db);
        // The end of an attempt that was turned away a moment ago is no session's close.
        if !self.open.contains_key(&key) && self.closed.get(&key).is_some_and(|t| row.time() - t <= AT_ONCE) {
            return;
        }
        self.gauges.close(row);
        if !self.open.contains_key(&key) {
            self.open_received(row, key);
        }
        self.received.remove(&key);
        if self.servers.family(row) == Family::Mysql {
            self.closed.insert(key, row.time());
        }
        self.close(row, key);
    }

    /// Finds the key of a session in a log that names neither process nor session: by the port, else by when it began.
    pub(super) fn nameless(&mut self, row: &Row<'_>, key: Key) -> Key {
        let port = u16::try_from(row.int(IntCol::ClientPort)).unwrap_or(0);
        let began = row.time() - row.long(LongCol::Duration).unwrap_or(0);
        let Some(open) = self.nameless.get(&key.source) else { return key };
        let sessions = &self.sessions;
        let near = |index: u32| sessions.get(index as usize).map(|s| (s.client_port != port, (s.open - began).abs()));
        let best = open.iter().enumerate().filter_map(|(at, i)| Some((near(*i)?, at, *i))).min();
        let Some(((other_port, off), at, index)) = best else { return key };
        let tolerance = self.tolerance(key.layer, key.source, row.long(LongCol::Duration).unwrap_or(0));
        if (other_port || port == 0) && off > tolerance {
            return key;
        }
        if let Some(open) = self.nameless.get_mut(&key.source) {
            open.swap_remove(at);
        }
        let named = Key { number: index.saturating_add(1), ..key };
        self.open.insert(named, index);
        named
    }

    /// An attempt turned away. Where the log had let it in a moment before, that is taken back.
    pub(super) fn refused(&mut self, row: &Row<'_>, layer: Layer) {
        let key = self.key(row, layer);
        let reason = String::from_utf8_lossy(row.text(TextCol::Reason)).into_owned();
        let reason = if reason.is_empty() { "other".to_owned() } else { reason };
        if reason.starts_with("too_many") || reason.contains("slots") || reason.starts_with("max_") {
            self.full.push((row.source_id(), row.time()));
        }
        self.received.remove(&key);
        if layer == Layer::Db && !key.is_empty() {
            self.closed.insert(key, row.time());
        }
        *self.balance(layer).refused.entry(reason).or_default() += 1;
        self.take_back(row, &key);
    }

    /// Unmakes a session that was let in and turned away at once.
    fn take_back(&mut self, row: &Row<'_>, key: &Key) {
        let Some(index) = self.open.get(key).copied() else { return };
        let fresh = |s: &crate::correlate::Session| row.time() - s.last_seen <= AT_ONCE && s.opened == Opened::Logged;
        if self.sessions.get(index as usize).is_some_and(fresh) {
            self.open.remove(key);
            self.turned_away.insert(index);
            self.balance(key.layer).opens -= 1;
        }
    }

    /// A line that says that a session is about to end, or has ended: its reason belongs to the close that follows, if one
    /// does.
    pub(super) fn note_end(&mut self, row: &Row<'_>) {
        if row.text(TextCol::Reason) == b"closed_before_authentication" {
            return self.refused(row, Layer::Db);
        }
        let key = self.key(row, Layer::Db);
        let ending = Ending {
            time: row.time(),
            row: row.id,
            reason: row.code(TextCol::Reason),
            broken: row.kind() == Kind::DbPeerError,
            // MySQL writes no other line about such an end; its log of statements has no `Quit` for it.
            last_word: self.servers.family(row) == Family::Mysql,
        };
        if !self.open.contains_key(&key) {
            self.open_received(row, key);
        }
        match self.open.get(&key).copied() {
            Some(index) => self.announce(index, ending),
            None if key.is_empty() || self.closed.get(&key).is_some_and(|t| row.time() - t <= SECOND) => {}
            None => {
                self.endings.insert(key, ending);
            }
        }
    }

    pub(super) fn activity(&mut self, row: &Row<'_>) {
        let key = self.key(row, Layer::Db);
        if key.is_empty() {
            return;
        }
        if !self.open.contains_key(&key) && !self.open_received(row, key) {
            return;
        }
        let (time, purpose) = (row.time(), purpose(row));
        if let Some(index) = self.open.get(&key).copied()
            && let Some(session) = self.session(index)
        {
            session.last_seen = time;
            session.purpose = if purpose == Purpose::Ordinary { session.purpose } else { purpose };
        }
    }

    /// A proxy's session with a server. Where the server's own log is there, it only helps to know whose session that is.
    pub(super) fn proxy_server_open(&mut self, row: &Row<'_>) {
        self.added.push(super::Added {
            source: row.source_id(),
            unit: row.code(TextCol::Host),
            pid: row.int(IntCol::Pid),
            conn: row.code(TextCol::Conn),
            row: row.id,
            time: row.time(),
            backend_pid: row.int(IntCol::BackendPid),
            port: u16::try_from(row.int(IntCol::ClientPort)).unwrap_or(0),
            proxy: true,
        });
        if !self.servers.behind_proxy(row) {
            let key = self.key(row, Layer::Db);
            self.open(row, key);
        }
    }

    pub(super) fn proxy_server_close(&mut self, row: &Row<'_>) {
        if !self.servers.behind_proxy(row) {
            let key = self.key(row, Layer::Db);
            self.close(row, key);
        }
    }

    /// A proxy's attempt to reach its server failed: the connection that it began is none.
    pub(super) fn proxy_server_failed(&mut self, row: &Row<'_>) {
        if self.servers.family(row) == Family::Proxy && !self.servers.behind_proxy(row) {
            let key = self.key(row, Layer::Db);
            self.take_back(row, &key);
        }
    }

    /// A server that logs only the acceptance of connections: those that nothing followed are its sessions.
    pub(super) fn settle_received(&mut self) {
        let mut left: Vec<(Key, Received)> = self.received.drain().collect();
        left.retain(|(_, received)| {
            let source = self.rows.get(received.row).source_id();
            self.servers.logs(source) == (false, false)
        });
        left.sort_by_key(|(key, received)| (received.time, *key));
        for (_, received) in left {
            let row = self.rows.get(received.row);
            self.start_session(&row, Layer::Db, received.time, Opened::Logged);
            self.balance(Layer::Db).opens += 1;
        }
    }
}

/// What a session is for, from its open line or from what it does.
fn purpose(row: &Row<'_>) -> Purpose {
    let starts = |text: &[u8], with: &str| text.get(..with.len()).is_some_and(|t| t.eq_ignore_ascii_case(with.as_bytes()));
    let statement = row.text(TextCol::Statement);
    if !statement.is_empty() {
        return match () {
            () if starts(statement, "listen ") => Purpose::Listener,
            () if starts(statement, "start_replication") || starts(statement, "identify_system") => Purpose::Replication,
            () if starts(statement, "base_backup") => Purpose::Maintenance,
            () => Purpose::Ordinary,
        };
    }
    if row.kind() != Kind::DbOpen {
        return Purpose::Ordinary;
    }
    let app = row.text(TextCol::AppName).to_ascii_lowercase();
    let has = |word: &str| memchr::memmem::find(&app, word.as_bytes()).is_some();
    let user = row.text(TextCol::DbUser);
    let replicates = ["walreceiver", "pg_receivewal", "debezium", "pg_recvlogical", "replica", "subscription", "barman"];
    let maintains =
        ["pg_dump", "pg_restore", "pg_basebackup", "flyway", "liquibase", "alembic", "migrat", "vacuumdb", "pgbackrest"];
    if row.text(TextCol::Reason) == b"replication"
        || replicates.into_iter().any(has)
        || matches!(user, b"repl" | b"replica" | b"replicator" | b"replication" | b"rdsrepladmin" | b"system user")
    {
        Purpose::Replication
    } else if maintains.into_iter().any(has) {
        Purpose::Maintenance
    } else {
        Purpose::Ordinary
    }
}
