//! What could not be proved, and the setting that would have proved it.

use super::facts::Facts;
use crate::correlate::Case;
use crate::table::EventTable;
use backtrail_parsers::{Kind, Layer};

/// Something that the logs do not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The source that would hold it.
    pub source: Option<u32>,
    /// What is missing.
    pub missing: &'static str,
    /// What that means for the answer.
    pub consequence: &'static str,
    /// The setting.
    pub setting: &'static str,
}

/// Finds what is missing in the logs that there are.
pub fn gaps(table: &EventTable, case: &Case, facts: &Facts) -> Vec<Gap> {
    let seen = |kind: Kind| facts.seen.contains(&kind);
    let of = |format: &str| table.sources.iter().find(|s| s.format.starts_with(format)).map(|s| s.id);
    let mut out = Vec::new();
    let mut add = |source, missing, consequence, setting| out.push(Gap { source, missing, consequence, setting });
    if let Some(postgres) = of("postgres") {
        if !seen(Kind::DbOpen) && !seen(Kind::DbReceived) {
            add(Some(postgres), "no line says when a session begins", "sessions cannot be paired", "log_connections = on");
        }
        if !seen(Kind::DbClose) {
            add(
                Some(postgres),
                "no line says when a session ends",
                "a leak on the server cannot be told from a long session",
                "log_disconnections = on",
            );
        }
        if !seen(Kind::Query) {
            add(
                Some(postgres),
                "no statement has a time",
                "slow queries can be neither shown nor ruled out",
                "log_min_duration_statement = 250ms",
            );
        }
    }
    let pool = case.sessions.iter().any(|s| s.layer == Layer::Pool);
    let application = table
        .sources
        .iter()
        .find(|s| {
            !s.format.starts_with("postgres")
                && (s.format == "logback" || s.format == "python_logging" || s.format == "json_lines")
        })
        .map(|s| s.id);
    if application.is_some() && !pool {
        add(
            application,
            "no line says who borrows a connection and gives it back",
            "a leak is seen on the server only, and not the line of code",
            "HikariCP: leakDetectionThreshold=60000; SQLAlchemy: echo_pool='debug' (or logger sqlalchemy.pool at DEBUG)",
        );
    }
    if seen(Kind::PoolBorrow) && case.leaks.iter().any(|l| l.site.is_none()) {
        add(
            application,
            "borrows are logged without their stack",
            "a leak is attributed to an endpoint, not to a line",
            "log the caller with the borrow, or switch the pool's leak detection on",
        );
    }
    if seen(Kind::LbRequest)
        && seen(Kind::RequestEnd)
        && facts.before.connect.ns.is_empty()
        && facts.during.connect.ns.is_empty()
    {
        add(
            of("nginx"),
            "the time to connect to the back end is not logged",
            "the network can be neither shown nor ruled out",
            "nginx: $upstream_connect_time and $request_time in log_format",
        );
    }
    out
}
