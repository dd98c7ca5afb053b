//! What is known of a source's clock. A correction is a piecewise linear function of the time that was written, so the
//! original times follow from the corrected ones; `source, offset, length, line` say where they stand.

/// A clock's offset is corrected where it is larger than its bound so many times.
const SIGNIFICANT: i64 = 2;

/// A piece of a clock's offset: valid from a moment on, linear in time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// First moment by this clock, ns UTC; `i64::MIN` for the first piece.
    pub from: i64,
    /// The moment at which the offset is `offset`.
    pub at: i64,
    /// ns; positive where the clock is ahead.
    pub offset: f64,
    /// Gain, ns per ns.
    pub drift: f64,
}

/// The offset at a moment by that clock, ns.
pub fn offset(segments: &[Segment], time: i64) -> i64 {
    let piece = segments.partition_point(|s| s.from <= time).checked_sub(1).and_then(|i| segments.get(i)).or(segments.first());
    #[expect(clippy::cast_possible_truncation, reason = "floats saturate")]
    piece.map_or(0, |s| (s.offset + s.drift * (time - s.at) as f64).round() as i64)
}

/// A clock against the reference of the sources that it can be compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Clock {
    /// The source.
    pub source: u32,
    /// The source whose clock is taken for right; itself for the reference.
    pub reference: u32,
    /// How far it is ahead, piece by piece, in the order of time; empty for the reference.
    pub segments: Vec<Segment>,
    /// How well that is known, ns either way; 0 for the reference.
    pub bound: i64,
    /// Pairs of records that it rests on.
    pub pairs: u64,
    /// True where the pairs bound it from one side only: it may be further off than stated.
    pub one_sided: bool,
    /// What the pairs are.
    pub basis: &'static str,
    /// True where the times of the table are corrected by it.
    pub applied: bool,
}

impl Clock {
    /// The offset of largest size over a stretch of time by that clock, ns.
    pub fn largest(&self, from: i64, to: i64) -> i64 {
        let inner = self.segments.iter().map(|s| s.from.clamp(from, to)).flat_map(|t| [t, t.saturating_sub(1).max(from)]);
        let all = inner.chain([from, to]).map(|t| offset(&self.segments, t));
        all.max_by_key(|o| o.abs()).unwrap_or(0)
    }

    /// True where the offset is larger than what is not known of it.
    pub fn significant(&self, from: i64, to: i64) -> bool {
        !self.segments.is_empty() && self.largest(from, to).abs() > SIGNIFICANT * self.bound
    }
}
