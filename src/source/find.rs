//! From the paths a user names to inputs: files, folders (recursive), patterns, archives and standard input.

use super::{Input, Origin, rotation};
use crate::error::{Error, Result};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Endings that no log has: what lies beside logs in a folder is left alone unless it is named itself.
const NOT_LOGS: [&str; 22] = [
    "md", "toml", "html", "css", "js", "ts", "py", "java", "rs", "sh", "sql", "svg", "png", "jpg", "pdf", "yml", "yaml", "ini",
    "conf", "parquet", "pcap", "class",
];

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The inputs, sorted by path, rotated sets joined.
    pub inputs: Vec<Input>,
    /// What could not be used, in the order in which it was met.
    pub problems: Vec<Error>,
    /// Files in folders that were left out because of their ending.
    pub left_out: Vec<PathBuf>,
}

/// Finds every input that `paths` name. The order of `paths` does not matter.
pub fn find(paths: &[String]) -> Found {
    let mut found = Found::default();
    let mut origins = BTreeSet::new();
    for path in paths {
        if let Err(problem) = expand(path, &mut origins, &mut found) {
            found.problems.push(problem);
        }
    }
    found.inputs = rotation::join(origins.into_iter().collect());
    found.left_out.sort();
    found
}

fn expand(path: &str, origins: &mut BTreeSet<Origin>, found: &mut Found) -> Result<()> {
    if path == "-" {
        origins.insert(Origin::Stdin);
        return Ok(());
    }
    let as_is = Path::new(path);
    match std::fs::metadata(as_is) {
        Ok(meta) if meta.is_dir() => {
            folder(as_is, None, origins, found);
            Ok(())
        }
        Ok(_) => add(as_is, origins),
        Err(_) if path.contains(['*', '?', '[', '{']) => pattern(path, origins, found),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Err(Error::NoMatch(path.into())),
        Err(source) => Err(Error::io(as_is, source)),
    }
}

fn folder(dir: &Path, only: Option<&globset::GlobMatcher>, origins: &mut BTreeSet<Origin>, found: &mut Found) {
    let walk = ignore::WalkBuilder::new(dir).standard_filters(false).hidden(true).follow_links(true).build();
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|t| t.is_file()) => {
                let path = entry.path();
                let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
                if only.is_some_and(|glob| !glob.is_match(path)) {
                    continue;
                }
                if only.is_none() && NOT_LOGS.contains(&ending.as_str()) {
                    found.left_out.push(path.to_owned());
                } else if let Err(problem) = add(path, origins) {
                    found.problems.push(problem);
                }
            }
            Ok(_) => {}
            Err(problem) => found.problems.push(walk_error(dir, problem)),
        }
    }
}

fn walk_error(dir: &Path, problem: ignore::Error) -> Error {
    let mut inner = &problem;
    loop {
        match inner {
            ignore::Error::WithPath { err, .. }
            | ignore::Error::WithDepth { err, .. }
            | ignore::Error::WithLineNumber { err, .. } => {
                inner = err;
            }
            ignore::Error::Loop { child, .. } => return Error::Loop(child.clone()),
            _ => break,
        }
    }
    Error::io(dir, std::io::Error::other(problem))
}

fn pattern(path: &str, origins: &mut BTreeSet<Origin>, found: &mut Found) -> Result<()> {
    let usage = |e: globset::Error| Error::Usage { option: path.into(), reason: e.to_string() };
    let glob = globset::GlobBuilder::new(path).literal_separator(true).build().map_err(usage)?.compile_matcher();
    let fixed: PathBuf =
        Path::new(path).components().take_while(|c| !c.as_os_str().to_string_lossy().contains(['*', '?', '[', '{'])).collect();
    let base = if fixed.as_os_str().is_empty() { PathBuf::from(".") } else { fixed };
    let strip = base == Path::new(".");
    let before = origins.len();
    let mut all = BTreeSet::new();
    folder(&base, None, &mut all, &mut Found::default());
    for origin in all {
        let Origin::File(file) = &origin else { continue };
        let seen = if strip { file.strip_prefix(".").unwrap_or(file) } else { file };
        if glob.is_match(seen) {
            add(seen, origins).unwrap_or_else(|problem| found.problems.push(problem));
        }
    }
    if origins.len() == before && found.problems.is_empty() { Err(Error::NoMatch(path.into())) } else { Ok(()) }
}

/// Adds a file, or the members of an archive.
fn add(path: &Path, origins: &mut BTreeSet<Origin>) -> Result<()> {
    let mut head = [0u8; 512];
    let mut file = File::open(path).map_err(|e| Error::io(path, e))?;
    let mut filled = 0;
    while let Some(free) = head.get_mut(filled..).filter(|f| !f.is_empty()) {
        match file.read(free).map_err(|e| Error::io(path, e))? {
            0 => break,
            n => filled += n,
        }
    }
    let head = head.get(..filled).unwrap_or_default();
    if head.starts_with(b"PK\x03\x04") {
        let mut archive =
            zip::ZipArchive::new(file.try_clone().map_err(|e| Error::io(path, e))?).map_err(|e| damaged(path, "zip", &e))?;
        for index in 0..archive.len() {
            let member = archive.by_index(index).map_err(|e| damaged(path, "zip", &e))?;
            if member.is_file() {
                let name = member.name().map_err(|e| damaged(path, "zip", &e))?.into_owned();
                origins.insert(Origin::Member(path.to_owned(), name));
            }
        }
    } else if head.get(257..262) == Some(b"ustar") || tar_inside(path) {
        for member in super::open::tar_members(path)? {
            origins.insert(Origin::Member(path.to_owned(), member));
        }
    } else {
        origins.insert(Origin::File(path.to_owned()));
    }
    Ok(())
}

fn damaged(path: &Path, compression: &'static str, reason: &dyn std::fmt::Display) -> Error {
    Error::Damaged { path: path.to_owned(), compression, reason: reason.to_string() }
}

/// A compressed tar is told by its name: its first bytes are those of the compression.
fn tar_inside(path: &Path) -> bool {
    let name = path.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    [".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2", ".tar.lz4", ".tbz2", ".txz"].iter().any(|end| name.ends_with(end))
}
