//! F2: from streams to shards of columns, with every byte accounted for.
//!
//! One thread opens, decompresses, hashes and cuts blocks at record boundaries; `-j` workers read them into shards.
//! Blocks are cut at the same places whatever `-j` is, and shards are put back in the order of their blocks, so the
//! result does not depend on the number of threads.

pub mod clock;
pub mod columns;
mod cut;
mod endpoint;
pub mod kept;
pub mod options;
pub mod pack;
mod partial;
mod recent;
mod shard;
mod statements;
pub mod strings;

use crate::error::Error;
use crate::source::Input;
use crate::source::find::Found;
use crate::source::open::{Left, Stored, Stream};
use backtrail_parsers::detect::{self, Format};
use backtrail_parsers::recognisers::Recognisers;
use backtrail_parsers::sample::Sample;
pub use columns::{IntCol, LongCol, Shard, TextCol};
use cut::{Piece, Pieces, Pool};
use kept::{Kept, Start};
pub use options::Options;
use partial::SoFar;
pub use shard::Reject;
use shard::Worker;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use strings::Strings;

/// How much of a file's beginning is looked at to recognise its format.
const SAMPLE: usize = 256 << 10;

/// A source, read.
#[derive(Debug)]
pub struct Read {
    /// The name under which it is reported.
    pub path: String,
    /// Hash, compression, parts.
    pub stored: Stored,
    /// Decompressed bytes.
    pub bytes: u64,
    /// The best layout's name.
    pub format: String,
    /// Envelopes from the outside in, joined by `+`, empty for none.
    pub envelope: String,
    /// Share of the sample that the format explains, 0 to 1.
    pub score: f64,
    /// Why this format was chosen.
    pub reasons: Vec<String>,
    /// Names of the layouts; shards refer to them by index.
    pub layouts: Vec<&'static str>,
    /// Rows, in the order of the file.
    pub shards: Vec<Shard>,
    /// Bytes of events, of rejects and between records; their sum is `bytes`.
    pub tally: Tally,
    /// How times became UTC.
    pub zone: clock::Zone,
}

/// Where the bytes of a source went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Bytes of records that became events.
    pub events: u64,
    /// Bytes of records that were rejected.
    pub rejects: u64,
    /// Bytes between records.
    pub separators: u64,
}

impl Tally {
    /// All bytes accounted for.
    pub fn sum(&self) -> u64 {
        self.events + self.rejects + self.separators
    }

    fn add(&mut self, other: Tally) {
        self.events += other.events;
        self.rejects += other.rejects;
        self.separators += other.separators;
    }
}

/// Everything that was read, and what could not be.
#[derive(Debug, Default)]
pub struct Ingested {
    /// The sources, sorted by path.
    pub sources: Vec<Read>,
    /// The texts that the shards' codes mean.
    pub strings: Strings,
    /// What could not be read, in the order of the sources.
    pub problems: Vec<Error>,
}

/// Called with the number of bytes read since the last call.
pub type Progress<'p> = &'p (dyn Fn(u64) + Sync);

/// Called with what has been read so far: rows without texts, and times that may still move.
pub type Partial<'p> = &'p (dyn Fn(Ingested) + Sync);

struct Job {
    source: usize,
    block: usize,
    format: Arc<Format>,
    piece: Piece,
}

#[derive(Clone)]
struct Opened {
    format: Option<Arc<Format>>,
    stored: Stored,
    bytes: u64,
    /// Bytes of lines too long to be read, which never reached a worker.
    skipped: u64,
    /// What the next reading can go on from; `None` where something went wrong.
    left: Option<Left>,
}

/// Reads every input. Never fails as a whole: what cannot be read is a problem, the rest is there.
pub fn ingest(found: Found, options: &Options, progress: Progress<'_>) -> Ingested {
    watched(found, options, progress, None, None)
}

