//! Is a session that is still open at the log's end leaked, or merely in use? Statistics for those that no rule decides.
//!
//! The sessions that closed tell how long a healthy one lasts. An open one is held against the share of healthy open
//! sessions that would be at least as old ([`curve::Tail`]), and among all open ones the false discoveries are held below
//! [`ALPHA`]. Where the closed ones are too few, too varied or too long for the window, nothing is claimed.
//!
//! Open sessions that are older than any closed one are the suspects: they stay out of the curve, or it would take leaks
//! for long holds. They belong into [`rate::leak_rate`], which asks how many of them there are.

pub mod curve;
pub mod decide;
pub mod opinion;
pub mod places;
pub mod rate;
pub mod sessions;
mod shift;
#[cfg(test)]
mod simulation;

use super::distributions::{Control, q_values};
use curve::{Curve, Life, Tail};
pub use opinion::{Decision, Doubt, Opinion};
use std::collections::{BTreeMap, BTreeSet};

/// The share of false discoveries among the sessions called leaked.
pub const ALPHA: f64 = 0.05;
/// Above this q value an open session looks like any other.
const ORDINARY: f64 = 0.2;
/// Closed sessions needed to know how long they last.
const ENOUGH: usize = 100;
/// The same where the session's request is known to have ended, which is evidence of its own.
const ENOUGH_AFTER_REQUEST: usize = 30;
/// Closed sessions since the onset that make a reference of their own.
const ENOUGH_SINCE_ONSET: usize = 50;
/// The longest hold must be at most this share of the window, or longer ones may have had no time to close.
const LONGEST: f64 = 0.2;
/// The standard deviation of the logarithm of holds up to which the method's error rates were measured.
const MOST_VARIED: f64 = 2.5;
/// A closed session this many times as long as all but one in [`TRIMMED`] was given back late: under the Pareto tail of
/// [`curve::Tail`] fewer than one log in a thousand would hold a healthy one.
const LATE: f64 = 32.0;
/// The share of the longest holds that is left out where late ones are looked for: they must not vouch for themselves.
const TRIMMED: usize = 1000;
/// Closed sessions of a kind below which nothing is known of it: its sessions may be meant to stay open.
const KNOWN: usize = 10;
/// So many open sessions of one kind are no single job that is meant to last.
const SEVERAL: usize = 5;
const SECOND: f64 = 1e9;
/// Sessions cut off within this time, ns, were cut off together.
const ONE_MOMENT: i64 = 60_000_000_000;

/// What a session belongs to, as numbers of the caller's choosing; 0 is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Strata {
    /// The call site.
    pub site: u32,
    /// The endpoint.
    pub endpoint: u32,
    /// The pool, or the database user and application.
    pub pool: u32,
}

/// The population that a session is compared with, the finest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stratum {
    /// Sessions opened at the same place in the code.
    Site,
    /// Sessions of the same endpoint.
    Endpoint,
    /// Sessions of the same pool.
    Pool,
    /// All of them.
    Global,
}

impl Stratum {
    const ALL: [Stratum; 4] = [Stratum::Site, Stratum::Endpoint, Stratum::Pool, Stratum::Global];

    /// The words in reports: compared with sessions of …
    pub const fn name(self) -> &'static str {
        match self {
            Stratum::Site => "the same call site",
            Stratum::Endpoint => "the same endpoint",
            Stratum::Pool => "the same pool",
            Stratum::Global => "the whole log",
        }
    }

    fn key(self, strata: &Strata) -> Option<u32> {
        match self {
            Stratum::Site => Some(strata.site).filter(|k| *k != 0),
            Stratum::Endpoint => Some(strata.endpoint).filter(|k| *k != 0),
            Stratum::Pool => Some(strata.pool).filter(|k| *k != 0),
            Stratum::Global => Some(0),
        }
    }
}

