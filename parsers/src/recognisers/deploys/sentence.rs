//! Plain sentences: a verb, what it was done to, a version, a commit.

use crate::event::Event;
use crate::kind::Kind;
use crate::prim::{named, num};

/// What a verb says was done.
#[derive(Clone, Copy, PartialEq)]
struct Verb {
    kind: Kind,
    /// Its last word is this one of the sentence.
    last: usize,
    first: usize,
    /// `deployment finished`, `release 12 …`: the noun, which needs more than itself to be believed.
    noun: bool,
    reason: &'static [u8],
}

/// Sentences are read up to this many words.
const WORDS: usize = 24;

pub(super) fn recognise(event: &mut Event<'_>) -> bool {
    let message = crate::prim::text::first_line(event.message).0;
    let mut words = [&b""[..]; WORDS];
    let mut count = 0;
    for (slot, word) in words.iter_mut().zip(message.split(|b| matches!(b, b' ' | b'\t')).filter(|w| !w.is_empty())) {
        *slot = word;
        count += 1;
    }
    let words = words.get(..count).unwrap_or_default();
    let Some(verb) = find(words) else { return false };
    let found = Found::of(message, words, verb);
    // A verb alone is everyday language (`released 4 locks`): a version or a commit, or a deploy's own verb with a
    // service, makes it a deploy.
    let own = words.get(verb.first).is_some_and(|w| w.to_ascii_lowercase().starts_with(b"deploy"));
    let believable =
        !found.version.is_empty() || !found.revision.is_empty() || (own && !verb.noun && is_service(found.subject));
    if !believable || strange(words, verb) {
        return false;
    }
    event.kind = verb.kind;
    event.subject = found.subject;
    event.version = found.version;
    event.revision = found.revision;
    event.reason = if failed(words) { b"failed" } else { verb.reason };
    true
}

struct Found<'a> {
    subject: &'a [u8],
    version: &'a [u8],
    revision: &'a [u8],
}

fn bare(word: &[u8]) -> &[u8] {
    let marks = |b: &u8| matches!(b, b'"' | b'\'' | b'(' | b')' | b'[' | b']' | b',' | b';' | b':' | b'`' | b'!');
    let from = word.iter().position(|b| !marks(b)).unwrap_or(word.len());
    let word = word.get(from..).unwrap_or_default();
    let to = word.iter().rposition(|b| !marks(b)).map_or(0, |at| at + 1);
    let word = word.get(..to).unwrap_or_default();
    word.strip_suffix(b".").unwrap_or(word)
}

fn find(words: &[&[u8]]) -> Option<Verb> {
    let lower = |at: usize| words.get(at).map(|w| bare(w).to_ascii_lowercase()).unwrap_or_default();
    (0..words.len().min(7)).find_map(|at| {
        let (word, next) = (lower(at), lower(at + 1));
        let verb = |kind, last, noun, reason| Some(Verb { kind, first: at, last, noun, reason });
        match word.as_slice() {
            b"deployed" | b"redeployed" | b"promoted" | b"released" | b"upgraded" => verb(Kind::Deploy, at, false, b""),
            b"deploying" => verb(Kind::Deploy, at, false, b"started"),
            b"deploy" | b"deployment" | b"release" | b"rollout" => verb(Kind::Deploy, at, true, state(words)),
            b"rolled" if next == b"back" => verb(Kind::Rollback, at + 1, false, b""),
            b"rolling" if next == b"back" => verb(Kind::Rollback, at + 1, false, b"started"),
            b"rolled" if next == b"out" => verb(Kind::Deploy, at + 1, false, b""),
            b"rolling" if next == b"out" => verb(Kind::Deploy, at + 1, false, b"started"),
            b"rollback" => verb(Kind::Rollback, at, true, state(words)),
            b"config" | b"configuration" if matches!(next.as_slice(), b"changed" | b"change" | b"updated") => {
                verb(Kind::ConfigChange, at + 1, true, b"")
            }
            _ => None,
        }
    })
}

