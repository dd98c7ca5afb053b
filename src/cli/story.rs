//! `backtrail timeline` and `backtrail postmortem`: what happened, for other tools and for people.

use super::args::{DocumentFormat, Input, Output, TimelineFormat};
use super::plan::Plan;
use super::{found, output};
use crate::report::html;
use crate::report::postmortem::{self, Form, Look};
use crate::report::timeline::{csv, markdown, mermaid, perfetto, text, timesketch};
use anyhow::{Context, Result};
use std::process::ExitCode;

/// Writes the timeline.
pub(super) fn timeline(input: &Input, format: TimelineFormat, output: &Output) -> Result<ExitCode> {
    output::check(output)?;
    let (input, zone) = super::plan::people(input)?;
    let found = found::find(&Plan::new(&input)?, format == TimelineFormat::Html, None)?;
    let report = &found.report;
    output::write(output, |to| {
        match format {
            TimelineFormat::Text => to.write_all(text::render(report, &zone).as_bytes())?,
            TimelineFormat::Markdown => to.write_all(markdown::render(report, &zone).as_bytes())?,
            TimelineFormat::Html => {
                let bars = found.bars();
                let material = html::Material { report, bars: &bars, quotes: &found.quotes, zone };
                to.write_all(html::timeline(&material).as_bytes())?;
            }
            TimelineFormat::Mermaid => to.write_all(mermaid::gantt(report).as_bytes())?,
            TimelineFormat::MermaidTimeline => to.write_all(mermaid::timeline(report, &zone).as_bytes())?,
            TimelineFormat::Csv => csv::write(report, to)?,
            TimelineFormat::Timesketch if output::ending(output) == "jsonl" => timesketch::jsonl(report, to)?,
            TimelineFormat::Timesketch => timesketch::csv(report, to)?,
            TimelineFormat::TimesketchJsonl => timesketch::jsonl(report, to)?,
            TimelineFormat::Perfetto => perfetto::write(report, &found.bars(), to)?,
        }
        Ok(())
    })?;
    Ok(found.code)
}

/// Writes a draft of a postmortem.
pub(super) fn postmortem(
    input: &Input,
    template: Option<&str>,
    format: Option<DocumentFormat>,
    output: &Output,
) -> Result<ExitCode> {
    output::check(output)?;
    let form = form(template)?;
    let ending = output::ending(output);
    let format = format.unwrap_or(if matches!(ending.as_str(), "html" | "htm") {
        DocumentFormat::Html
    } else {
        DocumentFormat::Markdown
    });
    let (input, zone) = super::plan::people(input)?;
    let found = found::find(&Plan::new(&input)?, true, None)?;
    let bars = if format == DocumentFormat::Html { found.bars() } else { Vec::new() };
    let material = html::Material { report: &found.report, bars: &bars, quotes: &found.quotes, zone };
    let look = if format == DocumentFormat::Html { Look::Html } else { Look::Markdown };
    let text = postmortem::render(&material, &form, look)?;
    output::write(output, |to| Ok(to.write_all(text.as_bytes())?))?;
    Ok(found.code)
}

fn form(template: Option<&str>) -> Result<Form> {
    Ok(match template {
        None => Form::Own,
        Some("google-sre") => Form::GoogleSre,
        Some("atlassian") => Form::Atlassian,
        Some("pagerduty") => Form::PagerDuty,
        Some(path) => {
            let text = std::fs::read_to_string(path);
            let text = text.with_context(|| {
                format!("--template {path}: is neither google-sre, atlassian, pagerduty nor a file that can be read")
            })?;
            Form::Custom(path.to_owned(), text)
        }
    })
}
