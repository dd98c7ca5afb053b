//! What the panes look at: table, case and report of one reading, with the indexes that make them quick to walk through.

use super::clock::nanos;
use super::num;
use super::tracks::Tracks;
use crate::correlate::{Case, Session};
use crate::ingest::TextCol;
use crate::report::build::show_site;
use crate::report::text::clean;
use crate::report::{Leak, Ref, Report};
use crate::source::code::{Code, Snippet};
use crate::table::{EventTable, RowId, Rows};
use backtrail_parsers::Kind;

/// Flags on the axis at the most: there are no more circled numbers.
const MOST_FLAGS: usize = 20;

/// A numbered moment of the incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// When, ns UTC.
    pub time: i64,
    /// What.
    pub title: String,
    /// Between which moments it began, where that is known.
    pub span: Option<(i64, i64)>,
    /// False where it cannot be told whether it came before or after the one before.
    pub ordered: bool,
}

/// A marker's kind on the axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Something started, stopped or crashed.
    Restart,
    /// Somebody was told.
    Alert,
    /// A version went into service, or back.
    Deploy,
}

/// One reading of all sources.
#[derive(Debug)]
pub struct Data {
    /// The event table.
    pub table: EventTable,
    /// Sessions, leaks, markers.
    pub case: Case,
    /// The report.
    pub report: Report,
    /// All rows in the order of time.
    pub order: Vec<RowId>,
    /// Counts for the lanes.
    pub tracks: Tracks,
    /// First and last moment shown.
    pub window: (i64, i64),
    /// When users began to see it.
    pub onset: Option<i64>,
    /// The ladder of the incident.
    pub flags: Vec<Flag>,
    /// Stretches in which service was degraded.
    pub spells: Vec<(i64, i64)>,
    /// Deploys, alerts, restarts, with their rows.
    pub marks: Vec<(i64, Mark, RowId)>,
    /// Index of the leak that a session belongs to, per session.
    pub site_of: Vec<Option<u32>>,
    /// The source code at each leak's line, and why there is none in words; empty where no code was given.
    pub code: Vec<Result<Snippet, String>>,
    /// What could not be read, in words.
    pub problems: Vec<String>,
    chunks: Vec<ChunkHead>,
}

/// Where a chunk of the table begins.
#[derive(Debug, Clone, Copy)]
struct ChunkHead {
    source: u32,
    rows: u32,
    offset: u64,
}

impl Data {
    /// Puts a reading together.
    pub fn new(table: EventTable, case: Case, report: Report, problems: Vec<String>) -> Data {
        let (order, chunks) = {
            let rows = table.rows();
            (rows.by_time().map(|row| row.id).collect(), chunks(&rows))
        };
        let tracks = Tracks::new(&table, &case);
        let window = case.window.map_or((0, 1), |(from, to)| (from, to.max(from + 1)));
        let onset = report.incident.onset.as_deref().and_then(nanos);
        let mut site_of = vec![None; case.sessions.len()];
        for (site, leak) in (0u32..).zip(&case.leaks) {
            for session in &leak.sessions {
                if let Some(slot) = site_of.get_mut(*session as usize) {
                    *slot = Some(site);
                }
            }
        }
        let flags = flags(&report);
        let spells = report.incident.spells.iter().filter_map(|s| nanos(&s.from).zip(nanos(&s.to))).collect();
        let marks = case.markers.iter().filter_map(|m| Some((m.time, mark(m.kind)?, m.row))).collect();
        Data {
            table,
            case,
            report,
            order,
            tracks,
            window,
            onset,
            flags,
            spells,
            marks,
            site_of,
            code: Vec::new(),
            problems,
            chunks,
        }
    }

    /// Looks up the line of code of every leak.
    pub fn look_up(&mut self, code: &Code) {
        let one = |leak: &Leak| {
            let site = leak.call_site.as_ref().ok_or("no line of code is known")?;
            let file = site.file.as_deref().unwrap_or_default();
            let path = code.find(site.function.as_deref().unwrap_or_default(), file);
            let path = path.ok_or_else(|| format!("{file} is not in the source code, or more than once"))?;
            let line = site.line.ok_or_else(|| format!("{path}: the line is not known"))?;
            code.snippet(path, line as usize).ok_or_else(|| format!("{path} has no line {line}: another version?"))
        };
        self.code = self.report.leaks.iter().map(one).collect();
    }

    /// The position in [`Data::order`] of the first row at or after a moment.
    pub fn position(&self, rows: &Rows<'_>, time: i64) -> usize {
        self.order.partition_point(|id| rows.get(*id).time() < time)
    }

    /// The position of a row in [`Data::order`], which goes by time and, where that is the same, by row.
    pub fn position_of(&self, rows: &Rows<'_>, id: RowId) -> Option<usize> {
        let key = |id: RowId| (rows.get(id).time(), id);
        let at = self.order.partition_point(|other| key(*other) < key(id));
        (self.order.get(at) == Some(&id)).then_some(at)
    }

