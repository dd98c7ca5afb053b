//! The timeline for Timesketch: CSV or JSON lines. It requires `message`, `datetime` and `timestamp_desc`; `timestamp`
//! (microseconds since the epoch) is always given too, since an importer left to derive it does so in its own zone.

use super::{Row, rows, seen};
use crate::error::{Error, Result};
use crate::report::Report;
use crate::report::csv::defuse;
use crate::report::json;
use crate::report::local::micros;
use crate::report::text::clean;
use serde::Serialize;
use std::io::Write;

/// One event as Timesketch wants it.
#[derive(Debug, Clone, Serialize)]
struct Event {
    message: String,
    datetime: String,
    timestamp: i64,
    timestamp_desc: String,
    tier: &'static str,
    evidence: String,
    tag: Vec<String>,
}

fn event(report: &Report, row: &Row) -> Option<Event> {
    let timestamp = micros(&row.time)?;
    Some(Event {
        message: clean(&row.title),
        // An offset instead of Z: older importers know only that.
        datetime: row.time.replace('Z', "+00:00"),
        timestamp,
        timestamp_desc: row.phase.clone().unwrap_or_else(|| row.kind.to_owned()),
        tier: row.tier,
        evidence: clean(&seen(report, &row.evidence, usize::MAX)),
        tag: std::iter::once(row.kind.to_owned()).chain(row.phase.clone()).collect(),
    })
}

/// Writes CSV. Tags are joined by commas, as the importer splits them.
pub fn csv(report: &Report, out: &mut dyn Write) -> Result<()> {
    let failed = |e: ::csv::Error| Error::Io { path: "output".into(), source: e.into() };
    let mut table = ::csv::Writer::from_writer(out);
    table.write_record(["message", "datetime", "timestamp", "timestamp_desc", "tier", "evidence", "tag"]).map_err(failed)?;
    for e in rows(report).iter().filter_map(|row| event(report, row)) {
        let record = [
            defuse(&e.message),
            e.datetime,
            e.timestamp.to_string(),
            defuse(&e.timestamp_desc),
            e.tier.to_owned(),
            defuse(&e.evidence),
            defuse(&e.tag.join(",")),
        ];
        table.write_record(record).map_err(failed)?;
    }
    table.flush().map_err(|source| Error::Io { path: "output".into(), source })
}

/// Writes JSON lines.
pub fn jsonl(report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    for event in rows(report).iter().filter_map(|row| event(report, row)) {
        out.write_all(json::line(&event)?.as_bytes())?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
