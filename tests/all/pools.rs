//! Pool arithmetic on the stories: sizes, demand, and what other sizes would have changed.

use super::tools::{self, backtrail, root};
use backtrail::ingest::Options;
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

/// A proxy's own pools, one for each database and user: what they had when clients waited in vain, and who did.
#[test]
fn a_proxys_pools_are_shown() {
    let dir = tempfile::tempdir().unwrap();
    let mut log =
        String::from("2026-11-20 11:00:00.000 UTC [77] LOG process up: PgBouncer 1.18.0, libevent 2.1.12-stable (epoll)\n");
    for (n, user) in [(1, "web"), (2, "web"), (3, "web"), (4, "jobs")] {
        log += &format!(
            "2026-11-20 11:00:0{n}.000 UTC [77] LOG S-0x55aa00{n}: shop/{user}@10.0.0.9:5432 new connection to server (from 10.0.0.5:4000{n})\n"
        );
    }
    log += "2026-11-20 11:01:00.000 UTC [77] LOG S-0x55aa001: shop/web@10.0.0.9:5432 closing because: too many servers in the pool (age=59s)\n";
    for n in 1..=5 {
        log += &format!(
            "2026-11-20 11:02:0{n}.000 UTC [77] LOG C-0x55bb00{n}: shop/web@10.0.0.7:5000{n} login attempt: db=shop user=web tls=no\n"
        );
        log += &format!(
            "2026-11-20 11:02:3{n}.000 UTC [77] LOG C-0x55bb00{n}: shop/web@10.0.0.7:5000{n} closing because: query_wait_timeout (age=30s)\n"
        );
        log += &format!(
            "2026-11-20 11:02:3{n}.000 UTC [77] WARNING C-0x55bb00{n}: shop/web@10.0.0.7:5000{n} pooler error: query_wait_timeout\n"
        );
    }
    let path = tools::file(&dir, "pgbouncer.log", log.as_bytes());
    let report = tools::report(&[path.as_path()], &Options::default());
    let proxies: Vec<_> = report.pools.iter().filter(|p| p.kind == "proxy").collect();
    let seen: Vec<_> = proxies.iter().map(|p| (p.name.as_str(), p.size, p.size_at_least, p.in_vain)).collect();
    let of = |user: &str| format!("shop/{user} at the proxy (pgbouncer.log)");
    assert_eq!(seen, [(of("web").as_str(), Some(2), false, 5), (of("jobs").as_str(), Some(1), true, 0)]);
    assert_eq!(proxies[0].exhausted.as_deref(), Some("2026-11-20T11:02:31.000Z"));
    assert!(proxies.iter().all(|p| !p.evidence.is_empty()), "{proxies:?}");
    assert_eq!(
        proxies[0].text[0],
        "2 server connections (connections held when borrowers waited in vain), 3 at most at other times"
    );
}
