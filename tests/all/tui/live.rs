//! Files that are read while they are looked at, that grow, and that are rotated.

use super::super::tools::{file, root};
use super::play::{Play, story, wish};
use backtrail::ingest::kept::Kept;
use backtrail::ingest::{self, Ingested, Options};
use backtrail::source::find;
use backtrail::table::{EventTable, build};
use backtrail::tui::data::Data;
use backtrail::tui::model::Pane;
use backtrail::tui::msg::{Cmd, Msg, Progress};
use backtrail::tui::settings::Settings;
use backtrail::tui::work::{rotated, signature};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A log of so many requests, a second apart, from a line on.
fn requests(from: u32, count: u32) -> String {
    let line = |n: u32| {
        let (h, m, s) = (n / 3600 % 24, n / 60 % 60, n % 60);
        let status = if n % 100 == 7 { 502 } else { 200 };
        format!(
            "203.0.113.{} - - [01/Mar/2024:{h:02}:{m:02}:{s:02} +0000] \"GET /api/items/{n} HTTP/1.1\" {status} {} \"-\" \"curl/8\"\n",
            n % 200,
            100 + n % 900
        )
    };
    (from..from + count).map(line).collect()
}

/// Everything a row says, in words: codes differ from reading to reading.
fn told(ingested: Ingested) -> (Vec<String>, EventTable) {
    let table = build::build(ingested.sources, ingested.strings);
    let rows = table.rows();
    let one = |row: backtrail::table::Row<'_>| {
        let texts = ingest::TextCol::ALL.iter().map(|c| String::from_utf8_lossy(row.text(*c)).into_owned());
        let texts: Vec<String> = texts.collect();
        let place = (row.source_id(), row.time(), row.offset(), row.length(), row.line(), row.severity().0, row.layout());
        format!("{place:?} {} {texts:?} {:?}", row.kind().name(), row.long(ingest::LongCol::BytesOut))
    };
    let said = rows.iter().map(one).collect();
    (said, table)
}

/// The logs, read anew.
fn anew(dir: &Path) -> (Vec<String>, EventTable) {
    told(ingest::ingest(find::find(&[dir.display().to_string()]), &Options { threads: 2, ..Options::default() }, &|_| {}))
}

/// The logs, read on; and how many bytes that took.
fn on(dir: &Path, kept: &mut Kept) -> (Vec<String>, EventTable, u64) {
    let read = Mutex::new(0);
    let found = find::find(&[dir.display().to_string()]);
    let options = Options { threads: 2, ..Options::default() };
    let ingested = ingest::watched(found, &options, &|more| *read.lock().unwrap() += more, None, Some(kept));
    let (said, table) = told(ingested);
    (said, table, read.into_inner().unwrap())
}

#[track_caller]
fn same(on: &(Vec<String>, EventTable, u64), anew: &(Vec<String>, EventTable)) {
    assert_eq!(on.0.len(), anew.0.len());
    assert_eq!(on.0.iter().zip(&anew.0).find(|(a, b)| a != b), None);
    assert_eq!(on.1.sources, anew.1.sources, "hashes, tallies, formats");
}

#[test]
fn what_is_added_is_all_that_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "access.log", requests(0, 40_000).as_bytes());
    file(&dir, "other.log", requests(0, 30_000).as_bytes());
    let mut kept = Kept::default();
    let whole = on(dir.path(), &mut kept);
    same(&whole, &anew(dir.path()));
    // Nothing new: nothing is read.
    let again = on(dir.path(), &mut kept);
    same(&again, &anew(dir.path()));
    assert_eq!(again.2, 0);
    // A few lines, the last of them not yet ended; then the rest of it. Most of a block is read again at the most.
    let mut log = File::options().append(true).open(&path).unwrap();
    let more = requests(40_000, 50);
    for part in [&more[..more.len() - 40], &more[more.len() - 40..]] {
        log.write_all(part.as_bytes()).unwrap();
        let grown = on(dir.path(), &mut kept);
        same(&grown, &anew(dir.path()));
        assert!(grown.2 <= 2 << 20 && grown.2 < whole.2 / 4, "{} bytes of {} were read", grown.2, whole.2);
    }
    // A new file comes, a known one goes.
    file(&dir, "late.log", requests(10, 100).as_bytes());
    std::fs::remove_file(dir.path().join("other.log")).unwrap();
    let moved = on(dir.path(), &mut kept);
    same(&moved, &anew(dir.path()));
    assert!(moved.2 < 100 << 10, "{} bytes were read", moved.2);
}

#[test]
fn rotated_and_rewritten_files_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "access.log", requests(0, 30_000).as_bytes());
    let mut kept = Kept::default();
    on(dir.path(), &mut kept);
    // Renamed, and a new one begun.
    std::fs::rename(&path, dir.path().join("access.log.1")).unwrap();
    std::fs::write(&path, requests(30_000, 20)).unwrap();
    same(&on(dir.path(), &mut kept), &anew(dir.path()));
    // The newest file of the set grows until it has blocks of its own, from which on only it is read.
    let mut log = File::options().append(true).open(&path).unwrap();
    log.write_all(requests(30_020, 30_000).as_bytes()).unwrap();
    let set = on(dir.path(), &mut kept);
    same(&set, &anew(dir.path()));
    log.write_all(requests(60_020, 10).as_bytes()).unwrap();
    let grown = on(dir.path(), &mut kept);
    same(&grown, &anew(dir.path()));
    assert!(grown.2 <= 2 << 20 && grown.2 < set.2 / 2, "{} of {} bytes were read", grown.2, set.2);
    // Emptied and written anew, to more than it was.
    std::fs::write(&path, requests(500, 40_000)).unwrap();
    same(&on(dir.path(), &mut kept), &anew(dir.path()));
}

