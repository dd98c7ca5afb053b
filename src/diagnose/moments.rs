//! The moments of an incident.
//!
//! Counts of bad requests ([`super::slo`]) per bucket make spells ([`super::spells`]): failures first, each spell together
//! with the slowness that touches it; where nothing fails, all bad requests. The moments are then refined to the times of
//! single requests. Where no request is logged, timeouts, refusals and failed connects stand in.
//!
//! - `onset`: begin of the first bad request of the first spell; unknown where the log begins inside it.
//! - `mitigated`: end of the last bad request of the first spell: from there on five buckets or more are good.
//! - `recovered`: end of the last bad request of the last spell; unknown where the log ends inside it.
//! - `cause_start`: from the hint: the trigger, else the cause's first sign, else the onset. It may lie hours before it.
//! - `detected`: the first alert that fires between `cause_start` (else `onset`) and `recovered`; one that is resolved before
//!   the onset told of something else.

use super::signals::{Count, SECOND, Signals};
use super::slo::{self, Bad, Basis, Slo};
use super::spells::{self, Spells};
use crate::correlate::{Case, Marker};
use crate::ingest::TextCol;
use crate::table::{RowId, Rows};
use backtrail_parsers::Kind;
use std::ops::Range;

/// Slowness without failures is an incident only where it lasts: a lock held for seconds or one slow batch is none. In a
/// log of minutes it lasts from 15 s on, in one of hours from a two-hundredth of the time on, at most two minutes.
const SLOW_LEAST: (i64, i64) = (15 * SECOND, 120 * SECOND);
const SLOW_SHARE: i64 = 200;
/// Failures while an instance is restarted are not the incident when they last no longer than this …
const BLIP: i64 = 60 * SECOND;
/// … are no more than this share of all requests …
const BLIP_SHARE: f64 = 0.005;
/// … and lie so near to the restart.
const RESTART: i64 = 90 * SECOND;
/// … and with so many slow requests.
const SLOW_COUNT: u64 = 10;
/// Clocks of different sources may differ so much before order is claimed.
const SLACK: i64 = 30 * SECOND;
/// A lone bad request is background; so many near each other are the spell's.
const DENSE: usize = 3;
/// Alerts about these say nothing about requests, unless the logs tell of a resource that ran out.
const OTHER_ALERTS: [&str; 13] = [
    "disk",
    "filesystem",
    "inode",
    "volume",
    "certificate",
    "cert",
    "backup",
    "expir",
    "ntp",
    "clock",
    "license",
    "raid",
    "smart",
];

/// What the diagnosis knows about the cause when it asks for the moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hint {
    /// The first sign of the cause, ns UTC: the first leaked open, the first change of the causing signal.
    pub first_sign: Option<i64>,
    /// The deploy or change of configuration that set it off.
    pub trigger: Option<i64>,
}

/// A stretch of time in which service was degraded.
#[derive(Debug, Clone, PartialEq)]
pub struct Spell {
    /// Begin of its first bad request, ns UTC.
    pub from: i64,
    /// Begin of the third: the first two might be background, so that it may have begun as late as this.
    pub latest: i64,
    /// End of its last bad request.
    pub to: i64,
    /// Bad requests.
    pub bad: u64,
    /// Of those: failed (5xx).
    pub failed: u64,
    /// Requests that were slow in the application, where the tier at which requests are counted does not say so.
    pub slow_inside: u64,
    /// The first bad request.
    pub first: RowId,
    /// The last to end.
    pub last: RowId,
    /// True where the log begins inside it.
    pub carried_in: bool,
    /// True where the log ends inside it.
    pub carried_out: bool,
}

/// The moments, ns UTC; `None` is unknown or never.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moments {
    /// What they rest on.
    pub basis: Basis,
    /// The cause begins.
    pub cause_start: Option<i64>,
    /// Users begin to see it.
    pub onset: Option<i64>,
    /// An alert fires.
    pub detected: Option<i64>,
    /// The alert.
    pub detected_by: Option<RowId>,
    /// Good again for the first time.
    pub mitigated: Option<i64>,
    /// Good for good, as far as the log goes.
    pub recovered: Option<i64>,
    /// Nanoseconds inside spells; `None` without an incident.
    pub degraded_ns: Option<i64>,
    /// The spells, in order; more than one: the outage was intermittent.
    pub spells: Vec<Spell>,
    /// Bad requests per request (or events per second) outside the spells: what users see on ordinary days.
    pub baseline: f64,
}

impl Moments {
    /// First and last moment at which users saw it, as far as the log goes.
    pub fn span(&self) -> Option<(i64, i64)> {
        Some((self.spells.first()?.from, self.spells.iter().map(|s| s.to).max()?))
    }
}

