//! Requests in the application: which one a thread serves, which one a borrow belongs to, and when it ended.

use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::maps::{HashMap, HashSet};
use crate::table::{Row, RowId, Rows};
use std::collections::VecDeque;

/// Requests of a thread that are remembered after their end, for leak reports that come later.
const REMEMBERED: usize = 48;
/// Request starts that are judged together.
const BLOCK: u32 = 64;
/// Where more than this share of request starts falls into a running request of the same thread, threads serve several
/// requests at a time: they are event loops.
const INTERLEAVED: f64 = 0.02;
/// A request that this many later ones on its thread have overtaken is not served by it any more: its end is lost, or it
/// runs in another process that writes to the same log.
const OVERTAKEN: u32 = 3;
/// Ids shorter than this may be counters, which every process begins anew; longer ones mean the same in every log.
const GLOBAL: usize = 8;

/// A request that a session belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// The row that says most of it: its start, or its end where no start is logged.
    pub row: RowId,
    /// Code of the request id, 0 unknown.
    pub id: u32,
    /// Code of the method.
    pub method: u32,
    /// Code of the endpoint.
    pub route: u32,
    /// Code of the client.
    pub client: u32,
    /// When it began, where known.
    pub start: Option<i64>,
    /// When it ended.
    pub end: Option<i64>,
    /// The row of its end.
    pub end_row: Option<RowId>,
    /// Status, 0 unknown.
    pub status: u32,
    /// Code of the thread, 0 unknown.
    pub thread: u32,
    /// The source that tells of it, and its process, 0 unknown.
    place: (u32, u32),
    /// Its answer as a load balancer logged it, where the application logs no end.
    outside: Option<(i64, RowId)>,
    /// Later requests of its thread that ended before it.
    overtaken: u32,
}

/// Counts of the request layer.
#[derive(Debug, Default)]
pub struct Counts {
    /// Starts logged.
    pub opens: u64,
    /// Ends logged.
    pub closes: u64,
    /// Ends whose start was logged too.
    pub matched: u64,
    /// Ends alone, with a duration.
    pub inferred: u64,
    /// Ends alone, without a duration.
    pub orphans: u64,
    /// Of the inferred: begun before the source's first record.
    pub carried_in: u64,
    /// Begins and ends, for the peak.
    pub spans: (Vec<i64>, Vec<i64>),
}

/// Follows requests while the rows go by.
#[derive(Debug, Default)]
pub struct Requests {
    /// Every request that a session referred to or that is running.
    pub all: Vec<Request>,
    /// Counts.
    pub counts: Counts,
    /// Requests running under an id: several where services pass the id on.
    by_id: HashMap<u32, Vec<u32>>,
    /// Requests running on a thread, oldest first.
    by_thread: HashMap<(u32, u32, u32), Vec<u32>>,
    /// Requests that ended, by the last 15 characters of the thread's name (Spring cuts to that), newest last.
    ended: HashMap<(u32, Vec<u8>), VecDeque<u32>>,
    /// Ends that came before their start, from another host's log: when, which row of which source, and the status.
    early: HashMap<u32, (i64, RowId, u32, u32)>,
    /// Sources that tell of starts.
    starters: HashSet<u32>,
    overlaps: HashMap<u32, Overlaps>,
    /// Threads that served a request, per source.
    threads: HashSet<(u32, u32)>,
    lengths: HashMap<u32, Vec<i64>>,
    free: Vec<u32>,
    /// Requests that a session refers to and that must be kept.
    kept: Vec<bool>,
}

/// How often a request of a source ended after its thread had begun another one, in blocks of starts: two processes that
/// write to one log for a while are no event loop, and a request whose end is lost never ends.
#[derive(Debug, Default, Clone, Copy)]
struct Overlaps {
    starts: u32,
    inside: u32,
    blocks: u32,
    interleaved: u32,
}

impl Overlaps {
    fn start(&mut self) {
        self.starts += 1;
        if self.starts >= BLOCK {
            self.blocks += 1;
            self.interleaved += u32::from(self.is_interleaved());
            (self.starts, self.inside) = (0, 0);
        }
    }

    fn is_interleaved(&self) -> bool {
        f64::from(self.inside) > INTERLEAVED * f64::from(self.starts)
    }

    fn serves_one(&self) -> bool {
        if self.blocks == 0 { !self.is_interleaved() } else { self.interleaved * 2 <= self.blocks }
    }
}

