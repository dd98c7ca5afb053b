//! ProxySQL's error log: time, place in the source, level, text.
//!
//! Source: ProxySQL `include/proxysql_debug.h`, `lib/MySQL_Thread.cpp`, `lib/MySQL_Session.cpp`, `lib/MySQL_HostGroups_Manager.cpp`.
//!
//! ```text
//! 2026-11-20 12:00:00 MySQL_Session.cpp:4567:handler_again(): [WARNING] text
//! time                file and line     function             level
//! 2026-11-20 12:00:00 [INFO] text
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::{net, num, text, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::{Stamp, Written};

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "proxysql",
    about: "ProxySQL error log: refusals, timeouts, killed clients, servers shunned and back",
    spec: "ProxySQL include/proxysql_debug.h and lib/",
    weight: 90,
    infer: |sample: &Sample<'_>| {
        let found = sample.find(|line| head(line).filter(|head| !head.file.is_empty()))?;
        Some(Inferred {
            layout: Box::new(Proxy),
            reason: format!("source places like {}", String::from_utf8_lossy(found.file)),
        })
    },
    examples: &[
        Example {
            line: "2026-11-20 12:00:00 MySQL_Session.cpp:4567:handler_again(): [WARNING] Killing client connection 10.0.0.5:41000 because inactive for 28800123ms",
            shows: &[
                ("time", "2026-11-20T12:00:00"),
                ("severity", "WARN"),
                ("kind", "proxy.client.close"),
                ("reason", "wait_timeout"),
                ("client.address", "10.0.0.5"),
                ("client.port", "41000"),
                ("duration_ns", "28800123000000"),
                ("code.file.path", "MySQL_Session.cpp"),
                ("code.line.number", "4567"),
            ],
        },
        Example {
            line: "2026-11-20 12:00:01 MySQL_Session.cpp:99:connect(): [ERROR] Max connect timeout reached while reaching hostgroup 10 after 10003ms",
            shows: &[
                ("kind", "proxy.wait_timeout"),
                ("reason", "connect_timeout"),
                ("backend", ""),
                ("wait_ns", "10003000000"),
            ],
        },
    ],
};

struct Proxy;

impl Layout for Proxy {
    fn line(&self, line: &[u8]) -> Line {
        match line.first() {
            Some(b'0'..=b'9') if line.get(10) == Some(&b' ') && head(line).is_some() => Line::Start,
            Some(b'0'..=b'9') => Line::Foreign,
            _ => Line::Continue,
        }
    }

    fn parse<'a>(&self, record: &'a [u8], _: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let (line, rest) = text::first_line(record);
        let head = head(line).ok_or(Reject::new(Reason::BadField, 0))?;
        event.stamp = head.stamp;
        event.severity = Severity::of_word(head.level);
        event.file = head.file;
        event.line = head.line;
        event.function = head.function;
        event.message = head.text;
        event.stack = rest.trim_ascii_end();
        read(head.text, event);
        Ok(())
    }
}

struct Head<'a> {
    stamp: Stamp,
    file: &'a [u8],
    line: u32,
    function: &'a [u8],
    level: &'a [u8],
    text: &'a [u8],
}

fn head(line: &[u8]) -> Option<Head<'_>> {
    let (stamp, end) = time::iso(line).filter(|(s, n)| *n == 19 && s.written == Written::Local)?;
    let rest = line.get(end..)?.strip_prefix(b" ")?;
    let (place, body) = match rest.first()? {
        b'[' => (&b""[..], rest),
        _ => rest.split_at_checked(memchr::memchr(b' ', rest)?)?,
    };
    let body = body.trim_ascii_start().strip_prefix(b"[")?;
    let close = memchr::memchr(b']', body.get(..12.min(body.len()))?)?;
    let (level, text) = (body.get(..close)?, body.get(close + 1..)?.trim_ascii_start());
    if !matches!(level, b"INFO" | b"WARNING" | b"ERROR") {
        return None;
    }
    let (mut file, mut number, mut function) = (&b""[..], 0, &b""[..]);
    if !place.is_empty() {
        let mut parts = place.splitn(3, |b| *b == b':');
        file = parts.next().filter(|f| f.ends_with(b".cpp") || f.ends_with(b".h"))?;
        number = parts.next().and_then(num::uint32)?;
        function = parts.next()?.strip_suffix(b":")?;
        function = function.strip_suffix(b"()").unwrap_or(function);
    }
    Some(Head { stamp, file, line: number, function, level, text })
}

