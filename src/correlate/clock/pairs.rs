//! Pairs of records of two sources that tell of one thing, and what their order says about the clocks.

use super::fit::{self, Bounds, Fit};
use super::rhythm;
use crate::ingest::columns::basis;
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::maps::HashMap;
use crate::table::{Row, Rows};
use backtrail_parsers::Kind;
use std::collections::BTreeMap;

const SECOND: i64 = 1_000_000_000;
/// Clocks further apart than this are zones, ns.
const REACH: i64 = 450 * SECOND;
/// Width of a bin in which differences are counted, ns.
const BIN: i64 = SECOND / 2;
/// A pair of things that are alike lies so near to where most pairs lie, ns.
const NEAR: i64 = 2 * SECOND;
/// A mark that a source shows more often than this says nothing about when.
const OFTEN: usize = 4000;
/// Pairs that agree from which on things that are merely alike are taken for one.
const AGREE: f64 = 8.0;
/// Stretches of time that are looked at one by one where there is no one difference.
const STRETCHES: usize = 8;
/// Pairs before and after that say what is usual.
const AROUND: usize = 20;
/// The best difference must have so many times the votes of the next.
const AHEAD: f64 = 2.0;
/// Things that are merely alike may not be one thing: what they say is known no better than this, ns. Connections that are
/// opened at about the same time are known to a second.
const ALIKE: i64 = SECOND / 10;
/// The share of extreme pairs of things that are merely alike that is left out: some are not one thing.
const ODD: f64 = 0.01;

/// What a record tells of, and when it began and ended by its source's clock.
#[derive(Debug, Clone, Copy)]
struct Point {
    side: Side,
    start: Option<i64>,
    end: Option<i64>,
}

/// Which witness: they stand in the order in which things pass them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    /// A load balancer's or web server's request.
    Edge,
    /// The application's.
    Inside,
    /// A proxy or pool opens or closes its connection to the server: before the server sees it.
    Dials,
    /// A pool has finished opening: after the server let it in.
    Dialled,
    /// The server.
    Server,
}

/// What links two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Mark {
    /// Both state one id.
    Id(u32),
    /// Both state one port of a client.
    Port(u32),
    /// Client, endpoint and status are the same.
    Alike(u32, u32, u32),
    /// Both tell of a connection being opened, or closed.
    Connection(bool),
}

impl Mark {
    const fn words(self) -> &'static str {
        match self {
            Mark::Id(_) => "request ids seen by both",
            Mark::Port(_) => "client ports seen by both",
            Mark::Alike(..) => "requests of the same client, endpoint and status",
            Mark::Connection(_) => "connections opened and closed",
        }
    }

    /// True where two records with the mark are one thing beyond doubt.
    const fn exact(self) -> bool {
        matches!(self, Mark::Id(_))
    }
}

/// What is known of the clocks of two sources.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    /// The source whose clock is the reference.
    pub(super) a: u32,
    /// The source whose clock may be ahead.
    pub(super) b: u32,
    pub(super) fit: Fit,
    pub(super) pairs: u64,
    pub(super) basis: &'static str,
}

type Marks = HashMap<Mark, Vec<Point>>;

/// What is known of one source.
#[derive(Debug, Default, Clone)]
struct Witness {
    marks: Marks,
    /// True where its times have parts of seconds.
    fine: bool,
    /// Clients by request id, where only the first line of a request states its client.
    clients: HashMap<u32, u32>,
    /// Ends of requests at the edge.
    answered: Vec<i64>,
    /// Ends of requests inside.
    served: Vec<i64>,
}

impl Witness {
    fn resolution(&self) -> i64 {
        if self.fine { SECOND / 1000 } else { SECOND }
    }
}

