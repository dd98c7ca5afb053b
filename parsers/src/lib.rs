#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::string_slice, clippy::panic, clippy::unwrap_used, clippy::expect_used)
)]

pub mod detect;
pub mod envelope;
pub mod envelopes;
pub mod event;
pub mod frame;
pub mod frames;
pub mod kind;
pub mod layout;
pub mod layouts;
pub mod prim;
pub mod recogniser;
pub mod recognisers;
pub mod registry;
pub mod reject;
pub mod sample;
pub mod severity;
pub mod spec;
pub mod stamp;

pub use event::{Arena, Event, Gauge};
pub use kind::{Kind, Layer};
pub use layout::Line;
pub use reject::{Reason, Reject};
pub use severity::Severity;
pub use stamp::{Stamp, Written};
