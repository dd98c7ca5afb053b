//! Threads that serve no requests and keep a connection to themselves: listeners, schedulers, consumers.

use crate::correlate::session::{Class, Session};
use crate::table::maps::{HashMap, HashSet};
use backtrail_parsers::Layer;
use std::collections::BTreeMap;

/// Lines of a process and of its start may come in either order within this time.
const ABOUT: i64 = 10_000_000_000;

/// Classes of such borrows, by session.
pub(super) type Background = HashMap<usize, (Class, &'static str)>;

/// Finds them: in a log that tells which threads serve requests, a thread that serves none and has one borrow out is at
/// work; one that takes a second without giving the first back is not, unless another process has begun between them.
pub(super) fn find(
    sessions: &[Session],
    request_threads: &HashSet<(u32, u32)>,
    processes: &HashMap<u32, Vec<(u32, i64, bool)>>,
) -> Background {
    let serving: HashSet<u32> = request_threads.iter().map(|(source, _)| *source).collect();
    let mut held: BTreeMap<(u32, u32, u32), Vec<(i64, usize)>> = BTreeMap::new();
    for (at, session) in sessions.iter().enumerate() {
        let own =
            session.layer == Layer::Pool && session.end.is_none() && session.request.is_none() && session.report.is_none();
        let idle = session.thread != 0
            && serving.contains(&session.source)
            && !request_threads.contains(&(session.source, session.thread));
        if own && idle {
            held.entry((session.source, session.pid, session.thread)).or_default().push((session.open, at));
        }
    }
    let mut out = Background::default();
    for ((source, ..), mut list) in held {
        list.sort_unstable();
        let starts = processes.get(&source).map(Vec::as_slice).unwrap_or_default();
        let began = |from: i64, to: i64| starts.iter().any(|(_, time, start)| *start && *time > from && *time <= to + ABOUT);
        let alone = list.iter().zip(list.iter().skip(1)).all(|(a, b)| began(a.0, b.0));
        if !alone {
            continue;
        }
        let last = list.len() - 1;
        for (nth, (_, at)) in list.into_iter().enumerate() {
            let class = if nth == last {
                (Class::StillInUse, "a thread that serves no requests keeps it to itself")
            } else {
                (Class::EndedByRestart, "the same thread of the next process has taken its place")
            };
            out.insert(at, class);
        }
    }
    out
}
