//! The timeline alone, for other tools: one list of rows, a file a format.

pub mod csv;
pub mod markdown;
pub mod mermaid;
pub mod perfetto;
pub mod text;
pub mod timesketch;

use super::local::millis;
use super::{Ref, Report};

/// A row of the timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// RFC 3339 in UTC.
    pub time: String,
    /// How exactly the time is known, ms.
    pub bound_ms: Option<f64>,
    /// Phase of the incident that begins here.
    pub phase: Option<String>,
    /// `lb app proxy db ops other`.
    pub tier: &'static str,
    /// What kind of thing happened: `incident`, `deploy`, `alert`, `leak`, `event`, or `note` for what a person marked.
    pub kind: &'static str,
    /// Words.
    pub title: String,
    /// Proof.
    pub evidence: Vec<Ref>,
}

/// The rows of a report in the order of time: its timeline, and those moments of the incident that no row of it tells.
pub fn rows(report: &Report) -> Vec<Row> {
    let mut rows: Vec<Row> = report
        .timeline
        .iter()
        .map(|m| Row {
            time: m.time.clone(),
            bound_ms: m.bound_ms,
            phase: m.phase.clone(),
            tier: m.tier,
            kind: kind(report, m),
            title: m.title.clone(),
            evidence: m.evidence.clone(),
        })
        .collect();
    for (phase, title, time, evidence) in moments(report) {
        let told = |time: &String| rows.iter().any(|r| r.time == *time && !r.evidence.is_empty());
        if let Some(time) = time.clone().filter(|time| !told(time)) {
            let (phase, title) = (Some(phase.to_owned()), title.to_owned());
            rows.push(Row { time, bound_ms: None, phase, tier: "other", kind: "incident", title, evidence });
        }
    }
    // Times are all written alike, so their text sorts as they do.
    rows.sort_by(|a, b| a.time.cmp(&b.time));
    rows
}

/// The moments of the incident: phase, words, time, proof where another part of the report has it.
fn moments(report: &Report) -> [(&'static str, &'static str, &Option<String>, Vec<Ref>); 5] {
    let i = &report.incident;
    let trigger = report.verdict.trigger.as_ref().filter(|t| Some(&t.time) == i.cause_start.as_ref());
    let alert = report.alerts.iter().find(|a| Some(&a.time) == i.detected.as_ref());
    let proof = |evidence: Option<&Vec<Ref>>| evidence.cloned().unwrap_or_default();
    [
        ("cause_start", "The cause begins", &i.cause_start, proof(trigger.map(|t| &t.evidence))),
        ("onset", "Users begin to see it", &i.onset, Vec::new()),
        ("detected", "The first alert", &i.detected, proof(alert.map(|a| &a.evidence))),
        ("mitigated", "It gets better for the first time", &i.mitigated, Vec::new()),
        ("recovered", "It is over", &i.recovered, Vec::new()),
    ]
}

/// Phases that people gave to what they marked.
const NOTED: [&str; 5] = ["note", "detection", "diagnosis", "repair", "key moment"];

fn kind(report: &Report, moment: &super::Moment) -> &'static str {
    if moment.phase.as_deref().is_some_and(|phase| NOTED.contains(&phase)) {
        return "note";
    }
    let shared = |evidence: &[Ref]| !evidence.is_empty() && evidence.iter().any(|at| moment.evidence.contains(at));
    if report.deploys.iter().any(|d| shared(&d.evidence)) {
        "deploy"
    } else if report.alerts.iter().any(|a| shared(&a.evidence)) {
        "alert"
    } else if report.leaks.iter().any(|l| l.first == moment.time && shared(&l.evidence)) {
        "leak"
    } else if moves(report, &moment.time) {
        "incident"
    } else {
        "event"
    }
}

/// True for a time at which the incident enters another phase or climbs a step.
fn moves(report: &Report, time: &str) -> bool {
    let i = &report.incident;
    let moments = [&i.cause_start, &i.onset, &i.detected, &i.mitigated, &i.recovered];
    moments.iter().any(|m| m.as_deref() == Some(time)) || i.ladder.iter().any(|rung| rung.time == time)
}

/// What proves a moment of the incident: the evidence of the rows that tell of it.
pub fn proof(report: &Report, time: &str) -> Vec<Ref> {
    let told = report.timeline.iter().filter(|m| m.time == time);
    told.flat_map(|m| m.evidence.iter().copied()).collect()
}

/// The rows that tell the story where there is room for `most` only: phases, deploys, leaks and alerts first, then what is
/// nearest to a phase. The order of time is kept.
pub fn chosen(rows: &[Row], most: usize) -> Vec<&Row> {
    let phases: Vec<i64> = rows.iter().filter(|r| r.kind == "incident").filter_map(|r| millis(&r.time)).collect();
    let far = |row: &Row| millis(&row.time).and_then(|t| phases.iter().map(|p| (p - t).abs()).min()).unwrap_or(0);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_cached_key(|index| (rows.get(*index).map(|r| (rank(r), far(r))), *index));
    order.truncate(most);
    order.sort_unstable();
    order.into_iter().filter_map(|index| rows.get(index)).collect()
}

fn rank(row: &Row) -> u8 {
    match row.kind {
        "incident" | "note" => 0,
        "deploy" | "leak" => 1,
        "alert" => 2,
        _ => 3,
    }
}

/// Proof as `file:line`, comma-separated.
pub fn seen(report: &Report, evidence: &[Ref], most: usize) -> String {
    let places: Vec<String> = evidence.iter().take(most).map(|at| super::text::place(report, at)).collect();
    places.join(", ")
}

/// A phase as people say it.
pub fn phase(name: &str) -> String {
    name.replace('_', " ")
}
