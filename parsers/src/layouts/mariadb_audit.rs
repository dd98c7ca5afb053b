//! MariaDB's audit plugin (`server_audit`) writing to a file: one line of comma-separated columns for each event. Its
//! CONNECT and DISCONNECT lines are complete, so it is the best witness of sessions that MariaDB has. Amazon's RDS adds the
//! kind of connection as a column, Aurora writes the time as microseconds since the epoch.
//!
//! Source: MariaDB `plugin/server_audit/server_audit.c`; MariaDB documentation "MariaDB Audit Plugin - Log Format"; Amazon
//! Aurora User Guide, "Using Advanced Auditing".
//!
//! ```text
//! 20261120 10:20:36,db-1,app,10.0.0.5,7,0,CONNECT,shop,,0
//! time              host user client  id query operation database object code
//! 1795170036123456,db-1,app,10.0.0.5,7,0,CONNECT,shop,,0
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::time;
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "mariadb_audit",
    about: "MariaDB audit plugin: connects, failed connects, disconnects, statements",
    spec: "MariaDB documentation, \"MariaDB Audit Plugin - Log Format\"; plugin/server_audit/server_audit.c",
    weight: 92,
    infer: |sample: &Sample<'_>| {
        let arena = Arena::new();
        let fits = |line: &&[u8]| starts(line) && Audit.parse(line, &arena, &mut Event::default()).is_ok();
        let found = sample.lines.iter().copied().any(|line| fits(&line));
        found.then(|| Inferred { layout: Box::new(Audit), reason: "server_audit columns".into() })
    },
    examples: &[
        Example {
            line: "20261120 10:20:36,db-1,app,10.0.0.5,7,0,CONNECT,shop,,0",
            shows: &[
                ("time", "2026-11-20T10:20:36"),
                ("kind", "db.connection.open"),
                ("host.name", "db-1"),
                ("conn.id", "7"),
                ("db.user", "app"),
                ("client.address", "10.0.0.5"),
                ("db.namespace", "shop"),
            ],
        },
        Example {
            line: "20261120 10:20:38,db-1,app,10.0.0.5,9,0,FAILED_CONNECT,,,1045",
            shows: &[
                ("kind", "db.connection.refused"),
                ("reason", "authentication"),
                ("conn.id", "9"),
                ("db.response.status_code", "1045"),
            ],
        },
        Example {
            line: "20261120 10:20:40,db-1,app,10.0.0.5,7,0,DISCONNECT,shop,,0",
            shows: &[("kind", "db.connection.close"), ("conn.id", "7")],
        },
        Example {
            line: r"20261120 10:20:39,db-1,app,10.0.0.5,7,31,QUERY,shop,'select \'a, b\'\nfrom t',0",
            shows: &[("kind", "db.query"), ("db.query.text", "select 'a, b'\nfrom t")],
        },
    ],
};

struct Audit;

/// `20261120 10:20:36,` or `1795170036123456,`
fn stamp(line: &[u8]) -> time::Taken {
    let taken = match (line.get(17), line.get(16)) {
        (Some(b','), _) if line.get(11) == Some(&b':') => time::compact_century(line)?,
        (_, Some(b',')) => time::epoch(line)?,
        _ => return None,
    };
    (line.get(taken.1) == Some(&b',')).then_some(taken)
}

fn starts(line: &[u8]) -> bool {
    stamp(line).is_some()
}

