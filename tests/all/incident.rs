//! When it was and whom it hurt, on logs made up for one question each: spells, ramps, quiet nights, days without an
//! outage, logs that begin too late. The noise is seeded.

use super::tools::{backtrail, file, report, root};
use backtrail::ingest::Options;
use backtrail::report::{Incident, Report};
use chrono::{DateTime, Duration, Utc};
use std::fmt::Write as _;
use std::path::Path;

/// The begin of every log.
fn midnight() -> DateTime<Utc> {
    "2026-03-02T00:00:00Z".parse().unwrap()
}

/// SplitMix64: the same on every machine.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// An access log from `from` to `to`, seconds of the day: `pace` requests a second, of which a share `failing` ends in 503
/// after `patience` seconds; the others take some tenths of a second.
fn access(seed: u64, (from, to): (f64, f64), pace: impl Fn(f64) -> f64, failing: impl Fn(f64) -> f64, patience: f64) -> String {
    let mut noise = Noise(seed);
    let mut lines: Vec<(DateTime<Utc>, String)> = Vec::new();
    let mut now = from;
    loop {
        now -= (1.0 - noise.uniform()).ln() / pace(now);
        if now >= to {
            break;
        }
        let failed = noise.uniform() < failing(now);
        let took = if failed { patience } else { 0.05 + 0.2 * noise.uniform() };
        let end = midnight() + std::time::Duration::from_secs_f64(now + took);
        let client = 1 + noise.next() % 60;
        let path = if noise.uniform() < 0.3 { "/orders" } else { "/products" };
        let status = if failed { 503 } else { 200 };
        let line = format!(
            "198.51.100.{client} - - [{}] \"GET {path} HTTP/1.1\" {status} 512 \"-\" \"Mozilla/5.0\" rt={took:.3} urt=\"{took:.3}\"\n",
            end.format("%d/%b/%Y:%H:%M:%S +0000")
        );
        lines.push((end, line));
    }
    lines.sort_by_key(|(end, _)| *end);
    lines.into_iter().map(|(_, line)| line).collect()
}

fn run(log: &str) -> Report {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "access.log", log.as_bytes());
    report(&[&path], &Options { threads: 1, ..Options::default() })
}

/// Seconds of the day.
fn second(time: &str) -> f64 {
    let time: DateTime<Utc> = time.parse().unwrap();
    (time - midnight()).num_milliseconds() as f64 / 1000.0
}

/// How far a moment is from where it should be, seconds.
fn off(time: Option<&String>, want: f64) -> f64 {
    (second(time.expect("a moment")) - want).abs()
}

/// One request in 20 seconds at night, one a second at noon.
fn daily(now: f64) -> f64 {
    0.05 + 0.95 * (std::f64::consts::PI * (now / 3600.0 - 6.0) / 12.0).sin().max(0.0)
}

const HOUR: f64 = 3600.0;

#[test]
fn a_day_of_ordinary_traffic_has_no_incident() {
    for seed in 1..=3 {
        let told = run(&access(seed, (0.0, 24.0 * HOUR), daily, |_| 0.004, 0.1));
        assert_eq!(told.verdict.status, "nothing_abnormal");
        assert_eq!(told.incident, Incident::default(), "seed {seed}");
        assert!(told.impact.failed.unwrap() > 50, "there were failures: {:?}", told.impact);
        assert!(told.timeline.iter().all(|m| m.phase.is_none()));
    }
}

#[test]
fn an_outage_at_night_is_seen_though_hardly_anybody_asks() {
    let outage = 2.0 * HOUR..2.5 * HOUR;
    let told = run(&access(7, (0.0, 24.0 * HOUR), daily, |t| if outage.contains(&t) { 0.9 } else { 0.002 }, 1.0));
    let incident = &told.incident;
    assert_eq!(incident.spells.len(), 1, "{incident:?}");
    // With a request in twenty seconds nobody can know it better.
    assert!(off(incident.onset.as_ref(), outage.start) < 60.0, "{incident:?}");
    assert!(off(incident.recovered.as_ref(), outage.end) < 60.0, "{incident:?}");
}

#[test]
fn an_intermittent_outage_is_told_spell_by_spell() {
    let spells = [(1.0, 1.2), (2.0, 2.5), (4.0, 4.2)].map(|(from, to)| (from * HOUR, to * HOUR));
    let failing = |t: f64| if spells.iter().any(|(from, to)| (*from..*to).contains(&t)) { 0.4 } else { 0.003 };
    let told = run(&access(11, (0.0, 6.0 * HOUR), |_| 1.0, failing, 5.0));
    let incident = &told.incident;
    assert_eq!(incident.spells.len(), 3, "{incident:?}");
    for (spell, (from, to)) in incident.spells.iter().zip(spells) {
        // A request is felt when it begins; it ends five seconds later.
        assert!((second(&spell.from) - from).abs() < 30.0 && (second(&spell.to) - to).abs() < 30.0, "{spell:?}");
        assert_eq!(spell.evidence.len(), 2);
    }
    assert_eq!(incident.onset, Some(incident.spells[0].from.clone()));
    assert_eq!(incident.mitigated, Some(incident.spells[0].to.clone()));
    assert_eq!(incident.recovered, Some(incident.spells[2].to.clone()));
    let degraded = incident.degraded_seconds.unwrap();
    assert!((degraded / (0.9 * HOUR) - 1.0).abs() < 0.03, "degraded for {degraded} s");
    // Nobody was told, as far as these logs go.
    assert_eq!(incident.detected, None);
}

