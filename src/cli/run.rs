//! Carries out a plan.

use super::args::{Args, Clocks, Output, ReportFormat, TableFormat, Verb};
use super::plan::Plan;
use super::{baseline, detect, formats, moment, output, progress, story, tui};
use crate::correlate::{self, Case, Class};
use crate::error::Error;
use crate::ingest::strings::Strings;
use crate::report;
use crate::source::find;
use crate::table::{EventTable, build};
use crate::{diagnose, ingest, table};
use anyhow::Result;
use std::process::ExitCode;

/// Standard output.
const STDOUT: Output = Output { output: None, force: false };

/// Runs what was typed. Errors are usage errors (exit code 2); what could not be read is an exit code of 1.
pub(super) fn run(args: Args) -> Result<ExitCode> {
    match args.verb {
        None if tui::possible() => tui::show(Plan::new(&args.input)?, &args.tui),
        None => report(&Plan::new(&args.input)?, ReportFormat::Text, None, None, &STDOUT),
        Some(Verb::Report { input, format, at: Some(at), output, .. }) => holders(&Plan::new(&input)?, format, &at, &output),
        Some(Verb::Report { input, format, at: None, baseline, slo, output }) => {
            report(&Plan::new(&input)?, format, slo, baseline.as_deref(), &output)
        }
        Some(Verb::Timeline { input, format, output }) => story::timeline(&input, format, &output),
        Some(Verb::Postmortem { input, template, format, output }) => {
            story::postmortem(&input, template.as_deref(), format, &output)
        }
        Some(Verb::Tui { input, options }) => tui::show(Plan::new(&input)?, &options),
        Some(Verb::Sessions { input, class, format, output }) => sessions(&Plan::new(&input)?, &class, format, &output),
        Some(Verb::Detect { input, format }) => {
            let plan = Plan::new(&input)?;
            let (table, code) = read(&plan)?;
            output::write(&STDOUT, |to| Ok(detect::write(&table, format, to)?))?;
            Ok(code)
        }
        Some(Verb::Formats { name }) => {
            output::write(&STDOUT, |to| formats::write(name.as_deref(), to))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Reads everything that the plan names. The code is 1 where something could not be read.
#[expect(clippy::unnecessary_wraps, reason = "reading is fallible for those who call it, whatever the paths stand for")]
fn read(plan: &Plan) -> Result<(EventTable, ExitCode)> {
    let found = find::find(&plan.paths);
    if !found.left_out.is_empty() {
        let names: Vec<String> = found.left_out.iter().take(5).map(|p| p.display().to_string()).collect();
        let more = if found.left_out.len() > names.len() { ", …" } else { "" };
        progress::complain(&format!(
            "not read, by their endings: {}{more} (name a file itself to have it read)",
            names.join(", ")
        ));
    }
    if found.inputs.is_empty() && found.problems.is_empty() {
        progress::complain(&format!("{}: no log in it", plan.paths.join(", ")));
        return Ok((build::build(Vec::new(), Strings::default()), ExitCode::from(1)));
    }
    let bar = progress::bar(&found.inputs);
    let ingested = ingest::ingest(found, &plan.options, &|bytes| bar.inc(bytes));
    bar.finish_and_clear();
    for problem in &ingested.problems {
        progress::complain(&problem.to_string());
    }
    let code = if ingested.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) };
    let mut table = build::build(ingested.sources, ingested.strings);
    table::settle_zones(&mut table, &correlate::zone::find);
    if plan.clock != Clocks::Off {
        table::settle_clocks(&mut table, plan.clock == Clocks::Apply, &correlate::clock::find);
    }
    Ok((table, code))
}

pub(super) fn case(plan: &Plan) -> Result<(EventTable, Case, ExitCode)> {
    let (table, code) = read(plan)?;
    let case = correlate::correlate(&table);
    Ok((table, case, code))
}

/// Reads, correlates, diagnoses and writes down what was found. With an objective (a share of good requests, in per cent)
/// the report says how much of its budget was used.
pub(super) fn reported(plan: &Plan, slo: Option<f64>) -> Result<(EventTable, Case, report::Report, ExitCode)> {
    let (table, case, code) = case(plan)?;
    let mut diagnosis = diagnose::diagnose(&table, &case);
    diagnosis.budget = slo.and_then(|target| diagnose::budget::spend(&diagnosis.impact, target));
    let report = report::build::build(&table, &case, &diagnosis);
    Ok((table, case, report, code))
}

fn report(plan: &Plan, format: ReportFormat, slo: Option<f64>, against: Option<&str>, output: &Output) -> Result<ExitCode> {
    output::check(output)?;
    let against = against.map(baseline::parse);
    let (table, case, mut report, code) = reported(plan, slo)?;
    if let Some(against) = against {
        report.baseline = Some(baseline::changes(plan, &table, &case, &against)?);
    }
    output::write(output, |to| {
        match format {
            ReportFormat::Text => {
                to.write_all(report::text::render(&report, plan.color && output.output.is_none()).as_bytes())?;
            }
            ReportFormat::Markdown => to.write_all(report::markdown::render(&report).as_bytes())?,
            ReportFormat::Json => report::json::write(&report, to)?,
            ReportFormat::Csv => report::csv::write(&report, to)?,
        }
        Ok(())
    })?;
    Ok(code)
}

/// Who held every connection at a moment.
fn holders(plan: &Plan, format: ReportFormat, at: &str, output: &Output) -> Result<ExitCode> {
    if format == ReportFormat::Csv {
        let reason = "a moment is written as text, markdown or json".into();
        return Err(Error::Usage { option: "--format".into(), reason }.into());
    }
    output::check(output)?;
    let wanted = moment::parse("--at", at)?;
    let (table, case, code) = case(plan)?;
    let at = moment::settle("--at", wanted, plan.zone, case.window)?;
    let rows = table.rows();
    let found = report::holders::build(&rows, &case, &correlate::holders(&rows, &case, at));
    output::write(output, |to| {
        match format {
            ReportFormat::Markdown => to.write_all(report::holders::markdown(&found).as_bytes())?,
            ReportFormat::Json => report::holders::json(&found, to)?,
            _ => to.write_all(report::holders::render(&found).as_bytes())?,
        }
        Ok(())
    })?;
    Ok(code)
}

fn sessions(plan: &Plan, classes: &[String], format: TableFormat, output: &Output) -> Result<ExitCode> {
    let classes = classes.iter().map(|name| class(name)).collect::<Result<Vec<Class>, Error>>()?;
    output::check(output)?;
    let (table, case, code) = case(plan)?;
    let rows = table.rows();
    let lines = report::sessions::lines(&rows, &case, &classes);
    output::write(output, |to| {
        match format {
            TableFormat::Text => report::sessions::text(&lines, to)?,
            TableFormat::Json => report::sessions::json(&lines, to)?,
            TableFormat::Csv => report::sessions::csv(&lines, to)?,
        }
        Ok(())
    })?;
    Ok(code)
}

fn class(name: &str) -> Result<Class, Error> {
    let found = Class::ALL.iter().copied().find(|c| c.name() == name.trim());
    found.ok_or_else(|| {
        let names: Vec<&str> = Class::ALL.iter().map(|c| c.name()).collect();
        Error::Usage { option: "--class".into(), reason: format!("{name} is none of {}", names.join(", ")) }
    })
}
