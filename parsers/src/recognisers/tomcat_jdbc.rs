//! Tomcat's JDBC pool: abandoned and suspect connections with the borrower's stack, an empty pool, slow queries.
//!
//! ```text
//! Connection has been abandoned PooledConnection[org.postgresql.jdbc.PgConnection@630ac1df]:java.lang.Exception
//! Timeout: Pool empty. Unable to fetch a connection in 30 seconds, none available[size:10; busy:10; idle:0; lastwait:30000].
//! ```

use crate::event::{Arena, Event, Gauge};
use crate::kind::Kind;
use crate::prim::{pools, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "tomcat_jdbc",
    about: "Tomcat JDBC pool: abandoned and suspect connections, empty pool, slow queries",
    spec: "apache/tomcat, modules/jdbc-pool, ConnectionPool and SlowQueryReport",
    needles: &[
        "Connection has been abandoned PooledConnection[",
        "marked suspect, possibly abandoned PooledConnection[",
        "that has been marked suspect was returned",
        "Timeout: Pool empty. Unable to fetch a connection in",
        "Pool wait interrupted.",
        "Slow Query Report SQL=",
        "Failed Query Report SQL=",
    ],
    recognise,
    examples: &[
        Example {
            line: "Connection has been abandoned PooledConnection[org.postgresql.jdbc.PgConnection@630ac1df]:java.lang.Exception",
            shows: &[
                ("kind", "pool.leak.report"),
                ("conn.id", "org.postgresql.jdbc.PgConnection@630ac1df"),
                ("reason", "abandoned"),
            ],
        },
        Example {
            line: "Connection has been marked suspect, possibly abandoned PooledConnection[com.mysql.cj.jdbc.ConnectionImpl@2237cbe4][1789 ms.]:java.lang.Exception",
            shows: &[("kind", "pool.leak.report"), ("duration_ns", "1789000000"), ("reason", "suspect")],
        },
        Example {
            line: "Connection(PooledConnection[com.mysql.cj.jdbc.ConnectionImpl@2237cbe4]) that has been marked suspect was returned. The processing time is 2652 ms.",
            shows: &[
                ("kind", "pool.leak.cleared"),
                ("conn.id", "com.mysql.cj.jdbc.ConnectionImpl@2237cbe4"),
                ("duration_ns", "2652000000"),
            ],
        },
        Example {
            line: "org.apache.tomcat.jdbc.pool.PoolExhaustedException: [main] Timeout: Pool empty. Unable to fetch a connection in 0 seconds, none available[size:2; busy:2; idle:0; lastwait:700].",
            shows: &[
                ("kind", "pool.acquire_timeout"),
                ("thread.name", "main"),
                ("wait_ns", "700000000"),
                ("pool.total", "2"),
                ("error.type", "org.apache.tomcat.jdbc.pool.PoolExhaustedException"),
            ],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    if let Some(found) = pools::find(event.message, "Connection has been abandoned PooledConnection[") {
        event.conn = text::before(found.after, b"]").unwrap_or_default();
        event.reason = b"abandoned";
        event.kind = Kind::LeakReport;
    } else if let Some(found) = pools::find(event.message, "marked suspect, possibly abandoned PooledConnection[") {
        event.conn = text::before(found.after, b"]").unwrap_or_default();
        event.reason = b"suspect";
        event.kind = Kind::LeakReport;
        held(event, text::between(found.after, b"][", b" ms"));
    } else if let Some(found) = pools::find(event.message, "that has been marked suspect was returned") {
        event.conn = text::between(found.before, b"PooledConnection[", b"]").unwrap_or_default();
        event.kind = Kind::LeakCleared;
        held(event, text::between(found.after, b"processing time is ", b" ms"));
    } else if let Some(found) = pools::anywhere(event, "Timeout: Pool empty. Unable to fetch a connection in") {
        exhausted(event, found);
    } else if pools::anywhere(event, "Pool wait interrupted.").is_some() {
        event.kind = Kind::AcquireTimeout;
        event.reason = b"interrupted";
    } else if let Some(found) =
        pools::find(event.message, "Slow Query Report SQL=").or_else(|| pools::find(event.message, "Failed Query Report SQL="))
    {
        let failed = memchr::memmem::find(event.message, b"Failed Query").is_some();
        event.kind = if failed { Kind::Query } else { Kind::SlowQuery };
        event.reason = if failed { b"failed" } else { b"" };
        event.query = text::before(found.after, b"; time=").unwrap_or(found.after);
        held(event, text::between(found.after, b"; time=", b" ms"));
    } else {
        return false;
    }
    true
}

fn held(event: &mut Event<'_>, millis: Option<&[u8]>) {
    if let Some(nanos) = millis.and_then(|ms| crate::prim::num::scaled(ms, 6)) {
        event.duration_ns = nanos;
    }
}

fn exhausted<'a>(event: &mut Event<'a>, found: pools::Found<'a>) {
    let line = found.line();
    event.kind = Kind::AcquireTimeout;
    event.reason = b"timeout";
    event.gauge = Gauge {
        total: pools::number(line, "size:"),
        active: pools::number(line, "busy:"),
        idle: pools::number(line, "idle:"),
        ..Gauge::NONE
    };
    // The seconds are cut; the last wait is exact.
    match text::after(line, b"lastwait:").map(text::digits) {
        Some(millis) if !millis.is_empty() => pools::wait_ms(event, millis),
        _ => event.wait_ns = crate::prim::num::scaled(text::digits(line.trim_ascii_start()), 9).unwrap_or(-1),
    }
    if let Some(open) = memchr::memrchr(b'[', found.before) {
        event.thread = text::before(found.before.get(open + 1..).unwrap_or_default(), b"]").unwrap_or(event.thread);
        let head = pools::Found { before: found.before.get(..open).unwrap_or_default(), after: b"" };
        if event.error_type.is_empty() {
            event.error_type = head.thrower();
        }
    }
}
