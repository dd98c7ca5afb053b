//! Records inside envelopes. Lines of several streams interleave: each stream has a lane, in which its record grows.
//!
//! A record of one line is never copied: a lane remembers where in the block it stands. Only what grows, and what an
//! envelope had to unescape, is copied into the lane.

use super::{Found, MAX_LINE, MAX_RECORD, Reader, Sink, Span, classify, line_at, strays, unwrap};
use crate::envelope::Wrapped;
use crate::event::Arena;
use crate::reject::{Reason, Reject};
use crate::severity::Severity;
use crate::stamp::Stamp;

/// The lane of the lines that wear no envelope.
const BARE: &[u8] = b"\0bare";
/// Lanes with an unfinished record at one time.
const MAX_LANES: usize = 64;
/// A piece of a line that waits longer than this for the next one has lost it (the container was restarted).
const PIECE_WAITS: u64 = 60_000_000_000;

/// Bytes that outlive the line they came with: a place in the block where they stand there, else a copy.
#[derive(Default)]
pub(super) struct Held {
    start: usize,
    end: usize,
    copy: Vec<u8>,
    copied: bool,
}

impl Held {
    fn set(&mut self, block: &[u8], bytes: &[u8]) {
        let inside = bytes.as_ptr().addr().checked_sub(block.as_ptr().addr()).filter(|at| at + bytes.len() <= block.len());
        self.copy.clear();
        match inside {
            _ if bytes.is_empty() => (self.start, self.end, self.copied) = (0, 0, false),
            Some(at) => (self.start, self.end, self.copied) = (at, at + bytes.len(), false),
            None => {
                self.copy.extend_from_slice(bytes);
                self.copied = true;
            }
        }
    }

    /// The bytes; `block` is the one they were set in.
    pub(super) fn get<'b>(&'b self, block: &'b [u8]) -> &'b [u8] {
        if self.copied { &self.copy } else { block.get(self.start..self.end).unwrap_or_default() }
    }

    fn push_line(&mut self, block: &[u8], line: &[u8]) {
        if !self.copied {
            self.copy.extend_from_slice(block.get(self.start..self.end).unwrap_or_default());
            self.copied = true;
        }
        if self.copy.len() < MAX_RECORD {
            self.copy.push(b'\n');
            self.copy.extend_from_slice(line);
        }
    }
}

/// The lines that something is made of; its span grows only while they touch.
#[derive(Clone, Copy, Default)]
struct Extent {
    span: Span,
    /// Offset just behind the last line that touches.
    touched: usize,
}

impl Extent {
    fn of(span: Span) -> Extent {
        Extent { span, touched: span.offset + span.bytes }
    }

    fn add(&mut self, more: Extent) {
        self.span.bytes += more.span.bytes;
        if self.touched == more.span.offset {
            self.span.length = more.span.offset + more.span.length - self.span.offset;
            self.touched = more.touched;
        }
    }
}

/// What an envelope says about a line besides its text.
#[derive(Clone, Copy, Default)]
struct About {
    stamp: Stamp,
    severity: Severity,
}

/// One stream's record that may still grow.
#[derive(Default)]
pub(super) struct Lane {
    key: Held,
    /// See [`Wrapped::host`].
    pub(super) host: Held,
    /// See [`Wrapped::service`].
    pub(super) service: Held,
    /// See [`Wrapped::pid`].
    pub(super) pid: u32,
    /// The envelope's severity of the record's first line.
    pub(super) severity: Severity,
    /// The envelope's time of the record's first line.
    pub(super) stamp: Stamp,
    /// The layout of the open record; `None` where none is open.
    layout: Option<usize>,
    text: Held,
    extent: Extent,
    /// Pieces of a line that goes on.
    pieces: Vec<u8>,
    pieces_of: Option<(Extent, About)>,
    /// Tick of last use.
    used: u64,
}

