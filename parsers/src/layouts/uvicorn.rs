//! uvicorn's default lines, access and lifecycle: no time at all, so the time comes from an envelope or a neighbour.
//!
//! Source: `encode/uvicorn`, `uvicorn/config.py` (`LOGGING_CONFIG`) and `uvicorn/logging.py`: `%(levelprefix)s` is the
//! level, a colon and blanks up to nine columns; hypercorn and FastAPI's CLI keep the shape.
//!
//! ```text
//! INFO:     127.0.0.1:37438 - "GET /a?x=1 HTTP/1.1" 200 OK
//! ```
//!
//! Where the application beside it logs the ends of its requests itself, with their ids, an access line tells of a request
//! that is told already: it stays a log record with method, path and status, so that a request is not counted twice.

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::{head, net, num, text, time, trace};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::Stamp;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "uvicorn",
    about: "uvicorn's access and lifecycle lines",
    spec: "encode/uvicorn, uvicorn/config.py LOGGING_CONFIG, uvicorn/logging.py",
    weight: 85,
    infer: |sample: &Sample<'_>| {
        let mut buffer = [0; 256];
        let fits = sample.lines.iter().filter(|l| header(head::uncoloured(l, &mut buffer)).is_some()).count();
        let told = || {
            let others = sample.lines.iter().filter(|l| header(head::uncoloured(l, &mut [0; 256])).is_none());
            let ends = others.filter(|l| ends_request(l)).count();
            ends * 20 > sample.lines.len()
        };
        (fits > 0).then(|| {
            let told = told();
            let note = if told { "; requests are the application's to tell" } else { "" };
            let reason = format!("lines like `INFO:     …` without a time{note}");
            Inferred { layout: Box::new(Uvicorn { told }), reason }
        })
    },
    examples: &[
        Example {
            line: "INFO:     127.0.0.1:37438 - \"GET /a?x=1 HTTP/1.1\" 503 Service Unavailable",
            shows: &[
                ("kind", "request.end"),
                ("client.address", "127.0.0.1"),
                ("client.port", "37438"),
                ("http.request.method", "GET"),
                ("url.path", "/a?x=1"),
                ("http.response.status_code", "503"),
            ],
        },
        Example { line: "INFO:     Started server process [21752]", shows: &[("kind", "app.start"), ("process.pid", "21752")] },
    ],
};

struct Uvicorn {
    /// The application logs the ends of its requests itself.
    told: bool,
}

/// Is this a line in which an application tells the end of a request: an id of it, a status, and how long it took?
fn ends_request(line: &[u8]) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| memchr::memmem::find(line, word.as_bytes()).is_some());
    has(&["request_id", "requestId", "req_id", "reqId", "rid=", "correlation_id", "trace_id", "traceId", "x-request-id"])
        && has(&["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "\"path\""])
        && has(&["status", " 20", " 30", " 40", " 50"])
        && has(&["ms", "duration", "latency", "took", "elapsed", "response_time"])
}

/// Severity, time before it (`log_config` of many projects puts one there) and the offset of the message.
fn header(line: &[u8]) -> Option<(Severity, Stamp, usize)> {
    let (stamp, start) = match line.first()? {
        b'0'..=b'9' => {
            let (stamp, width) = time::iso(line)?;
            (stamp, width + usize::from(line.get(width) == Some(&b' ')))
        }
        _ => (Stamp::NONE, 0),
    };
    let rest = line.get(start..)?;
    let (severity, width) = match rest.get(..6)? {
        b"INFO: " => (Severity::INFO, 4),
        b"ERROR:" => (Severity::ERROR, 5),
        b"DEBUG:" => (Severity::DEBUG, 5),
        b"TRACE:" => (Severity::TRACE, 5),
        b"WARNIN" => (Severity::WARN, 7),
        b"CRITIC" => (Severity::FATAL, 8),
        _ => return None,
    };
    // The message begins in column ten (after nine columns and a blank).
    let pad = rest.get(width..10)?;
    let padded = pad.first() == Some(&b':') && pad.get(1..).is_some_and(|p| !p.is_empty() && p.iter().all(|b| *b == b' '));
    let begins = rest.get(10).is_some_and(|b| *b != b' ');
    (padded && begins).then_some((severity, stamp, start + 10))
}

impl Layout for Uvicorn {
    fn line(&self, line: &[u8]) -> Line {
        let mut buffer = [0; 256];
        if header(head::uncoloured(line, &mut buffer)).is_some() {
            Line::Start
        } else if trace::is_part(line) {
            Line::Continue
        } else {
            Line::Foreign
        }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let record = text::strip_ansi(record, arena);
        let (severity, stamp, start) = header(record).ok_or(Reject::new(Reason::BadField, 0))?;
        event.severity = severity;
        event.stamp = stamp;
        head::settle(record.get(start..).unwrap_or_default(), event);
        if !access(event) {
            lifecycle(event);
        } else if self.told {
            (event.kind, event.reason) = (Kind::Log, b"access_line");
        }
        Ok(())
    }
}

/// `client:port - "METHOD target HTTP/1.1" status phrase`.
fn access(event: &mut Event<'_>) -> bool {
    let Some((client, rest)) = text::before(event.message, b" - \"").zip(text::after(event.message, b" - \"")) else {
        return false;
    };
    let Some((request, status)) = text::before(rest, b"\" ").zip(text::after(rest, b"\" ")) else { return false };
    let mut words = request.split(|b| *b == b' ');
    let (Some(method), Some(path), Some(_)) = (words.next(), words.next(), words.next()) else { return false };
    let Some(status) = num::uint16(text::digits(status)) else { return false };
    event.kind = Kind::RequestEnd;
    (event.client, event.client_port) = net::host_port(client);
    event.method = method;
    event.path = path;
    event.status = status;
    true
}

fn lifecycle(event: &mut Event<'_>) {
    let message = event.message;
    let inside = || text::between(message, b"[", b"]").and_then(num::uint32).unwrap_or(0);
    if message.starts_with(b"Started server process [") || message.starts_with(b"Started parent process [") {
        event.kind = Kind::AppStart;
        event.pid = inside();
    } else if message.starts_with(b"Finished server process [") || message.starts_with(b"Stopping parent process [") {
        event.kind = Kind::AppStop;
        event.pid = inside();
    } else if message.starts_with(b"Application startup failed") {
        event.kind = Kind::AppStop;
        event.reason = b"failed_to_boot";
    }
}
