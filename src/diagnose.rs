//! F4: what caused it, and what did not. Pure functions of the table and the case; every statement cites rows.

pub mod baseline;
pub mod budget;
pub mod causes;
pub mod changepoint;
pub mod curves;
pub mod deploys;
pub mod facts;
pub mod front;
pub mod histogram;
pub mod hypothesis;
pub mod impact;
pub mod logging;
pub mod moments;
pub mod onset;
pub mod pool;
pub mod probe;
pub mod signals;
pub mod slo;
pub mod spells;
pub mod suggest;
pub mod talkers;
pub mod trend;
pub mod verdict;

use crate::correlate::gaps::Gap;
use crate::correlate::templates::{changed, novel};
use crate::correlate::{self, Case, Marker};
use crate::table::{EventTable, RowId, Rows};
use backtrail_parsers::Kind;
use facts::Tier;
use hypothesis::Hypothesis;
use moments::Moments;
use std::collections::BTreeMap;
use verdict::Verdict;

/// Everything that diagnosis found.
#[derive(Debug)]
pub struct Diagnosis {
    /// The answer.
    pub verdict: Verdict,
    /// Every cause, the likeliest first, the ruled-out ones last.
    pub hypotheses: Vec<Hypothesis>,
    /// The moments of the incident.
    pub moments: Moments,
    /// What happened before users saw it, step by step.
    pub ladder: Vec<onset::Rung>,
    /// How far the sources' clocks may be off.
    pub bounds: onset::Bounds,
    /// Demand on the pools and their sizes.
    pub pools: pool::Arithmetic,
    /// Deploys and other changes, tried as triggers; none where nothing is wrong.
    pub changes: Vec<deploys::Trial>,
    /// Who was hurt.
    pub impact: impact::Impact,
    /// Warnings and errors that were new around the onset; `None` without an onset, or where the logs begin too late to tell.
    pub novel: Option<novel::Found>,
    /// Messages that vanished at the onset, and warnings of which there are many more or less since; `None` without an onset,
    /// or where the logs hold too little before or after it.
    pub changed: Option<changed::Found>,
    /// What the outage cost of an error budget; `None` where no objective was given.
    pub budget: Option<budget::Budget>,
    /// What could not be proved and which setting would have proved it.
    pub logging: Vec<logging::Gap>,
    /// What to do, each with its proof.
    pub suggestions: Vec<suggest::Suggestion>,
    /// How long requests took over time, and the rows behind the curves.
    pub curves: curves::Curves,
}

/// What rows tell before anything is known of the sessions.
#[derive(Debug)]
pub struct Glance {
    signals: signals::Signals,
    search: moments::Search,
}

/// Looks at the rows of a table.
pub fn glance(table: &EventTable) -> Glance {
    let rows = table.rows();
    let signals = signals::Signals::of(&rows);
    let search = moments::Search::new(&rows, &signals);
    Glance { signals, search }
}

/// Correlates a table and diagnoses the case.
pub fn examine(table: &EventTable) -> (Case, Diagnosis) {
    let (glance, case) = table.both(|| glance(table), || correlate::correlate(table));
    let diagnosis = conclude(table, &case, glance);
    (case, diagnosis)
}

/// Diagnoses a case.
pub fn diagnose(table: &EventTable, case: &Case) -> Diagnosis {
    conclude(table, case, glance(table))
}

fn conclude(table: &EventTable, case: &Case, glance: Glance) -> Diagnosis {
    let rows = table.rows();
    let Glance { mut signals, search } = glance;
    signals.add_sessions(case);
    let rough = search.moments(&rows, case, None);
    let (before, during) = windows(&rows, case, &rough);
    let (gathered, (facts, searched)) = table
        .both(|| pool::Gathered::of(&rows, case), || (facts::measure(&rows, case, before, during), searched(&rows, during)));
    let pools = pool::measure(&rows, case, &facts, gathered, rough.onset.is_some());
    let holes = holes(&rows, case, during);
    let context = causes::Context { facts: &facts, case, searched: &searched, pools: &pools, holes: &holes };
    let mut hypotheses = causes::weigh(&context);
    let likeliest = verdict::best(&hypotheses).map(|h| h.cause);
    let mut changes = likeliest.map(|cause| deploys::tried(&rows, case, &rough, cause)).unwrap_or_default();
    let trigger = verdict::trigger(&rows, case, &facts, &rough, &hypotheses, &changes);
    let hint = verdict::hint(case, &facts, &hypotheses, trigger.as_ref());
    let mut moments = search.moments(&rows, case, Some(&hint));
    let mut verdict = verdict::judge(&rows, case, &facts, &moments, &mut hypotheses, trigger);
    let logging = logging::gaps(table, case, &facts);
    let suggestions = suggest::suggest(&rows, case, &facts, &verdict, &pools);
    let bounds = onset::Bounds::of_stamps(&signals).widened(clocks(table));
    let trigger = verdict.trigger.as_ref();
    let climb = onset::Climb { rows: &rows, case, signals: &signals, moments: &moments, trigger, bounds: &bounds };
    let ladder = climb.ladder();
    if hint == moments::Hint::default() {
        moments.cause_start = onset::first_sign(&ladder).or(moments.onset);
    }
    onset::date(&ladder, &rows, &mut verdict.symptoms);
    deploys::settle(&mut changes, verdict.trigger.as_ref().map(|t| t.row));
    changes.retain(|_| verdict.cause.is_some());
    let said = || {
        let times = moments
            .onset
            .zip(case.window)
            .and_then(|(onset, window)| changed::Times::around(window, moments.cause_start, onset, moments.recovered));
        let changed = times.map(|times| changed::find(table, &rows, &case.gaps, &times));
        (moments.onset.and_then(|onset| novel::find(table, &rows, onset)), changed)
    };
    let hurt = || (impact::impact(&rows, &signals, &search, &moments), curves::curves(&rows, &signals, &case.series));
    let ((novel, changed), (impact, curves)) = table.both(said, hurt);
    Diagnosis {
        verdict,
        hypotheses,
        moments,
        ladder,
        bounds,
        pools,
        changes,
        impact,
        novel,
        changed,
        budget: None,
        logging,
        suggestions,
        curves,
    }
}

