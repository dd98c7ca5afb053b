//! The process's own words: servers going up and down, proxies starting and stopping, connect lines.

use crate::event::Event;
use crate::kind::Kind;
use crate::prim::{net, num, text};
use crate::severity::Severity;

/// Does a line begin like one of HAProxy's notices? `[ALERT] … (pid) : ` is how its standard error says them.
pub(super) fn is_notice(line: &[u8]) -> bool {
    match line.first() {
        Some(b'S') => {
            (line.starts_with(b"Server ") && is_pair(text::word(line.get(7..).unwrap_or_default())))
                || line.starts_with(b"Stopping frontend ")
                || line.starts_with(b"Stopping backend ")
                || line.starts_with(b"Stopping proxy ")
        }
        Some(b'B') => line.starts_with(b"Backup Server "),
        Some(b'H') => line.starts_with(b"Health check for "),
        Some(b'b') => line.starts_with(b"backend ") && line.ends_with(b" has no server available!"),
        Some(b'P') => {
            line.starts_with(b"Proxy ")
                && (line.ends_with(b" started.")
                    || memchr::memmem::find(line, b" stopped (").is_some()
                    || line.ends_with(b"paused."))
        }
        Some(b'C') => line.starts_with(b"Connect from ") && memchr::memmem::find(line, b" to ").is_some(),
        Some(b'[') => standard_error(line).is_some(),
        _ => false,
    }
}

/// `be/srv`: a back end and a server of it.
fn is_pair(word: &[u8]) -> bool {
    memchr::memchr(b'/', word).is_some_and(|at| at > 0 && at + 1 < word.len())
}

/// `[WARNING]  (7837) : text`, `[ALERT] 323/102215 (7837) : text`: level, pid, text.
fn standard_error(line: &[u8]) -> Option<(Severity, u32, &[u8])> {
    let close = memchr::memchr(b']', line.get(..12).unwrap_or(line))?;
    let severity = match line.get(1..close)? {
        b"ALERT" => Severity::ALERT,
        b"WARNING" => Severity::WARN,
        b"NOTICE" => Severity::NOTICE,
        _ => return None,
    };
    let rest = line.get(close + 1..)?;
    let open = memchr::memchr(b'(', rest.get(..24).unwrap_or(rest))?;
    let pid = num::digits(rest.get(open + 1..)?);
    let body = rest.get(open + 1 + pid..)?.strip_prefix(b") : ")?;
    Some((severity, num::uint32(rest.get(open + 1..open + 1 + pid)?).unwrap_or(0), body))
}

/// Reads a notice into `event`; one that says nothing known stays a log line.
pub(super) fn read<'a>(line: &'a [u8], event: &mut Event<'a>) {
    let mut body = line;
    if let Some((severity, pid, inside)) = standard_error(line) {
        event.severity = severity;
        event.pid = pid;
        body = inside;
    }
    event.message = body;
    let severity = classify(body, event);
    if event.severity == Severity::NONE {
        event.severity = severity;
    }
}

fn classify<'a>(body: &'a [u8], event: &mut Event<'a>) -> Severity {
    if let Some(rest) = text::after(body, b"Health check for ").and_then(|r| text::after(r, b"erver ")) {
        return health(rest, event);
    }
    let server = body.strip_prefix(b"Backup ").unwrap_or(body).strip_prefix(b"Server ");
    if let Some(rest) = server {
        return changed(rest, event);
    }
    if let Some(name) = body.strip_prefix(b"backend ").and_then(|r| r.strip_suffix(b" has no server available!")) {
        event.kind = Kind::LbServerState;
        event.backend = name;
        event.reason = b"down";
        return Severity::FATAL;
    }
    if let Some(rest) = body.strip_prefix(b"Connect from ") {
        return connect(rest, event);
    }
    if let Some(rest) = body.strip_prefix(b"Proxy ") {
        let name = text::word(rest);
        match rest.get(name.len()..) {
            Some(b" started.") => {
                (event.kind, event.reason) = (Kind::AppStart, b"starting");
                (event.subject, event.frontend) = (b"haproxy", name);
                return Severity::NOTICE;
            }
            Some(tail) if tail.starts_with(b" stopped") => {
                (event.kind, event.reason) = (Kind::AppStop, b"shutdown");
                (event.subject, event.frontend) = (b"haproxy", name);
                return Severity::WARN;
            }
            _ => {}
        }
    }
    if body.starts_with(b"Stopping ") { Severity::WARN } else { Severity::INFO }
}

