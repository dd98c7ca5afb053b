//! What the server says in the error log of MySQL, MariaDB and Percona Server: starts, stops and crashes, refused and
//! aborted connections, deadlocks.
//!
//! The refusals (`Access denied for user`, `Too many connections`) are also what clients write in their own logs, so they
//! are no needles: they count only where the layout is the server's own.
//!
//! Source: MySQL `share/messages_to_error_log.txt`, `share/messages_to_clients.txt`; MariaDB `sql/share/errmsg-utf8.txt`.
//!
//! ```text
//! Aborted connection 8 to db: 'shop' user: 'app' host: '10.0.0.5' (Got timeout reading communication packets)
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::{mysql, num, text};
use crate::recogniser::RecogniserSpec;
use crate::severity::Severity;
use crate::spec::Example;
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "mysql_server",
    about: "MySQL and MariaDB servers: life cycle, refused and aborted connections, deadlocks",
    spec: "MySQL share/messages_to_error_log.txt; MariaDB sql/share/errmsg-utf8.txt",
    needles: &[
        "Aborted connection ",
        ": ready for connections",
        "mysqld got signal ",
        "mariadbd got signal ",
        "Received SHUTDOWN from user ",
        "Transactions deadlock detected",
        "InnoDB: Starting crash recovery",
        "InnoDB: Database was not shut",
        "mysqld_safe ",
    ],
    recognise,
    examples: &[
        Example {
            line: "Aborted connection 8 to db: 'shop' user: 'app' host: '10.0.0.5' (Got timeout reading communication packets)",
            shows: &[
                ("kind", "db.connection.terminated"),
                ("reason", "wait_timeout"),
                ("conn.id", "8"),
                ("db.namespace", "shop"),
                ("db.user", "app"),
                ("client.address", "10.0.0.5"),
            ],
        },
        Example {
            line: "Aborted connection 9 to db: 'unconnected' user: 'app' host: 'web-1' (Got an error reading communication packets)",
            shows: &[("kind", "db.connection.peer_error"), ("reason", "read_error"), ("conn.id", "9"), ("db.namespace", "")],
        },
        Example {
            line: "/usr/sbin/mariadbd: ready for connections.\nVersion: '10.11.2-MariaDB'  socket: '/run/mysqld.sock'  port: 3306",
            shows: &[("kind", "server.ready"), ("service.version", "10.11.2-MariaDB")],
        },
        Example {
            line: "Received SHUTDOWN from user root. Shutting down mysqld (Version: 8.0.15).",
            shows: &[("kind", "server.stop"), ("db.user", "root")],
        },
        Example { line: "mysqld got signal 11 ;", shows: &[("kind", "server.crash"), ("reason", "signal")] },
        Example {
            line: "InnoDB: Transactions deadlock detected, dumping detailed information.",
            shows: &[("kind", "db.deadlock")],
        },
    ],
};

/// One of these stands in every message that means something here: most messages are let go after one look.
static MARKS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let marks = [
        "Aborted connection ",
        "Access denied for user ",
        "Host '",
        "Too many connections",
        "max_user_connections",
        "Forcing close of thread ",
        "ready for connections",
        " as process ",
        "got signal ",
        "SHUTDOWN",
        "hutdown",
        "Starting m",
        " from pid file ",
        "restarted",
        "ysqld started",
        "ysqld ended",
        "rash recovery",
        "not shut",
        "Doing recovery",
        "final batch",
        "Recovering",
        "eadlock",
        "Lock wait",
        "emaphore",
        "intended loop",
    ];
    AhoCorasick::new(marks).ok()
});

fn recognise<'a>(event: &mut Event<'a>, arena: &'a Arena) -> bool {
    let message = event.message;
    let text = message.strip_prefix(b"InnoDB: ").unwrap_or(message);
    let marked = MARKS.as_ref().is_none_or(|marks| marks.is_match(text));
    (marked && (connection(text, event) || lifecycle(text, event) || trouble(text, event)))
        || (event.severity >= Severity::WARN && (super::resources::SPEC.recognise)(event, arena))
}

