//! What was measured before the incident and during it: counts, lengths and shares, each with rows that show it.

use super::talkers::{self, Talkers};
use crate::correlate::session::Ended;
use crate::correlate::stats::quantile_of;
use crate::correlate::{Case, Class, Session};
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::maps::HashMap;
use crate::table::{Row, RowId, Rows};
use backtrail_parsers::{Kind, Layer};
use std::collections::{BTreeMap, BTreeSet};

/// Rows kept as proof of one count.
pub(super) const PROOF: usize = 3;

/// A count and rows that show it: the first ones.
#[derive(Debug, Clone, Default)]
pub struct Count {
    /// How many.
    pub n: u64,
    /// The first rows.
    pub rows: Vec<RowId>,
}

impl Count {
    pub(super) fn add(&mut self, row: RowId) {
        self.n += 1;
        if self.rows.len() < PROOF {
            self.rows.push(row);
        }
    }
}

/// Who writes a line. What nobody wrote says something only of those who were heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// The application.
    App,
    /// A pool, or a proxy in front of the database.
    Pool,
    /// The database server.
    Database,
}

impl Tier {
    /// Whose line it is; `None` where several write such.
    pub fn of(row: &Row<'_>) -> Option<Tier> {
        let kind = row.kind();
        let name = kind.name();
        let starts = |prefixes: &[&str]| prefixes.iter().any(|p| name.starts_with(p));
        let server = || {
            let format = row.source().map_or("", |s| s.format.as_str());
            ["postgres", "mysql", "mariadb", "mongodb", "pg"].iter().any(|name| format.starts_with(name))
        };
        match kind {
            Kind::Error if server() => Some(Tier::Database),
            Kind::RequestStart | Kind::RequestEnd | Kind::AppStart | Kind::AppStop | Kind::Error => Some(Tier::App),
            _ if starts(&["pool.", "proxy."]) => Some(Tier::Pool),
            _ if starts(&["db.", "server."]) => Some(Tier::Database),
            _ => None,
        }
    }
}

/// Lengths of time in ns, and the rows of the first and of the longest.
#[derive(Debug, Clone, Default)]
pub struct Lengths {
    /// In any order.
    pub ns: Vec<i64>,
    /// Rows.
    pub rows: Vec<RowId>,
    longest: i64,
    /// What 95 and 10 of 100 stay below; known once measuring is done.
    p95: i64,
    p10: i64,
}

impl Lengths {
    fn add(&mut self, ns: i64, row: RowId) {
        if self.rows.is_empty() {
            self.rows.push(row);
        } else if ns > self.longest {
            self.rows.truncate(1);
            self.rows.push(row);
        }
        self.longest = self.longest.max(ns);
        self.ns.push(ns);
    }

    fn finish(&mut self) {
        self.p95 = quantile_of(&mut self.ns, 0.95).unwrap_or(0);
        self.p10 = quantile_of(&mut self.ns, 0.1).unwrap_or(0);
    }

    /// The 95th percentile in milliseconds; `None` for fewer than `few` values.
    pub fn p95_ms(&self, few: usize) -> Option<f64> {
        (!self.ns.is_empty() && self.ns.len() >= few).then(|| (self.p95 / 1000) as f64 / 1000.0)
    }

    /// The 10th percentile in milliseconds; `None` for fewer than `few` values.
    pub fn p10_ms(&self, few: usize) -> Option<f64> {
        (!self.ns.is_empty() && self.ns.len() >= few).then(|| (self.p10 / 1000) as f64 / 1000.0)
    }

    /// The sum in seconds.
    pub fn seconds(&self) -> f64 {
        self.ns.iter().map(|ns| (*ns / 1000) as f64).sum::<f64>() / 1e6
    }
}

