//! Deploys, rollbacks and changes of configuration, tried as triggers: how often connections leaked (or requests failed) before
//! each and from it to the next one, and how the version that it brought did beside the others that ran at the same time.
//!
//! A change that comes when the trouble has begun did not set it off, nor did one after which nothing happened until the
//! next. The ratio of the two rates has its exact interval ([`rate_ratio`]).

use super::hypothesis::Cause;
use super::moments::Moments;
use crate::correlate::classify::endpoint;
use crate::correlate::distributions::{Ratio, rate_ratio};
use crate::correlate::session::Opened;
use crate::correlate::{Case, Class, Marker};
use crate::ingest::{IntCol, TextCol};
use crate::table::{Row, RowId, Rows};
use backtrail_parsers::Kind;
use std::collections::{BTreeMap, BTreeSet};

const SECOND: i64 = 1_000_000_000;
/// Clocks of a deploy's log and of the others may differ by so much.
const SLACK: i64 = 2 * SECOND;
/// The time before a change reaches back over earlier ones until so much was at stake.
const ENOUGH: u64 = 100;
/// A change takes effect when its processes have started, which takes at most this long.
const STARTS: i64 = 600 * SECOND;
/// A configuration is read again this soon after it was put in place.
const RELOADED: i64 = 10 * SECOND;
/// From this ratio on a change may have set it off; below its inverse it may have ended it.
const CLEAR: f64 = 2.0;
/// None where some would have been seen in all but so few cases is no chance.
const CHANCE: f64 = 0.05;
/// A version is compared with others that served so much at the same time.
const SERVED: u64 = 20;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Connections that were never given back.
    Leaks,
    /// Requests that ended with 5xx.
    Failures,
}

/// What it is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Connections opened or borrowed.
    Opens,
    /// Requests; of the leaking endpoints, where leaks are counted.
    Requests,
}

/// How often, of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// How often it happened.
    pub hits: u64,
    /// Of how many.
    pub of: u64,
}

impl Share {
    /// Of a thousand; 0 of nothing.
    pub fn per_1000(self) -> f64 {
        if self.of == 0 { 0.0 } else { self.hits as f64 * 1000.0 / self.of as f64 }
    }
}

/// What came of the trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Role {
    /// It is what set it off.
    Trigger,
    /// Not it: the trouble had begun so many seconds before.
    Later(f64),
    /// Not it: nothing, or hardly anything, happened from it to the next change; so many would have been expected.
    Nothing(f64),
    /// Not it: it was as before.
    Same,
    /// Not it: the other versions do it, this one does not.
    Others,
    /// It ended it.
    Ends,
    /// The logs do not tell.
    Open,
}

impl Role {
    /// True where the trial clears the change.
    pub fn acquits(self) -> bool {
        matches!(self, Role::Later(_) | Role::Nothing(_) | Role::Same | Role::Others)
    }

    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Trigger => "trigger",
            Role::Later(_) | Role::Nothing(_) | Role::Same | Role::Others => "acquitted",
            Role::Ends => "ends_it",
            Role::Open => "open",
        }
    }
}

/// A change, tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The rows that tell of it, the one that names it first: several where it was rolled out step by step.
    pub rows: Vec<RowId>,
    /// Its kind.
    pub kind: Kind,
    /// Begin, ns UTC.
    pub time: i64,
    /// What was changed, in words.
    pub title: String,
    /// What was counted.
    pub what: What,
    /// Of what.
    pub unit: Unit,
    /// Before it, back to the change before or further, where that is too short.
    pub before: Share,
    /// From it to the next change.
    pub after: Share,
    /// The rate after over the rate before, with its exact interval; `None` where nothing was at stake on one side.
    pub ratio: Option<Ratio>,
    /// The version that it brought and all others that ran from it to the next change, where processes state theirs.
    pub versions: Option<(Share, Share)>,
    /// The result.
    pub role: Role,
}

impl Trial {
    /// True where it came before the trouble, which is clearly commoner after it.
    pub fn passed(&self) -> bool {
        matches!(self.role, Role::Open | Role::Trigger) && self.ratio.is_some_and(|r| r.low >= CLEAR)
    }
}

