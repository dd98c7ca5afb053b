//! One session or request: everything from the client to the request line.

use crate::event::{Event, Gauge};
use crate::kind::Kind;
use crate::prim::{net, num, text, time};
use crate::reject::{Reason, Reject};

/// Reads a line whose date's bracket stands at `bracket`.
pub(super) fn read<'a>(line: &'a [u8], bracket: usize, event: &mut Event<'a>) -> Result<(), Reject> {
    let cut = |at| Reject::new(Reason::Truncated, at);
    let before = line.get(..bracket).unwrap_or_default().trim_ascii_end();
    let client = before.get(before.iter().rposition(|b| *b == b' ').map_or(0, |s| s + 1)..).unwrap_or_default();
    let (address, port) = net::host_port(client);
    event.client = if address == b"-" { b"" } else { address };
    event.client_port = port;
    let date = line.get(bracket + 1..).unwrap_or_default();
    let (stamp, taken) = time::clf(date).ok_or(Reject::new(Reason::BadTime, bracket + 1))?;
    event.stamp = stamp;
    event.stamp_is_start = true;
    let rest = date.get(taken + 1..).ok_or(cut(line.len()))?.trim_ascii_start();
    let mut words = Words { rest };
    let front = words.next().ok_or(cut(line.len()))?;
    let backend = words.next().ok_or(cut(line.len()))?;
    let (Some(slash), Some(timers)) = (text::find(backend, b'/'), words.next().filter(|w| is_timers(w))) else {
        return error(front, rest, event, cut(line.len()));
    };
    event.frontend = front.strip_suffix(b"~").unwrap_or(front);
    event.backend = backend.get(..slash).unwrap_or_default();
    event.server = backend.get(slash + 1..).filter(|s| *s != b"<NOSRV>").unwrap_or_default();
    let http = read_timers(timers, event);
    event.kind = if http { Kind::LbRequest } else { Kind::LbSession };
    event.message = rest;
    if http {
        let status = words.next().ok_or(cut(line.len()))?;
        // −1 where no status was sent.
        let number = num::int(status).ok_or(Reject::new(Reason::BadField, line.len() - words.rest.len()))?;
        event.status = u16::try_from(number).unwrap_or(0);
    }
    event.bytes_out = words.next().and_then(num::int).unwrap_or(-1);
    if http {
        // Captured cookies; a cookie's value may not hold a blank.
        let _ = (words.next(), words.next());
    }
    event.reason = words.next().unwrap_or_default();
    let (counts, queues) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    gauge(counts, queues, event);
    let request = match words.rest.first() {
        Some(b'{') => captured(words.rest, event),
        _ => words.rest,
    };
    read_request(request, event);
    Ok(())
}

struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let (word, rest) = match text::find(self.rest, b' ') {
            Some(end) => (self.rest.get(..end)?, self.rest.get(end + 1..)?),
            None => (self.rest, &b""[..]),
        };
        self.rest = rest;
        Some(word)
    }
}

fn is_timers(word: &[u8]) -> bool {
    word.contains(&b'/') && word.iter().all(|b| b.is_ascii_digit() || matches!(b, b'/' | b'-' | b'+'))
}

/// `TR/Tw/Tc/Tr/Ta` of a request or `Tw/Tc/Tt` of a session; true for a request.
fn read_timers(word: &[u8], event: &mut Event<'_>) -> bool {
    let mut times = [-1i64; 6];
    let mut count = 0;
    for part in word.split(|b| *b == b'/') {
        if let Some(slot) = times.get_mut(count) {
            *slot = num::int(part).filter(|ms| *ms >= 0).map_or(-1, |ms| ms.saturating_mul(1_000_000));
            count += 1;
        }
    }
    let (wait, connect, total) = match (count, times) {
        (3, [wait, connect, total, ..]) => (wait, connect, total),
        (4.., [_, wait, connect, ..]) => (wait, connect, times.get(count - 1).copied().unwrap_or(-1)),
        _ => (-1, -1, -1),
    };
    event.wait_ns = wait;
    event.connect_ns = connect;
    event.duration_ns = total;
    count > 3
}

