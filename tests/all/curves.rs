//! The curves of charts against the rows that they are drawn from.

use super::stories::told;
use super::tools::{root, run};
use backtrail::correlate::series::BUCKETS;
use backtrail::diagnose;
use backtrail::diagnose::slo::is_failed;
use backtrail::ingest::{LongCol, Options};
use backtrail_parsers::Kind;

#[test]
fn latencies_are_those_of_the_requests() {
    let logs = root().join("sample-logs/outages/2024-03-10-cascade/logs");
    let (table, case) = run(&[&logs], &Options::default());
    let rows = table.rows();
    let found = diagnose::diagnose(&table, &case).curves;
    let series = &case.series;
    // The edge's records, by the bucket of their end; a balancer's line is stamped with the request's begin.
    let mut took: Vec<Vec<i64>> = vec![Vec::new(); BUCKETS];
    for row in rows.iter().filter(|r| r.kind() == Kind::LbRequest && r.has_time()) {
        let nanos = row.long(LongCol::Duration).unwrap();
        let end = if row.time_is_start() { row.time() + nanos } else { row.time() };
        took[series.bucket(end)].push(nanos);
    }
    let mut compared = 0;
    for (bucket, all) in took.iter_mut().enumerate().filter(|(_, all)| all.len() >= 20) {
        all.sort_unstable();
        // The signals' buckets are cut elsewhere: a bucket may hold a few requests of its neighbours.
        let at = |percent: usize| all[(all.len() - 1) * percent / 100] as f64;
        let median = found.median[bucket].unwrap() as f64;
        assert!((at(25) * 0.9..=at(75) * 1.1).contains(&median), "{bucket}: {median}");
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
    for peak in &found.peaks {
        let row = rows.get(peak.row);
        let fits = match peak.curve {
            "latency" => row.long(LongCol::Duration).is_some_and(|ns| (ns as f64 / 1e9 - peak.value).abs() < 1e-9),
            "errors" => is_failed(&row),
            "timeouts" => {
                matches!(row.kind(), Kind::AcquireTimeout | Kind::DbRefused | Kind::ProxyRefused | Kind::ProxyWaitTimeout)
            }
            "open.db" => row.kind().name().starts_with("db.connection"),
            other => panic!("{other} is not in this story"),
        };
        assert!(fits && peak.value > 0.0, "{peak:?} {:?}", row.kind());
    }
    let of = |curve: &str| found.peaks.iter().filter(|p| p.curve == curve).count();
    assert!(["latency", "errors", "timeouts", "open.db"].iter().all(|curve| (1..=12).contains(&of(curve))));
}

#[test]
fn every_story_has_its_latencies() {
    for story in told() {
        let series = &story.report["series"];
        let curve = |name: &str| -> Vec<Option<f64>> {
            series[name].as_array().unwrap().iter().map(serde_json::Value::as_f64).collect()
        };
        let (median, p95) = (curve("latency_p50"), curve("latency_p95"));
        if story.name == "healthy-day" {
            // Its web server writes the common format, which has no durations.
            assert!(median.is_empty() && p95.is_empty());
            continue;
        }
        assert_eq!((median.len(), p95.len()), (BUCKETS, BUCKETS), "{}", story.name);
        for (bucket, (median, p95)) in median.iter().zip(&p95).enumerate() {
            assert_eq!(median.is_some(), p95.is_some(), "{}: {bucket}", story.name);
            assert!(median <= p95, "{}: {bucket}", story.name);
        }
        // Users waited for connections: what was slow was slower by far than what is usual.
        let mut all: Vec<f64> = p95.iter().flatten().copied().collect();
        all.sort_by(f64::total_cmp);
        assert!(all[all.len() - 1] > 3.0 * all[all.len() / 10], "{}", story.name);
    }
}
