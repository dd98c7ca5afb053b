//! Whole numbers between terminal cells, rows and time, saturating at the ends: no cell is ever outside a screen.

/// To a terminal coordinate.
pub fn cells(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

/// To an index; what is negative becomes 0.
pub fn index(n: i64) -> usize {
    usize::try_from(n.max(0)).unwrap_or(usize::MAX)
}

/// To a signed number.
pub fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// To a count of 32 bits.
pub fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// `value / top` in steps of `1 / steps`, at least 1 for anything above 0.
pub fn scale(value: u64, top: u64, steps: u64) -> usize {
    if value == 0 || top == 0 {
        return 0;
    }
    let scaled = u128::from(value.min(top)) * u128::from(steps) / u128::from(top);
    usize::try_from(scaled).unwrap_or(0).max(1)
}

/// `a * b / c` without overflow; 0 where `c` is not above 0.
pub fn share(a: i64, b: i64, c: i64) -> i64 {
    if c <= 0 {
        return 0;
    }
    i64::try_from(i128::from(a) * i128::from(b) / i128::from(c)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_is_not_nothing() {
        assert_eq!(scale(0, 100, 8), 0);
        assert_eq!(scale(1, 1_000_000, 8), 1);
        assert_eq!(scale(100, 100, 8), 8);
        assert_eq!(scale(u64::MAX, u64::MAX, 8), 8);
        assert_eq!(share(i64::MAX, 2, 4), i64::MAX / 2);
    }
}
