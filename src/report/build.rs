//! From the case to the report: numbers are taken over, codes become text, rows become references.

use super::{
    Alert, CallSite, Deploy, Gap, Leak, Ledger, Moment, Ref, Reject, Report, SCHEMA, Source, Tool, Window, attribution,
    diagnosed, incident, novel,
};
use crate::correlate::callsite::Attribution;
use crate::correlate::{Case, Class, Site};
use crate::diagnose::Diagnosis;
use crate::ingest::TextCol;
use crate::table::{EventTable, Row, RowId, Rows};
use backtrail_parsers::prim::time::show;
use backtrail_parsers::{Kind, Layer, Stamp};
use std::collections::BTreeMap;

/// Rejects shown per source.
const REJECTS: usize = 5;
/// Alerts and restarts on the timeline at the most; the rest is counted in a note.
const MOMENTS: usize = 400;

/// A time as RFC 3339 in UTC, to the millisecond.
pub fn rfc3339(nanos: i64) -> String {
    show(Stamp::instant(nanos, 3))
}

/// Builds the report of a case.
pub fn build(table: &EventTable, case: &Case, diagnosis: &Diagnosis) -> Report {
    let rows = table.rows();
    let mut undecided = BTreeMap::new();
    for session in case.sessions.iter().filter(|s| s.class == Class::Undecided) {
        *undecided.entry(session.why.to_owned()).or_default() += 1;
    }
    Report {
        schema: SCHEMA,
        tool: Tool { name: "backtrail", version: env!("CARGO_PKG_VERSION") },
        window: Window { from: case.window.map(|w| rfc3339(w.0)), to: case.window.map(|w| rfc3339(w.1)) },
        sources: sources(table, &rows, case),
        ledger: ledger(case),
        verdict: diagnosed::verdict(&rows, diagnosis),
        hypotheses: diagnosed::hypotheses(&rows, diagnosis),
        incident: incident::incident(&rows, diagnosis),
        impact: incident::impact(&rows, diagnosis),
        pools: super::pools::pools(&rows, diagnosis),
        separating: super::pools::separating(&rows, diagnosis),
        baseline: None,
        leaks: leaks(&rows, case),
        deploys: deploys(&rows, case),
        changes: super::deploys::changes(&rows, diagnosis),
        alerts: alerts(&rows, case),
        timeline: timeline(&rows, case, diagnosis),
        clock: super::clocks::clocks(table),
        logging_gaps: diagnosed::logging_gaps(diagnosis),
        suggestions: diagnosed::suggestions(&rows, diagnosis),
        notes: notes(table, case, diagnosis),
        rejects: rejects(table),
        undecided,
        judged: attribution::judged(case),
        new_messages: novel::novel(&rows, diagnosis),
        changed_messages: super::changed::changed(&rows, diagnosis),
        series: super::series::series(&rows, case, diagnosis),
    }
}

/// The reference of a row.
pub fn reference(rows: &Rows<'_>, id: RowId) -> Ref {
    let row = rows.get(id);
    Ref { source: row.source_id(), line: row.line(), offset: row.offset(), length: row.length() }
}

fn some(text: &[u8]) -> Option<String> {
    (!text.is_empty()).then(|| String::from_utf8_lossy(text).into_owned())
}

