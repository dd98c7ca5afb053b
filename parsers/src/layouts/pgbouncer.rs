//! PgBouncer's log. From 1.11 the time has a zone and the process id brackets; under systemd only level and text are left,
//! under syslog the text alone. Source: `src/util.c` of PgBouncer and `usual/logging.c` of libusual.
//!
//! ```text
//! 2026-11-20 10:19:12.874 UTC [1845] LOG C-0x56533d803aa0: shop/app@127.0.0.1:36912 login attempt: db=shop user=app tls=no
//! time                        pid    level, one blank, no colon; socket; database/user@client; text
//! ```

use crate::event::{Arena, Event};
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::{num, pg};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "pgbouncer",
    about: "PgBouncer's log, of any version, also without times as systemd and syslog get it",
    spec: "https://www.pgbouncer.org/config.html#log-settings",
    weight: 92,
    infer,
    examples: &[
        Example {
            line: "2026-03-02 08:15:00.874 UTC [1845] LOG C-0x55d0c8a01aa0: store/cart@10.1.0.7:36912 login attempt: db=store user=cart tls=no",
            shows: &[
                ("time", "2026-03-02T08:15:00.874Z"),
                ("severity", "INFO"),
                ("kind", "proxy.client.open"),
                ("process.pid", "1845"),
                ("conn.id", "C-0x55d0c8a01aa0"),
                ("client.address", "10.1.0.7"),
                ("client.port", "36912"),
                ("db.user", "cart"),
                ("db.namespace", "store"),
            ],
        },
        Example {
            line: "2016-03-02 08:15:00.874 3394 WARNING C-0x55d0c8a01aa0: store/cart@10.1.0.7:36912 pooler error: query_wait_timeout",
            shows: &[
                ("time", "2016-03-02T08:15:00.874"),
                ("severity", "WARN"),
                ("process.pid", "3394"),
                ("kind", "proxy.wait_timeout"),
            ],
        },
        Example {
            line: "LOG S-0x55d0c8a0b180: store/cart@10.1.0.9:5432 new connection to server (from 10.1.0.8:49530)",
            shows: &[
                ("kind", "proxy.server.open"),
                ("server.address", "10.1.0.9"),
                ("server.port", "5432"),
                ("client.address", "10.1.0.8"),
                ("client.port", "49530"),
            ],
        },
    ],
};

const LEVELS: [(&[u8], Severity); 7] = [
    (b"LOG ", Severity::INFO),
    (b"WARNING ", Severity::WARN),
    (b"ERROR ", Severity::ERROR),
    (b"FATAL ", Severity::FATAL),
    (b"DEBUG ", Severity::DEBUG),
    (b"NOISE ", Severity::TRACE),
    (b"INFO ", Severity::INFO),
];

/// Texts without a socket that nobody else writes: they tell lines without time and process id apart.
const TELLING: [&[u8]; 10] = [
    b"stats: ",
    b"process up: ",
    b"kernel file descriptor limit",
    b"file descriptor limit: ",
    b"got SIG",
    b"Stats: ",
    b"server login failed: ",
    b"taking connection from reserve_pool",
    b"pooler is ",
    b"login failed: db=",
];

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    let head = |line: &[u8]| cut(line).map(|cut| cut.shape);
    let telling = sample.lines.iter().any(|line| {
        cut(line).is_some_and(|cut| match cut.shape {
            // A time, a pid and a level are not enough: others write them with text behind.
            Shape::Whole { brackets } => brackets || known(cut.text) || cut.text.starts_with(b"listening on "),
            Shape::Level => known(cut.text),
            Shape::Bare => true,
        })
    });
    let shape = sample.find(|line| head(line).filter(|_| telling))?;
    let reason = match shape {
        Shape::Whole { brackets: true } => "time, [pid] and level",
        Shape::Whole { brackets: false } => "time, pid and level, as before 1.11",
        Shape::Level => "level and text, as under systemd",
        Shape::Bare => "texts with a socket, as under syslog",
    };
    Some(Inferred { layout: Box::new(PgBouncer), reason: reason.into() })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Whole { brackets: bool },
    Level,
    Bare,
}

