//! Clocks of the sources against each other, from records of two sources whose order is known: a request reaches the load
//! balancer before the application and leaves it after, a proxy connects before the server accepts.
//!
//! A pair in which the reference comes first bounds how far the other clock is ahead from above, one in which it comes last
//! from below. Offset and drift lie between the two; half the distance is the bound. Zones are settled before: what is left
//! is smaller than half a quarter-hour.

mod fit;
mod graph;
mod pairs;
mod rhythm;

use crate::table::clock::Clock;
use crate::table::{EventTable, Rows};

/// Compares the clocks of all sources. The result has an entry for every source that can be compared with another, in the
/// order of sources.
pub fn find(table: &EventTable) -> Vec<Clock> {
    if table.sources.len() < 2 {
        return Vec::new();
    }
    let rows: Rows<'_> = table.rows();
    let edges = pairs::edges(&rows, table.sources.len());
    graph::settle(table, edges)
}
