//! What a reading leaves for the next one of the same logs: files that did not change are not read again, and files that
//! grew are read from the last block on.
//!
//! Blocks are cut where what stands before them says so, and only the last one of a file ends where the file ended: all
//! but that one are what a reading of the whole file would find.

use super::{Opened, SAMPLE, Shard, Strings};
use crate::source::grown::{Change, Print};
use crate::source::open::Stream;
use crate::source::{Input, Origin};
use std::collections::BTreeMap;

/// The sources of an earlier reading.
#[derive(Default)]
pub struct Kept {
    pub(super) sources: BTreeMap<String, KeptSource>,
    /// The texts that the shards' codes mean. Codes stay what they are: new texts are added behind.
    pub(super) strings: Strings,
}

/// A source as it was read.
#[derive(Clone)]
pub(super) struct KeptSource {
    parts: Vec<Origin>,
    prints: Vec<Print>,
    pub(super) opened: Opened,
    /// Its blocks as the workers left them, with the codes of [`Kept::strings`].
    pub(super) shards: Vec<Shard>,
}

/// How a source is read.
pub(super) enum Start {
    /// From its beginning.
    Whole,
    /// Not at all: this is what it was and is.
    Same(Box<KeptSource>),
    /// From where its last block begins; that block is left out here.
    On(Box<KeptSource>, u64, Box<Stream>),
}

impl Start {
    /// The blocks that are not read again.
    pub(super) fn shards(&self) -> &[Shard] {
        match self {
            Start::Whole => &[],
            Start::Same(source) | Start::On(source, ..) => &source.shards,
        }
    }
}

impl Kept {
    /// True before the first reading.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// How an input is to be read.
    pub(super) fn start(&self, input: &Input) -> Start {
        let Some(source) = self.sources.get(&input.path).filter(|source| source.parts == input.parts) else {
            return Start::Whole;
        };
        let Some((last, before)) = source.prints.split_last() else { return Start::Whole };
        if before.iter().any(|print| print.change() != Change::Same) {
            return Start::Whole;
        }
        match last.change() {
            Change::Same => Start::Same(Box::new(source.clone())),
            Change::Grown => source.read_on(input).unwrap_or(Start::Whole),
            Change::Other => Start::Whole,
        }
    }

    /// Forgets what is no longer there; inputs are sorted by path.
    pub(super) fn forget(&mut self, inputs: &[Input]) {
        self.sources.retain(|path, _| inputs.binary_search_by(|input| input.path.cmp(path)).is_ok());
    }

    /// Remembers what was read.
    pub(super) fn keep(&mut self, input: &Input, opened: &Opened, shards: &[Shard]) {
        let source = KeptSource::of(input, opened, shards);
        match source {
            Some(source) => drop(self.sources.insert(input.path.clone(), source)),
            None => drop(self.sources.remove(&input.path)),
        }
    }
}

impl KeptSource {
    /// `None` where the next reading has to begin anew.
    fn of(input: &Input, opened: &Opened, shards: &[Shard]) -> Option<KeptSource> {
        let left = opened.left.as_ref()?;
        let size = |origin: &Origin| match origin {
            Origin::File(path) | Origin::Member(path, _) => std::fs::metadata(path).ok().map(|meta| meta.len()),
            Origin::Stdin => None,
        };
        let (last, before) = input.parts.split_last()?;
        let mut prints = Vec::with_capacity(input.parts.len());
        for origin in before {
            prints.push(Print::take(origin, size(origin)?)?);
        }
        let read = i64::try_from(left.given).ok().and_then(|given| u64::try_from(given - left.base).ok())?;
        prints.push(Print::take(last, read)?);
        Some(KeptSource { parts: input.parts.clone(), prints, opened: opened.clone(), shards: shards.to_vec() })
    }

    /// Reads on, where the last block is far enough from the beginning, by which the format is told, and in the last file.
    fn read_on(&self, input: &Input) -> Option<Start> {
        let left = self.opened.left.as_ref()?;
        let at = self.shards.last()?.start;
        let in_last = i64::try_from(at).is_ok_and(|at| at >= left.base);
        if at < SAMPLE as u64 || !in_last || self.opened.skipped > 0 || self.opened.format.is_none() {
            return None;
        }
        let stream = Stream::resume(input, at, left).ok()?;
        let mut source = self.clone();
        source.shards.pop();
        Some(Start::On(Box::new(source), at, Box::new(stream)))
    }
}
