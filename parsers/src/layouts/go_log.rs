//! Go's loggers for people: the standard `log` package, klog and glog, zap's console encoder, zerolog's console writer,
//! logrus on a terminal.
//!
//! Source: Go `log` package (`LstdFlags`, `Lmicroseconds`, `Lshortfile`, `Lmsgprefix`), `kubernetes/klog` (header of
//! `klog.go`), `uber-go/zap` `NewDevelopmentEncoderConfig`, `rs/zerolog` `console.go`.
//!
//! ```text
//! 2026/11/20 10:33:12.776113 main.go:11: ready
//! I1120 10:33:12.776113   12345 server.go:67] ready
//! 2026-11-20T10:33:12.776+0100 <TAB> INFO <TAB> pool <TAB> db/pool.go:12 <TAB> ready <TAB> {"k": "v"}
//! 10:33AM INF ready k=v
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::{head, num, pairs, roles, text, time, trace};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::{NO_YEAR, Stamp, Written};

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "go_log",
    about: "Go: standard log, klog and glog, zap console, zerolog console",
    spec: "Go package log; kubernetes/klog klog.go header; uber-go/zap config.go; rs/zerolog console.go",
    weight: 72,
    infer: |sample: &Sample<'_>| {
        let count = |test: fn(&[u8]) -> bool| sample.lines.iter().filter(|l| test(l)).count();
        let (klog, std, zap, zero) =
            (count(|l| klog(l).is_some()), count(is_std), count(|l| zap(l).is_some()), count(|l| zerolog(l).is_some()));
        let shapes = [(klog, "klog"), (std, "Go's log package"), (zap, "zap console"), (zero, "zerolog console")];
        let (best, reason) = shapes.iter().copied().reduce(|a, b| if b.0 > a.0 { b } else { a })?;
        (best > 0).then(|| Inferred {
            layout: Box::new(GoLog { klog: klog > 0, std: std > 0, zap: zap > 0, zero: zero > 0 }),
            reason: reason.to_owned(),
        })
    },
    examples: &[
        Example {
            line: "2026/11/20 10:33:12.776113 main.go:11: ready",
            shows: &[
                ("time", "2026-11-20T10:33:12.776113"),
                ("code.file.path", "main.go"),
                ("code.line.number", "11"),
                ("message", "ready"),
            ],
        },
        Example {
            line: "W1120 10:33:12.776113   12345 server.go:67] slow",
            shows: &[
                ("time", "--11-20T10:33:12.776113"),
                ("severity", "WARN"),
                ("process.pid", "12345"),
                ("code.file.path", "server.go"),
                ("message", "slow"),
            ],
        },
        Example {
            line: "2026-11-20T10:33:12.776+0100\tINFO\tpool\tdb/pool.go:12\tready\t{\"trace_id\": \"4bf9\", \"n\": 3}",
            shows: &[
                ("time", "2026-11-20T09:33:12.776Z"),
                ("logger", "pool"),
                ("code.file.path", "db/pool.go"),
                ("trace.id", "4bf9"),
                ("message", "ready"),
            ],
        },
        Example {
            line: "10:33AM INF ready request_id=r1",
            shows: &[("severity", "INFO"), ("time", "T10:33:00"), ("request.id", "r1"), ("message", "ready")],
        },
    ],
};

struct GoLog {
    klog: bool,
    std: bool,
    zap: bool,
    zero: bool,
}

fn is_std(line: &[u8]) -> bool {
    // nginx's error log continues with `[level] pid#tid:`.
    line.get(4) == Some(&b'/')
        && line.get(19).is_none_or(|b| matches!(b, b' ' | b'.'))
        && line.get(20) != Some(&b'[')
        && time::iso(line).is_some()
}

/// A klog header: severity, stamp, pid, file, line, message.
struct Klog<'a> {
    severity: Severity,
    stamp: Stamp,
    pid: &'a [u8],
    place: &'a [u8],
    body: &'a [u8],
}

