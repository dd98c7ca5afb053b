//! The few distributions that findings need, exact where the counts are small: binomial and rate-ratio intervals, Fisher's
//! test, and the control of false discoveries. Every loop has a bound, so no input can hang a report.

use std::f64::consts::PI;

/// Half of the error that a 95 % interval leaves on each side.
const HALF: f64 = 0.025;
/// The 97.5 % point of the normal distribution: the half-width of a 95 % interval in standard errors.
pub const Z95: f64 = 1.959_963_984_540_054;
/// Steps of a continued fraction before it is taken as it stands; it needs about the root of its larger argument.
const STEPS: u32 = 20_000;

/// The logarithm of the gamma function for `x > 0`; infinite at 0, not a number below.
/// Source: C. Lanczos, "A precision approximation of the gamma function", SIAM J. Numer. Anal. 1 (1964), with g = 7.
pub fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        // The reflection of the formula, which holds for larger arguments only.
        return (PI / (PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let (mut sum, mut at) = (0.999_999_999_999_809_9, x);
    for term in TERMS {
        at += 1.0;
        sum += term / at;
    }
    let t = x + 7.5;
    0.5 * (2.0 * PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The logarithm of the number of ways to choose `k` of `n`; minus infinity where there is none.
pub fn ln_choose(n: u64, k: u64) -> f64 {
    if k > n {
        return f64::NEG_INFINITY;
    }
    ln_gamma(n as f64 + 1.0) - ln_gamma(k as f64 + 1.0) - ln_gamma((n - k) as f64 + 1.0)
}

/// The regularised incomplete beta function, the probability that a Beta(a, b) variable is at most `x`; `a` and `b` positive.
/// Source: the continued fraction of Abramowitz & Stegun 26.5.8, evaluated by Lentz's method.
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    // The fraction converges fast on one side of the mean only.
    if x < (a + 1.0) / (a + b + 2.0) { front * fraction(x, a, b) / a } else { 1.0 - front * fraction(1.0 - x, b, a) / b }
}

fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let kept = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut up = 1.0;
    let mut down = 1.0 / kept(1.0 - (a + b) * x / (a + 1.0));
    let mut value = down;
    for step in (1..=STEPS).map(f64::from) {
        let (near, next) = (a + 2.0 * step, a + step);
        for term in [step * (b - step) * x / ((near - 1.0) * near), -next * (next + b) * x / (near * (near + 1.0))] {
            down = 1.0 / kept(1.0 + term * down);
            up = kept(1.0 + term / up);
            value *= down * up;
        }
        if (down * up - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// The value below which a Beta(a, b) variable lies with probability `p`, by halving.
pub fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if beta_cdf(middle, a, b) < p {
            low = middle;
        } else {
            high = middle;
        }
        if high - low <= 1e-14 * high {
            break;
        }
    }
    f64::midpoint(low, high)
}

/// The value below which a standard normal variable lies with probability `p`, to nine digits; infinite at 0 and 1.
/// Source: P. J. Acklam, "An algorithm for computing the inverse normal cumulative distribution function" (2003).
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416, 1.0];
    let polynomial = |terms: &[f64], x: f64| terms.iter().fold(0.0, |sum, term| sum * x + term);
    let tail = |p: f64| {
        let q = (-2.0 * p.ln()).sqrt();
        polynomial(&C, q) / polynomial(&D, q)
    };
    if p <= 0.0 {
        f64::NEG_INFINITY
    } else if p >= 1.0 {
        f64::INFINITY
    } else if p < 0.024_25 {
        tail(p)
    } else if p > 1.0 - 0.024_25 {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        q * polynomial(&A, q * q) / polynomial(&B, q * q)
    }
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
    let value = match hits {
        (0, 0) => 1.0,
        (_, 0) => f64::INFINITY,
        _ => hits.0 as f64 / hits.1 as f64 * exposure,
    };
    Some(Ratio { value, low: odds(low), high: odds(high) })
}

