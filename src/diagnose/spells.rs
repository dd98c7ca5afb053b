//! The stretches of time in which too much went wrong, from counts per bucket.
//!
//! Bad events are counts, so the partition is by Poisson likelihood, with the same penalty as other changes (10 ln n per
//! segment): a short total failure stands out as clearly as a long partial one. A segment is a spell when it is worse than
//! the baseline beyond chance and by an amount that matters; what fails all the time at a low rate is baseline.

use super::changepoint::{partition, prefix};
use crate::correlate::distributions::rate_ratio;
use statrs::function::gamma::checked_gamma_lr;
use std::ops::Range;

/// A spell is at least so much worse than the baseline: events beyond what the baseline explains …
const EXCESS: f64 = 5.0;
/// … the lower end of the ratio's interval …
const RATIO: f64 = 2.0;
/// … and, of requests, the share that is bad beyond the baseline's.
pub const SHARE: f64 = 0.01;
/// A spell is part of an incident where it has at least this share of the worst one's bad events.
pub const MINOR: f64 = 0.05;
/// With fewer good buckets between them, two spells are one.
pub const APART: usize = 5;
/// A bucket next to a spell belongs to it where chance explains its bad events with less than this probability.
const CHANCE: f64 = 0.01;
/// A bucket of which this share is slow is a slow one.
const SLOW: f64 = 0.1;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spells {
    /// Bad events per unit of exposure (a request, a second) outside the spells.
    pub baseline: f64,
    /// Buckets of each spell, in order, at least [`APART`] good buckets between them.
    pub ranges: Vec<Range<usize>>,
}

/// Finds the spells. `exposure` is requests per bucket, or seconds; `least` is the least difference of rates that matters.
/// Without a quiet stretch there is no baseline, and the whole window counts against zero.
pub fn find(bad: &[u32], exposure: &[f64], least: f64) -> Spells {
    let n = bad.len().min(exposure.len());
    let counts: Vec<f64> = bad.iter().take(n).map(|b| f64::from(*b)).collect();
    let (events, exposures) = (prefix(&counts, |v| v), prefix(exposure, |v| v));
    let of = |sums: &[f64], range: &Range<usize>| {
        sums.get(range.end).copied().unwrap_or(0.0) - sums.get(range.start).copied().unwrap_or(0.0)
    };
    if n < 2 || of(&events, &(0..n)) < EXCESS {
        return Spells::default();
    }
    let begins = partition(n, 1, 10.0 * (n as f64).ln(), |range| {
        let (k, e) = (of(&events, &range), of(&exposures, &range));
        if k > 0.0 && e > 0.0 { -2.0 * k * (k / e).ln() } else { 0.0 }
    });
    let edges: Vec<usize> = std::iter::once(0).chain(begins).chain([n]).collect();
    let segments: Vec<Segment> = edges
        .windows(2)
        .filter_map(|w| Some(*w.first()?..*w.last()?))
        .map(|range| Segment { events: of(&events, &range), exposure: of(&exposures, &range), range })
        .collect();
    let base = baseline(&segments, n, least);
    let rate = base.rate();
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let worse: Vec<&Segment> = segments.iter().filter(|s| s.is_worse(&base, least)).collect();
    let most = worse.iter().map(|s| s.events).fold(0.0, f64::max);
    let minor = |s: &Segment| s.events < MINOR * most;
    // The partition is coarse: a few bad events at a spell's edge make the whole quiet stretch behind it look worse. Such a
    // stretch adds to its neighbour only what the walk below finds.
    let beside = |s: &Segment| {
        let touches = |o: &&&Segment| !minor(o) && (o.range.end == s.range.start || o.range.start == s.range.end);
        worse.iter().any(|o| touches(&o))
    };
    for segment in worse.iter().filter(|s| !(minor(s) && beside(s))) {
        let range = walked(bad, exposure, rate, segment.range.clone());
        match ranges.last_mut() {
            Some(last) if range.start < last.end + APART => last.end = last.end.max(range.end),
            _ => ranges.push(range),
        }
    }
    Spells { baseline: rate, ranges }
}

#[derive(Debug, Clone, Default)]
struct Segment {
    range: Range<usize>,
    events: f64,
    exposure: f64,
}

impl Segment {
    fn rate(&self) -> f64 {
        if self.exposure > 0.0 { self.events / self.exposure } else { 0.0 }
    }

    fn is_worse(&self, base: &Segment, least: f64) -> bool {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sums of counts and of whole seconds")]
        let whole = |v: f64| v.round() as u64;
        let hits = (whole(self.events), whole(base.events));
        let beyond = match rate_ratio(hits, (whole(self.exposure), whole(base.exposure))) {
            Some(ratio) => ratio.low >= RATIO,
            None => base.exposure <= 0.0,
        };
        self.events - base.rate() * self.exposure >= EXCESS && self.rate() - base.rate() >= least && beyond
    }
}

