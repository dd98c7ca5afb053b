//! What became of every session: the rules, in the order in which they apply.

use super::gaps::Gap;
use super::ledger::Folded;
use super::pooled;
use super::session::{Class, Ended, Session};
use super::stats::quantile;
use crate::table::Rows;
use backtrail_parsers::Layer;
use std::collections::{BTreeMap, HashMap};

const SECOND: i64 = 1_000_000_000;
/// A borrow still open this long after its request ended is leaked; never less than this.
const GRACE: i64 = SECOND;
/// Matched holds needed before "longer than the others" means anything.
const ENOUGH: usize = 30;

/// Gives every session its class.
pub fn classify(rows: &Rows<'_>, folded: &mut Folded, gaps: &[Gap]) {
    let facts = Facts::new(rows, folded, gaps);
    let classes: Vec<(Class, &'static str)> = folded.sessions.iter().map(|s| facts.class(s, folded)).collect();
    for (session, (class, why)) in folded.sessions.iter_mut().zip(classes) {
        (session.class, session.why) = (class, why);
    }
    for index in super::exit::closed_by_exit(&folded.sessions) {
        if let Some(session) = folded.sessions.get_mut(index as usize).filter(|s| s.class == Class::Matched) {
            session.class = Class::Leaked;
            session.why = "only the end of its client's process closed it, and it lasted far longer than sessions do here";
        }
    }
}

/// What the rules need to know about all sessions together.
struct Facts<'f> {
    rows: &'f Rows<'f>,
    gaps: &'f [Gap],
    /// Grace after a request's end, ns.
    grace: i64,
    /// Matched holds per layer and source, sorted.
    holds: HashMap<(Layer, u32), Vec<i64>>,
    /// Maximum lifetimes per server source and client.
    ceilings: BTreeMap<(u32, u32), i64>,
    /// Server sources whose clients are seen as pools in the application's own log.
    pools_seen: bool,
    /// First time at which each server turned clients away.
    full: HashMap<u32, i64>,
    /// Last line of each source.
    ends: Vec<i64>,
    /// Sessions that a process's silence ended: last line of (source, pid) while the source went on.
    gone: HashMap<(u32, u32), i64>,
}

