//! Filters: what a reader types or points at, and whether a row passes.

use super::clock::SECOND;
use super::data::Data;
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::{Row, Rows};
use backtrail_parsers::{Kind, Severity};

/// What a filter asks of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// At least this severity.
    Severity(u8),
    /// A kind's name begins like this.
    Kind(String),
    /// Of this source.
    Source(u32),
    /// A text column holds this text, or holds it in its own where none is the same.
    Named(TextCol, String),
    /// A text column holds one of these codes.
    Text(TextCol, Vec<u32>),
    /// A number compares like this with this one.
    Int(IntCol, Compare, u32),
    /// It took, or waited, at least so long, ns.
    Took(i64),
    /// A process id, on either side of a connection.
    Pid(u32),
    /// In this stretch of time.
    Between(i64, i64),
    /// The record holds this text, in lower case; the record has to be read again for that.
    Holds(String),
}

/// How numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// The same.
    Equal,
    /// As great or greater.
    AtLeast,
    /// As small or smaller.
    AtMost,
}

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// What it asks.
    pub rule: Rule,
    /// Keeps what does not pass instead.
    pub out: bool,
    /// How it is shown.
    pub label: String,
}

/// Names of columns that are short enough to type.
const TEXT: [(&str, TextCol); 20] = [
    ("service", TextCol::Service),
    ("host", TextCol::Host),
    ("thread", TextCol::Thread),
    ("logger", TextCol::Logger),
    ("conn", TextCol::Conn),
    ("pool", TextCol::Pool),
    ("request", TextCol::RequestId),
    ("trace", TextCol::TraceId),
    ("client", TextCol::Client),
    ("server", TextCol::Server),
    ("frontend", TextCol::Frontend),
    ("backend", TextCol::Backend),
    ("user", TextCol::DbUser),
    ("database", TextCol::DbName),
    ("app", TextCol::AppName),
    ("sqlstate", TextCol::SqlState),
    ("method", TextCol::Method),
    ("route", TextCol::Route),
    ("reason", TextCol::Reason),
    ("error", TextCol::ErrorType),
];

/// What can be typed before `=`, for the prompt's help.
pub const KEYS: &str = "severity kind source status pid took route client thread host pool request ..., or any text";

/// The columns on which a row can be followed to others, with their names.
pub const PIVOTS: [(&str, TextCol); 12] = [
    ("request", TextCol::RequestId),
    ("trace", TextCol::TraceId),
    ("conn", TextCol::Conn),
    ("client", TextCol::Client),
    ("thread", TextCol::Thread),
    ("route", TextCol::Route),
    ("pool", TextCol::Pool),
    ("host", TextCol::Host),
    ("logger", TextCol::Logger),
    ("user", TextCol::DbUser),
    ("reason", TextCol::Reason),
    ("error", TextCol::ErrorType),
];

impl Filter {
    /// Reads what was typed: `severity>=warn`, `status>=500`, `took>2s`, `route=/api/orders`, or any text.
    pub fn parse(text: &str, out: bool, data: &Data) -> Option<Filter> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let label = text.to_owned();
        let at = text.find(['=', '<', '>']);
        let rule = at.and_then(|at| {
            let (key, rest) = text.split_at_checked(at)?;
            let value = rest.trim_start_matches(['=', '<', '>']);
            let compare = match rest.chars().next() {
                Some('>') => Compare::AtLeast,
                Some('<') => Compare::AtMost,
                _ => Compare::Equal,
            };
            keyed(key.trim(), compare, value.trim(), data)
        });
        Some(Filter { rule: rule.unwrap_or_else(|| Rule::Holds(text.to_lowercase())), out, label })
    }

    /// The filter with the codes of what was typed: finding them takes a look at every row.
    #[must_use]
    pub fn resolved(&self, data: &Data) -> Filter {
        match &self.rule {
            Rule::Named(column, value) => Filter { rule: Rule::Text(*column, codes(data, *column, value)), ..self.clone() },
            _ => self.clone(),
        }
    }

    /// True where the record's text is needed to tell.
    pub fn needs_text(&self) -> bool {
        matches!(self.rule, Rule::Holds(_))
    }

    /// Whether a row passes, as far as its columns tell; rules on the record's text pass.
    pub fn passes(&self, row: &Row<'_>) -> bool {
        if self.needs_text() {
            return true;
        }
        self.rule.holds(row) != self.out
    }
}

