//! What `mongod` and `mongos` say, in the structured log (by message number) and in the text log (by words): connections
//! with the number that is open, logins, slow operations, starts, stops and crashes.
//!
//! A login that fails does not end its connection: `Connection ended` follows. The refusal therefore names no connection,
//! only its client and user.
//!
//! Source: `MongoDB` `src/mongo/transport/session_manager_common.cpp`, `src/mongo/db/mongod_main.cpp`,
//! `src/mongo/db/curop.cpp`, and the same in the branches 2.4 to 4.2.
//!
//! ```text
//! connection accepted from 10.0.0.5:55406 #2 (1 connection now open)
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{net, num, text};
use crate::recogniser::RecogniserSpec;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "mongodb_server",
    about: "MongoDB servers: connections, logins, slow operations, life cycle",
    spec: "MongoDB src/mongo/transport, src/mongo/db/curop.cpp, src/mongo/db/mongod_main.cpp",
    needles: &["connections now open", "connection now open", "MongoDB starting :"],
    recognise,
    examples: &[
        Example {
            line: "connection accepted from [::1]:55406 #2 (1 connection now open)",
            shows: &[
                ("kind", "db.connection.open"),
                ("conn.id", "2"),
                ("client.address", "::1"),
                ("client.port", "55406"),
                ("pool.total", "1"),
            ],
        },
        Example {
            line: "end connection 10.0.0.5:55406 (0 connections now open)",
            shows: &[("kind", "db.connection.close"), ("client.port", "55406"), ("pool.total", "0")],
        },
        Example {
            line: "MongoDB starting : pid=29803 port=27017 dbpath=/var/lib/mongodb 64-bit host=db-1",
            shows: &[("kind", "server.start"), ("process.pid", "29803"), ("server.port", "27017")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, arena: &'a Arena) -> bool {
    let id = event.attr("id");
    let known = match id {
        Some(id) if !event.attrs.is_empty() => numbered(id, event) || worded(event),
        _ => worded(event),
    };
    let failed = || event.severity >= Severity::WARN || memchr::memmem::find(event.message, b"ailed").is_some();
    if !known && failed() && (super::resources::SPEC.recognise)(event, arena) {
        return true;
    }
    if event.kind == Kind::Log && !event.conn.is_empty() {
        event.kind = Kind::DbActivity;
        return true;
    }
    known
}

fn put(event: &mut Event<'_>, kind: Kind, reason: &'static [u8]) -> bool {
    event.kind = kind;
    event.reason = reason;
    true
}

/// A refused attempt whose connection goes on until it is said to have ended.
fn login_failed(event: &mut Event<'_>) -> bool {
    event.conn = b"";
    put(event, Kind::DbRefused, b"authentication")
}

/// The structured log: by the number of the message.
fn numbered(id: &[u8], event: &mut Event<'_>) -> bool {
    match id {
        b"22943" | b"22944" | b"22942" => {
            event.gauge.total = count(event.attr("attr.connectionCount").unwrap_or_default());
            match id {
                b"22943" => put(event, Kind::DbOpen, b""),
                b"22944" => put(event, Kind::DbClose, b""),
                _ => put(event, Kind::DbRefused, b"too_many_clients"),
            }
        }
        b"51800" => {
            event.app_name = event.attr("attr.doc.application.name").unwrap_or_default();
            put(event, Kind::DbActivity, b"client_metadata")
        }
        b"51803" => slow(event),
        b"5286306" | b"20250" => {
            who(event);
            put(event, Kind::DbAuthenticated, b"")
        }
        b"20249" | b"5286307" => {
            who(event);
            login_failed(event)
        }
        b"4615611" => {
            event.server_port = event.attr("attr.port").and_then(num::uint16).unwrap_or(0);
            event.server = event.attr("attr.host").unwrap_or_default();
            put(event, Kind::ServerStart, b"")
        }
        b"20698" => put(event, Kind::ServerStart, b""),
        b"23016" => {
            event.server_port = event.attr("attr.port").and_then(num::uint16).unwrap_or(0);
            put(event, Kind::ServerReady, b"")
        }
        b"23138" | b"20565" => put(event, Kind::ServerStop, b""),
        b"23377" if matches!(event.attr("attr.signal"), Some(b"2" | b"3" | b"15")) => put(event, Kind::ServerStop, b"signal"),
        b"23089" | b"23090" | b"23091" => put(event, Kind::ServerCrash, b"assertion"),
        b"6384300" if event.attrs.iter().any(|(_, v)| v.starts_with(b"Got signal")) => put(event, Kind::ServerCrash, b"signal"),
        b"22988" | b"22989" | b"22986" | b"22987" => put(event, Kind::DbPeerError, b"network"),
        b"20883" => put(event, Kind::QueryCanceled, b"client_disconnected"),
        _ => false,
    }
}

fn who(event: &mut Event<'_>) {
    event.db_user = event.attr_any(&["attr.principalName", "attr.user.user", "attr.user"]).unwrap_or_default();
    event.db_name = event.attr_any(&["attr.authenticationDatabase", "attr.user.db", "attr.db"]).unwrap_or_default();
}

fn slow(event: &mut Event<'_>) -> bool {
    let millis = event.attr_any(&["attr.durationMillis", "attr.workingMillis"]);
    event.duration_ns = millis.and_then(|v| num::scaled(v, 6)).unwrap_or(-1);
    event.app_name = event.attr("attr.appName").unwrap_or_default();
    event.db_name = event.attr("attr.ns").map(database).unwrap_or_default();
    event.sqlstate = event.attr_any(&["attr.errName", "attr.errCode"]).unwrap_or_default();
    let waits = event.attrs.iter().filter(|(key, _)| {
        key.starts_with(b"attr.") && memchr::memmem::find(key, b"timeAcquiringMicros").is_some()
            || key.ends_with(b".totalTimeQueuedMicros")
    });
    let waited: i64 = waits.filter_map(|(_, v)| num::scaled(v, 3)).sum();
    if waited > 0 {
        event.wait_ns = waited;
    }
    put(event, Kind::SlowQuery, b"")
}

/// `shop` of `shop.orders`.
fn database(namespace: &[u8]) -> &[u8] {
    text::before(namespace, b".").unwrap_or(namespace)
}

fn count(digits: &[u8]) -> i32 {
    num::uint32(digits).and_then(|n| i32::try_from(n).ok()).unwrap_or(-1)
}

/// The text log, and messages of the structured one whose numbers changed between versions: by their words.
fn worded(event: &mut Event<'_>) -> bool {
    let message = event.message;
    let has = |needle: &[u8]| memchr::memmem::find(message, needle).is_some();
    match message.first() {
        Some(b'c') if message.starts_with(b"connection accepted from ") => accepted(event),
        Some(b'e') if message.starts_with(b"end connection ") => {
            remote(message.get(15..).unwrap_or_default(), event);
            event.gauge.total = text::after(message, b" (").map_or(-1, |t| count(text::digits(t)));
            put(event, Kind::DbClose, b"")
        }
        Some(b'c') if message.starts_with(b"connection refused because ") => put(event, Kind::DbRefused, b"too_many_clients"),
        _ if operation(event) => true,
        _ if message.starts_with(b"received client metadata from ") => {
            remote(message.get(30..).unwrap_or_default(), event);
            event.app_name = text::between(message, b"application: { name: \"", b"\"").unwrap_or_default();
            put(event, Kind::DbActivity, b"client_metadata")
        }
        _ if message.starts_with(b"Successfully authenticated as principal ") => {
            principal(message.get(40..).unwrap_or_default(), event);
            put(event, Kind::DbAuthenticated, b"")
        }
        _ if has(b" authentication failed for ") || message.starts_with(b"Failed to authenticate ") => {
            if let Some(body) = text::after(message, b" failed for ") {
                principal(body, event);
            }
            login_failed(event)
        }
        _ if has(b"nding connection from ") => put(event, Kind::DbPeerError, b"network"),
        _ => life(event),
    }
}

/// `connection accepted from 10.0.0.5:55406 #2 (1 connection now open)`
fn accepted(event: &mut Event<'_>) -> bool {
    let message = event.message;
    remote(message.get(25..).unwrap_or_default(), event);
    event.conn = text::after(message, b" #").map(text::digits).unwrap_or_default();
    event.gauge.total = text::after(message, b" (").map_or(-1, |t| count(text::digits(t)));
    put(event, Kind::DbOpen, b"")
}

fn remote<'a>(text: &'a [u8], event: &mut Event<'a>) {
    let end = memchr::memchr(b' ', text).unwrap_or(text.len());
    (event.client, event.client_port) = net::host_port(text.get(..end).unwrap_or_default());
}

/// `app on admin from client 10.0.0.5:5000`
fn principal<'a>(text: &'a [u8], event: &mut Event<'a>) {
    event.db_user = text::word(text);
    event.db_name = text::after(text, b" on ").map(text::word).unwrap_or_default();
    if let Some(client) = text::after(text, b"from client ") {
        remote(client, event);
    }
}

