//! Who asks for what came on top of the usual load: one address, one network, one program, or everybody.
//!
//! Of each key (address; network of 256 IPv4 or of 2^80 IPv6 addresses; user agent; route) the requests a second before the
//! incident are taken from those during it. Where one key makes most of what came on top, and had next to no part in the
//! load before, the load is that key's.

use super::facts::{PROOF, Side};
use crate::ingest::TextCol;
use crate::table::maps::HashMap;
use crate::table::{Row, RowId, Rows};
use backtrail_parsers::Kind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One key makes at least this share of what came on top.
const MOST: f64 = 0.6;
/// … and its share of all requests grew at least so many times.
const GREW: f64 = 5.0;
/// A share of all requests from which on one key weighs.
const WEIGHTY: f64 = 0.25;
/// Requests on either side from which on shares are compared.
const FEW: u64 = 100;
/// All in all there must be so many times as many requests as before.
const MORE: f64 = 1.2;

/// What a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// One address.
    Address,
    /// One network.
    Network,
    /// One user agent, from addresses that were not seen before.
    Agent,
    /// One route, asked for by addresses that were not seen before, where user agents are not logged.
    Route,
}

impl Key {
    /// The key in a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Key::Address => "one address",
            Key::Network => "one network",
            Key::Agent => "one user agent, from many addresses",
            Key::Route => "one route, from addresses that were not seen before",
        }
    }
}

/// Few who make most of what came on top of the usual load.
#[derive(Debug, Clone, PartialEq)]
pub struct Few {
    /// What they have in common.
    pub key: Key,
    /// It, in the log's words, or the network in the usual notation.
    pub name: String,
    /// Addresses.
    pub addresses: usize,
    /// Their share of what came on top, 0 to 1.
    pub extra: f64,
    /// Their share of all requests before.
    pub before: f64,
    /// … and during.
    pub during: f64,
    /// Rows: the first during.
    pub rows: Vec<RowId>,
}

/// How often each code was met; codes are small numbers.
#[derive(Debug, Clone, Default)]
struct Tally {
    counts: Vec<u32>,
    /// How many codes were met.
    distinct: usize,
}

impl Tally {
    fn add(&mut self, code: u32) {
        let at = code as usize;
        if at >= self.counts.len() {
            self.counts.resize((at + 1).max(2 * self.counts.len()), 0);
        }
        if let Some(count) = self.counts.get_mut(at).filter(|_| code != 0) {
            self.distinct += usize::from(*count == 0);
            *count = count.saturating_add(1);
        }
    }

    fn of(&self, code: u32) -> u64 {
        self.counts.get(code as usize).copied().unwrap_or(0).into()
    }

    /// Codes that were met, in their order, and how often.
    fn met(&self) -> impl Iterator<Item = (u32, u64)> {
        (0u32..).zip(&self.counts).filter(|(_, n)| **n > 0).map(|(code, n)| (code, u64::from(*n)))
    }

    /// The code met most often; of several the smallest.
    fn most(&self) -> Option<(u32, u64)> {
        self.met().max_by_key(|(code, n)| (*n, std::cmp::Reverse(*code)))
    }
}

/// Requests by what they come from.
#[derive(Debug, Clone, Default)]
pub struct Talkers {
    addresses: Tally,
    agents: Tally,
    routes: Tally,
    all: u64,
}

impl Talkers {
    /// Counts a request.
    pub(super) fn add(&mut self, row: &Row<'_>) {
        self.all += 1;
        self.addresses.add(row.code(TextCol::Client));
        self.agents.add(row.code(TextCol::UserAgent));
        self.routes.add(row.code(TextCol::Route));
    }

    /// True where user agents are logged.
    pub fn agents_known(&self) -> bool {
        self.agents.distinct > 0
    }

    /// Different addresses.
    pub fn clients(&self) -> usize {
        self.addresses.distinct
    }

    /// The share of requests with an address that the `k` busiest addresses make.
    pub fn top(&self, k: usize) -> f64 {
        let mut counts: Vec<u64> = self.addresses.met().map(|(_, n)| n).collect();
        if k < counts.len() {
            counts.select_nth_unstable_by(k, |a, b| b.cmp(a));
        }
        counts.iter().take(k).sum::<u64>() as f64 / counts.iter().sum::<u64>().max(1) as f64
    }

    /// Of the addresses, those that the other side does not know; and their requests.
    pub fn new_to(&self, before: &Talkers) -> (usize, u64) {
        let new = self.addresses.met().filter(|(code, _)| before.addresses.of(*code) == 0);
        new.fold((0, 0), |(n, sum), (_, count)| (n + 1, sum + count))
    }
}

/// The network of an address: 24 bits of an IPv4 one, 48 of an IPv6 one.
fn network(address: &[u8]) -> Option<IpAddr> {
    match std::str::from_utf8(address).ok()?.parse().ok()? {
        IpAddr::V4(v4) => Some(IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00))),
        IpAddr::V6(v6) => Some(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !((1 << 80) - 1)))),
    }
}

/// Requests by network, with the addresses.
fn networks(rows: &Rows<'_>, side: &Talkers) -> HashMap<IpAddr, (u64, Vec<u32>)> {
    let mut out: HashMap<IpAddr, (u64, Vec<u32>)> = HashMap::default();
    for (code, n) in side.addresses.met() {
        if let Some(network) = network(rows.text(code)) {
            let (sum, addresses) = out.entry(network).or_default();
            *sum += n;
            addresses.push(code);
        }
    }
    out
}

