//! Alerts as JSON: Alertmanager's webhook and API, Prometheus' API, Grafana, PagerDuty, CloudWatch. A line or a
//! pretty-printed document; every alert of a pretty-printed list is a record.
//!
//! Sources: Prometheus Alertmanager "Webhook receiver" and API v2; Prometheus `/api/v1/alerts`; Grafana webhook notifier;
//! PagerDuty webhooks v3; CloudWatch alarm notifications.
//!
//! ```text
//! {"status":"firing","alerts":[{"labels":{"alertname":"HighErrorRate","severity":"page"},"startsAt":"2026-11-20T10:15:20Z",
//!  "endsAt":"0001-01-01T00:00:00Z","annotations":{"summary":"15 % of requests fail"}}]}
//!            └ not yet           └ the message
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::listing::Listing;
use crate::prim::object::{self, Pair};
use crate::prim::time;
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::Stamp;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "alert_json",
    about: "alerts as JSON: Alertmanager webhook and API, Prometheus, Grafana, PagerDuty, CloudWatch",
    spec: "Alertmanager webhook and API v2; Prometheus /api/v1/alerts; Grafana webhook; PagerDuty webhooks v3",
    weight: 92,
    infer,
    examples: &[
        Example {
            line: r#"{"receiver":"ops","status":"firing","alerts":[{"status":"firing","labels":{"alertname":"HighErrorRate","severity":"page","service":"shop-api"},"annotations":{"summary":"15% of requests fail"},"startsAt":"2026-11-20T10:15:20.5Z","endsAt":"0001-01-01T00:00:00Z"}]}"#,
            shows: &[
                ("time", "2026-11-20T10:15:20.5Z"),
                ("kind", "alert"),
                ("reason", "firing"),
                ("subject", "HighErrorRate"),
                ("service.name", "shop-api"),
                ("severity", "ERROR"),
                ("message", "15% of requests fail"),
            ],
        },
        Example {
            line: r#"{"status":"resolved","labels":{"alertname":"HighErrorRate","severity":"warning"},"startsAt":"2026-11-20T10:15:20Z","endsAt":"2026-11-20T10:18:20Z"}"#,
            shows: &[
                ("time", "2026-11-20T10:18:20Z"),
                ("reason", "resolved"),
                ("severity", "WARN"),
                ("duration_ns", "180000000000"),
            ],
        },
        Example {
            line: r#"{"event":{"event_type":"incident.triggered","occurred_at":"2026-11-20T10:15:20.000Z","data":{"title":"shop-api is down","number":4711,"urgency":"high","service":{"summary":"Shop"}}}}"#,
            shows: &[("kind", "alert"), ("reason", "firing"), ("subject", "shop-api is down"), ("service.name", "Shop")],
        },
        Example {
            line: r#"{"AlarmName":"db-connections","NewStateValue":"OK","StateChangeTime":"2026-11-20T10:15:20.136+0000","NewStateReason":"below 80"}"#,
            shows: &[("reason", "resolved"), ("subject", "db-connections"), ("message", "below 80")],
        },
    ],
};

const MARKS: [&[u8]; 6] =
    [b"\"alertname\"", b"\"alerts\"", b"\"ruleName\"", b"\"AlarmName\"", b"\"incident.", b"\"valueString\""];

fn marked(line: &[u8]) -> bool {
    MARKS.iter().any(|mark| memchr::memmem::find(line, mark).is_some())
}

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    if !sample.lines.iter().any(|line| marked(line)) {
        return None;
    }
    let listing = Listing::infer(sample, "alerts")?;
    let reason = match listing {
        Listing::Lines => "alerts as JSON, a notification a line",
        Listing::Braces(0) => "alerts as JSON, one document",
        _ => "alerts as JSON, a pretty-printed list",
    };
    Some(Inferred { layout: Box::new(AlertJson { listing }), reason: reason.into() })
}

struct AlertJson {
    listing: Listing,
}

impl Layout for AlertJson {
    fn line(&self, line: &[u8]) -> Line {
        match self.listing.line(line) {
            Line::Start if self.listing == Listing::Lines && !marked(line) => Line::Foreign,
            other => other,
        }
    }

    fn skips(&self, line: &[u8]) -> bool {
        self.listing.skips(line)
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let pairs = object::flatten(self.listing.object(record), arena);
        event.attrs = pairs;
        let known = alert(event, pairs) || pagerduty(event, pairs) || cloudwatch(event, pairs) || legacy(event, pairs);
        if known { Ok(()) } else { Err(Reject::new(Reason::BadField, 0)) }
    }

    fn domain(&self) -> Domain {
        Domain::Complete
    }
}

fn get<'a>(pairs: &[Pair<'a>], keys: &[&str]) -> &'a [u8] {
    keys.iter().find_map(|key| pairs.iter().find(|(k, v)| *k == key.as_bytes() && !v.is_empty())).map_or(b"", |(_, v)| v)
}

/// A time, where it is set: Go's zero time stands for none.
fn stamp(text: &[u8]) -> Stamp {
    match time::iso(text).or_else(|| time::epoch(text)) {
        Some((stamp, _)) if !text.starts_with(b"0001-") => stamp,
        _ => Stamp::NONE,
    }
}

fn severity(word: &[u8]) -> Severity {
    match word.to_ascii_lowercase().as_slice() {
        b"page" | b"high" | b"major" | b"p1" | b"disaster" | b"sev1" => Severity::ERROR,
        b"low" | b"minor" | b"p2" | b"p3" | b"average" => Severity::WARN,
        other => Severity::of_word(other),
    }
}

