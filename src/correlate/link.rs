//! One connection seen by two witnesses: the pool that opened it and the server that accepted it.

use super::ledger::{Added, Folded};
use backtrail_parsers::Layer;
use std::collections::HashMap;

/// A pool says that it opened a connection at most this long after the server let it in.
const SOON: i64 = 2_000_000_000;

/// Links borrows with the server sessions that carry them. A pool's line about a new physical connection belongs to the
/// server session that was let in last before it and that no other such line claims; where two candidates are equally
/// near in time, none is taken.
pub fn link(folded: &mut Folded) {
    let mut servers: Vec<(i64, u32)> = (0u32..)
        .zip(&folded.sessions)
        .filter(|(_, s)| s.layer == Layer::Db)
        .map(|(index, s)| (s.last_seen.min(s.open + SOON), index))
        .collect();
    servers.sort_unstable();
    let mut taken = vec![false; servers.len()];
    let mut physical: HashMap<(u32, u32, u32), Vec<(i64, u32)>> = HashMap::new();
    for added in &folded.added {
        let found = match added.backend_pid {
            0 => by_time(&servers, &mut taken, added),
            pid => by_pid(folded, &servers, pid, added.time),
        };
        if let Some(index) = found {
            physical.entry((added.source, added.pid, added.conn)).or_default().push((added.time, index));
        }
    }
    for session in folded.sessions.iter_mut().filter(|s| s.layer == Layer::Pool) {
        let life = physical.get(&(session.source, session.pid, session.conn));
        let before = life.and_then(|list| list.iter().rev().find(|(time, _)| *time <= session.open + SOON));
        session.carried_by = before.map(|(_, index)| *index);
    }
}

fn by_pid(folded: &Folded, servers: &[(i64, u32)], pid: u32, time: i64) -> Option<u32> {
    let of_pid = |index: &&u32| folded.sessions.get(**index as usize).is_some_and(|s| s.pid == pid && s.open <= time + SOON);
    servers.iter().map(|(_, index)| index).rev().find(of_pid).copied()
}

fn by_time(servers: &[(i64, u32)], taken: &mut [bool], added: &Added) -> Option<u32> {
    // The oldest unclaimed session of the last moments: pools log their additions in the order in which servers answer.
    let from = servers.partition_point(|(open, _)| *open < added.time - SOON);
    let to = servers.partition_point(|(open, _)| *open <= added.time + SOON / 100);
    let found = (from..to).find(|at| taken.get(*at) == Some(&false))?;
    if let Some(slot) = taken.get_mut(found) {
        *slot = true;
    }
    servers.get(found).map(|(_, index)| *index)
}
