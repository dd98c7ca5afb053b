//! The part of a document that a machine can check: which sources were read and what stood at every cited line.

use super::Report;
use super::quotes::{Quote, Quotes};
use serde::{Deserialize, Serialize};

/// Name and version of the shape.
pub const SCHEMA: &str = "backtrail.citations/1";

/// What a document claims about its sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citations {
    /// [`SCHEMA`].
    pub schema: String,
    /// What was read.
    pub sources: Vec<Cited>,
    /// What stood where.
    pub lines: Vec<Quote>,
}

/// A source of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cited {
    /// Index.
    pub id: u32,
    /// Path as it was given.
    pub path: String,
    /// SHA-256 of the stored bytes.
    pub sha256: String,
    /// Decompressed bytes.
    pub bytes: u64,
}

impl Citations {
    /// The citations of a report.
    pub fn new(report: &Report, quotes: &Quotes) -> Citations {
        let source = |s: &super::Source| Cited { id: s.id, path: s.path.clone(), sha256: s.sha256.clone(), bytes: s.bytes };
        let sources = report.sources.iter().map(source).collect();
        Citations { schema: SCHEMA.into(), sources, lines: quotes.iter().cloned().collect() }
    }

    /// JSON that ends neither an HTML comment nor a script element: angle brackets, ampersands and double hyphens are
    /// written as escapes, which stand only inside strings.
    pub fn json(&self) -> String {
        let json = super::json::line(self).unwrap_or_default();
        json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026").replace("--", "-\\u002d")
    }

    /// The comment that a Markdown document ends with.
    pub fn comment(&self) -> String {
        format!("<!-- {} -->\n", self.json())
    }

    /// Finds the citations in a document: the comment of Markdown or the script element of HTML.
    pub fn find(document: &str) -> Option<Citations> {
        let at = document.rfind(&format!("{{\"schema\":\"{SCHEMA}\""))?;
        let rest = document.get(at..)?;
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Citations>();
        values.next()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_in_a_document_is_found_and_cannot_break_out() {
        let line = Quote {
            source: 0,
            line: 3,
            offset: 9,
            length: 4,
            digest: "sha256:00".into(),
            text: "--> </script> & --- x".into(),
        };
        let cited = Cited { id: 0, path: "a--b.log".into(), sha256: "00".into(), bytes: 20 };
        let citations = Citations { schema: SCHEMA.into(), sources: vec![cited], lines: vec![line] };
        let comment = citations.comment();
        assert_eq!(comment.matches("-->").count(), 1);
        assert!(!comment.contains("</script"));
        assert_eq!(Citations::find(&format!("# Title\n\ntext\n{comment}")), Some(citations));
        assert_eq!(Citations::find("nothing"), None);
    }
}
