//! Words that every JVM logger shares: levels, class names, where a stack trace begins.

use crate::severity::Severity;

/// The level word at the start of `text` and its length, where a level ends there (`INFO`, not `INFORMED`). Upper case
/// only: that is how logback, log4j, java.util.logging and JBoss write it.
#[inline]
pub fn level(text: &[u8]) -> Option<(Severity, usize)> {
    let found = match text {
        [b'I', b'N', b'F', b'O', ..] => (Severity::INFO, 4),
        [b'D', b'E', b'B', b'U', b'G', ..] | [b'F', b'I', b'N', b'E', b'R', ..] => (Severity::DEBUG, 5),
        [b'W', b'A', b'R', b'N', b'I', b'N', b'G', ..] => (Severity::WARN, 7),
        [b'W', b'A', b'R', b'N', ..] => (Severity::WARN, 4),
        [b'E', b'R', b'R', b'O', b'R', ..] => (Severity::ERROR, 5),
        [b'T', b'R', b'A', b'C', b'E', ..] => (Severity::TRACE, 5),
        [b'F', b'A', b'T', b'A', b'L', ..] => (Severity::FATAL, 5),
        [b'S', b'E', b'V', b'E', b'R', b'E', ..] => (Severity::ERROR, 6),
        [b'C', b'O', b'N', b'F', b'I', b'G', ..] => (Severity(7), 6),
        [b'F', b'I', b'N', b'E', b'S', b'T', ..] => (Severity::TRACE, 6),
        [b'F', b'I', b'N', b'E', ..] => (Severity(6), 4),
        [b'N', b'O', b'T', b'I', b'C', b'E', ..] => (Severity::NOTICE, 6),
        [b'C', b'R', b'I', b'T', b'I', b'C', b'A', b'L', ..] => (Severity::FATAL, 8),
        _ => return None,
    };
    let ends = text.get(found.1).is_none_or(|b| !b.is_ascii_alphanumeric() && *b != b'_');
    ends.then_some(found)
}

/// A dotted Java name (`com.acme.Foo$Bar`, `o.e.n.Node`, `kafka.server.KafkaServer`): at least one dot, segments that
/// are identifiers.
pub fn is_dotted(text: &[u8]) -> bool {
    let ident = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$') || *b >= 0x80;
    let mut segments = 0;
    for segment in text.split(|b| *b == b'.') {
        if segment.is_empty() || !segment.iter().all(ident) || segment.first().is_some_and(u8::is_ascii_digit) {
            return false;
        }
        segments += 1;
    }
    segments >= 2
}

/// A line that heads a stack trace: `java.sql.SQLException`, `com.acme.FooError: text`; not a sentence with a dot.
pub fn exception_head(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = line.strip_prefix(b"Exception in thread ").map_or(line, |rest| {
        let end = rest.get(1..).and_then(|r| memchr::memchr(b'"', r)).map_or(0, |n| n + 2);
        rest.get(end..).unwrap_or_default().trim_ascii_start()
    });
    let end = line.iter().position(|b| matches!(b, b':' | b' ' | b'\n' | b'\r')).unwrap_or(line.len());
    let (name, rest) = line.split_at_checked(end)?;
    let last = name.rsplit(|b| matches!(b, b'.' | b'$')).next()?;
    let class = is_dotted(name) && last.first().is_some_and(u8::is_ascii_uppercase);
    match rest {
        [b':', b' ', message @ ..] => class.then_some((name, message)),
        [b':', message @ ..] => (class && throwable(last)).then_some((name, message)),
        [b' ', ..] => None,
        _ => class.then_some((name, b"")),
    }
}

/// Does a class's simple name say that it is thrown?
pub fn throwable(name: &[u8]) -> bool {
    [&b"Exception"[..], b"Error", b"Throwable", b"Failure", b"Timeout", b"Fault", b"Snapshot", b"CallStack"]
        .iter()
        .any(|tail| name.ends_with(tail))
}

/// A line of a stack trace that is not its head.
pub fn is_frame(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    let indented = text.len() < line.len();
    (indented && (text.starts_with(b"at ") || text.starts_with(b"...") || text.starts_with(b"Suppressed: ")))
        || text.starts_with(b"Caused by: ")
        || text.starts_with(b"Wrapped by: ")
}

/// Splits a record's text into the message (one line or more) and the stack trace behind it.
pub fn split_stack(text: &[u8]) -> (&[u8], &[u8]) {
    let mut at = match memchr::memchr(b'\n', text) {
        Some(end) => end + 1,
        None => return (text, b""),
    };
    let starts_elsewhere = |line: &[u8]| line.starts_with(b"Traceback (most recent call last)") || line.starts_with(b"panic: ");
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..end).unwrap_or_default();
        if is_frame(line) || exception_head(line).is_some() || starts_elsewhere(line) {
            let message = text.get(..at).unwrap_or_default();
            return (message.trim_ascii_end(), rest);
        }
        at += end + 1;
    }
    (text, b"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_end_where_words_end() {
        assert_eq!(level(b"WARN  x"), Some((Severity::WARN, 4)));
        assert_eq!(level(b"WARNING: x"), Some((Severity::WARN, 7)));
        assert_eq!(level(b"INFORMED"), None);
        assert_eq!(level(b"Info"), None);
        assert_eq!(level(b"ERROR]"), Some((Severity::ERROR, 5)));
    }

    #[test]
    fn stacks_are_split_from_messages() {
        assert_eq!(split_stack(b"a\nb"), (&b"a\nb"[..], &b""[..]));
        assert_eq!(
            split_stack(b"a\njava.lang.E: x\n\tat b.C.d(C.java:1)"),
            (&b"a"[..], &b"java.lang.E: x\n\tat b.C.d(C.java:1)"[..])
        );
        assert_eq!(split_stack(b"a\nb c\n\tat b.C.d(C.java:1)"), (&b"a\nb c"[..], &b"\tat b.C.d(C.java:1)"[..]));
        assert_eq!(exception_head(b"java.sql.SQLException: a: b"), Some((&b"java.sql.SQLException"[..], &b"a: b"[..])));
        assert_eq!(exception_head(b"Exception in thread \"main\" a.B: c"), Some((&b"a.B"[..], &b"c"[..])));
        assert_eq!(exception_head(b"a sentence. With dots"), None);
        assert_eq!(exception_head(b"localhost.localdomain: x"), None);
    }
}
