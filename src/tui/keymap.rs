//! Keys and what they do, as data: the footer, the help and the palette are made from this table.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::collections::BTreeMap;

/// Where a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// In every pane.
    Everywhere,
    /// In panes with a list.
    List,
    /// In panes with a time axis.
    Axis,
    /// On the timeline.
    Timeline,
    /// Among the call sites.
    Sites,
    /// Among the sessions.
    Sessions,
    /// Among the events.
    Events,
    /// On the diagnosis.
    Diagnosis,
    /// Among the notes.
    Notes,
}

impl Scope {
    /// Heading in the help.
    pub const fn title(self) -> &'static str {
        match self {
            Scope::Everywhere => "Everywhere",
            Scope::List => "In lists",
            Scope::Axis => "On a time axis",
            Scope::Timeline => "Timeline",
            Scope::Sites => "Call sites",
            Scope::Sessions => "Sessions",
            Scope::Events => "Events",
            Scope::Diagnosis => "Diagnosis",
            Scope::Notes => "Notes",
        }
    }

    /// Every scope, in the order of the help.
    pub const ALL: [Scope; 9] = [
        Scope::Everywhere,
        Scope::List,
        Scope::Axis,
        Scope::Timeline,
        Scope::Sites,
        Scope::Sessions,
        Scope::Events,
        Scope::Diagnosis,
        Scope::Notes,
    ];
}

macro_rules! actions {
    ($($scope:ident { $($variant:ident = $name:literal, $keys:expr, $help:literal;)+ })+) => {
        /// What can be done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action { $($(#[doc = $help] $variant,)+)+ }

        impl Action {
            /// Every action, in the order of the help.
            pub const ALL: &'static [Action] = &[$($(Action::$variant),+),+];

            /// Its name in the settings.
            pub const fn name(self) -> &'static str {
                match self { $($(Action::$variant => $name),+),+ }
            }

            /// What it does, in a few words.
            pub const fn help(self) -> &'static str {
                match self { $($(Action::$variant => $help),+),+ }
            }

            /// Where it works.
            pub const fn scope(self) -> Scope {
                match self { $($(Action::$variant => Scope::$scope),+),+ }
            }

            /// Its keys, unless the settings say otherwise.
            pub const fn keys(self) -> &'static [&'static str] {
                match self { $($(Action::$variant => &$keys),+),+ }
            }
        }
    };
}

