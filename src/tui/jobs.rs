//! Work over all rows: filtering, searching, jumping, comparing. Each asks now and then whether it is still wanted.

use super::clock::SECOND;
use super::data::Data;
use super::filter::{Filter, Rule, took};
use super::num;
use crate::error::Error;
use crate::ingest::{IntCol, TextCol};
use crate::source::reread::{Range, Reader};
use crate::table::{RowId, Rows};
use backtrail_parsers::{Kind, Severity};
use foldhash::fast::FixedState;
use std::collections::HashMap;

/// Rows between two questions whether to go on.
const STEP: usize = 4096;
/// Values kept per column when comparing.
const VALUES: usize = 20_000;
/// Changes shown.
const CHANGES: usize = 40;
/// The longest part of a record that is read again.
const LONGEST: u32 = 1 << 20;

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

/// Records, read again, each with its row; where that is not possible the reason stands in its place.
pub fn records(data: &Data, reader: &mut Reader, ids: &[RowId]) -> Vec<(RowId, String)> {
    let rows = data.table.rows();
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    let mut out = Vec::with_capacity(ids.len());
    for part in ids.chunk_by(|a, b| rows.get(*a).source_id() == rows.get(*b).source_id()) {
        let from = out.len();
        out.extend(part.iter().map(|id| (*id, "(the source no longer has it)".to_owned())));
        let problems = read(data, reader, &rows, part, &mut |index, bytes| {
            if let Some((_, text)) = out.get_mut(from + index) {
                *text = String::from_utf8_lossy(bytes).into_owned();
            }
        });
        if let Some(problem) = problems.first() {
            let unread = out.iter_mut().skip(from).filter(|(_, text)| text.starts_with("(the source"));
            unread.for_each(|(_, text)| *text = format!("({problem})"));
        }
    }
    out
}

/// Reads the records of rows of one source.
fn read(data: &Data, reader: &mut Reader, rows: &Rows<'_>, ids: &[RowId], each: &mut dyn FnMut(usize, &[u8])) -> Vec<Error> {
    let range = |id: &RowId| {
        let row = rows.get(*id);
        Range { offset: row.offset(), length: row.length().min(LONGEST) }
    };
    let ranges: Vec<Range> = ids.iter().map(range).collect();
    let source = ids.first().map_or(0, |id| rows.get(*id).source_id());
    let parts = data.table.sources.get(source as usize).map(|s| s.stored.parts.as_slice()).unwrap_or_default();
    reader.read(parts, &ranges, each)
}

/// Positions in the order of time that pass all filters; `None` where it is no longer wanted.
pub fn filter(data: &Data, reader: &mut Reader, filters: &[Filter], wanted: &dyn Fn() -> bool) -> Option<Vec<u32>> {
    let rows = data.table.rows();
    let filters: Vec<Filter> = filters.iter().map(|f| f.resolved(data)).collect();
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
    for one in &filters {
        if let Rule::Holds(text) = &one.rule {
            let mut held = Vec::new();
            if !holding(data, reader, Some(&kept), text, wanted, &mut |rows| held.extend_from_slice(rows)) {
                return None;
            }
            let held = positions(data, held);
            kept.retain(|at| held.binary_search(at).is_ok() != one.out);
        }
    }
    Some(kept)
}

/// Finds the positions, among these or all, whose record holds `text`, which is in lower case; `tell` hears of all hits so
/// far, sorted, whenever there are half as many more, and at last with `true`. Silent where it is no longer wanted.
pub fn search(
    data: &Data,
    reader: &mut Reader,
    among: Option<&[u32]>,
    text: &str,
    wanted: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(Vec<u32>, bool),
) {
    let (mut hits, mut told): (Vec<RowId>, usize) = (Vec::new(), 0);
    let whole = holding(data, reader, among, text, wanted, &mut |rows| {
        hits.extend_from_slice(rows);
        if hits.len() > told + told / 2 {
            told = hits.len();
            tell(positions(data, hits.clone()), false);
        }
    });
    if whole {
        tell(positions(data, hits), true);
    }
}

