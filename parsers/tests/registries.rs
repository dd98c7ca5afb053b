//! Every row of the registries keeps its word: its examples give what they claim, its samples are read as expected.

use backtrail_parsers::detect::{Hints, detect};
use backtrail_parsers::frame::{Sink, Span, read};
use backtrail_parsers::recognisers::{Names, Recognisers};
use backtrail_parsers::sample::Sample;
use backtrail_parsers::spec::Example;
use backtrail_parsers::{Arena, Event, Reject, Stamp};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn claims(name: &str, example: &Example, fields: &[(&'static str, String)]) {
    for (field, want) in example.shows {
        let got = fields.iter().find(|(f, _)| f == field).map(|(_, v)| v.as_str());
        assert_eq!(got.unwrap_or(""), *want, "{name}: field {field} of example {:?}\nall fields: {fields:#?}", example.line);
    }
}

#[test]
fn layouts_give_what_their_examples_claim() {
    for spec in backtrail_parsers::layouts::LAYOUTS {
        assert!(!spec.examples.is_empty(), "layout {} has no example", spec.name);
        assert!(!spec.about.is_empty() && !spec.spec.is_empty(), "layout {} says nothing about itself", spec.name);
        for example in spec.examples {
            let sample = Sample::of_bytes(example.line.as_bytes());
            let sample = if sample.lines.is_empty() { Sample { lines: vec![example.line.as_bytes()] } } else { sample };
            let inferred = (spec.infer)(&sample)
                .unwrap_or_else(|| panic!("{} does not know its own example {:?}", spec.name, example.line));
            let arena = Arena::new();
            let mut event = Event::default();
            let done = inferred.layout.parse(example.line.as_bytes(), &arena, &mut event);
            assert!(done.is_ok(), "{} rejects its own example {:?}: {done:?}", spec.name, example.line);
            Recognisers::new().apply(inferred.layout.domain(), &mut Names::default(), &mut event, &arena);
            claims(spec.name, example, &event.fields());
        }
    }
}

#[test]
fn envelopes_give_what_their_examples_claim() {
    for spec in backtrail_parsers::envelopes::ENVELOPES {
        assert!(!spec.examples.is_empty(), "envelope {} has no example", spec.name);
        for example in spec.examples {
            let sample = Sample { lines: vec![example.line.as_bytes()] };
            let inferred = (spec.infer)(&sample)
                .unwrap_or_else(|| panic!("{} does not know its own example {:?}", spec.name, example.line));
            let arena = Arena::new();
            let w = inferred
                .envelope
                .unwrap(example.line.as_bytes(), &arena)
                .unwrap_or_else(|| panic!("{}: {:?}", spec.name, example.line));
            let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
            let fields = vec![
                ("inner", text(w.inner)),
                ("host.name", text(w.host)),
                ("service.name", text(w.service)),
                ("lane", text(w.lane)),
                ("process.pid", if w.pid == 0 { String::new() } else { w.pid.to_string() }),
                ("time", backtrail_parsers::prim::time::show(w.stamp)),
                ("severity", w.severity.name().to_owned()),
                ("partial", w.partial.to_string()),
            ];
            claims(spec.name, example, &fields);
        }
    }
}

#[test]
fn recognisers_give_what_their_examples_claim() {
    for spec in backtrail_parsers::recognisers::RECOGNISERS {
        assert!(!spec.examples.is_empty(), "recogniser {} has no example", spec.name);
        for example in spec.examples {
            let arena = Arena::new();
            let (message, stack) = example.line.split_once("\n\tat ").map_or_else(
                || example.line.split_once('\n').unwrap_or((example.line, "")),
                |(message, _)| (message, &example.line[message.len() + 1..]),
            );
            let mut event = Event { message: message.as_bytes(), stack: stack.as_bytes(), ..Event::default() };
            let needle = spec.needles.is_empty() || spec.needles.iter().any(|n| example.line.contains(n));
            assert!(needle, "recogniser {}: no needle in its example {:?}", spec.name, example.line);
            (spec.recognise)(&mut event, &arena);
            claims(spec.name, example, &event.fields());
        }
    }
}

/// Writes what a file holds as text, one record a paragraph.
struct Transcript<'f> {
    text: String,
    bytes: usize,
    layouts: Vec<&'f str>,
}

impl Sink for Transcript<'_> {
    fn event(&mut self, event: &Event<'_>, envelope: Stamp, layout: usize, span: Span) {
        let _ =
            writeln!(self.text, "{} +{}..{} {}", span.line + 1, span.offset, span.offset + span.length, self.layouts[layout]);
        if envelope.is_some() {
            let _ = writeln!(self.text, "    envelope.time = {}", backtrail_parsers::prim::time::show(envelope));
        }
        for (name, value) in event.fields() {
            let _ = writeln!(self.text, "    {name} = {}", value.escape_debug());
        }
        for (key, value) in event.attrs {
            let (key, value) = (String::from_utf8_lossy(key), String::from_utf8_lossy(value));
            let _ = writeln!(self.text, "    @{} = {}", key.escape_debug(), value.escape_debug());
        }
        self.bytes += span.bytes;
    }

    fn reject(&mut self, reject: Reject, span: Span) {
        let _ = writeln!(
            self.text,
            "{} +{}..{} REJECT {} at {}",
            span.line + 1,
            span.offset,
            span.offset + span.length,
            reject.reason.text(),
            reject.at
        );
        self.bytes += span.bytes;
    }

    fn separator(&mut self, bytes: usize) {
        self.bytes += bytes;
    }
}

