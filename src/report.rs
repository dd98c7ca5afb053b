//! F5: the report, a plain mirror of what was found. Shows, never recomputes. The only floor that serialises.

pub mod answer;
pub mod attribution;
pub mod baseline;
pub mod build;
pub mod changed;
pub mod citations;
pub mod clocks;
pub mod csv;
pub mod deploys;
pub mod diagnosed;
pub mod events;
pub mod gate;
pub mod holders;
pub mod html;
pub mod incident;
pub mod json;
pub mod junit;
pub mod ladder;
pub mod lanes;
pub mod local;
pub mod markdown;
pub mod novel;
pub mod openmetrics;
pub mod pools;
pub mod postmortem;
pub mod quotes;
pub mod redact;
pub mod sarif;
pub mod schema;
pub mod series;
pub mod sessions;
pub mod site;
pub mod spark;
pub mod text;
pub mod timeline;
pub mod verify;

pub use series::{Peak, Series};

use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Name and version of the report's shape.
pub const SCHEMA: &str = "backtrail.report/1";

/// Where a statement can be checked: byte offsets are into the decompressed source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ref {
    /// Index of the source in [`Report::sources`].
    pub source: u32,
    /// One-based line.
    pub line: u32,
    /// Byte offset.
    pub offset: u64,
    /// Bytes.
    pub length: u32,
}

/// The report. Unknown is `null`, never a guess; times are RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// What wrote it.
    pub tool: Tool,
    /// First and last time of all sources.
    pub window: Window,
    /// What was read.
    pub sources: Vec<Source>,
    /// Counts per layer: `lb request pool proxy db`; layers that no log tells of are all zero.
    pub ledger: BTreeMap<&'static str, Ledger>,
    /// The answer.
    pub verdict: Verdict,
    /// Causes weighed.
    pub hypotheses: Vec<Hypothesis>,
    /// The moments of the outage.
    pub incident: Incident,
    /// Who was hurt.
    pub impact: Impact,
    /// Pools: their sizes, what was asked of them, what other sizes would have changed.
    pub pools: Vec<pools::Pool>,
    /// The numbers that separate a leak from a small pool from slow statements.
    pub separating: Option<pools::Separating>,
    /// What changed against the baseline; absent where none was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Vec<baseline::Change>>,
    /// Leaking call sites, ranked.
    pub leaks: Vec<Leak>,
    /// Versions put into service.
    pub deploys: Vec<Deploy>,
    /// Deploys and other changes, tried as triggers; none where nothing is wrong.
    pub changes: Vec<deploys::Change>,
    /// Alerts.
    pub alerts: Vec<Alert>,
    /// What happened, in order.
    pub timeline: Vec<Moment>,
    /// Clocks of the sources against each other.
    pub clock: Vec<Clock>,
    /// What could not be proved, and the setting that would have proved it.
    pub logging_gaps: Vec<LoggingGap>,
    /// What to do.
    pub suggestions: Vec<Suggestion>,
    /// What was inferred or could not be read, in words.
    pub notes: Vec<String>,
    /// Records that no parser took: the first ones of each source.
    pub rejects: Vec<Reject>,
    /// Sessions whose class is `undecided`, by reason.
    pub undecided: BTreeMap<String, u64>,
    /// What statistics say of sessions whose fate no rule decides.
    pub judged: Vec<Judged>,
    /// Warnings and errors that were new around the onset: leads, no findings.
    pub new_messages: Vec<NewMessage>,
    /// Messages that vanished at the onset, and warnings and errors whose rate changed by much: leads, no findings.
    pub changed_messages: Vec<ChangedMessage>,
    /// Curves over the window.
    pub series: Series,
}

