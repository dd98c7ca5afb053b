//! Requests in plain messages: what stands around `METHOD /path` decides whether the line is one.

use super::{client, fill, is_method, note, path_of, status};
use crate::event::Event;
use crate::kind::Kind;
use crate::prim::{named, num};

/// A method and its target inside a message.
struct Hit<'a> {
    method: &'a [u8],
    target: &'a [u8],
    before: &'a [u8],
    after: &'a [u8],
}

/// What the words around a request say.
#[derive(Default)]
struct Told {
    start: bool,
    end: bool,
    /// A status or a duration.
    figures: bool,
    /// A word that no access line has: the request is only mentioned.
    stranger: bool,
}

pub(super) fn recognise(event: &mut Event<'_>) -> bool {
    let message = crate::prim::text::first_line(event.message).0;
    let Some(hit) = find(message) else { return nameless(event, message) };
    let mut probe = *event;
    let mut told = Told::default();
    words(&mut probe, hit.before, &mut told);
    if !told.stranger {
        words(&mut probe, hit.after, &mut told);
    }
    let kind = if told.stranger && !(told.figures && words_are_clean(hit.before)) {
        Kind::Log
    } else if told.start && probe.status == 0 {
        Kind::RequestStart
    } else if told.end || told.figures {
        Kind::RequestEnd
    } else if event.stack.is_empty() {
        Kind::RequestStart
    } else {
        Kind::Log
    };
    let path = path_of(hit.target);
    if kind == Kind::Log {
        fill(&mut event.method, hit.method);
        fill(&mut event.path, path);
        return false;
    }
    *event = probe;
    event.kind = kind;
    fill(&mut event.method, hit.method);
    fill(&mut event.path, path);
    true
}

/// Ends of requests that do not name them: Rails' and Spring's `Completed 200 OK in 12ms`, Phoenix's `Sent 200 in 12ms`,
/// ASP.NET's old `Request finished in 12.5ms 200`, tower-http's `finished processing request latency=1 ms status=200`.
fn nameless<'a>(event: &mut Event<'a>, message: &'a [u8]) -> bool {
    let status_text = |rest: &&[u8]| rest.get(3).is_none() || rest.get(4).is_some_and(u8::is_ascii_uppercase);
    let completed = message.strip_prefix(b"Completed ").filter(|rest| status_text(rest) || rest.get(3..7) == Some(b" in "));
    let rest = completed.or_else(|| message.strip_prefix(b"Sent ").filter(|rest| rest.get(3..7) == Some(b" in ")));
    let finished = || message.strip_prefix(b"Request finished in ");
    let tower = || {
        let at = memchr::memmem::find(message, b"processing request")?;
        Some((message.get(..at)?, message.get(at + 18..)?))
    };
    let mut told = Told::default();
    if let Some(rest) = rest.filter(|rest| rest.get(..3).and_then(status).is_some()) {
        words(event, rest, &mut told);
        event.kind = Kind::RequestEnd;
    } else if let Some(rest) = finished() {
        words(event, rest, &mut told);
        event.kind = Kind::RequestEnd;
    } else if let Some((before, after)) = tower() {
        let before = before.trim_ascii_end();
        event.kind = match before.rsplit(|b| *b == b' ').next() {
            Some(b"started") => Kind::RequestStart,
            Some(b"finished") => Kind::RequestEnd,
            _ => return false,
        };
        fill(&mut event.method, named::value(before, &["method"]).unwrap_or_default());
        fill(&mut event.path, path_of(named::value(before, &["uri"]).unwrap_or_default()));
        words(event, after, &mut told);
    }
    event.kind != Kind::Log
}

/// The first method that is followed by a path or a URL, possibly through a quote or a column's bar.
fn find(message: &[u8]) -> Option<Hit<'_>> {
    memchr::memchr_iter(b'/', message).find_map(|slash| {
        let head = message.get(..slash)?;
        let (from, head) = match head.strip_suffix(b"https:").or_else(|| head.strip_suffix(b"http:")) {
            Some(shorter) => (shorter.len(), shorter),
            None => (slash, head),
        };
        let gap = head.iter().rev().take_while(|b| matches!(b, b' ' | b'"' | b'\'' | b'|')).count();
        let head = head.get(..head.len() - gap).filter(|_| gap > 0)?;
        let width = head.iter().rev().take(8).take_while(|b| b.is_ascii_uppercase()).count();
        let (before, method) = head.split_at(head.len() - width);
        if !is_method(method) || before.last().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
            return None;
        }
        let target = message.get(from..)?;
        let end = target.iter().position(|b| matches!(b, b' ' | b'\t' | b'"' | b'\'' | b'|' | b'`')).unwrap_or(target.len());
        let (target, after) = target.split_at(end);
        let cut = target.iter().rev().take_while(|b| matches!(b, b',' | b';' | b':' | b')' | b']' | b'.')).count();
        // A colon behind the path opens a sentence about the request.
        let sentence = target.get(target.len() - cut..).is_some_and(|t| t.contains(&b':'));
        let after = if sentence { target.get(target.len() - 1..)? } else { after };
        Some(Hit { method, target: target.get(..target.len() - cut)?, before, after })
    })
}

