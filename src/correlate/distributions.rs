//! Exact intervals and tests where counts are small, and the control of false discoveries among many tests.
//!
//! The special functions are statrs'; its inverse of the beta distribution is not used, because its iteration does not
//! end for some shapes, Beta(1, 10^7) among them.

use statrs::distribution::{Discrete, Hypergeometric};
use statrs::function::beta::{checked_beta_reg, ln_beta};

/// Half of the error that a 95 % interval leaves on each side.
const HALF: f64 = 0.025;
/// The 97.5 % point of the normal distribution: the half-width of a 95 % interval in standard errors.
pub const Z95: f64 = 1.959_963_984_540_054;

/// The value below which a Beta(a, b) variable lies with probability `p`, by Newton's method between bounds that close in;
/// `a` and `b` positive.
fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let scale = ln_beta(a, b);
    let (mut low, mut high) = (0.0, 1.0);
    let mut at = a / (a + b);
    for _ in 0..200 {
        let Ok(below) = checked_beta_reg(a, b, at) else { break };
        if below < p {
            low = at;
        } else {
            high = at;
        }
        let density = ((a - 1.0) * at.ln() + (b - 1.0) * (-at).ln_1p() - scale).exp();
        let next = at - (below - p) / density;
        // Where the curve is flat a step leads out of the bounds, or nowhere; half the way is always right.
        let next = if next > low && next < high { next } else { f64::midpoint(low, high) };
        let moved = (next - at).abs();
        at = next;
        if moved <= 1e-13 * at || high - low <= 1e-14 * high {
            break;
        }
    }
    at
}

/// The exact 95 % interval of a share, `hits` of `of`: low and high, 0 to 1.
/// Source: C. J. Clopper, E. S. Pearson, Biometrika 26 (1934).
pub fn clopper_pearson(hits: u64, of: u64) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let hits = hits.min(of);
    let (x, rest) = (hits as f64, (of - hits) as f64);
    let low = if hits == 0 { 0.0 } else { beta_quantile(HALF, x, rest + 1.0) };
    let high = if hits == of { 1.0 } else { beta_quantile(1.0 - HALF, x + 1.0, rest) };
    (low, high)
}

/// A ratio of two rates with its exact 95 % interval; `high` and `value` are infinite where the second rate is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// The ratio as counted.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The ratio of the rate `hits.0` in `of.0` to the rate `hits.1` in `of.1`, or `None` without exposure on both sides.
/// Given the sum of hits, the first count is binomial; the interval of its share is turned into one of the ratio.
/// Source: J. Przyborowski, H. Wilenski, Biometrika 31 (1940), with the Clopper-Pearson interval.
pub fn rate_ratio(hits: (u64, u64), of: (u64, u64)) -> Option<Ratio> {
    if of.0 == 0 || of.1 == 0 {
        return None;
    }
    let exposure = of.1 as f64 / of.0 as f64;
    let odds = |share: f64| if share >= 1.0 { f64::INFINITY } else { share / (1.0 - share) * exposure };
    let (low, high) = clopper_pearson(hits.0, hits.0 + hits.1);
    let value = rate_ratio_value(hits, of)?;
    Some(Ratio { value, low: odds(low), high: odds(high) })
}

/// The ratio of [`rate_ratio`] as counted, without its interval.
pub fn rate_ratio_value(hits: (u64, u64), of: (u64, u64)) -> Option<f64> {
    if of.0 == 0 || of.1 == 0 {
        return None;
    }
    Some(match hits {
        (0, 0) => 1.0,
        (_, 0) => f64::INFINITY,
        _ => hits.0 as f64 / hits.1 as f64 * (of.1 as f64 / of.0 as f64),
    })
}

/// How likely it is, were both rates the same, that of `hits.0 + hits.1` as many as `hits.0` or more fall to the first side:
/// one-sided, given the sum, which makes the first count binomial. 1 without exposure on both sides.
/// Source: J. Przyborowski, H. Wilenski, Biometrika 31 (1940).
pub fn rate_greater(hits: (u64, u64), of: (u64, u64)) -> f64 {
    if hits.0 == 0 || of.0 == 0 || of.1 == 0 {
        return 1.0;
    }
    let share = of.0 as f64 / (of.0 as f64 + of.1 as f64);
    checked_beta_reg(hits.0 as f64, hits.1 as f64 + 1.0, share).unwrap_or(1.0)
}

