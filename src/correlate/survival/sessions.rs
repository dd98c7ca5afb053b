//! From the ledger's sessions to the spells that are judged.

use super::rate::{LeakRate, leak_rate};
use super::{Decision, Doubt, Fate, Judgement, Opinion, SECOND, SEVERAL, Setting, Spell, Strata, Stratum, judge};
use crate::correlate::callsite::parse_stack;
use crate::correlate::classify::endpoint;
use crate::correlate::distributions::Control;
use crate::correlate::ledger::Folded;
use crate::correlate::pooled;
use crate::correlate::session::{Class, Ended, Opened, Session};
use crate::correlate::stats::quantile;
use crate::ingest::{IntCol, TextCol};
use crate::table::{Row, Rows};
use backtrail_parsers::{Kind, Layer};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Pauses between signs of life needed to know what is usual.
const PAUSES: usize = 100;
/// Nanoseconds of a second.
const WHOLE: i64 = 1_000_000_000;
/// Parts of the window, and in how many of them sessions must be lost where a pool could keep them instead.
const PARTS: i64 = 4;
/// See [`PARTS`].
const MOST_PARTS: usize = 3;

/// What was found about the sessions of the ledger.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judged {
    /// Session and opinion, in the order of sessions.
    pub opinions: Vec<(u32, Opinion)>,
    /// Sessions that were given back far later than others.
    pub late: Vec<u32>,
}

/// Judges the sessions that are open at the end of their log and that no rule has decided: those of the classes
/// `undecided` and `still_in_use`. Leaked ones stay out, and so do server sessions of a pool.
pub fn judge_sessions(rows: &Rows<'_>, folded: &Folded, onset: Option<i64>, control: Control) -> Judged {
    let ceilings = pooled::ceilings(&folded.sessions);
    let mut names = Names::default();
    let mut judged = Judged::default();
    for layer in [Layer::Pool, Layer::Proxy, Layer::Db] {
        let in_pool = |s: &Session| layer == Layer::Db && ceilings.contains_key(&(s.source, s.client));
        let members = || (0u32..).zip(&folded.sessions).filter(|(_, s)| s.layer == layer && !in_pool(s));
        if !members().any(|(_, s)| is_open(s)) {
            continue;
        }
        let usual_pause = if layer == Layer::Db { usual_pause(rows) } else { None };
        let (mut indexes, mut spells) = (Vec::new(), Vec::new());
        for (index, session) in members() {
            if let Some(fate) = fate(rows, folded, session, usual_pause) {
                indexes.push(index);
                spells.push(spell(rows, folded, session, fate, &mut names));
            }
        }
        let window = window(rows, &indexes, folded);
        let resolution = resolution(&spells);
        let setting = Setting { window, onset, usual_pause, resolution, control };
        let Judgement { mut opinions, late } = judge(&spells, &setting);
        if layer != Layer::Pool {
            doubt_pools(&mut opinions, &spells, window);
        }
        let session = |at: usize| indexes.get(at).copied();
        judged.opinions.extend(opinions.into_iter().filter_map(|o| session(o.index).map(|s| (s, o))));
        judged.late.extend(late.into_iter().filter_map(session));
    }
    judged.opinions.sort_by_key(|(index, _)| *index);
    judged.late.sort_unstable();
    judged
}

/// Where all times stand on whole seconds, a second; else a millisecond, which is what most logs write.
fn resolution(spells: &[Spell]) -> i64 {
    let whole = spells.iter().all(|s| s.open % WHOLE == 0 && s.age % WHOLE == 0);
    if whole { WHOLE } else { WHOLE / 1000 }
}

