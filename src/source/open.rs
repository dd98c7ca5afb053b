//! Opens inputs: decompresses by content, hashes what is stored, joins the parts of a rotated set.

use super::utf16::Utf16;
use super::{Compression, Input, Origin};
use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// How much of the end of one part is compared with the beginning of the next one, to find lines that stand in both.
const SEAM: usize = 1 << 20;

/// What is known of a source's files when all of it has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// SHA-256 of the stored bytes of all parts, oldest first, in hex.
    pub sha256: String,
    /// The compression of the parts; of the newest one where they differ.
    pub compression: Compression,
    /// The files, oldest first.
    pub parts: Vec<String>,
    /// Bytes left out because the next part of a rotated set repeats them.
    pub overlap: u64,
    /// The time of the last change of the newest file, nanoseconds since the epoch; `None` for a stream.
    pub modified: Option<i64>,
}

/// Reads an input from its first decompressed byte to its last.
pub struct Stream {
    parts: std::vec::IntoIter<Origin>,
    current: Option<(Origin, Box<dyn Read + Send>)>,
    /// `None` where the files were hashed before.
    hash: Option<Arc<Mutex<Sha256>>>,
    stored: Stored,
    /// The end of what was read last, for the seam.
    tail: Vec<u8>,
    /// Bytes at the beginning of a part that were read to look for a seam.
    ahead: Vec<u8>,
    problems: Vec<Error>,
}

