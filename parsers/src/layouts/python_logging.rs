//! Python's `logging` with the formats people write, and its relatives structlog (development), loguru and Celery.
//!
//! Source: Python documentation, `logging` (`LogRecord` attributes, `BASIC_FORMAT`); the columns and their order are
//! learnt from the sample, because every project writes its own format string.
//!
//! ```text
//! 2026-11-20 11:35:52,668 INFO [ThreadPoolExecutor-0_1] shop.request: --> GET /cart
//! asctime                 level threadName              name          message
//! ```

use crate::event::{Arena, Event};
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::columns::{self, Head, Part, Shape};
use crate::prim::{head, pairs, roles, text, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "python_logging",
    about: "Python logging with any format string, structlog's development lines, loguru, Celery",
    spec: "Python documentation, library/logging: LogRecord attributes and BASIC_FORMAT",
    weight: 61,
    infer,
    examples: &[
        Example {
            line: "2026-11-20 11:35:52,668 INFO [ThreadPoolExecutor-0_1] shop.request: --> GET /cart",
            shows: &[
                ("time", "2026-11-20T11:35:52.668"),
                ("severity", "INFO"),
                ("thread.name", "ThreadPoolExecutor-0_1"),
                ("logger", "shop.request"),
                ("message", "--> GET /cart"),
            ],
        },
        Example {
            line: "WARNING:root:disk is nearly full",
            shows: &[("severity", "WARN"), ("logger", "root"), ("message", "disk is nearly full")],
        },
        Example {
            line: "2026-11-20 10:32:20,442 - shop.db - ERROR - lost it\nTraceback (most recent call last):\n  File \"/srv/db.py\", line 4, in get\n    raise E\nshop.db.Lost: gone",
            shows: &[("logger", "shop.db"), ("severity", "ERROR"), ("message", "lost it"), ("error.type", "shop.db.Lost")],
        },
        Example {
            line: "[2026-11-20 10:00:00,123: INFO/ForkPoolWorker-1] Task mail.send[0a1b] received",
            shows: &[("severity", "INFO"), ("thread.name", "ForkPoolWorker-1"), ("message", "Task mail.send[0a1b] received")],
        },
        Example {
            line: "2026-11-20 10:32:20 [info     ] order paid                     order_id=7 request_id=r-1",
            shows: &[("severity", "INFO"), ("message", "order paid"), ("request.id", "r-1")],
        },
        Example {
            line: "2026-11-20 10:32:20.442 | WARNING  | shop.api:checkout:42 - slow",
            shows: &[
                ("severity", "WARN"),
                ("logger", "shop.api"),
                ("code.function.name", "checkout"),
                ("code.line.number", "42"),
                ("message", "slow"),
            ],
        },
    ],
};

struct Python {
    shapes: Vec<Shape>,
    /// The learnt shapes begin with a time: a line that begins with one begins a record even in an unknown shape.
    timed: bool,
    /// They begin with a bracket and a time.
    bracketed: bool,
}

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    let arena = Arena::new();
    let plain: Vec<&[u8]> = sample.lines.iter().map(|l| text::strip_ansi(l, &arena)).collect();
    let shapes = columns::shapes(plain.iter().copied().filter(|l| !not_python(l)));
    let first = shapes.iter().max_by_key(|s| s.count)?;
    let (mut ours, mut theirs) = (0usize, 0usize);
    for line in &plain {
        let names = shapes.iter().find_map(|shape| columns::read(&shape.parts, line)).map(|head| case_of_names(&head));
        ours += usize::from(speaks_python(line) || names == Some(Case::Module));
        theirs += usize::from(speaks_java(line) || (names == Some(Case::Class) && !speaks_python(line)));
    }
    // The columns alone prove nothing: half the world writes time, level, name.
    if ours == 0 || theirs > ours {
        return None;
    }
    let reason = describe(&first.parts);
    let begins = |s: &Shape, parts: &[Part]| s.parts.starts_with(parts);
    let timed = shapes.iter().any(|s| begins(s, &[Part::Time]));
    let bracketed = shapes.iter().any(|s| begins(s, &[Part::Mark(b'['), Part::Time]));
    Some(Inferred { layout: Box::new(Python { shapes, timed, bracketed }), reason })
}

/// Whose names a head holds: Python's loggers are modules (`shop.request`), the JVM's are classes (`shop.Request`).
#[derive(PartialEq, Eq)]
enum Case {
    Module,
    Class,
    Neither,
}

fn case_of_names(head: &Head<'_>) -> Case {
    let names = head.boxes.iter().take(head.boxed).chain(std::iter::once(&head.logger));
    for name in names.filter(|n| !n.is_empty() && !n.contains(&b' ') && !columns::looks_like_thread(n)) {
        let last = name.rsplit(|b| *b == b'.').next().unwrap_or_default();
        let module = name.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.'));
        if module && name.iter().any(u8::is_ascii_lowercase) {
            return Case::Module;
        }
        if name.contains(&b'.') && last.first().is_some_and(u8::is_ascii_uppercase) {
            return Case::Class;
        }
    }
    Case::Neither
}

