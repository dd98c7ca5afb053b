//! One connection as several witnesses saw it: the load balancer's request, the application's, the borrow, the server's
//! session, its last statement, and the version that was running. What cannot be joined by an id is joined by time, with the
//! number of candidates that fit as well.

use super::classify::endpoint;
use super::holders::contradicted;
use super::session::{Join, Session};
use super::statements::Statements;
use super::{Case, Class};
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::maps::{HashMap, HashSet};
use crate::table::{Row, RowId, Rows};
use backtrail_parsers::{Kind, Layer};
use std::collections::BTreeMap;

/// Two logs may differ by so much about one request, ns.
const NEAR: i64 = 1_000_000_000;

/// How two witnesses were joined.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct By {
    /// In a word: `id`, `process_id`, `client`, `thread`, `order`, `time`.
    pub name: &'static str,
    /// How far such a join can be trusted, 0 to 1, before candidates.
    prior: f64,
    /// Records that fit equally well.
    pub candidates: u32,
}

impl By {
    const fn one(name: &'static str, prior: f64) -> By {
        By { name, prior, candidates: 1 }
    }

    /// How far it can be trusted: shared among the candidates.
    pub fn reliability(&self) -> f64 {
        self.prior / f64::from(self.candidates.max(1))
    }
}

/// Both state one request or trace id.
const ID: By = By::one("id", 0.98);
/// The application states the server's process id, or both one port.
const PROCESS: By = By::one("process_id", 0.98);
/// The thread served one request at a time.
const THREAD: By = By::one("thread", 0.6);
/// Pool and server opened connections in the same order.
const ORDER: By = By::one("order", 0.6);

/// The other witnesses of a session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Story {
    /// The endpoint that it served.
    pub endpoint: Option<(String, By)>,
    /// Code of the client that asked for it; the address that the edge saw.
    pub client: u32,
    /// Code of the request's id, 0 unknown.
    pub request_id: u32,
    /// The application's record of the request.
    pub request: Option<RowId>,
    /// The load balancer's or web server's record of it.
    pub edge: Option<(RowId, By)>,
    /// The borrow that held a server session: index into the case's sessions.
    pub borrow: Option<(u32, By)>,
    /// The server session that carried a borrow.
    pub server: Option<(u32, By)>,
    /// Its last statement.
    pub statement: Option<RowId>,
    /// The record that states the version of the application that opened it.
    pub version: Option<RowId>,
}

impl Story {
    /// How far the whole can be trusted: as far as its weakest join; `None` where nothing was joined.
    pub fn reliability(&self) -> Option<f64> {
        let joins = [
            self.endpoint.as_ref().map(|(_, by)| *by),
            self.edge.map(|(_, by)| by),
            self.borrow.map(|(_, by)| by),
            self.server.map(|(_, by)| by),
        ];
        joins.into_iter().flatten().map(|by| by.reliability()).reduce(f64::min)
    }
}

/// A request at the edge.
#[derive(Debug, Clone, Copy)]
struct Passage {
    start: i64,
    end: i64,
    client: u32,
    row: RowId,
}

/// Tells the stories of a case's sessions.
#[derive(Debug)]
pub struct Stories<'a> {
    rows: &'a Rows<'a>,
    case: &'a Case,
    statements: Statements,
    /// Edge records by request id.
    by_id: HashMap<u32, Vec<Passage>>,
    /// Edge records by endpoint, in the order of their ends.
    by_route: BTreeMap<(u32, u32), Vec<Passage>>,
    borrows: HashMap<u32, Vec<u32>>,
    /// Starts that state a version: source, process, time.
    starts: Vec<(u32, u32, i64, RowId)>,
    leaks: HashMap<u32, usize>,
}

