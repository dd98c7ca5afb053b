//! Sentences about what was found, each with its proof.

use super::draft::{Sentence, Site, Weighed, Writer, counted_in, words};
use crate::report::local::{millis, span};
use crate::report::timeline;
use crate::report::{Finding, Hypothesis, Ref, Report};

/// Findings told per cause.
const FINDINGS: usize = 4;
/// Sites told.
const SITES: usize = 10;

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// The hypothesis that won.
fn winner(report: &Report) -> Option<&Hypothesis> {
    report.verdict.cause.and_then(|cause| report.hypotheses.iter().find(|h| h.cause == cause))
}

/// What proves the verdict: the first line of each sign that speaks for it.
pub(super) fn proof(report: &Report) -> Vec<Ref> {
    let first = |f: &Finding| f.evidence.first().copied();
    winner(report).map(|h| h.speaks_for.iter().filter_map(first).collect()).unwrap_or_default()
}

/// The tier at which requests were counted: the balancer's where there is one.
pub(super) fn edge(report: &Report) -> &'static str {
    let seen = |layer: &str| report.ledger.get(layer).is_some_and(|l| l.opens + l.closes + l.inferred_opens > 0);
    if seen("lb") { "lb" } else { "app" }
}

/// From when to when, and how long.
pub(super) fn duration(w: &Writer<'_>) -> Vec<Sentence> {
    let i = &w.report.incident;
    let mut out = Vec::new();
    let edge = edge(w.report);
    match (&i.onset, &i.recovered) {
        (Some(from), Some(to)) => {
            let long = millis(from).zip(millis(to)).map(|(a, b)| span((b - a) as f64 / 1000.0)).unwrap_or_default();
            let proof: Vec<Ref> =
                [from, to].into_iter().flat_map(|t| timeline::proof(w.report, t).into_iter().take(2)).collect();
            out.push(w.proved(format!("{} to {} ({long})", w.zone.words(from), w.zone.words(to)), &proof, edge));
        }
        (Some(from), None) => {
            out.push(w.counted(format!("from {}; not over when the logs end", w.zone.words(from)), edge));
        }
        _ => {}
    }
    if let Some(seconds) = i.degraded_seconds.filter(|s| *s > 0.0) {
        let proof: Vec<Ref> = i.spells.iter().filter_map(|s| s.evidence.first().copied()).collect();
        let spells = if i.spells.len() > 1 { format!(", in {} spells", i.spells.len()) } else { String::new() };
        out.push(w.proved(format!("service was degraded for {} of it{spells}", span(seconds)), &proof, edge));
    }
    if let (Some(cause), Some(onset)) = (&i.cause_start, &i.onset)
        && let Some((a, b)) = millis(cause).zip(millis(onset)).filter(|(a, b)| b - a >= 60_000)
    {
        let proof: Vec<Ref> = w.report.verdict.trigger.iter().flat_map(|t| t.evidence.clone()).collect();
        let proof = if proof.is_empty() { self::proof(w.report) } else { proof };
        let early = span((b - a) as f64 / 1000.0);
        out.push(w.says(format!("the cause was at work since {}, {early} before users saw it", w.zone.words(cause)), &proof));
    }
    out
}

/// Who was hurt. Shares of requests, of clients and of the worst minute are different figures and are named so.
pub(super) fn impact(w: &Writer<'_>) -> Vec<Sentence> {
    let i = &w.report.impact;
    let mut out = Vec::new();
    let edge = edge(w.report);
    if let (Some(requests), Some(failed)) = (i.requests, i.failed) {
        let share = i.failed_share.map(|s| format!(" ({})", percent(s))).unwrap_or_default();
        out.push(w.counted(format!("{failed} of {requests} requests failed{share}"), edge));
    }
    if let (Some(clients), Some(affected)) = (i.clients, i.clients_affected) {
        let share = i.clients_affected_share.map(|s| {
            let interval =
                i.clients_affected_interval.map(|[a, b]| format!(", 95 % interval {} to {}", percent(a), percent(b)));
            format!(" ({}{})", percent(s), interval.unwrap_or_default())
        });
        let key = i.client_key.as_deref().unwrap_or("client");
        out.push(w.counted(
            format!(
                "{affected} of {clients} clients had at least one failed request{}, counted by {key}",
                share.unwrap_or_default()
            ),
            edge,
        ));
    }
    if let (Some(share), Some([all, bad])) = (i.degraded_share, i.degraded) {
        let during = "between the first bad request and the last one";
        out.push(
            w.counted(format!("{during} {bad} of {all} requests of users failed or were too slow ({})", percent(share)), edge),
        );
    }
    if let Some(peak) = &i.error_peak {
        let at = w.zone.words(&peak.at);
        out.push(w.proved(
            format!(
                "the worst minute was {at}: {} of {} requests failed ({})",
                peak.failed,
                peak.requests,
                percent(peak.share)
            ),
            &peak.evidence,
            edge,
        ));
    }
    out
}

