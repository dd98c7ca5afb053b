//! Statistics on logs of real servers: messages read again, what leaking requests have in common, sessions judged.

use super::tools::{file, root, run};
use backtrail::correlate::distributions::Control;
use backtrail::correlate::ledger::{Folded, Ledger};
use backtrail::correlate::spectrum::features::leads;
use backtrail::correlate::spectrum::{FeatureKind, Tier};
use backtrail::correlate::survival::Decision;
use backtrail::correlate::survival::decide::decide;
use backtrail::correlate::survival::places::leak_rates;
use backtrail::correlate::templates::messages;
use backtrail::correlate::{classify, gaps, link};
use backtrail::ingest::Options;
use backtrail::table::{EventTable, RowId};
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
    let folded = folded(&table);
    let (features, leads, problems) = leads(&table, &folded, true);
    assert!(problems.is_empty(), "{problems:?}");
    let said: Vec<String> = leads.iter().map(|l| format!("{}: {}", l.tier.name(), l.sentence(&features))).collect();
    let voucher = leads.iter().find(|lead| {
        let names = lead.features.iter().chain(&lead.same).filter_map(|at| features.get(*at));
        names.into_iter().any(|f| f.kind == FeatureKind::Template && f.text.contains("voucher") && f.text.contains("refused"))
    });
    assert!(voucher.is_some_and(|lead| lead.tier == Tier::Strong), "{said:#?}");
    let rates = leak_rates(&table.rows(), &folded);
    assert!(rates.iter().any(|r| r.name.contains("voucher") && r.rate.low > 0.0), "{rates:#?}");
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
