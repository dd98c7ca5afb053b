//! What has been read so far, for who looks on while the rest is read.
//!
//! A look takes over the blocks that are done, without their texts, which the workers still add to; the columns are
//! shared. It is taken again only after nine times as long as it took, so that looking on costs a tenth at the most.

use super::{Ingested, Opened, Shard, Strings, assemble, clock};
use crate::ingest::Options;
use crate::source::Input;
use crate::source::open::{Left, Stored};
use backtrail_parsers::detect::Format;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The first look is taken after this; small logs are whole by then.
const FIRST: Duration = Duration::from_millis(250);
/// The time between two looks, as a multiple of what a look takes.
const SHARE: u32 = 9;

/// The blocks that are done, by source and number, and the formats of the sources that were opened.
#[derive(Default)]
pub(super) struct SoFar {
    pub(super) done: Mutex<BTreeMap<(usize, usize), Shard>>,
    pub(super) formats: Mutex<BTreeMap<usize, Arc<Format>>>,
}

impl SoFar {
    /// The sources as far as they were read without a hole; `before` are the blocks that were there already.
    fn look(&self, inputs: &[Input], before: &[Vec<Shard>], options: &Options) -> Ingested {
        let formats = self.formats.lock().map(|formats| formats.clone()).unwrap_or_default();
        let mut shards = before.to_vec();
        if let Ok(done) = self.done.lock() {
            for ((source, block), shard) in &*done {
                if let Some(of) = shards.get_mut(*source).filter(|of| of.len() == *block) {
                    of.push(shard.clone());
                }
            }
        }
        let no_texts: Arc<[u32]> = Arc::from([]);
        let mut sources = Vec::new();
        for (index, (input, mut shards)) in inputs.iter().zip(shards).enumerate() {
            shards.iter_mut().for_each(|shard| shard.codes = Some(Arc::clone(&no_texts)));
            let bytes = shards.iter().map(|shard| shard.tally.sum()).sum();
            let format = formats.get(&index).cloned();
            let opened = Opened { format, stored: Stored::ahead(input), bytes, skipped: 0, left: None::<Left> };
            sources.push(assemble(input, opened, shards));
        }
        clock::settle(&mut sources, options);
        Ingested { sources, strings: Strings::default(), problems: Vec::new() }
    }

    /// Tells what there is, until `stopped` is closed.
    pub(super) fn watch(
        &self,
        inputs: &[Input],
        before: &[Vec<Shard>],
        options: &Options,
        stopped: &Receiver<()>,
        tell: &dyn Fn(Ingested),
    ) {
        let mut pause = FIRST;
        while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            let begin = Instant::now();
            let part = self.look(inputs, before, options);
            if part.sources.iter().any(|source| !source.shards.is_empty()) {
                tell(part);
            }
            pause = (begin.elapsed() * SHARE).max(FIRST);
        }
    }
}
