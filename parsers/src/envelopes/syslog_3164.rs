//! Syslog as RFC 3164 describes it and as rsyslog, syslog-ng and journalctl write it to files: with or without `<PRI>`,
//! with a year-less or an ISO time, with or without a host.
//!
//! Sources: RFC 3164; rsyslog `RSYSLOG_TraditionalFileFormat`, `RSYSLOG_FileFormat`, `RSYSLOG_TraditionalForwardFormat`;
//! systemd `journalctl -o short*`.
//!
//! ```text
//! <134>Nov 20 09:52:21 lb1 haproxy[7837]: 10.0.0.7:46254 [20/Nov/2026:09:52:21.082] …
//!  │   │               │   │       │      └ the producer's own line
//!  │   │               │   │       └ pid: a lane of its own
//!  │   │               │   └ tag: the service, with a layout of its own
//!  │   │               └ host: absent in local datagrams
//!  │   └ no year, no zone
//!  └ facility * 8 + severity: absent in files
//! ```

use crate::envelope::{Envelope, EnvelopeSpec, InferredEnvelope, Wrapped};
use crate::event::Arena;
use crate::prim::{num, syslog, time};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::{Stamp, Written};

/// The registry's row.
pub(super) static SPEC: EnvelopeSpec = EnvelopeSpec {
    name: "syslog_3164",
    about: "syslog lines on the wire and in files, journalctl's text output",
    spec: "RFC 3164; rsyslog file formats; journalctl -o short, short-precise, short-iso, short-full, short-unix",
    weight: 80,
    infer,
    examples: &[
        Example {
            line: "Nov 20 09:52:21 lb1 haproxy[7837]: Proxy shop_fe started.",
            shows: &[
                ("inner", "Proxy shop_fe started."),
                ("host.name", "lb1"),
                ("service.name", "haproxy"),
                ("process.pid", "7837"),
                ("time", "--11-20T09:52:21"),
                ("severity", ""),
            ],
        },
        Example {
            line: "<131>Nov  5 01:02:03 postgres[412]: [7-1] user=app ERROR:  deadlock detected",
            shows: &[
                ("inner", "[7-1] user=app ERROR:  deadlock detected"),
                ("host.name", ""),
                ("service.name", "postgres"),
                ("severity", "ERROR"),
            ],
        },
        Example {
            line: "2026-11-20T10:15:20.136003+01:00 web1 shop: boom#012#011at Shop.run(Shop.java:3)",
            shows: &[
                ("inner", "boom\n\tat Shop.run(Shop.java:3)"),
                ("host.name", "web1"),
                ("service.name", "shop"),
                ("time", "2026-11-20T09:15:20.136003Z"),
            ],
        },
    ],
};

