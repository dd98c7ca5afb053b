//! Whether a file has changed since it was read, and how: logs grow at their end, and are rotated.

use super::{Compression, Origin};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes at the beginning and at the end of what was read by which it is known again.
const PRINT: u64 = 4096;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Same,
    /// There is more of it, behind what was read.
    Grown,
    /// Another file stands there, or none.
    Other,
}

/// What is remembered of a file that was read.
#[derive(Debug, Clone)]
pub struct Print {
    path: PathBuf,
    size: u64,
    modified: Option<SystemTime>,
    /// How much of it was read, and the beginning and the end of that; `None` where it can only be read as a whole.
    read: Option<(u64, Vec<u8>, Vec<u8>)>,
}

impl Print {
    /// Remembers a file of which so many bytes were read; `None` for a stream.
    pub fn take(origin: &Origin, length: u64) -> Option<Print> {
        let path = match origin {
            Origin::File(path) | Origin::Member(path, _) => path.clone(),
            Origin::Stdin => return None,
        };
        let meta = std::fs::metadata(&path).ok()?;
        let plain = matches!(origin, Origin::File(_)).then(|| ends(&path, length)).flatten();
        let plain = plain.filter(|(head, _)| plain_text(head));
        let read = plain.map(|(head, tail)| (length, head, tail));
        Some(Print { path, size: meta.len(), modified: meta.modified().ok(), read })
    }

    /// What became of the file.
    pub fn change(&self) -> Change {
        let Ok(meta) = std::fs::metadata(&self.path) else { return Change::Other };
        if meta.len() == self.size
            && meta.modified().ok() == self.modified
            && self.read.as_ref().is_none_or(|r| r.0 == self.size)
        {
            return Change::Same;
        }
        let known = self.read.as_ref().filter(|(length, ..)| *length <= meta.len());
        match known {
            Some((length, head, tail)) if ends(&self.path, *length).is_some_and(|now| (&now.0, &now.1) == (head, tail)) => {
                if *length == meta.len() {
                    Change::Same
                } else {
                    Change::Grown
                }
            }
            _ => Change::Other,
        }
    }

    /// How much of it was read, where it can be read on from there.
    pub fn length(&self) -> Option<u64> {
        self.read.as_ref().map(|(length, ..)| *length)
    }
}

/// The first and the last bytes of so much of a file.
fn ends(path: &Path, length: u64) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut file = File::open(path).ok()?;
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    Read::by_ref(&mut file).take(PRINT.min(length)).read_to_end(&mut head).ok()?;
    file.seek(SeekFrom::Start(length.saturating_sub(PRINT))).ok()?;
    file.take(PRINT.min(length)).read_to_end(&mut tail).ok()?;
    (tail.len() as u64 == PRINT.min(length)).then_some((head, tail))
}

/// True where the stored bytes are the text.
fn plain_text(head: &[u8]) -> bool {
    let marked = [&[0xef, 0xbb, 0xbf][..], &[0xff, 0xfe], &[0xfe, 0xff]].iter().any(|mark| head.starts_with(mark));
    !marked && Compression::of(head) == Compression::None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn growth_is_told_from_another_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.log");
        let text = "a line\n".repeat(2000);
        std::fs::write(&path, &text).unwrap();
        let print = || Print::take(&Origin::File(path.clone()), 14_000).unwrap();
        let first = print();
        assert_eq!((first.change(), first.length()), (Change::Same, Some(14_000)));
        File::options().append(true).open(&path).unwrap().write_all(b"more\n").unwrap();
        assert_eq!(first.change(), Change::Grown);
        // What was read is less than what stood there then already.
        assert_eq!(print().change(), Change::Grown);
        std::fs::write(&path, "short\n").unwrap();
        assert_eq!(first.change(), Change::Other);
        std::fs::write(&path, "another\n".repeat(4000)).unwrap();
        assert_eq!(first.change(), Change::Other, "longer, and not the same");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(first.change(), Change::Other);
        assert!(Print::take(&Origin::Stdin, 3).is_none());
    }

    #[test]
    fn what_is_compressed_is_read_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.log.gz");
        std::fs::write(&path, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]).unwrap();
        let print = Print::take(&Origin::File(path.clone()), 8).unwrap();
        assert_eq!((print.change(), print.length()), (Change::Same, None));
        std::fs::write(&path, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 1]).unwrap();
        assert_eq!(print.change(), Change::Other);
    }
}
