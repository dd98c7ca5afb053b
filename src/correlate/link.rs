//! One connection seen by two witnesses: the pool or proxy that opened it and the server that accepted it.
//!
//! A server's process id in the application's log, or the client's port in a proxy's, says which session it is. Else the
//! order of time does: a pool's lines about new connections and the server's lines about new sessions are two views of
//! one sequence, shifted by what the clocks differ and by the time a login takes. They are aligned like two texts.

use super::ledger::{Added, Folded};
use super::session::Session;
use crate::ingest::TextCol;
use crate::table::maps::{HashMap, HashSet};
use crate::table::{RowId, Rows};
use backtrail_parsers::Layer;
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000_000;
/// A pool says that it opened a connection at most this long after the server let it in.
const SOON: i64 = 2 * SECOND;
/// Clocks of two hosts are looked at up to this far apart.
const SKEW: i64 = 60 * SECOND;
/// Width of a bin in which differences of times are counted.
const BIN: i64 = 5_000_000;
/// Lines that are taken to find the difference of two clocks.
const SAMPLE: usize = 400;
/// Two candidates nearer to each other than this are equally near.
const EQUAL: i64 = 1_000_000;
/// Clusters of lines larger than this are not aligned but taken in order.
const LARGE: usize = 300;

/// Which physical connection a name meant, by source, unit, process and name: since when, which server session it is,
/// and whether a process id or a port says so.
type Physical = HashMap<(u32, u32, u32, u32), Vec<(i64, u32, bool)>>;

/// A server session that may be a pool's.
#[derive(Debug, Clone, Copy)]
struct Accepted {
    /// When the server let it in, ns UTC by its own clock.
    time: i64,
    index: u32,
    names: [u32; 3],
    /// How much later it can have been, ns: a second where the server writes whole seconds.
    grain: i64,
}

/// Links borrows with the server sessions that carry them, and server sessions with the processes that own them.
pub fn link(rows: &Rows<'_>, folded: &mut Folded) {
    let servers = || (0u32..).zip(&folded.sessions).filter(|(_, s)| s.layer == Layer::Db);
    let let_in = |s: &Session| rows.get(s.open_row).time();
    // Whole seconds, or their like where a correction of the clock shifts all alike.
    let mut parts: HashMap<u32, (HashSet<i64>, u32)> = HashMap::default();
    for (_, s) in servers() {
        let (parts, n) = parts.entry(s.source).or_default();
        parts.insert(let_in(s).rem_euclid(SECOND));
        *n += 1;
    }
    let whole = |s: &Session| parts.get(&s.source).is_some_and(|(parts, n)| parts.len() == 1 && *n >= 3);
    let grain = |s: &Session| if whole(s) { SECOND } else { 0 };
    let mut accepted: Vec<Accepted> = servers()
        .map(|(index, s)| Accepted { time: let_in(s), index, names: names(rows, s.open_row), grain: grain(s) })
        .collect();
    accepted.sort_by_key(|a| (a.time, a.index));
    let (mut pids, mut ports): (HashMap<u32, Vec<u32>>, HashMap<u16, Vec<u32>>) = (HashMap::default(), HashMap::default());
    for index in accepted.iter().map(|a| a.index) {
        let Some(session) = folded.sessions.get(index as usize) else { continue };
        pids.entry(session.pid).or_default().push(index);
        if session.client_port != 0 {
            ports.entry(session.client_port).or_default().push(index);
        }
    }
    let mut found: Vec<(usize, u32)> = Vec::new();
    let mut taken: HashSet<u32> = HashSet::default();
    let mut left: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, added) in folded.added.iter().enumerate() {
        let known = match (added.backend_pid, added.port) {
            (0, 0) => None,
            (0, port) => ports.get(&port).and_then(|list| nearest(&folded.sessions, list, added.time)),
            (pid, _) => pids.get(&pid).and_then(|list| at_moment(&folded.sessions, list, added.time)),
        };
        match known {
            Some(index) if taken.insert(index) => found.push((at, index)),
            None if added.backend_pid == 0 && !added.proxy => left.entry(added.source).or_default().push(at),
            _ => {}
        }
    }
    for list in left.into_values() {
        let free: Vec<Accepted> = accepted.iter().copied().filter(|a| !taken.contains(&a.index)).collect();
        for (at, index) in by_order(rows, &folded.added, &list, &free) {
            if taken.insert(index) {
                found.push((at, index));
            }
        }
    }
    let mut physical = Physical::default();
    for (at, index) in found {
        let Some(added) = folded.added.get(at) else { continue };
        folded.owners.insert(index, (added.source, added.pid));
        if added.conn != 0 {
            let lives = physical.entry((added.source, added.unit, added.pid, added.conn)).or_default();
            lives.push((added.time, index, added.backend_pid != 0 || added.port != 0));
        }
    }
    physical.values_mut().for_each(|lives| lives.sort_unstable());
    carry(rows, folded, &physical, &pids);
}

