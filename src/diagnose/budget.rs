//! What an outage costs of an error budget, and which burn-rate alerts it would have raised.
//!
//! The budget is the share of bad requests that an objective allows over thirty days; what the log does not cover is taken
//! to have had the log's mean traffic and no bad request. Bands and windows: B. Beyer and others, "The Site Reliability
//! Workbook" (2018), chapter 5, multiwindow, multi-burn-rate alerts.

use super::changepoint::prefix;
use super::impact::Impact;
use super::signals::SECOND;

const HOUR: i64 = 3600 * SECOND;
/// The period of the budget.
const PERIOD: i64 = 30 * 24 * HOUR;
/// Burn rate, long and short window.
const BANDS: [(f64, i64, i64); 3] = [(14.4, HOUR, HOUR / 12), (6.0, 6 * HOUR, HOUR / 2), (1.0, 72 * HOUR, 6 * HOUR)];

/// What was spent.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// The objective: the share of requests that are to be good.
    pub target: f64,
    /// Requests of users in the log.
    pub valid: u64,
    /// Of those: bad.
    pub bad: u64,
    /// Share of the budget of thirty days; over 1 it is overspent.
    pub used: f64,
    /// The alerts, the most urgent first.
    pub bands: Vec<Band>,
}

/// One alert: it fires when the budget burns faster than `rate` over both windows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Times the rate at which the budget lasts for its period.
    pub rate: f64,
    /// The long window, ns.
    pub long: i64,
    /// The short window, ns; at least a bucket of the curves.
    pub short: i64,
    /// The highest burn rate over the long window.
    pub peak: f64,
    /// When it would have fired, ns UTC; `None` where never.
    pub fired: Option<i64>,
}

/// Weighs the bad requests against an objective, a share below 1 (0.999). `None` where no request is logged.
pub fn spend(impact: &Impact, target: f64) -> Option<Budget> {
    let curve = &impact.curve;
    let (valid, bad) = curve.buckets.iter().fold((0u64, 0u64), |sum, b| (sum.0 + u64::from(b.0), sum.1 + u64::from(b.1)));
    let allowed = 1.0 - target;
    if valid == 0 || allowed <= 0.0 || curve.width <= 0 {
        return None;
    }
    let covered = curve.width as f64 * curve.buckets.len() as f64;
    let pace = valid as f64 / covered;
    let used = bad as f64 / (allowed * pace * covered.max(PERIOD as f64));
    let sums = Sums::of(&curve.buckets, pace * curve.width as f64);
    let bands = BANDS.map(|(rate, long, short)| {
        let short = short.max(curve.width);
        let burn = |window: i64, end: usize| sums.share(usize::try_from(window / curve.width).unwrap_or(1), end) / allowed;
        let ends = 1..=curve.buckets.len();
        let fires = |end: &usize| burn(long, *end) >= rate && burn(short, *end) >= rate;
        let fired = ends.clone().find(fires).map(|end| curve.start + curve.width * i64::try_from(end).unwrap_or(0));
        Band { rate, long, short, peak: ends.map(|end| burn(long, end)).fold(0.0, f64::max), fired }
    });
    Some(Budget { target, valid, bad, used, bands: bands.to_vec() })
}

/// Sums over the first 0, 1, 2 … buckets.
struct Sums {
    valid: Vec<f64>,
    bad: Vec<f64>,
    /// Requests of a bucket on average.
    mean: f64,
}

impl Sums {
    fn of(buckets: &[(u32, u32)], mean: f64) -> Sums {
        let valid: Vec<f64> = buckets.iter().map(|b| f64::from(b.0)).collect();
        let bad: Vec<f64> = buckets.iter().map(|b| f64::from(b.1)).collect();
        Sums { valid: prefix(&valid, |v| v), bad: prefix(&bad, |v| v), mean }
    }

    /// The share of bad requests in the `window` buckets before `end`; those before the log have the mean traffic, all good.
    fn share(&self, window: usize, end: usize) -> f64 {
        let begin = end.saturating_sub(window);
        let of = |sums: &[f64]| sums.get(end).copied().unwrap_or(0.0) - sums.get(begin).copied().unwrap_or(0.0);
        let valid = of(&self.valid) + self.mean * (window - (end - begin)) as f64;
        if valid > 0.0 { of(&self.bad) / valid } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::impact::Curve;

    /// An hour a bucket-minute of 100 requests each, `bad` of them bad from minute 30 on for `minutes`.
    fn impact(bad: u32, minutes: usize) -> Impact {
        let buckets = (0..120).map(|i| (100, if (30..30 + minutes).contains(&i) { bad } else { 0 })).collect();
        Impact { curve: Curve { start: 0, width: 60 * SECOND, buckets }, ..Impact::default() }
    }

    #[test]
    fn a_month_of_budget_is_used_up_by_a_total_outage_of_three_quarters_of_an_hour() {
        // 0.1 % of thirty days is 43.2 minutes.
        let budget = spend(&impact(100, 45), 0.999).unwrap();
        assert!((budget.used - 45.0 / 43.2).abs() < 1e-9, "{budget:?}");
        assert_eq!((budget.valid, budget.bad), (12_000, 4500));
        // 14.4 times as fast: 1.44 % of the last hour and of the last five minutes are bad, which the first bad minute
        // gives (1 of 60, 1 of 5).
        let urgent = budget.bands[0];
        assert_eq!(urgent.fired, Some(31 * 60 * SECOND));
        assert!((urgent.peak - 750.0).abs() < 1e-6, "{urgent:?}");
    }

    #[test]
    fn each_alert_needs_its_burn_rate_over_both_windows() {
        let fired = |bad| {
            let budget = spend(&impact(bad, 90), 0.999).unwrap();
            budget.bands.iter().map(|b| b.fired.is_some()).collect::<Vec<_>>()
        };
        // 1 % bad for an hour and a half: ten times too fast over an hour, 2.5 times over six, 0.2 times over three days.
        assert_eq!(fired(1), [false, false, false]);
        // 2 %: 20, 5 and 0.4 times. 5 %: 50, 12.5 and 1.04 times.
        assert_eq!(fired(2), [true, false, false]);
        assert_eq!(fired(5), [true, true, true]);
    }

    #[test]
    fn without_requests_there_is_no_budget() {
        assert_eq!(spend(&Impact::default(), 0.999), None);
        assert_eq!(spend(&impact(1, 5), 1.0), None);
    }
}
