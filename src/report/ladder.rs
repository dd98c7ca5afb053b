//! The incident in text and Markdown: the onset ladder, numbered, with times from the onset; the moments; the spells.

use super::markdown::escape;
use super::text::{line, place, wrapped};
use super::{Incident, Report, Rung};
use std::fmt::Write as _;

/// Spells listed one by one.
const SPELLS: usize = 8;

/// `T+hh:mm:ss`, or `T-`.
fn from_onset(seconds: f64) -> String {
    let whole = format!("{:.0}", seconds.abs().round());
    let total: u64 = whole.parse().unwrap_or(0);
    let sign = if seconds <= -0.5 { '-' } else { '+' };
    format!("T{sign}{:02}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60)
}

/// Seconds for people.
fn length(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} d", s / 86_400.0),
    }
}

/// The stretch in which a step began, where it is longer than a second; and whether its order is known.
fn doubt(rung: &Rung) -> String {
    let clock = |time: &str| time.get(11..19).unwrap_or(time).to_owned();
    let (earliest, latest) = (clock(&rung.earliest), clock(&rung.latest));
    let stretch = if earliest == latest { String::new() } else { format!(", between {earliest} and {latest}") };
    let order = if rung.ordered { "" } else { "; before or after the step above: unknown" };
    format!("{stretch}{order}")
}

fn when(rung: &Rung) -> String {
    rung.offset_s.map_or_else(|| rung.time.clone(), from_onset)
}

/// The moments by name, with a remark each.
fn moments(report: &Report) -> Vec<(&'static str, Option<&str>, String)> {
    let i = &report.incident;
    let trigger = report.verdict.trigger.as_ref().map(|t| format!(" ({} {})", t.kind.replace('_', " "), t.title));
    let all = [
        ("cause began", &i.cause_start, trigger.unwrap_or_default()),
        ("users saw it", &i.onset, String::new()),
        ("first alert", &i.detected, String::new()),
        ("first better", &i.mitigated, String::new()),
        ("over", &i.recovered, String::new()),
    ];
    all.into_iter().map(|(name, time, note)| (name, time.as_deref(), note)).collect()
}

/// What was degraded, and what it cost of an error budget: the end of the section on the impact.
pub(super) fn degraded(report: &Report, out: &mut String) {
    let i = &report.impact;
    if let (Some([all, bad]), Some(share)) = (i.degraded, i.degraded_share) {
        let text = format!(
            "between onset and recovery {bad} of {all} requests of users failed or were too slow ({:.1} %)",
            share * 100.0
        );
        wrapped(out, "  ", "    ", &text);
    }
    let Some(slo) = &i.slo else { return };
    let text = format!(
        "objective {} %: {} of {} requests were bad, which is {:.0} % of the budget of thirty days",
        (slo.target * 1e5).round() / 1e3,
        slo.bad,
        slo.valid,
        slo.budget_used * 100.0
    );
    wrapped(out, "  ", "    ", &text);
    for band in &slo.bands {
        let fired =
            band.fired.as_ref().map_or_else(|| "would not have fired".to_owned(), |at| format!("would have fired at {at}"));
        let (rate, long, short) = (band.burn_rate, length(band.long_s), length(band.short_s));
        let text = format!("burn rate {rate} over {long} and {short}: {fired}, peak {:.1}", band.peak);
        wrapped(out, "    ", "      ", &text);
    }
}

/// How long, and in how many spells.
fn lasted(incident: &Incident) -> Option<String> {
    let seconds = incident.degraded_seconds?;
    Some(match incident.spells.len() {
        0 | 1 => format!("service was degraded for {}", length(seconds)),
        n => format!("service was degraded for {} in {n} spells", length(seconds)),
    })
}

fn bad(spell: &super::Spell) -> String {
    let more = |n: u64, what: &str| if n > 0 { format!(", {n} {what}") } else { String::new() };
    let slow = more(spell.bad - spell.failed, "too slow");
    format!("{} failed{slow}{}", spell.failed, more(spell.slow_inside, "slow inside"))
}

