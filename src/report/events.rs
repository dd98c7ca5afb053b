//! The event table in full: one row a record, with stable columns.

use super::build::rfc3339;
use super::csv::defuse;
use super::redact::Redactor;
use super::text::clean;
use crate::error::{Error, Result};
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::parquet::{self, Values};
use crate::table::{Row, Rows};
use serde_json::{Map, Value};
use std::io::Write;

/// Rows of a row group.
const GROUP: usize = 1 << 16;

/// Where a column's values come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Time,
    Source,
    Line,
    Offset,
    Length,
    Kind,
    Severity,
    Text(TextCol),
    Int(IntCol),
    Counter(IntCol),
    Long(LongCol),
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Absent.
    None,
    /// Text.
    Text(String),
    /// A number.
    Int(i64),
    /// Nanoseconds since the epoch, UTC.
    Time(i64),
}

impl Cell {
    /// The value as text: times as RFC 3339, nothing for an absent one.
    pub fn show(&self) -> String {
        match self {
            Cell::None => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Int(number) => number.to_string(),
            Cell::Time(nanos) => rfc3339(*nanos),
        }
    }
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    from: From,
}

impl Column {
    /// The value of a row.
    pub fn of(&self, row: &Row<'_>) -> Cell {
        let number = |value: i64| Cell::Int(value);
        match self.from {
            From::Time => {
                if row.has_time() {
                    Cell::Time(row.time())
                } else {
                    Cell::None
                }
            }
            From::Source => row.source().map_or(Cell::None, |s| Cell::Text(s.path.clone())),
            From::Line => number(i64::from(row.line())),
            From::Offset => number(i64::try_from(row.offset()).unwrap_or(i64::MAX)),
            From::Length => number(i64::from(row.length())),
            From::Kind => Cell::Text(row.kind().name().to_owned()),
            From::Severity => match row.severity().name() {
                "" => Cell::None,
                name => Cell::Text(name.to_owned()),
            },
            From::Text(column) => match row.text(column) {
                b"" => Cell::None,
                text => Cell::Text(String::from_utf8_lossy(text).into_owned()),
            },
            From::Int(column) => {
                if row.int(column) == 0 {
                    Cell::None
                } else {
                    number(i64::from(row.int(column)))
                }
            }
            From::Counter(column) => row.counter(column).map_or(Cell::None, |v| number(i64::from(v))),
            From::Long(column) => row.long(column).map_or(Cell::None, number),
        }
    }
}

/// Every column, in their order.
pub fn columns() -> Vec<Column> {
    let mut out: Vec<Column> = [
        ("time", From::Time),
        ("source", From::Source),
        ("line", From::Line),
        ("offset", From::Offset),
        ("length", From::Length),
        ("kind", From::Kind),
        ("severity", From::Severity),
    ]
    .map(|(name, from)| Column { name, from })
    .to_vec();
    out.extend(TextCol::ALL.iter().map(|c| Column { name: c.name(), from: From::Text(*c) }));
    let counters = [IntCol::Total, IntCol::Active, IntCol::Idle, IntCol::Waiting, IntCol::Max];
    out.extend(
        IntCol::ALL
            .iter()
            .map(|c| Column { name: c.name(), from: if counters.contains(c) { From::Counter(*c) } else { From::Int(*c) } }),
    );
    out.extend(LongCol::ALL.iter().map(|c| Column { name: c.name(), from: From::Long(*c) }));
    out
}

/// A condition on a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Where {
    column: Column,
    sign: &'static str,
    value: String,
}

impl Where {
    /// Reads `column=value`; the signs are `=`, `!=`, `~` (contains), `<`, `<=`, `>`, `>=`.
    pub fn parse(text: &str) -> Result<Where> {
        let usage = |reason: String| Error::Usage { option: "--where".into(), reason };
        let at = text
            .find(['=', '!', '~', '<', '>'])
            .ok_or_else(|| usage(format!("{text}: write COLUMN=VALUE, or !=, ~ (contains), <, <=, >, >= for the sign")))?;
        let (name, rest) = text.split_at(at);
        let sign = ["!=", "<=", ">=", "=", "~", "<", ">"].into_iter().find(|s| rest.starts_with(s));
        let sign = sign.ok_or_else(|| usage(format!("{text}: no sign is written so")))?;
        let all = columns();
        let column = all.iter().find(|c| c.name == name.trim()).copied().ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|c| c.name).collect();
            usage(format!("{} is no column; there are {}", name.trim(), names.join(", ")))
        })?;
        let value = rest.get(sign.len()..).unwrap_or_default().trim().to_owned();
        if matches!(column.from, From::Time) && sign != "~" && value.parse::<chrono::DateTime<chrono::Utc>>().is_err() {
            return Err(usage(format!("{value}: write times as 2024-05-01T10:00:00Z")));
        }
        Ok(Where { column, sign, value })
    }

    /// True where a row meets it. What is absent meets `!=` only.
    pub fn holds(&self, row: &Row<'_>) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let cell = self.column.of(row);
        let order = match &cell {
            Cell::None => return self.sign == "!=",
            Cell::Text(text) => Some(text.as_str().cmp(self.value.as_str())),
            Cell::Int(number) => self.value.parse::<f64>().ok().and_then(|v| (*number as f64).partial_cmp(&v)),
            Cell::Time(nanos) => {
                let at = self.value.parse::<chrono::DateTime<chrono::Utc>>().ok().and_then(|t| t.timestamp_nanos_opt());
                at.map(|at| nanos.cmp(&at))
            }
        };
        match self.sign {
            "=" => order == Some(Equal),
            "!=" => order != Some(Equal),
            "<" => order == Some(Less),
            "<=" => matches!(order, Some(Less | Equal)),
            ">" => order == Some(Greater),
            ">=" => matches!(order, Some(Greater | Equal)),
            _ => cell.show().contains(&self.value),
        }
    }
}

