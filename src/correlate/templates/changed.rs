//! Messages that fell silent with the onset, and warnings that came much more or less often from then on.
//!
//! Per template an exact test of two rates, with false discoveries held down over all templates. Logs are no chance process:
//! a change is told only where the time before never had the like of it, in stretches as long as those compared.

use super::novel::warns;
use super::{Miner, TemplateId, Trained, messages};
use crate::correlate::distributions::{Control, Ratio, q_values, rate_greater, rate_ratio};
use crate::correlate::gaps::Gap;
use crate::error::Error;
use crate::table::{EventTable, RowId, Rows, Source};
use backtrail_parsers::{Kind, Severity};
use std::collections::BTreeMap;

const MINUTE: i64 = 60_000_000_000;
/// Less than this since the onset says nothing.
const LEAST_DURING: i64 = MINUTE;
/// The same before it.
const LEAST_BEFORE: i64 = 5 * MINUTE;
/// The time before is at most an hour, or this many times as long as the time since: what was usual then, not last week.
const TIMES: i64 = 8;
/// Messages read again: of each of the two times, warnings and errors, and as many others.
const READ: usize = 4_000;
/// A rate has changed by much from this factor on, by its lower bound.
const MUCH: f64 = 3.0;
/// Share of false discoveries among what is told.
const FALSE: f64 = 0.05;
/// Templates kept.
const KEPT: usize = 10;

/// How a message changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// It came steadily, and not once since the onset.
    Vanished,
    /// It comes less often.
    Fell,
    /// It comes more often.
    Rose,
}

/// The two times compared, ns UTC, half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Before anything was wrong.
    pub before: (i64, i64),
    /// From the onset on.
    pub during: (i64, i64),
}

impl Times {
    /// The times around an onset: up to the first sign of a cause, where that leaves most of what was logged before; from
    /// the onset to the recovery, or the end of the logs. `None` where one is too short.
    pub fn around(window: (i64, i64), cause: Option<i64>, onset: i64, recovered: Option<i64>) -> Option<Times> {
        let end = recovered.unwrap_or(window.1.saturating_add(1));
        let quiet = cause.filter(|cause| *cause < onset && cause - window.0 >= (onset - window.0) / 2).unwrap_or(onset);
        let most = end.saturating_sub(onset).saturating_mul(TIMES).max(60 * MINUTE);
        let times = Times { before: (window.0.max(quiet.saturating_sub(most)), quiet), during: (onset, end) };
        (length(times.before) >= LEAST_BEFORE && length(times.during) >= LEAST_DURING).then_some(times)
    }
}

fn length(time: (i64, i64)) -> i64 {
    time.1.saturating_sub(time.0)
}

/// A message that changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Changed {
    /// Its template.
    pub id: TemplateId,
    /// The template's text.
    pub text: String,
    /// How it changed.
    pub way: Way,
    /// Its severity; the highest where it has several.
    pub severity: Severity,
    /// How often before and since, among the messages looked at.
    pub counts: (u64, u64),
    /// How often per minute before and since, by that.
    pub rates: (f64, f64),
    /// The larger rate over the smaller, with its interval.
    pub ratio: Ratio,
    /// The last row before and the first since that say it, as far as they are there.
    pub rows: Vec<RowId>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The changes, the surest to be large first.
    pub changed: Vec<Changed>,
    /// Messages looked at, and how many there are.
    pub looked_at: (u64, u64),
    /// What could not be read again.
    pub problems: Vec<Error>,
}

