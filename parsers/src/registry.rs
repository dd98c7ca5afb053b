//! The lists that make a format known. One word here, one file beside it, samples under `sample-logs/formats/`.

use crate::envelope::EnvelopeSpec;
use crate::layout::LayoutSpec;
use crate::recogniser::RecogniserSpec;

/// The envelope of that name.
pub fn envelope(name: &str) -> Option<&'static EnvelopeSpec> {
    crate::envelopes::ENVELOPES.iter().copied().find(|spec| spec.name == name)
}

/// The layout of that name.
pub fn layout(name: &str) -> Option<&'static LayoutSpec> {
    crate::layouts::LAYOUTS.iter().copied().find(|spec| spec.name == name)
}

/// The recogniser of that name.
pub fn recogniser(name: &str) -> Option<&'static RecogniserSpec> {
    crate::recognisers::RECOGNISERS.iter().copied().find(|spec| spec.name == name)
}
