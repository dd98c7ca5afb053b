//! What changed against a time, or other logs, in which all was well: endpoints, clients, statements, loggers, errors, call
//! sites and leaks, each as a share of its kind, ranked by how much more or less of it there is at least.

use crate::correlate::Case;
use crate::correlate::callsite::parse_stack;
use crate::correlate::classify::endpoint;
use crate::correlate::distributions::{Control, fisher_greater, q_values, rate_ratio};
use crate::ingest::TextCol;
use crate::table::maps::HashMap;
use crate::table::{RowId, Rows};
use backtrail_parsers::Kind;
use std::collections::BTreeMap;

/// Rows kept as proof of one thing.
const PROOF: usize = 3;
/// Changes are shown from this ratio on, either way.
const LEAST: f64 = 1.5;
/// Share of false discoveries among what is shown.
const FALSE: f64 = 0.05;

/// A kind of thing that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// Method and route of a request at the edge.
    Endpoint,
    /// Client at the edge.
    Client,
    /// Statement, literals folded.
    Statement,
    /// Logger of a record.
    Logger,
    /// Type of an error.
    Error,
    /// First frame of the application in a borrow's or leak report's stack.
    CallSite,
    /// Leaking site or endpoint.
    Leak,
    /// A kind as a whole, against the requests.
    All,
}

impl What {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            What::Endpoint => "endpoint",
            What::Client => "client",
            What::Statement => "statement",
            What::Logger => "logger",
            What::Error => "error",
            What::CallSite => "call_site",
            What::Leak => "leak",
            What::All => "all",
        }
    }
}

/// Counts of one side.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    counts: BTreeMap<(What, String), (u64, Vec<RowId>)>,
    totals: BTreeMap<What, u64>,
    /// Requests at the edge; seconds where there are none.
    exposure: u64,
}

/// One thing that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its kind.
    pub what: What,
    /// Its name.
    pub name: String,
    /// How often then, and of how many of its kind.
    pub then: (u64, u64),
    /// How often now, and of how many.
    pub now: (u64, u64),
    /// Its share now over then; infinite for what is new.
    pub lift: f64,
    /// 95 % interval of that.
    pub interval: (f64, f64),
    /// Rows that show it now.
    pub rows: Vec<RowId>,
}

impl Change {
    /// How much more or less there is at least.
    fn strength(&self) -> f64 {
        if self.lift >= 1.0 { self.interval.0 } else { 1.0 / self.interval.1.max(1e-9) }
    }
}

/// Counts what happened in some stretches of time (ns UTC, half-open).
pub fn tally(rows: &Rows<'_>, case: &Case, stretches: &[(i64, i64)]) -> Tally {
    let inside = |time: i64| stretches.iter().any(|(from, to)| time >= *from && time < *to);
    let edge = if rows.iter().any(|r| r.kind() == Kind::LbRequest) { Kind::LbRequest } else { Kind::RequestEnd };
    let mut counts: HashMap<(What, u32, u32), (u64, Vec<RowId>)> = HashMap::default();
    let mut add = |key: (What, u32, u32), row: RowId| {
        let slot = counts.entry(key).or_default();
        slot.0 += 1;
        if slot.1.len() < PROOF {
            slot.1.push(row);
        }
    };
    let mut requests = 0u64;
    for row in rows.iter().filter(|r| r.has_time() && inside(r.time())) {
        let mut one = |what: What, column: TextCol| {
            let code = row.code(column);
            if code != 0 {
                add((what, 0, code), row.id);
            }
        };
        one(What::Logger, TextCol::Logger);
        one(What::Error, TextCol::ErrorType);
        match row.kind() {
            kind if kind == edge => {
                requests += 1;
                one(What::Client, TextCol::Client);
                if row.code(TextCol::Route) != 0 {
                    add((What::Endpoint, row.code(TextCol::Method), row.code(TextCol::Route)), row.id);
                }
            }
            Kind::Query | Kind::SlowQuery => one(What::Statement, TextCol::Statement),
            Kind::PoolBorrow | Kind::LeakReport => one(What::CallSite, TextCol::Stack),
            _ => {}
        }
    }
    let mut out = Tally::default();
    #[expect(clippy::iter_over_hash_type, reason = "put into an ordered map; rows are the first ones of each key")]
    for ((what, a, b), (n, proof)) in counts {
        let name = match what {
            What::Endpoint => endpoint(rows, a, b),
            What::CallSite => first_frame(rows, b),
            _ => String::from_utf8_lossy(rows.text(b)).into_owned(),
        };
        out.add(what, name, n, proof);
    }
    for leak in &case.leaks {
        let opened = leak.sessions.iter().filter_map(|i| case.sessions.get(*i as usize)).filter(|s| inside(s.open));
        let proof: Vec<RowId> = opened.clone().map(|s| s.report.unwrap_or(s.open_row)).take(PROOF).collect();
        let site = leak.site.as_ref().map(|s| format!("{} ({}:{})", s.function, s.file, s.line));
        let name = site.or_else(|| leak.endpoint.clone()).unwrap_or_else(|| "not attributed".into());
        out.add(What::Leak, name, opened.count() as u64, proof);
    }
    let seconds: i64 = stretches.iter().map(|(from, to)| (to - from) / 1_000_000_000).sum();
    out.exposure = if requests > 0 { requests } else { u64::try_from(seconds).unwrap_or(0) };
    out
}