/// Finds the messages that changed. Sources with a hole in these times, or that do not span them, say nothing.
pub fn find(table: &EventTable, rows: &Rows<'_>, gaps: &[Gap], times: &Times) -> Found {
    let spans: Vec<bool> = table.sources.iter().map(|source| whole(source, gaps, times)).collect();
    // Warnings before and since, others before and since.
    let mut all: [Vec<RowId>; 4] = Default::default();
    for row in rows.iter().filter(|r| r.has_time() && spans.get(r.source_id() as usize) == Some(&true)) {
        let warning = warns(&row);
        let (time, since) = (row.time(), row.time() >= times.during.0);
        let (from, to) = if since { times.during } else { times.before };
        if time < from || time >= to || !(warning || row.kind() == Kind::Log) {
            continue;
        }
        let slot = usize::from(since) + if warning { 0 } else { 2 };
        if let Some(list) = all.get_mut(slot) {
            list.push(row.id);
        }
    }
    let totals = all.each_ref().map(Vec::len);
    let [warned_before, warned_since, ordinary_before, ordinary_since] = all.map(|list| even(&list, READ));
    let lists = [warned_before, warned_since, ordinary_before, ordinary_since];
    let read = lists.each_ref().map(Vec::len);
    let sum = |counts: [usize; 4]| counts.iter().map(|n| *n as u64).sum::<u64>();
    let mut found = Found { looked_at: (sum(read), sum(totals)), ..Found::default() };
    if read[0] + read[2] == 0 {
        return found;
    }
    let share = |slot: usize| {
        let of = |counts: &[usize; 4]| counts.get(slot).map_or(0.0, |n| *n as f64);
        if of(&totals) > 0.0 { of(&read) / of(&totals) } else { 1.0 }
    };
    let wanted: Vec<(RowId, usize)> =
        lists.iter().enumerate().flat_map(|(slot, list)| list.iter().map(move |row| (*row, slot))).collect();
    let ids: Vec<RowId> = wanted.iter().map(|(row, _)| *row).collect();
    let mut miner = Miner::new();
    let mut trained: Vec<Option<Trained>> = vec![None; wanted.len()];
    found.problems = messages::read(table, &ids, &mut |position, message| {
        if let Some(slot) = trained.get_mut(position).filter(|_| !message.is_empty()) {
            *slot = Some(miner.train(message));
        }
    });
    let templates = miner.finish();
    let mut seen: BTreeMap<(TemplateId, bool), Seen> = BTreeMap::new();
    for ((row, slot), trained) in wanted.iter().zip(&trained) {
        let Some(id) = trained.and_then(|t| templates.of_trained(t)) else { continue };
        let row = rows.get(*row);
        let one = seen.entry((id, *slot < 2)).or_default();
        one.severity = one.severity.max(row.severity());
        if slot % 2 == 0 {
            one.before.push(row.time());
            one.last = one.last.max(Some((row.time(), row.id)));
        } else {
            one.during += 1;
            one.first = Some(one.first.map_or((row.time(), row.id), |first| first.min((row.time(), row.id))));
        }
    }
    let tried: Vec<(f64, Option<Changed>)> = seen
        .iter()
        .map(|((id, warning), one)| {
            let shares = if *warning { (share(0), share(1)) } else { (share(2), share(3)) };
            let (p, change) = one.judge(times, shares, *warning);
            let told = change.map(|(way, ratio, rates)| Changed {
                id: *id,
                text: templates.text(*id).to_owned(),
                way,
                severity: one.severity,
                counts: (one.before.len() as u64, one.during),
                rates,
                ratio,
                rows: one.last.into_iter().chain(one.first).map(|(_, row)| row).collect(),
            });
            (p, told)
        })
        .collect();
    found.changed = chosen(tried);
    found
}

/// Those beyond chance, the largest by the lower bound first.
fn chosen(tried: Vec<(f64, Option<Changed>)>) -> Vec<Changed> {
    let p: Vec<f64> = tried.iter().map(|(p, _)| *p).collect();
    let q = q_values(&p, Control::BenjaminiHochberg);
    let mut out: Vec<Changed> =
        tried.into_iter().zip(q).filter(|(_, q)| *q <= FALSE).filter_map(|((_, change), _)| change).collect();
    out.sort_by(|a, b| b.ratio.low.total_cmp(&a.ratio.low).then(a.text.cmp(&b.text)).then(a.severity.cmp(&b.severity)));
    out.truncate(KEPT);
    out
}

/// True for a source that was written through both times.
fn whole(source: &Source, gaps: &[Gap], times: &Times) -> bool {
    let Some((first, last)) = source.first.zip(source.last) else { return false };
    let (from, to) = (times.before.0, times.during.1);
    let spans = first - from <= length(times.before) / 20 && to - last <= length(times.during) / 20;
    spans && !gaps.iter().any(|gap| gap.source == source.id && gap.overlaps(from, to))
}

