//! SQLAlchemy's pool at `echo_pool="debug"` (or its loggers at DEBUG), its time-out, and its clean-up of lost connections.
//!
//! Source: `sqlalchemy/sqlalchemy` `lib/sqlalchemy/pool/base.py`, `pool/impl.py` (1.3 to 2.1 write the same texts).
//! The address inside the connection's `repr` is the key: the rest of it changes between lines.
//!
//! ```text
//! Connection <connection object at 0x7f11f3513740; dsn: 'user=shop dbname=shop host=10.0.0.5', closed: 0> checked out from pool
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::facts::{self, address, has};
use crate::prim::{num, pairs, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "sqlalchemy",
    about: "SQLAlchemy's connection pool",
    spec: "sqlalchemy/sqlalchemy lib/sqlalchemy/pool/base.py and impl.py",
    needles: &[
        " checked out from pool",
        " being returned to pool",
        "Created new connection <",
        "losing connection <",
        "Hard-closing connection ",
        "nvalidate connection <",
        " exceeded timeout; recycling",
        "invalidated due to pool invalidation",
        " rollback-on-return",
        " commit-on-return",
        " reset, transaction already reset",
        "Pool pre-ping on connection <",
        "invalidating all pooled connections prior",
        " overflow ",
        "Pool disposed. ",
        "trying to clean up non-checked-in connection",
    ],
    recognise,
    examples: &[
        Example {
            line: "Connection <connection object at 0x7f11f3513740; dsn: 'user=shop password=xxx dbname=orders host=10.0.0.5 port=5433 application_name=web', closed: 0> checked out from pool",
            shows: &[
                ("kind", "pool.borrow"),
                ("conn.id", "0x7f11f3513740"),
                ("db.user", "shop"),
                ("db.namespace", "orders"),
                ("server.address", "10.0.0.5"),
                ("server.port", "5433"),
                ("client.app", "web"),
            ],
        },
        Example {
            line: "Connection <psycopg.Connection [BAD] (host=127.0.0.1 port=21015 user=app database=shop) at 0x7f74aed2fad0> being returned to pool",
            shows: &[("kind", "pool.return"), ("conn.id", "0x7f74aed2fad0"), ("db.namespace", "shop"), ("db.user", "app")],
        },
        Example {
            line: "Exception on /cart [POST]\nTraceback (most recent call last):\nsqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00 (Background on this error at: https://sqlalche.me/e/20/3o7r)",
            shows: &[
                ("kind", "pool.acquire_timeout"),
                ("pool.max", "15"),
                ("wait_ns", "30000000000"),
                ("error.type", "sqlalchemy.exc.TimeoutError"),
            ],
        },
        Example {
            line: "Pool disposed. Pool size: 5  Connections in pool: 2 Current Overflow: -1 Current Checked out connections: 2",
            shows: &[("kind", "pool.stats"), ("pool.total", "4"), ("pool.active", "2"), ("pool.idle", "2")],
        },
        Example {
            line: "The garbage collector is trying to clean up non-checked-in connection <AdaptedConnection <asyncpg.connection.Connection object at 0x7f749b1b98a0>>, which will be terminated.",
            shows: &[("kind", "pool.leak.report"), ("conn.id", "0x7f749b1b98a0"), ("reason", "garbage_collected")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    if let Some(limit) = text::after(event.message, b" limit of size ").or_else(|| text::after(event.stack, b" limit of size "))
    {
        return overflow(limit, event);
    }
    let (kind, reason): (Kind, &'static [u8]) = match event.message {
        m if ends(m, b" checked out from pool") => (Kind::PoolBorrow, b""),
        m if ends(m, b" being returned to pool") => (Kind::PoolReturn, b""),
        m if m.starts_with(b"Created new connection ") => (Kind::PoolConnAdded, b""),
        m if m.starts_with(b"Closing connection <") || m.starts_with(b"Hard-closing connection ") => {
            (Kind::PoolConnClosed, b"closed")
        }
        m if m.starts_with(b"Invalidate connection <") => (Kind::PoolConnClosed, b"invalidated"),
        m if m.starts_with(b"Soft Invalidate connection <") => (Kind::Log, b"invalidated"),
        m if ends(m, b" exceeded timeout; recycling") => (Kind::Log, b"max_lifetime"),
        m if has(m, b"invalidated due to pool invalidation") => (Kind::Log, b"invalidated"),
        m if ends(m, b"-on-return") || has(m, b" reset, transaction already reset") => (Kind::Log, b""),
        m if has(m, b"trying to clean up non-checked-in connection") => (Kind::LeakReport, b"garbage_collected"),
        m if m.starts_with(b"Pool pre-ping on connection <") && has(m, b"failed") => (Kind::Error, b"pre_ping_failed"),
        m if m.starts_with(b"Pool pre-ping on connection <") => (Kind::Log, b""),
        m if m.starts_with(b"Disconnection detected on checkout") => (Kind::Error, b"disconnected"),
        m if m.starts_with(b"Pool disposed. ") => return disposed(event),
        _ => return false,
    };
    let key = address(event.message);
    if key.is_empty() && !matches!(kind, Kind::Error | Kind::LeakReport) {
        return false;
    }
    event.kind = kind;
    event.reason = if event.reason.is_empty() { reason } else { event.reason };
    event.conn = key;
    dsn(event);
    name(event);
    true
}

fn ends(text: &[u8], end: &[u8]) -> bool {
    text.trim_ascii_end().ends_with(end)
}

/// Where the connection goes, as psycopg2 (`dsn: '…'`, key words or URI) and psycopg 3 (`(host=… port=…)`) print it.
fn dsn(event: &mut Event<'_>) {
    let message = event.message;
    let Some(dsn) = text::between(message, b"dsn: '", b"', closed").or_else(|| text::between(message, b"] (", b") at 0x"))
    else {
        return;
    };
    if let Some(rest) = text::after(dsn, b"://") {
        let (who, place) = text::before(rest, b"@").zip(text::after(rest, b"@")).unwrap_or((b"", rest));
        event.db_user = who.split(|b| *b == b':').next().unwrap_or_default();
        let (host, path) = text::before(place, b"/").zip(text::after(place, b"/")).unwrap_or((place, b""));
        (event.server, event.server_port) = crate::prim::net::host_port(host);
        event.db_name = path.split(|b| *b == b'?').next().unwrap_or_default();
        return;
    }
    let get = |key| pairs::value(dsn, key).unwrap_or_default();
    event.db_user = get("user");
    event.db_name = pairs::value(dsn, "dbname").unwrap_or_else(|| get("database"));
    event.server = get("host");
    event.server_port = num::uint16(get("port")).unwrap_or(0);
    event.app_name = get("application_name");
}

/// `pool_logging_name` stands behind the class in the logger's name.
fn name(event: &mut Event<'_>) {
    if let Some(class) = text::after(event.logger, b"sqlalchemy.pool.impl.")
        && let Some(name) = text::after(class, b".")
        && event.pool.is_empty()
    {
        event.pool = name;
    }
}

/// `5 overflow 10 reached, connection timed out, timeout 30.00`.
fn overflow<'a>(limit: &'a [u8], event: &mut Event<'a>) -> bool {
    let (size, rest) = (text::digits(limit), text::after(limit, b" overflow ").unwrap_or_default());
    if size.is_empty() || !has(limit.get(..80).unwrap_or(limit), b" reached, connection timed out") {
        return false;
    }
    let small = |digits| num::uint(digits).and_then(|v| i32::try_from(v).ok()).unwrap_or(0);
    event.kind = Kind::AcquireTimeout;
    // An overflow of -1 means no limit; a time-out cannot come from such a pool.
    event.gauge.max = small(size).saturating_add(small(text::digits(rest)));
    let timeout = text::after(rest, b"timeout ").unwrap_or_default();
    let width = timeout.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    event.wait_ns = timeout.get(..width).and_then(|t| num::scaled(t, 9)).unwrap_or(-1);
    event.error_type = b"sqlalchemy.exc.TimeoutError";
    event.reason = b"pool_exhausted";
    // The victim's request, where the web framework logged the exception.
    facts::flask_failure(event);
    name(event);
    true
}

/// The counters that a pool prints when it is disposed of. Overflow counts from minus the size.
fn disposed(event: &mut Event<'_>) -> bool {
    let number = |key: &[u8]| {
        let tail = text::after(event.message, key)?.trim_ascii_start();
        let width = usize::from(tail.first() == Some(&b'-'));
        num::int(tail.get(..width + num::digits(tail.get(width..)?))?).and_then(|v| i32::try_from(v).ok())
    };
    let (size, idle, overflow, active) = (
        number(b"Pool size:"),
        number(b"Connections in pool:"),
        number(b"Current Overflow:"),
        number(b"Checked out connections:"),
    );
    event.kind = Kind::PoolStats;
    event.gauge.idle = idle.unwrap_or(-1);
    event.gauge.active = active.unwrap_or(-1);
    event.gauge.total = size.zip(overflow).map_or(-1, |(s, o)| s.saturating_add(o));
    event.reason = b"disposed";
    name(event);
    true
}
