//! Whether messages of one statement in the code become one template.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever is learned has a template, the same one whether it is remembered or looked up, and says what it says: each
    /// word of it is the message's or a variable place.
    #[test]
    fn every_message_has_its_template(messages in prop::collection::vec("([a-c]{1,3} |[0-9]{1,4} |<x> |\\PC){0,7}", 1..40)) {
        let mut miner = Miner::new();
        let trained: Vec<Trained> = messages.iter().map(|m| miner.train(m.as_bytes())).collect();
        let templates = miner.finish();
        for (message, trained) in messages.iter().zip(trained) {
            let id = templates.of_trained(trained).unwrap();
            let mut masked = Vec::new();
            mask::mask(message.as_bytes(), &mut masked);
            let masked = String::from_utf8(masked).unwrap();
            let words: Vec<&str> = masked.split_ascii_whitespace().take(WORDS).collect();
            let text: Vec<&str> = templates.text(id).split(' ').filter(|w| !w.is_empty()).collect();
            prop_assert_eq!(words.len(), text.len(), "{:?} {:?}", message, text);
            prop_assert!(words.iter().zip(&text).all(|(word, place)| word == place || *place == ANY));
            prop_assert_eq!(id, TemplateId::of(templates.text(id)));
        }
    }
}

/// Messages as products write them: `#` stands for a number, `~` for a name, `$` for an address, `%` for a hex key.
const STATEMENTS: [&str; 40] = [
    "connection authorized: user=~ database=~ application_name=~",
    "disconnection: session time: 0:00:#.# user=~ database=~ host=$ port=#",
    "connection received: host=$ port=#",
    "process # still waiting for ShareLock on transaction # after #.# ms",
    "duration: #.# ms  statement: SELECT * FROM orders WHERE id = #",
    "could not receive data from client: Connection reset by peer",
    "terminating connection due to idle-in-transaction timeout",
    "checkpoint complete: wrote # buffers (#.#%); # WAL file(s) added, # removed, # recycled",
    "automatic vacuum of table \"~.public.~\": index scans: #",
    "remaining connection slots are reserved for non-replication superuser connections",
    "HikariPool-# - Connection is not available, request timed out after #ms (total=#, active=#, idle=#, waiting=#)",
    "HikariPool-# - Added connection org.postgresql.jdbc.PgConnection@%",
    "Connection leak detection triggered for org.postgresql.jdbc.PgConnection@% on thread http-nio-8080-exec-#, stack trace follows",
    "Previously reported leaked connection org.postgresql.jdbc.PgConnection@% on thread http-nio-8080-exec-# was returned to the pool (unleaked)",
    "Completed #  in #ms (Views: #.#ms | ActiveRecord: #.#ms)",
    "Started GET \"/orders/#\" for $ at 2023-08-10 12:00:# +0000",
    "order # accepted for customer ~",
    "order # declined for customer ~: insufficient funds",
    "payment % declined by provider ~ with code #",
    "cache miss for key order:#:summary",
    "cache hit for key order:#:summary",
    "retrying request % to $ (attempt # of #)",
    "giving up on request % to $ after # attempts",
    "slow query: # rows in # ms",
    "QueuePool limit of size # overflow # reached, connection timed out, timeout #.#",
    "Connection <psycopg.Connection [INTRANS] at 0x%> checked out from pool",
    "Connection <psycopg.Connection [INTRANS] at 0x%> being returned to pool",
    "C-0x%: ~/~@$:# login attempt: db=~ user=~ tls=no",
    "C-0x%: ~/~@$:# closing because: client close request (age=#s)",
    "S-0x%: ~/~@$:# new connection to server (from $:#)",
    "stats: # xacts/s, # queries/s, in # B/s, out # B/s, xact # us, query # us, wait # us",
    "Accepted connection from $:# on fd #",
    "Server backend/~ is DOWN, reason: Layer4 timeout, check duration: #ms. # active and # backup servers left.",
    "Server backend/~ is UP, reason: Layer4 check passed, check duration: #ms. # active and # backup servers online.",
    "Scaled up replica set ~ to #",
    "Deleted pod: ~",
    "Liveness probe failed: HTTP probe failed with statuscode: #",
    "worker # exited with code #",
    "starting worker #",
    "user ~ logged in from $",
];

/// The messages of [`STATEMENTS`] with values filled in, each with the number of its statement.
fn filled(count: usize) -> Vec<(usize, String)> {
    const NAMES: [&str; 12] =
        ["alice", "bob", "shop", "orders", "web-1", "billing", "api", "carol", "dave", "checkout", "search", "mallory"];
    let mut state = 7u64;
    let mut next = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut out = Vec::new();
    for at in 0..count {
        // Some statements are written far more often than others.
        let which = (usize::try_from(next(40)).unwrap() * usize::try_from(next(40)).unwrap()) / 40;
        let which = if at < 40 { at } else { which };
        let mut text = String::new();
        for c in STATEMENTS[which].chars() {
            match c {
                '#' => text += &next(100_000).to_string(),
                '~' => text += NAMES[usize::try_from(next(12)).unwrap()],
                '$' => text += &format!("10.{}.{}.{}", next(256), next(256), next(256)),
                '%' => text += &format!("{:08x}", next(1 << 31) | 0x1a00_0001),
                c => text.push(c),
            }
        }
        out.push((which, text));
    }
    out
}