struct Cut<'a> {
    shape: Shape,
    time: &'a [u8],
    pid: u32,
    severity: Severity,
    text: &'a [u8],
}

/// `C-0x55d0c8a01aa0: ` at the start.
fn socket(text: &[u8]) -> bool {
    let Some(hex) = text.strip_prefix(b"C-0x").or_else(|| text.strip_prefix(b"S-0x")) else { return false };
    let width = hex.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    width >= 4 && hex.get(width) == Some(&b':')
}

fn known(text: &[u8]) -> bool {
    socket(text) || TELLING.iter().any(|start| text.starts_with(start))
}

fn level(text: &[u8]) -> Option<(Severity, &[u8])> {
    LEVELS.iter().find_map(|(word, severity)| Some((*severity, text.strip_prefix(*word)?)))
}

/// Cuts a line into its parts; `None` where it is not PgBouncer's.
fn cut(line: &[u8]) -> Option<Cut<'_>> {
    match line.first()? {
        b'0'..=b'9' => {
            let width = pg::time_width(line).filter(|width| *width >= 23)?;
            let rest = line.get(width..)?.strip_prefix(b" ")?;
            let brackets = rest.first() == Some(&b'[');
            let body = if brackets { rest.get(1..)? } else { rest };
            let digits = num::digits(body);
            let pid = body.get(..digits).and_then(num::uint32)?;
            let behind = body.get(digits..)?;
            let behind = if brackets { behind.strip_prefix(b"] ")? } else { behind.strip_prefix(b" ")? };
            let (severity, text) = level(behind)?;
            Some(Cut { shape: Shape::Whole { brackets }, time: line.get(..width)?, pid, severity, text })
        }
        b'A'..=b'Z' if !socket(line) => {
            let (severity, text) = level(line)?;
            known_or_word(text).then_some(Cut { shape: Shape::Level, time: b"", pid: 0, severity, text })
        }
        _ => known(line).then_some(Cut { shape: Shape::Bare, time: b"", pid: 0, severity: Severity::NONE, text: line }),
    }
}

/// Behind a bare level any text may stand, but no second blank and no colon.
fn known_or_word(text: &[u8]) -> bool {
    text.first().is_some_and(|b| !matches!(b, b' ' | b':'))
}

struct PgBouncer;

impl Layout for PgBouncer {
    fn line(&self, line: &[u8]) -> Line {
        match line.first() {
            // A server's error text may go on in further lines.
            Some(b'\t' | b' ') => Line::Continue,
            _ if cut(line).is_some() => Line::Start,
            _ => Line::Foreign,
        }
    }

    fn parse<'a>(&self, record: &'a [u8], _: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let cut = cut(record).ok_or(Reject::new(Reason::BadField, 0))?;
        if !cut.time.is_empty() {
            event.stamp = pg::time(cut.time).ok_or(Reject::new(Reason::BadTime, 0))?.0;
        }
        if cut.pid != 0 {
            event.pid = cut.pid;
        }
        if cut.severity != Severity::NONE {
            event.severity = cut.severity;
        }
        event.message = cut.text;
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Only("pgbouncer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_producers_are_not_taken() {
        for line in ["2026-03-02 08:15:00.874 INFO main", "2026-03-02 08:15:00.874 UTC [1] LOG:  x", "INFO  x", "ERROR: x"] {
            assert_eq!(PgBouncer.line(line.as_bytes()), Line::Foreign, "{line}");
        }
        let lines: Vec<&[u8]> = vec![b"2026-03-02 08:15:00.874 77 INFO Server ready", b"INFO ready"];
        assert!(infer(&Sample { lines }).is_none());
    }
}
