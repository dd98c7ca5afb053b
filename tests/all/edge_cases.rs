//! The edge cases of pairing opens with closes: each folder of `sample-logs/edge-cases` holds logs and, in `expect.toml`,
//! what becomes of their sessions.
//!
//! Below them, what must hold for any interleaving of opens, closes, restarts and losses.

use super::tools::{backtrail, file, report, root};
use backtrail::ingest::Options;
use backtrail::report::Report;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Value as Want;

const LAYERS: [&str; 5] = ["lb", "request", "pool", "proxy", "db"];

fn cases() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> =
        std::fs::read_dir(root().join("sample-logs/edge-cases")).unwrap().map(|e| e.unwrap().path()).collect();
    dirs.sort();
    dirs
}

fn run(verb: &[&str], case: &Path, expect: &toml::Table) -> Value {
    let flags: Vec<&str> =
        expect.get("flags").and_then(Want::as_array).into_iter().flatten().filter_map(Want::as_str).collect();
    let done = backtrail().args(verb).args(["--format", "json"]).args(flags).arg(case.join("logs")).assert();
    serde_json::from_slice(&done.get_output().stdout).unwrap()
}

/// What the report says otherwise than the case expects.
fn disagreements(case: &Path, expect: &toml::Table) -> Vec<String> {
    let report = run(&["report"], case, expect);
    let mut wrong = Vec::new();
    let mut differs = |what: String, got: String, want: String| {
        if got != want {
            wrong.push(format!("{what} is {got}, not {want}"));
        }
    };
    for layer in LAYERS {
        let got = &report["ledger"][layer];
        let Some(want) = expect.get(layer).and_then(Want::as_table) else {
            differs(format!("{layer}.opens"), got["opens"].to_string(), "0".into());
            continue;
        };
        differs(format!("{layer}.balanced"), got["balanced"].to_string(), "true".into());
        for field in ["opens", "closes", "inferred_opens", "orphan_closes", "carried_in"] {
            let want = want.get(field).and_then(Want::as_integer).unwrap_or(0);
            differs(format!("{layer}.{field}"), got[field].to_string(), want.to_string());
        }
        let classes: BTreeMap<String, i64> = want["classes"].clone().try_into().unwrap();
        differs(format!("{layer}.classes"), got["classes"].to_string(), serde_json::to_string(&classes).unwrap());
        if let Some(reason) = want.get("undecided").and_then(Want::as_str) {
            let said = report["undecided"].to_string();
            differs(format!("{layer}.undecided ({said})"), said.contains(reason).to_string(), "true".into());
        }
    }
    let leaks = report["leaks"].as_array().cloned().unwrap_or_default();
    let leaked: i64 = leaks.iter().filter_map(|l| l["sessions"].as_i64()).sum();
    differs("leaked".into(), leaked.to_string(), expect.get("leaked").map_or("0".into(), Want::to_string));
    if let Some(site) = expect.get("site").and_then(Want::as_str) {
        let got = leaks[0]["call_site"]["function"].as_str().unwrap_or_default().to_owned();
        differs(format!("the site ({got})"), got.ends_with(site).to_string(), "true".into());
    }
    for (field, key) in [("endpoint", "endpoint"), ("confidence", "confidence"), ("attribution", "attribution")] {
        if let Some(want) = expect.get(key).and_then(Want::as_str) {
            differs(field.into(), leaks[0][field].as_str().unwrap_or_default().into(), want.into());
        }
    }
    if let Some(want) = expect.get("verdict").and_then(Want::as_str) {
        differs("the verdict".into(), report["verdict"]["status"].as_str().unwrap_or_default().into(), want.into());
    }
    if let Some(want) = expect.get("common").and_then(Want::as_str) {
        let got = leaks[0]["discriminators"][0]["text"].as_str().unwrap_or_default().to_owned();
        differs(format!("what its requests have in common ({got})"), got.contains(want).to_string(), "true".into());
    }
    if let Some(want) = expect.get("by_age").and_then(Want::as_str) {
        let got = leaks[0]["by_age"]["text"].as_str().unwrap_or_default().to_owned();
        differs(format!("the first leak's age ({got})"), got.contains(want).to_string(), "true".into());
    }
    for text in expect.get("judged").and_then(Want::as_array).into_iter().flatten().filter_map(Want::as_str) {
        let said = report["judged"].to_string();
        differs(format!("the finding {text:?} in {said}"), said.contains(text).to_string(), "true".into());
    }
    let rejected: i64 = report["sources"].as_array().unwrap().iter().filter_map(|s| s["rejected"].as_i64()).sum();
    let at_least = expect.get("rejected_at_least").and_then(Want::as_integer).unwrap_or(0);
    differs(format!("{at_least} or more rejected ({rejected})"), (rejected >= at_least).to_string(), "true".into());
    for note in expect.get("notes").and_then(Want::as_array).into_iter().flatten().filter_map(Want::as_str) {
        let said = report["notes"].to_string();
        differs(format!("the note {note:?} in {said}"), said.contains(note).to_string(), "true".into());
    }
    wrong.extend(missing_sessions(case, expect));
    wrong
}

