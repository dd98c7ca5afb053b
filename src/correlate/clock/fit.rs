//! Offset and drift between two bounds: the line under all points that bound from above, the line over all that bound from
//! below, and their middle.
//!
//! Source: L. Zhang, Z. Liu, C. H. Xia, "Clock synchronization algorithms for network measurements" (INFOCOM 2002): the
//! line with the least sum of distances lies on the edge of the convex hull over the points' mean.

use crate::table::clock::Segment;

/// Points a side from which on a drift is fitted.
const DRIFT: usize = 10;
/// And the time that they must span, ns: an hour.
const LONG: i64 = 3600 * 1_000_000_000;
/// Points a side that a claim needs where both bound, and where one does.
pub(super) const BOTH: usize = 5;
pub(super) const ONE: usize = 20;
/// Bounds that cross by less than this do not contradict each other, ns.
const TOUCH: f64 = 2e6;
/// Cuts tried for a step, and how often a step is looked for.
const CUTS: i64 = 64;
const DEPTH: u32 = 3;

/// Bounds on how far one clock is ahead of another: (moment, ns).
#[derive(Debug, Clone, Default)]
pub(super) struct Bounds {
    /// It is ahead by no more than this.
    pub(super) above: Vec<(i64, i64)>,
    /// It is ahead by no less than this.
    pub(super) below: Vec<(i64, i64)>,
}

/// A fitted clock.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fit {
    pub(super) segments: Vec<Segment>,
    pub(super) bound: i64,
    pub(super) one_sided: bool,
}

/// Fits offset, drift and steps; `None` for too few points. `least` is the least bound that the resolution of the times
/// allows, ns.
pub(super) fn fit(bounds: &Bounds, least: i64) -> Option<Fit> {
    let (above, below) = (bounds.above.len(), bounds.below.len());
    if above < BOTH || below < BOTH {
        return one_sided(bounds, least);
    }
    let mut pieces = Vec::new();
    cut(bounds, i64::MIN, DEPTH, &mut pieces);
    let bound = pieces.iter().map(|(_, bound)| *bound).fold(0.0, f64::max);
    #[expect(clippy::cast_possible_truncation, reason = "floats saturate")]
    let bound = (bound as i64).max(least);
    Some(Fit { segments: pieces.into_iter().map(|(segment, _)| segment).collect(), bound, one_sided: false })
}

/// With one kind of pairs alone the nearest one is taken to have had no delay at all.
fn one_sided(bounds: &Bounds, least: i64) -> Option<Fit> {
    let upper = bounds.above.len() >= bounds.below.len();
    let points = if upper { &bounds.above } else { &bounds.below };
    if points.len() < ONE {
        return None;
    }
    let offsets = points.iter().map(|p| p.1);
    let offset = if upper { offsets.min()? } else { offsets.max()? };
    let at = points.iter().map(|p| p.0).min()?;
    let segments = vec![Segment { from: i64::MIN, at, offset: offset as f64, drift: 0.0 }];
    Some(Fit { segments, bound: least, one_sided: true })
}

/// One piece, or two where the bounds contradict each other and a cut mends that.
fn cut(bounds: &Bounds, from: i64, depth: u32, out: &mut Vec<(Segment, f64)>) {
    let (whole, gap) = line(bounds, from);
    if gap >= -TOUCH || depth == 0 {
        // Bounds that cross say that the order of some pair is not what it is taken for: by so much it is not known.
        out.push((whole, gap.abs() / 2.0));
        return;
    }
    let moments = || bounds.above.iter().chain(&bounds.below).map(|p| p.0);
    let (Some(mut low), Some(mut high)) = (moments().min(), moments().max()) else { return };
    let mut best: Option<(f64, i64)> = None;
    // Twice: over everything, then around the best cut.
    for _ in 0..2 {
        let step = ((high - low) / CUTS).max(1);
        for at in (1..CUTS).map(|n| low + n * step) {
            let (before, after) = split(bounds, at);
            let enough = [&before.above, &before.below, &after.above, &after.below].iter().all(|p| p.len() >= BOTH);
            let gap = line(&before, from).1.min(line(&after, at).1);
            if enough && best.is_none_or(|(old, _)| gap > old) {
                best = Some((gap, at));
            }
        }
        let Some((_, at)) = best else { break };
        (low, high) = (at - step, at + step);
    }
    match best {
        Some((better, at)) if better >= -TOUCH || better > gap / 4.0 => {
            let (before, after) = split(bounds, at);
            cut(&before, from, depth - 1, out);
            cut(&after, at, depth - 1, out);
        }
        _ => out.push((whole, gap.abs() / 2.0)),
    }
}

fn split(bounds: &Bounds, at: i64) -> (Bounds, Bounds) {
    let halves = |points: &[(i64, i64)]| points.iter().partition::<Vec<_>, _>(|p| p.0 < at);
    let ((above, later), (below, later_below)) = (halves(&bounds.above), halves(&bounds.below));
    (Bounds { above, below }, Bounds { above: later, below: later_below })
}

