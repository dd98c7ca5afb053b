//! Shards to one table: they are taken over as they are, block by block.

use super::{Chunk, EventTable, Source};
use crate::ingest::columns::basis;
use crate::ingest::pack::Packed;
use crate::ingest::strings::Strings;
use crate::ingest::{Read, Shard};
use std::sync::OnceLock;

/// Builds the table of what was read. `sources` are sorted by path; their order becomes their ids. `strings` are the texts
/// that their codes mean.
pub fn build(sources: Vec<Read>, strings: Strings) -> EventTable {
    let mut chunks = Vec::new();
    let mut rows = Vec::new();
    for (id, mut source) in (0u32..).zip(sources) {
        let shards = std::mem::take(&mut source.shards);
        let mut row = describe(id, source);
        for mut shard in shards {
            row.rejects.append(&mut shard.rejects);
            if shard.rows == 0 {
                continue;
            }
            let chunk = chunk(id, shard);
            row.first = min(row.first, chunk.first);
            row.last = row.last.max(chunk.last);
            row.records += chunk.rows.rows as u64;
            chunks.push(chunk);
        }
        rows.push(row);
    }
    EventTable { chunks, order: OnceLock::new(), sources: rows, strings, threads: 1 }
}

fn describe(id: u32, source: Read) -> Source {
    Source {
        id,
        path: source.path,
        stored: source.stored,
        bytes: source.bytes,
        records: 0,
        format: source.format,
        layouts: source.layouts,
        envelope: source.envelope,
        score: source.score,
        reasons: source.reasons,
        zone: source.zone,
        shift_ns: 0,
        shift_pairs: 0,
        clock: None,
        first: None,
        last: None,
        tally: source.tally,
        rejects: Vec::new(),
    }
}

fn min(a: Option<i64>, b: Option<i64>) -> Option<i64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        _ => a.or(b),
    }
}

fn chunk(source: u32, rows: Shard) -> Chunk {
    let (mut first, mut last, mut before, mut in_order) = (None, None, i64::MIN, true);
    for row in 0..rows.rows {
        let time = rows.time.signed(row);
        if rows.basis.byte(row) & basis::NONE == 0 {
            first = Some(first.map_or(time, |first: i64| first.min(time)));
            last = Some(last.map_or(time, |last: i64| last.max(time)));
        }
        in_order &= before <= time;
        before = time;
    }
    Chunk { source, first, last, in_order, rows }
}

/// Moves the times of a source and notes that its zone follows from evidence.
pub(super) fn shift(table: &mut EventTable, shift: &super::ZoneShift) {
    for chunk in table.chunks.iter_mut().filter(|chunk| chunk.source == shift.source) {
        chunk.rows.time.add(shift.add.cast_unsigned());
        chunk.first = chunk.first.map(|time| time.saturating_add(shift.add));
        chunk.last = chunk.last.map(|time| time.saturating_add(shift.add));
        chunk.rows.basis.change(chunk.rows.rows, |bits| {
            if bits & basis::ZONE_ASSUMED == 0 { bits } else { bits & !basis::ZONE_ASSUMED | basis::ZONE_EVIDENCE }
        });
    }
    if let Some(source) = table.sources.get_mut(shift.source as usize) {
        source.shift_ns = shift.add;
        source.shift_pairs = shift.pairs;
        source.first = source.first.map(|t| t + shift.add);
        source.last = source.last.map(|t| t + shift.add);
        source.zone.name = crate::ingest::clock::offset_name(i32::try_from(-shift.add / 1_000_000_000).unwrap_or(0));
        source.zone.basis = "evidence".into();
    }
}

/// Changes the times of a source that has them.
pub(super) fn retime(table: &mut EventTable, source: u32, change: &dyn Fn(i64) -> i64) {
    let (mut all_first, mut all_last) = (None, None);
    for chunk in table.chunks.iter_mut().filter(|chunk| chunk.source == source) {
        let timed = |row: usize| chunk.rows.basis.byte(row) & basis::NONE == 0;
        let one = |row: usize| if timed(row) { change(chunk.rows.time.signed(row)) } else { chunk.rows.time.signed(row) };
        let times: Vec<i64> = (0..chunk.rows.rows).map(one).collect();
        let known = || times.iter().enumerate().filter(|(row, _)| timed(*row)).map(|(_, time)| *time);
        let (first, last) = (known().min(), known().max());
        let in_order = times.is_sorted();
        (all_first, all_last) = (min(all_first, first), all_last.max(last));
        chunk.rows.time = Packed::new_signed(&times);
        (chunk.first, chunk.last, chunk.in_order) = (first, last, in_order);
    }
    if let Some(source) = table.sources.get_mut(source as usize) {
        (source.first, source.last) = (all_first, all_last);
    }
}
