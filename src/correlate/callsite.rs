//! Which code opened what was never given back.
//!
//! A site is the first frame of the application in the stack of the leak report or the borrow; without a stack it is the
//! endpoint whose request the borrow belonged to; without that, nothing is claimed.

use super::classify::endpoint;
use super::contained::{self, Contained};
use super::ledger::Folded;
use super::session::{Class, Join, Opened, Session};
use super::stats::wilson;
use crate::ingest::TextCol;
use crate::table::{RowId, Rows};
use backtrail_parsers::Layer;
use std::collections::{BTreeMap, BTreeSet};

/// How many evidence rows a site keeps.
const EVIDENCE: usize = 12;
/// A frame that stands in this share of leaked and of other stacks alike is a helper, not a site.
const HELPER: f64 = 0.8;
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
    /// Borrows of the same endpoint, leaked or not, where they are logged.
    pub of: Option<u64>,
    /// How it was attributed.
    pub attribution: Attribution,
    /// Keys of the connections.
    pub connections: Vec<String>,
    /// Rows that prove it.
    pub evidence: Vec<RowId>,
}

impl Leak {
    /// Leaked per thousand borrows, with its 95 % interval.
    pub fn rate(&self) -> Option<(f64, f64, f64)> {
        let of = self.of.filter(|of| *of > 0)?;
        let hits = self.sessions.len() as u64;
        let (low, high) = wilson(hits.min(of), of);
        Some((hits as f64 / of as f64 * 1000.0, low * 1000.0, high * 1000.0))
    }

    /// How sure the attribution is: `certain strong moderate unattributed`.
    pub fn confidence(&self) -> &'static str {
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
    if sessions.is_empty() {
        sessions = leaked(Layer::Db);
    }
    let frames: Vec<Vec<Site>> = sessions.iter().map(|(_, s)| stack(rows, s)).collect();
    let helpers = helpers(rows, folded, &frames);
    let borrows = borrows(rows, folded);
    let by_time = by_time(rows, folded, &sessions);
    let mut groups: BTreeMap<(Attribution, Option<Site>, String), Vec<(u32, usize)>> = BTreeMap::new();
    for (at, (index, session)) in sessions.iter().enumerate() {
        let site = frames.get(at).and_then(|f| f.iter().find(|site| !helpers.contains(*site)).or(f.first())).cloned();
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
            let mut leak = leak(rows, folded, attribution, site, &members, &frames, &borrows);
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
fn by_time(rows: &Rows<'_>, folded: &Folded, leaked: &[(u32, &Session)]) -> Option<Contained> {
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
    borrows: &BTreeMap<String, u64>,
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
    let callers = stack.into_iter().skip_while(|f| Some(f) != site.as_ref()).skip(1).collect();
    Leak {
        of: endpoint.as_ref().and_then(|e| borrows.get(e)).copied().filter(|_| attribution == Attribution::LogContext),
        site,
        callers,
        endpoint,
        first: sessions.first().map_or(0, |(_, s)| s.open),
        last: sessions.last().map_or(0, |(_, s)| s.open),
        sessions: sessions.iter().map(|(index, _)| *index).collect(),
        held,
        attribution,
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

/// Frames that stand innermost in leaked and in other stacks alike and are reached from several places.
fn helpers(rows: &Rows<'_>, folded: &Folded, leaked: &[Vec<Site>]) -> BTreeSet<Site> {
    let others: Vec<Vec<Site>> = folded
        .sessions
        .iter()
        .filter(|s| s.layer == Layer::Pool && s.class != Class::Leaked)
        .map(|s| stack(rows, s))
        .filter(|f| !f.is_empty())
        .collect();
    let mut helpers = BTreeSet::new();
    for depth in 0..3 {
        let share = |stacks: &[Vec<Site>], site: &Site| {
            let all = stacks.iter().filter(|f| f.len() > depth).count().max(1);
            stacks.iter().filter(|f| f.get(depth) == Some(site)).count() as f64 / all as f64
        };
        let Some(site) = leaked.iter().find_map(|f| f.get(depth)).cloned() else { break };
        let callers: BTreeSet<&Site> =
            leaked.iter().chain(&others).filter(|f| f.get(depth) == Some(&site)).filter_map(|f| f.get(depth + 1)).collect();
        let common = !others.is_empty() && share(leaked, &site) >= HELPER && share(&others, &site) >= HELPER;
        if !common || callers.len() < 2 {
            break;
        }
        helpers.insert(site);
    }
    helpers
}

fn endpoint_of(rows: &Rows<'_>, folded: &Folded, session: &Session) -> String {
    let request = session.request.filter(|_| session.join != Join::None).and_then(|r| folded.requests.get(r as usize));
    if let Some(request) = request {
        return endpoint(rows, request.method, request.route);
    }
    let row = rows.get(session.open_row);
    endpoint(rows, row.code(TextCol::Method), row.code(TextCol::Route))
}

/// How many borrows each endpoint made.
fn borrows(rows: &Rows<'_>, folded: &Folded) -> BTreeMap<String, u64> {
    let mut out: BTreeMap<(u32, u32), u64> = BTreeMap::new();
    for session in folded.sessions.iter().filter(|s| s.layer == Layer::Pool) {
        if let Some(request) = session.request.and_then(|r| folded.requests.get(r as usize)) {
            *out.entry((request.method, request.route)).or_default() += 1;
        }
    }
    let mut named: BTreeMap<String, u64> = BTreeMap::new();
    for ((method, route), count) in out {
        *named.entry(endpoint(rows, method, route)).or_default() += count;
    }
    named
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
