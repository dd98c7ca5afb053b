//! What the fields of access logs mean, whichever server wrote them and however its administrator ordered them.
//!
//! Two readers stand on this: `columns` finds the fields by the shapes of a sample's tokens, `program` follows a `log_format`
//! text.

pub mod columns;
pub mod program;
mod shapes;
mod tokens;

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Domain, Layout, Line};
use crate::prim::{net, num, text, time};
use crate::reject::Reject;
use bumpalo::collections::Vec as Bump;
use columns::Columns;
use program::Program;

/// What a column of an access log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Nothing that an event has a place for.
    Skip,
    /// The peer's address.
    Client,
    /// The peer's port.
    ClientPort,
    /// A list of addresses (`X-Forwarded-For`): the first is the client.
    Forwarded,
    /// The authenticated user.
    User,
    /// A time of any shape.
    Time,
    /// The request line.
    Request,
    /// The method alone.
    Method,
    /// The target alone.
    Path,
    /// The query string, with or without its `?`, where the path comes without.
    Args,
    /// The status.
    Status,
    /// Bytes sent.
    Bytes,
    /// The user agent.
    Agent,
    /// How long the request took, in seconds.
    Seconds,
    /// The same in milliseconds.
    Millis,
    /// The same in microseconds.
    Micros,
    /// The same with its unit.
    Duration,
    /// Connecting to the upstream, in seconds; a list.
    ConnectSeconds,
    /// Upstream addresses; a list.
    Upstream,
    /// The upstream as a URL.
    UpstreamUrl,
    /// The upstream group, router or service.
    Backend,
    /// The virtual host.
    Host,
    /// The request id.
    RequestId,
    /// The trace id.
    TraceId,
    /// A thing with a name of its own, kept as an attribute.
    Named(&'static str),
    /// The process id.
    Pid,
    /// Envoy's response flags: why it answered itself.
    Flags,
}

/// Attributes of the record being read.
pub type Attrs<'a> = Bump<'a, (&'a [u8], &'a [u8])>;

/// Puts the text of one column into `event`. `-` and an empty text mean absent.
pub fn set<'a>(field: Field, value: &'a [u8], event: &mut Event<'a>, attrs: &mut Attrs<'a>) {
    if matches!(value, b"" | b"-") && field != Field::Request {
        return;
    }
    match field {
        Field::Skip => {}
        Field::Client => (event.client, event.client_port) = client(value),
        Field::ClientPort => event.client_port = num::uint16(value).unwrap_or(0),
        Field::Forwarded => {
            let first = text::word(value);
            if net::is_address(first) {
                event.client = first;
            }
        }
        Field::User => attrs.push((b"user", value)),
        Field::Time => {
            if let Some((stamp, _)) = time::any(value) {
                event.stamp = stamp;
            }
        }
        Field::Request => request(value, event),
        Field::Method => event.method = value,
        Field::Path => event.path = value,
        Field::Args => attrs.push((b"args", value)),
        Field::Status => event.status = num::uint16(last(value)).unwrap_or(0),
        Field::Bytes => event.bytes_out = num::int(value).unwrap_or(-1),
        Field::Agent => event.user_agent = value,
        Field::Seconds => duration(num::scaled(last(value), 9), event),
        Field::Millis => duration(num::scaled(value, 6), event),
        Field::Micros => duration(num::scaled(value, 3), event),
        Field::Duration => duration(num::duration(value), event),
        Field::ConnectSeconds => event.connect_ns = num::scaled(last(value), 9).unwrap_or(-1),
        Field::Upstream => upstream(value, event),
        Field::UpstreamUrl => {
            let rest = text::after(value, b"://").unwrap_or(value);
            let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
            (event.server, event.server_port) = net::host_port(rest.get(..end).unwrap_or_default());
        }
        Field::Backend => event.backend = value,
        Field::Host => attrs.push((b"host", value)),
        Field::RequestId => event.request_id = value,
        Field::TraceId => event.trace_id = value,
        Field::Flags => event.reason = value,
        Field::Pid => event.pid = num::uint32(value).unwrap_or(0),
        Field::Named(name) => attrs.push((name.as_bytes(), value)),
    }
}

/// What follows from the fields together, once all are set.
pub fn finish<'a>(event: &mut Event<'a>, attrs: Attrs<'a>, arena: &'a Arena) {
    if let (false, Some((_, args))) = (event.path.is_empty(), attrs.iter().find(|(key, _)| *key == b"args")) {
        let joined = event.path.len() + 1 + args.len();
        let mut path = Bump::with_capacity_in(joined, arena);
        path.extend_from_slice(event.path);
        path.push(b'?');
        path.extend_from_slice(args.strip_prefix(b"?").unwrap_or(args));
        event.path = path.into_bump_slice();
    }
    // Envoy's request line of a TCP session.
    event.kind = if event.message == b"- - -" { Kind::LbSession } else { Kind::LbRequest };
    match event.status {
        499 => event.reason = b"client_closed",
        444 => event.reason = b"no_response",
        _ => {}
    }
    event.attrs = attrs.into_bump_slice();
}

fn duration(nanos: Option<i64>, event: &mut Event<'_>) {
    if let Some(nanos) = nanos {
        event.duration_ns = nanos;
    }
}

