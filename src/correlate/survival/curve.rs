//! How long sessions last: the Kaplan-Meier curve, its interval, and the time that sessions spend above an age.

use crate::correlate::distributions::Z95;

/// What was seen of one session's life, in seconds since it opened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Life {
    /// The age at which it was first under observation: 0, or more where the log begins after it opened.
    pub entry: f64,
    /// The age at which it closed, or at which it was last known to be open.
    pub age: f64,
    /// True where it closed at that age.
    pub closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    age: f64,
    survival: f64,
    /// Greenwood's sum up to here.
    sum: f64,
}

/// A Kaplan-Meier curve: the share of sessions that are still open at an age.
/// Source: E. L. Kaplan, P. Meier, JASA 53 (1958); entry after the start as in O. Aalen, Ann. Statist. 6 (1978).
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    steps: Vec<Step>,
}

impl Curve {
    /// The curve of some lives, in any order.
    pub fn new(lives: impl IntoIterator<Item = Life>) -> Curve {
        let mut lives: Vec<Life> = lives.into_iter().filter(|l| l.age >= l.entry && l.age.is_finite()).collect();
        lives.sort_by(|a, b| a.age.total_cmp(&b.age).then(a.closed.cmp(&b.closed)));
        let mut entries: Vec<f64> = lives.iter().map(|l| l.entry).collect();
        entries.sort_by(f64::total_cmp);
        let (mut survival, mut sum) = (1.0, 0.0);
        let mut steps: Vec<Step> = Vec::new();
        let (mut entered, mut left) = (0usize, 0usize);
        for same in lives.chunk_by(|a, b| a.age.total_cmp(&b.age).is_eq()) {
            let Some(age) = same.first().map(|l| l.age) else { continue };
            // One that opens and closes at the same moment was at risk at that moment.
            while entries.get(entered).is_some_and(|entry| *entry < age || (*entry == 0.0 && age == 0.0)) {
                entered += 1;
            }
            let (at_risk, closed) = (entered.saturating_sub(left) as f64, same.iter().filter(|l| l.closed).count() as f64);
            left += same.len();
            // A risk set of late entries that all close would end the curve for the many that come after it.
            let last = left >= lives.len();
            if closed > 0.0 && (at_risk > closed || (last && at_risk >= closed)) {
                survival *= 1.0 - closed / at_risk;
                if at_risk > closed {
                    sum += closed / (at_risk * (at_risk - closed));
                }
                steps.push(Step { age, survival, sum });
            }
        }
        Curve { steps }
    }

    /// The share still open just after an age.
    pub fn at(&self, age: f64) -> f64 {
        self.step(age).map_or(1.0, |s| s.survival)
    }

    /// The 95 % interval of that share, on the log-log scale, which stays within 0 and 1.
    /// Source: Greenwood's variance (1926); J. D. Kalbfleisch, R. L. Prentice, "The Statistical Analysis of Failure Time
    /// Data" (1980), section 1.4. `None` where the share is 0 or 1: there the scale has no value.
    pub fn interval(&self, age: f64) -> Option<(f64, f64)> {
        let step = self.step(age).filter(|s| s.survival > 0.0 && s.survival < 1.0)?;
        let width = Z95 * step.sum.sqrt() / step.survival.ln().abs();
        Some((step.survival.powf(width.exp()), step.survival.powf((-width).exp())))
    }

    /// The share that never closed: where the curve ends.
    pub fn plateau(&self) -> f64 {
        self.steps.last().map_or(1.0, |s| s.survival)
    }

    /// The age of the last close; 0 without any.
    pub fn longest(&self) -> f64 {
        self.steps.last().map_or(0.0, |s| s.age)
    }

    fn step(&self, age: f64) -> Option<&Step> {
        self.steps.partition_point(|s| s.age <= age).checked_sub(1).and_then(|i| self.steps.get(i))
    }
}

/// The time that one session spends above an age, on average, if it is healthy: the curve's integral from there on.
///
/// Sessions open at one moment are a biased sample: long ones are met more often. The share of them that is older than an
/// age is the integral above it divided by the whole integral (the equilibrium distribution of renewal theory: D. R. Cox,
/// "Renewal Theory" (1962), section 5.2), not the curve itself, which calls too many of them strange. Beyond the longest
/// close seen of `n` the curve is held at 1/(n+1) and falls with the square of the age from there, a Pareto tail.
#[derive(Debug, Clone, PartialEq)]
pub struct Tail {
    /// Age, survival from there on, and the integral from there to the longest.
    steps: Vec<(f64, f64, f64)>,
    floor: f64,
    longest: f64,
}

impl Tail {
    /// The tail of a curve that rests on `n` closes.
    pub fn new(curve: &Curve, n: usize) -> Tail {
        let floor = 1.0 / (n as f64 + 1.0);
        let longest = curve.longest();
        let mut steps: Vec<(f64, f64, f64)> =
            std::iter::once((0.0, 1.0, 0.0)).chain(curve.steps.iter().map(|s| (s.age, s.survival.max(floor), 0.0))).collect();
        let (mut next, mut rest) = (longest, 0.0);
        for (age, survival, integral) in steps.iter_mut().rev() {
            rest += *survival * (next - *age);
            (next, *integral) = (*age, rest);
        }
        Tail { steps, floor, longest }
    }