fn sources(table: &EventTable, rows: &Rows<'_>, case: &Case) -> Vec<Source> {
    let mut seen: Vec<(Common, Common, [u64; 5])> = table.sources.iter().map(|_| Default::default()).collect();
    for row in rows.iter() {
        if let Some((host, service, tiers)) = seen.get_mut(row.source_id() as usize) {
            host.see(row.code(TextCol::Host));
            service.see(row.code(TextCol::Service));
            if let Some(slot) = tier_of(row.kind()).and_then(|t| tiers.get_mut(t)) {
                *slot += 1;
            }
        }
    }
    let describe = |(source, (host, service, tiers)): (&crate::table::Source, (Common, Common, [u64; 5]))| Source {
        id: source.id,
        path: source.path.clone(),
        parts: source.stored.parts.clone(),
        sha256: source.stored.sha256.clone(),
        bytes: source.bytes,
        bytes_events: source.tally.events,
        bytes_rejected: source.tally.rejects,
        bytes_separators: source.tally.separators,
        records: source.records,
        rejected: source.rejects.len() as u64,
        format: source.format.clone(),
        envelope: some(source.envelope.as_bytes()),
        compression: source.stored.compression.name(),
        tier: tier_name(&tiers),
        host: host.only().and_then(|code| some(table.strings.get(code))),
        service: service.only().and_then(|code| some(table.strings.get(code))),
        time_zone: some(source.zone.name.as_bytes()),
        time_zone_basis: source.zone.basis.clone(),
        clock_offset_ms: source.clock.as_ref().map(|clock| super::clocks::offset_ms(source, clock)),
        clock_bound_ms: source.clock.as_ref().map(|clock| super::clocks::bound_ms(table, clock)),
        first: source.first.map(rfc3339),
        last: source.last.map(rfc3339),
        gaps: case
            .gaps
            .iter()
            .filter(|g| g.source == source.id)
            .map(|g| Gap { from: rfc3339(g.from), to: rfc3339(g.to) })
            .collect(),
    };
    table.sources.iter().zip(seen).map(describe).collect()
}

/// A value that all rows share, if they do.
#[derive(Debug, Default, Clone, Copy)]
struct Common {
    value: u32,
    many: bool,
}

impl Common {
    fn see(&mut self, code: u32) {
        if code != 0 {
            self.many |= self.value != 0 && self.value != code;
            self.value = code;
        }
    }

    fn only(self) -> Option<u32> {
        (!self.many && self.value != 0).then_some(self.value)
    }
}

const TIERS: [&str; 5] = ["lb", "app", "proxy", "db", "ops"];

fn tier_of(kind: Kind) -> Option<usize> {
    let name = kind.name();
    Some(match kind {
        Kind::Deploy | Kind::Rollback | Kind::Alert | Kind::ConfigChange => 4,
        Kind::RequestStart | Kind::RequestEnd | Kind::AppStart | Kind::AppStop | Kind::Error => 1,
        _ if name.starts_with("lb.") => 0,
        _ if name.starts_with("pool.") => 1,
        _ if name.starts_with("proxy.") => 2,
        _ if name.starts_with("db.") || name.starts_with("server.") => 3,
        _ => return None,
    })
}

fn tier_name(tiers: &[u64; 5]) -> &'static str {
    let best = tiers.iter().enumerate().max_by_key(|(index, count)| (**count, std::cmp::Reverse(*index)));
    best.filter(|(_, count)| **count > 0).and_then(|(index, _)| TIERS.get(index)).copied().unwrap_or("other")
}

fn ledger(case: &Case) -> BTreeMap<&'static str, Ledger> {
    let of = |layer: Layer| {
        let balance = case.balances.get(&layer).cloned().unwrap_or_default();
        let mut classes: BTreeMap<&'static str, u64> = balance.classes.iter().map(|(class, n)| (class.name(), *n)).collect();
        if balance.orphan_closes > 0 {
            classes.insert("orphan_close", balance.orphan_closes);
        }
        Ledger {
            opens: balance.opens,
            closes: balance.closes,
            carried_in: balance.carried_in,
            inferred_opens: balance.inferred_opens,
            orphan_closes: balance.orphan_closes,
            open_at_end: balance.open_at_end,
            peak_open: balance.peak_open,
            balanced: balance.holds(),
            ended_by_close: balance.ended_by_close,
            refused: balance.refused,
            classes,
        }
    };
    Layer::ALL.iter().map(|layer| (layer.name(), of(*layer))).collect()
}