/// Lines of other producers that have a level and a time or a name, too.
fn not_python(line: &[u8]) -> bool {
    // gunicorn: `[time] [pid] [LEVEL]`; PostgreSQL: two blanks behind `LEVEL:`; Spring: ` --- [`.
    let bracket_pid = line.first() == Some(&b'[')
        && text::after(line, b"] [").is_some_and(|r| r.get(text::digits(r).len()..).is_some_and(|t| t.starts_with(b"] [")));
    let head = line.get(..120).unwrap_or(line);
    let levels: [&[u8]; 5] = [b"ERROR:  ", b"FATAL:  ", b"WARNING:  ", b"PANIC:  ", b"NOTICE:  "];
    bracket_pid
        || memchr::memmem::find(head, b" --- [").is_some()
        || memchr::memmem::find(head, b".go:").is_some()
        || memchr::memmem::find(head.get(..48).unwrap_or(head), b"][").is_some()
        || levels.iter().any(|l| memchr::memmem::find(head, l).is_some())
        || php(line)
}

/// `[time] channel.LEVEL: ` of Monolog.
fn php(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"[").and_then(|l| text::after(l, b"] ")) else { return false };
    let word = text::word(rest).strip_suffix(b":").unwrap_or_default();
    word.rsplit(|b| *b == b'.').next().is_some_and(|l| word.contains(&b'.') && head::severity_of(l).is_some())
}

fn speaks_python(line: &[u8]) -> bool {
    let head = line.get(..120).unwrap_or(line);
    let has = |word: &[u8]| memchr::memmem::find(head, word).is_some();
    has(b"Traceback (most recent")
        || has(b".py\"")
        || has(b".py:")
        || has(b"MainThread")
        || has(b"MainProcess")
        || has(b"ForkPoolWorker")
        || has(b"ThreadPoolExecutor-")
        || has(b" WARNING ")
        || has(b"[WARNING]")
        || has(b"CRITICAL")
        || has(b"[info  ")
        || line.starts_with(b"WARNING:")
        || has(b"__main__")
        || has(b"sqlalchemy.")
        || has(b"django.")
}

fn speaks_java(line: &[u8]) -> bool {
    let head = line.get(..160).unwrap_or(line);
    let has = |word: &[u8]| memchr::memmem::find(head, word).is_some();
    line.starts_with(b"\tat ")
        || line.starts_with(b"Caused by: ")
        || has(b" [main] ")
        || has(b"-exec-")
        || has(b" WARN ")
        || has(b" TRACE ")
        || has(b"[http-nio")
        || has(b" org.")
        || has(b" com.")
        || has(b" io.")
        || has(b" o.s.")
        || has(b" o.a.")
        || has(b" c.z.")
        || has(b"-thread-")
}

fn describe(parts: &[Part]) -> String {
    let mut out = String::from("columns ");
    for part in parts {
        match part {
            Part::Gap => out.push(' '),
            Part::Mark(byte) => out.push(char::from(*byte)),
            Part::Time => out.push_str("time"),
            Part::Level => out.push_str("level"),
            Part::Logger | Part::Dotted => out.push_str("logger"),
            Part::Boxed(_) => out.push_str("name"),
            Part::Number => out.push_str("number"),
            Part::Place => out.push_str("file:line"),
        }
    }
    out.trim_end().to_owned()
}

impl Python {
    fn head<'a>(&self, line: &'a [u8]) -> Option<(Head<'a>, &Shape)> {
        self.shapes.iter().find_map(|shape| columns::read(&shape.parts, line).map(|head| (head, shape)))
    }

    /// A time where the learnt shapes have theirs.
    fn begins(&self, line: &[u8]) -> bool {
        match line.first() {
            Some(b'0'..=b'9') => self.timed && time::iso(line).is_some(),
            Some(b'[') => self.bracketed && line.get(1..).and_then(time::iso).is_some(),
            _ => false,
        }
    }
}

impl Layout for Python {
    fn line(&self, line: &[u8]) -> Line {
        if matches!(line.first(), None | Some(b' ' | b'\t')) {
            return Line::Continue;
        }
        let mut buffer = [0; 256];
        let line = head::uncoloured(line, &mut buffer);
        if self.begins(line) || self.head(line).is_some() { Line::Start } else { Line::Continue }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let record = text::strip_ansi(record, arena);
        let Some((head, shape)) = self.head(record) else { return short(record, event) };
        if head.stamp.is_some() {
            event.stamp = head.stamp;
        }
        event.severity = head.severity;
        event.logger = head.logger;
        fill_place(&head, event);
        fill_boxes(&head, shape, event);
        if let [first, ..] = head.numbers
            && head.numbered > 0
            && let Ok(pid) = u32::try_from(first)
        {
            event.pid = pid;
        }
        let body = record.get(head.end..).unwrap_or_default();
        head::settle(body, event);
        if shape.parts.starts_with(&[Part::Time, Part::Gap, Part::Mark(b'['), Part::Level, Part::Mark(b']')]) {
            structlog(event, arena);
        }
        Ok(())
    }
}

