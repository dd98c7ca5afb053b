//! Sessions as bars on a time axis: what trace viewers and charts draw.

use super::build::{reference, rfc3339};
use super::{Ref, text::clean};
use crate::correlate::classify::endpoint;
use crate::correlate::session::{Ended, Join};
use crate::correlate::{Case, Class, Session};
use crate::ingest::TextCol;
use crate::table::Rows;
use backtrail_parsers::Layer;

/// A session as a bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Index of the session in the case: what [`Bar::carried_by`] refers to.
    pub id: u32,
    /// `lb request pool proxy db`.
    pub layer: &'static str,
    /// The pool, the process or the file that it belongs to.
    pub group: String,
    /// Key in the producer's words.
    pub key: String,
    /// Client's address and port, where known.
    pub client: Option<String>,
    /// Its class.
    pub class: &'static str,
    /// Why that class.
    pub why: &'static str,
    /// Opened, RFC 3339 UTC.
    pub open: String,
    /// Ended; `None` while open as far as the logs go.
    pub end: Option<String>,
    /// The server session that carries this borrow.
    pub carried_by: Option<u32>,
    /// True where a process id or a port says so, false where the order of events does.
    pub carried_surely: bool,
    /// The request that borrowed, where both state its id.
    pub request: Option<Asked>,
    /// The line that opened it.
    pub at: Ref,
}

/// A request in the application.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Its number among the requests: borrows of one request share it.
    pub id: u32,
    /// The file that tells of it.
    pub group: String,
    /// Method and endpoint; the id where neither is logged.
    pub name: String,
    /// Its id in the producer's words.
    pub key: String,
    /// Began, RFC 3339 UTC.
    pub from: String,
    /// Ended, where known.
    pub to: Option<String>,
    /// The line that says most of it.
    pub at: Ref,
}

/// Every session of the layers that hold database connections, in the order of their opening.
pub fn bars(rows: &Rows<'_>, case: &Case) -> Vec<Bar> {
    let held = |s: &&Session| matches!(s.layer, Layer::Pool | Layer::Proxy | Layer::Db);
    let mut order: Vec<(u32, &Session)> = (0u32..).zip(&case.sessions).filter(|(_, s)| held(s)).collect();
    order.sort_by_key(|(_, s)| (s.open, s.layer, s.source, s.open_row));
    order.into_iter().map(|(id, s)| bar(rows, case, id, s)).collect()
}

fn bar(rows: &Rows<'_>, case: &Case, id: u32, session: &Session) -> Bar {
    let text = |code: u32| clean(&String::from_utf8_lossy(rows.text(code)));
    let row = rows.get(session.open_row);
    let pool = clean(&String::from_utf8_lossy(row.text(TextCol::Pool)));
    let file = rows.table().sources.get(session.source as usize).map_or("?", |s| s.path.as_str());
    let file = clean(file.rsplit('/').next().unwrap_or(file));
    let client = (session.client != 0).then(|| match session.client_port {
        0 => text(session.client),
        port => format!("{}:{port}", text(session.client)),
    });
    Bar {
        id,
        layer: session.layer.name(),
        group: if pool.is_empty() { file } else { format!("{pool} · {file}") },
        key: if session.conn == 0 { format!("pid:{}", session.pid) } else { text(session.conn) },
        client,
        class: session.class.name(),
        why: session.why,
        open: rfc3339(session.open),
        end: session.end.filter(|_| session.ended != Ended::Open).map(rfc3339),
        carried_by: session.carried_by,
        carried_surely: session.carried_surely,
        request: session.request.filter(|_| session.join == Join::RequestId).and_then(|id| asked(rows, case, id)),
        at: reference(rows, session.open_row),
    }
}

/// A request whose begin is known.
fn asked(rows: &Rows<'_>, case: &Case, id: u32) -> Option<Asked> {
    let request = case.requests.get(id as usize)?;
    let row = rows.get(request.row);
    let file = row.source().map_or("?", |s| s.path.as_str());
    let key = clean(&String::from_utf8_lossy(rows.text(request.id)));
    let name = clean(&endpoint(rows, request.method, request.route));
    Some(Asked {
        id,
        group: clean(file.rsplit('/').next().unwrap_or(file)),
        name: if name.is_empty() { key.clone() } else { name },
        key,
        from: rfc3339(request.start?),
        to: request.end.map(rfc3339),
        at: reference(rows, request.row),
    })
}

/// True for the class of sessions that were never given back.
pub fn leaked(bar: &Bar) -> bool {
    bar.class == Class::Leaked.name()
}
