//! The call sites: their source code, and how they follow the brush.

use super::super::tools::root;
use super::play::{Play, reading_with, wish};
use backtrail::tui::settings::Settings;

const LOGS: &str = "sample-logs/outages/2023-08-10-slow-leak/logs";

#[test]
fn the_source_code_stands_under_the_stack() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("net/larchshop/api/service");
    std::fs::create_dir_all(&folder).unwrap();
    let filler = "    // nothing\n".repeat(17);
    let lines = ["Connection c = pool.getConnection(); // \u{1b}[2J", "check(order);\t// why", "c.close();"];
    let lines: Vec<String> = lines.iter().map(|line| format!("        {line}\n")).collect();
    let code = format!("class ShipmentService {{\n{filler}{}    }}\n}}\n", lines.concat());
    std::fs::write(folder.join("ShipmentService.java"), code).unwrap();
    let mut wish = wish(&root().join(LOGS));
    wish.source = Some(dir.path().to_owned());
    let mut play = Play::of(100, 50, reading_with(&wish), Settings::default());
    play.keys("2");
    let frame = play.frame();
    assert!(frame.contains("   19          Connection c = pool.getConnection(); // \\u{1b}[2J"), "{frame}");
    assert!(frame.contains("   20          check(order);    // why"), "{frame}");
    assert!(frame.contains("outside of any finally"), "what a look at it says\n{frame}");
    // Another version of the code is told from this one.
    std::fs::write(folder.join("ShipmentService.java"), "class ShipmentService {}\n").unwrap();
    let mut play = Play::of(100, 50, reading_with(&wish), Settings::default());
    play.keys("2");
    assert!(play.frame().contains("has no line 19: another version?"), "{}", play.frame());
}

#[test]
fn the_detail_scrolls() {
    let mut play = Play::new(60, 16);
    play.keys("2");
    assert!(play.frame().contains("by net.larchshop.api.web.Controllers"), "{}", play.frame());
    play.keys("JJJJ");
    assert!(!play.frame().contains("api.web.Controllers") && play.frame().contains("serving POST"), "{}", play.frame());
    play.keys("KKKK");
    assert!(play.frame().contains("by net.larchshop.api.web.Controllers"));
}

#[test]
fn call_sites_follow_the_brush() {
    let mut play = Play::new(120, 40);
    let all = play.model.sites.shown.clone();
    play.keys("gvllllllllllllllllllllllv");
    let (from, to) = play.model.axis.brush.unwrap();
    let data = play.model.data().unwrap().clone();
    for (leak, sessions) in &play.model.sites.shown {
        let inside = data.case.leaks[*leak].sessions.iter().map(|s| &data.case.sessions[*s as usize]);
        assert_eq!(inside.filter(|s| (from..to).contains(&s.open)).count() as u64, *sessions);
    }
    let counted = |shown: &[(usize, u64)]| shown.iter().map(|(_, n)| n).sum::<u64>();
    assert!(counted(&play.model.sites.shown) < counted(&all));
    // Before the deploy nothing leaked.
    play.keys("1<esc>gvlv2");
    assert!(play.frame().contains("nothing that leaked was opened in the brush"), "{}", play.frame());
    play.keys("1<esc>");
    assert_eq!(play.model.sites.shown, all);
}
