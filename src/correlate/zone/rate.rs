//! Zones from activity: what two tiers of one system do rises and falls together. At the right shift their records per
//! ten seconds agree, at every other one they do not, or do not even overlap.

use super::{QUARTER, REACH};
use crate::ingest::LongCol;
use crate::table::{Row, Rows};
use backtrail_parsers::Kind;
use std::collections::{BTreeMap, VecDeque};

/// Width of a bin.
const BIN: i64 = 10_000_000_000;
/// Bins on either side whose mean is the trend: ten minutes.
const AROUND: i64 = 60;
/// Bins with records that a source needs before its rise and fall means anything.
const FEW: usize = 12;
/// The least correlation that counts.
const ENOUGH: f64 = 0.2;
/// The next best shift must stay below this share of the best.
const AHEAD: f64 = 0.6;

/// Records per bin: of requests, and of everything.
#[derive(Debug, Default, Clone)]
pub(super) struct Activity {
    requests: BTreeMap<i64, f64>,
    all: BTreeMap<i64, f64>,
}

/// The activity of every source.
pub(super) fn activity(rows: &Rows<'_>, sources: usize) -> Vec<Activity> {
    let mut out = vec![Activity::default(); sources];
    for row in rows.iter().filter(Row::has_time) {
        if let Some(own) = out.get_mut(row.source_id() as usize) {
            *own.all.entry(row.time().div_euclid(BIN)).or_default() += 1.0;
            if matches!(row.kind(), Kind::LbRequest | Kind::RequestEnd) {
                // Tiers agree on when a request ended: a balancer may state when it began.
                let lasted = if row.time_is_start() { row.long(LongCol::Duration).unwrap_or(0) } else { 0 };
                *own.requests.entry((row.time() + lasted).div_euclid(BIN)).or_default() += 1.0;
            }
        }
    }
    for own in &mut out {
        own.requests = detrended(&own.requests);
        own.all = detrended(&own.all);
    }
    out
}

/// The bins less their surroundings' mean: the slow rise and fall of a day looks alike at neighbouring shifts.
fn detrended(bins: &BTreeMap<i64, f64>) -> BTreeMap<i64, f64> {
    let mut out = BTreeMap::new();
    let mut window: VecDeque<(i64, f64)> = VecDeque::new();
    let mut sum = 0.0;
    let mut ahead = bins.iter().peekable();
    for (bin, value) in bins {
        while let Some((next, value)) = ahead.next_if(|(next, _)| **next <= bin + AROUND) {
            window.push_back((*next, *value));
            sum += value;
        }
        while window.front().is_some_and(|(old, _)| *old < bin - AROUND) {
            sum -= window.pop_front().map_or(0.0, |(_, value)| value);
        }
        out.insert(*bin, value - sum / (2 * AROUND + 1) as f64);
    }
    out
}

/// The shift in quarter-hours at which a source's activity agrees best with the references', and the bins that agree.
pub(super) fn best(own: &Activity, references: &[&Activity]) -> Option<(i64, u64)> {
    let mut scores: Vec<(f64, i64, u64)> = Vec::new();
    for quarters in -REACH..=REACH {
        let scored = references.iter().filter_map(|reference| correlation(own, reference, quarters * (QUARTER / BIN)));
        if let Some((r, bins)) = scored.max_by(|a, b| a.0.total_cmp(&b.0)) {
            scores.push((r, quarters, bins));
        }
    }
    scores.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.abs().cmp(&b.1.abs())));
    let (best, quarters, bins) = *scores.first()?;
    let next = scores.get(1).map_or(0.0, |s| s.0.max(0.0));
    (best >= ENOUGH && next <= AHEAD * best).then_some((quarters, bins))
}

/// Pearson's correlation of two activities, one of them moved by `shift` bins, over all bins that either touches.
fn correlation(own: &Activity, reference: &Activity, shift: i64) -> Option<(f64, u64)> {
    let requests = own.requests.len() >= FEW && reference.requests.len() >= FEW;
    let (a, b) = if requests { (&own.requests, &reference.requests) } else { (&own.all, &reference.all) };
    if a.len() < FEW || b.len() < FEW {
        return None;
    }
    let first = |bins: &BTreeMap<i64, f64>| bins.keys().next().copied();
    let last = |bins: &BTreeMap<i64, f64>| bins.keys().next_back().copied();
    let (from, to) = (first(b)?.min(first(a)? + shift), last(b)?.max(last(a)? + shift));
    let n = (to - from + 1) as f64;
    let (sum_a, sum_b): (f64, f64) = (a.values().sum(), b.values().sum());
    let (square_a, square_b): (f64, f64) = (a.values().map(|v| v * v).sum(), b.values().map(|v| v * v).sum());
    let mut product = 0.0;
    let mut bins = 0;
    for (bin, value) in a {
        if let Some(other) = b.get(&(bin + shift)) {
            product += value * other;
            bins += 1;
        }
    }
    let spread = ((square_a - sum_a * sum_a / n) * (square_b - sum_b * sum_b / n)).sqrt();
    (spread > 0.0).then(|| ((product - sum_a * sum_b / n) / spread, bins))
}
