//! What a pipeline fails on: leaking sites and causes that were named, less those that an earlier report knew.

use super::{Report, site};
use serde_json::Value;
use std::collections::BTreeSet;

/// Why a run fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `leak`, or a cause's name.
    pub kind: String,
    /// What it is about: a leak's identity, or the cause.
    pub subject: String,
    /// Words.
    pub text: String,
}

/// What a gate says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Why the run fails; empty where it does not.
    pub failures: Vec<Failure>,
    /// Leaking sites that the baseline knew.
    pub known: Vec<String>,
    /// Why the logs do not allow an answer; only asked where nothing failed.
    pub insufficient: Option<String>,
}

/// Judges a report. `fail_on` holds `leak`, `any`, or names of causes.
pub fn judge(report: &Report, fail_on: &[String], baseline: Option<&Value>) -> Outcome {
    let wants = |word: &str| fail_on.iter().any(|w| w == word || w == "any");
    let before: BTreeSet<String> =
        baseline.and_then(|b| b["leaks"].as_array()).into_iter().flatten().map(site::of_json).collect();
    let mut outcome = Outcome::default();
    let mut new_leaks = 0u32;
    for leak in &report.leaks {
        let identity = site::of(leak);
        if before.contains(&identity) {
            outcome.known.push(identity);
            continue;
        }
        new_leaks += 1;
        if wants("leak") || wants("connection_leak") {
            let text = format!("{} connections were never given back, opened at {}", leak.sessions, site::place(leak));
            outcome.failures.push(Failure { kind: "leak".into(), subject: identity, text });
        }
    }
    let same = baseline.and_then(|b| b["verdict"]["cause"].as_str());
    for h in report.hypotheses.iter().filter(|h| matches!(h.status, "confirmed" | "likely") && h.cause != "none") {
        // A leak whose sites are all known is known; another cause is where the earlier report named it.
        let known = match h.cause {
            "connection_leak" => baseline.is_some() && new_leaks == 0 && !before.is_empty(),
            cause => same == Some(cause),
        };
        if wants(h.cause) && !known {
            let first = h.speaks_for.first().map(|f| f.text.clone()).unwrap_or_default();
            let text = format!("{} is {}: {first}", h.cause.replace('_', " "), h.status);
            outcome.failures.push(Failure { kind: h.cause.into(), subject: h.cause.into(), text });
        }
    }
    if outcome.failures.is_empty() {
        outcome.insufficient = insufficient(report);
    }
    outcome
}

fn insufficient(report: &Report) -> Option<String> {
    let followed = ["pool", "proxy", "db"].iter().any(|layer| {
        report.ledger.get(layer).is_some_and(|l| l.opens + l.closes + l.inferred_opens > 0 || !l.refused.is_empty())
    });
    if report.verdict.status == "insufficient_evidence" {
        Some(report.verdict.summary.clone())
    } else if !followed {
        Some("no line tells of a connection being opened or closed".into())
    } else {
        None
    }
}
