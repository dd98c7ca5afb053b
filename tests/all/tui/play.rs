//! A reader at a terminal that is none: keys go in, frames come out. Commands are carried out on the spot, by the same
//! functions that the program's threads call.

use super::super::tools::root;
use backtrail::ingest::Options;
use backtrail::tui::clock::Zone;
use backtrail::tui::host::Host;
use backtrail::tui::model::Model;
use backtrail::tui::msg::{Cmd, Msg};
use backtrail::tui::settings::Settings;
use backtrail::tui::update::update;
use backtrail::tui::view::view;
use backtrail::tui::work::{Latest, Readers, Wish, perform, read};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier, Style};
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

/// A world that keeps in memory what it is given.
#[derive(Default)]
pub(super) struct World {
    pub(super) notes: Mutex<BTreeMap<String, String>>,
    pub(super) exports: Mutex<BTreeMap<String, String>>,
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
    fn zone(&self) -> Zone {
        Zone::parse("Europe/Berlin")
    }
}

/// A reader at a terminal.
pub(super) struct Play {
    pub(super) model: Model,
    pub(super) world: Arc<World>,
    pub(super) readers: Readers,
    pub(super) latest: Latest,
    /// Commands that only a terminal can carry out.
    pub(super) asked: Vec<Cmd>,
}

/// One reading of a story, shared by the tests: reading it takes longer than all of them.
pub(super) fn story() -> Msg {
    static STORY: OnceLock<Msg> = OnceLock::new();
    STORY.get_or_init(|| reading(&root().join("sample-logs/outages/2023-08-10-slow-leak/logs"))).clone()
}

pub(super) fn reading(path: &Path) -> Msg {
    reading_with(&wish(path))
}

/// What a reader asks for who says nothing but a path.
pub(super) fn wish(path: &Path) -> Wish {
    let options = Options { threads: 2, ..Options::default() };
    Wish { paths: vec![path.display().to_string()], options, clocks: Some(true), source: None }
}

pub(super) fn reading_with(wish: &Wish) -> Msg {
    let last = Mutex::new(None);
    read(wish, &|msg| {
        *last.lock().unwrap() = Some(msg);
        true
    });
    last.into_inner().unwrap().unwrap()
}

impl Play {
    pub(super) fn new(width: u16, height: u16) -> Play {
        Play::of(width, height, story(), Settings::default())
    }

    pub(super) fn of(width: u16, height: u16, reading: Msg, settings: Settings) -> Play {
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
    pub(super) fn tell(&mut self, msg: Msg) {
        let mut queue = VecDeque::from([msg]);
        while let Some(msg) = queue.pop_front() {
            for cmd in update(&mut self.model, msg) {
                self.latest.raise(&self.model);
                match cmd {
                    Cmd::Quit(_)
                    | Cmd::Suspend
                    | Cmd::Redraw
                    | Cmd::Picture
                    | Cmd::Mouse(_)
                    | Cmd::Bell
                    | Cmd::Copy(_)
                    | Cmd::Edit { .. } => {
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
    pub(super) fn keys(&mut self, script: &str) -> &mut Play {
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

    pub(super) fn buffer(&self) -> Buffer {
        let (width, height) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view(&self.model, frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    /// The frame as text.
    pub(super) fn frame(&self) -> String {
        lines(&self.buffer())
    }

    /// The frame, and below it the style of every cell.
    pub(super) fn tagged(&self) -> String {
        let buffer = self.buffer();
        format!("{}{}\n{}", lines(&buffer), "=".repeat(usize::from(buffer.area.width)), styles(&buffer))
    }
}

pub(super) fn named(name: &str) -> KeyEvent {
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
        "pgup" => KeyCode::PageUp,
        "pgdn" => KeyCode::PageDown,
        "lt" => KeyCode::Char('<'),
        "f3" => KeyCode::F(3),
        "f4" => KeyCode::F(4),
        _ => KeyCode::Char(name.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}

fn tag(style: Style) -> String {
    let mut tags = Vec::new();
    for (ground, color) in [("", style.fg), ("on ", style.bg)] {
        tags.extend(color.filter(|c| *c != Color::Reset).map(|c| format!("{ground}{}", c.to_string().to_lowercase())));
    }
    let modifiers = [
        (Modifier::REVERSED, "reversed"),
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::UNDERLINED, "underlined"),
    ];
    tags.extend(modifiers.into_iter().filter(|(m, _)| style.add_modifier.contains(*m)).map(|(_, name)| name.to_owned()));
    tags.join(" ")
}

/// The characters of a frame.
fn lines(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let (mut line, mut skip) = (String::new(), 0);
        for x in 0..buffer.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            skip = unicode_width::UnicodeWidthStr::width(symbol).saturating_sub(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A letter a cell for its style, in the frame's own shape, and what the letters mean.
fn styles(buffer: &Buffer) -> String {
    let (mut out, mut known) = (String::new(), Vec::<String>::new());
    for y in 0..buffer.area.height {
        let mut line = String::new();
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let tag = tag(cell.style());
            // A colour is not seen where there is nothing.
            let seen = cell.symbol() != " " || tag.contains("on ") || tag.contains("reversed") || tag.contains("underlined");
            if !seen {
                line.push(' ');
                continue;
            }
            if tag.is_empty() {
                line.push('.');
                continue;
            }
            let at = known.iter().position(|t| *t == tag).unwrap_or_else(|| {
                known.push(tag);
                known.len() - 1
            });
            line.push(char::from(b'a' + u8::try_from(at).unwrap()));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    for (letter, tag) in (b'a'..).zip(known) {
        out.push_str(&format!("{}: {tag}\n", char::from(letter)));
    }
    out
}