#[test]
fn a_slow_rise_is_dated_to_its_foot() {
    // From nothing at 2:00 to half of all requests at 3:00.
    let failing = |t: f64| ((t - 2.0 * HOUR) / HOUR).clamp(0.0, 1.0) * 0.5;
    let told = run(&access(13, (0.0, 4.0 * HOUR), |_| 2.0, failing, 0.5));
    let onset = second(told.incident.onset.as_ref().unwrap()) - 2.0 * HOUR;
    assert!((0.0..480.0).contains(&onset), "{onset} s after the foot");
    assert_eq!(told.incident.recovered, None, "the log ends inside it");
}

#[test]
fn what_the_log_begins_or_ends_inside_of_is_unknown() {
    let told = run(&access(17, (0.0, 3.0 * HOUR), |_| 1.0, |t| if t < HOUR { 0.5 } else { 0.002 }, 1.0));
    assert_eq!(told.incident.onset, None);
    assert!(off(told.incident.recovered.as_ref(), HOUR) < 60.0);
    assert_ne!(told.verdict.status, "nothing_abnormal");
}

#[test]
fn slow_requests_count_though_nothing_fails() {
    let slow = 2.0 * HOUR..2.4 * HOUR;
    let mut log = access(19, (0.0, 4.0 * HOUR), |_| 1.0, |t| if slow.contains(&t) { 0.6 } else { 0.0 }, 6.0);
    log = log.replace("\" 503 ", "\" 200 ");
    let told = run(&log);
    assert_eq!(told.impact.failed, Some(0));
    assert_eq!(told.impact.clients_affected, Some(0));
    assert!(off(told.incident.onset.as_ref(), slow.start) < 30.0, "{:?}", told.incident);
    let [all, bad] = told.impact.degraded.unwrap();
    assert!(bad * 10 > all * 5, "{bad} of {all} are slow");
    assert!(told.impact.degraded_share.unwrap() > 0.5);
}

#[test]
fn health_checks_are_lines_but_no_users() {
    let mut log = access(23, (0.0, 2.0 * HOUR), |_| 1.0, |_| 0.0, 0.1);
    // A probe of a dead instance, every five seconds for half an hour.
    for tick in 0..360 {
        let time = (midnight() + Duration::seconds(3600 + tick * 5)).format("%d/%b/%Y:%H:%M:%S +0000");
        let _ = writeln!(
            log,
            "10.0.0.9 - - [{time}] \"GET /healthz HTTP/1.1\" 503 2 \"-\" \"kube-probe/1.31\" rt=0.001 urt=\"0.001\""
        );
    }
    let told = run(&log);
    assert_eq!(told.impact.failed, Some(360));
    assert_eq!(told.incident.onset, None, "{:?}", told.incident);
}

#[test]
fn an_objective_shows_what_was_spent() {
    let dir = tempfile::tempdir().unwrap();
    let log = access(29, (0.0, 4.0 * HOUR), |_| 1.0, |t| if (HOUR..2.0 * HOUR).contains(&t) { 1.0 } else { 0.0 }, 0.1);
    let path = file(&dir, "access.log", log.as_bytes());
    let slo = |percent: &str| {
        let done = backtrail().args(["report", "--format", "json", "--slo", percent]).arg(&path).assert().code(0);
        let told: serde_json::Value = serde_json::from_slice(&done.get_output().stdout).unwrap();
        told["impact"]["slo"].clone()
    };
    // An hour of total failure is 1/720 of thirty days.
    let used = slo("99")["budget_used"].as_f64().unwrap();
    assert!((used / (1.0 / 720.0 / 0.01) - 1.0).abs() < 0.1, "{used}");
    assert!((slo("99.9")["budget_used"].as_f64().unwrap() / used - 10.0).abs() < 0.2);
    let urgent = slo("99.9")["bands"][0].clone();
    assert_eq!((urgent["burn_rate"].as_f64(), urgent["long_s"].as_f64()), (Some(14.4), Some(3600.0)));
    assert!((second(urgent["fired"].as_str().unwrap()) - HOUR).abs() < 180.0, "{urgent}");
    backtrail().args(["report", "--slo", "101"]).arg(&path).assert().code(2);
    let plain = backtrail().args(["report", "--slo", "99.9"]).arg(&path).assert().code(0);
    assert!(String::from_utf8_lossy(&plain.get_output().stdout).contains("objective 99.9 %"));
}

