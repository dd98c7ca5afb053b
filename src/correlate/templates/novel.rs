//! Warnings and errors that nobody had seen before the trouble: first written around the onset, never in the time before.
//!
//! Only warnings and errors are looked at, and of very many a sample at even steps, which is said.

use super::{Miner, TemplateId, Trained, messages};
use crate::error::Error;
use crate::table::maps::HashSet;
use crate::table::{EventTable, Row, RowId, Rows};
use backtrail_parsers::{Kind, Severity};
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000_000_000;
/// A message that is new so long before the onset may have to do with it.
const BEFORE: i64 = 15 * MINUTE;
/// The same after it.
const AFTER: i64 = 5 * MINUTE;
/// Less than this around the onset says nothing.
const LEAST: i64 = MINUTE;
/// The time before, in which a new message must not stand, at the least.
const QUIET: i64 = 30 * MINUTE;
/// Messages read again of the time before, and of the time around the onset.
const OLD: usize = 30_000;
/// See [`OLD`].
const NEW: usize = 15_000;
/// Templates kept.
const KEPT: usize = 12;

/// A message that was new around the onset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Novel {
    /// Its template.
    pub id: TemplateId,
    /// The template's text.
    pub text: String,
    /// When it was first written, ns UTC.
    pub first: i64,
    /// How often around the onset, of the messages looked at.
    pub count: u64,
    /// Its severity; the highest where it has several.
    pub severity: Severity,
    /// The first row that says it.
    pub row: RowId,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The new messages: the most severe first, of equal ones the earliest.
    pub novel: Vec<Novel>,
    /// Warnings and errors looked at before and around the onset, and how many there are.
    pub looked_at: (u64, u64),
    /// What could not be read again.
    pub problems: Vec<Error>,
}

/// Warnings and errors that were new around the onset, ns UTC; `None` where the logs begin too shortly before it to tell.
pub fn find(table: &EventTable, rows: &Rows<'_>, onset: i64) -> Option<Found> {
    let begin = table.sources.iter().filter_map(|s| s.first).min()?;
    // Where the logs begin late, a shorter time around the onset is held against ten times as much before it.
    let lead = if onset.saturating_sub(begin) >= BEFORE + QUIET { BEFORE } else { onset.saturating_sub(begin) / 11 };
    let (from, to) = (onset.saturating_sub(lead), onset.saturating_add(lead.min(AFTER)));
    let quiet = QUIET.min(lead.saturating_mul(10));
    if lead < LEAST {
        return None;
    }
    let mut around: Vec<RowId> = Vec::new();
    let mut before: Vec<RowId> = Vec::new();
    // A source that begins later than the quiet time says nothing about what was usual in it.
    let known: HashSet<u32> =
        table.sources.iter().filter(|s| s.first.is_some_and(|first| from - first >= quiet)).map(|s| s.id).collect();
    for row in rows.iter().filter(|r| r.has_time() && r.time() < to && warns(r) && known.contains(&r.source_id())) {
        if row.time() < from { &mut before } else { &mut around }.push(row.id);
    }
    if around.is_empty() {
        return Some(Found::default());
    }
    let all = (before.len() + around.len()) as u64;
    let (before, around) = (thinned(before, OLD), thinned(around, NEW));
    let mut found = Found { looked_at: ((before.len() + around.len()) as u64, all), ..Found::default() };
    let olds = before.len();
    let wanted: Vec<RowId> = before.into_iter().chain(around).collect();
    let mut miner = Miner::new();
    let mut trained: Vec<Option<Trained>> = vec![None; wanted.len()];
    found.problems = messages::read(table, &wanted, &mut |position, message| {
        if let Some(slot) = trained.get_mut(position).filter(|_| !message.is_empty()) {
            *slot = Some(miner.train(message));
        }
    });
    // All are learned from before any is looked up: a template that grows more general would look new half-way.
    let templates = miner.finish();
    let ids: Vec<Option<TemplateId>> = trained.iter().map(|t| t.and_then(|t| templates.of_trained(t))).collect();
    let old: HashSet<TemplateId> = ids.iter().take(olds).flatten().copied().collect();
    let mut novel: BTreeMap<TemplateId, Novel> = BTreeMap::new();
    for (row, id) in wanted.iter().zip(&ids).skip(olds) {
        let Some(id) = id.filter(|id| !old.contains(id)) else { continue };
        let row = rows.get(*row);
        let one = novel.entry(id).or_insert_with(|| Novel {
            id,
            text: templates.text(id).to_owned(),
            first: row.time(),
            count: 0,
            severity: row.severity(),
            row: row.id,
        });
        one.count += 1;
        one.severity = one.severity.max(row.severity());
        if (row.time(), row.id) < (one.first, one.row) {
            (one.first, one.row) = (row.time(), row.id);
        }
    }
    let mut novel: Vec<Novel> = novel.into_values().collect();
    novel.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.first.cmp(&b.first)).then(a.text.cmp(&b.text)));
    novel.truncate(KEPT);
    found.novel = novel;
    Some(found)
}

/// True for what is looked at here: warnings, errors, and what is an error without saying so.
pub(super) fn warns(row: &Row<'_>) -> bool {
    row.severity() >= Severity::WARN || row.kind() == Kind::Error
}

/// At most `most` of a list, at even steps.
fn thinned(list: Vec<RowId>, most: usize) -> Vec<RowId> {
    let step = list.len().div_ceil(most).max(1);
    list.into_iter().step_by(step).collect()
}
