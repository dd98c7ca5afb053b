//! What changed against the baseline, in the report.

use super::build::reference;
use super::markdown::escape;
use super::text::{line, place, wrapped};
use super::{Ref, Report};
use crate::diagnose::baseline::Change as Found;
use crate::table::Rows;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// Changes shown as text, and listed at all.
const SHOWN: usize = 15;
const LISTED: usize = 200;

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// `endpoint client statement logger error call_site leak`, or `all` for a kind against the requests.
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// How often in the baseline.
    pub then: u64,
    /// Of how many.
    pub then_of: u64,
    /// How often now.
    pub now: u64,
    /// Of how many.
    pub now_of: u64,
    /// Its share now over its share then; `null` where it is new.
    pub lift: Option<f64>,
    /// Low end of the 95 % interval.
    pub low: f64,
    /// High end; `null` where nothing bounds it.
    pub high: Option<f64>,
    /// Proof.
    pub evidence: Vec<Ref>,
}

fn three(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// The changes, the strongest first.
pub fn build(rows: &Rows<'_>, found: &[Found]) -> Vec<Change> {
    let one = |c: &Found| Change {
        what: c.what.name(),
        name: c.name.clone(),
        then: c.then.0,
        then_of: c.then.1,
        now: c.now.0,
        now_of: c.now.1,
        lift: Some(c.lift).filter(|l| l.is_finite()).map(three),
        low: three(c.interval.0),
        high: Some(c.interval.1).filter(|h| h.is_finite()).map(three),
        evidence: c.rows.iter().map(|row| reference(rows, *row)).collect(),
    };
    found.iter().take(LISTED).map(one).collect()
}

/// A change in a sentence.
pub(super) fn said(change: &Change) -> String {
    let lift = match (change.lift, change.high) {
        (Some(lift), Some(high)) => format!("{lift:.2} times its share ({:.2} to {high:.2})", change.low),
        (Some(lift), None) => format!("{lift:.2} times its share (at least {:.2})", change.low),
        (None, _) => format!("new (at least {:.1} times its share)", change.low),
    };
    let what = if change.what == "all" { "all of".to_owned() } else { change.what.replace('_', " ") };
    format!(
        "{what} {}: {lift}; {} of {} then, {} of {} now",
        change.name, change.then, change.then_of, change.now, change.now_of
    )
}

/// Writes the section of the text report.
pub(super) fn text(report: &Report, out: &mut String, bold: &dyn Fn(&str) -> String) {
    let Some(changes) = &report.baseline else { return };
    out.push('\n');
    line(out, &bold("CHANGED AGAINST THE BASELINE"));
    if changes.is_empty() {
        line(out, "  nothing beyond chance");
    }
    for change in changes.iter().take(SHOWN) {
        let seen: Vec<String> = change.evidence.iter().take(2).map(|at| place(report, at)).collect();
        let seen = if seen.is_empty() { String::new() } else { format!(" · {}", seen.join(", ")) };
        wrapped(out, "  ", "    ", &format!("{}{seen}", said(change)));
    }
    if changes.len() > SHOWN {
        line(out, &format!("  and {} more: --format json lists them", changes.len() - SHOWN));
    }
}

/// Writes the section of the Markdown report.
pub(super) fn markdown(report: &Report, out: &mut String) {
    let Some(changes) = &report.baseline else { return };
    let _ = writeln!(out, "## Changed against the baseline\n");
    if changes.is_empty() {
        let _ = writeln!(out, "Nothing beyond chance.");
    }
    for change in changes.iter().take(2 * SHOWN) {
        let seen: Vec<String> = change.evidence.iter().take(2).map(|at| escape(&place(report, at))).collect();
        let _ = writeln!(out, "- {} ({})", escape(&said(change)), seen.join(", "));
    }
    out.push('\n');
}
