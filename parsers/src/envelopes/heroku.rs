//! Heroku's log stream as `heroku logs` and its files show it: time, then the source and its dyno.
//!
//! Source: Heroku Dev Center, "Logging: log format".
//!
//! ```text
//! 2026-11-20T10:15:20.136003+00:00 app[web.1]: listening on 5000
//!                                  │   └ dyno: `web.1`, `router`, `api`, `run.8173`
//!                                  └ source: `app` or `heroku`
//! ```

use crate::envelope::{Envelope, EnvelopeSpec, InferredEnvelope, Wrapped};
use crate::event::Arena;
use crate::prim::time;
use crate::sample::Sample;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: EnvelopeSpec = EnvelopeSpec {
    name: "heroku",
    about: "Heroku's log stream (heroku logs)",
    spec: "Heroku Dev Center: Logging",
    weight: 85,
    infer: |sample: &Sample<'_>| {
        (sample.share(|line| unwrap(line).is_some()) >= 0.2)
            .then(|| InferredEnvelope { envelope: Box::new(Heroku), reason: "time and source[dyno]".into() })
    },
    examples: &[Example {
        line: "2026-11-20T10:15:20.136003+00:00 app[web.1]: listening on 5000",
        shows: &[
            ("inner", "listening on 5000"),
            ("host.name", "web.1"),
            ("service.name", "web"),
            ("lane", "app"),
            ("time", "2026-11-20T10:15:20.136003Z"),
        ],
    }],
};

struct Heroku;

impl Envelope for Heroku {
    fn unwrap<'a>(&self, line: &'a [u8], _: &'a Arena) -> Option<Wrapped<'a>> {
        unwrap(line)
    }
}

fn unwrap(line: &[u8]) -> Option<Wrapped<'_>> {
    if line.get(10) != Some(&b'T') {
        return None;
    }
    let (stamp, end) = time::iso(line)?;
    let rest = line.get(end..)?.strip_prefix(b" ")?;
    let open = memchr::memchr(b'[', rest.get(..rest.len().min(40))?)?;
    let source = rest.get(..open)?;
    let dyno = rest.get(open + 1..)?;
    let close = memchr::memchr(b']', dyno.get(..dyno.len().min(60))?)?;
    let inner = dyno.get(close + 1..)?.strip_prefix(b":")?;
    let dyno = dyno.get(..close)?;
    let word = |text: &[u8]| text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    // A number in the brackets is a pid: that is syslog without a host.
    if source.is_empty() || dyno.is_empty() || !word(source) || !word(dyno) || dyno.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let kind = dyno.get(..memchr::memchr(b'.', dyno).unwrap_or(dyno.len()))?;
    Some(Wrapped {
        inner: inner.strip_prefix(b" ").unwrap_or(inner),
        stamp,
        host: dyno,
        service: kind,
        lane: source,
        ..Wrapped::default()
    })
}
