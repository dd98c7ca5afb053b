//! Rust: `tracing-subscriber`'s full, compact and pretty lines, and `env_logger`.
//!
//! Source: `tokio-rs/tracing` `tracing-subscriber/src/fmt/format/mod.rs`, `rust-cli/env_logger` `src/fmt/mod.rs`.
//!
//! ```text
//! 2026-11-20T10:32:10.978075Z  INFO request{method="GET" path=/checkout}: shop::api: started order_id=7
//! [2026-11-20T10:32:20Z INFO  shop::api] started
//! ```

use crate::event::{Arena, Event};
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::{head, pairs, roles, text, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::{Stamp, Written};

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "rust_tracing",
    about: "Rust tracing-subscriber (full, compact, pretty) and env_logger",
    spec: "tokio-rs/tracing tracing-subscriber/src/fmt/format; rust-cli/env_logger src/fmt",
    weight: 78,
    infer: |sample: &Sample<'_>| {
        let mut buffer = [0; 256];
        let mut full = 0usize;
        let mut env = 0usize;
        for line in &sample.lines {
            let line = head::uncoloured(line, &mut buffer);
            full += usize::from(tracing(line).is_some_and(|h| h.sure));
            env += usize::from(env_logger(line).is_some());
        }
        let reason = if full >= env {
            "tracing-subscriber's `time  LEVEL target: …`"
        } else {
            "env_logger's `[time LEVEL  target] …`"
        };
        (full + env > 0).then(|| Inferred { layout: Box::new(Rust), reason: reason.to_owned() })
    },
    examples: &[
        Example {
            line: "2026-11-20T10:32:10.978075Z  INFO request{method=\"GET\" path=/checkout request_id=r1}: shop::api: started order_id=7 user=\"bo b\"",
            shows: &[
                ("time", "2026-11-20T10:32:10.978075Z"),
                ("severity", "INFO"),
                ("logger", "shop::api"),
                ("request.id", "r1"),
                ("http.request.method", "GET"),
                ("message", "started"),
            ],
        },
        Example {
            line: "[2026-11-20T10:32:20Z WARN  shop::api] slow",
            shows: &[("time", "2026-11-20T10:32:20Z"), ("severity", "WARN"), ("logger", "shop::api"), ("message", "slow")],
        },
    ],
};

struct Rust;

struct Head {
    stamp: Stamp,
    severity: Severity,
    /// Offset behind the level and its blank.
    body: usize,
    /// The level is padded to five, or a Rust path follows: only tracing writes that.
    sure: bool,
}

fn tracing(line: &[u8]) -> Option<Head> {
    let start = line.iter().take_while(|b| **b == b' ').count();
    if start > 2 || !line.get(start)?.is_ascii_digit() {
        return None;
    }
    let (stamp, width) = time::iso(line.get(start..)?)?;
    (stamp.written == Written::Instant && line.get(start + 10) == Some(&b'T')).then_some(())?;
    let at = start + width;
    let pad = line.get(at..)?.iter().take_while(|b| **b == b' ').count();
    let word = line.get(at + pad..)?;
    let (severity, length) = match word.get(..6)? {
        b"TRACE " => (Severity::TRACE, 5),
        b"DEBUG " => (Severity::DEBUG, 5),
        b"ERROR " => (Severity::ERROR, 5),
        [b'I', b'N', b'F', b'O', b' ', _] => (Severity::INFO, 4),
        [b'W', b'A', b'R', b'N', b' ', _] => (Severity::WARN, 4),
        _ => return None,
    };
    let body = at + pad + length + 1;
    let padded = pad + length == 6;
    let target = target(line.get(body..)?);
    padded.then_some(Head { stamp, severity, body, sure: stamp.digits == 6 || target.is_some() && length == 4 })
}

/// The width of a target (`shop::api`, `rs`) that ends in `: `.
fn target(text: &[u8]) -> Option<usize> {
    let width =
        text.iter().take(120).take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-' | b'.')).count();
    let name = text.get(..width)?;
    (name.ends_with(b":") && !name.ends_with(b"::") && width > 1 && text.get(width).is_none_or(|b| *b == b' '))
        .then(|| width - 1)
}

