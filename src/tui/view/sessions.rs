//! Sessions as bars on the time axis, in groups; below, who holds a connection at the cursor.

use super::super::clock::length;
use super::super::data::Data;
use super::super::layout::{SCALE, split};
use super::super::model::{Model, SessionLine};
use super::super::theme::Role;
use super::paint::{Pen, tail};
use super::timeline;
use crate::correlate::session::{Ended, Opened};
use crate::correlate::{Class, Session};
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

/// Draws the pane.
pub(super) fn draw((model, data): (&Model, &Data), pen: &mut Pen<'_>, body: Rect) {
    let (above, below) = split(body, model.sessions.holding);
    let chart = chart(above);
    header(model, data, pen, above);
    timeline::ticks(model, pen, Rect { y: above.y + 1, height: 1, ..chart }.intersection(above));
    let list = Rect { y: above.y + 2, height: above.height.saturating_sub(2), ..above };
    if model.sessions.lines.is_empty() {
        empty(model, data, pen, list);
    }
    let lines = model.sessions.lines.iter().enumerate().skip(model.sessions.list.top);
    for (y, (index, line)) in (list.y..list.bottom()).zip(lines) {
        let row = Rect { y, height: 1, ..list };
        match line {
            SessionLine::Head(name, count) => {
                let text = format!("{name} ({count})");
                pen.text(row, row.x, y, &text, Role::Title);
            }
            SessionLine::Session(at) => {
                if let Some(session) = data.case.sessions.get(*at as usize) {
                    bar(model, data, session, pen, row);
                }
            }
        }
        if let Some(column) = model.axis.column(model.axis.cursor, chart.width) {
            pen.over(Rect { x: chart.x + column, width: 1, ..row }, Role::Cursor);
        }
        if index == model.sessions.list.at {
            pen.over(Rect { width: chart.x.saturating_sub(row.x), ..row }, Role::Selected);
        }
    }
    if below.height > 0 {
        holders(model, pen, below);
    }
}

/// The columns of the bars.
fn chart(area: Rect) -> Rect {
    let names = (area.width / 3).min(34);
    let right = SCALE.min(area.width / 8) + 6;
    Rect { x: area.x + names, width: area.width.saturating_sub(names + right).max(1), ..area }
}

fn header(model: &Model, data: &Data, pen: &mut Pen<'_>, area: Rect) {
    let shown = model.sessions.lines.iter().filter(|l| matches!(l, SessionLine::Session(_))).count();
    let all = data.case.sessions.len();
    let what = match model.sessions.site {
        Some(site) => format!(" leaked at {}", data.site_name(site)),
        None if model.sessions.all => String::new(),
        None => " that did not end well".into(),
    };
    let text = format!("{shown} of {all} sessions{what}, by {}", model.sessions.group.name());
    pen.text(area, area.x, area.y, &text, Role::Dim);
}

fn empty(model: &Model, data: &Data, pen: &mut Pen<'_>, area: Rect) {
    let all = data.case.sessions.len();
    let text = match (model.axis.brush.is_some(), model.sessions.all) {
        _ if all == 0 => "no sessions: nothing in these logs opens or closes a connection".to_owned(),
        (true, _) => format!("none of {all} sessions here lies in the brush (esc on the timeline drops it)"),
        (false, false) => format!("every one of {all} sessions ended well (a shows them)"),
        (false, true) => "no session".to_owned(),
    };
    pen.wrapped(area, 1, &text, Role::Good);
}

fn bar(model: &Model, data: &Data, session: &Session, pen: &mut Pen<'_>, row: Rect) {
    let chart = chart(row);
    let axis = &model.axis;
    let names = Rect { width: chart.x.saturating_sub(row.x + 1), ..row };
    let end = data.session_end(session);
    let role = match session.class {
        Class::Leaked => Role::Bad,
        Class::SlowHold | Class::Reaped | Class::PeerError | Class::EndedByRestart => Role::Warn,
        Class::Undecided | Class::Superseded | Class::LostClose => Role::Latency,
        _ => Role::Open,
    };
    let x = pen.text(names, names.x + 1, row.y, session.layer.name(), Role::Dim);
    // Keys of one pool begin alike: their ends tell them apart.
    let key = data.session_key(session);
    let room = usize::from(names.right().saturating_sub(x + 1));
    let shown = if key.width() > room { format!("{}{}", pen.glyphs.more(), tail(&key, room.saturating_sub(1))) } else { key };
    pen.text(names, x + 1, row.y, &shown, Role::Plain);
    let right = Rect { x: chart.right() + 1, width: row.right().saturating_sub(chart.right() + 1), ..row };
    pen.text(right, right.x, row.y, &session.class.name().replace('_', " "), role);
    if session.open > axis.to || end < axis.from {
        let (at, symbol) =
            if end < axis.from { (chart.x, pen.glyphs.before()) } else { (chart.right() - 1, pen.glyphs.beyond()) };
        pen.cell(at, row.y, symbol, Role::Dim);
        return;
    }
    let first = axis.column(session.open.max(axis.from), chart.width).unwrap_or(0);
    let last = axis.column(end.min(axis.to), chart.width).unwrap_or(first).max(first);
    let unsure = matches!(session.class, Class::Undecided | Class::Superseded | Class::LostClose);
    let inside = if unsure { pen.glyphs.unsure() } else { pen.glyphs.held() };
    for x in first..=last {
        pen.cell(chart.x + x, row.y, inside, role);
    }
    let begun = match session.open < axis.from {
        true => pen.glyphs.before(),
        false if session.opened == Opened::Inferred => pen.glyphs.unsure(),
        false => pen.glyphs.opens(),
    };
    let ended = match (end > axis.to, session.class, session.ended) {
        (true, ..) => pen.glyphs.beyond(),
        (_, Class::Leaked, _) => pen.glyphs.leaked(),
        (_, _, Ended::Open) => pen.glyphs.beyond(),
        (_, _, Ended::Logged) => pen.glyphs.closes(),
        _ => pen.glyphs.unsure(),
    };
    if last > first {
        pen.cell(chart.x + first, row.y, begun, role);
    }
    pen.cell(chart.x + last, row.y, ended, role);
}

fn holders(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    pen.text(area, area.x, area.y, &pen.glyphs.line().repeat(usize::from(area.width)), Role::Dim);
    let clock = model.clock(None);
    let count = model.sessions.holders.len();
    let title = format!(" {count} held at {}  age, thread, site, last statement ", clock.long(model.axis.cursor));
    pen.text(area, area.x + 1, area.y, &title, Role::Title);
    for (y, holder) in (area.y + 1..area.bottom()).zip(&model.sessions.holders) {
        let x = pen.text(area, area.x, y, &format!("{:>11}  ", length(holder.age)), Role::Warn);
        let x = pen.text(Rect { width: (area.width / 3).max(24), ..area }, x, y, &holder.who, Role::Plain);
        let x = pen.text(area, x + 2, y, &holder.site, Role::Bad);
        pen.text(area, x + 2, y, &holder.statement, Role::Dim);
    }
}
