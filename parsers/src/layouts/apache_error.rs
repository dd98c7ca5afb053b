//! Apache httpd's error log, of 2.2 and of 2.4.
//!
//! Source: Apache HTTP Server, "core", `ErrorLogFormat`; `server/log.c`; `docs/log-message-tags`.
//!
//! ```text
//! [Fri Nov 20 10:23:40.156725 2026] [proxy:error] [pid 10850:tid 10852] (111)Connection refused: [client 203.0.113.7:44156] AH00957: http: attempt to connect to …
//! local time                         module:level  pid                    system error            client              tag       message
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::{facts, net, num, text, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "apache_error",
    about: "Apache's error log, of 2.2 and 2.4, with proxy errors and worker limits told apart",
    spec: "Apache HTTP Server documentation, core, ErrorLogFormat",
    weight: 90,
    infer,
    examples: &[
        Example {
            line: "[Fri Nov 20 10:23:40.156725 2026] [proxy:error] [pid 10850:tid 10852] (111)Connection refused: [client 203.0.113.7:44156] AH00957: http: attempt to connect to 10.0.0.4:8080 (app) failed",
            shows: &[
                ("time", "2026-11-20T10:23:40.156725"),
                ("severity", "ERROR"),
                ("kind", "lb.upstream_error"),
                ("process.pid", "10850"),
                ("thread.name", "10852"),
                ("logger", "proxy"),
                ("client.address", "203.0.113.7"),
                ("client.port", "44156"),
                ("server.address", "10.0.0.4"),
                ("server.port", "8080"),
                ("reason", "connection_refused"),
                ("error.type", "AH00957"),
            ],
        },
        Example {
            line: "[Mon Nov 20 16:22:08 2026] [notice] caught SIGTERM, shutting down",
            shows: &[("severity", "INFO"), ("kind", "app.stop")],
        },
        Example {
            line: "[Fri Nov 20 10:24:00.000001 2026] [mpm_event:error] [pid 1:tid 1] AH00484: server reached MaxRequestWorkers setting, consider raising the MaxRequestWorkers setting",
            shows: &[("kind", "resource.exhausted"), ("reason", "workers")],
        },
    ],
};

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    let heads: Vec<Head<'_>> = sample.lines.iter().filter_map(|line| head(line)).collect();
    let modules = heads.iter().any(|h| !h.module.is_empty());
    let reason = if modules { "[time] [module:level] [pid]" } else { "[time] [level]" };
    (!heads.is_empty()).then(|| Inferred { layout: Box::new(ApacheError), reason: reason.into() })
}

struct ApacheError;

struct Head<'a> {
    module: &'a [u8],
    level: &'a [u8],
    rest: &'a [u8],
}

/// `[Www Mon dd hh:mm:ss[.us] yyyy] [module:level] `.
fn head(line: &[u8]) -> Option<Head<'_>> {
    let inside = line.strip_prefix(b"[")?;
    if !matches!((inside.get(3), inside.get(7), inside.get(13)), (Some(b' '), Some(b' '), Some(b':'))) {
        return None;
    }
    let close = memchr::memchr(b']', inside.get(..36).unwrap_or(inside))?;
    let rest = inside.get(close + 1..)?.strip_prefix(b" [")?;
    let end = memchr::memchr(b']', rest.get(..40).unwrap_or(rest))?;
    let word = rest.get(..end)?;
    let (module, level) = match memchr::memchr(b':', word) {
        Some(colon) => (word.get(..colon)?, word.get(colon + 1..)?),
        None => (&b""[..], word),
    };
    severity(level)?;
    Some(Head { module, level, rest: rest.get(end + 1..)?.trim_ascii_start() })
}

fn severity(level: &[u8]) -> Option<Severity> {
    Some(match level {
        b"emerg" => Severity::FATAL,
        b"alert" => Severity::ALERT,
        b"crit" => Severity::CRITICAL,
        b"error" => Severity::ERROR,
        b"warn" => Severity::WARN,
        b"notice" => Severity::NOTICE,
        b"info" => Severity::INFO,
        b"debug" => Severity::DEBUG,
        [b't', b'r', b'a', b'c', b'e', b'1'..=b'8'] => Severity::TRACE,
        _ => return None,
    })
}

impl Layout for ApacheError {
    fn line(&self, line: &[u8]) -> Line {
        match line.first() {
            Some(b'[') if head(line).is_some() => Line::Start,
            Some(b' ' | b'\t' | b'#') => Line::Continue,
            _ => Line::Foreign,
        }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let (first, stack) = text::first_line(record);
        let head = head(first).ok_or(Reject::new(Reason::NoLayout, 0))?;
        let (stamp, _) = time::ctime(first.get(1..).unwrap_or_default()).ok_or(Reject::new(Reason::BadTime, 1))?;
        event.stamp = stamp;
        event.severity = severity(head.level).unwrap_or_default();
        event.logger = head.module;
        event.stack = stack;
        event.message = details(head.rest, event, arena);
        classify(event);
        Ok(())
    }
}

