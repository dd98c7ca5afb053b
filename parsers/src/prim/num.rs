//! Numbers and durations as logs write them.

/// An unsigned decimal number that is all of `digits`; `None` when empty, longer than 19 digits or not all digits.
pub fn uint(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut value = 0u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

/// Like [`uint`], fitted into a `u32`.
pub fn uint32(digits: &[u8]) -> Option<u32> {
    uint(digits).and_then(|v| u32::try_from(v).ok())
}

/// Like [`uint`], fitted into a `u16` (ports, status codes).
pub fn uint16(digits: &[u8]) -> Option<u16> {
    uint(digits).and_then(|v| u16::try_from(v).ok())
}

/// A signed decimal number that is all of `text` (`-1`, `+42`, `17`).
pub fn int(text: &[u8]) -> Option<i64> {
    match text.split_first() {
        Some((b'-', rest)) => uint(rest).and_then(|v| i64::try_from(v).ok()).map(|v| -v),
        Some((b'+', rest)) => uint(rest).and_then(|v| i64::try_from(v).ok()),
        _ => uint(text).and_then(|v| i64::try_from(v).ok()),
    }
}

/// A non-negative decimal with an optional fraction, scaled: `scaled(b"0.123", 9)` = 123,000,000 (nanoseconds of
/// seconds), `scaled(b"31.523", 6)` = 31,523,000 (nanoseconds of milliseconds). Digits past `places` are cut.
pub fn scaled(text: &[u8], places: u32) -> Option<i64> {
    let (whole, fraction) = match memchr::memchr(b'.', text) {
        Some(dot) => (text.get(..dot)?, text.get(dot + 1..)?),
        None => (text, &b""[..]),
    };
    let mut value = if whole.is_empty() && !fraction.is_empty() { 0 } else { uint(whole)? };
    let mut left = places;
    for byte in fraction {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        if left > 0 {
            value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
            left -= 1;
        }
    }
    i64::try_from(value.checked_mul(10u64.checked_pow(left)?)?).ok()
}

/// The number of leading ASCII digits.
pub fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}

/// A duration with its unit attached, in nanoseconds: `12ms`, `1.5s`, `250µs`, `250us`, `1m30s`, `2h`, `45ns`, `3 ms`.
/// A bare number has no unit and gives `None`.
pub fn duration(text: &[u8]) -> Option<i64> {
    let mut rest = text;
    let mut total = 0i64;
    let mut any = false;
    while !rest.is_empty() {
        let number = rest.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
        if number == 0 {
            return None;
        }
        let (value, tail) = rest.split_at(number);
        let tail = tail.strip_prefix(b" ").unwrap_or(tail);
        let unit_len = tail.iter().take_while(|b| !b.is_ascii_digit() && **b != b'.' && **b != b' ').count();
        let (unit, tail) = tail.split_at(unit_len);
        let nanos = match unit {
            b"ns" => scaled(value, 0)?,
            b"us" | b"\xc2\xb5s" | b"\xce\xbcs" => scaled(value, 3)?,
            b"ms" | b"msec" | b"millis" | b"milliseconds" => scaled(value, 6)?,
            b"s" | b"sec" | b"secs" | b"seconds" | b"second" => scaled(value, 9)?,
            b"m" | b"min" => scaled(value, 9)?.checked_mul(60)?,
            b"h" => scaled(value, 9)?.checked_mul(3600)?,
            b"d" => scaled(value, 9)?.checked_mul(86_400)?,
            _ => return None,
        };
        total = total.checked_add(nanos)?;
        any = true;
        rest = tail;
    }
    any.then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_scale_to_integers() {
        assert_eq!(scaled(b"0.123", 9), Some(123_000_000));
        assert_eq!(scaled(b"31.523", 6), Some(31_523_000));
        assert_eq!(scaled(b"7", 9), Some(7_000_000_000));
        assert_eq!(scaled(b".5", 1), Some(5));
        assert_eq!(scaled(b"1.23456789012", 9), Some(1_234_567_890));
        assert_eq!(scaled(b"-", 9), None);
        assert_eq!(scaled(b"99999999999999999", 9), None);
    }

    #[test]
    fn durations_carry_their_unit() {
        assert_eq!(duration(b"12ms"), Some(12_000_000));
        assert_eq!(duration(b"1m30s"), Some(90_000_000_000));
        assert_eq!(duration("250µs".as_bytes()), Some(250_000));
        assert_eq!(duration(b"3 ms"), Some(3_000_000));
        assert_eq!(duration(b"12"), None);
    }
}
