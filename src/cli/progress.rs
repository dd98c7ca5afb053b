//! What is said on standard error: progress while a terminal watches, complaints always.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::Path;

/// A line on standard error, safe for a terminal.
#[expect(clippy::print_stderr, reason = "this is where the program complains")]
pub(super) fn complain(text: &str) {
    eprintln!("backtrail: {}", crate::report::text::clean(text));
}

/// A bar over the stored bytes of all inputs; silent when standard error is no terminal.
pub(super) fn bar(inputs: &[crate::source::Input]) -> ProgressBar {
    let size = |origin: &crate::source::Origin| match origin {
        crate::source::Origin::File(path) => stored(path),
        _ => 0,
    };
    let total: u64 = inputs.iter().flat_map(|input| &input.parts).map(size).sum();
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(8));
    let style = ProgressStyle::with_template("{bytes} read, {bytes_per_sec}, {elapsed} (files hold {total_bytes}, ETA {eta})");
    if let Ok(style) = style {
        bar.set_style(style);
    }
    bar
}

fn stored(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |m| m.len())
}