fn state(words: &[&[u8]]) -> &'static [u8] {
    let says = |all: &[&[u8]]| words.iter().any(|w| all.iter().any(|x| bare(w).eq_ignore_ascii_case(x)));
    if says(&[b"started", b"starting", b"begin", b"began", b"initiated", b"queued", b"pending"]) { b"started" } else { b"" }
}

fn failed(words: &[&[u8]]) -> bool {
    words
        .iter()
        .any(|w| [&b"failed"[..], b"failure", b"aborted", b"error", b"errored"].iter().any(|x| bare(w).eq_ignore_ascii_case(x)))
}

/// Sentences of databases and locks that share the words.
fn strange(words: &[&[u8]], verb: Verb) -> bool {
    let near = words.iter().skip(verb.first).take(5).map(|w| bare(w));
    let mut near = near.chain(words.iter().take(verb.first).map(|w| bare(w)));
    near.any(|w| {
        [
            &b"transaction"[..],
            b"transactions",
            b"lock",
            b"locks",
            b"connection",
            b"connections",
            b"savepoint",
            b"session",
            b"memory",
            b"descriptor",
        ]
        .iter()
        .any(|x| w.eq_ignore_ascii_case(x))
    })
}

/// Words that stand between a verb and its object.
fn is_filler(word: &[u8]) -> bool {
    const FILLERS: [&[u8]; 30] = [
        b"the",
        b"of",
        b"service",
        b"app",
        b"application",
        b"a",
        b"new",
        b"to",
        b"from",
        b"for",
        b"in",
        b"on",
        b"build",
        b"image",
        b"release",
        b"version",
        b"successfully",
        b"as",
        b"by",
        b"at",
        b"started",
        b"finished",
        b"succeeded",
        b"failed",
        b"completed",
        b"complete",
        b"commit",
        b"revision",
        b"is",
        b"was",
    ];
    FILLERS.iter().any(|f| word.eq_ignore_ascii_case(f))
}

fn is_service(word: &[u8]) -> bool {
    word.len() >= 2
        && word.first().is_some_and(u8::is_ascii_alphabetic)
        && word.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'))
        && !is_filler(word)
}

/// `2.4.1`, `v12`, `2026.11.20-3`, `1.0.0-rc.1+5`; a bare number only where `named` (it stands behind `version`).
fn is_version(word: &[u8], named: bool) -> bool {
    let body = word.strip_prefix(b"v").or_else(|| word.strip_prefix(b"V")).unwrap_or(word);
    let digits = num::digits(body);
    let shape = digits > 0
        && word.len() <= 64
        && body.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+' | b'_'));
    shape
        && (named
            || body.len() < word.len()
            || body.get(digits) == Some(&b'.') && body.get(digits + 1).is_some_and(u8::is_ascii_digit))
}

fn is_revision(word: &[u8]) -> bool {
    word.len() >= 7 && word.len() <= 64 && word.iter().all(u8::is_ascii_hexdigit) && word.iter().any(u8::is_ascii_alphabetic)
        || (word.len() == 40 && word.iter().all(u8::is_ascii_hexdigit))
}

impl<'a> Found<'a> {
    fn of(message: &'a [u8], words: &[&'a [u8]], verb: Verb) -> Found<'a> {
        let mut out = Found { subject: b"", version: b"", revision: b"" };
        out.version = named::value(message, &["version", "tag", "build", "app_version", "new_version"]).unwrap_or_default();
        out.revision = named::value(message, &["commit", "revision", "rev", "sha", "git_sha", "ref"]).unwrap_or_default();
        out.subject =
            named::value(message, &["service", "app", "application", "name", "project", "component"]).unwrap_or_default();
        for (at, word) in words.iter().enumerate() {
            let (word, before) = (bare(word), at.checked_sub(1).and_then(|b| words.get(b)).map_or(&b""[..], |w| bare(w)));
            let after = |names: &[&[u8]]| names.iter().any(|n| before.eq_ignore_ascii_case(n));
            let (name, tag) = split(word);
            if out.revision.is_empty()
                && (is_revision(word)
                    || (after(&[b"commit", b"revision", b"sha"])
                        && word.iter().all(u8::is_ascii_alphanumeric)
                        && word.len() >= 4))
            {
                out.revision = word;
            } else if out.version.is_empty() && is_version(tag, after(&[b"version", b"release", b"build"]) || !name.is_empty())
            {
                out.version = tag;
                if out.subject.is_empty() && is_service(name) {
                    out.subject = name;
                }
            }
        }
        if out.subject.is_empty() {
            out.subject = subject(words, verb);
        }
        out
    }
}

