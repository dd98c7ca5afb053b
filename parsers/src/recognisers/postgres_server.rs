//! PostgreSQL's own messages, in whatever layout they stand. Sources: `src/backend/**/*.c` of PostgreSQL 9.0 to 18
//! (`postmaster.c`, `postinit.c`, `postgres.c`, `auth.c`, `proc.c`, `deadlock.c`, `xlog.c`), and its message catalogues.
//!
//! ```text
//! connection authorized: user=app database=shop application_name=web     opens a session
//! disconnection: session time: 0:00:00.011 user=app database=shop …      closes it, and says how long it lasted
//! ```
//!
//! | kind | reasons |
//! |---|---|
//! | refused | `too_many_clients` `reserved_slots` `too_many_for_role` `too_many_for_database` `too_many_wal_senders` `authentication` `authentication_timeout` `not_allowed` `unknown_user` `unknown_database` `permission_denied` `starting_up` `shutting_down` `in_recovery` `not_accepting` `cannot_fork` `protocol` `tls` `incomplete_startup` |
//! | terminated | `idle_in_transaction_timeout` `idle_session_timeout` `transaction_timeout` `administrator_command` `recovery_conflict` `server_crash` `postmaster_exit` `fatal` |
//! | peer error | `client_eof` `client_eof_in_transaction` `connection_reset` `timeout` `receive_failed` `send_failed` `connection_lost` `protocol` |
//! | query | `statement` `execute` `parse` `bind` `fetch` `fastpath` `plan`, empty for a duration alone; `subject` is the prepared statement |
//! | query canceled | `statement_timeout` `lock_timeout` `user_request` `recovery_conflict` `transaction_timeout` |
//! | lock wait | `waiting` `acquired` `deadlock` `avoided_deadlock` |
//! | server start, ready, stop | `was_shut_down` `listening` `read_only` `smart` `fast` `immediate` `shutting_down` `aborting_transactions` `shut_down` |
//! | crash, recovery | `process_killed` `process_exited` `terminating_others` `was_interrupted` `panic` `not_shut_down` `redo` `reinitializing` `standby` |
//! | configuration | `reload` `parameter_changed` `restart_needed` `config_error` |
//! | housekeeping | `checkpoint` `checkpoints_too_frequent` `restartpoint` `vacuum` `analyze` `temporary_file` `autovacuum_canceled` `archive_failed` |
//! | resource exhausted | `memory` `disk` `file_descriptors` `cannot_fork` `locks` |

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::prim::pg::{self, Word};
use crate::prim::pg_infer;
use crate::recogniser::RecogniserSpec;
use crate::severity::Severity;
use crate::spec::Example;

