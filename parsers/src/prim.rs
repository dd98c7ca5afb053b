//! Shared pieces of grammar, each with tests of its own.

pub mod json;
pub mod mysql;
pub mod net;
pub mod num;
pub mod text;
pub mod time;
