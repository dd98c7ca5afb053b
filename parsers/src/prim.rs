//! Shared pieces of grammar, each with tests of its own.

pub mod access;
pub mod columns;
pub mod date_shapes;
pub mod facts;
pub mod head;
pub mod ids;
pub mod json;
pub mod jvm;
pub mod listing;
pub mod mysql;
pub mod named;
pub mod needles;
pub mod net;
pub mod num;
pub mod object;
pub mod pairs;
pub mod pg;
mod pg_cut;
pub mod pg_infer;
pub mod pg_prefix;
pub mod pools;
pub mod roles;
pub mod sql;
pub mod syslog;
pub mod text;
pub mod time;
pub mod trace;
