//! The word of statistics on the sessions that the rules left open, with what speaks against it.
//!
//! A leak is a habit of the code: it goes on. What looks like one and is a few connections that something keeps by
//! design (a listener, a scheduler, a pool that nobody logs) stays undecided.

use super::sessions::{Names, Spells, of_layer, resolution, window};
use super::{Decision, Doubt, Fate, Judgement, Opinion, SEVERAL, Setting, Spell, judge, shift};
use crate::correlate::classify::is_without_reference;
use crate::correlate::distributions::{Control, clopper_pearson};
use crate::correlate::ledger::Folded;
use crate::correlate::pooled;
use crate::correlate::session::{Class, Session};
use crate::table::Rows;
use crate::table::maps::HashMap;
use backtrail_parsers::Layer;
use std::collections::{BTreeMap, BTreeSet};

/// Parts of the window, and in how many of them sessions must be lost where a pool could keep them instead.
const PARTS: i64 = 4;
/// See [`PARTS`].
const MOST_PARTS: usize = 3;
/// So many old sessions, each opened after another had come and gone, are more than a pool keeps by default.
const MANY: usize = 15;
/// Closes without an open from which on a log is known to lose lines.
const LOSSES: u64 = 3;
/// Old sessions of a pool's borrowers below which they are no habit.
const HABIT: usize = 3;
/// Fewer than [`SEVERAL`] leaks are claimed at this q value only: a log without any must not be blamed for one by chance.
const SURE: f64 = 0.001;

/// What is said of some sessions of one layer that were judged alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The layer.
    pub layer: Layer,
    /// What is said of each.
    pub decision: Decision,
    /// The same in words that fit a ledger.
    pub why: &'static str,
    /// With what they were compared: `the endpoint GET /orders`.
    pub population: String,
    /// The sessions, in order.
    pub sessions: Vec<u32>,
    /// The opinion on the youngest of them: what holds for it holds for the older ones.
    pub youngest: Opinion,
    /// True where a restart of their server ended them, so that they leak no more.
    pub ended: bool,
}

impl Finding {
    /// The finding in a sentence with its numbers.
    pub fn sentence(&self) -> String {
        self.youngest.sentence_of(&self.population)
    }
}

/// What statistics said.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judged {
    /// By layer, decision and population.
    pub findings: Vec<Finding>,
    /// Sessions that closed far later than others: a leak that something cleaned up.
    pub late: Vec<u32>,
}

/// Judges the sessions whose fate the rules left open and gives them their class. Where a server's restart ended a
/// session, it stays so: what it would have become is a finding only.
pub fn decide(rows: &Rows<'_>, folded: &mut Folded, control: Control) -> Judged {
    let ceilings = pooled::ceilings(&pooled::lengths(rows, &folded.sessions));
    let mut names = Names::default();
    let mut judged = Judged::default();
    for layer in [Layer::Pool, Layer::Proxy, Layer::Db] {
        let Some(found) = of_layer(rows, folded, layer, &ceilings, &mut names) else { continue };
        let setting = Setting {
            window: window(rows, &found.sessions, folded),
            onset: shift::find(&found.list),
            usual_pause: found.usual_pause,
            resolution: resolution(&found.list),
            control,
        };
        let Judgement { mut opinions, late } = judge(&found.list, &setting);
        match layer {
            Layer::Pool => doubt_threads(&mut opinions, &found, folded),
            _ => doubt_pools(&mut opinions, &found.list, setting.window),
        }
        if opinions.iter().any(|o| o.decision == Decision::Leaked) {
            doubt_lost(&mut opinions, &found.list, lost(folded, layer));
        }
        doubt_few(&mut opinions, if layer == Layer::Pool { HABIT } else { SEVERAL });
        judged.late.extend(late.into_iter().filter_map(|at| found.sessions.get(at).copied()));
        judged.findings.extend(give(layer, &found, &opinions, folded, &names));
    }
    judged.late.sort_unstable();
    judged
}

