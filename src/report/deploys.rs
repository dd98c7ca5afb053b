//! Deploys and other changes, tried as triggers: the numbers and a sentence each.

use super::build::{reference, rfc3339};
use super::diagnosed::three;
use super::markdown::escape;
use super::text::{line, place, wrapped};
use super::{Ref, Report};
use crate::diagnose::Diagnosis;
use crate::diagnose::deploys::{Role, Share, Trial, Unit, What};
use crate::table::Rows;
use backtrail_parsers::Kind;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// Lines cited of a change that was rolled out step by step.
const CITED: usize = 3;

/// A change, tried.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// When it was made.
    pub time: String,
    /// `deploy`, `rollback` or `config_change`.
    pub kind: &'static str,
    /// What was changed.
    pub title: String,
    /// `trigger`: it set it off; `acquitted`: it did not; `ends_it`: it ended it; `open`: the logs do not tell.
    pub role: &'static str,
    /// What is counted: `leaks` or `failures`.
    pub counted: &'static str,
    /// Of what: `opens` or `requests`.
    pub unit: &'static str,
    /// Before it.
    pub before: Frequency,
    /// From it to the next change.
    pub after: Frequency,
    /// The rate after over the rate before, and its exact 95 % interval; `null` where it cannot be told or has no end.
    pub ratio: Option<f64>,
    /// See `ratio`.
    pub low: Option<f64>,
    /// See `ratio`.
    pub high: Option<f64>,
    /// The version that it brought, where several ran at the same time.
    pub version: Option<Frequency>,
    /// The other versions then.
    pub other_versions: Option<Frequency>,
    /// All this in a sentence.
    pub text: String,
    /// Proof.
    pub evidence: Vec<Ref>,
}

/// How often, of how many.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Frequency {
    /// How often.
    pub hits: u64,
    /// Of how many.
    pub of: u64,
    /// Of a thousand.
    pub per_1000: f64,
}

fn rate(share: Share) -> Frequency {
    Frequency { hits: share.hits, of: share.of, per_1000: three(share.per_1000()) }
}

fn unit(trial: &Trial) -> &'static str {
    if trial.unit == Unit::Opens { "opens" } else { "requests" }
}

/// The changes of a diagnosis.
pub(super) fn changes(rows: &Rows<'_>, diagnosis: &Diagnosis) -> Vec<Change> {
    let one = |trial: &Trial| {
        let ratio = trial.ratio.filter(|_| trial.before.hits + trial.after.hits > 0);
        let finite = |value: f64| Some(three(value)).filter(|v| v.is_finite());
        Change {
            time: rfc3339(trial.time),
            kind: trial.kind.name(),
            title: trial.title.clone(),
            role: trial.role.name(),
            counted: if trial.what == What::Leaks { "leaks" } else { "failures" },
            unit: unit(trial),
            before: rate(trial.before),
            after: rate(trial.after),
            ratio: ratio.and_then(|r| finite(r.value)),
            low: ratio.and_then(|r| finite(r.low)),
            high: ratio.and_then(|r| finite(r.high)),
            version: trial.versions.map(|(own, _)| rate(own)),
            other_versions: trial.versions.map(|(_, others)| rate(others)),
            text: sentence(trial),
            evidence: trial.rows.iter().take(CITED).map(|row| reference(rows, *row)).collect(),
        }
    };
    diagnosis.changes.iter().map(one).collect()
}

/// "deploy of shop 2.4.1 at 14:05: leaks per 1,000 opens 3.1 before, 2.9 after, ratio 0.94 (0.60 to 1.40): not it".
fn sentence(trial: &Trial) -> String {
    let kind = match trial.kind {
        Kind::Rollback => "rollback of",
        Kind::ConfigChange => "change of configuration",
        _ => "deploy of",
    };
    let at = rfc3339(trial.time).get(..19).map(|t| format!("{t}Z")).unwrap_or_default();
    let what = if trial.what == What::Leaks { "leaks" } else { "failed requests" };
    let side = |share: Share| format!("{:.1} ({} of {})", share.per_1000(), share.hits, share.of);
    let mut out = format!(
        "{kind} {} at {at}: {what} per 1,000 {} {} before, {} from then to the next change",
        trial.title,
        unit(trial),
        side(trial.before),
        side(trial.after)
    );
    if let Some(ratio) = trial.ratio.filter(|_| trial.before.hits + trial.after.hits > 0) {
        let _ = if ratio.value.is_finite() && ratio.high.is_finite() {
            write!(out, ", ratio {:.2} ({:.2} to {:.2})", ratio.value, ratio.low, ratio.high)
        } else {
            write!(out, ", ratio at least {:.2}", ratio.low)
        };
    }
    if let Some((own, others)) = trial.versions {
        let _ = write!(out, "; in this version {}, in others at the same time {}", side(own), side(others));
    }
    let word = match trial.role {
        Role::Trigger => "it set it off".to_owned(),
        Role::Later(seconds) => format!("not it, {what} had begun {} earlier", long(seconds)),
        Role::Nothing(expected) => format!("not it, at the later rate {expected:.1} would have followed it"),
        Role::Same => "not it, nothing changed".to_owned(),
        Role::Others => "not it, the other versions do it".to_owned(),
        Role::Ends => "it ended it".to_owned(),
        Role::Open => "the logs do not tell whether it mattered".to_owned(),
    };
    let _ = write!(out, ": {word}");
    out
}

fn long(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Writes the section of the text report.
pub(super) fn text(report: &Report, out: &mut String, bold: &dyn Fn(&str) -> String) {
    if report.changes.is_empty() {
        return;
    }
    out.push('\n');
    line(out, &bold("CHANGES"));
    for change in &report.changes {
        let seen: Vec<String> = change.evidence.iter().take(2).map(|at| place(report, at)).collect();
        wrapped(out, "  ", "    ", &format!("{} · {}", change.text, seen.join(", ")));
    }
}

/// Writes the section of the Markdown report.
pub(super) fn markdown(report: &Report, out: &mut String) {
    if report.changes.is_empty() {
        return;
    }
    let _ = writeln!(out, "## Changes\n");
    for change in &report.changes {
        let seen: Vec<String> = change.evidence.iter().map(|at| escape(&place(report, at))).collect();
        let _ = writeln!(out, "- {} ({})", escape(&change.text), seen.join(", "));
    }
    out.push('\n');
}
