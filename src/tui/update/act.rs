//! What each action does.

use super::super::jobs::Target;
use super::super::keymap::Action;
use super::super::model::{Ask, Model, Overlay, Pane, Prompt, ZoneView};
use super::super::msg::Cmd;
use super::super::num;
use super::{axis, events, go, incident, notes, overlay, sessions, sites};

/// Does one thing.
#[expect(clippy::too_many_lines, reason = "a table of what the keys do")]
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Cmd> {
    let page = i64::from(model.list_size().1.max(2)) - 1;
    let none = Vec::new();
    match action {
        Action::Quit => return vec![Cmd::Quit(None)],
        Action::Interrupt => return vec![Cmd::Quit(Some(130))],
        Action::Help => model.overlay = Some(Overlay::Help(0)),
        Action::Palette => overlay::palette(model),
        Action::NextPane => turn(model, 1),
        Action::PrevPane => turn(model, Pane::ALL.len() - 1),
        Action::Timeline => go(model, Pane::Timeline),
        Action::Sites => go(model, Pane::Sites),
        Action::Sessions => go(model, Pane::Sessions),
        Action::Events => go(model, Pane::Events),
        Action::Diagnosis => go(model, Pane::Diagnosis),
        Action::Notes => go(model, Pane::Notes),
        Action::Back => return back(model),
        Action::GoTo => ask(model, Ask::GoTo),
        Action::Zone => {
            model.zone = match model.zone {
                ZoneView::Utc => ZoneView::Local,
                ZoneView::Local => ZoneView::Source,
                ZoneView::Source => ZoneView::Utc,
            };
            model.relative = false;
            let name = model.clock(None).name();
            model.message = Some(match model.zone {
                ZoneView::Utc => "times in UTC".into(),
                ZoneView::Local => format!("times in your zone, {name}"),
                ZoneView::Source => format!("times in the zone of their source (axis: {name})"),
            });
        }
        Action::Relative => model.relative = !model.relative,
        Action::Export => return notes::export(model),
        Action::Theme => {
            model.settings.theme = model.settings.theme.next();
            model.message = Some(format!("theme {}", model.settings.theme.name()));
        }
        Action::Ascii => model.settings.ascii = !model.settings.ascii,
        Action::Mouse => {
            model.settings.mouse = !model.settings.mouse;
            let text = if model.settings.mouse { "mouse on" } else { "mouse off: text can be selected with it" };
            model.message = Some(text.into());
            return vec![Cmd::Mouse(model.settings.mouse)];
        }
        Action::Suspend => return vec![Cmd::Suspend],
        Action::Picture => return vec![Cmd::Picture],
        Action::Redraw => return vec![Cmd::Redraw],
        Action::Up => scroll(model, -1),
        Action::Down => scroll(model, 1),
        Action::PageUp => scroll(model, -page),
        Action::PageDown => scroll(model, page),
        Action::Top => scroll(model, i64::MIN),
        Action::Bottom => scroll(model, i64::MAX),
        Action::Left => axis::step(model, -1),
        Action::Right => axis::step(model, 1),
        Action::ZoomIn | Action::WasdIn => axis::zoom(model, 1, 2),
        Action::ZoomOut | Action::WasdOut => axis::zoom(model, 2, 1),
        Action::PanLeft | Action::WasdLeft => axis::pan(model, -1),
        Action::PanRight | Action::WasdRight => axis::pan(model, 1),
        Action::Fit | Action::FitToo => axis::fit(model, i64::MIN / 4, i64::MAX / 4),
        Action::Incident => match model.data().and_then(|d| incident(d)) {
            Some((from, to)) => axis::fit(model, from, to),
            None => model.message = Some("no incident was found".into()),
        },
        Action::NextMark => axis::marker(model, true),
        Action::PrevMark => axis::marker(model, false),
        Action::Brush => {
            if axis::brush(model) {
                return super::brushed(model);
            }
        }
        Action::Compare => return overlay::compare(model),
        Action::Start => axis::go(model, i64::MIN),
        Action::End => axis::go(model, i64::MAX),
        Action::TimelineOpen => timeline_open(model),
        Action::SiteOpen => sites::open(model),
        Action::SiteEvents => sites::evidence(model),
        Action::SiteCopy => return sites::copy(model),
        Action::SiteDown => sites::scroll(model, 1),
        Action::SiteUp => sites::scroll(model, -1),
        Action::SessionOpen => sessions::open(model),
        Action::Group => {
            model.sessions.group = model.sessions.group.next();
            sessions::refresh(model);
            model.message = Some(format!("grouped by {}", model.sessions.group.name()));
        }
        Action::Suspects => {
            model.sessions.all = !model.sessions.all;
            sessions::refresh(model);
        }
        Action::Holders => model.sessions.holding = !model.sessions.holding,
        Action::EventOpen => model.events.record = !model.events.record,
        Action::RecordDown => events::scroll_record(model, 1),
        Action::RecordUp => events::scroll_record(model, -1),
        Action::SessionFollow => return sessions::follow(model),
        Action::Wrap => model.events.wrap = !model.events.wrap,
        Action::Search => ask(model, Ask::Search),
        Action::FilterIn => ask(model, Ask::FilterIn),
        Action::FilterOut => ask(model, Ask::FilterOut),
        Action::SearchNext => events::hit(model, true),
        Action::SearchPrev => events::hit(model, false),
        Action::FilterToggle => {
            model.events.off = !model.events.off;
            return events::refilter(model);
        }
        Action::FilterDrop => {
            model.events.filters.pop();
            return events::refilter(model);
        }
        Action::Pivot => overlay::pivot(model),
        Action::NextError => return events::jump(model, Target::Error, true),
        Action::PrevError => return events::jump(model, Target::Error, false),
        Action::NextWarning => return events::jump(model, Target::Warning, true),
        Action::PrevWarning => return events::jump(model, Target::Warning, false),
        Action::NextSlow => return events::jump(model, Target::Slow, true),
        Action::PrevSlow => return events::jump(model, Target::Slow, false),
        Action::NextFile => return events::jump(model, Target::OtherFile, true),
        Action::NextMarked => events::marked(model, true),
        Action::PrevMarked => events::marked(model, false),
        Action::MarkEvent => return notes::toggle(model),
        Action::Comment => {
            if let Some(row) = model.event_row(model.events.list.at) {
                return notes::comment(model, row);
            }
        }
        Action::TagEvent => {
            if let Some(row) = model.event_row(model.events.list.at) {
                return notes::tag(model, row);
            }
        }
        Action::CopyEvent => return events::copy(model),
        Action::Editor => return events::editor(model),
        Action::DiagnosisOpen => sites::proof(model),
        Action::NoteOpen => {
            if let Some(row) = model.notes.get(model.note.at).map(|n| n.row) {
                super::show_row(model, row);
            }
        }
        Action::NoteComment => {
            if let Some(row) = model.notes.get(model.note.at).map(|n| n.row) {
                return notes::comment(model, row);
            }
        }
        Action::NoteTag => {
            if let Some(row) = model.notes.get(model.note.at).map(|n| n.row) {
                return notes::tag(model, row);
            }
        }
        Action::NoteDrop => return notes::drop(model),
    }
    none
}

