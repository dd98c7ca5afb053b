//! Pools of Node.js: node-postgres, knex with tarn, Sequelize, mysql and mysql2, Prisma, TypeORM's statements, and
//! MongoDB's driver.
//!
//! Source: `brianc/node-postgres` `packages/pg-pool/index.js`; `knex/knex` `lib/client.js`, `vincit/tarn.js`;
//! `sequelize/sequelize` `errors/connection/connection-acquire-timeout-error`; `sidorares/node-mysql2` `lib/base/pool.js`;
//! Prisma error reference P2024.
//!
//! ```text
//! Error: timeout exceeded when trying to connect
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::facts::has;
use crate::prim::{num, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "node_pools",
    about: "pools of Node.js: node-postgres, knex, Sequelize, mysql2, Prisma",
    spec: "brianc/node-postgres pg-pool; knex lib/client.js; sequelize errors; sidorares/node-mysql2; Prisma P2024",
    needles: &[
        "timeout exceeded when trying to connect",
        "Connection terminated due to connection timeout",
        "Connection terminated unexpectedly",
        "Release called on client which has already been released",
        "Timeout acquiring a connection. The pool is probably full",
        "ConnectionAcquireTimeoutError",
        "Timed out fetching a new connection from the",
        "No connections available.",
        "Queue limit reached.",
        " connection from pool: __knexUid",
        " connection to pool: __knexUid",
        "Executing (",
        "ER_CON_COUNT_ERROR",
        "PROTOCOL_CONNECTION_LOST",
        "WaitQueueTimeoutError",
        "Timed out while checking out a connection from connection pool",
        "prisma:query ",
    ],
    recognise,
    examples: &[
        Example {
            line: "Error: timeout exceeded when trying to connect\n    at /app/node_modules/pg-pool/index.js:45:11\n    at async /app/pools.js:8:7",
            shows: &[("kind", "pool.acquire_timeout"), ("reason", "pool_exhausted")],
        },
        Example {
            line: "KnexTimeoutError: Knex: Timeout acquiring a connection. The pool is probably full. Are you missing a .transacting(trx) call?",
            shows: &[("kind", "pool.acquire_timeout"), ("error.type", "KnexTimeoutError")],
        },
        Example {
            line: "acquired connection from pool: __knexUid17",
            shows: &[("kind", "pool.borrow"), ("conn.id", "__knexUid17")],
        },
        Example {
            line: "releasing connection to pool: __knexUid17",
            shows: &[("kind", "pool.return"), ("conn.id", "__knexUid17")],
        },
        Example {
            line: "Timed out fetching a new connection from the connection pool. More info: http://pris.ly/d/connection-pool (Current connection pool timeout: 10, connection limit: 13)",
            shows: &[("kind", "pool.acquire_timeout"), ("pool.max", "13"), ("wait_ns", "10000000000")],
        },
        Example { line: "Executing (default): SELECT 1", shows: &[("kind", "db.query"), ("db.query.text", "SELECT 1")] },
    ],
};

/// Texts of a time-out, and the class of the error where the text names none.
const TIMEOUTS: [(&[u8], &[u8]); 6] = [
    (b"timeout exceeded when trying to connect", b"Error"),
    (b"Timeout acquiring a connection. The pool is probably full", b"KnexTimeoutError"),
    (b"ConnectionAcquireTimeoutError", b"SequelizeConnectionAcquireTimeoutError"),
    (b"Timed out fetching a new connection from the", b"PrismaClientKnownRequestError"),
    (b"WaitQueueTimeoutError", b"WaitQueueTimeoutError"),
    (b"Timed out while checking out a connection from connection pool", b"WaitQueueTimeoutError"),
];

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    let message = event.message;
    if let Some(id) = text::after(message, b" connection from pool: ").filter(|i| i.starts_with(b"__knexUid")) {
        event.kind = Kind::PoolBorrow;
        event.conn = text::word(id);
        return true;
    }
    if let Some(id) = text::after(message, b" connection to pool: ").filter(|i| i.starts_with(b"__knexUid")) {
        event.kind = Kind::PoolReturn;
        event.conn = text::word(id);
        return true;
    }
    if let Some(query) = message
        .strip_prefix(b"Executing (")
        .and_then(|m| text::after(m, b"): "))
        .or_else(|| message.strip_prefix(b"prisma:query "))
    {
        event.kind = Kind::Query;
        event.query = query;
        return true;
    }
    let error = event
        .attr_any(&["err.stack", "error.stack", "err.message", "error.message", "stack", "err", "error"])
        .unwrap_or_default();
    let texts = [message, event.stack, error];
    for text in texts {
        if let Some((_, class)) = TIMEOUTS.iter().find(|(words, _)| has(text, words)) {
            event.kind = Kind::AcquireTimeout;
            event.reason = b"pool_exhausted";
            if event.error_type.is_empty() {
                event.error_type = class;
            }
            prisma(text, event);
            return true;
        }
    }
    for text in texts {
        let table: [(&[u8], Kind, &'static [u8]); 6] = [
            (b"Connection terminated due to connection timeout", Kind::ConnectFailed, b"connect_timeout"),
            (b"Connection terminated unexpectedly", Kind::PoolConnClosed, b"closed_unexpectedly"),
            (b"Release called on client which has already been released", Kind::Error, b"released_twice"),
            (b"ER_CON_COUNT_ERROR", Kind::ConnectFailed, b"too_many_clients"),
            (b"PROTOCOL_CONNECTION_LOST", Kind::PoolConnClosed, b"closed_unexpectedly"),
            (b"Queue limit reached.", Kind::AcquireTimeout, b"queue_full"),
        ];
        if let Some((_, kind, reason)) = table.iter().find(|(words, ..)| has(text, words)) {
            event.kind = *kind;
            event.reason = reason;
            return true;
        }
        // mysql2 without waitForConnections; the words alone are too common.
        if text.trim_ascii_end().ends_with(b"No connections available.") || has(text, b"Error: No connections available.") {
            event.kind = Kind::AcquireTimeout;
            event.reason = b"pool_exhausted";
            return true;
        }
    }
    false
}

/// Prisma states its limit and its time-out in seconds.
fn prisma(text: &[u8], event: &mut Event<'_>) {
    let number = |key: &[u8]| text::after(text, key).map(text::digits).and_then(num::uint);
    if let Some(seconds) = number(b"connection pool timeout: ") {
        event.wait_ns = i64::try_from(seconds).unwrap_or(0).saturating_mul(1_000_000_000);
    }
    if let Some(limit) = number(b"connection limit: ") {
        event.gauge.max = i32::try_from(limit).unwrap_or(-1);
    }
}
