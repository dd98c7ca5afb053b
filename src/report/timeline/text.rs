//! The timeline for a terminal: a line a row, wrapped at 80 columns.

use super::{phase, rows, seen};
use crate::report::Report;
use crate::report::local::Local;
use crate::report::text::wrapped;

/// Writes the timeline; times in the zone asked for.
pub fn render(report: &Report, zone: &Local) -> String {
    let mut out = format!("times in {}\n", zone.name());
    let mut day = String::new();
    for row in rows(report) {
        let shown = zone.seconds(&row.time);
        let (date, clock) = shown.split_once(' ').unwrap_or(("", &shown));
        if date != day {
            out.push_str(&format!("\n{date}\n"));
            date.clone_into(&mut day);
        }
        let mark = match row.kind {
            "deploy" => '◆',
            "alert" => '▲',
            "leak" => '✗',
            "incident" => '●',
            _ => '·',
        };
        let label = row.phase.as_deref().map(|p| format!("[{}] ", phase(p))).unwrap_or_default();
        let bound = row.bound_ms.filter(|b| *b >= 1.0).map(|b| format!(" (± {b:.0} ms)")).unwrap_or_default();
        let proof = seen(report, &row.evidence, 2);
        let proof = if proof.is_empty() { proof } else { format!(" · {proof}") };
        let text = format!("{label}{}{bound}{proof}", row.title);
        wrapped(&mut out, &format!("  {clock} {mark} {:<5} ", row.tier), "                   ", &text);
    }
    out.push_str("\n● moment of the incident  ◆ deploy  ▲ alert  ✗ first leak of a site  · other\n");
    out
}