impl Stream {
    /// Prepares to read an input; files are opened one after the other as they are reached.
    pub fn new(input: &Input) -> Stream {
        let stored = Stored {
            sha256: String::new(),
            compression: Compression::None,
            parts: input.parts.iter().map(Origin::display).collect(),
            overlap: 0,
            modified: None,
        };
        Stream {
            parts: input.parts.clone().into_iter(),
            current: None,
            hash: Some(Arc::new(Mutex::new(Sha256::new()))),
            stored,
            tail: Vec::new(),
            ahead: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// The same for an input that was read before: its files are not hashed again.
    pub fn again(input: &Input) -> Stream {
        Stream { hash: None, ..Stream::new(input) }
    }

    /// Fills `buffer` from its start; less than all of it only at the end, 0 when there is nothing left. Damage ends the
    /// part that has it, is kept as a problem, and reading goes on with the next part.
    pub fn fill(&mut self, buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        while filled < buffer.len() {
            let (done, room) = buffer.split_at_mut(filled);
            if !self.ahead.is_empty() {
                let count = self.ahead.len().min(room.len());
                for (to, from) in room.iter_mut().zip(self.ahead.drain(..count)) {
                    *to = from;
                }
                filled += count;
                continue;
            }
            if self.current.is_none() {
                if !self.next_part(done) {
                    break;
                }
                // What was read of it to look for a seam comes first.
                continue;
            }
            let Some((origin, reader)) = self.current.as_mut() else { continue };
            match reader.read(room) {
                Ok(0) => self.current = None,
                Ok(count) => filled += count,
                Err(problem) if problem.kind() == io::ErrorKind::Interrupted => {}
                Err(problem) => {
                    let problem = damage(origin, self.stored.compression, problem);
                    self.problems.push(problem);
                    self.current = None;
                }
            }
        }
        if self.parts.len() > 0 {
            let fresh = buffer.get(..filled).unwrap_or_default();
            self.tail.extend_from_slice(fresh.get(fresh.len().saturating_sub(SEAM)..).unwrap_or_default());
            let extra = self.tail.len().saturating_sub(SEAM);
            self.tail.drain(..extra);
        }
        filled
    }

    /// Opens the next part; false where there is none. `done` is what was read since `tail` was last brought up to date.
    fn next_part(&mut self, done: &[u8]) -> bool {
        let Some(origin) = self.parts.next() else { return false };
        match open(&origin, self.hash.as_ref()) {
            Ok((reader, compression, modified)) => {
                self.stored.compression = compression;
                self.stored.modified = modified.or(self.stored.modified);
                self.current = Some((origin, reader));
                if !self.tail.is_empty() || !done.is_empty() {
                    self.join(done);
                }
            }
            Err(problem) => self.problems.push(problem),
        }
        true
    }

    /// Puts a part behind the one before it: gives that one the line end that it lacks, and drops from the beginning of
    /// this one what the end of that one already had.
    fn join(&mut self, done: &[u8]) {
        let mut tail = std::mem::take(&mut self.tail);
        tail.extend_from_slice(done.get(done.len().saturating_sub(SEAM)..).unwrap_or_default());
        if tail.last().is_some_and(|b| *b != b'\n') {
            tail.push(b'\n');
            self.ahead.push(b'\n');
        }
        let mut head = Vec::new();
        let Some((_, reader)) = self.current.as_mut() else { return };
        // A reader that fails here fails again at the next read, where the damage is noted.
        if reader.by_ref().take(SEAM as u64).read_to_end(&mut head).is_ok() {
            let overlap = overlap(tail.get(tail.len().saturating_sub(SEAM)..).unwrap_or_default(), &head);
            self.stored.overlap += overlap as u64;
            head.drain(..overlap);
        }
        self.ahead.append(&mut head);
    }

    /// What is known of the files; to be asked when [`Stream::fill`] has given 0.
    pub fn finish(self) -> (Stored, Vec<Error>) {
        let mut stored = self.stored;
        let digest = self.hash.as_ref().and_then(|hash| hash.lock().ok().map(|hash| hash.clone().finalize()));
        stored.sha256 = digest.map(|d| hex(&d)).unwrap_or_default();
        (stored, self.problems)
    }
}

/// Bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or('0');
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

/// The length of the longest whole-line beginning of `head` with which `tail` ends.
fn overlap(tail: &[u8], head: &[u8]) -> usize {
    let Some(first) = memchr::memchr(b'\n', head).and_then(|end| head.get(..=end)) else { return 0 };
    memchr::memmem::find_iter(tail, first)
        .filter(|at| *at == 0 || tail.get(at - 1) == Some(&b'\n'))
        .find_map(|at| tail.get(at..).filter(|rest| head.starts_with(rest)).map(<[u8]>::len))
        .unwrap_or(0)
}

/// Counts stored bytes into the hash on their way to the decoder; what the decoder leaves unread is hashed at the end.
struct Hashing<R: Read> {
    inner: R,
    hash: Arc<Mutex<Sha256>>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let (Ok(mut hash), Some(bytes)) = (self.hash.lock(), buffer.get(..count)) {
            hash.update(bytes);
        }
        Ok(count)
    }
}

impl<R: Read> Drop for Hashing<R> {
    fn drop(&mut self) {
        let mut rest = [0u8; 8 << 10];
        while self.read(&mut rest).is_ok_and(|n| n > 0) {}
    }
}

type Opened = (Box<dyn Read + Send>, Compression, Option<i64>);

fn open(origin: &Origin, hash: Option<&Arc<Mutex<Sha256>>>) -> Result<Opened> {
    let (raw, modified): (Box<dyn Read + Send>, Option<i64>) = match origin {
        Origin::Stdin => (Box::new(io::stdin()), None),
        Origin::File(path) => {
            let file = File::open(path).map_err(|e| Error::io(path, e))?;
            let modified = file.metadata().ok().and_then(|m| m.modified().ok());
            let since = modified.and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
            (Box::new(file), since.and_then(|d| i64::try_from(d.as_nanos()).ok()))
        }
        Origin::Member(path, name) => (Box::new(Cursor::new(member(path, name)?)), None),
    };
    let path = origin.path();
    let raw = match hash {
        Some(hash) => Box::new(Hashing { inner: raw, hash: Arc::clone(hash) }),
        None => raw,
    };
    let (reader, compression) = decode(raw).map_err(|e| Error::io(&path, e))?;
    Ok((text(reader).map_err(|e| damage(origin, compression, e))?, compression, modified))
}

/// Puts the decoder that the first bytes ask for around a reader.
fn decode(mut raw: Box<dyn Read + Send>) -> io::Result<(Box<dyn Read + Send>, Compression)> {
    let head = peek(&mut raw, 6)?;
    let compression = Compression::of(&head);
    let raw = Cursor::new(head).chain(raw);
    let reader: Box<dyn Read + Send> = match compression {
        Compression::None => Box::new(raw),
        Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(raw)),
        Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(raw)?),
        Compression::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(raw)),
        Compression::Xz => Box::new(liblzma::read::XzDecoder::new_multi_decoder(raw)),
        Compression::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(raw)),
    };
    Ok((reader, compression))
}

