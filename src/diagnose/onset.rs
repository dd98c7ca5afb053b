//! The onset ladder: what happened before users saw it, step by step, each step with the stretch of time in which it began.
//!
//! A step is an event that is logged (a deploy, the first leaked open), a count that exceeds its baseline
//! ([`super::spells`]), or a level that rose (a rank test on medians of four buckets, then a partition, ramps walked back:
//! `rise`). Steps stand in the order of time; where two cannot be told apart because of their stretches or of the clocks
//! of their sources, the later one says that its order is unknown.

pub mod rise;
mod words;

use super::moments::Moments;
use super::signals::{Count, Counted, Gauge, SECOND, Signals, Timing};
use super::spells;
use super::verdict::{Symptom, Trigger};
use crate::correlate::Case;
use crate::table::{Row, RowId, Rows};
use rise::rise;
use std::ops::Range;

/// Without a known begin of the cause, a sign at most this long before the onset belongs to it …
const LEAD: i64 = 600 * SECOND;
/// … or so many buckets.
const LEAD_BUCKETS: usize = 5;
/// Shares of statements by pools, or of looks into a cache, that must change to matter.
const SHARE: f64 = 0.1;
/// A duration or a rate rose when it is half as long again.
const LONGER: f64 = 0.5;
/// A number of connections rose when it is a quarter larger.
const MORE: f64 = 0.25;
/// Quantile of durations that is followed.
const TAIL: f64 = 0.95;
/// Buckets with fewer durations have no such quantile.
const FEW: u64 = 5;
/// Effects are shown for so long after the onset, or for the first half of the spell.
const AFTER: i64 = 600 * SECOND;

macro_rules! steps {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal;)+) => {
        /// What a step is. Declared from cause to effect: the order of steps of one moment.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Step { $($(#[$doc])+ $variant,)+ }

        impl Step {
            /// Every step, from cause to effect.
            pub const ALL: &'static [Step] = &[$(Step::$variant),+];

            /// The word in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Step::$variant => $name),+ }
            }
        }
    };
}

steps! {
    /// A deploy or a change of configuration set it off.
    Trigger = "trigger";
    /// The first connection leaked.
    Leak = "leak";
    /// Requests came more often.
    Traffic = "traffic";
    /// Memory, disk, descriptors or threads ran out.
    Exhausted = "exhausted";
    /// The database or a proxy stopped.
    DatabaseDown = "database_down";
    /// Connections to the database could not be made.
    ConnectFailed = "connect_failed";
    /// A cache failed or missed more often.
    Cache = "cache";
    /// Statements waited for locks.
    Locks = "locks";
    /// Statements took longer.
    Queries = "queries";
    /// Borrowed connections were held longer.
    HoldTime = "hold_time";
    /// More connections were in use.
    InUse = "in_use";
    /// A pool had no idle connection left.
    NoIdle = "no_idle";
    /// Borrowers waited.
    Waiters = "waiters";
    /// Borrowers waited in vain.
    Timeouts = "timeouts";
    /// The database turned clients away.
    Refused = "refused";
    /// Connecting to a back end took longer.
    BackEndConnect = "back_end_connect";
    /// The load balancer took servers out of rotation.
    ServersDown = "servers_down";
    /// Requests took longer.
    Latency = "latency";
    /// Users began to see it.
    Seen = "onset";
}

/// A step of the ladder. Times are ns UTC.
#[derive(Debug, Clone, PartialEq)]
pub struct Rung {
    /// What it is.
    pub step: Step,
    /// When it began, as far as can be told.
    pub at: i64,
    /// It did not begin before this …
    pub earliest: i64,
    /// … and by this at the latest.
    pub latest: i64,
    /// How far its source's clock may be off, ns; 0 where nothing is known of it.
    pub bound: i64,
    /// The source that tells of it: between steps of one source its clock does not matter.
    pub source: u32,
    /// False where its order and that of the rung before cannot be told.
    pub ordered: bool,
    /// In words, with the numbers.
    pub text: String,
    /// Rows that show it.
    pub evidence: Vec<RowId>,
}

