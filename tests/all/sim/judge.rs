//! Runs a plan, asks the library what it was, and counts how often that was right.

use super::damage::damage;
use super::plan::{Damage, Plan, Scenario};
use super::world::{Truth, World};
use crate::all::tools;
use backtrail::ingest::Options;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

/// One run, judged.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) plan: Plan,
    pub(crate) truth: Truth,
    /// The cause that the report names, or `insufficient_evidence`, or `none`.
    pub(crate) said: String,
    /// True where the true cause is among those ruled out.
    pub(crate) ruled_out: bool,
    /// Seconds by which the onset is off.
    pub(crate) onset: Option<f64>,
    /// Leaked connections found, of those reported, of those true.
    pub(crate) leaked: (usize, usize, usize),
    pub(crate) report: Value,
}

impl Judged {
    pub(crate) fn right(&self) -> bool {
        self.said == self.plan.scenario.cause()
    }

    pub(crate) fn abstained(&self) -> bool {
        self.said == "insufficient_evidence" || self.said == "none" && !self.plan.scenario.healthy()
    }

    pub(crate) fn line(&self) -> String {
        let p = &self.plan;
        format!(
            "{:?} seed {} {:?}: said {} (ruled out: {}) {:?}/{:?}/{:?} pool {} statements {} detection {} retries {} decoy {} failed {}/{} onset {:?}",
            p.scenario,
            p.seed,
            p.damage,
            self.said,
            self.ruled_out,
            p.edge,
            p.app,
            p.db,
            p.pool,
            p.every_statement,
            p.leak_detection,
            p.retries,
            p.decoy,
            self.truth.failed,
            self.truth.requests,
            self.onset,
        )
    }
}

/// Writes the logs of a plan into a folder.
pub(crate) fn write(plan: &Plan, dir: &Path) -> Truth {
    let world = World::run(plan.clone());
    for (name, text) in damage(plan, world.files) {
        std::fs::write(dir.join(name), text).unwrap();
    }
    world.truth
}

/// Runs and judges a plan.
pub(crate) fn judge(plan: &Plan) -> Judged {
    let dir = tempfile::tempdir().unwrap();
    let truth = write(plan, dir.path());
    let report = serde_json::to_value(tools::report(&[dir.path()], &Options::default())).unwrap();
    let status = report["verdict"]["status"].as_str().unwrap_or_default();
    let said = match status {
        "nothing_abnormal" => "none".to_owned(),
        "insufficient_evidence" => status.to_owned(),
        _ => report["verdict"]["cause"].as_str().unwrap_or("none").to_owned(),
    };
    let cause = plan.scenario.cause();
    let empty = Vec::new();
    let ruled_out = report["hypotheses"]
        .as_array()
        .unwrap_or(&empty)
        .iter()
        .any(|h| h["cause"].as_str() == Some(cause) && h["status"].as_str() == Some("ruled_out"));
    let onset = truth.seen.and_then(|seen| {
        let said = chrono::DateTime::parse_from_rfc3339(report["incident"]["onset"].as_str()?).ok()?;
        Some(said.timestamp_micros() as f64 / 1e6 - plan.epoch as f64 - seen)
    });
    let named: BTreeSet<String> = report["leaks"]
        .as_array()
        .unwrap_or(&empty)
        .iter()
        .flat_map(|l| l["connections"].as_array().unwrap_or(&empty))
        .filter_map(|c| c.as_str().map(|c| c.rsplit(':').next().unwrap_or(c).to_owned()))
        .collect();
    let known: BTreeSet<String> = truth.leaked.iter().cloned().collect();
    let leaked = (named.intersection(&known).count(), named.len(), known.len());
    Judged { plan: plan.clone(), truth, said, ruled_out, onset, leaked, report }
}

/// Counts of many runs.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// True cause, said cause, number.
    pub(crate) matrix: BTreeMap<(String, String), usize>,
    pub(crate) runs: usize,
    pub(crate) right: usize,
    pub(crate) abstained: usize,
    pub(crate) ruled_out: usize,
    pub(crate) blamed: usize,
    healthy: usize,
    onsets: [usize; 5],
    leaked: (usize, usize, usize),
    scenarios: BTreeMap<Scenario, (usize, usize, usize, usize)>,
    damages: BTreeMap<Damage, (usize, usize, usize, usize)>,
}

