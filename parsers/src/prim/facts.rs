//! Small facts that many producers state in the same words: addresses in a `repr`, why a database refused.

use crate::event::Event;

/// The address in a Python `repr`: the hexadecimal number behind the first ` at `; empty where there is none.
pub fn address(text: &[u8]) -> &[u8] {
    let Some(at) = memchr::memmem::find(text, b" at 0x") else { return b"" };
    let tail = text.get(at + 4..).unwrap_or_default();
    let width = 2 + tail.iter().skip(2).take_while(|b| b.is_ascii_hexdigit()).count();
    tail.get(..width).filter(|t| t.len() > 2).unwrap_or_default()
}

/// Why connections are not made, in the words of servers, drivers and operating systems. A server's own answer says more
/// than the system's, so it comes first; `failed` is for drivers that say no more.
static REFUSALS: &[(&str, &[u8])] = &[
    ("too many clients already", b"too_many_clients"),
    ("remaining connection slots are reserved", b"too_many_clients"),
    ("too many connections for", b"too_many_clients"),
    ("Too many connections", b"too_many_clients"),
    ("no more connections allowed", b"too_many_clients"),
    ("connection slots are reserved", b"too_many_clients"),
    ("password authentication failed", b"authentication"),
    ("Access denied for user", b"authentication"),
    ("no pg_hba.conf entry", b"authentication"),
    ("Unknown database '", b"unknown_database"),
    ("the database system is starting up", b"starting_up"),
    ("the database system is shutting down", b"shutting_down"),
    ("the database system is in recovery mode", b"recovery"),
    ("query_wait_timeout", b"query_wait_timeout"),
    ("server closed the connection unexpectedly", b"closed_unexpectedly"),
    ("onnection refused", b"connection_refused"),
    ("ECONNREFUSED", b"connection_refused"),
    ("actively refused", b"connection_refused"),
    ("refused. Check that the hostname", b"connection_refused"),
    ("could not translate host name", b"unknown_host"),
    ("ENOTFOUND", b"unknown_host"),
    ("Name or service not known", b"unknown_host"),
    ("EAI_AGAIN", b"unknown_host"),
    ("UnknownHostException", b"unknown_host"),
    ("no such host", b"unknown_host"),
    ("failure in name resolution", b"unknown_host"),
    ("getaddrinfo failed", b"unknown_host"),
    ("No route to host", b"unreachable"),
    ("EHOSTUNREACH", b"unreachable"),
    ("Network is unreachable", b"unreachable"),
    ("ENETUNREACH", b"unreachable"),
    ("timeout expired", b"connect_timeout"),
    ("onnect timed out", b"connect_timeout"),
    ("Connection timed out", b"connect_timeout"),
    ("ETIMEDOUT", b"connect_timeout"),
    ("i/o timeout", b"connect_timeout"),
    ("Timeout connecting", b"connect_timeout"),
    ("onnection reset", b"connection_reset"),
    ("ECONNRESET", b"connection_reset"),
    ("Communications link failure", b"failed"),
    ("ould not connect to", b"failed"),
    ("nable to connect to", b"failed"),
    ("an't connect to", b"failed"),
    ("Error connecting to Redis", b"failed"),
    ("RedisConnectionFailure", b"failed"),
    ("RedisConnectionException", b"failed"),
    ("ould not get a resource", b"failed"),
];

/// Why a connection could not be made, in one vocabulary for all producers (see [`crate::kind`]); empty where the text
/// does not say that one could not.
pub fn refusal(text: &[u8]) -> &'static [u8] {
    REFUSALS.iter().find(|(word, _)| has(text, word.as_bytes())).map_or(b"", |(_, reason)| reason)
}

/// True where `part` stands in `text`.
pub fn has(text: &[u8], part: &[u8]) -> bool {
    super::text::find_text(text, part).is_some()
}

/// Flask's `Exception on /path [METHOD]`: fills path, method and status. False where the message is none.
pub fn flask_failure(event: &mut Event<'_>) -> bool {
    let Some(rest) = event.message.strip_prefix(b"Exception on ") else { return false };
    let Some(open) = memchr::memmem::find(rest, b" [") else { return false };
    let (path, method) = (rest.get(..open).unwrap_or_default(), rest.get(open + 2..).unwrap_or_default());
    let Some(end) = memchr::memchr(b']', method) else { return false };
    if !path.starts_with(b"/") {
        return false;
    }
    event.path = path;
    event.method = method.get(..end).unwrap_or_default();
    event.status = 500;
    true
}