/// The spells of a table, found once: what a hint about the cause changes is which of them belong to the incident.
#[derive(Debug)]
pub struct Search {
    /// From which duration on requests are bad.
    pub slo: Slo,
    counted: Counted,
    failures: Vec<Spell>,
    all: Vec<Spell>,
    /// How long slowness must last, ns.
    slow_least: i64,
    /// Bad per exposure outside the spells, of failures and of everything bad.
    baselines: (f64, f64),
}

impl Search {
    /// Looks for spells.
    pub fn new(rows: &Rows<'_>, signals: &Signals) -> Search {
        let slo = Slo::of(rows, signals);
        let (basis, bad) = slo::bad(rows, signals, &slo);
        let counted = Counted::new(signals, basis, bad);
        let least = if basis == Basis::Requests { spells::SHARE } else { 0.0 };
        let failures = spells::find(&counted.failed, &counted.exposure, least);
        let all = spells::find(&counted.per_bucket, &counted.exposure, least);
        let baselines = (failures.baseline, all.baseline);
        let all = counted.refine(signals, &all.ranges, all.baseline, |_, _| true);
        let failures = counted.failing(signals, &failures);
        let window = signals.width.saturating_mul(i64::try_from(signals.n).unwrap_or(0));
        let slow_least = (window / SLOW_SHARE).clamp(SLOW_LEAST.0, SLOW_LEAST.1);
        Search { slo, counted, failures, all, slow_least, baselines }
    }

    /// Bad requests (or events) per bucket, at the tier where requests are counted.
    pub fn bad_per_bucket(&self) -> &[u32] {
        &self.counted.at_front
    }

    /// The moments. Without a hint only what is plain counts as the cause's first sign: leaked connections. That a deploy
    /// stands before the onset proves nothing by itself.
    pub fn moments(&self, rows: &Rows<'_>, case: &Case, hint: Option<&Hint>) -> Moments {
        let leaked = Hint { first_sign: case.leaks.iter().map(|l| l.first).min(), trigger: None };
        let hint = hint.copied().unwrap_or(leaked);
        let requests: f64 = self.counted.exposure.iter().sum();
        let blip = |s: &Spell| {
            let few = self.counted.basis == Basis::Requests && (s.bad as f64) < BLIP_SHARE * requests;
            few && s.to - s.from <= BLIP && restarted(rows, case, s)
        };
        let keep = |spells: &[Spell]| keep(spells, hint, self.slow_least, &blip);
        let mut kept = keep(&self.failures);
        let mut baseline = self.baselines.0;
        if kept.is_empty() {
            (kept, baseline) = (keep(&self.all), self.baselines.1);
        }
        let out = Moments { basis: self.counted.basis, baseline, ..Moments::default() };
        moments(rows, case, kept, hint, out)
    }
}

fn moments(rows: &Rows<'_>, case: &Case, spells: Vec<Spell>, hint: Hint, mut out: Moments) -> Moments {
    out.cause_start = hint.trigger.or(hint.first_sign);
    let (Some(first), Some(last)) = (spells.first(), spells.last()) else { return out };
    out.onset = (!first.carried_in).then_some(first.from);
    out.cause_start = out.cause_start.or(out.onset);
    out.mitigated = (!first.carried_out).then_some(first.to);
    out.recovered = (!last.carried_out).then_some(last.to);
    out.degraded_ns = Some(spells.iter().map(|s| s.to - s.from).sum());
    let from = out.cause_start.unwrap_or(first.from).min(first.from);
    let to = out.recovered.unwrap_or(i64::MAX);
    let resources = case.markers.iter().any(|m| m.kind == Kind::ResourceExhausted);
    let resolved = |m: &Marker| {
        let name = rows.get(m.row).code(TextCol::Subject);
        let same = |o: &Marker| o.kind == Kind::Alert && rows.get(o.row).code(TextCol::Subject) == name;
        let ends = |o: &Marker| same(o) && rows.get(o.row).text(TextCol::Reason) == b"resolved";
        case.markers.iter().any(|o| (m.time..first.from).contains(&o.time) && ends(o))
    };
    let tells = |m: &&Marker| (from..=to).contains(&m.time) && tells_of_it(rows, m, resources) && !resolved(m);
    let detected = case.markers.iter().find(tells);
    (out.detected, out.detected_by) = (detected.map(|m| m.time), detected.map(|m| m.row));
    out.spells = spells;
    out
}

