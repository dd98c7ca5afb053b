//! `java.util.logging`: `SimpleFormatter`'s two lines in several languages, and Tomcat's `OneLineFormatter`.
//!
//! ```text
//! Nov 20, 2026 10:16:00 AM org.apache.catalina.core.StandardService startInternal
//! INFO: Starting service [Catalina]
//! 20-Nov-2026 10:16:00.887 INFO [main] org.apache.catalina.startup.Catalina.start Server startup in [1234] milliseconds
//! ```

use crate::event::{Arena, Event};
use crate::layout::{Inferred, Layout, LayoutSpec, Line};
use crate::prim::date_shapes::Shape;
use crate::prim::{jvm, text};
use crate::reject::{Reason, Reject};
use crate::sample::Sample;
use crate::severity::Severity;
use crate::spec::Example;
use crate::stamp::{Stamp, Written};

/// The registry's row.
pub(super) static SPEC: LayoutSpec = LayoutSpec {
    name: "jul",
    about: "java.util.logging: SimpleFormatter in several languages, Tomcat's one-line form",
    spec: "JDK java.util.logging.SimpleFormatter; Tomcat org.apache.juli.OneLineFormatter",
    weight: 85,
    infer,
    examples: &[
        Example {
            line: "Nov 20, 2026 10:16:00 AM com.acme.Shop start\nINFO: ready",
            shows: &[
                ("time", "2026-11-20T10:16:00"),
                ("severity", "INFO"),
                ("logger", "com.acme.Shop"),
                ("code.function.name", "com.acme.Shop start"),
                ("message", "ready"),
            ],
        },
        Example {
            line: "20-Nov-2026 10:16:00.887 SEVERE [http-nio-8080-exec-1] org.apache.catalina.core.StandardWrapperValve.invoke Servlet threw exception",
            shows: &[
                ("time", "2026-11-20T10:16:00.887"),
                ("severity", "ERROR"),
                ("thread.name", "http-nio-8080-exec-1"),
                ("logger", "org.apache.catalina.core.StandardWrapperValve"),
                ("code.function.name", "org.apache.catalina.core.StandardWrapperValve.invoke"),
                ("message", "Servlet threw exception"),
            ],
        },
    ],
};

/// What the JDK's resource bundles call the levels.
const LEVELS: &[(&str, Severity)] = &[
    ("SEVERE", Severity::ERROR),
    ("WARNING", Severity::WARN),
    ("INFO", Severity::INFO),
    ("CONFIG", Severity(7)),
    ("FINE", Severity(6)),
    ("FINER", Severity::DEBUG),
    ("FINEST", Severity::TRACE),
    ("SCHWERWIEGEND", Severity::ERROR),
    ("WARNUNG", Severity::WARN),
    ("INFORMATION", Severity::INFO),
    ("INFORMATIONEN", Severity::INFO),
    ("KONFIGURATION", Severity(7)),
    ("FEIN", Severity(6)),
    ("FEINER", Severity::DEBUG),
    ("AM FEINSTEN", Severity::TRACE),
    ("GRAVE", Severity::ERROR),
    ("AVERTISSEMENT", Severity::WARN),
    ("INFOS", Severity::INFO),
    ("PRÉCIS", Severity(6)),
    ("ADVERTENCIA", Severity::WARN),
    ("INFORMACIÓN", Severity::INFO),
    ("AVVERTENZA", Severity::WARN),
    ("INFORMAZIONI", Severity::INFO),
    ("ADVERTÊNCIA", Severity::WARN),
    ("INFORMAÇÕES", Severity::INFO),
    ("ALLVARLIG", Severity::ERROR),
    ("VARNING", Severity::WARN),
    ("致命的", Severity::ERROR),
    ("重大", Severity::ERROR),
    ("警告", Severity::WARN),
    ("情報", Severity::INFO),
    ("严重", Severity::ERROR),
    ("信息", Severity::INFO),
    ("심각", Severity::ERROR),
    ("경고", Severity::WARN),
    ("정보", Severity::INFO),
    ("СЕРЬЕЗНЫЙ", Severity::ERROR),
    ("ПРЕДУПРЕЖДЕНИЕ", Severity::WARN),
    ("ИНФОРМАЦИЯ", Severity::INFO),
];

