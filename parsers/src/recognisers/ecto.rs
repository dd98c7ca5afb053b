//! Elixir's DBConnection and Ecto: queue time-outs, clients that hold a connection too long, statements with their waits.
//!
//! Source: `elixir-ecto/db_connection` `lib/db_connection/connection_pool.ex`, `holder.ex`; `elixir-ecto/ecto_sql`
//! `lib/ecto/adapters/sql.ex`.
//!
//! ```text
//! QUERY OK source="orders" db=1.2ms decode=0.1ms queue=0.5ms idle=300.2ms
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::facts::has;
use crate::prim::{num, pairs, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "ecto",
    about: "Elixir's DBConnection and Ecto",
    spec: "elixir-ecto/db_connection connection_pool.ex, holder.ex; elixir-ecto/ecto_sql sql.ex",
    needles: &[
        "connection not available and request was dropped from queue",
        "DBConnection.ConnectionError",
        "QUERY OK",
        "QUERY ERROR",
        "checked out the connection for longer than",
    ],
    recognise,
    examples: &[
        Example {
            line: "QUERY OK source=\"orders\" db=1.2ms decode=0.1ms queue=0.5ms idle=300.2ms\nSELECT o0.\"id\" FROM \"orders\" AS o0 [7]\n↳ Shop.Orders.find/1, at: lib/shop/orders.ex:12",
            shows: &[
                ("kind", "db.query"),
                ("duration_ns", "1200000"),
                ("wait_ns", "500000"),
                ("db.query.text", "SELECT o0.\"id\" FROM \"orders\" AS o0 [7]"),
                ("code.function.name", "Shop.Orders.find/1"),
                ("code.file.path", "lib/shop/orders.ex"),
                ("code.line.number", "12"),
            ],
        },
        Example {
            line: "** (DBConnection.ConnectionError) connection not available and request was dropped from queue after 1003ms. This means requests are coming in",
            shows: &[("kind", "pool.acquire_timeout"), ("wait_ns", "1003000000")],
        },
        Example {
            line: "Postgrex.Protocol (#PID<0.388.0>) disconnected: ** (DBConnection.ConnectionError) client #PID<0.500.0> timed out because it queued and checked out the connection for longer than 15000ms\n\n#PID<0.500.0> was at location:\n\n    (shop 0.1.0) lib/shop/orders.ex:44: Shop.Orders.export/1",
            shows: &[
                ("kind", "pool.leak.report"),
                ("conn.id", "#PID<0.388.0>"),
                ("thread.name", "#PID<0.500.0>"),
                ("reason", "checkout_timeout"),
                ("code.file.path", "lib/shop/orders.ex"),
            ],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    let (message, stack) = (event.message, event.stack);
    for text in [message, stack] {
        if let Some(rest) = text::after(text, b"request was dropped from queue after ") {
            event.kind = Kind::AcquireTimeout;
            event.reason = b"pool_exhausted";
            event.error_type = b"DBConnection.ConnectionError";
            event.wait_ns = milliseconds(rest);
            return true;
        }
    }
    if let Some(rest) = text::after(message, b"checked out the connection for longer than ") {
        event.kind = Kind::LeakReport;
        event.reason = b"checkout_timeout";
        event.duration_ns = milliseconds(rest);
        event.conn = pid(message.get(..120).unwrap_or(message));
        event.thread = text::after(message, b"client ").map(pid).unwrap_or_default();
        location(rest, event);
        if event.file.is_empty() {
            location(stack, event);
        }
        return true;
    }
    if has(message, b"disconnected: ** (DBConnection.ConnectionError)") {
        event.kind = Kind::PoolConnClosed;
        event.conn = pid(message);
        event.reason = if has(message, b" exited") { b"client_exited" } else { b"disconnected" };
        return true;
    }
    statement(event)
}

fn milliseconds(text: &[u8]) -> i64 {
    num::uint(text::digits(text)).and_then(|v| i64::try_from(v).ok()).map_or(-1, |v| v.saturating_mul(1_000_000))
}

/// The first `#PID<…>`.
fn pid(text: &[u8]) -> &[u8] {
    let Some(at) = memchr::memmem::find(text, b"#PID<") else { return b"" };
    let tail = text.get(at..).unwrap_or_default();
    memchr::memchr(b'>', tail).and_then(|end| tail.get(..=end)).unwrap_or_default()
}

/// The first frame of an application: `(shop 0.1.0) lib/shop/orders.ex:44: Shop.Orders.export/1`.
fn location<'a>(text: &'a [u8], event: &mut Event<'a>) {
    let library: [&[u8]; 8] =
        [b"(elixir ", b"(stdlib ", b"(ecto", b"(db_connection ", b"(postgrex ", b"(myxql ", b"(phoenix", b"(plug"];
    for line in text.split(|b| *b == b'\n') {
        let line = line.trim_ascii();
        if library.iter().any(|l| line.starts_with(l)) {
            continue;
        }
        let frame = if line.starts_with(b"(") { text::after(line, b") ").unwrap_or_default() } else { line };
        let mut parts = frame.splitn(3, |b| *b == b':');
        let (Some(file), Some(number), Some(function)) = (parts.next(), parts.next(), parts.next()) else { continue };
        if let Some(number) = num::uint32(number).filter(|_| file.ends_with(b".ex") || file.ends_with(b".exs")) {
            (event.file, event.line, event.function) = (file, number, function.trim_ascii());
            return;
        }
    }
}

/// `QUERY OK source="orders" db=1.2ms queue=0.5ms`, the SQL on the next line, perhaps `↳ function, at: file:line`.
fn statement(event: &mut Event<'_>) -> bool {
    let message = event.message;
    let (kind, rest) = match (message.strip_prefix(b"QUERY OK"), message.strip_prefix(b"QUERY ERROR")) {
        (Some(rest), _) => (Kind::Query, rest),
        (_, Some(rest)) => (Kind::Error, rest),
        _ => return false,
    };
    if !matches!(rest.first(), None | Some(b' ' | b'\n')) {
        return false;
    }
    let (head, more) = text::first_line(rest);
    let get = |key| pairs::value(head, key).and_then(num::duration).unwrap_or(-1);
    event.kind = kind;
    event.duration_ns = get("db");
    event.wait_ns = get("queue");
    let more = if more.is_empty() { event.stack } else { more };
    let (sql, site) = text::before(more, "↳ ".as_bytes()).zip(text::after(more, "↳ ".as_bytes())).unwrap_or((more, b""));
    event.query = sql.trim_ascii();
    if let Some((function, place)) = text::before(site, b", at: ").zip(text::after(site, b", at: ")) {
        event.function = function;
        let (file, line) = text::before(place, b":").zip(text::after(place, b":")).unwrap_or((place, b""));
        event.file = file;
        event.line = num::uint32(text::digits(line)).unwrap_or(0);
    }
    true
}
