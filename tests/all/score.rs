//! The stories' reports held against their truth, which was recorded by other means than the logs: cause, call sites, keys of
//! the leaked sessions, counts, moments and impact. What a truth does not state is not asked.

use super::stories::told;
use serde_json::Value;
use std::collections::BTreeSet;

/// Counts of the truth, with the ledger's layer and field.
const COUNTS: [(&str, &str, &str); 8] = [
    ("pg_connections_authorized", "db", "opens"),
    ("pg_disconnections", "db", "closes"),
    ("db_opens", "db", "opens"),
    ("db_closes", "db", "closes"),
    ("pgbouncer_client_logins", "proxy", "opens"),
    ("pgbouncer_client_closes", "proxy", "closes"),
    ("checkouts", "pool", "opens"),
    ("checkins", "pool", "closes"),
];

/// A moment of the report, of the truth, and by how many seconds they may differ.
const MOMENTS: [(&str, &str, f64); 3] =
    [("cause_start", "onset", 30.0), ("onset", "user_visible_start", 30.0), ("recovered", "recovered", 60.0)];

/// A figure of the report, of the truth, and by which share they may differ.
const IMPACT: [(&str, &str, f64); 4] = [
    ("requests", "requests", 0.01),
    ("failed", "failed_5xx", 0.05),
    ("clients", "clients", 0.02),
    ("clients_affected", "clients_affected", 0.05),
];

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A key without the word that says what it is.
fn keys(leaks: &[Value]) -> BTreeSet<String> {
    let all = leaks.iter().flat_map(|leak| list(leak, "connections")).filter_map(Value::as_str);
    all.map(|key| key.rsplit_once(':').map_or(key, |(_, rest)| rest).to_lowercase()).collect()
}

/// An endpoint with its parameters as stars.
fn fold(endpoint: &str) -> String {
    let star = |part: &str| part.starts_with(['{', '<', ':']) || part.parse::<u64>().is_ok();
    let parts: Vec<&str> = endpoint.split('/').map(|part| if star(part) { "*" } else { part }).collect();
    parts.join("/").to_lowercase()
}

/// Does a leak of the report name the place of the truth: its file and line, its function, or where no stack tells, its
/// endpoint?
fn names(truth: &Value, leak: &Value) -> bool {
    let place = truth["call_site"].as_str().unwrap_or_default();
    let site = &leak["call_site"];
    if let (Some(file), Some(line)) = (site["file"].as_str(), site["line"].as_u64()) {
        let short = file.rsplit('/').next().unwrap_or(file);
        return place.contains(&format!("{short}:{line}"));
    }
    let endpoint = |value: &Value| value["endpoint"].as_str().map(fold);
    endpoint(truth).is_some() && endpoint(truth) == endpoint(leak)
}

fn seconds_off(ours: &Value, theirs: &str) -> Option<f64> {
    let time = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros() as f64 / 1e6;
    ours.as_str().map(|ours| time(ours) - time(theirs))
}

/// Where a report is off its truth.
fn faults(report: &Value, truth: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let cause = truth["cause"].as_str().unwrap();
    let healthy = cause == "none";
    let said = report["verdict"]["cause"].as_str().unwrap_or("none");
    let quiet = report["verdict"]["status"] == "nothing_abnormal";
    if !(said == cause || healthy && quiet) {
        wrong.push(format!("the cause is {cause}, not {said}"));
    }
    if list(report, "hypotheses").iter().any(|h| h["cause"] == cause && h["status"] == "ruled_out") {
        wrong.push(format!("{cause} is ruled out"));
    }
    let (leaks, known) = (list(report, "leaks"), list(truth, "leaks"));
    for leak in known.iter().filter(|leak| !leaks.iter().take(known.len()).any(|found| names(leak, found))) {
        wrong.push(format!("{} is missed", leak["call_site"]));
    }
    let sure = leaks.iter().filter(|leak| matches!(leak["confidence"].as_str(), Some("certain" | "strong")));
    for leak in sure.filter(|leak| !known.iter().any(|truth| names(truth, leak))) {
        wrong.push(format!("{} {} does not leak", leak["call_site"], leak["endpoint"]));
    }
    let (found, want) = (keys(leaks), keys(known));
    if found != want {
        let missed: Vec<&String> = want.difference(&found).collect();
        let extra: Vec<&String> = found.difference(&want).collect();
        wrong.push(format!("leaked sessions missed: {missed:?}, named by mistake: {extra:?}"));
    }
    let sum = |leaks: &[Value], key: &str| leaks.iter().filter_map(|leak| leak[key].as_u64()).sum::<u64>();
    let (found, want) = (sum(leaks, "sessions"), sum(known, "count"));
    if found != want {
        wrong.push(format!("{found} sessions leaked, not {want}"));
    }
    for (name, layer, field) in COUNTS {
        let (want, got) = (&truth["counts"][name], &report["ledger"][layer][field]);
        if !want.is_null() && got != want {
            wrong.push(format!("{layer}.{field} is {got}, not {want}"));
        }
    }
    for (ours, theirs, limit) in MOMENTS {
        let Some(want) = truth[theirs].as_str().filter(|_| !healthy) else { continue };
        let off = seconds_off(&report["incident"][ours], want);
        if off.is_none_or(|off| off.abs() > limit) {
            wrong.push(format!("{ours} is off by {off:?} s from {want}"));
        }
    }
    for (ours, theirs, limit) in IMPACT {
        let Some(want) = truth["impact"][theirs].as_f64() else { continue };
        let got = report["impact"][ours].as_f64();
        if got.is_none_or(|got| (got - want).abs() > limit * want.max(1.0)) {
            wrong.push(format!("impact.{ours} is {got:?}, not {want}"));
        }
    }
    wrong
}

#[test]
fn stories_agree_with_their_truth() {
    let off = |told: &super::stories::Told| {
        let found = faults(&told.plain(), &told.truth);
        found.into_iter().map(|text| format!("{}: {text}", told.name)).collect::<Vec<_>>()
    };
    let wrong: Vec<String> = told().iter().flat_map(off).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The checks find what is put wrong, one by one.
#[test]
fn a_report_that_differs_does_not_pass() {
    let told = told().iter().find(|told| told.name == "2023-08-10-slow-leak").unwrap();
    let mut cases: Vec<(&str, Value)> = Vec::new();
    let mut changed = |what: &'static str, pointer: &str, value: Value| {
        let mut report = told.report.clone();
        *report.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
        cases.push((what, report));
    };
    changed("the cause is", "/verdict/cause", "undersized_pool".into());
    changed("is missed", "/leaks/0/call_site/line", 20.into());
    changed("does not leak", "/leaks/0/call_site/line", 20.into());
    changed("leaked sessions missed", "/leaks/0/connections/0", "another".into());
    changed("sessions leaked", "/leaks/0/sessions", 83.into());
    changed("db.opens", "/ledger/db/opens", 1.into());
    changed("cause_start", "/incident/cause_start", "2023-08-10T13:12:40Z".into());
    changed("recovered", "/incident/recovered", Value::Null);
    changed("impact.clients_affected", "/impact/clients_affected", 48.into());
    for (what, report) in cases {
        let found = faults(&report, &told.truth);
        assert!(found.iter().any(|text| text.contains(what)), "{what}: {found:?}");
    }
}
