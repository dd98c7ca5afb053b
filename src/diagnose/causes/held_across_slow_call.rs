//! Connections held across a slow call: holds grow while statements do not, and every connection comes back.

use super::{Context, Role, Weighing, above, both, length_ratio};
use crate::diagnose::hypothesis::{Cause, Hypothesis};

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::HeldAcrossSlowCall);
    let (facts, before, during) = (context.facts, context.before(), context.during());
    let Some((ratio, was, now)) = length_ratio(context, |s| &s.holds, 0.95, 20) else {
        weighing.missing(3.0, "the pool's borrows and returns");
        return weighing.finish();
    };
    let rows = both(&before.holds.rows, &during.holds.rows);
    let text = format!("connections were held {now:.0} ms at the 95th percentile, {was:.0} ms before");
    weighing.sign(Role::Necessary, 2.0, above(ratio, 2.0), text, Some(ratio), &rows);
    let statements = length_ratio(context, |s| &s.query_time, 0.95, 20);
    if let Some((slower, was, now)) = statements {
        let rows = both(&before.query_time.rows, &during.query_time.rows);
        let text = format!("statements took {now:.1} ms at the 95th percentile, {was:.1} ms before");
        weighing.sign(Role::Supporting, 1.5, if slower < 1.5 { 0.8 } else { -above(slower, 1.5) }, text, Some(slower), &rows);
    } else {
        weighing.missing(1.0, "the times of statements");
    }
    let slow = during.slow.n + during.locks.n;
    if facts.leaked >= 5 {
        let text = format!("{} connections were never given back", facts.leaked);
        weighing.sign(Role::Supporting, 2.0, -1.0, text, Some(facts.leaked as f64), &facts.leaked_rows);
    } else if ratio >= 3.0 && statements.is_none_or(|(slower, ..)| slower < 1.5) && slow < 3 && during.timeouts.n >= 3 {
        let text = format!("{} waits were in vain while holds grew {ratio:.1} times and statements did not", during.timeouts.n);
        weighing.sign(Role::Sufficient, 2.0, 1.0, text, Some(ratio), &during.timeouts.rows);
    }
    weighing.finish()
}