/// One side of the comparison.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// Begin and end, ns UTC.
    pub from: i64,
    /// See `from`.
    pub to: i64,
    /// Requests at the edge (load balancer or web server; the application's where there is none).
    pub requests: Count,
    /// Of those, ended with 5xx.
    pub failed: Count,
    /// Who asks, and for what: what a crowd or a robot is told by.
    pub talkers: Talkers,
    /// Requests that repeat one of the same client for the same route that failed shortly before.
    pub repeated: Count,
    /// Requests that the edge gave up on while a back end worked on them (504).
    pub gave_up: Count,
    /// Requests that the application itself logs the end of.
    pub app_requests: Count,
    /// Of those, ended with 5xx.
    pub app_failed: Count,
    /// Their times.
    pub app_latency: Lengths,
    /// Statements.
    pub queries: Count,
    /// Their times.
    pub query_time: Lengths,
    /// Statements that the producer calls slow.
    pub slow: Count,
    /// Waits for locks and deadlocks.
    pub locks: Count,
    /// Statements cancelled.
    pub canceled: Count,
    /// Holds of connections that were given back.
    pub holds: Lengths,
    /// Waits in vain: pool, proxy.
    pub timeouts: Count,
    /// Most borrowers waiting, with the row that says so.
    pub waiting: Count,
    /// Lines with a pool's counters.
    pub counters: Count,
    /// Connections lent, summed over them.
    pub lent: u64,
    /// Clients turned away by a server for lack of room.
    pub full: Count,
    /// The same, as those tell it who were turned away; joined to `full` when measuring is done.
    found_full: Count,
    /// Clients turned away because the server starts or stops.
    pub not_ready: Count,
    /// Connections to a database that could not be made, other than for lack of room.
    pub db_unreachable: Count,
    /// Connections to a cache that could not be made, and cache errors.
    pub cache_errors: Count,
    /// Cache hits and misses.
    pub cache_hits: Count,
    /// See `cache_hits`.
    pub cache_misses: Count,
    /// Memory, disk, descriptors, threads ran out.
    pub exhausted: Count,
    /// Requests by the first two letters of the load balancer's termination state.
    pub states: BTreeMap<[u8; 2], Count>,
    /// Time to connect to the back end.
    pub connect: Lengths,
    /// Back-end servers taken out of rotation.
    pub servers_down: Count,
    /// Errors of the edge with its back end, by reason.
    pub upstream: BTreeMap<Vec<u8>, Count>,
    /// Start, stop, crash or recovery of the database.
    pub db_life: Count,
    /// Server sessions opened by proxies, and the most at once.
    pub borrows: Count,
    /// Lines of the application, of pools and proxies, and of the database server: who told of this time at all.
    pub heard: [u64; 3],
}

impl Side {
    /// Its length in seconds.
    pub fn seconds(&self) -> f64 {
        ((self.to - self.from) / 1_000_000) as f64 / 1000.0
    }

    /// Lines of a tier.
    pub fn heard(&self, tier: Tier) -> u64 {
        self.heard.get(tier as usize).copied().unwrap_or(0)
    }

    /// Its length in whole seconds.
    pub fn whole_seconds(&self) -> u64 {
        u64::try_from((self.to - self.from) / 1_000_000_000).unwrap_or(0)
    }

    /// A count a second.
    pub fn rate(&self, count: &Count) -> f64 {
        count.n as f64 / self.seconds().max(1e-9)
    }

    /// First tries a second: requests without those that only repeat a failed one.
    pub fn tries(&self) -> f64 {
        self.requests.n.saturating_sub(self.repeated.n) as f64 / self.seconds().max(1e-9)
    }

    /// Mean number of connections lent for one answered request a second: what a request holds, where only counters are
    /// logged. `None` for fewer than `few` counters.
    pub fn lent_a_request(&self, few: u64) -> Option<f64> {
        let answered = self.app_requests.n.saturating_sub(self.app_failed.n);
        let mean = self.lent as f64 / self.counters.n.max(1) as f64;
        (self.counters.n >= few && answered >= 20).then(|| mean / (answered as f64 / self.seconds().max(1e-9)))
    }

    /// Connections asked for: borrows, and waits in vain.
    pub fn asked(&self) -> u64 {
        self.borrows.n + self.timeouts.n
    }

    /// True where statements of every length are logged, not only slow ones: many a request, or no length at all.
    pub fn every_statement(&self) -> bool {
        self.queries.n as f64 >= 0.2 * self.requests.n.max(1) as f64 && self.queries.n >= 20
    }

    /// True where the lengths of statements of every length are logged.
    pub fn every_length(&self) -> bool {
        self.query_time.ns.len() >= 20 && self.query_time.ns.len() as f64 >= 0.2 * self.requests.n.max(1) as f64
    }

    /// Requests whose termination state is one of these.
    pub fn states(&self, wanted: &[&[u8; 2]]) -> Count {
        let mut out = Count::default();
        for (_, count) in self.states.iter().filter(|(state, _)| wanted.contains(state)) {
            out.n += count.n;
            out.rows.extend(count.rows.iter().take(PROOF - out.rows.len().min(PROOF)));
        }
        out
    }

    fn finish(&mut self) {
        for lengths in [&mut self.query_time, &mut self.holds, &mut self.connect, &mut self.app_latency] {
            lengths.finish();
        }
        // One attempt can stand in the server's log and in the client's: whoever tells of more counts.
        let told = std::mem::take(&mut self.found_full);
        if told.n > self.full.n {
            self.full = told;
        }
    }
}

/// Who failed at what lately, to tell a second try from a first one.
#[derive(Debug, Default)]
struct Again {
    failed: HashMap<(u32, u32), i64>,
}

