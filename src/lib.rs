#![doc = include_str!("ARCHITECTURE.md")]

pub mod cli;
pub mod correlate;
pub mod diagnose;
pub mod error;
pub mod ingest;
pub mod report;
pub mod source;
pub mod table;
pub mod tui;