impl Rung {
    /// A step that began at a moment, or in the stretch around it: earliest, probably, latest.
    fn new(step: Step, (earliest, at, latest): (i64, i64, i64), text: String, evidence: Vec<RowId>) -> Rung {
        Rung { step, at, earliest, latest, bound: 0, source: 0, ordered: true, text, evidence }
    }
}

/// How far the clocks of sources may be off, by the source's number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    nanos: Vec<i64>,
}

impl Bounds {
    /// Bounds per source, ns; sources that it does not name are taken to be right.
    pub fn new(nanos: Vec<i64>) -> Bounds {
        Bounds { nanos }
    }

    /// What stamps alone tell: a source that writes whole seconds may be a second late.
    pub fn of_stamps(signals: &Signals) -> Bounds {
        Bounds::new(signals.whole_seconds.iter().map(|whole| if *whole { SECOND } else { 0 }).collect())
    }

    /// The same, with what is known besides of how far a source's clock may be off, ns.
    #[must_use]
    pub fn widened(mut self, clocks: impl IntoIterator<Item = (u32, i64)>) -> Bounds {
        for (source, nanos) in clocks {
            if let Some(slot) = self.nanos.get_mut(source as usize) {
                *slot = slot.saturating_add(nanos);
            }
        }
        self
    }

    /// The bound of a row's source, ns.
    pub fn of(&self, rows: &Rows<'_>, row: RowId) -> i64 {
        self.nanos.get(rows.get(row).source_id() as usize).copied().unwrap_or(0)
    }
}

/// What the ladder is built from.
#[derive(Debug)]
pub struct Climb<'a> {
    /// The rows.
    pub rows: &'a Rows<'a>,
    /// Sessions and leaks.
    pub case: &'a Case,
    /// Counts per bucket.
    pub signals: &'a Signals,
    /// When users saw it.
    pub moments: &'a Moments,
    /// What set it off.
    pub trigger: Option<&'a Trigger>,
    /// How far clocks may be off.
    pub bounds: &'a Bounds,
}

