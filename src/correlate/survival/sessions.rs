//! From the ledger's sessions to the spells that are judged.

use super::{Fate, Spell, Strata, Stratum};
use crate::correlate::callsite::parse_stack;
use crate::correlate::classify::{endpoint, is_open_question};
use crate::correlate::ledger::Folded;
use crate::correlate::pooled::{self, Client};
use crate::correlate::session::{Class, Ended, Opened, Purpose, Session};
use crate::correlate::stats::quantile_of;
use crate::ingest::{IntCol, TextCol};
use crate::table::maps::HashMap;
use crate::table::{Row, Rows};
use backtrail_parsers::{Kind, Layer};
use std::collections::BTreeMap;

/// Pauses between signs of life needed to know what is usual.
const PAUSES: usize = 100;
/// Nanoseconds of a second.
const WHOLE: i64 = 1_000_000_000;

/// The spells of one layer.
pub(super) struct Spells {
    /// Indexes of the sessions.
    pub(super) sessions: Vec<u32>,
    /// Their spells, in the same order.
    pub(super) list: Vec<Spell>,
    /// The longest pause between two signs of life that is usual, ns, where the layer's log shows any.
    pub(super) usual_pause: Option<i64>,
}

/// The spells of a layer's sessions; `None` where no session's fate is open. What lasts long by design stays out, and so do
/// the server sessions of a pool: they last as long as the pool lets them.
pub(super) fn of_layer(
    rows: &Rows<'_>,
    folded: &Folded,
    layer: Layer,
    ceilings: &BTreeMap<Client, i64>,
    names: &mut Names,
) -> Option<Spells> {
    let in_pool = |s: &Session| layer == Layer::Db && ceilings.contains_key(&pooled::client(rows, s));
    let ordinary = |s: &Session| s.layer == layer && s.purpose == Purpose::Ordinary;
    let members = || (0u32..).zip(&folded.sessions).filter(|(_, s)| ordinary(s) && !in_pool(s));
    if !members().any(|(_, s)| is_open_question(s)) {
        return None;
    }
    let usual_pause = if layer == Layer::Db { usual_pause(rows) } else { None };
    let mut out = Spells { sessions: Vec::new(), list: Vec::new(), usual_pause };
    for (index, session) in members() {
        if let Some(fate) = fate(rows, folded, session, usual_pause) {
            out.sessions.push(index);
            out.list.push(spell(rows, folded, session, fate, names));
        }
    }
    Some(out)
}

/// Where all times stand on whole seconds, a second; else a millisecond, which is what most logs write.
pub(super) fn resolution(spells: &[Spell]) -> i64 {
    let whole = spells.iter().all(|s| s.open % WHOLE == 0 && s.age % WHOLE == 0);
    if whole { WHOLE } else { WHOLE / 1000 }
}

fn fate(rows: &Rows<'_>, folded: &Folded, session: &Session, usual_pause: Option<i64>) -> Option<Fate> {
    match session.class {
        Class::Leaked | Class::PooledIdle => None,
        Class::Matched | Class::SlowHold => Some(Fate::Closed),
        _ if !is_open_question(session) => Some(Fate::Cut),
        _ => {
            let request = session.request.and_then(|r| folded.requests.get(r as usize));
            let until = session.end.unwrap_or_else(|| log_end(rows, session));
            let idle = usual_pause.map(|_| until - session.last_seen.max(session.open));
            Some(Fate::Open { request_ended: request.is_some_and(|r| r.end.is_some()), idle })
        }
    }
}

fn log_end(rows: &Rows<'_>, session: &Session) -> i64 {
    rows.table().sources.get(session.source as usize).and_then(|s| s.last).unwrap_or(session.open)
}

/// One session's spell.
pub(super) fn spell(rows: &Rows<'_>, folded: &Folded, session: &Session, fate: Fate, names: &mut Names) -> Spell {
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
        site: names.site(rows, session),
        endpoint: names.endpoint(rows, folded, session),
        pool: names.pool(rows, session),
    };
    Spell { strata, open: session.open, entry, age: age.max(entry), fate }
}

/// First to last moment of the sources that tell of some sessions.
pub(super) fn window(rows: &Rows<'_>, indexes: &[u32], folded: &Folded) -> (i64, i64) {
    let mut sources: Vec<u32> = indexes.iter().filter_map(|i| folded.sessions.get(*i as usize)).map(|s| s.source).collect();
    sources.sort_unstable();
    sources.dedup();
    let ranges = sources.iter().filter_map(|s| rows.table().sources.get(*s as usize)).filter_map(|s| s.first.zip(s.last));
    ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default()
}

