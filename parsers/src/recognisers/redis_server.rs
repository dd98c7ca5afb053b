//! What a Redis or Valkey server says: clients (at level verbose), starts, stops, crashes, saves. A client's key is its
//! address, the only name that its first line has.
//!
//! Source: Redis `src/networking.c`, `src/server.c`, `src/debug.c`, `src/rdb.c`.
//!
//! ```text
//! Client closed connection id=3 addr=127.0.0.1:35824 laddr=127.0.0.1:6379 fd=7 name=app age=0 idle=0 flags=N db=0 … user=default
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{net, num, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "redis_server",
    about: "Redis and Valkey servers: clients, life cycle, saves",
    spec: "Redis src/networking.c, src/server.c, src/debug.c",
    needles: &[
        "Client closed connection id=",
        "overcoming of output buffer limits",
        "Redis is now ready to exit",
        "oO0OoO0OoO0Oo",
    ],
    recognise,
    examples: &[
        Example {
            line: "Client closed connection id=3 addr=10.0.0.5:35824 laddr=10.0.0.9:6379 fd=7 name=app age=12 idle=0 flags=N db=0 user=shop",
            shows: &[
                ("kind", "db.connection.close"),
                ("conn.id", "10.0.0.5:35824"),
                ("client.address", "10.0.0.5"),
                ("client.port", "35824"),
                ("client.app", "app"),
                ("db.user", "shop"),
                ("duration_ns", "12000000000"),
            ],
        },
        Example { line: "Redis is now ready to exit, bye bye...", shows: &[("kind", "server.stop")] },
        Example { line: "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo", shows: &[("kind", "server.start")] },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, arena: &'a Arena) -> bool {
    let message = event.message;
    client(message, event) || server(message, event) || (super::resources::SPEC.recognise)(event, arena)
}

fn put(event: &mut Event<'_>, kind: Kind, reason: &'static [u8]) -> bool {
    event.kind = kind;
    event.reason = reason;
    true
}

fn client<'a>(message: &'a [u8], event: &mut Event<'a>) -> bool {
    if let Some(address) = message.strip_prefix(b"Accepted ") {
        // A client of the Unix socket has no name to find its end by.
        if address.starts_with(b"connection to ") {
            return put(event, Kind::DbActivity, b"accepted");
        }
        from(address.trim_ascii(), event);
        return put(event, Kind::DbOpen, b"");
    }
    if message.starts_with(b"Client closed connection") {
        described(message, event);
        return put(event, Kind::DbClose, b"");
    }
    if message.starts_with(b"Closing idle client") {
        return put(event, Kind::DbTerminated, b"idle_timeout");
    }
    if message.starts_with(b"Client id=") || message.starts_with(b"Client addr=") {
        described(message, event);
        let buffer = memchr::memmem::find(message, b"overcoming of output buffer limits").is_some();
        return put(event, Kind::DbTerminated, if buffer { b"output_buffer_limit" } else { b"server_closed" });
    }
    if message.starts_with(b"Error accepting a client connection") {
        return put(event, Kind::DbRefused, b"network");
    }
    if let Some(count) = connected(message) {
        event.gauge.total = count;
        return put(event, Kind::DbActivity, b"clients");
    }
    false
}

/// 12 of `12 clients connected (0 replicas), 1179968 bytes in use`.
fn connected(message: &[u8]) -> Option<i32> {
    let digits = text::digits(message);
    message.get(digits.len()..)?.starts_with(b" clients connected").then_some(())?;
    i32::try_from(num::uint32(digits)?).ok()
}

fn from<'a>(address: &'a [u8], event: &mut Event<'a>) {
    event.conn = address;
    (event.client, event.client_port) = net::host_port(address);
}

/// `id=3 addr=… name=… age=… user=…`, as `CLIENT LIST` describes a client.
fn described<'a>(message: &'a [u8], event: &mut Event<'a>) {
    for word in message.split(|b| *b == b' ') {
        let Some(equals) = memchr::memchr(b'=', word) else { continue };
        let (key, value) = (word.get(..equals).unwrap_or_default(), word.get(equals + 1..).unwrap_or_default());
        match key {
            b"addr" => from(value, event),
            b"name" => event.app_name = value,
            b"user" => event.db_user = value,
            b"age" => event.duration_ns = num::scaled(value, 9).unwrap_or(-1),
            _ => {}
        }
    }
}

fn server<'a>(message: &'a [u8], event: &mut Event<'a>) -> bool {
    let starts = |text: &[u8]| message.starts_with(text);
    let has = |text: &[u8]| memchr::memmem::find(message, text).is_some();
    if has(b"Redis is starting") || has(b"Valkey is starting") {
        return put(event, Kind::ServerStart, b"");
    }
    if let Some(version) = message.strip_prefix(b"Server started, Redis version ") {
        event.version = text::word(version);
        return put(event, Kind::ServerStart, b"");
    }
    if let Some(version) = text::after(message, b" version=").filter(|_| has(b"just started")) {
        event.version = text::word(version);
        return put(event, Kind::ServerStart, b"");
    }
    if starts(b"Ready to accept connections") || has(b"server is now ready to accept connections") {
        event.server_port = text::after(message, b"on port ").map(text::digits).and_then(num::uint16).unwrap_or(0);
        return put(event, Kind::ServerReady, b"");
    }
    let stops = starts(b"User requested shutdown") || has(b"is now ready to exit") || has(b"scheduling shutdown");
    if stops {
        return put(event, Kind::ServerStop, b"");
    }
    if has(b"crashed by signal") || has(b"BUG REPORT START") {
        return put(event, Kind::ServerCrash, b"signal");
    }
    if starts(b"Out Of Memory allocating") {
        return put(event, Kind::ResourceExhausted, b"out_of_memory");
    }
    let saves = starts(b"Background saving ")
        || starts(b"DB saved on disk")
        || starts(b"Background AOF ")
        || starts(b"Background append only file rewriting")
        || has(b"Saving...")
        || has(b"AOF fsync is taking too long");
    saves && put(event, Kind::ServerMaintenance, b"")
}
