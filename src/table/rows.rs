//! Rows by number and in order of time: what F4 works on.

use super::{Chunk, EventTable, Source};
use crate::ingest::columns::{basis, flag};
use crate::ingest::{IntCol, LongCol, Shard, TextCol};
use backtrail_parsers::{Kind, Severity};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// Where a row stands: chunk and row in the chunk. Ordered like the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId {
    /// Index of the chunk.
    pub chunk: u32,
    /// Index of the row in the chunk.
    pub row: u32,
}

/// Access to the rows of a table.
#[derive(Debug)]
pub struct Rows<'t> {
    table: &'t EventTable,
}

impl<'t> Rows<'t> {
    pub(super) fn new(table: &'t EventTable) -> Rows<'t> {
        Rows { table }
    }

    /// The table.
    pub fn table(&self) -> &'t EventTable {
        self.table
    }

    /// The row of an id; ids come from this table, so a stranger's id reads as an empty row.
    #[inline]
    pub fn get(&self, id: RowId) -> Row<'_> {
        let chunk = self.table.chunks.get(id.chunk as usize).filter(|chunk| (id.row as usize) < chunk.rows.rows);
        Row { table: self.table, chunk, id }
    }

    /// Every row, in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0u32..).zip(&self.table.chunks).flat_map(move |(index, chunk)| {
            let count = u32::try_from(chunk.rows.rows).unwrap_or(u32::MAX);
            (0..count).map(move |row| Row { table: self.table, chunk: Some(chunk), id: RowId { chunk: index, row } })
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
    table: &'r EventTable,
    chunk: Option<&'r Chunk>,
    /// Where it stands.
    pub id: RowId,
}

impl<'r> Row<'r> {
    #[inline]
    fn pick<T: Default>(&self, value: impl Fn(&'r Shard, usize) -> T) -> T {
        self.chunk.map(|chunk| value(&chunk.rows, self.id.row as usize)).unwrap_or_default()
    }

    /// The source's id.
    pub fn source_id(&self) -> u32 {
        self.chunk.map_or(0, |c| c.source)
    }

    /// The source.
    pub fn source(&self) -> Option<&'r Source> {
        self.table.sources.get(self.source_id() as usize)
    }

    /// Nanoseconds since the epoch, UTC.
    pub fn time(&self) -> i64 {
        self.pick(|c, row| c.time.signed(row))
    }

    /// What the time rests on.
    pub fn basis(&self) -> u8 {
        self.pick(|c, row| c.basis.byte(row))
    }

    /// True where the row has a time, be it inferred.
    pub fn has_time(&self) -> bool {
        self.basis() & basis::NONE == 0
    }

    /// Byte offset in the source.
    pub fn offset(&self) -> u64 {
        self.pick(|c, row| c.offset.get(row))
    }

    /// Bytes of the record.
    pub fn length(&self) -> u32 {
        self.pick(|c, row| c.length.word(row))
    }

    /// One-based line.
    pub fn line(&self) -> u32 {
        self.pick(|c, row| c.line.word(row))
    }

    /// Severity.
    pub fn severity(&self) -> Severity {
        Severity(self.pick(|c, row| c.severity.byte(row)))
    }

    /// Kind.
    pub fn kind(&self) -> Kind {
        Kind::from_code(self.pick(|c, row| c.kind.byte(row)))
    }

    /// Index into the source's layouts.
    pub fn layout(&self) -> u8 {
        self.pick(|c, row| c.layout.byte(row))
    }

    /// True where the time is the start of what the duration measures.
    pub fn time_is_start(&self) -> bool {
        self.pick(|c, row| c.flags.byte(row)) & flag::TIME_IS_START != 0
    }

    /// Code of a text column, 0 absent.
    pub fn code(&self, column: TextCol) -> u32 {
        self.chunk.map_or(0, |chunk| chunk.code(column, self.id.row as usize))
    }

    /// Text of a text column, empty when absent.
    pub fn text(&self, column: TextCol) -> &'r [u8] {
        self.table.strings.get(self.code(column))
    }

    /// A number, 0 absent.
    pub fn int(&self, column: IntCol) -> u32 {
        self.pick(|c, row| c.ints.get(column as usize).map_or(0, |column| column.word(row)))
    }

    /// A counter of a pool.
    pub fn counter(&self, column: IntCol) -> Option<u32> {
        self.int(column).checked_sub(1)
    }

    /// A duration or other long value.
    pub fn long(&self, column: LongCol) -> Option<i64> {
        self.pick(|c, row| c.longs.get(column as usize).map_or(0, |column| column.get(row)))
            .checked_sub(1)
            .and_then(|v| i64::try_from(v).ok())
    }
}

