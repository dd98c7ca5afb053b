//! The pools that a proxy keeps in front of a database (PgBouncer and its like): one for each database and user, as its own
//! lines show them: server connections, who waited in vain, how long waits were.

use super::{Basis, Pool, Proxied, Size, Vain};
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::maps::HashMap;
use crate::table::{Row, RowId, Rows};
use backtrail_parsers::Kind;
use std::collections::BTreeMap;

/// Source, host or container, process, database, user.
type Key = (u32, u32, u32, u32, u32);

/// What is known of one pool.
#[derive(Debug, Default)]
struct Seen {
    /// Server connections that are open, by their name, and the most at once with the row that reached it.
    open: HashMap<u32, RowId>,
    most: (u32, Option<RowId>),
    /// The same when clients waited in vain: how often with so many.
    full: BTreeMap<u32, (u64, RowId)>,
    vain: Vec<Vain>,
    life: (i64, i64),
}

/// The pools of proxies, in the order of their sources, processes, databases and users.
pub fn find(rows: &Rows<'_>) -> Vec<Pool> {
    let mut pools: BTreeMap<Key, Seen> = BTreeMap::new();
    let mut waits: BTreeMap<(u32, u32, u32), (i64, RowId)> = BTreeMap::new();
    for row in rows.by_time().filter(Row::has_time) {
        let process = (row.source_id(), row.code(TextCol::Host), row.int(IntCol::Pid));
        match row.kind() {
            Kind::ProxyStats => {
                let wait = row.long(LongCol::Wait).unwrap_or(0);
                let worst = waits.entry(process).or_insert((wait, row.id));
                if wait > worst.0 {
                    *worst = (wait, row.id);
                }
            }
            Kind::ProxyServerOpen | Kind::ProxyServerClose | Kind::ProxyWaitTimeout => {
                let (database, user) = (row.code(TextCol::DbName), row.code(TextCol::DbUser));
                if database != 0 || user != 0 {
                    pools.entry((process.0, process.1, process.2, database, user)).or_default().see(&row);
                }
            }
            _ => {}
        }
    }
    let mut of_process: BTreeMap<(u32, u32, u32), u32> = BTreeMap::new();
    for key in pools.keys() {
        *of_process.entry((key.0, key.1, key.2)).or_default() += 1;
    }
    let finish = |(key, seen): (Key, Seen)| {
        let process = (key.0, key.1, key.2);
        // Its counters sum up all pools of a process: they are one pool's where there is one.
        let alone = of_process.get(&process) == Some(&1);
        seen.finish(key, waits.get(&process).copied().filter(|(wait, _)| alone && *wait > 0))
    };
    pools.into_iter().map(finish).collect()
}

impl Seen {
    fn see(&mut self, row: &Row<'_>) {
        let (at, conn) = (row.time(), row.code(TextCol::Conn));
        self.life = if self.life == (0, 0) { (at, at) } else { (self.life.0, at) };
        let open = |seen: &Seen| u32::try_from(seen.open.len()).unwrap_or(u32::MAX);
        match row.kind() {
            Kind::ProxyServerOpen => {
                self.open.insert(conn, row.id);
                if open(self) > self.most.0 {
                    self.most = (open(self), Some(row.id));
                }
            }
            Kind::ProxyServerClose => drop(self.open.remove(&conn)),
            _ => {
                let waited = row.long(LongCol::Wait).filter(|wait| *wait > 0);
                self.vain.push(Vain { at, waited, row: row.id, thread: 0 });
                if !self.open.is_empty() {
                    self.full.entry(open(self)).or_insert((0, row.id)).0 += 1;
                }
            }
        }
    }

    fn finish(self, (source, unit, pid, database, user): Key, wait: Option<(i64, RowId)>) -> Pool {
        let full = self.full.iter().max_by_key(|(size, (n, _))| (*n, **size));
        let full = full.map(|(size, (_, row))| Size { connections: *size, basis: Basis::Full, row: Some(*row) });
        let most = (self.most.0 > 0).then_some(Size { connections: self.most.0, basis: Basis::Lent, row: self.most.1 });
        let proxy = Some(Proxied { database, user, most: self.most.0, wait });
        let size = full.or(most);
        Pool { source, unit, pid, processes: 1, size, vain: self.vain, life: self.life, proxy, ..Pool::default() }
    }
}
