//! logfmt: `key=value` pairs (Go slog's text handler, logrus, go-kit, lograge, Heroku's router, Grafana, Prometheus).
//!
//! Source: `https://brandur.org/logfmt`, `log/slog.TextHandler`, `sirupsen/logrus` `TextFormatter`, `roidrage/lograge`.
//! Values with blanks, quotes or `=` stand in double quotes with Go's escapes; a bare key means true.
//!
//! ```text
//! time=2026-11-20T10:33:12.776+01:00 level=INFO msg="order paid" order=7
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::{head, num, pairs, roles};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "logfmt",
    about: "key=value pairs: slog text, logrus, go-kit, lograge, Heroku router, Grafana",
    spec: "https://brandur.org/logfmt; Go log/slog TextHandler; sirupsen/logrus TextFormatter; roidrage/lograge README",
    weight: 80,
    infer: |sample: &Sample<'_>| {
        let fits = sample.lines.iter().filter(|l| is_record(l)).count();
        (fits > 0).then(|| Inferred { layout: Box::new(Logfmt), reason: "key=value pairs".into() })
    },
    examples: &[
        Example {
            line: "time=2026-11-20T10:33:12.776+01:00 level=WARN msg=\"pool is \\\"full\\\"\" trace_id=4bf9 n=3",
            shows: &[
                ("time", "2026-11-20T09:33:12.776Z"),
                ("severity", "WARN"),
                ("message", "pool is \"full\""),
                ("trace.id", "4bf9"),
            ],
        },
        Example {
            line: "method=GET path=/orders/7 format=json controller=OrdersController action=show status=200 duration=79.02 view=78.8 db=0.0",
            shows: &[
                ("kind", "request.end"),
                ("http.request.method", "GET"),
                ("url.path", "/orders/7"),
                ("http.response.status_code", "200"),
                ("duration_ns", "79020000"),
                ("http.route", "OrdersController#show"),
            ],
        },
    ],
};

struct Logfmt;

/// A record begins with a pair and holds a second one (or is one long pair), and is no SQL or JSON.
fn is_record(line: &[u8]) -> bool {
    let Some((first, taken)) = pairs::pair(line) else { return false };
    if first.bare || !first.key.first().is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'@' | b'_')) {
        return false;
    }
    let rest = line.get(taken..).unwrap_or_default();
    let second = pairs::pair(rest.trim_ascii_start());
    second.is_some_and(|(raw, _)| !raw.bare) || matches!(first.key, b"msg" | b"level" | b"time" | b"ts") && rest.is_empty()
}

impl Layout for Logfmt {
    fn line(&self, line: &[u8]) -> Line {
        if is_record(line) { Line::Start } else { Line::Foreign }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let mut attrs = bumpalo::collections::Vec::with_capacity_in(12, arena);
        for raw in pairs::pairs(record, true) {
            if !raw.bare {
                attrs.push((raw.key, raw.text(arena)));
            }
        }
        if attrs.is_empty() {
            return Err(Reject::new(Reason::BadField, 0));
        }
        event.attrs = attrs.into_bump_slice();
        for (key, value) in event.attrs {
            core(key, value, event);
        }
        roles::fill(event);
        actions(event, arena);
        if event.message.is_empty() {
            event.message = record;
        }
        Ok(())
    }
}

/// The keys that every logfmt has in some spelling.
fn core<'a>(key: &[u8], value: &'a [u8], event: &mut Event<'a>) {
    match key {
        b"time" | b"ts" | b"t" | b"timestamp" | b"Timestamp" | b"@timestamp" | b"datetime" if !event.stamp.is_some() => {
            event.stamp = roles::stamp(value);
        }
        b"level" | b"lvl" | b"severity" | b"SeverityText" | b"log.level" | b"at" | b"l" => {
            let word = value.split(|b| matches!(b, b'+' | b'-')).next().unwrap_or_default();
            let offset = value.get(word.len()..).and_then(num::int).unwrap_or(0).clamp(-4, 8);
            if let Some(severity) = head::severity_of(word)
                && event.severity == Severity::NONE
            {
                // slog writes levels between the named ones as an offset: INFO+2.
                event.severity = Severity(u8::try_from(i64::from(severity.0) + offset).unwrap_or(severity.0).clamp(1, 24));
            }
        }
        b"msg" | b"message" | b"Body" | b"body" | b"event" if event.message.is_empty() => event.message = value,
        _ => {}
    }
}

/// lograge's `controller` and `action` name the route; Heroku's router states its own times.
fn actions<'a>(event: &mut Event<'a>, arena: &'a Arena) {
    if let (Some(controller), Some(action)) = (event.attr("controller"), event.attr("action")) {
        let mut route = bumpalo::collections::Vec::with_capacity_in(controller.len() + action.len() + 1, arena);
        route.extend_from_slice(controller);
        route.push(b'#');
        route.extend_from_slice(action);
        event.route = route.into_bump_slice();
    }
    if let (Some(service), Some(connect), Some(_)) = (event.attr("service"), event.attr("connect"), event.attr("dyno")) {
        event.kind = Kind::LbRequest;
        event.service = b"";
        event.duration_ns = num::duration(service).unwrap_or(-1);
        event.connect_ns = num::duration(connect).unwrap_or(-1);
        event.client = event.attr("fwd").unwrap_or_default();
        event.bytes_out = event.attr("bytes").and_then(num::int).unwrap_or(-1);
    }
    if let Some(error) = event.attr("error").filter(|e| !e.is_empty())
        && event.error_type.is_empty()
    {
        event.error_type = crate::prim::trace::exception_name(error);
    }
}