/// The quietest stretch of some length, and everything that is not worse than it.
fn baseline(segments: &[Segment], n: usize, least: f64) -> Segment {
    let mut quiet: Vec<&Segment> = segments.iter().filter(|s| s.exposure > 0.0).collect();
    quiet.sort_by(|a, b| a.rate().total_cmp(&b.rate()).then(a.range.start.cmp(&b.range.start)));
    let long = |s: &&&Segment| s.range.len() >= APART.max(n / 20);
    let mut base = match quiet.iter().find(long) {
        Some(segment) if quiet.len() > 1 => (*segment).clone(),
        // One level from end to end: it is the baseline if it is low (what is low is known of requests only), else there is
        // none.
        Some(segment) if least <= 0.0 || segment.rate() < 5.0 * least => return (*segment).clone(),
        _ => return Segment::default(),
    };
    let start = base.range.start;
    for segment in quiet.iter().filter(|s| s.range.start != start) {
        if !segment.is_worse(&base, least) {
            base.events += segment.events;
            base.exposure += segment.exposure;
        }
    }
    base
}

/// A spell with the buckets beside it that have more bad events than chance gives; one good bucket between is bridged.
fn walked(bad: &[u32], exposure: &[f64], rate: f64, range: Range<usize>) -> Range<usize> {
    grown(bad.len(), range, |bucket| {
        let count = bad.get(bucket).copied().unwrap_or(0);
        count >= 2 && poisson_tail(count, rate * exposure.get(bucket).copied().unwrap_or(0.0)) < CHANCE
    })
}

/// A spell of failures with the slow stretches that touch it: buckets of which a tenth or more is bad, and more than twice
/// the usual. Slowness varies more than chance does, hence not the measure of `walked`.
pub fn with_slowness(bad: &[u32], exposure: &[f64], usual: f64, range: Range<usize>) -> Range<usize> {
    grown(bad.len(), range, |bucket| {
        let (count, of) = (f64::from(bad.get(bucket).copied().unwrap_or(0)), exposure.get(bucket).copied().unwrap_or(0.0));
        count >= 2.0 && count >= SLOW * of && count > RATIO * usual * of
    })
}

/// The probability of `least` or more events where `mean` are expected (Poisson).
fn poisson_tail(least: u32, mean: f64) -> f64 {
    match (least, mean > 0.0) {
        (0, _) => 1.0,
        (_, false) => 0.0,
        // The chance of `least` events or more is the chance that a sum of `least` exponential times is at most `mean`.
        _ => checked_gamma_lr(f64::from(least), mean).unwrap_or(1.0),
    }
}