fn klog(line: &[u8]) -> Option<Klog<'_>> {
    let severity = match line.first()? {
        b'I' => Severity::INFO,
        b'W' => Severity::WARN,
        b'E' => Severity::ERROR,
        b'F' => Severity::FATAL,
        _ => return None,
    };
    let digits = num::digits(line.get(1..)?);
    let (date, gap) = match digits {
        4 => (line.get(1..5)?, 5),
        // glog with a year: I20261120 10:33:12.
        8 => (line.get(5..9)?, 9),
        _ => return None,
    };
    let year = if digits == 8 { i32::try_from(num::uint(line.get(1..5)?)?).ok()? } else { NO_YEAR };
    let (month, day) = (num::uint32(date.get(..2)?)?, num::uint32(date.get(2..)?)?);
    (line.get(gap) == Some(&b' ') && (1..=12).contains(&month) && (1..=31).contains(&day)).then_some(())?;
    let (clock, width) = time::time_only(line.get(gap + 1..)?)?;
    let nanos = time::days(year, month, day) * 86_400_000_000_000 + clock.nanos;
    let written = if digits == 8 { Written::Local } else { Written::NoYear };
    let rest = line.get(gap + 1 + width..)?.trim_ascii_start();
    let pid = text::digits(rest);
    let rest = rest.get(pid.len()..)?.strip_prefix(b" ")?;
    let close = rest.iter().take(160).position(|b| *b == b']')?;
    let body = rest.get(close + 1..)?;
    Some(Klog {
        severity,
        stamp: Stamp { nanos, written, digits: clock.digits },
        pid,
        place: rest.get(..close)?,
        body: body.strip_prefix(b" ").unwrap_or(body),
    })
}

/// Time, TAB, level: the stamp, the level and what follows.
fn zap(line: &[u8]) -> Option<(Stamp, Severity, &[u8])> {
    let tab = line.iter().take(48).position(|b| *b == b'\t')?;
    let (stamp, width) = time::any(line)?;
    (width == tab).then_some(())?;
    let rest = line.get(tab + 1..)?;
    let end = rest.iter().take(20).position(|b| *b == b'\t').unwrap_or(rest.len().min(20));
    let word = rest.get(..end)?;
    let word = word.strip_prefix(b"\x1b[").and_then(|w| text::between(w, b"m", b"\x1b")).unwrap_or(word);
    Some((stamp, head::severity_of(word)?, rest.get(end + 1..).unwrap_or_default()))
}

/// `10:33AM INF …` or `2026-11-20T10:33:12+01:00 INF …` with zerolog's three letters.
fn zerolog(line: &[u8]) -> Option<(Stamp, Severity, &[u8])> {
    let (stamp, width) = match line.first()? {
        b'0'..=b'9' => kitchen(line).or_else(|| time::iso(line))?,
        b'<' => (Stamp::NONE, line.strip_prefix(b"<nil>").map(|_| 5)?),
        _ => return None,
    };
    let rest = line.get(width..)?.strip_prefix(b" ")?;
    let severity = match rest.get(..4)? {
        b"TRC " => Severity::TRACE,
        b"DBG " => Severity::DEBUG,
        b"INF " => Severity::INFO,
        b"WRN " => Severity::WARN,
        b"ERR " => Severity::ERROR,
        b"FTL " | b"PNC " => Severity::FATAL,
        b"??? " => Severity::NONE,
        _ => return None,
    };
    Some((stamp, severity, rest.get(4..)?))
}

/// `3:04PM`, Go's `time.Kitchen`.
fn kitchen(line: &[u8]) -> Option<(Stamp, usize)> {
    let hours = num::digits(line);
    let hour = num::uint(line.get(..hours).filter(|_| hours <= 2)?)?;
    let minute = line.get(hours..hours + 3)?.strip_prefix(b":").and_then(num::uint)?;
    let half = match line.get(hours + 3..hours + 5)? {
        b"AM" => 0,
        b"PM" => 12,
        _ => return None,
    };
    let seconds = i64::try_from((hour % 12 + half) * 3600 + minute * 60).ok()?;
    Some((Stamp { nanos: seconds * 1_000_000_000, written: Written::NoDate, digits: 0 }, hours + 5))
}

