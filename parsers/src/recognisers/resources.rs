//! Resources that ran out and connections that could not be made, in the words of operating systems, language runtimes and
//! database drivers: they stand in any application's log, in the message or in the stack below it.
//!
//! `reason` of what ran out: `out_of_memory`, `disk_full`, `file_descriptors`, `processes`, `threads`, `workers`.
//! `reason` of a failed connect: `connection_refused`, `connect_timeout`, `unreachable`, `unknown_host`,
//! `too_many_clients`, `authentication`, `unknown_database`, `starting_up`, `shutting_down`, `failed`.
//!
//! Source: `errno(3)` and `strerror(3)`, `getaddrinfo(3)`; libpq `fe-connect.c`; PgJDBC; MySQL Connector/J; redis-py, Jedis,
//! Lettuce; Node.js `errors`; Go `net`; php-fpm `fpm_process_ctl.c`.
//!
//! ```text
//! connection to server at "db-1" (10.0.0.9), port 5432 failed: Connection refused
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{facts, net, text};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "resources",
    about: "memory, disk, descriptors and workers that ran out; connections that could not be made",
    spec: "errno(3), getaddrinfo(3); libpq, PgJDBC, Connector/J, Redis clients, Node.js, Go net, php-fpm: their sources",
    needles: &[
        "OutOfMemoryError",
        "heap out of memory",
        "annot allocate memory",
        "ENOMEM",
        "std::bad_alloc",
        "MemoryError",
        "Allowed memory size of",
        "o space left on device",
        "ENOSPC",
        "isk full",
        "isk is full",
        "Disk quota exceeded",
        "not enough space on the disk",
        "could not extend file",
        "Too many open files",
        "too many open files",
        "EMFILE",
        "ENFILE",
        "fork: retry",
        "unable to create n",
        "can't start new thread",
        "max_children",
        "onnection refused",
        "ECONNREFUSED",
        "actively refused",
        "ould not connect to",
        "nable to connect to",
        "an't connect to",
        "Communications link failure",
        "connection to server at \"",
        "onnect timed out",
        "Connection timed out",
        "connect ETIMEDOUT",
        "EHOSTUNREACH",
        "No route to host",
        "Network is unreachable",
        "ENETUNREACH",
        "Name or service not known",
        "ENOTFOUND",
        "EAI_AGAIN",
        "UnknownHostException",
        "no such host",
        "name resolution",
        "getaddrinfo failed",
        "could not translate host name",
        "refused. Check that the hostname",
        "RedisConnection",
        "Error connecting to Redis",
        "Connection to Redis",
        "i/o timeout",
        "too many clients already",
        "connection slots are reserved",
        "Too many connections",
    ],
    recognise,
    examples: &[
        Example {
            line: "connection to server at \"db-1\" (10.0.0.9), port 5432 failed: Connection refused",
            shows: &[
                ("kind", "connect.failed"),
                ("reason", "connection_refused"),
                ("subject", "postgresql"),
                ("server.address", "10.0.0.9"),
                ("server.port", "5432"),
            ],
        },
        Example {
            line: "Error: connect ECONNREFUSED 10.0.0.7:6379",
            shows: &[
                ("kind", "connect.failed"),
                ("reason", "connection_refused"),
                ("server.address", "10.0.0.7"),
                ("server.port", "6379"),
            ],
        },
        Example {
            line: "dial tcp: lookup db-1 on 10.0.0.2:53: no such host",
            shows: &[("kind", "connect.failed"), ("reason", "unknown_host")],
        },
        Example {
            line: "query failed\n\tat shop.Orders.load(Orders.java:41)\nCaused by: com.mysql.cj.jdbc.exceptions.CommunicationsException: Communications link failure",
            shows: &[("kind", "connect.failed"), ("reason", "failed"), ("subject", "mysql")],
        },
        Example {
            line: "java.lang.OutOfMemoryError: Java heap space",
            shows: &[("kind", "resource.exhausted"), ("reason", "out_of_memory")],
        },
        Example {
            line: "java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory",
            shows: &[("kind", "resource.exhausted"), ("reason", "threads")],
        },
        Example {
            line: "[pool www] server reached max_children setting (5), consider raising it",
            shows: &[("kind", "resource.exhausted"), ("reason", "workers"), ("subject", "www")],
        },
        Example {
            line: "accept4: too many open files",
            shows: &[("kind", "resource.exhausted"), ("reason", "file_descriptors")],
        },
    ],
};

