//! The error log of MySQL 5.0 to 9, MariaDB and Percona Server, in their text forms, with the lines of `mysqld_safe` and of
//! the Docker entry point.
//!
//! Source: MySQL Reference Manual, "Error Log Output Format"; MySQL `sql/log.cc` and `sql/server_component/log_sink_trad.cc`;
//! MariaDB `sql/log.cc` (`print_buffer_to_file`).
//!
//! ```text
//! 2026-11-20T13:44:34.420123Z 0 [System] [MY-010931] [Server] mysqld: ready for connections.     MySQL 8, 9
//! time                   thread  label    code        subsystem text
//! 2026-11-20T13:44:34.420123Z 0 [Warning] text                                                   MySQL 5.7
//! 2026-11-20 10:20:15 0 [Note] text                               MariaDB; MySQL 5.6 with its process id for a thread
//! 2026-11-20 10:20:15 7fd7a8e8c700 InnoDB: text                                                  MySQL 5.6
//! 161209 14:18:50 [Warning] text                                                                 MySQL 5.5, MariaDB 5.5
//! 161209 14:18:51  InnoDB: text
//! 161209 14:18:51 mysqld_safe Starting mysqld daemon
//! 14:18:51 UTC - mysqld got signal 11 ;
//! ```

use crate::event::{Arena, Event};
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::{mysql, num, text, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "mysql_error",
    about: "error log of MySQL, MariaDB and Percona Server, text forms",
    spec: "MySQL Reference Manual, \"Error Log Output Format\"; sql/log.cc of MySQL and MariaDB",
    weight: 90,
    infer,
    examples: &[
        Example {
            line: "2026-11-20T13:44:34.420123Z 0 [System] [MY-010931] [Server] /usr/sbin/mysqld: ready for connections. \
                Version: '8.0.15'  socket: '/run/mysqld.sock'  port: 3306  MySQL Community Server - GPL.",
            shows: &[
                ("time", "2026-11-20T13:44:34.420123Z"),
                ("severity", "INFO"),
                ("kind", "server.ready"),
                ("service.version", "8.0.15"),
                ("db.response.status_code", "MY-010931"),
                ("logger", "Server"),
            ],
        },
        Example {
            line: "2026-11-20  9:20:15 8 [Warning] Access denied for user 'app'@'10.0.0.5' (using password: YES)",
            shows: &[
                ("time", "2026-11-20T09:20:15"),
                ("severity", "WARN"),
                ("kind", "db.connection.refused"),
                ("reason", "authentication"),
                ("conn.id", "8"),
                ("db.user", "app"),
                ("client.address", "10.0.0.5"),
            ],
        },
        Example {
            line: "2026-11-20T10:20:38.000001Z 12 [Warning] Too many connections",
            shows: &[("kind", "db.connection.refused"), ("reason", "too_many_clients")],
        },
        Example {
            line: "161209 14:18:51 mysqld_safe Starting mysqld daemon with databases from /var/lib/mysql",
            shows: &[("time", "2016-12-09T14:18:51"), ("kind", "server.start"), ("logger", "mysqld_safe")],
        },
    ],
};

/// What the sample shows about the writer.
struct ErrorLog {
    /// The number behind the time is the server's process id (MySQL 5.6), not a connection's.
    pid: bool,
    /// Most lines are of this log, so that whatever has no header belongs to the record above it.
    own: bool,
}

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    let heads: Vec<Head<'_>> = sample.lines.iter().filter_map(|line| head(line)).collect();
    if !heads.iter().any(|head| !head.label.is_empty() || !head.writer.is_empty()) {
        return None;
    }
    let numbers: Vec<&[u8]> = heads.iter().filter(|h| !h.label.is_empty()).map(|h| h.thread).collect();
    let first = numbers.first().copied().unwrap_or_default();
    let pid = numbers.len() > 1 && first != b"0" && !first.is_empty() && numbers.iter().all(|n| *n == first);
    let own = heads.len() * 4 >= sample.lines.len();
    let coded = heads.iter().any(|head| head.text.starts_with(b"[MY-"));
    let reason = match (coded, pid, heads.iter().any(|h| !h.thread.is_empty())) {
        (true, ..) => "error log with MY- codes (MySQL 8)",
        (_, true, _) => "error log with the process id (MySQL 5.6)",
        (_, _, true) => "error log with thread ids (MySQL 5.7, MariaDB)",
        _ => "error log without thread ids (MySQL 5.5, MariaDB 5.5)",
    };
    Some(Inferred { layout: Box::new(ErrorLog { pid, own }), reason: reason.into() })
}

