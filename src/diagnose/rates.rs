//! Is one rate higher than another: intervals, not verdicts.
//!
//! Sources: conditional (Clopper–Pearson) interval of a ratio of Poisson rates: J. Przyborowski, H. Wilenski, Biometrika 31
//! (1940); the incomplete beta function by Lentz's continued fraction and Lanczos' approximation of ln Γ.

/// A ratio with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// The ratio; infinite where the second rate is zero.
    pub ratio: f64,
    /// Lower end, 0 or more.
    pub low: f64,
    /// Upper end, infinite where nothing bounds it.
    pub high: f64,
}

/// The rate `events / exposure` of the first over that of the second. Exposure is seconds or requests. Exact, given the sum
/// of the events. `None` without events or exposure.
pub fn rate_ratio(first: (u64, f64), second: (u64, f64)) -> Option<Ratio> {
    let (a, b) = (first.0 as f64, second.0 as f64);
    if a + b == 0.0 || first.1 <= 0.0 || second.1 <= 0.0 {
        return None;
    }
    let scale = second.1 / first.1;
    // Given the sum, the first count is binomial with probability π = ρ / (ρ + scale).
    let odds = |p: f64| if p >= 1.0 { f64::INFINITY } else { p / (1.0 - p) * scale };
    let low = if a == 0.0 { 0.0 } else { odds(beta_quantile(a, b + 1.0, 0.025)) };
    let high = if b == 0.0 { f64::INFINITY } else { odds(beta_quantile(a + 1.0, b, 0.975)) };
    Some(Ratio { ratio: if b == 0.0 { f64::INFINITY } else { a / b * scale }, low, high })
}

/// The probability of `least` or more events where `mean` are expected (Poisson).
pub fn poisson_tail(least: u64, mean: f64) -> f64 {
    if least == 0 {
        return 1.0;
    }
    if mean <= 0.0 {
        return 0.0;
    }
    let mut term = (-mean + (least as f64) * mean.ln() - ln_gamma(least as f64 + 1.0)).exp();
    if least as f64 <= mean {
        // The sum from the left is shorter and exact enough.
        let mut below = 0.0;
        let mut left = (-mean).exp();
        for k in 0..least {
            below += left;
            left *= mean / (k as f64 + 1.0);
        }
        return (1.0 - below).clamp(0.0, 1.0);
    }
    let (mut sum, mut k) = (0.0, least as f64);
    while term > sum * 1e-12 && term > 0.0 {
        sum += term;
        k += 1.0;
        term *= mean / k;
    }
    sum.min(1.0)
}

/// The `q` quantile of the beta distribution, by bisection of the incomplete beta function.
pub fn beta_quantile(a: f64, b: f64, q: f64) -> f64 {
    let (mut low, mut high) = (0.0f64, 1.0f64);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if incomplete_beta(a, b, middle) < q {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The regularised incomplete beta function I_x(a, b).
pub fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    if x < (a + 1.0) / (a + b + 2.0) { front * fraction(a, b, x) / a } else { 1.0 - front * fraction(b, a, 1.0 - x) / b }
}

/// Lentz's evaluation of the continued fraction of the incomplete beta function.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let safe = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut above = 1.0;
    let mut below = 1.0 / safe(1.0 - (a + b) * x / (a + 1.0));
    let mut value = below;
    // The number of steps needed grows with the root of the larger parameter.
    for step in (1..2000).map(f64::from) {
        for term in [
            step * (b - step) * x / ((a + 2.0 * step - 1.0) * (a + 2.0 * step)),
            -(a + step) * (a + b + step) * x / ((a + 2.0 * step) * (a + 2.0 * step + 1.0)),
        ] {
            below = 1.0 / safe(1.0 + term * below);
            above = safe(1.0 + term / above);
            value *= above * below;
        }
        if (above * below - 1.0).abs() < 1e-14 {
            break;
        }
    }
    value
}

/// ln Γ(x) for positive x.
pub fn ln_gamma(x: f64) -> f64 {
    const LANCZOS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let series = LANCZOS.iter().zip(1..).fold(0.999_999_999_999_809_9, |sum, (c, i)| sum + c / (x + f64::from(i)));
    let t = x + 7.5;
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + series.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-4 * b.abs().max(1.0)
    }

    #[test]
    fn beta_quantiles_agree_with_tables() {
        // Clopper–Pearson for 3 of 10: 0.0667 to 0.6525.
        assert!(near(beta_quantile(3.0, 8.0, 0.025), 0.066_739_5), "{}", beta_quantile(3.0, 8.0, 0.025));
        assert!(near(beta_quantile(4.0, 7.0, 0.975), 0.652_452_8), "{}", beta_quantile(4.0, 7.0, 0.975));
        assert!(near(beta_quantile(1.0, 1.0, 0.3), 0.3));
        assert!(near(beta_quantile(50_000.0, 50_000.0, 0.5), 0.5));
    }

    #[test]
    fn rate_ratios_hold_their_intervals() {
        let same = rate_ratio((100, 60.0), (100, 60.0)).unwrap();
        assert!(
            near(same.ratio, 1.0) && same.low < 0.77 && same.low > 0.74 && same.high > 1.30 && same.high < 1.34,
            "{same:?}"
        );
        let none = rate_ratio((8, 10.0), (0, 10.0)).unwrap();
        assert!(none.ratio.is_infinite() && none.high.is_infinite() && none.low > 1.4, "{none:?}");
        let fewer = rate_ratio((0, 10.0), (8, 10.0)).unwrap();
        assert!(fewer.low == 0.0 && fewer.high < 0.7, "{fewer:?}");
        assert_eq!(rate_ratio((0, 1.0), (0, 1.0)), None);
    }

    #[test]
    fn poisson_tails() {
        assert!(near(poisson_tail(3, 1.0), 0.080_301_4), "{}", poisson_tail(3, 1.0));
        assert!(near(poisson_tail(10, 20.0), 0.995_004_6), "{}", poisson_tail(10, 20.0));
        assert!(poisson_tail(50, 1.0) < 1e-60 && near(poisson_tail(0, 0.0), 1.0) && poisson_tail(1, 0.0) == 0.0);
    }
}