/// An operation with its time at the end: `command shop.orders command: find { … } … 369ms`. What took less than the
/// default threshold is here only because somebody lowered it.
fn operation(event: &mut Event<'_>) -> bool {
    const VERBS: [&[u8]; 9] =
        [b"command ", b"query ", b"getmore ", b"insert ", b"update ", b"remove ", b"find ", b"aggregate ", b"killcursors "];
    let message = event.message;
    let Some(verb) = VERBS.into_iter().find(|verb| message.starts_with(verb)) else { return false };
    let Some(body) = message.strip_suffix(b"ms") else { return false };
    let digits = body.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let Some(millis) = body.get(body.len() - digits..).and_then(num::uint) else { return false };
    event.duration_ns = i64::try_from(millis).ok().and_then(|ms| ms.checked_mul(1_000_000)).unwrap_or(-1);
    let rest = message.get(verb.len()..).unwrap_or_default();
    let namespace = text::word(rest);
    event.db_name = database(namespace);
    event.app_name = text::between(rest, b"appName: \"", b"\"").unwrap_or_default();
    event.query = statement(rest.get(namespace.len()..).unwrap_or_default());
    event.wait_ns = waited(rest);
    put(event, if millis >= 100 { Kind::SlowQuery } else { Kind::Query }, b"")
}

