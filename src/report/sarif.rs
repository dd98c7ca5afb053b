//! The leaking call sites as SARIF 2.1.0, for a code host: one rule a cause, one result a call site.

use super::quotes::digest;
use super::text::clean;
use super::{CallSite, Leak, Report, site, text};
use crate::source::code::Code;
use serde_json::{Map, Value, json};

/// The rules: every cause of the vocabulary.
const RULES: [(&str, &str); 12] = [
    ("connection_leak", "A connection is opened and not given back on every path"),
    ("undersized_pool", "The pool is too small for its load"),
    ("traffic_surge", "More requests came than the stack was made for"),
    ("abusive_client", "A few clients make most of the load"),
    ("slow_queries", "Statements are slow or wait for locks"),
    ("cache_failure", "A cache stopped taking load off the database"),
    ("lb_misconfiguration", "The load balancer turns requests away or sends them astray"),
    ("network_latency", "The network between the tiers is slow or loses packets"),
    ("database_restart", "The database went down and came back"),
    ("database_unreachable", "The database cannot be reached"),
    ("resource_exhaustion", "Memory, disk, descriptors or threads ran out"),
    ("held_across_slow_call", "A connection is held while something slow is waited for"),
];

/// The log. With `code`, call sites are looked up in it: the line is checked and shown.
pub fn sarif(report: &Report, code: Option<&Code>) -> Value {
    let rules = RULES.iter().map(|(id, text)| {
        json!({
            "id": id,
            "name": id.split('_').map(capital).collect::<String>(),
            "shortDescription": {"text": text},
            "fullDescription": {"text": format!("{text}. Found in logs, not in code: the location is where the connection was opened.")},
            "help": {"text": "backtrail report shows the evidence line by line."},
            "defaultConfiguration": {"level": if *id == "connection_leak" { "error" } else { "warning" }},
            "properties": {"tags": ["reliability", "database"]},
        })
    });
    let all: u64 = report.leaks.iter().map(|l| l.sessions).sum();
    let mut results: Vec<Value> = report.leaks.iter().map(|leak| result(report, leak, all, code)).collect();
    results.extend(other_cause(report));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": report.tool.name,
                "version": report.tool.version,
                "informationUri": "https://github.com/backtrail/backtrail",
                "rules": rules.collect::<Vec<_>>(),
            }},
            "automationDetails": {"id": "backtrail/"},
            "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the source code."}}},
            "invocations": [{"executionSuccessful": true}],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A path as a reference relative to the root: no scheme, no way out of the root, everything else escaped.