fn infer(sample: &Sample<'_>) -> Option<InferredEnvelope> {
    let arena = Arena::new();
    let worn: Vec<(&[u8], Wrapped<'_>)> = sample
        .lines
        .iter()
        .filter_map(|line| Some((*line, header(line, &arena)?)))
        .filter(|(_, w)| w.stamp.is_some())
        .collect();
    let own = sample.lines.iter().filter(|line| !matches!(line.first(), Some(b' ' | b'\t'))).count();
    if worn.is_empty() || worn.len() * 5 < own {
        return None;
    }
    let count = |test: fn(&(&[u8], Wrapped<'_>)) -> bool| worn.iter().filter(|w| test(w)).count() * 2 > worn.len();
    let pri = if count(|(line, _)| line.starts_with(b"<")) { "with <PRI>" } else { "without <PRI>" };
    let time = if count(|(_, w)| w.stamp.written == Written::NoYear) { "time without year" } else { "ISO time" };
    let host = if count(|(_, w)| w.host.is_empty()) { "no host" } else { "host and tag" };
    Some(InferredEnvelope { envelope: Box::new(Syslog3164), reason: format!("syslog header {pri}, {time}, {host}") })
}

struct Syslog3164;

impl Envelope for Syslog3164 {
    fn unwrap<'a>(&self, line: &'a [u8], arena: &'a Arena) -> Option<Wrapped<'a>> {
        header(line, arena)
    }

    fn keeps_line_ends(&self) -> bool {
        true
    }
}

fn header<'a>(line: &'a [u8], arena: &'a Arena) -> Option<Wrapped<'a>> {
    let (severity, rest) = syslog::priority(line).unwrap_or((Severity::NONE, line));
    let forwarded = rest.len() < line.len();
    if forwarded && rest.starts_with(b"1 ") {
        return None;
    }
    if let Some(note) = rest.strip_prefix(b"-- ") {
        // `-- Boot 7d49… --`, `-- Logs begin at … --`: journalctl speaks, not a program.
        let says = note.starts_with(b"Boot")
            || note.starts_with(b"Reboot")
            || note.starts_with(b"Logs begin")
            || note.starts_with(b"Journal begins")
            || note.starts_with(b"No entries");
        return says.then_some(Wrapped { inner: rest, lane: b"journalctl", ..Wrapped::default() });
    }
    let (stamp, after) = match syslog::stamp(rest) {
        Some(read) => read,
        None => unusual_stamp(rest, forwarded)?,
    };
    // A time that is not year-less begins many other producers' lines: these must show a host and a tag.
    let strict = stamp.written != Written::NoYear && !forwarded;
    let mut out = Wrapped { stamp, severity, ..Wrapped::default() };
    let body = match after.split_first() {
        Some((b':', text)) if !strict => {
            out.inner = text.trim_ascii_start();
            return Some(out);
        }
        Some((b' ', text)) => text.strip_prefix(b" ").unwrap_or(text),
        _ if forwarded && !stamp.is_some() => after,
        _ => return None,
    };
    let first = body.get(..memchr::memchr(b' ', body).unwrap_or(body.len()))?;
    let tagged = if first.ends_with(b":") && first.len() > 1 {
        (!strict).then(|| tag(body))??
    } else {
        if !is_host(first) || (strict && Severity::of_word(first) != Severity::NONE) {
            return (!strict && !forwarded).then_some(Wrapped { inner: body, ..out });
        }
        out.host = first;
        let rest = body.get(first.len() + 1..).unwrap_or_default();
        match tag(rest) {
            Some(tagged) => tagged,
            None if strict => return None,
            None => Tag { service: b"", pid: 0, inner: rest },
        }
    };
    out.service = tagged.service;
    out.pid = tagged.pid;
    let inner = tagged.inner.strip_prefix(b"@cee:").map_or(tagged.inner, <[u8]>::trim_ascii_start);
    out.inner = syslog::repeated(syslog::decode(inner, arena));
    Some(out)
}

/// journalctl's `short-unix` (`1795170001.123456`) and `short-monotonic` (`[    2.500000]`), and no time at all where the
/// priority alone shows that this is syslog.
fn unusual_stamp(rest: &[u8], forwarded: bool) -> Option<(Stamp, &[u8])> {
    let (stamp, after) = match rest.first()? {
        b'0'..=b'9' if rest.get(10) == Some(&b'.') => {
            let (stamp, end) = time::epoch_seconds(rest)?;
            (stamp, rest.get(end..)?)
        }
        b'[' => {
            let body = rest.get(1..)?.trim_ascii_start();
            let width = num::digits(body);
            let tail = body.get(width..)?.strip_prefix(b".")?;
            (width > 0).then_some(())?;
            (Stamp::NONE, tail.get(num::digits(tail)..)?.strip_prefix(b"]")?)
        }
        _ if forwarded => return Some((Stamp::NONE, rest)),
        _ => return None,
    };
    // Squid, nginx and the kernel begin lines like this too: only `host tag[pid]:` tells them apart.
    let body = after.strip_prefix(b" ")?;
    let host = body.get(..memchr::memchr(b' ', body)?)?;
    let named = tag(body.get(host.len() + 1..)?)?;
    (named.pid > 0 && is_host(host)).then_some((stamp, after))
}

fn is_host(word: &[u8]) -> bool {
    !word.is_empty()
        && word.len() <= 255
        && word.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'/' | b'@' | b'%'))
        && !word.starts_with(b"-")
}

/// A tag and what follows it.
struct Tag<'a> {
    service: &'a [u8],
    pid: u32,
    inner: &'a [u8],
}

/// `tag[pid]: `, `tag: `, `tag[pid] (sub): `; names with blanks (`Google Chrome[12]: `) only with a pid. `None` where no
/// tag stands there.
fn tag(text: &[u8]) -> Option<Tag<'_>> {
    let head = text.get(..text.len().min(96))?;
    let mut at = 0;
    loop {
        let stop = at + head.get(at..)?.iter().position(|b| matches!(b, b'[' | b':' | b' '))?;
        let name = head.get(..stop)?;
        match head.get(stop)? {
            b'[' if stop > 0 => return bracketed(name, text, stop),
            b':' if stop > 0 && text.get(stop + 1).is_none_or(|b| *b == b' ') => {
                let inner = text.get(stop + 1..)?;
                return Some(Tag { service: name, pid: 0, inner: inner.strip_prefix(b" ").unwrap_or(inner) });
            }
            b' ' => return spaced(head, stop).and_then(|open| bracketed(text.get(..open)?, text, open)),
            _ => at = stop + 1,
        }
    }
}

