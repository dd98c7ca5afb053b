//! The merged log: searches, filters, jumps, values that are followed; sessions and sites that lead to it.

use super::play::Play;
use backtrail::tui::model::Pane;
use std::sync::Arc;

#[test]
fn a_site_leads_to_its_sessions_and_their_records_and_back() {
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
fn a_session_leads_to_all_its_records() {
    let mut play = Play::new(100, 30);
    play.keys("2<enter>p");
    assert_eq!(play.model.pane, Pane::Events);
    let count = play.model.event_count();
    assert!((1..50).contains(&count), "{count} records name one connection");
    play.keys("JJ");
    assert!(!play.frame().contains("Apparent connection leak detected"), "the record is scrolled\n{}", play.frame());
}