/// What wrote the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Tool {
    /// `backtrail`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// A stretch of time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Window {
    /// Begin.
    pub from: Option<String>,
    /// End.
    pub to: Option<String>,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Source {
    /// Index.
    pub id: u32,
    /// Path.
    pub path: String,
    /// Files of a rotated set, oldest first.
    pub parts: Vec<String>,
    /// SHA-256 of the stored bytes.
    pub sha256: String,
    /// Decompressed bytes.
    pub bytes: u64,
    /// Bytes of events, of rejects, between records; their sum is `bytes`.
    pub bytes_events: u64,
    /// See `bytes_events`.
    pub bytes_rejected: u64,
    /// See `bytes_events`.
    pub bytes_separators: u64,
    /// Events.
    pub records: u64,
    /// Records that no parser took.
    pub rejected: u64,
    /// Format.
    pub format: String,
    /// Envelopes.
    pub envelope: Option<String>,
    /// Compression.
    pub compression: &'static str,
    /// `lb`, `app`, `proxy`, `db`, `ops` or `other`.
    pub tier: &'static str,
    /// Host, where all records agree.
    pub host: Option<String>,
    /// Service, where all records agree.
    pub service: Option<String>,
    /// Zone.
    pub time_zone: Option<String>,
    /// How it is known.
    pub time_zone_basis: String,
    /// Offset of its clock.
    pub clock_offset_ms: Option<f64>,
    /// How well that is known.
    pub clock_bound_ms: Option<f64>,
    /// First time.
    pub first: Option<String>,
    /// Last time.
    pub last: Option<String>,
    /// Holes.
    pub gaps: Vec<Gap>,
}

/// A hole in a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Gap {
    /// Last record before it.
    pub from: String,
    /// First record after it.
    pub to: String,
}

/// Counts of a layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ledger {
    /// Sessions let in, as logged.
    pub opens: u64,
    /// Closes, as logged.
    pub closes: u64,
    /// Inferred opens that began before the source's first record.
    pub carried_in: u64,
    /// Opens learned otherwise.
    pub inferred_opens: u64,
    /// Closes without an open.
    pub orphan_closes: u64,
    /// Sessions without an end.
    pub open_at_end: u64,
    /// Most open at one moment.
    pub peak_open: u64,
    /// Attempts turned away.
    pub refused: BTreeMap<String, u64>,
    /// Sessions by class.
    pub classes: BTreeMap<&'static str, u64>,
    /// Sessions that a logged close ended.
    pub ended_by_close: u64,
    /// Both sums agree.
    pub balanced: bool,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verdict {
    /// `confirmed likely insufficient_evidence nothing_abnormal`.
    pub status: &'static str,
    /// A cause of the vocabulary.
    pub cause: Option<&'static str>,
    /// One sentence.
    pub summary: String,
    /// What set it off.
    pub trigger: Option<Trigger>,
    /// What it looked like.
    pub symptoms: Vec<Symptom>,
}

/// What set it off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Trigger {
    /// `deploy` …
    pub kind: &'static str,
    /// Words.
    pub title: String,
    /// When.
    pub time: String,
    /// Proof.
    pub evidence: Vec<Ref>,
}

/// A symptom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Symptom {
    /// `pool_exhaustion` …
    pub kind: &'static str,
    /// When it began.
    pub time: Option<String>,
    /// Words.
    pub text: String,
    /// Proof.
    pub evidence: Vec<Ref>,
}

/// A cause weighed.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Hypothesis {
    /// A cause of the vocabulary.
    pub cause: &'static str,
    /// `confirmed likely possible cannot_tell ruled_out`.
    pub status: &'static str,
    /// −1 to 1.
    pub score: Option<f64>,
    /// What speaks for it.
    #[serde(rename = "for")]
    pub speaks_for: Vec<Finding>,
    /// What speaks against it.
    pub against: Vec<Finding>,
    /// What would be needed to tell.
    pub missing: Vec<String>,
}

/// A statement with its number and its proof.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Finding {
    /// Words.
    pub text: String,
    /// Number.
    pub value: Option<f64>,
    /// Proof.
    pub evidence: Vec<Ref>,
}