impl Layout for GoLog {
    fn line(&self, line: &[u8]) -> Line {
        let mut buffer = [0; 256];
        let starts = match line.first() {
            Some(b'0'..=b'9') => {
                (self.std && is_std(line)) || (self.zap && zap(line).is_some()) || (self.zero && zerolog(line).is_some())
            }
            Some(b'I' | b'W' | b'E' | b'F') => self.klog && klog(line).is_some(),
            Some(0x1b) => self.zero && zerolog(head::uncoloured(line, &mut buffer)).is_some(),
            _ => false,
        };
        match line.first() {
            _ if starts => Line::Start,
            Some(b'{') => Line::Foreign,
            _ if self.std || self.klog || trace::is_part(line) || self.zap => Line::Continue,
            _ => Line::Foreign,
        }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        if let Some((stamp, severity, rest)) = zap(record).filter(|_| self.zap) {
            event.stamp = stamp;
            event.severity = severity;
            zap_columns(rest, arena, event);
            return Ok(());
        }
        if let Some(found) = klog(record).filter(|_| self.klog) {
            event.stamp = found.stamp;
            event.severity = found.severity;
            event.pid = num::uint32(found.pid).unwrap_or(0);
            roles::place(found.place, event);
            head::settle(found.body, event);
            structured_klog(event, arena);
            return Ok(());
        }
        let record = text::strip_ansi(record, arena);
        if let Some((stamp, severity, rest)) = zerolog(record).filter(|_| self.zero) {
            event.stamp = stamp;
            event.severity = severity;
            console(rest, arena, event);
            return Ok(());
        }
        let (stamp, width) = time::iso(record).filter(|_| is_std(record)).ok_or(Reject::new(Reason::BadTime, 0))?;
        event.stamp = stamp;
        std_body(record.get(width..).unwrap_or_default().trim_ascii_start(), arena, event);
        Ok(())
    }
}

/// `main.go:11: message`, perhaps a level word (slog's default handler), perhaps `key=value` behind it.
fn std_body<'a>(body: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) {
    let mut body = body;
    if let Some((place, rest)) = text::before(body, b": ").zip(text::after(body, b": "))
        && place.len() < 120
        && memchr::memmem::find(place, b".go:").is_some()
        && !place.contains(&b' ')
    {
        roles::place(place, event);
        body = rest;
    }
    if let Some((severity, width)) = head::marked_level(body) {
        event.severity = severity;
        let rest = body.get(width..).unwrap_or_default();
        body = rest.strip_prefix(b":").unwrap_or(rest).trim_ascii_start();
        console(body, arena, event);
        return;
    }
    head::settle(body, event);
    if body.starts_with(b"panic: ") || body.starts_with(b"http: panic serving") {
        event.severity = Severity::ERROR;
        event.kind = Kind::Error;
    }
}

/// A message with `key=value` pairs at its end.
fn console<'a>(body: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) {
    head::settle(body, event);
    let message = event.message;
    let mut at = 0;
    for start in std::iter::once(0).chain(memchr::memchr_iter(b' ', message).map(|i| i + 1)) {
        at = start;
        if pairs::pair(message.get(start..).unwrap_or_default()).is_some_and(|(raw, _)| !raw.bare) {
            break;
        }
        at = message.len();
    }
    let (words, tail) = message.split_at_checked(at).unwrap_or((message, b""));
    if tail.is_empty() || words.is_empty() {
        return;
    }
    let mut words = words.trim_ascii_end();
    // zerolog: `main.go:12 > message`.
    if let Some((place, rest)) = text::before(words, b" > ").zip(text::after(words, b" > "))
        && memchr::memmem::find(place, b".go:").is_some()
    {
        roles::place(place, event);
        words = rest;
    }
    event.message = words;
    attributes(tail, arena, event);
}

