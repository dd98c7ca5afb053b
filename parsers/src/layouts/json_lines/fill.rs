//! From the values that have a role to an event.

use super::roles::{COUNT, Entry, Role};
use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::json::{Shape, Value, joined};
use crate::prim::{net, num, text, time};
use crate::severity::Severity;
use crate::stamp::Stamp;

/// What the file as a whole told about values that could mean several things.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dialect {
    /// The unit of a bare number called `duration`, in decimal digits of nanoseconds: 9 for seconds, 6 for ms, 0 for ns.
    pub(super) duration_places: u32,
    /// Numbers 0 to 7 under `level` are syslog's (GELF).
    pub(super) syslog_levels: bool,
    /// `@l` is left out where it would say Information (CLEF).
    pub(super) info_by_default: bool,
    /// `level` numbers are Python's: 30 is a warning.
    pub(super) python_levels: bool,
}

/// The best value of each role in one record.
pub(super) struct Found<'a> {
    /// By role: the rank of its value and where that stands in `values`.
    slots: [(u8, u8); COUNT],
    values: bumpalo::collections::Vec<'a, Value<'a>>,
    stamp: Stamp,
    /// The record holds a key that only a web server writes.
    pub(super) web: bool,
}

const ABSENT: u8 = u8::MAX;
const NOTHING: Value<'_> = Value { shape: Shape::Null, text: b"" };

impl<'a> Found<'a> {
    pub(super) fn new(arena: &'a Arena) -> Found<'a> {
        let values = bumpalo::collections::Vec::with_capacity_in(16, arena);
        Found { slots: [(ABSENT, ABSENT); COUNT], values, stamp: Stamp::NONE, web: false }
    }

    pub(super) fn put(&mut self, (role, rank): Entry, value: Value<'a>) {
        let better = self.slots.get(role as usize).is_some_and(|slot| rank < slot.0);
        if value.text.is_empty() || value.shape == Shape::Null || !better {
            return;
        }
        if role == Role::Time {
            let read = stamp(value);
            if !read.is_some() {
                return;
            }
            self.stamp = read;
        }
        // A status that is no number, or a time that is none, would hide a later one that is.
        let fits = match role {
            Role::Status => value.text.len() == 3 && num::uint16(value.text).is_some() || value.text == b"0",
            Role::Pid | Role::Line | Role::ClientPort | Role::Bytes => num::digits(value.text) > 0,
            Role::Request => value.shape == Shape::Text && memchr::memchr(b' ', value.text).is_some(),
            Role::Host | Role::Service | Role::ErrorType | Role::Name | Role::Method | Role::TraceId | Role::Logger => {
                value.shape == Shape::Text
            }
            Role::Message => value.shape != Shape::Bool,
            _ => true,
        };
        let Some(slot) = self.slots.get_mut(role as usize).filter(|_| fits) else { return };
        // A better value takes the place of the one before it.
        if let Some(kept) = self.values.get_mut(usize::from(slot.1)) {
            *kept = value;
            slot.0 = rank;
        } else if let Ok(index) = u8::try_from(self.values.len()) {
            self.values.push(value);
            *slot = (rank, index);
        }
    }

    fn get(&self, role: Role) -> &'a [u8] {
        self.value(role).text
    }

