//! Which sources tell of the same server, which tell the same twice, and what kind of producer wrote a row.
//!
//! A MySQL server writes opens to its general log and broken connections to its error log; a PostgreSQL server may write
//! the same records to `stderr` and to `csvlog`; an application's log may be kept by itself and by its container. What is
//! written twice is counted once, and what one server writes into two files is one story.

use crate::ingest::{IntCol, TextCol};
use crate::table::maps::{HashMap, HashSet};
use crate::table::{Row, RowId, Rows};
use backtrail_parsers::Kind;
use std::collections::BinaryHeap;

/// Hashes kept per source to compare sources with: the smallest, which makes the share of equal ones an estimate.
const SKETCH: usize = 1024;
/// Fewer equal records than this prove nothing.
const TWIN_AT_LEAST: usize = 8;
const SECOND: i64 = 1_000_000_000;

/// Who wrote a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::correlate) enum Family {
    /// A PostgreSQL server.
    Postgres,
    /// A MySQL or MariaDB server.
    Mysql,
    /// A MongoDB server.
    Mongo,
    /// A Redis server.
    Redis,
    /// PgBouncer, Pgpool, `ProxySQL`.
    Proxy,
    /// A web server, load balancer, or a stream of events about others: it holds no session that is followed here.
    Other,
    /// Any program, as far as the layout tells.
    Program,
}

impl Family {
    fn of(layout: &str) -> Family {
        match layout {
            l if l.starts_with("postgres") => Family::Postgres,
            l if l.starts_with("mysql") || l.starts_with("mariadb") => Family::Mysql,
            l if l.starts_with("mongodb") => Family::Mongo,
            "redis" => Family::Redis,
            "pgbouncer" | "pgpool" | "proxysql" => Family::Proxy,
            "haproxy" | "nginx_access" | "nginx_error" | "apache_access" | "apache_error" | "envoy_access" | "alert_json"
            | "k8s_events" | "nagios" => Family::Other,
            _ => Family::Program,
        }
    }

    fn is_server(self) -> bool {
        matches!(self, Family::Postgres | Family::Mysql | Family::Mongo | Family::Redis)
    }
}

/// What is known of the sources before the first row is taken.
#[derive(Debug, Default)]
pub(in crate::correlate) struct Servers {
    /// Per source, the families of its layouts.
    families: Vec<Vec<Family>>,
    /// Per source, the source under whose number its sessions are kept.
    alias: Vec<u32>,
    /// Rows that another source holds too.
    twins: HashSet<RowId>,
    /// Per source: resolution of its times, ns.
    resolution: Vec<i64>,
    /// Kinds seen, per source.
    seen: Vec<Seen>,
    /// Families of the servers whose own session lines are there.
    logged: HashSet<Family>,
}

#[derive(Debug, Default, Clone)]
struct Seen {
    accepted: u64,
    opens: u64,
    closes: u64,
    borrows: u64,
    returns: u64,
    fine: bool,
    /// Records that can be compared.
    marks: u64,
    sketch: Sketch,
    /// Pool records with a process or thread, and such without.
    rich: Sketch,
    poor: Sketch,
}

/// The smallest hashes of a set of records.
#[derive(Debug, Default, Clone)]
struct Sketch(BinaryHeap<u64>);

impl Sketch {
    fn add(&mut self, hash: u64) {
        let full = self.0.len() >= SKETCH;
        if !full || self.0.peek().is_some_and(|top| hash < *top) {
            self.0.push(hash);
            if full {
                self.0.pop();
            }
        }
    }

    /// True where most of these records stand in the other set too.
    fn is_copy_of(&self, other: &Sketch) -> bool {
        let (a, b): (HashSet<u64>, HashSet<u64>) = (self.0.iter().copied().collect(), other.0.iter().copied().collect());
        // A full sketch tells only of hashes up to its largest.
        let reach = |s: &Sketch| if s.0.len() < SKETCH { u64::MAX } else { s.0.peek().copied().unwrap_or(0) };
        let limit = reach(self).min(reach(other));
        let of = a.iter().filter(|h| **h <= limit).count();
        let both = a.iter().filter(|h| **h <= limit && b.contains(h)).count();
        both >= TWIN_AT_LEAST && both * 10 >= of * 8
    }
}

