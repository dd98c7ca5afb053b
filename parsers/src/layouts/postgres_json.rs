//! PostgreSQL's jsonlog (15 and later), and the same record as CloudNativePG's instance manager writes it: csvlog's column
//! names as keys, inside an object of its own. Source: PostgreSQL manual, "Using JSON-Format Log Output";
//! CloudNativePG manual, "Logging".
//!
//! ```text
//! {"timestamp":"2026-11-20 09:49:59.175 UTC","user":"app","dbname":"shop","pid":24642,…,"error_severity":"ERROR",…}
//! {"level":"info","ts":"…","logger":"postgres","msg":"record","logging_pod":"db-1","record":{"log_time":"…",…}}
//! ```

use super::postgres_stderr::severity;
use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::{net, num, pg, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use bumpalo::collections::Vec as ArenaVec;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "postgres_json",
    about: "PostgreSQL's jsonlog (15 and later), also inside CloudNativePG's records",
    spec: "https://www.postgresql.org/docs/current/runtime-config-logging.html#RUNTIME-CONFIG-LOGGING-JSONLOG",
    weight: 94,
    infer: |sample: &Sample<'_>| {
        let line = sample.find(|line| starts(line).then_some(line))?;
        let inside = memchr::memmem::find(line, b"\"record\"").is_some_and(|_| !line.starts_with(b"{\"timestamp\""));
        let reason = if inside { "CloudNativePG's records of PostgreSQL" } else { "objects with an error_severity" };
        Some(Inferred { layout: Box::new(PostgresJson), reason: reason.into() })
    },
    examples: &[
        Example {
            line: r#"{"timestamp":"2026-03-02 08:15:03.001 UTC","user":"cart","dbname":"store","pid":4711,"remote_host":"10.1.0.7","remote_port":40312,"session_id":"69a53a37.1267","line_num":4,"error_severity":"ERROR","state_code":"22012","message":"division by \"zero\"","statement":"select 1\n/ 0","application_name":"web","backend_type":"client backend","query_id":0}"#,
            shows: &[
                ("time", "2026-03-02T08:15:03.001Z"),
                ("severity", "ERROR"),
                ("process.pid", "4711"),
                ("conn.id", "69a53a37.1267"),
                ("client.address", "10.1.0.7"),
                ("client.port", "40312"),
                ("db.user", "cart"),
                ("db.query.text", "select 1\n/ 0"),
                ("db.response.status_code", "22012"),
                ("message", "division by \"zero\""),
            ],
        },
        Example {
            line: r#"{"level":"info","ts":"2026-03-02T08:15:03Z","logger":"postgres","msg":"record","logging_pod":"db-2","record":{"log_time":"2026-03-02 08:15:03.001 UTC","user_name":"cart","database_name":"store","process_id":"4711","connection_from":"10.1.0.7:40312","session_id":"69a53a37.1267","error_severity":"LOG","sql_state_code":"00000","message":"disconnection: session time: 0:00:03.001 user=cart database=store host=10.1.0.7 port=40312","backend_type":"client backend"}}"#,
            shows: &[
                ("host.name", "db-2"),
                ("kind", "db.connection.close"),
                ("process.pid", "4711"),
                ("client.port", "40312"),
                ("duration_ns", "3001000000"),
            ],
        },
    ],
};

struct PostgresJson;

/// Native records begin with their time; in a wrapper the severity's key is what nobody else writes.
fn starts(line: &[u8]) -> bool {
    let Some(body) = line.strip_prefix(b"{") else { return false };
    match body.strip_prefix(b"\"timestamp\":\"") {
        Some(rest) => pg::time_width(rest).is_some() && memchr::memmem::find(rest, b"\"error_severity\":\"").is_some(),
        None => memchr::memmem::find(body, b"\"error_severity\"").is_some(),
    }
}

