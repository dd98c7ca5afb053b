//! Records with a stack trace, of any language: what was thrown. Asked last, so that what a pool or driver means by its
//! exception is known before.
//!
//! ```text
//! GET /orders/7 failed
//! java.lang.IllegalStateException: order is closed        error.type = java.lang.IllegalStateException
//! ```

use crate::event::{Arena, Event};
use crate::frames;
use crate::kind::Kind;
use crate::prim::jvm;
use crate::recogniser::RecogniserSpec;
use crate::severity::Severity;
use crate::spec::Example;

/// The registry's row.
pub(super) static SPEC: RecogniserSpec = RecogniserSpec {
    name: "exceptions",
    about: "errors with a stack trace, of every language: the type of what was thrown",
    spec: "the languages' own trace formats",
    needles: &[
        "Exception",
        "Error: ",
        "Error:",
        "Error (",
        "\tat ",
        "    at ",
        "Traceback (most recent call last)",
        "panic: ",
        "fatal error: ",
        "panicked at ",
        "Stack trace:",
        "[stacktrace]",
        "** (",
        ".rb:",
        "goroutine ",
    ],
    recognise,
    examples: &[
        Example {
            line: "GET /orders/7 failed\njava.lang.IllegalStateException: order is closed\n\tat com.acme.shop.Orders.get(Orders.java:12)",
            shows: &[("kind", "error"), ("error.type", "java.lang.IllegalStateException")],
        },
        Example {
            line: "boom\nTraceback (most recent call last):\n  File \"/app/a.py\", line 1, in f\nKeyError: 'x'",
            shows: &[("kind", "error"), ("error.type", "KeyError")],
        },
        Example { line: "nothing to see: no Exception here", shows: &[("kind", "log"), ("error.type", "")] },
    ],
};

fn recognise<'a>(event: &mut Event<'a>, _: &'a Arena) -> bool {
    if event.kind != Kind::Log {
        return false;
    }
    let traced =
        !event.stack.is_empty() && (frames::language(event.stack).is_some() || jvm::exception_head(event.stack).is_some());
    let found = if traced { frames::exception(event.stack) } else { None };
    let found = found.or_else(|| if event.severity >= Severity::ERROR || traced { said(event.message) } else { None });
    let Some((name, _)) = found else { return false };
    if event.error_type.is_empty() {
        event.error_type = name;
    }
    // Below a warning a trace is somebody's diagnosis, not a failure.
    if event.severity == Severity::NONE || event.severity >= Severity::WARN {
        event.kind = Kind::Error;
        return true;
    }
    false
}

/// The first word of a message that names something thrown, by its dotted name or followed by a colon.
fn said(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let head = |line| jvm::exception_head(line).filter(|(name, _)| thrown(name));
    if let Some(found) = message.split(|b| *b == b'\n').take(40).find_map(head) {
        return Some(found);
    }
    let (line, _) = crate::prim::text::first_line(message);
    for word in line.split(|b| matches!(b, b' ' | b'(' | b'[' | b'"' | b',' | b';' | b'=')) {
        let name = word.split(|b| *b == b':').find(|part| jvm::is_dotted(part) && thrown(part));
        if let Some(name) = name {
            return Some((name, b""));
        }
        let simple = word.strip_suffix(b":").unwrap_or_default();
        if simple.len() > 5
            && simple.first().is_some_and(u8::is_ascii_uppercase)
            && thrown(simple)
            && simple.iter().all(u8::is_ascii_alphanumeric)
        {
            return Some((simple, b""));
        }
    }
    None
}

fn thrown(name: &[u8]) -> bool {
    let last = name.rsplit(|b| matches!(b, b'.' | b'$')).next().unwrap_or_default();
    let generic = matches!(last, b"Error" | b"Exception") && last.len() == name.len();
    !generic
        && [&b"Exception"[..], b"Error", b"Throwable"].iter().any(|tail| last.ends_with(tail))
        && last.first().is_some_and(u8::is_ascii_uppercase)
}