/// Month names as `%tb` writes them elsewhere, without a final point; English ones are read by `prim::time`.
const MONTHS: &[(&str, u32)] = &[
    ("janv", 1),
    ("févr", 2),
    ("mars", 3),
    ("avr", 4),
    ("mai", 5),
    ("juin", 6),
    ("juil", 7),
    ("août", 8),
    ("sept", 9),
    ("oct", 10),
    ("nov", 11),
    ("déc", 12),
    ("Jän", 1),
    ("Mär", 3),
    ("März", 3),
    ("Mai", 5),
    ("Juni", 6),
    ("Juli", 7),
    ("Okt", 10),
    ("Dez", 12),
    ("Sept", 9),
    ("ene", 1),
    ("feb", 2),
    ("mar", 3),
    ("abr", 4),
    ("may", 5),
    ("jun", 6),
    ("jul", 7),
    ("ago", 8),
    ("sep", 9),
    ("dic", 12),
    ("gen", 1),
    ("mag", 5),
    ("giu", 6),
    ("lug", 7),
    ("set", 9),
    ("ott", 10),
    ("jan", 1),
    ("fev", 2),
    ("out", 10),
    ("dez", 12),
    ("apr", 4),
    ("maj", 5),
    ("aug", 8),
    ("okt", 10),
    ("dec", 12),
    ("янв", 1),
    ("февр", 2),
    ("мар", 3),
    ("апр", 4),
    ("мая", 5),
    ("июн", 6),
    ("июл", 7),
    ("авг", 8),
    ("сент", 9),
    ("окт", 10),
    ("нояб", 11),
    ("дек", 12),
    ("一月", 1),
    ("二月", 2),
    ("三月", 3),
    ("四月", 4),
    ("五月", 5),
    ("六月", 6),
    ("七月", 7),
    ("八月", 8),
    ("九月", 9),
    ("十月", 10),
    ("十一月", 11),
    ("十二月", 12),
];

fn infer(sample: &Sample<'_>) -> Option<Inferred> {
    let two = sample
        .lines
        .windows(2)
        .any(|pair| matches!(pair, [head, level] if two_line(head).is_some() && level_line(level).is_some()));
    // A sample of one line may have been cut before the second.
    let two = two || matches!(sample.lines.as_slice(), [only] if two_line(only).is_some());
    let one = sample.lines.iter().any(|line| one_line(line).is_some());
    let reason = match (two, one) {
        (true, true) => "SimpleFormatter and OneLineFormatter",
        (true, false) => "SimpleFormatter, two lines a record",
        (false, true) => "Tomcat's OneLineFormatter",
        (false, false) => return None,
    };
    Some(Inferred { layout: Box::new(Jul { two, one }), reason: reason.into() })
}

struct Jul {
    two: bool,
    one: bool,
}

impl Layout for Jul {
    fn line(&self, line: &[u8]) -> Line {
        let begins = line.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
        if begins && ((self.one && one_line(line).is_some()) || (self.two && two_line(line).is_some())) {
            Line::Start
        } else {
            Line::Continue
        }
    }

    fn parse<'a>(&self, record: &'a [u8], _: &'a Arena, event: &mut Event<'a>) -> Result<(), Reject> {
        let (line, rest) = text::first_line(record);
        if let Some(head) = one_line(line).filter(|_| self.one) {
            event.stamp = head.stamp;
            event.severity = head.severity;
            event.thread = head.thread;
            source(head.source, event);
            let from = line.len() - head.message.len();
            let (message, stack) = jvm::split_stack(record.get(from..).unwrap_or_default());
            event.message = message.trim_ascii_end();
            event.stack = stack;
            return Ok(());
        }
        let (stamp, origin) = two_line(line).ok_or(Reject::new(Reason::BadTime, 0))?;
        event.stamp = stamp;
        event.function = origin;
        event.logger = origin.split(|b| *b == b' ').next().unwrap_or(origin);
        let (severity, message) = level_line(rest).ok_or(Reject::new(Reason::Truncated, line.len()))?;
        event.severity = severity;
        let (message, stack) = jvm::split_stack(message);
        event.message = message.trim_ascii_end();
        event.stack = stack;
        Ok(())
    }
}