impl<'a> Stories<'a> {
    /// Indexes what stories are made of.
    pub fn new(rows: &'a Rows<'a>, case: &'a Case) -> Stories<'a> {
        let wanted: HashSet<u32> = case.requests.iter().map(|r| r.id).filter(|id| *id != 0).collect();
        let edge = if rows.iter().any(|r| r.kind() == Kind::LbRequest) { Kind::LbRequest } else { Kind::RequestEnd };
        let (mut by_id, mut by_route) = (HashMap::<u32, Vec<Passage>>::default(), BTreeMap::<(u32, u32), Vec<Passage>>::new());
        for row in rows.iter().filter(|r| r.kind() == edge && r.has_time()) {
            let passage = passage(&row);
            let ids = [TextCol::RequestId, TextCol::TraceId].into_iter().map(|c| row.code(c));
            if let Some(id) = ids.into_iter().find(|id| wanted.contains(id)).filter(|_| edge == Kind::LbRequest) {
                by_id.entry(id).or_default().push(passage);
            }
            by_route.entry((row.code(TextCol::Method), row.code(TextCol::Route))).or_default().push(passage);
        }
        by_route.values_mut().for_each(|list| list.sort_unstable_by_key(|p| (p.end, p.row)));
        let mut borrows: HashMap<u32, Vec<u32>> = HashMap::default();
        for (index, session) in (0u32..).zip(&case.sessions) {
            if let Some(server) = session.carried_by {
                borrows.entry(server).or_default().push(index);
            }
        }
        let starts = case.markers.iter().filter(|m| matches!(m.kind, Kind::AppStart | Kind::Deploy)).filter_map(|m| {
            let row = rows.get(m.row);
            // A server program's own version is not that of what runs in it.
            let own_program = matches!(row.text(TextCol::Subject), b"gunicorn" | b"uvicorn" | b"puma" | b"uwsgi" | b"php-fpm");
            (row.code(TextCol::Version) != 0 && !own_program).then(|| {
                let own = m.kind == Kind::AppStart;
                (if own { row.source_id() } else { u32::MAX }, row.int(IntCol::Pid), m.time, m.row)
            })
        });
        let leaks = case.leaks.iter().enumerate().flat_map(|(at, l)| l.sessions.iter().map(move |i| (*i, at))).collect();
        Stories {
            rows,
            case,
            statements: Statements::new(rows, &case.servers),
            by_id,
            by_route,
            borrows,
            starts: starts.collect(),
            leaks,
        }
    }

    /// The story of a session.
    pub fn of(&self, index: u32) -> Story {
        let Some(session) = self.case.sessions.get(index as usize) else { return Story::default() };
        let mut story = Story::default();
        // What a server session is to the code is told by the borrow that held it last.
        let holder = match session.layer {
            Layer::Db => self.holder(index, session),
            _ => None,
        };
        story.borrow = holder.map(|(at, _, by)| (at, by));
        let own = holder.map_or(session, |(_, borrow, _)| borrow);
        story.server = session.carried_by.filter(|_| session.layer == Layer::Pool).and_then(|server| {
            let by = if session.carried_surely { PROCESS } else { ORDER };
            let wrong = !session.carried_surely && contradicted(self.rows, self.case, &self.statements, session, server);
            (!wrong).then_some((server, by))
        });
        self.request(own, &mut story);
        if story.endpoint.is_none() {
            self.by_time(index, session, &mut story);
        }
        let until = session.end.unwrap_or(i64::MAX);
        let server = story.server.and_then(|(i, _)| self.case.sessions.get(i as usize));
        let last = |s: &Session| self.statements.last(self.rows, &self.case.servers, s, until);
        let inside = |row: &RowId| self.rows.get(*row).time() >= session.open;
        story.statement = server.and_then(last).filter(inside).or_else(|| last(session));
        story.version = self.version(own);
        if story.client == 0 && session.layer != Layer::Db {
            story.client = session.client;
        }
        story
    }

    /// The borrow that held a server session: the one that never gave it back, else the last.
    fn holder(&self, server: u32, session: &Session) -> Option<(u32, &'a Session, By)> {
        let all = self.borrows.get(&server)?.iter().filter_map(|i| Some((*i, self.case.sessions.get(*i as usize)?)));
        let fits =
            |(_, b): &(u32, &Session)| b.carried_surely || !contradicted(self.rows, self.case, &self.statements, b, server);
        let best = all.filter(fits).max_by_key(|(i, b)| (b.class == Class::Leaked, b.open, *i))?;
        let _ = session;
        Some((best.0, best.1, if best.1.carried_surely { PROCESS } else { ORDER }))
    }

    /// The request of a borrow, and the edge's record of it.
    fn request(&self, session: &Session, story: &mut Story) {
        let Some(request) = session.request.and_then(|r| self.case.requests.get(r as usize)) else { return };
        let by = if session.join == Join::RequestId { ID } else { THREAD };
        let name = endpoint(self.rows, request.method, request.route);
        story.endpoint = Some((name, by)).filter(|(name, _)| !name.is_empty());
        (story.client, story.request_id, story.request) =
            (request.client, request.id, Some(request.end_row.unwrap_or(request.row)));
        if let Some([one, rest @ ..]) = self.by_id.get(&request.id).map(Vec::as_slice) {
            let candidates = u32::try_from(rest.len()).unwrap_or(u32::MAX).saturating_add(1);
            story.edge = Some((one.row, By { candidates, ..ID }));
            story.client = if one.client != 0 { one.client } else { story.client };
            return;
        }
        let (Some(start), Some(end)) = (request.start, request.end) else { return };
        let key = (request.method, request.route);
        let same =
            |p: &&Passage| p.start <= start + NEAR && (request.client == 0 || p.client == 0 || p.client == request.client);
        let found = self.around(key, end, same);
        let nearest = found.iter().min_by_key(|p| ((p.end - end).abs(), p.row));
        if let Some(nearest) = nearest {
            let known = request.client != 0 && nearest.client == request.client;
            let by = if known { By::one("client", 0.9) } else { By::one("time", 0.6) };
            story.edge = Some((nearest.row, By { candidates: u32::try_from(found.len()).unwrap_or(u32::MAX), ..by }));
            story.client = if story.client == 0 { nearest.client } else { story.client };
        }
    }

    /// Passages of an endpoint that ended about a moment.
    fn around(&self, key: (u32, u32), end: i64, fits: impl Fn(&&Passage) -> bool) -> Vec<Passage> {
        // The balancer may know the request under a path that it did not fold like the application's route.
        let list = self.by_route.get(&key).map(Vec::as_slice).unwrap_or_default();
        let from = list.partition_point(|p| p.end < end - NEAR);
        list.iter().skip(from).take_while(|p| p.end <= end + NEAR).filter(fits).copied().collect()
    }

    /// For a leaked server session that nobody else tells of: a request of its endpoint that was running when it was opened.
    fn by_time(&self, index: u32, session: &Session, story: &mut Story) {
        let leak = self.leaks.get(&index).and_then(|at| self.case.leaks.get(*at));
        let Some(name) = leak.and_then(|l| l.endpoint.as_ref()) else { return };
        let lists = self.by_route.iter().filter(|((method, route), _)| endpoint(self.rows, *method, *route) == *name);
        let running = |p: &&Passage| p.start - NEAR <= session.open && p.end + NEAR >= session.open;
        let found: Vec<Passage> = lists.flat_map(|(_, list)| list.iter().filter(running).copied()).collect();
        let candidates = u32::try_from(found.len()).unwrap_or(u32::MAX);
        story.endpoint = Some((name.clone(), By::one("time", 0.6)));
        // Of those that were running the one that ended first after the open is the likeliest; the others are counted.
        let best = found.iter().min_by_key(|p| ((p.end - session.open).abs(), p.row));
        if let Some(best) = best {
            let by = By { candidates, ..By::one("time", 0.6) };
            story.edge = Some((best.row, by));
            story.client = best.client;
        }
    }

    /// The version that the process had which opened a session: as its own start states it, else the last deploy.
    fn version(&self, session: &Session) -> Option<RowId> {
        let before = || self.starts.iter().filter(|(_, _, time, _)| *time <= session.open);
        let own = before()
            .filter(|(source, pid, ..)| *source == session.source && (session.pid == 0 || *pid == session.pid || *pid == 0));
        let latest = own.max_by_key(|(_, _, time, row)| (*time, *row));
        // Of several deployed things the one by whose name the session presents itself, or none.
        let subject = |row: &RowId| self.rows.get(*row).code(TextCol::Subject);
        let deploys = || self.starts.iter().filter(|(source, ..)| *source == u32::MAX);
        let only = deploys().map(|(.., row)| subject(row)).collect::<HashSet<u32>>().len() == 1;
        let own_row = self.rows.get(session.open_row);
        let names = [own_row.code(TextCol::AppName), own_row.code(TextCol::Service)];
        let fits = |row: &RowId| only || names.iter().any(|name| *name != 0 && *name == subject(row));
        let deployed = || {
            let earlier = deploys().filter(|(_, _, time, row)| *time <= session.open && fits(row));
            earlier.max_by_key(|(_, _, time, row)| (*time, *row))
        };
        latest.or_else(deployed).map(|(.., row)| *row)
    }
}

fn passage(row: &Row<'_>) -> Passage {
    let (time, took) = (row.time(), row.long(LongCol::Duration).unwrap_or(0));
    let (start, end) = if row.time_is_start() { (time, time + took) } else { (time - took, time) };
    Passage { start, end, client: row.code(TextCol::Client), row: row.id }
}
