//! Small facts that many producers state in the same words: addresses in a `repr`, why a database refused.

use crate::event::Event;

/// The address in a Python `repr`: the hexadecimal number behind the first ` at `; empty where there is none.
pub fn address(text: &[u8]) -> &[u8] {
    let Some(at) = memchr::memmem::find(text, b" at 0x") else { return b"" };
    let tail = text.get(at + 4..).unwrap_or_default();
    let width = 2 + tail.iter().skip(2).take_while(|b| b.is_ascii_hexdigit()).count();
    tail.get(..width).filter(|t| t.len() > 2).unwrap_or_default()
}

/// Why a connection could not be made, in the words of PostgreSQL, MySQL, libpq and the operating system; empty where
/// none of them stands in the text.
pub fn refusal(text: &[u8]) -> &'static [u8] {
    const WORDS: [(&[u8], &[u8]); 19] = [
        (b"too many clients already", b"too_many_clients"),
        (b"remaining connection slots are reserved", b"too_many_clients"),
        (b"too many connections for", b"too_many_clients"),
        (b"Too many connections", b"too_many_clients"),
        (b"no more connections allowed", b"too_many_clients"),
        (b"password authentication failed", b"authentication"),
        (b"Access denied for user", b"authentication"),
        (b"no pg_hba.conf entry", b"authentication"),
        (b"the database system is starting up", b"starting_up"),
        (b"the database system is shutting down", b"shutting_down"),
        (b"the database system is in recovery mode", b"recovery"),
        (b"query_wait_timeout", b"query_wait_timeout"),
        (b"server closed the connection unexpectedly", b"closed_unexpectedly"),
        (b"Connection refused", b"connection_refused"),
        (b"connection refused", b"connection_refused"),
        (b"ECONNREFUSED", b"connection_refused"),
        (b"could not translate host name", b"unknown_host"),
        (b"ENOTFOUND", b"unknown_host"),
        (b"timeout expired", b"timeout"),
    ];
    WORDS.iter().find(|(word, _)| memchr::memmem::find(text, word).is_some()).map_or(b"", |(_, reason)| reason)
}

/// True where `part` stands in `text`.
pub fn has(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
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
