//! Files that grow and rotate while they are looked at.

use super::super::tools::file;
use super::play::{Play, story, wish};
use backtrail::tui::model::Pane;
use backtrail::tui::work::{rotated, signature};
use std::path::Path;

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
