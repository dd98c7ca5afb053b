//! Statements, with and without their duration.

use crate::event::Event;
use crate::kind::Kind;
use crate::prim::{num, text};

/// `duration: 31.523 ms`, alone or with what ran: `  statement: …`, `  execute S_1: …`, `  plan:` and a plan.
pub(super) fn duration(event: &mut Event<'_>) -> bool {
    let Some(rest) = event.message.strip_prefix(b"duration: ") else { return false };
    let Some(blank) = memchr::memchr(b' ', rest) else { return false };
    let (number, rest) = rest.split_at(blank);
    let Some(rest) = rest.strip_prefix(b" ms") else { return false };
    let Some(nanos) = num::scaled(number, 6) else { return false };
    event.kind = Kind::Query;
    event.duration_ns = nanos;
    what(rest.strip_prefix(b"  ").unwrap_or(rest), event);
    true
}

/// `statement: …`
pub(super) fn statement(event: &mut Event<'_>) -> bool {
    if !event.message.starts_with(b"statement: ") {
        return false;
    }
    event.kind = Kind::Query;
    what(event.message, event);
    true
}

/// `execute S_1: …`, `execute fetch from S_1/C_2: …`
pub(super) fn execute(event: &mut Event<'_>) -> bool {
    if !event.message.starts_with(b"execute ") || memchr::memmem::find(event.message, b": ").is_none() {
        return false;
    }
    event.kind = Kind::Query;
    what(event.message, event);
    true
}

/// What ran, behind the duration.
fn what<'a>(rest: &'a [u8], event: &mut Event<'a>) {
    let (reason, rest): (&'static [u8], &[u8]) = match rest {
        [b's', b't', b'a', ..] => {
            if let Some(sql) = rest.strip_prefix(b"statement: ") {
                event.reason = b"statement";
                event.query = sql;
            }
            return;
        }
        [b'e', ..] if rest.starts_with(b"execute fetch from ") => (b"fetch", rest.get(19..).unwrap_or_default()),
        [b'e', ..] if rest.starts_with(b"execute ") => (b"execute", rest.get(8..).unwrap_or_default()),
        [b'p', ..] if rest.starts_with(b"parse ") => (b"parse", rest.get(6..).unwrap_or_default()),
        [b'b', ..] if rest.starts_with(b"bind ") => (b"bind", rest.get(5..).unwrap_or_default()),
        [b'p', ..] if rest.starts_with(b"plan:") => return plan(rest, event),
        [b'f', ..] if rest.starts_with(b"fastpath function call: ") => {
            event.reason = b"fastpath";
            event.subject = rest.get(24..).unwrap_or_default();
            return;
        }
        _ => return,
    };
    event.reason = reason;
    // The name may hold colons (`py:0x7f…`), but no blank behind one.
    let mut colons = memchr::memchr_iter(b':', rest);
    let Some(colon) = colons.find(|at| rest.get(at + 1) == Some(&b' ')) else { return };
    let name = rest.get(..colon).unwrap_or_default();
    event.query = rest.get(colon + 2..).unwrap_or_default();
    if !name.starts_with(b"<unnamed>") {
        event.subject = name;
    }
}

/// auto_explain's: the statement stands in front of its plan, `Query Text: …`, or in it as JSON, YAML or XML.
#[cold]
fn plan<'a>(rest: &'a [u8], event: &mut Event<'a>) {
    event.reason = b"plan";
    if let Some(body) = text::after(rest, b"Query Text: ") {
        // The plan's first line is a node with its costs.
        let node = memchr::memmem::find(body, b"  (cost=").or_else(|| memchr::memmem::find(body, b"  (actual"));
        let head = body.get(..node.unwrap_or(body.len())).unwrap_or_default();
        let end = if node.is_some() { memchr::memrchr(b'\n', head).unwrap_or(head.len()) } else { head.len() };
        let parameters = memchr::memmem::find(head, b"\nQuery Parameters: ").unwrap_or(end);
        event.query = head.get(..end.min(parameters)).unwrap_or_default().trim_ascii();
    } else if let Some(body) = text::after(rest, b"\"Query Text\": \"") {
        let end = memchr::memchr_iter(b'"', body).find(|at| *at == 0 || body.get(at - 1) != Some(&b'\\'));
        event.query = body.get(..end.unwrap_or(body.len())).unwrap_or_default();
    } else if let Some(body) = text::between(rest, b"<Query-Text>", b"</Query-Text>") {
        event.query = body;
    }
}

/// What `duration: %s ms` begins with in other languages.
const DURATION: [&str; 11] = [
    "Dauer: ",
    "durée : ",
    "durée\u{a0}: ",
    "duración: ",
    "duração: ",
    "durata: ",
    "varaktighet: ",
    "продолжительность: ",
    "тривалість: ",
    "期間: ",
    "执行时间: ",
];

/// A duration line of a server that speaks another language: the number, its unit, a word, a colon, the statement.
#[cold]
pub(super) fn translated(event: &mut Event<'_>) -> bool {
    let Some(rest) = DURATION.iter().find_map(|start| event.message.strip_prefix(start.as_bytes())) else { return false };
    let number = text::word(rest);
    let Some(nanos) = num::scaled(number, 6) else { return false };
    event.kind = Kind::Query;
    event.duration_ns = nanos;
    let behind = rest.get(number.len()..).unwrap_or_default();
    if let Some(sql) = text::after(behind, b": ") {
        event.query = sql;
        event.reason = b"statement";
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> (String, String, String, i64) {
        let mut event = Event { message: message.as_bytes(), ..Event::default() };
        assert!(duration(&mut event) || statement(&mut event) || execute(&mut event) || translated(&mut event), "{message}");
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        (text(event.reason), text(event.subject), text(event.query), event.duration_ns)
    }

    #[test]
    fn statements_of_every_protocol_step() {
        for (message, reason, subject, query, nanos) in [
            ("duration: 0.220 ms", "", "", "", 220_000),
            ("duration: 1.000 ms  parse S_1/C_2: select 1", "parse", "S_1/C_2", "select 1", 1_000_000),
            ("duration: 2 ms  bind <unnamed>: select 1", "bind", "", "select 1", 2_000_000),
            ("execute py:0x7f: select ': '", "execute", "py:0x7f", "select ': '", -1),
            ("execute fetch from S_1/C_2: select 1", "fetch", "S_1/C_2", "select 1", -1),
            ("statement: ", "statement", "", "", -1),
            (
                "duration: 1.108 ms  plan:\nQuery Text: select 1,\n  2\nResult  (cost=0.00..0.01 rows=1)",
                "plan",
                "",
                "select 1,\n  2",
                1_108_000,
            ),
            ("duration: 1.108 ms  plan:\n{\n  \"Query Text\": \"select 1\",\n", "plan", "", "select 1", 1_108_000),
            ("Dauer: 3.5 ms  Anweisung: select 1", "statement", "", "select 1", 3_500_000),
        ] {
            assert_eq!(read(message), (reason.into(), subject.into(), query.into(), nanos), "{message}");
        }
    }
}
