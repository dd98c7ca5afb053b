//! Text with a time somewhere near the start of a line: the fallback that keeps an unknown producer on the timeline.
//!
//! A time of any shape, then perhaps a level, then the message. Lines without a time continue the record above.
//!
//! ```text
//! 2026-11-20 10:15:20 worker 7 WARN queue is long
//! ```

use crate::event::{Arena, Event};
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::{head, num, text, time, trace};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::{Stamp, Written};

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "generic",
    about: "any line with a time near its start: time, level, message",
    spec: "none: the shapes of time of prim/time",
    weight: 12,
    infer,
    examples: &[
        Example {
            line: "2026-11-20 10:15:20 worker 7 WARN queue is long",
            shows: &[("time", "2026-11-20T10:15:20"), ("severity", "WARN"), ("message", "queue is long")],
        },
        Example {
            line: "node-3 <20 Nov 2026 10:21:19.554> up",
            shows: &[("time", "2026-11-20T10:21:19.554"), ("message", "up")],
        },
        Example {
            line: "20261120.101520,136:ERROR:no room",
            shows: &[("time", "2026-11-20T10:15:20.136"), ("severity", "ERROR"), ("message", "no room")],
        },
    ],
};

/// How far into a line its time may begin.
const REACH: usize = 40;

struct Generic {
    /// Every timed line of the sample has its time in the first column or behind one bracket.
    front: bool,
    /// Times of day alone count.
    clock: bool,
}

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    let (mut front, mut deep, mut clock, mut loose) = (0usize, 0usize, 0usize, 0usize);
    for line in &sample.lines {
        match find(line, true, true) {
            Some((stamp, at, _)) => {
                front += usize::from(at <= 1);
                deep += usize::from(at > 1);
                clock += usize::from(stamp.written == Written::NoDate);
            }
            None => loose += usize::from(!trace::is_part(line)),
        }
    }
    let timed = front + deep;
    // A text with a stray time in it is no log.
    if timed == 0 || timed * 8 < loose {
        return None;
    }
    let reason = if front >= deep { "lines that begin with a time" } else { "a time near the start of lines" };
    Some(Inferred { layout: Box::new(Generic { front: deep * 10 < front, clock: clock * 2 > timed }), reason: reason.into() })
}

/// The first time in a line: stamp, where it begins, where it ends.
fn find(line: &[u8], deep: bool, clock: bool) -> Option<(Stamp, usize, usize)> {
    let mut at = 0;
    while at < line.len().min(REACH) {
        let rest = line.get(at..)?;
        let first = *rest.first()?;
        if (first.is_ascii_digit() || first.is_ascii_uppercase())
            && let Some((stamp, width)) = one(rest, clock)
            && (at == 0 || num::digits(rest) < 10 || line.get(at - 1) == Some(&b'['))
        {
            return Some((stamp, at, at + width));
        }
        let step = rest
            .iter()
            .position(|b| matches!(b, b' ' | b'\t' | b'[' | b'(' | b'<' | b'|' | b':' | b'"' | b'\'' | b',' | b'='))?;
        at += step + 1;
        if !deep && at > 1 {
            return None;
        }
    }
    None
}

fn one(text: &[u8], clock: bool) -> Option<(Stamp, usize)> {
    let found = match text.first()? {
        b'0'..=b'9' => time::any(text)
            .or_else(|| dense(text))
            .or_else(|| of_year(text))
            .or_else(|| time::time_only(text).filter(|_| clock)),
        _ => zoned_ctime(text).or_else(|| time::any(text)),
    };
    // An epoch number must be closed by a mark: ten digits are often an id.
    found.filter(|(stamp, width)| {
        let digits = num::digits(text);
        digits < 10
            || *width > digits
            || stamp.written != Written::Instant
            || matches!(text.get(*width), Some(b']' | b':' | b' ')) && digits == 10
    })
}