/// `1.2.3.4`, `1.2.3.4:5001`, `[::1]:80`, `1.2.3.4,`, `unix:`; the first of a list.
fn client(value: &[u8]) -> (&[u8], u16) {
    if net::is_address(value) {
        return (value, 0);
    }
    let first = text::word(value);
    if net::is_address(first) { (first, 0) } else { net::host_port(first) }
}

/// `GET /a HTTP/1.1`; what is no such line (TLS bytes, nothing) stays the message alone.
fn request<'a>(line: &'a [u8], event: &mut Event<'a>) {
    event.message = line;
    let Some(space) = text::find(line, b' ') else { return };
    let (method, target) = line.split_at(space);
    if !is_method(method) {
        return;
    }
    event.method = method;
    let target = target.get(1..).unwrap_or_default();
    event.path = match memchr::memrchr(b' ', target) {
        Some(at) if target.get(at + 1..).is_some_and(|p| p.starts_with(b"HTTP/") || p.starts_with(b"HTTPS/")) => {
            target.get(..at).unwrap_or_default()
        }
        _ => target,
    };
}

/// A word of capital letters such as HTTP's and WebDAV's methods are.
pub fn is_method(word: &[u8]) -> bool {
    word.len() >= 3 && word.len() <= 20 && word.iter().all(|b| b.is_ascii_uppercase() || matches!(b, b'-' | b'_'))
}

/// The last of the values of nginx's lists (`0.000, 0.002`, `- : 0.1`) that is one.
pub fn last(list: &[u8]) -> &[u8] {
    if text::find(list, b' ').is_none() {
        return list;
    }
    list.split(|b| matches!(b, b',' | b' ')).rev().find(|v| !matches!(*v, b"" | b"-" | b":")).unwrap_or_default()
}

fn upstream<'a>(value: &'a [u8], event: &mut Event<'a>) {
    let server = last(value);
    (event.server, event.server_port) = if server.starts_with(b"unix:") { (server, 0) } else { net::host_port(server) };
}

/// The field that a name stands for: nginx variables, their usual abbreviations in `key=value` columns, and the words other
/// servers use.
pub fn named(name: &[u8]) -> Field {
    match name {
        b"remote_addr" | b"client" | b"client_ip" | b"ip" | b"realip_remote_addr" | b"binary_remote_addr" => Field::Client,
        b"remote_port" => Field::ClientPort,
        b"http_x_forwarded_for" | b"proxy_add_x_forwarded_for" | b"xff" | b"http_x_real_ip" | b"fwd" | b"x_forwarded_for" => {
            Field::Forwarded
        }
        b"remote_user" | b"user" => Field::User,
        b"time_local" | b"time_iso8601" | b"msec" | b"time" | b"ts" => Field::Time,
        b"request" | b"req" => Field::Request,
        b"request_method" | b"method" => Field::Method,
        b"request_uri" | b"uri" | b"path" | b"document_uri" | b"url" => Field::Path,
        b"args" | b"query_string" => Field::Args,
        b"status" | b"st" | b"code" => Field::Status,
        b"body_bytes_sent" | b"bytes_sent" | b"bytes" | b"size" => Field::Bytes,
        b"http_user_agent" | b"ua_string" | b"user_agent" | b"agent" => Field::Agent,
        b"request_time" | b"rt" | b"reqtime" | b"request_duration" => Field::Seconds,
        b"upstream_connect_time" | b"uct" | b"cct" => Field::ConnectSeconds,
        b"upstream_addr" | b"ua" | b"upstream" | b"uaddr" | b"backend_addr" => Field::Upstream,
        b"proxy_upstream_name" | b"proxy_host" | b"upstream_name" | b"backend" => Field::Backend,
        b"host" | b"http_host" | b"server_name" | b"vhost" | b"server" => Field::Host,
        b"request_id" | b"req_id" | b"rid" | b"http_x_request_id" | b"reqid" | b"id" => Field::RequestId,
        b"trace_id" | b"opentelemetry_trace_id" | b"otel_trace_id" | b"traceid" => Field::TraceId,
        b"pid" => Field::Pid,
        b"upstream_status" | b"us" | b"ustatus" => Field::Named("upstream_status"),
        b"upstream_response_time" | b"urt" | b"upstream_time" => Field::Named("upstream_response_time"),
        b"upstream_header_time" | b"uht" => Field::Named("upstream_header_time"),
        b"upstream_cache_status" | b"cs" | b"cache" | b"ucs" => Field::Named("cache"),
        b"connection" | b"c" => Field::Named("connection"),
        b"http_traceparent" | b"traceparent" => Field::Named("traceparent"),
        _ => Field::Skip,
    }
}

impl Layout for Columns {
    fn line(&self, line: &[u8]) -> Line {
        if self.starts(line) { Line::Start } else { Line::Foreign }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        self.read(record, arena, event)
    }

    /// An access line says everything itself.
    fn domain(&self) -> Domain {
        Domain::Complete
    }
}

impl Layout for Program {
    fn line(&self, line: &[u8]) -> Line {
        if self.starts(line) { Line::Start } else { Line::Foreign }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        self.read(record, arena, event)
    }

    /// An access line says everything itself.
    fn domain(&self) -> Domain {
        Domain::Complete
    }
}
