//! Which rows are the requests that users sent, each once.
//!
//! A request leaves a line at every tier it passes: at a web server, at a load balancer behind it, in the application.
//! It is counted where it is seen first: at the load balancers, and only without them in the application. Where two kinds
//! of logs tell of one tier (nginx in front of `HAProxy`; an application server's access log and the application's own
//! request lines), they are taken for the same requests when they serve the same endpoints, and the one that tells more
//! clients apart, then the one with more lines, counts. Logs of one format are replicas and are added up.

use super::probe::Probes;
use crate::ingest::{LongCol, TextCol};
use crate::table::maps::{HashMap, HashSet};
use crate::table::{Row, Rows};
use backtrail_parsers::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// Formats of which at least this share of the lines is for endpoints that the leading format serves too tell of the same
/// requests.
const SAME_REQUESTS: f64 = 0.5;

/// Where requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tier {
    /// No log tells of requests.
    #[default]
    None,
    /// At load balancers or web servers.
    LoadBalancer,
    /// In the application.
    Application,
}

/// The rows that count.
#[derive(Debug, Default)]
pub struct Front {
    /// Where requests are counted.
    pub tier: Tier,
    /// First and last end of the requests counted, ns UTC, without strays: see [`Hours`].
    pub range: Option<(i64, i64)>,
    /// Requests counted, probes among them.
    pub count: u64,
    /// Sources and their layouts: a few.
    lb: Vec<(u32, u8)>,
    app: Vec<(u32, u8)>,
    probes: Probes,
}

/// What one format says of one tier.
#[derive(Debug, Default)]
struct Group {
    lanes: BTreeSet<(u32, u8)>,
    lines: u64,
    clients: HashSet<u32>,
    /// Lines per method and endpoint.
    endpoints: HashMap<(u32, u32), u64>,
    hours: Hours,
}

impl Group {
    fn add(&mut self, row: &Row<'_>) {
        self.lines += 1;
        self.clients.insert(row.code(TextCol::Client));
        *self.endpoints.entry((row.code(TextCol::Method), row.code(TextCol::Route))).or_default() += 1;
        if row.has_time() {
            self.hours.see(span(row).1);
        }
    }
}

const HOUR: i64 = 3_600_000_000_000;
/// At most this share of what is counted is taken for strays.
const STRAYS: f64 = 0.001;

/// How much was seen in which hour: so that a few lines with a wrong year, or a duration of years, do not stretch a window
/// over all the time between them and the rest.
#[derive(Debug, Default)]
pub struct Hours {
    seen: BTreeMap<i64, (u64, i64, i64)>,
}

impl Hours {
    /// Takes a moment, ns UTC.
    pub fn see(&mut self, time: i64) {
        let (n, from, to) = self.seen.entry(time.div_euclid(HOUR)).or_insert((0, time, time));
        *n += 1;
        (*from, *to) = ((*from).min(time), (*to).max(time));
    }

    /// Takes everything of another.
    pub fn merge(&mut self, other: &Hours) {
        for (hour, (n, from, to)) in &other.seen {
            let mine = self.seen.entry(*hour).or_insert((0, *from, *to));
            *mine = (mine.0 + n, mine.1.min(*from), mine.2.max(*to));
        }
    }

    /// First and last moment, ns UTC. What lies before or after a gap longer than everything else is left out as long as it
    /// is next to nothing.
    pub fn range(&self) -> Option<(i64, i64)> {
        let all: Vec<(u64, i64, i64)> = self.seen.values().copied().collect();
        let total: u64 = all.iter().map(|h| h.0).sum();
        let gaps = all.windows(2).filter_map(|w| Some((w.first()?.2, w.last()?.1)));
        // The longest gap decides; where strays lie on both sides, the next longest is looked at in what is left.
        let (longest, at) = gaps.map(|(a, b)| b.saturating_sub(a)).zip(1..).max().unwrap_or((0, 0));
        let whole = (all.first()?.1, all.last()?.2);
        let (before, after) = all.split_at_checked(at)?;
        let count = |hours: &[(u64, i64, i64)]| hours.iter().map(|h| h.0).sum::<u64>() as f64;
        let span = |hours: &[(u64, i64, i64)]| match (hours.first(), hours.last()) {
            (Some(first), Some(last)) => last.2.saturating_sub(first.1),
            _ => 0,
        };
        let few = STRAYS * total as f64;
        for (strays, rest) in [(before, after), (after, before)] {
            if !strays.is_empty() && count(strays) <= few && longest > span(rest).max(HOUR) {
                let kept: BTreeMap<i64, (u64, i64, i64)> = rest.iter().map(|h| (h.1.div_euclid(HOUR), *h)).collect();
                return Hours { seen: kept }.range();
            }
        }
        Some(whole)
    }
}

