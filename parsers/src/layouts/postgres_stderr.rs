//! PostgreSQL's text log with any `log_line_prefix`, as the server, its collector, syslog output and the managed services
//! write it. Source: PostgreSQL manual, "Error Reporting and Logging", and `src/backend/utils/error/elog.c`.
//!
//! ```text
//! 2026-11-20 09:45:51.838 UTC [15526] app@shop ERROR:  division by zero     prefix, severity, two blanks, message
//! 2026-11-20 09:45:51.838 UTC [15526] app@shop STATEMENT:  select 1/0       a further field of the same record
//! <TAB>from t                                                              the line above goes on
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::pg::{self, Field, Word};
use crate::prim::pg_infer;
use crate::prim::pg_prefix::Prefix;
use crate::prim::{num, text};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "postgres_stderr",
    about: "PostgreSQL's text log (log_destination stderr or syslog) with any log_line_prefix, of any version and language",
    spec: "https://www.postgresql.org/docs/current/runtime-config-logging.html#GUC-LOG-LINE-PREFIX",
    weight: 90,
    infer,
    examples: &[
        Example {
            line: "2026-03-02 08:15:00.120 UTC [4711] LOG:  connection received: host=10.1.0.7 port=40312",
            shows: &[
                ("time", "2026-03-02T08:15:00.120Z"),
                ("severity", "INFO"),
                ("kind", "db.connection.received"),
                ("process.pid", "4711"),
                ("client.address", "10.1.0.7"),
                ("client.port", "40312"),
            ],
        },
        Example {
            line: "2026-03-02 08:15:02 UTC:10.1.0.7(40312):cart@store:[4711]:FATAL:  terminating connection due to idle-in-transaction timeout",
            shows: &[
                ("severity", "FATAL"),
                ("kind", "db.connection.terminated"),
                ("reason", "idle_in_transaction_timeout"),
                ("db.user", "cart"),
                ("db.namespace", "store"),
                ("client.port", "40312"),
            ],
        },
        Example {
            line: "2026-03-02 08:15:03.001 UTC [4711] cart@store ERROR:  22012: division by zero\n2026-03-02 08:15:03.001 UTC [4711] cart@store LOCATION:  int4div, int.c:846\n2026-03-02 08:15:03.001 UTC [4711] cart@store STATEMENT:  select price\n\t  / 0 from item",
            shows: &[
                ("severity", "ERROR"),
                ("db.response.status_code", "22012"),
                ("message", "division by zero"),
                ("db.query.text", "select price\n  / 0 from item"),
                ("code.function.name", "int4div"),
                ("code.line.number", "846"),
            ],
        },
        Example {
            line: "[12-1] user=cart,db=store,app=web,client=10.1.0.7 LOG:  duration: 31.500 ms  statement: select 1",
            shows: &[("kind", "db.query"), ("duration_ns", "31500000"), ("client.app", "web"), ("db.query.text", "select 1")],
        },
    ],
};

/// Fits a reader to a sample: which prefixes its lines have, and whether syslog output put chunk marks in front of them.
fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    // Texts inside rows of the CSV log may look like lines of this one.
    if sample.share(super::postgres_csv::starts) > 0.2 {
        return None;
    }
    let chunks = chunks(sample);
    let bare = |line: &&'_ [u8]| !(line.starts_with(b"\t") || line.starts_with(b"#011"));
    let lines: Vec<&[u8]> = sample.lines.iter().map(|line| chunks.unmarked(line).1).filter(|l| bare(l)).collect();
    let prefixes = pg_infer::infer(&lines);
    let first = prefixes.first()?;
    let more = if prefixes.len() > 1 { format!(" and {} more", prefixes.len() - 1) } else { String::new() };
    let marked = if chunks == Chunks::None { "" } else { ", lines marked with their chunk" };
    let reason = format!("log_line_prefix like '{}'{more}{marked}", first.show());
    Some(Inferred { layout: Box::new(PostgresStderr { prefixes, chunks }), reason })
}

