//! Where the features come from: the rows of a session's request, of its thread while it served that request, or of its
//! server process while it lasted.

use super::units::{Unit, Units, tells_of_the_end};
use super::{Feature, FeatureKind};
use crate::correlate::classify::endpoint;
use crate::correlate::ledger::Folded;
use crate::correlate::templates::{Miner, TemplateId, Templates, Trained, messages};
use crate::error::Error;
use crate::ingest::{IntCol, TextCol};
use crate::table::maps::HashMap;
use crate::table::{EventTable, Row, RowId, Rows};
use std::collections::BTreeMap;

/// Units below which a feature is not looked at: chance alone makes so small ones look telling.
const RARE: usize = 3;
/// Rows kept as evidence of a feature.
const EVIDENCE: usize = 3;

/// What was said in which row.
#[derive(Debug)]
pub(super) struct Said {
    templates: Templates,
    by_row: HashMap<RowId, TemplateId>,
}

impl Said {
    /// The templates of the units' messages, which are read from their files again; with what could not be read. A row
    /// that tells of a statement says nothing else: its statement is a feature of its own.
    pub(super) fn of(table: &EventTable, units: &Units) -> (Said, Vec<Error>) {
        let rows = table.rows();
        let speaks = |row: &RowId| rows.get(*row).code(TextCol::Statement) == 0;
        let mut wanted: Vec<RowId> = units.rows.iter().map(|(_, row)| *row).filter(speaks).collect();
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

    fn text(&self, row: RowId) -> Option<&str> {
        self.by_row.get(&row).map(|id| self.templates.text(*id))
    }
}

/// The features of the units, sorted by kind and text.
pub(super) fn of(rows: &Rows<'_>, folded: &Folded, units: &Units, said: &Said) -> Vec<Feature> {
    let mut found = Found { rows, leak: &units.leak, units: BTreeMap::new() };
    for (number, unit) in (0u32..).zip(&units.list) {
        match unit {
            Unit::Session(index) => found.session(number, folded, *index),
            Unit::Request(row) => found.request(number, &rows.get(*row)),
        }
    }
    for (unit, id) in &units.rows {
        let row = rows.get(*id);
        found.row(*unit, &row);
        if let Some(template) = said.text(*id) {
            found.text(*unit, FeatureKind::Template, template.to_owned(), *id);
        }
    }
    let made = |((kind, text), (mut units, evidence)): ((FeatureKind, String), (Vec<u32>, Vec<RowId>))| {
        units.sort_unstable();
        units.dedup();
        Feature { kind, text, units, evidence }
    };
    found.units.into_iter().map(made).filter(|feature| feature.units.len() >= RARE).collect()
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
    leak: &'r [Option<usize>],
    units: BTreeMap<(FeatureKind, String), (Vec<u32>, Vec<RowId>)>,
}

impl Found<'_> {
    fn text(&mut self, unit: u32, kind: FeatureKind, text: String, row: RowId) {
        if text.is_empty() {
            return;
        }
        let leaked = self.leak.get(unit as usize).is_some_and(Option::is_some);
        let (units, evidence) = self.units.entry((kind, text)).or_default();
        if units.last() != Some(&unit) {
            units.push(unit);
            if leaked && evidence.len() < EVIDENCE {
                evidence.push(row);
            }
        }
    }

    fn code(&mut self, unit: u32, kind: FeatureKind, code: u32, row: RowId) {
        self.text(unit, kind, String::from_utf8_lossy(self.rows.text(code)).into_owned(), row);
    }

    fn session(&mut self, unit: u32, folded: &Folded, index: u32) {
        let Some(session) = folded.sessions.get(index as usize) else { return };
        let opened = self.rows.get(session.open_row);
        self.row(unit, &opened);
        self.code(unit, FeatureKind::Client, session.client, opened.id);
        self.code(unit, FeatureKind::Client, opened.code(TextCol::AppName), opened.id);
        let request = session.request.and_then(|r| folded.requests.get(r as usize));
        if let Some(request) = request {
            self.asked(unit, (request.method, request.route), request.client, request.row);
            self.status(unit, request.status, request.end_row.unwrap_or(request.row));
        } else {
            self.asked(unit, (opened.code(TextCol::Method), opened.code(TextCol::Route)), 0, opened.id);
        }
        let thread = thread_pool(self.rows.text(request.map_or(session.thread, |r| r.thread)));
        self.text(unit, FeatureKind::ThreadPool, thread, opened.id);
    }

    fn request(&mut self, unit: u32, row: &Row<'_>) {
        self.row(unit, row);
        self.asked(unit, (row.code(TextCol::Method), row.code(TextCol::Route)), row.code(TextCol::Client), row.id);
        self.status(unit, row.int(IntCol::Status), row.id);
        self.text(unit, FeatureKind::ThreadPool, thread_pool(row.text(TextCol::Thread)), row.id);
    }

    fn asked(&mut self, unit: u32, (method, route): (u32, u32), client: u32, row: RowId) {
        self.text(unit, FeatureKind::Endpoint, endpoint(self.rows, method, route), row);
        if method != 0 {
            self.code(unit, FeatureKind::Route, route, row);
        }
        self.code(unit, FeatureKind::Client, client, row);
    }

    fn status(&mut self, unit: u32, status: u32, row: RowId) {
        if status != 0 {
            self.text(unit, FeatureKind::Status, status.to_string(), row);
        }
    }

    fn row(&mut self, unit: u32, row: &Row<'_>) {
        if tells_of_the_end(row.kind()) {
            return;
        }
        for (kind, column) in [
            (FeatureKind::Exception, TextCol::ErrorType),
            (FeatureKind::Logger, TextCol::Logger),
            (FeatureKind::Statement, TextCol::Statement),
            (FeatureKind::Version, TextCol::Version),
            (FeatureKind::Host, TextCol::Host),
            (FeatureKind::UserAgent, TextCol::UserAgent),
        ] {
            self.code(unit, kind, row.code(column), row.id);
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
