//! nginx's error log.
//!
//! Source: nginx `src/core/ngx_log.c`, `src/http/ngx_http_request.c` (`ngx_http_log_error_handler`),
//! `src/http/ngx_http_upstream.c`.
//!
//! ```text
//! 2026/11/20 10:22:07 [error] 7631#7632: *7 upstream timed out (110: …) while …, client: 203.0.113.7, server: shop, request: "GET / HTTP/1.1", upstream: "http://10.0.0.4:80/", host: "shop"
//! local time          level   pid  tid   connection  message               named parts, from ", client: " on
//! ```
//!
//! Values are not escaped, so the named parts are looked for from the right.

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::{net, num, text, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "nginx_error",
    about: "nginx's error log, with the upstream errors told apart",
    spec: "nginx src/core/ngx_log.c, src/http/ngx_http_upstream.c",
    weight: 90,
    infer,
    examples: &[
        Example {
            line: r#"2026/11/20 10:22:07 [error] 7631#7632: *7 upstream timed out (110: Connection timed out) while reading response header from upstream, client: 203.0.113.7, server: shop.example.com, request: "GET /hang?x=1 HTTP/1.1", upstream: "http://10.0.0.4:8080/hang", host: "shop.example.com""#,
            shows: &[
                ("time", "2026-11-20T10:22:07"),
                ("severity", "ERROR"),
                ("kind", "lb.upstream_error"),
                ("process.pid", "7631"),
                ("conn.id", "7"),
                ("client.address", "203.0.113.7"),
                ("server.address", "10.0.0.4"),
                ("server.port", "8080"),
                ("http.request.method", "GET"),
                ("url.path", "/hang?x=1"),
                ("reason", "upstream_timeout"),
                ("message", "upstream timed out (110: Connection timed out) while reading response header from upstream"),
            ],
        },
        Example {
            line: r#"2026/11/20 10:22:08 [error] 7631#7631: *9 no live upstreams while connecting to upstream, client: 203.0.113.7, server: , request: "GET / HTTP/1.1", upstream: "http://app/", host: "shop""#,
            shows: &[("kind", "lb.upstream_error"), ("reason", "no_live_upstreams"), ("server.address", "app")],
        },
        Example {
            line: "2026/11/20 10:21:26 [warn] 7169#7169: 24 worker_connections are not enough, reusing connections",
            shows: &[("severity", "WARN"), ("kind", "resource.exhausted"), ("reason", "worker_connections")],
        },
    ],
};

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    sample
        .lines
        .iter()
        .any(|line| head(line).is_some())
        .then(|| Inferred { layout: Box::new(NginxError), reason: "time, [level] and pid#tid:".into() })
}

struct NginxError;

/// Level, pid, and what follows `pid#tid: `.
fn head(line: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    if line.get(4) != Some(&b'/') || line.get(19..21) != Some(b" [") {
        return None;
    }
    let rest = line.get(21..)?;
    let close = memchr::memchr(b']', rest.get(..8).unwrap_or(rest))?;
    let after = rest.get(close + 1..)?.strip_prefix(b" ")?;
    let pid = num::digits(after);
    let thread = after.get(pid..)?.strip_prefix(b"#")?;
    let body = thread.get(num::digits(thread)..)?.strip_prefix(b":")?;
    Some((rest.get(..close)?, num::uint32(after.get(..pid)?)?, body.strip_prefix(b" ").unwrap_or(body)))
}

impl Layout for NginxError {
    fn line(&self, line: &[u8]) -> Line {
        if head(line).is_some() {
            Line::Start
        } else if line.first().is_some_and(u8::is_ascii_digit) && time::iso(line).is_some() {
            Line::Foreign
        } else if line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) || php(line) {
            Line::Continue
        } else {
            Line::Foreign
        }
    }

    fn parse<'a>(&self, record: &'a [u8], _: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let (level, pid, body) = head(record).ok_or(Reject::new(Reason::NoLayout, 0))?;
        let (stamp, _) = time::iso(record).ok_or(Reject::new(Reason::BadTime, 0))?;
        event.stamp = stamp;
        event.severity = match level {
            b"crit" => Severity::CRITICAL,
            b"emerg" => Severity::FATAL,
            _ => Severity::of_word(level),
        };
        event.pid = pid;
        let mut rest = body;
        if let Some(after) = body.strip_prefix(b"*") {
            let digits = num::digits(after);
            event.conn = after.get(..digits).unwrap_or_default();
            rest = after.get(digits..).unwrap_or_default().trim_ascii_start();
        }
        event.message = parts(rest, event);
        classify(event);
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Any
    }
}

/// Lines that PHP's messages inside `FastCGI sent in stderr` bring along.
fn php(line: &[u8]) -> bool {
    line.starts_with(b"PHP message:")
        || line.starts_with(b"Stack trace:")
        || line.starts_with(b"#")
        || line.starts_with(b"\" while")
}

