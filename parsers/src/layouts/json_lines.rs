//! One JSON object a line, by any logger.
//!
//! Sources: the loggers' own documentation (pino, bunyan, winston, zap, zerolog, logrus, slog, Serilog CLEF, log4j2
//! JsonLayout, logstash-logback-encoder, tracing-subscriber), "Elastic Common Schema", "GELF 1.1", "Structured logging"
//! (Google Cloud), "OpenTelemetry Protocol File Exporter", access logs of Caddy, Traefik, Envoy and nginx in JSON.
//!
//! ```text
//! {"level":30,"time":1795169882776,"pid":546,"hostname":"web-1","req":{"method":"GET","url":"/"},"msg":"done"}
//!  level      time                 pid       host.name           method        path              message
//! ```
//!
//! Keys find their meaning in one table (`roles`), whoever wrote them; nested keys are joined with dots. What a sample can
//! tell about ambiguous values (the unit of `duration`, whose numbers `level` holds) is decided once a file.

mod fill;
mod roles;

use crate::event::{Arena, Event};
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::json::{Shape, Value, flatten};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::spec::Example;
use fill::{Dialect, Found};
use roles::{Known, Role};
use std::collections::BTreeMap;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "json_lines",
    about: "a JSON object a line, fields found by what loggers call them (pino, bunyan, winston, ECS, logstash, log4j2, zap, \
            zerolog, slog, logrus, CLEF, GELF, tracing, GCP, OTLP, Caddy, Traefik, Envoy, nginx and others)",
    spec: "RFC 8259; the loggers' documentation",
    weight: 50,
    infer,
    examples: &[
        Example {
            line: r#"{"level":30,"time":1795169882776,"pid":546,"hostname":"web-1","name":"shop","reqId":"r-1","req":{"method":"GET","url":"/cart","remoteAddress":"203.0.113.9","remotePort":5001},"res":{"statusCode":200},"responseTime":14.458,"msg":"request completed"}"#,
            shows: &[
                ("time", "2026-11-20T10:18:02.776Z"),
                ("severity", "INFO"),
                ("kind", "request.end"),
                ("process.pid", "546"),
                ("host.name", "web-1"),
                ("service.name", "shop"),
                ("request.id", "r-1"),
                ("http.request.method", "GET"),
                ("url.path", "/cart"),
                ("http.response.status_code", "200"),
                ("client.address", "203.0.113.9"),
                ("client.port", "5001"),
                ("duration_ns", "14458000"),
                ("message", "request completed"),
            ],
        },
        Example {
            line: r#"{"@timestamp":"2026-11-20T10:15:20.136Z","log.level":"ERROR","message":"boom","service":{"name":"shop"},"process":{"pid":9,"thread":{"name":"main"}},"log":{"logger":"com.acme.Shop"},"error":{"type":"java.sql.SQLException","message":"no","stack_trace":"java.sql.SQLException: no\n\tat com.acme.Shop.run(Shop.java:4)"},"trace.id":"4bf92f35"}"#,
            shows: &[
                ("severity", "ERROR"),
                ("kind", "error"),
                ("logger", "com.acme.Shop"),
                ("thread.name", "main"),
                ("service.name", "shop"),
                ("process.pid", "9"),
                ("trace.id", "4bf92f35"),
                ("error.type", "java.sql.SQLException"),
                ("stack", "java.sql.SQLException: no\n\tat com.acme.Shop.run(Shop.java:4)"),
            ],
        },
        Example {
            line: r#"{"level":"error","ts":1795170193.246969,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"203.0.113.7","remote_port":"45748","method":"GET","host":"shop.example.com","uri":"/dead","headers":{"User-Agent":["curl/8.5.0"]}},"duration":0.000334716,"size":0,"status":502,"resp_headers":{"Server":["Caddy"]}}"#,
            shows: &[
                ("time", "2026-11-20T10:23:13.246969Z"),
                ("kind", "lb.request"),
                ("client.address", "203.0.113.7"),
                ("client.port", "45748"),
                ("url.path", "/dead"),
                ("http.response.status_code", "502"),
                ("user_agent.original", "curl/8.5.0"),
                ("http.response.size", "0"),
                ("duration_ns", "334716"),
            ],
        },
        Example {
            line: r#"{"time":"2026-11-20T10:21:25+00:00","remote_addr":"203.0.113.7","request":"GET /cart?x=1 HTTP/1.1","status":504,"body_bytes_sent":157,"request_time":"1.001","upstream_addr":"10.0.0.4:8080, 10.0.0.5:8080","upstream_connect_time":"0.002, -","upstream_response_time":"1.001, 0.000"}"#,
            shows: &[
                ("kind", "lb.request"),
                ("url.path", "/cart?x=1"),
                ("http.response.status_code", "504"),
                ("duration_ns", "1001000000"),
                ("connect_ns", "2000000"),
                ("server.address", "10.0.0.5"),
                ("server.port", "8080"),
            ],
        },
    ],
};

