//! c3p0: overdue connections (a record with the connection, then one with the borrower's stack), borrowers that waited
//! in vain, the settings at the start.
//!
//! ```text
//! A checked-out resource is overdue, and will be destroyed: com.mchange.v2.c3p0.impl.NewPooledConnection@528fa5d
//! Logging the stack trace by which the overdue resource was checked-out.   (next record, same thread, with the stack)
//! ```
//!
//! Both are leak reports: reasons `overdue` (has the connection) and `overdue_stack` (has the stack, no connection).

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{pools, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "c3p0",
    about: "c3p0: overdue connections, acquire timeouts, settings",
    spec: "swaldman/c3p0, BasicResourcePool, 0.9.1 to 0.10",
    needles: &[
        "A checked-out resource is overdue, and will be destroyed",
        "by which the overdue resource was checked-out",
        "client to checkout a Connection has timed out",
        "timed out while waiting to acquire a resource from",
        "is interrupting all Threads waiting on a resource",
        "Initializing c3p0 pool...",
    ],
    recognise,
    examples: &[
        Example {
            line: "A checked-out resource is overdue, and will be destroyed: com.mchange.v2.c3p0.impl.NewPooledConnection@528fa5d",
            shows: &[
                ("kind", "pool.leak.report"),
                ("conn.id", "com.mchange.v2.c3p0.impl.NewPooledConnection@528fa5d"),
                ("reason", "overdue"),
            ],
        },
        Example {
            line: "Logging the stack trace by which the overdue resource was checked-out.\n\tat com.acme.A.f(A.java:1)",
            shows: &[("kind", "pool.leak.report"), ("reason", "overdue_stack")],
        },
        Example {
            line: "java.sql.SQLException: An attempt by a client to checkout a Connection has timed out.",
            shows: &[("kind", "pool.acquire_timeout"), ("error.type", "java.sql.SQLException")],
        },
        Example {
            line: "Initializing c3p0 pool... com.mchange.v2.c3p0.ComboPooledDataSource [ acquireIncrement -> 3, dataSourceName -> shop, maxPoolSize -> 15, minPoolSize -> 3 ]",
            shows: &[("kind", "pool.start"), ("pool.name", "shop"), ("pool.max", "15")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    if let Some(found) = pools::find(event.message, "A checked-out resource is overdue, and will be destroyed") {
        event.kind = Kind::LeakReport;
        event.reason = b"overdue";
        event.conn = found.line().strip_prefix(b": ").unwrap_or_default();
    } else if pools::find(event.message, "by which the overdue resource was checked-out").is_some() {
        event.kind = Kind::LeakReport;
        event.reason = b"overdue_stack";
    } else if let Some(found) = pools::find(event.message, "Initializing c3p0 pool...") {
        event.kind = Kind::PoolStart;
        event.reason = b"configured";
        event.gauge.max = pools::number(found.after, "maxPoolSize -> ");
        event.pool = text::after(found.after, b"dataSourceName -> ").map(text::word).unwrap_or_default();
    } else if pools::anywhere(event, "is interrupting all Threads waiting on a resource").is_some() {
        event.kind = Kind::ConnectFailed;
        event.reason = b"pool_error";
    } else {
        let texts = [
            "An attempt by a client to checkout a Connection has timed out",
            "A client timed out while waiting to acquire a resource",
        ];
        let Some(found) = texts.iter().find_map(|phrase| pools::anywhere(event, phrase)) else { return false };
        event.kind = Kind::AcquireTimeout;
        event.reason = b"timeout";
        if event.error_type.is_empty() {
            event.error_type = found.thrower();
        }
    }
    true
}