fn has(text: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(text, needle).is_some()
}

/// Sessions that ended badly or never began.
fn connection<'a>(text: &'a [u8], event: &mut Event<'a>) -> bool {
    if let Some(body) = text.strip_prefix(b"Aborted connection ") {
        return aborted(body, event);
    }
    if let Some(who) = text.strip_prefix(b"Access denied for user ") {
        let database = text::between(text, b"to database '", b"'");
        if let Some((user, host)) = mysql::account(who) {
            event.db_user = user;
            event.client = host;
        }
        event.db_name = database.unwrap_or(event.db_name);
        return refused(if database.is_some() { b"database_access" } else { b"authentication" }, event);
    }
    if let Some(host) = text.strip_prefix(b"Host '").and_then(|t| text::before(t, b"' is ")) {
        let blocked = has(text, b"because of many connection errors");
        if !blocked && !has(text, b"is not allowed to connect") {
            return false;
        }
        event.client = host;
        return refused(if blocked { b"host_blocked" } else { b"host_not_allowed" }, event);
    }
    if text.starts_with(b"Too many connections") {
        return refused(b"too_many_clients", event);
    }
    if has(text, b"'max_user_connections'") {
        return refused(b"too_many_clients_of_user", event);
    }
    if let Some(body) = text::after(text, b"Forcing close of thread ") {
        event.conn = text::digits(body);
        event.db_user = text::between(body, b"user: '", b"'").unwrap_or_default();
        return ended(Kind::DbTerminated, b"shutting_down", event);
    }
    false
}

fn refused(reason: &'static [u8], event: &mut Event<'_>) -> bool {
    ended(Kind::DbRefused, reason, event)
}

fn ended(kind: Kind, reason: &'static [u8], event: &mut Event<'_>) -> bool {
    event.kind = kind;
    event.reason = reason;
    true
}

/// `8 to db: 'shop' user: 'app' host: '10.0.0.5' (reason)`. The number is the connection; the record's own thread is the
/// writer, which for a kill is the killer.
fn aborted<'a>(body: &'a [u8], event: &mut Event<'a>) -> bool {
    let conn = text::digits(body);
    if conn.is_empty() {
        return false;
    }
    event.conn = conn;
    let field = |name: &[u8], none: &[u8]| text::between(body, name, b"'").filter(|v| *v != none).unwrap_or_default();
    event.db_name = field(b"db: '", b"unconnected");
    event.db_user = field(b"user: '", b"unauthenticated");
    event.client = field(b"real ip: '", b"");
    if event.client.is_empty() {
        event.client = field(b"host: '", b"");
    }
    let why = memchr::memrchr(b'(', body).and_then(|at| body.get(at + 1..)).unwrap_or_default();
    let (kind, reason): (Kind, &[u8]) = match () {
        () if why.starts_with(b"Got timeout reading") || has(why, b"because of inactivity") => {
            (Kind::DbTerminated, b"wait_timeout")
        }
        () if why.starts_with(b"Got timeout writing") => (Kind::DbTerminated, b"write_timeout"),
        () if why.starts_with(b"KILLED") => (Kind::DbTerminated, b"administrator_command"),
        () if why.starts_with(b"CLOSE_CONNECTION") => (Kind::DbTerminated, b"server_closed"),
        () if has(why, b"max_allowed_packet") => (Kind::DbTerminated, b"packet_too_large"),
        () if why.starts_with(b"init_connect") => (Kind::DbTerminated, b"init_connect_failed"),
        () if why.starts_with(b"Got an error writing") => (Kind::DbPeerError, b"write_error"),
        () if why.starts_with(b"Got an error reading") => (Kind::DbPeerError, b"read_error"),
        () if has(why, b"without authentication") => (Kind::DbPeerError, b"closed_before_authentication"),
        () if has(why, b"packets out of order") => (Kind::DbPeerError, b"protocol_violation"),
        () => (Kind::DbPeerError, b"aborted"),
    };
    event.kind = kind;
    event.reason = reason;
    true
}