/// Fisher's exact test, two-sided, of a table with the rows `(a, b)` and `(c, d)`: the probability, with the margins given,
/// of a table at most as probable as this one.
pub fn fisher((a, b): (u64, u64), (c, d): (u64, u64)) -> f64 {
    let (row, column, all) = (a + b, a + c, a + b + c + d);
    let (least, most) = (column.saturating_sub(c + d), row.min(column));
    let chances = ln_choose(all, column);
    let ln_p = |k: u64| ln_choose(row, k) + ln_choose(all - row, column.saturating_sub(k)) - chances;
    // Equal probabilities differ by rounding.
    let limit = ln_p(a) + 1e-7;
    let mode = u64::try_from(u128::from(row + 1) * u128::from(column + 1) / (u128::from(all) + 2)).unwrap_or(least);
    let mode = mode.clamp(least, most);
    if ln_p(mode) <= limit {
        return 1.0;
    }
    // On each side of the mode the probabilities fall: halve to the first that is small enough, and sum outwards.
    let below = last_true(least, mode, |k| ln_p(k) <= limit);
    let above = last_true(0, most - mode, |back| ln_p(most - back) <= limit).map(|back| most - back);
    let mut sum = 0.0;
    for k in below.map(|k| (least..=k).rev()).into_iter().flatten() {
        if !add(&mut sum, ln_p(k)) {
            break;
        }
    }
    for k in above.map(|k| k..=most).into_iter().flatten() {
        if !add(&mut sum, ln_p(k)) {
            break;
        }
    }
    sum.min(1.0)
}

/// Adds a term; false once terms no longer matter.
fn add(sum: &mut f64, ln_term: f64) -> bool {
    let term = ln_term.exp();
    *sum += term;
    term > *sum * 1e-17
}

/// The last of `from..=to` for which `holds`, which is true up to some point and false after it.
fn last_true(from: u64, to: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    if from > to || !holds(from) {
        return None;
    }
    let (mut low, mut high) = (from, to);
    while low < high {
        let middle = high - (high - low) / 2;
        if holds(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Some(low)
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

    fn close(value: f64, expected: f64) {
        assert!((value - expected).abs() <= 1e-7 * expected.abs().max(1e-9), "{value} is not {expected}");
    }

    #[test]
    fn gamma_and_beta_agree_with_closed_forms() {
        close(ln_gamma(0.5), PI.sqrt().ln());
        close(ln_gamma(11.0), 3_628_800f64.ln());
        close(ln_gamma(1e-3), 6.907_178_885_383_853);
        close(ln_choose(52, 5), 2_598_960f64.ln());
        // Beta(a, 1) has the distribution x^a; Beta(2, 3) that of 6x² - 8x³ + 3x⁴.
        close(beta_cdf(0.3, 7.5, 1.0), 0.3f64.powf(7.5));
        close(beta_cdf(0.5, 2.0, 3.0), 0.6875);
        close(beta_cdf(0.5, 5e5, 5e5), 0.5);
        for (p, a, b) in [(0.025, 41.0, 1.0), (0.5, 0.5, 0.5), (0.975, 3.0, 98_000.0), (0.025, 1.0, 1e7)] {
            close(beta_cdf(beta_quantile(p, a, b), a, b), p);
        }
    }

    #[test]
    fn normal_points_are_the_tables() {
        for (p, z) in [(0.975, Z95), (0.025, -Z95), (0.5, 0.0), (0.999, 3.090_232_306_167_813), (1e-6, -4.753_424_308_822_9)] {
            assert!((normal_quantile(p) - z).abs() < 1e-7, "{p}");
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

    /// Against a plain sum over all tables, and the lady who tasted tea (R. A. Fisher, 1935).
    #[test]
    fn fisher_sums_the_tables_at_most_as_probable() {
        close(fisher((3, 1), (1, 3)), 34.0 / 70.0);
        close(fisher((8, 2), (1, 5)), 280.0 / 8008.0);
        assert_eq!(fisher((0, 0), (3, 4)), 1.0);
        for (a, b, c, d) in [(1, 9, 11, 3), (0, 20, 7, 13), (5, 5, 5, 5), (12, 988, 1, 999), (40, 2, 100, 9000)] {
            let (row, column, all) = (a + b, a + c, a + b + c + d);
            let p = |k: u64| (ln_choose(row, k) + ln_choose(all - row, column - k) - ln_choose(all, column)).exp();
            let range = column.saturating_sub(c + d)..=row.min(column);
            let plain: f64 = range.map(p).filter(|x| *x <= p(a) * (1.0 + 1e-7)).sum();
            close(fisher((a, b), (c, d)), plain);
        }
        assert!(fisher((500_000, 500_000), (499_000, 501_000)) > 0.1);
        assert!(fisher((1_000, 0), (0, 1_000_000)) < 1e-300);
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
