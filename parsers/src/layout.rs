//! Layouts: the line shape of a producer.

use crate::event::{Arena, Event};
use crate::reject::Reject;
use crate::sample::Sample;
use crate::spec::Example;

/// What a line is to a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// It begins a record.
    Start,
    /// It belongs to the record above (a stack frame, a `DETAIL:` line, a wrapped message).
    Continue,
    /// This layout never writes such a line.
    Foreign,
}

/// Whose messages a layout carries: decides which recognisers look at them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// Anything: every recogniser may apply.
    Any,
    /// The layout has already said everything (access logs): no recogniser is asked.
    Complete,
    /// The named recogniser alone is asked, without looking for its needles first.
    Only(&'static str),
}

/// Reads records of one line shape. Stateless, so that blocks of a file can be read in any order on any thread.
pub trait Layout: Send + Sync {
    /// What `line` is. Called for every line: it must be cheap (look at fixed places, do not parse).
    /// `line` has no line end and no envelope.
    fn line(&self, line: &[u8]) -> Line;

    /// Reads a whole record (lines joined by `\n`, no line end at the end) into `event`, which is at its default
    /// except for what an envelope gave (`host`, `service`, `pid`, `severity`).
    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject>;

    /// Does `line`, which would begin a record, belong to the open record all the same, given that record's text so far?
    /// Most layouts never need it: MySQL's slow log writes `# Time:` before `# User@Host:` only where the second changed.
    fn joins(&self, _record: &[u8], _line: &[u8]) -> bool {
        false
    }

    /// Is `line`, which is foreign to every record, still this layout's own: a table's head, the brackets around a list?
    /// Such lines are separators, not rejects.
    fn skips(&self, _line: &[u8]) -> bool {
        false
    }

    /// Does a line that another of the file's layouts would continue go on an open record of this one? True for servers
    /// whose application prints to the same stream.
    fn keeps_text(&self) -> bool {
        false
    }

    /// Which recognisers look at the events.
    fn domain(&self) -> Domain {
        Domain::Any
    }
}

/// A layout that a sample was found to have.
pub struct Inferred {
    /// The reader for it.
    pub layout: Box<dyn Layout>,
    /// What was seen, for people: `log_line_prefix = '%m [%p] %q%u@%d '`.
    pub reason: String,
}

/// One row of the registry of layouts.
pub struct LayoutSpec {
    /// The word users type and see.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Where the grammar is defined.
    pub spec: &'static str,
    /// How specific the layout is, 1 to 100. Among layouts that explain a sample equally well the highest wins:
    /// one producer's own shape about 90, a family with inferred columns about 60, the generic fallback 10.
    pub weight: u8,
    /// Looks at a sample of lines and returns the reader fitted to it; `None` where no line begins a record of this
    /// layout. Offer it even when only a few lines fit: files mix layouts, and the detector weighs the offers.
    pub infer: fn(&Sample<'_>) -> Option<Inferred>,
    /// Lines and what they must give: documentation and test in one.
    pub examples: &'static [Example],
}
