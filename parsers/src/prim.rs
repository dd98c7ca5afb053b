//! Shared pieces of grammar, each with tests of its own.

pub mod date_shapes;
pub mod ids;
pub mod jvm;
pub mod net;
pub mod num;
pub mod pools;
pub mod text;
pub mod time;