fn state(word: &[u8]) -> Option<&'static [u8]> {
    match word.to_ascii_lowercase().as_slice() {
        b"firing" | b"alerting" | b"active" | b"alarm" | b"suppressed" | b"unprocessed" | b"triggered" | b"open" => {
            Some(b"firing")
        }
        b"pending" => Some(b"pending"),
        b"resolved" | b"ok" | b"inactive" | b"normal" | b"closed" => Some(b"resolved"),
        _ => None,
    }
}

/// An alert with labels, alone or as the first of a notification that has its state.
fn alert<'a>(event: &mut Event<'a>, pairs: &[Pair<'a>]) -> bool {
    let group = state(get(pairs, &["status", "state"]));
    let Some(prefix) = prefix(pairs, group) else { return false };
    let own = |name: &str| {
        let is = |key: &[u8]| key.strip_prefix(prefix).is_some_and(|rest| rest == name.as_bytes());
        pairs.iter().find(|(key, value)| is(key) && !value.is_empty()).map_or(&b""[..], |(_, value)| *value)
    };
    let any = |names: &[&str]| names.iter().map(|name| own(name)).find(|v| !v.is_empty()).unwrap_or_default();
    let (starts, ends) = (stamp(any(&["startsAt", "activeAt"])), stamp(own("endsAt")));
    let said = state(any(&["status", "state", "status.state"])).or(group);
    event.reason = said.unwrap_or(b"firing");
    let over = event.reason == b"resolved" && ends.is_some();
    event.stamp = if over { ends } else { starts };
    if over && starts.is_some() {
        event.duration_ns = ends.nanos.saturating_sub(starts.nanos).max(-1);
    }
    event.kind = Kind::Alert;
    event.subject = any(&["labels.alertname", "labels.rulename"]);
    event.severity = severity(any(&["labels.severity", "labels.priority", "labels.level"]));
    fill(&mut event.service, any(&["labels.service", "labels.app", "labels.job"]));
    fill(&mut event.host, any(&["labels.instance", "labels.host", "labels.node"]));
    let text = any(&["annotations.summary", "annotations.description", "annotations.message", "annotations.name"]);
    event.message =
        [text, get(pairs, &["commonAnnotations.summary", "commonAnnotations.description", "message", "title"]), event.subject]
            .into_iter()
            .find(|m| !m.is_empty())
            .unwrap_or_default();
    true
}

/// What stands before the labels of the alert that speaks for the record: nothing, `alerts.2.`, `data.alerts.0.`, `0.`.
fn prefix<'a>(pairs: &[Pair<'a>], group: Option<&[u8]>) -> Option<&'a [u8]> {
    let mut found = None;
    for (key, _) in pairs {
        let Some(prefix) = key.strip_suffix(b"labels.alertname").filter(|p| p.is_empty() || p.ends_with(b".")) else {
            continue;
        };
        found = found.or(Some(prefix));
        let is_state = |k: &[u8]| k.strip_prefix(prefix).is_some_and(|rest| rest == b"status" || rest == b"state");
        let own = pairs.iter().find(|(k, _)| is_state(k)).and_then(|(_, v)| state(v));
        if group.is_none() || own.is_none() || own == group {
            return Some(prefix);
        }
    }
    found
}

fn fill<'a>(slot: &mut &'a [u8], value: &'a [u8]) {
    if slot.is_empty() {
        *slot = value;
    }
}

fn pagerduty<'a>(event: &mut Event<'a>, pairs: &[Pair<'a>]) -> bool {
    let Some(what) = get(pairs, &["event.event_type", "event_type"]).strip_prefix(b"incident.") else { return false };
    event.kind = Kind::Alert;
    event.reason = match what {
        b"resolved" => b"resolved",
        b"triggered" | b"reopened" | b"escalated" => b"firing",
        _ => b"acknowledged",
    };
    event.stamp = stamp(get(pairs, &["event.occurred_at", "occurred_at"]));
    event.subject = get(pairs, &["event.data.title", "data.title"]);
    event.message = event.subject;
    event.severity = severity(get(pairs, &["event.data.urgency", "data.urgency"]));
    fill(&mut event.service, get(pairs, &["event.data.service.summary", "data.service.summary"]));
    true
}

fn cloudwatch<'a>(event: &mut Event<'a>, pairs: &[Pair<'a>]) -> bool {
    let name = get(pairs, &["AlarmName"]);
    let Some(reason) = state(get(pairs, &["NewStateValue"])).filter(|_| !name.is_empty()) else { return false };
    (event.kind, event.subject, event.reason) = (Kind::Alert, name, reason);
    event.stamp = stamp(get(pairs, &["StateChangeTime"]));
    event.message = get(pairs, &["NewStateReason", "AlarmDescription"]);
    true
}

/// Grafana's older webhook: a rule with a state.
fn legacy<'a>(event: &mut Event<'a>, pairs: &[Pair<'a>]) -> bool {
    let name = get(pairs, &["ruleName", "title"]);
    let Some(reason) = state(get(pairs, &["state"])).filter(|_| !name.is_empty()) else { return false };
    (event.kind, event.subject, event.reason) = (Kind::Alert, name, reason);
    event.message = get(pairs, &["message", "title"]);
    true
}