impl Layout for PostgresJson {
    fn line(&self, line: &[u8]) -> Line {
        if starts(line) { Line::Start } else { Line::Foreign }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let mut reader = Reader { text: record, at: 0, arena, attrs: ArenaVec::new_in(arena), depth: 0 };
        reader.object(event).map_err(|reason| Reject::new(reason, reader.at))?;
        if event.severity == Severity::NONE {
            return Err(Reject::new(Reason::BadField, 0));
        }
        event.attrs = reader.attrs.into_bump_slice();
        event.kind = Kind::DbActivity;
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Only("postgres_server")
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    arena: &'a Arena,
    attrs: ArenaVec<'a, (&'a [u8], &'a [u8])>,
    depth: u8,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> u8 {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn take(&mut self, byte: u8) -> Result<(), Reason> {
        match self.peek() {
            found if found == byte => self.at += 1,
            0 => return Err(Reason::Truncated),
            _ => return Err(Reason::BadField),
        }
        Ok(())
    }

    fn object(&mut self, event: &mut Event<'a>) -> Result<(), Reason> {
        self.take(b'{')?;
        loop {
            match self.peek() {
                b'"' => {}
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                b',' => {
                    self.at += 1;
                    continue;
                }
                0 => return Err(Reason::Truncated),
                _ => return Err(Reason::BadField),
            }
            let key = self.string()?;
            self.take(b':')?;
            match self.peek() {
                b'"' => {
                    let value = self.string()?;
                    self.put(key, value, event)?;
                }
                b'{' if key == b"record" && self.depth == 0 => {
                    self.depth = 1;
                    self.object(event)?;
                    self.depth = 0;
                }
                b'{' | b'[' => self.skip()?,
                _ => {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    let width = memchr::memchr3(b',', b'}', b'\n', rest).ok_or(Reason::Truncated)?;
                    let value = rest.get(..width).unwrap_or_default().trim_ascii();
                    self.at += width;
                    if value != b"null" {
                        self.put(key, value, event)?;
                    }
                }
            }
        }
    }

    /// Passes over an object or array that holds nothing of PostgreSQL's.
    fn skip(&mut self) -> Result<(), Reason> {
        let mut depth = 0;
        loop {
            match self.peek() {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                0 => return Err(Reason::Truncated),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// A string, unescaped into the arena where it holds escapes.
    fn string(&mut self) -> Result<&'a [u8], Reason> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            let rest = self.text.get(self.at..).ok_or(Reason::Truncated)?;
            self.at += memchr::memchr2(b'"', b'\\', rest).ok_or(Reason::Truncated)?;
            if self.text.get(self.at) == Some(&b'"') {
                break;
            }
            escaped = true;
            self.at += 2;
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        Ok(if escaped { unescape(raw, self.arena) } else { raw })
    }

    fn put(&mut self, key: &'a [u8], value: &'a [u8], event: &mut Event<'a>) -> Result<(), Reason> {
        match key {
            b"timestamp" | b"log_time" => event.stamp = pg::time(value).ok_or(Reason::BadTime)?.0,
            b"ts" if self.depth == 0 && !event.stamp.is_some() => {
                event.stamp = time::any(value).map_or(event.stamp, |(stamp, _)| stamp);
            }
            b"user" | b"user_name" => event.db_user = value,
            b"dbname" | b"database_name" => event.db_name = value,
            b"pid" | b"process_id" => event.pid = num::uint32(value).unwrap_or(0),
            b"remote_host" => event.client = value,
            b"remote_port" => event.client_port = num::uint16(value).unwrap_or(0),
            b"connection_from" => (event.client, event.client_port) = net::host_port(value),
            b"session_id" => event.conn = value,
            b"error_severity" => event.severity = severity(value),
            b"state_code" | b"sql_state_code" if value != b"00000" => event.sqlstate = value,
            b"message" => event.message = value,
            b"statement" | b"query" => event.query = value,
            b"application_name" if value != b"[unknown]" => event.app_name = value,
            b"func_name" => event.function = value,
            b"file_name" => event.file = value,
            b"file_line_num" => event.line = num::uint32(value).unwrap_or(0),
            b"backtrace" => event.stack = value,
            b"logging_pod" if event.host.is_empty() => event.host = value,
            b"detail" | b"hint" | b"internal_query" | b"context" | b"location" if !value.is_empty() => {
                self.attrs.push((key, value));
            }
            _ => {}
        }
        Ok(())
    }
}

fn unescape<'a>(raw: &[u8], arena: &'a Arena) -> &'a [u8] {
    let mut out = ArenaVec::with_capacity_in(raw.len(), arena);
    let mut rest = raw;
    while let Some(slash) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(rest.get(..slash).unwrap_or_default());
        let width = match rest.get(slash + 1) {
            Some(b'n') => (out.push(b'\n'), 2).1,
            Some(b't') => (out.push(b'\t'), 2).1,
            Some(b'r') => (out.push(b'\r'), 2).1,
            Some(b'b') => (out.push(8), 2).1,
            Some(b'f') => (out.push(12), 2).1,
            Some(b'u') => unicode(rest.get(slash..).unwrap_or_default(), &mut out),
            Some(other) => (out.push(*other), 2).1,
            None => 1,
        };
        rest = rest.get(slash + width..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out.into_bump_slice()
}

/// Writes the character of `\u00e9` (or of a surrogate pair) at the start of `text`; gives the width taken.
fn unicode(text: &[u8], out: &mut ArenaVec<'_, u8>) -> usize {
    let unit = |at: usize| {
        let hex = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        hex.iter().try_fold(0u32, |value, byte| Some(value * 16 + char::from(*byte).to_digit(16)?))
    };
    let Some(first) = unit(0) else { return 2 };
    let pair = unit(6).filter(|low| (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(low));
    let (code, width) = match pair {
        Some(low) => (0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00), 12),
        None => (first, 6),
    };
    let mut bytes = [0; 4];
    out.extend_from_slice(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER).encode_utf8(&mut bytes).as_bytes());
    width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone() {
        let arena = Arena::new();
        assert_eq!(unescape(br#"a\n\"b\" \u00e9 \ud83d\ude00 \/"#, &arena), "a\n\"b\" é 😀 /".as_bytes());
    }

    #[test]
    fn cut_records_are_rejected() {
        let arena = Arena::new();
        let cut =
            PostgresJson.parse(br#"{"timestamp":"2026-03-02 08:15:03.001 UTC","error_sev"#, &arena, &mut Event::default());
        assert_eq!(cut.unwrap_err().reason, Reason::Truncated);
    }
}
