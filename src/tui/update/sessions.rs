//! Sessions: which are shown, in which groups, and who holds a connection at the cursor.

use super::super::data::Data;
use super::super::filter::{Filter, Rule};
use super::super::model::{Group, Holder, List, Model, Pane, SessionLine};
use super::super::msg::Cmd;
use super::show_row;
use crate::correlate::{Class, Session};
use crate::ingest::TextCol;
use crate::report::text::clean;
use crate::table::Rows;
use backtrail_parsers::Layer;
use std::collections::BTreeMap;

/// Holders listed.
const HOLDERS: usize = 200;
/// Records looked through for a holder's last statement.
const LOOK_BACK: usize = 20_000;

/// True for what did not end well.
fn suspect(session: &Session) -> bool {
    !matches!(session.class, Class::Matched | Class::PooledIdle | Class::StillInUse)
}

/// Finds which sessions are shown and groups them.
pub(super) fn refresh(model: &mut Model) {
    let Some(data) = model.data().cloned() else { return };
    let rows = data.table.rows();
    let state = &model.sessions;
    let shown = |(index, session): &(u32, &Session)| {
        let site = data.site_of.get(*index as usize).copied().flatten();
        let of_site = state.site.is_none_or(|wanted| site.map(|s| s as usize) == Some(wanted));
        let in_brush = model.axis.brush.is_none_or(|(from, to)| session.open < to && data.session_end(session) >= from);
        of_site && in_brush && (state.all || state.site.is_some() || suspect(session))
    };
    let mut groups: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for (index, session) in (0u32..).zip(&data.case.sessions).filter(shown) {
        groups.entry(group_name(&data, &rows, state.group, index, session)).or_default().push(index);
    }
    let mut groups: Vec<(String, Vec<u32>)> = groups.into_iter().collect();
    groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
    let mut lines = Vec::new();
    for (name, mut members) in groups {
        let open = |index: &u32| data.case.sessions.get(*index as usize).map(|s| (s.open, *index));
        members.sort_by_key(open);
        if state.group != Group::None {
            lines.push(SessionLine::Head(name, members.len()));
        }
        lines.extend(members.into_iter().map(SessionLine::Session));
    }
    let first = lines.iter().position(|l| matches!(l, SessionLine::Session(_))).unwrap_or(0);
    model.sessions.lines = lines;
    model.sessions.list = List { at: first, top: 0 };
}

fn group_name(data: &Data, rows: &Rows<'_>, group: Group, index: u32, session: &Session) -> String {
    let text = |column: TextCol| Data::text(rows, session.open_row, column);
    let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
    let site = data.site_of.get(index as usize).copied().flatten();
    match group {
        Group::Site => match site {
            Some(site) => data.site_name(site as usize),
            None => format!("{} sessions of no leaking site", session.layer.name()),
        },
        Group::Pool => or(text(TextCol::Pool), session.layer.name()),
        Group::Host => or(text(TextCol::Host), &data.file(session.source)),
        Group::Endpoint => {
            let known = site.and_then(|s| data.case.leaks.get(s as usize)).and_then(|l| l.endpoint.clone());
            clean(&known.unwrap_or_else(|| or(text(TextCol::Route), "no endpoint known")))
        }
        Group::None => String::new(),
    }
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
        return;
    }
    let Some(data) = model.data().cloned() else { return };
    let cursor = model.axis.cursor;
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
