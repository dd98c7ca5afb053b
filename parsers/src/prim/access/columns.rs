//! Access log lines without knowledge of their format: the time, the request and the status are found where they stand,
//! the columns around them by the shapes that a sample's tokens have.

use super::shapes::{Votes, count, settle};
use super::tokens::{Dress, Token, tokens};
use super::{Attrs, Field, finish, is_method, named, set};
use crate::event::{Arena, Event};
use crate::prim::{net, num, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;

/// The columns behind the status in Envoy's default format and in Istio's. Source: Envoy documentation, "Access logging",
/// "Default format string"; Istio, `pilot/pkg/networking/core/accesslog`.
const ENVOY: [Field; 10] = [
    Field::Flags,
    Field::Skip,
    Field::Bytes,
    Field::Millis,
    Field::Skip,
    Field::Forwarded,
    Field::Agent,
    Field::RequestId,
    Field::Host,
    Field::UpstreamUrl,
];
const ISTIO: [Field; 14] = [
    Field::Flags,
    Field::Named("details"),
    Field::Skip,
    Field::Named("failure"),
    Field::Skip,
    Field::Bytes,
    Field::Millis,
    Field::Skip,
    Field::Forwarded,
    Field::Agent,
    Field::RequestId,
    Field::Host,
    Field::Upstream,
    Field::Backend,
];

/// `[ISO time] "request" status flags …`: which of Envoy's formats a line has.
fn envoy(tokens: &[Token<'_>]) -> Option<&'static [Field]> {
    let [time, request, status, flags, next, rest @ ..] = tokens else { return None };
    let dressed = time.dress == Dress::Bracket && time.text.get(10) == Some(&b'T') && request.dress == Dress::Quoted;
    let flagged = flags.text.iter().all(|b| b.is_ascii_uppercase() || matches!(b, b',' | b'-'));
    if !dressed || !is_time(time) || !is_status(status.text) && status.text != b"0" || !flagged || rest.len() < 7 {
        return None;
    }
    Some(if num::uint(next.text).is_some() { &ENVOY } else { &ISTIO })
}

/// Where in a line's tokens its fixed points are.
#[derive(Debug, Clone, Copy, Default)]
struct Anchors {
    time: Option<usize>,
    request: Option<usize>,
    /// Only where the status follows the request.
    status: Option<usize>,
}

impl Anchors {
    fn of(tokens: &[Token<'_>]) -> Anchors {
        let mut anchors = Anchors::default();
        for (index, token) in tokens.iter().enumerate() {
            if anchors.time.is_none() && is_time(token) {
                anchors.time = Some(index);
            } else if token.dress == Dress::Quoted && anchors.request.is_none() {
                let next = tokens.get(index + 1);
                let status = next.is_some_and(|n| n.dress == Dress::Bare && n.key.is_empty() && is_status(n.text));
                if status || is_request(token.text) || is_target(tokens, index) {
                    anchors.request = Some(index);
                    anchors.status = status.then_some(index + 1);
                    break;
                }
            }
        }
        anchors
    }

    fn found(self) -> bool {
        self.request.is_some() && (self.time.is_some() || self.status.is_some())
    }
}

pub(super) fn is_status(text: &[u8]) -> bool {
    matches!(text, b"-" | b"0") || (text.len() == 3 && text.iter().all(u8::is_ascii_digit))
}

/// `METHOD target` with or without a protocol.
fn is_request(text: &[u8]) -> bool {
    memchr::memchr(b' ', text).is_some_and(|space| {
        text.get(..space).is_some_and(is_method) && text.get(space + 1).is_some_and(|b| matches!(b, b'/' | b'*' | b'h' | b'w'))
    })
}

/// A quoted path with the method up to three columns before it.
fn is_target(tokens: &[Token<'_>], index: usize) -> bool {
    let before = tokens.get(index.saturating_sub(3)..index).unwrap_or_default();
    tokens.get(index).is_some_and(|t| t.text.starts_with(b"/")) && before.iter().any(is_bare_method)
}

fn is_bare_method(token: &Token<'_>) -> bool {
    const METHODS: [&[u8]; 9] = [b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"PATCH", b"OPTIONS", b"CONNECT", b"PROPFIND"];
    token.dress == Dress::Bare && METHODS.contains(&token.text)
}

fn is_time(token: &Token<'_>) -> bool {
    match token.dress {
        Dress::Bracket if token.key.is_empty() => is_time_shape(token.text),
        Dress::Quoted => false,
        _ => {
            token.text.first().is_some_and(u8::is_ascii_digit) && token.text.len() >= 14 && {
                let whole = |t: time::Taken| t.is_some_and(|(_, end)| end == token.text.len());
                whole(time::iso(token.text)) || whole(time::epoch_seconds(token.text)) || whole(time::clf(token.text))
            }
        }
    }
}

/// `20/Nov/2026:10:21:25` or `2026-11-20T10:21:25`: the shape alone, so that a date that is none is still seen as one.
fn is_time_shape(text: &[u8]) -> bool {
    matches!((text.get(2), text.get(6), text.get(11), text.get(14)), (Some(b'/'), Some(b'/'), Some(b':'), Some(b':')))
        || matches!(
            (text.get(4), text.get(7), text.get(10), text.get(13)),
            (Some(b'-'), Some(b'-'), Some(b'T' | b' '), Some(b':'))
        )
}

/// What tells servers apart that write the same format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signs {
    /// Lines with something that only Apache writes.
    pub apache: usize,
    /// Lines with something that only nginx writes.
    pub nginx: usize,
    /// Lines read as access log lines at all.
    pub lines: usize,
    /// Of those, lines without a time.
    pub timeless: usize,
    /// Of those, lines with a status behind the request.
    statuses: usize,
}

/// The reader of a file's access log lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    separator: u8,
    /// Roles of columns between the time and the request.
    middle: Vec<Field>,
    /// Roles of columns behind the request and its status.
    tail: Vec<Field>,
    /// Lines without a time were seen.
    timeless: bool,
    /// The format has a status behind the request: a line without one was cut.
    needs_status: bool,
    /// The time does not stand in brackets.
    bare_time: bool,
    /// The lines have the order of Envoy's default format or of Istio's.
    pub envoy: bool,
    /// A request has its time of arrival.
    pub stamp_is_start: bool,
}

impl Columns {
    /// The columns of a sample's access log lines; `None` where there are none.
    pub fn infer(sample: &Sample<'_>) -> Option<(Columns, Signs)> {
        let separator = separator(sample);
        let arena = Arena::new();
        let mut columns = Columns { separator, ..Columns::default() };
        let mut signs = Signs::default();
        let (mut middle, mut tail): (Vec<Votes>, Vec<Votes>) = (Vec::new(), Vec::new());
        for line in &sample.lines {
            if !quick(line) {
                continue;
            }
            let tokens = tokens(line, separator, &arena);
            let anchors = Anchors::of(tokens);
            if !anchors.found() || is_foreign(tokens, anchors) {
                continue;
            }
            signs.lines += 1;
            signs.statuses += usize::from(anchors.status.is_some());
            signs.look(line, tokens, anchors);
            columns.timeless |= anchors.time.is_none();
            columns.bare_time |= anchors.time.and_then(|t| tokens.get(t)).is_some_and(|t| t.dress == Dress::Bare);
            let request = anchors.request.unwrap_or(0);
            let after = anchors.time.map_or(request, |t| t + 1);
            count(&mut middle, tokens.get(after..request).unwrap_or_default());
            count(&mut tail, tokens.get(anchors.status.unwrap_or(request) + 1..).unwrap_or_default());
        }
        if signs.lines == 0 {
            return None;
        }
        columns.needs_status = signs.statuses * 2 > signs.lines;
        if let Some(kind) = sample.lines.iter().find_map(|line| envoy(tokens(line, b' ', &arena))) {
            columns.tail = kind.to_vec();
            columns.stamp_is_start = true;
            columns.envoy = true;
            return Some((columns, signs));
        }
        columns.middle = settle(&middle, false);
        columns.tail = settle(&tail, true);
        Some((columns, signs))
    }

    /// Does a line have the fixed points of this file's access log? Looks for the time's shape only.
    pub fn starts(&self, line: &[u8]) -> bool {
        if self.timeless || self.bare_time {
            let arena = Arena::new();
            return Anchors::of(tokens(line.get(..1024).unwrap_or(line), self.separator, &arena)).found();
        }
        bracket(line).is_some_and(|at| memchr::memchr(b'"', line.get(at..).unwrap_or_default()).is_some())
    }

    /// Reads a line.
    pub fn read<'a>(&self, line: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let tokens = tokens(line, self.separator, arena);
        let anchors = Anchors::of(tokens);
        let Some(request) = anchors.request.filter(|_| anchors.found()) else {
            let cut = memchr::memchr_iter(b'"', line).count() % 2 == 1;
            return Err(Reject::new(if cut { Reason::Truncated } else { Reason::BadField }, line.len()));
        };
        if self.needs_status && anchors.status.is_none() && !is_target(tokens, request) {
            return Err(Reject::new(Reason::Truncated, line.len()));
        }
        let mut attrs = Attrs::with_capacity_in(12, arena);
        let before = anchors.time.map_or(request, |t| t.min(request));
        who(tokens.get(..before).unwrap_or_default(), event, &mut attrs);
        if let Some(token) = anchors.time.and_then(|t| tokens.get(t)) {
            event.stamp = time::any(token.text).ok_or(Reject::new(Reason::BadTime, 0))?.0;
        }
        event.stamp_is_start = self.stamp_is_start;
        let text = |index: usize| tokens.get(index).map_or(&b""[..], |t| t.text);
        set(Field::Request, text(request), event, &mut attrs);
        if request < anchors.time.unwrap_or(0) {
            finish(event, attrs, arena);
            return Ok(());
        }
        let from = anchors.time.map_or(request, |t| t + 1);
        if anchors.status.is_none() && text(request).starts_with(b"/") {
            event.path = text(request);
            let words = tokens.get(from..request).unwrap_or_default();
            if let Some(at) = words.iter().rposition(is_bare_method) {
                event.method = words.get(at).map_or(b"", |t| t.text);
                let status = words.get(..at).unwrap_or_default().iter().rev().find(|t| num::uint(t.text).is_some());
                event.status = status.and_then(|t| num::uint16(t.text)).unwrap_or(0);
            }
        }
        for (token, role) in tokens.get(from..request).unwrap_or_default().iter().zip(&self.middle) {
            put(token, *role, event, &mut attrs);
        }
        let mut at = request + 1;
        if let Some(status) = anchors.status {
            set(Field::Status, text(status), event, &mut attrs);
            at = status + 1;
        }
        for (token, role) in tokens.get(at..).unwrap_or_default().iter().zip(&self.tail) {
            put(token, *role, event, &mut attrs);
        }
        finish(event, attrs, arena);
        Ok(())
    }

    /// The columns in words, for people.
    pub fn show(&self) -> String {
        let known = self.middle.iter().chain(&self.tail).filter(|f| **f != Field::Skip);
        let words: Vec<String> = known.map(|f| format!("{f:?}").to_ascii_lowercase()).collect();
        let more = if words.is_empty() { String::new() } else { format!(", and by their shapes {}", words.join(", ")) };
        format!("{}request and status{more}", if self.timeless { "" } else { "time, " })
    }
}

/// Sets a token's field; a key says more than its place.
fn put<'a>(token: &Token<'a>, role: Field, event: &mut Event<'a>, attrs: &mut Attrs<'a>) {
    let role = if token.key.is_empty() { role } else { keyed(token.key) };
    // Referer and user agent change places between formats: an address is no agent.
    let fits = !token.key.is_empty()
        || match role {
            Field::Agent => token.dress == Dress::Quoted,
            Field::Seconds => memchr::memchr(b'.', token.text).is_some(),
            Field::UpstreamUrl => memchr::memmem::find(token.text, b"://").is_some(),
            Field::Upstream | Field::Client => token.text.starts_with(b"unix:") || is_peer(super::last(token.text)),
            _ => true,
        };
    if !fits || role == Field::Agent && !event.user_agent.is_empty() {
        return;
    }
    if role == Field::Agent && (token.text.starts_with(b"http://") || token.text.starts_with(b"https://")) {
        return;
    }
    set(role, token.text, event, attrs);
}

/// Lower-case keys are nginx variables and abbreviations; `[Client …]` is how Nginx Proxy Manager names columns.
pub(super) fn keyed(key: &[u8]) -> Field {
    match key {
        b"Client" => Field::Client,
        b"Length" => Field::Bytes,
        b"Sent-to" => Field::Upstream,
        _ => named(key),
    }
}

/// The columns before the time: virtual host, client, identity, user, in the orders in use.
fn who<'a>(tokens: &[Token<'a>], event: &mut Event<'a>, attrs: &mut Attrs<'a>) {
    let address = |t: &Token<'_>| is_peer(t.text);
    let at = tokens.iter().position(address).unwrap_or(0);
    for (index, token) in tokens.iter().enumerate() {
        if !token.key.is_empty() {
            set(keyed(token.key), token.text, event, attrs);
        } else if index == at {
            set(Field::Client, token.text, event, attrs);
        } else if index + 1 == at && index == 0 {
            set(Field::Host, token.text, event, attrs);
        }
    }
    // Identity, then the user, who may have blanks.
    match tokens.get(at + 2..) {
        Some([user]) if user.key.is_empty() => set(Field::User, user.text, event, attrs),
        Some(words @ [_, _, ..]) if words.iter().all(|w| w.key.is_empty() && w.dress == Dress::Bare) => {
            let mut user = bumpalo::collections::Vec::new_in(attrs.bump());
            for word in words {
                if !user.is_empty() {
                    user.push(b' ');
                }
                user.extend_from_slice(word.text);
            }
            set(Field::User, user.into_bump_slice(), event, attrs);
        }
        _ => {}
    }
}