/// `be/srv` and what follows it.
fn pair<'a>(rest: &'a [u8], event: &mut Event<'a>) -> &'a [u8] {
    let word = text::word(rest);
    let slash = memchr::memchr(b'/', word).unwrap_or(word.len());
    event.backend = word.get(..slash).unwrap_or_default();
    event.server = word.get(slash + 1..).unwrap_or_default();
    rest.get(word.len()..).unwrap_or_default()
}

/// `be/srv succeeded, reason: Layer7 check passed, …, status: 4/4 UP.`: a change of state only where the status it names
/// agrees with the result, for a single failure does not take a server out.
fn health<'a>(rest: &'a [u8], event: &mut Event<'a>) -> Severity {
    let tail = pair(rest, event);
    let failed = tail.starts_with(b" failed");
    let status = text::after(tail, b", status: ").unwrap_or_default();
    let down = if status.is_empty() { failed } else { memchr::memmem::find(status, b"DOWN").is_some() };
    if failed == down {
        event.kind = Kind::LbServerState;
        event.reason = if down { b"down" } else { b"up" };
    } else {
        event.reason = if failed { b"check_failed" } else { b"check_succeeded" };
    }
    if failed { Severity::WARN } else { Severity::NOTICE }
}

/// `be/srv is DOWN, reason: …`, `be/srv is UP/READY (…)`, `be/srv enters maintenance`, `be/srv was DOWN and now enters …`.
fn changed<'a>(rest: &'a [u8], event: &mut Event<'a>) -> Severity {
    let tail = pair(rest, event);
    let says = |words: &[&[u8]]| words.iter().any(|w| memchr::memmem::find(tail, w).is_some());
    let head = tail.get(..tail.len().min(120)).unwrap_or_default();
    let up = memchr::memmem::find(head, b" is UP").is_some()
        || says(&[b" is now UP", b"administratively READY", b" is READY", b"leaving forced maintenance", b" is UP/READY"]);
    let down = memchr::memmem::find(head, b" is DOWN").is_some()
        || says(&[
            b"going DOWN",
            b"enters maintenance",
            b"enters drain",
            b" is stopping",
            b" is DRAIN",
            b" is MAINT",
            b"remains in forced",
        ]);
    if !up && !down {
        return Severity::INFO;
    }
    event.kind = Kind::LbServerState;
    event.reason = if up { b"up" } else { b"down" };
    if up { Severity::NOTICE } else { Severity::ALERT }
}

/// `10.0.0.9:44304 to 10.0.0.1:443 (frontend/HTTP)`: what `log global` without a format says when a session begins.
fn connect<'a>(rest: &'a [u8], event: &mut Event<'a>) -> Severity {
    let mut words = rest.split(|b| *b == b' ');
    let (from, _, to, proxy) = (words.next(), words.next(), words.next(), words.next());
    (event.client, event.client_port) = net::host_port(from.unwrap_or_default());
    (event.server, event.server_port) = net::host_port(to.unwrap_or_default());
    let proxy = proxy.and_then(|p| p.strip_prefix(b"(")).unwrap_or_default();
    event.frontend = proxy.get(..memchr::memchr(b'/', proxy).unwrap_or(proxy.len())).unwrap_or_default();
    event.kind = Kind::LbSession;
    event.reason = b"connect";
    Severity::INFO
}
