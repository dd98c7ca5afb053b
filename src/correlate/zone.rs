//! Zones from evidence: a source without a zone is shifted by whole quarter-hours until what it tells matches what
//! sources with a known zone tell.
//!
//! Marks are things that two sources both mention: an id, a client's port, an endpoint with its status. Every pair of equal
//! marks votes for the shift between its times; rare marks weigh more. The winner must be far ahead.

use crate::ingest::columns::basis;
use crate::ingest::{IntCol, TextCol};
use crate::table::maps::HashMap;
use crate::table::{EventTable, Row, Rows, ZoneShift};
use backtrail_parsers::Kind;
use rate::Activity;
use std::collections::BTreeMap;

mod rate;

const QUARTER: i64 = 900 * 1_000_000_000;
/// Zones reach from UTC−12 to UTC+14, in quarter-hours; a little more for clocks that are off.
const REACH: i64 = 15 * 4;
/// A mark that occurs more often than this in a source says nothing about when.
const RARE: usize = 48;
/// Pairs are taken to agree with a shift when they miss it by less than this.
const NEAR: i64 = 20 * 1_000_000_000;

/// Finds shifts for the sources whose zone was assumed. Sources with a written or given zone are the reference; where
/// there is none, the largest source that was assumed to be UTC is.
pub fn find(table: &EventTable) -> Vec<ZoneShift> {
    let rows = table.rows();
    let assumed: Vec<u32> = table.sources.iter().filter(|s| s.zone.basis == "assumed").map(|s| s.id).collect();
    if assumed.is_empty() || table.sources.len() < 2 {
        return Vec::new();
    }
    let marks = marks(&rows, table.sources.len());
    let activity = rate::activity(&rows, table.sources.len());
    let known: Vec<u32> =
        table.sources.iter().filter(|s| s.zone.basis == "written" || s.zone.basis == "given").map(|s| s.id).collect();
    let mut shifts: Vec<ZoneShift> = Vec::new();
    for source in &assumed {
        let mut votes: BTreeMap<i64, u64> = BTreeMap::new();
        for reference in &known {
            vote(&marks, *source, *reference, &mut votes);
        }
        let own = activity.get(*source as usize);
        let by_rate = |references: &[u32]| {
            let references: Vec<&Activity> = references.iter().filter_map(|r| activity.get(*r as usize)).collect();
            let (quarters, bins) = rate::best(own?, &references)?;
            Some(ZoneShift { source: *source, add: quarters * QUARTER, pairs: bins })
        };
        // Another source of unknown zone is a witness too, where agreeing with it also agrees with the known ones' span.
        let others: Vec<u32> =
            assumed.iter().copied().filter(|o| o != source && !shifts.iter().any(|s| s.source == *o && s.add != 0)).collect();
        let closer = |shift: &ZoneShift| overlap(table, *source, shift.add, &known) > overlap(table, *source, 0, &known);
        let found = winner(*source, &votes).or_else(|| by_rate(&known)).or_else(|| by_rate(&others).filter(closer));
        shifts.extend(found);
    }
    shifts
}

/// How much of a source's span, moved by `add`, lies in the span of the known sources; ns.
fn overlap(table: &EventTable, source: u32, add: i64, known: &[u32]) -> i64 {
    let span = |id: u32| table.sources.get(id as usize).and_then(|s| s.first.zip(s.last));
    let work = known.iter().filter(|id| table.sources.get(**id as usize).is_some_and(|s| s.records >= 100));
    let whole = work.filter_map(|id| span(*id)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let (Some((from, to)), Some((first, last))) = (whole, span(source)) else { return 0 };
    (to.min(last + add) - from.max(first + add)).max(0)
}

type Marks = Vec<HashMap<u64, Vec<i64>>>;

fn marks(rows: &Rows<'_>, sources: usize) -> Marks {
    let mut marks: Marks = vec![HashMap::default(); sources];
    for row in rows.iter().filter(|r| r.basis() & (basis::NONE | basis::INHERITED) == 0) {
        let Some(own) = marks.get_mut(row.source_id() as usize) else { continue };
        for mark in marks_of(&row).into_iter().flatten() {
            let times = own.entry(mark).or_default();
            if times.len() <= RARE {
                times.push(row.time());
            }
        }
    }
    for own in &mut marks {
        own.retain(|_, times| times.len() <= RARE);
    }
    marks
}

/// What a row mentions that another source may mention too. Codes are the table's, so equal texts have equal marks.
fn marks_of(row: &Row<'_>) -> [Option<u64>; 4] {
    let mark = |space: u64, a: u32, b: u32| (a != 0).then(|| space << 60 | u64::from(a) << 24 | u64::from(b & 0x00ff_ffff));
    let kind = row.kind();
    let request = matches!(kind, Kind::LbRequest | Kind::RequestEnd | Kind::RequestStart);
    let status = row.int(IntCol::Status);
    let connection = matches!(kind, Kind::DbReceived | Kind::ProxyServerOpen | Kind::ProxyOpen | Kind::PoolConnAdded);
    [
        mark(1, row.code(TextCol::RequestId), 0),
        mark(2, row.code(TextCol::TraceId), 0),
        if request && status >= 400 { mark(3, row.code(TextCol::Route), status) } else { None },
        if connection { mark(4, row.code(TextCol::Client), row.int(IntCol::ClientPort)) } else { None },
    ]
}

fn vote(marks: &Marks, source: u32, reference: u32, votes: &mut BTreeMap<i64, u64>) {
    let (Some(own), Some(other)) = (marks.get(source as usize), marks.get(reference as usize)) else { return };
    #[expect(clippy::iter_over_hash_type, reason = "votes are sums: the order does not matter")]
    for (mark, times) in own {
        let Some(others) = other.get(mark) else { continue };
        // A mark's weight is shared among its pairs: one that occurs once on both sides counts most.
        let weight = 1_000_000 / (times.len() * others.len()).max(1) as u64;
        for time in times {
            for other in others {
                let gap = other - time;
                let quarters = (gap + QUARTER / 2).div_euclid(QUARTER);
                if quarters.abs() <= REACH && (gap - quarters * QUARTER).abs() <= NEAR {
                    *votes.entry(quarters).or_default() += weight;
                }
            }
        }
    }
}

fn winner(source: u32, votes: &BTreeMap<i64, u64>) -> Option<ZoneShift> {
    let best = votes.iter().max_by_key(|(quarters, votes)| (**votes, -quarters.abs()))?;
    let next = votes.iter().filter(|(q, _)| *q != best.0).map(|(_, v)| *v).max().unwrap_or(0);
    let enough = *best.1 >= 3_000_000 || (*best.1 >= 200_000 && *best.1 >= 6 * next);
    (enough && *best.1 >= 2 * next).then_some(ZoneShift { source, add: best.0 * QUARTER, pairs: best.1 / 1_000_000 })
}
