//! Takes addresses, users, secrets and literals out of everything that is written, and puts pseudonyms in their place:
//! HMAC-SHA-256 under a key, so that one value has one pseudonym in every output of that key, and nothing can be computed back.
//!
//! It works on what was found, not on what is read: verdict, counts and times cannot change.

pub mod fields;
mod scan;

use super::quotes::hex;
use crate::ingest::TextCol;
use crate::table::Rows;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::collections::BTreeSet;

/// Digits of a pseudonym: 48 bits, so that two of a million values are hardly ever taken for one.
const DIGITS: usize = 12;

/// Knows the key and the names that the logs call users and hosts.
pub struct Redactor {
    mac: Hmac<Sha256>,
    users: BTreeSet<String>,
    hosts: BTreeSet<String>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    /// A redactor with a key of any length; `None` where the key cannot be used.
    pub fn new(key: &[u8]) -> Option<Redactor> {
        let mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        Some(Redactor { mac, users: BTreeSet::new(), hosts: BTreeSet::new() })
    }

    /// Learns the names of users and client hosts from a table: they are found wherever they stand as a word.
    pub fn learn(&mut self, rows: &Rows<'_>) {
        let (mut users, mut hosts) = (BTreeSet::new(), BTreeSet::new());
        for row in rows.iter() {
            users.insert(row.code(TextCol::DbUser));
            hosts.insert(row.code(TextCol::Client));
        }
        let words = |codes: BTreeSet<u32>| {
            let texts = codes.into_iter().filter(|c| *c != 0).map(|c| String::from_utf8_lossy(rows.text(c)).into_owned());
            texts.filter(|t| t.len() > 1 && !t.starts_with('[')).collect::<BTreeSet<String>>()
        };
        self.users.extend(words(users));
        self.hosts.extend(words(hosts));
    }

    /// The pseudonym of a value: `ip-3f0a…`, `user-…`, `host-…`, `secret-…`, `lit-…`.
    pub fn pseudonym(&self, kind: &str, value: &str) -> String {
        let mut digits = hex(&self.tag(&[kind, "\0", value]));
        digits.truncate(DIGITS);
        format!("{kind}-{digits}")
    }

    fn tag(&self, parts: &[&str]) -> Vec<u8> {
        let mut mac = self.mac.clone();
        for part in parts {
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().to_vec()
    }

    /// A keyed digest in place of `sha256:…`: the digest of a short line would betray what stood in it.
    pub fn digest(&self, digest: &str) -> String {
        format!("hmac-sha256:{}", hex(&self.tag(&["digest\0", digest])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        let mut redactor = Redactor::new(b"a key").unwrap();
        redactor.users.insert("shop".into());
        redactor.hosts.insert("web7.internal".into());
        redactor
    }

    #[test]
    fn what_names_people_and_machines_goes() {
        let r = redactor();
        for (text, secrets) in [
            ("connection received: host=203.0.113.9 port=4000", vec!["203.0.113.9"]),
            ("203.0.113.9:46864 [10/Aug/2023:13:00:00.302] fe", vec!["203.0.113.9"]),
            ("from [2001:db8::7]:5432 and ::1", vec!["2001:db8::7", "::1"]),
            ("client 10.1.2.0/24 made 80.1 %", vec!["10.1.2.0"]),
            ("connection authorized: user=ann database=x", vec!["ann"]),
            ("password authentication failed for user \"ann\"", vec!["ann"]),
            ("shop@orders LOG: hello", vec!["shop@"]),
            ("peer web7.internal gone", vec!["web7.internal"]),
            ("mail ann.lee@example.org bounced", vec!["ann.lee", "example.org"]),
            ("jdbc:postgresql://app:hunter2@db1/x?sslpassword=pw9&a=b7", vec!["hunter2", "pw9", "b7"]),
            ("GET /api?token=abc123&user=ann HTTP/1.1", vec!["abc123", "ann"]),
            ("Authorization: Bearer eyJhbGciOi.eyJzdWIi.c2ln", vec!["eyJhbGciOi"]),
            ("password: hunter2, retry", vec!["hunter2"]),
            ("\"api_key\": \"k-77\"", vec!["k-77"]),
            ("select * from t where mail = 'ann''s' and id = 4711", vec!["ann", "4711"]),
        ] {
            let out = r.text(text);
            for secret in secrets {
                assert!(!out.contains(secret), "{secret} in {out}");
            }
        }
    }

    #[test]
    fn everything_else_stays() {
        let r = redactor();
        for text in [
            "Starting ShopApplication v2.6.3 using Java 17.0.15 with PID 8851 (profile prod)",
            "net.larchshop.api.service.ShipmentService.record (ShipmentService.java:19)",
            "deployed shop-api 2.7.0 at 12:30:45",
            "2023-08-10T14:29:46.205Z",
            "3191 of 23402 requests failed (13.6 %)",
            "Server shop_be/app1 is DOWN, reason: Layer4 connection problem, info: \"Connection refused\"",
            "no user was hurt; 5 users saw it",
        ] {
            assert_eq!(r.text(text), text);
        }
    }

    #[test]
    fn one_value_has_one_pseudonym_under_one_key() {
        let (a, b) = (redactor(), Redactor::new(b"another").unwrap());
        assert_eq!(a.text("10.0.0.1 and 10.0.0.1"), format!("{0} and {0}", a.pseudonym("ip", "10.0.0.1")));
        assert_ne!(a.pseudonym("ip", "10.0.0.1"), b.pseudonym("ip", "10.0.0.1"));
        assert_eq!(a.text(&a.text("10.0.0.1")), a.text("10.0.0.1"), "what is done is done");
    }
}
