//! A misconfigured load balancer: it answers with errors of its own for requests that no application was asked.

use super::{Context, Count, Role, Weighing};
use crate::diagnose::hypothesis::{Cause, Hypothesis};

/// HAProxy: connection refused or timed out, no route, proxy out of sockets or resources.
const OWN: [&[u8; 2]; 5] = [b"SC", b"sC", b"PC", b"RC", b"PR"];
/// HAProxy: queued too long, server too slow, client left meanwhile. Back ends are saturated: not the balancer's doing.
const SATURATED: [&[u8; 2]; 5] = [b"sQ", b"CQ", b"sH", b"CH", b"sD"];

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::LbMisconfiguration);
    let (facts, during) = (context.facts, context.during());
    let mut own = during.states(&OWN);
    let saturated = during.states(&SATURATED);
    let unreachable = |reason: &[u8]| {
        [&b"refused"[..], b"no_live", b"unreachable", b"no_servers", b"host_not_found"]
            .iter()
            .any(|w| memchr::memmem::find(reason, w).is_some())
    };
    for (_, count) in during.upstream.iter().filter(|(reason, _)| unreachable(reason)) {
        own.n += count.n;
        own.rows.extend(count.rows.iter().take(1));
    }
    let failed = during.failed.n;
    let known = !during.states.is_empty() || !during.upstream.is_empty() || facts.app_logs_requests;
    if failed < 10 || !known {
        weighing.missing(
            3.0,
            "termination states (HAProxy's httplog), the web server's error log, or the application's own requests",
        );
        return weighing.finish();
    }
    let hasty = hasty(context);
    if let Some(gave_up) = hasty {
        own.n += gave_up.n;
        own.rows.extend(gave_up.rows.iter().take(1));
    }
    let share = own.n as f64 / failed as f64;
    let proof: Vec<_> = own.rows.iter().chain(&saturated.rows).chain(&during.failed.rows).take(3).copied().collect();
    let text = format!(
        "{} of {failed} failed requests ({:.1} %) failed before they reached a back end",
        own.n.min(failed),
        (share * 100.0).min(100.0)
    );
    // Whether those it gave up on would have been answered, only the application could tell.
    let untold = hasty.is_none() && during.gave_up.n * 2 >= failed && during.app_requests.n < 50;
    let value = ((share - 0.15) / 0.15).clamp(-1.0, 1.0);
    if untold {
        weighing.sign(Role::Supporting, 1.0, value.max(-0.2), text, Some(share), &proof);
        weighing.missing(2.0, "the application's own requests: whether it answered those that the balancer gave up on");
    } else {
        weighing.sign(Role::Necessary, 2.0, value, text, Some(share), &proof);
    }
    if let Some(gave_up) = hasty {
        let text = format!(
            "the balancer gave up on {} requests that the application went on to answer, no slower than before",
            gave_up.n
        );
        weighing.sign(Role::Supporting, 1.5, 0.9, text, Some(gave_up.n as f64), &gave_up.rows);
    } else if saturated.n > 0 && !untold {
        let share = saturated.n as f64 / failed as f64;
        let text =
            format!("{} of {failed} ended while queued or waiting for a slow back end: saturation, not routing", saturated.n);
        weighing.sign(Role::Supporting, 1.0, -share.clamp(0.0, 1.0), text, Some(share), &saturated.rows);
    }
    arrivals(context, &mut weighing);
    let restarted = during.db_life.n > 0;
    if share >= 0.5 && own.n >= 20 && !restarted && facts.leaked < 5 {
        let text = format!("the balancer itself failed {} requests", own.n);
        weighing.sign(Role::Sufficient, 1.5, 0.8, text, Some(own.n as f64), &own.rows);
    }
    weighing.finish()
}

/// Requests that the balancer gave up on although the application answered as fast and as well as before: its own time-out
/// is too short.
fn hasty<'a>(context: &'a Context<'_>) -> Option<&'a Count> {
    let (before, during) = (context.before(), context.during());
    let gave_up = &during.gave_up;
    if before.requests.rows == before.app_requests.rows || during.app_requests.n < 50 || gave_up.n < 20 {
        return None;
    }
    // The median follows the mix of requests, and those that are tried again weigh more: the slow end must be as it was.
    let (was, now) = (before.app_latency.p95_ms(20)?, during.app_latency.p95_ms(20)?);
    let same = now <= 1.5 * was.max(20.0);
    let answered = during.app_failed.n as f64 <= 0.2 * gave_up.n as f64;
    (answered && during.timeouts.n == 0 && same).then_some(gave_up)
}

/// Did every request reach the application?
fn arrivals(context: &Context<'_>, weighing: &mut Weighing) {
    let (before, during) = (context.before(), context.during());
    if before.requests.rows == before.app_requests.rows || before.app_requests.n < 50 || before.requests.n < 50 {
        return;
    }
    let share = |requests: &Count, arrived: &Count| arrived.n as f64 / requests.n.max(1) as f64;
    let (was, now) = (share(&before.requests, &before.app_requests), share(&during.requests, &during.app_requests));
    let kept = now / was.max(1e-9);
    let text = format!("{:.1} % of the requests show in the application's log, {:.1} % before", now * 100.0, was * 100.0);
    let rows = super::both(&before.app_requests.rows, &during.app_requests.rows);
    weighing.sign(Role::Supporting, 1.0, if kept < 0.8 { 0.6 } else { -0.6 }, text, Some(kept), &rows);
}
