//! The documented rules of formats that have no schema of their own, each with output that breaks it.

use super::exports::hostile;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

type Rules = Result<(), String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Rules {
    if holds { Ok(()) } else { Err(what()) }
}

/// True for characters that XML 1.0 allows.
fn xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// JUnit: well-formed, cases with names and classes, counts that add up.
pub(crate) fn junit(text: &str) -> Rules {
    ensure(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"), || "no declaration".into())?;
    ensure(text.chars().all(xml), || "a character that XML does not have".into())?;
    let report = quick_junit::Report::deserialize_from_str(text).map_err(|e| e.to_string())?;
    let (mut tests, mut failures) = (0, 0);
    let mut suites = BTreeSet::new();
    for suite in &report.test_suites {
        ensure(suites.insert(suite.name.to_string()), || format!("two suites are called {}", suite.name.as_str()))?;
        for case in &suite.test_cases {
            ensure(!case.name.is_empty() && case.classname.is_some(), || "a case without a name or a class".into())?;
        }
        let failed = |case: &&quick_junit::TestCase| matches!(&case.status, quick_junit::TestCaseStatus::NonSuccess { .. });
        let count = suite.test_cases.iter().filter(failed).count();
        ensure(suite.tests == suite.test_cases.len(), || format!("{} does not hold its cases", suite.name.as_str()))?;
        ensure(suite.failures + suite.errors == count, || format!("{} miscounts failures", suite.name.as_str()))?;
        (tests, failures) = (tests + suite.tests, failures + count);
    }
    ensure((report.tests, report.failures + report.errors) == (tests, failures), || "the sums are not the suites'".into())
}

/// A label set in braces: names, then quoted values in which only `\\`, `\"` and `\n` are escapes.
fn labels(text: &str) -> Rules {
    let mut rest = text;
    let mut names = BTreeSet::new();
    loop {
        let (name, value) = rest.split_once("=\"").ok_or_else(|| format!("{text}: no label"))?;
        let fine = |(i, c): (usize, char)| c.is_ascii_alphabetic() || c == '_' || (i > 0 && c.is_ascii_digit());
        ensure(!name.is_empty() && name.chars().enumerate().all(fine), || format!("{name} is no label's name"))?;
        ensure(names.insert(name.to_owned()), || format!("{name} twice"))?;
        let mut chars = value.char_indices();
        let end = loop {
            match chars.next() {
                Some((_, '\\')) => match chars.next() {
                    Some((_, '\\' | '"' | 'n')) => {}
                    other => return Err(format!("{text}: {other:?} is escaped")),
                },
                Some((at, '"')) => break at,
                Some((_, '\n')) | None => return Err(format!("{text}: a value without an end")),
                Some(_) => {}
            }
        };
        rest = &value[end + 1..];
        if rest.is_empty() {
            return Ok(());
        }
        rest = rest.strip_prefix(',').ok_or_else(|| format!("{text}: no comma"))?;
    }
}

/// OpenMetrics 1.0: families together with their metadata first, suffixes by type, units as suffixes, counters that do not
/// fall below zero, no sample twice, line feeds only, `# EOF` at the end.
pub(crate) fn openmetrics(text: &str) -> Rules {
    ensure(text.ends_with("\n# EOF\n") || text == "# EOF\n", || "no end".into())?;
    ensure(!text.contains('\r') && !text.contains("\n\n"), || "an empty line or a carriage return".into())?;
    let mut types: BTreeMap<String, String> = BTreeMap::new();
    let (mut current, mut sampled) = (String::new(), false);
    let mut samples = BTreeSet::new();
    let lines: Vec<&str> = text.lines().collect();
    for line in lines.iter().take(lines.len() - 1) {
        let word = |text: &str| text.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).ok_or(format!("{line}: half"));
        if let Some(head) = line.strip_prefix("# TYPE ") {
            let (name, kind) = word(head)?;
            let fine =
                |(i, c): (usize, char)| c.is_ascii_alphabetic() || matches!(c, '_' | ':') || (i > 0 && c.is_ascii_digit());
            ensure(name.chars().enumerate().all(fine), || format!("{name} is no name"))?;
            ensure(["counter", "gauge", "info"].contains(&kind.as_str()), || format!("{kind} is no type used here"))?;
            ensure(types.insert(name.clone(), kind).is_none(), || format!("{name} is interleaved or told twice"))?;
            (current, sampled) = (name, false);
        } else if let Some(head) = line.strip_prefix("# UNIT ") {
            let (name, unit) = word(head)?;
            ensure(!sampled && name == current && name.ends_with(&format!("_{unit}")), || format!("{line}: not its unit"))?;
        } else if let Some(head) = line.strip_prefix("# HELP ") {
            ensure(!sampled && word(head)?.0 == current, || format!("{line}: not where it belongs"))?;
        } else {
            ensure(!line.starts_with('#'), || format!("{line}: not known"))?;
            sampled = true;
            let kind = types.get(&current).ok_or_else(|| format!("{line}: no type"))?;
            let suffix = [("counter", "_total"), ("info", "_info")].iter().find(|(k, _)| k == kind).map_or("", |(_, s)| s);
            let (name, value) = line.rsplit_once(' ').ok_or_else(|| format!("{line}: no value"))?;
            let number = value.parse::<f64>().map_err(|e| format!("{line}: {e}"))?;
            ensure(number.is_finite() && (kind != "counter" || number >= 0.0), || format!("{line}: not its number"))?;
            let (metric, set) = name.split_once('{').map_or((name, None), |(m, set)| (m, Some(set)));
            ensure(metric == format!("{current}{suffix}"), || format!("{line}: not of {current}"))?;
            if let Some(set) = set {
                labels(set.strip_suffix('}').ok_or_else(|| format!("{line}: no brace"))?)?;
            }
            ensure(samples.insert(name.to_owned()), || format!("{name} twice"))?;
        }
    }
    Ok(())
}