/// `actconn/feconn/beconn/srvconn/retries` and `srvqueue/backendqueue`.
fn gauge(counts: &[u8], queues: &[u8], event: &mut Event<'_>) {
    let number = |text: &[u8]| num::uint(text).and_then(|n| i32::try_from(n).ok());
    let mut counts = counts.split(|b| *b == b'/').map(number);
    let (Some(Some(total)), Some(Some(_)), Some(Some(active))) = (counts.next(), counts.next(), counts.next()) else { return };
    let mut queues = queues.split(|b| *b == b'/').map(number);
    let waiting = match (queues.next(), queues.next()) {
        (Some(Some(server)), Some(Some(backend))) => server.saturating_add(backend),
        _ => -1,
    };
    event.gauge = Gauge { total, active, waiting, ..Gauge::NONE };
}

/// The blocks of captured headers at the start of `text`; gives what follows them. An address among the request's headers
/// is the client behind another proxy.
fn captured<'a>(text: &'a [u8], event: &mut Event<'a>) -> &'a [u8] {
    let mut rest = text;
    let mut first = true;
    while let Some(inside) = rest.strip_prefix(b"{") {
        // Values are escaped, but blanks and quotes of old versions are not: the block ends at `} {`, `} "` or the end.
        let close = memchr::memchr_iter(b'}', inside)
            .find(|at| matches!(inside.get(at + 1..), Some([] | [b' ', b'"' | b'{', ..])) || inside.get(at + 1) == Some(&b' '));
        let Some(close) = close else { break };
        if first {
            headers(inside.get(..close).unwrap_or_default(), event);
        }
        first = false;
        rest = inside.get(close + 1..).unwrap_or_default().trim_ascii_start();
    }
    rest
}

fn headers<'a>(block: &'a [u8], event: &mut Event<'a>) {
    let mut rest = Some(block);
    while let Some(block) = rest {
        let (header, tail) = match text::find(block, b'|') {
            Some(bar) => (block.get(..bar).unwrap_or_default(), block.get(bar + 1..)),
            None => (block, None),
        };
        rest = tail;
        let numeric = header.first().is_some_and(|b| b.is_ascii_hexdigit() || *b == b':');
        let first = if numeric { text::word(header) } else { b"" };
        if net::is_address(first) {
            event.client = first;
        } else if is_agent(header) && event.user_agent.is_empty() {
            event.user_agent = header;
        }
    }
}

/// `Mozilla/5.0 …`, `curl/8.5.0`: a product and a version.
fn is_agent(header: &[u8]) -> bool {
    let name = header.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')).count();
    name > 1
        && header.first().is_some_and(u8::is_ascii_alphabetic)
        && matches!(header.get(name..), Some([b'/', digit, ..]) if digit.is_ascii_digit())
}

/// `"GET /cart HTTP/1.1"` and whatever a longer format put behind it; the closing quote is missing where the line was cut.
fn read_request<'a>(text: &'a [u8], event: &mut Event<'a>) {
    let Some(open) = text::find(text, b'"') else { return };
    let inside = text.get(open + 1..).unwrap_or_default();
    let end = memchr::memchr(b'"', inside).unwrap_or(inside.len());
    let request = inside.get(..end).unwrap_or_default();
    event.message = request;
    if request == b"<BADREQ>" {
        return;
    }
    if let Some(space) = text::find(request, b' ') {
        event.method = request.get(..space).unwrap_or_default();
        let target = request.get(space + 1..).unwrap_or_default();
        event.path = target.get(..memchr::memrchr(b' ', target).unwrap_or(target.len())).unwrap_or_default();
    }
}

/// `frontend/bind: message`: a connection that failed before it was a session.
fn error<'a>(front: &'a [u8], rest: &'a [u8], event: &mut Event<'a>, cut: Reject) -> Result<(), Reject> {
    let Some(bind) = front.strip_suffix(b":") else { return Err(cut) };
    event.frontend = bind.get(..memchr::memchr(b'/', bind).unwrap_or(bind.len())).unwrap_or_default();
    event.message = rest.get(front.len() + 1..).unwrap_or_default();
    event.kind = Kind::LbSession;
    event.reason = if event.message.starts_with(b"SSL handshake failure") { b"tls_handshake" } else { b"connection_error" };
    Ok(())
}
