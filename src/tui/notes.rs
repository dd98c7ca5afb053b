//! The reader's notes: marked records with a comment and a tag, and the file they are kept in.

use super::clock::nanos;
use super::data::Data;
use crate::report::build::{reference, rfc3339};
use crate::report::text::clean;
use crate::report::{Moment, Report};
use crate::table::RowId;

/// The tags, in the order in which they follow each other.
pub const TAGS: [&str; 5] = ["", "Detection", "Diagnosis", "Repair", "Key moment"];

/// A note on a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The record.
    pub row: RowId,
    /// Its time, ns UTC.
    pub time: i64,
    /// Its source's path.
    pub path: String,
    /// Its byte offset.
    pub offset: u64,
    /// Its line.
    pub line: u32,
    /// The reader's words.
    pub comment: String,
    /// One of [`TAGS`].
    pub tag: &'static str,
    /// The record's first line, as it was when it was marked.
    pub text: String,
}

/// The name under which a case's notes are kept: made from what was read, not from where it lies.
pub fn key(data: &Data) -> String {
    let mut hashes: Vec<&str> = data.table.sources.iter().map(|s| s.stored.sha256.as_str()).collect();
    hashes.sort_unstable();
    let mut sum = 0xcbf2_9ce4_8422_2325u64;
    // FNV-1a over the hashes of the sources: short, and the same on every machine.
    for byte in hashes.iter().flat_map(|h| h.bytes()) {
        sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{sum:016x}")
}

/// Writes notes as TOML.
pub fn write(notes: &[Note]) -> String {
    let one = |note: &Note| {
        let mut table = toml::Table::new();
        table.insert("time".into(), rfc3339(note.time).into());
        table.insert("path".into(), note.path.clone().into());
        table.insert("offset".into(), i64::try_from(note.offset).unwrap_or(i64::MAX).into());
        table.insert("comment".into(), note.comment.clone().into());
        table.insert("tag".into(), note.tag.into());
        table.insert("text".into(), note.text.clone().into());
        toml::Value::Table(table)
    };
    let mut table = toml::Table::new();
    table.insert("note".into(), toml::Value::Array(notes.iter().map(one).collect()));
    table.to_string()
}

/// Reads notes; those whose record is not in this reading are left out.
pub fn read(text: &str, data: &Data) -> Vec<Note> {
    let Ok(table) = text.parse::<toml::Table>() else { return Vec::new() };
    let list = table.get("note").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let rows = data.table.rows();
    let one = |value: &toml::Value| {
        let text = |key: &str| value.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        let path = text("path");
        let source = data.table.sources.iter().find(|s| s.path == path)?;
        let offset = value.get("offset").and_then(toml::Value::as_integer).and_then(|n| u64::try_from(n).ok())?;
        let at = crate::report::Ref { source: source.id, line: 0, offset, length: 0 };
        let row = data.row_of(&rows, &at)?;
        let time = nanos(&text("time")).unwrap_or_else(|| rows.get(row).time());
        let tag = TAGS.into_iter().find(|tag| *tag == text("tag")).unwrap_or("");
        let line = rows.get(row).line();
        Some(Note { row, time, path, offset, line, comment: text("comment"), tag, text: text("text") })
    };
    list.iter().filter_map(one).collect()
}

/// The report with the notes on its timeline, each with its tag as the phase and its record as the proof.
pub fn told(report: &Report, data: &Data, notes: &[Note]) -> Report {
    let rows = data.table.rows();
    let one = |note: &Note| {
        let words = if note.comment.is_empty() { &note.text } else { &note.comment };
        let evidence = vec![reference(&rows, note.row)];
        let source = evidence.first().map_or(0, |at| at.source as usize);
        let phase = if note.tag.is_empty() { "note".to_owned() } else { note.tag.to_lowercase() };
        Moment {
            time: rfc3339(note.time),
            bound_ms: None,
            phase: Some(phase),
            tier: data.report.sources.get(source).map_or("other", |s| s.tier),
            title: clean(words).chars().take(200).collect(),
            evidence,
        }
    };
    let mut report = report.clone();
    report.timeline.extend(notes.iter().map(one));
    report.timeline.sort_by(|a, b| a.time.cmp(&b.time));
    report
}

/// Notes as a section of Markdown, in the order of time.
pub fn markdown(notes: &[Note]) -> String {
    let safe = crate::report::markdown::escape;
    let mut out = String::from("## Notes\n\n");
    for tag in TAGS.iter().skip(1).chain(TAGS.iter().take(1)) {
        let tagged: Vec<&Note> = notes.iter().filter(|n| n.tag == *tag).collect();
        if tagged.is_empty() {
            continue;
        }
        out.push_str(&format!("### {}\n\n", if tag.is_empty() { "Marked" } else { tag }));
        for note in tagged {
            let place = format!("{}:{}", safe(note.path.rsplit('/').next().unwrap_or_default()), note.line);
            let said = if note.comment.is_empty() { String::new() } else { format!("{}: ", safe(&note.comment)) };
            out.push_str(&format!("- {} — {said}{} ({place})\n", rfc3339(note.time), safe(&note.text)));
        }
        out.push('\n');
    }
    out
}
