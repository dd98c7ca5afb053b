//! Shared pieces of grammar, each with tests of its own.

pub mod date_shapes;
pub mod ids;
pub mod jvm;
pub mod columns;
pub mod facts;
pub mod head;
pub mod access;
pub mod json;
pub mod net;
pub mod num;
pub mod pairs;
pub mod roles;
pub mod object;
pub mod syslog;
pub mod text;
pub mod time;
pub mod trace;