/// What there is of a folder's logs while it is read.
fn part(dir: &Path) -> Arc<Data> {
    let ingested = ingest::ingest(find::find(&[dir.display().to_string()]), &Options::default(), &|_| {});
    Arc::new(Data::part(build::build(ingested.sources, ingested.strings)))
}

#[test]
fn a_part_can_be_looked_at_and_gives_way_to_the_whole() {
    let data = part(&root().join("sample-logs/outages/2023-08-10-slow-leak/logs"));
    for (width, height) in [(80, 24), (120, 40), (60, 16)] {
        let mut play = Play::of(width, height, Msg::Tick, Settings::default());
        play.tell(Msg::Progress(Progress { stage: "reading", bytes: 1_200_000, total: 5_000_000, files: 9 }));
        play.tell(Msg::Part(Arc::clone(&data)));
        insta::assert_snapshot!(format!("part_{width}x{height}"), play.tagged());
    }
    let mut play = Play::of(100, 30, Msg::Part(data), Settings::default());
    assert!(play.model.event_count() > 10_000 && !play.model.whole());
    play.keys("2");
    assert!(play.frame().contains("this takes all of the logs"), "{}", play.frame());
    play.keys("4jjjjj<pgdn><pgdn>mistatus>=500<enter>/checkout<enter>");
    let (row, text) = (play.model.event_row(play.model.events.list.at).unwrap(), play.frame());
    let offset = play.model.data().unwrap().table.rows().get(row).offset();
    assert!(text.contains("hidden"), "{text}");
    let marked = play.model.notes[0].clone();
    play.keys("6e");
    assert!(play.frame().contains("not everything has been read yet"), "{}", play.frame());
    assert!(play.world.notes.lock().unwrap().is_empty(), "nothing is saved under the name of half a case");
    play.keys("4");
    play.tell(story());
    assert!(play.model.whole());
    assert_eq!((play.model.pane, play.model.events.filters.len()), (Pane::Events, 1), "the reader stays where he is");
    let row = play.model.event_row(play.model.events.list.at).unwrap();
    assert_eq!(play.model.data().unwrap().table.rows().get(row).offset(), offset, "and on his record");
    assert_eq!((&play.model.notes[0].path, play.model.notes[0].offset), (&marked.path, marked.offset));
    assert!(play.model.events.search.as_ref().is_some_and(|s| s.done && s.text == "checkout"));
    play.keys("1");
    assert!(play.frame().contains("confirmed: connection leak"), "{}", play.frame());
}

#[test]
fn parts_come_while_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    file(&dir, "access.log", requests(0, 250_000).as_bytes());
    let parts = Mutex::new(Vec::new());
    let found = find::find(&[dir.path().display().to_string()]);
    let tell = |part: Ingested| parts.lock().unwrap().push(told(part).0.len());
    let slow = |_| std::thread::sleep(std::time::Duration::from_millis(40));
    let whole = ingest::watched(found, &Options::default(), &slow, Some(&tell), None);
    let parts = parts.into_inner().unwrap();
    assert!(!parts.is_empty() && parts.is_sorted(), "{parts:?}");
    assert!(parts.iter().all(|rows| *rows < 250_000 && *rows > 0), "{parts:?}");
    assert_eq!(told(whole).0.len(), 250_000, "looking on changes nothing");
}

#[test]
fn records_of_an_earlier_reading_are_not_taken_for_this_ones() {
    let mut play = Play::new(100, 30);
    let old = Arc::clone(play.model.data().unwrap());
    let row = old.order[0];
    let Msg::Loaded(next) = super::play::reading(&root().join("sample-logs/formats/hikaricp")) else { panic!() };
    play.tell(Msg::Loaded(next));
    play.tell(Msg::Raw(old, vec![(row, "of another log".into())]));
    assert!(!play.model.events.raw.values().any(|text| text == "of another log"));
    assert!(!play.asked.iter().any(|cmd| matches!(cmd, Cmd::Quit(_))));
}

#[test]
fn a_rotated_file_stays_in_sight() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "app.log", b"one\ntwo\n").display().to_string();
    let mut wish = wish(Path::new(&path));
    let before = signature(&wish);
    rotated(&mut wish, &before);
    assert_eq!(wish.paths.len(), 1, "nothing has happened yet");
    std::fs::rename(&path, format!("{path}.1")).unwrap();
    std::fs::write(&path, b"three\n").unwrap();
    rotated(&mut wish, &before);
    assert_eq!(wish.paths, [path.clone(), format!("{path}.1")]);
}

#[test]
fn growing_files_move_what_is_shown() {
    let mut play = Play::new(100, 30);
    play.keys("4Gm");
    let at = play.model.event_row(play.model.events.list.at);
    play.tell(story());
    assert_eq!(play.model.event_row(play.model.events.list.at), at);
    assert_eq!(play.model.notes.len(), 1);
    assert_eq!(play.model.pane, Pane::Events, "the reader stays where he is");
}
