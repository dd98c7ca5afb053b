//! psycopg's pools (`psycopg_pool`): borrows and returns without a connection's name, growth, time-outs.
//!
//! Source: `psycopg/psycopg` `psycopg_pool/psycopg_pool/pool.py`, `base.py`, `errors.py` (3.1 to 3.3).
//!
//! ```text
//! connection given by 'shop-pool'
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{facts, num, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "psycopg_pool",
    about: "psycopg's connection pools",
    spec: "psycopg/psycopg psycopg_pool/psycopg_pool/pool.py",
    needles: &[
        "connection given by '",
        "returning connection to '",
        "growing pool '",
        "shrinking pool '",
        "adding new connection to the pool",
        "new connection to the pool",
        "error connecting in '",
        "reconnection attempt in pool '",
        "discarding expired connection",
        "discarding closed connection: <",
        "closing returned connection: <",
        "rolling back returned connection: <",
        "couldn't get a connection after ",
        "requests waiting",
        "was deleted while still open",
    ],
    recognise,
    examples: &[
        Example { line: "connection given by 'shop-pool'", shows: &[("kind", "pool.borrow"), ("pool.name", "shop-pool")] },
        Example { line: "returning connection to 'shop-pool'", shows: &[("kind", "pool.return"), ("pool.name", "shop-pool")] },
        Example {
            line: "psycopg_pool.PoolTimeout: couldn't get a connection after 30.00 sec",
            shows: &[("kind", "pool.acquire_timeout"), ("wait_ns", "30000000000")],
        },
        Example {
            line: "ResourceWarning: <psycopg.Connection object at 0x7f74aed2fad0> was deleted while still open. Please use 'with' or '.close()' to close the connection properly",
            shows: &[("kind", "pool.leak.report"), ("conn.id", "0x7f74aed2fad0")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    let message = event.message;
    let either = |part: &[u8]| text::after(message, part).or_else(|| text::after(event.stack, part));
    if let Some(wait) = either(b"couldn't get a connection after ") {
        event.kind = Kind::AcquireTimeout;
        event.reason = b"pool_exhausted";
        let width = wait.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
        event.wait_ns = wait.get(..width).and_then(|w| num::scaled(w, 9)).unwrap_or(-1);
        event.error_type = b"psycopg_pool.PoolTimeout";
        return true;
    }
    if let Some(rest) = either(b"the pool '").filter(|r| memchr::memmem::find(r, b"requests waiting").is_some()) {
        event.kind = Kind::AcquireTimeout;
        event.reason = b"queue_full";
        event.pool = text::before(rest, b"'").unwrap_or_default();
        return true;
    }
    if let Some(at) = memchr::memmem::find(message, b" was deleted while still open")
        && facts::has(message, b"<psycopg")
    {
        event.kind = Kind::LeakReport;
        event.reason = b"garbage_collected";
        event.conn = facts::address(message.get(..at).unwrap_or_default());
        return true;
    }
    let table: [(&[u8], Kind, &'static [u8]); 11] = [
        (b"connection given by '", Kind::PoolBorrow, b""),
        (b"returning connection to '", Kind::PoolReturn, b""),
        (b"growing pool '", Kind::Log, b"growing"),
        (b"shrinking pool '", Kind::PoolConnClosed, b"idle_timeout"),
        (b"adding new connection to the pool", Kind::PoolConnAdded, b""),
        (b"error connecting in '", Kind::ConnectFailed, b""),
        (b"reconnection attempt in pool '", Kind::ConnectFailed, b"reconnect_timeout"),
        (b"discarding expired connection", Kind::PoolConnClosed, b"max_lifetime"),
        (b"discarding closed connection: <", Kind::PoolConnClosed, b"broken"),
        (b"closing returned connection: <", Kind::PoolConnClosed, b"closed"),
        (b"rolling back returned connection: <", Kind::Log, b"returned_in_transaction"),
    ];
    let Some((start, kind, reason)) = table.iter().find(|(start, ..)| message.starts_with(start)) else { return false };
    event.kind = *kind;
    event.reason = reason;
    if start.ends_with(b"'") {
        event.pool = text::between(message, b"'", b"'").unwrap_or_default();
    }
    if *kind == Kind::ConnectFailed && event.reason.is_empty() {
        event.reason = facts::refusal(message);
    }
    event.conn = facts::address(message);
    true
}
