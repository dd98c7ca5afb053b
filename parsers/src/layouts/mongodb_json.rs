//! `MongoDB`'s structured log, version 4.4 on: one JSON object a line, with a stable number for every message.
//!
//! Source: `MongoDB` manual, "Log Messages"; `src/mongo/logv2/json_formatter.cpp`.
//!
//! ```text
//! {"t":{"$date":"2026-11-20T10:10:16.116+00:00"},"s":"I",  "c":"NETWORK",  "id":22943,   "ctx":"listener","msg":"Connection accepted","attr":{"remote":"10.0.0.5:29402","connectionId":1907,"connectionCount":151}}
//!  time                                           severity  component      message id    thread            message                     attributes
//! ```

use crate::event::{Arena, Event};
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::{json, net, num, text, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "mongodb_json",
    about: "MongoDB structured log, 4.4 and later",
    spec: "MongoDB manual, \"Log Messages\"; src/mongo/logv2/json_formatter.cpp",
    weight: 95,
    infer: |sample: &Sample<'_>| {
        let found = sample.lines.iter().any(|line| starts(line));
        found.then(|| Inferred { layout: Box::new(Mongo), reason: "objects that begin with t.$date".into() })
    },
    examples: &[
        Example {
            line: r#"{"t":{"$date":"2026-11-20T10:10:16.116+00:00"},"s":"I",  "c":"NETWORK",  "id":22943,   "ctx":"listener","msg":"Connection accepted","attr":{"remote":"10.0.0.5:29402","connectionId":1907,"connectionCount":151}}"#,
            shows: &[
                ("time", "2026-11-20T10:10:16.116Z"),
                ("severity", "INFO"),
                ("logger", "NETWORK"),
                ("kind", "db.connection.open"),
                ("conn.id", "1907"),
                ("client.address", "10.0.0.5"),
                ("client.port", "29402"),
                ("pool.total", "151"),
            ],
        },
        Example {
            line: r#"{"t":{"$date":"2026-11-20T10:10:17.500+01:00"},"s":"I",  "c":"COMMAND",  "id":51803,   "ctx":"conn1907","msg":"Slow query","attr":{"type":"command","ns":"shop.orders","appName":"shop-api","command":{"find":"orders","filter":{"state":"open"}},"planSummary":"COLLSCAN","durationMillis":420}}"#,
            shows: &[
                ("kind", "db.query.slow"),
                ("conn.id", "1907"),
                ("db.namespace", "shop"),
                ("client.app", "shop-api"),
                ("duration_ns", "420000000"),
                ("db.query.text", r#"{"find":"orders","filter":{"state":"open"}}"#),
            ],
        },
        Example {
            line: r#"{"t":{"$date":"2026-11-20T10:10:18.000+00:00"},"s":"I",  "c":"NETWORK",  "id":22944,   "ctx":"conn1907","msg":"Connection ended","attr":{"remote":"10.0.0.5:29402","connectionId":1907,"connectionCount":150}}"#,
            shows: &[("kind", "db.connection.close"), ("conn.id", "1907"), ("pool.total", "150")],
        },
    ],
};

struct Mongo;

fn starts(line: &[u8]) -> bool {
    line.starts_with(br#"{"t":{"$date":"#)
        || (line.starts_with(b"{") && line.get(..24).is_some_and(|head| memchr::memmem::find(head, br#""$date""#).is_some()))
}

impl Layout for Mongo {
    fn line(&self, line: &[u8]) -> Line {
        if starts(line) { Line::Start } else { Line::Foreign }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let mut pairs = bumpalo::collections::Vec::with_capacity_in(16, arena);
        let mut time = None;
        let (mut severity, mut context): (&[u8], &[u8]) = (b"", b"");
        let end = json::flatten(record, arena, &mut |key, value| match key {
            b"t.$date" => time = Some(value.text),
            b"s" => severity = value.text,
            b"c" => event.logger = value.text,
            b"ctx" => context = value.text,
            b"msg" => event.message = value.text,
            _ => pairs.push((key, value.text)),
        });
        end.map_err(|at| Reject::new(Reason::Truncated, at))?;
        event.attrs = pairs.into_bump_slice();
        event.stamp = time.and_then(time::iso).ok_or(Reject::new(Reason::BadTime, 0))?.0;
        event.severity = severity_of(severity);
        event.thread = context;
        event.conn = context.strip_prefix(b"conn").map(text::digits).unwrap_or_default();
        if let Some(id) = event.attr("attr.connectionId") {
            event.conn = id;
        }
        if let Some(remote) = event.attr_any(&["attr.remote", "attr.client"]).filter(|r| memchr::memchr(b':', r).is_some()) {
            (event.client, event.client_port) = net::host_port(remote);
        }
        event.query = text::after(record, br#""command":"#).and_then(object).unwrap_or_default();
        event.pid = event.attr("attr.pid").and_then(num::uint32).unwrap_or(event.pid);
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Only("mongodb_server")
    }
}

fn severity_of(letter: &[u8]) -> Severity {
    match letter {
        b"F" => Severity::FATAL,
        b"E" => Severity::ERROR,
        b"W" => Severity::WARN,
        b"I" => Severity::INFO,
        b"D" | b"D1" | b"D2" => Severity::DEBUG,
        b"D3" | b"D4" | b"D5" => Severity::TRACE,
        _ => Severity::NONE,
    }
}

/// The object at the start of `text`, as written.
fn object(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii_start();
    if text.first() != Some(&b'{') {
        return None;
    }
    let (mut depth, mut at) = (0usize, 0usize);
    loop {
        at += memchr::memchr3(b'{', b'}', b'"', text.get(at..)?)?;
        match text.get(at)? {
            b'{' => depth += 1,
            b'}' if depth == 1 => return text.get(..=at),
            b'}' => depth -= 1,
            _ => at = end_of_string(text, at + 1)?,
        }
        at += 1;
    }
}

/// The offset of the quote that ends the string whose inside begins at `at`.
fn end_of_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_end_at_their_own_brace() {
        assert_eq!(object(br#"{"a":"}\"","b":{}},"c":1"#), Some(&br#"{"a":"}\"","b":{}}"#[..]));
        assert_eq!(object(br#"{"a":1"#), None);
        assert_eq!(object(b"7"), None);
    }
}
