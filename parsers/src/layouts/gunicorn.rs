//! gunicorn's error log: what the master and its workers say about themselves.
//!
//! Source: `gunicorn/glogging.py` (`error_fmt`): `[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s` with
//! `%Y-%m-%d %H:%M:%S %z`. Application loggers that share its handlers write the same shape.
//!
//! ```text
//! [2026-11-20 10:32:21 +0000] [7676] [INFO] Booting worker with pid: 7676
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::{head, num, text, time, trace};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "gunicorn",
    about: "gunicorn's error log",
    spec: "benoitc/gunicorn, gunicorn/glogging.py: error_fmt, datefmt; arbiter.py and workers/ for the messages",
    weight: 88,
    infer: |sample: &Sample<'_>| {
        sample.lines.iter().any(|l| header(l).is_some()).then(|| Inferred {
            layout: Box::new(Gunicorn),
            reason: "lines like `[2026-11-20 10:32:21 +0000] [7676] [INFO] …`".into(),
        })
    },
    examples: &[
        Example {
            line: "[2026-11-20 10:32:21 +0100] [7676] [INFO] Booting worker with pid: 7676",
            shows: &[("time", "2026-11-20T09:32:21Z"), ("severity", "INFO"), ("process.pid", "7676"), ("kind", "app.start")],
        },
        Example {
            line: "[2026-11-20 10:32:51 +0000] [7674] [CRITICAL] WORKER TIMEOUT (pid:7676)",
            shows: &[("kind", "app.stop"), ("reason", "worker_timeout"), ("process.pid", "7676"), ("severity", "FATAL")],
        },
    ],
};

struct Gunicorn;

/// True for a line that begins one of gunicorn's records: layouts that infer columns leave them alone.
pub(super) fn begins(line: &[u8]) -> bool {
    header(line).is_some()
}

/// Offsets of the pid and the level, and of the message.
fn header(line: &[u8]) -> Option<(usize, usize, usize)> {
    if line.first() != Some(&b'[') || !line.get(1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let (_, width) = time::iso(line.get(1..)?)?;
    let pid = 1 + width + 3;
    (line.get(1 + width..pid)? == b"] [").then_some(())?;
    let digits = num::digits(line.get(pid..)?);
    let level = pid + digits + 3;
    (digits > 0 && line.get(pid + digits..level)? == b"] [").then_some(())?;
    let (severity, _) = head::marked_level(line.get(level - 1..)?)?;
    let _ = severity;
    let close = level + line.get(level..)?.iter().take(12).position(|b| *b == b']')?;
    Some((pid, level, close + 1))
}

impl Layout for Gunicorn {
    fn line(&self, line: &[u8]) -> Line {
        if header(line).is_some() {
            Line::Start
        } else if trace::is_part(line) {
            Line::Continue
        } else {
            Line::Foreign
        }
    }

    fn parse<'a>(&self, record: &'a [u8], _: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let (pid, level, body) = header(record).ok_or(Reject::new(Reason::BadField, 0))?;
        let (stamp, _) = record.get(1..).and_then(time::iso).ok_or(Reject::new(Reason::BadTime, 1))?;
        event.stamp = stamp;
        event.pid = num::uint32(text::digits(record.get(pid..).unwrap_or_default())).unwrap_or(0);
        event.severity = head::marked_level(record.get(level - 1..).unwrap_or_default()).map_or(event.severity, |(s, _)| s);
        let rest = record.get(body..).unwrap_or_default();
        head::settle(rest.strip_prefix(b" ").unwrap_or(rest), event);
        lifecycle(event);
        Ok(())
    }
}

/// Starts and ends of the master and of workers. Where the message names another process than the writer's, that process
/// is the one that started or ended.
fn lifecycle(event: &mut Event<'_>) {
    let message = event.message;
    let starts: [&[u8]; 2] = [b"Starting gunicorn", b"Booting worker with pid: "];
    let stops: [(&[u8], &'static [u8]); 8] = [
        (b"Worker exiting (pid: ", b""),
        (b"WORKER TIMEOUT (pid:", b"worker_timeout"),
        (b"Shutting down: Master", b""),
        (b"Worker (pid:", b"killed"),
        (b"Worker failed to boot", b"failed_to_boot"),
        (b"Exception in worker process", b"exception"),
        (b"Reason: Worker failed to boot", b"failed_to_boot"),
        (b"Autorestarting worker after current request", b""),
    ];
    if starts.iter().any(|s| message.starts_with(s)) {
        event.kind = Kind::AppStart;
    } else if let Some((start, reason)) = stops.iter().find(|(s, _)| message.starts_with(s)) {
        event.kind = Kind::AppStop;
        event.reason = reason;
        if *start == b"Worker (pid:" && memchr::memmem::find(message, b"Perhaps out of memory").is_some() {
            event.reason = b"out_of_memory";
        }
        if *start == b"Autorestarting worker after current request" {
            event.kind = Kind::Log;
        }
    } else if message.starts_with(b"Handling signal: hup") || message.starts_with(b"Hang up: Master") {
        event.kind = Kind::ConfigChange;
        event.reason = b"reload";
    }
    if let Some(pid) = text::after(message, b"pid:").map(|r| text::digits(r.trim_ascii_start())).and_then(num::uint32)
        && matches!(event.kind, Kind::AppStart | Kind::AppStop)
    {
        event.pid = pid;
    }
}
