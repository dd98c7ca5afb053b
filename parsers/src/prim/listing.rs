//! Where records begin in JSON that holds many: an object a line, or a pretty-printed document with a list of objects.

use crate::layout::Line;
use crate::sample::Sample;

/// How a document lays its records out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// An object (or an array) a line.
    Lines,
    /// A record begins with a brace alone on a line, indented by this many bytes; 0 for a document that is one record.
    Braces(usize),
    /// Braces of neighbours share a line: `"items": [{`, then `}, {` indented by this many bytes.
    Shared(usize),
}

impl Listing {
    /// Finds out how the sample lays out the list called `key` (`"items"`), or the array that is the document.
    pub fn infer(sample: &Sample<'_>, key: &str) -> Option<Listing> {
        let quoted = format!("\"{key}\"");
        let mut lines = sample.lines.iter().peekable();
        let first = lines.peek()?;
        if first.starts_with(b"{") && first.len() > 1 && !first.ends_with(b"[{") || first.starts_with(b"[{") && first.len() > 2
        {
            return Some(Listing::Lines);
        }
        let document = matches!(first.trim_ascii(), b"{" | b"[" | b"[{");
        while let Some(line) = lines.next() {
            let text = line.trim_ascii();
            let list = text == b"[" && indent(line) == 0 || text.starts_with(quoted.as_bytes());
            if list && text.ends_with(b"[{") || text == b"[{" {
                return Some(Listing::Shared(
                    sample.lines.iter().find(|l| neighbours(l.trim_ascii())).map_or(indent(line), |l| indent(l)),
                ));
            }
            if list
                && text.ends_with(b"[")
                && let Some(next) = lines.peek().filter(|next| next.trim_ascii() == b"{")
            {
                return Some(Listing::Braces(indent(next)));
            }
        }
        document.then_some(Listing::Braces(0))
    }

    /// What a line is. What stands around the list is foreign: [`Listing::skips`].
    pub fn line(self, line: &[u8]) -> Line {
        let text = line.trim_ascii();
        match self {
            Listing::Lines if text.starts_with(b"{") || text.starts_with(b"[") => Line::Start,
            Listing::Braces(depth) if indent(line) == depth => match text {
                b"{" => Line::Start,
                b"}" | b"}," => Line::Continue,
                _ if depth == 0 => Line::Continue,
                _ => Line::Foreign,
            },
            Listing::Shared(depth)
                if text.ends_with(b"[{") || (indent(line) == depth && (text == b"{" || neighbours(text))) =>
            {
                Line::Start
            }
            Listing::Braces(depth) | Listing::Shared(depth) if indent(line) > depth || text.starts_with(b"}]") => {
                Line::Continue
            }
            Listing::Shared(depth) if indent(line) == depth && text == b"}," => Line::Continue,
            _ => Line::Foreign,
        }
    }

    /// Is a foreign line part of the document around the list?
    pub fn skips(self, line: &[u8]) -> bool {
        let text = line.trim_ascii();
        self != Listing::Lines && matches!(text.first(), Some(b'"' | b'{' | b'}' | b'[' | b']'))
    }

    /// The object inside a record's lines: from its brace on.
    pub fn object(self, record: &[u8]) -> &[u8] {
        match self {
            Listing::Shared(_) => record.get(memchr::memchr(b'{', record).unwrap_or(0)..).unwrap_or(record),
            _ => record.trim_ascii_start(),
        }
    }
}

/// `}, {`, however it is spaced.
fn neighbours(text: &[u8]) -> bool {
    text.len() <= 6 && text.starts_with(b"}") && text.ends_with(b"{") && text.contains(&b',')
}

fn indent(line: &[u8]) -> usize {
    line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Option<Listing>, String) {
        let sample = Sample::of_bytes(text.as_bytes());
        let listing = Listing::infer(&sample, "items");
        let shown = listing.map_or_else(String::new, |listing| {
            let one = |line: &&[u8]| match listing.line(line) {
                Line::Start => 'S',
                Line::Continue => 'c',
                Line::Foreign if listing.skips(line) => '-',
                Line::Foreign => '?',
            };
            sample.lines.iter().map(one).collect()
        });
        (listing, shown)
    }

    #[test]
    fn lists_are_found() {
        let text = "{\n  \"kind\": \"List\",\n  \"meta\": {\n    \"a\": 1\n  },\n  \"items\": [\n    {\n      \"b\": {\n        \"c\": [\n          {\n          }\n        ]\n      }\n    },\n    {\n      \"b\": 2\n    }\n  ]\n}\n";
        assert_eq!(read(text), (Some(Listing::Braces(4)), "------ScccccccScc--".to_owned()));
        let text = "{\n    \"items\": [{\n        \"b\": 1\n    }, {\n        \"b\": 2\n    }],\n    \"x\": 1\n}\n";
        assert_eq!(read(text), (Some(Listing::Shared(4)), "-ScScc--".to_owned()));
        assert_eq!(read("{\"items\":[]}\n{\"items\":[]}\n"), (Some(Listing::Lines), "SS".to_owned()));
        assert_eq!(read("{\n  \"b\": 1\n}\n"), (Some(Listing::Braces(0)), "Scc".to_owned()));
        assert_eq!(read("text\nmore\n").0, None);
    }
}
