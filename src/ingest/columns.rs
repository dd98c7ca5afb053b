//! A shard: the rows of one block, column by column, packed. A column without a value takes no memory.

use super::Tally;
use super::pack::Packed;
use super::shard::Reject;
use std::ops::Range;
use std::sync::Arc;

macro_rules! columns {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])+ $variant:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])+ $variant,)+ }

        impl $name {
            /// Every column of this type, in the table's order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
        }
    };
}

columns! {
    /// Columns of text, stored as codes.
    TextCol {
        /// `service.name`
        Service,
        /// `host.name`
        Host,
        /// `thread.name`
        Thread,
        /// The logger.
        Logger,
        /// The connection's key in the producer's words.
        Conn,
        /// `db.client.connection.pool.name`
        Pool,
        /// Request id.
        RequestId,
        /// Trace id.
        TraceId,
        /// `client.address`
        Client,
        /// `server.address`
        Server,
        /// Front end of a load balancer.
        Frontend,
        /// Back end of a load balancer.
        Backend,
        /// Database user.
        DbUser,
        /// `db.namespace`
        DbName,
        /// `application_name`
        AppName,
        /// SQLSTATE or vendor code.
        SqlState,
        /// `http.request.method`
        Method,
        /// `http.route`, or the path with its variable parts folded.
        Route,
        /// `user_agent.original`
        UserAgent,
        /// Why.
        Reason,
        /// `error.type`
        ErrorType,
        /// What the record is about.
        Subject,
        /// `service.version`
        Version,
        /// Revision.
        Revision,
        /// The application's frames of a stack, innermost first, a line each: `function<TAB>file<TAB>line<TAB>language`.
        Stack,
        /// The statement with its literals folded.
        Statement,
        /// The message of records that stand on the timeline (deploys, alerts, errors, server life cycle).
        Message,
    }
}

columns! {
    /// Columns of 32-bit numbers; 0 is absent unless the column says otherwise.
    IntCol {
        /// `process.pid`
        Pid,
        /// The other process id that a record names.
        BackendPid,
        /// `client.port`
        ClientPort,
        /// `server.port`
        ServerPort,
        /// `http.response.status_code`
        Status,
        /// Physical connections of a pool, plus one.
        Total,
        /// Borrowed connections of a pool, plus one.
        Active,
        /// Idle connections of a pool, plus one.
        Idle,
        /// Waiting borrowers of a pool, plus one.
        Waiting,
        /// A pool's maximum, plus one.
        Max,
    }
}

columns! {
    /// Columns of 64-bit numbers, stored plus one; 0 is absent.
    LongCol {
        /// Duration, ns.
        Duration,
        /// Wait, ns.
        Wait,
        /// Time to connect, ns.
        Connect,
        /// Bytes sent.
        BytesOut,
    }
}

/// Bits of the `flags` column.
pub mod flag {
    /// The time is the start of what the duration measures.
    pub const TIME_IS_START: u8 = 1;
}

/// Bits of the `basis` column: what a row's UTC time rests on besides what was written. 0: an instant was written.
pub mod basis {
    /// No zone was written; UTC was assumed.
    pub const ZONE_ASSUMED: u8 = 1;
    /// No zone was written; the user gave one.
    pub const ZONE_GIVEN: u8 = 2;
    /// No zone was written; it follows from evidence.
    pub const ZONE_EVIDENCE: u8 = 4;
    /// No year was written; it follows from order and neighbours.
    pub const YEAR_INFERRED: u8 = 8;
    /// No date was written; it follows from order and neighbours.
    pub const DATE_INFERRED: u8 = 16;
    /// No time was written; the row before it lends its own.
    pub const INHERITED: u8 = 32;
    /// There is no time at all.
    pub const NONE: u8 = 64;
    /// The local time stands twice in the night when summer time ends.
    pub const AMBIGUOUS: u8 = 128;
}

