//! The moments of the incident and its impact, as the report shows them.

use super::build::rfc3339;
use super::diagnosed::three;
use super::{ErrorPeak, Impact, Incident};
use crate::diagnose::{impact, moments};

/// The moments.
pub fn incident(found: &moments::Moments) -> Incident {
    Incident {
        cause_start: found.cause_start.map(rfc3339),
        onset: found.onset.map(rfc3339),
        detected: found.detected.map(rfc3339),
        mitigated: found.mitigated.map(rfc3339),
        recovered: found.recovered.map(rfc3339),
        degraded_seconds: found.degraded_ns.map(|ns| (ns / 1_000_000) as f64 / 1000.0),
    }
}

/// The impact over the whole log.
pub fn impact(found: &impact::Impact) -> Impact {
    let whole = found.whole;
    // Clients are unknown, not none, where the log names none.
    let clients = whole.filter(|_| found.client_key.is_some());
    Impact {
        requests: whole.map(|w| w.requests),
        failed: whole.map(|w| w.failed),
        failed_share: whole.and_then(|w| w.failed_share()).map(three),
        clients: clients.map(|w| w.clients),
        clients_affected: clients.map(|w| w.clients_affected),
        clients_affected_share: clients.and_then(|w| w.affected_share()).map(|s| three(s.0)),
        clients_affected_interval: clients.and_then(|w| w.affected_share()).map(|s| [three(s.1), three(s.2)]),
        client_key: found.client_key.map(str::to_owned),
        error_peak: found.peak.map(|p| ErrorPeak {
            share: three(p.share()),
            at: rfc3339(p.at),
            failed: p.failed,
            requests: p.requests,
        }),
    }
}