fn attributes<'a>(tail: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) {
    let mut attrs = bumpalo::collections::Vec::new_in(arena);
    attrs.extend(pairs::pairs(tail, false).map(|raw| (raw.key, raw.text(arena))));
    event.attrs = attrs.into_bump_slice();
    roles::fill(event);
}

/// klog's structured form: `"message" key="value"`.
fn structured_klog<'a>(event: &mut Event<'a>, arena: &'a Arena) {
    let Some(inner) = event.message.strip_prefix(b"\"") else { return };
    let Some((end, escaped)) = pairs::quote_end(inner, b'"') else { return };
    let tail = inner.get(end + 1..).unwrap_or_default();
    if !tail.is_empty() && !tail.starts_with(b" ") {
        return;
    }
    let message = inner.get(..end).unwrap_or_default();
    event.message = if escaped { pairs::unescape(message, arena) } else { message };
    attributes(tail, arena, event);
}

/// Logger, caller, message and the JSON object of fields, all but the message optional, between TABs.
fn zap_columns<'a>(rest: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) {
    let (line, stack) = text::first_line(rest);
    let mut fields: Vec<&'a [u8]> = line.split(|b| *b == b'\t').collect();
    if let Some(last) = fields.last().copied()
        && last.starts_with(b"{")
        && last.ends_with(b"}")
        && fields.len() > 1
    {
        fields.pop();
        let mut attrs = bumpalo::collections::Vec::new_in(arena);
        flat_json(last, arena, &mut attrs);
        event.attrs = attrs.into_bump_slice();
    }
    let caller = |f: &[u8]| memchr::memmem::find(f, b".go:").is_some() && !f.contains(&b' ');
    if let Some(at) = fields.iter().position(|f| caller(f)).filter(|at| *at < 2 && at + 1 < fields.len()) {
        roles::place(fields.remove(at), event);
        if at == 1 {
            event.logger = fields.remove(0);
        }
    } else if fields.len() > 1 {
        event.logger = fields.remove(0);
    }
    event.message = fields.first().copied().unwrap_or_default();
    event.stack = stack;
    roles::fill(event);
}

/// The members of a JSON object one level deep; nested values stay text.
fn flat_json<'a>(object: &'a [u8], arena: &'a Arena, out: &mut bumpalo::collections::Vec<'a, (&'a [u8], &'a [u8])>) {
    let mut rest = object.get(1..object.len() - 1).unwrap_or_default();
    loop {
        rest = rest.trim_ascii_start();
        rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
        let Some(inner) = rest.strip_prefix(b"\"") else { return };
        let Some((end, _)) = pairs::quote_end(inner, b'"') else { return };
        let key = inner.get(..end).unwrap_or_default();
        let Some(value) = inner.get(end + 1..).and_then(|r| r.trim_ascii_start().strip_prefix(b":")) else { return };
        let value = value.trim_ascii_start();
        if let Some(inner) = value.strip_prefix(b"\"")
            && let Some((end, escaped)) = pairs::quote_end(inner, b'"')
        {
            let text = inner.get(..end).unwrap_or_default();
            out.push((key, if escaped { pairs::unescape(text, arena) } else { text }));
            rest = inner.get(end + 1..).unwrap_or_default();
            continue;
        }
        let mut depth = 0i32;
        let end = value.iter().position(|b| {
            depth += i32::from(matches!(b, b'{' | b'[')) - i32::from(matches!(b, b'}' | b']'));
            depth == 0 && *b == b','
        });
        let (text, tail) = value.split_at_checked(end.unwrap_or(value.len())).unwrap_or((value, b""));
        out.push((key, text.trim_ascii()));
        rest = tail;
    }
}
