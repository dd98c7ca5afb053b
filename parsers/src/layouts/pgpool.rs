//! Pgpool-II's text log: PostgreSQL's severity words behind a prefix that ends with the process id.
//! Source: Pgpool-II manual, "Error Reporting and Logging", and `src/utils/error/elog.c` of Pgpool-II.
//!
//! ```text
//! 2026-11-20 10:35:14.325: web pid 29354: LOG:  frontend disconnection: session time: 0:00:00.013 user=app …     4.2 and later
//! 2026-11-20 10:35:14: pid 29354: LOG:  new connection received                                                    earlier
//! ```

use crate::event::{Arena, Event};
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::pg::{self, Field, Word};
use crate::prim::{num, text};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "pgpool",
    about: "Pgpool-II's log with its default prefix, of any version",
    spec: "https://www.pgpool.net/docs/latest/en/html/runtime-config-logging.html",
    weight: 93,
    infer: |sample: &Sample<'_>| {
        let cut = sample.find(cut)?;
        let reason = if cut.app.is_empty() { "time: pid N: severity" } else { "time: application pid N: severity" };
        Some(Inferred { layout: Box::new(Pgpool), reason: reason.into() })
    },
    examples: &[
        Example {
            line: "2026-03-02 08:15:14.311: child pid 29354: LOG:  new connection received\n2026-03-02 08:15:14.311: child pid 29354: DETAIL:  connecting host=10.1.0.7 port=49972",
            shows: &[
                ("time", "2026-03-02T08:15:14.311"),
                ("kind", "proxy.client.open"),
                ("process.pid", "29354"),
                ("client.address", "10.1.0.7"),
                ("client.port", "49972"),
            ],
        },
        Example {
            line: "2021-03-02 08:15:14: pid 29354: LOG:  DB node id: 0 backend pid: 29401 statement: select 1",
            shows: &[("kind", "db.query"), ("conn.backend_pid", "29401"), ("db.query.text", "select 1")],
        },
    ],
};

struct Cut<'a> {
    time: &'a [u8],
    app: &'a [u8],
    pid: u32,
    word: Word,
    text: &'a [u8],
}

/// Cuts a line at its prefix and severity; `None` where it is not Pgpool-II's.
fn cut(line: &[u8]) -> Option<Cut<'_>> {
    let width = pg::time_width(line)?;
    let rest = line.get(width..)?.strip_prefix(b": ")?;
    let near = rest.get(..200).unwrap_or(rest);
    // The application's name may hold anything, also the words of the mark.
    for at in memchr::memmem::find_iter(near, b"pid ") {
        let body = rest.get(at + 4..)?;
        let digits = num::digits(body);
        let app = rest.get(..at)?;
        if digits == 0 || !(app.is_empty() || app.ends_with(b" ")) {
            continue;
        }
        let Some(behind) = body.get(digits..)?.strip_prefix(b": ") else { continue };
        if let Some((word, from)) = pg::word(behind) {
            return Some(Cut {
                time: line.get(..width)?,
                app: app.trim_ascii_end(),
                pid: body.get(..digits).and_then(num::uint32)?,
                word,
                text: behind.get(from..)?,
            });
        }
    }
    None
}

struct Pgpool;

impl Layout for Pgpool {
    fn line(&self, line: &[u8]) -> Line {
        match line.first() {
            Some(b'\t' | b' ') => Line::Continue,
            Some(b'#') if line.starts_with(b"#011") => Line::Continue,
            _ => match cut(line).map(|cut| cut.word) {
                Some(Word::Main(_)) => Line::Start,
                Some(Word::Field(_)) => Line::Continue,
                None => Line::Foreign,
            },
        }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let (first, mut rest) = text::first_line(record);
        let head = cut(first).ok_or(Reject::new(Reason::BadField, 0))?;
        let Word::Main(severity) = head.word else { return Err(Reject::new(Reason::NoLayout, 0)) };
        event.stamp = pg::time(head.time).ok_or(Reject::new(Reason::BadTime, 0))?.0;
        event.severity = severity;
        event.pid = head.pid;
        event.message = head.text;
        if !ROLES.contains(&head.app) && head.app != b"[unknown]" {
            event.app_name = head.app;
        }
        let mut attrs = bumpalo::collections::Vec::new_in(arena);
        let mut fields = false;
        while !rest.is_empty() {
            let (line, tail) = text::first_line(rest);
            match cut(line).map(|cut| (cut.word, cut.text)) {
                Some((Word::Field(field), value)) => {
                    fields = true;
                    if field == Field::Statement {
                        event.query = value;
                    } else {
                        attrs.push((field.name().as_bytes(), value));
                    }
                }
                // The message goes on: what a statement needs to be whole.
                _ if !fields => event.message = upto(record, event.message, line),
                _ => {}
            }
            rest = tail;
        }
        event.attrs = attrs.into_bump_slice();
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Only("pgpool")
    }
}

/// What processes that serve no client put where an application's name stands.
const ROLES: [&[u8]; 14] = [
    b"",
    b"main",
    b"child",
    b"pcp_main",
    b"pcp_child",
    b"PgpoolLifecheck",
    b"life_check",
    b"health_check",
    b"sr_check_worker",
    b"watchdog",
    b"wd_utility",
    b"heart_beat_sender",
    b"heart_beat_receiver",
    b"logger",
];

/// The part of `record` from the start of `from` to the end of `to`.
fn upto<'a>(record: &'a [u8], from: &'a [u8], to: &'a [u8]) -> &'a [u8] {
    let start = (from.as_ptr() as usize).saturating_sub(record.as_ptr() as usize);
    let end = (to.as_ptr() as usize + to.len()).saturating_sub(record.as_ptr() as usize);
    record.get(start..end).unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_cut() {
        let line = b"2026-03-02 08:15:14.336: my pid 3 app pid 29354: ERROR:  Sorry, too many clients already";
        let cut = cut(line).unwrap();
        assert_eq!((cut.app, cut.pid, cut.text), (&b"my pid 3 app"[..], 29354, &b"Sorry, too many clients already"[..]));
        assert_eq!(Pgpool.line(b"2026-03-02 08:15:14.336 UTC [1] LOG:  x"), Line::Foreign);
    }
}