/// `shop-api:2.4.1`, `shop-api@2.4.1`, `registry/shop-api:2.4.1`: the name and the version; else no name.
fn split(word: &[u8]) -> (&[u8], &[u8]) {
    let at = memchr::memrchr2(b':', b'@', word).filter(|at| word.get(at + 1..).is_some_and(|tag| is_version(tag, true)));
    match at.and_then(|at| Some((word.get(..at)?, word.get(at + 1..)?))) {
        Some((name, tag)) if is_service(name.rsplit(|b| *b == b'/').next().unwrap_or(name)) => {
            (name.rsplit(|b| *b == b'/').next().unwrap_or(name), tag)
        }
        _ => (b"", word),
    }
}

/// The object: the first service-like word behind the verb, else the last one before it.
fn subject<'a>(words: &[&'a [u8]], verb: Verb) -> &'a [u8] {
    let good = |word: &&'a [u8]| is_service(word) && !is_version(word, false) && !is_revision(word);
    // `… version 7 by ci`, `… to production`: what follows these words is no object.
    let behind = words.iter().skip(verb.last + 1).map(|w| bare(w));
    let mut stop = false;
    let object = behind
        .take_while(|w| {
            let goes_on = !stop;
            stop |= [&b"by"[..], b"to", b"from", b"at", b"in", b"on", b"with", b"as", b"after"]
                .iter()
                .any(|x| w.eq_ignore_ascii_case(x));
            goes_on
        })
        .find(good);
    let ahead =
        || words.iter().take(verb.first).rev().map(|w| bare(w)).filter(|w| !w.eq_ignore_ascii_case(b"successfully")).find(good);
    object.or_else(ahead).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(line: &str) -> String {
        let mut event = Event { message: line.as_bytes(), ..Event::default() };
        recognise(&mut event);
        let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
        format!(
            "{}|{}|{}|{}|{}",
            event.kind.name(),
            text(event.subject),
            text(event.version),
            text(event.revision),
            text(event.reason)
        )
    }

    #[test]
    fn sentences_are_read() {
        for (line, want) in [
            ("deployed pgbouncer-config version 57 (commit 66cc2af) by ops", "deploy|pgbouncer-config|57|66cc2af|"),
            ("Successfully deployed registry.example.com/shop-api:2.4.1 to production", "deploy|shop-api|2.4.1||"),
            ("shop-api deployed version v2.4.1", "deploy|shop-api|v2.4.1||"),
            ("Deploying shop-api@2.4.1", "deploy|shop-api|2.4.1||started"),
            ("deploy of shop-api 2.4.1 failed after 3m", "deploy|shop-api|2.4.1||failed"),
            ("Deployment started service=shop-api version=2.4.1 sha=1a2b3c4d", "deploy|shop-api|2.4.1|1a2b3c4d|started"),
            ("rollback of shop-api to 2.4.0", "deploy.rollback|shop-api|2.4.0||"),
            ("Rolled back service shop-api to 1a2b3c4", "deploy.rollback|shop-api||1a2b3c4|"),
            ("promoted shop-api v2.5.0 to production", "deploy|shop-api|v2.5.0||"),
            ("deployed shop-api to production", "deploy|shop-api|||"),
        ] {
            assert_eq!(shown(line), want, "{line}");
        }
    }

    #[test]
    fn other_sentences_stay() {
        for line in [
            "released connection to the pool",
            "transaction rolled back",
            "rollback of transaction 42 at v2 snapshot",
            "deployment environment is production",
            "deployment descriptor WEB-INF/web.xml read",
            "released 4 locks",
        ] {
            assert!(shown(line).starts_with("log|"), "{line}: {}", shown(line));
        }
    }
}
