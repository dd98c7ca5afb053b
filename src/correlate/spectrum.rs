//! Without a stack: what do the leaking requests have in common that the others lack?
//!
//! Every session is a unit with features: its endpoint, the statements, loggers, message templates and exceptions of its
//! request, the version and host that served it, its client. For each feature the leak rate of the units that have it is
//! held against that of the units that lack it. Features are ranked by the lower end of the exact interval of that ratio:
//! a few lucky hits rank below many solid ones, and a busy endpoint does not win by being busy.

pub mod attribute;
mod features;
mod units;

use super::distributions::{Control, Ratio, clopper_pearson, fisher_greater, q_values, rate_ratio, rate_ratio_value};
use crate::table::RowId;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Leaked units below which nothing is said.
const FEWEST: u64 = 5;
/// Features whose pairs are looked at.
const PAIRED: usize = 20;
/// Features that are compared with each other for standing in the same units.
const COMPARED: usize = 200;
/// Share of units in common that makes two features one.
const SAME: f64 = 0.95;
/// The largest share of false discoveries among leads.
const ALPHA: f64 = 0.05;

/// What kind of thing a feature is; the first ones tell most about code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FeatureKind {
    /// Type of an exception or error.
    Exception,
    /// A logger, which is a class or module in most products.
    Logger,
    /// A message without its variable parts.
    Template,
    /// A statement without its literals.
    Statement,
    /// Method and route.
    Endpoint,
    /// Route, whatever the method.
    Route,
    /// Group of threads.
    ThreadPool,
    /// Version of the service.
    Version,
    /// Host.
    Host,
    /// Client's address or application.
    Client,
    /// Program of the client.
    UserAgent,
    /// Status of the answer.
    Status,
}

impl FeatureKind {
    /// What the units that have the feature did, in words.
    pub const fn phrase(self) -> &'static str {
        match self {
            FeatureKind::Exception => "that raised",
            FeatureKind::Logger | FeatureKind::Template => "that logged",
            FeatureKind::Statement => "that ran",
            FeatureKind::Endpoint | FeatureKind::Route => "of",
            FeatureKind::ThreadPool => "on threads",
            FeatureKind::Version => "of version",
            FeatureKind::Host => "on host",
            FeatureKind::Client => "of client",
            FeatureKind::UserAgent => "by",
            FeatureKind::Status => "answered",
        }
    }

    /// True where the feature is the mark of some code, not of who asked or where it ran.
    pub const fn is_code(self) -> bool {
        matches!(
            self,
            FeatureKind::Exception
                | FeatureKind::Logger
                | FeatureKind::Template
                | FeatureKind::Statement
                | FeatureKind::Endpoint
                | FeatureKind::Route
        )
    }

    /// The word in files.
    pub const fn name(self) -> &'static str {
        match self {
            FeatureKind::Exception => "exception",
            FeatureKind::Logger => "logger",
            FeatureKind::Template => "template",
            FeatureKind::Statement => "statement",
            FeatureKind::Endpoint => "endpoint",
            FeatureKind::Route => "route",
            FeatureKind::ThreadPool => "thread_pool",
            FeatureKind::Version => "version",
            FeatureKind::Host => "host",
            FeatureKind::Client => "client",
            FeatureKind::UserAgent => "user_agent",
            FeatureKind::Status => "status",
        }
    }
}

/// A feature and the units that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Its kind.
    pub kind: FeatureKind,
    /// Its text.
    pub text: String,
    /// Numbers of the units, sorted, each once.
    pub units: Vec<u32>,
    /// Rows of leaked units in which it stands: a few.
    pub evidence: Vec<RowId>,
}

/// How much is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// The leak rate is at least five times that of the others, and it covers at least 80 % of the leak.
    Strong,
    /// At least twice, and half of it.
    Moderate,
    /// A lead, no attribution.
    Unattributed,
}

impl Tier {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Tier::Strong => "strong",
            Tier::Moderate => "moderate",
            Tier::Unattributed => "unattributed",
        }
    }
}