/// Takes the named parts off the end of `body`; gives the message before them.
fn parts<'a>(body: &'a [u8], event: &mut Event<'a>) -> &'a [u8] {
    let Some(at) = memchr::memmem::rfind(body, b", client: ") else { return body };
    let (message, named) = body.split_at(at);
    let part = |name: &[u8]| text::after(named, name);
    event.client = text::word(part(b", client: ").unwrap_or_default());
    let quoted =
        |name: &[u8]| part(name).map(|rest| rest.get(..memchr::memchr(b'"', rest).unwrap_or(rest.len())).unwrap_or_default());
    if let Some(request) = quoted(b", request: \"")
        && let Some(space) = memchr::memchr(b' ', request)
    {
        event.method = request.get(..space).unwrap_or_default();
        let target = request.get(space + 1..).unwrap_or_default();
        event.path = target.get(..memchr::memrchr(b' ', target).unwrap_or(target.len())).unwrap_or_default();
    }
    if let Some(upstream) = quoted(b", upstream: \"") {
        let rest = text::after(upstream, b"://").unwrap_or(upstream);
        if let Some(socket) = rest.strip_prefix(b"unix:") {
            let end = memchr::memchr(b':', socket).unwrap_or(socket.len());
            event.server = rest.get(..5 + end).unwrap_or_default();
        } else {
            let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
            (event.server, event.server_port) = net::host_port(rest.get(..end).unwrap_or_default());
        }
    }
    let server = part(b", server: ").unwrap_or_default();
    event.frontend = server.get(..memchr::memchr(b',', server).unwrap_or(server.len())).unwrap_or_default();
    message
}

/// Texts and what they are. The first that stands in the message holds.
const TEXTS: [(&[u8], Kind, &[u8]); 24] = [
    (b"no live upstreams", Kind::LbUpstreamError, b"no_live_upstreams"),
    (b"upstream timed out", Kind::LbUpstreamError, b"upstream_timeout"),
    (b"connect() failed (111", Kind::LbUpstreamError, b"connection_refused"),
    (b"connect() failed (110", Kind::LbUpstreamError, b"connect_timeout"),
    (b"connect() failed (113", Kind::LbUpstreamError, b"unreachable"),
    (b"connect() failed", Kind::LbUpstreamError, b"failed"),
    (b"connect() to unix:", Kind::LbUpstreamError, b"failed"),
    (b"upstream prematurely closed", Kind::LbUpstreamError, b"upstream_closed"),
    (b"while reading response header from upstream", Kind::LbUpstreamError, b"upstream_reset"),
    (b"while reading upstream", Kind::LbUpstreamError, b"upstream_reset"),
    (b"while sending request to upstream", Kind::LbUpstreamError, b"upstream_reset"),
    (b"upstream server temporarily disabled", Kind::LbServerState, b"down"),
    (b"could not be resolved", Kind::LbUpstreamError, b"unknown_host"),
    (b"host not found in upstream", Kind::LbUpstreamError, b"unknown_host"),
    (b"worker_connections are not enough", Kind::ResourceExhausted, b"worker_connections"),
    (b"(24: Too many open files)", Kind::ResourceExhausted, b"file_descriptors"),
    (b"(28: No space left on device)", Kind::ResourceExhausted, b"disk_full"),
    (b"(12: Cannot allocate memory)", Kind::ResourceExhausted, b"out_of_memory"),
    (b"reconfiguring", Kind::ConfigChange, b"reload"),
    (b"start worker processes", Kind::AppStart, b"starting"),
    (b"SIGTERM) received", Kind::AppStop, b"shutdown"),
    (b"SIGQUIT) received", Kind::AppStop, b"graceful"),
    (b"exited on signal", Kind::AppStop, b"killed"),
    (b"limiting requests", Kind::Log, b"rate_limited"),
];

fn classify(event: &mut Event<'_>) {
    let message = event.message;
    let client_gone = memchr::memmem::find(message, b"client prematurely closed connection").is_some();
    if client_gone {
        event.reason = b"client_closed";
        return;
    }
    if let Some((_, kind, reason)) = TEXTS.iter().find(|(text, _, _)| memchr::memmem::find(message, text).is_some()) {
        // Warnings of buffering name the phase too, but nothing failed.
        let harmless = event.severity < Severity::ERROR && *kind == Kind::LbUpstreamError;
        if !harmless
            || memchr::memmem::find(message, b"failed").is_some()
            || memchr::memmem::find(message, b"timed out").is_some()
        {
            event.kind = *kind;
            event.reason = reason;
            if matches!(kind, Kind::AppStart | Kind::AppStop) {
                event.subject = b"nginx";
            }
        }
    }
}
