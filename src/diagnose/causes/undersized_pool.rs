//! A pool too small for an ordinary load: borrowers wait in vain although every hold is given back as fast as ever.

use super::{
    Context, Role, Statements, Weighing, above, calls, length_ratio, lent, logged, statement_rows, statements, times_as_many,
    tries,
};
use crate::correlate::pools::Basis;
use crate::diagnose::facts::Tier;
use crate::diagnose::hypothesis::{Cause, Hypothesis};
use crate::table::RowId;

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::UndersizedPool);
    let (facts, during) = (context.facts, context.during());
    let waits = during.timeouts.n;
    if waits == 0 && !context.told(Tier::Pool) && facts.leaked < 5 {
        // Neither load nor statements say anything of a pool that nobody tells of.
        weighing.missing(5.0, "the pool's counters (active, idle, waiting) or its acquisition timeouts");
        return weighing.finish();
    }
    waited(context, &mut weighing);
    let peak = peak(context);
    if let Some((load, size, rows)) = &peak {
        let text = format!("at its busiest the load asked for {load:.1} connections of the {size:.0} there are");
        let value = above(*load, 0.85 * size).clamp(-0.5, 0.8);
        let role = if *load <= 0.4 * size && waits == 0 { Role::Necessary } else { Role::Supporting };
        weighing.sign(role, 1.0, value, text, Some(*load), rows);
    }
    let full = peak.is_some_and(|(load, size, _)| load >= 0.95 * size);
    let mut plain = waits >= 3 || full && (waits > 0 || during.waiting.n > 0);
    // That all was as before is said only where something was measured before.
    let mut measured = full;
    if facts.leaked > 0 {
        let text = format!("{} connections were never given back: a larger pool would only delay", facts.leaked_in_all);
        let role = if facts.leaked >= 5 { Role::Necessary } else { Role::Supporting };
        weighing.sign(role, 2.5, -(facts.leaked as f64 / 5.0), text, Some(facts.leaked_in_all as f64), &facts.leaked_rows);
        plain = false;
    }
    if let Some((ratio, was, now, of)) = calls(context) {
        let text = format!("{now:.2} {of} a request, {was:.2} before");
        let rows = if of == "statements" { &during.queries.rows } else { &during.borrows.rows };
        let value = if ratio < 1.3 { 0.3 } else { -above(ratio, 1.3).max(0.5) };
        weighing.sign(Role::Supporting, 1.0, value, text, Some(ratio), rows);
        plain &= ratio < 1.3;
    }
    if during.cache_errors.n >= 10 {
        let text = format!("{} errors of the cache", during.cache_errors.n);
        weighing.sign(Role::Supporting, 1.0, -0.6, text, Some(during.cache_errors.n as f64), &during.cache_errors.rows);
        plain = false;
    }
    if let Some(ratio) = tries(context) {
        let text = format!("first tries came {ratio:.2} times as often as before");
        weighing.sign(
            Role::Supporting,
            1.0,
            if ratio < 1.5 { 0.5 } else { -above(ratio, 1.5) },
            text,
            Some(ratio),
            &during.requests.rows,
        );
        plain &= ratio < 1.6;
    }
    if let Some((ratio, before, now)) = length_ratio(context, |s| &s.holds, 20) {
        let text = format!("connections were held {now:.0} ms at the 95th percentile, {before:.0} ms before");
        weighing.sign(
            Role::Supporting,
            1.0,
            if ratio < 1.5 { 0.6 } else { -above(ratio, 1.5) },
            text,
            Some(ratio),
            &during.holds.rows,
        );
        plain &= ratio < 2.0;
        measured = true;
    }
    if let Some((ratio, ..)) = lent(context) {
        measured = true;
        let text = format!("a request kept connections lent {ratio:.1} times as long as before, by the pool's counters");
        let value = if ratio < 2.0 { 0.4 } else { -above(ratio, 2.0).max(0.5) };
        weighing.sign(Role::Supporting, 1.0, value, text, Some(ratio), &during.counters.rows);
        plain &= ratio < 3.0;
    }
    slower(context, &mut weighing);
    plain &= !statements(context).slower();
    measured |= !matches!(statements(context), Statements::Unknown);
    let trouble = during.db_life.n + during.locks.n + during.db_unreachable.n;
    if plain && measured && trouble == 0 {
        let text = "borrowers waited in vain while load, holds and statements were as before and every connection came back";
        weighing.sign(Role::Sufficient, 1.5, 0.8, text, Some(waits as f64), &during.timeouts.rows);
    }
    weighing.finish()
}

/// Did statements take as long as before?
fn slower(context: &Context<'_>, weighing: &mut Weighing) {
    let how = statements(context);
    match how {
        Statements::All(ratio, was, now) => {
            let text = format!("statements took {now:.1} ms at the 95th percentile, {was:.1} ms before");
            let value = if ratio < 1.5 { 0.5 } else { -above(ratio, 1.5) };
            weighing.sign(Role::Supporting, 1.0, value, text, Some(ratio), &statement_rows(context));
        }
        Statements::Slow(ratio, n) => {
            let text = format!("{}, {}", logged(context, n), times_as_many(ratio));
            let value = if how.same() { 0.4 } else { -above(ratio.low.max(0.01), 1.5).max(0.0) };
            weighing.sign(
                Role::Supporting,
                1.0,
                value,
                text,
                Some(ratio.value).filter(|r| r.is_finite()),
                &statement_rows(context),
            );
        }
        Statements::Unknown => {}
    }
}

/// Did anybody wait for a connection?
fn waited(context: &Context<'_>, weighing: &mut Weighing) {
    let during = context.during();
    let waits = during.timeouts.n;
    if waits >= 3 {
        let text = format!("{waits} waits for a connection were in vain");
        weighing.sign(Role::Necessary, 1.5, 1.0, text, Some(waits as f64), &during.timeouts.rows);
    } else if during.waiting.n > 0 {
        let text = format!("up to {} borrowers waited", during.waiting.n);
        weighing.sign(Role::Necessary, 1.0, 0.5, text, Some(during.waiting.n as f64), &during.waiting.rows);
    } else if waits > 0 {
        let text = format!("{waits} waits for a connection were in vain, of {} failed requests", during.failed.n);
        let few = (waits * 10) < during.failed.n;
        weighing.sign(Role::Supporting, 1.0, if few { -0.3 } else { 0.3 }, text, Some(waits as f64), &during.timeouts.rows);
    } else if during.counters.n >= 3 || during.failed.n >= 10 && context.told(Tier::Pool) {
        super::absent(weighing, context, "nobody waited for a connection in vain");
    } else {
        weighing.missing(2.0, "the pool's counters (active, idle, waiting) or its acquisition timeouts");
    }
}

/// The demand of the busiest stretches (Erlang) on the pool that they filled most, its size, and rows.
fn peak(context: &Context<'_>) -> Option<(f64, f64, Vec<RowId>)> {
    let known = context.pools.pools.iter().filter(|j| !j.pool.server && j.leaking.is_none()).filter_map(|j| {
        let size = j.pool.size.filter(|s| s.basis != Basis::Lent)?;
        let busiest = j.needed.iter().map(|n| n.load).fold(0.0, f64::max);
        let load = j.while_empty.map_or(busiest, |(load, _)| load.max(busiest));
        let rows: Vec<RowId> =
            size.row.into_iter().chain(j.pool.vain.iter().take(1).map(|v| v.row)).chain(j.demand.map(|d| d.row)).collect();
        (load > 0.0 && !rows.is_empty()).then(|| (load, f64::from(size.connections), rows))
    });
    known.max_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)))
}
