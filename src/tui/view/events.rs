//! The merged log: only the lines in sight are touched, however many there are.

use super::super::data::Data;
use super::super::layout::split;
use super::super::model::Model;
use super::super::theme::Role;
use super::paint::{Pen, break_at, head};
use crate::ingest::TextCol;
use crate::report::text::clean;
use crate::table::{Row, RowId, Rows};
use backtrail_parsers::Severity;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

/// Draws the pane.
pub(super) fn draw((model, data): (&Model, &Data), pen: &mut Pen<'_>, body: Rect) {
    let (above, below) = split(body, model.events.record);
    header(model, pen, Rect { height: 1, ..above });
    let list = Rect { y: above.y + 1, height: above.height.saturating_sub(1), ..above };
    let rows = data.table.rows();
    if model.event_count() == 0 && !model.events.busy {
        empty(model, pen, list);
    }
    let mut y = list.y;
    let mut index = first(model, &rows, list);
    while y < list.bottom() {
        let Some(id) = model.event_row(index) else { break };
        let row = rows.get(id);
        let rest = Rect { y, height: list.bottom() - y, ..list };
        y += line(model, data, &rows, &row, pen, rest, index == model.events.list.at);
        index += 1;
    }
    if below.height > 0
        && let Some(id) = model.event_row(model.events.list.at)
    {
        record(model, data, &rows, id, pen, below);
    }
}

/// The first event drawn. Wrapped records take more than a line: the list begins as late as the selected one needs.
fn first(model: &Model, rows: &Rows<'_>, list: Rect) -> usize {
    let state = model.events.list;
    if !model.events.wrap {
        return state.top;
    }
    let room = usize::from(list.width.saturating_sub(lead(list.width)).max(1));
    let (mut used, mut index) = (0, state.at);
    loop {
        let Some(id) = model.event_row(index) else { return state.top };
        used += lines(&text(model, rows, &rows.get(id)).0, room).len();
        if used > usize::from(list.height) {
            return (index + 1).min(state.at).max(state.top);
        }
        if index <= state.top {
            return state.top;
        }
        index -= 1;
    }
}

fn lines(text: &str, room: usize) -> Vec<&str> {
    let (mut out, mut rest) = (Vec::new(), text);
    loop {
        let (line, after) = break_at(rest, room);
        out.push(line);
        if after.is_empty() || out.len() >= 12 {
            return out;
        }
        rest = after;
    }
}

/// Columns before the text of a record.
fn lead(width: u16) -> u16 {
    if width < 100 { 28 } else { 40 }
}

fn header(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let data = model.data();
    let all = data.map_or(0, |d| d.order.len());
    let shown = model.event_count();
    let mut text =
        if shown == all { format!("{all} events") } else { format!("{shown} of {all} events, {} hidden", all - shown) };
    if model.events.busy {
        text.push_str(", filtering");
    }
    let x = pen.text(area, area.x, area.y, &text, Role::Dim);
    let mut x = x + 1;
    for filter in &model.events.filters {
        let sign = if filter.out { "not " } else { "" };
        let role = if model.events.off { Role::Dim } else { Role::Key };
        x = pen.text(area, x, area.y, &format!("[{sign}{}]", clean(&filter.label)), role) + 1;
    }
    if model.events.off && !model.events.filters.is_empty() {
        x = pen.text(area, x, area.y, "(off)", Role::Dim) + 1;
    }
    if model.axis.brush.is_some() {
        x = pen.text(area, x, area.y, "[brush]", Role::Key) + 1;
    }
    if let Some(search) = &model.events.search {
        let more = if search.done { "" } else { " so far" };
        pen.text(area, x, area.y, &format!("/{} {} hits{more}", clean(&search.text), search.hits.len()), Role::Waiting);
    }
}

fn empty(model: &Model, pen: &mut Pen<'_>, area: Rect) {
    let mut hiding: Vec<String> = model.events.filters.iter().map(|f| clean(&f.label)).collect();
    if model.events.off {
        hiding.clear();
    }
    if model.axis.brush.is_some() {
        hiding.push("the brush".into());
    }
    let text = if hiding.is_empty() {
        "no events: nothing in these files was understood".to_owned()
    } else {
        format!("every event is hidden by {} (x drops the last filter, esc on the timeline the brush)", hiding.join(", "))
    };
    pen.wrapped(area, 1, &text, Role::Warn);
}

