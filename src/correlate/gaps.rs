//! Holes in the logs: times at which a source wrote nothing although it should have and others were alive.

use crate::table::{EventTable, Rows};

/// A silence is a hole when a source of this steady a rate would be silent that long by chance less than once in a million.
const SURPRISE: f64 = 13.8; // −ln(1e-6)
/// Buckets per source in which its rate is measured.
const BUCKETS: usize = 240;
/// Shorter silences are never reported.
const SHORTEST: i64 = 30_000_000_000;

/// A hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The source that was silent.
    pub source: u32,
    /// Its last record before the silence, ns UTC.
    pub from: i64,
    /// Its first record after it.
    pub to: i64,
}

impl Gap {
    /// True where the hole and an interval have a moment in common.
    pub fn overlaps(&self, from: i64, to: i64) -> bool {
        self.from < to && from < self.to
    }
}

/// Finds the holes of every source, in the order of sources and time.
pub fn find(table: &EventTable, rows: &Rows<'_>) -> Vec<Gap> {
    let mut times: Vec<Vec<i64>> = vec![Vec::new(); table.sources.len()];
    for row in rows.iter().filter(crate::table::Row::has_time) {
        if let Some(times) = times.get_mut(row.source_id() as usize) {
            times.push(row.time());
        }
    }
    for times in &mut times {
        if !times.is_sorted() {
            radsort::sort(times);
        }
    }
    let mut gaps = Vec::new();
    for (source, own) in (0u32..).zip(&times) {
        let silences = long_silences(own);
        gaps.extend(silences.into_iter().map(|(from, to)| Gap { source, from, to }).filter(|gap| others_alive(&times, gap)));
    }
    gaps
}

/// Silences that the source's own usual rate makes incredible.
fn long_silences(times: &[i64]) -> Vec<(i64, i64)> {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return Vec::new() };
    let width = ((last - first) / BUCKETS as i64).max(1);
    let mut counts = [0u64; BUCKETS];
    for time in times {
        let bucket = usize::try_from((time - first) / width).unwrap_or(0).min(BUCKETS - 1);
        if let Some(count) = counts.get_mut(bucket) {
            *count += 1;
        }
    }
    counts.sort_unstable();
    // The lower quartile: a source that is quiet most of the time has no steady rate to miss.
    let rate = counts.get(BUCKETS / 4).copied().unwrap_or(0) as f64 / width as f64;
    if rate <= 0.0 {
        return Vec::new();
    }
    let pairs = times.iter().zip(times.iter().skip(1));
    pairs.filter(|(a, b)| *b - *a >= SHORTEST && rate * (*b - *a) as f64 > SURPRISE).map(|(a, b)| (*a, *b)).collect()
}

/// At least one other source goes on writing through the middle half of the silence.
fn others_alive(times: &[Vec<i64>], gap: &Gap) -> bool {
    let quarter = (gap.to - gap.from) / 4;
    let (from, to) = (gap.from + quarter, gap.to - quarter);
    times.iter().enumerate().filter(|(source, _)| *source != gap.source as usize).any(|(_, times)| {
        let start = times.partition_point(|t| *t < from);
        times.get(start..).unwrap_or_default().iter().take_while(|t| **t < to).count() >= 5
    })
}
