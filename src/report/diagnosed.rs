//! The diagnosis in the report's words.

use super::build::{reference, rfc3339};
use super::{ErrorPeak, Finding, Hypothesis, Impact, Incident, LoggingGap, Ref, Suggestion, Symptom, Trigger, Verdict};
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
        cause: verdict.cause.map(|c| c.name()),
        summary: verdict.summary.clone(),
        trigger,
        symptoms: symptoms.collect(),
    }
}

/// Every cause of the vocabulary, `none` included, in the diagnosis's order.
pub(super) fn hypotheses(rows: &Rows<'_>, diagnosis: &Diagnosis) -> Vec<Hypothesis> {
    let finding = |sign: &Sign| Finding { text: sign.text.clone(), value: sign.number.map(three), evidence: refs(rows, &sign.evidence) };
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
fn three(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

pub(super) fn incident(diagnosis: &Diagnosis) -> Incident {
    let moments = &diagnosis.moments;
    Incident {
        cause_start: moments.cause_start.map(rfc3339),
        onset: moments.onset.map(rfc3339),
        detected: moments.detected.map(rfc3339),
        mitigated: moments.mitigated.map(rfc3339),
        recovered: moments.recovered.map(rfc3339),
        degraded_seconds: moments.degraded_ns.map(|ns| (ns / 1_000_000) as f64 / 1000.0),
    }
}

pub(super) fn impact(diagnosis: &Diagnosis) -> Impact {
    let Some(found) = &diagnosis.impact else { return Impact::default() };
    let share = |part: u64, whole: u64| (whole > 0).then(|| three(part as f64 / whole as f64));
    Impact {
        requests: Some(found.requests),
        failed: Some(found.failed),
        failed_share: share(found.failed, found.requests),
        clients: found.key.map(|_| found.clients),
        clients_affected: found.key.map(|_| found.affected),
        clients_affected_share: share(found.affected, found.clients),
        clients_affected_interval: found.key.map(|_| [three(found.interval.0), three(found.interval.1)]),
        client_key: found.key.map(str::to_owned),
        error_peak: found.peak.map(|p| ErrorPeak {
            share: three(p.failed as f64 / p.requests as f64),
            at: rfc3339(p.at),
            failed: p.failed,
            requests: p.requests,
        }),
    }
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
