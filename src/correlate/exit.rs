//! Server sessions that only the end of their client's process closed.
//!
//! Where an application opens a connection for each piece of work, sessions are short. One that lives on until its process
//! is stopped, and is then closed together with others like it within moments, was not given back by the code that opened
//! it: the operating system closed it. A young one that closes among them may have been at work; it was not where every
//! request that was running when it opened had ended long before.

use super::contained::Spans;
use super::session::{Ended, Session};
use super::stats::quantile;
use crate::table::Rows;
use backtrail_parsers::Layer;
use std::collections::{BTreeMap, BTreeSet};

const SECOND: i64 = 1_000_000_000;
/// Closes needed to know how long sessions usually last.
const ENOUGH: usize = 60;
/// A session this many times as long as nine in ten is far too long.
const FAR: i64 = 20;
/// A session shorter than this is never far too long.
const LEAST: i64 = 10 * SECOND;
/// Closes of one client that lie this near to each other belong to one end of a process.
const TOGETHER: i64 = 5 * SECOND;
/// So many far too long sessions must close together.
const SEVERAL: usize = 4;
/// A young session among them is longer than nine in ten this many times.
const LONG: i64 = 2;
/// Its request ended this long before it at the least.
const GRACE: i64 = SECOND;

/// A session that its client's end closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// Its index.
    pub index: u32,
    /// True where it lasted far longer than sessions do; else its request had ended.
    pub far: bool,
}

/// The sessions that their client's end closed, in order.
pub fn closed_by_exit(rows: &Rows<'_>, sessions: &[Session]) -> Vec<Closed> {
    let closed = |s: &Session| s.layer == Layer::Db && s.ended == Ended::Logged;
    let mut ages: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for session in sessions.iter().filter(|s| closed(s)) {
        ages.entry(session.source).or_default().push(session.age(0));
    }
    let mut limits: BTreeMap<u32, i64> = BTreeMap::new();
    for (source, mut ages) in ages {
        ages.sort_unstable();
        if let Some(usual) = quantile(&ages, 0.9).filter(|_| ages.len() >= ENOUGH) {
            limits.insert(source, (FAR * usual).max(LEAST));
        }
    }
    let mut long: BTreeMap<(u32, u32), Vec<(i64, u32)>> = BTreeMap::new();
    for (index, session) in (0u32..).zip(sessions).filter(|(_, s)| closed(s)) {
        let far = limits.get(&session.source).is_some_and(|limit| session.age(0) >= *limit);
        if let (true, Some(end)) = (far, session.end) {
            long.entry((session.source, session.client)).or_default().push((end, index));
        }
    }
    let ends: BTreeMap<(u32, u32), Vec<Vec<(i64, u32)>>> =
        long.into_iter().map(|(client, ends)| (client, bursts(ends))).filter(|(_, runs)| !runs.is_empty()).collect();
    if ends.is_empty() {
        return Vec::new();
    }
    let far: BTreeSet<u32> = ends.values().flatten().flatten().map(|(_, index)| *index).collect();
    let requests = Spans::of(rows);
    let young = |(index, s): (u32, &Session)| {
        let long = limits.get(&s.source).is_some_and(|limit| s.age(0) >= limit / FAR * LONG);
        let among = s.end.is_some_and(|end| ends.get(&(s.source, s.client)).is_some_and(|runs| inside(runs, end)));
        let idle = || s.end.is_some_and(|end| requests.over(s.open, end - GRACE));
        (closed(s) && long && among && !far.contains(&index) && idle()).then_some(Closed { index, far: false })
    };
    let mut out: Vec<Closed> = (0u32..).zip(sessions).filter_map(young).collect();
    out.extend(far.iter().map(|index| Closed { index: *index, far: true }));
    out.sort_unstable_by_key(|c| c.index);
    out
}

/// True where a moment lies inside one of the runs.
fn inside(runs: &[Vec<(i64, u32)>], time: i64) -> bool {
    runs.iter().any(|run| run.first().zip(run.last()).is_some_and(|(a, b)| (a.0..=b.0).contains(&time)))
}

/// Bursts: runs of ends with no gap longer than [`TOGETHER`], [`SEVERAL`] of them or more.
fn bursts(mut ends: Vec<(i64, u32)>) -> Vec<Vec<(i64, u32)>> {
    ends.sort_unstable();
    let mut runs: Vec<Vec<(i64, u32)>> = Vec::new();
    for end in ends {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|last| end.0 - last.0 <= TOGETHER) => run.push(end),
            _ => runs.push(vec![end]),
        }
    }
    runs.retain(|run| run.len() >= SEVERAL);
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_ends_together_are_one_end_of_a_process() {
        let ends = [0, 1, 2, 3, 60, 61, 120, 121, 122, 123, 127].map(|s| (s * SECOND, u32::try_from(s).unwrap()));
        let runs = bursts(ends.to_vec());
        let spans: Vec<(i64, i64)> = runs.iter().map(|r| (r[0].0 / SECOND, r[r.len() - 1].0 / SECOND)).collect();
        assert_eq!(spans, [(0, 3), (120, 127)]);
        assert!(inside(&runs, 125 * SECOND) && !inside(&runs, 60 * SECOND) && !inside(&runs, 4 * SECOND));
    }
}
