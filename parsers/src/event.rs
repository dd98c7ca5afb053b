//! One record, read: the borrowing form that travels from a layout through the recognisers to the event table.

use crate::kind::Kind;
use crate::severity::Severity;
use crate::stamp::Stamp;

/// Memory for what cannot be borrowed from the record (unescaped JSON strings, joined lines). Emptied after each record.
pub type Arena = bumpalo::Bump;

/// Counters of a pool at one instant; −1 where the record does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gauge {
    /// Physical connections.
    pub total: i32,
    /// Borrowed connections.
    pub active: i32,
    /// Idle connections.
    pub idle: i32,
    /// Borrowers that wait.
    pub waiting: i32,
    /// The configured or stated maximum.
    pub max: i32,
}

impl Gauge {
    /// Nothing known.
    pub const NONE: Gauge = Gauge { total: -1, active: -1, idle: -1, waiting: -1, max: -1 };

    /// True where any counter is known.
    pub fn is_some(&self) -> bool {
        *self != Gauge::NONE
    }
}

/// One log record, read. Every text field borrows from the record or from the reader's [`Arena`]; empty means absent.
/// Durations are nanoseconds, −1 means absent; numbers use 0 for absent where 0 cannot occur.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// The time as written.
    pub stamp: Stamp,
    /// True where `stamp` is the start of what `duration_ns` lasts (`HAProxy`'s accept date); false where it is the end.
    pub stamp_is_start: bool,
    /// When what the record reports began, where its text says so (the borrow of a leaked connection).
    pub since: Stamp,
    /// OpenTelemetry `SeverityNumber`.
    pub severity: Severity,
    /// What the record means.
    pub kind: Kind,
    /// The message: first line and, where the producer's text has several lines, all of them; without the stack trace.
    pub message: &'a [u8],
    /// The stack trace or other lines that follow the message.
    pub stack: &'a [u8],
    /// Key and value pairs of a structured record (JSON, logfmt), nested keys joined by dots, in the record's order.
    pub attrs: &'a [(&'a [u8], &'a [u8])],

    /// `service.name`.
    pub service: &'a [u8],
    /// `host.name` (a pod or container name where that is all the envelope gives).
    pub host: &'a [u8],
    /// `process.pid`, 0 absent. In a database server's log: the backend's pid.
    pub pid: u32,
    /// `thread.name`.
    pub thread: &'a [u8],
    /// The logger or category.
    pub logger: &'a [u8],

    /// The connection's key in this producer's own words: a backend's session id (`6b0017c7.6042`), a MySQL thread id, a
    /// pointer (`C-0x56…`, `PgConnection@1a0dcaa`, `0x7f11f3513740`), a checkout id.
    pub conn: &'a [u8],
    /// A second name of the connection, with the server's process id or session id where a pool states it.
    pub backend_pid: u32,
    /// `db.client.connection.pool.name`.
    pub pool: &'a [u8],
    /// Request id.
    pub request_id: &'a [u8],
    /// Trace id, hex.
    pub trace_id: &'a [u8],
    /// Span id, hex.
    pub span_id: &'a [u8],

    /// `client.address`: who asks (the database's client in a database log, the browser in an access log).
    pub client: &'a [u8],
    /// `client.port`, 0 absent.
    pub client_port: u16,
    /// `server.address`: who answers (back-end server name, upstream address).
    pub server: &'a [u8],
    /// `server.port`, 0 absent.
    pub server_port: u16,
    /// Load balancer: front end and back end, `frontend` then `backend`.
    pub frontend: &'a [u8],
    /// See `frontend`.
    pub backend: &'a [u8],

    /// The database user.
    pub db_user: &'a [u8],
    /// `db.namespace`: the database.
    pub db_name: &'a [u8],
    /// The name under which the client presents itself (`application_name`).
    pub app_name: &'a [u8],
    /// `db.query.text`.
    pub query: &'a [u8],
    /// SQLSTATE or vendor code.
    pub sqlstate: &'a [u8],

    /// `http.request.method`.
    pub method: &'a [u8],
    /// The request target: path with query string.
    pub path: &'a [u8],
    /// `http.route` where the producer states it.
    pub route: &'a [u8],
    /// `http.response.status_code`, 0 absent.
    pub status: u16,
    /// `user_agent.original`.
    pub user_agent: &'a [u8],
    /// Bytes sent to the client; −1 absent.
    pub bytes_out: i64,

    /// How long the thing lasted, ns; −1 absent.
    pub duration_ns: i64,
    /// How long it waited before it was served (queue, pool), ns; −1 absent.
    pub wait_ns: i64,
    /// How long connecting to the server took, ns; −1 absent.
    pub connect_ns: i64,
    /// Why, in a fixed vocabulary per kind: close reason, refusal reason, `HAProxy` termination state, `firing`.
    pub reason: &'a [u8],
    /// `exception.type` or `error.type`.
    pub error_type: &'a [u8],
    /// Alert name, deployed service, unit, setting: the thing that the record is about.
    pub subject: &'a [u8],
    /// `service.version` of a deploy or start.
    pub version: &'a [u8],
    /// Revision (commit) of a deploy.
    pub revision: &'a [u8],
    /// `code.function.name` where the record itself states it.
    pub function: &'a [u8],
    /// `code.file.path` where the record itself states it.
    pub file: &'a [u8],
    /// `code.line.number`, 0 absent.
    pub line: u32,
    /// Pool counters.
    pub gauge: Gauge,
}

