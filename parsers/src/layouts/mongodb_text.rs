//! `MongoDB`'s text log, versions 2.0 to 4.2.
//!
//! Source: `MongoDB` manual 4.2, "Log Messages"; `src/mongo/logger/message_event_utf8_encoder.cpp` (`MessageEventDetailsEncoder`).
//!
//! ```text
//! 2018-02-05T13:44:56.657+0100 I  NETWORK  [conn90] end connection 10.0.0.5:5 (2 connections now open)   3.0 to 4.2
//! time                         severity    [thread] text
//!                                 component
//! 2014-10-31T13:00:03.914+0000 [conn90] text                                                            2.6
//! Wed Sep 18 12:17:08.260 [conn90] text                                        2.4; to 2.2 without the milliseconds
//! Wed Jul 13 16:14:35.324 I QUERY    [conn90] text                                 3.0 to 3.6, timeStampFormat ctime
//! ```

use crate::event::{Arena, Event};
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::{text, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::{Stamp, Written};

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "mongodb_text",
    about: "MongoDB text log, 2.0 to 4.2",
    spec: "MongoDB manual 4.2, \"Log Messages\"; src/mongo/logger/message_event_utf8_encoder.cpp",
    weight: 90,
    infer,
    examples: &[
        Example {
            line: "2018-02-05T13:50:55.487+0100 I NETWORK  [initandlisten] connection accepted from 10.0.0.5:55406 #2 (1 connection now open)",
            shows: &[
                ("time", "2018-02-05T12:50:55.487Z"),
                ("severity", "INFO"),
                ("logger", "NETWORK"),
                ("thread.name", "initandlisten"),
                ("kind", "db.connection.open"),
                ("conn.id", "2"),
                ("client.address", "10.0.0.5"),
                ("client.port", "55406"),
                ("pool.total", "1"),
            ],
        },
        Example {
            line: "Wed Sep 18 12:17:08.260 [conn2] end connection 10.0.0.5:55406 (0 connections now open)",
            shows: &[("time", "--09-18T12:17:08.260"), ("kind", "db.connection.close"), ("conn.id", "2"), ("pool.total", "0")],
        },
        Example {
            line: "2018-02-05T13:50:55.487+0100 I COMMAND  [conn7] command shop.orders appName: \"shop-api\" command: find { find: \"orders\" } \
                planSummary: COLLSCAN keysExamined:0 docsExamined:29514 numYields:230 locks:{ Global: { acquireCount: { r: 462 } } } protocol:op_msg 369ms",
            shows: &[
                ("kind", "db.query.slow"),
                ("conn.id", "7"),
                ("db.namespace", "shop"),
                ("client.app", "shop-api"),
                ("duration_ns", "369000000"),
                ("db.query.text", "find { find: \"orders\" }"),
            ],
        },
    ],
};

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    let heads: Vec<Head<'_>> = sample.lines.iter().filter_map(|line| head(line)).collect();
    // A thread that only this server has, or the columns of 3.0.
    let thread = |t: &[u8]| {
        [&b"conn"[..], b"initandlisten", b"listener", b"mongosMain", b"rs", b"replexec", b"signalProcessing", b"FileAllocator"]
            .iter()
            .any(|name| t.starts_with(name))
    };
    let own = heads.iter().find(|h| !h.component.is_empty()).or_else(|| heads.iter().find(|h| thread(h.thread)))?;
    let ctime = own.stamp.written == Written::NoYear;
    let reason = match (own.component.is_empty(), ctime) {
        (false, false) => "severity and component columns (3.0 to 4.2)",
        (false, true) => "severity and component columns, ctime",
        (true, false) => "ISO time and thread (2.6)",
        (true, true) => "ctime and thread (2.0 to 2.4)",
    };
    Some(Inferred { layout: Box::new(Mongo), reason: reason.into() })
}

struct Mongo;

impl Layout for Mongo {
    fn line(&self, line: &[u8]) -> Line {
        match line.get(..4) {
            Some([b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'] | [b'A'..=b'Z', _, _, b' ']) if dated(line) => {
                if head(line).is_some() { Line::Start } else { Line::Foreign }
            }
            _ => Line::Continue,
        }
    }

    fn parse<'a>(&self, record: &'a [u8], _: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let (line, rest) = text::first_line(record);
        let head = head(line).ok_or(Reject::new(Reason::BadField, 0))?;
        event.stamp = head.stamp;
        event.severity = head.severity;
        event.logger = if head.component == b"-" { b"" } else { head.component };
        event.thread = head.thread;
        event.conn = head.thread.strip_prefix(b"conn").map(text::digits).unwrap_or_default();
        event.message = head.text;
        event.stack = rest.trim_ascii_end();
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Only("mongodb_server")
    }
}

