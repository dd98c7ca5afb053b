//! The mouse: a click selects, the wheel scrolls or zooms, a drag on the timeline brushes.

use super::super::layout::{axis as columns, split, split_at, tabs};
use super::super::model::{Model, Pane};
use super::super::msg::Cmd;
use super::{act, axis, brushed, go};
use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use unicode_width::UnicodeWidthStr;

/// What the mouse does.
pub(super) fn mouse(model: &mut Model, event: MouseEvent) -> Vec<Cmd> {
    let (areas, none) = (model.areas(), Vec::new());
    if model.overlay.is_some() {
        if matches!(event.kind, MouseEventKind::Down(_)) {
            model.overlay = None;
        }
        return none;
    }
    let timeline = model.pane == Pane::Timeline;
    match event.kind {
        MouseEventKind::ScrollUp if timeline => axis::zoom(model, 2, 3),
        MouseEventKind::ScrollDown if timeline => axis::zoom(model, 3, 2),
        MouseEventKind::ScrollUp => act::scroll(model, -3),
        MouseEventKind::ScrollDown => act::scroll(model, 3),
        MouseEventKind::Down(MouseButton::Left) if event.row == areas.tabs.y => tab(model, event.column),
        MouseEventKind::Down(MouseButton::Left) if timeline => {
            point(model, event.column);
            model.axis.brushing = None;
        }
        MouseEventKind::Drag(MouseButton::Left) if timeline => {
            if model.axis.brushing.is_none() {
                model.axis.brushing = Some(model.axis.cursor);
                model.axis.brush = None;
            }
            point(model, event.column);
        }
        MouseEventKind::Up(MouseButton::Left) if timeline && model.axis.brushing.is_some() => {
            axis::brush(model);
            return brushed(model);
        }
        MouseEventKind::Down(MouseButton::Left) => row(model, event.row),
        _ => {}
    }
    none
}

fn point(model: &mut Model, column: u16) {
    let area = columns(model.areas().body);
    let column = column.saturating_sub(area.x).min(area.width.saturating_sub(1));
    if model.data().is_some() {
        model.axis.cursor = model.axis.time(column, area.width);
    }
}

fn tab(model: &mut Model, column: u16) {
    let mut x = 0usize;
    for (pane, text) in tabs(model.size.0, model.pane) {
        x += text.width();
        if usize::from(column) < x {
            go(model, pane);
            return;
        }
    }
}

fn row(model: &mut Model, row: u16) {
    let body = model.areas().body;
    let detail = match model.pane {
        Pane::Sessions => model.sessions.holding,
        Pane::Events => model.events.record,
        _ => false,
    };
    let head = match model.pane {
        Pane::Sessions => 2,
        Pane::Diagnosis => 0,
        _ => 1,
    };
    let above = match model.pane {
        Pane::Sites => split_at(body, model.sites.shown.len()).0,
        _ => split(body, detail).0,
    };
    if row < above.y + head || row >= above.bottom() {
        return;
    }
    let index = usize::from(row - above.y - head);
    let (count, _) = model.list_size();
    let Some(list) = model.list_mut() else { return };
    if list.top + index < count {
        list.at = list.top + index;
    }
}
