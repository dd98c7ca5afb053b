//! How often a call site forgets to give back what it borrowed, and whether that explains what the pool lost.

use super::curve::{Curve, Life};
use crate::correlate::distributions::{Z95, clopper_pearson};

/// The share of borrows that never come back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LeakRate {
    /// Share, 0 to 1.
    pub share: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Borrows that it rests on.
    pub of: u64,
}

impl LeakRate {
    /// Leaks per thousand borrows: as estimated, lower end, upper end.
    pub fn per_1000(&self) -> (f64, f64, f64) {
        (self.share * 1000.0, self.low * 1000.0, self.high * 1000.0)
    }
}

/// The leak rate of the borrows of one place, from the plateau of their survival curve: all of them belong in, those that
/// are still open too. `None` without any borrow.
///
/// Other than "leaked by borrowed", this counts young sessions for neither side, so that a burst of borrows just before the
/// log's end does not dilute the rate.
pub fn leak_rate(lives: &[Life]) -> Option<LeakRate> {
    let of = lives.len() as u64;
    if of == 0 {
        return None;
    }
    let curve = Curve::new(lives.iter().copied());
    let share = curve.plateau();
    let (low, high) = match curve.interval(curve.longest()) {
        Some(interval) => interval,
        // None left, or none closed: the curve's variance says nothing, the binomial interval does.
        None if share <= 0.0 => (0.0, clopper_pearson(0, of).1),
        None => (clopper_pearson(of, of).0, 1.0),
    };
    Some(LeakRate { share, low, high, of })
}

/// A slope with its 95 % interval, per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// The median of all slopes between two points.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Points kept for a slope: all pairs are looked at, and more points than this say no more about a trend.
const POINTS: usize = 720;

/// The slope of a series that may hold outliers; `None` for fewer than 10 points or no time between them.
/// Points are `(seconds, value)` in the order of time. Source: P. K. Sen, JASA 63 (1968), with his interval from the ranks.
pub fn theil_sen(points: &[(f64, f64)]) -> Option<Slope> {
    let every = points.len().div_ceil(POINTS).max(1);
    let points: Vec<(f64, f64)> = points.iter().step_by(every).copied().collect();
    let n = points.len() as f64;
    if points.len() < 10 {
        return None;
    }
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (at, (t, v)) in points.iter().enumerate() {
        let later = points.iter().skip(at + 1).filter(|(u, _)| u > t);
        slopes.extend(later.map(|(u, w)| (w - v) / (u - t)));
    }
    slopes.sort_by(f64::total_cmp);
    let all = slopes.len() as f64;
    let reach = Z95 * (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
    let pick = |rank: f64| {
        // Clamped to the slice: the cast cannot truncate.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the slice")]
        let at = rank.clamp(0.0, all - 1.0) as usize;
        slopes.get(at).copied()
    };
    let value = f64::midpoint(pick((all - 1.0) / 2.0)?, pick(all / 2.0)?);
    Some(Slope { value, low: pick((all - reach) / 2.0 - 1.0)?, high: pick(f64::midpoint(all, reach))? })
}

/// One place's share of the loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drain {
    /// Borrows per second.
    pub borrows_per_second: f64,
    /// Its leak rate.
    pub rate: LeakRate,
}

/// Whether the leaks found explain the growth seen: what does not come back must stay in use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conservation {
    /// Growth of the number in use, per second, as seen.
    pub seen: Slope,
    /// Growth that the leaks found would cause, per second.
    pub explained: Slope,
}

impl Conservation {
    /// True where the two intervals meet: the story fits.
    pub fn holds(&self) -> bool {
        self.seen.low <= self.explained.high && self.explained.low <= self.seen.high
    }

    /// Seconds until `free` connections are gone at the explained rate; `None` where nothing is lost.
    pub fn exhausted_after(&self, free: f64) -> Option<f64> {
        (self.explained.value > 0.0).then(|| free.max(0.0) / self.explained.value)
    }
}

/// Compares the growth of the number in use, `(seconds, in use)` while the pool was not full, with the sum over all places
/// of borrows per second times leak rate. `None` where there are too few points.
pub fn conservation(in_use: &[(f64, f64)], drains: &[Drain]) -> Option<Conservation> {
    let seen = theil_sen(in_use)?;
    let value: f64 = drains.iter().map(|d| d.borrows_per_second * d.rate.share).sum();
    // Places err independently of each other: their half-widths add like standard errors.
    let spread = |end: fn(&LeakRate) -> f64| {
        drains.iter().map(|d| (d.borrows_per_second * (end(&d.rate) - d.rate.share)).powi(2)).sum::<f64>().sqrt()
    };
    let explained = Slope { value, low: (value - spread(|r| r.low)).max(0.0), high: value + spread(|r| r.high) };
    Some(Conservation { seen, explained })
}

#[cfg(test)]
mod tests {
    use super::super::simulation::Random;
    use super::*;

    /// What the plateau estimates, and how often its interval holds the truth: true 0, 5 and 20 per 1000.
    #[test]
    fn the_plateau_is_the_leak_rate() {
        let mut random = Random::new(7);
        for truth in [0.0, 0.005, 0.02] {
            let (mut sum, mut covered) = (0.0, 0);
            for _ in 0..100 {
                let sessions = random.sessions(5.0, 600.0, truth, 1.5);
                let lives: Vec<Life> = sessions.iter().map(|s| s.life(600.0)).collect();
                let rate = leak_rate(&lives).unwrap();
                sum += rate.share;
                covered += i32::from(rate.low <= truth && truth <= rate.high);
            }
            let mean = sum / 100.0;
            assert!((mean - truth).abs() < 0.000_4, "true {truth}: {mean}");
            assert!(covered >= 90, "true {truth}: the interval holds it in {covered} of 100");
        }
    }

    #[test]
    fn slopes_withstand_outliers() {
        let mut points: Vec<(f64, f64)> = (0..60).map(|i| (f64::from(i) * 10.0, 3.0 + f64::from(i) * 0.5)).collect();
        for spike in points.iter_mut().step_by(13) {
            spike.1 += 500.0;
        }
        let slope = theil_sen(&points).unwrap();
        assert!((slope.value - 0.05).abs() < 1e-3 && slope.low <= 0.05 && slope.high >= 0.05, "{slope:?}");
        assert_eq!(theil_sen(&points[..9]), None);
        let flat = theil_sen(&(0..5000).map(|i| (f64::from(i), 4.0)).collect::<Vec<_>>()).unwrap();
        assert_eq!((flat.low, flat.value, flat.high), (0.0, 0.0, 0.0));
    }

    #[test]
    fn what_leaks_stays_in_use() {
        let mut random = Random::new(3);
        let sessions = random.sessions(10.0, 600.0, 0.01, 1.0);
        let lives: Vec<Life> = sessions.iter().map(|s| s.life(600.0)).collect();
        let drain = Drain { borrows_per_second: sessions.len() as f64 / 600.0, rate: leak_rate(&lives).unwrap() };
        let in_use = |t: f64| sessions.iter().filter(|s| s.start <= t && s.end().is_none_or(|e| e > t)).count() as f64;
        let series: Vec<(f64, f64)> = (0..60).map(|i| f64::from(i) * 10.0).map(|t| (t, in_use(t))).collect();
        let fits = conservation(&series, &[drain]).unwrap();
        assert!(fits.holds(), "{fits:?}");
        let after = fits.exhausted_after(20.0).unwrap();
        assert!((120.0..320.0).contains(&after), "{after}");
        // The same growth without any leak found is not explained.
        assert!(!conservation(&series, &[]).unwrap().holds());
    }
}