impl Reader<'_> {
    /// Reads a block of a file whose lines wear envelopes; gives the number of lines.
    pub(super) fn wrapped(&mut self, block: &[u8], sink: &mut dyn Sink) -> u32 {
        let mut lanes: Vec<Lane> = Vec::new();
        let (mut at, mut number, mut tick, mut last) = (0usize, 0u32, 0u64, 0usize);
        let mut scratch = Arena::new();
        while at < block.len() {
            let (line, next) = line_at(block, at);
            let span = Span { offset: at, length: line.len(), line: number, bytes: next - at };
            (at, number, tick) = (next, number + 1, tick + 1);
            scratch.reset();
            if line.trim_ascii_start().is_empty() {
                sink.separator(span.bytes);
            } else if line.len() > MAX_LINE {
                sink.reject(Reject::new(Reason::TooLong, 0), span);
            } else if let Some((wrapped, stamp)) = unwrap(self.format, line, &scratch) {
                last = self.lane(block, &mut lanes, last, &wrapped, tick, sink);
                self.put(block, &mut lanes, last, &wrapped, stamp, span, sink);
            } else if !self.goes_on(block, lanes.get_mut(last), line, span) {
                let bare = Wrapped { inner: line, lane: BARE, ..Wrapped::default() };
                last = self.lane(block, &mut lanes, last, &bare, tick, sink);
                self.put(block, &mut lanes, last, &bare, Stamp::NONE, span, sink);
            }
        }
        for lane in &mut lanes {
            self.whole(block, lane, sink);
        }
        lanes.sort_by_key(|lane| lane.extent.span.offset);
        for lane in &mut lanes {
            self.flush(block, lane, sink);
        }
        number
    }

    /// A line without an envelope goes on the record of the line above where the transport keeps line ends.
    fn goes_on(&self, block: &[u8], lane: Option<&mut Lane>, line: &[u8], span: Span) -> bool {
        let Some(lane) = lane.filter(|lane| lane.layout.is_some() && lane.pieces_of.is_none()) else { return false };
        let layout = match classify(self.format, &self.format.order, line) {
            Found::Start(layout) => layout,
            _ => usize::MAX,
        };
        let strays = strays(self.format, layout);
        if strays {
            lane.text.push_line(block, line);
            lane.extent.add(Extent::of(span));
        }
        strays
    }

    /// The lane of a line, most often the one of the line above; a new one takes the place of the one longest unused.
    fn lane(
        &mut self,
        block: &[u8],
        lanes: &mut Vec<Lane>,
        last: usize,
        wrapped: &Wrapped<'_>,
        tick: u64,
        sink: &mut dyn Sink,
    ) -> usize {
        let same = |l: &Lane| {
            l.pid == wrapped.pid
                && l.key.get(block) == wrapped.lane
                && l.service.get(block) == wrapped.service
                && l.host.get(block) == wrapped.host
        };
        let found = if lanes.get(last).is_some_and(same) { Some(last) } else { lanes.iter().position(same) };
        let index = found.unwrap_or_else(|| {
            if lanes.len() < MAX_LANES {
                lanes.push(Lane::default());
                return lanes.len() - 1;
            }
            lanes.iter().enumerate().min_by_key(|(_, lane)| lane.used).map_or(0, |(index, _)| index)
        });
        if let Some(lane) = lanes.get_mut(index) {
            if found.is_none() {
                self.whole(block, lane, sink);
                self.flush(block, lane, sink);
                lane.key.set(block, wrapped.lane);
                lane.service.set(block, wrapped.service);
                lane.host.set(block, wrapped.host);
                lane.pid = wrapped.pid;
            }
            lane.used = tick;
        }
        index
    }

    #[expect(clippy::too_many_arguments, reason = "a line, where it goes and where the result goes")]
    fn put(
        &mut self,
        block: &[u8],
        lanes: &mut [Lane],
        index: usize,
        wrapped: &Wrapped<'_>,
        stamp: Stamp,
        span: Span,
        sink: &mut dyn Sink,
    ) {
        let Some(lane) = lanes.get_mut(index) else { return };
        let about = About { stamp, severity: wrapped.severity };
        if lane.pieces_of.is_some_and(|(_, first)| lost(first.stamp, stamp)) {
            self.whole(block, lane, sink);
        }
        if !wrapped.partial && lane.pieces_of.is_none() {
            self.line(block, lane, wrapped.inner, about, Extent::of(span), sink);
            return;
        }
        let (extent, _) =
            lane.pieces_of.get_or_insert((Extent { touched: span.offset, span: Span { bytes: 0, ..span } }, about));
        extent.add(Extent::of(span));
        if lane.pieces.len() < MAX_LINE {
            lane.pieces.extend_from_slice(wrapped.inner);
        }
        if !wrapped.partial {
            self.whole(block, lane, sink);
        }
    }

    /// A line that came in pieces is whole, or will never be.
    fn whole(&mut self, block: &[u8], lane: &mut Lane, sink: &mut dyn Sink) {
        if let Some((extent, about)) = lane.pieces_of.take() {
            let mut pieces = std::mem::take(&mut lane.pieces);
            self.line(block, lane, &pieces, about, extent, sink);
            pieces.clear();
            lane.pieces = pieces;
        }
    }

    fn line(&mut self, block: &[u8], lane: &mut Lane, line: &[u8], about: About, extent: Extent, sink: &mut dyn Sink) {
        if line.trim_ascii_start().is_empty() {
            if lane.layout.is_some() {
                lane.text.push_line(block, b"");
                lane.extent.add(extent);
            } else {
                sink.separator(extent.span.bytes);
            }
            return;
        }
        let stream = self.format.stream(lane.service.get(block));
        let found = classify(self.format, stream, line);
        let goes_on = lane.layout.is_some_and(|open| match found {
            Found::Start(layout) => self.joins(open, layout, lane.text.get(block), line),
            Found::Continue(layout) => self.continues(open, layout, line),
            _ => false,
        });
        if goes_on {
            lane.text.push_line(block, line);
            lane.extent.add(extent);
            return;
        }
        self.flush(block, lane, sink);
        let vouched = if lane.key.get(block) == BARE { &[] } else { stream };
        match found.alone(self.format, vouched, line) {
            Found::Start(layout) => {
                lane.text.set(block, line);
                (lane.severity, lane.stamp) = (about.severity, about.stamp);
                (lane.extent, lane.layout) = (extent, Some(layout));
            }
            Found::Separator => sink.separator(extent.span.bytes),
            _ => sink.reject(Reject::new(Reason::NoLayout, 0), extent.span),
        }
    }

    fn flush(&mut self, block: &[u8], lane: &mut Lane, sink: &mut dyn Sink) {
        if let Some(layout) = lane.layout.take() {
            self.emit(layout, lane.text.get(block).trim_ascii_end(), Some((lane, block)), lane.extent.span, sink);
        }
    }
}

fn lost(first: Stamp, next: Stamp) -> bool {
    first.written == next.written && first.is_some() && first.nanos.abs_diff(next.nanos) > PIECE_WAITS
}
