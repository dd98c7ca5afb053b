//! Messages of chosen rows, read again from their files: the event table keeps only a few of them.

use crate::error::Error;
use crate::source::reread::{self, Range};
use crate::table::{EventTable, RowId, Source};
use backtrail_parsers::detect::{Format, Hints, detect};
use backtrail_parsers::frame::{self, Sink, Span};
use backtrail_parsers::recognisers::Recognisers;
use backtrail_parsers::sample::Sample;
use backtrail_parsers::{Event, Reject, Stamp};
use std::collections::BTreeMap;

/// The beginning of a source on which its format is recognised.
const HEAD: u32 = 256 << 10;
/// Records are parsed in blocks of about this size.
const BLOCK: usize = 1 << 20;

/// Gives `each` the message of every row, with the row's position in `rows`, source by source in the order of their lines.
/// A row whose record no longer parses gives the record's text. Returned is what could not be read again.
pub fn read(table: &EventTable, rows: &[RowId], each: &mut dyn FnMut(usize, &[u8])) -> Vec<Error> {
    let all = table.rows();
    let mut by_source: BTreeMap<u32, Vec<(usize, Range)>> = BTreeMap::new();
    for (position, id) in rows.iter().enumerate() {
        let row = all.get(*id);
        let range = Range { offset: row.offset(), length: row.length() };
        by_source.entry(row.source_id()).or_default().push((position, range));
    }
    let recognisers = Recognisers::new();
    let mut problems = Vec::new();
    for (source, wanted) in by_source {
        if let Some(source) = table.sources.get(source as usize) {
            problems.append(&mut one_source(source, &wanted, &recognisers, each));
        }
    }
    problems
}

fn one_source(
    source: &Source,
    wanted: &[(usize, Range)],
    recognisers: &Recognisers,
    each: &mut dyn FnMut(usize, &[u8]),
) -> Vec<Error> {
    let mut ranges: Vec<Range> = wanted.iter().map(|(_, range)| *range).collect();
    let head = ranges.len();
    ranges.push(Range { offset: 0, length: HEAD });
    let whole = source.bytes <= u64::from(HEAD);
    // A layout that alone explains the source needs no second look; it may be one that the user named.
    let only = source.layouts.first().filter(|_| source.layouts.len() == 1).copied();
    let mut block = Block { format: None, recognisers, text: Vec::new(), starts: Vec::new() };
    let problems = reread::read(&source.stored.parts, &ranges, &mut |index, bytes| {
        if index == head {
            let sample = if whole { Sample::of_whole(bytes) } else { Sample::of_bytes(bytes) };
            block.format = Some(detect(&sample, &Hints { only, ..Hints::default() }));
            return;
        }
        if let Some((position, _)) = wanted.get(index) {
            block.starts.push((block.text.len(), *position));
            block.text.extend_from_slice(bytes);
            block.text.push(b'\n');
        }
        if block.text.len() >= BLOCK && block.format.is_some() {
            block.flush(each);
        }
    });
    block.flush(each);
    problems
}

/// Records put one behind the other, and where each begins.
struct Block<'r> {
    format: Option<Format>,
    recognisers: &'r Recognisers,
    text: Vec<u8>,
    starts: Vec<(usize, usize)>,
}

impl Block<'_> {
    fn flush(&mut self, each: &mut dyn FnMut(usize, &[u8])) {
        let mut found = Found { starts: &self.starts, given: vec![false; self.starts.len()], each };
        if let Some(format) = &self.format {
            frame::read(format, self.recognisers, &self.text, &mut found);
        }
        let given = found.given;
        for (at, (start, position)) in self.starts.iter().enumerate() {
            let end = self.starts.get(at + 1).map_or(self.text.len(), |(next, _)| *next);
            if given.get(at) == Some(&false) {
                each(*position, self.text.get(*start..end).unwrap_or_default().trim_ascii_end());
            }
        }
        self.text.clear();
        self.starts.clear();
    }
}

struct Found<'b> {
    starts: &'b [(usize, usize)],
    given: Vec<bool>,
    each: &'b mut dyn FnMut(usize, &[u8]),
}

impl Sink for Found<'_> {
    fn event(&mut self, event: &Event<'_>, _: Stamp, _: usize, span: Span) {
        let Some(at) = self.starts.partition_point(|(start, _)| *start <= span.offset).checked_sub(1) else { return };
        if let (Some(given), Some((_, position))) = (self.given.get_mut(at), self.starts.get(at))
            && !std::mem::replace(given, true)
        {
            (self.each)(*position, event.message);
        }
    }

    fn reject(&mut self, _: Reject, _: Span) {}

    fn separator(&mut self, _: usize) {}
}
