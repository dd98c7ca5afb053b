//! Colours by role and glyphs by role: a pane asks for a role, never for a colour.

use ratatui::style::{Color, Modifier, Style};

macro_rules! roles {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// What a style is for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Role { $($(#[$doc])+ $name,)+ }
    };
}

roles! {
    /// Ordinary text.
    Plain,
    /// What matters less.
    Dim,
    /// Headings, the active tab.
    Title,
    /// Keys in the footer.
    Key,
    /// What is well.
    Good,
    /// Warnings.
    Warn,
    /// Errors, leaks.
    Bad,
    /// The selected row.
    Selected,
    /// The cursor on the time axis.
    Cursor,
    /// The brushed range.
    Brush,
    /// A search hit.
    Hit,
    /// Requests.
    Requests,
    /// Latency.
    Latency,
    /// Waiting.
    Waiting,
    /// Connections in use.
    Use,
    /// Open sessions.
    Open,
}

/// The themes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// For dark backgrounds.
    Dark,
    /// For light backgrounds.
    Light,
    /// Few, strong colours.
    Contrast,
    /// No colour at all: bold, dim, underlined and reversed only.
    Plain,
}

impl Theme {
    /// Every theme.
    pub const ALL: [Theme; 4] = [Theme::Dark, Theme::Light, Theme::Contrast, Theme::Plain];

    /// The word in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Theme::Dark => "dark",
            Theme::Light => "light",
            Theme::Contrast => "contrast",
            Theme::Plain => "plain",
        }
    }

    /// The theme after this one.
    #[must_use]
    pub fn next(self) -> Theme {
        let at = Theme::ALL.iter().position(|t| *t == self).unwrap_or(0);
        Theme::ALL.get(at + 1).copied().unwrap_or(Theme::Dark)
    }

    /// The style of a role.
    pub fn style(self, role: Role) -> Style {
        let plain = Style::default();
        let fg = |dark: Color, light: Color, contrast: Color| match self {
            Theme::Dark => plain.fg(dark),
            Theme::Light => plain.fg(light),
            Theme::Contrast => plain.fg(contrast).add_modifier(Modifier::BOLD),
            Theme::Plain => plain,
        };
        match role {
            Role::Plain => plain,
            Role::Dim if self == Theme::Contrast => plain,
            Role::Dim if self == Theme::Plain => plain.add_modifier(Modifier::DIM),
            Role::Dim => fg(Color::DarkGray, Color::Gray, Color::Reset),
            Role::Title => fg(Color::Cyan, Color::Blue, Color::Cyan).add_modifier(Modifier::BOLD),
            Role::Key => fg(Color::Cyan, Color::Blue, Color::White).add_modifier(Modifier::BOLD),
            Role::Good => fg(Color::Green, Color::Green, Color::Green),
            Role::Warn => fg(Color::Yellow, Color::Magenta, Color::Yellow),
            Role::Bad if self == Theme::Plain => plain.add_modifier(Modifier::BOLD),
            Role::Bad => fg(Color::Red, Color::Red, Color::LightRed),
            Role::Selected => plain.add_modifier(Modifier::REVERSED),
            Role::Cursor => plain.add_modifier(Modifier::REVERSED),
            Role::Brush => match self {
                Theme::Dark => plain.bg(Color::Blue),
                Theme::Light => plain.bg(Color::LightBlue),
                _ => plain.add_modifier(Modifier::UNDERLINED),
            },
            Role::Hit => match self {
                Theme::Plain => plain.add_modifier(Modifier::UNDERLINED | Modifier::BOLD),
                _ => plain.fg(Color::Black).bg(Color::Yellow),
            },
            Role::Requests => fg(Color::Blue, Color::Blue, Color::LightBlue),
            Role::Latency => fg(Color::Magenta, Color::Magenta, Color::LightMagenta),
            Role::Waiting => fg(Color::Yellow, Color::Magenta, Color::Yellow),
            Role::Use => fg(Color::Cyan, Color::Cyan, Color::LightCyan),
            Role::Open => fg(Color::Green, Color::Green, Color::LightGreen),
        }
    }
}