/// The moments of the outage.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Incident {
    /// The cause begins.
    pub cause_start: Option<String>,
    /// Users begin to see it.
    pub onset: Option<String>,
    /// Somebody was told.
    pub detected: Option<String>,
    /// It gets better.
    pub mitigated: Option<String>,
    /// It is over.
    pub recovered: Option<String>,
    /// Seconds in which service was degraded.
    pub degraded_seconds: Option<f64>,
    /// `requests` or `events`: what the moments rest on; `null` without an incident.
    pub basis: Option<&'static str>,
    /// Stretches in which service was degraded; more than one where the outage was intermittent.
    pub spells: Vec<Spell>,
    /// What happened before users saw it, step by step, in the order of time.
    pub ladder: Vec<Rung>,
}

/// A stretch in which service was degraded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Spell {
    /// Begin of its first bad request.
    pub from: String,
    /// End of its last one.
    pub to: String,
    /// Requests that failed or were too slow.
    pub bad: u64,
    /// Of those: failed.
    pub failed: u64,
    /// Requests that were too slow in the application, where the tier at which requests are counted does not tell.
    pub slow_inside: u64,
    /// The first and the last of them.
    pub evidence: Vec<Ref>,
}

/// A step of the onset ladder.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Rung {
    /// `trigger leak queries hold_time in_use no_idle waiters timeouts refused onset` …
    pub kind: &'static str,
    /// When it began, as far as can be told.
    pub time: String,
    /// Seconds from the onset, negative before it.
    pub offset_s: Option<f64>,
    /// It did not begin before this.
    pub earliest: String,
    /// It had begun by this.
    pub latest: String,
    /// How far its source's clock may be off.
    pub bound_ms: Option<f64>,
    /// False where it cannot be told whether it came before or after the step before.
    pub ordered: bool,
    /// Words.
    pub text: String,
    /// Proof.
    pub evidence: Vec<Ref>,
}

/// Who was hurt.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Impact {
    /// Requests.
    pub requests: Option<u64>,
    /// Failed ones.
    pub failed: Option<u64>,
    /// Their share.
    pub failed_share: Option<f64>,
    /// Clients.
    pub clients: Option<u64>,
    /// Clients with a failed request.
    pub clients_affected: Option<u64>,
    /// Their share.
    pub clients_affected_share: Option<f64>,
    /// 95 % interval of that share (Wilson).
    pub clients_affected_interval: Option<[f64; 2]>,
    /// What stands for a client.
    pub client_key: Option<String>,
    /// The worst minute.
    pub error_peak: Option<ErrorPeak>,
    /// Of the users' requests between onset and recovery, the share that failed or was too slow.
    pub degraded_share: Option<f64>,
    /// Those requests, and the bad ones among them.
    pub degraded: Option<[u64; 2]>,
    /// Minutes in which service was degraded.
    pub degraded_minutes: Option<f64>,
    /// Clients of which half of their requests in the incident or more were bad.
    pub clients_severe: Option<u64>,
    /// Cost in error budget, where an objective is given.
    pub slo: Option<Slo>,
}

/// What the outage cost of an error budget of thirty days.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Slo {
    /// Share of requests that are to be good.
    pub target: f64,
    /// Users' requests in the log.
    pub valid: u64,
    /// Bad ones.
    pub bad: u64,
    /// Share of the budget used, over 1 where it is overspent.
    pub budget_used: f64,
    /// Burn-rate alerts, the most urgent first.
    pub bands: Vec<Band>,
}

/// A burn-rate alert.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Band {
    /// Burn rate at which it fires.
    pub burn_rate: f64,
    /// Long window in seconds.
    pub long_s: f64,
    /// Short window in seconds.
    pub short_s: f64,
    /// Highest burn rate over the long window.
    pub peak: f64,
    /// When it would have fired.
    pub fired: Option<String>,
}