/// A pool that nobody logs keeps its connections for as long as its process lives, while those beyond its size come and
/// go. They look like leaks but for one thing: leaks go on. Those of one client that were not added in most parts of the
/// window stay undecided.
fn doubt_pools(opinions: &mut [Opinion], spells: &[Spell], window: (i64, i64)) {
    let (from, width) = (window.0, (window.1.saturating_sub(window.0) / PARTS).max(1));
    let kind = |opinion: &Opinion| spells.get(opinion.index).map(|s| (s.strata.pool, s.open));
    let mut parts: BTreeMap<u32, (usize, BTreeSet<i64>)> = BTreeMap::new();
    for (pool, open) in opinions.iter().filter(|o| o.decision == Decision::Leaked).filter_map(kind) {
        let (count, parts) = parts.entry(pool).or_default();
        *count += 1;
        parts.insert((open.saturating_sub(from) / width).clamp(0, PARTS - 1));
    }
    let goes_on = |pool: u32| parts.get(&pool).is_some_and(|(count, parts)| *count >= SEVERAL && parts.len() >= MOST_PARTS);
    for opinion in opinions.iter_mut().filter(|o| o.decision == Decision::Leaked) {
        if !kind(opinion).is_some_and(|(pool, _)| goes_on(pool)) {
            opinion.decision = Decision::Undecided(Doubt::MayBePooled);
        }
    }
}

fn is_open(session: &Session) -> bool {
    session.end.is_none() && matches!(session.class, Class::Undecided | Class::StillInUse)
}

fn fate(rows: &Rows<'_>, folded: &Folded, session: &Session, usual_pause: Option<i64>) -> Option<Fate> {
    match session.class {
        Class::Leaked | Class::PooledIdle => None,
        Class::Matched | Class::SlowHold => Some(Fate::Closed),
        _ if !is_open(session) => Some(Fate::Cut),
        _ => {
            let request = session.request.and_then(|r| folded.requests.get(r as usize));
            let idle = usual_pause.map(|_| log_end(rows, session) - session.last_seen.max(session.open));
            Some(Fate::Open { request_ended: request.is_some_and(|r| r.end.is_some()), idle })
        }
    }
}

fn log_end(rows: &Rows<'_>, session: &Session) -> i64 {
    rows.table().sources.get(session.source as usize).and_then(|s| s.last).unwrap_or(session.open)
}

fn spell(rows: &Rows<'_>, folded: &Folded, session: &Session, fate: Fate, names: &mut Names) -> Spell {
    let source = rows.table().sources.get(session.source as usize);
    // A session known from its close alone was not under observation before its log began.
    let entry = match (session.opened, source.and_then(|s| s.first)) {
        (Opened::Inferred, Some(first)) => (first - session.open).max(0),
        _ => 0,
    };
    // A superseded one ended some time after its last sign of life.
    let age = match session.ended {
        Ended::Superseded => session.last_seen - session.open,
        _ => session.age(log_end(rows, session)),
    };
    let strata = Strata {
        site: names.code(&site(rows, session)),
        endpoint: names.code(&served(rows, folded, session)),
        pool: names.code(&pool(rows, session)),
    };
    Spell { strata, open: session.open, entry, age: age.max(entry), fate }
}

/// First to last moment of the sources that tell of the sessions.
fn window(rows: &Rows<'_>, indexes: &[u32], folded: &Folded) -> (i64, i64) {
    let mut sources: Vec<u32> = indexes.iter().filter_map(|i| folded.sessions.get(*i as usize)).map(|s| s.source).collect();
    sources.sort_unstable();
    sources.dedup();
    let ranges = sources.iter().filter_map(|s| rows.table().sources.get(*s as usize)).filter_map(|s| s.first.zip(s.last));
    ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default()
}

/// The pause between two signs of life of a server session that all but one in a thousand stay below.
fn usual_pause(rows: &Rows<'_>) -> Option<i64> {
    let mut last: HashMap<(u32, u32, u32), i64> = HashMap::new();
    let mut pauses = Vec::new();
    for row in rows.by_time().filter(Row::has_time) {
        let conn = row.code(TextCol::Conn);
        let key = (row.source_id(), conn, if conn == 0 { row.int(IntCol::Pid) } else { 0 });
        match row.kind() {
            Kind::DbOpen | Kind::DbReceived | Kind::DbClose => {
                last.remove(&key);
            }
            Kind::DbReady | Kind::DbActivity | Kind::Query | Kind::SlowQuery | Kind::LockWait => {
                pauses.extend(last.insert(key, row.time()).map(|before| row.time() - before));
            }
            _ => {}
        }
    }
    pauses.sort_unstable();
    quantile(&pauses, 0.999).filter(|_| pauses.len() >= PAUSES)
}