/// Glyphs: block graphics, or what every terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// True for ASCII only.
    pub ascii: bool,
}

/// Eighths of a cell, from the bottom.
const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// The same in ASCII.
const LEVELS: [&str; 9] = [" ", "_", ".", ".", "-", "=", "+", "*", "#"];
/// Numbers of flags.
const CIRCLED: [&str; 20] =
    ["①", "②", "③", "④", "⑤", "⑥", "⑦", "⑧", "⑨", "⑩", "⑪", "⑫", "⑬", "⑭", "⑮", "⑯", "⑰", "⑱", "⑲", "⑳"];
/// The same in ASCII; letters go on where digits end.
const DIGITS: [&str; 20] = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"];

impl Glyphs {
    const fn pick(self, pretty: &'static str, ascii: &'static str) -> &'static str {
        if self.ascii { ascii } else { pretty }
    }

    /// A bar that fills `eighths` of a cell from below.
    pub fn bar(self, eighths: usize) -> &'static str {
        let table = if self.ascii { LEVELS } else { EIGHTHS };
        table.get(eighths.min(8)).copied().unwrap_or(" ")
    }

    /// A flag's number, counted from 0.
    pub fn flag(self, number: usize) -> &'static str {
        let table = if self.ascii { DIGITS } else { CIRCLED };
        table.get(number).copied().unwrap_or("+")
    }

    /// Four by two dots, as bits of Unicode's braille block; ASCII shows how many there are.
    pub fn dots(self, bits: u8) -> char {
        if self.ascii {
            return match bits.count_ones() {
                0 => ' ',
                1 | 2 => '.',
                3..=5 => ':',
                _ => '#',
            };
        }
        char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' ')
    }

    /// A deploy.
    pub const fn deploy(self) -> &'static str {
        self.pick("◆", "D")
    }

    /// An alert.
    pub const fn alert(self) -> &'static str {
        self.pick("▲", "A")
    }

    /// A start, stop or crash.
    pub const fn restart(self) -> &'static str {
        self.pick("↻", "R")
    }

    /// A mark of the reader's.
    pub const fn mark(self) -> &'static str {
        self.pick("●", "*")
    }

    /// A line.
    pub const fn line(self) -> &'static str {
        self.pick("─", "-")
    }

    /// A stretch in which a source wrote something.
    pub const fn covered(self) -> &'static str {
        self.pick("▬", "=")
    }

    /// A hole.
    pub const fn hole(self) -> &'static str {
        self.pick("╳", "x")
    }

    /// The inside of a session's bar, by its kind: closed, leaked, uncertain.
    pub const fn held(self) -> &'static str {
        self.pick("━", "=")
    }

    /// The inside of a bar whose end is not known.
    pub const fn unsure(self) -> &'static str {
        self.pick("┄", ".")
    }

    /// A session's first cell.
    pub const fn opens(self) -> &'static str {
        self.pick("├", "[")
    }

    /// A session's last cell.
    pub const fn closes(self) -> &'static str {
        self.pick("┤", "]")
    }

    /// Opened before what is shown.
    pub const fn before(self) -> &'static str {
        self.pick("◀", "<")
    }

    /// Open beyond what is shown.
    pub const fn beyond(self) -> &'static str {
        self.pick("▶", ">")
    }

    /// Never given back.
    pub const fn leaked(self) -> &'static str {
        self.pick("✕", "X")
    }

    /// About there.
    pub const fn about(self) -> &'static str {
        self.pick("≈", "~")
    }

    /// Text goes on.
    pub const fn more(self) -> &'static str {
        self.pick("…", "~")
    }

    /// Between two statements.
    pub const fn dot(self) -> &'static str {
        self.pick("·", "-")
    }
}
