//! The leaking call sites as CSV, a row a site.

use super::Report;
use crate::error::{Error, Result};
use std::io::Write;

/// Keeps a spreadsheet from taking text of a log for a formula.
pub fn defuse(text: &str) -> String {
    let text = super::text::clean(text);
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

/// Writes the leaking call sites.
pub fn write(report: &Report, out: &mut dyn Write) -> Result<()> {
    let failed = |e: ::csv::Error| Error::Io { path: "output".into(), source: e.into() };
    let mut table = ::csv::Writer::from_writer(out);
    let header = [
        "rank",
        "function",
        "file",
        "line",
        "endpoint",
        "sessions",
        "first",
        "last",
        "connection_seconds",
        "attribution",
        "confidence",
        "evidence",
    ];
    table.write_record(header).map_err(failed)?;
    for leak in &report.leaks {
        let site = leak.call_site.as_ref();
        let evidence: Vec<String> = leak.evidence.iter().map(|at| super::text::place(report, at)).collect();
        let row = [
            leak.rank.to_string(),
            defuse(site.and_then(|s| s.function.as_deref()).unwrap_or("")),
            defuse(site.and_then(|s| s.file.as_deref()).unwrap_or("")),
            site.and_then(|s| s.line).map(|l| l.to_string()).unwrap_or_default(),
            defuse(leak.endpoint.as_deref().unwrap_or("")),
            leak.sessions.to_string(),
            leak.first.clone(),
            leak.last.clone(),
            leak.connection_seconds.to_string(),
            leak.attribution.to_owned(),
            leak.confidence.to_owned(),
            defuse(&evidence.join(" ")),
        ];
        table.write_record(row).map_err(failed)?;
    }
    table.flush().map_err(|source| Error::Io { path: "output".into(), source })
}
