//! The simulator: outages whose cause is known, in the words of real programs, and what the diagnosis makes of them.
//!
//! `cargo test --release --test all calibrate -- --ignored` runs many of each and writes `tests/sim/CALIBRATION.md`.

mod app;
mod damage;
mod db;
mod edge;
mod judge;
mod plan;
mod rng;
mod world;

use super::tools::root;
use judge::{Judged, Tally, judge};
use plan::{Damage, Plan, Scenario};

/// Runs plans on all cores, in their order.
fn all(plans: &[Plan]) -> Vec<Judged> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut out: Vec<(usize, Judged)> = std::thread::scope(|scope| {
        let work = || {
            let mut mine = Vec::new();
            loop {
                let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(plan) = plans.get(index) else { return mine };
                mine.push((index, judge(plan)));
            }
        };
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        handles.into_iter().flat_map(|h| h.join().unwrap()).collect()
    });
    out.sort_by_key(|(index, _)| *index);
    out.into_iter().map(|(_, judged)| judged).collect()
}

/// What may be changed from outside: how many runs of each, and which.
fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(usual)
}

#[test]
#[ignore = "takes minutes; writes tests/sim/CALIBRATION.md"]
fn calibrate() {
    let each = number("RUNS", 20);
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut page = String::from("# Calibration\n\n");
    for (title, first, damaged) in [
        ("Training seeds, whole logs", 1_000, false),
        ("Held-out seeds, whole logs", 900_000, false),
        ("Training seeds, damaged logs", 2_000, true),
        ("Held-out seeds, damaged logs", 950_000, true),
    ] {
        if std::env::var("SPLIT").is_ok_and(|s| !title.starts_with(&s)) {
            continue;
        }
        let mut plans = Vec::new();
        for scenario in Scenario::ALL.iter().filter(|s| s.word().contains(&only) || s.cause() == only) {
            if damaged {
                let many = Damage::ALL.len().max(each);
                for n in 0..many {
                    let damage = Damage::ALL[n % Damage::ALL.len()];
                    plans.push(Plan::new(*scenario, damage, (first + n) as u64, 1.0));
                }
            } else {
                plans.extend((0..each).map(|n| Plan::new(*scenario, Damage::Whole, (first + n) as u64, 1.0)));
            }
        }
        let runs = all(&plans);
        let (mut whole, mut provable) = (Tally::default(), Tally::default());
        for run in &runs {
            whole.add(run);
            if run.plan.provable() {
                provable.add(run);
            }
            if !run.right() && (run.plan.provable() || !run.abstained()) || run.ruled_out {
                eprintln!("{}", run.line());
            }
        }
        page += &whole.show(title);
        page += &format!(
            "\nWhere the logs hold what the answer needs: {} of {} right ({:.1} %).\n\n",
            provable.right,
            provable.runs,
            provable.share() * 100.0
        );
    }
    eprintln!("{page}");
    if only.is_empty() && std::env::var("SPLIT").is_err() {
        std::fs::create_dir_all(root().join("tests/sim")).unwrap();
        std::fs::write(root().join("tests/sim/CALIBRATION.md"), page).unwrap();
    }
}

/// Writes the logs of one run into a folder, to look at: `PLAN=scenario DAMAGE=none SEED=1 INTO=/tmp/x`.
#[test]
#[ignore = "a tool, not a test"]
fn emit() {
    let word = |name: &str| std::env::var(name).unwrap_or_default();
    let scenario = Scenario::ALL.iter().find(|s| format!("{s:?}") == word("PLAN")).copied().unwrap_or(Scenario::Healthy);
    let damage = Damage::ALL.iter().find(|s| format!("{s:?}") == word("DAMAGE")).copied().unwrap_or(Damage::Whole);
    let plan = Plan::new(scenario, damage, number("SEED", 1) as u64, 1.0);
    let into = std::path::PathBuf::from(word("INTO"));
    std::fs::create_dir_all(&into).unwrap();
    let truth = judge::write(&plan, &into);
    eprintln!("{plan:#?}\n{truth:?}");
}

/// A run of each of these is told right: small ones, so that they fit into the ordinary tests.
#[test]
fn simulated_outages_are_told_right() {
    let sure = [
        Scenario::Healthy,
        Scenario::HealthyBusy,
        Scenario::LeakUnbounded,
        Scenario::LeakAlways,
        Scenario::LeakBranch,
        Scenario::LeakLate,
        Scenario::SlowCall,
        Scenario::LbNoServer,
        Scenario::LbWrongServer,
        Scenario::NetSlow,
        Scenario::DbRestart,
        Scenario::DbUnreachable,
        Scenario::AppMemory,
        Scenario::DbDisk,
        Scenario::AppFiles,
    ];
    let plans: Vec<Plan> = sure.iter().map(|s| Plan::new(*s, Damage::Whole, 77, 0.5)).filter(Plan::provable).collect();
    let wrong: Vec<String> = all(&plans).iter().filter(|j| !j.right() || j.ruled_out).map(Judged::line).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
