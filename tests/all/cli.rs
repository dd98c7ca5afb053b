//! The command line: verbs, exit codes, files written.

use super::tools::{backtrail, file, root};

const LOG: &str = "2024-03-01 00:00:00.000 UTC [7] app@shop LOG:  connection authorized: user=app database=shop\n\
2024-03-01 00:00:01.000 UTC [7] app@shop LOG:  disconnection: session time: 0:00:01.000 user=app database=shop host=10.0.0.1 port=4000\n";

#[test]
fn usage_errors_exit_with_two() {
    backtrail().assert().code(2);
    backtrail().args(["report"]).assert().code(2);
    backtrail().args(["report", "--tz", "x.log=Nowhere/Town", "x.log"]).assert().code(2);
    backtrail().args(["report", "--format-for", "x=unheard_of", "x.log"]).assert().code(2);
    backtrail().args(["sessions", "--class", "imaginary", "x.log"]).assert().code(2);
    backtrail().args(["formats", "unheard_of"]).assert().code(2);
}

#[test]
fn a_file_is_not_overwritten_unless_forced() {
    let dir = tempfile::tempdir().unwrap();
    let log = file(&dir, "pg.log", LOG.as_bytes());
    let out = file(&dir, "report.json", b"precious");
    let run = |force: bool| {
        let mut command = backtrail();
        command.args(["report", "--format", "json", "-o"]).arg(&out).arg(&log);
        if force {
            command.arg("--force");
        }
        command.assert()
    };
    run(false).code(2);
    assert_eq!(std::fs::read(&out).unwrap(), b"precious");
    run(true).code(0);
    assert!(std::fs::read_to_string(&out).unwrap().contains("backtrail.report/1"));
}

#[test]
fn standard_input_is_read() {
    let done = backtrail().args(["sessions", "--format", "json", "-"]).write_stdin(LOG).assert().code(0);
    let lines: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    assert_eq!(lines[0]["class"], "matched");
    assert_eq!(lines[0]["seconds"], 1.0);
}

#[test]
fn archives_patterns_and_rotated_sets_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = LOG.split_at(LOG.find('\n').unwrap() + 1);
    file(&dir, "pg.log.1", first.as_bytes());
    // The rotated set overlaps by one line; it is read once.
    file(&dir, "pg.log", format!("{first}{second}").as_bytes());
    let pattern = dir.path().join("pg.*");
    let done = backtrail().args(["sessions", "--format", "json"]).arg(&pattern).assert().code(0);
    let lines: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    assert_eq!(lines.as_array().unwrap().len(), 1, "{lines}");
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_path_with_name(dir.path().join("pg.log"), "logs/pg.log").unwrap();
    let path = file(&dir, "all.tar", &archive.into_inner().unwrap());
    let done = backtrail().args(["sessions", "--format", "json"]).arg(&path).assert().code(0);
    let lines: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    assert_eq!(lines.as_array().unwrap().len(), 1, "{lines}");
}

#[test]
fn every_compression_is_told_by_content() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = LOG.as_bytes();
    let gzip = {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let packed = [("gzip", gzip), ("zstd", zstd::encode_all(bytes, 1).unwrap())];
    for (name, packed) in packed {
        let path = file(&dir, &format!("{name}.log"), &packed);
        let done = backtrail().args(["detect", "--format", "json"]).arg(&path).assert().code(0);
        let found: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
        assert_eq!((found[0]["compression"].as_str(), found[0]["records"].as_u64()), (Some(name), Some(2)));
    }
}

#[test]
fn formats_lists_and_explains() {
    let done = backtrail().arg("formats").assert().code(0);
    let text = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    for spec in backtrail_parsers::layouts::LAYOUTS {
        assert!(text.contains(spec.name), "{} is not listed", spec.name);
    }
    backtrail().args(["formats", "plain"]).assert().code(0);
}

#[test]
fn the_text_report_fits_a_terminal() {
    let samples = root().join("sample-logs/formats");
    let done = backtrail().arg("report").arg(&samples).assert().code(0);
    let text = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    for line in text.lines() {
        let long_word = line.split(' ').any(|word| unicode_width::UnicodeWidthStr::width(word) > 60);
        assert!(unicode_width::UnicodeWidthStr::width(line) <= 80 || long_word, "{line}");
    }
    assert!(!text.contains('\x1b'), "no escape codes when the output is no terminal");
}

#[test]
fn a_log_format_is_taken_from_a_text_or_from_a_configuration() {
    let dir = tempfile::tempdir().unwrap();
    // Two bare numbers that only the configuration can tell apart, and a word where the client usually stands.
    let line =
        |second: u32, took: &str| format!("edge1|02/Mar/2024:10:00:0{second} +0000|{took}|0.250|503|GET /cart HTTP/1.1\n");
    let log = file(&dir, "front.log", (line(1, "1.750") + &line(2, "0.500") + &line(3, "2.000")).as_bytes());
    let text = "$hostname|$time_local|$request_time|$upstream_response_time|$status|$request";
    let conf = "http {\n  log_format timed '$hostname|$time_local|$request_time|'\n    '$upstream_response_time|$status|$request';\n}\n";
    let conf = file(&dir, "nginx.conf", conf.as_bytes());
    for given in [text, conf.to_str().unwrap()] {
        let done = backtrail().args(["detect", "--format", "json", "--log-format", given]).arg(&log).assert().code(0);
        let files: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
        assert_eq!(files[0]["format"], "nginx_access", "{files}");
        assert!(files[0]["reasons"].to_string().contains("$upstream_response_time"), "{files}");
        assert_eq!(files[0]["kinds"]["lb.request"], 3, "{files}");
        let done = backtrail().args(["report", "--format", "json", "--log-format", given]).arg(&log).assert().code(0);
        let report: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
        assert_eq!(report["impact"]["failed"], 3, "{report}");
        // The second and the third ran at the same time: request_time was read, not the shorter time beside it.
        assert_eq!(report["ledger"]["lb"]["peak_open"], 2, "{report}");
    }
    let empty = file(&dir, "empty.conf", b"events {}\n");
    backtrail().args(["detect", "--log-format"]).arg(&empty).arg(&log).assert().code(2);
    backtrail().args(["detect", "--log-format", "$nothing $known"]).arg(&log).assert().code(2);
}

#[test]
fn a_last_line_without_an_end_is_part_of_the_sample() {
    let dir = tempfile::tempdir().unwrap();
    let text = "2020-04-16T05:13:40.861934Z 344 [Note] Access denied for user 'root'@'10.0.0.54' (using password: YES)\n\
                2020-04-16T05:13:41.144260Z 345 [Note] Access denied for user 'root'@'10.0.0.54' (using password: NO)\n\
                2020-07-31T08:34:16.116872Z        14 Connect   Access denied for user 'user'@'10.0.0.1' (using password: YES)";
    let log = file(&dir, "mysql.log", text.as_bytes());
    let done = backtrail().args(["detect", "--format", "json"]).arg(&log).assert().code(0);
    let files: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    assert_eq!((files[0]["records"].as_u64(), files[0]["rejected"].as_u64()), (Some(3), Some(0)), "{files}");
}
