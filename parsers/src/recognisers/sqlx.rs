//! Pools of Rust: sqlx, deadpool, bb8, r2d2.
//!
//! Source: `launchbadge/sqlx` `sqlx-core/src/pool/inner.rs`, `logger.rs`, `error.rs`; `deadpool-rs/deadpool`
//! `managed/errors.rs`; `djc/bb8` `api.rs`; `sfackler/r2d2` `lib.rs`. sqlx writes `aquired_after_secs`, so spelt.
//!
//! ```text
//! acquired connection, but time to acquire exceeded slow threshold aquired_after_secs=0.601 slow_acquire_threshold_secs=0.3
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::facts::has;
use crate::prim::{num, pairs, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "sqlx",
    about: "Rust pools: sqlx, deadpool, bb8, r2d2",
    spec: "launchbadge/sqlx sqlx-core/src/pool/inner.rs, logger.rs; deadpool managed/errors.rs; bb8 api.rs; r2d2 lib.rs",
    needles: &[
        "aquired_after_secs",
        "acquired_after_secs",
        "acquired connection",
        "pool timed out while waiting for an open connection",
        "slow statement: execution time exceeded",
        "db.statement",
        "rows_affected",
        "ping on idle connection returned error",
        "error occurred while closing the pool connection",
        "Timeout occurred while waiting for a slot to become available",
        "Timeout occurred while creating a new object",
        "Timed out in bb8",
        "timed out waiting for connection",
    ],
    recognise,
    examples: &[
        Example {
            line: "acquired connection, but time to acquire exceeded slow threshold aquired_after_secs=0.601303287 slow_acquire_threshold_secs=0.3",
            shows: &[("kind", "log"), ("wait_ns", "601303287"), ("reason", "slow_acquire")],
        },
        Example {
            line: "pool timed out while waiting for an open connection",
            shows: &[("kind", "pool.acquire_timeout"), ("reason", "pool_exhausted")],
        },
        Example {
            line: "slow statement: execution time exceeded alert threshold summary=\"select pg_sleep(1.1)\" db.statement=\"\" rows_affected=1 rows_returned=1 elapsed=1.103914991s elapsed_secs=1.103914991 slow_threshold=1s",
            shows: &[("kind", "db.query.slow"), ("duration_ns", "1103914991"), ("db.query.text", "select pg_sleep(1.1)")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    let message = event.message;
    let error = event.attr_any(&["error", "err", "exception", "fields.error"]).unwrap_or_default();
    let timeouts: [&[u8]; 4] = [
        b"pool timed out while waiting for an open connection",
        b"Timeout occurred while waiting for a slot to become available",
        b"Timeout occurred while creating a new object",
        b"Timed out in bb8",
    ];
    let r2d2 = |t: &[u8]| has(t, b"timed out waiting for connection") && !has(t, b"waiting for connection to");
    if [message, event.stack, error].iter().any(|t| timeouts.iter().any(|w| has(t, w)) || r2d2(t)) {
        event.kind = Kind::AcquireTimeout;
        event.reason = b"pool_exhausted";
        return true;
    }
    let get = |keys: &[&str]| {
        event.attr_any(keys).or_else(|| keys.iter().find_map(|k| pairs::value(message, k)).filter(|v| !v.is_empty()))
    };
    if message.starts_with(b"acquired connection") {
        let after =
            get(&["aquired_after_secs", "acquired_after_secs", "fields.aquired_after_secs", "fields.acquired_after_secs"]);
        let Some(after) = after else { return false };
        event.wait_ns = num::scaled(after, 9).unwrap_or(-1);
        // sqlx names no connection and logs no return, so that a borrow would never end: only the wait is kept.
        event.reason = if has(message, b"exceeded slow threshold") { b"slow_acquire" } else { b"" };
        return true;
    }
    if message.starts_with(b"ping on idle connection returned error")
        || message.starts_with(b"error occurred while closing the pool connection")
    {
        event.kind = Kind::PoolConnClosed;
        event.reason = b"broken";
        return true;
    }
    let slow = message.starts_with(b"slow statement: execution time exceeded");
    let elapsed = get(&["elapsed_secs", "fields.elapsed_secs"]);
    let Some(elapsed) =
        elapsed.and_then(|e| num::scaled(e, 9)).filter(|_| slow || get(&["rows_affected", "fields.rows_affected"]).is_some())
    else {
        return false;
    };
    let query =
        get(&["db.statement", "fields.db.statement"]).or_else(|| get(&["summary", "fields.summary"])).unwrap_or_default();
    event.kind = if slow { Kind::SlowQuery } else { Kind::Query };
    event.duration_ns = elapsed;
    event.query = text::trim(query);
    true
}
