//! Slow queries: statements take longer than before, or wait for locks.

use super::{Context, Role, Weighing, above, both, length_ratio, more};
use crate::diagnose::hypothesis::{Cause, Hypothesis};
use backtrail_parsers::Kind;

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::SlowQueries);
    let (facts, before, during) = (context.facts, context.before(), context.during());
    let measured = length_ratio(context, |s| &s.query_time, 0.95, 20);
    if let Some((ratio, was, now)) = measured {
        let rows = both(&before.query_time.rows, &during.query_time.rows);
        let text = format!("statements took {now:.1} ms at the 95th percentile, {was:.1} ms before");
        weighing.sign(Role::Necessary, 2.0, above(ratio, 2.0), text, Some(ratio), &rows);
    }
    let noted = during.slow.n + during.locks.n + during.canceled.n;
    let often = more(context, |s| &s.slow)
        .max(more(context, |s| &s.locks))
        .max(more(context, |s| &s.canceled))
        .max(more(context, |s| &s.queries));
    let mut rows = during.locks.rows.clone();
    rows.extend(during.slow.rows.iter().chain(&during.canceled.rows).take(2));
    if noted >= 3 && often >= 2.0 {
        let text = format!(
            "{} slow statements, {} waits for locks and {} cancelled statements, {often:.1} times as often as before",
            during.slow.n, during.locks.n, during.canceled.n
        );
        let role = if during.locks.n >= 3 || often >= 4.0 { Role::Sufficient } else { Role::Supporting };
        weighing.sign(role, 2.0, 0.9, text, Some(noted as f64), &rows);
    } else if measured.is_none() {
        let known = facts.seen.contains(&Kind::Query) || facts.seen.contains(&Kind::SlowQuery);
        slow_log(context, &mut weighing, known);
    }
    if facts.leaked >= 5 {
        let text = format!("{} connections leaked", facts.leaked);
        weighing.sign(Role::Supporting, 1.0, -0.6, text, Some(facts.leaked as f64), &facts.leaked_rows);
    }
    weighing.finish()
}

/// Where only slow statements are logged their number is what there is.
fn slow_log(context: &Context<'_>, weighing: &mut Weighing, known: bool) {
    let during = context.during();
    let often = more(context, |s| &s.queries);
    let proof: Vec<_> = [Kind::SlowQuery, Kind::Query].iter().filter_map(|k| context.facts.first_of.get(k)).copied().collect();
    if known && during.queries.n >= 5 && often >= 2.0 {
        let text = format!("{} statements long enough to be logged, {often:.1} times as often as before", during.queries.n);
        weighing.sign(Role::Sufficient, 2.0, above(often, 2.0).max(0.5), text, Some(often), &during.queries.rows);
    } else if known {
        let text = format!("statements that take long are logged, and during the incident there were {}", during.queries.n);
        weighing.sign(Role::Necessary, 2.0, -0.8, text, Some(during.queries.n as f64), &proof);
    } else {
        weighing.missing(3.0, "the times of statements (log_min_duration_statement, the slow log)");
    }
}
