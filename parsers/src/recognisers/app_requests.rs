//! Requests as applications log them in words: `--> GET /cart`, `<-- 200 GET /cart 28ms`, `GET /cart 200 3.4 ms`,
//! werkzeug's and Django's development servers, and Flask's failures.
//!
//! Source: `expressjs/morgan` (`dev`, `tiny`), `pallets/werkzeug` `serving.py`, `pallets/flask` `app.py`
//! (`log_exception`), `koajs/logger`; otherwise usage.
//!
//! ```text
//! <-- 200 GET /orders/7 28ms rid=cffe36a8c2cb2fcf
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{facts, net, num, pairs, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "app_requests",
    about: "requests in an application's own words",
    spec: "expressjs/morgan dev and tiny; pallets/werkzeug serving.py; pallets/flask app.py log_exception; koajs/logger",
    needles: &["GET /", "POST /", "PUT /", "PATCH /", "DELETE /", "HEAD /", "OPTIONS /", "Exception on /"],
    recognise,
    examples: &[
        Example {
            line: "--> GET /orders/7 rid=cffe36a8 client=203.0.113.9",
            shows: &[("kind", "request.start"), ("request.id", "cffe36a8"), ("http.request.method", "GET"), ("url.path", "/orders/7"), ("client.address", "203.0.113.9")],
        },
        Example {
            line: "<-- 504 GET /orders/7 4028ms rid=cffe36a8",
            shows: &[("kind", "request.end"), ("http.response.status_code", "504"), ("duration_ns", "4028000000"), ("request.id", "cffe36a8")],
        },
        Example {
            line: "GET /rooms 200 490ms request_id=bb3b",
            shows: &[("kind", "request.end"), ("http.response.status_code", "200"), ("duration_ns", "490000000"), ("request.id", "bb3b")],
        },
        Example {
            line: "127.0.0.1 - - [20/Nov/2026 10:32:23] \"GET /a?b=1 HTTP/1.1\" 404 -",
            shows: &[("kind", "request.end"), ("client.address", "127.0.0.1"), ("url.path", "/a?b=1"), ("http.response.status_code", "404")],
        },
        Example {
            line: "Exception on /products/9 [GET]",
            shows: &[("kind", "error"), ("url.path", "/products/9"), ("http.request.method", "GET"), ("http.response.status_code", "500")],
        },
        Example { line: "database error on POST /bookings: gone", shows: &[("kind", "log"), ("url.path", "")] },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    if event.kind != Kind::Log && event.kind != Kind::Error {
        return false;
    }
    if facts::flask_failure(event) {
        event.kind = Kind::Error;
        return true;
    }
    let line = text::first_line(event.message).0;
    let Some(slash) = memchr::memmem::find(line.get(..200).unwrap_or(line), b" /") else { return false };
    let (before, path) = (line.get(..slash).unwrap_or_default(), line.get(slash + 1..).unwrap_or_default());
    let method = before.rsplit(|b| !b.is_ascii_uppercase()).next().unwrap_or_default();
    if !matches!(method, b"GET" | b"POST" | b"PUT" | b"PATCH" | b"DELETE" | b"HEAD" | b"OPTIONS") {
        return false;
    }
    let lead = before.get(..before.len() - method.len()).unwrap_or_default();
    let width = path.iter().position(|b| matches!(b, b' ' | b'"' | b'\t' | b',')).unwrap_or(path.len());
    let (path, rest) = path.split_at_checked(width).unwrap_or((path, b""));
    let rest = rest.strip_prefix(b" HTTP/").map_or(rest, |r| r.get(r.iter().position(|b| matches!(b, b'"' | b' ')).unwrap_or(r.len())..).unwrap_or_default());
    let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
    let Some(lead) = Lead::of(lead) else { return false };
    let status = lead.status.or_else(|| {
        let mut words = rest.split(|b| matches!(b, b' ' | b'\t' | b',')).filter(|w| !w.is_empty());
        words.by_ref().take(3).map(|w| w.strip_prefix(b"status=").unwrap_or(w)).find_map(|w| num::uint16(w).filter(|s| (100..600).contains(s)))
    });
    let get = |keys: &[&str]| keys.iter().find_map(|k| pairs::value(rest, k)).filter(|v| !v.is_empty());
    let id = get(&["rid", "request_id", "requestId", "req_id", "reqId", "correlation_id", "id"]);
    let client = get(&["client", "ip", "remote", "remote_addr", "client_ip"]);
    event.kind = match status {
        Some(_) => Kind::RequestEnd,
        None if lead.start || lead.bare && id.is_some() => Kind::RequestStart,
        None => return false,
    };
    event.status = status.unwrap_or(event.status);
    event.method = method;
    event.path = path;
    if event.request_id.is_empty() {
        event.request_id = id.unwrap_or_default();
    }
    if event.client.is_empty() {
        (event.client, event.client_port) = net::host_port(client.unwrap_or(lead.client));
    }
    if event.duration_ns < 0 && event.kind == Kind::RequestEnd {
        event.duration_ns = duration(rest);
    }
    true
}

/// What stands in front of the method.
struct Lead<'a> {
    start: bool,
    bare: bool,
    status: Option<u16>,
    client: &'a [u8],
}

impl<'a> Lead<'a> {
    fn of(lead: &'a [u8]) -> Option<Lead<'a>> {
        let mut out = Lead { start: false, bare: false, status: None, client: b"" };
        let words = lead.trim_ascii();
        let words = words.strip_suffix(b"\"").unwrap_or(words).trim_ascii_end();
        if words.is_empty() {
            out.bare = true;
            return Some(out);
        }
        // `127.0.0.1 - - [date]` of werkzeug and the common log format.
        if words.ends_with(b"]") && memchr::memmem::find(words, b" - ").is_some() {
            out.client = text::word(words);
            return Some(out);
        }
        if words.ends_with(b" -") && net::is_address(net::host_port(text::word(words)).0) {
            out.client = text::word(words);
            return Some(out);
        }
        const STARTS: [&[u8]; 9] = [b"-->", "→".as_bytes(), b"Started", b"started", b"Incoming request:", b"incoming request", b"Request:", b"request started:", b"Handling"];
        const ENDS: [&[u8]; 8] = [b"<--", "←".as_bytes(), b"Completed", b"completed", b"Response:", b"request completed:", b"Finished", b"handled"];
        let (head, tail) = words.split_at_checked(words.iter().rposition(|b| *b == b' ').unwrap_or(0))?;
        let status = num::uint16(tail.trim_ascii()).filter(|s| (100..600).contains(s));
        let head = if status.is_some() { head.trim_ascii() } else { words };
        out.status = status;
        out.start = STARTS.iter().any(|s| head.eq(*s));
        let end = ENDS.iter().any(|s| head.eq(*s));
        (out.start || end).then_some(out)
    }
}

/// The first word with a unit of time, `28ms` or `3.4 ms`.
fn duration(text: &[u8]) -> i64 {
    let mut words = text.split(|b| matches!(b, b' ' | b'\t' | b',' | b'(' | b')')).filter(|w| !w.is_empty()).peekable();
    while let Some(word) = words.next() {
        let value = word.rsplit(|b| *b == b'=').next().unwrap_or_default();
        if !value.first().is_some_and(u8::is_ascii_digit) {
            continue;
        }
        if let Some(nanos) = num::duration(value) {
            return nanos;
        }
        if words.peek().is_some_and(|w| matches!(*w, b"ms"))
            && let Some(nanos) = num::scaled(value, 6)
        {
            return nanos;
        }
    }
    -1
}