/// What the text means.
fn read<'a>(text: &'a [u8], event: &mut Event<'a>) {
    let has = |needle: &[u8]| memchr::memmem::find(text, needle).is_some();
    let millis = |mark: &[u8]| text::after(text, mark).map(text::digits).and_then(|n| num::scaled(n, 6)).unwrap_or(-1);
    let (kind, reason): (Kind, &'static [u8]) = match () {
        () if has(b"mysql-max_connections reached") => (Kind::ProxyRefused, b"too_many_clients"),
        () if has(b"'max_user_connections'") || has(b"'max_connections' resource") => {
            event.db_user = text::between(text, b"User '", b"'").unwrap_or_default();
            (Kind::ProxyRefused, b"too_many_clients_of_user")
        }
        () if text.starts_with(b"Access denied for user ") || has(b"ProxySQL Error: Access denied") => {
            event.db_user = text::between(text, b"for user '", b"'").unwrap_or_default();
            (Kind::ProxyRefused, b"authentication")
        }
        () if text.starts_with(b"Max connect timeout reached while reaching hostgroup ") => {
            event.backend = text::after(text, b"hostgroup ").map(text::digits).unwrap_or_default();
            event.wait_ns = millis(b"after ");
            (Kind::ProxyWaitTimeout, b"connect_timeout")
        }
        () if text.starts_with(b"Killing client connection ") => {
            client(text::after(text, b"connection ").unwrap_or_default(), event);
            event.duration_ns = millis(b" for ");
            let idle = has(b"transaction idle");
            (Kind::ProxyClose, if idle { b"idle_in_transaction_timeout" } else { b"wait_timeout" })
        }
        () if text.starts_with(b"Closing not established client connection ") => {
            client(text::after(text, b"connection ").unwrap_or_default(), event);
            (Kind::ProxyClose, b"login_timeout")
        }
        () if text.starts_with(b"Shunning server ") => (Kind::LbServerState, b"down"),
        () if text.starts_with(b"Unshunning server ") => (Kind::LbServerState, b"up"),
        () if has(b"Detected broken idle connection on ") || has(b"Detected an offline server during query") => {
            (Kind::ProxyServerClose, b"broken")
        }
        () if text.starts_with(b"Standard ProxySQL") || text.starts_with(b"ProxySQL version ") => (Kind::ServerStart, b""),
        () if has(b"Shutdown angel process") || text.starts_with(b"Received PROXYSQL SHUTDOWN") => (Kind::ServerStop, b""),
        () if has(b"ProxySQL crashed") || text.starts_with(b"Angel process ") && has(b"crashed") => {
            (Kind::ServerCrash, b"signal")
        }
        () => return,
    };
    event.kind = kind;
    event.reason = reason;
    if matches!(kind, Kind::LbServerState | Kind::ProxyServerClose) {
        let place = text::after(text, b"server ").or_else(|| text::after(text, b" on ")).map(text::word).unwrap_or_default();
        let place = place.strip_suffix(b".").unwrap_or(place);
        (event.server, event.server_port) = net::host_port(place);
    }
}

fn client<'a>(text: &'a [u8], event: &mut Event<'a>) {
    let address = text::word(text);
    event.conn = address;
    (event.client, event.client_port) = net::host_port(address);
}
