//! Drawing text into a buffer: clipped, never beside its area, wide characters counted by their columns.

use super::super::theme::{Glyphs, Role, Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A buffer and how things look.
pub(super) struct Pen<'b> {
    pub(super) buffer: &'b mut Buffer,
    pub(super) theme: Theme,
    pub(super) glyphs: Glyphs,
}

/// The longest beginning of a text that is not wider than `columns`.
pub(super) fn head(text: &str, columns: usize) -> &str {
    let mut width = 0;
    for (at, c) in text.char_indices() {
        width += c.width().unwrap_or(0);
        if width > columns {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

/// The longest end of a text that is not wider than `columns`.
pub(super) fn tail(text: &str, columns: usize) -> &str {
    let mut width = 0;
    for (at, c) in text.char_indices().rev() {
        width += c.width().unwrap_or(0);
        if width > columns {
            return text.get(at + c.len_utf8()..).unwrap_or_default();
        }
    }
    text
}

/// A text broken at the last space that fits, else where it fits.
pub(super) fn break_at(text: &str, columns: usize) -> (&str, &str) {
    let fits = head(text, columns.max(1));
    if fits.len() == text.len() {
        return (text, "");
    }
    if let Some(after) = text.get(fits.len()..).and_then(|rest| rest.strip_prefix(' ')) {
        return (fits, after);
    }
    // A space far to the left is no place to break: long names would leave most of the line empty.
    match fits.rfind(' ').filter(|at| *at > fits.len() / 3) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
        None => {
            // A character wider than the area goes alone, so that there is an end.
            let at = if fits.is_empty() { text.chars().next().map_or(0, char::len_utf8) } else { fits.len() };
            text.split_at_checked(at).unwrap_or((text, ""))
        }
    }
}

impl Pen<'_> {
    /// Writes from `x` on, cut at the area's end with a sign that it goes on; the column after it.
    pub(super) fn text(&mut self, area: Rect, x: u16, y: u16, text: &str, role: Role) -> u16 {
        self.styled(area, x, y, text, self.theme.style(role))
    }

    /// The same in a style.
    pub(super) fn styled(&mut self, area: Rect, x: u16, y: u16, text: &str, style: Style) -> u16 {
        let area = area.intersection(self.buffer.area);
        if x < area.x || x >= area.right() || y < area.y || y >= area.bottom() || text.is_empty() {
            return x;
        }
        let room = usize::from(area.right() - x);
        if text.width() <= room {
            return self.buffer.set_stringn(x, y, text, room, style).0;
        }
        let cut = format!("{}{}", head(text, room.saturating_sub(1)), self.glyphs.more());
        self.buffer.set_stringn(x, y, cut, room, style).0
    }

    /// Writes to the right end of a line, where it does not come left of `least`.
    pub(super) fn right(&mut self, area: Rect, y: u16, text: &str, role: Role, least: u16) {
        let width = super::super::num::cells(text.width());
        let x = area.right().saturating_sub(width);
        if x >= least {
            self.text(area, x, y, text, role);
        }
    }

    /// Writes lines broken at spaces, from a row of the area on; how many rows it took.
    pub(super) fn wrapped(&mut self, area: Rect, row: u16, text: &str, role: Role) -> u16 {
        let (mut rest, mut used) = (text, 0);
        while !rest.is_empty() && row + used < area.height {
            let (line, after) = break_at(rest, usize::from(area.width));
            self.text(area, area.x, area.y + row + used, line, role);
            rest = after;
            used += 1;
        }
        used
    }

    /// One cell.
    pub(super) fn cell(&mut self, x: u16, y: u16, symbol: &str, role: Role) {
        let style = self.theme.style(role);
        if let Some(cell) = self.buffer.cell_mut((x, y)) {
            cell.set_symbol(symbol).set_style(style);
        }
    }

    /// One cell of dots.
    pub(super) fn dots(&mut self, x: u16, y: u16, bits: u8, role: Role) {
        let mut symbol = [0u8; 4];
        let dots = self.glyphs.dots(bits);
        self.cell(x, y, dots.encode_utf8(&mut symbol), role);
    }

    /// Lays a style over what is there.
    pub(super) fn over(&mut self, area: Rect, role: Role) {
        let style = self.theme.style(role);
        self.buffer.set_style(area, style);
    }

    /// Empties an area.
    pub(super) fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(head("日本語", 5), "日本");
        assert_eq!(tail("日本語", 5), "本語");
        assert_eq!(break_at("aa bb cc", 5), ("aa bb", "cc"));
        assert_eq!(break_at("日本", 1), ("日", "本"));
        assert_eq!(break_at("", 3), ("", ""));
    }
}
