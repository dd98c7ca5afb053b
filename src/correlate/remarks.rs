//! What a reader must know to judge the ledger: what the logs do not tell, and what was inferred in its place.

use super::ledger::Folded;
use super::session::{Ended, Opened};
use crate::table::{EventTable, Source};
use backtrail_parsers::Layer;
use std::collections::BTreeMap;

/// Logs that end this much earlier than the last one are named.
const EARLY: i64 = 60_000_000_000;

/// Sentences about the sources, in their order.
pub fn remarks(table: &EventTable, folded: &Folded) -> Vec<String> {
    let mut out = Vec::new();
    let mut seen: BTreeMap<(u32, Layer), [u64; 3]> = BTreeMap::new();
    for session in folded.sessions.iter().filter(|s| s.layer != Layer::Request) {
        let [opened, closed, all] = seen.entry((session.source, session.layer)).or_default();
        *opened += u64::from(session.opened == Opened::Logged);
        *closed += u64::from(session.ended == Ended::Logged);
        *all += 1;
    }
    for ((source, layer), [opened, closed, all]) in seen {
        let Some(name) = table.sources.get(source as usize).map(name) else { continue };
        let layer = layer.name();
        if closed == 0 && opened > 0 && !folded.tells_of_ends(source) {
            out.push(format!(
                "{name}: {opened} {layer} sessions open and none closes in it; what is still open cannot be told from what is not logged."
            ));
        } else if opened == 0 && closed > 0 && closed == all && layer != "pool" {
            out.push(format!(
                "{name}: {closed} {layer} sessions close and none opens in it; opens follow from the lengths that the closes state, and sessions still open are not seen."
            ));
        }
    }
    for source in folded.only_orphans() {
        let Some(name) = table.sources.get(source as usize).map(name) else { continue };
        out.push(format!("{name}: sessions close in it and none opens; without lengths nothing follows from that."));
    }
    for (source, lost) in &folded.lost_opens {
        let Some(name) = table.sources.get(*source as usize).map(name) else { continue };
        out.push(format!("{name}: its own numbering says that {lost} connections were accepted of which no line tells."));
    }
    for loss in &folded.losses {
        let Some(name) = table.sources.get(loss.source as usize).map(name) else { continue };
        out.push(format!("{name}: its own count says that {} connections closed of which no line tells.", loss.closes));
    }
    for source in &table.sources {
        let missing = crate::source::rotation::missing(&source.stored.parts);
        if !missing.is_empty() {
            let (name, list) = (name(source), missing.join(", "));
            out.push(format!("{name}: a rotated set with parts missing ({list}); what they told is not known."));
        }
    }
    out.extend(ends_apart(table, folded));
    out
}

/// Logs with open sessions that end before the others: those sessions are judged by their own log's end.
fn ends_apart(table: &EventTable, folded: &Folded) -> Vec<String> {
    let last = table.sources.iter().filter_map(|s| s.last).max().unwrap_or(0);
    let open = |id: u32| folded.sessions.iter().filter(|s| s.source == id && s.end.is_none()).count();
    let early = table.sources.iter().filter(|s| s.last.is_some_and(|end| last - end >= EARLY));
    early
        .filter(|s| open(s.id) > 0)
        .map(|s| {
            let seconds = (last - s.last.unwrap_or(last)) / 1_000_000_000;
            format!(
                "{}: ends {seconds} s before the last log; its {} open sessions are judged by its own end.",
                name(s),
                open(s.id)
            )
        })
        .collect()
}

fn name(source: &Source) -> &str {
    source.path.rsplit('/').next().unwrap_or(&source.path)
}
