//! A connection leak: opens that are never given back, and a pool or server that runs out because of them.

use super::{Context, Role, Weighing};
use crate::correlate::pools::Pool;
use crate::correlate::session::Ended;
use crate::correlate::{Class, Session};
use crate::diagnose::hypothesis::{Cause, Hypothesis};
use backtrail_parsers::{Kind, Layer};

/// Leaked sessions from which on a leak is certain.
const CERTAIN: u64 = 5;

pub(super) fn weigh(context: &Context<'_>) -> Hypothesis {
    let mut weighing = Weighing::new(Cause::ConnectionLeak);
    let facts = context.facts;
    let text = format!("{} connections were opened and never given back", facts.leaked_in_all);
    match facts.leaked {
        CERTAIN.. => weighing.sign(Role::Sufficient, 3.0, 1.0, text, Some(facts.leaked_in_all as f64), &facts.leaked_rows),
        1.. => weighing.sign(Role::Supporting, 2.0, 0.3, text, Some(facts.leaked_in_all as f64), &facts.leaked_rows),
        0 => {
            none_leaked(context, &mut weighing);
            starved(context, &mut weighing);
        }
    }
    let during = context.during();
    // One or two that did not come back before the end are not what emptied a pool.
    if facts.leaked >= CERTAIN {
        let text = format!("{} waits for a connection were in vain", during.timeouts.n);
        weighing.sign(Role::Supporting, 1.0, 0.7, text, Some(during.timeouts.n as f64), &during.timeouts.rows);
        let text = format!("the server turned away {} clients for lack of room", during.full.n);
        weighing.sign(Role::Supporting, 1.0, 0.7, text, Some(during.full.n as f64), &during.full.rows);
    }
    if let Some((pool, load, size)) = context.pools.leaking().filter(|_| facts.leaked >= CERTAIN) {
        let text = format!("without the leak the load asks for {load:.2} connections of the {size} there are");
        let rows: Vec<_> = pool.pool.size.and_then(|s| s.row).into_iter().chain(pool.demand.map(|d| d.row)).collect();
        weighing.sign(Role::Supporting, 0.5, if load < 0.5 * f64::from(size) { 0.6 } else { 0.0 }, text, Some(load), &rows);
    }
    if !facts.seen.contains(&Kind::PoolBorrow) && !facts.seen.contains(&Kind::LeakReport) {
        weighing.missing(0.5, "the pool's borrows and returns, or its leak detection, with the stack of the borrower");
    }
    weighing.finish()
}

/// A pool that stays empty while next to no statement runs and nothing is served any more: what was lent does not come back.
fn starved(context: &Context<'_>, weighing: &mut Weighing) {
    let (four, during) = (&context.pools.four, context.during());
    let (Some(was), Some(now), Some(decay)) = (four.busy_before, four.busy_empty, four.decay) else { return };
    let other = during.db_life.n + during.not_ready.n + during.db_unreachable.n + during.locks.n;
    if context.before().every_length() && now <= 0.3 * was && decay <= 0.5 && other == 0 {
        let text = format!(
            "while the pool was empty statements ran in {:.0} % of the time lent ({:.0} % before), and throughput fell to {:.0} %",
            now * 100.0,
            was * 100.0,
            decay * 100.0
        );
        weighing.sign(Role::Sufficient, 2.0, 0.7, text, Some(now / was), &four.rows);
    }
}

/// Nothing leaked: that says something only where every borrow was followed. Server sessions of a pool stay open whether
/// borrows leak or not.
fn none_leaked(context: &Context<'_>, weighing: &mut Weighing) {
    let followed = |layer: Layer| context.case.sessions.iter().filter(move |s| s.layer == layer);
    let layer = [Layer::Pool, Layer::Proxy, Layer::Db].into_iter().find(|layer| followed(*layer).count() >= 10);
    let during = context.during();
    // A pool's server sessions are few and long: that they end says nothing about who borrowed them.
    let opened = followed(Layer::Db).filter(|s| s.open >= during.from && s.open < during.to).count() as u64;
    let pooled = followed(Layer::Db).any(|s| s.class == Class::PooledIdle)
        || during.requests.n.max(during.queries.n) > 2 * opened.max(1);
    match layer {
        Some(layer) if layer != Layer::Db || !pooled => {
            let all = followed(layer).count();
            let closed = followed(layer).filter(|s| s.ended == Ended::Logged).count();
            let rows: Vec<_> = followed(layer).filter(|s| s.ended == Ended::Logged).filter_map(|s| s.end_row).take(2).collect();
            let text = format!("of {all} sessions at the {} layer {closed} were closed and none leaked", layer.name());
            // Those that ended with their process, or whose end is not known, may have been held for good.
            let open = |s: &&Session| {
                !matches!(s.ended, Ended::Logged | Ended::Superseded) && s.class != Class::StillInUse && s.open < during.to
            };
            // Closes without their opens show that lines are missing; as many closes may be.
            let lost = context.case.balances.get(&layer).map_or(0, |b| b.orphan_closes);
            let untold = followed(layer).filter(open).count() + usize::try_from(lost).unwrap_or(usize::MAX / 2);
            if untold >= 3 {
                weighing.sign(Role::Supporting, 1.0, -0.3, text, Some(0.0), &rows);
                weighing.missing(1.0, "what became of the sessions whose end no line tells of");
            } else {
                weighing.sign(Role::Necessary, 3.0, -1.0, text, Some(0.0), &rows);
            }
        }
        _ if came_back(context, weighing) => {}
        _ => weighing.missing(3.0, "the pool's borrows and returns (its server sessions stay open in any case)"),
    }
}

/// By its counters a pool was empty, and later, in the same process, all of its connections were back: what had emptied it
/// was given back. That must be so of every pool whose borrowers waited in vain.
fn came_back(context: &Context<'_>, weighing: &mut Weighing) -> bool {
    let emptied = || context.pools.pools.iter().map(|j| &j.pool).filter(|p| !p.server && p.vain.len() >= 3);
    let back = |pool: &Pool| {
        let empty = pool.vain.first()?;
        let alone = pool.pid != 0 || pool.starts.len() <= 1;
        let later = pool.readings.iter().find(|r| r.at > empty.at && r.active == 0 && r.waiting == 0);
        later.filter(|_| alone).map(|reading| (empty.row, reading.row, (reading.at - empty.at) / 1_000_000_000))
    };
    let found: Option<Vec<_>> = emptied().map(back).collect();
    let Some([(empty, again, seconds), ..]) = found.as_deref() else { return false };
    if context.facts.seen.contains(&Kind::LeakReport) {
        return false;
    }
    let vain: usize = emptied().map(|p| p.vain.len()).sum();
    let text = format!(
        "{vain} waits for a connection were in vain, and {} min after the first every connection was back, in the same process",
        seconds / 60
    );
    weighing.sign(Role::Necessary, 3.0, -1.0, text, Some(0.0), &[*empty, *again]);
    true
}