/// True for an alert that fires and that may be about requests.
fn tells_of_it(rows: &Rows<'_>, marker: &Marker, resources: bool) -> bool {
    if marker.kind != Kind::Alert {
        return false;
    }
    let row = rows.get(marker.row);
    let name = row.text(TextCol::Subject).to_ascii_lowercase();
    let other = OTHER_ALERTS.iter().any(|word| memchr::memmem::find(&name, word.as_bytes()).is_some());
    row.text(TextCol::Reason) != b"resolved" && (resources || !other)
}

/// Bad requests, one by one and per bucket.
#[derive(Debug)]
struct Counted {
    basis: Basis,
    bad: Vec<Bad>,
    per_bucket: Vec<u32>,
    at_front: Vec<u32>,
    failed: Vec<u32>,
    /// Requests, or seconds.
    exposure: Vec<f64>,
}

impl Counted {
    fn new(signals: &Signals, basis: Basis, bad: Vec<Bad>) -> Counted {
        let (mut per_bucket, mut at_front, mut failed) = (vec![0; signals.n], vec![0; signals.n], vec![0; signals.n]);
        for one in &bad {
            let bucket = signals.bucket(one.end).unwrap_or(usize::MAX);
            for (counts, counted) in [(&mut per_bucket, true), (&mut at_front, !one.inside), (&mut failed, one.failed)] {
                if let Some(slot) = counts.get_mut(bucket) {
                    *slot += u32::from(counted);
                }
            }
        }
        let exposure = match basis {
            Basis::Requests => signals.count(Count::Requests).iter().map(|c| f64::from(c.n)).collect(),
            Basis::Events => vec![signals.seconds(); signals.n],
        };
        Counted { basis, bad, per_bucket, at_front, failed, exposure }
    }

    /// Spells of failures, with the slowness that touches them.
    fn failing(&self, signals: &Signals, found: &Spells) -> Vec<Spell> {
        let outside = |bucket: usize| !found.ranges.iter().any(|r| r.contains(&bucket));
        let quiet = |values: &[f64]| values.iter().enumerate().filter(|(b, _)| outside(*b)).map(|(_, v)| v).sum::<f64>();
        let bad: Vec<f64> = self.per_bucket.iter().map(|n| f64::from(*n)).collect();
        let usual = quiet(&bad) / quiet(&self.exposure).max(1.0);
        let with = |range: &Range<usize>| spells::with_slowness(&self.per_bucket, &self.exposure, usual, range.clone());
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for range in found.ranges.iter().map(with) {
            match ranges.last_mut() {
                Some(last) if range.start < last.end => last.end = last.end.max(range.end),
                _ => ranges.push(range),
            }
        }
        // Inside a spell of failures only failures bound it: slow requests are there on ordinary days too.
        self.refine(signals, &ranges, found.baseline, |bucket, bad| bad.failed || outside(bucket))
    }

    /// From buckets to the bad requests in them; those that `bounds` takes say where a spell begins and ends.
    fn refine(
        &self,
        signals: &Signals,
        ranges: &[Range<usize>],
        baseline: f64,
        bounds: impl Fn(usize, &Bad) -> bool,
    ) -> Vec<Spell> {
        let served: Vec<usize> = self.exposure.iter().zip(0..).filter(|(e, _)| **e > 0.0).map(|(_, bucket)| bucket).collect();
        let (first, last) = (served.first().copied().unwrap_or(0), served.last().copied().unwrap_or(0));
        let near = near(signals, baseline, &self.exposure);
        let one = |range: &Range<usize>| {
            let from = self.bad.partition_point(|b| b.end < signals.begin(range.start));
            let to = self.bad.partition_point(|b| b.end < signals.begin(range.end));
            let inside = self.bad.get(from..to)?;
            let bounding = |b: &&Bad| signals.bucket(b.end).is_some_and(|bucket| bounds(bucket, b));
            let by_end: Vec<&Bad> = inside.iter().rev().filter(bounding).collect();
            let mut by_start = by_end.clone();
            by_start.sort_by_key(|b| (b.start, b.row));
            let starts: Vec<i64> = by_start.iter().map(|b| b.start).collect();
            let ends: Vec<i64> = by_end.iter().map(|b| b.end).collect();
            let dense_from = dense(&starts, near);
            let first_bad = by_start.get(dense_from)?;
            let last_bad = by_end.get(dense(&ends, near))?;
            Some(Spell {
                from: first_bad.start,
                latest: starts.get(dense_from + DENSE - 1).copied().unwrap_or(first_bad.end),
                to: last_bad.end.max(first_bad.end),
                bad: inside.iter().filter(|b| !b.inside).count() as u64,
                slow_inside: inside.iter().filter(|b| b.inside).count() as u64,
                failed: inside.iter().filter(|b| b.failed).count() as u64,
                first: first_bad.row,
                last: last_bad.row,
                carried_in: range.start <= first,
                carried_out: range.end > last,
            })
        };
        ranges.iter().filter_map(one).collect()
    }
}

