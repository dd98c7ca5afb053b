//! F4: pure functions of the event table. Who opened what, what never closed, and where in the code it was opened.

pub mod callsite;
pub mod classify;
pub mod clock;
pub mod contained;
pub mod distributions;
pub mod exit;
pub mod gaps;
pub mod holders;
pub mod ledger;
pub mod link;
pub mod pooled;
pub mod pools;
pub mod queue;
pub mod remarks;
pub mod requests;
pub mod series;
pub mod session;
pub mod spectrum;
pub mod statements;
pub mod stats;
pub mod story;
pub mod survival;
pub mod templates;
pub mod zone;

pub use callsite::{Leak, Site};
pub use holders::holders;
pub use ledger::{Balance, Ledger};
pub use session::{Class, Session};

use crate::table::{EventTable, RowId, Rows};
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
    /// Requests that sessions refer to.
    pub requests: Vec<requests::Request>,
    /// Under which source's number the sessions of each source's server are kept.
    pub servers: Vec<u32>,
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
    /// What statistics say of sessions that the rules leave open.
    pub judged: survival::decide::Judged,
    /// Events written twice by their producer.
    pub duplicates: u64,
    /// What a reader must know to judge the ledger.
    pub remarks: Vec<String>,
}

/// Correlates a table.
pub fn correlate(table: &EventTable) -> Case {
    let rows = table.rows();
    let (gaps, (mut folded, markers)) = table.both(|| gaps::find(table, &rows), || fold(&rows));
    link::link(&rows, &mut folded);
    classify::classify(&rows, &mut folded, &gaps);
    let judged = survival::decide::decide(&rows, &mut folded, distributions::Control::default());
    let mut leaks = callsite::rank(&rows, &folded);
    let window = window(table, &rows);
    let count = || (series::series(&rows, &folded, window), folded.balances());
    let seek = || {
        let sought = spectrum::attribute::attribute(table, &rows, &folded, &mut leaks);
        survival::places::attach(&rows, &folded, &mut leaks);
        sought
    };
    let ((series, balances), sought) = table.both(count, seek);
    let mut remarks = remarks::remarks(table, &folded);
    remarks.extend(sought);
    let servers = (0u32..).take(table.sources.len()).map(|source| folded.servers.server(source)).collect();
    let (duplicates, sessions, requests) = (folded.duplicates, folded.sessions, folded.requests);
    Case { balances, sessions, requests, servers, leaks, markers, gaps, window, series, judged, duplicates, remarks }
}

/// The ledger of all rows, and the markers among them.
fn fold(rows: &Rows<'_>) -> (ledger::Folded, Vec<Marker>) {
    let mut ledger = Ledger::new(rows);
    let mut markers = Vec::new();
    for row in rows.by_time() {
        if is_marker(row.kind()) {
            markers.push(Marker { time: row.time(), kind: row.kind(), row: row.id });
        }
        ledger.push(&row);
    }
    (ledger.finish(), markers)
}

/// First and last time of the sources that tell of work. A list of deploys may reach back for months: it widens the
/// window only where there is nothing else.
fn window(table: &EventTable, rows: &Rows<'_>) -> Option<(i64, i64)> {
    let mut work = vec![false; table.sources.len()];
    for row in rows.iter().filter(|r| !is_marker(r.kind())) {
        if let Some(slot) = work.get_mut(row.source_id() as usize) {
            *slot = true;
        }
    }
    let whole = |a: (i64, i64), b: (i64, i64)| (a.0.min(b.0), a.1.max(b.1));
    let range = |s: &crate::table::Source| s.first.zip(s.last);
    let working = table.sources.iter().zip(&work).filter(|(_, work)| **work).filter_map(|(s, _)| range(s)).reduce(whole);
    working.or_else(|| table.sources.iter().filter_map(range).reduce(whole))
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
