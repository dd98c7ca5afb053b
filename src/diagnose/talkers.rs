//! Who asks for what came on top of the usual load: one address, one network, one program, or everybody.
//!
//! Of each key (address; network of 256 IPv4 or of 2^80 IPv6 addresses; user agent; route) the requests a second before the
//! incident are taken from those during it. Where one key makes most of what came on top, and had next to no part in the
//! load before, the load is that key's.

use super::facts::{Count, Side};
use crate::ingest::TextCol;
use crate::table::maps::HashMap;
use crate::table::{Row, RowId, Rows};
use std::collections::BTreeMap;
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

/// Requests by what they come from.
#[derive(Debug, Clone, Default)]
pub struct Talkers {
    addresses: HashMap<u32, Count>,
    agents: HashMap<u32, Count>,
    routes: HashMap<u32, Count>,
    /// Requests by client and user agent; and by client and route, which counts only where user agents are not logged.
    pairs: [HashMap<(u32, u32), u64>; 2],
    all: u64,
}

impl Talkers {
    /// Counts a request.
    pub(super) fn add(&mut self, row: &Row<'_>) {
        let (client, agent, route) = (row.code(TextCol::Client), row.code(TextCol::UserAgent), row.code(TextCol::Route));
        self.all += 1;
        for (map, code) in [(&mut self.addresses, client), (&mut self.agents, agent), (&mut self.routes, route)] {
            if code != 0 {
                map.entry(code).or_default().add(row.id);
            }
        }
        let known = self.agents_known();
        for (map, code) in self.pairs.iter_mut().zip([agent, if known { 0 } else { route }]) {
            if code != 0 && client != 0 {
                *map.entry((client, code)).or_default() += 1;
            }
        }
    }

    /// True where user agents are logged.
    pub fn agents_known(&self) -> bool {
        !self.agents.is_empty()
    }

    /// Of the addresses, those that the other side does not know; and their requests.
    pub fn new_to(&self, before: &Talkers) -> (usize, u64) {
        let new = self.addresses.iter().filter(|(code, _)| !before.addresses.contains_key(*code));
        new.fold((0, 0), |(n, sum), (_, count)| (n + 1, sum + count.n))
    }
}

/// The network of an address: 24 bits of an IPv4 one, 48 of an IPv6 one.
fn network(address: &[u8]) -> Option<IpAddr> {
    match std::str::from_utf8(address).ok()?.parse().ok()? {
        IpAddr::V4(v4) => Some(IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & 0xffff_ff00))),
        IpAddr::V6(v6) => Some(IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !((1 << 80) - 1)))),
    }
}

/// Requests by network, with the number of addresses.
fn networks(rows: &Rows<'_>, side: &Talkers) -> BTreeMap<IpAddr, (Count, usize)> {
    let mut out: BTreeMap<IpAddr, (Count, usize)> = BTreeMap::new();
    // In the order in which the log names them: the rows of a network are the first.
    let mut addresses: Vec<(&u32, &Count)> = side.addresses.iter().collect();
    addresses.sort_unstable_by_key(|(code, _)| **code);
    for (code, count) in addresses {
        if let Some(network) = network(rows.text(*code)) {
            let (sum, addresses) = out.entry(network).or_default();
            if sum.rows.is_empty() {
                sum.rows.clone_from(&count.rows);
            }
            sum.n += count.n;
            *addresses += 1;
        }
    }
    out
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

/// Few who make most of what came on top: by address, else by network, else by user agent, else by route.
pub(super) fn few(rows: &Rows<'_>, before: &Side, during: &Side) -> Option<Few> {
    let (was, now) = (&before.talkers, &during.talkers);
    if was.all < FEW || now.all < FEW || during.rate(&during.requests) < MORE * before.rate(&before.requests) {
        return None;
    }
    let scale =
        Scale { before: (was.all as f64, before.seconds().max(1.0)), during: (now.all as f64, during.seconds().max(1.0)) };
    let found = |key, name: String, addresses, (extra, before, during): (f64, f64, f64), rows: &[RowId]| {
        Some(Few { key, name, addresses, extra: extra.min(1.0), before, during, rows: rows.to_vec() })
    };
    let said = |code: u32| String::from_utf8_lossy(rows.text(code)).into_owned();
    let n = |map: &HashMap<u32, Count>, code: u32| map.get(&code).map_or(0, |c| c.n);
    if let Some((code, count)) = now.addresses.iter().max_by_key(|(code, c)| (c.n, std::cmp::Reverse(**code)))
        && let Some(parts) = scale.fits(n(&was.addresses, *code), count.n)
    {
        return found(Key::Address, said(*code), 1, parts, &count.rows);
    }
    let usual = networks(rows, was);
    let busy = networks(rows, now);
    if let Some((network, (count, addresses))) = busy.iter().max_by_key(|(_, (c, _))| c.n)
        && let Some(parts) = scale.fits(usual.get(network).map_or(0, |(c, _)| c.n), count.n)
    {
        let name = if network.is_ipv4() { format!("{network}/24") } else { format!("{network}/48") };
        return found(Key::Network, name, *addresses, parts, &count.rows);
    }
    // A new program or a new target is a robot's only when those who use it were not there before.
    let strangers = |pairs: &HashMap<(u32, u32), u64>, code: u32| {
        let of = pairs.iter().filter(|((_, other), _)| *other == code);
        let (mut addresses, mut new, mut sum) = (0, 0, 0);
        for ((client, _), count) in of {
            addresses += 1;
            sum += count;
            new += if was.addresses.contains_key(client) { 0 } else { *count };
        }
        (addresses, new as f64 / (sum as f64).max(1.0))
    };
    let [by_agent, by_route] = &now.pairs;
    let [_, routes_before] = &was.pairs;
    let families = [(Key::Agent, &now.agents, &was.agents, by_agent), (Key::Route, &now.routes, &was.routes, by_route)];
    for (key, now_by, was_by, pairs) in families {
        if key == Key::Route && (now.agents_known() || routes_before.is_empty()) {
            continue;
        }
        if let Some((code, count)) = now_by.iter().max_by_key(|(code, c)| (c.n, std::cmp::Reverse(**code)))
            && let Some(parts) = scale.fits(n(was_by, *code), count.n)
        {
            let (addresses, new) = strangers(pairs, *code);
            if new >= MOST {
                return found(key, said(*code), addresses, parts, &count.rows);
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
