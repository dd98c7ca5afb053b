//! A session: something opened and, one hopes, closed, at one layer.

use crate::table::RowId;
use backtrail_parsers::Layer;

macro_rules! classes {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal;)+) => {
        /// What became of a session. Every open has exactly one class.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Class { $($(#[$doc])+ $variant,)+ }

        impl Class {
            /// Every class.
            pub const ALL: &'static [Class] = &[$(Class::$variant),+];

            /// The word in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Class::$variant => $name),+ }
            }
        }
    };
}

classes! {
    /// Closed in the log.
    Matched = "matched";
    /// Closed in the log, but held so long that its pool complained.
    SlowHold = "slow_hold";
    /// Never given back.
    Leaked = "leaked";
    /// Ended by the server's or a proxy's idle timeout: leak-like.
    Reaped = "reaped";
    /// Open at the end of the log, and nothing speaks against it.
    StillInUse = "still_in_use";
    /// A pool's idle connection, open at the end of the log.
    PooledIdle = "pooled_idle";
    /// Ended with its server or process.
    EndedByRestart = "ended_by_restart";
    /// Its key was opened again: it ended some time before that.
    Superseded = "superseded";
    /// The connection broke.
    PeerError = "peer_error";
    /// Its close falls into a hole of the log that would hold it.
    LostClose = "lost_close";
    /// The logs do not tell.
    Undecided = "undecided";
}

/// How an open was learned of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opened {
    /// A line says so.
    Logged,
    /// From the close line and the duration it states, or from a leak report and its threshold.
    Inferred,
}

/// How an end was learned of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// Not ended as far as the logs go.
    Open,
    /// A line says so.
    Logged,
    /// By the server or process ending.
    Restart,
    /// Its key was opened again.
    Superseded,
    /// Its pool or proxy took the connection away under its holder: evicted, invalidated, destroyed as overdue, collected.
    Withdrawn,
}

/// What a session is for, where that says that it is open for long by design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Nothing of the kind is known.
    Ordinary,
    /// It streams a database's changes to a replica or a consumer.
    Replication,
    /// It waits for notifications.
    Listener,
    /// A dump, a restore, a migration.
    Maintenance,
    /// A request that stays open: a web socket, an event stream.
    Stream,
}

/// How a session was joined to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Join {
    /// Not at all.
    None,
    /// The same request or trace id stands on both.
    RequestId,
    /// The thread was serving that request, and threads serve one at a time here.
    Thread,
}

/// One session at one layer.
#[derive(Debug, Clone)]
pub struct Session {
    /// The layer.
    pub layer: Layer,
    /// The source whose lines tell of it.
    pub source: u32,
    /// `process.pid` of its process (pool) or backend (database); 0 unknown.
    pub pid: u32,
    /// Code of the key in the producer's words; 0 where the pid is the key.
    pub conn: u32,
    /// When it opened, ns UTC.
    pub open: i64,
    /// How that is known.
    pub opened: Opened,
    /// The line that opened it, or that it was inferred from.
    pub open_row: RowId,
    /// When it ended; for a superseded one the latest moment it can have ended.
    pub end: Option<i64>,
    /// How that is known.
    pub ended: Ended,
    /// The line that ended it.
    pub end_row: Option<RowId>,
    /// Code of the reason of its end.
    pub end_reason: u32,
    /// Last sign of life.
    pub last_seen: i64,
    /// Client's address, code.
    pub client: u32,
    /// Client's port.
    pub client_port: u16,
    /// Thread that opened it, code.
    pub thread: u32,
    /// The other process id that the opening line names: the server's backend that carries a borrow, 0 unknown.
    pub backend_pid: u32,
    /// What it is for.
    pub purpose: Purpose,
    /// True where the connection broke.
    pub broken: bool,
    /// A line that says that it is about to end, until a close says so or nothing more comes.
    pub ending: Option<(i64, RowId)>,
    /// Index into [`super::ledger::Folded::requests`], and how it was found.
    pub request: Option<u32>,
    /// How.
    pub join: Join,
    /// A leak report that names it: the one with the stack, where there are several.
    pub report: Option<RowId>,
    /// True where the report was withdrawn.
    pub cleared: bool,
    /// Server session (index into the sessions) that carries this borrow, where known.
    pub carried_by: Option<u32>,
    /// True where a process id or a port says so, not the order of events alone.
    pub carried_surely: bool,
    /// What became of it.
    pub class: Class,
    /// Why that class, in words of the tool; empty where it says itself.
    pub why: &'static str,
}

impl Session {
    /// How long it was held until its end, or until `now`.
    pub fn age(&self, now: i64) -> i64 {
        self.end.unwrap_or(now) - self.open
    }
}