/// The end of a thread's name, as far as log patterns keep it.
pub(super) fn tail(thread: &[u8]) -> Vec<u8> {
    thread.get(thread.len().saturating_sub(15)..).unwrap_or(thread).to_vec()
}

/// The code of the id of the request that a row belongs to, and whether it means the same in every log. A trace's id is
/// shared by all requests of the trace.
fn id_of(row: &Row<'_>) -> Option<(u32, bool)> {
    let request = row.code(TextCol::RequestId);
    let code = if request == 0 { row.code(TextCol::TraceId) } else { request };
    (code != 0).then_some((code, request != 0 && row.text(TextCol::RequestId).len() >= GLOBAL))
}

fn request_of(row: &Row<'_>) -> Request {
    Request {
        row: row.id,
        id: id_of(row).map_or(0, |(code, _)| code),
        method: row.code(TextCol::Method),
        route: row.code(TextCol::Route),
        client: row.code(TextCol::Client),
        start: None,
        end: None,
        end_row: None,
        status: 0,
        thread: row.code(TextCol::Thread),
        place: (row.source_id(), row.int(IntCol::Pid)),
        outside: None,
        overtaken: 0,
    }
}

impl Requests {
    /// A request begins.
    pub fn start(&mut self, row: &Row<'_>) {
        self.counts.opens += 1;
        self.counts.spans.0.push(row.time());
        let mut request = Request { start: Some(row.time()), ..request_of(row) };
        let source = row.source_id();
        self.starters.insert(source);
        let from_elsewhere = self.early.get(&request.id).is_some_and(|early| early.3 != source);
        let early = if from_elsewhere { self.early.remove(&request.id) } else { None };
        if let Some((time, end_row, status, _)) = early {
            // Its end stands before it, in the log of a host whose clock is behind: the order is not known, the pair is.
            (request.end, request.end_row, request.status) = (Some(time.max(row.time())), Some(end_row), status);
            self.counts.matched += 1;
            self.counts.orphans -= 1;
            self.counts.spans.1.push(time.max(row.time()));
        }
        let index = self.put(request);
        if let (Some((id, _)), None) = (id_of(row), early) {
            self.by_id.entry(id).or_default().push(index);
        }
        let thread = row.code(TextCol::Thread);
        if thread != 0 {
            self.threads.insert((source, thread));
            let all = &self.all;
            let running = self.by_thread.entry(thread_key(row)).or_default();
            running.retain(|i| all.get(*i as usize).is_some_and(|r| r.end.is_none() && r.overtaken < OVERTAKEN));
            running.push(index);
            self.overlaps.entry(source).or_default().start();
        }
    }

    /// A request ends. Gives its index where it is one that sessions may refer to.
    pub fn end(&mut self, row: &Row<'_>, first: Option<i64>) -> Option<u32> {
        self.counts.closes += 1;
        let source = row.source_id();
        let id = id_of(row);
        let on_thread = || self.by_thread.get(&thread_key(row)).and_then(|running| running.last()).copied();
        let known = match id {
            None => on_thread(),
            Some(id) => self.running_under(id, row, true),
        };
        let known = known.filter(|index| self.all.get(*index as usize).is_some_and(|r| r.end.is_none() && fits(r, row)));
        let started = known.is_some_and(|index| self.all.get(index as usize).is_some_and(|r| r.start.is_some()));
        let duration = row.long(LongCol::Duration);
        if started {
            self.counts.matched += 1;
            self.counts.spans.1.push(row.time());
        } else {
            self.end_alone(row, first);
        }
        let index = if let Some(index) = known {
            if let Some(request) = self.all.get_mut(index as usize) {
                request.start = request.start.or_else(|| duration.map(|d| row.time() - d));
                request.end = Some(row.time());
                request.end_row = Some(row.id);
                request.status = row.int(IntCol::Status);
                request.route = if request.route == 0 { row.code(TextCol::Route) } else { request.route };
                request.method = if request.method == 0 { row.code(TextCol::Method) } else { request.method };
                if let Some(start) = request.start {
                    self.lengths.entry(source).or_default().push(row.time() - start);
                }
            }
            if let Some((id, _)) = id
                && let Some(running) = self.by_id.get_mut(&id)
            {
                running.retain(|i| *i != index);
                if running.is_empty() {
                    self.by_id.remove(&id);
                }
            }
            index
        } else {
            if let (Some((code, true)), None) = (id, duration)
                && !self.starters.contains(&source)
            {
                self.early.insert(code, (row.time(), row.id, row.int(IntCol::Status), source));
            }
            self.put(Request {
                start: duration.map(|d| row.time() - d),
                end: Some(row.time()),
                end_row: Some(row.id),
                status: row.int(IntCol::Status),
                ..request_of(row)
            })
        };
        self.leave_thread(row, index);
        self.remember(row, index);
        Some(index)
    }

