//! Sessions: which are shown, in which groups, and who holds a connection at the cursor.

use super::super::data::Data;
use super::super::filter::{Filter, Rule};
use super::super::groups::Wanted;
use super::super::model::{Holder, List, Model, Pane, SessionLine};
use super::super::msg::Cmd;
use super::show_row;
use crate::correlate::Session;
use crate::ingest::TextCol;
use crate::report::text::clean;
use crate::table::Rows;
use backtrail_parsers::Layer;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Holders listed.
const HOLDERS: usize = 200;
/// Records looked through for a holder's last statement.
const LOOK_BACK: usize = 20_000;

/// Asks for the sessions that are shown, in groups; there may be a million.
pub(super) fn refresh(model: &mut Model) -> Vec<Cmd> {
    let Some(data) = model.data().cloned() else { return Vec::new() };
    model.generation.group += 1;
    let state = &model.sessions;
    let wanted = Wanted { group: state.group, all: state.all, site: state.site, brush: model.axis.brush };
    vec![Cmd::Group(data, model.generation.group, wanted)]
}

/// They are known: the first one is selected, or the one that the reader came back to.
pub(super) fn grouped(model: &mut Model, generation: u64, lines: Vec<SessionLine>) {
    if generation != model.generation.group {
        return;
    }
    let first = lines.iter().position(|l| matches!(l, SessionLine::Session(_))).unwrap_or(0);
    model.sessions.lines = lines;
    model.sessions.list = model.sessions.back_to.take().unwrap_or(List { at: first, top: 0 });
}

/// Shows the line that opened the selected session, or that tells of its leak; the one that ended it next time.
pub(super) fn open(model: &mut Model) {
    let Some((data, index)) = model.data().cloned().zip(model.session()) else { return };
    let Some(session) = data.case.sessions.get(index as usize) else { return };
    show_row(model, session.report.unwrap_or(session.open_row));
    let end = session.end_row.map(|row| data.table.rows().get(row).line());
    let (key, file) = (data.session_key(session), data.file(session.source));
    model.message = Some(match end {
        Some(line) => format!("{key} of {file}: its end is on line {line}"),
        None => format!("{key} of {file}: no line ends it"),
    });
}

/// Shows every record, of all sources, that names the selected session's connection, or its process where it has no name.
pub(super) fn follow(model: &mut Model) -> Vec<Cmd> {
    let Some((data, index)) = model.data().cloned().zip(model.session()) else { return Vec::new() };
    let Some(session) = data.case.sessions.get(index as usize) else { return Vec::new() };
    let rule = match (session.conn, session.pid) {
        (0, pid) => Rule::Pid(pid),
        (code, _) => Rule::Text(TextCol::Conn, vec![code]),
    };
    let label = data.session_key(session);
    show_row(model, session.open_row);
    super::events::add(model, Filter { rule, out: false, label })
}

/// Finds who holds a connection at the cursor, where that is shown.
pub(super) fn hold(model: &mut Model) {
    if model.pane != Pane::Sessions || !model.sessions.holding {
        model.sessions.holders.clear();
        model.sessions.held_at = None;
        return;
    }
    let Some(data) = model.data().cloned() else { return };
    let cursor = model.axis.cursor;
    let now = Some((cursor, Arc::as_ptr(&data).addr()));
    if std::mem::replace(&mut model.sessions.held_at, now) == now {
        return;
    }
    let of = |layer: Layer| {
        let all = (0u32..).zip(&data.case.sessions);
        all.filter(|(_, s)| s.layer == layer && s.open <= cursor && data.session_end(s) > cursor).collect::<Vec<_>>()
    };
    let mut held = of(Layer::Pool);
    if held.is_empty() {
        held = of(Layer::Db);
    }
    held.sort_by_key(|(index, s)| (s.open, *index));
    held.truncate(HOLDERS);
    let rows = data.table.rows();
    let statements = last_statements(&data, &rows, cursor);
    let holder = |(index, s): (u32, &Session)| {
        let thread = clean(&String::from_utf8_lossy(rows.text(s.thread)));
        let site = data.site_of.get(index as usize).copied().flatten();
        let site = site.map(|i| data.site_name(i as usize));
        let carried = s.carried_by.and_then(|i| data.case.sessions.get(i as usize));
        let pid = carried.map_or(if s.layer == Layer::Db { s.pid } else { s.backend_pid }, |c| c.pid);
        Holder {
            session: index,
            age: cursor - s.open,
            who: if thread.is_empty() { data.session_key(s) } else { thread },
            site: site.unwrap_or_else(|| Data::text(&rows, s.open_row, TextCol::Route)),
            statement: statements.get(&pid).filter(|_| pid != 0).cloned().unwrap_or_default(),
        }
    };
    model.sessions.holders = held.into_iter().map(holder).collect();
}

/// The last statement of each server process before a moment, as far as a look back reaches.
fn last_statements(data: &Data, rows: &Rows<'_>, cursor: i64) -> BTreeMap<u32, String> {
    let end = data.position(rows, cursor.saturating_add(1));
    let mut out = BTreeMap::new();
    for id in data.order.get(end.saturating_sub(LOOK_BACK)..end).unwrap_or_default().iter().rev() {
        let row = rows.get(*id);
        if row.code(TextCol::Statement) != 0 {
            let pid = row.int(crate::ingest::IntCol::Pid);
            out.entry(pid).or_insert_with(|| Data::text(rows, *id, TextCol::Statement));
        }
    }
    out
}
