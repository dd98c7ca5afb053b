//! The merged log: filters, search, jumps, and which records are to be read again.

use super::super::data::Data;
use super::super::filter::{Filter, Rule};
use super::super::jobs::Target;
use super::super::model::{Model, Pane, Search};
use super::super::msg::Cmd;
use super::super::num;
use crate::table::RowId;
use std::sync::Arc;

/// Records kept in memory.
const KEPT: usize = 2000;

/// The filters in force: those typed, unless switched off, and the brush.
fn in_force(model: &Model) -> Vec<Filter> {
    let mut filters = if model.events.off { Vec::new() } else { model.events.filters.clone() };
    if let Some((from, to)) = model.axis.brush {
        filters.push(Filter { rule: Rule::Between(from, to), out: false, label: "brush".into() });
    }
    filters
}

/// Asks for the events that pass the filters; none are needed for that where there are no filters.
pub(super) fn refilter(model: &mut Model) -> Vec<Cmd> {
    let Some(data) = model.data().cloned() else { return Vec::new() };
    model.generation.filter += 1;
    let filters = in_force(model);
    if filters.is_empty() {
        let position = model.event_at(model.events.list.at);
        model.events.shown = None;
        model.events.busy = false;
        if let Some(position) = position {
            model.events.list.at = position as usize;
        }
        return Vec::new();
    }
    model.events.busy = true;
    vec![Cmd::Filter(data, model.generation.filter, filters)]
}

/// The events that pass are known; the selection stays at the same moment.
pub(super) fn filtered(model: &mut Model, generation: u64, shown: Vec<u32>) {
    if generation != model.generation.filter {
        return;
    }
    let position = model.event_at(model.events.list.at).unwrap_or(0);
    model.events.list.at = shown.partition_point(|p| *p < position);
    model.events.shown = Some(Arc::new(shown));
    model.events.busy = false;
}

/// Adds a filter.
pub(super) fn add(model: &mut Model, filter: Filter) -> Vec<Cmd> {
    if model.events.off {
        model.events.filters.clear();
        model.events.off = false;
    }
    if !model.events.filters.contains(&filter) {
        model.events.filters.push(filter);
    }
    refilter(model)
}

/// Starts a search.
pub(super) fn search(model: &mut Model, text: &str) -> Vec<Cmd> {
    let Some(data) = model.data().cloned() else { return Vec::new() };
    if text.is_empty() {
        model.events.search = None;
        return Vec::new();
    }
    model.generation.search += 1;
    let from = model.event_at(model.events.list.at);
    model.events.search = Some(Search { text: text.to_lowercase(), hits: Vec::new(), done: false, from });
    vec![Cmd::Search(data, model.generation.search, model.events.shown.clone(), text.to_lowercase())]
}

/// More hits are known. The first one after where the reader stood is jumped to once the search is done, or as soon as
/// the reader asks.
pub(super) fn found(model: &mut Model, generation: u64, hits: Vec<u32>, done: bool) {
    let Some(search) = model.events.search.as_mut().filter(|_| generation == model.generation.search) else { return };
    search.hits = hits;
    search.done = done;
    if !done {
        return;
    }
    let (count, from) = (search.hits.len(), search.from.take());
    if count == 0 {
        model.message = Some(format!("nothing holds {}", search.text));
    } else if let Some(from) = from {
        let after = search.hits.partition_point(|p| *p < from);
        let first = search.hits.get(after).or(search.hits.first()).copied();
        select(model, first);
    }
}

/// The next hit of the search, or the one before.
pub(super) fn hit(model: &mut Model, forward: bool) {
    let Some(here) = model.event_at(model.events.list.at) else { return };
    let Some(search) = &mut model.events.search else {
        model.message = Some("nothing was searched for yet".into());
        return;
    };
    let first = search.hits.partition_point(|p| *p < here);
    let next = search.hits.partition_point(|p| *p <= here);
    let found = if forward { search.hits.get(next) } else { first.checked_sub(1).and_then(|i| search.hits.get(i)) };
    match (found.copied(), search.done) {
        (Some(position), _) => select(model, Some(position)),
        (None, true) => model.message = Some("no further hit".into()),
        (None, false) => model.message = Some("still searching".into()),
    }
}

fn select(model: &mut Model, position: Option<u32>) {
    let Some(position) = position else { return };
    model.events.list.at = match &model.events.shown {
        Some(shown) => shown.partition_point(|p| *p < position),
        None => position as usize,
    };
    super::act::centre(model);
}

/// Selects the first event at or after a moment.
pub(super) fn at_time(model: &mut Model, time: i64) {
    let Some(data) = model.data() else { return };
    let position = num::count(data.position(&data.table.rows(), time));
    select(model, Some(position));
}