    /// Seconds above an age per session.
    pub fn beyond(&self, age: f64) -> f64 {
        if age >= self.longest {
            return if age > 0.0 { self.floor * self.longest * self.longest / age } else { 0.0 };
        }
        let at = self.steps.partition_point(|s| s.0 <= age).saturating_sub(1);
        let within = self.steps.get(at).map_or(0.0, |(from, survival, rest)| rest - survival * (age - from));
        within + self.floor * self.longest
    }

    /// The share of healthy open sessions that are at least this old.
    pub fn share(&self, age: f64) -> f64 {
        let all = self.beyond(0.0);
        if all > 0.0 { (self.beyond(age.max(0.0)) / all).clamp(0.0, 1.0) } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Curve and tail fall from 1 to 0 whatever the lives, and an older session is never the likelier to be healthy.
        #[test]
        fn curves_and_tails_fall(lives in prop::collection::vec((0.0f64..50.0, 0.0f64..100.0, any::<bool>()), 0..80)) {
            let lives = lives.into_iter().map(|(entry, more, closed)| Life { entry, age: entry + more, closed });
            let curve = Curve::new(lives.clone());
            let tail = Tail::new(&curve, lives.filter(|l| l.closed).count());
            let (mut before, mut share) = (1.0f64, 1.0f64);
            for age in 0..400 {
                let age = f64::from(age) * 0.5;
                prop_assert!((0.0..=before).contains(&curve.at(age)));
                prop_assert!((0.0..=share + 1e-12).contains(&tail.share(age)), "{} after {share} at {age}", tail.share(age));
                (before, share) = (curve.at(age), tail.share(age));
                if let Some((low, high)) = curve.interval(age) {
                    prop_assert!(low <= curve.at(age) + 1e-12 && curve.at(age) <= high + 1e-12);
                }
            }
        }
    }

    fn life(age: f64, closed: bool) -> Life {
        Life { entry: 0.0, age, closed }
    }

    /// The remission times of the treated group of Freireich et al. (1963), as every textbook prints them.
    #[test]
    fn the_curve_is_the_textbooks() {
        let closed = [6.0, 6.0, 6.0, 7.0, 10.0, 13.0, 16.0, 22.0, 23.0];
        let open = [6.0, 9.0, 10.0, 11.0, 17.0, 19.0, 20.0, 25.0, 32.0, 32.0, 34.0, 35.0];
        let lives = closed.map(|t| life(t, true)).into_iter().chain(open.map(|t| life(t, false)));
        let curve = Curve::new(lives);
        for (age, survival) in [(5.0, 1.0), (6.0, 0.8571), (7.0, 0.8067), (10.0, 0.7529), (22.0, 0.5378), (23.0, 0.4482)] {
            assert!((curve.at(age) - survival).abs() < 5e-5, "{age}: {}", curve.at(age));
        }
        let (low, high) = curve.interval(10.0).unwrap();
        assert!((low - 0.5032).abs() < 5e-4 && (high - 0.8894).abs() < 5e-4, "{low} {high}");
        assert!((curve.plateau() - 0.4482).abs() < 5e-5);
    }

    #[test]
    fn a_late_entry_is_at_risk_from_there_on() {
        // Of two lives seen from the start one closes at 1; the third is under observation from 5 on.
        let lives = [life(1.0, true), life(10.0, true), Life { entry: 5.0, age: 8.0, closed: true }];
        let curve = Curve::new(lives);
        assert_eq!((curve.at(1.0), curve.at(8.0), curve.at(10.0)), (0.5, 0.25, 0.0));
        // A late one that is alone when it closes does not end the curve.
        let curve = Curve::new([Life { entry: 1.0, age: 2.0, closed: true }, Life { entry: 3.0, age: 4.0, closed: true }]);
        assert_eq!((curve.at(2.0), curve.at(4.0)), (1.0, 0.0));
    }

    #[test]
    fn the_tail_is_the_integral_of_the_curve() {
        let curve = Curve::new([life(1.0, true), life(2.0, true), life(4.0, true)]);
        let tail = Tail::new(&curve, 3);
        // Steps 1, 2/3, 1/3 and from 4 on the floor 1/4 with its Pareto tail of 1/4 × 4.
        let whole = 1.0 + 2.0 / 3.0 + 2.0 / 3.0 + 1.0;
        assert!((tail.beyond(0.0) - whole).abs() < 1e-12);
        assert!((tail.beyond(3.0) - (1.0 / 3.0 + 1.0)).abs() < 1e-12);
        assert!((tail.beyond(4.0) - 1.0).abs() < 1e-12 && (tail.beyond(16.0) - 0.25).abs() < 1e-12);
        assert!((tail.share(16.0) - 0.25 / whole).abs() < 1e-12);
        assert!(tail.share(0.0) >= 1.0);
        let empty = Tail::new(&Curve::new([]), 0);
        assert_eq!((empty.share(0.0), empty.share(9.0)), (1.0, 1.0));
    }
}
