//! The outages: each folder holds logs of real servers and, in `story.toml`, what a correct report says of them.

use super::tools::{backtrail, root};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A story, told once for all tests.
pub(crate) struct Told {
    /// The name of its folder.
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    /// What `story.toml` says.
    pub(crate) story: toml::Table,
    /// What was recorded by other means than the logs.
    pub(crate) truth: Value,
    /// The report with the story's own flags.
    pub(crate) report: Value,
}

impl Told {
    /// The expectations of `story.toml`.
    pub(crate) fn expect(&self) -> toml::Table {
        self.story.get("expect").and_then(toml::Value::as_table).cloned().unwrap_or_default()
    }

    /// The report as it is without any flag.
    pub(crate) fn plain(&self) -> Value {
        let flags = self.story.get("flags").and_then(toml::Value::as_array).is_some_and(|flags| !flags.is_empty());
        if !flags {
            return self.report.clone();
        }
        let mut story = self.story.clone();
        story.remove("flags");
        report(&self.dir, &story)
    }
}

/// Every story with its report.
pub(crate) fn told() -> &'static [Told] {
    static TOLD: OnceLock<Vec<Told>> = OnceLock::new();
    TOLD.get_or_init(|| {
        let tell = |dir: PathBuf| {
            let name = dir.file_name().unwrap().to_string_lossy().into_owned();
            let story: toml::Table = std::fs::read_to_string(dir.join("story.toml")).unwrap().parse().unwrap();
            let truth = serde_json::from_slice(&std::fs::read(dir.join("truth.json")).unwrap()).unwrap();
            Told { report: report(&dir, &story), name, dir, story, truth }
        };
        stories().into_iter().map(tell).collect()
    })
}

fn stories() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> =
        std::fs::read_dir(root().join("sample-logs/outages")).unwrap().map(|e| e.unwrap().path()).collect();
    dirs.retain(|dir| dir.is_dir());
    dirs.sort();
    dirs
}

fn report(dir: &Path, story: &toml::Table) -> Value {
    let list = |key: &str| -> Vec<String> {
        let values = story.get(key).and_then(toml::Value::as_array).cloned().unwrap_or_default();
        values.iter().map(|v| v.as_str().unwrap().to_owned()).collect()
    };
    let paths = list("paths").into_iter().map(|p| dir.join(p));
    let done = backtrail().args(["report", "--format", "json"]).args(list("flags")).args(paths).assert().code(0);
    serde_json::from_slice(&done.get_output().stdout).unwrap()
}

/// What the ledger and the call sites must say; causes and moments are checked where a report claims them.
fn disagreements(report: &Value, expect: &toml::Table) -> Vec<String> {
    let mut wrong = Vec::new();
    for (layer, fields) in expect.get("ledger").and_then(toml::Value::as_table).into_iter().flatten() {
        for (field, want) in fields.as_table().into_iter().flatten() {
            let got = report["ledger"][layer.as_str()][field.as_str()].as_i64();
            if got != want.as_integer() {
                wrong.push(format!("{layer}.{field} is {got:?}, not {want}"));
            }
        }
    }
    let leaks = expect.get("leaks").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let found = report["leaks"].as_array().cloned().unwrap_or_default();
    for want in &leaks {
        if !found.iter().take(leaks.len()).any(|got| same_site(got, want)) {
            wrong.push(format!("no leak like {want}"));
        }
    }
    let sure = found.iter().filter(|l| matches!(l["confidence"].as_str(), Some("certain" | "strong")));
    for extra in sure.filter(|got| !leaks.iter().any(|want| same_site(got, want))) {
        wrong.push(format!("a leak that is none: {} {}", extra["call_site"], extra["endpoint"]));
    }
    if let Some(cause) = report["verdict"]["cause"].as_str()
        && let Some(want) = expect.get("cause").and_then(toml::Value::as_str)
        && cause != want
    {
        wrong.push(format!("the cause is {want}, not {cause}"));
    }
    wrong.extend(moments_off(&report["incident"], expect));
    for (field, want) in expect.get("impact").and_then(toml::Value::as_table).into_iter().flatten() {
        if report["impact"][field.as_str()].as_i64() != want.as_integer() {
            wrong.push(format!("impact.{field} is {}, not {want}", report["impact"][field.as_str()]));
        }
    }
    wrong
}