pub(super) fn is_peer(text: &[u8]) -> bool {
    if net::is_address(text) {
        return true;
    }
    let first = text.split(|b| *b == b',').next().unwrap_or_default();
    net::is_address(first) || (net::host_port(first).1 != 0 && net::is_address(net::host_port(first).0))
}

/// HAProxy's own lines look alike but for the client's port before a time without a zone.
fn is_foreign(tokens: &[Token<'_>], anchors: Anchors) -> bool {
    let Some(time) = anchors.time.and_then(|t| tokens.get(t)) else {
        return !tokens.first().is_some_and(|t| is_peer(t.text));
    };
    // An application's log line about a request has a level.
    let leveled = |t: &Token<'_>| t.dress != Dress::Quoted && is_level(t.text);
    let before = tokens.get(..anchors.request.unwrap_or(0)).unwrap_or_default();
    if before.iter().any(leveled) {
        return true;
    }
    time.dress == Dress::Bracket && time.text.len() == 24 && time.text.get(20) == Some(&b'.')
}

fn is_level(text: &[u8]) -> bool {
    const LEVELS: [&[u8]; 9] = [b"INFO", b"DEBUG", b"WARN", b"WARNING", b"ERROR", b"TRACE", b"info", b"INFO:", b"[INFO]"];
    LEVELS.contains(&text)
}

/// A line that cannot be an access log line has no quote or begins like JSON.
fn quick(line: &[u8]) -> bool {
    memchr::memchr(b'"', line).is_some() && line.first() != Some(&b'{')
}

/// The bracket that opens a time.
fn bracket(line: &[u8]) -> Option<usize> {
    let head = line.get(..512).unwrap_or(line);
    memchr::memchr_iter(b'[', head).find(|at| {
        let inside = line.get(at + 1..at + 21).unwrap_or_default();
        match (inside.get(2), inside.get(6), inside.get(11)) {
            (Some(b'/'), Some(b'/'), Some(b':')) => line.get(at + 21) == Some(&b' ') || line.get(at + 21) == Some(&b'.'),
            _ => matches!((inside.get(4), inside.get(7), inside.get(10)), (Some(b'-'), Some(b'-'), Some(b'T' | b' '))),
        }
    })
}

/// The separator of the columns: a blank unless the lines are cut by bars or semicolons.
fn separator(sample: &Sample<'_>) -> u8 {
    for candidate in *b"|;" {
        let many =
            |line: &[u8]| memchr::memchr_iter(candidate, line).count() >= 4 && memchr::memchr(b' ', line).is_none_or(|b| b > 4);
        let mostly = |line: &[u8]| {
            let cuts = memchr::memchr_iter(candidate, line).count();
            many(line) && line.split(|b| *b == candidate).filter(|p| !p.is_empty()).count() > cuts / 2
        };
        let first = sample.lines.iter().filter(|l| memchr::memchr(candidate, l.get(..48).unwrap_or(l)).is_some()).count();
        if first * 10 > sample.lines.len() * 8 && sample.share(mostly) > 0.8 {
            return candidate;
        }
    }
    b' '
}

impl Signs {
    fn look(&mut self, line: &[u8], tokens: &[Token<'_>], anchors: Anchors) {
        self.timeless += usize::from(anchors.time.is_none());
        let bytes = anchors.status.and_then(|s| tokens.get(s + 1));
        let lower = memchr::memmem::find(line, b"\\x").and_then(|at| line.get(at + 2..at + 4));
        let lower = |test: fn(&u8) -> bool| lower.is_some_and(|hex| hex.iter().any(test));
        let status = anchors.status.and_then(|s| tokens.get(s)).map_or(&b""[..], |t| t.text);
        let common = bytes.is_some() && anchors.status.is_some_and(|s| tokens.len() == s + 2);
        if bytes.is_some_and(|b| b.text == b"-")
            || memchr::memmem::find(line, b"\\\"").is_some()
            || lower(u8::is_ascii_lowercase)
            || common
        {
            self.apache += 1;
        }
        if bytes.is_some_and(|b| b.text == b"0") || matches!(status, b"499" | b"444") || lower(u8::is_ascii_uppercase) {
            self.nginx += 1;
        }
        if tokens.iter().any(|t| !t.key.is_empty()) {
            self.nginx += 1;
        }
        if tokens.first().is_some_and(|t| net::host_port(t.text).1 != 0 && !is_peer(t.text)) {
            self.apache += 1;
        }
    }
}
