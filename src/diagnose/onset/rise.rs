//! Where a level rose before users saw anything: gate, partition, and a walk back to the foot of a ramp.

use crate::diagnose::changepoint::{changes, gate, mad, median, walk_back};
use std::ops::Range;

/// A level before the cause rests on so many values at least.
const CALM: usize = 12;

/// A rise of a level.
#[derive(Debug, Clone, PartialEq)]
pub struct Rise {
    /// The bucket in which it began: not before the first, and by the second at the latest.
    pub at: (usize, usize),
    /// The level before the cause.
    pub before: f64,
    /// The level from the rise on.
    pub after: f64,
}

/// Finds where the level rose that `until` is reached with: of the changes before the bucket `until`, the first after which
/// the level stays above the one before the bucket `calm`, by a share `effect` of it and by two deviations. `None` where no
/// level is known before `calm`, where the rank test sees no change, and where the level was high from the start.
/// Buckets without a value are left out.
pub fn rise(values: &[Option<f64>], calm: usize, until: usize, effect: f64) -> Option<Rise> {
    let known: Vec<(usize, f64)> =
        values.iter().take(until).enumerate().filter_map(|(bucket, v)| v.map(|v| (bucket, v))).collect();
    let series: Vec<f64> = known.iter().map(|(_, v)| *v).collect();
    let calm = known.partition_point(|(bucket, _)| *bucket < calm);
    if calm < CALM {
        return None;
    }
    let base = series.get(..calm)?;
    let (before, noise) = (median(base)?, mad(base)?);
    let changed = gate(&series)?;
    let mut edges = changes(&series);
    if edges.is_empty() {
        edges.push(changed.at);
    }
    let high = |range: Range<usize>| {
        let level = series.get(range).and_then(median).unwrap_or(before);
        level > before + (2.0 * noise).max(effect * before)
    };
    let mut end = series.len();
    let mut at = None;
    for begin in edges.iter().rev() {
        if !high(*begin..end) {
            break;
        }
        (at, end) = (Some(*begin), *begin);
    }
    let at = at?;
    let range = walk_back(&series, at, 0..calm);
    let bucket = |index: usize| known.get(index).map(|(bucket, _)| *bucket);
    Some(Rise { at: (bucket(range.start)?, bucket(range.end)?), before, after: series.get(at..).and_then(median)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::changepoint::noise::{KINDS, Noise};

    /// A level of 10 with a spread of ±1 and no chance in it, plus what `extra` adds.
    fn series(extra: impl Fn(usize) -> f64) -> Vec<Option<f64>> {
        let step = |i: usize| f64::from(u32::try_from(i * 7 % 11).unwrap()) / 5.0 - 1.0;
        (0..240).map(|i| Some(10.0 + step(i) + extra(i))).collect()
    }

    #[test]
    fn the_first_change_of_the_climb_is_found() {
        // Two stairs, and an earlier hump that has nothing to do with them.
        let stairs = series(|i| match i {
            40..60 => 8.0,
            140..170 => 8.0,
            170.. => 16.0,
            _ => 0.0,
        });
        let found = rise(&stairs, 120, 220, 0.25).unwrap();
        assert!(found.at.0.abs_diff(140) <= 1 && found.at.1.abs_diff(140) <= 1, "{found:?}");
        assert!((found.before - 10.0).abs() < 0.5 && found.after > 20.0, "{found:?}");
    }

    #[test]
    fn a_ramp_begins_at_its_foot() {
        let found = rise(&series(|i| i.saturating_sub(140) as f64 / 4.0), 130, 240, 0.25).unwrap();
        assert!((138..=152).contains(&found.at.0) && found.at.0 < found.at.1, "{found:?}");
    }

    #[test]
    fn noise_is_no_rise_and_a_step_is_found_in_noise() {
        for (phi, outliers) in KINDS {
            let mut noise = Noise(31);
            let mut find = |level: f64| {
                let series = noise.series(phi, outliers, |_| level);
                rise(&series.iter().map(|v| Some(10.0 + v)).collect::<Vec<_>>(), 120, 240, 0.1)
            };
            let alarms = (0..60).filter(|_| find(0.0).is_some()).count();
            assert_eq!(alarms, 0, "phi {phi}, outliers {outliers}");
            let found: Vec<Rise> = (0..60).filter_map(|_| find(3.0)).collect();
            // Outliers and autocorrelation widen what counts as noise before the step; the gate never lets noise through.
            assert!(found.len() >= 57, "{} of 60, phi {phi}, outliers {outliers}", found.len());
            let mut errors: Vec<usize> = found.iter().map(|r| r.at.1.abs_diff(140)).collect();
            errors.sort_unstable();
            assert!(errors[errors.len() / 2] <= 1 && errors[errors.len() * 9 / 10] <= 4, "{errors:?}");
        }
    }

    #[test]
    fn levels_that_do_not_stay_up_are_no_rise() {
        assert_eq!(rise(&series(|_| 0.0), 120, 200, 0.25), None);
        assert_eq!(rise(&series(|i| if (130..150).contains(&i) { 9.0 } else { 0.0 }), 120, 220, 0.25), None);
        // A rise by less than matters, and one without anything known before it.
        assert_eq!(rise(&series(|i| if i > 140 { 2.0 } else { 0.0 }), 120, 220, 0.5), None);
        assert_eq!(rise(&series(|i| if i > 140 { 9.0 } else { 0.0 }), 5, 220, 0.25), None);
    }

    #[test]
    fn buckets_without_values_are_left_out() {
        let holes: Vec<Option<f64>> = series(|i| if i >= 140 { 9.0 } else { 0.0 })
            .into_iter()
            .enumerate()
            .map(|(i, v)| v.filter(|_| i % 3 != 0))
            .collect();
        let found = rise(&holes, 130, 230, 0.25).unwrap();
        assert!(found.at.0.abs_diff(140) <= 2, "{found:?}");
    }
}