/// The pause between two signs of life of a server session that all but one in a thousand stay below.
fn usual_pause(rows: &Rows<'_>) -> Option<i64> {
    let mut last: HashMap<(u32, u32, u32), i64> = HashMap::default();
    let mut pauses = Vec::new();
    // In the table's order: that is the order of each log, and a session's lines stand in one.
    for row in rows.iter().filter(Row::has_time) {
        let kind = row.kind();
        let opens = matches!(kind, Kind::DbOpen | Kind::DbReceived | Kind::DbClose);
        let lives = matches!(kind, Kind::DbReady | Kind::DbActivity | Kind::Query | Kind::SlowQuery | Kind::LockWait);
        if !opens && !lives {
            continue;
        }
        let conn = row.code(TextCol::Conn);
        let key = (row.source_id(), conn, if conn == 0 { row.int(IntCol::Pid) } else { 0 });
        if opens {
            last.remove(&key);
        } else {
            pauses.extend(last.insert(key, row.time()).map(|before| (row.time() - before).max(0)));
        }
    }
    quantile_of(&mut pauses, 0.999).filter(|_| pauses.len() >= PAUSES)
}

/// Numbers for the places that sessions belong to, 0 for unknown ones, and the places' names.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
    /// Numbers by the codes that a name is made of: names are made once.
    seen: HashMap<[u32; 5], u32>,
}

impl Names {
    /// The name of a number; empty for 0.
    pub(super) fn name(&self, number: u32) -> &str {
        number.checked_sub(1).and_then(|at| self.texts.get(at as usize)).map_or("", String::as_str)
    }

    /// The population of a stratum in words: `the endpoint GET /orders`.
    pub(super) fn population(&self, stratum: Stratum, strata: &Strata) -> String {
        let (kind, number) = match stratum {
            Stratum::Site => ("the call site", strata.site),
            Stratum::Endpoint => ("the endpoint", strata.endpoint),
            Stratum::Pool => ("the pool or client", strata.pool),
            Stratum::Global => return stratum.name().to_owned(),
        };
        format!("{kind} {}", self.name(number))
    }

    /// The innermost frame of the application where the session was opened.
    pub(super) fn site(&mut self, rows: &Rows<'_>, session: &Session) -> u32 {
        let code = if session.opened == Opened::Logged { rows.get(session.open_row).code(TextCol::Stack) } else { 0 };
        let name = || parse_stack(rows.text(code)).first().map(|s| format!("{} {}", s.function, s.file)).unwrap_or_default();
        self.number([1, code, 0, 0, 0], name)
    }

    /// The endpoint that the session's request served.
    pub(super) fn endpoint(&mut self, rows: &Rows<'_>, folded: &Folded, session: &Session) -> u32 {
        let row = rows.get(session.open_row);
        let request = session.request.and_then(|r| folded.requests.get(r as usize));
        let (method, route) =
            request.map_or_else(|| (row.code(TextCol::Method), row.code(TextCol::Route)), |r| (r.method, r.route));
        self.number([2, method, route, 0, 0], || endpoint(rows, method, route))
    }

    /// The pool, or the client of a server: user, database, application, address.
    fn pool(&mut self, rows: &Rows<'_>, session: &Session) -> u32 {
        let row = rows.get(session.open_row);
        let codes = match session.layer {
            Layer::Pool => [row.code(TextCol::Service), row.code(TextCol::Pool), 0, 0],
            _ => [row.code(TextCol::DbUser), row.code(TextCol::DbName), row.code(TextCol::AppName), session.client],
        };
        let name = || {
            let texts = codes.iter().map(|c| String::from_utf8_lossy(rows.text(*c))).filter(|t| !t.is_empty());
            texts.collect::<Vec<_>>().join(" ")
        };
        let [a, b, c, d] = codes;
        self.number([3, a, b, c, d], name)
    }

    fn number(&mut self, codes: [u32; 5], name: impl FnOnce() -> String) -> u32 {
        if let Some(number) = self.seen.get(&codes) {
            return *number;
        }
        let name = name();
        let number = if name.is_empty() {
            0
        } else {
            let next = u32::try_from(self.texts.len() + 1).unwrap_or(0);
            *self.numbers.entry(name.clone()).or_insert_with(|| {
                self.texts.push(name);
                next
            })
        };
        self.seen.insert(codes, number);
        number
    }
}
