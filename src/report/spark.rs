//! Curves in block characters.

const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Folds a curve to `width` values: the largest (`sum` false) or the sum (`sum` true) of those that share a place.
pub fn fold(curve: &[u32], width: usize, sum: bool) -> Vec<u64> {
    let mut out = vec![0u64; width];
    for (index, value) in curve.iter().enumerate() {
        if let Some(slot) = out.get_mut(index * width / curve.len().max(1)) {
            *slot = if sum { *slot + u64::from(*value) } else { (*slot).max(u64::from(*value)) };
        }
    }
    out
}

/// Draws values as eighth blocks, scaled so that `top` is a full block; what is above zero is never blank.
pub fn draw(values: &[u64], top: u64) -> String {
    let level = |value: u64| match value {
        0 => 0,
        _ => usize::try_from((value * 8).div_ceil(top.max(1))).unwrap_or(8).clamp(1, 8),
    };
    values.iter().map(|v| BLOCKS.get(level(*v)).copied().unwrap_or('█')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_are_seen_and_large_ones_fill() {
        assert_eq!(draw(&[0, 1, 50, 100], 100), " ▁▄█");
        assert_eq!(fold(&[1, 2, 3, 4], 2, false), [2, 4]);
        assert_eq!(fold(&[1, 2, 3, 4], 2, true), [3, 7]);
    }
}
