//! What is held against what: leaked sessions against such as came back, or, where borrows are not logged one by one,
//! leaking requests against other requests; and the rows that tell of each.
//!
//! The work is bounded: of very many units a sample is taken, at even steps in the order of time, and said.

use crate::correlate::callsite::Leak;
use crate::correlate::ledger::Folded;
use crate::correlate::session::{Class, Join, Session};
use crate::correlate::stats::quantile;
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::maps::{HashMap, HashSet};
use crate::table::{Row, RowId, Rows};
use backtrail_parsers::{Kind, Layer};

const SECOND: i64 = 1_000_000_000;
/// Rows that bear a request's id may be written so long before its start or after its end.
const AROUND: i64 = 60 * SECOND;
/// An id of so many bytes is the same request in every source; a shorter one is a counter of its own source.
const GLOBAL_ID: usize = 8;
/// Sessions under one key that may last at the same time.
const NESTED: usize = 64;
/// Sessions that came back, below which requests are compared instead.
const FEW: usize = 30;
/// Leaked sessions of one place at the most.
const LEAKED: usize = 2_000;
/// Units that did not leak at the most.
const PASSED: usize = 8_000;
/// Rows kept of one unit, and of all that did not leak.
const ROWS_OF_ONE: u32 = 60;
/// See [`ROWS_OF_ONE`].
const ROWS: usize = 40_000;

/// One thing that leaked or did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// A session, by its index.
    Session(u32),
    /// A request, by the row that tells of its end.
    Request(RowId),
}

/// Units held against each other, and the rows that tell of each.
#[derive(Debug, Default)]
pub(super) struct Units {
    /// The units.
    pub(super) list: Vec<Unit>,
    /// The leak that each belongs to, by its position; `None` for those that did not leak.
    pub(super) leak: Vec<Option<usize>>,
    /// Unit and row, units in their order and rows in the table's.
    pub(super) rows: Vec<(u32, RowId)>,
    /// How many that did not leak were looked at, and of how many.
    pub(super) sample: (u64, u64),
    /// True where the units are known by their requests.
    pub(super) requests: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// Source plus one (0: any) and code of the request id.
    Request(u32, u32),
    /// Source, process, code of the thread.
    Thread(u32, u32, u32),
    /// Source, process, code of the connection.
    Backend(u32, u32, u32),
}

type Spans = HashMap<Key, Vec<(i64, i64, u32)>>;

impl Units {
    /// The sessions of the leaks, all of one layer, and what they are held against.
    pub(super) fn new(rows: &Rows<'_>, folded: &Folded, leaks: &[&Leak]) -> Units {
        let session = |index: &u32| folded.sessions.get(*index as usize);
        let Some(layer) = leaks.first().and_then(|l| l.sessions.first()).and_then(session).map(|s| s.layer) else {
            return Units::default();
        };
        let mut leaked: Vec<(Unit, Option<usize>)> = Vec::new();
        for (at, leak) in leaks.iter().enumerate() {
            leaked.extend(sample(&leak.sessions, LEAKED).map(|index| (Unit::Session(*index), Some(at))));
        }
        let joined = leaked.iter().filter(|(unit, _)| request_of(folded, *unit).is_some()).count();
        let mut passed = returned(folded, layer);
        let mut all = passed.len();
        if passed.len() < FEW && joined > 0 {
            leaked.retain(|(unit, _)| request_of(folded, *unit).is_some());
            (passed, all) = other_requests(rows, folded, layer);
        }
        let kept: Vec<(Unit, Option<usize>)> = sample(&passed, PASSED).map(|unit| (*unit, None)).collect();
        let mut units = Units { sample: (kept.len() as u64, all as u64), ..Units::default() };
        units.requests = joined * 2 > leaked.len();
        (units.list, units.leak) = leaked.into_iter().chain(kept).unzip();
        let spans = units.spans(rows, folded);
        units.gather(rows, &spans);
        units.thin(leaks.len());
        units
    }

    fn spans(&self, rows: &Rows<'_>, folded: &Folded) -> Spans {
        let mut spans = Spans::default();
        let threads = Threads::new(folded);
        for (number, unit) in (0u32..).zip(&self.list) {
            let keys = match unit {
                Unit::Session(index) => {
                    let session = folded.sessions.get(*index as usize);
                    let mut keys = session.map(|s| session_keys(rows, folded, s)).unwrap_or_default();
                    keys.extend(session.filter(|_| keys.is_empty()).and_then(|s| threads.key(s)));
                    keys
                }
                Unit::Request(row) => request_keys(rows, &rows.get(*row)),
            };
            for (key, from, to) in keys {
                spans.entry(key).or_default().push((from, to, number));
            }
        }
        #[expect(clippy::iter_over_hash_type, reason = "each list is sorted by itself")]
        for list in spans.values_mut() {
            list.sort_unstable();
        }
        spans
    }

