//! Lines to records: joins what a transport split, keeps stack traces with their message, and hands every byte on as
//! part of an event, of a reject or of a separator.

mod lanes;
#[cfg(test)]
mod tests;

use crate::detect::Format;
use crate::envelope::Wrapped;
use crate::event::{Arena, Event};
use crate::layout::Line;
use crate::recognisers::{Names, Recognisers};
use crate::reject::{Reason, Reject};
use crate::severity::Severity;
use crate::stamp::Stamp;
use lanes::Lane;

/// A line longer than this is a reject: one record must not take a machine's memory with it.
pub const MAX_LINE: usize = 1 << 20;
/// A record stops growing at this many bytes; further lines are still accounted to it.
const MAX_RECORD: usize = 4 << 20;

/// Where a record stands in its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Byte offset of the record's first line in the block.
    pub offset: usize,
    /// Bytes from there to the end of its last contiguous line, without that line's end.
    pub length: usize,
    /// Zero-based number of its first line in the block.
    pub line: u32,
    /// All bytes that belong to it, line ends included, also those of lines that do not touch the first one.
    pub bytes: usize,
}

/// Takes what a block holds.
pub trait Sink {
    /// An event. `envelope` is the stamp of the first envelope around it; `layout` indexes the format's layouts.
    fn event(&mut self, event: &Event<'_>, envelope: Stamp, layout: usize, span: Span);
    /// A record that could not be read.
    fn reject(&mut self, reject: Reject, span: Span);
    /// Bytes between records (blank lines).
    fn separator(&mut self, bytes: usize);
}

/// Where a block may be cut: the offset of the last line that begins a record outside any envelope's unfinished lane, or
/// 0 where there is none. Reading `block[..cut]` and then the rest gives the records that reading all of it would.
pub fn last_start(format: &Format, block: &[u8]) -> usize {
    if format.sequential {
        return 0;
    }
    let arena = Arena::new();
    let mut end = block.len();
    while let Some(newline) = memchr::memrchr(b'\n', block.get(..end).unwrap_or_default()) {
        let line = line_at(block, newline + 1).0;
        if !line.is_empty()
            && newline + 1 < block.len()
            && starts_record(format, line, &arena)
            && !joined(format, block, newline)
        {
            return newline + 1;
        }
        end = newline;
    }
    0
}

fn starts_record(format: &Format, line: &[u8], arena: &Arena) -> bool {
    match unwrap(format, line, arena) {
        Some((wrapped, _)) => {
            !wrapped.partial && matches!(classify(format, format.stream(wrapped.service), wrapped.inner), Found::Start(_))
        }
        None => match classify(format, &format.order, line) {
            Found::Start(layout) => !strays(format, layout),
            _ => false,
        },
    }
}

/// True where the line behind the line end at `newline` belongs to the record that the line before it is part of,
/// although it would begin one.
fn joined(format: &Format, block: &[u8], newline: usize) -> bool {
    let text = block.get(..newline).unwrap_or_default().trim_ascii_end();
    let above = text.get(memchr::memrchr(b'\n', text).map_or(0, |n| n + 1)..).unwrap_or_default();
    format.layouts.iter().any(|row| row.layout.joins(above, line_at(block, newline + 1).0))
}

/// Does a line that wears no envelope, and that only the layout of this index would begin, go on the line above? It does
/// where the transport keeps line ends, unless it has the shape of a record of its own.
fn strays(format: &Format, layout: usize) -> bool {
    format.envelopes.first().is_some_and(|e| e.envelope.keeps_line_ends())
        && format.layouts.get(layout).is_none_or(|row| row.weight <= 1)
}

/// The line at `from` without its end, and the offset behind its end.
fn line_at(block: &[u8], from: usize) -> (&[u8], usize) {
    let rest = block.get(from..).unwrap_or_default();
    let (line, next) = match memchr::memchr(b'\n', rest) {
        Some(end) => (rest.get(..end).unwrap_or_default(), from + end + 1),
        None => (rest, block.len()),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), next)
}

