//! The general query log of MySQL, MariaDB and Percona Server: every command of every connection. To MySQL 5.6 and in
//! MariaDB the time is written only when the second has changed, so a record without one has the time of the record
//! before it; statements keep their line breaks.
//!
//! Source: MySQL `sql/log.cc` (`File_query_log::write_general`), MariaDB `sql/log.cc` (`MYSQL_QUERY_LOG::write`).
//!
//! ```text
//! 2026-11-20T10:20:35.592691Z<TAB>   10 Query<TAB>SELECT 1
//! time                            id    command   argument
//! 261120 10:20:35<TAB>    10 Connect<TAB>app@localhost on shop using TCP/IP
//! <TAB><TAB>    10 Quit<TAB>
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::{mysql, num, text};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::spec::Example;
use crate::stamp::Stamp;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "mysql_general",
    about: "general query log of MySQL, MariaDB and Percona Server: connects, statements, quits",
    spec: "MySQL Reference Manual, \"The General Query Log\"; sql/log.cc of MySQL and MariaDB",
    weight: 90,
    infer,
    examples: &[
        Example {
            line: "2026-11-20T10:20:35.592572Z\t   10 Connect\tapp@10.0.0.5 on shop using SSL/TLS",
            shows: &[
                ("time", "2026-11-20T10:20:35.592572Z"),
                ("kind", "db.connection.open"),
                ("conn.id", "10"),
                ("db.user", "app"),
                ("client.address", "10.0.0.5"),
                ("db.namespace", "shop"),
            ],
        },
        Example {
            line: "\t\t    11 Connect\tAccess denied for user 'app'@'localhost' (using password: YES)",
            shows: &[
                ("time", ""),
                ("kind", "db.connection.refused"),
                ("reason", "authentication"),
                ("conn.id", "11"),
                ("db.user", "app"),
                ("client.address", "localhost"),
            ],
        },
        Example {
            line: "261120 10:20:36\t    10 Quit\t",
            shows: &[("time", "2026-11-20T10:20:36"), ("kind", "db.connection.close"), ("conn.id", "10")],
        },
    ],
};

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    let heads = || sample.lines.iter().filter(|line| head(line).is_some());
    let iso = |line: &&&[u8]| line.get(4) == Some(&b'-');
    let reason = match (heads().count(), heads().find(iso)) {
        (0, _) => return None,
        (_, Some(_)) => "general query log with a time on every record",
        _ => "general query log with a time where the second changes",
    };
    Some(Inferred { layout: Box::new(General), reason: reason.into() })
}

struct General;

impl Layout for General {
    fn line(&self, line: &[u8]) -> Line {
        match line.first() {
            Some(b'0'..=b'9' | b'\t' | b' ') if head(line).is_some() => Line::Start,
            Some(b'0'..=b'9') if mysql::looks_dated(line) => Line::Foreign,
            _ if mysql::opens_log(line) => Line::Start,
            _ => Line::Continue,
        }
    }

    /// A log file's header goes with the first record behind it: it says that the log was opened, at a start or a flush,
    /// and so proves nothing.
    fn joins(&self, record: &[u8], _: &[u8]) -> bool {
        mysql::ends_with_header(record)
    }

    fn parse<'a>(&self, record: &'a [u8], _: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let body = mysql::skip_header(record);
        if body.is_empty() {
            event.message = text::first_line(record).0;
            return Ok(());
        }
        let Some(head) = head(body) else { return Err(Reject::new(Reason::BadField, record.len() - body.len())) };
        event.stamp = head.stamp;
        event.conn = head.id;
        event.message = body.get(head.message_at..).unwrap_or_default().trim_ascii_end();
        read(head.command, head.argument.trim_ascii_end(), event);
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Complete
    }
}

/// The columns of a record's first line.
struct Head<'a> {
    stamp: Stamp,
    id: &'a [u8],
    command: &'a [u8],
    argument: &'a [u8],
    /// Where the command begins.
    message_at: usize,
}

fn head(record: &[u8]) -> Option<Head<'_>> {
    let (stamp, end) = match record.first()? {
        b'0'..=b'9' => mysql::stamp(record)?,
        b'\t' => (Stamp::NONE, 0),
        // Tabs that a copy turned into spaces.
        b' ' if record.starts_with(b"        ") => (Stamp::NONE, 0),
        _ => return None,
    };
    let rest = record.get(end..)?;
    let columns = rest.trim_ascii_start();
    let width = num::digits(columns);
    if columns.len() == rest.len() || width == 0 || width > 20 {
        return None;
    }
    let (id, tail) = columns.split_at(width);
    let tail = tail.strip_prefix(b" ")?;
    let (command, argument) = mysql::command(tail)?;
    Some(Head { stamp, id, command, argument, message_at: record.len() - tail.len() })
}