/// When the request of a row began and ended, ns UTC: a row is stamped at either, and tells how long it took or not.
pub fn span(row: &Row<'_>) -> (i64, i64) {
    let (time, duration) = (row.time(), row.long(LongCol::Duration).unwrap_or(0).max(0));
    if row.time_is_start() { (time, time.saturating_add(duration)) } else { (time.saturating_sub(duration), time) }
}

impl Front {
    /// Looks through all rows.
    pub fn find(rows: &Rows<'_>) -> Front {
        let mut groups: BTreeMap<(Kind, &str), Group> = BTreeMap::new();
        let mut probes = super::probe::Finder::default();
        let lane = |row: &Row<'_>| (row.kind(), row.source_id(), row.layout());
        let mut requests = rows.iter().filter(|r| matches!(r.kind(), Kind::LbRequest | Kind::RequestEnd)).peekable();
        while let Some(first) = requests.peek() {
            let one = lane(first);
            let layouts = first.source().map(|s| s.layouts.as_slice()).unwrap_or_default();
            let layout = layouts.get(usize::from(one.2)).copied().unwrap_or_default();
            let group = groups.entry((one.0, layout)).or_default();
            group.lanes.insert((one.1, one.2));
            // Most rows stand behind others of their lane.
            while let Some(row) = requests.next_if(|row| lane(row) == one) {
                group.add(&row);
                probes.see(&row);
            }
        }
        let (lb, lb_range, lb_count) = choose(&groups, Kind::LbRequest);
        let (app, app_range, app_count) = choose(&groups, Kind::RequestEnd);
        let (tier, range, count) = match (lb_range, app_range) {
            (Some(_), _) => (Tier::LoadBalancer, lb_range, lb_count),
            (None, Some(_)) => (Tier::Application, app_range, app_count),
            (None, None) => (Tier::None, None, 0),
        };
        Front { tier, range, count, lb, app, probes: probes.finish() }
    }

    /// True for a row that is a request as a user (or a probe) sent it.
    pub fn is_request(&self, row: &Row<'_>) -> bool {
        match self.tier {
            Tier::None => false,
            Tier::LoadBalancer => row.kind() == Kind::LbRequest && self.lb.contains(&(row.source_id(), row.layout())),
            Tier::Application => self.reached_application(row),
        }
    }

    /// True for a row that tells of the end of a request in the application.
    pub fn reached_application(&self, row: &Row<'_>) -> bool {
        row.kind() == Kind::RequestEnd && self.app.contains(&(row.source_id(), row.layout()))
    }

    /// True for a request that a machine sends to see whether the service lives.
    pub fn is_probe(&self, row: &Row<'_>) -> bool {
        self.probes.contains(row)
    }
}

type Chosen = (Vec<(u32, u8)>, Option<(i64, i64)>, u64);

fn choose(groups: &BTreeMap<(Kind, &str), Group>, kind: Kind) -> Chosen {
    let mut left: Vec<&Group> = groups.iter().filter(|(key, _)| key.0 == kind).map(|(_, group)| group).collect();
    left.sort_by_key(|g| std::cmp::Reverse((g.clients.len(), g.lines)));
    let mut chosen: Vec<&Group> = Vec::new();
    for group in left {
        let shared = |endpoint: &(u32, u32)| chosen.iter().any(|c| c.endpoints.contains_key(endpoint));
        let same: u64 = group.endpoints.iter().filter(|(endpoint, _)| shared(endpoint)).map(|(_, n)| *n).sum();
        if chosen.is_empty() || (same as f64) < SAME_REQUESTS * group.lines as f64 {
            chosen.push(group);
        }
    }
    let mut hours = Hours::default();
    chosen.iter().for_each(|g| hours.merge(&g.hours));
    (chosen.iter().flat_map(|g| g.lanes.iter().copied()).collect(), hours.range(), chosen.iter().map(|g| g.lines).sum())
}

#[cfg(test)]
mod tests {
    use super::{HOUR, Hours};

    #[test]
    fn strays_do_not_stretch_the_window() {
        let mut hours = Hours::default();
        (0..5000).for_each(|i| hours.see(1000 * HOUR + i * HOUR / 1000));
        assert_eq!(hours.range(), Some((1000 * HOUR, 1004 * HOUR + HOUR * 999 / 1000)));
        // A line of 1970, and one with a duration of years.
        for stray in [7, 90_000 * HOUR, i64::MAX] {
            hours.see(stray);
        }
        assert_eq!(hours.range(), Some((1000 * HOUR, 1004 * HOUR + HOUR * 999 / 1000)));
        // As many lines a day before are another day's log.
        (0..500).for_each(|i| hours.see(976 * HOUR + i));
        assert_eq!(hours.range().map(|r| r.0), Some(976 * HOUR));
        assert_eq!(Hours::default().range(), None);
    }
}
