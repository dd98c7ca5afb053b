//! The ledger in full: one row a session.

use super::build::rfc3339;
use super::csv::defuse;
use crate::correlate::session::{Ended, Opened};
use crate::correlate::{Case, Class, Session};
use crate::error::{Error, Result};
use crate::table::Rows;
use serde::Serialize;
use std::io::Write;

/// One session, as users see it.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// `lb request pool proxy db`.
    pub layer: &'static str,
    /// Its class.
    pub class: &'static str,
    /// Why that class.
    pub why: &'static str,
    /// Opened, RFC 3339 UTC.
    pub open: String,
    /// `logged` or `inferred`.
    pub opened: &'static str,
    /// Ended; `null` while open.
    pub end: Option<String>,
    /// `logged`, `restart`, `superseded`, `withdrawn` or `open`.
    pub ended: &'static str,
    /// Seconds from open to end, or to the end of its log.
    pub seconds: f64,
    /// Key in the producer's words.
    pub key: String,
    /// Process id.
    pub pid: Option<u32>,
    /// Client.
    pub client: Option<String>,
    /// Client's port.
    pub client_port: Option<u16>,
    /// Thread.
    pub thread: Option<String>,
    /// Reason of the end.
    pub reason: Option<String>,
    /// Source path.
    pub source: String,
    /// Line of the open.
    pub open_line: u32,
    /// Line of the end.
    pub end_line: Option<u32>,
}

/// The sessions of a case, of the classes asked for (all where none is named), in the order of their opening.
pub fn lines(rows: &Rows<'_>, case: &Case, classes: &[Class]) -> Vec<Line> {
    let mut chosen: Vec<&Session> = case.sessions.iter().filter(|s| classes.is_empty() || classes.contains(&s.class)).collect();
    chosen.sort_by_key(|s| (s.open, s.layer, s.source, s.open_row));
    chosen.into_iter().map(|s| line(rows, s)).collect()
}

fn line(rows: &Rows<'_>, session: &Session) -> Line {
    let text = |code: u32| (code != 0).then(|| String::from_utf8_lossy(rows.text(code)).into_owned());
    let source = rows.table().sources.get(session.source as usize);
    let until = session.end.or(source.and_then(|s| s.last)).unwrap_or(session.open);
    Line {
        layer: session.layer.name(),
        class: session.class.name(),
        why: session.why,
        open: rfc3339(session.open),
        opened: if session.opened == Opened::Logged { "logged" } else { "inferred" },
        end: session.end.map(rfc3339),
        ended: match session.ended {
            Ended::Open => "open",
            Ended::Logged => "logged",
            Ended::Restart => "restart",
            Ended::Superseded => "superseded",
            Ended::Withdrawn => "withdrawn",
        },
        seconds: ((until - session.open) / 1_000_000) as f64 / 1000.0,
        key: text(session.conn).unwrap_or_else(|| format!("pid:{}", session.pid)),
        pid: (session.pid != 0).then_some(session.pid),
        client: text(session.client),
        client_port: (session.client_port != 0).then_some(session.client_port),
        thread: text(session.thread),
        reason: text(session.end_reason),
        source: source.map(|s| s.path.clone()).unwrap_or_default(),
        open_line: rows.get(session.open_row).line(),
        end_line: session.end_row.map(|row| rows.get(row).line()),
    }
}

/// Writes sessions as CSV.
pub fn csv(lines: &[Line], out: &mut dyn Write) -> Result<()> {
    let failed = |e: ::csv::Error| Error::Io { path: "output".into(), source: e.into() };
    let mut table = ::csv::Writer::from_writer(out);
    for line in lines {
        let mut line = line.clone();
        line.key = defuse(&line.key);
        line.source = defuse(&line.source);
        for text in [&mut line.client, &mut line.thread, &mut line.reason] {
            *text = text.as_deref().map(defuse);
        }
        table.serialize(line).map_err(failed)?;
    }
    table.flush().map_err(|source| Error::Io { path: "output".into(), source })
}

/// Writes sessions as a JSON array, an object a line.
pub fn json(lines: &[Line], out: &mut dyn Write) -> std::io::Result<()> {
    for (index, line) in lines.iter().enumerate() {
        out.write_all(if index == 0 { b"[" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, line)?;
    }
    out.write_all(if lines.is_empty() { b"[]\n" } else { b"]\n" })
}

/// Writes sessions as Parquet.
pub fn parquet(lines: &[Line], out: &mut dyn Write) -> Result<()> {
    use crate::table::parquet::{Values, Writer};
    let text = |of: &dyn Fn(&Line) -> Option<String>| Values::Text(lines.iter().map(of).collect());
    let time = |of: &dyn Fn(&Line) -> Option<String>| {
        let nanos = |text: String| chrono::DateTime::parse_from_rfc3339(&text).ok().and_then(|t| t.timestamp_nanos_opt());
        Values::Time(lines.iter().map(|l| of(l).and_then(nanos)).collect())
    };
    let number = |of: &dyn Fn(&Line) -> Option<i64>| Values::Int(lines.iter().map(of).collect());
    let mut writer = Writer::new(out);
    writer.write(vec![
        ("layer", text(&|l| Some(l.layer.into()))),
        ("class", text(&|l| Some(l.class.into()))),
        ("why", text(&|l| Some(l.why.into()))),
        ("open", time(&|l| Some(l.open.clone()))),
        ("opened", text(&|l| Some(l.opened.into()))),
        ("end", time(&|l| l.end.clone())),
        ("ended", text(&|l| Some(l.ended.into()))),
        ("seconds", Values::Float(lines.iter().map(|l| Some(l.seconds)).collect())),
        ("key", text(&|l| Some(l.key.clone()))),
        ("pid", number(&|l| l.pid.map(i64::from))),
        ("client", text(&|l| l.client.clone())),
        ("client_port", number(&|l| l.client_port.map(i64::from))),
        ("thread", text(&|l| l.thread.clone())),
        ("reason", text(&|l| l.reason.clone())),
        ("source", text(&|l| Some(l.source.clone()))),
        ("open_line", number(&|l| Some(i64::from(l.open_line)))),
        ("end_line", number(&|l| l.end_line.map(i64::from))),
    ])?;
    writer.finish()
}

/// Writes sessions as text, a line each.
pub fn text(lines: &[Line], out: &mut dyn Write) -> std::io::Result<()> {
    for line in lines {
        let end = line.end.as_deref().unwrap_or("open");
        let client = line.client.as_deref().unwrap_or("-");
        let text = format!(
            "{} {:<24} {:>10.3}s {:<8} {:<16} {} {client} {}:{}",
            line.open, end, line.seconds, line.layer, line.class, line.key, line.source, line.open_line
        );
        writeln!(out, "{}", super::text::clean(&text))?;
    }
    Ok(())
}
