//! Reads files with the parsers alone and prints what they see, for those who write a format:
//!
//! ```text
//! cargo run -p backtrail-parsers --example detect -- FILE…              one paragraph a record
//! cargo run -p backtrail-parsers --example detect -- detect --format json FILE   counts, as `backtrail detect` gives them
//! ```

#![expect(clippy::print_stdout, reason = "a tool for the terminal")]

use backtrail_parsers::detect::{Format, Hints, detect};
use backtrail_parsers::frame::{Sink, Span, read};
use backtrail_parsers::recognisers::Recognisers;
use backtrail_parsers::sample::Sample;
use backtrail_parsers::{Event, Reject, Stamp};
use std::collections::BTreeMap;

#[derive(Default)]
struct Tally {
    print: bool,
    records: usize,
    rejected: usize,
    stamps: Vec<Stamp>,
    severities: BTreeMap<&'static str, usize>,
    kinds: BTreeMap<&'static str, usize>,
}

impl Sink for Tally {
    fn event(&mut self, event: &Event<'_>, envelope: Stamp, layout: usize, span: Span) {
        self.records += 1;
        let stamp = if event.stamp.is_some() { event.stamp } else { envelope };
        if stamp.is_some() {
            self.stamps.push(stamp);
        }
        *self.severities.entry(event.severity.name()).or_default() += 1;
        *self.kinds.entry(event.kind.name()).or_default() += 1;
        if self.print {
            println!("{} layout {layout}", span.line + 1);
            for (name, value) in event.fields() {
                println!("    {name} = {}", value.escape_debug());
            }
            for (key, value) in event.attrs {
                println!("    @{} = {}", key.escape_ascii(), value.escape_ascii());
            }
        }
    }

    fn reject(&mut self, reject: Reject, span: Span) {
        self.rejected += 1;
        if self.print {
            println!("{} REJECT {} at {}", span.line + 1, reject.reason.text(), reject.at);
        }
    }

    fn separator(&mut self, _: usize) {}
}

fn tally(bytes: &[u8], print: bool) -> (Format, Tally) {
    let head = bytes.get(..bytes.len().min(256 << 10)).unwrap_or_default();
    let sample = if head.len() == bytes.len() { Sample::of_whole(head) } else { Sample::of_bytes(head) };
    let format = detect(&sample, &Hints::default());
    let mut tally = Tally { print, ..Tally::default() };
    read(&format, &Recognisers::new(), bytes, &mut tally);
    (format, tally)
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let json = arguments.first().is_some_and(|a| a == "detect" || a == "report");
    for path in arguments.iter().skip(if json { 3 } else { 0 }) {
        let bytes = std::fs::read(path).expect("readable file");
        let (format, tally) = tally(&bytes, !json);
        let ends = |pick: fn(&[Stamp]) -> Option<Stamp>| {
            pick(&tally.stamps).map(backtrail_parsers::prim::time::show).unwrap_or_default()
        };
        let first = ends(|s| s.iter().copied().min_by_key(|s| s.nanos));
        let last = ends(|s| s.iter().copied().max_by_key(|s| s.nanos));
        let kind = |name: &str| tally.kinds.get(name).copied().unwrap_or(0);
        if !json {
            println!("{path}: {} envelope {:?} score {:.2}", format.name(), format.envelope_name(), format.score);
            format.reasons().iter().for_each(|reason| println!("  {reason}"));
            println!("{} records, {} rejected, {first} to {last}", tally.records, tally.rejected);
            println!("{:?} {:?}", tally.severities, tally.kinds);
        } else if arguments.first().is_some_and(|a| a == "report") {
            println!(
                "{{\"ledger\":{{\"db\":{{\"opens\":{},\"closes\":{}}},\"proxy\":{{\"opens\":{},\"closes\":{}}}}}}}",
                kind("db.connection.open"),
                kind("db.connection.close"),
                kind("proxy.client.open"),
                kind("proxy.client.close")
            );
        } else {
            println!(
                "[{{\"path\":{path:?},\"format\":{:?},\"envelope\":{:?},\"records\":{},\"rejected\":{},\"first\":{first:?},\"last\":{last:?},\"severities\":{:?},\"kinds\":{:?}}}]",
                format.name(),
                format.envelope_name(),
                tally.records,
                tally.rejected,
                tally.severities,
                tally.kinds
            );
        }
    }
}