/// All pairs of sources that can be compared.
pub(super) fn edges(rows: &Rows<'_>, sources: usize) -> Vec<Edge> {
    let mut witnesses: Vec<Witness> = vec![Witness::default(); sources];
    for row in rows.iter().filter(|r| r.basis() & basis::NONE == 0) {
        let Some(own) = witnesses.get_mut(row.source_id() as usize) else { continue };
        own.fine |= row.time() % SECOND != 0;
        if let (Kind::RequestStart, id @ 1.., client @ 1..) = (row.kind(), id(&row), row.code(TextCol::Client)) {
            own.clients.insert(id, client);
        }
        let client = match row.code(TextCol::Client) {
            0 => own.clients.get(&id(&row)).copied().unwrap_or(0),
            client => client,
        };
        for (mark, point) in points(&row, client).into_iter().flatten() {
            let list = own.marks.entry(mark).or_default();
            if list.len() <= OFTEN {
                list.push(point);
            }
        }
        match (row.kind(), whole(&row).1) {
            (Kind::LbRequest, Some(end)) => own.answered.push(end),
            (Kind::RequestEnd, Some(end)) => own.served.push(end),
            _ => {}
        }
    }
    for own in &mut witnesses {
        own.marks.retain(|mark, list| list.len() <= if mark.exact() { 8 } else { OFTEN });
        own.answered.sort_unstable();
        own.served.sort_unstable();
    }
    let mut out = Vec::new();
    for (a_id, a) in (0u32..).zip(&witnesses) {
        for (b_id, b) in (0u32..).zip(&witnesses).filter(|(b, _)| *b != a_id) {
            out.extend(compare(a, b).map(|(fit, pairs, basis)| Edge { a: a_id, b: b_id, fit, pairs, basis }));
        }
    }
    out
}

/// The request's or trace's id, 0 unknown.
fn id(row: &Row<'_>) -> u32 {
    [TextCol::RequestId, TextCol::TraceId].into_iter().map(|c| row.code(c)).find(|c| *c != 0).unwrap_or(0)
}

/// When what a row tells of began and ended.
fn whole(row: &Row<'_>) -> (Option<i64>, Option<i64>) {
    let time = row.time();
    match (row.long(LongCol::Duration), row.time_is_start()) {
        (Some(took), true) => (Some(time), Some(time + took)),
        (Some(took), false) => (Some(time - took), Some(time)),
        (None, true) => (Some(time), None),
        (None, false) => (None, Some(time)),
    }
}

/// What a row tells of.
fn points(row: &Row<'_>, client: u32) -> [Option<(Mark, Point)>; 2] {
    let time = row.time();
    let id = Some(id(row)).filter(|id| *id != 0).map(Mark::Id);
    let route = row.code(TextCol::Route);
    let alike = (client != 0 && route != 0).then(|| Mark::Alike(client, route, row.int(IntCol::Status)));
    let port = Some(row.int(IntCol::ClientPort)).filter(|p| *p != 0).map(Mark::Port);
    let at = |side, mark: Mark| Some((mark, Point { side, start: Some(time), end: Some(time) }));
    match row.kind() {
        Kind::LbRequest => {
            let (start, end) = whole(row);
            let point = Point { side: Side::Edge, start, end };
            [id.map(|m| (m, point)), alike.map(|m| (m, point))]
        }
        Kind::RequestStart => [id.map(|m| (m, Point { side: Side::Inside, start: Some(time), end: None })), None],
        Kind::RequestEnd => {
            let (start, end) = whole(row);
            let point = Point { side: Side::Inside, start, end };
            [id.map(|m| (m, point)), alike.map(|m| (m, point))]
        }
        Kind::ProxyServerOpen => [port.and_then(|m| at(Side::Dials, m)), None],
        Kind::DbReceived => [port.and_then(|m| at(Side::Server, m)), None],
        Kind::PoolConnAdded => [at(Side::Dialled, Mark::Connection(true)), None],
        Kind::PoolConnClosed => [at(Side::Dials, Mark::Connection(false)), None],
        Kind::DbOpen => [at(Side::Server, Mark::Connection(true)), None],
        Kind::DbClose => [at(Side::Server, Mark::Connection(false)), None],
        _ => [None, None],
    }
}

/// The bounds that a pair gives for how far the second's clock is ahead, with the moment by the second's clock: none above
/// or none below where the pair says nothing about that. Times are cut to their resolution: the true ones may be later by
/// almost that much.
fn bounds_of(a: &Point, b: &Point, resolution: (i64, i64)) -> Option<(i64, Option<i64>, Option<i64>)> {
    match (a.side, b.side) {
        (Side::Edge, Side::Inside) => {
            let moment = b.start.or(b.end)?;
            let above = a.start.zip(b.start).map(|(a, b)| b + resolution.1 - a);
            // Where it is not known when the application began, its answer comes before the balancer's.
            let below = a.end.zip(b.start.or(b.end)).map(|(a, b)| b - a - resolution.0);
            Some((moment, above, below))
        }
        (Side::Dials, Side::Server) => a.start.zip(b.start).map(|(a, b)| (b, Some(b + resolution.1 - a), None)),
        (Side::Dialled, Side::Server) => a.start.zip(b.start).map(|(a, b)| (b, None, Some(b - a - resolution.0))),
        _ => None,
    }
}