/// One thing that counts: when, in which version, and whether it went wrong.
#[derive(Debug, Clone, Copy)]
struct One {
    time: i64,
    version: u32,
    hit: bool,
    counts: bool,
}

/// A change as it is logged, rolled-out steps joined.
#[derive(Debug)]
struct Change {
    time: i64,
    kind: Kind,
    subject: u32,
    version: u32,
    rows: Vec<RowId>,
}

/// Tries every change within the time of the logs. `cause` says what is counted: leaks for a leak, else failed requests.
pub fn tried(rows: &Rows<'_>, case: &Case, moments: &Moments, cause: Cause) -> Vec<Trial> {
    let what = if cause == Cause::ConnectionLeak { What::Leaks } else { What::Failures };
    let Some((from, to)) = case.window else { return Vec::new() };
    let changes = changes(rows, case, (from, to));
    if changes.is_empty() {
        return Vec::new();
    }
    let (ones, unit) = if what == What::Leaks { leaks(rows, case) } else { (failures(rows), Unit::Requests) };
    let first = match what {
        What::Leaks => ones.iter().find(|one| one.hit).map(|one| one.time),
        What::Failures => moments.onset,
    };
    let Some(first) = first else { return Vec::new() };
    let bench = Bench { case, ones, first, end: moments.recovered.unwrap_or(to).max(first), from, to };
    let trial = |at: usize| {
        let change = changes.get(at)?;
        let before: Vec<i64> = changes.iter().take(at).map(|c| c.time).collect();
        let next = changes.get(at + 1).map_or(to.saturating_add(1), |c| c.time);
        let (before, after, versions, role) = bench.judge(rows, change, &before, next);
        let ratio = rate_ratio((after.hits, before.hits), (after.of, before.of));
        let title = title(rows, change);
        let Change { time, kind, .. } = *change;
        Some(Trial { rows: change.rows.clone(), kind, time, title, what, unit, before, after, ratio, versions, role })
    };
    (0..changes.len()).filter_map(trial).collect()
}

/// Says of the change that was chosen that it is the trigger.
pub fn settle(trials: &mut [Trial], chosen: Option<RowId>) {
    for trial in trials.iter_mut() {
        let chosen = chosen.is_some_and(|row| trial.rows.contains(&row));
        trial.role = if chosen { Role::Trigger } else { trial.role };
    }
}

/// Changes inside the time of the logs, in their order; the steps of a rollout are one.
fn changes(rows: &Rows<'_>, case: &Case, (from, to): (i64, i64)) -> Vec<Change> {
    let wanted =
        |m: &&Marker| matches!(m.kind, Kind::Deploy | Kind::Rollback | Kind::ConfigChange) && m.time >= from && m.time <= to;
    let mut out: Vec<Change> = Vec::new();
    for marker in case.markers.iter().filter(wanted) {
        let row = rows.get(marker.row);
        let (subject, version) = (row.code(TextCol::Subject), row.code(TextCol::Version));
        let this = Change { time: marker.time, kind: marker.kind, subject, version, rows: vec![marker.row] };
        match out.last_mut() {
            Some(last) if (last.kind, last.subject, last.version) == (this.kind, subject, version) => {
                last.rows.push(marker.row);
            }
            // A program that reads its configuration again says how a deploy was put in force.
            Some(last) if this.time - last.time <= RELOADED && this.kind == Kind::ConfigChange => last.rows.push(marker.row),
            Some(last) if this.time - last.time <= RELOADED && last.kind == Kind::ConfigChange => {
                let earlier = std::mem::replace(last, this);
                last.time = earlier.time;
                last.rows.extend(earlier.rows);
            }
            _ => out.push(this),
        }
    }
    out
}

fn title(rows: &Rows<'_>, change: &Change) -> String {
    let text = |code: u32| String::from_utf8_lossy(rows.text(code)).into_owned();
    let parts = [text(change.subject), text(change.version)];
    let title = parts.into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join(" ");
    let message = || change.rows.first().map(|row| String::from_utf8_lossy(rows.get(*row).text(TextCol::Message)).into_owned());
    if title.is_empty() { message().unwrap_or_default() } else { title }
}

