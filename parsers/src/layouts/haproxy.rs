//! HAProxy: `option httplog`, `httpslog` and `tcplog`, the default connect lines, connection errors, and the process's own
//! notices, with or without the `haproxy[pid]: ` tag (and whatever a relay put before it).
//!
//! Source: HAProxy "Configuration Manual", chapter 8 "Logging" (8.2 formats, 8.4 timing events, 8.5 session state at
//! disconnection); `src/log.c`, `src/server.c`, `src/check.c`.
//!
//! ```text
//! 10.0.0.9:51274 [20/Nov/2026:12:13:41.206] fe_https~ be_api/api3 1/0/1/13/24 200 1201 - - sH-- 149/129/89/1/0 0/1 {203.0.113.51|curl/8.5.0} {gzip} "GET /orders HTTP/2.0"
//! client:port     accept date, local time    frontend  back end/   timers TR/Tw/Tc/Tr/Ta    state  counts      queues captured headers
//!                                                      server                 status bytes                                             request
//! ```
//!
//! The anchor is the accept date in brackets with its `ip:port` before it; what follows is read by place. Captured header
//! blocks are optional, for they are missing where no request could be parsed.

mod session;
mod state;

use crate::event::{Arena, Event};
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::{num, text, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "haproxy",
    about: "HAProxy's http, https and tcp logs, connect lines, connection errors and server state notices",
    spec: "HAProxy Configuration Manual, chapter 8; src/log.c, src/server.c",
    weight: 90,
    infer,
    examples: &[
        Example {
            line: r#"127.0.0.1:39739 [20/Nov/2026:12:13:41.206] fe_https~ shop_be/blue 2/7/1/-1/1044 504 194 - - sH-- 12/11/8/3/0 1/4 {shop.example.com|203.0.113.51} {} "GET /cart?x=1 HTTP/1.1""#,
            shows: &[
                ("time", "2026-11-20T12:13:41.206"),
                ("kind", "lb.request"),
                ("client.address", "203.0.113.51"),
                ("client.port", "39739"),
                ("lb.frontend", "fe_https"),
                ("lb.backend", "shop_be"),
                ("server.address", "blue"),
                ("http.request.method", "GET"),
                ("url.path", "/cart?x=1"),
                ("http.response.status_code", "504"),
                ("http.response.size", "194"),
                ("duration_ns", "1044000000"),
                ("wait_ns", "7000000"),
                ("connect_ns", "1000000"),
                ("reason", "sH--"),
                ("pool.total", "12"),
                ("pool.active", "8"),
                ("pool.waiting", "5"),
                ("message", "GET /cart?x=1 HTTP/1.1"),
            ],
        },
        Example {
            line: "haproxy[7837]: 10.0.0.9:42948 [20/Nov/2026:10:22:23.571] pg_front pg_back/db1 1/0/2001 476 sD 1/1/0/0/0 0/0",
            shows: &[
                ("process.pid", "7837"),
                ("kind", "lb.session"),
                ("client.address", "10.0.0.9"),
                ("server.address", "db1"),
                ("duration_ns", "2001000000"),
                ("wait_ns", "1000000"),
                ("connect_ns", "0"),
                ("reason", "sD"),
            ],
        },
        Example {
            line: "Server shop_be/blue is DOWN, reason: Layer4 connection problem, info: \"Connection refused\", check duration: 0ms. 0 active and 0 backup servers left. 3 sessions active, 0 requeued, 0 remaining in queue.",
            shows: &[
                ("severity", "ERROR"),
                ("kind", "lb.server.state"),
                ("lb.backend", "shop_be"),
                ("server.address", "blue"),
                ("reason", "down"),
            ],
        },
        Example {
            line: "backend shop_be has no server available!",
            shows: &[("severity", "FATAL"), ("kind", "lb.server.state"), ("lb.backend", "shop_be"), ("reason", "down")],
        },
    ],
};

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    let share = |test: fn(&Body<'_>) -> bool| sample.share(|line| body(line).is_some_and(|b| test(&b)));
    let sessions = share(|b| matches!(b.what, What::Session(_)));
    let notices = share(|b| matches!(b.what, What::Notice));
    if sessions + notices == 0.0 {
        return None;
    }
    let tagged = sample.share(|line| line.starts_with(b"haproxy[") || memchr::memmem::find(line, b" haproxy[").is_some());
    let reason = format!(
        "{}{}{}",
        if sessions > 0.0 { "accept dates between client and front end" } else { "HAProxy's notices" },
        if sessions > 0.0 && notices > 0.0 { ", and notices" } else { "" },
        if tagged > 0.0 { ", tagged haproxy[pid]" } else { "" }
    );
    Some(Inferred { layout: Box::new(Haproxy), reason })
}

