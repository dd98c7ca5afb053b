//! `backtrail check`, a gate for pipelines, and `backtrail verify`, which checks a document against its sources.

use super::args::{CheckFormat, Input, Output};
use super::plan::Plan;
use super::{found, output, progress, run};
use crate::diagnose::hypothesis::Cause;
use crate::error::Error;
use crate::report::{gate, json, junit, sarif, text, verify};
use crate::source::code::Code;
use anyhow::{Context, Result};
use std::path::Path;
use std::process::ExitCode;

/// What `check` found.
const FAILED: u8 = 3;
/// What `check` cannot tell.
const INSUFFICIENT: u8 = 4;

/// What is asked of a check.
pub(super) struct Asked<'a> {
    pub(super) fail_on: &'a [String],
    pub(super) baseline: Option<&'a Path>,
    pub(super) format: Option<CheckFormat>,
    pub(super) source: Option<&'a Path>,
}

/// Fails where something is found that the pipeline is to fail on.
pub(super) fn check(input: &Input, asked: &Asked<'_>, to: &Output) -> Result<ExitCode> {
    output::check(to)?;
    for word in asked.fail_on {
        let cause = Cause::ALL.iter().any(|c| c.name() == word);
        if !cause && !matches!(word.as_str(), "leak" | "any") {
            let names: Vec<&str> = Cause::ALL.iter().map(|c| c.name()).collect();
            let reason = format!("{word} is none of leak, any, {}", names.join(", "));
            return Err(Error::Usage { option: "--fail-on".into(), reason }.into());
        }
    }
    let baseline = asked.baseline.map(earlier).transpose()?;
    let found = found::find(&Plan::new(input)?, false, None)?;
    let outcome = gate::judge(&found.report, asked.fail_on, baseline.as_ref());
    let ending = output::ending(to);
    let format = asked.format.unwrap_or(match ending.as_str() {
        "xml" => CheckFormat::Junit,
        "sarif" | "json" => CheckFormat::Sarif,
        _ => CheckFormat::Text,
    });
    output::write(to, |out| {
        match format {
            CheckFormat::Text => out.write_all(say(&outcome).as_bytes())?,
            CheckFormat::Junit => junit::write(&found.report, Some(&outcome), out)?,
            CheckFormat::Sarif => {
                let code = asked.source.map(Code::open);
                json::pretty(&sarif::sarif(&found.report, code.as_ref()), out)?;
            }
        }
        Ok(())
    })?;
    if format != CheckFormat::Text || to.output.is_some() {
        for line in say(&outcome).lines() {
            progress::complain(line);
        }
    }
    Ok(match (&outcome.failures.is_empty(), &outcome.insufficient) {
        (false, _) => ExitCode::from(FAILED),
        (true, Some(_)) => ExitCode::from(INSUFFICIENT),
        (true, None) => found.code,
    })
}

fn say(outcome: &gate::Outcome) -> String {
    let mut out = String::new();
    for failure in &outcome.failures {
        out.push_str(&format!("FAIL {}: {}\n", failure.kind, text::clean(&failure.text)));
    }
    for known in &outcome.known {
        out.push_str(&format!("known from the baseline: {}\n", text::clean(known)));
    }
    match &outcome.insufficient {
        Some(why) => out.push_str(&format!("cannot tell: {}\n", text::clean(why))),
        None if outcome.failures.is_empty() => out.push_str("ok: nothing found that this check fails on\n"),
        None => {}
    }
    out
}

/// An earlier report.
fn earlier(path: &Path) -> Result<serde_json::Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("--baseline {}: cannot be read", path.display()))?;
    let value: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("--baseline {}: is no JSON", path.display()))?;
    anyhow::ensure!(
        value["schema"] == crate::report::SCHEMA,
        "--baseline {}: is no report of this program; write one with `backtrail report PATH --format json -o FILE`",
        path.display()
    );
    Ok(value)
}

/// Checks a document: 0 where everything agrees, 1 where something does not.
pub(super) fn verify(document: &Path, input: &Input) -> Result<ExitCode> {
    let text = std::fs::read_to_string(document).with_context(|| format!("{}: cannot be read", document.display()))?;
    let citations = verify::citations(&text);
    let citations = citations.with_context(|| {
        format!("{}: holds no citations; reports and postmortems in Markdown, HTML and JSON do", document.display())
    })?;
    let plan = Plan::new(input)?;
    let (table, code) = run::read(&plan)?;
    let redactor = found::redactor(&plan, &table)?;
    let outcome = verify::verify(&citations, &text, &table, redactor.as_ref());
    output::write(&run::STDOUT, |out| {
        writeln!(
            out,
            "{} of {} sources are the same files, {} of {} cited lines say what was cited",
            outcome.sources,
            citations.sources.len(),
            outcome.lines,
            citations.lines.len()
        )?;
        for problem in &outcome.problems {
            writeln!(out, "{}", text::clean(problem))?;
        }
        Ok(())
    })?;
    Ok(if outcome.problems.is_empty() { code } else { ExitCode::from(1) })
}