impl Default for Event<'_> {
    fn default() -> Self {
        Event {
            stamp: Stamp::NONE,
            stamp_is_start: false,
            since: Stamp::NONE,
            severity: Severity::NONE,
            kind: Kind::Log,
            message: b"",
            stack: b"",
            attrs: &[],
            service: b"",
            host: b"",
            pid: 0,
            thread: b"",
            logger: b"",
            conn: b"",
            backend_pid: 0,
            pool: b"",
            request_id: b"",
            trace_id: b"",
            span_id: b"",
            client: b"",
            client_port: 0,
            server: b"",
            server_port: 0,
            frontend: b"",
            backend: b"",
            db_user: b"",
            db_name: b"",
            app_name: b"",
            query: b"",
            sqlstate: b"",
            method: b"",
            path: b"",
            route: b"",
            status: 0,
            user_agent: b"",
            bytes_out: -1,
            duration_ns: -1,
            wait_ns: -1,
            connect_ns: -1,
            reason: b"",
            error_type: b"",
            subject: b"",
            version: b"",
            revision: b"",
            function: b"",
            file: b"",
            line: 0,
            gauge: Gauge::NONE,
        }
    }
}

/// Attributes that are asked for many keys, most of which are not there.
#[derive(Debug, Clone, Copy)]
pub struct Keyed<'a> {
    attrs: &'a [(&'a [u8], &'a [u8])],
    /// A bit for each key that is there, by length and first letter.
    present: u64,
}

impl<'a> Keyed<'a> {
    #[inline]
    fn bit(key: &[u8]) -> u64 {
        1u64 << ((key.len() * 11 + usize::from(key.first().copied().unwrap_or(0))) & 63)
    }

    /// The value of the first of several attributes that is present and not empty.
    #[inline]
    pub fn any(&self, keys: &[&str]) -> Option<&'a [u8]> {
        let mut there = keys.iter().filter(|key| Keyed::bit(key.as_bytes()) & self.present != 0);
        there.find_map(|key| self.one(key.as_bytes()))
    }

    fn one(&self, key: &[u8]) -> Option<&'a [u8]> {
        self.attrs.iter().find(|(k, _)| crate::prim::text::same(k, key)).map(|(_, v)| *v).filter(|v| !v.is_empty())
    }
}

impl<'a> Event<'a> {
    /// The value of a structured attribute, by exact key (`err.type`); the first that matches.
    pub fn attr(&self, key: &str) -> Option<&'a [u8]> {
        self.attrs.iter().find(|(k, _)| crate::prim::text::same(k, key.as_bytes())).map(|(_, v)| *v)
    }

    /// The value of the first of several attributes that is present and not empty.
    pub fn attr_any(&self, keys: &[&str]) -> Option<&'a [u8]> {
        self.keyed().any(keys)
    }

    /// The attributes, prepared for several questions.
    pub fn keyed(&self) -> Keyed<'a> {
        Keyed { attrs: self.attrs, present: self.attrs.iter().fold(0, |bits, (key, _)| bits | Keyed::bit(key)) }
    }

    /// Every field that is set, with the name users see (OpenTelemetry's where one exists) and its value as text. The
    /// order is fixed. Invalid UTF-8 is replaced; nothing else is changed.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let mut out = Vec::new();
        let mut text = |name, value: &[u8]| {
            if !value.is_empty() {
                out.push((name, String::from_utf8_lossy(value).into_owned()));
            }
        };
        text("time", crate::prim::time::show(self.stamp).as_bytes());
        text("since", crate::prim::time::show(self.since).as_bytes());
        text("severity", self.severity.name().as_bytes());
        text("kind", self.kind.name().as_bytes());
        let number = |value: i64, absent: i64| if value == absent { String::new() } else { value.to_string() };
        text("service.name", self.service);
        text("host.name", self.host);
        text("process.pid", number(self.pid.into(), 0).as_bytes());
        text("thread.name", self.thread);
        text("logger", self.logger);
        text("conn.id", self.conn);
        text("conn.backend_pid", number(self.backend_pid.into(), 0).as_bytes());
        text("pool.name", self.pool);
        text("request.id", self.request_id);
        text("trace.id", self.trace_id);
        text("span.id", self.span_id);
        text("client.address", self.client);
        text("client.port", number(self.client_port.into(), 0).as_bytes());
        text("server.address", self.server);
        text("server.port", number(self.server_port.into(), 0).as_bytes());
        text("lb.frontend", self.frontend);
        text("lb.backend", self.backend);
        text("db.user", self.db_user);
        text("db.namespace", self.db_name);
        text("client.app", self.app_name);
        text("db.query.text", self.query);
        text("db.response.status_code", self.sqlstate);
        text("http.request.method", self.method);
        text("url.path", self.path);
        text("http.route", self.route);
        text("http.response.status_code", number(self.status.into(), 0).as_bytes());
        text("user_agent.original", self.user_agent);
        text("http.response.size", number(self.bytes_out, -1).as_bytes());
        text("duration_ns", number(self.duration_ns, -1).as_bytes());
        text("wait_ns", number(self.wait_ns, -1).as_bytes());
        text("connect_ns", number(self.connect_ns, -1).as_bytes());
        text("reason", self.reason);
        text("error.type", self.error_type);
        text("subject", self.subject);
        text("service.version", self.version);
        text("vcs.revision", self.revision);
        text("code.function.name", self.function);
        text("code.file.path", self.file);
        text("code.line.number", number(self.line.into(), 0).as_bytes());
        text("pool.total", number(self.gauge.total.into(), -1).as_bytes());
        text("pool.active", number(self.gauge.active.into(), -1).as_bytes());
        text("pool.idle", number(self.gauge.idle.into(), -1).as_bytes());
        text("pool.waiting", number(self.gauge.waiting.into(), -1).as_bytes());
        text("pool.max", number(self.gauge.max.into(), -1).as_bytes());
        text("message", self.message);
        text("stack", self.stack);
        out
    }
}
