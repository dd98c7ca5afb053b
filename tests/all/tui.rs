//! The timeline without a terminal: keys go in, frames come out. Commands are carried out on the spot, by the same
//! functions that the program's threads call.

use super::tools::root;
use backtrail::ingest::Options;
use backtrail::tui::clock::Zone;
use backtrail::tui::host::Host;
use backtrail::tui::keymap::Action;
use backtrail::tui::model::{Model, Pane};
use backtrail::tui::msg::{Cmd, Msg};
use backtrail::tui::settings::Settings;
use backtrail::tui::theme::Theme;
use backtrail::tui::update::update;
use backtrail::tui::view::view;
use backtrail::tui::work::{Latest, Readers, Wish, perform, read, rotated, signature};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::style::{Color, Modifier, Style};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

/// A world that keeps in memory what it is given.
#[derive(Default)]
struct World {
    notes: Mutex<BTreeMap<String, String>>,
    exports: Mutex<BTreeMap<String, String>>,
}

impl Host for World {
    fn restore(&self, key: &str) -> Option<String> {
        self.notes.lock().unwrap().get(key).cloned()
    }
    fn save(&self, key: &str, text: &str) -> Result<(), String> {
        self.notes.lock().unwrap().insert(key.into(), text.into());
        Ok(())
    }
    fn export(&self, name: &str, text: &str) -> Result<String, String> {
        self.exports.lock().unwrap().insert(name.into(), text.into());
        Ok(name.into())
    }
    fn edit(&self, _: &str, _: u32) -> Result<(), String> {
        Ok(())
    }
    fn suspend(&self) -> Result<(), String> {
        Ok(())
    }
    fn guard(&self, _: &str) -> Option<Box<dyn std::any::Any>> {
        None
    }
    fn zone(&self) -> Zone {
        Zone::parse("Europe/Berlin")
    }
}

/// A reader at a terminal.
struct Play {
    model: Model,
    world: Arc<World>,
    readers: Readers,
    latest: Latest,
    /// Commands that only a terminal can carry out.
    asked: Vec<Cmd>,
}

/// One reading of a story, shared by the tests: reading it takes longer than all of them.
fn story() -> Msg {
    static STORY: OnceLock<Msg> = OnceLock::new();
    STORY.get_or_init(|| reading(&root().join("sample-logs/outages/2023-08-10-slow-leak/logs"))).clone()
}

fn reading(path: &Path) -> Msg {
    let wish = Wish { paths: vec![path.display().to_string()], options: Options { threads: 2, ..Options::default() } };
    let last = Mutex::new(None);
    read(&wish, &|msg| {
        *last.lock().unwrap() = Some(msg);
        true
    });
    last.into_inner().unwrap().unwrap()
}

impl Play {
    fn new(width: u16, height: u16) -> Play {
        Play::of(width, height, story(), Settings::default())
    }

    fn of(width: u16, height: u16, reading: Msg, settings: Settings) -> Play {
        let mut play = Play {
            model: Model::new((width, height), settings, Zone::parse("Europe/Berlin"), false),
            world: Arc::default(),
            readers: Readers::default(),
            latest: Latest::default(),
            asked: Vec::new(),
        };
        play.tell(reading);
        play
    }

    /// A message, and all that follows from it.
    fn tell(&mut self, msg: Msg) {
        let mut queue = VecDeque::from([msg]);
        while let Some(msg) = queue.pop_front() {
            for cmd in update(&mut self.model, msg) {
                self.latest.raise(&self.model);
                match cmd {
                    Cmd::Quit(_) | Cmd::Suspend | Cmd::Redraw | Cmd::Mouse(_) | Cmd::Bell | Cmd::Copy(_) | Cmd::Edit { .. } => {
                        self.asked.push(cmd);
                    }
                    work => {
                        let came = Mutex::new(Vec::new());
                        perform(work, self.world.as_ref(), &self.readers, &self.latest, &|msg| {
                            came.lock().unwrap().push(msg);
                            true
                        });
                        queue.extend(came.into_inner().unwrap());
                    }
                }
            }
        }
    }

