//! What Apache Commons DBCP2 prints to a bare stream: a report without time, level or thread, between other records.
//!
//! ```text
//! Pooled object created 2026-11-20 10:15:43 +0000 by the following code has not been returned to the pool:
//! ```

use crate::event::{Arena, Event};
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::{jvm, text};
use crate::reject::Reject;
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "dbcp2",
    about: "Apache Commons DBCP2's report of an abandoned connection, printed without a time",
    spec: "apache/commons-pool, DefaultPooledObject.printStackTrace",
    weight: 90,
    infer: |sample: &Sample<'_>| {
        let any = sample.lines.iter().any(|line| starts(line));
        any.then(|| Inferred { layout: Box::new(Dbcp2), reason: "reports of abandoned connections between records".into() })
    },
    examples: &[Example {
        line: "Pooled object created 2026-11-20 10:15:43 +0000 by the following code has not been returned to the pool:\norg.apache.commons.pool2.impl.ThrowableCallStack$Snapshot\n\tat com.acme.shop.OrderRepository.find(OrderRepository.java:4)",
        shows: &[("kind", "pool.leak.report"), ("since", "2026-11-20T10:15:43Z"), ("time", "")],
    }],
};

struct Dbcp2;

fn starts(line: &[u8]) -> bool {
    line.starts_with(b"Pooled object created ") && memchr::memmem::find(line, b" by the following code ").is_some()
}

impl Layout for Dbcp2 {
    fn line(&self, line: &[u8]) -> Line {
        if starts(line) {
            Line::Start
        } else if jvm::is_frame(line) || line.starts_with(b"org.apache.commons.pool2.") {
            Line::Continue
        } else {
            Line::Foreign
        }
    }

    fn parse<'a>(&self, record: &'a [u8], _: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let (message, stack) = text::first_line(record);
        event.message = message;
        event.stack = stack;
        event.severity = Severity::WARN;
        Ok(())
    }
}
