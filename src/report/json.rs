//! JSON: the report, `backtrail.report/1`, and how everything else is written as JSON.

use super::Report;
use super::text::hidden;
use serde::Serialize;
use std::io::{self, Write};

/// Writes the report, indented, with a line end.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    pretty(report, out)
}

/// Writes a value, indented, with a line end.
pub fn pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(safe(serde_json::to_string_pretty(value)?).as_bytes())?;
    out.write_all(b"\n")
}

/// A value in one line, without a line end.
pub fn line(value: &impl Serialize) -> io::Result<String> {
    Ok(safe(serde_json::to_string(value)?))
}

/// The same JSON with escapes for those characters that JSON allows in strings and a terminal obeys. Outside of strings there
/// are none but line ends.
fn safe(json: String) -> String {
    let bad = |c: char| c != '\n' && hidden(c);
    if !json.chars().any(bad) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if bad(c) {
            // All of them lie in the basic plane: one unit each.
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_means_the_same() {
        let text = "a\u{9b}31m\u{202e}b\u{7f}\u{1b}[0m\n\u{feff}é\u{1f600}";
        let json = line(&text).unwrap();
        assert!(!json.chars().any(hidden), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
