//! The JSON Schema (draft 2020-12) of the JSON report, made from the types that are serialised, so that it cannot say anything
//! else than they do. It is strict: it describes what this version writes, with every field required that is always there and
//! no other field allowed. A reader of reports of other versions ignores what it does not know.

use super::{Report, SCHEMA};
use crate::correlate::Class;
use crate::diagnose::hypothesis::{Cause, Status};
use crate::diagnose::onset::Step;
use crate::diagnose::verdict::Sureness;
use backtrail_parsers::Layer;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::{Map, Value, json};

/// Fields that hold a time: type and fields.
const TIMES: &[(&str, &[&str])] = &[
    ("Window", &["from", "to"]),
    ("Source", &["first", "last"]),
    ("Gap", &["from", "to"]),
    ("Trigger", &["time"]),
    ("Symptom", &["time"]),
    ("Incident", &["cause_start", "onset", "detected", "mitigated", "recovered"]),
    ("Spell", &["from", "to"]),
    ("Rung", &["time", "earliest", "latest"]),
    ("Band", &["fired"]),
    ("ErrorPeak", &["at"]),
    ("Leak", &["first", "last"]),
    ("NewMessage", &["first"]),
    ("Deploy", &["time"]),
    ("Alert", &["time"]),
    ("Moment", &["time"]),
    ("Series", &["from"]),
    ("Peak", &["time"]),
    ("Pool", &["exhausted"]),
    ("WhatIf", &["exhausted"]),
];

/// A time as reports write it: RFC 3339, UTC, milliseconds or finer.
const TIME: &str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$";

/// Words of a field.
type Words = (&'static str, &'static str, Vec<&'static str>);

/// Fields whose text is a word of the vocabulary: type, field, words.
fn vocabulary() -> Vec<Words> {
    let causes = || Cause::ALL.iter().map(|c| c.name()).collect::<Vec<_>>();
    let confidence = || vec!["certain", "strong", "moderate", "unattributed"];
    let sureness = [Sureness::Confirmed, Sureness::Likely, Sureness::InsufficientEvidence, Sureness::NothingAbnormal];
    let status = [Status::Confirmed, Status::Likely, Status::Possible, Status::CannotTell, Status::RuledOut];
    let tiers = || vec!["lb", "app", "proxy", "db", "ops", "other"];
    vec![
        ("Report", "schema", vec![SCHEMA]),
        ("Source", "tier", tiers()),
        ("Verdict", "status", sureness.map(Sureness::name).to_vec()),
        ("Verdict", "cause", causes()),
        ("Hypothesis", "cause", causes()),
        ("Hypothesis", "status", status.map(Status::name).to_vec()),
        ("Incident", "basis", vec!["requests", "events"]),
        ("Rung", "kind", Step::ALL.iter().map(|s| s.name()).collect()),
        ("Leak", "attribution", vec!["stack", "log_context", "statistical", "none"]),
        ("Leak", "confidence", confidence()),
        ("Discriminator", "confidence", confidence()),
        ("Rate", "unit", vec!["borrows", "requests"]),
        ("Judged", "layer", vec!["pool", "proxy", "db"]),
        ("Judged", "class", vec!["leaked", "still_in_use", "undecided"]),
        ("Deploy", "kind", vec!["deploy", "deploy.rollback", "config.change"]),
        ("Moment", "tier", tiers()),
        ("Pool", "kind", vec!["pool", "server"]),
        ("WhatIf", "basis", vec!["borrows", "requests", "rate"]),
        ("Peak", "curve", vec!["open.pool", "open.proxy", "open.db", "waiting", "timeouts", "errors", "latency"]),
    ]
}

/// Maps whose keys are words of the vocabulary: type, field, words.
fn keys() -> Vec<Words> {
    let layers = || Layer::ALL.iter().map(|l| l.name()).collect::<Vec<_>>();
    let classes = Class::ALL.iter().map(|c| c.name()).chain(["orphan_close"]).collect();
    vec![("Report", "ledger", layers()), ("Ledger", "classes", classes), ("Series", "open", layers())]
}

/// The schema.
pub fn schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Report>();
    RecursiveTransform(close).transform(&mut schema);
    let mut schema = schema.to_value();
    for (owner, fields) in TIMES {
        for field in *fields {
            if let Some(property) = property(&mut schema, owner, field) {
                property.insert("format".into(), json!("date-time"));
                property.insert("pattern".into(), json!(TIME));
            }
        }
    }
    for (owner, field, words) in vocabulary() {
        if let Some(property) = property(&mut schema, owner, field) {
            let nullable = property.get("type").is_some_and(Value::is_array);
            let absent = nullable.then_some(Value::Null);
            property.insert("enum".into(), words.into_iter().map(Value::from).chain(absent).collect());
        }
    }
    for (owner, field, words) in keys() {
        if let Some(property) = property(&mut schema, owner, field) {
            if field == "ledger" {
                // Layers that no log tells of are there too.
                property.insert("required".into(), json!(words));
            }
            property.insert("propertyNames".into(), json!({"enum": words}));
        }
    }
    if let Some(root) = schema.as_object_mut() {
        root.insert("$id".into(), json!(format!("urn:{}", SCHEMA.replace(['.', '/'], ":"))));
        root.insert("title".into(), json!(SCHEMA));
    }
    schema
}

/// Nothing but what is named; descriptions without the brackets of links that lead nowhere outside of the code.
fn close(schema: &mut Schema) {
    let Some(fields) = schema.as_object_mut() else { return };
    if fields.contains_key("properties") {
        fields.entry("additionalProperties").or_insert(json!(false));
    }
    if let Some(Value::String(text)) = fields.get_mut("description") {
        *text = text.replace("[`", "`").replace("`]", "`").replace('\n', " ");
    }
}

/// A field of a type; the report is the root.
fn property<'s>(schema: &'s mut Value, owner: &str, field: &str) -> Option<&'s mut Map<String, Value>> {
    let owner = if owner == "Report" { schema } else { schema.get_mut("$defs")?.get_mut(owner)? };
    owner.get_mut("properties")?.get_mut(field)?.as_object_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A renamed field must not lose its words without a sound.
    #[test]
    fn every_field_that_is_named_is_there() {
        let mut schema = schema();
        let times = TIMES.iter().flat_map(|(owner, fields)| fields.iter().map(move |field| (*owner, *field)));
        let words = vocabulary().into_iter().chain(keys()).map(|(owner, field, _)| (owner, field));
        for (owner, field) in times.chain(words) {
            let found = property(&mut schema, owner, field);
            assert!(found.is_some_and(|p| p.contains_key("type")), "{owner}.{field}");
        }
    }

    #[test]
    fn every_object_is_closed_and_every_field_described() {
        let schema = schema();
        let root = std::iter::once(("Report", &schema));
        let types = root.chain(schema["$defs"].as_object().unwrap().iter().map(|(name, t)| (name.as_str(), t)));
        for (name, of) in types {
            assert_eq!(of["additionalProperties"], false, "{name}");
            assert!(of["description"].is_string(), "{name}");
            for (field, property) in of["properties"].as_object().unwrap() {
                let said = property["description"].as_str().unwrap_or("");
                assert!(!said.is_empty() && !said.contains("[`"), "{name}.{field}: {said}");
            }
        }
    }
}
