//! The timeline as CSV: `time,phase,tier,kind,title,bound_ms,evidence`.

use super::{rows, seen};
use crate::error::{Error, Result};
use crate::report::Report;
use crate::report::csv::defuse;
use std::io::Write;

/// Writes the rows; times in UTC.
pub fn write(report: &Report, out: &mut dyn Write) -> Result<()> {
    let failed = |e: ::csv::Error| Error::Io { path: "output".into(), source: e.into() };
    let mut table = ::csv::Writer::from_writer(out);
    table.write_record(["time", "phase", "tier", "kind", "title", "bound_ms", "evidence"]).map_err(failed)?;
    for row in rows(report) {
        let record = [
            row.time.clone(),
            defuse(row.phase.as_deref().unwrap_or("")),
            row.tier.to_owned(),
            row.kind.to_owned(),
            defuse(&row.title),
            row.bound_ms.map(|b| b.to_string()).unwrap_or_default(),
            defuse(&seen(report, &row.evidence, usize::MAX)),
        ];
        table.write_record(record).map_err(failed)?;
    }
    table.flush().map_err(|source| Error::Io { path: "output".into(), source })
}