/// Fisher's exact test, one-sided: how likely it is that, of `a + b` hits among `a + b + c + d` things, `a` or more fall
/// into the group of `a + c` by chance. Source: R. A. Fisher, "The design of experiments" (1935), hypergeometric tail.
///
/// A table that has no more than its share there is 1: nobody asks how far below it is.
pub fn fisher_greater(a: u64, b: u64, c: u64, d: u64) -> f64 {
    let (hits, group, all) = (a + b, a + c, a + b + c + d);
    let expected = u128::from(hits) * u128::from(group) / u128::from(all.max(1));
    if u128::from(a) <= expected {
        return 1.0;
    }
    let Ok(tables) = Hypergeometric::new(all, hits, group) else { return 1.0 };
    let mut sum = 0.0;
    for k in a..=hits.min(group) {
        let term = tables.ln_pmf(k).exp();
        sum += term;
        // Beyond the middle the terms fall faster and faster.
        if term <= sum * 1e-17 {
            break;
        }
    }
    sum.min(1.0)
}

/// How false discoveries among many tests are held down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Control {
    /// For tests that are independent or depend positively on one another.
    /// Source: Y. Benjamini, Y. Hochberg, J. R. Statist. Soc. B 57 (1995).
    #[default]
    BenjaminiHochberg,
    /// For tests that depend on one another in whatever way: stricter.
    /// Source: Y. Benjamini, D. Yekutieli, Ann. Statist. 29 (2001).
    BenjaminiYekutieli,
}

