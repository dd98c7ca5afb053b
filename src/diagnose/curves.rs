//! What charts show besides the counts of [`crate::correlate::series`]: how long requests took, and for each curve the
//! rows behind its highest values, so that a reader of a chart can go on to the lines.

use super::signals::{Count, Counted, Gauge, Signals, Timing};
use crate::correlate::series::{BUCKETS, Series};
use crate::table::{RowId, Rows};

/// Stretches of the window of which each shows its highest value.
const PARTS: usize = 12;

/// Curves over the buckets of a case's series.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curves {
    /// The duration, ns, that half of a bucket's requests did not exceed; `None` in a bucket without requests. Empty where no
    /// log says how long requests took. By the requests' end, probes left out, to within 4.5 %
    /// ([`super::histogram`]).
    pub median: Vec<Option<i64>>,
    /// The same of 95 % of them.
    pub p95: Vec<Option<i64>>,
    /// Rows behind the highest values, by curve and time.
    pub peaks: Vec<Peak>,
}

/// The highest value of a curve in a stretch of time, and the row that shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// `open.pool open.proxy open.db waiting timeouts errors latency`.
    pub curve: &'static str,
    /// When, ns UTC.
    pub at: i64,
    /// The value: a number, or seconds of `latency`.
    pub value: f64,
    /// The row: the first of its bucket where values are counted.
    pub row: RowId,
}

/// Draws them.
pub fn curves(rows: &Rows<'_>, signals: &Signals, series: &Series) -> Curves {
    let (median, p95) = latency(signals, series);
    Curves { median, p95, peaks: peaks(rows, signals) }
}

/// The quantiles of each bucket of the series. A bucket of the signals belongs to the one that its middle lies in; where the
/// signals are coarser, a bucket without any is a part of the one that it lies in.
fn latency(signals: &Signals, series: &Series) -> (Vec<Option<i64>>, Vec<Option<i64>>) {
    let all = signals.timing(Timing::Latency);
    if series.width <= 0 || all.iter().all(|t| t.all.count() == 0) {
        return (Vec::new(), Vec::new());
    }
    let middle = |bucket: usize| signals.begin(bucket).saturating_add(signals.width / 2);
    let mut of = vec![0..0usize; BUCKETS];
    for inner in 0..all.len() {
        if let Some(range) = of.get_mut(series.bucket(middle(inner))) {
            let from = if range.start == range.end { inner } else { range.start };
            *range = from..inner + 1;
        }
    }
    let mut begin = series.from;
    for range in &mut of {
        if let (true, Some(inner)) = (range.start == range.end, signals.bucket(begin.saturating_add(series.width / 2))) {
            *range = inner..inner + 1;
        }
        begin = begin.saturating_add(series.width);
    }
    let taken = of.into_iter().map(|range| signals.durations(Timing::Latency, range));
    taken.map(|all| (all.quantile(0.5), all.quantile(0.95))).unzip()
}

/// The highest values of each stretch that has any.
fn peaks(rows: &Rows<'_>, signals: &Signals) -> Vec<Peak> {
    let mut out = Vec::new();
    for (curve, gauge) in [
        ("open.pool", Gauge::PoolInUse),
        ("open.proxy", Gauge::ProxyInUse),
        ("open.db", Gauge::DbInUse),
        ("waiting", Gauge::PoolWaiting),
    ] {
        let value = |seen: &Option<(u32, RowId)>| seen.filter(|(value, _)| *value > 0);
        let found = highest(signals.gauge(gauge), |seen| value(seen).map(|(value, _)| u64::from(value)));
        let shown = found.filter_map(value);
        out.extend(shown.map(|(value, row)| Peak { curve, at: rows.get(row).time(), value: f64::from(value), row }));
    }
    for (curve, counts) in
        [("timeouts", [Count::AcquireTimeouts, Count::Refused].as_slice()), ("errors", [Count::Failed].as_slice())]
    {
        let of: Vec<Counted> = (0..signals.n).map(|bucket| together(signals, counts, bucket)).collect();
        let found = highest(&of, |seen| (seen.n > 0).then_some(u64::from(seen.n)));
        let shown = found.filter_map(|seen| Some((seen.n, seen.first?)));
        out.extend(shown.map(|(n, (at, row))| Peak { curve, at, value: f64::from(n), row }));
    }
    let found = highest(signals.timing(Timing::Latency), |seen| seen.longest.and_then(|(ns, _)| u64::try_from(ns).ok()));
    let shown = found.filter_map(|seen| seen.longest);
    out.extend(shown.map(|(ns, row)| Peak { curve: "latency", at: rows.get(row).time(), value: ns as f64 / 1e9, row }));
    // What stays as high over several stretches has one row.
    out.dedup();
    out
}

/// Several counts as one.
fn together(signals: &Signals, counts: &[Count], bucket: usize) -> Counted {
    let each = counts.iter().filter_map(|count| signals.count(*count).get(bucket));
    each.fold(Counted::default(), |sum, one| Counted {
        n: sum.n.saturating_add(one.n),
        first: sum.first.into_iter().chain(one.first).min(),
    })
}

/// Of each stretch the first bucket with the highest value.
fn highest<T>(buckets: &[T], value: impl Fn(&T) -> Option<u64>) -> impl Iterator<Item = &T> {
    let part = buckets.len().div_ceil(PARTS).max(1);
    buckets.chunks(part).filter_map(move |part| {
        let valued = part.iter().filter_map(|seen| Some((value(seen)?, seen)));
        valued.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, seen)| seen)
    })
}

#[cfg(test)]
mod tests {
    use super::highest;

    #[test]
    fn each_stretch_shows_its_first_highest_value() {
        // Twelve stretches of two buckets; in each the larger value, the earlier of equal ones.
        let values: Vec<(usize, u64)> = (0..24).map(|n| (n, if n % 2 == 0 { 3 } else { n as u64 % 5 })).collect();
        let found: Vec<usize> = highest(&values, |v| (v.1 > 0).then_some(v.1)).map(|v| v.0).collect();
        assert_eq!(found, [0, 2, 4, 6, 9, 10, 12, 14, 16, 19, 20, 22]);
        assert_eq!(highest(&[0u64; 5], |v| (*v > 0).then_some(*v)).count(), 0);
        assert_eq!(highest(&[] as &[u64], |v| Some(*v)).count(), 0);
        let first: Vec<usize> = highest(&[(0usize, 5u64), (1, 5)], |v| Some(v.1)).map(|v| v.0).collect();
        assert_eq!(first, [0, 1], "fewer buckets than stretches");
    }
}
