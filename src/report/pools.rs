//! Pools in the report: size, demand, what other sizes would have changed, in numbers and in sentences.

use super::build::{reference, rfc3339};
use super::markdown::escape;
use super::text::{line, place, wrapped};
use super::{Ref, Report};
use crate::correlate::pools::{Basis, Proxied, Size};
use crate::diagnose::Diagnosis;
use crate::diagnose::pool::{Judged, MAY_WAIT, Measured, Played, Through};
use crate::table::{RowId, Rows};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// Pools shown as text; JSON has all.
const SHOWN: usize = 3;
/// Share of held time in statements from which on it is shown: below, most statements are not logged.
const LOGGED: f64 = 0.01;

/// One process's pool, or a server's limit on sessions.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Pool {
    /// Its name in words: pool, process, source.
    pub name: String,
    /// Index of the source.
    pub source: u32,
    /// Process id, where known.
    pub pid: Option<u32>,
    /// `pool`, `server`, or `proxy`: a proxy's pool of one database and user.
    pub kind: &'static str,
    /// Connections.
    pub size: Option<u32>,
    /// Where the size is known from.
    pub size_basis: Option<&'static str>,
    /// True where the size may be larger.
    pub size_at_least: bool,
    /// Borrows a second, those in vain included; requests a second where counters were measured.
    pub borrows_per_second: Option<f64>,
    /// Mean hold, s; a request's share where counters were measured.
    pub mean_hold_seconds: Option<f64>,
    /// Squared coefficient of variation of holds.
    pub hold_variation: Option<f64>,
    /// Mean number of connections asked for: the product of the two (Little's law).
    pub demand: Option<f64>,
    /// `borrows` or `counters`.
    pub demand_basis: Option<&'static str>,
    /// Holds, or counters, that the mean rests on.
    pub demand_of: Option<usize>,
    /// Demand over size.
    pub utilisation: Option<f64>,
    /// Chance that a borrower waits at the mean demand (Erlang's C).
    pub wait_probability: Option<f64>,
    /// Mean wait at the mean demand, s; `null` where the queue grows without end.
    pub mean_wait_seconds: Option<f64>,
    /// Demand while the pool was empty.
    pub demand_while_empty: Option<f64>,
    /// Seconds in which it was.
    pub empty_seconds: Option<f64>,
    /// Processes behind it that the log does not tell apart.
    pub processes: u32,
    /// Length of a stretch in which demand is counted, s.
    pub stretch_seconds: f64,
    /// Demand of busy stretches, and the size that would have served them.
    pub needed: Vec<Needed>,
    /// The longest mean wait for a connection that a proxy stated, s.
    pub longest_mean_wait_seconds: Option<f64>,
    /// Borrowers that waited in vain.
    pub in_vain: u64,
    /// The first of them.
    pub exhausted: Option<String>,
    /// Borrows never given back.
    pub leaked: u64,
    /// Leaks an hour while the pool was not empty.
    pub leaks_per_hour: Option<f64>,
    /// By how many seconds one more connection would have delayed the end.
    pub seconds_per_connection: Option<f64>,
    /// Other sizes.
    pub what_if: Vec<WhatIf>,
    /// The same in sentences.
    pub text: Vec<String>,
    /// Proof.
    pub evidence: Vec<Ref>,
}

/// The demand of a busy stretch.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Needed {
    /// Share of stretches with a smaller demand.
    pub share: f64,
    /// Demand.
    pub demand: f64,
    /// The smallest size with which at most one borrower in twenty waits.
    pub size: Option<u32>,
}

/// Another size.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct WhatIf {
    /// Connections.
    pub size: u32,
    /// What was played again: the observed `borrows`, or the `requests` with the holds of calm times; or the `rate` of the
    /// leak extended.
    pub basis: &'static str,
    /// When a borrower would have waited in vain for the first time; `null`: never in these logs.
    pub exhausted: Option<String>,
    /// How many would have waited in vain.
    pub in_vain: Option<u64>,
}

/// The numbers that separate the causes of an empty pool; `null` where the logs do not tell.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Separating {
    /// Requests a second during over before.
    pub arrivals_ratio: Option<f64>,
    /// Statements a request during over before.
    pub calls_ratio: Option<f64>,
    /// Time in statements over time held, before.
    pub busy_before: Option<f64>,
    /// The same while a pool was empty.
    pub busy_empty: Option<f64>,
    /// Throughput in the second halves of the times of an empty pool over the first halves.
    pub throughput_ratio: Option<f64>,
    /// `returns` or `requests`.
    pub throughput_basis: Option<&'static str>,
    /// Seconds in which a pool was empty.
    pub empty_seconds: f64,
    /// The same in a sentence.
    pub text: String,
    /// Proof.
    pub evidence: Vec<Ref>,
}

