//! Call sites and what proves them; the diagnosis' way to its evidence.

use super::super::model::{Model, Pane};
use super::super::msg::Cmd;
use super::super::num;
use super::{go, remember, sessions, show_row};

/// Finds which sites are shown: those where connections were opened in the brush, the most of them first; all of them,
/// by their rank, where there is no brush.
pub(super) fn refresh(model: &mut Model) {
    let Some(data) = model.data().cloned() else { return };
    let brush = model.axis.brush;
    let inside = |index: &u32| {
        let session = data.case.sessions.get(*index as usize);
        session.is_some_and(|s| brush.is_none_or(|(from, to)| s.open >= from && s.open < to))
    };
    let count = |sessions: &[u32]| sessions.iter().filter(|index| inside(index)).count() as u64;
    let counted = data.case.leaks.iter().enumerate().map(|(index, leak)| (index, count(&leak.sessions)));
    let mut shown: Vec<(usize, u64)> = counted.filter(|(_, n)| brush.is_none() || *n > 0).collect();
    if brush.is_some() {
        shown.sort_by_key(|(index, n)| (std::cmp::Reverse(*n), *index));
    }
    let selected = model.site();
    model.sites.list.at = shown.iter().position(|(index, _)| Some(*index) == selected).unwrap_or(0);
    model.sites.shown = shown;
}

/// Scrolls the detail of the selected site.
pub(super) fn scroll(model: &mut Model, by: i64) {
    let Some(site) = model.site() else { return };
    let (of, at) = model.sites.scrolled;
    let at = if of == site { at } else { 0 };
    model.sites.scrolled = (site, num::index(num::signed(at) + by).min(40));
}

/// Shows the sessions of the selected site.
pub(super) fn open(model: &mut Model) {
    let Some(at) = model.site() else { return };
    let Some(first) = model.data().and_then(|d| d.case.leaks.get(at)).map(|l| l.first) else { return };
    remember(model);
    model.sessions.site = Some(at);
    model.sessions.list = super::super::model::List::default();
    model.pane = Pane::Sessions;
    super::axis::go(model, first);
    sessions::refresh(model);
}

/// Shows the first record that proves the selected site.
pub(super) fn evidence(model: &mut Model) {
    let leak = model.site().and_then(|site| model.data()?.case.leaks.get(site));
    let row = leak.and_then(|l| l.evidence.first().copied());
    match row {
        Some(row) => show_row(model, row),
        None => model.message = Some("no record names it".into()),
    }
}

/// Puts the selected site on the clipboard.
pub(super) fn copy(model: &mut Model) -> Vec<Cmd> {
    let Some((data, site)) = model.data().zip(model.site()) else { return Vec::new() };
    let name = data.site_name(site);
    model.message = Some(format!("{name} is on the clipboard"));
    vec![Cmd::Copy(name)]
}

/// Jumps from a line of the diagnosis to the record that proves it.
pub(super) fn proof(model: &mut Model) {
    let Some(data) = model.data().cloned() else { return };
    let refs = model.statements.get(model.diagnosis.at).map(|s| s.refs.clone()).unwrap_or_default();
    let rows = data.table.rows();
    match refs.iter().find_map(|at| data.row_of(&rows, at)) {
        Some(row) => {
            go(model, Pane::Diagnosis);
            show_row(model, row);
        }
        None => model.message = Some("this line has no record of its own".into()),
    }
}
