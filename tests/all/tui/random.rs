//! Whatever is typed, clicked, pasted or resized.

use super::super::tools::root;
use super::play::{Play, reading};
use backtrail::tui::model::Pane;
use backtrail::tui::msg::Msg;
use backtrail::tui::settings::Settings;
use proptest::prelude::*;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use std::sync::OnceLock;

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