actions! {
    Everywhere {
        Quit = "quit", ["q"], "quit";
        Interrupt = "interrupt", ["ctrl-c"], "quit at once (exit code 130)";
        Help = "help", ["?", "f1"], "help";
        Palette = "palette", ["ctrl-p", ":"], "find a command by its words";
        NextPane = "next-pane", ["tab"], "next pane";
        PrevPane = "previous-pane", ["backtab"], "pane before";
        Timeline = "timeline", ["1"], "timeline";
        Sites = "call-sites", ["2"], "call sites";
        Sessions = "sessions", ["3"], "sessions";
        Events = "events", ["4"], "events";
        Diagnosis = "diagnosis", ["5"], "diagnosis";
        Notes = "notes", ["6"], "notes";
        Back = "back", ["esc", "backspace", "`"], "back to where you were";
        GoTo = "go-to-time", ["t"], "go to a time (14:32, +5m, T+3m)";
        Zone = "zone", ["ctrl-t"], "zone of times: UTC, yours, the source's";
        Relative = "relative", ["T"], "times from the onset, or of the day";
        Export = "export", ["e", "X"], "export report, timeline and notes";
        Theme = "theme", ["f3"], "next theme";
        Ascii = "ascii", ["f4"], "plain letters instead of graphics";
        Mouse = "mouse", ["f2", "%"], "mouse on or off (off: select text with it)";
        Suspend = "suspend", ["ctrl-z"], "to the shell; fg brings it back";
        Picture = "picture", ["P"], "save what is shown as a picture (SVG)";
        Redraw = "redraw", ["ctrl-l"], "draw anew";
    }
    List {
        Up = "up", ["k", "up"], "up";
        Down = "down", ["j", "down"], "down";
        PageUp = "page-up", ["pgup", "ctrl-u", "b"], "a page up";
        PageDown = "page-down", ["pgdn", "ctrl-d", "space"], "a page down";
        Top = "top", ["g", "home"], "first";
        Bottom = "bottom", ["G", "end"], "last";
    }
    Axis {
        Left = "left", ["h", "left"], "cursor left";
        Right = "right", ["l", "right"], "cursor right";
        ZoomIn = "zoom-in", ["+", "=", "z"], "zoom in";
        ZoomOut = "zoom-out", ["-", "Z"], "zoom out";
        PanLeft = "pan-left", ["H", "shift-left"], "pan left";
        PanRight = "pan-right", ["L", "shift-right"], "pan right";
        Fit = "fit", ["0"], "show everything";
        Incident = "fit-incident", ["!"], "show the incident";
        NextMark = "next-marker", [".", "]"], "next marker";
        PrevMark = "previous-marker", [",", "["], "marker before";
    }
    Timeline {
        WasdIn = "wasd-in", ["w"], "zoom in";
        WasdOut = "wasd-out", ["s"], "zoom out";
        WasdLeft = "wasd-left", ["a"], "pan left";
        WasdRight = "wasd-right", ["d"], "pan right";
        FitToo = "fit-all", ["f"], "show everything";
        Brush = "brush", ["v"], "begin or end a brush at the cursor";
        Compare = "compare", ["c"], "what changed in the brush, against the rest";
        Start = "axis-start", ["g", "home"], "first moment";
        End = "axis-end", ["G", "end"], "last moment";
        TimelineOpen = "timeline-open", ["enter"], "zoom to the brush, or events at the cursor";
    }
    Sites {
        SiteOpen = "site-sessions", ["enter"], "its sessions";
        SiteEvents = "site-evidence", ["o"], "its evidence among the events";
        SiteCopy = "site-copy", ["y"], "copy the line of code";
        SiteDown = "site-down", ["J"], "scroll what is known of it down";
        SiteUp = "site-up", ["K"], "scroll what is known of it up";
    }
    Sessions {
        SessionOpen = "session-events", ["enter"], "its events";
        SessionFollow = "session-follow", ["p"], "all records of its connection";
        Group = "group", ["o"], "group: call site, pool, host, endpoint, none";
        Suspects = "suspects", ["a"], "all sessions, or those that did not end well";
        Holders = "holders", ["w"], "who holds a connection at the cursor";
    }
    Events {
        EventOpen = "event-record", ["enter", "r"], "show or hide the whole record";
        RecordDown = "record-down", ["J"], "scroll the record down";
        RecordUp = "record-up", ["K"], "scroll the record up";
        Search = "search", ["/"], "search";
        SearchNext = "search-next", ["n"], "next hit";
        SearchPrev = "search-previous", ["N"], "hit before";
        FilterIn = "filter-in", ["i"], "show only what matches";
        FilterOut = "filter-out", ["o"], "hide what matches";
        FilterToggle = "filters-toggle", ["ctrl-f"], "filters on or off";
        FilterDrop = "filter-drop", ["x"], "drop the last filter";
        Pivot = "pivot", ["p"], "follow a value of this record";
        NextError = "next-error", ["e"], "next error";
        PrevError = "previous-error", ["E"], "error before";
        NextWarning = "next-warning", ["w"], "next warning";
        PrevWarning = "previous-warning", ["W"], "warning before";
        NextSlow = "next-slow", ["s"], "next that took or waited 1 s";
        PrevSlow = "previous-slow", ["S"], "slow one before";
        NextFile = "next-file", ["f"], "next record of another source";
        NextMarked = "next-marked", ["u"], "next marked record";
        PrevMarked = "previous-marked", ["U"], "marked record before";
        MarkEvent = "mark", ["m"], "mark or unmark";
        Comment = "comment", ["c"], "comment";
        TagEvent = "tag", ["#"], "tag: Detection, Diagnosis, Repair, Key moment";
        CopyEvent = "copy", ["y"], "copy the record";
        Editor = "editor", ["v"], "open in your editor";
        Wrap = "wrap", ["ctrl-w"], "wrap long records";
    }
    Diagnosis {
        DiagnosisOpen = "evidence", ["enter"], "jump to the evidence";
    }
    Notes {
        NoteOpen = "note-event", ["enter"], "its record";
        NoteComment = "note-comment", ["c"], "comment";
        NoteTag = "note-tag", ["#"], "tag";
        NoteDrop = "note-drop", ["d", "x", "delete"], "drop";
    }
}

