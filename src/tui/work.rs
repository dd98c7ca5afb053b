//! Carries out what the model asks for, away from the thread that draws: reading, filtering, searching, comparing.

use super::clock::Zone;
use super::data::Data;
use super::host::Host;
use super::jobs;
use super::model::Model;
use super::msg::{Cmd, Msg, Progress};
use super::notes::{self, Note};
use crate::correlate;
use crate::diagnose;
use crate::ingest::{self, Options};
use crate::report::html::Material;
use crate::report::local::Local;
use crate::report::postmortem::{self, Form, Look};
use crate::report::quotes::Quotes;
use crate::report::timeline::csv;
use crate::report::{build, markdown};
use crate::source::code::Code;
use crate::source::reread::Reader;
use crate::source::{Origin, find};
use crate::table;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// Where messages go. False once nobody listens any more.
pub type Send<'s> = &'s (dyn Fn(Msg) -> bool + Sync);

/// What was asked for, and how it is read.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Files, folders, patterns, archives.
    pub paths: Vec<String>,
    /// How to read them.
    pub options: Options,
    /// What to do about clocks that differ: correct those that are off beyond doubt, only find them, or leave them alone.
    pub clocks: Option<bool>,
    /// The folder of the source code, where there is one.
    pub source: Option<PathBuf>,
}

/// Reads everything and says how far it is; at the end the reading, or why there is none.
pub fn read(wish: &Wish, send: Send<'_>) {
    match reading(wish, send) {
        Ok(data) => send(Msg::Loaded(Arc::new(data))),
        Err(reason) => send(Msg::Failed(reason)),
    };
}

fn reading(wish: &Wish, send: Send<'_>) -> Result<Data, String> {
    let found = find::find(&wish.paths);
    let inputs = &found.inputs;
    if inputs.is_empty() {
        let problems: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        let reason = if problems.is_empty() { "no log in it".into() } else { problems.join("; ") };
        return Err(format!("{}: {reason}", wish.paths.join(", ")));
    }
    let total = inputs.iter().flat_map(|i| &i.parts).map(stored).sum();
    let files = inputs.iter().map(|i| i.parts.len()).sum();
    let at = |stage: &'static str, bytes: u64| send(Msg::Progress(Progress { stage, bytes, total, files }));
    let bytes = AtomicU64::new(0);
    let told = AtomicU64::new(0);
    at("reading", 0);
    let ingested = ingest::ingest(found, &wish.options, &|more| {
        let now = bytes.fetch_add(more, Ordering::Relaxed) + more;
        // A message a megabyte is enough for a bar.
        if now.saturating_sub(told.load(Ordering::Relaxed)) >= 1 << 20 {
            told.store(now, Ordering::Relaxed);
            at("reading", now);
        }
    });
    let bytes = bytes.into_inner();
    let problems = ingested.problems.iter().map(ToString::to_string).collect();
    at("building the table", bytes);
    let mut table = table::build::build(ingested.sources, ingested.strings);
    table::settle_zones(&mut table, &correlate::zone::find);
    if let Some(apply) = wish.clocks {
        table::settle_clocks(&mut table, apply, &correlate::clock::find);
    }
    at("pairing opens with closes", bytes);
    let case = correlate::correlate(&table);
    at("weighing causes", bytes);
    let diagnosis = diagnose::diagnose(&table, &case);
    let report = build::build(&table, &case, &diagnosis);
    at("putting the timeline together", bytes);
    let mut data = Data::new(table, case, report, problems);
    if let Some(folder) = &wish.source {
        at("looking up the source code", bytes);
        data.look_up(&Code::open(folder));
    }
    Ok(data)
}

fn stored(origin: &Origin) -> u64 {
    match origin {
        Origin::File(path) | Origin::Member(path, _) => std::fs::metadata(path).map_or(0, |m| m.len()),
        Origin::Stdin => 0,
    }
}

/// What reads records again, made anew for each reading.
#[derive(Default)]
pub struct Readers {
    reader: Mutex<(usize, Reader)>,
}

impl Readers {
    /// Lends the reader of a reading's records.
    fn with<T>(&self, data: &Arc<Data>, work: impl FnOnce(&mut Reader) -> T) -> Option<T> {
        let mut slot = self.reader.lock().ok()?;
        let name = Arc::as_ptr(data).addr();
        if slot.0 != name {
            *slot = (name, Reader::default());
        }
        Some(work(&mut slot.1))
    }
}

/// The newest work of each kind that was asked for: older work stops.
#[derive(Debug, Default)]
pub struct Latest {
    filter: AtomicU64,
    search: AtomicU64,
    jump: AtomicU64,
    compare: AtomicU64,
}

impl Latest {
    /// Takes over what a model wants now.
    pub fn raise(&self, model: &Model) {
        self.filter.store(model.generation.filter, Ordering::Relaxed);
        self.search.store(model.generation.search, Ordering::Relaxed);
        self.jump.store(model.generation.jump, Ordering::Relaxed);
        self.compare.store(model.generation.compare, Ordering::Relaxed);
    }
}