fn words_are_clean(text: &[u8]) -> bool {
    let mut told = Told::default();
    words(&mut Event::default(), text, &mut told);
    !told.stranger
}

/// Reads the words around a request. Once a figure has been seen, strange words do not count any more: access lines end
/// in anything.
fn words<'a>(event: &mut Event<'a>, text: &'a [u8], told: &mut Told) {
    if text.first() == Some(&b':') {
        told.stranger = true;
        return;
    }
    for (name, value) in named::values(text) {
        told.figures |= note(event, name, value);
    }
    let mut all = text.split(|b| matches!(b, b' ' | b'\t' | b'|')).filter(|w| !w.is_empty()).peekable();
    let mut bracket = false;
    let mut budget = 24;
    while let Some(raw) = all.next() {
        budget -= 1;
        if budget == 0 {
            return;
        }
        if bracket || raw.first() == Some(&b'[') {
            bracket = !raw.ends_with(b"]") && !raw.ends_with(b"]:");
            continue;
        }
        let word = trim(raw);
        let next_unit = all
            .peek()
            .map(|next| trim(next))
            .filter(|next| matches!(*next, b"ms" | b"s" | b"us" | b"milliseconds" | b"seconds"));
        let figure = word.rsplit(|b| *b == b'=').next().unwrap_or(word);
        if let Some(unit) = next_unit.filter(|_| figure.first().is_some_and(u8::is_ascii_digit)) {
            let places = if unit.starts_with(b"s") {
                9
            } else if unit == b"us" {
                3
            } else {
                6
            };
            lasted(event, told, num::scaled(figure, places));
            all.next();
        } else if let Some(code) = status(word) {
            if event.status == 0 {
                event.status = code;
            }
            told.figures = true;
        } else if let Some(nanos) = num::duration(word) {
            lasted(event, told, Some(nanos));
        } else {
            meaning(event, word, told);
            if told.stranger && !told.figures {
                return;
            }
        }
    }
}

fn lasted(event: &mut Event<'_>, told: &mut Told, nanos: Option<i64>) {
    if let Some(nanos) = nanos {
        if event.duration_ns < 0 {
            event.duration_ns = nanos;
        }
        told.figures = true;
    }
}

fn meaning<'a>(event: &mut Event<'a>, word: &'a [u8], told: &mut Told) {
    let mut lower = [0u8; 16];
    let folded = match lower.get_mut(..word.len()) {
        Some(slot) => {
            slot.copy_from_slice(word);
            slot.make_ascii_lowercase();
            &*slot
        }
        // No word of an access line is that long.
        None => &b"\0"[..],
    };
    match folded {
        b"started" | b"starting" | b"start" | b"begin" | b"beginning" | b"incoming" | b"received" | b"receiving"
        | b"processing" | b"handling" | b"serving" | b"accepted" | b"inbound" | b"-->" | b"=>>" | b"\xe2\x86\x92" | b">>"
        | b">>>" | b"--->" => {
            told.start = !told.end;
        }
        b"completed" | b"finished" | b"handled" | b"served" | b"done" | b"responded" | b"response" | b"processed"
        | b"ended" | b"sent" | b"answered" | b"returned" | b"took" | b"<--" | b"<<" | b"<<<" | b"\xe2\x86\x90" | b"<---" => {
            told.end = true
        }
        b"" | b"-" | b"--" | b"->" | b"=>" | b"in" | b"with" | b"status" | b"code" | b"request" | b"http" | b"req" | b"api"
        | b"the" | b"a" | b"after" | b"for" | b"from" | b"at" | b"by" | b"to" | b"ok" | b"created" | b"accepted."
        | b"found" | b"not" | b"no" | b"content" | b"internal" | b"server" | b"error" | b"bad" | b"gateway"
        | b"unauthorized" | b"forbidden" | b"timeout" | b"time" | b"duration" | b"bytes" | b"access" | b"https" | b"method"
        | b"path" | b"client" | b"as" | b"html" | b"json" => {
            // Words of a status text speak about an error where no status stands before them.
            told.stranger |= matches!(folded, b"error" | b"timeout" | b"not" | b"no" | b"bad") && !told.figures;
        }
        _ if folded.starts_with(b"http/") => {}
        _ if word.iter().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b':' | b'-' | b'/' | b'+')) => {
            client(event, word);
        }
        _ if client(event, word) => {}
        _ if memchr::memchr(b'=', word).is_some_and(|at| at > 0) => {}
        _ if num::digits(word) > 0 && (word.ends_with(b"B") || word.ends_with(b"b")) => {}
        // A media type, a protocol.
        _ if memchr::memchr(b'/', word).is_some_and(|at| at > 0) => {}
        _ => told.stranger = true,
    }
}

