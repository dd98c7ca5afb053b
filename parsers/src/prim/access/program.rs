//! A `log_format` text as a reader: literals and variables in turn.
//!
//! Source: nginx, "Module ngx_http_log_module", `log_format`; the variables' own pages. Apache's `LogFormat` directives are
//! translated to the same steps ("Module mod_log_config").

use super::{Attrs, Field, finish, is_method, named, set};
use crate::event::{Arena, Event};
use crate::prim::num;
use crate::reject::{Reason, Reject};

/// One variable and the literal text before it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    before: Vec<u8>,
    field: Field,
}

/// A compiled format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    steps: Vec<Step>,
    tail: Vec<u8>,
    /// The time is that of the request's arrival (Apache).
    pub stamp_is_start: bool,
}

impl Program {
    /// Compiles an nginx format: `$remote_addr - [$time_local] "$request" $status`. `None` without a variable that is known.
    pub fn nginx(format: &str) -> Option<Program> {
        let mut steps = Vec::new();
        let mut before = Vec::new();
        let mut rest = format.as_bytes();
        while let Some((byte, tail)) = rest.split_first() {
            if *byte != b'$' {
                before.push(*byte);
                rest = tail;
                continue;
            }
            let (name, after) = match tail.strip_prefix(b"{") {
                Some(inside) => {
                    let end = memchr::memchr(b'}', inside)?;
                    (inside.get(..end)?, inside.get(end + 1..)?)
                }
                None => tail.split_at(tail.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count()),
            };
            // In a format the variable is the user agent; only in `key=value` columns is `ua` an address.
            steps.push(Step { before: std::mem::take(&mut before), field: variable(name) });
            rest = after;
        }
        Program { steps, tail: before, stamp_is_start: false }.checked()
    }

    /// Compiles an Apache format: `%h %l %u %t "%r" %>s %b`. `None` without a directive that is known.
    pub fn apache(format: &str) -> Option<Program> {
        let mut steps: Vec<Step> = Vec::new();
        let mut before = Vec::new();
        let mut rest = format.as_bytes();
        while let Some((byte, tail)) = rest.split_first() {
            match (byte, tail.first()) {
                (b'\\', Some(b'"')) => {
                    before.push(b'"');
                    rest = tail.get(1..)?;
                }
                (b'%', Some(b'%')) => {
                    before.push(b'%');
                    rest = tail.get(1..)?;
                }
                (b'%', _) => {
                    let skip = tail.iter().take_while(|b| b.is_ascii_digit() || matches!(b, b'!' | b',' | b'<' | b'>')).count();
                    let tail = tail.get(skip..)?;
                    let (argument, tail) = match tail.strip_prefix(b"{") {
                        Some(inside) => {
                            let end = memchr::memchr(b'}', inside)?;
                            (inside.get(..end)?, inside.get(end + 1..)?)
                        }
                        None => (&b""[..], tail),
                    };
                    let (letter, tail) = tail.split_first()?;
                    let field = directive(*letter, argument);
                    if *letter == b't' && argument.is_empty() {
                        before.push(b'[');
                        steps.push(Step { before: std::mem::take(&mut before), field });
                        before.push(b']');
                    } else {
                        steps.push(Step { before: std::mem::take(&mut before), field });
                    }
                    rest = tail;
                }
                _ => {
                    before.push(*byte);
                    rest = tail;
                }
            }
        }
        Program { steps, tail: before, stamp_is_start: true }.checked()
    }

    fn checked(self) -> Option<Program> {
        let known = self
            .steps
            .iter()
            .filter(|s| matches!(s.field, Field::Request | Field::Path | Field::Status | Field::Client))
            .count();
        let apart = self.steps.iter().skip(1).all(|s| !s.before.is_empty());
        (known >= 1 && apart).then_some(self)
    }

