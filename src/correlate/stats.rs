//! Small statistics, deterministic and without a library's weight.

/// The value below which a share `q` of the sorted values lies (nearest rank); `None` for no values.
pub fn quantile(sorted: &[i64], q: f64) -> Option<i64> {
    sorted.get(rank(sorted.len(), q)?).copied()
}

/// As [`quantile`], of values in any order; their order changes.
pub fn quantile_of(values: &mut [i64], q: f64) -> Option<i64> {
    let rank = rank(values.len(), q)?;
    Some(*values.select_nth_unstable(rank).1)
}

/// The position of a quantile among so many sorted values.
fn rank(count: usize, q: f64) -> Option<usize> {
    let last = count.checked_sub(1)?;
    let rank = (q * count as f64).ceil();
    // Bounded by the length: the cast cannot truncate.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the slice")]
    let rank = rank.clamp(1.0, count as f64) as usize;
    Some((rank - 1).min(last))
}

/// Wilson's 95 % interval of a share, `hits` of `of`: low and high, 0 to 1.
/// Source: E. B. Wilson, "Probable inference", JASA 22 (1927).
pub fn wilson(hits: u64, of: u64) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let (n, z) = (of as f64, 1.959_963_984_540_054);
    let p = hits as f64 / n;
    let middle = p + z * z / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    (((middle - spread) / scale).max(0.0), ((middle + spread) / scale).min(1.0))
}

/// Sorts what begins and what ends by time; at one moment what ends comes first, else the order stays.
pub fn sort_changes<T>(changes: &mut [T], time: impl Fn(&T) -> i64, begins: impl Fn(&T) -> bool) {
    radsort::sort_by_key(changes, begins);
    radsort::sort_by_key(changes, time);
}

/// The largest number of intervals open at one moment. An end at the same moment as a start comes first.
pub fn peak(starts: &mut [i64], ends: &mut [i64]) -> u64 {
    radsort::sort(starts);
    radsort::sort(ends);
    let (mut open, mut peak, mut ended) = (0i64, 0i64, ends.iter().peekable());
    for start in starts.iter() {
        while ended.next_if(|end| **end <= *start).is_some() {
            open -= 1;
        }
        open += 1;
        peak = peak.max(open);
    }
    u64::try_from(peak).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_nearest_ranks() {
        let values: Vec<i64> = (1..=100).collect();
        assert_eq!(quantile(&values, 0.99), Some(99));
        assert_eq!(quantile(&values, 0.5), Some(50));
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[7], 0.0), Some(7));
        let mut shuffled: Vec<i64> = (0..100).map(|n| n * 37 % 100 + 1).collect();
        assert_eq!(quantile_of(&mut shuffled, 0.99), Some(99));
        assert_eq!(quantile_of(&mut [], 0.5), None);
    }

    #[test]
    fn peaks_count_what_overlaps() {
        assert_eq!(peak(&mut [0, 5, 10], &mut [5, 20, 30]), 2);
        assert_eq!(peak(&mut [], &mut []), 0);
    }
}
