//! Shared pieces of grammar, each with tests of its own.

pub mod listing;
pub mod named;
pub mod net;
pub mod num;
pub mod object;
pub mod syslog;
pub mod text;
pub mod time;
