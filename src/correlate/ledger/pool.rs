//! Borrows from pools: lent, given back, reported as leaked, taken away.

use super::{Added, Key, Ledger, SECOND};
use crate::correlate::session::{Ended, Join, Opened};
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::Row;
use backtrail_parsers::Layer;

/// Producers that write a record twice do so within this time.
const TWICE: i64 = 5_000_000;
/// A stack in a record of its own follows its report within this time.
const SOON: i64 = SECOND;
/// Reasons of reports after which the connection is gone: its pool destroys it, or it was garbage.
const TAKEN: [&[u8]; 6] =
    [b"abandoned", b"overdue", b"garbage_collected", b"closed_for_you", b"harvested", b"checkout_timeout"];

impl Ledger<'_> {
    /// The key of a borrow: the connection's name, else the server's process, else the thread that borrows from that pool.
    fn pool_key(&self, row: &Row<'_>) -> Option<Key> {
        let key = self.key(row, Layer::Pool);
        if key.conn != 0 {
            return Some(key);
        }
        let backend = row.int(IntCol::BackendPid);
        if backend != 0 {
            return Some(Key { conn: u32::MAX, number: backend, ..key });
        }
        let thread = row.code(TextCol::Thread);
        // Odd and even keep names of connections and of pools apart: codes of both come from one dictionary.
        let pool = u32::MAX - 1 - row.code(TextCol::Pool);
        (thread != 0).then_some(Key { conn: pool, number: thread.rotate_left(16) ^ key.number, ..key })
    }

    pub(super) fn borrow(&mut self, row: &Row<'_>) {
        let Some(key) = self.pool_key(row) else { return }; // A borrow without an identity cannot be followed.
        if self.servers.never_returns(row.source_id()) && by_thread(&key) {
            // Without returns a thread that borrows again says nothing about what it borrowed before.
            self.start_session(row, Layer::Pool, row.time(), Opened::Logged);
            self.balance(Layer::Pool).opens += 1;
            return;
        }
        let open = self.open.get(&key).copied();
        if let Some(open) = open.and_then(|i| self.sessions.get(i as usize))
            && row.time() - open.open <= if by_thread(&key) { 0 } else { TWICE }
            && open.thread == row.code(TextCol::Thread)
        {
            self.duplicates += 1;
            return;
        }
        if let Some(outer) = open.filter(|_| by_thread(&key)) {
            self.nested.entry(key).or_default().push(outer);
            self.open.remove(&key);
        }
        self.open(row, key);
        let request = self.requests.of_or_new(row);
        if let (Some((request, by_id)), Some(session)) = (request, self.sessions.last_mut()) {
            self.requests.keep(request);
            session.request = Some(request);
            session.join = if by_id { Join::RequestId } else { Join::Thread };
        }
    }

    pub(super) fn give_back(&mut self, row: &Row<'_>) {
        let Some(key) = self.pool_key(row) else { return };
        let open = self.open.get(&key).copied();
        if open.is_none() && self.closed.get(&key).is_some_and(|t| row.time() - t <= TWICE) {
            self.duplicates += 1;
            return;
        }
        self.closed.insert(key, row.time());
        if let Some(before) = self.of_other_thread(&key, row) {
            self.balance(Layer::Pool).closes += 1;
            return self.finish_late(key, before, row);
        }
        self.close(row, key);
        if let Some(outer) = self.nested.get_mut(&key).and_then(Vec::pop) {
            self.open.insert(key, outer);
        }
    }

    /// Two processes without a pid in one log may have connections at one address, and a return may be logged after the
    /// next borrow: a return by the thread of the borrow before is that borrow's.
    fn of_other_thread(&self, key: &Key, row: &Row<'_>) -> Option<u32> {
        let thread = row.code(TextCol::Thread);
        let current = self.open.get(key).and_then(|i| self.sessions.get(*i as usize))?;
        let before = *self.given_up.get(key)?;
        let session = self.sessions.get(before as usize)?;
        (thread != 0 && session.thread == thread && current.thread != thread).then_some(before)
    }

    /// A leak report. Pools that do not log borrows tell of one here for the first time: it was borrowed at least the
    /// detection threshold ago.
    pub(super) fn report(&mut self, row: &Row<'_>) {
        let reason = row.text(TextCol::Reason);
        let source = row.source_id();
        if reason == b"overdue_stack" {
            return self.stack_of_report(row);
        }
        let key = self.key(row, Layer::Pool);
        let named = key.conn != 0;
        if !named && reason == b"unreleased_at_close" && self.servers.logs_borrows(source) {
            return; // It says that some were not given back; the borrows themselves say which.
        }
        let lent = self.lent(row);
        let mut open = self.open.get(&key).copied().filter(|_| named);
        if let Some(index) = open
            && self.is_another_borrow(index, row, lent)
        {
            // The pool lends it again: it had come back.
            self.supersede(&key, lent);
            open = None;
        }
        let index = open.unwrap_or_else(|| {
            let index = self.start_session(row, Layer::Pool, lent, Opened::Inferred);
            self.balance(Layer::Pool).inferred_opens += 1;
            if named {
                self.open.insert(key, index);
            }
            self.place(index, source);
            index
        });
        if row.text(TextCol::Stack).is_empty() {
            self.bare_report.insert(source, (row.time(), index));
        }
        let taken = TAKEN.contains(&reason);
        if let Some(session) = self.session(index) {
            session.report = Some(row.id);
            session.cleared = false;
            if taken {
                (session.end, session.ended, session.end_row) =
                    (Some(row.time().max(session.open)), Ended::Withdrawn, Some(row.id));
                session.end_reason = row.code(TextCol::Reason);
            }
        }
        if taken && named {
            self.open.remove(&key);
            self.given_up.insert(key, index);
        }
    }

    /// When a reported borrow began: as the report says, else the detection threshold before it, at the latest.
    fn lent(&self, row: &Row<'_>) -> i64 {
        if row.time_is_start() {
            return row.time();
        }
        let held = row.long(LongCol::Duration).filter(|d| *d > 0);
        let threshold = self.threshold.get(&row.source_id()).copied().filter(|t| *t > 0);
        row.time() - held.or(threshold).unwrap_or(2 * SECOND)
    }

    /// True where a second report of a connection is about a second borrow: its holder is another thread, or it began
    /// after the first report, in a pool that reports each borrow once.
    fn is_another_borrow(&self, index: u32, row: &Row<'_>, lent: i64) -> bool {
        let Some(session) = self.sessions.get(index as usize) else { return false };
        let Some(first) = session.report else { return false };
        let first = self.rows.get(first);
        let thread = row.code(TextCol::Thread);
        let once = row.text(TextCol::Reason).is_empty();
        (thread != 0 && session.thread != 0 && thread != session.thread) || (once && thread != 0 && lent > first.time())
    }

    /// The stack of a report that came without one, in a record of its own.
    fn stack_of_report(&mut self, row: &Row<'_>) {
        let Some((time, index)) = self.bare_report.remove(&row.source_id()) else { return };
        if row.time() - time <= SOON
            && let Some(session) = self.session(index)
        {
            session.report = Some(row.id);
        }
    }

    /// Finds the request that the thread of a reported borrow served at that moment, or leaves it for later.
    fn place(&mut self, index: u32, source: u32) {
        let Some(session) = self.sessions.get(index as usize) else { return };
        let (thread, moment) = (session.thread, session.open);
        if thread == 0 {
            return;
        }
        match self.requests.at(source, self.rows.text(thread), moment) {
            Some(request) => self.join(index, request),
            None => {
                let tail = crate::correlate::requests::tail(self.rows.text(thread));
                self.unplaced.entry((source, tail)).or_default().push(index);
            }
        }
    }

    fn join(&mut self, index: u32, request: u32) {
        self.requests.keep(request);
        if let Some(session) = self.session(index) {
            (session.request, session.join) = (Some(request), Join::Thread);
        }
    }

    /// A request ends: a borrow that was reported while it ran may be its own.
    pub(super) fn request_end(&mut self, row: &Row<'_>) {
        let first = row.source().and_then(|s| s.first);
        let Some(index) = self.requests.end(row, first) else { return };
        if self.unplaced.is_empty() {
            return;
        }
        let Some(request) = self.requests.all.get(index as usize).copied() else { return };
        let (Some(start), Some(end)) = (request.start, request.end) else { return };
        let thread = row.text(TextCol::Thread);
        if thread.is_empty() {
            return;
        }
        let key = (row.source_id(), crate::correlate::requests::tail(thread));
        let Some(waiting) = self.unplaced.get_mut(&key) else { return };
        let sessions = &self.sessions;
        let inside = |i: &u32| sessions.get(*i as usize).is_some_and(|s| s.open >= start && s.open <= end);
        let (placed, left): (Vec<u32>, Vec<u32>) = waiting.iter().partition(|i| inside(i));
        *waiting = left;
        for session in placed {
            self.join(session, index);
        }
    }

    /// Reports whose request never ended.
    pub(super) fn place_the_rest(&mut self) {
        let mut left: Vec<((u32, Vec<u8>), Vec<u32>)> = self.unplaced.drain().collect();
        left.sort_unstable();
        for ((source, thread), sessions) in left {
            for index in sessions {
                let moment = self.sessions.get(index as usize).map_or(0, |s| s.open);
                if let Some(request) = self.requests.running_at(self.rows, source, &thread, moment) {
                    self.join(index, request);
                }
            }
        }
    }

    /// A report is withdrawn: what it was about came back.
    pub(super) fn cleared(&mut self, row: &Row<'_>) {
        let key = self.key(row, Layer::Pool);
        let index = self.open.get(&key).or_else(|| self.given_up.get(&key)).copied();
        if let Some(session) = index.and_then(|index| self.session(index)) {
            session.cleared = true;
        }
        self.closed.insert(key, row.time());
        self.close(row, key);
    }

    pub(super) fn added(&mut self, row: &Row<'_>) {
        self.added.push(Added {
            source: row.source_id(),
            unit: row.code(TextCol::Host),
            pid: row.int(IntCol::Pid),
            conn: row.code(TextCol::Conn),
            row: row.id,
            time: row.time(),
            backend_pid: row.int(IntCol::BackendPid),
            port: u16::try_from(row.int(IntCol::ClientPort)).unwrap_or(0),
            proxy: false,
        });
    }

    /// A pool closes a physical connection. Where it is lent, its holder has lost it.
    pub(super) fn removed(&mut self, row: &Row<'_>) {
        let key = self.key(row, Layer::Pool);
        if key.conn == 0 {
            return;
        }
        let Some(index) = self.open.remove(&key) else { return };
        let (time, id, reason) = (row.time(), row.id, row.code(TextCol::Reason));
        if let Some(session) = self.session(index) {
            (session.end, session.ended, session.end_row) = (Some(time.max(session.open)), Ended::Withdrawn, Some(id));
            session.end_reason = reason;
        }
        self.given_up.insert(key, index);
    }

    pub(super) fn pool_start(&mut self, row: &Row<'_>) {
        if row.text(TextCol::Subject) == b"leakDetectionThreshold"
            && let Some(duration) = row.long(LongCol::Duration)
        {
            self.threshold.insert(row.source_id(), duration);
        }
    }
}

/// True for keys that are made of a thread, which may borrow again before it gives back.
fn by_thread(key: &Key) -> bool {
    key.conn > u32::MAX / 2 && key.conn != u32::MAX
}
