//! What a postmortem's template is given.

use super::{facts, resolution};
use crate::report::local::{Local, span};
use crate::report::quotes::Quotes;
use crate::report::text::{clean, place};
use crate::report::timeline::{self, chosen};
use crate::report::{Ref, Report};
use serde::Serialize;
use std::collections::BTreeSet;

/// Rows of the timeline that a postmortem shows.
const ROWS: usize = 40;
/// Citations of a sentence.
const CITES: usize = 4;

/// A place in a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cite {
    /// `file:line`.
    pub label: String,
    /// Anchor of the quote, where the line could be read again.
    pub anchor: Option<String>,
}

/// A sentence and what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// Words.
    pub text: String,
    /// Proof.
    pub cites: Vec<Cite>,
}

/// A row of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Position in the whole timeline.
    pub id: usize,
    /// Date in the zone asked for.
    pub date: String,
    /// Time of day.
    pub clock: String,
    /// Phase of the incident.
    pub phase: Option<String>,
    /// What happened.
    pub says: Sentence,
}

/// A cause that was weighed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Weighed {
    /// In words.
    pub cause: String,
    /// `ruled out`, `possible` …
    pub status: String,
    /// The number that decided.
    pub says: Vec<Sentence>,
    /// What would be needed to tell.
    pub missing: Vec<String>,
}

/// A leaking call site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Site {
    /// `File.java:19`, or the endpoint.
    pub place: String,
    /// Function.
    pub function: Option<String>,
    /// Endpoint.
    pub endpoint: Option<String>,
    /// Connections never given back.
    pub sessions: u64,
    /// First and last opening, in the zone asked for.
    pub first: String,
    /// See `first`.
    pub last: String,
    /// `certain strong moderate unattributed`.
    pub confidence: String,
    /// Proof.
    pub cites: Vec<Cite>,
}

/// A quoted line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quoted {
    /// Anchor.
    pub anchor: String,
    /// `file:line`.
    pub label: String,
    /// The record.
    pub text: String,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Read {
    /// Path.
    pub path: String,
    /// Format.
    pub format: String,
    /// Records.
    pub records: u64,
    /// Records that no parser took.
    pub rejected: u64,
    /// SHA-256 of the stored bytes.
    pub sha256: String,
}

/// The draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Draft {
    /// One line.
    pub title: String,
    /// `confirmed likely insufficient_evidence nothing_abnormal`.
    pub status: String,
    /// The cause in words; `None` where the logs do not tell.
    pub cause: Option<String>,
    /// Zone of all times shown.
    pub zone: String,
    /// Day of the incident.
    pub date: String,
    /// What wrote the draft.
    pub tool: String,
    /// The verdict in a sentence.
    pub summary: Sentence,
    /// From when to when, and how long.
    pub duration: Vec<Sentence>,
    /// Who was hurt and how much.
    pub impact: Vec<Sentence>,
    /// What speaks for the cause.
    pub because: Vec<Sentence>,
    /// What set it off.
    pub trigger: Option<Sentence>,
    /// What it looked like.
    pub symptoms: Vec<Sentence>,
    /// How it was noticed, where the logs say so.
    pub detection: Vec<Sentence>,
    /// What is logged between the beginning and the end that may have ended it.
    pub resolution: Vec<Sentence>,
    /// When it was over.
    pub recovery: Vec<Sentence>,
    /// Where the connections were opened.
    pub sites: Vec<Site>,
    /// Causes that it was not, each with the number that closes it.
    pub ruled_out: Vec<Weighed>,
    /// Causes that the logs do not decide.
    pub undecided: Vec<Weighed>,
    /// The timeline.
    pub timeline: Vec<Row>,
    /// Rows of the timeline that are left out.
    pub timeline_left_out: usize,
    /// What to do.
    pub suggestions: Vec<Sentence>,
    /// What to log the next time.
    pub logging: Vec<Sentence>,
    /// What was inferred.
    pub notes: Vec<String>,
    /// What was read.
    pub sources: Vec<Read>,
    /// The lines cited.
    pub quotes: Vec<Quoted>,
}

/// Makes sentences for one report.
pub(super) struct Writer<'r> {
    pub(super) report: &'r Report,
    pub(super) quotes: &'r Quotes,
    pub(super) zone: &'r Local,
}

impl Writer<'_> {
    pub(super) fn cites(&self, evidence: &[Ref]) -> Vec<Cite> {
        let cite =
            |at: &Ref| Cite { label: place(self.report, at), anchor: self.quotes.of(at).map(|q| anchor(q.source, q.line)) };
        evidence.iter().take(CITES).map(cite).collect()
    }

    pub(super) fn says(&self, text: impl AsRef<str>, evidence: &[Ref]) -> Sentence {
        Sentence { text: clean(text.as_ref()), cites: self.cites(evidence) }
    }

    /// A sentence with its lines, or, where the report names none, with the sources that it was counted in.
    pub(super) fn proved(&self, text: impl AsRef<str>, evidence: &[Ref], tier: &str) -> Sentence {
        if evidence.is_empty() { self.counted(text, tier) } else { self.says(text, evidence) }
    }

    /// A sentence about all records of the sources of a tier: counted, not read off a line.
    pub(super) fn counted(&self, text: impl AsRef<str>, tier: &str) -> Sentence {
        counted_in(text, self.report.sources.iter().filter(|s| s.tier == tier))
    }
}

