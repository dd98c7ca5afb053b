//! What the columns of a sample hold, by the shapes of their values.

use super::columns::{is_peer, is_status};
use super::tokens::{Dress, Token};
use super::{Field, is_method};
use crate::prim::{net, num};

/// The shapes that a column's values had.
#[derive(Debug, Clone, Default)]
pub(super) struct Votes {
    fields: Vec<(Field, usize)>,
    /// The largest whole number.
    largest: u64,
    /// Whether some line ends with this column.
    last: bool,
    /// Whether it stands in quotes.
    quoted: bool,
}

pub(super) fn count(votes: &mut Vec<Votes>, tokens: &[Token<'_>]) {
    for (index, token) in tokens.iter().enumerate() {
        if votes.len() <= index {
            votes.push(Votes::default());
        }
        let Some(column) = votes.get_mut(index) else { continue };
        column.last |= index + 1 == tokens.len();
        column.quoted |= token.dress == Dress::Quoted && token.key.is_empty();
        column.largest = column.largest.max(num::uint(token.text).unwrap_or(0));
        let field = shape(token);
        match column.fields.iter_mut().find(|(f, _)| *f == field) {
            Some((_, n)) => *n += 1,
            None => column.fields.push((field, 1)),
        }
    }
}

/// What a token's shape suggests; `Skip` for what suggests nothing (`-`).
fn shape(token: &Token<'_>) -> Field {
    let value = token.text;
    if !token.key.is_empty() {
        // A key speaks for itself on every line.
        return Field::Skip;
    }
    if matches!(value, b"-" | b"") {
        return Field::Skip;
    }
    let part = super::last(value);
    match token.dress {
        Dress::Bracket => Field::Backend,
        Dress::Quoted if net::is_address(crate::prim::text::word(value)) => Field::Forwarded,
        Dress::Quoted if value.starts_with(b"http://") || value.starts_with(b"https://") => Field::UpstreamUrl,
        Dress::Quoted if is_id(value) => Field::RequestId,
        Dress::Quoted if is_peer(part) => Field::Upstream,
        // Traefik's routers.
        Dress::Quoted if memchr::memchr(b'@', value).is_some() && memchr::memchr(b'/', value).is_none() => Field::Backend,
        Dress::Quoted => Field::Agent,
        Dress::Bare if is_decimal(part) => Field::Seconds,
        Dress::Bare if is_status(part) => Field::Status,
        Dress::Bare if num::uint(part).is_some() => Field::Bytes,
        Dress::Bare if num::duration(value).is_some() => Field::Duration,
        Dress::Bare if is_id(value) => Field::RequestId,
        Dress::Bare if is_peer(part) && net::host_port(part).1 != 0 || value.starts_with(b"unix:") => Field::Upstream,
        Dress::Bare if is_peer(value) => Field::Client,
        Dress::Bare
            if is_method(value)
                && matches!(value, b"HIT" | b"MISS" | b"EXPIRED" | b"BYPASS" | b"STALE" | b"UPDATING" | b"REVALIDATED") =>
        {
            Field::Named("cache")
        }
        Dress::Bare if memchr::memchr(b'.', value).is_some() => Field::Host,
        Dress::Bare => Field::Skip,
    }
}

/// `0.206`, `0.000123`: a time in seconds.
fn is_decimal(text: &[u8]) -> bool {
    let whole = num::digits(text);
    let fraction = text.get(whole + 1..).unwrap_or_default();
    whole > 0 && text.get(whole) == Some(&b'.') && fraction.len() >= 3 && num::digits(fraction) == fraction.len()
}

/// 16 to 40 hexadecimal digits, with or without dashes.
fn is_id(text: &[u8]) -> bool {
    text.len() >= 16
        && text.len() <= 40
        && text.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-')
        && text.iter().any(u8::is_ascii_digit)
        && text.iter().filter(|b| **b == b'-').count() < 6
}

/// Makes roles of votes. Behind the request (`tail`) the first number is the size, then come referer and user agent.
pub(super) fn settle(votes: &[Votes], tail: bool) -> Vec<Field> {
    let mut roles = Vec::new();
    let mut seconds = 0;
    let mut quoted = 0;
    let timed = votes.iter().any(|v| matches!(best(v), Field::Seconds | Field::Duration));
    for (index, column) in votes.iter().enumerate() {
        let field = match best(column) {
            Field::Bytes | Field::Status | Field::Skip if tail && index == 0 => Field::Bytes,
            // A lone number at the very end of a line is Apache's %D.
            Field::Bytes | Field::Status if tail && column.last && quoted > 0 && !timed && column.largest >= 1000 => {
                Field::Micros
            }
            Field::Status if quoted > 0 => Field::Named("upstream_status"),
            Field::Bytes | Field::Status => Field::Skip,
            Field::Seconds => {
                seconds += 1;
                match seconds {
                    1 => Field::Seconds,
                    2 => Field::Named("upstream_response_time"),
                    _ => Field::Skip,
                }
            }
            // Referer and user agent, the referer first unless the shapes say otherwise.
            _ if tail && column.quoted && index == 1 => {
                quoted += 1;
                let swapped = votes.get(2).is_some_and(|v| v.quoted && best(v) == Field::UpstreamUrl);
                if swapped && best(column) == Field::Agent { Field::Agent } else { Field::Skip }
            }
            _ if tail && column.quoted && index == 2 && quoted == 1 => {
                quoted += 1;
                if roles.contains(&Field::Agent) { Field::Skip } else { Field::Agent }
            }
            Field::Agent if tail => {
                quoted += 1;
                Field::Agent
            }
            // A URL that no router's name goes before is a referer.
            Field::UpstreamUrl if !roles.contains(&Field::Backend) => Field::Skip,
            Field::Backend if roles.contains(&Field::Backend) => Field::Skip,
            other => other,
        };
        roles.push(field);
    }
    roles
}

fn best(column: &Votes) -> Field {
    let voted = column.fields.iter().filter(|(f, _)| *f != Field::Skip);
    voted.max_by_key(|(_, n)| *n).map_or(Field::Skip, |(f, _)| *f)
}
