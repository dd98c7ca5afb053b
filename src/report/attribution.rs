//! What statistics say: of sessions whose fate no rule decides, and of the place that leaks.

use super::{Judged, Rate, Report};
use crate::correlate::survival::Decision;
use crate::correlate::survival::decide::Finding;
use crate::correlate::survival::places::PlaceRate;
use crate::correlate::{Case, Leak};

/// A number with three digits behind the point: more would be noise.
fn three(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

pub(super) fn rate(place: &PlaceRate) -> Rate {
    let (per_1000, low, high) = place.rate.per_1000();
    Rate { per_1000: three(per_1000), low: three(low), high: three(high), of: place.rate.of, unit: place.unit.name() }
}

pub(super) fn judged(case: &Case) -> Vec<Judged> {
    case.judged.findings.iter().map(|finding| one(finding, finding.sessions.len())).collect()
}

fn one(finding: &Finding, sessions: usize) -> Judged {
    let opinion = &finding.youngest;
    Judged {
        layer: finding.layer.name(),
        class: match finding.decision {
            Decision::Leaked => "leaked",
            Decision::StillInUse => "still_in_use",
            Decision::Undecided(_) => "undecided",
        },
        why: finding.why,
        sessions: sessions as u64,
        compared_with: finding.population.clone(),
        closed: opinion.closed as u64,
        expected: opinion.p.map(|_| three(opinion.expected)),
        observed: opinion.observed,
        ended_by_restart: finding.ended,
        text: finding.sentence(),
    }
}

/// The finding that most sessions of a leak rest on.
pub(super) fn by_age(case: &Case, leak: &Leak) -> Option<Judged> {
    let shared = |f: &&Finding| f.sessions.iter().filter(|s| leak.sessions.contains(s)).count();
    let found = case.judged.findings.iter().filter(|f| f.decision == Decision::Leaked && !f.ended);
    let (count, finding) = found.map(|f| (shared(&f), f)).filter(|(n, _)| *n > 0).max_by_key(|(n, _)| *n)?;
    Some(one(finding, count))
}

/// Sessions that came back far too late: a note, for they leak no more.
pub(super) fn late(case: &Case) -> Option<String> {
    let late = &case.judged.late;
    let length = |index: &u32| case.sessions.get(*index as usize).map(|s| s.age(s.open) / 1_000_000_000);
    let longest = late.iter().filter_map(length).max()?;
    let many = late.len();
    Some(format!(
        "{many} sessions came back far later than any other, up to {longest} s: something may have cleaned up after a leak."
    ))
}

/// The lines under the ledger: what became of sessions that were open, in the text report and in Markdown.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let mut out = Vec::new();
    for (why, count) in &report.undecided {
        if !report.judged.iter().any(|j| j.why == why) {
            out.push(format!("{count} undecided: {why}"));
        }
    }
    for judged in &report.judged {
        let (layer, sessions, why) = (judged.layer, judged.sessions, judged.why);
        let class = if judged.ended_by_restart { "ended by restart".into() } else { judged.class.replace('_', " ") };
        let text = judged.text.strip_prefix(why).map_or_else(|| format!("; {}", judged.text), str::to_owned);
        out.push(format!("{layer}: {sessions} {class}: {why}{text}"));
    }
    out
}