/// Timesketch: the required fields in every event, times that agree, tags as a list.
pub(crate) fn timesketch_jsonl(text: &str) -> Rules {
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
        let word = |key: &str| event[key].as_str().filter(|t| !t.is_empty()).ok_or(format!("{line}: no {key}"));
        let (message, time, _) = (word("message")?, word("datetime")?, word("timestamp_desc")?);
        ensure(message.len() <= 32_766, || "a message too long to be aggregated".into())?;
        let time = chrono::DateTime::parse_from_rfc3339(time).map_err(|e| e.to_string())?;
        ensure(event["timestamp"].as_i64() == Some(time.timestamp_micros()), || format!("{line}: the times differ"))?;
        ensure(event["tag"].as_array().is_some_and(|t| t.iter().all(Value::is_string)), || format!("{line}: no tags"))?;
    }
    Ok(())
}

/// The same as CSV.
pub(crate) fn timesketch_csv(text: &str) -> Rules {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader.headers().map_err(|e| e.to_string())?.clone();
    let at = |name: &str| head.iter().position(|h| h == name).ok_or(format!("no column {name}"));
    let (message, time, stamp, what) = (at("message")?, at("datetime")?, at("timestamp")?, at("timestamp_desc")?);
    for record in reader.records() {
        let record = record.map_err(|e| e.to_string())?;
        ensure(!record[message].is_empty() && !record[what].is_empty(), || "an event without words".into())?;
        let time = chrono::DateTime::parse_from_rfc3339(&record[time]).map_err(|e| e.to_string())?;
        ensure(record[stamp].parse() == Ok(time.timestamp_micros()), || "the times differ".into())?;
    }
    Ok(())
}

