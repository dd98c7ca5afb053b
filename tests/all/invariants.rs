//! What must hold for any input: every byte is accounted for, the ledger balances, the result does not depend on threads
//! or on the order of paths, nothing panics.

use super::tools::{file, report, root, run};
use backtrail::ingest::Options;
use backtrail::report::Report;
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn threads(threads: usize) -> Options {
    Options { threads, ..Options::default() }
}

fn check(report: &Report) {
    for source in &report.sources {
        let sum = source.bytes_events + source.bytes_rejected + source.bytes_separators;
        assert_eq!(sum, source.bytes, "{}: every byte is an event's, a reject's or a separator's", source.path);
    }
    for (layer, ledger) in &report.ledger {
        let classes: u64 = ledger.classes.iter().filter(|(class, _)| **class != "orphan_close").map(|(_, n)| n).sum();
        assert_eq!(ledger.opens + ledger.inferred_opens, classes, "{layer}: every session has one class");
        assert_eq!(ledger.closes, ledger.ended_by_close + ledger.orphan_closes, "{layer}: every close is accounted for");
        assert!(ledger.balanced);
    }
    for leak in &report.leaks {
        assert!(!leak.evidence.is_empty(), "a leak without evidence: {leak:?}");
    }
    for moment in &report.timeline {
        assert!(!moment.evidence.is_empty(), "a moment without evidence: {moment:?}");
    }
}

fn all_samples() -> Vec<PathBuf> {
    let list = |dir: &Path| {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
        paths.sort();
        paths
    };
    list(&root().join("sample-logs/formats")).iter().flat_map(|d| list(d)).collect()
}

#[test]
fn every_sample_is_conserved_and_balances() {
    for path in all_samples() {
        check(&report(&[&path], &threads(1)));
    }
}

#[test]
fn threads_and_the_order_of_paths_change_nothing() {
    let folder = root().join("sample-logs/formats");
    let one = serde_json::to_string(&report(&[&folder], &threads(1))).unwrap();
    let many = serde_json::to_string(&report(&[&folder], &threads(3))).unwrap();
    assert_eq!(one, many, "threads");
    let mut paths = all_samples();
    let forward = serde_json::to_string(&report(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &threads(2))).unwrap();
    paths.reverse();
    let backward =
        serde_json::to_string(&report(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>(), &threads(2))).unwrap();
    assert_eq!(forward, backward, "order");
    check(&report(&[&folder], &threads(2)));
}

#[test]
fn blocks_are_cut_without_a_trace() {
    // Larger than a block: a record must come out the same wherever the cut falls.
    let dir = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for n in 0..60_000 {
        let minute = n / 1000 % 60;
        text.push_str(&format!(
            "2024-03-01 00:{minute:02}:{:02}.{:03} UTC [{}] app@shop LOG:  duration: 1.5 ms  statement: select 1,\n\t{n}\n",
            n / 17 % 60,
            n % 1000,
            100 + n % 50
        ));
    }
    let path = file(&dir, "pg.log", text.as_bytes());
    let (table, _) = run(&[&path], &threads(2));
    assert_eq!(table.sources[0].records, 60_000);
    assert_eq!(table.sources[0].rejects, []);
    check(&report(&[&path], &threads(2)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_conserved(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir, "x.log", &bytes);
        check(&report(&[&path], &threads(1)));
    }

    #[test]
    fn any_mixture_of_real_lines_is_conserved(picks in proptest::collection::vec((any::<u16>(), any::<u16>(), 0u8..8), 1..60)) {
        let samples = all_samples();
        let mut bytes = Vec::new();
        for (which, line, cut) in picks {
            let text = std::fs::read(&samples[usize::from(which) % samples.len()]).unwrap();
            let lines: Vec<&[u8]> = text.split(|b| *b == b'\n').collect();
            let line = lines[usize::from(line) % lines.len()];
            let keep = if cut == 0 { line.len() / 2 } else { line.len() };
            bytes.extend_from_slice(&line[..keep]);
            bytes.push(b'\n');
        }
        let dir = tempfile::tempdir().unwrap();
        let path = file(&dir, "mixed.log", &bytes);
        check(&report(&[&path], &threads(1)));
    }
}
