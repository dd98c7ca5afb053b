//! pgx (Go) through its `tracelog`: connects, statements, and a pool's borrows and returns with the server's process id.
//!
//! Source: `jackc/pgx` `tracelog/tracelog.go`, `pgxpool/pool.go`. The words are the messages; everything else stands in
//! the fields of the application's logger.
//!
//! ```text
//! time=2026-11-20T10:33:12Z level=DEBUG msg=Acquire time=1.2ms pid=4711
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{facts, num, pairs, roles, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "pgx",
    about: "pgx's tracelog: connections, statements, pool borrows and returns",
    spec: "jackc/pgx tracelog/tracelog.go",
    needles: &["Acquire", "Release", "Connect", "Query", "Prepare", "Exec", "BatchQuery", "CopyFrom"],
    recognise,
    examples: &[
        Example {
            line: "Acquire pid=4711 time=1.2ms",
            shows: &[("kind", "pool.borrow"), ("conn.backend_pid", "4711"), ("conn.id", "4711"), ("wait_ns", "1200000")],
        },
        Example { line: "Release map[pid:4711]", shows: &[("kind", "pool.return"), ("conn.backend_pid", "4711")] },
        Example {
            line: "Query args=[1] commandTag=\"SELECT 1\" pid=4711 sql=\"select * from t\" time=350µs",
            shows: &[
                ("kind", "db.query"),
                ("duration_ns", "350000"),
                ("db.query.text", "select * from t"),
                ("conn.backend_pid", "4711"),
            ],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    let message = event.message;
    let (word, tail) = text::before(message, b" ").zip(text::after(message, b" ")).unwrap_or((message, b""));
    let known =
        matches!(word, b"Acquire" | b"Release" | b"Connect" | b"Query" | b"Prepare" | b"Exec" | b"BatchQuery" | b"CopyFrom");
    if !known || !(tail.is_empty() || tail.starts_with(b"map[") || pairs::pair(tail).is_some_and(|(raw, _)| !raw.bare)) {
        return false;
    }
    let get = |key: &str| {
        event
            .attrs
            .iter()
            .rev()
            .find(|(k, _)| *k == key.as_bytes())
            .map(|(_, v)| *v)
            .or_else(|| pairs::value(tail, key))
            .or_else(|| pairs::field(tail, key))
    };
    let backend = get("pid").and_then(num::uint32);
    let error = get("err").or_else(|| get("error")).unwrap_or_default();
    // The words alone are anybody's: pgx always states one of these.
    if backend.is_none() && error.is_empty() && get("sql").is_none() && get("database").is_none() {
        return false;
    }
    let took = get("time").map_or(-1, elapsed);
    let (sql, host, port, database) = (get("sql"), get("host"), get("port"), get("database"));
    let pid = get("pid").filter(|_| backend.is_some());
    // The layout may have taken the backend's pid for the process.
    if event.pid == backend.unwrap_or(0) {
        event.pid = 0;
    }
    event.backend_pid = backend.unwrap_or(0);
    match word {
        b"Acquire" if error.is_empty() => {
            event.kind = Kind::PoolBorrow;
            event.conn = pid.unwrap_or_default();
            event.wait_ns = took;
        }
        b"Acquire" => {
            event.kind = Kind::AcquireTimeout;
            event.reason = b"pool_exhausted";
            event.wait_ns = took;
        }
        b"Release" => {
            event.kind = Kind::PoolReturn;
            event.conn = pid.unwrap_or_default();
        }
        b"Connect" => {
            event.kind = if error.is_empty() { Kind::PoolConnAdded } else { Kind::ConnectFailed };
            event.conn = pid.unwrap_or_default();
            event.reason = facts::refusal(error);
            event.connect_ns = took;
            event.server = host.unwrap_or_default();
            event.server_port = port.and_then(num::uint16).unwrap_or(0);
            event.db_name = database.unwrap_or_default();
        }
        _ => {
            event.kind = if error.is_empty() { Kind::Query } else { Kind::Error };
            event.query = sql.unwrap_or_default();
            event.duration_ns = took;
        }
    }
    true
}

/// A Go duration: with units (`1.2ms`), or a bare number of nanoseconds (zap and zerolog may write seconds or
/// milliseconds with a fraction).
fn elapsed(value: &[u8]) -> i64 {
    match num::duration(value) {
        Some(nanos) => nanos,
        None if value.contains(&b'.') => roles::duration(b"elapsed_seconds", value),
        None => num::int(value).unwrap_or(-1),
    }
}