/// Writes the section of the text report.
pub(super) fn text(report: &Report, out: &mut String, bold: &dyn Fn(&str) -> String) {
    let i = &report.incident;
    if i.onset.is_none() && i.cause_start.is_none() && i.spells.is_empty() {
        return;
    }
    out.push('\n');
    line(out, &bold("INCIDENT"));
    for (number, rung) in (1..).zip(&i.ladder) {
        let seen: Vec<String> = rung.evidence.iter().take(2).map(|at| place(report, at)).collect();
        let text = format!("{}{} · {}", rung.text, doubt(rung), seen.join(", "));
        wrapped(out, &format!("  {number:>2}. {:<11}", when(rung)), "        ", &text);
    }
    for (name, time, note) in moments(report) {
        wrapped(out, &format!("  {name:<13}"), "      ", &format!("{}{note}", time.unwrap_or("not in the logs")));
    }
    if let Some(lasted) = lasted(i) {
        line(out, &format!("  {lasted}"));
    }
    if i.spells.len() > 1 {
        for spell in i.spells.iter().take(SPELLS) {
            wrapped(out, "    ", "      ", &format!("{} to {}: {}", spell.from, spell.to, bad(spell)));
        }
        if i.spells.len() > SPELLS {
            line(out, &format!("    and {} more: --format json lists all", i.spells.len() - SPELLS));
        }
    }
}

/// Writes the section of the Markdown report.
pub(super) fn markdown(report: &Report, out: &mut String) {
    let i = &report.incident;
    if i.onset.is_none() && i.cause_start.is_none() && i.spells.is_empty() {
        return;
    }
    let _ = writeln!(out, "## Incident\n\n| moment | time (UTC) |\n| --- | --- |");
    for (name, time, note) in moments(report) {
        let _ = writeln!(out, "| {name} | {}{} |", time.unwrap_or("not in the logs"), escape(&note));
    }
    out.push('\n');
    if let Some(lasted) = lasted(i) {
        let _ = writeln!(out, "In all, {lasted}.\n");
    }
    if !i.ladder.is_empty() {
        let _ = writeln!(out, "| # | from the onset | step | evidence |\n| --- | --- | --- | --- |");
        for (number, rung) in (1..).zip(&i.ladder) {
            let seen: Vec<String> = rung.evidence.iter().take(3).map(|at| escape(&place(report, at))).collect();
            let text = escape(&format!("{}{}", rung.text, doubt(rung)));
            let _ = writeln!(out, "| {number} | {} | {text} | {} |", when(rung), seen.join(", "));
        }
        out.push('\n');
    }
    if i.spells.len() > 1 {
        let _ = writeln!(out, "| spell | to | bad requests |\n| --- | --- | --- |");
        for spell in &i.spells {
            let _ = writeln!(out, "| {} | {} | {} |", spell.from, spell.to, bad(spell));
        }
        out.push('\n');
    }
}

/// Writes the section of the Markdown report on who was hurt.
pub(super) fn impact(report: &Report, out: &mut String) {
    let i = &report.impact;
    let (Some(requests), Some(failed)) = (i.requests, i.failed) else { return };
    let percent = |share: Option<f64>| share.map(|s| format!(" ({:.1} %)", s * 100.0)).unwrap_or_default();
    let _ = writeln!(out, "## Impact\n\n- {failed} of {requests} requests failed{}", percent(i.failed_share));
    if let (Some(clients), Some(affected)) = (i.clients, i.clients_affected) {
        let key = escape(i.client_key.as_deref().unwrap_or("client"));
        let share = percent(i.clients_affected_share);
        let _ = writeln!(out, "- {affected} of {clients} clients had a failed request{share}, counted by {key}");
    }
    if let Some(peak) = &i.error_peak {
        let share = percent(Some(peak.share));
        let _ = writeln!(out, "- worst at {}: {} of {} failed{share}", peak.at, peak.failed, peak.requests);
    }
    if let Some([all, bad]) = i.degraded {
        let share = percent(i.degraded_share);
        let _ = writeln!(out, "- between onset and recovery {bad} of {all} requests of users failed or were too slow{share}");
    }
    if let Some(slo) = &i.slo {
        let (target, used) = ((slo.target * 1e5).round() / 1e3, slo.budget_used * 100.0);
        let _ = writeln!(out, "- objective {target} %: {} bad requests are {used:.0} % of the budget of thirty days", slo.bad);
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::{from_onset, length};

    #[test]
    fn times_from_the_onset() {
        assert_eq!(from_onset(-4631.4), "T-01:17:11");
        assert_eq!(from_onset(0.2), "T+00:00:00");
        assert_eq!(from_onset(-0.2), "T+00:00:00");
        assert_eq!(from_onset(360_059.6), "T+100:01:00");
        assert_eq!((length(90.0), length(600.0), length(35_915.0)), ("90 s".into(), "10 min".into(), "10.0 h".into()));
    }
}