impl Layout for Audit {
    fn line(&self, line: &[u8]) -> Line {
        if starts(line) { Line::Start } else { Line::Foreign }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let bad = |at| Reject::new(Reason::BadField, at);
        let (stamp, end) = stamp(record).ok_or(Reject::new(Reason::BadTime, 0))?;
        let mut columns = record.get(end + 1..).unwrap_or_default().splitn(8, |b| *b == b',');
        let mut next = || columns.next().ok_or(Reject::new(Reason::Truncated, record.len()));
        let (host, user, client, conn, statement, operation, database) =
            (next()?, next()?, next()?, next()?, next()?, next()?, next()?);
        let tail = next()?;
        let word = |name: &[u8]| name.iter().all(|b| b.is_ascii_uppercase() || *b == b'_') && name.len() > 2;
        if conn.is_empty() || !conn.iter().chain(statement).all(u8::is_ascii_digit) || !word(operation) {
            return Err(bad(end + 1));
        }
        let (object, code) = object_and_code(tail).ok_or(bad(record.len() - tail.len()))?;
        event.stamp = stamp;
        event.host = host;
        event.db_user = user;
        event.client = client;
        event.conn = conn;
        event.db_name = database;
        event.sqlstate = if code == b"0" { b"" } else { code };
        event.message = record.get(record.len() - tail.len() - database.len() - operation.len() - 2..).unwrap_or_default();
        let object = unquote(object, arena);
        event.kind = match operation {
            b"CONNECT" if matches!(code, b"0" | b"") => Kind::DbOpen,
            b"DISCONNECT" => Kind::DbClose,
            b"FAILED_CONNECT" | b"CONNECT" => {
                event.reason = refusal(code);
                Kind::DbRefused
            }
            b"QUERY" | b"QUERY_DDL" | b"QUERY_DML" | b"QUERY_DCL" => {
                event.query = object;
                Kind::Query
            }
            b"CHANGEUSER" | b"CHANGE_USER" => {
                event.reason = b"change_user";
                Kind::DbActivity
            }
            _ => {
                event.subject = object;
                Kind::DbActivity
            }
        };
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Complete
    }
}

/// `'select 1',0`, `orders,`, `,1045,SOCKET`: the object as written and the code. Only a quoted object holds commas.
fn object_and_code(tail: &[u8]) -> Option<(&[u8], &[u8])> {
    let comma = if tail.first() == Some(&b'\'') {
        memchr::memmem::rfind(tail, b"',").map(|quote| quote + 1)?
    } else {
        memchr::memchr(b',', tail)?
    };
    let code = tail.get(comma + 1..)?.split(|b| *b == b',').next()?;
    Some((tail.get(..comma)?, code.trim_ascii()))
}

/// Why a connect failed, by MySQL's error number.
fn refusal(code: &[u8]) -> &'static [u8] {
    match code {
        b"1040" => b"too_many_clients",
        b"1203" | b"1226" => b"too_many_clients_of_user",
        b"1044" => b"database_access",
        b"1049" => b"unknown_database",
        b"1129" => b"host_blocked",
        b"1130" => b"host_not_allowed",
        b"1053" => b"shutting_down",
        b"1158" | b"1159" | b"1160" | b"1161" | b"1184" => b"network",
        _ => b"authentication",
    }
}

/// A text in single quotes with `\'`, `\\`, `\n`, `\r`, `\t` and `\0`; copied only where it has an escape.
fn unquote<'a>(quoted: &'a [u8], arena: &'a Arena) -> &'a [u8] {
    let Some(body) = quoted.strip_prefix(b"'") else { return quoted };
    let body = body.strip_suffix(b"'").unwrap_or(body);
    if memchr::memchr(b'\\', body).is_none() {
        return body;
    }
    let mut out = bumpalo::collections::Vec::with_capacity_in(body.len(), arena);
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.as_slice().first()) {
            (b'\\', Some(escaped)) => {
                out.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'0' => 0,
                    other => *other,
                });
                bytes.next();
            }
            _ => out.push(*byte),
        }
    }
    out.into_bump_slice()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amazons_columns_are_read() {
        for (line, kind, code) in [
            (&b"20261120 10:31:00,ip-10-0-0-1,app,10.0.0.5,43,2,CONNECT,shop,,0,SSL"[..], Kind::DbOpen, &b""[..]),
            (b"1795170036123456,db-1,app,10.0.0.5,44,0,FAILED_CONNECT,,,1045", Kind::DbRefused, b"1045"),
            (b"1795170036123456,db-1,app,10.0.0.5,44,0,CONNECT,,,1045", Kind::DbRefused, b"1045"),
            (b"1795170036123456,db-1,app,10.0.0.5,44,9,QUERY,shop,'a, \\'b\\', c',1064,SOCKET", Kind::Query, b"1064"),
        ] {
            let (arena, mut event) = (Arena::new(), Event::default());
            assert!(Audit.parse(line, &arena, &mut event).is_ok(), "{}", String::from_utf8_lossy(line));
            assert_eq!((event.kind, event.sqlstate), (kind, code), "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn numbers_of_others_are_not_ours() {
        assert!(!starts(b"1795170036123456"));
        assert!(Audit.parse(b"1795170036123456,a,b,c,1,2,3,4,5", &Arena::new(), &mut Event::default()).is_err());
    }
}