/// Takes a byte-order mark off, and turns UTF-16 into UTF-8.
fn text(mut reader: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
    let head = peek(&mut reader, 3)?;
    Ok(match head.as_slice() {
        [0xef, 0xbb, 0xbf] => reader,
        [0xff, 0xfe, rest @ ..] => Box::new(Utf16::new(Cursor::new(rest.to_vec()).chain(reader), false)),
        [0xfe, 0xff, rest @ ..] => Box::new(Utf16::new(Cursor::new(rest.to_vec()).chain(reader), true)),
        _ => Box::new(Cursor::new(head).chain(reader)),
    })
}

fn peek(reader: &mut Box<dyn Read + Send>, count: u64) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.by_ref().take(count).read_to_end(&mut head)?;
    Ok(head)
}

fn damage(origin: &Origin, compression: Compression, source: io::Error) -> Error {
    match compression {
        Compression::None => Error::Io { path: origin.path(), source },
        _ => Error::Damaged { path: origin.path(), compression: compression.name(), reason: source.to_string() },
    }
}

/// The names of the files in a tar archive, whatever it is compressed with.
pub(super) fn tar_members(path: &Path) -> Result<Vec<String>> {
    let broken = |e: io::Error| Error::Damaged { path: path.to_owned(), compression: "tar", reason: e.to_string() };
    let mut names = Vec::new();
    for entry in tar_reader(path)?.entries().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        if entry.header().entry_type().is_file() {
            names.push(entry.path().map_err(broken)?.display().to_string());
        }
    }
    Ok(names)
}

fn tar_reader(path: &Path) -> Result<tar::Archive<Box<dyn Read + Send>>> {
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let (reader, _) = decode(Box::new(file)).map_err(|e| Error::io(path, e))?;
    Ok(tar::Archive::new(reader))
}

/// The stored bytes of an archive's member.
fn member(path: &Path, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    if let Ok(mut archive) = zip::ZipArchive::new(file) {
        let broken = |reason: String| Error::Damaged { path: path.to_owned(), compression: "zip", reason };
        let mut entry = archive.by_name(name).map_err(|e| broken(e.to_string()))?;
        entry.read_to_end(&mut bytes).map_err(|e| broken(e.to_string()))?;
        return Ok(bytes);
    }
    let broken = |e: io::Error| Error::Damaged { path: path.to_owned(), compression: "tar", reason: e.to_string() };
    for entry in tar_reader(path)?.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        if entry.path().map_err(broken)?.display().to_string() == name {
            entry.read_to_end(&mut bytes).map_err(broken)?;
            return Ok(bytes);
        }
    }
    Err(Error::NoMatch(format!("{}:{name}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::overlap;

    #[test]
    fn only_whole_lines_that_stand_in_both_overlap() {
        assert_eq!(overlap(b"a\nb\nc\n", b"b\nc\nd\n"), 4);
        assert_eq!(overlap(b"a\nb\nc\n", b"c\nd\n"), 2);
        assert_eq!(overlap(b"a\nb\nc\n", b"d\n"), 0);
        assert_eq!(overlap(b"a\nb\nx\n", b"b\nc\n"), 0);
        assert_eq!(overlap(b"", b"b\nc\n"), 0);
    }
}