impl Layout for ErrorLog {
    fn line(&self, line: &[u8]) -> Line {
        match line.first() {
            Some(b'0'..=b'9') if head(line).is_some() => Line::Start,
            // Dated lines of somebody else are not ours to swallow; InnoDB's reports begin with a time and a thread.
            Some(b'0'..=b'9') if mysql::looks_dated(line) && !report(line) => Line::Foreign,
            _ if self.own => Line::Continue,
            Some(b' ' | b'\t' | b'*' | b'-') => Line::Continue,
            _ if line.starts_with(b"Version: '") || line.starts_with(b"InnoDB: ") => Line::Continue,
            _ => Line::Foreign,
        }
    }

    fn parse<'a>(&self, record: &'a [u8], _: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let (line, rest) = text::first_line(record);
        let head = head(line).ok_or(Reject::new(Reason::BadField, 0))?;
        event.stamp = head.stamp;
        event.stack = rest.trim_ascii_end();
        event.severity = Severity::of_word(head.label);
        event.logger = head.writer;
        let id = head.thread.len() <= 10 && num::uint(head.thread).is_some_and(|n| n > 0);
        if id && self.pid {
            event.pid = num::uint32(head.thread).unwrap_or(0);
        } else if id {
            event.conn = head.thread;
        }
        let mut message = head.text;
        if let Some((code, tail)) = bracket(message).filter(|(code, _)| code.starts_with(b"MY-")) {
            event.sqlstate = code;
            message = tail;
            if let Some((subsystem, tail)) = bracket(message) {
                event.logger = subsystem;
                message = tail;
            }
        } else if event.logger.is_empty() {
            event.logger = [&b"InnoDB"[..], b"WSREP"]
                .into_iter()
                .find(|name| message.strip_prefix(*name).is_some_and(|t| t.starts_with(b": ")))
                .unwrap_or_default();
        }
        event.message = message.trim_ascii();
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Only("mysql_server")
    }
}

/// The columns of a record's first line.
struct Head<'a> {
    stamp: crate::Stamp,
    /// The thread or process id, as written.
    thread: &'a [u8],
    /// `Note`, `Warning`, `ERROR`, `System`, or empty.
    label: &'a [u8],
    /// `mysqld_safe`, `Entrypoint`, `InnoDB`, or empty.
    writer: &'a [u8],
    /// What follows.
    text: &'a [u8],
}

fn head(line: &[u8]) -> Option<Head<'_>> {
    if line.get(2) == Some(&b':') {
        return crash(line);
    }
    let (stamp, end) = mysql::stamp(line)?;
    let short = line.get(6) == Some(&b' ');
    let rest = line.get(end..)?.strip_prefix(b" ")?;
    // Without labels a line of the old form may hold any text, but not the general log's columns.
    let (thread, body) = thread(rest);
    if let Some((label, text)) = label(body) {
        let writer = bracket(text).filter(|(name, _)| *name == b"Entrypoint").map_or(&b""[..], |(name, _)| name);
        // With a date in full there is a thread id, but for the entry point, which is a shell script.
        if !short && thread.is_empty() && writer.is_empty() {
            return None;
        }
        return Some(Head { stamp, thread, label, writer, text });
    }
    for name in [&b"mysqld_safe"[..], b"mariadbd-safe", b"mysqld-safe"] {
        if let Some(text) = body.strip_prefix(name).filter(|_| thread.is_empty()) {
            return Some(Head { stamp, thread, label: b"", writer: name, text: text.trim_ascii_start() });
        }
    }
    if body.starts_with(b"InnoDB: ") && (short || !thread.is_empty()) {
        return Some(Head { stamp, thread, label: b"", writer: b"InnoDB", text: body });
    }
    let signal =
        |text: &[u8]| memchr::memmem::find(text.get(..40.min(text.len())).unwrap_or_default(), b" got signal ").is_some();
    if signal(body) {
        let text = body.strip_prefix(b"UTC").unwrap_or(body).trim_ascii_start();
        let text = text.strip_prefix(b"- ").unwrap_or(text);
        return Some(Head { stamp, thread: b"", label: b"ERROR", writer: b"mysqld", text });
    }
    let free = short && thread.is_empty() && body.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'/');
    free.then_some(Head { stamp, thread, label: b"", writer: b"", text: body })
}