type Words = &'static [(&'static str, &'static [u8])];

/// What ran out. The first that stands in the text decides.
static EXHAUSTED: Words = &[
    ("unable to create native thread", b"threads"),
    ("unable to create new native thread", b"threads"),
    ("can't start new thread", b"threads"),
    ("fork: retry", b"processes"),
    ("OutOfMemoryError", b"out_of_memory"),
    ("heap out of memory", b"out_of_memory"),
    ("annot allocate memory", b"out_of_memory"),
    ("ENOMEM", b"out_of_memory"),
    ("std::bad_alloc", b"out_of_memory"),
    ("MemoryError", b"out_of_memory"),
    ("Allowed memory size of", b"out_of_memory"),
    ("o space left on device", b"disk_full"),
    ("ENOSPC", b"disk_full"),
    ("isk full", b"disk_full"),
    ("isk is full", b"disk_full"),
    ("Disk quota exceeded", b"disk_full"),
    ("not enough space on the disk", b"disk_full"),
    ("could not extend file", b"disk_full"),
    ("oo many open files", b"file_descriptors"),
    ("EMFILE", b"file_descriptors"),
    ("ENFILE", b"file_descriptors"),
    ("max_children setting", b"workers"),
];

/// Words that say what one wanted to connect to.
static TARGETS: Words = &[
    ("redis", b"redis"),
    ("Redis", b"redis"),
    ("emcache", b"memcached"),
    ("too many clients already", b"postgresql"),
    ("connection slots are reserved", b"postgresql"),
    ("MongoDB", b"mongodb"),
    ("mongodb", b"mongodb"),
    ("MongoServer", b"mongodb"),
    ("ysql", b"mysql"),
    ("MySQL", b"mysql"),
    ("Communications link failure", b"mysql"),
    ("ostgres", b"postgresql"),
    ("psycopg", b"postgresql"),
    ("connection to server at \"", b"postgresql"),
    ("could not connect to server", b"postgresql"),
    ("MariaDB", b"mysql"),
    ("afka", b"kafka"),
    ("amqp", b"rabbitmq"),
    ("RabbitMQ", b"rabbitmq"),
    ("lasticsearch", b"elasticsearch"),
];

/// The needles in one automaton: the servers' recognisers ask here without having looked for them.
static NEEDLES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(SPEC.needles).ok());

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    if !matches!(event.kind, Kind::Log | Kind::Error) {
        return false;
    }
    let attrs = event.attrs;
    let texts = || {
        let all = [event.message, event.stack].into_iter().chain(attrs.iter().map(|(_, value)| *value));
        all.filter(|text| !text.is_empty() && NEEDLES.as_ref().is_none_or(|needles| needles.is_match(text)))
    };
    if let Some((text, reason)) = texts().find_map(|text| first(text, EXHAUSTED).map(|reason| (text, reason))) {
        event.kind = Kind::ResourceExhausted;
        event.reason = reason;
        if event.subject.is_empty() && reason == b"workers" {
            event.subject = text::between(text, b"[pool ", b"]").unwrap_or_default();
        }
        return true;
    }
    let Some((text, reason)) = texts().find_map(|text| failure(text).map(|reason| (text, reason))) else { return false };
    event.kind = Kind::ConnectFailed;
    event.reason = reason;
    let place = place(text).or_else(|| name(text).map(|host| (host, 0)));
    if event.server.is_empty()
        && let Some((host, port)) = place
    {
        event.server = host;
        event.server_port = port;
    }
    if event.subject.is_empty() {
        let all = || [event.message, event.stack].into_iter().chain(attrs.iter().map(|(_, value)| *value));
        let said = || all().find_map(|text| first(text, TARGETS));
        event.subject = place.and_then(|(_, port)| of_port(port)).or_else(said).unwrap_or_default();
    }
    true
}

fn first(text: &[u8], words: Words) -> Option<&'static [u8]> {
    if text.is_empty() {
        return None;
    }
    words.iter().find(|(word, _)| memchr::memmem::find(text, word.as_bytes()).is_some()).map(|(_, reason)| *reason)
}