/// Chrome's trace events: required fields by phase; slices of a thread nest; what begins and ends asynchronously does so once
/// under its category and id; a flow begins once, goes forward in time and lies on a slice at every stop; every thread and
/// process that is used has a name.
pub(crate) fn trace(text: &str) -> Rules {
    let trace: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let events = trace["traceEvents"].as_array().ok_or("no events")?;
    let (mut open, mut named) = (BTreeMap::new(), BTreeSet::new());
    let mut slices: BTreeMap<(u64, u64), Vec<(i64, i64)>> = BTreeMap::new();
    let mut flows: BTreeMap<u64, Vec<(String, i64, (u64, u64))>> = BTreeMap::new();
    for e in events {
        let bad = || format!("{e}");
        let ph = e["ph"].as_str().ok_or_else(bad)?;
        ensure(e["name"].as_str().is_some_and(|n| !n.is_empty()), bad)?;
        let pid = e["pid"].as_u64().ok_or_else(bad)?;
        if ph == "M" {
            ensure(matches!(e["name"].as_str(), Some("process_name" | "thread_name")), bad)?;
            ensure(e["args"]["name"].is_string(), bad)?;
            named.insert((e["name"].as_str().unwrap_or("").to_owned(), pid, e["tid"].as_u64().unwrap_or(0)));
            continue;
        }
        let ts = e["ts"].as_i64().ok_or_else(bad)?;
        let tid = || e["tid"].as_u64().ok_or_else(bad);
        let key = || Some((e["cat"].as_str()?.to_owned(), e["id"].as_u64()?));
        match ph {
            "b" => ensure(open.insert(key().ok_or_else(bad)?, Some(ts)).is_none(), bad)?,
            "e" => {
                let begun = open.get_mut(&key().ok_or_else(bad)?).and_then(Option::take);
                ensure(begun.is_some_and(|begun| begun <= ts), bad)?;
            }
            "X" => {
                let dur = e["dur"].as_i64().filter(|d| *d >= 0).ok_or_else(bad)?;
                slices.entry((pid, tid()?)).or_default().push((ts, ts + dur));
            }
            "i" => ensure(matches!(e["s"].as_str(), Some("g" | "p" | "t")), bad)?,
            "C" => ensure(e["args"].as_object().is_some_and(|a| a.values().all(Value::is_number)), bad)?,
            "s" | "t" | "f" => {
                let id = e["id"].as_u64().ok_or_else(bad)?;
                flows.entry(id).or_default().push((ph.to_owned(), ts, (pid, tid()?)));
            }
            other => return Err(format!("an event of kind {other}")),
        }
        if ph != "C" && ph != "i" {
            ensure(named.contains(&("process_name".into(), pid, 0)), || format!("process {pid} has no name"))?;
        }
    }
    for (track, all) in &mut slices {
        all.sort_by_key(|(from, to)| (*from, -*to));
        let mut around: Vec<(i64, i64)> = Vec::new();
        for (from, to) in all.iter() {
            while around.last().is_some_and(|(_, end)| end <= from) {
                around.pop();
            }
            ensure(around.last().is_none_or(|(_, end)| to <= end), || format!("{track:?}: slices cross at {from}"))?;
            around.push((*from, *to));
        }
    }
    for (id, stops) in &flows {
        let phases: String = stops.iter().map(|s| s.0.as_str()).collect();
        let fine = phases.starts_with('s') && phases.ends_with('f') && phases[1..phases.len() - 1].chars().all(|c| c == 't');
        ensure(phases.len() > 1 && fine, || format!("flow {id} goes {phases}"))?;
        ensure(stops.windows(2).all(|w| w[0].1 <= w[1].1), || format!("flow {id} goes back in time"))?;
        let on = |(_, ts, track): &(String, i64, (u64, u64))| {
            slices.get(track).is_some_and(|all| all.iter().any(|(from, to)| from <= ts && ts <= to))
        };
        ensure(stops.iter().all(on), || format!("flow {id} lies on nothing"))?;
    }
    Ok(())
}

/// What keeps the rules, and changes of it that each break one.
fn breaks(rules: fn(&str) -> Rules, text: &str, changes: &[(&str, &str)]) {
    assert_eq!(rules(text), Ok(()));
    for (from, to) in changes {
        assert!(text.contains(from), "{from} is not there");
        let changed = text.replacen(from, to, 1);
        assert!(rules(&changed).is_err(), "{from} -> {to} is let pass");
    }
}

#[test]
fn junit_keeps_its_rules() {
    let text = hostile(&["report", "--format", "junit"]);
    assert!(text.matches("<failure").count() >= 30);
    breaks(
        junit,
        &text,
        &[
            ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", ""),
            ("</testsuite>", ""),
            ("<testcase name=\"", "<testcase other=\""),
            ("<testsuite name=\"leaks\" tests=\"30\"", "<testsuite name=\"leaks\" tests=\"29\""),
            ("<testsuite name=\"causes\"", "<testsuite name=\"leaks\""),
            ("</failure>", "\u{1}</failure>"),
            ("</failure>", "&nbsp;</failure>"),
            (" failures=\"", " failures=\"1"),
        ],
    );
}

