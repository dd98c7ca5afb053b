//! Kubernetes container logs as containerd and CRI-O write them under `/var/log/pods`.
//!
//! Source: Kubernetes design "CRI: container stdout/stderr logs", `pkg/kubelet/kuberuntime/logs`.
//!
//! ```text
//! 2026-11-20T10:15:20.136003123+00:00 stdout P the first part of a long li
//!                                     │      └ P: goes on in the next line of this stream; F: full, or the last part
//!                                     └ a lane of its own
//! ```

use crate::envelope::{Envelope, EnvelopeSpec, InferredEnvelope, Wrapped};
use crate::event::Arena;
use crate::prim::time;
use crate::sample::Sample;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: EnvelopeSpec = EnvelopeSpec {
    name: "cri",
    about: "Kubernetes container logs of containerd and CRI-O",
    spec: "Kubernetes CRI logging: RFC3339Nano stream tag text",
    weight: 95,
    infer: |sample: &Sample<'_>| {
        (sample.share(|line| unwrap(line).is_some()) >= 0.2)
            .then(|| InferredEnvelope { envelope: Box::new(Cri), reason: "time, stream and P/F tag of the CRI".into() })
    },
    examples: &[
        Example {
            line: "2026-11-20T10:15:20.136003123+01:00 stderr F  at Shop.run(Shop.java:3)",
            shows: &[
                ("inner", " at Shop.run(Shop.java:3)"),
                ("lane", "stderr"),
                ("time", "2026-11-20T09:15:20.136003123Z"),
                ("partial", "false"),
            ],
        },
        Example { line: "2026-11-20T10:15:20Z stdout P half a li", shows: &[("inner", "half a li"), ("partial", "true")] },
    ],
};

struct Cri;

impl Envelope for Cri {
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
    let (lane, rest) = match rest.split_at_checked(7)? {
        (b"stdout ", rest) => (&b"stdout"[..], rest),
        (b"stderr ", rest) => (&b"stderr"[..], rest),
        _ => return None,
    };
    // Tags may be joined by colons; the first one is P or F.
    let partial = match rest.first()? {
        b'F' => false,
        b'P' => true,
        _ => return None,
    };
    let inner = match rest.get(1..)?.split_first() {
        None => &b""[..],
        Some((b' ', inner)) => inner,
        Some((b':', more)) => more.get(memchr::memchr(b' ', more)? + 1..)?,
        Some(_) => return None,
    };
    Some(Wrapped { inner, stamp, lane, partial, ..Wrapped::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_from_text() {
        assert!(unwrap(b"2026-11-20T10:15:20Z stdout F").is_some_and(|w| w.inner.is_empty()));
        assert!(unwrap(b"2026-11-20T10:15:20Z stdout F:x ok").is_some_and(|w| w.inner == b"ok"));
        assert!(unwrap(b"2026-11-20T10:15:20Z stdout Found it").is_none());
        assert!(unwrap(b"2026-11-20T10:15:20Z stdin F it").is_none());
    }
}