/// Takes a line out of all its envelopes; the outermost stamp that there is comes along. `None` where the format has
/// envelopes and the line does not wear the outermost one.
fn unwrap<'a>(format: &Format, line: &'a [u8], arena: &'a Arena) -> Option<(Wrapped<'a>, Stamp)> {
    let mut out = Wrapped { inner: line, ..Wrapped::default() };
    let mut stamp = Stamp::NONE;
    for (depth, envelope) in format.envelopes.iter().enumerate() {
        let Some(inner) = envelope.envelope.unwrap(out.inner, arena) else {
            if depth == 0 {
                return None;
            }
            break;
        };
        if !stamp.is_some() {
            stamp = inner.stamp;
        }
        let keep = |old: &'a [u8], new: &'a [u8]| if new.is_empty() { old } else { new };
        out = Wrapped {
            inner: inner.inner,
            stamp: inner.stamp,
            host: keep(out.host, inner.host),
            service: keep(out.service, inner.service),
            lane: keep(out.lane, inner.lane),
            pid: if inner.pid == 0 { out.pid } else { inner.pid },
            severity: if inner.severity == Severity::NONE { out.severity } else { inner.severity },
            partial: out.partial || inner.partial,
        };
    }
    Some((out, stamp))
}

/// What a line is to the layouts of its stream.
#[derive(Clone, Copy)]
enum Found {
    /// It begins a record of the layout with this index.
    Start(usize),
    /// It goes on a record; the layout with this index would take it.
    Continue(usize),
    /// It belongs to a layout but to no record.
    Separator,
    /// Nobody knows it.
    Nothing,
}

impl Found {
    /// What a line is where no record is open that it could go on: the last resort begins one even with an indented line.
    /// Inside an envelope the last resort of `stream` takes what another layout would only continue: the line was written as one.
    fn alone(self, format: &Format, stream: &[usize], line: &[u8]) -> Found {
        let Found::Continue(layout) = self else { return self };
        if is_resort(format, layout) {
            Found::Start(layout)
        } else if format.layouts.get(layout).is_some_and(|row| row.layout.skips(line)) {
            Found::Separator
        } else {
            resort(format, stream).map_or(self, Found::Start)
        }
    }
}

fn is_resort(format: &Format, layout: usize) -> bool {
    format.layouts.get(layout).is_some_and(|row| row.weight <= 1)
}

/// The layout of a stream that takes any line, if it has one.
fn resort(format: &Format, stream: &[usize]) -> Option<usize> {
    stream.iter().copied().find(|layout| is_resort(format, *layout))
}

/// Which layout of the stream a line belongs to, and as what. A line that a layout starts wins over one that another
/// would continue.
fn classify(format: &Format, stream: &[usize], line: &[u8]) -> Found {
    let mut found = Found::Nothing;
    for layout in stream {
        let Some(row) = format.layouts.get(*layout) else { continue };
        match row.layout.line(line) {
            // The last resort begins a record on any line: it must not tear a stack trace apart.
            Line::Start if row.weight > 1 || matches!(found, Found::Nothing) => return Found::Start(*layout),
            Line::Continue if !matches!(found, Found::Continue(_)) => found = Found::Continue(*layout),
            Line::Foreign if matches!(found, Found::Nothing) && row.layout.skips(line) => found = Found::Separator,
            _ => {}
        }
    }
    found
}

/// Reads a block: `block` begins at a record and ends at one (or at the end of the source). Gives its number of lines.
pub fn read(format: &Format, recognisers: &Recognisers, block: &[u8], sink: &mut dyn Sink) -> u32 {
    let mut reader = Reader { format, recognisers, names: Names::default(), arena: Arena::new() };
    if format.envelopes.is_empty() { reader.bare(block, sink) } else { reader.wrapped(block, sink) }
}

struct Reader<'f> {
    format: &'f Format,
    recognisers: &'f Recognisers,
    names: Names,
    arena: Arena,
}

/// A record that may still grow, outside envelopes: a slice of the block.
#[derive(Clone, Copy)]
struct Open {
    layout: usize,
    start: usize,
    /// End of the text, without the line end.
    end: usize,
    line: u32,
}

impl Open {
    fn text<'b>(&self, block: &'b [u8]) -> &'b [u8] {
        block.get(self.start..self.end).unwrap_or_default()
    }
}