struct PostgresStderr {
    prefixes: Vec<Prefix>,
    chunks: Chunks,
}

/// Whether output to syslog put a mark in front of every line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunks {
    None,
    /// `[8-2] `: message and chunk.
    Pair,
    /// `[2] `: the chunk alone (`syslog_sequence_numbers` off).
    Alone,
}

impl Chunks {
    /// A line without its chunk mark, and the chunk's number (1 where it says none).
    fn unmarked(self, line: &[u8]) -> (u32, &[u8]) {
        match (self, pg::chunk(line)) {
            (Chunks::Pair, Some((_, Some(chunk), width))) | (Chunks::Alone, Some((chunk, None, width))) => {
                (chunk, line.get(width..).unwrap_or_default())
            }
            _ => (1, line),
        }
    }
}

/// Which marks the lines have. A number alone may as well be a process id: those are larger.
fn chunks(sample: &Sample<'_>) -> Chunks {
    let most = |test: fn(&[u8]) -> bool| sample.share(test) > 0.5;
    if most(|line| matches!(pg::chunk(line), Some((_, Some(_), _)))) {
        Chunks::Pair
    } else if most(|line| matches!(pg::chunk(line), Some((1..=40, None, _)))) {
        Chunks::Alone
    } else {
        Chunks::None
    }
}

impl Layout for PostgresStderr {
    fn line(&self, line: &[u8]) -> Line {
        let mut line = line;
        match line.first() {
            Some(b'\t') => return Line::Continue,
            Some(b'#') if line.starts_with(b"#011") => return Line::Continue,
            Some(b'[') if self.chunks != Chunks::None => {
                let (chunk, rest) = self.chunks.unmarked(line);
                if chunk > 1 {
                    return Line::Continue;
                }
                line = rest;
            }
            _ => {}
        }
        let word = self.prefixes.iter().find_map(|prefix| prefix.word(line));
        match word {
            Some((Word::Main(_), _)) => Line::Start,
            Some((Word::Field(_), _)) => Line::Continue,
            None => other_line(line),
        }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let (first, rest) = text::first_line(record);
        let head = self.chunks.unmarked(first).1;
        let Some((word, at)) = self.head(head, event) else {
            let timed = pg::time_width(head).is_some() && pg::time(head).is_none();
            return Err(Reject::new(if timed { Reason::BadTime } else { Reason::BadField }, 0));
        };
        let Word::Main(severity) = word else { return Err(Reject::new(Reason::NoLayout, 0)) };
        event.severity = severity;
        // Tells the recogniser that this is the server speaking, and no client that repeats its words.
        event.kind = Kind::DbActivity;
        let message = head.get(at..).unwrap_or_default();
        event.message = if rest.is_empty() { message } else { self.fields(message, record, arena, event) };
        take_sqlstate(event);
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Only("postgres_server")
    }
}

/// With `log_error_verbosity = verbose` the SQLSTATE stands in front of the message: `42P01: relation …`.
fn take_sqlstate(event: &mut Event<'_>) {
    let Some((state, rest)) = event.message.split_at_checked(5) else { return };
    let Some(rest) = rest.strip_prefix(b": ") else { return };
    let lettered: [&[u8]; 4] = [b"F0", b"HV", b"P0", b"XX"];
    let class = state.first().is_some_and(u8::is_ascii_digit) || lettered.iter().any(|class| state.starts_with(class));
    if class && state.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()) {
        if state != b"00000" {
            event.sqlstate = state;
        }
        event.message = rest;
    }
}

/// A line that none of the file's prefixes fits: indented text goes on with the record, and a line that begins with
/// a time and holds a severity word was written under another prefix.
#[cold]
fn other_line(line: &[u8]) -> Line {
    match line.first() {
        Some(b' ') => Line::Continue,
        Some(b'0'..=b'9') if pg_infer::readable_alone(line) => match pg::find_word(line) {
            Some((_, Word::Field(_), _)) => Line::Continue,
            _ => Line::Start,
        },
        _ => Line::Foreign,
    }
}

