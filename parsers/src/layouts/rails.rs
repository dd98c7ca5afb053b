//! Ruby's `Logger` and Rails: the one-letter head of `Logger::Formatter`, tagged lines, and Rails' own lines without any
//! head (`Started`, `Processing by`, `Completed`, SQL), which `ActiveSupport`'s `SimpleFormatter` writes.
//!
//! Source: `ruby/logger` `lib/logger/formatter.rb`; rails `actionpack` `log_subscriber.rb`, `railties` `rack/logger.rb`,
//! `activesupport` `tagged_logging.rb`.
//!
//! ```text
//! I, [2026-11-20T10:25:53.103149 #15102]  INFO -- shop: [req-1] Completed 200 OK in 12ms (ActiveRecord: 2.0ms)
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::{head, num, text, time, trace};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "rails",
    about: "Ruby's Logger and Rails' request and SQL lines, tagged or not",
    spec: "ruby/logger lib/logger/formatter.rb; rails actionpack log_subscriber.rb, railties rack/logger.rb",
    weight: 82,
    infer: |sample: &Sample<'_>| {
        let arena = Arena::new();
        let lines: Vec<&[u8]> = sample.lines.iter().map(|l| text::strip_ansi(l, &arena)).collect();
        let letters = lines.iter().filter(|l| letter(l).is_some()).count();
        let bare = lines.iter().filter(|l| rails_line(untagged(l).1)).count();
        let tagged = lines.iter().filter(|l| !untagged(l).0.is_empty() && rails_line(untagged(l).1)).count();
        let opens = lines.iter().any(|l| opens(untagged(l).1));
        let reason = match (letters, bare) {
            (0, _) if bare == 0 || !opens => return None,
            (0, _) => "Rails request lines".to_owned(),
            _ => "Ruby Logger's `I, [time #pid]  INFO -- :`".to_owned(),
        };
        Some(Inferred { layout: Box::new(Rails { letters: letters > 0, headless: bare > 0, tagged: tagged > 0 }), reason })
    },
    examples: &[
        Example {
            line: "W, [2026-11-20T10:25:53.103149 #15102]  WARN -- shop: [5f2c1a9e-0d3b-4a52-9b11-8c7d6e5f4a3b] slow",
            shows: &[
                ("time", "2026-11-20T10:25:53.103149"),
                ("severity", "WARN"),
                ("process.pid", "15102"),
                ("logger", "shop"),
                ("request.id", "5f2c1a9e-0d3b-4a52-9b11-8c7d6e5f4a3b"),
                ("message", "slow"),
            ],
        },
        Example {
            line: "Started GET \"/orders/7\" for 203.0.113.9 at 2026-11-20 10:00:00 +0100",
            shows: &[
                ("kind", "request.start"),
                ("time", "2026-11-20T09:00:00Z"),
                ("http.request.method", "GET"),
                ("url.path", "/orders/7"),
                ("client.address", "203.0.113.9"),
            ],
        },
        Example {
            line: "[r-9] Started GET \"/\" for ::1 at 2026-11-20 10:00:00 +0000",
            shows: &[("request.id", "r-9"), ("client.address", "::1")],
        },
    ],
};

struct Rails {
    letters: bool,
    headless: bool,
    tagged: bool,
}

/// `I, [2026-11-20T10:25:53.103149 #15102]  INFO -- shop: `: the widths of its parts are fixed up to the time.
struct Letter<'a> {
    stamp: crate::Stamp,
    pid: &'a [u8],
    level: &'a [u8],
    rest: &'a [u8],
}

fn letter(line: &[u8]) -> Option<Letter<'_>> {
    let [b'D' | b'I' | b'W' | b'E' | b'F' | b'A', b',', b' ', b'[', body @ ..] = line else { return None };
    let (stamp, width) = time::iso(body)?;
    let body = body.get(width..)?.trim_ascii_start().strip_prefix(b"#")?;
    let pid = text::digits(body);
    let body = body.get(pid.len()..)?.strip_prefix(b"]")?.trim_ascii_start();
    let (level, rest) = text::before(body, b" -- ").zip(text::after(body, b" -- "))?;
    Some(Letter { stamp, pid, level, rest })
}

