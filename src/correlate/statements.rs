//! The statements of each session, by the key under which its server logs it.

use super::session::Session;
use crate::ingest::{IntCol, TextCol};
use crate::table::maps::HashMap;
use crate::table::{Row, RowId, Rows};
use backtrail_parsers::{Kind, Layer};

/// Server, host or container, session's key in the server's words, process id.
type Key = (u32, u32, u32, u32);

/// Statements by session and by thread, each list in the order of time.
#[derive(Debug, Default)]
pub struct Statements {
    by_session: HashMap<Key, Vec<(i64, RowId)>>,
    /// Statements that applications log, by source, process and thread.
    by_thread: HashMap<(u32, u32, u32), Vec<(i64, RowId)>>,
}

impl Statements {
    /// Indexes the statements of a table. `servers` says under which source's number a server's sessions are kept.
    pub fn new(rows: &Rows<'_>, servers: &[u32]) -> Statements {
        let mut out = Statements::default();
        let wanted = |r: &Row<'_>| {
            let kind = matches!(
                r.kind(),
                Kind::Query | Kind::SlowQuery | Kind::QueryCanceled | Kind::LockWait | Kind::Deadlock | Kind::Error | Kind::Log
            );
            kind && r.has_time() && r.code(TextCol::Statement) != 0
        };
        for row in rows.iter().filter(wanted) {
            let at = (row.time(), row.id);
            let thread = row.code(TextCol::Thread);
            if thread != 0 {
                let key = (row.source_id(), row.int(IntCol::Pid), thread);
                out.by_thread.entry(key).or_default().push(at);
            }
            let (conn, pid) = (row.code(TextCol::Conn), row.int(IntCol::Pid));
            if conn != 0 || pid != 0 {
                let server = server(servers, row.source_id());
                let number = if conn != 0 { 0 } else { pid };
                out.by_session.entry((server, row.code(TextCol::Host), conn, number)).or_default().push(at);
            }
        }
        #[expect(clippy::iter_over_hash_type, reason = "each list is sorted by itself")]
        for list in out.by_session.values_mut() {
            list.sort_unstable();
        }
        #[expect(clippy::iter_over_hash_type, reason = "each list is sorted by itself")]
        for list in out.by_thread.values_mut() {
            list.sort_unstable();
        }
        out
    }

    /// The last statement of a session up to a moment: of a server session what its server logged under its key, of a
    /// borrow what its own thread logged since.
    pub fn last(&self, rows: &Rows<'_>, servers: &[u32], session: &Session, until: i64) -> Option<RowId> {
        let list = match session.layer {
            Layer::Db => {
                let number = if session.conn != 0 { 0 } else { session.pid };
                let unit = rows.get(session.open_row).code(TextCol::Host);
                self.by_session.get(&(server(servers, session.source), unit, session.conn, number))?
            }
            Layer::Pool if session.thread != 0 => self.by_thread.get(&(session.source, session.pid, session.thread))?,
            _ => return None,
        };
        let until = until.min(session.end.unwrap_or(i64::MAX));
        let (time, row) = list.get(list.partition_point(|(time, _)| *time <= until).checked_sub(1)?)?;
        (*time >= session.open).then_some(*row)
    }
}

fn server(servers: &[u32], source: u32) -> u32 {
    servers.get(source as usize).copied().unwrap_or(source)
}