/// Moments that are farther from the story's than it allows.
fn moments_off(incident: &Value, expect: &toml::Table) -> Vec<String> {
    let Some(want) = expect.get("incident").and_then(toml::Value::as_table) else { return Vec::new() };
    let limit = want.get("tolerance_s").and_then(toml::Value::as_integer).unwrap_or(60);
    let time = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap();
    let off = |(name, moment): (&String, &toml::Value)| {
        let moment = moment.as_str()?;
        let found = incident[name.as_str()].as_str();
        let near = found.is_some_and(|found| (time(found) - time(moment)).num_seconds().abs() <= limit);
        (!near).then(|| format!("{name} is {found:?}, not {moment}"))
    };
    want.iter().filter_map(off).collect()
}

fn same_site(got: &Value, want: &toml::Value) -> bool {
    let text = |key: &str| want.get(key).and_then(toml::Value::as_str);
    let ends =
        |path: &str, file: &str| path == file || path.ends_with(&format!("/{file}")) || file.ends_with(&format!("/{path}"));
    let site = &got["call_site"];
    let place = match (site["file"].as_str(), text("file")) {
        (Some(path), Some(file)) => {
            ends(path, file) && site["line"].as_i64() == want.get("line").and_then(toml::Value::as_integer)
        }
        _ => false,
    };
    let fold = |e: &str| {
        let parts: Vec<&str> = e.split('/').map(|part| if part.starts_with(['{', '<', ':']) { "*" } else { part }).collect();
        parts.join("/")
    };
    let endpoint =
        site.is_null() && got["endpoint"].as_str().map(fold) == text("endpoint").map(fold) && text("endpoint").is_some();
    let sessions = want.get("sessions").and_then(toml::Value::as_integer).is_none_or(|n| got["sessions"].as_i64() == Some(n));
    (place || endpoint) && sessions
}

#[test]
fn stories_are_told_right() {
    let mut wrong = Vec::new();
    for told in told() {
        assert!(told.dir.join("WHY.md").exists(), "{} does not say why", told.name);
        let found = disagreements(&told.report, &told.expect());
        wrong.extend(found.into_iter().map(|text| format!("{}: {text}", told.name)));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What fell silent in the cascade, and what rose: told as it is in the logs themselves.
#[test]
fn messages_that_changed_are_those_that_the_logs_lack() {
    let story = told().iter().find(|s| s.name == "2024-03-10-cascade").unwrap();
    let report = &story.report;
    let millis = |moment: &Value| {
        let time = moment.as_str().unwrap();
        let part = |at: std::ops::Range<usize>| time[at].parse::<i64>().unwrap();
        assert!(time.starts_with("2024-03-10T"), "{time}");
        // 2024-03-10 begins 19 792 days after 1970.
        ((19_792 * 24 + part(11..13)) * 3600 + part(14..16) * 60 + part(17..19)) * 1000 + part(20..23)
    };
    let (onset, recovered) = (millis(&report["incident"]["onset"]), millis(&report["incident"]["recovered"]));
    let (mut before, mut during) = (0, 0);
    for log in ["boxoffice-app-1.log.gz", "boxoffice-app-2.log.gz"] {
        let file = std::fs::File::open(story.dir.join("logs").join(log)).unwrap();
        let text = std::io::read_to_string(flate2::read::GzDecoder::new(file)).unwrap();
        for record in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            let time = record["time"].as_i64().unwrap_or_default();
            if record["msg"] == "order placed" {
                before += u32::from(time < onset);
                during += u32::from(time >= onset && time < recovered);
            }
        }
    }
    assert!(before >= 50 && during == 0, "{before} before, {during} during");
    let changed = report["changed_messages"].as_array().unwrap();
    let vanished: Vec<&Value> = changed.iter().filter(|m| m["change"] == "vanished").collect();
    assert_eq!(vanished.iter().map(|m| &m["template"]).collect::<Vec<_>>(), ["order placed"]);
    insta::assert_snapshot!("cascade_changed_messages", serde_json::to_string_pretty(changed).unwrap());
}

/// Before users see anything: the verdict does not deny the leaks that the report lists.
#[test]
fn a_few_leaks_without_an_outage_are_not_denied() {
    let log = root().join("sample-logs/outages/2023-08-10-slow-leak/logs/app1.log.gz");
    let text = std::io::read_to_string(flate2::read::GzDecoder::new(std::fs::File::open(log).unwrap())).unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("app1.log"), text.split_inclusive('\n').take(3000).collect::<String>()).unwrap();
    let done = backtrail().args(["report", "--format", "json"]).arg(dir.path()).assert().code(0);
    let report: Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    assert_eq!(
        (&report["verdict"]["status"], report["leaks"][0]["sessions"].as_i64()),
        (&Value::from("nothing_abnormal"), Some(3))
    );
    let summary = report["verdict"]["summary"].as_str().unwrap();
    assert!(summary.contains("3 connections were never given back"), "{summary}");
}
