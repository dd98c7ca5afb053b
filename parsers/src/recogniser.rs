//! Recognisers: what a message means, whatever layout it stands in.

use crate::event::{Arena, Event};
use crate::spec::Example;

/// One row of the registry of recognisers.
pub struct RecogniserSpec {
    /// The word users see.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Where the texts are defined.
    pub spec: &'static str,
    /// Fixed byte strings, at least one of which stands in every message (or stack text) that this recogniser knows.
    /// Case matters. Choose rare ones: they are what the one pass over every message looks for. A needle may also
    /// match a structured record's key or value (it is looked for in attribute values, and as `key=` in keys).
    pub needles: &'static [&'static str],
    /// Looks at an event whose message, stack or attributes hold a needle. Returns true where the event is now
    /// classified (its `kind` set) and no later recogniser should look at it; false leaves it to the others.
    pub recognise: for<'a> fn(&mut Event<'a>, &'a Arena) -> bool,
    /// Messages and what they must give. The line is put into `message` (what follows the first line end into `stack`
    /// where it begins like a stack).
    pub examples: &'static [Example],
}