impl Rule {
    fn holds(&self, row: &Row<'_>) -> bool {
        match self {
            Rule::Severity(least) => row.severity().0 >= *least,
            Rule::Kind(name) => row.kind().name().starts_with(name.as_str()),
            Rule::Source(source) => row.source_id() == *source,
            Rule::Text(column, codes) => codes.binary_search(&row.code(*column)).is_ok(),
            Rule::Int(column, compare, value) => {
                let have = row.int(*column);
                match compare {
                    Compare::Equal => have == *value,
                    Compare::AtLeast => have >= *value,
                    Compare::AtMost => have <= *value && have != 0,
                }
            }
            Rule::Took(least) => took(row).is_some_and(|ns| ns >= *least),
            Rule::Pid(pid) => row.int(IntCol::Pid) == *pid || row.int(IntCol::BackendPid) == *pid,
            Rule::Between(from, to) => row.time() >= *from && row.time() < *to,
            Rule::Holds(_) => true,
            // Only what is resolved is asked.
            Rule::Named(..) => false,
        }
    }
}

/// How long a row says that something took or waited, ns.
pub fn took(row: &Row<'_>) -> Option<i64> {
    row.long(LongCol::Duration).max(row.long(LongCol::Wait))
}

fn keyed(key: &str, compare: Compare, value: &str, data: &Data) -> Option<Rule> {
    match key {
        "severity" | "level" => return Some(Rule::Severity(severity(value)?.0)),
        "kind" => return Some(Rule::Kind(value.to_owned())),
        "source" | "file" => {
            let found = data.table.sources.iter().find(|s| s.path.ends_with(value) || s.path.contains(value))?;
            return Some(Rule::Source(found.id));
        }
        "status" => return Some(Rule::Int(IntCol::Status, compare, value.parse().ok()?)),
        "port" => return Some(Rule::Int(IntCol::ClientPort, compare, value.parse().ok()?)),
        "pid" => return Some(Rule::Pid(value.parse().ok()?)),
        "took" | "duration" | "wait" => return Some(Rule::Took(duration(value)?)),
        _ => {}
    }
    let short = TEXT.iter().find(|(name, _)| *name == key).map(|(_, column)| *column);
    let column = short.or_else(|| TextCol::ALL.iter().copied().find(|c| c.name() == key))?;
    Some(Rule::Named(column, value.to_owned()))
}

/// The codes in a column whose text is this, or holds it where none is.
fn codes(data: &Data, column: TextCol, value: &str) -> Vec<u32> {
    let rows = data.table.rows();
    let mut used: Vec<u32> = rows.iter().map(|row| row.code(column)).filter(|code| *code != 0).collect();
    used.sort_unstable();
    used.dedup();
    let same: Vec<u32> = used.iter().copied().filter(|code| rows.text(*code) == value.as_bytes()).collect();
    if !same.is_empty() {
        return same;
    }
    let finder = memchr::memmem::Finder::new(value.as_bytes());
    used.retain(|code| finder.find(rows.text(*code)).is_some());
    used
}

/// A severity by its name or the beginning of it.
fn severity(name: &str) -> Option<Severity> {
    let name = name.to_ascii_lowercase();
    let known = [
        ("trace", Severity::TRACE),
        ("debug", Severity::DEBUG),
        ("info", Severity::INFO),
        ("notice", Severity::NOTICE),
        ("warning", Severity::WARN),
        ("error", Severity::ERROR),
        ("critical", Severity::CRITICAL),
        ("fatal", Severity::FATAL),
    ];
    known.into_iter().find(|(full, _)| full.starts_with(&name) && !name.is_empty()).map(|(_, severity)| severity)
}

/// `250ms`, `2s`, `5m`, `1h`; a bare number is seconds.
fn duration(text: &str) -> Option<i64> {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = match unit.trim() {
        "ms" => 1_000_000,
        "" | "s" => SECOND,
        "m" | "min" => 60 * SECOND,
        "h" => 3600 * SECOND,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit)
}

/// The filters that follow a row's values to other rows, across sources.
pub fn pivots(data: &Data, rows: &Rows<'_>, row: &Row<'_>) -> Vec<Filter> {
    let mut out = Vec::new();
    for (name, column) in PIVOTS {
        let code = row.code(column);
        if code != 0 {
            let value = Data::text(rows, row.id, column);
            out.push(Filter { rule: Rule::Text(column, vec![code]), out: false, label: format!("{name}={value}") });
        }
    }
    for pid in [row.int(IntCol::Pid), row.int(IntCol::BackendPid)] {
        if pid != 0 {
            out.push(Filter { rule: Rule::Pid(pid), out: false, label: format!("pid={pid}") });
        }
    }
    let port = row.int(IntCol::ClientPort);
    if port != 0 {
        let rule = Rule::Int(IntCol::ClientPort, Compare::Equal, port);
        out.push(Filter { rule, out: false, label: format!("port={port}") });
    }
    if row.kind() != Kind::Log {
        let name = row.kind().name();
        out.push(Filter { rule: Rule::Kind(name.into()), out: false, label: format!("kind={name}") });
    }
    let source = row.source_id();
    out.push(Filter { rule: Rule::Source(source), out: false, label: format!("source={}", data.file(source)) });
    out
}
