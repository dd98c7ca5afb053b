//! The one list of columns: name, meaning. Names are OpenTelemetry's where there is one.

use crate::ingest::{IntCol, LongCol, TextCol};

/// Columns that every row has.
pub mod base {
    /// Nanoseconds since the epoch, UTC.
    pub const TIME: &str = "time";
    /// What the time rests on; bits of [`crate::ingest::columns::basis`].
    pub const BASIS: &str = "time.basis";
    /// Byte offset in the decompressed source.
    pub const OFFSET: &str = "offset";
    /// Bytes of the record.
    pub const LENGTH: &str = "length";
    /// One-based line number.
    pub const LINE: &str = "line";
    /// OpenTelemetry `SeverityNumber`.
    pub const SEVERITY: &str = "severity_number";
    /// Code of the event's kind.
    pub const KIND: &str = "kind";
    /// Bits of [`crate::ingest::columns::flag`].
    pub const FLAGS: &str = "flags";
    /// Index into the source's layouts.
    pub const LAYOUT: &str = "layout";
}

impl TextCol {
    /// The column's name.
    pub const fn name(self) -> &'static str {
        match self {
            TextCol::Service => "service.name",
            TextCol::Host => "host.name",
            TextCol::Thread => "thread.name",
            TextCol::Logger => "log.logger",
            TextCol::Conn => "conn.id",
            TextCol::Pool => "db.client.connection.pool.name",
            TextCol::RequestId => "request.id",
            TextCol::TraceId => "trace_id",
            TextCol::Client => "client.address",
            TextCol::Server => "server.address",
            TextCol::Frontend => "lb.frontend",
            TextCol::Backend => "lb.backend",
            TextCol::DbUser => "db.user",
            TextCol::DbName => "db.namespace",
            TextCol::AppName => "client.app",
            TextCol::SqlState => "db.response.status_code",
            TextCol::Method => "http.request.method",
            TextCol::Route => "http.route",
            TextCol::UserAgent => "user_agent.original",
            TextCol::Reason => "reason",
            TextCol::ErrorType => "error.type",
            TextCol::Subject => "subject",
            TextCol::Version => "service.version",
            TextCol::Revision => "vcs.ref.head.revision",
            TextCol::Stack => "code.stacktrace",
            TextCol::Statement => "db.query.summary",
            TextCol::Message => "body",
        }
    }
}

impl IntCol {
    /// The column's name.
    pub const fn name(self) -> &'static str {
        match self {
            IntCol::Pid => "process.pid",
            IntCol::BackendPid => "db.backend_pid",
            IntCol::ClientPort => "client.port",
            IntCol::ServerPort => "server.port",
            IntCol::Status => "http.response.status_code",
            IntCol::Total => "pool.total",
            IntCol::Active => "pool.active",
            IntCol::Idle => "pool.idle",
            IntCol::Waiting => "pool.waiting",
            IntCol::Max => "pool.max",
        }
    }
}

impl LongCol {
    /// The column's name.
    pub const fn name(self) -> &'static str {
        match self {
            LongCol::Duration => "duration_ns",
            LongCol::Wait => "wait_ns",
            LongCol::Connect => "connect_ns",
            LongCol::BytesOut => "http.response.size",
        }
    }
}