/// `[time LEVEL  target] `: stamp, severity, target, rest.
fn env_logger(line: &[u8]) -> Option<(Stamp, Severity, &[u8], &[u8])> {
    let inner = line.strip_prefix(b"[")?;
    let (stamp, width) = time::iso(inner)?;
    (stamp.written == Written::Instant && inner.get(10) == Some(&b'T')).then_some(())?;
    let rest = inner.get(width..)?.strip_prefix(b" ")?;
    let (severity, width) = head::level(rest)?;
    let rest = rest.get(width..)?;
    let close = rest.iter().take(160).position(|b| *b == b']')?;
    let target = rest.get(..close)?.trim_ascii();
    Some((stamp, severity, target, rest.get(close + 1..)?.trim_ascii_start())).filter(|_| !target.contains(&b' '))
}

impl Layout for Rust {
    fn line(&self, line: &[u8]) -> Line {
        let mut buffer = [0; 256];
        let line = head::uncoloured(line, &mut buffer);
        let starts = match line.first() {
            Some(b'[') => env_logger(line).is_some(),
            Some(b'0'..=b'9' | b' ') => tracing(line).is_some(),
            Some(b'{') => return Line::Foreign,
            _ => false,
        };
        if starts { Line::Start } else { Line::Continue }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let record = text::strip_ansi(record, arena);
        if let Some((stamp, severity, target, body)) = env_logger(record) {
            (event.stamp, event.severity, event.logger) = (stamp, severity, target);
            head::settle(body, event);
            return Ok(());
        }
        let found = tracing(record).ok_or(Reject::new(Reason::BadField, 0))?;
        (event.stamp, event.severity) = (found.stamp, found.severity);
        let mut attrs = bumpalo::collections::Vec::new_in(arena);
        let rest = spans(record.get(found.body..).unwrap_or_default(), arena, &mut attrs, event);
        let rest = match target(rest) {
            Some(width) => {
                event.logger = rest.get(..width).unwrap_or_default();
                rest.get(width + 1..).unwrap_or_default().trim_ascii_start()
            }
            None => rest,
        };
        head::settle(rest, event);
        fields(event, arena, &mut attrs);
        event.attrs = attrs.into_bump_slice();
        roles::fill(event);
        if event.kind == crate::Kind::RequestEnd && event.status == 0 {
            event.kind = crate::Kind::Log;
        }
        Ok(())
    }
}

type Attrs<'a> = bumpalo::collections::Vec<'a, (&'a [u8], &'a [u8])>;

/// `ThreadId(01) request{method="GET"}:inner{n=1}: `: takes thread and spans off and collects the spans' fields.
fn spans<'a>(text: &'a [u8], arena: &'a Arena, attrs: &mut Attrs<'a>, event: &mut Event<'a>) -> &'a [u8] {
    let mut rest = text.trim_ascii_start();
    if rest.starts_with(b"ThreadId(")
        && let Some(close) = memchr::memchr(b')', rest)
    {
        event.thread = rest.get(..=close).unwrap_or_default();
        rest = rest.get(close + 1..).unwrap_or_default().trim_ascii_start();
    }
    loop {
        let name =
            rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b' ' | b'/')).count();
        let Some(inner) = rest.get(name..).and_then(|r| r.strip_prefix(b"{")).filter(|_| name > 0) else { break };
        let Some(close) = closing(inner) else { break };
        let Some(after) = inner.get(close + 1..).and_then(|r| r.strip_prefix(b":")) else { break };
        attrs.extend(pairs::pairs(inner.get(..close).unwrap_or_default(), false).map(|raw| (raw.key, raw.text(arena))));
        rest = after;
    }
    rest.trim_ascii_start()
}

/// The offset of the brace that closes a span's fields.
fn closing(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut depth = 0;
    loop {
        match text.get(at)? {
            b'"' => at += 1 + pairs::quote_end(text.get(at + 1..)?, b'"')?.0,
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
}

/// The event's own fields stand behind its message on the same line; the message ends where they begin.
fn fields<'a>(event: &mut Event<'a>, arena: &'a Arena, attrs: &mut Attrs<'a>) {
    let (line, more) = text::first_line(event.message);
    let mut begins = None;
    for at in std::iter::once(0).chain(memchr::memchr_iter(b' ', line).map(|i| i + 1)) {
        let Some((raw, _)) = line.get(at..).and_then(pairs::pair).filter(|(r, _)| !r.bare) else { continue };
        let named = raw.key.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'#'));
        if named && !raw.key.is_empty() {
            begins = Some(at);
            break;
        }
    }
    let Some((message, tail)) = begins.and_then(|at| line.split_at_checked(at)) else { return };
    attrs.extend(pairs::pairs(tail, false).map(|raw| (raw.key, raw.text(arena))));
    if more.is_empty() {
        // A record of fields alone has no words: the fields are its message.
        event.message = if message.is_empty() { line } else { message.trim_ascii_end() };
    }
}
