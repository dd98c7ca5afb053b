//! What statistics and comparisons say: why sessions that were open at the end were judged as they were, what leaks have in
//! common, which messages were new, what changed against a baseline.

use super::{Material, escape};
use crate::report::{Leak, Ref, attribution, baseline, changed, novel};

/// Messages and changes shown; JSON has all.
const MOST: usize = 30;

fn list(lines: &[String]) -> String {
    let items = lines.iter().fold(String::new(), |all, line| all + &format!("<li>{}</li>\n", escape(line)));
    format!("<ul>{items}</ul>\n")
}

/// What became of sessions whose end no line tells of, and why.
pub fn judged(m: &Material<'_>) -> String {
    let lines = attribution::lines(m.report);
    if lines.is_empty() {
        return String::new();
    }
    format!("<h3>Why open sessions were judged so</h3>\n{}", list(&lines))
}

/// What the requests of a leak have in common, and what the age of its sessions says.
pub fn common(m: &Material<'_>, leak: &Leak) -> String {
    let mut lines = attribution::common(m.report, leak);
    lines.extend(leak.by_age.as_ref().map(|judged| judged.text.clone()));
    if lines.is_empty() { String::new() } else { list(&lines) }
}

/// Messages that were new around the onset, and changes against a baseline.
pub fn compared(m: &Material<'_>) -> String {
    let new = m.report.new_messages.iter().take(MOST).map(|n| (novel::said(n), n.evidence.as_slice()));
    let other = m.report.changed_messages.iter().take(MOST).map(|c| (changed::said(c), c.evidence.as_slice()));
    let changes = m.report.baseline.iter().flatten().take(MOST);
    let against = changes.map(|c| (baseline::said(c), c.evidence.as_slice()));
    let mut out = String::new();
    for (title, all) in [
        ("New messages", new.collect::<Vec<(String, &[Ref])>>()),
        ("Messages that changed", other.collect()),
        ("What changed against the baseline", against.collect::<Vec<(String, &[Ref])>>()),
    ] {
        if !all.is_empty() {
            let items = all.iter().map(|(says, evidence)| format!("<li>{}{}</li>\n", escape(says), m.cites(evidence, 2)));
            out.push_str(&format!("<section><h2>{title}</h2>\n<ul>{}</ul></section>\n", items.collect::<String>()));
        }
    }
    out
}