/// The innermost frame of the application where the session was opened; empty unknown.
fn site(rows: &Rows<'_>, session: &Session) -> String {
    let stack = if session.opened == Opened::Logged { rows.get(session.open_row).text(TextCol::Stack) } else { b"" };
    parse_stack(stack).first().map(|s| format!("{} {}", s.function, s.file)).unwrap_or_default()
}

/// The endpoint that the session's request served; empty unknown.
fn served(rows: &Rows<'_>, folded: &Folded, session: &Session) -> String {
    let row = rows.get(session.open_row);
    let request = session.request.and_then(|r| folded.requests.get(r as usize));
    let (method, route) = request.map_or((row.code(TextCol::Method), row.code(TextCol::Route)), |r| (r.method, r.route));
    endpoint(rows, method, route)
}

fn pool(rows: &Rows<'_>, session: &Session) -> String {
    let row = rows.get(session.open_row);
    let columns: &[TextCol] = match session.layer {
        Layer::Pool => &[TextCol::Service, TextCol::Pool],
        _ => &[TextCol::DbUser, TextCol::DbName, TextCol::AppName],
    };
    let client = if session.layer == Layer::Pool { 0 } else { session.client };
    let texts: Vec<_> = columns.iter().map(|c| row.text(*c)).chain([rows.text(client)]).map(String::from_utf8_lossy).collect();
    if texts.iter().all(|t| t.is_empty()) { String::new() } else { texts.join("\t") }
}

/// Numbers for names; 0 for the empty one.
#[derive(Default)]
struct Names(HashMap<String, u32>);

impl Names {
    fn code(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        if let Some(code) = self.0.get(name) {
            return *code;
        }
        let code = u32::try_from(self.0.len() + 1).unwrap_or(0);
        self.0.insert(name.to_owned(), code);
        code
    }
}

/// The leak rate of one place.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceRate {
    /// What kind of place.
    pub stratum: Stratum,
    /// Its name: `function file`, or an endpoint.
    pub name: String,
    /// Leaked of its borrows.
    pub rate: LeakRate,
    /// Its borrows per second over the window.
    pub borrows_per_second: f64,
}

/// Leak rates of the call sites and endpoints at which borrows of a pool leaked, by kind of place and name. Places are
/// known only where borrows are logged with a stack or joined to a request.
pub fn leak_rates(rows: &Rows<'_>, folded: &Folded) -> Vec<PlaceRate> {
    let mut places: BTreeMap<(Stratum, String), Vec<u32>> = BTreeMap::new();
    let borrows = || (0u32..).zip(&folded.sessions).filter(|(_, s)| s.layer == Layer::Pool && s.opened == Opened::Logged);
    for (index, session) in borrows() {
        let names = [(Stratum::Site, site(rows, session)), (Stratum::Endpoint, served(rows, folded, session))];
        for (stratum, name) in names.into_iter().filter(|(_, name)| !name.is_empty()) {
            places.entry((stratum, name)).or_default().push(index);
        }
    }
    let all: Vec<u32> = borrows().map(|(index, _)| index).collect();
    let (from, to) = window(rows, &all, folded);
    let seconds = to.saturating_sub(from).max(1) as f64 / SECOND;
    let life = |session: &Session| {
        let closed = matches!(session.class, Class::Matched | Class::SlowHold);
        let fate = if closed { Fate::Closed } else { Fate::Cut };
        spell(rows, folded, session, fate, &mut Names::default()).life(1)
    };
    let mut out = Vec::new();
    for ((stratum, name), members) in places {
        let sessions = || members.iter().filter_map(|i| folded.sessions.get(*i as usize));
        if !sessions().any(|s| s.class == Class::Leaked) {
            continue;
        }
        let lives: Vec<_> = sessions().map(life).collect();
        let borrows_per_second = lives.len() as f64 / seconds;
        out.extend(leak_rate(&lives).map(|rate| PlaceRate { stratum, name, rate, borrows_per_second }));
    }
    out
}
