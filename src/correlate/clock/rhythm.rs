//! Two clocks by the rhythm of their requests alone: at the right difference the requests a second of both rise and fall
//! together, at every other one they do not.

use super::fit::Fit;
use crate::table::clock::Segment;

const SECOND: i64 = 1_000_000_000;
/// Differences that are tried, s.
const REACH: i64 = 120;
/// Seconds on either side whose mean is taken away: what changes slowly fits at every difference.
const TREND: usize = 10;
/// Requests from which on there is a rhythm.
const FEW: usize = 300;
/// The best correlation must lie so many deviations above the others, and the next stay below this share of it.
const ABOVE: f64 = 8.0;
const NEXT: f64 = 0.6;

/// How far the second clock is ahead, from the ends of requests (ns, sorted) by both; known to a second.
pub(super) fn compare(a: &[i64], b: &[i64]) -> Option<Fit> {
    if a.len() < FEW || b.len() < FEW {
        return None;
    }
    let from = a.first()?.min(b.first()?) / SECOND - REACH;
    let to = a.last()?.max(b.last()?) / SECOND + REACH;
    let length = usize::try_from(to - from + 1).ok().filter(|n| *n <= 1_000_000)?;
    let (first, second) = (rhythm(a, from, length), rhythm(b, from, length));
    let all: Vec<(i64, f64)> = (-REACH..=REACH).map(|lag| (lag, product(&first, &second, lag))).collect();
    let (best, top) = all.iter().copied().max_by(|x, y| x.1.total_cmp(&y.1).then(y.0.abs().cmp(&x.0.abs())))?;
    let others: Vec<f64> = all.iter().filter(|(lag, _)| (lag - best).abs() > 2).map(|(_, value)| *value).collect();
    let mean = others.iter().sum::<f64>() / others.len() as f64;
    let deviation = (others.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / others.len() as f64).sqrt();
    let next = others.iter().copied().fold(f64::MIN, f64::max);
    if top <= 0.0 || top < mean + ABOVE * deviation || next > NEXT * top {
        return None;
    }
    // A difference between two whole seconds shows at both, in proportion.
    let near = all.iter().filter(|(lag, value)| (lag - best).abs() <= 1 && *value > 0.0);
    let (sum, weight) = near.fold((0.0, 0.0), |(s, w), (lag, value)| (s + *lag as f64 * value, w + value));
    let offset = sum / weight * SECOND as f64;
    let segments = vec![Segment { from: i64::MIN, at: *b.first()?, offset, drift: 0.0 }];
    Some(Fit { segments, bound: SECOND, one_sided: false })
}

/// Events a second, less their mean around.
fn rhythm(times: &[i64], from: i64, length: usize) -> Vec<f64> {
    let mut counts = vec![0.0; length];
    for time in times {
        if let Some(slot) = usize::try_from(time.div_euclid(SECOND) - from).ok().and_then(|at| counts.get_mut(at)) {
            *slot += 1.0;
        }
    }
    let mut sums = vec![0.0];
    for count in &counts {
        sums.push(sums.last().copied().unwrap_or(0.0) + count);
    }
    let around = |at: usize| {
        let (low, high) = (at.saturating_sub(TREND), (at + TREND + 1).min(length));
        let sum = sums.get(high).copied().unwrap_or(0.0) - sums.get(low).copied().unwrap_or(0.0);
        sum / (high - low) as f64
    };
    counts.iter().enumerate().map(|(at, count)| count - around(at)).collect()
}

/// The sum of products of the first with the second `lag` seconds later.
fn product(a: &[f64], b: &[f64], lag: i64) -> f64 {
    let skip = |n: i64| usize::try_from(n.max(0)).unwrap_or(0);
    a.iter().skip(skip(-lag)).zip(b.iter().skip(skip(lag))).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::clock::offset;

    #[test]
    fn the_difference_is_found_to_a_second_or_not_claimed() {
        let mut seed = 88_172_645_463_325_252_u64;
        let mut draw = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 11) as f64 / (1u64 << 53) as f64
        };
        #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
        let mut times: Vec<i64> = (0..3000).map(|_| (draw() * 300e9) as i64).collect();
        times.sort_unstable();
        let later: Vec<i64> = times.iter().map(|t| t + 4_200_000_000).collect();
        let cut: Vec<i64> = times.iter().map(|t| t / SECOND * SECOND).collect();
        let found = compare(&cut, &later).unwrap();
        assert!((offset(&found.segments, 0) - 4_200_000_000).abs() < found.bound / 2, "{found:?}");
        // The same number of requests at other moments has no difference at which it fits.
        #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
        let mut stranger: Vec<i64> = (0..3000).map(|_| (draw() * 300e9) as i64).collect();
        stranger.sort_unstable();
        assert_eq!(compare(&cut, &stranger), None);
    }
}