/// A site as people write it: `io.shop.OrderDao.load (OrderDao.java:30)`.
pub fn show_site(site: &Site) -> String {
    let place = match (site.file.as_str(), site.line) {
        ("", _) => String::new(),
        (file, 0) => file.to_owned(),
        (file, line) => format!("{file}:{line}"),
    };
    match (site.function.as_str(), place.as_str()) {
        (function, "") => function.to_owned(),
        ("", place) => place.to_owned(),
        (function, place) => format!("{function} ({place})"),
    }
}

fn call_site(site: &Site) -> CallSite {
    CallSite {
        function: some(site.function.as_bytes()),
        file: some(site.file.as_bytes()),
        line: (site.line != 0).then_some(site.line),
        language: some(site.language.as_bytes()),
    }
}

fn leaks(rows: &Rows<'_>, case: &Case) -> Vec<Leak> {
    let one = |(rank, leak): (u32, &crate::correlate::Leak)| Leak {
        rank,
        call_site: leak.site.as_ref().map(call_site),
        callers: leak.callers.iter().map(call_site).collect(),
        endpoint: leak.endpoint.clone(),
        sessions: leak.sessions.len() as u64,
        first: rfc3339(leak.first),
        last: rfc3339(leak.last),
        connection_seconds: (leak.held / 1_000_000) as f64 / 1000.0,
        rate: leak.rate.as_ref().map(attribution::rate),
        by_age: attribution::by_age(case, leak),
        attribution: match leak.attribution {
            Attribution::Stack => "stack",
            Attribution::LogContext => "log_context",
            Attribution::Statistical => "statistical",
            Attribution::None => "none",
        },
        confidence: leak.confidence(),
        discriminators: attribution::discriminators(rows, leak),
        connections: leak.connections.clone(),
        evidence: leak.evidence.iter().map(|row| reference(rows, *row)).collect(),
    };
    (1u32..).zip(&case.leaks).map(one).collect()
}

fn deploys(rows: &Rows<'_>, case: &Case) -> Vec<Deploy> {
    let wanted = |kind: Kind| matches!(kind, Kind::Deploy | Kind::Rollback);
    let marked = case.markers.iter().filter(|m| wanted(m.kind));
    marked
        .map(|m| {
            let row = rows.get(m.row);
            Deploy {
                time: rfc3339(m.time),
                kind: m.kind.name(),
                service: some(row.text(TextCol::Subject)),
                version: some(row.text(TextCol::Version)),
                commit: some(row.text(TextCol::Revision)),
                evidence: vec![reference(rows, m.row)],
            }
        })
        .collect()
}

fn alerts(rows: &Rows<'_>, case: &Case) -> Vec<Alert> {
    let marked = case.markers.iter().filter(|m| m.kind == Kind::Alert);
    marked
        .map(|m| {
            let row = rows.get(m.row);
            Alert {
                time: rfc3339(m.time),
                name: some(row.text(TextCol::Subject)),
                severity: Some(row.severity().name()).filter(|s| !s.is_empty()),
                status: some(row.text(TextCol::Reason)),
                evidence: vec![reference(rows, m.row)],
            }
        })
        .collect()
}

/// The marker's own words, cleaned.
fn title(row: &Row<'_>) -> String {
    let text = |column| String::from_utf8_lossy(row.text(column)).into_owned();
    match row.kind() {
        Kind::Deploy | Kind::Rollback => {
            let verb = if row.kind() == Kind::Deploy { "deployed" } else { "rolled back" };
            [verb.to_owned(), text(TextCol::Subject), text(TextCol::Version)]
                .into_iter()
                .filter(|w| !w.is_empty())
                .collect::<Vec<_>>()
                .join(" ")
        }
        Kind::Alert => format!("alert {} {}", text(TextCol::Subject), text(TextCol::Reason)),
        kind if row.text(TextCol::Message).is_empty() => kind.name().to_owned(),
        _ => super::text::clean(&text(TextCol::Message)).chars().take(160).collect(),
    }
}