impl Tally {
    pub(crate) fn add(&mut self, run: &Judged) {
        let cause = run.plan.scenario.cause().to_owned();
        *self.matrix.entry((cause, run.said.clone())).or_default() += 1;
        self.runs += 1;
        let (right, abstained) = (usize::from(run.right()), usize::from(run.abstained()));
        self.right += right;
        self.abstained += abstained;
        self.ruled_out += usize::from(run.ruled_out);
        if run.plan.scenario.healthy() {
            self.healthy += 1;
            self.blamed += usize::from(!run.right());
        }
        if run.truth.seen.is_some() {
            let bucket = match run.onset.map(f64::abs) {
                Some(off) if off <= 10.0 => 0,
                Some(off) if off <= 30.0 => 1,
                Some(off) if off <= 120.0 => 2,
                Some(_) => 3,
                None => 4,
            };
            self.onsets[bucket] += 1;
        }
        if run.plan.scenario.leaks() {
            let (a, b, c) = run.leaked;
            self.leaked = (self.leaked.0 + a, self.leaked.1 + b, self.leaked.2 + c);
        }
        for counts in [self.scenarios.entry(run.plan.scenario).or_default(), self.damages.entry(run.plan.damage).or_default()] {
            counts.0 += 1;
            counts.1 += right;
            counts.2 += abstained;
            counts.3 += usize::from(run.ruled_out);
        }
    }

    /// The share of runs whose cause was named right.
    pub(crate) fn share(&self) -> f64 {
        self.right as f64 / self.runs.max(1) as f64
    }

    /// Markdown.
    pub(crate) fn show(&self, title: &str) -> String {
        let mut out = format!("## {title}\n\n");
        let _ = writeln!(
            out,
            "{} runs: right {} ({:.1} %), no answer {}, wrong {}. The true cause was ruled out {} times. Of {} healthy runs {} were blamed on something.\n",
            self.runs,
            self.right,
            self.share() * 100.0,
            self.abstained,
            self.runs - self.right - self.abstained,
            self.ruled_out,
            self.healthy,
            self.blamed
        );
        let o = self.onsets;
        let _ = writeln!(
            out,
            "Onset: within 10 s {}, within 30 s {}, within 2 min {}, further off {}, not found {}.\n",
            o[0], o[1], o[2], o[3], o[4]
        );
        let (hit, named, known) = self.leaked;
        let _ = writeln!(
            out,
            "Leaked connections: {hit} of {named} named are true ({:.3}), {hit} of {known} true are named ({:.3}).\n",
            hit as f64 / named.max(1) as f64,
            hit as f64 / known.max(1) as f64
        );
        let said: BTreeSet<&String> = self.matrix.keys().map(|(_, said)| said).collect();
        let _ = writeln!(out, "| true cause | {} |", said.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(" | "));
        let _ = writeln!(out, "| --- |{}", " ---: |".repeat(said.len()));
        let causes: BTreeSet<&String> = self.matrix.keys().map(|(cause, _)| cause).collect();
        for cause in causes {
            let cells: Vec<String> = said
                .iter()
                .map(|s| self.matrix.get(&(cause.clone(), (*s).clone())).map_or("·".into(), ToString::to_string))
                .collect();
            let _ = writeln!(out, "| {cause} | {} |", cells.join(" | "));
        }
        out += "\n| what happened | runs | right | no answer | ruled out |\n| --- | ---: | ---: | ---: | ---: |\n";
        for (scenario, (n, right, none, out_)) in &self.scenarios {
            let _ = writeln!(out, "| {} | {n} | {right} | {none} | {out_} |", scenario.word());
        }
        if self.damages.len() > 1 {
            out += "\n| what the logs lack | runs | right | no answer | ruled out |\n| --- | ---: | ---: | ---: | ---: |\n";
            for (damage, (n, right, none, out_)) in &self.damages {
                let _ = writeln!(out, "| {} | {n} | {right} | {none} | {out_} |", damage.word());
            }
        }
        out
    }
}
