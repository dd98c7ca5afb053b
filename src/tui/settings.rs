//! What a reader may set: theme, glyphs, mouse, bell, session restore, keys. Text comes from the settings file.

use super::keymap::Keymap;
use super::theme::Theme;

/// The reader's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Colours.
    pub theme: Theme,
    /// Letters instead of graphics.
    pub ascii: bool,
    /// Whether the mouse is taken.
    pub mouse: bool,
    /// Whether a new leak rings the bell while following.
    pub bell: bool,
    /// Whether notes are saved and restored.
    pub restore: bool,
    /// Keys.
    pub keys: Keymap,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { theme: Theme::Dark, ascii: false, mouse: true, bell: true, restore: true, keys: Keymap::default() }
    }
}

impl Settings {
    /// Reads settings, in TOML: `theme = "light"`, `ascii`, `mouse`, `bell`, `restore`, and `[keys]` with a list of keys
    /// per action. What makes no sense is left at its default and told in the list.
    pub fn parse(text: &str) -> (Settings, Vec<String>) {
        let mut settings = Settings::default();
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(problem) => return (settings, vec![format!("settings: {}", problem.message())]),
        };
        let mut odd = Vec::new();
        for (key, value) in &table {
            let yes = value.as_bool();
            match (key.as_str(), yes) {
                ("ascii", Some(yes)) => settings.ascii = yes,
                ("mouse", Some(yes)) => settings.mouse = yes,
                ("bell", Some(yes)) => settings.bell = yes,
                ("restore", Some(yes)) => settings.restore = yes,
                ("theme", None) => match Theme::ALL.iter().find(|t| Some(t.name()) == value.as_str()) {
                    Some(theme) => settings.theme = *theme,
                    None => odd.push(format!("settings: no theme is called {value}")),
                },
                ("keys", None) => keys(value, &mut settings.keys, &mut odd),
                _ => odd.push(format!("settings: {key} = {value} is not understood")),
            }
        }
        (settings, odd)
    }
}

fn keys(value: &toml::Value, map: &mut Keymap, odd: &mut Vec<String>) {
    for (name, keys) in value.as_table().into_iter().flatten() {
        let one = keys.as_str().map(|k| vec![k.to_owned()]);
        let many = keys.as_array().map(|list| list.iter().filter_map(|k| k.as_str().map(str::to_owned)).collect());
        let known = one.or(many).is_some_and(|keys| map.bind(name, keys));
        if !known {
            odd.push(format!("settings: keys of {name} are not understood"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::keymap::Action;

    #[test]
    fn settings_are_read_and_nonsense_is_told() {
        let text = "theme = \"light\"\nmouse = false\nspeed = 3\n[keys]\nquit = \"Q\"\nhelp = [\"f1\", \"H\"]\nfly = \"x\"\n";
        let (settings, odd) = Settings::parse(text);
        assert_eq!((settings.theme, settings.mouse, settings.ascii), (Theme::Light, false, false));
        assert_eq!(settings.keys.keys(Action::Help), ["f1", "H"]);
        assert_eq!(odd.len(), 2, "{odd:?}");
        assert_eq!(Settings::parse("theme = [").1.len(), 1);
    }
}
