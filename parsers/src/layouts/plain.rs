//! Text without a structure that anybody knows: every line is a record, its time comes from the envelope or from the
//! record before it. The last resort, so that nothing is dropped.
//!
//! ```text
//! Listening on 0.0.0.0:8080
//! ```

use crate::event::{Arena, Event};
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::text;
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "plain",
    about: "any text, a record a line, without a time of its own",
    spec: "none",
    weight: 1,
    infer: |sample: &Sample<'_>| {
        sample
            .lines
            .iter()
            .any(|line| readable(line))
            .then(|| Inferred { layout: Box::new(Plain), reason: "lines of text".into() })
    },
    examples: &[Example { line: "Listening on 0.0.0.0:8080", shows: &[("message", "Listening on 0.0.0.0:8080")] }],
};

struct Plain;

/// Text may hold any bytes but NUL and not more than a tenth of other control characters.
fn readable(line: &[u8]) -> bool {
    let odd = line.iter().filter(|b| b.is_ascii_control() && !matches!(b, b'\t' | b'\n' | b'\r' | 0x1b)).count();
    memchr::memchr(0, line).is_none() && odd * 10 <= line.len()
}

impl Layout for Plain {
    fn line(&self, line: &[u8]) -> Line {
        match line.first() {
            Some(b' ' | b'\t') => Line::Continue,
            _ if readable(line) => Line::Start,
            _ => Line::Foreign,
        }
    }

    fn parse<'a>(&self, record: &'a [u8], _: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        if !readable(record) {
            return Err(Reject::new(Reason::Binary, 0));
        }
        let (message, rest) = text::first_line(record);
        event.message = message;
        event.stack = rest;
        Ok(())
    }
}
