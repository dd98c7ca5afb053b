//! Sessions as several witnesses saw them, and what changed against a time when all was well.

use super::tools::{backtrail, root};
use serde_json::Value;

fn logs(story: &str) -> std::path::PathBuf {
    root().join("sample-logs/outages").join(story).join("logs")
}

fn leaked(story: &str) -> Vec<Value> {
    let done = backtrail().args(["sessions", "--class", "leaked", "--format", "json"]).arg(logs(story)).assert().code(0);
    serde_json::from_slice(&done.get_output().stdout).unwrap()
}

#[test]
fn a_leaked_borrow_inherits_what_the_other_witnesses_know() {
    let sessions = leaked("2023-05-10-shop-leak");
    assert!(sessions.len() > 100);
    let told = |key: &str| sessions.iter().filter(|s| !s[key].is_null()).count() * 100 / sessions.len();
    for key in ["endpoint", "asked_by", "edge", "server_pid", "reliability"] {
        assert!(told(key) >= 90, "{key}: {} %", told(key));
    }
    for session in &sessions {
        let reliability = session["reliability"].as_f64().unwrap();
        assert!(reliability > 0.0 && reliability <= 1.0, "{session}");
        // The weakest join decides: what rests on a thread or on order alone is never better than that.
        let weak = ["thread", "order", "time"];
        if weak.iter().any(|w| [&session["endpoint_by"], &session["other_side_by"]].iter().any(|by| by.as_str() == Some(w))) {
            assert!(reliability <= 0.6, "{session}");
        }
        assert!(session["edge"].is_null() || session["edge_candidates"].as_u64() >= Some(1), "{session}");
    }
}

#[test]
fn a_leaked_server_session_names_its_request_and_says_how_many_others_fit() {
    let sessions = leaked("2024-08-14-deploy-leak");
    let own: Vec<&Value> = sessions.iter().filter(|s| s["endpoint"] == "GET /api/orders/{id}/invoice.csv").collect();
    assert!(own.len() > 100, "{}", own.len());
    for session in own {
        let (reliability, fit) = (session["reliability"].as_f64().unwrap(), session["edge_candidates"].as_f64());
        assert!((reliability - 0.6 / fit.unwrap_or(1.0).max(1.0)).abs() < 0.002, "{session}");
    }
}

fn changes(arguments: &[&str], story: &str) -> Vec<Value> {
    let mut command = backtrail();
    let done = command.args(["report", "--format", "json"]).args(arguments).arg(logs(story)).assert().code(0);
    let report: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    report["baseline"].as_array().unwrap().clone()
}

#[test]
fn what_changed_since_the_morning_is_the_leak() {
    let found = changes(&["--baseline", "2024-08-14T10:00:00Z..2024-08-14T10:25:00Z"], "2024-08-14-deploy-leak");
    let leak = found.iter().find(|c| c["what"] == "leak").expect("the leak is new");
    assert!(leak["name"].as_str().unwrap().contains("invoice.csv") && leak["lift"].is_null(), "{leak}");
    for change in &found {
        let (low, high) = (change["low"].as_f64().unwrap(), change["high"].as_f64().unwrap_or(f64::INFINITY));
        assert!(low > 1.0 || high < 1.0, "{change}");
    }
}

#[test]
fn a_day_against_itself_shows_nothing() {
    let same = logs("healthy-day").display().to_string();
    assert!(changes(&["--baseline", &same], "healthy-day").is_empty());
    backtrail().args(["report", "--baseline", "/no/such/logs"]).arg(logs("healthy-day")).assert().code(2);
    backtrail().args(["report", "--baseline", "11:00..10:00"]).arg(logs("healthy-day")).assert().code(2);
}
