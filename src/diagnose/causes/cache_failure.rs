//! A failing cache: its errors, or more calls of the database for the same requests.

use super::{Context, Role, Weighing, above, both, more};
use crate::diagnose::hypothesis::{Cause, Hypothesis};

/// Statements needed on both sides before their number per request means anything.
const MANY: u64 = 60;

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::CacheFailure);
    let (before, during) = (context.before(), context.during());
    let often = more(context, |s| &s.cache_errors);
    if during.cache_errors.n >= 3 {
        let text = format!("{} errors of the cache, {often:.1} times as often as before", during.cache_errors.n);
        let role = if often >= 3.0 && during.cache_errors.n >= 10 { Role::Sufficient } else { Role::Supporting };
        weighing.sign(role, 2.0, above(often, 2.0), text, Some(often), &during.cache_errors.rows);
    }
    let asked = |side: &super::Side| side.cache_hits.n + side.cache_misses.n;
    if asked(before) >= 50 && asked(during) >= 50 {
        let share = |side: &super::Side| side.cache_hits.n as f64 / asked(side) as f64 * 100.0;
        let (was, now) = (share(before), share(during));
        let rows = both(&before.cache_hits.rows, &during.cache_misses.rows);
        let text = format!("the cache answered {now:.1} % of what it was asked, {was:.1} % before");
        weighing.sign(Role::Necessary, 2.0, ((was - now) / 20.0 - 0.5).clamp(-1.0, 1.0), text, Some(now), &rows);
    }
    let calls = |side: &super::Side| side.queries.n as f64 / side.requests.n.max(1) as f64;
    if before.queries.n >= MANY && during.queries.n >= MANY && before.requests.n >= 20 {
        let ratio = calls(during) / calls(before);
        let rows = both(&before.queries.rows, &during.queries.rows);
        let text = format!("{:.2} statements a request, {:.2} before ({ratio:.2} times)", calls(during), calls(before));
        let role = if during.cache_errors.n >= 3 { Role::Supporting } else { Role::Necessary };
        weighing.sign(role, 2.0, above(ratio, 1.5), text, Some(ratio), &rows);
    } else if during.cache_errors.n == 0 && asked(during) < 50 {
        weighing.missing(3.0, "the cache's hits and misses, or every statement, so that calls of the database per request can be counted");
    }
    weighing.finish()
}
