//! The slow query log of MySQL, MariaDB and Percona Server: a block of `#` lines and a statement for each record. The
//! `# Time:` line stands only where the second has changed (to MySQL 5.6 and in MariaDB); it is part of the record behind
//! it.
//!
//! Source: MySQL `sql/log.cc` (`File_query_log::write_slow`), MariaDB `sql/log.cc` (`MYSQL_QUERY_LOG::write`), Percona
//! Server documentation "Slow query log".
//!
//! ```text
//! # Time: 2026-11-20T14:01:47.811234Z                                  the statement's end
//! # User@Host: app[app] @ web-1 [10.0.0.5]  Id:    14
//! # Query_time: 2.475469  Lock_time: 0.000287 Rows_sent: 10  Rows_examined: 3145718
//! use shop;
//! SET timestamp=1795183305;                                            its start (8.0.14 on) or its end
//! SELECT …;
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::{mysql, num, text, time};
use crate::reject::{Reason, Reject};
use crate::spec::Example;
use crate::stamp::{Stamp, Written};

type Pairs<'a> = bumpalo::collections::Vec<'a, (&'a [u8], &'a [u8])>;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "mysql_slow",
    about: "slow query log of MySQL, MariaDB and Percona Server",
    spec: "MySQL Reference Manual, \"The Slow Query Log\"; MariaDB \"Slow Query Log Extended Statistics\"; sql/log.cc",
    weight: 92,
    infer: |sample| {
        let starts = |line: &[u8]| line.starts_with(USER) || line.starts_with(TIME);
        let stated = |line: &[u8]| line.starts_with(b"# Query_time: ");
        let found = sample.lines.iter().any(|line| starts(line)) && sample.lines.iter().any(|line| stated(line));
        found.then(|| Inferred { layout: Box::new(Slow), reason: "comment blocks with Query_time and Lock_time".into() })
    },
    examples: &[
        Example {
            line: "# Time: 2026-11-20T14:01:47.811234Z\n# User@Host: app[app] @ web-1 [10.0.0.5]  Id:    14\n\
                # Query_time: 2.475469  Lock_time: 0.000287 Rows_sent: 10  Rows_examined: 3145718\nuse shop;\n\
                SET timestamp=1795183305;\nSELECT max(total)\nFROM orders;",
            shows: &[
                ("time", "2026-11-20T14:01:47.811234Z"),
                ("kind", "db.query.slow"),
                ("conn.id", "14"),
                ("db.user", "app"),
                ("client.address", "10.0.0.5"),
                ("db.namespace", "shop"),
                ("duration_ns", "2475469000"),
                ("wait_ns", "287000"),
                ("db.query.text", "SELECT max(total)\nFROM orders;"),
            ],
        },
        Example {
            line: "# User@Host: app[app] @ localhost []\n# Thread_id: 5  Schema: shop  QC_hit: No\n\
                # Query_time: 0.100237  Lock_time: 0.000000  Rows_sent: 1  Rows_examined: 0\n\
                # Rows_affected: 0  Bytes_sent: 100\nSET timestamp=1795170036;\nselect sleep(0.1);",
            shows: &[
                ("time", "2026-11-20T10:20:36Z"),
                ("conn.id", "5"),
                ("client.address", "localhost"),
                ("db.namespace", "shop"),
                ("duration_ns", "100237000"),
                ("db.query.text", "select sleep(0.1);"),
            ],
        },
    ],
};

const TIME: &[u8] = b"# Time: ";
const USER: &[u8] = b"# User@Host: ";

struct Slow;

impl Layout for Slow {
    fn line(&self, line: &[u8]) -> Line {
        match line.first() {
            Some(b'#') if line.starts_with(USER) || line.starts_with(TIME) || line == TIME.trim_ascii_end() => Line::Start,
            Some(b'0'..=b'9') if mysql::looks_dated(line) => Line::Foreign,
            _ if mysql::opens_log(line) => Line::Start,
            _ => Line::Continue,
        }
    }

    fn joins(&self, record: &[u8], line: &[u8]) -> bool {
        let above = mysql::last_line(record);
        let time_alone = above.starts_with(b"# Time:") && memchr::memmem::find(above, USER).is_none();
        (time_alone && line.starts_with(USER)) || mysql::names_columns(above)
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let mut block = Block { pairs: Pairs::with_capacity_in(24, arena), end: Stamp::NONE, set: Stamp::NONE };
        let statement = block.read(record, event);
        event.attrs = block.pairs.into_bump_slice();
        event.duration_ns = event.attr("Query_time").and_then(|v| num::scaled(v, 9)).unwrap_or(-1);
        if event.duration_ns < 0 {
            return Err(Reject::new(Reason::Truncated, record.len()));
        }
        event.wait_ns = event.attr("Lock_time").and_then(|v| num::scaled(v, 9)).unwrap_or(-1);
        event.conn = event.attr_any(&["Id", "Thread_id"]).unwrap_or_default();
        if event.db_name.is_empty() {
            event.db_name = event.attr_any(&["Schema", "Db"]).unwrap_or_default();
        }
        event.sqlstate = event.attr_any(&["Errno", "Last_errno"]).filter(|code| *code != b"0").unwrap_or_default();
        // `# Time:` has microseconds and a zone since MySQL 5.7. Older ones have neither, and there the statement's
        // timestamp is its end too, as an instant.
        event.stamp = match (block.end.written, block.set.written) {
            (Written::Instant, _) | (_, Written::Nothing) => block.end,
            _ => block.set,
        };
        event.kind = Kind::SlowQuery;
        event.query = statement;
        event.message = statement;
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Complete
    }
}