/// Three significant decimals.
fn three(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// A number as people read it: small ones with more places.
fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.1 || v == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// Seconds as people say them.
fn span(seconds: f64) -> String {
    match seconds {
        s if s < 0.1 => format!("{:.1} ms", s * 1000.0),
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// A moment to the second.
fn moment(nanos: i64) -> String {
    rfc3339(nanos).get(..19).map(|t| format!("{t}Z")).unwrap_or_default()
}

/// The pools of a diagnosis.
pub(super) fn pools(rows: &Rows<'_>, diagnosis: &Diagnosis) -> Vec<Pool> {
    diagnosis.pools.pools.iter().map(|judged| pool(rows, judged)).collect()
}

fn name(rows: &Rows<'_>, judged: &Judged) -> String {
    let pool = &judged.pool;
    let text = |code: u32| String::from_utf8_lossy(rows.text(code)).into_owned();
    let path = rows.table().sources.get(pool.source as usize).map_or("?", |s| s.path.as_str());
    let file = path.rsplit('/').next().unwrap_or(path);
    if let Some(proxy) = pool.proxy {
        let names: Vec<String> = [proxy.database, proxy.user].map(text).into_iter().filter(|n| !n.is_empty()).collect();
        return format!("{} at the proxy ({file})", names.join("/"));
    }
    let what = match (pool.server, text(pool.name)) {
        (true, _) => "server's sessions".to_owned(),
        (false, name) if name.is_empty() => "pool".to_owned(),
        (false, name) => name,
    };
    let process = if pool.pid == 0 { String::new() } else { format!(" of process {}", pool.pid) };
    let unit = if pool.unit == 0 { String::new() } else { format!(" on {}", text(pool.unit)) };
    format!("{what}{process}{unit} ({file})")
}

fn pool(rows: &Rows<'_>, judged: &Judged) -> Pool {
    let pool = &judged.pool;
    let demand = judged.demand;
    let leaking = judged.leaking;
    let size_row = pool.size.and_then(|s| s.row);
    let proof: Vec<RowId> = size_row
        .into_iter()
        .chain(demand.map(|d| d.row))
        .chain(pool.proxy.and_then(|p| p.wait).map(|(_, row)| row))
        .chain(pool.vain.iter().take(2).map(|v| v.row))
        .chain(pool.borrows.iter().filter(|b| b.leaked).chain(&pool.leaks).take(2).map(|b| b.row))
        .collect();
    Pool {
        name: name(rows, judged),
        source: pool.source,
        pid: (pool.pid != 0).then_some(pool.pid),
        kind: match (pool.proxy, pool.server) {
            (Some(_), _) => "proxy",
            (None, true) => "server",
            (None, false) => "pool",
        },
        size: pool.size.map(|s| s.connections),
        size_basis: pool.size.map(|s| s.basis.words()),
        size_at_least: pool.size.is_some_and(|s| s.basis == Basis::Lent),
        borrows_per_second: demand.map(|d| three(d.rate)),
        mean_hold_seconds: demand.map(|d| (d.hold * 1e6).round() / 1e6),
        hold_variation: demand.filter(|d| d.measured == Measured::Borrows).map(|d| three(d.variation)),
        demand: demand.map(|d| three(d.load())),
        demand_basis: demand.map(|d| if d.measured == Measured::Borrows { "borrows" } else { "counters" }),
        demand_of: demand.map(|d| d.of),
        utilisation: judged.utilisation().map(three),
        wait_probability: judged.wait_chance.map(three),
        mean_wait_seconds: judged.mean_wait.map(|s| (s * 1e6).round() / 1e6),
        demand_while_empty: judged.while_empty.map(|(load, _)| three(load)),
        empty_seconds: judged.while_empty.map(|(_, seconds)| three(seconds)),
        processes: pool.processes,
        stretch_seconds: three(judged.stretch),
        needed: judged.needed.iter().map(|n| Needed { share: n.share, demand: three(n.load), size: n.size }).collect(),
        longest_mean_wait_seconds: pool.proxy.and_then(|p| p.wait).map(|(wait, _)| three(wait as f64 / 1e9)),
        in_vain: pool.vain.len() as u64,
        exhausted: pool.vain.first().map(|v| rfc3339(v.at)),
        leaked: leaking.map_or(0, |l| l.leaked as u64),
        leaks_per_hour: leaking.and_then(|l| l.rate).map(|r| three(r * 3600.0)),
        seconds_per_connection: leaking.and_then(|l| l.seconds_per_connection()).map(three),
        what_if: judged.what_if.iter().map(what_if).collect(),
        text: sentences(judged),
        evidence: proof.into_iter().map(|row| reference(rows, row)).collect(),
    }
}

fn what_if(other: &crate::diagnose::pool::WhatIf) -> WhatIf {
    WhatIf {
        size: other.size,
        basis: match other.played {
            Played::Borrows => "borrows",
            Played::Requests => "requests",
            Played::Rate => "rate",
        },
        exhausted: other.exhausted.map(rfc3339),
        in_vain: other.in_vain,
    }
}

/// The arithmetic of one pool in sentences.
fn sentences(judged: &Judged) -> Vec<String> {
    let mut out = Vec::new();
    let pool = &judged.pool;
    if let Some(proxy) = pool.proxy {
        return proxied(judged, &proxy);
    }
    let size = pool.size.map_or("size not in the logs".to_owned(), |Size { connections, basis, .. }| {
        let least = if basis == Basis::Lent { "at least " } else { "" };
        format!("{least}{connections} connections ({})", basis.words())
    });
    match judged.demand {
        Some(demand) => {
            let of = match demand.measured {
                Measured::Borrows => format!("{} borrows a second x {} held", short(demand.rate), span(demand.hold)),
                Measured::Counters => format!(
                    "{} requests a second x {} of a connection each, by its counters",
                    short(demand.rate),
                    span(demand.hold)
                ),
            };
            let chance = judged.wait_chance.map(|c| format!("; {:.1} % of the borrowers wait by Erlang's C", c * 100.0));
            out.push(format!("{size}; demand {} = {of}{}", short(demand.load()), chance.unwrap_or_default()));
        }
        None => out.push(size),
    }
    if let (Some((load, seconds)), None) = (judged.while_empty, judged.leaking) {
        out.push(format!("while it was empty, {} in all, the load asked for {} connections", span(seconds), short(load)));
    }
    match (judged.leaking, judged.needed.iter().find(|n| n.share >= 0.99)) {
        (Some(leak), _) => {
            let each = leak.seconds_per_connection().map(|s| format!(", and each further one delays the end by {}", span(s)));
            let large = judged.utilisation().filter(|u| *u < 0.5).map(|_| "; the load alone does not empty it");
            let text = format!("{} borrows were never given back{}", leak.leaked, each.clone().unwrap_or_default());
            out.push(format!("{text}{}: do not enlarge it", large.unwrap_or_default()));
        }
        (None, Some(busy)) => {
            let share = (1.0 - MAY_WAIT) * 100.0;
            let enough = match busy.size {
                Some(1) => "1 connection would serve".to_owned(),
                Some(n) => format!("{n} connections would serve"),
                None => "no sensible size would serve".to_owned(),
            };
            let stretch = span(judged.stretch);
            let load = short(busy.load);
            out.push(format!(
                "{enough} {share:.0} % without a wait in all but the busiest 1 % of stretches of {stretch} (demand {load})"
            ));
        }
        (None, None) => {}
    }
    out.extend(replayed(judged));
    out
}

/// What a proxy tells of its pool.
fn proxied(judged: &Judged, proxy: &Proxied) -> Vec<String> {
    let pool = &judged.pool;
    let size = match pool.size {
        Some(Size { connections, basis: Basis::Full, .. }) => {
            format!("{connections} server connections ({}), {} at most at other times", Basis::Full.words(), proxy.most)
        }
        _ => format!("{} server connections at most", proxy.most),
    };
    let mut out = vec![size];
    if let Some(first) = pool.vain.first() {
        out.push(format!("{} clients waited in vain, the first at {}", pool.vain.len(), moment(first.at)));
    }
    out.extend(proxy.wait.map(|(wait, _)| format!("its clients waited {} on average at worst", span(wait as f64 / 1e9))));
    out
}

/// What other sizes would have changed.
fn replayed(judged: &Judged) -> Vec<String> {
    let Some((own, others)) = judged.what_if.split_first() else { return Vec::new() };
    let mut out = Vec::new();
    let leak = judged.leaking.is_some();
    let from = judged.pool.vain.first().map(|v| v.at).or(own.exhausted);
    let seen = judged.pool.vain.len();
    let what = if own.played == Played::Requests { "requests played again" } else { "borrows played again" };
    if let Some(model) = own.in_vain {
        out.push(format!("{what} with its own {} connections: {model} waits in vain, {seen} in the logs", own.size));
    }
    for other in others {
        let verdict = match (from, other.exhausted) {
            (Some(from), Some(to)) => {
                let only = if leak && other.played == Played::Rate {
                    " at the leak's rate: it only delays"
                } else if leak {
                    ", had nobody restarted it: it only delays"
                } else {
                    ""
                };
                let many = other.in_vain.map(|n| format!(", {n} wait in vain")).unwrap_or_default();
                let moved = if to > from {
                    format!("moves from {} to {}", moment(from), moment(to))
                } else {
                    format!("is at {}", moment(to))
                };
                format!("exhaustion {moved}{many}{only}")
            }
            (None, Some(to)) => format!("exhaustion at {}", moment(to)),
            (_, None) => "nobody waits in vain in the time of these logs".to_owned(),
        };
        out.push(format!("with {} connections {verdict}", other.size));
    }
    out
}

/// The separating numbers, where there are pools.
pub(super) fn separating(rows: &Rows<'_>, diagnosis: &Diagnosis) -> Option<Separating> {
    if diagnosis.pools.pools.is_empty() {
        return None;
    }
    let four = &diagnosis.pools.four;
    let mut parts = Vec::new();
    let mut part = |value: Option<f64>, words: &str| parts.extend(value.map(|v| format!("{words} {}", short(v))));
    part(four.arrivals, "requests a second, during over before:");
    part(four.calls, "statements a request, during over before:");
    // Where few statements are logged the share says nothing by itself.
    if four.busy_before.is_some_and(|share| share >= LOGGED) {
        part(four.busy_before, "share of held time in logged statements before:");
        part(four.busy_empty, "the same while a pool was empty:");
    }
    part(four.decay, "throughput in the second half of that time over the first:");
    let basis = four.through.map(|(through, _)| if through == Through::Returns { "returns" } else { "requests" });
    Some(Separating {
        arrivals_ratio: four.arrivals.map(three),
        calls_ratio: four.calls.map(three),
        busy_before: four.busy_before.map(three),
        busy_empty: four.busy_empty.map(three),
        throughput_ratio: four.decay.map(three),
        throughput_basis: basis,
        empty_seconds: three(four.empty),
        text: parts.join("; "),
        evidence: four.rows.iter().map(|row| reference(rows, *row)).collect(),
    })
}

/// The pools worth showing: those in trouble, or the busiest one.
fn shown(report: &Report) -> Vec<&Pool> {
    let trouble: Vec<&Pool> = report.pools.iter().filter(|p| p.in_vain > 0 || p.leaked > 0).take(SHOWN).collect();
    if trouble.is_empty() {
        report.pools.iter().take(1).filter(|p| p.size.is_some() || p.demand.is_some()).collect()
    } else {
        trouble
    }
}

/// Writes the section of the text report.
pub(super) fn text(report: &Report, out: &mut String, bold: &dyn Fn(&str) -> String) {
    let shown = shown(report);
    if shown.is_empty() {
        return;
    }
    out.push('\n');
    line(out, &bold("POOLS"));
    for pool in &shown {
        let seen: Vec<String> = pool.evidence.iter().take(2).map(|at| place(report, at)).collect();
        wrapped(out, "  ", "    ", &format!("{} · {}", pool.name, seen.join(", ")));
        for sentence in &pool.text {
            wrapped(out, "    ", "      ", sentence);
        }
    }
    if report.pools.len() > shown.len() {
        line(out, &format!("  and {} more: --format json lists all", report.pools.len() - shown.len()));
    }
    if let Some(four) = report.separating.as_ref().filter(|four| four.empty_seconds > 0.0 && !four.text.is_empty()) {
        wrapped(out, "  ", "    ", &four.text);
    }
}

/// Writes the section of the Markdown report.
pub(super) fn markdown(report: &Report, out: &mut String) {
    let shown = shown(report);
    if shown.is_empty() {
        return;
    }
    let _ = writeln!(out, "## Pools\n");
    for pool in shown {
        let seen: Vec<String> = pool.evidence.iter().take(2).map(|at| escape(&place(report, at))).collect();
        let _ = writeln!(out, "- **{}** ({})", escape(&pool.name), seen.join(", "));
        for sentence in &pool.text {
            let _ = writeln!(out, "  - {}", escape(sentence));
        }
    }
    if let Some(four) = report.separating.as_ref().filter(|four| four.empty_seconds > 0.0 && !four.text.is_empty()) {
        let _ = writeln!(out, "- {}", escape(&four.text));
    }
    out.push('\n');
}
