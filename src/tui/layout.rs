//! Where things stand on a screen of a given size. Drawing and the mouse ask here, so that they agree.

use super::model::Pane;
use ratatui::layout::Rect;

/// Columns of a lane's name.
pub const GUTTER: u16 = 13;
/// Columns of a lane's top value.
pub const SCALE: u16 = 7;

/// The parts of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Areas {
    /// The panes' names.
    pub tabs: Rect,
    /// The answer.
    pub verdict: Rect,
    /// The pane.
    pub body: Rect,
    /// Values at the cursor, messages, the prompt.
    pub status: Rect,
    /// Keys.
    pub footer: Rect,
}

/// Divides a screen.
pub fn areas(width: u16, height: u16) -> Areas {
    let verdict = match height {
        0..=9 => 0,
        10..=19 => 1,
        20..=31 => 3,
        _ => 4,
    };
    let row = |y: u16, rows: u16| Rect { x: 0, y: y.min(height), width, height: rows.min(height.saturating_sub(y)) };
    let body = 1 + verdict;
    let below = height.saturating_sub(2).max(body.min(height));
    Areas {
        tabs: row(0, 1),
        verdict: row(1, verdict),
        body: row(body, below.saturating_sub(body)),
        status: row(below, 1),
        footer: row(below + 1, 1),
    }
}

/// The panes' tabs as they are written; where there is little room only the one shown has its name.
pub fn tabs(width: u16, shown: Pane) -> Vec<(Pane, String)> {
    let tab = |(number, pane): (usize, &Pane)| {
        let title = if width >= 72 || *pane == shown { format!(" {}", pane.title()) } else { String::new() };
        (*pane, format!(" {}{title} ", number + 1))
    };
    Pane::ALL.iter().enumerate().map(tab).collect()
}

/// The columns of a body that belong to its time axis.
pub fn axis(body: Rect) -> Rect {
    let gutter = GUTTER.min(body.width / 4);
    let scale = SCALE.min(body.width / 8);
    Rect { x: body.x + gutter, width: body.width.saturating_sub(gutter + scale).max(1), ..body }
}

/// The list and the detail below it; the detail is empty where it is not wanted or there is no room.
pub fn split(body: Rect, detail: bool) -> (Rect, Rect) {
    let below = if detail && body.height >= 8 { (body.height * 2 / 5).max(4) } else { 0 };
    let above = body.height - below;
    (Rect { height: above, ..body }, Rect { y: body.y + above, height: below, ..body })
}

/// The same for a list of so many lines under a heading: what a short list does not need is the detail's.
pub fn split_at(body: Rect, lines: usize) -> (Rect, Rect) {
    let (list, detail) = split(body, true);
    let need = super::num::cells(lines.saturating_add(2));
    if detail.height == 0 || need >= list.height {
        return (list, detail);
    }
    (Rect { height: need, ..list }, Rect { y: body.y + need, height: body.height - need, ..detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_never_leave_the_screen() {
        for width in 0..90 {
            for height in 0..60 {
                let a = areas(width, height);
                for part in [a.tabs, a.verdict, a.body, a.status, a.footer] {
                    assert!(part.right() <= width && part.bottom() <= height, "{width}x{height}: {part:?}");
                }
                if width > 0 {
                    assert!(axis(a.body).right() <= width);
                }
            }
        }
    }
}