/// A sentence about all records of some sources.
pub(super) fn counted_in<'s>(text: impl AsRef<str>, sources: impl Iterator<Item = &'s crate::report::Source>) -> Sentence {
    let whole = |s: &crate::report::Source| Cite {
        label: format!("{}, all {} records", clean(s.path.rsplit('/').next().unwrap_or(&s.path)), s.records),
        anchor: None,
    };
    Sentence { text: clean(text.as_ref()), cites: sources.take(CITES).map(whole).collect() }
}

/// The anchor of a quote.
pub fn anchor(source: u32, line: u32) -> String {
    format!("s{source}l{line}")
}

/// A cause of the vocabulary in words.
pub(super) fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// Drafts a postmortem, and gives the quotes that it cites.
pub fn draft(report: &Report, quotes: &Quotes, zone: &Local) -> (Draft, Quotes) {
    let mut draft = sentences(&Writer { report, quotes, zone });
    let mut cited = BTreeSet::new();
    if let Ok(value) = serde_json::to_value(&draft) {
        anchors(&value, &mut cited);
    }
    let lines = quotes.iter().filter(|q| cited.contains(&anchor(q.source, q.line))).map(|q| (q.source, q.line)).collect();
    let quotes = quotes.only(&lines);
    draft.quotes = quoted(&Writer { report, quotes: &quotes, zone });
    (draft, quotes)
}

/// Citations stand all over the draft; they are told by their field.
fn anchors(value: &serde_json::Value, into: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            into.extend(fields.get("anchor").and_then(serde_json::Value::as_str).map(str::to_owned));
            fields.values().for_each(|v| anchors(v, into));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|v| anchors(v, into)),
        _ => {}
    }
}

fn sentences(w: &Writer<'_>) -> Draft {
    let (report, zone) = (w.report, w.zone);
    let all = timeline::rows(report);
    let shown = chosen(&all, ROWS);
    let timeline_left_out = all.len() - shown.len();
    let start = report.incident.onset.as_ref().or(report.incident.cause_start.as_ref()).or(report.window.from.as_ref());
    let date = start.map(|t| zone.seconds(t).chars().take(10).collect::<String>()).unwrap_or_default();
    let cause = report.verdict.cause.filter(|c| *c != "none").map(words);
    let title = match (report.verdict.status, &cause) {
        ("nothing_abnormal", _) => "nothing abnormal found".to_owned(),
        (_, Some(cause)) => format!("outage through {cause}"),
        (_, None) => "outage of unknown cause".to_owned(),
    };
    Draft {
        title: if date.is_empty() { title } else { format!("{date}: {title}") },
        status: report.verdict.status.to_owned(),
        cause,
        zone: zone.name(),
        date,
        tool: format!("{} {}", report.tool.name, report.tool.version),
        summary: w.says(&report.verdict.summary, &facts::proof(report)),
        duration: facts::duration(w),
        impact: facts::impact(w),
        because: facts::because(w),
        trigger: facts::trigger(w),
        symptoms: report.verdict.symptoms.iter().map(|s| w.says(&s.text, &s.evidence)).collect(),
        detection: facts::detection(w),
        resolution: resolution::changes(w),
        recovery: resolution::recovery(w),
        sites: facts::sites(w),
        ruled_out: facts::weighed(w, &["ruled_out"]),
        undecided: facts::weighed(w, &["possible", "cannot_tell"]),
        timeline: story(w, &all, &shown),
        timeline_left_out,
        suggestions: report.suggestions.iter().map(|s| w.says(&s.text, &s.because)).collect(),
        logging: facts::logging(w),
        notes: report.notes.iter().map(|n| clean(n)).collect(),
        sources: report
            .sources
            .iter()
            .map(|s| Read {
                path: clean(&s.path),
                format: clean(&s.format),
                records: s.records,
                rejected: s.rejected,
                sha256: s.sha256.clone(),
            })
            .collect(),
        quotes: Vec::new(),
    }
}

/// The rows; a phase is named where it begins.
fn story(w: &Writer<'_>, all: &[timeline::Row], shown: &[&timeline::Row]) -> Vec<Row> {
    let mut before = None;
    let mut out: Vec<Row> = Vec::new();
    for next in shown {
        let mut made = row(w, all, next);
        made.phase = made.phase.filter(|_| before != Some(&next.phase));
        before = Some(&next.phase);
        out.push(made);
    }
    out
}

fn row(w: &Writer<'_>, all: &[timeline::Row], row: &timeline::Row) -> Row {
    let time = w.zone.seconds(&row.time);
    let (date, clock) = time.split_once(' ').unwrap_or(("", &time));
    let bound = row.bound_ms.filter(|b| *b >= 1000.0).map(|b| format!(" (± {})", span(b / 1000.0))).unwrap_or_default();
    Row {
        id: all.iter().position(|r| std::ptr::eq(r, row)).unwrap_or_default(),
        date: date.to_owned(),
        clock: clock.to_owned(),
        phase: row.phase.as_deref().map(timeline::phase),
        says: w.says(format!("{}{bound}", row.title), &row.evidence),
    }
}

fn quoted(w: &Writer<'_>) -> Vec<Quoted> {
    let mut quoted: Vec<Quoted> = Vec::new();
    for quote in w.quotes.iter() {
        let at = Ref { source: quote.source, line: quote.line, offset: quote.offset, length: quote.length };
        let anchor = anchor(quote.source, quote.line);
        if quoted.last().is_none_or(|q| q.anchor != anchor) {
            quoted.push(Quoted { anchor, label: place(w.report, &at), text: quote.text.clone() });
        }
    }
    quoted
}