/// How a session's life went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It closed, and nothing is wrong with it.
    Closed,
    /// It was cut off by a restart or a hole in the log: how long it would have lasted is not known.
    Cut,
    /// It is open at the end of its log, or was when its process ended: to be judged.
    Open {
        /// Its request is known to have ended.
        request_ended: bool,
        /// Nanoseconds since its last sign of life, where its log shows signs of life.
        idle: Option<i64>,
    },
}

/// One session, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spell {
    /// What it belongs to.
    pub strata: Strata,
    /// When it opened.
    pub open: i64,
    /// Its age when it came under observation: 0, or more where its log begins later.
    pub entry: i64,
    /// Its age at its end, or at the end of its log.
    pub age: i64,
    /// How it went.
    pub fate: Fate,
}

impl Spell {
    /// As clocks of a `resolution` in nanoseconds allow in favour of the session: the closed ones lasted as long as they can
    /// have, the others are as young as they can be.
    fn life(&self, resolution: i64) -> Life {
        let closed = self.fate == Fate::Closed;
        let age = if closed { self.age.saturating_add(resolution) } else { self.age.saturating_sub(resolution) }.max(0);
        Life { entry: self.entry.clamp(0, age) as f64 / SECOND, age: age as f64 / SECOND, closed }
    }
}

/// What the sessions are judged within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// First and last moment of the logs, ns.
    pub window: (i64, i64),
    /// When the incident began, where that is known: sessions before and after it are references of their own, so that
    /// an outage that makes every session slow is not called a leak.
    pub onset: Option<i64>,
    /// The longest pause between two signs of life that is usual in a session; a session idle for less is in use.
    pub usual_pause: Option<i64>,
    /// The step of the clocks that sessions were measured by, ns; at least 1.
    pub resolution: i64,
    /// How false discoveries are held down.
    pub control: Control,
}

/// The closed sessions of one population, and what follows from them.
struct Reference {
    tail: Tail,
    closed: usize,
    /// Sessions opened, per second.
    rate: f64,
    doubt: Option<Doubt>,
}

impl Reference {
    /// `window` in seconds.
    fn new(members: &[(&Spell, Life)], window: f64, need: usize) -> Reference {
        let holds = holds(members);
        let longest = holds.iter().copied().fold(0.0, f64::max);
        let n = holds.len();
        let curve = Curve::new(members.iter().map(|(_, life)| *life).filter(|life| life.closed || life.age <= longest));
        let logs: Vec<f64> = holds.iter().map(|h| h.max(1e-9).ln()).collect();
        let mean = logs.iter().sum::<f64>() / n.max(1) as f64;
        let sd = (logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / n.saturating_sub(1).max(1) as f64).sqrt();
        let doubt = if n < need {
            Some(Doubt::TooFew(n, need))
        } else if longest > LONGEST * window {
            Some(Doubt::WindowTooShort(longest, window))
        } else {
            (sd > MOST_VARIED).then_some(Doubt::TooVaried(sd))
        };
        Reference { tail: Tail::new(&curve, n), closed: n, rate: members.len() as f64 / window.max(1e-9), doubt }
    }
}

/// How long the closed ones lasted, in seconds.
fn holds(members: &[(&Spell, Life)]) -> Vec<f64> {
    members.iter().filter(|(_, life)| life.closed).map(|(_, life)| life.age).collect()
}

/// One population: what its sessions before the onset say, and those after it where there are enough.
struct Population {
    references: Vec<Reference>,
    /// The longest of its holds but for one in [`TRIMMED`], in seconds.
    usual: f64,
    /// Ages of its open sessions, sorted, in seconds.
    open: Vec<f64>,
    /// Moments at which sessions were found open: the ends of logs and of processes.
    moments: usize,
}