/// A share with its exact 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Hits.
    pub hits: u64,
    /// Of so many.
    pub of: u64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Share {
    fn new(hits: u64, of: u64) -> Share {
        let (low, high) = clopper_pearson(hits, of);
        Share { hits, of, low, high }
    }

    /// The share, 0 without any.
    pub fn value(&self) -> f64 {
        if self.of == 0 { 0.0 } else { self.hits as f64 / self.of as f64 }
    }
}

/// A feature, or two together, with the numbers that speak for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Lead {
    /// Positions of the features that name it: one, or two that only together tell.
    pub features: Vec<usize>,
    /// Features that stand in (nearly) the same units, and so cannot be told from the first.
    pub same: Vec<usize>,
    /// Leaked among the units that have it.
    pub purity: Share,
    /// Leaked among the units that lack it.
    pub others: Share,
    /// The part of all leaked units that have it.
    pub coverage: Share,
    /// Leak rate of those that have it to that of the others; `None` where all units have it.
    pub ratio: Option<Ratio>,
    /// Fisher's exact p value: that chance alone brings so many leaks to it.
    pub p: f64,
    /// Smallest share of false discoveries at which it is one.
    pub q: f64,
    /// Ochiai's coefficient, shown because it is widely known.
    pub ochiai: f64,
    /// What may be claimed.
    pub tier: Tier,
}

impl Lead {
    fn new(features: Vec<usize>, with: (u64, u64), all: (u64, u64)) -> Lead {
        let (leaked, units) = with;
        let (all_leaked, all_units) = all;
        let rest = (all_leaked - leaked, all_units - units);
        let purity = Share::new(leaked, units);
        let found = (all_leaked as f64 * units as f64).sqrt();
        Lead {
            features,
            same: Vec::new(),
            purity,
            others: Share::new(rest.0, rest.1),
            coverage: Share::new(leaked, all_leaked),
            ratio: rate_ratio((leaked, rest.0), (units, rest.1)),
            p: p_value(with, all),
            q: 1.0,
            ochiai: if found > 0.0 { leaked as f64 / found } else { 0.0 },
            tier: Tier::Unattributed,
        }
    }

    fn low(&self) -> f64 {
        self.ratio.map_or(0.0, |r| r.low)
    }

    fn grade(&self) -> Tier {
        match (self.low(), self.coverage.value()) {
            _ if self.q > ALPHA || self.coverage.of < FEWEST => Tier::Unattributed,
            (5.0.., 0.8..) => Tier::Strong,
            (2.0.., 0.5..) => Tier::Moderate,
            _ => Tier::Unattributed,
        }
    }

    /// The finding in a sentence: `leaks in 41 of 41 requests that logged PaymentDeclined, 0 of 9,812 others`; `noun` is
    /// what the units are.
    pub fn sentence(&self, features: &[Feature], noun: &str) -> String {
        let mut text = format!("leaks in {} of {} {noun}", thousands(self.purity.hits), thousands(self.purity.of));
        let mut joint = " ";
        for feature in self.features.iter().filter_map(|at| features.get(*at)) {
            // Writing to a string cannot fail.
            let _ = write!(text, "{joint}{} {}", feature.kind.phrase(), short(&feature.text));
            joint = " and ";
        }
        let _ = write!(text, ", {} of {} others", thousands(self.others.hits), thousands(self.others.of));
        text
    }
}