/// The two stretches that are compared: up to the incident, and the incident. Without one the logs' two halves are.
fn windows(rows: &Rows<'_>, case: &Case, moments: &Moments) -> ((i64, i64), (i64, i64)) {
    let (mut from, to) = case.window.unwrap_or((0, 1));
    // Counts a request and a second are compared: where requests are logged later than the rest, that is where it begins.
    let edge = if rows.iter().any(|r| r.kind() == Kind::LbRequest) { Kind::LbRequest } else { Kind::RequestEnd };
    let asked = rows.iter().filter(|r| r.kind() == edge && r.has_time()).map(|r| r.time()).min();
    if let Some((asked, onset)) = asked.zip(moments.span().map(|span| span.0))
        && onset - asked >= ENOUGH_BEFORE
    {
        from = from.max(asked);
    }
    let middle = i64::midpoint(from, to);
    let start = moments.span().map_or(middle, |span| span.0);
    let end = moments.recovered.unwrap_or(to).max(start + 1);
    // Up to the onset users saw nothing, though the cause may be at work: that is what the incident is compared with.
    ((from, start.max(from + 1)), (start.saturating_sub(LEAD), end))
}

/// So much time with requests before the onset is enough to compare with.
const ENOUGH_BEFORE: i64 = 60_000_000_000;
/// A silence that begins or ends so near to a start or stop of the source's own process is no hole.
const RESTARTED: i64 = 10_000_000_000;

/// A hole of this part of an incident may hide what it was.
const HIDES: i64 = 20;

/// Tiers of which a log has a hole during the incident.
fn holes(rows: &Rows<'_>, case: &Case, during: (i64, i64)) -> Vec<Tier> {
    let restarted = |gap: &Gap| {
        let own = case.markers.iter().filter(|m| rows.get(m.row).source_id() == gap.source);
        let lives = |m: &&Marker| matches!(m.kind, Kind::AppStart | Kind::AppStop | Kind::ServerStart | Kind::ServerStop);
        own.filter(lives).any(|m| (m.time - gap.from).abs() <= RESTARTED || (m.time - gap.to).abs() <= RESTARTED)
    };
    // A short silence in a long incident hides little; one at its begin hides what matters.
    let hides = |gap: &Gap| {
        let long = gap.to.min(during.1) - gap.from.max(during.0);
        long > 0 && (long >= (during.1 - during.0) / HIDES || gap.from <= during.0)
    };
    let inside: Vec<u32> = case.gaps.iter().filter(|g| hides(g) && !restarted(g)).map(|g| g.source).collect();
    if inside.is_empty() {
        return Vec::new();
    }
    let mut counts: BTreeMap<u32, [u64; 3]> = BTreeMap::new();
    for row in rows.iter().filter(|r| inside.contains(&r.source_id())) {
        if let Some(slot) = Tier::of(&row).and_then(|t| counts.entry(row.source_id()).or_default().get_mut(t as usize)) {
            *slot += 1;
        }
    }
    let tier = |counts: &[u64; 3]| {
        let all = [Tier::App, Tier::Pool, Tier::Database].into_iter().zip(counts);
        all.max_by_key(|(_, n)| **n).filter(|(_, n)| **n > 0).map(|(tier, _)| tier)
    };
    // An application writes its pool's lines into its own log.
    let own = |tier| if tier == Tier::Pool { vec![Tier::Pool, Tier::App] } else { vec![tier] };
    counts.values().filter_map(tier).flat_map(own).collect()
}

/// How far the clocks of sources that were compared with others may be off, ns: what is not known of them, and what was left
/// uncorrected.
fn clocks(table: &EventTable) -> impl Iterator<Item = (u32, i64)> {
    table.sources.iter().filter_map(|source| {
        let clock = source.clock.as_ref().filter(|c| !c.segments.is_empty())?;
        let (first, last) = source.first.zip(source.last)?;
        let left = if clock.applied { 0 } else { clock.largest(first, last).abs() };
        Some((source.id, clock.bound.saturating_add(left)))
    })
}

/// A cause may show this long before users see anything: that still belongs to the incident.
const LEAD: i64 = 2_000_000_000;

/// The first and the last row of a stretch of time.
fn searched(rows: &Rows<'_>, during: (i64, i64)) -> Vec<RowId> {
    let inside = rows.iter().filter(|r| r.has_time() && r.time() >= during.0 && r.time() < during.1);
    let ends = inside.fold(None, |ends: Option<((i64, RowId), (i64, RowId))>, row| {
        let this = (row.time(), row.id);
        Some(ends.map_or((this, this), |(first, last)| (first.min(this), last.max(this))))
    });
    ends.map(|(first, last)| vec![first.1, last.1]).unwrap_or_default()
}