impl PostgresStderr {
    fn head<'a>(&self, line: &'a [u8], event: &mut Event<'a>) -> Option<(Word, usize)> {
        let pid = event.pid;
        for prefix in &self.prefixes {
            if let Some(found) = prefix.read(line, event) {
                return Some(found);
            }
            clear(event, pid);
        }
        pg_infer::of_line(line)?.read(line, event)
    }

    /// Reads the lines behind the first one: continuations of the message and further fields. Gives the whole message.
    fn fields<'a>(&self, message: &'a [u8], record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> &'a [u8] {
        let start = offset(record, message);
        let mut parts = [(None, start, record.len()); 9];
        let mut used = 0;
        let mut at = text::first_line(record).0.len() + 1;
        while let Some(rest) = record.get(at..).filter(|rest| !rest.is_empty()) {
            let line = text::first_line(rest).0;
            let body = self.chunks.unmarked(line).1;
            if let Some((field, pid, from)) = self.field(body) {
                if let Some(part) = parts.get_mut(used) {
                    part.2 = at - 1;
                }
                used += 1;
                // A field of another process, which wrote between the lines of this one, is passed over.
                let field = if pid == 0 || event.pid == 0 || pid == event.pid { Some(field) } else { None };
                if let Some(part) = parts.get_mut(used) {
                    *part = (field, offset(record, body) + from, record.len());
                }
            }
            at += line.len() + 1;
        }
        let used = used.min(parts.len() - 1);
        let mut pairs: [(&'a [u8], &'a [u8]); 9] = [(b"", b""); 9];
        let mut count = 0;
        for (field, from, to) in parts.iter().skip(1).take(used) {
            let Some(field) = field else { continue };
            let value = joined(record.get(*from..*to).unwrap_or_default(), arena);
            match field {
                Field::Statement => event.query = value,
                Field::Location => location(value, event),
                Field::Backtrace => event.stack = value,
                _ => {}
            }
            if let Some(pair) = pairs.get_mut(count).filter(|_| !matches!(field, Field::Statement | Field::Backtrace)) {
                *pair = (field.name().as_bytes(), value);
                count += 1;
            }
        }
        event.attrs = arena.alloc_slice_copy(pairs.get(..count).unwrap_or_default());
        let (_, from, to) = parts.first().copied().unwrap_or_default();
        joined(record.get(from..to).unwrap_or_default(), arena)
    }

    /// Where `line` begins a further field: which one, of which process, and where its text begins.
    fn field(&self, line: &[u8]) -> Option<(Field, u32, usize)> {
        if matches!(line.first(), Some(b'\t') | None) {
            return None;
        }
        let mut other = Event::default();
        match self.prefixes.iter().find_map(|prefix| prefix.read(line, &mut other)) {
            Some((Word::Field(field), at)) => Some((field, other.pid, at)),
            Some(_) => None,
            None => match pg::find_word(line).filter(|_| pg_infer::readable_alone(line))? {
                (_, Word::Field(field), at) => Some((field, 0, at)),
                _ => None,
            },
        }
    }
}

/// Takes back what a prefix that did not fit put into the event; pid and severity may be an envelope's.
#[cold]
fn clear(event: &mut Event<'_>, pid: u32) {
    let kept = Event { host: event.host, service: event.service, pid, severity: event.severity, ..Event::default() };
    *event = kept;
}

/// Where `part` begins in `whole`, of which it is a part.
fn offset(whole: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len())
}

