//! Every view, as it is drawn: at the sizes that people have, in colour and without, with letters alone.

use super::super::tools::file;
use super::play::{Play, reading, story};
use backtrail::tui::keymap::Action;
use backtrail::tui::msg::{Cmd, Msg};
use backtrail::tui::settings::Settings;
use backtrail::tui::theme::Theme;
use ratatui::style::Color;

/// Every view as a reader comes to it.
const VIEWS: [(&str, &str); 18] = [
    ("timeline", ""),
    ("incident", "!"),
    ("brush", "!vllllllv"),
    ("compare", "!vllllllvc"),
    ("sites", "2"),
    ("sessions", "2<enter>"),
    ("all_sessions", "3ao"),
    ("holders", "3w"),
    ("events", "4"),
    ("wrapped", "4<ctrl-w>"),
    ("filtered", "4istatus>=500<enter>/leak<enter>"),
    ("hidden", "4itook>=1h<enter>istatus=200<enter>"),
    ("record", "2o"),
    ("pivot", "2op"),
    ("prompt", "4i"),
    ("diagnosis", "5"),
    ("notes", "2omcthe first leak<enter>#jm6"),
    ("palette", "<ctrl-p>bru"),
];

#[test]
fn every_view_is_drawn_at_every_size() {
    for (width, height) in [(80, 24), (120, 40), (60, 16)] {
        for (name, keys) in VIEWS {
            let mut play = Play::new(width, height);
            play.keys(keys);
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), play.tagged());
        }
        let mut help = Play::new(width, height);
        help.keys("?");
        insta::assert_snapshot!(format!("help_{width}x{height}"), help.tagged());
    }
}

#[test]
fn much_room_is_used() {
    let mut play = Play::new(200, 50);
    insta::assert_snapshot!("timeline_200x50", play.frame());
    play.keys("3w");
    insta::assert_snapshot!("holders_200x50", play.frame());
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
    file(&dir, "evil\x1b[2J.log", log.repeat(30).as_bytes());
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
fn every_key_is_in_the_help() {
    let mut play = Play::new(100, 300);
    play.keys("?");
    let frame = play.frame();
    for action in Action::ALL {
        assert!(frame.contains(action.help()), "{} is not in the help", action.name());
    }
}
