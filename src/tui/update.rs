//! A model and a message make a changed model and commands. Nothing here draws, reads, writes or waits.

mod act;
mod axis;
mod events;
mod mouse;
mod notes;
mod overlay;
mod prompt;
mod sessions;
mod sites;
pub mod statements;

use super::clock::nanos;
use super::data::Data;
use super::keymap::{Action, name};
use super::model::{Axis, Model, Overlay, Pane, Place, Stage};
use super::msg::{Cmd, Msg};
use super::notes::key;
use crate::table::RowId;
use ratatui::crossterm::event::{KeyEvent, KeyEventKind};
use std::sync::Arc;

/// Changes the model as the message asks, and says what is to be done outside.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Cmd> {
    let mut cmds = match msg {
        Msg::Key(key) if key.kind != KeyEventKind::Release => pressed(model, &key),
        Msg::Mouse(event) => mouse::mouse(model, event),
        Msg::Paste(text) => {
            prompt::paste(model, &text);
            Vec::new()
        }
        Msg::Resize(width, height) => {
            model.size = (width, height);
            Vec::new()
        }
        Msg::Progress(progress) => {
            if let Stage::Loading(old) = &mut model.stage {
                *old = progress;
            }
            Vec::new()
        }
        Msg::Loaded(data) => loaded(model, data),
        Msg::Failed(reason) => {
            model.stage = Stage::Failed(reason);
            Vec::new()
        }
        Msg::Raw(records) => {
            events::keep(model, records);
            Vec::new()
        }
        Msg::Filtered(generation, shown) => {
            events::filtered(model, generation, shown);
            Vec::new()
        }
        Msg::Found(generation, hits, done) => {
            events::found(model, generation, hits, done);
            Vec::new()
        }
        Msg::Jumped(generation, target, found) => {
            events::jumped(model, generation, target, found);
            Vec::new()
        }
        Msg::Compared(generation, changes) => {
            if let Some(Overlay::Compare { changes: slot, .. }) = &mut model.overlay
                && generation == model.generation.compare
            {
                *slot = Some(changes);
            }
            Vec::new()
        }
        Msg::Restored(text) => {
            notes::restore(model, &text);
            Vec::new()
        }
        Msg::Say(text) => {
            model.message = Some(text);
            Vec::new()
        }
        Msg::Continued => vec![Cmd::Redraw],
        Msg::Key(_) | Msg::Tick => Vec::new(),
    };
    settle(model);
    cmds.extend(events::wants(model));
    cmds
}

fn pressed(model: &mut Model, event: &KeyEvent) -> Vec<Cmd> {
    let key = name(event);
    if model.settings.keys.keys(Action::Interrupt).contains(&key) || key == "ctrl-c" {
        return vec![Cmd::Quit(Some(130))];
    }
    model.message = None;
    if model.prompt.is_some() {
        return prompt::key(model, event, &key);
    }
    if model.overlay.is_some() {
        return overlay::key(model, event, &key);
    }
    let scopes = model.pane.scopes();
    match model.settings.keys.action(scopes, &key) {
        Some(action) => act::act(model, action),
        None => Vec::new(),
    }
}

/// A reading is there: the first one is shown from the home pane, a later one where the reader stands.
fn loaded(model: &mut Model, data: Arc<Data>) -> Vec<Cmd> {
    let old = model.data().cloned();
    let mut cmds = Vec::new();
    let window = data.window;
    model.statements = statements::statements(&data.report);
    model.events.raw.clear();
    model.events.asked.clear();
    model.events.search = None;
    match &old {
        None => {
            let start = data.onset.or(data.flags.first().map(|f| f.time)).unwrap_or(window.0);
            model.axis = Axis { from: window.0, to: window.1, cursor: start.clamp(window.0, window.1), ..Axis::default() };
            if model.settings.restore {
                cmds.push(Cmd::Restore(key(&data)));
            }
        }
        Some(old) => {
            // What reached to the end of the logs still does.
            if model.axis.to >= old.window.1 {
                let width = if model.axis.from <= old.window.0 { window.1 - window.0 } else { model.axis.to - model.axis.from };
                (model.axis.from, model.axis.to) = ((window.1 - width).max(window.0), window.1);
            }
            let leaked = |d: &Data| d.report.leaks.iter().map(|l| l.sessions).sum::<u64>();
            if leaked(&data) > leaked(old) {
                model.message = Some(format!("{} more connections leaked", leaked(&data) - leaked(old)));
                if model.settings.bell {
                    cmds.push(Cmd::Bell);
                }
            }
            notes::carry(model, &data);
        }
    }
    if let Some(problem) = data.problems.first() {
        model.message = Some(problem.clone());
    }
    let at_end = old.is_some() && model.events.list.at + 1 >= model.event_count();
    model.stage = Stage::Ready(data);
    model.sessions.site = model.sessions.site.filter(|_| old.is_none());
    cmds.extend(brushed(model));
    if at_end {
        model.events.list.at = usize::MAX;
    }
    cmds
}

/// Keeps every selection inside its list and in sight.
fn settle(model: &mut Model) {
    let (count, height) = model.list_size();
    if let Some(list) = model.list_mut() {
        list.settle(count, height);
    }
    sessions::hold(model);
}

/// The brush has changed: everything follows it.
fn brushed(model: &mut Model) -> Vec<Cmd> {
    sites::refresh(model);
    sessions::refresh(model);
    events::refilter(model)
}

/// Remembers where the reader stands, to come back.
fn remember(model: &mut Model) {
    let place = Place {
        pane: model.pane,
        axis: model.axis,
        events: model.events.list,
        filters: model.events.filters.clone(),
        sessions: model.sessions.list,
        site: model.sessions.site,
    };
    model.history.push(place);
    if model.history.len() > 64 {
        model.history.remove(0);
    }
}

/// Goes to a pane, and remembers the one left.
fn go(model: &mut Model, pane: Pane) {
    if model.pane != pane {
        remember(model);
        model.pane = pane;
    }
}

/// Shows a row among the events; filters that hide it are switched off.
fn show_row(model: &mut Model, row: RowId) {
    let Some(data) = model.data().cloned() else { return };
    let rows = data.table.rows();
    let Some(position) = data.position_of(&rows, row) else { return };
    go(model, Pane::Events);
    let position = super::num::count(position);
    if let Some(shown) = &model.events.shown {
        match shown.binary_search(&position) {
            Ok(index) => model.events.list.at = index,
            Err(_) => {
                model.events.shown = None;
                model.events.off = true;
                model.generation.filter += 1;
                model.events.list.at = position as usize;
                model.message = Some("the filters hide this record: they are off now".into());
            }
        }
    } else {
        model.events.list.at = position as usize;
    }
    model.events.record = true;
    act::centre(model);
    model.axis.cursor = rows.get(row).time().clamp(data.window.0, data.window.1);
}

/// The incident, with a tenth of its length on both sides.
fn incident(data: &Data) -> Option<(i64, i64)> {
    let time = |text: &Option<String>| text.as_deref().and_then(nanos);
    let moments = &data.report.incident;
    let from = time(&moments.cause_start).or(time(&moments.onset))?;
    let to = time(&moments.recovered).or(time(&moments.mitigated)).unwrap_or(data.window.1).max(from + 1);
    let margin = (to - from) / 10;
    Some(((from - margin).max(data.window.0), (to + margin).min(data.window.1)))
}
