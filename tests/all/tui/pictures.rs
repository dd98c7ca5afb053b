//! README's pictures are frames of the program: drawn again here, and compared.

use super::super::tools::root;
use super::play::Play;
use backtrail::tui::svg::svg;
use backtrail::tui::theme::Theme;

const PICTURES: [(&str, &str, &str); 3] = [
    ("timeline", "!", "The timeline of an outage: lanes, deploy, flags and the verdict"),
    ("call-sites", "2", "Leaking call sites with the stack that opened the connections"),
    ("sessions", "2<enter>", "Sessions that leaked, as bars"),
];

#[test]
fn pictures_in_the_readme_are_what_the_program_draws() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for (name, keys, title) in PICTURES {
        let mut play = Play::new(110, 32);
        play.keys(keys);
        let now = svg(&play.buffer(), Theme::Dark, title);
        let place = format!("tests/pictures/{name}.svg");
        let path = root().join(&place);
        if std::env::var("INSTA_UPDATE").is_ok_and(|how| how == "always") {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &now).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), now, "{place} is of another day");
        assert!(readme.contains(&format!("]({place})")), "README does not show {place}");
    }
}
