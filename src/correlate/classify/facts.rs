//! What the rules need to know about all sessions together.

use super::background::{self, Background};
use crate::correlate::gaps::Gap;
use crate::correlate::ledger::Folded;
use crate::correlate::pooled::{self, Client};
use crate::correlate::session::{Class, Ended, Session};
use crate::correlate::stats::quantile;
use crate::table::Rows;
use crate::table::maps::{HashMap, HashSet};
use backtrail_parsers::Layer;
use std::collections::{BTreeMap, BTreeSet};

const SECOND: i64 = 1_000_000_000;
/// A borrow still open this long after its request ended is leaked; never less than this, never more than a minute.
const GRACE: i64 = SECOND;
/// Matched holds needed before "longer than the others" means anything.
const ENOUGH: usize = 30;
/// A process that writes nothing for this long while its log goes on has ended, if another took its place.
const SILENT: i64 = 10 * SECOND;
/// A server that was told to stop ends its sessions within this time.
const STOPPING: i64 = 600 * SECOND;

/// What the rules need to know about all sessions together.
pub(super) struct Facts<'f> {
    pub(super) rows: &'f Rows<'f>,
    pub(super) gaps: &'f [Gap],
    /// Grace after a request's end, ns.
    pub(super) grace: i64,
    /// Matched holds per layer and source, sorted.
    holds: HashMap<(Layer, u32), Vec<i64>>,
    /// Lengths of server sessions per client, sorted.
    lengths: BTreeMap<Client, Vec<i64>>,
    /// Maximum lifetimes per client.
    pub(super) ceilings: BTreeMap<Client, i64>,
    /// Clients of which some session is known to be a pool's; empty where no session could be linked.
    pooled: BTreeSet<Client>,
    /// True where an application tells of its pool.
    pools_seen: bool,
    /// First time at which each server turned clients away.
    pub(super) full: HashMap<u32, i64>,
    /// Server sessions that carry a borrow that was never given back.
    pub(super) carries: HashSet<u32>,
    /// Sessions that a server's own count says are closed.
    pub(super) lost_by_count: HashSet<usize>,
    /// Last line of each source.
    ends: Vec<i64>,
    /// Last line of each process.
    last_of_pid: HashMap<(u32, u32), i64>,
    /// Starts and ends of processes per source: process, time, true for a start.
    processes: HashMap<u32, Vec<(u32, i64, bool)>>,
    /// Times at which a pool opened a connection, by source, process and name.
    added: HashMap<(u32, u32, u32), Vec<i64>>,
    /// When servers were told to stop.
    stops: HashMap<u32, Vec<i64>>,
    background: Background,
}