/// Says for every borrow which server session carries it.
fn carry(rows: &Rows<'_>, folded: &mut Folded, physical: &Physical, pids: &HashMap<u32, Vec<u32>>) {
    let mut carried = Vec::new();
    for (at, session) in folded.sessions.iter().enumerate().filter(|(_, s)| s.layer == Layer::Pool) {
        let unit = rows.get(session.open_row).code(TextCol::Host);
        let lives = physical.get(&(session.source, unit, session.pid, session.conn));
        let by_name = lives.and_then(|list| list.iter().rev().find(|(time, ..)| *time <= session.open + SOON));
        let by_pid = || pids.get(&session.backend_pid).and_then(|list| at_moment(&folded.sessions, list, session.open));
        let server = match session.backend_pid {
            0 => by_name.map(|(_, index, surely)| (*index, *surely)),
            _ => by_pid().map(|index| (index, true)),
        };
        if let Some((server, surely)) = server {
            carried.push((at, server, surely));
            if session.backend_pid != 0 {
                folded.owners.entry(server).or_insert((session.source, session.pid));
            }
        }
    }
    for (at, server, surely) in carried {
        if let Some(session) = folded.sessions.get_mut(at) {
            (session.carried_by, session.carried_surely) = (Some(server), surely);
        }
    }
}

/// User, database and application's name, as the row states them.
fn names(rows: &Rows<'_>, row: RowId) -> [u32; 3] {
    let row = rows.get(row);
    [row.code(TextCol::DbUser), row.code(TextCol::DbName), row.code(TextCol::AppName)]
}

/// The session of a list that was open at a moment, the newest where several were.
fn at_moment(sessions: &[Session], list: &[u32], time: i64) -> Option<u32> {
    let open = |index: &&u32| {
        sessions.get(**index as usize).is_some_and(|s| s.open <= time + SOON && s.end.is_none_or(|end| end + SOON >= time))
    };
    list.iter().rev().find(open).copied()
}

/// The session of a list that began nearest to a moment: the same port is used again, but not at once.
fn nearest(sessions: &[Session], list: &[u32], time: i64) -> Option<u32> {
    let off = |index: &u32| sessions.get(*index as usize).map_or(i64::MAX, |s| (s.open - time).abs());
    list.iter().copied().min_by_key(off).filter(|index| off(index) <= SKEW)
}

