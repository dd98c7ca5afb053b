//! Notes: kept, brought back, exported.

use super::play::{Play, story};
use backtrail::tui::msg::Msg;
use backtrail::tui::settings::Settings;
use std::sync::Arc;

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