impl Reader<'_> {
    fn emit(&mut self, layout: usize, record: &[u8], lane: Option<(&Lane, &[u8])>, span: Span, sink: &mut dyn Sink) {
        self.arena.reset();
        let Some(row) = self.format.layouts.get(layout) else { return };
        let mut event = Event::default();
        let mut stamp = Stamp::NONE;
        if let Some((lane, block)) = lane {
            event.host = lane.host.get(block);
            event.service = lane.service.get(block);
            event.pid = lane.pid;
            event.severity = lane.severity;
            stamp = lane.stamp;
        }
        match row.layout.parse(record, &self.arena, &mut event) {
            Ok(()) => {
                self.recognisers.apply(row.layout.domain(), &mut self.names, &mut event, &self.arena);
                sink.event(&event, stamp, layout, span);
            }
            Err(reject) => sink.reject(reject, span),
        }
    }

    fn bare(&mut self, block: &[u8], sink: &mut dyn Sink) -> u32 {
        let mut open: Option<Open> = None;
        let (mut at, mut number) = (0usize, 0u32);
        while at < block.len() {
            let (line, next) = line_at(block, at);
            if line.trim_ascii().is_empty() {
                // A blank line inside a record belongs to it; whether it is inside shows at the next line.
                if open.is_none() {
                    sink.separator(next - at);
                }
            } else if line.len() > MAX_LINE {
                self.close(block, open.take(), at, sink);
                sink.reject(
                    Reject::new(Reason::TooLong, 0),
                    Span { offset: at, length: line.len(), line: number, bytes: next - at },
                );
            } else {
                let span = Span { offset: at, length: line.len(), line: number, bytes: next - at };
                let found = classify(self.format, &self.format.order, line);
                let found = match open {
                    None => found.alone(self.format, &[], line),
                    Some(record) => self.beside(record.layout, found, line),
                };
                match found {
                    Found::Start(layout) if open.is_some_and(|o| self.joins(o.layout, layout, o.text(block), line)) => {
                        open = open.map(|record| Open { end: at + line.len(), ..record });
                    }
                    Found::Start(layout) => {
                        self.close(block, open.take(), at, sink);
                        open = Some(Open { layout, start: at, end: at + line.len(), line: number });
                    }
                    Found::Continue(layout) if open.is_some_and(|o| self.continues(o.layout, layout, line)) => {
                        open = open.map(|record| Open { end: at + line.len(), ..record });
                    }
                    Found::Separator => {
                        self.close(block, open.take(), at, sink);
                        sink.separator(span.bytes);
                    }
                    _ => {
                        self.close(block, open.take(), at, sink);
                        sink.reject(Reject::new(Reason::NoLayout, 0), span);
                    }
                }
            }
            at = next;
            number += 1;
        }
        self.close(block, open, block.len(), sink);
        number
    }

    /// Does a line that `layout` would continue belong to the open record of layout `open`?
    fn continues(&self, open: usize, layout: usize, line: &[u8]) -> bool {
        open == layout
            || self.format.layouts.get(open).is_some_and(|l| l.layout.keeps_text() || l.layout.line(line) == Line::Continue)
    }

    /// What a line is that goes on, but not on the open record (a bare `print` below another logger's line): a record of
    /// the last resort, where the file has one.
    fn beside(&self, open: usize, found: Found, line: &[u8]) -> Found {
        match found {
            Found::Continue(layout) if !self.continues(open, layout, line) => {
                resort(self.format, &self.format.order).map_or(found, Found::Start)
            }
            _ => found,
        }
    }

    /// Does a line that begins a record of `layout` belong to the open record of layout `open` all the same?
    fn joins(&self, open: usize, layout: usize, record: &[u8], line: &[u8]) -> bool {
        open == layout && self.format.layouts.get(open).is_some_and(|row| row.layout.joins(record, line))
    }

    /// Ends the open record; blank lines between its text and `until` are separators.
    fn close(&mut self, block: &[u8], open: Option<Open>, until: usize, sink: &mut dyn Sink) {
        let Some(open) = open else { return };
        let after = memchr::memchr(b'\n', block.get(open.end..).unwrap_or_default()).map_or(block.len(), |n| open.end + n + 1);
        let bytes = after.min(until).max(open.end) - open.start;
        let span = Span { offset: open.start, length: open.end - open.start, line: open.line, bytes };
        let record = open.text(block);
        let record = record.get(..MAX_RECORD).unwrap_or(record);
        self.emit(open.layout, record, None, span, sink);
        if until > open.start + bytes {
            sink.separator(until - open.start - bytes);
        }
    }
}
