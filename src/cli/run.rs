//! Carries out a plan.

use super::args::{Args, Clocks, Output, ReportFormat, Verb};
use super::plan::{self, Plan};
use super::{baseline, check, detect, formats, found, moment, output, progress, story, tables, tui};
use crate::correlate::{self, Case};
use crate::error::Error;
use crate::ingest::strings::Strings;
use crate::report;
use crate::report::local::Local;
use crate::source::code::Code;
use crate::source::find;
use crate::table::{EventTable, build};
use crate::{ingest, table};
use anyhow::Result;
use std::path::Path;
use std::process::ExitCode;

/// Standard output.
pub(super) const STDOUT: Output = Output { output: None, force: false };

/// Runs what was typed. Errors are usage errors (exit code 2); what could not be read is an exit code of 1.
pub(super) fn run(args: Args) -> Result<ExitCode> {
    match args.verb {
        None if tui::possible() && !args.input.redact => tui::show(Plan::new(&args.input)?, &args.tui),
        None => report(&Plan::new(&args.input)?, ReportFormat::Text, Lookups::default(), &STDOUT),
        Some(Verb::Report { input, format, at: Some(at), output, .. }) => holders(&Plan::new(&input)?, format, &at, &output),
        Some(Verb::Report { input, format, at: None, slo, source, baseline, output }) => report(
            &Plan::new(&input)?,
            format,
            Lookups { slo, source: source.as_deref(), against: baseline.as_deref() },
            &output,
        ),
        Some(Verb::Check { input, fail_on, baseline, format, source, output }) => {
            let asked = check::Asked { fail_on: &fail_on, baseline: baseline.as_deref(), format, source: source.as_deref() };
            check::check(&input, &asked, &output)
        }
        Some(Verb::Verify { document, input }) => check::verify(&document, &input),
        Some(Verb::Events { input, conditions, format, output }) => tables::events(&input, &conditions, format, &output),
        Some(Verb::Timeline { input, format, output }) => story::timeline(&input, format, &output),
        Some(Verb::Postmortem { input, template, format, output }) => {
            story::postmortem(&input, template.as_deref(), format, &output)
        }
        Some(Verb::Tui { input, .. }) if input.redact => {
            let reason = "the timeline shows records as they are; report, timeline and postmortem hide names".into();
            Err(Error::Usage { option: "--redact".into(), reason }.into())
        }
        Some(Verb::Tui { input, options }) => tui::show(Plan::new(&input)?, &options),
        Some(Verb::Sessions { input, class, format, output }) => tables::sessions(&input, &class, format, &output),
        Some(Verb::Detect { input, format }) => {
            let plan = Plan::new(&input)?;
            let (table, code) = read(&plan)?;
            let mut text = Vec::new();
            detect::write(&table, format, &mut text)?;
            let text = found::hidden(&String::from_utf8_lossy(&text), found::redactor(&plan, &table)?.as_ref());
            output::write(&STDOUT, |to| Ok(to.write_all(text.as_bytes())?))?;
            Ok(code)
        }
        Some(Verb::Schema { output }) => {
            output::write(&output, |to| Ok(report::json::pretty(&report::schema::schema(), to)?))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Verb::Formats { name }) => {
            output::write(&STDOUT, |to| formats::write(name.as_deref(), to))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Reads everything that the plan names. The code is 1 where something could not be read.
#[expect(clippy::unnecessary_wraps, reason = "reading is fallible for those who call it, whatever the paths stand for")]
pub(super) fn read(plan: &Plan) -> Result<(EventTable, ExitCode)> {
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
    table.threads = plan.options.threads;
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

/// What a report is compared with or looked up in.
#[derive(Debug, Clone, Copy, Default)]
struct Lookups<'a> {
    /// An objective: the share of good requests, in per cent.
    slo: Option<f64>,
    /// The source code.
    source: Option<&'a Path>,
    /// Other logs, or a stretch of time in these.
    against: Option<&'a str>,
}

fn report(plan: &Plan, format: ReportFormat, lookups: Lookups<'_>, output: &Output) -> Result<ExitCode> {
    output::check(output)?;
    let against = lookups.against.map(baseline::parse);
    let mut found = found::find(plan, matches!(format, ReportFormat::Html | ReportFormat::Markdown), lookups.slo)?;
    if let Some(against) = against {
        let mut changes = baseline::changes(plan, &found.table, &found.case, &against, found.redactor.as_mut())?;
        if let Some(redactor) = &found.redactor {
            redactor.redact(&mut changes);
        }
        found.report.baseline = Some(changes);
    }
    let report = &found.report;
    output::write(output, |to| {
        match format {
            ReportFormat::Text => {
                to.write_all(report::text::render(report, plan.color && output.output.is_none()).as_bytes())?;
            }
            ReportFormat::Markdown => {
                to.write_all(report::markdown::render(report).as_bytes())?;
                to.write_all(report::markdown::citations(report, &found.quotes).as_bytes())?;
            }
            ReportFormat::Html => {
                let (bars, zone) = (found.bars(), plan.zone.map_or(Local::Utc, plan::local));
                let material = report::html::Material { report, bars: &bars, quotes: &found.quotes, zone };
                to.write_all(report::html::report(&material).as_bytes())?;
            }
            ReportFormat::Json => report::json::write(report, to)?,
            ReportFormat::Csv => report::csv::write(report, to)?,
            ReportFormat::Sarif => {
                let code = lookups.source.map(Code::open);
                report::json::pretty(&report::sarif::sarif(report, code.as_ref()), to)?;
            }
            ReportFormat::Junit => report::junit::write(report, None, to)?,
            ReportFormat::Openmetrics => to.write_all(report::openmetrics::render(report).as_bytes())?,
        }
        Ok(())
    })?;
    Ok(found.code)
}

/// Who held every connection at a moment.
fn holders(plan: &Plan, format: ReportFormat, at: &str, output: &Output) -> Result<ExitCode> {
    if !matches!(format, ReportFormat::Text | ReportFormat::Markdown | ReportFormat::Json) {
        let reason = "a moment is written as text, markdown or json".into();
        return Err(Error::Usage { option: "--format".into(), reason }.into());
    }
    output::check(output)?;
    let wanted = moment::parse("--at", at)?;
    let (table, case, code) = case(plan)?;
    let at = moment::settle("--at", wanted, plan.zone, case.window)?;
    let rows = table.rows();
    let found = report::holders::build(&rows, &case, &correlate::holders(&rows, &case, at));
    let text = match format {
        ReportFormat::Markdown => report::holders::markdown(&found),
        ReportFormat::Json => {
            let mut json = Vec::new();
            report::holders::json(&found, &mut json)?;
            String::from_utf8_lossy(&json).into_owned()
        }
        _ => report::holders::render(&found),
    };
    let text = found::hidden(&text, found::redactor(plan, &table)?.as_ref());
    output::write(output, |to| Ok(to.write_all(text.as_bytes())?))?;
    Ok(code)
}
