//! The timeline as a Markdown table.

use super::{phase, rows, seen};
use crate::report::Report;
use crate::report::local::Local;
use crate::report::markdown::escape;

/// Writes the table; times in the zone asked for.
pub fn render(report: &Report, zone: &Local) -> String {
    let mut out =
        format!("| time ({}) | phase | where | what | evidence |\n| --- | --- | --- | --- | --- |\n", escape(&zone.name()));
    for row in rows(report) {
        let bound = row.bound_ms.filter(|b| *b >= 1.0).map(|b| format!(" ± {b:.0} ms")).unwrap_or_default();
        out.push_str(&format!(
            "| {}{bound} | {} | {} | {} | {} |\n",
            zone.seconds(&row.time),
            escape(&row.phase.as_deref().map(phase).unwrap_or_default()),
            row.tier,
            escape(&row.title),
            escape(&seen(report, &row.evidence, 3)),
        ));
    }
    out
}