/// Sessions that the case describes and that the ledger does not have.
fn missing_sessions(case: &Path, expect: &toml::Table) -> Vec<String> {
    let wanted = expect.get("session").and_then(Want::as_array).cloned().unwrap_or_default();
    if wanted.is_empty() {
        return Vec::new();
    }
    let ledger = run(&["sessions"], case, expect);
    let agrees = |got: &Value, want: &Want| match want {
        Want::Float(want) => (got.as_f64().unwrap_or(-1.0) - want).abs() < 0.011,
        Want::Integer(want) => got.as_i64() == Some(*want),
        want => got.as_str() == want.as_str(),
    };
    let fits = |got: &Value, want: &Want| want.as_table().unwrap().iter().all(|(key, value)| agrees(&got[key], value));
    let has = |want: &Want| ledger.as_array().unwrap().iter().any(|got| fits(got, want));
    wanted.iter().filter(|want| !has(want)).map(|want| format!("no session like {want} in {ledger}")).collect()
}

#[test]
fn edge_cases_come_out_right() {
    let mut wrong = Vec::new();
    let mut rows = Vec::new();
    for case in cases() {
        let expect: toml::Table = std::fs::read_to_string(case.join("expect.toml")).unwrap().parse().unwrap();
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let row = expect["row"].as_integer().unwrap();
        assert!(name.starts_with(&format!("{row:02}-")), "{name} says that it is row {row}");
        rows.push(row);
        wrong.extend(disagreements(&case, &expect).into_iter().map(|text| format!("{name}: {text}")));
    }
    assert_eq!(rows, (1..=29).collect::<Vec<_>>(), "every row of the table has its case");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A step of a random log: when it happens after the step before, to which of a few keys, and what.
type Step = (u16, u8, u8);

const KEYS: u8 = 5;

fn clock(ms: u64) -> String {
    format!("2026-03-04 {:02}:{:02}:{:02}.{:03}", ms / 3_600_000 % 24, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

/// A PostgreSQL server's log of random steps. Lines are left out at random: that is what logs do.
fn server_log(steps: &[Step]) -> String {
    let mut out = String::new();
    let mut opened = [0u64; KEYS as usize];
    let mut now = 1_000u64;
    for (wait, key, what) in steps {
        now += u64::from(*wait);
        let slot = usize::from(key % KEYS);
        let (pid, port) = (800 + slot, 40_000 + slot + usize::from(what % 3));
        let line = |text: String| format!("{} UTC [{pid}] {text}\n", clock(now));
        match what % 12 {
            0..=2 => {
                opened[slot] = now;
                out.push_str(&line(format!("LOG:  connection received: host=10.0.0.5 port={port}")));
                out.push_str(&line("LOG:  connection authorized: user=app database=shop".into()));
            }
            3 => {
                opened[slot] = now;
                out.push_str(&line("LOG:  connection authorized: user=app database=shop".into()));
            }
            4..=6 => {
                let ms = now - opened[slot];
                let time = format!("{}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
                out.push_str(&line(format!(
                    "LOG:  disconnection: session time: {time} user=app database=shop host=10.0.0.5 port={port}"
                )));
            }
            7 => out.push_str(&line("LOG:  duration: 1.500 ms  statement: select 1".into())),
            8 => out.push_str(&line("FATAL:  terminating connection due to idle-session timeout".into())),
            9 => out.push_str(&line("FATAL:  sorry, too many clients already".into())),
            10 => out.push_str(&format!("{} UTC [700] LOG:  all server processes terminated; reinitializing\n", clock(now))),
            _ => out.push_str(&format!("{} UTC [700] LOG:  received fast shutdown request\n", clock(now))),
        }
    }
    out
}

/// A program's log of random borrows, returns, reports and restarts, with and without process ids.
fn program_log(steps: &[Step], pids: bool) -> String {
    let mut out = String::new();
    let mut now = 1_000u64;
    for (wait, key, what) in steps {
        now += u64::from(*wait);
        let (conn, thread) = (key % KEYS, what % 4);
        let pid = if pids { format!("{} ", 60 + what % 2) } else { String::new() };
        let time = clock(now).replace('.', ",");
        let line = |text: String| format!("{time} DEBUG {pid}[Thread-{thread}] sqlalchemy.pool.impl.QueuePool: {text}\n");
        let name = format!("<connection object at 0x7f00000000{conn:02}; dsn: 'user=app host=10.0.0.9 port=5432', closed: 0>");
        let rid = format!("{:016x}", u64::from(*key) * 7919 + u64::from(what % 5));
        match what % 11 {
            0..=2 => out.push_str(&line(format!("Connection {name} checked out from pool"))),
            3..=5 => out.push_str(&line(format!("Connection {name} being returned to pool"))),
            6 => out.push_str(&line(format!("Invalidate connection {name}"))),
            7 => out.push_str(&line(format!("Created new connection {name}"))),
            8 => out.push_str(&format!(
                "{time} INFO {pid}[Thread-{thread}] shop.request: --> GET /a/{key} rid={rid} client=192.0.2.7\n"
            )),
            9 => {
                out.push_str(&format!("{time} INFO {pid}[Thread-{thread}] shop.request: <-- 200 GET /a/{key} 3ms rid={rid}\n"));
            }
            _ => out.push_str(&format!(
                "[{}] [60] [INFO] Booting worker with pid: {}\n",
                clock(now).replace('.', " +0000 ").split(" +0000 ").next().unwrap().to_owned() + " +0000",
                60 + what % 2
            )),
        }
    }
    out
}

fn counts(report: &Report) -> Vec<(String, u64, u64, u64, u64, BTreeMap<&'static str, u64>)> {
    let of = |(layer, l): (&&str, &backtrail::report::Ledger)| {
        ((*layer).to_owned(), l.opens, l.closes, l.inferred_opens, l.orphan_closes, l.classes.clone())
    };
    report.ledger.iter().map(of).collect()
}

fn balances(report: &Report) {
    for (layer, ledger) in &report.ledger {
        let classes: u64 = ledger.classes.iter().filter(|(class, _)| **class != "orphan_close").map(|(_, n)| n).sum();
        assert_eq!(ledger.opens + ledger.inferred_opens, classes, "{layer}: every session has one class");
        assert_eq!(ledger.closes, ledger.ended_by_close + ledger.orphan_closes, "{layer}: every close is accounted for");
        assert!(ledger.balanced, "{layer}");
    }
}

fn one() -> Options {
    Options { threads: 1, ..Options::default() }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Steps of no time at all make lines of equal time.
    proptest::collection::vec((prop_oneof![Just(0u16), 0..20u16, 0..60_000u16], any::<u8>(), any::<u8>()), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_balances(server in steps(), program in steps(), pids in any::<bool>()) {
        let dir = tempfile::tempdir().unwrap();
        let a = file(&dir, "postgresql.log", server_log(&server).as_bytes());
        let b = file(&dir, "app.log", program_log(&program, pids).as_bytes());
        balances(&report(&[&a, &b], &one()));
        balances(&report(&[&a], &one()));
        balances(&report(&[&b], &one()));
    }

    #[test]
    fn the_order_of_sources_counts_nothing(server in steps(), program in steps(), pids in any::<bool>()) {
        // Equal times of different sources come in the order of the sources' names: other names, another order.
        let named = |server_name: &str, program_name: &str| {
            let dir = tempfile::tempdir().unwrap();
            let a = file(&dir, server_name, server_log(&server).as_bytes());
            let b = file(&dir, program_name, program_log(&program, pids).as_bytes());
            counts(&report(&[&a, &b], &one()))
        };
        prop_assert_eq!(named("a.log", "b.log"), named("b.log", "a.log"));
    }
}

/// Random session lengths and random losses of whole lines: what is left never leaks, for nothing proves that.
#[test]
fn lost_lines_make_no_leaks() {
    let mut seed = 0x2545_f491_4f6c_dd1du64;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let mut text: Vec<(u64, String)> = Vec::new();
    for n in 0..400u64 {
        let (open, pid, ms) = (1_000 + n * 2_000 + random(900), 1_000 + n, 50 + random(4_000));
        let port = 20_000 + n;
        let close = open + ms;
        let mut line = |time: u64, body: String| {
            if random(20) != 0 {
                text.push((time, format!("{} UTC [{pid}] {body}", clock(time))));
            }
        };
        line(open, format!("LOG:  connection received: host=10.0.0.5 port={port}"));
        line(open, "LOG:  connection authorized: user=app database=shop".into());
        let length = format!("0:00:{:02}.{:03}", ms / 1000, ms % 1000);
        line(close, format!("LOG:  disconnection: session time: {length} user=app database=shop host=10.0.0.5 port={port}"));
    }
    text.sort();
    let text: String = text.into_iter().map(|(_, line)| line + "\n").collect();
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "postgresql.log", text.as_bytes());
    let report = report(&[&path], &one());
    balances(&report);
    assert!(report.leaks.is_empty(), "{:?}", report.leaks);
    let db = &report.ledger["db"];
    assert!(db.classes["matched"] >= 370, "a lost open is repaired by the length that the close states: {:?}", db.classes);
}
