//! Reads blocks into shards.

use super::columns::{Draft, IntCol, Lazy, LongCol, Shard, TextCol, basis, flag};
use super::cut::Piece;
use super::endpoint;
use super::options::Options;
use super::recent::Interner;
use super::statements::Statements;
use super::strings::Strings;
use backtrail_parsers::detect::{Format, Hints, detect};
use backtrail_parsers::frame::{self, Sink, Span};
use backtrail_parsers::frames::{self, Frame, InApp};
use backtrail_parsers::recognisers::Recognisers;
use backtrail_parsers::sample::Sample;
use backtrail_parsers::{Event, Kind, Reason, Stamp, Written};

/// Frames of the application that are kept of a stack, innermost first.
const FRAMES: usize = 6;
/// A block with at least this many rejects, and more of them than of events, is looked at again.
const SUSPECT: usize = 16;

/// A record that no parser took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reject {
    /// Byte offset in the source.
    pub offset: u64,
    /// Bytes of its first line or lines.
    pub length: u32,
    /// One-based line number.
    pub line: u32,
    /// Why.
    pub reason: Reason,
}

/// A worker's own: what it knows from earlier blocks, and memory that every block uses again.
pub(super) struct Worker<'o> {
    number: usize,
    recognisers: &'o Recognisers,
    rows: Rows,
}

impl<'o> Worker<'o> {
    pub(super) fn new(number: usize, recognisers: &'o Recognisers, options: &'o Options) -> Worker<'o> {
        let rules = InApp { include: options.in_app.clone(), exclude: options.not_in_app.clone() };
        let rows = Rows {
            draft: Draft::default(),
            interner: Interner::new(),
            statements: Statements::default(),
            offset: 0,
            lines: 0,
            scratch: Vec::new(),
            rules,
        };
        Worker { number, recognisers, rows }
    }

    /// The texts that the codes of this worker's shards mean.
    pub(super) fn into_strings(self) -> Strings {
        self.rows.interner.strings
    }

    /// Reads a block. Where the file's format does not fit the block (a file whose shape changed half-way), the block is
    /// recognised anew, and the reading that rejects less is kept.
    pub(super) fn read(&mut self, format: &Format, piece: &Piece) -> Shard {
        let before = self.rows.interner.strings.next_code();
        let mut shard = self.read_as(format, piece);
        if shard.rejects.len() >= SUSPECT && shard.rejects.len() > shard.rows {
            let text = piece.text();
            let start = shard.rejects.first().map_or(0, |r| usize::try_from(r.offset - piece.offset).unwrap_or(0));
            let sample = text.get(start..text.len().min(start + super::SAMPLE)).unwrap_or_default();
            let again = self.read_as(&detect(&Sample::of_bytes(sample), &Hints::default()), piece);
            if again.rejects.len() < shard.rejects.len() {
                shard = again;
            }
        }
        shard.worker = self.number;
        shard.start = piece.offset;
        shard.news = before..self.rows.interner.strings.next_code();
        shard
    }

    fn read_as(&mut self, format: &Format, piece: &Piece) -> Shard {
        let text = piece.text();
        self.rows.offset = piece.offset;
        self.rows.lines = piece.lines_before;
        let lines = frame::read(format, self.recognisers, text, &mut self.rows);
        self.rows.interner.settle(self.rows.draft.texts.iter_mut().map(Lazy::values));
        let mut shard = self.rows.draft.finish();
        shard.line_count = piece.lines_before.saturating_add(lines);
        shard.layouts = format.layouts.iter().map(|l| l.name).collect();
        shard
    }
}

/// Takes events into columns.
struct Rows {
    draft: Draft,
    interner: Interner<{ TextCol::ALL.len() }>,
    statements: Statements,
    offset: u64,
    lines: u32,
    scratch: Vec<u8>,
    rules: InApp,
}

impl Rows {
    fn line(&self, line: u32) -> u32 {
        self.lines.saturating_add(line).saturating_add(1)
    }

    #[inline]
    fn text(&mut self, column: TextCol, value: &[u8]) {
        if !value.is_empty() {
            self.some_text(column, value);
        }
    }

    #[inline(never)]
    fn some_text(&mut self, column: TextCol, value: &[u8]) {
        let code = self.interner.code(column as usize, value);
        self.code(column, code);
    }

    #[inline]
    fn code(&mut self, column: TextCol, code: u32) {
        let row = self.draft.rows();
        if let Some(column) = self.draft.texts.get_mut(column as usize) {
            column.set(row, code);
        }
    }