impl Climb<'_> {
    /// The ladder of the first spell; empty without an incident.
    pub fn ladder(&self) -> Vec<Rung> {
        if self.moments.spells.is_empty() && self.case.leaks.is_empty() {
            return Vec::new();
        }
        let mut rungs: Vec<Rung> = self.facts();
        if let Some(view) = self.view() {
            rungs.extend(Step::ALL.iter().filter_map(|step| self.counted(*step, &view).or_else(|| self.risen(*step, &view))));
        }
        let seen = self.moments.spells.first();
        let last = seen.map_or(i64::MAX, |s| s.from.saturating_add(AFTER).max(i64::midpoint(s.from, s.to)));
        rungs.retain(|rung| !rung.evidence.is_empty() && rung.at <= last);
        for rung in &mut rungs {
            rung.bound = rung.evidence.first().map_or(0, |row| self.bounds.of(self.rows, *row));
            rung.source = rung.evidence.first().map_or(0, |row| self.rows.get(*row).source_id());
        }
        order(rungs)
    }

    /// Steps that single rows tell of.
    fn facts(&self) -> Vec<Rung> {
        let mut rungs = Vec::new();
        if let Some(trigger) = self.trigger {
            let text = format!("{}: {}", trigger.kind.replace('_', " "), trigger.title);
            rungs.push(Rung::new(Step::Trigger, (trigger.time, trigger.time, trigger.time), text, vec![trigger.row]));
        }
        if let Some(leak) = self.case.leaks.iter().min_by_key(|l| l.first) {
            let text = words::leak(leak);
            let evidence = leak.evidence.iter().take(1).copied().collect();
            rungs.push(Rung::new(Step::Leak, (leak.first, leak.first, leak.first), text, evidence));
        }
        if let Some(spell) = self.moments.spells.first().filter(|s| !s.carried_in) {
            let text = words::seen(spell, self.moments.basis);
            rungs.push(Rung::new(Step::Seen, (spell.from, spell.from, spell.latest), text, vec![spell.first]));
        }
        rungs
    }

    /// The buckets that are looked at; `None` without requests or an incident.
    fn view(&self) -> Option<View> {
        let first = self.moments.spells.first()?;
        let signals = self.signals;
        let onset = signals.nearest(first.from);
        let lead = usize::try_from(LEAD / signals.width.max(1)).unwrap_or(0).max(LEAD_BUCKETS);
        let cause = self.moments.cause_start.filter(|c| *c < first.from).map(|c| signals.nearest(c));
        Some(View {
            from: cause.unwrap_or(onset.saturating_sub(lead)),
            calm: cause.unwrap_or(onset.saturating_sub(lead / 2)),
            onset,
            lead,
            // The first half of the spell: the rank test knows one change only.
            middle: signals.nearest(i64::midpoint(first.from, first.to)) + 1,
            to: signals.nearest(first.to),
        })
    }

    /// A step that is a count: the first stretch in which it exceeds its baseline; of several counts the earliest.
    fn counted(&self, step: Step, view: &View) -> Option<Rung> {
        let counts: &[(Count, Option<Count>)] = match step {
            Step::Exhausted => return self.single(step, Count::Exhausted, view),
            Step::DatabaseDown => return self.single(step, Count::DbDown, view),
            Step::ServersDown => return self.single(step, Count::ServersDown, view),
            Step::ConnectFailed => &[(Count::ConnectFailed, None)],
            Step::Cache => &[(Count::CacheErrors, None), (Count::CacheMisses, Some(Count::CacheLooks))],
            Step::Locks => &[(Count::LockWaits, None)],
            Step::NoIdle => &[(Count::NoIdle, Some(Count::Stated))],
            Step::Waiters => &[(Count::Waiters, Some(Count::Stated)), (Count::VainWaits, None)],
            Step::Timeouts => &[(Count::AcquireTimeouts, None)],
            Step::Refused => &[(Count::Refused, None)],
            _ => return None,
        };
        let all = counts.iter().filter_map(|(count, per)| self.exceeds(step, *count, *per, view));
        all.min_by_key(|rung| rung.at)
    }

    /// The first stretch in which a count exceeds its baseline, per record of another count or per second.
    fn exceeds(&self, step: Step, count: Count, per: Option<Count>, view: &View) -> Option<Rung> {
        let signals = self.signals;
        let events: Vec<u32> = signals.count(count).iter().map(|c| c.n).collect();
        let (exposure, least) = match per {
            Some(per) => (signals.count(per).iter().map(|c| f64::from(c.n)).collect(), SHARE),
            None => (vec![signals.seconds(); signals.n], 0.0),
        };
        let found = spells::find(&events, &exposure, least);
        let range = found.ranges.into_iter().find(|r| r.end > view.from && r.start <= view.to)?;
        let first = self.firsts(count, range.clone())?;
        let whole = range.start..view.to.max(range.start) + 1;
        let (n, of) = (signals.sum(count, whole.clone()), per.map(|per| signals.sum(per, whole)));
        let text = words::counted(step, n, of, self.peak(Gauge::PoolWaiting, view));
        // A stretch begins in its first bucket, by its first event at the latest.
        Some(Rung::new(step, (signals.begin(range.start).min(first.0), first.0, first.0), text, vec![first.1]))
    }

    /// A step of which a single event matters, near the onset: instances are restarted at other times too.
    fn single(&self, step: Step, count: Count, view: &View) -> Option<Rung> {
        let near = view.from.max(view.onset.saturating_sub(view.lead))..view.to + 1;
        let (at, row) = self.firsts(count, near.clone())?;
        let text = words::counted(step, self.signals.sum(count, near), None, None);
        Some(Rung::new(step, (at, at, at), text, vec![row]))
    }

    /// A step that is a level that rose.
    fn risen(&self, step: Step, view: &View) -> Option<Rung> {
        let (effect, values) = match step {
            Step::Traffic => (LONGER, self.rates(Count::Requests)),
            Step::Queries => (LONGER, self.tails(Timing::Query)),
            Step::HoldTime => (LONGER, self.tails(Timing::Hold)),
            Step::Waiters => (LONGER, self.tails(Timing::BorrowWait)),
            Step::BackEndConnect => (LONGER, self.tails(Timing::Connect)),
            Step::Latency => (LONGER, self.tails(Timing::Latency)),
            Step::InUse => (MORE, self.in_use()),
            _ => return None,
        };
        let found = rise(&values, view.calm, view.middle, effect)?;
        let (from, by) = found.at;
        // The partition is right to within a bucket or two.
        let (from, by) = (from.saturating_sub(1), by + 1);
        if by > view.to {
            return None;
        }
        let evidence = self.proof(step, from..(by + LEAD_BUCKETS).min(view.to) + 1)?;
        let slope = (step == Step::InUse).then(|| words::slope(&values, from..view.onset.max(by) + 1, self.signals.seconds()));
        let text = words::risen(step, &found, slope.flatten());
        let (earliest, latest) = (self.signals.begin(from), self.signals.begin(by + 1));
        Some(Rung::new(step, (earliest, earliest, latest), text, vec![evidence]))
    }

    /// The first event of a count in a range.
    fn firsts(&self, count: Count, range: Range<usize>) -> Option<(i64, RowId)> {
        self.signals.count(count).get(range)?.iter().filter_map(|c: &Counted| c.first).min()
    }

    fn peak(&self, gauge: Gauge, view: &View) -> Option<u32> {
        self.signals.gauge(gauge).get(view.from..=view.to)?.iter().flatten().map(|(value, _)| *value).max()
    }

    fn rates(&self, count: Count) -> Vec<Option<f64>> {
        let seconds = self.signals.seconds();
        self.signals.count(count).iter().map(|c| Some(f64::from(c.n) / seconds)).collect()
    }

    /// The tail of durations per bucket, milliseconds.
    fn tails(&self, timing: Timing) -> Vec<Option<f64>> {
        let tail = |t: &super::signals::Timed| t.all.quantile(TAIL).filter(|_| t.all.count() >= FEW).map(|ns| ns as f64 / 1e6);
        self.signals.timing(timing).iter().map(tail).collect()
    }

    /// Connections in use: borrowed from pools, else as pools state it, else open on the server, else clients of a proxy.
    fn gauge_in_use(&self) -> Gauge {
        let said = |g: &Gauge| self.signals.gauge(*g).iter().any(Option::is_some);
        let known = [Gauge::PoolInUse, Gauge::PoolActive, Gauge::DbInUse, Gauge::ProxyInUse];
        known.into_iter().find(said).unwrap_or(Gauge::DbInUse)
    }

    fn in_use(&self) -> Vec<Option<f64>> {
        self.signals.gauge(self.gauge_in_use()).iter().map(|v| v.map(|(n, _)| f64::from(n))).collect()
    }

    /// The row that shows a risen level best: the longest or the highest of a range.
    fn proof(&self, step: Step, range: Range<usize>) -> Option<RowId> {
        let timing = |timing| {
            let longest = self.signals.timing(timing).get(range.clone())?.iter().filter_map(|t| t.longest);
            longest.max_by_key(|(ns, row)| (*ns, std::cmp::Reverse(*row))).map(|(_, row)| row)
        };
        match step {
            Step::Traffic => self.firsts(Count::Requests, range).map(|(_, row)| row),
            Step::Queries => timing(Timing::Query),
            Step::HoldTime => timing(Timing::Hold),
            Step::Waiters => timing(Timing::BorrowWait),
            Step::BackEndConnect => timing(Timing::Connect),
            Step::Latency => timing(Timing::Latency),
            _ => {
                let highest = self.signals.gauge(self.gauge_in_use()).get(range)?.iter().flatten();
                highest.max_by_key(|(n, row)| (*n, std::cmp::Reverse(*row))).map(|(_, row)| *row)
            }
        }
    }
}

