//! Is a database session a pool's? A pool retires its connections at a maximum lifetime, so their lengths pile up below
//! a ceiling; an ordinary client's do not.

use super::session::{Ended, Session};
use super::stats::quantile;
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000_000;
/// At least this many closes are needed to see a ceiling.
const FEW: usize = 8;

/// The ceiling under which a client's sessions end, ns: the client is a pool with that maximum lifetime. A pool retires
/// connections up to 3 % early, so that they do not all end at once.
pub fn ceilings(sessions: &[Session]) -> BTreeMap<(u32, u32), i64> {
    let mut ages: BTreeMap<(u32, u32), Vec<i64>> = BTreeMap::new();
    for session in sessions.iter().filter(|s| s.layer == backtrail_parsers::Layer::Db && s.ended == Ended::Logged) {
        ages.entry((session.source, session.client)).or_default().push(session.age(0));
    }
    let mut out = BTreeMap::new();
    for (client, mut ages) in ages {
        ages.sort_unstable();
        if let Some(ceiling) = ceiling(&ages) {
            out.insert(client, ceiling);
        }
    }
    out
}

fn ceiling(sorted: &[i64]) -> Option<i64> {
    if sorted.len() < FEW {
        return None;
    }
    // A few stuck sessions may lie above the ceiling: it is looked for at the upper quantiles, not at the maximum.
    [1.0, 0.95, 0.9, 0.8].iter().filter_map(|q| quantile(sorted, *q)).find(|top| {
        let under = sorted.iter().filter(|age| **age >= top - top / 33 - SECOND && **age <= *top + SECOND).count();
        *top >= 30 * SECOND && under * 10 >= sorted.len() * 6
    })
}
