//! Names that a viewer puts before lines of several processes: `docker compose logs`, `kubectl logs --prefix`, stern,
//! foreman and pm2. A time that follows the name is an envelope of its own.
//!
//! Sources: docker/compose `cmd/formatter/logs.go`; kubectl `logs --prefix`; stern's default template; foreman, pm2.
//!
//! ```text
//! web-1    | listening on 5000
//! │          └ the container's line
//! └ service and replica, padded to the longest name
//! [pod/shop-7d9f8c6b5-x2x4z/api] listening on 5000
//! ```

use crate::envelope::{Envelope, EnvelopeSpec, InferredEnvelope, Wrapped};
use crate::event::Arena;
use crate::prim::{num, time};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::Stamp;

/// The registry's row.
pub(super) static SPEC: EnvelopeSpec = EnvelopeSpec {
    name: "compose",
    about: "lines behind a container's name: docker compose, kubectl --prefix, stern, foreman, pm2",
    spec: "docker/compose cmd/formatter/logs.go; kubectl logs --prefix; stern",
    weight: 85,
    infer: |sample: &Sample<'_>| {
        (sample.share(|line| unwrap(line).is_some()) >= 0.2)
            .then(|| InferredEnvelope { envelope: Box::new(Compose), reason: "a container's name before each line".into() })
    },
    examples: &[
        Example {
            line: "web-1    |  * Debug mode: on",
            shows: &[("inner", " * Debug mode: on"), ("host.name", "web-1"), ("service.name", "web")],
        },
        Example {
            line: "[pod/shop-7d9f8c6b5-x2x4z/api] listening",
            shows: &[("inner", "listening"), ("host.name", "shop-7d9f8c6b5-x2x4z"), ("service.name", "api")],
        },
        Example {
            line: "shop-7d9f8c6b5-x2x4z api listening",
            shows: &[("inner", "listening"), ("host.name", "shop-7d9f8c6b5-x2x4z"), ("service.name", "api")],
        },
        Example {
            line: "10:15:20 worker.2 | done",
            shows: &[("inner", "done"), ("host.name", "worker.2"), ("service.name", "worker"), ("time", "T10:15:20")],
        },
    ],
};

struct Compose;

impl Envelope for Compose {
    fn unwrap<'a>(&self, line: &'a [u8], _: &'a Arena) -> Option<Wrapped<'a>> {
        unwrap(line)
    }
}

fn unwrap(line: &[u8]) -> Option<Wrapped<'_>> {
    let line = uncoloured(line);
    if let Some(rest) = line.strip_prefix(b"[pod/") {
        let end = memchr::memchr(b']', rest.get(..rest.len().min(320))?)?;
        let name = rest.get(..end)?;
        let slash = memchr::memchr(b'/', name)?;
        let inner = rest.get(end + 1..)?;
        let inner = inner.strip_prefix(b" ").unwrap_or(inner);
        return Some(Wrapped { inner, host: name.get(..slash)?, service: name.get(slash + 1..)?, ..Wrapped::default() });
    }
    barred(line).or_else(|| stern(line))
}

/// The line behind the colours at its start.
fn uncoloured(mut line: &[u8]) -> &[u8] {
    while let Some(rest) = line.strip_prefix(b"\x1b[") {
        let Some(end) = rest.iter().take(12).position(u8::is_ascii_alphabetic) else { break };
        line = rest.get(end + 1..).unwrap_or_default();
    }
    line
}

/// `name | text`, also with foreman's time or pm2's number before the name.
fn barred(line: &[u8]) -> Option<Wrapped<'_>> {
    let clock = line.first()?.is_ascii_digit().then(|| time::time_only(line)).flatten();
    let (stamp, line) = match clock {
        Some((stamp, end)) => (stamp, line.get(end..)?.strip_prefix(b" ")?),
        None => (Stamp::NONE, line),
    };
    let counted = num::digits(line.get(..line.len().min(4))?);
    let line = line.get(counted..).and_then(|l| l.strip_prefix(b"|")).filter(|_| counted > 0).unwrap_or(line);
    let width = line.iter().take(100).take_while(|b| is_name(**b)).count();
    let name = line.get(..width).filter(|n| n.first().is_some_and(u8::is_ascii_alphanumeric))?;
    let padded = line.get(width..)?;
    let rest = uncoloured(padded.get(padded.iter().take(100).take_while(|b| **b == b' ').count()..)?);
    let rest = rest.strip_prefix(b"|").filter(|_| padded.first() != Some(&b'|'))?;
    let rest = uncoloured(rest);
    let inner = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
    // `INFO | text` is a level, and a bare number or date is a table's cell.
    let number = name.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    if number || Severity::of_word(name) != Severity::NONE {
        return None;
    }
    Some(Wrapped { inner: uncoloured(inner), stamp, host: name, service: unnumbered(name), ..Wrapped::default() })
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/')
}

/// `web-1`, `web_1` and `web.1` are replicas of `web`.
fn unnumbered(name: &[u8]) -> &[u8] {
    let base = name.trim_ascii_end();
    let digits = base.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let stem = base.get(..base.len() - digits).unwrap_or_default();
    match stem.split_last() {
        Some((b'-' | b'_' | b'.', stem)) if digits > 0 && digits < 4 && !stem.is_empty() => stem,
        _ => name,
    }
}

/// `pod container text`, known by the hashes that a Deployment's pods carry in their names.
fn stern(line: &[u8]) -> Option<Wrapped<'_>> {
    let end = memchr::memchr(b' ', line.get(..line.len().min(260))?)?;
    let (pod, rest) = (line.get(..end)?, line.get(end + 1..)?);
    let mut parts = pod.rsplit(|b| *b == b'-');
    let hash = |part: Option<&[u8]>, least: usize, most: usize| {
        part.is_some_and(|p| {
            p.len() >= least && p.len() <= most && p.iter().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
        })
    };
    let hashed = hash(parts.next(), 5, 5) && hash(parts.next(), 8, 10) && parts.next().is_some_and(|p| !p.is_empty());
    if !hashed || !pod.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.')) {
        return None;
    }
    let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let container = rest.get(..end)?;
    let plain = !container.is_empty() && container.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-');
    plain.then_some(())?;
    Some(Wrapped { inner: rest.get(end + 1..).unwrap_or_default(), host: pod, service: container, ..Wrapped::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        unwrap(line.as_bytes()).map_or_else(
            || "none".into(),
            |w| {
                let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
                format!("{}|{}|{}", text(w.host), text(w.service), text(w.inner))
            },
        )
    }

    #[test]
    fn names_are_taken_off() {
        for (line, want) in [
            ("\x1b[36mdb_1   |\x1b[0m ready", "db_1|db|ready"),
            ("\x1b[2Kredis-1  | 1:M started", "redis-1|redis|1:M started"),
            ("caddy  | {\"level\":\"info\"}", "caddy|caddy|{\"level\":\"info\"}"),
            ("0|shop-api  | up", "shop-api|shop-api|up"),
            ("web-1  |", "web-1|web|"),
            ("INFO | text", "none"),
            ("2026-11-20 10:15:20.136 | INFO     | shop:run:1 - up", "none"),
            (" id | name", "none"),
            ("12 | name", "none"),
            ("a||b", "none"),
            ("web-1 api listening", "none"),
        ] {
            assert_eq!(shown(line), want, "{line}");
        }
    }
}
