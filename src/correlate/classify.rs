//! What became of every session: the rules, in the order in which they apply.

mod background;
mod facts;

use super::gaps::Gap;
use super::ledger::Folded;
use super::pooled;
use super::session::{Class, Ended, Opened, Purpose, Session};
use crate::table::Rows;
use backtrail_parsers::Layer;
use facts::Facts;
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000_000;
/// A server notices within this time that its client's process is gone, or it does not notice at all.
const NOTICED: i64 = 60 * SECOND;

/// A session still open: what the rules say of it where they cannot say more.
const YOUNG: &str = "not older than sessions usually are";
/// See [`YOUNG`].
const OLD: &str = "older than nearly every session that closed; no rule proves a leak";
/// See [`YOUNG`].
const UNKNOWN: &str = "too few sessions closed to know how long they usually last";
/// A session that something else ended: whether it would have come back is open.
const RESTARTED: &str = "its server or process ended";
/// A server session that a borrow must hold.
const OVERAGE: &str = "older than its pool lets connections grow, while its siblings were replaced";
/// What is left of that where lines are missing.
const LOST_LINES: &str = "older than its pool lets connections grow, but its log lacks lines, its close may be among them";
/// See [`RESTARTED`].
const GONE: &str = "its process wrote nothing more while another took its place";

/// True where the rules leave open whether a session leaked: its age may tell.
pub(super) fn is_open_question(session: &Session) -> bool {
    matches!(session.why, YOUNG | OLD | UNKNOWN | RESTARTED | GONE)
}

/// True where the rules have nothing to hold a session's age against.
pub(super) fn is_without_reference(session: &Session) -> bool {
    session.why == UNKNOWN
}

