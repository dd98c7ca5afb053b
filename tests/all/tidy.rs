//! The house rules: floors, sizes, headers, and an architecture page that names every module.

use super::tools::root;
use std::path::{Path, PathBuf};

/// Modules by floor; a module may use its own floor's parent and lower floors.
const FLOORS: [(&str, u8); 9] = [
    ("error", 0),
    ("source", 1),
    ("ingest", 2),
    ("table", 3),
    ("correlate", 4),
    ("diagnose", 4),
    ("report", 5),
    ("tui", 6),
    ("cli", 7),
];

fn sources(dir: &str) -> Vec<PathBuf> {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    let mut out = Vec::new();
    walk(&root().join(dir), &mut out);
    out
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// Lines of code: without blank lines, comments and the tests at the end.
fn code_lines(text: &str) -> usize {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    code.lines().filter(|l| !l.trim().is_empty() && !l.trim_start().starts_with("//")).count()
}

#[test]
fn modules_use_lower_floors_only() {
    let mut wrong = Vec::new();
    for path in sources("src") {
        let file = name(&path);
        let module = file.trim_start_matches("src/").trim_end_matches(".rs").split('/').next().unwrap().to_owned();
        let Some((_, floor)) = FLOORS.iter().find(|(m, _)| *m == module) else { continue };
        for (number, line) in std::fs::read_to_string(&path).unwrap().lines().enumerate() {
            for used in line.split("crate::").skip(1).filter(|_| !line.trim_start().starts_with("//")) {
                let used: String =
                    used.trim_start_matches('{').chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if let Some((_, other)) = FLOORS.iter().find(|(m, _)| *m == used)
                    && other > floor
                {
                    wrong.push(format!("{file}:{} uses {used}, a higher floor", number + 1));
                }
            }
            let polars = line.contains("polars") && !line.trim_start().starts_with("//");
            if polars && module != "table" {
                wrong.push(format!("{file}:{} uses polars outside the table", number + 1));
            }
            if (line.contains("File::open") || line.contains("fs::read")) && *floor != 1 && module != "cli" {
                wrong.push(format!("{file}:{} opens a file outside source", number + 1));
            }
            if (line.contains("SystemTime::now") || line.contains("env::var")) && module != "cli" {
                wrong.push(format!("{file}:{} asks the outside world outside cli", number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_small() {
    let mut sizes: Vec<(usize, String)> = Vec::new();
    for path in sources("src").into_iter().chain(sources("parsers/src")) {
        sizes.push((code_lines(&std::fs::read_to_string(&path).unwrap()), name(&path)));
    }
    sizes.sort();
    let long: Vec<_> = sizes.iter().filter(|(lines, _)| *lines > 400).collect();
    assert!(long.is_empty(), "over 400 lines of code: {long:?}");
    for path in sources("tests") {
        let lines = code_lines(&std::fs::read_to_string(&path).unwrap());
        assert!(lines <= 400, "{} has {lines} lines of code", name(&path));
    }
    let at = |share: usize| sizes[(sizes.len() - 1) * share / 100].0;
    assert!(at(50) <= 160, "the median file has {} lines of code", at(50));
    assert!(at(90) <= 330, "one file in ten has more than {} lines of code", at(90));
}

#[test]
fn files_say_what_they_are() {
    for path in sources("src").into_iter().chain(sources("parsers/src")) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//!") || text.starts_with("#![doc"), "{} has no header", name(&path));
    }
}

#[test]
fn the_architecture_page_names_every_module() {
    let page = std::fs::read_to_string(root().join("src/ARCHITECTURE.md")).unwrap();
    for path in sources("src") {
        let file = name(&path);
        let module = file.trim_start_matches("src/").trim_end_matches(".rs").replace('/', "::");
        if !matches!(module.as_str(), "main" | "lib") {
            assert!(page.contains(&format!("`{module}`")), "src/ARCHITECTURE.md does not name `{module}`");
        }
    }
}

#[test]
fn the_top_level_stays_as_it_is() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "parsers",
        "tests",
        "sample-logs",
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "target",
    ];
    for entry in std::fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || allowed.contains(&name.as_str()), "{name} does not belong at the top level");
    }
}
