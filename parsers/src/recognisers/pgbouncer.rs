//! PgBouncer's messages. Source: `src/objects.c`, `src/client.c`, `src/server.c`, `src/janitor.c`, `src/stats.c`,
//! `src/admin.c` and `src/main.c` of PgBouncer 1.7 to 1.25.
//!
//! ```text
//! C-0x56533d803aa0: shop/app@127.0.0.1:36912 closing because: client close request (age=4s)
//! socket: its pointer, used again at once; database/user@address; text
//! ```
//!
//! A client's session is keyed by its pointer and port. A server's connection has `server` and `server.port` for the
//! database and `client`, `client.port` for PgBouncer's own end, which PostgreSQL calls its client: that joins the two.
//!
//! | kind | reasons |
//! |---|---|
//! | client or server closed | `client_close_request` `client_eof` `query_wait_timeout` `query_timeout` `client_idle_timeout` `client_login_timeout` `idle_transaction_timeout` `transaction_timeout` `admin_disconnect` `shutting_down` `cancel_request` `database_changed` `server_failing` `server_crashed` `server_idle_timeout` `server_lifetime` `client_gone` `login_failed` `too_many_servers` `reset_failed` `dirty` `protocol` `tls` `other` |
//! | client refused | `max_client_conn` `max_db_connections` `max_user_connections` `unknown_database` `unknown_user` `authentication` `server_failing` `protocol` `tls` `shutting_down` |
//! | connect failed | `failed` `connect_timeout` `login_failed` and PostgreSQL's `too_many_clients` `starting_up` `authentication` |
//! | configuration | `reload` `pause` `resume` `suspend` `kill` `reconnect` `disable` `enable` |

use crate::event::{Arena, Event, Gauge};
use crate::kind::Kind;
use crate::prim::{net, num, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "pgbouncer",
    about: "PgBouncer's messages: clients, servers, waits, counters, restarts",
    spec: "https://github.com/pgbouncer/pgbouncer",
    needles: &[
        " login attempt: db=",
        " closing because: ",
        " new connection to server",
        " pooler error: ",
        " xacts/s, ",
        "process up: PgBouncer ",
        "process up: pgbouncer ",
    ],
    recognise,
    examples: &[
        Example {
            line: "C-0x55d0c8a01d00: store/cart@10.1.0.7:36944 closing because: query_wait_timeout (age=120s)",
            shows: &[
                ("kind", "proxy.client.close"),
                ("reason", "query_wait_timeout"),
                ("duration_ns", "120000000000"),
                ("conn.id", "C-0x55d0c8a01d00"),
                ("client.port", "36944"),
            ],
        },
        Example {
            line: "C-0x55d0c8a018e0: (nodb)/(nouser)@[2001:db8::7]:55900 closing because: no more connections allowed (max_client_conn) (age=0s)",
            shows: &[
                ("kind", "proxy.client.refused"),
                ("reason", "max_client_conn"),
                ("client.address", "2001:db8::7"),
                ("db.user", ""),
            ],
        },
        Example {
            line: "stats: 18 xacts/s, 59 queries/s, in 2847 B/s, out 3418 B/s, xact 122379 us, query 36729 us, wait 9391 us",
            shows: &[("kind", "proxy.stats"), ("wait_ns", "9391000"), ("duration_ns", "36729000")],
        },
        Example {
            line: "process up: PgBouncer 1.18.0, libevent 2.1.12-stable (epoll), adns: c-ares 1.18.1, tls: none",
            shows: &[("kind", "server.ready"), ("service.version", "1.18.0")],
        },
    ],
};