    fn value(&self, role: Role) -> Value<'a> {
        self.slots.get(role as usize).and_then(|slot| self.values.get(usize::from(slot.1))).copied().unwrap_or(NOTHING)
    }

    pub(super) fn has(&self, role: Role) -> bool {
        !self.get(role).is_empty()
    }

    /// Puts everything found into `event`.
    pub(super) fn fill(&self, event: &mut Event<'a>, dialect: Dialect, record: &'a [u8], arena: &'a Arena) {
        event.stamp = self.time();
        self.severity(event, dialect);
        self.who(event);
        self.message(event, dialect, record, arena);
        self.request(event, dialect);
        self.site(event);
    }

    fn time(&self) -> Stamp {
        if self.stamp.is_some() {
            return self.stamp;
        }
        let Some(seconds) = num::int(self.get(Role::Seconds)) else { return Stamp::NONE };
        let nanos = num::int(self.get(Role::Nanos)).unwrap_or(0);
        seconds.checked_mul(1_000_000_000).and_then(|s| s.checked_add(nanos)).map_or(Stamp::NONE, |n| Stamp::instant(n, 9))
    }

    fn severity(&self, event: &mut Event<'a>, dialect: Dialect) {
        let value = self.value(Role::Level);
        let severity = match num::uint32(value.text) {
            Some(number) => numbered(number, dialect),
            None => worded(value.text),
        };
        if severity != Severity::NONE {
            event.severity = severity;
        } else if dialect.info_by_default && value.text.is_empty() {
            event.severity = Severity::INFO;
        }
    }

    fn who(&self, event: &mut Event<'a>) {
        let set = |field: &mut &'a [u8], role| {
            if self.has(role) {
                *field = self.get(role);
            }
        };
        set(&mut event.logger, Role::Logger);
        set(&mut event.thread, Role::Thread);
        set(&mut event.service, Role::Service);
        if !self.web || !self.has(Role::Status) {
            set(&mut event.host, Role::Host);
        }
        if let Some(pid) = num::uint32(self.get(Role::Pid)) {
            event.pid = pid;
        }
        // pino and bunyan name the service, Python's logging and zap's encoders the logger.
        let name = self.get(Role::Name);
        if !name.is_empty() && self.has(Role::Host) && self.has(Role::Pid) && !self.has(Role::Service) {
            event.service = name;
        } else if event.logger.is_empty() {
            event.logger = name;
        }
        set(&mut event.span_id, Role::SpanId);
        set(&mut event.request_id, Role::RequestId);
        let trace = self.get(Role::TraceId);
        event.trace_id = match memchr::memrchr(b'/', trace) {
            Some(slash) => trace.get(slash + 1..).unwrap_or_default(),
            None => trace,
        };
    }

    fn message(&self, event: &mut Event<'a>, dialect: Dialect, record: &'a [u8], arena: &'a Arena) {
        event.error_type = self.get(Role::ErrorType);
        event.query = self.get(Role::Query);
        let stack = self.value(Role::Stack);
        event.stack = match stack.shape {
            Shape::Raw => joined(stack.text, arena).unwrap_or(stack.text),
            _ => stack.text,
        };
        event.message = self.get(Role::Message);
        if event.message.is_empty() {
            event.message = self.get(Role::ErrorMessage);
        }
        if event.message.is_empty() {
            event.message = [Role::Request, Role::Path].iter().map(|r| self.get(*r)).find(|t| !t.is_empty()).unwrap_or(record);
        }
        if dialect.info_by_default && memchr::memchr(b'{', event.message).is_some() {
            event.message = rendered(event.message, event.attrs, arena);
        }
        if event.stack.is_empty()
            && let Some(at) = stack_in(event.message)
        {
            let (message, stack) = event.message.split_at(at);
            event.message = message;
            event.stack = stack.strip_prefix(b"\n").unwrap_or(stack);
        }
        if event.error_type.is_empty() {
            event.error_type = type_of(event.stack);
        }
    }

    fn request(&self, event: &mut Event<'a>, dialect: Dialect) {
        event.method = self.get(Role::Method);
        event.path = self.get(Role::Path);
        let mut words = self.get(Role::Request).splitn(3, |b| *b == b' ');
        if event.method.is_empty()
            && let (Some(method), Some(path)) = (words.next(), words.next())
            && !method.is_empty()
            && method.iter().all(u8::is_ascii_uppercase)
        {
            event.method = method;
            event.path = path;
        }
        event.route = self.get(Role::Route);
        event.status = num::uint16(self.get(Role::Status)).unwrap_or(0);
        event.user_agent = dash(self.get(Role::Agent));
        event.bytes_out = num::int(self.get(Role::Bytes)).unwrap_or(-1);
        event.duration_ns = self.duration(dialect);
        let forwarded = dash(text::word(self.get(Role::Forwarded)));
        let (client, port) = net::host_port(dash(self.get(Role::ClientIp)));
        event.client = if net::is_address(forwarded) { forwarded } else { client };
        event.client_port = num::uint16(self.get(Role::ClientPort)).unwrap_or(port);
        event.frontend = dash(self.get(Role::Frontend));
        event.backend = dash(self.get(Role::Backend));
        let servers = self.get(Role::Server);
        let last = memchr::memrchr(b' ', servers).map_or(servers, |at| servers.get(at + 1..).unwrap_or_default());
        (event.server, event.server_port) = net::host_port(dash(last));
        event.connect_ns = last_of(self.get(Role::ConnectS)).and_then(|t| num::scaled(t, 9)).unwrap_or(-1);
        let finished = !event.method.is_empty() && !event.path.is_empty() && self.has(Role::Status);
        let access = event.logger.starts_with(b"http.log.access");
        if finished && (self.web || access) {
            event.kind = Kind::LbRequest;
            event.reason = dash(self.get(Role::Flags));
            if event.reason.is_empty() && (event.status == 499 || (access && event.status == 0)) {
                event.reason = b"client_closed";
            }
        } else if finished {
            event.kind = Kind::RequestEnd;
        } else if !self.has(Role::Status) && !event.method.is_empty() && begins(event.message) {
            event.kind = Kind::RequestStart;
        } else if self.has(Role::Status) && self.has(Role::RequestId) && event.duration_ns >= 0 {
            // pino-http and Fastify give method and path with the request's first record only.
            event.kind = Kind::RequestEnd;
        }
    }

    fn duration(&self, dialect: Dialect) -> i64 {
        let units = [
            (Role::DurationNs, 0),
            (Role::DurationUs, 3),
            (Role::DurationMs, 6),
            (Role::DurationS, 9),
            (Role::Duration, dialect.duration_places),
        ];
        let (value, places) = units.iter().map(|(r, p)| (self.get(*r), *p)).find(|(v, _)| !v.is_empty()).unwrap_or((b"", 0));
        last_of(value).and_then(|t| num::duration(t).or_else(|| num::scaled(t, places))).unwrap_or(-1)
    }

    fn site(&self, event: &mut Event<'a>) {
        let caller = self.get(Role::Caller);
        event.function = self.get(Role::Function);
        event.line = num::uint32(self.get(Role::Line)).unwrap_or(0);
        event.file = caller;
        if let Some(colon) = memchr::memrchr(b':', caller)
            && let (Some(file), Some(line)) = (caller.get(..colon), caller.get(colon + 1..).and_then(num::uint32))
        {
            (event.file, event.line) = (file, line);
        }
    }
}

