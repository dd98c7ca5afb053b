//! Checks a document against its sources: are they the same files, and does every cited line still say what was cited?

use super::citations::{Citations, Cited};
use super::quotes::{Quote, digest, shown};
use super::redact::Redactor;
use crate::source::reread::{self, Range};
use crate::table::EventTable;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Sources whose sums agree.
    pub sources: usize,
    /// Cited lines that agree.
    pub lines: usize,
    /// What does not.
    pub problems: Vec<String>,
}

/// The citations of a document: those of Markdown and HTML, or the references of a JSON report, which hold no text.
pub fn citations(document: &str) -> Option<Citations> {
    if let Some(found) = Citations::find(document) {
        return Some(found);
    }
    let report: Value = serde_json::from_str(document).ok()?;
    let sources = report["sources"].as_array()?.iter().map(|s| {
        Some(Cited {
            id: u32::try_from(s["id"].as_u64()?).ok()?,
            path: s["path"].as_str()?.to_owned(),
            sha256: s["sha256"].as_str()?.to_owned(),
            bytes: s["bytes"].as_u64()?,
        })
    });
    let mut lines = BTreeMap::new();
    references(&report, &mut lines);
    let schema = super::citations::SCHEMA.to_owned();
    Some(Citations { schema, sources: sources.collect::<Option<_>>()?, lines: lines.into_values().collect() })
}

fn references(value: &Value, into: &mut BTreeMap<(u32, u64), Quote>) {
    match value {
        Value::Object(fields) => {
            let number = |key: &str| fields.get(key).and_then(Value::as_u64);
            let small = |key: &str| number(key).and_then(|n| u32::try_from(n).ok());
            if let (Some(source), Some(line), Some(offset), Some(length)) =
                (small("source"), small("line"), number("offset"), small("length"))
            {
                let quote = Quote { source, line, offset, length, digest: String::new(), text: String::new() };
                into.insert((source, offset), quote);
            }
            fields.values().for_each(|v| references(v, into));
        }
        Value::Array(items) => items.iter().for_each(|v| references(v, into)),
        _ => {}
    }
}

/// Checks. Sources are recognised by their sums, so they may have moved; one that changed is looked for by its path.
pub fn verify(citations: &Citations, document: &str, table: &EventTable, redactor: Option<&Redactor>) -> Outcome {
    let mut outcome = Outcome::default();
    for cited in &citations.sources {
        let same = table.sources.iter().find(|s| s.stored.sha256 == cited.sha256);
        let path = super::text::clean(&cited.path);
        let source = match same {
            Some(source) => {
                outcome.sources += 1;
                source
            }
            None => match table.sources.iter().find(|s| s.path == cited.path) {
                Some(changed) => {
                    outcome.problems.push(format!(
                        "{path}: has changed; its sum is {} now, {} then",
                        changed.stored.sha256,
                        super::text::clean(&cited.sha256)
                    ));
                    changed
                }
                None => {
                    outcome.problems.push(format!("{path}: no file given has its sum {}", super::text::clean(&cited.sha256)));
                    continue;
                }
            },
        };
        let lines: Vec<&Quote> = citations.lines.iter().filter(|q| q.source == cited.id).collect();
        check_lines(&lines, &path, source, document, redactor, &mut outcome);
    }
    outcome
}

fn check_lines(
    lines: &[&Quote],
    path: &str,
    source: &crate::table::Source,
    document: &str,
    redactor: Option<&Redactor>,
    outcome: &mut Outcome,
) {
    let ranges: Vec<Range> = lines.iter().map(|q| Range { offset: q.offset, length: q.length }).collect();
    let mut seen = vec![false; lines.len()];
    let problems = reread::read(&source.stored.parts, &ranges, &mut |index, bytes| {
        let Some(quote) = lines.get(index) else { return };
        if let Some(slot) = seen.get_mut(index) {
            *slot = true;
        }
        match wrong(quote, bytes, document, redactor) {
            None => outcome.lines += 1,
            Some(why) => outcome.problems.push(format!("{path}:{}: {why}", quote.line)),
        }
    });
    outcome.problems.extend(problems.iter().map(ToString::to_string));
    for (quote, _) in lines.iter().zip(&seen).filter(|(_, seen)| !**seen) {
        outcome.problems.push(format!("{path}:{}: the source ends before it", quote.line));
    }
}

fn wrong(quote: &Quote, bytes: &[u8], document: &str, redactor: Option<&Redactor>) -> Option<&'static str> {
    if quote.digest.is_empty() {
        return (bytes.len() != quote.length as usize).then_some("the source ends inside it");
    }
    let (mut sum, mut text) = (digest(bytes), shown(bytes));
    if quote.digest.starts_with("hmac-sha256:") {
        let Some(redactor) = redactor else {
            return Some("is redacted; give the key with --redact-key to have it checked");
        };
        (sum, text) = (redactor.digest(&sum), redactor.text(&text));
    }
    let markdown = super::markdown::escape(&text);
    if sum != quote.digest {
        Some("says something else now")
    } else if text != quote.text || !(document.contains(&markdown) || document.contains(&super::html::escape(&text))) {
        Some("is quoted otherwise in the document")
    } else {
        None
    }
}