    fn gather(&mut self, rows: &Rows<'_>, spans: &Spans) {
        let mut counts = vec![0u32; self.list.len()];
        for row in rows.iter().filter(|row| row.has_time() && !tells_of_the_end(row.kind())) {
            let source = row.source_id();
            let (pid, id) = (row.int(IntCol::Pid), row.code(TextCol::RequestId));
            let candidates = [
                (id != 0).then(|| request_key(rows, source, id)),
                Some(row.code(TextCol::Thread)).filter(|t| *t != 0).map(|thread| Key::Thread(source, pid, thread)),
                Some(Key::Backend(source, pid, row.code(TextCol::Conn))),
            ];
            let before = self.rows.len();
            for list in candidates.into_iter().flatten().filter_map(|key| spans.get(&key)) {
                let begun = list.partition_point(|(from, ..)| *from <= row.time());
                let lasting = list.iter().take(begun).rev().take(NESTED).filter(|(_, to, _)| *to >= row.time());
                for (.., unit) in lasting {
                    let known = self.rows.iter().skip(before).any(|(u, _)| u == unit);
                    let room = counts.get_mut(*unit as usize).filter(|count| **count < ROWS_OF_ONE && !known);
                    if let Some(count) = room {
                        *count += 1;
                        self.rows.push((*unit, row.id));
                    }
                }
            }
        }
        self.rows.sort_unstable();
    }

    /// Leaves out units that did not leak, at even steps, until their rows are few enough to be read again.
    fn thin(&mut self, leaks: usize) {
        let passed = |unit: u32| self.leak.get(unit as usize) == Some(&None);
        let many = self.rows.iter().filter(|(unit, _)| passed(*unit)).count();
        let step = many.div_ceil(ROWS.max(1)).max(1);
        if step == 1 {
            return;
        }
        let leaked = self.leak.iter().filter(|leak| leak.is_some()).count();
        let stays = |unit: usize| unit < leaked || (unit - leaked).is_multiple_of(step);
        let numbers: Vec<Option<u32>> = {
            let mut next = 0u32;
            let number = |unit| {
                stays(unit).then(|| {
                    next += 1;
                    next - 1
                })
            };
            (0..self.list.len()).map(number).collect()
        };
        let renamed = |(unit, row): &(u32, RowId)| Some((numbers.get(*unit as usize).copied().flatten()?, *row));
        self.rows = self.rows.iter().filter_map(renamed).collect();
        let mut at = 0..self.list.len();
        self.list.retain(|_| at.next().is_some_and(stays));
        let mut at = 0..self.leak.len();
        self.leak.retain(|_| at.next().is_some_and(stays));
        self.sample.0 = (self.list.len() - leaked) as u64;
        debug_assert!(leaks > 0, "units come from leaks");
    }
}

/// When each thread borrowed: where nothing joins a borrow to a request, what its thread says until it borrows again is
/// about that borrow.
struct Threads(HashMap<(u32, u32, u32), Vec<i64>>);

impl Threads {
    fn new(folded: &Folded) -> Threads {
        let mut borrows: HashMap<(u32, u32, u32), Vec<i64>> = HashMap::default();
        for session in folded.sessions.iter().filter(|s| s.layer == Layer::Pool && s.thread != 0) {
            borrows.entry((session.source, session.pid, session.thread)).or_default().push(session.open);
        }
        borrows.values_mut().for_each(|opens| opens.sort_unstable());
        Threads(borrows)
    }

    fn key(&self, session: &Session) -> Option<(Key, i64, i64)> {
        let opens = self.0.get(&(session.source, session.pid, session.thread))?;
        let next = opens.get(opens.partition_point(|open| *open <= session.open)).copied().unwrap_or(i64::MAX);
        let until = next.saturating_sub(1).min(session.open.saturating_add(AROUND));
        Some((Key::Thread(session.source, session.pid, session.thread), session.open, until))
    }
}

/// At most `most` of a list, at even steps.
fn sample<T>(list: &[T], most: usize) -> impl Iterator<Item = &T> {
    list.iter().step_by(list.len().div_ceil(most).max(1))
}

