//! Is a database session a pool's? A pool retires its connections at a maximum lifetime, so their lengths pile up below
//! a ceiling; an ordinary client's do not.

use super::session::{Ended, Purpose, Session};
use super::stats::quantile;
use crate::ingest::TextCol;
use crate::table::Rows;
use backtrail_parsers::Layer;
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000_000;
/// At least this many closes are needed to see a ceiling.
const FEW: usize = 8;

/// Who a server session belongs to: its source, the client's address, the database user.
pub type Client = (u32, u32, u32);

/// The client of a server session.
pub fn client(rows: &Rows<'_>, session: &Session) -> Client {
    (session.source, session.client, rows.get(session.open_row).code(TextCol::DbUser))
}

/// Lengths of the server sessions that a logged close ended, per client, sorted, ns.
pub fn lengths(rows: &Rows<'_>, sessions: &[Session]) -> BTreeMap<Client, Vec<i64>> {
    let mut ages: BTreeMap<Client, Vec<i64>> = BTreeMap::new();
    let ended = |s: &&Session| s.layer == Layer::Db && s.ended == Ended::Logged && s.purpose == Purpose::Ordinary;
    for session in sessions.iter().filter(ended) {
        ages.entry(client(rows, session)).or_default().push(session.age(0));
    }
    ages.values_mut().for_each(|ages| ages.sort_unstable());
    ages
}

/// The ceiling under which a client's sessions end, ns: the client is a pool with that maximum lifetime. A pool retires
/// connections up to 3 % early, so that they do not all end at once.
pub fn ceilings(lengths: &BTreeMap<Client, Vec<i64>>) -> BTreeMap<Client, i64> {
    lengths.iter().filter_map(|(client, ages)| Some((*client, ceiling(ages)?))).collect()
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
