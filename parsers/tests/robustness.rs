//! Damaged logs: whatever a file holds, nothing panics, nothing overflows, and every byte is accounted for.
//!
//! Every sample is cut, doubled, mixed with others and riddled with noise, and then goes through detection, framing, every
//! layout, every envelope and every recogniser. `ROUNDS=200` tries longer, `LOGS=/some/folder` takes other files as well.

use backtrail_parsers::detect::{Hints, detect};
use backtrail_parsers::frame::{Sink, Span, last_start, read};
use backtrail_parsers::recognisers::{Names, Recognisers};
use backtrail_parsers::sample::Sample;
use backtrail_parsers::{Arena, Event, Reject, Stamp};
use std::path::{Path, PathBuf};

/// A small generator of numbers that look random (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(0) % below.max(1)
    }
}

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

const TOKENS: [&[u8]; 24] = [
    b"\0",
    b"\"",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"\x1b[",
    b"\x1b[31m",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\xff\xfe",
    b"\xc3",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"99999999999999999999999999",
    b"0000-00-00 00:00:00",
    b"9999-12-31T23:59:60.999999999999+99:99",
    b"\r\n",
    b"\n\n",
    b"\t",
    b"=",
    b"1e999",
    b"\xf0\x9f\x92\xa5",
];

/// One kind of damage a round.
fn damage(text: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut out = text.to_vec();
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(out.len() + 1);
        match dice.roll(9) {
            0 => out.truncate(at),
            1 => drop(out.drain(..at)),
            2 => {
                let end = at + dice.roll(64).min(out.len() - at);
                let piece = out[at..end].to_vec();
                out.splice(at..at, piece);
            }
            3 => {
                let end = at + dice.roll(24).min(out.len() - at);
                drop(out.drain(at..end));
            }
            4 => {
                for _ in 0..=dice.roll(12) {
                    let at = dice.roll(out.len());
                    if let Some(byte) = out.get_mut(at) {
                        *byte ^= 1 << dice.roll(8);
                    }
                }
            }
            5 => drop(out.splice(at..at, TOKENS[dice.roll(TOKENS.len())].iter().copied())),
            6 => drop(out.splice(at..at, std::iter::repeat_n(b"x9 :[\"{\\,"[dice.roll(9)], dice.roll(3000)))),
            7 => {
                let from = dice.roll(other.len() + 1);
                let end = from + dice.roll(400).min(other.len() - from);
                out.splice(at..at, other[from..end].iter().copied());
            }
            _ => {
                let noise: Vec<u8> = (0..dice.roll(40)).map(|_| u8::try_from(dice.roll(256)).unwrap_or(0)).collect();
                out.splice(at..at, noise);
            }
        }
    }
    out
}

fn try_all(text: &[u8], recognisers: &Recognisers) {
    let sample = Sample::of_whole(text);
    let format = detect(&sample, &Hints::default());
    let mut bytes = Bytes(0);
    read(&format, recognisers, text, &mut bytes);
    assert_eq!(bytes.0, text.len(), "every byte is accounted for");
    assert!(last_start(&format, text) <= text.len());
    let arena = Arena::new();
    let record = text.strip_suffix(b"\n").unwrap_or(text);
    for spec in backtrail_parsers::layouts::LAYOUTS {
        let Some(inferred) = (spec.infer)(&sample) else { continue };
        for line in sample.lines.iter().copied().chain([record]) {
            let _ = (inferred.layout.line(line), inferred.layout.skips(line), inferred.layout.joins(record, line));
            let mut event = Event::default();
            if inferred.layout.parse(line, &arena, &mut event).is_ok() {
                recognisers.apply(inferred.layout.domain(), &mut Names::default(), &mut event, &arena);
            }
        }
    }
    for spec in backtrail_parsers::envelopes::ENVELOPES {
        let Some(inferred) = (spec.infer)(&sample) else { continue };
        sample.lines.iter().for_each(|line| {
            let _ = inferred.envelope.unwrap(line, &arena);
        });
    }
    for spec in backtrail_parsers::recognisers::RECOGNISERS {
        for line in &sample.lines {
            (spec.recognise)(&mut Event { message: line, ..Event::default() }, &arena);
        }
        let cut = record.len() / 3;
        (spec.recognise)(&mut Event { message: &record[..cut], stack: &record[cut..], ..Event::default() }, &arena);
    }
    let _ = backtrail_parsers::frames::application_frames(record, &backtrail_parsers::frames::InApp::default(), 6);
    backtrail_parsers::prim::sql::fingerprint(record, &mut Vec::new());
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
}

#[test]
fn damaged_logs_never_panic_and_lose_no_byte() {
    let rounds: u64 = std::env::var("ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(2);
    let mut paths = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs/formats"), &mut paths);
    if let Some(dir) = std::env::var_os("LOGS") {
        files(Path::new(&dir), &mut paths);
    }
    let recognisers = Recognisers::new();
    // A long file is as good as its beginning: what is looked for is in the shapes, not in the amount.
    let head = |path: &PathBuf| {
        std::fs::read(path).map(|mut bytes| {
            bytes.truncate(6000);
            bytes
        })
    };
    let texts: Vec<Vec<u8>> = paths.iter().flat_map(head).collect();
    let mut broken = Vec::new();
    for round in 0..rounds {
        for (index, text) in texts.iter().enumerate() {
            let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ (round << 32) ^ (index as u64 + 1));
            let other = &texts[dice.roll(texts.len())];
            let bad = damage(text, other, &mut dice);
            let done = std::panic::catch_unwind(|| try_all(&bad, &recognisers));
            if done.is_err() {
                broken.push(format!("round {round} of {}: {:?}", paths[index].display(), String::from_utf8_lossy(&bad)));
            }
        }
    }
    assert!(broken.is_empty(), "{} damaged logs broke a parser, the first: {}", broken.len(), broken[0]);
}
