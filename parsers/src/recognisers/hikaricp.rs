//! `HikariCP`: leaks with the borrower's thread, counters, physical connections, timeouts of borrowers, settings.
//!
//! ```text
//! Connection leak detection triggered for org.postgresql.jdbc.PgConnection@1a0dcaa on thread exec-1, stack trace follows
//!                                         connection                                    borrower
//! ```
//!
//! There is no line for a borrow, and one for a return only where the connection had to be reset (`reason` is
//! `return_reset` or `return_rollback`, kind `log`: most returns are silent, so these are evidence and no count).
//! Settings that matter are `pool.start` with reason `configured`: `subject` is the setting; the maximum is in
//! `pool.max`, times are in `duration_ns`.

use crate::event::{Arena, Event, Gauge};
use crate::kind::Kind;
use crate::prim::{num, pools, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "hikaricp",
    about: "HikariCP: leak reports, pool counters, acquire timeouts, physical connections",
    spec: "brettwooldridge/HikariCP, HikariPool, PoolBase, ProxyLeakTask, 2.4 to 6.0",
    needles: &[
        "leak detection triggered for ",
        "reported leaked connection ",
        "stats (total=",
        "request timed out after ",
        "Added connection ",
        "Closing connection ",
        " marked as broken because of",
        "Failed to validate connection ",
        " - Starting...",
        " - Start completed.",
        " - Shutdown ",
        "housekeeper delta=",
        "Exception during pool initialization",
        "Failed to initialize pool: ",
        "maximumPoolSize....",
        "leakDetectionThreshold....",
        "maxLifetime....",
        "connectionTimeout....",
        "idleTimeout....",
        " - configuration:",
        "Reset (",
        "Executed rollback on connection ",
    ],
    recognise,
    examples: &[
        Example {
            line: "Connection leak detection triggered for org.postgresql.jdbc.PgConnection@1a0dcaa on thread http-nio-8080-exec-1, stack trace follows",
            shows: &[
                ("kind", "pool.leak.report"),
                ("conn.id", "org.postgresql.jdbc.PgConnection@1a0dcaa"),
                ("thread.name", "http-nio-8080-exec-1"),
            ],
        },
        Example {
            line: "Previously reported leaked connection org.postgresql.jdbc.PgConnection@1a0dcaa on thread main was returned to the pool (unleaked)",
            shows: &[
                ("kind", "pool.leak.cleared"),
                ("conn.id", "org.postgresql.jdbc.PgConnection@1a0dcaa"),
                ("thread.name", "main"),
            ],
        },
        Example {
            line: "HikariPool-1 - Timeout failure stats (total=3, active=3, idle=0, waiting=1)",
            shows: &[("kind", "pool.stats"), ("pool.name", "HikariPool-1"), ("pool.active", "3"), ("pool.waiting", "1")],
        },
        Example {
            line: "orders - Before cleanup stats (total=4/10, idle=1/2, active=3, waiting=0)",
            shows: &[("kind", "pool.stats"), ("pool.total", "4"), ("pool.max", "10"), ("pool.idle", "1"), ("pool.active", "3")],
        },
        Example {
            line: "Could not open JDBC Connection; nested exception is java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30001ms (total=10, active=10, idle=0, waiting=2)",
            shows: &[
                ("kind", "pool.acquire_timeout"),
                ("pool.name", "HikariPool-1"),
                ("wait_ns", "30001000000"),
                ("pool.waiting", "2"),
                ("error.type", "java.sql.SQLTransientConnectionException"),
            ],
        },
        Example {
            line: "HikariPool-1 - Closing connection org.postgresql.jdbc.PgConnection@6b7a1f: (connection has passed maxLifetime)",
            shows: &[
                ("kind", "pool.connection.closed"),
                ("conn.id", "org.postgresql.jdbc.PgConnection@6b7a1f"),
                ("reason", "max_lifetime"),
            ],
        },
        Example {
            line: "maximumPoolSize.................10",
            shows: &[("kind", "pool.start"), ("subject", "maximumPoolSize"), ("pool.max", "10"), ("reason", "configured")],
        },
        Example {
            line: "HikariPool-1 - Thread starvation or clock leap detected (housekeeper delta=1m5s123ms).",
            shows: &[("kind", "clock.anomaly"), ("duration_ns", "65123000000")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    leak(event) || timeout(event) || of_pool(event) || setting(event)
}

/// The two texts of the leak task. They do not name the pool; the thread is the borrower's, not the one that writes.
fn leak(event: &mut Event<'_>) -> bool {
    let (rest, kind, end) = match (
        text::after(event.message, b"onnection leak detection triggered for "),
        text::after(event.message, b"Previously reported leaked connection "),
    ) {
        (Some(rest), _) => (rest, Kind::LeakReport, &b", stack trace follows"[..]),
        (_, Some(rest)) => (rest, Kind::LeakCleared, &b" was returned to the pool"[..]),
        _ => return false,
    };
    let (line, _) = text::first_line(rest);
    let body = text::before(line, end).unwrap_or(line);
    event.kind = kind;
    // Before 2.7.4 the thread was not written.
    match memchr::memmem::rfind(body, b" on thread ") {
        Some(at) => {
            event.conn = body.get(..at).unwrap_or_default();
            event.thread = body.get(at + 11..).unwrap_or_default().trim_ascii();
        }
        None => event.conn = body,
    }
    true
}

/// A borrower that gave up, as an exception's text in the message or in a cause.
fn timeout(event: &mut Event<'_>) -> bool {
    let Some(found) = pools::anywhere(event, " - Connection is not available, request timed out after ") else { return false };
    // The pool's name stands behind the last colon: exceptions nest their messages.
    let head = found.before;
    let from = memchr::memmem::rfind(head, b": ").map_or(0, |at| at + 2);
    let (types, pool) = head.split_at_checked(from).unwrap_or_default();
    event.kind = Kind::AcquireTimeout;
    event.reason = b"timeout";
    event.pool = pool.trim_ascii();
    let line = found.line();
    pools::wait_ms(event, text::digits(line));
    if memchr::memmem::find(line, b"(total=").is_some() {
        event.gauge = gauge(line);
    }
    let thrower = pools::Found { before: types, after: b"" }.thrower();
    if event.error_type.is_empty() {
        event.error_type = if thrower.is_empty() { b"java.sql.SQLTransientConnectionException" } else { thrower };
    }
    true
}

fn gauge(line: &[u8]) -> Gauge {
    let total = text::after(line, b"total=").unwrap_or_default();
    let max = total.get(num::digits(total)..).filter(|t| t.starts_with(b"/")).map_or(-1, |t| pools::number(t, "/"));
    Gauge {
        total: pools::number(line, "total="),
        active: pools::number(line, "active="),
        idle: pools::number(line, "idle="),
        waiting: pools::number(line, "waiting="),
        max,
    }
}

/// Messages of the form `pool - text`.
fn of_pool(event: &mut Event<'_>) -> bool {
    let (line, _) = text::first_line(event.message);
    // A pool's name may itself hold ` - `: the text behind the last one decides first.
    let mut end = line.len();
    while let Some(at) = line.get(..end).and_then(|l| memchr::memmem::rfind(l, b" - ")) {
        if let (Some(pool), Some(rest)) = (line.get(..at), line.get(at + 3..))
            && pool.len() <= 120
            && said(event, rest)
        {
            event.pool = pool.trim_ascii();
            return event.kind != Kind::Log;
        }
        end = at;
    }
    // Versions before 2.4.4 wrote some texts without the pool.
    memchr::memmem::find(line, b"stats (total=").is_some() && said(event, line)
}

/// Classifies what a pool said; true where it is a text of this pool library (the kind may stay `log`).
fn said<'a>(event: &mut Event<'a>, rest: &'a [u8]) -> bool {
    if let Some(counts) = text::after(rest, b"stats (total=") {
        let _ = counts;
        event.kind = Kind::PoolStats;
        event.gauge = gauge(rest);
        if rest.starts_with(b"Timeout failure") {
            event.reason = b"timeout_failure";
        }
        return true;
    }
    if let Some(conn) = rest.strip_prefix(b"Added connection ") {
        event.kind = Kind::PoolConnAdded;
        event.conn = conn.trim_ascii();
    } else if let Some(body) = rest.strip_prefix(b"Closing connection ") {
        return closing(event, body);
    } else if rest.starts_with(b"Starting...") || rest.starts_with(b"Start completed.") || rest.starts_with(b"configuration:") {
        event.kind = Kind::PoolStart;
        event.reason = match rest.first() {
            Some(b'c') => b"configured",
            _ if rest.starts_with(b"Starting") => b"starting",
            _ => b"started",
        };
    } else if rest.starts_with(b"Shutdown initiated") || rest.starts_with(b"Shutdown completed") {
        event.kind = Kind::PoolStop;
        event.reason = if rest.starts_with(b"Shutdown i") { b"shutting_down" } else { b"stopped" };
    } else if let Some(delta) = text::between(rest, b"housekeeper delta=", b")") {
        event.kind = Kind::ClockAnomaly;
        event.reason = if rest.starts_with(b"Retrograde") { b"clock_back" } else { b"clock_leap" };
        event.duration_ns = num::duration(delta).unwrap_or(-1);
    } else if rest.starts_with(b"Exception during pool initialization") {
        event.kind = Kind::ConnectFailed;
        event.reason = b"pool_initialization";
    } else if let Some(body) = rest.strip_prefix(b"Failed to validate connection ") {
        event.kind = Kind::Error;
        event.reason = b"validation_failed";
        event.conn = body.get(..memchr::memmem::find(body, b" (").unwrap_or(body.len())).unwrap_or(body);
    } else if let Some(conn) = rest.strip_prefix(b"Connection ").and_then(|b| text::before(b, b" marked as broken because of"))
    {
        event.kind = Kind::Error;
        event.reason = b"broken";
        event.conn = conn;
        event.sqlstate = text::between(rest, b"SQLSTATE(", b")").filter(|s| *s != b"null").unwrap_or_default();
    } else if let Some(body) = rest.strip_prefix(b"Executed rollback on connection ") {
        event.reason = b"return_rollback";
        event.conn = text::before(body, b" due to ").unwrap_or(body);
    } else if let Some(conn) = rest.strip_prefix(b"Reset (").and_then(|b| text::after(b, b") on connection ")) {
        event.reason = b"return_reset";
        event.conn = conn.trim_ascii();
    } else {
        return false;
    }
    true
}

fn closing<'a>(event: &mut Event<'a>, body: &'a [u8]) -> bool {
    // `Closing connection C failed` tells of a close that was announced before.
    let Some(at) = memchr::memmem::rfind(body, b": (") else { return false };
    let why = body.get(at + 3..).unwrap_or_default().trim_ascii_end();
    let why = why.strip_suffix(b")").unwrap_or(why);
    let why = why.strip_prefix(b"connection ").unwrap_or(why);
    event.kind = Kind::PoolConnClosed;
    event.conn = body.get(..at).unwrap_or_default();
    event.reason = match why {
        b"has passed maxLifetime" => b"max_lifetime",
        b"has passed idleTimeout" => b"idle_timeout",
        b"was evicted" | b"evicted" | b"evicted by user" => b"evicted",
        b"is dead" => b"dead",
        b"is broken" => b"broken",
        b"aborted during shutdown" => b"shutting_down",
        other => other,
    };
    true
}

/// A line of the settings that are written at DEBUG when the pool starts: `name.....value`.
fn setting(event: &mut Event<'_>) -> bool {
    let (line, _) = text::first_line(event.message);
    let Some(dots) = memchr::memmem::find(line, b"....") else { return false };
    let (name, value) = line.split_at_checked(dots).unwrap_or_default();
    let value = value.iter().position(|b| *b != b'.').and_then(|at| value.get(at..)).unwrap_or_default();
    let Some(number) = num::uint32(value) else { return false };
    match name {
        b"maximumPoolSize" => event.gauge.max = i32::try_from(number).unwrap_or(-1),
        b"leakDetectionThreshold" | b"maxLifetime" | b"connectionTimeout" | b"idleTimeout" => {
            event.duration_ns = i64::from(number) * 1_000_000;
        }
        _ => return false,
    }
    event.kind = Kind::PoolStart;
    event.reason = b"configured";
    event.subject = name;
    true
}
