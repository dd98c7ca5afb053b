//! Rows by number and in order of time, as plain slices: what F4 works on.

use super::schema::base;
use super::{EventTable, Source};
use crate::ingest::columns::{basis, flag};
use crate::ingest::{IntCol, LongCol, TextCol};
use backtrail_parsers::{Kind, Severity};
use polars::prelude::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Where a row stands: chunk and row in the chunk. Ordered like the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    /// Index of the chunk.
    pub chunk: u32,
    /// Index of the row in the chunk.
    pub row: u32,
}

/// Slices of one chunk's columns; a column without values is empty.
#[derive(Debug)]
struct Slices<'t> {
    source: u32,
    time: &'t [i64],
    basis: &'t [u8],
    offset: &'t [u64],
    length: &'t [u32],
    line: &'t [u32],
    severity: &'t [u8],
    kind: &'t [u8],
    flags: &'t [u8],
    layout: &'t [u8],
    texts: Vec<&'t [u32]>,
    ints: Vec<&'t [u32]>,
    longs: Vec<&'t [u64]>,
}

/// Access to the rows of a table.
#[derive(Debug)]
pub struct Rows<'t> {
    table: &'t EventTable,
    chunks: Vec<Slices<'t>>,
}

fn slices<'t, T: PolarsNumericType>(
    frame: &'t DataFrame,
    name: &str,
    unpack: fn(&'t Series) -> Option<&'t ChunkedArray<T>>,
) -> Vec<&'t [T::Native]> {
    let column = frame.column(name).ok().map(polars::prelude::Column::as_materialized_series).and_then(unpack);
    column.map(|c| c.downcast_iter().map(|chunk| chunk.values().as_slice()).collect()).unwrap_or_default()
}

impl<'t> Rows<'t> {
    pub(super) fn new(table: &'t EventTable) -> Rows<'t> {
        let frame = &table.frame;
        let bytes = |name| slices::<UInt8Type>(frame, name, |s| s.u8().ok());
        let words = |name| slices::<UInt32Type>(frame, name, |s| s.u32().ok());
        let longs = |name| slices::<UInt64Type>(frame, name, |s| s.u64().ok());
        let time = slices::<Int64Type>(frame, base::TIME, |s| s.i64().ok());
        let (bases, severity, kind) = (bytes(base::BASIS), bytes(base::SEVERITY), bytes(base::KIND));
        let (flags, layout) = (bytes(base::FLAGS), bytes(base::LAYOUT));
        let (offset, length, line) = (longs(base::OFFSET), words(base::LENGTH), words(base::LINE));
        let texts: Vec<_> = TextCol::ALL.iter().map(|c| words(c.name())).collect();
        let ints: Vec<_> = IntCol::ALL.iter().map(|c| words(c.name())).collect();
        let wide: Vec<_> = LongCol::ALL.iter().map(|c| longs(c.name())).collect();
        let chunks = table.chunks.iter().enumerate().map(|(i, chunk)| Slices {
            source: chunk.source,
            time: at(&time, i),
            basis: at(&bases, i),
            offset: at(&offset, i),
            length: at(&length, i),
            line: at(&line, i),
            severity: at(&severity, i),
            kind: at(&kind, i),
            flags: at(&flags, i),
            layout: at(&layout, i),
            texts: texts.iter().map(|c| at(c, i)).collect(),
            ints: ints.iter().map(|c| at(c, i)).collect(),
            longs: wide.iter().map(|c| at(c, i)).collect(),
        });
        Rows { table, chunks: chunks.collect() }
    }

    /// The table.
    pub fn table(&self) -> &'t EventTable {
        self.table
    }