/// Keys of records that other rows of the registries own, and what those are.
const OWNED: [&[&[u8]]; 6] = [
    &[b"__REALTIME_TIMESTAMP"],
    &[b"log", b"stream", b"time"],
    &[b"t.$date", b"c", b"ctx"],
    &[b"error_severity", b"backend_type"],
    &[b"groupKey", b"receiver"],
    &[b"resourceSpans"],
];

/// Names shown for the loggers known by their keys; the first that fits.
const SCHEMAS: [(&str, &[&[u8]]); 19] = [
    ("Traefik access log", &[b"RouterName", b"DownstreamStatus"]),
    ("Caddy", &[b"level", b"ts", b"logger", b"request.uri"]),
    ("Envoy access log", &[b"start_time", b"response_code"]),
    ("nginx access log", &[b"remote_addr", b"body_bytes_sent"]),
    ("Cloudflare Logpush", &[b"EdgeResponseStatus"]),
    ("OTLP", &[b"timeUnixNano"]),
    ("ECS", &[b"@timestamp", b"log.level"]),
    ("logstash", &[b"@timestamp", b"@version"]),
    ("GELF", &[b"short_message", b"host"]),
    ("log4j2 JsonLayout", &[b"instant.epochSecond", b"level"]),
    ("Serilog CLEF", &[b"@t"]),
    ("bunyan", &[b"time", b"level", b"hostname", b"v"]),
    ("pino", &[b"time", b"level", b"hostname", b"pid"]),
    ("tracing", &[b"timestamp", b"fields.message", b"target"]),
    (".NET console", &[b"EventId", b"LogLevel"]),
    ("zap", &[b"level", b"ts", b"caller"]),
    ("Google Cloud", &[b"severity", b"timestamp", b"insertId"]),
    ("python-json-logger", &[b"levelname", b"message"]),
    ("structlog", &[b"event", b"level", b"timestamp"]),
];

/// What a sample showed.
#[derive(Default)]
struct Survey {
    records: usize,
    keys: BTreeMap<Vec<u8>, usize>,
    /// Largest and smallest bare number under a key with the role `Duration`, and whether any had a fraction.
    durations: Option<(i64, bool)>,
    any_level_above_seven: bool,
}

impl Survey {
    fn of(sample: &Sample<'_>) -> Survey {
        let mut survey = Survey::default();
        let mut arena = Arena::new();
        for line in &sample.lines {
            arena.reset();
            let mut pairs: Vec<(Vec<u8>, Shape, Vec<u8>)> = Vec::new();
            let whole = flatten(line, &arena, &mut |key, value| pairs.push((key.to_vec(), value.shape, value.text.to_vec())));
            if whole.is_err() || pairs.is_empty() {
                continue;
            }
            let has = |name: &[u8]| {
                pairs.iter().any(|(key, _, _)| key == name || (name == b"resourceSpans" && key.starts_with(name)))
            };
            if OWNED.iter().any(|names| names.iter().all(|name| has(name))) {
                continue;
            }
            survey.records += 1;
            for (key, shape, text) in pairs {
                survey.number(&key, shape, &text);
                *survey.keys.entry(key).or_default() += 1;
            }
        }
        survey
    }

