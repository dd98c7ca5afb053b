//! Where the features come from: the rows of a session's request, of its thread while it served that request, or of its
//! server process while it lasted.

use super::{Feature, FeatureKind, Lead, rank};
use crate::correlate::classify::endpoint;
use crate::correlate::ledger::Folded;
use crate::correlate::session::{Class, Join, Session};
use crate::correlate::stats::quantile;
use crate::correlate::templates::{Miner, TemplateId, Templates, Trained, messages};
use crate::error::Error;
use crate::ingest::{IntCol, TextCol};
use crate::table::{EventTable, Row, RowId, Rows};
use backtrail_parsers::{Kind, Layer};
use std::collections::{BTreeMap, HashMap};

const SECOND: i64 = 1_000_000_000;
/// Rows that bear a request's id may be written so long before its start or after its end.
const AROUND: i64 = 60 * SECOND;
/// An id of so many bytes is the same request in every source; a shorter one is a counter of its own source.
const GLOBAL_ID: usize = 8;
/// Sessions under one key that may last at the same time.
const NESTED: usize = 64;

/// Sessions held against each other, and the rows that tell of each.
#[derive(Debug, Default)]
pub struct Units {
    /// Indexes of the sessions.
    pub sessions: Vec<u32>,
    /// Whether each leaked.
    pub leaked: Vec<bool>,
    /// Unit and row, in the order of time.
    pub rows: Vec<(u32, RowId)>,
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

impl Units {
    /// The leaked sessions and those that closed in the usual time, of the layer that tells more.
    pub fn new(rows: &Rows<'_>, folded: &Folded) -> Units {
        let leaked = |layer| folded.sessions.iter().any(|s| s.layer == layer && s.class == Class::Leaked);
        let layer = [Layer::Pool, Layer::Db, Layer::Proxy].into_iter().find(|l| leaked(*l));
        let of_layer = || (0u32..).zip(&folded.sessions).filter(|(_, s)| Some(s.layer) == layer);
        let mut holds: Vec<i64> = of_layer().filter(|(_, s)| s.class == Class::Matched).map(|(_, s)| s.age(0)).collect();
        holds.sort_unstable();
        let usual = quantile(&holds, 0.99).unwrap_or(i64::MAX);
        let mut units = Units::default();
        let mut spans: HashMap<Key, Vec<(i64, i64, u32)>> = HashMap::new();
        for (index, session) in of_layer() {
            let passed = session.class == Class::Matched && session.age(0) <= usual;
            if !passed && session.class != Class::Leaked {
                continue;
            }
            let unit = u32::try_from(units.sessions.len()).unwrap_or(u32::MAX);
            units.sessions.push(index);
            units.leaked.push(session.class == Class::Leaked);
            for (key, from, to) in keys(rows, folded, session) {
                spans.entry(key).or_default().push((from, to, unit));
            }
        }
        #[expect(clippy::iter_over_hash_type, reason = "each list is sorted by itself")]
        for list in spans.values_mut() {
            list.sort_unstable();
        }
        if units.leaked.iter().any(|l| *l) {
            units.gather(rows, &spans);
        }
        units
    }

    fn gather(&mut self, rows: &Rows<'_>, spans: &HashMap<Key, Vec<(i64, i64, u32)>>) {
        for row in rows.by_time().filter(|row| row.has_time() && !tells_of_the_end(row.kind())) {
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
                    if !known {
                        self.rows.push((*unit, row.id));
                    }
                }
            }
        }
    }

    /// The templates of the units' messages, which are read from their files again; with what could not be read.
    pub fn templates(&self, table: &EventTable) -> (Said, Vec<Error>) {
        let mut wanted: Vec<RowId> = self.rows.iter().map(|(_, row)| *row).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut miner = Miner::new();
        let mut trained: Vec<Option<Trained>> = vec![None; wanted.len()];
        let problems = messages::read(table, &wanted, &mut |position, message| {
            if let Some(slot) = trained.get_mut(position).filter(|_| !message.is_empty()) {
                *slot = Some(miner.train(message));
            }
        });
        let templates = miner.finish();
        let by_row = wanted.into_iter().zip(trained).filter_map(|(row, t)| Some((row, templates.of_trained(t?)?))).collect();
        (Said { templates, by_row }, problems)
    }

    /// The features of the units, sorted by kind and text.
    pub fn features(&self, rows: &Rows<'_>, folded: &Folded, said: Option<&Said>) -> Vec<Feature> {
        let mut found = Found { rows, units: BTreeMap::new() };
        for (unit, index) in (0u32..).zip(&self.sessions) {
            let Some(session) = folded.sessions.get(*index as usize) else { continue };
            let opened = rows.get(session.open_row);
            found.row(unit, &opened);
            let request = session.request.and_then(|r| folded.requests.get(r as usize));
            let (method, route, client) = match request {
                Some(request) => (request.method, request.route, request.client),
                None => (opened.code(TextCol::Method), opened.code(TextCol::Route), session.client),
            };
            found.text(unit, FeatureKind::Endpoint, endpoint(rows, method, route));
            found.code(unit, FeatureKind::Client, if client == 0 { session.client } else { client });
            found.code(unit, FeatureKind::Client, opened.code(TextCol::AppName));
            let thread = request.map_or(session.thread, |r| r.thread);
            found.text(unit, FeatureKind::ThreadPool, thread_pool(rows.text(thread)));
        }
        for (unit, id) in &self.rows {
            found.row(*unit, &rows.get(*id));
            if let Some(template) = said.and_then(|s| s.of(*id)) {
                found.text(*unit, FeatureKind::Template, template.to_owned());
            }
        }
        let sorted = |mut units: Vec<u32>| {
            units.sort_unstable();
            units.dedup();
            units
        };
        found.units.into_iter().map(|((kind, text), units)| Feature { kind, text, units: sorted(units) }).collect()
    }
}

