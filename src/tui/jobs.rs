//! Work over all rows: filtering, searching, comparing. Each asks now and then whether it is still wanted.

use super::data::Data;
use super::filter::{Filter, Rule};
use super::num;
use crate::ingest::{IntCol, TextCol};
use crate::source::again::Again;
use crate::table::{Row, RowId};
use backtrail_parsers::Kind;
use std::collections::BTreeMap;

/// Rows between two questions whether to go on.
const STEP: usize = 4096;
/// Values kept per column when comparing.
const VALUES: usize = 20_000;
/// Changes shown.
const CHANGES: usize = 40;

/// Something that changed in the brush.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Column and value.
    pub label: String,
    /// Records with it in the brush, and of how many.
    pub inside: (u64, u64),
    /// Records with it elsewhere, and of how many.
    pub outside: (u64, u64),
    /// How much more or less often, as the ratio of the shares.
    pub lift: f64,
    /// How surprising: twice the log-likelihood ratio (Dunning 1993).
    pub surprise: f64,
    /// The filter that shows those records.
    pub filter: Filter,
}

/// The record of a row, read again; `None` where it cannot be.
pub fn record(data: &Data, again: &mut Again, row: &Row<'_>) -> Result<String, String> {
    let path = data.table.sources.get(row.source_id() as usize).map_or("", |s| s.path.as_str());
    let bytes = again.read(path, row.offset(), row.length()).map_err(|e| e.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Positions in the order of time that pass all filters; `None` where it is no longer wanted.
pub fn filter(data: &Data, again: &mut Again, filters: &[Filter], wanted: &dyn Fn() -> bool) -> Option<Vec<u32>> {
    let rows = data.table.rows();
    let mut kept = Vec::new();
    for (at, id) in (0u32..).zip(&data.order) {
        if (at as usize).is_multiple_of(STEP) && !wanted() {
            return None;
        }
        let row = rows.get(*id);
        if filters.iter().all(|f| f.passes(&row)) {
            kept.push(at);
        }
    }
    for one in filters {
        if let Rule::Holds(text) = &one.rule {
            let mut held = Vec::new();
            if !holding(data, again, &kept, text, wanted, &mut |hits| held.extend(hits)) {
                return None;
            }
            held.sort_unstable();
            kept.retain(|at| held.binary_search(at).is_ok() != one.out);
        }
    }
    Some(kept)
}

/// Says the positions among `among` whose record holds `text`, which is in lower case, source by source, so that each
/// is read once from its beginning to its end. False where it is no longer wanted.
pub fn holding(
    data: &Data,
    again: &mut Again,
    among: &[u32],
    text: &str,
    wanted: &dyn Fn() -> bool,
    found: &mut dyn FnMut(Vec<u32>),
) -> bool {
    let rows = data.table.rows();
    let id = |at: u32| data.order.get(at as usize).copied();
    let mut places: Vec<(RowId, u32)> = among.iter().filter_map(|at| Some((id(*at)?, *at))).collect();
    places.sort_unstable();
    let finder = memchr::memmem::Finder::new(text.as_bytes());
    for part in places.chunks(STEP) {
        if !wanted() {
            return false;
        }
        let holds = |place: &&(RowId, u32)| {
            let record = record(data, again, &rows.get(place.0)).unwrap_or_default();
            finder.find(record.to_lowercase().as_bytes()).is_some()
        };
        let hits: Vec<u32> = part.iter().filter(holds).map(|(_, at)| *at).collect();
        if !hits.is_empty() {
            found(hits);
        }
    }
    true
}

/// Ranks the values whose share among the records differs between a stretch of time and the rest of the window.
pub fn compare(data: &Data, brush: (i64, i64), wanted: &dyn Fn() -> bool) -> Option<Vec<Change>> {
    const COLUMNS: [(&str, TextCol); 9] = [
        ("route", TextCol::Route),
        ("client", TextCol::Client),
        ("thread", TextCol::Thread),
        ("host", TextCol::Host),
        ("logger", TextCol::Logger),
        ("error", TextCol::ErrorType),
        ("reason", TextCol::Reason),
        ("user", TextCol::DbUser),
        ("version", TextCol::Version),
    ];
    let rows = data.table.rows();
    let mut counts: BTreeMap<(u8, u32), [u64; 2]> = BTreeMap::new();
    let mut totals = [[0u64; 2]; COLUMNS.len() + 3];
    for (at, id) in data.order.iter().enumerate() {
        if at.is_multiple_of(STEP) && !wanted() {
            return None;
        }
        let row = rows.get(*id);
        if row.time() < data.window.0 || row.time() > data.window.1 {
            continue;
        }
        let side = usize::from(row.time() < brush.0 || row.time() >= brush.1);
        let texts = COLUMNS.iter().map(|(_, column)| row.code(*column));
        let others = [row.source_id() + 1, u32::from(row.kind().code()) + 1, row.int(IntCol::Status)];
        for (column, code) in (0u8..).zip(texts.chain(others)) {
            if code == 0 || (counts.len() >= VALUES && !counts.contains_key(&(column, code))) {
                continue;
            }
            if let Some(n) = counts.entry((column, code)).or_default().get_mut(side) {
                *n += 1;
            }
            if let Some(n) = totals.get_mut(usize::from(column)).and_then(|t| t.get_mut(side)) {
                *n += 1;
            }
        }
    }
    let mut changes: Vec<Change> = counts
        .into_iter()
        .filter_map(|((column, code), [inside, outside])| {
            let [all_in, all_out] = *totals.get(usize::from(column))?;
            let (label, rule) = match COLUMNS.get(usize::from(column)) {
                Some((name, text)) => {
                    let value = crate::report::text::clean(&String::from_utf8_lossy(rows.text(code)));
                    (format!("{name}={value}"), Rule::Text(*text, vec![code]))
                }
                None => other(data, usize::from(column) - COLUMNS.len(), code),
            };
            let surprise = likelihood(inside, all_in, outside, all_out);
            let share = |n: u64, all: u64| (n as f64 + 0.5) / (all as f64 + 1.0);
            let lift = share(inside, all_in) / share(outside, all_out);
            let filter = Filter { rule, out: false, label: label.clone() };
            // 10.83: one in a thousand by chance, one degree of freedom.
            (surprise > 10.83).then_some(Change {
                label,
                inside: (inside, all_in),
                outside: (outside, all_out),
                lift,
                surprise,
                filter,
            })
        })
        .collect();
    changes.sort_by(|a, b| b.surprise.total_cmp(&a.surprise).then_with(|| a.label.cmp(&b.label)));
    changes.truncate(CHANGES);
    Some(changes)
}

fn other(data: &Data, column: usize, code: u32) -> (String, Rule) {
    match column {
        0 => (format!("source={}", data.file(code - 1)), Rule::Source(code - 1)),
        1 => {
            let kind = Kind::from_code(u8::try_from(code - 1).unwrap_or(0)).name();
            (format!("kind={kind}"), Rule::Kind(kind.into()))
        }
        _ => (format!("status={code}"), Rule::Int(IntCol::Status, super::filter::Compare::Equal, code)),
    }
}

/// Twice the log-likelihood ratio of two binomial shares (Dunning, Computational Linguistics 19(1), 1993).
fn likelihood(a: u64, n: u64, b: u64, m: u64) -> f64 {
    let (a, n, b, m) = (a as f64, n as f64, b as f64, m as f64);
    let log = |k: f64, n: f64, p: f64| {
        let part = |x: f64, p: f64| if x > 0.0 { x * p.max(f64::MIN_POSITIVE).ln() } else { 0.0 };
        part(k, p) + part(n - k, 1.0 - p)
    };
    if n == 0.0 || m == 0.0 {
        return 0.0;
    }
    let whole = (a + b) / (n + m);
    2.0 * (log(a, n, a / n) + log(b, m, b / m) - log(a, n, whole) - log(b, m, whole))
}

/// All positions, for searches that are not limited.
pub fn all(data: &Data) -> Vec<u32> {
    (0..num::count(data.order.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::likelihood;

    #[test]
    fn equal_shares_do_not_surprise() {
        assert!(likelihood(10, 100, 100, 1000).abs() < 1e-9);
        assert!(likelihood(90, 100, 100, 1000) > 100.0);
        assert!(likelihood(0, 0, 1, 10).abs() < 1e-9);
    }
}
