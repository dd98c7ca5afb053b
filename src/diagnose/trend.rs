//! Does a series rise, and by how much; how far are two samples apart.
//!
//! Sources: H. B. Mann, Econometrica 13 (1945), M. G. Kendall, "Rank correlation methods" (1948), with the correction for
//! ties; P. K. Sen, JASA 63 (1968); J. L. Hodges, E. L. Lehmann, Annals of Mathematical Statistics 34 (1963).

use super::changepoint::{block_medians, median};

/// With fewer values no trend can be claimed.
const LEAST: usize = 10;
/// Samples are thinned to this many values, evenly over their order, before pairs are formed.
const THIN: usize = 400;
/// The 97.5 % point of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// A trend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Mann–Kendall z; from 3.3 on a trend is claimed.
    pub z: f64,
    /// Theil–Sen slope per value of the series.
    pub slope: f64,
}

/// Trend of a series of buckets: tested on medians of four buckets, slope per bucket. `None` for fewer than ten medians.
pub fn trend(values: &[f64]) -> Option<Trend> {
    let blocks = block_medians(values);
    Some(Trend { z: mann_kendall(&blocks)?, slope: theil_sen(values)? })
}

/// Mann–Kendall z with correction for ties and continuity. `None` for fewer than ten values.
pub fn mann_kendall(values: &[f64]) -> Option<f64> {
    if values.len() < LEAST {
        return None;
    }
    let mut s = 0i64;
    for (index, a) in values.iter().enumerate() {
        for b in values.get(index + 1..).unwrap_or_default() {
            s += i64::from(b > a) - i64::from(b < a);
        }
    }
    let weight = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let ties: f64 = sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(|tie| weight(tie.len() as f64)).sum();
    let variance = (weight(values.len() as f64) - ties) / 18.0;
    if variance <= 0.0 {
        return Some(0.0);
    }
    let s = s as f64;
    Some((s - s.signum() * f64::from(s != 0.0)) / variance.sqrt())
}

/// The median slope over all pairs, per value. `None` for fewer than two values.
pub fn theil_sen(values: &[f64]) -> Option<f64> {
    let mut slopes = Vec::with_capacity(values.len() * values.len().saturating_sub(1) / 2);
    for (index, a) in values.iter().enumerate() {
        for (step, b) in values.get(index + 1..).unwrap_or_default().iter().enumerate() {
            slopes.push((b - a) / (step as f64 + 1.0));
        }
    }
    median(&slopes)
}

/// How far two samples are apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The median of all differences `after − before`.
    pub shift: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The Hodges–Lehmann shift from `before` to `after`, with the interval that the rank-sum test inverts to. `None` where a
/// sample is empty. Large samples are thinned evenly over their order.
pub fn hodges_lehmann(before: &[f64], after: &[f64]) -> Option<Shift> {
    let (before, after) = (thinned(before), thinned(after));
    let mut differences: Vec<f64> = after.iter().flat_map(|a| before.iter().map(move |b| a - b)).collect();
    differences.sort_unstable_by(f64::total_cmp);
    let (m, n) = (before.len() as f64, after.len() as f64);
    let below = (m * n / 2.0 - Z * (m * n * (m + n + 1.0) / 12.0).sqrt()).max(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most half of the differences")]
    let skip = below.floor() as usize;
    let last = differences.len().checked_sub(1)?;
    Some(Shift {
        shift: median(&differences)?,
        low: *differences.get(skip.min(last))?,
        high: *differences.get(last - skip.min(last))?,
    })
}

fn thinned(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    if sorted.len() <= THIN {
        return sorted;
    }
    (0..THIN).filter_map(|i| sorted.get((2 * i + 1) * sorted.len() / (2 * THIN)).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rising_series_rise() {
        let rising: Vec<f64> = (0..80).map(|i| f64::from(i) * 0.5 + f64::from(i * 7 % 5)).collect();
        let found = trend(&rising).unwrap();
        assert!(found.z > 5.0 && (found.slope - 0.5).abs() < 0.02, "{found:?}");
        let flat: Vec<f64> = (0..80).map(|i| f64::from(i * 7 % 5)).collect();
        assert!(trend(&flat).unwrap().z.abs() < 2.0);
        assert_eq!(trend(&rising[..36]), None);
    }

    #[test]
    fn eight_points_cannot_reach_the_threshold_and_ties_lower_the_variance() {
        assert_eq!(mann_kendall(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]), None);
        assert_eq!(mann_kendall(&[4.0; 20]), Some(0.0));
        // Ten rising values: S = 45, variance 125, z = 44 / √125.
        let ten: Vec<f64> = (0..10).map(f64::from).collect();
        assert!((mann_kendall(&ten).unwrap() - 44.0 / 125f64.sqrt()).abs() < 1e-9);
    }

    #[test]
    fn shifts_and_their_intervals() {
        let before: Vec<f64> = (0..50).map(f64::from).collect();
        let after: Vec<f64> = before.iter().map(|v| v + 30.0).collect();
        let found = hodges_lehmann(&before, &after).unwrap();
        assert!((found.shift - 30.0).abs() < 1e-9 && found.low < 30.0 && found.high > 30.0 && found.low > 20.0, "{found:?}");
        assert_eq!(hodges_lehmann(&[], &after), None);
    }
}
