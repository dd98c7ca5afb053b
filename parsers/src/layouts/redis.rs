//! The log of Redis and Valkey.
//!
//! Source: Redis `src/server.c` (`serverLogRaw`) of versions 2.4 to 8.
//!
//! ```text
//! 7064:M 20 Nov 2026 10:21:19.991 - Accepted 127.0.0.1:35824      pid, role (X sentinel, C child, S replica, M master),
//!                                                                  time, level (. debug, - verbose, * notice, # warning)
//! 98738:M 30 May 12:23:52.442 * text                              3.0 to 4.0: no year
//! [2932] 31 May 04:32:08 * text                                   2.4 to 2.8
//! 5092:signal-handler (1496141844) Received SIGINT scheduling shutdown...
//! ```

use crate::event::{Arena, Event};
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::{num, text, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::Stamp;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "redis",
    about: "log of Redis and Valkey servers and sentinels",
    spec: "Redis src/server.c, serverLogRaw",
    weight: 90,
    infer: |sample: &Sample<'_>| {
        let found = sample.find(head)?;
        let reason = if found.role == 0 { "pid, time, level mark" } else { "pid and role, time, level mark" };
        Some(Inferred { layout: Box::new(Redis), reason: reason.into() })
    },
    examples: &[
        Example {
            line: "7064:M 20 Nov 2026 10:21:19.991 - Accepted 10.0.0.5:35824",
            shows: &[
                ("time", "2026-11-20T10:21:19.991"),
                ("severity", "DEBUG"),
                ("process.pid", "7064"),
                ("kind", "db.connection.open"),
                ("conn.id", "10.0.0.5:35824"),
            ],
        },
        Example {
            line: "[2932] 31 May 04:32:08 # Redis is now ready to exit, bye bye...",
            shows: &[("time", "--05-31T04:32:08"), ("severity", "WARN"), ("process.pid", "2932"), ("kind", "server.stop")],
        },
    ],
};

struct Redis;

impl Layout for Redis {
    fn line(&self, line: &[u8]) -> Line {
        match line.first() {
            Some(b'0'..=b'9' | b'[') if head(line).is_some() => Line::Start,
            // The logo, and the report of a crash.
            Some(b' ' | b'\t') => Line::Continue,
            _ => Line::Foreign,
        }
    }

    fn parse<'a>(&self, record: &'a [u8], _: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let (line, rest) = text::first_line(record);
        let head = head(line).ok_or(Reject::new(Reason::BadField, 0))?;
        event.stamp = head.stamp;
        event.severity = head.severity;
        event.pid = head.pid;
        event.logger = match head.role {
            b'M' => b"master",
            b'S' => b"replica",
            b'C' => b"child",
            b'X' => b"sentinel",
            _ => b"",
        };
        event.message = head.text;
        event.stack = rest.trim_ascii_end();
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Only("redis_server")
    }
}

struct Head<'a> {
    stamp: Stamp,
    severity: Severity,
    pid: u32,
    /// `M`, `S`, `C`, `X`, or 0.
    role: u8,
    text: &'a [u8],
}

fn head(line: &[u8]) -> Option<Head<'_>> {
    let body = line.strip_prefix(b"[").unwrap_or(line);
    let width = num::digits(body);
    let (pid, rest) = body.split_at_checked(width)?;
    if let Some(rest) = rest.strip_prefix(b":signal-handler (") {
        let (stamp, _) = time::epoch_seconds(rest)?;
        let text = text::after(rest, b") ")?;
        return Some(Head { stamp, severity: Severity::WARN, pid: num::uint32(pid)?, role: 0, text });
    }
    let (role, rest) = match rest {
        [b':', role @ (b'M' | b'S' | b'C' | b'X'), rest @ ..] => (*role, rest),
        _ => (0, rest),
    };
    // The oldest servers wrote no pid at all: the line begins with the day.
    let bare = role == 0 && body.len() == line.len();
    let (pid, rest) =
        if bare { (0, line) } else { (num::uint32(pid)?, rest.strip_prefix(b"]").unwrap_or(rest).strip_prefix(b" ")?) };
    let (stamp, end) = day_first(rest)?;
    let (severity, text) = match rest.get(end..)? {
        [b' ', b'.', text @ ..] => (Severity::TRACE, text),
        [b' ', b'-', text @ ..] => (Severity::DEBUG, text),
        [b' ', b'*', text @ ..] => (Severity::INFO, text),
        [b' ', b'#', text @ ..] => (Severity::WARN, text),
        _ => return None,
    };
    Some(Head { stamp, severity, pid, role, text: text.strip_prefix(b" ")? })
}

/// `20 Nov 2026 10:21:19.554` or, without a year, `31 May 04:32:08.123`.
fn day_first(text: &[u8]) -> time::Taken {
    time::day_first(text).or_else(|| {
        if text.get(2) != Some(&b' ') || text.get(6) != Some(&b' ') {
            return None;
        }
        let mut turned: [u8; 19] = *b"            .000000";
        let clock = text.get(7..)?;
        let width = if clock.get(8) == Some(&b'.') { 12 } else { 8 };
        turned.get_mut(..3)?.copy_from_slice(text.get(3..6)?);
        turned.get_mut(4..6)?.copy_from_slice(text.get(..2)?);
        turned.get_mut(7..7 + width)?.copy_from_slice(clock.get(..width)?);
        let (stamp, _) = time::syslog(turned.get(..7 + width)?)?;
        Some((stamp, 7 + width))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_generation_is_read() {
        for (line, pid, role, when) in [
            ("7064:M 20 Nov 2026 10:21:19.991 * x", 7064, b'M', "2026-11-20T10:21:19.991"),
            ("[1:C] 18 Jul 2025 19:08:05.257 * x", 1, b'C', "2025-07-18T19:08:05.257"),
            ("98738:S 30 May 12:23:52.442 # x", 98738, b'S', "--05-30T12:23:52.442"),
            ("[2932] 31 May 04:32:08 - x", 2932, 0, "--05-31T04:32:08"),
            ("30 May 10:05:20 . x", 0, 0, "--05-30T10:05:20"),
            ("5092:signal-handler (1496141844) x", 5092, 0, "2017-05-30T10:57:24Z"),
        ] {
            let head = head(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert_eq!(
                (head.pid, head.role, time::show(head.stamp).as_str(), head.text),
                (pid, role, when, &b"x"[..]),
                "{line}"
            );
        }
        assert!(head(b"1470637867.953466 [0 10.0.0.1:52500] \"info\"").is_none());
    }
}