/// `20261120 10:20:36`, `20120702.102240,672`, `20261120T101520Z`, `20261120101606348`.
fn dense(text: &[u8]) -> Option<(Stamp, usize)> {
    let digits = num::digits(text);
    let (date, clock, end): (&[u8], Vec<u8>, usize) = match digits {
        8 => match text.get(8)? {
            b' ' | b'T' | b'-' | b'.' | b'_' => {
                let rest = text.get(9..)?;
                match num::digits(rest) {
                    2 => (text.get(..8)?, rest.get(..8)?.to_vec(), 17),
                    6 => (text.get(..8)?, colons(rest.get(..6)?), 15),
                    _ => return None,
                }
            }
            _ => return None,
        },
        14 | 17 => (text.get(..8)?, colons(text.get(8..14)?), 14),
        _ => return None,
    };
    let mut padded = Vec::with_capacity(48);
    for (index, byte) in date.iter().enumerate() {
        if index == 4 || index == 6 {
            padded.push(b'-');
        }
        padded.push(*byte);
    }
    padded.push(b' ');
    padded.extend_from_slice(&clock);
    let tail = text.get(end..).unwrap_or_default();
    if digits == 17 {
        padded.push(b'.');
    }
    padded.extend_from_slice(tail.get(..16).unwrap_or(tail));
    let (stamp, width) = time::iso(&padded)?;
    Some((stamp, end + width - 19 - usize::from(digits == 17)))
}

fn colons(clock: &[u8]) -> Vec<u8> {
    clock.chunks(2).collect::<Vec<_>>().join(&b':')
}

/// `2012-025T10:22:40,672`: the day of the year (ISO 8601 ordinal date).
fn of_year(text: &[u8]) -> Option<(Stamp, usize)> {
    (text.get(4) == Some(&b'-') && matches!(text.get(8), Some(b'T' | b' '))).then_some(())?;
    let year = i32::try_from(num::uint(text.get(..4)?)?).ok()?;
    let day = num::uint(text.get(5..8)?).filter(|d| (1..=366).contains(d))?;
    let (clock, width) = time::time_only(text.get(9..)?)?;
    let days = time::days(year, 1, 1) + i64::try_from(day).ok()? - 1;
    (1970..2200).contains(&year).then_some((
        Stamp { nanos: days * 86_400_000_000_000 + clock.nanos, written: Written::Local, digits: clock.digits },
        9 + width,
    ))
}

/// `Wed May 19 08:00:01 EST 2021`, as `date` prints it.
fn zoned_ctime(text: &[u8]) -> Option<(Stamp, usize)> {
    let zone = text.get(20..24)?;
    let letters = zone.iter().take_while(|b| b.is_ascii_uppercase()).count();
    ((3..=4).contains(&letters) && text.get(19) == Some(&b' ')).then_some(())?;
    let at = 20 + letters;
    let year = text.get(at..at + 5)?.strip_prefix(b" ")?;
    let mut joined = [b' '; 24];
    joined.get_mut(..19)?.copy_from_slice(text.get(..19)?);
    joined.get_mut(20..)?.copy_from_slice(year);
    let (mut stamp, _) = time::ctime(&joined)?;
    if matches!(zone.get(..letters)?, b"UTC" | b"GMT") {
        stamp.written = Written::Instant;
    }
    Some((stamp, at + 5))
}

impl Layout for Generic {
    fn line(&self, line: &[u8]) -> Line {
        match line.first() {
            None | Some(b' ' | b'\t') if self.front => Line::Continue,
            Some(0x1b) => {
                let mut buffer = [0; 256];
                if find(head::uncoloured(line, &mut buffer), !self.front, self.clock).is_some() {
                    Line::Start
                } else {
                    Line::Continue
                }
            }
            _ if find(line, !self.front, self.clock).is_some() => Line::Start,
            _ => Line::Continue,
        }
    }

    fn parse<'a>(&self, record: &'a [u8], arena: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let record = text::strip_ansi(record, arena);
        let (stamp, at, end) = find(record, !self.front, self.clock).ok_or(Reject::new(Reason::BadTime, 0))?;
        event.stamp = stamp;
        // A level may stand in front of the time, too: `INFO 2026-11-20 …`.
        let lead = record.get(..at).unwrap_or_default();
        let before = lead.split(|b| !b.is_ascii_alphabetic()).find_map(|w| head::severity_of(w).filter(|_| w.len() > 3));
        let rest = record.get(end..).unwrap_or_default();
        let rest = rest
            .get(
                rest.iter()
                    .take_while(|b| matches!(b, b' ' | b'\t' | b']' | b')' | b'>' | b'|' | b':' | b',' | b'-' | b'"'))
                    .count()..,
            )
            .unwrap_or_default();
        let (severity, body) = match head::find_level(rest) {
            Some(found) => found,
            None => (before.unwrap_or(event.severity), rest),
        };
        if severity != Severity::NONE {
            event.severity = severity;
        }
        head::settle(body, event);
        Ok(())
    }
}