/// What the lines above the statement say.
struct Block<'a> {
    pairs: Pairs<'a>,
    /// The `# Time:` line.
    end: Stamp,
    /// `SET timestamp=`.
    set: Stamp,
}

impl<'a> Block<'a> {
    /// Reads the lines above the statement and gives the statement.
    fn read(&mut self, record: &'a [u8], event: &mut Event<'a>) -> &'a [u8] {
        let mut rest = mysql::skip_header(record);
        while !rest.is_empty() {
            let (line, tail) = text::first_line(rest);
            let line = line.trim_ascii_end();
            if line.starts_with(b"# administrator command") {
                break;
            } else if line.first() == Some(&b'#') && !self.set.is_some() {
                self.comment(line, event);
            } else if !self.set.is_some() && line.get(..4).is_some_and(|w| w.eq_ignore_ascii_case(b"use ")) && !tail.is_empty()
            {
                let name = line.get(4..).unwrap_or_default();
                let name = name.strip_suffix(b";").unwrap_or(name).trim_ascii();
                event.db_name = name.strip_prefix(b"`").and_then(|n| n.strip_suffix(b"`")).unwrap_or(name);
            } else if let Some(set) = set_timestamp(line).filter(|_| !self.set.is_some()) {
                self.set = set;
            } else if !line.is_empty() {
                break;
            }
            rest = tail;
        }
        rest.trim_ascii_end()
    }

    /// A `#` line: `key: value` pairs, but for the time and the user.
    fn comment(&mut self, line: &'a [u8], event: &mut Event<'a>) {
        let mut rest = line;
        if let Some(value) = rest.strip_prefix(TIME) {
            let Some((stamp, end)) = mysql::stamp(value) else { return };
            self.end = stamp;
            rest = value.get(end..).unwrap_or_default().trim_ascii_start();
        }
        if let Some(value) = rest.strip_prefix(USER) {
            rest = user(value, event);
        } else if rest.starts_with(b"# explain:") || rest.starts_with(b"# No InnoDB") {
            return;
        }
        let mut key: &[u8] = b"";
        for word in rest.split(|b| matches!(b, b' ' | b'\t')).filter(|w| !w.is_empty() && *w != b"#") {
            if let Some(name) = word.strip_suffix(b":") {
                key = name;
            } else if !key.is_empty() {
                self.pairs.push((key, word));
                key = b"";
            }
        }
    }
}

/// `app[app] @ web-1 [10.0.0.5]  Id:    14`: fills user and client, gives what follows.
fn user<'a>(value: &'a [u8], event: &mut Event<'a>) -> &'a [u8] {
    let Some((who, tail)) = memchr::memmem::find(value, b" @ ").map(|at| value.split_at(at)) else { return b"" };
    let tail = tail.get(3..).unwrap_or_default();
    let name = text::before(who, b"[").unwrap_or(who);
    // A replication thread is called `[SQL_SLAVE]`, without a user before the bracket.
    event.db_user = if name.is_empty() { text::between(who, b"[", b"]").unwrap_or_default() } else { name };
    let host = text::before(tail, b"[").unwrap_or_default().trim_ascii();
    let address = text::between(tail, b"[", b"]").unwrap_or_default();
    event.client = if address.is_empty() { host } else { address };
    text::after(tail, b"]").unwrap_or_default()
}

/// `SET timestamp=1795170036;`, also with `last_insert_id=…,insert_id=…` around it.
fn set_timestamp(line: &[u8]) -> Option<Stamp> {
    let body = line.strip_prefix(b"SET ")?;
    let value = text::after(body, b"timestamp=").filter(|_| line.ends_with(b";"))?;
    Some(time::epoch_seconds(value)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_on_the_users_line_is_taken() {
        let record = b"# Time: 071218 11:48:27 # User@Host: [SQL_SLAVE] @  []\n# Thread_id: 10\n\
            # Query_time: 0.000012  Lock_time: 0.000000\n# No InnoDB statistics available for this query\nBEGIN;";
        let (arena, mut event) = (Arena::new(), Event::default());
        assert!(Slow.parse(record, &arena, &mut event).is_ok());
        assert_eq!(time::show(event.stamp), "2007-12-18T11:48:27");
        assert_eq!((event.db_user, event.conn, event.query), (&b"SQL_SLAVE"[..], &b"10"[..], &b"BEGIN;"[..]));
        assert!(!Slow.joins(text::first_line(record).0, b"# User@Host: a[a] @ b []"));
    }

    #[test]
    fn comments_behind_the_timestamp_belong_to_the_statement() {
        let record = b"# User@Host: a[a] @ b []\n# Query_time: 1  Lock_time: 0\nSET insert_id=4,timestamp=1398555955;\n\
            ### Users ###\nselect 1;";
        let (arena, mut event) = (Arena::new(), Event::default());
        assert!(Slow.parse(record, &arena, &mut event).is_ok());
        assert_eq!((event.query, event.duration_ns), (&b"### Users ###\nselect 1;"[..], 1_000_000_000));
        assert_eq!(time::show(event.stamp), "2014-04-26T23:45:55Z");
    }

    #[test]
    fn a_block_without_query_time_is_cut() {
        let (arena, mut event) = (Arena::new(), Event::default());
        assert!(Slow.parse(b"# Time: 2026-11-20T14:01:47.811234Z", &arena, &mut event).is_err());
    }
}