/// The time that a value writes.
pub(super) fn stamp(value: Value<'_>) -> Stamp {
    let read = match value.shape {
        Shape::Number => time::epoch(value.text).filter(|(_, end)| *end == value.text.len()),
        Shape::Text => time::any(value.text),
        _ => None,
    };
    let mut stamp = read.map_or(Stamp::NONE, |(stamp, _)| stamp);
    if value.shape == Shape::Number {
        // The digits of a binary fraction are no resolution (1700758468.3840191).
        stamp.digits = stamp.digits.div_ceil(3) * 3;
    }
    stamp
}

/// The last of the values of a list (`0.000, 0.002`) that is one.
fn last_of(list: &[u8]) -> Option<&[u8]> {
    if memchr::memchr2(b',', b':', list).is_none() {
        return Some(dash(list)).filter(|t| !t.is_empty());
    }
    list.split(|b| matches!(b, b',' | b':' | b' ')).rev().find(|t| !dash(t).is_empty())
}

fn dash(text: &[u8]) -> &[u8] {
    if text == b"-" { b"" } else { text }
}

fn numbered(number: u32, dialect: Dialect) -> Severity {
    match number {
        0..=7 if dialect.syslog_levels => Severity::of_syslog(u8::try_from(number).unwrap_or(7)),
        1..=7 | 8..=9 | 11..=19 | 21..=24 => Severity(u8::try_from(number).unwrap_or(0)),
        10 | 20 | 30 | 40 | 50 if dialect.python_levels => match number {
            10 => Severity::DEBUG,
            20 => Severity::INFO,
            30 => Severity::WARN,
            40 => Severity::ERROR,
            _ => Severity::FATAL,
        },
        // logstash's `level_value` is logback's number.
        1000..=5000 => Severity::TRACE,
        5001..=10_000 => Severity::DEBUG,
        10_001..=20_000 => Severity::INFO,
        20_001..=30_000 => Severity::WARN,
        30_001.. => Severity::ERROR,
        other => Severity::of_pino(other),
    }
}