    /// The row of an id; ids come from this table, so a stranger's id reads as an empty row.
    pub fn get(&self, id: RowId) -> Row<'_> {
        Row { rows: self, chunk: self.chunks.get(id.chunk as usize), id }
    }

    /// Every row, in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0u32..).zip(&self.chunks).flat_map(move |(chunk, slices)| {
            let count = u32::try_from(slices.time.len()).unwrap_or(u32::MAX);
            (0..count).map(move |row| Row { rows: self, chunk: Some(slices), id: RowId { chunk, row } })
        })
    }

    /// Every row in the order of time; rows of equal time in the order of their sources and lines.
    pub fn by_time(&self) -> Cursor<'_> {
        Cursor::new(self)
    }

    /// The text of a code.
    pub fn text(&self, code: u32) -> &'t [u8] {
        self.table.strings.get(code)
    }
}

/// One row. Absent values are 0 for codes and numbers, `None` for counters and durations.
#[derive(Debug, Clone, Copy)]
pub struct Row<'r> {
    rows: &'r Rows<'r>,
    chunk: Option<&'r Slices<'r>>,
    /// Where it stands.
    pub id: RowId,
}

impl<'r> Row<'r> {
    fn pick<T: Copy + Default + 'r>(&self, column: impl Fn(&'r Slices<'r>) -> &'r [T]) -> T {
        self.chunk.and_then(|c| column(c).get(self.id.row as usize)).copied().unwrap_or_default()
    }

    /// The source's id.
    pub fn source_id(&self) -> u32 {
        self.chunk.map_or(0, |c| c.source)
    }

    /// The source.
    pub fn source(&self) -> Option<&'r Source> {
        self.rows.table.sources.get(self.source_id() as usize)
    }

    /// Nanoseconds since the epoch, UTC.
    pub fn time(&self) -> i64 {
        self.pick(|c| c.time)
    }

    /// What the time rests on.
    pub fn basis(&self) -> u8 {
        self.pick(|c| c.basis)
    }

    /// True where the row has a time, be it inferred.
    pub fn has_time(&self) -> bool {
        self.basis() & basis::NONE == 0
    }

    /// Byte offset in the source.
    pub fn offset(&self) -> u64 {
        self.pick(|c| c.offset)
    }

    /// Bytes of the record.
    pub fn length(&self) -> u32 {
        self.pick(|c| c.length)
    }

    /// One-based line.
    pub fn line(&self) -> u32 {
        self.pick(|c| c.line)
    }

    /// Severity.
    pub fn severity(&self) -> Severity {
        Severity(self.pick(|c| c.severity))
    }

    /// Kind.
    pub fn kind(&self) -> Kind {
        Kind::from_code(self.pick(|c| c.kind))
    }

    /// Index into the source's layouts.
    pub fn layout(&self) -> u8 {
        self.pick(|c| c.layout)
    }

    /// True where the time is the start of what the duration measures.
    pub fn time_is_start(&self) -> bool {
        self.pick(|c| c.flags) & flag::TIME_IS_START != 0
    }

    /// Code of a text column, 0 absent.
    pub fn code(&self, column: TextCol) -> u32 {
        self.pick(|c| c.texts.get(column as usize).copied().unwrap_or_default())
    }

    /// Text of a text column, empty when absent.
    pub fn text(&self, column: TextCol) -> &'r [u8] {
        self.rows.table.strings.get(self.code(column))
    }

    /// A number, 0 absent.
    pub fn int(&self, column: IntCol) -> u32 {
        self.pick(|c| c.ints.get(column as usize).copied().unwrap_or_default())
    }

    /// A counter of a pool.
    pub fn counter(&self, column: IntCol) -> Option<u32> {
        self.int(column).checked_sub(1)
    }

    /// A duration or other long value.
    pub fn long(&self, column: LongCol) -> Option<i64> {
        self.pick(|c| c.longs.get(column as usize).copied().unwrap_or_default())
            .checked_sub(1)
            .and_then(|v| i64::try_from(v).ok())
    }
}