/// How far apart a pair's like ends are.
fn apart(a: &Point, b: &Point) -> Option<i64> {
    let sides = matches!((a.side, b.side), (Side::Edge, Side::Inside) | (Side::Dials | Side::Dialled, Side::Server));
    let ends = a.end.zip(b.end).or(a.start.zip(b.start));
    ends.filter(|_| sides).map(|(a, b)| b - a).filter(|d| d.abs() <= REACH)
}

/// How far the second's clock is ahead: by the best kind of marks that both have, else by the rhythm of requests.
fn compare(a: &Witness, b: &Witness) -> Option<(Fit, u64, &'static str)> {
    let resolution = (a.resolution(), b.resolution());
    let shared = |kind: &dyn Fn(&Mark) -> bool| {
        let mut marks: Vec<Mark> = a.marks.keys().copied().filter(|m| kind(m) && b.marks.contains_key(m)).collect();
        marks.sort_unstable();
        marks
    };
    // A uniform error of that width has this deviation; never narrower.
    let least = together(resolution.0, resolution.1);
    let ids = shared(&|m| m.exact());
    let (bounds, pairs) = by_id(&a.marks, &b.marks, &ids, resolution);
    if let Some(fit) = fit::fit(&bounds, least) {
        return Some((fit, pairs, Mark::Id(0).words()));
    }
    let kinds: [(fn(&Mark) -> bool, i64); 3] = [
        (|m| matches!(m, Mark::Port(_)), least),
        (|m| matches!(m, Mark::Alike(..)), least.max(ALIKE)),
        (|m| matches!(m, Mark::Connection(_)), least.max(SECOND)),
    ];
    let by_marks = kinds.iter().find_map(|(kind, least)| {
        let marks = shared(kind);
        let (bounds, pairs) = by_likeness(&a.marks, &b.marks, &marks, resolution)?;
        Some((fit::fit(&bounds, *least)?, pairs, marks.first()?.words()))
    });
    by_marks.or_else(|| {
        let fit = rhythm::compare(&a.answered, &b.served)?;
        Some((fit, a.answered.len().min(b.served.len()) as u64, "requests a second that rise and fall together"))
    })
}

/// The standard deviation of two errors that are uniform over the resolutions together, ns.
#[expect(clippy::cast_possible_truncation, reason = "at most a second")]
fn together(a: i64, b: i64) -> i64 {
    (((a * a + b * b) as f64) / 12.0).sqrt() as i64
}

fn by_id(first: &Marks, second: &Marks, ids: &[Mark], resolution: (i64, i64)) -> (Bounds, u64) {
    let mut out = Bounds::default();
    let mut pairs = 0;
    for mark in ids {
        let (Some(a), Some(b)) = (first.get(mark), second.get(mark)) else { continue };
        let mut tells = false;
        for (a, b) in a.iter().flat_map(|a| b.iter().map(move |b| (a, b))) {
            // An id on two requests (a retry, a trace of many calls) says of none of them when it was.
            let Some((moment, above, below)) = bounds_of(a, b, resolution) else { continue };
            tells = true;
            out.above.extend(above.map(|y| (moment, y)));
            out.below.extend(below.map(|y| (moment, y)));
        }
        pairs += u64::from(tells);
    }
    trim(&mut out.above, 0.0, true);
    trim(&mut out.below, 0.0, false);
    (out, pairs)
}

fn by_likeness(first: &Marks, second: &Marks, marks: &[Mark], resolution: (i64, i64)) -> Option<(Bounds, u64)> {
    let lists: Vec<(&[Point], &[Point])> =
        marks.iter().filter_map(|m| Some((first.get(m)?.as_slice(), second.get(m)?.as_slice()))).collect();
    let everything = (i64::MIN, i64::MAX);
    // A clock that was set has two differences: a stretch of time alone has one.
    let pairs = likely(&lists, everything).or_else(|| {
        let mut times: Vec<i64> = lists.iter().flat_map(|(a, _)| a.iter().filter_map(|p| p.end.or(p.start))).collect();
        times.sort_unstable();
        let cut = |n: usize| times.get(times.len() * n / STRETCHES).copied().unwrap_or(i64::MAX);
        let parts = (0..STRETCHES).filter_map(|n| likely(&lists, (cut(n), cut(n + 1))));
        Some(parts.flatten().collect()).filter(|all: &Vec<Pair>| !all.is_empty())
    })?;
    let mut out = Bounds::default();
    let kept = near_neighbours(pairs);
    for (a, b, _) in &kept {
        let Some((moment, above, below)) = bounds_of(a, b, resolution) else { continue };
        out.above.extend(above.map(|y| (moment, y)));
        out.below.extend(below.map(|y| (moment, y)));
    }
    trim(&mut out.above, ODD, true);
    trim(&mut out.below, ODD, false);
    Some((out, kept.len() as u64))
}

