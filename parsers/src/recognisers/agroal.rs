//! Agroal as Quarkus and `WildFly` log it: borrows and returns at TRACE, leaks, timeouts of borrowers.
//!
//! ```text
//! Datasource '<default>': Acquire connection org.postgresql.jdbc.PgConnection@1a0dcaa
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{pools, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "agroal",
    about: "Agroal (Quarkus): borrows, returns, leaks, acquire timeouts",
    spec: "quarkusio/quarkus, AgroalEventLoggingListener; agroal/agroal, ConnectionPool",
    needles: &["Datasource '", "Sorry, acquisition timeout!"],
    recognise,
    examples: &[
        Example {
            line: "Datasource '<default>': Acquire connection org.postgresql.jdbc.PgConnection@1a0dcaa",
            shows: &[
                ("kind", "pool.borrow"),
                ("pool.name", "<default>"),
                ("conn.id", "org.postgresql.jdbc.PgConnection@1a0dcaa"),
            ],
        },
        Example {
            line: "Datasource 'orders': Returning connection org.postgresql.jdbc.PgConnection@1a0dcaa",
            shows: &[("kind", "pool.return"), ("pool.name", "orders")],
        },
        Example {
            line: "Datasource '<default>': Connection leak of org.postgresql.jdbc.PgConnection@1a0dcaa",
            shows: &[("kind", "pool.leak.report"), ("conn.id", "org.postgresql.jdbc.PgConnection@1a0dcaa")],
        },
        Example {
            line: "java.sql.SQLException: Sorry, acquisition timeout!",
            shows: &[("kind", "pool.acquire_timeout"), ("error.type", "java.sql.SQLException")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    if let Some(found) = pools::anywhere(event, "Sorry, acquisition timeout!") {
        event.kind = Kind::AcquireTimeout;
        event.reason = b"timeout";
        if event.error_type.is_empty() {
            event.error_type = found.thrower();
        }
        return true;
    }
    let Some(rest) = event.message.strip_prefix(b"Datasource '") else { return false };
    let Some(name) = text::before(rest, b"': ") else { return false };
    let body = rest.get(name.len() + 3..).unwrap_or_default();
    let kinds: [(&[u8], Kind, &[u8]); 9] = [
        (b"Acquire connection ", Kind::PoolBorrow, b""),
        (b"Connection acquired ", Kind::PoolBorrow, b""),
        (b"Returning connection ", Kind::PoolReturn, b""),
        (b"Created connection ", Kind::PoolConnAdded, b""),
        (b"Destroyed connection ", Kind::PoolConnClosed, b"destroyed"),
        (b"Closing idle connection ", Kind::PoolConnClosed, b"idle_timeout"),
        (b"Connection leak of ", Kind::LeakReport, b"leak_detection"),
        (b"JDBC resources leaked: ", Kind::Log, b"resources_leaked"),
        (b"Acquisition of multiple connections by the same Thread", Kind::Log, b"multiple_acquisition"),
    ];
    let Some((prefix, kind, reason)) = kinds.iter().find(|(prefix, ..)| body.starts_with(prefix)) else { return false };
    // An acquire event comes before the borrower has the connection: then no connection is named.
    event.kind = *kind;
    event.reason = reason;
    event.pool = name;
    if *kind != Kind::Log {
        event.conn = text::first_line(body.get(prefix.len()..).unwrap_or_default()).0.trim_ascii();
    }
    true
}