/// Why a socket was closed: how the text begins, the reason.
const CLOSES: &[(&str, &str)] = &[
    ("client close request", "client_close_request"),
    ("client unexpected eof", "client_eof"),
    ("query_wait_timeout", "query_wait_timeout"),
    ("query_timeout", "query_timeout"),
    ("query timeout", "query_timeout"),
    ("client_idle_timeout", "client_idle_timeout"),
    ("idle timeout", "client_idle_timeout"),
    ("client_login_timeout", "client_login_timeout"),
    ("idle transaction timeout", "idle_transaction_timeout"),
    ("idle_transaction_timeout", "idle_transaction_timeout"),
    ("transaction timeout", "transaction_timeout"),
    ("transaction_timeout", "transaction_timeout"),
    ("admin forced disconnect", "admin_disconnect"),
    ("disconnect requested", "admin_disconnect"),
    ("pooler is shut", "shutting_down"),
    ("server shutting down", "shutting_down"),
    ("shutting down", "shutting_down"),
    ("shutdown", "shutting_down"),
    ("successfully sent cancel request", "cancel_request"),
    ("database removed", "database_changed"),
    ("database configuration changed", "database_changed"),
    ("bouncer config error", "database_changed"),
    ("server login has been failing", "server_failing"),
    ("server connection crashed", "server_crashed"),
    ("server conn crashed", "server_crashed"),
    ("server disconnected", "server_crashed"),
    ("server idle timeout", "server_idle_timeout"),
    ("server lifetime over", "server_lifetime"),
    ("server_lifetime", "server_lifetime"),
    ("client disconnect", "client_gone"),
    ("client canceled", "client_gone"),
    ("connect failed", "failed"),
    ("connect timeout", "connect_timeout"),
    ("login failed", "login_failed"),
    ("too many servers in the pool", "too_many_servers"),
    ("evicted", "too_many_servers"),
    ("unnecessary ", "too_many_servers"),
    ("reset query failed", "reset_failed"),
    ("test query failed", "reset_failed"),
    ("SV_IDLE server got dirty", "dirty"),
    ("close_needed", "database_changed"),
    ("obsolete connection", "database_changed"),
    ("no more connections allowed", "max_client_conn"),
    ("client connections exceeded (max_db", "max_db_connections"),
    ("client connections exceeded (max_user", "max_user_connections"),
    ("no such database", "unknown_database"),
    ("no such user", "unknown_user"),
    ("database does not allow connections", "unknown_database"),
    ("pg_hba", "authentication"),
    ("unsupported", "protocol"),
    ("bad packet", "protocol"),
    ("bad startup packet", "protocol"),
    ("broken ", "protocol"),
    ("invalid packet", "protocol"),
    ("SSL required", "tls"),
    ("TLS ", "tls"),
];

/// Reasons that turn a client away before it was let in.
const REFUSALS: [&[u8]; 11] = [
    b"max_client_conn",
    b"max_db_connections",
    b"max_user_connections",
    b"unknown_database",
    b"unknown_user",
    b"authentication",
    b"server_failing",
    b"protocol",
    b"tls",
    b"client_login_timeout",
    b"shutting_down",
];

fn reason(why: &[u8]) -> &'static [u8] {
    let known = CLOSES.iter().find(|(start, _)| why.starts_with(start.as_bytes()));
    match known {
        Some((_, reason)) => reason.as_bytes(),
        None if memchr::memmem::find(why, b"authentication failed").is_some() => b"authentication",
        None if memchr::memmem::find(why, b"too many clients").is_some() => b"too_many_clients",
        None if memchr::memmem::find(why, b"connection slots are reserved").is_some() => b"too_many_clients",
        None if memchr::memmem::find(why, b"starting up").is_some() => b"starting_up",
        None if memchr::memmem::find(why, b"shutting down").is_some() => b"shutting_down",
        None if memchr::memmem::find(why, b"does not exist").is_some() => b"unknown_database",
        None => b"other",
    }
}

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    match socket(event.message) {
        Some(socket) => on_socket(&socket, event),
        None => process(event.message, event),
    }
}

/// `C-0x55d0c8a01d00: store/cart@10.1.0.7:36944 text`
struct Socket<'a> {
    pointer: &'a [u8],
    database: &'a [u8],
    user: &'a [u8],
    address: &'a [u8],
    port: u16,
    text: &'a [u8],
}

fn socket(message: &[u8]) -> Option<Socket<'_>> {
    let hex = message.strip_prefix(b"C-0x").or_else(|| message.strip_prefix(b"S-0x"))?;
    let width = 4 + hex.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let rest = message.get(width..)?.strip_prefix(b": ")?;
    // The user's name ends at the last `@` in front of the text; an address holds no blank.
    let slash = memchr::memchr(b'/', rest);
    let at = memchr::memchr_iter(b'@', rest).find(|at| {
        let address = text::word(rest.get(at + 1..).unwrap_or_default());
        memchr::memchr(b'@', address).is_none() && (memchr::memchr(b':', address).is_some() || address.starts_with(b"unix"))
    })?;
    let address_text = rest.get(at + 1..)?;
    let end = memchr::memchr(b' ', address_text).unwrap_or(address_text.len());
    let (address, port) = unix_or_host(address_text.get(..end)?);
    let slash = slash.filter(|slash| *slash < at);
    let known = |name: &'static str, value: &'_ [u8]| value != name.as_bytes();
    let database = rest.get(..slash.unwrap_or(0))?;
    let user = rest.get(slash.map_or(0, |s| s + 1)..at)?;
    Some(Socket {
        pointer: message.get(..width)?,
        database: if known("(nodb)", database) { database } else { b"" },
        user: if known("(nouser)", user) { user } else { b"" },
        address,
        port,
        text: address_text.get(end + 1..).unwrap_or_default(),
    })
}