/// Leaked and other sessions by the time at which they opened, where opens are logged; else leaked ones and the requests of
/// their endpoints.
fn leaks(rows: &Rows<'_>, case: &Case) -> (Vec<One>, Unit) {
    let versions = Versions::new(rows, case);
    let leaked: BTreeSet<u32> = case.leaks.iter().flat_map(|l| l.sessions.iter().copied()).collect();
    let session = |index: &u32| case.sessions.get(*index as usize);
    let Some(layer) = leaked.first().and_then(session).map(|s| s.layer) else { return (Vec::new(), Unit::Opens) };
    let of_layer = || (0u32..).zip(&case.sessions).filter(|(_, s)| s.layer == layer);
    let inferred = leaked.iter().filter_map(session).filter(|s| s.opened == Opened::Inferred).count();
    let logged = inferred * 2 < leaked.len();
    let hit = |index: u32, s: &crate::correlate::Session| s.class == Class::Leaked && leaked.contains(&index);
    let mut ones: Vec<One> = of_layer()
        .filter(|(index, s)| if logged { s.opened == Opened::Logged } else { hit(*index, s) })
        .map(|(index, s)| One {
            time: s.open,
            version: versions.of(s.source, s.pid, s.open),
            hit: hit(index, s),
            counts: logged,
        })
        .collect();
    if !logged {
        let wanted: BTreeSet<&str> = case.leaks.iter().filter_map(|l| l.endpoint.as_deref()).collect();
        let all = case.leaks.iter().any(|l| l.endpoint.is_none());
        let own = rows.iter().any(|r| r.kind() == Kind::RequestEnd);
        let kind = if own { Kind::RequestEnd } else { Kind::LbRequest };
        let mut known: BTreeMap<(u32, u32), bool> = BTreeMap::new();
        for row in rows.iter().filter(|r| r.kind() == kind && r.has_time()) {
            let key = (row.code(TextCol::Method), row.code(TextCol::Route));
            let asked = *known.entry(key).or_insert_with(|| all || wanted.contains(endpoint(rows, key.0, key.1).as_str()));
            if asked {
                ones.push(versions.one(&row, false));
            }
        }
    }
    ones.sort_unstable_by_key(|one| one.time);
    (ones, if logged { Unit::Opens } else { Unit::Requests })
}

/// Requests at the edge, and whether they failed.
fn failures(rows: &Rows<'_>) -> Vec<One> {
    let edge = if rows.iter().any(|r| r.kind() == Kind::LbRequest) { Kind::LbRequest } else { Kind::RequestEnd };
    let asked = rows.iter().filter(|r| r.kind() == edge && r.has_time());
    let mut ones: Vec<One> = asked
        .map(|r| One { time: r.time(), version: 0, hit: (500..600).contains(&r.int(IntCol::Status)), counts: true })
        .collect();
    ones.sort_unstable_by_key(|one| one.time);
    ones
}

/// Which version a process runs: starts that state one, by source and process.
struct Versions {
    starts: BTreeMap<(u32, u32), Vec<(i64, u32)>>,
}

impl Versions {
    fn new(rows: &Rows<'_>, case: &Case) -> Versions {
        let mut starts: BTreeMap<(u32, u32), Vec<(i64, u32)>> = BTreeMap::new();
        for marker in case.markers.iter().filter(|m| m.kind == Kind::AppStart) {
            let row = rows.get(marker.row);
            if row.code(TextCol::Version) != 0 && row.int(IntCol::Pid) != 0 {
                starts
                    .entry((row.source_id(), row.int(IntCol::Pid)))
                    .or_default()
                    .push((marker.time, row.code(TextCol::Version)));
            }
        }
        Versions { starts }
    }

    /// The code of the version, 0 unknown.
    fn of(&self, source: u32, pid: u32, time: i64) -> u32 {
        let list = self.starts.get(&(source, pid)).map(Vec::as_slice).unwrap_or_default();
        list.iter().rev().find(|(start, _)| *start <= time).map_or(0, |(_, version)| *version)
    }

    fn one(&self, row: &Row<'_>, hit: bool) -> One {
        let version = self.of(row.source_id(), row.int(IntCol::Pid), row.time());
        One { time: row.time(), version, hit, counts: true }
    }
}