/// Two records that are taken for one thing, and how far apart they are.
type Pair = (Point, Point, i64);

/// Pairs of things that are alike in a stretch of the first's time, where one difference of their times stands out.
fn likely(lists: &[(&[Point], &[Point])], (from, to): (i64, i64)) -> Option<Vec<Pair>> {
    let inside = |p: &&Point| p.end.or(p.start).is_some_and(|t| t >= from && t < to);
    let mut votes: BTreeMap<i64, f64> = BTreeMap::new();
    for (a, b) in lists {
        for a in a.iter().filter(inside) {
            let near: Vec<i64> = b.iter().filter_map(|b| apart(a, b)).collect();
            for difference in &near {
                *votes.entry(difference.div_euclid(BIN)).or_default() += 1.0 / near.len() as f64;
            }
        }
    }
    // A difference may fall on the border of two bins; whole seconds spread it over three.
    let at = |bin: i64| (bin - 1..=bin + 1).filter_map(|b| votes.get(&b)).sum::<f64>();
    let best = votes.keys().copied().max_by(|a, b| at(*a).total_cmp(&at(*b)).then(b.abs().cmp(&a.abs())))?;
    let wide = NEAR / BIN;
    let next = votes.keys().filter(|bin| (**bin - best).abs() > wide).map(|bin| at(*bin)).fold(0.0, f64::max);
    if at(best) < AGREE || at(best) < AHEAD * next {
        return None;
    }
    let expected = best * BIN + BIN / 2;
    let fits = |a: &Point, b: &Point| apart(a, b).filter(|d| (d - expected).abs() <= NEAR);
    let mut out = Vec::new();
    for (a_list, b_list) in lists {
        for a in a_list.iter().filter(inside) {
            let mut alike = b_list.iter().filter_map(|b| Some((b, fits(a, b)?)));
            let (Some((b, apart)), None) = (alike.next(), alike.next()) else { continue };
            if a_list.iter().filter(|other| fits(other, b).is_some()).count() == 1 {
                out.push((*a, *b, apart));
            }
        }
    }
    Some(out)
}

/// Leaves out pairs that are much further apart, or nearer, than those before and after them: they are not one thing.
fn near_neighbours(mut pairs: Vec<Pair>) -> Vec<Pair> {
    pairs.sort_by_key(|(a, b, apart)| (b.end.or(b.start), a.end.or(a.start), *apart));
    let middle = |values: &mut Vec<i64>| {
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(0)
    };
    let usual = |at: usize| {
        let around = pairs.get(at.saturating_sub(AROUND)..(at + AROUND + 1).min(pairs.len())).unwrap_or_default();
        middle(&mut around.iter().map(|p| p.2).collect())
    };
    let off: Vec<i64> = pairs.iter().enumerate().map(|(at, p)| (p.2 - usual(at)).abs()).collect();
    let reach = middle(&mut off.clone()).saturating_mul(10).saturating_add(SECOND / 50);
    pairs.into_iter().zip(off).filter(|(_, off)| *off <= reach).map(|(pair, _)| pair).collect()
}

/// Leaves out what lies far from the rest, and a share of the nearest ones on the side that bounds.
fn trim(points: &mut Vec<(i64, i64)>, share: f64, low: bool) {
    let mut values: Vec<i64> = points.iter().map(|p| p.1).collect();
    values.sort_unstable();
    let Some(median) = values.get(values.len() / 2).copied() else { return };
    let mut away: Vec<i64> = values.iter().map(|v| (v - median).abs()).collect();
    away.sort_unstable();
    let reach = away.get(away.len() / 2).copied().unwrap_or(0).saturating_mul(10).saturating_add(SECOND);
    points.retain(|p| (p.1 - median).abs() <= reach);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
    let drop = (points.len() as f64 * share) as usize;
    if drop > 0 {
        points.sort_by_key(|p| if low { p.1 } else { -p.1 });
        points.drain(..drop);
    }
}