impl Population {
    fn new(members: &[(&Spell, Life)], setting: &Setting, need: usize) -> Population {
        let seconds = |from: i64, to: i64| to.saturating_sub(from).max(0) as f64 / SECOND;
        let (from, to) = setting.window;
        let closed = |members: &[(&Spell, Life)]| members.iter().filter(|(_, life)| life.closed).count();
        let mut references = Vec::new();
        if let Some(onset) = setting.onset {
            let (before, since): (Vec<_>, Vec<_>) = members.iter().copied().partition(|(s, _)| s.open < onset);
            if closed(&before) >= need {
                references.push(Reference::new(&before, seconds(from, onset), need));
                if closed(&since) >= ENOUGH_SINCE_ONSET {
                    references.push(Reference::new(&since, seconds(onset, to), ENOUGH_SINCE_ONSET));
                }
            }
        }
        if references.is_empty() {
            references.push(Reference::new(members, seconds(from, to), need));
        }
        let is_open = |s: &Spell| matches!(s.fate, Fate::Open { .. });
        let mut open: Vec<f64> = members.iter().filter(|(s, _)| is_open(s)).map(|(_, life)| life.age).collect();
        open.sort_by(f64::total_cmp);
        let mut holds = holds(members);
        holds.sort_by(f64::total_cmp);
        let usual = holds.iter().nth_back(holds.len().div_ceil(TRIMMED)).copied().unwrap_or(f64::INFINITY);
        let moments: BTreeSet<i64> =
            members.iter().filter(|(s, _)| is_open(s)).map(|(s, _)| s.open.saturating_add(s.age) / ONE_MOMENT).collect();
        Population { references, usual, open, moments: moments.len() }
    }

    fn closed(&self) -> usize {
        self.references.iter().map(|r| r.closed).sum()
    }

    fn doubt(&self) -> Option<Doubt> {
        self.references.iter().find_map(|r| r.doubt)
    }

    /// The reference that speaks most for the session, and its share.
    fn worst(&self, age: f64) -> Option<(&Reference, f64)> {
        self.references.iter().map(|r| (r, r.tail.share(age))).max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judgement {
    /// One for each open spell, in their order.
    pub opinions: Vec<Opinion>,
    /// Positions of closed spells that were given back far later than others: a leak that something cleaned up.
    pub late: Vec<usize>,
}

/// Judges the open ones among spells. A pool's own server sessions must not be among them: they last as long as the pool
/// lets them, which says nothing about borrows.
pub fn judge(spells: &[Spell], setting: &Setting) -> Judgement {
    let mut populations = Populations { spells, setting, groups: BTreeMap::new(), built: BTreeMap::new() };
    populations.group();
    let mut opinions = Vec::new();
    for (index, spell) in spells.iter().enumerate() {
        if let Fate::Open { request_ended, idle } = spell.fate {
            opinions.push(populations.opinion(index, spell, request_ended, idle));
        }
    }
    let tested: Vec<(usize, f64)> = opinions.iter().enumerate().filter_map(|(at, o)| o.p.map(|p| (at, p))).collect();
    let p: Vec<f64> = tested.iter().map(|(_, p)| *p).collect();
    for ((at, _), q) in tested.iter().zip(q_values(&p, setting.control)) {
        if let Some(opinion) = opinions.get_mut(*at) {
            opinion.q = Some(q);
            opinion.decision = match q {
                q if q <= ALPHA => Decision::Leaked,
                q if q > ORDINARY => Decision::StillInUse,
                _ => Decision::Undecided(Doubt::Chance),
            };
        }
    }
    let late = (0..spells.len()).filter(|at| populations.is_late(*at)).collect();
    Judgement { opinions, late }
}

struct Populations<'s> {
    spells: &'s [Spell],
    setting: &'s Setting,
    /// The populations that open sessions belong to.
    groups: BTreeMap<(Stratum, u32), Group>,
    built: BTreeMap<(Stratum, u32, usize), Population>,
}

/// Who belongs to a population.
#[derive(Default)]
struct Group {
    members: Vec<usize>,
    closed: usize,
    open: usize,
}

impl<'s> Populations<'s> {
    fn group(&mut self) {
        let keys = |spell: &Spell| {
            let strata = spell.strata;
            Stratum::ALL.into_iter().filter_map(move |s| s.key(&strata).map(|key| (s, key)))
        };
        for spell in self.spells.iter().filter(|s| matches!(s.fate, Fate::Open { .. })) {
            self.groups.extend(keys(spell).map(|key| (key, Group::default())));
        }
        for (index, spell) in self.spells.iter().enumerate() {
            for key in keys(spell) {
                if let Some(group) = self.groups.get_mut(&key) {
                    group.members.push(index);
                    group.closed += usize::from(spell.fate == Fate::Closed);
                    group.open += usize::from(matches!(spell.fate, Fate::Open { .. }));
                }
            }
        }
    }

