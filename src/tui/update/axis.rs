//! The time axis: cursor, zoom, pan, markers, brush.

use super::super::data::Data;
use super::super::layout::axis as columns;
use super::super::model::Model;
use super::super::num;

/// The least that is shown: a column is never narrower than this over the axis' width.
const LEAST: i64 = 100_000_000;

/// Moves the cursor by columns; what is shown follows it.
pub(super) fn step(model: &mut Model, by: i64) {
    let Some(data) = model.data().cloned() else { return };
    let width = i64::from(columns(model.areas().body).width);
    let axis = &mut model.axis;
    let step = ((axis.to - axis.from) / width).max(1);
    axis.cursor = (axis.cursor + step.saturating_mul(by)).clamp(data.window.0, data.window.1);
    follow(model, &data);
}

/// Brings the cursor back into what is shown.
fn follow(model: &mut Model, data: &Data) {
    let axis = &mut model.axis;
    let width = axis.to - axis.from;
    if axis.cursor < axis.from || axis.cursor > axis.to {
        let margin = width / 8;
        let from = if axis.cursor < axis.from { axis.cursor - margin } else { axis.cursor - width + margin };
        shift(model, data, from, width);
    }
}

/// Shows a stretch of this width from this moment on, inside the window.
fn shift(model: &mut Model, data: &Data, from: i64, width: i64) {
    let (first, last) = data.window;
    let width = width.clamp(LEAST.min(last - first), last - first);
    let from = from.clamp(first, last - width);
    (model.axis.from, model.axis.to) = (from, from + width);
}

/// Zooms about the cursor: `times` and `over` make the factor of the new width.
pub(super) fn zoom(model: &mut Model, times: i64, over: i64) {
    let Some(data) = model.data().cloned() else { return };
    let axis = model.axis;
    let old = (axis.to - axis.from).max(1);
    let width = num::share(old, times, over).clamp(LEAST.min(data.window.1 - data.window.0), data.window.1 - data.window.0);
    let at = axis.cursor.clamp(axis.from, axis.to);
    let from = at - num::share(at - axis.from, width, old);
    shift(model, &data, from, width);
}

/// Pans by a quarter of what is shown; the cursor stays on its column.
pub(super) fn pan(model: &mut Model, direction: i64) {
    let Some(data) = model.data().cloned() else { return };
    let (from, width) = (model.axis.from, model.axis.to - model.axis.from);
    shift(model, &data, from + direction * (width / 4).max(1), width);
    let moved = model.axis.from - from;
    model.axis.cursor = (model.axis.cursor + moved).clamp(data.window.0, data.window.1);
}

/// Shows a stretch of time.
pub(super) fn fit(model: &mut Model, from: i64, to: i64) {
    let Some(data) = model.data().cloned() else { return };
    shift(model, &data, from, to - from);
    model.axis.cursor = model.axis.cursor.clamp(model.axis.from, model.axis.to);
}

/// Puts the cursor on a moment and shows it.
pub(super) fn go(model: &mut Model, time: i64) {
    let Some(data) = model.data().cloned() else { return };
    model.axis.cursor = time.clamp(data.window.0, data.window.1);
    follow(model, &data);
}

/// Goes to the next deploy, alert, restart, flag or note, or the one before.
pub(super) fn marker(model: &mut Model, forward: bool) {
    let Some(data) = model.data().cloned() else { return };
    let marks = data.marks.iter().map(|(time, _, _)| *time);
    let flags = data.flags.iter().map(|f| f.time);
    let times = marks.chain(flags).chain(model.notes.iter().map(|n| n.time));
    let times = times.filter(|t| *t >= data.window.0 && *t <= data.window.1);
    let cursor = model.axis.cursor;
    let found = if forward { times.filter(|t| *t > cursor).min() } else { times.filter(|t| *t < cursor).max() };
    match found {
        Some(time) => go(model, time),
        None => model.message = Some(if forward { "no marker after this" } else { "no marker before this" }.into()),
    }
}

/// Begins or ends a brush at the cursor; true where one has ended.
pub(super) fn brush(model: &mut Model) -> bool {
    match model.axis.brushing.take() {
        None => {
            model.axis.brushing = Some(model.axis.cursor);
            model.axis.brush = None;
            model.message = Some("brushing: move, and press again to end".into());
            false
        }
        Some(from) => {
            let (from, to) = (from.min(model.axis.cursor), from.max(model.axis.cursor));
            model.axis.brush = (to > from).then_some((from, to));
            true
        }
    }
}
