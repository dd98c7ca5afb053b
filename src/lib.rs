#![doc = include_str!("ARCHITECTURE.md")]

pub mod error;
pub mod source;
pub mod ingest;
pub mod table;
pub mod correlate;
pub mod report;
pub mod cli;