/// The worst minute.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ErrorPeak {
    /// Share of failed requests.
    pub share: f64,
    /// When.
    pub at: String,
    /// Failed.
    pub failed: u64,
    /// Of.
    pub requests: u64,
    /// The first of those that failed.
    pub evidence: Vec<Ref>,
}

/// A leaking call site.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Leak {
    /// 1 is the worst.
    pub rank: u32,
    /// The line of code.
    pub call_site: Option<CallSite>,
    /// Frames further out.
    pub callers: Vec<CallSite>,
    /// The endpoint.
    pub endpoint: Option<String>,
    /// Sessions leaked.
    pub sessions: u64,
    /// First opening.
    pub first: String,
    /// Last opening.
    pub last: String,
    /// Time held by all of them together, until each ended or its log did.
    pub connection_seconds: f64,
    /// Leaks per thousand borrows, or per thousand requests where borrows are not logged.
    pub rate: Option<Rate>,
    /// What the age of those sessions says that no rule decides; `null` where rules decide all.
    pub by_age: Option<Judged>,
    /// `stack log_context statistical none`.
    pub attribution: &'static str,
    /// `certain strong moderate unattributed`.
    pub confidence: &'static str,
    /// What its requests have and others lack, the most telling first.
    pub discriminators: Vec<Discriminator>,
    /// Keys.
    pub connections: Vec<String>,
    /// Proof.
    pub evidence: Vec<Ref>,
}

/// A line of code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CallSite {
    /// Function with its module or class.
    pub function: Option<String>,
    /// File.
    pub file: Option<String>,
    /// Line.
    pub line: Option<u32>,
    /// Language.
    pub language: Option<String>,
}

/// Leaks per thousand borrows with a 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Rate {
    /// Rate.
    pub per_1000: f64,
    /// Low end.
    pub low: f64,
    /// High end.
    pub high: f64,
    /// Borrows or requests.
    pub of: u64,
    /// `borrows` or `requests`.
    pub unit: &'static str,
}

/// Something that the requests (or sessions) of a leak have and others lack.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Discriminator {
    /// The features: one, or two that only together tell.
    pub features: Vec<Feature>,
    /// Features of (nearly) the same requests, which cannot be told from the first.
    pub same: Vec<Feature>,
    /// `strong moderate unattributed`; the last is a lead and no attribution.
    pub confidence: &'static str,
    /// Leaked among those that have it.
    pub purity: Share,
    /// Leaked among those that lack it.
    pub others: Share,
    /// Of all leaked, those that have it.
    pub coverage: Share,
    /// Leak rate of those that have it to that of the others; `null` where none of the others leaked.
    pub ratio: Option<f64>,
    /// Lower end of its 95 % interval, by which discriminators are ranked.
    pub ratio_low: Option<f64>,
    /// Upper end.
    pub ratio_high: Option<f64>,
    /// Ochiai's coefficient.
    pub ochiai: f64,
    /// Share of false discoveries at which it still is one.
    pub q: f64,
    /// The finding in a sentence.
    pub text: String,
    /// Rows of leaked requests in which it stands.
    pub evidence: Vec<Ref>,
}

/// A warning or error that was first written around the onset.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NewMessage {
    /// Hash of the template: the same in every report.
    pub id: String,
    /// The message with its variable parts replaced.
    pub template: String,
    /// Severity.
    pub severity: &'static str,
    /// When it was first written.
    pub first: String,
    /// That, against the onset; negative before it.
    pub seconds_after_onset: f64,
    /// How often around the onset.
    pub count: u64,
    /// The first row that says it.
    pub evidence: Vec<Ref>,
}

