//! What a server's own counts prove: lines that were never written, or were lost.
//!
//! MongoDB states on every line about a connection how many are open, and numbers its connections one by one. A count
//! that falls by more than the lines explain dates closes that no line tells of; a number that is skipped is an open that
//! no line tells of.

use super::servers::Family;
use crate::ingest::{IntCol, TextCol};
use crate::table::Row;
use crate::table::maps::HashMap;
use backtrail_parsers::prim::num;
use std::collections::BTreeMap;

/// Two lines that overtook each other on their way to the file set the count right again within this time.
const OVERTAKEN: i64 = 1_000_000_000;

/// Closes that a server's count proves although no line tells of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// The source.
    pub source: u32,
    /// The last line whose count agreed, ns UTC.
    pub from: i64,
    /// The first line whose count does not.
    pub to: i64,
    /// How many closes are missing, less the opens that are missing beside them.
    pub closes: u64,
}

/// A stretch over which the count and the lines disagree by the same number.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    before: i64,
    from: i64,
    off: i64,
}

#[derive(Debug, Default)]
struct Counted {
    lines: i64,
    last: i64,
    stretches: Vec<Stretch>,
    /// Lowest and highest number of a connection since the server's start, and how many were seen.
    ids: Option<(u64, u64, u64)>,
    lost_opens: u64,
}

/// Follows the counts of every source.
#[derive(Debug, Default)]
pub(super) struct Gauges {
    sources: HashMap<u32, Counted>,
}

impl Gauges {
    /// A connection was opened: the count includes it.
    pub(super) fn open(&mut self, row: &Row<'_>, family: Family) {
        self.count(row, 1);
        let id = num::uint(row.text(TextCol::Conn)).filter(|_| family == Family::Mongo);
        if let (Some(id), Some(counted)) = (id, self.sources.get_mut(&row.source_id())) {
            counted.ids = Some(counted.ids.map_or((id, id, 1), |(low, high, n)| (low.min(id), high.max(id), n + 1)));
        }
    }

    /// A connection was closed: the count no longer includes it.
    pub(super) fn close(&mut self, row: &Row<'_>) {
        self.count(row, -1);
    }

    fn count(&mut self, row: &Row<'_>, change: i64) {
        let Some(stated) = row.counter(IntCol::Total).map(i64::from) else { return };
        let counted = self.sources.entry(row.source_id()).or_default();
        counted.lines += change;
        let off = stated - counted.lines;
        if counted.stretches.last().is_none_or(|s| s.off != off) {
            counted.stretches.push(Stretch { before: counted.last, from: row.time(), off });
        }
        counted.last = row.time();
    }

    /// The server starts anew: counts and numbers begin again.
    pub(super) fn restart(&mut self, source: u32) {
        if let Some(counted) = self.sources.get_mut(&source) {
            counted.skipped();
            // What follows is no step against what was before.
            counted.lines = 0;
            if let Some(last) = counted.stretches.last_mut().filter(|s| s.off != 0) {
                let (before, off) = (last.from, 0);
                counted.stretches.push(Stretch { before, from: i64::MAX, off });
            }
        }
    }

    /// Closes and opens that no line tells of.
    pub(super) fn finish(self) -> (Vec<Loss>, BTreeMap<u32, u64>) {
        let mut losses = Vec::new();
        let mut opens = BTreeMap::new();
        for (source, mut counted) in self.sources.into_iter().collect::<BTreeMap<_, _>>() {
            counted.skipped();
            if counted.lost_opens > 0 {
                opens.insert(source, counted.lost_opens);
            }
            let steps = steady(&counted.stretches);
            for (a, b) in steps.iter().zip(steps.iter().skip(1)) {
                if b.from != i64::MAX && a.from != i64::MAX && b.off < a.off {
                    losses.push(Loss { source, from: b.before, to: b.from, closes: (a.off - b.off).unsigned_abs() });
                }
            }
        }
        (losses, opens)
    }
}

impl Counted {
    fn skipped(&mut self) {
        if let Some((low, high, seen)) = self.ids.take() {
            self.lost_opens += (high - low + 1).saturating_sub(seen);
        }
    }
}

/// The stretches without those that lines overtaking each other made.
fn steady(stretches: &[Stretch]) -> Vec<Stretch> {
    let mut out: Vec<Stretch> = Vec::new();
    for (at, stretch) in stretches.iter().enumerate() {
        let ends = stretches.get(at + 1).map_or(i64::MAX, |next| next.from);
        let short = ends != i64::MAX && stretch.from != i64::MAX && ends - stretch.from <= OVERTAKEN;
        let returns = out.last().is_some_and(|last| stretches.get(at + 1).is_some_and(|next| next.off == last.off));
        if (short && returns) || out.last().is_some_and(|last| last.off == stretch.off) {
            continue;
        }
        out.push(*stretch);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(from: i64, off: i64) -> Stretch {
        Stretch { before: from - 1, from, off }
    }

    #[test]
    fn lines_that_overtake_each_other_are_no_loss() {
        let second = OVERTAKEN;
        let offs = |stretches: &[Stretch]| steady(stretches).iter().map(|s| s.off).collect::<Vec<_>>();
        assert_eq!(offs(&[stretch(0, 7), stretch(10 * second, 8), stretch(10 * second + 5, 7)]), [7]);
        assert_eq!(offs(&[stretch(0, 7), stretch(10 * second, 5), stretch(90 * second, 6)]), [7, 5, 6]);
    }
}