#[test]
fn openmetrics_keeps_its_rules() {
    let text = hostile(&["report", "--format", "openmetrics"]);
    assert!(text.contains("\ndb_client_connection_count{"));
    breaks(
        openmetrics,
        &text,
        &[
            ("# EOF\n", ""),
            ("# EOF\n", "# EOF\n\n"),
            ("\n# TYPE backtrail_opens counter\n", "\n"),
            ("backtrail_opens_total{", "backtrail_opens{"),
            ("backtrail_requests_total 300", "backtrail_requests_total -300"),
            ("backtrail_requests_total 300", "backtrail_requests_total many"),
            ("backtrail_requests_total 300", "backtrail_requests_total 300\nbacktrail_requests_total 300"),
            ("# UNIT backtrail_degraded_seconds seconds", "# UNIT backtrail_degraded_seconds ms"),
            ("layer=\"", "0layer=\""),
            ("layer=\"db\"", "layer=\"d\\b\""),
            ("layer=\"db\"", "layer=\"d\"b\""),
            ("# TYPE backtrail_closes counter", "# TYPE backtrail_opens counter"),
            ("# HELP backtrail_requests ", "# HELP backtrail_other "),
        ],
    );
    // What a log says comes through with its quotes and backslashes escaped.
    assert!(text.contains("\\\""), "no quote is escaped in {text}");
}

#[test]
fn timesketch_keeps_its_rules() {
    let text = hostile(&["timeline", "--format", "timesketch-jsonl"]);
    let stamp = format!("\"timestamp\":{}", text.split("\"timestamp\":").nth(1).unwrap().split(',').next().unwrap());
    breaks(
        timesketch_jsonl,
        &text,
        &[
            ("\"message\":", "\"words\":"),
            ("+00:00", ""),
            (&stamp, "\"timestamp\":1714558200"),
            ("\"timestamp_desc\":", "\"desc\":"),
            ("\"tag\":[", "\"tags\":["),
        ],
    );
    let table = hostile(&["timeline", "--format", "timesketch"]);
    assert_eq!(table.lines().count() > 60, text.lines().count() > 60);
    breaks(
        timesketch_csv,
        &table,
        &[
            ("message,", "words,"),
            ("+00:00", ""),
            (",timestamp,", ",time,"),
            (&stamp.replace("\"timestamp\":", ""), "1714558200"),
        ],
    );
}

#[test]
fn traces_keep_their_rules() {
    let text = hostile(&["timeline", "--format", "perfetto"]);
    trace(&text).unwrap();
    // What nothing closed stays open, and what leaked is named so.
    assert!(
        text.contains("\"name\":\"✗ leaked") && text.matches("\"ph\":\"b\"").count() > text.matches("\"ph\":\"e\"").count()
    );
    let mut whole: Value = serde_json::from_str(&text).unwrap();
    let of = |trace: &Value, ph: &str| {
        let found = trace["traceEvents"].as_array().unwrap().iter().position(|e| e["ph"] == ph);
        found.unwrap_or_else(|| panic!("no event of kind {ph}"))
    };
    // Ids and process ids join nothing in the hostile samples, so that a flow and the slice that it lies on are added by hand.
    let mut lies = whole["traceEvents"][of(&whole, "b")].clone();
    (lies["ph"], lies["dur"]) = ("X".into(), 1000.into());
    whole["traceEvents"].as_array_mut().unwrap().push(lies.clone());
    for (ph, name) in [("s", "begins"), ("t", "goes on"), ("f", "ends")] {
        let mut stop = lies.clone();
        (stop["ph"], stop["name"], stop["id"]) = (ph.into(), name.into(), 7.into());
        whole["traceEvents"].as_array_mut().unwrap().push(stop);
    }
    trace(&whole.to_string()).unwrap();
    for (ph, field, value) in [
        ("b", "id", Value::Null),
        ("b", "ts", Value::from("now")),
        ("b", "name", Value::from("")),
        ("e", "id", Value::from(999_999)),
        ("e", "ts", Value::from(0)),
        ("e", "ph", Value::from("E")),
        ("X", "dur", Value::from(-1)),
        ("i", "s", Value::from("x")),
        ("C", "args", serde_json::json!({"value": "3"})),
        ("M", "args", Value::Null),
        ("M", "name", Value::from("nothing")),
        ("s", "ph", Value::from("t")),
        ("f", "ts", Value::from(0)),
        ("t", "tid", Value::from(99)),
    ] {
        let mut changed = whole.clone();
        let at = of(&changed, ph);
        changed["traceEvents"][at][field] = value;
        assert!(trace(&changed.to_string()).is_err(), "{ph}.{field} is let pass");
    }
    // Two slices of a thread that cross.
    let mut crossing = lies.clone();
    crossing["ts"] = Value::from(lies["ts"].as_i64().unwrap() + lies["dur"].as_i64().unwrap() / 2);
    whole["traceEvents"].as_array_mut().unwrap().push(crossing);
    assert!(trace(&whole.to_string()).is_err());
}
