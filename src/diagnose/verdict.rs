//! One cause, or the honest answer that the logs do not tell: statuses that compare causes, the trigger, the symptoms.

use super::deploys::Trial;
use super::facts::{Count, Facts};
use super::hypothesis::{Cause, Hypothesis, Status};
use super::moments::{Hint, Moments};
use crate::correlate::{Case, Class, Marker};
use crate::ingest::TextCol;
use crate::table::{RowId, Rows};
use backtrail_parsers::{Kind, Layer};

const SECOND: i64 = 1_000_000_000;
/// A deploy sets something off within this time; a leak may take longer to be seen.
const SOON: i64 = 600 * SECOND;
/// Without a sign that suffices alone, so much of what would have to be known must be known.
const COVERED: f64 = 0.5;
/// How far ahead of the next cause the best one must be.
const MARGIN: f64 = 0.15;

/// How sure the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sureness {
    /// One cause is confirmed.
    Confirmed,
    /// One cause is likely.
    Likely,
    /// Something is wrong, and the logs do not say what.
    InsufficientEvidence,
    /// Nothing is wrong.
    NothingAbnormal,
}

impl Sureness {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Sureness::Confirmed => "confirmed",
            Sureness::Likely => "likely",
            Sureness::InsufficientEvidence => "insufficient_evidence",
            Sureness::NothingAbnormal => "nothing_abnormal",
        }
    }
}

/// What set it off.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// `deploy` or `config_change`.
    pub kind: &'static str,
    /// In words.
    pub title: String,
    /// When, ns UTC.
    pub time: i64,
    /// The row.
    pub row: RowId,
}

/// What it looked like.
#[derive(Debug, Clone, PartialEq)]
pub struct Symptom {
    /// A short name.
    pub kind: &'static str,
    /// When it was first seen, ns UTC.
    pub time: Option<i64>,
    /// In words.
    pub text: String,
    /// Rows that show it.
    pub evidence: Vec<RowId>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// How sure.
    pub sureness: Sureness,
    /// Which cause.
    pub cause: Option<Cause>,
    /// One or two sentences.
    pub summary: String,
    /// What set it off.
    pub trigger: Option<Trigger>,
    /// What it looked like.
    pub symptoms: Vec<Symptom>,
}

/// The first sign of the likeliest cause: the first leaked open, or the first wait, error or refusal during the incident.
fn first_sign(case: &Case, hypotheses: &[Hypothesis], rows: &Rows<'_>) -> Option<i64> {
    let best = best(hypotheses)?;
    if best.cause == Cause::ConnectionLeak {
        return case.leaks.iter().map(|l| l.first).min();
    }
    let shown = best.signs.iter().filter(|s| s.value > 0.0).flat_map(|s| &s.evidence).map(|row| rows.get(*row).time());
    shown.min()
}

/// Which causes bring the signs of which others with them: where both are sufficient, the second is the first's doing.
const EXPLAINS: [(Cause, &[Cause]); 11] = [
    (
        Cause::ConnectionLeak,
        &[
            Cause::UndersizedPool,
            Cause::HeldAcrossSlowCall,
            Cause::NetworkLatency,
            Cause::TrafficSurge,
            Cause::ResourceExhaustion,
            Cause::LbMisconfiguration,
        ],
    ),
    (
        Cause::ResourceExhaustion,
        &[
            Cause::DatabaseRestart,
            Cause::DatabaseUnreachable,
            Cause::LbMisconfiguration,
            Cause::NetworkLatency,
            Cause::UndersizedPool,
            Cause::HeldAcrossSlowCall,
        ],
    ),
    (
        Cause::DatabaseRestart,
        &[
            Cause::DatabaseUnreachable,
            Cause::SlowQueries,
            Cause::HeldAcrossSlowCall,
            Cause::UndersizedPool,
            Cause::TrafficSurge,
            Cause::LbMisconfiguration,
            Cause::NetworkLatency,
        ],
    ),
    (
        Cause::DatabaseUnreachable,
        &[
            Cause::HeldAcrossSlowCall,
            Cause::UndersizedPool,
            Cause::TrafficSurge,
            Cause::LbMisconfiguration,
            Cause::NetworkLatency,
        ],
    ),
    (
        Cause::CacheFailure,
        &[Cause::SlowQueries, Cause::UndersizedPool, Cause::TrafficSurge, Cause::HeldAcrossSlowCall, Cause::NetworkLatency],
    ),
    (
        Cause::AbusiveClient,
        &[
            Cause::TrafficSurge,
            Cause::SlowQueries,
            Cause::UndersizedPool,
            Cause::HeldAcrossSlowCall,
            Cause::CacheFailure,
            Cause::NetworkLatency,
        ],
    ),
    (Cause::TrafficSurge, &[Cause::SlowQueries, Cause::UndersizedPool, Cause::HeldAcrossSlowCall, Cause::NetworkLatency]),
    (Cause::SlowQueries, &[Cause::HeldAcrossSlowCall, Cause::UndersizedPool, Cause::NetworkLatency]),
    (Cause::HeldAcrossSlowCall, &[Cause::UndersizedPool, Cause::NetworkLatency]),
    (Cause::UndersizedPool, &[Cause::NetworkLatency]),
    (Cause::NetworkLatency, &[Cause::LbMisconfiguration]),
];

