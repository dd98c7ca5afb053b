//! Nagios, Icinga 1 and Naemon event logs.
//!
//! Source: nagioscore `base/logging.c`.
//!
//! ```text
//! [1795170001] SERVICE ALERT: web1;HTTP;CRITICAL;HARD;3;connection refused
//!  └ epoch      └ what         host service state type attempt, then the plugin's text
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::{num, text, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "nagios",
    about: "Nagios, Icinga 1 and Naemon event logs",
    spec: "nagioscore base/logging.c",
    weight: 90,
    infer: |sample: &Sample<'_>| {
        sample
            .lines
            .iter()
            .any(|line| starts(line))
            .then(|| Inferred { layout: Box::new(Nagios), reason: "epoch in brackets, then an entry of Nagios".into() })
    },
    examples: &[
        Example {
            line: "[1795170001] SERVICE ALERT: web1;HTTP;CRITICAL;HARD;3;connection refused; port 80",
            shows: &[
                ("time", "2026-11-20T10:20:01Z"),
                ("kind", "alert"),
                ("reason", "firing"),
                ("subject", "HTTP"),
                ("host.name", "web1"),
                ("severity", "ERROR"),
            ],
        },
        Example {
            line: "[1795170002] HOST NOTIFICATION: ops;web1;UP;notify-by-email;PING OK",
            shows: &[("kind", "log"), ("host.name", "web1"), ("severity", "INFO")],
        },
        Example {
            line: "[1795170003] Nagios 4.4.6 starting... (PID=812)",
            shows: &[("kind", "app.start"), ("process.pid", "812")],
        },
    ],
};

struct Nagios;

impl Layout for Nagios {
    fn line(&self, line: &[u8]) -> Line {
        if starts(line) { Line::Start } else { Line::Foreign }
    }

    fn parse<'a>(&self, record: &'a [u8], _: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let (stamp, end) = record.get(1..).and_then(time::epoch_seconds).ok_or(Reject::new(Reason::BadTime, 1))?;
        event.stamp = stamp;
        event.message = record.get(end + 3..).ok_or(Reject::new(Reason::Truncated, record.len()))?;
        entry(event);
        Ok(())
    }

    /// What a check said (`Connection refused`) is the alert's text, not this producer's own trouble.
    fn domain(&self) -> Domain {
        Domain::Only("alerts")
    }
}

/// `[1795170001] WORDS: ` or Nagios' own first line.
fn starts(line: &[u8]) -> bool {
    let Some((head, rest)) = line.split_at_checked(13) else { return false };
    let stamp = head.starts_with(b"[") && num::digits(head.get(1..).unwrap_or_default()) == 10 && head.ends_with(b"] ");
    let word = rest.iter().take_while(|b| b.is_ascii_uppercase() || matches!(b, b' ' | b'/')).count();
    let own = || {
        [
            &b"Nagios "[..],
            b"Icinga ",
            b"Naemon ",
            b"Auto-save",
            b"Caught SIG",
            b"Successfully",
            b"Warning: ",
            b"Error: ",
            b"wproc: ",
        ]
        .iter()
        .any(|w| rest.starts_with(w))
    };
    stamp && (word >= 4 && rest.get(word) == Some(&b':') || own())
}

/// Fields of the entries that the alert recogniser leaves: states, notifications, the daemon's own life.
fn entry(event: &mut Event<'_>) {
    let message = event.message;
    let (what, rest) = match memchr::memmem::find(message, b": ") {
        Some(at) => (message.get(..at).unwrap_or_default(), message.get(at + 2..).unwrap_or_default()),
        None => (message, &b""[..]),
    };
    let mut parts = rest.split(|b| *b == b';');
    let first = parts.next().unwrap_or_default();
    if what.ends_with(b"NOTIFICATION") {
        event.host = parts.next().unwrap_or_default();
    } else if what.ends_with(b"STATE") || what.ends_with(b"ALERT") {
        event.host = first;
    }
    event.severity = parts.map(state).find(|s| *s != Severity::NONE).unwrap_or(Severity::NONE);
    if memchr::memmem::find(message, b" starting...").is_some() {
        event.kind = Kind::AppStart;
        event.pid = text::after(message, b"(PID=").map(text::digits).and_then(num::uint32).unwrap_or(0);
    } else if memchr::memmem::find(message, b"shutting down...").is_some() {
        event.kind = Kind::AppStop;
    }
}

fn state(word: &[u8]) -> Severity {
    match word {
        b"OK" | b"UP" => Severity::INFO,
        b"WARNING" => Severity::WARN,
        b"CRITICAL" | b"DOWN" | b"UNREACHABLE" | b"UNKNOWN" => Severity::ERROR,
        _ => Severity::NONE,
    }
}