#[test]
fn a_stray_line_does_not_blur_the_rest() {
    let outage = HOUR..1.3 * HOUR;
    let mut log = access(37, (0.0, 3.0 * HOUR), |_| 1.0, |t| if outage.contains(&t) { 0.5 } else { 0.002 }, 1.0);
    log.push_str(
        "198.51.100.3 - - [02/Mar/1999:00:00:01 +0000] \"GET /products HTTP/1.1\" 200 1 \"-\" \"x\" rt=0.1 urt=\"0.1\"\n",
    );
    log.push_str(
        "198.51.100.3 - - [02/Mar/2026:02:00:01 +0000] \"GET /products HTTP/1.1\" 200 1 \"-\" \"x\" rt=9000000000 urt=\"1\"\n",
    );
    let told = run(&log);
    assert!(off(told.incident.onset.as_ref(), outage.start) < 30.0, "{:?}", told.incident);
    assert!(off(told.incident.recovered.as_ref(), outage.end) < 30.0, "{:?}", told.incident);
}

#[test]
fn a_restart_that_drops_a_few_requests_is_no_incident() {
    let dir = tempfile::tempdir().unwrap();
    let blip = 6.0 * HOUR..6.0 * HOUR + 12.0;
    let log = access(41, (0.0, 12.0 * HOUR), |_| 3.0, |t| if blip.contains(&t) { 0.9 } else { 0.001 }, 0.1);
    let path = file(&dir, "access.log", log.as_bytes());
    let without = report(&[&path], &Options::default());
    assert_eq!(without.incident.spells.len(), 1, "without a word of a restart it is one: {:?}", without.incident);
    let deploys = file(&dir, "deploys.log", b"2026-03-02T05:59:50Z deployed shop-api version 2.4.1 (commit 681237b) by ci\n");
    let told = report(&[&path, &deploys], &Options::default());
    assert_eq!(told.deploys.len(), 1);
    assert_eq!(told.incident.spells.len(), 0, "{:?}", told.incident);
    assert_eq!(told.verdict.status, "nothing_abnormal");
}

#[test]
fn a_log_of_the_database_alone_has_moments_too() {
    let mut log = String::new();
    for second in 0..7200u32 {
        let time = (midnight() + Duration::seconds(second.into())).format("%Y-%m-%d %H:%M:%S.000 UTC");
        let pid = 1000 + second;
        if second % 3 == 0 {
            let _ = writeln!(log, "{time} [{pid}] LOG:  connection authorized: user=app database=shop");
            let _ = writeln!(
                log,
                "{time} [{pid}] LOG:  disconnection: session time: 0:00:00.400 user=app database=shop host=10.0.0.5 port=4711"
            );
        }
        if (3600..4200).contains(&second) {
            let _ = writeln!(log, "{time} [{pid}] FATAL:  sorry, too many clients already");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "postgresql.log", log.as_bytes());
    let told = report(&[&path], &Options::default());
    assert_eq!(told.incident.basis, Some("events"));
    assert!(off(told.incident.onset.as_ref(), HOUR) < 15.0, "{:?}", told.incident);
    assert!(off(told.incident.recovered.as_ref(), 4200.0) < 15.0, "{:?}", told.incident);
    assert_eq!(told.impact.requests, None);
    check_ladder(&told.incident);
}

/// What must hold of every ladder.
fn check_ladder(incident: &Incident) {
    for rung in &incident.ladder {
        assert!(!rung.evidence.is_empty() && !rung.text.is_empty(), "{rung:?}");
        assert!(rung.earliest <= rung.time && rung.time <= rung.latest, "{rung:?}");
    }
    for pair in incident.ladder.windows(2) {
        let [before, after] = pair else { continue };
        assert!(!after.ordered || before.latest < after.earliest, "{before:?}\n{after:?}");
    }
}

#[test]
fn the_stories_have_ladders_from_cause_to_effect() {
    let outages = root().join("sample-logs/outages");
    let ladder = |story: &str| {
        let path = outages.join(story).join("logs");
        let told = report(&[Path::new(&path)], &Options { threads: 2, ..Options::default() });
        check_ladder(&told.incident);
        // What stands on the ladder stands on the timeline, with its phase.
        let phases: Vec<&str> = told.timeline.iter().filter_map(|m| m.phase.as_deref()).collect();
        assert!(told.incident.ladder.is_empty() == phases.is_empty(), "{story}: {phases:?}");
        // The symptoms that were counted have a time.
        assert!(told.verdict.symptoms.iter().all(|s| s.time.is_some()), "{:?}", told.verdict.symptoms);
        told.incident.ladder.iter().map(|r| r.kind).collect::<Vec<_>>()
    };
    let steps = |want: &[&str], story: &str| {
        let found = ladder(story);
        let places: Vec<Option<usize>> = want.iter().map(|kind| found.iter().position(|f| f == kind)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{story}: {found:?}");
    };
    steps(&["trigger", "leak", "no_idle", "waiters", "onset", "timeouts"], "2023-08-10-slow-leak");
    steps(&["trigger", "leak", "in_use", "refused", "onset"], "2024-08-14-deploy-leak");
    steps(&["no_idle", "waiters", "onset", "timeouts"], "2023-05-10-pool-exhaustion");
    assert_eq!(ladder("healthy-day"), Vec::<&str>::new());
}
