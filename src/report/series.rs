//! Curves over the window, as the report holds them.

use super::Ref;
use super::build::{reference, rfc3339};
use super::diagnosed::three;
use crate::correlate::Case;
use crate::diagnose::Diagnosis;
use crate::table::Rows;
use backtrail_parsers::Kind;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Curves over the window, all of the same length, empty where nothing was seen.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Series {
    /// Start of the first bucket.
    pub from: Option<String>,
    /// Seconds a bucket.
    pub bucket_seconds: f64,
    /// Most sessions open, per layer.
    pub open: BTreeMap<&'static str, Vec<u32>>,
    /// Requests.
    pub requests: Vec<u32>,
    /// Requests that ended in a 5xx.
    pub errors: Vec<u32>,
    /// Leaked so far and not ended.
    pub leaked: Vec<u32>,
    /// Most waiting borrowers.
    pub waiting: Vec<u32>,
    /// Acquisitions that timed out, clients turned away.
    pub timeouts: Vec<u32>,
    /// Seconds that half of a bucket's requests did not exceed; `null` in a bucket without requests.
    pub latency_p50: Vec<Option<f64>>,
    /// Seconds that 95 % of a bucket's requests did not exceed.
    pub latency_p95: Vec<Option<f64>>,
    /// The lines behind the highest values of the curves.
    pub peaks: Vec<Peak>,
    /// Buckets with a deploy.
    pub deploys: Vec<usize>,
    /// Buckets with an alert.
    pub alerts: Vec<usize>,
    /// Buckets with a start, stop or crash of a server or process.
    pub restarts: Vec<usize>,
}

/// The highest value of a curve in a twelfth of the window, and the line that shows it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Peak {
    /// `open.pool open.proxy open.db waiting timeouts errors latency`.
    pub curve: &'static str,
    /// When.
    pub time: String,
    /// The value; seconds of `latency`, a number in a bucket of the diagnosis otherwise.
    pub value: f64,
    /// Proof.
    pub evidence: Vec<Ref>,
}

fn seconds(nanos: &[Option<i64>]) -> Vec<Option<f64>> {
    nanos.iter().map(|value| value.map(|ns| three(ns as f64 / 1e9))).collect()
}

/// The curves of a case.
pub(super) fn series(rows: &Rows<'_>, case: &Case, diagnosis: &Diagnosis) -> Series {
    let curves = &case.series;
    let marks = |of: fn(Kind) -> bool| {
        let mut at: Vec<usize> = case.markers.iter().filter(|m| of(m.kind)).map(|m| curves.bucket(m.time)).collect();
        at.dedup();
        at
    };
    let peak = |p: &crate::diagnose::curves::Peak| Peak {
        curve: p.curve,
        time: rfc3339(p.at),
        value: three(p.value),
        evidence: vec![reference(rows, p.row)],
    };
    Series {
        from: case.window.map(|_| rfc3339(curves.from)),
        bucket_seconds: (curves.width / 1_000_000) as f64 / 1000.0,
        open: curves.open.iter().map(|(layer, curve)| (layer.name(), curve.clone())).collect(),
        requests: curves.requests.clone(),
        errors: curves.errors.clone(),
        leaked: curves.leaked.clone(),
        waiting: curves.waiting.clone(),
        timeouts: curves.timeouts.clone(),
        latency_p50: seconds(&diagnosis.curves.median),
        latency_p95: seconds(&diagnosis.curves.p95),
        peaks: diagnosis.curves.peaks.iter().map(peak).collect(),
        deploys: marks(|k| matches!(k, Kind::Deploy | Kind::Rollback)),
        alerts: marks(|k| k == Kind::Alert),
        restarts: marks(|k| {
            matches!(k, Kind::ServerStart | Kind::ServerCrash | Kind::ServerStop | Kind::AppStart | Kind::AppStop)
        }),
    }
}