/// The middle between the two lines, and the least distance between them at the ends and in the middle; negative where
/// they cross.
fn line(bounds: &Bounds, from: i64) -> (Segment, f64) {
    let moments = || bounds.above.iter().chain(&bounds.below).map(|p| p.0);
    let (first, last) = (moments().min().unwrap_or(0), moments().max().unwrap_or(0));
    let at = i64::midpoint(first, last);
    let spans = |points: &[(i64, i64)]| {
        let ends = points.iter().map(|p| p.0);
        points.len() >= DRIFT && ends.clone().max().zip(ends.min()).is_some_and(|(b, a)| b - a >= LONG)
    };
    let sides = if spans(&bounds.above) && spans(&bounds.below) {
        edge(&bounds.above, at, 1.0).zip(edge(&bounds.below, at, -1.0))
    } else {
        let level = |value: Option<i64>| value.map(|v| (v as f64, 0.0));
        level(bounds.above.iter().map(|p| p.1).min()).zip(level(bounds.below.iter().map(|p| p.1).max()))
    };
    let Some(((upper, up), (lower, low))) = sides else {
        return (Segment { from, at, offset: 0.0, drift: 0.0 }, f64::NEG_INFINITY);
    };
    let half = (last - at) as f64;
    let gap = (upper - lower) - (up - low).abs() * half;
    let drift = f64::midpoint(up, low);
    // Half the largest distance is what may be wrong at worst; crossing lines are reported by the least.
    let widest = (upper - lower) + (up - low).abs() * half;
    let gap = if gap >= -TOUCH { widest.max(0.0) } else { gap };
    (Segment { from, at, offset: f64::midpoint(upper, lower), drift }, gap)
}

/// The edge of the hull over the points' mean: value at `at` and slope. `side` is 1 for the lower hull, -1 for the upper.
fn edge(points: &[(i64, i64)], at: i64, side: f64) -> Option<(f64, f64)> {
    let mut sorted: Vec<(f64, f64)> = points.iter().map(|p| ((p.0 - at) as f64, p.1 as f64)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mean = sorted.iter().map(|p| p.0).sum::<f64>() / sorted.len().max(1) as f64;
    let mut hull: Vec<(f64, f64)> = Vec::new();
    for p in sorted {
        while let [.., a, b] = hull.as_slice()
            && ((b.0 - a.0) * (p.1 - a.1) - (b.1 - a.1) * (p.0 - a.0)) * side <= 0.0
        {
            hull.pop();
        }
        hull.push(p);
    }
    let over = hull.windows(2).find_map(|pair| match pair {
        [a, b] if a.0 <= mean && mean <= b.0 && b.0 > a.0 => Some((*a, (b.1 - a.1) / (b.0 - a.0))),
        _ => None,
    });
    over.map(|(a, slope)| (a.1 - slope * a.0, slope)).or_else(|| hull.first().map(|p| (p.1, 0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::clock::offset;

    const MS: f64 = 1e6;
    const SECOND: i64 = 1_000_000_000;

    /// Numbers in [0, 1), the same every time.
    fn draw(seed: &mut u64) -> f64 {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        (*seed >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Pairs over `span` seconds of a clock that is ahead by `theta(t)` ns, with delays of 0.4 ms and more.
    #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
    fn bounds(n: usize, span: i64, theta: impl Fn(f64) -> f64) -> Bounds {
        let mut seed = 0x9e37_79b9_7f4a_7c15;
        let mut out = Bounds::default();
        for _ in 0..n {
            let (a, b) = (draw(&mut seed) * span as f64 * 1e9, draw(&mut seed) * span as f64 * 1e9);
            let delay = |u: f64, mean: f64| 0.4 * MS - (1.0 - u).ln() * mean * MS;
            out.above.push((a as i64, (theta(a) + delay(draw(&mut seed), 3.0)) as i64));
            out.below.push((b as i64, (theta(b) - delay(draw(&mut seed), 20.0)) as i64));
        }
        out
    }

    #[test]
    fn drift_and_offset_are_found_within_the_bound() {
        let theta = |t: f64| -2.5e9 + 40e-6 * t;
        for n in [10, 50, 500] {
            let found = fit(&bounds(n, 8 * 3600, theta), 0).unwrap();
            assert_eq!((found.segments.len(), found.one_sided), (1, false));
            for t in [0i64, 4 * 3600 * SECOND, 8 * 3600 * SECOND] {
                let off = (offset(&found.segments, t) as f64 - theta(t as f64)).abs();
                assert!(off <= found.bound as f64, "{n}: off by {off} ns, bound {}", found.bound);
            }
            assert!((found.bound as f64) < 15.0 * MS, "{n}: {}", found.bound);
            assert!((found.segments[0].drift - 40e-6).abs() < 2e-6, "{n}: {}", found.segments[0].drift);
        }
    }

    #[test]
    fn a_step_is_found_and_dated() {
        let theta = |t: f64| if t < 600e9 { 1e9 } else { -0.25e9 };
        let found = fit(&bounds(200, 1800, theta), 0).unwrap();
        assert_eq!(found.segments.len(), 2, "{found:?}");
        assert!((found.segments[1].from - 600 * SECOND).abs() < 30 * SECOND, "{found:?}");
        assert!((offset(&found.segments, 0) - SECOND).abs() <= found.bound);
        assert!((offset(&found.segments, 1700 * SECOND) + SECOND / 4).abs() <= found.bound);
    }

    #[test]
    fn one_direction_gives_a_one_sided_answer_and_few_pairs_none() {
        let mut both = bounds(60, 1200, |_| 3e9);
        both.below.clear();
        let found = fit(&both, 5_000_000).unwrap();
        assert!(found.one_sided && found.bound == 5_000_000);
        assert!((offset(&found.segments, 0) - 3 * SECOND).abs() < 3_000_000, "{found:?}");
        both.above.truncate(10);
        assert_eq!(fit(&both, 0), None);
        assert_eq!(fit(&bounds(4, 1200, |_| 3e9), 0), None);
    }
}
