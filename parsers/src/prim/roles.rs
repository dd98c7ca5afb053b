//! Which attribute of a structured text record is which field: the names that logfmt, structlog, zap, lograge and
//! applications use. A field that is already filled stays.

use super::{net, num, time};
use crate::event::Event;
use crate::kind::Kind;
use crate::stamp::Stamp;

/// The unit in which an attribute states a duration without a unit of its own.
fn unit_of(key: &[u8]) -> u32 {
    let ends = |ends: &[&[u8]]| ends.iter().any(|e| key.ends_with(e));
    if ends(&[b"_us", b"Us", b"_micros", b"_usec"]) {
        3
    } else if ends(&[b"_ns", b"Ns", b"_nanos"]) {
        0
    } else if ends(&[b"_s", b"_sec", b"_secs", b"_seconds"]) {
        9
    } else {
        6
    }
}

/// A duration with a unit, or a bare number in the unit that its key names (milliseconds where it names none).
pub fn duration(key: &[u8], value: &[u8]) -> i64 {
    num::duration(value).or_else(|| num::scaled(value, unit_of(key))).unwrap_or(-1)
}

/// A time as an attribute holds it: any shape, the whole value.
pub fn stamp(value: &[u8]) -> Stamp {
    time::any(value).map_or(Stamp::NONE, |(stamp, _)| stamp)
}

/// `pkg/file.go:12` into file and line.
pub fn place<'a>(value: &'a [u8], event: &mut Event<'a>) {
    let Some(colon) = memchr::memrchr(b':', value) else { return };
    if let (Some(file), Some(line)) = (value.get(..colon), value.get(colon + 1..).and_then(num::uint32)) {
        event.file = file;
        event.line = line;
    }
}

/// Fills the fields that attributes name, and marks a finished request.
pub fn fill(event: &mut Event<'_>) {
    for (key, value) in event.attrs {
        if !value.is_empty() {
            one(key, value, event);
        }
    }
    let request = !event.method.is_empty() && !event.path.is_empty() && event.status != 0;
    if event.kind == Kind::Log && request {
        event.kind = Kind::RequestEnd;
    }
}

fn one<'a>(key: &'a [u8], value: &'a [u8], event: &mut Event<'a>) {
    let text = |slot: &mut &'a [u8]| {
        if slot.is_empty() {
            *slot = value;
        }
    };
    match key {
        b"request_id" | b"requestId" | b"request.id" | b"req_id" | b"reqId" | b"rid" | b"requestID" | b"x_request_id"
        | b"x-request-id" | b"correlation_id" | b"correlationId" | b"http.request.id" => text(&mut event.request_id),
        b"trace_id" | b"traceId" | b"trace.id" | b"traceID" | b"dd.trace_id" | b"otelTraceID" | b"trace" => {
            text(&mut event.trace_id);
        }
        b"span_id" | b"spanId" | b"span.id" | b"spanID" | b"dd.span_id" | b"otelSpanID" => text(&mut event.span_id),
        b"logger" | b"logger_name" | b"module" | b"component" | b"target" => text(&mut event.logger),
        b"service" | b"service.name" | b"service_name" | b"app" => text(&mut event.service),
        b"host.name" | b"hostname" => text(&mut event.host),
        b"thread" | b"thread_name" | b"thread.name" => text(&mut event.thread),
        b"caller" | b"source" | b"code.location" if event.file.is_empty() => place(value, event),
        b"func" | b"function" | b"code.function" => text(&mut event.function),
        b"method" | b"http.method" | b"http.request.method" | b"http_method" | b"req.method"
            if value.len() <= 8 && value.iter().all(u8::is_ascii_uppercase) =>
        {
            text(&mut event.method);
        }
        b"path" | b"uri" | b"url" | b"url.path" | b"http.target" | b"request_path" | b"req.url" | b"endpoint"
            if value.starts_with(b"/") || value.starts_with(b"http") =>
        {
            text(&mut event.path);
        }
        b"route" | b"http.route" => text(&mut event.route),
        b"status" | b"status_code" | b"http.status_code" | b"http.response.status_code" | b"http_status" | b"code" => {
            let status = num::uint16(value).filter(|s| (100..600).contains(s));
            event.status = if event.status == 0 { status.unwrap_or(0) } else { event.status };
        }
        b"duration" | b"duration_ms" | b"durationMs" | b"latency" | b"latency_ms" | b"elapsed" | b"elapsed_ms" | b"took"
        | b"response_time_ms" | b"responseTime" | b"duration_s" | b"duration_us" | b"duration_ns" | b"elapsed_secs"
        | b"elapsed_us" | b"request_time" | b"dur"
            if event.duration_ns < 0 =>
        {
            event.duration_ns = duration(key, value);
        }
        b"remote_addr" | b"remote_ip" | b"remote" | b"client_ip" | b"client" | b"client.address" | b"ip" | b"remoteAddr"
            if event.client.is_empty() =>
        {
            (event.client, event.client_port) = net::host_port(value);
        }
        b"user_agent" | b"ua" => text(&mut event.user_agent),
        b"pid" if event.pid == 0 => event.pid = num::uint32(value).unwrap_or(0),
        b"error.type" | b"err.type" | b"exception.type" | b"error_type" | b"exception_class" => text(&mut event.error_type),
        b"stack" | b"stacktrace" | b"stack_trace" | b"exception.stacktrace" | b"error.stack" => text(&mut event.stack),
        b"version" | b"service.version" => text(&mut event.version),
        _ => {}
    }
}