/// `2026-11-20 17:25:43 0x7f3c1c1fb700 INNODB MONITOR OUTPUT`, a line inside a longer report.
fn report(line: &[u8]) -> bool {
    let rest = mysql::stamp(line).and_then(|(_, end)| line.get(end..)).unwrap_or_default().trim_ascii_start();
    rest.starts_with(b"0x") || rest.starts_with(b"INNODB")
}

/// `14:18:51 UTC - mysqld got signal 11 ;`: how MySQL 5.6 and 5.7 begin to die.
fn crash(line: &[u8]) -> Option<Head<'_>> {
    let (stamp, _) = time::time_only(line)?;
    let text = line.get(8..)?.strip_prefix(b" UTC - ")?;
    memchr::memmem::find(text, b" got signal ")?;
    Some(Head { stamp, thread: b"", label: b"ERROR", writer: b"mysqld", text })
}

/// A decimal or hexadecimal thread id and what follows; without one the text as it is.
fn thread(rest: &[u8]) -> (&[u8], &[u8]) {
    let rest = rest.trim_ascii_start();
    let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let word = rest.get(..end).unwrap_or_default();
    let hex = word.strip_prefix(b"0x").unwrap_or(word);
    let decimal = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    if decimal || (hex.len() >= 8 && hex.iter().all(u8::is_ascii_hexdigit)) {
        return (word, rest.get(end..).unwrap_or_default().trim_ascii_start());
    }
    (b"", rest)
}

/// `[Note] `, `[Warning] `, `[ERROR] `, `[System] ` and what follows.
fn label(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (label, rest) = bracket(body)?;
    matches!(label, b"Note" | b"Warning" | b"ERROR" | b"Error" | b"System").then_some((label, rest))
}

/// `[word] ` (or `[word]: `) at the start of `text`, and what follows.
fn bracket(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let body = text.strip_prefix(b"[")?;
    let end = memchr::memchr(b']', body.get(..body.len().min(40))?)?;
    let rest = body.get(end + 1..)?;
    let rest = rest.strip_prefix(b":").unwrap_or(rest);
    Some((body.get(..end)?, rest.strip_prefix(b" ").unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generation_has_its_header() {
        for (line, thread, label, text) in [
            ("2026-11-20T13:44:34.420123Z 7 [Warning] [MY-010068] [Server] x", "7", "Warning", "[MY-010068] [Server] x"),
            ("2026-11-20T14:44:34.420123+01:00 0 [Note] x", "0", "Note", "x"),
            ("2026-11-20 10:20:15 140123456789 [ERROR] x", "140123456789", "ERROR", "x"),
            ("2026-11-20 10:20:15 7fd7a8e8c700 InnoDB: x", "7fd7a8e8c700", "", "InnoDB: x"),
            ("2026-11-20 10:20:15+00:00 [Note] [Entrypoint]: x", "", "Note", "[Entrypoint]: x"),
            ("161209 14:18:51  InnoDB: x", "", "", "InnoDB: x"),
            ("080721  3:04:01 mysqld_safe x", "", "", "x"),
            ("161209 14:18:51 server_audit: STOPPED", "", "", "server_audit: STOPPED"),
            ("2026-11-20T10:00:00Z UTC - mysqld got signal 11 ;", "", "ERROR", "mysqld got signal 11 ;"),
            ("14:18:51 UTC - mysqld got signal 6 ;", "", "ERROR", "mysqld got signal 6 ;"),
        ] {
            let head = head(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((head.thread, head.label, head.text), (thread.as_bytes(), label.as_bytes(), text.as_bytes()), "{line}");
        }
    }

    #[test]
    fn lines_of_others_are_not_ours() {
        for line in [
            "2026-11-20 10:20:15 INFO x",
            "2026-11-20 10:20:15 12 [INFO] x",
            "2026-11-20 10:20:15,123 [Note] x",
            "261120 10:20:35\t    10 Query\tselect 1",
            "2026-11-20T10:20:35.592691Z\t   10 Query\tselect 1",
            "10:15:20.136 [main] INFO x",
        ] {
            assert!(head(line.as_bytes()).is_none(), "{line}");
        }
    }
}
