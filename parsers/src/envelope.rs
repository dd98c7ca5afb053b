//! Envelopes: what a transport wrapped around a producer's line.

use crate::event::Arena;
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::Stamp;

/// A line taken out of its envelope.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wrapped<'a> {
    /// The producer's own line.
    pub inner: &'a [u8],
    /// The envelope's time, used where the inner line has none and as evidence for its zone.
    pub stamp: Stamp,
    /// Host, pod or container.
    pub host: &'a [u8],
    /// Program, container or unit. Lines of one `service` share a layout.
    pub service: &'a [u8],
    /// Whatever else keeps apart lines that interleave (stdout and stderr, a stream tag).
    pub lane: &'a [u8],
    /// The process id in the envelope, 0 absent. Part of the lane.
    pub pid: u32,
    /// The envelope's severity (syslog PRI), used where the inner line has none.
    pub severity: Severity,
    /// True where the line goes on in the next line of the same lane (CRI `P`, Docker's 16 KiB split).
    pub partial: bool,
}

/// Takes lines out of one kind of envelope. Stateless; safe to share between threads.
pub trait Envelope: Send + Sync {
    /// The line inside, or `None` where the line does not wear this envelope. `line` has no line end.
    fn unwrap<'a>(&self, line: &'a [u8], arena: &'a Arena) -> Option<Wrapped<'a>>;

    /// True where the transport writes a message's own line ends, so that a line without this envelope goes on the one
    /// above (syslog files, journald's text); false where every line wears it (Docker, Kubernetes).
    fn keeps_line_ends(&self) -> bool {
        false
    }
}

/// An envelope that a sample was found to wear.
pub struct InferredEnvelope {
    /// The reader for it.
    pub envelope: Box<dyn Envelope>,
    /// What was seen, for people: `RFC 3164 header without PRI`.
    pub reason: String,
}

/// One row of the registry of envelopes.
pub struct EnvelopeSpec {
    /// The word users type and see.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Where the grammar is defined.
    pub spec: &'static str,
    /// How specific the envelope is, 1 to 100: a more specific one wins where two fit.
    pub weight: u8,
    /// Looks at a sample of lines; `None` where too few wear it (a fifth of them is enough to be worth an offer).
    pub infer: fn(&Sample<'_>) -> Option<InferredEnvelope>,
    /// Lines and what they must give: documentation and test in one.
    pub examples: &'static [Example],
}