/// A column that is filled up with zeros only when a later row has a value.
#[derive(Debug, Clone, Default)]
pub(super) struct Lazy<T>(Vec<T>);

impl<T: Copy + Default + PartialEq + Into<u64>> Lazy<T> {
    /// Sets the value of a row that is not before any row set already; zeros are not stored.
    #[inline]
    pub(super) fn set(&mut self, row: usize, value: T) {
        if value != T::default() {
            if self.0.len() < row {
                self.0.resize(row, T::default());
            }
            self.0.push(value);
        }
    }

    /// The values up to the last one that is not zero.
    pub(super) fn values(&mut self) -> &mut [T] {
        &mut self.0
    }

    fn pack(&mut self, rows: usize) -> Packed {
        let packed = Packed::new(&self.0, rows);
        self.0.clear();
        packed
    }

    fn reorder(&mut self, order: &[u32]) {
        if !self.0.is_empty() {
            self.0 = order.iter().map(|row| self.0.get(*row as usize).copied().unwrap_or_default()).collect();
        }
    }
}

/// The rows of one block. A clone shares the columns with what it was made of.
#[derive(Debug, Clone, Default)]
pub struct Shard {
    /// How many rows there are.
    pub rows: usize,
    /// Nanoseconds: until `clock::settle` as written, then UTC.
    pub time: Packed,
    /// What the time rests on; see [`basis`].
    pub basis: Packed,
    /// What was written where it was not an instant; see `clock::pending`. Empty after the clock is settled.
    pub(super) written: Packed,
    /// First and last of the times that state year and date, plausible ones only, as written.
    pub(super) dated: Option<(i64, i64)>,
    /// Byte offset of the record in its source.
    pub offset: Packed,
    /// Bytes of the record from its offset to the end of its last line, without the line end.
    pub length: Packed,
    /// One-based number of its first line.
    pub line: Packed,
    /// OpenTelemetry severity number.
    pub severity: Packed,
    /// [`backtrail_parsers::Kind`] code.
    pub kind: Packed,
    /// See [`flag`].
    pub flags: Packed,
    /// Index into the source's list of layouts.
    pub layout: Packed,
    /// Text columns, by [`TextCol`]: codes of the worker's strings, which `codes` turns into the table's.
    pub texts: Vec<Packed>,
    /// Number columns, by [`IntCol`].
    pub ints: Vec<Packed>,
    /// Long columns, by [`LongCol`].
    pub longs: Vec<Packed>,
    /// The table's code of each of the worker's; `None` where they are the same.
    pub codes: Option<Arc<[u32]>>,
    /// Where the block begins in its source.
    pub(super) start: u64,
    /// Which worker read the block.
    pub(super) worker: usize,
    /// The texts that the worker met here first.
    pub(super) news: Range<u32>,
    /// Rows rejected.
    pub rejects: Vec<Reject>,
    /// Where the bytes went.
    pub tally: Tally,
    /// Lines in the block (and dropped before it).
    pub line_count: u32,
    /// Names of the layouts that `layout` refers to.
    pub layouts: Vec<&'static str>,
}

impl Shard {
    /// Moves line numbers on by `lines`.
    pub(super) fn shift_lines(&mut self, lines: u32) {
        self.line.add(lines.into());
        self.rejects.iter_mut().for_each(|reject| reject.line = reject.line.saturating_add(lines));
    }

    /// Makes `layout` refer to `names`, to which missing ones are added.
    pub(super) fn rename_layouts(&mut self, names: &mut Vec<&'static str>) {
        let map: Vec<u8> = self
            .layouts
            .iter()
            .map(|name| {
                let index = names.iter().position(|n| n == name).unwrap_or_else(|| {
                    names.push(name);
                    names.len() - 1
                });
                u8::try_from(index).unwrap_or(u8::MAX)
            })
            .collect();
        if (0u8..).zip(&map).any(|(old, new)| old != *new) {
            self.layout.change(self.rows, |layout| map.get(usize::from(layout)).copied().unwrap_or(0));
        }
        self.layouts = Vec::new();
    }
}

