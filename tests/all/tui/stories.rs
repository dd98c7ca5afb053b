//! What a reader comes for: the leaking line, and the record that proves it, within four keys of the first frame.

use super::super::tools::root;
use super::play::{Play, reading};
use backtrail::tui::model::Pane;
use backtrail::tui::settings::Settings;
use std::path::PathBuf;

/// The stories of leaks, each with the place that its truth names: a line of code, or else an endpoint.
fn leaks() -> Vec<(PathBuf, toml::Table)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join("sample-logs/outages")).unwrap() {
        let dir = entry.unwrap().path();
        let Ok(text) = std::fs::read_to_string(dir.join("story.toml")) else { continue };
        let story: toml::Table = text.parse().unwrap();
        let leak = story.get("expect").and_then(|e| e.get("leaks")).and_then(toml::Value::as_array);
        if let Some(leak) = leak.and_then(|leaks| leaks.first()).and_then(toml::Value::as_table) {
            found.push((dir.join("logs"), leak.clone()));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

/// The parts of a path that do not vary.
fn fixed(endpoint: &str) -> Vec<&str> {
    endpoint.split(['/', ' ']).filter(|part| !part.is_empty() && !part.starts_with(['{', '<', ':'])).collect()
}

#[test]
fn the_leaking_line_is_within_four_keys() {
    let leaks = leaks();
    assert!(leaks.len() >= 3, "{} stories of leaks", leaks.len());
    for (logs, leak) in leaks {
        let text = |key: &str| leak.get(key).and_then(toml::Value::as_str).unwrap_or_default();
        let reading = reading(&logs);
        for (width, height) in [(80, 24), (60, 16)] {
            let mut play = Play::of(width, height, reading.clone(), Settings::default());
            play.keys("2");
            let frame = play.frame();
            let file = text("file").rsplit('/').next().unwrap().to_owned();
            let line = format!("{file}:{}", leak.get("line").and_then(toml::Value::as_integer).unwrap_or(0));
            let found = play.model.data().unwrap().report.leaks[0].clone();
            if found.call_site.is_some() {
                assert!(frame.contains(&line), "{}: {line}\n{frame}", logs.display());
            } else {
                // Where no log holds a stack, the endpoint is all that can be known.
                let endpoint = found.endpoint.unwrap();
                assert_eq!(fixed(&endpoint), fixed(text("endpoint")), "{}", logs.display());
                assert!(frame.contains(&endpoint), "{}: {endpoint}\n{frame}", logs.display());
            }
            play.keys("o");
            assert_eq!(play.model.pane, Pane::Events, "{}", logs.display());
            let row = play.model.event_row(play.model.events.list.at).unwrap();
            assert!(play.model.data().unwrap().case.leaks[0].evidence.contains(&row), "{}", logs.display());
            let source = play.model.data().unwrap().table.rows().get(row).line();
            assert!(play.frame().contains(&format!(":{source} ")), "the record says where it stands\n{}", play.frame());
        }
    }
}
