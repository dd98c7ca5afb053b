//! Call sites and what proves them; the diagnosis' way to its evidence.

use super::super::model::{Model, Pane};
use super::super::msg::Cmd;
use super::{go, remember, sessions, show_row};

/// Shows the sessions of the selected site.
pub(super) fn open(model: &mut Model) {
    let at = model.sites.at;
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
    let row = model.data().and_then(|d| d.case.leaks.get(model.sites.at)).and_then(|l| l.evidence.first().copied());
    match row {
        Some(row) => show_row(model, row),
        None => model.message = Some("no record names it".into()),
    }
}

/// Puts the selected site on the clipboard.
pub(super) fn copy(model: &mut Model) -> Vec<Cmd> {
    let Some(data) = model.data().filter(|d| model.sites.at < d.case.leaks.len()) else { return Vec::new() };
    let name = data.site_name(model.sites.at);
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
