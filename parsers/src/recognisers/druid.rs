//! Alibaba Druid: abandoned connections with two stacks (the borrow, and where the owner is now), borrowers that waited
//! in vain, slow statements.
//!
//! ```text
//! abandon connection, owner thread: http-nio-8080-exec-1, connected at : 1795169743000, open stackTrace
//! ```

use crate::event::{Arena, Event, Gauge};
use crate::kind::Kind;
use crate::prim::{num, pools, text, time};
use crate::recogniser::RecogniserSpec;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "druid",
    about: "Alibaba Druid: abandoned connections, acquire timeouts, slow statements",
    spec: "alibaba/druid, DruidDataSource, StatFilter",
    needles: &[
        "abandon connection, owner thread: ",
        "wait millis ",
        "maxWaitThreadCount ",
        "create connection SQLException, url: ",
        "slow sql ",
    ],
    recognise,
    examples: &[
        Example {
            line: "abandon connection, owner thread: http-nio-8080-exec-1, connected at : 1795169743000, open stackTrace\n\tat com.acme.A.f(A.java:1)",
            shows: &[
                ("kind", "pool.leak.report"),
                ("thread.name", "http-nio-8080-exec-1"),
                ("since", "2026-11-20T10:15:43.000Z"),
            ],
        },
        Example {
            line: "com.alibaba.druid.pool.GetConnectionTimeoutException: wait millis 5000, active 20, maxActive 20, creating 0",
            shows: &[("kind", "pool.acquire_timeout"), ("wait_ns", "5000000000"), ("pool.active", "20"), ("pool.max", "20")],
        },
        Example {
            line: "slow sql 3012 millis. select * from orders[]",
            shows: &[("kind", "db.query.slow"), ("duration_ns", "3012000000"), ("db.query.text", "select * from orders[]")],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    if let Some(found) = pools::find(event.message, "abandon connection, owner thread: ") {
        let line = found.line();
        event.kind = Kind::LeakReport;
        event.reason = b"abandoned";
        event.thread = text::before(line, b", connected at").unwrap_or(event.thread);
        event.since = text::after(line, b"connected at : ").and_then(time::epoch).map(|(stamp, _)| stamp).unwrap_or_default();
        return true;
    }
    if let Some(found) =
        pools::anywhere(event, "wait millis ").filter(|f| memchr::memmem::find(f.line(), b", active ").is_some())
    {
        let line = found.line();
        event.kind = Kind::AcquireTimeout;
        event.reason = b"timeout";
        pools::wait_ms(event, text::digits(line));
        event.gauge = Gauge { active: pools::number(line, ", active "), max: pools::number(line, "maxActive "), ..Gauge::NONE };
        if event.error_type.is_empty() {
            event.error_type = found.thrower();
        }
        return true;
    }
    if let Some(found) =
        pools::anywhere(event, "maxWaitThreadCount ").filter(|f| memchr::memmem::find(f.line(), b"current wait").is_some())
    {
        event.kind = Kind::AcquireTimeout;
        event.reason = b"exhausted";
        event.gauge.waiting = pools::number(found.line(), "Thread count ");
        return true;
    }
    if let Some(found) = pools::find(event.message, "create connection SQLException, url: ") {
        event.kind = Kind::ConnectFailed;
        event.reason = b"failed";
        event.sqlstate = text::after(found.line(), b", state ").map(text::word).unwrap_or_default();
        return true;
    }
    if let Some(rest) = event.message.strip_prefix(b"slow sql ")
        && let Some(millis) = text::before(rest, b" millis. ")
        && let Some(nanos) = num::scaled(millis, 6)
    {
        event.kind = Kind::SlowQuery;
        event.duration_ns = nanos;
        event.query = rest.get(millis.len() + 9..).unwrap_or_default();
        return true;
    }
    false
}