/// Looks for the next event of a kind, or the one before; it may be far away.
pub(super) fn jump(model: &mut Model, target: Target, forward: bool) -> Vec<Cmd> {
    let Some((data, here)) = model.data().cloned().zip(model.event_at(model.events.list.at)) else { return Vec::new() };
    model.generation.jump += 1;
    vec![Cmd::Jump(data, model.generation.jump, model.events.shown.clone(), here, (target, forward))]
}

/// The event jumped to was found, or there is none.
pub(super) fn jumped(model: &mut Model, generation: u64, (target, forward): (Target, bool), found: Option<u32>) {
    if generation != model.generation.jump {
        return;
    }
    let what = match target {
        Target::Error => "error",
        Target::Warning => "warning",
        Target::Slow => "record that took a second",
        Target::OtherFile => "record of another source",
    };
    landed(model, what, forward, found);
}

fn landed(model: &mut Model, what: &str, forward: bool, found: Option<u32>) {
    match found {
        Some(position) => select(model, Some(position)),
        None => model.message = Some(format!("no {what} {} this", if forward { "after" } else { "before" })),
    }
}

/// Jumps to the next marked event, or the one before.
pub(super) fn marked(model: &mut Model, forward: bool) {
    let Some((data, here)) = model.data().cloned().zip(model.event_at(model.events.list.at)) else { return };
    let rows = data.table.rows();
    let positions = model.notes.iter().filter_map(|n| data.position_of(&rows, n.row)).map(num::count);
    let shown = |position: &u32| model.events.shown.as_ref().is_none_or(|shown| shown.binary_search(position).is_ok());
    let positions = positions.filter(shown);
    let found = if forward { positions.filter(|p| *p > here).min() } else { positions.filter(|p| *p < here).max() };
    landed(model, "marked record", forward, found);
}

/// Scrolls the record shown whole; another record begins at its beginning.
pub(super) fn scroll_record(model: &mut Model, by: i64) {
    let Some(row) = model.event_row(model.events.list.at) else { return };
    model.events.record = true;
    let lines = model.events.raw.get(&row).map_or(0, |text| text.lines().count());
    let at = model.events.scrolled.filter(|(of, _)| *of == row).map_or(0, |(_, at)| at);
    let at = num::index(num::signed(at) + by).min(lines.saturating_sub(1));
    model.events.scrolled = Some((row, at));
}

/// Puts the selected record on the clipboard.
pub(super) fn copy(model: &mut Model) -> Vec<Cmd> {
    let Some(text) = model.event_row(model.events.list.at).and_then(|row| model.events.raw.get(&row)) else {
        return Vec::new();
    };
    model.message = Some("the record is on the clipboard".into());
    vec![Cmd::Copy(text.clone())]
}

/// Opens the selected record's file.
pub(super) fn editor(model: &mut Model) -> Vec<Cmd> {
    let Some((data, row)) = model.data().zip(model.event_row(model.events.list.at)) else { return Vec::new() };
    let rows = data.table.rows();
    let row = rows.get(row);
    let plain = row.source().filter(|s| s.stored.parts.len() == 1 && s.stored.compression.name() == "none");
    match plain {
        Some(source) => vec![Cmd::Edit { path: source.path.clone(), line: row.line() }],
        None => {
            model.message = Some("compressed, archived and rotated files cannot be opened at a line".into());
            Vec::new()
        }
    }
}

/// Which records have to be read again for what is shown.
pub(super) fn wants(model: &mut Model) -> Option<Cmd> {
    let data: Arc<Data> = model.data()?.clone();
    let shown: Vec<RowId> = match model.pane {
        Pane::Events => {
            let height = usize::from(model.list_size().1);
            let top = model.events.list.top;
            (top..top + height).filter_map(|index| model.event_row(index)).collect()
        }
        _ => return None,
    };
    let fresh = |id: &RowId| !model.events.raw.contains_key(id) && !model.events.asked.contains(id);
    let missing: Vec<RowId> = shown.into_iter().filter(fresh).collect();
    if missing.is_empty() {
        return None;
    }
    model.events.asked.extend(&missing);
    Some(Cmd::Raw(data, missing))
}

/// Records were read again.
pub(super) fn keep(model: &mut Model, records: Vec<(RowId, String)>) {
    if model.events.raw.len() > KEPT {
        model.events.raw.clear();
    }
    for (id, text) in records {
        model.events.asked.remove(&id);
        if let Some(note) = model.notes.iter_mut().find(|n| n.row == id && n.text.is_empty()) {
            text.lines().next().unwrap_or_default().clone_into(&mut note.text);
        }
        model.events.raw.insert(id, text);
    }
}
