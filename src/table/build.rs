//! Shards of columns to one table: dictionaries merged once, columns strung together without copying.

use super::schema::base;
use super::{Chunk, EventTable, Source};
use crate::error::{Error, Result};
use crate::ingest::columns::basis;
use crate::ingest::strings::Strings;
use crate::ingest::{IntCol, LongCol, Read, Shard, TextCol};
use polars::prelude::*;

/// Builds the table of what was read. `sources` are sorted by path; their order becomes their ids.
pub fn build(sources: Vec<Read>) -> Result<EventTable> {
    let mut strings = Strings::default();
    let mut chunks = Vec::new();
    let mut columns = Columns::default();
    let mut rows = Vec::new();
    for (id, mut source) in (0u32..).zip(sources) {
        let shards = std::mem::take(&mut source.shards);
        let mut row = describe(id, source);
        for mut shard in shards {
            row.rejects.append(&mut shard.rejects);
            if shard.rows() == 0 {
                continue;
            }
            let (first, last) = range(&shard);
            row.first = min(row.first, first);
            row.last = row.last.max(last);
            row.records += shard.rows() as u64;
            chunks.push(Chunk { source: id, rows: shard.rows() });
            columns.add(shard, &mut strings);
        }
        rows.push(row);
    }
    Ok(EventTable { frame: columns.frame()?, chunks, sources: rows, strings })
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

/// First and last time of the rows that have one.
fn range(shard: &Shard) -> (Option<i64>, Option<i64>) {
    let timed = || shard.time.iter().zip(&shard.basis).filter(|(_, b)| **b & basis::NONE == 0).map(|(t, _)| *t);
    (timed().min(), timed().max())
}

/// A column under construction; `None` while no row has a value.
type Slot<T> = Option<ChunkedArray<T>>;

#[derive(Default)]
struct Columns {
    rows: usize,
    time: Slot<Int64Type>,
    basis: Slot<UInt8Type>,
    offset: Slot<UInt64Type>,
    length: Slot<UInt32Type>,
    line: Slot<UInt32Type>,
    severity: Slot<UInt8Type>,
    kind: Slot<UInt8Type>,
    flags: Slot<UInt8Type>,
    layout: Slot<UInt8Type>,
    texts: Vec<Slot<UInt32Type>>,
    ints: Vec<Slot<UInt32Type>>,
    longs: Vec<Slot<UInt64Type>>,
    /// Rows of every chunk so far, to fill columns that begin late.
    before: Vec<usize>,
}

impl Columns {
    fn add(&mut self, shard: Shard, strings: &mut Strings) {
        let rows = shard.rows();
        let codes = strings.merge(&shard.strings);
        self.texts.resize(TextCol::ALL.len(), None);
        self.ints.resize(IntCol::ALL.len(), None);
        self.longs.resize(LongCol::ALL.len(), None);
        let before = std::mem::take(&mut self.before);
        append(&mut self.time, base::TIME, Some(shard.time), &before, rows);
        append(&mut self.basis, base::BASIS, Some(shard.basis), &before, rows);
        append(&mut self.offset, base::OFFSET, Some(shard.offset), &before, rows);
        append(&mut self.length, base::LENGTH, Some(shard.length), &before, rows);
        append(&mut self.line, base::LINE, Some(shard.line), &before, rows);
        append(&mut self.severity, base::SEVERITY, Some(shard.severity), &before, rows);
        append(&mut self.kind, base::KIND, Some(shard.kind), &before, rows);
        append(&mut self.flags, base::FLAGS, Some(shard.flags), &before, rows);
        append(&mut self.layout, base::LAYOUT, Some(shard.layout), &before, rows);
        for ((slot, column), name) in self.texts.iter_mut().zip(shard.texts).zip(TextCol::ALL) {
            let mut values = column.finish(rows);
            for code in values.iter_mut().flatten() {
                *code = codes.get(*code as usize).copied().unwrap_or(0);
            }
            append(slot, name.name(), values, &before, rows);
        }
        for ((slot, column), name) in self.ints.iter_mut().zip(shard.ints).zip(IntCol::ALL) {
            append(slot, name.name(), column.finish(rows), &before, rows);
        }
        for ((slot, column), name) in self.longs.iter_mut().zip(shard.longs).zip(LongCol::ALL) {
            append(slot, name.name(), column.finish(rows), &before, rows);
        }
        self.before = before;
        self.before.push(rows);
        self.rows += rows;
    }

    fn frame(self) -> Result<DataFrame> {
        let mut columns: Vec<Column> = Vec::new();
        columns.extend(self.time.map(|c| c.into_series().into()));
        columns.extend(
            [self.basis, self.severity, self.kind, self.flags, self.layout]
                .into_iter()
                .flatten()
                .map(|c| c.into_series().into()),
        );
        columns.extend(self.offset.map(|c| c.into_series().into()));
        columns.extend([self.length, self.line].into_iter().flatten().map(|c| c.into_series().into()));
        columns.extend(self.texts.into_iter().chain(self.ints).flatten().map(|c| c.into_series().into()));
        columns.extend(self.longs.into_iter().flatten().map(|c| c.into_series().into()));
        DataFrame::new(self.rows, columns).map_err(|e| Error::Table(e.to_string()))
    }
}

/// Adds one chunk to a column; chunks without a value are zeros.
fn append<T>(slot: &mut Slot<T>, name: &str, values: Option<Vec<T::Native>>, before: &[usize], rows: usize)
where
    T: PolarsNumericType,
{
    let chunk = |values| ChunkedArray::<T>::from_vec(PlSmallStr::from_str(name), values);
    if slot.is_none() && values.is_none() {
        return;
    }
    let mut column = slot.take().unwrap_or_else(|| {
        let mut column = chunk(Vec::new());
        for rows in before {
            push(&mut column, chunk(vec![T::Native::default(); *rows]));
        }
        column
    });
    push(&mut column, chunk(values.unwrap_or_else(|| vec![T::Native::default(); rows])));
    *slot = Some(column);
}

/// Strings a chunk to a column; an empty column takes its place.
fn push<T: PolarsNumericType>(column: &mut ChunkedArray<T>, chunk: ChunkedArray<T>) {
    if column.is_empty() {
        *column = chunk;
    } else if column.append_owned(chunk).is_err() {
        // Only a length beyond 2^32 rows can fail here; the table is cut there.
    }
}

/// Moves the times of a source and notes that its zone follows from evidence.
pub(super) fn shift(table: &mut EventTable, shift: &super::ZoneShift) -> Result<()> {
    let failed = |e: PolarsError| Error::Table(e.to_string());
    let ours: Vec<bool> = table.chunks.iter().map(|c| c.source == shift.source).collect();
    let time = table.frame.column(base::TIME).and_then(|c| c.i64()).map_err(failed)?;
    let bits = table.frame.column(base::BASIS).and_then(|c| c.u8()).map_err(failed)?;
    let (mut moved, mut noted): (Slot<Int64Type>, Slot<UInt8Type>) = (None, None);
    for ((time, bits), ours) in time.downcast_iter().zip(bits.downcast_iter()).zip(&ours) {
        let mut time = time.values().as_slice().to_vec();
        let mut bits = bits.values().as_slice().to_vec();
        if *ours {
            time.iter_mut().for_each(|t| *t = t.saturating_add(shift.add));
            bits.iter_mut()
                .filter(|b| **b & basis::ZONE_ASSUMED != 0)
                .for_each(|b| *b = *b & !basis::ZONE_ASSUMED | basis::ZONE_EVIDENCE);
        }
        let rows = time.len();
        append(&mut moved, base::TIME, Some(time), &[], rows);
        append(&mut noted, base::BASIS, Some(bits), &[], rows);
    }
    if let (Some(moved), Some(noted)) = (moved, noted) {
        table.frame.with_column(moved.into_series().into()).map_err(failed)?;
        table.frame.with_column(noted.into_series().into()).map_err(failed)?;
    }
    if let Some(source) = table.sources.get_mut(shift.source as usize) {
        source.shift_ns = shift.add;
        source.shift_pairs = shift.pairs;
        source.first = source.first.map(|t| t + shift.add);
        source.last = source.last.map(|t| t + shift.add);
        source.zone.name = crate::ingest::clock::offset_name(i32::try_from(-shift.add / 1_000_000_000).unwrap_or(0));
        source.zone.basis = "evidence".into();
    }
    Ok(())
}
