//! Measures how fast files are read, one thread, without anything that keeps what was read:
//!
//! ```text
//! cargo run --release -p backtrail-parsers --example speed -- FILE…
//! ```

#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

use backtrail_parsers::detect::{Hints, detect};
use backtrail_parsers::frame::{Sink, Span, read};
use backtrail_parsers::recognisers::Recognisers;
use backtrail_parsers::sample::Sample;
use backtrail_parsers::{Event, Reject, Stamp};
use std::time::Instant;

#[derive(Default)]
struct Count {
    events: usize,
    rejects: usize,
    kinds: usize,
}

impl Sink for Count {
    fn event(&mut self, event: &Event<'_>, _: Stamp, _: usize, _: Span) {
        self.events += 1;
        self.kinds += usize::from(event.kind.code());
    }
    fn reject(&mut self, _: Reject, _: Span) {
        self.rejects += 1;
    }
    fn separator(&mut self, _: usize) {}
}

fn main() {
    let recognisers = Recognisers::new();
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).expect("readable file");
        let head = bytes.get(..bytes.len().min(256 << 10)).unwrap_or_default();
        let format = detect(&Sample::of_bytes(head), &Hints::default());
        let mut best = f64::MAX;
        let mut count = Count::default();
        for _ in 0..5 {
            count = Count::default();
            let start = Instant::now();
            read(&format, &recognisers, &bytes, &mut count);
            best = best.min(start.elapsed().as_secs_f64());
        }
        println!(
            "{path}: {} {:.0} MB/s, {} events, {} rejects, {:.0} ns an event ({})",
            format.name(),
            bytes.len() as f64 / best / 1e6,
            count.events,
            count.rejects,
            best * 1e9 / count.events.max(1) as f64,
            count.kinds
        );
    }
}
