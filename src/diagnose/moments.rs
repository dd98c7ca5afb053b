//! The moments of an incident: cause, onset, detection, mitigation, recovery.

use crate::correlate::Case;
use crate::ingest::{IntCol, LongCol, TextCol};
use crate::table::{Row, Rows};
use backtrail_parsers::Kind;

/// Buckets in which the share of failed requests is looked at.
const BUCKETS: i64 = 240;
const SECOND: i64 = 1_000_000_000;

/// What the diagnosis knows about the cause when it asks for the moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hint {
    /// The first sign of the cause.
    pub first_sign: Option<i64>,
    /// What set it off.
    pub trigger: Option<i64>,
}

/// The moments, ns UTC; `None` where the logs do not show one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moments {
    /// The cause begins.
    pub cause_start: Option<i64>,
    /// Users begin to see it.
    pub onset: Option<i64>,
    /// The first alert.
    pub detected: Option<i64>,
    /// It gets better for the first time.
    pub mitigated: Option<i64>,
    /// It is over.
    pub recovered: Option<i64>,
    /// Nanoseconds in which service was degraded.
    pub degraded_ns: Option<i64>,
}

/// Finds the moments.
pub fn find(rows: &Rows<'_>, case: &Case, hint: Option<&Hint>) -> Moments {
    let mut moments = spells(rows, case);
    let hint = hint.copied().unwrap_or_default();
    moments.cause_start = match (hint.trigger, hint.first_sign, moments.onset) {
        (Some(trigger), ..) => Some(trigger),
        (None, Some(sign), _) => Some(sign),
        (None, None, onset) => onset,
    };
    if let (Some(start), Some(end)) = (moments.cause_start, moments.recovered.or(case.window.map(|w| w.1))) {
        let firing = |m: &&crate::correlate::Marker| {
            let row = rows.get(m.row);
            m.kind == Kind::Alert && m.time >= start && m.time <= end && row.text(TextCol::Reason) != b"resolved"
        };
        moments.detected = moments.onset.and_then(|_| case.markers.iter().find(firing).map(|m| m.time));
    }
    moments
}

/// The end of a request.
fn end(row: &Row<'_>) -> i64 {
    if row.time_is_start() { row.time() + row.long(LongCol::Duration).unwrap_or(0) } else { row.time() }
}

/// A bucket is bad when its failures would come by chance, at the usual share, less often than this.
const CHANCE: f64 = 1e-4;
/// A bad bucket's share of failures lies at least this much above the usual one.
const ABOVE: f64 = 0.05;
/// A failure next to a spell belongs to it when an unrelated one would come as near with this chance at the most.
const COINCIDENCE: f64 = 0.1;
/// A spell with a smaller share of all failures than this, beside a restart, is that restart's own noise.
const NOISE: f64 = 0.05;
/// How far a restart reaches.
const RESTART: i64 = 90 * SECOND;

/// Spells of failing requests: buckets whose share of 5xx is far above the usual one, and the failures next to them.
fn spells(rows: &Rows<'_>, case: &Case) -> Moments {
    let Some((from, to)) = case.window else { return Moments::default() };
    let edge = if rows.iter().any(|r| r.kind() == Kind::LbRequest) { Kind::LbRequest } else { Kind::RequestEnd };
    let width = ((to - from) / BUCKETS).max(SECOND);
    let mut requests: Vec<(i64, bool)> =
        rows.iter().filter(|r| r.kind() == edge && r.has_time()).map(|r| (end(&r), (500..600).contains(&r.int(IntCol::Status)))).collect();
    requests.sort_unstable();
    let buckets = buckets(&requests, from, width);
    let bad = without_restarts(rows, case, bad(&buckets), &buckets, (from, width));
    let (Some(first), Some(last)) = (bad.first(), bad.last()) else { return Moments::default() };
    let failures: Vec<i64> = requests.iter().filter(|(_, failed)| *failed).map(|(t, _)| *t).collect();
    let inside = |t: &i64| bad.binary_search(&((t - from) / width)).is_ok();
    let outside = failures.iter().filter(|t| !inside(t)).count();
    let quiet = (to - from) - width * i64::try_from(bad.len()).unwrap_or(0);
    // How far from a spell an unrelated failure may well be.
    let near = COINCIDENCE * quiet.max(width) as f64 / (outside as f64).max(0.5);
    let near = |gap: i64| (gap as f64) < near.min(3.0 * width as f64);
    let mut at = failures.partition_point(|t| *t < from + first * width);
    while let (Some(now), Some(before)) = (failures.get(at), at.checked_sub(1).and_then(|i| failures.get(i))) {
        if !near(now - before) {
            break;
        }
        at -= 1;
    }
    let mut end = failures.partition_point(|t| *t < from + (last + 1) * width).saturating_sub(1);
    while let (Some(now), Some(after)) = (failures.get(end), failures.get(end + 1)) {
        if !near(after - now) {
            break;
        }
        end += 1;
    }
    let mended = bad.iter().zip(bad.iter().skip(1)).find(|(a, b)| *b - *a > 5).map(|(a, _)| *a);
    let until = |bucket: i64| failures.iter().rev().find(|t| **t < from + (bucket + 1) * width).copied();
    Moments {
        onset: failures.get(at).copied(),
        recovered: failures.get(end).copied(),
        mitigated: mended.and_then(until).or(failures.get(end).copied()),
        degraded_ns: Some(i64::try_from(bad.len()).unwrap_or(0) * width),
        ..Moments::default()
    }
}