/// Gives every session its class.
pub fn classify(rows: &Rows<'_>, folded: &mut Folded, gaps: &[Gap]) {
    let mut facts = Facts::new(rows, folded, gaps);
    // Pools first: whether a server session is idle depends on what the borrows that it carries came to.
    for layer in [Layer::Pool, Layer::Request, Layer::Proxy, Layer::Db] {
        let classes: Vec<(usize, (Class, &'static str))> = folded
            .sessions
            .iter()
            .enumerate()
            .filter(|(_, s)| s.layer == layer)
            .map(|(at, s)| (at, facts.class(at, s, folded)))
            .collect();
        for (at, (class, why)) in classes {
            if let Some(session) = folded.sessions.get_mut(at) {
                (session.class, session.why) = (class, why);
            }
        }
        if layer == Layer::Pool {
            facts.see_carried(&folded.sessions);
        }
    }
    doubt_overage(rows, folded);
    for closed in super::exit::closed_by_exit(rows, &folded.sessions) {
        if let Some(session) = folded.sessions.get_mut(closed.index as usize).filter(|s| s.class == Class::Matched) {
            session.class = Class::Leaked;
            session.why = if closed.far {
                "only the end of its client's process closed it, and it lasted far longer than sessions do here"
            } else {
                "only the end of its client's process closed it, and every request that may have opened it was over"
            };
        }
    }
}

/// A session whose close is not in the log looks as old as one that a borrow holds. Where opens of the same log are missing,
/// as many closes are, by chance some more: no more over-age sessions than that prove nothing.
fn doubt_overage(rows: &Rows<'_>, folded: &mut Folded) {
    let mut missing: BTreeMap<u32, u32> = BTreeMap::new();
    for session in folded.sessions.iter().filter(|s| s.layer == Layer::Db && s.opened == Opened::Inferred) {
        let begin = rows.get(session.open_row).source().and_then(|s| s.first).unwrap_or(i64::MAX);
        *missing.entry(session.source).or_default() += u32::from(session.open > begin + SECOND);
    }
    for (source, missing) in missing.into_iter().filter(|(_, missing)| *missing > 0) {
        let old = |s: &&mut Session| s.source == source && s.layer == Layer::Db && s.why == OVERAGE;
        let found = folded.sessions.iter_mut().filter(old).count() as f64;
        // Three standard deviations of a Poisson count.
        if found <= f64::from(missing) + 3.0 * f64::from(missing).sqrt() {
            for session in folded.sessions.iter_mut().filter(old) {
                (session.class, session.why) = (Class::Undecided, LOST_LINES);
            }
        }
    }
}

impl Facts<'_> {
    fn class(&self, at: usize, session: &Session, folded: &Folded) -> (Class, &'static str) {
        let request_end = session.request.and_then(|r| folded.requests.get(r as usize)).and_then(|r| r.end);
        let until = session.end.unwrap_or_else(|| self.log_end(session));
        let outlived = session.layer == Layer::Pool && request_end.is_some_and(|end| until - end > self.grace);
        match session.ended {
            Ended::Logged => self.closed(session),
            Ended::Superseded => self.superseded(session, outlived),
            Ended::Withdrawn => self.withdrawn(session, outlived),
            Ended::Open | Ended::Restart if session.report.is_some() && !session.cleared => {
                (Class::Leaked, "its pool reported it as leaked and never withdrew that")
            }
            Ended::Open | Ended::Restart if outlived => (Class::Leaked, "its request ended and it was not given back"),
            Ended::Restart => self.restarted(session, until),
            Ended::Open => self.open(at, session, until, folded),
        }
    }

    fn closed(&self, session: &Session) -> (Class, &'static str) {
        let reason = self.rows.text(session.end_reason);
        if is_reaped(reason) {
            (Class::Reaped, "the server ended it for being idle")
        } else if session.broken || is_peer_error(reason) {
            (Class::PeerError, "the connection broke")
        } else if session.report.is_some() {
            (Class::SlowHold, "reported as leaked, given back later")
        } else if self.ended_by_stop(session, reason) {
            (Class::EndedByRestart, "its server was stopping and ended it")
        } else {
            (Class::Matched, "")
        }
    }

    /// A pool does not lend what it has lent: either the return is not in the log, or the name is another connection's.
    fn superseded(&self, session: &Session, outlived: bool) -> (Class, &'static str) {
        let renewed = session.layer == Layer::Pool && self.was_added_again(session);
        match (session.report.is_some() && !session.cleared, outlived) {
            (true, _) | (_, true) if renewed => (Class::Leaked, "never given back; its name is now another connection's"),
            (true, _) => (Class::LostClose, "its pool lent the connection again, so it had come back; no line says so"),
            _ => (Class::Superseded, "its key was opened again"),
        }
    }

    fn withdrawn(&self, session: &Session, outlived: bool) -> (Class, &'static str) {
        let reason = self.rows.text(session.end_reason);
        if session.report.is_some() && !session.cleared {
            (Class::Leaked, "its pool reported it as leaked and took it away")
        } else if outlived {
            (Class::Leaked, "its request ended and it was not given back; its pool took it away")
        } else if matches!(reason, b"invalidated" | b"broken" | b"dead") {
            (Class::PeerError, "the connection broke while it was lent")
        } else {
            (Class::Matched, "its pool closed the connection while it was lent")
        }
    }

    fn restarted(&self, session: &Session, until: i64) -> (Class, &'static str) {
        let leak = if session.layer == Layer::Db { self.leaked_on_server(session, until) } else { None };
        leak.unwrap_or((Class::EndedByRestart, RESTARTED))
    }

    fn open(&self, at: usize, session: &Session, until: i64, folded: &Folded) -> (Class, &'static str) {
        if session.purpose != Purpose::Ordinary {
            return (Class::StillInUse, "replication, listeners, dumps and streams are open for long by design");
        }
        if is_reaped(self.rows.text(session.end_reason)) {
            return (Class::Reaped, "the server ended it for being idle");
        }
        if session.layer == Layer::Db
            && let Some(told) = self.told_by_pool(at, session, until, folded)
        {
            return told;
        }
        if session.layer != Layer::Request && session.report.is_none() && !folded.tells_of_ends(session.source) {
            return (Class::Undecided, "its log tells of no session's end at all");
        }
        if session.layer == Layer::Db
            && let Some(leaked) = self.leaked_on_server(session, until)
        {
            return leaked;
        }
        if matches!(session.layer, Layer::Pool | Layer::Proxy) && self.process_gone(session) {
            return (Class::EndedByRestart, GONE);
        }
        if session.layer == Layer::Pool
            && let Some(background) = self.background(at)
        {
            return background;
        }
        self.lost(at, session, until).unwrap_or_else(|| self.at_end(session, until))
    }

    /// What the pool's own log says of the server session that carries its connection.
    fn told_by_pool(&self, at: usize, session: &Session, until: i64, folded: &Folded) -> Option<(Class, &'static str)> {
        let index = u32::try_from(at).unwrap_or(u32::MAX);
        let (source, pid) = *folded.owners.get(&index)?;
        if self.process_ended(source, pid, session.open).is_some_and(|end| until - end > NOTICED) {
            return Some((Class::PeerError, "its client's process ended, and the server has not noticed"));
        }
        if self.carries.contains(&index) {
            return Some((Class::StillInUse, "it carries a borrow that is still out"));
        }
        Some((Class::PooledIdle, "a pool opened it and keeps it"))
    }

    /// Two rules that need no statistics: a pool's connection older than the pool lets any grow is held by a borrow, and
    /// sessions that lay idle while their server turned clients away were not needed by anybody.
    fn leaked_on_server(&self, session: &Session, until: i64) -> Option<(Class, &'static str)> {
        if session.purpose != Purpose::Ordinary {
            return None;
        }
        let client = pooled::client(self.rows, session);
        if let Some(ceiling) = self.ceilings.get(&client) {
            let limit = ceiling + ceiling / 33 + 60 * SECOND.min(*ceiling / 10);
            return (until - session.open > limit).then_some((Class::Leaked, OVERAGE));
        }
        let full = *self.full.get(&session.source)?;
        let usual = self.usual_of(&client, 0.99)?;
        let idle_since = session.last_seen.max(session.open);
        let age = full - idle_since;
        (session.open < full && until > full && age > (10 * usual).max(60 * SECOND)).then_some((
            Class::Leaked,
            "idle while its server turned clients away, and far longer than this client's sessions last",
        ))
    }

    /// Closes that were lost: by the server's own count, or because the log has a hole where the close was due.
    fn lost(&self, at: usize, session: &Session, until: i64) -> Option<(Class, &'static str)> {
        if self.lost_by_count.contains(&at) {
            return Some((Class::LostClose, "the server's own count says that it closed; no line does"));
        }
        let hole = |from: i64, to: i64| self.gaps.iter().any(|g| g.source == session.source && g.overlaps(from, to));
        match self.hold(session, 0.95) {
            Some(due) if hole(session.open, session.open + due.max(1)) => {
                Some((Class::LostClose, "its close was due while its log has a hole"))
            }
            None if hole(session.open, until) => Some((
                Class::Undecided,
                "its log has a hole after it opened, and too few sessions closed to know when its close was due",
            )),
            _ => None,
        }
    }

    fn at_end(&self, session: &Session, until: i64) -> (Class, &'static str) {
        let age = until - session.open;
        let client = pooled::client(self.rows, session);
        match session.layer {
            Layer::Db if self.ceilings.contains_key(&client) => (Class::PooledIdle, "a pool's connection"),
            Layer::Db if self.of_a_pool(session, &client) => {
                (Class::PooledIdle, "the application keeps its connections in a pool")
            }
            _ => match self.hold(session, 0.999) {
                Some(usual) if age <= usual => (Class::StillInUse, YOUNG),
                Some(_) => (Class::Undecided, OLD),
                None => (Class::Undecided, UNKNOWN),
            },
        }
    }
}

fn is_reaped(reason: &[u8]) -> bool {
    matches!(
        reason,
        b"idle_in_transaction_timeout"
            | b"idle_session_timeout"
            | b"wait_timeout"
            | b"client_idle_timeout"
            | b"idle_transaction_timeout"
    )
}

/// Reasons in close lines that say that a connection broke.
fn is_peer_error(reason: &[u8]) -> bool {
    matches!(
        reason,
        b"client_eof"
            | b"client_eof_in_transaction"
            | b"connection_reset"
            | b"connection_lost"
            | b"server_crashed"
            | b"client_gone"
            | b"read_error"
            | b"write_error"
            | b"aborted"
            | b"network"
    )
}

/// The endpoint of a request as people write it: `POST /api/checkout`; empty where unknown.
pub fn endpoint(rows: &Rows<'_>, method: u32, route: u32) -> String {
    let (method, route) = (String::from_utf8_lossy(rows.text(method)), String::from_utf8_lossy(rows.text(route)));
    if method.is_empty() || route.is_empty() { route.into_owned() } else { format!("{method} {route}") }
}
