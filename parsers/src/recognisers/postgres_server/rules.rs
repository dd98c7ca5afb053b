//! The messages that are no hot path, as a table: how a message begins, what it holds, what it means.

use crate::event::Event;
use crate::kind::Kind;
use crate::prim::{num, text};
use crate::severity::Severity;

/// A message and its meaning.
struct Rule {
    /// Severity word demanded: clients repeat the texts of errors, but they do not write `FATAL:  ` in front.
    fatal: bool,
    starts: &'static str,
    /// What else stands in it; empty for nothing.
    holds: &'static str,
    kind: Kind,
    reason: &'static str,
}

const fn rule(starts: &'static str, holds: &'static str, kind: Kind, reason: &'static str) -> Rule {
    Rule { fatal: false, starts, holds, kind, reason }
}

const fn fatal(starts: &'static str, holds: &'static str, kind: Kind, reason: &'static str) -> Rule {
    Rule { fatal: true, starts, holds, kind, reason }
}

use Kind::{
    ConfigChange, DbPeerError, DbRefused, DbTerminated, Deadlock, Error, Log, QueryCanceled, ResourceExhausted, ServerCrash,
    ServerMaintenance, ServerReady, ServerRecovery, ServerStart, ServerStop,
};

#[rustfmt::skip]
static RULES: &[Rule] = &[
    // Refused: the session never began, whatever `authorized` said before.
    fatal("sorry, too many clients already", "", DbRefused, "too_many_clients"),
    fatal("connection limit exceeded for non-superusers", "", DbRefused, "too_many_clients"),
    fatal("remaining connection slots are reserved", "", DbRefused, "reserved_slots"),
    fatal("too many connections for role ", "", DbRefused, "too_many_for_role"),
    fatal("too many connections for database ", "", DbRefused, "too_many_for_database"),
    fatal("number of requested standby connections exceeds", "", DbRefused, "too_many_wal_senders"),
    fatal("the database system is starting up", "", DbRefused, "starting_up"),
    fatal("the database system is not yet accepting connections", "", DbRefused, "starting_up"),
    fatal("the database system is shutting down", "", DbRefused, "shutting_down"),
    fatal("the database system is in recovery mode", "", DbRefused, "in_recovery"),
    fatal("the database system is not accepting connections", "", DbRefused, "not_accepting"),
    fatal("canceling authentication due to timeout", "", DbRefused, "authentication_timeout"),
    fatal("no pg_hba.conf entry for ", "", DbRefused, "not_allowed"),
    fatal("pg_hba.conf rejects ", "", DbRefused, "not_allowed"),
    fatal("connection requires a valid client certificate", "", DbRefused, "authentication"),
    fatal("no PostgreSQL user name specified in startup packet", "", DbRefused, "protocol"),
    fatal("unsupported frontend protocol", "", DbRefused, "protocol"),
    fatal("invalid startup packet layout", "", DbRefused, "protocol"),
    fatal("SCRAM channel binding", "", DbRefused, "authentication"),
    fatal("expected password response", "", DbRefused, "authentication"),
    fatal("expected SASL response", "", DbRefused, "authentication"),
    fatal("empty password returned by client", "", DbRefused, "authentication"),
    fatal("must be superuser to connect", "", DbRefused, "permission_denied"),
    fatal("must be owner to connect", "", DbRefused, "permission_denied"),
    fatal("permission denied to connect", "", DbRefused, "permission_denied"),
    fatal("permission denied for database ", "", DbRefused, "permission_denied"),
    fatal("cannot connect to invalid database ", "", DbRefused, "not_accepting"),
    fatal("database ", "does not exist", DbRefused, "unknown_database"),
    fatal("database ", "not currently accepting connections", DbRefused, "not_accepting"),
    fatal("database locale is incompatible", "", DbRefused, "not_accepting"),
    fatal("role ", "does not exist", DbRefused, "unknown_user"),
    fatal("role with OID ", "does not exist", DbRefused, "unknown_user"),
    fatal("role ", "is not permitted to log in", DbRefused, "permission_denied"),
    fatal("", "authentication failed for user ", DbRefused, "authentication"),
    fatal("", "authentication failed", DbRefused, "authentication"),
    rule("incomplete startup packet", "", DbRefused, "incomplete_startup"),
    rule("invalid length of startup packet", "", DbRefused, "protocol"),
    rule("could not accept SSL connection", "", DbRefused, "tls"),
    rule("could not accept GSSAPI security context", "", DbRefused, "tls"),
    rule("could not initialize SSL connection", "", DbRefused, "tls"),
    rule("SSL connection from ", "", Log, ""),
    rule("could not fork new process for connection", "", ResourceExhausted, "cannot_fork"),
    rule("could not fork client backend", "", ResourceExhausted, "cannot_fork"),
    rule("could not fork ", "process", ResourceExhausted, "cannot_fork"),

    // Ended on purpose.
    fatal("terminating connection due to idle-in-transaction timeout", "", DbTerminated, "idle_in_transaction_timeout"),
    fatal("terminating connection due to idle-session timeout", "", DbTerminated, "idle_session_timeout"),
    fatal("terminating connection due to transaction timeout", "", DbTerminated, "transaction_timeout"),
    fatal("terminating connection due to administrator command", "", DbTerminated, "administrator_command"),
    fatal("terminating connection due to conflict with recovery", "", DbTerminated, "recovery_conflict"),
    fatal("terminating connection due to unexpected postmaster exit", "", DbTerminated, "postmaster_exit"),
    fatal("terminating connection because protocol synchronization was lost", "", DbPeerError, "protocol"),
    rule("terminating connection because of crash of another server process", "", DbTerminated, "server_crash"),
    rule("terminating connection due to immediate shutdown command", "", DbTerminated, "administrator_command"),
    fatal("terminating ", "due to administrator command", Log, "administrator_command"),

    // The client went away.
    rule("unexpected EOF on client connection with an open transaction", "", DbPeerError, "client_eof_in_transaction"),
    rule("unexpected EOF on client connection", "", DbPeerError, "client_eof"),
    rule("unexpected EOF on standby connection", "", DbPeerError, "client_eof"),
    rule("unexpected EOF within message length word", "", DbPeerError, "protocol"),
    rule("incomplete message from client", "", DbPeerError, "protocol"),
    rule("invalid message length", "", DbPeerError, "protocol"),
    rule("could not receive data from client: ", "onnection reset", DbPeerError, "connection_reset"),
    rule("could not receive data from client: ", "timed out", DbPeerError, "timeout"),
    rule("could not receive data from client", "", DbPeerError, "receive_failed"),
    rule("could not send data to client", "", DbPeerError, "send_failed"),
    fatal("connection to client lost", "", DbPeerError, "connection_lost"),
    fatal("invalid frontend message type", "", DbPeerError, "protocol"),
    rule("SSL SYSCALL error: ", "", DbPeerError, "connection_reset"),
    rule("SSL error: ", "", DbPeerError, "protocol"),

    // Statements.
    rule("canceling statement due to statement timeout", "", QueryCanceled, "statement_timeout"),
    rule("canceling statement due to lock timeout", "", QueryCanceled, "lock_timeout"),
    rule("canceling statement due to user request", "", QueryCanceled, "user_request"),
    rule("canceling statement due to conflict with recovery", "", QueryCanceled, "recovery_conflict"),
    rule("canceling statement due to transaction timeout", "", QueryCanceled, "transaction_timeout"),
    rule("canceling autovacuum task", "", ServerMaintenance, "autovacuum_canceled"),
    rule("deadlock detected", "", Deadlock, ""),

    // The server's life.
    rule("starting PostgreSQL ", "", ServerStart, ""),
    rule("database system was shut down", "", Log, "was_shut_down"),
    rule("database system was interrupted", "", ServerCrash, "was_interrupted"),
    rule("database system was not properly shut down", "", ServerRecovery, "not_shut_down"),
    rule("database system is ready to accept read", "", ServerReady, "read_only"),
    rule("database system is ready to accept connections", "", ServerReady, ""),
    rule("listening on ", "", Log, "listening"),
    rule("received smart shutdown request", "", ServerStop, "smart"),
    rule("received fast shutdown request", "", ServerStop, "fast"),
    rule("received immediate shutdown request", "", ServerStop, "immediate"),
    rule("shutting down", "", ServerStop, "shutting_down"),
    rule("aborting any active transactions", "", ServerStop, "aborting_transactions"),
    rule("database system is shut down", "", ServerStop, "shut_down"),
    rule("abnormal database system shutdown", "", ServerCrash, "process_exited"),
    rule("terminating any other active server processes", "", ServerCrash, "terminating_others"),
    rule("all server processes terminated; reinitializing", "", ServerRecovery, "reinitializing"),
    rule("redo starts at ", "", ServerRecovery, "redo"),
    rule("redo done at ", "", ServerRecovery, "redo"),
    rule("redo in progress", "", ServerRecovery, "redo"),
    rule("redo is not required", "", ServerRecovery, "redo"),
    rule("last completed transaction was at log time", "", ServerRecovery, "redo"),
    rule("syncing data directory", "", ServerRecovery, "redo"),
    rule("entering standby mode", "", ServerRecovery, "standby"),
    rule("consistent recovery state reached", "", ServerRecovery, "standby"),
    rule("received promote request", "", ServerRecovery, "standby"),
    rule("selected new timeline ID", "", ServerRecovery, "standby"),
    rule("archive recovery complete", "", ServerRecovery, "standby"),
    rule("background worker ", " exited with exit code ", Log, "process_exited"),
    rule("worker process: ", " exited with exit code ", Log, "process_exited"),
    rule("", " (PID ", Log, ""),

    // Configuration.
    rule("received SIGHUP, reloading configuration files", "", ConfigChange, "reload"),
    rule("parameter ", " changed to ", ConfigChange, "parameter_changed"),
    rule("parameter ", " removed from configuration file", ConfigChange, "parameter_changed"),
    rule("parameter ", " cannot be changed without restarting", ConfigChange, "restart_needed"),
    rule("configuration file ", " contains errors", ConfigChange, "config_error"),
    rule("pg_hba.conf was not reloaded", "", ConfigChange, "config_error"),

    // Housekeeping.
    rule("checkpoint starting:", "", ServerMaintenance, "checkpoint"),
    rule("checkpoint complete:", "", ServerMaintenance, "checkpoint"),
    rule("checkpoints are occurring too frequently", "", ServerMaintenance, "checkpoints_too_frequent"),
    rule("restartpoint ", "", ServerMaintenance, "restartpoint"),
    rule("recovery restart point at", "", ServerMaintenance, "restartpoint"),
    rule("automatic vacuum ", "", ServerMaintenance, "vacuum"),
    rule("automatic aggressive vacuum ", "", ServerMaintenance, "vacuum"),
    rule("automatic analyze ", "", ServerMaintenance, "analyze"),
    rule("autovacuum launcher started", "", ServerMaintenance, "vacuum"),
    rule("skipping vacuum of ", "", ServerMaintenance, "vacuum"),
    rule("skipping analyze of ", "", ServerMaintenance, "analyze"),
    rule("temporary file: path ", "", ServerMaintenance, "temporary_file"),
    rule("archive command failed", "", ServerMaintenance, "archive_failed"),
    rule("archiving write-ahead log file ", "failed", ServerMaintenance, "archive_failed"),

    // Running out.
    rule("out of memory", "", ResourceExhausted, "memory"),
    rule("out of shared memory", "", ResourceExhausted, "locks"),
    rule("out of file descriptors", "", ResourceExhausted, "file_descriptors"),
    rule("", "Too many open files", ResourceExhausted, "file_descriptors"),
    rule("", "No space left on device", ResourceExhausted, "disk_full"),
    rule("", "Cannot allocate memory", ResourceExhausted, "memory"),

    // What ends no client's session although it is fatal.
    fatal("could not connect to the primary server", "", Error, "fatal"),
    fatal("lock file ", "already exists", Error, "fatal"),
    fatal("data directory ", "", Error, "fatal"),
    fatal("could not create ", "", Error, "fatal"),
    fatal("could not access ", "", Error, "fatal"),
    fatal("could not load ", "", Error, "fatal"),
    fatal("configuration file ", "", Error, "fatal"),
    fatal("requested WAL segment ", "", Error, "fatal"),
    fatal("could not receive data from WAL stream", "", Error, "fatal"),
    fatal("could not send data to WAL stream", "", Error, "fatal"),
    fatal("could not write lock file ", "", Error, "fatal"),
];