    /// The finest population with enough closed sessions, or the coarsest. One of which next to nothing is known and of
    /// which only a few are open is not passed over: a listener or a job is no quick request that forgot to close.
    fn choose(&self, strata: &Strata, need: usize) -> (Stratum, u32) {
        let stays = |key: &(Stratum, u32)| {
            let group = self.groups.get(key);
            group.is_some_and(|g| g.closed >= need || (g.closed < KNOWN && g.open < SEVERAL))
        };
        let mut keys = Stratum::ALL.into_iter().filter_map(|s| s.key(strata).map(|key| (s, key)));
        keys.find(stays).unwrap_or((Stratum::Global, 0))
    }

    fn population(&mut self, (stratum, key): (Stratum, u32), need: usize) -> &Population {
        let (spells, setting) = (self.spells, self.setting);
        let members = self.groups.get(&(stratum, key)).map(|g| g.members.as_slice()).unwrap_or_default();
        self.built.entry((stratum, key, need)).or_insert_with(|| {
            let with_life = |spell: &'s Spell| (spell, spell.life(setting.resolution));
            let members: Vec<(&Spell, Life)> = members.iter().filter_map(|at| spells.get(*at)).map(with_life).collect();
            Population::new(&members, setting, need)
        })
    }

    fn opinion(&mut self, index: usize, spell: &Spell, request_ended: bool, idle: Option<i64>) -> Opinion {
        let need = if request_ended { ENOUGH_AFTER_REQUEST } else { ENOUGH };
        let active = idle.zip(self.setting.usual_pause).is_some_and(|(idle, usual)| idle <= usual);
        let chosen = self.choose(&spell.strata, need);
        let age = spell.life(self.setting.resolution).age;
        let population = self.population(chosen, need);
        let (expected, p) = match population.worst(age) {
            Some((reference, p)) => (reference.rate * reference.tail.beyond(age) * population.moments as f64, Some(p)),
            None => (0.0, None),
        };
        let observed = population.open.len() - population.open.partition_point(|other| *other < age);
        let decision = match population.doubt() {
            _ if active => Decision::StillInUse,
            Some(doubt) => Decision::Undecided(doubt),
            None => Decision::Undecided(Doubt::Chance),
        };
        let p = p.filter(|_| decision == Decision::Undecided(Doubt::Chance));
        let closed = population.closed();
        Opinion { index, decision, stratum: chosen.0, closed, p, q: None, expected, observed: observed as u64 }
    }

    /// Populations without open sessions are not built for this: late returns are looked for beside suspects only.
    fn is_late(&self, at: usize) -> bool {
        let Some(spell) = self.spells.get(at).filter(|s| s.fate == Fate::Closed) else { return false };
        let chosen = self.choose(&spell.strata, ENOUGH);
        let population = self.built.get(&(chosen.0, chosen.1, ENOUGH)).filter(|p| p.closed() >= ENOUGH);
        population.is_some_and(|p| spell.life(0).age > LATE * p.usual)
    }
}

#[cfg(test)]
mod tests;