/// At most `most` of a list, one of each stretch of equal length. Which one of a stretch is drawn, the same in every run:
/// messages that take turns would otherwise be met in step, and one of them never.
fn even(list: &[RowId], most: usize) -> Vec<RowId> {
    let step = list.len().div_ceil(most).max(1);
    let drawn = |(index, part): (usize, &[RowId])| {
        // The finaliser of SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014).
        let mut x = (index as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let at = usize::try_from((x ^ (x >> 31)) % (part.len() as u64).max(1)).unwrap_or(0);
        part.get(at).copied()
    };
    list.chunks(step).enumerate().filter_map(drawn).collect()
}

/// What was seen of a template.
#[derive(Debug, Default)]
struct Seen {
    severity: Severity,
    /// When, before.
    before: Vec<i64>,
    /// How often since.
    during: u64,
    last: Option<(i64, RowId)>,
    first: Option<(i64, RowId)>,
}

/// A change: which way, the larger rate over the smaller, and the rates per minute before and since.
type Change = (Way, Ratio, (f64, f64));

impl Seen {
    /// How likely the counts are by chance, and the change they are if it is not chance. `shares`: of the messages before
    /// and since, those looked at. What is no warning may only vanish.
    fn judge(&self, times: &Times, shares: (f64, f64), warning: bool) -> (f64, Option<Change>) {
        let hits = (self.before.len() as u64, self.during);
        let turned = |pair: (u64, u64)| (pair.1, pair.0);
        let exposed = |time: (i64, i64), share: f64| (length(time) as f64 / 1e6 * share).max(1.0);
        let exposure = (exposed(times.before, shares.0), exposed(times.during, shares.1));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds, 1 or more")]
        let of = (exposure.0 as u64, exposure.1 as u64);
        let fell = rate_greater(hits, of);
        let rose = rate_greater(turned(hits), turned(of));
        let p = if warning { (2.0 * fell.min(rose)).min(1.0) } else { fell };
        let rates = (hits.0 as f64 / exposure.0 * 6e4, hits.1 as f64 / exposure.1 * 6e4);
        let falling = fell <= rose;
        if hits.0 == 0 || (!warning && hits.1 > 0) || (!warning && !falling) {
            return (p, None);
        }
        let ratio = if falling { rate_ratio(hits, of) } else { rate_ratio(turned(hits), turned(of)) };
        let Some(ratio) = ratio.filter(|r| r.low >= MUCH) else { return (p, None) };
        // The least, or the most, of the time before, per minute.
        let quarter = length(times.before) / 4;
        let half = if falling { length(times.during) / 2 } else { length(times.during) };
        let width = quarter.min(half).max(1);
        let (least, most) = extremes(&self.before, times.before, width);
        let minutes = width as f64 / MINUTE as f64 * shares.0;
        let way = match (falling, hits.1) {
            (true, 0) => Way::Vanished,
            (true, _) => Way::Fell,
            (false, _) => Way::Rose,
        };
        let unheard_of = if falling { least as f64 / minutes > rates.1 } else { (most as f64 / minutes) < rates.1 };
        (p, unheard_of.then_some((way, ratio, rates)))
    }
}

/// The fewest and the most of some moments in a stretch of this width, of whole stretches up to the end of `time`.
fn extremes(moments: &[i64], time: (i64, i64), width: i64) -> (u64, u64) {
    let stretches = usize::try_from(length(time) / width).unwrap_or(0).max(1);
    let mut counts = vec![0u64; stretches];
    for moment in moments {
        let back = usize::try_from((time.1 - 1 - moment) / width).unwrap_or(usize::MAX);
        if let Some(count) = counts.get_mut(back) {
            *count += 1;
        }
    }
    (counts.iter().min().copied().unwrap_or(0), counts.iter().max().copied().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times { before: (0, 60 * MINUTE), during: (60 * MINUTE, 80 * MINUTE) };

    fn seen(before: impl Iterator<Item = i64>, during: u64) -> Seen {
        Seen { before: before.collect(), during, ..Seen::default() }
    }

    fn way(seen: &Seen, warning: bool) -> Option<Way> {
        seen.judge(&TIMES, (1.0, 1.0), warning).1.map(|(way, ..)| way)
    }

    #[test]
    fn what_came_steadily_and_stopped_has_vanished() {
        let minutely = seen((0..60).map(|m| m * MINUTE), 0);
        assert_eq!((way(&minutely, false), way(&minutely, true)), (Some(Way::Vanished), Some(Way::Vanished)));
        let (p, change) = minutely.judge(&TIMES, (1.0, 1.0), false);
        let (_, ratio, rates) = change.unwrap();
        // All of 60 in three quarters of the time.
        assert!((p - 0.75f64.powi(60)).abs() < 1e-9 && ratio.low > MUCH && ratio.value.is_infinite(), "{p} {ratio:?}");
        assert!((rates.0 - 1.0).abs() < 1e-9 && rates.1 == 0.0);
        // As many, but in two bursts with a silence longer than half of this one: that is its way.
        let bursts = seen((0..60).map(|s| (if s < 30 { s } else { 30 * 60 + s }) * MINUTE / 60), 0);
        assert_eq!(way(&bursts, false), None);
        // Too few to tell: three times in an hour and none in twenty minutes.
        assert_eq!(way(&seen([5, 25, 45].into_iter().map(|m| m * MINUTE), 0), false), None);
    }

    #[test]
    fn an_ordinary_message_may_vanish_and_do_nothing_else() {
        let often = || (0..600).map(|m| m * MINUTE / 10);
        assert_eq!(way(&seen(often(), 2), true), Some(Way::Fell));
        assert_eq!(way(&seen(often(), 2), false), None);
        assert_eq!(way(&seen(often(), 4000), true), Some(Way::Rose));
        assert_eq!(way(&seen(often(), 4000), false), None);
        assert_eq!(way(&seen(often(), 200), true), None, "its rate is what it was");
        assert_eq!(way(&seen(std::iter::empty(), 50), true), None, "that is new, not more");
    }

    /// A job that warns a thousand times in a minute has made more of it in a quarter of an hour than came since.
    #[test]
    fn what_the_time_before_knows_is_no_change() {
        let job = |since: u64| seen((0..1000).map(|i| 10 * MINUTE + i * MINUTE / 1000), since);
        assert_eq!(way(&job(1400), true), Some(Way::Rose));
        let (p, change) = job(1300).judge(&TIMES, (1.0, 1.0), true);
        let low = rate_ratio((1300, 1000), (20, 60)).unwrap().low;
        assert!(p < 1e-6 && low > MUCH && change.is_none(), "{p} {low} {change:?}");
    }

    /// Half of the messages looked at on one side: counts are held against what was looked at.
    #[test]
    fn a_sample_is_no_change() {
        let all = seen((0..600).map(|m| m * MINUTE / 10), 20);
        assert_eq!(all.judge(&TIMES, (1.0, 0.1), true).1, None);
        assert!(all.judge(&TIMES, (1.0, 1.0), true).1.is_some());
    }

    #[test]
    fn few_of_many_are_told_and_chance_is_not() {
        let steady = seen((0..60).map(|m| m * MINUTE), 0);
        let told = |p: f64, low: f64, name: &str| {
            let (way, ratio, rates) = steady.judge(&TIMES, (1.0, 1.0), true).1.unwrap();
            let ratio = Ratio { low, ..ratio };
            let (id, severity) = (TemplateId::of(name), Severity::WARN);
            (p, Some(Changed { id, text: name.to_owned(), way, severity, counts: (60, 0), rates, ratio, rows: Vec::new() }))
        };
        let mut tried = vec![told(1e-9, 4.0, "a"), told(1e-9, 40.0, "b"), told(0.04, 90.0, "by chance")];
        tried.extend((0..50).map(|_| (0.9, None)));
        let names: Vec<String> = chosen(tried).into_iter().map(|c| c.text).collect();
        assert_eq!(names, ["b", "a"]);
        assert_eq!(chosen((0..40).map(|i| told(1e-9, 4.0, &format!("{i}"))).collect()).len(), KEPT);
    }

    #[test]
    fn the_times_compared() {
        let (hour, none) = (60 * MINUTE, None);
        let window = (0, 30 * hour);
        let of = |cause, onset, recovered| Times::around(window, cause, onset, recovered).map(|t| (t.before, t.during));
        assert_eq!(of(none, 20 * hour, Some(21 * hour)), Some(((12 * hour, 20 * hour), (20 * hour, 21 * hour))));
        assert_eq!(of(Some(19 * hour), 20 * hour, none).unwrap().0, (0, 19 * hour));
        assert_eq!(of(Some(hour), 20 * hour, none).unwrap().0, (0, 20 * hour), "too little would be left");
        assert_eq!(of(none, MINUTE, none), None);
        assert_eq!(of(none, 20 * hour, Some(20 * hour + MINUTE / 2)), None);
    }

    /// Two messages in turn, of which every second row is taken: both are met.
    #[test]
    fn a_sample_is_even_and_out_of_step() {
        let list: Vec<RowId> = (0..8000).map(|row| RowId { chunk: 0, row }).collect();
        let sample = even(&list, 4000);
        let odd = sample.iter().filter(|row| row.row % 2 == 1).count();
        assert!(sample.len() == 4000 && (1800..2200).contains(&odd), "{odd}");
        assert!(sample.iter().zip(0u32..).all(|(row, index)| row.row / 2 == index));
        assert_eq!(even(&list, 9000), list);
    }
}
