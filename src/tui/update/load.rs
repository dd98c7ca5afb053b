//! A reading comes, whole or in part, and takes the place of the one before: what the reader did with that one stays.

use super::super::data::Data;
use super::super::model::{Axis, Model, Overlay, Stage};
use super::super::msg::Cmd;
use super::super::notes::key;
use super::{brushed, events, notes, statements};
use crate::report::Ref;
use crate::table::RowId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// More of the first reading is there.
pub(super) fn part(model: &mut Model, data: Arc<Data>) -> Vec<Cmd> {
    let progress = match &model.stage {
        Stage::Loading(progress) | Stage::Partial(progress, _) => progress.clone(),
        // It comes late: the whole is there.
        Stage::Ready(_) | Stage::Failed(_) => return Vec::new(),
    };
    replace(model, data, |data| Stage::Partial(progress, data))
}

/// A reading is there.
pub(super) fn whole(model: &mut Model, data: &Arc<Data>) -> Vec<Cmd> {
    let (old, first) = (model.data().cloned(), !model.whole());
    let mut cmds = replace(model, Arc::clone(data), Stage::Ready);
    model.statements = statements::statements(&data.report);
    if first && model.settings.restore {
        cmds.push(Cmd::Restore(key(data)));
    }
    let leaked = |d: &Data| d.report.leaks.iter().map(|l| l.sessions).sum::<u64>();
    if let Some(more) = old.filter(|_| !first).and_then(|old| leaked(data).checked_sub(leaked(&old))).filter(|n| *n > 0) {
        model.message = Some(format!("{more} more connections leaked"));
        if model.settings.bell {
            cmds.push(Cmd::Bell);
        }
    }
    if let Some(problem) = data.problems.first() {
        model.message = Some(problem.clone());
    }
    cmds
}

fn replace(model: &mut Model, data: Arc<Data>, stage: impl FnOnce(Arc<Data>) -> Stage) -> Vec<Cmd> {
    let Some(old) = model.data().cloned() else {
        model.axis = home(&data);
        model.stage = stage(data);
        return brushed(model);
    };
    let (selected, at_end) = (model.event_row(model.events.list.at), model.events.list.at + 1 >= model.event_count());
    let above = model.events.list.at.saturating_sub(model.events.list.top);
    let untouched = model.axis == home(&old);
    if untouched && !old.whole {
        model.axis = home(&data);
    } else {
        model.axis = carried_axis(&model.axis, &old, &data);
    }
    let raw = std::mem::take(&mut model.events.raw);
    let same = |(row, text): (RowId, String)| Some((carried(&old, &data, row)?, text));
    model.events.raw = raw.into_iter().filter_map(same).collect::<BTreeMap<_, _>>();
    model.events.asked.clear();
    model.events.scrolled = model.events.scrolled.and_then(|(row, at)| Some((carried(&old, &data, row)?, at)));
    model.events.filters = model.events.filters.iter().filter_map(|f| f.carried(&old, &data)).collect();
    if matches!(model.overlay, Some(Overlay::Pivot { .. } | Overlay::Compare { .. })) {
        model.overlay = None;
    }
    model.history.iter_mut().for_each(|place| {
        place.filters = place.filters.iter().filter_map(|f| f.carried(&old, &data)).collect();
        place.site = None;
    });
    model.generation.jump += 1;
    model.generation.compare += 1;
    notes::carry(model, &data);
    let position = selected.and_then(|row| data.position_of(&data.table.rows(), carried(&old, &data, row)?));
    model.events.shown = None;
    model.stage = stage(data);
    model.sessions.site = None;
    model.sessions.back_to = Some(model.sessions.list).filter(|_| old.whole);
    // A growing log is followed at its end; anywhere else the reader stays on his line.
    match position {
        _ if at_end && old.whole => model.events.list.at = usize::MAX,
        Some(position) => model.events.list.at = position,
        None => {}
    }
    super::settle(model);
    model.events.list.top = model.events.list.at.saturating_sub(above);
    let mut cmds = brushed(model);
    cmds.extend(events::search_again(model));
    cmds
}

/// What is shown of a reading at first: everything, and the cursor where the users began to see it.
fn home(data: &Data) -> Axis {
    let window = data.window;
    let start = data.onset.or(data.flags.first().map(|f| f.time)).unwrap_or(window.0);
    Axis { from: window.0, to: window.1, cursor: start.clamp(window.0, window.1), ..Axis::default() }
}

/// What reached to an end of the logs still does; all of it lies in the window.
fn carried_axis(axis: &Axis, old: &Data, new: &Data) -> Axis {
    let (first, last) = new.window;
    let (all, end) = (axis.from <= old.window.0 && axis.to >= old.window.1, axis.to >= old.window.1);
    let width = if all { last - first } else { (axis.to - axis.from).min(last - first) };
    let from = if end { last - width } else { axis.from.clamp(first, last - width) };
    let inside = |time: i64| time.clamp(first, last);
    let brush = axis.brush.map(|(from, to)| (inside(from), inside(to))).filter(|(from, to)| from < to);
    let cursor = inside(axis.cursor);
    Axis { from, to: from + width, cursor, brush, brushing: axis.brushing.map(inside) }
}

/// The row of another reading that is the same record.
fn carried(old: &Data, new: &Data, row: RowId) -> Option<RowId> {
    let rows = old.table.rows();
    let row = rows.get(row);
    let path = &row.source()?.path;
    let source = new.table.sources.iter().find(|s| s.path == *path)?.id;
    new.row_of(&new.table.rows(), &Ref { source, line: 0, offset: row.offset(), length: 0 })
}
