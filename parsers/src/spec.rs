//! What the registries' rows share.

/// A line and the fields that reading it must give: documentation, test and `backtrail formats NAME` in one.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// The line (or lines, joined by `\n`).
    pub line: &'static str,
    /// Field names as [`crate::event::Event::fields`] shows them, with the value each must have. For envelopes:
    /// `inner host.name service.name process.pid lane time severity partial`.
    pub shows: &'static [(&'static str, &'static str)],
}
