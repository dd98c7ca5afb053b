//! How fast each format is read: its own samples, repeated to a few megabytes, through recognition, framing, layout and
//! recognisers. `cargo bench -p backtrail-parsers` shows all, `cargo bench -p backtrail-parsers -- haproxy` one.
//!
//! The list follows from the registry: a new format is measured as soon as it has samples.

use backtrail_parsers::envelopes::ENVELOPES;
use backtrail_parsers::frame::{self, Sink, Span};
use backtrail_parsers::layouts::LAYOUTS;
use backtrail_parsers::recognisers::{RECOGNISERS, Recognisers};
use backtrail_parsers::sample::Sample;
use backtrail_parsers::{Event, Reject, Stamp, detect};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use std::path::Path;

/// Bytes that a format's samples are repeated to.
const SIZE: usize = 4 << 20;

fn main() {
    divan::main();
}

/// Counts, so that nothing of an event is left out as unused.
#[derive(Default)]
struct Count {
    events: usize,
    bytes: usize,
}

impl Sink for Count {
    fn event(&mut self, event: &Event<'_>, _: Stamp, _: usize, span: Span) {
        black_box(event);
        self.events += 1;
        self.bytes += span.bytes;
    }

    fn reject(&mut self, _: Reject, span: Span) {
        self.bytes += span.bytes;
    }

    fn separator(&mut self, bytes: usize) {
        self.bytes += bytes;
    }
}

/// Every format of the registry, by name.
fn names() -> impl Iterator<Item = &'static str> {
    let layouts = LAYOUTS.iter().map(|spec| spec.name);
    layouts.chain(ENVELOPES.iter().map(|spec| spec.name)).chain(RECOGNISERS.iter().map(|spec| spec.name))
}

/// The ordinary lines of a format again and again; `None` where it has no samples.
fn text(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs/formats").join(name).join("basic.log");
    let mut once = std::fs::read(path).ok().filter(|bytes| !bytes.is_empty())?;
    if once.last() != Some(&b'\n') {
        once.push(b'\n');
    }
    Some(once.repeat(SIZE / once.len() + 1))
}

#[divan::bench(args = names(), sample_count = 10)]
fn read(bencher: Bencher<'_, '_>, name: &str) {
    let Some(text) = text(name) else { return };
    let once = text.get(..256 << 10).unwrap_or(&text);
    let format = detect::detect(&Sample::of_bytes(once), &detect::Hints::default());
    let recognisers = Recognisers::new();
    bencher.counter(BytesCount::of_slice(&text)).bench_local(|| {
        let mut count = Count::default();
        frame::read(&format, &recognisers, black_box(&text), &mut count);
        assert_eq!(count.bytes, text.len());
        count.events
    });
}
