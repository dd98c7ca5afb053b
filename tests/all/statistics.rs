//! Statistics on logs of real servers: messages read again, what leaking requests have in common, sessions judged.

use super::tools::{file, root, run};
use backtrail::correlate::distributions::Control;
use backtrail::correlate::ledger::{Folded, Ledger};
use backtrail::correlate::spectrum::{FeatureKind, Tier};
use backtrail::correlate::survival::Decision;
use backtrail::correlate::survival::decide::decide;
use backtrail::correlate::templates::{Miner, TemplateId, messages};
use backtrail::correlate::{classify, correlate, gaps, link};
use backtrail::ingest::Options;
use backtrail::table::{EventTable, RowId};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

/// The ledger with its classes, as the report has it.
fn folded(table: &EventTable) -> Folded {
    let rows = table.rows();
    let gaps = gaps::find(table, &rows);
    let mut ledger = Ledger::new(&rows);
    for row in rows.by_time() {
        ledger.push(&row);
    }
    let mut folded = ledger.finish();
    link::link(&rows, &mut folded);
    classify::classify(&rows, &mut folded, &gaps);
    folded
}

#[test]
fn messages_come_back_from_plain_and_compressed_files() {
    let dir = tempfile::tempdir().unwrap();
    let log = (0..9000)
        .map(|i| {
            format!(
                "2023-08-10 12:{:02}:{:02}.000 UTC [{}] LOG:  message number {i}\n\tand its second line\n",
                i / 60 % 60,
                i % 60,
                100 + i % 7
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let plain = file(&dir, "postgresql.log", log.as_bytes());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(log.as_bytes()).unwrap();
    let packed = file(&dir, "again.log.gz", &gzip.finish().unwrap());
    for path in [plain, packed] {
        let (table, _) = run(&[&path], &Options::default());
        let rows = table.rows();
        let mut wanted: Vec<RowId> = rows.iter().map(|r| r.id).collect();
        wanted.reverse();
        let mut said = vec![String::new(); wanted.len()];
        let problems = messages::read(&table, &wanted, &mut |at, m| said[at] = String::from_utf8_lossy(m).into_owned());
        assert!(problems.is_empty() && wanted.len() == 9000, "{problems:?} {}", wanted.len());
        for (number, text) in (0..9000).rev().zip(&said) {
            assert!(text.starts_with(&format!("message number {number}")), "{number}: {text}");
        }
    }
}

/// In the shop's logs no stack names the place: what the lost borrows' requests have in common does.
#[test]
fn the_refused_voucher_is_found() {
    let (table, _) = run(&[&root().join("sample-logs/outages/2023-05-10-shop-leak/logs")], &Options::default());
    let case = correlate(&table);
    let leak = case.leaks.first().unwrap();
    let said: Vec<&str> = leak.discriminators.iter().map(|d| d.sentence.as_str()).collect();
    let voucher = leak.discriminators.iter().find(|d| {
        let mut all = d.features.iter().chain(&d.same);
        all.any(|(kind, text)| *kind == FeatureKind::Template && text.contains("voucher") && text.contains("refused"))
    });
    let voucher = voucher.unwrap_or_else(|| panic!("{said:#?}"));
    assert_eq!((voucher.lead.tier, voucher.lead.purity.hits, voucher.lead.others.hits), (Tier::Strong, 106, 0), "{said:#?}");
    assert!(!voucher.evidence.is_empty() && voucher.lead.coverage.low > 0.9);
    let rate = leak.rate.as_ref().unwrap();
    assert!(rate.name.contains("voucher") && rate.rate.low > 0.3 && rate.rate.high < 0.7, "{rate:?}");
}

/// Sessions that the logs leave open are judged, and none that is healthy is called a leak.
#[test]
fn nothing_healthy_is_called_a_leak() {
    for story in ["healthy-day", "2023-05-10-pool-exhaustion"] {
        let (table, _) = run(&[&root().join("sample-logs/outages").join(story).join("logs")], &Options::default());
        let mut folded = folded(&table);
        let judged = decide(&table.rows(), &mut folded, Control::default());
        for finding in &judged.findings {
            assert_ne!(finding.decision, Decision::Leaked, "{story} {}: {}", finding.layer.name(), finding.sentence());
        }
    }
}

/// Grouping accuracy on the 2k sets of Loghub, where a folder `LOGHUB` holds their `*_structured*.csv`: a figure to compare
/// with those that are published, printed with `--ignored --nocapture`.
#[test]
#[ignore = "needs the data sets"]
#[expect(clippy::print_stdout, reason = "that is its purpose")]
fn loghub() {
    let Ok(folder) = std::env::var("LOGHUB") else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "csv"));
    files.sort();
    let (mut grouping, mut f1) = (0.0, 0.0);
    for file in &files {
        let mut reader = csv::Reader::from_path(file).unwrap();
        let header = reader.byte_headers().unwrap().clone();
        let column = |name: &[u8]| header.iter().position(|h| h == name).unwrap();
        let (content, event) = (column(b"Content"), column(b"EventId"));
        let mut statements: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        let (mut miner, mut trained) = (Miner::new(), Vec::new());
        for record in reader.byte_records().map(Result::unwrap) {
            let next = statements.len();
            let statement = *statements.entry(record[event].to_vec()).or_insert(next);
            trained.push((statement, miner.train(&record[content])));
        }
        let templates = miner.finish();
        let (mut truth, mut found) =
            (BTreeMap::<usize, BTreeSet<usize>>::new(), BTreeMap::<TemplateId, BTreeSet<usize>>::new());
        for (at, (statement, one)) in trained.iter().enumerate() {
            truth.entry(*statement).or_default().insert(at);
            found.entry(templates.of_trained(*one).unwrap()).or_default().insert(at);
        }
        let sets: BTreeSet<&BTreeSet<usize>> = truth.values().collect();
        let right: Vec<&BTreeSet<usize>> = found.values().filter(|f| sets.contains(f)).collect();
        let ga = right.iter().map(|r| r.len()).sum::<usize>() as f64 / trained.len() as f64;
        let (precision, recall) = (right.len() as f64 / found.len() as f64, right.len() as f64 / truth.len() as f64);
        let f = if right.is_empty() { 0.0 } else { 2.0 * precision * recall / (precision + recall) };
        println!("{}: grouping accuracy {ga:.3}, F1 {f:.3}", file.display());
        (grouping, f1) = (grouping + ga, f1 + f);
    }
    let sets = files.len() as f64;
    println!("{} sets: grouping accuracy {:.3}, F1 {:.3}", files.len(), grouping / sets, f1 / sets);
}