/// Links a source's new connections with a server's new sessions by their order.
fn by_order(rows: &Rows<'_>, all: &[Added], list: &[usize], free: &[Accepted]) -> Vec<(usize, u32)> {
    let mut news: Vec<(usize, i64, [u32; 3])> =
        list.iter().filter_map(|at| all.get(*at).map(|added| (*at, added.time, names(rows, added.row)))).collect();
    news.sort_by_key(|(at, time, _)| (*time, *at));
    let shift = shift(&news, free);
    let mut out = Vec::new();
    let mut from = 0;
    while from < news.len() {
        // A cluster: lines that follow each other so closely that one may be another's.
        let gap = |i: usize| news.get(i).zip(news.get(i + 1)).is_none_or(|(a, b)| b.1 - a.1 > 2 * SOON);
        let to = (from..news.len()).find(|i| gap(*i)).unwrap_or(news.len() - 1) + 1;
        let cluster = news.get(from..to).unwrap_or_default();
        if let (Some(first), Some(last)) = (cluster.first(), cluster.last()) {
            let low = free.partition_point(|a| a.time < first.1 - shift - SOON - SECOND);
            let high = free.partition_point(|a| a.time <= last.1 - shift + SOON);
            align(cluster, free.get(low..high).unwrap_or_default(), shift, &mut out);
        }
        from = to;
    }
    out
}

/// By how much the pool's lines are behind the server's: the difference that most pairs agree on; 0 where none stands out.
fn shift(news: &[(usize, i64, [u32; 3])], free: &[Accepted]) -> i64 {
    let mut bins: BTreeMap<i64, u32> = BTreeMap::new();
    let sample = news.len().min(SAMPLE);
    for (_, time, own) in news.iter().take(sample) {
        let low = free.partition_point(|a| a.time < time - SKEW);
        for accepted in
            free.iter().skip(low).take_while(|a| a.time <= time + SKEW).filter(|a| agree(own, &a.names)).take(SAMPLE)
        {
            *bins.entry((time - accepted.time).div_euclid(BIN)).or_default() += 1;
        }
    }
    let count = |bin: i64| bins.get(&bin).copied().unwrap_or(0);
    let pairs = |bin: i64| count(bin) + count(bin + 1);
    let Some(best) = bins.keys().copied().max_by_key(|bin| (pairs(*bin), -bin.abs())) else { return 0 };
    let second = bins.keys().filter(|bin| (**bin - best).abs() > 2).map(|bin| pairs(*bin)).max().unwrap_or(0);
    let found = pairs(best);
    let clear = found >= 3 && found as usize * 3 >= sample && found * 2 >= second * 3;
    if clear { best * BIN + BIN } else { 0 }
}

fn agree(a: &[u32; 3], b: &[u32; 3]) -> bool {
    a.iter().zip(b).all(|(a, b)| *a == 0 || *b == 0 || a == b)
}