/// What a record says in one line, and whether that is its own text.
fn text(model: &Model, rows: &Rows<'_>, row: &Row<'_>) -> (String, bool) {
    if let Some(raw) = model.events.raw.get(&row.id) {
        let first = raw.lines().next().unwrap_or_default();
        let more = raw.lines().count().saturating_sub(1);
        let more = if more > 0 { format!("  (+{more} lines)") } else { String::new() };
        return (clean(&untimed(first).replace('\t', "  ")) + &more, true);
    }
    let mut words = vec![row.kind().name().to_owned()];
    for column in [TextCol::Message, TextCol::Method, TextCol::Route, TextCol::Subject, TextCol::Statement] {
        let word = Data::text(rows, row.id, column);
        if !word.is_empty() {
            words.push(word);
        }
    }
    (words.join(" "), false)
}

/// A line without the time that it begins with: the column before it says that already.
fn untimed(line: &str) -> &str {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let timely = |c: char| c.is_ascii_digit() || matches!(c, ':' | '-' | '.' | ',' | '/' | '+' | 'T' | 'Z' | '[' | ']');
    let (mut rest, mut timed) = (line, false);
    // A date and a time of day are three words at the most, a zone may follow.
    for _ in 0..4 {
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let time = word.contains(':') && word.starts_with(|c: char| c.is_ascii_digit() || c == '[');
        let fits = word.chars().all(timely) && word.chars().any(|c| c.is_ascii_digit());
        let fits = if timed { word == "UTC" } else { fits || MONTHS.contains(&word) };
        if !fits || after.is_empty() {
            break;
        }
        timed |= time;
        rest = after.trim_start();
    }
    if timed { rest } else { line }
}

fn severity(row: &Row<'_>) -> (&'static str, Role) {
    match row.severity() {
        s if s >= Severity::FATAL => ("F", Role::Bad),
        s if s >= Severity::ERROR => ("E", Role::Bad),
        s if s >= Severity::WARN => ("W", Role::Warn),
        s if s >= Severity::INFO => ("I", Role::Plain),
        s if s >= Severity::TRACE => ("D", Role::Dim),
        _ => (" ", Role::Plain),
    }
}

fn tier(data: &Data, source: u32) -> Role {
    match data.report.sources.get(source as usize).map_or("", |s| s.tier) {
        "lb" => Role::Requests,
        "app" => Role::Use,
        "proxy" => Role::Latency,
        "db" => Role::Open,
        "ops" => Role::Waiting,
        _ => Role::Dim,
    }
}

/// Draws a record; the rows it took.
fn line(model: &Model, data: &Data, rows: &Rows<'_>, row: &Row<'_>, pen: &mut Pen<'_>, area: Rect, selected: bool) -> u16 {
    let lead = lead(area.width);
    let (letter, role) = severity(row);
    let marked = model.notes.iter().any(|n| n.row == row.id);
    pen.text(area, area.x, area.y, if marked { pen.glyphs.mark() } else { " " }, Role::Key);
    let clock = model.clock(Some(row.source_id()));
    let time = if row.has_time() { clock.short(row.time()) } else { "no time".into() };
    let x = pen.text(area, area.x + 1, area.y, &time, Role::Dim);
    let x = pen.text(area, x + 1, area.y, letter, role);
    let name = Rect { x: x + 1, width: (area.x + lead).saturating_sub(x + 2), ..area }.intersection(area);
    pen.text(name, name.x, area.y, &data.file(row.source_id()), tier(data, row.source_id()));
    let (text, own) = text(model, rows, row);
    let role = if own { role } else { Role::Dim };
    let at = Rect { x: area.x + lead, width: area.width.saturating_sub(lead), ..area };
    let mut used = 1;
    if model.events.wrap {
        let parts = lines(&text, usize::from(at.width.max(1)));
        used = super::super::num::cells(parts.len()).min(area.height).max(1);
        for (y, part) in (area.y..area.y + used).zip(parts) {
            pen.text(at, at.x, y, part, role);
            hits(model, part, pen, Rect { y, height: 1, ..at });
        }
    } else {
        let text = shifted(model, &text, pen, usize::from(at.width));
        pen.text(at, at.x, area.y, &text, role);
        hits(model, &text, pen, Rect { height: 1, ..at });
    }
    if selected {
        pen.over(Rect { height: used, ..area }, Role::Selected);
    }
    used
}

