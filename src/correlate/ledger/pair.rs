//! The state machine of a key: opened, opened again, closed, closed late.

use super::{Ending, Key, Ledger, SECOND};
use crate::correlate::session::{Ended, Opened};
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::Row;
use backtrail_parsers::Layer;

/// A close that comes this long after its session was given up for ended still belongs to it.
const LATE: i64 = 60 * SECOND;
/// A login may take this long before the line that lets a client in (PostgreSQL's `authentication_timeout`).
const LOGIN: i64 = 60 * SECOND;

/// How a close and a session fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// The close is the session's.
    Same,
    /// The close is of a session that began earlier.
    Older,
    /// The close is of a session that began later: its open is lost.
    Newer,
}

impl Ledger<'_> {
    pub(super) fn open(&mut self, row: &Row<'_>, key: Key) {
        self.supersede(&key, row.time());
        let index = self.start_session(row, key.layer, row.time(), Opened::Logged);
        self.balance(key.layer).opens += 1;
        if let Some(ending) = self.endings.get(&key).copied().filter(|e| e.time == row.time()) {
            // Two files of one server, one second: the end was read before the open.
            self.endings.remove(&key);
            self.announce(index, ending);
        }
        if key.is_empty() {
            self.nameless.entry(key.source).or_default().push(index);
        } else {
            self.open.insert(key, index);
        }
    }

    /// Ends what is still open under a key that is opened again: some time between its last sign of life and now.
    pub(super) fn supersede(&mut self, key: &Key, time: i64) {
        let Some(index) = self.open.remove(key) else { return };
        if self.end_as_announced(index) {
            return;
        }
        if let Some(old) = self.session(index) {
            (old.end, old.ended) = (Some(time.max(old.open)), Ended::Superseded);
        }
        self.given_up.insert(*key, index);
    }

    pub(super) fn announce(&mut self, index: u32, ending: Ending) {
        if let Some(session) = self.session(index) {
            (session.end_reason, session.broken) = (ending.reason, ending.broken);
            session.ending = Some((ending.time, ending.row));
        }
    }

    /// Ends a session at the line that announced its end, where no sign of life came after it. No close will come.
    pub(super) fn end_as_announced(&mut self, index: u32) -> bool {
        let Some(session) = self.session(index) else { return false };
        let Some((time, row)) = session.ending.filter(|(time, _)| *time >= session.last_seen) else { return false };
        (session.end, session.ended, session.end_row) = (Some(time), Ended::Logged, Some(row));
        let layer = session.layer;
        self.balance(layer).closes += 1;
        true
    }

    /// How far a session's length as stated may be from what its lines say.
    pub(super) fn tolerance(&self, layer: Layer, source: u32, duration: i64) -> i64 {
        let lines = match layer {
            // Whole seconds of age.
            Layer::Proxy => 2 * SECOND,
            // A name look-up and a login stand between the begin and the line.
            Layer::Db => SECOND,
            _ => 50_000_000,
        };
        lines.max(2 * self.servers.resolution(source)).max(duration / 100)
    }

    /// Whether a close and a session belong together: by the client's port where both state it, else by the duration.
    pub(super) fn fit(&self, index: u32, row: &Row<'_>) -> Option<Fit> {
        let session = self.sessions.get(index as usize)?;
        let port = u16::try_from(row.int(IntCol::ClientPort)).unwrap_or(0);
        let duration = row.long(LongCol::Duration);
        let began = duration.map(|d| row.time().saturating_sub(d));
        let known = port != 0 && session.client_port != 0 && session.layer == Layer::Db;
        if known && port == session.client_port {
            return Some(Fit::Same);
        }
        let tolerance = duration.map_or(0, |d| self.tolerance(session.layer, session.source, d));
        match began {
            Some(began) if known => Some(if began > session.open { Fit::Newer } else { Fit::Older }),
            None if known => Some(Fit::Newer),
            Some(began) if began > session.open.saturating_add(tolerance) => Some(Fit::Newer),
            Some(began) if began < session.open.saturating_sub(tolerance) => Some(Fit::Older),
            _ => Some(Fit::Same),
        }
    }

    /// A close. With a duration or a port that does not fit the open session it belongs to another one.
    pub(super) fn close(&mut self, row: &Row<'_>, key: Key) {
        self.balance(key.layer).closes += 1;
        let key = if key.is_empty() { self.nameless(row, key) } else { key };
        let duration = row.long(LongCol::Duration);
        let current = self.open.get(&key).copied();
        let before = self.given_up.get(&key).copied();
        match current.and_then(|index| Some((index, self.fit(index, row)?))) {
            Some((index, Fit::Same)) => {
                self.open.remove(&key);
                self.finish_session(index, row);
            }
            Some((_, Fit::Newer)) => {
                // The open of the session that closes here is lost; the one we know ended before that.
                self.supersede(&key, row.time().saturating_sub(duration.unwrap_or(0)));
                self.close_alone(row, key);
            }
            Some((index, Fit::Older)) => match before.filter(|b| self.fit(*b, row) == Some(Fit::Same)) {
                Some(before) => self.finish_late(key, before, row),
                None if self.slow_login(index, row) => {
                    self.open.remove(&key);
                    let began = row.time() - duration.unwrap_or(0);
                    self.finish_session(index, row);
                    if let Some(session) = self.session(index) {
                        session.open = began;
                    }
                }
                None => self.close_alone(row, key),
            },
            None => match before.filter(|b| self.late(*b, row)) {
                Some(before) => self.finish_late(key, before, row),
                None => self.close_alone(row, key),
            },
        }
    }

    /// A login that took long before the line that let it in: the server counts it, the line does not.
    pub(super) fn slow_login(&self, index: u32, row: &Row<'_>) -> bool {
        let (Some(session), Some(duration)) = (self.sessions.get(index as usize), row.long(LongCol::Duration)) else {
            return false;
        };
        let began = row.time() - duration;
        let first = row.source().and_then(|s| s.first).unwrap_or(i64::MAX);
        session.layer == Layer::Db && session.client_port == 0 && session.open - began <= LOGIN && began >= first
    }

    /// True where a close may still be that of a session given up for ended.
    pub(super) fn late(&self, index: u32, row: &Row<'_>) -> bool {
        let Some(session) = self.sessions.get(index as usize) else { return false };
        let age = row.time() - session.end.unwrap_or(session.open);
        let fits = self.fit(index, row) == Some(Fit::Same);
        match (session.layer, row.long(LongCol::Duration)) {
            (_, Some(_)) => fits,
            (Layer::Pool, None) => fits && age <= 10 * LATE,
            (_, None) => fits && age <= LATE,
        }
    }

    pub(super) fn finish_late(&mut self, key: Key, index: u32, row: &Row<'_>) {
        self.given_up.remove(&key);
        self.finish_session(index, row);
    }

    pub(super) fn finish_session(&mut self, index: u32, row: &Row<'_>) {
        let (time, id, reason) = (row.time(), row.id, row.code(TextCol::Reason));
        if let Some(session) = self.session(index) {
            (session.end, session.ended, session.end_row) = (Some(time.max(session.open)), Ended::Logged, Some(id));
            session.end_reason = if session.end_reason == 0 { reason } else { session.end_reason };
            session.client = if session.client == 0 { row.code(TextCol::Client) } else { session.client };
            if session.client_port == 0 {
                session.client_port = u16::try_from(row.int(IntCol::ClientPort)).unwrap_or(0);
            }
        }
    }

    /// A close whose open the log does not have: with a duration that tells when it was, else an orphan.
    pub(super) fn close_alone(&mut self, row: &Row<'_>, key: Key) {
        let announced = self.endings.remove(&key);
        let Some(duration) = row.long(LongCol::Duration) else {
            self.balance(key.layer).orphan_closes += 1;
            return;
        };
        let open = row.time().saturating_sub(duration);
        let index = self.start_session(row, key.layer, open, Opened::Inferred);
        if let Some(ending) = announced {
            self.announce(index, ending);
        }
        self.finish_session(index, row);
        let first = row.source().and_then(|s| s.first);
        let balance = self.balance(key.layer);
        balance.inferred_opens += 1;
        balance.carried_in += u64::from(first.is_some_and(|first| open < first));
    }
}
