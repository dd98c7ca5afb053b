//! Shared pieces of grammar, each with tests of its own.

pub mod net;
pub mod num;
pub mod pg;
mod pg_cut;
pub mod pg_infer;
pub mod pg_prefix;
pub mod sql;
pub mod text;
pub mod time;
