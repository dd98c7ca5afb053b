//! JSON by its schemas: the report by its own, SARIF by the standard's.

use super::exports::hostile;
use super::stories::told;
use super::tools::{backtrail, root};
use jsonschema::Validator;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// A schema of `tests/schemas`, with its formats.
fn schema(name: &str) -> Validator {
    let text = std::fs::read_to_string(root().join("tests/schemas").join(name)).unwrap();
    // A slip of the standard's: a bracket that was never opened, which strict readers of patterns refuse.
    let text = text.replace("^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$", "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}?$");
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn problems(schema: &Validator, value: &Value) -> Vec<String> {
    schema.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

fn keeps(schema: &Validator, what: &str, value: &Value) {
    let found = problems(schema, value);
    assert!(found.is_empty(), "{what}: {}", found.join("\n"));
}

/// What a run prints, whatever its exit code.
fn printed(args: &[&str], path: &Path) -> Value {
    let done = backtrail().args(args).arg(path).output().unwrap();
    serde_json::from_slice(&done.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}"))
}

#[test]
fn the_committed_schema_is_the_one_that_is_printed() {
    let done = backtrail().arg("schema").assert().code(0);
    let committed = std::fs::read(root().join("tests/schemas/report.schema.json")).unwrap();
    assert!(
        done.get_output().stdout == committed,
        "the report has changed: `backtrail schema -o tests/schemas/report.schema.json --force` writes its schema again"
    );
    let schema: Value = serde_json::from_slice(&committed).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(jsonschema::meta::is_valid(&schema));
}

#[test]
fn every_report_keeps_the_schema() {
    let schema = schema("report.schema.json");
    assert_eq!(told().len(), 6);
    for story in told() {
        keeps(&schema, &story.name, &story.report);
    }
    keeps(&schema, "hostile", &serde_json::from_str(&hostile(&["report", "--format", "json"])).unwrap());
    let empty = tempfile::tempdir().unwrap();
    keeps(&schema, "an empty folder", &printed(&["report", "--format", "json"], empty.path()));
    std::fs::write(empty.path().join("notes.log"), "no line of it\nis of any format\n").unwrap();
    keeps(&schema, "no record", &printed(&["report", "--format", "json"], empty.path()));
    // What stands there only when it is asked for.
    let cascade = root().join("sample-logs/outages/2024-03-10-cascade/logs");
    let asked = ["report", "--format", "json", "--slo", "99.9", "--redact", "--redact-key", "k"];
    let range = ["--baseline", "2024-03-10T14:00:00Z..2024-03-10T14:40:00Z"];
    let report = printed(&[asked.as_slice(), &range].concat(), &cascade);
    assert!(report["impact"]["slo"].is_object() && report["baseline"].as_array().is_some_and(|b| !b.is_empty()));
    keeps(&schema, "redacted, with an objective and a baseline", &report);
}

/// Every object of a value, by a path in which all elements of an array are one.
fn objects(value: &Value, at: &str, shape: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            found.push((at.to_owned(), shape.to_owned()));
            for (key, value) in fields {
                let escaped = key.replace('~', "~0").replace('/', "~1");
                objects(value, &format!("{at}/{escaped}"), &format!("{shape}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                objects(item, &format!("{at}/{index}"), &format!("{shape}/*"), found);
            }
        }
        _ => {}
    }
}

/// A report that lacks a field, has one too many or another type anywhere is refused: one try a shape of object.
#[test]
fn the_schema_refuses_what_is_no_report() {
    let schema = schema("report.schema.json");
    let story = told().iter().find(|s| s.name == "2024-03-10-cascade").unwrap();
    let mut report = story.report.clone();
    let mut found = Vec::new();
    objects(&report, "", "", &mut found);
    let free = ["/undecided", "/ledger/lb/refused", "/series/open"];
    let map = |shape: &str| shape.ends_with("/refused") || shape.ends_with("/classes") || free.contains(&shape);
    let (mut seen, mut tried) = (BTreeSet::new(), 0);
    for (at, shape) in found {
        if map(&shape) || !seen.insert(shape.clone()) {
            continue;
        }
        let object = |report: &Value| report.pointer(&at).unwrap().as_object().unwrap().clone();
        let whole = object(&report);
        let mut refuse = |what: String, changed: serde_json::Map<String, Value>| {
            *report.pointer_mut(&at).unwrap() = Value::Object(changed);
            assert!(!schema.is_valid(&report), "{shape}: {what} is let pass");
            tried += 1;
        };
        for key in whole.keys() {
            let mut changed = whole.clone();
            changed.remove(key);
            refuse(format!("without {key}"), changed);
            let mut changed = whole.clone();
            changed.insert(key.clone(), serde_json::json!({"odd": [true]}));
            refuse(format!("another type of {key}"), changed);
        }
        let mut changed = whole.clone();
        changed.insert("imagined".into(), Value::Null);
        refuse("one field more".into(), changed);
        *report.pointer_mut(&at).unwrap() = Value::Object(whole);
    }
    assert!(tried > 250, "{tried}");
    keeps(&schema, "what was changed is as it was", &report);
    for (at, value) in [
        ("/schema", Value::from("backtrail.report/2")),
        ("/verdict/status", Value::from("certain")),
        ("/verdict/cause", Value::from("deploy")),
        ("/hypotheses/0/status", Value::from("true")),
        ("/incident/onset", Value::from("2024-03-10 15:33:08")),
        ("/incident/onset", Value::from("2024-13-10T15:33:08Z")),
        ("/leaks/0/confidence", Value::from("absolute")),
        ("/leaks/0/sessions", Value::from(-1)),
        ("/leaks/0/first", Value::Null),
        ("/leaks/0/evidence/0/line", Value::from(1.5)),
    ] {
        let before = report.pointer(at).unwrap_or_else(|| panic!("{at}")).clone();
        *report.pointer_mut(at).unwrap() = value;
        assert!(!schema.is_valid(&report), "{at}");
        *report.pointer_mut(at).unwrap() = before;
    }
    report["ledger"]["tape"] = report["ledger"]["db"].clone();
    assert!(!schema.is_valid(&report), "an unknown layer");
}

#[test]
fn sarif_validates_against_the_standard() {
    let schema = schema("sarif-2.1.0.json");
    let stories = root().join("sample-logs/outages");
    let code = root().join("sample-logs/capture");
    let code = code.to_str().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let sarif = ["report", "--format", "sarif"];
    let mut log = Value::Null;
    for (args, path) in [
        ([sarif.as_slice(), &["--source", code]].concat(), stories.join("2024-03-10-cascade/logs")),
        (vec!["check", "--format", "sarif"], stories.join("2024-03-10-cascade/logs")),
        (sarif.to_vec(), empty.path().to_owned()),
        (sarif.to_vec(), root().join("sample-logs/hostile")),
        ([sarif.as_slice(), &["--source", code]].concat(), stories.join("2023-05-10-shop-leak/logs")),
        ([sarif.as_slice(), &["--source", code]].concat(), root().join("sample-logs/hostile")),
    ] {
        log = printed(&args, &path);
        keeps(&schema, &format!("{args:?} {}", path.display()), &log);
    }
    // The schema does refuse: each of these breaks another of its rules.
    let result = "/runs/0/results/0";
    for (at, value) in [
        ("/version".to_owned(), Value::from("2.0.0")),
        ("/runs/0/tool/driver/name".to_owned(), Value::Null),
        (format!("{result}/level"), Value::from("fatal")),
        (format!("{result}/kind"), Value::from("maybe")),
        (format!("{result}/rank"), Value::from(101)),
        (format!("{result}/occurrenceCount"), Value::from(0)),
        (format!("{result}/locations/0/physicalLocation/region/startLine"), Value::from(0)),
        (format!("{result}/stacks/0/frames"), Value::from(1)),
        (format!("{result}/message"), serde_json::json!({"words": "none"})),
    ] {
        let mut changed = log.clone();
        *changed.pointer_mut(&at).unwrap_or_else(|| panic!("{at}")) = value;
        assert!(!schema.is_valid(&changed), "{at}");
    }
}