/// A word without quotes, brackets and marks around it.
fn trim(word: &[u8]) -> &[u8] {
    let marks = |b: &u8| matches!(b, b'"' | b'\'' | b'(' | b')' | b',' | b';' | b'`' | b']' | b'}' | b'{');
    let from = word.iter().position(|b| !marks(b)).unwrap_or(word.len());
    let word = word.get(from..).unwrap_or_default();
    let to = word.iter().rposition(|b| !marks(b)).map_or(0, |at| at + 1);
    let word = word.get(..to).unwrap_or_default();
    word.strip_suffix(b":").unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        let mut event = Event { message: line.as_bytes(), ..Event::default() };
        recognise(&mut event);
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        let millis = if event.duration_ns < 0 { String::new() } else { format!("{}us", event.duration_ns / 1000) };
        format!(
            "{} {} {} {} {millis} {}",
            event.kind.name(),
            text(event.method),
            text(event.path),
            event.status,
            text(event.client)
        )
    }

    #[test]
    fn lines_of_frameworks_are_read() {
        for (line, want) in [
            ("\"GET /a?x=1 HTTP/1.1\" 200 OK", "request.end GET /a?x=1 200  "),
            ("127.0.0.1:37438 - \"GET /a HTTP/1.1\" 500 Internal Server Error", "request.end GET /a 500  127.0.0.1"),
            ("GET /a 200 3.4 ms - 12", "request.end GET /a 200 3400us "),
            (
                "[web1/abc-000001] \"GET http://shop.example.com/a HTTP/1.1\" from 192.0.2.7:4411 - 200 12B in 1.25ms",
                "request.end GET /a 200 1250us 192.0.2.7",
            ),
            ("HTTP GET /a responded 200 in 12.5000 ms", "request.end GET /a 200 12500us "),
            ("Request starting HTTP/1.1 GET http://shop.example.com/a application/json 12", "request.start GET /a 0  "),
            ("Request finished in 12.5ms 200 text/html", "request.end   200 12500us "),
            ("Sent 302 in 7ms", "request.end   302 7000us "),
            ("10:15:20 | 200 |      12ms |       192.0.2.7 | GET     | /a", "request.end GET /a 200 12000us 192.0.2.7"),
            ("192.0.2.7 - - [20/Nov/2026 10:32:23] \"GET /a HTTP/1.1\" 200 -", "request.end GET /a 200  192.0.2.7"),
            ("finished GET /a status=404 duration_ms=3", "request.end GET /a 404 3000us "),
            ("GET \"/a\", parameters={}", "request.start GET /a 0  "),
            ("Completed 200 OK", "request.end   200  "),
            ("--> GET /a rid=9f8e7d6c5b4a39281706f5e4d3c2b1a0 client=192.0.2.7", "request.start GET /a 0  192.0.2.7"),
            ("--> GET /a client=2001:db8:85a3::8a2e:370:7334", "request.start GET /a 0  2001:db8:85a3::8a2e:370:7334"),
            (
                "request{method=GET uri=/a version=HTTP/1.1}: finished processing request latency=1 ms status=200",
                "request.end GET /a 200 1000us ",
            ),
        ] {
            assert_eq!(shown(line), want, "{line}");
        }
    }

    #[test]
    fn mentions_are_no_requests() {
        for (line, want) in [
            ("POST /api/checkout rejected with 409", "log POST /api/checkout 0  "),
            ("database error on GET /hotels/88: closed", "log GET /hotels/88 0  "),
            ("retrying POST /pay in 200ms", "log POST /pay 0  "),
            ("GET /a: context deadline exceeded", "log GET /a 0  "),
            ("error while handling GET /a 500", "log GET /a 0  "),
            ("FORGET /a 200", "log   0  "),
            ("Completed 5 of 7 tasks in 200ms", "log   0  "),
            ("Sent 200 mails", "log   0  "),
        ] {
            assert_eq!(shown(line), want, "{line}");
        }
    }
}
