//! The commands that README shows are run.

use super::tools::{backtrail, root};

#[test]
fn readme_commands_run() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let mut ran = 0;
    let mut inside = false;
    for line in readme.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
            continue;
        }
        let Some(command) = line.strip_prefix("cargo run --release -- ").or(line.strip_prefix("backtrail ")).filter(|_| inside)
        else {
            continue;
        };
        let words: Vec<&str> = command.split(" #").next().unwrap().split_whitespace().collect();
        backtrail().current_dir(root()).args(&words).assert().code(0);
        ran += 1;
    }
    assert!(ran >= 3, "README shows {ran} commands");
}
