//! Which code opened what was never given back.
//!
//! A site is the first frame of the application in the stack of the leak report or the borrow; without a stack it is the
//! endpoint whose request the borrow belonged to; without that, nothing is claimed.

use super::classify::endpoint;
use super::contained::{self, Contained};
use super::ledger::Folded;
use super::session::{Class, Join, Opened, Session};
use super::spectrum::Tier;
use super::spectrum::attribute::Discriminator;
use super::survival::places::PlaceRate;
use crate::ingest::TextCol;
use crate::table::{RowId, Rows};
use backtrail_parsers::{Kind, Layer};
use helpers::Paths;
use std::collections::BTreeMap;

pub mod helpers;

/// How many evidence rows a site keeps.
const EVIDENCE: usize = 12;
/// Leaked sessions from which on their first moments tell of an endpoint.
const FEW: usize = 5;

/// A place in the code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    /// `code.function.name`, with its module or class.
    pub function: String,
    /// `code.file.path`, as the stack states it.
    pub file: String,
    /// `code.line.number`, 0 unknown.
    pub line: u32,
    /// `java`, `python` …, empty unknown.
    pub language: String,
}

/// How a leak was attributed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribution {
    /// A stack trace names the line.
    Stack,
    /// The log's context (request, thread) names the endpoint.
    LogContext,
    /// The endpoint was running whenever such a session was opened, and seldom otherwise.
    Statistical,
    /// Nothing does.
    None,
}

/// A leaking call site.
#[derive(Debug, Clone, PartialEq)]
pub struct Leak {
    /// Where it was opened, where a stack says.
    pub site: Option<Site>,
    /// Further frames of the application, outward.
    pub callers: Vec<Site>,
    /// The endpoint most of them served, where known.
    pub endpoint: Option<String>,
    /// Indexes into the case's sessions, in the order of their opening.
    pub sessions: Vec<u32>,
    /// First opening, ns UTC.
    pub first: i64,
    /// Last opening.
    pub last: i64,
    /// Time held by all of them together, ns, until each ended or its log did.
    pub held: i64,
    /// How often that place leaks, where it is logged how often it is used. See `survival::places`.
    pub rate: Option<PlaceRate>,
    /// Share of the pool that these sessions held when it was first exhausted after they began to leak, 0 to 1; `None`
    /// where it never was.
    pub pool_share: Option<f64>,
    /// How it was attributed.
    pub attribution: Attribution,
    /// How much the lead claims that it was attributed by, where one was.
    pub tier: Option<Tier>,
    /// What its requests have and others lack, the most telling first.
    pub discriminators: Vec<Discriminator>,
    /// Keys of the connections.
    pub connections: Vec<String>,
    /// Rows that prove it.
    pub evidence: Vec<RowId>,
}

impl Leak {
    /// How sure the attribution is: `certain strong moderate unattributed`.
    pub fn confidence(&self) -> &'static str {
        if let Some(tier) = self.tier {
            return tier.name();
        }
        match (self.attribution, self.sessions.len()) {
            (Attribution::Stack, 3..) => "certain",
            (Attribution::Stack, _) | (Attribution::LogContext, 3..) | (Attribution::Statistical, 10..) => "strong",
            (Attribution::LogContext | Attribution::Statistical, _) => "moderate",
            (Attribution::None, _) => "unattributed",
        }
    }
}