impl Servers {
    /// Looks at every row once.
    pub(in crate::correlate) fn new(rows: &Rows<'_>) -> Servers {
        let sources = &rows.table().sources;
        let families = sources.iter().map(|s| s.layouts.iter().map(|l| Family::of(l)).collect()).collect();
        let mut out = Servers { families, seen: vec![Seen::default(); sources.len()], ..Servers::default() };
        for row in rows.iter() {
            out.look(&row);
        }
        out.resolution = out.seen.iter().map(|s| if s.fine { 1_000_000 } else { SECOND }).collect();
        out.alias = (0u32..).take(sources.len()).collect();
        let pairs = out.alike();
        out.skip(rows, &pairs);
        out.skip_poor(rows);
        out.join_mysql(rows);
        out
    }

    fn look(&mut self, row: &Row<'_>) {
        let family = self.family(row);
        let Some(seen) = self.seen.get_mut(row.source_id() as usize) else { return };
        seen.fine |= row.time() % SECOND != 0;
        match row.kind() {
            Kind::DbReceived => {
                seen.accepted += 1;
                self.logged.insert(family);
            }
            Kind::DbOpen => {
                seen.opens += 1;
                self.logged.insert(family);
            }
            Kind::DbClose => {
                seen.closes += 1;
                self.logged.insert(family);
            }
            Kind::ProxyOpen => seen.opens += 1,
            Kind::ProxyClose | Kind::ProxyServerClose => seen.closes += 1,
            Kind::PoolBorrow => seen.borrows += 1,
            Kind::PoolReturn | Kind::LeakCleared => seen.returns += 1,
            _ => {}
        }
        if let Some(hash) = mark(row) {
            seen.marks += 1;
            seen.sketch.add(hash);
        }
        if let Some((hash, rich)) = borrow_mark(row) {
            if rich { &mut seen.rich } else { &mut seen.poor }.add(hash);
        }
    }

    /// Pairs of sources of which the smaller is, for the most part, a copy of the larger: `(smaller, larger)`.
    fn alike(&self) -> Vec<(u32, u32)> {
        let size = |id: u32| self.seen.get(id as usize).map_or(0, |s| s.marks);
        let mut pairs = Vec::new();
        for (small, a) in (0u32..).zip(&self.seen) {
            let larger = |id: u32| id != small && (size(id), small) > (size(small), id);
            let found = (0u32..).zip(&self.seen).find(|(large, b)| larger(*large) && a.sketch.is_copy_of(&b.sketch));
            pairs.extend(found.map(|(large, _)| (small, large)));
        }
        pairs
    }

    /// A pool that has a handler of its own beside the program's writes every record twice, once without saying which
    /// process and thread it is about: those are left out.
    fn skip_poor(&mut self, rows: &Rows<'_>) {
        let copied: HashSet<u32> =
            (0u32..).zip(&self.seen).filter(|(_, s)| s.poor.is_copy_of(&s.rich)).map(|(id, _)| id).collect();
        if copied.is_empty() {
            return;
        }
        let mut rich: HashSet<(u32, u64)> = HashSet::default();
        let of = |row: &Row<'_>| borrow_mark(row).filter(|_| copied.contains(&row.source_id()));
        for row in rows.iter() {
            rich.extend(of(&row).filter(|(_, rich)| *rich).map(|(hash, _)| (row.source_id(), hash)));
        }
        for row in rows.iter() {
            if of(&row).is_some_and(|(hash, is_rich)| !is_rich && rich.contains(&(row.source_id(), hash))) {
                self.twins.insert(row.id);
            }
        }
    }

