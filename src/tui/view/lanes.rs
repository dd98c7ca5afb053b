//! The lanes of the timeline: which there are, what they show per column, and how a lane is drawn.

use super::super::clock::length;
use super::super::data::Data;
use super::super::layout::axis as columns;
use super::super::model::Axis;
use super::super::num;
use super::super::theme::Role;
use super::super::tracks::Sum;
use super::paint::Pen;
use ratatui::layout::Rect;

/// What a lane shows.
pub(super) enum Shape {
    /// A bar a column.
    Bars(Vec<u64>),
    /// A band between two values, two a column.
    Band(Vec<Option<(u64, u64)>>),
}

/// A lane.
pub(super) struct Lane {
    name: String,
    role: Role,
    top: u64,
    label: String,
    /// The value at the bottom, where that is not 0.
    below: String,
    shape: Shape,
    /// Lanes of a lower number stay where there is little room.
    pub(super) keep: u8,
}

/// The lanes that there is something to show in.
pub(super) fn lanes(data: &Data, axis: &Axis, width: u16) -> Vec<Lane> {
    let tracks = &data.tracks;
    let span = |column: u16| (axis.time(column, width), axis.time(column + 1, width));
    let sums: Vec<Sum> = (0..width).map(|c| tracks.sum(span(c).0, span(c).1)).collect();
    let mut out = Vec::new();
    let column = (span(0).1 - span(0).0).max(1).unsigned_abs();
    let rate = |n: u64| {
        let tenths = |seconds: u64| u128::from(n) * 10 * u128::from(seconds) * 1_000_000_000 / u128::from(column);
        let (seconds, unit) = match () {
            () if tenths(1) >= 1 => (1, "/s"),
            () if tenths(60) >= 1 => (60, "/min"),
            () => (3600, "/h"),
        };
        let tenths = tenths(seconds);
        if tenths >= 100 { format!("{}{unit}", tenths / 10) } else { format!("{}.{}{unit}", tenths / 10, tenths % 10) }
    };
    let mut bars = |name: &str, role: Role, keep: u8, floor: u64, values: Vec<u64>, label: &dyn Fn(u64) -> String| {
        let top = values.iter().copied().max().unwrap_or(0).max(floor);
        out.push(Lane {
            name: name.into(),
            role,
            top,
            label: label(top),
            below: String::new(),
            shape: Shape::Bars(values),
            keep,
        });
    };
    let of = |pick: fn(&Sum) -> u32| sums.iter().map(|s| u64::from(pick(s))).collect::<Vec<u64>>();
    let plain = |n: u64| n.to_string();
    if !tracks.requests.is_empty() {
        bars("requests", Role::Requests, 1, 0, of(|s| s.requests), &rate);
    }
    if !tracks.errors.is_empty() {
        bars("errors 5xx", Role::Bad, 0, 0, of(|s| s.errors), &rate);
    }
    if !tracks.refused.is_empty() {
        bars("turned away", Role::Bad, 5, 0, of(|s| s.refused), &rate);
    }
    if !tracks.waiting.is_empty() {
        bars("waiting", Role::Waiting, 3, 0, of(|s| s.waiting), &plain);
    }
    if !tracks.in_use.is_empty() {
        let stated = data.report.pools.iter().filter_map(|pool| pool.size).max();
        let size = u64::from(stated.unwrap_or(tracks.pool_max));
        bars("pool in use", Role::Use, 2, size, of(|s| s.in_use), &|top| {
            if size > 0 && top <= size { format!("of {size}") } else { top.to_string() }
        });
    }
    for (layer, curve) in &tracks.open {
        let values = (0..width).map(|c| u64::from(tracks.most(curve, span(c).0, span(c).1))).collect();
        bars(&format!("open {}", layer.name()), Role::Open, 6, 0, values, &plain);
    }
    if !tracks.leaked.is_empty() {
        bars("leaked", Role::Bad, 1, 0, of(|s| s.leaked), &plain);
    }
    if tracks.has_latency() {
        let half = width * 2;
        let band = |c: u16| {
            let sum = tracks.sum(axis.time(c, half), axis.time(c + 1, half));
            sum.p50.zip(sum.p95).map(|(low, high)| (low.unsigned_abs(), high.unsigned_abs()))
        };
        let band: Vec<Option<(u64, u64)>> = (0..half).map(band).collect();
        let longest = band.iter().flatten().map(|(_, high)| *high).max().unwrap_or(0);
        let shortest = band.iter().flatten().map(|(low, _)| *low).min().unwrap_or(0);
        let label = length(i64::try_from(longest).unwrap_or(0));
        let below = length(i64::try_from(shortest).unwrap_or(0));
        // Latencies reach from milliseconds to minutes: equal steps are equal factors.
        let floor = log(shortest);
        let level = |ns: u64| log(ns) - floor + 1;
        let band = band.into_iter().map(|pair| pair.map(|(low, high)| (level(low), level(high)))).collect();
        let top = level(longest);
        let at = usize::from(!tracks.requests.is_empty()) + usize::from(!tracks.errors.is_empty());
        let lane =
            Lane { name: "p50 to p95".into(), role: Role::Latency, top, label, below, shape: Shape::Band(band), keep: 4 };
        out.insert(at.min(out.len()), lane);
    }
    out
}