/// True where another sufficient cause brings this one's signs with it.
fn explained(hypotheses: &[Hypothesis], cause: Cause) -> bool {
    let stands = |by: Cause| {
        hypotheses
            .iter()
            .any(|h| h.cause == by && h.sufficient() && h.status != Status::RuledOut && h.score.unwrap_or(0.0) > 0.0)
    };
    EXPLAINS.iter().any(|(by, what)| what.contains(&cause) && *by != cause && stands(*by))
}

pub(super) fn best(hypotheses: &[Hypothesis]) -> Option<&Hypothesis> {
    let open = hypotheses.iter().filter(|h| h.status != Status::RuledOut && h.status != Status::CannotTell);
    open.max_by(|a, b| {
        let key = |h: &Hypothesis| (h.sufficient() && !explained(hypotheses, h.cause), h.sufficient(), h.score.unwrap_or(-1.0));
        key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal).then(b.cause.cmp(&a.cause))
    })
}

/// The deploy or change of configuration that set the likeliest cause off: the last one before its first sign. One whose
/// service is deployed again when things get better is preferred to one that is not; one that its trial clears is neither.
pub fn trigger(
    rows: &Rows<'_>,
    case: &Case,
    facts: &Facts,
    moments: &Moments,
    hypotheses: &[Hypothesis],
    trials: &[Trial],
) -> Option<Trigger> {
    if moments.spells.is_empty() && facts.leaked == 0 {
        return None;
    }
    let sign = first_sign(case, hypotheses, rows).or(moments.onset)?;
    let leak = best(hypotheses).is_some_and(|h| h.cause == Cause::ConnectionLeak);
    let reach = if leak { interval(case).map_or(SOON, |usual| (4 * usual).clamp(SOON / 10, 24 * SOON)) } else { SOON };
    let changes: Vec<&Marker> =
        case.markers.iter().filter(|m| matches!(m.kind, Kind::Deploy | Kind::Rollback | Kind::ConfigChange)).collect();
    // A deploy takes effect when its processes have started, which may take minutes.
    let effect = |m: &Marker| {
        let started = case
            .markers
            .iter()
            .filter(|s| s.kind == Kind::AppStart && s.time >= m.time && s.time <= sign && s.time - m.time <= SOON);
        started.map(|s| s.time).max().unwrap_or(m.time)
    };
    let started = |m: &Marker| {
        case.markers.iter().any(|s| s.kind == Kind::AppStart && s.time >= m.time - 5 * SECOND && s.time - m.time <= SOON / 5)
    };
    let trial = |m: &Marker| trials.iter().find(|t| t.rows.contains(&m.row));
    let cleared = |m: &Marker| trial(m).is_some_and(|t| t.role.acquits());
    let passed = |m: &Marker| trial(m).is_some_and(Trial::passed);
    // What has passed its trial is held against the onset: the first sign may be a state that was always there.
    let before = |m: &Marker, moment: i64| m.time <= moment + 2 * SECOND && moment - effect(m) <= reach;
    let soon = |m: &Marker| before(m, sign) || passed(m) && moments.onset.is_some_and(|onset| before(m, onset));
    let near: Vec<&&Marker> = changes.iter().filter(|m| soon(m) && !cleared(m)).collect();
    let service = |m: &Marker| rows.get(m.row).code(TextCol::Subject);
    let end = moments.recovered.or(moments.mitigated);
    let mended = |m: &Marker| {
        end.is_some_and(|end| {
            changes.iter().any(|later| {
                later.time > m.time + SECOND && (later.time - end).abs() <= SOON / 2 && service(later) == service(m)
            })
        })
    };
    // One whose service shows no new process in these logs, and that nobody took back, merely came before.
    let starts = case.markers.iter().any(|m| m.kind == Kind::AppStart);
    let outside = best(hypotheses).is_some_and(|h| matches!(h.cause, Cause::TrafficSurge | Cause::AbusiveClient));
    let taken = |m: &&&&Marker| !outside && (!starts || m.kind == Kind::ConfigChange || started(m) || configures(rows, m));
    let last = |wanted: &dyn Fn(&&&&Marker) -> bool| near.iter().rev().find(|m| wanted(m));
    let chosen = last(&|m| mended(m)).or_else(|| last(&|m| passed(m) && taken(m))).or_else(|| last(&taken))?;
    if let Some(trial) = trial(chosen) {
        let kind = if trial.kind == Kind::ConfigChange { "config_change" } else { "deploy" };
        let row = trial.rows.first().copied().unwrap_or(chosen.row);
        return Some(Trigger { kind, title: trial.title.clone(), time: rows.get(row).time(), row });
    }
    let row = rows.get(chosen.row);
    let text = |column| String::from_utf8_lossy(row.text(column)).into_owned();
    let kind = if chosen.kind == Kind::ConfigChange { "config_change" } else { "deploy" };
    let title =
        [text(TextCol::Subject), text(TextCol::Version)].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ");
    let title = if title.is_empty() { text(TextCol::Message) } else { title };
    Some(Trigger { kind, title, time: chosen.time, row: chosen.row })
}

