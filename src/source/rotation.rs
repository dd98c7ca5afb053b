//! Rotated sets: `app.log`, `app.log.1`, `app.log.2.gz` are one log, and so are `db-2023-08-10.log`, `db-2023-08-11.log`.

use super::{Input, Origin};
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// Joins files of one rotated set into one input, oldest part first; everything else is an input of its own. The result
/// is sorted by path.
pub(super) fn join(origins: Vec<Origin>) -> Vec<Input> {
    let mut sets: BTreeMap<String, Vec<(Age, Origin)>> = BTreeMap::new();
    for origin in origins {
        let (base, age) = split(&origin.display());
        sets.entry(base).or_default().push((age, origin));
    }
    let mut inputs: Vec<Input> = Vec::new();
    for mut parts in sets.into_values() {
        parts.sort();
        let path = parts.last().map(|(_, origin)| origin.display()).unwrap_or_default();
        inputs.push(Input { path, parts: parts.into_iter().map(|(_, origin)| origin).collect() });
    }
    inputs.sort_by(|a, b| a.path.cmp(&b.path));
    inputs
}

/// Parts that a rotated set ought to have and lacks, by their names' ends (`.2`, `2023-11-07`): numbers left out between the
/// live file and the oldest, and days left out of a set that has one file for each day.
pub fn missing(parts: &[String]) -> Vec<String> {
    let ages: Vec<Age> = parts.iter().map(|path| split(path).1).collect();
    let numbers: Vec<u32> = ages.iter().filter_map(|age| if let Age::Numbered(n) = age { Some(n.0) } else { None }).collect();
    let days: Vec<NaiveDate> = ages.iter().filter_map(Age::day).collect();
    let mut out = Vec::new();
    if let (Some(least), Some(most)) = (numbers.iter().min(), numbers.iter().max()) {
        // A set counts from 1, or from 0 where the live file is not among the parts.
        let first = if ages.contains(&Age::Live) { 1 } else { *least };
        out.extend((first..=*most).filter(|n| !numbers.contains(n)).map(|n| format!(".{n}")));
    }
    let steps = || days.windows(2).map(|pair| pair.last().zip(pair.first()).map_or(0, |(b, a)| (*b - *a).num_days()));
    let daily = days.len() >= 3 && steps().filter(|step| *step == 1).count() * 2 >= days.len() - 1 && steps().all(|s| s >= 1);
    if daily && let (Some(first), Some(last)) = (days.first(), days.last()) {
        out.extend(first.iter_days().take_while(|day| day < last).filter(|day| !days.contains(day)).map(|day| day.to_string()));
    }
    // A set with more holes than files is no set that lost some.
    if out.len() > parts.len() { Vec::new() } else { out }
}

/// The place of a part in its set. Ordered oldest first: dates ascending, then numbers descending, then the live file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    Dated(String),
    Numbered(std::cmp::Reverse<u32>),
    Live,
}

impl Age {
    /// The day of a dated part.
    fn day(&self) -> Option<NaiveDate> {
        let Age::Dated(date) = self else { return None };
        let digits: String = date.chars().filter(char::is_ascii_digit).take(8).collect();
        NaiveDate::parse_from_str(&digits, "%Y%m%d").ok()
    }
}

/// The name without what rotation added, and the part's place in the set.
fn split(path: &str) -> (String, Age) {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(f, n)| (f, n));
    let plain = [".gz", ".zst", ".bz2", ".xz", ".lz4", ".zstd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    if let Some((base, number)) = plain.rsplit_once('.')
        && !number.is_empty()
        && number.len() <= 4
        && let Ok(number) = number.parse::<u32>()
    {
        return (format!("{folder}/{base}"), Age::Numbered(std::cmp::Reverse(number)));
    }
    match dated(plain) {
        Some((base, date)) => (format!("{folder}/{base}"), Age::Dated(date)),
        None => (format!("{folder}/{plain}"), Age::Live),
    }
}

/// A date (`20231106`, `2023-11-06`, each with an optional time of day behind it) taken out of a name. What is left has
/// no mark of it where it stood at the end (`app.log-20231106` is a part of `app.log`).
fn dated(name: &str) -> Option<(String, String)> {
    let bytes = name.as_bytes();
    let digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    for start in 0..bytes.len() {
        if start > 0 && digit(start - 1) {
            continue;
        }
        let shape = |pattern: &str| {
            pattern
                .bytes()
                .enumerate()
                .all(|(i, p)| if p == b'9' { digit(start + i) } else { bytes.get(start + i) == Some(&p) })
        };
        let width = ["9999-99-99", "99999999"].into_iter().find(|p| shape(p)).map(str::len);
        let Some(mut width) = width else { continue };
        if width == 8 && digit(start + 8) {
            continue;
        }
        for tail in ["_999999", "-999999", "T999999", "_99-99-99", "-99-99-99", "T99-99-99", "-99", "_99"] {
            let at = start + width;
            let fits =
                tail.bytes().enumerate().all(|(i, p)| if p == b'9' { digit(at + i) } else { bytes.get(at + i) == Some(&p) });
            if fits && !digit(at + tail.len()) {
                width += tail.len();
                break;
            }
        }
        let date = name.get(start..start + width)?;
        let (before, after) = (name.get(..start)?, name.get(start + width..)?);
        let year: u32 = date.get(..4)?.parse().ok()?;
        if !(1990..=2100).contains(&year) {
            continue;
        }
        let base = match (before.trim_end_matches(['-', '_', '.']), after) {
            (stem, "") => stem.to_owned(),
            (stem, after) => format!("{stem}{after}"),
        };
        return Some((base, date.to_owned()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(names: &[&str]) -> Vec<Vec<String>> {
        let origins = names.iter().map(|n| Origin::File((*n).into())).collect();
        join(origins).into_iter().map(|i| i.parts.iter().map(Origin::display).collect()).collect()
    }

    #[test]
    fn numbers_count_backwards_and_dates_forwards() {
        assert_eq!(
            joined(&["l/app.log", "l/app.log.1", "l/app.log.10.gz", "l/app.log.2.gz"]),
            [["l/app.log.10.gz", "l/app.log.2.gz", "l/app.log.1", "l/app.log"]]
        );
        assert_eq!(
            joined(&["app.log-20231107", "app.log", "app.log-20231106.gz"]),
            [["app.log-20231106.gz", "app.log-20231107", "app.log"]]
        );
        assert_eq!(
            joined(&["pg-2023-08-11_000000.log", "pg-2023-08-10_143000.log"]),
            [["pg-2023-08-10_143000.log", "pg-2023-08-11_000000.log"]]
        );
        assert_eq!(joined(&["app-1.log", "app-2.log"]).len(), 2);
        assert_eq!(joined(&["a/x.log", "b/x.log.1"]).len(), 2);
    }

    #[test]
    fn parts_that_are_not_there_are_named() {
        let missing = |names: &[&str]| missing(&names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>());
        assert_eq!(missing(&["app.log.4.gz", "app.log.2", "app.log"]), [".1", ".3"]);
        assert!(missing(&["app.log.2", "app.log.1", "app.log"]).is_empty());
        assert!(missing(&["app.log.20", "app.log.1"]).is_empty());
        let days = ["db-2023-08-09.log", "db-2023-08-10.log", "db-2023-08-12.log", "db-2023-08-13.log"];
        assert_eq!(missing(&days), ["2023-08-11"]);
        assert!(missing(&["db-2023-08-01.log", "db-2023-08-08.log", "db-2023-08-15.log"]).is_empty());
    }
}
