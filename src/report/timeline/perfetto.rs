//! The timeline as Chrome trace JSON, which Perfetto opens: connections as asynchronous slices per pool (slices of one
//! thread must nest, connections do not), counters, markers, and flows from a borrow to the server session behind it.

use super::{rows, seen};
use crate::report::Report;
use crate::report::lanes::{Bar, leaked};
use crate::report::local::micros;
use crate::report::text::{clean, place};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

/// Process ids of the trace: one a layer, one for markers and curves.
const LAYERS: [(&str, u32); 3] = [("pool", 10), ("proxy", 20), ("db", 30)];
const STORY: u32 = 1;

/// Writes the trace: `{"displayTimeUnit": …, "traceEvents": […]}`, an event a line.
pub fn write(report: &Report, bars: &[Bar], out: &mut dyn Write) -> std::io::Result<()> {
    let mut events = Vec::new();
    let tracks = tracks(bars, &mut events);
    story(report, &mut events);
    curves(report, &mut events);
    for bar in bars {
        connection(report, bar, &tracks, &mut events);
    }
    flows(bars, &tracks, &mut events);
    out.write_all(b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n")?;
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            out.write_all(b",\n")?;
        }
        serde_json::to_writer(&mut *out, event)?;
    }
    out.write_all(b"\n]}\n")
}

type Tracks<'b> = BTreeMap<(&'b str, &'b str), (u32, u32)>;

/// Process and thread of each layer and pool, with their names.
fn tracks<'b>(bars: &'b [Bar], events: &mut Vec<Value>) -> Tracks<'b> {
    let groups: BTreeSet<(&str, &str)> = bars.iter().map(|b| (b.layer, b.group.as_str())).collect();
    let name = |what: &str, pid: u32, tid: u32, name: &str| json!({"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {"name": name}});
    events.push(name("process_name", STORY, 0, "incident"));
    let mut tracks = BTreeMap::new();
    for (layer, pid) in LAYERS {
        for (tid, key) in (1u32..).zip(groups.iter().filter(|(l, _)| *l == layer)) {
            if tid == 1 {
                events.push(name("process_name", pid, 0, &format!("{layer} connections")));
            }
            events.push(name("thread_name", pid, tid, key.1));
            tracks.insert(*key, (pid, tid));
        }
    }
    tracks
}

fn story(report: &Report, events: &mut Vec<Value>) {
    for row in rows(report) {
        let Some(ts) = micros(&row.time) else { continue };
        let args = json!({"tier": row.tier, "phase": row.phase, "bound_ms": row.bound_ms, "evidence": seen(report, &row.evidence, 10)});
        // Deploys, alerts and moments of the incident cross all tracks; the rest stays on its own.
        let scope = if row.kind == "event" { "t" } else { "g" };
        events.push(json!({"ph": "i", "s": scope, "name": clean(&row.title), "cat": row.kind, "ts": ts, "pid": STORY, "tid": 1, "args": args}));
    }
    let i = &report.incident;
    let span = i.onset.as_deref().and_then(micros).zip(i.recovered.as_deref().and_then(micros));
    if let Some((from, to)) = span.filter(|(from, to)| to > from) {
        events.push(
            json!({"ph": "X", "name": "users see it", "cat": "incident", "ts": from, "dur": to - from, "pid": STORY, "tid": 2}),
        );
    }
}

fn curves(report: &Report, events: &mut Vec<Value>) {
    let series = &report.series;
    let Some(from) = series.from.as_deref().and_then(micros) else { return };
    let mut curves: Vec<(String, &[u32])> =
        series.open.iter().map(|(layer, c)| (format!("open {layer}"), c.as_slice())).collect();
    for (name, curve) in [
        ("leaked so far", &series.leaked),
        ("waiting", &series.waiting),
        ("turned away", &series.timeouts),
        ("requests", &series.requests),
        ("5xx", &series.errors),
    ] {
        curves.push((name.to_owned(), curve));
    }
    for (name, curve) in curves {
        let mut before = None;
        for (bucket, value) in curve.iter().enumerate() {
            if before == Some(*value) {
                continue;
            }
            before = Some(*value);
            let since = std::time::Duration::try_from_secs_f64(bucket as f64 * series.bucket_seconds).unwrap_or_default();
            let ts = from + i64::try_from(since.as_micros()).unwrap_or(i64::MAX / 2);
            events.push(json!({"ph": "C", "name": name, "ts": ts, "pid": STORY, "args": {"value": value}}));
        }
    }
}

fn connection(report: &Report, bar: &Bar, tracks: &Tracks<'_>, events: &mut Vec<Value>) {
    let Some((pid, tid)) = tracks.get(&(bar.layer, bar.group.as_str())) else { return };
    let Some(ts) = micros(&bar.open) else { return };
    // A connection that nothing closed has no end event: the viewer draws it to the end and says that it did not finish.
    let name = match &bar.end {
        _ if leaked(bar) => format!("✗ leaked {}", bar.key),
        None => format!("{} (open, {})", bar.key, bar.class.replace('_', " ")),
        Some(_) => bar.key.clone(),
    };
    let args = json!({"class": bar.class, "why": bar.why, "client": bar.client, "opened at": place(report, &bar.at)});
    events
        .push(json!({"ph": "b", "name": name, "cat": bar.layer, "id": bar.id, "ts": ts, "pid": pid, "tid": tid, "args": args}));
    if let Some(end) = bar.end.as_deref().and_then(micros) {
        events
            .push(json!({"ph": "e", "name": name, "cat": bar.layer, "id": bar.id, "ts": end.max(ts), "pid": pid, "tid": tid}));
    }
}

/// A flow binds to a slice of a thread, so each end of a flow gets one of a microsecond beside its connection.
fn flows(bars: &[Bar], tracks: &Tracks<'_>, events: &mut Vec<Value>) {
    let by_id: BTreeMap<u32, &Bar> = bars.iter().map(|b| (b.id, b)).collect();
    let mut anchor = |bar: &Bar, ts: i64, ph: &str, id: u32, what: &str| {
        if let Some((pid, tid)) = tracks.get(&(bar.layer, bar.group.as_str())) {
            events.push(json!({"ph": "X", "name": what, "cat": "link", "ts": ts, "dur": 1, "pid": pid, "tid": tid}));
            events.push(
                json!({"ph": ph, "bp": "e", "name": "carried by", "cat": "link", "id": id, "ts": ts, "pid": pid, "tid": tid}),
            );
        }
    };
    for bar in bars {
        let Some(server) = bar.carried_by.and_then(|id| by_id.get(&id)) else { continue };
        let (Some(borrow), Some(open)) = (micros(&bar.open), micros(&server.open)) else { continue };
        anchor(bar, borrow, "s", bar.id, "borrowed");
        anchor(server, borrow.max(open), "f", bar.id, "carries");
    }
}
