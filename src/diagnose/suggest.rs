//! What to do, keyed by the verdict; nothing is suggested without proof.

use super::facts::Facts;
use super::hypothesis::Cause;
use super::pool::Arithmetic;
use super::verdict::Verdict;
use crate::correlate::Case;
use crate::table::{RowId, Rows};

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// In words.
    pub text: String,
    /// Rows that ask for it.
    pub because: Vec<RowId>,
}

/// Suggests what follows from the verdict.
pub fn suggest(rows: &Rows<'_>, case: &Case, facts: &Facts, verdict: &Verdict, pools: &Arithmetic) -> Vec<Suggestion> {
    let _ = rows;
    let mut out = Vec::new();
    let mut add = |text: String, because: &[RowId]| {
        if !because.is_empty() {
            out.push(Suggestion { text, because: because.to_vec() });
        }
    };
    let during = &facts.during;
    match verdict.cause {
        Some(Cause::ConnectionLeak) => {
            for leak in case.leaks.iter().take(3) {
                let place = leak.site.as_ref().map(|s| format!("{} ({}:{})", s.function, s.file, s.line)).or_else(|| leak.endpoint.clone());
                if let Some(place) = place {
                    add(format!("Close the connection on every path out of {place}: try-with-resources, with, defer, using or finally."), &leak.evidence);
                }
            }
            let proof: Vec<RowId> = case.leaks.iter().flat_map(|l| l.evidence.iter().take(1)).copied().collect();
            let delay = pools.delay().map(|s| format!(", by {s:.0} s a connection")).unwrap_or_default();
            add(format!("Do not enlarge the pool: with a leak that only delays the end{delay}."), &proof);
            add("Switch leak detection on (60 to 120 s) and an idle-in-transaction timeout as a net.".into(), &proof);
        }
        Some(Cause::UndersizedPool) => add("Size the pool for its load: connections needed = borrows a second times the mean hold; keep the sum over all instances below the server's limit.".into(), &during.timeouts.rows),
        Some(Cause::TrafficSurge) => add("Limit admission before the pool, and scale before the peak.".into(), &during.requests.rows),
        Some(Cause::AbusiveClient) => add("Limit requests per client.".into(), &during.requests.rows),
        Some(Cause::SlowQueries) => {
            let proof = if during.locks.rows.is_empty() { &during.queries.rows } else { &during.locks.rows };
            add("Look at the statements named here: their plans, and who holds the locks they wait for.".into(), proof);
        }
        Some(Cause::HeldAcrossSlowCall) => add("Give the connection back before the slow call, and borrow again after it.".into(), &during.holds.rows),
        Some(Cause::CacheFailure) => add("Protect the database from a cold cache: fewer concurrent fills, stale answers while it recovers.".into(), &during.cache_errors.rows),
        Some(Cause::LbMisconfiguration) => add("Compare the balancer's configuration with the last one that worked.".into(), &during.failed.rows),
        Some(Cause::NetworkLatency) => add("Look at the path between the balancer and its back ends.".into(), &during.connect.rows),
        Some(Cause::DatabaseRestart) => add("Find out why the server went down; let clients reconnect with a delay that grows.".into(), &during.db_life.rows),
        Some(Cause::DatabaseUnreachable) => add("Check the address, the firewall and the name service between application and database.".into(), &during.db_unreachable.rows),
        Some(Cause::ResourceExhaustion) => add("Give the process the resource that the lines name, or find what uses it up.".into(), &during.exhausted.rows),
        None => {}
    }
    if let Some((judged, ..)) = pools.emptied().filter(|_| verdict.cause == Some(Cause::UndersizedPool))
        && let (Some(size), Some(row)) = (judged.size_for_busy(), judged.demand.map(|d| d.row))
    {
        let share = (1.0 - super::pool::MAY_WAIT) * 100.0;
        add(
            format!(
                "Give that pool {size} connections: {share:.0} % of its borrowers would not have waited in the busiest minutes."
            ),
            &[row],
        );
    }
    out
}