/// Groups the leaked sessions by site and ranks the sites: most sessions first, then most time held.
pub fn rank(rows: &Rows<'_>, folded: &Folded) -> Vec<Leak> {
    let leaked = |layer: Layer| {
        (0u32..).zip(&folded.sessions).filter(move |(_, s)| s.layer == layer && s.class == Class::Leaked).collect::<Vec<_>>()
    };
    // A leaked borrow and the server session that carries it are one leak: the borrow tells more.
    let mut sessions = leaked(Layer::Pool);
    for layer in [Layer::Db, Layer::Proxy] {
        if sessions.is_empty() {
            sessions = leaked(layer);
        }
    }
    let frames: Vec<Vec<Site>> = sessions.iter().map(|(_, s)| stack(rows, s)).collect();
    let paths = Paths::new(&frames, &others(rows, folded));
    let by_time = by_time(folded, rows, &sessions);
    let mut groups: BTreeMap<(Attribution, Option<Site>, String), Vec<(u32, usize)>> = BTreeMap::new();
    for (at, (index, session)) in sessions.iter().enumerate() {
        let site = frames.get(at).and_then(|f| f.get(paths.depth(f))).cloned();
        let endpoint = endpoint_of(rows, folded, session);
        let (attribution, endpoint) = match (&site, endpoint.is_empty(), &by_time) {
            (Some(_), ..) => (Attribution::Stack, String::new()),
            (None, false, _) => (Attribution::LogContext, endpoint),
            (None, true, Some(found)) => (Attribution::Statistical, named(rows, found)),
            (None, true, None) => (Attribution::None, endpoint),
        };
        groups.entry((attribution, site, endpoint)).or_default().push((*index, at));
    }
    let mut leaks: Vec<Leak> = groups
        .into_iter()
        .map(|((attribution, site, _), members)| {
            let mut leak = leak(rows, folded, attribution, site, &members, &frames);
            if let Some(found) = by_time.as_ref().filter(|_| attribution == Attribution::Statistical) {
                leak.endpoint = Some(named(rows, found));
                let proof = members.iter().filter_map(|(_, at)| found.requests.get(*at).copied().flatten());
                leak.evidence = leak.evidence.iter().copied().take(EVIDENCE / 2).chain(proof.take(EVIDENCE / 2)).collect();
            }
            leak
        })
        .collect();
    leaks.sort_by(|a, b| b.sessions.len().cmp(&a.sessions.len()).then(b.held.cmp(&a.held)).then_with(|| a.site.cmp(&b.site)));
    leaks
}

/// The endpoint found by time.
fn named(rows: &Rows<'_>, found: &Contained) -> String {
    endpoint(rows, found.endpoint.0, found.endpoint.1)
}

/// For leaked server sessions: the endpoint that was running when they were opened.
fn by_time(folded: &Folded, rows: &Rows<'_>, leaked: &[(u32, &Session)]) -> Option<Contained> {
    let (_, first) = leaked.first().filter(|(_, s)| s.layer == Layer::Db && leaked.len() >= FEW)?;
    let opens: Vec<i64> = leaked.iter().map(|(_, s)| s.open).collect();
    let (from, to) = (opens.iter().min()?, opens.iter().max()?);
    // The others of the same stretch of time: before the leak the endpoint may not have used the database like that.
    let other = |s: &&Session| s.layer == Layer::Db && s.source == first.source && s.class == Class::Matched;
    let others: Vec<i64> = folded.sessions.iter().filter(other).map(|s| s.open).filter(|t| t >= from && t <= to).collect();
    contained::endpoint(rows, &opens, &others)
}

fn leak(
    rows: &Rows<'_>,
    folded: &Folded,
    attribution: Attribution,
    site: Option<Site>,
    members: &[(u32, usize)],
    frames: &[Vec<Site>],
) -> Leak {
    let ends = |source: u32| rows.table().sources.get(source as usize).and_then(|s| s.last).unwrap_or(0);
    let mut sessions: Vec<(u32, &Session)> =
        members.iter().filter_map(|(index, _)| folded.sessions.get(*index as usize).map(|s| (*index, s))).collect();
    sessions.sort_by_key(|(index, s)| (s.open, *index));
    let mut endpoints: BTreeMap<String, u64> = BTreeMap::new();
    let mut connections = Vec::new();
    let mut evidence = Vec::new();
    let mut held = 0i64;
    for (_, session) in &sessions {
        *endpoints.entry(endpoint_of(rows, folded, session)).or_default() += 1;
        let key = connection(rows, folded, session);
        if !connections.contains(&key) {
            connections.push(key);
        }
        held = held.saturating_add(session.age(ends(session.source)));
        let request_end = session.request.and_then(|r| folded.requests.get(r as usize)).and_then(|r| r.end_row);
        evidence.extend(
            [Some(session.open_row), session.report.filter(|r| *r != session.open_row), request_end].into_iter().flatten(),
        );
    }
    evidence.truncate(EVIDENCE);
    let endpoint = endpoints.into_iter().filter(|(e, _)| !e.is_empty()).max_by_key(|(_, n)| *n).map(|(e, _)| e);
    let stack = members.first().and_then(|(_, at)| frames.get(*at)).cloned().unwrap_or_default();
    let pool_share = pool_share(folded, &sessions);
    let callers = stack.into_iter().skip_while(|f| Some(f) != site.as_ref()).skip(1).collect();
    Leak {
        rate: None,
        site,
        callers,
        endpoint,
        first: sessions.first().map_or(0, |(_, s)| s.open),
        last: sessions.last().map_or(0, |(_, s)| s.open),
        sessions: sessions.iter().map(|(index, _)| *index).collect(),
        held,
        pool_share,
        attribution,
        tier: None,
        discriminators: Vec::new(),
        connections,
        evidence,
    }
}

