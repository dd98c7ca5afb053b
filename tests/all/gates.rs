//! SARIF, JUnit, OpenMetrics, the gate, the tables, redaction and verification: each by the rules of its format.

use super::exports::{hostile, is_clean, no_formulas};
use super::tools::{backtrail, file, root};
use backtrail::source::code::Code;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn story(name: &str) -> PathBuf {
    root().join("sample-logs/outages").join(name).join("logs")
}

fn printed(args: &[&str], path: &Path) -> String {
    let done = backtrail().args(args).arg(path).assert();
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

/// What the schema of SARIF 2.1.0 requires of the parts that are written here.
fn is_sarif(log: &Value) {
    assert_eq!(log["version"], "2.1.0");
    for run in log["runs"].as_array().unwrap() {
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        assert!(run["tool"]["driver"]["name"].is_string());
        let ids: std::collections::BTreeSet<&str> = rules.iter().map(|r| r["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), rules.len(), "rules are unique");
        for rule in rules {
            assert!(rule["shortDescription"]["text"].is_string() && rule["fullDescription"]["text"].is_string());
        }
        assert!(run["invocations"].as_array().unwrap().iter().all(|i| i["executionSuccessful"].is_boolean()));
        for result in run["results"].as_array().unwrap() {
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            is_clean(result["message"]["text"].as_str().unwrap());
            let (kind, level) = (result["kind"].as_str().unwrap(), result["level"].as_str().unwrap());
            assert!(["none", "note", "warning", "error"].contains(&level) && ["fail", "review"].contains(&kind));
            assert!(kind == "fail" || level == "none", "only a failure has a level");
            assert!(result["partialFingerprints"].as_object().unwrap().values().all(Value::is_string));
            assert!(result["occurrenceCount"].is_null() || result["occurrenceCount"].as_u64().unwrap() >= 1);
            assert!(result["rank"].is_null() || (0.0..=100.0).contains(&result["rank"].as_f64().unwrap()));
            for stack in result["stacks"].as_array().into_iter().flatten() {
                stack["frames"].as_array().unwrap().iter().for_each(|f| is_location(&f["location"]));
            }
            result["locations"].as_array().into_iter().flatten().for_each(is_location);
        }
    }
}

fn is_location(location: &Value) {
    let physical = &location["physicalLocation"];
    if physical.is_null() {
        return;
    }
    let uri = physical["artifactLocation"]["uri"].as_str().unwrap();
    let fine = |c: char| c.is_ascii_alphanumeric() || "-._~/%".contains(c);
    assert!(uri.chars().all(fine) && !uri.starts_with('/') && !uri.split('/').any(|p| p == ".."), "{uri}");
    assert!(physical["region"].is_null() || physical["region"]["startLine"].as_u64().unwrap() >= 1);
}

#[test]
fn sarif_keeps_its_schema() {
    let log: Value = serde_json::from_str(&hostile(&["report", "--format", "sarif"])).unwrap();
    is_sarif(&log);
    assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 30);
    let pool: Value =
        serde_json::from_str(&printed(&["report", "--format", "sarif"], &story("2023-05-10-pool-exhaustion"))).unwrap();
    is_sarif(&pool);
}

#[test]
fn sarif_looks_call_sites_up_in_the_code() {
    let code = root().join("sample-logs/capture/java/shop/versions/2.7.0");
    let args = ["report", "--format", "sarif", "--source", code.to_str().unwrap()];
    let log: Value = serde_json::from_str(&printed(&args, &story("2023-08-10-slow-leak"))).unwrap();
    is_sarif(&log);
    let result = &log["runs"][0]["results"][0];
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "net/larchshop/api/service/ShipmentService.java");
    assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
    assert_eq!(place["region"]["startLine"], 19);
    assert!(place["contextRegion"]["snippet"]["text"].as_str().unwrap().contains("getConnection"), "{place}");
    assert_eq!(result["properties"]["lineExists"], true);
    assert_eq!(result["occurrenceCount"], 84);
    assert!(result["message"]["text"].as_str().unwrap().contains("In the code: "), "{result}");
    // A line that the code does not have is said to be missing.
    let dir = tempfile::tempdir().unwrap();
    file(&dir, "ShipmentService.java", b"class ShipmentService {}\n");
    let args = ["report", "--format", "sarif", "--source", dir.path().to_str().unwrap()];
    let log: Value = serde_json::from_str(&printed(&args, &story("2023-08-10-slow-leak"))).unwrap();
    assert_eq!(log["runs"][0]["results"][0]["properties"]["lineExists"], false);
}

#[test]
fn a_check_fails_on_what_it_was_told_to() {
    let leaky = root().join("sample-logs/hostile");
    let check = |args: &[&str], path: &Path| backtrail().arg("check").args(args).arg(path).assert();
    check(&[], &leaky).code(3);
    check(&["--fail-on", "leak"], &leaky).code(3);
    check(&["--fail-on", "database_restart,undersized_pool"], &leaky).code(0);
    check(&["--fail-on", "imagined"], &leaky).code(2);
    check(&[], &story("healthy-day")).code(0);
    check(&["--fail-on", "leak"], &story("2023-05-10-pool-exhaustion")).code(0);
    // Nothing in it tells of connections.
    check(&["--fail-on", "leak"], &root().join("sample-logs/hostile/deploys.log")).code(4);
}

#[test]
fn a_baseline_lets_known_sites_pass() {
    let dir = tempfile::tempdir().unwrap();
    let baseline = dir.path().join("before.json");
    let hostile = root().join("sample-logs/hostile");
    backtrail().args(["report", "--format", "json", "-o"]).arg(&baseline).arg(&hostile).assert().code(0);
    backtrail().args(["check", "--baseline"]).arg(&baseline).arg(&hostile).assert().code(0);
    // Without one of its sites it is new again, whatever its line.
    let mut report: Value = serde_json::from_slice(&std::fs::read(&baseline).unwrap()).unwrap();
    for leak in report["leaks"].as_array_mut().unwrap() {
        leak["call_site"]["line"] = Value::from(9999);
    }
    std::fs::write(&baseline, report.to_string()).unwrap();
    backtrail().args(["check", "--baseline"]).arg(&baseline).arg(&hostile).assert().code(0);
    report["leaks"][0]["call_site"]["function"] = Value::from("net.shop.Other.run");
    for leak in report["leaks"].as_array_mut().unwrap().iter_mut().skip(1) {
        leak["call_site"]["function"] = Value::from("net.shop.Another.run");
    }
    std::fs::write(&baseline, report.to_string()).unwrap();
    let xml = dir.path().join("out.xml");
    backtrail().args(["check", "--baseline"]).arg(&baseline).arg("-o").arg(&xml).arg(&hostile).assert().code(3);
    assert!(std::fs::read_to_string(&xml).unwrap().contains("<failure"));
    std::fs::write(&baseline, "{}").unwrap();
    backtrail().args(["check", "--baseline"]).arg(&baseline).arg(&hostile).assert().code(2);
}

#[test]
fn tables_are_safe_in_every_format() {
    for verb in ["events", "sessions"] {
        no_formulas(&hostile(&[verb, "--format", "csv"]));
        is_clean(&hostile(&[verb]));
        let rows: Value = serde_json::from_str(&hostile(&[verb, "--format", "json"])).unwrap();
        assert!(rows.as_array().unwrap().len() > 20, "{verb}");
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("table.parquet");
        backtrail().arg(verb).arg("-o").arg(&to).arg(root().join("sample-logs/hostile")).assert().code(0);
        let bytes = std::fs::read(&to).unwrap();
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{verb}");
    }
}

#[test]
fn events_are_chosen_by_conditions() {
    let count = |conditions: &[&str]| {
        let args: Vec<&str> =
            ["events", "--format", "json"].into_iter().chain(conditions.iter().flat_map(|c| ["--where", c])).collect();
        let rows: Value = serde_json::from_str(&hostile(&args)).unwrap();
        rows.as_array().unwrap().len()
    };
    assert_eq!(count(&["kind=lb.request"]), 300);
    assert_eq!(count(&["kind=lb.request", "http.response.status_code>=500"]), 90);
    assert_eq!(count(&["kind=lb.request", "http.response.status_code<500"]), 210);
    assert_eq!(count(&["kind=lb.request", "time<2024-05-01T10:01:00Z"]), 6);
    assert_eq!(count(&["source~haproxy"]), 300);
    assert_eq!(count(&["kind=imagined"]), 0);
    let logs = root().join("sample-logs/hostile");
    for wrong in ["imagined=1", "kind", "time>yesterday"] {
        backtrail().args(["events", "--where", wrong]).arg(&logs).assert().code(2);
    }
}

#[test]
fn redaction_hides_names_and_changes_nothing_else() {
    let slow = story("2023-08-10-slow-leak");
    let open: Value = serde_json::from_str(&printed(&["report", "--format", "json"], &slow)).unwrap();
    let key = ["--redact", "--redact-key", "k"];
    let hidden = printed(&[&["report", "--format", "json"], key.as_slice()].concat(), &slow);
    let shut: Value = serde_json::from_str(&hidden).unwrap();
    for part in ["verdict", "incident", "impact", "ledger", "series", "window", "undecided"] {
        let plain = |v: &Value| serde_json::to_string(&v[part]).unwrap();
        assert_eq!(plain(&open), plain(&shut), "{part}");
    }
    let times = |v: &Value| v["timeline"].as_array().unwrap().iter().map(|m| m["time"].to_string()).collect::<Vec<_>>();
    assert_eq!(times(&open), times(&shut));
    let sites = |v: &Value| {
        v["leaks"].as_array().unwrap().iter().map(|l| (l["call_site"].clone(), l["sessions"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(sites(&open), sites(&shut));
}

#[test]
fn no_address_and_no_user_is_left_in_any_output() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = String::new();
    for i in 0..6 {
        log.push_str(&format!(
            "2024-05-01 10:0{i}:00.000 UTC [9{i}] LOG:  connection received: host=198.51.100.7 port=400{i}\n\
             2024-05-01 10:0{i}:00.100 UTC [9{i}] LOG:  connection authorized: user=annabel database=shop\n\
             2024-05-01 10:0{i}:01.000 UTC [9{i}] ERROR:  bad mail ann.lee@example.org for user \"annabel\"\n\
             2024-05-01 10:0{i}:01.000 UTC [9{i}] STATEMENT:  select * from people where name = 'Lee Annabel' and pin = 481516\n"
        ));
    }
    log.push_str("2024-05-01 10:09:00.000 UTC [1] LOG:  received fast shutdown request\n");
    file(&dir, "postgresql.log", log.as_bytes());
    file(
        &dir,
        "alerts.jsonl",
        b"{\"status\":\"firing\",\"alerts\":[{\"status\":\"firing\",\"labels\":{\"alertname\":\"Down 198.51.100.7 token=tok123\",\"severity\":\"critical\"},\"startsAt\":\"2024-05-01T10:05:00.000Z\"}]}\n",
    );
    let key = ["--redact", "--redact-key", "k"];
    let verbs: [&[&str]; 16] = [
        &["report"],
        &["report", "--format", "markdown"],
        &["report", "--format", "html"],
        &["report", "--format", "json"],
        &["report", "--format", "csv"],
        &["report", "--format", "sarif"],
        &["report", "--format", "junit"],
        &["report", "--format", "openmetrics"],
        &["timeline"],
        &["timeline", "--format", "mermaid"],
        &["timeline", "--format", "timesketch"],
        &["timeline", "--format", "perfetto"],
        &["postmortem"],
        &["sessions", "--format", "json"],
        &["events", "--format", "json"],
        &["check"],
    ];
    let mut pseudonyms = std::collections::BTreeSet::new();
    for verb in verbs {
        let text = printed(&[verb, key.as_slice()].concat(), dir.path());
        for secret in ["198.51.100", "annabel", "ann.lee", "Lee Annabel", "481516", "tok123"] {
            let at = text.find(secret);
            assert!(
                at.is_none(),
                "{verb:?} shows {secret}: {}",
                &text[at.unwrap().saturating_sub(60)..(at.unwrap() + 20).min(text.len())]
            );
        }
        let found = text.match_indices("ip-").map(|(at, _)| text[at..].chars().take(15).collect::<String>());
        pseudonyms.extend(found.filter(|p| p.len() == 15 && p[3..].bytes().all(|b| b.is_ascii_hexdigit())));
    }
    assert_eq!(pseudonyms.len(), 1, "one address, one pseudonym: {pseudonyms:?}");
}

#[test]
fn a_document_is_verified_against_its_sources() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    std::fs::create_dir(&logs).unwrap();
    for name in ["app.log", "haproxy.log", "postgresql.log", "alerts.jsonl", "deploys.log"] {
        std::fs::copy(root().join("sample-logs/hostile").join(name), logs.join(name)).unwrap();
    }
    let verify = |document: &Path| backtrail().arg("verify").arg(document).arg(&logs).assert();
    let mut documents = Vec::new();
    for (name, args) in [
        ("r.md", ["report", "--format", "markdown"]),
        ("r.html", ["report", "--format", "html"]),
        ("r.json", ["report", "--format", "json"]),
        ("p.md", ["postmortem", "--format", "markdown"]),
        ("p.html", ["postmortem", "--format", "html"]),
    ] {
        let to = dir.path().join(name);
        backtrail().args(args).arg("-o").arg(&to).arg(&logs).assert().code(0);
        verify(&to).code(0);
        documents.push(to);
    }
    // A document whose quote was changed.
    let changed = std::fs::read_to_string(&documents[0]).unwrap().replacen("Apparent connection leak", "Apparent hamster", 1);
    let forged = file(&dir, "forged.md", changed.as_bytes());
    verify(&forged).code(1);
    // A redacted one needs its key.
    let hidden = dir.path().join("hidden.md");
    backtrail().args(["postmortem", "--redact", "--redact-key", "k", "-o"]).arg(&hidden).arg(&logs).assert().code(0);
    verify(&hidden).code(1);
    backtrail().arg("verify").arg(&hidden).args(["--redact", "--redact-key", "k"]).arg(&logs).assert().code(0);
    // A line that changed under the document.
    let app = std::fs::read(logs.join("app.log")).unwrap();
    let text = String::from_utf8_lossy(&app).replacen("Connection leak detection", "Connection luck detection", 1);
    std::fs::write(logs.join("app.log"), text).unwrap();
    for document in &documents {
        verify(document).code(1);
    }
    backtrail().arg("verify").arg(logs.join("app.log")).arg(&logs).assert().code(2);
}

/// The figures of `story.toml`, as a postmortem must tell them.
#[test]
fn a_postmortem_tells_the_story() {
    let dir = root().join("sample-logs/outages/2023-05-10-pool-exhaustion");
    let args = ["postmortem", "--tz", "app.log*=America/Chicago", "--tz", "America/Bogota"];
    let text = printed(&args, &dir.join("logs"));
    let says = |what: &str| assert!(text.contains(what), "{what}");
    says("outage through undersized pool");
    // The team wrote: 8 in the morning to 10 of the next, their time; not a leak; the load balancer was suspected.
    says("- 10 May 2023 08:0");
    says(" to 11 May 2023 10:0");
    says("UTC-05:00 (25 h 5");
    says("No connection leaked");
    says("- **Lb misconfiguration**: ruled out.");
    says("of 121 clients had at least one failed request");
    says("All times in America/Bogota.");
    for (number, line) in
        text.lines().enumerate().filter(|(_, l)| l.starts_with("- ") && !l.starts_with("- `TODO") && !l.contains("TODO(human)"))
    {
        // Every statement has its proof: a line, or the file whose records were counted. Notes and cited lines are proof themselves.
        let appendix = text.lines().position(|l| l == "## Evidence").unwrap();
        let told = line.contains(".log") || line.contains(".jsonl") || line.contains("Would need") || number > appendix;
        assert!(told, "{line}");
    }
}

/// The postmortems beside the stories cite lines that are there.
#[test]
fn the_postmortems_of_the_stories_can_be_verified() {
    for name in ["2024-03-10-cascade", "2023-05-10-shop-leak"] {
        let document = root().join("sample-logs/outages").join(name).join("postmortem.md");
        backtrail().arg("verify").arg(&document).arg(story(name)).assert().code(0);
    }
    for name in ["2023-08-10-slow-leak", "2024-08-14-deploy-leak", "2023-05-10-shop-leak", "2024-03-10-cascade"] {
        let text = std::fs::read_to_string(root().join("sample-logs/outages").join(name).join("postmortem.md")).unwrap();
        assert!(text.contains("outage through connection leak"), "{name}");
        assert!(text.contains("- **Undersized pool**: ruled out."), "{name}");
    }
}

/// The defects of the stories, each in another language, and the code that mended them.
#[test]
fn the_missing_return_is_seen_in_the_code_of_the_stories() {
    let code = Code::open(&root().join("sample-logs/capture"));
    let hint = |path: &str, line: usize| code.snippet(path, line).unwrap_or_else(|| panic!("{path}:{line}")).hint;
    for (path, line, leaves) in [
        ("python/apps/storefront/v5.3.0/storefront/vouchers.py", 16, Some(20)),
        ("node/boxoffice/v7.3.2/src/seats.js", 7, Some(15)),
        ("java/shop/versions/2.7.0/net/larchshop/api/service/ShipmentService.java", 19, None),
        ("java/shop/versions/3.2.0/net/larchshop/api/service/InvoiceExportService.java", 24, Some(28)),
    ] {
        let found = hint(path, line).unwrap_or_else(|| panic!("{path}: nothing is seen"));
        assert_eq!(found.leaves, leaves, "{path}: {}", found.text);
        assert!(found.text.starts_with("returned at line"), "{path}: {}", found.text);
    }
    for (path, line) in
        [("python/apps/storefront/v5.3.1/storefront/vouchers.py", 16), ("node/boxoffice/v7.3.3/src/seats.js", 7)]
    {
        assert_eq!(hint(path, line), None, "{path}");
    }
}
