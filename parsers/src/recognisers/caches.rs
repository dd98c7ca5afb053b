//! Caches in application logs: hits and misses keep their kind and gain a reason; a cache that cannot be reached is an
//! event of its own.
//!
//! Sources: the exception texts of redis-py, Jedis, Lettuce, ioredis, node-redis, go-redis and the memcached clients.
//!
//! ```text
//! cache miss key=cart:885
//! redis.exceptions.ConnectionError: Error 111 connecting to cache1:6379. Connection refused.
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::facts;
use crate::prim::text::find_text;
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "caches",
    about: "cache hits, misses and failures to reach a cache",
    spec: "texts of redis-py, Jedis, Lettuce, ioredis, go-redis, memcached clients",
    needles: &["cache", "Cache", "CACHE", "redis", "Redis", "emcache", "valkey", ":6379", ":11211"],
    recognise,
    examples: &[
        Example { line: "cache miss key=cart:885", shows: &[("reason", "cache_miss"), ("kind", "log")] },
        Example {
            line: "redis.exceptions.ConnectionError: Error 111 connecting to cache1:6379. Connection refused.",
            shows: &[("kind", "connect.failed"), ("reason", "connection_refused"), ("subject", "redis")],
        },
        Example {
            line: "cart: dial tcp 10.0.0.9:6379: i/o timeout",
            shows: &[("kind", "connect.failed"), ("reason", "connect_timeout"), ("subject", "redis")],
        },
        Example { line: "cache warmed, hit ratio 0.97", shows: &[("kind", "log"), ("reason", "")] },
    ],
};

fn recognise(event: &mut Event<'_>, _: &Arena) -> bool {
    if event.kind != Kind::Log && event.kind != Kind::Error {
        return false;
    }
    let message = event.message.get(..1024).unwrap_or(event.message);
    if let Some(reason) = failure(message).filter(|_| names_cache(message)) {
        event.kind = Kind::ConnectFailed;
        event.reason = reason;
        event.subject = which(message);
        return true;
    }
    if event.kind == Kind::Log && event.reason.is_empty() {
        event.reason = outcome(message)
            .or_else(|| event.attr_any(&["cache", "cache_status", "cache.status"]).and_then(word))
            .unwrap_or_default();
    }
    false
}

fn has(text: &[u8], part: &str) -> bool {
    find_text(text, part.as_bytes()).is_some()
}

/// Does the message speak of a cache server, not only of caching?
fn names_cache(message: &[u8]) -> bool {
    ["redis", "Redis", "REDIS", "Jedis", "emcache", "valkey", "Valkey", ":6379", ":11211", "cache server", "cache unavailable"]
        .iter()
        .any(|name| has(message, name))
        || ["cache:", "cache at ", "cache on ", "to cache", "cache connection", "Cache connection", "cache1", "cache-"]
            .iter()
            .any(|name| has(message, name))
}

/// Why the cache was not reached.
fn failure(message: &[u8]) -> Option<&'static [u8]> {
    let late = || if has(message, "timed out") { b"connect_timeout" } else { &b""[..] };
    Some(facts::refusal(message)).filter(|r| !r.is_empty()).or_else(|| Some(late()).filter(|r| !r.is_empty()))
}

/// Which cache, where the message names it.
fn which(message: &[u8]) -> &'static [u8] {
    match () {
        () if ["redis", "Redis", "REDIS", "Jedis", ":6379"].iter().any(|n| has(message, n)) => b"redis",
        () if ["emcache", ":11211"].iter().any(|n| has(message, n)) => b"memcached",
        () if ["valkey", "Valkey"].iter().any(|n| has(message, n)) => b"valkey",
        () => b"cache",
    }
}

fn outcome(message: &[u8]) -> Option<&'static [u8]> {
    let at = find_text(message, b"cache").or_else(|| find_text(message, b"Cache")).or_else(|| find_text(message, b"CACHE"))?;
    let behind = message.get(at + 5..)?;
    let behind =
        behind.get(memchr::memchr3(b' ', b'=', b':', behind).filter(|n| *n < 8).map_or(0, |n| n + 1)..)?.trim_ascii_start();
    word(behind)
}

fn word(text: &[u8]) -> Option<&'static [u8]> {
    let width = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let (first, rest) = text.split_at(width);
    // A ratio or a count of hits is no hit.
    let counted = [&b" ratio"[..], b" rate", b"_ratio", b"_rate", b"s:", b"s="].iter().any(|tail| rest.starts_with(tail));
    if counted {
        return None;
    }
    if first.eq_ignore_ascii_case(b"hit") {
        Some(b"cache_hit")
    } else if first.eq_ignore_ascii_case(b"miss") || first.eq_ignore_ascii_case(b"missed") {
        Some(b"cache_miss")
    } else {
        None
    }
}