/// What changes are tried on.
struct Bench<'b> {
    case: &'b Case,
    /// In the order of time.
    ones: Vec<One>,
    /// When it was seen first, and when it was over.
    first: i64,
    end: i64,
    from: i64,
    to: i64,
}

impl Bench<'_> {
    fn inside(&self, from: i64, to: i64) -> &[One] {
        let at = |time: i64| self.ones.partition_point(|one| one.time < time);
        self.ones.get(at(from)..at(to).max(at(from))).unwrap_or_default()
    }

    fn share(&self, from: i64, to: i64) -> Share {
        share(self.inside(from, to).iter())
    }

    /// Before, after, versions, and the result. `earlier` are the changes before it, `next` is the one after it.
    fn judge(
        &self,
        rows: &Rows<'_>,
        change: &Change,
        earlier: &[i64],
        next: i64,
    ) -> (Share, Share, Option<(Share, Share)>, Role) {
        let time = change.time;
        let mut begins = earlier.iter().rev().copied().chain([self.from]);
        let befores = std::iter::from_fn(|| begins.next()).map(|begin| self.share(begin, time));
        let mut before = Share::default();
        for share in befores {
            before = share;
            if before.of >= ENOUGH {
                break;
            }
        }
        let after = self.share(time, next);
        let versions = self.versions(rows, change, next);
        (before, after, versions, self.role(time, next, before, after, versions))
    }

    fn role(&self, time: i64, next: i64, before: Share, after: Share, versions: Option<(Share, Share)>) -> Role {
        let ratio = rate_ratio((after.hits, before.hits), (after.of, before.of));
        if time > self.first + SLACK {
            // Where it stops without any change, the next one after that did not stop it.
            let ends = ratio.is_some_and(|r| r.high <= 1.0 / CLEAR) && time <= self.end + STARTS;
            return if ends { Role::Ends } else { Role::Later((time - self.first) as f64 / SECOND as f64) };
        }
        if let Some((new, other)) = versions
            && let Some(ratio) = rate_ratio((new.hits, other.hits), (new.of, other.of))
            && ratio.high < 1.0
        {
            return Role::Others;
        }
        if next <= self.first {
            let later = self.share(self.first, self.end.saturating_add(1));
            let quiet = self.share(self.started(time, next), next);
            let expected = quiet.of as f64 * later.per_1000() / 1000.0;
            // The chance of none among so many at the later rate (Poisson), or some, but far fewer.
            let none = quiet.hits == 0 && (-expected).exp() < CHANCE;
            let few = rate_ratio((quiet.hits, later.hits), (quiet.of, later.of)).is_some_and(|r| r.high <= 1.0 / CLEAR);
            return if none || few { Role::Nothing(expected) } else { Role::Open };
        }
        match ratio {
            Some(r) if r.high < CLEAR => Role::Same,
            _ => Role::Open,
        }
    }

    /// When its processes had started, as far as starts are logged.
    fn started(&self, time: i64, next: i64) -> i64 {
        let starts = self.case.markers.iter().filter(|m| m.kind == Kind::AppStart);
        let own = starts.filter(|m| m.time >= time && m.time < next.min(time + STARTS).min(self.to));
        own.map(|m| m.time).max().unwrap_or(time)
    }

    fn versions(&self, rows: &Rows<'_>, change: &Change, next: i64) -> Option<(Share, Share)> {
        let plain = |code: u32| String::from_utf8_lossy(rows.text(code)).trim_start_matches(['v', 'V']).to_owned();
        let version = Some(plain(change.version)).filter(|v| !v.is_empty())?;
        let told = || self.inside(change.time, next).iter().filter(|one| one.version != 0);
        let mut same: BTreeMap<u32, bool> = BTreeMap::new();
        for one in told() {
            same.entry(one.version).or_insert_with(|| plain(one.version) == version);
        }
        let own = |one: &&One| same.get(&one.version).copied().unwrap_or(false);
        let (new, other) = (share(told().filter(own)), share(told().filter(|one| !own(one))));
        (new.of >= SERVED && other.of >= SERVED).then_some((new, other))
    }
}

fn share<'o>(ones: impl Iterator<Item = &'o One>) -> Share {
    let mut out = Share::default();
    for one in ones {
        out.hits += u64::from(one.hit);
        out.of += u64::from(one.counts);
    }
    out
}
