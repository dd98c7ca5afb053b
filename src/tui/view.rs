//! Draws a model. Nothing here changes anything: drawing twice draws the same.

mod diagnosis;
mod events;
mod lanes;
mod overlay;
mod paint;
mod sessions;
mod sites;
mod timeline;

use super::data::Data;
use super::filter::KEYS;
use super::keymap::Action;
use super::layout::Areas;
use super::model::{Ask, Model, Overlay, Pane, Stage};
use super::theme::{Glyphs, Role};
use crate::report::text::clean;
use paint::Pen;
use ratatui::Frame;
use ratatui::layout::Rect;

/// Draws a model.
pub fn view(model: &Model, frame: &mut Frame) {
    let area = frame.area();
    let (theme, glyphs) = (model.settings.theme, Glyphs { ascii: model.settings.ascii });
    let mut pen = Pen { buffer: frame.buffer_mut(), theme, glyphs };
    let areas = super::layout::areas(area.width, area.height);
    tabs(model, &mut pen, areas.tabs);
    match &model.stage {
        Stage::Loading(progress) => loading(&mut pen, &areas, progress),
        Stage::Failed(reason) => {
            pen.wrapped(areas.body, 0, &clean(reason), Role::Bad);
        }
        Stage::Ready(data) | Stage::Partial(_, data) => {
            match &model.stage {
                Stage::Partial(progress, _) => so_far(&mut pen, areas.verdict, progress),
                _ => verdict(data, &mut pen, areas.verdict),
            }
            let pane = (model, data.as_ref());
            match model.pane {
                Pane::Timeline => timeline::draw(pane, &mut pen, areas.body),
                Pane::Sites | Pane::Sessions | Pane::Diagnosis if !data.whole => not_yet(&mut pen, areas.body),
                Pane::Sites => sites::draw(pane, &mut pen, areas.body),
                Pane::Sessions => sessions::draw(pane, &mut pen, areas.body),
                Pane::Events => events::draw(pane, &mut pen, areas.body),
                Pane::Diagnosis => diagnosis::draw(model, &mut pen, areas.body),
                Pane::Notes => diagnosis::notes(model, &mut pen, areas.body),
            }
            status(model, data, &mut pen, areas.status);
        }
    }
    footer(model, &mut pen, areas.footer);
    if let Some(overlay) = &model.overlay {
        overlay::draw(model, overlay, &mut pen, area);
    }
}

fn tabs(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let mut x = area.x;
    for (pane, text) in super::layout::tabs(area.width, model.pane) {
        x = pen.text(area, x, area.y, &text, if pane == model.pane { Role::Selected } else { Role::Dim });
    }
    let trail = match model.history.last() {
        Some(place) => format!(" {} {}", pen.glyphs.before(), place.pane.title()),
        None => String::new(),
    };
    let state = if model.following { format!("{trail} following") } else { trail };
    pen.right(area, area.y, &state, Role::Dim, x);
}

/// Status and cause, and the sentence that says it.
fn verdict(data: &Data, pen: &mut Pen<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let verdict = &data.report.verdict;
    let cause = verdict.cause.map(|c| format!(": {}", c.replace('_', " "))).unwrap_or_default();
    let role = match verdict.status {
        "nothing_abnormal" => Role::Good,
        "insufficient_evidence" => Role::Warn,
        _ => Role::Bad,
    };
    let head = format!("{}{cause}  ", verdict.status.replace('_', " "));
    let x = pen.text(area, area.x, area.y, &head, role);
    let summary = clean(&verdict.summary);
    if area.height == 1 {
        pen.text(area, x, area.y, &summary, Role::Plain);
        return;
    }
    let (first, rest) = paint::break_at(&summary, usize::from(area.right().saturating_sub(x)));
    pen.text(area, x, area.y, first, Role::Plain);
    pen.wrapped(area, 1, rest, Role::Plain);
}

/// Instead of the answer: how far it is.
fn so_far(pen: &mut Pen<'_>, area: Rect, progress: &super::msg::Progress) {
    if area.height == 0 {
        return;
    }
    let x = pen.text(area, area.x, area.y, progress.stage, Role::Title);
    let text = format!("  {} of {} on disk", mega(progress.bytes), mega(progress.total));
    pen.text(area, x, area.y, &text, Role::Plain);
    if area.height > 1 {
        bar(pen, Rect { y: area.y + 1, height: 1, ..area }, progress);
        pen.wrapped(area, 2, "what has been read so far can be looked at", Role::Dim);
    }
}

fn not_yet(pen: &mut Pen<'_>, body: Rect) {
    let text = "this takes all of the logs: it is here once they are read. Timeline and events show what there is already.";
    pen.wrapped(body, 1, text, Role::Dim);
}