/// Classifies a message by the table and takes what else it says. `certain` is true where the server's severity word
/// stood in front of it or its layout is the server's.
#[inline(never)]
pub(super) fn apply(event: &mut Event<'_>, certain: bool) -> bool {
    if let Some(rest) = event.message.strip_prefix(b"process ")
        && lock(rest, event)
    {
        return true;
    }
    let message = event.message;
    if !certain && !message.starts_with(b"database system ") && !message.starts_with(b"starting PostgreSQL ") {
        return false;
    }
    let is_fatal = certain && event.severity.0 >= Severity::FATAL.0;
    let found = RULES.iter().find(|rule| {
        (!rule.fatal || is_fatal)
            && message.starts_with(rule.starts.as_bytes())
            && (rule.holds.is_empty() || memchr::memmem::find(message, rule.holds.as_bytes()).is_some())
    });
    let Some(rule) = found else { return false };
    if rule.holds == " (PID " {
        return process(event);
    }
    event.kind = rule.kind;
    event.reason = rule.reason.as_bytes();
    details(event);
    true
}

/// `812 still waiting for ShareLock on transaction 729 after 1000.446 ms`, behind `process `.
fn lock<'a>(rest: &'a [u8], event: &mut Event<'a>) -> bool {
    const FORMS: [(&[u8], &[u8], &[u8]); 5] = [
        (b" still waiting for ", b" after ", b"waiting"),
        (b" acquired ", b" after ", b"acquired"),
        (b" detected deadlock while waiting for ", b" after ", b"deadlock"),
        (b" avoided deadlock for ", b" by rearranging queue order after ", b"avoided_deadlock"),
        (b" failed to acquire ", b" after ", b"waiting"),
    ];
    let pid = text::digits(rest);
    let behind = rest.get(pid.len()..).unwrap_or_default();
    for (verb, until, reason) in FORMS {
        let Some(body) = behind.strip_prefix(verb) else { continue };
        let Some(at) = memchr::memmem::rfind(body, until) else { return false };
        event.kind = Kind::LockWait;
        event.reason = reason;
        event.subject = body.get(..at).unwrap_or_default();
        event.wait_ns = body.get(at + until.len()..).and_then(|t| num::scaled(text::word(t), 6)).unwrap_or(-1);
        if event.pid == 0 {
            event.pid = num::uint32(pid).unwrap_or(0);
        }
        return true;
    }
    false
}

