//! Cuts a stream into blocks that begin and end at records.

use super::Progress;
use crate::error::Error;
use crate::source::open::{Stored, Stream};
use backtrail_parsers::detect::Format;
use backtrail_parsers::frame;

/// Bytes read at a time; a block is about this long. Part of the result's determinism: not a matter of tuning at run time.
pub(super) const BLOCK: usize = 4 << 20;
/// A block without a place to cut grows to this size and is then cut at a line end, or, within one endless line, dropped.
const MOST: usize = 32 << 20;

/// A block: text that begins and ends at records, and where it stands in the source.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) offset: u64,
    pub(super) text: Vec<u8>,
    /// Line ends in bytes dropped just before this block.
    pub(super) lines_before: u32,
}

/// The blocks of a stream.
pub(super) struct Pieces {
    stream: Stream,
    buffer: Vec<u8>,
    /// Offset of `buffer` in the source.
    offset: u64,
    skipped: u64,
    lines_before: u32,
    ended: bool,
}

impl Pieces {
    pub(super) fn new(stream: Stream, head: Vec<u8>) -> Pieces {
        Pieces { stream, buffer: head, offset: 0, skipped: 0, lines_before: 0, ended: false }
    }

    /// What has been read so far and not handed out.
    pub(super) fn head(&self) -> &[u8] {
        &self.buffer
    }

    /// Decompressed bytes handed out or skipped.
    pub(super) fn bytes(&self) -> u64 {
        self.offset
    }

    /// Bytes of lines too long to be read.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    pub(super) fn finish(self) -> (Stored, Vec<Error>) {
        self.stream.finish()
    }

    pub(super) fn next(&mut self, format: &Format, progress: Progress<'_>) -> Option<Piece> {
        loop {
            if self.buffer.len() < BLOCK && !self.ended {
                self.read(progress);
                continue;
            }
            if self.ended {
                let rest = self.buffer.len();
                return (rest > 0).then(|| self.take(rest));
            }
            let cut = frame::last_start(format, &self.buffer);
            if cut > 0 {
                return Some(self.take(cut));
            }
            if self.buffer.len() >= MOST {
                match memchr::memrchr(b'\n', &self.buffer) {
                    Some(end) => return Some(self.take(end + 1)),
                    None => self.skip_line(progress),
                }
            } else {
                self.read(progress);
            }
        }
    }

    fn read(&mut self, progress: Progress<'_>) {
        let count = self.stream.fill(&mut self.buffer, BLOCK);
        progress(count as u64);
        self.ended = count == 0;
    }

    fn take(&mut self, length: usize) -> Piece {
        let rest = self.buffer.split_off(length);
        let text = std::mem::replace(&mut self.buffer, rest);
        let piece = Piece { offset: self.offset, text, lines_before: std::mem::take(&mut self.lines_before) };
        self.offset += length as u64;
        piece
    }

    /// Drops an endless line up to its end.
    fn skip_line(&mut self, progress: Progress<'_>) {
        loop {
            let end = memchr::memchr(b'\n', &self.buffer);
            let length = end.map_or(self.buffer.len(), |end| end + 1);
            self.buffer.drain(..length);
            self.offset += length as u64;
            self.skipped += length as u64;
            if end.is_some() {
                self.lines_before += 1;
                return;
            }
            self.read(progress);
            if self.ended {
                return;
            }
        }
    }
}

/// True for data that is no text: a third of the first kilobytes are control characters (a run of NUL bytes at the very
/// beginning, as `copytruncate` leaves it, does not count).
pub(super) fn is_binary(head: &[u8]) -> bool {
    let start = head.iter().take_while(|b| **b == 0).count();
    let look = head.get(start..).unwrap_or_default();
    let look = look.get(..8192).unwrap_or(look);
    let odd = look.iter().filter(|b| b.is_ascii_control() && !matches!(b, b'\n' | b'\r' | b'\t' | 0x1b)).count();
    (look.is_empty() && start > 0) || odd * 3 > look.len()
}