fn request_of(folded: &Folded, unit: Unit) -> Option<&crate::correlate::requests::Request> {
    let Unit::Session(index) = unit else { return None };
    let session = folded.sessions.get(index as usize).filter(|s| s.join != Join::None)?;
    session.request.and_then(|r| folded.requests.get(r as usize))
}

/// The sessions of a layer that came back in the usual time, in the order of their opening.
fn returned(folded: &Folded, layer: Layer) -> Vec<Unit> {
    let matched = || (0u32..).zip(&folded.sessions).filter(|(_, s)| s.layer == layer && s.class == Class::Matched);
    let mut holds: Vec<i64> = matched().map(|(_, s)| s.age(0)).collect();
    holds.sort_unstable();
    let usual = quantile(&holds, 0.99).unwrap_or(i64::MAX);
    let mut found: Vec<(i64, u32)> = matched().filter(|(_, s)| s.age(0) <= usual).map(|(index, s)| (s.open, index)).collect();
    found.sort_unstable();
    found.into_iter().map(|(_, index)| Unit::Session(index)).collect()
}

/// Requests that the application tells of and that no leaked session belongs to, at even steps, and how many there are.
fn other_requests(rows: &Rows<'_>, folded: &Folded, layer: Layer) -> (Vec<Unit>, usize) {
    let leaked = folded.sessions.iter().filter(|s| s.layer == layer && s.class == Class::Leaked);
    let requests = leaked.filter_map(|s| s.request).filter_map(|r| folded.requests.get(r as usize));
    let known: HashSet<RowId> = requests.flat_map(|r| [Some(r.row), r.end_row]).flatten().collect();
    let ended = || rows.iter().filter(|row| row.kind() == Kind::RequestEnd && row.has_time() && !known.contains(&row.id));
    let all = ended().count();
    (ended().step_by(all.div_ceil(PASSED).max(1)).map(|row| Unit::Request(row.id)).collect(), all)
}

/// Rows that exist because a session leaked, or because it did not: they are the question, not an answer.
pub(super) fn tells_of_the_end(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::LeakReport
            | Kind::LeakCleared
            | Kind::PoolReturn
            | Kind::DbClose
            | Kind::DbTerminated
            | Kind::DbPeerError
            | Kind::ProxyClose
    )
}

fn request_key(rows: &Rows<'_>, source: u32, id: u32) -> Key {
    Key::Request(if rows.text(id).len() >= GLOBAL_ID { 0 } else { source + 1 }, id)
}

/// Under which keys, and when, rows tell of a request.
fn request_keys(rows: &Rows<'_>, row: &Row<'_>) -> Vec<(Key, i64, i64)> {
    let lasted = row.long(LongCol::Duration).unwrap_or(0);
    let (from, to) = if row.time_is_start() {
        (row.time(), row.time().saturating_add(lasted))
    } else {
        (row.time().saturating_sub(lasted), row.time())
    };
    let (id, thread) = (row.code(TextCol::RequestId), row.code(TextCol::Thread));
    let mut out = Vec::new();
    if id != 0 {
        let key = request_key(rows, row.source_id(), id);
        out.push((key, from.saturating_sub(AROUND), to.saturating_add(AROUND)));
    }
    if thread != 0 && lasted > 0 {
        out.push((Key::Thread(row.source_id(), row.int(IntCol::Pid), thread), from, to));
    }
    out
}

/// Under which keys, and when, rows tell of a session.
fn session_keys(rows: &Rows<'_>, folded: &Folded, session: &Session) -> Vec<(Key, i64, i64)> {
    let log_end = rows.table().sources.get(session.source as usize).and_then(|s| s.last).unwrap_or(i64::MAX);
    let end = session.end.unwrap_or(log_end);
    let mut out = Vec::new();
    if let Some(request) = session.request.and_then(|r| folded.requests.get(r as usize)) {
        let (from, to) = (request.start.unwrap_or(session.open), request.end.unwrap_or(end));
        let row = rows.get(request.row);
        if request.id != 0 {
            let key = request_key(rows, row.source_id(), request.id);
            out.push((key, from.saturating_sub(AROUND), to.saturating_add(AROUND)));
        }
        if session.join == Join::Thread && request.thread != 0 {
            out.push((Key::Thread(row.source_id(), row.int(IntCol::Pid), request.thread), from, to));
        }
    }
    if matches!(session.layer, Layer::Db | Layer::Proxy) && (session.pid != 0 || session.conn != 0) {
        out.push((Key::Backend(session.source, session.pid, session.conn), session.open, end));
    }
    out
}