    /// The row that a reference points at.
    pub fn row_of(&self, rows: &Rows<'_>, at: &Ref) -> Option<RowId> {
        let first = self.chunks.partition_point(|c| (c.source, c.offset) <= (at.source, at.offset)).checked_sub(1)?;
        let head = self.chunks.get(first).filter(|c| c.source == at.source)?;
        let chunk = num::count(first);
        let (mut low, mut high) = (0u32, head.rows);
        while low < high {
            let middle = low.midpoint(high);
            if rows.get(RowId { chunk, row: middle }).offset() < at.offset {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let id = RowId { chunk, row: low };
        (rows.get(id).offset() == at.offset).then_some(id)
    }

    /// The name of a leak: its line of code, else its endpoint.
    pub fn site_name(&self, leak: usize) -> String {
        let Some(leak) = self.case.leaks.get(leak) else { return String::new() };
        let place = leak.site.as_ref().map(|site| match (site.file.as_str(), site.line) {
            ("", _) => show_site(site),
            (file, 0) => format!("{file} {}", site.function),
            (file, line) => format!("{file}:{line} {}", site.function),
        });
        clean(&place.or_else(|| leak.endpoint.clone()).unwrap_or_else(|| "not attributed".into()))
    }

    /// The key of a session in its producer's words.
    pub fn session_key(&self, session: &Session) -> String {
        match session.conn {
            0 => format!("pid {}", session.pid),
            code => clean(&String::from_utf8_lossy(self.table.strings.get(code))),
        }
    }

    /// The last moment of a session that the logs can tell of.
    pub fn session_end(&self, session: &Session) -> i64 {
        let source = self.table.sources.get(session.source as usize);
        session.end.or(source.and_then(|s| s.last)).unwrap_or(session.open).max(session.open)
    }

    /// A source's file name.
    pub fn file(&self, source: u32) -> String {
        let path = self.table.sources.get(source as usize).map_or("?", |s| s.path.as_str());
        clean(path.rsplit('/').next().unwrap_or(path))
    }

    /// Text of a column of a row, cleaned.
    pub fn text(rows: &Rows<'_>, id: RowId, column: TextCol) -> String {
        clean(&String::from_utf8_lossy(rows.get(id).text(column)))
    }
}

fn chunks(rows: &Rows<'_>) -> Vec<ChunkHead> {
    let mut out: Vec<ChunkHead> = Vec::new();
    for row in rows.iter() {
        // A chunk without rows is passed over by the iteration: it keeps its place here.
        while out.len() <= row.id.chunk as usize {
            out.push(ChunkHead { source: row.source_id(), rows: 0, offset: row.offset() });
        }
        if let Some(head) = out.last_mut() {
            head.rows = row.id.row + 1;
        }
    }
    out
}

/// The ladder of the incident and those of its moments that are no rung of it, in the order of time.
fn flags(report: &Report) -> Vec<Flag> {
    let incident = &report.incident;
    let rung = |r: &crate::report::Rung| {
        let span = nanos(&r.earliest).zip(nanos(&r.latest));
        Some(Flag { time: nanos(&r.time)?, title: clean(&r.text), span, ordered: r.ordered })
    };
    let mut flags: Vec<Flag> = incident.ladder.iter().filter_map(rung).collect();
    let has = |kind: &str| incident.ladder.iter().any(|r| r.kind == kind);
    let trigger = report.verdict.trigger.as_ref().map(|t| format!("cause begins: {}", clean(&t.title)));
    let moments: [(&Option<String>, String, bool); 5] = [
        (&incident.cause_start, trigger.unwrap_or_else(|| "cause begins".into()), has("trigger")),
        (&incident.onset, "users see it".into(), has("onset")),
        (&incident.detected, "somebody is told".into(), false),
        (&incident.mitigated, "better for the first time".into(), incident.mitigated == incident.recovered),
        (&incident.recovered, "over".into(), false),
    ];
    for (time, title, told) in moments {
        if let Some(time) = time.as_deref().and_then(nanos).filter(|_| !told) {
            flags.push(Flag { time, title, span: None, ordered: true });
        }
    }
    flags.sort_by_key(|flag| flag.time);
    flags.truncate(MOST_FLAGS);
    flags
}

fn mark(kind: Kind) -> Option<Mark> {
    match kind {
        Kind::Deploy | Kind::Rollback | Kind::ConfigChange => Some(Mark::Deploy),
        Kind::Alert => Some(Mark::Alert),
        Kind::ServerStart
        | Kind::ServerStop
        | Kind::ServerCrash
        | Kind::AppStart
        | Kind::AppStop
        | Kind::LbServerState
        | Kind::ResourceExhausted => Some(Mark::Restart),
        _ => None,
    }
}
