//! The causes, a file each: which signs speak for it, which against, and what would have to be logged to tell.

use super::facts::{Count, Facts, Lengths, Side, Tier};
use super::hypothesis::{Cause, Hypothesis, Role, Status, Weighing};
use crate::correlate::Case;
use crate::correlate::distributions::{self, Ratio};
use crate::table::RowId;

macro_rules! causes {
    ($($name:ident)*) => {
        $(mod $name;)*

        /// Weighs every cause, in the vocabulary's order.
        pub fn weigh(context: &Context<'_>) -> Vec<Hypothesis> {
            let mut all: Vec<Hypothesis> = vec![$($name::weigh(context)),*];
            all.sort_by_key(|h| h.cause);
            doubt(&mut all, context.before().seconds());
            all
        }
    };
}

causes! {
    connection_leak undersized_pool traffic_surge abusive_client slow_queries held_across_slow_call cache_failure
    lb_misconfiguration network_latency database_restart database_unreachable resource_exhaustion
}

/// Less than this before the incident, s, is too little to know what was usual: who asks, and for what.
const BRIEF: f64 = 60.0;

/// Where the logs begin just before the incident, causes that show against the usual load only are not ruled out.
fn doubt(all: &mut [Hypothesis], before: f64) {
    let compared = [Cause::AbusiveClient, Cause::TrafficSurge, Cause::CacheFailure];
    let closed = |h: &&mut Hypothesis| h.status == Status::RuledOut && compared.contains(&h.cause);
    for hypothesis in all.iter_mut().filter(closed).filter(|_| before < BRIEF) {
        hypothesis.status = Status::CannotTell;
        hypothesis.missing.push(format!("more than the {before:.0} s of logs before the incident, to know what is usual"));
    }
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
    /// Tiers with a hole in one of their logs during the incident.
    pub holes: &'a [Tier],
}

impl Context<'_> {
    fn before(&self) -> &Side {
        &self.facts.before
    }

    fn during(&self) -> &Side {
        &self.facts.during
    }

    /// True where a tier wrote during the incident and none of its logs has a hole then: what it did not say was not so.
    fn told(&self, tier: Tier) -> bool {
        let during = self.during();
        let lines = during.heard(tier) + if tier == Tier::App { during.heard(Tier::Pool) } else { 0 };
        lines > 0 && !self.holes.contains(&tier)
    }
}

/// How statements did, as far as they are logged.
#[derive(Debug, Clone, Copy)]
enum Statements {
    /// All lengths are logged: 95th percentile during over before, and both in ms.
    All(f64, f64, f64),
    /// Only slow ones are: how many times as many a request as before (with its lower bound), and how many during.
    Slow(Ratio, u64),
    /// No lengths are logged.
    Unknown,
}

impl Statements {
    /// They take clearly longer, or slow ones come clearly more often.
    fn slower(self) -> bool {
        match self {
            Statements::All(ratio, ..) => ratio >= 2.0,
            Statements::Slow(ratio, n) => ratio.low >= 2.0 && n >= 5,
            Statements::Unknown => false,
        }
    }

    /// They are as they were.
    fn same(self) -> bool {
        match self {
            Statements::All(ratio, ..) => ratio < 1.5,
            // A handful more may be chance: what counts is whether there are surely more.
            Statements::Slow(ratio, n) => n < 3 || ratio.low < 1.5 && (ratio.value < 1.5 || n <= 10),
            Statements::Unknown => false,
        }
    }
}

/// Logged statements of any length: short ones among them show that no threshold hides the rest.
const SHORT: f64 = 2.0;

/// Where the server logs a sample of its statements, or all: logged ones a request during over before, with both.
fn sampled(context: &Context<'_>) -> Option<(Ratio, f64, f64)> {
    let (before, during) = (context.before(), context.during());
    let short = |side: &Side| side.query_time.p10_ms(60).is_some_and(|ms| ms <= SHORT);
    if !short(before) || !short(during) || before.requests.n < 50 || during.requests.n < 50 {
        return None;
    }
    let count = |side: &Side| side.query_time.ns.len() as u64;
    let ratio = distributions::rate_ratio((count(during), count(before)), (during.requests.n, before.requests.n))?;
    let each = |side: &Side| count(side) as f64 / side.requests.n as f64;
    Some((ratio, each(before), each(during)))
}

