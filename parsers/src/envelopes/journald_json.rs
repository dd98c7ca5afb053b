//! The systemd journal as JSON: one object an entry, every value a string.
//!
//! Source: systemd.journal-fields(7), "Journal JSON Format"; also `json-sse` (`data: {…}`) and `json-seq` (RS before).
//!
//! ```text
//! {"__REALTIME_TIMESTAMP":"1795170002123456","_HOSTNAME":"web1","SYSLOG_IDENTIFIER":"shop","_PID":"7","PRIORITY":"6",
//!   └ microseconds since the epoch                                                        syslog severity ┘
//!  "MESSAGE":[98,111,111,109]}
//!            └ bytes where the text is no UTF-8 or holds control characters; else a string; null where it is too large
//! ```

use crate::envelope::{Envelope, EnvelopeSpec, InferredEnvelope, Wrapped};
use crate::event::Arena;
use crate::prim::{num, object, time};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: EnvelopeSpec = EnvelopeSpec {
    name: "journald_json",
    about: "journalctl -o json, json-sse and json-seq",
    spec: "systemd.journal-fields(7), Journal JSON Format",
    weight: 95,
    infer: |sample: &Sample<'_>| {
        let arena = Arena::new();
        (sample.share(|line| unwrap(line, &arena).is_some()) >= 0.2)
            .then(|| InferredEnvelope { envelope: Box::new(JournaldJson), reason: "objects with __REALTIME_TIMESTAMP".into() })
    },
    examples: &[Example {
        line: r#"{"_HOSTNAME":"web1","__REALTIME_TIMESTAMP":"1795170002123456","_PID":"77","PRIORITY":"3","SYSLOG_IDENTIFIER":"shop","MESSAGE":[98,111,111,109]}"#,
        shows: &[
            ("inner", "boom"),
            ("host.name", "web1"),
            ("service.name", "shop"),
            ("process.pid", "77"),
            ("severity", "ERROR"),
            ("time", "2026-11-20T10:20:02.123456Z"),
        ],
    }],
};

struct JournaldJson;

impl Envelope for JournaldJson {
    fn unwrap<'a>(&self, line: &'a [u8], arena: &'a Arena) -> Option<Wrapped<'a>> {
        unwrap(line, arena)
    }
}

fn unwrap<'a>(line: &'a [u8], arena: &'a Arena) -> Option<Wrapped<'a>> {
    let line = line.strip_prefix(b"data: ").or_else(|| line.strip_prefix(b"\x1e")).unwrap_or(line);
    if line.first() != Some(&b'{') {
        return None;
    }
    let mut out = Wrapped::default();
    let (mut source, mut unit, mut command, mut journal) = (None, &b""[..], &b""[..], false);
    for (key, value) in object::members(line) {
        match key {
            b"MESSAGE" => out.inner = message(value, arena),
            b"__REALTIME_TIMESTAMP" => {
                journal = true;
                out.stamp = time::epoch(object::text(value, arena)).map_or(out.stamp, |(stamp, _)| stamp);
            }
            b"_SOURCE_REALTIME_TIMESTAMP" => source = time::epoch(object::text(value, arena)),
            b"_HOSTNAME" => out.host = object::text(value, arena),
            b"SYSLOG_IDENTIFIER" | b"CONTAINER_NAME" => out.service = object::text(value, arena),
            b"_COMM" => command = object::text(value, arena),
            b"_SYSTEMD_UNIT" => unit = object::text(value, arena),
            b"_PID" => out.pid = num::uint32(object::text(value, arena)).unwrap_or(0),
            b"SYSLOG_PID" if out.pid == 0 => out.pid = num::uint32(object::text(value, arena)).unwrap_or(0),
            b"_TRANSPORT" => out.lane = object::text(value, arena),
            b"PRIORITY" => {
                let code = num::uint16(object::text(value, arena)).unwrap_or(u16::MAX);
                out.severity = Severity::of_syslog(u8::try_from(code).unwrap_or(u8::MAX));
            }
            _ => {}
        }
    }
    if !out.stamp.is_some() {
        out.stamp = source.map_or(out.stamp, |(stamp, _)| stamp);
    }
    if out.service.is_empty() {
        out.service = if command.is_empty() { unit.strip_suffix(b".service").unwrap_or(unit) } else { command };
    }
    journal.then_some(out)
}

/// A message: a string, an array of bytes, or an array of such where the field was repeated (the first counts).
fn message<'a>(value: &'a [u8], arena: &'a Arena) -> &'a [u8] {
    if value.first() != Some(&b'[') {
        return object::text(value, arena).trim_ascii_end();
    }
    let mut bytes = bumpalo::collections::Vec::new_in(arena);
    for element in object::elements(value) {
        match num::uint16(element).and_then(|v| u8::try_from(v).ok()) {
            Some(byte) => bytes.push(byte),
            None => return message(element, arena),
        }
    }
    bytes.into_bump_slice().trim_ascii_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_messages_are_read() {
        let arena = Arena::new();
        assert_eq!(message(b"null", &arena), b"");
        assert_eq!(message(br#"["first","second"]"#, &arena), b"first");
        assert_eq!(message(b"[[104,105],[106]]", &arena), b"hi");
        assert!(unwrap(br#"{"MESSAGE":"x"}"#, &arena).is_none());
    }
}
