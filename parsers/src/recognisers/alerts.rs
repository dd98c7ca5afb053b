//! Alerts in plain text: what a notifier, a chat channel's export or a monitoring system writes in a line.
//!
//! Sources: Alertmanager's default templates (`[FIRING:1] …`); Nagios and Icinga log entries and mail subjects; CloudWatch
//! alarm subjects; PagerDuty incident lines.
//!
//! ```text
//! [FIRING:2] HighErrorRate (shop-api critical)
//!  └ state   └ subject      └ labels
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::named;
use crate::prim::text::{after, between, word};
use crate::recogniser::RecogniserSpec;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "alerts",
    about: "firing and resolved alerts in plain text",
    spec: "Alertmanager default templates; Nagios log entries; CloudWatch alarm subjects; PagerDuty incident lines",
    needles: &[
        "FIRING",
        "RESOLVED",
        "firing",
        "resolved",
        "ALERT",
        "ALARM",
        "PROBLEM",
        "RECOVERY",
        "TRIGGERED",
        "Triggered",
        "triggered",
        "alertname",
        "Alert",
    ],
    recognise,
    examples: &[
        Example {
            line: "[FIRING:2] HighErrorRate (shop-api critical)",
            shows: &[("kind", "alert"), ("subject", "HighErrorRate"), ("reason", "firing")],
        },
        Example {
            line: "[RESOLVED] HighErrorRate shop-api",
            shows: &[("kind", "alert"), ("subject", "HighErrorRate"), ("reason", "resolved")],
        },
        Example {
            line: "SERVICE ALERT: web1;HTTP;CRITICAL;HARD;3;connection refused",
            shows: &[
                ("kind", "alert"),
                ("subject", "HTTP"),
                ("host.name", "web1"),
                ("reason", "firing"),
                ("severity", "ERROR"),
            ],
        },
        Example {
            line: "ALERT firing: DbPoolSaturated on shop-api",
            shows: &[("kind", "alert"), ("subject", "DbPoolSaturated"), ("reason", "firing")],
        },
        Example {
            line: "ALARM: \"db-connections-high\" in EU (Frankfurt)",
            shows: &[("kind", "alert"), ("subject", "db-connections-high"), ("reason", "firing")],
        },
        Example {
            line: "alert status=resolved alertname=HighLatency severity=warning",
            shows: &[("kind", "alert"), ("subject", "HighLatency"), ("reason", "resolved")],
        },
        Example {
            line: "Incident #4711 triggered: shop-api is down",
            shows: &[("kind", "alert"), ("subject", "#4711"), ("reason", "firing")],
        },
        Example { line: "promise resolved after ALERT banner was shown", shows: &[("kind", "log")] },
    ],
};

fn recognise(event: &mut Event<'_>, _: &Arena) -> bool {
    if event.kind != Kind::Log || !event.stack.is_empty() {
        return false;
    }
    let message = crate::prim::text::first_line(event.message).0;
    nagios(event, message) || labelled(event) || bracketed(event, message) || worded(event, message)
}

fn tell<'a>(event: &mut Event<'a>, subject: &'a [u8], firing: bool) -> bool {
    event.kind = Kind::Alert;
    event.subject = subject;
    event.reason = if firing { b"firing" } else { b"resolved" };
    true
}

/// `[FIRING:1] Name …`, `[RESOLVED] Name …`, `[ALERTING] Name` (Grafana's older state).
fn bracketed<'a>(event: &mut Event<'a>, message: &'a [u8]) -> bool {
    let Some(end) = message.strip_prefix(b"[").and_then(|m| memchr::memchr(b']', m)) else { return false };
    let state = message.get(1..=end).unwrap_or_default();
    let state = state.split(|b| matches!(b, b':' | b',' | b' ')).next().unwrap_or(state);
    let firing = match state.to_ascii_uppercase().as_slice() {
        b"FIRING" | b"ALERTING" | b"TRIGGERED" | b"PROBLEM" | b"ALARM" => true,
        b"RESOLVED" | b"RECOVERED" => false,
        _ => return false,
    };
    let rest = message.get(end + 2..).unwrap_or_default().trim_ascii_start();
    let subject = word(rest);
    !subject.is_empty() && tell(event, subject, firing)
}

