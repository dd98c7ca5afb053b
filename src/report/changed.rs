//! Messages that vanished at the onset, and warnings of which there are many more or less since: leads, no findings.

use super::build::reference;
use super::novel::WIDE;
use super::text::{clean, place};
use super::{ChangedMessage, Report};
use crate::correlate::templates::changed::{Changed, Way};
use crate::diagnose::Diagnosis;
use crate::table::Rows;

/// Messages shown in documents.
const SHOWN: usize = 6;

fn three(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

pub(super) fn changed(rows: &Rows<'_>, diagnosis: &Diagnosis) -> Vec<ChangedMessage> {
    let one = |c: &Changed| ChangedMessage {
        id: format!("{:016x}", c.id.0),
        template: c.text.clone(),
        severity: c.severity.name(),
        change: match c.way {
            Way::Vanished => "vanished",
            Way::Fell => "rarer",
            Way::Rose => "more_often",
        },
        before: c.counts.0,
        during: c.counts.1,
        per_minute_before: three(c.rates.0),
        per_minute_during: three(c.rates.1),
        factor: Some(c.ratio.value).filter(|f| f.is_finite()).map(three),
        factor_low: three(c.ratio.low),
        evidence: c.rows.iter().map(|row| reference(rows, *row)).collect(),
    };
    diagnosis.changed.iter().flat_map(|found| &found.changed).map(one).collect()
}

/// What was not looked at.
pub(super) fn notes(diagnosis: &Diagnosis) -> Vec<String> {
    let Some(found) = &diagnosis.changed else { return Vec::new() };
    let again = |p: &crate::error::Error| format!("messages could not be read a second time to see what changed: {p}");
    let mut out: Vec<String> = found.problems.iter().map(again).collect();
    let (looked_at, of) = found.looked_at;
    if looked_at < of {
        out.push(format!(
            "Messages that vanished or changed their rate were sought among {looked_at} messages, an even sample of {of}; \
             counts are of the sample, rates of all."
        ));
    }
    out
}

/// A message in a line.
pub(super) fn said(m: &ChangedMessage) -> String {
    let rate = |per_minute: f64| match per_minute {
        r if r >= 10.0 => format!("{r:.0} a minute"),
        r if r >= 0.1 => format!("{r:.1} a minute"),
        r => format!("{:.1} an hour", r * 60.0),
    };
    let (before, during) = (rate(m.per_minute_before), rate(m.per_minute_during));
    let change = match (m.change, m.factor) {
        ("rarer", Some(factor)) => format!("{factor:.1} times rarer (at least {:.1}): {before}, then {during}", m.factor_low),
        ("more_often", Some(factor)) => {
            format!("{factor:.1} times as often (at least {:.1}): {before}, then {during}", m.factor_low)
        }
        _ => format!("vanished: {before} before (seen {} times), not seen since the onset", m.before),
    };
    let text: String = clean(&m.template).chars().take(WIDE).collect();
    format!("{} {change}: {text}", m.severity).trim_start().to_owned()
}

/// The lines of the report.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let line = |m: &ChangedMessage| {
        let seen: Vec<String> = m.evidence.iter().map(|at| place(report, at)).collect();
        format!("{} · {}", said(m), seen.join(", "))
    };
    let mut out: Vec<String> = report.changed_messages.iter().take(SHOWN).map(line).collect();
    if report.changed_messages.len() > SHOWN {
        out.push(format!("and {} more: --format json lists all", report.changed_messages.len() - SHOWN));
    }
    out
}
