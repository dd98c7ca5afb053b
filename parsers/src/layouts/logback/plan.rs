//! The columns of one pattern as a small program that is run over every line.

use super::tokens::{group_end, without_line};
use crate::event::Event;
use crate::prim::date_shapes::Shape;
use crate::prim::text::{find, find_two};
use crate::prim::{ids, jvm, num};
use crate::severity::Severity;
use crate::stamp::Stamp;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Time(Shape),
    Level,
    Pid,
    Thread,
    Logger,
    /// `thread:Class@line` in one bracket, as ZooKeeper writes it.
    ThreadAtLogger,
    /// `thread Class` without anything between but a space: the last word is the logger.
    ThreadThenLogger,
    /// Ids and context pairs.
    Ids,
    /// A node's name.
    Node,
    /// The application's name.
    App,
    /// Nothing that is kept.
    Skip,
}

/// One step: what is expected next (after spaces), and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Bare text of the role's own shape (time, level, pid) or up to the next space.
    Word(Role),
    /// A logger with nothing but a space behind it.
    Name,
    /// A word with a `:` behind it.
    WordColon(Role),
    /// A fixed mark.
    Mark(&'static str),
    /// Text between brackets, the opening one given.
    Group(u8, Role),
    /// Text, spaces allowed, up to the mark in spaces (which the next step takes).
    Until(&'static str, Role),
    /// `(logger)` at the end of the line.
    Trailing,
}

/// The columns of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    /// Width of the time with its bracket, where every sampled time has the same and the level comes next.
    pub(super) level_at: Option<usize>,
}

impl Plan {
    /// Does `line` begin a record of this pattern? Looks at the time, and at the level where that comes next.
    #[inline]
    pub(super) fn starts(&self, line: &[u8]) -> bool {
        let timed = match self.steps.first() {
            Some(Step::Word(Role::Time(shape))) => shape.looks(line),
            Some(Step::Group(open, Role::Time(shape))) => {
                line.split_first().is_some_and(|(first, rest)| first == open && shape.looks(rest))
            }
            _ => return self.starts_late(line),
        };
        timed && self.level_at.is_none_or(|at| line.get(at..).is_some_and(level_like))
    }

    /// The time is not the first column.
    fn starts_late(&self, line: &[u8]) -> bool {
        let plausible = match self.steps.first() {
            Some(Step::Word(Role::Level)) => jvm::level(line).is_some(),
            Some(Step::Group(open, _)) => line.first() == Some(open),
            Some(_) => !line.first().is_some_and(u8::is_ascii_whitespace),
            None => false,
        };
        plausible && {
            let mut event = Event::default();
            self.run(line, &mut event, true, true).is_some() && event.stamp.is_some()
        }
    }

    /// Runs over a line: fills `event` and gives what is left, the message. Strictly: `None` where a column is missing.
    /// Leniently: a missing column is passed over; only the time must be there. `head` stops behind the time.
    pub(super) fn run<'a>(&self, line: &'a [u8], event: &mut Event<'a>, strict: bool, head: bool) -> Option<&'a [u8]> {
        let mut rest = line;
        for step in &self.steps {
            let text = skip_spaces(rest);
            match run_step(step, text, event) {
                Some(left) => rest = left,
                None if matches!(step, Step::Word(Role::Time(_)) | Step::Group(_, Role::Time(_))) => return None,
                None if strict => return None,
                None => {}
            }
            if head && event.stamp.is_some() {
                return Some(rest);
            }
        }
        Some(skip_spaces(rest))
    }

    /// Does the logger stand at the end of the line?
    pub(super) fn trails(&self) -> bool {
        self.steps.last() == Some(&Step::Trailing)
    }

    /// For people: `time [level] [thread] logger -`.
    pub(super) fn describe(&self) -> String {
        let name = |role: &Role| match role {
            Role::Time(shape) => format!("time ({shape:?})"),
            Role::ThreadAtLogger => "thread:logger@line".to_owned(),
            Role::ThreadThenLogger => "thread logger".to_owned(),
            role => format!("{role:?}").to_lowercase(),
        };
        let shown = self.steps.iter().map(|step| match step {
            Step::Word(role) | Step::Until(_, role) => name(role),
            Step::WordColon(role) => format!("{}:", name(role)),
            Step::Mark(mark) => (*mark).to_owned(),
            Step::Group(open, role) => format!("{}{}{}", *open as char, name(role), super::tokens::closing(*open) as char),
            Step::Name => "logger".to_owned(),
            Step::Trailing => "… (logger)".to_owned(),
        });
        shown.collect::<Vec<_>>().join(" ")
    }
}