    /// Counts an end whose start is not logged.
    fn end_alone(&mut self, row: &Row<'_>, first: Option<i64>) {
        let Some(duration) = row.long(LongCol::Duration) else {
            self.counts.orphans += 1;
            return;
        };
        self.counts.inferred += 1;
        self.counts.carried_in += u64::from(first.is_some_and(|f| row.time() - duration < f));
        self.counts.spans.0.push(row.time() - duration);
        self.counts.spans.1.push(row.time());
        self.lengths.entry(row.source_id()).or_default().push(duration);
    }

    /// The running request that a row with an id belongs to: of several the one of the same source, process, thread and
    /// endpoint, the newest of equals. One of another source only where the id means the same everywhere, and, for an
    /// end, where the row's own source tells of no starts.
    fn running_under(&self, (id, global): (u32, bool), row: &Row<'_>, ends: bool) -> Option<u32> {
        let (source, pid, thread) = (row.source_id(), row.int(IntCol::Pid), row.code(TextCol::Thread));
        let near = |r: &Request| (r.place.0 == source, r.place.1 == pid, r.thread == thread, fits(r, row));
        let foreign = global && !(ends && self.starters.contains(&source));
        let candidates = self.by_id.get(&id)?.iter().filter_map(|i| Some((near(self.all.get(*i as usize)?), *i)));
        candidates.filter(|(near, _)| near.0 || foreign).max().map(|(_, index)| index)
    }

    /// A request that ended is no longer its thread's; those that began before it on the thread were overtaken.
    fn leave_thread(&mut self, row: &Row<'_>, index: u32) {
        let Some(running) = self.by_thread.get_mut(&thread_key(row)) else { return };
        let Some(at) = running.iter().position(|i| *i == index) else { return };
        let overtaken = self.all.get(index as usize).is_some_and(|r| r.overtaken > 0);
        if overtaken || at + 1 < running.len() {
            self.overlaps.entry(row.source_id()).or_default().inside += 1;
        }
        for older in running.iter().take(at) {
            if let Some(request) = self.all.get_mut(*older as usize) {
                request.overtaken += 1;
            }
        }
        running.remove(at);
    }

    /// A load balancer answered a request that the application has not ended yet. Its answer is the application's only
    /// where it is not a give-up.
    pub fn end_seen_outside(&mut self, row: &Row<'_>, time: i64) {
        let status = row.int(IntCol::Status);
        let Some((id, true)) = id_of(row) else { return };
        let answered = (200..500).contains(&status) && status != 499 && status != 408;
        for index in self.by_id.get(&id).into_iter().flatten().filter(|_| answered) {
            if let Some(request) = self.all.get_mut(*index as usize) {
                request.outside = Some((time.max(request.start.unwrap_or(time)), row.id));
            }
        }
    }

    fn remember(&mut self, row: &Row<'_>, index: u32) {
        let thread = row.text(TextCol::Thread);
        if thread.is_empty() {
            self.release(index);
            return;
        }
        let ring = self.ended.entry((row.source_id(), tail(thread))).or_default();
        ring.push_back(index);
        if ring.len() > REMEMBERED
            && let Some(old) = ring.pop_front()
        {
            self.release(old);
        }
    }

    /// The request that a row belongs to: by its id, else the one its thread is serving. True for "by id". Where threads serve
    /// several at a time, one that does so at the moment tells nothing; else the newest is meant, and the end of the others
    /// is lost.
    pub fn of(&self, row: &Row<'_>) -> Option<(u32, bool)> {
        if let Some(index) = id_of(row).and_then(|id| self.running_under(id, row, false)) {
            return Some((index, true));
        }
        if row.code(TextCol::RequestId) != 0 || row.code(TextCol::Thread) == 0 {
            return None;
        }
        let running = self.by_thread.get(&thread_key(row))?;
        let mut serving = running
            .iter()
            .copied()
            .filter(|i| self.all.get(*i as usize).is_some_and(|r| r.end.is_none() && r.overtaken < OVERTAKEN));
        let one = self.overlaps.get(&row.source_id()).is_none_or(Overlaps::serves_one);
        let found = if one { serving.next_back() } else { serving.next().filter(|_| serving.next().is_none()) };
        found.map(|index| (index, false))
    }

