//! Shared pieces of grammar, each with tests of its own.

pub mod json;
pub mod listing;
pub mod mysql;
pub mod named;
pub mod net;
pub mod num;
pub mod object;
pub mod syslog;
pub mod text;
pub mod time;