/// The command or query of an operation, up to its counters.
fn statement(rest: &[u8]) -> &[u8] {
    const COUNTERS: [&[u8]; 6] =
        [b" planSummary: ", b" originatingCommand: ", b" cursorid:", b" ntoreturn:", b" keyUpdates:", b" numYields:"];
    let body = [&b"command: "[..], b"query: "].into_iter().find_map(|mark| text::after(rest, mark));
    let Some(body) = body else { return b"" };
    let end = COUNTERS.into_iter().filter_map(|mark| memchr::memmem::find(body, mark)).min().unwrap_or(body.len());
    body.get(..end).unwrap_or_default().trim_ascii()
}

/// The sum of `timeAcquiringMicros: { r: 123, w: 45 }`, −1 where there is none.
fn waited(text: &[u8]) -> i64 {
    let mut total = -1i64;
    let mut rest = text;
    while let Some(tail) = text::after(rest, b"timeAcquiringMicros: {") {
        let inside = text::before(tail, b"}").unwrap_or_default();
        for word in inside.split(|b| matches!(b, b' ' | b',')) {
            if let Some(micros) = num::scaled(word, 3) {
                total = total.max(0).saturating_add(micros);
            }
        }
        rest = tail;
    }
    total
}

/// Starts, stops and crashes.
fn life(event: &mut Event<'_>) -> bool {
    let message = event.message;
    let starts = |text: &[u8]| message.starts_with(text);
    let has = |text: &[u8]| memchr::memmem::find(message, text).is_some();
    if starts(b"MongoDB starting :")
        || (starts(b"MongoS version ") && has(b" starting: "))
        || has(b"***** SERVER RESTARTED *****")
    {
        event.pid = text::after(message, b"pid=").map(text::digits).and_then(num::uint32).unwrap_or(event.pid);
        event.server_port = text::after(message, b" port=").map(text::digits).and_then(num::uint16).unwrap_or(0);
        event.server = text::after(message, b" host=").map(text::word).unwrap_or_default();
        return put(event, Kind::ServerStart, b"");
    }
    if starts(b"waiting for connections on port ") || starts(b"Waiting for connections") {
        event.server_port = message.get(32..).map(text::digits).and_then(num::uint16).unwrap_or(event.server_port);
        return put(event, Kind::ServerReady, b"");
    }
    if has(b"unclean shutdown") {
        return put(event, Kind::ServerCrash, b"unclean_shutdown");
    }
    if starts(b"Got signal: ") || starts(b"Invalid access at address") {
        event.severity = Severity(event.severity.0.max(Severity::FATAL.0));
        return put(event, Kind::ServerCrash, b"signal");
    }
    if has(b"aborting after fassert() failure") || starts(b"Fatal assertion") || starts(b"Fatal Assertion") {
        return put(event, Kind::ServerCrash, b"assertion");
    }
    let stops = starts(b"dbexit:") || starts(b"now exiting") || starts(b"shutting down with code:") || starts(b"Shutting down");
    if stops || (starts(b"got signal ") && has(b"will terminate")) {
        return put(event, Kind::ServerStop, b"");
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_summed() {
        assert_eq!(waited(b"x timeAcquiringMicros: { r: 5, w: 10 } } y timeAcquiringMicros: { R: 1 }"), 16_000);
        assert_eq!(waited(b"x"), -1);
    }

    #[test]
    fn a_fast_operation_is_not_slow() {
        let arena = Arena::new();
        let mut event = Event { message: b"query shop.t query: { a: 1 } ntoreturn:0 7ms", ..Event::default() };
        assert!(recognise(&mut event, &arena));
        assert_eq!((event.kind, event.duration_ns, event.query), (Kind::Query, 7_000_000, &b"{ a: 1 }"[..]));
    }
}
