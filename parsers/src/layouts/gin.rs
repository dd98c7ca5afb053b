//! Gin's request lines.
//!
//! Source: `gin-gonic/gin` `logger.go` (`defaultLogFormatter`): `[GIN] time | status | latency | client | METHOD "path"`.
//!
//! ```text
//! [GIN] 2026/11/20 - 15:19:06 | 200 |     953.1µs |   203.0.113.9 | GET      "/orders/7"
//! ```

use crate::event::{Arena, Event};
use crate::kind::Kind;
use crate::layout::{Domain, Inferred, Layout, LayoutSpec, Line};
use crate::prim::{num, text, time};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::spec::Example;
use crate::stamp::Stamp;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "gin",
    about: "requests as the Go framework Gin logs them",
    spec: "gin-gonic/gin logger.go defaultLogFormatter",
    weight: 90,
    infer: |sample: &Sample<'_>| {
        sample
            .lines
            .iter()
            .any(|l| header(l).is_some())
            .then(|| Inferred { layout: Box::new(Gin), reason: "lines like `[GIN] time | status | …`".into() })
    },
    examples: &[Example {
        line: "[GIN] 2026/11/20 - 15:19:06 | 200 |     953.1µs |   203.0.113.9 | GET      \"/orders/7\"",
        shows: &[
            ("time", "2026-11-20T15:19:06"),
            ("kind", "request.end"),
            ("http.response.status_code", "200"),
            ("duration_ns", "953100"),
            ("client.address", "203.0.113.9"),
            ("http.request.method", "GET"),
            ("url.path", "/orders/7"),
        ],
    }],
};

struct Gin;

/// The time, and what follows its bar.
fn header(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let rest = line.strip_prefix(b"[GIN] ")?;
    let mut joined = [b' '; 19];
    joined.get_mut(..10)?.copy_from_slice(rest.get(..10)?);
    joined.get_mut(11..)?.copy_from_slice(rest.get(13..21)?);
    let (stamp, _) = time::iso(&joined).filter(|_| rest.get(10..13) == Some(b" - "))?;
    Some((stamp, rest.get(21..)?.trim_ascii_start().strip_prefix(b"|")?))
}

impl Layout for Gin {
    fn line(&self, line: &[u8]) -> Line {
        if line.starts_with(b"[GIN] ") && header(line).is_some() { Line::Start } else { Line::Foreign }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let record = text::strip_ansi(record, arena);
        let (stamp, rest) = header(record).ok_or(Reject::new(Reason::BadTime, 6))?;
        event.stamp = stamp;
        event.message = record;
        let mut columns = rest.split(|b| *b == b'|').map(<[u8]>::trim_ascii);
        let status = columns.next().and_then(num::uint16);
        event.status = status.ok_or(Reject::new(Reason::BadField, record.len() - rest.len()))?;
        event.kind = Kind::RequestEnd;
        event.duration_ns = columns.next().and_then(num::duration).unwrap_or(-1);
        event.client = columns.next().unwrap_or_default();
        let request = columns.next().unwrap_or_default();
        event.method = text::word(request);
        let path = request.get(event.method.len()..).unwrap_or_default().trim_ascii();
        event.path = match path.strip_prefix(b"\"").and_then(|p| p.strip_suffix(b"\"")) {
            Some(quoted) => quoted,
            // Other formatters put the path into a column of its own.
            None if path.is_empty() => columns.next().unwrap_or_default(),
            None => path,
        };
        Ok(())
    }

    fn domain(&self) -> Domain {
        Domain::Complete
    }
}
