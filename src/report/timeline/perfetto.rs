//! The timeline as Chrome trace JSON, which Perfetto opens: connections as asynchronous slices per pool (slices of one
//! thread must nest, connections do not), counters, markers, and flows from a request over its borrow to the server session
//! behind it, where ids and process ids say so. What only the order of events says is told as an argument.

use super::{rows, seen};
use crate::report::Report;
use crate::report::json::line;
use crate::report::lanes::{Asked, Bar, leaked};
use crate::report::local::micros;
use crate::report::text::{clean, place};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

/// Process ids of the trace: one a layer, one for markers and curves.
const LAYERS: [(&str, u32); 3] = [("pool", 10), ("proxy", 20), ("db", 30)];
const STORY: u32 = 1;
/// Requests that borrowed connections.
const REQUESTS: (&str, u32) = ("request", 5);

/// Writes the trace: `{"displayTimeUnit": …, "traceEvents": […]}`, an event a line.
pub fn write(report: &Report, bars: &[Bar], out: &mut dyn Write) -> std::io::Result<()> {
    let mut events = Vec::new();
    let tracks = tracks(bars, &mut events);
    story(report, &mut events);
    curves(report, &mut events);
    let by_id: BTreeMap<u32, &Bar> = bars.iter().map(|b| (b.id, b)).collect();
    for bar in bars {
        connection(report, bar, &by_id, &tracks, &mut events);
    }
    requests(report, bars, &tracks, &mut events);
    flows(bars, &by_id, &tracks, &mut events);
    out.write_all(b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n")?;
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            out.write_all(b",\n")?;
        }
        out.write_all(line(event)?.as_bytes())?;
    }
    out.write_all(b"\n]}\n")
}

type Tracks<'b> = BTreeMap<(&'b str, &'b str), (u32, u32)>;