pub fn uri(path: &str) -> String {
    let mut out = String::new();
    let path = path.replace('\\', "/");
    let parts = path.split('/').filter(|p| !matches!(*p, "" | "." | ".."));
    for (index, part) in parts.enumerate() {
        if index > 0 {
            out.push('/');
        }
        for byte in part.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
                byte => out.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    if out.is_empty() { "unknown".into() } else { out }
}

/// Where a frame stands: the file found in the code, else the path that the log gives, a Java class's in its package.
fn path(frame: &CallSite, code: Option<&Code>) -> Option<String> {
    let (file, function) = (frame.file.as_deref()?, frame.function.as_deref().unwrap_or(""));
    if let Some(found) = code.and_then(|c| c.find(function, file)) {
        return Some(found.to_owned());
    }
    let package: Vec<&str> = function.split('.').collect();
    match package.get(..package.len().saturating_sub(2)) {
        Some(package) if !package.is_empty() && !file.contains('/') && frame.language.as_deref() == Some("java") => {
            Some(format!("{}/{file}", package.join("/")))
        }
        _ => Some(file.to_owned()),
    }
}

fn location(frame: &CallSite, code: Option<&Code>, snippet: bool) -> Value {
    let mut location = Map::new();
    if let Some(path) = path(frame, code) {
        let mut physical = Map::new();
        physical.insert("artifactLocation".into(), json!({"uri": uri(&path), "uriBaseId": "%SRCROOT%"}));
        if let Some(line) = frame.line.filter(|l| *l > 0) {
            physical.insert("region".into(), json!({"startLine": line}));
            let found = code.and_then(|c| c.snippet(&path, line as usize)).filter(|_| snippet);
            if let Some(found) = found {
                let text: String = found.lines.iter().map(|l| clean(&l.replace('\t', "    ")) + "\n").collect();
                let region = json!({"startLine": found.first, "endLine": found.first + found.lines.len() - 1, "snippet": {"text": text}});
                physical.insert("contextRegion".into(), region);
            }
        }
        location.insert("physicalLocation".into(), Value::Object(physical));
    }
    if let Some(function) = &frame.function {
        location.insert("logicalLocations".into(), json!([{"fullyQualifiedName": clean(function), "kind": "function"}]));
    }
    Value::Object(location)
}

fn result(report: &Report, leak: &Leak, all: u64, code: Option<&Code>) -> Value {
    let seen: Vec<String> = leak.evidence.iter().take(3).map(|at| text::place(report, at)).collect();
    let (kind, level) = match leak.confidence {
        "certain" | "strong" => ("fail", "error"),
        "moderate" => ("fail", "warning"),
        _ => ("review", "none"),
    };
    let mut says = format!(
        "{} of {all} leaked connections were opened here and never given back ({}, {}; see {}).",
        leak.sessions,
        leak.attribution.replace('_', " "),
        leak.confidence,
        seen.join(", ")
    );
    let mut leaves = None;
    let mut properties = json!({"first": leak.first, "last": leak.last, "connectionSeconds": leak.connection_seconds, "endpoint": leak.endpoint.as_deref().map(clean)});
    if let (Some(code), Some(frame)) = (code, leak.call_site.as_ref()) {
        let line = frame.line.unwrap_or(0) as usize;
        let found = path(frame, Some(code)).and_then(|p| code.snippet(&p, line));
        if let Some(fields) = properties.as_object_mut() {
            fields.insert("lineExists".into(), json!(found.is_some()));
        }
        match found.map(|f| f.hint) {
            Some(Some(hint)) => {
                says.push_str(&format!(" In the code: {}.", hint.text));
                leaves = hint.leaves;
            }
            Some(None) => {}
            None => says.push_str(" The line is not in the given source code: another version may have been running."),
        }
    }
    let mut result = json!({
        "ruleId": "connection_leak",
        "ruleIndex": 0,
        "kind": kind,
        "level": level,
        "message": {"text": clean(&says)},
        "occurrenceCount": leak.sessions.max(1),
        "rank": (leak.sessions as f64 * 1000.0 / all.max(1) as f64).round() / 10.0,
        "partialFingerprints": {"callSite/v1": digest(site::of(leak).as_bytes()).replace("sha256:", "")},
        "properties": properties,
    });
    if let (Some(fields), Some(frame)) = (result.as_object_mut(), leak.call_site.as_ref()) {
        fields.insert("locations".into(), json!([location(frame, code, true)]));
        let frames: Vec<Value> =
            std::iter::once(frame).chain(&leak.callers).map(|f| json!({"location": location(f, code, false)})).collect();
        if let Some(flow) = leaves.and_then(|line| way_out(frame, code, line)) {
            fields.insert("codeFlows".into(), flow);
        }
        fields
            .insert("stacks".into(), json!([{"message": {"text": "The stack that opened the connection"}, "frames": frames}]));
    }
    result
}

/// The way from the open to a line that leaves without a close.
fn way_out(frame: &CallSite, code: Option<&Code>, line: usize) -> Option<Value> {
    let exit = CallSite { line: u32::try_from(line).ok(), ..frame.clone() };
    let step = |frame: &CallSite, says: &str| {
        let mut location = location(frame, code, false);
        location.as_object_mut()?.insert("message".into(), json!({"text": says}));
        Some(json!({"location": location}))
    };
    let steps = [step(frame, "The connection is opened")?, step(&exit, "The function is left without giving it back")?];
    Some(json!([{"threadFlows": [{"locations": steps}]}]))
}

/// A cause other than a leak has no line of code: its result points at the line of the log that shows it.
fn other_cause(report: &Report) -> Option<Value> {
    let cause = report.verdict.cause.filter(|c| !matches!(*c, "none" | "connection_leak"))?;
    let index = RULES.iter().position(|(id, _)| *id == cause)?;
    let proof = report.hypotheses.iter().find(|h| h.cause == cause)?;
    let at = proof.speaks_for.iter().find_map(|f| f.evidence.first());
    let location = |at: &super::Ref| {
        let path = report.sources.get(at.source as usize).map_or("", |s| s.path.as_str());
        json!({"physicalLocation": {"artifactLocation": {"uri": uri(path)}, "region": {"startLine": at.line.max(1)}}})
    };
    Some(json!({
        "ruleId": cause,
        "ruleIndex": index,
        "kind": "fail",
        "level": "warning",
        "message": {"text": clean(&report.verdict.summary)},
        "partialFingerprints": {"cause/v1": digest(cause.as_bytes()).replace("sha256:", "")},
        "locations": at.map(location).into_iter().collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_path_stays_below_the_root() {
        assert_eq!(super::uri("/../..//etc/pass wd"), "etc/pass%20wd");
        assert_eq!(super::uri("C:\\src\\a.cs"), "C%3A/src/a.cs");
        assert_eq!(super::uri("javascript:alert(1)"), "javascript%3Aalert%281%29");
        assert_eq!(super::uri(".."), "unknown");
    }
}