    fn number(&mut self, key: &[u8], shape: Shape, text: &[u8]) {
        if shape != Shape::Number {
            return;
        }
        let Some((role, _)) = roles::of(key) else { return };
        let Some(scaled) = crate::prim::num::scaled(text, 9) else { return };
        match role {
            Role::Duration => {
                let (largest, fraction) = self.durations.unwrap_or((0, false));
                self.durations = Some((largest.max(scaled), fraction || text.contains(&b'.')));
            }
            Role::Level => self.any_level_above_seven |= scaled > 7_000_000_000,
            _ => {}
        }
    }

    fn has(&self, key: &[u8]) -> bool {
        self.keys.contains_key(key)
    }

    fn schema(&self) -> &'static str {
        SCHEMAS.iter().find(|(_, keys)| keys.iter().all(|key| self.has(key))).map_or("JSON", |(name, _)| name)
    }

    fn dialect(&self, schema: &str) -> Dialect {
        let (largest, fraction) = self.durations.unwrap_or((0, false));
        let seconds = matches!(schema, "Caddy" | "zap") || self.has(b"ts");
        let duration_places = match schema {
            "Traefik access log" => 0,
            _ if seconds && fraction => 9,
            // Whole numbers beyond a quarter of an hour of milliseconds are finer units.
            _ if !fraction && largest > 1_000_000 * 1_000_000_000 => 0,
            _ => 6,
        };
        Dialect {
            duration_places,
            syslog_levels: schema == "GELF" || (!self.any_level_above_seven && self.has(b"facility")),
            info_by_default: self.has(b"@t") && (self.has(b"@mt") || self.has(b"@m")),
            python_levels: self.has(b"levelno") || self.has(b"record.level.no"),
        }
    }
}

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    let survey = Survey::of(sample);
    if survey.records == 0 {
        return None;
    }
    let schema = survey.schema();
    let dialect = survey.dialect(schema);
    let roles: Vec<&str> = [(Role::Time, "time"), (Role::Level, "level"), (Role::Message, "message")]
        .iter()
        .filter_map(|(role, name)| {
            let named = survey.keys.keys().any(|key| roles::of(key).is_some_and(|e| e.0 == *role));
            named.then_some(*name)
        })
        .collect();
    let reason = format!("{schema} objects, with {}", if roles.is_empty() { "no known keys".into() } else { roles.join(", ") });
    let known = Known::of(survey.keys.into_keys());
    Some(Inferred { layout: Box::new(JsonLines { known, dialect }), reason })
}

struct JsonLines {
    known: Known,
    dialect: Dialect,
}

impl Layout for JsonLines {
    fn line(&self, line: &[u8]) -> Line {
        let start = line.trim_ascii_start();
        match start.split_first() {
            Some((b'{', rest)) if matches!(rest.first(), Some(b'"' | b'}' | b' ')) => Line::Start,
            _ => Line::Foreign,
        }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let mut found = Found::new(arena);
        let mut attrs = bumpalo::collections::Vec::with_capacity_in(32, arena);
        let mut each = |key: &'a [u8], value: Value<'a>| {
            let (entry, web) = self.known.find(key);
            found.web |= web;
            if let Some(entry) = entry {
                found.put(entry, value);
            }
            if value.shape != Shape::Null {
                attrs.push((key, value.text));
            }
        };
        let end = flatten(record, arena, &mut each).map_err(|at| {
            let reason = if at >= record.len() { Reason::Truncated } else { Reason::BadField };
            Reject::new(reason, at)
        })?;
        let rest = record.get(end..).unwrap_or_default().trim_ascii();
        if !(rest.is_empty() || rest == b",") {
            return Err(Reject::new(Reason::BadField, end));
        }
        event.attrs = attrs.into_bump_slice();
        found.fill(event, self.dialect, record, arena);
        Ok(())
    }
}
