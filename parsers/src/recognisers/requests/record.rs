//! Requests in structured records: method, path, status and duration are attributes.

use super::{fill, is_method, note, path_of, status, timed};
use crate::event::Event;
use crate::kind::Kind;
use crate::prim::num;

const METHODS: [&str; 12] = [
    "method",
    "http.request.method",
    "http.method",
    "req.method",
    "request.method",
    "http_method",
    "request_method",
    "requestMethod",
    "RequestMethod",
    "Method",
    "verb",
    "httpRequest.requestMethod",
];
const PATHS: [&str; 20] = [
    "path",
    "url.path",
    "http.target",
    "req.url",
    "request.url",
    "request.path",
    "request.uri",
    "url",
    "uri",
    "target",
    "url.original",
    "http.url",
    "http_path",
    "request_uri",
    "RequestPath",
    "Path",
    "request_path",
    "http.path",
    "url.full",
    "httpRequest.requestUrl",
];
const STATUSES: [&str; 13] = [
    "status",
    "status_code",
    "statusCode",
    "http.response.status_code",
    "http.status_code",
    "res.statusCode",
    "response.status",
    "response.status_code",
    "StatusCode",
    "http_status",
    "response_status",
    "res.status",
    "httpRequest.status",
];
const DURATIONS: [&str; 20] = [
    "responseTime",
    "duration_ms",
    "latency_ms",
    "elapsed_ms",
    "took_ms",
    "time_ms",
    "durationMs",
    "elapsedMs",
    "ElapsedMilliseconds",
    "Elapsed",
    "response_time_ms",
    "duration_ns",
    "duration_s",
    "latency_s",
    "duration",
    "latency",
    "elapsed",
    "took",
    "latency_human",
    "response_time",
];
const CLIENTS: [&str; 12] = [
    "client.address",
    "client_ip",
    "clientIp",
    "remote_ip",
    "remote_addr",
    "req.remoteAddress",
    "remoteAddress",
    "request.remote_ip",
    "ip",
    "remote",
    "client",
    "http.client_ip",
];

/// Words in a record's message that say which end of the request it is.
const ENDS: [&[u8]; 16] = [
    b"completed",
    b"finished",
    b"handled",
    b"served",
    b"response",
    b"responded",
    b"Completed",
    b"Finished",
    b"Handled",
    b"done",
    b"ended",
    b"errored",
    b"aborted",
    b"access",
    b"HTTP request",
    b"http request",
];
const STARTS: [&[u8]; 9] =
    [b"started", b"incoming", b"received", b"starting", b"Started", b"Incoming", b"Received", b"Starting", b"begin"];

pub(super) fn recognise(event: &mut Event<'_>) -> bool {
    // pino-http names the request at its start only; its end has the status alone.
    let method = event.attr_any(&METHODS).filter(|m| is_method(&upper(m)));
    let path = event.attr_any(&PATHS).filter(|p| p.starts_with(b"/") || p.starts_with(b"http"));
    let code = event.attr_any(&STATUSES).and_then(status);
    let pino = event.attr("res.statusCode").is_some() || event.attr("req.method").is_some();
    if !(pino || (method.is_some() && path.is_some())) {
        return false;
    }
    let says = |words: &[&[u8]]| words.iter().any(|w| memchr::memmem::find(event.message, w).is_some());
    let (starts, ends) = (says(&STARTS), says(&ENDS));
    let lasted = DURATIONS.iter().find_map(|key| event.attr(key).map(|value| lasted(event, key, value)).filter(|ns| *ns >= 0));
    // Business records of a request carry its method and path too: without a status, a duration or a word they stay.
    let kind = match (starts, ends) {
        (true, false) if code.is_none() => Kind::RequestStart,
        _ if code.is_some() && (lasted.is_some() || ends || pino) => Kind::RequestEnd,
        _ if lasted.is_some() && (ends || code.is_some()) => Kind::RequestEnd,
        _ => Kind::Log,
    };
    fill(&mut event.method, method.unwrap_or_default());
    fill(&mut event.path, path_of(path.unwrap_or_default()));
    let address = event.attr_any(&CLIENTS);
    if let Some(address) = address {
        note(event, b"client", address);
    }
    if kind == Kind::Log {
        return false;
    }
    event.kind = kind;
    if event.status == 0 {
        event.status = code.unwrap_or(0);
    }
    if event.duration_ns < 0 {
        event.duration_ns = lasted.unwrap_or(-1);
    }
    let agent =
        event.attr_any(&["user_agent.original", "user_agent", "userAgent", "req.headers.user-agent", "http.user_agent"]);
    fill(&mut event.user_agent, agent.unwrap_or_default());
    let route = event.attr_any(&["http.route", "route"]);
    fill(&mut event.route, route.unwrap_or_default());
    true
}

/// A duration attribute; lograge's bare `duration` is in milliseconds.
fn lasted(event: &Event<'_>, key: &str, value: &[u8]) -> i64 {
    match timed(key.as_bytes(), value) {
        -1 if key == "duration" && event.attr("controller").is_some() => num::scaled(value, 6).unwrap_or(-1),
        nanos => nanos,
    }
}

fn upper(word: &[u8]) -> Vec<u8> {
    word.to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(message: &'a str, attrs: &'a [(&'a [u8], &'a [u8])]) -> Event<'a> {
        let mut event = Event { message: message.as_bytes(), attrs, ..Event::default() };
        recognise(&mut event);
        event
    }

    #[test]
    fn structured_requests_are_read() {
        let event = read(
            "request completed",
            &[(b"req.method", b"GET"), (b"req.url", b"/cart"), (b"res.statusCode", b"200"), (b"responseTime", b"12")],
        );
        assert_eq!(
            (event.kind, event.status, event.duration_ns, event.path),
            (Kind::RequestEnd, 200, 12_000_000, &b"/cart"[..])
        );
        let event = read("incoming request", &[(b"req.method", b"GET"), (b"req.url", b"/cart")]);
        assert_eq!(event.kind, Kind::RequestStart);
        let rails = [
            (&b"method"[..], &b"GET"[..]),
            (b"path", b"/"),
            (b"controller", b"HomeController"),
            (b"status", b"200"),
            (b"duration", b"79.5"),
        ];
        let event = read("", &rails);
        assert_eq!((event.kind, event.duration_ns), (Kind::RequestEnd, 79_500_000));
    }

    #[test]
    fn records_of_a_request_stay_what_they_are() {
        let event = read("charge declined", &[(b"method", b"POST"), (b"path", b"/pay"), (b"status", b"402")]);
        assert_eq!((event.kind, event.path), (Kind::Log, &b"/pay"[..]));
        assert_eq!(read("x", &[(b"method", b"card"), (b"path", b"/pay")]).path, b"");
    }
}