/// "1212 statements took long enough to be logged", or were logged whatever their length.
fn logged(context: &Context<'_>, n: u64) -> String {
    match sampled(context) {
        Some(_) => format!("{n} statements were logged, short ones among them"),
        None => format!("{n} statements took long enough to be logged"),
    }
}

fn statements(context: &Context<'_>) -> Statements {
    let (before, during) = (context.before(), context.during());
    if before.every_length()
        && during.query_time.ns.len() >= 20
        && let Some((ratio, was, now)) = length_ratio(context, |s| &s.query_time, 20)
    {
        return Statements::All(ratio, was, now);
    }
    let (now, was) = (during.query_time.ns.len() as u64, before.query_time.ns.len() as u64);
    let requests = (during.requests.n, before.requests.n);
    let seconds = (during.whole_seconds(), before.whole_seconds());
    let exposure = if requests.0 > 0 && requests.1 > 0 { requests } else { seconds };
    let ratio = distributions::rate_ratio((now, was), exposure).filter(|_| now + was > 0);
    ratio.map_or(Statements::Unknown, |r| Statements::Slow(r, now))
}

/// "12 times as many as before", or that there were none before.
fn times_as_many(ratio: Ratio) -> String {
    if ratio.value.is_finite() { format!("{:.1} times as many a request as before", ratio.value) } else { "none before".into() }
}

/// Rows of statements on both sides.
fn statement_rows(context: &Context<'_>) -> Vec<RowId> {
    both(&context.before().query_time.rows, &context.during().query_time.rows)
}

/// What an answered request holds of the pool, by its counters: during over before, before and during in s.
fn lent(context: &Context<'_>) -> Option<(f64, f64, f64)> {
    let (was, now) = (context.before().lent_a_request(5)?, context.during().lent_a_request(5)?);
    (was > 0.0).then(|| (now / was, was, now))
}

/// First tries a second during over before: requests without those that only repeat a failed one.
fn tries(context: &Context<'_>) -> Option<f64> {
    let (before, during) = (context.before(), context.during());
    (before.requests.n >= 20 && during.requests.n >= 20).then(|| during.tries() / before.tries().max(1e-9))
}

/// What a request asks of the database, during over before (D): connections asked for, else statements.
fn calls(context: &Context<'_>) -> Option<(f64, f64, f64, &'static str)> {
    let (before, during) = (context.before(), context.during());
    let ratio = |was: u64, now: u64, of: &'static str| {
        let (was, now) = (was as f64 / before.requests.n as f64, now as f64 / during.requests.n as f64);
        (was > 0.0).then(|| (now / was, was, now, of))
    };
    if before.requests.n < 50 || during.requests.n < 50 {
        None
    } else if before.borrows.n >= 60 && during.borrows.n >= 30 {
        ratio(before.asked(), during.asked(), "connections asked for")
    } else if before.every_statement() && during.queries.n >= 60 {
        ratio(before.queries.n, during.queries.n, "statements")
    } else {
        None
    }
}

/// How far a value lies above (1 at twice) or below (-1 at half) its threshold, in octaves.
fn above(value: f64, threshold: f64) -> f64 {
    if value <= 0.0 { -1.0 } else { (value / threshold).log2().clamp(-1.0, 1.0) }
}

/// The 95th percentile during over that before; `None` for too few values.
fn length_ratio(context: &Context<'_>, pick: fn(&Side) -> &Lengths, few: usize) -> Option<(f64, f64, f64)> {
    let (before, during) = (pick(context.before()).p95_ms(few)?, pick(context.during()).p95_ms(few)?);
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