/// Puts rungs in the order of time; those that cannot be told apart in the order from cause to effect, and they say so.
fn order(mut rungs: Vec<Rung>) -> Vec<Rung> {
    rungs.sort_by_key(|rung| (rung.at, rung.step));
    let apart = |before: &Rung, after: &Rung| {
        let clocks = if before.source == after.source { 0 } else { before.bound.saturating_add(after.bound) };
        after.earliest.saturating_sub(before.latest) > clocks
    };
    for index in 1..rungs.len() {
        let mut at = index;
        while let Some([before, after]) = at.checked_sub(1).and_then(|i| rungs.get(i..=at)) {
            if apart(before, after) || before.step <= after.step {
                break;
            }
            rungs.swap(at - 1, at);
            at -= 1;
        }
    }
    let known: Vec<bool> = rungs.windows(2).map(|w| w.first().zip(w.last()).is_some_and(|(a, b)| apart(a, b))).collect();
    for (rung, known) in rungs.iter_mut().skip(1).zip(known) {
        rung.ordered = known;
    }
    rungs
}

/// When the cause begins as far as the ladder tells: its first step before users see anything.
pub fn first_sign(ladder: &[Rung]) -> Option<i64> {
    let seen = ladder.iter().find(|r| r.step == Step::Seen)?;
    ladder.iter().filter(|r| r.step < Step::Seen && r.latest < seen.at).map(|r| r.at).min()
}

