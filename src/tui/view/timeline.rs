//! The home pane: lanes on one axis, markers, flags, coverage, and the values at the cursor.

use super::super::clock::{SECOND, length};
use super::super::data::{Data, Mark};
use super::super::layout::axis as columns;
use super::super::model::{Axis, Model};
use super::super::num;
use super::super::theme::Role;
use super::lanes;
use super::paint::Pen;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

/// Steps between the ticks of an axis, ns.
const STEPS: [i64; 23] = [
    SECOND / 100,
    SECOND / 20,
    SECOND / 10,
    SECOND / 2,
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    60 * SECOND,
    120 * SECOND,
    300 * SECOND,
    600 * SECOND,
    1800 * SECOND,
    3600 * SECOND,
    2 * 3600 * SECOND,
    3 * 3600 * SECOND,
    4 * 3600 * SECOND,
    6 * 3600 * SECOND,
    12 * 3600 * SECOND,
    86_400 * SECOND,
    2 * 86_400 * SECOND,
    7 * 86_400 * SECOND,
];

/// Draws the pane.
pub(super) fn draw((model, data): (&Model, &Data), pen: &mut Pen<'_>, body: Rect) {
    let inner = columns(body);
    let axis = &model.axis;
    let mut all = lanes::lanes(data, axis, inner.width);
    let sources = data.table.sources.len();
    let flags = u16::from(!data.flags.is_empty());
    let fixed = 2 + flags;
    // Where there is much room some of it is kept for what the flags mean.
    let told = if body.height >= 30 && flags > 0 { num::cells(data.flags.len() + 1).min(body.height / 5) } else { 0 };
    let room = body.height.saturating_sub(fixed + told);
    let coverage = num::cells(sources).min((room / 4).max(1));
    let room = usize::from(room.saturating_sub(coverage));
    while all.len() > room {
        let least = all.iter().enumerate().max_by_key(|(at, lane)| (lane.keep, *at)).map(|(at, _)| at);
        match least {
            Some(at) => drop(all.remove(at)),
            None => break,
        }
    }
    let each = if all.is_empty() { 0 } else { num::cells(room / all.len()).clamp(1, 5) };
    let mut y = body.y;
    for lane in &all {
        // High lanes have room for a line between them.
        let height = if each > 2 { each - 1 } else { each };
        lanes::draw(lane, pen, body, Rect { y: y + each - height, height, ..body });
        y += each;
    }
    let ruler = Rect { y, height: 1, ..inner }.intersection(body);
    ticks(model, pen, ruler);
    markers(model, data, pen, body, Rect { y: y + 1, ..ruler });
    if flags > 0 {
        flag_row(axis, data, pen, body, Rect { y: y + 2, ..ruler });
    }
    let below = Rect { y: y + fixed, height: coverage, ..body }.intersection(body);
    cover(axis, data, pen, below);
    let used = below.bottom();
    let lined = Rect { height: used.saturating_sub(body.y), ..inner };
    if let Some((from, to)) = axis.marked() {
        let first = axis.column(from.max(axis.from), inner.width);
        let last = axis.column(to.min(axis.to), inner.width);
        if let (Some(first), Some(last)) = (first, last) {
            pen.over(Rect { x: inner.x + first, width: (last - first).max(1), ..lined }, Role::Brush);
        }
    }
    if let Some(column) = axis.column(axis.cursor, inner.width) {
        pen.over(Rect { x: inner.x + column, width: 1, ..lined }, Role::Cursor);
    }
    legend(model, data, pen, Rect { y: used, height: body.bottom().saturating_sub(used), ..body });
}

/// The times along an axis.
pub(super) fn ticks(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let axis = &model.axis;
    let clock = model.clock(None);
    let least = (axis.to - axis.from) / i64::from((area.width / 9).max(1));
    let step = STEPS.iter().copied().find(|s| *s >= least).unwrap_or(30 * 86_400 * SECOND);
    // Ticks stand at round times of the zone shown, or at round distances from the onset.
    let zero = clock.from.unwrap_or(0);
    let mut at = axis.from - (axis.from - zero).rem_euclid(step);
    while at <= axis.to {
        if let Some(column) = axis.column(at, area.width) {
            let label = clock.tick(at, step);
            let x = area.x + column;
            if x + num::cells(label.width()) <= area.right() {
                pen.text(area, x, area.y, &label, Role::Dim);
            }
        }
        at += step;
    }
}

fn markers(model: &Model, data: &Data, pen: &mut Pen<'_>, body: Rect, area: Rect) {
    let legend = format!("{}dep {}al {}up", pen.glyphs.deploy(), pen.glyphs.alert(), pen.glyphs.restart());
    let gutter = Rect { width: area.x.saturating_sub(body.x + 1), y: area.y, height: 1, ..body };
    pen.text(gutter, gutter.x, area.y, &legend, Role::Dim);
    let mut seen: Vec<Option<Mark>> = vec![None; usize::from(area.width)];
    for (time, mark, _) in &data.marks {
        if let Some(slot) = model.axis.column(*time, area.width).and_then(|c| seen.get_mut(usize::from(c))) {
            *slot = (*slot).max(Some(*mark));
        }
    }
    for (x, mark) in (area.x..area.right()).zip(seen) {
        let (symbol, role) = match mark {
            Some(Mark::Deploy) => (pen.glyphs.deploy(), Role::Use),
            Some(Mark::Alert) => (pen.glyphs.alert(), Role::Warn),
            Some(Mark::Restart) => (pen.glyphs.restart(), Role::Plain),
            None => continue,
        };
        pen.cell(x, area.y, symbol, role);
    }
    for note in &model.notes {
        if let Some(column) = model.axis.column(note.time, area.width) {
            pen.cell(area.x + column, area.y, pen.glyphs.mark(), Role::Key);
        }
    }
}

