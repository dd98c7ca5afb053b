//! A `log_line_prefix`, compiled: a list of steps that takes the prefix off a line without searching more than it must.
//!
//! ```text
//! %m [%p] %q%u@%d        Stamp, " [", Pid, "] ", Quit, User until "@", Database until " "
//! ```

use super::net;
use super::num;
use super::pg::{Word, time, time_width, word};
use crate::event::Event;

/// No field of a prefix is longer than this: names are at most 63 bytes long, addresses less.
const LONGEST: usize = 300;

/// What a field of free text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// `%u`.
    User,
    /// `%d`.
    Database,
    /// `%a`.
    App,
    /// `%r` or `%h`.
    Host,
    /// `%e`.
    SqlState,
    /// `%c`.
    Session,
    /// Anything else: `%i %b %v %Q %x %l`.
    Other,
}

impl What {
    /// The escape that writes it.
    pub const fn escape(self) -> &'static str {
        match self {
            What::User => "%u",
            What::Database => "%d",
            What::App => "%a",
            What::Host => "%r",
            What::SqlState => "%e",
            What::Session => "%c",
            What::Other => "%?",
        }
    }
}

/// One step through a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// These bytes stand here.
    Literal(Box<[u8]>),
    /// The time of the record: `%m`, `%t`.
    Stamp,
    /// The time of the record as an epoch: `%n`.
    Epoch,
    /// Another time (`%s`), passed over; it may be missing.
    Time,
    /// `%p`.
    Pid,
    /// A number without a use here (`%l`, `%x`, `%Q`), possibly empty.
    Number,
    /// Text up to the bytes given, which are taken as well.
    Text(What, Box<[u8]>),
    /// `%q`: the prefix may end here.
    Quit,
}

/// Takes one shape of prefix off lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prefix {
    /// The steps, in order; none for an empty prefix.
    pub steps: Vec<Step>,
}

/// What to do with what the steps find: fill an event, or nothing where only the word is wanted.
trait Fill<'a> {
    const READS: bool;
    fn event(&mut self) -> Option<&mut Event<'a>>;
}

struct Nothing;
impl<'a> Fill<'a> for Nothing {
    const READS: bool = false;
    fn event(&mut self) -> Option<&mut Event<'a>> {
        None
    }
}

struct Filled<'e, 'a>(&'e mut Event<'a>);
impl<'a> Fill<'a> for Filled<'_, 'a> {
    const READS: bool = true;
    fn event(&mut self) -> Option<&mut Event<'a>> {
        Some(self.0)
    }
}

impl Prefix {
    /// The word behind the prefix, and where the text behind the word begins; `None` where the line has another shape.
    #[inline]
    pub fn word(&self, line: &[u8]) -> Option<(Word, usize)> {
        match self.glance() {
            // A word of another language, or a name that holds what ends it, takes the long way.
            Some((head, tail)) => glance(head, tail, line).or_else(|| run(&self.steps, line, line, &mut Nothing)),
            None => run(&self.steps, line, line, &mut Nothing),
        }
    }

    /// Where a prefix begins with what tells its lines apart, its first steps and the bytes in front of the word: names in
    /// between need not be told apart to find the word.
    fn glance(&self) -> Option<(&[Step], &[u8])> {
        let first = self.steps.iter().position(|step| matches!(step, Step::Text(..)))?;
        let head = self.steps.get(..first)?;
        let telling = head.iter().any(|step| matches!(step, Step::Stamp | Step::Epoch));
        match self.steps.last() {
            Some(Step::Literal(tail) | Step::Text(_, tail)) if telling => Some((head, tail)),
            _ => None,
        }
    }

    /// As [`Prefix::word`], and puts what the prefix holds into `event`. After `None` the event may hold parts of it.
    #[inline]
    pub fn read<'a>(&self, line: &'a [u8], event: &mut Event<'a>) -> Option<(Word, usize)> {
        run(&self.steps, line, line, &mut Filled(event))
    }

    /// The prefix as an operator would have configured it.
    pub fn show(&self) -> String {
        let mut out = String::new();
        for step in &self.steps {
            match step {
                Step::Literal(bytes) => out.push_str(&String::from_utf8_lossy(bytes)),
                Step::Stamp => out.push_str("%m"),
                Step::Epoch => out.push_str("%n"),
                Step::Time => out.push_str("%s"),
                Step::Pid => out.push_str("%p"),
                Step::Number => out.push_str("%l"),
                Step::Text(what, until) => {
                    out.push_str(what.escape());
                    out.push_str(&String::from_utf8_lossy(until));
                }
                Step::Quit => out.push_str("%q"),
            }
        }
        out
    }
}

