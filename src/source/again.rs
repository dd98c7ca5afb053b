//! Reads records again, long after their source was: the table does not keep them.
//!
//! Plain files are read where the record stands. What is compressed, joined of several files or in UTF-16 has to be read
//! from its beginning; what was read on the way is kept for a while, and reading goes on from there.

use super::open::Stream;
use super::{Compression, Input, Origin};
use crate::error::{Error, Result};
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Bytes of a piece.
const PIECE: usize = 256 << 10;
/// Pieces kept.
const KEPT: usize = 128;
/// The longest part of a record that is given.
const LONGEST: u32 = 1 << 20;

/// Reads parts of sources again.
pub struct Again {
    inputs: HashMap<String, Input>,
    pieces: HashMap<(String, u64), Vec<u8>>,
    order: VecDeque<(String, u64)>,
    stream: Option<(String, Stream, u64)>,
}

impl Again {
    /// Prepares to read from these inputs.
    pub fn new(inputs: &[Input]) -> Again {
        Again {
            inputs: inputs.iter().map(|input| (input.path.clone(), input.clone())).collect(),
            pieces: HashMap::new(),
            order: VecDeque::new(),
            stream: None,
        }
    }

    /// Up to `length` bytes at an offset into a decompressed source; of longer ones the first mebibyte.
    pub fn read(&mut self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>> {
        let length = length.min(LONGEST) as usize;
        let mut out = Vec::with_capacity(length);
        let mut at = offset;
        while out.len() < length {
            let piece = at / PIECE as u64;
            self.need(path, piece)?;
            let Some(bytes) = self.pieces.get(&(path.to_owned(), piece)) else { break };
            let from = usize::try_from(at % PIECE as u64).unwrap_or(0);
            let part = bytes.get(from..).unwrap_or_default();
            let part = part.get(..length - out.len()).unwrap_or(part);
            if part.is_empty() {
                break;
            }
            out.extend_from_slice(part);
            at += part.len() as u64;
        }
        Ok(out)
    }

    fn keep(&mut self, path: &str, piece: u64, bytes: Vec<u8>) {
        let key = (path.to_owned(), piece);
        if self.pieces.insert(key.clone(), bytes).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > KEPT {
            if let Some(old) = self.order.pop_front() {
                self.pieces.remove(&old);
            }
        }
    }

    fn need(&mut self, path: &str, piece: u64) -> Result<()> {
        if self.pieces.contains_key(&(path.to_owned(), piece)) {
            return Ok(());
        }
        let input = self.inputs.get(path).cloned().ok_or_else(|| Error::NoMatch(path.to_owned()))?;
        if input.parts.contains(&Origin::Stdin) {
            return Err(Error::Usage { option: "-".into(), reason: "standard input cannot be read again".into() });
        }
        if let [Origin::File(file)] = input.parts.as_slice() {
            let read = |file: &mut File| -> std::io::Result<Option<Vec<u8>>> {
                let mut head = Vec::new();
                file.by_ref().take(6).read_to_end(&mut head)?;
                let marked = matches!(head.as_slice(), [0xef, 0xbb, 0xbf, ..] | [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
                if marked || Compression::of(&head) != Compression::None {
                    return Ok(None);
                }
                let mut bytes = Vec::new();
                file.seek(SeekFrom::Start(piece * PIECE as u64))?;
                file.by_ref().take(PIECE as u64).read_to_end(&mut bytes)?;
                Ok(Some(bytes))
            };
            let bytes = File::open(file).and_then(|mut file| read(&mut file)).map_err(|e| Error::io(file, e))?;
            if let Some(bytes) = bytes {
                self.keep(path, piece, bytes);
                return Ok(());
            }
        }
        self.read_on(&input, piece);
        Ok(())
    }

    /// Reads a stream up to a piece, from where the last reading of it stopped where that is before the piece.
    fn read_on(&mut self, input: &Input, piece: u64) {
        let open = self.stream.take().filter(|(path, _, next)| *path == input.path && *next <= piece);
        let (path, mut stream, mut next) = open.unwrap_or_else(|| (input.path.clone(), Stream::new(input), 0));
        while next <= piece {
            let mut bytes = vec![0; PIECE];
            let count = stream.fill(&mut bytes);
            bytes.truncate(count);
            if bytes.is_empty() {
                break;
            }
            self.keep(&path, next, bytes);
            next += 1;
        }
        self.stream = Some((path, stream, next));
    }
}
