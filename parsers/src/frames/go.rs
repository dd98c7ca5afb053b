//! Go panics and dumps: a function, and on the next line `\t/path/file.go:9 +0x1d`; innermost first.

use super::{Frame, Language, Read, Reader, begins, holds};
use crate::prim::text;
use std::borrow::Cow;

pub(super) static READER: Reader = Reader { language: Language::Go, reversed: false, last_block: false, read };

fn read<'a>(line: &'a [u8], rest: &'a [u8]) -> Read<'a> {
    if line.starts_with(b"goroutine ") && line.ends_with(b":") {
        return Read::Break;
    }
    frame(line, rest).map_or(Read::Other, |(frame, library)| Read::Call(frame, library))
}

fn frame<'a>(line: &'a [u8], rest: &'a [u8]) -> Option<(Frame<'a>, bool)> {
    let (place, _) = text::first_line(rest);
    let place = place.strip_prefix(b"\t").or_else(|| place.strip_prefix(b"    "))?.trim_ascii_start();
    let place = text::before(place, b" +0x").unwrap_or(place).trim_ascii_end();
    let (file, number) = super::path_line(place)?;
    (file.ends_with(b".go") || file.ends_with(b".s")).then_some(())?;
    let line = line.trim_ascii();
    let made = line.strip_prefix(b"created by ").map(|l| text::before(l, b" in goroutine").unwrap_or(l));
    let call = made.unwrap_or(line);
    let name = match call.strip_suffix(b")") {
        Some(body) => body.get(..arguments(body)?)?,
        None => call,
    };
    (!name.is_empty() && memchr::memchr(b' ', name).is_none() && memchr::memchr(b'.', name).is_some()).then_some(())?;
    // A package of the standard library has no dot in its path's first element.
    let first = name.split(|b| *b == b'/').next().unwrap_or_default();
    let slashed = memchr::memchr(b'/', name).is_some();
    let package = first.split(|b| *b == b'.').next().unwrap_or_default();
    let standard = if slashed {
        memchr::memchr(b'.', first).is_none() && holds(file, &["/go/src/", "/src/runtime/"])
    } else {
        begins(file, &["/usr/local/go/src/", "/usr/lib/go"]) || holds(file, &["/go/src/runtime/"])
    };
    let library = standard
        || package == b"runtime"
        || begins(name, &["database/sql", "net/http", "runtime/", "internal/", "reflect.", "testing.", "sync.", "panic("])
        || holds(file, &["/pkg/mod/", "/vendor/", "/usr/local/go/src/", "/libexec/src/", "/hostedtoolcache/go/"])
        || made.is_some();
    Some((Frame { language: Language::Go, function: plain(name), file, line: number, library: false }, library))
}

/// Where the list of arguments of a call begins: the last bracket that is balanced to the end.
fn arguments(body: &[u8]) -> Option<usize> {
    let mut depth = 1usize;
    for (at, byte) in body.iter().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// Without `.func1.2` and `-fm`, `[...]` of type parameters, and what `.gowrap1` adds.
fn plain(name: &[u8]) -> Cow<'_, [u8]> {
    let mut end = name.len();
    while let Some(dot) = name.get(..end).and_then(|n| memchr::memrchr(b'.', n)) {
        let tail = name.get(dot + 1..end).unwrap_or_default();
        let digits = |t: &[u8]| t.iter().all(u8::is_ascii_digit);
        let closure =
            tail.strip_prefix(b"func").or_else(|| tail.strip_prefix(b"gowrap")).is_some_and(|t| !t.is_empty() && digits(t));
        if !(closure || (!tail.is_empty() && digits(tail))) {
            break;
        }
        end = dot;
    }
    let name = name.get(..end).unwrap_or(name);
    let name = name.strip_suffix(b"-fm").unwrap_or(name);
    match memchr::memmem::find(name, b"[...]") {
        Some(at) => Cow::Owned([name.get(..at).unwrap_or_default(), name.get(at + 5..).unwrap_or_default()].concat()),
        None => Cow::Borrowed(name),
    }
}

/// `panic: message` or `fatal error: message`.
pub(super) fn exception(text: &[u8]) -> Option<(&[u8], &[u8])> {
    super::lines(text).find_map(|(line, _)| {
        let at = ["panic: ", "fatal error: "].into_iter().find(|word| line.starts_with(word.as_bytes()))?;
        let (name, message) = line.split_at_checked(at.len() - 2)?;
        let message = message.get(2..)?;
        Some((name, message.strip_suffix(b" [recovered]").unwrap_or(message)))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{shown, thrown};

    #[test]
    fn panics_are_read() {
        let text = "panic: runtime error: index out of range\n\ngoroutine 7 [running]:\npanic({0x4a, 0xc0})\n\t/usr/local/go/src/runtime/panic.go:884 +0x1d\nmain.(*Repo).FindOrder.func1(...)\n\t/app/main.go:9 +0x1d\ngithub.com/acme/shop/web.Handle({0x1, 0x2}, 0x3)\n\t/app/web/web.go:31 +0x44\nnet/http.HandlerFunc.ServeHTTP(0x1)\n\t/usr/local/go/src/net/http/server.go:2122 +0x2f\ngithub.com/gorilla/mux.(*Router).ServeHTTP(0x1)\n\t/root/go/pkg/mod/github.com/gorilla/mux@v1.8.0/mux.go:210 +0x1c5\ncreated by net/http.(*Server).Serve in goroutine 1\n\t/usr/local/go/src/net/http/server.go:3086 +0x5cb";
        assert_eq!(
            shown(text),
            ["main.(*Repo).FindOrder /app/main.go:9", "github.com/acme/shop/web.Handle /app/web/web.go:31"]
        );
        assert_eq!(thrown(text), "panic|runtime error: index out of range");
    }

    #[test]
    fn type_parameters_are_dropped() {
        assert_eq!(shown("main.Map[...](0x1)\n\t/app/m.go:3 +0x1"), ["main.Map /app/m.go:3"]);
        assert_eq!(shown("main.load\n\t/app/m.go:3"), ["main.load /app/m.go:3"]);
    }
}