/// Takes `head` off a line and finds the first severity word behind `tail` in what is left.
fn glance(head: &[Step], tail: &[u8], line: &[u8]) -> Option<(Word, usize)> {
    let from = match steps_over::<Nothing, true>(head, line, line, &mut Nothing)? {
        (Some(word), at) => return Some((word, at)),
        (None, from) => from,
    };
    let rest = line.get(from..)?;
    let near = rest.get(..LONGEST).unwrap_or(rest);
    for colon in memchr::memchr_iter(b':', near) {
        if rest.get(colon + 1) != Some(&b' ') {
            continue;
        }
        let before = near.get(..colon)?;
        let width = before.iter().rev().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count();
        let start = colon - width;
        if width > 0
            && before.get(..start)?.ends_with(tail)
            && let Some((word, end)) = rest.get(start..).and_then(word)
        {
            return Some((word, from + start + end));
        }
    }
    None
}

/// Runs `steps` over `rest`, the end of `line`. Only texts whose end mark stands in them make it go back.
fn run<'a, F: Fill<'a>>(steps: &[Step], line: &'a [u8], rest: &'a [u8], fill: &mut F) -> Option<(Word, usize)> {
    let (word, at) = steps_over::<F, false>(steps, line, rest, fill)?;
    Some((word?, at))
}

/// As [`run`]; with `HEAD` the steps are the beginning of a prefix, behind which no word is looked for: the offset reached.
#[inline]
fn steps_over<'a, F: Fill<'a>, const HEAD: bool>(
    steps: &[Step],
    line: &'a [u8],
    rest: &'a [u8],
    fill: &mut F,
) -> Option<(Option<Word>, usize)> {
    let mut rest = rest;
    let mut steps = steps.iter();
    while let Some(step) = steps.next() {
        match step {
            Step::Literal(bytes) => rest = strip(rest, bytes)?,
            Step::Stamp if F::READS => {
                let (stamp, width) = time(rest)?;
                if let Some(event) = fill.event() {
                    event.stamp = stamp;
                }
                rest = rest.get(width..)?;
            }
            Step::Stamp => rest = rest.get(time_width(rest)?..)?,
            Step::Epoch => {
                let (stamp, width) = super::time::epoch_seconds(rest)?;
                if let Some(event) = fill.event() {
                    event.stamp = stamp;
                }
                rest = rest.get(width..)?;
            }
            Step::Time => rest = rest.get(time_width(rest).unwrap_or(0)..)?,
            Step::Pid => {
                let blanks = rest.iter().take(12).take_while(|b| **b == b' ').count();
                let body = rest.get(blanks..)?;
                let width = num::digits(body.get(..body.len().min(11))?);
                if width == 0 {
                    return None;
                }
                // What stands first may be a message number; the envelope of syslog has the process id.
                let first = rest.len() == line.len() - 1;
                if let Some(event) = fill.event()
                    && !(first && event.pid != 0)
                    && let Some(pid) = body.get(..width).and_then(num::uint32)
                {
                    event.pid = pid;
                }
                let tail = body.get(width..)?;
                rest = pad(tail, steps.as_slice());
            }
            Step::Number => {
                let blanks = rest.iter().take(20).take_while(|b| **b == b' ').count();
                let padded = rest.get(blanks..)?;
                let body = if num::digits(padded) > 0 { padded } else { rest };
                let body = body.strip_prefix(b"-").filter(|b| num::digits(b) > 0).unwrap_or(body);
                rest = pad(body.get(num::digits(body)..)?, steps.as_slice());
            }
            Step::Text(what, until) => {
                let (word, at) = texts(*what, until, steps.as_slice(), line, rest, fill)?;
                return Some((Some(word), at));
            }
            Step::Quit => {
                // Names are rarely in capitals: most lines go on here.
                if !rest.first().is_some_and(u8::is_ascii_lowercase)
                    && let Some((word, width)) = word(rest)
                {
                    return Some((Some(word), line.len() - rest.len() + width));
                }
            }
        }
    }
    if HEAD {
        return Some((None, line.len() - rest.len()));
    }
    let (word, width) = word(rest)?;
    Some((Some(word), line.len() - rest.len() + width))
}

/// `text` without `literal` in front, for literals of a few bytes.
#[inline]
fn strip<'a>(text: &'a [u8], literal: &[u8]) -> Option<&'a [u8]> {
    match (literal, text) {
        ([a], [x, tail @ ..]) if a == x => Some(tail),
        ([a, b], [x, y, tail @ ..]) if a == x && b == y => Some(tail),
        ([] | [_] | [_, _], _) => {
            if literal.is_empty() {
                Some(text)
            } else {
                None
            }
        }
        _ => text.strip_prefix(literal),
    }
}

/// Passes over the blanks of a padded escape (`%-8p`) where the next step is no literal that begins with one.
fn pad<'a>(rest: &'a [u8], steps: &[Step]) -> &'a [u8] {
    match (rest.first(), steps.first()) {
        (Some(b' '), Some(Step::Literal(bytes))) if bytes.first() != Some(&b' ') => rest.trim_ascii_start(),
        _ => rest,
    }
}

