//! Npgsql, SqlClient and Entity Framework Core: opens and closes of logical and physical connections, commands, and the
//! exhausted pool.
//!
//! Source: `npgsql/npgsql` `src/Npgsql/LogMessages.cs`; `dotnet/SqlClient` `Strings.resx` (`ADP_PooledOpenTimeout`);
//! `dotnet/efcore` `RelationalStrings.resx`.
//!
//! ```text
//! Opened connection to db.local:5432/shop
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::facts::has;
use crate::prim::{net, num, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "npgsql",
    about: "Npgsql, SqlClient and Entity Framework Core",
    spec: "npgsql/npgsql LogMessages.cs; dotnet/SqlClient Strings.resx; dotnet/efcore RelationalStrings.resx",
    needles: &[
        "Opened connection to ",
        "Closed connection to ",
        "Opened physical connection to ",
        "Closed physical connection to ",
        "Opening physical connection to ",
        "The connection pool has been exhausted, either raise",
        "prior to obtaining a connection from the pool",
        "Connection has exceeded its maximum lifetime",
        "Breaking connection",
        "Keepalive failed",
        "Command execution completed (duration=",
        "Executed DbCommand (",
        "Failed executing DbCommand (",
        "Opened connection to database '",
        "Closed connection to database '",
        "Failed to connect to ",
    ],
    recognise,
    examples: &[
        Example {
            line: "Opened connection to db.local:5432/shop",
            shows: &[
                ("kind", "pool.borrow"),
                ("server.address", "db.local"),
                ("server.port", "5432"),
                ("db.namespace", "shop"),
            ],
        },
        Example {
            line: "Opened physical connection to db.local:5432/shop (in 12ms)",
            shows: &[("kind", "pool.connection.added"), ("connect_ns", "12000000"), ("db.namespace", "shop")],
        },
        Example {
            line: "Npgsql.NpgsqlException (0x80004005): The connection pool has been exhausted, either raise 'Max Pool Size' (currently 100) or 'Timeout' (currently 15 seconds) in your connection string.",
            shows: &[("kind", "pool.acquire_timeout"), ("pool.max", "100"), ("wait_ns", "15000000000")],
        },
        Example {
            line: "Executed DbCommand (12ms) [Parameters=[], CommandType='Text', CommandTimeout='30']\nSELECT 1",
            shows: &[("kind", "db.query"), ("duration_ns", "12000000")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    exhausted(event) || connection(event) || command(event)
}

/// The pool is empty: in the message, or in the exception behind it.
fn exhausted(event: &mut Event<'_>) -> bool {
    for text in [event.message, event.stack, event.attr_any(&["Exception", "exception", "@x"]).unwrap_or_default()] {
        if let Some(rest) = text::after(text, b"The connection pool has been exhausted, either raise") {
            event.kind = Kind::AcquireTimeout;
            event.reason = b"pool_exhausted";
            event.error_type = b"Npgsql.NpgsqlException";
            let number = |key: &[u8]| text::after(rest, key).map(text::digits).and_then(num::uint);
            let limit = number(b"'Max Pool Size' (currently ").or_else(|| number(b"MaxPoolSize (currently "));
            event.gauge.max = limit.and_then(|v| i32::try_from(v).ok()).unwrap_or(-1);
            let seconds = number(b"Timeout' (currently ").or_else(|| number(b"Timeout (currently "));
            event.wait_ns = seconds.and_then(|s| i64::try_from(s).ok()).map_or(-1, |s| s.saturating_mul(1_000_000_000));
            return true;
        }
        if has(text, b"prior to obtaining a connection from the pool") {
            event.kind = Kind::AcquireTimeout;
            event.reason = b"pool_exhausted";
            event.error_type = b"System.InvalidOperationException";
            return true;
        }
    }
    false
}

fn connection(event: &mut Event<'_>) -> bool {
    let message = event.message;
    let table: [(&[u8], Kind, &'static [u8]); 11] = [
        (b"Opened connection to ", Kind::PoolBorrow, b""),
        (b"Closed connection to ", Kind::PoolReturn, b""),
        (b"Opened physical connection to ", Kind::PoolConnAdded, b""),
        (b"Closed physical connection to ", Kind::PoolConnClosed, b"closed"),
        (b"Opening physical connection to ", Kind::Log, b""),
        (b"Connection has exceeded its maximum lifetime", Kind::PoolConnClosed, b"max_lifetime"),
        (b"Breaking connection", Kind::PoolConnClosed, b"broken"),
        (b"Keepalive failed", Kind::PoolConnClosed, b"broken"),
        (b"Failed to connect to ", Kind::ConnectFailed, b""),
        (b"Npgsql.NpgsqlException (0x80004005): Failed to connect to ", Kind::ConnectFailed, b""),
        (b"Npgsql.NpgsqlException: Failed to connect to ", Kind::ConnectFailed, b""),
    ];
    let Some((start, kind, reason)) = table.iter().find(|(start, ..)| message.starts_with(start)) else { return false };
    let rest = message.get(start.len()..).unwrap_or_default();
    if matches!(*start, b"Breaking connection" | b"Keepalive failed") && !has(event.logger, b"Npgsql") {
        return false;
    }
    if start.ends_with(b" to ") {
        if let Some(inner) = rest.strip_prefix(b"database '") {
            event.db_name = text::before(inner, b"'").unwrap_or_default();
            let server = text::between(rest, b"on server '", b"'").unwrap_or_default();
            (event.server, event.server_port) = net::host_port(server.strip_prefix(b"tcp://").unwrap_or(server));
        } else {
            let target = text::word(rest);
            let (place, database) = text::before(target, b"/").zip(text::after(target, b"/")).unwrap_or((target, b""));
            if *kind != Kind::ConnectFailed && database.is_empty() && !place.contains(&b':') {
                return false;
            }
            (event.server, event.server_port) = net::host_port(place.strip_prefix(b"tcp://").unwrap_or(place));
            event.db_name = database;
        }
    }
    event.kind = *kind;
    event.reason = reason;
    event.connect_ns = text::between(rest, b"(in ", b")").and_then(num::duration).unwrap_or(-1);
    // The connector is the server's process; the logger's state or scope names it.
    let connector = event.attr_any(&["ConnectorId", "State.ConnectorId", "Properties.ConnectorId", "connectorId"]);
    if let Some(id) = connector {
        event.conn = id;
        event.backend_pid = num::uint32(id).unwrap_or(0);
    }
    true
}

/// `Command execution completed (duration=5ms): SQL` and `Executed DbCommand (12ms) […]` with the SQL on its own lines.
fn command(event: &mut Event<'_>) -> bool {
    let message = event.message;
    if let Some(rest) = message.strip_prefix(b"Command execution completed (duration=") {
        event.kind = Kind::Query;
        event.duration_ns = text::before(rest, b")").and_then(num::duration).unwrap_or(-1);
        event.query = text::after(rest, b"): ").unwrap_or_default();
        return true;
    }
    let (kind, rest) =
        match (message.strip_prefix(b"Executed DbCommand ("), message.strip_prefix(b"Failed executing DbCommand (")) {
            (Some(rest), _) => (Kind::Query, rest),
            (_, Some(rest)) => (Kind::Error, rest),
            _ => return false,
        };
    event.kind = kind;
    let took = text::before(rest, b")").unwrap_or_default();
    event.duration_ns = num::duration(took)
        .or_else(|| {
            took.strip_suffix(b"ms")
                .and_then(|t| num::uint(&without_commas(t)?))
                .and_then(|v| i64::try_from(v).ok())
                .map(|v| v.saturating_mul(1_000_000))
        })
        .unwrap_or(-1);
    let (_, lines) = text::first_line(message);
    event.query = if lines.is_empty() { event.stack.trim_ascii() } else { lines.trim_ascii() };
    true
}

/// `1,234` → `1234`: .NET groups thousands.
fn without_commas(text: &[u8]) -> Option<Vec<u8>> {
    text.contains(&b',').then(|| text.iter().copied().filter(|b| *b != b',').collect())
}