/// A record with an alert's labels: `alertname` and a state.
fn labelled(event: &mut Event<'_>) -> bool {
    let name = event
        .attr_any(&["alertname", "labels.alertname", "commonLabels.alertname", "groupLabels.alertname", "alert"])
        .or_else(|| named::value(event.message, &["alertname"]));
    let state = event.attr_any(&["status", "state"]).or_else(|| named::value(event.message, &["status", "state"]));
    let firing = match state {
        Some(b"firing" | b"alerting" | b"FIRING" | b"active") => true,
        Some(b"resolved" | b"ok" | b"RESOLVED" | b"inactive" | b"normal") => false,
        _ => return false,
    };
    name.is_some_and(|name| tell(event, name, firing))
}

/// Nagios and its heirs: `SERVICE ALERT: host;service;CRITICAL;HARD;3;text`, `HOST ALERT: host;DOWN;SOFT;1;text`,
/// `PROBLEM - HTTP on web1 is CRITICAL`.
fn nagios<'a>(event: &mut Event<'a>, message: &'a [u8]) -> bool {
    let (rest, service) = match (after(message, b"SERVICE ALERT: "), after(message, b"HOST ALERT: ")) {
        (Some(rest), _) => (rest, true),
        (_, Some(rest)) => (rest, false),
        _ => return false,
    };
    let mut parts = rest.split(|b| *b == b';');
    let host = parts.next().unwrap_or_default();
    let subject = if service { parts.next().unwrap_or_default() } else { host };
    let state = parts.next().unwrap_or_default();
    let severity = match state {
        b"OK" | b"UP" | b"RECOVERY" => Severity::INFO,
        b"WARNING" => Severity::WARN,
        b"UNKNOWN" | b"CRITICAL" | b"DOWN" | b"UNREACHABLE" => Severity::ERROR,
        _ => return false,
    };
    event.severity = severity;
    event.host = host;
    tell(event, subject, severity != Severity::INFO)
}

/// `ALERT X`, `ALERT firing: X`, `ALARM: "x" in …`, `OK: "x" in …`, `PROBLEM: x`, `RECOVERY - x`, `Incident #1 triggered`.
fn worded<'a>(event: &mut Event<'a>, message: &'a [u8]) -> bool {
    if let Some(rest) = message.strip_prefix(b"Incident ") {
        let says = |text: &[u8]| memchr::memmem::find(rest, text).is_some();
        let firing = says(b"triggered") || says(b"opened");
        return (firing || says(b"resolved") || says(b"closed"))
            && tell(event, word(rest).strip_suffix(b":").unwrap_or(word(rest)), firing);
    }
    let first = word(message);
    let rest = message.get(first.len()..).unwrap_or_default().trim_ascii_start();
    let (first, marked) = first.strip_suffix(b":").map_or((first, false), |word| (word, true));
    let dashed = rest.starts_with(b"- ");
    let rest = rest.strip_prefix(b"- ").unwrap_or(rest);
    let firing = match first {
        b"ALERT" | b"ALARM" | b"Alert" | b"alert" => true,
        b"PROBLEM" | b"TRIGGERED" | b"Triggered" | b"FIRING" if marked || dashed => true,
        b"RECOVERY" | b"RESOLVED" | b"Resolved" if marked || dashed => false,
        _ => return false,
    };
    let said = word(rest);
    let said = said.strip_suffix(b":").unwrap_or(said);
    let behind = rest.get(word(rest).len()..).unwrap_or_default().trim_ascii_start();
    match said {
        b"firing" | b"FIRING" | b"triggered" => tell(event, name(behind), true),
        b"resolved" | b"RESOLVED" | b"cleared" | b"recovered" => tell(event, name(behind), false),
        // `ALERT` is believed alone only in capitals or before a colon; `Alert rules loaded` is talk.
        _ if first == b"ALERT" || first == b"ALARM" || marked || dashed => {
            let states = [&b" resolved"[..], b" RESOLVED", b" cleared", b" is OK", b" recovered"];
            let resolved = states.iter().any(|s| memchr::memmem::find(rest, s).is_some());
            let subject = name(rest);
            !subject.is_empty() && tell(event, subject, firing && !resolved)
        }
        _ => false,
    }
}

/// The alert's name: quoted, or one word.
fn name(text: &[u8]) -> &[u8] {
    match text.strip_prefix(b"\"") {
        Some(_) => between(text, b"\"", b"\"").unwrap_or_default(),
        None => word(text).strip_suffix(b":").unwrap_or(word(text)),
    }
}
