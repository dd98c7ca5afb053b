//! Marks, comments, tags; what is saved and what is exported.

use super::super::data::Data;
use super::super::model::{Ask, Model, Pane, Prompt};
use super::super::msg::Cmd;
use super::super::notes::{self, Note, TAGS};
use crate::table::RowId;

/// Saves the notes, where the settings allow it.
fn save(model: &Model) -> Vec<Cmd> {
    match model.data() {
        // Notes on a part of the logs are saved with the whole, by which they are known.
        Some(data) if model.settings.restore && model.whole() => {
            vec![Cmd::Save { key: notes::key(data), text: notes::write(&model.notes) }]
        }
        _ => Vec::new(),
    }
}

/// The note of a record; made where there is none.
fn of(model: &mut Model, row: RowId) -> Option<&mut Note> {
    if !model.notes.iter().any(|n| n.row == row) {
        let note = make(model, row)?;
        model.notes.push(note);
        model.notes.sort_by_key(|n| (n.time, n.row));
    }
    model.notes.iter_mut().find(|n| n.row == row)
}

fn make(model: &Model, row: RowId) -> Option<Note> {
    let data = model.data()?;
    let rows = data.table.rows();
    let at = rows.get(row);
    let text = model.events.raw.get(&row).and_then(|t| t.lines().next()).unwrap_or_default().to_owned();
    Some(Note {
        row,
        time: at.time(),
        path: at.source()?.path.clone(),
        offset: at.offset(),
        line: at.line(),
        comment: String::new(),
        tag: "",
        text,
    })
}

/// Marks the selected event, or takes its mark away where it says nothing.
pub(super) fn toggle(model: &mut Model) -> Vec<Cmd> {
    let Some(row) = model.event_row(model.events.list.at) else { return Vec::new() };
    let bare = model.notes.iter().position(|n| n.row == row);
    match bare {
        Some(at) if model.notes.get(at).is_some_and(|n| n.comment.is_empty()) => {
            model.notes.remove(at);
        }
        Some(_) => {
            model.message = Some("this mark has a comment: drop it among the notes".into());
            return Vec::new();
        }
        None => {
            of(model, row);
        }
    }
    save(model)
}

/// Asks for the comment on a record.
pub(super) fn comment(model: &mut Model, row: RowId) -> Vec<Cmd> {
    let text = model.notes.iter().find(|n| n.row == row).map(|n| n.comment.clone()).unwrap_or_default();
    model.prompt = Some(Prompt { ask: Ask::Comment(row), text });
    Vec::new()
}

/// The comment was typed.
pub(super) fn commented(model: &mut Model, row: RowId, text: &str) -> Vec<Cmd> {
    if let Some(note) = of(model, row) {
        text.clone_into(&mut note.comment);
    }
    save(model)
}

/// The next tag.
pub(super) fn tag(model: &mut Model, row: RowId) -> Vec<Cmd> {
    if let Some(note) = of(model, row) {
        let at = TAGS.iter().position(|t| *t == note.tag).unwrap_or(0);
        note.tag = TAGS.get(at + 1).copied().unwrap_or("");
        let said = if note.tag.is_empty() { "no tag".into() } else { format!("tagged {}", note.tag) };
        model.message = Some(said);
    }
    save(model)
}

/// Drops the selected note.
pub(super) fn drop(model: &mut Model) -> Vec<Cmd> {
    if model.pane == Pane::Notes && model.note.at < model.notes.len() {
        model.notes.remove(model.note.at);
        return save(model);
    }
    Vec::new()
}

/// Notes of an earlier session come back; those made since stay.
pub(super) fn restore(model: &mut Model, text: &str) {
    let Some(data) = model.data() else { return };
    for note in notes::read(text, data) {
        if !model.notes.iter().any(|n| n.row == note.row) {
            model.notes.push(note);
        }
    }
    model.notes.sort_by_key(|n| (n.time, n.row));
    if !model.notes.is_empty() {
        model.message = Some(format!("notes of an earlier session are back: {}", model.notes.len()));
    }
}

/// Notes keep their records over a new reading of grown files.
pub(super) fn carry(model: &mut Model, new: &Data) {
    model.notes = notes::read(&notes::write(&model.notes), new);
}

/// Writes what others read, with the notes in it.
pub(super) fn export(model: &mut Model) -> Vec<Cmd> {
    let zone = model.clock(None).zone;
    let Some(data) = model.data().cloned().filter(|d| d.whole) else {
        model.message = Some("not everything has been read yet".into());
        return Vec::new();
    };
    model.message = Some("writing report, timeline and postmortem".into());
    vec![Cmd::Export(data, model.notes.clone(), zone)]
}
