//! A viewer's time before another line: `docker logs -t`, `kubectl logs --timestamps`, CI job logs, exported streams.
//!
//! Many applications begin their own lines with such a time. It is taken off only where it cannot be theirs: where it has
//! the nine digits that Docker and the kubelet always write and no level follows, or where a record that carries its own
//! time or is an object follows.
//!
//! ```text
//! 2026-11-20T10:15:20.136003123Z 1:M 20 Nov 2026 10:15:20.135 * Ready to accept connections
//! └ always nine digits           └ the container's own line
//! ```

use crate::envelope::{Envelope, EnvelopeSpec, InferredEnvelope, Wrapped};
use crate::event::Arena;
use crate::prim::{num, text, time};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: EnvelopeSpec = EnvelopeSpec {
    name: "kubectl_timestamps",
    about: "a time put before each line by docker logs -t, kubectl logs --timestamps or a CI system",
    spec: "moby RFC3339NanoFixed; kubectl logs --timestamps; GitHub Actions job logs",
    weight: 70,
    infer,
    examples: &[Example {
        line: "2026-11-20T10:15:20.136003123Z Listening on 0.0.0.0:8080",
        shows: &[("inner", "Listening on 0.0.0.0:8080"), ("time", "2026-11-20T10:15:20.136003123Z")],
    }],
};

struct Timestamps;

impl Envelope for Timestamps {
    fn unwrap<'a>(&self, line: &'a [u8], _: &'a Arena) -> Option<Wrapped<'a>> {
        unwrap(line)
    }
}

fn infer(sample: &Sample<'_>) -> Option<InferredEnvelope> {
    let worn: Vec<Wrapped<'_>> = sample.lines.iter().filter_map(|line| unwrap(line)).collect();
    if worn.is_empty() || worn.len() * 5 < sample.lines.len() * 3 {
        return None;
    }
    let most = |test: fn(&Wrapped<'_>) -> bool, of: usize| worn.iter().filter(|w| test(w)).count() * 100 >= worn.len() * of;
    let record = most(|w| begins_record(w.inner), 60);
    let levels = most(|w| level_first(w.inner), 40);
    let viewer = most(|w| w.stamp.digits == 9, 90);
    let job = most(|w| w.stamp.digits == 7, 90) && worn.iter().any(|w| w.inner.starts_with(b"##["));
    let reason = if record {
        "a time before records with their own time"
    } else if (viewer || job) && !levels {
        "a viewer's time before each line"
    } else {
        return None;
    };
    Some(InferredEnvelope { envelope: Box::new(Timestamps), reason: reason.into() })
}

fn unwrap(line: &[u8]) -> Option<Wrapped<'_>> {
    if line.get(10) != Some(&b'T') {
        return None;
    }
    let (stamp, end) = time::iso(line)?;
    let rest = line.get(end..)?;
    let inner = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
    (line.get(end - 1).is_some_and(|b| !b.is_ascii_whitespace())).then_some(Wrapped { inner, stamp, ..Wrapped::default() })
}

/// True where the text is an object or begins with a time, also in brackets, behind `time=` or behind Redis's pid and role.
fn begins_record(inner: &[u8]) -> bool {
    let body = text::strip_prefix_any(inner.trim_ascii_start(), &[b"time=", b"ts=", b"\"", b"[", b"<"]);
    let role = num::digits(body);
    let body = match body.get(role..) {
        Some([b':', letter, b' ', rest @ ..]) if role > 0 && letter.is_ascii_uppercase() => rest,
        _ => body,
    };
    (inner.starts_with(b"{\"") && inner.ends_with(b"}")) || time::any(body).is_some() || time::time_only(body).is_some()
}

/// True where the first word is a level: then the time before it is most likely the application's own.
fn level_first(inner: &[u8]) -> bool {
    let word = inner.trim_ascii_start().split(|b| matches!(b, b' ' | b'\t')).next().unwrap_or_default();
    let word = word.strip_prefix(b"[").unwrap_or(word);
    let word = word.strip_suffix(b"]").unwrap_or(word);
    Severity::of_word(word) != Severity::NONE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(lines: &[&str]) -> bool {
        infer(&Sample { lines: lines.iter().map(|l| l.as_bytes()).collect() }).is_some()
    }

    #[test]
    fn the_time_of_an_application_stays() {
        assert!(!taken(&["2026-11-20T10:15:20.136Z INFO shop: up", "2026-11-20T10:15:21.136Z WARN shop: slow"]));
        assert!(!taken(&["2026-11-20T10:15:20.136003123Z  INFO shop: up"]));
        assert!(!taken(&["2026-11-20T10:15:20Z deployed shop-api version 2"]));
        assert!(!taken(&["2026-11-20T10:15:20.1360031Z [info] up"]));
        assert!(!taken(&["2026-11-20 10:15:20.136003123 up"]));
    }

    #[test]
    fn the_time_of_a_viewer_comes_off() {
        assert!(taken(&["2026-11-20T10:15:20.136003123Z  * Debug mode: on", "2026-11-20T10:15:21.136003120Z"]));
        assert!(taken(&["2026-11-20T10:15:20Z 2026-11-20 10:15:20.136 UTC [7] LOG:  ready"]));
        assert!(taken(&["2026-11-20T10:15:20.136Z {\"level\":30}"]));
        assert!(taken(&["2026-11-20T10:15:20.1360031Z ##[group]Build", "2026-11-20T10:15:20.1360041Z npm ci"]));
        assert!(taken(&["2026-11-20T10:15:20.5Z 1:M 20 Nov 2026 10:15:20.135 * Ready"]));
    }
}
