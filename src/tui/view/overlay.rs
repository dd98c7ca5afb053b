//! What lies over a pane: a box in the middle with a title and lines.

use super::super::keymap::{Action, Scope};
use super::super::model::{List, Model, Overlay};
use super::super::num;
use super::super::theme::Role;
use super::paint::Pen;
use crate::report::text::clean;
use ratatui::layout::Rect;

/// Draws what lies on top.
pub(super) fn draw(model: &Model, overlay: &Overlay, pen: &mut Pen<'_>, screen: Rect) {
    match overlay {
        Overlay::Help(top) => help(model, *top, pen, screen),
        Overlay::Palette { text, found, list } => {
            let lines: Vec<(String, String)> = found.iter().map(|a| command(model, *a)).collect();
            boxed(pen, screen, &format!(": {}", clean(text)), &lines, Some(*list), 14);
        }
        Overlay::Pivot { filters, list } => {
            let lines: Vec<(String, String)> = filters.iter().map(|f| (String::new(), clean(&f.label))).collect();
            boxed(pen, screen, "show all records of every source with", &lines, Some(*list), 14);
        }
        Overlay::Compare { changes: None, .. } => {
            boxed(pen, screen, "comparing the brush with the rest", &[], None, 3);
        }
        Overlay::Compare { changes: Some(changes), list } => {
            let line = |c: &super::super::jobs::Change| {
                let share = |(n, all): (u64, u64)| format!("{:>5.1} %", n as f64 * 100.0 / all.max(1) as f64);
                let lift = if c.lift >= 1.0 {
                    format!("{:>6.1} x more", c.lift)
                } else {
                    format!("{:>6.1} x less", 1.0 / c.lift.max(1e-9))
                };
                (format!("{lift}  {} of {:<7}  elsewhere {}", share(c.inside), c.inside.1, share(c.outside)), clean(&c.label))
            };
            let lines: Vec<(String, String)> = changes.iter().map(line).collect();
            let title = if lines.is_empty() {
                "nothing differs in the brush"
            } else {
                "what differs in the brush; enter shows those records"
            };
            boxed(pen, screen, title, &lines, Some(*list), 14);
        }
    }
}

fn keys(model: &Model, action: Action) -> String {
    model.settings.keys.keys(action).join(" ")
}

fn command(model: &Model, action: Action) -> (String, String) {
    (format!("{:<12}", keys(model, action)), format!("{}  ({}, {})", action.help(), action.scope().title(), action.name()))
}

fn help(model: &Model, top: usize, pen: &mut Pen<'_>, screen: Rect) {
    let mut lines: Vec<(String, String)> = Vec::new();
    // The pane's own keys come first.
    let mut scopes: Vec<Scope> = model.pane.scopes().to_vec();
    scopes.extend(Scope::ALL.iter().filter(|s| !model.pane.scopes().contains(s)));
    for scope in scopes {
        lines.push((scope.title().to_owned(), String::new()));
        for action in Action::ALL.iter().filter(|a| a.scope() == scope) {
            lines.push((format!("  {:<18}", keys(model, *action)), action.help().to_owned()));
        }
    }
    let height = usize::from(screen.height.saturating_sub(3).max(1));
    let top = top.min(lines.len().saturating_sub(height));
    let shown = lines.get(top..).unwrap_or_default();
    boxed(pen, screen, "keys (j k scroll, any other key leaves)", shown, None, height);
}

/// A box with lines of a key and words.
fn boxed(pen: &mut Pen<'_>, screen: Rect, title: &str, lines: &[(String, String)], list: Option<List>, most: usize) {
    let height = num::cells(lines.len().min(most) + 1).min(screen.height.saturating_sub(2)).max(1);
    let width = if screen.width < 100 { screen.width } else { 92 };
    let area = Rect {
        x: screen.x + (screen.width - width) / 2,
        y: screen.y + 1 + screen.height.saturating_sub(height + 2) / 3,
        width,
        height,
    }
    .intersection(screen);
    pen.clear(area);
    pen.text(area, area.x, area.y, &" ".repeat(usize::from(area.width)), Role::Selected);
    pen.text(area, area.x + 1, area.y, title, Role::Selected);
    let inner = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let selected = list.map(|l| l.at);
    // The box may be lower than the list believes: the selection stays in sight.
    let top =
        selected.map_or(0, |at| at.saturating_sub(usize::from(inner.height.max(1)) - 1).max(list.map_or(0, |l| l.top).min(at)));
    for (y, (index, (key, words))) in (inner.y..inner.bottom()).zip(lines.iter().enumerate().skip(top)) {
        let x = pen.text(inner, inner.x + 1, y, key, if words.is_empty() { Role::Title } else { Role::Key });
        pen.text(inner, x + 1, y, words, Role::Plain);
        if Some(index) == selected {
            pen.over(Rect { y, height: 1, ..inner }, Role::Selected);
        }
    }
}