impl Again {
    /// A request that comes so soon after a failed one of the same client for the same route repeats it.
    const SOON: i64 = 15_000_000_000;

    fn repeats(&mut self, row: &Row<'_>) -> bool {
        let key = (row.code(TextCol::Client), row.code(TextCol::Route));
        let took = row.long(LongCol::Duration).unwrap_or(0);
        let (begin, end) = if row.time_is_start() { (row.time(), row.time() + took) } else { (row.time() - took, row.time()) };
        // Access logs of whole seconds round both ends.
        let again = self.failed.get(&key).is_some_and(|failed| begin >= failed - 1_000_000_000 && begin - failed <= Self::SOON);
        if (500..600).contains(&row.int(IntCol::Status)) {
            self.failed.insert(key, end);
        }
        again && key.0 != 0
    }
}

/// Both sides, and what belongs to neither.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Before the incident.
    pub before: Side,
    /// During it.
    pub during: Side,
    /// Sessions leaked that opened before the incident was over: what can have caused it.
    pub leaked: u64,
    /// Sessions leaked at any time: what is told of them.
    pub leaked_in_all: u64,
    /// Rows that show them.
    pub leaked_rows: Vec<RowId>,
    /// Sessions at the pool layer that were followed, and returned.
    pub followed: u64,
    /// The application states requests of its own.
    pub app_logs_requests: bool,
    /// Few who ask for what came on top of the usual load.
    pub few: Option<talkers::Few>,
    /// Kinds that occur anywhere in the logs.
    pub seen: BTreeSet<Kind>,
    /// The first rows of kinds that occur.
    pub first_of: BTreeMap<Kind, RowId>,
}

/// Measures both sides. `before` and `during` are half-open stretches of time, ns UTC.
pub fn measure(rows: &Rows<'_>, case: &Case, before: (i64, i64), during: (i64, i64)) -> Facts {
    let mut facts = Facts::default();
    (facts.before.from, facts.before.to) = before;
    (facts.during.from, facts.during.to) = during;
    let edge = if rows.iter().any(|r| r.kind() == Kind::LbRequest) { Kind::LbRequest } else { Kind::RequestEnd };
    let mut again = Again::default();
    let mut last = None;
    let mut wrote: Option<((Kind, u32), Option<Tier>)> = None;
    for row in rows.iter().filter(Row::has_time) {
        let (time, kind) = (row.time(), row.kind());
        if last != Some(kind) {
            facts.first_of.entry(kind).or_insert(row.id);
            facts.seen.insert(kind);
            last = Some(kind);
        }
        // A restart is a cause also when it comes just before what users see.
        let side = if time >= during.0 && time < during.1 {
            &mut facts.during
        } else if time >= before.0 && time < before.1 {
            &mut facts.before
        } else {
            continue;
        };
        // Whose line it is follows from kind and source, which most lines share with the one before.
        let like = (kind, row.source_id());
        if wrote.is_none_or(|(before, _)| before != like) {
            wrote = Some((like, Tier::of(&row)));
        }
        if let Some(slot) = wrote.and_then(|(_, tier)| side.heard.get_mut(tier? as usize)) {
            *slot += 1;
        }
        count(side, &row, edge);
        if kind == edge && again.repeats(&row) {
            side.repeated.add(row.id);
        }
    }
    facts.app_logs_requests = facts.seen.contains(&Kind::RequestEnd);
    sessions(&mut facts, case);
    facts.before.finish();
    facts.during.finish();
    facts.few = talkers::few(rows, edge, &facts.before, &facts.during);
    facts
}