/// `pkg.Class.method`: the logger is the class, as far as the name says.
fn source<'a>(name: &'a [u8], event: &mut Event<'a>) {
    event.logger = name;
    if let Some(at) = memchr::memrchr(b'.', name)
        && name.get(at + 1).is_some_and(|b| b.is_ascii_lowercase() || *b == b'<')
    {
        event.logger = name.get(..at).unwrap_or(name);
        event.function = name;
    }
}

struct OneLine<'a> {
    stamp: Stamp,
    severity: Severity,
    thread: &'a [u8],
    source: &'a [u8],
    message: &'a [u8],
}

/// `dd-MMM-yyyy HH:mm:ss.SSS LEVEL [thread] class.method message`.
fn one_line(line: &[u8]) -> Option<OneLine<'_>> {
    (line.get(2) == Some(&b'-') && line.get(6) == Some(&b'-')).then_some(())?;
    let (stamp, width) = Shape::DayFirst.read(line)?;
    let rest = line.get(width..)?.strip_prefix(b" ")?;
    let end = memchr::memmem::find(rest.get(..rest.len().min(40))?, b" [")?;
    let severity = level(rest.get(..end)?)?;
    let rest = rest.get(end + 2..)?;
    // Threads hold brackets of their own: `ContainerBackgroundProcessor[StandardEngine[Catalina]]`.
    let close = memchr::memmem::find(rest, b"] ")?;
    let thread = rest.get(..close)?;
    let rest = rest.get(close + 2..)?;
    let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    let (source, message) = rest.split_at_checked(end)?;
    jvm::is_dotted(source.strip_suffix(b".<init>").or_else(|| source.strip_suffix(b".<clinit>")).unwrap_or(source))
        .then_some(())?;
    Some(OneLine { stamp, severity, thread, source, message: message.trim_ascii_start() })
}

/// The first of the two lines: a time of any locale, then `class method` (or a logger's name).
fn two_line(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (stamp, width) = local_time(line)?;
    let origin = line.get(width..)?.strip_prefix(b" ")?.trim_ascii_end();
    let mut words = origin.split(|b| *b == b' ');
    let class = words.next()?;
    let method = words.next();
    let fine = jvm::is_dotted(class)
        || (method.is_some() && class.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'$' | b'_')));
    // A hidden class (`A$$Lambda/0x…`) has a slash; at most class and method follow the time.
    (fine && words.next().is_none()).then_some((stamp, origin))
}

/// `Nov 20, 2026 10:16:00 AM`, `20.11.2026 10:16:00`, `20 nov. 2026 10:16:00`, `十一月 20, 2026 10:16:00 上午`.
fn local_time(line: &[u8]) -> Option<(Stamp, usize)> {
    if let Some(found) = Shape::TwelveHour.read(line) {
        return Some(found);
    }
    if line.first().is_some_and(u8::is_ascii_digit)
        && let Some(found) =
            Shape::of(line).filter(|s| matches!(s, Shape::Iso | Shape::Dmy | Shape::Mdy)).and_then(|s| s.read(line))
    {
        return Some(found);
    }
    // Words and numbers in either order: `20 nov. 2026 10:16:00`, `nov. 20, 2026 10:16:00 AM`.
    let mut at = 0;
    let (mut day, mut month, mut year) = (0, 0, 0);
    for word in line.split(|b| *b == b' ').take(3) {
        let bare = word.strip_suffix(b",").or_else(|| word.strip_suffix(b".")).unwrap_or(word);
        match crate::prim::num::uint32(bare) {
            Some(number) if bare.len() == 4 => year = number,
            Some(number) => day = number,
            None => month = month_of(bare)?,
        }
        at += word.len() + 1;
    }
    let valid = (1..=31).contains(&day) && month > 0 && (1990..2100).contains(&year);
    let (clock, width) = valid.then(|| clock(line.get(at..)?)).flatten()?;
    let days = crate::prim::time::days(year.cast_signed(), month, day);
    Some((Stamp { nanos: (days * 86_400 + clock) * 1_000_000_000, written: Written::Local, digits: 0 }, at + width))
}