/// The positions of rows in the order of time, sorted.
fn positions(data: &Data, mut ids: Vec<RowId>) -> Vec<u32> {
    let rows = data.table.rows();
    if ids.len() < data.order.len() / 32 {
        let mut found: Vec<u32> = ids.iter().filter_map(|id| data.position_of(&rows, *id).map(num::count)).collect();
        found.sort_unstable();
        return found;
    }
    ids.sort_unstable();
    let hit = |(_, id): &(u32, &RowId)| ids.binary_search(id).is_ok();
    (0u32..).zip(&data.order).filter(hit).map(|(at, _)| at).collect()
}

/// Says the rows, among these positions or all, whose record holds `text`, which is in lower case, source by source, so
/// that each is read once from its beginning to its end. False where it is no longer wanted.
fn holding(
    data: &Data,
    reader: &mut Reader,
    among: Option<&[u32]>,
    text: &str,
    wanted: &dyn Fn() -> bool,
    found: &mut dyn FnMut(&[RowId]),
) -> bool {
    let rows = data.table.rows();
    let ids: Box<dyn Iterator<Item = RowId>> = match among {
        None => Box::new(rows.iter().map(|row| row.id)),
        Some(among) => {
            let mut ids: Vec<RowId> = among.iter().filter_map(|at| data.order.get(*at as usize).copied()).collect();
            ids.sort_unstable();
            Box::new(ids.into_iter())
        }
    };
    let finder = memchr::memmem::Finder::new(text.as_bytes());
    let mut ids = ids.peekable();
    let (mut part, mut hits, mut lower) = (Vec::with_capacity(STEP), Vec::new(), Vec::new());
    while let Some(first) = ids.next() {
        if !wanted() {
            return false;
        }
        let source = rows.get(first).source_id();
        part.clear();
        hits.clear();
        part.push(first);
        while part.len() < STEP
            && let Some(id) = ids.next_if(|id| rows.get(*id).source_id() == source)
        {
            part.push(id);
        }
        read(data, reader, &rows, &part, &mut |index, bytes| {
            lower.clear();
            // Where no other letters are looked for, those of ASCII are all whose case matters.
            if text.is_ascii() {
                lower.extend_from_slice(bytes);
                lower.make_ascii_lowercase();
            } else {
                lower.extend_from_slice(String::from_utf8_lossy(bytes).to_lowercase().as_bytes());
            }
            if finder.find(&lower).is_some() {
                hits.extend(part.get(index));
            }
        });
        if !hits.is_empty() {
            found(&hits);
        }
    }
    true
}

/// What to jump to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// An error.
    Error,
    /// A warning or worse.
    Warning,
    /// Something that took or waited a second.
    Slow,
    /// A record of another source.
    OtherFile,
}

/// The position of the next record of a kind after a position, or before it, among those shown; `None` where it is no
/// longer wanted.
pub fn jump(
    data: &Data,
    shown: Option<&[u32]>,
    here: u32,
    (target, forward): (Target, bool),
    wanted: &dyn Fn() -> bool,
) -> Option<Option<u32>> {
    let rows = data.table.rows();
    let row_at = |position: u32| data.order.get(position as usize).map(|id| rows.get(*id));
    let source = row_at(here).map(|row| row.source_id());
    let fits = |position: u32| {
        row_at(position).is_some_and(|row| match target {
            Target::Error => row.severity() >= Severity::ERROR,
            Target::Warning => row.severity() >= Severity::WARN,
            Target::Slow => took(&row).is_some_and(|ns| ns >= SECOND),
            Target::OtherFile => Some(row.source_id()) != source,
        })
    };
    let ways: Box<dyn Iterator<Item = u32>> = match (shown, forward) {
        (None, true) => Box::new(here.saturating_add(1)..num::count(data.order.len())),
        (None, false) => Box::new((0..here).rev()),
        (Some(shown), true) => Box::new(shown.iter().skip(shown.partition_point(|p| *p <= here)).copied()),
        (Some(shown), false) => Box::new(shown.iter().take(shown.partition_point(|p| *p < here)).rev().copied()),
    };
    for (step, position) in ways.enumerate() {
        if step.is_multiple_of(STEP) && !wanted() {
            return None;
        }
        if fits(position) {
            return Some(Some(position));
        }
    }
    Some(None)
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
    let mut counts: HashMap<(u8, u32), [u64; 2], FixedState> = HashMap::default();
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
