//! Connections held across a slow call: holds grow while statements do not, and every connection comes back.

use super::{
    Context, Role, Statements, Weighing, above, both, length_ratio, lent, logged, statement_rows, statements, times_as_many,
};
use crate::diagnose::hypothesis::{Cause, Hypothesis};

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::HeldAcrossSlowCall);
    let (facts, before, during) = (context.facts, context.before(), context.during());
    let Some((ratio, was, now)) = length_ratio(context, |s| &s.holds, 20) else {
        weighing.missing(3.0, "the pool's borrows and returns");
        idle(context, &mut weighing);
        counted(context, &mut weighing);
        return weighing.finish();
    };
    let rows = both(&before.holds.rows, &during.holds.rows);
    let text = format!("connections were held {now:.0} ms at the 95th percentile, {was:.0} ms before");
    weighing.sign(Role::Necessary, 2.0, above(ratio, 2.0), text, Some(ratio), &rows);
    let how = statements(context);
    match how {
        Statements::All(slower, was, now) => {
            let text = format!("statements took {now:.1} ms at the 95th percentile, {was:.1} ms before");
            let value = if slower < 1.5 { 0.8 } else { -above(slower, 1.5) };
            weighing.sign(Role::Supporting, 1.5, value, text, Some(slower), &statement_rows(context));
        }
        Statements::Slow(ratio, n) => {
            let text = format!("{}, {}", logged(context, n), times_as_many(ratio));
            let value = if how.same() { 0.6 } else { -above(ratio.low.max(0.01), 1.5).max(0.0) };
            weighing.sign(
                Role::Supporting,
                1.5,
                value,
                text,
                Some(ratio.value).filter(|r| r.is_finite()),
                &statement_rows(context),
            );
        }
        Statements::Unknown => weighing.missing(2.5, "the times of statements"),
    }
    let slow = during.slow.n + during.locks.n;
    if facts.leaked >= 5 {
        let text = format!("{} connections were never given back", facts.leaked_in_all);
        weighing.sign(Role::Supporting, 2.0, -1.0, text, Some(facts.leaked_in_all as f64), &facts.leaked_rows);
    } else if ratio >= 3.0 && how.same() && (slow < 3 || matches!(how, Statements::All(..) | Statements::Slow(..))) {
        let text = format!("holds grew {ratio:.1} times, statements did not, and every connection came back");
        let rows = if during.timeouts.rows.is_empty() { &during.holds.rows } else { &during.timeouts.rows };
        weighing.sign(Role::Sufficient, 2.0, 1.0, text, Some(ratio), rows);
    }
    weighing.finish()
}

/// Where borrows are not logged: by the pool's counters a request keeps its connection much longer, and statements run as
/// before.
fn counted(context: &Context<'_>, weighing: &mut Weighing) {
    let (Some((ratio, was, now)), how) = (lent(context), statements(context)) else { return };
    let during = context.during();
    let other = during.locks.n + during.db_life.n + during.db_unreachable.n + during.not_ready.n;
    if ratio >= 3.0 && context.facts.leaked < 5 && how.same() && other == 0 && during.timeouts.n >= 3 {
        let text = format!(
            "by the pool's counters an answered request kept a connection for {now:.2} s, {was:.2} s before, and statements took no longer"
        );
        weighing.sign(Role::Sufficient, 3.0, 0.6, text, Some(ratio), &during.counters.rows);
    }
}

/// Where borrows are not logged: the pool was empty, hardly a statement ran, and still requests were served.
fn idle(context: &Context<'_>, weighing: &mut Weighing) {
    let four = &context.pools.four;
    let (Some(was), Some(now), Some(decay)) = (four.busy_before, four.busy_empty, four.decay) else { return };
    if context.facts.leaked == 0 && context.before().every_length() && now <= 0.3 * was && decay >= 0.5 {
        let text = format!(
            "while the pool was empty statements ran in {:.0} % of the time lent ({:.0} % before), and it went on serving",
            now * 100.0,
            was * 100.0
        );
        weighing.sign(Role::Sufficient, 2.0, 0.7, text, Some(now / was), &four.rows);
    }
}