impl<'f> Facts<'f> {
    fn new(rows: &'f Rows<'f>, folded: &Folded, gaps: &'f [Gap]) -> Facts<'f> {
        let ends: Vec<i64> = rows.table().sources.iter().map(|s| s.last.unwrap_or(0)).collect();
        let mut holds: HashMap<(Layer, u32), Vec<i64>> = HashMap::new();
        let mut after_end = Vec::new();
        for session in folded.sessions.iter().filter(|s| s.ended == Ended::Logged) {
            holds.entry((session.layer, session.source)).or_default().push(session.age(0));
            let request = session.request.and_then(|r| folded.requests.get(r as usize));
            if let (Some(end), Some(closed)) = (request.and_then(|r| r.end), session.end) {
                after_end.push((closed - end).max(0));
            }
        }
        holds.values_mut().for_each(|h| h.sort_unstable());
        after_end.sort_unstable();
        let mut full = HashMap::new();
        for (source, time) in &folded.full {
            full.entry(*source).or_insert(*time);
        }
        let quiet =
            |(source, _): &(u32, u32), last: &i64| ends.get(*source as usize).is_some_and(|end| end - last > 10 * SECOND);
        let gone = folded.last_of_pid.iter().filter(|(key, last)| quiet(key, last)).map(|(k, v)| (*k, *v)).collect();
        Facts {
            rows,
            gaps,
            grace: GRACE.max(quantile(&after_end, 0.99).unwrap_or(0).min(60 * SECOND)),
            holds,
            ceilings: pooled::ceilings(&folded.sessions),
            pools_seen: folded.sessions.iter().any(|s| s.layer == Layer::Pool) || !folded.added.is_empty(),
            full,
            ends,
            gone,
        }
    }

    fn hold(&self, session: &Session, q: f64) -> Option<i64> {
        self.holds.get(&(session.layer, session.source)).filter(|h| h.len() >= ENOUGH).and_then(|h| quantile(h, q))
    }

    fn class(&self, session: &Session, folded: &Folded) -> (Class, &'static str) {
        if session.ended == Ended::Logged {
            return self.closed(session);
        }
        if session.report.is_some() && !session.cleared {
            return (Class::Leaked, "its pool reported it as leaked and never withdrew that");
        }
        let log_end = self.ends.get(session.source as usize).copied().unwrap_or(0);
        let until = session.end.unwrap_or(log_end);
        let request_end = session.request.and_then(|r| folded.requests.get(r as usize)).and_then(|r| r.end);
        if session.layer == Layer::Pool && request_end.is_some_and(|end| until - end > self.grace) {
            return (Class::Leaked, "its request ended and it was not given back");
        }
        if session.ended == Ended::Superseded {
            return (Class::Superseded, "its key was opened again");
        }
        let reason = self.rows.text(session.end_reason);
        if is_reaped(reason) {
            return (Class::Reaped, "the server ended it for being idle");
        }
        if session.layer == Layer::Db
            && let Some(leak) = self.leaked_on_server(session, until)
        {
            return leak;
        }
        if session.ended == Ended::Restart {
            return (Class::EndedByRestart, "its server or process ended");
        }
        if session.layer == Layer::Pool && session.pid != 0 && self.gone.contains_key(&(session.source, session.pid)) {
            return (Class::EndedByRestart, "its process wrote nothing more while others did");
        }
        let due = session.open + self.hold(session, 0.95).unwrap_or(0);
        if self.gaps.iter().any(|g| g.source == session.source && g.overlaps(session.open, due.max(session.open + 1))) {
            return (Class::LostClose, "its close was due while its log has a hole");
        }
        self.open_at_end(session, until)
    }

    fn closed(&self, session: &Session) -> (Class, &'static str) {
        let reason = self.rows.text(session.end_reason);
        if is_reaped(reason) {
            (Class::Reaped, "the server ended it for being idle")
        } else if is_peer_error(reason) {
            (Class::PeerError, "the connection broke")
        } else if session.report.is_some() {
            (Class::SlowHold, "reported as leaked, given back later")
        } else {
            (Class::Matched, "")
        }
    }

    /// Two rules that need no statistics: a pool's connection older than the pool lets any grow is held by a borrow, and
    /// sessions that lay idle while their server turned clients away were not needed by anybody.
    fn leaked_on_server(&self, session: &Session, until: i64) -> Option<(Class, &'static str)> {
        if let Some(ceiling) = self.ceilings.get(&(session.source, session.client)) {
            let limit = ceiling + ceiling / 33 + 60 * SECOND.min(*ceiling / 10);
            return (until - session.open > limit)
                .then_some((Class::Leaked, "older than its pool lets connections grow, while its siblings were replaced"));
        }
        let full = *self.full.get(&session.source)?;
        let usual = self.hold(session, 0.99)?;
        let idle_since = session.last_seen.max(session.open);
        let age = full - idle_since;
        (session.open < full && until > full && age > (10 * usual).max(60 * SECOND))
            .then_some((Class::Leaked, "idle while its server turned clients away, and far longer than sessions last here"))
    }

    fn open_at_end(&self, session: &Session, until: i64) -> (Class, &'static str) {
        let age = until - session.open;
        match session.layer {
            Layer::Db if self.ceilings.contains_key(&(session.source, session.client)) => {
                (Class::PooledIdle, "a pool's connection")
            }
            Layer::Db if self.pools_seen => (Class::PooledIdle, "the application keeps its connections in a pool"),
            _ => match self.hold(session, 0.999) {
                Some(usual) if age <= usual => (Class::StillInUse, "not older than sessions usually are"),
                Some(_) => (Class::Undecided, "older than nearly every session that closed; no rule proves a leak"),
                None => (Class::Undecided, "too few sessions closed to know how long they usually last"),
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

fn is_peer_error(reason: &[u8]) -> bool {
    matches!(
        reason,
        b"client_eof"
            | b"client_reset"
            | b"peer_error"
            | b"connection_lost"
            | b"client_unexpected_eof"
            | b"read_error"
            | b"write_error"
    )
}

/// The endpoint of a request as people write it: `POST /api/checkout`; empty where unknown.
pub fn endpoint(rows: &Rows<'_>, method: u32, route: u32) -> String {
    let (method, route) = (String::from_utf8_lossy(rows.text(method)), String::from_utf8_lossy(rows.text(route)));
    if method.is_empty() || route.is_empty() { route.into_owned() } else { format!("{method} {route}") }
}
