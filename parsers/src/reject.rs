//! A record that could not be read: kept, counted and shown, never dropped.

/// Why a record was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// No layout of this file begins a record with such a line, and no record was open that it could continue.
    NoLayout,
    /// A record begins as its layout says but ends too early.
    Truncated,
    /// The time is not a time.
    BadTime,
    /// A field is not what its place demands.
    BadField,
    /// Bytes that are no text (NUL runs, binary data).
    Binary,
    /// The line is longer than the reader takes.
    TooLong,
}

impl Reason {
    /// The words shown to users.
    pub const fn text(self) -> &'static str {
        match self {
            Reason::NoLayout => "no known layout begins a record like this",
            Reason::Truncated => "the record ends too early",
            Reason::BadTime => "the time is not readable",
            Reason::BadField => "a field is not readable",
            Reason::Binary => "not text",
            Reason::TooLong => "the line is too long",
        }
    }
}

/// A refusal to read a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reject {
    /// Why.
    pub reason: Reason,
    /// Byte offset inside the record at which reading stopped.
    pub at: u32,
}

impl Reject {
    /// A refusal at a byte offset of the record.
    pub fn new(reason: Reason, at: usize) -> Reject {
        Reject { reason, at: u32::try_from(at).unwrap_or(u32::MAX) }
    }
}