/// A template with its runs of variable places drawn together.
fn short(text: &str) -> String {
    let mut words: Vec<&str> = text.split(' ').collect();
    words.dedup_by(|a, b| *a == "<*>" && *b == "<*>");
    words.join(" ")
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Ranks the features of units by how much they tell of leaking. `leaked` has an entry for every unit: whether it leaked,
/// or `None` for one that stays out. Leads have a leak rate above that of the others, the most telling first; none where fewer than five units leaked.
pub fn rank(features: &[Feature], leaked: &[Option<bool>]) -> Vec<Lead> {
    let all = (leaked.iter().filter(|l| **l == Some(true)).count() as u64, leaked.iter().flatten().count() as u64);
    if all.0 < FEWEST || all.0 == all.1 {
        return Vec::new();
    }
    let count = |units: &[u32]| {
        let fates = || units.iter().filter_map(|u| leaked.get(*u as usize).copied().flatten());
        (fates().filter(|leaked| *leaked).count() as u64, fates().count() as u64)
    };
    let tested = |(at, feature): (usize, &Feature)| Tested::new(at, count(&feature.units), all);
    let mut tested: Vec<Tested> = features.iter().enumerate().map(tested).collect();
    let q = q_values(&tested.iter().map(|t| t.p).collect::<Vec<_>>(), Control::BenjaminiHochberg);
    tested.iter_mut().zip(q).for_each(|(one, q)| one.q = q);
    // Exact intervals are dear: only what leaks more often than the rest gets one.
    tested.retain(|one| one.value > 1.0);
    let lead = |one: &Tested| Lead { q: one.q, ..Lead::new(vec![one.at], one.with, all) };
    let pairs = pairs(&best(&tested, features), &count, all);
    let mut leads: Vec<Lead> = tested.iter().filter(|one| one.q <= ALPHA).map(lead).collect();
    order(&mut leads, features);
    let mut leads = cluster(leads, features);
    leads.extend(pairs);
    for lead in &mut leads {
        lead.tier = lead.grade();
    }
    order(&mut leads, features);
    leads
}

/// A feature with its counts, before anything is claimed.
struct Tested {
    /// Position of the feature.
    at: usize,
    /// Leaked units that have it, and all that do.
    with: (u64, u64),
    /// Leak rate of those that have it to that of the others; 0 where all units have it.
    value: f64,
    /// Lower end of that ratio's interval; 0 where the ratio is no more than 1.
    low: f64,
    p: f64,
    q: f64,
}

impl Tested {
    fn new(at: usize, with: (u64, u64), all: (u64, u64)) -> Tested {
        let (hits, units) = ((with.0, all.0 - with.0), (with.1, all.1 - with.1));
        let value = rate_ratio_value(hits, units).unwrap_or(0.0);
        let low = if value > 1.0 { rate_ratio(hits, units).map_or(0.0, |r| r.low) } else { 0.0 };
        Tested { at, with, value, low, p: p_value(with, all), q: 1.0 }
    }
}

/// How likely it is that chance alone brings so many leaks to the units that have a feature.
fn p_value(with: (u64, u64), all: (u64, u64)) -> f64 {
    let rest = (all.0 - with.0, all.1 - with.1);
    fisher_greater(with.0, rest.0, with.1 - with.0, rest.1 - rest.0)
}

/// The features of which pairs are looked at.
fn best<'f>(tested: &[Tested], features: &'f [Feature]) -> Vec<(usize, (u64, u64), &'f Feature)> {
    let mut best: Vec<(&Tested, &Feature)> = tested.iter().filter_map(|one| Some((one, features.get(one.at)?))).collect();
    best.sort_by(|(a, x), (b, y)| {
        b.low.total_cmp(&a.low).then(b.with.0.cmp(&a.with.0)).then_with(|| (x.kind, &x.text).cmp(&(y.kind, &y.text)))
    });
    best.into_iter().take(PAIRED).map(|(one, feature)| (one.at, one.with, feature)).collect()
}

fn order(leads: &mut [Lead], features: &[Feature]) {
    let name = |lead: &Lead| {
        let of = |at: &usize| features.get(*at).map(|f| (f.kind, f.text.clone()));
        lead.features.iter().filter_map(of).collect::<Vec<_>>()
    };
    leads.sort_by(|a, b| {
        let solid = a.tier.cmp(&b.tier).then(b.low().total_cmp(&a.low())).then(b.coverage.hits.cmp(&a.coverage.hits));
        solid.then_with(|| name(a).cmp(&name(b)))
    });
}