/// Requests and failures per bucket that has any.
fn buckets(requests: &[(i64, bool)], from: i64, width: i64) -> Vec<(i64, u64, u64)> {
    let mut buckets: Vec<(i64, u64, u64)> = Vec::new();
    for (time, failed) in requests {
        let bucket = (time - from) / width;
        match buckets.last_mut() {
            Some(last) if last.0 == bucket => {
                last.1 += 1;
                last.2 += u64::from(*failed);
            }
            _ => buckets.push((bucket, 1, u64::from(*failed))),
        }
    }
    buckets
}

/// The bad buckets that stand beside another one: a lone one is an accident, not an incident, unless nearly all in it fails.
fn bad(buckets: &[(i64, u64, u64)]) -> Vec<i64> {
    let mut shares: Vec<f64> = buckets.iter().map(|(_, n, failed)| *failed as f64 / *n as f64).collect();
    shares.sort_unstable_by(f64::total_cmp);
    let usual = shares.get(shares.len() / 4).copied().unwrap_or(0.0);
    // What is usual may be nothing at all: half a per cent is never news.
    let background = usual.max(0.005);
    let odd = |(_, n, failed): &&(i64, u64, u64)| {
        *failed >= 3 && *failed as f64 / *n as f64 > usual + ABOVE && at_least(*failed, *n, background) < CHANCE
    };
    let odd: Vec<&(i64, u64, u64)> = buckets.iter().filter(odd).collect();
    let company = |index: usize| {
        let here = odd.get(index).map_or(0, |b| b.0);
        let beside = [index.checked_sub(1), Some(index + 1)].into_iter().flatten().filter_map(|i| odd.get(i));
        beside.map(|b| (b.0 - here).abs()).any(|gap| gap <= 2)
    };
    let alone = |b: &&(i64, u64, u64)| b.2 * 2 > b.1 && b.2 >= 10;
    odd.iter().enumerate().filter(|(index, b)| company(*index) || alone(b)).map(|(_, b)| b.0).collect()
}

/// Drops what comes before the incident proper: a first small spell beside the start or stop of a process.
fn without_restarts(rows: &Rows<'_>, case: &Case, bad: Vec<i64>, buckets: &[(i64, u64, u64)], (from, width): (i64, i64)) -> Vec<i64> {
    let failed = |bucket: i64| buckets.iter().find(|b| b.0 == bucket).map_or(0, |b| b.2);
    let all: u64 = bad.iter().map(|b| failed(*b)).sum();
    let mut rest = bad.as_slice();
    loop {
        let run = 1 + rest.iter().zip(rest.iter().skip(1)).take_while(|(a, b)| *b - *a <= 2).count();
        let (Some(spell), Some(after)) = (rest.get(..run), rest.get(run..)) else { return bad };
        let (Some(first), Some(last)) = (spell.first(), spell.last()) else { return bad };
        let span = (from + first * width - RESTART, from + (last + 1) * width + RESTART);
        let restart = |m: &crate::correlate::Marker| {
            let down = m.kind == Kind::LbServerState && rows.get(m.row).text(TextCol::Reason) == b"down";
            (down || matches!(m.kind, Kind::AppStart | Kind::AppStop)) && m.time >= span.0 && m.time <= span.1
        };
        let small = (spell.iter().map(|b| failed(*b)).sum::<u64>() as f64) < NOISE * all as f64;
        if after.is_empty() || !small || !case.markers.iter().any(restart) {
            return rest.to_vec();
        }
        rest = after;
    }
}

/// The chance of at least `k` failures among `n` requests that fail with probability `p` each: the Poisson tail.
fn at_least(k: u64, n: u64, p: f64) -> f64 {
    let mean = n as f64 * p;
    let mut term = (-mean).exp();
    let mut below = 0.0;
    for i in 0..k.min(10_000) {
        below += term;
        term *= mean / (i + 1) as f64;
    }
    (1.0 - below).max(0.0)
}
