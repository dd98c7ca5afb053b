//! Rust backtraces: `   4: symbol::path::h0123456789abcdef`, and on the next line `at ./src/main.rs:31:39`; innermost first.

use super::{Frame, Language, Read, Reader, begins, holds};
use crate::prim::{num, text};
use std::borrow::Cow;

pub(super) static READER: Reader = Reader { language: Language::Rust, reversed: false, last_block: false, read };

const LIBRARIES: &[&str] = &[
    "std::",
    "core::",
    "alloc::",
    "tokio::",
    "tokio_",
    "futures",
    "sqlx",
    "diesel::",
    "deadpool",
    "bb8",
    "r2d2",
    "hyper",
    "axum::",
    "actix",
    "tower",
    "tracing",
    "rayon",
    "rust_begin_unwind",
    "__rust",
    "_start",
    "__libc",
    "main",
    "clone",
    "start_thread",
    "backtrace",
    "anyhow::",
    "async_std::",
    "crossbeam",
    "warp::",
    "rocket::",
    "reqwest::",
    "tonic::",
    "sea_orm::",
    "test::",
    "color_eyre",
];

fn read<'a>(line: &'a [u8], rest: &'a [u8]) -> Read<'a> {
    frame(line, rest).map_or(Read::Other, |(frame, library)| Read::Call(frame, library))
}

fn frame<'a>(line: &'a [u8], rest: &'a [u8]) -> Option<(Frame<'a>, bool)> {
    let body = line.strip_prefix(b"  ")?.trim_ascii_start();
    let width = num::digits(body);
    (width > 0 && width <= 4).then_some(())?;
    let symbol = body.get(width..)?.strip_prefix(b": ")?.trim_ascii();
    // `0x55d0c0ffee - symbol` in full backtraces.
    let symbol = symbol.strip_prefix(b"0x").and_then(|s| text::after(s, b" - ")).unwrap_or(symbol);
    let (next, _) = text::first_line(rest);
    let place = next.trim_ascii().strip_prefix(b"at ").filter(|_| next.first().is_some_and(u8::is_ascii_whitespace));
    let place = place.and_then(|p| {
        let (before, number) = super::path_line(p)?;
        Some(super::path_line(before).unwrap_or((before, number)))
    });
    // Without a place only a path is a symbol: `  0: text` is a line of a list of causes.
    (place.is_some() || (memchr::memmem::find(symbol, b"::").is_some() && memchr::memchr(b' ', symbol).is_none()))
        .then_some(())?;
    let (file, number) = place.unwrap_or((b"", 0));
    let bare = symbol.strip_prefix(b"<").unwrap_or(symbol);
    let exact = matches!(bare, b"main" | b"clone" | b"_start" | b"start_thread");
    let library = exact
        || LIBRARIES.iter().filter(|l| !matches!(**l, "main" | "clone" | "_start")).any(|l| begins(bare, &[l]))
        || holds(
            file,
            &["/rustc/", ".cargo/registry", ".cargo/git", "/library/std/", "/library/core/", "./nptl/", "/sysdeps/"],
        );
    Some((Frame { language: Language::Rust, function: plain(symbol), file, line: number, library: false }, library))
}

/// Without the hash and `{{closure}}`; `<T as Trait>::f` stays.
fn plain(symbol: &[u8]) -> Cow<'_, [u8]> {
    let hash = |s: &[u8]| s.len() == 16 && s.iter().all(u8::is_ascii_hexdigit);
    let mut end = symbol.len();
    loop {
        let head = symbol.get(..end).unwrap_or_default();
        let Some(at) = memchr::memmem::rfind(head, b"::") else { break };
        let tail = head.get(at + 2..).unwrap_or_default();
        let noise =
            tail.strip_prefix(b"h").is_some_and(hash) || tail.starts_with(b"{{closure}}") || tail.starts_with(b"{closure");
        if !noise {
            break;
        }
        end = at;
    }
    Cow::Borrowed(symbol.get(..end).unwrap_or(symbol))
}

/// `thread 'main' panicked at src/main.rs:3:5:` and the message on the next line (or in quotes, before 1.73), or anyhow's
/// `Error: message`.
pub(super) fn exception(text: &[u8]) -> Option<(&[u8], &[u8])> {
    super::lines(text).take(32).find_map(|(line, rest)| {
        if let Some(after) = text::after(line, b" panicked at ") {
            let old = after.strip_prefix(b"'").and_then(|a| a.get(..memchr::memmem::rfind(a, b"', ")?));
            return Some((&b"panic"[..], old.unwrap_or_else(|| text::first_line(rest).0)));
        }
        line.strip_prefix(b"Error: ").map(|message| (&b"Error"[..], message))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{shown, thrown};

    #[test]
    fn backtraces_are_read() {
        let text = "thread 'main' panicked at src/main.rs:31:39:\nno connection\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/90b35a/library/std/src/panicking.rs:645:5\n   1: shop::dao::load::{{closure}}::h0123456789abcdef\n             at ./src/dao.rs:31:39\n   2: <shop::Web as tower::Service>::call\n             at ./src/web.rs:7:1\n   3: tokio::runtime::park::run\n             at /root/.cargo/registry/src/index/tokio-1.35/src/park.rs:1:1\n   4: main";
        assert_eq!(shown(text), ["shop::dao::load ./src/dao.rs:31", "<shop::Web as tower::Service>::call ./src/web.rs:7"]);
        assert_eq!(thrown(text), "panic|no connection");
    }

    #[test]
    fn causes_are_no_calls() {
        assert!(shown("Error: a\n\nCaused by:\n    0: b failed\n    1: c").is_empty());
        assert_eq!(thrown("thread 'a' panicked at 'boom', src/x.rs:1:2\n   0: shop::f\n"), "panic|boom");
    }
}