/// What was said in which row.
#[derive(Debug)]
pub struct Said {
    templates: Templates,
    by_row: HashMap<RowId, TemplateId>,
}

impl Said {
    fn of(&self, row: RowId) -> Option<&str> {
        self.by_row.get(&row).map(|id| self.templates.text(*id))
    }
}

/// Finds the features that leaking sessions have in common; `reread` asks for messages too, which are in the files only.
/// Gives the features, the leads among them, and what could not be read again.
pub fn leads(table: &EventTable, folded: &Folded, reread: bool) -> (Vec<Feature>, Vec<Lead>, Vec<Error>) {
    let rows = table.rows();
    let units = Units::new(&rows, folded);
    let (said, problems) = if reread {
        let (said, problems) = units.templates(table);
        (Some(said), problems)
    } else {
        (None, Vec::new())
    };
    let features = units.features(&rows, folded, said.as_ref());
    let leads = rank(&features, &units.leaked);
    (features, leads, problems)
}

/// Rows that exist because a session leaked, or because it did not: they are the question, not an answer.
fn tells_of_the_end(kind: Kind) -> bool {
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

/// Under which keys, and when, rows tell of a session.
fn keys(rows: &Rows<'_>, folded: &Folded, session: &Session) -> Vec<(Key, i64, i64)> {
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

/// The group that a thread belongs to: `http-nio-8080-exec-#` for `http-nio-8080-exec-7`; empty for one that is not one
/// of many.
fn thread_pool(name: &[u8]) -> String {
    let stem = name.iter().rposition(|b| !b.is_ascii_digit()).map_or(0, |at| at + 1);
    let text = name.get(..stem).unwrap_or_default();
    if stem == name.len() || text.is_empty() { String::new() } else { format!("{}#", String::from_utf8_lossy(text)) }
}

struct Found<'r> {
    rows: &'r Rows<'r>,
    units: BTreeMap<(FeatureKind, String), Vec<u32>>,
}

impl Found<'_> {
    fn text(&mut self, unit: u32, kind: FeatureKind, text: String) {
        if !text.is_empty() {
            let units = self.units.entry((kind, text)).or_default();
            if units.last() != Some(&unit) {
                units.push(unit);
            }
        }
    }

    fn code(&mut self, unit: u32, kind: FeatureKind, code: u32) {
        self.text(unit, kind, String::from_utf8_lossy(self.rows.text(code)).into_owned());
    }

    fn row(&mut self, unit: u32, row: &Row<'_>) {
        for (kind, column) in [
            (FeatureKind::Exception, TextCol::ErrorType),
            (FeatureKind::Logger, TextCol::Logger),
            (FeatureKind::Statement, TextCol::Statement),
            (FeatureKind::Version, TextCol::Version),
            (FeatureKind::Host, TextCol::Host),
        ] {
            if row.code(column) != 0 && !tells_of_the_end(row.kind()) {
                self.code(unit, kind, row.code(column));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn threads_of_one_pool() {
        for (name, pool) in [("http-nio-8080-exec-7", "http-nio-8080-exec-#"), ("main", ""), ("", ""), ("42", "")] {
            assert_eq!(super::thread_pool(name.as_bytes()), pool);
        }
    }
}