/// What tells whether files have changed: names, sizes and times of change.
pub fn signature(wish: &Wish) -> Vec<(String, u64, Option<SystemTime>)> {
    let inputs = find::find(&wish.paths).inputs;
    let one = |origin: &Origin| {
        let meta = match origin {
            Origin::File(path) | Origin::Member(path, _) => std::fs::metadata(path).ok(),
            Origin::Stdin => None,
        };
        (origin.display(), meta.as_ref().map_or(0, std::fs::Metadata::len), meta.and_then(|m| m.modified().ok()))
    };
    inputs.iter().flat_map(|i| &i.parts).map(one).collect()
}

/// Takes in what a named file was rotated to: `app.log.1` beside `app.log`, once `app.log` is shorter than it was.
pub fn rotated(wish: &mut Wish, before: &[(String, u64, Option<SystemTime>)]) {
    let size = |path: &str| std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|m| m.len());
    let known = wish.paths.clone();
    for path in &known {
        let old = before.iter().find(|(name, ..)| name == path).map(|(_, len, _)| *len);
        // The highest number taken in moves up by one with every rotation.
        let next = (1..1000).map(|n| format!("{path}.{n}")).find(|name| !known.contains(name));
        let (Some(next), Some(old), Some(now), Some(moved)) = (next, old, size(path), size(&format!("{path}.1"))) else {
            continue;
        };
        if now < old && moved >= old && size(&next).is_some() {
            wish.paths.push(next);
        }
    }
}

/// Carries out a command that needs no terminal, and sends what comes of it.
pub fn perform(cmd: Cmd, host: &dyn Host, readers: &Readers, latest: &Latest, send: Send<'_>) {
    match cmd {
        Cmd::Raw(data, ids) => {
            if let Some(records) = readers.with(&data, |reader| jobs::records(&data, reader, &ids)) {
                send(Msg::Raw(records));
            }
        }
        Cmd::Filter(data, generation, filters) => {
            let wanted = || latest.filter.load(Ordering::Relaxed) <= generation;
            let kept = readers.with(&data, |reader| jobs::filter(&data, reader, &filters, &wanted));
            if let Some(kept) = kept.flatten() {
                send(Msg::Filtered(generation, kept));
            }
        }
        Cmd::Search(data, generation, among, text) => {
            let wanted = || latest.search.load(Ordering::Relaxed) <= generation;
            let among = among.as_ref().map(|shown| shown.as_slice());
            readers.with(&data, |reader| {
                jobs::search(&data, reader, among, &text, &wanted, &mut |hits, done| {
                    send(Msg::Found(generation, hits, done));
                });
            });
        }
        Cmd::Jump(data, generation, among, here, (target, forward)) => {
            let wanted = || latest.jump.load(Ordering::Relaxed) <= generation;
            let among = among.as_ref().map(|shown| shown.as_slice());
            if let Some(found) = jobs::jump(&data, among, here, (target, forward), &wanted) {
                send(Msg::Jumped(generation, (target, forward), found));
            }
        }
        Cmd::Compare(data, generation, range) => {
            let wanted = || latest.compare.load(Ordering::Relaxed) <= generation;
            if let Some(changes) = jobs::compare(&data, range, &wanted) {
                send(Msg::Compared(generation, changes));
            }
        }
        Cmd::Restore(key) => {
            if let Some(text) = host.restore(&key) {
                send(Msg::Restored(text));
            }
        }
        Cmd::Save { key, text } => {
            if let Err(reason) = host.save(&key, &text) {
                send(Msg::Say(format!("notes are not saved: {reason}")));
            }
        }
        Cmd::Export(data, notes, zone) => {
            send(Msg::Say(export(&data, &notes, zone, host)));
        }
        Cmd::Quit(_)
        | Cmd::Suspend
        | Cmd::Redraw
        | Cmd::Picture
        | Cmd::Mouse(_)
        | Cmd::Bell
        | Cmd::Copy(_)
        | Cmd::Edit { .. } => {}
    }
}

/// Writes the files that others read, and says their names, or what went wrong.
fn export(data: &Data, notes: &[Note], zone: Zone, host: &dyn Host) -> String {
    let told = notes::told(&data.report, data, notes);
    let local = match zone {
        Zone::Utc => Local::Utc,
        Zone::Named(zone) => Local::Named(zone),
        Zone::Fixed(seconds) => chrono::FixedOffset::east_opt(seconds).map_or(Local::Utc, Local::Fixed),
    };
    let mut report = markdown::render(&data.report);
    if !notes.is_empty() {
        report.push('\n');
        report.push_str(&notes::markdown(notes));
    }
    let quotes = Quotes::read(&told);
    let mut rows = Vec::new();
    let material = Material { report: &told, bars: &[], quotes: &quotes, zone: local };
    let made = postmortem::render(&material, &Form::Own, Look::Markdown)
        .and_then(|text| csv::write(&told, &mut rows).map(|()| text))
        .map_err(|e| e.to_string());
    let files = match made {
        Ok(text) => [
            ("backtrail-report.md", report),
            ("backtrail-timeline.csv", String::from_utf8_lossy(&rows).into_owned()),
            ("backtrail-postmortem.md", text),
        ],
        Err(reason) => return reason,
    };
    let mut written = Vec::new();
    for (name, text) in files {
        match host.export(name, &text) {
            Ok(path) => written.push(path),
            Err(reason) => return reason,
        }
    }
    format!("written: {}", written.join(", "))
}
