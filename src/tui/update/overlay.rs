//! What lies over a pane: help, palette, values to follow, what changed in the brush.

use super::super::filter;
use super::super::keymap::{Action, Scope};
use super::super::model::{List, Model, Overlay, Pane};
use super::super::msg::Cmd;
use super::{act, events, go, prompt};
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::crossterm::event::KeyEvent;

/// A key while something lies on top.
pub(super) fn key(model: &mut Model, event: &KeyEvent, name: &str) -> Vec<Cmd> {
    if name == "esc" {
        model.overlay = None;
        return Vec::new();
    }
    let page = usize::from(model.size.1.max(6)) / 2;
    let pane = model.pane;
    match &mut model.overlay {
        Some(Overlay::Help(top)) => {
            match name {
                "j" | "down" => *top += 1,
                "k" | "up" => *top = top.saturating_sub(1),
                "space" | "pgdn" | "ctrl-d" => *top += page,
                "b" | "pgup" | "ctrl-u" => *top = top.saturating_sub(page),
                "g" | "home" => *top = 0,
                _ => model.overlay = None,
            }
            if let Some(Overlay::Help(top)) = &mut model.overlay {
                *top = (*top).min(Action::ALL.len() + 2 * Scope::ALL.len());
            }
        }
        Some(Overlay::Palette { text, found, list }) => {
            if name == "enter" {
                let chosen = found.get(list.at).copied();
                model.overlay = None;
                return chosen.map(|action| chosen_action(model, action)).unwrap_or_default();
            }
            if !moved(list, found.len(), name, false) {
                match (name, prompt::typed(event)) {
                    ("backspace", _) => {
                        text.pop();
                    }
                    (_, Some(c)) if text.len() < 60 => text.push(c),
                    _ => return Vec::new(),
                }
                *found = matching(text, pane);
                *list = List::default();
            }
        }
        Some(Overlay::Pivot { filters, list }) => {
            if name == "enter" {
                let chosen = filters.get(list.at).cloned();
                model.overlay = None;
                return chosen.map(|f| followed(model, f)).unwrap_or_default();
            }
            if !moved(list, filters.len(), name, true) {
                model.overlay = None;
            }
        }
        Some(Overlay::Compare { changes, list }) => {
            let changes = changes.as_deref().unwrap_or_default();
            if name == "enter" {
                let chosen = changes.get(list.at).map(|c| c.filter.clone());
                model.overlay = None;
                return chosen.map(|f| followed(model, f)).unwrap_or_default();
            }
            if !moved(list, changes.len(), name, true) {
                model.overlay = None;
            }
        }
        None => {}
    }
    Vec::new()
}

/// Shows the events that pass one more filter.
fn followed(model: &mut Model, filter: filter::Filter) -> Vec<Cmd> {
    let cursor = model.axis.cursor;
    let from_elsewhere = model.pane != Pane::Events;
    go(model, Pane::Events);
    if from_elsewhere {
        events::at_time(model, cursor);
    }
    events::add(model, filter)
}

fn chosen_action(model: &mut Model, action: Action) -> Vec<Cmd> {
    let home = match action.scope() {
        Scope::Timeline | Scope::Axis => Some(Pane::Timeline),
        Scope::Sites => Some(Pane::Sites),
        Scope::Sessions => Some(Pane::Sessions),
        Scope::Events => Some(Pane::Events),
        Scope::Diagnosis => Some(Pane::Diagnosis),
        Scope::Notes => Some(Pane::Notes),
        Scope::Everywhere | Scope::List => None,
    };
    if let Some(pane) = home.filter(|_| !model.pane.scopes().contains(&action.scope())) {
        go(model, pane);
    }
    act::act(model, action)
}

/// Moves a selection; false where the key is none for that.
fn moved(list: &mut List, count: usize, name: &str, letters: bool) -> bool {
    match name {
        "down" | "ctrl-n" => list.at += 1,
        "up" | "ctrl-p" => list.at = list.at.saturating_sub(1),
        "pgdn" => list.at += 10,
        "pgup" => list.at = list.at.saturating_sub(10),
        "j" if letters => list.at += 1,
        "k" if letters => list.at = list.at.saturating_sub(1),
        _ => return false,
    }
    list.settle(count, 12);
    true
}

/// Opens the palette.
pub(super) fn palette(model: &mut Model) {
    let found = matching("", model.pane);
    model.overlay = Some(Overlay::Palette { text: String::new(), found, list: List::default() });
}

/// The commands that match, the best first; of those that match alike the pane's own come first.
fn matching(text: &str, pane: Pane) -> Vec<Action> {
    let pattern = Pattern::parse(text, CaseMatching::Ignore, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut scored: Vec<(u32, bool, Action)> = Vec::new();
    let mut buffer = Vec::new();
    for action in Action::ALL {
        let words = format!("{} {} {}", action.help(), action.scope().title(), action.name());
        if let Some(score) = pattern.score(Utf32Str::new(&words, &mut buffer), &mut matcher) {
            scored.push((score, pane.scopes().contains(&action.scope()), *action));
        }
    }
    scored.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(a.2.cmp(&b.2)));
    scored.into_iter().map(|(_, _, action)| action).collect()
}

/// Offers the values of the selected event.
pub(super) fn pivot(model: &mut Model) {
    let Some((data, row)) = model.data().cloned().zip(model.event_row(model.events.list.at)) else { return };
    let rows = data.table.rows();
    let filters = filter::pivots(&data, &rows, &rows.get(row));
    model.overlay = Some(Overlay::Pivot { filters, list: List::default() });
}

/// Compares the brush with the rest; without a brush what is shown, where that is not everything.
pub(super) fn compare(model: &mut Model) -> Vec<Cmd> {
    let Some(data) = model.data().cloned() else { return Vec::new() };
    let shown = (model.axis.from, model.axis.to);
    let range = model.axis.brush.or((shown != data.window).then_some(shown));
    let Some(range) = range else {
        model.message = Some("brush a range first (v), or zoom in".into());
        return Vec::new();
    };
    model.generation.compare += 1;
    model.overlay = Some(Overlay::Compare { changes: None, list: List::default() });
    vec![Cmd::Compare(data, model.generation.compare, range)]
}
