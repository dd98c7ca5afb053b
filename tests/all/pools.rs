//! Pool arithmetic on the stories: sizes, demand, and what other sizes would have changed.

use super::tools::{backtrail, root};
use serde_json::Value;

fn report(story: &str) -> Value {
    let logs = root().join("sample-logs/outages").join(story).join("logs");
    let done = backtrail().args(["report", "--format", "json"]).arg(logs).assert().code(0);
    serde_json::from_slice(&done.get_output().stdout).unwrap()
}

#[test]
fn a_small_pool_is_told_from_a_leaking_one() {
    let report = report("2023-05-10-pool-exhaustion");
    let pool = &report["pools"][0];
    assert_eq!((pool["size"].as_u64(), pool["size_basis"].as_str()), (Some(3), Some("configuration")));
    assert_eq!((pool["in_vain"].as_u64(), pool["leaked"].as_u64()), (Some(2677), Some(0)));
    assert!(pool["demand_while_empty"].as_f64().unwrap() > 3.0, "the load asks for more than there is: {pool}");
    // The replay of the requests must agree with the logs before it may say anything about another size.
    let own = pool["what_if"][0]["in_vain"].as_f64().unwrap();
    assert!((own / 2677.0 - 1.0).abs() < 0.1, "{own} waits in vain in the replay");
    let others = pool["what_if"].as_array().unwrap().iter().skip(1);
    assert!(others.clone().count() >= 2 && others.clone().all(|o| o["exhausted"].is_null()), "{pool}");
    let needed = pool["needed"].as_array().unwrap();
    let sizes: Vec<u64> = needed.iter().map(|n| n["size"].as_u64().unwrap()).collect();
    assert!(sizes.is_sorted() && sizes.last() > Some(&3), "{sizes:?}");
    let held = report["separating"]["throughput_ratio"].as_f64().unwrap();
    assert!((0.8..1.25).contains(&held), "throughput does not decay: {held}");
}

#[test]
fn a_larger_pool_only_delays_a_leak() {
    for story in ["2023-08-10-slow-leak", "2023-05-10-shop-leak", "2024-08-14-deploy-leak", "2024-03-10-cascade"] {
        let report = report(story);
        let pool = &report["pools"][0];
        let begun = pool["exhausted"].as_str().unwrap();
        let others = pool["what_if"].as_array().unwrap().iter().skip(1).map(|o| o["exhausted"].as_str());
        let moments: Vec<Option<&str>> = std::iter::once(Some(begun)).chain(others).collect();
        assert!(moments.len() >= 3 && moments.iter().all(Option::is_some), "{story}: {moments:?}");
        assert!(moments.is_sorted(), "{story}: each size lasts longer than the one before: {moments:?}");
        assert!(pool["seconds_per_connection"].as_f64().unwrap() > 0.0, "{story}");
        let said = report["suggestions"].to_string();
        assert!(said.contains("Do not enlarge the pool") && said.contains(" s a connection"), "{story}: {said}");
    }
    let decay = report("2024-08-14-deploy-leak")["separating"]["throughput_ratio"].as_f64();
    assert!(decay.is_some_and(|d| d < 0.1), "throughput decays while a leak empties the server: {decay:?}");
}

#[test]
fn a_healthy_pool_is_not_advised() {
    let report = report("healthy-day");
    for pool in report["pools"].as_array().unwrap() {
        assert_eq!(pool["in_vain"], 0, "{pool}");
        assert!(pool["what_if"].as_array().unwrap().is_empty(), "{pool}");
    }
}