/// The offset of the bracket of `Some Program[123]: `, at most four words wide.
fn spaced(head: &[u8], from: usize) -> Option<usize> {
    let open = from + memchr::memchr(b'[', head.get(from..)?)?;
    let name = head.get(..open)?;
    let plain = name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'.' | b'-' | b'_' | b'(' | b')'));
    let words = name.iter().filter(|b| **b == b' ').count() < 4 && !name.ends_with(b" ");
    let inside = head.get(open + 1..)?;
    let width = num::digits(inside);
    (plain && words && width > 0 && inside.get(width..)?.starts_with(b"]: ")).then_some(open)
}

/// `[412]: text` behind a name; `[412] (com.example.job[9]): text` and `[412] text` as well. What stands in the brackets
/// need not be a pid (`cron[main]: `).
fn bracketed<'a>(name: &'a [u8], text: &'a [u8], open: usize) -> Option<Tag<'a>> {
    let inside = text.get(open + 1..)?;
    let width = memchr::memchr(b']', inside.get(..inside.len().min(40))?)?;
    let pid = num::uint32(inside.get(..width)?).unwrap_or(0);
    let after = inside.get(width + 1..)?;
    let inner = match after.split_first() {
        Some((b':', rest)) => rest.strip_prefix(b" ").unwrap_or(rest),
        Some((b' ', rest)) if pid > 0 => match rest.starts_with(b"(").then(|| memchr::memmem::find(rest, b"): ")).flatten() {
            Some(end) => rest.get(end + 3..)?,
            None => rest,
        },
        None => b"",
        _ => return None,
    };
    Some(Tag { service: name, pid, inner })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        let arena = Arena::new();
        header(line.as_bytes(), &arena).map_or_else(
            || "none".into(),
            |w| {
                let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
                format!("{}|{}|{}|{}", text(w.host), text(w.service), w.pid, text(w.inner))
            },
        )
    }

    #[test]
    fn headers_of_every_writer_come_off() {
        for (line, want) in [
            ("Nov 20 09:52:21 db1 kernel: [997.390602] oom", "db1|kernel|0|[997.390602] oom"),
            ("Nov 20 09:52:21 kernel: [997.390602] oom", "|kernel|0|[997.390602] oom"),
            ("Nov 20 09:52:21 db1 /usr/sbin/cron[12]: (root) CMD (x)", "db1|/usr/sbin/cron|12|(root) CMD (x)"),
            ("Nov 20 09:52:21 db1 last message repeated 4 times", "db1||0|last message repeated 4 times"),
            ("Nov 20 09:52:21: --- last message repeated 4 times ---", "||0|--- last message repeated 4 times ---"),
            ("Nov 20 09:52:21 mac com.apple.xpc[1] (com.example.job[9]): exited", "mac|com.apple.xpc|1|exited"),
            ("Nov 20 09:52:21 mac Some Browser Helper[77]: gone", "mac|Some Browser Helper|77|gone"),
            ("Nov 20 09:52:21 db1 job done", "db1||0|job done"),
            ("Nov 20 09:52:21.123456 web1 shop[7]: a", "web1|shop|7|a"),
            ("Fri 2026-11-20 11:20:01 CET web1 shop[7]: a", "web1|shop|7|a"),
            ("2026-11-20T11:20:01+0100 web1 shop[7]: a", "web1|shop|7|a"),
            ("1795170001.123456 web1 shop[7]: a", "web1|shop|7|a"),
            ("[    2.500000] web1 shop[7]: a", "web1|shop|7|a"),
            ("<30>dockerd[88]: started", "|dockerd|88|started"),
            ("Nov 20 09:52:21 a app: message repeated 2 times: [ x: y]", "a|app|0|x: y"),
            ("Nov 20 09:52:21 a app: @cee: {\"msg\":\"x\"}", "a|app|0|{\"msg\":\"x\"}"),
            ("Nov 20 09:52:21 a app:", "a|app|0|"),
        ] {
            assert_eq!(shown(line), want, "{line}");
        }
    }

    #[test]
    fn lines_of_applications_are_left_alone() {
        for line in [
            "2026-11-20T10:15:20.136Z INFO shop::api: listening",
            "2026-11-20T10:15:20.136+01:00  INFO 28410 --- [main] c.a.Shop : Started",
            "2026-11-20T12:15:00Z deployed shop-api version 2.4.1 (commit 681237b) by ci",
            "2026-11-20T10:15:20.136Z [main] WARN: slow",
            "2026-11-20 09:45:51.838 UTC [15528] LOG:  connection received: host=127.0.0.1 port=37078",
            "<134>1 2026-11-20T10:15:20Z h a 1 - - x",
            "[    2.500000] usb 1-1: new device",
            "1795170199.818    226 10.0.0.1 TCP_MISS/200 10 GET http://a/ - DIRECT/10.0.0.2 -",
            "Wed Sep 18 12:17:08.260 [conn1] end connection",
            "-- nothing of journalctl",
        ] {
            assert_eq!(shown(line), "none", "{line}");
        }
    }
}
