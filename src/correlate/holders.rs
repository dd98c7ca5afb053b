//! Who held every connection at a moment, and who waited for one.

use super::callsite::{Site, parse_stack};
use super::classify::endpoint;
use super::pools::Pool;
use super::session::{Class, Session};
use super::statements::Statements;
use super::{Case, pools};
use crate::ingest::{IntCol, TextCol};
use crate::table::maps::{HashMap, HashSet};
use crate::table::{RowId, Rows};
use backtrail_parsers::{Kind, Layer};

/// Counters older than this say nothing about the moment, ns.
const STALE: i64 = 300_000_000_000;

/// Statements of a request may be logged this long after its end, ns.
const GRACE: i64 = 5_000_000_000;

/// A connection that was held.
#[derive(Debug, Clone, PartialEq)]
pub struct Holder {
    /// Index into the case's sessions.
    pub session: u32,
    /// `Pool` for a borrow, `Proxy` for a client of a proxy, `Db` for a server session that no known borrow held.
    pub layer: Layer,
    /// How long it had been held, ns.
    pub age: i64,
    /// Code of the pool's name, 0 unknown.
    pub pool: u32,
    /// Where it was opened, where a stack says.
    pub site: Option<Site>,
    /// The endpoint that it served.
    pub endpoint: Option<String>,
    /// Code of the client that asked for it, 0 unknown.
    pub client: u32,
    /// Code of the thread, 0 unknown.
    pub thread: u32,
    /// Its last statement up to that moment.
    pub statement: Option<RowId>,
    /// The server session that carries the borrow.
    pub server: Option<u32>,
    /// What became of it.
    pub class: Class,
    /// True where it is never given back by what the logs show.
    pub leaked: bool,
    /// The row that opened it.
    pub row: RowId,
}

/// Somebody who waited and got nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiter {
    /// How long already, ns; `None` where the length of its wait is not logged.
    pub waited: Option<i64>,
    /// The row in which it gives up.
    pub row: RowId,
}

/// One pool at that moment.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolThen {
    /// The source.
    pub source: u32,
    /// Process id, 0 unknown.
    pub pid: u32,
    /// Code of its name, 0 unknown.
    pub name: u32,
    /// True for a server's limit on sessions.
    pub server: bool,
    /// Connections, where known.
    pub size: Option<u32>,
    /// Its last counters before that moment: when, lent, waiting, and the row.
    pub counters: Option<(i64, u32, u32, RowId)>,
    /// Those who waited then and gave up later.
    pub waiters: Vec<Waiter>,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Holders {
    /// The moment, ns UTC.
    pub at: i64,
    /// Who held, the longest first.
    pub holders: Vec<Holder>,
    /// The pools.
    pub pools: Vec<PoolThen>,
}

