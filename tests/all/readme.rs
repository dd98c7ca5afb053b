//! The commands that README shows are run.

use super::tools::{backtrail, root};

/// The tables have the columns that README's queries name, in every format.
#[test]
fn readme_queries_name_columns_that_are_there() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let sql = readme.split("```sql\n").nth(1).unwrap().split("```").next().unwrap();
    let dir = tempfile::tempdir().unwrap();
    for (verb, columns) in [
        ("sessions", vec!["endpoint", "version", "open", "class", "seconds", "edge", "source", "open_line"]),
        ("events", vec!["time", "http.response.status_code", "duration_ns", "kind", "thread.name", "body", "source", "line"]),
    ] {
        let to = dir.path().join(format!("{verb}.parquet"));
        let logs = root().join("sample-logs/hostile");
        backtrail().arg(verb).arg("-o").arg(&to).arg(&logs).assert().code(0);
        let done = backtrail().args([verb, "--format", "csv"]).arg(&logs).assert().code(0);
        let table = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
        let head: Vec<&str> = table.lines().next().unwrap().split(',').collect();
        for column in columns {
            assert!(sql.contains(column) && head.contains(&column), "{verb}: {column}");
        }
        // The names stand in a Parquet file's end as they are.
        let bytes = std::fs::read(&to).unwrap();
        let end = String::from_utf8_lossy(&bytes).into_owned();
        for column in head {
            assert!(end.contains(column), "{verb}.parquet has no {column}");
        }
    }
}

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