/// The server's own life.
fn lifecycle<'a>(text: &'a [u8], event: &mut Event<'a>) -> bool {
    let whole = if event.stack.starts_with(b"Version: '") { event.stack } else { text };
    if has(text, b"ready for connections") && !text.starts_with(b"X Plugin") {
        event.version = text::between(whole, b"Version: '", b"'").unwrap_or_default();
        event.server_port = text::after(whole, b"port: ").map(text::digits).and_then(num::uint16).unwrap_or(0);
        event.kind = Kind::ServerReady;
    } else if let Some(body) =
        text::after(text, b" as process ").filter(|_| has(text, b"tarting") || has(text, b"initializing"))
    {
        event.pid = num::uint32(text::digits(body)).unwrap_or(event.pid);
        let mariadb = text.strip_prefix(b"Starting MariaDB ").map(text::word);
        event.version = mariadb.or_else(|| text::between(text, b"(mysqld ", b")")).unwrap_or_default();
        event.kind = Kind::ServerStart;
    } else if has(text, b"got signal ") && (has(text, b"mysqld") || has(text, b"mariadbd")) {
        event.severity = Severity(event.severity.0.max(Severity::FATAL.0));
        event.reason = match text::after(text, b"got signal ").map(text::digits).unwrap_or_default() {
            b"6" => b"signal_6",
            b"9" => b"signal_9",
            _ => b"signal",
        };
        event.kind = Kind::ServerCrash;
    } else if let Some(body) = text.strip_prefix(b"Received SHUTDOWN from user ") {
        event.db_user = text::before(body, b". ").unwrap_or_else(|| text::word(body));
        event.kind = Kind::ServerStop;
    } else if has(text, b"Normal shutdown") || has(text, b"Shutdown complete") || text.starts_with(b"Server shutdown complete")
    {
        event.kind = Kind::ServerStop;
    } else {
        return guardian(text, event) || recovery(text, event);
    }
    true
}

/// `mysqld_safe`, which starts the server, sees it end, and starts it again where it died.
fn guardian(text: &[u8], event: &mut Event<'_>) -> bool {
    let text = text.strip_prefix(b"mysqld_safe ").unwrap_or(text);
    event.kind = match () {
        () if text.starts_with(b"Starting mysqld daemon") || text.starts_with(b"Starting mariadbd daemon") => Kind::ServerStart,
        () if text == b"mysqld started" => Kind::ServerStart,
        () if text == b"mysqld ended" => Kind::ServerStop,
        () if has(text, b" from pid file ") && text.trim_ascii_end().ends_with(b"ended") => Kind::ServerStop,
        () if text == b"mysqld restarted" || text == b"mariadbd restarted" => {
            event.reason = b"restarted";
            Kind::ServerCrash
        }
        () => return false,
    };
    true
}

fn recovery(text: &[u8], event: &mut Event<'_>) -> bool {
    let recovers = text.starts_with(b"Starting crash recovery")
        || text.starts_with(b"Database was not shut")
        || text.starts_with(b"Doing recovery")
        || text.starts_with(b"Starting final batch to recover")
        || text.starts_with(b"Recovering after a crash");
    if recovers {
        event.kind = Kind::ServerRecovery;
    }
    recovers
}

/// Locks, and a server that got no time to run.
fn trouble(text: &[u8], event: &mut Event<'_>) -> bool {
    event.kind = match () {
        () if has(text, b"ransactions deadlock detected") || has(text, b"Deadlock found when trying to get lock") => {
            Kind::Deadlock
        }
        () if has(text, b"Lock wait timeout exceeded") => {
            event.reason = b"lock_timeout";
            Kind::LockWait
        }
        () if has(text, b"long semaphore wait") || has(text, b"Semaphore wait has lasted") => {
            event.reason = b"semaphore";
            Kind::LockWait
        }
        () if text.starts_with(b"page_cleaner: ") && has(text, b"intended loop took ") => {
            event.duration_ns =
                text::after(text, b"loop took ").and_then(|t| text::before(t, b".")).and_then(num::duration).unwrap_or(-1);
            event.reason = b"starved";
            Kind::ClockAnomaly
        }
        () => return false,
    };
    true
}