    /// Keys as in `jj<enter>/word<enter><ctrl-p>`.
    fn keys(&mut self, script: &str) -> &mut Play {
        let mut rest = script;
        while let Some(c) = rest.chars().next() {
            if c == '<'
                && let Some(end) = rest.find('>').filter(|end| *end > 1)
            {
                self.tell(Msg::Key(named(&rest[1..end])));
                rest = &rest[end + 1..];
            } else {
                self.tell(Msg::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
                rest = &rest[c.len_utf8()..];
            }
        }
        self
    }

    fn buffer(&self) -> Buffer {
        let (width, height) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view(&self.model, frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    /// The frame as text.
    fn frame(&self) -> String {
        lines(&self.buffer(), false)
    }

    /// The frame with its styles: `[red]…[/]`.
    fn tagged(&self) -> String {
        lines(&self.buffer(), true)
    }
}

fn named(name: &str) -> KeyEvent {
    let (modifiers, name) = match name.strip_prefix("ctrl-") {
        Some(rest) => (KeyModifiers::CONTROL, rest),
        None => (KeyModifiers::NONE, name),
    };
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "backspace" => KeyCode::Backspace,
        "lt" => KeyCode::Char('<'),
        "f3" => KeyCode::F(3),
        "f4" => KeyCode::F(4),
        _ => KeyCode::Char(name.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}

fn tag(style: Style) -> String {
    let mut tags = Vec::new();
    for color in [style.fg, style.bg].into_iter().flatten().filter(|c| *c != Color::Reset) {
        tags.push(color.to_string().to_lowercase());
    }
    for (modifier, name) in [(Modifier::REVERSED, "rev"), (Modifier::BOLD, "b"), (Modifier::DIM, "dim")] {
        if style.add_modifier.contains(modifier) {
            tags.push(name.into());
        }
    }
    tags.join(",")
}

fn lines(buffer: &Buffer, tagged: bool) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let (mut line, mut open, mut skip) = (String::new(), String::new(), 0);
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let now = if tagged && cell.symbol() != " " { tag(cell.style()) } else { open.clone() };
            if now != open {
                line.push_str(if open.is_empty() { "" } else { "[/]" });
                if !now.is_empty() {
                    line.push_str(&format!("[{now}]"));
                }
                open = now;
            }
            line.push_str(cell.symbol());
            skip = unicode_width::UnicodeWidthStr::width(cell.symbol()).saturating_sub(1);
        }
        let end = if open.is_empty() { "" } else { "[/]" };
        out.push_str(line.trim_end());
        out.push_str(end);
        out.push('\n');
    }
    out
}

/// Every pane as a reader comes to it.
const VIEWS: [(&str, &str); 10] = [
    ("timeline", ""),
    ("incident", "!"),
    ("sites", "2"),
    ("sessions", "2<enter>"),
    ("holders", "3w"),
    ("events", "4"),
    ("record", "2o"),
    ("diagnosis", "5"),
    ("help", "?"),
    ("palette", "<ctrl-p>bru"),
];

#[test]
fn every_pane_is_drawn_at_every_size() {
    for (width, height) in [(80, 24), (200, 50), (60, 16)] {
        for (name, keys) in VIEWS {
            let mut play = Play::new(width, height);
            play.keys(keys);
            insta::assert_snapshot!(format!("tui_{name}_{width}x{height}"), play.frame());
        }
    }
}

#[test]
fn colours_are_where_they_belong() {
    let mut play = Play::new(80, 24);
    insta::assert_snapshot!("tui_tagged_timeline", play.tagged());
    play.keys("2o");
    insta::assert_snapshot!("tui_tagged_record", play.tagged());
}

#[test]
fn the_leaking_line_is_within_four_keys() {
    let mut play = Play::new(80, 24);
    assert!(play.frame().contains("ShipmentService.java:19"), "the verdict names it\n{}", play.frame());
    play.keys("2");
    assert!(play.frame().contains("opened at net.larchshop.api.service.ShipmentService.record"), "{}", play.frame());
    play.keys("<enter><enter>");
    assert_eq!(play.model.pane, Pane::Events);
    assert!(play.frame().contains("Connection leak detection triggered"), "{}", play.frame());
    assert!(play.frame().contains("app1.log.gz:292"), "the record says where it stands\n{}", play.frame());
    // And the same way back.
    play.keys("<esc>");
    assert_eq!(play.model.pane, Pane::Sessions);
    play.keys("<esc><esc>");
    assert_eq!(play.model.pane, Pane::Timeline);
}

#[test]
fn searches_find_what_the_files_hold() {
    let mut play = Play::new(100, 30);
    play.keys("4/Leak Detection Triggered<enter>");
    let hits = play.model.events.search.as_ref().map(|s| (s.hits.len(), s.done));
    assert_eq!(hits, Some((88, true)), "88 leak reports stand in the three application logs");
    let first = play.model.events.list.at;
    play.keys("n");
    assert!(play.model.events.list.at > first);
    play.keys("N");
    assert_eq!(play.model.events.list.at, first);
    play.keys("N");
    assert!(play.frame().contains("no further hit"));
    play.keys("/no such words<enter>");
    assert!(play.frame().contains("nothing holds no such words"));
}

#[test]
fn filters_hide_and_show() {
    let mut play = Play::new(100, 30);
    let all = play.model.event_count();
    play.keys("4istatus>=500<enter>");
    let failed = play.model.event_count();
    assert!(failed > 3000 && failed < all, "{failed} of {all}");
    assert!(play.frame().contains(&format!("{failed} of {all} events, {} hidden", all - failed)));
    play.keys("oroute=/nowhere<enter>");
    assert_eq!(play.model.event_count(), failed, "what is nowhere hides nothing");
    play.keys("<ctrl-f>");
    assert_eq!(play.model.event_count(), all);
    play.keys("<ctrl-f>xx");
    assert_eq!((play.model.event_count(), play.model.events.filters.len()), (all, 0));
    play.keys("itook>=1h<enter>ino such words anywhere<enter>");
    assert_eq!(play.model.event_count(), 0);
    assert!(play.frame().contains("every event is hidden by took>=1h, no such words anywhere"), "{}", play.frame());
}

#[test]
fn a_filter_on_text_and_its_opposite_are_all_there_is() {
    let mut play = Play::new(100, 30);
    let all = play.model.event_count();
    play.keys("4iHikari<enter>");
    let with = play.model.event_count();
    play.keys("xoHikari<enter>");
    assert!(with > 0);
    assert_eq!(play.model.event_count(), all - with);
}

#[test]
fn a_value_is_followed_through_all_sources() {
    let mut play = Play::new(100, 40);
    play.keys("2op");
    let frame = play.frame();
    assert!(frame.contains("thread="), "{frame}");
    play.keys("<enter>");
    assert_eq!(play.model.events.filters.len(), 1);
    assert!(play.model.event_count() > 0);
}

#[test]
fn jumps_stop_at_errors() {
    let mut play = Play::new(100, 30);
    play.keys("4ge");
    let data = Arc::clone(play.model.data().unwrap());
    let severity = |play: &Play| data.table.rows().get(play.model.event_row(play.model.events.list.at).unwrap()).severity().0;
    assert!(severity(&play) >= 17);
    let first = play.model.events.list.at;
    play.keys("e");
    assert!(play.model.events.list.at > first && severity(&play) >= 17);
    play.keys("E");
    assert_eq!(play.model.events.list.at, first);
}

#[test]
fn notes_are_kept_and_exported() {
    let mut play = Play::new(100, 30);
    play.keys("2omcthe first leak<enter>#");
    play.keys("jm6e");
    let export = play.world.exports.lock().unwrap().get("backtrail-report.md").cloned().unwrap();
    assert!(export.contains("### Detection\n") && export.contains("the first leak: "), "{export}");
    assert!(export.contains("ShipmentService"), "the report is in it");
    let postmortem = play.world.exports.lock().unwrap().get("backtrail-postmortem.md").cloned().unwrap();
    assert!(postmortem.contains("the first leak"), "{postmortem}");
    let timeline = play.world.exports.lock().unwrap().get("backtrail-timeline.csv").cloned().unwrap();
    assert!(timeline.contains(",detection,app,"), "{timeline}");
    // The next session has them.
    let mut next = Play::of(100, 30, Msg::Tick, Settings::default());
    next.world = Arc::clone(&play.world);
    next.tell(story());
    assert_eq!(next.model.notes, play.model.notes);
    assert_eq!(next.model.notes.len(), 2);
    next.keys("6d");
    assert_eq!(next.model.notes.len(), 1);
    // Unless it does not want to.
    let mut apart = Play::of(100, 30, Msg::Tick, Settings { restore: false, ..Settings::default() });
    apart.world = Arc::clone(&play.world);
    apart.tell(story());
    assert!(apart.model.notes.is_empty());
}

#[test]
fn a_brush_leads_everything() {
    let mut play = Play::new(120, 40);
    let all = play.model.event_count();
    play.keys("!vllllllv");
    let (from, to) = play.model.axis.brush.unwrap();
    assert!(play.model.event_count() < all);
    let data = Arc::clone(play.model.data().unwrap());
    let rows = data.table.rows();
    let inside = data.order.iter().filter(|id| (from..to).contains(&rows.get(**id).time())).count();
    assert_eq!(play.model.event_count(), inside);
    play.keys("c");
    assert!(play.frame().contains("what differs in the brush"), "{}", play.frame());
    play.keys("<enter>");
    assert_eq!((play.model.pane, play.model.events.filters.len()), (Pane::Events, 1));
    play.keys("1<esc>");
    assert_eq!(play.model.axis.brush, None);
}

#[test]
fn zooming_keeps_the_moment_under_the_cursor() {
    let mut play = Play::new(120, 40);
    let cursor = play.model.axis.cursor;
    play.keys("zzzzzz");
    let axis = play.model.axis;
    assert_eq!(axis.cursor, cursor);
    assert!(axis.from <= cursor && cursor <= axis.to);
    play.keys("ZZZZZZZZZZ");
    let window = play.model.data().unwrap().window;
    assert_eq!((play.model.axis.from, play.model.axis.to), window);
    play.keys("tT+30m<enter>T");
    assert!(play.frame().contains("T+00:30:00.000 T = onset"), "{}", play.frame());
    play.keys("Tt2023-08-10 15:00<enter>");
    assert!(play.frame().contains("2023-08-10 15:00:00.000 UTC"), "{}", play.frame());
    play.keys("<ctrl-t>l");
    assert!(play.frame().contains(" Europe/Berlin"), "{}", play.frame());
}

#[test]
fn themes_and_letters() {
    let settings = Settings { theme: Theme::Plain, ascii: true, ..Settings::default() };
    for (name, keys) in VIEWS {
        let mut play = Play::of(100, 30, story(), settings.clone());
        play.keys(keys);
        let buffer = play.buffer();
        for cell in buffer.content() {
            assert!(matches!(cell.fg, Color::Reset) && matches!(cell.bg, Color::Reset), "{name} has a colour");
            assert!(cell.symbol().is_ascii(), "{name} shows {:?}", cell.symbol());
        }
    }
}

#[test]
fn what_a_terminal_obeys_stays_out() {
    let dir = tempfile::tempdir().unwrap();
    let log = "2024-03-01 00:00:00.000 UTC [7] app@shop ERROR:  evil \x1b[31mred\x1b]0;title\x07 \u{202e}back\u{202c} \u{9b}5m 日本語 e\u{301}\r\n\
               2024-03-01 00:00:01.000 UTC [7] app@shop LOG:  \u{2066}next\u{2069}\tline\n";
    super::tools::file(&dir, "evil\x1b[2J.log", log.repeat(30).as_bytes());
    let reading = reading(dir.path());
    for (width, height) in [(80, 24), (60, 16), (33, 11)] {
        let mut play = Play::of(width, height, reading.clone(), Settings::default());
        for keys in ["", "4", "r", "<ctrl-w>", "/日本<enter>", "ievil<enter>", "p", "<esc>", "m6", "5", "3", "2"] {
            play.keys(keys);
            for cell in play.buffer().content() {
                let bad = |c: char| {
                    c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
                };
                assert!(!cell.symbol().chars().any(bad), "{:?} after {keys}", cell.symbol());
            }
        }
    }
    let mut play = Play::of(200, 24, reading, Settings::default());
    play.keys("4");
    assert!(play.frame().contains("evil \\u{1b}[31mred"), "it is shown, not obeyed\n{}", play.frame());
    assert!(play.frame().contains("日本語"));
}

#[test]
fn nothing_to_read_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let play = Play::of(80, 24, reading(dir.path()), Settings::default());
    assert!(play.frame().contains("no log in it"));
    let mut play = Play::of(80, 24, Msg::Tick, Settings::default());
    assert!(play.frame().contains("looking for logs"));
    play.keys("4jj/x<enter>2<enter>!zv?<esc><ctrl-c>");
    assert!(matches!(play.asked.last(), Some(Cmd::Quit(Some(130)))));
}