    #[inline]
    fn int(&mut self, column: IntCol, value: u32) {
        let row = self.draft.rows();
        if let Some(column) = self.draft.ints.get_mut(column as usize) {
            column.set(row, value);
        }
    }

    /// A counter where −1 is absent: stored plus one.
    fn counter(&mut self, column: IntCol, value: i32) {
        self.int(column, u32::try_from(value.saturating_add(1)).unwrap_or(0));
    }

    #[inline]
    fn long(&mut self, column: LongCol, value: i64) {
        let row = self.draft.rows();
        if let Some(column) = self.draft.longs.get_mut(column as usize) {
            column.set(row, u64::try_from(value.saturating_add(1)).unwrap_or(0));
        }
    }

    fn texts(&mut self, event: &Event<'_>) {
        self.text(TextCol::Service, event.service);
        self.text(TextCol::Host, event.host);
        self.text(TextCol::Thread, event.thread);
        self.text(TextCol::Logger, event.logger);
        self.text(TextCol::Conn, event.conn);
        self.text(TextCol::Pool, event.pool);
        self.text(TextCol::RequestId, event.request_id);
        self.text(TextCol::TraceId, event.trace_id);
        self.text(TextCol::Client, event.client);
        self.text(TextCol::Server, event.server);
        self.text(TextCol::Frontend, event.frontend);
        self.text(TextCol::Backend, event.backend);
        self.text(TextCol::DbUser, event.db_user);
        self.text(TextCol::DbName, event.db_name);
        self.text(TextCol::AppName, event.app_name);
        self.text(TextCol::SqlState, event.sqlstate);
        self.text(TextCol::Method, event.method);
        self.text(TextCol::UserAgent, event.user_agent);
        self.text(TextCol::Reason, event.reason);
        self.text(TextCol::ErrorType, event.error_type);
        self.text(TextCol::Subject, event.subject);
        self.text(TextCol::Version, event.version);
        self.text(TextCol::Revision, event.revision);
        if on_timeline(event.kind) {
            self.text(TextCol::Message, event.message.get(..240).unwrap_or(event.message));
        }
        self.route(event);
        self.statement(event);
        self.stack(event);
    }

    fn route(&mut self, event: &Event<'_>) {
        if !event.route.is_empty() {
            self.text(TextCol::Route, event.route);
        } else if !event.path.is_empty() {
            let mut scratch = std::mem::take(&mut self.scratch);
            endpoint::fold(event.path, &mut scratch);
            self.text(TextCol::Route, &scratch);
            self.scratch = scratch;
        }
    }

    fn statement(&mut self, event: &Event<'_>) {
        if !event.query.is_empty() {
            let code = self.statements.code(&mut self.interner.strings, event.query, &mut self.scratch);
            self.code(TextCol::Statement, code);
        }
    }

    /// The application's frames of the record's own stack, or the code location that the record states.
    fn stack(&mut self, event: &Event<'_>) {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        if !event.function.is_empty() || !event.file.is_empty() {
            text.extend_from_slice(event.function);
            text.push(b'\t');
            text.extend_from_slice(event.file);
            text.extend_from_slice(format!("\t{}\t\n", event.line).as_bytes());
        } else if !event.stack.is_empty() && wants_stack(event.kind) {
            for frame in frames::application_frames(event.stack, &self.rules, FRAMES) {
                write_frame(&frame, &mut text);
            }
        }
        self.text(TextCol::Stack, &text);
        self.scratch = text;
    }

    fn numbers(&mut self, event: &Event<'_>) {
        self.int(IntCol::Pid, event.pid);
        self.int(IntCol::BackendPid, event.backend_pid);
        self.int(IntCol::ClientPort, event.client_port.into());
        self.int(IntCol::ServerPort, event.server_port.into());
        self.int(IntCol::Status, event.status.into());
        if event.gauge.is_some() {
            self.counter(IntCol::Total, event.gauge.total);
            self.counter(IntCol::Active, event.gauge.active);
            self.counter(IntCol::Idle, event.gauge.idle);
            self.counter(IntCol::Waiting, event.gauge.waiting);
            self.counter(IntCol::Max, event.gauge.max);
        }
        self.long(LongCol::Duration, event.duration_ns);
        self.long(LongCol::Wait, event.wait_ns);
        self.long(LongCol::Connect, event.connect_ns);
        self.long(LongCol::BytesOut, event.bytes_out);
    }
}

/// A frame as the table keeps it: function, file, line and language, separated by tabs.
fn write_frame(frame: &Frame<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&frame.function);
    out.push(b'\t');
    out.extend_from_slice(frame.file);
    out.extend_from_slice(format!("\t{}\t{}\n", frame.line, frame.language.name()).as_bytes());
}