/// Opens the line in which something is typed.
pub(super) fn ask(model: &mut Model, what: Ask) {
    if model.data().is_some() {
        model.prompt = Some(Prompt { ask: what, text: String::new() });
    }
}

fn turn(model: &mut Model, by: usize) {
    let at = Pane::ALL.iter().position(|p| *p == model.pane).unwrap_or(0);
    if let Some(pane) = Pane::ALL.get((at + by) % Pane::ALL.len()) {
        go(model, *pane);
    }
}

/// Moves the selection of the pane's list.
pub(super) fn scroll(model: &mut Model, by: i64) {
    let (count, _) = model.list_size();
    let Some(list) = model.list_mut() else { return };
    list.at = num::index(num::signed(list.at).saturating_add(by)).min(count.saturating_sub(1));
    let at = list.at;
    // The cursor goes where the reader is, so that all panes tell of the same moment.
    if model.pane == Pane::Events
        && let (Some(row), Some(data)) = (model.event_row(at), model.data())
    {
        model.axis.cursor = data.table.rows().get(row).time().clamp(data.window.0, data.window.1);
    }
}

/// After a jump out of sight the selection stands in the middle, with what came before it and after it.
pub(super) fn centre(model: &mut Model) {
    let height = usize::from(model.list_size().1);
    let list = &mut model.events.list;
    if list.at < list.top || list.at >= list.top + height {
        list.top = list.at.saturating_sub(height / 2);
    }
    scroll(model, 0);
}

/// What is on top goes first, then a brush, then the way back.
fn back(model: &mut Model) -> Vec<Cmd> {
    if model.axis.marked().is_some() && model.pane == Pane::Timeline {
        model.axis.brush = None;
        model.axis.brushing = None;
        return super::brushed(model);
    }
    let Some(place) = model.history.pop() else {
        model.message = Some("this is where you began; q quits".into());
        return Vec::new();
    };
    let changed = place.filters != model.events.filters || place.axis.brush != model.axis.brush;
    model.pane = place.pane;
    model.axis = place.axis;
    model.events.filters = place.filters;
    model.sessions.site = place.site;
    model.sessions.list = place.sessions;
    sites::refresh(model);
    sessions::refresh(model);
    let cmds = if changed { events::refilter(model) } else { Vec::new() };
    model.events.list = place.events;
    cmds
}

fn timeline_open(model: &mut Model) {
    if let Some((from, to)) = model.axis.brush {
        axis::fit(model, from, to);
        return;
    }
    let cursor = model.axis.cursor;
    go(model, Pane::Events);
    events::at_time(model, cursor);
}
