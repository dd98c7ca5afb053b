//! Pgpool-II's messages. Source: `src/protocol/child.c`, `src/main/pgpool_main.c`, `src/main/health_check.c` of Pgpool-II.
//!
//! ```text
//! frontend disconnection: session time: 0:00:00.013 user=app database=shop host=127.0.0.1 port=49972
//! ```
//!
//! A child process serves one client at a time: its pid is the session's key.
//!
//! | kind | reasons |
//! |---|---|
//! | client refused | `too_many_clients` `authentication` |
//! | server stop | `smart` `fast` `immediate` |
//! | configuration | `reload` `failover` `failback` `promote` |

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{num, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "pgpool",
    about: "Pgpool-II's messages: clients, statements per node, failover, restarts",
    spec: "https://www.pgpool.net/docs/latest/en/html/",
    needles: &["frontend disconnection: session time: ", "DB node id: ", "pgpool-II successfully started"],
    recognise,
    examples: &[
        Example {
            line: "frontend disconnection: session time: 0:00:00.013 user=cart database=store host=10.1.0.7 port=49972",
            shows: &[
                ("kind", "proxy.client.close"),
                ("duration_ns", "13000000"),
                ("db.user", "cart"),
                ("client.port", "49972"),
            ],
        },
        Example {
            line: "pgpool-II successfully started. version 4.3.5 (tamahomeboshi)",
            shows: &[("kind", "server.ready"), ("service.version", "4.3.5")],
        },
    ],
};

/// How a message begins, what it means.
const RULES: &[(&str, Kind, &str)] = &[
    ("new connection received", Kind::ProxyOpen, ""),
    ("Sorry, too many clients already", Kind::ProxyRefused, "too_many_clients"),
    ("authentication failed", Kind::ProxyRefused, "authentication"),
    ("password authentication failed", Kind::ProxyRefused, "authentication"),
    ("md5 authentication failed", Kind::ProxyRefused, "authentication"),
    ("scram authentication failed", Kind::ProxyRefused, "authentication"),
    ("failed to connect to ", Kind::ConnectFailed, ""),
    ("failed to create a backend connection", Kind::ConnectFailed, ""),
    ("unable to read data from DB node", Kind::ConnectFailed, "server_crashed"),
    ("health check failed on node", Kind::ConnectFailed, "health_check"),
    ("health check retrying on DB node", Kind::ConnectFailed, "health_check"),
    ("pgpool-II successfully started", Kind::ServerReady, ""),
    ("received smart shutdown request", Kind::ServerStop, "smart"),
    ("received fast shutdown request", Kind::ServerStop, "fast"),
    ("received immediate shutdown request", Kind::ServerStop, "immediate"),
    ("shutting down", Kind::ServerStop, ""),
    ("stop request sent to pgpool", Kind::ServerStop, ""),
    ("reload config files", Kind::ConfigChange, "reload"),
    ("failover: ", Kind::ConfigChange, "failover"),
    ("failover done", Kind::ConfigChange, "failover"),
    ("failover or failback event detected", Kind::ConfigChange, "failover"),
    ("starting degeneration", Kind::ConfigChange, "failover"),
    ("failback", Kind::ConfigChange, "failback"),
    ("starting fail back", Kind::ConfigChange, "failback"),
    ("promote", Kind::ConfigChange, "promote"),
    ("restart all children", Kind::ConfigChange, "failover"),
];

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    let message = event.message;
    if let Some(rest) = message.strip_prefix(b"frontend disconnection: session time: ") {
        event.kind = Kind::ProxyClose;
        event.duration_ns = session_time(text::word(rest)).unwrap_or(-1);
        let told = |key: &[u8]| text::after(rest, key).map(blank).unwrap_or_default();
        (event.db_user, event.db_name, event.client) = (told(b" user="), told(b" database="), told(b" host="));
        event.client_port = num::uint16(told(b" port=")).unwrap_or(0);
        return true;
    }
    if let Some(rest) = message.strip_prefix(b"DB node id: ") {
        let Some(sql) = text::after(rest, b" statement: ") else { return false };
        event.kind = Kind::Query;
        event.query = sql.strip_prefix(b" ").unwrap_or(sql);
        event.backend_pid = text::after(rest, b"backend pid: ").map(text::digits).and_then(num::uint32).unwrap_or(0);
        return true;
    }
    if let Some(sql) = message.strip_prefix(b"statement: ") {
        event.kind = Kind::Query;
        event.query = sql.strip_prefix(b" ").unwrap_or(sql);
        return true;
    }
    let Some((_, kind, reason)) = RULES.iter().find(|(start, ..)| message.starts_with(start.as_bytes())) else { return false };
    event.kind = *kind;
    event.reason = reason.as_bytes();
    match kind {
        Kind::ProxyOpen => {
            let detail = event.attr("detail").unwrap_or_default();
            event.client = text::after(detail, b"host=").map(blank).unwrap_or_default();
            event.client_port = text::after(detail, b"port=").map(text::digits).and_then(num::uint16).unwrap_or(0);
        }
        Kind::ServerReady => event.version = text::after(message, b"version ").map(text::word).unwrap_or_default(),
        _ => {}
    }
    true
}

/// What stands in front of the first blank.
fn blank(text: &[u8]) -> &[u8] {
    text::before(text, b" ").unwrap_or(text)
}

/// `0:00:00.013`
fn session_time(text: &[u8]) -> Option<i64> {
    let mut parts = text.splitn(3, |b| *b == b':');
    let (hours, minutes, seconds) = (num::uint(parts.next()?)?, num::uint(parts.next()?)?, num::scaled(parts.next()?, 9)?);
    i64::try_from(hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?)
        .ok()?
        .checked_mul(1_000_000_000)?
        .checked_add(seconds)
}