/// The q value of each p value: the smallest share of false discoveries at which its test is still a discovery.
pub fn q_values(p: &[f64], control: Control) -> Vec<f64> {
    let count = p.len() as f64;
    let strict = match control {
        Control::BenjaminiHochberg => 1.0,
        Control::BenjaminiYekutieli => (1..=p.len()).map(|i| 1.0 / i as f64).sum(),
    };
    let mut order: Vec<(usize, f64)> = p.iter().copied().enumerate().collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut q = vec![1.0; p.len()];
    let mut least = 1.0f64;
    for (before, (index, value)) in order.iter().enumerate().rev() {
        least = least.min(value * count * strict / (before + 1) as f64);
        if let Some(slot) = q.get_mut(*index) {
            *slot = least;
        }
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// The interval holds the share, and narrows with more of the same.
        #[test]
        fn intervals_hold_what_was_seen(hits in 0u64..500, misses in 0u64..500) {
            let of = hits + misses;
            let share = hits as f64 / of.max(1) as f64;
            let (low, high) = clopper_pearson(hits, of);
            prop_assert!((0.0..=1.0).contains(&low) && low <= high && high <= 1.0);
            prop_assert!(of == 0 || (low <= share && share <= high));
            let (more_low, more_high) = clopper_pearson(hits * 10, of * 10);
            prop_assert!(of == 0 || more_high - more_low < high - low);
        }

        /// Swapping the two sides turns the ratio over.
        #[test]
        fn a_ratio_turned_over_is_its_inverse(a in 1u64..60, b in 1u64..60, n in 60u64..5000, m in 60u64..5000) {
            let (one, other) = (rate_ratio((a, b), (n, m)).unwrap(), rate_ratio((b, a), (m, n)).unwrap());
            prop_assert!((one.value * other.value - 1.0).abs() < 1e-9);
            prop_assert!((one.low * other.high - 1.0).abs() < 1e-6 && (one.high * other.low - 1.0).abs() < 1e-6);
            prop_assert!(one.low <= one.value && one.value <= one.high);
        }

        /// More leaks in the group are never likelier by chance.
        #[test]
        fn fisher_falls_with_the_hits(a in 0u64..40, b in 0u64..40, c in 0u64..400, d in 0u64..400) {
            let p = fisher_greater(a, b, c, d);
            prop_assert!((0.0..=1.0).contains(&p));
            if b > 0 && c > 0 {
                // One hit more in the group, the margins kept.
                prop_assert!(fisher_greater(a + 1, b - 1, c - 1, d + 1) <= p + 1e-12);
            }
        }

        /// A q value is never below its p value, keeps the order, and Benjamini-Yekutieli's is never below the other.
        #[test]
        fn q_values_keep_the_order(p in prop::collection::vec(0.0f64..1.0, 0..60)) {
            let (q, strict) = (q_values(&p, Control::BenjaminiHochberg), q_values(&p, Control::BenjaminiYekutieli));
            for i in 0..p.len() {
                prop_assert!(q[i] >= p[i] - 1e-12 && q[i] <= 1.0 && strict[i] >= q[i]);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || q[i] <= q[j]);
                }
            }
        }
    }

    fn close(value: f64, expected: f64) {
        assert!((value - expected).abs() <= 1e-7 * expected.abs().max(1e-9), "{value} is not {expected}");
    }

    #[test]
    fn quantiles_invert_the_beta_distribution() {
        // Beta(a, 1) has the distribution x^a; Beta(2, 3) that of 6x² - 8x³ + 3x⁴.
        close(beta_quantile(0.3f64.powf(7.5), 7.5, 1.0), 0.3);
        close(beta_quantile(0.6875, 2.0, 3.0), 0.5);
        assert!((beta_quantile(0.5, 5e5, 5e5) - 0.5).abs() < 1e-5);
        for (p, a, b) in [(0.025, 41.0, 1.0), (0.5, 0.5, 0.5), (0.975, 3.0, 98_000.0), (0.025, 1.0, 1e7), (0.975, 1e6, 1e7)] {
            close(checked_beta_reg(a, b, beta_quantile(p, a, b)).unwrap(), p);
        }
    }

    /// The values that R's `binom.test` gives.
    #[test]
    fn exact_intervals() {
        let (low, high) = clopper_pearson(5, 10);
        close(low, 0.187_086_028_447_398_55);
        close(high, 0.812_913_971_552_601_4);
        close(clopper_pearson(0, 10).1, 1.0 - 0.025f64.powf(0.1));
        close(clopper_pearson(41, 41).0, 0.025f64.powf(1.0 / 41.0));
        assert_eq!(clopper_pearson(0, 0), (0.0, 1.0));
    }

    #[test]
    fn a_rate_ratio_scales_with_exposure() {
        let ratio = rate_ratio((11, 3), (1000, 1000)).unwrap();
        let (low, high) = clopper_pearson(11, 14);
        close(ratio.value, 11.0 / 3.0);
        close(ratio.low, low / (1.0 - low));
        close(ratio.high, high / (1.0 - high));
        let ratio = rate_ratio((41, 0), (41, 9812)).unwrap();
        assert!(ratio.value.is_infinite() && ratio.high.is_infinite() && ratio.low > 2000.0, "{ratio:?}");
        assert_eq!(rate_ratio((1, 1), (0, 5)), None);
    }

    /// The binomial tail, by adding it up; and the interval of the ratio leaves 1 out where the test at 2.5 % does.
    #[test]
    fn rates_are_tested_exactly() {
        close(rate_greater((60, 0), (3, 1)), 0.75f64.powi(60));
        close(rate_greater((8, 2), (5, 5)), (45.0 + 10.0 + 1.0) / 1024.0);
        assert_eq!((rate_greater((0, 7), (5, 5)), rate_greater((7, 0), (0, 5))), (1.0, 1.0));
        for hits in 1..30 {
            let below = rate_greater((hits, 12), (700, 1000)) < HALF;
            assert_eq!(below, rate_ratio((hits, 12), (700, 1000)).unwrap().low > 1.0, "{hits}");
        }
    }

    /// The lady tasting tea: all four cups of four right is one way of seventy. And a table too large to list.
    #[test]
    fn fisher_is_the_hypergeometric_tail() {
        close(fisher_greater(4, 0, 0, 4), 1.0 / 70.0);
        close(fisher_greater(3, 1, 1, 3), 17.0 / 70.0);
        close(fisher_greater(0, 5, 3, 9), 1.0);
        close(fisher_greater(0, 0, 0, 0), 1.0);
        for (a, b, c, d) in [(11, 1, 3, 9), (12, 1, 988, 999), (40, 100, 2, 9000)] {
            let (hits, group, all) = (a + b, a + c, a + b + c + d);
            let ln_choose = statrs::function::factorial::ln_binomial;
            let p = |k: u64| (ln_choose(hits, k) + ln_choose(all - hits, group - k) - ln_choose(all, group)).exp();
            close(fisher_greater(a, b, c, d), (a..=hits.min(group)).map(p).sum());
        }
        assert!(fisher_greater(1_000, 0, 0, 1_000_000) < 1e-300);
        assert!(fisher_greater(500_100, 499_900, 499_900, 500_100) > 0.1);
    }

    #[test]
    fn q_values_step_up() {
        let q = q_values(&[0.04, 0.01, 0.5, 0.02], Control::BenjaminiHochberg);
        for (q, expected) in q.iter().zip([0.16 / 3.0, 0.04, 0.5, 0.04]) {
            close(*q, expected);
        }
        let strict = q_values(&[0.04, 0.01, 0.5, 0.02], Control::BenjaminiYekutieli);
        close(strict[1], 0.04 * (1.0 + 0.5 + 1.0 / 3.0 + 0.25));
        assert!(q_values(&[], Control::BenjaminiHochberg).is_empty());
    }
}
