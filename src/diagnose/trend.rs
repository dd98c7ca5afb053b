//! Does a series rise, and by how much.
//!
//! Sources: H. B. Mann, Econometrica 13 (1945), M. G. Kendall, "Rank correlation methods" (1948), with the correction for
//! ties; P. K. Sen, JASA 63 (1968).

use super::changepoint::{block_medians, median};

/// With fewer values no trend can be claimed.
const LEAST: usize = 10;

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
}
