//! The causes, a file each: which signs speak for it, which against, and what would have to be logged to tell.

use super::facts::{Count, Facts, Lengths, Side};
use super::hypothesis::{Hypothesis, Role, Weighing};
use crate::correlate::Case;
use crate::table::RowId;

macro_rules! causes {
    ($($name:ident)*) => {
        $(mod $name;)*

        /// Weighs every cause, in the vocabulary's order.
        pub fn weigh(context: &Context<'_>) -> Vec<Hypothesis> {
            let mut all: Vec<Hypothesis> = vec![$($name::weigh(context)),*];
            all.sort_by_key(|h| h.cause);
            all
        }
    };
}

causes! {
    connection_leak undersized_pool traffic_surge abusive_client slow_queries held_across_slow_call cache_failure
    lb_misconfiguration network_latency database_restart database_unreachable resource_exhaustion
}

/// What the causes are weighed on.
#[derive(Debug)]
pub struct Context<'a> {
    /// Before and during.
    pub facts: &'a Facts,
    /// Sessions, leaks, markers.
    pub case: &'a Case,
    /// First and last row of the incident: what was searched when something was not found.
    pub searched: &'a [RowId],
    /// Demand on the pools and their sizes.
    pub pools: &'a super::pool::Arithmetic,
}

impl Context<'_> {
    fn before(&self) -> &Side {
        &self.facts.before
    }

    fn during(&self) -> &Side {
        &self.facts.during
    }
}

/// How far a value lies above (1 at twice) or below (-1 at half) its threshold, in octaves.
fn above(value: f64, threshold: f64) -> f64 {
    if value <= 0.0 { -1.0 } else { (value / threshold).log2().clamp(-1.0, 1.0) }
}

/// Rate during over rate before, with its rows; `None` where one side has too few to compare.
fn rate_ratio(context: &Context<'_>, pick: fn(&Side) -> &Count, few: u64) -> Option<f64> {
    let (before, during) = (pick(context.before()), pick(context.during()));
    let rates = (context.before().rate(before), context.during().rate(during));
    (before.n >= few && during.n >= few).then(|| rates.1 / rates.0)
}

/// A quantile during over the same quantile before; `None` for too few values.
fn length_ratio(context: &Context<'_>, pick: fn(&Side) -> &Lengths, q: f64, few: usize) -> Option<(f64, f64, f64)> {
    let (before, during) = (pick(context.before()).ms(q, few)?, pick(context.during()).ms(q, few)?);
    Some((during / before.max(0.001), before, during))
}

/// Rows of both sides.
fn both(before: &[RowId], during: &[RowId]) -> Vec<RowId> {
    before.iter().take(1).chain(during.iter().take(2)).copied().collect()
}

/// How much more often than before something happened, counts per second, with half a count added to what is zero.
fn more(context: &Context<'_>, pick: fn(&Side) -> &Count) -> f64 {
    let (before, during) = (pick(context.before()), pick(context.during()));
    let rate = |side: &Side, count: &Count| (count.n as f64).max(0.5) / side.seconds().max(1.0);
    rate(context.during(), during) / rate(context.before(), before)
}

/// A sign that something necessary was looked for and is not there.
fn absent(weighing: &mut Weighing, context: &Context<'_>, text: &str) {
    weighing.sign(Role::Necessary, 2.0, -1.0, text, Some(0.0), context.searched);
}