/// A shard while its block is read: plain columns, whose memory the next block uses again.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) time: Vec<i64>,
    pub(super) basis: Vec<u8>,
    pub(super) written: Lazy<u8>,
    pub(super) offset: Vec<u64>,
    pub(super) length: Vec<u32>,
    pub(super) line: Vec<u32>,
    pub(super) severity: Vec<u8>,
    pub(super) kind: Vec<u8>,
    pub(super) flags: Vec<u8>,
    pub(super) layout: Vec<u8>,
    pub(super) texts: [Lazy<u32>; TextCol::ALL.len()],
    pub(super) ints: [Lazy<u32>; IntCol::ALL.len()],
    pub(super) longs: [Lazy<u64>; LongCol::ALL.len()],
    pub(super) rejects: Vec<Reject>,
    pub(super) tally: Tally,
}

impl Draft {
    /// How many rows there are so far.
    #[inline]
    pub(super) fn rows(&self) -> usize {
        self.time.len()
    }

    /// The shard; the draft is empty again.
    pub(super) fn finish(&mut self) -> Shard {
        self.in_order();
        let rows = self.rows();
        let time = Packed::new_signed(&self.time);
        let written = self.written.pack(rows);
        let dated = self.time.iter().enumerate().filter(|(row, time)| matches!(written.byte(*row), 0 | 2) && **time > 0);
        let dated = dated.fold(None, |range: Option<(i64, i64)>, (_, time)| {
            Some(range.map_or((*time, *time), |(first, last)| (first.min(*time), last.max(*time))))
        });
        self.time.clear();
        Shard {
            rows,
            time,
            basis: pack(&mut self.basis, rows),
            written,
            dated,
            offset: pack(&mut self.offset, rows),
            length: pack(&mut self.length, rows),
            line: pack(&mut self.line, rows),
            severity: pack(&mut self.severity, rows),
            kind: pack(&mut self.kind, rows),
            flags: pack(&mut self.flags, rows),
            layout: pack(&mut self.layout, rows),
            texts: self.texts.iter_mut().map(|column| column.pack(rows)).collect(),
            ints: self.ints.iter_mut().map(|column| column.pack(rows)).collect(),
            longs: self.longs.iter_mut().map(|column| column.pack(rows)).collect(),
            rejects: std::mem::take(&mut self.rejects),
            tally: std::mem::take(&mut self.tally),
            ..Shard::default()
        }
    }

    /// Puts rows into the order of their offsets, which lanes of an envelope may have disturbed.
    fn in_order(&mut self) {
        if self.offset.is_sorted() {
            return;
        }
        let mut order: Vec<u32> = (0..u32::try_from(self.rows()).unwrap_or(u32::MAX)).collect();
        order.sort_by_key(|row| self.offset.get(*row as usize).copied());
        pick(&mut self.time, &order);
        pick(&mut self.basis, &order);
        pick(&mut self.length, &order);
        pick(&mut self.line, &order);
        pick(&mut self.severity, &order);
        pick(&mut self.kind, &order);
        pick(&mut self.flags, &order);
        pick(&mut self.layout, &order);
        pick(&mut self.offset, &order);
        self.written.reorder(&order);
        self.texts.iter_mut().for_each(|c| c.reorder(&order));
        self.ints.iter_mut().for_each(|c| c.reorder(&order));
        self.longs.iter_mut().for_each(|c| c.reorder(&order));
    }
}

/// Puts the values of a column into an order.
fn pick<T: Copy>(values: &mut Vec<T>, order: &[u32]) {
    *values = order.iter().filter_map(|row| values.get(*row as usize).copied()).collect();
}

/// Packs a column that the next block uses again.
fn pack<T: Copy + Into<u64>>(values: &mut Vec<T>, rows: usize) -> Packed {
    let packed = Packed::new(values, rows);
    values.clear();
    packed
}
