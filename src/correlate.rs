//! F4: pure functions of the event table. Who opened what, what never closed, and where in the code it was opened.

pub mod callsite;
pub mod classify;
pub mod distributions;
pub mod gaps;
pub mod ledger;
pub mod link;
pub mod pooled;
pub mod requests;
pub mod series;
pub mod session;
pub mod spectrum;
pub mod stats;
pub mod survival;
pub mod templates;
pub mod zone;

pub use callsite::{Leak, Site};
pub use ledger::{Balance, Ledger};
pub use session::{Class, Session};

use crate::table::{EventTable, RowId};
use backtrail_parsers::{Kind, Layer};
use std::collections::BTreeMap;

/// A marker on the timeline: a deploy, an alert, a change of a server's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// Nanoseconds UTC.
    pub time: i64,
    /// What it is.
    pub kind: Kind,
    /// The row that says so.
    pub row: RowId,
}

/// Everything that correlation found.
#[derive(Debug)]
pub struct Case {
    /// Counts and balance per layer.
    pub balances: BTreeMap<Layer, Balance>,
    /// Sessions of the layers that are followed one by one: database, proxy, pool, and requests that never ended.
    pub sessions: Vec<Session>,
    /// Leaking call sites, ranked.
    pub leaks: Vec<Leak>,
    /// Deploys, alerts, restarts, in the order of time.
    pub markers: Vec<Marker>,
    /// Times during which a source wrote nothing although others were alive.
    pub gaps: Vec<gaps::Gap>,
    /// First and last time of all sources; `None` without any time.
    pub window: Option<(i64, i64)>,
    /// Curves over the window.
    pub series: series::Series,
    /// Events written twice by their producer.
    pub duplicates: u64,
}

/// Correlates a table.
pub fn correlate(table: &EventTable) -> Case {
    let rows = table.rows();
    let gaps = gaps::find(table, &rows);
    let mut ledger = Ledger::new(&rows);
    let mut markers = Vec::new();
    for row in rows.by_time() {
        if is_marker(row.kind()) {
            markers.push(Marker { time: row.time(), kind: row.kind(), row: row.id });
        }
        ledger.push(&row);
    }
    let mut folded = ledger.finish();
    link::link(&mut folded);
    classify::classify(&rows, &mut folded, &gaps);
    let leaks = callsite::rank(&rows, &folded);
    let window = window(table);
    let series = series::series(&rows, &folded, window);
    let balances = folded.balances();
    Case { balances, leaks, markers, gaps, window, series, duplicates: folded.duplicates, sessions: folded.sessions }
}

/// First and last time of the sources that are logs of a time of their own.
fn window(table: &EventTable) -> Option<(i64, i64)> {
    let ranges = table.sources.iter().filter_map(|s| s.first.zip(s.last));
    ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn is_marker(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Deploy
            | Kind::Rollback
            | Kind::ConfigChange
            | Kind::Alert
            | Kind::ServerStart
            | Kind::ServerReady
            | Kind::ServerStop
            | Kind::ServerCrash
            | Kind::ServerRecovery
            | Kind::AppStart
            | Kind::AppStop
            | Kind::LbServerState
            | Kind::ResourceExhausted
    )
}
