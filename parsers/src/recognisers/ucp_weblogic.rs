//! Oracle's pools: Universal Connection Pool and `WebLogic` data sources.
//!
//! ```text
//! <BEA-001153> <Forcibly releasing inactive connection "weblogic.jdbc.wrapper.PoolConnection_..@7f" back into the data
//! source connection pool "ShopDS", currently reserved by: java.lang.Exception
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{pools, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "ucp_weblogic",
    about: "Oracle UCP and WebLogic data sources: reclaimed connections, exhausted pools",
    spec: "Oracle UCP error codes; WebLogic error messages BEA-001128, BEA-001153",
    needles: &[
        "UCP-29",
        "UCP-45060",
        "UCP-45064",
        "UCP-45003",
        "connection pool \"",
        "ResourceLimitException: No resources currently available in pool ",
        "UCP-0:",
    ],
    recognise,
    examples: &[
        Example {
            line: "Forcibly releasing inactive connection \"weblogic.jdbc.wrapper.PoolConnection@7f\" back into the data source connection pool \"ShopDS\", currently reserved by: java.lang.Exception\n\tat com.acme.A.f(A.java:1)",
            shows: &[
                ("kind", "pool.leak.report"),
                ("pool.name", "ShopDS"),
                ("conn.id", "weblogic.jdbc.wrapper.PoolConnection@7f"),
            ],
        },
        Example {
            line: "weblogic.common.resourcepool.ResourceLimitException: No resources currently available in pool ShopDS to allocate to applications",
            shows: &[("kind", "pool.acquire_timeout"), ("pool.name", "ShopDS"), ("reason", "exhausted")],
        },
        Example {
            line: "java.sql.SQLException: UCP-29: Failed to get a connection",
            shows: &[("kind", "pool.acquire_timeout"), ("error.type", "java.sql.SQLException")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    if let Some(found) = pools::find(event.message, "Forcibly releasing ") {
        let line = found.line();
        event.kind = Kind::LeakReport;
        event.reason = if line.starts_with(b"harvested") { b"harvested" } else { b"inactive" };
        event.conn = text::between(line, b"connection \"", b"\"").unwrap_or_default();
        event.pool = text::between(line, b"connection pool \"", b"\"").unwrap_or_default();
        return true;
    }
    if let Some(found) = pools::anywhere(event, "No resources currently available in pool ") {
        event.kind = Kind::AcquireTimeout;
        event.reason = b"exhausted";
        event.pool = text::word(found.line());
        return true;
    }
    let codes: [(&str, Kind, &[u8]); 5] = [
        ("UCP-45064", Kind::AcquireTimeout, b"exhausted"),
        ("UCP-45060", Kind::AcquireTimeout, b"exhausted"),
        ("UCP-45003", Kind::AcquireTimeout, b"exhausted"),
        ("UCP-29", Kind::AcquireTimeout, b"timeout"),
        ("UCP-0:", Kind::ConnectFailed, b"pool_initialization"),
    ];
    for (code, kind, reason) in codes {
        if let Some(found) = pools::anywhere(event, code) {
            // `UCP-29` is not the start of `UCP-290`.
            if found.after.first().is_some_and(u8::is_ascii_digit) {
                continue;
            }
            event.kind = kind;
            event.reason = reason;
            if event.error_type.is_empty() {
                event.error_type = found.thrower();
            }
            return true;
        }
    }
    false
}
