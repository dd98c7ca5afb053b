//! Where results go: standard output, or a file that is whole or not there.

use super::args::Output;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Refuses early what [`write()`] would refuse late: a file that exists and is not to be overwritten.
pub(super) fn check(output: &Output) -> Result<()> {
    match &output.output {
        Some(path) if !output.force && regular(path) => {
            anyhow::bail!("{}: exists; --force overwrites it", path.display())
        }
        _ => Ok(()),
    }
}

/// Writes to what was asked for. A file is written under another name and renamed when it is whole, so that a run that
/// fails leaves the old one; devices and pipes are written to directly.
pub(super) fn write(output: &Output, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let Some(path) = &output.output else {
        let mut to = BufWriter::new(std::io::stdout().lock());
        fill(&mut to)?;
        return Ok(to.flush()?);
    };
    check(output)?;
    let cannot = || format!("{}: cannot be written", path.display());
    if path.exists() && !regular(path) {
        let mut to = BufWriter::new(File::options().write(true).open(path).with_context(cannot)?);
        fill(&mut to)?;
        return to.flush().with_context(cannot);
    }
    let beside = beside(path);
    let done = File::create_new(&beside).with_context(cannot).and_then(|file| {
        let mut to = BufWriter::new(file);
        fill(&mut to)?;
        to.flush().with_context(cannot)
    });
    let done = done.and_then(|()| std::fs::rename(&beside, path).with_context(cannot));
    if done.is_err() {
        // What could not be finished is of no use; that it cannot be removed either is no news.
        drop(std::fs::remove_file(&beside));
    }
    done
}

fn regular(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|m| m.is_file())
}

/// `.NAME.PID.part` in the same folder: renaming works inside one file system only.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.part", std::process::id()))
}

/// The ending of the file to write, in lower case; empty for standard output.
pub(super) fn ending(output: &Output) -> String {
    let ending = output.output.as_deref().and_then(Path::extension);
    ending.map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}