/// Process and thread of each layer and pool, with their names.
fn tracks<'b>(bars: &'b [Bar], events: &mut Vec<Value>) -> Tracks<'b> {
    let requests = bars.iter().filter_map(|b| b.request.as_ref()).map(|r| (REQUESTS.0, r.group.as_str()));
    let groups: BTreeSet<(&str, &str)> = bars.iter().map(|b| (b.layer, b.group.as_str())).chain(requests).collect();
    let name = |what: &str, pid: u32, tid: u32, name: &str| json!({"ph": "M", "name": what, "pid": pid, "tid": tid, "args": {"name": name}});
    events.push(name("process_name", STORY, 0, "incident"));
    let mut tracks = BTreeMap::new();
    for (layer, pid) in std::iter::once(REQUESTS).chain(LAYERS) {
        let what = if layer == REQUESTS.0 { "requests".to_owned() } else { format!("{layer} connections") };
        for (tid, key) in (1u32..).zip(groups.iter().filter(|(l, _)| *l == layer)) {
            if tid == 1 {
                events.push(name("process_name", pid, 0, &what));
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
    let millis = |curve: &[Option<f64>]| curve.iter().map(|v| whole_millis(*v)).collect::<Vec<u32>>();
    let latency = [("latency p50, ms", millis(&series.latency_p50)), ("latency p95, ms", millis(&series.latency_p95))];
    curves.extend(latency.iter().map(|(name, curve)| ((*name).to_owned(), curve.as_slice())));
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

/// Seconds as whole milliseconds; 0 where there was no request.
fn whole_millis(seconds: Option<f64>) -> u32 {
    let span = std::time::Duration::try_from_secs_f64(seconds.unwrap_or(0.0)).unwrap_or_default();
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

fn connection(report: &Report, bar: &Bar, by_id: &BTreeMap<u32, &Bar>, tracks: &Tracks<'_>, events: &mut Vec<Value>) {
    let Some((pid, tid)) = tracks.get(&(bar.layer, bar.group.as_str())) else { return };
    let Some(ts) = micros(&bar.open) else { return };
    // A connection that nothing closed has no end event: the viewer draws it to the end and says that it did not finish.
    let name = match &bar.end {
        _ if leaked(bar) => format!("✗ leaked {}", bar.key),
        None => format!("{} (open, {})", bar.key, bar.class.replace('_', " ")),
        Some(_) => bar.key.clone(),
    };
    let mut args = json!({"class": bar.class, "why": bar.why, "client": bar.client, "opened at": place(report, &bar.at)});
    if let (Some(server), Some(fields)) = (bar.carried_by.and_then(|id| by_id.get(&id)), args.as_object_mut()) {
        let by = if bar.carried_surely { "by its process id" } else { "by the order of events" };
        fields.insert("carried by".into(), json!(format!("{} ({}), {by}", server.key, place(report, &server.at))));
    }
    events
        .push(json!({"ph": "b", "name": name, "cat": bar.layer, "id": bar.id, "ts": ts, "pid": pid, "tid": tid, "args": args}));
    if let Some(end) = bar.end.as_deref().and_then(micros) {
        events
            .push(json!({"ph": "e", "name": name, "cat": bar.layer, "id": bar.id, "ts": end.max(ts), "pid": pid, "tid": tid}));
    }
}

/// Each request that borrowed, once.
fn requests(report: &Report, bars: &[Bar], tracks: &Tracks<'_>, events: &mut Vec<Value>) {
    let all: BTreeMap<u32, &Asked> = bars.iter().filter_map(|b| b.request.as_ref()).map(|r| (r.id, r)).collect();
    for (id, request) in all {
        let Some((pid, tid)) = tracks.get(&(REQUESTS.0, request.group.as_str())) else { continue };
        let Some(ts) = micros(&request.from) else { continue };
        let args = json!({"request id": request.key, "logged at": place(report, &request.at)});
        events.push(
            json!({"ph": "b", "name": request.name, "cat": REQUESTS.0, "id": id, "ts": ts, "pid": pid, "tid": tid, "args": args}),
        );
        if let Some(end) = request.to.as_deref().and_then(micros) {
            events.push(
                json!({"ph": "e", "name": request.name, "cat": REQUESTS.0, "id": id, "ts": end.max(ts), "pid": pid, "tid": tid}),
            );
        }
    }
}

/// An end of a flow, or a step of it: where, when, and what to call the slice that it binds to.
struct Stop<'b> {
    track: (&'b str, &'b str),
    ts: i64,
    what: &'static str,
}

/// From the request over the borrow to the server session. A flow binds to a slice of a thread, so each of its stops gets one
/// of a microsecond beside its connection.
fn flows(bars: &[Bar], by_id: &BTreeMap<u32, &Bar>, tracks: &Tracks<'_>, events: &mut Vec<Value>) {
    let mut made: BTreeSet<(u32, u32, i64)> = BTreeSet::new();
    for bar in bars {
        let Some(borrow) = micros(&bar.open) else { continue };
        let server = bar.carried_by.filter(|_| bar.carried_surely).and_then(|id| by_id.get(&id));
        let mut stops = Vec::new();
        if let Some((request, from)) = bar.request.as_ref().and_then(|r| Some((r, micros(&r.from)?))) {
            stops.push(Stop { track: (REQUESTS.0, &request.group), ts: from.min(borrow), what: "asks" });
        }
        stops.push(Stop { track: (bar.layer, &bar.group), ts: borrow, what: "borrowed" });
        if let Some((server, open)) = server.and_then(|s| Some((s, micros(&s.open)?))) {
            stops.push(Stop { track: (server.layer, &server.group), ts: borrow.max(open), what: "carries" });
        }
        let last = stops.len() - 1;
        for (index, stop) in stops.iter().enumerate().filter(|_| last > 0) {
            let Some((pid, tid)) = tracks.get(&stop.track) else { continue };
            let (ph, ts) = (
                if index == 0 {
                    "s"
                } else if index == last {
                    "f"
                } else {
                    "t"
                },
                stop.ts,
            );
            // Flows of one moment share a slice: two of the same length would lie on one another.
            if made.insert((*pid, *tid, ts)) {
                events.push(json!({"ph": "X", "name": stop.what, "cat": "link", "ts": ts, "dur": 1, "pid": pid, "tid": tid}));
            }
            events.push(
                json!({"ph": ph, "bp": "e", "name": "holds", "cat": "link", "id": bar.id, "ts": ts, "pid": pid, "tid": tid}),
            );
        }
    }
}