/// Rows in the order of time: a merge of the sources, each sorted by itself where its file was not in order.
pub struct Cursor<'r> {
    rows: &'r Rows<'r>,
    runs: Vec<Run>,
    heap: BinaryHeap<Reverse<(i64, u32)>>,
}

/// One source's rows in the order of time.
struct Run {
    /// First and one-past-last chunk.
    chunks: (u32, u32),
    at: RowId,
    /// Set where the file is out of order: its rows sorted, and how far they are used.
    sorted: Option<std::vec::IntoIter<RowId>>,
}

impl<'r> Cursor<'r> {
    fn new(rows: &'r Rows<'r>) -> Cursor<'r> {
        let mut runs: Vec<Run> = Vec::new();
        let mut source = None;
        for (index, chunk) in (0u32..).zip(&rows.chunks) {
            if source == Some(chunk.source) {
                if let Some(run) = runs.last_mut() {
                    run.chunks.1 = index + 1;
                }
            } else {
                runs.push(Run { chunks: (index, index + 1), at: RowId { chunk: index, row: 0 }, sorted: None });
                source = Some(chunk.source);
            }
        }
        let mut cursor = Cursor { rows, runs, heap: BinaryHeap::new() };
        for (index, run) in (0u32..).zip(&mut cursor.runs) {
            run.sort_if_needed(rows);
            if let Some(time) = run.peek(rows) {
                cursor.heap.push(Reverse((time, index)));
            }
        }
        cursor
    }
}

impl Run {
    fn ids<'a>(&self, rows: &'a Rows<'_>) -> impl Iterator<Item = RowId> + use<'a> {
        (self.chunks.0..self.chunks.1).flat_map(|chunk| {
            let count = rows.chunks.get(chunk as usize).map_or(0, |c| c.time.len());
            (0..u32::try_from(count).unwrap_or(u32::MAX)).map(move |row| RowId { chunk, row })
        })
    }

    fn sort_if_needed(&mut self, rows: &Rows<'_>) {
        let times = (self.chunks.0..self.chunks.1).filter_map(|c| rows.chunks.get(c as usize)).flat_map(|c| c.time.iter());
        if times.is_sorted() {
            return;
        }
        let mut ids: Vec<RowId> = self.ids(rows).collect();
        ids.sort_by_key(|id| rows.get(*id).time());
        self.at = ids.first().copied().unwrap_or(self.at);
        self.sorted = Some(ids.into_iter());
    }

    fn peek(&self, rows: &Rows<'_>) -> Option<i64> {
        let id = match &self.sorted {
            Some(ids) => *ids.as_slice().first()?,
            None => self.at,
        };
        rows.chunks
            .get(id.chunk as usize)
            .filter(|_| id.chunk < self.chunks.1)
            .and_then(|c| c.time.get(id.row as usize))
            .copied()
    }

    fn take(&mut self, rows: &Rows<'_>) -> Option<RowId> {
        if let Some(ids) = &mut self.sorted {
            return ids.next();
        }
        let id = self.at;
        let count = rows.chunks.get(id.chunk as usize).map_or(0, |c| c.time.len());
        self.at =
            if id.row as usize + 1 < count { RowId { row: id.row + 1, ..id } } else { RowId { chunk: id.chunk + 1, row: 0 } };
        Some(id)
    }
}

impl<'r> Iterator for Cursor<'r> {
    type Item = Row<'r>;

    fn next(&mut self) -> Option<Row<'r>> {
        let Reverse((_, index)) = self.heap.pop()?;
        let run = self.runs.get_mut(index as usize)?;
        let id = run.take(self.rows)?;
        if let Some(time) = run.peek(self.rows) {
            self.heap.push(Reverse((time, index)));
        }
        Some(self.rows.get(id))
    }
}

/// The slice of one chunk, empty where the column has none.
fn at<'s, T>(column: &[&'s [T]], chunk: usize) -> &'s [T] {
    column.get(chunk).copied().unwrap_or_default()
}