/// Gives symptoms without a time the time of their step, else that of the first row that shows them.
pub fn date(ladder: &[Rung], rows: &Rows<'_>, symptoms: &mut [Symptom]) {
    for symptom in symptoms.iter_mut().filter(|s| s.time.is_none()) {
        let steps: &[Step] = match symptom.kind {
            "pool_exhaustion" => &[Step::NoIdle, Step::Waiters, Step::Timeouts],
            "server_full" => &[Step::Refused],
            "errors" => &[Step::Seen],
            _ => &[],
        };
        let begun = ladder.iter().filter(|r| steps.contains(&r.step)).map(|r| r.at).min();
        let shown = || symptom.evidence.iter().map(|row| rows.get(*row)).filter(Row::has_time).map(|row| row.time()).min();
        symptom.time = begun.or_else(shown);
    }
}

/// Buckets.
#[derive(Debug, Clone, Copy)]
struct View {
    /// Counts are looked for from here …
    from: usize,
    /// … and levels compared with those before this.
    calm: usize,
    onset: usize,
    lead: usize,
    middle: usize,
    /// The last bucket of the first spell.
    to: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(step: Step, earliest: i64, latest: i64, bound: i64) -> Rung {
        Rung { bound, source: step as u32, ..Rung::new(step, (earliest, latest, latest), String::new(), Vec::new()) }
    }

    fn ordered(rungs: Vec<Rung>) -> Vec<(Step, bool)> {
        order(rungs).iter().map(|r| (r.step, r.ordered)).collect()
    }

    #[test]
    fn what_cannot_be_told_apart_says_so() {
        // Users see it before the pool's statement that no connection is idle, which began some time before.
        let told = ordered(vec![rung(Step::NoIdle, 40, 106, 0), rung(Step::Seen, 100, 103, 0), rung(Step::Leak, 10, 10, 0)]);
        assert_eq!(told, [(Step::Leak, true), (Step::NoIdle, true), (Step::Seen, false)]);
        // An effect is not put before its cause where the stretches show that it came first.
        assert_eq!(
            ordered(vec![rung(Step::Seen, 10, 12, 0), rung(Step::Waiters, 20, 30, 0)]),
            [(Step::Seen, true), (Step::Waiters, true)]
        );
    }

    #[test]
    fn an_order_finer_than_the_clocks_is_refused() {
        let told = |bound| ordered(vec![rung(Step::Trigger, 0, 0, bound), rung(Step::Seen, 900, 900, bound)]);
        assert_eq!(told(400), [(Step::Trigger, true), (Step::Seen, true)]);
        assert_eq!(told(500), [(Step::Trigger, true), (Step::Seen, false)]);
        // Between two lines of one source its clock does not matter.
        let same = |step, at| Rung { source: 7, ..rung(step, at, at, 5000) };
        assert_eq!(
            ordered(vec![same(Step::Waiters, 10), same(Step::Timeouts, 11)]),
            [(Step::Waiters, true), (Step::Timeouts, true)]
        );
    }

    #[test]
    fn bounds_add_up() {
        let bounds = Bounds::new(vec![0, SECOND]).widened([(1, 5), (0, 7), (9, 9)]);
        assert_eq!(bounds, Bounds::new(vec![7, SECOND + 5]));
    }

    #[test]
    fn the_cause_begins_with_the_first_step_before_the_onset() {
        let ladder = [rung(Step::Waiters, 5, 9, 0), rung(Step::Seen, 20, 21, 0), rung(Step::Timeouts, 2, 30, 0)];
        assert_eq!(first_sign(&ladder), Some(9));
        assert_eq!(first_sign(&ladder[2..]), None);
    }
}