/// Kinds whose message is shown on timelines and is therefore kept.
fn on_timeline(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Deploy
            | Kind::Rollback
            | Kind::ConfigChange
            | Kind::Alert
            | Kind::ServerStart
            | Kind::ServerReady
            | Kind::ServerStop
            | Kind::ServerCrash
            | Kind::ServerRecovery
            | Kind::AppStart
            | Kind::AppStop
            | Kind::LbServerState
            | Kind::ResourceExhausted
            | Kind::ClockAnomaly
    )
}

/// Kinds whose stack says where in the code something happened.
fn wants_stack(kind: Kind) -> bool {
    matches!(kind, Kind::LeakReport | Kind::PoolBorrow | Kind::Error | Kind::AcquireTimeout | Kind::Query | Kind::SlowQuery)
}

/// The time that a row starts out with: the record's own, completed by its envelope's. The zone of a local time follows
/// from an envelope's instant where both differ by about a whole number of quarter-hours. A record that states whole
/// seconds takes a finer envelope's fraction, where the envelope was written right after it (`end`: not where the record
/// states its beginning).
fn begin(own: Stamp, envelope: Stamp, end: bool) -> (i64, Written, u8) {
    let (nanos, written, bits) = join(own, envelope);
    let waited = envelope.nanos - nanos;
    let finer = end && own.is_some() && own.digits == 0 && envelope.digits > 0;
    if finer && written == Written::Instant && envelope.written == Written::Instant && (0..FINER_WITHIN).contains(&waited) {
        return (envelope.nanos, written, bits);
    }
    (nanos, written, bits)
}

/// An envelope's time stands for a record's when it is later by less than this: the record's own time was cut to its
/// second, and the line took a moment to reach the transport.
const FINER_WITHIN: i64 = 2_000_000_000;

fn join(own: Stamp, envelope: Stamp) -> (i64, Written, u8) {
    const QUARTER: i64 = 900 * 1_000_000_000;
    match (own.written, envelope.written) {
        (Written::Nothing, _) => (envelope.nanos, envelope.written, 0),
        (Written::Local, Written::Instant) => {
            let gap = own.nanos - envelope.nanos;
            let shift = (gap + QUARTER / 2).div_euclid(QUARTER) * QUARTER;
            let near = (gap - shift).abs() < 120 * 1_000_000_000 && shift.abs() <= 15 * 4 * QUARTER;
            if near { (own.nanos - shift, Written::Instant, basis::ZONE_EVIDENCE) } else { (own.nanos, own.written, 0) }
        }
        (Written::NoDate, Written::Instant | Written::Local) => {
            const DAY: i64 = 86_400 * 1_000_000_000;
            let of_day = envelope.nanos.rem_euclid(DAY);
            let shift = (own.nanos - of_day + QUARTER / 2).div_euclid(QUARTER) * QUARTER;
            let nanos = envelope.nanos - of_day + own.nanos - shift;
            (nanos, envelope.written, basis::DATE_INFERRED)
        }
        _ => (own.nanos, own.written, 0),
    }
}

impl Sink for Rows {
    fn event(&mut self, event: &Event<'_>, envelope: Stamp, layout: usize, span: Span) {
        self.texts(event);
        self.numbers(event);
        let (nanos, written, basis) = begin(event.stamp, envelope, !event.stamp_is_start);
        let line = self.line(span.line);
        let draft = &mut self.draft;
        draft.written.set(draft.time.len(), super::clock::pending(written));
        draft.time.push(nanos);
        draft.basis.push(basis);
        draft.offset.push(self.offset + span.offset as u64);
        draft.length.push(u32::try_from(span.length).unwrap_or(u32::MAX));
        draft.line.push(line);
        draft.severity.push(event.severity.0);
        draft.kind.push(event.kind.code());
        draft.flags.push(if event.stamp_is_start { flag::TIME_IS_START } else { 0 });
        draft.layout.push(u8::try_from(layout).unwrap_or(u8::MAX));
        draft.tally.events += span.bytes as u64;
    }

    fn reject(&mut self, reject: backtrail_parsers::Reject, span: Span) {
        let line = self.line(span.line);
        self.draft.rejects.push(Reject {
            offset: self.offset + span.offset as u64,
            length: u32::try_from(span.length).unwrap_or(u32::MAX),
            line,
            reason: reject.reason,
        });
        self.draft.tally.rejects += span.bytes as u64;
    }

    fn separator(&mut self, bytes: usize) {
        self.draft.tally.separators += bytes as u64;
    }
}