/// A deploy of a configuration starts no process of its own.
fn configures(rows: &Rows<'_>, marker: &Marker) -> bool {
    let subject = rows.get(marker.row).text(TextCol::Subject);
    [&b"config"[..], b"conf", b"lb", b"proxy", b"routing", b"rules", b"bouncer", b"migration", b"schema", b"flag"]
        .iter()
        .any(|word| memchr::memmem::find(subject, word).is_some())
}

/// The usual time between the first leaked opens: a deploy that brought the leak lies not much further before the first.
fn interval(case: &Case) -> Option<i64> {
    let leaked = case.leaks.iter().flat_map(|l| &l.sessions).filter_map(|index| case.sessions.get(*index as usize));
    let mut opens: Vec<i64> = leaked.map(|s| s.open).collect();
    opens.sort_unstable();
    let mut gaps: Vec<i64> = opens.iter().zip(opens.iter().skip(1)).take(20).map(|(a, b)| b - a).collect();
    gaps.sort_unstable();
    crate::correlate::stats::quantile(&gaps, 0.75)
}

/// What the search for the moments is told about the cause.
pub fn hint(case: &Case, facts: &Facts, hypotheses: &[Hypothesis], trigger: Option<&Trigger>) -> Hint {
    let leak = best(hypotheses).is_some_and(|h| h.cause == Cause::ConnectionLeak && facts.leaked > 0);
    let first_sign = if leak { case.leaks.iter().map(|l| l.first).min() } else { None };
    Hint { first_sign, trigger: trigger.map(|t| t.time) }
}

