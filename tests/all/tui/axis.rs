//! The time axis: brush, zoom, times of the day and from the onset, the mouse.

use super::play::Play;
use backtrail::tui::model::Pane;
use backtrail::tui::msg::Msg;
use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use std::sync::Arc;

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
