//! Go's `database/sql`: counters that applications print from `DB.Stats()`, and its few errors.
//!
//! Source: Go `database/sql` `sql.go` (`DBStats`, `ErrConnDone`, `errDBClosed`), `database/sql/driver` `ErrBadConn`.
//!
//! ```text
//! db stats {MaxOpenConnections:20 OpenConnections:7 InUse:5 Idle:2 WaitCount:0 WaitDuration:0s …}
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::facts::has;
use crate::prim::{num, pairs};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "go_sql",
    about: "Go's database/sql: DB.Stats and errors",
    spec: "Go database/sql sql.go: DBStats, errDBClosed, ErrConnDone; driver.ErrBadConn",
    needles: &[
        "MaxOpenConnections",
        "OpenConnections",
        "open_connections",
        "openConnections",
        "sql: database is closed",
        "sql: connection is already closed",
        "driver: bad connection",
    ],
    recognise,
    examples: &[
        Example {
            line: "pool {MaxOpenConnections:20 OpenConnections:7 InUse:5 Idle:2 WaitCount:1 WaitDuration:50.246626ms MaxIdleClosed:0 MaxIdleTimeClosed:0 MaxLifetimeClosed:0}",
            shows: &[("kind", "pool.stats"), ("pool.max", "20"), ("pool.total", "7"), ("pool.active", "5"), ("pool.idle", "2")],
        },
        Example {
            line: "get order: driver: bad connection",
            shows: &[("kind", "pool.connection.closed"), ("reason", "bad_connection")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    let text = event.message;
    let attrs = event.attrs;
    let number = |names: &[&str]| {
        let attr = |name: &str| {
            let suffix =
                |key: &[u8]| key == name.as_bytes() || key.strip_suffix(name.as_bytes()).is_some_and(|k| k.ends_with(b"."));
            attrs.iter().find(|(key, _)| suffix(key)).map(|(_, value)| *value)
        };
        let find = |name: &&str| {
            attr(name).or_else(|| pairs::field(text, name)).or_else(|| pairs::value(text, name)).and_then(num::int)
        };
        names.iter().find_map(find).and_then(|v| i32::try_from(v).ok())
    };
    let total = number(&["OpenConnections", "open_connections", "openConnections"]);
    let active = number(&["InUse", "in_use", "inUse"]);
    if let (Some(total), Some(active)) = (total, active) {
        event.kind = Kind::PoolStats;
        event.gauge.total = total;
        event.gauge.active = active;
        event.gauge.idle = number(&["Idle", "idle"]).unwrap_or(-1);
        // 0 means no limit.
        event.gauge.max =
            number(&["MaxOpenConnections", "max_open_connections", "maxOpenConnections"]).filter(|m| *m > 0).unwrap_or(-1);
        return true;
    }
    let error = event.attr_any(&["err", "error"]).unwrap_or_default();
    for text in [text, error] {
        let found: Option<(Kind, &'static [u8])> = if has(text, b"driver: bad connection") {
            Some((Kind::PoolConnClosed, b"bad_connection"))
        } else if has(text, b"sql: database is closed") {
            Some((Kind::Error, b"pool_closed"))
        } else if has(text, b"sql: connection is already closed") {
            Some((Kind::Error, b"connection_closed"))
        } else {
            None
        };
        if let Some((kind, reason)) = found {
            event.kind = kind;
            event.reason = reason;
            return true;
        }
    }
    false
}
