//! Nothing is said without proof: every statement of a report names the lines that it rests on, and they are there.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// Lists whose entries are statements, and the field that holds their lines.
const STATEMENTS: [(&str, &str); 10] = [
    ("for", "evidence"),
    ("against", "evidence"),
    ("symptoms", "evidence"),
    ("leaks", "evidence"),
    ("deploys", "evidence"),
    ("changes", "evidence"),
    ("ladder", "evidence"),
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

/// The lines of a story's sources, as they were before they were packed.
struct Lines {
    /// By the source's number: its path and its bytes.
    sources: BTreeMap<u64, (String, Vec<u8>)>,
}

impl Lines {
    fn of(report: &Value) -> Lines {
        let read = |source: &Value| {
            let path = source["path"].as_str().unwrap().to_owned();
            let stored = std::fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
            let mut bytes = Vec::new();
            if Path::new(&path).extension().is_some_and(|e| e == "gz") {
                flate2::read::MultiGzDecoder::new(stored.as_slice()).read_to_end(&mut bytes).unwrap();
            } else {
                bytes = stored;
            }
            (source["id"].as_u64().unwrap(), (path, bytes))
        };
        Lines { sources: report["sources"].as_array().unwrap().iter().map(read).collect() }
    }

    /// The text that is cited, where it stands at a line's begin and at the line that is named.
    fn text(&self, cited: &Value) -> Result<String, String> {
        let number = |name: &str| cited[name].as_u64().unwrap_or(u64::MAX);
        let (path, bytes) = self.sources.get(&number("source")).ok_or("no such source")?;
        let at = usize::try_from(number("offset")).unwrap();
        let before = bytes.get(..at).ok_or_else(|| format!("{path}: {cited} lies beyond its end"))?;
        if before.last().is_some_and(|byte| *byte != b'\n') {
            return Err(format!("{path}: {cited} does not begin a line"));
        }
        if before.iter().filter(|byte| **byte == b'\n').count() as u64 + 1 != number("line") {
            return Err(format!("{path}: {cited} is another line"));
        }
        let long = usize::try_from(number("length")).unwrap();
        let text = bytes.get(at..at + long).ok_or_else(|| format!("{path}: {cited} lies beyond its end"))?;
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    fn all(&self, cited: &[Value]) -> Result<String, String> {
        cited.iter().map(|at| self.text(at)).collect::<Result<Vec<_>, _>>().map(|texts| texts.join("\n"))
    }
}

/// What a sentence says, and words of which one must stand in a line that shows it. The first that fits counts.
const SHOWN_BY: [(&str, &[&str]); 25] = [
    ("borrowers waited in vain", &["timed out", "TimeoutError", "Timeout failure"]),
    // Before what is said of requests in general.
    ("waits for a connection were in vain, and", &["timed out", "Pool stats"]),
    ("waits for a connection were in vain", &["timed out", "TimeoutError", "Timeout failure"]),
    ("turned away", &["too many clients", "remaining connection slots"]),
    ("never given back", &["onnection"]),
    ("connections leaked", &["onnection"]),
    ("sessions at the", &["onnection"]),
    ("a request kept connections lent", &["Pool stats", "stats (total"]),
    ("connections of the", &["maximumPoolSize", "Pool stats", "timed out", "onnection"]),
    ("connections were held", &["onnection"]),
    ("connections asked for a request", &["checked out", "onnection"]),
    ("statements", &["duration:", "Query_time"]),
    ("show in the application's log", &["GET ", "POST ", "request"]),
    ("of the failed requests", &["HTTP/1"]),
    ("failed requests", &["HTTP/1", "upstream"]),
    ("ended while queued", &["sH--", "sQ--", "CQ--"]),
    ("repeat one that failed", &["HTTP/1"]),
    ("busiest client", &["HTTP/1"]),
    ("clients asked", &["HTTP/1"]),
    ("first tries", &["HTTP/1"]),
    ("requests came", &["HTTP/1"]),
    ("connecting to the back end", &["HTTP/1"]),
    ("requests failed", &["HTTP/1", " 50"]),
    ("cache", &["cache"]),
    ("borrowers waited", &["waiting="]),
];

/// Sentences that say that something was looked for and not found: their lines are the first and the last that were read.
const NOT_FOUND: [&str; 4] = ["neither stopped nor started", "no attempt to connect", "no line says", "nobody waited"];

/// What the words of a step stand for in the lines that show it.
const STEPS: [(&str, &[&str]); 8] = [
    ("timeouts", &["timed out", "TimeoutError", "Timeout failure"]),
    ("waiters", &["waiting=", "timed out", "TimeoutError"]),
    ("no_idle", &["idle=0", "Timeout failure"]),
    ("onset", &["HTTP/1"]),
    ("refused", &["too many clients", "remaining connection slots"]),
    ("connect_failed", &["onnection", "too many clients"]),
    ("leak", &["onnection"]),
    ("in_use", &["onnection", "Pool stats"]),
];

fn has_one(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

/// True where all words of a name stand in the text.
fn has_all(text: &str, name: &str) -> bool {
    name.split_whitespace().all(|word| text.contains(word))
}

fn entries<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Statements whose lines do not hold what they name.
fn unfounded(report: &Value) -> Vec<String> {
    let lines = Lines::of(report);
    let mut wrong = Vec::new();
    let mut check = |what: &str, said: &Value, cited: &[Value], holds: &dyn Fn(&str) -> bool| match lines.all(cited) {
        Err(why) => wrong.push(format!("{what}: {why}")),
        Ok(text) if !holds(&text) => {
            wrong.push(format!("{what} {said} is not in {:?}", text.chars().take(300).collect::<String>()));
        }
        Ok(_) => {}
    };
    let named = |value: &Value, text: &str| value.as_str().is_none_or(|name| has_all(text, name));
    for deploy in entries(report, "deploys") {
        check("deploy", deploy, entries(deploy, "evidence"), &|t| named(&deploy["service"], t) && named(&deploy["version"], t));
    }
    for change in entries(report, "changes") {
        check("change", &change["title"], entries(change, "evidence"), &|t| named(&change["title"], t));
    }
    let trigger = &report["verdict"]["trigger"];
    check("trigger", trigger, entries(trigger, "evidence"), &|t| named(&trigger["title"], t));
    for alert in entries(report, "alerts") {
        check("alert", &alert["name"], entries(alert, "evidence"), &|t| named(&alert["name"], t));
    }
    for leak in entries(report, "leaks") {
        let site = &leak["call_site"];
        let file = site["file"].as_str().map(|f| f.rsplit('/').next().unwrap_or(f));
        let keys: Vec<&str> = entries(leak, "connections").iter().filter_map(Value::as_str).collect();
        let ids = keys.iter().map(|key| key.rsplit_once(':').map_or(*key, |(_, id)| id));
        let known: Vec<&str> = file.into_iter().chain(site["function"].as_str()).chain(ids).collect();
        check("leak", &leak["endpoint"], entries(leak, "evidence"), &|t| has_one(t, &known) || t.contains("onnection"));
    }
    for message in ["new_messages", "changed_messages"].into_iter().flat_map(|list| entries(report, list)) {
        let template = message["template"].as_str().unwrap_or_default();
        let fixed = template.split(['<', '>']).max_by_key(|part| part.len()).unwrap_or_default().trim();
        check("message", &message["template"], entries(message, "evidence"), &|t| t.contains(fixed));
    }
    for rung in report["incident"]["ladder"].as_array().into_iter().flatten() {
        let kind = rung["kind"].as_str().unwrap_or_default();
        let words = STEPS.iter().find(|(step, _)| *step == kind).map(|(_, words)| *words);
        let title = rung["text"].as_str().and_then(|t| t.split_once(": ")).map(|(_, title)| title);
        check("step", &rung["text"], entries(rung, "evidence"), &|t| match words {
            Some(words) => has_one(t, words),
            None => kind == "trigger" && title.is_some_and(|title| has_all(t, title)),
        });
    }
    for moment in entries(report, "timeline") {
        check("event", &moment["title"], entries(moment, "evidence"), &|t| !t.trim().is_empty());
    }
    for suggestion in entries(report, "suggestions") {
        check("suggestion", &suggestion["text"], entries(suggestion, "because"), &|t| !t.trim().is_empty());
    }
    for hypothesis in entries(report, "hypotheses") {
        for sign in entries(hypothesis, "for").iter().chain(entries(hypothesis, "against")) {
            let said = sign["text"].as_str().unwrap_or_default();
            let rule = SHOWN_BY.iter().find(|(words, _)| said.contains(words)).map(|(_, words)| *words);
            let absent = has_one(said, &NOT_FOUND);
            check("sign", &sign["text"], entries(sign, "evidence"), &|t| absent || rule.is_some_and(|words| has_one(t, words)));
        }
    }
    wrong
}

#[test]
fn every_statement_of_a_story_is_proved() {
    let wrong = |told: &super::stories::Told| {
        let found = unproved(&told.report).into_iter().chain(unfounded(&told.report));
        found.map(|text| format!("{}: {text}", told.name)).collect::<Vec<_>>()
    };
    let wrong: Vec<String> = super::stories::told().iter().flat_map(wrong).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The test finds lines that are others, or that do not hold what is said.
#[test]
fn a_statement_with_other_lines_is_not_proved() {
    let told = super::stories::told().iter().find(|told| told.name == "2024-03-10-cascade").unwrap();
    let mut report = told.report.clone();
    let other = report["alerts"][0]["evidence"].clone();
    report["deploys"][0]["evidence"] = other.clone();
    report["incident"]["ladder"][0]["evidence"] = other;
    report["hypotheses"][0]["for"][0]["evidence"][0]["line"] = 7.into();
    let wrong = unfounded(&report);
    let count = |what: &str| wrong.iter().filter(|text| text.starts_with(what)).count();
    assert_eq!((count("deploy"), count("step"), count("sign")), (1, 1, 1), "{wrong:#?}");
}
