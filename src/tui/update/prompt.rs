//! The line in which something is typed.

use super::super::filter::Filter;
use super::super::model::{Ask, Model, Overlay, Pane};
use super::super::msg::Cmd;
use super::{axis, events, notes};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The longest line that is taken.
const LONGEST: usize = 500;

/// A key while a line is typed.
pub(super) fn key(model: &mut Model, event: &KeyEvent, name: &str) -> Vec<Cmd> {
    let Some(prompt) = &mut model.prompt else { return Vec::new() };
    match name {
        "enter" => return done(model),
        "esc" => model.prompt = None,
        "backspace" => {
            prompt.text.pop();
        }
        "ctrl-u" => prompt.text.clear(),
        "ctrl-w" => {
            let kept = prompt.text.trim_end().rfind(' ').map_or(0, |at| at + 1);
            prompt.text.truncate(kept);
        }
        _ => {
            if let Some(c) = typed(event) {
                push(&mut prompt.text, c);
            }
        }
    }
    Vec::new()
}

/// The character that a key types.
pub(super) fn typed(event: &KeyEvent) -> Option<char> {
    let plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match event.code {
        KeyCode::Char(c) if plain && !c.is_control() => Some(c),
        _ => None,
    }
}

fn push(text: &mut String, c: char) {
    if text.len() < LONGEST {
        text.push(c);
    }
}

/// Pasted text goes where text is typed, without its line ends.
pub(super) fn paste(model: &mut Model, pasted: &str) {
    let into = match (&mut model.prompt, &mut model.overlay) {
        (Some(prompt), _) => &mut prompt.text,
        (None, Some(Overlay::Palette { text, .. })) => text,
        _ => return,
    };
    for c in pasted.chars().filter(|c| !c.is_control()) {
        push(into, c);
    }
}

fn done(model: &mut Model) -> Vec<Cmd> {
    let (Some(prompt), Some(data)) = (model.prompt.take(), model.data().cloned()) else { return Vec::new() };
    let text = prompt.text;
    match prompt.ask {
        Ask::Search => events::search(model, &text),
        Ask::FilterIn | Ask::FilterOut => match Filter::parse(&text, prompt.ask == Ask::FilterOut, &data) {
            Some(filter) => events::add(model, filter),
            None => Vec::new(),
        },
        Ask::Comment(row) => notes::commented(model, row, &text),
        Ask::GoTo => {
            match model.clock(None).parse(&text, model.axis.cursor, data.onset) {
                Some(time) if model.pane == Pane::Events => events::at_time(model, time),
                Some(time) => axis::go(model, time),
                None => model.message = Some(format!("{text} is no time; try 14:32, 2024-03-01 14:32:10, +5m or T+3m")),
            }
            Vec::new()
        }
    }
}