/// Splits `[tag] [tag] rest`.
fn untagged(line: &[u8]) -> (&[u8], &[u8]) {
    let mut rest = line;
    while let Some(inner) = rest.strip_prefix(b"[")
        && let Some(end) = inner.iter().take(80).position(|b| *b == b']')
        && inner.get(end + 1) == Some(&b' ')
    {
        rest = inner.get(end + 2..).unwrap_or_default();
    }
    (line.get(..line.len() - rest.len()).unwrap_or_default().trim_ascii_end(), rest)
}

/// Lines that only Rails writes and that open a request.
fn opens(line: &[u8]) -> bool {
    let methods: [&[u8]; 7] = [b"GET \"", b"POST \"", b"PUT \"", b"PATCH \"", b"DELETE \"", b"HEAD \"", b"OPTIONS \""];
    line.strip_prefix(b"Started ").is_some_and(|l| methods.iter().any(|m| l.starts_with(m)))
        || line.starts_with(b"Processing by ")
        || (line.starts_with(b"Processing ") && memchr::memmem::find(line, b" (for ").is_some())
        || (line.starts_with(b"Completed ")
            && (memchr::memmem::find(line, b"ms (").is_some() || memchr::memmem::find(line, b" in ").is_some()))
}

fn rails_line(line: &[u8]) -> bool {
    let starts: [&[u8]; 10] = [
        b"Rendered ",
        b"Rendering ",
        b"  Rendered ",
        b"  Rendering ",
        b"  Parameters: {",
        b"Redirected to ",
        b"Filter chain halted",
        b"Sent file ",
        b"  Layout ",
        b"Can't verify CSRF",
    ];
    opens(line) || starts.iter().any(|s| line.starts_with(s)) || sql(line)
}

/// `  User Load (0.5ms)  SELECT …`, `  CACHE (0.0ms)  …`, `  TRANSACTION (0.2ms)  BEGIN`.
fn sql(line: &[u8]) -> bool {
    line.starts_with(b"  ") && memchr::memmem::find(line.get(..120).unwrap_or(line), b"ms)  ").is_some()
}

impl Layout for Rails {
    fn line(&self, line: &[u8]) -> Line {
        if self.letters && letter(line).is_some() {
            return Line::Start;
        }
        if self.headless {
            let mut buffer = [0; 256];
            let head = head::uncoloured(line, &mut buffer);
            let (tags, rest) = untagged(head);
            if rails_line(rest) || (self.tagged && !tags.is_empty() && !rest.starts_with(b" ") && !trace::is_part(rest)) {
                return Line::Start;
            }
            let frame = matches!(rest.first(), Some(b' ' | b'\t')) || head.starts_with("↳".as_bytes()) || code_frame(rest);
            return if frame || trace::is_part(rest) || self.letters {
                Line::Continue
            } else if tags.is_empty() && !rest.starts_with(b"{") {
                Line::Start
            } else {
                Line::Foreign
            };
        }
        Line::Continue
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let record = text::strip_ansi(record, arena);
        let mut body = record;
        if let Some(found) = letter(record).filter(|_| self.letters) {
            event.stamp = found.stamp;
            event.pid = num::uint32(found.pid).unwrap_or(0);
            event.severity = head::severity_of(found.level.trim_ascii()).unwrap_or(event.severity);
            let (program, rest) =
                text::before(found.rest, b": ").zip(text::after(found.rest, b": ")).unwrap_or((b"", found.rest));
            let named = !program.contains(&b' ');
            event.logger = if named { program } else { b"" };
            body = if named { rest } else { found.rest };
            body = body.strip_prefix(b": ").unwrap_or(body);
        } else if self.letters && !self.headless {
            return Err(Reject::new(Reason::NoLayout, 0));
        }
        let (tags, rest) = untagged(body);
        let id = tags
            .strip_prefix(b"[")
            .and_then(|t| t.iter().position(|b| *b == b']').and_then(|e| t.get(..e)))
            .unwrap_or_default();
        let plausible = id.iter().any(u8::is_ascii_digit) && !id.contains(&b' ') && time::any(id).is_none();
        if plausible {
            event.request_id = id;
        }
        head::settle(if plausible { rest } else { body }, event);
        event.message = if event.message.trim_ascii().is_empty() { event.message } else { trim_start(event.message) };
        request(event);
        Ok(())
    }
}