    /// Does a line begin as the format does?
    pub fn starts(&self, line: &[u8]) -> bool {
        let mut event = Event::default();
        let arena = Arena::new();
        self.read(line, &arena, &mut event).is_ok()
    }

    /// Reads a line.
    pub fn read<'a>(&self, line: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let fail = |rest: &[u8]| Reject::new(Reason::BadField, line.len() - rest.len());
        let mut attrs = Attrs::with_capacity_in(16, arena);
        let mut rest = line;
        let mut steps = self.steps.iter().peekable();
        while let Some(step) = steps.next() {
            rest = rest.strip_prefix(step.before.as_slice()).ok_or(fail(rest))?;
            let until = steps.peek().map_or(self.tail.as_slice(), |next| next.before.as_slice());
            let end = end_of(rest, until, step).ok_or(fail(rest))?;
            let value = rest.get(..end).unwrap_or_default();
            if !plausible(step.field, value) {
                return Err(fail(rest));
            }
            set(step.field, value, event, &mut attrs);
            rest = rest.get(end..).unwrap_or_default();
        }
        event.stamp_is_start = self.stamp_is_start;
        finish(event, attrs, arena);
        Ok(())
    }
}

/// Where a value ends: at the literal behind it. In quotes a backslash hides a quote; outside, nginx's lists go on.
fn end_of(rest: &[u8], until: &[u8], step: &Step) -> Option<usize> {
    if until.is_empty() {
        return Some(rest.len());
    }
    let quoted = until.first() == Some(&b'"') && step.before.last() == Some(&b'"');
    let list =
        matches!(step.field, Field::Upstream | Field::ConnectSeconds | Field::Named(_) | Field::Forwarded | Field::Seconds);
    let mut from = 0;
    loop {
        let at = from + memchr::memmem::find(rest.get(from..)?, until)?;
        let before = rest.get(..at)?;
        let hidden = quoted && before.iter().rev().take_while(|b| **b == b'\\').count() % 2 == 1;
        let goes_on = list
            && until.first() == Some(&b' ')
            && (before.ends_with(b",") || before.ends_with(b" :") || rest.get(at + 1) == Some(&b':'));
        if !hidden && !goes_on {
            return Some(at);
        }
        from = at + 1;
    }
}

fn plausible(field: Field, value: &[u8]) -> bool {
    match field {
        Field::Status => value == b"-" || (value.len() == 3 && num::uint(value).is_some()),
        Field::Method => value.is_empty() || value == b"-" || is_method(value),
        Field::Time => crate::prim::time::any(value).is_some(),
        _ => true,
    }
}

fn variable(name: &[u8]) -> Field {
    match name {
        b"ua" | b"c" | b"id" | b"us" | b"cs" => Field::Skip,
        _ if name.starts_with(b"http_") && named(name) == Field::Skip => Field::Skip,
        _ => named(name),
    }
}

fn directive(letter: u8, argument: &[u8]) -> Field {
    let is = |name: &[u8]| argument.eq_ignore_ascii_case(name);
    match letter {
        b'h' | b'a' => Field::Client,
        b'u' => Field::User,
        b't' => Field::Time,
        b'r' => Field::Request,
        b's' => Field::Status,
        b'b' | b'B' | b'O' => Field::Bytes,
        b'D' => Field::Micros,
        b'T' if argument == b"ms" => Field::Millis,
        b'T' if argument == b"us" => Field::Micros,
        b'T' => Field::Seconds,
        b'm' => Field::Method,
        b'U' => Field::Path,
        b'q' => Field::Args,
        b'v' | b'V' => Field::Host,
        b'L' => Field::RequestId,
        b'P' => Field::Pid,
        b'i' if is(b"User-Agent") => Field::Agent,
        b'i' if is(b"X-Forwarded-For") => Field::Forwarded,
        b'i' if is(b"Host") => Field::Host,
        b'i' | b'o' | b'e' if is(b"X-Request-Id") || is(b"UNIQUE_ID") => Field::RequestId,
        _ => Field::Skip,
    }
}