#[test]
fn the_mouse_points_and_brushes() {
    let mut play = Play::new(120, 40);
    let mouse = |kind, column, row| Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
    play.tell(mouse(MouseEventKind::Down(MouseButton::Left), 40, 10));
    let from = play.model.axis.cursor;
    play.tell(mouse(MouseEventKind::Drag(MouseButton::Left), 60, 10));
    play.tell(mouse(MouseEventKind::Up(MouseButton::Left), 60, 10));
    assert_eq!(play.model.axis.brush.map(|b| b.0), Some(from));
    play.tell(mouse(MouseEventKind::Down(MouseButton::Left), 40, 0));
    assert_eq!(play.model.pane, Pane::Events);
    play.tell(mouse(MouseEventKind::Down(MouseButton::Left), 50, 10));
    assert_eq!(play.model.events.list.at - play.model.events.list.top, 4, "the fifth line below the header");
}

#[test]
fn a_session_leads_to_all_its_records() {
    let mut play = Play::new(100, 30);
    play.keys("2<enter>p");
    assert_eq!(play.model.pane, Pane::Events);
    let count = play.model.event_count();
    assert!((1..50).contains(&count), "{count} records name one connection");
    play.keys("JJ");
    assert!(!play.frame().contains("Apparent connection leak detected"), "the record is scrolled\n{}", play.frame());
}

