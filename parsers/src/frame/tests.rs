//! Framing: every byte accounted for, records whole however their lines interleave.

use super::*;
use crate::detect::{Hints, detect};
use crate::sample::Sample;
use std::fmt::Write as _;

#[derive(Default)]
struct Seen {
    records: Vec<String>,
    bytes: usize,
}

impl Sink for Seen {
    fn event(&mut self, event: &Event<'_>, _: Stamp, _: usize, span: Span) {
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        let mut record = format!("{}: {}", span.line + 1, text(event.message));
        if !event.stack.is_empty() {
            let _ = write!(record, " / {}", text(event.stack).replace('\n', " / "));
        }
        self.records.push(record);
        self.bytes += span.bytes;
    }

    fn reject(&mut self, reject: Reject, span: Span) {
        self.records.push(format!("{}: REJECT {}", span.line + 1, reject.reason.text()));
        self.bytes += span.bytes;
    }

    fn separator(&mut self, bytes: usize) {
        self.bytes += bytes;
    }
}

fn read_with(format: &Format, text: &[u8]) -> Vec<String> {
    let mut seen = Seen::default();
    read(format, &Recognisers::new(), text, &mut seen);
    assert_eq!(seen.bytes, text.len(), "every byte is accounted for");
    seen.records.sort_by_key(|r| r.split(':').next().and_then(|n| n.parse::<usize>().ok()));
    seen.records
}

fn records(text: &str) -> Vec<String> {
    read_with(&detect(&Sample::of_bytes(text.as_bytes()), &Hints::default()), text.as_bytes())
}

#[test]
fn lanes_that_interleave_keep_their_records() {
    let text = "\
Nov 20 10:00:00 a shop[1]: boom
Nov 20 10:00:00 a shop[2]: bang
Nov 20 10:00:00 a shop[1]:   at x
Nov 20 10:00:00 a shop[2]:   at y
Nov 20 10:00:00 b shop[1]: other host
Nov 20 10:00:00 a shop[1]:   at z
";
    assert_eq!(records(text), ["1: boom /   at x /   at z", "2: bang /   at y", "5: other host"]);
}

#[test]
fn pieces_are_joined_by_their_stream() {
    let text = "\
2026-11-20T10:00:00Z stdout P one 
2026-11-20T10:00:00Z stderr F boom
2026-11-20T10:00:00Z stdout P two 
2026-11-20T10:00:00Z stderr P   at 
2026-11-20T10:00:00Z stdout F three
2026-11-20T10:00:00Z stderr F x
2026-11-20T10:00:01Z stdout P never ended
";
    assert_eq!(records(text), ["1: one two three", "2: boom /   at x", "7: never ended"]);
    // A piece that waited too long stands alone.
    let text = "2026-11-20T10:00:00Z stdout P lost\n2026-11-20T10:02:00Z stdout F found\n";
    assert_eq!(records(text), ["1: lost", "2: found"]);
}

#[test]
fn more_streams_than_lanes_lose_nothing() {
    let mut text = String::new();
    for pid in 0..300 {
        let _ = writeln!(text, "Nov 20 10:00:00 a shop[{}]: message {pid}", pid + 1);
        let _ = writeln!(text, "Nov 20 10:00:00 a shop[{}]:   of two lines", pid + 1);
    }
    let all = records(&text);
    assert_eq!(all.len(), 300);
    assert!(all.iter().all(|r| r.ends_with("of two lines")));
}

#[test]
fn blank_lines_inside_and_between() {
    let text = "\
2026-11-20T10:00:00Z stdout F boom
2026-11-20T10:00:00Z stdout F 
2026-11-20T10:00:00Z stdout F   at x

2026-11-20T10:00:01Z stdout F next
2026-11-20T10:00:01Z stderr F 
\u{20}\u{20}
";
    assert_eq!(records(text), ["1: boom /  /   at x", "5: next"]);
}

#[test]
fn too_long_lines_are_rejects() {
    let long = "x".repeat(MAX_LINE + 1);
    let text = format!(
        "Nov 20 10:00:00 a b[1]: one\nNov 20 10:00:00 a b[1]: two\nNov 20 10:00:00 a b[1]: {long}\nNov 20 10:00:00 a b[1]: three\n"
    );
    let format = detect(&Sample::of_bytes(text.get(..60).unwrap().as_bytes()), &Hints::default());
    let want = ["1: one", "2: two", "3: REJECT the line is too long", "4: three"];
    assert_eq!(read_with(&format, text.as_bytes()), want);
}

#[test]
fn lines_without_an_envelope_go_on_where_line_ends_are_kept() {
    let text = "Nov 20 10:00:00 a b[1]: one\nmore\n\nand more\nNov 20 10:00:00 a b[1]: two\n";
    assert_eq!(records(text), ["1: one / more / and more", "5: two"]);
    let text = "2026-11-20T10:00:00Z stdout F one\nmore\n2026-11-20T10:00:00Z stdout F two\n";
    assert_eq!(records(text), ["1: one", "2: more", "3: two"]);
}

#[test]
fn a_block_may_be_cut_at_its_last_start() {
    let lines: Vec<String> =
        (0..40).map(|i| format!("Nov 20 10:00:{i:02} a b[1]: {}{i}\n", if i % 3 == 0 { "" } else { "  at " })).collect();
    let text = lines.concat();
    let format = detect(&Sample::of_bytes(text.as_bytes()), &Hints::default());
    assert!(!format.sequential);
    let whole = read_with(&format, text.as_bytes());
    let cut = last_start(&format, text.as_bytes());
    let mut parts = read_with(&format, &text.as_bytes()[..cut]);
    let behind = read_with(&format, &text.as_bytes()[cut..]);
    parts.extend(behind);
    let texts = |all: &[String]| all.iter().map(|r| r.split_once(": ").map(|(_, t)| t.to_owned()).unwrap()).collect::<Vec<_>>();
    assert!(cut > 0);
    assert_eq!(texts(&parts), texts(&whole));
}

#[test]
fn streams_that_interleave_are_read_in_one_piece() {
    let text = "Nov 20 10:00:00 a b[1]: one\nNov 20 10:00:00 a b[2]: two\nNov 20 10:00:00 a b[1]:   at x\n";
    let format = detect(&Sample::of_bytes(text.as_bytes()), &Hints::default());
    assert!(format.sequential);
    assert_eq!(last_start(&format, text.as_bytes()), 0);
}
