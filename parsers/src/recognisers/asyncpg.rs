//! asyncpg: it logs no borrow; what shows are time-outs inside its pool, lost connections, and refusals by the server.
//!
//! Source: `MagicStack/asyncpg` `asyncpg/pool.py`, `asyncpg/connection.py`, `asyncpg/exceptions/__init__.py`.
//!
//! ```text
//! Pool.close() is taking over 60 seconds to complete. Check if you have any unreleased connections left.
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::facts::{self, has};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "asyncpg",
    about: "asyncpg's pool and connections",
    spec: "MagicStack/asyncpg asyncpg/pool.py, connection.py",
    needles: &["asyncpg/pool.py", "Pool.close() is taking over", "unclosed connection <asyncpg", "asyncpg.exceptions."],
    recognise,
    examples: &[
        Example {
            line: "task failed\nTraceback (most recent call last):\n  File \"/venv/lib/python3.11/site-packages/asyncpg/pool.py\", line 223, in _acquire\n    raise exceptions.TimeoutError\nTimeoutError",
            shows: &[("kind", "pool.acquire_timeout"), ("reason", "pool_exhausted")],
        },
        Example {
            line: "ResourceWarning: unclosed connection <asyncpg.connection.Connection object at 0x7f749b1b98a0>; run in asyncio debug mode to show the traceback of connection origin",
            shows: &[("kind", "pool.leak.report"), ("conn.id", "0x7f749b1b98a0")],
        },
        Example {
            line: "asyncpg.exceptions.TooManyConnectionsError: sorry, too many clients already",
            shows: &[("kind", "connect.failed"), ("reason", "too_many_clients")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    let (message, stack) = (event.message, event.stack);
    if message.starts_with(b"Pool.close() is taking over") {
        event.kind = Kind::LeakReport;
        event.reason = b"unreleased_at_close";
    } else if has(message, b"unclosed connection <asyncpg") {
        event.kind = Kind::LeakReport;
        event.reason = b"garbage_collected";
        event.conn = facts::address(message);
    } else if has(message, b"asyncpg.exceptions.TooManyConnectionsError")
        || has(stack, b"asyncpg.exceptions.TooManyConnectionsError")
    {
        event.kind = Kind::ConnectFailed;
        event.reason = b"too_many_clients";
        event.sqlstate = b"53300";
        event.error_type = b"asyncpg.exceptions.TooManyConnectionsError";
    } else if has(stack, b"asyncpg/pool.py") && has(stack, b"in _acquire") && last_line(stack).starts_with(b"TimeoutError")
        || has(stack, b"asyncpg/pool.py") && has(stack, b"in _acquire") && last_line(stack).starts_with(b"asyncio.")
    {
        event.kind = Kind::AcquireTimeout;
        event.reason = b"pool_exhausted";
    } else {
        return false;
    }
    true
}

fn last_line(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii_end();
    memchr::memrchr(b'\n', text).and_then(|at| text.get(at + 1..)).unwrap_or(text)
}