/// The range, as far as the buckets beside it are `odd`; one that is not is bridged.
fn grown(n: usize, range: Range<usize>, odd: impl Fn(usize) -> bool) -> Range<usize> {
    let Range { mut start, mut end } = range;
    while let Some(step) = (1..=2).find(|step| start >= *step && odd(start - step)) {
        start -= step;
    }
    while let Some(step) = (0..=1).find(|step| end + step < n && odd(end + step)) {
        end += step + 1;
    }
    start..end.min(n)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::changepoint::noise::Noise;

    /// A count that varies about 0.4 without chance: between a half and one and a half times that is owed per bucket.
    fn spread(n: u32) -> Vec<u32> {
        let mut owed = 0;
        (0..n)
            .map(|i| {
                owed += 20 + 10 * (i * 7 % 5);
                let now = owed / 100;
                owed %= 100;
                now
            })
            .collect()
    }

    #[test]
    fn poisson_tails() {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        assert!(near(poisson_tail(3, 1.0), 0.080_301_4) && near(poisson_tail(10, 20.0), 0.995_004_6));
        assert!(poisson_tail(50, 1.0) < 1e-60 && near(poisson_tail(0, 0.0), 1.0) && near(poisson_tail(1, 0.0), 0.0));
        assert!(poisson_tail(2_000_000, 1_000_000.0) < 1e-9 && near(poisson_tail(1_000_000, 2_000_000.0), 1.0));
    }

    #[test]
    fn large_counts_are_compared_rightly() {
        let segment = |events: f64, exposure: f64| Segment { range: 0..1, events, exposure };
        // Half of ten million fail, one in a thousand before; and one in a thousand both times.
        let base = segment(10_000.0, 10_000_000.0);
        assert!(segment(5_000_000.0, 10_000_000.0).is_worse(&base, SHARE));
        assert!(!segment(12_000.0, 10_000_000.0).is_worse(&base, 0.0));
        assert!(!segment(19_000.0, 10_000_000.0).is_worse(&base, 0.0) && segment(22_000.0, 10_000_000.0).is_worse(&base, 0.0));
    }

    #[test]
    fn a_steady_low_rate_is_baseline() {
        let bad = spread(120);
        let found = find(&bad, &[100.0; 120], SHARE);
        assert!(found.ranges.is_empty() && (found.baseline - 0.004).abs() < 0.001, "{found:?}");
        assert_eq!(find(&[], &[], SHARE), Spells::default());
        assert!(find(&[0; 50], &[10.0; 50], SHARE).ranges.is_empty());
    }

    #[test]
    fn spells_stand_out_of_it() {
        let mut bad = spread(120);
        for slot in &mut bad[50..70] {
            *slot += 60;
        }
        // A short one, and two that are too near to be two.
        bad[90] += 80;
        bad[93] += 80;
        let found = find(&bad, &[100.0; 120], SHARE);
        assert_eq!(found.ranges, [50..70, 90..94]);
    }

    #[test]
    fn the_quiet_stretch_behind_a_spell_is_not_its_tail() {
        let mut bad = vec![0; 120];
        bad[40..60].fill(20);
        // A few more after an hour of silence: together with the spell's last ones they make the stretch look worse.
        bad[60] = 2;
        bad[100] = 3;
        let found = find(&bad, &[5.0; 120], SHARE);
        assert_eq!(found.ranges.iter().map(|r| (r.start, r.end)).collect::<Vec<_>>(), [(40, 61)]);
    }

    #[test]
    fn slowness_that_touches_failures_belongs_to_them() {
        let mut bad = vec![1u32; 60];
        bad[20..30].fill(15);
        bad[31] = 12;
        bad[45..50].fill(40);
        assert_eq!(with_slowness(&bad, &[100.0; 60], 0.01, 24..29), 20..32);
    }

    /// A day in 720 buckets: some 200 requests a bucket at noon and one or two at night, `share` of each bucket's bad. The
    /// share wanders: its logarithm has the deviation `spread` and an autocorrelation of 0.8.
    fn day(noise: &mut Noise, spread: f64, share: impl Fn(usize) -> f64) -> (Vec<u32>, Vec<f64>) {
        let mut state = 0.0;
        (0..720usize)
            .map(|bucket| {
                let hour = bucket as f64 / 30.0;
                let mean = 1.5 + 200.0 * (std::f64::consts::PI * (hour - 6.0) / 12.0).sin().max(0.0).powi(2);
                let requests = noise.poisson(mean);
                state = 0.8 * state + 0.6 * noise.normal();
                let p = (share(bucket) * (spread * state).exp()).min(1.0);
                ((0..requests).filter(|_| noise.uniform() < p).count(), requests)
            })
            .map(|(bad, requests)| (u32::try_from(bad).unwrap(), f64::from(requests)))
            .unzip()
    }

    #[test]
    fn ordinary_days_have_no_spells() {
        for (spread, allowed) in [(0.0, 0), (0.5, 1)] {
            let mut noise = Noise(17);
            let alarms = (0..100).filter(|_| {
                let (bad, exposure) = day(&mut noise, spread, |_| 0.004);
                !find(&bad, &exposure, SHARE).ranges.is_empty()
            });
            let alarms = alarms.count();
            assert!(alarms <= allowed, "{alarms} of 100 days with a spread of {spread}");
        }
    }

    #[test]
    fn outages_are_found_where_they_are_by_day_and_by_night() {
        // A fifth fails from 10:00 to 12:00; everything fails from 3:20 to 4:40, when there is next to no traffic.
        for (from, to, share, near) in [(300, 360, 0.2, 1), (100, 140, 1.0, 1)] {
            let mut noise = Noise(23);
            let mut errors: Vec<usize> = (0..40)
                .map(|_| {
                    let (bad, exposure) = day(&mut noise, 0.3, |i| if (from..to).contains(&i) { share } else { 0.004 });
                    let found = find(&bad, &exposure, SHARE).ranges;
                    let [only] = found.as_slice() else { return usize::MAX };
                    only.start.abs_diff(from).max(only.end.abs_diff(to))
                })
                .collect();
            errors.sort_unstable();
            assert!(errors[20] <= near && errors[37] <= 3, "{errors:?}");
        }
    }

    #[test]
    fn each_spell_of_an_intermittent_outage_is_found() {
        let mut noise = Noise(29);
        let outage = |i: usize| [280..300, 330..345, 400..440].iter().any(|r: &Range<usize>| r.contains(&i));
        for _ in 0..20 {
            let (bad, exposure) = day(&mut noise, 0.3, |i| if outage(i) { 0.15 } else { 0.004 });
            let found = find(&bad, &exposure, SHARE).ranges;
            assert_eq!(found.len(), 3, "{found:?}");
            assert!(found[0].start.abs_diff(280) <= 1 && found[1].start.abs_diff(330) <= 1 && found[2].end.abs_diff(440) <= 1);
        }
    }

    #[test]
    fn a_slow_rise_is_walked_back() {
        let mut bad = vec![0u32; 100];
        for (i, slot) in bad.iter_mut().enumerate().take(80).skip(40) {
            *slot = u32::try_from((2 * (i - 39)).min(50)).unwrap();
        }
        let found = find(&bad, &[50.0; 100], SHARE);
        assert_eq!(found.ranges.len(), 1);
        assert!(found.ranges[0].start <= 41 && found.ranges[0].end == 80, "{found:?}");
    }

    #[test]
    fn an_outage_from_end_to_end_has_no_baseline() {
        let found = find(&[30; 60], &[100.0; 60], SHARE);
        assert_eq!(found.ranges.first(), Some(&(0..60)));
    }

    #[test]
    fn a_few_errors_are_none() {
        let mut bad = vec![0; 60];
        bad[30] = 4;
        assert!(find(&bad, &[50.0; 60], SHARE).ranges.is_empty());
    }
}