    fn skip(&mut self, rows: &Rows<'_>, pairs: &[(u32, u32)]) {
        if pairs.is_empty() {
            return;
        }
        let kept: HashMap<u32, u32> = pairs.iter().copied().collect();
        let mut marks: HashMap<u32, HashSet<u64>> = pairs.iter().map(|(_, large)| (*large, HashSet::default())).collect();
        for row in rows.iter() {
            if let (Some(marks), Some(hash)) = (marks.get_mut(&row.source_id()), mark(&row)) {
                marks.insert(hash);
            }
        }
        for row in rows.iter() {
            let Some(large) = kept.get(&row.source_id()) else { continue };
            if mark(&row).is_some_and(|hash| marks.get(large).is_some_and(|m| m.contains(&hash))) {
                self.twins.insert(row.id);
            }
        }
        for (small, large) in pairs {
            if let Some(alias) = self.alias.get_mut(*small as usize) {
                *alias = *large;
            }
        }
    }

    /// Files of a MySQL server that tell of no opens (error log, slow log) belong to the one that does: the only one, the
    /// only one in the same folder, or the one whose name has most in common.
    fn join_mysql(&mut self, rows: &Rows<'_>) {
        let sources = &rows.table().sources;
        let is_mysql = |id: usize| self.families.get(id).is_some_and(|f| f.contains(&Family::Mysql));
        let opens = |id: usize| self.seen.get(id).map_or(0, |s| s.opens);
        let hosts: Vec<usize> = (0..sources.len()).filter(|id| is_mysql(*id) && opens(*id) > 0).collect();
        let mut found = Vec::new();
        for id in (0..sources.len()).filter(|id| is_mysql(*id) && opens(*id) == 0) {
            let Some(path) = sources.get(id).map(|s| s.path.as_str()) else { continue };
            let folder = |path: &str| path.rsplit_once('/').map_or(String::new(), |(f, _)| f.to_owned());
            let of = |host: &usize| sources.get(*host).map_or("", |s| s.path.as_str());
            let near: Vec<usize> = hosts.iter().copied().filter(|h| folder(of(h)) == folder(path)).collect();
            let among = if near.is_empty() { &hosts } else { &near };
            let common = |host: &usize| path.bytes().zip(of(host).bytes()).take_while(|(a, b)| a == b).count();
            let best = among.iter().copied().map(|h| (common(&h), h)).max();
            let unique = best.filter(|(n, _)| among.iter().filter(|h| common(h) == *n).count() == 1);
            if let Some((_, host)) = unique {
                found.push((id, host));
            }
        }
        for (id, host) in found {
            if let (Some(alias), Ok(host)) = (self.alias.get_mut(id), u32::try_from(host)) {
                *alias = host;
            }
        }
    }

    /// Who wrote a row.
    pub(in crate::correlate) fn family(&self, row: &Row<'_>) -> Family {
        let of = self.families.get(row.source_id() as usize).and_then(|f| f.get(usize::from(row.layout())));
        of.copied().unwrap_or(Family::Program)
    }

    /// The source under whose number the sessions of a source are kept.
    pub(in crate::correlate) fn server(&self, source: u32) -> u32 {
        self.alias.get(source as usize).copied().unwrap_or(source)
    }

    /// True for a row that another source holds too.
    pub(in crate::correlate) fn is_twin(&self, row: RowId) -> bool {
        self.twins.contains(&row)
    }

    /// Finest difference of two times of a source, ns.
    pub(in crate::correlate) fn resolution(&self, source: u32) -> i64 {
        self.resolution.get(source as usize).copied().unwrap_or(SECOND)
    }

    /// True where a source tells of sessions let in, or of sessions ended or connections given back.
    pub(in crate::correlate) fn logs(&self, source: u32) -> (bool, bool) {
        self.seen.get(source as usize).map_or((false, false), |s| (s.opens > 0, s.closes + s.returns > 0))
    }