fn month_of(word: &[u8]) -> Option<u32> {
    const ENGLISH: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let own = MONTHS.iter().find(|(name, _)| name.as_bytes() == word).map(|(_, month)| *month);
    own.or_else(|| ENGLISH.iter().position(|name| *name == word).and_then(|n| u32::try_from(n + 1).ok()))
}

/// `10:16:00`, `9:16:00 PM`, `10:16:00 上午`: seconds of the day and bytes taken.
fn clock(text: &[u8]) -> Option<(i64, usize)> {
    let width = crate::prim::num::digits(text);
    let hour = crate::prim::num::uint32(text.get(..width)?)?;
    let [b':', m1, m2, b':', s1, s2] = *text.get(width..width + 6)?.first_chunk::<6>()? else { return None };
    let (minute, second) = (crate::prim::num::uint32(&[m1, m2])?, crate::prim::num::uint32(&[s1, s2])?);
    let mut taken = width + 6;
    let tail = text.get(taken..)?;
    let half = ["AM", "PM", "上午", "下午", "午前", "午後", "오전", "오후", "a. m.", "p. m."];
    let found = half.iter().position(|h| tail.get(1..).is_some_and(|t| t.starts_with(h.as_bytes())));
    let hour = match found {
        Some(index) => {
            taken += 1 + half.get(index).map_or(0, |h| h.len());
            hour % 12 + if index % 2 == 1 { 12 } else { 0 }
        }
        None => hour,
    };
    (hour < 24 && minute < 60 && second <= 60).then(|| (i64::from(hour * 3600 + minute * 60 + second), taken))
}

fn level(word: &[u8]) -> Option<Severity> {
    LEVELS.iter().find(|(name, _)| name.as_bytes() == word).map(|(_, severity)| *severity).or_else(|| {
        let (severity, width) = jvm::level(word)?;
        (width == word.len()).then_some(severity)
    })
}

/// `LEVEL: message`, with a space before the colon in French.
fn level_line(text: &[u8]) -> Option<(Severity, &[u8])> {
    let text = text.trim_ascii_start();
    let at = memchr::memchr(b':', text.get(..text.len().min(48))?)?;
    let word = text.get(..at)?;
    let word = word.strip_suffix("\u{a0}".as_bytes()).unwrap_or(word).trim_ascii_end();
    Some((level(word)?, text.get(at + 1..)?.strip_prefix(b" ").unwrap_or(text.get(at + 1..)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_other_languages_are_read() {
        for (line, want) in [
            ("Nov 20, 2026 10:16:00 PM a.B c", "2026-11-20T22:16:00"),
            ("20.11.2026 10:16:00 a.B c", "2026-11-20T10:16:00"),
            ("20 nov. 2026 10:16:00 a.B c", "2026-11-20T10:16:00"),
            ("nov 20, 2026 10:16:00 PM a.B c", "2026-11-20T22:16:00"),
            ("十一月 20, 2026 10:16:00 下午 a.B c", "2026-11-20T22:16:00"),
            ("2026-11-20 10:16:00 a.B c", "2026-11-20T10:16:00"),
            ("Nov. 20, 2026 10:16:01 AM a.B c", "2026-11-20T10:16:01"),
        ] {
            let (stamp, origin) = two_line(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((crate::prim::time::show(stamp).as_str(), origin), (want, &b"a.B c"[..]), "{line}");
        }
        assert!(two_line(b"Nov 20, 2026 10:16:00 AM a sentence of words").is_none());
    }

    #[test]
    fn levels_of_other_languages_are_read() {
        assert_eq!(level_line(b"INFORMATION: x"), Some((Severity::INFO, &b"x"[..])));
        assert_eq!(level_line("情報: x".as_bytes()), Some((Severity::INFO, &b"x"[..])));
        assert_eq!(level_line(b"GRAVE: x"), Some((Severity::ERROR, &b"x"[..])));
        assert_eq!(level_line(b"hello: x"), None);
    }
}
