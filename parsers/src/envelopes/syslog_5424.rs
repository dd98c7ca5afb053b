//! Syslog as RFC 5424 describes it: on the wire with `<PRI>1`, octet-counted (RFC 6587), or in a file without the priority.
//!
//! Sources: RFC 5424 §6; RFC 6587 §3.4.1; rsyslog `RSYSLOG_SyslogProtocol23Format`.
//!
//! ```text
//! <134>1 2026-11-20T10:15:20.136003Z lb1 haproxy 7837 - [meta sequenceId="3"] Proxy shop_fe started.
//!  │   │ │                           │   │       │    │ │                     └ message, behind an optional BOM
//!  │   │ │                           │   │       │    │ └ structured data, `-` for none
//!  │   │ │                           │   │       │    └ message id, `-` for none
//!  │   │ │                           host app    process id
//!  │   └ version, then the time
//!  └ facility * 8 + severity
//! ```

use crate::envelope::{Envelope, EnvelopeSpec, InferredEnvelope, Wrapped};
use crate::event::Arena;
use crate::prim::{num, object, syslog, time};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::Stamp;

/// The registry's row.
pub(super) static SPEC: EnvelopeSpec = EnvelopeSpec {
    name: "syslog_5424",
    about: "syslog with structured data, on the wire or in files",
    spec: "RFC 5424 §6, RFC 6587 §3.4.1",
    weight: 90,
    infer: |sample: &Sample<'_>| {
        let arena = Arena::new();
        let share = sample.share(|line| header(line, &arena).is_some());
        let counted =
            sample.lines.iter().any(|line| line.first().is_some_and(u8::is_ascii_digit) && uncounted(line).len() < line.len());
        (share >= 0.2).then(|| InferredEnvelope {
            envelope: Box::new(Syslog5424),
            reason: format!("RFC 5424 header{}", if counted { ", octet-counted" } else { "" }),
        })
    },
    examples: &[
        Example {
            line: "<134>1 2026-11-20T10:15:20.136003Z lb1 haproxy 7837 - [meta id=\"a\\\"]b\"][x@1] Proxy shop_fe started.",
            shows: &[
                ("inner", "Proxy shop_fe started."),
                ("host.name", "lb1"),
                ("service.name", "haproxy"),
                ("process.pid", "7837"),
                ("severity", "INFO"),
                ("time", "2026-11-20T10:15:20.136003Z"),
            ],
        },
        Example {
            line: "93 <11>1 2026-11-20T10:15:20+01:00 web1 shop web.1 - - \u{feff}boom",
            shows: &[("inner", "boom"), ("service.name", "shop"), ("lane", "web.1"), ("severity", "ERROR")],
        },
        Example {
            line: "2026-11-20T10:15:20.136Z db1 postgres 412 - -  LOG:  checkpoint starting: time",
            shows: &[("inner", "LOG:  checkpoint starting: time"), ("host.name", "db1"), ("process.pid", "412")],
        },
    ],
};

struct Syslog5424;

impl Envelope for Syslog5424 {
    fn unwrap<'a>(&self, line: &'a [u8], arena: &'a Arena) -> Option<Wrapped<'a>> {
        header(line, arena)
    }

    fn keeps_line_ends(&self) -> bool {
        true
    }
}

/// The frame behind its octet count, where there is one.
fn uncounted(line: &[u8]) -> &[u8] {
    let width = num::digits(line.get(..line.len().min(7)).unwrap_or_default());
    let frame = line.get(width..).and_then(|rest| rest.strip_prefix(b" ")).filter(|rest| width > 0 && rest.starts_with(b"<"));
    frame.unwrap_or(line)
}

fn header<'a>(line: &'a [u8], arena: &'a Arena) -> Option<Wrapped<'a>> {
    let line = uncounted(line);
    let (severity, rest) = match syslog::priority(line) {
        Some((severity, rest)) => (severity, rest.strip_prefix(b"1 ")?),
        None => (Severity::NONE, line),
    };
    let bare = rest.len() == line.len();
    let (stamp, rest) = stamp(rest, bare)?;
    let (host, rest) = word(rest)?;
    let (service, rest) = word(rest)?;
    let (process, rest) = word(rest)?;
    let (_, rest) = word(rest)?;
    let message = rest.get(data_len(rest)?..)?;
    if !(message.is_empty() || message.starts_with(b" ")) {
        return None;
    }
    let pid = num::uint32(process).unwrap_or(0);
    if bare && (Severity::of_word(host) != Severity::NONE || (pid == 0 && !process.is_empty())) {
        return None;
    }
    let message = message.strip_prefix(b" ").unwrap_or(message);
    let message = message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message);
    // rsyslog writes a second blank before messages that came to it as RFC 3164.
    let message = message.strip_prefix(b" ").filter(|rest| !rest.starts_with(b" ")).unwrap_or(message);
    let message = message.strip_prefix(b"@cee:").map_or(message, <[u8]>::trim_ascii_start);
    Some(Wrapped {
        inner: syslog::decode(message, arena),
        stamp,
        host,
        service,
        lane: if pid == 0 { process } else { b"" },
        pid,
        severity,
        partial: false,
    })
}

fn stamp(rest: &[u8], bare: bool) -> Option<(Stamp, &[u8])> {
    if let Some(rest) = rest.strip_prefix(b"- ").filter(|_| !bare) {
        return Some((Stamp::NONE, rest));
    }
    (rest.get(10)? == &b'T').then_some(())?;
    let (stamp, end) = time::iso(rest)?;
    Some((stamp, rest.get(end..)?.strip_prefix(b" ")?))
}

/// The next header field (`-` is empty) and what follows the blank behind it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', text)?;
    let field = text.get(..end).filter(|f| !f.is_empty())?;
    Some((if field == b"-" { b"" } else { field }, text.get(end + 1..)?))
}

/// The length of the structured data at the start of `text`: `-`, or elements `[id name="value" …]` without a gap.
fn data_len(text: &[u8]) -> Option<usize> {
    if text.first() == Some(&b'-') {
        return Some(1);
    }
    let mut at = 0;
    while text.get(at) == Some(&b'[') {
        let id = text.get(at + 1..)?.iter().take_while(|b| !matches!(b, b' ' | b']' | b'=' | b'"')).count();
        (id > 0).then_some(())?;
        at += 1 + id;
        while text.get(at) == Some(&b' ') {
            let value = at + memchr::memmem::find(text.get(at..)?, b"=\"")? + 2;
            at = value + object::string_end(text.get(value..)?)? + 1;
        }
        (text.get(at) == Some(&b']')).then_some(())?;
        at += 1;
    }
    (at > 0).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structured_data_ends_where_it_ends() {
        assert_eq!(data_len(b"- x"), Some(1));
        assert_eq!(data_len(b"[a][b c=\"]\"] [no]"), Some(12));
        assert_eq!(data_len(b"[a c=\"cut"), None);
        assert_eq!(data_len(b"text"), None);
    }

    #[test]
    fn lines_of_applications_are_left_alone() {
        let arena = Arena::new();
        for line in [
            "2026-11-20T10:15:20.136Z INFO shop main - - started",
            "2026-11-20T10:15:20.136Z web1 shop[3]: a - - b",
            "<134>Nov 20 10:00:00 a b: c",
            "<134>1 ",
        ] {
            assert!(header(line.as_bytes(), &arena).is_none(), "{line}");
        }
    }
}
