//! The diagnosis as lines, each with what proves it.

use super::super::model::Statement;
use super::super::theme::Role;
use crate::report::text::{clean, place};
use crate::report::{Finding, Hypothesis, Ref, Report};

/// Takes a line: how far it is set in, how it is shown, its words, its proof.
type Say<'s> = &'s mut dyn FnMut(u16, Role, String, &[Ref]);

/// Who was hurt, and how much.
fn impact(report: &Report, say: Say<'_>) {
    let impact = &report.impact;
    let mut lines = Vec::new();
    if let (Some(failed), Some(all)) = (impact.failed, impact.requests) {
        lines.push(format!("{failed} of {all} requests failed"));
    }
    if let Some([all, bad]) = impact.degraded {
        lines.push(format!("{bad} of {all} requests between onset and recovery failed or were too slow"));
    }
    if let (Some(hurt), Some(all)) = (impact.clients_affected, impact.clients) {
        lines.push(format!("{hurt} of {all} clients had a failed request"));
    }
    if let Some(minutes) = impact.degraded_minutes {
        lines.push(format!("service was degraded for {minutes:.1} minutes"));
    }
    if let Some(peak) = &impact.error_peak {
        lines.push(format!("worst at {}: {} of {} failed", peak.at, peak.failed, peak.requests));
    }
    if lines.is_empty() {
        return;
    }
    say(0, Role::Plain, String::new(), &[]);
    say(0, Role::Title, "Impact".into(), &[]);
    for line in lines {
        say(2, Role::Plain, line, &[]);
    }
}

/// The causes weighed, in groups, with what speaks for and against each.
fn causes(report: &Report, say: Say<'_>) {
    let groups: [(&str, &[&str]); 3] = [
        ("What caused it", &["confirmed", "likely", "possible"]),
        ("Ruled out", &["ruled_out"]),
        ("Cannot be told from these logs", &["cannot_tell"]),
    ];
    for (title, statuses) in groups {
        let of: Vec<&Hypothesis> = report.hypotheses.iter().filter(|h| statuses.contains(&h.status)).collect();
        if of.is_empty() {
            continue;
        }
        say(0, Role::Plain, String::new(), &[]);
        say(0, Role::Title, title.into(), &[]);
        for hypothesis in of {
            let role = match hypothesis.status {
                "confirmed" | "likely" => Role::Bad,
                "possible" => Role::Warn,
                _ => Role::Plain,
            };
            let score = hypothesis.score.map(|s| format!(", score {s:.2}")).unwrap_or_default();
            let name = hypothesis.cause.replace('_', " ");
            let status = hypothesis.status.replace('_', " ");
            say(2, role, format!("{name}: {status}{score}"), &[]);
            let mut findings = |list: &[Finding], sign: &str, role: Role| {
                for finding in list {
                    let at = finding.evidence.first().map(|r| format!("  ({})", place(report, r))).unwrap_or_default();
                    say(4, role, format!("{sign} {}{at}", clean(&finding.text)), &finding.evidence);
                }
            };
            findings(&hypothesis.speaks_for, "+", Role::Plain);
            findings(&hypothesis.against, "-", Role::Dim);
            for missing in &hypothesis.missing {
                say(4, Role::Dim, format!("? would need {}", clean(missing)), &[]);
            }
        }
    }
}

/// The lines of a report's diagnosis: verdict, symptoms, causes with what speaks for and against, logging gaps.
pub fn statements(report: &Report) -> Vec<Statement> {
    let mut out = Vec::new();
    let mut say = |indent: u16, role: Role, text: String, refs: &[Ref]| {
        out.push(Statement { text, role, indent, refs: refs.to_vec() });
    };
    say(0, Role::Title, "Verdict".into(), &[]);
    say(2, Role::Plain, clean(&report.verdict.summary), &[]);
    if let Some(trigger) = &report.verdict.trigger {
        say(2, Role::Warn, format!("set off by {}, {}", clean(&trigger.title), trigger.time), &trigger.evidence);
    }
    for symptom in &report.verdict.symptoms {
        let time = symptom.time.as_ref().map(|t| format!(", from {t}")).unwrap_or_default();
        say(2, Role::Plain, format!("{}{time}", clean(&symptom.text)), &symptom.evidence);
    }
    if !report.incident.ladder.is_empty() {
        say(0, Role::Plain, String::new(), &[]);
        say(0, Role::Title, "How it came about, step by step".into(), &[]);
        for rung in &report.incident.ladder {
            let order = if rung.ordered { "" } else { " (or before the step above)" };
            say(2, Role::Plain, format!("{}  {}{order}", rung.time, clean(&rung.text)), &rung.evidence);
        }
    }
    impact(report, &mut say);
    causes(report, &mut say);
    if !report.pools.is_empty() {
        say(0, Role::Plain, String::new(), &[]);
        say(0, Role::Title, "Pools, and what other sizes would have changed".into(), &[]);
        for pool in &report.pools {
            say(2, Role::Use, clean(&pool.name), &pool.evidence);
            for text in &pool.text {
                say(4, Role::Plain, clean(text), &pool.evidence);
            }
        }
    }
    if !report.logging_gaps.is_empty() {
        say(0, Role::Plain, String::new(), &[]);
        say(0, Role::Title, "What was not logged".into(), &[]);
        for gap in &report.logging_gaps {
            say(2, Role::Plain, format!("{}: {}", clean(&gap.missing), clean(&gap.consequence)), &[]);
            say(4, Role::Good, clean(&gap.setting), &[]);
        }
    }
    if !report.suggestions.is_empty() {
        say(0, Role::Plain, String::new(), &[]);
        say(0, Role::Title, "What to do".into(), &[]);
        for suggestion in &report.suggestions {
            say(2, Role::Plain, clean(&suggestion.text), &suggestion.because);
        }
    }
    out
}
