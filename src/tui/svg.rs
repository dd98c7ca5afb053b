//! A frame as a picture: SVG whose text is text, so that it can be selected, searched and read aloud.

use super::num;
use super::theme::Theme;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::fmt::Write;
use unicode_width::UnicodeWidthStr;

/// Size of a cell, in tenths of a pixel.
const CELL: (u32, u32) = (84, 170);
/// Room around the frame, in tenths of a pixel.
const MARGIN: u32 = 120;
/// How far a line's base is below its top, in tenths of a pixel.
const BASE: u32 = 130;

/// Ground, text, and the sixteen colours in the terminal's order, for a dark ground.
const DARK: [&str; 18] = [
    "#16191f", "#d3d7de", "#2a2f38", "#f0606a", "#7cc36e", "#e3b341", "#5aa0f2", "#cf7ae0", "#4fc1c9", "#c8ccd4", "#7d8590",
    "#ff7b85", "#98d98a", "#f2cc60", "#79b8ff", "#e09df0", "#76dbe2", "#ffffff",
];
/// The same for a light ground.
const LIGHT: [&str; 18] = [
    "#ffffff", "#24292f", "#24292f", "#cf222e", "#1a7f37", "#9a6700", "#0969da", "#8250df", "#1b7c83", "#6e7781", "#57606a",
    "#a40e26", "#116329", "#7d4e00", "#80ccff", "#6639ba", "#3192aa", "#8c959f",
];

/// Cells of one line that look alike.
struct Run {
    x: u16,
    columns: u16,
    text: String,
    ink: &'static str,
    ground: Option<&'static str>,
    modifiers: Modifier,
}

/// Draws a frame in the colours of a theme; `title` is what a reader of the picture is told of it.
pub fn svg(buffer: &Buffer, theme: Theme, title: &str) -> String {
    let palette = if theme == Theme::Light { &LIGHT } else { &DARK };
    let area = buffer.area;
    let size = (u32::from(area.width) * CELL.0 + 2 * MARGIN, u32::from(area.height) * CELL.1 + 2 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\">\n\
         <title>{2}</title>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{3}\"/>\n\
         <g font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" font-size=\"14\" \
         xml:space=\"preserve\">\n",
        pixels(size.0),
        pixels(size.1),
        escape(title),
        ground(palette)
    );
    for y in area.top()..area.bottom() {
        for run in runs(buffer, y, palette) {
            draw(&mut out, &run, u32::from(y - area.y));
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn ground(palette: &[&'static str; 18]) -> &'static str {
    palette.first().copied().unwrap_or("#000000")
}

/// The runs of a line, less the empty ones.
fn runs(buffer: &Buffer, y: u16, palette: &[&'static str; 18]) -> Vec<Run> {
    let (mut out, mut skip): (Vec<Run>, u16) = (Vec::new(), 0);
    for x in buffer.area.left()..buffer.area.right() {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        let Some(cell) = buffer.cell((x, y)) else { continue };
        let columns = num::cells(cell.symbol().width()).max(1);
        skip = columns - 1;
        let (ink, ground) = colours(cell, palette);
        let shown = cell.modifier & (Modifier::BOLD | Modifier::DIM | Modifier::UNDERLINED);
        let blank = cell.symbol() == " ";
        match out.last_mut().filter(|run| run.x + run.columns == x) {
            // A space takes the look of what stands before it where no ground tells otherwise.
            Some(run)
                if run.ground == ground
                    && (blank && !shown.contains(Modifier::UNDERLINED) || (run.ink, run.modifiers) == (ink, shown)) =>
            {
                run.text.push_str(cell.symbol());
                run.columns += columns;
            }
            _ if blank && ground.is_none() => {}
            _ => out.push(Run { x, columns, text: cell.symbol().into(), ink, ground, modifiers: shown }),
        }
    }
    for run in out.iter_mut().filter(|run| run.ground.is_none()) {
        let kept = run.text.trim_end_matches(' ').len();
        run.columns -= num::cells(run.text.len() - kept);
        run.text.truncate(kept);
    }
    out
}

fn draw(out: &mut String, run: &Run, line: u32) {
    let (x, top) = (MARGIN + u32::from(run.x) * CELL.0, MARGIN + line * CELL.1);
    let width = pixels(u32::from(run.columns) * CELL.0);
    if let Some(ground) = run.ground {
        let (x, y, height) = (pixels(x), pixels(top), pixels(CELL.1));
        let _ = writeln!(out, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{ground}\"/>");
    }
    if run.text.trim().is_empty() {
        return;
    }
    let mut look = String::new();
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::DIM, " opacity=\"0.6\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
    ] {
        if run.modifiers.contains(modifier) {
            look.push_str(attribute);
        }
    }
    // Fonts disagree about the width of graphics: the run says how wide it is.
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{look}>{}</text>",
        pixels(x),
        pixels(top + BASE),
        run.ink,
        escape(&run.text)
    );
}

/// The colours of a cell: its text, and its ground where that is not the picture's.
fn colours(cell: &Cell, palette: &[&'static str; 18]) -> (&'static str, Option<&'static str>) {
    let ink = ansi(cell.fg, palette);
    let behind = ansi(cell.bg, palette);
    let text = ink.unwrap_or(palette.get(1).copied().unwrap_or("#ffffff"));
    if cell.modifier.contains(Modifier::REVERSED) {
        (behind.unwrap_or_else(|| ground(palette)), Some(text))
    } else {
        (text, behind)
    }
}

fn ansi(color: Color, palette: &[&'static str; 18]) -> Option<&'static str> {
    let at = match color {
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
        _ => return None,
    };
    palette.get(at + 2).copied()
}

/// Tenths of a pixel as pixels.
fn pixels(tenths: u32) -> String {
    if tenths.is_multiple_of(10) { (tenths / 10).to_string() } else { format!("{}.{}", tenths / 10, tenths % 10) }
}

/// Text for XML; what XML cannot hold is left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    #[test]
    fn text_stays_text_and_nothing_escapes() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 20, 2));
        buffer.set_string(0, 0, "<b> & 日本", Style::default().fg(Color::Red));
        buffer.set_string(3, 1, "back", Style::default().add_modifier(Modifier::REVERSED));
        let picture = svg(&buffer, Theme::Dark, "a \"title\"");
        assert!(picture.contains("<title>a &quot;title&quot;</title>"), "{picture}");
        // Six narrow characters and two wide ones are ten columns of 8.4 pixels.
        assert!(picture.contains("textLength=\"84\"") && picture.contains(">&lt;b&gt; &amp; 日本</text>"), "{picture}");
        assert!(picture.contains("<rect x=\"37.2\" y=\"29\" width=\"33.6\" height=\"17\" fill=\"#d3d7de\"/>"), "{picture}");
    }
}
