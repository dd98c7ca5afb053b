//! From times as written to UTC: missing zones, years, dates and whole times, each inferred step noted in the `basis`.

use super::columns::basis;
use super::options::{GivenZone, Options};
use super::pack::Packed;
use super::{Read, Shard};
use backtrail_parsers::Written;
use backtrail_parsers::prim::time::{civil, days};
use chrono::{DateTime, LocalResult, NaiveDateTime, Offset, TimeZone};

const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * NANOS;
/// Going back in a file by more than this between neighbours, without a year, is the turn of a year.
const HALF_YEAR: i64 = 182 * DAY;
/// Lines of a log come late by hours or days, not by more than this.
const WEEK: i64 = 7 * DAY;

/// How a source's times became UTC.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Zone {
    /// `UTC`, an IANA name or `+02:00`; empty where the lines state instants.
    pub name: String,
    /// `written`, `given`, `evidence`, `assumed`, or `none` for a source without times.
    pub basis: String,
    /// The year put in, where none was written.
    pub year: Option<i64>,
    /// Rows whose local time is ambiguous (the hour that summer time repeats).
    pub ambiguous: u64,
}

/// The code kept per row until the clock is settled: 0 instant, 1 nothing, 2 local, 3 without year, 4 without date.
pub(super) fn pending(written: Written) -> u8 {
    match written {
        Written::Instant => 0,
        Written::Nothing => 1,
        Written::Local => 2,
        Written::NoYear => 3,
        Written::NoDate => 4,
    }
}

/// Turns every source's times into UTC. Years are chosen so that a source falls next to the sources that state theirs.
pub(super) fn settle(sources: &mut [Read], options: &Options) {
    let dated: Vec<(i64, i64)> = sources.iter().filter_map(dated_range).collect();
    let whole = dated.iter().copied().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    for source in sources {
        // A source whose lines partly state the year says best itself what the others' is.
        let anchor = dated_range(source).or(whole).map(|(from, to)| i64::midpoint(from, to)).or(source.stored.modified);
        settle_source(source, options, anchor);
    }
}