/// Pairs of the best features where each matters given the other: among the units that have the one, those that have the
/// other too leak at least twice as often as those that lack it. They must lose little of what the better part covers.
fn pairs(best: &[(usize, (u64, u64), &Feature)], count: &dyn Fn(&[u32]) -> (u64, u64), all: (u64, u64)) -> Vec<Lead> {
    let mut found = Vec::new();
    for (at, (a, with_one, one)) in best.iter().enumerate() {
        for (b, with_two, two) in best.iter().skip(at + 1) {
            let shared: Vec<u32> = one.units.iter().filter(|u| two.units.binary_search(u).is_ok()).copied().collect();
            let both = count(&shared);
            let matters = |part: &(u64, u64)| {
                let ratio = rate_ratio((both.0, part.0 - both.0), (both.1, part.1 - both.1));
                ratio.is_some_and(|r| r.low >= 2.0)
            };
            let mut names = vec![(one.kind, &one.text, *a), (two.kind, &two.text, *b)];
            names.sort_unstable();
            let covers = both.0 as f64 >= 0.8 * with_one.0.max(with_two.0) as f64;
            let tells = covers && matters(with_one) && matters(with_two);
            found.push((names.into_iter().map(|(.., at)| at).collect::<Vec<usize>>(), both, tells));
        }
    }
    let p: Vec<f64> = found.iter().map(|(_, both, _)| p_value(*both, all)).collect();
    let q = q_values(&p, Control::BenjaminiHochberg);
    let kept = found.into_iter().zip(q).filter(|((.., tells), q)| *tells && *q <= ALPHA);
    kept.map(|((features, both, _), q)| Lead { q, ..Lead::new(features, both, all) }).collect()
}

/// Joins features that stand in nearly the same units; the one that tells most about code gives its name.
fn cluster(leads: Vec<Lead>, features: &[Feature]) -> Vec<Lead> {
    let units = |at: &usize| features.get(*at).map(|f| f.units.as_slice()).unwrap_or_default();
    let mut groups: Vec<Vec<Lead>> = Vec::new();
    for lead in leads {
        let own = lead.features.first().map(units).unwrap_or_default();
        let like = |group: &&mut Vec<Lead>| {
            let first = group.first().and_then(|l| l.features.first()).map(units).unwrap_or_default();
            jaccard(own, first) >= SAME
        };
        match groups.iter_mut().take(COMPARED).find(like) {
            Some(group) => group.push(lead),
            None => groups.push(vec![lead]),
        }
    }
    let kind = |lead: &Lead| lead.features.first().and_then(|at| features.get(*at)).map(|f| (f.kind, f.text.clone()));
    let named = |mut group: Vec<Lead>| {
        let best = group.iter().enumerate().min_by_key(|(_, lead)| kind(lead)).map_or(0, |(at, _)| at);
        let mut lead = group.swap_remove(best);
        let same: BTreeSet<usize> = group.into_iter().flat_map(|l| l.features).collect();
        lead.same = same.into_iter().collect();
        lead
    };
    groups.into_iter().map(named).collect()
}

