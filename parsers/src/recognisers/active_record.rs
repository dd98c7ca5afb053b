//! ActiveRecord: its pool's time-out, and the statements of its log subscriber.
//!
//! Source: `rails/rails` `activerecord/lib/active_record/connection_adapters/abstract/connection_pool.rs`,
//! `log_subscriber.rs`; `sequel` writes its time-out alike.
//!
//! ```text
//! Order Load (0.5ms)  SELECT "orders".* FROM "orders" WHERE "orders"."id" = $1  [["id", 1]]
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::facts::{self, has};
use crate::prim::{num, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "active_record",
    about: "ActiveRecord's pool and statements",
    spec: "rails/rails activerecord connection_pool.rs, log_subscriber.rs",
    needles: &[
        "could not obtain a connection from the pool within",
        "could not obtain a database connection within",
        "ActiveRecord::ConnectionTimeoutError",
        "ActiveRecord::ConnectionNotEstablished",
        "ActiveRecord::DatabaseConnectionError",
        "Sequel::PoolTimeout",
        "ms)  ",
    ],
    recognise,
    examples: &[
        Example {
            line: "ActiveRecord::ConnectionTimeoutError: could not obtain a connection from the pool within 5.000 seconds (waited 5.001 seconds); all pooled connections were in use",
            shows: &[
                ("kind", "pool.acquire_timeout"),
                ("wait_ns", "5001000000"),
                ("error.type", "ActiveRecord::ConnectionTimeoutError"),
            ],
        },
        Example {
            line: "Order Load (0.5ms)  SELECT \"orders\".* FROM \"orders\" WHERE \"orders\".\"id\" = $1  [[\"id\", 1]]",
            shows: &[
                ("kind", "db.query"),
                ("duration_ns", "500000"),
                ("db.query.text", "SELECT \"orders\".* FROM \"orders\" WHERE \"orders\".\"id\" = $1"),
            ],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    for text in [event.message, event.stack] {
        if let Some(rest) = text::after(text, b"could not obtain a connection from the pool within ")
            .or_else(|| text::after(text, b"could not obtain a database connection within "))
            .or_else(|| text::after(text, b"Sequel::PoolTimeout: "))
            .or_else(|| text::after(text, b"ActiveRecord::ConnectionTimeoutError"))
        {
            event.kind = Kind::AcquireTimeout;
            event.reason = b"pool_exhausted";
            let waited = text::after(rest, b"(waited ").unwrap_or(rest);
            let width = waited.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
            event.wait_ns = waited.get(..width).and_then(|w| num::scaled(w, 9)).unwrap_or(-1);
            event.error_type = if has(text, b"Sequel::PoolTimeout") {
                b"Sequel::PoolTimeout"
            } else {
                b"ActiveRecord::ConnectionTimeoutError"
            };
            return true;
        }
        for class in [&b"ActiveRecord::ConnectionNotEstablished"[..], b"ActiveRecord::DatabaseConnectionError"] {
            if has(text, class) {
                event.kind = Kind::ConnectFailed;
                event.reason = facts::refusal(text);
                event.error_type = class;
                return true;
            }
        }
    }
    statement(event)
}

/// `Name Load (0.5ms)  SQL  [binds]`, then perhaps `↳ file:line:in 'method'` on a line of its own.
fn statement(event: &mut Event<'_>) -> bool {
    let (line, more) = text::first_line(event.message);
    let Some((head, sql)) = text::before(line, b"ms)  ").zip(text::after(line, b"ms)  ")) else { return false };
    let Some(open) = memchr::memrchr(b'(', head) else { return false };
    let Some(duration) = head.get(open + 1..).and_then(|n| num::scaled(n, 6)) else { return false };
    if open > 100 || head.get(..open).is_some_and(|n| has(n, b": ")) {
        return false;
    }
    event.kind = Kind::Query;
    event.duration_ns = duration;
    event.query = text::before(sql, b"  [[").unwrap_or(sql).trim_ascii();
    let site = text::after(more, "↳ ".as_bytes()).or_else(|| text::after(event.stack, "↳ ".as_bytes()));
    if let Some(site) = site {
        let mut parts = text::first_line(site).0.splitn(3, |b| *b == b':');
        event.file = parts.next().unwrap_or_default();
        event.line = parts.next().and_then(num::uint32).unwrap_or(0);
        let place = parts.next().unwrap_or_default();
        event.function =
            place.strip_prefix(b"in ").map_or(&b""[..], |p| p.get(1..p.len().saturating_sub(1)).unwrap_or_default());
    }
    true
}
