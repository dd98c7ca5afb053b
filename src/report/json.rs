//! The report as JSON, `backtrail.report/1`.

use super::Report;
use std::io::{self, Write};

/// Writes the report, indented, with a line end.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}
