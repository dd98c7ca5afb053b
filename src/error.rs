//! What can go wrong, with the file and what to do about it.

use std::path::{Path, PathBuf};

/// An error that ends the work on one file, or on all of them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be opened or read to its end.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A path names nothing.
    #[error("{0}: no file matches; check the path, or quote a pattern so that the shell leaves it alone")]
    NoMatch(String),
    /// A link leads back into a folder that holds it.
    #[error("{}: the folder loops back into itself; not followed", .0.display())]
    Loop(PathBuf),
    /// Compressed data breaks off or is damaged; what could be read was kept.
    #[error("{}: the {compression} data breaks off or is damaged ({reason}); what came before it was read", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// `gzip`, `zstd` …
        compression: &'static str,
        /// The decoder's words.
        reason: String,
    },
    /// The file is not text.
    #[error("{}: not text (binary data); skipped", .0.display())]
    Binary(PathBuf),
    /// An option's value makes no sense.
    #[error("{option}: {reason}")]
    Usage {
        /// The option as typed.
        option: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The table could not be built or asked: a defect of this program.
    #[error("event table: {0}")]
    Table(String),
}

impl Error {
    /// An input-output error of a file.
    pub fn io(path: &Path, source: std::io::Error) -> Error {
        Error::Io { path: path.to_owned(), source }
    }
}

/// Results of this crate.
pub type Result<T> = std::result::Result<T, Error>;