/// Rows in the order of time: a merge of the sources, each sorted by itself where its file was not in order.
pub struct Cursor<'r> {
    rows: &'r Rows<'r>,
    runs: Vec<Run<'r>>,
    heap: BinaryHeap<Reverse<(i64, u32)>>,
}

/// One source's rows in the order of time.
struct Run<'r> {
    /// One past the last chunk.
    end: u32,
    at: RowId,
    /// Set where the file is out of order: its rows sorted, less those that are used.
    sorted: Option<&'r [RowId]>,
}

impl<'r> Cursor<'r> {
    fn new(rows: &'r Rows<'r>) -> Cursor<'r> {
        let mut cursor = Cursor { rows, runs: Vec::new(), heap: BinaryHeap::new() };
        let mut start = 0u32;
        let orders = rows.table.order.get_or_init(|| order(&rows.table.chunks));
        for (chunks, order) in rows.table.chunks.chunk_by(same_source).zip(orders) {
            let end = start + u32::try_from(chunks.len()).unwrap_or(0);
            let run = Run { end, at: RowId { chunk: start, row: 0 }, sorted: order.as_deref() };
            if let Some(time) = run.peek(rows) {
                cursor.heap.push(Reverse((time, u32::try_from(cursor.runs.len()).unwrap_or(u32::MAX))));
            }
            cursor.runs.push(run);
            start = end;
        }
        cursor
    }
}

fn same_source(a: &Chunk, b: &Chunk) -> bool {
    a.source == b.source
}

/// The rows of each source by time; `None` for a source whose rows stand so. A source whose times all move by the same
/// amount keeps its order.
pub(super) fn order(chunks: &[Chunk]) -> Vec<Option<Box<[RowId]>>> {
    let mut first = 0u32;
    let mut orders = Vec::new();
    for chunks in chunks.chunk_by(same_source) {
        orders.push(sorted(first, chunks));
        first += u32::try_from(chunks.len()).unwrap_or(0);
    }
    orders
}

/// The rows of one source's chunks, of which `first` is the first one's number, by time; `None` where they stand so.
fn sorted(first: u32, chunks: &[Chunk]) -> Option<Box<[RowId]>> {
    let ends = |chunk: &Chunk| (chunk.rows.time.signed(0), chunk.rows.time.signed(chunk.rows.rows.saturating_sub(1)));
    let in_turn = chunks.windows(2).all(|pair| matches!(pair, [a, b] if ends(a).1 <= ends(b).0));
    if in_turn && chunks.iter().all(|chunk| chunk.in_order) {
        return None;
    }
    let rows = (first..).zip(chunks).flat_map(|(number, chunk)| {
        let count = u32::try_from(chunk.rows.rows).unwrap_or(u32::MAX);
        (0..count).map(move |row| (chunk.rows.time.signed(row as usize), RowId { chunk: number, row }))
    });
    let mut rows: Vec<(i64, RowId)> = rows.collect();
    radsort::sort_by_key(&mut rows, |(time, _)| *time);
    Some(rows.into_iter().map(|(_, id)| id).collect())
}

impl Run<'_> {
    #[inline]
    fn peek(&self, rows: &Rows<'_>) -> Option<i64> {
        let id = match self.sorted {
            Some(ids) => *ids.first()?,
            None => self.at,
        };
        rows.table.chunks.get(id.chunk as usize).filter(|_| id.chunk < self.end).map(|c| c.rows.time.signed(id.row as usize))
    }

    #[inline]
    fn take(&mut self, rows: &Rows<'_>) -> Option<RowId> {
        if let Some(ids) = &mut self.sorted {
            return ids.split_off_first().copied();
        }
        let id = self.at;
        let count = rows.table.chunks.get(id.chunk as usize).map_or(0, |c| c.rows.rows);
        self.at =
            if id.row as usize + 1 < count { RowId { row: id.row + 1, ..id } } else { RowId { chunk: id.chunk + 1, row: 0 } };
        Some(id)
    }
}

impl<'r> Iterator for Cursor<'r> {
    type Item = Row<'r>;

    fn next(&mut self) -> Option<Row<'r>> {
        let mut top = self.heap.peek_mut()?;
        let Reverse((_, index)) = *top;
        let run = self.runs.get_mut(index as usize)?;
        let id = run.take(self.rows)?;
        match run.peek(self.rows) {
            // Most often the same source has the next row too: the heap then stays as it is.
            Some(time) => *top = Reverse((time, index)),
            None => drop(PeekMut::pop(top)),
        }
        Some(self.rows.get(id))
    }
}
