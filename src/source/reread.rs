//! Reads chosen records again: the event table keeps where a record stands, not its text.
//!
//! A plain file is read at the places asked for. What is compressed, lies in an archive or is a rotated set has to be read
//! from its beginning, by the same code that read it the first time, so that offsets mean the same; a [`Reader`] keeps
//! the last pieces of it, and where it stopped, for whoever asks for more.

use super::open::Stream;
use super::{Compression, Input, Origin};
use crate::error::Error;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

/// How much is decoded at a time.
const PIECE: usize = 256 << 10;
/// Pieces kept of a source.
const KEPT: usize = 64;
/// How much of a plain file is read at a time: records asked for may stand far apart.
const NEAR: usize = 32 << 10;

/// A piece of a source: bytes of its decompressed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// Offset of the first byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u32,
}

/// Gives `each` the bytes of every range of one source; see [`Reader::read`].
pub fn read(parts: &[String], ranges: &[Range], each: &mut dyn FnMut(usize, &[u8])) -> Vec<Error> {
    let mut reader = Reader::default();
    let mut problems = reader.read(parts, ranges, each);
    problems.extend(reader.open.into_values().filter_map(|decoded| decoded.stream).flat_map(|stream| stream.finish().1));
    problems
}

/// Reads parts of sources again and again.
#[derive(Default)]
pub struct Reader {
    open: HashMap<Vec<String>, Decoded>,
}

impl Reader {
    /// Gives `each` the bytes of every range, with the range's position in `ranges`, in the order of offsets. `parts` are
    /// the names under which a source's files are reported, oldest first. A range that the source no longer has is left
    /// out; a range at its end may come short. What could not be read is returned; standard input cannot be read twice.
    pub fn read(&mut self, parts: &[String], ranges: &[Range], each: &mut dyn FnMut(usize, &[u8])) -> Vec<Error> {
        let mut order: Vec<(usize, Range)> = ranges.iter().copied().enumerate().collect();
        order.sort_by_key(|(index, range)| (*range, *index));
        let Some(origins) = parts.iter().map(|part| origin(part)).collect::<Option<Vec<Origin>>>() else {
            return parts.iter().filter(|part| origin(part).is_none()).map(|part| missing(part)).collect();
        };
        if let [Origin::File(path)] = origins.as_slice()
            && let Ok(Some(file)) = plain(path)
        {
            return seek(file, &order, each).map_err(|e| Error::io(path, e)).err().into_iter().collect();
        }
        let decoded = self.open.entry(parts.to_vec()).or_insert_with(|| Decoded::new(origins));
        for (index, range) in order {
            let bytes = decoded.bytes(range);
            if !bytes.is_empty() || range.length == 0 {
                each(index, &bytes);
            }
        }
        std::mem::take(&mut decoded.problems)
    }
}

/// A source that can only be read forwards: where that has come to, and the last pieces of it.
struct Decoded {
    input: Input,
    /// Gone once the end was reached.
    stream: Option<Stream>,
    /// The number of the next piece.
    next: u64,
    /// Pieces in the order in which they were read.
    pieces: VecDeque<(u64, Vec<u8>)>,
    problems: Vec<Error>,
}

impl Decoded {
    fn new(parts: Vec<Origin>) -> Decoded {
        let input = Input { path: String::new(), parts };
        let stream = Some(Stream::again(&input));
        Decoded { input, stream, next: 0, pieces: VecDeque::new(), problems: Vec::new() }
    }

    /// The bytes of a range, fewer where the source ends.
    fn bytes(&mut self, range: Range) -> Vec<u8> {
        let end = range.offset.saturating_add(u64::from(range.length));
        let (mut at, mut out) = (range.offset, Vec::new());
        while at < end {
            let from = usize::try_from(at % PIECE as u64).unwrap_or(0);
            let most = usize::try_from(end - at).unwrap_or(usize::MAX);
            let rest = self.piece(at / PIECE as u64).and_then(|piece| piece.get(from..)).unwrap_or_default();
            let part = rest.get(..most).unwrap_or(rest);
            if part.is_empty() {
                break;
            }
            out.extend_from_slice(part);
            at += part.len() as u64;
        }
        out
    }

    fn piece(&mut self, wanted: u64) -> Option<&[u8]> {
        if self.next <= wanted || !self.pieces.iter().any(|(number, _)| *number == wanted) {
            if self.next > wanted {
                self.stream = Some(Stream::again(&self.input));
                self.next = 0;
            }
            while self.next <= wanted {
                let mut bytes = vec![0; PIECE];
                let count = self.stream.as_mut()?.fill(&mut bytes);
                bytes.truncate(count);
                if bytes.is_empty() {
                    // The end: what went wrong on the way is known now, and told once.
                    self.problems.extend(self.stream.take().map(|stream| stream.finish().1).unwrap_or_default());
                    return None;
                }
                self.pieces.retain(|(number, _)| *number != self.next);
                self.pieces.push_back((self.next, bytes));
                if self.pieces.len() > KEPT {
                    self.pieces.pop_front();
                }
                self.next += 1;
            }
        }
        self.pieces.iter().rev().find(|(number, _)| *number == wanted).map(|(_, bytes)| bytes.as_slice())
    }
}

/// A file whose stored bytes are its text; `None` for one that has to be decoded.
fn plain(path: &PathBuf) -> std::io::Result<Option<File>> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    Read::by_ref(&mut file).take(6).read_to_end(&mut head)?;
    let marked = head.starts_with(&[0xef, 0xbb, 0xbf]) || head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]);
    Ok((Compression::of(&head) == Compression::None && !marked).then_some(file))
}