/// `server process (PID 15756) was terminated by signal 9: Killed`
fn process(event: &mut Event<'_>) -> bool {
    let message = event.message;
    let Some(at) = memchr::memmem::find(message, b" (PID ") else { return false };
    let pid = text::digits(message.get(at + 6..).unwrap_or_default());
    let Some(rest) = message.get(at + 6 + pid.len()..).and_then(|rest| rest.strip_prefix(b") ")) else { return false };
    let killed = rest.starts_with(b"was terminated by ");
    if !killed && !rest.starts_with(b"exited with ") {
        return false;
    }
    event.kind = Kind::ServerCrash;
    event.reason = if killed { b"process_killed" } else { b"process_exited" };
    event.subject = message.get(..at).unwrap_or_default();
    event.backend_pid = num::uint32(pid).unwrap_or(0);
    if let Some(query) = event.attr("detail").and_then(|detail| detail.strip_prefix(b"Failed process was running: ")) {
        event.query = query;
    }
    true
}

/// What a message says besides its meaning.
fn details(event: &mut Event<'_>) {
    let message = event.message;
    let quoted = || text::between(message, b"\"", b"\"").unwrap_or_default();
    match (event.kind, event.reason) {
        (Kind::ServerStart, b"") => event.version = text::word(message.get(20..).unwrap_or_default()),
        (Kind::Log, b"listening") => {
            event.server = quoted();
            let port = text::after(message, b", port ").map(text::digits).and_then(num::uint16);
            event.server_port = port.unwrap_or(0);
        }
        (Kind::ConfigChange, _) | (Kind::ServerMaintenance, b"temporary_file") => event.subject = quoted(),
        (Kind::DbRefused, reason) => {
            let name = quoted();
            match reason {
                b"unknown_database" | b"too_many_for_database" if event.db_name.is_empty() => event.db_name = name,
                b"unknown_user" | b"too_many_for_role" | b"authentication" if event.db_user.is_empty() => event.db_user = name,
                b"not_allowed" => host_entry(event),
                _ => {}
            }
        }
        (Kind::ServerMaintenance, b"checkpoint" | b"restartpoint") => {
            let total = text::between(message, b"total=", b" s");
            event.duration_ns = total.and_then(|seconds| num::scaled(seconds, 9)).unwrap_or(-1);
        }
        (Kind::ServerMaintenance, b"vacuum" | b"analyze") => {
            event.subject = quoted();
            let elapsed = text::between(message, b"elapsed: ", b" s");
            event.duration_ns = elapsed.and_then(|seconds| num::scaled(seconds, 9)).unwrap_or(-1);
        }
        _ => {}
    }
}