/// A message that vanished at the onset, or a warning or error of which there were many more or less from then on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ChangedMessage {
    /// Hash of the template: the same in every report.
    pub id: String,
    /// The message with its variable parts replaced.
    pub template: String,
    /// Severity.
    pub severity: &'static str,
    /// `vanished rarer more_often`.
    pub change: &'static str,
    /// How often before, among the messages looked at.
    pub before: u64,
    /// How often since the onset, among those.
    pub during: u64,
    /// How often per minute before, by that.
    pub per_minute_before: f64,
    /// How often per minute since the onset.
    pub per_minute_during: f64,
    /// The larger rate over the smaller; `null` where it vanished.
    pub factor: Option<f64>,
    /// The low end of the 95 % interval of that.
    pub factor_low: f64,
    /// The last row before that says it, and the first since the onset.
    pub evidence: Vec<Ref>,
}

/// A property of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Feature {
    /// `exception logger template statement endpoint route thread_pool version host client user_agent status`.
    pub kind: &'static str,
    /// Its text.
    pub text: String,
}

/// A share with its exact 95 % interval (Clopper-Pearson).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Share {
    /// Hits.
    pub hits: u64,
    /// Of so many.
    pub of: u64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Sessions of one layer that were held against how long others last.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Judged {
    /// `pool proxy db`.
    pub layer: &'static str,
    /// `leaked still_in_use undecided`; what a server's restart ended stays `ended_by_restart` in the ledger.
    pub class: &'static str,
    /// Why, in words of the ledger.
    pub why: &'static str,
    /// Number of sessions.
    pub sessions: u64,
    /// With what they were compared.
    pub compared_with: String,
    /// Closed sessions there.
    pub closed: u64,
    /// Healthy sessions to be expected that are as old as the youngest of them; `null` where that cannot be known.
    pub expected: Option<f64>,
    /// Sessions that old that are there.
    pub observed: u64,
    /// True where the restart of their server ended them: they would have been leaks.
    pub ended_by_restart: bool,
    /// The same in a sentence.
    pub text: String,
}

/// A version put into service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Deploy {
    /// When.
    pub time: String,
    /// `deploy`, `deploy.rollback` or `config.change`.
    pub kind: &'static str,
    /// Service.
    pub service: Option<String>,
    /// Version.
    pub version: Option<String>,
    /// Revision.
    pub commit: Option<String>,
    /// Proof.
    pub evidence: Vec<Ref>,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Alert {
    /// When.
    pub time: String,
    /// Name.
    pub name: Option<String>,
    /// Severity.
    pub severity: Option<&'static str>,
    /// `firing` or `resolved`.
    pub status: Option<String>,
    /// Proof.
    pub evidence: Vec<Ref>,
}

/// A moment of the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Moment {
    /// When.
    pub time: String,
    /// How exactly that is known.
    pub bound_ms: Option<f64>,
    /// Phase of the incident.
    pub phase: Option<String>,
    /// Tier.
    pub tier: &'static str,
    /// Words.
    pub title: String,
    /// Proof.
    pub evidence: Vec<Ref>,
}

/// A clock against another.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Clock {
    /// The source.
    pub source: u32,
    /// The clock it is compared with.
    pub reference: Option<u32>,
    /// Offset.
    pub offset_ms: f64,
    /// Drift.
    pub drift_ppm: Option<f64>,
    /// Bound.
    pub bound_ms: Option<f64>,
    /// Pairs that agree.
    pub pairs: u64,
    /// What it rests on.
    pub basis: String,
    /// True where the times are corrected by it.
    pub applied: bool,
    /// When it was set, where it was: the offset before and after differ.
    pub steps: Vec<String>,
}

/// What could not be proved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LoggingGap {
    /// The source.
    pub source: Option<u32>,
    /// What is missing.
    pub missing: String,
    /// What that means.
    pub consequence: String,
    /// The setting that would have shown it.
    pub setting: String,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Suggestion {
    /// Words.
    pub text: String,
    /// Why.
    pub because: Vec<Ref>,
}

/// A record that no parser took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reject {
    /// Where.
    #[serde(flatten)]
    pub at: Ref,
    /// Why.
    pub reason: &'static str,
}