/// Aligns a cluster of new connections with the sessions that may be theirs, so that the sum of their distances is least
/// and none overtakes another. A connection whose best session has an equally near rival is left alone.
fn align(cluster: &[(usize, i64, [u32; 3])], free: &[Accepted], shift: i64, out: &mut Vec<(usize, u32)>) {
    let cost = |new: &(usize, i64, [u32; 3]), a: &Accepted| {
        let after = new.1 - a.time - shift;
        // Whole seconds are cut off: the server let it in at any moment of its second.
        let off = if after > 0 { (after - a.grain).max(0) } else { -after };
        (off <= SOON && agree(&new.2, &a.names)).then_some(off)
    };
    if cluster.len() > LARGE || free.len() > 4 * LARGE {
        let mut next = 0;
        for new in cluster {
            let fit = free.iter().enumerate().skip(next).find(|(_, a)| cost(new, a).is_some());
            if let Some((at, accepted)) = fit {
                out.push((new.0, accepted.index));
                next = at + 1;
            }
        }
        return;
    }
    let width = free.len() + 1;
    let mut best = vec![0i64; (cluster.len() + 1) * width];
    let get = |best: &[i64], i: usize, j: usize| best.get(i * width + j).copied().unwrap_or(i64::MAX / 4);
    for i in 1..=cluster.len() {
        for j in 0..=free.len() {
            let skipped = get(&best, i - 1, j) + SOON;
            let other = if j > 0 { get(&best, i, j - 1) } else { i64::MAX / 4 };
            let pair = j.checked_sub(1).and_then(|j| cost(cluster.get(i - 1)?, free.get(j)?));
            let matched = pair.map_or(i64::MAX / 4, |c| get(&best, i - 1, j - 1) + c);
            if let Some(slot) = best.get_mut(i * width + j) {
                *slot = skipped.min(other).min(matched);
            }
        }
    }
    let (mut i, mut j) = (cluster.len(), free.len());
    let mut pairs = Vec::new();
    while i > 0 && j > 0 {
        let here = get(&best, i, j);
        if here == get(&best, i, j - 1) {
            j -= 1;
        } else if here == get(&best, i - 1, j) + SOON {
            i -= 1;
        } else {
            pairs.push((i - 1, j - 1));
            (i, j) = (i - 1, j - 1);
        }
    }
    let used: HashSet<usize> = pairs.iter().map(|(_, j)| *j).collect();
    for (i, j) in pairs.into_iter().rev() {
        let (Some(new), Some(accepted)) = (cluster.get(i), free.get(j)) else { continue };
        let own = cost(new, accepted).unwrap_or(0);
        let rival = |(at, other): (usize, &Accepted)| {
            !used.contains(&at) && cost(new, other).is_some_and(|c| (c - own).abs() <= EQUAL && other.time != accepted.time)
        };
        let near = free.iter().enumerate().skip(j.saturating_sub(4)).take(9);
        if !near.into_iter().any(rival) {
            out.push((new.0, accepted.index));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn news(times: &[i64]) -> Vec<(usize, i64, [u32; 3])> {
        times.iter().enumerate().map(|(at, t)| (at, t * MS, [0; 3])).collect()
    }

    fn sessions(times: &[i64]) -> Vec<Accepted> {
        (0u32..).zip(times).map(|(index, t)| Accepted { time: t * MS, index, names: [0; 3], grain: 0 }).collect()
    }

    fn aligned(added: &[i64], accepted: &[i64], shift: i64) -> Vec<(usize, u32)> {
        let mut out = Vec::new();
        align(&news(added), &sessions(accepted), shift * MS, &mut out);
        out
    }

    #[test]
    fn bursts_keep_their_order() {
        assert_eq!(aligned(&[10, 11, 12], &[7, 8, 9], 3), [(0, 0), (1, 1), (2, 2)]);
    }

    #[test]
    fn strangers_between_are_left_out() {
        assert_eq!(aligned(&[10, 500], &[7, 200, 497], 3), [(0, 0), (1, 2)]);
    }

    #[test]
    fn equally_near_rivals_leave_it_open() {
        assert_eq!(aligned(&[100], &[90, 110], 0), []);
    }

    #[test]
    fn names_that_differ_never_meet() {
        let mut free = sessions(&[97, 98]);
        free.iter_mut().zip([[8, 0, 0], [7, 0, 0]]).for_each(|(a, names)| a.names = names);
        let mut list = news(&[100]);
        list.iter_mut().for_each(|n| n.2 = [7, 9, 0]);
        let mut out = Vec::new();
        align(&list, &free, 3 * MS, &mut out);
        assert_eq!(out, [(0, 1)], "the nearer one is another user's");
    }

    #[test]
    fn whole_seconds_are_any_moment_of_theirs() {
        let mut free = sessions(&[35_000, 36_000, 36_000, 36_000, 36_000]);
        free.iter_mut().for_each(|a| a.grain = SECOND);
        let mut out = Vec::new();
        align(&news(&[36_707, 37_229, 37_240, 37_244, 37_245]), &free, 0, &mut out);
        assert_eq!(out.iter().map(|(_, index)| *index).collect::<Vec<_>>(), [0, 1, 2, 3, 4], "nobody is left over");
    }

    #[test]
    fn clocks_that_differ_are_seen_through() {
        let accepted: Vec<i64> = (0..20).map(|n| n * n * 137 % 40_000).collect();
        let mut sorted = accepted;
        sorted.sort_unstable();
        let added: Vec<i64> = sorted.iter().map(|t| t + 4_203).collect();
        let shift = shift(&news(&added), &sessions(&sorted));
        assert!((shift - 4_203 * MS).abs() <= 2 * BIN, "{shift}");
    }
}