    /// True where a source tells of borrows but of no return.
    pub(in crate::correlate) fn never_returns(&self, source: u32) -> bool {
        self.seen.get(source as usize).is_some_and(|s| s.borrows > 0 && s.returns == 0)
    }

    /// Sources that tell of ends only.
    pub(in crate::correlate) fn only_ends(&self) -> Vec<u32> {
        let only = |s: &Seen| s.accepted + s.opens + s.borrows == 0 && s.closes + s.returns > 0;
        (0u32..).zip(&self.seen).filter(|(_, s)| only(s)).map(|(id, _)| id).collect()
    }

    /// True where a source tells of every borrow.
    pub(in crate::correlate) fn logs_borrows(&self, source: u32) -> bool {
        self.seen.get(source as usize).is_some_and(|s| s.borrows > 0)
    }

    /// True where the log of the server behind a proxy is there: then the proxy's words about its own connections to it
    /// tell nothing new. A server whose layout does not say what it is may be any.
    pub(in crate::correlate) fn behind_proxy(&self, proxy: &Row<'_>) -> bool {
        let layouts = proxy.source().map(|s| &s.layouts);
        let mysql = layouts.and_then(|l| l.get(usize::from(proxy.layout()))).is_some_and(|l| *l == "proxysql");
        let own = if mysql { Family::Mysql } else { Family::Postgres };
        self.logged.contains(&own) || self.logged.contains(&Family::Program)
    }

    /// True where a row is a database server's own.
    pub(in crate::correlate) fn is_server(&self, row: &Row<'_>) -> bool {
        self.family(row).is_server()
            || self.seen.get(row.source_id() as usize).is_some_and(|s| s.accepted + s.opens + s.closes > 0 && s.borrows == 0)
    }
}

/// A hash of what makes a session's record the same wherever it is written. `None` for rows that have no such identity.
fn mark(row: &Row<'_>) -> Option<u64> {
    let code = match row.kind() {
        Kind::DbReceived | Kind::DbOpen | Kind::DbClose | Kind::DbRefused | Kind::DbTerminated | Kind::DbPeerError => 1,
        Kind::ProxyOpen | Kind::ProxyClose | Kind::ProxyServerOpen | Kind::ProxyServerClose => 2,
        Kind::PoolBorrow | Kind::PoolReturn | Kind::LeakReport | Kind::LeakCleared | Kind::PoolConnAdded => 3,
        Kind::RequestStart | Kind::RequestEnd => 4,
        _ => return None,
    };
    // A session id stands for its process where one layout states it and another does not.
    let name = if code == 1 && row.int(IntCol::Pid) != 0 { 0 } else { row.code(TextCol::Conn) };
    let parts = [name, row.int(IntCol::Pid), row.code(TextCol::RequestId), row.code(TextCol::Thread)];
    if !row.has_time() || parts.iter().all(|p| *p == 0) {
        return None;
    }
    Some(hash_of(row, &parts))
}

/// A hash of what a pool's record says of its connection, whoever wrote it, and whether it says which process or thread it
/// is about.
fn borrow_mark(row: &Row<'_>) -> Option<(u64, bool)> {
    let pool = matches!(
        row.kind(),
        Kind::PoolBorrow | Kind::PoolReturn | Kind::LeakReport | Kind::LeakCleared | Kind::PoolConnAdded | Kind::PoolConnClosed
    );
    let conn = row.code(TextCol::Conn);
    let rich = row.int(IntCol::Pid) != 0 || row.code(TextCol::Thread) != 0;
    (pool && conn != 0 && row.has_time()).then(|| (hash_of(row, &[conn]), rich))
}

fn hash_of(row: &Row<'_>, parts: &[u32]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64 ^ u64::from(row.kind().code());
    let mut mix = |value: u64| hash = (hash ^ value).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    mix(u64::from_ne_bytes(row.time().to_ne_bytes()));
    parts.iter().for_each(|part| mix(u64::from(*part)));
    hash ^= hash >> 31;
    hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