/// The part of a text that is shown: from where the reader moved it, or from just before a hit that would not be seen.
fn shifted(model: &Model, text: &str, pen: &Pen<'_>, room: usize) -> String {
    let hit = || {
        let search = model.events.search.as_ref()?;
        let before = text.get(..text.to_lowercase().find(search.text.as_str())?)?.width();
        (before + search.text.width() + 1 > room).then(|| before.saturating_sub(room / 3))
    };
    let skip = if model.events.shift > 0 { model.events.shift } else { hit().unwrap_or(0) };
    if skip == 0 {
        return text.to_owned();
    }
    let gone = head(text, skip).len();
    format!("{}{}", pen.glyphs.more(), text.get(gone..).unwrap_or_default())
}

/// Lays the hit's style over what was searched for.
fn hits(model: &Model, text: &str, pen: &mut Pen<'_>, area: Rect) {
    let Some(search) = &model.events.search else { return };
    // Lower case may be longer than what it came from: only where it is not do the places agree.
    let lower = text.to_lowercase();
    if lower.len() != text.len() {
        return;
    }
    for (at, hit) in lower.match_indices(search.text.as_str()).take(20) {
        let before = super::super::num::cells(text.get(..at).unwrap_or_default().width());
        let width = super::super::num::cells(text.get(at..at + hit.len()).unwrap_or_default().width());
        if before < area.width {
            let part = Rect { x: area.x + before, width: width.min(area.width - before), ..area };
            pen.over(part, Role::Hit);
        }
    }
}

/// The whole record with its place and what was made of it.
fn record(model: &Model, data: &Data, rows: &Rows<'_>, id: RowId, pen: &mut Pen<'_>, area: Rect) {
    let row = rows.get(id);
    let width = usize::from(area.width);
    pen.text(area, area.x, area.y, &pen.glyphs.line().repeat(width), Role::Dim);
    let place = format!(" {}:{} ", data.file(row.source_id()), row.line());
    let x = pen.text(area, area.x + 1, area.y, &place, Role::Title);
    let facts = format!("{} {} bytes at {} ", row.kind().name(), row.length(), row.offset());
    pen.text(area, x + 1, area.y, &facts, Role::Dim);
    let mut used = 1;
    if let Some(note) = model.notes.iter().find(|n| n.row == id) {
        let text = format!("{} {} {}", pen.glyphs.mark(), note.tag, clean(&note.comment));
        used += pen.wrapped(area, used, text.trim_end(), Role::Key);
    }
    let raw = model.events.raw.get(&id).map_or("reading it again", String::as_str);
    let scrolled = model.events.scrolled.filter(|(of, _)| *of == id).map_or(0, |(_, at)| at);
    for line in raw.lines().skip(scrolled) {
        if used >= area.height {
            break;
        }
        used += pen.wrapped(area, used, &clean(&line.replace('\t', "    ")), Role::Plain).max(1);
    }
}

/// The selected event's time, source and place among the others.
pub(super) fn status((model, data): (&Model, &Data), pen: &mut Pen<'_>, area: Rect) {
    let Some(id) = model.event_row(model.events.list.at) else { return };
    let rows = data.table.rows();
    let row = rows.get(id);
    let clock = model.clock(Some(row.source_id()));
    let x = pen.text(area, area.x, area.y, &clock.long(row.time()), Role::Title);
    let x = pen.text(area, x, area.y, &format!(" {}  ", clock.name()), Role::Dim);
    let place = format!("{}:{}", data.file(row.source_id()), row.line());
    let x = pen.text(area, x, area.y, &place, Role::Plain);
    let text = format!("{} of {}", model.events.list.at + 1, model.event_count());
    pen.right(area, area.y, &text, Role::Dim, x + 1);
}

#[cfg(test)]
mod tests {
    use super::untimed;

    #[test]
    fn only_a_time_is_taken_off() {
        assert_eq!(untimed("2023-08-10 13:18:32.792 UTC [9526] LOG"), "[9526] LOG");
        assert_eq!(untimed("Aug 10 13:18:31 lb1 haproxy[1]: x"), "lb1 haproxy[1]: x");
        assert_eq!(untimed("[2024-03-01T00:00:00.000Z] GET /"), "GET /");
        assert_eq!(untimed("10.0.0.1 - - [01/Mar/2024:10:00:00 +0000]"), "10.0.0.1 - - [01/Mar/2024:10:00:00 +0000]");
        assert_eq!(untimed("12 monkeys"), "12 monkeys");
        assert_eq!(untimed("2024-03-01 00:00:00"), "2024-03-01 00:00:00");
    }
}
