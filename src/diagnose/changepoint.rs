//! Where a series changes its level.
//!
//! Logs are noisy, have outliers, and neighbouring buckets resemble each other; textbook methods see changes everywhere in
//! such series. The pair used here was measured on simulated series (tests below): a rank test on medians of four buckets
//! decides *whether* there is a change (no false alarm in 240 buckets, with outliers and an autocorrelation of 0.5), and a
//! penalised partition of the winsorised series says *where* the changes are.
//!
//! Sources: A. N. Pettitt, "A non-parametric approach to the change-point problem", Applied Statistics 28 (1979);
//! R. Killick, P. Fearnhead, I. Eckley, "Optimal detection of changepoints with a linear computational cost", JASA 107 (2012).

use std::ops::Range;

/// Buckets whose median is taken to break the resemblance of neighbours.
pub const BLOCK: usize = 4;
/// The rank test speaks of a change below this probability.
pub const GATE: f64 = 1e-3;
/// Shortest segment of the partition, buckets.
const SHORTEST: usize = 5;
/// Shortest side of the rank test, blocks.
const SIDE: usize = 4;
/// Residuals from the running median are clipped at so many standard deviations.
const CLIP: f64 = 3.0;
/// Half the width of the running median: nine values.
const HALF: usize = 4;
/// From the median absolute deviation to the standard deviation of a normal distribution.
const MAD: f64 = 1.4826;

/// The median; `None` for no values. Values are ordered totally, so that the result does not depend on their order.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    Some(f64::midpoint(*sorted.get(last / 2)?, *sorted.get(sorted.len() / 2)?))
}

/// The median absolute deviation from the median, scaled to a standard deviation.
pub fn mad(values: &[f64]) -> Option<f64> {
    let middle = median(values)?;
    let off: Vec<f64> = values.iter().map(|v| (v - middle).abs()).collect();
    median(&off).map(|m| MAD * m)
}

/// Medians of blocks of [`BLOCK`] values; an incomplete block at the end is left out.
pub fn block_medians(values: &[f64]) -> Vec<f64> {
    values.chunks_exact(BLOCK).filter_map(median).collect()
}

/// The change that a rank test sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// First value after the change.
    pub at: usize,
    /// The probability of so large a statistic without a change: p ≈ 2 exp(−6 K² / (n³ + n²)).
    pub p: f64,
}

/// Pettitt's test for one change. The change is at least `side` values from either end. Ties have mean ranks.
pub fn pettitt(values: &[f64], side: usize) -> Option<Change> {
    let n = values.len();
    let ranks = mean_ranks(values);
    let (mut sum, mut best, mut at) = (0.0f64, 0.0f64, None);
    for (index, rank) in ranks.iter().enumerate() {
        sum += 2.0 * rank - (n as f64 + 1.0);
        if sum.abs() > best && index + 1 >= side && index + 1 + side <= n {
            (best, at) = (sum.abs(), Some(index + 1));
        }
    }
    let n = n as f64;
    at.map(|at| Change { at, p: (2.0 * (-6.0 * best * best / (n * n * n + n * n)).exp()).min(1.0) })
}

/// The gate: one change of the level, tested on medians of four buckets (p < 0.001). Gives the bucket.
pub fn gate(values: &[f64]) -> Option<Change> {
    let blocks = block_medians(values);
    pettitt(&blocks, SIDE).filter(|c| c.p < GATE).map(|c| Change { at: c.at * BLOCK, p: c.p })
}

/// One-based ranks; equal values share the mean of theirs.
pub fn mean_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<(f64, usize)> = values.iter().copied().zip(0..).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0.0;
    for tie in order.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let rank = before + f64::midpoint(tie.len() as f64, 1.0);
        before += tie.len() as f64;
        for (_, index) in tie {
            if let Some(slot) = ranks.get_mut(*index) {
                *slot = rank;
            }
        }
    }
    ranks
}

/// The partition of `0..n` with the least sum of costs and `penalty` per segment; gives where segments begin, without 0.
/// Exact, by dynamic programming; quadratic in `n`, which is at most some hundreds here.
pub fn partition(n: usize, shortest: usize, penalty: f64, cost: impl Fn(Range<usize>) -> f64) -> Vec<usize> {
    let mut best: Vec<(f64, usize)> = vec![(f64::INFINITY, 0); n + 1];
    if let Some(first) = best.first_mut() {
        *first = (-penalty, 0);
    }
    for end in shortest.max(1)..=n {
        let mut found = (f64::INFINITY, 0);
        for begin in 0..=end - shortest.max(1) {
            let before = best.get(begin).map_or(f64::INFINITY, |b| b.0);
            if before.is_finite() {
                let total = before + cost(begin..end) + penalty;
                if total < found.0 {
                    found = (total, begin);
                }
            }
        }
        if let Some(slot) = best.get_mut(end) {
            *slot = found;
        }
    }
    let mut begins = Vec::new();
    let mut at = n;
    while let Some((_, begin)) = best.get(at).filter(|_| at > 0) {
        at = *begin;
        if at > 0 {
            begins.push(at);
        }
    }
    begins.reverse();
    begins
}