/// `no pg_hba.conf entry for host "10.1.0.7", user "cart", database "store", no encryption`
fn host_entry(event: &mut Event<'_>) {
    let message = event.message;
    let named = |key: &[u8]| text::after(message, key).and_then(|rest| text::before(rest, b"\"")).unwrap_or_default();
    if event.client.is_empty() {
        event.client = named(b"host \"");
    }
    if event.db_user.is_empty() {
        event.db_user = named(b"user \"");
    }
    if event.db_name.is_empty() {
        event.db_name = named(b"database \"");
    }
}

/// A fatal message that no rule knows, translated perhaps: its SQLSTATE is never translated.
/// Source: PostgreSQL manual, "PostgreSQL Error Codes".
#[cold]
pub(super) fn by_sqlstate(event: &mut Event<'_>) -> Kind {
    let (kind, reason): (Kind, &'static [u8]) = match event.sqlstate {
        b"53300" => (DbRefused, b"too_many_clients"),
        b"28P01" | b"28000" => (DbRefused, b"authentication"),
        b"3D000" => (DbRefused, b"unknown_database"),
        b"42501" => (DbRefused, b"permission_denied"),
        b"57P03" => (DbRefused, b"not_accepting"),
        b"57P01" => (DbTerminated, b"administrator_command"),
        b"57P02" => (DbTerminated, b"server_crash"),
        b"57P05" => (DbTerminated, b"idle_session_timeout"),
        b"25P03" => (DbTerminated, b"idle_in_transaction_timeout"),
        b"25P04" => (DbTerminated, b"transaction_timeout"),
        b"40001" => (DbTerminated, b"recovery_conflict"),
        b"08006" | b"08003" => (DbPeerError, b"connection_lost"),
        b"08P01" => (DbPeerError, b"protocol"),
        _ => (DbTerminated, b"fatal"),
    };
    event.reason = reason;
    kind
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(severity: Severity, message: &str) -> (Kind, String) {
        let mut event = Event { message: message.as_bytes(), severity, ..Event::default() };
        apply(&mut event, true);
        (event.kind, String::from_utf8_lossy(event.reason).into_owned())
    }

    #[test]
    fn messages_mean_what_the_table_says() {
        let (log, error, fatal) = (Severity::INFO, Severity::ERROR, Severity::FATAL);
        for (severity, message, kind, reason) in [
            (fatal, "database \"x\" does not exist", DbRefused, "unknown_database"),
            (error, "database \"x\" does not exist", Log, ""),
            (fatal, "PAM authentication failed for user \"x\"", DbRefused, "authentication"),
            (log, "could not receive data from client: Connection reset by peer", DbPeerError, "connection_reset"),
            (log, "checkpointer process (PID 9) exited with exit code 2", ServerCrash, "process_exited"),
            (log, "client backend (PID 9) was terminated by signal 11: Segmentation fault", ServerCrash, "process_killed"),
            (log, "background worker \"logical replication launcher\" (PID 4) exited with exit code 1", Log, "process_exited"),
            (
                log,
                "process 1 avoided deadlock for ShareLock on tuple (0,1) of relation 2 of database 3 by rearranging queue order after 4.5 ms",
                Kind::LockWait,
                "avoided_deadlock",
            ),
            (error, "canceling statement due to lock timeout", QueryCanceled, "lock_timeout"),
            (log, "could not write to file \"x\": No space left on device", ResourceExhausted, "disk_full"),
        ] {
            assert_eq!(read(severity, message), (kind, reason.to_owned()), "{message}");
        }
    }
}
