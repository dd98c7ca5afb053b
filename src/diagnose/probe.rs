//! Health checks and probes: requests of machines that ask whether the service lives.
//!
//! They are known by the name they give themselves, or by asking for a health endpoint from one address at a fixed
//! interval. They are lines of the access log and count in totals; they are no users and do not count in what users saw.

use crate::ingest::TextCol;
use crate::table::Row;
use crate::table::maps::{HashMap, HashSet};
use std::collections::BTreeMap;

/// Names that probes give themselves, in lower case.
const AGENTS: [&str; 25] = [
    "kube-probe",
    "elb-healthchecker",
    "googlehc",
    "googlestackdrivermonitoring",
    "consul health check",
    "haproxy",
    "envoy/hc",
    "healthcheck",
    "health-check",
    "health check",
    "azure traffic manager",
    "amazon-route53-health-check",
    "cloudflare-traffic-manager",
    "uptimerobot",
    "pingdom",
    "statuscake",
    "site24x7",
    "newrelicpinger",
    "datadog/synthetics",
    "datadogsynthetics",
    "blackbox exporter",
    "blackbox-exporter",
    "prometheus/",
    "check_http",
    "better uptime",
];

/// Segments that make a path a health endpoint wherever they stand.
const ENDPOINTS: [&str; 14] = [
    "health",
    "healthy",
    "healthz",
    "_health",
    "healthcheck",
    "health-check",
    "health_check",
    "_healthcheck",
    "livez",
    "readyz",
    "liveness",
    "readiness",
    "heartbeat",
    "__heartbeat__",
];
/// Segments that do so where they are the whole path.
const WHOLE: [&str; 7] = ["ping", "_ping", "status", "up", "live", "ready", "alive"];
/// A probe is seen at least so often.
const LEAST: usize = 5;
/// This share of its intervals is near their median: within a tenth, or two seconds where stamps are in seconds.
const REGULAR: f64 = 0.8;
const RESOLUTION: i64 = 1_100_000_000;

/// What is known to be a probe.
#[derive(Debug, Default)]
pub struct Probes {
    agents: HashSet<u32>,
    regular: HashSet<(u32, u32)>,
}

impl Probes {
    /// True for a request of a probe.
    pub fn contains(&self, row: &Row<'_>) -> bool {
        self.agents.contains(&row.code(TextCol::UserAgent))
            || self.regular.contains(&(row.code(TextCol::Client), row.code(TextCol::Route)))
    }
}

/// Collects what may be a probe.
#[derive(Debug, Default)]
pub struct Finder {
    agents: HashMap<u32, bool>,
    endpoints: HashMap<u32, bool>,
    times: BTreeMap<(u32, u32, u32), Vec<i64>>,
}

fn is_agent(agent: &[u8]) -> bool {
    let lower = agent.to_ascii_lowercase();
    AGENTS.iter().any(|name| memchr::memmem::find(&lower, name.as_bytes()).is_some())
}

fn is_endpoint(route: &[u8]) -> bool {
    let mut segments = route.split(|b| *b == b'/').filter(|s| !s.is_empty()).peekable();
    let of = |names: &[&str], s: &[u8]| names.iter().any(|name| s.eq_ignore_ascii_case(name.as_bytes()));
    let first = segments.next().unwrap_or_default();
    (segments.peek().is_none() && of(&WHOLE, first)) || of(&ENDPOINTS, first) || segments.any(|s| of(&ENDPOINTS, s))
}

impl Finder {
    /// Looks at a request.
    pub fn see(&mut self, row: &Row<'_>) {
        let agent = row.code(TextCol::UserAgent);
        if agent != 0 {
            self.agents.entry(agent).or_insert_with(|| is_agent(row.text(TextCol::UserAgent)));
        }
        let route = row.code(TextCol::Route);
        if *self.endpoints.entry(route).or_insert_with(|| is_endpoint(row.text(TextCol::Route))) {
            self.times.entry((row.source_id(), row.code(TextCol::Client), route)).or_default().push(row.time());
        }
    }

    /// Decides.
    pub fn finish(self) -> Probes {
        let agents = self.agents.into_iter().filter(|(_, probe)| *probe).map(|(code, _)| code).collect();
        let regular =
            self.times.into_iter().filter_map(|((_, client, route), times)| is_regular(times).then_some((client, route)));
        Probes { agents, regular: regular.collect() }
    }
}

fn is_regular(mut times: Vec<i64>) -> bool {
    times.sort_unstable();
    let intervals: Vec<i64> = times.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?)).collect();
    let mut sorted = intervals.clone();
    sorted.sort_unstable();
    let Some(median) = sorted.get(sorted.len() / 2).copied().filter(|m| times.len() > LEAST && *m > RESOLUTION) else {
        return false;
    };
    let near = intervals.iter().filter(|i| (**i - median).abs() <= (median / 10).max(RESOLUTION)).count();
    near as f64 >= REGULAR * intervals.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_intervals_are_probes_and_people_are_not() {
        let second = 1_000_000_000i64;
        assert!(is_regular((0..40).map(|i| i * 5 * second).collect()));
        assert!(is_regular((0..40).map(|i| i * 10 * second + (i % 3) * 100_000_000).collect()));
        assert!(!is_regular((0..40).map(|i| i * i * second).collect()));
        assert!(!is_regular((0..3).map(|i| i * 5 * second).collect()));
    }

    #[test]
    fn names_and_endpoints_of_probes() {
        assert!(is_agent(b"kube-probe/1.31") && is_agent(b"ELB-HealthChecker/2.0"));
        assert!(!is_agent(b"Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0"));
        assert!(is_endpoint(b"/actuator/health/liveness") && is_endpoint(b"/healthz"));
        assert!(!is_endpoint(b"/products/{id}/reviews") && !is_endpoint(b"/healthy-snacks"));
        assert!(is_endpoint(b"/-/healthy") && is_endpoint(b"/ping") && !is_endpoint(b"/orders/status"));
    }
}
