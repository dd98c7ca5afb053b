//! The findings as OpenMetrics 1.0, for a nightly run. Names of connections are those of OpenTelemetry's semantic
//! conventions, with `_` for `.`.

use super::text::clean;
use super::{Report, site};

/// A label's value.
fn label(text: &str) -> String {
    clean(text).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// One metric family: its head, then its samples together.
fn family(out: &mut String, name: &str, kind: &str, unit: &str, help: &str, samples: &[(String, String)]) {
    if samples.is_empty() {
        return;
    }
    out.push_str(&format!("# TYPE {name} {kind}\n"));
    if !unit.is_empty() {
        out.push_str(&format!("# UNIT {name} {unit}\n"));
    }
    out.push_str(&format!("# HELP {name} {help}\n"));
    let suffix = match kind {
        "counter" => "_total",
        "info" => "_info",
        _ => "",
    };
    for (labels, value) in samples {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        out.push_str(&format!("{name}{suffix}{labels} {value}\n"));
    }
}

/// One sample without labels, where there is a value.
fn one(value: Option<String>) -> Vec<(String, String)> {
    value.map(|v| (String::new(), v)).into_iter().collect()
}

/// Writes the metrics; the last line is `# EOF`.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    findings(report, &mut out);
    connections(report, &mut out);
    impact(report, &mut out);
    out.push_str("# EOF\n");
    out
}

/// The answer and the leaking sites.
fn findings(report: &Report, out: &mut String) {
    let cause = report.verdict.cause.unwrap_or("unknown");
    let verdict = (format!("status=\"{}\",cause=\"{}\"", label(report.verdict.status), label(cause)), "1".to_owned());
    family(out, "backtrail_verdict", "info", "", "The answer.", &[verdict]);
    let scores: Vec<(String, String)> = report
        .hypotheses
        .iter()
        .filter_map(|h| {
            h.score.map(|s| (format!("cause=\"{}\",status=\"{}\"", label(h.cause), label(h.status)), s.to_string()))
        })
        .collect();
    family(out, "backtrail_cause_score", "gauge", "", "What the signs of a cause say, from -1 to 1.", &scores);
    let leaks: Vec<(String, String)> = report
        .leaks
        .iter()
        .map(|l| {
            // The rank keeps apart what has one name: two endpoints of one line.
            let endpoint = l.endpoint.as_deref().unwrap_or("");
            let place = site::place(l);
            (
                format!(
                    "rank=\"{}\",site=\"{}\",endpoint=\"{}\",confidence=\"{}\"",
                    l.rank,
                    label(&place),
                    label(endpoint),
                    l.confidence
                ),
                l.sessions.to_string(),
            )
        })
        .collect();
    family(out, "backtrail_leaked_connections", "gauge", "", "Connections that were never given back.", &leaks);
}

/// Connections, under OpenTelemetry's names where it has one.
fn connections(report: &Report, out: &mut String) {
    let used = |l: &&super::Ledger| l.opens + l.closes + l.inferred_opens > 0;
    let layers: Vec<(&&str, &super::Ledger)> = report.ledger.iter().filter(|(_, l)| used(l)).collect();
    let each = |value: fn(&super::Ledger) -> u64| -> Vec<(String, String)> {
        layers.iter().map(|(layer, l)| (format!("layer=\"{layer}\""), value(l).to_string())).collect()
    };
    let held: Vec<(String, String)> = layers
        .iter()
        .filter(|(layer, _)| matches!(**layer, "pool" | "proxy" | "db"))
        .map(|(layer, l)| (format!("layer=\"{layer}\",db_client_connection_state=\"used\""), l.open_at_end.to_string()))
        .collect();
    family(out, "db_client_connection_count", "gauge", "", "Connections open at the end of the logs.", &held);
    let sizes: Vec<(String, String)> = report
        .pools
        .iter()
        .enumerate()
        .filter_map(|(index, p)| {
            p.size.map(|size| {
                (format!("pool=\"{index}\",db_client_connection_pool_name=\"{}\"", label(&p.name)), size.to_string())
            })
        })
        .collect();
    family(out, "db_client_connection_max", "gauge", "", "Connections that a pool may open.", &sizes);
    let waiting = report.series.waiting.iter().max().map(u32::to_string);
    family(out, "db_client_connection_pending_requests", "gauge", "", "Most borrowers waiting at one moment.", &one(waiting));
    let timeouts: u64 = report.series.timeouts.iter().map(|n| u64::from(*n)).sum();
    let timeouts = (!report.series.timeouts.is_empty()).then(|| timeouts.to_string());
    family(
        out,
        "db_client_connection_timeouts",
        "counter",
        "",
        "Borrowers that waited in vain and clients turned away.",
        &one(timeouts),
    );
    family(out, "backtrail_opens", "counter", "", "Sessions let in, as logged.", &each(|l| l.opens));
    family(out, "backtrail_closes", "counter", "", "Closes, as logged.", &each(|l| l.closes));
    family(out, "backtrail_peak_open", "gauge", "", "Most sessions open at one moment.", &each(|l| l.peak_open));
}

/// Requests and who was hurt.
fn impact(report: &Report, out: &mut String) {
    let i = &report.impact;
    family(out, "backtrail_requests", "counter", "", "Requests.", &one(i.requests.map(|n| n.to_string())));
    family(out, "backtrail_failed_requests", "counter", "", "Requests that failed.", &one(i.failed.map(|n| n.to_string())));
    family(
        out,
        "backtrail_affected_clients",
        "gauge",
        "",
        "Clients with a failed request.",
        &one(i.clients_affected.map(|n| n.to_string())),
    );
    let degraded = report.incident.degraded_seconds.map(|s| s.to_string());
    family(out, "backtrail_degraded_seconds", "gauge", "seconds", "Time in which service was degraded.", &one(degraded));
}
