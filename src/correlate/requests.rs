//! Requests in the application: which one a thread serves, which one a borrow belongs to, and when it ended.

use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::{Row, RowId};
use std::collections::{HashMap, VecDeque};

/// Requests of a thread that are remembered after their end, for leak reports that come later.
const REMEMBERED: usize = 48;
/// Where at least this share of request starts falls into a running request of the same thread, threads are event loops.
/// Below it several processes use the same names for their threads, or processes were killed.
const INTERLEAVED: f64 = 0.25;
/// A request is taken for dead when its thread has served this many others to their end meanwhile.
const PASSED: u32 = 3;

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
    /// Source, process and thread that serve it.
    pub lane: (u32, u32, u32),
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
    by_id: HashMap<(u32, u32), u32>,
    /// Running requests by source, process and thread, each with the number of others served meanwhile.
    by_thread: HashMap<(u32, u32, u32), Vec<(u32, u32)>>,
    /// Requests that ended, by the last 15 characters of the thread's name (Spring cuts to that), newest last.
    ended: HashMap<(u32, Vec<u8>), VecDeque<u32>>,
    /// Per source: starts on a thread, and those of them while the thread had a running request.
    overlaps: HashMap<u32, (u64, u64)>,
    free: Vec<u32>,
    /// Requests that a session refers to and that must be kept.
    kept: Vec<bool>,
}

fn tail(thread: &[u8]) -> Vec<u8> {
    thread.get(thread.len().saturating_sub(15)..).unwrap_or(thread).to_vec()
}

impl Requests {
    /// A request begins.
    pub fn start(&mut self, row: &Row<'_>) {
        self.counts.opens += 1;
        self.counts.spans.0.push(row.time());
        let index = self.put(Request {
            row: row.id,
            id: row.code(TextCol::RequestId),
            method: row.code(TextCol::Method),
            route: row.code(TextCol::Route),
            client: row.code(TextCol::Client),
            start: Some(row.time()),
            end: None,
            end_row: None,
            status: 0,
            lane: thread_key(row),
        });
        let source = row.source_id();
        if row.code(TextCol::RequestId) != 0 {
            self.by_id.insert((source, row.code(TextCol::RequestId)), index);
        }
        if row.code(TextCol::Thread) != 0 {
            let running = self.by_thread.entry(thread_key(row)).or_default();
            running.retain(|(_, passed)| *passed < PASSED);
            let (starts, overlaps) = self.overlaps.entry(source).or_default();
            *starts += 1;
            *overlaps += u64::from(!running.is_empty());
            running.push((index, 0));
        }
    }

    /// A request ends. Gives its index where it is one that sessions may refer to.
    pub fn end(&mut self, row: &Row<'_>, first: Option<i64>) -> Option<u32> {
        self.counts.closes += 1;
        let source = row.source_id();
        let id = row.code(TextCol::RequestId);
        let on_thread = || self.by_thread.get(&thread_key(row)).and_then(|running| running.last()).map(|(index, _)| *index);
        let known = if id == 0 { on_thread() } else { self.by_id.get(&(source, id)).copied() };
        let known = known.filter(|index| self.all.get(*index as usize).is_some_and(|r| r.end.is_none() && self.fits(r, row)));
        let index = if let Some(index) = known {
            self.counts.matched += 1;
            self.counts.spans.1.push(row.time());
            if let Some(request) = self.all.get_mut(index as usize) {
                request.end = Some(row.time());
                request.end_row = Some(row.id);
                request.status = row.int(IntCol::Status);
                request.route = if request.route == 0 { row.code(TextCol::Route) } else { request.route };
            }
            self.by_id.remove(&(source, id));
            self.leave_thread(index);
            index
        } else {
            let duration = row.long(LongCol::Duration);
            if let Some(duration) = duration {
                self.counts.inferred += 1;
                self.counts.carried_in += u64::from(first.is_some_and(|f| row.time() - duration < f));
                self.counts.spans.0.push(row.time() - duration);
                self.counts.spans.1.push(row.time());
            } else {
                self.counts.orphans += 1;
            }
            self.put(Request {
                row: row.id,
                id,
                method: row.code(TextCol::Method),
                route: row.code(TextCol::Route),
                client: row.code(TextCol::Client),
                start: duration.map(|d| row.time() - d),
                end: Some(row.time()),
                end_row: Some(row.id),
                status: row.int(IntCol::Status),
                lane: thread_key(row),
            })
        };
        self.remember(row, index);
        Some(index)
    }

    /// A request ended: its thread no longer serves it, and has passed by whatever else it seems to serve.
    fn leave_thread(&mut self, index: u32) {
        let Some(request) = self.all.get(index as usize) else { return };
        if let Some(running) = self.by_thread.get_mut(&request.lane) {
            running.retain(|(other, _)| *other != index);
            running.iter_mut().for_each(|(_, passed)| *passed += 1);
        }
    }

    fn fits(&self, request: &Request, row: &Row<'_>) -> bool {
        let (method, route) = (row.code(TextCol::Method), row.code(TextCol::Route));
        request.id == row.code(TextCol::RequestId)
            && (method == 0 || request.method == 0 || method == request.method)
            && (request.id != 0 || route == 0 || request.route == 0 || route == request.route)
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

    /// The request that a row belongs to: by its id, else the one its thread is serving. True for "by id".
    pub fn of(&self, row: &Row<'_>) -> Option<(u32, bool)> {
        let id = row.code(TextCol::RequestId);
        if id != 0 {
            return self.by_id.get(&(row.source_id(), id)).map(|index| (*index, true));
        }
        let running = self.by_thread.get(&thread_key(row)).filter(|_| row.code(TextCol::Thread) != 0)?;
        match running.as_slice() {
            [(index, _)] => Some((*index, false)),
            // None, or several of which nobody can say which one borrowed.
            _ => None,
        }
    }

    /// A running request by id or, failing that, made from the row itself, so that its end can be seen later.
    pub fn of_or_new(&mut self, row: &Row<'_>) -> Option<(u32, bool)> {
        if let Some(found) = self.of(row) {
            return Some(found);
        }
        let id = row.code(TextCol::RequestId);
        if id == 0 {
            return None;
        }
        let index = self.put(Request {
            row: row.id,
            id,
            method: row.code(TextCol::Method),
            route: row.code(TextCol::Route),
            client: 0,
            start: None,
            end: None,
            end_row: None,
            status: 0,
            lane: thread_key(row),
        });
        self.by_id.insert((row.source_id(), id), index);
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

    /// True where a thread of the source serves one request at a time.
    pub fn thread_serves_one(&self, source: u32) -> bool {
        self.overlaps.get(&source).is_none_or(|(starts, overlaps)| (*overlaps as f64) < INTERLEAVED * (*starts).max(1) as f64)
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

    /// Requests still running, by index.
    pub fn running(&self) -> impl Iterator<Item = (u32, &Request)> {
        let free: std::collections::HashSet<u32> = self.free.iter().copied().collect();
        (0u32..).zip(&self.all).filter(move |(i, r)| r.end.is_none() && r.start.is_some() && !free.contains(i))
    }
}

fn thread_key(row: &Row<'_>) -> (u32, u32, u32) {
    (row.source_id(), row.int(IntCol::Pid), row.code(TextCol::Thread))
}