#[test]
fn a_rotated_file_stays_in_sight() {
    let dir = tempfile::tempdir().unwrap();
    let path = super::tools::file(&dir, "app.log", b"one\ntwo\n").display().to_string();
    let mut wish = Wish { paths: vec![path.clone()], options: Options::default() };
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

#[test]
fn every_key_is_in_the_help() {
    let mut play = Play::new(100, 300);
    play.keys("?");
    let frame = play.frame();
    for action in Action::ALL {
        assert!(frame.contains(action.help()), "{} is not in the help", action.name());
    }
}

mod random {
    use super::*;
    use proptest::prelude::*;

    fn key() -> impl Strategy<Value = Msg> {
        let code = prop_oneof![
            8 => proptest::char::range(' ', '~').prop_map(KeyCode::Char),
            1 => any::<char>().prop_map(KeyCode::Char),
            1 => prop::sample::select(vec![
                KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::BackTab, KeyCode::Up, KeyCode::Down, KeyCode::Left,
                KeyCode::Right, KeyCode::PageUp, KeyCode::PageDown, KeyCode::Home, KeyCode::End, KeyCode::Backspace,
                KeyCode::Delete, KeyCode::F(1), KeyCode::F(3), KeyCode::F(4),
            ]),
        ];
        let modifiers =
            prop_oneof![9 => Just(KeyModifiers::NONE), 1 => Just(KeyModifiers::CONTROL), 1 => Just(KeyModifiers::SHIFT)];
        let press = (code, modifiers).prop_map(|(code, modifiers)| Msg::Key(KeyEvent::new(code, modifiers)));
        let kind = prop::sample::select(vec![
            MouseEventKind::Down(MouseButton::Left),
            MouseEventKind::Drag(MouseButton::Left),
            MouseEventKind::Up(MouseButton::Left),
            MouseEventKind::ScrollUp,
            MouseEventKind::ScrollDown,
        ]);
        let point = (kind, 0u16..220, 0u16..60)
            .prop_map(|(kind, column, row)| Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
        let size = (1u16..220, 1u16..60).prop_map(|(width, height)| Msg::Resize(width, height));
        let paste = ".{0,12}".prop_map(Msg::Paste);
        prop_oneof![20 => press, 3 => point, 1 => size, 1 => paste]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        /// Whatever is typed, nothing breaks: every frame is drawn, every selection stays inside.
        #[test]
        fn keys_break_nothing(script in prop::collection::vec(key(), 1..60)) {
            static SMALL: OnceLock<Msg> = OnceLock::new();
            let small = SMALL.get_or_init(|| reading(&root().join("sample-logs/formats/hikaricp"))).clone();
            let mut play = Play::of(80, 24, small, Settings::default());
            for msg in script {
                play.tell(msg);
                play.buffer();
                let (count, _) = play.model.list_size();
                prop_assert!(play.model.pane != Pane::Events || play.model.events.list.at < count.max(1));
                let axis = play.model.axis;
                let window = play.model.data().unwrap().window;
                prop_assert!(window.0 <= axis.from && axis.from < axis.to && axis.to <= window.1, "{axis:?} {window:?}");
            }
        }
    }
}