fn flag_row(axis: &Axis, data: &Data, pen: &mut Pen<'_>, body: Rect, area: Rect) {
    let gutter = Rect { width: area.x.saturating_sub(body.x + 1), y: area.y, height: 1, ..body };
    pen.text(gutter, gutter.x, area.y, "incident", Role::Dim);
    for (from, to) in &data.spells {
        let first = axis.column((*from).max(axis.from), area.width);
        let last = axis.column((*to).min(axis.to), area.width);
        if let (Some(first), Some(last), true) = (first, last, from <= to) {
            for column in first..=last {
                pen.cell(area.x + column, area.y, pen.glyphs.line(), Role::Bad);
            }
        }
    }
    let mut free = 0;
    for (number, flag) in data.flags.iter().enumerate() {
        if let Some(column) = axis.column(flag.time, area.width) {
            // Flags on the same column stand side by side, in their order.
            let column = column.max(free).min(area.width.saturating_sub(1));
            pen.cell(area.x + column, area.y, pen.glyphs.flag(number), Role::Title);
            free = column + 1;
        }
    }
}

/// A strip per source: where it wrote something, and its holes. Sources with holes come first.
fn cover(axis: &Axis, data: &Data, pen: &mut Pen<'_>, area: Rect) {
    let inner = columns(area);
    let mut order: Vec<(usize, u32)> = Vec::new();
    for (index, source) in data.table.sources.iter().enumerate() {
        order.push((data.case.gaps.iter().filter(|g| g.source == source.id).count(), num::count(index)));
    }
    order.sort_by_key(|(gaps, index)| (std::cmp::Reverse(*gaps), *index));
    for (y, (_, index)) in (area.y..area.bottom()).zip(&order) {
        let gutter = Rect { width: inner.x.saturating_sub(area.x + 1), y, height: 1, ..area };
        pen.text(gutter, gutter.x, y, &data.file(*index), Role::Dim);
        for column in 0..inner.width {
            let (from, to) = (axis.time(column, inner.width), axis.time(column + 1, inner.width));
            let gap = data.case.gaps.iter().any(|g| g.source == *index && g.from < from && to < g.to);
            let records = data.tracks.records(*index as usize, from, to);
            if records > 0 {
                pen.cell(inner.x + column, y, pen.glyphs.covered(), Role::Dim);
            } else if gap {
                pen.cell(inner.x + column, y, pen.glyphs.hole(), Role::Bad);
            }
        }
    }
    let hidden = order.len().saturating_sub(usize::from(area.height));
    if hidden > 0 && area.height > 0 {
        let scale = Rect { x: inner.right() + 1, width: area.right().saturating_sub(inner.right() + 1), ..area };
        pen.text(scale, scale.x, area.bottom() - 1, &format!("+{hidden}"), Role::Dim);
    }
}

/// What the flags and the markers near the cursor mean, where there is room.
fn legend(model: &Model, data: &Data, pen: &mut Pen<'_>, area: Rect) {
    let clock = model.clock(None);
    let mut y = area.y;
    if area.height >= 3 {
        y += 1;
    }
    // Where not all have room, those around the cursor are shown.
    let room = usize::from(area.bottom().saturating_sub(y));
    let reached = data.flags.iter().filter(|f| f.time <= model.axis.cursor).count();
    let skip = reached.saturating_sub(1).min(data.flags.len().saturating_sub(room));
    for (number, flag) in data.flags.iter().enumerate().skip(skip).take(room) {
        let x = pen.text(area, area.x, y, pen.glyphs.flag(number), Role::Title);
        // Where clocks or samples do not tell the order, the reader is told so.
        let sign = if flag.ordered { " " } else { pen.glyphs.about() };
        let x = pen.text(area, x, y, &format!("{sign}{}  ", clock.long(flag.time)), Role::Dim);
        pen.text(area, x, y, &flag.title, Role::Plain);
        y += 1;
    }
}

/// The values at the cursor's column.
pub(super) fn status((model, data): (&Model, &Data), pen: &mut Pen<'_>, area: Rect) {
    let axis = &model.axis;
    let width = columns(model.areas().body).width;
    let step = ((axis.to - axis.from) / i64::from(width.max(1))).max(1);
    let from = match axis.column(axis.cursor, width) {
        Some(column) => axis.time(column, width),
        None => axis.cursor,
    };
    let sum = data.tracks.sum(from, from + step);
    let clock = model.clock(None);
    let x = pen.text(area, area.x, area.y, &clock.long(axis.cursor), Role::Title);
    let x = pen.text(area, x, area.y, &format!(" {} ", clock.name()), Role::Dim);
    let mut said = Vec::new();
    if let Some((from, to)) = axis.marked() {
        said.push(format!("brush {}", length(to - from)));
    }
    let flag = data.flags.iter().find(|f| f.time >= from && f.time < from + step).map(|f| f.title.clone());
    said.extend(flag);
    let mut add = |shown: bool, text: String| {
        if shown {
            said.push(text);
        }
    };
    add(!data.tracks.requests.is_empty(), format!("{} req", sum.requests));
    add(sum.errors > 0, format!("{} failed", sum.errors));
    add(sum.p95.is_some(), format!("p95 {}", length(sum.p95.unwrap_or(0))));
    add(sum.waiting > 0, format!("{} waiting", sum.waiting));
    add(sum.in_use > 0, format!("{} in use", sum.in_use));
    add(sum.refused > 0, format!("{} turned away", sum.refused));
    add(!data.tracks.leaked.is_empty(), format!("{} leaked", sum.leaked));
    let text = said.join(&format!(" {} ", pen.glyphs.dot()));
    pen.text(area, x + 1, area.y, &text, Role::Plain);
}
