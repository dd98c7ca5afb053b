//! Who held every connection at a moment.

use super::tools::{backtrail, root};
use serde_json::Value;

fn at(story: &str, moment: &str, format: &str) -> Vec<u8> {
    let logs = root().join("sample-logs/outages").join(story).join("logs");
    let done = backtrail().args(["report", "--at", moment, "--format", format]).arg(logs).assert().code(0);
    done.get_output().stdout.clone()
}

#[test]
fn a_leaking_pool_is_held_by_the_site_that_leaks() {
    let found: Value = serde_json::from_slice(&at("2023-05-10-shop-leak", "11:00", "json")).unwrap();
    assert_eq!(found["at"], "2023-05-10T11:00:00.000Z");
    let holders = found["holders"].as_array().unwrap();
    let leaked: Vec<&Value> = holders.iter().filter(|h| h["class"] == "leaked").collect();
    assert!(leaked.len() >= 10, "a pool of ten is empty: {}", leaked.len());
    for held in &leaked {
        let (site, endpoint) = (held["call_site"].as_str().unwrap_or(""), held["endpoint"].as_str().unwrap_or(""));
        assert!(site.contains("vouchers.py:16") || endpoint.contains("/voucher"), "{held}");
        assert!(held["seconds"].as_f64().unwrap() > 0.0 && !held["evidence"].as_array().unwrap().is_empty(), "{held}");
    }
    let ages: Vec<f64> = holders.iter().map(|h| h["seconds"].as_f64().unwrap()).collect();
    assert!(ages.iter().rev().is_sorted(), "the longest first: {ages:?}");
    let servers: Vec<&Value> = holders.iter().map(|h| &h["server_pid"]).filter(|p| !p.is_null()).collect();
    let distinct: std::collections::BTreeSet<String> = servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers.len(), distinct.len(), "no server session is held twice");
}

#[test]
fn waiters_and_counters_are_shown() {
    let found: Value = serde_json::from_slice(&at("2023-05-10-pool-exhaustion", "2023-05-10T13:30:00Z", "json")).unwrap();
    let busy = found["pools"].as_array().unwrap().iter().find(|p| p["waiting"].as_u64() > Some(0)).unwrap();
    assert_eq!((busy["size"].as_u64(), busy["lent"].as_u64()), (Some(3), Some(3)));
    assert!(!busy["gave_up_later"].as_array().unwrap().is_empty(), "{busy}");
    let text = String::from_utf8(at("2023-05-10-pool-exhaustion", "2023-05-10T13:30:00Z", "text")).unwrap();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("by its counters 3 lent") && text.lines().all(|l| l.chars().count() <= 80), "{text}");
    let page = String::from_utf8(at("2023-05-10-pool-exhaustion", "2023-05-10T13:30:00Z", "markdown")).unwrap();
    assert!(page.starts_with("# Connections held at 2023-05-10T13:30:00"), "{page}");
}

#[test]
fn moments_outside_the_logs_are_refused() {
    let logs = root().join("sample-logs/outages/healthy-day/logs");
    for moment in ["2001-01-01T00:00:00Z", "noon", "25:00"] {
        backtrail().args(["report", "--at", moment]).arg(&logs).assert().code(2);
    }
    backtrail().args(["report", "--at", "2023-09-19T10:00:00Z", "--format", "csv"]).arg(&logs).assert().code(2);
}
