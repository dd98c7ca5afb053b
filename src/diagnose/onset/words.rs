//! The steps of the ladder in words, with their numbers.

use super::Step;
use super::rise::Rise;
use crate::correlate::Leak;
use crate::diagnose::moments::Spell;
use crate::diagnose::slo::Basis;
use crate::diagnose::trend::trend;
use std::ops::Range;

/// A trend is claimed from this Mann–Kendall z on.
const CLEAR: f64 = 3.3;

/// The first leaked connection.
pub(super) fn leak(leak: &Leak) -> String {
    let site = leak.site.as_ref().map(|s| format!(" at {} ({}:{})", s.function, s.file, s.line));
    let place = site.or_else(|| leak.endpoint.as_ref().map(|e| format!(" by {e}"))).unwrap_or_default();
    format!("a connection is opened{place} and never given back")
}

/// What users saw.
pub(super) fn seen(spell: &Spell, basis: Basis) -> String {
    if basis == Basis::Events {
        return format!("connections fail: {} times in this spell", spell.bad);
    }
    let (failed, slow, inside) = (spell.failed, spell.bad - spell.failed, spell.slow_inside);
    let mut said = Vec::new();
    if failed > 0 {
        said.push(format!("{failed} requests fail"));
    }
    if slow > 0 {
        said.push(format!("{slow} are too slow"));
    }
    if inside > 0 {
        said.push(format!("{inside} are too slow inside the application"));
    }
    format!("users see it: in this spell {}", said.join(", "))
}

/// A count that exceeds its baseline.
pub(super) fn counted(step: Step, n: u64, of: Option<u64>, waiting: Option<u32>) -> String {
    if let (Step::Waiters, None) = (step, of) {
        return format!("borrowers begin to wait for a connection that they will not get ({n} in this spell)");
    }
    let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
    let times = if n == 1 { "once".to_owned() } else { format!("{n} times") };
    match step {
        Step::Exhausted => format!("a resource runs out ({times})"),
        Step::DatabaseDown => format!("the database stops ({times})"),
        Step::ServersDown => format!("the load balancer takes a server out of rotation ({times})"),
        Step::ConnectFailed => format!("connections to the database cannot be made ({times})"),
        Step::Cache => format!("the cache fails ({n}{of} looks)"),
        Step::Locks => format!("statements wait for locks ({times})"),
        Step::NoIdle => format!("no idle connection is left in a pool ({n}{of} of its statements)"),
        Step::Waiters => {
            let most = waiting.filter(|w| *w > 0).map(|w| format!(", up to {w} at once")).unwrap_or_default();
            format!("borrowers wait for a connection ({n}{of} of the pool's statements{most})")
        }
        Step::Timeouts => format!("borrowers wait in vain ({times})"),
        _ => format!("the database turns clients away ({times})"),
    }
}

/// A level that rose; `slope` is in connections a minute.
pub(super) fn risen(step: Step, rise: &Rise, slope: Option<f64>) -> String {
    let (before, after) = (rise.before, rise.after);
    match step {
        Step::Traffic => format!("requests come more often: {after:.1} a second, {before:.1} before"),
        Step::InUse => {
            let slope = slope.map(|s| format!(", {s:.2} more a minute")).unwrap_or_default();
            format!("more connections are in use: {after:.0}, {before:.0} before{slope}")
        }
        _ => {
            let what = match step {
                Step::Queries => "statements take",
                Step::HoldTime => "connections are held",
                Step::Waiters => "borrowers wait",
                Step::BackEndConnect => "connecting to the back end takes",
                _ => "requests take",
            };
            format!("{what} {} at the 95th percentile, {} before", time(after), time(before))
        }
    }
}

/// Milliseconds for people.
fn time(ms: f64) -> String {
    if ms >= 1000.0 { format!("{:.1} s", ms / 1000.0) } else { format!("{ms:.1} ms") }
}

/// The slope of a level that goes on rising, per minute; `None` where no trend can be claimed.
pub(super) fn slope(values: &[Option<f64>], range: Range<usize>, seconds: f64) -> Option<f64> {
    let values: Vec<f64> = values.get(range)?.iter().flatten().copied().collect();
    trend(&values).filter(|t| t.z >= CLEAR).map(|t| t.slope * 60.0 / seconds)
}