/// A text of one or more lines without the marks of continuation lines; copied only where there are several.
fn joined<'a>(raw: &'a [u8], arena: &'a Arena) -> &'a [u8] {
    let (first, rest) = text::first_line(raw);
    if rest.is_empty() {
        return first;
    }
    let mut out = bumpalo::collections::Vec::with_capacity_in(raw.len(), arena);
    out.extend_from_slice(first);
    for line in rest.split(|b| *b == b'\n') {
        let (line, breaks) = pg::continuation(line);
        if breaks {
            out.push(b'\n');
        }
        out.extend_from_slice(line);
    }
    out.into_bump_slice()
}

/// `LOCATION:  exec_simple_query, postgres.c:1100`
fn location<'a>(value: &'a [u8], event: &mut Event<'a>) {
    let Some(comma) = memchr::memmem::find(value, b", ") else { return };
    let place = value.get(comma + 2..).unwrap_or_default();
    event.function = value.get(..comma).unwrap_or_default();
    if let Some(colon) = memchr::memrchr(b':', place) {
        event.file = place.get(..colon).unwrap_or_default();
        event.line = place.get(colon + 1..).and_then(num::uint32).unwrap_or(0);
    }
}

/// The severity that a word of a structured log destination means; `NONE` for anything else.
pub(super) fn severity(name: &[u8]) -> Severity {
    let mut text = [b' '; 48];
    let width = name.len().min(40);
    if let (Some(slot), Some(name)) = (text.get_mut(..width), name.get(..width)) {
        slot.copy_from_slice(name);
    }
    if let Some(slot) = text.get_mut(width) {
        *slot = b':';
    }
    match pg::word(&text) {
        Some((Word::Main(severity), _)) => severity,
        _ => Severity::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(lines: &[&[u8]]) -> Box<dyn Layout> {
        infer(&Sample { lines: lines.to_vec() }).unwrap().layout
    }

    #[test]
    fn lines_begin_continue_or_are_foreign() {
        let layout = layout(&[b"2026-03-02 08:15:00.120 UTC [1] LOG:  x"]);
        assert_eq!(layout.line(b"2026-03-02 08:15:00.120 UTC [1] ERROR:  x"), Line::Start);
        assert_eq!(layout.line(b"2026-03-02 08:15:00.120 UTC [1] HINT:  x"), Line::Continue);
        assert_eq!(layout.line(b"\tand b"), Line::Continue);
        assert_eq!(layout.line(b"cp: cannot stat"), Line::Foreign);
        assert_eq!(layout.line(b"2026-03-02 08:15:00 CET [1] app@shop LOG:  another prefix"), Line::Start);
        assert_eq!(layout.line(b"2026-03-02 08:15:00.120 UTC [1] no severity"), Line::Foreign);
    }

    #[test]
    fn chunks_are_joined() {
        let lines: [&[u8]; 3] = [b"[8-1] user=a,db=b LOG:  statement: select 1,", b"[8-2] #011  2", b"[8-3]  from t"];
        let layout = layout(&lines);
        let starts: Vec<Line> = lines.iter().map(|l| layout.line(l)).collect();
        assert_eq!(starts, [Line::Start, Line::Continue, Line::Continue]);
        assert_eq!(chunks(&Sample { lines: vec![b"[1] LOG:  x", b"[2] #011y", b"[1] LOG:  z"] }), Chunks::Alone);
        assert_eq!(chunks(&Sample { lines: vec![b"[4711] LOG:  x", b"[4712] LOG:  z"] }), Chunks::None);
        let (record, arena) = (lines.join(&b'\n'), Arena::new());
        let mut event = Event::default();
        layout.parse(&record, &arena, &mut event).unwrap();
        assert_eq!(event.message, b"statement: select 1,\n  2 from t");
    }

    #[test]
    fn structured_severities_are_read() {
        assert_eq!(severity(b"LOG"), Severity::INFO);
        assert_eq!(severity("FEHLER".as_bytes()), Severity::ERROR);
        assert_eq!(severity(b"chatter"), Severity::NONE);
    }
}