/// Keys by name, with what the settings changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    keys: BTreeMap<Action, Vec<String>>,
}

impl Default for Keymap {
    fn default() -> Self {
        let own = |action: &Action| (*action, action.keys().iter().map(|k| (*k).to_owned()).collect());
        Keymap { keys: Action::ALL.iter().map(own).collect() }
    }
}

impl Keymap {
    /// Gives an action other keys; false where no action has this name.
    pub fn bind(&mut self, name: &str, keys: Vec<String>) -> bool {
        let Some(action) = Action::ALL.iter().find(|a| a.name() == name) else { return false };
        self.keys.insert(*action, keys);
        true
    }

    /// The keys of an action.
    pub fn keys(&self, action: Action) -> &[String] {
        self.keys.get(&action).map(Vec::as_slice).unwrap_or_default()
    }

    /// The first key of an action, or nothing.
    pub fn key(&self, action: Action) -> &str {
        self.keys(action).first().map_or("", String::as_str)
    }

    /// What a key does: in the first of these scopes that has it.
    pub fn action(&self, scopes: &[Scope], key: &str) -> Option<Action> {
        scopes.iter().find_map(|scope| {
            let bound = self.keys.iter().filter(|(action, _)| action.scope() == *scope);
            bound.into_iter().find(|(_, keys)| keys.iter().any(|k| k == key)).map(|(action, _)| *action)
        })
    }
}

/// The name of a key: `j`, `G`, `ctrl-p`, `shift-left`, `enter`, `f1`; empty where it has none.
pub fn name(key: &KeyEvent) -> String {
    let base = match key.code {
        KeyCode::Char(' ') => "space".into(),
        KeyCode::Char(c) => c.to_string(),
        KeyCode::F(n) => format!("f{n}"),
        KeyCode::Enter => "enter".into(),
        KeyCode::Esc => "esc".into(),
        KeyCode::Tab => "tab".into(),
        KeyCode::BackTab => return "backtab".into(),
        KeyCode::Backspace => "backspace".into(),
        KeyCode::Delete => "delete".into(),
        KeyCode::Left => "left".into(),
        KeyCode::Right => "right".into(),
        KeyCode::Up => "up".into(),
        KeyCode::Down => "down".into(),
        KeyCode::Home => "home".into(),
        KeyCode::End => "end".into(),
        KeyCode::PageUp => "pgup".into(),
        KeyCode::PageDown => "pgdn".into(),
        _ => return String::new(),
    };
    let mut prefix = String::new();
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        prefix.push_str("ctrl-");
    }
    if key.modifiers.contains(KeyModifiers::ALT) {
        prefix.push_str("alt-");
    }
    // Of letters the case says it.
    if key.modifiers.contains(KeyModifiers::SHIFT) && !matches!(key.code, KeyCode::Char(_)) {
        prefix.push_str("shift-");
    }
    prefix + &base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_scope() {
        let mut seen = std::collections::BTreeSet::new();
        for action in Action::ALL {
            for key in action.keys() {
                assert!(seen.insert((action.scope(), *key)), "{key} is taken twice ({})", action.name());
            }
        }
    }

    #[test]
    fn names_are_unique_and_can_be_bound() {
        let mut names: Vec<&str> = Action::ALL.iter().map(|a| a.name()).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]));
        let mut map = Keymap::default();
        assert!(map.bind("quit", vec!["Q".into()]) && !map.bind("fly", vec![]));
        assert_eq!(map.action(&[Scope::Everywhere], "Q"), Some(Action::Quit));
        assert_eq!(map.action(&[Scope::Everywhere], "q"), None);
    }
}