/// Where the level changes: first buckets of the segments after the first. Penalty 10 ln n, least squares, values
/// winsorised. Empty for fewer than ten values and for a constant series.
pub fn changes(values: &[f64]) -> Vec<usize> {
    least_squares(values, 10.0, true)
}

/// The partition with penalty `factor` · ln n, with or without winsorising.
fn least_squares(values: &[f64], factor: f64, winsorise: bool) -> Vec<usize> {
    let n = values.len();
    if n < 2 * SHORTEST {
        return Vec::new();
    }
    let steps: Vec<f64> = values.windows(2).filter_map(|w| Some(w.last()? - w.first()?)).collect();
    // Where most steps are zero (rare events), their mean size stands in for their median size.
    let mean = steps.iter().map(|s| s.abs()).sum::<f64>() / steps.len().max(1) as f64;
    let scale = mad(&steps).filter(|m| *m > 0.0).unwrap_or(mean * std::f64::consts::FRAC_PI_2.sqrt());
    let scale = scale / std::f64::consts::SQRT_2;
    if scale <= 0.0 || !scale.is_finite() {
        return Vec::new();
    }
    let middle = median(values).unwrap_or(0.0);
    let mut scaled: Vec<f64> = values.iter().map(|v| (v - middle) / scale).collect();
    if winsorise {
        scaled = winsorised(&scaled);
    }
    let sums = prefix(&scaled, |v| v);
    let squares = prefix(&scaled, |v| v * v);
    let of = |sums: &[f64], range: &Range<usize>| {
        sums.get(range.end).copied().unwrap_or(0.0) - sums.get(range.start).copied().unwrap_or(0.0)
    };
    partition(n, SHORTEST, factor * (n as f64).ln(), |range| {
        let sum = of(&sums, &range);
        of(&squares, &range) - sum * sum / range.len().max(1) as f64
    })
}

/// Values no farther than [`CLIP`] from the median of their nine neighbours.
fn winsorised(scaled: &[f64]) -> Vec<f64> {
    let clip = |(index, value): (usize, &f64)| {
        let near = scaled.get(index.saturating_sub(HALF)..(index + HALF + 1).min(scaled.len())).unwrap_or_default();
        let middle = median(near).unwrap_or(*value);
        middle + (value - middle).clamp(-CLIP, CLIP)
    };
    scaled.iter().enumerate().map(clip).collect()
}

/// Sums of `f` over the first 0, 1, 2 … values.
pub fn prefix(values: &[f64], f: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut sum = 0.0;
    std::iter::once(0.0)
        .chain(values.iter().map(|v| {
            sum += f(*v);
            sum
        }))
        .collect()
}

/// The begin of a ramp: changes of a slow rise (or fall) come out late, so from the change at `at` one goes back as long as
/// values are beyond the level before, by two deviations. Gives an interval: the first bucket of that run, and `at`.
pub fn walk_back(values: &[f64], at: usize, before: Range<usize>) -> Range<usize> {
    let base = values.get(before).unwrap_or_default();
    let (Some(level), Some(noise)) = (median(base), mad(base)) else { return at..at };
    let after = median(values.get(at..(at + 2 * SHORTEST).min(values.len())).unwrap_or_default()).unwrap_or(level);
    let beyond = |v: f64| if after >= level { v > level + 2.0 * noise } else { v < level - 2.0 * noise };
    let run = values.get(..at).unwrap_or_default().iter().rev().take_while(|v| beyond(**v)).count();
    at - run..at
}

#[cfg(test)]
mod tests {
    use super::noise::{KINDS, Noise};
    use super::*;

    const RUNS: usize = 100;

    fn false_alarms(find: impl Fn(&[f64]) -> bool) -> [f64; 4] {
        KINDS.map(|(phi, outliers)| {
            let mut noise = Noise(5);
            (0..RUNS).filter(|_| find(&noise.series(phi, outliers, |_| 0.0))).count() as f64 / RUNS as f64
        })
    }

    /// Share missed, and median error, of a step by 1.5 deviations.
    fn step_error(find: impl Fn(&[f64]) -> Option<usize>) -> [(f64, i64); 4] {
        KINDS.map(|(phi, outliers)| {
            let mut noise = Noise(7);
            let found: Vec<Option<usize>> = (0..RUNS).map(|_| find(&noise.series(phi, outliers, |_| 1.5))).collect();
            let mut errors: Vec<i64> = found.iter().flatten().map(|at| *at as i64 - 140).collect();
            errors.sort_unstable();
            ((RUNS - errors.len()) as f64 / RUNS as f64, errors[errors.len() / 2])
        })
    }