/// `10.1.0.7:36944`, `unix:6432`, `unix(4711):6432`
fn unix_or_host(address: &[u8]) -> (&[u8], u16) {
    match address.strip_prefix(b"unix") {
        Some(rest) => (b"unix", memchr::memrchr(b':', rest).and_then(|c| rest.get(c + 1..)).and_then(num::uint16).unwrap_or(0)),
        None => net::host_port(address),
    }
}

fn on_socket<'a>(socket: &Socket<'a>, event: &mut Event<'a>) -> bool {
    event.conn = socket.pointer;
    event.db_name = socket.database;
    event.db_user = socket.user;
    let client = socket.pointer.starts_with(b"C");
    if client {
        (event.client, event.client_port) = (socket.address, socket.port);
    } else {
        (event.server, event.server_port) = (socket.address, socket.port);
    }
    let message = socket.text;
    if let Some(rest) = message.strip_prefix(b"login attempt: db=") {
        event.kind = Kind::ProxyOpen;
        if let Some(at) = memchr::memmem::find(rest, b" user=") {
            event.db_name = rest.get(..at).unwrap_or_default();
            event.db_user = text::word(rest.get(at + 6..).unwrap_or_default());
        }
    } else if let Some(rest) = message.strip_prefix(b"new connection to server") {
        event.kind = Kind::ProxyServerOpen;
        if let Some(from) = text::between(rest, b"(from ", b")") {
            (event.client, event.client_port) = unix_or_host(from);
        }
    } else if let Some(rest) = message.strip_prefix(b"closing because: ") {
        closed(rest, client, event);
    } else if let Some(rest) = message.strip_prefix(b"pooler error: ") {
        event.reason = reason(rest);
        // The closing line in front of it has said the same: only the wait is an event of its own.
        event.kind = if event.reason == b"query_wait_timeout" { Kind::ProxyWaitTimeout } else { Kind::Log };
    } else {
        event.kind = Kind::Log;
    }
    true
}

/// `client close request (age=4s)`
fn closed<'a>(rest: &'a [u8], client: bool, event: &mut Event<'a>) {
    let mut why = rest;
    if let Some(at) = memchr::memmem::rfind(rest, b" (age=") {
        why = rest.get(..at).unwrap_or_default();
        // Whole seconds; older versions leave the unit away.
        let age = text::digits(rest.get(at + 6..).unwrap_or_default());
        event.duration_ns = num::scaled(age, 9).unwrap_or(-1);
    }
    event.reason = reason(why);
    event.kind = match event.reason {
        // No session has begun: the open line is written once the server has taken the connection.
        b"failed" | b"connect_timeout" if !client => Kind::ConnectFailed,
        _ if !client => Kind::ProxyServerClose,
        refusal if REFUSALS.contains(&refusal) && refused(refusal, event) => Kind::ProxyRefused,
        _ => Kind::ProxyClose,
    };
}

/// A session that was open may end for some of the reasons for which clients are turned away.
fn refused(reason: &[u8], event: &Event<'_>) -> bool {
    match reason {
        b"shutting_down" | b"protocol" | b"tls" => event.db_user.is_empty(),
        b"server_failing" => event.duration_ns <= 0,
        _ => true,
    }
}

/// Messages of the process itself.
fn process<'a>(message: &'a [u8], event: &mut Event<'a>) -> bool {
    let (kind, reason): (Kind, &'static [u8]) = match message.first() {
        Some(b's' | b'S') if message.starts_with(b"stats: ") || message.starts_with(b"Stats: ") => {
            stats(message, event);
            (Kind::ProxyStats, b"")
        }
        Some(b's') if message.starts_with(b"server login failed: ") => (Kind::ConnectFailed, login_failure(message)),
        Some(b'p') if message.starts_with(b"process up: ") => {
            let version = text::after(message, b"ouncer ").unwrap_or_default();
            event.version = text::word(version);
            (Kind::ServerReady, b"")
        }
        Some(b'k' | b'f') if text::after(message, b"file descriptor limit").is_some() => {
            let max = text::after(message, b"max_client_conn: ").map(text::digits).and_then(num::uint32);
            if let Some(max) = max.and_then(|max| i32::try_from(max).ok()) {
                event.gauge = Gauge { max, ..Gauge::NONE };
            }
            (Kind::ServerStart, b"")
        }
        Some(b'l') if message.starts_with(b"login failed: ") => {
            event.db_name = text::between(message, b"db=", b" ").unwrap_or_default();
            event.db_user = text::after(message, b"user=").map(text::word).unwrap_or_default();
            (Kind::ProxyRefused, b"authentication")
        }
        Some(b'g') if message.starts_with(b"got SIGHUP") => (Kind::ConfigChange, b"reload"),
        Some(b'g') if message.starts_with(b"got SIGUSR1") => (Kind::ConfigChange, b"pause"),
        Some(b'g') if message.starts_with(b"got SIGUSR2") => (Kind::ConfigChange, b"resume"),
        Some(b'g') if message.starts_with(b"got SIGTERM, fast exit") || message.starts_with(b"got SIGQUIT") => {
            (Kind::ServerStop, b"fast")
        }
        Some(b'g') if message.starts_with(b"got SIG") => {
            let fast = memchr::memmem::find(message, b"fast exit").is_some();
            (Kind::ServerStop, if fast { b"fast" } else { b"smart" })
        }
        Some(b't') if message.starts_with(b"taking connection from reserve_pool") => (Kind::Log, b"reserve_pool"),
        Some(b'p') if message.starts_with(b"pooler is ") || message == b"process exiting" => (Kind::ServerStop, b"shut_down"),
        Some(b's') if message.starts_with(b"server shutdown") => (Kind::ServerStop, b"shut_down"),
        Some(b'A'..=b'Z') if memchr::memmem::find(message, b" command issued").is_some() => command(message, event),
        _ => return false,
    };
    event.kind = kind;
    event.reason = reason;
    true
}