fn trim_start(text: &[u8]) -> &[u8] {
    text.trim_ascii_start()
}

/// `app/models/x.rb:12:in 'y'`, a frame of a Rails log.
fn code_frame(line: &[u8]) -> bool {
    memchr::memmem::find(line, b".rb:").is_some_and(|at| !line.get(..at).unwrap_or_default().contains(&b' '))
        && memchr::memmem::find(line, b":in ").is_some()
}

/// Rails' own lines about a request.
fn request(event: &mut Event<'_>) {
    let message = event.message;
    if let Some(rest) = message.strip_prefix(b"Started ")
        && let Some((method, rest)) = text::before(rest, b" \"").zip(text::after(rest, b" \""))
        && let Some(path) = text::before(rest, b"\" for ")
    {
        event.kind = Kind::RequestStart;
        event.method = method;
        event.path = path;
        let tail = text::after(rest, b"\" for ").unwrap_or_default();
        event.client = text::word(tail);
        if let Some((stamp, _)) = text::after(tail, b" at ").and_then(time::any)
            && !event.stamp.is_some()
        {
            event.stamp = stamp;
        }
    } else if let Some(rest) = message.strip_prefix(b"Processing by ") {
        event.route = text::word(rest);
    } else if let Some(rest) = message.strip_prefix(b"Processing ")
        && let Some(inside) = text::between(rest, b" (for ", b")")
    {
        // Rails 1 and 2: one line opens the request.
        event.kind = Kind::RequestStart;
        event.route = text::word(rest);
        event.client = text::word(inside);
        event.method = text::between(rest, b") [", b"]").unwrap_or_default();
        if let Some((stamp, _)) = text::after(inside, b" at ").and_then(time::any)
            && !event.stamp.is_some()
        {
            event.stamp = stamp;
        }
    } else if let Some(rest) = message.strip_prefix(b"Completed ") {
        completed(rest, event);
    } else {
        // The exception that ended a request: `Class (message):`.
        let class = text::before(message, b" (").unwrap_or_default();
        if class.len() > 5 && class.ends_with(b"Error") && class.iter().all(|b| b.is_ascii_alphanumeric() || *b == b':') {
            event.error_type = class;
            event.kind = Kind::Error;
        }
    }
}

/// `200 OK in 12ms (…)`; Rails 2: `in 614ms (View: 120, DB: 31) | 200 OK [url]`; Rails 1: `in 0.31 (3 reqs/sec) | … | 200 OK [url]`.
fn completed<'a>(rest: &'a [u8], event: &mut Event<'a>) {
    event.kind = Kind::RequestEnd;
    if let Some(status) = num::uint16(text::digits(rest)) {
        event.status = status;
    } else if let Some(tail) = memchr::memrchr(b'|', rest).and_then(|at| rest.get(at + 1..)) {
        event.status = num::uint16(text::digits(tail.trim_ascii_start())).unwrap_or(0);
        event.path = text::between(tail, b"[", b"]").unwrap_or_default();
    }
    let took = text::after(rest, b"in ").map(|r| r.split(|b| *b == b' ').next().unwrap_or_default()).unwrap_or_default();
    event.duration_ns = num::duration(took).or_else(|| num::scaled(took, 9)).unwrap_or(-1);
}
