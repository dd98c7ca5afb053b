//! How it ended, as far as logs can tell: changes and restarts between the beginning and the end, and when it was over.
//! Which of them was the remedy is for people to say.

use super::draft::{Sentence, Writer};
use super::facts::edge;
use crate::report::timeline::{Row, rows};

/// Changes told at the most.
const CHANGES: usize = 12;

/// Deploys, changes and rollbacks from the time users were hit until it was over.
pub(super) fn changes(w: &Writer<'_>) -> Vec<Sentence> {
    let i = &w.report.incident;
    let Some(onset) = &i.onset else { return Vec::new() };
    // A remedy may show its effect a moment before the log says that it is in place.
    let inside = |r: &&Row| r.time >= *onset && i.recovered.as_ref().is_none_or(|end| r.time <= *end);
    let all = rows(w.report);
    let changes: Vec<&Row> = all.iter().filter(|r| r.kind == "deploy").filter(inside).collect();
    let last = changes.len().saturating_sub(CHANGES);
    changes.into_iter().skip(last).map(|r| w.says(format!("{}: {}", w.zone.words(&r.time), r.title), &r.evidence)).collect()
}

/// When it was over, and whether connections went on leaking.
pub(super) fn recovery(w: &Writer<'_>) -> Vec<Sentence> {
    let i = &w.report.incident;
    let mut out = Vec::new();
    if let Some(time) = i.mitigated.as_ref().filter(|t| Some(*t) != i.recovered.as_ref()) {
        out.push(w.counted(format!("it got better for the first time at {}", w.zone.words(time)), edge(w.report)));
    }
    match &i.recovered {
        Some(time) => {
            out.push(w.counted(format!("the last failures that belong to it were at {}", w.zone.words(time)), edge(w.report)));
        }
        None if i.onset.is_some() => out.push(w.counted("it was not over when the logs end", edge(w.report))),
        None => {}
    }
    let last = w.report.leaks.iter().max_by(|a, b| a.last.cmp(&b.last));
    if let Some(leak) = last {
        out.push(w.says(
            format!("the last connection that was never given back was opened at {}", w.zone.words(&leak.last)),
            &leak.evidence,
        ));
    }
    out
}
