//! Sessions in groups: which are shown, and what they have in common.

use super::data::Data;
use super::model::{Group, SessionLine};
use crate::correlate::{Class, Session};
use crate::ingest::TextCol;
use crate::report::text::clean;
use crate::table::Rows;
use std::collections::BTreeMap;

/// Sessions between two questions whether to go on.
const STEP: u32 = 4096;

/// Which sessions are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// How they are grouped.
    pub group: Group,
    /// All of them, not only those that did not end well.
    pub all: bool,
    /// Only those of this leak.
    pub site: Option<usize>,
    /// Only those that were open in this stretch of time.
    pub brush: Option<(i64, i64)>,
}

/// True for what did not end well.
fn suspect(session: &Session) -> bool {
    !matches!(session.class, Class::Matched | Class::PooledIdle | Class::StillInUse)
}

/// The lines of the sessions' pane: the largest group first, its sessions in the order in which they were opened. `None`
/// where it is no longer wanted.
pub fn lines(data: &Data, asked: &Wanted, wanted: &dyn Fn() -> bool) -> Option<Vec<SessionLine>> {
    let rows = data.table.rows();
    let shown = |index: u32, session: &Session| {
        let site = data.site_of.get(index as usize).copied().flatten();
        let of_site = asked.site.is_none_or(|wanted| site.map(|s| s as usize) == Some(wanted));
        let in_brush = asked.brush.is_none_or(|(from, to)| session.open < to && data.session_end(session) >= from);
        of_site && in_brush && (asked.all || asked.site.is_some() || suspect(session))
    };
    // There are few groups, however many sessions: only groups are given names.
    let mut members: BTreeMap<(u8, u32), Vec<u32>> = BTreeMap::new();
    for (index, session) in (0u32..).zip(&data.case.sessions) {
        if index.is_multiple_of(STEP) && !wanted() {
            return None;
        }
        if shown(index, session) {
            members.entry(group_key(data, &rows, asked.group, index, session)).or_default().push(index);
        }
    }
    let mut groups: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for members in members.into_values() {
        let first = members.first().and_then(|index| Some((*index, data.case.sessions.get(*index as usize)?)));
        if let Some((index, session)) = first {
            groups.entry(group_name(data, &rows, asked.group, index, session)).or_default().extend(members);
        }
    }
    let mut groups: Vec<(String, Vec<u32>)> = groups.into_iter().collect();
    groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
    let mut lines = Vec::new();
    for (name, mut members) in groups {
        members.sort_by_key(|index| (data.case.sessions.get(*index as usize).map(|s| s.open), *index));
        if asked.group != Group::None {
            lines.push(SessionLine::Head(name, members.len()));
        }
        lines.extend(members.into_iter().map(SessionLine::Session));
    }
    Some(lines)
}

/// What sessions of one group have in common; groups of the same name may have several.
fn group_key(data: &Data, rows: &Rows<'_>, group: Group, index: u32, session: &Session) -> (u8, u32) {
    let site = data.site_of.get(index as usize).copied().flatten();
    let layer = session.layer as u32;
    let code = |column: TextCol| rows.get(session.open_row).code(column);
    match (group, site) {
        (Group::Site, Some(site)) => (1, site),
        (Group::Site, None) => (0, layer),
        (Group::Pool, _) => match code(TextCol::Pool) {
            0 => (0, layer),
            code => (1, code),
        },
        (Group::Host, _) => match code(TextCol::Host) {
            0 => (0, session.source),
            code => (1, code),
        },
        (Group::Endpoint, Some(site)) if data.case.leaks.get(site as usize).is_some_and(|l| l.endpoint.is_some()) => (1, site),
        (Group::Endpoint, _) => (0, code(TextCol::Route)),
        (Group::None, _) => (0, 0),
    }
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