/// The rows to write: in the order of time, those that meet every condition.
pub struct Chosen<'c> {
    /// The rows.
    pub rows: &'c Rows<'c>,
    /// The conditions.
    pub conditions: &'c [Where],
    /// What hides names, where asked for.
    pub redactor: Option<&'c Redactor>,
}

impl std::fmt::Debug for Chosen<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chosen").field("conditions", &self.conditions).finish_non_exhaustive()
    }
}

impl Chosen<'_> {
    fn each(&self, mut write: impl FnMut(Vec<Cell>) -> Result<()>) -> Result<()> {
        let columns = columns();
        for row in self.rows.by_time().filter(|row| self.conditions.iter().all(|c| c.holds(row))) {
            let cell = |column: &Column| match (column.of(&row), self.redactor, column.from) {
                // A column of addresses or users holds nothing else, known or not.
                (Cell::Text(text), Some(r), From::Text(TextCol::DbUser)) => Cell::Text(r.pseudonym("user", &text)),
                (Cell::Text(text), Some(r), From::Text(TextCol::RequestId | TextCol::TraceId)) => {
                    Cell::Text(r.addresses(&text))
                }
                (Cell::Text(text), Some(r), _) => Cell::Text(r.text(&text)),
                (cell, ..) => cell,
            };
            write(columns.iter().map(cell).collect())?;
        }
        Ok(())
    }

    /// CSV, safe for spreadsheets.
    pub fn csv(&self, out: &mut dyn Write) -> Result<()> {
        let failed = |e: ::csv::Error| Error::Io { path: "output".into(), source: e.into() };
        let mut table = ::csv::Writer::from_writer(out);
        table.write_record(columns().iter().map(|c| c.name)).map_err(failed)?;
        self.each(|cells| {
            let safe = |cell: &Cell| match cell {
                Cell::Text(text) => defuse(text),
                cell => cell.show(),
            };
            table.write_record(cells.iter().map(safe)).map_err(failed)
        })?;
        table.flush().map_err(|source| Error::Io { path: "output".into(), source })
    }

    /// JSON: an array, an object a line, absent values left out.
    pub fn json(&self, out: &mut dyn Write) -> Result<()> {
        let failed = |source: std::io::Error| Error::Io { path: "output".into(), source };
        let columns = columns();
        let mut first = true;
        self.each(|cells| {
            let mut object = Map::new();
            for (column, cell) in columns.iter().zip(cells) {
                let value = match cell {
                    Cell::None => continue,
                    Cell::Int(number) => Value::from(number),
                    cell => Value::from(cell.show()),
                };
                object.insert(column.name.to_owned(), value);
            }
            out.write_all(if first { b"[" } else { b",\n" }).map_err(failed)?;
            first = false;
            out.write_all(super::json::line(&object).map_err(failed)?.as_bytes()).map_err(failed)
        })?;
        out.write_all(if first { b"[]\n" } else { b"]\n" }).map_err(failed)
    }

    /// Text, a line each.
    pub fn text(&self, out: &mut dyn Write) -> Result<()> {
        let names = columns();
        let at = |name: &str| names.iter().position(|c| c.name == name);
        let (source, line) = (at("source"), at("line"));
        self.each(|cells| {
            let show = |index: Option<usize>| index.and_then(|i| cells.get(i)).map(Cell::show).unwrap_or_default();
            let mut text = format!("{:<24} ", cells.first().map(Cell::show).unwrap_or_default());
            text.push_str(&format!("{:<16}", show(at("kind"))));
            for (column, cell) in names.iter().zip(&cells).skip(6).filter(|(_, cell)| **cell != Cell::None) {
                text.push_str(&format!(" {}={}", column.name, cell.show()));
            }
            let text = format!("{text} {}:{}", show(source), show(line));
            writeln!(out, "{}", clean(&text)).map_err(|source| Error::Io { path: "output".into(), source })
        })
    }

    /// Parquet, in row groups.
    pub fn parquet(&self, out: &mut dyn Write) -> Result<()> {
        let columns = columns();
        let mut writer = parquet::Writer::new(out);
        let mut held: Vec<Vec<Cell>> = Vec::new();
        let mut wrote = false;
        self.each(|cells| {
            held.push(cells);
            if held.len() == GROUP {
                wrote = true;
                writer.write(group(&columns, std::mem::take(&mut held)))?;
            }
            Ok(())
        })?;
        if !held.is_empty() || !wrote {
            writer.write(group(&columns, held))?;
        }
        writer.finish()
    }
}

fn group<'c>(columns: &[Column], rows: Vec<Vec<Cell>>) -> Vec<(&'c str, Values)> {
    let mut made: Vec<(&'c str, Values)> = columns
        .iter()
        .map(|c| {
            let values = match c.from {
                From::Time => Values::Time(Vec::new()),
                From::Source | From::Kind | From::Severity | From::Text(_) => Values::Text(Vec::new()),
                _ => Values::Int(Vec::new()),
            };
            (c.name, values)
        })
        .collect();
    for cells in rows {
        for ((_, values), cell) in made.iter_mut().zip(cells) {
            match (values, cell) {
                (Values::Text(v), Cell::Text(text)) => v.push(Some(text)),
                (Values::Int(v), Cell::Int(number)) => v.push(Some(number)),
                (Values::Time(v), Cell::Time(nanos)) => v.push(Some(nanos)),
                (Values::Text(v), _) => v.push(None),
                (Values::Int(v) | Values::Time(v), _) => v.push(None),
                (Values::Float(v), _) => v.push(None),
            }
        }
    }
    made
}