/// Takes pid, client, system error and tag off the front, in whatever order; gives the message.
fn details<'a>(text: &'a [u8], event: &mut Event<'a>, arena: &'a Arena) -> &'a [u8] {
    let end = memchr::memmem::rfind(text, b", referer: ").unwrap_or(text.len());
    let mut rest = text.get(..end).unwrap_or_default();
    loop {
        let inside = rest.strip_prefix(b"[").and_then(|r| memchr::memchr(b']', r).map(|end| r.split_at(end)));
        if let Some((inside, after)) = inside {
            if let Some(pid) = inside.strip_prefix(b"pid ") {
                event.pid = num::uint32(text::digits(pid)).unwrap_or(0);
                event.thread = text::after(pid, b":tid ").unwrap_or_default();
            } else if let Some(client) = inside.strip_prefix(b"client ").or_else(|| inside.strip_prefix(b"remote ")) {
                (event.client, event.client_port) = peer(client);
            } else {
                return rest;
            }
            rest = after.get(1..).unwrap_or_default().trim_ascii_start();
        } else if rest.first() == Some(&b'(') && memchr::memmem::find(rest, b" [client ").is_some() {
            // `(111)Connection refused: [client …] AH…`: the system's words come first.
            let Some(at) = memchr::memmem::find(rest, b" [client ") else { return rest };
            let (words, after) = rest.split_at(at);
            let message = details(after.trim_ascii_start(), event, arena);
            let mut joined = bumpalo::collections::Vec::with_capacity_in(words.len() + 1 + message.len(), arena);
            joined.extend_from_slice(words);
            joined.push(b' ');
            joined.extend_from_slice(message);
            return joined.into_bump_slice();
        } else if rest.starts_with(b"AH") && num::digits(rest.get(2..).unwrap_or_default()) == 5 && rest.get(7) == Some(&b':') {
            event.error_type = rest.get(..7).unwrap_or_default();
            return rest;
        } else if let Some(at) = tag(rest) {
            event.error_type = rest.get(at..at + 7).unwrap_or_default();
            return rest;
        } else {
            return rest;
        }
    }
}

/// `203.0.113.7:44156`, `::1:44156`, and of 2.2 without the port.
fn peer(client: &[u8]) -> (&[u8], u16) {
    let (host, port) = net::host_port(client);
    let whole = host.is_empty() || (host.ends_with(b":") && !host.ends_with(b"::"));
    if whole || (net::is_address(client) && !net::is_address(host)) { (client, 0) } else { (host, port) }
}

/// Where `AHnnnnn:` stands behind a system error.
fn tag(text: &[u8]) -> Option<usize> {
    let at = memchr::memmem::find(text, b": AH")? + 2;
    (num::digits(text.get(at + 2..)?) == 5 && text.get(at + 7) == Some(&b':')).then_some(at)
}

/// Texts and what they are. The first that stands in the message holds.
const TEXTS: [(&[u8], Kind, &[u8]); 16] = [
    (b"AH00957", Kind::LbUpstreamError, b"failed"),
    (b"AH01114", Kind::LbUpstreamError, b"failed"),
    (b"AH00959", Kind::LbServerState, b"down"),
    (b"AH01102", Kind::LbUpstreamError, b"upstream_reset"),
    (b"AH01110", Kind::LbUpstreamError, b"upstream_reset"),
    (b"AH00898", Kind::LbUpstreamError, b"upstream_reset"),
    (b"AH01075", Kind::LbUpstreamError, b"upstream_timeout"),
    (b"AH01079", Kind::LbUpstreamError, b"failed"),
    (b"server reached MaxRequestWorkers", Kind::ResourceExhausted, b"workers"),
    (b"server reached MaxClients", Kind::ResourceExhausted, b"workers"),
    (b"Too many open files", Kind::ResourceExhausted, b"file_descriptors"),
    (b"exit signal", Kind::AppStop, b"killed"),
    (b"resuming normal operations", Kind::AppStart, b"ready"),
    (b"shutting down", Kind::AppStop, b"shutdown"),
    (b"Doing graceful restart", Kind::ConfigChange, b"reload"),
    (b"attempting to restart", Kind::ConfigChange, b"restart"),
];

fn classify(event: &mut Event<'_>) {
    let message = event.message;
    if let Some((_, kind, reason)) = TEXTS.iter().find(|(text, _, _)| memchr::memmem::find(message, text).is_some()) {
        event.kind = *kind;
        event.reason = match facts::refusal(message) {
            said if *reason == b"failed" && !said.is_empty() => said,
            _ => reason,
        };
        if matches!(kind, Kind::AppStart | Kind::AppStop) {
            event.subject = b"httpd";
        }
    }
    let to = text::after(message, b"attempt to connect to ")
        .or_else(|| text::after(message, b"failed to make connection to backend: "));
    if let Some(to) = to {
        (event.server, event.server_port) = net::host_port(text::word(to));
    }
}
