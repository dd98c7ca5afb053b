//! The answer in the text report: what did not cause it stands first after the verdict, then what did, when, and whom it hurt.

use super::text::{line, place, wrapped};
use super::{Finding, Hypothesis, Ref, Report};

/// Paints text, or leaves it.
type Paint<'p> = &'p dyn Fn(&str) -> String;

/// Findings shown per hypothesis.
const FINDINGS: usize = 3;

/// Writes ruled-out causes, the evidence for the answer, moments, impact and suggestions.
pub(super) fn render(report: &Report, out: &mut String, bold: Paint<'_>, dim: Paint<'_>) {
    if report.verdict.status == "nothing_abnormal" {
        impact(report, out, bold);
        return;
    }
    let of = |status: &str| report.hypotheses.iter().filter(|h| h.status == status).collect::<Vec<_>>();
    let section = |out: &mut String, name: &str| {
        out.push('\n');
        line(out, &bold(name));
    };
    let out_of = of("ruled_out");
    if !out_of.is_empty() {
        section(out, "RULED OUT");
        for h in out_of {
            let why = h.against.iter().max_by(|a, b| a.evidence.len().cmp(&b.evidence.len())).or(h.against.first());
            let text =
                h.against.first().or(why).map(|f| format!("{}: {}{}", words(h.cause), f.text, seen(report, &f.evidence)));
            wrapped(out, "  ", "    ", &text.unwrap_or_else(|| words(h.cause)));
        }
    }
    for status in ["confirmed", "likely"] {
        for h in of(status) {
            section(out, &format!("WHY {}", words(h.cause).to_uppercase()));
            findings(report, h, out);
        }
    }
    let open: Vec<&Hypothesis> = of("possible").into_iter().chain(of("cannot_tell")).collect();
    if !open.is_empty() {
        section(out, "NOT DECIDED");
        for h in open {
            let missing = if h.missing.is_empty() { String::new() } else { format!("; would need {}", h.missing.join("; ")) };
            wrapped(out, "  ", "    ", &format!("{}: {}{missing}", words(h.cause), h.status.replace('_', " ")));
        }
    }
    super::ladder::text(report, out, bold);
    super::deploys::text(report, out, bold);
    impact(report, out, bold);
    if !report.suggestions.is_empty() {
        section(out, "SUGGESTIONS");
        for s in &report.suggestions {
            wrapped(out, "  - ", "    ", &format!("{}{}", s.text, seen(report, &s.because)));
        }
    }
    if !report.logging_gaps.is_empty() {
        section(out, "NOT LOGGED");
        for gap in &report.logging_gaps {
            wrapped(out, "  ", "    ", &format!("{}: {}. Setting: {}", gap.missing, gap.consequence, gap.setting));
        }
    }
    let _ = dim;
}

fn words(cause: &str) -> String {
    cause.replace('_', " ")
}

/// ` · file:line, file:line`.
fn seen(report: &Report, evidence: &[Ref]) -> String {
    let places: Vec<String> = evidence.iter().take(2).map(|at| place(report, at)).collect();
    if places.is_empty() { String::new() } else { format!(" · {}", places.join(", ")) }
}

fn findings(report: &Report, h: &Hypothesis, out: &mut String) {
    let show = |out: &mut String, mark: &str, finding: &Finding| {
        wrapped(out, &format!("  {mark} "), "    ", &format!("{}{}", finding.text, seen(report, &finding.evidence)));
    };
    for finding in h.speaks_for.iter().take(FINDINGS) {
        show(out, "+", finding);
    }
    for finding in h.against.iter().take(FINDINGS) {
        show(out, "-", finding);
    }
}

fn impact(report: &Report, out: &mut String, bold: Paint<'_>) {
    let i = &report.impact;
    let (Some(requests), Some(failed)) = (i.requests, i.failed) else { return };
    out.push('\n');
    line(out, &bold("IMPACT"));
    let percent = |share: Option<f64>| share.map(|s| format!(" ({:.1} %)", s * 100.0)).unwrap_or_default();
    line(out, &format!("  {failed} of {requests} requests failed{}", percent(i.failed_share)));
    if let (Some(clients), Some(affected)) = (i.clients, i.clients_affected) {
        let key = i.client_key.as_deref().unwrap_or("client");
        let share = match (i.clients_affected_share, i.clients_affected_interval) {
            (Some(s), Some([low, high])) => format!(" ({:.1} %, {:.1} to {:.1} %)", s * 100.0, low * 100.0, high * 100.0),
            (share, _) => percent(share),
        };
        let severe = i.clients_severe.map(|n| format!("; {n} with half of their requests or more bad")).unwrap_or_default();
        wrapped(
            out,
            "  ",
            "    ",
            &format!("{affected} of {clients} clients had a failed request{share}, counted by {key}{severe}"),
        );
    }
    if let Some(peak) = &i.error_peak {
        line(out, &format!("  worst at {}: {} of {} failed{}", peak.at, peak.failed, peak.requests, percent(Some(peak.share))));
    }
    super::ladder::degraded(report, out);
}