struct Head<'a> {
    stamp: Stamp,
    severity: Severity,
    component: &'a [u8],
    thread: &'a [u8],
    text: &'a [u8],
}

/// A look at fixed places: does the line begin like a time of this server?
fn dated(line: &[u8]) -> bool {
    let iso = line.get(10) == Some(&b'T') && line.get(19) == Some(&b'.');
    iso || (line.get(13) == Some(&b':') && line.get(16) == Some(&b':') && matches!(line.get(19), Some(b' ' | b'.')))
}

fn head(line: &[u8]) -> Option<Head<'_>> {
    if !dated(line) {
        return None;
    }
    let old = line.first()?.is_ascii_uppercase();
    let (stamp, end) = if old { time::ctime(line)? } else { time::iso(line)? };
    let instant = stamp.written == Written::Instant && stamp.digits == 3;
    if !(instant || stamp.written == Written::NoYear) {
        return None;
    }
    let rest = line.get(end..)?.strip_prefix(b" ")?;
    if let Some((severity, component, rest)) = columns(rest) {
        let (thread, text) = thread(rest)?;
        return Some(Head { stamp, severity, component, thread, text });
    }
    let bare = || old.then_some((&b""[..], rest));
    let (thread, text) = thread(rest).or_else(bare)?;
    Some(Head { stamp, severity: Severity::NONE, component: b"", thread, text })
}

/// `I  NETWORK  `, `D1 STORAGE  `, `I -        `: severity, component and what follows.
fn columns(rest: &[u8]) -> Option<(Severity, &[u8], &[u8])> {
    let severity = match rest.first()? {
        b'I' => Severity::INFO,
        b'W' => Severity::WARN,
        b'E' => Severity::ERROR,
        b'F' => Severity::FATAL,
        b'D' if matches!(rest.get(1), Some(b'3'..=b'5')) => Severity::TRACE,
        b'D' => Severity::DEBUG,
        _ => return None,
    };
    let rest = rest.get(1..)?;
    let rest = rest.strip_prefix(b" ").or_else(|| rest.get(1..)?.strip_prefix(b" ").filter(|_| severity.0 <= 5))?;
    let rest = rest.trim_ascii_start();
    let width = rest.iter().take_while(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b'_')).count();
    let (component, rest) = rest.split_at_checked(width)?;
    (width > 0 && rest.first() == Some(&b' ')).then(|| (severity, component, rest.trim_ascii_start()))
}

/// `[conn90] ` and what follows; a name may hold spaces and brackets' pairs do not nest.
fn thread(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let body = rest.strip_prefix(b"[")?;
    let end = memchr::memchr(b']', body.get(..body.len().min(80))?)?;
    let text = body.get(end + 1..)?;
    Some((body.get(..end)?, text.strip_prefix(b" ").unwrap_or(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generation_is_read() {
        for (line, severity, component, thread) in [
            ("2020-03-12T00:00:01.935+0000 I  CONTROL  [conn1] x", 9, "CONTROL", "conn1"),
            (
                "2020-03-12T00:00:01.935Z D3 STORAGE  [WT RecordStoreThread: local.oplog.rs] x",
                1,
                "STORAGE",
                "WT RecordStoreThread: local.oplog.rs",
            ),
            ("2020-03-12T00:00:01.935-0500 I -        [conn1] x", 9, "-", "conn1"),
            ("2014-10-31T13:00:03.914+0000 [conn1] x", 0, "", "conn1"),
            ("Wed Jul 13 16:14:35.324 I QUERY    [conn39] x", 9, "QUERY", "conn39"),
            ("Mon Aug  5 20:21:42 [rsStart] x", 0, "", "rsStart"),
            ("Mon Aug  5 20:21:42 x", 0, "", ""),
        ] {
            let head = head(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(
                (head.severity.0, head.component, head.thread, head.text),
                (severity, component.as_bytes(), thread.as_bytes(), &b"x"[..]),
                "{line}"
            );
        }
    }

    #[test]
    fn lines_of_others_are_not_ours() {
        for line in [
            "2020-03-12T00:00:01.935Z INFO x",
            "2020-03-12T00:00:01.935123Z [a] x",
            "2020-03-12T00:00:01.935+0000 U STORAGE  [a] x",
            "Fri Nov 20 10:23:39 2026 x",
        ] {
            assert!(head(line.as_bytes()).is_none(), "{line}");
        }
    }
}