/// The same, for who looks on (`partial`), or reads the same logs again and again and has `kept` what was there before.
pub fn watched(
    found: Found,
    options: &Options,
    progress: Progress<'_>,
    partial: Option<Partial<'_>>,
    mut kept: Option<&mut Kept>,
) -> Ingested {
    let recognisers = Recognisers::new();
    let Found { inputs, mut problems, .. } = found;
    let workers = options.threads.max(1);
    let (jobs_in, jobs_out) = sync_channel::<Job>(workers * 2);
    let jobs_out = Arc::new(Mutex::new(jobs_out));
    let (so_far, pool): (SoFar, Pool) = Default::default();
    let begin = |input: &Input| kept.as_ref().map_or(Start::Whole, |kept| kept.start(input));
    let starts: Vec<Start> = inputs.iter().map(begin).collect();
    let before: Vec<Vec<Shard>> = starts.iter().map(|start| start.shards().to_vec()).collect();
    let (ended, stopped) = channel::<()>();
    let (opened, sets) = std::thread::scope(|scope| {
        if let Some(tell) = partial {
            let (inputs, before, so_far) = (&inputs, &before, &so_far);
            scope.spawn(move || so_far.watch(inputs, before, options, &stopped, tell));
        }
        let threads: Vec<_> = (0..workers)
            .map(|number| {
                let (queue, done, pool) = (Arc::clone(&jobs_out), &so_far.done, &pool);
                let worker = Worker::new(number, &recognisers, options);
                scope.spawn(move || work(worker, &queue, pool, done))
            })
            .collect();
        let feeder = Feeder { options, jobs: &jobs_in, pool: &pool, so_far: &so_far, progress };
        let feed = |(source, (input, start))| feeder.feed(source, input, start);
        let opened: Vec<(Opened, Vec<Error>)> = inputs.iter().zip(starts).enumerate().map(feed).collect();
        drop(jobs_in);
        drop(ended);
        let sets: Vec<Strings> = threads.into_iter().map(|thread| thread.join().unwrap_or_default()).collect();
        (opened, sets)
    });
    let mut shards = so_far.done.into_inner().unwrap_or_default();
    let strings = one_set(sets, &mut shards, kept.as_deref_mut());
    let mut by_source: BTreeMap<usize, Vec<Shard>> = BTreeMap::new();
    by_source.extend(before.into_iter().enumerate());
    for ((source, _), shard) in shards {
        by_source.entry(source).or_default().push(shard);
    }
    let mut sources = Vec::new();
    for (index, (input, (opened, more))) in inputs.iter().zip(opened).enumerate() {
        let unreadable = !more.is_empty() && opened.bytes == 0;
        problems.extend(more);
        let shards = by_source.remove(&index).unwrap_or_default();
        if let Some(kept) = kept.as_deref_mut() {
            kept.keep(input, &opened, &shards);
        }
        if !unreadable {
            sources.push(assemble(input, opened, shards));
        }
    }
    if let Some(kept) = kept {
        kept.forget(&inputs);
    }
    clock::settle(&mut sources, options);
    Ingested { sources, strings, problems }
}

/// Makes one set of the workers' strings and tells every shard what its codes are in it. Where an earlier reading left a
/// set, that one is added to.
fn one_set(sets: Vec<Strings>, shards: &mut BTreeMap<(usize, usize), Shard>, kept: Option<&mut Kept>) -> Strings {
    let news: Vec<_> = shards.values().map(|shard| (shard.worker, shard.news.clone())).collect();
    let (strings, maps) = match kept {
        None => strings::merge(sets, &news),
        Some(kept) if kept.is_empty() => {
            let (strings, maps) = strings::merge(sets, &news);
            kept.strings = strings.clone();
            (strings, maps)
        }
        Some(kept) => {
            let maps = strings::extend(&mut kept.strings, &sets, &news);
            (kept.strings.clone(), maps)
        }
    };
    let maps: Vec<Option<Arc<[u32]>>> = maps.into_iter().map(|map| map.map(Arc::from)).collect();
    for shard in shards.values_mut() {
        shard.codes = maps.get(shard.worker).cloned().flatten();
    }
    strings
}

/// Reads inputs, cuts them into blocks and hands these to the workers.
struct Feeder<'f> {
    options: &'f Options,
    jobs: &'f SyncSender<Job>,
    pool: &'f Pool,
    so_far: &'f SoFar,
    progress: Progress<'f>,
}

