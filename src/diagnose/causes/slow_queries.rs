//! Slow queries: statements take longer than before, or wait for locks.

use super::{Context, Role, Statements, Weighing, above, logged, more, statement_rows, statements, times_as_many};
use crate::diagnose::hypothesis::{Cause, Hypothesis};

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::SlowQueries);
    let (facts, during) = (context.facts, context.during());
    let rows = statement_rows(context);
    let locked = during.locks.n >= 3 && more(context, |s| &s.locks) >= 2.0;
    match statements(context) {
        Statements::All(ratio, was, now) => {
            let text = format!("statements took {now:.1} ms at the 95th percentile, {was:.1} ms before");
            let role = if locked { Role::Supporting } else { Role::Necessary };
            weighing.sign(role, 2.0, above(ratio, 2.0), text.clone(), Some(ratio), &rows);
            if ratio >= 3.0 {
                weighing.sign(Role::Sufficient, 1.5, above(ratio, 2.0).max(0.6), text, Some(ratio), &during.query_time.rows);
            }
        }
        Statements::Slow(ratio, n) => {
            let text = format!("{}, {}", logged(context, n), times_as_many(ratio));
            // Few in all, or surely no more than before: whatever it was, it was not these.
            let none = n < 3 || ratio.high < 1.5;
            let role = if none && !locked { Role::Necessary } else { Role::Supporting };
            // What chance may bring is no sign.
            let value = if none { -0.8 } else { above(ratio.low.max(0.01), 1.5).min(above(ratio.value.min(1e6), 2.0)) };
            weighing.sign(
                role,
                2.0,
                value.max(if none { -1.0 } else { -0.4 }),
                text.clone(),
                Some(ratio.value).filter(|r| r.is_finite()),
                &rows,
            );
            if ratio.low >= 2.0 && n >= 5 {
                let value = above(ratio.low, 1.5).max(0.6);
                weighing.sign(
                    Role::Sufficient,
                    1.5,
                    value,
                    text,
                    Some(ratio.value).filter(|r| r.is_finite()),
                    &during.query_time.rows,
                );
            }
        }
        Statements::Unknown => {
            weighing.missing(3.0, "the times of statements (log_min_duration_statement, the slow log)");
        }
    }
    if locked {
        let text = format!(
            "{} waits for locks and deadlocks, {:.1} times as often as before",
            during.locks.n,
            more(context, |s| &s.locks)
        );
        weighing.sign(Role::Sufficient, 2.0, 1.0, text, Some(during.locks.n as f64), &during.locks.rows);
    }
    if during.canceled.n >= 3 && more(context, |s| &s.canceled) >= 2.0 {
        let text = format!(
            "{} statements were cancelled, {:.1} times as often as before",
            during.canceled.n,
            more(context, |s| &s.canceled)
        );
        weighing.sign(Role::Supporting, 1.0, 0.7, text, Some(during.canceled.n as f64), &during.canceled.rows);
    }
    if facts.leaked >= 5 {
        let text = format!("{} connections leaked", facts.leaked_in_all);
        weighing.sign(Role::Supporting, 1.0, -0.6, text, Some(facts.leaked_in_all as f64), &facts.leaked_rows);
    }
    weighing.finish()
}
