//! Messages that were new around the onset: leads, no findings.

use super::build::{reference, rfc3339};
use super::text::{clean, place};
use super::{NewMessage, Report};
use crate::diagnose::Diagnosis;
use crate::table::Rows;

/// Messages shown in documents.
const SHOWN: usize = 6;
/// Characters of a template that are shown.
pub(super) const WIDE: usize = 200;

pub(super) fn novel(rows: &Rows<'_>, diagnosis: &Diagnosis) -> Vec<NewMessage> {
    let Some(found) = &diagnosis.novel else { return Vec::new() };
    let onset = diagnosis.moments.onset.unwrap_or_default();
    let one = |n: &crate::correlate::templates::novel::Novel| NewMessage {
        id: format!("{:016x}", n.id.0),
        template: n.text.clone(),
        severity: n.severity.name(),
        first: rfc3339(n.first),
        seconds_after_onset: ((n.first - onset) / 1_000_000) as f64 / 1000.0,
        count: n.count,
        evidence: vec![reference(rows, n.row)],
    };
    found.novel.iter().map(one).collect()
}

/// What was not looked at.
pub(super) fn notes(diagnosis: &Diagnosis) -> Vec<String> {
    let Some(found) = &diagnosis.novel else { return Vec::new() };
    let mut out: Vec<String> =
        found.problems.iter().map(|p| format!("messages could not be read a second time to look for new ones: {p}")).collect();
    let (looked_at, of) = found.looked_at;
    if looked_at < of {
        out.push(format!("New messages were sought among {looked_at} warnings and errors, an even sample of {of}."));
    }
    out
}

/// A message in a line.
pub(super) fn said(m: &NewMessage) -> String {
    let seconds = m.seconds_after_onset;
    let when = if seconds < 0.0 { format!("{:.0} s before", -seconds) } else { format!("{seconds:.0} s after") };
    let text: String = clean(&m.template).chars().take(WIDE).collect();
    format!("{} {when} the onset, {} times: {text}", m.severity, m.count)
}

/// The lines of the report: when, how severe, how often, and what.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let line = |m: &NewMessage| {
        let seen: Vec<String> = m.evidence.iter().map(|at| place(report, at)).collect();
        format!("{} · {}", said(m), seen.join(""))
    };
    let mut out: Vec<String> = report.new_messages.iter().take(SHOWN).map(line).collect();
    if report.new_messages.len() > SHOWN {
        out.push(format!("and {} more: --format json lists all", report.new_messages.len() - SHOWN));
    }
    out
}
