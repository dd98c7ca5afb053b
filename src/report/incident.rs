//! The moments of the incident, its ladder and its impact, as the report shows them.

use super::build::{reference, rfc3339};
use super::diagnosed::three;
use super::{Band, ErrorPeak, Impact, Incident, Moment, Ref, Rung, Slo, Spell};
use crate::diagnose::moments::Moments;
use crate::diagnose::onset::{self, Step};
use crate::diagnose::slo::Basis;
use crate::diagnose::{Diagnosis, budget};
use crate::table::{RowId, Rows};

fn seconds(nanos: i64) -> f64 {
    (nanos / 1_000_000) as f64 / 1000.0
}

/// A clock's bound in milliseconds; unknown where nothing is known of it.
pub(super) fn bound_ms(nanos: i64) -> Option<f64> {
    (nanos > 0).then(|| nanos as f64 / 1e6)
}

/// The moments, the spells and the ladder.
pub(super) fn incident(rows: &Rows<'_>, diagnosis: &Diagnosis) -> Incident {
    let found = &diagnosis.moments;
    let zero = found.spells.first().map(|s| s.from);
    let spell = |s: &crate::diagnose::moments::Spell| Spell {
        from: rfc3339(s.from),
        to: rfc3339(s.to),
        bad: s.bad,
        failed: s.failed,
        slow_inside: s.slow_inside,
        evidence: refs(rows, &[s.first, s.last]),
    };
    let rung = |r: &onset::Rung| Rung {
        kind: r.step.name(),
        time: rfc3339(r.at),
        offset_s: zero.map(|zero| seconds(r.at - zero)),
        earliest: rfc3339(r.earliest),
        latest: rfc3339(r.latest),
        bound_ms: bound_ms(r.bound),
        ordered: r.ordered,
        text: r.text.clone(),
        evidence: refs(rows, &r.evidence),
    };
    Incident {
        cause_start: found.cause_start.map(rfc3339),
        onset: found.onset.map(rfc3339),
        detected: found.detected.map(rfc3339),
        mitigated: found.mitigated.map(rfc3339),
        recovered: found.recovered.map(rfc3339),
        degraded_seconds: found.degraded_ns.map(seconds),
        basis: zero.map(|_| match found.basis {
            Basis::Requests => "requests",
            Basis::Events => "events",
        }),
        spells: found.spells.iter().map(spell).collect(),
        ladder: diagnosis.ladder.iter().map(rung).collect(),
    }
}

fn refs(rows: &Rows<'_>, evidence: &[RowId]) -> Vec<Ref> {
    evidence.iter().map(|row| reference(rows, *row)).collect()
}

/// Puts the ladder and the moments of the incident onto the timeline, and says of everything on it in which phase it fell.
pub(super) fn onto_timeline(rows: &Rows<'_>, diagnosis: &Diagnosis, timeline: &mut Vec<(i64, Moment)>) {
    let moments = &diagnosis.moments;
    let mut add = |time: i64, row: RowId, tier: &'static str, title: String| {
        let bound_ms = bound_ms(diagnosis.bounds.of(rows, row));
        let moment = Moment { time: rfc3339(time), bound_ms, phase: None, tier, title, evidence: refs(rows, &[row]) };
        timeline.push((time, moment));
    };
    for rung in &diagnosis.ladder {
        // Deploys and first leaks stand on the timeline already.
        if let (Some(row), false) = (rung.evidence.first(), matches!(rung.step, Step::Trigger | Step::Leak)) {
            add(rung.at, *row, tier(rung.step), rung.text.clone());
        }
    }
    if let (Some(first), Some(at)) = (moments.spells.first().filter(|_| moments.spells.len() > 1), moments.mitigated) {
        add(at, first.last, "lb", format!("it gets better for the first time; {} spells follow", moments.spells.len() - 1));
    }
    if let (Some(last), Some(at)) = (moments.spells.last(), moments.recovered) {
        add(at, last.last, "lb", "it is over: the last bad request ends".to_owned());
    }
    if !moments.spells.is_empty() {
        for (time, moment) in timeline {
            moment.phase = Some(phase(moments, *time).to_owned());
        }
    }
}

/// `before`, `cause` (it has begun, users do not see it), `outage`, `lull` (between two spells) or `after`.
fn phase(moments: &Moments, time: i64) -> &'static str {
    let first = moments.spells.first().map_or(i64::MAX, |s| s.from);
    let last = moments.spells.last().map_or(i64::MIN, |s| s.to);
    if moments.spells.iter().any(|s| (s.from..=s.to).contains(&time)) {
        "outage"
    } else if time > last {
        "after"
    } else if time > first {
        "lull"
    } else if moments.cause_start.is_some_and(|c| time >= c) {
        "cause"
    } else {
        "before"
    }
}

fn tier(step: Step) -> &'static str {
    match step {
        Step::Trigger => "ops",
        Step::Traffic | Step::BackEndConnect | Step::ServersDown | Step::Latency | Step::Seen => "lb",
        Step::DatabaseDown | Step::Locks | Step::Queries | Step::Refused => "db",
        _ => "app",
    }
}

/// The impact: over the whole log, and what was degraded in the incident.
pub(super) fn impact(rows: &Rows<'_>, diagnosis: &Diagnosis) -> Impact {
    let found = &diagnosis.impact;
    let whole = found.whole;
    // Clients are unknown, not none, where the log names none.
    let clients = whole.filter(|_| found.client_key.is_some());
    Impact {
        requests: whole.map(|w| w.requests),
        failed: whole.map(|w| w.failed),
        failed_share: whole.and_then(|w| w.failed_share()).map(three),
        clients: clients.map(|w| w.clients),
        clients_affected: clients.map(|w| w.clients_affected),
        clients_affected_share: clients.and_then(|w| w.affected_share()).map(|s| three(s.0)),
        clients_affected_interval: clients.and_then(|w| w.affected_share()).map(|s| [three(s.1), three(s.2)]),
        client_key: found.client_key.map(str::to_owned),
        error_peak: found.peak.map(|p| ErrorPeak {
            share: three(p.share()),
            at: rfc3339(p.at),
            failed: p.failed,
            requests: p.requests,
            evidence: refs(rows, p.first.as_slice()),
        }),
        degraded_share: found.degraded_share().map(three),
        degraded: found.degraded.map(|(all, bad)| [all, bad]),
        degraded_minutes: diagnosis.moments.degraded_ns.map(|ns| three(seconds(ns) / 60.0)),
        clients_severe: clients.and(found.incident).map(|_| found.clients_severe),
        slo: diagnosis.budget.as_ref().map(slo),
    }
}

fn slo(budget: &budget::Budget) -> Slo {
    let band = |b: &budget::Band| Band {
        burn_rate: b.rate,
        long_s: seconds(b.long),
        short_s: seconds(b.short),
        peak: three(b.peak),
        fired: b.fired.map(rfc3339),
    };
    Slo {
        target: budget.target,
        valid: budget.valid,
        bad: budget.bad,
        budget_used: three(budget.used),
        bands: budget.bands.iter().map(band).collect(),
    }
}
