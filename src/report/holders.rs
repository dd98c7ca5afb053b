//! Who held every connection at a moment: `report --at`.

use super::Ref;
use super::build::{reference, rfc3339, show_site};
use super::markdown::escape;
use super::text::clean;
use crate::correlate::Case;
use crate::correlate::holders::{Holder, Holders, PoolThen, server_pid};
use crate::ingest::TextCol;
use crate::table::{RowId, Rows};
use serde::Serialize;
use std::fmt::Write as _;

/// Name and version of the shape.
pub const SCHEMA: &str = "backtrail.holders/1";
/// Characters of a statement that are shown as text.
const STATEMENT: usize = 100;

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moment {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The moment, RFC 3339 UTC.
    pub at: String,
    /// Who held a connection, the longest first.
    pub holders: Vec<Held>,
    /// The pools.
    pub pools: Vec<Pool>,
}

/// A connection that was held.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Held {
    /// `pool`, `proxy` or `db`.
    pub layer: &'static str,
    /// Seconds for which it had been held.
    pub seconds: f64,
    /// Since when.
    pub since: String,
    /// What became of it.
    pub class: &'static str,
    /// Pool's name.
    pub pool: Option<String>,
    /// Connection's key in the producer's words.
    pub connection: Option<String>,
    /// The server's process.
    pub server_pid: Option<u32>,
    /// `function (file:line)`.
    pub call_site: Option<String>,
    /// The endpoint that it served.
    pub endpoint: Option<String>,
    /// The client that asked for it.
    pub client: Option<String>,
    /// The thread.
    pub thread: Option<String>,
    /// Its last statement, literals folded.
    pub statement: Option<String>,
    /// When that ran.
    pub statement_at: Option<String>,
    /// Proof: the open, then the statement.
    pub evidence: Vec<Ref>,
}

/// A pool at that moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pool {
    /// Source's path.
    pub source: String,
    /// Process.
    pub pid: Option<u32>,
    /// Name.
    pub name: Option<String>,
    /// Connections.
    pub size: Option<u32>,
    /// Lent by its last counters before.
    pub lent: Option<u32>,
    /// Waiting by them.
    pub waiting: Option<u32>,
    /// When they were printed.
    pub counted_at: Option<String>,
    /// Those who waited at the moment and gave up later.
    pub gave_up_later: Vec<Waiter>,
    /// Proof.
    pub evidence: Vec<Ref>,
}

/// Somebody who waited in vain.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waiter {
    /// Seconds already.
    pub seconds: Option<f64>,
    /// Thread.
    pub thread: Option<String>,
    /// Request id.
    pub request_id: Option<String>,
    /// The line in which it gives up.
    pub evidence: Ref,
}

fn seconds(ns: i64) -> f64 {
    (ns / 1_000_000) as f64 / 1000.0
}

/// Builds it.
pub fn build(rows: &Rows<'_>, case: &Case, found: &Holders) -> Moment {
    Moment {
        schema: SCHEMA,
        at: rfc3339(found.at),
        holders: found.holders.iter().map(|h| held(rows, case, found.at, h)).collect(),
        pools: found.pools.iter().map(|p| pool(rows, p)).collect(),
    }
}

fn text(rows: &Rows<'_>, code: u32) -> Option<String> {
    (code != 0).then(|| String::from_utf8_lossy(rows.text(code)).into_owned())
}

fn held(rows: &Rows<'_>, case: &Case, at: i64, holder: &Holder) -> Held {
    let session = case.sessions.get(holder.session as usize);
    let pid = server_pid(rows, case, holder);
    let statement = holder.statement.map(|row| rows.get(row));
    let proof: Vec<RowId> = std::iter::once(holder.row).chain(holder.statement).collect();
    Held {
        layer: holder.layer.name(),
        seconds: seconds(holder.age),
        since: rfc3339(at - holder.age),
        class: holder.class.name(),
        pool: text(rows, holder.pool),
        connection: session.and_then(|s| text(rows, s.conn)),
        server_pid: (pid != 0).then_some(pid),
        call_site: holder.site.as_ref().map(show_site),
        endpoint: holder.endpoint.clone(),
        client: text(rows, holder.client),
        thread: text(rows, holder.thread),
        statement: statement.and_then(|row| text(rows, row.code(TextCol::Statement))),
        statement_at: statement.map(|row| rfc3339(row.time())),
        evidence: proof.into_iter().map(|row| reference(rows, row)).collect(),
    }
}