/// Gives the verdict and puts the hypotheses into their order.
pub fn judge(
    rows: &Rows<'_>,
    case: &Case,
    facts: &Facts,
    moments: &Moments,
    hypotheses: &mut [Hypothesis],
    trigger: Option<Trigger>,
) -> Verdict {
    let score = |h: &Hypothesis| h.score.unwrap_or(-1.0);
    let chosen = best(hypotheses).map(|h| h.cause);
    let runner_up = hypotheses
        .iter()
        .filter(|h| Some(h.cause) != chosen && h.status != Status::RuledOut && h.sufficient())
        // A chain does not compete with itself.
        .filter(|h| !explained(hypotheses, h.cause))
        .map(score)
        .fold(-1.0, f64::max);
    let abnormal = !moments.spells.is_empty() || facts.leaked >= 5;
    // Nothing abnormal can be said of what was not told at all.
    let mut sureness = if abnormal || silent(facts) { Sureness::InsufficientEvidence } else { Sureness::NothingAbnormal };
    let mut cause = None;
    for h in hypotheses.iter_mut() {
        if !abnormal || Some(h.cause) != chosen {
            // Only the answer may be called likely: the others are at most possible.
            h.status = if h.status == Status::Likely { Status::Possible } else { h.status };
            continue;
        }
        let ahead = score(h) - runner_up;
        let strong = h.sufficient() && score(h) >= 0.4;
        if strong && !h.contradicted() && score(h) >= 0.6 && ahead >= MARGIN {
            (h.status, sureness, cause) = (Status::Confirmed, Sureness::Confirmed, Some(h.cause));
        } else if h.sufficient() || score(h) >= 0.4 && h.coverage >= COVERED && ahead >= MARGIN {
            (h.status, sureness, cause) = (Status::Likely, Sureness::Likely, Some(h.cause));
        }
    }
    hypotheses.sort_by(|a, b| {
        a.status
            .cmp(&b.status)
            .then(score(b).partial_cmp(&score(a)).unwrap_or(std::cmp::Ordering::Equal))
            .then(a.cause.cmp(&b.cause))
    });
    let symptoms = symptoms(facts);
    let trigger = trigger.filter(|_| cause.is_some());
    let summary = summary(rows, case, facts, sureness, cause, trigger.as_ref());
    Verdict { sureness, cause, summary, trigger, symptoms }
}

fn symptoms(facts: &Facts) -> Vec<Symptom> {
    let during = &facts.during;
    let mut out = Vec::new();
    let mut add = |kind, count: &Count, text: String| {
        if count.n > 0 {
            out.push(Symptom { kind, time: None, text, evidence: count.rows.clone() });
        }
    };
    add("pool_exhaustion", &during.timeouts, format!("{} waits for a connection were in vain", during.timeouts.n));
    add("server_full", &during.full, format!("the database turned away {} clients for lack of room", during.full.n));
    let share = during.failed.n as f64 / during.requests.n.max(1) as f64 * 100.0;
    add("errors", &during.failed, format!("{} of {} requests failed ({share:.1} %)", during.failed.n, during.requests.n));
    out
}

/// True where no line with a time tells of more than that something was logged.
fn silent(facts: &Facts) -> bool {
    facts.seen.iter().all(|kind| matches!(kind, Kind::Log | Kind::Error))
}

fn summary(
    rows: &Rows<'_>,
    case: &Case,
    facts: &Facts,
    sureness: Sureness,
    cause: Option<Cause>,
    trigger: Option<&Trigger>,
) -> String {
    let began = trigger.map(|t| format!(", set off by the {} of {}", t.kind.replace('_', " "), t.title)).unwrap_or_default();
    match (sureness, cause) {
        (Sureness::NothingAbnormal, _) => {
            let open =
                case.sessions.iter().filter(|s| s.layer == Layer::Db && s.end.is_none() && s.class != Class::Leaked).count();
            if facts.leaked_in_all > 0 {
                let n = facts.leaked_in_all;
                let were = if n == 1 { "connection was" } else { "connections were" };
                return format!("No spell of failing requests; but {n} {were} never given back: see the call sites below.");
            }
            format!(
                "Nothing abnormal was found: no leak, no spell of failing requests. {open} database sessions are open at the end of the logs and none of them is a leak."
            )
        }
        (_, Some(Cause::ConnectionLeak)) => {
            let leaked: usize = case.leaks.iter().map(|l| l.sessions.len()).sum();
            let place = case.leaks.first().map(|leak| {
                let site = leak.site.as_ref().map(|s| format!("{} ({}:{})", s.function, s.file, s.line));
                site.or_else(|| leak.endpoint.clone()).unwrap_or_else(|| "a place that the logs do not name".into())
            });
            let place = place.unwrap_or_default();
            format!("A connection leak{began}: {leaked} connections were never given back, most of them opened at {place}.")
        }
        (_, Some(cause)) => {
            let _ = rows;
            let words = cause.words();
            let first = words.chars().next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
            let leak = if facts.leaked == 0 { " No connection leaked." } else { "" };
            format!("{first}{}{began}.{leak}", words.get(1..).unwrap_or_default())
        }
        (_, None) if silent(facts) => {
            "No line tells of a request, a connection or a statement: these logs say nothing about an outage.".into()
        }
        (_, None) => "Something went wrong, and these logs do not prove what; see what would have been needed below.".into(),
    }
}