/// `KILL 'store' command issued`
fn command<'a>(message: &'a [u8], event: &mut Event<'a>) -> (Kind, &'static [u8]) {
    event.subject = text::between(message, b"'", b"'").unwrap_or_default();
    match text::word(message) {
        b"SHUTDOWN" => (Kind::ServerStop, b"admin"),
        b"PAUSE" => (Kind::ConfigChange, b"pause"),
        b"RESUME" => (Kind::ConfigChange, b"resume"),
        b"SUSPEND" => (Kind::ConfigChange, b"suspend"),
        b"RELOAD" => (Kind::ConfigChange, b"reload"),
        b"KILL" => (Kind::ConfigChange, b"kill"),
        b"RECONNECT" => (Kind::ConfigChange, b"reconnect"),
        b"DISABLE" => (Kind::ConfigChange, b"disable"),
        b"ENABLE" => (Kind::ConfigChange, b"enable"),
        _ => (Kind::ConfigChange, b""),
    }
}

/// `server login failed: FATAL sorry, too many clients already`
fn login_failure(message: &[u8]) -> &'static [u8] {
    match reason(message.get(21..).unwrap_or_default()) {
        b"other" => b"login_failed",
        reason => reason,
    }
}

/// `… xact 122379 us, query 36729 us, wait 9391 us`; before 1.8 `… query 36729 us` alone.
fn stats(message: &[u8], event: &mut Event<'_>) {
    let micros = |key: &[u8]| text::between(message, key, b" us").and_then(|us| num::scaled(us, 3)).unwrap_or(-1);
    event.duration_ns = micros(b", query ");
    event.wait_ns = micros(b", wait ");
    if event.wait_ns < 0 {
        event.wait_ns = micros(b" wait time ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> (Kind, String) {
        let (mut event, arena) = (Event { message: message.as_bytes(), ..Event::default() }, Arena::new());
        recognise(&mut event, &arena);
        (event.kind, String::from_utf8_lossy(event.reason).into_owned())
    }

    #[test]
    fn sockets_open_and_close() {
        for (message, kind, reason) in [
            ("C-0x1a2b: a/b@unix(77):6432 login attempt: db=a user=b tls=no replication=no", Kind::ProxyOpen, ""),
            ("C-0x1a2b: a/b@10.0.0.1:5 closing because: client unexpected eof (age=3s)", Kind::ProxyClose, "client_eof"),
            (
                "C-0x1a2b: a/b@10.0.0.1:5 closing because: password authentication failed (age=0s)",
                Kind::ProxyRefused,
                "authentication",
            ),
            (
                "C-0x1a2b: (nodb)/(nouser)@10.0.0.1:5 closing because: pooler is shutting down (age=0s)",
                Kind::ProxyRefused,
                "shutting_down",
            ),
            (
                "S-0x1a2b: a/b@10.0.0.9:5432 closing because: server conn crashed? (age=3s)",
                Kind::ProxyServerClose,
                "server_crashed",
            ),
            ("S-0x1a2b: a/b@10.0.0.9:5432 closing because: connect failed (age=3s)", Kind::ConnectFailed, "failed"),
            ("got SIGINT, shutting down, waiting for all servers connections to be released", Kind::ServerStop, "smart"),
            ("server login failed: FATAL sorry, too many clients already", Kind::ConnectFailed, "too_many_clients"),
            ("RECONNECT 'a' command issued", Kind::ConfigChange, "reconnect"),
        ] {
            assert_eq!(read(message), (kind, reason.to_owned()), "{message}");
        }
    }

    #[test]
    fn names_may_hold_anything() {
        let found = socket(b"C-0x1a2b: a/b@corp@10.0.0.1:5 closing because: x").unwrap();
        assert_eq!((found.database, found.user, found.address), (&b"a"[..], &b"b@corp"[..], &b"10.0.0.1"[..]));
    }
}