/// Units in common among the units of either; both sorted.
fn jaccard(a: &[u32], b: &[u32]) -> f64 {
    let (small, large) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if small.is_empty() || (small.len() as f64) < SAME * large.len() as f64 {
        return 0.0;
    }
    let both = small.iter().filter(|u| large.binary_search(u).is_ok()).count();
    both as f64 / (a.len() + b.len() - both) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(kind: FeatureKind, text: &str, units: impl IntoIterator<Item = u32>) -> Feature {
        let mut units: Vec<u32> = units.into_iter().collect();
        units.sort_unstable();
        Feature { kind, text: text.into(), units, evidence: Vec::new() }
    }

    /// 9,853 requests: 41 of them raised `PaymentDeclined`, and those leaked.
    #[test]
    fn the_error_branch_is_found_and_said() {
        let leaked: Vec<Option<bool>> = (0..9853).map(|u| Some(u < 41)).collect();
        let features = [
            feature(FeatureKind::Endpoint, "POST /checkout", 0..3000),
            feature(FeatureKind::Template, "payment <HEX> declined", 0..41),
            feature(FeatureKind::Exception, "PaymentDeclined", 0..41),
            feature(FeatureKind::Host, "web-1", (0..9853).filter(|u| u % 2 == 0)),
            feature(FeatureKind::Logger, "http", 0..9853),
        ];
        let leads = rank(&features, &leaked);
        assert_eq!(leads.len(), 2, "{leads:#?}");
        let first = &leads[0];
        assert_eq!(
            first.sentence(&features, "requests"),
            "leaks in 41 of 41 requests that raised PaymentDeclined, 0 of 9,812 others"
        );
        assert_eq!((first.tier, first.same.as_slice(), first.ochiai), (Tier::Strong, [1].as_slice(), 1.0));
        assert!(first.coverage.low > 0.9 && first.p < 1e-100);
        assert_eq!(
            leads[1].sentence(&features, "requests"),
            "leaks in 41 of 3,000 requests of POST /checkout, 0 of 6,853 others"
        );
    }

    /// A busy endpoint has more leaks, yet a lower rate: exposure counts.
    #[test]
    fn the_busy_endpoint_does_not_win() {
        let leaked: Vec<Option<bool>> = (0..11_000).map(|u| Some(u < 30 || (10_000..10_020).contains(&u))).collect();
        let features = [
            feature(FeatureKind::Endpoint, "GET /", 0..10_000),
            feature(FeatureKind::Endpoint, "GET /export", 10_000..10_200),
            feature(FeatureKind::Endpoint, "GET /other", 10_200..11_000),
        ];
        let leads = rank(&features, &leaked);
        assert_eq!(leads.iter().map(|l| l.features[0]).collect::<Vec<_>>(), [1]);
        // It explains 20 of 50 leaks only: a lead, no attribution.
        assert_eq!(leads[0].tier, Tier::Unattributed);
    }

    /// The new version leaks at one endpoint only: neither alone says it.
    #[test]
    fn two_features_that_only_together_tell() {
        let new = |u: &u32| u.is_multiple_of(2);
        let export = |u: &u32| u.is_multiple_of(5);
        let leaked: Vec<Option<bool>> = (0..4000).map(|u| Some(new(&u) && export(&u) && u % 3 == 0)).collect();
        let features = [
            feature(FeatureKind::Version, "2.4.1", (0..4000).filter(new)),
            feature(FeatureKind::Version, "2.4.0", (0..4000).filter(|u| !new(u))),
            feature(FeatureKind::Endpoint, "GET /export", (0..4000).filter(export)),
        ];
        let leads = rank(&features, &leaked);
        assert_eq!(
            leads[0].features,
            [2, 0],
            "{:?}",
            leads.iter().map(|l| l.sentence(&features, "requests")).collect::<Vec<_>>()
        );
        assert_eq!(
            leads[0].sentence(&features, "requests"),
            "leaks in 134 of 400 requests of GET /export and of version 2.4.1, 0 of 3,600 others"
        );
    }

    /// Leaks that have nothing to do with any feature: nothing is claimed.
    #[test]
    fn chance_is_no_lead() {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let mut claimed = 0;
        for _ in 0..40 {
            let leaked: Vec<Option<bool>> = (0..3000).map(|_| Some(next() % 100 == 0)).collect();
            let features: Vec<Feature> = (0..30)
                .map(|f| feature(FeatureKind::Template, &f.to_string(), (0..3000).filter(|_| next() % 10 == 0)))
                .collect();
            claimed += rank(&features, &leaked).iter().filter(|l| l.tier != Tier::Unattributed).count();
        }
        assert_eq!(claimed, 0);
        let few = [feature(FeatureKind::Host, "a", 0..4)];
        assert!(rank(&few, &[true, true, true, true, false, false].map(Some)).is_empty());
    }
}
