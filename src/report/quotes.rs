//! The lines that a report cites, read again from their sources: what a document shows beside `file:line`, and what
//! `verify` compares later.

use super::text::clean;
use super::{Ref, Report};
use crate::source::reread::{self, Range};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Characters of a record that a document shows.
const SHOWN: usize = 300;
/// Lines quoted at the most: a document is to be read.
const MOST: usize = 1500;

/// A cited record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Index of the source.
    pub source: u32,
    /// One-based line.
    pub line: u32,
    /// Byte offset in the decompressed source.
    pub offset: u64,
    /// Bytes of the record.
    pub length: u32,
    /// `sha256:…` of the record's bytes, or `hmac-sha256:…` where the report is redacted.
    pub digest: String,
    /// The record's beginning, cleaned of what a terminal or a reader would be fooled by.
    pub text: String,
}

/// The cited records of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quotes {
    by_place: BTreeMap<(u32, u32, u64), Quote>,
}

impl Quotes {
    /// Reads every record that the report cites, up to a limit. What cannot be read again (standard input, a file that is
    /// gone) is left out.
    pub fn read(report: &Report) -> Quotes {
        let mut cited = BTreeSet::new();
        if let Ok(value) = serde_json::to_value(report) {
            collect(&value, &mut cited);
        }
        let cited: Vec<(u32, u32, u64, u32)> = cited.into_iter().take(MOST).collect();
        let mut quotes = Quotes::default();
        for source in &report.sources {
            let of: Vec<&(u32, u32, u64, u32)> = cited.iter().filter(|c| c.0 == source.id).collect();
            let ranges: Vec<Range> = of.iter().map(|c| Range { offset: c.2, length: c.3 }).collect();
            if ranges.is_empty() {
                continue;
            }
            reread::read(&source.parts, &ranges, &mut |index, bytes| {
                if let Some((source, line, offset, length)) = of.get(index) {
                    let quote = Quote {
                        source: *source,
                        line: *line,
                        offset: *offset,
                        length: *length,
                        digest: digest(bytes),
                        text: shown(bytes),
                    };
                    quotes.by_place.insert((*source, *line, *offset), quote);
                }
            });
        }
        quotes
    }

    /// The record that a reference stands for.
    pub fn of(&self, at: &Ref) -> Option<&Quote> {
        self.by_place.get(&(at.source, at.line, at.offset))
    }

    /// The quotes of these lines, each a source and a line.
    #[must_use]
    pub fn only(&self, lines: &BTreeSet<(u32, u32)>) -> Quotes {
        let chosen = self.by_place.iter().filter(|((source, line, _), _)| lines.contains(&(*source, *line)));
        Quotes { by_place: chosen.map(|(place, quote)| (*place, quote.clone())).collect() }
    }

    /// Every quote, by source and line.
    pub fn iter(&self) -> impl Iterator<Item = &Quote> {
        self.by_place.values()
    }

    /// Every quote, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Quote> {
        self.by_place.values_mut()
    }

    /// True where nothing could be read.
    pub fn is_empty(&self) -> bool {
        self.by_place.is_empty()
    }
}

/// References stand all over the report, and more will: they are told by their shape.
fn collect(value: &Value, into: &mut BTreeSet<(u32, u32, u64, u32)>) {
    match value {
        Value::Object(fields) => {
            let number = |key: &str| fields.get(key).and_then(Value::as_u64);
            let small = |key: &str| number(key).and_then(|n| u32::try_from(n).ok());
            let whole = (small("source"), small("line"), number("offset"), small("length"));
            if let (Some(source), Some(line), Some(offset), Some(length)) = whole {
                into.insert((source, line, offset, length));
            }
            fields.values().for_each(|v| collect(v, into));
        }
        Value::Array(items) => items.iter().for_each(|v| collect(v, into)),
        _ => {}
    }
}

/// `sha256:` and the digest in hex.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

/// What a document shows of a record.
pub fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let text = clean(text.trim_end_matches(['\r', '\n']).replace("\r\n", "\n").replace('\n', " ⏎ ").as_str());
    if text.chars().count() <= SHOWN { text } else { text.chars().take(SHOWN).chain(std::iter::once('…')).collect() }
}
