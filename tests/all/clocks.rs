//! Clocks that differ: found, corrected, and left alone where they do not.

use super::tools::{backtrail, root};
use serde_json::Value;
use std::io::Read;
use std::path::Path;

fn story(name: &str) -> std::path::PathBuf {
    root().join("sample-logs/outages").join(name).join("logs")
}

fn report(logs: &Path, clock: &str) -> Value {
    let done = backtrail().args(["report", "--format", "json", "--clock", clock]).arg(logs).assert().code(0);
    serde_json::from_slice(&done.get_output().stdout).unwrap()
}

/// A story's logs with the times of one application's log set wrong: by so many ms, and by further ones from line `step`.
fn skewed(ms: i64, drift_ppm: i64, step: (usize, i64)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let from = story("2024-03-10-cascade");
    std::fs::copy(from.join("haproxy.log.gz"), dir.path().join("haproxy.log.gz")).unwrap();
    let mut text = String::new();
    let packed = std::fs::read(from.join("boxoffice-app-1.log.gz")).unwrap();
    flate2::read::MultiGzDecoder::new(packed.as_slice()).read_to_string(&mut text).unwrap();
    let mut first = None;
    let mut out = String::new();
    for (number, line) in text.lines().enumerate() {
        let Some((head, rest)) = line.split_once("\"time\":") else { continue };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let time: i64 = rest[..digits].parse().unwrap();
        let since = time - *first.get_or_insert(time);
        let wrong = time + ms + since * drift_ppm / 1_000_000 + if number >= step.0 { step.1 } else { 0 };
        out.push_str(&format!("{head}\"time\":{wrong}{}\n", &rest[digits..]));
    }
    std::fs::write(dir.path().join("app.log"), out).unwrap();
    dir
}

fn of_app(report: &Value) -> Option<&Value> {
    let sources = report["sources"].as_array().unwrap();
    let id = |name: &str| sources.iter().find(|s| s["path"].as_str().unwrap().ends_with(name)).unwrap()["id"].clone();
    let (app, edge) = (id("app.log"), id("haproxy.log.gz"));
    let found =
        |a: &Value, b: &Value| report["clock"].as_array().unwrap().iter().find(|c| c["source"] == *a && c["reference"] == *b);
    found(&app, &edge).or_else(|| found(&edge, &app))
}

#[test]
fn an_application_that_is_ahead_is_found_and_corrected() {
    let logs = skewed(7_500, 40, (usize::MAX, 0));
    let found = report(logs.path(), "apply");
    let clock = of_app(&found).unwrap();
    // Which of the two is the reference decides the sign.
    let span = |side: &str| {
        let source = found["sources"].as_array().unwrap().iter().find(|s| s["id"] == clock["source"]).unwrap();
        chrono::DateTime::parse_from_rfc3339(source[side].as_str().unwrap()).unwrap().timestamp_millis()
    };
    let middle = 7_500.0 + 40e-6 * ((span("last") - span("first")) / 2) as f64;
    let (offset, bound) = (clock["offset_ms"].as_f64().unwrap().abs(), clock["bound_ms"].as_f64().unwrap());
    assert!((offset - middle).abs() <= bound && bound < 500.0, "{clock}");
    assert_eq!(clock["applied"], true, "{clock}");
    assert!((clock["drift_ppm"].as_f64().unwrap().abs() - 40.0).abs() < 10.0, "{clock}");
    assert!(found["notes"].to_string().contains("its clock is up to "), "{}", found["notes"]);
    let shown = report(logs.path(), "show");
    assert_eq!(of_app(&shown).unwrap()["applied"], false);
    let off = report(logs.path(), "off");
    assert!(of_app(&off).is_none());
    // What is corrected has moved by what was found, everything else stands where it stood.
    for (now, then) in found["sources"].as_array().unwrap().iter().zip(off["sources"].as_array().unwrap()) {
        let at = |s: &Value| chrono::DateTime::parse_from_rfc3339(s["last"].as_str().unwrap()).unwrap().timestamp_millis();
        let moved = (at(now) - at(then)) as f64;
        let expected = if now["id"] == clock["source"] { -clock["offset_ms"].as_f64().unwrap() } else { 0.0 };
        assert!((moved - expected).abs() < 600.0 && (expected == 0.0) == (moved == 0.0), "{moved} and {expected}");
    }
}

#[test]
fn a_clock_that_is_set_is_corrected_in_pieces() {
    let logs = skewed(-20_000, 0, (2500, 21_000));
    let found = report(logs.path(), "apply");
    let clock = of_app(&found).unwrap();
    assert_eq!((clock["steps"].as_array().unwrap().len(), &clock["applied"]), (1, &Value::Bool(true)), "{clock}");
    assert!(clock["bound_ms"].as_f64().unwrap() < 1000.0, "{clock}");
}

#[test]
fn clocks_that_agree_are_left_alone() {
    for name in ["2024-03-10-cascade", "2024-08-14-deploy-leak", "healthy-day", "2023-05-10-shop-leak"] {
        let found = report(&story(name), "apply");
        let moved: Vec<&Value> = found["clock"].as_array().unwrap().iter().filter(|c| c["applied"] == true).collect();
        assert!(moved.is_empty(), "{name}: {moved:?}");
        let bounds: Vec<&Value> = found["sources"].as_array().unwrap().iter().map(|s| &s["clock_bound_ms"]).collect();
        assert!(bounds.iter().any(|b| !b.is_null()), "{name}: at least one pair of sources can be compared");
    }
}

#[test]
fn an_order_finer_than_the_clocks_is_not_claimed() {
    let found = report(&story("2023-08-10-slow-leak"), "apply");
    let moments = found["timeline"].as_array().unwrap();
    assert!(moments.iter().any(|m| m["bound_ms"].as_f64().is_some_and(|b| b > 0.0)), "moments carry bounds");
    for pair in moments.windows(2).filter(|p| p[1]["title"].as_str().unwrap().contains("the clocks do not tell")) {
        assert!(pair.iter().any(|m| m["bound_ms"].as_f64().is_some_and(|b| b > 0.0)), "{pair:?}");
    }
}
