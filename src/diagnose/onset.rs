//! The moments of an incident.
//!
//! A request is *bad* when it is answered with 5xx, or takes longer than its endpoint may ([`Slo`]), or is given up by its
//! client after that time (or after an unknown time). Client errors (4xx) are not. Counts per bucket make spells
//! ([`super::spells`]): failures first, each spell together with the slowness that touches it; where nothing fails, all bad
//! requests. The moments are then refined to the times of single requests. Where no request is logged, timeouts, refusals
//! and failed connects stand in.
//!
//! - `onset`: begin of the first bad request of the first spell; unknown where the log begins inside it.
//! - `mitigated`: end of the last bad request of the first spell: from there on five buckets or more are good.
//! - `recovered`: end of the last bad request of the last spell; unknown where the log ends inside it.
//! - `cause_start`: from the hint: the trigger, else the cause's first sign. It may lie hours before the onset.
//! - `detected`: the first alert that fires between `cause_start` (else `onset`) and `recovered`.

use super::front::span;
use super::signals::{Count, SECOND, Signals, is_aborted};
use super::slo::Slo;
use super::spells::{self, Spells};
use crate::correlate::{Case, Marker};
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::{EventTable, Row, RowId, Rows};
use backtrail_parsers::Kind;
use std::ops::Range;

/// Slowness without failures is an incident only where it lasts: a lock held for seconds or one slow batch is none.
const SLOW_LEAST: i64 = 15 * SECOND;
/// … and with so many slow requests.
const SLOW_COUNT: u64 = 10;
/// A spell is part of the incident where it has at least this share of the worst one's bad requests.
const MINOR: f64 = 0.05;
/// Clocks of different sources may differ so much before order is claimed.
const SLACK: i64 = 30 * SECOND;
/// A lone bad request is background; so many near each other are the spell's.
const DENSE: usize = 3;
/// A trigger stands at most this long before the first sign, unless signs are rarer than that.
const TRIGGER: i64 = 60 * SECOND;
/// Alerts about these say nothing about requests, unless a resource ran out.
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

/// What is known of the cause, from the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CauseHint {
    /// First sign of the cause, ns UTC: the first leaked open, the first change of the causing signal.
    pub first_sign: Option<i64>,
    /// The deploy or change of configuration that brought it, where one precedes the first sign closely.
    pub trigger: Option<i64>,
    /// The cause is a resource that ran out: alerts about disks and memory count as detection.
    pub resources: bool,
}

/// What the moments rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Basis {
    /// Bad requests.
    #[default]
    Requests,
    /// Timeouts, refusals and failed connects, as no request is logged.
    Events,
}