/// Takes what a step expects off the front of `text`; `None` where it is not there.
#[inline]
fn run_step<'a>(step: &Step, text: &'a [u8], event: &mut Event<'a>) -> Option<&'a [u8]> {
    match step {
        Step::Word(Role::Time(shape)) => {
            let (stamp, width) = shape.read(text)?;
            event.stamp = stamp;
            text.get(width..)
        }
        Step::Word(Role::Level) => level(text, event),
        Step::Word(Role::Pid) => {
            let width = num::digits(text);
            event.pid = num::uint32(text.get(..width)?)?;
            text.get(width..)
        }
        Step::Word(role) => {
            let end = find_two(text, b' ', b'\t').unwrap_or(text.len());
            let (word, left) = text.split_at_checked(end).filter(|(word, _)| !word.is_empty())?;
            put(*role, word.strip_suffix(b":").unwrap_or(word), event)?;
            Some(left)
        }
        Step::Name => {
            let end = find_two(text, b' ', b'\t').unwrap_or(text.len());
            let (word, left) = text.split_at_checked(end).filter(|(word, _)| !word.is_empty())?;
            // Without a mark behind it a logger is known only by its shape.
            memchr::memchr3(b'=', b'(', b'"', word).is_none().then_some(())?;
            logger(word, event);
            Some(left)
        }
        Step::WordColon(role) => {
            let end = find_two(text, b' ', b'\n').unwrap_or(text.len());
            let (word, left) = text.split_at_checked(end)?;
            put(*role, word.strip_suffix(b":")?, event)?;
            Some(left)
        }
        Step::Mark(mark) => text.strip_prefix(mark.as_bytes()),
        Step::Group(open, role) => {
            if text.first() != Some(open) {
                return None;
            }
            let end = group_end(text, *open)?;
            put(*role, text.get(1..end - 1)?, event)?;
            text.get(end..)
        }
        Step::Until(mark, role) => {
            let mut from = 0;
            loop {
                let at = from + find_mark(text.get(from..)?, mark.as_bytes())?;
                let spaced = |b: Option<&u8>| b.is_none_or(|b| matches!(b, b' ' | b'\t'));
                let alone = *mark == "|" || (at > 0 && spaced(text.get(at - 1)) && spaced(text.get(at + mark.len())));
                if alone || (*mark == ":" && from == 0 && at > 0 && !spaced(text.get(at + 1))) {
                    put(*role, text.get(..at)?.trim_ascii(), event)?;
                    return text.get(at..);
                }
                from = at + mark.len();
            }
        }
        Step::Trailing => {
            let line = text.trim_ascii_end();
            let body = line.strip_suffix(b")")?;
            let open = memchr::memrchr(b'(', body)?;
            let name = body.get(open + 1..)?;
            jvm::is_dotted(name).then(|| event.logger = name)?;
            Some(text.get(..open)?.trim_ascii_end())
        }
    }
}

/// Where a mark of a few bytes first stands.
#[inline]
fn find_mark(text: &[u8], mark: &[u8]) -> Option<usize> {
    let first = *mark.first()?;
    let mut from = 0;
    loop {
        let at = from + find(text.get(from..)?, first)?;
        if text.get(at..)?.starts_with(mark) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Without spaces and tabs in front.
#[inline]
fn skip_spaces(text: &[u8]) -> &[u8] {
    let gap = text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    text.get(gap..).unwrap_or_default()
}

/// A word in capitals, perhaps behind spaces and brackets: levels are, also those that somebody invented.
#[inline]
fn level_like(text: &[u8]) -> bool {
    let gap = text.iter().take_while(|b| matches!(b, b' ' | b'[' | b'\t' | b']' | b'|' | b':' | b'-' | b'<' | b'(')).count();
    matches!(text.get(gap..), Some([b'A'..=b'Z', b'A'..=b'Z', b'A'..=b'Z', ..]))
}

#[inline]
fn level<'a>(text: &'a [u8], event: &mut Event<'a>) -> Option<&'a [u8]> {
    if let Some((severity, width)) = jvm::level(text) {
        event.severity = severity;
        return text.get(width + usize::from(text.get(width) == Some(&b':') && text.get(width + 1) == Some(&b' '))..);
    }
    // A level that somebody invented (`DEPRECATION`, `STATS`): a word in capitals.
    let width = text.iter().take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count();
    let word = text.get(..width).filter(|w| (3..=12).contains(&w.len()))?;
    event.severity = if word == b"DEPRECATION" { Severity::WARN } else { Severity::of_word(word) };
    text.get(width..)
}

/// Puts a column's text where it belongs; `None` where it cannot be that.
#[inline]
fn put<'a>(role: Role, text: &'a [u8], event: &mut Event<'a>) -> Option<()> {
    match role {
        Role::Thread => event.thread = text.trim_ascii(),
        Role::Logger => logger(text.trim_ascii(), event),
        Role::Level => {
            level(text.trim_ascii(), event)?;
        }
        Role::Ids => {
            ids::read(text, event);
        }
        Role::Pid => event.pid = num::uint32(text.trim_ascii()).unwrap_or(0),
        Role::Time(shape) => {
            let (stamp, _): (Stamp, usize) = shape.read(text.trim_ascii_start())?;
            event.stamp = stamp;
        }
        Role::ThreadAtLogger => match memchr::memrchr(b':', text) {
            Some(at) => {
                event.thread = text.get(..at)?;
                let place = text.get(at + 1..)?;
                let at = memchr::memchr(b'@', place).unwrap_or(place.len());
                event.logger = place.get(..at)?;
                event.line = place.get(at + 1..).and_then(num::uint32).unwrap_or(0);
            }
            None => event.thread = text,
        },
        Role::ThreadThenLogger => {
            let at = memchr::memrchr(b' ', text).map_or(0, |at| at + 1);
            let (thread, name) = text.split_at_checked(at)?;
            event.thread = thread.trim_ascii();
            logger(name, event);
        }
        Role::Node => event.host = text.trim_ascii(),
        Role::App => event.service = text.trim_ascii(),
        Role::Skip => {}
    }
    Some(())
}

/// A logger column may name a source file and line instead: `Foo:54`, `CassandraDaemon.java:401`.
#[inline]
fn logger<'a>(text: &'a [u8], event: &mut Event<'a>) {
    event.logger = text;
    if !text.last().is_some_and(u8::is_ascii_digit) {
        return;
    }
    let name = without_line(text);
    if name.len() < text.len() {
        event.logger = name;
        event.line = text.get(name.len() + 1..).and_then(num::uint32).unwrap_or(0);
        if [&b".java"[..], b".kt", b".scala", b".groovy", b".py"].iter().any(|tail| name.ends_with(tail)) {
            event.file = name;
        }
    }
}
