//! Counts of a layer, and the proof that nothing was lost while counting.

use super::Folded;
use crate::correlate::session::{Class, Ended};
use crate::correlate::stats;
use backtrail_parsers::Layer;
use std::collections::BTreeMap;

/// Counts of one layer, and whether they balance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balance {
    /// Sessions let in, as logged.
    pub opens: u64,
    /// Closes, as logged.
    pub closes: u64,
    /// Of the inferred opens: begun before the source's first record.
    pub carried_in: u64,
    /// Opens learned from a close's duration or from a leak report.
    pub inferred_opens: u64,
    /// Closes without an open.
    pub orphan_closes: u64,
    /// Sessions without an end.
    pub open_at_end: u64,
    /// The most sessions open at one moment.
    pub peak_open: u64,
    /// Attempts turned away, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Sessions by class.
    pub classes: BTreeMap<Class, u64>,
    /// Sessions that a logged close ended.
    pub ended_by_close: u64,
}

impl Balance {
    /// Every session has one class, and every close ended a session or is an orphan.
    pub fn holds(&self) -> bool {
        self.opens + self.inferred_opens == self.classes.values().sum::<u64>()
            && self.closes == self.ended_by_close + self.orphan_closes
    }
}

impl Folded {
    /// Counts per layer, once classes are known. Layers of which no line tells are left out.
    pub fn balances(&self) -> BTreeMap<Layer, Balance> {
        let mut out = self.extra.clone();
        let mut spans: BTreeMap<Layer, (Vec<i64>, Vec<i64>)> = BTreeMap::new();
        for session in &self.sessions {
            let balance = out.entry(session.layer).or_default();
            *balance.classes.entry(session.class).or_default() += 1;
            balance.ended_by_close += u64::from(session.ended == Ended::Logged);
            balance.open_at_end += u64::from(session.end.is_none());
            let (starts, ends) = spans.entry(session.layer).or_default();
            starts.push(session.open);
            ends.extend(session.end);
        }
        let counts = &self.request_counts;
        if counts.opens + counts.closes > 0 {
            let balance = out.entry(Layer::Request).or_default();
            balance.opens = counts.opens;
            balance.closes = counts.closes;
            balance.inferred_opens = counts.inferred;
            balance.carried_in = counts.carried_in;
            balance.orphan_closes = counts.orphans;
            balance.ended_by_close = counts.matched + counts.inferred;
            *balance.classes.entry(Class::Matched).or_default() += counts.matched + counts.inferred;
            spans.insert(Layer::Request, counts.spans.clone());
        }
        if self.lb.count > 0 {
            let balance = out.entry(Layer::Lb).or_default();
            (balance.opens, balance.closes, balance.ended_by_close) = (self.lb.count, self.lb.count, self.lb.count);
            balance.classes.insert(Class::Matched, self.lb.count);
            spans.insert(Layer::Lb, self.lb.spans.clone());
        }
        for (layer, (mut starts, mut ends)) in spans {
            if let Some(balance) = out.get_mut(&layer) {
                balance.peak_open = stats::peak(&mut starts, &mut ends);
            }
        }
        out
    }
}
