//! `backtrail detect`: which format a file was taken for, and why.

use super::args::DetectFormat;
use crate::report::build::rfc3339;
use crate::report::json;
use crate::report::text::clean;
use crate::table::EventTable;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

#[derive(Serialize)]
struct Detected<'t> {
    path: &'t str,
    format: &'t str,
    layouts: &'t [&'static str],
    envelope: Option<&'t str>,
    compression: &'static str,
    score: f64,
    reasons: &'t [String],
    records: u64,
    rejected: u64,
    first: Option<String>,
    last: Option<String>,
    severities: BTreeMap<&'static str, u64>,
    kinds: BTreeMap<&'static str, u64>,
}

/// Writes what every source was taken for.
pub(super) fn write(table: &EventTable, format: DetectFormat, out: &mut dyn Write) -> io::Result<()> {
    let mut counts: Vec<(BTreeMap<&'static str, u64>, BTreeMap<&'static str, u64>)> =
        vec![Default::default(); table.sources.len()];
    for row in table.rows().iter() {
        if let Some((severities, kinds)) = counts.get_mut(row.source_id() as usize) {
            let severity = row.severity().name();
            if !severity.is_empty() {
                *severities.entry(severity).or_default() += 1;
            }
            *kinds.entry(row.kind().name()).or_default() += 1;
        }
    }
    let all: Vec<Detected<'_>> = table
        .sources
        .iter()
        .zip(counts)
        .map(|(source, (severities, kinds))| Detected {
            path: &source.path,
            format: &source.format,
            layouts: &source.layouts,
            envelope: Some(source.envelope.as_str()).filter(|e| !e.is_empty()),
            compression: source.stored.compression.name(),
            score: (source.score * 1000.0).round() / 1000.0,
            reasons: &source.reasons,
            records: source.records,
            rejected: source.rejects.len() as u64,
            first: source.first.map(rfc3339),
            last: source.last.map(rfc3339),
            severities,
            kinds,
        })
        .collect();
    match format {
        DetectFormat::Json => json::pretty(&all, out),
        DetectFormat::Text => all.iter().try_for_each(|one| text(one, out)),
    }
}

fn text(one: &Detected<'_>, out: &mut dyn Write) -> io::Result<()> {
    let envelope = one.envelope.map(|e| format!(" in {e}")).unwrap_or_default();
    writeln!(out, "{}: {}{envelope} (score {:.2})", clean(one.path), one.format, one.score)?;
    for reason in one.reasons {
        writeln!(out, "  {}", clean(reason))?;
    }
    let (first, last) = (one.first.as_deref().unwrap_or("no time"), one.last.as_deref().unwrap_or("no time"));
    writeln!(out, "  {} records, {} rejected, {first} to {last}", one.records, one.rejected)?;
    for (name, counts) in [("severities", &one.severities), ("kinds", &one.kinds)] {
        let counts: Vec<String> = counts.iter().map(|(name, n)| format!("{name} {n}")).collect();
        writeln!(out, "  {name}: {}", counts.join(", "))?;
    }
    Ok(())
}