/// Says what a command means.
fn read<'a>(command: &[u8], argument: &'a [u8], event: &mut Event<'a>) {
    event.kind = match command {
        b"Query" | b"Execute" => {
            event.query = argument;
            return statement(argument, event);
        }
        b"Prepare" => {
            event.query = argument;
            Kind::DbActivity
        }
        b"Quit" => {
            event.reason = b"client_quit";
            Kind::DbClose
        }
        b"Connect" | b"Init DB" | b"Change user" if argument.starts_with(b"Access denied for user ") => {
            return denied(argument, event);
        }
        b"Connect" => {
            who(argument, event);
            Kind::DbOpen
        }
        // The session goes on under another name: what a pool does between two borrowers.
        b"Change user" | b"Reset Connection" | b"Reset connection" => {
            who(argument, event);
            event.reason = if command == b"Change user" { b"change_user" } else { b"reset_connection" };
            Kind::DbActivity
        }
        b"Init DB" => {
            event.db_name = argument;
            Kind::DbActivity
        }
        b"Kill" => return killed(argument, event),
        b"Shutdown" => Kind::ServerStop,
        _ => Kind::DbActivity,
    };
}

fn statement<'a>(statement: &'a [u8], event: &mut Event<'a>) {
    event.kind = Kind::Query;
    if let Some((verb, rest)) = statement.split_at_checked(5)
        && verb.eq_ignore_ascii_case(b"kill ")
    {
        let id = match rest.split_at_checked(11) {
            Some((word, id)) if word.eq_ignore_ascii_case(b"connection ") => id,
            _ => rest,
        };
        if num::uint(text::word(id)).is_some() {
            killed(text::word(id), event);
        }
    }
}

/// A connection was ended by another one. The record is about the victim, which will not write its own `Quit`.
fn killed<'a>(victim: &'a [u8], event: &mut Event<'a>) {
    event.kind = Kind::DbTerminated;
    event.reason = b"administrator_command";
    event.conn = text::digits(victim);
}

/// A login that failed; the line above it, with the same id, said `Connect`.
fn denied<'a>(argument: &'a [u8], event: &mut Event<'a>) {
    event.kind = Kind::DbRefused;
    event.reason = b"authentication";
    if let Some((user, host)) = text::after(argument, b"for user ").and_then(mysql::account) {
        event.db_user = user;
        event.client = host;
    }
    if let Some(database) = text::between(argument, b"to database '", b"'") {
        event.db_name = database;
        event.reason = b"database_access";
    }
}

/// `app@10.0.0.5 on shop using TCP/IP`, `app@localhost as anonymous on`, `app@localhost on  using Socket`.
fn who<'a>(argument: &'a [u8], event: &mut Event<'a>) {
    let (who, database) = match memchr::memmem::find(argument, b" on") {
        Some(at) => (argument.get(..at).unwrap_or_default(), argument.get(at + 3..).unwrap_or_default()),
        None => (argument, &b""[..]),
    };
    if let Some((user, host)) = mysql::account(who) {
        event.db_user = user;
        event.client = host;
    }
    let database = match memchr::memmem::rfind(database, b" using ") {
        Some(at) => database.get(..at).unwrap_or_default(),
        None => database,
    };
    event.db_name = database.trim_ascii();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event<'a>(record: &'a [u8], arena: &'a Arena) -> Event<'a> {
        let mut event = Event::default();
        assert!(General.parse(record, arena, &mut event).is_ok());
        event
    }

    #[test]
    fn old_servers_pad_commands_with_spaces() {
        let arena = Arena::new();
        let record = b"071015 21:43:52\t      1 Connect     root@localhost as anonymous on ";
        let e = event(record, &arena);
        assert_eq!((e.kind, e.conn, e.db_user), (Kind::DbOpen, &b"1"[..], &b"root"[..]));
        assert_eq!((e.client, e.db_name), (&b"localhost"[..], &b""[..]));
    }

    #[test]
    fn a_kill_is_about_its_victim() {
        let arena = Arena::new();
        for (record, kind, conn) in [
            (&b"\t\t    12 Query\tKILL 7"[..], Kind::DbTerminated, &b"7"[..]),
            (b"\t\t    12 Query\tkill connection 7", Kind::DbTerminated, b"7"),
            (b"\t\t    12 Kill\t7", Kind::DbTerminated, b"7"),
            (b"\t\t    12 Query\tKILL QUERY 7", Kind::Query, b"12"),
        ] {
            let e = event(record, &arena);
            assert_eq!((e.kind, e.conn), (kind, conn), "{}", String::from_utf8_lossy(record));
        }
    }

    #[test]
    fn statements_go_on() {
        for line in [&b"  from t"[..], b"\t\twhere x", b" 12 Query", b"        12 apples"] {
            assert_eq!(General.line(line), Line::Continue, "{}", String::from_utf8_lossy(line));
        }
    }
}