/// Gives the sessions their classes, and says what was found.
fn give(layer: Layer, found: &Spells, opinions: &[Opinion], folded: &mut Folded, names: &Names) -> Vec<Finding> {
    let mut findings: BTreeMap<(&'static str, bool, String), Finding> = BTreeMap::new();
    for opinion in opinions {
        let (Some(index), Some(spell)) = (found.sessions.get(opinion.index), found.list.get(opinion.index)) else { continue };
        let Some(session) = folded.sessions.get_mut(*index as usize) else { continue };
        let was_ended = session.class == Class::EndedByRestart;
        let rule_stands = match opinion.decision {
            // Too little is known for statistics: the rules, which ask for less, have the word.
            Decision::Undecided(Doubt::TooFew(..)) => !is_without_reference(session),
            Decision::Undecided(_) => session.class == Class::StillInUse,
            _ => false,
        };
        if rule_stands {
            continue;
        }
        let class = match opinion.decision {
            Decision::Leaked if was_ended && layer == Layer::Db => None,
            Decision::Leaked => Some(Class::Leaked),
            _ if was_ended => None,
            Decision::StillInUse => Some(Class::StillInUse),
            Decision::Undecided(_) => Some(Class::Undecided),
        };
        if let Some(class) = class {
            (session.class, session.why) = (class, opinion.why());
        }
        let ended = session.class == Class::EndedByRestart;
        let old = matches!(
            opinion.decision,
            Decision::Leaked | Decision::Undecided(Doubt::MayBePooled | Doubt::MayBeKept | Doubt::OwnThread)
        );
        if ended && !old {
            continue;
        }
        let population = names.population(opinion.stratum, &spell.strata);
        let finding = findings.entry((opinion.why(), ended, population.clone())).or_insert_with(|| Finding {
            layer,
            decision: opinion.decision,
            why: opinion.why(),
            population,
            sessions: Vec::new(),
            youngest: *opinion,
            ended,
        });
        finding.sessions.push(*index);
        if opinion.expected > finding.youngest.expected {
            finding.youngest = *opinion;
        }
    }
    findings.into_values().collect()
}

/// A pool that nobody logs keeps its connections for as long as its process lives, while those beyond its size come and
/// go. They look like leaks but for one thing: leaks go on. Those of one client stay undecided that were not added in most
/// parts of the window, nor many of them after others had come and gone: a pool gives nothing back until it is full.
fn doubt_pools(opinions: &mut [Opinion], spells: &[Spell], window: (i64, i64)) {
    let mut kept: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for opinion in opinions.iter().filter(|o| o.decision == Decision::Leaked) {
        if let Some(spell) = spells.get(opinion.index) {
            kept.entry(spell.strata.pool).or_default().push(spell.open);
        }
    }
    let mut passed: BTreeMap<u32, Vec<(i64, i64)>> = BTreeMap::new();
    for spell in spells.iter().filter(|s| s.fate == Fate::Closed && kept.contains_key(&s.strata.pool)) {
        passed.entry(spell.strata.pool).or_default().push((spell.open, spell.open.saturating_add(spell.age)));
    }
    let mut goes_on = BTreeSet::new();
    for (pool, mut opens) in kept {
        opens.sort_unstable();
        let mut passed = passed.remove(&pool).unwrap_or_default();
        passed.sort_unstable();
        if opens.len() >= SEVERAL && (in_parts(&opens, window) >= MOST_PARTS || among(&opens, &passed) >= MANY) {
            goes_on.insert(pool);
        }
    }
    for opinion in opinions.iter_mut().filter(|o| o.decision == Decision::Leaked) {
        if !spells.get(opinion.index).is_some_and(|s| goes_on.contains(&s.strata.pool)) {
            opinion.decision = Decision::Undecided(Doubt::MayBePooled);
        }
    }
}

/// In how many parts of the window sessions were opened.
fn in_parts(opens: &[i64], (from, to): (i64, i64)) -> usize {
    let width = (to.saturating_sub(from) / PARTS).max(1);
    opens.iter().map(|open| (open.saturating_sub(from) / width).clamp(0, PARTS - 1)).collect::<BTreeSet<i64>>().len()
}

/// How many sessions were opened after others, begun later than the one before them, had already closed. Both are sorted.
fn among(opens: &[i64], passed: &[(i64, i64)]) -> usize {
    let between = |pair: (&i64, &i64)| {
        let begun = passed.partition_point(|(open, _)| open <= pair.0);
        passed.iter().skip(begun).take_while(|(open, _)| open < pair.1).any(|(_, end)| end < pair.1)
    };
    opens.iter().zip(opens.iter().skip(1)).filter(|pair| between(*pair)).count()
}

/// A thread that takes one connection and no other, where threads are used again, may be made to keep it.
fn doubt_threads(opinions: &mut [Opinion], found: &Spells, folded: &Folded) {
    let key = |s: &Session| (s.source, s.pid, s.thread);
    let mut borrows: HashMap<(u32, u32, u32), u64> = HashMap::default();
    for session in folded.sessions.iter().filter(|s| s.layer == Layer::Pool && s.thread != 0) {
        *borrows.entry(key(session)).or_default() += 1;
    }
    let (threads, all) = (borrows.len() as u64, borrows.values().sum::<u64>());
    if all < 2 * threads {
        return;
    }
    for opinion in opinions.iter_mut().filter(|o| o.decision == Decision::Leaked) {
        let session = found.sessions.get(opinion.index).and_then(|index| folded.sessions.get(*index as usize));
        if session.is_some_and(|s| s.thread != 0 && s.request.is_none() && borrows.get(&key(s)) == Some(&1)) {
            opinion.decision = Decision::Undecided(Doubt::OwnThread);
        }
    }
}

/// The share of a layer's opens of which no line tells although their close does, at the most: closes are lost as often.
/// `None` where no such loss is seen.
fn lost(folded: &Folded, layer: Layer) -> Option<f64> {
    let balances = folded.balances();
    let balance = balances.get(&layer).filter(|b| b.orphan_closes >= LOSSES)?;
    Some(clopper_pearson(balance.orphan_closes, balance.closes).1)
}

/// Old sessions of a place that are no more than lost closes would make them.
fn doubt_lost(opinions: &mut [Opinion], spells: &[Spell], lost: Option<f64>) {
    let Some(lost) = lost else { return };
    let place = |s: &Spell| (s.strata.site, s.strata.endpoint, s.strata.pool);
    let mut counts: BTreeMap<(u32, u32, u32), (u64, u64)> = BTreeMap::new();
    for spell in spells {
        counts.entry(place(spell)).or_default().1 += 1;
    }
    let old = opinions.iter().filter(|o| o.decision == Decision::Leaked);
    for spell in old.filter_map(|o| spells.get(o.index)) {
        counts.entry(place(spell)).or_default().0 += 1;
    }
    for opinion in opinions.iter_mut().filter(|o| o.decision == Decision::Leaked) {
        let counts = spells.get(opinion.index).and_then(|s| counts.get(&place(s)));
        if counts.is_some_and(|(old, of)| clopper_pearson(*old, *of).0 <= lost) {
            opinion.decision = Decision::Undecided(Doubt::MayBeLost);
        }
    }
}

/// A handful is claimed only where chance is out of the question.
fn doubt_few(opinions: &mut [Opinion], habit: usize) {
    let leaked = opinions.iter().filter(|o| o.decision == Decision::Leaked).count();
    for opinion in opinions.iter_mut().filter(|o| o.decision == Decision::Leaked) {
        if leaked < habit {
            opinion.decision = Decision::Undecided(Doubt::MayBeKept);
        } else if leaked < SEVERAL && opinion.q.is_none_or(|q| q > SURE) {
            opinion.decision = Decision::Undecided(Doubt::Chance);
        }
    }
}
