//! The wrong turns that the teams took: each is closed by the number that `story.toml` names, with the lines that show it.

use super::stories::{Told, told};
use serde_json::Value;

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn word<'t>(turn: &'t toml::Value, key: &str) -> Option<&'t str> {
    turn.get(key).and_then(toml::Value::as_str)
}

/// What a turn names: signs of a cause, suggestions, or changes; with the number and the lines of each.
fn found(report: &Value, turn: &toml::Value) -> Vec<(String, Option<f64>, Vec<Value>)> {
    let text = |value: &Value| value["text"].as_str().unwrap_or_default().to_owned();
    if let Some(title) = word(turn, "change") {
        let all = list(report, "changes").iter().filter(|c| c["title"] == title && c["role"].as_str() == word(turn, "role"));
        return all.map(|c| (text(c), c["low"].as_f64(), list(c, "evidence").to_vec())).collect();
    }
    if let Some(cause) = word(turn, "cause") {
        let side = if word(turn, "status") == Some("ruled_out") { "against" } else { "for" };
        let all =
            list(report, "hypotheses").iter().filter(|h| h["cause"] == cause && h["status"].as_str() == word(turn, "status"));
        return all
            .flat_map(|h| list(h, side))
            .map(|sign| (text(sign), sign["value"].as_f64(), list(sign, "evidence").to_vec()))
            .collect();
    }
    let number = |text: &str| {
        let digits: String = text.rsplit("by ").next()?.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        digits.parse().ok()
    };
    let all = list(report, "suggestions").iter();
    all.map(|s| (text(s), number(&text(s)), list(s, "because").to_vec())).collect()
}

/// Why a turn is not closed; `None` where it is.
fn open(report: &Value, turn: &toml::Value) -> Option<String> {
    let says = word(turn, "says").expect("a turn names words of the sentence that closes it");
    let bound = |key: &str| turn.get(key).and_then(|v| v.as_float().or_else(|| v.as_integer().map(|n| n as f64)));
    let all = found(report, turn);
    let Some((text, number, lines)) = all.iter().find(|(text, ..)| text.contains(says)) else {
        return Some(format!("nothing says {says:?}: {all:?}"));
    };
    // A bound asks for a number; none is outside of every bound.
    let holds = |key: &str, fits: fn(f64, f64) -> bool| bound(key).is_none_or(|b| number.is_some_and(|n| fits(n, b)));
    let inside = holds("least", |n, b| n >= b) && holds("most", |n, b| n <= b);
    (!inside || lines.is_empty()).then(|| format!("{number:?} in {text:?}, shown by {} lines", lines.len()))
}

fn turns(told: &Told) -> Vec<toml::Value> {
    told.expect().get("wrong_turns").and_then(toml::Value::as_array).cloned().unwrap_or_default()
}

#[test]
fn every_wrong_turn_is_closed_with_its_number() {
    let mut wrong = Vec::new();
    for told in told() {
        let expect = told.expect();
        let closed = expect.get("ruled_out").and_then(toml::Value::as_array).cloned().unwrap_or_default();
        for cause in closed.iter().filter_map(toml::Value::as_str) {
            let status = list(&told.report, "hypotheses").iter().find(|h| h["cause"] == cause).map(|h| h["status"].clone());
            if status.as_ref().and_then(Value::as_str) != Some("ruled_out") {
                wrong.push(format!("{}: {cause} is {status:?}", told.name));
            }
        }
        let turns = turns(told);
        assert!(told.name == "healthy-day" || !turns.is_empty(), "{} names no wrong turn", told.name);
        for turn in &turns {
            let what = word(turn, "turn").expect("a turn says what was believed");
            wrong.extend(open(&told.report, turn).map(|why| format!("{}: {what}: {why}", told.name)));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
