//! What the tests share.

use backtrail::correlate::{self, Case};
use backtrail::diagnose;
use backtrail::ingest::{self, Options};
use backtrail::report::{self, Report};
use backtrail::source::find;
use backtrail::table::{self, EventTable, build};
use std::path::{Path, PathBuf};

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Reads and correlates paths as the program does.
pub(crate) fn run(paths: &[&Path], options: &Options) -> (EventTable, Case) {
    let paths: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
    let ingested = ingest::ingest(find::find(&paths), options, &|_| {});
    let mut table = build::build(ingested.sources, ingested.strings);
    table::settle_zones(&mut table, &correlate::zone::find);
    table::settle_clocks(&mut table, true, &correlate::clock::find);
    let case = correlate::correlate(&table);
    (table, case)
}

/// The report of paths.
pub(crate) fn report(paths: &[&Path], options: &Options) -> Report {
    let (table, case) = run(paths, options);
    report::build::build(&table, &case, &diagnose::diagnose(&table, &case))
}

/// Writes a file into a fresh folder and gives its path.
pub(crate) fn file(dir: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The program, as a user would run it.
pub(crate) fn backtrail() -> assert_cmd::Command {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_backtrail"))
}
