//! Input that is broken, strange or hostile: a clear line that names the file, the rest reported, never a panic.

use super::tools::{backtrail, file};
use std::io::Write;

const LINE: &str = "2024-03-01 00:00:00.002 UTC [1247] app@shop LOG:  connection authorized: user=app database=shop\n";

#[test]
fn an_empty_folder_is_said_to_be_empty() {
    let dir = tempfile::tempdir().unwrap();
    let done = backtrail().arg("report").arg(dir.path()).assert().code(1);
    assert!(String::from_utf8_lossy(&done.get_output().stderr).contains("no log in it"));
}

#[test]
fn a_missing_file_is_named() {
    let done = backtrail().args(["report", "nowhere.log"]).assert().code(1);
    assert!(String::from_utf8_lossy(&done.get_output().stderr).contains("nowhere.log"));
}

#[test]
fn the_rest_is_reported_when_one_file_is_broken() {
    let dir = tempfile::tempdir().unwrap();
    file(&dir, "good.log", LINE.repeat(3).as_bytes());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for n in 0..5000 {
        writeln!(gzip, "2024-03-01 00:00:{:02}.{:03} UTC [{n}] app@shop LOG:  statement: select {n}", n / 1000, n % 1000)
            .unwrap();
    }
    let whole = gzip.finish().unwrap();
    file(&dir, "cut.log.gz", &whole[..whole.len() / 2]);
    file(&dir, "picture.log", &[0x89, b'P', b'N', b'G', 0, 1, 2, 3, 0, 0, 0, 7, 0, 0, 0, 0, 1, 2, 3]);
    let done = backtrail().args(["detect", "--format", "json"]).arg(dir.path()).assert().code(1);
    let errors = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    assert!(errors.contains("cut.log.gz") && errors.contains("breaks off"), "{errors}");
    assert!(errors.contains("picture.log") && errors.contains("not text"), "{errors}");
    let found: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let records = |name: &str| {
        found.as_array().unwrap().iter().find(|f| f["path"].as_str().unwrap().ends_with(name)).map(|f| f["records"].clone())
    };
    assert_eq!(records("good.log"), Some(3.into()));
    assert!(records("cut.log.gz").unwrap().as_u64().unwrap() > 100, "what came before the cut was read");
}

#[test]
fn one_endless_line_does_not_take_the_memory() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = LINE.as_bytes().to_vec();
    bytes.resize(bytes.len() + (70 << 20), b'x');
    bytes.push(b'\n');
    bytes.extend_from_slice(LINE.as_bytes());
    let path = file(&dir, "long.log", &bytes);
    let done = backtrail().args(["report", "--format", "json"]).arg(&path).assert().code(0);
    let report: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    let source = &report["sources"][0];
    let sum = ["bytes_events", "bytes_rejected", "bytes_separators"].iter().map(|f| source[f].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum, bytes.len() as u64);
    assert!(source["bytes_rejected"].as_u64().unwrap() >= 70 << 20);
}

#[test]
fn utf16_crlf_and_invalid_utf8_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut wide = vec![0xff, 0xfe];
    wide.extend(LINE.repeat(2).encode_utf16().flat_map(u16::to_le_bytes));
    file(&dir, "wide.log", &wide);
    file(&dir, "dos.log", LINE.replace('\n', "\r\n").repeat(2).as_bytes());
    let mut odd = LINE.replace("app@shop", "\u{1}@shop").into_bytes();
    odd.extend_from_slice(b"2024-03-01 00:00:00.003 UTC [1247] a\xff\xfe@shop LOG:  statement: select '\xc3\x28'\n");
    file(&dir, "odd.log", &odd);
    let done = backtrail().args(["detect", "--format", "json"]).arg(dir.path()).assert().code(0);
    let found: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
    for one in found.as_array().unwrap() {
        assert_eq!((one["records"].as_u64(), one["rejected"].as_u64()), (Some(2), Some(0)), "{one}");
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_holds_itself_is_said_to() {
    let dir = tempfile::tempdir().unwrap();
    file(&dir, "a.log", LINE.as_bytes());
    std::os::unix::fs::symlink(dir.path(), dir.path().join("again")).unwrap();
    let done = backtrail().arg("report").arg(dir.path()).assert().code(1);
    let errors = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    assert!(errors.contains("loops back"), "{errors}");
    assert!(String::from_utf8_lossy(&done.get_output().stdout).contains("a.log"));
}

#[test]
fn control_characters_of_a_log_never_reach_the_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let hostile = "2024-03-01T00:00:00Z deployed \x1b[2J\x1b]0;owned\x07shop version 1\u{202e}2 (commit abcdef1) by ci\n";
    file(&dir, "deploys.log", hostile.as_bytes());
    file(&dir, "bell.log", b"2024-03-01 00:00:00 INFO [main] x.Y - \x07\x1b[31mred\n");
    for verb in [&["report"][..], &["report", "--format", "markdown"], &["sessions"], &["detect"]] {
        let done = backtrail().args(verb).arg(dir.path()).assert().code(0);
        let text = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{verb:?}: {text:?}");
    }
}

#[test]
fn times_far_away_and_out_of_order_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let text = "9999-12-31 23:59:59.999 UTC [1] LOG:  statement: select 1\n2024-03-01 00:00:01 UTC [1] LOG:  statement: select 2\n2024-03-01 00:00:00 UTC [1] LOG:  statement: select 3\n";
    let path = file(&dir, "t.log", text.as_bytes());
    backtrail().args(["report", "--format", "json"]).arg(&path).assert().code(0);
}

#[test]
fn noise_is_no_log() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let noise: Vec<u8> = (0..50_000)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect();
    let path = file(&dir, "core.dump.log", &noise);
    let done = backtrail().arg("report").arg(&path).assert().code(1);
    let said = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    assert!(said.contains("core.dump.log") && said.contains("not text"), "{said}");
    // An old encoding is text.
    let latin: Vec<u8> = "2024-03-01 00:00:00 ERROR Gr\u{f6}\u{df}e \u{e4}\u{f6}\u{fc}\n"
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    backtrail().arg("report").arg(file(&dir, "latin.log", &latin)).assert().code(0);
}
