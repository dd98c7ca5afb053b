//! F1: the only floor that opens files. From the paths a user names to streams of decompressed text.

pub mod code;
pub mod find;
pub mod hint;
pub mod open;
pub mod reread;
pub mod rotation;
mod utf16;

use std::path::PathBuf;

/// Where bytes come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A file on disk.
    File(PathBuf),
    /// A member of an archive: the archive and the member's name.
    Member(PathBuf, String),
    /// Standard input.
    Stdin,
}

impl Origin {
    /// The path as users see it: `logs.tar:app.log` for a member, `-` for standard input.
    pub fn display(&self) -> String {
        match self {
            Origin::File(path) => path.display().to_string(),
            Origin::Member(path, name) => format!("{}:{name}", path.display()),
            Origin::Stdin => "-".into(),
        }
    }

    /// The path for an error message.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(self.display())
    }

    /// The last component of the name.
    pub fn file_name(&self) -> String {
        let name = self.display();
        name.rsplit(['/', ':']).next().unwrap_or(&name).to_owned()
    }
}

/// One log before it is opened: a file, or the files of a rotated set in the order of their contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The name under which it is reported: the file's path, or that of the newest file of a rotated set.
    pub path: String,
    /// The files, oldest first; at least one.
    pub parts: Vec<Origin>,
}

/// How a file was compressed, recognised by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952).
    Gzip,
    /// Zstandard (RFC 8878).
    Zstd,
    /// bzip2.
    Bzip2,
    /// xz.
    Xz,
    /// LZ4 frames.
    Lz4,
}

impl Compression {
    /// The compression whose magic number `head` begins with.
    pub fn of(head: &[u8]) -> Compression {
        match head {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, ..] => Compression::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            [0x04, 0x22, 0x4d, 0x18, ..] => Compression::Lz4,
            _ => Compression::None,
        }
    }

    /// The word shown to users; `none` for plain files.
    pub const fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
            Compression::Bzip2 => "bzip2",
            Compression::Xz => "xz",
            Compression::Lz4 => "lz4",
        }
    }
}
