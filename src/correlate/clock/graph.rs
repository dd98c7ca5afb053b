//! From pairs of sources to one clock a source: the best-known comparisons first, chained from a reference.

use super::pairs::Edge;
use crate::table::EventTable;
use crate::table::clock::{Clock, Segment};
use std::collections::BTreeMap;

/// Settles the clocks of all sources that can be compared.
pub(super) fn settle(table: &EventTable, mut known: Vec<Edge>) -> Vec<Clock> {
    // Two-sided ones first, then the narrowest.
    known.sort_by_key(|k| (k.fit.one_sided, k.fit.bound, std::cmp::Reverse(k.pairs), k.a, k.b));
    let mut weight: BTreeMap<u32, u64> = BTreeMap::new();
    for k in &known {
        *weight.entry(k.a).or_default() += k.pairs;
        *weight.entry(k.b).or_default() += k.pairs;
    }
    let mut out: BTreeMap<u32, Clock> = BTreeMap::new();
    // The most connected source whose zone is written, in each group of sources that can be compared.
    while let Some(reference) = weight
        .keys()
        .copied()
        .filter(|s| !out.contains_key(s))
        .max_by_key(|s| (is_written(table, *s), weight.get(s).copied(), std::cmp::Reverse(*s)))
    {
        out.insert(reference, chained(reference, reference, Vec::new(), 0, 0, false, "reference"));
        while let Some((clock, source)) = next(&known, &out) {
            out.insert(source, clock);
        }
    }
    out.into_values().collect()
}

fn is_written(table: &EventTable, source: u32) -> bool {
    table.sources.get(source as usize).is_some_and(|s| s.zone.basis == "written")
}

fn chained(
    source: u32,
    reference: u32,
    segments: Vec<Segment>,
    bound: i64,
    pairs: u64,
    one_sided: bool,
    basis: &'static str,
) -> Clock {
    Clock { source, reference, segments, bound, pairs, one_sided, basis, applied: false }
}

/// The best comparison of a source that is settled with one that is not.
fn next(known: &[Edge], settled: &BTreeMap<u32, Clock>) -> Option<(Clock, u32)> {
    known.iter().find_map(|k| {
        let (from, to, sign) = match (settled.get(&k.a), settled.get(&k.b)) {
            (Some(a), None) => (a, k.b, 1.0),
            (None, Some(b)) => (b, k.a, -1.0),
            _ => return None,
        };
        let segments = add(&from.segments, &k.fit.segments, sign);
        let bound = from.bound + k.fit.bound;
        let one_sided = from.one_sided || k.fit.one_sided;
        Some((chained(to, from.reference, segments, bound, k.pairs, one_sided, k.basis), to))
    })
}

/// The sum of two piecewise offsets, the second taken `sign` times.
fn add(base: &[Segment], more: &[Segment], sign: f64) -> Vec<Segment> {
    let mut from: Vec<i64> = base.iter().chain(more).map(|s| s.from).collect();
    from.sort_unstable();
    from.dedup();
    let piece = |list: &[Segment], at: i64| {
        list.partition_point(|s| s.from <= at).checked_sub(1).and_then(|i| list.get(i)).or(list.first()).copied()
    };
    from.into_iter()
        .filter_map(|from| {
            let (a, b) = (piece(base, from), piece(more, from));
            let at = b.or(a)?.at;
            let of = |s: Option<Segment>| s.map_or((0.0, 0.0), |s| (s.offset + s.drift * (at - s.at) as f64, s.drift));
            let ((a, a_drift), (b, b_drift)) = (of(a), of(b));
            Some(Segment { from, at, offset: a + sign * b, drift: a_drift + sign * b_drift })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::clock::offset;

    #[test]
    fn offsets_add_up_along_a_chain() {
        let piece = |from, offset, drift| Segment { from, at: 0, offset, drift };
        let base = [piece(i64::MIN, 100.0, 0.0), piece(1000, 300.0, 0.0)];
        let more = [piece(i64::MIN, 7.0, 0.5)];
        let sum = add(&base, &more, -1.0);
        assert_eq!((offset(&sum, 10), offset(&sum, 2000)), (100 - 7 - 5, 300 - 7 - 1000));
        assert_eq!(add(&[], &more, 1.0), more);
    }
}