/// A line that begins with a time but has none of the learnt shapes.
fn short<'a>(record: &'a [u8], event: &mut Event<'a>) -> Result<(), Reject> {
    let start = usize::from(record.first() == Some(&b'['));
    let (stamp, width) = record.get(start..).and_then(time::iso).ok_or(Reject::new(Reason::BadTime, start))?;
    event.stamp = stamp;
    let rest = record.get(start + width..).unwrap_or_default();
    let rest = rest.strip_prefix(b"]").unwrap_or(rest).trim_ascii_start();
    match head::find_level(rest) {
        Some((severity, body)) => {
            event.severity = severity;
            head::settle(body, event);
        }
        None => head::settle(rest, event),
    }
    Ok(())
}

fn fill_place<'a>(head: &Head<'a>, event: &mut Event<'a>) {
    if head.file.is_empty() {
        return;
    }
    let source = [&b".py"[..], b".pyx"].iter().any(|end| head.file.ends_with(end)) || head.file.contains(&b'/');
    if !source && event.logger.is_empty() {
        event.logger = head.file;
    } else {
        event.file = head.file;
    }
    event.function = head.function;
    event.line = head.line;
}

fn fill_boxes<'a>(head: &Head<'a>, shape: &Shape, event: &mut Event<'a>) {
    for inner in head.boxes.iter().take(head.boxed) {
        if memchr::memmem::find(inner, b"trace_id=").is_some() {
            let id = |key| pairs::value(inner, key).filter(|v| *v != b"0").unwrap_or_default();
            (event.trace_id, event.span_id) = (id("trace_id"), id("span_id"));
            event.service = pairs::value(inner, "resource.service.name").unwrap_or(event.service);
        } else if is_request_id(inner) && event.request_id.is_empty() {
            event.request_id = inner;
        } else if (!event.logger.is_empty() || shape.threads) && event.thread.is_empty() {
            event.thread = inner;
        } else if event.logger.is_empty() {
            event.logger = inner;
        }
    }
    if columns::looks_like_thread(event.logger) && event.thread.is_empty() && shape.parts.first() == Some(&Part::Logger) {
        event.thread = std::mem::take(&mut event.logger);
    }
    // Celery writes LEVEL/process: the process is a plain name behind the level.
    if shape.parts.starts_with(&[Part::Mark(b'['), Part::Time, Part::Mark(b':')]) && event.thread.is_empty() {
        event.thread = std::mem::take(&mut event.logger);
    }
}

fn is_request_id(text: &[u8]) -> bool {
    let hex = text.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-');
    text.starts_with(b"req-")
        || text.starts_with(b"req_")
        || (hex && matches!(text.len(), 16..=40) && text.iter().any(u8::is_ascii_digit))
}

/// structlog's development lines: the event padded to 30 bytes, perhaps `[logger]`, then `key=value` pairs.
fn structlog<'a>(event: &mut Event<'a>, arena: &'a Arena) {
    let (line, _) = text::first_line(event.message);
    let mut starts = memchr::memchr_iter(b' ', line).map(|i| i + 1);
    let Some(at) = starts.find(|at| {
        let rest = line.get(*at..).unwrap_or_default();
        pairs::pair(rest).is_some_and(|(raw, _)| !raw.bare)
    }) else {
        if let Some(gap) = text::before(line, b"  ")
            && line.len() == event.message.len()
            && line.get(gap.len()..).is_some_and(|r| r.trim_ascii().is_empty())
        {
            event.message = gap;
        }
        return;
    };
    let (mut message, tail) = line.split_at_checked(at).unwrap_or((line, b""));
    message = message.trim_ascii_end();
    if let Some(open) = message.strip_suffix(b"]").and_then(|m| memchr::memrchr(b'[', m))
        && let Some((text, name)) = message.split_at_checked(open)
    {
        event.logger = name.get(1..name.len() - 1).unwrap_or_default();
        message = text.trim_ascii_end();
    }
    let mut attrs = bumpalo::collections::Vec::new_in(arena);
    attrs.extend(pairs::pairs(tail, false).map(|raw| (raw.key, raw.text(arena))));
    event.attrs = attrs.into_bump_slice();
    if line.len() == event.message.len() {
        event.message = message;
    }
    roles::fill(event);
}
