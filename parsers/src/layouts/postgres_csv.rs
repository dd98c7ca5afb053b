//! PostgreSQL's csvlog: 22 to 26 columns, quoted fields with doubled quotes and real line ends in them, no header row.
//! Source: PostgreSQL manual, "Using CSV-Format Log Output", and `src/backend/utils/error/csvlog.c`.
//!
//! ```text
//! 2026-11-20 09:47:58.664 UTC,"app","shop",20559,"10.0.0.5:60256",6b00174e.504f,2,"idle",…,LOG,00000,"statement: select 1",…
//! time                       user  database pid  client           session        line tag    severity state message
//! ```

use super::postgres_stderr::severity;
use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::{net, num, pg};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "postgres_csv",
    about: "PostgreSQL's csvlog of every version, rows of several lines included",
    spec: "https://www.postgresql.org/docs/current/runtime-config-logging.html#RUNTIME-CONFIG-LOGGING-CSVLOG",
    weight: 92,
    infer: |sample: &Sample<'_>| {
        let row = sample.find(|line| starts(line).then_some(line))?;
        let columns = split(row).ok().map_or(0, |(_, count)| count);
        let seen = if columns == 0 { "rows of several lines".into() } else { format!("rows of {columns} columns") };
        Some(Inferred { layout: Box::new(PostgresCsv), reason: format!("{seen} that begin with a time, user and database") })
    },
    examples: &[Example {
        line: "2026-03-02 08:15:03.001 CET,\"cart\",\"store\",4711,\"10.1.0.7:40312\",69a53a37.1267,4,\"SELECT\",2026-03-02 08:15:00 CET,3/7,0,ERROR,22012,\"division by \"\"zero\"\"\",\"a detail\",,,,,\"select 1\n/ 0\",,,\"web\",\"client backend\",,0",
        shows: &[
            ("time", "2026-03-02T08:15:03.001"),
            ("severity", "ERROR"),
            ("process.pid", "4711"),
            ("conn.id", "69a53a37.1267"),
            ("client.address", "10.1.0.7"),
            ("client.port", "40312"),
            ("db.user", "cart"),
            ("db.namespace", "store"),
            ("client.app", "web"),
            ("db.query.text", "select 1\n/ 0"),
            ("db.response.status_code", "22012"),
            ("message", "division by \"zero\""),
        ],
    }],
};

/// The widest row there is.
const COLUMNS: usize = 26;

struct PostgresCsv;

/// A row begins with its time (quoted by some copiers), a comma, and a user that is quoted or absent.
pub(super) fn starts(line: &[u8]) -> bool {
    let body = line.strip_prefix(b"\"").unwrap_or(line);
    let Some(width) = pg::time_width(body).filter(|width| *width >= 23) else { return false };
    let rest = body.get(width..).unwrap_or_default();
    let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
    matches!(rest, [b',', b'"' | b',', ..])
}

impl Layout for PostgresCsv {
    fn line(&self, line: &[u8]) -> Line {
        if starts(line) { Line::Start } else { Line::Continue }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let (columns, count) = split(record)?;
        if count < 22 {
            return Err(Reject::new(Reason::Truncated, record.len()));
        }
        let [log_time, user, database, pid, from, session, _, _, _, _, _, level, state, message, rest @ ..] = columns;
        let [detail, hint, internal, _, context, query, _, location, app, ..] = rest;
        event.stamp = pg::time(log_time.raw).ok_or(Reject::new(Reason::BadTime, 0))?.0;
        event.severity = severity(level.raw);
        if event.severity == Severity::NONE {
            return Err(Reject::new(Reason::BadField, 0));
        }
        event.kind = Kind::DbActivity;
        event.pid = num::uint32(pid.raw).unwrap_or(0);
        event.conn = session.raw;
        event.db_user = user.text(arena);
        event.db_name = database.text(arena);
        event.message = message.text(arena);
        event.query = query.text(arena);
        if app.raw != b"[unknown]" {
            event.app_name = app.text(arena);
        }
        if state.raw != b"00000" {
            event.sqlstate = state.raw;
        }
        (event.client, event.client_port) = net::host_port(from.raw);
        let fields =
            [("detail", detail), ("hint", hint), ("internal_query", internal), ("context", context), ("location", location)];
        event.attrs = attributes(&fields, arena);
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Only("postgres_server")
    }
}

