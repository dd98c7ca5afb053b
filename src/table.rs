//! F3: the event table. The only floor that spells column names and holds polars types.
//!
//! One row a record, in the order of sources (by path) and, inside a source, of the file. The rows stay packed as the
//! workers left them, block by block; text is stored once and referred to by code; the raw record is not stored: `source, offset, length, line` say where to read it again.

pub mod build;
pub mod clock;
mod frame;
pub mod maps;
pub mod parquet;
pub mod rows;
pub mod schema;

use crate::error::Result;
use crate::ingest::clock::Zone;
use crate::ingest::strings::Strings;
use crate::ingest::{Reject, Shard, Tally, TextCol};
use crate::source::open::Stored;
use polars::prelude::DataFrame;
pub use rows::{Cursor, Row, RowId, Rows};
use std::sync::OnceLock;

/// A source's row in the table of sources.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Its number: the row's position in the table of sources, which is sorted by path.
    pub id: u32,
    /// The name under which it is reported.
    pub path: String,
    /// Hash, compression, parts.
    pub stored: Stored,
    /// Decompressed bytes.
    pub bytes: u64,
    /// Rows of the event table.
    pub records: u64,
    /// The best layout's name.
    pub format: String,
    /// All layouts that it mixes.
    pub layouts: Vec<&'static str>,
    /// Envelopes from the outside in, joined by `+`.
    pub envelope: String,
    /// Share of the sample that the format explains.
    pub score: f64,
    /// Why this format.
    pub reasons: Vec<String>,
    /// How times became UTC.
    pub zone: Zone,
    /// Nanoseconds added to its times to bring them to UTC, where evidence from other sources asked for it.
    pub shift_ns: i64,
    /// Records whose pairing with other sources' records speaks for that shift.
    pub shift_pairs: u64,
    /// Its clock against others', where that could be found out.
    pub clock: Option<clock::Clock>,
    /// First time, ns UTC; `None` for a source without times.
    pub first: Option<i64>,
    /// Last time, ns UTC.
    pub last: Option<i64>,
    /// Where the bytes went.
    pub tally: Tally,
    /// Records that no parser took.
    pub rejects: Vec<Reject>,
}

/// One piece of the table: the rows of one block of one source.
#[derive(Debug)]
struct Chunk {
    source: u32,
    /// First and last time of the rows that have one.
    first: Option<i64>,
    last: Option<i64>,
    /// True where no row is earlier than the one before it.
    in_order: bool,
    rows: Shard,
}

impl Chunk {
    /// The table's code of a text.
    #[inline]
    fn code(&self, column: TextCol, row: usize) -> u32 {
        let code = self.rows.texts.get(column as usize).map_or(0, |column| column.word(row));
        match &self.rows.codes {
            None => code,
            Some(codes) => codes.get(code as usize).copied().unwrap_or(0),
        }
    }
}

/// The event table and what belongs to it.
#[derive(Debug)]
pub struct EventTable {
    chunks: Vec<Chunk>,
    /// The rows of each source in the order of time, once somebody asked; see [`rows::order`].
    order: OnceLock<Vec<Option<Box<[RowId]>>>>,
    /// The sources, sorted by path; a source's id is its position.
    pub sources: Vec<Source>,
    /// What text codes mean.
    pub strings: Strings,
    /// How many threads may work on it at the same time; what they find does not depend on it.
    pub threads: usize,
}

impl EventTable {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.rows.rows).sum()
    }

    /// True where nothing was read.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The table as a frame: text columns hold codes into [`EventTable::strings`], counters and long columns are stored
    /// plus one. Several times as large as the table.
    pub fn frame(&self) -> Result<DataFrame> {
        frame::frame(self)
    }

    /// Does two things that do not need each other: at the same time, where that is allowed.
    pub fn both<A: Send, B>(&self, one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
        if self.threads < 2 {
            return (one(), other());
        }
        std::thread::scope(|scope| {
            let one = scope.spawn(one);
            let other = other();
            match one.join() {
                Ok(one) => (one, other),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Random and ordered access to the rows.
    pub fn rows(&self) -> Rows<'_> {
        Rows::new(self)
    }
}

/// Asks for the zones of sources whose zone was assumed, and moves their times where the evidence says so.
pub fn settle_zones(table: &mut EventTable, find: &dyn Fn(&EventTable) -> Vec<ZoneShift>) {
    for shift in find(table) {
        build::shift(table, &shift);
    }
}

/// Asks for the clocks of the sources, keeps what was found and, where `apply` is true, corrects the times of those that
/// are off by more than twice what is not known of it.
pub fn settle_clocks(table: &mut EventTable, apply: bool, find: &dyn Fn(&EventTable) -> Vec<clock::Clock>) {
    for mut found in find(table) {
        let Some(source) = table.sources.get(found.source as usize) else { continue };
        let span = source.first.zip(source.last).unwrap_or((0, 0));
        found.applied = apply && found.significant(span.0, span.1);
        if found.applied {
            build::retime(table, found.source, &|time| time.saturating_sub(clock::offset(&found.segments, time)));
        }
        if let Some(source) = table.sources.get_mut(found.source as usize) {
            source.clock = Some(found);
        }
    }
}

/// A shift of a source's times that evidence asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZoneShift {
    /// The source.
    pub source: u32,
    /// Nanoseconds to add to its times.
    pub add: i64,
    /// Pairs of records that agree.
    pub pairs: u64,
}