/// A level word, also with an offset (`INFO+2`), one letter (`W`) or blanks around it.
fn worded(word: &[u8]) -> Severity {
    let word = word.trim_ascii();
    match word {
        b"I" => Severity::INFO,
        b"W" => Severity::WARN,
        b"E" => Severity::ERROR,
        b"F" | b"C" => Severity::FATAL,
        b"D" => Severity::DEBUG,
        b"T" | b"V" => Severity::TRACE,
        _ => {
            let end = word.iter().position(|b| matches!(b, b'+' | b'-')).unwrap_or(word.len());
            Severity::of_word(word.get(..end).unwrap_or_default())
        }
    }
}

/// A message template with the values it names (`Took {Elapsed:000} ms`); names without a value stay.
fn rendered<'a>(template: &'a [u8], attrs: &[(&[u8], &[u8])], arena: &'a Arena) -> &'a [u8] {
    let mut out = bumpalo::collections::Vec::with_capacity_in(template.len() + 32, arena);
    let mut rest = template;
    while let Some(open) = memchr::memchr(b'{', rest) {
        let (plain, hole) = rest.split_at(open);
        out.extend_from_slice(plain);
        let end = memchr::memchr(b'}', hole).map_or(hole.len(), |end| end + 1);
        let (hole, after) = hole.split_at(end);
        let name = hole.get(1..).unwrap_or_default();
        let name = name.strip_prefix(b"@").or(name.strip_prefix(b"$")).unwrap_or(name);
        let name = name.split(|b| matches!(b, b'}' | b':' | b',')).next().unwrap_or_default();
        match attrs.iter().find(|(key, _)| *key == name) {
            Some((_, value)) => out.extend_from_slice(value),
            None => out.extend_from_slice(hole),
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.into_bump_slice()
}

/// Where a stack trace begins in a message of several lines: the line end before it.
fn stack_in(message: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'\n', message).find(|at| {
        let line = message.get(at + 1..).unwrap_or_default();
        line.starts_with(b"\tat ")
            || line.starts_with(b"    at ")
            || line.starts_with(b"Traceback (most")
            || line.starts_with(b"goroutine ")
    })
}

/// The class that a stack's first line names: `java.sql.SQLException: …`, `TypeError: bad`.
fn type_of(stack: &[u8]) -> &[u8] {
    let (line, _) = text::first_line(stack);
    if line.starts_with(b"Traceback (most") {
        let last = stack.trim_ascii_end();
        let at = memchr::memrchr(b'\n', last).map_or(0, |n| n + 1);
        return type_of(last.get(at..).unwrap_or_default());
    }
    let end = line.iter().position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$'))).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let class =
        name.ends_with(b"Error") || name.ends_with(b"Exception") || name.ends_with(b"Throwable") || name.ends_with(b"Timeout");
    if class && (rest.is_empty() || rest.starts_with(b":")) { name } else { b"" }
}

/// Messages with which loggers announce a request.
fn begins(message: &[u8]) -> bool {
    const WORDS: [&[u8]; 7] = [
        b"incoming request",
        b"request started",
        b"request start",
        b"request received",
        b"request_started",
        b"request incoming",
        b"started request",
    ];
    WORDS.iter().any(|w| message.get(..w.len()).is_some_and(|head| head.eq_ignore_ascii_case(w)))
}