/// The reason of a failed connect; `None` where the words mean something else in this text.
fn failure(text: &[u8]) -> Option<&'static [u8]> {
    let reason = Some(facts::refusal(text)).filter(|r| !r.is_empty())?;
    let has = |needle: &[u8]| memchr::memmem::find(text, needle).is_some();
    let dialled = || has(b"onnect") || has(b"dial ") || has(b"DIAL");
    match reason {
        // A pool that has nothing to lend also speaks of connections that timed out.
        b"connect_timeout" if has(b"QueuePool limit") || !dialled() => None,
        b"unknown_database" | b"authentication" if !dialled() && !has(b"xception") && !has(b"rror") => None,
        _ => Some(reason),
    }
}

/// Where to: libpq's, Node's, Go's, PgJDBC's, Netty's and the MySQL clients' ways to say it.
fn place(text: &[u8]) -> Option<(&[u8], u16)> {
    if let Some(server) = text::after(text, b"connection to server at \"") {
        let name = text::before(server, b"\"")?;
        let port = text::between(server, b", port ", b" failed").and_then(crate::prim::num::uint16).unwrap_or(0);
        let address = text::after(server, b"\" (").and_then(|t| text::before(t, b")"));
        return Some((address.unwrap_or(name), port));
    }
    for mark in [
        &b"ECONNREFUSED "[..],
        b"ETIMEDOUT ",
        b"EHOSTUNREACH ",
        b"dial tcp ",
        b"Connection to ",
        b"connect to MySQL server on '",
    ] {
        let Some(word) = text::after(text, mark).map(text::word) else { continue };
        let (host, port) = net::host_port(word.strip_suffix(b":").unwrap_or(word));
        let host = host.get(memchr::memrchr(b'/', host).map_or(0, |n| n + 1)..).unwrap_or_default();
        if !host.is_empty() && (port > 0 || mark.ends_with(b"'")) {
            return Some((host, port));
        }
    }
    // Netty: `Connection refused: db-1/10.0.0.9:6379`.
    let word = text::after(text, b"onnection refused: ").map(text::word)?;
    let (host, port) = net::host_port(word);
    let host = host.get(memchr::memrchr(b'/', host).map_or(0, |n| n + 1)..).unwrap_or_default();
    (port > 0).then_some((host, port))
}

/// What listens on a port that everybody leaves at its default.
fn of_port(port: u16) -> Option<&'static [u8]> {
    Some(match port {
        5432 | 6432 => b"postgresql",
        3306 => b"mysql",
        6379 => b"redis",
        11211 => b"memcached",
        27017 => b"mongodb",
        5672 => b"rabbitmq",
        9092 => b"kafka",
        9200 => b"elasticsearch",
        _ => return None,
    })
}

/// The host whose name could not be resolved.
fn name(text: &[u8]) -> Option<&[u8]> {
    let marks = [&b"translate host name \""[..], b"ENOTFOUND ", b"EAI_AGAIN ", b"UnknownHostException: ", b"lookup "];
    marks.into_iter().find_map(|mark| text::after(text, mark)).map(text::word).map(|w| text::before(w, b":").unwrap_or(w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found() {
        for (text, host, port) in [
            (&b"connect ETIMEDOUT 10.0.0.1:5432"[..], &b"10.0.0.1"[..], 5432),
            (b"dial tcp 10.0.0.5:5432: connect: connection refused", b"10.0.0.5", 5432),
            (b"Connection to db-1:5432 refused. Check that the hostname and port are correct", b"db-1", 5432),
            (b"Can't connect to MySQL server on 'db-1' (111)", b"db-1", 0),
            (b"Connection refused: cache-1/10.0.0.9:6379", b"10.0.0.9", 6379),
        ] {
            assert_eq!(place(text), Some((host, port)), "{}", String::from_utf8_lossy(text));
        }
        assert_eq!(place(b"Connection refused"), None);
    }

    #[test]
    fn a_pool_that_times_out_is_no_failed_connect() {
        assert_eq!(failure(b"QueuePool limit of size 10 overflow 5 reached, Connection timed out, timeout 4.00"), None);
        assert_eq!(failure(b"read: i/o timeout"), None);
    }
}