/// Takes a text, trying the places where its end mark stands from left to right.
fn texts<'a, F: Fill<'a>>(
    what: What,
    until: &[u8],
    steps: &[Step],
    line: &'a [u8],
    rest: &'a [u8],
    fill: &mut F,
) -> Option<(Word, usize)> {
    let first = *until.first()?;
    let near = rest.get(..LONGEST).unwrap_or(rest);
    let from = if what == What::Host { port_end(near, until) } else { 0 };
    // Names are a few bytes long: a plain loop is faster than a search that has to be set up.
    let mut at = from;
    for _ in 0..16 {
        at += near.get(at..)?.iter().position(|byte| *byte == first)?;
        let (text, tail) = rest.split_at_checked(at)?;
        // Where a blank ends names, only an application's holds blanks itself.
        if first == b' ' && at > 0 && what != What::App && what != What::Other && text.trim_ascii().contains(&b' ') {
            return None;
        }
        if let Some(tail) = strip(tail, until)
            && let Some(found) = run(steps, line, tail, fill)
        {
            if let Some(event) = fill.event() {
                put(what, text, event);
            }
            return Some(found);
        }
        at += 1;
    }
    None
}

/// Where a host with its port in brackets ends, so that colons of an IPv6 address do not end it; 0 for none.
fn port_end(text: &[u8], until: &[u8]) -> usize {
    if until.first() != Some(&b':') {
        return 0;
    }
    let host = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'.' | b'-' | b'_' | b'%');
    let width = text.iter().take_while(|b| host(b)).count();
    let Some([b'(', rest @ ..]) = text.get(width..) else { return 0 };
    let digits = num::digits(rest);
    if digits > 0 && rest.get(digits) == Some(&b')') { width + digits + 2 } else { 0 }
}

fn put<'a>(what: What, text: &'a [u8], event: &mut Event<'a>) {
    let text = text.trim_ascii();
    if text.is_empty() || text == b"[unknown]" {
        return;
    }
    match what {
        What::User => event.db_user = text,
        What::Database => event.db_name = text,
        What::App => event.app_name = text,
        What::Host if text == b"[none]" => {}
        What::Host if text.last() == Some(&b')') => (event.client, event.client_port) = net::host_port(text),
        What::Host => event.client = text,
        What::SqlState if text != b"00000" => event.sqlstate = text,
        What::Session => {
            event.conn = text;
            if event.pid == 0
                && let Some(pid) = session_pid(text)
            {
                event.pid = pid;
            }
        }
        What::SqlState | What::Other => {}
    }
}

/// The process id in a session id, `6b0017c7.6042`: the hexadecimal number behind the dot.
pub fn session_pid(session: &[u8]) -> Option<u32> {
    let dot = memchr::memchr(b'.', session)?;
    let hex = session.get(dot + 1..)?;
    if hex.is_empty() || hex.len() > 8 || dot < 7 || dot > 9 || !session.get(..dot)?.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    hex.iter().try_fold(0u32, |value, byte| Some(value * 16 + char::from(*byte).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Step {
        Step::Literal(text.as_bytes().into())
    }

    #[test]
    fn steps_take_fields() {
        let text = |what, until: &str| Step::Text(what, until.as_bytes().into());
        let prefix = Prefix {
            steps: vec![
                Step::Stamp,
                literal(":"),
                text(What::Host, ":"),
                text(What::User, "@"),
                text(What::Database, ":["),
                Step::Pid,
                literal("]:"),
            ],
        };
        let mut event = Event::default();
        let line = b"2026-11-20 09:00:00 UTC:2001:db8::1(51234):app@shop:[4242]:LOG:  x";
        let (_, at) = prefix.read(line, &mut event).unwrap();
        assert_eq!(&line[at..], b"x");
        assert_eq!((event.client, event.client_port, event.pid), (&b"2001:db8::1"[..], 51234, 4242));
        assert_eq!((event.db_user, event.db_name), (&b"app"[..], &b"shop"[..]));
        assert!(prefix.word(b"2026-11-20 09:00:00 UTC::@:[7]:LOG:  x").is_some());
        assert!(prefix.word(b"2026-11-20 09:00:00 UTC [7] LOG:  x").is_none());
    }

    #[test]
    fn a_text_may_hold_its_end_mark() {
        let prefix = Prefix { steps: vec![Step::Text(What::App, b" ".as_slice().into())] };
        let mut event = Event::default();
        assert!(prefix.read(b"PostgreSQL JDBC Driver LOG:  x", &mut event).is_some());
        assert_eq!(event.app_name, b"PostgreSQL JDBC Driver");
    }

    #[test]
    fn session_ids_hold_the_pid() {
        assert_eq!(session_pid(b"6b0017c7.6042"), Some(0x6042));
        assert_eq!(session_pid(b"10.0.0.1"), None);
    }
}
