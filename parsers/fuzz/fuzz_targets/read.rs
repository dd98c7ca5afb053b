//! Any bytes as a log: no panic, and every byte accounted for.
//!
//! `cargo +nightly fuzz run read` in `parsers/`; the folders of `sample-logs/formats` make good seeds.

#![no_main]

use backtrail_parsers::detect::{Hints, detect};
use backtrail_parsers::frame::{Sink, Span, read};
use backtrail_parsers::recognisers::Recognisers;
use backtrail_parsers::sample::Sample;
use backtrail_parsers::{Event, Reject, Stamp};
use std::sync::LazyLock;

static RECOGNISERS: LazyLock<Recognisers> = LazyLock::new(Recognisers::new);

struct Bytes(usize);

impl Sink for Bytes {
    fn event(&mut self, event: &Event<'_>, _: Stamp, _: usize, span: Span) {
        let _ = event.fields();
        self.0 += span.bytes;
    }

    fn reject(&mut self, _: Reject, span: Span) {
        self.0 += span.bytes;
    }

    fn separator(&mut self, bytes: usize) {
        self.0 += bytes;
    }
}

libfuzzer_sys::fuzz_target!(|text: &[u8]| {
    let format = detect(&Sample::of_whole(text), &Hints::default());
    let mut bytes = Bytes(0);
    read(&format, &RECOGNISERS, text, &mut bytes);
    assert_eq!(bytes.0, text.len());
});
