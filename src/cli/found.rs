//! What a run found, with names hidden where that was asked for: everything that is written goes through here.

use super::plan::Plan;
use super::progress;
use super::run;
use crate::correlate::Case;
use crate::diagnose;
use crate::error::Error;
use crate::report::lanes::{self, Bar};
use crate::report::quotes::Quotes;
use crate::report::redact::Redactor;
use crate::report::{self, Report};
use crate::table::EventTable;
use anyhow::Result;
use std::hash::{BuildHasher, Hasher};
use std::process::ExitCode;

/// What a run found.
pub(super) struct Found {
    pub(super) table: EventTable,
    pub(super) case: Case,
    pub(super) report: Report,
    /// The cited lines, where they were asked for.
    pub(super) quotes: Quotes,
    pub(super) redactor: Option<Redactor>,
    pub(super) code: ExitCode,
}

impl Found {
    /// Sessions as bars.
    pub(super) fn bars(&self) -> Vec<Bar> {
        let mut bars = lanes::bars(&self.table.rows(), &self.case);
        if let Some(redactor) = &self.redactor {
            redactor.redact(&mut bars);
        }
        bars
    }
}

/// Reads, correlates, diagnoses and writes down what was found; reads the cited lines again where `quoted`. With an
/// objective (a share of good requests, in per cent) the report says how much of its budget was used.
pub(super) fn find(plan: &Plan, quoted: bool, slo: Option<f64>) -> Result<Found> {
    let (table, code) = run::read(plan)?;
    let (case, mut diagnosis) = diagnose::examine(&table);
    diagnosis.budget = slo.and_then(|target| diagnose::budget::spend(&diagnosis.impact, target));
    let mut report = report::build::build(&table, &case, &diagnosis);
    let mut quotes = if quoted { Quotes::read(&report) } else { Quotes::default() };
    let redactor = redactor(plan, &table)?;
    if let Some(redactor) = &redactor {
        redactor.quotes(&mut quotes);
        redactor.redact(&mut report);
    }
    Ok(Found { table, case, report, quotes, redactor, code })
}

/// A text of lines, with names hidden where there is a redactor.
pub(super) fn hidden(text: &str, redactor: Option<&Redactor>) -> String {
    let line = |line: &str| redactor.map_or_else(|| line.to_owned(), |r| r.text(line));
    text.split_inclusive('\n').map(line).collect()
}

/// The redactor that the plan asks for; it knows the table's users and hosts.
pub(super) fn redactor(plan: &Plan, table: &EventTable) -> Result<Option<Redactor>> {
    if !plan.redact {
        return Ok(None);
    }
    let mut redactor = keyed(plan.redact_key.as_deref())?;
    redactor.learn(&table.rows());
    Ok(Some(redactor))
}

fn keyed(given: Option<&str>) -> Result<Redactor> {
    let given = given.map(str::to_owned).or_else(|| std::env::var("BACKTRAIL_REDACT_KEY").ok()).filter(|k| !k.is_empty());
    let key = given.unwrap_or_else(|| {
        progress::complain("names are hidden under a key of this run alone; --redact-key or BACKTRAIL_REDACT_KEY gives the same pseudonyms again");
        // Seeded by the system for every run.
        let draw = |n: u64| {
            let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
            hasher.write_u64(n);
            format!("{:016x}", hasher.finish())
        };
        (0..4).map(draw).collect()
    });
    let made = Redactor::new(key.as_bytes());
    Ok(made.ok_or_else(|| Error::Usage { option: "--redact-key".into(), reason: "cannot be used as a key".into() })?)
}