fn mega(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// What is compressed holds more than its file: the bar is full then, and the count goes on.
fn bar(pen: &mut Pen<'_>, area: Rect, progress: &super::msg::Progress) {
    let width = usize::from(area.width.min(60));
    let done = super::num::scale(progress.bytes, progress.total.max(1), width as u64).min(width);
    let bar = format!("{}{}", pen.glyphs.bar(8).repeat(done), pen.glyphs.line().repeat(width - done));
    pen.text(area, area.x, area.y, &bar, Role::Use);
}

fn loading(pen: &mut Pen<'_>, areas: &Areas, progress: &super::msg::Progress) {
    let body = areas.body;
    let stage = if progress.stage.is_empty() { "looking for logs" } else { progress.stage };
    let y = body.y + body.height / 3;
    pen.text(body, body.x + 2, y, stage, Role::Title);
    let text = match progress.files {
        0 => String::new(),
        n => format!("{n} files, {} on disk, {} read", mega(progress.total), mega(progress.bytes)),
    };
    pen.text(body, body.x + 2, y + 1, &text, Role::Plain);
    let area = Rect { x: body.x + 2, y: y + 2, width: body.width.saturating_sub(4), height: 1 };
    bar(pen, area.intersection(body), progress);
}

/// The line being typed, a message, or what the cursor stands on.
fn status(model: &Model, data: &Data, pen: &mut Pen<'_>, area: Rect) {
    if let Some(prompt) = &model.prompt {
        let (label, hint) = match prompt.ask {
            Ask::Search => ("/", ""),
            Ask::FilterIn => ("show only: ", KEYS),
            Ask::FilterOut => ("hide: ", KEYS),
            Ask::GoTo => ("go to: ", "14:32, 2024-03-01 14:32:10, +5m, -30s, T+3m"),
            Ask::Comment(_) => ("comment: ", ""),
        };
        let x = pen.text(area, area.x, area.y, label, Role::Key);
        let room = usize::from(area.right().saturating_sub(x + 1));
        let x = pen.text(area, x, area.y, paint::tail(&clean(&prompt.text), room), Role::Plain);
        let x = pen.text(area, x, area.y, " ", Role::Selected);
        if prompt.text.is_empty() {
            pen.text(area, x, area.y, hint, Role::Dim);
        }
        return;
    }
    if let Some(message) = &model.message {
        pen.text(area, area.x, area.y, &clean(message), Role::Warn);
        return;
    }
    match model.pane {
        Pane::Events => events::status((model, data), pen, area),
        _ => timeline::status((model, data), pen, area),
    }
}

/// The keys of the pane, the most useful first.
fn footer(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    use Action as A;
    let own: &[(Action, &str)] = match (model.pane, &model.overlay, &model.prompt) {
        _ if model.data().is_none() => &[],
        (_, _, Some(_)) => &[],
        (_, Some(Overlay::Help(_)), _) => &[],
        (_, Some(_), _) => &[],
        (Pane::Timeline, ..) => &[
            (A::TimelineOpen, "events"),
            (A::NextMark, "marker"),
            (A::ZoomIn, "zoom"),
            (A::ZoomOut, "out"),
            (A::Incident, "incident"),
            (A::FitToo, "all"),
            (A::Brush, "brush"),
            (A::Compare, "compare"),
        ],
        (Pane::Sites, ..) => &[(A::SiteOpen, "sessions"), (A::SiteEvents, "evidence"), (A::SiteCopy, "copy")],
        (Pane::Sessions, ..) => &[
            (A::SessionOpen, "events"),
            (A::Group, "group"),
            (A::Suspects, "all"),
            (A::Holders, "holders"),
            (A::ZoomIn, "zoom"),
        ],
        (Pane::Events, ..) => &[
            (A::Search, "search"),
            (A::FilterIn, "in"),
            (A::FilterOut, "out"),
            (A::NextError, "error"),
            (A::Pivot, "pivot"),
            (A::EventOpen, "record"),
            (A::MarkEvent, "mark"),
            (A::CopyEvent, "copy"),
        ],
        (Pane::Diagnosis, ..) => &[(A::DiagnosisOpen, "evidence"), (A::Export, "export")],
        (Pane::Notes, ..) => {
            &[(A::NoteOpen, "record"), (A::NoteComment, "comment"), (A::NoteTag, "tag"), (A::Export, "export")]
        }
    };
    let shared: &[(Action, &str)] = match (&model.overlay, &model.prompt) {
        (None, None) => &[(A::NextPane, "pane"), (A::Palette, "command"), (A::Help, "help"), (A::Quit, "quit")],
        _ => &[],
    };
    let mut x = area.x;
    if shared.is_empty() {
        let text = if model.prompt.is_some() { "enter done  esc leave" } else { "enter choose  esc leave" };
        pen.text(area, x, area.y, text, Role::Dim);
        return;
    }
    // What every pane has is never pushed out by what only this one has.
    let width = |(action, word): &(Action, &str)| super::num::cells(model.settings.keys.key(*action).len() + word.len() + 3);
    let kept: u16 = shared.iter().map(width).sum();
    for pair in own {
        if x + width(pair) + kept <= area.right() {
            x = key(model, pen, area, x, pair);
        }
    }
    for pair in shared {
        x = key(model, pen, area, x, pair);
    }
}

fn key(model: &Model, pen: &mut Pen<'_>, area: Rect, x: u16, (action, word): &(Action, &str)) -> u16 {
    let x = pen.text(area, x, area.y, model.settings.keys.key(*action), Role::Key);
    pen.text(area, x, area.y, &format!(" {word}  "), Role::Dim)
}
