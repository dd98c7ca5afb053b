//! The ledger in full: one row a session.

use super::build::rfc3339;
use super::csv::defuse;
use crate::correlate::session::{Ended, Opened};
use crate::correlate::story::{Stories, Story};
use crate::correlate::{Case, Class, Session};
use crate::error::{Error, Result};
use crate::ingest::TextCol;
use crate::table::{RowId, Rows};
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
    /// The endpoint that it served, by the best witness.
    pub endpoint: Option<String>,
    /// How that is known: `id thread time`.
    pub endpoint_by: Option<&'static str>,
    /// The client that asked for it, as the load balancer or the application saw it.
    pub asked_by: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
    /// `file:line` of the load balancer's or web server's record of that request.
    pub edge: Option<String>,
    /// How that is known: `id client time`.
    pub edge_by: Option<&'static str>,
    /// Records of the edge that fit as well.
    pub edge_candidates: Option<u32>,
    /// The server's process that carried the borrow.
    pub server_pid: Option<u32>,
    /// `file:line` of the borrow that held the server session, or of the session that carried the borrow.
    pub other_side: Option<String>,
    /// How that is known: `process_id order`.
    pub other_side_by: Option<&'static str>,
    /// The last statement, literals folded.
    pub statement: Option<String>,
    /// Version of the application that opened it.
    pub version: Option<String>,
    /// How far the joins can be trusted, 0 to 1: the weakest of them, shared among its candidates.
    pub reliability: Option<f64>,
    /// Source path.
    pub source: String,
    /// Line of the open.
    pub open_line: u32,
    /// Line of the end.
    pub end_line: Option<u32>,
}

/// The sessions of a case, of the classes asked for (all where none is named), in the order of their opening.
pub fn lines(rows: &Rows<'_>, case: &Case, classes: &[Class]) -> Vec<Line> {
    let mut chosen: Vec<(u32, &Session)> =
        (0u32..).zip(&case.sessions).filter(|(_, s)| classes.is_empty() || classes.contains(&s.class)).collect();
    chosen.sort_by_key(|(_, s)| (s.open, s.layer, s.source, s.open_row));
    let stories = Stories::new(rows, case);
    chosen.into_iter().map(|(index, s)| line(rows, case, s, stories.of(index))).collect()
}

fn line(rows: &Rows<'_>, case: &Case, session: &Session, story: Story) -> Line {
    let place = |row: RowId| {
        let row = rows.get(row);
        let path = row.source().map_or("?", |s| s.path.as_str());
        format!("{}:{}", path.rsplit('/').next().unwrap_or(path), row.line())
    };
    let other = story.borrow.or(story.server);
    let other_side = other.and_then(|(i, _)| case.sessions.get(i as usize)).map(|s| place(s.open_row));
    let server = story.server.and_then(|(i, _)| case.sessions.get(i as usize));
    let column = |row: Option<RowId>, column| row.and_then(|row| text_of(rows, rows.get(row).code(column)));
    let reliability = story.reliability().map(|r| (r * 1000.0).round() / 1000.0);
    let text = |code: u32| text_of(rows, code);
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
        endpoint_by: story.endpoint.as_ref().map(|(_, by)| by.name),
        endpoint: story.endpoint.map(|(name, _)| name),
        asked_by: text(story.client),
        request_id: text(story.request_id),
        edge: story.edge.map(|(row, _)| place(row)),
        edge_by: story.edge.map(|(_, by)| by.name),
        edge_candidates: story.edge.map(|(_, by)| by.candidates),
        server_pid: server.map(|s| s.pid).filter(|pid| *pid != 0),
        other_side,
        other_side_by: other.map(|(_, by)| by.name),
        statement: column(story.statement, TextCol::Statement),
        version: column(story.version, TextCol::Version),
        reliability,
        source: source.map(|s| s.path.clone()).unwrap_or_default(),
        open_line: rows.get(session.open_row).line(),
        end_line: session.end_row.map(|row| rows.get(row).line()),
    }
}

fn text_of(rows: &Rows<'_>, code: u32) -> Option<String> {
    (code != 0).then(|| String::from_utf8_lossy(rows.text(code)).into_owned())
}

/// Writes sessions as CSV.
pub fn csv(lines: &[Line], out: &mut dyn Write) -> Result<()> {
    let failed = |e: ::csv::Error| Error::Io { path: "output".into(), source: e.into() };
    let mut table = ::csv::Writer::from_writer(out);
    for line in lines {
        let mut line = line.clone();
        line.key = defuse(&line.key);
        line.source = defuse(&line.source);
        for text in [
            &mut line.client,
            &mut line.thread,
            &mut line.reason,
            &mut line.endpoint,
            &mut line.asked_by,
            &mut line.request_id,
            &mut line.edge,
            &mut line.other_side,
            &mut line.statement,
            &mut line.version,
        ] {
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
        out.write_all(super::json::line(line)?.as_bytes())?;
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
