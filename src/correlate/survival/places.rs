//! The leak rates of the places at which borrows leaked.

use super::curve::Life;
use super::rate::{LeakRate, leak_rate};
use super::sessions::{Names, spell};
use super::{Fate, SECOND, Stratum};
use crate::correlate::callsite::{Attribution, Leak};
use crate::correlate::classify::endpoint;
use crate::correlate::distributions::clopper_pearson;
use crate::correlate::ledger::Folded;
use crate::correlate::session::{Class, Opened, Session};
use crate::ingest::TextCol;
use crate::table::Rows;
use crate::table::maps::HashMap;
use backtrail_parsers::{Kind, Layer};
use std::collections::BTreeMap;

/// What leaks are counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Times that a connection was borrowed or opened there.
    Borrows,
    /// Requests of the endpoint, where borrows are not logged one by one.
    Requests,
}

impl Unit {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Borrows => "borrows",
            Unit::Requests => "requests",
        }
    }
}

/// The leak rate of one place.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceRate {
    /// What kind of place.
    pub stratum: Stratum,
    /// Its name: `function file`, or an endpoint.
    pub name: String,
    /// Leaked of its borrows or requests.
    pub rate: LeakRate,
    /// Which of them.
    pub unit: Unit,
}

/// Gives the leaks the rates of their places: of the call site, else of the endpoint. Where no borrow of the place is logged
/// but the leaked ones, its requests stand for them; where no place is known, all sessions of the layer do.
pub(in crate::correlate) fn attach(rows: &Rows<'_>, folded: &Folded, leaks: &mut [Leak]) {
    if leaks.is_empty() {
        return;
    }
    let rates = leak_rates(rows, folded);
    let of = |stratum, name: &str| rates.iter().find(|r| r.stratum == stratum && r.name == name).cloned();
    let requests = requests(rows);
    for leak in leaks {
        let site = leak.site.as_ref().map(|s| format!("{} {}", s.function, s.file));
        let endpoint = leak.endpoint.as_deref();
        let own = leak.attribution == Attribution::LogContext;
        let borrowed = site.and_then(|s| of(Stratum::Site, &s));
        let borrowed = borrowed.or_else(|| endpoint.filter(|_| own).and_then(|e| of(Stratum::Endpoint, e)));
        let asked = || endpoint.and_then(|e| per_request(e, *requests.get(e)?, leak.sessions.len() as u64));
        leak.rate = borrowed.or_else(asked).or_else(|| of_layer(folded, leak).filter(|_| endpoint.is_none()));
    }
}

fn per_request(endpoint: &str, requests: u64, leaked: u64) -> Option<PlaceRate> {
    let rate = plain(leaked, requests)?;
    Some(PlaceRate { stratum: Stratum::Endpoint, name: endpoint.to_owned(), rate, unit: Unit::Requests })
}

/// Leaked of all sessions of the layer whose opens are logged.
fn of_layer(folded: &Folded, leak: &Leak) -> Option<PlaceRate> {
    let session = |index: &u32| folded.sessions.get(*index as usize);
    let layer = leak.sessions.first().and_then(session)?.layer;
    let opened = |s: &&Session| s.layer == layer && s.opened == Opened::Logged;
    let all = folded.sessions.iter().filter(opened).count() as u64;
    let leaked = leak.sessions.iter().filter_map(session).filter(opened).count() as u64;
    let rate = plain(leaked, all).filter(|_| leaked > 0)?;
    Some(PlaceRate { stratum: Stratum::Global, name: String::new(), rate, unit: Unit::Borrows })
}

/// A share with its exact interval; `None` where there is nothing that it could be a share of.
fn plain(leaked: u64, of: u64) -> Option<LeakRate> {
    let (low, high) = clopper_pearson(leaked, of);
    (of > 0 && leaked <= of).then(|| LeakRate { share: leaked as f64 / of as f64, low, high, of })
}

/// Requests by endpoint, as the application tells of them, else as a load balancer does.
fn requests(rows: &Rows<'_>) -> HashMap<String, u64> {
    let mut counts: [HashMap<(u32, u32), u64>; 2] = Default::default();
    for row in rows.iter() {
        let told_by = match row.kind() {
            Kind::RequestEnd => 0,
            Kind::LbRequest => 1,
            _ => continue,
        };
        if let Some(counts) = counts.get_mut(told_by) {
            *counts.entry((row.code(TextCol::Method), row.code(TextCol::Route))).or_default() += 1;
        }
    }
    let [application, balancer] = counts;
    let counts = if application.is_empty() { balancer } else { application };
    let mut out = HashMap::default();
    #[expect(clippy::iter_over_hash_type, reason = "sums do not depend on the order")]
    for ((method, route), count) in counts {
        *out.entry(endpoint(rows, method, route)).or_default() += count;
    }
    out
}

/// Leak rates of the call sites and endpoints at which borrows of a pool leaked, by kind of place and name. Places are
/// known only where borrows are logged with a stack or joined to a request.
pub fn leak_rates(rows: &Rows<'_>, folded: &Folded) -> Vec<PlaceRate> {
    let mut names = Names::default();
    let mut places: BTreeMap<(Stratum, u32), Vec<u32>> = BTreeMap::new();
    let borrows = (0u32..).zip(&folded.sessions).filter(|(_, s)| s.layer == Layer::Pool && s.opened == Opened::Logged);
    for (index, session) in borrows {
        let numbers = [(Stratum::Site, names.site(rows, session)), (Stratum::Endpoint, names.endpoint(rows, folded, session))];
        for place in numbers.into_iter().filter(|(_, number)| *number != 0) {
            places.entry(place).or_default().push(index);
        }
    }
    let mut life = |session: &Session| {
        // What is known to have leaked never closes, however young it is: it must not count as one that may still.
        if session.class == Class::Leaked {
            return Life { entry: 0.0, age: f64::MAX, closed: false };
        }
        let closed = matches!(session.class, Class::Matched | Class::SlowHold);
        let spell = spell(rows, folded, session, if closed { Fate::Closed } else { Fate::Cut }, &mut names);
        Life { entry: spell.entry as f64 / SECOND, age: spell.age as f64 / SECOND, closed }
    };
    let mut out = Vec::new();
    for ((stratum, number), members) in places {
        let sessions = || members.iter().filter_map(|i| folded.sessions.get(*i as usize));
        if sessions().any(|s| s.class == Class::Leaked) {
            let lives: Vec<Life> = sessions().map(&mut life).collect();
            out.extend(leak_rate(&lives).map(|rate| (stratum, number, rate)));
        }
    }
    let named = |(stratum, number, rate)| PlaceRate { stratum, name: names.name(number).to_owned(), rate, unit: Unit::Borrows };
    let mut out: Vec<PlaceRate> = out.into_iter().map(named).collect();
    out.sort_by(|a, b| (a.stratum, &a.name).cmp(&(b.stratum, &b.name)));
    out
}
