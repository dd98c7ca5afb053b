//! Docker's json-file driver, and what log shippers make of it: one object a line with the container's text in `log`.
//!
//! Source: moby `daemon/logger/jsonfilelog`; fluent-bit and fluentd records keep the key `log` and add `kubernetes`.
//!
//! ```text
//! {"log":"GET /cart 200\n","stream":"stdout","time":"2026-11-20T10:15:20.136003123Z"}
//!         │            │            │                 └ when the daemon read it
//!         │            │            └ a lane of its own
//!         │            └ absent: the line goes on in the next object (16 KiB are split off)
//!         └ the container's text
//! ```

use crate::envelope::{Envelope, EnvelopeSpec, InferredEnvelope, Wrapped};
use crate::event::Arena;
use crate::prim::{object, time};
use crate::sample::Sample;
use crate::spec::Example;
use crate::stamp::Stamp;

/// The registry's row.
pub(super) static SPEC: EnvelopeSpec = EnvelopeSpec {
    name: "docker_json",
    about: "Docker's json-file log driver, and fluent-bit's records of container logs",
    spec: "moby daemon/logger/jsonfilelog",
    weight: 95,
    infer: |sample: &Sample<'_>| {
        let arena = Arena::new();
        let share = sample.share(|line| unwrap(line, false, &arena).is_some());
        // Shippers cut the line end off: then its absence says nothing.
        let ends = sample.lines.iter().any(|line| memchr::memmem::find(line, b"\\n\"").is_some());
        (share >= 0.2).then(|| InferredEnvelope {
            envelope: Box::new(DockerJson { ends }),
            reason: format!("objects with the text in `log`{}", if ends { ", split lines re-joined" } else { "" }),
        })
    },
    examples: &[
        Example {
            line: r#"{"log":"say \"hi\"\n","stream":"stdout","attrs":{"tag":"shop"},"time":"2026-11-20T10:15:20.136003123Z"}"#,
            shows: &[
                ("inner", "say \"hi\""),
                ("lane", "stdout"),
                ("service.name", "shop"),
                ("time", "2026-11-20T10:15:20.136003123Z"),
                ("partial", "false"),
            ],
        },
        Example {
            line: r#"{"date":1795170001.25,"log":"ready","kubernetes":{"pod_name":"shop-7d9","container_name":"api"}}"#,
            shows: &[("inner", "ready"), ("host.name", "shop-7d9"), ("service.name", "api"), ("partial", "false")],
        },
    ],
};

struct DockerJson {
    ends: bool,
}

impl Envelope for DockerJson {
    fn unwrap<'a>(&self, line: &'a [u8], arena: &'a Arena) -> Option<Wrapped<'a>> {
        unwrap(line, self.ends, arena)
    }
}

fn unwrap<'a>(line: &'a [u8], ends: bool, arena: &'a Arena) -> Option<Wrapped<'a>> {
    if line.first() != Some(&b'{') {
        return None;
    }
    let mut out = Wrapped::default();
    let (mut log, mut known) = (None, false);
    let mut all = object::members(line);
    for (key, value) in all.by_ref() {
        match key {
            b"log" => log = value.strip_prefix(b"\"").map(|body| body.strip_suffix(b"\"").unwrap_or(body)),
            b"stream" => {
                out.lane = object::text(value, arena);
                known = true;
            }
            b"time" | b"date" | b"@timestamp" => {
                out.stamp = stamp(object::text(value, arena));
                known |= out.stamp.is_some();
            }
            b"container_name" => {
                out.service = object::text(value, arena);
                known = true;
            }
            b"container_id" => known = true,
            b"attrs" => out.service = member(value, b"tag", arena),
            b"kubernetes" => {
                (out.host, out.service) = (member(value, b"pod_name", arena), member(value, b"container_name", arena));
                known = true;
            }
            // A producer's own record that happens to have a `log` member.
            b"level" | b"message" | b"msg" | b"severity" => return None,
            _ => {}
        }
    }
    let body = log.filter(|_| known && all.complete())?;
    let cut = body.strip_suffix(b"\\n");
    let body = cut.unwrap_or(body);
    let body = body.strip_suffix(b"\\r").unwrap_or(body);
    out.inner = object::unescape(body, arena);
    out.partial = ends && cut.is_none();
    Some(out)
}

fn member<'a>(value: &'a [u8], key: &[u8], arena: &'a Arena) -> &'a [u8] {
    object::members(value).find(|(k, _)| *k == key).map_or(b"", |(_, v)| object::text(v, arena))
}

fn stamp(text: &[u8]) -> Stamp {
    time::iso(text).or_else(|| time::epoch(text)).map_or(Stamp::NONE, |(stamp, _)| stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_its_line_end_goes_on() {
        let arena = Arena::new();
        let line = br#"{"log":"first half","stream":"stderr","time":"2026-11-20T10:15:20Z"}"#;
        assert!(unwrap(line, true, &arena).is_some_and(|w| w.partial && w.inner == b"first half"));
        let line = br#"{"log":"C:\\new","stream":"stderr","time":"2026-11-20T10:15:20Z"}"#;
        assert!(unwrap(line, true, &arena).is_some_and(|w| w.partial && w.inner == b"C:\\new"));
    }

    #[test]
    fn other_objects_are_left_alone() {
        let arena = Arena::new();
        for line in [
            r#"{"level":"info","time":"2026-11-20T10:15:20Z","log":"x"}"#,
            r#"{"log":{"level":"info"},"time":"2026-11-20T10:15:20Z"}"#,
            r#"{"log":"x"}"#,
            r#"{"log":"cut","stream":"std"#,
        ] {
            assert!(unwrap(line.as_bytes(), true, &arena).is_none(), "{line}");
        }
    }
}