fn attributes<'a>(fields: &[(&'static str, Column<'a>)], arena: &'a Arena) -> &'a [(&'a [u8], &'a [u8])] {
    if fields.iter().all(|(_, column)| column.raw.is_empty()) {
        return &[];
    }
    let set = fields.iter().filter(|(_, column)| !column.raw.is_empty());
    let pairs = set.map(|(name, column)| (name.as_bytes(), column.text(arena)));
    bumpalo::collections::Vec::from_iter_in(pairs, arena).into_bump_slice()
}

/// A column as it stands between its quotes.
#[derive(Clone, Copy, Default)]
struct Column<'a> {
    raw: &'a [u8],
    /// Quotes in it are doubled.
    doubled: bool,
}

impl<'a> Column<'a> {
    fn text(self, arena: &'a Arena) -> &'a [u8] {
        if !self.doubled {
            return self.raw;
        }
        let mut out = bumpalo::collections::Vec::with_capacity_in(self.raw.len(), arena);
        let mut rest = self.raw;
        while let Some(quote) = memchr::memmem::find(rest, b"\"\"") {
            out.extend_from_slice(rest.get(..=quote).unwrap_or_default());
            rest = rest.get(quote + 2..).unwrap_or_default();
        }
        out.extend_from_slice(rest);
        out.into_bump_slice()
    }
}

/// The columns of a row and their number; columns past the widest known row are counted, not kept.
fn split(row: &[u8]) -> Result<([Column<'_>; COLUMNS], usize), Reject> {
    let mut columns = [Column::default(); COLUMNS];
    let (mut count, mut at) = (0, 0);
    loop {
        let rest = row.get(at..).unwrap_or_default();
        let (column, width) = if rest.first() == Some(&b'"') {
            quoted(rest).ok_or(Reject::new(Reason::Truncated, at))?
        } else {
            let width = memchr::memchr2(b',', b'\n', rest).unwrap_or(rest.len());
            (Column { raw: rest.get(..width).unwrap_or_default(), doubled: false }, width)
        };
        if let Some(slot) = columns.get_mut(count) {
            *slot = column;
        }
        count += 1;
        at += width;
        match row.get(at) {
            Some(b',') => at += 1,
            None => return Ok((columns, count)),
            // A complete row ends its line: what follows is no part of it.
            Some(_) => return Err(Reject::new(Reason::BadField, at)),
        }
    }
}

/// A quoted column at the start of `text`, and its width with both quotes.
fn quoted(text: &[u8]) -> Option<(Column<'_>, usize)> {
    let mut at = 1;
    let mut doubled = false;
    loop {
        at += memchr::memchr(b'"', text.get(at..)?)?;
        if text.get(at + 1) != Some(&b'"') {
            return Some((Column { raw: text.get(1..at)?, doubled }, at + 1));
        }
        doubled = true;
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_undoubled_and_rows_end() {
        let arena = Arena::new();
        let (columns, count) = split(b"a,\"b \"\"c\"\",\nd\",,\"\"").unwrap();
        assert_eq!(count, 4);
        assert_eq!(columns[1].text(&arena), b"b \"c\",\nd");
        assert!(split(b"a,\"b").is_err());
        assert!(split(b"a,b\nc").is_err());
    }

    #[test]
    fn only_rows_begin_rows() {
        assert!(starts(b"2026-03-02 08:15:03.001 UTC,,,87,,5ff2634c.57,1"));
        assert!(starts(b"\"2026-03-02 08:15:03.001 UTC\",\"u\",\"d\",1"));
        assert!(!starts(b"2026-03-02 08:15:03.001 UTC [1] LOG:  x"));
        assert!(!starts(b"2026-03-02 08:15:03,001,INFO"));
    }
}