    /// A running request by id or, failing that, made from the row itself, so that its end can be seen later.
    pub fn of_or_new(&mut self, row: &Row<'_>) -> Option<(u32, bool)> {
        if let Some(found) = self.of(row) {
            return Some(found);
        }
        let (id, _) = id_of(row)?;
        let index = self.put(request_of(row));
        self.by_id.entry(id).or_default().push(index);
        Some((index, true))
    }

    /// The request that a thread (by name, as a leak report gives it) served at a moment.
    pub fn at(&self, source: u32, thread: &[u8], moment: i64) -> Option<u32> {
        let ring = self.ended.get(&(source, tail(thread)))?;
        let inside = |index: &&u32| {
            self.all
                .get(**index as usize)
                .is_some_and(|r| r.start.is_some_and(|s| s <= moment) && r.end.is_some_and(|e| e >= moment))
        };
        ring.iter().rev().find(inside).copied()
    }

    /// The request that a thread (by the end of its name) was serving at a moment and never ended.
    pub fn running_at(&self, rows: &Rows<'_>, source: u32, thread: &[u8], moment: i64) -> Option<u32> {
        let of_thread = |key: &(u32, u32, u32)| key.0 == source && tail(rows.text(key.2)) == thread;
        let running = self.by_thread.iter().filter(|(key, _)| of_thread(key)).flat_map(|(_, running)| running.iter().copied());
        let mut fitting: Vec<u32> = running
            .filter(|i| self.all.get(*i as usize).is_some_and(|r| r.end.is_none() && r.start.is_some_and(|s| s <= moment)))
            .collect();
        fitting.sort_unstable();
        fitting.first().copied().filter(|_| fitting.len() == 1)
    }

    /// True where a thread of the source serves one request at a time, most of the time.
    pub fn thread_serves_one(&self, source: u32) -> bool {
        self.overlaps.get(&source).is_none_or(Overlaps::serves_one)
    }

    /// Threads that served a request, and lengths of the requests that ended, sorted, per source. What a load balancer
    /// saw answered is taken as ended from here on.
    pub fn take_facts(&mut self) -> (HashSet<(u32, u32)>, HashMap<u32, Vec<i64>>) {
        for request in self.all.iter_mut().filter(|r| r.end.is_none()) {
            if let Some((time, row)) = request.outside {
                (request.end, request.end_row) = (Some(time), Some(row));
            }
        }
        self.lengths.values_mut().for_each(|l| l.sort_unstable());
        (std::mem::take(&mut self.threads), std::mem::take(&mut self.lengths))
    }

    /// Keeps a request that a session refers to.
    pub fn keep(&mut self, index: u32) {
        if let Some(kept) = self.kept.get_mut(index as usize) {
            *kept = true;
        }
    }

    fn put(&mut self, request: Request) -> u32 {
        if let Some(index) = self.free.pop()
            && let (Some(slot), Some(kept)) = (self.all.get_mut(index as usize), self.kept.get_mut(index as usize))
        {
            (*slot, *kept) = (request, false);
            return index;
        }
        self.all.push(request);
        self.kept.push(false);
        u32::try_from(self.all.len() - 1).unwrap_or(u32::MAX)
    }

    /// Gives back the place of a request that ended and that nobody refers to.
    fn release(&mut self, index: u32) {
        let ended = self.all.get(index as usize).is_some_and(|r| r.end.is_some());
        if ended && self.kept.get(index as usize) == Some(&false) {
            self.free.push(index);
        }
    }

    /// Requests still running.
    pub fn running(&self) -> Vec<Request> {
        let free: HashSet<u32> = self.free.iter().copied().collect();
        let running = (0u32..).zip(&self.all).filter(|(i, r)| r.end.is_none() && r.start.is_some() && !free.contains(i));
        running.map(|(_, request)| *request).collect()
    }
}

fn fits(request: &Request, row: &Row<'_>) -> bool {
    let (method, route) = (row.code(TextCol::Method), row.code(TextCol::Route));
    request.id == id_of(row).map_or(0, |(code, _)| code)
        && (method == 0 || request.method == 0 || method == request.method)
        && (request.id != 0 || route == 0 || request.route == 0 || route == request.route)
}

fn thread_key(row: &Row<'_>) -> (u32, u32, u32) {
    (row.source_id(), row.int(IntCol::Pid), row.code(TextCol::Thread))
}