/// A logarithm in sixty-fourths of an octave, good enough to draw.
fn log(ns: u64) -> u64 {
    let ns = ns.max(64);
    let octave = u64::from(ns.ilog2());
    octave * 64 + (ns >> (octave - 6)) % 64
}

/// Draws a lane with its name and its top value.
pub(super) fn draw(lane: &Lane, pen: &mut Pen<'_>, body: Rect, area: Rect) {
    let inner = columns(Rect { y: area.y, height: area.height, ..body });
    let bottom = area.bottom().saturating_sub(1);
    let gutter = Rect { width: inner.x.saturating_sub(body.x + 1), ..area };
    pen.text(gutter, gutter.x, bottom, &lane.name, Role::Plain);
    let scale = Rect { x: inner.right() + 1, width: body.right().saturating_sub(inner.right() + 1), ..area };
    pen.text(scale, scale.x, area.y, &lane.label, Role::Dim);
    if area.height > 1 {
        pen.text(scale, scale.x, bottom, &lane.below, Role::Dim);
    }
    let height = u64::from(area.height);
    match &lane.shape {
        Shape::Bars(values) => {
            for (x, value) in (inner.x..inner.right()).zip(values) {
                let mut eighths = num::scale(*value, lane.top, height * 8);
                for y in (area.y..area.bottom()).rev() {
                    if eighths == 0 {
                        break;
                    }
                    let symbol = pen.glyphs.bar(eighths.min(8));
                    pen.cell(x, y, symbol, lane.role);
                    eighths = eighths.saturating_sub(8);
                }
            }
        }
        Shape::Band(values) => {
            for (x, pair) in (inner.x..inner.right()).zip(values.chunks(2)) {
                for y in area.y..area.bottom() {
                    let below = u64::from(bottom - y) * 4;
                    let dots = |half: usize| match pair.get(half).copied().flatten() {
                        Some((low, high)) => {
                            let steps = height * 4;
                            let low = num::scale(low, lane.top, steps).max(1) as u64;
                            let high = (num::scale(high, lane.top, steps) as u64).max(low);
                            (0..4u64).filter(|d| (low..=high).contains(&(below + d + 1))).collect::<Vec<u64>>()
                        }
                        None => Vec::new(),
                    };
                    let left = dots(0).into_iter().map(|d| LEFT.get(num::index(i64::try_from(d).unwrap_or(0))));
                    let right = dots(1).into_iter().map(|d| RIGHT.get(num::index(i64::try_from(d).unwrap_or(0))));
                    let bits = left.chain(right).flatten().fold(0u8, |bits, bit| bits | bit);
                    if bits != 0 {
                        pen.dots(x, y, bits, lane.role);
                    }
                }
            }
        }
    }
}

/// The bits of braille's dots, left column and right column, from below (Unicode, "Braille Patterns").
const LEFT: [u8; 4] = [0x40, 0x04, 0x02, 0x01];
/// See [`LEFT`].
const RIGHT: [u8; 4] = [0x80, 0x20, 0x10, 0x08];
