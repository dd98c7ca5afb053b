//! The simulator: outages whose cause is known, in the words of real programs, and what the diagnosis makes of them.
//!
//! `cargo test --release --test all calibrate -- --ignored` runs many of each and writes `tests/sim/CALIBRATION.md`.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stderr,
    reason = "a model of a few minutes in small numbers, that tells on stderr what it found"
)]

mod app;
mod damage;
mod db;
mod edge;
mod happen;
mod judge;
mod people;
mod plan;
mod rng;
mod serve;
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

/// Length of a run: four to seven minutes of logs.
const LENGTH: f64 = 0.5;

/// The causes, each with the scenarios that have it.
fn causes() -> Vec<(&'static str, Vec<Scenario>)> {
    let mut out: Vec<(&'static str, Vec<Scenario>)> = Vec::new();
    for scenario in Scenario::ALL {
        match out.iter_mut().find(|(cause, _)| *cause == scenario.cause()) {
            Some((_, scenarios)) => scenarios.push(*scenario),
            None => out.push((scenario.cause(), vec![*scenario])),
        }
    }
    out
}

/// So many runs of each cause; damaged ones take the damages in turn.
fn plans(first: usize, each: usize, damaged: bool, only: &str) -> Vec<Plan> {
    let mut plans = Vec::new();
    for (index, (cause, scenarios)) in causes().iter().enumerate().filter(|(_, (cause, _))| cause.contains(only)) {
        assert!(each >= scenarios.len(), "{cause} has more scenarios than runs");
        plans.extend((0..each).map(|n| {
            let kinds = Damage::ALL.len() - 1;
            let damage = if damaged { Damage::ALL[1 + (n + index * each) % kinds] } else { Damage::Whole };
            Plan::new(scenarios[n % scenarios.len()], damage, (first + n) as u64, LENGTH)
        }));
    }
    plans
}

/// What stands above the tables.
fn introduction(each: usize) -> String {
    let list = |words: Vec<&str>| words.join("; ");
    format!(
        "# How often the diagnosis is right\n\n\
         Written by `cargo test --release --test all calibrate -- --ignored`: outages are simulated (`tests/all/sim`), their logs are \
         read as any other, and the verdict is held against the truth, which the simulator keeps aside. Of each cause {each} runs \
         with whole logs and {each} with damaged ones (`RUNS` sets how many, 20 by default); load, pool, time-outs, programs, what they log, deploys and \
         retries are drawn from the seed. Rules were written while looking at the training seeds; the held-out ones were run \
         afterwards and nothing was changed for them.\n\n\
         Balancers: {}. Applications: {}. Databases: {}.\n\n\
         *No answer* is `insufficient_evidence` (or `nothing_abnormal` where something was wrong): right where the log that would \
         tell is missing, and shown apart from wrong answers.\n\n",
        list(plan::Edge::ALL.iter().map(|e| e.word()).collect()),
        list(plan::App::ALL.iter().map(|a| a.word()).collect()),
        list(plan::Db::ALL.iter().map(|d| d.word()).collect()),
    )
}

#[test]
#[ignore = "takes minutes; writes tests/sim/CALIBRATION.md"]
fn calibrate() {
    let each = number("RUNS", 20);
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut page = introduction(each);
    for (title, first, damaged) in [
        ("Training seeds (from 1000), whole logs", 1_000, false),
        ("Held-out seeds (from 800000), whole logs", 800_000, false),
        ("Training seeds (from 2000), damaged logs", 2_000, true),
        ("Held-out seeds (from 850000), damaged logs", 850_000, true),
    ] {
        if std::env::var("SPLIT").is_ok_and(|s| !title.contains(&s)) {
            continue;
        }
        let runs = all(&plans(first, each, damaged, &only));
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
        std::fs::write(root().join("tests/sim/CALIBRATION.md"), page.trim_end().to_owned() + "\n").unwrap();
    }
}

/// Writes the logs of one run into a folder, to look at: `PLAN=scenario DAMAGE=none SEED=1 INTO=/tmp/x`.
#[test]
#[ignore = "a tool, not a test"]
fn emit() {
    let word = |name: &str| std::env::var(name).unwrap_or_default();
    let scenario = Scenario::ALL.iter().find(|s| format!("{s:?}") == word("PLAN")).copied().unwrap_or(Scenario::Healthy);
    let damage = Damage::ALL.iter().find(|s| format!("{s:?}") == word("DAMAGE")).copied().unwrap_or(Damage::Whole);
    let plan = Plan::new(scenario, damage, number("SEED", 1) as u64, number("LENGTH", 10) as f64 / 10.0);
    let into = std::path::PathBuf::from(word("INTO"));
    std::fs::create_dir_all(&into).unwrap();
    let truth = judge::write(&plan, &into);
    eprintln!("{plan:#?}\n{truth:?}");
}

/// Judges many runs of one scenario with one damage: `PLAN=LeakAlways DAMAGE=Lines SEED=3000 RUNS=40`; empty words mean all.
#[test]
#[ignore = "a tool, not a test"]
fn sweep() {
    let word = |name: &str| std::env::var(name).unwrap_or_default();
    let wanted = |debug: String, name: &str| word(name).is_empty() || debug == word(name);
    let scenarios = || Scenario::ALL.iter().filter(|s| wanted(format!("{s:?}"), "PLAN"));
    let damages = || Damage::ALL.iter().filter(|d| wanted(format!("{d:?}"), "DAMAGE"));
    let seeds = || (number("SEED", 3_000)..).take(number("RUNS", 10));
    let plans: Vec<Plan> = scenarios()
        .flat_map(|s| damages().flat_map(move |d| seeds().map(move |seed| Plan::new(*s, *d, seed as u64, LENGTH))))
        .collect();
    let mut tally = Tally::default();
    for run in all(&plans) {
        tally.add(&run);
        if !run.right() || run.ruled_out {
            eprintln!("{}", run.line());
        }
    }
    eprintln!("{}", tally.show("sweep"));
}

/// A short run of every scenario: named right, the truth not ruled out, and nothing said without its lines.
#[test]
fn simulated_outages_are_told_right() {
    let plans: Vec<Plan> = Scenario::ALL.iter().map(|s| Plan::new(*s, Damage::Whole, 77, 0.4)).filter(Plan::provable).collect();
    let runs = all(&plans);
    let wrong: Vec<String> = runs.iter().filter(|j| !j.right() || j.ruled_out).map(Judged::line).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    for run in &runs {
        let unproved = super::proof::unproved(&run.report);
        assert!(unproved.is_empty(), "{}\n{}", run.line(), unproved.join("\n"));
    }
}

/// Without the log that would tell, there is no answer, or the right one; a healthy run is never blamed on anything.
#[test]
fn damaged_logs_blame_nobody() {
    let damages = [Damage::Lines, Damage::Hole, Damage::NoApp, Damage::NoDb, Damage::Skew, Damage::Short];
    let mut plans: Vec<Plan> = damages.iter().map(|d| Plan::new(Scenario::Healthy, *d, 78, 0.4)).collect();
    plans.extend(damages.iter().map(|d| Plan::new(Scenario::LeakAlways, *d, 79, 0.4)));
    let runs = all(&plans);
    let wrong: Vec<String> = runs.iter().filter(|j| j.ruled_out || !j.right() && !j.abstained()).map(Judged::line).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Deploys of other things, shortly before and during the incident, are acquitted; the one that brought it is named.
#[test]
fn decoy_deploys_are_acquitted() {
    let scenarios = [Scenario::LeakUnbounded, Scenario::LeakAlways, Scenario::LeakBranch, Scenario::PoolShrunk];
    let plans: Vec<Plan> = (0..12)
        .map(|n| Plan { decoy: true, ..Plan::new(scenarios[n % scenarios.len()], Damage::Whole, 7_000 + n as u64, LENGTH) })
        .collect();
    let (mut early, mut late) = (0, 0);
    for run in all(&plans) {
        let culprit = if run.plan.scenario == Scenario::PoolShrunk { "shop-config 88" } else { "shop-api 2.4.1" };
        assert_eq!(run.report["verdict"]["trigger"]["title"], culprit, "{}", run.line());
        let change = |title: &str| {
            let all = run.report["changes"].as_array().unwrap().iter();
            all.clone().find(|c| c["title"] == title).unwrap_or_else(|| panic!("{title}: {}", run.line())).clone()
        };
        let (first, second) = (change("search-indexer 0.17.3"), change("mail-worker 1.22.0"));
        assert_eq!(change(culprit)["role"], "trigger", "{}", run.line());
        assert!(change(culprit)["after"]["hits"].as_u64() > Some(0), "{}", run.line());
        assert_ne!(first["role"], "trigger", "{}", run.line());
        assert!(first["text"].as_str().unwrap().contains("per 1,000"), "{first}");
        early += usize::from(first["role"] == "acquitted");
        late += usize::from(second["role"] == "acquitted");
    }
    // Forty seconds hold too few sessions to clear the first one every time; the logs say so then.
    assert!(early >= 4 && late >= 11, "{early} and {late} of 12 acquitted");
}
