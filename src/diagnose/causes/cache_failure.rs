//! A failing cache: its errors, fewer hits, or more calls of the database for the same requests.

use super::{Context, Role, Weighing, above, both, calls, more, sampled, tries};
use crate::diagnose::hypothesis::{Cause, Hypothesis};

/// Look-ups on both sides from which on a share of hits is taken.
const ASKED: u64 = 50;
/// Points of a hundred by which hits must fall to be a sign.
const FALL: f64 = 20.0;

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::CacheFailure);
    let (before, during) = (context.before(), context.during());
    let often = more(context, |s| &s.cache_errors);
    let broken = during.cache_errors.n >= 3 && often >= 3.0;
    if during.cache_errors.n >= 3 {
        let text = format!("{} errors of the cache, {often:.1} times as often as before", during.cache_errors.n);
        let role = if broken && during.cache_errors.n >= 10 { Role::Sufficient } else { Role::Supporting };
        weighing.sign(role, 2.0, above(often, 2.0), text, Some(often), &during.cache_errors.rows);
    }
    // A look-up that fails is no hit.
    let asked = |side: &super::Side| side.cache_hits.n + side.cache_misses.n + side.cache_errors.n;
    let counted = before.cache_hits.n + before.cache_misses.n >= ASKED && asked(during) >= ASKED;
    let mut fell = false;
    if counted {
        let share = |side: &super::Side| side.cache_hits.n as f64 / asked(side) as f64 * 100.0;
        let (was, now) = (share(before), share(during));
        let proof = if during.cache_misses.rows.is_empty() { &during.cache_errors.rows } else { &during.cache_misses.rows };
        let rows = both(&before.cache_hits.rows, proof);
        let text = format!("the cache answered {now:.1} % of what it was asked, {was:.1} % before");
        fell = was - now >= FALL;
        let role = if broken { Role::Supporting } else { Role::Necessary };
        weighing.sign(role, 2.0, ((was - now) / FALL - 0.5).clamp(-1.0, 1.0), text.clone(), Some(now), &rows);
        if fell {
            weighing.sign(Role::Sufficient, 2.0, 0.9, text, Some(now), proof);
        }
    }
    if let Some((ratio, was, now, of)) = calls(context) {
        let rows = if of == "statements" {
            both(&before.queries.rows, &during.queries.rows)
        } else {
            both(&before.borrows.rows, &during.borrows.rows)
        };
        let text = format!("{now:.2} {of} a request, {was:.2} before ({ratio:.2} times)");
        let told = broken || fell || counted;
        // Requests that fail for want of a connection ask for nothing: those that were answered may ask for more than before.
        let answered =
            |side: &super::Side| side.requests.n as f64 / side.requests.n.saturating_sub(side.failed.n).max(1) as f64;
        let starved = of == "statements" && ratio < 1.5 && ratio * answered(during) / answered(before) >= 1.5;
        let role = if told || starved { Role::Supporting } else { Role::Necessary };
        // Other requests ask for other things: only the same mix makes more calls a sign of the cache.
        let value = match above(ratio, 1.5) {
            _ if starved => 0.0,
            value if tries(context).is_some_and(|t| t >= 2.0) => value.min(0.2),
            value => value,
        };
        let weight = if told { 1.0 } else { 2.0 };
        weighing.sign(role, weight, value, text, Some(ratio), &rows);
    } else if let Some((ratio, was, now)) = sampled(context).filter(|_| !broken && !fell && !counted) {
        let text = format!(
            "{now:.3} statements a request in an even sample of them, {was:.3} before ({:.2} times, {:.2} to {:.2})",
            ratio.value, ratio.low, ratio.high
        );
        // A sample may lose statements; only what is surely no rise rules out, and a rise alone says little.
        let value = if ratio.high < 1.5 { above(ratio.high, 1.5).min(-0.5) } else { above(ratio.low, 1.5).clamp(-0.4, 0.2) };
        let rows = both(&before.query_time.rows, &during.query_time.rows);
        weighing.sign(Role::Necessary, 2.0, value, text, Some(ratio.value), &rows);
    } else if during.cache_errors.n == 0 && !counted {
        weighing.missing(
            3.0,
            "the cache's hits and misses, or every statement, so that calls of the database per request can be counted",
        );
    }
    weighing.finish()
}