impl<'f> Facts<'f> {
    pub(super) fn new(rows: &'f Rows<'f>, folded: &Folded, gaps: &'f [Gap]) -> Facts<'f> {
        let ends: Vec<i64> = rows.table().sources.iter().map(|s| s.last.unwrap_or(0)).collect();
        let mut holds: HashMap<(Layer, u32), Vec<i64>> = HashMap::default();
        let mut after_end = Vec::new();
        for session in folded.sessions.iter().filter(|s| s.ended == Ended::Logged) {
            holds.entry((session.layer, session.source)).or_default().push(session.age(0));
            let request = session.request.and_then(|r| folded.requests.get(r as usize));
            if let (Some(end), Some(closed)) = (request.and_then(|r| r.end), session.end) {
                after_end.push((closed - end).max(0));
            }
        }
        holds.values_mut().for_each(|h| h.sort_unstable());
        holds.extend(folded.request_lengths.iter().map(|(source, lengths)| ((Layer::Request, *source), lengths.clone())));
        after_end.sort_unstable();
        let mut full = HashMap::default();
        for (source, time) in &folded.full {
            full.entry(*source).or_insert(*time);
        }
        let mut processes: HashMap<u32, Vec<(u32, i64, bool)>> = HashMap::default();
        for (source, pid, time, start) in &folded.processes {
            processes.entry(*source).or_default().push((*pid, *time, *start));
        }
        let mut added: HashMap<(u32, u32, u32), Vec<i64>> = HashMap::default();
        for one in folded.added.iter().filter(|a| !a.proxy && a.conn != 0) {
            added.entry((one.source, one.pid, one.conn)).or_default().push(one.time);
        }
        let lengths = pooled::lengths(rows, &folded.sessions);
        let owned = folded.owners.keys().filter_map(|index| folded.sessions.get(*index as usize));
        let pooled = owned.map(|s| pooled::client(rows, s)).collect();
        let mut stops: HashMap<u32, Vec<i64>> = HashMap::default();
        for (source, time) in &folded.server_stops {
            stops.entry(*source).or_default().push(*time);
        }
        Facts {
            rows,
            gaps,
            grace: GRACE.max(quantile(&after_end, 0.99).unwrap_or(0).min(60 * SECOND)),
            holds,
            ceilings: pooled::ceilings(&lengths),
            lengths,
            pooled,
            pools_seen: folded.sessions.iter().any(|s| s.layer == Layer::Pool) || !folded.added.is_empty(),
            full,
            carries: HashSet::default(),
            lost_by_count: lost_by_count(folded),
            background: background::find(&folded.sessions, &folded.request_threads, &processes),
            ends,
            last_of_pid: folded.last_of_pid.clone(),
            processes,
            added,
            stops,
        }
    }

    /// Notes which server sessions carry a borrow that was never given back.
    pub(super) fn see_carried(&mut self, sessions: &[Session]) {
        let out = sessions.iter().filter(|s| s.layer == Layer::Pool && s.end.is_none());
        self.carries = out.filter_map(|s| s.carried_by).collect();
    }

    /// When the log of a session ends: not later than that can be known.
    pub(super) fn log_end(&self, session: &Session) -> i64 {
        self.ends.get(session.source as usize).copied().unwrap_or(0).max(session.open)
    }

    /// A quantile of how long sessions of the same layer and log last, where enough closed.
    pub(super) fn hold(&self, session: &Session, q: f64) -> Option<i64> {
        self.holds.get(&(session.layer, session.source)).filter(|h| h.len() >= ENOUGH).and_then(|h| quantile(h, q))
    }

    /// The same of one client's server sessions.
    pub(super) fn usual_of(&self, client: &Client, q: f64) -> Option<i64> {
        self.lengths.get(client).filter(|h| h.len() >= ENOUGH).and_then(|h| quantile(h, q))
    }

    /// True where a server session is likely a pool's: some of its client's are, or nothing could be linked and there is a
    /// pool at all.
    pub(super) fn of_a_pool(&self, _: &Session, client: &Client) -> bool {
        if self.pooled.is_empty() { self.pools_seen } else { self.pooled.contains(client) }
    }

    /// True where a pool opened a connection of the same name while the session was open: the name is another's now.
    pub(super) fn was_added_again(&self, session: &Session) -> bool {
        let times = self.added.get(&(session.source, session.pid, session.conn));
        times.is_some_and(|t| t.iter().any(|t| *t > session.open && session.end.is_none_or(|end| *t <= end)))
    }

    /// True where a session's process fell silent and another process of the same log started about then or later.
    pub(super) fn process_gone(&self, session: &Session) -> bool {
        let Some(last) = self.last_of_pid.get(&(session.source, session.pid)).filter(|_| session.pid != 0) else {
            return false;
        };
        let end = self.ends.get(session.source as usize).copied().unwrap_or(0);
        let replaced = self
            .processes
            .get(&session.source)
            .is_some_and(|list| list.iter().any(|(pid, time, start)| *start && *pid != session.pid && *time >= *last - SILENT));
        end - last > SILENT && replaced
    }

    /// When the process of a pool's connection ended, after the connection was opened.
    pub(super) fn process_ended(&self, source: u32, pid: u32, since: i64) -> Option<i64> {
        if pid == 0 {
            return None;
        }
        let stops = self.processes.get(&source).into_iter().flatten();
        let stop = stops.filter(|(p, time, start)| *p == pid && !start && *time >= since).map(|(_, time, _)| *time).min();
        stop.filter(|stop| self.last_of_pid.get(&(source, pid)).is_none_or(|last| *last <= *stop + SILENT))
    }

    /// True where a session was ended by a server that was told to stop shortly before.
    pub(super) fn ended_by_stop(&self, session: &Session, reason: &[u8]) -> bool {
        let Some(end) = session.end else { return false };
        let stopping = matches!(reason, b"administrator_command" | b"shutting_down" | b"server_crash" | b"postmaster_exit");
        let told = self.stops.get(&session.source);
        stopping && told.is_some_and(|list| list.iter().any(|t| *t <= end && end - *t <= STOPPING))
    }

    /// A borrow that a thread holds which serves no requests.
    pub(super) fn background(&self, at: usize) -> Option<(Class, &'static str)> {
        self.background.get(&at).copied()
    }
}

/// Chooses the sessions whose closes a server's own count says are lost: of those that were open then, the oldest, for
/// they are the likeliest to have ended.
fn lost_by_count(folded: &Folded) -> HashSet<usize> {
    let mut lost = HashSet::default();
    for loss in &folded.losses {
        let open = |s: &Session| s.layer == Layer::Db && s.source == loss.source && s.end.is_none() && s.open < loss.to;
        let mut candidates: Vec<(i64, usize)> = folded
            .sessions
            .iter()
            .enumerate()
            .filter(|(at, s)| open(s) && s.last_seen <= loss.to && !lost.contains(at))
            .map(|(at, s)| (s.open, at))
            .collect();
        candidates.sort_unstable();
        lost.extend(candidates.into_iter().take(usize::try_from(loss.closes).unwrap_or(0)).map(|(_, at)| at));
    }
    lost
}