/// The requests of a side that a key fits: looked for again, as hardly any log needs it.
struct Requests<'r> {
    rows: &'r Rows<'r>,
    edge: Kind,
    during: (i64, i64),
}

impl<'r> Requests<'r> {
    fn of(&self, fits: impl Fn(&Row<'r>) -> bool) -> impl Iterator<Item = Row<'r>> {
        let inside = |row: &Row<'r>| row.has_time() && row.time() >= self.during.0 && row.time() < self.during.1;
        self.rows.iter().filter(move |row| row.kind() == self.edge && inside(row) && fits(row))
    }

    fn first(&self, fits: impl Fn(&Row<'r>) -> bool) -> Vec<RowId> {
        self.of(fits).take(PROOF).map(|row| row.id).collect()
    }

    /// Addresses behind a key, and the share of their requests that comes from those that were not there before.
    fn strangers(&self, column: TextCol, code: u32, before: &Talkers) -> (usize, f64) {
        let mut seen = Tally::default();
        self.of(|row| row.code(column) == code).for_each(|row| seen.add(row.code(TextCol::Client)));
        let (mut new, mut sum) = (0, 0);
        for (client, n) in seen.met() {
            sum += n;
            new += if before.addresses.of(client) > 0 { 0 } else { n };
        }
        (seen.distinct, new as f64 / (sum as f64).max(1.0))
    }
}

/// Both sides' totals and lengths, to judge a key by.
struct Scale {
    before: (f64, f64),
    during: (f64, f64),
}

impl Scale {
    /// A key's part in what came on top, and its shares before and during.
    fn parts(&self, before: u64, during: u64) -> (f64, f64, f64) {
        let rate = |n: u64, side: (f64, f64)| n as f64 / side.1;
        let on_top = self.during.0 / self.during.1 - self.before.0 / self.before.1;
        let extra = (rate(during, self.during) - rate(before, self.before)) / on_top.max(1e-9);
        (extra, before as f64 / self.before.0, during as f64 / self.during.0)
    }

    fn fits(&self, before: u64, during: u64) -> Option<(f64, f64, f64)> {
        let parts = self.parts(before, during);
        (parts.0 >= MOST && parts.2 >= WEIGHTY && parts.2 >= GREW * parts.1).then_some(parts)
    }
}

/// Few who make most of what came on top: by address, else by network, else by user agent, else by route. Requests are
/// the rows of the kind `edge`.
pub(super) fn few(rows: &Rows<'_>, edge: Kind, before: &Side, during: &Side) -> Option<Few> {
    let (was, now) = (&before.talkers, &during.talkers);
    if was.all < FEW || now.all < FEW || during.rate(&during.requests) < MORE * before.rate(&before.requests) {
        return None;
    }
    let scale =
        Scale { before: (was.all as f64, before.seconds().max(1.0)), during: (now.all as f64, during.seconds().max(1.0)) };
    let requests = Requests { rows, edge, during: (during.from, during.to) };
    let found = |key, name: String, addresses, (extra, before, during): (f64, f64, f64), rows: Vec<RowId>| {
        Some(Few { key, name, addresses, extra: extra.min(1.0), before, during, rows })
    };
    let said = |code: u32| String::from_utf8_lossy(rows.text(code)).into_owned();
    if let Some((code, n)) = now.addresses.most()
        && let Some(parts) = scale.fits(was.addresses.of(code), n)
    {
        let proof = requests.first(|row| row.code(TextCol::Client) == code);
        return found(Key::Address, said(code), 1, parts, proof);
    }
    let usual = networks(rows, was);
    let busy = networks(rows, now);
    if let Some((network, (n, addresses))) = busy.iter().max_by_key(|(network, (n, _))| (*n, **network))
        && let Some(parts) = scale.fits(usual.get(network).map_or(0, |(n, _)| *n), *n)
    {
        let name = if network.is_ipv4() { format!("{network}/24") } else { format!("{network}/48") };
        let proof = requests.first(|row| addresses.binary_search(&row.code(TextCol::Client)).is_ok());
        return found(Key::Network, name, addresses.len(), parts, proof);
    }
    // A new program or a new target is a robot's only when those who use it were not there before.
    let families =
        [(Key::Agent, TextCol::UserAgent, &now.agents, &was.agents), (Key::Route, TextCol::Route, &now.routes, &was.routes)];
    for (key, column, now_by, was_by) in families {
        let told = was.routes.distinct > 0 && was.addresses.distinct > 0;
        if key == Key::Route && (now.agents_known() || was.agents_known() || !told) {
            continue;
        }
        if let Some((code, n)) = now_by.most()
            && let Some(parts) = scale.fits(was_by.of(code), n)
        {
            let (addresses, new) = requests.strangers(column, code, was);
            if new >= MOST {
                return found(key, said(code), addresses, parts, requests.first(|row| row.code(column) == code));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_cut_where_providers_cut_them() {
        assert_eq!(network(b"203.0.113.77").unwrap().to_string(), "203.0.113.0");
        assert_eq!(network(b"2001:db8:aaaa:bbbb::1").unwrap().to_string(), "2001:db8:aaaa::");
        assert_eq!(network(b"unix:"), None);
    }

    #[test]
    fn a_key_must_have_been_small_before() {
        let scale = Scale { before: (1000.0, 100.0), during: (5000.0, 100.0) };
        assert!(scale.fits(20, 3500).is_some());
        assert!(scale.fits(700, 3500).is_none(), "it always made most of the load");
        assert!(scale.fits(20, 1500).is_none(), "others came too");
    }
}
