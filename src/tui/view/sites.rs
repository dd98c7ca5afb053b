//! Leaking call sites: ranked, with a curve of their openings; below, the stack of the selected one.

use super::super::clock::length;
use super::super::data::Data;
use super::super::layout::split_at;
use super::super::model::Model;
use super::super::num;
use super::super::theme::Role;
use super::paint::Pen;
use crate::report::text::{clean, place};
use ratatui::layout::Rect;

/// Columns of a site's curve.
const CURVE: usize = 16;
/// The heading where there is room for all columns.
const WIDE: &str = "  # leaked  share  per 1000  openings          confidence  call site";

/// Draws the pane.
pub(super) fn draw((model, data): (&Model, &Data), pen: &mut Pen<'_>, body: Rect) {
    if data.report.leaks.is_empty() {
        let sessions: u64 = data.report.ledger.values().map(|l| l.opens + l.inferred_opens).sum();
        let text = format!("no connection leaked: {sessions} sessions were followed. The ledger of each is in pane 3.");
        pen.wrapped(body, 1, &text, Role::Good);
        return;
    }
    let (above, below) = split_at(body, model.sites.shown.len());
    if model.sites.shown.is_empty() {
        pen.wrapped(body, 1, "nothing that leaked was opened in the brush (esc on the timeline drops it)", Role::Good);
        return;
    }
    let all: u64 = model.sites.shown.iter().map(|(_, sessions)| sessions).sum();
    let wide = body.width >= 110;
    let head = if wide { WIDE } else { "  # leaked  share  openings  call site" };
    let x = pen.text(above, above.x, above.y, head, Role::Dim);
    if model.axis.brush.is_some() {
        pen.text(above, x + 2, above.y, "[brush]", Role::Key);
    }
    let list = Rect { y: above.y + 1, height: above.height.saturating_sub(1), ..above };
    let shown = model.sites.shown.iter().filter_map(|(index, n)| Some((*index, *n, data.report.leaks.get(*index)?)));
    let shown = shown.enumerate().skip(model.sites.list.top);
    for (y, (at, (index, sessions, leak))) in (list.y..list.bottom()).zip(shown) {
        let rate = leak.rate.map_or_else(|| "-".to_owned(), |r| format!("{:.1}", r.per_1000));
        let rate = if wide { format!("  {rate:>8}") } else { String::new() };
        let text = format!("{:>3} {:>6} {:>4} %{rate}  ", leak.rank, sessions, sessions * 100 / all.max(1));
        let x = pen.text(list, list.x, y, &text, Role::Plain);
        let x = pen.text(list, x, y, &curve(data, index, pen, if wide { CURVE } else { CURVE / 2 }), Role::Bad);
        let confidence = if wide { format!("{:<10}  ", leak.confidence) } else { String::new() };
        let x = pen.text(list, x + 2, y, &confidence, Role::Dim);
        pen.text(list, x, y, &data.site_name(index), Role::Bad);
        if at == model.sites.list.at {
            pen.over(Rect { y, height: 1, ..list }, Role::Selected);
        }
    }
    detail((model, data), pen, below);
}

/// Openings over the window.
fn curve(data: &Data, index: usize, pen: &Pen<'_>, columns: usize) -> String {
    let mut counts = vec![0u64; columns];
    let (from, to) = data.window;
    let sessions = data.case.leaks.get(index).map(|l| l.sessions.as_slice()).unwrap_or_default();
    for session in sessions.iter().filter_map(|i| data.case.sessions.get(*i as usize)) {
        let at = num::index(num::share(session.open - from, num::signed(columns), (to - from).max(1)));
        if let Some(slot) = counts.get_mut(at.min(columns - 1)) {
            *slot += 1;
        }
    }
    let top = counts.iter().copied().max().unwrap_or(0);
    counts.iter().map(|n| pen.glyphs.bar(num::scale(*n, top, 8))).collect()
}

fn detail((model, data): (&Model, &Data), pen: &mut Pen<'_>, area: Rect) {
    let Some(site) = model.site().filter(|_| area.height > 0) else { return };
    let Some(leak) = data.report.leaks.get(site) else { return };
    pen.text(area, area.x, area.y, &pen.glyphs.line().repeat(usize::from(area.width)), Role::Dim);
    let mut lines: Vec<(String, Role)> = Vec::new();
    for (depth, site) in leak.call_site.iter().chain(&leak.callers).enumerate() {
        let file = site.file.clone().unwrap_or_default();
        let line = site.line.map(|n| format!(":{n}")).unwrap_or_default();
        let by = if depth == 0 { "opened at" } else { "called by" };
        let text = format!("{by} {} ({file}{line})", site.function.clone().unwrap_or_default());
        lines.push((text, if depth == 0 { Role::Bad } else { Role::Plain }));
    }
    lines.extend(code(data, site));
    if let Some(endpoint) = &leak.endpoint {
        lines.push((format!("serving {endpoint}"), Role::Plain));
    }
    let clock = model.clock(None);
    let time = |text: &str| super::super::clock::nanos(text).map_or_else(|| text.to_owned(), |ns| clock.long(ns));
    let held = data.case.leaks.get(site).map_or(0, |l| l.held);
    lines.push((format!("from {} to {}, held {} in all", time(&leak.first), time(&leak.last), length(held)), Role::Plain));
    if let Some(rate) = leak.rate {
        let (unit, of) = (rate.unit, rate.of);
        let text = format!("{:.1} of 1000 {unit} leak ({:.1} to {:.1}, of {of})", rate.per_1000, rate.low, rate.high);
        lines.push((text, Role::Plain));
    }
    if let Some(found) = leak.discriminators.first().filter(|d| d.confidence != "unattributed") {
        lines.push((found.text.clone(), Role::Bad));
    }
    if let Some(share) = data.case.leaks.get(site).and_then(|l| l.pool_share) {
        lines.push((format!("{:.0} % of the pool when it was first exhausted", share * 100.0), Role::Plain));
    }
    if let Some(judged) = &leak.by_age {
        lines.push((judged.text.clone(), Role::Plain));
    }
    let seen: Vec<String> = leak.evidence.iter().take(4).map(|at| place(&data.report, at)).collect();
    let how = leak.attribution.replace('_', " ");
    lines.push((format!("by {how}, {}; see {}", leak.confidence, seen.join(", ")), Role::Dim));
    let (of, scrolled) = model.sites.scrolled;
    let skip = if of == site { scrolled.min(lines.len().saturating_sub(1)) } else { 0 };
    let mut row = 1;
    for (text, role) in lines.into_iter().skip(skip) {
        row += pen.wrapped(area, row, &clean(&text), role);
    }
}

/// The source code around the line, and what a look at it says.
fn code(data: &Data, site: usize) -> Vec<(String, Role)> {
    let snippet = match data.code.get(site) {
        Some(Ok(snippet)) => snippet,
        Some(Err(reason)) => return vec![(reason.clone(), Role::Dim)],
        None => return Vec::new(),
    };
    let named = data.report.leaks.get(site).and_then(|l| l.call_site.as_ref()?.line).unwrap_or(0) as usize;
    let mut lines = vec![(snippet.path.clone(), Role::Title)];
    for (number, text) in (snippet.first..).zip(&snippet.lines) {
        let role = if number == named { Role::Bad } else { Role::Plain };
        lines.push((format!("{number:>5}  {}", text.replace('\t', "    ")), role));
    }
    lines.extend(snippet.hint.iter().map(|hint| (hint.text.clone(), Role::Warn)));
    lines
}
