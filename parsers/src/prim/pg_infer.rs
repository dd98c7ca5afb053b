//! Finds out a `log_line_prefix` from lines that were written with it.
//!
//! What stands in front of the severity word is cut at its separators: times, punctuation and labels (`user=`). Lines with
//! the same separators belong together; what varies between two separators is a field, and what the field is follows from
//! its values, from its label, from `@` between user and database, and from messages that repeat it
//! (`connection authorized: user=app database=shop`).

use super::net;
use super::num;
use super::pg::{Word, find_word, time_width};
use super::pg_cut::{Sep, cut};
use super::pg_prefix::{Prefix, Step, What, session_pid};
use super::text::word;
use std::collections::BTreeMap;

/// Shapes that are tried before the best are chosen.
const MAX_CANDIDATES: usize = 16;
/// Shapes that one file is read with.
const MAX_PREFIXES: usize = 4;

/// A line cut at its severity word.
struct Head<'a> {
    line: &'a [u8],
    prefix: &'a [u8],
    message: &'a [u8],
    seps: Vec<Sep<'a>>,
    /// What stands between the separators: one more than there are separators.
    slots: Vec<&'a [u8]>,
}

/// The prefixes that explain `lines` (without chunk marks), best first; empty where no line looks like PostgreSQL's.
pub fn infer(lines: &[&[u8]]) -> Vec<Prefix> {
    let heads: Vec<Head<'_>> = lines.iter().filter_map(|line| head(line)).collect();
    let mut groups: BTreeMap<Vec<u8>, Vec<&Head<'_>>> = BTreeMap::new();
    for head in &heads {
        groups.entry(skeleton(&head.seps)).or_default().push(head);
    }
    let lengths: BTreeMap<Vec<u8>, usize> =
        groups.iter().map(|(key, group)| (key.clone(), group.first().map_or(0, |head| head.seps.len()))).collect();
    // Where there is no prefix at all, that holds for most lines, or it is text of some other producer.
    let usual = |key: &[u8], group: &[&Head<'_>]| !key.is_empty() || group.len() * 10 > lines.len();
    let mut ranked: Vec<(&Vec<u8>, &Vec<&Head<'_>>)> =
        groups.iter().filter(|(key, group)| usual(key, group) && convincing(group)).collect();
    ranked.sort_by_key(|(_, group)| std::cmp::Reverse(group.len()));
    let mut candidates: Vec<Prefix> = Vec::new();
    for (key, group) in ranked.into_iter().take(MAX_CANDIDATES) {
        let quits: Vec<usize> =
            lengths.iter().filter(|(k, _)| k.len() < key.len() && key.starts_with(k)).map(|(_, n)| *n).collect();
        if let Some(prefix) = compile(group, &quits)
            && !candidates.contains(&prefix)
        {
            candidates.push(prefix);
        }
    }
    choose(candidates, &heads)
}

/// The prefix of one line alone, for lines that no prefix of their file fits.
pub fn of_line(line: &[u8]) -> Option<Prefix> {
    let head = head(line)?;
    compile(&[&head], &[])
}

/// True where a line that no prefix of its file fits may be read with [`of_line`]: it begins with a time and has a word.
pub fn readable_alone(line: &[u8]) -> bool {
    time_width(line).is_some_and(|width| width > 19) && find_word(line).is_some()
}

fn choose(mut candidates: Vec<Prefix>, heads: &[Head<'_>]) -> Vec<Prefix> {
    let mut left: Vec<&Head<'_>> = heads.iter().collect();
    let mut chosen = Vec::new();
    while chosen.len() < MAX_PREFIXES {
        let gain = |prefix: &Prefix| left.iter().filter(|head| prefix.word(head.line).is_some()).count();
        let best = candidates
            .iter()
            .enumerate()
            .map(|(index, prefix)| (index, gain(prefix)))
            .filter(|(_, gain)| *gain > heads.len() / 200)
            .min_by_key(|(index, gain)| (std::cmp::Reverse(*gain), candidates.get(*index).map_or(0, |p| p.steps.len())));
        let Some((index, _)) = best else { break };
        let prefix = candidates.remove(index);
        left.retain(|head| prefix.word(head.line).is_none());
        chosen.push(prefix);
    }
    chosen
}

/// Do these lines come from PostgreSQL? `ERROR:  ` and `WARNING:  ` alone are written by others, too.
fn convincing(group: &[&Head<'_>]) -> bool {
    let certain = |head: &&Head<'_>| {
        let zoned =
            head.seps.iter().any(|sep| matches!(sep, Sep::Time { text, .. } if text.len() > 19 && text.contains(&b' ')));
        let behind = head.line.get(head.prefix.len()..).unwrap_or_default();
        let shared: [&[u8]; 4] = [b"ERROR:", b"WARNING:", b"INFO:", b"NOTICE:"];
        let fatal = behind.starts_with(b"FATAL:") && head.prefix.is_empty();
        (zoned && head.seps.len() > 1) || !(fatal || shared.iter().any(|word| behind.starts_with(word)))
    };
    group.iter().any(certain)
}

fn head(line: &[u8]) -> Option<Head<'_>> {
    let (start, word, end) = find_word(line)?;
    // Two blanks, and then text; secondary fields hold what clients sent, which may begin with blanks.
    if matches!(word, Word::Main(_)) && line.get(end) == Some(&b' ') {
        return None;
    }
    let prefix = line.get(..start)?;
    if is_pgpool(prefix) {
        return None;
    }
    let (seps, slots) = cut(prefix);
    Some(Head { line, prefix, message: line.get(end..)?, seps, slots })
}

/// Pgpool-II writes the same words, behind a time and `pid 29354: `.
fn is_pgpool(prefix: &[u8]) -> bool {
    let Some(body) = prefix.strip_suffix(b": ") else { return false };
    let digits = body.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let head = body.get(..body.len() - digits).unwrap_or_default();
    digits > 0 && head.ends_with(b"pid ") && time_width(prefix).is_some()
}

fn skeleton(seps: &[Sep<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for sep in seps {
        match sep {
            Sep::Time { fraction, .. } => out.push(if *fraction { 1 } else { 2 }),
            Sep::Label(text) | Sep::Mark(text) => out.extend_from_slice(text),
        }
    }
    out
}

/// What the values of a slot look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Number,
    SqlState,
    Session,
    Epoch,
    Host,
    Text,
}

fn shape(values: &[&[u8]]) -> Shape {
    let most = |test: fn(&[u8]) -> bool| values.iter().filter(|v| test(v)).count() * 2 > values.len();
    let all = |test: fn(&[u8]) -> bool| values.iter().all(|v| test(v));
    let state = |v: &[u8]| v.len() == 5 && v.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
    let zeros = values.contains(&&b"00000"[..]);
    if all(state) && (zeros || values.iter().any(|v| v.iter().any(u8::is_ascii_uppercase))) && !most(|v| v.starts_with(b"SELE"))
    {
        Shape::SqlState
    } else if all(|v| num::int(v).is_some() || v.iter().all(u8::is_ascii_digit)) {
        Shape::Number
    } else if all(|v| session_pid(v).is_some()) {
        Shape::Session
    } else if all(|v| v.len() == 14 && super::time::epoch_seconds(v).is_some()) {
        Shape::Epoch
    } else if most(|v| v == b"[local]" || net::is_address(net::host_port(v).0)) {
        Shape::Host
    } else {
        Shape::Text
    }
}

/// What a label says about its field.
fn labelled(label: &[u8]) -> Option<What> {
    let end = label.iter().rposition(u8::is_ascii_alphanumeric)? + 1;
    let name = label.get(..end)?.to_ascii_lowercase();
    Some(match &*name {
        b"user" | b"u" | b"usr" | b"username" | b"role" | b"usename" | b"db_user" | b"dbuser" => What::User,
        b"db" | b"d" | b"database" | b"dbname" | b"datname" | b"db_name" => What::Database,
        b"app" | b"a" | b"application" | b"application_name" | b"appname" | b"app_name" | b"program" => What::App,
        b"client" | b"h" | b"r" | b"host" | b"remote" | b"remote_host" | b"rhost" | b"ip" | b"client_ip" | b"addr"
        | b"from" | b"client_addr" | b"peer" | b"conn" => What::Host,
        b"e" | b"sql_error_code" | b"sqlstate" | b"state" | b"sql_state" | b"error" | b"code" | b"err" | b"sqlcode" => {
            What::SqlState
        }
        b"c" | b"session" | b"session_id" | b"sess" | b"sid" | b"sessionid" => What::Session,
        _ => return None,
    })
}

fn is_pid(label: &[u8]) -> bool {
    let name = label.to_ascii_lowercase();
    [&b"pid"[..], b"p=", b"process", b"proc"].iter().any(|known| name.starts_with(known))
}

/// A slot of a group: its values and what it was found to be.
struct Slot<'a> {
    label: &'a [u8],
    values: Vec<&'a [u8]>,
    shape: Shape,
    what: What,
    /// Needs a step even though it was always empty.
    forced: bool,
}

/// The slots of a group and what their values and labels say.
fn slots<'a>(group: &[&Head<'a>], seps: &[Sep<'a>]) -> Vec<Slot<'a>> {
    let mark = |index: usize| match seps.get(index) {
        Some(Sep::Mark(text)) => text.first().copied().unwrap_or(0),
        _ => 0,
    };
    (0..=seps.len())
        .map(|index| {
            let values: Vec<&[u8]> =
                group.iter().filter_map(|head| head.slots.get(index).copied()).filter(|v| !v.is_empty()).collect();
            let label = match index.checked_sub(1).and_then(|before| seps.get(before)) {
                Some(Sep::Label(text)) => *text,
                _ => b"",
            };
            let timed = matches!(seps.get(index), Some(Sep::Time { .. }));
            let shape = shape(&values);
            let by_shape = match shape {
                Shape::SqlState => What::SqlState,
                Shape::Session => What::Session,
                Shape::Host => What::Host,
                _ => What::Other,
            };
            let around = (if index > 0 { mark(index - 1) } else { 0 }, mark(index));
            let twins = around.0 == around.1 && matches!(around.0, b':' | b',' | b'|' | b';');
            let at = around.0 == b'@' || around.1 == b'@';
            let forced = !timed && (!label.is_empty() || at || twins);
            let what = if label.is_empty() { by_shape } else { labelled(label).unwrap_or(by_shape) };
            Slot { label, values, shape, what, forced }
        })
        .collect()
}

/// Names the texts that neither a label nor their shape names.
fn name_texts(group: &[&Head<'_>], seps: &[Sep<'_>], slots: &mut [Slot<'_>]) {
    for (index, sep) in seps.iter().enumerate() {
        let free = |slot: Option<&Slot<'_>>| slot.is_some_and(|s| s.what == What::Other && s.label.is_empty());
        if *sep == Sep::Mark(b"@") && free(slots.get(index)) && free(slots.get(index + 1)) {
            for (at, what) in [(index, What::User), (index + 1, What::Database)] {
                if let Some(slot) = slots.get_mut(at) {
                    (slot.what, slot.shape) = (what, Shape::Text);
                }
            }
        }
    }
    let missing = |slots: &[Slot<'_>], what: What| !slots.iter().any(|slot| slot.what == what);
    let mut absent = Vec::new();
    for (what, key) in [(What::User, &b" user="[..]), (What::Database, b" database="), (What::App, b" application_name=")] {
        if !missing(slots, what) {
            continue;
        }
        let told: Vec<(&Head<'_>, &[u8])> = group
            .iter()
            .filter(|head| head.message.starts_with(b"disconnection: ") || head.message.starts_with(b"connection authorized: "))
            .filter_map(|head| Some((*head, word(super::text::after(head.message, key)?))))
            .collect();
        // The line that tells the application's name is written before the prefix knows it.
        let agrees = |index: usize| match what {
            What::App => told.iter().filter(|(_, name)| slots.get(index).is_some_and(|s| s.values.contains(name))).count(),
            _ => told.iter().filter(|(head, name)| head.slots.get(index) == Some(name)).count(),
        };
        let found = (0..slots.len())
            .filter(|index| slots.get(*index).is_some_and(|s| s.what == What::Other && s.label.is_empty()))
            .find(|index| agrees(*index) * 2 > told.len());
        absent.extend((!told.is_empty() && found.is_none()).then_some(what));
        if let Some(slot) = found.and_then(|index| slots.get_mut(index)) {
            slot.what = what;
            slot.shape = Shape::Text;
        }
    }
    // What is unknown before login is user, database or application, nearly always in this order.
    for what in [What::User, What::Database, What::App] {
        if missing(slots, what)
            && (what == What::App || !absent.contains(&what))
            && let Some(slot) =
                slots.iter_mut().find(|s| s.what == What::Other && s.label.is_empty() && s.values.contains(&&b"[unknown]"[..]))
        {
            slot.what = what;
            slot.shape = Shape::Text;
        }
    }
}

/// Which slot holds the process id.
fn pid_slot(group: &[&Head<'_>], slots: &[Slot<'_>]) -> Option<usize> {
    let number = |slot: &Slot<'_>| slot.shape == Shape::Number && !slot.values.is_empty();
    if let Some(index) = slots.iter().position(|s| number(s) && is_pid(s.label)) {
        return Some(index);
    }
    let session = slots.iter().position(|slot| slot.what == What::Session);
    let same = |index: usize| {
        group.iter().all(|head| {
            let pid = session.and_then(|s| head.slots.get(s)).and_then(|s| session_pid(s));
            pid.is_some() && head.slots.get(index).and_then(|v| num::uint32(v)) == pid
        })
    };
    let plausible = |slot: &Slot<'_>| {
        number(slot) && slot.label.is_empty() && slot.values.iter().all(|v| num::uint32(v).is_some_and(|v| v > 0))
    };
    let numbers: Vec<usize> = (0..slots.len()).filter(|index| slots.get(*index).is_some_and(plausible)).collect();
    numbers.iter().copied().find(|index| same(*index)).or_else(|| numbers.first().copied())
}

/// Which separator is the time of the record: the one with a fraction, else the latest of the first lines' times.
fn stamp_sep(group: &[&Head<'_>], seps: &[Sep<'_>]) -> Option<usize> {
    if let Some(index) = seps.iter().position(|sep| matches!(sep, Sep::Time { fraction: true, .. })) {
        return Some(index);
    }
    let times: Vec<usize> = (0..seps.len()).filter(|index| matches!(seps.get(*index), Some(Sep::Time { .. }))).collect();
    let text = |head: &Head<'_>, index: usize| match head.seps.get(index) {
        Some(Sep::Time { text, .. }) => text.to_vec(),
        _ => Vec::new(),
    };
    let later = |a: usize, b: usize| group.iter().any(|head| text(head, a) > text(head, b));
    times.iter().copied().reduce(|best, next| if later(next, best) { next } else { best })
}

fn compile(group: &[&Head<'_>], quits: &[usize]) -> Option<Prefix> {
    let seps = &group.first()?.seps;
    let mut slots = slots(group, seps);
    name_texts(group, seps, &mut slots);
    let pid = pid_slot(group, &slots);
    let stamp = stamp_sep(group, seps);
    let epoch = if stamp.is_none() { slots.iter().position(|slot| slot.shape == Shape::Epoch) } else { None };
    let mut steps: Vec<Step> = Vec::new();
    for (index, slot) in slots.iter().enumerate() {
        if index > 0 && quits.contains(&index) {
            steps.push(Step::Quit);
        }
        if !slot.values.is_empty() || slot.forced {
            let known = matches!(slot.what, What::User | What::Database | What::App | What::Host);
            steps.push(match slot.shape {
                _ if Some(index) == pid => Step::Pid,
                _ if Some(index) == epoch => Step::Epoch,
                Shape::Number if !slot.values.is_empty() && !known => Step::Number,
                _ => Step::Text(slot.what, Box::default()),
            });
        }
        match seps.get(index) {
            Some(Sep::Time { .. }) if Some(index) == stamp => steps.push(Step::Stamp),
            Some(Sep::Time { .. }) => steps.push(Step::Time),
            Some(Sep::Label(text) | Sep::Mark(text)) => match steps.last_mut() {
                Some(Step::Literal(bytes)) => *bytes = [bytes, *text].concat().into(),
                _ => steps.push(Step::Literal((*text).into())),
            },
            None => {}
        }
    }
    // A text ends where the literal behind it begins, and takes it along.
    let mut at = 0;
    while at < steps.len() {
        if let Some(Step::Text(what, _)) = steps.get(at) {
            let what = *what;
            let Some(Step::Literal(until)) = steps.get(at + 1) else { return None };
            let text = Step::Text(what, until.clone());
            steps.splice(at..at + 2, [text]);
        }
        at += 1;
    }
    // Words alone are no prefix: they are text in which a severity word stands.
    let telling = |step: &Step| {
        matches!(step, Step::Stamp | Step::Epoch | Step::Pid) || matches!(step, Step::Text(what, _) if *what != What::Other)
    };
    (steps.is_empty() || steps.iter().any(telling)).then_some(Prefix { steps })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(lines: &[&str]) -> Vec<String> {
        infer(&lines.iter().map(|l| l.as_bytes()).collect::<Vec<_>>()).iter().map(Prefix::show).collect()
    }

    #[test]
    fn prefixes_of_the_field_are_found() {
        assert_eq!(
            shown(&[
                "2026-11-20 09:45:51.838 UTC [15528] LOG:  checkpoint starting: time",
                "2026-11-20 09:45:51.838 UTC [15529] app@shop LOG:  statement: select 1",
                "2026-11-20 09:45:51.838 UTC [15530] [unknown]@[unknown] LOG:  connection received: host=[local]",
            ]),
            ["%m [%p] %q%u@%d "]
        );
        assert_eq!(
            shown(&[
                "2026-11-20 09:00:00 UTC::@:[311]:LOG:  checkpoint starting: time",
                "2026-11-20 09:00:00 UTC:10.0.0.5(51234):app@shop:[4242]:LOG:  statement: select 1",
            ]),
            ["%m:%r:%u@%d:[%p]:"]
        );
        assert_eq!(
            shown(&["2026-11-20 09:00:00 UTC [4242]: [4-1] user=,db=,app=,client= LOG:  checkpoint starting: time"]),
            ["%m [%p]: [%l-%l] user=%u,db=%d,app=%a,client=%r "]
        );
        assert_eq!(shown(&["2026-11-20 09:00:00 UTC-6b0017c7.6042-LOG:  statement: select 1"]), ["%m-%c-"]);
        assert_eq!(shown(&["< 2026-11-20 09:00:00.123 UTC >LOG:  statement: select 1"]), ["< %m >"]);
        assert_eq!(shown(&["LOG:  statement: select 1"]), [""]);
        assert_eq!(shown(&[" sql_error_code = 00000 LOG:  statement: select 1"]), [" sql_error_code = %e "]);
        assert_eq!(
            shown(&[
                "4242-2026-11-20 08:00:00 UTC-6b0017c7.1092-7-10.0.0.5-app-shop-2026-11-20 09:00:00.001 UTC LOG:  statement: x",
            ]),
            ["%p-%s-%c-%l-%r-%?-%m "]
        );
        assert!(shown(&["WARNING:  StatReload detected changes", "ERROR:  x"]).is_empty());
    }

    #[test]
    fn unlabelled_texts_are_named_by_the_messages() {
        let lines = [
            "2026-11-20 09:00:00.001 UTC 10.0.0.5(5000) shop app psql [6b0017c7.6042] [24642] LOG:  disconnection: session time: 0:00:00.011 user=app database=shop host=10.0.0.5 port=5000",
            "2026-11-20 09:00:00.001 UTC 10.0.0.5(5001) [unknown] [unknown] [unknown] [6b0017c7.6043] [24643] LOG:  connection received: host=10.0.0.5 port=5001",
        ];
        assert_eq!(shown(&lines), ["%m %r %d %u %a [%c] [%p] "]);
    }
}
