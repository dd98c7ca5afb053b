//! The diagnosis in the report's words.

use super::build::{reference, rfc3339};
use super::{Finding, Hypothesis, LoggingGap, Ref, Suggestion, Symptom, Trigger, Verdict};
use crate::diagnose::Diagnosis;
use crate::diagnose::hypothesis::Sign;
use crate::table::{RowId, Rows};

fn refs(rows: &Rows<'_>, evidence: &[RowId]) -> Vec<Ref> {
    evidence.iter().map(|row| reference(rows, *row)).collect()
}

pub(super) fn verdict(rows: &Rows<'_>, diagnosis: &Diagnosis) -> Verdict {
    let verdict = &diagnosis.verdict;
    let trigger = verdict.trigger.as_ref().map(|t| Trigger {
        kind: t.kind,
        title: t.title.clone(),
        time: rfc3339(t.time),
        evidence: refs(rows, &[t.row]),
    });
    let symptoms = verdict.symptoms.iter().map(|s| Symptom {
        kind: s.kind,
        time: s.time.map(rfc3339),
        text: s.text.clone(),
        evidence: refs(rows, &s.evidence),
    });
    Verdict {
        status: verdict.sureness.name(),
        cause: verdict.cause.map(super::super::diagnose::hypothesis::Cause::name),
        summary: verdict.summary.clone(),
        trigger,
        symptoms: symptoms.collect(),
    }
}

/// Every cause of the vocabulary, `none` included, in the diagnosis's order.
pub(super) fn hypotheses(rows: &Rows<'_>, diagnosis: &Diagnosis) -> Vec<Hypothesis> {
    let finding =
        |sign: &Sign| Finding { text: sign.text.clone(), value: sign.number.map(three), evidence: refs(rows, &sign.evidence) };
    let all = diagnosis.hypotheses.iter().map(|h| Hypothesis {
        cause: h.cause.name(),
        status: h.status.name(),
        score: h.score.map(three),
        speaks_for: h.signs.iter().filter(|s| s.value > 0.0).map(finding).collect(),
        against: h.signs.iter().filter(|s| s.value <= 0.0).map(finding).collect(),
        missing: h.missing.clone(),
    });
    all.collect()
}

/// Three decimals: more would be noise, and the same everywhere.
pub(super) fn three(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

pub(super) fn logging_gaps(diagnosis: &Diagnosis) -> Vec<LoggingGap> {
    let one = |gap: &crate::diagnose::logging::Gap| LoggingGap {
        source: gap.source,
        missing: gap.missing.to_owned(),
        consequence: gap.consequence.to_owned(),
        setting: gap.setting.to_owned(),
    };
    diagnosis.logging.iter().map(one).collect()
}

pub(super) fn suggestions(rows: &Rows<'_>, diagnosis: &Diagnosis) -> Vec<Suggestion> {
    diagnosis.suggestions.iter().map(|s| Suggestion { text: s.text.clone(), because: refs(rows, &s.because) }).collect()
}