fn first_frame(rows: &Rows<'_>, stack: u32) -> String {
    let first = parse_stack(rows.text(stack)).into_iter().next();
    first.map(|s| format!("{} ({}:{})", s.function, s.file, s.line)).unwrap_or_default()
}

impl Tally {
    fn add(&mut self, what: What, name: String, n: u64, proof: Vec<RowId>) {
        if n == 0 || name.is_empty() {
            return;
        }
        *self.totals.entry(what).or_default() += n;
        let slot = self.counts.entry((what, name)).or_default();
        slot.0 += n;
        slot.1.extend(proof);
        slot.1.sort_unstable();
        slot.1.truncate(PROOF);
    }

    /// Occurrences of a thing, and of how many: of its kind, or of the requests where kinds themselves are compared and for
    /// leaks, which are nothing's share.
    fn of(&self, what: What, name: &str) -> (u64, u64) {
        let total = |what: What| self.totals.get(&what).copied().unwrap_or(0);
        match what {
            What::All => (self.totals.iter().find(|(w, _)| w.name() == name).map_or(0, |(_, n)| *n), self.exposure),
            What::Leak => (self.counts.get(&(what, name.to_owned())).map_or(0, |(n, _)| *n), self.exposure),
            _ => (self.counts.get(&(what, name.to_owned())).map_or(0, |(n, _)| *n), total(what)),
        }
    }
}

/// What changed from one side to the other, the strongest change first.
pub fn compare(then: &Tally, now: &Tally) -> Vec<Change> {
    let mut names: Vec<(What, String)> = now.counts.keys().chain(then.counts.keys()).cloned().collect();
    let kinds = [What::Statement, What::Error, What::CallSite];
    names.extend(kinds.iter().filter(|w| now.totals.contains_key(w)).map(|w| (What::All, w.name().to_owned())));
    names.sort_unstable();
    names.dedup();
    let mut found: Vec<(f64, Change)> = Vec::new();
    for (what, name) in names {
        let (before, after) = (then.of(what, &name), now.of(what, &name));
        // A kind that one side has none of at all was not logged there.
        let Some(ratio) = rate_ratio((after.0, before.0), (after.1, before.1)) else { continue };
        let rest = |of: (u64, u64)| of.1.saturating_sub(of.0);
        let up = fisher_greater(after.0, before.0, rest(after), rest(before));
        let down = fisher_greater(before.0, after.0, rest(before), rest(after));
        let rows = match what {
            What::All => now
                .counts
                .iter()
                .filter(|((w, _), _)| w.name() == name)
                .flat_map(|(_, (_, rows))| rows)
                .take(PROOF)
                .copied()
                .collect(),
            _ => now.counts.get(&(what, name.clone())).map(|(_, rows)| rows.clone()).unwrap_or_default(),
        };
        let lift = ratio.value;
        let change = Change { what, name, then: before, now: after, lift, interval: (ratio.low, ratio.high), rows };
        found.push(((2.0 * up.min(down)).min(1.0), change));
    }
    let p: Vec<f64> = found.iter().map(|(p, _)| *p).collect();
    let q = q_values(&p, Control::BenjaminiHochberg);
    let clear = |c: &Change| (c.interval.0 > 1.0 && c.lift >= LEAST) || (c.interval.1 < 1.0 && c.lift <= 1.0 / LEAST);
    let kept = found.into_iter().zip(q).filter(|((_, c), q)| *q <= FALSE && clear(c));
    let mut out: Vec<Change> = kept.map(|((_, change), _)| change).collect();
    out.sort_by(|a, b| {
        b.strength().total_cmp(&a.strength()).then(b.now.0.cmp(&a.now.0)).then((a.what, &a.name).cmp(&(b.what, &b.name)))
    });
    out
}

/// The stretches of a window that lie outside a range.
pub fn outside(window: (i64, i64), range: (i64, i64)) -> Vec<(i64, i64)> {
    let parts = [(window.0, range.0.min(window.1)), (range.1.max(window.0), window.1 + 1)];
    parts.into_iter().filter(|(from, to)| to > from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(counts: &[(What, &str, u64)], exposure: u64) -> Tally {
        let mut out = Tally { exposure, ..Tally::default() };
        for (what, name, n) in counts {
            out.add(*what, (*name).to_owned(), *n, Vec::new());
        }
        out
    }

    #[test]
    fn what_changed_is_ranked_and_what_did_not_is_left_out() {
        let then = side(&[(What::Client, "a", 500), (What::Client, "b", 500), (What::Endpoint, "GET /", 1000)], 1000);
        let now = side(
            &[(What::Client, "a", 520), (What::Client, "b", 480), (What::Client, "c", 4000), (What::Endpoint, "GET /", 5000)],
            5000,
        );
        let found = compare(&then, &now);
        assert_eq!(found[0].name, "c");
        assert!(found[0].lift.is_infinite() && found[0].interval.0 > 10.0, "{found:?}");
        assert!(found.iter().all(|c| c.name != "GET /"), "its share is what it was: {found:?}");
        assert!(found.iter().any(|c| c.name == "a" && c.lift < 1.0), "{found:?}");
        assert!(compare(&then, &then).is_empty());
    }

    #[test]
    fn a_range_leaves_what_is_around_it() {
        assert_eq!(outside((0, 100), (20, 40)), [(0, 20), (40, 101)]);
        assert_eq!(outside((0, 100), (0, 40)), [(40, 101)]);
        assert_eq!(outside((0, 100), (-5, 200)), []);
    }
}