struct Haproxy;

impl Layout for Haproxy {
    fn line(&self, line: &[u8]) -> Line {
        if body(line).is_some() { Line::Start } else { Line::Foreign }
    }

    fn parse<'a>(&self, record: &'a [u8], _: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let body = body(record).ok_or(Reject::new(Reason::NoLayout, 0))?;
        if body.pid != 0 {
            event.pid = body.pid;
        }
        match body.what {
            What::Session(bracket) => session::read(body.text, bracket, event).map_err(|r| Reject {
                at: r.at.saturating_add(u32::try_from(record.len() - body.text.len()).unwrap_or(0)),
                ..r
            }),
            What::Notice => {
                header(record.get(..record.len() - body.text.len()).unwrap_or_default(), event);
                state::read(body.text, event);
                Ok(())
            }
        }
    }

    fn domain(&self) -> Domain {
        Domain::Complete
    }
}

/// What a line is about.
enum What {
    /// A session or request; the offset of the date's opening bracket in the text.
    Session(usize),
    /// The process's own words.
    Notice,
}

/// A line without the tag of its program.
struct Body<'a> {
    text: &'a [u8],
    pid: u32,
    what: What,
}

fn body(line: &[u8]) -> Option<Body<'_>> {
    let bare = what(line, false);
    let prefixed = |at: usize| line.get(..at.saturating_sub(1)).is_some_and(|before| memchr::memchr(b' ', before).is_some());
    if let Some(what) = bare {
        let tagged = matches!(what, What::Session(bracket) if prefixed(bracket));
        return if tagged {
            tag(line).or(Some(Body { text: line, pid: 0, what }))
        } else {
            Some(Body { text: line, pid: 0, what })
        };
    }
    tag(line)
}

/// The body behind `haproxy[pid]: `.
fn tag(line: &[u8]) -> Option<Body<'_>> {
    let head = line.get(..160).unwrap_or(line);
    let tag = memchr::memmem::find(head, b"haproxy[")?;
    let rest = line.get(tag + 8..)?;
    let pid = num::digits(rest);
    let text = rest.get(pid..)?.strip_prefix(b"]: ")?.trim_ascii_start();
    let what = what(text, true).or(if text.is_empty() { None } else { Some(What::Notice) })?;
    Some(Body { text, pid: rest.get(..pid).and_then(num::uint32).unwrap_or(0), what })
}

/// What a line without its tag is about; `tagged` lines are HAProxy's whatever they say.
fn what(line: &[u8], tagged: bool) -> Option<What> {
    if line.first()?.is_ascii_alphabetic() && state::is_notice(line) {
        return Some(What::Notice);
    }
    if line.starts_with(b"[") {
        return state::is_notice(line).then_some(What::Notice);
    }
    let head = line.get(..200).unwrap_or(line);
    let bracket = memchr::memchr_iter(b'[', head).find(|at| date_at(line, *at))?;
    (tagged || client_before(line, bracket)).then_some(What::Session(bracket))
}

/// `[20/Nov/2026:12:13:41.206] ` at `at`; the access logs of web servers have a zone where this has milliseconds.
fn date_at(line: &[u8], at: usize) -> bool {
    let Some(date) = line.get(at + 1..at + 26) else { return false };
    matches!(
        (date.get(2), date.get(6), date.get(11), date.get(20), date.get(24)),
        (Some(b'/'), Some(b'/'), Some(b':'), Some(b'.'), Some(b']'))
    )
}

/// Is the word before the bracket an `ip:port`, a Unix socket or a hidden client?
fn client_before(line: &[u8], bracket: usize) -> bool {
    let Some(before) = line.get(..bracket).map(<[u8]>::trim_ascii_end) else { return false };
    let word = before.get(before.iter().rposition(|b| *b == b' ').map_or(0, |s| s + 1)..).unwrap_or_default();
    let digits = word.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    word == b"-" || (digits > 0 && word.len() > digits && word.get(word.len() - digits - 1) == Some(&b':'))
}

/// Time and host of a relay's header, for notices, which have no time of their own.
fn header<'a>(head: &'a [u8], event: &mut Event<'a>) {
    let head = match head.strip_prefix(b"<") {
        Some(rest) => text::after(rest, b">").unwrap_or(rest),
        None => head,
    };
    let Some((stamp, end)) = time::any(head) else { return };
    event.stamp = stamp;
    let mut words = head.get(end..).unwrap_or_default().split(|b| *b == b' ').filter(|w| !w.is_empty());
    if let (Some(host), Some(_)) = (words.next(), words.next())
        && event.host.is_empty()
    {
        event.host = host;
    }
}
