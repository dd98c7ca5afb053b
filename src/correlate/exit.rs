//! Server sessions that only the end of their client's process closed.
//!
//! Where an application opens a connection for each piece of work, sessions are short. One that lives on until its process
//! is stopped, and is then closed together with others like it within moments, was not given back by the code that opened
//! it: the operating system closed it.

use super::session::{Ended, Session};
use super::stats::quantile;
use backtrail_parsers::Layer;
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000_000;
/// Closes needed to know how long sessions usually last.
const ENOUGH: usize = 60;
/// A session this many times as long as nine in ten is far too long.
const FAR: i64 = 20;
/// A session shorter than this is never far too long.
const LEAST: i64 = 30 * SECOND;
/// Closes of one client that lie this near to each other belong to one end of a process.
const TOGETHER: i64 = 5 * SECOND;
/// So many far too long sessions must close together.
const SEVERAL: usize = 4;

/// Indexes of the sessions that their client's end closed, in order.
pub fn closed_by_exit(sessions: &[Session]) -> Vec<u32> {
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
    let mut out: Vec<u32> = long.into_values().flat_map(bursts).collect();
    out.sort_unstable();
    out
}

/// The members of bursts: runs of ends with no gap longer than [`TOGETHER`], [`SEVERAL`] of them or more.
fn bursts(mut ends: Vec<(i64, u32)>) -> Vec<u32> {
    ends.sort_unstable();
    let mut out = Vec::new();
    let mut run: Vec<(i64, u32)> = Vec::new();
    for end in ends {
        if run.last().is_some_and(|last| end.0 - last.0 > TOGETHER) {
            run.clear();
        }
        run.push(end);
        if run.len() >= SEVERAL {
            out.extend(run.iter().map(|(_, index)| *index));
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}