fn timeline(rows: &Rows<'_>, case: &Case, diagnosis: &Diagnosis) -> Vec<Moment> {
    let mut moments: Vec<(i64, Moment)> = Vec::new();
    for marker in case.markers.iter().take(MOMENTS) {
        let row = rows.get(marker.row);
        let moment = Moment {
            time: rfc3339(marker.time),
            bound_ms: incident::bound_ms(diagnosis.bounds.of(rows, marker.row)),
            phase: None,
            tier: tier_of(marker.kind).and_then(|t| TIERS.get(t)).copied().unwrap_or("other"),
            title: title(&row),
            evidence: vec![reference(rows, marker.row)],
        };
        moments.push((marker.time, moment));
    }
    for leak in &case.leaks {
        let place = leak.site.as_ref().map(show_site).or_else(|| leak.endpoint.clone()).unwrap_or_else(|| "unknown".into());
        let evidence: Vec<Ref> = leak.evidence.iter().take(1).map(|row| reference(rows, *row)).collect();
        let title = format!("first connection leaked at {place}");
        let bound_ms = leak.evidence.first().and_then(|row| incident::bound_ms(diagnosis.bounds.of(rows, *row)));
        let moment = Moment { time: rfc3339(leak.first), bound_ms, phase: None, tier: "app", title, evidence };
        moments.push((leak.first, moment));
    }
    incident::onto_timeline(rows, diagnosis, &mut moments);
    moments.sort_by_key(|(time, _)| *time);
    super::clocks::settle_order(&mut moments);
    moments.into_iter().map(|(_, moment)| moment).collect()
}

/// Everything that was inferred, said once.
fn notes(table: &EventTable, case: &Case, diagnosis: &Diagnosis) -> Vec<String> {
    let mut notes = Vec::new();
    for source in &table.sources {
        let path = &source.path;
        match source.zone.basis.as_str() {
            "assumed" => {
                notes
                    .push(format!("{path}: no zone is written; UTC is assumed. Give it with --tz '{}=ZONE'.", file_name(path)));
            }
            "evidence" => notes.push(format!(
                "{path}: no zone is written; UTC{} follows from {} records that match other sources.",
                source.zone.name, source.shift_pairs
            )),
            _ => {}
        }
        if let Some(year) = source.zone.year {
            notes.push(format!("{path}: no year is written; {year} is taken. Give it with --year."));
        }
        if source.zone.ambiguous > 0 {
            notes.push(format!(
                "{path}: {} records fall into the hour that the end of summer time repeats; order decides.",
                source.zone.ambiguous
            ));
        }
        if source.stored.overlap > 0 {
            notes.push(format!(
                "{path}: {} bytes stand in two files of the rotated set and are read once.",
                source.stored.overlap
            ));
        }
        if source.records > 0 && source.first.is_none() {
            notes.push(format!("{path}: no time was found in it."));
        }
    }
    notes.extend(super::clocks::notes(table));
    notes.extend(case.remarks.iter().cloned());
    notes.extend(attribution::late(case));
    notes.extend(novel::notes(diagnosis));
    notes.extend(super::changed::notes(diagnosis));
    if case.duplicates > 0 {
        notes.push(format!("{} records are written twice by their producer and are counted once.", case.duplicates));
    }
    notes
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn rejects(table: &EventTable) -> Vec<Reject> {
    let of = |source: &crate::table::Source| {
        let id = source.id;
        let one = move |r: &crate::ingest::Reject| Reject {
            at: Ref { source: id, line: r.line, offset: r.offset, length: r.length },
            reason: r.reason.text(),
        };
        source.rejects.iter().take(REJECTS).map(one).collect::<Vec<_>>()
    };
    table.sources.iter().flat_map(of).collect()
}
