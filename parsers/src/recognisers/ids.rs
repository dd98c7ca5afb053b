//! Ids of requests and traces in any message: classifies nothing, fills what the layout left empty.
//!
//! Sources: W3C Trace Context (`traceparent`), OpenTelemetry's log correlation fields, B3, Jaeger, AWS X-Ray, and the
//! names that applications give a request's id.
//!
//! ```text
//! charge failed rid=a8160b trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7
//! ```

use crate::event::{Arena, Event};
use crate::prim::named;
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// Longer messages are searched up to here.
const REACH: usize = 4096;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "ids",
    about: "request, trace and span ids in messages and attributes",
    spec: "W3C Trace Context; OpenTelemetry trace context in non-OTLP logs; B3; AWS X-Ray",
    needles: &[
        "rid",
        "request_id",
        "requestId",
        "request-id",
        "Request-Id",
        "Request-ID",
        "RequestId",
        "req_id",
        "reqId",
        "req-id",
        "correlation",
        "Correlation",
        "trace_id",
        "traceId",
        "trace-id",
        "Trace-Id",
        "TraceId",
        "traceid",
        "traceID",
        "traceparent",
        "span_id",
        "spanId",
        "SpanId",
    ],
    recognise,
    examples: &[
        Example {
            line: "charge failed rid=a8160b traceId=4bf92f3577b34da6a3ce929d0e0e4736 spanId=00f067aa0ba902b7",
            shows: &[
                ("request.id", "a8160b"),
                ("trace.id", "4bf92f3577b34da6a3ce929d0e0e4736"),
                ("span.id", "00f067aa0ba902b7"),
                ("kind", "log"),
            ],
        },
        Example {
            line: "sent traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            shows: &[("trace.id", "4bf92f3577b34da6a3ce929d0e0e4736"), ("span.id", "00f067aa0ba902b7")],
        },
        Example {
            line: "X-Amzn-Trace-Id: Root=1-67891233-abcdef012345678912345678;Sampled=1",
            shows: &[("trace.id", "1-67891233-abcdef012345678912345678")],
        },
        Example { line: "grid=7 request_id=- trace_id=0000000000000000", shows: &[("request.id", ""), ("trace.id", "")] },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    for (key, value) in event.attrs {
        if may_be_id(key) {
            let name = key.rsplit(|b| *b == b'.').next().unwrap_or(key);
            note(event, name, value);
        }
    }
    for (name, value) in named::values(event.message.get(..REACH).unwrap_or(event.message)) {
        note(event, name, value);
    }
    false
}

/// The names of all ids end in `id` or in `parent`; a separator at the end says nothing.
fn may_be_id(name: &[u8]) -> bool {
    match name {
        [.., b'_' | b'-' | b'.'] | [.., b'_' | b'-' | b'.', _] => true,
        [.., before, last] => matches!((before | 0x20, last | 0x20), (b'i', b'd') | (b'n', b't')),
        _ => false,
    }
}

fn note<'a>(event: &mut Event<'a>, name: &[u8], value: &'a [u8]) {
    let mut folded = [0u8; 20];
    let mut len = 0;
    for byte in name.iter().filter(|b| !matches!(b, b'_' | b'-' | b'.')) {
        let Some(slot) = folded.get_mut(len) else { return };
        *slot = byte.to_ascii_lowercase();
        len += 1;
    }
    match folded.get(..len).unwrap_or_default() {
        b"rid" | b"reqid" | b"requestid" | b"xrequestid" | b"httprequestid" | b"correlationid" | b"xcorrelationid" => {
            fill(&mut event.request_id, plain(value));
        }
        b"traceid" | b"ddtraceid" | b"xb3traceid" | b"oteltraceid" | b"xtraceid" | b"tracingid" => {
            fill(&mut event.trace_id, hex(value));
        }
        b"xamzntraceid" | b"xraytraceid" => {
            let root = value.strip_prefix(b"Root=").unwrap_or(value);
            fill(&mut event.trace_id, plain(root.split(|b| *b == b';').next().unwrap_or(root)));
        }
        b"spanid" | b"ddspanid" | b"xb3spanid" | b"otelspanid" => fill(&mut event.span_id, hex(value)),
        b"traceparent" => {
            let mut parts = value.split(|b| *b == b'-').skip(1);
            if let (Some(trace), Some(span)) = (parts.next(), parts.next())
                && trace.len() == 32
                && span.len() == 16
            {
                fill(&mut event.trace_id, hex(trace));
                fill(&mut event.span_id, hex(span));
            }
        }
        _ => {}
    }
}

fn fill<'a>(slot: &mut &'a [u8], value: &'a [u8]) {
    if slot.is_empty() {
        *slot = value;
    }
}

/// An id, or nothing where the value only says that there is none.
fn plain(value: &[u8]) -> &[u8] {
    let none = matches!(value, b"-" | b"null" | b"nil" | b"none" | b"None" | b"undefined" | b"N/A" | b"unknown");
    if none || value.len() > 128 { b"" } else { value }
}

/// A trace or span id: hexadecimal (Datadog's are decimal), never all zeros.
fn hex(value: &[u8]) -> &[u8] {
    let good = value.len() >= 8 && value.len() <= 64 && value.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    if good && value.iter().any(|b| !matches!(b, b'0' | b'-')) { value } else { b"" }
}