impl Feeder<'_> {
    /// Reads one input to its end.
    fn feed(&self, source: usize, input: &Input, start: Start) -> (Opened, Vec<Error>) {
        match start {
            Start::Same(kept) => (kept.opened, Vec::new()),
            Start::On(kept, at, stream) => {
                let pieces = Pieces::from(*stream, at, self.pool, self.progress);
                self.cut(source, pieces, kept.opened.format, kept.shards.len(), Vec::new())
            }
            Start::Whole => {
                let pieces = Pieces::new(Stream::new(input), self.pool, self.progress);
                let (mut problems, mut format) = (Vec::new(), None);
                if cut::is_binary(pieces.head()) {
                    problems.push(Error::Binary(input.path.clone().into()));
                } else if !pieces.head().is_empty() {
                    let sample = match pieces.head().get(..SAMPLE) {
                        Some(part) => Sample::of_bytes(part),
                        None => Sample::of_whole(pieces.head()),
                    };
                    format = Some(Arc::new(detect::detect(&sample, &self.options.hints(&input.path))));
                }
                self.cut(source, pieces, format, 0, problems)
            }
        }
    }

    /// Hands out the blocks, the first of which has this number.
    fn cut(
        &self,
        source: usize,
        mut pieces: Pieces<'_>,
        format: Option<Arc<Format>>,
        mut block: usize,
        mut problems: Vec<Error>,
    ) -> (Opened, Vec<Error>) {
        if let Some(format) = &format {
            if let Ok(mut formats) = self.so_far.formats.lock() {
                formats.insert(source, Arc::clone(format));
            }
            while let Some(piece) = pieces.next(format, self.progress) {
                let job = Job { source, block, format: Arc::clone(format), piece };
                if self.jobs.send(job).is_err() {
                    break;
                }
                block += 1;
            }
        }
        let (bytes, skipped) = (pieces.bytes(), pieces.skipped());
        let (stored, more, left) = pieces.finish();
        problems.extend(more);
        let left = problems.is_empty().then_some(left);
        (Opened { format, stored, bytes, skipped, left }, problems)
    }
}

/// Takes jobs until there are no more; gives the texts of the shards that came of them.
fn work(
    mut worker: Worker<'_>,
    queue: &Mutex<Receiver<Job>>,
    pool: &Pool,
    done: &Mutex<BTreeMap<(usize, usize), Shard>>,
) -> Strings {
    loop {
        let Ok(job) = queue.lock().map_or(Err(()), |jobs| jobs.recv().map_err(drop)) else { return worker.into_strings() };
        let shard = worker.read(&job.format, &job.piece);
        pool.put(job.piece);
        if let Ok(mut done) = done.lock() {
            done.insert((job.source, job.block), shard);
        }
    }
}

/// Puts a source's shards together: line numbers run on from shard to shard, layouts share one list of names.
fn assemble(input: &Input, opened: Opened, mut shards: Vec<Shard>) -> Read {
    let mut tally = Tally { rejects: opened.skipped, ..Tally::default() };
    let mut lines = 0u32;
    let mut layouts: Vec<&'static str> = opened.format.iter().flat_map(|f| f.layouts.iter().map(|l| l.name)).collect();
    layouts.dedup();
    for shard in &mut shards {
        tally.add(shard.tally);
        shard.shift_lines(lines);
        lines = lines.saturating_add(shard.line_count);
        shard.rename_layouts(&mut layouts);
    }
    let format = opened.format;
    Read {
        path: input.path.clone(),
        stored: opened.stored,
        bytes: opened.bytes,
        format: format.as_ref().map_or("unknown", |f| f.name()).to_owned(),
        envelope: format.as_ref().map(|f| f.envelope_name()).unwrap_or_default(),
        score: format.as_ref().map_or(0.0, |f| f.score),
        reasons: format.as_ref().map(|f| f.reasons()).unwrap_or_default(),
        layouts,
        shards,
        tally,
        zone: clock::Zone::default(),
    }
}
