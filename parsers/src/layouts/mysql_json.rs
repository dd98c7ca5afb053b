//! The error log of MySQL 8 and Percona Server 8 through the JSON sink (`log_sink_json`): one object a line.
//!
//! Source: MySQL Reference Manual, "Error Log Output Format", JSON; `components/logging/log_sink_json.cc`.
//!
//! ```text
//! { "prio" : 2, "err_code" : 10068, "subsystem" : "Server", "msg" : "CA certificate ca.pem is self signed.", "time" : "2026-11-20T13:44:31.533096Z", "err_symbol" : "ER_CA_SELF_SIGNED", "SQL_state" : "HY000", "label" : "Warning" }
//! ```

use crate::event::{Arena, Event};
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::{json, num, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "mysql_json",
    about: "error log of MySQL 8 in JSON",
    spec: "MySQL Reference Manual, \"Error Log Output Format\"; components/logging/log_sink_json.cc",
    weight: 92,
    infer: |sample: &Sample<'_>| {
        let found = sample.lines.iter().any(|line| starts(line));
        found.then(|| Inferred { layout: Box::new(Sink), reason: "objects with prio and err_code".into() })
    },
    examples: &[Example {
        line: concat!(
            r#"{ "prio" : 2, "err_code" : 10926, "subsystem" : "Server", "#,
            r#""msg" : "Access denied for user 'app'@'10.0.0.5' (using password: YES)", "#,
            r#""time" : "2026-11-20T13:50:02.000100Z", "ts" : 1795182602000, "thread" : 12, "#,
            r#""err_symbol" : "ER_ACCESS_DENIED_ERROR_WITH_PASSWORD", "SQL_state" : "HY000", "label" : "Warning" }"#
        ),
        shows: &[
            ("time", "2026-11-20T13:50:02.000100Z"),
            ("severity", "WARN"),
            ("kind", "db.connection.refused"),
            ("reason", "authentication"),
            ("conn.id", "12"),
            ("db.user", "app"),
            ("logger", "Server"),
            ("error.type", "ER_ACCESS_DENIED_ERROR_WITH_PASSWORD"),
        ],
    }],
};

struct Sink;

fn starts(line: &[u8]) -> bool {
    line.first() == Some(&b'{')
        && memchr::memmem::find(line.get(..48).unwrap_or(line), br#""prio""#).is_some()
        && memchr::memmem::find(line, br#""msg""#).is_some()
}

impl Layout for Sink {
    fn line(&self, line: &[u8]) -> Line {
        if starts(line) { Line::Start } else { Line::Foreign }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let mut pairs = bumpalo::collections::Vec::with_capacity_in(16, arena);
        let end = json::flatten(record, arena, &mut |key, value| pairs.push((key, value.text)));
        end.map_err(|at| Reject::new(Reason::Truncated, at))?;
        event.attrs = pairs.into_bump_slice();
        event.stamp = event.attr("time").and_then(time::iso).ok_or(Reject::new(Reason::BadTime, 0))?.0;
        event.message = event.attr("msg").unwrap_or_default();
        event.logger = event.attr("subsystem").unwrap_or_default();
        event.severity = match event.attr("label") {
            Some(label) => Severity::of_word(label),
            None => match event.attr("prio") {
                Some(b"0" | b"3") => Severity::INFO,
                Some(b"1") => Severity::ERROR,
                Some(b"2") => Severity::WARN,
                _ => Severity::NONE,
            },
        };
        event.conn = event.attr("thread").filter(|id| num::uint(id).is_some_and(|n| n > 0)).unwrap_or_default();
        event.sqlstate = event.attr_any(&["err_code", "SQL_state"]).unwrap_or_default();
        event.error_type = event.attr("err_symbol").unwrap_or_default();
        event.file = event.attr("source_file").unwrap_or_default();
        event.line = event.attr("source_line").and_then(num::uint32).unwrap_or(0);
        event.function = event.attr("function").unwrap_or_default();
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Only("mysql_server")
    }
}
