//! Cuts a stream into blocks that begin and end at records.

use super::Progress;
use crate::error::Error;
use crate::source::open::{Left, Stored, Stream};
use backtrail_parsers::detect::Format;
use backtrail_parsers::frame;
use std::sync::Mutex;

/// Bytes of a block, about. Small enough that a block is still in the cache when the worker that reads it takes it over,
/// large enough that what is done once per block costs nothing. Part of the result's determinism: not a matter of tuning
/// at run time.
pub(super) const BLOCK: usize = 1 << 20;
/// A block without a place to cut grows to this size and is then cut at a line end, or, within one endless line, dropped.
const MOST: usize = 32 << 20;

/// A block: text that begins and ends at records, and where it stands in the source.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) offset: u64,
    /// The text is its beginning; what follows is left from an earlier use.
    buffer: Vec<u8>,
    length: usize,
    /// Line ends in bytes dropped just before this block.
    pub(super) lines_before: u32,
}

impl Piece {
    pub(super) fn text(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }
}

/// Buffers on their way back from the workers: memory that has been touched once is not asked of the system again.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Vec<Vec<u8>>>);

impl Pool {
    /// A buffer of at least `size` bytes.
    fn get(&self, size: usize) -> Vec<u8> {
        let mut buffer = self.0.lock().ok().and_then(|mut pool| pool.pop()).unwrap_or_default();
        if buffer.len() < size {
            buffer = vec![0; size];
        }
        buffer
    }

    /// Gives a block's buffer back; one that had to grow is let go.
    pub(super) fn put(&self, piece: Piece) {
        if piece.buffer.len() <= 4 * BLOCK
            && let Ok(mut pool) = self.0.lock()
        {
            pool.push(piece.buffer);
        }
    }
}

/// The blocks of a stream.
pub(super) struct Pieces<'p> {
    stream: Stream,
    pool: &'p Pool,
    buffer: Vec<u8>,
    /// How much of `buffer` is text.
    filled: usize,
    /// Offset of `buffer` in the source.
    offset: u64,
    skipped: u64,
    lines_before: u32,
    ended: bool,
}

impl<'p> Pieces<'p> {
    pub(super) fn new(stream: Stream, pool: &'p Pool, progress: Progress<'_>) -> Pieces<'p> {
        let buffer = pool.get(BLOCK);
        let mut pieces = Pieces { stream, pool, buffer, filled: 0, offset: 0, skipped: 0, lines_before: 0, ended: false };
        pieces.read(BLOCK, progress);
        pieces
    }

    /// The blocks from an offset on, of a stream that begins there.
    pub(super) fn from(stream: Stream, offset: u64, pool: &'p Pool, progress: Progress<'_>) -> Pieces<'p> {
        Pieces { offset, ..Pieces::new(stream, pool, progress) }
    }

    /// What has been read so far and not handed out.
    pub(super) fn head(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    /// Decompressed bytes handed out or skipped.
    pub(super) fn bytes(&self) -> u64 {
        self.offset
    }

    /// Bytes of lines too long to be read.
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    pub(super) fn finish(self) -> (Stored, Vec<Error>, Left) {
        self.stream.finish()
    }

    pub(super) fn next(&mut self, format: &Format, progress: Progress<'_>) -> Option<Piece> {
        let mut want = BLOCK;
        loop {
            if self.filled < want && !self.ended {
                self.read(want, progress);
                continue;
            }
            if self.ended {
                return (self.filled > 0).then(|| self.take(self.filled));
            }
            let cut = frame::last_start(format, self.head());
            if cut > 0 {
                return Some(self.take(cut));
            }
            if self.filled >= MOST {
                match memchr::memrchr(b'\n', self.head()) {
                    Some(end) => return Some(self.take(end + 1)),
                    None => self.skip_line(progress),
                }
                want = BLOCK;
            } else {
                want = (want * 2).min(MOST);
            }
        }
    }

    /// Reads until there are `want` bytes of text.
    fn read(&mut self, want: usize, progress: Progress<'_>) {
        if self.buffer.len() < want {
            self.buffer.resize(want, 0);
        }
        let count = self.stream.fill(self.buffer.get_mut(self.filled..want).unwrap_or_default());
        self.filled += count;
        progress(count as u64);
        self.ended = count == 0;
    }

    fn take(&mut self, length: usize) -> Piece {
        let rest = self.buffer.get(length..self.filled).unwrap_or_default();
        let mut next = self.pool.get(rest.len().max(BLOCK));
        if let Some(to) = next.get_mut(..rest.len()) {
            to.copy_from_slice(rest);
        }
        self.filled = rest.len();
        let buffer = std::mem::replace(&mut self.buffer, next);
        let piece = Piece { offset: self.offset, buffer, length, lines_before: std::mem::take(&mut self.lines_before) };
        self.offset += length as u64;
        piece
    }

    /// Drops an endless line up to its end.
    fn skip_line(&mut self, progress: Progress<'_>) {
        loop {
            let end = memchr::memchr(b'\n', self.head());
            let length = end.map_or(self.filled, |end| end + 1);
            self.buffer.copy_within(length..self.filled, 0);
            self.filled -= length;
            self.offset += length as u64;
            self.skipped += length as u64;
            if end.is_some() {
                self.lines_before += 1;
                return;
            }
            self.read(BLOCK, progress);
            if self.ended {
                return;
            }
        }
    }
}

/// True for data that is no text: a third of the first kilobytes are control characters, or a third are either those or no
/// UTF-8 (a run of NUL bytes at the very beginning, as `copytruncate` leaves it, does not count).
pub(super) fn is_binary(head: &[u8]) -> bool {
    let start = head.iter().take_while(|b| **b == 0).count();
    let look = head.get(start..).unwrap_or_default();
    let look = look.get(..8192).unwrap_or(look);
    let odd = look.iter().filter(|b| b.is_ascii_control() && !matches!(b, b'\n' | b'\r' | b'\t' | 0x1b)).count();
    // Text in an old encoding is no UTF-8 either, but holds no control characters.
    let broken: usize = look.utf8_chunks().map(|chunk| chunk.invalid().len()).sum();
    let noise = odd * 20 > look.len() && (odd + broken) * 10 > look.len() * 3;
    (look.is_empty() && start > 0) || odd * 3 > look.len() || noise
}