fn finding(w: &Writer<'_>, f: &Finding) -> Sentence {
    w.says(&f.text, &f.evidence)
}

/// What speaks for the cause.
pub(super) fn because(w: &Writer<'_>) -> Vec<Sentence> {
    let signs = winner(w.report).map(|h| h.speaks_for.iter().take(FINDINGS).map(|f| finding(w, f)).collect());
    signs.unwrap_or_default()
}

/// What set it off.
pub(super) fn trigger(w: &Writer<'_>) -> Option<Sentence> {
    let trigger = w.report.verdict.trigger.as_ref()?;
    let text = format!("{} at {}", format!("{} {}", words(trigger.kind), trigger.title).trim(), w.zone.words(&trigger.time));
    Some(w.says(text, &trigger.evidence))
}

/// How it was noticed, where the logs say so.
pub(super) fn detection(w: &Writer<'_>) -> Vec<Sentence> {
    let i = &w.report.incident;
    let Some(time) = &i.detected else { return Vec::new() };
    let alert = w.report.alerts.iter().find(|a| a.time == *time);
    let name = alert.and_then(|a| a.name.clone()).map(|n| format!(" ({n})")).unwrap_or_default();
    let late = i.onset.as_deref().and_then(millis).zip(millis(time)).map(|(a, b)| (b - a) as f64 / 1000.0);
    let late = late.map(|s| match s {
        s if s >= 0.0 => format!(", {} after users began to see it", span(s)),
        s => format!(", {} before users saw it", span(-s)),
    });
    let evidence = alert.map(|a| a.evidence.clone()).unwrap_or_default();
    vec![w.says(format!("the first alert{name} was at {}{}", w.zone.words(time), late.unwrap_or_default()), &evidence)]
}

/// Leaking sites.
pub(super) fn sites(w: &Writer<'_>) -> Vec<Site> {
    let leaks = w.report.leaks.iter().take(SITES);
    leaks
        .map(|leak| {
            let site = leak.call_site.as_ref();
            let file =
                site.and_then(|s| s.file.as_ref().map(|f| s.line.map_or_else(|| f.clone(), |line| format!("{f}:{line}"))));
            let function = site.and_then(|s| s.function.clone());
            let place = file.or_else(|| function.clone()).or_else(|| leak.endpoint.clone());
            Site {
                place: crate::report::text::clean(&place.unwrap_or_else(|| "not attributed".into())),
                function: function.map(|f| crate::report::text::clean(&f)),
                endpoint: leak.endpoint.as_deref().map(crate::report::text::clean),
                sessions: leak.sessions,
                first: w.zone.seconds(&leak.first),
                last: w.zone.seconds(&leak.last),
                confidence: leak.confidence.to_owned(),
                cites: w.cites(&leak.evidence),
            }
        })
        .collect()
}

/// Causes of these statuses. A ruled-out one is told by what speaks against it.
pub(super) fn weighed(w: &Writer<'_>, statuses: &[&str]) -> Vec<Weighed> {
    let of = w.report.hypotheses.iter().filter(|h| statuses.contains(&h.status) && h.cause != "none");
    of.map(|h| {
        let against = h.against.iter();
        let says: Vec<&Finding> = match h.status {
            "ruled_out" => against.take(2).collect(),
            _ => h.speaks_for.iter().chain(against).take(FINDINGS).collect(),
        };
        Weighed {
            cause: words(h.cause),
            status: words(h.status),
            says: says.into_iter().map(|f| finding(w, f)).collect(),
            missing: h.missing.clone(),
        }
    })
    .collect()
}

/// What to log the next time. That something is missing is seen in the whole of a source.
pub(super) fn logging(w: &Writer<'_>) -> Vec<Sentence> {
    let one = |g: &crate::report::LoggingGap| {
        let text = format!("{}: {}. Setting: {}", g.missing, g.consequence, g.setting);
        let of = |s: &&crate::report::Source| g.source.is_none_or(|id| s.id == id);
        counted_in(text, w.report.sources.iter().filter(of))
    };
    w.report.logging_gaps.iter().map(one).collect()
}
