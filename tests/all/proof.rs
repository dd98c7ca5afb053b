//! Nothing is said without proof: every statement of a report names the lines that it rests on, and they are there.

use super::tools;
use backtrail::ingest::Options;
use serde_json::Value;
use std::collections::BTreeMap;

/// Lists whose entries are statements, and the field that holds their lines.
const STATEMENTS: [(&str, &str); 8] = [
    ("for", "evidence"),
    ("against", "evidence"),
    ("symptoms", "evidence"),
    ("leaks", "evidence"),
    ("deploys", "evidence"),
    ("alerts", "evidence"),
    ("timeline", "evidence"),
    ("suggestions", "because"),
];

/// Statements of a report whose lines are missing or lie outside their source.
pub(crate) fn unproved(report: &Value) -> Vec<String> {
    let bytes: BTreeMap<i64, u64> = report["sources"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|s| (s["id"].as_i64().unwrap(), s["bytes"].as_u64().unwrap()))
        .collect();
    let mut wrong = Vec::new();
    walk(report, "", &bytes, &mut wrong);
    let trigger = &report["verdict"]["trigger"];
    if !trigger.is_null() {
        proof(trigger, "evidence", "verdict.trigger", &bytes, &mut wrong);
    }
    wrong
}

fn walk(value: &Value, path: &str, bytes: &BTreeMap<i64, u64>, wrong: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let here = format!("{path}.{name}");
                if let Some((_, field)) = STATEMENTS.iter().find(|(list, _)| list == name) {
                    for statement in inner.as_array().into_iter().flatten().filter(|s| s.is_object()) {
                        proof(statement, field, &here, bytes, wrong);
                    }
                }
                walk(inner, &here, bytes, wrong);
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| walk(inner, path, bytes, wrong)),
        _ => {}
    }
}

fn proof(statement: &Value, field: &str, path: &str, bytes: &BTreeMap<i64, u64>, wrong: &mut Vec<String>) {
    let lines = statement[field].as_array().cloned().unwrap_or_default();
    if lines.is_empty() {
        wrong.push(format!("{path} without proof: {statement}"));
    }
    for line in &lines {
        let number = |name: &str| line[name].as_u64();
        let (Some(at), Some(long), Some(1..)) = (number("offset"), number("length"), number("line")) else {
            wrong.push(format!("{path} cites {line}"));
            continue;
        };
        let size = line["source"].as_i64().and_then(|id| bytes.get(&id));
        if size.is_none_or(|size| long == 0 || at + long > *size) {
            wrong.push(format!("{path} cites what is not there: {line}"));
        }
    }
}

#[test]
fn every_statement_of_a_story_is_proved() {
    let stories = tools::root().join("sample-logs/outages");
    let mut dirs: Vec<_> = std::fs::read_dir(stories).unwrap().map(|e| e.unwrap().path().join("logs")).collect();
    dirs.retain(|dir| dir.is_dir());
    dirs.sort();
    // The two smallest: the others are told in `stories`, and each takes a while.
    dirs.sort_by_key(|dir| std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).sum::<u64>());
    for dir in dirs.iter().take(2) {
        let report = serde_json::to_value(tools::report(&[dir.as_path()], &Options::default())).unwrap();
        let wrong = unproved(&report);
        assert!(wrong.is_empty(), "{}:\n{}", dir.display(), wrong.join("\n"));
    }
}