/// A stretch of time in which service was degraded.
#[derive(Debug, Clone, PartialEq)]
pub struct Spell {
    /// Begin of its first bad request, ns UTC.
    pub from: i64,
    /// End of its last bad request.
    pub to: i64,
    /// Bad requests.
    pub bad: u64,
    /// Of those: failed (5xx).
    pub failed: u64,
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
pub struct Incident {
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
    /// Seconds inside spells.
    pub degraded_seconds: Option<f64>,
    /// The spells, in order; more than one: the outage was intermittent.
    pub spells: Vec<Spell>,
    /// Bad requests per request (or events per second) outside the spells: what users see on ordinary days.
    pub baseline: f64,
}

impl Incident {
    /// First and last moment at which users saw it, as far as the log goes.
    pub fn span(&self) -> Option<(i64, i64)> {
        Some((self.spells.first()?.from, self.spells.iter().map(|s| s.to).max()?))
    }
}

/// A bad request or event.
#[derive(Debug, Clone, Copy)]
struct Bad {
    start: i64,
    end: i64,
    failed: bool,
    row: RowId,
}

/// Finds the moments. Without a hint only what is plain counts as the cause's first sign: leaked connections. That a deploy
/// stands before the onset proves nothing by itself.
pub fn incident(table: &EventTable, case: &Case, signals: &Signals, hint: Option<CauseHint>) -> Incident {
    let rows = table.rows();
    let has_requests = signals.sum(Count::Requests, 0..signals.n) > 0;
    let basis = if has_requests { Basis::Requests } else { Basis::Events };
    let bad = if has_requests { bad_requests(&rows, signals) } else { bad_events(&rows, signals) };
    let counted = Counted::new(signals, basis, bad);
    let given = hint.or_else(|| leak_hint(&rows, case));
    let least = if has_requests { spells::SHARE } else { 0.0 };
    let failures = spells::find(&counted.failed, &counted.exposure, least);
    let mut kept = keep(counted.failing(signals, &failures), given);
    let mut baseline = failures.baseline;
    if kept.is_empty() {
        let all = spells::find(&counted.per_bucket, &counted.exposure, least);
        kept = keep(counted.refine(signals, &all.ranges, all.baseline, |_, _| true), given);
        baseline = all.baseline;
    }
    moments(&rows, case, kept, given.unwrap_or_default(), Incident { basis, baseline, ..Incident::default() })
}

fn moments(rows: &Rows<'_>, case: &Case, spells: Vec<Spell>, hint: CauseHint, mut out: Incident) -> Incident {
    out.cause_start = hint.trigger.or(hint.first_sign);
    let (Some(first), Some(last)) = (spells.first(), spells.last()) else { return out };
    out.onset = (!first.carried_in).then_some(first.from);
    out.mitigated = (!first.carried_out).then_some(first.to);
    out.recovered = (!last.carried_out).then_some(last.to);
    out.degraded_seconds = Some(spells.iter().map(|s| (s.to - s.from) as f64).sum::<f64>() / SECOND as f64);
    let from = out.cause_start.unwrap_or(first.from).min(first.from);
    let to = out.recovered.unwrap_or(i64::MAX);
    let detected = case.markers.iter().find(|m| (from..=to).contains(&m.time) && tells_of_it(rows, m, hint.resources));
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

/// The users' requests that went wrong, by end.
fn bad_requests(rows: &Rows<'_>, signals: &Signals) -> Vec<Bad> {
    let (front, slo) = (&signals.front, Slo::of(rows, signals));
    let mut bad = Vec::new();
    for row in rows.iter().filter(Row::has_time) {
        let failed = (500..600).contains(&row.int(IntCol::Status));
        let counted = if front.is_request(&row) {
            let untimed = row.long(LongCol::Duration).is_none();
            failed || slo.is_slow(&row) || (untimed && is_aborted(&row))
        } else {
            // Where the load balancer does not say how long requests took, the application does.
            !slo.timed && front.reached_application(&row) && !failed && slo.is_slow(&row)
        };
        if counted && !front.is_probe(&row) {
            let (start, end) = span(&row);
            bad.push(Bad { start, end, failed, row: row.id });
        }
    }
    bad.sort_by_key(|b| (b.end, b.row));
    bad
}

/// What stands in for bad requests where none are logged.
fn bad_events(rows: &Rows<'_>, signals: &Signals) -> Vec<Bad> {
    let counts = |row: &Row<'_>| {
        // A wrong password or database name is the client's mistake.
        let mistake = matches!(row.text(TextCol::Reason), b"authentication" | b"unknown_database" | b"unknown_user");
        !mistake
            && matches!(
                row.kind(),
                Kind::AcquireTimeout | Kind::DbRefused | Kind::ProxyRefused | Kind::ProxyWaitTimeout | Kind::ConnectFailed
            )
    };
    let mut bad: Vec<Bad> = rows
        .iter()
        .filter(|r| r.has_time() && counts(r) && signals.bucket(r.time()).is_some())
        .map(|r| Bad { start: r.time(), end: r.time(), failed: true, row: r.id })
        .collect();
    bad.sort_by_key(|b| (b.end, b.row));
    bad
}

/// Bad requests, one by one and per bucket.
struct Counted {
    bad: Vec<Bad>,
    per_bucket: Vec<u32>,
    failed: Vec<u32>,
    /// Requests, or seconds.
    exposure: Vec<f64>,
}

impl Counted {
    fn new(signals: &Signals, basis: Basis, bad: Vec<Bad>) -> Counted {
        let (mut per_bucket, mut failed) = (vec![0u32; signals.n], vec![0u32; signals.n]);
        for one in &bad {
            let bucket = signals.bucket(one.end).unwrap_or(usize::MAX);
            if let (Some(all), Some(failed)) = (per_bucket.get_mut(bucket), failed.get_mut(bucket)) {
                *all += 1;
                *failed += u32::from(one.failed);
            }
        }
        let exposure = match basis {
            Basis::Requests => signals.count(Count::Requests).iter().map(|n| f64::from(*n)).collect(),
            Basis::Events => vec![signals.seconds(); signals.n],
        };
        Counted { bad, per_bucket, failed, exposure }
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
            let first_bad = by_start.get(dense(&starts, near))?;
            let last_bad = by_end.get(dense(&ends, near))?;
            Some(Spell {
                from: first_bad.start,
                to: last_bad.end.max(first_bad.end),
                bad: inside.len() as u64,
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

/// The spells that make the incident: those that matter beside the worst one, and none before its cause.
fn keep(spells: Vec<Spell>, hint: Option<CauseHint>) -> Vec<Spell> {
    let cause = hint.and_then(|h| h.trigger.into_iter().chain(h.first_sign).min());
    let matters = |s: &Spell| {
        let lasting = s.to - s.from >= SLOW_LEAST && s.bad >= SLOW_COUNT;
        (s.failed >= 5 || lasting) && cause.is_none_or(|c| s.to + SLACK >= c)
    };
    let mut kept: Vec<Spell> = spells.into_iter().filter(matters).collect();
    let worst = kept.iter().map(|s| s.bad).max().unwrap_or(0);
    kept.retain(|s| s.bad as f64 >= MINOR * worst as f64);
    kept
}

/// The hint that leaked connections give: the first leaked open, and the deploy just before it.
pub fn leak_hint(rows: &Rows<'_>, case: &Case) -> Option<CauseHint> {
    let first = case.leaks.iter().min_by_key(|l| l.first)?;
    let last = case.leaks.iter().map(|l| l.last).max()?;
    let count = case.leaks.iter().map(|l| l.sessions.len()).sum::<usize>();
    // Leaks at this pace show the first one after about one interval; after five a deploy is no longer near.
    let pace = (last - first.first) / i64::try_from(count.saturating_sub(1)).unwrap_or(1).max(1);
    let session = first.sessions.first().and_then(|s| case.sessions.get(*s as usize));
    let service = session.map_or(&b""[..], |s| rows.get(s.open_row).text(TextCol::Service));
    let trigger = trigger_before(rows, case, first.first, (5 * pace).max(TRIGGER), service);
    Some(CauseHint { first_sign: Some(first.first), trigger, resources: false })
}

/// The last deploy, rollback or change of configuration at most `within` before a moment; one of `service` (empty: any) is
/// preferred to a later one of another.
pub fn trigger_before(rows: &Rows<'_>, case: &Case, moment: i64, within: i64, service: &[u8]) -> Option<i64> {
    let change = |m: &&Marker| matches!(m.kind, Kind::Deploy | Kind::Rollback | Kind::ConfigChange);
    // Stamps in whole seconds may be late by one.
    let near = |m: &&Marker| m.time <= moment + SECOND && m.time >= moment - within;
    let near: Vec<&Marker> = case.markers.iter().filter(change).filter(near).collect();
    let of_service = near.iter().rev().find(|m| !service.is_empty() && rows.get(m.row).text(TextCol::Subject) == service);
    of_service.or(near.last()).map(|m| m.time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(from: i64, to: i64, bad: u64, failed: u64) -> Spell {
        let row = RowId { chunk: 0, row: 0 };
        let (from, to) = (from * SECOND, to * SECOND);
        Spell { from, to, bad, failed, first: row, last: row, carried_in: false, carried_out: false }
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
        let kept = |hint| keep(spells(), hint).iter().map(|s| s.from / SECOND).collect::<Vec<_>>();
        assert_eq!(kept(None), [100]);
        let hint = CauseHint { first_sign: Some(190 * SECOND), ..CauseHint::default() };
        assert_eq!(kept(Some(hint)), [200]);
        assert_eq!(keep(vec![spell(0, 40, 60, 0)], None).len(), 1);
    }
}