/// Everybody who held a connection at a moment (ns UTC). A borrow stands for the server session that carries it.
pub fn holders(rows: &Rows<'_>, case: &Case, at: i64) -> Holders {
    let statements = Statements::new(rows, &case.servers);
    let then = |s: &Session| s.open <= at && s.end.is_none_or(|end| end > at);
    let sites: HashMap<u32, &Site> = case
        .leaks
        .iter()
        .filter_map(|l| Some((l, l.site.as_ref()?)))
        .flat_map(|(l, site)| l.sessions.iter().map(move |i| (*i, site)))
        .collect();
    let held = |layer: Layer| (0u32..).zip(&case.sessions).filter(move |(_, s)| s.layer == layer && then(s));
    let carried: HashSet<u32> = held(Layer::Pool).filter_map(|(_, s)| s.carried_by).collect();
    let borrows = held(Layer::Pool).chain(held(Layer::Proxy));
    let rest = held(Layer::Db).filter(|(index, _)| !carried.contains(index));
    let mut out: Vec<Holder> = Vec::new();
    for (index, session) in borrows.chain(rest) {
        let row = rows.get(session.open_row);
        let request = session.request.and_then(|r| case.requests.get(r as usize));
        let of_request = request.map(|r| endpoint(rows, r.method, r.route)).filter(|e| !e.is_empty());
        let of_leak = || case.leaks.iter().find(|l| l.sessions.contains(&index)).and_then(|l| l.endpoint.clone());
        let server = session.carried_by.filter(|i| !contradicted(rows, case, &statements, session, *i));
        let at_server = server.and_then(|i| case.sessions.get(i as usize));
        let statement = at_server
            .and_then(|s| statements.last(rows, &case.servers, s, at).filter(|row| rows.get(*row).time() >= session.open));
        out.push(Holder {
            session: index,
            layer: session.layer,
            age: at - session.open,
            pool: row.code(TextCol::Pool),
            site: sites.get(&index).map(|s| (*s).clone()).or_else(|| first_frame(rows, session)),
            endpoint: of_request.or_else(of_leak),
            client: request.map(|r| r.client).filter(|c| *c != 0).unwrap_or(session.client),
            thread: session.thread,
            statement: statement.or_else(|| statements.last(rows, &case.servers, session, at)),
            server,
            class: session.class,
            leaked: session.class == Class::Leaked,
            row: session.open_row,
        });
    }
    out.sort_by_key(|h| (std::cmp::Reverse(h.age), h.session));
    let pools = pools::find(rows, case).iter().filter_map(|pool| pool_then(pool, at)).collect();
    Holders { at, holders: out, pools }
}

/// True where a server session cannot be the one that carries a borrow that was never given back: it ran statements after
/// the request that borrowed had ended.
pub fn contradicted(rows: &Rows<'_>, case: &Case, statements: &Statements, borrow: &Session, server: u32) -> bool {
    let ended = borrow.request.and_then(|r| case.requests.get(r as usize)).and_then(|r| r.end);
    let (Some(ended), Some(server), true) = (ended, case.sessions.get(server as usize), borrow.class == Class::Leaked) else {
        return false;
    };
    let until = borrow.end.unwrap_or(i64::MAX);
    let last = statements.last(rows, &case.servers, server, until);
    last.is_some_and(|row| rows.get(row).time() > ended + GRACE)
}

/// The first frame of the application in the borrow's own stack.
fn first_frame(rows: &Rows<'_>, session: &Session) -> Option<Site> {
    let row = rows.get(session.report.unwrap_or(session.open_row));
    let tells = matches!(row.kind(), Kind::PoolBorrow | Kind::LeakReport);
    tells.then(|| parse_stack(row.text(TextCol::Stack))).and_then(|frames| frames.into_iter().next())
}

fn pool_then(pool: &Pool, at: i64) -> Option<PoolThen> {
    if at < pool.life.0 || at > pool.life.1 {
        return None;
    }
    let last = pool.readings.partition_point(|r| r.at <= at).checked_sub(1).and_then(|i| pool.readings.get(i));
    let counters = last.filter(|r| at - r.at <= STALE).map(|r| (r.at, r.active, r.waiting, r.row));
    let waiting = pool.vain.iter().filter(|v| v.at >= at && v.at - v.waited.unwrap_or(0) <= at && v.waited.is_some());
    let waiters = waiting.map(|v| Waiter { waited: v.waited.map(|w| at - (v.at - w)), row: v.row }).collect();
    let size = pool.size.map(|s| s.connections);
    Some(PoolThen { source: pool.source, pid: pool.pid, name: pool.name, server: pool.server, size, counters, waiters })
}

/// The server's process of a session: its own, or that of the session that carries it; 0 unknown.
pub fn server_pid(rows: &Rows<'_>, case: &Case, holder: &Holder) -> u32 {
    let own = case.sessions.get(holder.session as usize);
    let server = holder.server.and_then(|i| case.sessions.get(i as usize));
    match (holder.layer, server, own) {
        (_, Some(server), _) => server.pid,
        (Layer::Db, None, Some(own)) => own.pid,
        _ => rows.get(holder.row).int(IntCol::BackendPid),
    }
}