/// The `log_format` texts of an nginx configuration, with their names: the quoted pieces of each directive joined.
pub fn formats_in_conf(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("log_format") {
        rest = after;
        let line = before.rsplit('\n').next().unwrap_or_default();
        if !after.starts_with(char::is_whitespace) || !line.trim().is_empty() {
            continue;
        }
        let Some((name, pieces)) = after.trim_start().split_once(char::is_whitespace) else { continue };
        let (joined, behind) = pieces_of(pieces);
        found.push((name.trim_matches(['"', '\'']).to_owned(), joined));
        rest = behind;
    }
    found
}

/// Quoted pieces up to the semicolon, joined, and what follows it.
fn pieces_of(text: &str) -> (String, &str) {
    let mut out = String::new();
    let mut quote: Option<char> = None;
    let mut hidden = false;
    let mut word = String::new();
    for (at, letter) in text.char_indices() {
        match quote {
            Some(open) if hidden => {
                if letter != open && letter != '\\' {
                    out.push(match letter {
                        'n' => '\n',
                        't' => '\t',
                        other => other,
                    });
                } else {
                    out.push(letter);
                }
                hidden = false;
            }
            Some(_) if letter == '\\' => hidden = true,
            Some(open) if letter == open => quote = None,
            Some(_) => out.push(letter),
            None if letter == '"' || letter == '\'' => quote = Some(letter),
            None if letter == ';' => return (if out.is_empty() { word } else { out }, text.get(at + 1..).unwrap_or_default()),
            None if letter.is_whitespace() => word.clear(),
            None => word.push(letter),
        }
    }
    (out, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(program: &Program, line: &str) -> String {
        let arena = Arena::new();
        let mut event = Event::default();
        let done = program.read(line.as_bytes(), &arena, &mut event);
        let shown: Vec<String> =
            event.fields().iter().filter(|(n, _)| !matches!(*n, "kind" | "message")).map(|(n, v)| format!("{n}={v}")).collect();
        format!("{} {}", shown.join(" "), done.is_ok())
    }

    #[test]
    fn nginx_formats_are_followed() {
        let conf = "http {\n  log_format up '$remote_addr [$time_local] \"$request\" '\n    '$status $request_time \"$upstream_addr\" ${upstream_connect_time}';\n}";
        let formats = formats_in_conf(conf);
        assert_eq!(formats.len(), 1);
        let (name, text) = &formats[0];
        assert_eq!(name, "up");
        let program = Program::nginx(text).unwrap();
        assert_eq!(
            fields(
                &program,
                "10.0.0.9 [20/Nov/2026:10:22:07 +0000] \"GET /a HTTP/1.1\" 502 1.001 \"10.0.0.4:80, 10.0.0.5:80\" 0.001, -"
            ),
            "time=2026-11-20T10:22:07Z client.address=10.0.0.9 server.address=10.0.0.5 server.port=80 http.request.method=GET \
             url.path=/a http.response.status_code=502 duration_ns=1001000000 connect_ns=1000000 true"
        );
        assert!(!program.starts(b"something else"));
    }

    #[test]
    fn apache_formats_are_followed() {
        let program =
            Program::apache("%v:%p %h %l %u %t \\\"%r\\\" %>s %O \\\"%{Referer}i\\\" \\\"%{User-Agent}i\\\" %D").unwrap();
        assert_eq!(
            fields(&program, "a:80 ::1 - - [20/Nov/2026:10:22:07 +0100] \"GET /\\\"q HTTP/1.1\" 200 5 \"-\" \"curl/8\" 1500"),
            "time=2026-11-20T09:22:07Z client.address=::1 http.request.method=GET url.path=/\\\"q http.response.status_code=200 \
             user_agent.original=curl/8 http.response.size=5 duration_ns=1500000 true"
        );
    }
}
