//! A shard: the rows of one block, column by column. A column takes memory only from the first row that has a value.

use super::Tally;
use super::shard::Reject;
use super::strings::Strings;

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
pub struct Lazy<T>(Vec<T>);

impl<T: Copy + Default + PartialEq> Lazy<T> {
    /// Sets the value of a row that is not before any row set already; zeros are not stored.
    pub fn set(&mut self, row: usize, value: T) {
        if value != T::default() {
            self.0.resize(row, T::default());
            self.0.push(value);
        }
    }

    /// The values, `rows` of them, or none at all where no row has one.
    pub fn finish(mut self, rows: usize) -> Option<Vec<T>> {
        if self.0.is_empty() {
            return None;
        }
        self.0.resize(rows, T::default());
        self.0.shrink_to_fit();
        Some(self.0)
    }

    /// The value of a row.
    pub fn get(&self, row: usize) -> T {
        self.0.get(row).copied().unwrap_or_default()
    }

    /// True where no row has a value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn reorder(&mut self, order: &[u32]) {
        if !self.0.is_empty() {
            self.0 = order.iter().map(|row| self.get(*row as usize)).collect();
        }
    }
}

/// The rows of one block.
#[derive(Debug, Default)]
pub struct Shard {
    /// Nanoseconds: until `clock::settle` as written, then UTC.
    pub time: Vec<i64>,
    /// What the time rests on; see [`basis`].
    pub basis: Vec<u8>,
    /// What was written where it was not an instant; see `clock::pending`. Empty after the clock is settled.
    pub written: Lazy<u8>,
    /// Byte offset of the record in its source.
    pub offset: Vec<u64>,
    /// Bytes of the record from its offset to the end of its last line, without the line end.
    pub length: Vec<u32>,
    /// One-based number of its first line.
    pub line: Vec<u32>,
    /// OpenTelemetry severity number.
    pub severity: Vec<u8>,
    /// [`backtrail_parsers::Kind`] code.
    pub kind: Vec<u8>,
    /// See [`flag`].
    pub flags: Vec<u8>,
    /// Index into the source's list of layouts.
    pub layout: Vec<u8>,
    /// Text columns, by [`TextCol`].
    pub texts: Vec<Lazy<u32>>,
    /// Number columns, by [`IntCol`].
    pub ints: Vec<Lazy<u32>>,
    /// Long columns, by [`LongCol`].
    pub longs: Vec<Lazy<u64>>,
    /// What the text codes mean.
    pub strings: Strings,
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
    /// An empty shard.
    pub fn new() -> Shard {
        Shard {
            texts: vec![Lazy::default(); TextCol::ALL.len()],
            ints: vec![Lazy::default(); IntCol::ALL.len()],
            longs: vec![Lazy::default(); LongCol::ALL.len()],
            ..Shard::default()
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.time.len()
    }

    /// The code of a text column in a row.
    pub fn text(&self, column: TextCol, row: usize) -> u32 {
        self.texts.get(column as usize).map_or(0, |c| c.get(row))
    }

    /// Moves line numbers on by `lines`.
    pub(super) fn shift_lines(&mut self, lines: u32) {
        self.line
            .iter_mut()
            .chain(self.rejects.iter_mut().map(|r| &mut r.line))
            .for_each(|line| *line = line.saturating_add(lines));
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
        self.layout.iter_mut().for_each(|layout| *layout = map.get(usize::from(*layout)).copied().unwrap_or(0));
        self.layouts = Vec::new();
    }

    /// Puts rows into the order of their offsets, which lanes of an envelope may have disturbed.
    pub(super) fn in_order(&mut self) {
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