fn transcript(bytes: &[u8]) -> String {
    let format = detect(&Sample::of_whole(bytes), &Hints::default());
    let layouts = format.layouts.iter().map(|l| l.name).collect();
    let mut out = Transcript { text: String::new(), bytes: 0, layouts };
    let _ = writeln!(out.text, "format {} envelope {:?} score {:.2}", format.name(), format.envelope_name(), format.score);
    for reason in format.reasons() {
        let _ = writeln!(out.text, "  {reason}");
    }
    read(&format, &Recognisers::new(), bytes, &mut out);
    assert_eq!(out.bytes, bytes.len(), "every byte is accounted for");
    out.text
}

/// Every reason of a kind with a fixed vocabulary is in it.
#[derive(Default)]
struct Words(Vec<String>);

impl Sink for Words {
    fn event(&mut self, event: &Event<'_>, _: Stamp, _: usize, _: Span) {
        let known = backtrail_parsers::kind::reasons(event.kind);
        let reason = String::from_utf8_lossy(event.reason);
        if !reason.is_empty() && !known.is_empty() && !known.contains(&&*reason) {
            self.0.push(format!("{}: {reason}", event.kind.name()));
        }
    }

    fn reject(&mut self, _: Reject, _: Span) {}

    fn separator(&mut self, _: usize) {}
}

#[test]
fn reasons_are_of_one_vocabulary() {
    let recognisers = Recognisers::new();
    let mut words = Words::default();
    for path in sample_files() {
        let bytes = std::fs::read(&path).unwrap();
        read(&detect(&Sample::of_whole(&bytes), &Hints::default()), &recognisers, &bytes, &mut words);
    }
    assert!(words.0.is_empty(), "reasons outside the vocabulary: {:#?}", words.0);
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sample-logs/formats")
}

/// Every sample file, in the order of its path.
fn sample_files() -> Vec<PathBuf> {
    let list = |dir: &Path| {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    list(&samples()).iter().filter(|p| p.is_dir()).flat_map(|dir| list(dir)).collect()
}

#[test]
fn samples_are_read_as_their_snapshots_say() {
    let mut wrong = Vec::new();
    for path in sample_files() {
        let name = |p: Option<&std::ffi::OsStr>| p.unwrap().to_string_lossy().into_owned();
        let (format, file) = (name(path.parent().unwrap().file_name()), name(path.file_stem()));
        let text = transcript(&std::fs::read(&path).unwrap());
        let check = || {
            insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
                insta::assert_snapshot!(format!("{format}@{file}"), text);
            });
        };
        if std::panic::catch_unwind(check).is_err() {
            wrong.push(format!("{format}/{file}"));
        }
    }
    assert!(wrong.is_empty(), "samples read differently from their snapshots: {wrong:?}");
}

#[test]
fn every_format_has_its_three_samples() {
    let layouts = backtrail_parsers::layouts::LAYOUTS.iter().map(|s| s.name);
    let envelopes = backtrail_parsers::envelopes::ENVELOPES.iter().map(|s| s.name);
    let recognisers = backtrail_parsers::recognisers::RECOGNISERS.iter().map(|s| s.name);
    for name in layouts.chain(envelopes).chain(recognisers) {
        for file in ["basic.log", "odd.log", "broken.log"] {
            let path = samples().join(name).join(file);
            assert!(path.exists(), "missing {}", path.display());
        }
    }
}
