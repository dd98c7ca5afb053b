//! The diagnosis and the notes: lines of text with a selection.

use super::super::data::Data;
use super::super::model::Model;
use super::super::theme::Role;
use super::paint::Pen;
use crate::report::text::clean;
use ratatui::layout::Rect;

/// Draws the diagnosis: each statement a line, the selected one in full at the bottom where it is longer.
pub(super) fn draw(model: &Model, pen: &mut Pen<'_>, body: Rect) {
    let lines = model.statements.iter().enumerate().skip(model.diagnosis.top);
    for (y, (index, statement)) in (body.y..body.bottom()).zip(lines) {
        pen.text(body, body.x + statement.indent, y, &statement.text, statement.role);
        if index == model.diagnosis.at {
            pen.over(Rect { y, height: 1, ..body }, Role::Selected);
        }
    }
    full(model, pen, body);
}

/// A statement that is cut is shown whole over the lines below it, or above where there are none.
fn full(model: &Model, pen: &mut Pen<'_>, body: Rect) {
    let Some(statement) = model.statements.get(model.diagnosis.at) else { return };
    let indent = statement.indent + 2;
    let width = body.width.saturating_sub(indent).max(1);
    let fits = unicode_width::UnicodeWidthStr::width(statement.text.as_str())
        <= usize::from(body.width.saturating_sub(statement.indent));
    let row = super::super::num::cells(model.diagnosis.at.saturating_sub(model.diagnosis.top));
    if fits || row >= body.height {
        return;
    }
    let rows = super::super::num::cells(statement.text.len() / usize::from(width) + 2).min(body.height - row).max(1);
    let over = Rect { x: body.x, y: body.y + row, width: body.width, height: rows };
    pen.clear(over);
    let inner = Rect { x: body.x + statement.indent, width: body.width.saturating_sub(statement.indent), ..over };
    let used = pen.wrapped(inner, 0, &statement.text, statement.role);
    pen.over(Rect { height: used, ..over }, Role::Selected);
}

/// Draws the notes.
pub(super) fn notes(model: &Model, pen: &mut Pen<'_>, body: Rect) {
    if model.notes.is_empty() {
        let mark = model.settings.keys.key(super::super::keymap::Action::MarkEvent);
        pen.wrapped(body, 1, &format!("no notes yet: {mark} on an event marks it"), Role::Dim);
        return;
    }
    let header = format!(
        "{} noted; {} exports them with the report",
        model.notes.len(),
        model.settings.keys.key(super::super::keymap::Action::Export)
    );
    pen.text(body, body.x, body.y, &header, Role::Dim);
    let list = Rect { y: body.y + 1, height: body.height.saturating_sub(1), ..body };
    let data: Option<&Data> = model.data().map(std::convert::AsRef::as_ref);
    for (y, (index, note)) in (list.y..list.bottom()).zip(model.notes.iter().enumerate().skip(model.note.top)) {
        let source = data.map(|d| d.table.rows().get(note.row).source_id());
        let clock = model.clock(source);
        let x = pen.text(list, list.x, y, &format!("{}  ", clock.long(note.time)), Role::Dim);
        let x = pen.text(list, x, y, &format!("{:<10}  ", note.tag), Role::Key);
        let said = if note.comment.is_empty() { String::new() } else { format!("{}  ", clean(&note.comment)) };
        let x = pen.text(list, x, y, &said, Role::Plain);
        pen.text(list, x, y, &clean(&note.text), Role::Dim);
        if index == model.note.at {
            pen.over(Rect { y, height: 1, ..list }, Role::Selected);
        }
    }
}
