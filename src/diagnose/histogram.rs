//! Durations in logarithmic classes: quantiles of any stretch of time without keeping the values.

/// Classes per power of two; a quantile is right to within half a class, about 4.5 %.
const STEPS: u32 = 8;
/// Powers of two of nanoseconds that are told apart: 1 µs to about 20 minutes; what lies outside counts at the edge.
const FIRST: u32 = 10;
const OCTAVES: u32 = 31;

/// Counts per class. Grows to the highest class used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: Vec<u32>,
    n: u64,
    sum: i64,
}

/// The class of a duration in nanoseconds.
fn class(nanos: i64) -> usize {
    let value = u64::try_from(nanos).unwrap_or(0).max(1 << FIRST);
    let octave = value.ilog2();
    let step = (value >> (octave - 3)) & u64::from(STEPS - 1);
    if octave >= FIRST + OCTAVES {
        return (OCTAVES * STEPS - 1) as usize;
    }
    ((octave - FIRST) * STEPS) as usize + usize::try_from(step).unwrap_or(0)
}

/// The middle of a class, nanoseconds.
fn middle(class: usize) -> i64 {
    let class = u32::try_from(class).unwrap_or(0);
    let (octave, step) = (class / STEPS + FIRST, class % STEPS);
    let low = i64::from(STEPS + step) << (octave - 3);
    low + (1 << (octave - 4))
}

impl Histogram {
    /// Takes a duration in nanoseconds.
    pub fn add(&mut self, nanos: i64) {
        let class = class(nanos);
        if self.counts.len() <= class {
            self.counts.resize(class + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(class) {
            *count = count.saturating_add(1);
        }
        self.n += 1;
        self.sum = self.sum.saturating_add(nanos.max(0));
    }

    /// Takes everything of another.
    pub fn merge(&mut self, other: &Histogram) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine = mine.saturating_add(*theirs);
        }
        self.n += other.n;
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// How many durations were taken.
    pub fn count(&self) -> u64 {
        self.n
    }

    /// Their sum, nanoseconds.
    pub fn sum(&self) -> i64 {
        self.sum
    }

    /// Their mean, nanoseconds.
    pub fn mean(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum as f64 / self.n as f64)
    }

    /// The duration that a share `q` of them does not exceed, nanoseconds, to within 4.5 %.
    pub fn quantile(&self, q: f64) -> Option<i64> {
        let mut left = q.clamp(0.0, 1.0) * self.n as f64;
        for (class, count) in self.counts.iter().enumerate() {
            left -= f64::from(*count);
            if left <= 0.0 && *count > 0 {
                return Some(middle(class));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_within_half_a_class() {
        let mut histogram = Histogram::default();
        for value in 1..=10_000i64 {
            histogram.add(value * 100_000);
        }
        for (q, want) in [(0.5, 500e6), (0.95, 950e6), (0.01, 10e6)] {
            let got = histogram.quantile(q).unwrap() as f64;
            assert!((got / want - 1.0).abs() < 0.07, "{q}: {got} for {want}");
        }
        assert_eq!(histogram.count(), 10_000);
        assert!((histogram.mean().unwrap() - 500_050_000.0).abs() < 1.0);
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn the_edges_hold_what_lies_outside() {
        let mut histogram = Histogram::default();
        for value in [i64::MIN, -1, 0, 1, i64::MAX] {
            histogram.add(value);
        }
        assert_eq!(histogram.count(), 5);
        assert!(histogram.quantile(1.0).unwrap() > 1_000_000_000_000);
    }
}