fn seek(mut file: File, order: &[(usize, Range)], each: &mut dyn FnMut(usize, &[u8])) -> std::io::Result<()> {
    let mut held = Vec::new();
    // Where the bytes held begin. Records that stand close together are read in one go.
    let mut base = 0u64;
    for (index, range) in order {
        let end = range.offset + u64::from(range.length);
        if range.offset < base || end > base + held.len() as u64 {
            held.clear();
            base = file.seek(SeekFrom::Start(range.offset))?;
            let want = (range.length as usize).max(NEAR) as u64;
            Read::by_ref(&mut file).take(want).read_to_end(&mut held)?;
        }
        let from = usize::try_from(range.offset - base).unwrap_or(usize::MAX);
        let rest = held.get(from..).unwrap_or_default();
        let bytes = rest.get(..range.length as usize).unwrap_or(rest);
        if !bytes.is_empty() || range.length == 0 {
            each(*index, bytes);
        }
    }
    Ok(())
}

/// What a reported name stands for: a file, a member of an archive, or nothing that can be opened again.
fn origin(shown: &str) -> Option<Origin> {
    let path = PathBuf::from(shown);
    if path.is_file() {
        return Some(Origin::File(path));
    }
    let splits = shown.match_indices(':').filter_map(|(at, _)| shown.get(..at).zip(shown.get(at + 1..)));
    splits
        .map(|(archive, member)| (PathBuf::from(archive), member))
        .find(|(archive, _)| archive.is_file())
        .map(|(archive, member)| Origin::Member(archive, member.to_owned()))
}

fn missing(part: &str) -> Error {
    match part {
        "-" => Error::io(&PathBuf::from(part), std::io::Error::other("standard input cannot be read a second time")),
        part => Error::NoMatch(part.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn lines() -> (String, Vec<Range>) {
        let text =
            (0..50_000).map(|i| format!("line {i} of a log that is longer than one block\n")).collect::<Vec<_>>().concat();
        let mut ranges = Vec::new();
        let mut offset = 0u64;
        for (at, line) in text.split_inclusive('\n').enumerate() {
            if at % 997 == 0 || at == 49_999 {
                ranges.push(Range { offset, length: u32::try_from(line.len() - 1).unwrap() });
            }
            offset += line.len() as u64;
        }
        ranges.reverse();
        (text, ranges)
    }

    fn all(parts: &[String], ranges: &[Range]) -> Vec<(usize, String)> {
        let mut out = Vec::new();
        let problems = read(parts, ranges, &mut |i, b| out.push((i, String::from_utf8(b.to_vec()).unwrap())));
        assert!(problems.is_empty(), "{problems:?}");
        out
    }

    #[test]
    fn the_same_bytes_from_plain_compressed_and_rotated_files() {
        let dir = tempfile::tempdir().unwrap();
        let name = |n: &str| dir.path().join(n).display().to_string();
        let (text, ranges) = lines();
        std::fs::write(name("a.log"), &text).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        std::fs::write(name("a.gz"), gzip.finish().unwrap()).unwrap();
        std::fs::write(name("marked.log"), format!("\u{feff}{text}")).unwrap();
        let cut = text.len() / 2;
        let cut = cut + text[cut..].find('\n').unwrap();
        // The first part lacks its line end: the reader adds it, here as when the log was read first.
        std::fs::write(name("b.log.1"), &text[..cut]).unwrap();
        std::fs::write(name("b.log"), &text[cut + 1..]).unwrap();
        let plain = all(&[name("a.log")], &ranges);
        assert_eq!(plain.len(), ranges.len());
        for (index, line) in &plain {
            let from = usize::try_from(ranges[*index].offset).unwrap();
            assert_eq!(line, &text[from..from + ranges[*index].length as usize]);
        }
        assert_eq!(plain, all(&[name("a.gz")], &ranges));
        let rotated = all(&[name("b.log.1"), name("b.log")], &ranges);
        let differs = plain.iter().zip(&rotated).find(|(a, b)| a != b);
        assert!(differs.is_none(), "{differs:?}");
        assert_eq!(plain.len(), rotated.len());
        // The mark at the beginning is part of the text that offsets count.
        let marked: Vec<Range> = ranges.iter().map(|r| Range { offset: r.offset, ..*r }).collect();
        let read_marked = all(&[name("marked.log")], &marked);
        assert_eq!(read_marked.len(), plain.len());
    }

    #[test]
    fn a_member_of_an_archive_is_found_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs.tar");
        let mut tar = tar::Builder::new(File::create(&path).unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_size(12);
        header.set_cksum();
        tar.append_data(&mut header, "app.log", &b"first\nsecond"[..]).unwrap();
        tar.finish().unwrap();
        let part = format!("{}:app.log", path.display());
        assert_eq!(all(&[part], &[Range { offset: 6, length: 6 }]), [(0, "second".to_owned())]);
    }

    #[test]
    fn what_is_gone_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("short.log");
        std::fs::write(&path, "abc\n").unwrap();
        let parts = [path.display().to_string()];
        assert_eq!(all(&parts, &[Range { offset: 900, length: 4 }, Range { offset: 1, length: 2 }]), [(1, "bc".to_owned())]);
        for gone in ["-", "/no/such/file.log"] {
            assert_eq!(read(&[gone.to_owned()], &[Range { offset: 0, length: 1 }], &mut |_, _| {}).len(), 1);
        }
    }
}
