//! How long a frame takes with ten million events: `cargo test --release --test all -- --ignored --nocapture frame_times`.
//! Logs of that many lines are written to a folder of the system's, read, and walked through by keys; what the program's
//! threads do meanwhile is done between the frames and not counted.

use super::play::{Play, named, reading};
use backtrail::tui::msg::{Cmd, Msg};
use backtrail::tui::settings::Settings;
use backtrail::tui::update::update;
use backtrail::tui::view::view;
use backtrail::tui::work::perform;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Records written.
const EVENTS: u64 = 10_000_000;
/// Most that half of the frames may take, and all but one of a hundred.
const LIMITS: (Duration, Duration) = (Duration::from_millis(16), Duration::from_millis(50));

/// Every pane, and every way through it: scrolling, jumps, zoom and pan, filters, search, brush, values followed.
const SCRIPT: [&str; 12] = [
    "llllllll++++llllhhhhLLHH----..,,!f0gG",
    "wwwwddddaaaassss",
    "4jjjjjjjjjjkkkkk<pgdn><pgdn><pgdn><pgdn><pgup>Gggjjj",
    "eeeEwWsSfu<ctrl-w>jjjj<ctrl-w>rrJJKK",
    "istatus>=500<enter>jjjj<pgdn>G<pgup>g/504<enter>nnnnNN",
    "iroute=/api/items<enter>jjjG<pgup><ctrl-f><ctrl-f>xxeeEE",
    "p<esc>mjmt+5m<enter>",
    "1!vllllllllvc<esc>4jjj<pgdn>1<esc>",
    "3jjjj<pgdn><pgdn>Gga<pgdn>ooooowllllhhhh++--w",
    "a2jjjJJ<enter>jjj<enter><esc><esc>",
    "5jjjj<pgdn>Gg6jj?jjj<esc><ctrl-p>bru<esc>",
    "<tab><tab><tab><tab><tab><tab>1llll",
];

/// A load balancer's lines, and a database's for the requests that open a connection.
fn write(dir: &Path) {
    let mut lb = BufWriter::new(File::create(dir.join("haproxy.log")).unwrap());
    let mut db = BufWriter::new(File::create(dir.join("postgresql.log")).unwrap());
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let start = chrono::DateTime::parse_from_rfc3339("2024-03-01T00:00:00Z").unwrap();
    let (mut at, mut written, mut pid) = (0u64, 0u64, 1000u64);
    let mut open: VecDeque<u64> = VecDeque::new();
    while written < EVENTS {
        at += random(18);
        let time = start + chrono::TimeDelta::milliseconds(i64::try_from(at).unwrap());
        let (took, status) = match random(200) {
            0 => (30_000, 504),
            1 => (5000 + random(2000), 500),
            _ => (2 + random(80), 200),
        };
        writeln!(
            lb,
            "{} lb1 haproxy[101]: 203.0.113.{}:{} [{}] front api/app{} 0/0/{}/{took}/{took} {status} {} - - ---- 24/24/1/1/0 0/0 \"GET /api/items/{} HTTP/1.1\"",
            time.format("%Y-%m-%dT%H:%M:%S%.6f+00:00"),
            random(250),
            1024 + random(60000),
            time.format("%d/%b/%Y:%H:%M:%S%.3f"),
            random(4),
            random(3),
            100 + random(9000),
            random(100_000)
        )
        .unwrap();
        written += 1;
        if random(10) == 0 {
            pid += 1;
            let stamp = time.format("%Y-%m-%d %H:%M:%S%.3f UTC");
            writeln!(db, "{stamp} [{pid}] app@shop LOG:  connection authorized: user=app database=shop").unwrap();
            open.push_back(pid);
            written += 1;
            // One of a thousand is never closed.
            if open.len() > 40
                && let Some(closed) = open.pop_front().filter(|pid| pid % 1000 != 0)
            {
                writeln!(db, "{stamp} [{closed}] app@shop LOG:  disconnection: session time: 0:00:40.123 user=app database=shop host=10.0.0.7 port=4{}", closed % 10_000).unwrap();
                written += 1;
            }
        }
    }
}

/// What a message costs, drawing included; what it asks for is done, and what comes of that is counted as well.
fn turn(play: &mut Play, terminal: &mut Terminal<TestBackend>, msg: Msg, what: &str, spent: &mut Vec<(Duration, String)>) {
    let mut queue = VecDeque::from([(msg, what.to_owned())]);
    while let Some((msg, what)) = queue.pop_front() {
        let begin = Instant::now();
        let cmds = update(&mut play.model, msg);
        let updated = begin.elapsed();
        let begin = Instant::now();
        terminal.draw(|frame| view(&play.model, frame)).unwrap();
        let drawn = begin.elapsed();
        spent.push((updated + drawn, format!("{what} in {}: {updated:?} + {drawn:?}", play.model.pane.title())));
        for cmd in cmds {
            play.latest.raise(&play.model);
            if matches!(cmd, Cmd::Bell | Cmd::Redraw | Cmd::Copy(_) | Cmd::Save { .. } | Cmd::Restore(_)) {
                continue;
            }
            let came = Mutex::new(Vec::new());
            perform(cmd, play.world.as_ref(), &play.readers, &play.latest, &|msg| {
                came.lock().unwrap().push(msg);
                true
            });
            queue.extend(came.into_inner().unwrap().into_iter().map(|msg| (msg, format!("what came of {what}"))));
        }
    }
}

#[test]
#[ignore = "minutes, and gigabytes: for the release build"]
fn frame_times_with_ten_million_events() {
    let dir = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    write(dir.path());
    let wrote = begin.elapsed();
    let begin = Instant::now();
    let loaded = reading(dir.path());
    let read = begin.elapsed();
    let (mut spent, size) = (Vec::new(), (200, 50));
    let mut play = Play::of(size.0, size.1, Msg::Tick, Settings::default());
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    turn(&mut play, &mut terminal, loaded, "the reading", &mut spent);
    let events = play.model.event_count();
    let sessions = play.model.data().unwrap().case.sessions.len();
    for script in SCRIPT {
        let mut rest = script;
        while let Some(c) = rest.chars().next() {
            let named_key = (c == '<').then(|| rest.find('>')).flatten().filter(|end| *end > 1);
            let (msg, text) = match named_key {
                Some(end) => (Msg::Key(named(&rest[1..end])), &rest[..=end]),
                None => (Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)), &rest[..c.len_utf8()]),
            };
            turn(&mut play, &mut terminal, msg, text, &mut spent);
            rest = &rest[text.len()..];
        }
    }
    spent.sort();
    let at = |share: usize| spent[(spent.len() - 1) * share / 100].0;
    let mut out = std::io::stdout();
    writeln!(out, "{events} events, {sessions} sessions: written in {wrote:.1?}, read in {read:.1?}").unwrap();
    let (p50, p90, p99) = (at(50), at(90), at(99));
    writeln!(out, "{} frames of {size:?}: median {p50:?}, p90 {p90:?}, p99 {p99:?}", spent.len()).unwrap();
    for (_, what) in spent.iter().rev().take(12) {
        writeln!(out, "  {what}").unwrap();
    }
    assert!(events as u64 >= EVENTS);
    assert!(p50 <= LIMITS.0 && p99 <= LIMITS.1, "frames take too long");
}