/// How near to each other bad requests must be to belong together: so that the background gives one in five such times at
/// the most, between ten seconds and five buckets.
fn near(signals: &Signals, baseline: f64, exposure: &[f64]) -> i64 {
    let seconds = (signals.n as f64 * signals.seconds()).max(1.0);
    let background = baseline * exposure.iter().sum::<f64>() / seconds;
    let most = 5.0 * signals.seconds().max(10.0);
    let near = if background > 0.0 { (0.2 / background).clamp(10.0, most) } else { most };
    #[expect(clippy::cast_possible_truncation, reason = "at least ten seconds, at most five buckets")]
    let nanos = (near * SECOND as f64) as i64;
    nanos
}

/// Index of the first moment that has two more within `near` after it (in the order given); 0 where none has.
fn dense(moments: &[i64], near: i64) -> usize {
    let close = |w: &[i64]| w.first().zip(w.last()).is_some_and(|(a, b)| (a - b).abs() <= near);
    moments.windows(DENSE).position(close).unwrap_or(0)
}

/// True where application instances are started, stopped or replaced beside a spell, and nothing else goes down.
fn restarted(rows: &Rows<'_>, case: &Case, spell: &Spell) -> bool {
    let near = spell.from.saturating_sub(RESTART)..=spell.to.saturating_add(RESTART);
    let beside = || case.markers.iter().filter(|m| near.contains(&m.time));
    let down = |m: &Marker| m.kind == Kind::LbServerState && rows.get(m.row).text(TextCol::Reason) == b"down";
    let app = |m: &Marker| matches!(m.kind, Kind::AppStart | Kind::AppStop | Kind::Deploy | Kind::Rollback) || down(m);
    let worse =
        |m: &Marker| matches!(m.kind, Kind::ServerStop | Kind::ServerCrash | Kind::ServerRecovery | Kind::ResourceExhausted);
    beside().any(app) && !beside().any(worse)
}

/// The spells that make the incident: those that matter beside the worst one, and none before its cause.
fn keep(spells: &[Spell], hint: Hint, slow_least: i64, blip: &dyn Fn(&Spell) -> bool) -> Vec<Spell> {
    let cause = hint.trigger.into_iter().chain(hint.first_sign).min();
    let matters = |s: &&Spell| {
        let lasting = s.to - s.from >= slow_least && s.bad + s.slow_inside >= SLOW_COUNT;
        (s.failed >= 5 || lasting) && cause.is_none_or(|c| s.to.saturating_add(SLACK) >= c) && !blip(s)
    };
    let mut kept: Vec<Spell> = spells.iter().filter(matters).cloned().collect();
    let weight = |s: &Spell| s.bad + s.slow_inside;
    let worst = kept.iter().map(weight).max().unwrap_or(0);
    kept.retain(|s| weight(s) as f64 >= spells::MINOR * worst as f64);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(from: i64, to: i64, bad: u64, failed: u64) -> Spell {
        let row = RowId { chunk: 0, row: 0 };
        let (from, to) = (from * SECOND, to * SECOND);
        Spell {
            from,
            latest: from,
            to,
            bad,
            failed,
            slow_inside: 0,
            first: row,
            last: row,
            carried_in: false,
            carried_out: false,
        }
    }

    #[test]
    fn lone_requests_do_not_begin_a_spell() {
        let at = |s: &[i64]| dense(&s.iter().map(|v| v * SECOND).collect::<Vec<_>>(), 10 * SECOND);
        assert_eq!(at(&[0, 30, 61, 62, 63, 64]), 2);
        assert_eq!(at(&[0, 30, 60]), 0);
        assert_eq!(at(&[200, 130, 129, 128]), 1);
    }

    #[test]
    fn short_slowness_and_what_precedes_the_cause_is_no_incident() {
        let spells = || vec![spell(10, 13, 40, 0), spell(100, 130, 300, 250), spell(200, 203, 6, 6)];
        let kept = |hint| keep(&spells(), hint, 15 * SECOND, &|_| false).iter().map(|s| s.from / SECOND).collect::<Vec<_>>();
        assert_eq!(kept(Hint::default()), [100]);
        let hint = Hint { first_sign: Some(190 * SECOND), ..Hint::default() };
        assert_eq!(kept(hint), [200]);
        let slow =
            |least, blip: &dyn Fn(&Spell) -> bool| keep(&[spell(0, 40, 60, 0)], Hint::default(), least * SECOND, blip).len();
        assert_eq!((slow(15, &|_| false), slow(60, &|_| false), slow(15, &|_| true)), (1, 0, 0));
    }
}
