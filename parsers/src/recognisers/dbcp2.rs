//! Apache Commons DBCP 2 (and Pool 2): abandoned connections with the borrower's stack, borrowers that waited in vain.
//!
//! ```text
//! Pooled object created 2026-11-20 10:15:43 +0000 by the following code has not been returned to the pool:
//!                       time of the borrow (`since`)
//! ```
//!
//! The report is printed to a stream without any time of its own; the layout of the same name keeps it a record.

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{pools, text, time};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "dbcp2",
    about: "Apache Commons DBCP2: abandoned connections, acquire timeouts",
    spec: "apache/commons-pool, AbandonedTrace, DefaultPooledObject; apache/commons-dbcp, PoolingDataSource",
    needles: &[
        "by the following code has not been returned to the pool",
        "by the following code was never closed",
        "Cannot get a connection, pool error ",
        "Cannot get a connection, pool exhausted",
        "The lifetime of the connection [",
        "An internal object pool swallowed an Exception",
    ],
    recognise,
    examples: &[
        Example {
            line: "Pooled object created 2026-11-20 10:15:43 +0000 by the following code has not been returned to the pool:\n\tat com.acme.shop.OrderRepository.find(OrderRepository.java:4)",
            shows: &[("kind", "pool.leak.report"), ("since", "2026-11-20T10:15:43Z"), ("reason", "abandoned")],
        },
        Example {
            line: "java.sql.SQLException: Cannot get a connection, pool error Timeout waiting for idle object, borrowMaxWaitDuration=PT0.8S",
            shows: &[("kind", "pool.acquire_timeout"), ("wait_ns", "800000000"), ("error.type", "java.sql.SQLException")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    let report = ["by the following code has not been returned to the pool", "by the following code was never closed"];
    if let Some(found) = report.iter().find_map(|phrase| pools::anywhere(event, phrase)) {
        let written = text::after(found.before, b"created ").unwrap_or_default();
        event.kind = Kind::LeakReport;
        event.reason = b"abandoned";
        event.since = time::iso(written).map(|(stamp, _)| stamp).unwrap_or_default();
        return true;
    }
    let failed = pools::anywhere(event, "Cannot get a connection, pool error ").map(|f| (f, false));
    if let Some((found, exhausted)) =
        failed.or_else(|| pools::anywhere(event, "Cannot get a connection, pool exhausted").map(|f| (f, true)))
    {
        let line = found.line();
        let timed = memchr::memmem::find(line, b"imeout waiting for idle object").is_some();
        let exhausted = exhausted || memchr::memmem::find(line, b"xhausted").is_some();
        if !timed && !exhausted {
            event.kind = Kind::ConnectFailed;
            event.reason = b"pool_error";
            return true;
        }
        event.kind = Kind::AcquireTimeout;
        event.reason = if timed { b"timeout" } else { b"exhausted" };
        if let Some(wait) = text::after(line, b"borrowMaxWaitDuration=").and_then(|w| pools::iso_duration(text::word(w))) {
            event.wait_ns = wait;
        }
        if event.error_type.is_empty() {
            event.error_type = found.thrower();
        }
        return true;
    }
    if pools::anywhere(event, "The lifetime of the connection [").is_some() {
        event.kind = Kind::PoolConnClosed;
        event.reason = b"max_lifetime";
        return true;
    }
    if pools::anywhere(event, "An internal object pool swallowed an Exception").is_some() {
        event.kind = Kind::Error;
        event.reason = b"pool_error";
        return true;
    }
    false
}