mod query;
mod rules;
mod session;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "postgres_server",
    about: "messages of a PostgreSQL server: sessions, refusals, queries, locks, crashes, restarts",
    spec: "https://www.postgresql.org/docs/current/runtime-config-logging.html",
    needles: &[
        "connection received: host=",
        "connection authorized: user=",
        "connection authenticated: ",
        "disconnection: session time: ",
        "LOG:  ",
        "FATAL:  ",
        "PANIC:  ",
        "ERROR:  ",
        "database system is ready to accept",
        "database system is shut down",
        "database system was ",
        "starting PostgreSQL ",
    ],
    recognise,
    examples: &[
        Example {
            line: "connection authorized: user=cart database=store application_name=my web app SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)",
            shows: &[
                ("kind", "db.connection.open"),
                ("db.user", "cart"),
                ("db.namespace", "store"),
                ("client.app", "my web app"),
            ],
        },
        Example {
            line: "disconnection: session time: 27:00:01.250 user=cart database=store host=10.1.0.7 port=40312",
            shows: &[
                ("kind", "db.connection.close"),
                ("duration_ns", "97201250000000"),
                ("client.address", "10.1.0.7"),
                ("client.port", "40312"),
            ],
        },
        Example {
            line: "FATAL:  sorry, too many clients already",
            shows: &[("kind", "db.connection.refused"), ("reason", "too_many_clients"), ("severity", "FATAL")],
        },
        Example {
            line: "LOG:  duration: 50.464 ms  statement: select 1 /*route='%2Fcart',traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/",
            shows: &[
                ("kind", "db.query"),
                ("duration_ns", "50464000"),
                ("http.route", "/cart"),
                ("trace.id", "0af7651916cd43dd8448eb211c80319c"),
            ],
        },
        Example {
            line: "LOG:  process 812 still waiting for ShareLock on transaction 729 after 1000.446 ms",
            shows: &[
                ("kind", "db.lock.wait"),
                ("reason", "waiting"),
                ("wait_ns", "1000446000"),
                ("subject", "ShareLock on transaction 729"),
            ],
        },
        Example {
            line: "LOG:  server process (PID 15756) was terminated by signal 9: Killed",
            shows: &[("kind", "server.crash"), ("reason", "process_killed"), ("conn.backend_pid", "15756")],
        },
        Example {
            line: "LOG:  Verbindungsende: Sitzungszeit: 0:00:00.006 Benutzer=cart Datenbank=store Host=10.1.0.7 port=40312",
            shows: &[
                ("kind", "db.connection.close"),
                ("duration_ns", "6000000"),
                ("db.user", "cart"),
                ("client.port", "40312"),
            ],
        },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, arena: &'a Arena) -> bool {
    // The layouts of PostgreSQL call their events activity. Elsewhere the server's severity word must still stand in front,
    // prefix and all: clients repeat the texts of errors.
    let server = event.kind == Kind::DbActivity;
    let mut certain = server;
    if !server {
        if let Some((Word::Main(severity), at)) = pg::word(event.message) {
            event.message = event.message.get(at..).unwrap_or_default();
            event.severity = severity;
            certain = true;
        } else if matches!(event.message.first(), Some(b'0'..=b'9')) && pg_infer::readable_alone(event.message) {
            certain = whole_line(event);
        }
    }
    let hot = match event.message {
        [b'd', b'u', b'r', ..] if certain => query::duration(event),
        [b'd', b'i', b's', ..] => session::disconnection(event),
        [b'c', b'o', b'n', b'n', ..] | [b'r', b'e', b'p', b'l', ..] => session::connection(event, certain),
        [b's', b't', b'a', b't', ..] if certain => query::statement(event),
        [b'e', b'x', b'e', ..] if certain => query::execute(event),
        _ => false,
    };
    let known = hot
        || rules::apply(event, certain)
        || (certain && (session::translated(event) || query::translated(event)))
        || other(event, server, certain);
    if !event.query.is_empty() {
        crate::prim::sql::tag(event, arena);
    }
    known
}

/// A structured record's text may be a whole line of the text log (Cloud SQL's `textPayload`).
#[cold]
fn whole_line(event: &mut Event<'_>) -> bool {
    let mut inner = *event;
    let found = pg_infer::of_line(event.message).and_then(|prefix| prefix.read(event.message, &mut inner));
    let Some((Word::Main(severity), at)) = found else { return false };
    inner.message = event.message.get(at..).unwrap_or_default();
    inner.severity = severity;
    if event.stamp.is_some() {
        inner.stamp = event.stamp;
    }
    *event = inner;
    true
}

/// What no rule knows: the end of a process, an error of a statement, or a sign of life of a session.
fn other(event: &mut Event<'_>, server: bool, certain: bool) -> bool {
    event.kind = match event.severity {
        Severity::PANIC if certain => {
            event.reason = b"panic";
            Kind::ServerCrash
        }
        Severity::FATAL if server => rules::by_sqlstate(event),
        Severity::FATAL | Severity::ERROR if certain => Kind::Error,
        _ if certain && (!event.db_user.is_empty() || event.severity == Severity::NOTICE) => Kind::DbActivity,
        _ => Kind::Log,
    };
    certain
}
