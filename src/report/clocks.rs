//! Clocks in the report, and what their bounds forbid to say.

use super::{Clock, Moment};
use crate::table::EventTable;
use crate::table::Source;
use crate::table::clock::{Clock as Found, offset};

fn ms(ns: i64) -> f64 {
    (ns / 1000) as f64 / 1000.0
}

/// The moment by a source's own clock at which its offset is stated: the middle of its records.
fn middle(source: &Source) -> i64 {
    source.first.zip(source.last).map_or(0, |(first, last)| i64::midpoint(first, last))
}

/// How far a source's clock is ahead of its reference, ms.
pub(super) fn offset_ms(source: &Source, clock: &Found) -> f64 {
    ms(offset(&clock.segments, middle(source)))
}

/// How well a moment of a source is known against other sources, ms: the bound of its clock, and its offset where that was
/// left in.
pub(super) fn bound_ms(table: &EventTable, clock: &Found) -> f64 {
    let left = table.sources.get(clock.source as usize).filter(|_| !clock.applied).map_or(0.0, |s| offset_ms(s, clock).abs());
    ms(clock.bound) + left
}

fn name(table: &EventTable, source: u32) -> &str {
    let path = table.sources.get(source as usize).map_or("?", |s| s.path.as_str());
    path.rsplit('/').next().unwrap_or(path)
}

/// Every clock that was compared, and every zone that follows from evidence.
pub(super) fn clocks(table: &EventTable) -> Vec<Clock> {
    let mut out = Vec::new();
    for source in &table.sources {
        if source.shift_ns != 0 {
            out.push(Clock {
                source: source.id,
                reference: None,
                offset_ms: -(source.shift_ns / 1_000_000) as f64,
                drift_ppm: None,
                bound_ms: None,
                pairs: source.shift_pairs,
                basis: format!("zone {} from records that match other sources", source.zone.name),
                applied: true,
                steps: Vec::new(),
            });
        }
        let Some(clock) = source.clock.as_ref().filter(|c| !c.segments.is_empty()) else { continue };
        let drift = clock.segments.last().map(|s| (s.drift * 1e9).round() / 1000.0).filter(|d| *d != 0.0);
        let side = if clock.one_sided { ", from one side only: it may be further off" } else { "" };
        out.push(Clock {
            source: source.id,
            reference: Some(clock.reference),
            offset_ms: offset_ms(source, clock),
            drift_ppm: drift,
            bound_ms: Some(ms(clock.bound)),
            pairs: clock.pairs,
            basis: format!("{}{side}", clock.basis),
            applied: clock.applied,
            steps: clock.segments.iter().skip(1).map(|s| super::build::rfc3339(s.from)).collect(),
        });
    }
    out
}

/// What was done about clocks, in words.
pub(super) fn notes(table: &EventTable) -> Vec<String> {
    let told = |source: &Source| {
        let clock = source.clock.as_ref()?;
        let (first, last) = source.first.zip(source.last)?;
        if !clock.applied && !clock.significant(first, last) {
            return None;
        }
        let off = clock.largest(first, last);
        let way = if off > 0 { "ahead of" } else { "behind" };
        let steps = match clock.segments.len() {
            0 | 1 => String::new(),
            n => format!(", with {} steps", n - 1),
        };
        let done = if clock.applied { "corrected (--clock off leaves it)" } else { "not corrected" };
        let size = ms(off.abs()) / 1000.0;
        Some(format!(
            "{}: its clock is up to {size:.3} s {way} that of {}, known to {:.3} s from {} {}{steps}; {done}.",
            source.path,
            name(table, clock.reference),
            ms(clock.bound) / 1000.0,
            clock.pairs,
            clock.basis
        ))
    };
    table.sources.iter().filter_map(told).collect()
}

/// Says where two moments that follow each other (in the order of time) are nearer than the bounds of their clocks allow to
/// tell apart.
pub(super) fn settle_order(moments: &mut [(i64, Moment)]) {
    let mut unknown = vec![false; moments.len()];
    for (at, pair) in moments.windows(2).enumerate() {
        let [(a_time, a), (b_time, b)] = pair else { continue };
        let bounds = a.bound_ms.unwrap_or(0.0) + b.bound_ms.unwrap_or(0.0);
        let other = a.evidence.first().map(|r| r.source) != b.evidence.first().map(|r| r.source);
        if let Some(slot) = unknown.get_mut(at + 1)
            && other
            && ms(b_time - a_time) <= bounds
            && bounds > 0.0
        {
            *slot = true;
        }
    }
    for ((_, moment), unknown) in moments.iter_mut().zip(unknown) {
        if unknown {
            moment.title.push_str(" (before or after the line above: the clocks do not tell)");
        }
    }
}