/// The frames of a session's stack: of its report, else of its borrow.
fn stack(rows: &Rows<'_>, session: &Session) -> Vec<Site> {
    let of = |row: RowId| parse_stack(rows.get(row).text(TextCol::Stack));
    let reported = session.report.map(of).filter(|frames| !frames.is_empty());
    reported.unwrap_or_else(|| if session.opened == Opened::Logged { of(session.open_row) } else { Vec::new() })
}

/// Frames as the table keeps them, a line each: function, file, line, language.
pub fn parse_stack(text: &[u8]) -> Vec<Site> {
    let text = String::from_utf8_lossy(text);
    text.lines()
        .map(|line| {
            let mut fields = line.split('\t');
            let mut next = || fields.next().unwrap_or_default().to_owned();
            let (function, file, number, language) = (next(), next(), next(), next());
            Site { function, file, line: number.parse().unwrap_or(0), language }
        })
        .collect()
}

/// Stacks of borrows that came back, and of borrowers that waited in vain: they too went through the helpers.
fn others(rows: &Rows<'_>, folded: &Folded) -> Vec<Vec<Site>> {
    let returned =
        folded.sessions.iter().filter(|s| s.layer == Layer::Pool && s.class != Class::Leaked).map(|s| stack(rows, s));
    let waited = rows.iter().filter(|row| row.kind() == Kind::AcquireTimeout).map(|row| parse_stack(row.text(TextCol::Stack)));
    returned.chain(waited).filter(|frames| !frames.is_empty()).collect()
}

/// The share of the pool that sessions held when a borrower first waited in vain, or a server turned a client away, after
/// the first of them was opened: of the pool's maximum where it is stated, else of all that was lent or open then.
fn pool_share(folded: &Folded, sessions: &[(u32, &Session)]) -> Option<f64> {
    let first = sessions.iter().map(|(_, s)| s.open).min()?;
    let (layer, source) = sessions.first().map(|(_, s)| (s.layer, s.source))?;
    let starved = folded.starved.iter().filter(|(s, time, _)| layer == Layer::Pool && *s == source && *time >= first);
    let full = folded.full.iter().filter(|(s, time)| layer == Layer::Db && *s == source && *time >= first);
    let moments = starved.map(|(_, time, max)| (*time, *max)).chain(full.map(|(_, time)| (*time, None)));
    let (time, max) = moments.min()?;
    let open_then = |s: &&Session| s.open <= time && s.end.is_none_or(|end| end > time);
    let own = sessions.iter().map(|(_, s)| *s).filter(open_then).count();
    let lent = folded.sessions.iter().filter(|s| s.layer == layer && s.source == source).filter(open_then).count();
    let of = max.map_or(lent, |max| max as usize).max(own);
    (of > 0).then(|| own as f64 / of as f64)
}

fn endpoint_of(rows: &Rows<'_>, folded: &Folded, session: &Session) -> String {
    let request = session.request.filter(|_| session.join != Join::None).and_then(|r| folded.requests.get(r as usize));
    if let Some(request) = request {
        return endpoint(rows, request.method, request.route);
    }
    let row = rows.get(session.open_row);
    endpoint(rows, row.code(TextCol::Method), row.code(TextCol::Route))
}

/// The key of a session's connection. A bare memory address is used again and again within a process: there the server's
/// process id, where known, says which connection it was.
pub fn connection(rows: &Rows<'_>, folded: &Folded, session: &Session) -> String {
    let own = String::from_utf8_lossy(rows.text(session.conn)).into_owned();
    let carried = session.carried_by.and_then(|index| folded.sessions.get(index as usize));
    match (session.layer, carried) {
        (Layer::Pool, Some(server)) if server.pid != 0 && (own.starts_with("0x") || own.is_empty()) => {
            format!("pg_pid:{}", server.pid)
        }
        (Layer::Db, _) if session.pid != 0 => format!("pid:{}", session.pid),
        _ if own.is_empty() => format!("pid:{}", rows.get(session.open_row).int(crate::ingest::IntCol::BackendPid)),
        _ => own,
    }
}