    #[test]
    fn no_false_alarms_where_textbook_methods_have_them() {
        let ours = false_alarms(|x| !changes(x).is_empty());
        assert!(ours[0] <= 0.01 && ours[1] <= 0.01 && ours[2] <= 0.10 && ours[3] <= 0.06, "{ours:?}");
        let gated = false_alarms(|x| gate(x).is_some());
        assert!(gated.iter().all(|share| *share <= 0.02), "{gated:?}");
        let textbook = false_alarms(|x| !least_squares(x, 3.0, false).is_empty());
        assert!(textbook[1] > 0.5 && textbook[3] > 0.8, "{textbook:?}");
    }

    #[test]
    fn steps_are_found_where_they_are() {
        for (missed, error) in step_error(|x| changes(x).first().copied()) {
            assert!(missed <= 0.05 && error.abs() <= 1, "{missed} {error}");
        }
        for (missed, error) in step_error(|x| gate(x).map(|c| c.at)) {
            assert!(missed <= 0.05 && error.abs() <= 4, "{missed} {error}");
        }
    }

    #[test]
    fn several_changes_are_found() {
        let mut noise = Noise(11);
        let series = noise.series(0.3, 0.01, |i| if i < 50 { 4.0 } else { 0.0 });
        let found = changes(&series);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].abs_diff(140) <= 1 && found[1].abs_diff(190) <= 1, "{found:?}");
    }

    #[test]
    fn ramps_are_walked_back() {
        let mut noise = Noise(3);
        let (mut late, mut walked) = (0i64, 0i64);
        for _ in 0..40 {
            let series = noise.series(0.0, 0.0, |i| 6.0 * (i as f64 / 60.0).min(1.0));
            let at = changes(&series)[0];
            let range = walk_back(&series, at, 0..120);
            late += at as i64 - 140;
            walked += range.start as i64 - 140;
        }
        assert!(late / 40 > 8 && walked.abs() < late, "{late} {walked}");
    }

    #[test]
    fn degenerate_series() {
        assert!(changes(&[]).is_empty() && changes(&[1.0; 100]).is_empty() && gate(&[0.0; 3]).is_none());
        let mut step = vec![0.0; 60];
        step.extend([5.0; 60]);
        assert_eq!(changes(&step), [60]);
        assert_eq!(gate(&step).map(|c| c.at), Some(60));
        let mut rare = vec![0.0; 120];
        rare[17] = 1.0;
        rare[80] = 2.0;
        assert!(changes(&rare).is_empty());
        assert_eq!(mean_ranks(&[3.0, 1.0, 3.0]), [2.5, 1.0, 2.5]);
    }
}

/// Noise for tests: the same on every machine.
#[cfg(test)]
pub(crate) mod noise {
    /// Autocorrelation and share of outliers of the series on which methods are compared.
    pub(crate) const KINDS: [(f64, f64); 4] = [(0.0, 0.0), (0.0, 0.02), (0.5, 0.0), (0.5, 0.02)];

    /// Normal variates from `SplitMix64` and the Box–Muller transform.
    pub(crate) struct Noise(pub(crate) u64);

    impl Noise {
        pub(crate) fn uniform(&mut self) -> f64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
        }

        pub(crate) fn normal(&mut self) -> f64 {
            let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
            radius * (std::f64::consts::TAU * self.uniform()).cos()
        }

        /// A Poisson count, by multiplying uniform variates (D. E. Knuth).
        pub(crate) fn poisson(&mut self, mean: f64) -> u32 {
            let limit = (-mean).exp();
            let (mut count, mut product) = (0, self.uniform());
            while product > limit {
                count += 1;
                product *= self.uniform();
            }
            count
        }

        /// 240 buckets with autocorrelation `phi`, a share `outliers` of outliers, and from bucket 140 on `level`.
        pub(crate) fn series(&mut self, phi: f64, outliers: f64, level: impl Fn(usize) -> f64) -> Vec<f64> {
            let mut state = 0.0;
            let mut out = Vec::new();
            for bucket in 0..240usize {
                state = phi * state + self.normal() * (1.0 - phi * phi).sqrt();
                let mut value = state + bucket.checked_sub(140).map_or(0.0, &level);
                if self.uniform() < outliers {
                    value += (6.0 + 9.0 * self.uniform()) * if self.uniform() < 0.5 { -1.0 } else { 1.0 };
                }
                out.push(value);
            }
            out
        }
    }
}