fn pool(rows: &Rows<'_>, pool: &PoolThen) -> Pool {
    let waiter = |w: &crate::correlate::holders::Waiter| {
        let row = rows.get(w.row);
        Waiter {
            seconds: w.waited.map(seconds),
            thread: text(rows, row.code(TextCol::Thread)),
            request_id: text(rows, row.code(TextCol::RequestId)),
            evidence: reference(rows, w.row),
        }
    };
    Pool {
        source: rows.table().sources.get(pool.source as usize).map(|s| s.path.clone()).unwrap_or_default(),
        pid: (pool.pid != 0).then_some(pool.pid),
        name: if pool.server { Some("server's sessions".into()) } else { text(rows, pool.name) },
        size: pool.size,
        lent: pool.counters.map(|c| c.1),
        waiting: pool.counters.map(|c| c.2),
        counted_at: pool.counters.map(|c| rfc3339(c.0)),
        gave_up_later: pool.waiters.iter().map(waiter).collect(),
        evidence: pool.counters.map(|c| reference(rows, c.3)).into_iter().collect(),
    }
}

/// Age as people read it.
fn age(seconds: f64) -> String {
    match seconds {
        s if s < 10.0 => format!("{s:.3} s"),
        s if s < 120.0 => format!("{s:.1} s"),
        s if s < 7200.0 => format!("{:.1} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// What a pool said of itself, in a sentence.
fn said(pool: &Pool) -> String {
    let name = pool.name.clone().unwrap_or_else(|| "pool".into());
    let process = pool.pid.map(|p| format!(" of process {p}")).unwrap_or_default();
    let file = pool.source.rsplit('/').next().unwrap_or(&pool.source);
    let size = pool.size.map(|n| format!(", {n} connections")).unwrap_or_default();
    let counters = match (pool.lent, pool.waiting, &pool.counted_at) {
        (Some(lent), Some(waiting), Some(at)) => format!("; by its counters {lent} lent, {waiting} waiting at {at}"),
        _ => String::new(),
    };
    let later = match pool.gave_up_later.len() {
        0 => String::new(),
        n => format!("; {n} waited then who gave up later"),
    };
    format!("{name}{process} ({file}){size}{counters}{later}")
}

/// One holder in words, without its age and class.
fn words(held: &Held) -> Vec<String> {
    let pid = held.server_pid.map(|p| format!("server process {p}"));
    let short = |s: &String| s.chars().take(STATEMENT).collect::<String>();
    let statement = held.statement.as_ref().map(|s| match &held.statement_at {
        Some(at) => format!("last ran at {at}: {}", short(s)),
        None => format!("last ran: {}", short(s)),
    });
    let client = held.client.as_ref().map(|c| format!("client {c}"));
    let thread = held.thread.as_ref().map(|t| format!("thread {t}"));
    let parts = [held.call_site.clone(), held.endpoint.clone(), thread, client, held.connection.clone(), pid, statement];
    parts.into_iter().flatten().filter(|p| !p.is_empty()).collect()
}

/// Writes it as text.
pub fn render(moment: &Moment) -> String {
    let mut out = String::new();
    let leaked = moment.holders.iter().filter(|h| h.class == "leaked").count();
    let _ = writeln!(out, "HELD AT {}: {} connections, {leaked} of them never given back", moment.at, moment.holders.len());
    for pool in &moment.pools {
        super::text::wrapped(&mut out, "  ", "    ", &said(pool));
    }
    for held in &moment.holders {
        out.push('\n');
        let class = held.class.replace('_', " ");
        let _ = writeln!(out, "  {:>10}  {:<6} {class}, since {}", age(held.seconds), held.layer, held.since);
        for part in words(held) {
            super::text::wrapped(&mut out, "              ", "                ", &part);
        }
    }
    out
}

/// Writes it as JSON, on several lines.
pub fn json(moment: &Moment, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    super::json::pretty(moment, out)
}

/// Writes it as Markdown.
pub fn markdown(moment: &Moment) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "# Connections held at {}\n", moment.at);
    for pool in &moment.pools {
        let _ = writeln!(out, "- {}", escape(&said(pool)));
    }
    let _ = writeln!(out, "\n| held for | layer | class | who |\n| --- | --- | --- | --- |");
    for held in &moment.holders {
        let who = escape(&clean(&words(held).join("; ")));
        let _ = writeln!(out, "| {} | {} | {} | {who} |", age(held.seconds), held.layer, held.class.replace('_', " "));
    }
    out
}
