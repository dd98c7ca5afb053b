//! `backtrail events` and `backtrail sessions`: the tables in full.

use super::args::{Input, Output, TableFormat};
use super::plan::Plan;
use super::{found, output, run};
use crate::correlate::Class;
use crate::error::Error;
use crate::report::events::{Chosen, Where};
use crate::report::sessions;
use anyhow::Result;
use std::process::ExitCode;

/// Writes the event table.
pub(super) fn events(input: &Input, conditions: &[String], format: TableFormat, to: &Output) -> Result<ExitCode> {
    output::check(to)?;
    let conditions = conditions.iter().map(|text| Where::parse(text)).collect::<Result<Vec<Where>, Error>>()?;
    let plan = Plan::new(input)?;
    let (table, code) = run::read(&plan)?;
    let redactor = found::redactor(&plan, &table)?;
    let chosen = Chosen { rows: &table.rows(), conditions: &conditions, redactor: redactor.as_ref() };
    output::write(to, |out| {
        match wanted(format, to) {
            TableFormat::Text => chosen.text(out)?,
            TableFormat::Json => chosen.json(out)?,
            TableFormat::Csv => chosen.csv(out)?,
            TableFormat::Parquet => chosen.parquet(out)?,
        }
        Ok(())
    })?;
    Ok(code)
}

/// Writes the ledger.
pub(super) fn sessions(input: &Input, classes: &[String], format: TableFormat, to: &Output) -> Result<ExitCode> {
    let classes = classes.iter().map(|name| class(name)).collect::<Result<Vec<Class>, Error>>()?;
    output::check(to)?;
    let plan = Plan::new(input)?;
    let (table, case, code) = run::case(&plan)?;
    let mut lines = sessions::lines(&table.rows(), &case, &classes);
    if let Some(redactor) = found::redactor(&plan, &table)? {
        redactor.redact(&mut lines);
    }
    output::write(to, |out| {
        match wanted(format, to) {
            TableFormat::Text => sessions::text(&lines, out)?,
            TableFormat::Json => sessions::json(&lines, out)?,
            TableFormat::Csv => sessions::csv(&lines, out)?,
            TableFormat::Parquet => sessions::parquet(&lines, out)?,
        }
        Ok(())
    })?;
    Ok(code)
}

/// The format asked for, or that of the file's ending where none was.
fn wanted(format: TableFormat, to: &Output) -> TableFormat {
    match (format, output::ending(to).as_str()) {
        (TableFormat::Text, "parquet") => TableFormat::Parquet,
        (TableFormat::Text, "csv") => TableFormat::Csv,
        (TableFormat::Text, "json") => TableFormat::Json,
        (format, _) => format,
    }
}

fn class(name: &str) -> Result<Class, Error> {
    let found = Class::ALL.iter().copied().find(|c| c.name() == name.trim());
    found.ok_or_else(|| {
        let names: Vec<&str> = Class::ALL.iter().map(|c| c.name()).collect();
        Error::Usage { option: "--class".into(), reason: format!("{name} is none of {}", names.join(", ")) }
    })
}