/// First and last time of the rows that state year and date, plausible ones only.
fn dated_range(source: &Read) -> Option<(i64, i64)> {
    source.shards.iter().filter_map(|shard| shard.dated).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn settle_source(source: &mut Read, options: &Options, anchor: Option<i64>) {
    let given = options.zone(&source.path);
    let mut zone = Zone { basis: "none".into(), ..Zone::default() };
    let mut state = State { given, year: None, last: None, yearless: None, midnight: None, ambiguous: 0, turns: true };
    let turns = Turns::of(&source.shards);
    state.turns = turns.are_real();
    state.year = options.year.map(i64::from).or_else(|| turns.first_year(anchor));
    let (mut instants, mut locals) = (false, false);
    for shard in source.shards.iter_mut().filter(|shard| shard.rows > 0) {
        let written = std::mem::take(&mut shard.written);
        let last = shard.time.signed(shard.rows - 1);
        match (written.same(), given) {
            (Some(0), _) => {
                instants = true;
                state.last = Some(last);
            }
            (Some(2), None) => {
                locals = true;
                shard.basis.change(shard.rows, |bits| bits | basis::ZONE_ASSUMED);
                (state.last, state.midnight) = (Some(last), Some(last.div_euclid(DAY) * DAY));
            }
            _ => {
                let (mut times, mut bases) = (Vec::with_capacity(shard.rows), Vec::with_capacity(shard.rows));
                for row in 0..shard.rows {
                    let code = written.byte(row);
                    instants |= code == 0;
                    locals |= code >= 2;
                    zone.year = zone.year.or(if code == 3 { state.year } else { None });
                    let (settled, bits) = state.settle(code, shard.time.signed(row));
                    times.push(settled);
                    bases.push(shard.basis.byte(row) | bits);
                }
                shard.time = Packed::new_signed(&times);
                shard.basis = Packed::new(&bases, shard.rows);
            }
        }
    }
    lend_first_time(&mut source.shards);
    zone.ambiguous = state.ambiguous;
    if locals {
        (zone.name, zone.basis) = match given {
            Some(GivenZone::Named(tz)) => (tz.name().into(), "given".into()),
            Some(GivenZone::Fixed(seconds)) => (offset_name(seconds), "given".into()),
            None => ("UTC".into(), "assumed".into()),
        };
    } else if instants {
        zone.basis = "written".into();
    }
    source.zone = zone;
}

/// `+02:00` for an offset in seconds.
pub fn offset_name(seconds: i32) -> String {
    let minutes = seconds.abs() / 60;
    format!("{}{:02}:{:02}", if seconds < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
}

struct State {
    given: Option<GivenZone>,
    /// The year of the next row without one.
    year: Option<i64>,
    /// UTC of the last row with a time.
    last: Option<i64>,
    /// Position in the year (as in 1972) of the last row without a year.
    yearless: Option<i64>,
    /// Midnight (local) of the date of the last row, for rows with a time of day alone.
    midnight: Option<i64>,
    ambiguous: u64,
    /// Whether going back by more than half a year means the turn of a year.
    turns: bool,
}

impl State {
    fn settle(&mut self, code: u8, written: i64) -> (i64, u8) {
        let (utc, bits) = match code {
            0 => (written, 0),
            1 => return self.last.map_or((0, basis::NONE), |last| (last, basis::INHERITED)),
            3 => {
                let local = self.with_year(written);
                let (utc, bits) = self.zoned(local);
                (utc, bits | basis::YEAR_INFERRED)
            }
            4 => match self.with_date(written) {
                Some(local) => {
                    let (utc, bits) = self.zoned(local);
                    (utc, bits | basis::DATE_INFERRED)
                }
                None => return (0, basis::NONE),
            },
            _ => self.zoned(written),
        };
        self.last = Some(utc);
        if code != 4 {
            self.midnight = Some(written.div_euclid(DAY) * DAY);
        }
        (utc, bits)
    }

    /// A civil time in UTC. The hour that summer time repeats is resolved by order: the second pass of it is the one
    /// that keeps the file from going backwards.
    fn zoned(&mut self, local: i64) -> (i64, u8) {
        match self.given {
            None => (local, basis::ZONE_ASSUMED),
            Some(GivenZone::Fixed(seconds)) => (local - i64::from(seconds) * NANOS, basis::ZONE_GIVEN),
            Some(GivenZone::Named(tz)) => {
                let naive = naive(local);
                let utc = |offset: i32| local - i64::from(offset) * NANOS;
                match tz.offset_from_local_datetime(&naive) {
                    LocalResult::Single(offset) => (utc(offset.fix().local_minus_utc()), basis::ZONE_GIVEN),
                    LocalResult::Ambiguous(early, late) => {
                        self.ambiguous += 1;
                        let (early, late) = (utc(early.fix().local_minus_utc()), utc(late.fix().local_minus_utc()));
                        let second = self.last.is_some_and(|last| last > early + 60 * NANOS && late >= last - 60 * NANOS);
                        (if second { late } else { early }, basis::ZONE_GIVEN | basis::AMBIGUOUS)
                    }
                    LocalResult::None => {
                        // The hour that does not exist: the offset before the change applies.
                        let before = naive.checked_sub_signed(chrono::TimeDelta::hours(3)).unwrap_or(naive);
                        let offset = tz.offset_from_local_datetime(&before).earliest().map_or(0, |o| o.fix().local_minus_utc());
                        (utc(offset), basis::ZONE_GIVEN | basis::AMBIGUOUS)
                    }
                }
            }
        }
    }

    /// Puts a year on a time of 1972; December followed by January is the next year, and the other way round.
    fn with_year(&mut self, written: i64) -> i64 {
        let year = self.year.unwrap_or(1970);
        let year = match self.yearless {
            Some(before) if self.turns && written < before - HALF_YEAR => year + 1,
            Some(before) if self.turns && written > before + HALF_YEAR => year - 1,
            _ => year,
        };
        self.year = Some(year);
        self.yearless = Some(written);
        in_year(written, year)
    }

    /// Puts the date of the row before on a time of day; going back by more than half a day is the next day.
    fn with_date(&mut self, written: i64) -> Option<i64> {
        let midnight = self.midnight?;
        let before = self.last.map_or(0, |last| last.rem_euclid(DAY));
        let next = self.last.is_some() && written < before - DAY / 2;
        let midnight = if next { midnight + DAY } else { midnight };
        self.midnight = Some(midnight);
        Some(midnight + written)
    }
}

/// A time of 1972 moved into another year; 29 February of a year without one becomes 28 February.
fn in_year(written: i64, year: i64) -> i64 {
    let (_, month, day) = civil(written.div_euclid(DAY));
    let year = i32::try_from(year).unwrap_or(1970);
    let leap = days(year, 3, 1) - days(year, 2, 28) == 2;
    let day = if month == 2 && day == 29 && !leap { 28 } else { day };
    days(year, month, day) * DAY + written.rem_euclid(DAY)
}

/// How the rows without a year go through the year.
#[derive(Default)]
struct Turns {
    rows: usize,
    /// Position in the year of the last row.
    last: i64,
    /// Turns of the year forwards less those backwards.
    sum: i64,
    /// Steps back by more than a week.
    back: usize,
}

impl Turns {
    fn of(shards: &[Shard]) -> Turns {
        let mut turns = Turns::default();
        for shard in shards.iter().filter(|s| s.written.same().is_none_or(|code| code == 3)) {
            for row in (0..shard.rows).filter(|row| shard.written.byte(*row) == 3) {
                let time = shard.time.signed(row);
                let step = if turns.rows == 0 { 0 } else { time - turns.last };
                turns.back += usize::from(step > HALF_YEAR || (-HALF_YEAR..-WEEK).contains(&step));
                turns.sum += i64::from(step < -HALF_YEAR) - i64::from(step > HALF_YEAR);
                (turns.rows, turns.last) = (turns.rows + 1, time);
            }
        }
        turns
    }

    /// A file whose lines go back and forth is a collection, not a log in order of time: nothing follows from its order.
    /// Two files in one step back once.
    fn are_real(&self) -> bool {
        self.back < 2 || self.back * 20 < self.rows
    }

    /// The year of the first row: the one that brings the last row closest to the anchor.
    fn first_year(&self, anchor: Option<i64>) -> Option<i64> {
        let anchor = anchor.filter(|_| self.rows > 0)?;
        let year = civil(anchor.div_euclid(DAY)).0;
        if !self.are_real() {
            return Some(year);
        }
        let best = (year - 1..=year + 1).min_by_key(|y| (in_year(self.last, *y) - anchor).abs())?;
        Some(best - self.sum)
    }
}

/// Rows before the first row with a time take that time: they were written just before it.
fn lend_first_time(shards: &mut [Shard]) {
    let timed = |s: &Shard, row: usize| s.basis.byte(row) & basis::NONE == 0;
    let mut places = shards.iter().enumerate().flat_map(|(n, s)| (0..s.rows).map(move |row| (n, s, row)));
    let Some((shard, row, first)) = places.find(|(_, s, row)| timed(s, *row)).map(|(n, s, row)| (n, row, s.time.signed(row)))
    else {
        return;
    };
    for (n, s) in shards.iter_mut().enumerate().take(shard + 1) {
        let before = if n == shard { row } else { s.rows };
        if before > 0 {
            let times: Vec<i64> = (0..s.rows).map(|row| if row < before { first } else { s.time.signed(row) }).collect();
            let lent = |row| if row < before { basis::INHERITED } else { s.basis.byte(row) };
            let bases: Vec<u8> = (0..s.rows).map(lent).collect();
            s.time = Packed::new_signed(&times);
            s.basis = Packed::new(&bases, s.rows);
        }
    }
}

fn naive(local: i64) -> NaiveDateTime {
    DateTime::from_timestamp_nanos(local).naive_utc()
}