fn count(side: &mut Side, row: &Row<'_>, edge: Kind) {
    let (kind, id) = (row.kind(), row.id);
    match kind {
        Kind::LbRequest | Kind::RequestEnd => {
            if kind == edge {
                request(side, row);
            }
            if kind == Kind::RequestEnd {
                side.app_requests.add(id);
                if (500..600).contains(&row.int(IntCol::Status)) {
                    side.app_failed.add(id);
                }
                if let Some(ns) = row.long(LongCol::Duration) {
                    side.app_latency.add(ns, id);
                }
            }
        }
        Kind::Query | Kind::SlowQuery => {
            side.queries.add(id);
            if let Some(ns) = row.long(LongCol::Duration) {
                side.query_time.add(ns, id);
            }
            if kind == Kind::SlowQuery {
                side.slow.add(id);
            }
        }
        Kind::LockWait | Kind::Deadlock => side.locks.add(id),
        Kind::QueryCanceled => side.canceled.add(id),
        Kind::AcquireTimeout | Kind::ProxyWaitTimeout => side.timeouts.add(id),
        Kind::PoolBorrow => side.borrows.add(id),
        Kind::PoolStats => {
            side.counters.add(id);
            side.lent += u64::from(row.counter(IntCol::Active).unwrap_or(0));
            let waiting = u64::from(row.counter(IntCol::Waiting).unwrap_or(0));
            if waiting > side.waiting.n {
                side.waiting = Count { n: waiting, rows: vec![id] };
            }
        }
        Kind::DbRefused | Kind::ProxyRefused => refused(side, row),
        Kind::ConnectFailed => connect_failed(side, row),
        // Workers that are all busy are what a slow back end looks like, not what makes it slow.
        Kind::ResourceExhausted if matches!(row.text(TextCol::Reason), b"workers" | b"worker_connections") => {}
        Kind::ResourceExhausted => side.exhausted.add(id),
        Kind::AppStop if row.text(TextCol::Reason) == b"oom_kill" => side.exhausted.add(id),
        Kind::LbServerState if row.text(TextCol::Reason) == b"down" => side.servers_down.add(id),
        Kind::LbUpstreamError => side.upstream.entry(row.text(TextCol::Reason).to_vec()).or_default().add(id),
        Kind::ServerStart | Kind::ServerStop | Kind::ServerCrash | Kind::ServerRecovery if is_database(row) => {
            side.db_life.add(id);
        }
        _ => match row.text(TextCol::Reason) {
            b"cache_hit" => side.cache_hits.add(id),
            b"cache_miss" => side.cache_misses.add(id),
            b"cache_error" => side.cache_errors.add(id),
            _ => {}
        },
    }
}

/// Load balancers and web servers log starts and stops of their own: those are not the database's.
fn is_database(row: &Row<'_>) -> bool {
    let format = row.source().map_or("", |s| s.format.as_str());
    let ours = ["postgres", "mysql", "mariadb", "mongodb", "pg", "plain", "generic"];
    ours.iter().any(|name| format.starts_with(name)) && !matches!(row.text(TextCol::Subject), b"haproxy" | b"nginx" | b"apache")
}

fn request(side: &mut Side, row: &Row<'_>) {
    let (id, status) = (row.id, row.int(IntCol::Status));
    side.requests.add(id);
    if (500..600).contains(&status) {
        side.failed.add(id);
    }
    if status == 504 {
        side.gave_up.add(id);
    }
    side.talkers.add(row);
    if let Some(ns) = row.long(LongCol::Connect) {
        side.connect.add(ns, id);
    }
    if let [a, b, ..] = row.text(TextCol::Reason) {
        side.states.entry([*a, *b]).or_default().add(id);
    }
}

fn refused(side: &mut Side, row: &Row<'_>) {
    match row.text(TextCol::Reason) {
        b"starting_up" | b"shutting_down" | b"in_recovery" | b"recovery" | b"not_accepting" => side.not_ready.add(row.id),
        b"too_many_clients"
        | b"reserved_slots"
        | b"too_many_connections"
        | b"max_client_conn"
        | b"role_limit"
        | b"database_limit" => {
            side.full.add(row.id);
        }
        _ => {}
    }
}

fn connect_failed(side: &mut Side, row: &Row<'_>) {
    let (subject, reason) = (row.text(TextCol::Subject), row.text(TextCol::Reason));
    if subject.starts_with(b"cache") || subject.starts_with(b"redis") || subject.starts_with(b"memcache") {
        side.cache_errors.add(row.id);
    } else if reason.starts_with(b"too_many") {
        side.found_full.add(row.id);
    } else if subject.is_empty()
        || [&b"database"[..], b"postgres", b"mysql", b"mariadb", b"mongo", b"pgbouncer"]
            .iter()
            .any(|db| subject.starts_with(db))
    {
        side.db_unreachable.add(row.id);
    }
}

fn sessions(facts: &mut Facts, case: &Case) {
    let pool = case.sessions.iter().any(|s| s.layer == Layer::Pool);
    let layer = if pool { Layer::Pool } else { Layer::Db };
    for session in case.sessions.iter().filter(|s| s.layer == layer) {
        facts.followed += 1;
        facts.leaked_in_all += u64::from(session.class == Class::Leaked);
        if session.class == Class::Leaked && session.open < facts.during.to {
            facts.leaked += 1;
            if facts.leaked_rows.len() < PROOF {
                facts.leaked_rows.push(session.report.unwrap_or(session.open_row));
            }
        }
        hold(facts, session);
    }
}

fn hold(facts: &mut Facts, session: &Session) {
    let (Some(end), Ended::Logged, true) = (session.end, session.ended, session.class != Class::Leaked) else { return };
    let side = if end >= facts.during.from && end < facts.during.to {
        &mut facts.during
    } else if end >= facts.before.from && end < facts.before.to {
        &mut facts.before
    } else {
        return;
    };
    side.holds.add(end - session.open, session.end_row.unwrap_or(session.open_row));
}
