//! What statistics say: of sessions whose fate no rule decides, and of the place that leaks.

use super::build::{reference, show_site};
use super::text::place;
use super::{Discriminator, Feature, Judged, Rate, Report, Share};
use crate::correlate::distributions::Ratio;
use crate::correlate::spectrum::{self, FeatureKind};
use crate::correlate::survival::Decision;
use crate::correlate::survival::decide::Finding;
use crate::correlate::survival::places::PlaceRate;
use crate::correlate::{Case, Leak};
use crate::table::Rows;

/// Findings shown of one leak.
const SURE: usize = 2;
/// Leads shown of one leak where nothing is sure.
const LEADS: usize = 3;

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

/// What a leak's requests have and others lack; each sentence begins with the place, where one is known.
pub(super) fn discriminators(rows: &Rows<'_>, leak: &Leak) -> Vec<Discriminator> {
    let feature = |(kind, text): &(FeatureKind, String)| Feature { kind: kind.name(), text: text.clone() };
    let share = |s: &spectrum::Share| Share { hits: s.hits, of: s.of, low: three(s.low), high: three(s.high) };
    let place = leak.site.as_ref().map(|site| format!("opened at {}; ", show_site(site))).unwrap_or_default();
    let one = |found: &spectrum::attribute::Discriminator| {
        let lead = &found.lead;
        let ratio = |of: fn(&Ratio) -> f64| lead.ratio.as_ref().map(of).filter(|r| r.is_finite()).map(three);
        Discriminator {
            features: found.features.iter().map(feature).collect(),
            same: found.same.iter().map(feature).collect(),
            confidence: lead.tier.name(),
            purity: share(&lead.purity),
            others: share(&lead.others),
            coverage: share(&lead.coverage),
            ratio: ratio(|r| r.value),
            ratio_low: ratio(|r| r.low),
            ratio_high: ratio(|r| r.high),
            ochiai: three(lead.ochiai),
            q: lead.q,
            text: format!("{place}{}", found.sentence),
            evidence: found.evidence.iter().map(|row| reference(rows, *row)).collect(),
        }
    };
    leak.discriminators.iter().map(one).collect()
}

/// The lines about what a leak's requests have in common: the sentence, what cannot be told from it, and how sure it is.
/// Leads that claim nothing are left out where there are better ones.
pub(super) fn common(report: &Report, leak: &super::Leak) -> Vec<String> {
    let sure = leak.discriminators.iter().filter(|d| d.confidence != "unattributed").count();
    let shown = if sure > 0 { sure.min(SURE) } else { LEADS };
    let line = |d: &Discriminator| {
        let same: Vec<&str> = d.same.iter().take(2).map(|f| f.text.as_str()).collect();
        let more = if d.same.len() > same.len() { format!(" and {} more", d.same.len() - same.len()) } else { String::new() };
        let same = if same.is_empty() { String::new() } else { format!("; the same requests: {}{more}", same.join(", ")) };
        let sure = if d.confidence == "unattributed" { "a lead only" } else { d.confidence };
        let low = d.ratio_low.map(|r| format!(", leak rate at least {} times that of others", figure(r))).unwrap_or_default();
        let covers = format!("covers {:.0} %", d.coverage.hits as f64 * 100.0 / d.coverage.of.max(1) as f64);
        let seen: Vec<String> = d.evidence.iter().take(1).map(|at| place(report, at)).collect();
        format!("{} ({sure}{low}, {covers}, Ochiai {:.2}){same} · {}", d.text, d.ochiai, seen.join(""))
    };
    leak.discriminators.iter().take(shown).map(line).collect()
}

fn figure(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
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