/// Grouping accuracy: the share of messages whose template holds exactly the messages of one statement; and the F1 of
/// groups, as the benchmarks of log parsers count them.
fn accuracy(pairs: &[(usize, TemplateId)]) -> (f64, f64) {
    let mut truth: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let mut found: BTreeMap<TemplateId, BTreeSet<usize>> = BTreeMap::new();
    for (at, (statement, template)) in pairs.iter().enumerate() {
        truth.entry(*statement).or_default().insert(at);
        found.entry(*template).or_default().insert(at);
    }
    let sets: BTreeSet<&BTreeSet<usize>> = truth.values().collect();
    let right: Vec<&BTreeSet<usize>> = found.values().filter(|f| sets.contains(f)).collect();
    let messages: usize = right.iter().map(|r| r.len()).sum();
    let (precision, recall) = (right.len() as f64 / found.len() as f64, right.len() as f64 / truth.len() as f64);
    (messages as f64 / pairs.len() as f64, 2.0 * precision * recall / (precision + recall))
}

fn mined(messages: &[(usize, String)]) -> (Templates, Vec<(usize, TemplateId)>) {
    let mut templates = Templates::of(messages.iter().map(|(_, m)| m.as_bytes()));
    let pairs = messages.iter().map(|(which, m)| (*which, templates.assign(m.as_bytes()).unwrap())).collect();
    (templates, pairs)
}

#[test]
fn messages_of_one_statement_are_one_template() {
    let (templates, pairs) = mined(&filled(4000));
    let (grouping, f1) = accuracy(&pairs);
    let texts: Vec<&str> = templates.iter().map(|(_, t)| t).collect();
    assert!(grouping >= 0.9 && f1 >= 0.85, "grouping accuracy {grouping:.3}, F1 {f1:.3}: {texts:#?}");
    // Remembering where each message went while learning is as good as looking it up afterwards.
    let messages = filled(4000);
    let mut miner = Miner::new();
    let trained: Vec<(usize, Trained)> = messages.iter().map(|(which, m)| (*which, miner.train(m.as_bytes()))).collect();
    let templates = miner.finish();
    let pairs: Vec<_> = trained.iter().map(|(which, t)| (*which, templates.of_trained(*t).unwrap())).collect();
    assert!(accuracy(&pairs).0 >= 0.9, "{:?}", accuracy(&pairs));
}

#[test]
fn ids_do_not_depend_on_the_order_or_the_run() {
    let messages = filled(2000);
    let mut backwards = messages.clone();
    backwards.reverse();
    let ids = |messages: &[(usize, String)]| mined(messages).0.iter().map(|(id, t)| (id, t.to_owned())).collect::<Vec<_>>();
    assert_eq!(ids(&messages), ids(&backwards));
    let mut templates = Templates::of([b"user 7 logged in".as_slice()].into_iter());
    let id = templates.assign(b"user 12 logged in").unwrap();
    assert_eq!((templates.text(id), id), ("user <NUM> logged in", TemplateId::of("user <NUM> logged in")));
    assert_eq!(templates.assign(b"something else altogether"), None);
}

/// A template that grows more general half-way does not look like a new one there.
#[test]
fn the_first_messages_get_the_last_template() {
    let messages: Vec<String> =
        (0..50).map(|i| format!("login of {} from {}", if i < 25 { "alice" } else { "bob" }, i)).collect();
    let mut templates = Templates::of(messages.iter().map(String::as_bytes));
    let ids: BTreeSet<_> = messages.iter().map(|m| templates.assign(m.as_bytes())).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(templates.iter().map(|(_, t)| t).collect::<Vec<_>>(), ["login of <*> from <NUM>"]);
}

/// A name among the leading words makes many groups that differ in it alone: they are one template. Two that differ in a
/// word are two.
#[test]
fn a_variable_leading_word_is_found() {
    let users: Vec<String> =
        ["ann", "bob", "cat", "dan", "eve", "fay", "gus", "hal"].map(|u| format!("user {u} has logged out")).into();
    let cache = ["cache hit for key", "cache miss for key"].map(str::to_owned);
    let mut templates = Templates::of(users.iter().chain(&cache).map(String::as_bytes));
    let ids: BTreeSet<_> = users.iter().map(|m| templates.assign(m.as_bytes()).unwrap()).collect();
    assert_eq!(ids.into_iter().map(|id| templates.text(id)).collect::<Vec<_>>(), ["user <*> has logged out"]);
    assert_eq!(templates.len(), 3);
}

#[test]
fn odd_messages_do_no_harm() {
    let many: Vec<String> =
        (0..500usize).map(|i| format!("{}{} happened to it", ["a", "b", "c", "d", "e"][i % 5], "x".repeat(i))).collect();
    let odd: [&[u8]; 5] = [b"", b"   \n\t", b"\xff\xfe\x00", b"<*> <*>", &[b'7'; 10_000]];
    let mut templates = Templates::of(many.iter().map(String::as_bytes).chain(odd));
    for message in many.iter().map(String::as_bytes).chain(odd) {
        assert!(templates.assign(message).is_some());
    }
    assert!(templates.len() < 120, "{}", templates.len());
}
